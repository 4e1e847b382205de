//! Registry passwords, as other programs take them.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::Serialize;

use super::text::{dotenv, rfc3339};
use crate::error::{Error, Result};
use crate::secret::Secret;

/// A registry and what opens it. The user is always `AWS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryPassword {
    /// The registry's host, with its port if it has one.
    pub host: String,
    /// The password of the user `AWS`.
    pub password: Secret,
    /// When it ends.
    pub expires_at: SystemTime,
}

impl RegistryPassword {
    /// The user of every ECR password.
    pub const USERNAME: &str = "AWS";
}

#[derive(Serialize)]
struct Document<'a> {
    registries: Vec<Entry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    registry: &'a str,
    username: &'a str,
    password: &'a str,
    expires_at: String,
}

/// `--format json`, one line:
/// `{"registries":[{"registry":"<host>","username":"AWS","password":"…","expiresAt":"2026-01-02T03:04:05Z"}]}`, in the order asked
/// for. Later versions may add members.
///
/// # Errors
/// An end that no calendar knows.
pub fn passwords_json(passwords: &[RegistryPassword]) -> Result<Secret> {
    let entry = |password: &'_ RegistryPassword| rfc3339(password.expires_at);
    let ends = passwords.iter().map(entry).collect::<Result<Vec<_>>>()?;
    let registries = passwords.iter().zip(ends).map(|(it, expires_at)| Entry {
        registry: &it.host,
        username: RegistryPassword::USERNAME,
        password: it.password.expose(),
        expires_at,
    });
    let document = Document {
        registries: registries.collect(),
    };
    let json = serde_json::to_string(&document).map_err(|error| Error::failed("cannot write the passwords", error))?;
    Ok(Secret::new(json + "\n"))
}

/// `--format password`: the password alone, for `docker login --password-stdin`.
///
/// # Errors
/// A usage error for any number of registries but one: nobody could tell whose password it is.
pub fn bare_password(passwords: &[RegistryPassword]) -> Result<Secret> {
    match passwords {
        [one] => Ok(Secret::new(format!("{}\n", one.password.expose()))),
        several => Err(Error::usage(
            "cannot print the password alone",
            format!("{} registries are asked for", several.len()),
        )
        .hint("name one registry, or use --format json")),
    }
}

/// `--format github`: the outputs `docker_username_<host>` and `docker_password_<host>`, the host's other characters replaced by
/// `_`, as aws-actions/amazon-ecr-login names them.
///
/// # Errors
/// Two hosts with one name.
pub fn passwords_outputs(passwords: &[RegistryPassword]) -> Result<Vec<(String, Secret)>> {
    named(passwords, ["docker_username_", "docker_password_"], |c| c)
}

/// `--format dotenv`: the same as `DOCKER_USERNAME_<HOST>=…` and `DOCKER_PASSWORD_<HOST>=…`, in capitals, as variables of the
/// environment are.
///
/// # Errors
/// Two hosts with one name; a password that not every reader of such files would read alike.
pub fn passwords_dotenv(passwords: &[RegistryPassword]) -> Result<Secret> {
    let variables = named(passwords, ["DOCKER_USERNAME_", "DOCKER_PASSWORD_"], |c| {
        c.to_ascii_uppercase()
    })?;
    dotenv(&variables)
}

fn named(passwords: &[RegistryPassword], prefixes: [&str; 2], case: fn(char) -> char) -> Result<Vec<(String, Secret)>> {
    let mut hosts = BTreeMap::new();
    let mut values = Vec::new();
    for it in passwords {
        let name: String = it.host.chars().map(|c| case(plain(c))).collect();
        if let Some(other) = hosts.insert(name.clone(), &it.host) {
            return Err(Error::usage(
                "cannot name the passwords",
                format!("{other} and {} both become {name}", it.host),
            )
            .hint("ask for them in two calls, or use --format json"));
        }
        let [user, password] = prefixes.map(|prefix| format!("{prefix}{name}"));
        values.push((user, Secret::new(RegistryPassword::USERNAME)));
        values.push((password, it.password.clone()));
    }
    Ok(values)
}

fn plain(c: char) -> char {
    if c.is_ascii_alphanumeric() { c } else { '_' }
}
