//! The chosen source turned into credentials, by the SDK's provider for just that source.

use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::{StaticConfiguration, WebIdentityTokenCredentialsProvider};
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_types::region::Region;

use super::failure::{root_cause, timed_out};
use super::http::link_local_client;
use super::{Aws, Endpoint, Service};
use crate::error::{Error, Result};
use crate::identity::{self, Source};

/// What the instance metadata service gets in all: where there is none, a `get` must end within 2 s.
const IMDS_LIMIT: Duration = Duration::from_millis(1700);

impl Aws<'_> {
    /// Credentials of the chosen source, and of no other.
    ///
    /// # Errors
    /// Whatever the source says, with the way out.
    pub(super) async fn credentials(&self, region: &str) -> Result<Credentials> {
        match &self.identity.source {
            Source::Environment {
                access_key_id,
                secret_access_key,
                session_token,
            } => Ok(Credentials::new(
                access_key_id,
                secret_access_key.expose(),
                session_token.as_ref().map(|token| token.expose().to_owned()),
                None,
                "environment",
            )),
            Source::Profile { name, .. } => self.profile(name, region).await,
            Source::WebIdentity {
                role_arn,
                token_file,
                session_name,
            } => {
                let provider = WebIdentityTokenCredentialsProvider::builder()
                    .configure(&self.provider_config(region)?)
                    .static_configuration(StaticConfiguration {
                        web_identity_token_file: token_file.clone(),
                        role_arn: role_arn.clone(),
                        session_name: session_name.clone().unwrap_or_else(|| "ecr-auth".to_owned()),
                    })
                    .build();
                let what = format!("cannot assume {role_arn} with the token of {}", token_file.display());
                provider.provide_credentials().await.map_err(|error| {
                    denied(&what, &error)
                        .hint("check the role's trust policy, and that the file holds a token that has not ended")
                })
            }
            Source::Container { uri, .. } => {
                let config = self
                    .provider_config(region)?
                    .with_http_client(link_local_client(&self.clock));
                let provider = EcsCredentialsProvider::builder().configure(&config).build();
                provider.provide_credentials().await.map_err(|error| {
                    denied(&format!("cannot get the container's credentials from {uri}"), &error)
                        .hint("AWS_CONTAINER_CREDENTIALS_* name that address: check that the task or pod has a role")
                })
            }
            Source::InstanceMetadata { .. } => self.instance_metadata(region).await,
        }
    }

    async fn profile(&self, name: &str, region: &str) -> Result<Credentials> {
        let region = self.identity.setting("region").unwrap_or(region);
        let provider = ProfileFileCredentialsProvider::builder()
            .configure(&self.provider_config(region)?)
            .profile_name(name)
            .build();
        provider.provide_credentials().await.map_err(|error| {
            let error = denied(&format!("profile {name}"), &error);
            let sso = ["sso_session", "sso_start_url"]
                .iter()
                .any(|key| self.identity.setting(key).is_some());
            match sso {
                true => error.hint(format!(
                    "if the SSO session has ended, run: aws sso login --profile {name}"
                )),
                false => error.hint(format!("run: aws sts get-caller-identity --profile {name}")),
            }
        })
    }

    async fn instance_metadata(&self, region: &str) -> Result<Credentials> {
        let config = self
            .provider_config(region)?
            .with_http_client(link_local_client(&self.clock));
        let client = imds::Client::builder().configure(&config).max_attempts(3).build();
        let provider = ImdsCredentialsProvider::builder()
            .configure(&config)
            .imds_client(client)
            .build();
        match tokio::time::timeout(IMDS_LIMIT, provider.provide_credentials()).await {
            Ok(Ok(credentials)) => Ok(credentials),
            Ok(Err(error)) if !timed_out(&error) => Err(identity::no_credentials(&format!(
                "and the instance metadata service has none either ({})",
                root_cause(&error)
            ))),
            _ => Err(identity::no_credentials("and no instance metadata service answered in time")
                .hint("set AWS_PROFILE or keys; in a container on EC2, allow one more hop: aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2")),
        }
    }

    /// Settings for the SDK's own providers. They call STS, whose endpoint has to pass the same checks as any other.
    fn provider_config(&self, region: &str) -> Result<ProviderConfig> {
        let sts = Endpoint::of(Service::Sts, self.env, self.identity, false, false)?;
        Ok(ProviderConfig::without_region()
            .with_region(Some(Region::new(region.to_owned())))
            .with_use_fips(Some(sts.fips))
            .with_use_dual_stack(Some(sts.dual_stack))
            .with_http_client(self.http.clone())
            .with_retry_config(self.retry.clone())
            .with_timeout_config(self.timeouts.clone()))
    }
}

/// A credentials provider's error: the SDK's outer words ("an error occurred while loading credentials") say nothing.
fn denied(what: &str, error: &CredentialsError) -> Error {
    Error::failed(what, root_cause(error))
}
