//! The credentials of a profile: its first ones, and the roles that are assumed with them.

use std::ops::Range;
use std::time::SystemTime;

use aws_credential_types::Credentials;

use crate::client::Aws;
use crate::endpoint::{Endpoint, check_sign_in};
use crate::identity::{ProfileBase, ProfileSource};
use crate::mfa::{MfaSessions, no_session, session_key};
use crate::sign_in::{Destination, sts_of_profile};
use crate::sts::{MfaCode, RoleCall};
use context::program::{self, ProgramFailure};
use diagnostics::{Code, Error, Result, shell_word};
use secret::Secret;
use serde::Deserialize;
use settings::RoleSettings;

/// The variable that tells a `credential_process` how many of them run around it.
const DEPTH: &str = "_ECR_AUTH_DEPTH";

/// How many may run inside each other. A profile whose command leads back to the profile would start programs without end.
const DEEPEST: u32 = 8;

impl Aws<'_> {
    /// Returns the credentials of a profile.
    ///
    /// # Errors
    /// The profile's source fails, with a hint, or one of its roles is denied.
    pub(crate) async fn profile(&self, profile: &ProfileSource, to: Destination<'_>) -> Result<Credentials> {
        let sts = sts_of_profile(self.env, self.identity, to)?;
        let (begun, from) = match profile.last_mfa_role() {
            Some(at) => (self.mfa_session(profile, at, &sts)?, at + 1),
            None => (self.profile_base(profile, &sts, to).await?, 0),
        };
        self.profile_roles(profile, from..profile.roles.len(), begun, &[], &sts)
            .await
    }

    /// Returns the session of the profile's role with index `last`. `codes` are the codes that its roles ask for, in their order.
    ///
    /// # Errors
    /// The errors of [`Aws::profile`], or a wrong code.
    pub(crate) async fn begin_profile(
        &self,
        profile: &ProfileSource,
        last: usize,
        codes: &[Secret],
        to: Destination<'_>,
    ) -> Result<Credentials> {
        let sts = sts_of_profile(self.env, self.identity, to)?;
        let base = self.profile_base(profile, &sts, to).await?;
        self.profile_roles(profile, 0..last + 1, base, codes, &sts).await
    }

    /// Returns the session of the profile's role with index `at`, which a person began with an MFA code.
    fn mfa_session(&self, profile: &ProfileSource, at: usize, sts: &Endpoint) -> Result<Credentials> {
        let session = self.identity.mfa_session.clone().or_else(|| {
            let key = session_key(profile, at, sts, self.env);
            MfaSessions::from_env(self.env).get(&key, SystemTime::now())
        });
        let session = session.ok_or_else(|| no_session(profile, &profile.roles[at], self.env))?;
        Ok(session.to_sdk())
    }

    async fn profile_base(&self, profile: &ProfileSource, sts: &Endpoint, to: Destination<'_>) -> Result<Credentials> {
        match &profile.base {
            ProfileBase::Keys {
                access_key_id,
                secret_access_key,
                session_token,
            } => Ok(static_keys(
                access_key_id,
                secret_access_key,
                session_token.as_ref(),
                "profile",
            )),
            ProfileBase::Process(line) => self.process(&profile.base_profile, line),
            ProfileBase::Sso(sso) => {
                check_sign_in(self.env, self.identity)?;
                self.sso(&profile.base_profile, sso).await
            }
            ProfileBase::Login(session) => self.login_session(&profile.base_profile, session, sts.region()).await,
            ProfileBase::WebIdentity {
                role_arn,
                token_file,
                session_name,
            } => {
                self.assume_with_token_file(role_arn, token_file, session_name, sts)
                    .await
            }
            // The source is never a profile again, but the compiler cannot know that.
            ProfileBase::Elsewhere(source) => Box::pin(self.of_chain(source, to)).await,
        }
    }

    /// Assumes some of the profile's roles, one after the other.
    async fn profile_roles(
        &self,
        profile: &ProfileSource,
        which: Range<usize>,
        with: Credentials,
        codes: &[Secret],
        sts: &Endpoint,
    ) -> Result<Credentials> {
        let (mut credentials, mut codes) = (with, codes.iter());
        for (after, role) in which.clone().zip(&profile.roles[which]) {
            let settings = RoleSettings {
                external_id: role.external_id.clone(),
                duration: role.duration,
                ..RoleSettings::default()
            };
            let mfa = role.mfa_serial.as_deref();
            let call = RoleCall {
                after,
                mfa: mfa.and_then(|serial| {
                    Some(MfaCode {
                        serial,
                        code: codes.next()?,
                    })
                }),
                ..RoleCall::only(&role.role_arn, &role.session_name, &settings)
            };
            credentials = self.assume(&call, credentials, sts).await?;
        }
        Ok(credentials)
    }

    /// Runs a `credential_process` as a line of the shell.
    /// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>
    fn process(&self, profile: &str, line: &Secret) -> Result<Credentials> {
        let failed = |cause: String| {
            let hint = format!("run: aws sts get-caller-identity --profile {}", shell_word(profile));
            Error::failed(
                Code::ProfileFailed,
                format!("profile {profile}"),
                format!("its credential_process failed: {cause}"),
            )
            .hint(hint)
        };
        let budget = self.time_left();
        let depth = self.env.get(DEPTH).and_then(|depth| depth.parse().ok()).unwrap_or(0);
        if depth >= DEEPEST {
            let error = failed("it runs ecr-auth, which runs it again".to_owned());
            return Err(error.hint("let its command take the credentials of another profile"));
        }
        let mut command = program::shell(line.expose());
        command.env(DEPTH, (depth + 1).to_string());
        let printed = program::output(&mut command, None, budget);
        let printed = printed.map_err(|failure| match why_ended(&failure) {
            Some((cause, hint)) => failed(cause).hint(hint),
            None => failed(failure.to_string()),
        })?;
        let answer = serde_json::from_str::<ProcessAnswer>(printed.expose())
            .map_err(|error| failed(format!("it printed no valid credentials: {}", without_values(&error))))?;
        if answer.version != 1 {
            return Err(failed(format!(
                "it answers in version {} of the format, and only version 1 is known",
                answer.version
            )));
        }
        let expires_at = match answer.expiration.filter(|time| !time.is_empty()) {
            Some(time) => Some(
                crate::expiration::parse(&time)
                    .ok_or_else(|| failed("the Expiration that it printed is not a time".to_owned()))?,
            ),
            None => None,
        };
        Ok(Credentials::new(
            answer.access_key_id.expose(),
            answer.secret_access_key.expose(),
            answer
                .session_token
                .map(|token| token.expose().to_owned())
                .filter(|token| !token.is_empty()),
            expires_at,
            "credential_process",
        ))
    }
}

/// Says what a status of the shell means if the program itself did not choose it, and what to do.
fn why_ended(failure: &ProgramFailure) -> Option<(String, &'static str)> {
    let ProgramFailure::Ended(status) = failure else {
        return None;
    };
    let (why, hint) = match status.code()? {
        // The second is that of Windows' command line.
        127 | 9009 => (
            "there is no such program".to_owned(),
            "name the program in credential_process by its whole path: other programs that call this one may have another PATH",
        ),
        126 => (
            "the program may not be run".to_owned(),
            "check that credential_process names a program, and that this user may run it",
        ),
        code @ 129..=192 => (
            format!("a signal ({}) ended the program", code - 128),
            "look at what ends it: too little memory, or a limit of this machine",
        ),
        _ => return None,
    };
    Some((format!("{why} ({status})"), hint))
}

/// The output of a `credential_process`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ProcessAnswer {
    version: u64,
    #[serde(with = "secret::exposed")]
    access_key_id: Secret,
    #[serde(with = "secret::exposed")]
    secret_access_key: Secret,
    #[serde(default, deserialize_with = "secret::exposed::optional")]
    session_token: Option<Secret>,
    expiration: Option<String>,
}

/// Describes a JSON error without quoting the text.
pub(crate) fn without_values(error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Data => {
            let text = error.to_string();
            match text
                .split_once('`')
                .filter(|_| text.starts_with("missing field"))
                .and_then(|(_, rest)| rest.split_once('`'))
            {
                Some((field, _)) => format!("{field} is missing"),
                None => "a field has the wrong type".to_owned(),
            }
        }
        _ => "it is not JSON".to_owned(),
    }
}

/// Returns static keys as credentials.
pub(crate) fn static_keys(
    id: &str,
    secret: &Secret,
    session_token: Option<&Secret>,
    source: &'static str,
) -> Credentials {
    let session_token = session_token.map(|token| token.expose().to_owned());
    Credentials::new(id, secret.expose(), session_token, None, source)
}
