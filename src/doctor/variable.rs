//! `DOCKER_AUTH_CONFIG`, as this machine's docker reads it.

use super::helper::VERSION_BUDGET;
use super::report::Check;
use client_config::{ConfigLocation, Lookup};
use context::{Env, program};

/// The first version of docker that reads the variable.
const FIRST_READER: (u32, u32) = (28, 3);

/// Ignores the variable if this docker does not read it. Returns a check if there is a problem with the variable.
pub fn look(lookup: &mut Lookup, env: &Env) -> Option<Check> {
    let found = lookup.found.as_ref();
    let is_used = found.is_some_and(|found| found.place == ConfigLocation::Variable);
    if !is_used && lookup.dropped_variable.is_none() {
        return None;
    }
    let id = lookup.kind.name();
    let older = docker_version(env).filter(|version| *version < FIRST_READER);
    match (&lookup.dropped_variable, older) {
        (Some(reason), None) => Some(Check::warn(
            id,
            format!("docker drops DOCKER_AUTH_CONFIG: {reason}"),
            "put nothing there but {\"auths\": {\"HOST\": {\"auth\": …}}}, without quotes around it, or unset it",
        )),
        (None, Some(version)) => {
            let mut rest = std::mem::take(&mut lookup.shadowed).into_iter();
            lookup.found = rest.next();
            lookup.shadowed = rest.collect();
            Some(Check::warn(
                id,
                format!(
                    "DOCKER_AUTH_CONFIG has a password for this registry; docker {}.{} doesn't read it",
                    version.0, version.1
                ),
                "take the registry out of DOCKER_AUTH_CONFIG: from docker 28.3 on it comes before the helper",
            ))
        }
        _ => None,
    }
}

/// Returns docker's version from `Docker version 20.10.24+dfsg1, build 297e128`. This needs no engine.
fn docker_version(env: &Env) -> Option<(u32, u32)> {
    let mut command = ::ci::without_secrets(&program::on_path("docker", env)?, env, &[]);
    let said = program::output(command.arg("--version"), None, VERSION_BUDGET).ok()?;
    let version = said.expose().strip_prefix("Docker version ")?;
    let mut numbers = version.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
