//! The AWS credentials of an identity. Only the identity's own source is asked.

use std::path::Path;

use aws_credential_types::Credentials;

use crate::client::Aws;
use crate::denial::IssuedToken;
use crate::endpoint::Endpoint;
use crate::identity::{ChainSource, CredentialSource, RoleBase, RolePlan, audience, explain_missing};
use crate::keys::check_keys;
use crate::profile_credentials::static_keys;
use crate::sign_in::{self, Destination};
use crate::sts::RoleCall;
use ci::{CiToken, missing_token, missing_token_before};
use diagnostics::Result;
use oidc_token::{Claims, read_token_file};
use settings::{RoleSettings, SourceChoice};

impl Aws<'_> {
    /// Returns the credentials of the identity's source. No other source is tried.
    ///
    /// # Errors
    /// The source fails, with a hint, or the keys cannot be AWS's.
    pub async fn credentials(&self, to: Destination<'_>) -> Result<Credentials> {
        let credentials = match &self.identity.source {
            CredentialSource::Role(plan) => self.role(plan, to).await,
            CredentialSource::Profile(profile) => self.profile(profile, to).await,
            CredentialSource::Cognito(settings) => self.cognito(settings, to).await,
            CredentialSource::Chain(source) => {
                let found = self.of_chain(source, to).await;
                found.map_err(|error| explain_missing(error, self.env))
            }
        }?;
        check_keys(&credentials)?;
        Ok(credentials)
    }

    /// Returns the STS endpoint for this identity.
    pub(crate) fn sts(&self, to: Destination<'_>) -> Result<Endpoint> {
        sign_in::sts(self.env, self.identity, to)
    }

    pub(crate) async fn of_chain(&self, source: &ChainSource, to: Destination<'_>) -> Result<Credentials> {
        match source {
            ChainSource::Environment {
                access_key_id,
                secret_access_key,
                session_token,
            } => {
                let session_token = session_token.as_ref();
                Ok(static_keys(
                    access_key_id,
                    secret_access_key,
                    session_token,
                    "environment",
                ))
            }
            ChainSource::Profile(profile) => self.profile(profile, to).await,
            ChainSource::WebIdentity {
                role_arn,
                token_file,
                session_name,
            } => {
                self.assume_with_token_file(role_arn, token_file, session_name, &self.sts(to)?)
                    .await
            }
            ChainSource::Container { uri, token } => self.container(uri, token.as_ref()).await,
            ChainSource::InstanceMetadata => self.instance_metadata().await,
        }
    }

    /// Assumes a role with the token that is in a file now.
    ///
    /// # Errors
    /// The file cannot be read, or the errors of [`Aws::assume_with_token`].
    pub(crate) async fn assume_with_token_file(
        &self,
        role_arn: &str,
        token_file: &Path,
        session_name: &str,
        sts: &Endpoint,
    ) -> Result<Credentials> {
        let settings = RoleSettings::default();
        let call = RoleCall::only(role_arn, session_name, &settings);
        let issued = IssuedToken {
            token: &read_token_file(token_file)?,
            audience: audience(role_arn),
            place: Some(&CiToken::in_file(token_file.to_owned())),
        };
        self.assume_with_token(&call, &issued, sts).await
    }

    /// Assumes the roles of a plan, one after the other.
    async fn role(&self, plan: &RolePlan, to: Destination<'_>) -> Result<Credentials> {
        let sts = self.sts(to)?;
        let by_token = usize::from(matches!(plan.base, RoleBase::Token(_)));
        let mut calls = plan.roles.iter().enumerate().map(|(at, role)| RoleCall {
            role,
            session_name: &plan.session_name,
            settings: &plan.settings,
            is_last: at + 1 == plan.roles.len(),
            after: at.saturating_sub(by_token),
            mfa: None,
        });
        let mut session = match &plan.base {
            RoleBase::Token(place) => {
                let first = calls.next().ok_or_else(|| missing_token(self.env))?;
                let issued = IssuedToken {
                    token: &self.ci_token(place, plan).await?,
                    audience: &plan.audience,
                    place: Some(place),
                };
                self.assume_with_token(&first, &issued, &sts).await?
            }
            RoleBase::Source(source) => {
                let first = calls.next().ok_or_else(|| missing_token(self.env))?;
                let session = self.assume_from_chain(&first, source, to).await;
                session.map_err(|error| match plan.settings.source {
                    SourceChoice::Chain => error,
                    _ => missing_token_before(self.env, error),
                })?
            }
        };
        for call in calls {
            session = self.assume(&call, session, &sts).await?;
        }
        Ok(session)
    }

    /// Assumes the first role of a plan with the chain's credentials.
    async fn assume_from_chain(
        &self,
        call: &RoleCall<'_>,
        source: &ChainSource,
        to: Destination<'_>,
    ) -> Result<Credentials> {
        let credentials = self.of_chain(source, to).await?;
        self.assume(call, credentials, &self.sts(to)?).await
    }

    /// Returns the claims of the CI's token. If the CI mints tokens, it is asked for one now. `None` if the token is not a JWT, or the identity
    /// takes no token.
    ///
    /// # Errors
    /// The token cannot be read, or the CI gives none.
    pub async fn claims(&self) -> Result<Option<Claims>> {
        let Some((plan, RoleBase::Token(token))) = self.identity.role().map(|plan| (plan, &plan.base)) else {
            return Ok(None);
        };
        let token = self.ci_token(token, plan).await?;
        Ok(Claims::from_jwt(token.expose()))
    }
}
