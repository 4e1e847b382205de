//! Registry passwords, as other programs take them.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::Serialize;

use super::text::{dotenv, rfc3339};
use diagnostics::{Code, Error, Result};
use secret::Secret;

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

/// `--format json`, one line:
/// `{"registries":[{"registry":"<host>","username":"AWS","password":"…","expiresAt":"2026-01-02T03:04:05Z"}]}`, in the order asked
/// for. Later versions may add members.
///
/// # Errors
/// An end that no calendar knows.
pub fn passwords_json(passwords: &[RegistryPassword]) -> Result<Secret> {
    let entry = |password: &'_ RegistryPassword| rfc3339(password.expires_at);
    let ends = passwords.iter().map(entry).collect::<Result<Vec<_>>>()?;
    let registries = passwords.iter().zip(ends).map(|(it, expires_at)| PasswordEntry {
        registry: &it.host,
        username: RegistryPassword::USERNAME,
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

/// `--format password`: the password alone, for `docker login --password-stdin`.
pub fn bare_password(password: &RegistryPassword) -> Secret {
    Secret::new(format!("{}\n", password.password.expose()))
}

/// `--format github`: the outputs `docker_username_<host>` and `docker_password_<host>`, the host's other characters replaced by
/// `_`, as aws-actions/amazon-ecr-login names them.
pub fn passwords_outputs(passwords: &[RegistryPassword]) -> Vec<(String, Secret)> {
    named(passwords, ["docker_username_", "docker_password_"], |c| c)
}

/// `--format dotenv`: the same as `DOCKER_USERNAME_<HOST>=…` and `DOCKER_PASSWORD_<HOST>=…`, in capitals, as variables of the
/// environment are.
///
/// # Errors
/// A password that not every reader of such files would read alike.
pub fn passwords_dotenv(passwords: &[RegistryPassword]) -> Result<Secret> {
    let variables = named(passwords, ["DOCKER_USERNAME_", "DOCKER_PASSWORD_"], |c| {
        c.to_ascii_uppercase()
    });
    dotenv(&variables)
}

/// Makes sure that the names which hosts have in outputs and variables differ.
///
/// # Errors
/// A usage error: two hosts with one name.
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
        values.push((user, Secret::new(RegistryPassword::USERNAME)));
        values.push((password, it.password.clone()));
    }
    values
}

fn plain(c: char) -> char {
    if c.is_ascii_alphanumeric() { c } else { '_' }
}
