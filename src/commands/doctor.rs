//! `doctor`: shows what would happen at a pull, and why it fails.

use std::cell::RefCell;
use std::ffi::OsString;
use std::path::Path;
use std::rc::Rc;

use clap::{Arg, Args, Command};
use serde::Serialize;

use super::identity::IdentityArgs;
use crate::doctor::{self, Check, DoctorRequest, Redactor, Report, ReportStyle, SharedRedactor};
use context::{Context, Verbosity, variables};
use diagnostics::{Code, Error, Exit, PAGE, Result, one_line};
use ecr_registry::{Registry, parse_region};
use settings::table::TOKEN_COMMAND;

/// Says, check by check and in the order a pull happens, what would happen and why it fails. It changes nothing
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DoctorArgs {
    /// Images, or registries as setup takes them [default: the registries that are configured, else the caller's own]
    #[arg(value_name = "IMAGE|REGISTRY")]
    subjects: Vec<String>,
    /// Begin an upload to the image's repository, and cancel it: ECR may create a missing repository if a creation template says so
    #[arg(long)]
    check_push: bool,
    /// Print JSON, as docs/doctor.schema.json describes it
    #[arg(long)]
    json: bool,
    /// Replace accounts, users, hosts, roles and projects by words, so that you can publish the report and its errors
    #[arg(long)]
    redact: bool,
    #[command(flatten)]
    identity: IdentityArgs,
}

const EXAMPLES: &str = "Examples:
  ecr-auth doctor                                  all that is configured
  ecr-auth doctor 111122223333/eu-west-1 public    these registries
  ecr-auth doctor --redact 111122223333/eu-west-1  for a public issue
  ecr-auth doctor 111122223333.dkr.ecr.eu-west-1.amazonaws.com/app:1.0

Exit status: 0, or 1 if a pull would fail.";

/// The report as JSON.
#[derive(Serialize)]
struct DoctorDocument<'a> {
    /// The version of this format.
    version: u32,
    ecr_auth: &'static str,
    ok: bool,
    checks: &'a [Check],
}

/// Makes the checks and prints their results.
///
/// # Errors
/// A usage error, or stdout cannot be written.
pub fn run(
    args: &DoctorArgs,
    config: Option<&Path>,
    redactor: Option<SharedRedactor>,
    context: &mut Context<'_>,
) -> Result<Exit> {
    let redactor = redactor.filter(|_| args.redact);
    if redactor.is_some() {
        // Verbose details would show names that cannot be known in advance.
        context.verbosity = context.verbosity.min(Verbosity::Normal);
    }
    let flags = flags(&args.identity);
    let asked = DoctorRequest {
        subjects: &args.subjects,
        config,
        region: args.identity.region(),
        identity: &|rule| args.identity.identity(rule),
        check_push: args.check_push,
        flags: flags.as_deref(),
    };
    if args.check_push {
        context.say("--check-push begins an upload and cancels it; where a repository creation template says so, ECR makes the repository");
    }
    let mut report = doctor::run(&asked, context)?;
    if let Some(redactor) = redactor {
        redact(&mut report, &mut redactor.borrow_mut());
    }
    make_inert(&mut report);
    let text = match args.json {
        true => json(&report)?,
        false => doctor::text(&report, style(context)),
    };
    let written = context
        .stdout
        .write_all(text.as_bytes())
        .and_then(|()| context.stdout.flush());
    written.map_err(|error| Error::failed(Code::ResultNotWritten, "cannot write the report", error))?;
    match report.skipped() {
        0 => {}
        1 => context.say("1 check was skipped: it depends on what failed"),
        skipped => context.say(&format!("{skipped} checks were skipped: they depend on what failed")),
    }
    Ok(if report.has_failed() { Exit::Failed } else { Exit::Done })
}

/// Returns the identity's flags for a later run, if they can be written as text. A command that prints a token is left out, because it may hold a
/// secret.
fn flags(identity: &IdentityArgs) -> Option<Vec<String>> {
    let mut values = identity.0.clone();
    values.remove(&[&TOKEN_COMMAND]);
    values.to_args().ok()
}

/// With `--redact`, also replaces names in every message, including messages about the command line. This is done before the command line is
/// parsed, so all of its words are treated as names.
pub fn redact_messages(args: &[OsString], context: &mut Context<'_>) -> Option<SharedRedactor> {
    let args: Vec<_> = args.iter().skip(1).map(|arg| arg.to_string_lossy()).collect();
    let is_doctor = args.iter().any(|arg| arg == "doctor");
    // `--redact` takes no value, but with one it is recognised too.
    if !is_doctor || !args.iter().any(|arg| arg.starts_with("--redact")) {
        return None;
    }
    let flags = flags_of_doctor();
    let names: Vec<String> = args.iter().flat_map(|arg| names_in(arg, &flags)).collect();
    let redactor = Rc::new(RefCell::new(Redactor::new(&context.env, &names)));
    let shared = Rc::clone(&redactor);
    let link = format!("see: {PAGE}");
    context.stderr.rewrite_with(move |line| match line.starts_with(&link) {
        true => line.to_owned(),
        false => redactor.borrow_mut().redact(line),
    });
    Some(shared)
}

/// The most characters of a refused argument that a message shows.
const LONGEST_SHOWN: usize = 120;

/// The flags of every command.
const GLOBAL_FLAGS: [&str; 5] = ["config", "help", "quiet", "verbose", "version"];

/// Returns the long flags that doctor has, which are no names.
fn flags_of_doctor() -> Vec<String> {
    let mut command = DoctorArgs::augment_args(Command::new("doctor"));
    command.build();
    let own = command.get_arguments().filter_map(Arg::get_long).map(str::to_owned);
    own.chain(GLOBAL_FLAGS.map(str::to_owned)).collect()
}

/// Returns the names in an argument, in the forms that messages may use: whole, in parts, in lower case, without invisible characters. A flag that
/// doctor does not have may be a name.
fn names_in(arg: &str, flags: &[String]) -> Vec<String> {
    let value = match arg
        .strip_prefix("--")
        .map(|flag| flag.split_once('=').unwrap_or((flag, "")))
    {
        Some((flag, value)) if flags.iter().any(|known| known == flag) => value,
        Some((flag, value)) => {
            let of_flag = [format!("--{flag}"), flag.to_owned()];
            return of_flag.into_iter().chain(names_in(value, flags)).collect();
        }
        None => arg,
    };
    // Folders are recognised by the path's `/`.
    let value = value
        .rsplit('/')
        .next()
        .filter(|_| value.starts_with('/'))
        .unwrap_or(value);
    let parts = value.split(|c: char| !(c.is_alphanumeric() || "._-".contains(c)));
    let labels = value.split(|c: char| !(c.is_alphanumeric() || "_-".contains(c)));
    let all = parts.chain(labels).chain([value]).flat_map(|name| {
        // Messages shorten long arguments.
        let start: String = name.chars().take(LONGEST_SHOWN).collect();
        [name.to_owned(), name.to_lowercase(), one_line(name), start]
    });
    all.filter(|name| is_name(name)).collect()
}

/// Whether a word may be a private name. Words of the command line and of ECR's hosts are not. Regions and accounts are left to the redactor, which
/// recognises them.
fn is_name(word: &str) -> bool {
    const OURS: [&str; 17] = [
        "amazonaws",
        "arn",
        "auto",
        "aws",
        "chain",
        "cognito",
        "com",
        "dkr",
        "doctor",
        "ecr",
        "ecr-auth",
        "iam",
        "oidc",
        "public",
        "registry",
        "role",
        "sts",
    ];
    let is_account = word.len() == 12 && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_known = is_account || parse_region(word).is_ok() || Registry::parse(word).is_some();
    !is_known && !OURS.contains(&word) && !word.starts_with('-')
}

/// Makes the report inert: it quotes servers, files and tokens, and a CI reads it, even as JSON.
fn make_inert(report: &mut Report) {
    for check in &mut report.checks {
        check.finding = one_line(&check.finding);
        check.registry = check.registry.as_deref().map(one_line);
        check.hint = check.hint.as_deref().map(|hint| for_each_line(hint, one_line));
    }
}

fn for_each_line(text: &str, change: impl FnMut(&str) -> String) -> String {
    text.lines().map(change).collect::<Vec<_>>().join("\n")
}

/// Returns the report's style. Colours are only used on a terminal that shows them, if they are not switched off.
fn style(context: &Context<'_>) -> ReportStyle {
    let env = &context.env;
    let is_wanted = env.get(variables::NO_COLOR).is_none() && env.get(variables::TERM) != Some("dumb");
    ReportStyle {
        is_quiet: context.verbosity == Verbosity::Quiet,
        is_coloured: cfg!(unix) && context.stdout_is_terminal && is_wanted,
    }
}

fn redact(report: &mut Report, redactor: &mut Redactor) {
    redactor.learn(std::mem::take(&mut report.names));
    report.again.change_names(|text| redactor.redact(text));
    for check in &mut report.checks {
        check.finding = redactor.redact(&check.finding);
        check.registry = check.registry.as_deref().map(|registry| redactor.redact(registry));
        check.hint = check
            .hint
            .as_deref()
            .map(|hint| for_each_line(hint, |line| redactor.redact(line)));
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
