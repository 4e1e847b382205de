//! Credentials of a container and of the instance metadata service, which the SDK's own providers get.

use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_types::region::Region;

use crate::client::Aws;
use crate::endpoint::{Endpoint, EndpointKind, Service, check_metadata};
use crate::identity;
use crate::net::{NO_ANSWER, root_cause, timed_out};
use diagnostics::{Code, Error, Result, without_userinfo};

/// What the instance metadata service gets in all: where there is none, a `get` must end within 2 s.
const IMDS_LIMIT: Duration = Duration::from_millis(1700);

impl Aws<'_> {
    pub(crate) async fn container(&self, uri: &str, region: &str) -> Result<Credentials> {
        let config = self.provider_config(region)?.with_http_client(self.link_local.clone());
        let config = match self.retry.max_attempts() {
            // The SDK makes three whatever the settings say, but for one that has nothing to sleep by.
            1 => ProviderConfig::empty().with_http_client(self.link_local.clone()),
            _ => config,
        };
        let provider = EcsCredentialsProvider::builder().configure(&config).build();
        let shown = without_userinfo(uri);
        let cause = match tokio::time::timeout(self.time_left(), provider.provide_credentials()).await {
            Ok(Ok(credentials)) => return Ok(credentials),
            Ok(Err(error)) if timed_out(&error) => "no answer in time".to_owned(),
            // The SDK repeats the address.
            Ok(Err(error)) => root_cause(&error).replace(&format!(": {uri}"), "").replace(uri, &shown),
            Err(_) => NO_ANSWER.to_owned(),
        };
        let refusal = self.observer.last_request.refusal().map(|refusal| refusal.to_string());
        Err(Error::failed(
            Code::ContainerCredentials,
            format!("cannot get the container's credentials from {shown}"),
            refusal.unwrap_or(cause),
        )
        .hint("AWS_CONTAINER_CREDENTIALS_* name that address: check that the task or pod has a role"))
    }

    pub(crate) async fn instance_metadata(&self, region: &str) -> Result<Credentials> {
        check_metadata(self.env, self.identity)?;
        let config = self.provider_config(region)?.with_http_client(self.link_local.clone());
        let client = imds::Client::builder().configure(&config).max_attempts(3).build();
        let provider = ImdsCredentialsProvider::builder()
            .configure(&config)
            .imds_client(client)
            .build();
        let limit = IMDS_LIMIT.min(self.time_left());
        let error = match tokio::time::timeout(limit, provider.provide_credentials()).await {
            Ok(Ok(credentials)) => return Ok(credentials),
            Ok(Err(error)) => (!timed_out(&error)).then(|| root_cause(&error)),
            Err(_) => None,
        };
        let last = &self.observer.last_request;
        let refused = last.refusal().map(|refusal| refusal.to_string());
        Err(match refused.or(error) {
            Some(cause) => identity::no_credentials(&format!(
                "and the instance metadata service has none either ({})",
                last.at(cause)
            )),
            None => identity::no_credentials(&format!(
                "and no instance metadata service answered in time{}",
                last.address().map(|address| format!(" ({address})")).unwrap_or_default()
            ))
            .hint("set AWS_PROFILE or keys; in a container on EC2, allow one more hop: aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2"),
        })
    }

    /// Settings for the SDK's own providers. They call STS, whose endpoint has to pass the same checks as any other.
    pub(crate) fn provider_config(&self, region: &str) -> Result<ProviderConfig> {
        let sts = Endpoint::for_service(Service::Sts, region, EndpointKind::default(), self.env, self.identity)?;
        Ok(ProviderConfig::without_region()
            .with_region(Some(Region::new(region.to_owned())))
            .with_use_fips(Some(sts.fips))
            .with_use_dual_stack(Some(sts.dual_stack))
            .with_http_client(self.http.clone())
            .with_retry_config(self.retry.clone())
            .with_timeout_config(self.timeouts.clone()))
    }
}
