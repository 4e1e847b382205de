//! The identity whose AWS credentials are used. It is chosen whole: never a key from one place with a session, role or profile from another.
//! Choosing reads the environment and small files, never the network, because it runs on every `get`, warm ones too.

mod chain;
mod own_call;
mod role;

use std::fmt;
use std::time::SystemTime;

pub use chain::profile::{ProfileBase, ProfileRole, ProfileSource, SsoSettings};
pub use chain::{ChainSource, explain_missing, finds_nothing, known_profiles};
pub(crate) use chain::{NO_METADATA, is_metadata_off, no_credentials};
pub(crate) use own_call::{OwnCall, process_fields};
pub use role::{IdentityScope, RoleBase, RolePlan, last_account};
pub(crate) use role::{audience, role_of_session};

use crate::job_sign_in::complete_hint;
use crate::session_credentials::SessionCredentials;
use aws_shared_files::SharedFiles;
use chain::ChainSearch;
use ci::CiToken;
use context::{Context, Env, Verbosity, variables};
use diagnostics::{Code, Error, Result};
use secret::Secret;
use secret_cache::Cache;
use settings::{CognitoSettings, IdentityChoice, IdentitySettings, RoleSettings};

/// A source of credentials, complete: nothing has to be looked up before AWS is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialSource {
    /// A profile that a flag or a rule names, used alone.
    Profile(ProfileSource),
    /// A role that a flag, a rule or `AWS_ROLE_ARN` alone names, and the roles after it.
    Role(Box<RolePlan>),
    /// A user of Cognito who has signed in before or has another provider's token. The settings hold the user's name, unless no user or more than
    /// one is signed in.
    Cognito(Box<CognitoSettings>),
    /// The first existing source of AWS's standard chain.
    Chain(ChainSource),
}

impl CredentialSource {
    /// Returns named fields for a cache key that tell this source from every other. Only a process that holds all of them gets what the source
    /// fetched.
    pub fn key_fields(&self) -> Vec<(&'static str, Secret)> {
        match self {
            Self::Profile(profile) => profile.key_fields(),
            Self::Role(plan) => plan.key_fields(),
            Self::Cognito(settings) => settings.key_fields(),
            Self::Chain(source) => source.key_fields(),
        }
    }
}

impl fmt::Display for CredentialSource {
    /// Writes which source it is, without any secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile(profile) => profile.fmt(f),
            Self::Role(plan) => plan.fmt(f),
            Self::Cognito(settings) => match (&settings.username, &settings.provider) {
                (_, Some(provider)) => write!(f, "a user of {provider} by Cognito's {}", settings.identity_pool_id),
                (Some(username), None) => {
                    let pool = settings.user_pool_id.as_deref().unwrap_or("a user pool");
                    write!(f, "{username} of {pool} by Cognito's {}", settings.identity_pool_id)
                }
                (None, None) => write!(
                    f,
                    "the user who is signed in to Cognito, by {}",
                    settings.identity_pool_id
                ),
            },
            Self::Chain(source) => source.fmt(f),
        }
    }
}

/// A source of credentials, and the profile whose settings (region, endpoints) apply to it.
#[derive(Debug)]
pub struct Identity {
    /// The source of the credentials.
    pub source: CredentialSource,
    /// The session of the profile's last role that asks for an MFA code, if it began in this process.
    pub(crate) mfa_session: Option<SessionCredentials>,
    files: SharedFiles,
    profile: String,
}

impl Identity {
    /// Chooses the identity that the settings and the environment name, for a registry or a region. Cognito or a profile is used alone. Else a role
    /// is assumed with the CI's token or, without a token, with the standard chain. Else the standard chain is used.
    ///
    /// # Errors
    /// The settings exclude each other; only one key of a pair is set; a profile is missing or holds no credentials; a role's name is invalid; a
    /// required token is missing; or the shared files cannot be read.
    pub fn choose(settings: IdentitySettings, scope: &IdentityScope<'_>, env: &Env) -> Result<Self> {
        Self::new(settings.choice(role_in(env))?, scope, env)
    }

    /// Resolves a choice: finds the profile, what assumes the role, the signed-in user, or the source of the chain.
    ///
    /// # Errors
    /// The errors of [`Identity::choose`], except for settings that exclude each other.
    pub fn new(choice: IdentityChoice, scope: &IdentityScope<'_>, env: &Env) -> Result<Self> {
        Self::with_files(env, |files| {
            let search = ChainSearch {
                env,
                files,
                named: named_profile(env),
            };
            Ok(match choice {
                IdentityChoice::Profile(name) => {
                    let profile = search.profile(&name)?.ok_or_else(|| without_credentials(&name))?;
                    CredentialSource::Profile(profile)
                }
                IdentityChoice::Role { first, settings } => {
                    let base = |settings: &RoleSettings| RoleBase::find(settings, env, || search.first());
                    let plan = RolePlan::new(&first, *settings, scope, env, base)?;
                    CredentialSource::Role(Box::new(plan))
                }
                IdentityChoice::Cognito(settings) => CredentialSource::Cognito(resolve_user(settings, env)),
                IdentityChoice::Chain => {
                    let found = search.first().map_err(|error| explain_missing(error, env))?;
                    CredentialSource::Chain(found)
                }
            })
        })
    }

    /// Returns the identity of a role that is assumed with a token in hand, such as a pod's token from the kubelet.
    ///
    /// # Errors
    /// The role's name is invalid, or the shared files cannot be read.
    pub fn of_service_account(
        role_arn: &str,
        mut settings: RoleSettings,
        token: Secret,
        scope: &IdentityScope<'_>,
        env: &Env,
    ) -> Result<Self> {
        settings.role_arn = Some(role_arn.to_owned());
        Self::with_files(env, |_| {
            let base = |_: &RoleSettings| Ok(RoleBase::Token(CiToken::of_service_account(token)));
            let plan = RolePlan::new(role_arn, settings, scope, env, base)?;
            Ok(CredentialSource::Role(Box::new(plan)))
        })
    }

    /// Returns the identity of a user of Cognito. The environment's profile is only used for its region and endpoints: its `credential_process` may
    /// be this very process.
    ///
    /// # Errors
    /// The shared files cannot be read.
    pub fn of_cognito(settings: &CognitoSettings, env: &Env) -> Result<Self> {
        let settings = resolve_user(Box::new(settings.clone()), env);
        Self::with_files(env, |_| Ok(CredentialSource::Cognito(settings)))
    }

    fn with_files(env: &Env, source: impl FnOnce(&SharedFiles) -> Result<CredentialSource>) -> Result<Self> {
        let files = SharedFiles::read(env)?;
        let source = source(&files)?;
        let profile = match &source {
            CredentialSource::Profile(profile) => profile.name.clone(),
            _ => named_profile(env).unwrap_or("default").to_owned(),
        };
        Ok(Self {
            source,
            mfa_session: None,
            files,
            profile,
        })
    }

    /// Checks settings without a job that uses them: everything that [`Identity::choose`] checks without credentials.
    ///
    /// # Errors
    /// A profile has a setting that only a role can have, or STS would refuse a value.
    pub fn check(settings: &IdentitySettings, scope: &IdentityScope<'_>) -> Result<()> {
        if settings.profile.is_some() {
            settings.clone().choice(None)?;
        }
        role::check(&settings.role, scope)
    }

    /// Returns the other sources that exist, and why each was not used, without any secret.
    pub fn passed_over(&self, env: &Env) -> Vec<String> {
        let search = ChainSearch {
            env,
            files: &self.files,
            named: named_profile(env),
        };
        let is_taken = |source: &ChainSource| match (&self.source, source) {
            (CredentialSource::Chain(taken), source) => taken == source,
            (CredentialSource::Profile(taken), ChainSource::Profile(profile)) => taken == profile,
            (CredentialSource::Role(plan), source) => matches!(&plan.base, RoleBase::Source(taken) if taken == source),
            _ => false,
        };
        let why = self.used_alone().unwrap_or(match self.role().map(|plan| &plan.base) {
            Some(RoleBase::Token(_)) => "the role takes the CI's token",
            _ => "another source comes first",
        });
        let sources = search.all().into_iter().filter(|source| !is_taken(source));
        let mut lines: Vec<String> = sources.map(|source| format!("{source}: {why}")).collect();
        if let Some(name) = search.skipped_profile() {
            lines.insert(0, format!("profile {name}: it holds no credentials"));
        }
        lines.extend(self.passed_over_role(env));
        lines.extend(self.passed_over_tokens(env));
        lines
    }

    /// In verbose mode, tells where the credentials come from, and why not from elsewhere.
    pub fn explain(&self, context: &mut Context<'_>) {
        context.detail(|| format!("credentials: {}", self.source));
        if context.verbosity == Verbosity::Debug {
            for line in self.passed_over(&context.env) {
                context.detail(|| format!("passed over: {line}"));
            }
        }
    }

    /// Returns why no other source counts, if the source is used alone.
    fn used_alone(&self) -> Option<&'static str> {
        match &self.source {
            CredentialSource::Profile(_) => Some("a profile is named, and used alone"),
            CredentialSource::Cognito(_) => Some("Cognito is named, and used alone"),
            CredentialSource::Role(_) | CredentialSource::Chain(_) => None,
        }
    }

    fn passed_over_role(&self, env: &Env) -> Option<String> {
        let role = role_in(env)?;
        let is_other = self.role().is_some_and(|plan| plan.settings.role_arn.is_some());
        let why = self.used_alone().or(is_other.then_some("another role is named"))?;
        Some(format!("{role} of AWS_ROLE_ARN: {why}"))
    }

    fn passed_over_tokens(&self, env: &Env) -> Vec<String> {
        let (taken, why) = match &self.source {
            CredentialSource::Role(plan) => match &plan.base {
                RoleBase::Token(token) if plan.settings.token.is_some() => (Some(token), "another token is named"),
                RoleBase::Token(token) => (Some(token), "another token comes first"),
                RoleBase::Source(_) => (None, "the role's source is the chain"),
            },
            _ => {
                let why = self.used_alone();
                (None, why.unwrap_or("no role is named for it to assume (role-arn)"))
            }
        };
        let tokens = CiToken::all(env).into_iter().filter(|token| Some(token) != taken);
        tokens.map(|token| format!("{}: {why}", token.name())).collect()
    }

    /// Returns the roles that are assumed, if the identity is a named role.
    pub fn role(&self) -> Option<&RolePlan> {
        match &self.source {
            CredentialSource::Role(plan) => Some(plan),
            _ => None,
        }
    }

    /// Returns the profile that the credentials come from. It may be the one that assumes the role.
    pub fn profile(&self) -> Option<&ProfileSource> {
        match &self.source {
            CredentialSource::Profile(profile) | CredentialSource::Chain(ChainSource::Profile(profile)) => {
                Some(profile)
            }
            CredentialSource::Role(plan) => match &plan.base {
                RoleBase::Source(ChainSource::Profile(profile)) => Some(profile),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether the instance metadata service is asked for credentials.
    pub(crate) fn uses_instance_metadata(&self) -> bool {
        let of_chain = match &self.source {
            CredentialSource::Chain(source) => Some(source),
            CredentialSource::Role(plan) => match &plan.base {
                RoleBase::Source(source) => Some(source),
                RoleBase::Token(_) => None,
            },
            _ => None,
        };
        let of_profile = self.profile().and_then(|profile| match &profile.base {
            ProfileBase::Elsewhere(source) => Some(source.as_ref()),
            _ => None,
        });
        [of_chain, of_profile].contains(&Some(&ChainSource::InstanceMetadata))
    }

    /// Returns the CI's token, if the job has it already, or this process was given it.
    pub fn token(&self) -> Option<Secret> {
        let plan = self.role()?;
        match &plan.base {
            RoleBase::Token(token) => token.in_hand().or_else(|| plan.minted.get().cloned()),
            RoleBase::Source(_) => None,
        }
    }

    /// Checks that the user of Cognito is known: the settings name the user, or exactly one is signed in.
    ///
    /// # Errors
    /// No user is signed in, or more than one user.
    pub(crate) fn require_user(&self, cache: &Cache, env: &Env, now: SystemTime) -> Result<()> {
        match &self.source {
            CredentialSource::Cognito(it) if it.username.is_none() && it.provider.is_none() => {
                Err(complete_hint(cognito::no_username(it, cache, now), it, env))
            }
            _ => Ok(()),
        }
    }

    /// The error of a search that found no credentials. `last` says how the last source of the chain failed.
    pub(crate) fn no_credentials(&self, last: &str) -> Error {
        no_credentials(last, &self.files, &self.profile)
    }

    /// Returns the name of the profile whose settings count.
    pub fn profile_name(&self) -> &str {
        &self.profile
    }

    /// Returns a setting of the profile. The environment's variables come first, and are not read here.
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.files.profile(&self.profile)?.get(key)
    }

    /// Returns the endpoint that the profile's `services` section sets for a service (`ecr`, `ecr_public`, `sts`).
    pub fn service_endpoint(&self, service: &str) -> Option<&str> {
        self.files.profile(&self.profile)?.service_endpoint(service)
    }

    /// Returns named fields for a cache key, as [`CredentialSource::key_fields`] does.
    pub fn key_fields(&self) -> Vec<(&'static str, Secret)> {
        self.source.key_fields()
    }
}

/// Adds the name of the one user who is signed in, if the settings name none. A secret kept for one user must not be given to another.
fn resolve_user(mut settings: Box<CognitoSettings>, env: &Env) -> Box<CognitoSettings> {
    if settings.provider.is_none() && settings.username.is_none() {
        let cache = Cache::from_env(env);
        settings.username = cognito::username(&settings, &cache, SystemTime::now()).ok();
    }
    settings
}

/// Returns the region of registries that are named by their account alone: from the flag, the environment, then the profile that `profile`
/// or the environment names.
///
/// # Errors
/// AWS's shared files cannot be read.
pub fn region(flag: Option<&str>, profile: Option<&str>, env: &Env) -> Result<Option<String>> {
    match flag {
        Some(region) => Ok(Some(region.to_owned())),
        None => region_beside(profile, env),
    }
}

/// Returns the region of the environment, then that of the profile that `profile` or the environment names.
pub(crate) fn region_beside(profile: Option<&str>, env: &Env) -> Result<Option<String>> {
    if let Some(region) = env
        .get(variables::AWS_REGION)
        .or_else(|| env.get(variables::AWS_DEFAULT_REGION))
    {
        return Ok(Some(region.to_owned()));
    }
    let files = SharedFiles::read(env)?;
    let profile = files.profile(profile.or_else(|| named_profile(env)).unwrap_or("default"));
    Ok(profile.and_then(|profile| profile.get("region")).map(str::to_owned))
}

/// Returns the role that the environment names, unless it belongs to a web identity.
pub(crate) fn role_in(env: &Env) -> Option<&str> {
    env.get(variables::AWS_ROLE_ARN)
        .filter(|_| env.get(variables::AWS_WEB_IDENTITY_TOKEN_FILE).is_none())
}

fn named_profile(env: &Env) -> Option<&str> {
    env.get(variables::AWS_PROFILE)
        .or_else(|| env.get(variables::AWS_DEFAULT_PROFILE))
}

fn without_credentials(name: &str) -> Error {
    Error::failed(Code::Profile, format!("profile {name}"), "it holds no credentials")
        .hint("give it keys, a role_arn, an sso_session or a credential_process, or name another profile")
}

#[cfg(test)]
mod tests;
