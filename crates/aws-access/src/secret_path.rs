//! The path from an identity to a secret: the warm cache, else a fetch of this process or of another one.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime};

use crate::client::Aws;
use crate::cognito::is_signed_in;
use crate::endpoint::Endpoint;
use crate::identity::{CredentialSource, Identity};
use crate::net::proxy_variables;
use crate::sign_in::Destination;
use cognito::ProviderLogin;
use context::{Context, Env, Progress, deadline, process_started, variables};
use diagnostics::Result;
use secret::Secret;
use secret_cache::{Cache, CacheKey, CachedSecret, FetchedSecret, KeyBuilder, SecretRequest};

/// A secret that AWS gives to an identity: a registry's password or a session.
pub trait ObtainableSecret {
    /// Returns what the identity's credentials are used for.
    fn destination(&self) -> Destination<'_>;
    /// Fetches the secret.
    fn fetch(&self, aws: &Aws<'_>, endpoint: &Endpoint, clock: &dyn Fn() -> SystemTime) -> Result<FetchedSecret>;
    /// Returns the verbose message for a secret in the cache that need not be renewed.
    fn told_warm(&self) -> String;
    /// Returns the verbose message for a secret that this process fetched.
    fn told_fetched(&self) -> String;
}

/// The path from an identity to one secret. It is known without the network, and is enough to find the secret in the cache.
#[derive(Debug)]
pub struct SecretPath<W> {
    pub(crate) identity: Identity,
    pub(crate) endpoint: Endpoint,
    pub(crate) key: CacheKey,
    pub(crate) wanted: W,
}

impl<W> SecretPath<W> {
    /// Returns the path to the secret of `wanted`. `key` tells that secret from all others. The identity, the endpoint and the servers that are
    /// asked before it are added to the key.
    pub(crate) fn to(
        wanted: W,
        endpoint: Endpoint,
        on_the_way: Vec<(&'static str, Secret)>,
        key: KeyBuilder,
        identity: Identity,
    ) -> Self {
        let of_endpoint = endpoint.key_fields().into_iter();
        let key = of_endpoint.fold(key, |key, (name, value)| key.field(name, value));
        let secrets = on_the_way.into_iter().chain(identity.key_fields());
        let key = secrets.fold(key, |key, (name, value)| key.secret(name, &value)).build();
        Self {
            identity,
            endpoint,
            key,
            wanted,
        }
    }

    /// Returns the identity whose credentials are used.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns only the identity, dropping the rest of the path.
    pub fn into_identity(self) -> Identity {
        self.identity
    }

    /// Returns the endpoint of the call.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns the key of the secret in the cache.
    pub fn key(&self) -> &CacheKey {
        &self.key
    }
}

impl<W: ObtainableSecret> SecretPath<W> {
    /// Returns the secret, from the cache or from AWS. `name` is the name under which it is requested (a host). The time limit starts at `began`.
    ///
    /// # Errors
    /// AWS refuses, or does not respond in time.
    pub fn secret(&self, cache: &Cache, name: &str, began: Instant, context: &mut Context<'_>) -> Result<CachedSecret> {
        if let Some(held) = self.warm(cache, name, context)? {
            return Ok(held);
        }
        let waiting = FetchContext::new(context, began)?;
        let (held, is_fetched) = self.fetch_or_share(cache, name, &waiting, None);
        self.tell(is_fetched, context);
        held
    }

    /// Returns the secret in the cache, if it need not be renewed.
    pub(crate) fn warm(&self, cache: &Cache, name: &str, context: &mut Context<'_>) -> Result<Option<CachedSecret>> {
        self.identity.explain(context);
        self.identity.require_user(cache, &context.env, context.now())?;
        let held = self.held(cache, name, context.now(), &context.env)?;
        if held.is_some() {
            context.detail(|| format!("cache: {}", self.wanted.told_warm()));
        }
        Ok(held)
    }

    /// Returns this secret in the cache. A secret of a user of Cognito is no longer returned once the sign-in that it came from has ended.
    pub(crate) fn held(&self, cache: &Cache, name: &str, now: SystemTime, env: &Env) -> Result<Option<CachedSecret>> {
        let held = cache.warm(&self.key, name, now);
        if let (Some(_), CredentialSource::Cognito(settings)) = (&held, &self.identity.source)
            && !is_signed_in(settings, &self.identity, env, cache, now)?
        {
            cache.remove(&self.key);
            return Ok(None);
        }
        Ok(held)
    }

    /// Fetches the secret, or shares the result of another process. Also returns whether this process fetched it. `login` is that of a user who has
    /// just signed in to Cognito.
    pub(crate) fn fetch_or_share(
        &self,
        cache: &Cache,
        name: &str,
        waiting: &FetchContext<'_>,
        login: Option<ProviderLogin>,
    ) -> (Result<CachedSecret>, bool) {
        let settings = remedies(waiting.env, &self.identity).to_string();
        let request = SecretRequest {
            key: &self.key,
            name,
            started: waiting.started,
            settings: &settings,
            deadline: waiting.deadline,
            progress: waiting.progress,
        };
        let login = Cell::new(login.map(Ok));
        let is_fetched = Cell::new(false);
        // A sign-in to Cognito is renewed under its own lock, before the lock of this secret is taken.
        let mut prepare = |budget| login.set(login.take().or_else(|| self.renew_sign_in(waiting, budget)));
        let held = cache.get_prepared(&request, waiting.clock, &mut prepare, &mut |budget| {
            is_fetched.set(true);
            let mut aws = waiting.aws(&self.identity, budget)?;
            if let Some(login) = login.take() {
                aws = aws.signed_in(login?);
            }
            self.wanted.fetch(&aws, &self.endpoint, waiting.clock)
        });
        (held, is_fetched.get())
    }

    /// Returns the login of a user of Cognito, or `None` for every other identity.
    fn renew_sign_in(&self, waiting: &FetchContext<'_>, budget: Duration) -> Option<Result<ProviderLogin>> {
        let CredentialSource::Cognito(settings) = &self.identity.source else {
            return None;
        };
        let aws = waiting.aws(&self.identity, budget);
        Some(aws.and_then(|aws| aws.within(aws.cognito_login(settings))))
    }

    /// In verbose mode, tells where the secret came from.
    pub(crate) fn tell(&self, is_fetched: bool, context: &mut Context<'_>) {
        context.detail(|| match is_fetched {
            true => format!("cache: {}", self.wanted.told_fetched()),
            false => "cache: what another process was told".to_owned(),
        });
    }
}

/// The variables, beside those of proxies, that may be the remedy for a failed fetch, and do not belong to the secret's key.
const REMEDIES: [&str; 10] = [
    variables::AWS_CA_BUNDLE,
    variables::SSL_CERT_FILE,
    variables::SSL_CERT_DIR,
    variables::AWS_MAX_ATTEMPTS,
    variables::AWS_EC2_METADATA_DISABLED,
    variables::AWS_METADATA_SERVICE_TIMEOUT,
    variables::AWS_METADATA_SERVICE_NUM_ATTEMPTS,
    variables::ECR_AUTH_ALLOW_HTTP,
    variables::ECR_AUTH_TIMEOUT,
    variables::PATH,
];

/// The settings of a profile that may be the remedy, and do not belong to the key either.
const PROFILE_REMEDIES: [&str; 4] = [
    "ca_bundle",
    "max_attempts",
    "metadata_service_timeout",
    "metadata_service_num_attempts",
];

/// Returns a digest of the settings that may be the remedy for a failed fetch.
fn remedies(env: &Env, identity: &Identity) -> CacheKey {
    let variables = proxy_variables().chain(REMEDIES).map(|name| (name, env.get(name)));
    let settings = PROFILE_REMEDIES.map(|name| (name, identity.setting(name)));
    let all = variables.chain(settings);
    let set = all.filter_map(|(name, value)| Some((name, value?)));
    set.fold(CacheKey::builder(), |key, (name, value)| key.field(name, value))
        .build()
}

/// The environment, clock, deadline and progress of a fetch. A thread can use it.
pub(crate) struct FetchContext<'a> {
    env: &'a Env,
    clock: &'a (dyn Fn() -> SystemTime + Sync),
    started: SystemTime,
    deadline: Instant,
    progress: &'a Progress,
}

impl<'a> FetchContext<'a> {
    /// Starts the time limit at `began`.
    ///
    /// # Errors
    /// `ECR_AUTH_TIMEOUT` is not a number of seconds.
    pub fn new(context: &'a Context<'_>, began: Instant) -> Result<Self> {
        Ok(Self {
            env: &context.env,
            clock: context.clock,
            started: process_started(context),
            deadline: deadline(&context.env, began)?,
            progress: &context.progress,
        })
    }

    /// Shares no earlier failure, because the caller has just changed something.
    pub fn anew(context: &'a Context<'_>) -> Result<Self> {
        let started = context.now();
        Ok(Self {
            started,
            ..Self::new(context, Instant::now())?
        })
    }

    /// Returns the time that is left.
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Returns AWS as seen by the identity, for calls that take at most `budget` together.
    ///
    /// # Errors
    /// The errors of [`Aws::new`].
    pub fn aws<'i>(&'i self, identity: &'i Identity, budget: Duration) -> Result<Aws<'i>> {
        Ok(Aws::new(self.env, identity, budget)?.shown_on(self.progress))
    }
}
