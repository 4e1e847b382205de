//! Errors of the command line, in the usual form.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command, CommandFactory};

use super::Cli;
use diagnostics::{Code, Error, one_line};

/// Returns clap's error, with the nearest valid word, and where to read more.
pub fn error(error: &clap::Error, args: &[OsString]) -> Error {
    let text = error.render().to_string();
    let cause = text.split("\n\n").next().unwrap_or_default();
    let cause = cause.strip_prefix("error: ").unwrap_or(cause);
    let (line, command) = command(args);
    let read_on = format!("read: {line} --help");
    let is_hidden = |flag: &str| {
        let hidden = command.get_arguments().filter(|argument| argument.is_hide_set());
        hidden
            .filter_map(Arg::get_long)
            .any(|long| flag.strip_prefix("--") == Some(long))
    };
    let hint = match action_of_helper(error).or_else(|| meant(error)) {
        // Hidden flags exist only to be refused with a reason.
        Some(names) if names.iter().any(|name| is_hidden(name)) => read_on,
        Some(names) => format!("did you mean {}? Otherwise {read_on}", names.join(" or ")),
        None => tip(&text).map_or(read_on.clone(), |tip| format!("{tip}; {read_on}")),
    };
    Error::usage(Code::CommandLine, "the command line", cause).hint(hint)
}

/// Returns what was probably meant, the nearest first, if something is near enough.
fn meant(error: &clap::Error) -> Option<Vec<String>> {
    const NEAREST: [ContextKind; 3] = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ];
    let nearest = NEAREST.into_iter().find_map(|kind| error.get(kind))?;
    let names = match nearest {
        ContextValue::String(name) => vec![name.clone()],
        ContextValue::Strings(names) => names.iter().rev().cloned().collect(),
        _ => return None,
    };
    (!names.is_empty()).then_some(names)
}

/// Suggests the helper for its actions, which are not commands themselves, though docker calls them so.
fn action_of_helper(error: &clap::Error) -> Option<Vec<String>> {
    match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(name)) if matches!(name.as_str(), "store" | "erase" | "list") => {
            Some(vec![format!("helper {name}")])
        }
        _ => None,
    }
}

/// Returns other advice of clap's.
fn tip(text: &str) -> Option<String> {
    let tips = text.lines().filter_map(|line| line.trim().strip_prefix("tip: "));
    tips.map(one_line).next()
}

/// Returns the command of the error, as it is typed, and its definition.
fn command(args: &[OsString]) -> (String, Command) {
    let cli = Cli::command();
    let (mut line, mut command) = (cli.get_name().to_owned(), &cli);
    for word in args.iter().skip(1).take_while(|word| *word != "--") {
        if let Some(next) = command.find_subcommand(word) {
            command = next;
            line = format!("{line} {}", next.get_name());
        }
    }
    (line, command.clone())
}
