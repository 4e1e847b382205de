//! The path from an identity to the password of one registry, or of several at once.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Instant, SystemTime};

use crate::client::Aws;
use crate::ecr::AuthorizationToken;
use crate::endpoint::Endpoint;
use crate::identity::{CredentialSource, Identity, IdentityScope};
use crate::secret_path::{FetchContext, ObtainableSecret, SecretPath};
use crate::sign_in::{self, Destination};
use context::{Context, Env};
use diagnostics::Result;
use ecr_registry::Registry;
use secret_cache::{Cache, CacheKey, CachedSecret, FetchedSecret};
use settings::IdentitySettings;

/// The most tokens that are fetched at the same time. Each needs its own connection, and AWS limits the rate of calls.
const AT_ONCE: usize = 8;

/// The path to a registry's password.
pub type PasswordPath = SecretPath<Registry>;

impl ObtainableSecret for Registry {
    fn destination(&self) -> Destination<'_> {
        self.into()
    }

    fn fetch(&self, aws: &Aws<'_>, endpoint: &Endpoint, _: &dyn Fn() -> SystemTime) -> Result<FetchedSecret> {
        let token = token(aws, self, endpoint)?;
        Ok(FetchedSecret {
            secret: token.password,
            expires_at: token.expires_at,
            renew_at: token.renew_at,
            name: None,
        })
    }

    fn told_warm(&self) -> String {
        format!("a fresh token for {}", self.region())
    }

    fn told_fetched(&self) -> String {
        format!("no fresh token for {}, asked AWS", self.region())
    }
}

fn token(aws: &Aws<'_>, registry: &Registry, endpoint: &Endpoint) -> Result<AuthorizationToken> {
    let token = aws.within(aws.authorization_token(registry, endpoint));
    token.map_err(|error| match &aws.identity.source {
        CredentialSource::Cognito(_) if error.cause().starts_with("AccessDenied") => error.hint(
            "the identity pool gave this user a role that may not sign in to registries: ask the owner of the pool",
        ),
        _ => error,
    })
}

/// The caller's own registry in a region. The response with its password tells the account.
#[derive(Debug)]
pub struct OwnRegistry {
    /// A registry of the same region.
    any: Registry,
    /// The host, once a response told it.
    host: OnceLock<String>,
}

impl ObtainableSecret for OwnRegistry {
    fn destination(&self) -> Destination<'_> {
        self.any.destination()
    }

    fn fetch(&self, aws: &Aws<'_>, endpoint: &Endpoint, _: &dyn Fn() -> SystemTime) -> Result<FetchedSecret> {
        let token = token(aws, &self.any, endpoint)?;
        if let Some(host) = &token.own_host {
            let _ = self.host.set(host.clone());
        }
        Ok(FetchedSecret {
            secret: token.password,
            expires_at: token.expires_at,
            renew_at: token.renew_at,
            name: token.own_host,
        })
    }

    fn told_warm(&self) -> String {
        self.any.told_warm()
    }

    fn told_fetched(&self) -> String {
        self.any.told_fetched()
    }
}

/// The path to the password of the caller's own registry. The password is cached where a `get` of that registry looks for it.
pub type OwnPasswordPath = SecretPath<OwnRegistry>;

impl OwnPasswordPath {
    /// Finds the path from the identity of a registry to the password of the identity's own registry in the same region.
    ///
    /// # Errors
    /// The errors of [`PasswordPath::choose`].
    pub fn choose(env: &Env, any: &Registry, settings: IdentitySettings) -> Result<Self> {
        let identity = Identity::choose(settings, &IdentityScope::of_region(any.region()), env)?;
        let path = PasswordPath::new(env, any, identity)?;
        let host = OnceLock::new();
        Ok(SecretPath {
            identity: path.identity,
            endpoint: path.endpoint,
            key: path.key,
            wanted: OwnRegistry { any: path.wanted, host },
        })
    }

    /// Returns the host of the registry, once this process or another has fetched the password. `None` if the service does not return it.
    ///
    /// # Errors
    /// The errors of [`SecretPath::secret`].
    pub fn host(&self, cache: &Cache, context: &mut Context<'_>) -> Result<Option<String>> {
        let began = context.began;
        self.secret(cache, "", began, context)?;
        let of_region = |name: &String| Registry::parse(name).is_some_and(|it| it.region() == self.wanted.any.region());
        let known = || cache.names(&self.key, context.now()).into_iter().find(of_region);
        Ok(self.wanted.host.get().cloned().or_else(known))
    }
}

impl PasswordPath {
    /// Chooses the identity that the settings and the environment name, and finds the path from it to the password of a registry.
    ///
    /// # Errors
    /// The errors of [`Identity::choose`], or the endpoint may not be used.
    pub fn choose(env: &Env, registry: &Registry, settings: IdentitySettings) -> Result<Self> {
        let identity = Identity::choose(settings, &IdentityScope::from(registry), env)?;
        Self::new(env, registry, identity)
    }

    /// Returns the path from an identity to the password of a registry.
    ///
    /// # Errors
    /// The endpoint may not be used.
    pub fn new(env: &Env, registry: &Registry, identity: Identity) -> Result<Self> {
        // One token serves every registry of a region, so the account of the host is not part of the key.
        let key = CacheKey::builder()
            .field("partition", registry.partition().id())
            .field("region", registry.region())
            .field("public", if registry.is_public() { "yes" } else { "no" });
        let endpoint = Endpoint::for_registry(registry, env, &identity)?;
        let on_the_way = sign_in::key_fields(env, &identity, registry.into())?;
        Ok(Self::to(registry.clone(), endpoint, on_the_way, key, identity))
    }

    /// The registry.
    pub fn registry(&self) -> &Registry {
        &self.wanted
    }
}

/// One of several registries.
#[derive(Debug)]
pub struct NamedPath<'a> {
    /// The path to its password.
    pub path: &'a PasswordPath,
    /// The host under which its password is requested.
    pub name: &'a str,
}

/// Returns the password of each registry, in their order, from the cache or from AWS. Registries that one token opens share one fetch. Different
/// tokens are fetched at the same time.
///
/// # Errors
/// `ECR_AUTH_TIMEOUT` is not a number of seconds. An error of a single registry is returned in its place in the list.
pub fn passwords(
    asked: &[NamedPath<'_>],
    cache: &Cache,
    context: &mut Context<'_>,
) -> Result<Vec<Result<CachedSecret>>> {
    let keys: Vec<String> = asked.iter().map(|it| it.path.key().to_string()).collect();
    let mut answers = BTreeMap::new();
    let mut cold = BTreeMap::new();
    let mut others = Vec::new();
    for (it, key) in asked.iter().zip(&keys) {
        if answers.contains_key(key) || cold.contains_key(key) {
            others.push(it);
            continue;
        }
        match it.path.warm(cache, it.name, context).transpose() {
            Some(answer) => drop(answers.insert(key, answer)),
            None => drop(cold.insert(key, it)),
        }
    }
    let (keys_of_cold, cold): (Vec<_>, Vec<_>) = cold.into_iter().unzip();
    answers.extend(keys_of_cold.into_iter().zip(fetch(&cold, cache, context)?));
    for it in others {
        // The password that was just cached is now also known under this name.
        let _ = cache.warm(it.path.key(), it.name, context.now());
    }
    Ok(keys.iter().filter_map(|key| answers.get(key).cloned()).collect())
}

/// Fetches the passwords that are not in the cache, and returns them in their order.
fn fetch(cold: &[&NamedPath<'_>], cache: &Cache, context: &mut Context<'_>) -> Result<Vec<Result<CachedSecret>>> {
    if cold.is_empty() {
        return Ok(Vec::new());
    }
    let waiting = FetchContext::new(context, Instant::now())?;
    let all = (cold.len() > 1).then(|| context.progress.wait(told(0, cold.len())));
    let (queue, done) = (Mutex::new(cold.iter().enumerate()), Mutex::new(Vec::new()));
    let next = || locked(&queue).next();
    let work = || {
        while let Some((index, it)) = next() {
            let (held, was_asked) = it.path.fetch_or_share(cache, it.name, &waiting, None);
            let mut done = locked(&done);
            done.push((index, held, was_asked));
            if let Some(all) = &all {
                all.now(told(done.len(), cold.len()));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..cold.len().min(AT_ONCE) {
            // If no thread can be started, this one does all the work.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    drop(all);
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, ..)| *index);
    for (index, _, was_asked) in &done {
        cold[*index].path.tell(*was_asked, context);
    }
    Ok(done.into_iter().map(|(_, held, _)| held).collect())
}

fn told(done: usize, of: usize) -> String {
    format!("{done} of {of} tokens are there")
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(host: &str, vars: &[(&str, &str)]) -> String {
        let env: Env = [("AWS_ACCESS_KEY_ID", "AKID"), ("AWS_SECRET_ACCESS_KEY", "secret")]
            .into_iter()
            .chain(vars.iter().copied())
            .collect();
        let registry = Registry::parse(host).unwrap();
        let path = PasswordPath::choose(&env, &registry, IdentitySettings::default());
        path.unwrap().key().to_string()
    }

    const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

    #[test]
    fn registries_of_one_region_share_a_token() {
        assert_eq!(
            key_of(HOST, &[]),
            key_of("444455556666.dkr.ecr.eu-west-1.amazonaws.com", &[])
        );
    }

    /// STS assumes a role, so the STS endpoint is part of the path.
    #[test]
    fn the_sts_on_the_way_is_in_the_key() {
        let token = ("ECR_AUTH_ID_TOKEN", "jwt");
        let role = ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/x");
        let base = key_of(HOST, &[token, role]);
        for (name, value) in [
            ("AWS_ENDPOINT_URL_STS", "https://localhost"),
            ("AWS_USE_DUALSTACK_ENDPOINT", "true"),
            ("AWS_REGION", "us-east-1"),
        ] {
            assert_ne!(key_of(HOST, &[token, role, (name, value)]), base, "{name}");
        }
        // Keys are used without STS.
        let elsewhere = [("AWS_ENDPOINT_URL_STS", "https://localhost")];
        assert_eq!(key_of(HOST, &elsewhere), key_of(HOST, &[]));
    }

    #[test]
    fn the_metadata_service_on_the_way_is_in_the_key() {
        let instance = [("AWS_ACCESS_KEY_ID", ""), ("AWS_SECRET_ACCESS_KEY", "")];
        let at = |endpoint| {
            key_of(
                HOST,
                &[
                    instance[0],
                    instance[1],
                    ("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint),
                ],
            )
        };
        assert_eq!(at(""), at("http://169.254.169.254/"));
        assert_ne!(at(""), at("http://127.0.0.1:1"));
        let mode = ("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6");
        assert_ne!(at(""), key_of(HOST, &[instance[0], instance[1], mode]));
    }

    #[test]
    fn everything_that_decides_the_token_is_in_the_key() {
        let base = key_of(HOST, &[]);
        for other in [
            "111122223333.dkr.ecr.us-east-1.amazonaws.com",
            "111122223333.dkr.ecr-fips.eu-west-1.amazonaws.com",
            "111122223333.dkr-ecr.eu-west-1.on.aws",
            "public.ecr.aws",
        ] {
            assert_ne!(key_of(other, &[]), base, "{other}");
        }
        let us_east = key_of("111122223333.dkr.ecr.us-east-1.amazonaws.com", &[]);
        assert_ne!(key_of("public.ecr.aws", &[]), us_east);
        for (name, value) in [
            ("AWS_ACCESS_KEY_ID", "OTHER"),
            ("AWS_SECRET_ACCESS_KEY", "other"),
            ("AWS_SESSION_TOKEN", "session"),
            ("AWS_ENDPOINT_URL", "https://localhost"),
            ("AWS_ENDPOINT_URL_ECR", "https://localhost"),
            ("AWS_USE_FIPS_ENDPOINT", "true"),
        ] {
            assert_ne!(key_of(HOST, &[(name, value)]), base, "{name}");
        }
    }
}
