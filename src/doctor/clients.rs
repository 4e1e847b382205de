//! The credentials that each client would use for a registry, and the file that they come from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::helper;
use super::report::{Check, Outcome};
use super::variable;
use client_config::{
    AuthsStore, ClientCredentials, ConfigFile, ConfigLocation, CredentialStore, DropIn, EntryForAll, FoundCredentials,
    HELPER, HelperSettings, Kind, Lookup, NearMiss, PasswordLoss, Slip, StoredPassword, config_files, helper_meant,
    look_up, read_text, real_path, shown,
};
use configuration::Config;
use context::{Env, program, variables};
use diagnostics::{Code, Error, Result};
use ecr_registry::Registry;

/// Docker's setting for the store of every registry.
const CREDS_STORE: &str = "credsStore";

/// The most other registries that are named, if the registry itself has no helper.
const OTHERS: usize = 3;

/// The results about the clients.
#[derive(Debug, Default)]
pub struct Clients {
    /// One check for each client.
    pub checks: Vec<Check>,
    /// The ecr-auth helpers that they call, by the end of the program's name.
    pub helpers: BTreeSet<String>,
}

/// Checks docker, and podman if it, buildah or skopeo is installed. `is_open`: the registry also serves requests without credentials.
/// `is_for_all`: `setup --all` was run here.
pub fn look(host: &str, is_open: bool, is_for_all: bool, env: &Env, now: SystemTime) -> Clients {
    let mut clients = Clients::default();
    let kinds = Kind::ALL.iter().copied().filter(|kind| is_there(*kind, env));
    let mut unconfigured = Vec::new();
    let mut works = is_open;
    for kind in kinds {
        let mut lookup = match look_up(kind, host, env) {
            Ok(lookup) => lookup,
            Err(error) => {
                clients.checks.push(Check::failed(id(kind), &error));
                continue;
            }
        };
        clients.checks.extend(variable::look(&mut lookup, env));
        if lookup.found.is_none() && (is_open || !kind.descriptor().is_named(env)) {
            unconfigured.push(clients.checks.len());
        }
        clients.helpers.extend(lookup.found.as_ref().and_then(our_helper));
        let of = ClientLookup {
            lookup: &lookup,
            host,
            is_for_all,
            env,
            now,
        };
        let check = of.check();
        works |= check.outcome == Outcome::Pass;
        clients.checks.push(not_installed(check, kind, env));
    }
    for index in unconfigured.into_iter().filter(|_| works) {
        // Only one client is used here, or none needs to be.
        let check = clients.checks[index].clone();
        clients.checks[index] = check.at_most_warn();
    }
    clients
}

/// Returns the check for a client that is not installed. Only other programs read its file then.
fn not_installed(check: Check, kind: Kind, env: &Env) -> Check {
    let is_docker = kind == Kind::Docker && check.outcome == Outcome::Pass;
    if !is_docker || kind.descriptor().is_installed(env) {
        return check;
    }
    let name = kind.name();
    Check::warn(
        check.id,
        format!(
            "{name} is not on PATH; for other programs that read its file: {}",
            check.finding
        ),
        format!("fine for kaniko, crane and the like; where {name} itself is to pull, install it"),
    )
}

/// Returns each client's password that would be used for this registry instead of ecr-auth, and the hint.
pub fn passwords_before_us(host: &str, env: &Env, now: SystemTime) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for kind in Kind::ALL.iter().copied().filter(|kind| is_there(*kind, env)) {
        let Ok(mut lookup) = look_up(kind, host, env) else {
            continue;
        };
        variable::look(&mut lookup, env);
        let of = ClientLookup {
            lookup: &lookup,
            host,
            is_for_all: false,
            env,
            now,
        };
        if let Some(first) = &lookup.found
            && let ClientCredentials::Password(password) = &first.answer
        {
            let check = of.password(password, first);
            found.push((
                format!("{}: {}", kind.name(), check.finding),
                check.hint.unwrap_or_default(),
            ));
        }
    }
    found
}

/// Whether a client is checked. Docker is also checked if no other client is installed, because other tools (kaniko, BuildKit, crane) read its
/// file.
fn is_there(kind: Kind, env: &Env) -> bool {
    let is_used = |kind: Kind| kind.descriptor().is_used(env);
    let is_read_by_others = || {
        let file = env.home().is_some_and(|home| home.join(".docker/config.json").exists());
        file || !Kind::ALL.iter().any(|kind| is_used(*kind))
    };
    is_used(kind) || kind == Kind::Docker && is_read_by_others()
}

fn id(kind: Kind) -> &'static str {
    kind.name()
}

fn our_helper(found: &FoundCredentials) -> Option<String> {
    match &found.answer {
        ClientCredentials::Helper { name, .. } if helper::is_ours(name) => Some(name.clone()),
        _ => None,
    }
}

struct ClientLookup<'a> {
    lookup: &'a Lookup,
    host: &'a str,
    is_for_all: bool,
    env: &'a Env,
    now: SystemTime,
}

impl ClientLookup<'_> {
    fn check(&self) -> Check {
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
        id(self.lookup.kind)
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
    fn password(&self, password: &StoredPassword, found: &FoundCredentials) -> Check {
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
        let (key, place) = (shown_key(&miss.key), self.location(&miss.place));
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
        let key = shown_key(&miss.key);
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

/// Returns a key for a message. Blanks and unprintable characters would not be seen without quotes.
fn shown_key(key: &str) -> String {
    match key.contains(|c: char| c.is_whitespace() || c.is_control()) {
        true => format!("{key:?}"),
        false => key.to_owned(),
    }
}

/// Returns a rounded duration for messages.
pub fn roughly(span: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = span.as_secs() + u64::from(span.subsec_millis() >= 500);
    let (one, unit) = match seconds {
        seconds if seconds < 2 * MINUTE => (1, "second"),
        seconds if seconds < 2 * HOUR => (MINUTE, "minute"),
        seconds if seconds < 2 * DAY => (HOUR, "hour"),
        _ => (DAY, "day"),
    };
    let count = (seconds + one / 2) / one;
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// A client's configuration file, and its helper settings.
#[derive(Debug)]
pub struct ClientFile {
    /// The client whose format it has.
    pub kind: Kind,
    /// The path, which need not exist.
    pub path: PathBuf,
    /// The contents.
    pub state: ClientFileState,
    /// The setting that makes one of our helpers answer for every registry, and its file.
    pub for_all: Option<(&'static str, PathBuf)>,
}

/// The contents of a configuration file.
#[derive(Debug)]
pub enum ClientFileState {
    /// The settings. Empty if there is no file.
    Read(HelperSettings),
    /// The file cannot be read, for this reason.
    Odd(String),
}

impl ClientFile {
    /// Returns the registries that have one of our helpers.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        let helpers = self.settings().into_iter().flat_map(|settings| &settings.helpers);
        helpers
            .filter(|(_, name)| helper::is_ours(name))
            .map(|(host, _)| host.as_str())
    }

    /// Whether one of our helpers is asked for every registry.
    pub fn is_store(&self) -> bool {
        self.for_all.is_some()
    }

    fn store(&self) -> Option<&str> {
        let store = self.settings().and_then(|settings| settings.store.as_deref());
        store.filter(|_| self.kind.descriptor().has_store)
    }

    /// Whether one of our helpers is used at all.
    pub fn serves(&self) -> bool {
        self.is_store() || self.hosts().next().is_some()
    }

    /// Whether the file names our helper by its own name, not by amazon-ecr-credential-helper's.
    pub fn names_us(&self) -> bool {
        // Podman's drop-in uses no other name of ours.
        let has_drop_in = self.is_store() && self.kind.descriptor().entry_for_all == EntryForAll::DropIn;
        has_drop_in
            || self.settings().is_some_and(|settings| {
                let mut names = settings.helpers.values().chain(&settings.store);
                names.any(|name| name == HELPER)
            })
    }

    fn settings(&self) -> Option<&HelperSettings> {
        match &self.state {
            ClientFileState::Read(settings) => Some(settings),
            ClientFileState::Odd(_) => None,
        }
    }
}

/// The command that makes ecr-auth serve every registry.
pub const SETUP_ALL: &str = "ecr-auth setup --all";

/// Docker's file in which `setup --all` made ecr-auth the store, and something else changed that, as Docker Desktop does when it starts.
#[derive(Debug)]
pub struct LostStore {
    /// The file.
    pub path: PathBuf,
    now: Option<String>,
}

impl LostStore {
    /// Finds out whether docker has another store now, or none.
    pub fn find(config: &Config, files: &[ClientFile], env: &Env) -> Option<Self> {
        config.fallback()?;
        let file = files.iter().find(|file| file.kind == Kind::Docker)?;
        let settings = file.settings().filter(|_| !file.is_store())?;
        // It may have been done for another folder, which DOCKER_CONFIG named then.
        let recorded = client_config::undo_log(env)?.load().ok()?.files;
        let own = real_path(&file.path).ok()?;
        recorded.get(&own).filter(|record| record.creds_store.is_some())?;
        Some(Self {
            path: file.path.clone(),
            now: settings.store.clone(),
        })
    }

    /// Returns what changed. `place` follows the setting's name.
    pub fn told(&self, place: &str) -> String {
        let now = match &self.now {
            Some(store) => format!("it is {store:?}"),
            None => "it is not set".to_owned(),
        };
        format!("{CREDS_STORE}{place} is no longer ecr-auth: {now}")
    }

    /// Returns the check of it.
    pub fn check(&self, env: &Env) -> Check {
        let told = self.told(&format!(" in {}", shown(&self.path, env)));
        let finding = format!("{told}, so docker does not ask ecr-auth for every registry");
        Check::warn("fallback", finding, format!("run: {SETUP_ALL}"))
    }
}

/// Returns the configuration files of the clients on this machine.
///
/// # Errors
/// There is no home folder.
pub fn files(env: &Env) -> Result<Vec<ClientFile>> {
    let files = config_files(None, None, env)?;
    let read = |file: ConfigFile| ClientFile {
        kind: file.kind,
        state: state_of(file.kind, &file.path),
        path: file.path,
        for_all: None,
    };
    let mut files: Vec<ClientFile> = files.into_iter().map(read).collect();
    let drop_in = DropIn::in_force(env).ok().flatten();
    let is_docker = |file: &&ClientFile| file.kind == Kind::Docker && file.store().is_some_and(helper::is_ours);
    let of_docker = files.iter().find(is_docker).map(|file| file.path.clone());
    for file in &mut files {
        let own = file.store().is_some_and(helper::is_ours).then(|| file.path.clone());
        file.for_all = match file.kind.descriptor().entry_for_all {
            EntryForAll::CredsStore => own.map(|path| (CREDS_STORE, path)),
            EntryForAll::Docker => own.or_else(|| of_docker.clone()).map(|path| (CREDS_STORE, path)),
            EntryForAll::DropIn => drop_in.clone().map(|path| ("credential-helpers", path)),
        };
    }
    Ok(files)
}

fn state_of(kind: Kind, path: &Path) -> ClientFileState {
    let text = match read_text(path) {
        Ok(text) => text.unwrap_or_default(),
        Err(error) => return ClientFileState::Odd(error.cause().to_owned()),
    };
    match HelperSettings::used_by(kind, &text) {
        Ok(settings) => ClientFileState::Read(settings),
        Err(malformed) => ClientFileState::Odd(malformed.to_string()),
    }
}

/// Returns the registries for which clients ask one of our helpers. A doctor without arguments checks these.
pub fn configured_hosts(env: &Env) -> Vec<String> {
    let files = files(env).unwrap_or_default();
    let hosts: BTreeSet<&str> = files.iter().flat_map(ClientFile::hosts).collect();
    hosts.into_iter().map(str::to_owned).collect()
}

/// The registries of ECR that a client's own file has a password for.
pub fn password_hosts(env: &Env) -> Vec<String> {
    let files = files(env).unwrap_or_default();
    let logins = files
        .iter()
        .filter_map(|file| AuthsStore::for_config(&file.path, env).ok()?.list().ok());
    let registries = logins
        .flat_map(BTreeMap::into_keys)
        .filter_map(|key| Registry::parse(&key));
    registries.map(|registry| registry.host().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_rounded() {
        for (seconds, shown) in [
            (0.4, "0 seconds"),
            (1.0, "1 second"),
            (119.4, "119 seconds"),
            (3599.6, "60 minutes"),
            (43_199.0, "12 hours"),
            (259_200.0, "3 days"),
        ] {
            assert_eq!(roughly(Duration::from_secs_f64(seconds)), shown);
        }
    }
}
