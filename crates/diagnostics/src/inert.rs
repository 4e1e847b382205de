//! Messages that may hold text from outside: a server's, a file's, a token's, an argument's. Such text is made inert: it moves no cursor, hides
//! nothing, and no CI reads a command in it.

use std::fmt;
use std::io::{self, Write};

/// What a CI reads as a command or as the head of a section at the beginning of a line: GitHub's `::` commands, Buildkite's groups.
const BEGINNINGS: [&str; 5] = ["::", "---", "+++", "~~~", "^^^"];

/// Invisible letters and marks, in addition to the characters that the standard library knows by their category. .NET, in which the runners of
/// GitHub and Azure are written, ignores them when it looks for a command.
const UNSEEN: [(char, char); 9] = [
    ('\u{34f}', '\u{34f}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Returns the text as one line of a message. Control characters become blanks, invisible characters are escaped (`\u{200b}`), and what a CI could
/// read as a command is split by a blank: `##[group]` becomes `# #[group]`, and `::error::` at the beginning becomes `: :error::`.
pub fn inert(text: &str) -> String {
    inert_but_for(text, |_| false)
}

/// Returns a value for a message: in quotes if it begins or ends with a blank or a line end, which nobody would see.
pub fn with_its_ends(value: &str) -> String {
    match value.trim() == value {
        true => value.to_owned(),
        false => format!("{value:?}"),
    }
}

/// Returns the text as [`inert`] does, with each run of blanks reduced to one.
pub fn one_line(text: &str) -> String {
    with_single_blanks(&inert(text))
}

/// Returns the text as [`one_line`] does, but keeps the characters that `is_ours` accepts.
pub(crate) fn one_line_but_for(text: &str, is_ours: fn(char) -> bool) -> String {
    with_single_blanks(&inert_but_for(text, is_ours))
}

/// Returns a text of several lines, in which characters that [`inert`] would change are escaped as `escape` writes them: for a language whose
/// readers know the escapes, so that nothing of its meaning changes. Blanks and line ends of ASCII stay.
pub fn escaped(text: &str, escape: impl Fn(char, &mut String)) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut before = None;
    for c in text.chars() {
        let is_plain = matches!(c, ' ' | '\n') || !c.is_control() && !c.is_whitespace() && is_seen(c);
        match is_plain && !(c == '#' && before == Some('#')) {
            true => shown.push(c),
            false => escape(c, &mut shown),
        }
        before = Some(c);
    }
    shown
}

fn with_single_blanks(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn inert_but_for(text: &str, is_ours: fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if is_ours(c) => shown.push(c),
            c if c.is_control() || c.is_whitespace() => shown.push(' '),
            c if !is_seen(c) => shown.extend(c.escape_unicode()),
            // The runners of GitHub, Azure and TeamCity take some commands anywhere in a line. These all begin with '##'.
            '#' if shown.ends_with('#') => shown.push_str(" #"),
            c => shown.push(c),
        }
    }
    let start = shown.len() - shown.trim_start().len();
    if BEGINNINGS.iter().any(|beginning| shown[start..].starts_with(beginning)) {
        shown.insert(start + 1, ' ');
    }
    shown
}

/// Whether a non-blank character is visible. It is not if its category is Cc, Cf, Cn or Co. `escape_debug` knows these, and does not escape a
/// combining mark after another character.
fn is_seen(c: char) -> bool {
    let is_quote = matches!(c, '"' | '\'' | '\\');
    let is_unseen = UNSEEN.iter().any(|(first, last)| (*first..=*last).contains(&c));
    let mut bytes = [b'.'; 5];
    let length = 1 + c.encode_utf8(&mut bytes[1..]).len();
    let behind_another = std::str::from_utf8(&bytes[..length]).unwrap_or_default();
    !is_unseen && (is_quote || behind_another.escape_debug().nth(2).is_none())
}

/// A function that every message passes through before it is written.
type Rewrite = Box<dyn FnMut(&str) -> String>;

/// The output for messages: stderr. Each message is written as one [`inert`] line. Apart from messages, it only takes ecr-auth's own commands to a
/// CI.
pub struct MessageWriter<'a> {
    out: &'a mut dyn Write,
    why_unheard: fn() -> Option<&'static str>,
    rewrite: Option<Rewrite>,
}

impl<'a> MessageWriter<'a> {
    /// Returns a writer to `out`, which a CI is assumed to read.
    pub fn new(out: &'a mut dyn Write) -> Self {
        Self {
            out,
            why_unheard: || None,
            rewrite: None,
        }
    }

    /// Sets the function that returns why no CI reads the output, if none does. It is called when needed.
    #[must_use]
    pub fn unheard_if(self, why_unheard: fn() -> Option<&'static str>) -> Self {
        Self { why_unheard, ..self }
    }

    /// Returns why no CI reads the output, or `None` if one does.
    pub fn why_unheard(&self) -> Option<&'static str> {
        (self.why_unheard)()
    }

    /// Makes each later message pass through `rewrite`.
    pub fn rewrite_with(&mut self, rewrite: impl FnMut(&str) -> String + 'static) {
        self.rewrite = Some(Box::new(rewrite));
    }

    /// Writes one line of a message.
    ///
    /// # Errors
    /// The line cannot be written.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        let rewritten = self.rewrite.as_mut().map(|rewrite| rewrite(text));
        // It is written in one call, so that other processes' text does not come between.
        let line = inert(rewritten.as_deref().unwrap_or(text)) + "\n";
        self.out.write_all(line.as_bytes())
    }

    /// Writes a result that the user sends here, unchanged.
    ///
    /// # Errors
    /// The result cannot be written.
    pub fn result(&mut self, result: &[u8]) -> io::Result<()> {
        self.out.write_all(result)
    }

    /// Writes commands to the CI, each with its line end. Their contents must be escaped for that CI.
    ///
    /// # Errors
    /// The commands cannot be written.
    pub fn commands(&mut self, commands: &str) -> io::Result<()> {
        self.out.write_all(commands.as_bytes())?;
        self.out.flush()
    }
}

impl fmt::Debug for MessageWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageWriter").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_ci_reads_a_command() {
        for (text, shown) in [
            ("x ##[stop-commands]y", "x # #[stop-commands]y"),
            ("###[x]", "# # #[x]"),
            ("##vso[task.x]", "# #vso[task.x]"),
            ("##teamcity[x]", "# #teamcity[x]"),
            ("#\u{7}#[x]", "# #[x]"),
            ("#\u{200b}#[x]", "#\\u{200b}#[x]"),
            ("#\u{fe0f}#[x]", "#\\u{fe0f}#[x]"),
            ("::error::x", ": :error::x"),
            (" \u{a0}\u{85}\t::error::x", "    : :error::x"),
            ("\u{feff}::error::x", "\\u{feff}::error::x"),
            ("a\r::error::x", "a ::error::x"),
            ("+++ x", "+ ++ x"),
            ("\x1b]1338;url=x\x07", " ]1338;url=x "),
            ("arn:aws:iam::1:role/x", "arn:aws:iam::1:role/x"),
        ] {
            assert_eq!(inert(text), shown);
        }
    }

    #[test]
    fn what_is_not_seen_is_shown() {
        for c in "\u{ad}\u{61c}\u{200e}\u{202e}\u{2066}\u{fff9}\u{e0041}\u{e000}\u{fdd0}\u{3164}".chars() {
            assert_eq!(inert(&format!("a{c}b")), format!("a{}b", c.escape_unicode()));
        }
        for text in ["Jürgen, Ju\u{308}rgen", "日本 \"'\\…", "✓✗–"] {
            assert_eq!(inert(text), text);
        }
    }

    #[test]
    fn a_result_is_escaped_and_keeps_its_lines() {
        let escape = |c: char, text: &mut String| text.push_str(&format!("<{:x}>", u32::from(c)));
        let text = "{\n  \"a###[x]\u{200b}\u{a0}\u{7f}\r\u{e0041}é\"\n}";
        let shown = "{\n  \"a#<23><23>[x]<200b><a0><7f><d><e0041>é\"\n}";
        assert_eq!(escaped(text, escape), shown);
    }

    #[test]
    fn a_message_is_one_line() {
        let mut out = Vec::new();
        let mut messages = MessageWriter::new(&mut out);
        messages.line("a\nb").unwrap();
        messages.rewrite_with(|text| text.replace('a', "#"));
        messages.line("a#[x]").unwrap();
        messages.commands("::add-mask::x\n").unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "a b\n# #[x]\n::add-mask::x\n");
    }

    proptest! {
        #[test]
        fn inert_text_stays_as_it_is(text in "[#:\\[+a \u{200b}\u{a0}\r-]{0,12}|\\PC{0,12}|.{0,12}") {
            let shown = inert(&text);
            prop_assert_eq!(inert(&shown), shown.clone());
            prop_assert!(!shown.contains("##") && !shown.trim_start().starts_with("::"), "{}", shown);
            prop_assert_eq!(inert(&one_line(&text)), one_line(&text));
        }
    }
}
