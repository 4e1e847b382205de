//! Edits one line of one section. No other byte changes.

use std::path::Path;

use shlex::Shlex;

use crate::SharedFile;
use crate::ini::{IniSection, IniSetting, sections};
use crate::section::SectionKind;
use crate::words::words;

/// The setting that we write.
pub(super) const KEY: &str = "credential_process";

/// Settings that some SDK uses instead of ours. So are all that begin with `sso_`.
const OTHER_SOURCES: [&str; 8] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "credential_source",
    "login_session",
    "role_arn",
    "source_profile",
    "web_identity_token_file",
];

/// Why the profile cannot be ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Conflict {
    /// There are two sections for one profile, and readers disagree about which one counts.
    Twice,
    /// AWS's helper in Go reads this header as the profile's, and the AWS CLI does not.
    Header(String),
    /// A setting gives the profile other credentials.
    Setting { key: String, file: SharedFile },
}

/// A text with our setting, and the data to undo it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SettingEdit {
    /// The new text.
    pub text: String,
    /// Our setting.
    pub line: String,
    /// The inserted text: the line, and possibly a section's header and line breaks.
    pub inserted: String,
    /// Our earlier setting, if it was replaced.
    pub previous: Option<String>,
}

/// Returns the text of the `config` file with this command in the profile. It replaces our earlier command. Else it comes first in the profile's
/// section, or in a new section at the end.
pub(super) fn set_process(text: &str, name: &str, command: &str) -> Result<SettingEdit, Conflict> {
    let line = format!("{KEY} = {command}");
    let at = |at: usize, inserted: String, line: String| SettingEdit {
        text: [&text[..at], &inserted, &text[at..]].concat(),
        line,
        inserted,
        previous: None,
    };
    let sections = sections(text);
    let mut of_profile = sections
        .iter()
        .filter(|it| is_profile(it, name) || is_profile_to_go(it, name));
    let section = of_profile.next();
    if of_profile.next().is_some() {
        return Err(Conflict::Twice);
    }
    let Some(section) = section else {
        return Ok(at(text.len(), section_lines(text, name, &line), line));
    };
    if !is_profile(section, name) {
        return Err(Conflict::Header(section.header_line.0.to_owned()));
    }
    check(section, |value| is_ours(value, command)).map_err(|key| Conflict::Setting {
        key,
        file: SharedFile::Config,
    })?;
    Ok(match section.settings.iter().find(|setting| setting.key == KEY) {
        Some(ours) => SettingEdit {
            text: [&text[..ours.range.start], &line, &text[ours.range.end..]].concat(),
            inserted: line.clone(),
            line,
            previous: Some(text[ours.range.clone()].to_owned()),
        },
        None => at(section.start, setting_line(text, section, &line), line),
    })
}

/// Returns the text without a setting of ours, or with the setting before it. `None` if ours is no longer there.
pub(super) fn unset_process(
    text: &str,
    name: &str,
    line: &str,
    inserted: &str,
    previous: Option<&str>,
) -> Option<String> {
    let sections = sections(text);
    let section = sections.iter().find(|section| is_profile(section, name))?;
    let is_ours = |setting: &&IniSetting<'_>| setting.key == KEY && &text[setting.range.clone()] == line;
    let ours = section.settings.iter().find(is_ours)?.range.clone();
    if let Some(previous) = previous {
        return Some([&text[..ours.start], previous, &text[ours.end..]].concat());
    }
    // A section with other settings is kept.
    let whole = inserted.find(line).and_then(|before| ours.start.checked_sub(before));
    let whole = whole.filter(|start| {
        text[*start..].starts_with(inserted) && (section.settings.len() == 1 || !inserted.contains('['))
    });
    let (start, end) = match whole {
        Some(start) => (start, start + inserted.len()),
        None => {
            let start = text[..ours.start].rfind('\n').map_or(0, |newline| newline + 1);
            let end = text[ours.end..]
                .find('\n')
                .map_or(text.len(), |newline| ours.end + newline + 1);
            (start, end)
        }
    };
    Some([&text[..start], &text[end..]].concat())
}

/// Returns the text for a diff: only the names of sections and settings. All other text may be a secret, or a comment with one. `ours` is the
/// setting that is written, and is shown whole.
pub(super) fn redacted(text: &str, ours: &str) -> String {
    text.split_inclusive('\n')
        .map(|line| redacted_line(line, ours))
        .collect()
}

fn redacted_line(line: &str, ours: &str) -> String {
    let shown = line.trim_end();
    let end = &line[shown.len()..];
    let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
    match (shown.strip_prefix('['), shown.split_once(['=', ':'])) {
        _ if shown.is_empty() || shown.trim_start() == ours => line.to_owned(),
        (Some(header), _) => format!("[{}]{end}", header.split(']').next().unwrap_or_default()),
        (None, Some((name, _))) if is_name(name.trim_end_matches([' ', '\t'])) => {
            let sign = shown.as_bytes()[name.len()] as char;
            format!("{name}{sign} REDACTED{end}")
        }
        _ => format!("REDACTED{end}"),
    }
}

/// Refuses keys of the `credentials` file for this profile. Some readers, such as botocore and the SDK for Go, use them before any
/// `credential_process`.
pub(super) fn check_credentials(text: &str, name: &str) -> Result<(), Conflict> {
    let sections = sections(text);
    let mut of_profile = sections.iter().filter(|section| section.header.trim() == name);
    of_profile
        .try_for_each(|section| check(section, |_| false))
        .map_err(|key| Conflict::Setting {
            key,
            file: SharedFile::Credentials,
        })
}

/// Finds a setting that gives the profile other credentials.
fn check(section: &IniSection<'_>, is_ours: impl Fn(&str) -> bool) -> Result<(), String> {
    let is_other = |setting: &&IniSetting<'_>| match setting.key.as_str() {
        KEY => !is_ours(setting.value),
        key => OTHER_SOURCES.contains(&key) || key.starts_with("sso_"),
    };
    match section.settings.iter().find(is_other) {
        Some(setting) => Err(setting.key.clone()),
        None => Ok(()),
    }
}

/// Whether the AWS CLI reads a header as the profile's.
fn is_profile(section: &IniSection<'_>, name: &str) -> bool {
    let read = SectionKind::of_header(section.header, SharedFile::Config);
    !section.header.is_empty() && read == (SectionKind::Profile, name.to_owned())
}

/// Whether AWS's helper in Go reads a header as the profile's.
fn is_profile_to_go(section: &IniSection<'_>, name: &str) -> bool {
    let read = SectionKind::by_go(section.header_line.0, SharedFile::Config);
    let is_default =
        || words(section.header).is_some_and(|words| words == ["default"] || words == ["profile", "default"]);
    read == Some((SectionKind::Profile, name.to_owned())) || name == "default" && is_default()
}

/// Whether a value is the same call of `ecr-auth` (`assume`, `cognito`), by any path and file name of the binary, or a call of the program that is
/// written now.
fn is_ours(value: &str, command: &str) -> bool {
    let (program, action) = program_and_action(value);
    let (own_program, own_action) = program_and_action(command);
    let name = Path::new(&program).file_name().unwrap_or_default();
    let is_program = name.to_string_lossy().starts_with("ecr-auth") || program == own_program;
    is_program && action == own_action
}

fn program_and_action(command: &str) -> (String, String) {
    // On Windows the backslash separates folders, and does not quote.
    let command = if cfg!(windows) {
        command.replace('\\', "/")
    } else {
        command.to_owned()
    };
    let mut words = Shlex::new(&command);
    let mut word = || words.next().unwrap_or_default();
    (word(), word())
}

/// Returns the header of a profile whose name needs no quotes.
pub(super) fn header(name: &str) -> String {
    match name {
        "default" => "[default]".to_owned(),
        name => format!("[profile {name}]"),
    }
}

fn section_lines(text: &str, name: &str, line: &str) -> String {
    let end = line_end(text);
    let header = header(name);
    let before = match text {
        "" => "",
        text if text.ends_with('\n') => end,
        _ => &end.repeat(2),
    };
    format!("{before}{header}{end}{line}{end}")
}

fn setting_line(text: &str, section: &IniSection<'_>, line: &str) -> String {
    let end = line_end(text);
    // A line after ours that is indented further would become part of ours.
    let indent = section.settings.first().map_or("", |first| first.indent);
    match text[..section.start].ends_with('\n') {
        true => format!("{indent}{line}{end}"),
        // The header is the file's last line, without a line end.
        false => format!("{end}{line}{end}"),
    }
}

/// Returns the file's line end, from its first line.
fn line_end(text: &str) -> &'static str {
    match text.split_inclusive('\n').next() {
        Some(first) if first.ends_with("\r\n") => "\r\n",
        _ => "\n",
    }
}
