//! `ecr-auth action main|post`: the two steps of the GitHub Action, as action.yml describes them. The shim in action/ only finds and runs the
//! binary.

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

/// Runs one of the steps. An error becomes one annotation of the run.
pub fn run(step: ActionStep, context: &mut Context<'_>) -> Exit {
    // The runner reads lines, even if it gives its steps a terminal (act does). Clearing a progress line would come before a command of ours.
    context.progress = Progress::default();
    // A user has enabled debug logging for this run.
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

/// Shows an error in the run's summary, in the usual form: what failed, why, and what to do about it.
fn annotate(level: AnnotationLevel, error: &Error, context: &mut Context<'_>) {
    let error = Surface::Action.tell(inputs::in_given_names(error.clone(), &context.env));
    let hint = error.hint_text().filter(|hint| !hint.is_empty());
    let hint = hint.map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    let text = format!("{error}{hint}\nsee: {}", error.code().link());
    // If the runner no longer reads, the annotation is dropped.
    let _ = writeln!(context.stdout, "{}", annotation(level, "ecr-auth", &text));
    let _ = context.stdout.flush();
}
