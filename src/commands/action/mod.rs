//! `ecr-auth action main|post`: the two steps of the GitHub Action, as action.yml describes them. The shim in action/ finds and
//! runs the binary; all else is here.

mod container;
mod credentials;
mod docker_config;
mod exports;
mod inputs;
mod job;
mod main;
mod post;
mod principal;
mod registries;
mod results;
mod summary;
mod undo;
mod uses;

use clap::ValueEnum;

use ci::github::{AnnotationLevel, annotation};
use context::{Context, Progress, Verbosity, variables};
use diagnostics::{Error, Exit};
use settings::Surface;

/// A step of the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ActionStep {
    /// Signs the job in
    Main,
    /// Takes back what main did; it never fails
    Post,
}

/// Runs one of the steps. An error is one annotation of the run.
pub fn run(step: ActionStep, context: &mut Context<'_>) -> Exit {
    // The runner reads lines, also where it gives its steps a terminal (act does): what is taken back would stand before a command of ours.
    context.progress = Progress::default();
    // Somebody has switched debug logging on for this run.
    if context.env.is_true(variables::RUNNER_DEBUG) {
        context.verbosity = Verbosity::Debug;
    }
    match step {
        ActionStep::Main => match main::run(context) {
            Ok(()) => Exit::Done,
            Err(error) => {
                annotate(AnnotationLevel::Error, &error, context);
                Exit::Failed
            }
        },
        ActionStep::Post => {
            post::run(context);
            Exit::Done
        }
    }
}

/// Shows an error in the run's summary, in the form of all of ecr-auth's: what failed, why, and what to do about it.
fn annotate(level: AnnotationLevel, error: &Error, context: &mut Context<'_>) {
    let error = Surface::Action.tell(error.clone());
    let hint = error.hint_text().filter(|hint| !hint.is_empty());
    let hint = hint.map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    let text = format!("{error}{hint}\nsee: {}", error.code().link());
    // A runner that reads no more has no use for it either.
    let _ = writeln!(context.stdout, "{}", annotation(level, "ecr-auth", &text));
    let _ = context.stdout.flush();
}
