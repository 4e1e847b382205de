//! STS: turns a token or a session into the session of a role.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sdk_sts::config::Builder;
use aws_sdk_sts::types::{PolicyDescriptorType, Tag};
use aws_types::SdkConfig;

use crate::client::Aws;
use crate::denial::{self, IssuedToken};
use crate::endpoint::{Endpoint, Service};
use crate::failure::ODD_ANSWER_HINT;
use crate::keys::check_keys;
use diagnostics::{Code, Error, Result};
use secret::Secret;
use settings::RoleSettings;

/// One role to assume, and its position among the roles that are assumed one after the other.
pub(crate) struct RoleCall<'a> {
    /// The role's ARN.
    pub role: &'a str,
    /// The session's name.
    pub session_name: &'a str,
    /// The settings that restrict and tag the session.
    pub settings: &'a RoleSettings,
    /// Whether it is the last role, whose session is returned.
    pub is_last: bool,
    /// How many roles were assumed with credentials before this one. The session inherits their transitive tags.
    pub after: usize,
    /// The code of the MFA device that the role asks for.
    pub mfa: Option<MfaCode<'a>>,
}

/// A code that an MFA device shows.
pub(crate) struct MfaCode<'a> {
    /// The device's serial number, or its ARN.
    pub serial: &'a str,
    /// Six digits.
    pub code: &'a Secret,
}

impl Aws<'_> {
    /// Assumes a role with a token. The call is not signed, because the token proves the identity.
    /// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>
    ///
    /// # Errors
    /// AWS denies the call, with the token's claims in the error, or the network fails.
    pub(crate) async fn assume_with_token(
        &self,
        call: &RoleCall<'_>,
        issued: &IssuedToken<'_>,
        sts: &Endpoint,
    ) -> Result<Credentials> {
        let client = sts_client(&self.settings(sts.region(), sts), sts);
        let answer = client
            .assume_role_with_web_identity()
            .role_arn(call.role)
            .role_session_name(call.session_name)
            .web_identity_token(issued.token.expose())
            .set_duration_seconds(call.duration())
            .set_policy(call.policy())
            .set_policy_arns(call.policy_arns())
            .send()
            .await;
        let answer = answer.map_err(|error| {
            let error = self.call_failed(&sts_name(sts), "AssumeRoleWithWebIdentity", error);
            denial::of_token(error, call.role, issued, self.env)
        })?;
        self.session(answer.credentials)
    }

    /// Assumes a role with credentials.
    /// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
    ///
    /// # Errors
    /// The keys cannot be used, AWS denies the call, or the network fails.
    pub(crate) async fn assume(&self, call: &RoleCall<'_>, with: Credentials, sts: &Endpoint) -> Result<Credentials> {
        check_keys(&with)?;
        let client = sts_client(&self.signed_settings(with, sts.region(), sts), sts);
        let answer = client
            .assume_role()
            .role_arn(call.role)
            .role_session_name(call.session_name)
            .set_external_id(call.settings.external_id.clone())
            .set_duration_seconds(call.duration())
            .set_policy(call.policy())
            .set_policy_arns(call.policy_arns())
            .set_tags(call.tags())
            .set_transitive_tag_keys(call.transitive_tags())
            .set_serial_number(call.mfa.as_ref().map(|mfa| mfa.serial.to_owned()))
            .set_token_code(call.mfa.as_ref().map(|mfa| mfa.code.expose().to_owned()))
            .send()
            .await;
        let answer = answer.map_err(|error| {
            let error = self.call_failed(&sts_name(sts), "AssumeRole", error);
            denial::of_role(error, call.role, call.settings)
        })?;
        self.session(answer.credentials)
    }

    /// Asks STS who the principal behind credentials is. Returns the account and the principal's ARN.
    ///
    /// # Errors
    /// AWS refuses the credentials, or the network fails.
    pub(crate) async fn caller_of(&self, credentials: Credentials, sts: &Endpoint) -> Result<(String, String)> {
        let client = sts_client(&self.signed_settings(credentials, sts.region(), sts), sts);
        let what = sts_name(sts);
        let answer = client.get_caller_identity().send().await;
        let answer = answer.map_err(|error| self.call_failed(&what, "GetCallerIdentity", error))?;
        answer.account.zip(answer.arn).ok_or_else(|| {
            Error::failed(
                Code::OddAnswer,
                format!("{what} GetCallerIdentity"),
                "the answer names no account",
            )
        })
    }

    fn session(&self, credentials: Option<aws_sdk_sts::types::Credentials>) -> Result<Credentials> {
        let odd = |cause: &str| Error::failed(Code::OddAnswer, Service::Sts.name(), cause).hint(ODD_ANSWER_HINT);
        let found = credentials.ok_or_else(|| odd("the answer holds no credentials"))?;
        let ends_at = SystemTime::try_from(found.expiration);
        let ends_at = ends_at.map_err(|_| odd("the end of the session is not a time"))?;
        Ok(Credentials::new(
            found.access_key_id,
            found.secret_access_key,
            Some(found.session_token),
            Some(self.observer.clock.to_ours(ends_at)),
            "role",
        ))
    }
}

impl<'a> RoleCall<'a> {
    /// Returns the call for a single role.
    pub fn only(role: &'a str, session_name: &'a str, settings: &'a RoleSettings) -> Self {
        Self {
            role,
            session_name,
            settings,
            is_last: true,
            after: 0,
            mfa: None,
        }
    }

    /// Returns the duration in seconds, for the last role only. The plan has checked the range.
    fn duration(&self) -> Option<i32> {
        let seconds = self.settings.duration.filter(|_| self.is_last)?;
        i32::try_from(seconds).ok()
    }

    fn policy(&self) -> Option<String> {
        self.settings.policy.clone().filter(|_| self.is_last)
    }

    fn policy_arns(&self) -> Option<Vec<PolicyDescriptorType>> {
        let arns = self.settings.policy_arns.iter();
        let arns: Vec<_> = arns
            .map(|arn| PolicyDescriptorType::builder().arn(arn).build())
            .collect();
        Some(arns).filter(|arns| self.is_last && !arns.is_empty())
    }

    /// Returns the session's tags. A transitive tag is inherited, and STS refuses to get it again.
    fn tags(&self) -> Option<Vec<Tag>> {
        let settings = &self.settings;
        let is_inherited = |key: &String| self.after > 0 && settings.transitive_tags.contains(key);
        let tags = settings.tags.iter().filter(|(key, _)| !is_inherited(key));
        let tags = tags.filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok());
        Some(tags.collect()).filter(|tags: &Vec<_>| !tags.is_empty())
    }

    fn transitive_tags(&self) -> Option<Vec<String>> {
        let keys = &self.settings.transitive_tags;
        (self.after == 0 && !keys.is_empty()).then(|| keys.clone())
    }
}

fn sts_client(settings: &SdkConfig, sts: &Endpoint) -> aws_sdk_sts::Client {
    let mut builder = Builder::from(settings);
    builder.set_endpoint_url(sts.url.clone());
    aws_sdk_sts::Client::from_conf(builder.build())
}

fn sts_name(sts: &Endpoint) -> String {
    format!("{} ({})", Service::Sts.name(), sts.region())
}
