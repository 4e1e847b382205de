//! The action's inputs, which the runner passes as `INPUT_<NAME IN CAPITALS>` with hyphens kept. All of them are read and checked before anything
//! is done.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::value::RawValue;

use crate::commands::identity::IdentityArgs;
use context::{Env, variables};
use diagnostics::{Code, Error, Mention, Result};
use ecr_registry::{parse_argument, parse_region};
use settings::table::{CHAIN, EXTERNAL_ID, ROLE_ARN, RoleSetting, TABLE, TAG, TRANSITIVE_TAG};
use settings::{RoleSettings, SettingValues, SurfaceValue, ValueKind};

/// What the workflow asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// The registries in the input `registries`.
    pub registries: Vec<NamedRegistry>,
    /// The identity settings, except for registries with their own role.
    pub identity: IdentityArgs,
    /// How docker signs in.
    pub mode: Mode,
    /// The form in which later steps get AWS credentials.
    pub export: Export,
    /// The profile's name.
    pub profile: String,
    /// The accounts that may be signed in to. Empty if any may.
    pub allowed_accounts: Vec<String>,
    /// The choice of docker's configuration folder.
    pub docker_config: DockerConfigChoice,
    /// Whether the post step undoes everything.
    pub cleanup: bool,
    /// Whether each registry is signed in to now.
    pub verify: bool,
    /// Whether the account's id is hidden in the log.
    pub mask_account_id: bool,
    /// Whether the passwords become outputs.
    pub output_password: bool,
    /// Repositories whose pull password becomes an output that is not masked.
    pub container_repositories: Vec<String>,
    /// Proxy settings for this step and the later ones: variables and values.
    pub proxies: Vec<(&'static str, String)>,
}

/// A registry as the workflow names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedRegistry {
    /// A host, `ACCOUNT/REGION`, `ACCOUNT`, or `public`.
    pub registry: String,
    /// The role of this registry alone.
    pub role: Option<String>,
}

/// How docker signs in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// The credential helper.
    #[default]
    Helper,
    /// Passwords in docker's configuration.
    Login,
    /// Docker's configuration is not changed.
    None,
}

/// The form in which later steps get AWS credentials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Export {
    /// No credentials.
    #[default]
    None,
    /// Keys in the environment.
    Env,
    /// A profile that renews itself.
    Profile,
}

/// The choice of docker's configuration folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DockerConfigChoice {
    /// A folder for this job on self-hosted runners, else the existing one.
    Auto,
    /// The existing folder.
    Shared,
    /// A copy for this job.
    Isolated,
    /// The folder with this path.
    Folder(PathBuf),
}

impl Inputs {
    /// Reads and checks all inputs.
    ///
    /// # Errors
    /// A usage error for the first wrong input, with what is allowed.
    pub fn read(env: &Env) -> Result<Self> {
        let reader = Reader(env);
        no_keys(&reader)?;
        let is_public = is_public(&reader)?;
        let mask = [
            reader.boolean("mask-account-id")?,
            reader.boolean("mask-aws-account-id")?,
        ];
        reader.boolean("mask-password")?;
        let skip_logout = reader.boolean("skip-logout")?.unwrap_or_default();
        let registries = match is_public {
            true => vec![NamedRegistry {
                registry: "public".to_owned(),
                role: None,
            }],
            false => registries(&reader)?,
        };
        let (export, profile) = export(&reader)?;
        Ok(Self {
            registries,
            identity: identity(&reader)?,
            mode: reader.value("mode")?.unwrap_or_default(),
            export,
            profile,
            allowed_accounts: accounts(&reader)?,
            docker_config: docker_config(&reader)?,
            cleanup: reader.boolean("cleanup")?.unwrap_or(true) && !skip_logout,
            verify: reader.boolean("verify")?.unwrap_or(true),
            mask_account_id: mask.contains(&Some(true)),
            output_password: reader.boolean("output-password")?.unwrap_or_default(),
            container_repositories: reader.list("container-repositories")?,
            proxies: proxies(&reader)?,
        })
    }

    /// Returns the identity settings of one registry. With its own role, it uses neither the chain, which starts from the other role, nor the
    /// settings of the chain's roles.
    pub fn identity_of(&self, named: &NamedRegistry) -> IdentityArgs {
        let mut identity = self.identity.clone();
        if let Some(role) = &named.role {
            identity.0.set(&ROLE_ARN, SurfaceValue::Text(role.clone()));
            identity.0.remove(&[&CHAIN]);
            if identity.source() != Some("chain") {
                identity.0.remove(&[&TAG, &TRANSITIVE_TAG, &EXTERNAL_ID]);
            }
        }
        identity
    }
}

/// Reads `registry-type`. As in amazon-ecr-login, its case does not matter, and with `public` the input `registries` does not count.
fn is_public(reader: &Reader<'_>) -> Result<bool> {
    const NAME: &str = "registry-type";
    const ALLOWED: [&str; 2] = ["private", "public"];
    let Some(text) = reader.text(NAME) else {
        return Ok(false);
    };
    match ALLOWED.iter().find(|word| text.eq_ignore_ascii_case(word)) {
        Some(word) => Ok(*word == "public"),
        None => Err(not_allowed(NAME, &text, &ALLOWED)),
    }
}

/// Refuses keys, which configure-aws-credentials takes as inputs. If they were ignored silently, the job would sign in as another identity.
fn no_keys(reader: &Reader<'_>) -> Result<()> {
    for name in ["aws-access-key-id", "aws-secret-access-key", "aws-session-token"] {
        if reader.text(name).is_some() {
            let variable = name.to_uppercase().replace('-', "_");
            let cause = "the log shows inputs, so keys are only taken from the environment";
            return Err(wrong(name, cause).hint(format!(
                "write it as {variable} under the step's env:, or leave keys out and name a role-to-assume"
            )));
        }
    }
    Ok(())
}

/// Reads every setting that has an input.
fn identity(reader: &Reader<'_>) -> Result<IdentityArgs> {
    let mut values = SettingValues::default();
    for setting in TABLE {
        if let Some(value) = value(reader, setting)? {
            values.set(setting, value);
        }
    }
    Ok(IdentityArgs(values))
}

fn value(reader: &Reader<'_>, setting: &RoleSetting) -> Result<Option<SurfaceValue>> {
    let [name, older @ ..] = setting.inputs else {
        return Ok(None);
    };
    Ok(match setting.kind {
        ValueKind::Text => reader.line(name)?.map(SurfaceValue::Text),
        ValueKind::Region => reader.line(name)?.map(|text| region(name, &text)).transpose()?,
        ValueKind::Policy => reader.text(name).map(SurfaceValue::Text),
        ValueKind::File => path(reader, name)?.map(SurfaceValue::File),
        // No input has these kinds.
        ValueKind::Command | ValueKind::Formed(_) | ValueKind::Port(_) | ValueKind::Switch(_) => None,
        ValueKind::Number(least, most) => reader
            .line(name)?
            .map(|text| number(name, &text, least..=most))
            .transpose()?,
        ValueKind::List(_) => Some(reader.list(name)?)
            .filter(|list| !list.is_empty())
            .map(SurfaceValue::List),
        ValueKind::Tags(..) => tags(reader, name, older)?.map(SurfaceValue::Tags),
        ValueKind::OneOf(_) => source(reader)?.map(|word| SurfaceValue::Text(word.to_owned())),
    })
}

fn region(name: &str, text: &str) -> Result<SurfaceValue> {
    let region = parse_region(text).map_err(|error| of_input(name, error))?;
    Ok(SurfaceValue::Text(region))
}

fn number(name: &str, text: &str, allowed: RangeInclusive<u32>) -> Result<SurfaceValue> {
    let number = text.parse().ok().filter(|number| allowed.contains(number));
    number.map(SurfaceValue::Number).ok_or_else(|| {
        let (least, most) = allowed.into_inner();
        wrong(name, format!("{text:?} is not a session length"))
            .hint(format!("write a whole number of seconds, {least} to {most}"))
    })
}

/// Reads `source`. `cognito` is not possible in a job, `auto` is the default, and `role-chaining: true` uses the existing credentials.
fn source(reader: &Reader<'_>) -> Result<Option<&'static str>> {
    let source = reader
        .choice("source", &["auto", "oidc", "chain"])?
        .filter(|word| *word != "auto");
    match (reader.boolean("role-chaining")?, source) {
        (Some(true), Some("oidc")) => Err(wrong(
            "role-chaining",
            "it uses the credentials that the job has, and source: oidc takes only the job's token",
        )
        .hint("leave role-chaining out, or write source: chain")),
        (Some(true), _) => Ok(Some("chain")),
        (_, source) => Ok(source),
    }
}

/// Reads what to export, and the profile's name. The old inputs count if the new one is not set.
fn export(reader: &Reader<'_>) -> Result<(Export, String)> {
    const PROFILE: &str = "ecr-auth";
    let export: Export = reader.value("export-credentials")?.unwrap_or_default();
    let env = reader.boolean("output-env-credentials")?.unwrap_or_default();
    let old_profile = reader.line("aws-profile")?;
    let profile = reader.line("profile")?.filter(|name| name != PROFILE);
    let name = old_profile.clone().or(profile).unwrap_or_else(|| PROFILE.to_owned());
    match (export, old_profile.is_some(), env) {
        (Export::Env, true, _) | (Export::None, true, true) => Err(wrong(
            "aws-profile",
            "credentials go to a profile or to the environment, not to both",
        )
        .hint("write export-credentials: profile and profile: NAME, or export-credentials: env")),
        (Export::None, true, false) => Ok((Export::Profile, name)),
        (Export::None, false, true) => Ok((Export::Env, name)),
        _ => Ok((export, name)),
    }
}

fn registries(reader: &Reader<'_>) -> Result<Vec<NamedRegistry>> {
    let entries = reader.list("registries")?.into_iter().map(|entry| {
        let mut words = entry.split_ascii_whitespace();
        let registry = words.next().unwrap_or_default().to_owned();
        let role = words.next().map(|word| match word.strip_prefix("role=") {
            Some(role) if !role.is_empty() => Ok(role.to_owned()),
            _ => Err(unclear(&entry)),
        });
        match words.next() {
            Some(_) => Err(unclear(&entry)),
            None => Ok(NamedRegistry {
                registry,
                role: role.transpose()?,
            }),
        }
    });
    entries.collect()
}

fn unclear(entry: &str) -> Error {
    wrong(
        "registries",
        format!("only role=ARN may follow the registry: {entry:?}"),
    )
    .hint("write one registry a line (in YAML after `registries: |`), or put commas between them")
}

/// Reads accounts as text: 12 digits, including leading zeros.
fn accounts(reader: &Reader<'_>) -> Result<Vec<String>> {
    const NAME: &str = "allowed-account-ids";
    let list = reader.list(NAME)?;
    // Two variables that are not set, with a comma between them, would allow every account.
    if list.is_empty() && reader.text(NAME).is_some() {
        return Err(wrong(NAME, "it names no account").hint("write account ids of 12 digits, or leave it out"));
    }
    let is_number = |account: &str| account.bytes().all(|byte| byte.is_ascii_digit());
    let accounts = list.into_iter().map(|account| match is_number(&account) {
        true => parse_argument(&account, Some("us-east-1"))
            .map(|_| account)
            .map_err(|error| of_input(NAME, error)),
        false => Err(wrong(NAME, format!("{account:?} is not an account id")).hint("write 12 digits")),
    });
    accounts.collect()
}

fn docker_config(reader: &Reader<'_>) -> Result<DockerConfigChoice> {
    const NAME: &str = "docker-config";
    Ok(match reader.line(NAME)?.as_deref() {
        None | Some("auto") => DockerConfigChoice::Auto,
        Some("shared") => DockerConfigChoice::Shared,
        Some("isolated") => DockerConfigChoice::Isolated,
        // A word that is not a path is a typing mistake.
        Some(path) if path.contains(['/', '\\']) => {
            no_tilde(NAME, path)?;
            let absolute = std::path::absolute(path);
            DockerConfigChoice::Folder(absolute.map_err(|error| wrong(NAME, error.to_string()))?)
        }
        Some(word) => {
            return Err(wrong(NAME, format!("{word:?} is not allowed"))
                .hint("write auto, shared, isolated, or the path of a folder, with a / in it"));
        }
    })
}

fn path(reader: &Reader<'_>, name: &str) -> Result<Option<PathBuf>> {
    let path = reader.line(name)?;
    path.map(|path| no_tilde(name, &path).map(|()| path.into())).transpose()
}

/// Refuses `~`, which no shell replaces in inputs: it would be a folder in the checkout.
fn no_tilde(name: &str, path: &str) -> Result<()> {
    match path.starts_with('~') {
        true => Err(
            wrong(name, format!("{path:?} begins with ~, which only a shell replaces")).hint("write the whole path"),
        ),
        false => Ok(()),
    }
}

/// Reads the tags of one input, which may also have older names.
fn tags(reader: &Reader<'_>, name: &str, older: &[&str]) -> Result<Option<Vec<(String, String)>>> {
    let mut tags = reader.text(name).map(|text| tags_of(name, &text)).transpose()?;
    for old in older {
        let Some(text) = reader.text(old) else { continue };
        if tags.is_some() {
            return Err(wrong(old, format!("{name} is set, too")).hint(format!("write all tags into {name}")));
        }
        tags = Some(tags_of(old, &text)?);
    }
    Ok(tags.filter(|tags| !tags.is_empty()))
}

/// Parses tags: one `KEY=VALUE` a line, or a JSON object.
fn tags_of(name: &str, text: &str) -> Result<Vec<(String, String)>> {
    let hint = "write one KEY=VALUE a line, or a JSON object whose values are texts, numbers, true or false";
    if text.starts_with('{') {
        let object: BTreeMap<String, &RawValue> =
            serde_json::from_str(text).map_err(|error| wrong(name, error.to_string()).hint(hint))?;
        let tags = object.into_iter().map(|(key, value)| match tag_value(value.get()) {
            Some(value) => Ok((key, value)),
            None => Err(wrong(
                name,
                format!("the value of {key:?} is not a text, a number, true or false"),
            )
            .hint(hint)),
        });
        return tags.collect();
    }
    let lines = text.lines().map(str::trim_ascii).filter(|line| !line.is_empty());
    let tags = lines.map(|line| match line.split_once('=') {
        Some((key, value)) => Ok((key.trim_ascii().to_owned(), value.trim_ascii().to_owned())),
        None => Err(wrong(name, format!("{line:?} has no =")).hint(hint)),
    });
    tags.collect()
}

/// Returns the value of a tag in JSON: a text's contents, or a number, `true` or `false` as it is written.
fn tag_value(json: &str) -> Option<String> {
    match json.as_bytes().first()? {
        b'"' => serde_json::from_str(json).ok(),
        // null, a list or an object.
        b'n' | b'[' | b'{' => None,
        _ => Some(json.to_owned()),
    }
}

/// Reads the proxy settings. Programs read either variable of a pair, so both are set.
fn proxies(reader: &Reader<'_>) -> Result<Vec<(&'static str, String)>> {
    let (proxy, direct) = (reader.line("http-proxy")?, reader.line("no-proxy")?);
    let all = [
        (variables::HTTPS_PROXY, proxy.clone()),
        (variables::HTTP_PROXY, proxy),
        (variables::NO_PROXY, direct),
    ];
    let given = all.into_iter().filter_map(|(variable, value)| Some((variable, value?)));
    Ok(given.collect())
}

/// Returns the error with the older name of a setting's input where only that input is given.
pub fn in_given_names(error: Error, env: &Env) -> Error {
    let reader = Reader(env);
    error.named(&|mention| {
        let inputs = SettingValues::<RoleSettings>::setting(mention.setting).map_or(&[][..], |setting| setting.inputs);
        match inputs.iter().position(|name| reader.text(name).is_some()) {
            None | Some(0) => mention.to_string(),
            Some(at) => Mention {
                setting: inputs[at],
                ..mention
            }
            .plain(),
        }
    })
}

/// Returns a usage error about an input.
pub fn wrong(name: &str, cause: impl std::fmt::Display) -> Error {
    Error::usage(Code::ActionInput, format!("input {name}"), cause)
}

/// Returns an error with the input that it is about.
fn of_input(name: &str, error: Error) -> Error {
    error.about(format!("input {name}"))
}

struct Reader<'a>(&'a Env);

impl Reader<'_> {
    /// Returns an input without surrounding blanks, or `None` if nothing is left.
    fn text(&self, name: &str) -> Option<String> {
        let value = self
            .0
            .get(&format!("{}{}", variables::INPUT, name.to_uppercase()))?
            .trim_ascii();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// Returns an input that is one line of text. It may be shown in the log, where the runner obeys lines that look like its commands.
    fn line(&self, name: &str) -> Result<Option<String>> {
        self.text(name).map(|text| printable(name, &text)).transpose()
    }

    /// Returns the entries of an input, separated by lines or commas.
    fn list(&self, name: &str) -> Result<Vec<String>> {
        let text = self.text(name).unwrap_or_default();
        let entries = text.split([',', '\n']).map(str::trim_ascii);
        entries
            .filter(|entry| !entry.is_empty())
            .map(|entry| printable(name, entry))
            .collect()
    }

    /// Reads a boolean. As in amazon-ecr-login, its case does not matter.
    fn boolean(&self, name: &str) -> Result<Option<bool>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        text.to_ascii_lowercase()
            .parse()
            .map(Some)
            .map_err(|_| not_allowed(name, &text, &["true", "false"]))
    }

    fn choice<'a>(&self, name: &str, allowed: &[&'a str]) -> Result<Option<&'a str>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let found = allowed.iter().find(|word| **word == text);
        found.map_or_else(|| Err(not_allowed(name, &text, allowed)), |word| Ok(Some(*word)))
    }

    fn value<T: ValueEnum>(&self, name: &str) -> Result<Option<T>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        T::from_str(&text, false).map(Some).map_err(|_| {
            let values = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
            let names: Vec<String> = values.map(|value| value.get_name().to_owned()).collect();
            not_allowed(name, &text, &names.iter().map(String::as_str).collect::<Vec<_>>())
        })
    }
}

/// Returns a value for an error. A proxy's value may hold a password, so it is not shown.
fn printable(name: &str, text: &str) -> Result<String> {
    match text.chars().any(|c| c.is_control() && c != '\t') {
        true => {
            Err(wrong(name, "it is not one line of text").hint("write it without line ends and control characters"))
        }
        false => Ok(text.to_owned()),
    }
}

fn not_allowed(name: &str, value: &str, allowed: &[&str]) -> Error {
    wrong(name, format!("{value:?} is not allowed")).hint(match allowed {
        [first, second] => format!("write {first} or {second}"),
        [firsts @ .., last] => format!("write {} or {last}", firsts.join(", ")),
        [] => String::new(),
    })
}

#[cfg(test)]
mod tests;
