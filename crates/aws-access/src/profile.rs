//! Credentials that the SDK's own providers get: those of a profile (keys, a role, SSO, `credential_process`), of a container, and of the
//! instance metadata service.

use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_types::region::Region;

use crate::client::Aws;
use crate::descendants::Descendants;
use crate::endpoint::{Endpoint, EndpointKind, Service, check_metadata, check_sign_in};
use crate::identity::{self, ChainSource};
use crate::keys::check_keys;
use crate::net::{NO_ANSWER, connection_error_code, root_cause, timed_out};
use crate::sign_in::{Destination, profile_signs_in, sts_of_profile};
use diagnostics::{Code, Error, Result, without_userinfo};
use secret::Secret;

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

    pub(crate) async fn profile(&self, name: &str, to: Destination<'_>) -> Result<Credentials> {
        if profile_signs_in(self.identity) {
            check_sign_in(self.env, self.identity)?;
        }
        check_metadata(self.env, self.identity)?;
        let sts = sts_of_profile(self.env, self.identity, name, to)?;
        let config = self.provider_config(sts.region())?;
        let config = config
            .with_use_fips(Some(sts.fips))
            .with_use_dual_stack(Some(sts.dual_stack));
        let mut provider = ProfileFileCredentialsProvider::builder()
            .configure(&config)
            .profile_name(name);
        if let Some(keys) = self.environment_keys() {
            provider = provider.with_custom_provider("Environment", keys);
        }
        let provider = provider.build();
        let programs = Descendants::default();
        let credentials = provider.provide_credentials().await;
        programs.have_ended();
        credentials.map_err(|error| {
            let cause = self.observer.last_request.at(without_stderr(&root_cause(&error)));
            let (code, hint) = match connection_error_code(&cause) {
                Some(code) => (code, self.network_hint(&error)),
                None => self.profile_hint(name, &cause),
            };
            Error::failed(code, format!("profile {name}"), cause).hint(hint)
        })
    }

    fn profile_hint(&self, name: &str, cause: &str) -> (Code, String) {
        let is_set = |key: &&str| self.identity.setting(key).is_some();
        if ["sso_session", "sso_start_url"].iter().any(is_set) {
            let hint = format!("if the SSO session has ended, run: aws sso login --profile {name}");
            (Code::SsoExpired, hint)
        } else if cause.contains("could not parse profile file") {
            let hint = "a line of AWS's config or credentials file is no `[section]` and no `key = value`, or the file starts with a byte order mark";
            (Code::SharedFiles, hint.to_owned())
        } else {
            let hint = format!("run: aws sts get-caller-identity --profile {name}");
            (Code::ProfileFailed, hint)
        }
    }

    /// The environment's keys, for profiles that say `credential_source = Environment`: the SDK would take blanks around them
    /// along, and panic.
    fn environment_keys(&self) -> Option<Credentials> {
        match identity::environment_keys(self.env) {
            Ok(Some(ChainSource::Environment {
                access_key_id,
                secret_access_key,
                session_token,
            })) => Some(environment(&access_key_id, &secret_access_key, session_token.as_ref())),
            _ => None,
        }
        .filter(|keys| check_keys(keys).is_ok())
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
    fn provider_config(&self, region: &str) -> Result<ProviderConfig> {
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

/// The keys of the environment, as the SDK has them.
pub(crate) fn environment(
    access_key_id: &str,
    secret_access_key: &Secret,
    session_token: Option<&Secret>,
) -> Credentials {
    let session_token = session_token.map(|token| token.expose().to_owned());
    Credentials::new(
        access_key_id,
        secret_access_key.expose(),
        session_token,
        None,
        "environment",
    )
}

/// The SDK quotes what a failed `credential_process` wrote to stderr. That may hold secrets, and a failure's line ends up in
/// build logs.
fn without_stderr(cause: &str) -> String {
    match cause.split_once(". Stderr:") {
        Some((ending, _)) => {
            // `exit status: 3`, or `signal: 9 (SIGKILL)`.
            let (_, how) = ending.rsplit_once("exited with code ").unwrap_or_default();
            format!("its credential_process failed ({how}); what it wrote may hold secrets and is not shown")
        }
        None => cause.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_wrote_is_left_out_however_it_ended() {
        let of = |ending: &str| {
            without_stderr(&format!(
                "Error: external process exited with code {ending}. Stderr: s3cret"
            ))
        };
        let shown = "what it wrote may hold secrets and is not shown";
        for ending in ["exit status: 3", "signal: 9 (SIGKILL)"] {
            assert_eq!(of(ending), format!("its credential_process failed ({ending}); {shown}"));
        }
        assert_eq!(without_stderr("another cause"), "another cause");
    }
}
