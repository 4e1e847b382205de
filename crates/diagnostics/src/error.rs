//! Error messages: what failed, why, what to do about it, where to read more, and the exit status for scripts.

use std::fmt;
use std::path::Path;

use crate::inert::{one_line, one_line_but_for};
use crate::mention::{Mention, has_mention, is_mark, named};
use crate::{Code, MessageWriter};

/// The result of everything that can fail in ecr-auth.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: it failed.
    Failed,
    /// 2: the command line or the configuration is wrong.
    Usage,
    /// The status of a command that was run: up to 255, on Windows 32 bits.
    OfCommand(i32),
}

impl Exit {
    /// Returns the exit status of the process.
    pub fn code(self) -> i32 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::OfCommand(status) => status,
        }
    }
}

/// An error message: `error: <what failed>: <cause> [EA0012]`, then `hint: <what to do>` if there is something to do, then `see: <the code's
/// section on the troubleshooting page>`.
///
/// A part may mention settings, each as a [`Mention`]. By default the error names them as files do. [`Error::named`] gives them the names of
/// another surface.
///
/// No part may ever hold a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    code: Code,
    exit: Exit,
    what: ErrorPart,
    cause: ErrorPart,
    hint: Option<ErrorPart>,
}

/// One part of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ErrorPart {
    shown: Box<str>,
    /// The text with its mentions, if it has any.
    template: Option<Box<str>>,
}

impl ErrorPart {
    fn new(text: &str) -> Self {
        Self::from_template(one_line_but_for(text, is_mark))
    }

    fn from_template(text: String) -> Self {
        match has_mention(&text) {
            true => Self {
                shown: named(&text, &|mention| mention.plain()).into(),
                template: Some(text.into()),
            },
            false => Self {
                shown: text.into(),
                template: None,
            },
        }
    }

    /// Returns a part of several lines. Text from outside cannot add further lines.
    fn of_lines(lines: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let lines = lines.into_iter();
        let lines: Vec<String> = lines.map(|line| one_line_but_for(line.as_ref(), is_mark)).collect();
        Self::from_template(lines.join("\n"))
    }

    fn named(&mut self, name: &dyn Fn(Mention<'_>) -> String) {
        if let Some(template) = &self.template {
            *self = Self::from_template(named(template, name));
        }
    }

    fn template(&self) -> &str {
        self.template.as_deref().unwrap_or(&self.shown)
    }
}

impl Error {
    /// Returns the error of something that failed (exit status 1).
    pub fn failed(code: Code, what: impl Into<String>, cause: impl fmt::Display) -> Self {
        Self {
            code,
            exit: Exit::Failed,
            what: ErrorPart::new(&what.into()),
            cause: ErrorPart::new(&cause.to_string()),
            hint: None,
        }
    }

    /// Returns the error of a wrong command line or configuration (exit status 2).
    pub fn usage(code: Code, what: impl Into<String>, cause: impl fmt::Display) -> Self {
        Self {
            exit: Exit::Usage,
            ..Self::failed(code, what, cause)
        }
    }

    /// Sets the hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(ErrorPart::new(&hint.into()));
        self
    }

    /// Sets a hint of several short lines.
    #[must_use]
    pub fn hint_lines(mut self, lines: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.hint = Some(ErrorPart::of_lines(lines));
        self
    }

    /// Replaces `what`, and keeps the cause and the hint.
    #[must_use]
    pub fn about(mut self, what: impl Into<String>) -> Self {
        self.what = ErrorPart::new(&what.into());
        self
    }

    /// Replaces each mentioned setting by the name that a surface has for it. A mention whose name is the mention itself is left to the next surface.
    #[must_use]
    pub fn named(mut self, name: &dyn Fn(Mention<'_>) -> String) -> Self {
        self.what.named(name);
        self.cause.named(name);
        self.hint.iter_mut().for_each(|hint| hint.named(name));
        self
    }

    /// Returns what failed, the cause and the hint with their mentions, so that an error made from these texts can be named again.
    pub fn templates(&self) -> (&str, &str, Option<&str>) {
        let hint = self.hint.as_ref().map(ErrorPart::template);
        (self.what.template(), self.cause.template(), hint)
    }

    /// Changes the code, if more is known now than when the error was made.
    #[must_use]
    pub fn with_code(self, code: Code) -> Self {
        Self { code, ..self }
    }

    /// Sets the exit status, such as that of an error that this one explains.
    #[must_use]
    pub fn with_exit(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }

    /// Returns the error's code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Returns the exit status.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Returns what failed, without the cause.
    pub fn what(&self) -> &str {
        &self.what.shown
    }

    /// Returns the cause, in one line.
    pub fn cause(&self) -> &str {
        &self.cause.shown
    }

    /// Returns the hint, if there is one: one line, or several.
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_ref().map(|hint| hint.shown.as_ref())
    }

    /// Returns the error in one line, for clients that show one line: with its hint only if the code needs it.
    pub fn in_one_line(&self) -> String {
        let hint = self.hint_text().filter(|_| self.code.needs_its_hint());
        let hint = hint.map(|hint| format!("; {}", one_line(hint)));
        format!("{self}{}", hint.unwrap_or_default())
    }

    /// Prints the error with its hint and the address of its section. A closed stderr is ignored.
    pub fn report(&self, stderr: &mut MessageWriter<'_>) {
        let _ = stderr.line(&format!("error: {self}"));
        if let Some(hint) = self.hint_text() {
            for line in shown_hint(hint) {
                let _ = stderr.line(&line);
            }
        }
        let _ = stderr.line(&format!("see: {}", self.code.link()));
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.what(), self.cause(), self.code)
    }
}

impl std::error::Error for Error {}

/// Returns the lines of a hint as they are shown: the first after `hint: `, the others below it.
pub fn shown_hint(hint: &str) -> impl Iterator<Item = String> {
    let lines = hint.lines().enumerate();
    lines.map(|(at, line)| {
        if at == 0 {
            format!("hint: {line}")
        } else {
            format!("    {line}")
        }
    })
}

/// Returns an address without a `user:password@`.
pub fn without_userinfo(url: &str) -> String {
    // The last '@' is used, because a password may hold unescaped characters.
    let Some((userinfo, rest)) = url.rsplit_once('@') else {
        return url.to_owned();
    };
    let scheme = userinfo.split_once("://").map(|(scheme, _)| format!("{scheme}://"));
    format!("{}{rest}", scheme.unwrap_or_default())
}

/// Returns the text of a path, for other programs that take only Unicode.
///
/// # Errors
/// A usage error if the path is not Unicode.
pub fn unicode_path(path: &Path) -> Result<&str> {
    let text = path.to_str();
    text.ok_or_else(|| Error::usage(Code::NotReadable, path.to_string_lossy(), "this path is not Unicode"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mention;

    #[test]
    fn reports_what_cause_and_hint() {
        let mut out = Vec::new();
        Error::failed(Code::NotReadable, "cannot read x", "no\nsuch\tfile")
            .hint("make one")
            .report(&mut MessageWriter::new(&mut out));
        assert_eq!(
            String::from_utf8_lossy(&out),
            format!(
                "error: cannot read x: no such file [EA0803]\nhint: make one\nsee: {}#ea0803\n",
                crate::PAGE
            )
        );
    }

    #[test]
    fn every_part_is_one_line() {
        let error = Error::failed(Code::Profile, "profile a\nb", "c\r\nd").hint("e\x1b[2J\nf");
        assert_eq!(error.to_string(), "profile a b: c d [EA0303]");
        assert_eq!(error.hint_text(), Some("e [2J f"));
    }

    #[test]
    fn a_long_hint_is_several_lines_and_no_other_text_adds_one() {
        let role = Mention::new("role-arn");
        let error = Error::failed(Code::TrustPolicy, "a", "b")
            .hint_lines([format!("give {role}:"), "x\n::error::y".to_owned()]);
        assert_eq!(error.hint_text(), Some("give role-arn:\nx ::error::y"));
        let (.., hint) = error.templates();
        let again = Error::failed(Code::TrustPolicy, "a", "b").hint_lines(hint.unwrap().lines());
        assert_eq!(again, error);
        let mut out = Vec::new();
        error.report(&mut MessageWriter::new(&mut out));
        let said = String::from_utf8_lossy(&out).into_owned();
        assert!(
            said.contains("\nhint: give role-arn:\n    x ::error::y\nsee: "),
            "{said}"
        );
    }

    #[test]
    fn settings_have_the_names_of_the_surface_that_shows_them() {
        let source = Mention {
            setting: "source",
            value: Some("chain"),
        };
        let role = Mention::new("role-arn");
        let error = Error::usage(Code::Role, source.to_string(), "no role").hint(format!("give {role}, or {source}"));
        assert_eq!(error.to_string(), "source: chain: no role [EA0007]");
        assert_eq!(error.hint_text(), Some("give role-arn, or source: chain"));
        let flag = |mention: Mention<'_>| format!("--{} {}", mention.setting, mention.value.unwrap_or_default());
        let (what, cause, hint) = error.templates();
        let again = Error::usage(error.code(), what, cause).hint(hint.unwrap());
        for error in [error.clone(), again] {
            let named = error.named(&flag);
            assert_eq!(named.to_string(), "--source chain: no role [EA0007]");
            assert_eq!(named.hint_text(), Some("give --role-arn , or --source chain"));
        }
        let literals = concat!("give ", mention!("role-arn"), ", or ", mention!("source", "chain"));
        assert_eq!(error.clone().hint(literals), error);
        let some = error.clone().named(&|mention| match mention.setting {
            "source" => "the source".to_owned(),
            _ => mention.to_string(),
        });
        let all = some.named(&flag);
        assert_eq!(all.to_string(), "the source: no role [EA0007]");
        assert_eq!(all.hint_text(), Some("give --role-arn , or the source"));
        assert_eq!(error.about("input x").to_string(), "input x: no role [EA0007]");
    }

    #[test]
    fn addresses_are_shown_without_passwords() {
        for (url, shown) in [
            ("http://user:s3cret@host:80/p", "http://host:80/p"),
            ("http://user:s3/cr@et@host", "http://host"),
            ("user:s3cret@host", "host"),
            ("https://host/p", "https://host/p"),
            ("no address", "no address"),
        ] {
            assert_eq!(without_userinfo(url), shown);
        }
    }

    #[test]
    fn exit_codes() {
        assert_eq!(Error::failed(Code::System, "a", "b").exit().code(), 1);
        assert_eq!(Error::usage(Code::Options, "a", "b").exit().code(), 2);
        assert_eq!(Exit::Done.code(), 0);
    }
}
