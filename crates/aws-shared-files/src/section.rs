//! A section of a shared file, with its settings as AWS's tools read them.

use secret::Secret;

use crate::ini::{IniSection, IniSetting};
use crate::shared_file::SharedFile;
use crate::words::words;

/// The settings that give a profile credentials. Further lines may not belong to one of them, and they may not be lines of another setting.
const IDENTITY_KEYS: [&str; 18] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_security_token",
    "aws_session_token",
    "credential_process",
    "credential_source",
    "duration_seconds",
    "external_id",
    "login_session",
    "mfa_serial",
    "role_arn",
    "role_session_name",
    "source_profile",
    "sso_account_id",
    "sso_region",
    "sso_role_name",
    "sso_session",
    "sso_start_url",
];

/// Those of them that count only beside `role_arn`.
const ROLE_KEYS: [&str; 6] = [
    "credential_source",
    "duration_seconds",
    "external_id",
    "mfa_serial",
    "role_session_name",
    "source_profile",
];

/// The only setting whose value is a command line: quotes are part of it, and it may continue on further lines.
const COMMAND: &str = "credential_process";

/// The kind of a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SectionKind {
    /// `[profile NAME]` and `[default]` of `config`, and every section of `credentials`.
    Profile,
    /// `[sso-session NAME]`.
    SsoSession,
    /// `[services NAME]`.
    Services,
    /// Anything else in `config`.
    Other,
}

/// The words that begin a header of `config`.
const KINDS: [(&str, SectionKind); 3] = [
    ("profile", SectionKind::Profile),
    ("sso-session", SectionKind::SsoSession),
    ("services", SectionKind::Services),
];

impl SectionKind {
    /// Returns the kind and the name in a header, exactly as the AWS CLI reads it. Lines before the first header count for the profile `default`,
    /// because the AWS CLI then refuses the whole file.
    pub fn of_header(header: &str, file: SharedFile) -> (Self, String) {
        match header {
            "" | "default" => return (Self::Profile, "default".to_owned()),
            _ if file == SharedFile::Credentials => return (Self::Profile, header.to_owned()),
            _ => {}
        }
        let kind = KINDS.into_iter().find(|(word, _)| header.starts_with(word));
        match (kind, two_words(header)) {
            (Some((_, kind)), Some([_, name])) => (kind, name),
            _ => (Self::Other, header.to_owned()),
        }
    }

    /// Returns the kind and the name in a header's line as AWS's helper in Go reads it, which ignores blanks around a header, and takes a name of
    /// several words. `None` for `default`: without this profile, the AWS CLI goes on to another identity.
    pub fn by_go(line: &str, file: SharedFile) -> Option<(Self, String)> {
        let end = line.find(['#', ';']).unwrap_or(line.len());
        let header = line[..end].trim().strip_prefix('[')?.strip_suffix(']')?.trim();
        let (kind, name) = match file {
            SharedFile::Credentials => (Self::Profile, header.to_owned()),
            SharedFile::Config => {
                let (first, rest) = header.split_once([' ', '\t'])?;
                let (_, kind) = KINDS.into_iter().find(|(word, _)| *word == first)?;
                let name = two_words(header).map_or_else(|| rest.trim().to_owned(), |[_, name]| name);
                (kind, name)
            }
        };
        let is_named = !name.is_empty() && name != "default" && name != "DEFAULT";
        is_named.then_some((kind, name))
    }
}

fn two_words(header: &str) -> Option<[String; 2]> {
    words(header)?.try_into().ok()
}

/// A `[section]` of one of the two files.
#[derive(Debug)]
pub(crate) struct Section {
    pub kind: SectionKind,
    pub name: String,
    /// The header as it is written.
    pub header: String,
    /// The kind and name that AWS's helper in Go reads, if they differ.
    pub by_go: Option<(SectionKind, String)>,
    /// Whether the section has that name now.
    pub is_by_go: bool,
    pub settings: Vec<Setting>,
    /// The number of a line that cannot be understood, counted from 1.
    pub broken_line: Option<usize>,
    /// The number of a line that cannot be understood if the profile has a `role_arn`, counted from 1.
    pub broken_line_of_role: Option<usize>,
    pub file: SharedFile,
}

impl Section {
    pub fn new(parsed: &IniSection<'_>, file: SharedFile) -> Self {
        let (kind, name) = SectionKind::of_header(parsed.header, file);
        let by_go = SectionKind::by_go(parsed.header_line.0, file);
        // Without a header, the lines belong to no section.
        let stray = parsed.settings.first().filter(|_| parsed.header.is_empty());
        let is_identity = |key: &str| IDENTITY_KEYS.contains(&key);
        let odd = |is_key: &dyn Fn(&str) -> bool| parsed.settings.iter().find_map(|setting| odd_line(setting, is_key));
        let broken_line = parsed.broken_line.or(stray.map(|first| first.line));
        Self {
            by_go: by_go.filter(|it| *it != (kind, name.clone())),
            is_by_go: false,
            kind,
            name,
            header: parsed.header.to_owned(),
            settings: Setting::all(parsed),
            broken_line: broken_line.or_else(|| odd(&|key| is_identity(key) && !ROLE_KEYS.contains(&key))),
            broken_line_of_role: broken_line.or_else(|| odd(&is_identity)),
            file,
        }
    }

    pub fn is(&self, kind: SectionKind, name: &str) -> bool {
        self.kind == kind && self.name == name
    }

    /// Returns the last value of a setting that is not empty.
    pub fn get(&self, parent: Option<&str>, key: &str) -> Option<&str> {
        let is_it =
            |line: &&Setting| line.parent.as_deref() == parent && line.key == key && !line.value.expose().is_empty();
        self.settings.iter().rfind(is_it).map(|line| line.value.expose())
    }
}

/// Returns the number of a line that cannot be understood: a line indented below a credential setting, an indented credential setting, or a line
/// without a setting below one that has nested settings. `is_key` knows the credential settings.
fn odd_line(setting: &IniSetting<'_>, is_key: &dyn Fn(&str) -> bool) -> Option<usize> {
    let is_identity = |key: &str| is_key(key.trim_end().to_lowercase().as_str());
    let key_of = |line: &str| line.split_once(['=', ':']).map(|(key, _)| key.to_owned());
    let is_odd = |line: &&(&str, usize)| match (setting.key.as_str(), key_of(line.0)) {
        (COMMAND, _) if !setting.value.is_empty() => false,
        (key, _) if is_identity(key) => true,
        (_, Some(key)) => {
            setting.value.is_empty() && key.trim().is_empty() || !setting.value.is_empty() && is_identity(&key)
        }
        (_, None) => setting.value.is_empty(),
    };
    let undecoded = setting
        .value
        .contains(char::REPLACEMENT_CHARACTER)
        .then_some(setting.line);
    let odd = setting.continuation.iter().find(is_odd).map(|(_, number)| *number);
    undecoded.or(odd)
}

/// A setting of a section.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    /// For a setting nested under another (`s3 =` and then an indented line), the outer one.
    pub parent: Option<String>,
    pub key: String,
    /// The value. It is a secret for every key, because `aws_secret_access_key` is one.
    pub value: Secret,
}

impl Setting {
    /// Returns the settings of a section, in the order of their lines.
    pub fn all(section: &IniSection<'_>) -> Vec<Self> {
        let mut all = Vec::new();
        for setting in &section.settings {
            let mut value = cleaned(&setting.key, setting.value);
            let nested = setting.value.is_empty();
            if setting.key == COMMAND && !nested {
                for (line, _) in &setting.continuation {
                    value = format!("{value} {line}");
                }
            }
            all.push(Self::new(None, &setting.key, &value));
            let lines = setting.continuation.iter().filter(|_| nested);
            let pairs = lines.filter_map(|(line, _)| line.split_once(['=', ':']));
            all.extend(pairs.map(|(key, value)| {
                let key = key.trim().to_lowercase();
                Self::new(Some(&setting.key), &key, &cleaned(&key, value.trim()))
            }));
        }
        all
    }

    fn new(parent: Option<&str>, key: &str, value: &str) -> Self {
        Self {
            parent: parent.map(str::to_owned),
            key: key.to_owned(),
            value: Secret::new(value),
        }
    }

    /// Returns the section that this line names.
    pub fn names(&self) -> Option<(SectionKind, &str)> {
        let kind = match self.key.as_str() {
            "source_profile" => SectionKind::Profile,
            "sso_session" => SectionKind::SsoSession,
            "services" => SectionKind::Services,
            _ => return None,
        };
        Some((kind, self.value.expose()))
    }
}

/// Returns a value without its comment and, except for a command, without its quotes: AWS's helper in Go removes them, and AWS would refuse the
/// value with them.
fn cleaned(key: &str, value: &str) -> String {
    let value = without_comment(value, key == COMMAND);
    let quoted = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    match quoted('"').or_else(|| quoted('\'')) {
        Some(bare) if key != COMMAND => bare.to_owned(),
        _ => value.to_owned(),
    }
}

/// Returns a value without its comment. A `#` or `;` at the start or after white space begins one, except between quotes in a command.
fn without_comment(value: &str, is_command: bool) -> &str {
    let (mut quote, mut before) = (None, ' ');
    for (at, c) in value.char_indices() {
        match c {
            '#' | ';' if quote.is_none() && before.is_whitespace() => return value[..at].trim_end(),
            '"' | '\'' if is_command && quote == Some(c) => quote = None,
            '"' | '\'' if is_command && quote.is_none() => quote = Some(c),
            _ => {}
        }
        before = c;
    }
    value
}
