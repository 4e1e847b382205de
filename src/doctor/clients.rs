//! What each client would use for a registry: which of its files wins, and what in it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::helper;
use super::report::{Check, Outcome};
use super::variable;
use client_config::{
    ClientCredentials, ConfigFile, ConfigLocation, CredentialStore, DropIn, EntryForAll, FoundCredentials, HELPER,
    HelperSettings, Kind, Lookup, NearMiss, Slip, StoredPassword, config_files, look_up, read_text, shown,
};
use context::{Env, program, variables};
use diagnostics::{Code, Error, Result};
use ecr_registry::Registry;

/// The setting of docker's that names the store of every registry.
const CREDS_STORE: &str = "credsStore";

/// How many other registries are named, at most, where the one that is asked for has no helper.
const OTHERS: usize = 3;

/// What was found of the clients.
#[derive(Debug, Default)]
pub struct Clients {
    /// A check a client.
    pub checks: Vec<Check>,
    /// The helpers of ours that they call, by the end of the program's name.
    pub helpers: BTreeSet<String>,
}

/// Looks at docker, and at podman where it, buildah or skopeo is. `is_open`: the registry serves those without credentials too.
pub fn look(host: &str, is_open: bool, env: &Env, now: SystemTime) -> Clients {
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
            env,
            now,
        };
        let check = of.check();
        works |= check.outcome == Outcome::Pass;
        clients.checks.push(not_installed(check, kind, env));
    }
    for index in unconfigured.into_iter().filter(|_| works) {
        // One client is used here, and not the other; or none need be.
        let check = clients.checks[index].clone();
        clients.checks[index] = check.at_most_warn();
    }
    clients
}

/// A docker that isn't there pulls nothing, however well it is set up: only programs that read its file do.
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

/// Returns what is found of each client that would use a password for this registry in the place of our helper, and what to do about it.
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

/// Docker is looked at wherever no other client is: other tools (kaniko, BuildKit, crane) read its file.
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

    /// The helper is ours. Whether it is on PATH is another check's.
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
        match self.near() {
            near if near.is_empty() => Check::pass(self.id(), finding),
            near => Check::warn(
                self.id(),
                format!("{finding}{near}"),
                format!("take that key out: {} is there as clients compare it, whole", self.host),
            ),
        }
    }

    /// The store of docker's file that is not there: docker doesn't need it for this registry, and others ask it first.
    fn missing_store(&self) -> Option<&str> {
        self.lookup.shadowed.iter().find_map(|found| match &found.answer {
            ClientCredentials::Helper { name, named_by } if *named_by == CREDS_STORE => {
                let program = program::on_path(&format!("docker-credential-{name}"), self.env);
                program.is_none().then_some(name.as_str())
            }
            _ => None,
        })
    }

    /// What is there too, and not used.
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

    /// A store or helper of somebody else's: what it has, it has from a login.
    fn another(&self, name: &str, named_by: &'static str, found: &FoundCredentials) -> Check {
        let place = self.place(found);
        let stored = CredentialStore::find(name, named_by, self.env).and_then(|store| store.get(self.host));
        match stored {
            Err(error) => {
                let cause = format!("{}: {}", error.what(), error.cause());
                let is_missing = program::on_path(&format!("docker-credential-{name}"), self.env).is_none();
                let has_slip = name.starts_with("docker-credential-");
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
                    self.near()
                ),
                self.setup_hint(),
            ),
            Ok(Some(stored)) => self.password(&StoredPassword::from_secret(&stored.secret), found),
        }
    }

    /// A password is used that a login left. ECR's live for 12 hours.
    fn password(&self, password: &StoredPassword, found: &FoundCredentials) -> Check {
        let what = match &found.answer {
            ClientCredentials::Password(_) => format!("the password in auths of {}", self.place(found)),
            ClientCredentials::Helper { name, .. } => format!("the password that a login left in {name}"),
        };
        let finding = format!("{what} is used{}", self.hides());
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
                    format!("{finding}: it ended {ago} ago"),
                    hint,
                )
            }
            Some(end) => {
                let left = roughly(end.duration_since(self.now).unwrap_or_default());
                Check::warn(
                    self.id(),
                    format!("{finding}: it ends in {left}, and nothing renews it"),
                    hint,
                )
            }
            // ECR's own say when they end.
            None if Registry::parse(self.host).is_some() => Check::fail(
                self.id(),
                Code::OldLogin,
                format!("{finding}: it is not one that ECR gives out today"),
                hint,
            ),
            None => Check::warn(self.id(), format!("{finding}: it is not known when it ends"), hint),
        }
    }

    /// The helper of ours that the password hides.
    fn hides(&self) -> String {
        let helper = self.lookup.shadowed.iter().find_map(our_helper);
        helper.map_or_else(String::new, |name| format!(" before docker-credential-{name}"))
    }

    fn nothing(&self) -> Check {
        if let Some(miss) = self.lookup.near_misses.first() {
            let meant = match miss.slip {
                Slip::Registry(_) => self.host,
                Slip::Setting(setting) => setting,
            };
            let way_out = format!("write the key as {meant}, or run: ecr-auth setup {}", self.host);
            return Check::fail(self.id(), Code::KeyNeverMatches, self.never(miss), way_out);
        }
        let read: Vec<String> = self.lookup.files.iter().map(|file| shown(file, self.env)).collect();
        let finding = format!(
            "no helper is set for {} in {}{}",
            self.host,
            read.join(", "),
            self.others()
        );
        Check::fail(self.id(), Code::NotConfigured, finding, self.setup_hint())
    }

    /// The registries that one of our helpers is asked for in those files: a slip in the account or the region is seen beside them.
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
        let (key, place) = (&miss.key, self.location(&miss.place));
        match miss.slip {
            Slip::Registry(setting) => format!(
                "the key {key} in {setting} of {place} never matches: the registry is {}, and the whole key must match",
                self.host
            ),
            Slip::Setting(setting) => format!("the key {key} of {place} is not a setting: did you mean {setting}?"),
        }
    }

    fn near(&self) -> String {
        let miss = self.lookup.near_misses.first();
        miss.map_or_else(String::new, |miss| match miss.slip {
            Slip::Registry(setting) => format!("; the key {} in {setting} never matches", miss.key),
            Slip::Setting(setting) => format!("; the key {} is not a setting: did you mean {setting}?", miss.key),
        })
    }

    fn setup_hint(&self) -> String {
        let under_sudo = match self.env.get(variables::SUDO_USER) {
            Some(_) => " (under sudo, the client reads root's files: set it up with sudo too)",
            None => "",
        };
        format!("run: ecr-auth setup {}{under_sudo}", self.host)
    }
}

/// A time span for people, rounded.
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

/// A client's configuration file, and what it says of helpers.
#[derive(Debug)]
pub struct ClientFile {
    /// Whose format it has.
    pub kind: Kind,
    /// Where it is, or would be.
    pub path: PathBuf,
    /// What it says.
    pub state: ClientFileState,
    /// The setting by which one of our helpers is asked for every registry, and the file that has it.
    pub for_all: Option<(&'static str, PathBuf)>,
}

/// What a configuration file says.
#[derive(Debug)]
pub enum ClientFileState {
    /// This; nothing where there is no file.
    Read(HelperSettings),
    /// It can't be read, for this reason.
    Odd(String),
}

impl ClientFile {
    /// The registries that one of our helpers is asked for.
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

    /// Whether one of our helpers is asked at all.
    pub fn serves(&self) -> bool {
        self.is_store() || self.hosts().next().is_some()
    }

    /// Whether anything in it names our helper by its own name, and not by amazon-ecr-credential-helper's.
    pub fn names_us(&self) -> bool {
        // Podman's drop-in has no other name of ours than this.
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

/// The files that the clients on this machine have for their own.
///
/// # Errors
/// There is no home folder to look in.
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
    match HelperSettings::of_client(kind, &text) {
        Ok(settings) => ClientFileState::Read(settings),
        Err(malformed) => ClientFileState::Odd(malformed.to_string()),
    }
}

/// The registries that clients ask one of our helpers for: what a doctor without an argument looks at.
pub fn configured_hosts(env: &Env) -> Vec<String> {
    let files = files(env).unwrap_or_default();
    let hosts: BTreeSet<&str> = files.iter().flat_map(ClientFile::hosts).collect();
    hosts.into_iter().map(str::to_owned).collect()
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
