//! AWS's standard chain: the sources of credentials in their order, and what tells each from every other.

pub(super) mod profile;

use std::fmt;
use std::path::{Path, PathBuf};

use aws_shared_files::SharedFiles;
use ci::session_name;
use context::{Env, HOME_VARIABLE, variables};
use diagnostics::{Code, Error, Mention, Result, without_userinfo};
use profile::ProfileSource;
use secret::Secret;
use settings::ROLE_OF_SETUP;
use settings::table::ROLE_ARN;

/// A source of AWS's standard chain of credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainSource {
    /// `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, with `AWS_SESSION_TOKEN` if they are temporary.
    Environment {
        /// The access key's id. It is not secret, and identifies the key.
        access_key_id: String,
        /// The secret access key.
        secret_access_key: Secret,
        /// The session token of temporary credentials.
        session_token: Option<Secret>,
    },
    /// The profile that the environment names, or `default`.
    Profile(ProfileSource),
    /// `AWS_ROLE_ARN` and `AWS_WEB_IDENTITY_TOKEN_FILE`, as EKS sets them.
    WebIdentity {
        /// The role to assume.
        role_arn: String,
        /// The file that holds the token, read at each use.
        token_file: PathBuf,
        /// The session's name: characters that STS accepts, 2 to 64 of them.
        session_name: String,
    },
    /// The container credentials of ECS or EKS Pod Identity.
    Container {
        /// The whole address, from one of two variables.
        uri: String,
        /// The authorization token, from its variable or its file.
        token: Option<Secret>,
    },
    /// The instance's role, by IMDSv2.
    InstanceMetadata,
}

impl ChainSource {
    /// Returns named fields for a cache key that tell this source from every other. Only a process that holds all of them gets what the source
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
            Self::Profile(profile) => profile.key_fields(),
            Self::WebIdentity {
                role_arn,
                token_file,
                session_name,
            } => vec![
                field("source", "web-identity"),
                field("role-arn", role_arn),
                field("session-name", session_name),
                ("jwt", oidc_token::token_key(token_file)),
            ],
            Self::Container { uri, token } => vec![
                field("source", "container"),
                field("uri", uri),
                ("token", token.clone().unwrap_or_default()),
            ],
            Self::InstanceMetadata => vec![field("source", "imds"), field("boot-id", &boot_id())],
        }
    }
}

impl fmt::Display for ChainSource {
    /// Writes which source it is, without any secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment { access_key_id, .. } => write!(f, "the environment's access key {access_key_id}"),
            Self::Profile(profile) => profile.fmt(f),
            Self::WebIdentity {
                role_arn, token_file, ..
            } => {
                write!(f, "{role_arn} by the token in {}", token_file.display())
            }
            Self::Container { uri, .. } => write!(f, "the container's credentials at {}", without_userinfo(uri)),
            Self::InstanceMetadata => f.write_str("the instance metadata service"),
        }
    }
}

/// The search for the sources of the chain.
pub(super) struct ChainSearch<'a> {
    pub env: &'a Env,
    pub files: &'a SharedFiles,
    /// The profile that the environment names.
    pub named: Option<&'a str>,
}

type FindSource = fn(&ChainSearch<'_>) -> Result<Option<ChainSource>>;

/// The sources in the order in which AWS's tools look.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>
const CHAIN: [FindSource; 5] = [
    |search| environment_keys(search.env),
    |search| search.shared_profile(),
    |search| search.web_identity(),
    |search| container(search.env),
    |search| Ok((!is_metadata_off(search.env)).then_some(ChainSource::InstanceMetadata)),
];

impl ChainSearch<'_> {
    /// Returns the first source of the chain that exists.
    ///
    /// # Errors
    /// A source exists but cannot be used. The search then ends, because another source would be another identity.
    pub fn first(&self) -> Result<ChainSource> {
        for find in CHAIN {
            if let Some(source) = find(self)? {
                return Ok(source);
            }
        }
        Err(no_credentials(NO_METADATA, self.files, self.name()))
    }

    /// Returns all sources that exist, except the instance metadata service, which only a call can find.
    pub fn all(&self) -> Vec<ChainSource> {
        let found = CHAIN.iter().filter_map(|find| find(self).ok().flatten());
        found
            .filter(|source| !matches!(source, ChainSource::InstanceMetadata))
            .collect()
    }

    /// Returns the name of the profile that is looked for.
    fn name(&self) -> &str {
        self.named.unwrap_or("default")
    }

    /// Returns the profile that is skipped because it holds no credentials.
    pub fn skipped_profile(&self) -> Option<&str> {
        let is_skipped = self.files.profile(self.name()).is_some() && matches!(self.profile(self.name()), Ok(None));
        is_skipped.then(|| self.name())
    }

    fn shared_profile(&self) -> Result<Option<ChainSource>> {
        match self.named {
            Some(name) if self.files.profile(name).is_none() => Err(missing_profile(self.files, name)),
            _ => Ok(self.profile(self.name())?.map(ChainSource::Profile)),
        }
    }

    fn web_identity(&self) -> Result<Option<ChainSource>> {
        let Some(token_file) = self.env.path(variables::AWS_WEB_IDENTITY_TOKEN_FILE) else {
            return Ok(None);
        };
        // AWS's tools stop here too.
        let role_arn = self.env.get(variables::AWS_ROLE_ARN).ok_or_else(|| {
            Error::failed(
                Code::HalfPair,
                "half of a web identity",
                "AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN is not",
            )
            .hint(format!(
                "set AWS_ROLE_ARN, or name a role for the registry ({ROLE_ARN}); or unset both to use another source"
            ))
        })?;
        Ok(Some(ChainSource::WebIdentity {
            role_arn: role_arn.to_owned(),
            token_file,
            session_name: session_name::from_env(self.env),
        }))
    }

    /// Returns the profile as a source, if it exists and holds credentials.
    ///
    /// # Errors
    /// A profile that is named is missing, or the errors of [`ProfileSource::resolve`].
    pub fn profile(&self, name: &str) -> Result<Option<ProfileSource>> {
        match self.files.profile(name) {
            Some(profile) => ProfileSource::resolve(profile, self.files, self.env),
            None if name == "default" => Ok(None),
            None => Err(missing_profile(self.files, name)),
        }
    }
}

/// The most profiles that an error names.
const PROFILES_SHOWN: usize = 8;

/// The subject of the error if no source has credentials.
const NOTHING: &str = "no AWS credentials";

/// Why the instance metadata service is not asked, as the rest of a sentence.
pub(crate) const NO_METADATA: &str = "and AWS_EC2_METADATA_DISABLED is set";

/// Whether a search failed because no source exists, and not because an existing source cannot be used.
pub fn finds_nothing(error: &Error) -> bool {
    error.code() == Code::NoCredentials
}

/// Returns the error if no source has credentials. `last` says how the last source, the instance metadata service, failed. `name` is the profile that
/// was looked for.
pub(crate) fn no_credentials(last: &str, files: &SharedFiles, name: &str) -> Error {
    const SETUP: &str = "for this registry: ecr-auth setup --profile PROFILE REGISTRY; or set AWS_PROFILE to it";
    let others = names_without(files, name);
    let profile = match (files.profile(name), files.near_miss(name), others) {
        (Some(skipped), _, Some(others)) => format!(
            "{}: give it some; or name a profile that has some ({others}) {SETUP}",
            profile::why_none(&skipped)
        ),
        (Some(skipped), _, None) => format!("{}: give it some; or set AWS_PROFILE", profile::why_none(&skipped)),
        (None, Some(near_miss), _) => format!("{near_miss}; or set AWS_PROFILE"),
        (None, None, Some(known)) => format!("name a profile that exists ({known}) {SETUP}"),
        (None, None, None) => "set AWS_PROFILE".to_owned(),
    };
    Error::failed(
        Code::NoCredentials,
        NOTHING,
        format!("none in the environment, the shared files, a web identity or a container's variables, {last}"),
    )
    .hint(format!(
        "{profile}, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached"
    ))
}

/// Returns the names of the first eight profiles, for messages. `None` if there is no profile, or the files cannot be read.
pub fn known_profiles(env: &Env) -> Option<String> {
    names_of(&SharedFiles::read(env).ok()?)
}

/// Returns the names of the first eight profiles of AWS's shared files, for messages.
fn names_of(files: &SharedFiles) -> Option<String> {
    names_without(files, "")
}

/// Returns the names of the first eight other profiles.
fn names_without(files: &SharedFiles, name: &str) -> Option<String> {
    let mut names = files.profile_names();
    names.remove(name);
    let more = if names.len() > PROFILES_SHOWN { ", …" } else { "" };
    let shown: Vec<&str> = names.into_iter().take(PROFILES_SHOWN).collect();
    (!shown.is_empty()).then(|| shown.join(", ") + more)
}

/// Adds to the error of a search that found nothing what is missing in this job: a role for the CI's token, or values for variables that are set
/// but empty. CIs pass empty secrets to branches and forks that may not have them.
pub fn explain_missing(error: Error, env: &Env) -> Error {
    if !finds_nothing(&error) {
        return error;
    }
    if let Some(token) = ci::CiToken::all(env).first() {
        let role = format!("{ROLE_OF_SETUP}{}", token.role_named_in());
        let role = Mention::new(&role);
        let name = token.name();
        return error.hint(format!("name the role that takes {name}: {role}, or AWS_ROLE_ARN"));
    }
    let blank =
        [variables::AWS_ACCESS_KEY_ID, variables::AWS_SECRET_ACCESS_KEY].map(|name| env.is_blank(name).then_some(name));
    match blank.into_iter().flatten().next() {
        Some(name) => error.hint(format!(
            "{name} is set, but empty: check that this branch, fork or step may use the CI's secret"
        )),
        None => error,
    }
}

/// Whether the environment switches the instance metadata service off. Only `true` does, as for the AWS CLI.
pub(crate) fn is_metadata_off(env: &Env) -> bool {
    let value = env.get(variables::AWS_EC2_METADATA_DISABLED);
    value.is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// Returns the environment's keys as a source, if there are any. Blanks around keys are dropped: a CI's secret often ends in the newline that it
/// was pasted with.
///
/// # Errors
/// Only one key of the pair is set.
fn environment_keys(env: &Env) -> Result<Option<ChainSource>> {
    let key = |name| env.get(name).map(str::trim).filter(|key| !key.is_empty());
    match (key(variables::AWS_ACCESS_KEY_ID), key(variables::AWS_SECRET_ACCESS_KEY)) {
        (Some(id), Some(secret)) => Ok(Some(ChainSource::Environment {
            access_key_id: id.to_owned(),
            secret_access_key: Secret::new(secret),
            session_token: [variables::AWS_SESSION_TOKEN, variables::AWS_SECURITY_TOKEN]
                .into_iter()
                .find_map(key)
                .map(Secret::new),
        })),
        (None, None) => Ok(None),
        (id, _) => {
            let (set, missing) = match id {
                Some(_) => (variables::AWS_ACCESS_KEY_ID, variables::AWS_SECRET_ACCESS_KEY),
                None => (variables::AWS_SECRET_ACCESS_KEY, variables::AWS_ACCESS_KEY_ID),
            };
            Err(Error::failed(
                Code::HalfPair,
                "half a pair of keys",
                format!("{set} is set, {missing} is not"),
            )
            .hint("set both, or neither to use another source"))
        }
    }
}

/// Returns the id of this boot. It keeps a cache in a moved image or home from being used on another instance.
fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

pub(super) fn missing_profile(files: &SharedFiles, name: &str) -> Error {
    let hint = match (files.near_miss(name), names_of(files)) {
        (Some(near_miss), _) => near_miss,
        (None, None) => format!("AWS's shared files hold no profile at all: check AWS_CONFIG_FILE and {HOME_VARIABLE}"),
        (None, Some(known)) => format!("profiles there are: {known}"),
    };
    Error::failed(
        Code::Profile,
        format!("profile {name}"),
        "AWS's shared files have no such profile",
    )
    .hint(hint)
}

/// The address at which Amazon ECS gives out the credentials of a task.
const CONTAINER: &str = "http://169.254.170.2";

pub(super) fn container(env: &Env) -> Result<Option<ChainSource>> {
    let relative = env.get(variables::AWS_CONTAINER_CREDENTIALS_RELATIVE_URI);
    let relative = relative.map(|path| format!("{CONTAINER}/{}", path.trim_start_matches('/')));
    let whole = || {
        env.get(variables::AWS_CONTAINER_CREDENTIALS_FULL_URI)
            .map(str::to_owned)
    };
    let Some(uri) = relative.or_else(whole) else {
        return Ok(None);
    };
    let (token, named_by) = match env.path(variables::AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE) {
        Some(file) => (
            Some(read_token(&file)?),
            variables::AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE,
        ),
        None => (
            env.get(variables::AWS_CONTAINER_AUTHORIZATION_TOKEN).map(Secret::new),
            variables::AWS_CONTAINER_AUTHORIZATION_TOKEN,
        ),
    };
    // It is a header of the request, as it is.
    if token.iter().any(|token| token.expose().contains(char::is_control)) {
        let cause = "a line end or another control character is in it, which no request can have";
        let what = format!("the container's token of {named_by}");
        return Err(
            Error::failed(Code::ContainerCredentials, what, cause).hint("write the token alone, without a line end")
        );
    }
    Ok(Some(ChainSource::Container { uri, token }))
}

fn read_token(file: &Path) -> Result<Secret> {
    private_files::read_secret(file, private_files::TOKEN_LIMIT).map_err(|error| {
        Error::failed(
            Code::ContainerCredentials,
            format!("cannot read the container's token {}", file.display()),
            error,
        )
        .hint("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names that file: mount it, or unset the variable")
    })
}
