//! The path from an identity to the AWS credentials of a session.

use std::time::{Instant, SystemTime};

use crate::client::Aws;
use crate::endpoint::{Endpoint, Service};
use crate::identity::{self, ChainSource, CredentialSource, Identity, IdentityScope, OwnCall, role_in};
use crate::secret_path::{FetchContext, ObtainableSecret, SecretPath};
use crate::session_credentials::SessionCredentials;
use crate::sign_in::{self, Destination};
use cognito::ProviderLogin;
use context::{Context, Env, variables};
use diagnostics::{Code, Error, Result};
use ecr_registry::Partition;
use secret::Secret;
use secret_cache::{Cache, CacheKey, FetchedSecret};
use settings::table::{PROFILE, ROLE_ARN};
use settings::{IdentityChoice, IdentitySettings, SourceChoice};

/// The path to a session's credentials.
pub type SessionPath = SecretPath<SessionRequest>;

/// A session to fetch.
#[derive(Debug)]
pub struct SessionRequest {
    /// The region whose STS is called.
    region: String,
    /// The region to return with the credentials, if the settings name one.
    named_region: Option<String>,
}

impl ObtainableSecret for SessionRequest {
    fn destination(&self) -> Destination<'_> {
        Destination::in_region(&self.region)
    }

    fn fetch(&self, aws: &Aws<'_>, _: &Endpoint, clock: &dyn Fn() -> SystemTime) -> Result<FetchedSecret> {
        self.credentials(aws)?.to_cache(clock())
    }

    fn told_warm(&self) -> String {
        "a session that has not ended".to_owned()
    }

    fn told_fetched(&self) -> String {
        "no session, asked AWS".to_owned()
    }
}

impl SessionRequest {
    fn credentials(&self, aws: &Aws<'_>) -> Result<SessionCredentials> {
        let credentials = aws.within(aws.credentials(self.destination()))?;
        Ok(self.in_named_region(SessionCredentials::from(&credentials)))
    }

    fn read_cached(&self, secret: &Secret) -> Result<SessionCredentials> {
        SessionCredentials::from_cache(secret).map(|credentials| self.in_named_region(credentials))
    }

    fn in_named_region(&self, credentials: SessionCredentials) -> SessionCredentials {
        let region = self.named_region.clone();
        SessionCredentials { region, ..credentials }
    }
}

impl SessionPath {
    /// Chooses the identity that the settings name: a profile, Cognito, or a role, which `AWS_ROLE_ARN` may name too. Then finds the path from it
    /// to a session.
    ///
    /// # Errors
    /// There is neither a role nor a profile, the errors of [`Identity::choose`], or the endpoint may not be used.
    pub fn choose(env: &Env, settings: IdentitySettings) -> Result<Self> {
        let names_role = settings.role.role_arn.is_some() || env.get(variables::AWS_ROLE_ARN).is_some();
        if !names_role && settings.profile.is_none() && settings.role.source != SourceChoice::Cognito {
            return Err(Error::usage(Code::Role, "no role", "none is named").hint(format!(
                "name it with {ROLE_ARN} or AWS_ROLE_ARN, or a profile with {PROFILE}"
            )));
        }
        let region = settings.role.region.clone();
        let profile = settings.profile.clone();
        let choice = settings.choice(role_in(env))?;
        let named_region = identity::region(region.as_deref(), profile.as_deref(), env)?;
        let partition = match (&choice, &named_region) {
            (IdentityChoice::Cognito(settings), _) => Partition::for_region(settings.identity_pool_region()),
            (_, Some(region)) => Partition::for_region(region),
            (IdentityChoice::Role { first, .. }, None) => Partition::for_arn(first),
            (_, None) => Partition::for_arn(env.get(variables::AWS_ROLE_ARN).unwrap_or_default()),
        };
        let scope = IdentityScope {
            partition,
            account: None,
        };
        let identity = Identity::new(choice, &scope, env)?;
        refuse_itself(&identity)?;
        let first_region = || partition.first_region().to_owned();
        let region = named_region.clone().unwrap_or_else(first_region);
        let key = CacheKey::builder().field("kind", "session").field("region", &region);
        let wanted = SessionRequest { region, named_region };
        let to = wanted.destination();
        let endpoint = Endpoint::for_service(Service::Sts, to.region, to.kind, env, &identity)?;
        let on_the_way = sign_in::key_fields(env, &identity, to)?;
        Ok(Self::to(wanted, endpoint, on_the_way, key, identity))
    }

    /// Returns the credentials, from the cache or from AWS. The time limit starts at `began`.
    ///
    /// # Errors
    /// AWS refuses, or does not respond in time.
    pub fn credentials(&self, cache: &Cache, began: Instant, context: &mut Context<'_>) -> Result<SessionCredentials> {
        if self.is_cached() {
            let held = self.secret(cache, "", began, context)?;
            return self.wanted.read_cached(&held.secret);
        }
        self.identity.explain(context);
        let waiting = FetchContext::new(context, began)?;
        self.wanted
            .credentials(&waiting.aws(&self.identity, waiting.time_left())?)
    }

    /// Returns the credentials in the cache, if they need not be renewed.
    pub fn cached(&self, cache: &Cache, now: SystemTime, env: &Env) -> Option<SessionCredentials> {
        let held = self.held(cache, "", now, env).ok()??;
        self.wanted.read_cached(&held.secret).ok()
    }

    /// Fetches the credentials of a user who has just signed in to Cognito. They replace cached ones.
    ///
    /// # Errors
    /// AWS refuses, or does not respond in time.
    pub fn cognito_credentials(
        &self,
        login: ProviderLogin,
        cache: &Cache,
        context: &Context<'_>,
    ) -> Result<SessionCredentials> {
        cache.remove(&self.key);
        let (held, _) = self.fetch_or_share(cache, "", &FetchContext::anew(context)?, Some(login));
        self.wanted.read_cached(&held?.secret)
    }

    /// Whether the session is cached here. Sessions that ecr-auth begins are. Other sources have their own caches.
    fn is_cached(&self) -> bool {
        match &self.identity.source {
            CredentialSource::Role(_) | CredentialSource::Cognito(_) => true,
            CredentialSource::Chain(source) => matches!(source, ChainSource::WebIdentity { .. }),
            CredentialSource::Profile(_) => false,
        }
    }
}

/// Refuses a profile whose `credential_process` is this command, directly or through other profiles: asking it for credentials would never end.
fn refuse_itself(identity: &Identity) -> Result<()> {
    let Some(profile) = identity.profile() else {
        return Ok(());
    };
    let name = &profile.name;
    let call = profile.process().and_then(OwnCall::parse).filter(OwnCall::is_assume);
    let (cause, hint) = match (&identity.source, call) {
        (CredentialSource::Role(_), Some(_)) => (
            "it takes its credentials from ecr-auth assume, and would need the role again for that",
            "give the job its OIDC token, or leave the profile out of AWS_PROFILE for this command",
        ),
        // `--profile` names the profile whose credentials are used, except when that profile is being written.
        (_, Some(call)) if call.names_profile(name) => (
            "it takes its credentials from ecr-auth assume with this same profile",
            "name the role in its credential_process with --role-arn, and no profile",
        ),
        _ => return Ok(()),
    };
    Err(Error::failed(Code::ProfileFailed, format!("profile {name}"), cause).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use settings::RoleSettings;

    #[test]
    fn a_role_is_needed_or_a_profile() {
        let env = Env::default();
        let error = SessionPath::choose(&env, IdentitySettings::default()).unwrap_err();
        assert_eq!((error.exit().code(), error.what()), (2, "no role"));
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
            SessionPath::choose(&env, role.into()).unwrap()
        };
        let role = "arn:aws:iam::111122223333:role/x";
        let plain = plan(role, &[]);
        assert_eq!(
            (plain.wanted.region.as_str(), plain.wanted.named_region.as_deref()),
            ("us-east-1", None)
        );
        assert_eq!(
            plan("arn:aws-cn:iam::111122223333:role/x", &[]).wanted.region,
            "cn-northwest-1"
        );
        let named = plan(role, &[("AWS_REGION", "eu-west-1")]);
        assert_eq!(
            (named.wanted.region.as_str(), named.wanted.named_region.as_deref()),
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
            SessionPath::choose(&env, IdentitySettings::default()).unwrap().key
        };
        // The claims are {"iss":"i","sub":"s"}; the signature does not matter.
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
        assert_eq!(SessionPath::choose(&env, role.into()).unwrap_err().exit().code(), 2);
    }
}
