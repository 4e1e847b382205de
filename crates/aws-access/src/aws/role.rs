//! A role by name: the CI's token or other credentials become a session, and that the next one.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sts::config::Builder;
use aws_sdk_sts::types::{PolicyDescriptorType, Tag};
use aws_types::SdkConfig;

use super::{Aws, Endpoint, Service, denial, failure};
use crate::identity::{Base, RolePlan, Source};
use ci::{missing_token, missing_token_or};
use diagnostics::{Code, Error, Result};
use secret::Secret;

/// One role of a plan, and where in it it stands.
struct Step<'a> {
    plan: &'a RolePlan,
    role: &'a str,
    is_last: bool,
    /// How many roles were assumed with credentials before this one: what they made transitive is inherited.
    after: usize,
}

impl Aws<'_> {
    /// Assumes the roles of a plan, one after the other.
    ///
    /// # Errors
    /// No token, a denial (with what the token says of itself), a network that fails.
    pub(super) async fn role(&self, plan: &RolePlan, region: &str) -> Result<Credentials> {
        let by_token = usize::from(matches!(plan.base, Base::Token(_)));
        let mut steps = plan.roles.iter().enumerate().map(|(at, role)| Step {
            plan,
            role,
            is_last: at + 1 == plan.roles.len(),
            after: at.saturating_sub(by_token),
        });
        let mut session = match &plan.base {
            Base::Token(token) => {
                let first = steps.next().ok_or_else(|| missing_token(self.env))?;
                let token = self.ci_token(token, plan).await?;
                self.assume_with_token(&first, &token, region).await?
            }
            Base::Source(source) => self.base_credentials(source, region).await?,
        };
        for step in steps {
            session = self.assume(&step, session, region).await?;
        }
        Ok(session)
    }

    async fn base_credentials(&self, source: &Source, region: &str) -> Result<Credentials> {
        let credentials = self.credentials_of(source, region).await;
        credentials.map_err(|error| match source {
            Source::InstanceMetadata { .. } => missing_token_or(self.env, error),
            _ => error,
        })
    }

    /// Unsigned: the token is what vouches.
    /// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>
    async fn assume_with_token(&self, step: &Step<'_>, token: &Secret, region: &str) -> Result<Credentials> {
        let client = self.sts(None, region)?;
        let answer = client
            .assume_role_with_web_identity()
            .role_arn(step.role)
            .role_session_name(&step.plan.session_name)
            .web_identity_token(token.expose())
            .set_duration_seconds(step.duration())
            .set_policy(step.policy())
            .set_policy_arns(step.policy_arns())
            .send()
            .await;
        let answer = answer.map_err(|error| {
            let error = self.call_failed(&sts_name(region), "AssumeRoleWithWebIdentity", error);
            denial::of_token(error, step.role, token, step.plan)
        })?;
        self.session(answer.credentials)
    }

    /// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
    async fn assume(&self, step: &Step<'_>, with: Credentials, region: &str) -> Result<Credentials> {
        super::credentials::check(&with)?;
        let client = self.sts(Some(with), region)?;
        let answer = client
            .assume_role()
            .role_arn(step.role)
            .role_session_name(&step.plan.session_name)
            .set_external_id(step.plan.settings.external_id.clone())
            .set_duration_seconds(step.duration())
            .set_policy(step.policy())
            .set_policy_arns(step.policy_arns())
            .set_tags(step.tags())
            .set_transitive_tag_keys(step.transitive_tags())
            .send()
            .await;
        let answer = answer.map_err(|error| {
            let error = self.call_failed(&sts_name(region), "AssumeRole", error);
            denial::of_role(error, step.role, step.plan)
        })?;
        self.session(answer.credentials)
    }

    fn sts(&self, credentials: Option<Credentials>, region: &str) -> Result<aws_sdk_sts::Client> {
        let endpoint = Endpoint::of(Service::Sts, self.env, self.identity, false, false)?;
        let mut config: SdkConfig = self.settings(region, &endpoint);
        if let Some(credentials) = credentials {
            let provider = SharedCredentialsProvider::new(credentials);
            config = config.into_builder().credentials_provider(provider).build();
        }
        let mut builder = Builder::from(&config);
        builder.set_endpoint_url(endpoint.url);
        Ok(aws_sdk_sts::Client::from_conf(builder.build()))
    }

    fn session(&self, credentials: Option<aws_sdk_sts::types::Credentials>) -> Result<Credentials> {
        let odd =
            |cause: &str| Error::failed(Code::OddAnswer, Service::Sts.name(), cause).hint(failure::ODD_ANSWER_HINT);
        let found = credentials.ok_or_else(|| odd("the answer holds no credentials"))?;
        let ends_at = SystemTime::try_from(found.expiration);
        let ends_at = ends_at.map_err(|_| odd("the end of the session is no time at all"))?;
        Ok(Credentials::new(
            found.access_key_id,
            found.secret_access_key,
            Some(found.session_token),
            Some(self.watch.clock.to_ours(ends_at)),
            "role",
        ))
    }
}

impl Step<'_> {
    /// Seconds; of the last role alone. The range is checked with the plan.
    fn duration(&self) -> Option<i32> {
        let seconds = self.plan.settings.duration.filter(|_| self.is_last)?;
        i32::try_from(seconds).ok()
    }

    fn policy(&self) -> Option<String> {
        self.plan.settings.policy.clone().filter(|_| self.is_last)
    }

    fn policy_arns(&self) -> Option<Vec<PolicyDescriptorType>> {
        let arns = self.plan.settings.policy_arns.iter();
        let arns: Vec<_> = arns
            .map(|arn| PolicyDescriptorType::builder().arn(arn).build())
            .collect();
        Some(arns).filter(|arns| self.is_last && !arns.is_empty())
    }

    /// A transitive tag comes down the chain by itself, and STS refuses to have it said again.
    fn tags(&self) -> Option<Vec<Tag>> {
        let settings = &self.plan.settings;
        let is_inherited = |key: &String| self.after > 0 && settings.transitive_tags.contains(key);
        let tags = settings.tags.iter().filter(|(key, _)| !is_inherited(key));
        let tags = tags.filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok());
        Some(tags.collect()).filter(|tags: &Vec<_>| !tags.is_empty())
    }

    fn transitive_tags(&self) -> Option<Vec<String>> {
        let keys = &self.plan.settings.transitive_tags;
        (self.after == 0 && !keys.is_empty()).then(|| keys.clone())
    }
}

fn sts_name(region: &str) -> String {
    format!("{} ({region})", Service::Sts.name())
}
