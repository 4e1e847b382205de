//! One client's credentials for a registry, and the file that they come from.

use std::collections::BTreeSet;
use std::time::SystemTime;

use super::client_files::{ClientFileState, state_of};
use super::helper;
use super::report::Check;
use super::span::roughly;
use client_config::{
    CREDS_STORE, ClientCredentials, ConfigLocation, CredentialStore, FoundCredentials, Lookup, NearMiss, PasswordLoss,
    Slip, StoredPassword, helper_meant, shown,
};
use context::{Env, program, variables};
use diagnostics::{Code, Error, with_its_ends};
use ecr_registry::Registry;

/// The most other registries that are named, if the registry itself has no helper.
const OTHERS: usize = 3;

pub(super) fn our_helper(found: &FoundCredentials) -> Option<String> {
    match &found.answer {
        ClientCredentials::Helper { name, .. } if helper::is_ours(name) => Some(name.clone()),
        _ => None,
    }
}

/// One client's credentials for one registry.
pub(super) struct ClientLookup<'a> {
    pub(super) lookup: &'a Lookup,
    pub(super) host: &'a str,
    pub(super) is_for_all: bool,
    pub(super) env: &'a Env,
    pub(super) now: SystemTime,
}

impl ClientLookup<'_> {
    pub(super) fn check(&self) -> Check {
        let Some(found) = &self.lookup.found else {
            return self.nothing();
        };
        match &found.answer {
            ClientCredentials::Helper { name, named_by } if helper::is_ours(name) => self.ours(name, named_by, found),
            ClientCredentials::Helper { name, named_by } => self.another(name, named_by, found),
            ClientCredentials::Password(password) => self.password(password, found),
        }
    }

    fn id(&self) -> &'static str {
        self.lookup.name
    }

    fn place(&self, found: &FoundCredentials) -> String {
        self.location(&found.place)
    }

    fn location(&self, place: &ConfigLocation) -> String {
        match place {
            ConfigLocation::File(path) => shown(path, self.env),
            ConfigLocation::Variable => variables::DOCKER_AUTH_CONFIG.to_owned(),
        }
    }

    /// Returns the check if the helper is ecr-auth. Another check looks for it on PATH.
    fn ours(&self, name: &str, named_by: &str, found: &FoundCredentials) -> Check {
        let finding = format!(
            "docker-credential-{name} is asked, by {named_by} in {}{}",
            self.place(found),
            self.unused()
        );
        if let Some(store) = self.missing_store() {
            return Check::warn(
                self.id(),
                format!("{finding}; docker-credential-{store} of credsStore is not on PATH"),
                "install it, or take credsStore out: crane and cosign fail without it, whatever the registry",
            );
        }
        if self.lookup.warned_of.is_some() {
            return Check::warn(
                self.id(),
                format!("{finding}{}", self.warning()),
                "fix the file at that place: docker decodes no passwords in auths until then, and podman may refuse the file",
            );
        }
        match self.near(found) {
            near if near.is_empty() => Check::pass(self.id(), finding),
            near => Check::warn(
                self.id(),
                format!("{finding}{near}"),
                format!("take that key out: {} is there as clients compare it, whole", self.host),
            ),
        }
    }

    /// Returns the store in docker's file if its program is missing. Docker does not need it for this registry, but other tools ask it first.
    fn missing_store(&self) -> Option<&str> {
        self.lookup.shadowed.iter().find_map(|found| match &found.answer {
            ClientCredentials::Helper { name, named_by } if *named_by == CREDS_STORE => {
                let program = program::on_path(&format!("docker-credential-{name}"), self.env);
                program.is_none().then_some(name.as_str())
            }
            _ => None,
        })
    }

    /// Returns words about other credentials that are not used.
    fn unused(&self) -> String {
        let unused = self.lookup.shadowed.iter().map(|found| match &found.answer {
            ClientCredentials::Helper { name, named_by } => format!("{named_by} {name} in {}", self.place(found)),
            ClientCredentials::Password(_) => format!("the password of a login in auths of {}", self.place(found)),
        });
        let unused: Vec<String> = unused.collect();
        match unused.is_empty() {
            true => String::new(),
            false => format!("; not used: {}", unused.join(", ")),
        }
    }

    /// Returns the check if another store or helper is used. Its password comes from a login.
    fn another(&self, name: &str, named_by: &'static str, found: &FoundCredentials) -> Check {
        let place = self.place(found);
        let stored = CredentialStore::find(name, named_by, self.env).and_then(|store| store.get(self.host));
        match stored {
            Err(error) => {
                let cause = format!("{}: {}", error.what(), error.cause());
                let is_missing = program::on_path(&format!("docker-credential-{name}"), self.env).is_none();
                let has_slip = helper_meant(name).is_some();
                let replace = format!("replace it for this registry: ecr-auth setup {}", self.host);
                let hint = error
                    .hint_text()
                    .filter(|_| has_slip || !is_missing)
                    .unwrap_or(&replace);
                let told = Error::failed(error.code(), format!("{named_by} in {place}"), cause);
                Check::failed(self.id(), &told.hint(hint))
            }
            Ok(None) => Check::fail(
                self.id(),
                Code::OtherStore,
                format!(
                    "docker-credential-{name} is asked, by {named_by} in {place}, and has nothing for {}{}",
                    self.host,
                    self.near(found)
                ),
                self.setup_hint(),
            ),
            Ok(Some(stored)) => self.password(&StoredPassword::from_secret(&stored.secret), found),
        }
    }

    /// Returns the check for a login's password. ECR's passwords live for 12 hours.
    pub(super) fn password(&self, password: &StoredPassword, found: &FoundCredentials) -> Check {
        let what = match &found.answer {
            ClientCredentials::Password(_) => format!("the password in auths of {}", self.place(found)),
            ClientCredentials::Helper { name, .. } => format!("the password that a login left in {name}"),
        };
        let by_chance = match &self.lookup.warned_of {
            Some(warning) if warning.loss == PasswordLoss::ByChance && warning.place == found.place => {
                " by chance, as docker decodes auths in a random order up to the first fault"
            }
            _ => "",
        };
        let finding = format!("{what} is used{}{by_chance}", self.hides());
        let warning = self.warning();
        let hint = match &found.place {
            ConfigLocation::Variable => format!(
                "take {} out of DOCKER_AUTH_CONFIG, which docker 28.3 and later read before the helper",
                self.host
            ),
            ConfigLocation::File(path) => format!(
                "take it out (docker logout {}, or its entry in {}), then: ecr-auth setup {}",
                self.host,
                shown(path, self.env),
                self.host
            ),
        };
        match password.ends_at {
            Some(end) if end <= self.now => {
                let ago = roughly(self.now.duration_since(end).unwrap_or_default());
                Check::fail(
                    self.id(),
                    Code::OldLogin,
                    format!("{finding}: it ended {ago} ago{warning}"),
                    hint,
                )
            }
            Some(end) => {
                let left = roughly(end.duration_since(self.now).unwrap_or_default());
                Check::warn(
                    self.id(),
                    format!("{finding}: it ends in {left}, and nothing renews it{warning}"),
                    hint,
                )
            }
            // ECR's own passwords say when they end.
            None if Registry::parse(self.host).is_some() => Check::fail(
                self.id(),
                Code::OldLogin,
                format!("{finding}: it is not one that ECR gives out today{warning}"),
                hint,
            ),
            None => Check::warn(
                self.id(),
                format!("{finding}: it is not known when it ends{warning}"),
                hint,
            ),
        }
    }

    /// Returns words about our helper, if the password hides it.
    fn hides(&self) -> String {
        let helper = self.lookup.shadowed.iter().find_map(our_helper);
        helper.map_or_else(String::new, |name| format!(" before docker-credential-{name}"))
    }

    /// Returns words about what docker warns of in its file.
    fn warning(&self) -> String {
        let warned_of = self.lookup.warned_of.as_ref();
        warned_of.map_or_else(String::new, |warning| format!("; docker warns of {}", warning.cause))
    }

    fn nothing(&self) -> Check {
        if let Some(warning) = &self.lookup.warned_of
            && warning.loss == PasswordLoss::Yes
        {
            let place = self.location(&warning.place);
            return Check::fail(
                self.id(),
                Code::ClientConfig,
                format!("the password in auths of {place} is not used{}", self.warning()),
                format!("fix the file at that place, or run: ecr-auth setup {}", self.host),
            );
        }
        if let Some(miss) = self.lookup.near_misses.first() {
            let meant = match miss.slip {
                Slip::Registry(_) => self.host,
                Slip::Setting(setting) | Slip::InsideAuths(setting) => setting,
            };
            let fix = match miss.slip {
                Slip::InsideAuths(_) => format!("move {meant} out of auths"),
                _ => format!("write the key as {meant}"),
            };
            let way_out = format!("{fix}, or run: ecr-auth setup {}", self.host);
            return Check::fail(self.id(), Code::KeyNeverMatches, self.never(miss), way_out);
        }
        let read: Vec<String> = self.lookup.files.iter().map(|file| shown(file, self.env)).collect();
        let finding = format!(
            "no helper is set for {} in {}{}{}",
            self.host,
            read.join(", "),
            self.others(),
            self.warning()
        );
        Check::fail(self.id(), Code::NotConfigured, finding, self.setup_hint())
    }

    /// Returns the registries in those files that have one of our helpers, so that a typing mistake in the account or the region is seen.
    fn others(&self) -> String {
        let states = self.lookup.files.iter().map(|file| state_of(self.lookup.kind, file));
        let kept: BTreeSet<String> = states
            .filter_map(|state| match state {
                ClientFileState::Read(settings) => Some(settings.helpers),
                ClientFileState::Odd(_) => None,
            })
            .flatten()
            .filter(|(_, name)| helper::is_ours(name))
            .map(|(host, _)| host)
            .collect();
        let more = match kept.len().saturating_sub(OTHERS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let shown: Vec<String> = kept.into_iter().take(OTHERS).collect();
        match shown.is_empty() {
            true => String::new(),
            false => format!(", except {}{more}", shown.join(", ")),
        }
    }

    fn never(&self, miss: &NearMiss) -> String {
        let (key, place) = (with_its_ends(&miss.key), self.location(&miss.place));
        match miss.slip {
            Slip::Registry(setting) => format!(
                "the key {key} in {setting} of {place} never matches: the registry is {}, and the whole key must match",
                self.host
            ),
            Slip::Setting(setting) => format!("the key {key} of {place} is not a setting: did you mean {setting}?"),
            Slip::InsideAuths(_) => format!("{key} of {place} is inside auths: it must be beside it"),
        }
    }

    /// Returns words about the first key that never matches. Its place is named unless it is that of the credentials.
    fn near(&self, found: &FoundCredentials) -> String {
        let Some(miss) = self.lookup.near_misses.first() else {
            return String::new();
        };
        let of_place = match miss.place == found.place {
            true => String::new(),
            false => format!(" of {}", self.location(&miss.place)),
        };
        let key = with_its_ends(&miss.key);
        match miss.slip {
            Slip::Registry(setting) => format!("; the key {key} in {setting}{of_place} never matches"),
            Slip::Setting(setting) => format!("; the key {key}{of_place} is not a setting: did you mean {setting}?"),
            Slip::InsideAuths(_) => format!("; {key}{of_place} is inside auths: it must be beside it"),
        }
    }

    fn setup_hint(&self) -> String {
        let under_sudo = match self.env.get(variables::SUDO_USER) {
            Some(_) => " (under sudo, the client reads root's files: set it up with sudo too)",
            None => "",
        };
        let what = if self.is_for_all { "--all" } else { self.host };
        format!("run: ecr-auth setup {what}{under_sudo}")
    }
}
