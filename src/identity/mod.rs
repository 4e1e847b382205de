//! Which source of AWS credentials applies, chosen whole: never a key from one place with a session, role or profile from
//! another. Choosing reads the environment and small files, never the network: it runs on every `get`, warm ones too.

mod ci_token;
mod claims;
mod role;
mod shared_files;

use std::fmt;
use std::path::{Path, PathBuf};

pub use ci_token::{CiToken, missing as missing_token, missing_or as missing_token_or};
pub use claims::Claims;
pub use role::{Base, RolePlan, RoleSettings, SourceChoice};
pub use shared_files::{Profile, SharedFiles};

use crate::error::{Error, Result, without_userinfo};
use crate::registry::Registry;
use crate::secret::Secret;
use crate::world::Env;

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
        /// `AWS_ROLE_SESSION_NAME`.
        session_name: Option<String>,
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
                field("session-name", session_name.as_deref().unwrap_or_default()),
                ("claims", claims::identity_of(token_file)),
            ],
            Self::Container { uri, token } => vec![
                field("source", "container"),
                field("uri", uri),
                ("token", token.clone().unwrap_or_default()),
            ],
            Self::Role(plan) => plan.key_fields(),
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
                let last = plan.roles.last().map_or("", String::as_str);
                match &plan.base {
                    Base::Token(CiToken::Variable { name, .. }) => write!(f, "{last} by the token in {name}"),
                    Base::Token(CiToken::GitHub { .. }) => write!(f, "{last} by GitHub's token for this job"),
                    Base::Source(source) => write!(f, "{last} by {source}"),
                }
            }
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
        let source = match explicit_profile {
            Some(name) => profile_source(env, &files, name)?.ok_or_else(|| without_credentials(name))?,
            None => standard_chain(env, &files, named)?,
        };
        Ok(Self {
            source,
            profile: named.unwrap_or("default").to_owned(),
            files,
        })
    }

    /// Chooses the source for a registry: an explicit profile alone; else a role, where the settings or `AWS_ROLE_ARN` alone name
    /// one, assumed with the CI's token or, where there is none, with the standard chain; else the standard chain.
    ///
    /// # Errors
    /// As [`Identity::choose`]; roles that can't be, no token where one is insisted on.
    pub fn for_registry(env: &Env, registry: &Registry, profile: Option<&str>, role: &RoleSettings) -> Result<Self> {
        let from_env = || {
            env.get("AWS_ROLE_ARN")
                .filter(|_| env.get("AWS_WEB_IDENTITY_TOKEN_FILE").is_none())
        };
        let Some(first) = role.role_arn.as_deref().or_else(from_env).filter(|_| profile.is_none()) else {
            return Self::choose(env, profile);
        };
        let files = SharedFiles::read(env)?;
        let named = named_profile(env);
        let chain = || standard_chain(env, &files, named);
        let plan = RolePlan::new(role, first, registry, env, chain)?;
        Ok(Self {
            source: Source::Role(Box::new(plan)),
            profile: named.unwrap_or("default").to_owned(),
            files,
        })
    }

    /// A setting: the profile's, for what the environment doesn't say.
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.files.profile(&self.profile)?.get(key)
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

/// The current region: `AWS_REGION`, `AWS_DEFAULT_REGION`, then the profile's.
///
/// # Errors
/// AWS's shared files can't be read.
pub fn current_region(env: &Env) -> Result<Option<String>> {
    if let Some(region) = env.get("AWS_REGION").or_else(|| env.get("AWS_DEFAULT_REGION")) {
        return Ok(Some(region.to_owned()));
    }
    let files = SharedFiles::read(env)?;
    let profile = files.profile(named_profile(env).unwrap_or("default"));
    Ok(profile.and_then(|profile| profile.get("region")).map(str::to_owned))
}

fn named_profile(env: &Env) -> Option<&str> {
    env.get("AWS_PROFILE").or_else(|| env.get("AWS_DEFAULT_PROFILE"))
}

/// AWS's order: environment keys, shared files, web identity, container, instance metadata.
fn standard_chain(env: &Env, files: &SharedFiles, named: Option<&str>) -> Result<Source> {
    if let Some(keys) = environment_keys(env)? {
        return Ok(keys);
    }
    if let Some(name) = named
        && files.profile(name).is_none()
    {
        return Err(missing_profile(files, name));
    }
    if let Some(profile) = profile_source(env, files, named.unwrap_or("default"))? {
        return Ok(profile);
    }
    if let (Some(role_arn), Some(token_file)) = (env.get("AWS_ROLE_ARN"), env.path("AWS_WEB_IDENTITY_TOKEN_FILE")) {
        return Ok(Source::WebIdentity {
            role_arn: role_arn.to_owned(),
            token_file,
            session_name: env.get("AWS_ROLE_SESSION_NAME").map(str::to_owned),
        });
    }
    if let Some(container) = container(env)? {
        return Ok(container);
    }
    if env.is_true("AWS_EC2_METADATA_DISABLED") {
        return Err(no_credentials("and AWS_EC2_METADATA_DISABLED is set"));
    }
    Ok(instance_metadata(env))
}

fn instance_metadata(env: &Env) -> Source {
    Source::InstanceMetadata {
        endpoint: env.get("AWS_EC2_METADATA_SERVICE_ENDPOINT").map(str::to_owned),
    }
}

/// Nothing anywhere. `last` says how the last source of the chain, the instance metadata service, failed.
pub fn no_credentials(last: &str) -> Error {
    Error::failed(
        "no AWS credentials",
        format!("none in the environment, the shared files, a web identity or a container's variables, {last}"),
    )
    .hint("set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached")
}

/// The environment's keys as a source, if there are any. Blanks around keys are no part of them: a CI's secret often ends in the newline it was pasted with.
///
/// # Errors
/// Half a pair.
pub fn environment_keys(env: &Env) -> Result<Option<Source>> {
    let key = |name| env.get(name).map(str::trim).filter(|key| !key.is_empty());
    match (key("AWS_ACCESS_KEY_ID"), key("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => Ok(Some(Source::Environment {
            access_key_id: id.to_owned(),
            secret_access_key: Secret::new(secret),
            session_token: key("AWS_SESSION_TOKEN").map(Secret::new),
        })),
        (None, None) => Ok(None),
        (id, _) => {
            let (set, missing) = match id {
                Some(_) => ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
                None => ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
            };
            Err(
                Error::failed("half a pair of keys", format!("{set} is set, {missing} is not"))
                    .hint("set both, or neither to use another source"),
            )
        }
    }
}

/// The profile as a source, if it is there and holds credentials.
fn profile_source(env: &Env, files: &SharedFiles, name: &str) -> Result<Option<Source>> {
    let Some(profile) = files.profile(name) else {
        return match name {
            "default" => Ok(None),
            _ => Err(missing_profile(files, name)),
        };
    };
    if !profile.holds_credentials() {
        return Ok(None);
    }
    if profile.get("mfa_serial").is_some() {
        return Err(
            Error::failed(format!("profile {name}"), "it asks for an MFA code, and nobody is here to type one")
                .hint("get a session first, for example with `aws sts get-session-token`, and name its profile; or use a role of the CI"),
        );
    }
    Ok(Some(Source::Profile {
        name: name.to_owned(),
        resolved: Secret::new(profile.resolved_text().expose().to_owned() + borrowed(env, &profile)?.expose()),
    }))
}

/// What tells apart the credentials that a profile takes from elsewhere (`credential_source`, `web_identity_token_file`): who
/// only has the same profile must not be handed what somebody else's keys or token fetched.
fn borrowed(env: &Env, profile: &Profile<'_>) -> Result<Secret> {
    let mut sources = Vec::new();
    for name in profile.reached_values("credential_source") {
        match name {
            "Environment" => sources.extend(environment_keys(env)?),
            "EcsContainer" => sources.extend(container(env)?),
            _ => sources.push(instance_metadata(env)),
        }
    }
    let fields = sources.iter().flat_map(Source::key_fields);
    let tokens = profile.reached_values("web_identity_token_file").into_iter();
    let tokens = tokens.map(|file| ("claims", claims::identity_of(Path::new(file))));
    let text = fields
        .chain(tokens)
        .map(|(name, value)| format!("{name} {:?}\n", value.expose()));
    Ok(Secret::new(text.collect::<String>()))
}

fn without_credentials(name: &str) -> Error {
    Error::failed(format!("profile {name}"), "it holds no credentials")
        .hint("give it keys, a role_arn, an sso_session or a credential_process, or name another profile")
}

fn missing_profile(files: &SharedFiles, name: &str) -> Error {
    let known: Vec<&str> = files.profile_names().into_iter().take(8).collect();
    let hint = if known.is_empty() {
        "AWS's shared files hold no profile at all: check AWS_CONFIG_FILE and HOME".to_owned()
    } else {
        format!("profiles there are: {}", known.join(", "))
    };
    Error::failed(format!("profile {name}"), "AWS's shared files have no such profile").hint(hint)
}

fn container(env: &Env) -> Result<Option<Source>> {
    let uri = env
        .get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
        .or_else(|| env.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"));
    let Some(uri) = uri else { return Ok(None) };
    let token = match env.path("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        Some(file) => Some(read_token(&file)?),
        None => env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(Secret::new),
    };
    Ok(Some(Source::Container {
        uri: uri.to_owned(),
        token,
    }))
}

fn read_token(file: &Path) -> Result<Secret> {
    std::fs::read_to_string(file).map(Secret::new).map_err(|error| {
        Error::failed(format!("cannot read the container's token {}", file.display()), error)
            .hint("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names that file: mount it, or unset the variable")
    })
}

/// Tells one boot of the machine from another: an image or a home that moves to another instance doesn't take tokens along.
fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

#[cfg(test)]
mod tests;
