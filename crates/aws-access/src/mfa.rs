//! Roles of profiles that ask for an MFA code: the sessions that began with a code, and which callers may use them.

use std::time::{Instant, SystemTime};

use crate::endpoint::Endpoint;
use crate::identity::{ProfileRole, ProfileSource, process_fields};
use crate::job_sign_in::needing_the_cache;
use crate::session_credentials::SessionCredentials;
use context::Env;
use diagnostics::{Code, Error, Result, shell_word};
use secret_cache::{Cache, CacheKey};

/// The name under which the cache keeps these sessions. No registry has it.
const NAME: &str = "mfa-session";

/// A command that does nothing, for a hint.
const NOTHING: &str = if cfg!(windows) { "cmd /c rem" } else { "true" };

/// Sessions that began with an MFA code: those of this process, and those in the user's cache.
#[derive(Debug)]
pub struct MfaSessions {
    cache: Cache,
    begun: Vec<(CacheKey, SessionCredentials)>,
}

impl MfaSessions {
    /// Returns the sessions in the user's cache.
    pub fn from_env(env: &Env) -> Self {
        Self {
            cache: Cache::from_env(env),
            begun: Vec::new(),
        }
    }

    /// Returns the cache that keeps the sessions.
    pub(crate) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Returns the session of a key, if it has not ended.
    pub(crate) fn get(&self, key: &CacheKey, now: SystemTime) -> Option<SessionCredentials> {
        let begun = self.begun.iter().find(|(begun, _)| begun == key);
        let begun = begun.map(|(_, session)| session.clone());
        begun.or_else(|| SessionCredentials::from_cache(&self.cache.warm(key, NAME, now)?.secret).ok())
    }

    /// Keeps a session for this process and, if possible, in the cache for later ones.
    ///
    /// # Errors
    /// The session has no end.
    pub(crate) fn keep(
        &mut self,
        key: CacheKey,
        session: SessionCredentials,
        now: SystemTime,
        deadline: Instant,
    ) -> Result<()> {
        let mut kept = session.to_cache(now)?;
        // Only a person can renew the session, so it is used until it ends.
        kept.renew_at = Some(kept.expires_at);
        if let Some(entry) = self.cache.hold(&key, deadline) {
            entry.keep(kept, NAME, now);
        }
        // A process that failed because this session was missing can now go on.
        self.cache.forget_failures(now);
        self.begun.push((key, session));
        Ok(())
    }
}

/// Returns the key of the session of the profile's role with index `at`. Only a caller with the same resolved profile and the same STS endpoint may
/// use the session.
pub(crate) fn session_key(profile: &ProfileSource, at: usize, sts: &Endpoint, env: &Env) -> CacheKey {
    let key = CacheKey::builder()
        .field("kind", NAME)
        .field("role", at.to_string())
        .field("sts", sts.url.as_deref().unwrap_or_default());
    let of_process = profile.process().map(|line| process_fields(line, env));
    let fields = profile.key_fields().into_iter().chain(of_process.into_iter().flatten());
    fields.fold(key, |key, (name, value)| key.secret(name, &value)).build()
}

/// Returns the error for a role that asks for an MFA code and has no session.
pub(crate) fn no_session(profile: &ProfileSource, role: &ProfileRole, env: &Env) -> Error {
    let serial = role.mfa_serial.as_deref().unwrap_or_default();
    let cause = format!(
        "{} asks for a code of the MFA device {serial}, and no session is kept",
        role.role_arn
    );
    let command = format!(
        "at a terminal, run: ecr-auth assume --profile {} -- {NOTHING}",
        shell_word(&profile.name)
    );
    Error::failed(Code::Mfa, format!("profile {}", role.profile), cause).hint(needing_the_cache(command, env))
}
