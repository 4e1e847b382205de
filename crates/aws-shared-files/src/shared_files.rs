//! AWS's shared `config` and `credentials` files, read just far enough to know which profile applies, whether it holds
//! credentials, and the exact text it resolves to. The SDK reads them again when credentials are really fetched.
//!
//! Format: <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use context::{Env, variables};
use diagnostics::{Code, Error, Result};
use secret::Secret;

/// The settings that make a profile a source of credentials.
const CREDENTIAL_KEYS: [&str; 8] = [
    "aws_access_key_id",
    "credential_process",
    "credential_source",
    "login_session",
    "role_arn",
    "sso_account_id",
    "sso_session",
    "sso_start_url",
];

/// A `[section]` of one of the two files.
#[derive(Debug)]
struct Section {
    /// `profile NAME`, `sso-session NAME`, `services NAME`; profiles of both files carry the word `profile`.
    name: String,
    lines: Vec<SettingLine>,
    /// Which file it stands in.
    file: PathBuf,
}

#[derive(Debug)]
struct SettingLine {
    /// For a setting nested under another (`s3 =` and then an indented line): the outer one.
    parent: Option<String>,
    key: String,
    /// A secret, whatever the key: `aws_secret_access_key` is one of them.
    value: Secret,
}

impl SettingLine {
    /// The section that this line refers to.
    fn names(&self) -> Option<String> {
        let kind = match self.key.as_str() {
            "source_profile" => "profile",
            "sso_session" => "sso-session",
            "services" => "services",
            _ => return None,
        };
        Some(format!("{kind} {}", self.value.expose()))
    }
}

/// Both shared files, parsed.
#[derive(Debug, Default)]
pub struct SharedFiles {
    sections: Vec<Section>,
}

/// One profile, with the settings of both files (those of the credentials file win, as the SDK has it).
#[derive(Debug, Clone, Copy)]
pub struct Profile<'a> {
    files: &'a SharedFiles,
    name: &'a str,
}

impl SharedFiles {
    /// Reads the files that the environment names (`AWS_CONFIG_FILE`, `AWS_SHARED_CREDENTIALS_FILE`), or the ones in `~/.aws`.
    /// A missing file is an empty one.
    ///
    /// # Errors
    /// A file that is there but can't be read.
    pub fn read(env: &Env) -> Result<Self> {
        let mut sections = Vec::new();
        for (variable, name) in [
            (variables::AWS_SHARED_CREDENTIALS_FILE, "credentials"),
            (variables::AWS_CONFIG_FILE, "config"),
        ] {
            let named = env.path(variable).map(|path| expand_home(path, env));
            let is_named = named.is_some();
            let path = named.or_else(|| env.home().map(|home| home.join(".aws").join(name)));
            let Some(path) = path else { continue };
            let text = read(&path, is_named).map_err(|error| {
                Error::failed(
                    Code::SharedFiles,
                    format!("cannot read AWS's file {}", path.display()),
                    error,
                )
                .hint(format!(
                    "make it readable for this user, or name another with {variable}"
                ))
            })?;
            parse(&text, &path, name == "config", &mut sections);
        }
        Ok(Self { sections })
    }

    /// The profile of that name, if either file has it.
    pub fn profile<'a>(&'a self, name: &'a str) -> Option<Profile<'a>> {
        let section = format!("profile {name}");
        self.sections
            .iter()
            .any(|s| s.name == section)
            .then_some(Profile { files: self, name })
    }

    /// The names of all profiles, sorted.
    pub fn profile_names(&self) -> BTreeSet<&str> {
        self.sections
            .iter()
            .filter_map(|s| s.name.strip_prefix("profile "))
            .collect()
    }
}

impl<'a> Profile<'a> {
    /// The profile's name.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// A setting of the profile.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        self.find(&format!("profile {}", self.name), None, key)
    }

    /// The endpoint that the profile's `services` section sets for a service (`ecr`, `ecr_public`, `sts`).
    pub fn service_endpoint(&self, service: &str) -> Option<&'a str> {
        let services = format!("services {}", self.get("services")?);
        self.find(&services, Some(service), "endpoint_url")
    }

    /// Whether the SDK can get credentials from this profile.
    pub fn holds_credentials(&self) -> bool {
        CREDENTIAL_KEYS.iter().any(|key| self.get(key).is_some())
    }

    /// Everything this profile resolves to: its own text and file, then those of the profiles, SSO sessions and services it
    /// names, in a form that two different configurations never share.
    pub fn resolved_text(&self) -> Secret {
        let mut text = String::new();
        for section in self.reached() {
            text.push_str(&format!("{:?} {:?}\n", section.file, section.name));
            for line in &section.lines {
                text.push_str(&format!("{:?} {:?} {:?}\n", line.parent, line.key, line.value.expose()));
            }
        }
        Secret::new(text)
    }

    /// The values of a setting in this profile and in all that it resolves to.
    pub fn reached_values(&self, key: &str) -> Vec<&'a str> {
        let lines = self.reached().into_iter().flat_map(|section| &section.lines);
        lines
            .filter(|line| line.key == key)
            .map(|line| line.value.expose())
            .collect()
    }

    /// This profile's sections, and those of all that they name.
    fn reached(&self) -> Vec<&'a Section> {
        let mut reached = Vec::new();
        let mut seen = BTreeSet::new();
        let mut queue = vec![format!("profile {}", self.name)];
        while let Some(name) = queue.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            for section in self.files.sections.iter().filter(|section| section.name == name) {
                reached.push(section);
                queue.extend(section.lines.iter().filter_map(SettingLine::names));
            }
        }
        reached
    }

    fn find(&self, section: &str, parent: Option<&str>, key: &str) -> Option<&'a str> {
        let files = self.files;
        // Within a file the last line wins; between the files, the credentials file, which stands first.
        let mut found: Option<(&PathBuf, &'a str)> = None;
        for candidate in files.sections.iter().filter(|s| s.name == section) {
            if found.is_some_and(|(file, _)| *file != candidate.file) {
                break;
            }
            let line = candidate
                .lines
                .iter()
                .rfind(|line| line.parent.as_deref() == parent && line.key == key && !line.value.expose().is_empty());
            if let Some(line) = line {
                found = Some((&candidate.file, line.value.expose()));
            }
        }
        found.map(|(_, value)| value)
    }
}

/// The content of a file; nothing where there is none. A path whose parent isn't there, or isn't a folder, is as absent as a
/// missing file; so is one of nobody's choice below a home that is closed to this user (`HOME=/root` in a container).
fn read(path: &Path, is_named: bool) -> io::Result<String> {
    match fs::metadata(path) {
        // How people say that there is none.
        Ok(_) if path == Path::new("/dev/null") => Ok(String::new()),
        // The SDK reads the file again: what is none is refused here, before that could wait for it.
        Ok(_) => private_files::read_utf8(path, private_files::CONFIGURATION_LIMIT),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(String::new()),
            io::ErrorKind::PermissionDenied if !is_named => Ok(String::new()),
            _ => Err(error),
        },
    }
}

fn expand_home(path: PathBuf, env: &Env) -> PathBuf {
    match (path.strip_prefix("~"), env.home()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path,
    }
}

fn parse(text: &str, file: &Path, is_config: bool, sections: &mut Vec<Section>) {
    let mut in_section = false;
    for raw in text.trim_start_matches('\u{feff}').lines() {
        let trimmed = raw.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if raw.starts_with('[') {
            let name = trimmed[1..].split(']').next().unwrap_or_default();
            let name = section_name(name, is_config);
            in_section = name.is_some();
            if let Some(name) = name {
                sections.push(Section {
                    name,
                    lines: Vec::new(),
                    file: file.to_path_buf(),
                });
            }
        } else if in_section && let Some(section) = sections.last_mut() {
            add_line(section, raw.starts_with([' ', '\t']), trimmed);
        }
    }
}

/// In `config` a profile is `[profile NAME]` or `[default]`; in `credentials` every section is one.
fn section_name(raw: &str, is_config: bool) -> Option<String> {
    let mut words = raw.split_whitespace();
    let first = words.next()?;
    let second = words.next();
    if words.next().is_some() {
        // The SDK knows no names with blanks in them either.
        return None;
    }
    match (is_config, second) {
        (true, None) if first == "default" => Some("profile default".to_owned()),
        (true, None) => None,
        (true, Some(name)) => Some(format!("{first} {name}")),
        (false, None) => Some(format!("profile {first}")),
        (false, Some(_)) => None,
    }
}

fn add_line(section: &mut Section, indented: bool, text: &str) {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key.trim().to_lowercase(), without_comment(value.trim())),
        None => (String::new(), text),
    };
    let outer = section.lines.iter().rfind(|line| line.parent.is_none());
    let parent = outer.filter(|_| indented).map(|line| line.key.clone());
    section.lines.push(SettingLine {
        parent,
        key,
        value: Secret::new(value),
    });
}

/// A `#` or `;` after white space starts a comment.
fn without_comment(value: &str) -> &str {
    let comment = [" #", " ;", "\t#", "\t;"]
        .iter()
        .filter_map(|start| value.find(start))
        .min();
    value[..comment.unwrap_or(value.len())].trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(config: &str, credentials: &str) -> SharedFiles {
        let mut sections = Vec::new();
        parse(credentials, Path::new("/h/credentials"), false, &mut sections);
        parse(config, Path::new("/h/config"), true, &mut sections);
        SharedFiles { sections }
    }

    fn resolved(config: &str) -> String {
        let files = files(config, "");
        files.profile("p").unwrap().resolved_text().expose().to_owned()
    }

    #[test]
    fn profiles_of_both_files_are_one() {
        let files = files(
            "[default]\nregion = eu-west-1 # home\n[profile a]\naws_access_key_id=fromconfig\nregion=x\n[stray]\nregion=no\n",
            "[a]\naws_access_key_id = AKIDa\n",
        );
        assert_eq!(
            files.profile("default").and_then(|p| p.get("region")),
            Some("eu-west-1")
        );
        let a = files.profile("a").unwrap();
        assert_eq!(a.get("aws_access_key_id"), Some("AKIDa"));
        assert_eq!(a.get("region"), Some("x"));
        assert!(files.profile("stray").is_none());
        assert_eq!(files.profile_names().into_iter().collect::<Vec<_>>(), ["a", "default"]);
    }

    #[test]
    fn a_profile_holds_credentials_or_only_settings() {
        let files = files(
            "[profile r]\nregion=eu-west-1\n[profile k]\ncredential_process = x\n",
            "",
        );
        assert!(!files.profile("r").unwrap().holds_credentials());
        assert!(files.profile("k").unwrap().holds_credentials());
    }

    #[test]
    fn services_are_nested() {
        let files = files(
            "[profile p]\nservices = lab\nendpoint_url = http://all\n[services lab]\necr =\n  endpoint_url = http://ecr\nsts =\n  endpoint_url = http://sts\n",
            "",
        );
        let p = files.profile("p").unwrap();
        assert_eq!(p.service_endpoint("ecr"), Some("http://ecr"));
        assert_eq!(p.service_endpoint("sts"), Some("http://sts"));
        assert_eq!(p.service_endpoint("ecr_public"), None);
        assert_eq!(p.get("endpoint_url"), Some("http://all"));
    }

    #[test]
    fn resolved_text_follows_what_the_profile_names() {
        let base = "[profile p]\nrole_arn=r\nsource_profile=q\n[profile q]\nsso_session=s\n[sso-session s]\nsso_start_url=u\n[profile other]\nregion=x\n";
        let text = resolved(base);
        for part in ["source_profile", "sso-session s", "sso_start_url", "/h/config"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_ne!(resolved(&base.replace("sso_start_url=u", "sso_start_url=v")), text);
        assert_eq!(resolved(&base.replace("region=x", "region=y")), text);
    }

    #[test]
    fn a_loop_of_source_profiles_ends() {
        assert!(resolved("[profile p]\nsource_profile=b\n[profile b]\nsource_profile=p\n").contains("profile b"));
    }
}
