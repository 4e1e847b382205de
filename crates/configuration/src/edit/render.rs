//! Values as YAML that reads back as what they are, quoted only where it has to be.

use std::borrow::Cow;
use std::fmt::Write;

use super::{RuleEdit, Value};

/// How the file is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub newline: &'static str,
    pub quote: Quote,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quote {
    Single,
    Double,
}

/// A rule as lines: its dash in a column, `gap` blanks behind it.
pub(super) fn rule(edit: &RuleEdit, column: usize, gap: usize, style: Style) -> String {
    let matched = Cow::Owned(Value::Text(edit.match_.clone()));
    let members = std::iter::once(("match", matched)).chain(edit.values());
    let inner = column + 1 + gap;
    let mut out = String::new();
    for (at, (key, value)) in members.enumerate() {
        match at {
            0 => out += &format!("{:column$}-{:gap$}", "", ""),
            _ => out += &" ".repeat(inner),
        }
        out += &member(key, &value, inner, style);
        out += style.newline;
    }
    out
}

/// A member whose key stands in this column, from the key on, without the last line break. Lists and maps take further lines.
pub(super) fn member(key: &str, value: &Value, column: usize, style: Style) -> String {
    let mut out = format!("{key}:");
    let mut line = |text: &str| {
        out += style.newline;
        out += &" ".repeat(column + 2);
        out += text;
    };
    match value {
        Value::List(items) if !items.is_empty() => {
            items
                .iter()
                .for_each(|item| line(&format!("- {}", text(item, style.quote))));
        }
        Value::Map(members) if !members.is_empty() => {
            members
                .iter()
                .for_each(|(key, value)| line(&format!("{}: {}", text(key, style.quote), text(value, style.quote))));
        }
        _ => {
            out.push(' ');
            out += &inline(value, style.quote);
        }
    }
    out
}

/// A value within one line.
pub(super) fn inline(value: &Value, quote: Quote) -> String {
    let texts = |items: &[String]| items.iter().map(|item| flow_text(item)).collect::<Vec<_>>().join(", ");
    match value {
        Value::Text(value) => text(value, quote),
        Value::Number(number) => number.to_string(),
        Value::Switch(on) => on.to_string(),
        Value::List(items) => format!("[{}]", texts(items)),
        Value::Map(members) => {
            let members = members
                .iter()
                .map(|(key, value)| texts(std::slice::from_ref(key)) + ": " + &flow_text(value));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
    }
}

/// A rule in one line, for people to copy.
pub(super) fn in_one_line(edit: &RuleEdit) -> String {
    let mut out = format!("- {{match: {}", flow_text(&edit.match_));
    for (key, value) in edit.values() {
        out += &format!(", {key}: {}", in_flow(&value));
    }
    out + "}"
}

/// A value between brackets.
pub(super) fn in_flow(value: &Value) -> String {
    match value {
        Value::Text(text) => flow_text(text),
        value => inline(value, Quote::Single),
    }
}

/// Between brackets, a comma ends a plain text.
fn flow_text(value: &str) -> String {
    match value.contains(',') {
        true => quoted(value, Quote::Single),
        false => text(value, Quote::Single),
    }
}

/// A text, in quotes where YAML would read something else without.
pub(super) fn text(value: &str, quote: Quote) -> String {
    match is_plain(value) {
        true => value.to_owned(),
        false => quoted(value, quote),
    }
}

/// Stricter than YAML: whatever any of its versions might take for a number, a boolean, a date or nothing is quoted too.
fn is_plain(value: &str) -> bool {
    const WORDS: [&str; 12] = [
        "true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf", "infinity",
    ];
    let begins = value.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/' || c == '_');
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "-._/:@+=,".contains(c);
    let may_be_number = value.starts_with(|c: char| c.is_ascii_digit())
        && value.chars().all(|c| c.is_ascii_hexdigit() || "xXoO._+:-,".contains(c));
    begins
        && value.chars().all(is_safe)
        && !value.ends_with(':')
        && !may_be_number
        && !WORDS.iter().any(|word| value.eq_ignore_ascii_case(word))
}

fn quoted(value: &str, quote: Quote) -> String {
    // Between single quotes nothing can be escaped, and line breaks are folded.
    let is_printable = |c: char| !c.is_control() && !"\u{2028}\u{2029}\u{feff}\u{fffe}\u{ffff}".contains(c);
    if quote == Quote::Single && value.chars().all(is_printable) {
        return format!("'{}'", value.replace('\'', "''"));
    }
    let mut out = String::from('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out += "\\n",
            '\t' => out += "\\t",
            c if is_printable(c) => out.push(c),
            c => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
        }
    }
    out + "\""
}
