//! `doctor`: what would happen at a pull, and why it fails.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::identity::IdentityArgs;
use crate::doctor::{self, Check, DoctorRequest, Redactor, Report};
use context::Context;
use diagnostics::{Code, Error, Exit, Result, one_line};

/// Says, check by check and in the order a pull happens, what would happen and why it fails. It changes nothing
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DoctorArgs {
    /// An image, or a registry as setup takes it [default: the registries that are configured, else the caller's own]
    #[arg(value_name = "IMAGE|REGISTRY")]
    subject: Option<String>,
    /// Begin an upload to the image's repository, and cancel it: ECR may make a repository that isn't there, where a creation template says so
    #[arg(long)]
    check_push: bool,
    /// Print JSON, as docs/doctor.schema.json describes it
    #[arg(long)]
    json: bool,
    /// Put words for accounts, users, hosts, roles and projects, so that the report may be shown to anybody
    #[arg(long)]
    redact: bool,
    #[command(flatten)]
    identity: IdentityArgs,
}

const EXAMPLES: &str = "Examples:
  ecr-auth doctor                                                       all that is configured
  ecr-auth doctor 111122223333.dkr.ecr.eu-west-1.amazonaws.com/app:1.0  one image
  ecr-auth doctor --redact 111122223333/eu-west-1                       for a public issue

Exit status: 0, or 1 if a pull would fail.";

/// The report as JSON.
#[derive(Serialize)]
struct DoctorDocument<'a> {
    /// Of this form.
    version: u32,
    ecr_auth: &'static str,
    ok: bool,
    checks: &'a [Check],
}

/// Makes the checks and prints what they found.
///
/// # Errors
/// Usage errors; a stdout that can't be written to.
pub fn run(args: &DoctorArgs, config: Option<&Path>, context: &mut Context<'_>) -> Result<Exit> {
    let asked = DoctorRequest {
        subject: args.subject.as_deref(),
        config,
        region: args.identity.region(),
        identity: &|rule| args.identity.identity(rule),
        check_push: args.check_push,
    };
    if args.check_push {
        context.say("--check-push begins an upload and cancels it; where a repository creation template says so, ECR makes the repository");
    }
    let mut report = doctor::run(&asked, context)?;
    if args.redact {
        redact(&mut report, context);
    }
    make_inert(&mut report);
    let text = match args.json {
        true => json(&report)?,
        false => lines(&report),
    };
    let written = context
        .stdout
        .write_all(text.as_bytes())
        .and_then(|()| context.stdout.flush());
    written.map_err(|error| Error::failed(Code::ResultNotWritten, "cannot write the report", error))?;
    match report.skipped() {
        0 => {}
        skipped => context.say(&format!("{skipped} checks were skipped: they depend on what failed")),
    }
    Ok(if report.has_failed() { Exit::Failed } else { Exit::Done })
}

/// What the checks quote is a server's, a file's or a token's: a CI reads the report, as JSON too.
fn make_inert(report: &mut Report) {
    for check in &mut report.checks {
        check.finding = one_line(&check.finding);
        for text in [&mut check.registry, &mut check.hint].into_iter().flatten() {
            *text = one_line(text);
        }
    }
}

fn redact(report: &mut Report, context: &Context<'_>) {
    let mut redactor = Redactor::new(&context.env, &report.names);
    for check in &mut report.checks {
        check.finding = redactor.redact(&check.finding);
        for text in [&mut check.registry, &mut check.hint].into_iter().flatten() {
            *text = redactor.redact(text);
        }
    }
}

fn json(report: &Report) -> Result<String> {
    let document = DoctorDocument {
        version: 1,
        ecr_auth: env!("CARGO_PKG_VERSION"),
        ok: !report.has_failed(),
        checks: &report.checks,
    };
    let text = serde_json::to_string_pretty(&document)
        .map_err(|error| Error::failed(Code::ResultNotWritten, "cannot write the report", error))?;
    Ok(text + "\n")
}

/// A line a check, its sign first, and the way out on the next.
fn lines(report: &Report) -> String {
    let mut text = String::new();
    for check in &report.checks {
        let Some(mark) = check.outcome.mark() else { continue };
        let of = check
            .registry
            .as_ref()
            .map_or_else(String::new, |registry| format!("{registry}: "));
        text += &format!("{mark} {}: {of}{}\n", check.id, check.finding);
        if let Some(hint) = &check.hint {
            text += &format!("    {hint}\n");
        }
    }
    text
}
