//! The credentials that each client would use for a registry: a check for each client.

use std::collections::BTreeSet;
use std::time::SystemTime;

use super::client_lookup::{ClientLookup, our_helper};
use super::report::{Check, Outcome};
use super::variable;
use client_config::{ClientCredentials, Kind, Lookup, look_up, look_up_as_skopeo};
use context::Env;
use diagnostics::Result;

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
    let mut unconfigured = Vec::new();
    let mut works = is_open;
    for (kind, name, lookup) in lookups(host, env) {
        let mut lookup = match lookup {
            Ok(lookup) => lookup,
            Err(error) => {
                clients.checks.push(Check::failed(name, &error));
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

/// Returns what each client that is used here would use for this registry, with the client's name. Skopeo is a client of its own if it would use
/// something else than podman.
fn lookups(host: &str, env: &Env) -> Vec<(Kind, &'static str, Result<Lookup>)> {
    let mut all = Vec::new();
    for kind in Kind::ALL.iter().copied().filter(|kind| is_there(*kind, env)) {
        let found = |lookup: &Result<Lookup>| lookup.as_ref().ok().and_then(|lookup| lookup.found.clone());
        let lookup = look_up(kind, host, env);
        let skopeo = (kind == Kind::Podman).then(|| look_up_as_skopeo(host, env)).flatten();
        let skopeo = skopeo.filter(|it| found(it) != found(&lookup));
        all.push((kind, kind.name(), lookup));
        all.extend(skopeo.map(|lookup| (kind, "skopeo", lookup)));
    }
    all
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
    for (_, name, lookup) in lookups(host, env) {
        let Ok(mut lookup) = lookup else { continue };
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
            found.push((format!("{name}: {}", check.finding), check.hint.unwrap_or_default()));
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
