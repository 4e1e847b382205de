//! AWS's standard chain: the sources in their order, and what each finds.

use std::path::Path;

use super::Source;
use aws_shared_files::{Profile, SharedFiles};
use ci::session_name;
use context::Env;
use diagnostics::{Code, Error, Mention, Result};
use secret::Secret;
use settings::ROLE_OF_SETUP;
use settings::table::ROLE_ARN;

/// What a source of the chain may look at.
pub(super) struct Places<'a> {
    pub env: &'a Env,
    pub files: &'a SharedFiles,
    /// The profile that the environment names.
    pub named: Option<&'a str>,
}

type Find = fn(&Places<'_>) -> Result<Option<Source>>;

/// The order in which AWS's tools look.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>
const CHAIN: [Find; 5] = [
    |places| environment_keys(places.env),
    |places| places.shared_profile(),
    |places| places.web_identity(),
    |places| container(places.env),
    |places| Ok(Some(instance_metadata(places.env)).filter(|_| !places.env.is_true("AWS_EC2_METADATA_DISABLED"))),
];

impl Places<'_> {
    /// The first source of the chain that is there.
    ///
    /// # Errors
    /// A source that is there but can't be used ends the search: another one would be somebody else.
    pub fn first(&self) -> Result<Source> {
        for find in CHAIN {
            if let Some(source) = find(self)? {
                return Ok(source);
            }
        }
        Err(no_credentials("and AWS_EC2_METADATA_DISABLED is set"))
    }

    /// All of them that are there. Whether the instance metadata service answers takes a call to know, so it is no part.
    pub fn all(&self) -> Vec<Source> {
        let found = CHAIN.iter().filter_map(|find| find(self).ok().flatten());
        found
            .filter(|source| !matches!(source, Source::InstanceMetadata { .. }))
            .collect()
    }

    fn shared_profile(&self) -> Result<Option<Source>> {
        match self.named {
            Some(name) if self.files.profile(name).is_none() => Err(missing_profile(self.files, name)),
            named => self.profile(named.unwrap_or("default")),
        }
    }

    fn web_identity(&self) -> Result<Option<Source>> {
        let Some(token_file) = self.env.path("AWS_WEB_IDENTITY_TOKEN_FILE") else {
            return Ok(None);
        };
        // AWS's tools stop here too.
        let role_arn = self.env.get("AWS_ROLE_ARN").ok_or_else(|| {
            Error::failed(
                Code::HalfPair,
                "half of a web identity",
                "AWS_WEB_IDENTITY_TOKEN_FILE is set, AWS_ROLE_ARN is not",
            )
            .hint(format!(
                "set AWS_ROLE_ARN, or name a role for the registry ({ROLE_ARN}); or unset both to use another source"
            ))
        })?;
        Ok(Some(Source::WebIdentity {
            role_arn: role_arn.to_owned(),
            token_file,
            session_name: session_name::of(self.env),
        }))
    }

    /// The profile as a source, if it is there and holds credentials.
    pub fn profile(&self, name: &str) -> Result<Option<Source>> {
        let Some(profile) = self.files.profile(name) else {
            return match name {
                "default" => Ok(None),
                _ => Err(missing_profile(self.files, name)),
            };
        };
        if !profile.holds_credentials() {
            return Ok(None);
        }
        if profile.get("mfa_serial").is_some() {
            return Err(
                Error::failed(Code::Mfa, format!("profile {name}"), "it asks for an MFA code, and nobody is here to type one")
                    .hint("get a session first, for example with `aws sts get-session-token`, and name its profile; or use a role of the CI"),
            );
        }
        let borrowed = borrowed(self.env, &profile)?;
        Ok(Some(Source::Profile {
            name: name.to_owned(),
            resolved: Secret::new(profile.resolved_text().expose().to_owned() + borrowed.expose()),
        }))
    }
}

fn instance_metadata(env: &Env) -> Source {
    Source::InstanceMetadata {
        endpoint: env.get("AWS_EC2_METADATA_SERVICE_ENDPOINT").map(str::to_owned),
    }
}

/// What fails where there is nothing anywhere.
const NOTHING: &str = "no AWS credentials";

/// Whether a search failed because there is nothing anywhere, and not because a source that is there can't be used.
pub fn finds_nothing(error: &Error) -> bool {
    error.code() == Code::NoCredentials
}

/// Nothing anywhere. `last` says how the last source of the chain, the instance metadata service, failed.
pub fn no_credentials(last: &str) -> Error {
    Error::failed(
        Code::NoCredentials,
        NOTHING,
        format!("none in the environment, the shared files, a web identity or a container's variables, {last}"),
    )
    .hint("set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached")
}

/// Where nothing is found and no role is named: what this job has all the same, which says more than a list of all sources. A token that no
/// role takes, or keys that are set to nothing, as a CI does with secrets that this branch or fork may not have.
pub fn with_what_is_there(error: Error, env: &Env) -> Error {
    if !finds_nothing(&error) {
        return error;
    }
    if let Some(token) = ci::CiToken::all(env).first() {
        let role = format!("{ROLE_OF_SETUP}{}", token.role_named_in());
        let role = Mention::new(&role);
        let name = token.name();
        return error.hint(format!("name the role that takes {name}: {role}, or AWS_ROLE_ARN"));
    }
    let blank = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].map(|name| env.is_blank(name).then_some(name));
    match blank.into_iter().flatten().next() {
        Some(name) => error.hint(format!(
            "{name} is set, and empty: look whether this branch, fork or step may have the CI's secret"
        )),
        None => error,
    }
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
            Err(Error::failed(
                Code::HalfPair,
                "half a pair of keys",
                format!("{set} is set, {missing} is not"),
            )
            .hint("set both, or neither to use another source"))
        }
    }
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
    let mut tokens = Vec::new();
    for file in profile.reached_values("web_identity_token_file") {
        // The SDK reads it again, and would wait for a pipe: what can't be read is told here.
        let token = oidc_token::read_token_file(Path::new(file))?;
        tokens.push(("claims", oidc_token::identity_of(&token)));
    }
    let text = fields
        .chain(tokens)
        .map(|(name, value)| format!("{name} {:?}\n", value.expose()));
    Ok(Secret::new(text.collect::<String>()))
}

fn missing_profile(files: &SharedFiles, name: &str) -> Error {
    let known: Vec<&str> = files.profile_names().into_iter().take(8).collect();
    let hint = if known.is_empty() {
        "AWS's shared files hold no profile at all: check AWS_CONFIG_FILE and HOME".to_owned()
    } else {
        format!("profiles there are: {}", known.join(", "))
    };
    Error::failed(
        Code::Profile,
        format!("profile {name}"),
        "AWS's shared files have no such profile",
    )
    .hint(hint)
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
    private_files::read_secret(file, private_files::TOKEN_LIMIT).map_err(|error| {
        Error::failed(
            Code::ContainerCredentials,
            format!("cannot read the container's token {}", file.display()),
            error,
        )
        .hint("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names that file: mount it, or unset the variable")
    })
}
