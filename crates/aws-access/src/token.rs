//! The way from a registry to its password: identity, key, cache and, only on a miss, AWS.

mod several;

use std::time::{Duration, Instant, SystemTime};

pub use several::{Asked, passwords};

use crate::aws::{Aws, CallerIdentity, Endpoint, Service};
use crate::identity::{self, Identity, Scope, Source};
use context::{Env, Progress, World};
use diagnostics::{Code, Error, Result};
use ecr_registry::{Registry, parse_argument, parse_region};
use secret_cache::{Cache, Fetched, Held, Key, KeyBuilder, Request};
use settings::RoleSettings;
use settings::table::REGION;

/// How long all of it may take, if `ECR_AUTH_TIMEOUT` says nothing else.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);
/// What is kept of that for starting, answering and ending.
const MARGIN: Duration = Duration::from_millis(300);

/// Who asks for what, known without the network: enough to find a token in the cache.
#[derive(Debug)]
pub struct Plan {
    registry: Registry,
    identity: Identity,
    endpoint: Endpoint,
    key: Key,
}

impl Plan {
    /// Chooses the identity and the endpoint for a registry.
    ///
    /// # Errors
    /// No usable source of credentials, an endpoint that may not be used.
    pub fn new(env: &Env, registry: &Registry, profile: Option<&str>, role: &RoleSettings) -> Result<Self> {
        let registry = registry.clone();
        let identity = Identity::choose_for(&Scope::from(&registry), env, profile, role)?;
        let identity = identity::with_username(identity, env);
        let service = match registry.is_public() {
            true => Service::EcrPublic,
            false => Service::Ecr,
        };
        let (fips, dual_stack) = (registry.is_fips(), registry.is_dual_stack());
        let endpoint = Endpoint::of(service, env, &identity, fips, dual_stack)?;
        let key = key(&registry, &endpoint, &identity);
        Ok(Self {
            registry,
            identity,
            endpoint,
            key,
        })
    }

    /// Where the credentials come from.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The same, for who needs nothing else.
    pub fn into_identity(self) -> Identity {
        self.identity
    }

    /// The registry.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Where its API is asked.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The key of the token in the cache.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The password for the user `AWS`, from the cache or from AWS. `name` is the host it is asked for under; the time that
    /// this may take begins at `began`.
    ///
    /// # Errors
    /// What AWS says, or that it said nothing in time.
    pub fn password(&self, cache: &Cache, name: &str, began: Instant, world: &mut World<'_>) -> Result<Held> {
        if let Some(held) = self.warm(cache, name, world)? {
            return Ok(held);
        }
        let waiting = Waiting::new(world, began)?;
        let (held, asked) = self.fetch_or_share(cache, name, &waiting);
        self.tell(asked, world);
        held
    }

    /// Tells people who asked for more where it came from.
    fn tell(&self, was_asked: bool, world: &mut World<'_>) {
        world.detail(|| match was_asked {
            true => format!("cache: no fresh token for {}, asked AWS", self.registry.region()),
            false => "cache: what another process was told".to_owned(),
        });
    }

    /// What the cache holds, if it need not be renewed.
    fn warm(&self, cache: &Cache, name: &str, world: &mut World<'_>) -> Result<Option<Held>> {
        self.identity.explain(world);
        if let Source::Cognito(settings) = &self.identity.source {
            cognito::username(settings, cache, world.now())?;
        }
        let held = cache.warm(&self.key, name, world.now());
        if held.is_some() {
            world.detail(|| format!("cache: a fresh token for {}", self.registry.region()));
        }
        Ok(held)
    }

    /// What AWS says, or what it said to another process; and whether we were the ones who asked.
    fn fetch_or_share(&self, cache: &Cache, name: &str, waiting: &Waiting<'_>) -> (Result<Held>, bool) {
        let request = Request {
            key: &self.key,
            name,
            started: waiting.started,
            deadline: waiting.deadline,
            progress: waiting.progress,
        };
        let mut asked = false;
        let held = cache.get(&request, waiting.clock, &mut |budget| {
            asked = true;
            self.fetch(waiting, budget)
        });
        (held, asked)
    }

    fn fetch(&self, waiting: &Waiting<'_>, budget: Duration) -> Result<Fetched> {
        let aws = Aws::new(waiting.env, &self.identity, budget)?.shown_on(waiting.progress);
        let token = aws.within(aws.authorization_token(&self.registry, &self.endpoint));
        let token = token.map_err(|error| match &self.identity.source {
            Source::Cognito(_) if error.cause().starts_with("AccessDenied") => error.hint(
                "the identity pool gave this user a role that may not sign in to registries: ask who runs the pool",
            ),
            _ => error,
        })?;
        Ok(Fetched {
            secret: token.password,
            expires_at: token.expires_at,
            renew_at: None,
        })
    }
}

/// What a fetch needs of the world: it may go on in a thread of its own.
struct Waiting<'a> {
    env: &'a Env,
    clock: &'a (dyn Fn() -> SystemTime + Sync),
    started: SystemTime,
    deadline: Instant,
    progress: &'a Progress,
}

impl<'a> Waiting<'a> {
    /// The time that it may take begins at `began`.
    fn new(world: &'a World<'_>, began: Instant) -> Result<Self> {
        Ok(Self {
            env: &world.env,
            clock: world.clock,
            started: started(world),
            deadline: deadline(&world.env, began)?,
            progress: &world.progress,
        })
    }
}

/// When this process was started. On a machine that is busy with hundreds of others, what the kernel says is earlier, and truer,
/// than the first look at the clock in `main`; but a process that was something else before (a shell that ran `exec`) counts from
/// ten seconds before that look, at the earliest.
pub(crate) fn started(world: &World<'_>) -> SystemTime {
    let earliest = world.started - Duration::from_secs(10);
    let spawned = process_age().and_then(|age| world.now().checked_sub(age));
    spawned.map_or(world.started, |spawned| spawned.clamp(earliest, world.started))
}

/// How long ago the kernel made this process: `starttime` of proc(5), in clock ticks since boot.
#[cfg(target_os = "linux")]
fn process_age() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field, the program's name in parentheses, may hold anything; `starttime` is the 22nd.
    let ticks: u64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    let spawned = ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
    Duration::try_from_secs_f64(uptime - spawned).ok()
}

#[cfg(not(target_os = "linux"))]
fn process_age() -> Option<Duration> {
    None
}

/// One token serves every registry of a region, so the account in the host's name is no part of the key.
fn key(registry: &Registry, endpoint: &Endpoint, identity: &Identity) -> Key {
    let public = if registry.is_public() { "yes" } else { "no" };
    let key = Key::builder()
        .field("partition", registry.partition().id())
        .field("region", registry.region())
        .field("public", public);
    of_identity(key, endpoint, identity)
}

/// The key of what an identity is given at an endpoint, `key` being what it is.
pub(crate) fn of_identity(key: KeyBuilder, endpoint: &Endpoint, identity: &Identity) -> Key {
    let key = endpoint
        .key_fields()
        .into_iter()
        .fold(key, |key, (name, value)| key.field(name, value));
    let fields = identity.key_fields().into_iter();
    fields.fold(key, |key, (name, value)| key.secret(name, &value)).build()
}

/// When a command that began at `began` has to have ended.
///
/// # Errors
/// `ECR_AUTH_TIMEOUT` is no number of seconds.
pub fn deadline(env: &Env, began: Instant) -> Result<Instant> {
    let timeout = match env.get("ECR_AUTH_TIMEOUT") {
        None => DEFAULT_TIMEOUT,
        Some(text) => seconds(text).ok_or_else(|| {
            Error::usage(
                Code::Variable,
                "ECR_AUTH_TIMEOUT",
                format!("{text} is not a number of seconds"),
            )
            .hint("set it to a number from 1 to 3600, or unset it")
        })?,
    };
    Ok(began + timeout.saturating_sub(MARGIN))
}

/// How long a call may take that begins now.
///
/// # Errors
/// As [`deadline`].
pub fn budget(env: &Env) -> Result<Duration> {
    let now = Instant::now();
    Ok(deadline(env, now)?.saturating_duration_since(now))
}

fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.parse().ok()?;
    (1.0..=3600.0)
        .contains(&seconds)
        .then(|| Duration::from_secs_f64(seconds))
}

/// The region of registries that are named by their account alone: the flag, the environment, then the profile.
///
/// # Errors
/// AWS's shared files can't be read.
pub fn region(flag: Option<&str>, env: &Env) -> Result<Option<String>> {
    match flag {
        Some(region) => Ok(Some(region.to_owned())),
        None => identity::current_region(env),
    }
}

/// The caller's own registry in the current region: that of the last role's account or, where no role is named, of the account
/// that STS says.
///
/// # Errors
/// No region, no credentials, a denial, a network that fails.
pub fn own_registry(
    region_flag: Option<&str>,
    profile: Option<&str>,
    role: &RoleSettings,
    world: &World<'_>,
) -> Result<Registry> {
    let region = region(region_flag, &world.env)?.ok_or_else(|| {
        Error::usage(
            Code::NoRegistry,
            "no registry",
            "none is named, and no region is set to look for the caller's own",
        )
        .hint(format!(
            "name one (ACCOUNT/REGION or a host), or set {REGION} or AWS_REGION"
        ))
    })?;
    let region = parse_region(&region)?;
    let scope = Scope::of_region(&region);
    let account = match identity::last_account(role, &scope)? {
        // Known without credentials: there need be none where the identity is only written down.
        Some(account) if profile.is_none() => account,
        _ => callers_account(
            &Identity::choose_for(&scope, &world.env, profile, role)?,
            &region,
            world,
        )?,
    };
    parse_argument(&format!("{account}/{region}"), None)
}

fn callers_account(identity: &Identity, region: &str, world: &World<'_>) -> Result<String> {
    if let Some(role) = identity.role() {
        return Ok(role.account().to_owned());
    }
    Ok(caller(identity, region, world)?.account)
}

/// Asks STS in this region whose credentials these are.
///
/// # Errors
/// No credentials, credentials that AWS doesn't take, a network that fails.
pub fn caller(identity: &Identity, region: &str, world: &World<'_>) -> Result<CallerIdentity> {
    let budget = budget(&world.env)?;
    let aws = Aws::new(&world.env, identity, budget)?.shown_on(&world.progress);
    aws.within(aws.caller_identity(region))
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
        let plan = Plan::new(&env, &registry, None, &RoleSettings::default());
        plan.unwrap().key().to_string()
    }

    const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

    #[test]
    fn registries_of_one_region_share_a_token() {
        assert_eq!(
            key_of(HOST, &[]),
            key_of("444455556666.dkr.ecr.eu-west-1.amazonaws.com", &[])
        );
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

    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernel_knows_how_old_this_process_is() {
        let age = process_age().unwrap();
        assert!(age < Duration::from_secs(3600), "{age:?}");
    }

    #[test]
    fn the_timeout_is_a_number_of_seconds() {
        let began = Instant::now();
        let left = |text: &str| {
            let env: Env = [("ECR_AUTH_TIMEOUT", text)].into_iter().collect();
            deadline(&env, began).map(|deadline| deadline - began)
        };
        assert_eq!(left("").unwrap(), Duration::from_millis(14_700));
        assert_eq!(left("2.5").unwrap(), Duration::from_millis(2_200));
        for wrong in ["0", "-1", "soon", "NaN", "inf", "3601"] {
            assert_eq!(left(wrong).unwrap_err().exit().code(), 2, "{wrong}");
        }
    }
}
