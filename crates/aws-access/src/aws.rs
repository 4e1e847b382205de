//! The calls to AWS: clients made lazily, with our own endpoints, TLS roots, proxy, retries and deadlines. Nothing here runs on a
//! cache hit but [`Endpoint`].

mod ci_token;
mod cognito;
mod credentials;
mod denial;
mod descendants;
mod ecr;
mod endpoint;
mod failure;
mod http;
mod metadata;
mod proxy;
mod registry;
mod role;
mod roots;
mod sts;
mod trail;

use std::future::Future;
use std::time::{Duration, Instant, SystemTime};

use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{HttpClient, HttpConnector, SharedHttpClient, SharedHttpConnector};
use aws_smithy_runtime_api::client::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::sdk_config::SharedCredentialsProvider;

pub use cognito::Unhurried;
pub use endpoint::{Endpoint, Service};
pub use proxy::{named_proxy, not_proxied, proxy_of};
pub use registry::{Answer, RegistryClient, probe};
pub use sts::CallerIdentity;

use crate::identity::Identity;
use context::{Env, Progress, variables};
use diagnostics::{Code, Error, Result};
use secret::Secret;

/// How long one attempt of a call may take to connect, at most. In all, it gets two fifths of the time there is, so that there is
/// room for a second one after an answer that never came.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// An authorization token of a registry.
#[derive(Debug, Clone)]
pub struct AuthorizationToken {
    /// The password that goes with the user name `AWS`.
    pub password: Secret,
    /// When it ends, by this machine's clock.
    pub expires_at: SystemTime,
}

/// AWS as one identity sees it.
#[derive(Debug)]
pub struct Aws<'a> {
    env: &'a Env,
    identity: &'a Identity,
    watch: http::Watch,
    /// For what is called without an SDK.
    ways: http::Ways,
    http: SharedHttpClient,
    /// For the addresses of this machine alone, past every proxy.
    link_local: SharedHttpClient,
    retry: RetryConfig,
    timeouts: TimeoutConfig,
    budget: Duration,
    deadline: Instant,
}

impl<'a> Aws<'a> {
    /// Prepares the calls of one identity, which may take `budget` in all; the network is first touched by a call.
    ///
    /// # Errors
    /// Root certificates or retry settings that can't be used.
    pub fn new(env: &'a Env, identity: &'a Identity, budget: Duration) -> Result<Self> {
        let watch = http::Watch::default();
        let ways = http::Ways::new(env)?;
        let (http, link_local) = (http::client(&ways, &watch), http::link_local_client(&watch));
        Self::with_clients(env, identity, budget, (ways, http, link_local), watch)
    }

    /// The same, and people see whom is waited for.
    #[must_use]
    pub fn shown_on(self, progress: &Progress) -> Self {
        self.watch.trail.show_on(progress);
        self
    }

    /// The same, with what answers in the network's place, for IMDS, the container's credentials and Cognito too.
    ///
    /// # Errors
    /// Retry settings that can't be used.
    pub fn answered_by(
        client: impl HttpClient + HttpConnector + Clone + 'static,
        env: &'a Env,
        identity: &'a Identity,
        budget: Duration,
    ) -> Result<Self> {
        let watch = http::Watch::default();
        let http = http::guarded(SharedHttpClient::new(client.clone()), &watch);
        let ways = http::Ways::Answered(SharedHttpConnector::new(client));
        Self::with_clients(env, identity, budget, (ways, http.clone(), http), watch)
    }

    fn with_clients(
        env: &'a Env,
        identity: &'a Identity,
        budget: Duration,
        (ways, http, link_local): (http::Ways, SharedHttpClient, SharedHttpClient),
        watch: http::Watch,
    ) -> Result<Self> {
        Ok(Self {
            env,
            identity,
            ways,
            http,
            link_local,
            watch,
            retry: RetryConfig::standard().with_max_attempts(max_attempts(env, identity)?),
            timeouts: TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .operation_attempt_timeout(attempt(budget))
                .build(),
            budget,
            deadline: Instant::now() + budget,
        })
    }

    /// Runs calls to their end, or to the end of their time.
    ///
    /// # Errors
    /// What the calls say, or that they took longer than the budget, and who was asked last.
    pub fn within<T>(&self, calls: impl Future<Output = Result<T>>) -> Result<T> {
        let ended = timed(self.budget, calls);
        self.watch.trail.ends();
        ended?.unwrap_or_else(|| Err(no_answer(self.budget, &self.asked())))
    }

    /// Who was asked last, and how they refused, as the rest of a sentence.
    fn asked(&self) -> String {
        let trail = &self.watch.trail;
        let address = trail.address().map(|address| format!(" from {address}"));
        let refusal = trail.refusal().map(|refusal| format!(", after {refusal}"));
        address.unwrap_or_default() + &refusal.unwrap_or_default()
    }

    /// What is left of the time, less a tenth: who waits no longer than that can still say for whom.
    fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now()) * 9 / 10
    }

    /// The settings of a service's client: nothing is looked up behind our back.
    async fn config(&self, region: &str, endpoint: &Endpoint) -> Result<SdkConfig> {
        let credentials = self.credentials(region).await?;
        let provider = SharedCredentialsProvider::new(credentials);
        Ok(self
            .settings(region, endpoint)
            .into_builder()
            .credentials_provider(provider)
            .build())
    }

    /// All of them but the credentials.
    fn settings(&self, region: &str, endpoint: &Endpoint) -> SdkConfig {
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(region.to_owned()))
            .http_client(self.http.clone())
            .retry_config(self.retry.clone())
            .timeout_config(self.timeouts.clone())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .use_fips(endpoint.fips)
            .use_dual_stack(endpoint.dual_stack)
            .build()
    }
}

/// More attempts than fit into any time that is given. The SDK never comes back from some of the numbers far above.
const MOST_ATTEMPTS: u32 = 100;

/// `AWS_MAX_ATTEMPTS`, then the profile's `max_attempts`, then 3. The SDK may panic on 0.
fn max_attempts(env: &Env, identity: &Identity) -> Result<u32> {
    let named = env
        .get(variables::AWS_MAX_ATTEMPTS)
        .or_else(|| identity.setting("max_attempts"));
    let Some(text) = named else { return Ok(3) };
    match text.parse() {
        Ok(attempts) if attempts > 0 => Ok(MOST_ATTEMPTS.min(attempts)),
        _ => Err(Error::usage(
            Code::Variable,
            variables::AWS_MAX_ATTEMPTS,
            format!("{text} is not a number of attempts"),
        )
        .hint("set it to a whole number from 1, or unset it")),
    }
}

/// What one attempt of a call may take, of the time there is for all.
fn attempt(budget: Duration) -> Duration {
    budget * 2 / 5
}

/// Runs a call to its end, or to the end of its time.
///
/// # Errors
/// What the call says, or that it took longer than `budget`.
pub fn within<T>(budget: Duration, call: impl Future<Output = Result<T>>) -> Result<T> {
    timed(budget, call)?.unwrap_or_else(|| Err(no_answer(budget, "")))
}

fn no_answer(budget: Duration, from: &str) -> Error {
    Error::failed(
        Code::Timeout,
        "AWS",
        format!("no answer within {:.1} s{from}", budget.as_secs_f64()),
    )
    .hint("check the network, DNS and proxy settings, or give it more time with ECR_AUTH_TIMEOUT=SECONDS")
}

/// `None`: it took longer than `budget`.
fn timed<T>(budget: Duration, calls: impl Future<Output = T>) -> Result<Option<T>> {
    let runtime = runtime()?;
    let ended = runtime.block_on(async { tokio::time::timeout(budget, calls).await });
    // A DNS look-up that hangs sits in a thread of its own: don't wait for it.
    runtime.shutdown_background();
    Ok(ended.ok())
}

/// Runs calls to their end, whose time is limited one by one: a person answers questions in between.
///
/// # Errors
/// What they say.
pub fn to_end<T>(calls: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = runtime()?;
    let ended = runtime.block_on(calls);
    runtime.shutdown_background();
    ended
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Error::failed(Code::System, "cannot start", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_a_number_from_one() {
        let attempts = |text: &str| {
            let env: Env = [("AWS_MAX_ATTEMPTS", text)].into_iter().collect();
            max_attempts(&env, &Identity::choose(&env, None).unwrap())
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
        let identity = Identity::choose(&env, None).unwrap();
        let aws = Aws::new(&env, &identity, budget).unwrap();
        let hang = || aws.within::<()>(std::future::pending()).unwrap_err().to_string();
        assert_eq!(hang(), "AWS: no answer within 0.0 s [EA0508]");
        aws.watch.trail.asks("https://example.com/x");
        assert_eq!(hang(), "AWS: no answer within 0.0 s from example.com [EA0508]");
        aws.watch.trail.is_answered(Some(trail::Refusal::new(503, false, b"")));
        assert_eq!(
            hang(),
            "AWS: no answer within 0.0 s from example.com, after HTTP status 503 [EA0508]"
        );
    }
}
