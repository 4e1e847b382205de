//! The one path from an identity to a secret: the warm cache, else fetch or share, and tell people where the secret came from.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime};

use crate::client::Aws;
use crate::cognito::is_signed_in;
use crate::endpoint::Endpoint;
use crate::identity::{CredentialSource, Identity};
use crate::sign_in::Destination;
use cognito::ProviderLogin;
use context::{Context, Env, Progress, deadline, process_started};
use diagnostics::Result;
use secret::Secret;
use secret_cache::{Cache, CacheKey, CachedSecret, FetchedSecret, KeyBuilder, SecretRequest};

/// What an identity is given by AWS, and how: a registry's password, a session.
pub trait ObtainableSecret {
    /// What the identity's credentials are wanted for.
    fn destination(&self) -> Destination<'_>;
    /// Fetches the secret.
    fn fetch(&self, aws: &Aws<'_>, endpoint: &Endpoint, clock: &dyn Fn() -> SystemTime) -> Result<FetchedSecret>;
    /// What people are told of a secret in the cache that need not be renewed.
    fn told_warm(&self) -> String;
    /// What people are told of a secret that this process fetched.
    fn told_fetched(&self) -> String;
}

/// The way from an identity to one secret, known without the network: enough to find the secret in the cache.
#[derive(Debug)]
pub struct SecretPath<W> {
    pub(crate) identity: Identity,
    pub(crate) endpoint: Endpoint,
    pub(crate) key: CacheKey,
    pub(crate) wanted: W,
}

impl<W> SecretPath<W> {
    /// The way to what `wanted` stands for. `key` tells what is wanted from everything else; the identity, the endpoint and the servers
    /// that are asked before it are added to the key.
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

    /// Whose credentials are used.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns only the identity, dropping the rest of the path.
    pub fn into_identity(self) -> Identity {
        self.identity
    }

    /// Where the API is asked.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The key of the secret in the cache.
    pub fn key(&self) -> &CacheKey {
        &self.key
    }
}

impl<W: ObtainableSecret> SecretPath<W> {
    /// The secret, from the cache or from AWS. `name` is the name it is asked for under (a host); the time that this may take begins at
    /// `began`.
    ///
    /// # Errors
    /// What AWS says, or that it said nothing in time.
    pub fn secret(&self, cache: &Cache, name: &str, began: Instant, context: &mut Context<'_>) -> Result<CachedSecret> {
        if let Some(held) = self.warm(cache, name, context)? {
            return Ok(held);
        }
        let waiting = FetchContext::new(context, began)?;
        let (held, is_fetched) = self.fetch_or_share(cache, name, &waiting, None);
        self.tell(is_fetched, context);
        held
    }

    /// What the cache holds, if it need not be renewed.
    pub(crate) fn warm(&self, cache: &Cache, name: &str, context: &mut Context<'_>) -> Result<Option<CachedSecret>> {
        self.identity.explain(context);
        self.identity.require_user()?;
        let held = self.held(cache, name, context.now(), &context.env)?;
        if held.is_some() {
            context.detail(|| format!("cache: {}", self.wanted.told_warm()));
        }
        Ok(held)
    }

    /// What the cache holds of this secret. What a user of Cognito was given ends with the sign-in: once that is over, nothing is handed out
    /// any more that came of it.
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

    /// What AWS says, or what it said to another process; and whether this process asked. `login` is that of a user who has just signed in
    /// to Cognito.
    pub(crate) fn fetch_or_share(
        &self,
        cache: &Cache,
        name: &str,
        waiting: &FetchContext<'_>,
        login: Option<ProviderLogin>,
    ) -> (Result<CachedSecret>, bool) {
        let request = SecretRequest {
            key: &self.key,
            name,
            started: waiting.started,
            deadline: waiting.deadline,
            progress: waiting.progress,
        };
        let login = Cell::new(login.map(Ok));
        let is_fetched = Cell::new(false);
        // A sign-in to Cognito is renewed under a lock of its own, and before the lock of this secret is taken.
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

    /// The login of a user of Cognito; `None` for every other identity.
    fn renew_sign_in(&self, waiting: &FetchContext<'_>, budget: Duration) -> Option<Result<ProviderLogin>> {
        let CredentialSource::Cognito(settings) = &self.identity.source else {
            return None;
        };
        let aws = waiting.aws(&self.identity, budget);
        Some(aws.and_then(|aws| aws.within(aws.cognito_login(settings))))
    }

    /// Tells people who asked for more where the secret came from.
    pub(crate) fn tell(&self, is_fetched: bool, context: &mut Context<'_>) {
        context.detail(|| match is_fetched {
            true => format!("cache: {}", self.wanted.told_fetched()),
            false => "cache: what another process was told".to_owned(),
        });
    }
}

/// What a fetch needs of the world: it may go on in a thread of its own.
pub(crate) struct FetchContext<'a> {
    env: &'a Env,
    clock: &'a (dyn Fn() -> SystemTime + Sync),
    started: SystemTime,
    deadline: Instant,
    progress: &'a Progress,
}

impl<'a> FetchContext<'a> {
    /// The time that this may take begins at `began`.
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

    /// Shares no failure of before: who asks has just changed something.
    pub fn anew(context: &'a Context<'_>) -> Result<Self> {
        let started = context.now();
        Ok(Self {
            started,
            ..Self::new(context, Instant::now())?
        })
    }

    /// What is left of the time.
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// AWS as the identity sees it, for calls that take `budget` in all.
    ///
    /// # Errors
    /// As [`Aws::new`].
    pub fn aws<'i>(&'i self, identity: &'i Identity, budget: Duration) -> Result<Aws<'i>> {
        Ok(Aws::new(self.env, identity, budget)?.shown_on(self.progress))
    }
}
