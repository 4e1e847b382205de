//! Begins the session of a role that asks for an MFA code, with a code that a person types.

use crate::client::Aws;
use crate::identity::Identity;
use crate::mfa::{MfaSessions, session_key};
use crate::secret_path::{ObtainableSecret, SecretPath};
use crate::session_credentials::SessionCredentials;
use crate::sign_in::{Destination, sts_of_profile};
use context::{Context, budget, deadline};
use diagnostics::Result;
use secret::Secret;
use std::time::Instant;

/// Asks a person for the code of an MFA device. The argument is `mfa_serial`.
pub type AskForCode<'a> = dyn FnMut(&str) -> Result<Secret> + 'a;

impl MfaSessions {
    /// Begins the session of the identity's last role that asks for an MFA code, unless one is kept. The identity then uses it.
    ///
    /// # Errors
    /// The error of `ask`, a wrong code, or the errors of [`Aws::credentials`].
    pub fn begin(
        &mut self,
        identity: &mut Identity,
        to: Destination<'_>,
        context: &Context<'_>,
        ask: &mut AskForCode<'_>,
    ) -> Result<()> {
        let env = &context.env;
        let Some((profile, at)) = identity
            .profile()
            .and_then(|profile| Some((profile, profile.last_mfa_role()?)))
        else {
            return Ok(());
        };
        let key = session_key(profile, at, &sts_of_profile(env, identity, to)?, env);
        let session = match self.get(&key, context.now()) {
            Some(session) => session,
            None => {
                let devices = profile.roles[..=at]
                    .iter()
                    .filter_map(|role| role.mfa_serial.as_deref());
                let codes = devices.map(&mut *ask).collect::<Result<Vec<_>>>()?;
                let aws = Aws::new(env, identity, budget(env)?)?.shown_on(&context.progress);
                let credentials = aws.within(aws.begin_profile(profile, at, &codes, to))?;
                let session = SessionCredentials::from(&credentials);
                self.keep(key, session.clone(), context.now(), deadline(env, Instant::now())?)?;
                session
            }
        };
        identity.mfa_session = Some(session);
        Ok(())
    }
}

impl<W: ObtainableSecret> SecretPath<W> {
    /// Begins the session that this path needs, as [`MfaSessions::begin`] does, unless the secret itself is in the cache.
    ///
    /// # Errors
    /// The errors of [`MfaSessions::begin`].
    pub fn begin_mfa(
        &mut self,
        sessions: &mut MfaSessions,
        context: &Context<'_>,
        ask: &mut AskForCode<'_>,
    ) -> Result<()> {
        if sessions.cache().warm(&self.key, "", context.now()).is_some() {
            return Ok(());
        }
        sessions.begin(&mut self.identity, self.wanted.destination(), context, ask)
    }
}
