//! Registry passwords in the formats of other programs.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::Serialize;

use super::text::{dotenv, rfc3339};
use diagnostics::{Code, Error, Result};
use secret::Secret;

/// A registry and its password. The user is always `AWS`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryPassword {
    /// The registry's host, with its port if it has one.
    pub host: String,
    /// The password of the user `AWS`.
    pub password: Secret,
    /// When the password ends.
    pub expires_at: SystemTime,
}

#[derive(Serialize)]
struct PasswordDocument<'a> {
    registries: Vec<PasswordEntry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PasswordEntry<'a> {
    registry: &'a str,
    username: &'a str,
    password: &'a str,
    expires_at: String,
}

/// Returns the passwords for `--format json`, in one line and in the requested order:
/// `{"registries":[{"registry":"<host>","username":"AWS","password":"…","expiresAt":"2026-01-02T03:04:05Z"}]}`.
/// Later versions may add members.
///
/// # Errors
/// An end is not a valid date.
pub fn passwords_json(passwords: &[RegistryPassword]) -> Result<Secret> {
    let entry = |password: &'_ RegistryPassword| rfc3339(password.expires_at);
    let ends = passwords.iter().map(entry).collect::<Result<Vec<_>>>()?;
    let registries = passwords.iter().zip(ends).map(|(it, expires_at)| PasswordEntry {
        registry: &it.host,
        username: ecr_registry::USERNAME,
        password: it.password.expose(),
        expires_at,
    });
    let document = PasswordDocument {
        registries: registries.collect(),
    };
    let json = serde_json::to_string(&document)
        .map_err(|error| Error::failed(Code::ResultNotWritten, "cannot write the passwords", error))?;
    Ok(Secret::new(json + "\n"))
}

/// Returns the password for `--format password`, such as for `docker login --password-stdin`.
pub fn bare_password(password: &RegistryPassword) -> Secret {
    Secret::new(format!("{}\n", password.password.expose()))
}

/// Returns the passwords for `--format github`: the outputs `docker_username_<host>` and `docker_password_<host>`. As in
/// aws-actions/amazon-ecr-login, other characters of the host become `_`.
pub fn passwords_outputs(passwords: &[RegistryPassword]) -> Vec<(String, Secret)> {
    named(passwords, ["docker_username_", "docker_password_"], |c| c)
}

/// Returns the passwords for `--format dotenv`: the lines `DOCKER_USERNAME_<HOST>=…` and `DOCKER_PASSWORD_<HOST>=…`, with names in capitals.
///
/// # Errors
/// Readers of such files would read a password differently.
pub fn passwords_dotenv(passwords: &[RegistryPassword]) -> Result<Secret> {
    let variables = named(passwords, ["DOCKER_USERNAME_", "DOCKER_PASSWORD_"], |c| {
        c.to_ascii_uppercase()
    });
    dotenv(&variables)
}

/// Returns the outputs of [`passwords_outputs`] as `name=value` lines, which `$GITHUB_OUTPUT` takes.
///
/// # Errors
/// A password has characters that such a line can't hold.
pub fn passwords_lines(passwords: &[RegistryPassword]) -> Result<Secret> {
    dotenv(&passwords_outputs(passwords))
}

/// Checks that the hosts get different names in outputs and variables.
///
/// # Errors
/// A usage error if two hosts get the same name.
pub fn check_names(hosts: &[String]) -> Result<()> {
    let mut names = BTreeMap::new();
    for host in hosts {
        let name: String = host.chars().map(plain).collect();
        if let Some(other) = names.insert(name.to_ascii_uppercase(), host) {
            return Err(Error::usage(
                Code::Options,
                "cannot name the passwords",
                format!("{other} and {host} both become {name}"),
            )
            .hint("ask for them in two calls, or use --format json"));
        }
    }
    Ok(())
}

fn named(passwords: &[RegistryPassword], prefixes: [&str; 2], case: fn(char) -> char) -> Vec<(String, Secret)> {
    let mut values = Vec::new();
    for it in passwords {
        let name: String = it.host.chars().map(|c| case(plain(c))).collect();
        let [user, password] = prefixes.map(|prefix| format!("{prefix}{name}"));
        values.push((user, Secret::new(ecr_registry::USERNAME)));
        values.push((password, it.password.clone()));
    }
    values
}

fn plain(c: char) -> char {
    if c.is_ascii_alphanumeric() { c } else { '_' }
}
