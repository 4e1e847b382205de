//! Fetches registry passwords, and stores them where a client keeps its own.

use super::identity::IdentityArgs;
use super::mfa::MfaPrompt;
use crate::output::{self, RegistryPassword};
use aws_access::{NamedPath, PasswordPath};
use client_config::{ConfigFile, PasswordPlace, RegistryLogin, StoredLogin, shown};
use configuration::Config;
use context::Context;
use diagnostics::{Error, Result};
use secret::Secret;
use secret_cache::Cache;

/// The result of [`fetch`].
#[derive(Debug)]
pub struct FetchedPasswords {
    /// The passwords, in the order of the registries.
    pub passwords: Vec<RegistryPassword>,
    /// The CI's tokens that fetched them, if the job has them. They are as secret as the passwords.
    pub tokens: Vec<Secret>,
    /// Optional registries without a password, and why.
    pub failed: Vec<(String, Error)>,
}

impl FetchedPasswords {
    /// Returns everything that the CI's log must not show.
    pub fn secrets(&self) -> Vec<Secret> {
        let of_passwords = self.passwords.iter().flat_map(|it| ci::of_password(&it.password));
        of_passwords.chain(self.tokens.iter().cloned()).collect()
    }
}

/// Fetches a password for each registry, with one call for all registries that share a token. Optional registries among several may fail. `mfa`
/// asks for the codes that the identities need.
///
/// # Errors
/// A password cannot be fetched.
pub fn fetch(
    identity: &IdentityArgs,
    hosts: &[String],
    config: &Config,
    mut mfa: Option<&mut MfaPrompt>,
    context: &mut Context<'_>,
) -> Result<FetchedPasswords> {
    let cache = Cache::from_env(&context.env);
    let mut fetched = FetchedPasswords {
        passwords: Vec::new(),
        tokens: Vec::new(),
        failed: Vec::new(),
    };
    let mut paths = Vec::new();
    for host in hosts {
        let Some(target) = config.target(host) else { continue };
        let settings = identity.identity(&target.identity())?;
        let mut path = PasswordPath::choose(&context.env, target.registry(), settings)?;
        if let Some(mfa) = &mut mfa {
            mfa.begin(&mut path, context)?;
        }
        paths.push((host, target.is_optional(), path));
    }
    let named = paths.iter().map(|(host, _, path)| NamedPath { path, name: host });
    let held = aws_access::passwords(&named.collect::<Vec<_>>(), &cache, context)?;
    for ((host, is_optional, path), held) in paths.iter().zip(held) {
        fetched.tokens.extend(path.identity().token());
        match held {
            Ok(held) => fetched.passwords.push(RegistryPassword {
                host: (*host).clone(),
                password: held.secret,
                expires_at: held.expires_at,
            }),
            Err(error) if *is_optional && hosts.len() > 1 => fetched.failed.push(((*host).clone(), error)),
            Err(error) => return Err(error),
        }
    }
    Ok(fetched)
}

/// Stores the passwords where the client of this file keeps its own, and prints a line for each. Returns where each was stored.
///
/// # Errors
/// The errors of [`client_config::store`], or an end that is not a valid date.
pub fn store(file: &ConfigFile, passwords: &[RegistryPassword], context: &mut Context<'_>) -> Result<Vec<StoredLogin>> {
    let record = client_config::undo_log(&context.env);
    let logins: Vec<RegistryLogin<'_>> = passwords
        .iter()
        .map(|it| RegistryLogin {
            host: &it.host,
            password: &it.password,
        })
        .collect();
    let stored = client_config::store(file, &logins, record.as_ref(), &context.env)?;
    for (login, password) in stored.logins.iter().zip(passwords) {
        report(file, login, password, context)?;
    }
    if let Some(error) = &stored.not_recorded {
        context.say(&format!(
            "warning: what was stored cannot be recorded, so it will not be taken out again: {error}"
        ));
    }
    Ok(stored.logins)
}

fn report(
    file: &ConfigFile,
    login: &StoredLogin,
    password: &RegistryPassword,
    context: &mut Context<'_>,
) -> Result<()> {
    let (client, host) = (file.kind.name(), &login.host);
    let until = output::rfc3339(password.expires_at)?;
    let line = match &login.place {
        PasswordPlace::File => format!("until {until}, in {}", shown(&file.path, &context.env)),
        PasswordPlace::Store(name) => format!("until {until}, in the credential store {name}"),
        PasswordPlace::Helper(name) => format!("by the credential helper {name}: nothing had to be stored"),
    };
    context.say(&format!("{client}: signed in to {host} {line}"));
    if login.replaced {
        context.say(&format!(
            "warning: {client} had another password for {host}; it is gone, and logout cannot put it back"
        ));
    }
    Ok(())
}
