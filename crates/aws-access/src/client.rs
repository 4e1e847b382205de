//! The client that calls AWS, with ecr-auth's own endpoints, TLS roots, proxy, retries and deadlines. Nothing here runs on a cache hit.

use std::future::Future;
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpClient, SharedHttpConnector};
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::sdk_config::SharedCredentialsProvider;

use crate::endpoint::Endpoint;
use crate::identity::Identity;
use crate::net::{CONNECT_TIMEOUT, ObservedTransport, ResponseObserver, Transport, no_answer, timed};
use cognito::ProviderLogin;
use context::{Env, Progress, variables};
use diagnostics::{Code, Error, Result};

/// AWS as seen by one identity.
#[derive(Debug)]
pub struct Aws<'a> {
    pub(crate) env: &'a Env,
    pub(crate) identity: &'a Identity,
    pub(crate) observer: ResponseObserver,
    pub(crate) connections: ObservedTransport,
    pub(crate) retry: RetryConfig,
    pub(crate) timeouts: TimeoutConfig,
    pub(crate) budget: Duration,
    pub(crate) deadline: Instant,
    /// The login of a user of Cognito, if it is known before a call needs it.
    pub(crate) login: Option<ProviderLogin>,
}

impl<'a> Aws<'a> {
    /// Prepares the calls of one identity. All calls together get `budget`. This does not touch the network.
    ///
    /// # Errors
    /// The root certificates or the retry settings cannot be used.
    pub fn new(env: &'a Env, identity: &'a Identity, budget: Duration) -> Result<Self> {
        let transport = Transport::new(env, identity.setting("ca_bundle"))?;
        Self::over(transport, env, identity, budget)
    }

    /// Shows on `progress` which server is being waited for.
    #[must_use]
    pub fn shown_on(self, progress: &Progress) -> Self {
        self.observer.last_request.show_on(progress);
        self
    }

    /// Prepares the calls of one identity for a test client that answers instead of the network, also for IMDS, container credentials and Cognito.
    ///
    /// # Errors
    /// The retry settings cannot be used.
    pub fn answered_by(
        client: impl HttpConnector + 'static,
        env: &'a Env,
        identity: &'a Identity,
        budget: Duration,
    ) -> Result<Self> {
        let transport = Transport::Answered(SharedHttpConnector::new(client));
        Self::over(transport, env, identity, budget)
    }

    fn over(transport: Transport, env: &'a Env, identity: &'a Identity, budget: Duration) -> Result<Self> {
        let observer = ResponseObserver::default();
        Ok(Self {
            env,
            identity,
            connections: ObservedTransport {
                transport,
                observer: observer.clone(),
            },
            observer,
            retry: RetryConfig::standard().with_max_attempts(max_attempts(env, identity)?),
            timeouts: TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .operation_attempt_timeout(attempt_limit(budget))
                .build(),
            budget,
            deadline: Instant::now() + budget,
            login: None,
        })
    }

    /// Uses this login to sign in a user of Cognito.
    #[must_use]
    pub(crate) fn signed_in(self, login: ProviderLogin) -> Self {
        let login = Some(login);
        Self { login, ..self }
    }

    /// Runs calls until they end or the time is up.
    ///
    /// # Errors
    /// The calls' own error, or that they took longer than the budget, with the server that was asked last.
    pub fn within<T>(&self, calls: impl Future<Output = Result<T>>) -> Result<T> {
        let ended = timed(self.budget, calls);
        self.observer.last_request.ends();
        ended?.unwrap_or_else(|| Err(no_answer(self.budget, &self.asked())))
    }

    /// Returns the server that was asked last and how it refused, as the rest of a sentence.
    fn asked(&self) -> String {
        let last = &self.observer.last_request;
        let address = last.address().map(|address| format!(" from {address}"));
        let refusal = last.refusal().map(|refusal| format!(", after {refusal}"));
        address.unwrap_or_default() + &refusal.unwrap_or_default()
    }

    /// Returns the time that is left, less a tenth, so that an error can still name the server that was waited for.
    pub(crate) fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now()) * 9 / 10
    }

    /// Returns the settings of a service's client that signs its calls with these credentials. The SDK looks up nothing by itself.
    pub(crate) fn signed_settings(&self, credentials: Credentials, region: &str, endpoint: &Endpoint) -> SdkConfig {
        let provider = SharedCredentialsProvider::new(credentials);
        let settings = self.settings(region, endpoint).into_builder();
        settings.credentials_provider(provider).build()
    }

    /// Returns the settings of a service's client that does not sign its calls.
    pub(crate) fn settings(&self, region: &str, endpoint: &Endpoint) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(region.to_owned()))
            .http_client(SharedHttpClient::new(self.connections.clone()))
            .retry_config(self.retry.clone())
            .timeout_config(self.timeouts.clone())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .use_fips(endpoint.fips)
            .use_dual_stack(endpoint.dual_stack)
            .build()
    }
}

/// The most attempts of a call: more than fit into any budget. With some much larger numbers the SDK never returns.
const MOST_ATTEMPTS: u32 = 100;

/// Returns `AWS_MAX_ATTEMPTS`, else the profile's `max_attempts`, else 3. The SDK may panic on 0.
fn max_attempts(env: &Env, identity: &Identity) -> Result<u32> {
    let named = whole_number(env, identity, (variables::AWS_MAX_ATTEMPTS, "max_attempts"))?;
    Ok(MOST_ATTEMPTS.min(named.unwrap_or(3)))
}

/// Returns a whole number, 1 or more, from a variable or a setting of the profile.
///
/// # Errors
/// The value is not such a number.
pub(crate) fn whole_number(
    env: &Env,
    identity: &Identity,
    (variable, setting): (&'static str, &str),
) -> Result<Option<u32>> {
    let of_variable = env.get(variable);
    let Some(text) = of_variable.or_else(|| identity.setting(setting)) else {
        return Ok(None);
    };
    if let Some(number) = text.trim().parse().ok().filter(|number| *number > 0) {
        return Ok(Some(number));
    }
    let cause = format!("{text} is not a whole number from 1");
    Err(match of_variable {
        Some(_) => Error::usage(Code::Variable, variable, cause).hint("set it to a whole number from 1, or unset it"),
        None => Error::usage(
            Code::SharedFiles,
            format!("profile {}", identity.profile_name()),
            format!("{setting} in AWS's file: {cause}"),
        )
        .hint("set it to a whole number from 1, or remove the line"),
    })
}

/// Returns the time limit of one attempt of a call, for a budget of all attempts.
pub(crate) fn attempt_limit(budget: Duration) -> Duration {
    budget * 2 / 5
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::IdentityScope;
    use crate::net::RefusedRequest;
    use settings::IdentitySettings;

    fn chosen(env: &Env) -> Result<Identity> {
        Identity::choose(IdentitySettings::default(), &IdentityScope::of_region(""), env)
    }

    #[test]
    fn attempts_are_a_number_from_one() {
        let attempts = |text: &str| {
            let env: Env = [("AWS_MAX_ATTEMPTS", text)].into_iter().collect();
            max_attempts(&env, &chosen(&env).unwrap())
        };
        assert_eq!(attempts("").unwrap(), 3);
        assert_eq!(attempts("1").unwrap(), 1);
        assert_eq!(attempts("100").unwrap(), 100);
        assert_eq!(attempts("4294967295").unwrap(), 100);
        for wrong in ["0", "-1", "many", "4294967296"] {
            assert_eq!(attempts(wrong).unwrap_err().exit().code(), 2, "{wrong}");
        }
    }

    #[test]
    fn a_call_that_hangs_ends_with_its_time() {
        let (env, budget) = (Env::default(), Duration::from_millis(10));
        let identity = chosen(&env).unwrap();
        let aws = Aws::new(&env, &identity, budget).unwrap();
        let hang = || aws.within::<()>(std::future::pending()).unwrap_err().to_string();
        assert_eq!(hang(), "AWS: no answer within 0.0 s [EA0508]");
        aws.observer.last_request.asks("https://example.com/x");
        assert_eq!(hang(), "AWS: no answer within 0.0 s from example.com [EA0508]");
        aws.observer
            .last_request
            .is_answered(Some(RefusedRequest::new(503, false, b"")));
        assert_eq!(
            hang(),
            "AWS: no answer within 0.0 s from example.com, after HTTP status 503 [EA0508]"
        );
    }
}
