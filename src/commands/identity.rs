//! The flags that say whose AWS credentials are used: the same ones wherever a command needs them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use aws_access::SessionPath;
use aws_access::identity::RoleBase;
use configuration::Value;
use diagnostics::{Code, Error, Result};
use settings::{IdentitySettings, RoleSettings, SourceChoice, TokenCommand, TokenPlace, policy_text};

/// Whose AWS credentials
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Whose AWS credentials")]
pub struct IdentityArgs {
    /// Role to assume with the CI's OIDC token, or else with AWS's standard chain: an ARN, or a name in the registry's account [env: AWS_ROLE_ARN]
    #[arg(long, value_name = "ROLE")]
    pub role_arn: Option<String>,
    /// A role to assume with the one before (repeatable)
    #[arg(long, value_name = "ROLE")]
    pub chain: Vec<String>,
    /// Audience of the token [default: sts.amazonaws.com, in China sts.amazonaws.com.cn]
    #[arg(long)]
    pub audience: Option<String>,
    /// Name of the session in CloudTrail [env: AWS_ROLE_SESSION_NAME] [default: one that names the CI job]
    #[arg(long, value_name = "NAME")]
    pub session_name: Option<String>,
    /// Seconds that the last role's session lives: 900 to 43200, with --chain 3600 at most
    #[arg(long, value_name = "SECONDS")]
    pub duration: Option<u32>,
    /// External id that the trust policies of assumed roles ask for
    #[arg(long, value_name = "ID")]
    pub external_id: Option<String>,
    /// Session policy that narrows the last role
    #[arg(long, value_name = "JSON|@FILE")]
    pub policy: Option<String>,
    /// Managed policy that narrows the last role (repeatable)
    #[arg(long, value_name = "ARN")]
    pub policy_arn: Vec<String>,
    /// Session tag of chained roles (repeatable)
    #[arg(long, value_name = "KEY=VALUE", value_parser = tag)]
    pub tag: Vec<(String, String)>,
    /// Tag that the roles after it inherit (repeatable)
    #[arg(long, value_name = "KEY")]
    pub transitive_tag: Vec<String>,
    /// Profile of AWS's shared files, and no other source
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Region, such as eu-west-1 [env: AWS_REGION]
    #[arg(long)]
    pub region: Option<String>,
    /// File that holds the CI's OIDC token
    #[arg(long, value_name = "FILE", group = "token")]
    pub token_file: Option<PathBuf>,
    /// Variable that holds the CI's OIDC token
    #[arg(long, value_name = "NAME", group = "token")]
    pub token_env: Option<String>,
    /// Command line that prints the CI's OIDC token
    #[arg(long, value_name = "CMD", group = "token")]
    pub token_command: Option<TokenCommand>,
    /// What assumes the role
    #[arg(long, value_enum)]
    pub source: Option<Source>,
}

/// What assumes the first role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// The CI's token, or else AWS's standard chain
    Auto,
    /// The CI's token alone
    Oidc,
    /// AWS's standard chain alone
    Chain,
    /// Nothing: a user signs in to Cognito, as `cognito:` in ecr-auth.yml says, and the identity pool gives the role
    Cognito,
}

impl Source {
    fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Oidc => "oidc",
            Self::Chain => "chain",
            Self::Cognito => "cognito",
        }
    }
}

impl From<Source> for SourceChoice {
    fn from(source: Source) -> Self {
        match source {
            Source::Auto => Self::Auto,
            Source::Oidc => Self::Oidc,
            Source::Chain => Self::Chain,
            Source::Cognito => Self::Cognito,
        }
    }
}

fn tag(text: &str) -> Result<(String, String), &'static str> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl IdentityArgs {
    /// Whether they say anything of an identity. The region alone doesn't: it also completes the names of registries.
    pub fn is_given(&self) -> bool {
        let without_region = Self {
            region: None,
            ..self.clone()
        };
        without_region != Self::default()
    }

    /// Whether they name an identity, and with that take the place of whatever a rule says of one.
    pub fn names_one(&self) -> bool {
        self.profile.is_some() || self.role_arn.is_some() || self.source == Some(Source::Cognito)
    }

    /// Whether they say where the CI's token is.
    pub fn names_token(&self) -> bool {
        self.token().is_some()
    }

    /// What they say of roles, and what `base`, a rule's, says where they say nothing. With an identity of their own nothing of
    /// the rule's is taken.
    ///
    /// # Errors
    /// A profile and a role, or Cognito; a file of a policy that can't be read.
    pub fn settings(&self, base: &RoleSettings) -> Result<RoleSettings> {
        if self.profile.is_some() && self.role_arn.is_some() {
            return Err(
                Error::usage(Code::Options, "--profile, --role-arn", "a profile is used alone")
                    .hint("give the profile a role_arn of its own in AWS's config file, or leave one of them out"),
            );
        }
        if self.profile.is_some() && self.source == Some(Source::Cognito) {
            return Err(
                Error::usage(Code::Options, "--profile, --source cognito", "a profile is used alone")
                    .hint("leave one of them out"),
            );
        }
        let base = match self.names_one() {
            true => RoleSettings {
                cognito: base.cognito.clone(),
                ..RoleSettings::default()
            },
            false => base.clone(),
        };
        let policy = self
            .policy
            .as_deref()
            .map(|policy| policy_text(policy, |file| PathBuf::from(file)));
        let or = |given: &[String], base: Vec<String>| if given.is_empty() { base } else { given.to_vec() };
        Ok(RoleSettings {
            role_arn: self.role_arn.clone().or(base.role_arn),
            chain: or(&self.chain, base.chain),
            audience: self.audience.clone().or(base.audience),
            session_name: self.session_name.clone().or(base.session_name),
            duration: self.duration.or(base.duration),
            external_id: self.external_id.clone().or(base.external_id),
            policy: policy.transpose()?.or(base.policy),
            policy_arns: or(&self.policy_arn, base.policy_arns),
            tags: if self.tag.is_empty() {
                base.tags
            } else {
                self.tag.clone()
            },
            transitive_tags: or(&self.transitive_tag, base.transitive_tags),
            token: self.token().or(base.token),
            source: self.source.map_or(base.source, SourceChoice::from),
            region: self.region.clone().or(base.region),
            cognito: base.cognito,
        })
    }

    /// Whose credentials: what the flags say, and what `rule` says where they leave it open.
    ///
    /// # Errors
    /// As [`IdentityArgs::settings`].
    pub fn identity(&self, rule: &IdentitySettings) -> Result<IdentitySettings> {
        let of_rule = rule.profile.clone().filter(|_| !self.names_one());
        Ok(IdentitySettings {
            profile: self.profile.clone().or(of_rule),
            role: self.settings(&rule.role)?,
        })
    }

    fn token(&self) -> Option<TokenPlace> {
        let file = self.token_file.clone().map(TokenPlace::File);
        let variable = || self.token_env.clone().map(TokenPlace::Variable);
        let command = || self.token_command.clone().map(TokenPlace::Command);
        file.or_else(variable).or_else(command)
    }

    /// The same flags as a command line of a later run has them, in another folder: paths are absolute.
    ///
    /// # Errors
    /// A path that can't be made absolute.
    pub fn to_args(&self) -> Result<Vec<String>> {
        let mut args = Vec::new();
        let mut flag = |name: &str, value: &str| args.extend([format!("--{name}"), value.to_owned()]);
        let one = |name: &'static str, value: &Option<String>| value.clone().map(|value| (name, value));
        let all = |name: &'static str, values: &[String]| {
            let values = values.iter().cloned();
            values.map(move |value| (name, value)).collect::<Vec<_>>()
        };
        let token_command = self.token_command.as_ref().map(|command| command.line().to_owned());
        let tags = self.tag.iter().map(|(key, value)| ("tag", format!("{key}={value}")));
        let flags = one("role-arn", &self.role_arn)
            .into_iter()
            .chain(all("chain", &self.chain))
            .chain(one("audience", &self.audience))
            .chain(one("session-name", &self.session_name))
            .chain(self.duration.map(|seconds| ("duration", seconds.to_string())))
            .chain(one("external-id", &self.external_id))
            .chain(self.absolute_policy()?.map(|policy| ("policy", policy)))
            .chain(all("policy-arn", &self.policy_arn))
            .chain(tags)
            .chain(all("transitive-tag", &self.transitive_tag))
            .chain(one("region", &self.region))
            .chain(self.absolute_token_file()?.map(|file| ("token-file", file)))
            .chain(one("token-env", &self.token_env))
            .chain(one("token-command", &token_command))
            .chain(self.source.map(|source| ("source", source.name().to_owned())));
        for (name, value) in flags {
            flag(name, &value);
        }
        Ok(args)
    }

    /// The same as the keys of a rule in the configuration. The region is left to the registry's name, which holds it.
    ///
    /// # Errors
    /// A token's command, which no file may hold; a path that can't be made absolute.
    pub fn to_keys(&self) -> Result<Vec<(&'static str, Value)>> {
        if self.token_command.is_some() {
            return Err(Error::usage(
                Code::Options,
                "--token-command",
                "the configuration file holds no commands: a file may come from elsewhere",
            )
            .hint(
                "let the job put the token into a variable or a file, and name that with --token-env or --token-file",
            ));
        }
        let one = |name, value: &Option<String>| value.clone().map(|value| (name, Value::Text(value)));
        let all = |name, values: &[String]| {
            let values = (!values.is_empty()).then(|| values.to_vec());
            values.map(|values| (name, Value::List(values)))
        };
        let tags = (!self.tag.is_empty()).then(|| ("tag", Value::Map(self.tag.clone())));
        let source = self
            .source
            .map(|source| ("source", Value::Text(source.name().to_owned())));
        let keys = [
            one("profile", &self.profile),
            one("role-arn", &self.role_arn),
            all("chain", &self.chain),
            one("audience", &self.audience),
            one("session-name", &self.session_name),
            self.duration.map(|seconds| ("duration", Value::Number(seconds))),
            one("external-id", &self.external_id),
            one("policy", &self.absolute_policy()?),
            all("policy-arn", &self.policy_arn),
            tags,
            all("transitive-tag", &self.transitive_tag),
            one("token-file", &self.absolute_token_file()?),
            one("token-env", &self.token_env),
            source,
        ];
        Ok(keys.into_iter().flatten().collect())
    }

    fn absolute_policy(&self) -> Result<Option<String>> {
        let Some(policy) = &self.policy else { return Ok(None) };
        match policy.strip_prefix('@') {
            Some(file) => Ok(Some(format!("@{}", absolute(file.as_ref())?))),
            None => Ok(Some(policy.clone())),
        }
    }

    fn absolute_token_file(&self) -> Result<Option<String>> {
        self.token_file.as_deref().map(absolute).transpose()
    }
}

/// The arguments of `ecr-auth assume` as a `credential_process`, with these flags and the choice that they mean now: whoever runs it
/// later may have other variables, and one of them may name the profile itself.
///
/// # Errors
/// A path that can't be made absolute.
pub fn credential_process(identity: &IdentityArgs, path: &SessionPath) -> Result<Vec<String>> {
    let source = match path.identity().role().map(|role| &role.base) {
        Some(RoleBase::Token(_)) | None => Source::Oidc,
        Some(RoleBase::Source(_)) => Source::Chain,
    };
    let identity = IdentityArgs {
        source: Some(source),
        ..identity.clone()
    };
    let mut line = vec!["assume".to_owned()];
    line.extend(identity.to_args()?);
    Ok(line)
}

fn absolute(path: &std::path::Path) -> Result<String> {
    let absolute = std::path::absolute(path);
    let absolute =
        absolute.map_err(|error| Error::failed(Code::NotReadable, format!("cannot find {}", path.display()), error))?;
    let text = absolute.into_os_string().into_string();
    text.map_err(|path| Error::usage(Code::NotReadable, path.to_string_lossy(), "this path is not Unicode"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        identity: IdentityArgs,
    }

    fn parse(args: &[&str]) -> Result<IdentityArgs, clap::Error> {
        let args = std::iter::once("ecr-auth").chain(args.iter().copied());
        Line::try_parse_from(args).map(|line| line.identity)
    }

    const ALL: &str = "--role-arn r --chain a --chain b --audience c --session-name d --duration 900 --external-id e --policy {} \
        --policy-arn f --tag g=h=i --transitive-tag g --region eu-west-1 --token-env J --source oidc";

    #[test]
    fn what_is_written_into_a_command_line_is_read_back() {
        let args: Vec<&str> = ALL.split_whitespace().collect();
        let parsed = parse(&args).unwrap();
        assert_eq!(parsed.to_args().unwrap(), args);
        assert_eq!(parsed.tag, [("g".to_owned(), "h=i".to_owned())]);
        let files = parse(&["--policy", "@p.json", "--token-file", "t"])
            .unwrap()
            .to_args()
            .unwrap();
        let folder = std::env::current_dir().unwrap();
        let at = |name: &str| folder.join(name).display().to_string();
        assert_eq!(
            files,
            ["--policy", &format!("@{}", at("p.json")), "--token-file", &at("t")]
        );
    }

    #[test]
    fn flags_take_the_place_of_a_rules_keys_or_of_all_of_it() {
        let rule = RoleSettings {
            role_arn: Some("rule".into()),
            chain: vec!["next".into()],
            duration: Some(1000),
            ..RoleSettings::default()
        };
        let shorter = parse(&["--duration", "900"]).unwrap().settings(&rule).unwrap();
        assert_eq!((shorter.duration, &shorter.chain), (Some(900), &rule.chain));
        let own = parse(&["--role-arn", "own"]).unwrap().settings(&rule).unwrap();
        assert_eq!(
            (own.role_arn.as_deref(), own.chain.len(), own.duration),
            (Some("own"), 0, None)
        );
    }

    #[test]
    fn one_profile_or_one_role_and_one_token() {
        let both = parse(&["--profile", "a", "--role-arn", "b"]).unwrap();
        assert_eq!(both.settings(&RoleSettings::default()).unwrap_err().exit().code(), 2);
        for only_a_roles in [
            ["--chain", "b"],
            ["--policy", "{}"],
            ["--policy-arn", "p"],
            ["--source", "oidc"],
        ] {
            let args = [&["--profile", "a"], &only_a_roles[..]].concat();
            let settings = parse(&args).unwrap().identity(&IdentitySettings::default()).unwrap();
            assert_eq!(settings.choice(None).unwrap_err().exit().code(), 2, "{only_a_roles:?}");
        }
        assert!(parse(&["--token-env", "A", "--token-file", "b"]).is_err());
        assert!(parse(&["--tag", "a"]).is_err());
        assert!(!parse(&["--region", "eu-west-1"]).unwrap().is_given());
        assert!(parse(&["--source", "chain"]).unwrap().is_given());
    }
}
