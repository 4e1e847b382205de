//! The flags for AWS credentials, which several commands share.

use std::path::Path;

use clap::builder::{
    PathBufValueParser, PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser, ValueParser,
};
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Args, Command, FromArgMatches, ValueHint, value_parser};

use aws_access::identity::{IdentityScope, RoleBase};
use aws_access::{Identity, SessionPath};
use configuration::{Config, SetupRule};
use diagnostics::{Code, Error, Result};
use ecr_registry::parse_region;
use settings::table::{POLICY, PROFILE, REGION, ROLE_ARN, SOURCE, TABLE, TOKEN_COMMAND, TOKEN_ENV, TOKEN_FILE};
use settings::{IdentitySettings, RoleSettings, Setting, SettingGroup, SettingValues, SurfaceValue, ValueKind};

const HEADING: &str = "Whose AWS credentials";

/// Whose AWS credentials: a flag for each setting of the table, and the values that they were given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdentityArgs(pub SettingValues<RoleSettings>);

impl Args for IdentityArgs {
    fn augment_args(command: Command) -> Command {
        // The token comes from one place.
        let tokens = [&TOKEN_FILE, &TOKEN_ENV, &TOKEN_COMMAND].map(|setting| setting.name);
        let is_setup = command.get_name() == "setup";
        let flags = TABLE.iter().map(|setting| {
            let flag = flag(setting).help_heading(HEADING);
            match setting.kind {
                // `cognito setup` and `cognito import` write such rules. `setup` takes the word, but does not show it.
                ValueKind::OneOf(words) if is_setup => flag.value_parser(one_of(words, "cognito")),
                _ => flag,
            }
        });
        command.args(flags).group(ArgGroup::new("token").args(tokens))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for IdentityArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(values(matches)))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Returns the flag of a setting.
pub fn flag<S>(setting: &'static Setting<S>) -> Arg {
    let flag = Arg::new(setting.name);
    let flag = match setting.kind {
        ValueKind::List(_) | ValueKind::Tags(..) => flag.action(ArgAction::Append),
        ValueKind::Switch(words) => {
            let default = words.first().map(|(word, _)| word);
            flag.num_args(0..=1)
                .require_equals(true)
                .default_missing_values(default)
        }
        ValueKind::File => flag.value_hint(ValueHint::AnyPath),
        _ => flag,
    };
    flag.long(setting.name)
        .value_name(setting.value_name)
        .help(setting.flag_help())
        .hide_short_help(!setting.is_common)
        .value_parser(parser(setting.kind))
}

fn parser(kind: ValueKind) -> ValueParser {
    match kind {
        ValueKind::File => PathBufValueParser::new().map(SurfaceValue::File).into(),
        ValueKind::Number(..) => value_parser!(u32).map(SurfaceValue::Number).into(),
        ValueKind::Port(_) => value_parser!(u32).range(1..=65535).map(SurfaceValue::Number).into(),
        ValueKind::OneOf(words) | ValueKind::Switch(words) => one_of(words, ""),
        _ => {
            let read = move |word: String| kind.read(&word).ok_or("write it as KEY=VALUE");
            StringValueParser::new().try_map(read).into()
        }
    }
}

/// Returns the parser of one of these words, each with what it means. Help leaves out the word `hidden`.
fn one_of(words: &[(&'static str, &'static str)], hidden: &str) -> ValueParser {
    let words = words.iter();
    let words = words.map(|(word, help)| PossibleValue::new(*word).help(*help).hide(*word == hidden));
    PossibleValuesParser::new(words).map(SurfaceValue::Text).into()
}

/// Returns the values of a table's settings on the command line. A command need not have a flag for each.
pub fn values<S: SettingGroup>(matches: &ArgMatches) -> SettingValues<S> {
    let value = |name| {
        matches
            .try_get_many::<SurfaceValue>(name)
            .ok()??
            .cloned()
            .reduce(SurfaceValue::and)
    };
    let table = S::TABLE.iter().copied();
    table
        .filter_map(|setting| Some((setting, value(setting.name)?)))
        .collect()
}

impl IdentityArgs {
    /// Whether the flags name or change an identity. The region alone does not, because it also completes the names of registries.
    pub fn is_given(&self) -> bool {
        self.0.iter().any(|(setting, _)| *setting != REGION)
    }

    /// Whether the flags name an identity, which replaces a rule's.
    pub fn names_one(&self) -> bool {
        self.0.has(&PROFILE) || self.0.has(&ROLE_ARN) || self.source() == Some("cognito")
    }

    /// Whether the flags say where the CI's token is.
    pub fn names_token(&self) -> bool {
        [&TOKEN_FILE, &TOKEN_ENV, &TOKEN_COMMAND]
            .iter()
            .any(|setting| self.0.has(setting))
    }

    /// Returns the profile of AWS's shared files.
    pub fn profile(&self) -> Option<&str> {
        self.0.text(&PROFILE)
    }

    /// Returns the profile of the flags. If they name no identity, returns that of the configuration's defaults.
    pub fn profile_or_default<'a>(&'a self, config: &'a Config) -> Option<&'a str> {
        match self.names_one() {
            true => self.profile(),
            false => config.default_profile(),
        }
    }

    /// Returns the settings of the caller's own identity: those of the flags, and the default profile if they name no identity.
    ///
    /// # Errors
    /// The errors of [`IdentityArgs::settings`].
    pub fn own_identity(&self, config: &Config) -> Result<IdentitySettings> {
        self.identity(&config.own_identity())
    }

    /// Returns the first role.
    pub fn role_arn(&self) -> Option<&str> {
        self.0.text(&ROLE_ARN)
    }

    /// Returns the region.
    pub fn region(&self) -> Option<&str> {
        self.0.text(&REGION)
    }

    /// Returns what assumes the role.
    pub fn source(&self) -> Option<&str> {
        self.0.text(&SOURCE)
    }

    /// Returns the flags' role settings, completed by those of a rule, `base`. If the flags name an identity, `base` is not used.
    ///
    /// # Errors
    /// The flags combine a profile with a role or Cognito, or the file of a policy cannot be read.
    pub fn settings(&self, base: &RoleSettings) -> Result<RoleSettings> {
        self.check()?;
        let base = match self.names_one() {
            true => RoleSettings {
                cognito: base.cognito.clone(),
                ..RoleSettings::default()
            },
            false => base.clone(),
        };
        self.0.clone().over(base, Path::new(""))
    }

    /// Returns the flags' identity settings, completed by those of a rule.
    ///
    /// # Errors
    /// The errors of [`IdentityArgs::settings`].
    pub fn identity(&self, rule: &IdentitySettings) -> Result<IdentitySettings> {
        let of_rule = rule.profile.clone().filter(|_| !self.names_one());
        Ok(IdentitySettings {
            profile: self.profile().map(str::to_owned).or(of_rule),
            role: self.settings(&rule.role)?,
        })
    }

    /// Checks what is known of the flags without a registry.
    ///
    /// # Errors
    /// A flag's value is empty, the region is none, or a profile is combined with a role or Cognito.
    pub fn check(&self) -> Result<()> {
        let is_blank = |value: &SurfaceValue| value.as_text().is_some_and(|text| text.trim().is_empty());
        if let Some((setting, _)) = self.0.iter().find(|(_, value)| is_blank(value)) {
            return Err(Error::usage(Code::Options, setting, "it is empty").hint("give it a value, or leave it out"));
        }
        if let Some(region) = self.region() {
            parse_region(region)?;
        }
        let alone = |what: String| Error::usage(Code::Options, what, "a profile is used alone");
        match self.0.has(&PROFILE) {
            true if self.0.has(&ROLE_ARN) => Err(alone(format!("{PROFILE}, {ROLE_ARN}"))
                .hint("give the profile a role_arn of its own in AWS's config file, or leave one of them out")),
            true if self.source() == Some("cognito") => {
                Err(alone(format!("{PROFILE}, {}", SOURCE.with("cognito"))).hint("leave one of them out"))
            }
            _ => Ok(()),
        }
    }

    /// Returns the rule of `setup.json` that gives a registry these credentials.
    ///
    /// # Errors
    /// Usage errors for settings that STS would refuse, or a path cannot be made absolute.
    pub fn rule(&self, host: &str, config: &Config) -> Result<SetupRule> {
        let mut keys = self.0.to_json()?;
        let target = config.target(host);
        if let Some(target) = &target {
            let settings = self.identity(&IdentitySettings::default())?;
            Identity::check(&settings, &IdentityScope::from(target.registry()))?;
        }
        // The region is where STS is called for a role. A region that completes the registry's name is in that name already.
        let of_registry = target.is_none_or(|target| self.region() == Some(target.registry().region()));
        if of_registry || !self.0.has(&ROLE_ARN) {
            keys.remove(REGION.name);
        }
        Ok(SetupRule {
            host: host.to_owned(),
            registry: None,
            keys,
        })
    }
}

/// Returns the arguments of `ecr-auth assume` for a `credential_process` with these flags. The current choice of the identity is written out,
/// because a later caller may have other variables, one of which may name the profile itself. A policy becomes one line, because a `credential_process`
/// is one line.
///
/// # Errors
/// A path cannot be made absolute.
pub fn credential_process(identity: &IdentityArgs, path: &SessionPath) -> Result<Vec<String>> {
    let source = match path.identity().role().map(|role| &role.base) {
        Some(RoleBase::Token(_)) | None => "oidc",
        Some(RoleBase::Source(_)) => "chain",
    };
    let mut values = identity.0.clone();
    if let Some(policy) = values.text(&POLICY).filter(|policy| !policy.starts_with('@')) {
        let policy = SurfaceValue::Text(without_blanks(policy));
        values.set(&POLICY, policy);
    }
    values.set(&SOURCE, SurfaceValue::Text(source.to_owned()));
    values.remove(&[&PROFILE]);
    let mut line = vec!["assume".to_owned()];
    line.extend(values.to_args()?);
    Ok(line)
}

/// Returns JSON without the blanks and line ends between its parts. Everything else stays as it is, such as the order of keys. A line end within a
/// text is always written as an escape.
fn without_blanks(json: &str) -> String {
    let (mut is_in_text, mut is_escaped) = (false, false);
    let is_kept = |c: &char| {
        let was_in_text = is_in_text;
        match (*c, is_in_text, is_escaped) {
            ('"', _, false) => is_in_text = !is_in_text,
            ('\\', true, false) => is_escaped = true,
            _ => is_escaped = false,
        }
        was_in_text || !c.is_ascii_whitespace()
    };
    json.chars().filter(is_kept).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct IdentityLine {
        #[command(flatten)]
        identity: IdentityArgs,
    }

    fn parse(args: &[&str]) -> Result<IdentityArgs, clap::Error> {
        let args = std::iter::once("ecr-auth").chain(args.iter().copied());
        IdentityLine::try_parse_from(args).map(|line| line.identity)
    }

    const ALL: &str = "--role-arn r --chain a --chain b --audience c --session-name d --duration 900 --external-id e --policy {} \
        --policy-arn f --tag g=h=i --transitive-tag g --region eu-west-1 --token-env J --source oidc";

    #[test]
    fn what_is_written_into_a_command_line_is_read_back() {
        let args: Vec<&str> = ALL.split_whitespace().collect();
        let parsed = parse(&args).unwrap();
        assert_eq!(parsed.0.to_args().unwrap(), args);
        let hyphen = ["--external-id=-x"];
        assert_eq!(parse(&hyphen).unwrap().0.to_args().unwrap(), hyphen);
        let tags = SurfaceValue::Tags(vec![("g".to_owned(), "h=i".to_owned())]);
        assert_eq!(parsed.0.get(&settings::table::TAG), Some(&tags));
        let files = parse(&["--policy", "@p.json", "--token-file", "t"])
            .unwrap()
            .0
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
    fn only_blanks_between_the_parts_of_json_are_removed() {
        let json = "\r\n{ \"b\" :\t[1.50, 1e3],\n \"a \\\" \\\\\": \" \\n\\\\\" , \"ä\": true\n}\n";
        let expected = r#"{"b":[1.50,1e3],"a \" \\":" \n\\","ä":true}"#;
        assert_eq!(without_blanks(json), expected);
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(json), value(expected));
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
