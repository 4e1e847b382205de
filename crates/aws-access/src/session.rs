//! The way from a role, or another source, to AWS credentials that are handed on: identity, key, cache and, only on a miss, AWS.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use serde::{Deserialize, Serialize};

use crate::aws::{Aws, Endpoint, Service};
use crate::identity::{self, Base, Identity, Scope, Source};
use crate::token;
use cognito::{self, Login};
use context::{Env, Progress, World};
use diagnostics::{Code, Error, Result};
use ecr_registry::{Partition, parse_region};
use secret::{self, Secret};
use secret_cache::{Cache, Fetched, Key, Request};
use settings::table::{PROFILE, ROLE_ARN};
use settings::{CognitoSettings, RoleSettings};

/// How long before its end a session is renewed, or half its life where that is shorter.
const RENEWAL: Duration = Duration::from_secs(5 * 60);

/// Credentials of an AWS session, or of a user's long-lived key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionCredentials {
    /// `AKIA…` or `ASIA…`: names the key, and is no secret.
    pub access_key_id: String,
    /// Signs requests.
    pub secret_access_key: Secret,
    /// Goes with every request of a session; a long-lived key has none.
    pub session_token: Option<Secret>,
    /// When the session ends, by this machine's clock; a long-lived key never does.
    pub expires_at: Option<SystemTime>,
    /// The region to use them in, where one is to be told.
    pub region: Option<String>,
}

/// Whose credentials are wanted, known without the network: enough to find them in the cache.
#[derive(Debug)]
pub struct Plan {
    identity: Identity,
    /// Whose STS is asked.
    region: String,
    key: Key,
    /// What to tell people who use the credentials: a region that somebody named.
    named_region: Option<String>,
}

impl Plan {
    /// Chooses the identity: a profile, or a role that the settings or `AWS_ROLE_ARN` name.
    ///
    /// # Errors
    /// No role, and no profile either; no usable source of credentials, an endpoint that may not be used.
    pub fn new(env: &Env, profile: Option<&str>, role: &RoleSettings) -> Result<Self> {
        let first = role.role_arn.as_deref().or_else(|| env.get("AWS_ROLE_ARN"));
        let of_cognito = role.cognito()?;
        if profile.is_none() && first.is_none() && of_cognito.is_none() {
            return Err(Error::usage(Code::Role, "no role", "none is named").hint(format!(
                "name it with {ROLE_ARN} or AWS_ROLE_ARN, or a profile with {PROFILE}"
            )));
        }
        let named_region = match &role.region {
            Some(region) => Some(region.clone()),
            None => identity::current_region(env)?,
        };
        if let Some(region) = &named_region {
            parse_region(region)?;
        }
        let partition = match (of_cognito, &named_region) {
            (Some(settings), _) => Partition::of_region(settings.identity_pool_region()),
            (None, Some(region)) => Partition::of_region(region),
            (None, None) => Partition::of_arn(first.unwrap_or_default()),
        };
        let scope = Scope {
            partition,
            account: None,
        };
        let identity = Identity::choose_for(&scope, env, profile, role)?;
        let identity = identity::with_username(identity, env);
        refuse_itself(&identity)?;
        let region = named_region
            .clone()
            .unwrap_or_else(|| partition.first_region().to_owned());
        let endpoint = Endpoint::of(Service::Sts, env, &identity, false, false)?;
        let mut key = Key::builder().field("kind", "session").field("region", &region);
        if let Source::WebIdentity { token_file, .. } = &identity.source {
            // Whole: what it claims is not proved before STS has seen it, and this is more than a registry's password.
            key = key.secret("jwt", &oidc_token::read_token_file(token_file).unwrap_or_default());
        }
        let key = token::of_identity(key, &endpoint, &identity);
        Ok(Self {
            identity,
            region,
            key,
            named_region,
        })
    }

    /// Where the credentials come from.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The credentials, from the cache or from AWS; the time that this may take begins at `began`.
    ///
    /// # Errors
    /// What AWS says, or that it said nothing in time.
    pub fn credentials(&self, cache: &Cache, began: Instant, world: &mut World<'_>) -> Result<SessionCredentials> {
        self.identity.explain(world);
        if let Source::Cognito(settings) = &self.identity.source {
            cognito::username(settings, cache, world.now())?;
        }
        let deadline = token::deadline(&world.env, began)?;
        if !self.is_kept() {
            let budget = deadline.saturating_duration_since(Instant::now());
            return self.fetch(&world.env, budget, &world.progress);
        }
        if let Some(held) = cache.warm(&self.key, "", world.now()) {
            world.detail(|| "cache: a session that has not ended".to_owned());
            return self.read(&held.secret);
        }
        let request = Request {
            key: &self.key,
            name: "",
            started: token::started(world),
            deadline,
            progress: &world.progress,
        };
        let (env, clock, progress) = (&world.env, world.clock, &world.progress);
        let held = cache.get(&request, clock, &mut |budget| {
            let credentials = self.fetch(env, budget, progress)?;
            stored(&credentials, clock())
        })?;
        self.read(&held.secret)
    }

    /// What the cache holds, if it need not be renewed.
    pub fn warm(&self, cache: &Cache, now: SystemTime) -> Option<SessionCredentials> {
        let held = cache.warm(&self.key, "", now)?;
        self.read(&held.secret).ok()
    }

    /// The credentials of a user who has just signed in to Cognito, in the place of all that was known before.
    ///
    /// # Errors
    /// What AWS says, or that it said nothing in time.
    pub fn cognito_credentials(
        &self,
        settings: &CognitoSettings,
        login: &Login,
        cache: &Cache,
        world: &World<'_>,
    ) -> Result<SessionCredentials> {
        cache.remove(&self.key);
        let request = Request {
            key: &self.key,
            name: "",
            started: world.now(),
            deadline: token::deadline(&world.env, Instant::now())?,
            progress: &world.progress,
        };
        let held = cache.get(&request, world.clock, &mut |budget| {
            let aws = Aws::new(&world.env, &self.identity, budget)?.shown_on(&world.progress);
            let credentials = aws.within(aws.cognito_credentials(settings, login))?;
            stored(&self.named(&credentials), world.now())
        })?;
        self.read(&held.secret)
    }

    /// Roles are assumed here, and so kept here; what else there is has an owner that knows better when it changes.
    fn is_kept(&self) -> bool {
        matches!(
            self.identity.source,
            Source::Role(_) | Source::WebIdentity { .. } | Source::Cognito(_)
        )
    }

    fn fetch(&self, env: &Env, budget: Duration, progress: &Progress) -> Result<SessionCredentials> {
        let aws = Aws::new(env, &self.identity, budget)?.shown_on(progress);
        let credentials = aws.within(aws.credentials(&self.region))?;
        Ok(self.named(&credentials))
    }

    fn named(&self, credentials: &Credentials) -> SessionCredentials {
        SessionCredentials {
            access_key_id: credentials.access_key_id().to_owned(),
            secret_access_key: Secret::new(credentials.secret_access_key()),
            session_token: credentials.session_token().map(Secret::new),
            expires_at: credentials.expiry(),
            region: self.named_region.clone(),
        }
    }

    fn read(&self, secret: &Secret) -> Result<SessionCredentials> {
        let stored: Stored = serde_json::from_str(secret.expose()).map_err(|_| {
            Error::failed(Code::NotReadable, "the cached session", "it can't be read").hint("run: ecr-auth logout")
        })?;
        Ok(SessionCredentials {
            access_key_id: stored.access_key_id,
            secret_access_key: stored.secret_access_key,
            session_token: Some(stored.session_token),
            expires_at: Some(UNIX_EPOCH + Duration::from_secs(stored.expires_at)),
            region: self.named_region.clone(),
        })
    }
}

/// A profile whose `credential_process` is this command, or that leads to such a one, gets its credentials from us: taking ours
/// from it would go round for ever.
fn refuse_itself(identity: &Identity) -> Result<()> {
    let has = |line: &str, searched: &str| line.split_whitespace().any(|word| word == searched);
    let is_ours = |line: &str| line.contains("ecr-auth") && has(line, "assume");
    let lines = |name| {
        let lines = identity.reached_settings(name, "credential_process").into_iter();
        lines.filter(|line| is_ours(line))
    };
    let (name, cause, hint) = match (&identity.source, identity.role().map(|role| &role.base)) {
        (_, Some(Base::Source(Source::Profile { name, .. }))) if lines(name).next().is_some() => (
            name,
            "it takes its credentials from ecr-auth assume, and the role would be assumed with it in turn",
            "give the job its OIDC token, or leave the profile out of AWS_PROFILE for this command",
        ),
        // `--profile` names whose credentials are taken, unless the profile is being written.
        (Source::Profile { name, .. }, _) if lines(name).any(|line| has(line, "--profile") && has(line, name)) => (
            name,
            "it takes its credentials from ecr-auth assume with this same profile",
            "name the role in its credential_process with --role-arn, and no profile",
        ),
        _ => return Ok(()),
    };
    Err(Error::failed(Code::ProfileFailed, format!("profile {name}"), cause).hint(hint))
}

/// A session as the cache keeps it.
#[derive(Serialize, Deserialize)]
struct Stored {
    access_key_id: String,
    #[serde(with = "secret::exposed")]
    secret_access_key: Secret,
    #[serde(with = "secret::exposed")]
    session_token: Secret,
    /// Seconds since 1970-01-01 UTC.
    expires_at: u64,
}

fn stored(credentials: &SessionCredentials, now: SystemTime) -> Result<Fetched> {
    let odd = |cause: &str| Error::failed(Code::OddAnswer, "AWS STS", cause);
    let expires_at = credentials.expires_at.ok_or_else(|| odd("the session has no end"))?;
    let since = expires_at.duration_since(UNIX_EPOCH);
    let text = serde_json::to_string(&Stored {
        access_key_id: credentials.access_key_id.clone(),
        secret_access_key: credentials.secret_access_key.clone(),
        session_token: credentials.session_token.clone().unwrap_or_default(),
        expires_at: since.map_err(|_| odd("the session ended before 1970"))?.as_secs(),
    });
    let life = expires_at.duration_since(now).unwrap_or_default();
    Ok(Fetched {
        secret: text
            .map(Secret::new)
            .map_err(|error| Error::failed(Code::OddAnswer, "the session", error))?,
        expires_at,
        renew_at: expires_at.checked_sub(RENEWAL.min(life / 2)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_needed_or_a_profile() {
        let env = Env::default();
        let error = Plan::new(&env, None, &RoleSettings::default()).unwrap_err();
        assert_eq!((error.exit().code(), error.what()), (2, "no role"));
    }

    #[test]
    fn a_session_is_renewed_five_minutes_before_its_end_or_after_half_its_life() {
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let renewed = |life: u64| {
            let credentials = SessionCredentials {
                access_key_id: "ASIA1".into(),
                secret_access_key: Secret::new("s"),
                session_token: None,
                expires_at: Some(now + Duration::from_secs(life)),
                region: None,
            };
            stored(&credentials, now)
                .unwrap()
                .renew_at
                .unwrap()
                .duration_since(now)
                .unwrap()
                .as_secs()
        };
        assert_eq!(renewed(3600), 3300);
        assert_eq!(renewed(900), 600);
        assert_eq!(renewed(60), 30);
    }

    #[test]
    fn the_region_is_the_named_one_or_the_partitions_first() {
        let plan = |role: &str, vars: &[(&str, &str)]| {
            let env: Env = [("ECR_AUTH_ID_TOKEN", "jwt")]
                .into_iter()
                .chain(vars.iter().copied())
                .collect();
            let role = RoleSettings {
                role_arn: Some(role.to_owned()),
                ..RoleSettings::default()
            };
            Plan::new(&env, None, &role).unwrap()
        };
        let role = "arn:aws:iam::111122223333:role/x";
        let plain = plan(role, &[]);
        assert_eq!(
            (plain.region.as_str(), plain.named_region.as_deref()),
            ("us-east-1", None)
        );
        assert_eq!(
            plan("arn:aws-cn:iam::111122223333:role/x", &[]).region,
            "cn-northwest-1"
        );
        let named = plan(role, &[("AWS_REGION", "eu-west-1")]);
        assert_eq!(
            (named.region.as_str(), named.named_region.as_deref()),
            ("eu-west-1", Some("eu-west-1"))
        );
        assert_ne!(named.key, plain.key);
    }

    #[test]
    fn a_pods_session_is_for_who_holds_its_token() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().display().to_string();
        let env: Env = [
            ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/x"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", path.as_str()),
        ]
        .into_iter()
        .collect();
        let key = |token: &str| {
            std::fs::write(file.path(), token).unwrap();
            Plan::new(&env, None, &RoleSettings::default()).unwrap().key
        };
        // The claims are {"iss":"i","sub":"s"}, whatever the signature.
        assert_ne!(
            key("e30.eyJpc3MiOiJpIiwic3ViIjoicyJ9.c2ln"),
            key("e30.eyJpc3MiOiJpIiwic3ViIjoicyJ9.Zm9yZ2Vk")
        );
    }

    #[test]
    fn what_is_no_region_is_told_before_the_network_is_asked() {
        let env: Env = [("ECR_AUTH_ID_TOKEN", "jwt"), ("AWS_REGION", "evil.example/")]
            .into_iter()
            .collect();
        let role = RoleSettings {
            role_arn: Some("arn:aws:iam::111122223333:role/x".to_owned()),
            ..RoleSettings::default()
        };
        assert_eq!(Plan::new(&env, None, &role).unwrap_err().exit().code(), 2);
    }
}
