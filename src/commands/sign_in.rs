//! The flags for a user's sign-in to Cognito.

use std::ops::Deref;
use std::path::Path;

use clap::builder::{StringValueParser, TypedValueParser};
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::identity::{flag, values};
use context::Env;
use diagnostics::{Code, Error, Result};
use settings::cognito::table::{
    BROWSER, CLIENT_ID, CLIENT_SECRET_FILE, CognitoSetting, DOMAIN, FLOW, IDENTITY_POOL_ID, PROVIDER, USER_POOL_ID,
    USERNAME,
};
use settings::{CognitoSettings, SettingGroup, SettingValues, SurfaceValue, cognito_key, or_variable};

const HEADING: &str = "How a user signs in to Cognito";

/// The values that a command's flags give to settings of the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignInValues(SettingValues<CognitoSettings>);

/// Flags for one group of settings. The values are those of all of the command's flags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CognitoFlags<const GROUP: u8>(SignInValues);

const SIGN_IN: u8 = 0;
const ROLE: u8 = 1;
const CHANGE: u8 = 2;
const FORGOT: u8 = 3;

/// How a user signs in to Cognito. A command that has these flags also has [`PoolRoleArgs`].
pub type SignInArgs = CognitoFlags<SIGN_IN>;
/// The role to ask for.
pub type PoolRoleArgs = CognitoFlags<ROLE>;
/// Whose password is changed, and how the user signs in for that.
pub type ChangeUserArgs = CognitoFlags<CHANGE>;
/// Whose password was forgotten.
pub type ForgotUserArgs = CognitoFlags<FORGOT>;

impl<const GROUP: u8> CognitoFlags<GROUP> {
    /// Whether a setting has a flag in this group.
    pub fn has(setting: &CognitoSetting) -> bool {
        is_in(GROUP, setting)
    }
}

impl<const GROUP: u8> Deref for CognitoFlags<GROUP> {
    type Target = SignInValues;

    fn deref(&self) -> &SignInValues {
        &self.0
    }
}

fn is_in(group: u8, setting: &CognitoSetting) -> bool {
    match group {
        SIGN_IN | ROLE => setting.is_of_role == (group == ROLE),
        CHANGE if *setting == FLOW => true,
        _ => [&USER_POOL_ID, &CLIENT_ID, &USERNAME, &CLIENT_SECRET_FILE].contains(&setting),
    }
}

/// Whether a flag is taken and not used: the identity pool has no passwords, but scripts pass its id with the others.
fn is_passed_along(group: u8, setting: &CognitoSetting) -> bool {
    !matches!(group, SIGN_IN | ROLE) && *setting == IDENTITY_POOL_ID
}

fn with_flags(command: Command, group: u8) -> Command {
    let is_taken = |setting: &&&'static CognitoSetting| is_in(group, setting) || is_passed_along(group, setting);
    let table = CognitoSettings::TABLE.iter().filter(is_taken);
    let mut flags: Vec<_> = table
        .map(|setting| own(flag(setting)).hide(is_passed_along(group, setting)))
        .collect();
    // `--help` has the browser before its domain.
    if let Some(domain) = flags.iter().position(|it| it.get_id() == DOMAIN.name) {
        flags.swap(domain, domain + 1);
    }
    match group {
        ROLE => command.args(flags),
        _ => command.next_help_heading(HEADING).args(flags),
    }
}

impl<const GROUP: u8> Args for CognitoFlags<GROUP> {
    fn augment_args(command: Command) -> Command {
        with_flags(command, GROUP)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const GROUP: u8> FromArgMatches for CognitoFlags<GROUP> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(SignInValues(values(matches))))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Returns a flag with what only it has.
fn own(flag: Arg) -> Arg {
    match flag.get_id() {
        id if id == BROWSER.name => flag.conflicts_with(FLOW.name),
        id if id == DOMAIN.name => flag.value_parser(StringValueParser::new().map(|text| domain(&text))),
        _ => flag,
    }
}

/// Returns the host of an address, which is always called by https.
fn domain(text: &str) -> SurfaceValue {
    let host = text.strip_prefix("https://").unwrap_or(text);
    let host = host.strip_suffix('/').unwrap_or(host);
    SurfaceValue::Text(host.to_ascii_lowercase())
}

impl SignInValues {
    /// Returns when a browser is opened, if a flag says so: `always` or at a `terminal`.
    pub fn browser(&self) -> Option<&str> {
        self.0.text(&BROWSER)
    }

    /// Returns the checked settings, see [`SignInValues::over`].
    ///
    /// # Errors
    /// Usage errors: an id is invalid, a setting is missing, settings exclude each other, or a policy cannot be read.
    pub fn settings(&self, block: Option<&CognitoSettings>) -> Result<CognitoSettings> {
        let settings = self.over(block)?;
        check_is_configured(&settings)?;
        if settings.identity_pool_id.is_empty() {
            return Err(Error::usage(Code::CognitoSettings, "identity-pool-id", "it is missing").hint(
                "give --identity-pool-id, --user-pool-id and --client-id, or write them under \"cognito\" in ecr-auth.yml",
            ));
        }
        settings.check()?;
        Ok(settings)
    }

    /// Returns the settings of the flags. If they name no pool and no provider, `cognito:` in ecr-auth.yml completes them. Paths are absolute.
    ///
    /// # Errors
    /// A policy cannot be read, or the current folder no longer exists.
    pub fn over(&self, block: Option<&CognitoSettings>) -> Result<CognitoSettings> {
        let mut base = self.completing(block).cloned().unwrap_or_default();
        // Another flow that is named replaces the browser.
        base.browser &= !self.0.has(&FLOW);
        self.0.clone().with_absolute_files()?.over(base, Path::new(""))
    }

    /// Returns the block, if it completes these flags: they name no pool and no provider.
    fn completing<'a>(&self, block: Option<&'a CognitoSettings>) -> Option<&'a CognitoSettings> {
        let pools = [&USER_POOL_ID, &IDENTITY_POOL_ID, &PROVIDER];
        block.filter(|_| !pools.iter().any(|it| self.0.has(it)))
    }

    /// Returns the error with the names that the settings have where they were given: by a flag, in `cognito:` of a file or by a variable. A setting
    /// that was given nowhere is a flag, if the command has it.
    pub fn tell(
        &self,
        error: Error,
        block: Option<&CognitoSettings>,
        has_flag: impl Fn(&CognitoSetting) -> bool,
        env: &Env,
    ) -> Error {
        let block = self.completing(block);
        error.named(&|mention| {
            let Some(setting) = SettingValues::setting(mention.setting) else {
                return mention.to_string();
            };
            let is_in_file = block.is_some_and(|block| setting.is_said(block)) || !has_flag(setting);
            match setting.variable {
                _ if self.0.has(setting) => settings::flag(mention),
                _ if is_in_file => cognito_key(mention),
                Some(variable) if env.get(variable).is_some() => variable.to_owned(),
                _ => or_variable(setting, settings::flag(mention)),
            }
        })
    }
}

/// Returns the settings that have a flag as arguments of a later `ecr-auth cognito`, in another folder.
///
/// # Errors
/// A path is not Unicode.
pub fn command_line(settings: &CognitoSettings, has_flag: impl Fn(&CognitoSetting) -> bool) -> Result<Vec<String>> {
    let mut values = settings.values();
    values.retain(has_flag);
    let mut line = vec!["cognito".to_owned()];
    line.extend(values.to_args()?);
    Ok(line)
}

/// Checks that flags or files say where to sign in.
///
/// # Errors
/// Nothing says it.
pub fn check_is_configured(settings: &CognitoSettings) -> Result<()> {
    let said = [&settings.user_pool_id, &settings.client_id, &settings.provider];
    let is_said = said.iter().any(|id| id.is_some()) || !settings.identity_pool_id.is_empty();
    if is_said || settings.id_token_file.is_some() {
        return Ok(());
    }
    let cause = "ecr-auth cognito import FILE";
    Err(
        Error::usage(Code::CognitoSettings, "No Cognito sign-in is configured", cause)
            .hint("import the file that you were sent, or give --user-pool-id, --client-id and --identity-pool-id"),
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use settings::Flow;

    #[derive(Parser)]
    struct SignInLine {
        #[command(flatten)]
        sign_in: SignInArgs,
        #[command(flatten)]
        role: PoolRoleArgs,
    }

    fn settings(args: &[&str], block: Option<&CognitoSettings>) -> Result<CognitoSettings> {
        let line = SignInLine::try_parse_from(std::iter::once(&"ecr-auth").chain(args)).unwrap();
        line.sign_in.settings(block)
    }

    const IDS: [&str; 6] = [
        "--user-pool-id",
        "eu-west-1_AbC",
        "--client-id",
        "abc",
        "--identity-pool-id",
        "eu-west-1:12345678-abcd-1234-abcd-123456789012",
    ];

    #[test]
    fn what_is_written_into_a_command_line_is_read_back() {
        let more = [
            "--username=-zoë",
            "--client-secret-file",
            "/s e",
            "--domain",
            "login.example.com",
            "--callback-port",
            "8720",
            "--flow",
            "user-password",
            "--identity-flow",
            "classic",
            "--role-arn",
            "arn:aws:iam::111122223333:role/pull",
            "--duration",
            "900",
            "--policy",
            "{}",
        ];
        let all = [&IDS[..], &more].concat();
        let parsed = settings(&all, None).unwrap();
        let line = command_line(&parsed, |_| true).unwrap();
        assert_eq!(line, [&["cognito"], &all[..]].concat());
        let words: Vec<&str> = line.iter().skip(1).map(String::as_str).collect();
        assert_eq!(settings(&words, None).unwrap(), parsed);
        let browser = settings(
            &[&IDS[..], &["--browser", "--domain", "https://Login.example.com/"]].concat(),
            None,
        )
        .unwrap();
        let line = command_line(&browser, |_| true).unwrap();
        assert_eq!(line[7..], ["--domain", "login.example.com", "--browser=terminal"]);
    }

    #[test]
    fn pools_are_one_whole() {
        let block = settings(
            &[&IDS[..], &["--username", "zoe", "--flow", "user-password"]].concat(),
            None,
        )
        .unwrap();
        let other = settings(&["--username", "max"], Some(&block)).unwrap();
        assert_eq!(
            (other.username.as_deref(), other.flow),
            (Some("max"), Flow::UserPassword)
        );
        assert_eq!(other.user_pool_id, block.user_pool_id);
        let other = settings(&["--client-id", "other"], Some(&block)).unwrap();
        assert_eq!(other.user_pool_id, block.user_pool_id);
        let other = settings(&IDS, Some(&block)).unwrap();
        assert_eq!((other.username, other.flow), (None, Flow::Srp));
        let error = settings(&IDS[..4], Some(&block)).unwrap_err();
        assert_eq!((error.exit().code(), error.what()), (2, "identity-pool-id"));
    }
}
