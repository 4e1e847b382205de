//! A command line that can't be read, in the form that all errors have.

use std::ffi::OsString;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue};

use super::Cli;
use crate::code::Code;
use crate::error::{Error, one_line};

/// The error of clap's, with the nearest thing that there is, and where to read on.
pub fn error(error: &clap::Error, args: &[OsString]) -> Error {
    let text = error.render().to_string();
    let cause = text.split("\n\n").next().unwrap_or_default();
    let cause = cause.strip_prefix("error: ").unwrap_or(cause);
    let read_on = format!("read: {} --help", command(args));
    let hint = match meant(error).or_else(|| action_of_helper(error)) {
        Some(question) => format!("{question} Otherwise {read_on}"),
        None => tip(&text).map_or(read_on.clone(), |tip| format!("{tip}; {read_on}")),
    };
    Error::usage(Code::CommandLine, "the command line", cause).hint(hint)
}

/// What was meant, the nearest first, where anything is near enough.
fn meant(error: &clap::Error) -> Option<String> {
    const NEAREST: [ContextKind; 3] = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ];
    let nearest = NEAREST.into_iter().find_map(|kind| error.get(kind))?;
    let names = match nearest {
        ContextValue::String(name) => vec![name.as_str()],
        ContextValue::Strings(names) => names.iter().rev().map(String::as_str).collect(),
        _ => return None,
    };
    (!names.is_empty()).then(|| format!("did you mean {}?", names.join(" or ")))
}

/// The helper's actions are no commands of their own, though docker calls them so.
fn action_of_helper(error: &clap::Error) -> Option<String> {
    match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(name)) if matches!(name.as_str(), "get" | "store" | "erase" | "list") => {
            Some(format!("did you mean helper {name}?"))
        }
        _ => None,
    }
}

/// Any other advice of clap's.
fn tip(text: &str) -> Option<String> {
    let tips = text.lines().filter_map(|line| line.trim().strip_prefix("tip: "));
    tips.map(one_line).next()
}

/// The command that it is about, as it is typed.
fn command(args: &[OsString]) -> String {
    let cli = Cli::command();
    let (mut line, mut command) = (cli.get_name().to_owned(), &cli);
    for word in args.iter().skip(1).take_while(|word| *word != "--") {
        if let Some(next) = command.find_subcommand(word) {
            command = next;
            line = format!("{line} {}", next.get_name());
        }
    }
    line
}
