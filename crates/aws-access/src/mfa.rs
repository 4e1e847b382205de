//! Roles of profiles that ask for an MFA code: the sessions that began with a code, and who may use them.

use std::time::{Instant, SystemTime};

use crate::endpoint::Endpoint;
use crate::identity::{ProfileRole, ProfileSource, process_fields};
use crate::session_credentials::SessionCredentials;
use context::{Env, variables};
use diagnostics::{Code, Error, Result};
use secret_cache::{Cache, CacheKey};

/// The name under which the cache keeps these sessions. No registry has it.
const NAME: &str = "mfa-session";

/// A command that needs nothing and changes nothing.
const NOTHING: &str = if cfg!(windows) { "cmd /c rem" } else { "true" };

/// Sessions that began with an MFA code: those of this process, and those that the user's cache keeps for later ones.
#[derive(Debug)]
pub struct MfaSessions {
    cache: Cache,
    begun: Vec<(CacheKey, SessionCredentials)>,
}

impl MfaSessions {
    /// The sessions that the user's cache keeps.
    pub fn from_env(env: &Env) -> Self {
        Self {
            cache: Cache::from_env(env),
            begun: Vec::new(),
        }
    }

    /// The cache that keeps the sessions.
    pub(crate) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The session of a key, if it has not ended.
    pub(crate) fn get(&self, key: &CacheKey, now: SystemTime) -> Option<SessionCredentials> {
        let begun = self.begun.iter().find(|(begun, _)| begun == key);
        let begun = begun.map(|(_, session)| session.clone());
        begun.or_else(|| SessionCredentials::from_cache(&self.cache.warm(key, NAME, now)?.secret).ok())
    }

    /// Keeps a session for this process and, where the cache can, for later ones.
    ///
    /// # Errors
    /// A session without an end.
    pub(crate) fn keep(
        &mut self,
        key: CacheKey,
        session: SessionCredentials,
        now: SystemTime,
        deadline: Instant,
    ) -> Result<()> {
        let mut kept = session.to_cache(now)?;
        // Only a person can renew it, so it serves until it ends.
        kept.renew_at = Some(kept.expires_at);
        if let Some(entry) = self.cache.hold(&key, deadline) {
            entry.keep(kept, NAME, now);
        }
        // A process that failed for want of this session can go on now.
        self.cache.forget_failures(now);
        self.begun.push((key, session));
        Ok(())
    }
}

/// The key of the session of the profile's role number `at`: only a caller who holds all that the profile resolves to may use it, and
/// only where the same STS would be asked.
pub(crate) fn session_key(profile: &ProfileSource, at: usize, sts: &Endpoint, env: &Env) -> CacheKey {
    let key = CacheKey::builder()
        .field("kind", NAME)
        .field("role", at.to_string())
        .field("sts", sts.url.as_deref().unwrap_or_default());
    let of_process = profile.process().map(|line| process_fields(line, env));
    let fields = profile.key_fields().into_iter().chain(of_process.into_iter().flatten());
    fields.fold(key, |key, (name, value)| key.secret(name, &value)).build()
}

/// There is no session of a role that asks for an MFA code.
pub(crate) fn no_session(profile: &ProfileSource, role: &ProfileRole, env: &Env) -> Error {
    let serial = role.mfa_serial.as_deref().unwrap_or_default();
    let cause = format!(
        "{} asks for a code of the MFA device {serial}, and no session is kept",
        role.role_arn
    );
    let command = format!(
        "at a terminal, run: ecr-auth assume --profile {} -- {NOTHING}",
        profile.name
    );
    Error::failed(Code::Mfa, format!("profile {}", role.profile), cause).hint(match Cache::folder(env) {
        Some(_) => command,
        None => format!(
            "the cache is off, so that no session can be kept: unset {} and {}; then, {command}",
            variables::ECR_AUTH_CACHE,
            variables::AWS_ECR_DISABLE_CACHE
        ),
    })
}
