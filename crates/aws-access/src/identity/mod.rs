//! Which source of AWS credentials applies, chosen whole: never a key from one place with a session, role or profile from
//! another. Choosing reads the environment and small files, never the network: it runs on every `get`, warm ones too.

mod chain;
mod role;

use std::fmt;
use std::path::PathBuf;

pub use chain::{environment_keys, finds_nothing, no_credentials, with_what_is_there};
pub use role::{Base, RolePlan, Scope, last_account};

use aws_shared_files::SharedFiles;
use ci::CiToken;
use settings::{CognitoSettings, RoleSettings};

use chain::Places;
use context::{Env, Verbosity, World, variables};
use diagnostics::{Code, Error, Result, without_userinfo};
use secret::Secret;

/// Where AWS credentials come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, with `AWS_SESSION_TOKEN` where they are temporary.
    Environment {
        /// The access key's id, which is no secret but tells whose it is.
        access_key_id: String,
        /// The secret access key.
        secret_access_key: Secret,
        /// The session token of temporary credentials.
        session_token: Option<Secret>,
    },
    /// A profile of the shared files: static keys, a role, SSO, `credential_process`, web identity.
    Profile {
        /// Its name.
        name: String,
        /// All that it resolves to, see [`Profile::resolved_text`], and what it takes from elsewhere.
        resolved: Secret,
    },
    /// `AWS_ROLE_ARN` and `AWS_WEB_IDENTITY_TOKEN_FILE`, as EKS sets them.
    WebIdentity {
        /// The role to assume.
        role_arn: String,
        /// The file that holds the token, read anew at each use.
        token_file: PathBuf,
        /// Cleaned, 2 to 64 characters.
        session_name: String,
    },
    /// ECS, or EKS Pod Identity.
    Container {
        /// The URI, as the variable has it.
        uri: String,
        /// The authorization token, from its variable or its file.
        token: Option<Secret>,
    },
    /// A role by name, assumed with the CI's token or with another source, and the roles after it.
    Role(Box<RolePlan>),
    /// A user of Cognito: one who has signed in before, or has another provider's token.
    Cognito(Box<CognitoSettings>),
    /// The instance's role, by IMDSv2.
    InstanceMetadata {
        /// `AWS_EC2_METADATA_SERVICE_ENDPOINT`, where it is set.
        endpoint: Option<String>,
    },
}

impl Source {
    /// What tells this source from every other, as named fields for a cache key: only who holds all of it gets what it
    /// fetched.
    pub fn key_fields(&self) -> Vec<(&'static str, Secret)> {
        let field = |name, value: &str| (name, Secret::new(value));
        match self {
            Self::Environment {
                access_key_id,
                secret_access_key,
                session_token,
            } => {
                let mut fields = vec![
                    field("source", "environment"),
                    field("access-key-id", access_key_id),
                    ("secret-access-key", secret_access_key.clone()),
                ];
                fields.extend(session_token.clone().map(|token| ("session-token", token)));
                fields
            }
            Self::Profile { name, resolved } => vec![
                field("source", "profile"),
                field("profile", name),
                ("resolved", resolved.clone()),
            ],
            Self::WebIdentity {
                role_arn,
                token_file,
                session_name,
            } => vec![
                field("source", "web-identity"),
                field("role-arn", role_arn),
                field("session-name", session_name),
                ("claims", oidc_token::identity_in(token_file)),
            ],
            Self::Container { uri, token } => vec![
                field("source", "container"),
                field("uri", uri),
                ("token", token.clone().unwrap_or_default()),
            ],
            Self::Role(plan) => plan.key_fields(),
            Self::Cognito(settings) => settings.key_fields(),
            Self::InstanceMetadata { endpoint } => vec![
                field("source", "imds"),
                field("endpoint", endpoint.as_deref().unwrap_or_default()),
                field("boot-id", &boot_id()),
            ],
        }
    }
}

impl fmt::Display for Source {
    /// For people: which source it is, without any secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment { access_key_id, .. } => write!(f, "the environment's access key {access_key_id}"),
            Self::Profile { name, .. } => write!(f, "profile {name}"),
            Self::WebIdentity {
                role_arn, token_file, ..
            } => {
                write!(f, "{role_arn} by the token in {}", token_file.display())
            }
            Self::Container { uri, .. } => write!(f, "the container's credentials at {}", without_userinfo(uri)),
            Self::Role(plan) => {
                let last = plan.last();
                match &plan.base {
                    Base::Token(token) => write!(f, "{last} by {}", token.name()),
                    Base::Source(source) => write!(f, "{last} by {source}"),
                }
            }
            Self::Cognito(settings) => match (&settings.username, &settings.provider) {
                (_, Some(provider)) => write!(f, "a user of {provider} by Cognito's {}", settings.identity_pool_id),
                (Some(username), None) => {
                    let pool = settings.user_pool_id.as_deref().unwrap_or("a user pool");
                    write!(f, "{username} of {pool} by Cognito's {}", settings.identity_pool_id)
                }
                (None, None) => write!(f, "who is signed in to Cognito, by {}", settings.identity_pool_id),
            },
            Self::InstanceMetadata { .. } => f.write_str("the instance metadata service"),
        }
    }
}

/// The chosen source, and the profile whose settings (region, endpoints) go with it.
#[derive(Debug)]
pub struct Identity {
    /// Where the credentials come from.
    pub source: Source,
    files: SharedFiles,
    profile: String,
    choice: Choice,
}

/// What made the choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// A profile that is named by flag or rule.
    Profile,
    /// A role that is named by flag, rule or `AWS_ROLE_ARN` alone.
    Role,
    /// Cognito, which is named by flag or rule.
    Cognito,
    /// Nothing but AWS's order.
    Chain,
}

impl Identity {
    /// Chooses the source: an explicit profile alone, else AWS's standard chain.
    ///
    /// # Errors
    /// Half a pair of keys, a profile that is named but missing or holds no credentials, one that asks for MFA, shared files
    /// that can't be read.
    pub fn choose(env: &Env, explicit_profile: Option<&str>) -> Result<Self> {
        let files = SharedFiles::read(env)?;
        let named = explicit_profile.or_else(|| named_profile(env));
        let places = Places {
            env,
            files: &files,
            named,
        };
        let (source, choice) = match explicit_profile {
            Some(name) => (
                places.profile(name)?.ok_or_else(|| without_credentials(name))?,
                Choice::Profile,
            ),
            None => {
                let found = places.first().map_err(|error| with_what_is_there(error, env))?;
                (found, Choice::Chain)
            }
        };
        Ok(Self {
            source,
            profile: named.unwrap_or("default").to_owned(),
            files,
            choice,
        })
    }

    /// Chooses the source for a registry, or whatever else the scope stands for: an explicit profile alone; else a role, where
    /// the settings or `AWS_ROLE_ARN` alone name one, assumed with the CI's token or, where there is none, with the standard
    /// chain; else the standard chain.
    ///
    /// # Errors
    /// As [`Identity::choose`]; roles that can't be, no token where one is insisted on, settings of a role where there is none.
    pub fn choose_for(scope: &Scope<'_>, env: &Env, profile: Option<&str>, role: &RoleSettings) -> Result<Self> {
        if let Some(settings) = role.cognito()? {
            return Self::of_cognito(settings, env);
        }
        let first = role.role_arn.as_deref().or_else(|| role_of(env));
        let Some(first) = first.filter(|_| profile.is_none()) else {
            role.refuse_without_role()?;
            return Self::choose(env, profile);
        };
        let files = SharedFiles::read(env)?;
        let named = named_profile(env);
        let places = Places {
            env,
            files: &files,
            named,
        };
        let plan = RolePlan::new(role, first, scope, env, || places.first())?;
        Ok(Self {
            source: Source::Role(Box::new(plan)),
            profile: named.unwrap_or("default").to_owned(),
            files,
            choice: Choice::Role,
        })
    }

    /// A user of Cognito, and no other source. The profile that the environment names goes with it for its settings alone: it may
    /// be the one whose `credential_process` this is.
    ///
    /// # Errors
    /// Settings that can't be, shared files that can't be read.
    pub fn of_cognito(settings: &CognitoSettings, env: &Env) -> Result<Self> {
        Ok(Self {
            source: Source::Cognito(Box::new(settings.clone())),
            profile: named_profile(env).unwrap_or("default").to_owned(),
            files: SharedFiles::read(env)?,
            choice: Choice::Cognito,
        })
    }

    /// The other sources that are there, and why each was not taken: for people, without any secret.
    pub fn passed_over(&self, env: &Env) -> Vec<String> {
        let places = Places {
            env,
            files: &self.files,
            named: named_profile(env),
        };
        let taken = match &self.source {
            Source::Role(plan) => match &plan.base {
                Base::Source(source) => Some(source),
                Base::Token(_) => None,
            },
            source => Some(source),
        };
        let sources = places.all().into_iter().filter(|source| Some(source) != taken);
        let why = self.why_no_source();
        let mut lines: Vec<String> = sources.map(|source| format!("{source}: {why}")).collect();
        lines.extend(self.passed_over_role(env));
        lines.extend(self.passed_over_tokens(env));
        lines
    }

    /// Tells people who asked for more where the credentials come from, and why not from elsewhere.
    pub fn explain(&self, world: &mut World<'_>) {
        world.detail(|| format!("credentials: {}", self.source));
        if world.verbosity == Verbosity::Debug {
            for line in self.passed_over(&world.env) {
                world.detail(|| format!("passed over: {line}"));
            }
        }
    }

    fn why_no_source(&self) -> String {
        match (self.choice, &self.source) {
            (Choice::Profile, _) => "a profile is named, and used alone".to_owned(),
            (Choice::Cognito, _) => "Cognito is named, and used alone".to_owned(),
            (Choice::Role, Source::Role(plan)) if matches!(plan.base, Base::Token(_)) => {
                "the role takes the CI's token".to_owned()
            }
            _ => "another source comes first".to_owned(),
        }
    }

    fn passed_over_role(&self, env: &Env) -> Option<String> {
        let role = role_of(env)?;
        let why = match (self.choice, self.role()) {
            (Choice::Profile, _) => "a profile is named, and used alone",
            (Choice::Cognito, _) => "Cognito is named, and used alone",
            (_, Some(plan)) if plan.settings.role_arn.is_some() => "another role is named",
            _ => return None,
        };
        Some(format!("{role} of AWS_ROLE_ARN: {why}"))
    }

    fn passed_over_tokens(&self, env: &Env) -> Vec<String> {
        let (taken, why) = match &self.source {
            Source::Role(plan) => match &plan.base {
                Base::Token(token) if plan.settings.token.is_some() => (Some(token), "another token is named"),
                Base::Token(token) => (Some(token), "another token comes first"),
                Base::Source(_) => (None, "the role's source is the chain"),
            },
            _ if self.choice == Choice::Profile => (None, "a profile is named, and used alone"),
            _ if self.choice == Choice::Cognito => (None, "Cognito is named, and used alone"),
            _ => (None, "no role is named for it to assume (role-arn)"),
        };
        let tokens = CiToken::all(env).into_iter().filter(|token| Some(token) != taken);
        tokens.map(|token| format!("{}: {why}", token.name())).collect()
    }

    /// The roles that are assumed, if this identity is one by name.
    pub fn role(&self) -> Option<&RolePlan> {
        match &self.source {
            Source::Role(plan) => Some(plan),
            _ => None,
        }
    }

    /// The CI's token, where it need not be asked for.
    pub fn token(&self) -> Option<Secret> {
        match &self.role()?.base {
            Base::Token(token) => token.in_hand(),
            Base::Source(_) => None,
        }
    }

    /// A setting: the profile's, for what the environment doesn't say.
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.files.profile(&self.profile)?.get(key)
    }

    /// The values of a setting in a profile and in all that it leads to.
    pub fn reached_settings<'a>(&'a self, profile: &'a str, key: &str) -> Vec<&'a str> {
        let profile = self.files.profile(profile);
        profile.map(|profile| profile.reached_values(key)).unwrap_or_default()
    }

    /// The endpoint that the profile's `services` section sets for a service (`ecr`, `ecr_public`, `sts`).
    pub fn service_endpoint(&self, service: &str) -> Option<&str> {
        self.files.profile(&self.profile)?.service_endpoint(service)
    }

    /// What tells this identity from every other, as [`Source::key_fields`].
    pub fn key_fields(&self) -> Vec<(&'static str, Secret)> {
        self.source.key_fields()
    }
}

/// The identity with the name of the one user who is signed in, where its settings give none: what is kept for one user must not
/// be handed to another. Without a name where there is none, or more than one.
pub fn with_username(mut identity: Identity, env: &Env) -> Identity {
    if let Source::Cognito(settings) = &mut identity.source
        && settings.provider.is_none()
        && settings.username.is_none()
    {
        let cache = secret_cache::Cache::open(secret_cache::Cache::folder(env));
        settings.username = cognito::username(settings, &cache, std::time::SystemTime::now()).ok();
    }
    identity
}

/// The current region: `AWS_REGION`, `AWS_DEFAULT_REGION`, then the profile's.
///
/// # Errors
/// AWS's shared files can't be read.
pub fn current_region(env: &Env) -> Result<Option<String>> {
    if let Some(region) = env
        .get(variables::AWS_REGION)
        .or_else(|| env.get(variables::AWS_DEFAULT_REGION))
    {
        return Ok(Some(region.to_owned()));
    }
    let files = SharedFiles::read(env)?;
    let profile = files.profile(named_profile(env).unwrap_or("default"));
    Ok(profile.and_then(|profile| profile.get("region")).map(str::to_owned))
}

/// The role that the environment names, where it is no half of a web identity's pair.
fn role_of(env: &Env) -> Option<&str> {
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

/// Tells one boot of the machine from another: an image or a home that moves to another instance doesn't take tokens along.
fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

#[cfg(test)]
mod tests;
