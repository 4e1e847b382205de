//! A profile of AWS's shared files, resolved: its first credentials, and the roles that are assumed with them.
//!
//! The settings of a profile count in the order of the AWS CLI (botocore's `credentials.py`): a role with a source, a web identity, SSO, keys of
//! the `credentials` file, `aws login`, a program, keys of the `config` file.

use std::fmt;
use std::path::PathBuf;

use aws_shared_files::{Profile, SharedFile, SharedFiles};
use ci::session_name;
use context::Env;
use diagnostics::{Code, Error, Result};
use secret::Secret;

use super::{ChainSource, container, environment_keys, missing_profile};

/// A resolved profile with credentials or a way to get them. The files are not read again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileSource {
    /// The profile's name.
    pub name: String,
    /// Where the first credentials come from.
    pub base: ProfileBase,
    /// The profile that holds them: this one, or the one that `source_profile` leads to.
    pub base_profile: String,
    /// The roles that are assumed with them, one after the other.
    pub roles: Vec<ProfileRole>,
    /// The profile's resolved settings, see [`Profile::resolved_text`].
    text: Secret,
}

/// Where a profile's first credentials come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileBase {
    /// Static keys.
    Keys {
        /// `aws_access_key_id`.
        access_key_id: String,
        /// `aws_secret_access_key`.
        secret_access_key: Secret,
        /// `aws_session_token`, if the keys are temporary.
        session_token: Option<Secret>,
    },
    /// The command line of `credential_process`, which may hold secrets.
    Process(Secret),
    /// A session of IAM Identity Center that `aws sso login` began.
    Sso(SsoSettings),
    /// The ARN of `login_session`: a session that `aws login` began.
    Login(String),
    /// A role that is assumed with a token, `web_identity_token_file`.
    WebIdentity {
        /// The role to assume.
        role_arn: String,
        /// The file that holds the token, read at each use.
        token_file: PathBuf,
        /// The session's name: characters that STS accepts, 2 to 64 of them.
        session_name: String,
    },
    /// The source that `credential_source` names.
    Elsewhere(Box<ChainSource>),
}

/// How a profile gets credentials from IAM Identity Center.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SsoSettings {
    /// The name of the `sso-session` section, if the profile names one.
    pub session: Option<String>,
    /// The address at which users sign in.
    pub start_url: String,
    /// The region of the portal.
    pub region: String,
    /// The account, 12 digits.
    pub account_id: String,
    /// The permission set.
    pub role_name: String,
}

/// A role that a profile assumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileRole {
    /// The profile that names it.
    pub profile: String,
    /// `role_arn`.
    pub role_arn: String,
    /// `external_id`.
    pub external_id: Option<String>,
    /// The session's name, from `role_session_name` or the default: 2 to 64 characters.
    pub session_name: String,
    /// `duration_seconds`.
    pub duration: Option<u32>,
    /// `mfa_serial`: the device whose code STS asks for.
    pub mfa_serial: Option<String>,
}

impl ProfileSource {
    /// Resolves the profile. Returns `None` if it holds only settings, such as a region.
    ///
    /// # Errors
    /// A line of the profile cannot be understood, a source is incomplete, another profile that it names is missing, or the profiles form a loop.
    pub(super) fn resolve(profile: Profile<'_>, files: &SharedFiles, env: &Env) -> Result<Option<Self>> {
        profile.check()?;
        check_sso_session(&profile, files)?;
        let name = profile.name();
        let mut resolver = Resolver {
            files,
            env,
            visited: vec![name.to_owned()],
            roles: Vec::new(),
        };
        let base = match is_role(&profile) {
            true => Some(resolver.source(&profile)?),
            false => resolver.base(&profile)?,
        };
        let Some(base) = base else { return Ok(None) };
        resolver.roles.reverse();
        Ok(Some(Self {
            name: name.to_owned(),
            base,
            base_profile: resolver.visited.pop().unwrap_or_default(),
            roles: resolver.roles,
            text: profile.resolved_text(),
        }))
    }

    /// Returns named fields for a cache key that tell this profile from every other, as [`ChainSource::key_fields`] does.
    pub fn key_fields(&self) -> Vec<(&'static str, Secret)> {
        let mut fields = vec![
            ("source", Secret::new("profile")),
            ("profile", Secret::new(self.name.as_str())),
            ("resolved", self.text.clone()),
        ];
        match &self.base {
            ProfileBase::Elsewhere(source) => fields.extend(source.key_fields()),
            ProfileBase::WebIdentity { token_file, .. } => {
                fields.push(("jwt", oidc_token::token_key(token_file)));
            }
            _ => {}
        }
        fields
    }

    /// Returns the index of the last role that asks for an MFA code.
    pub(crate) fn last_mfa_role(&self) -> Option<usize> {
        self.roles.iter().rposition(|role| role.mfa_serial.is_some())
    }

    /// Returns the command line of `credential_process`, from the profile or from the one that it leads to.
    pub fn process(&self) -> Option<&Secret> {
        match &self.base {
            ProfileBase::Process(line) => Some(line),
            _ => None,
        }
    }
}

impl fmt::Display for ProfileSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "profile {}", self.name)
    }
}

/// Follows a profile to the profiles that it names.
struct Resolver<'a> {
    files: &'a SharedFiles,
    env: &'a Env,
    visited: Vec<String>,
    /// The roles found so far, the last one first.
    roles: Vec<ProfileRole>,
}

impl Resolver<'_> {
    /// Returns what assumes the role of a profile: a source of the machine, or another profile.
    fn source(&mut self, profile: &Profile<'_>) -> Result<ProfileBase> {
        self.roles.push(self.role(profile));
        match (profile.get("credential_source"), profile.get("source_profile")) {
            (Some(_), Some(_)) => Err(odd(
                profile,
                "it has both source_profile and credential_source",
                "keep one of the two",
            )),
            (None, None) => Err(odd(
                profile,
                "it has a role_arn, and neither source_profile nor credential_source",
                "name the profile whose credentials assume the role (source_profile), or another source (credential_source)",
            )),
            (Some(source), None) => Ok(ProfileBase::Elsewhere(Box::new(self.elsewhere(profile, source)?))),
            (None, Some(next)) => self.source_profile(profile, next),
        }
    }

    fn elsewhere(&self, profile: &Profile<'_>, name: &str) -> Result<ChainSource> {
        let (found, missing) = match name {
            "Environment" => (environment_keys(self.env)?, "the environment has no keys"),
            "EcsContainer" => (container(self.env)?, "no AWS_CONTAINER_CREDENTIALS_… variable is set"),
            "Ec2InstanceMetadata" => (Some(ChainSource::InstanceMetadata), ""),
            _ => (None, "it is not Environment, Ec2InstanceMetadata or EcsContainer"),
        };
        found.ok_or_else(|| {
            let cause = format!("it takes its credentials from credential_source {name}, and {missing}");
            odd(profile, &cause, "run it where that source is, or name another profile")
        })
    }

    fn source_profile(&mut self, profile: &Profile<'_>, name: &str) -> Result<ProfileBase> {
        let next = self.files.profile(name).ok_or_else(|| {
            let error = missing_profile(self.files, name);
            let cause = format!("its source_profile {name} is missing in AWS's shared files");
            odd(profile, &cause, error.hint_text().unwrap_or_default())
        })?;
        let is_itself = name == profile.name();
        let has_keys = |key| next.get(key).is_some();
        let has_keys = has_keys("aws_access_key_id") || has_keys("aws_secret_access_key");
        if self.visited.iter().any(|visited| visited == name) && !(is_itself && has_keys) {
            let cause = format!("its source_profile {name} leads back to where it began");
            return Err(odd(
                profile,
                &cause,
                "let one of these profiles hold credentials of its own",
            ));
        }
        self.visited.push(name.to_owned());
        if is_role(&next) && !has_keys {
            return self.source(&next);
        }
        self.base(&next)?.ok_or_else(|| {
            odd(
                &next,
                "it is a source_profile, and holds no credentials",
                "give it keys, SSO or a credential_process",
            )
        })
    }

    fn role(&self, profile: &Profile<'_>) -> ProfileRole {
        let get = |key| profile.get(key).map(str::to_owned);
        ProfileRole {
            profile: profile.name().to_owned(),
            role_arn: get("role_arn").unwrap_or_default(),
            external_id: get("external_id"),
            session_name: self.session_name(profile),
            // Like the AWS CLI, this ignores a value that is not a number.
            duration: profile.get("duration_seconds").and_then(|seconds| seconds.parse().ok()),
            mfa_serial: get("mfa_serial"),
        }
    }

    fn session_name(&self, profile: &Profile<'_>) -> String {
        let named = profile.get("role_session_name").map(str::to_owned);
        named.unwrap_or_else(|| session_name::from_env(self.env))
    }

    /// Returns the credentials of the profile itself, ignoring its role.
    fn base(&self, profile: &Profile<'_>) -> Result<Option<ProfileBase>> {
        if let Some(file) = profile.get("web_identity_token_file") {
            return self.web_identity(profile, file).map(Some);
        }
        if let Some(sso) = sso(profile, self.files)? {
            return Ok(Some(ProfileBase::Sso(sso)));
        }
        if let Some(keys) = keys(profile, SharedFile::Credentials)? {
            return Ok(Some(keys));
        }
        if let Some(session) = profile.get("login_session") {
            return Ok(Some(ProfileBase::Login(session.to_owned())));
        }
        if let Some(line) = profile.get("credential_process") {
            return Ok(Some(ProfileBase::Process(Secret::new(line))));
        }
        keys(profile, SharedFile::Config)
    }

    fn web_identity(&self, profile: &Profile<'_>, file: &str) -> Result<ProfileBase> {
        let role_arn = profile.get("role_arn").ok_or_else(|| {
            odd(
                profile,
                "it has a web_identity_token_file and no role_arn",
                "name the role that the token is for",
            )
        })?;
        Ok(ProfileBase::WebIdentity {
            role_arn: role_arn.to_owned(),
            token_file: self.env.expand_home(PathBuf::from(file)),
            session_name: self.session_name(profile),
        })
    }
}

/// Says why a profile without credentials has none.
pub(super) fn why_none(profile: &Profile<'_>) -> String {
    let has = |key| profile.get(key).is_some();
    let why = match () {
        () if has("source_profile") => "has a source_profile and no role_arn",
        () if has("sso_session") => "has an sso_session, but no sso_account_id and no sso_role_name",
        () if has("export aws_access_key_id") || has("export aws_secret_access_key") => {
            "has lines that begin with export"
        }
        () => "holds no credentials",
    };
    format!("profile {} {why}", profile.name())
}

/// Whether the profile assumes a role with other credentials.
fn is_role(profile: &Profile<'_>) -> bool {
    profile.get("role_arn").is_some() && profile.get("web_identity_token_file").is_none()
}

/// Returns the keys of one file. A session token in the other file does not belong to them.
fn keys(profile: &Profile<'_>, file: SharedFile) -> Result<Option<ProfileBase>> {
    let get = |key| profile.get_in(file, key);
    match (get("aws_access_key_id"), get("aws_secret_access_key")) {
        (Some(id), Some(secret)) => Ok(Some(ProfileBase::Keys {
            access_key_id: id.to_owned(),
            secret_access_key: Secret::new(secret),
            session_token: get("aws_security_token")
                .or_else(|| get("aws_session_token"))
                .map(Secret::new),
        })),
        (None, None) => Ok(None),
        (id, _) => {
            let missing = if id.is_some() {
                "aws_secret_access_key"
            } else {
                "aws_access_key_id"
            };
            let cause = format!(
                "in AWS's {} file it has half a pair of keys, without {missing}",
                file.name()
            );
            Err(odd(profile, &cause, "set both in one file, or neither"))
        }
    }
}

/// Checks that the `sso-session` that a profile names exists. Without it, the AWS CLI refuses the profile, whatever else the profile holds.
fn check_sso_session(profile: &Profile<'_>, files: &SharedFiles) -> Result<()> {
    match profile.get("sso_session").filter(|name| !files.has_sso_session(name)) {
        None => Ok(()),
        Some(name) => {
            let cause =
                format!("it names the sso_session {name}, and AWS's config file has no section [sso-session {name}]");
            Err(odd(profile, &cause, "run: aws configure sso"))
        }
    }
}

/// Returns the SSO settings, if the profile names an account or a permission set.
fn sso(profile: &Profile<'_>, files: &SharedFiles) -> Result<Option<SsoSettings>> {
    if profile.get("sso_account_id").is_none() && profile.get("sso_role_name").is_none() {
        return Ok(None);
    }
    let session = profile.get("sso_session");
    check_sso_session(profile, files)?;
    let get = |key: &str| {
        let of_session = session.and_then(|name| files.sso_session(name, key));
        match (profile.get(key), of_session) {
            (Some(own), Some(other)) if own != other => {
                let cause = format!("its {key} and that of its sso-session differ");
                Err(odd(
                    profile,
                    &cause,
                    "remove it from the profile: the section [sso-session …] has it",
                ))
            }
            (own, other) => own.or(other).map(str::to_owned).ok_or_else(|| {
                odd(
                    profile,
                    &format!("it signs in by SSO, and {key} is missing"),
                    "run: aws configure sso",
                )
            }),
        }
    };
    Ok(Some(SsoSettings {
        session: session.map(str::to_owned),
        start_url: get("sso_start_url")?,
        region: get("sso_region")?,
        account_id: get("sso_account_id")?,
        role_name: get("sso_role_name")?,
    }))
}

fn odd(profile: &Profile<'_>, cause: &str, hint: &str) -> Error {
    Error::failed(Code::Profile, format!("profile {}", profile.name()), cause).hint(hint)
}
