//! AWS's shared `config` and `credentials` files: their profiles and settings.
//!
//! A line is valid if the AWS CLI or AWS's helper in Go accepts it. An invalid line only affects the profile that it belongs to.
//!
//! Format: <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use context::Env;
use diagnostics::{Code, Error, Result};
use secret::Secret;

use crate::header_line::HeaderLine;
use crate::ini;
use crate::section::{Section, SectionKind, Setting};
use crate::shared_file::SharedFile;
use crate::text;

/// Both shared files, parsed.
#[derive(Debug, Default)]
pub struct SharedFiles {
    /// The sections. Those of the credentials file come first, because its settings win.
    sections: Vec<Section>,
    /// The lines of headers, those too that the AWS CLI takes for a part of the setting above.
    headers: Vec<HeaderLine>,
    /// The paths of the files.
    paths: [PathBuf; 2],
}

/// One profile, with the settings of both files. Those of the credentials file win.
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
    /// An existing file cannot be read, or is not text.
    pub fn read(env: &Env) -> Result<Self> {
        let mut files = Self::default();
        for file in [SharedFile::Credentials, SharedFile::Config] {
            let Some(path) = text::path(file, env) else { continue };
            let is_named = env.get(file.variable()).is_some();
            let text = text::read(&path, is_named).map_err(|error| {
                let what = format!("cannot read AWS's file {}", path.display());
                let way_out = format!(
                    "make it a text file that this user may read, or name another with {}",
                    file.variable()
                );
                Error::failed(Code::SharedFiles, what, error).hint(way_out)
            })?;
            files.add(&text, file, &path);
        }
        files.add_names_of_go();
        Ok(files)
    }

    fn add(&mut self, text: &str, file: SharedFile, path: &Path) {
        self.paths[file as usize] = path.to_owned();
        let first = self.sections.len();
        let mut for_all: Vec<Setting> = Vec::new();
        for parsed in ini::sections(text) {
            self.headers.extend(HeaderLine::all(&parsed, file));
            if parsed.header == "DEFAULT" {
                // For Python's configparser, and so for the AWS CLI, these are settings of every section of the file.
                for_all.extend(Setting::all(&parsed));
                continue;
            }
            let section = Section::new(&parsed, file);
            // If one name is written in several ways (`[default]`, `[profile default]`, `[profile "default"]`), the AWS CLI uses the last section.
            let is_other = |it: &Section| it.is(section.kind, &section.name) && it.header != section.header;
            let of_file = self.sections.split_off(first);
            self.sections.extend(of_file.into_iter().filter(|it| !is_other(it)));
            self.sections.push(section);
        }
        for section in &mut self.sections[first..] {
            section.settings.splice(0..0, for_all.iter().cloned());
        }
    }

    /// Gives sections the names that only AWS's helper in Go reads, such as `work` for `[ work ]`. A name that the AWS CLI reads in either file stays
    /// with those sections: others must not add an identity. Of several headers in a file, the last one counts.
    fn add_names_of_go(&mut self) {
        for at in (0..self.sections.len()).rev() {
            let section = &self.sections[at];
            let Some((kind, name)) = section.by_go.clone() else {
                continue;
            };
            let is_taken = |it: &Section| {
                let is_later = it.file == section.file && it.header != section.header;
                it.is(kind, &name) && (is_later || !it.is_by_go)
            };
            if !self.sections.iter().any(is_taken) {
                let section = &mut self.sections[at];
                (section.kind, section.name, section.is_by_go) = (kind, name, true);
            }
        }
    }

    /// Returns the profile of that name, if either file has it.
    pub fn profile<'a>(&'a self, name: &'a str) -> Option<Profile<'a>> {
        self.has(SectionKind::Profile, name)
            .then_some(Profile { files: self, name })
    }

    /// Returns the names of all profiles that have one, sorted.
    pub fn profile_names(&self) -> BTreeSet<&str> {
        let profiles = self
            .sections
            .iter()
            .filter(|section| section.kind == SectionKind::Profile && !section.name.is_empty());
        profiles.map(|section| section.name.as_str()).collect()
    }

    /// Returns the whole text of both files, each after its path, as one text.
    pub fn whole_text(env: &Env) -> Secret {
        let files = [SharedFile::Credentials, SharedFile::Config];
        let texts = files.into_iter().filter_map(|file| {
            let path = text::path(file, env)?;
            Some(format!("{path:?}={:?}\n", text::read(&path, false).unwrap_or_default()))
        });
        Secret::new(texts.collect::<String>())
    }

    /// Returns the hint for a missing profile if a header is nearly the profile's, such as `[work]` or `[profile work #old]` in `config`.
    pub fn near_miss(&self, name: &str) -> Option<String> {
        Some(self.headers.iter().find(|header| header.is_nearly(name))?.hint(name))
    }

    /// Whether there is an `[sso-session NAME]`.
    pub fn has_sso_session(&self, name: &str) -> bool {
        self.has(SectionKind::SsoSession, name)
    }

    /// Returns a setting of an `[sso-session NAME]`.
    pub fn sso_session(&self, name: &str, key: &str) -> Option<&str> {
        self.find(SectionKind::SsoSession, name, None, None, key)
    }

    fn path(&self, section: &Section) -> &Path {
        &self.paths[section.file as usize]
    }

    fn has(&self, kind: SectionKind, name: &str) -> bool {
        self.sections.iter().any(|section| section.is(kind, name))
    }

    /// Finds a setting. Within a file the last line wins. The credentials file, which comes first, wins over the other.
    fn find(
        &self,
        kind: SectionKind,
        name: &str,
        file: Option<SharedFile>,
        parent: Option<&str>,
        key: &str,
    ) -> Option<&str> {
        let mut found: Option<(SharedFile, &str)> = None;
        for section in self.sections.iter().filter(|section| section.is(kind, name)) {
            if found.is_some_and(|(file, _)| file != section.file) {
                break;
            }
            if file.is_some_and(|file| file != section.file) {
                continue;
            }
            found = section.get(parent, key).map(|value| (section.file, value)).or(found);
        }
        found.map(|(_, value)| value)
    }
}

impl<'a> Profile<'a> {
    /// Returns the profile's name.
    pub fn name(&self) -> &'a str {
        self.name
    }

    /// Returns a setting of the profile. An empty one counts as missing.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        self.files.find(SectionKind::Profile, self.name, None, None, key)
    }

    /// Returns a setting of the profile in this file only.
    pub fn get_in(&self, file: SharedFile, key: &str) -> Option<&'a str> {
        self.files.find(SectionKind::Profile, self.name, Some(file), None, key)
    }

    /// Returns the endpoint that the profile's `services` section sets for a service (`ecr`, `ecr_public`, `sts`).
    pub fn service_endpoint(&self, service: &str) -> Option<&'a str> {
        let services = self.get("services")?;
        self.files
            .find(SectionKind::Services, services, None, Some(service), "endpoint_url")
    }

    /// Checks that every line of this profile, and of all sections that it names, can be understood.
    ///
    /// # Errors
    /// A line cannot be understood. The error has its file and number.
    pub fn check(&self) -> Result<()> {
        let reached = self.reached();
        let has_role = |it: &Section| self.files.find(it.kind, &it.name, None, None, "role_arn").is_some();
        let broken_line = |it: &Section| match has_role(it) {
            true => it.broken_line_of_role,
            false => it.broken_line,
        };
        let Some((section, line)) = reached.iter().find_map(|it| Some((it, broken_line(it)?))) else {
            return Ok(());
        };
        let cause = format!(
            "line {line} of {} cannot be understood",
            self.files.path(section).display()
        );
        let hint = "a line is `[section]`, `key = value`, or begins with `#`; only a line of a nested setting is indented further than the one above";
        Err(Error::failed(Code::SharedFiles, format!("profile {}", self.name), cause).hint(hint))
    }

    /// Returns everything that this profile resolves to: its own text and file, then those of the profiles, SSO sessions and services that it
    /// names. Two different configurations never give the same text.
    pub fn resolved_text(&self) -> Secret {
        let mut text = String::new();
        for section in self.reached() {
            text.push_str(&format!(
                "{:?} {:?} {:?}\n",
                self.files.path(section),
                section.kind,
                section.name
            ));
            for line in &section.settings {
                text.push_str(&format!("{:?} {:?} {:?}\n", line.parent, line.key, line.value.expose()));
            }
        }
        Secret::new(text)
    }

    /// Returns this profile's sections, and those that they name.
    fn reached(&self) -> Vec<&'a Section> {
        let mut reached: Vec<&Section> = Vec::new();
        let mut seen = BTreeSet::new();
        let mut queue = vec![(SectionKind::Profile, self.name)];
        while let Some(named) = queue.pop() {
            if !seen.insert(named) {
                continue;
            }
            let (kind, name) = named;
            for section in self.files.sections.iter().filter(|section| section.is(kind, name)) {
                reached.push(section);
                queue.extend(section.settings.iter().filter_map(Setting::names));
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests;
