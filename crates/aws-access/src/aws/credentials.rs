//! The chosen source turned into credentials, by the SDK's provider for just that source.

use context::variables;
use std::time::Duration;

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_types::region::Region;

use super::descendants::Descendants;
use super::endpoint::{check_metadata, check_sign_in};
use super::failure::{NO_ANSWER, root_cause, timed_out, told_of_connection};
use super::{Aws, Endpoint, Service};
use crate::identity::{self, RolePlan, Source};
use diagnostics::{Code, Error, Result, without_userinfo};
use ecr_registry::Partition;
use secret::Secret;

/// What the instance metadata service gets in all: where there is none, a `get` must end within 2 s.
const IMDS_LIMIT: Duration = Duration::from_millis(1700);

/// The settings of a profile that make the SDK call a service for its credentials.
const SIGN_IN: [&str; 4] = ["role_arn", "sso_session", "sso_start_url", "login_session"];

impl Aws<'_> {
    /// Credentials of the chosen source, and of no other.
    ///
    /// # Errors
    /// Whatever the source says, with the way out; keys that no AWS ever gave out.
    pub async fn credentials(&self, region: &str) -> Result<Credentials> {
        let credentials = match &self.identity.source {
            Source::Role(plan) => self.role(plan, self.sts_region(region)).await,
            source => self
                .credentials_of(source, region)
                .await
                .map_err(|error| identity::with_what_is_there(error, self.env)),
        }?;
        check(&credentials)?;
        Ok(credentials)
    }

    /// Credentials of a source that is no role by name.
    pub(super) async fn credentials_of(&self, source: &Source, region: &str) -> Result<Credentials> {
        match source {
            // Roles are assumed with a source that is none: see RolePlan.
            Source::Role(_) => Err(ci::missing_token(self.env)),
            Source::Environment {
                access_key_id,
                secret_access_key,
                session_token,
            } => Ok(environment(access_key_id, secret_access_key, session_token.as_ref())),
            Source::Profile { name, .. } => self.profile(name, region).await,
            Source::WebIdentity {
                role_arn,
                token_file,
                session_name,
            } => {
                let plan = RolePlan::web_identity(role_arn, token_file, session_name);
                // Its base is a token, so this comes back here no second time.
                Box::pin(self.role(&plan, self.sts_region(region))).await
            }
            Source::Container { uri, .. } => self.container(uri, region).await,
            Source::Cognito(settings) => self.cognito(settings).await,
            Source::InstanceMetadata { .. } => self.instance_metadata(region).await,
        }
    }

    async fn container(&self, uri: &str, region: &str) -> Result<Credentials> {
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
        let refusal = self.watch.trail.refusal().map(|refusal| refusal.to_string());
        Err(Error::failed(
            Code::ContainerCredentials,
            format!("cannot get the container's credentials from {shown}"),
            refusal.unwrap_or(cause),
        )
        .hint("AWS_CONTAINER_CREDENTIALS_* name that address: check that the task or pod has a role"))
    }

    async fn profile(&self, name: &str, region: &str) -> Result<Credentials> {
        if SIGN_IN.iter().any(|key| self.identity.setting(key).is_some()) {
            check_sign_in(self.env, self.identity)?;
        }
        check_metadata(self.env, self.identity)?;
        let region = self
            .identity
            .setting("region")
            .unwrap_or_else(|| self.sts_region(region));
        let mut provider = ProfileFileCredentialsProvider::builder()
            .configure(&self.provider_config(region)?)
            .profile_name(name);
        if let Some(keys) = self.environment_keys() {
            provider = provider.with_custom_provider("Environment", keys);
        }
        let provider = provider.build();
        let programs = Descendants::default();
        let credentials = provider.provide_credentials().await;
        programs.have_ended();
        credentials.map_err(|error| {
            let cause = self.watch.trail.at(without_stderr(&root_cause(&error)));
            let (code, hint) = match told_of_connection(&cause) {
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
            Ok(Some(Source::Environment {
                access_key_id,
                secret_access_key,
                session_token,
            })) => Some(environment(&access_key_id, &secret_access_key, session_token.as_ref())),
            _ => None,
        }
        .filter(|keys| check(keys).is_ok())
    }

    async fn instance_metadata(&self, region: &str) -> Result<Credentials> {
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
        let trail = &self.watch.trail;
        let refused = trail.refusal().map(|refusal| refusal.to_string());
        Err(match refused.or(error) {
            Some(cause) => identity::no_credentials(&format!(
                "and the instance metadata service has none either ({})",
                trail.at(cause)
            )),
            None => identity::no_credentials(&format!(
                "and no instance metadata service answered in time{}",
                trail.address().map(|address| format!(" ({address})")).unwrap_or_default()
            ))
            .hint("set AWS_PROFILE or keys; in a container on EC2, allow one more hop: aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2"),
        })
    }

    /// The region whose STS is asked: as all AWS tools do, the current one, which may be the only one that a closed network
    /// reaches; the registry's where there is none, or it is of another partition.
    fn sts_region<'r>(&'r self, registry_region: &'r str) -> &'r str {
        let of_rule = match &self.identity.source {
            Source::Role(plan) => plan.settings.region.as_deref(),
            _ => None,
        };
        let named = of_rule
            .or_else(|| self.env.get(variables::AWS_REGION))
            .or_else(|| self.env.get(variables::AWS_DEFAULT_REGION));
        named
            .or_else(|| self.identity.setting("region"))
            .filter(|region| Partition::for_region(region) == Partition::for_region(registry_region))
            .unwrap_or(registry_region)
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

fn environment(access_key_id: &str, secret_access_key: &Secret, session_token: Option<&Secret>) -> Credentials {
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

/// Refuses keys that no AWS ever gave out: what cannot stand in a header makes the SDK panic.
pub(super) fn check(credentials: &Credentials) -> Result<()> {
    let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    let odd = match credentials.session_token() {
        _ if !is_plain(credentials.access_key_id()) => "access key id",
        _ if !is_plain(credentials.secret_access_key()) => "secret access key",
        Some(token) if !is_plain(token) => "session token",
        _ => return Ok(()),
    };
    Err(Error::failed(
        Code::UnusableKeys,
        "unusable AWS credentials",
        format!("the {odd} is empty, or there is a blank, a line break or another odd character in it"),
    )
    .hint("look for what was pasted along with it where the credentials come from"))
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

    #[test]
    fn only_keys_that_can_stand_in_a_header_are_used() {
        let with = |id: &str, secret: &str, token: Option<&str>| {
            check(&Credentials::new(id, secret, token.map(str::to_owned), None, "test"))
        };
        assert_eq!(with("AKIA1", "s/+=", None), Ok(()));
        assert_eq!(with("AKIA1", "s/+=", Some("t/+=")), Ok(()));
        for (id, secret, token) in [
            ("AK\nIA", "s", None),
            ("AK IA", "s", None),
            ("é", "s", None),
            ("", "s", None),
            ("AKIA1", "s\t", None),
            ("AKIA1", "s", Some("t\r\nx: y")),
        ] {
            let error = with(id, secret, token).unwrap_err();
            assert!(!error.to_string().contains("IA"), "{error}");
        }
    }
}
