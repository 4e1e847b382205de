//! The flags for a user's sign-in to Cognito.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::Value;

use diagnostics::{Code, Error, Result};
use settings::{CognitoSettings, Flow, IdentityFlow, absolute_path, policy_text};

/// How a user signs in to Cognito
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "How a user signs in to Cognito")]
pub struct SignInArgs {
    /// User pool, such as eu-west-1_AbCdEfGhI
    #[arg(long, value_name = "ID")]
    pub user_pool_id: Option<String>,
    /// App client of the user pool
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// Identity pool, such as eu-west-1:12345678-abcd-1234-abcd-123456789012
    #[arg(long, value_name = "ID")]
    pub identity_pool_id: Option<String>,
    /// Name of the user who signs in
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,
    /// File that holds the app client's secret, where it has one [env: ECR_AUTH_COGNITO_CLIENT_SECRET]
    #[arg(long, value_name = "FILE")]
    pub client_secret_file: Option<PathBuf>,
    /// Sign in at the user pool's managed login, in the browser: with a company's own sign-in, Google, a passkey
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "always",
        conflicts_with = "flow"
    )]
    pub browser: Option<BrowserArg>,
    /// Host of the managed login, such as login.example.com
    #[arg(long, value_name = "HOST", value_parser = domain)]
    pub domain: Option<String>,
    /// Port of this machine that the managed login sends the browser back to [default: 8719]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub callback_port: Option<u16>,
    /// How the user signs in without a browser [default: srp, which never sends the password]
    #[arg(long, value_enum)]
    pub flow: Option<FlowArg>,
    /// Whether the pool chooses the role, or --role-arn names it and STS is asked [default: enhanced]
    #[arg(long, value_enum)]
    pub identity_flow: Option<IdentityFlowArg>,
    /// Another identity provider in place of the user pool, by the identity pool's key for it
    #[arg(long, value_name = "KEY")]
    pub provider: Option<String>,
    /// File that holds that provider's token
    #[arg(long, value_name = "FILE")]
    pub id_token_file: Option<PathBuf>,
}

/// How the user shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FlowArg {
    /// By a password that never leaves this machine
    Srp,
    /// By a password that is sent
    UserPassword,
    /// By a code that comes by e-mail, or by SMS
    EmailOtp,
}

/// When a browser is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BrowserArg {
    /// Whenever somebody has to sign in
    Always,
    /// Only at a terminal
    Terminal,
}

/// Returns the host of an address, which is always called by https.
fn domain(text: &str) -> Result<String, &'static str> {
    let host = text.strip_prefix("https://").unwrap_or(text);
    let host = host.strip_suffix('/').unwrap_or(host);
    Ok(host.to_ascii_lowercase())
}

/// Who chooses the role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IdentityFlowArg {
    /// The identity pool, for an hour
    Enhanced,
    /// --role-arn, with --duration and --policy
    Classic,
}

impl From<FlowArg> for Flow {
    fn from(flow: FlowArg) -> Self {
        match flow {
            FlowArg::Srp => Self::Srp,
            FlowArg::UserPassword => Self::UserPassword,
            FlowArg::EmailOtp => Self::EmailOtp,
        }
    }
}

impl From<IdentityFlowArg> for IdentityFlow {
    fn from(flow: IdentityFlowArg) -> Self {
        match flow {
            IdentityFlowArg::Enhanced => Self::Enhanced,
            IdentityFlowArg::Classic => Self::Classic,
        }
    }
}

/// The role settings beside the sign-in.
#[derive(Debug, Clone, Copy, Default)]
pub struct PoolRole<'a> {
    /// `--role-arn`.
    pub role_arn: Option<&'a str>,
    /// `--duration`, in seconds.
    pub duration: Option<u32>,
    /// `--policy`: JSON, or `@FILE`.
    pub policy: Option<&'a str>,
}

impl SignInArgs {
    /// Whether any of them is given.
    pub fn is_given(&self) -> bool {
        *self != Self::default()
    }

    /// Returns the checked settings, see [`SignInArgs::over`].
    ///
    /// # Errors
    /// Usage errors: an id is invalid, a setting is missing, settings exclude each other, or a policy cannot be read.
    pub fn settings(&self, role: PoolRole<'_>, block: Option<&CognitoSettings>) -> Result<CognitoSettings> {
        let settings = self.over(role, block)?;
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
    pub fn over(&self, role: PoolRole<'_>, block: Option<&CognitoSettings>) -> Result<CognitoSettings> {
        let names = [&self.user_pool_id, &self.identity_pool_id, &self.provider];
        let base = match names.into_iter().any(Option::is_some) {
            true => CognitoSettings::default(),
            false => block.cloned().unwrap_or_default(),
        };
        let policy = role
            .policy
            .map(|policy| policy_text(policy, |file| PathBuf::from(file)));
        let file = |path: &Option<PathBuf>| path.as_deref().map(absolute_path).transpose();
        Ok(CognitoSettings {
            user_pool_id: self.user_pool_id.clone().or(base.user_pool_id),
            client_id: self.client_id.clone().or(base.client_id),
            identity_pool_id: self.identity_pool_id.clone().unwrap_or(base.identity_pool_id),
            username: self.username.clone().or(base.username),
            client_secret_file: file(&self.client_secret_file)?.or(base.client_secret_file),
            domain: self.domain.clone().or(base.domain),
            // Another flow that is named replaces the browser.
            browser: self.browser.is_some() || (base.browser && self.flow.is_none()),
            callback_port: self.callback_port.or(base.callback_port),
            flow: self.flow.map_or(base.flow, Flow::from),
            identity_flow: self.identity_flow.map_or(base.identity_flow, IdentityFlow::from),
            role_arn: role.role_arn.map(str::to_owned).or(base.role_arn),
            duration: role.duration.or(base.duration),
            policy: policy.transpose()?.or(base.policy),
            provider: self.provider.clone().or(base.provider),
            id_token_file: file(&self.id_token_file)?.or(base.id_token_file),
        })
    }
}

/// Returns the settings as arguments of a later `ecr-auth cognito`, in another folder.
///
/// # Errors
/// A path is not Unicode.
pub fn command_line(settings: &CognitoSettings) -> Result<Vec<String>> {
    let given = settings.to_json()?.into_iter().map(|(name, value)| match value {
        Value::String(text) => (name, text),
        // A program may run the line without a terminal.
        Value::Bool(_) => (name, "terminal".to_owned()),
        number => (name, number.to_string()),
    });
    // Written as one word with '=', because a value that begins with a hyphen would be read as a flag.
    let words = given.flat_map(|(name, value)| match value.starts_with('-') || name == "browser" {
        true => vec![format!("--{name}={value}")],
        false => vec![format!("--{name}"), value],
    });
    Ok(std::iter::once("cognito".to_owned()).chain(words).collect())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct SignInLine {
        #[command(flatten)]
        sign_in: SignInArgs,
        #[arg(long)]
        role_arn: Option<String>,
        #[arg(long)]
        duration: Option<u32>,
        #[arg(long)]
        policy: Option<String>,
    }

    fn settings(args: &[&str], block: Option<&CognitoSettings>) -> Result<CognitoSettings> {
        let line = SignInLine::try_parse_from(std::iter::once(&"ecr-auth").chain(args)).unwrap();
        let role = PoolRole {
            role_arn: line.role_arn.as_deref(),
            duration: line.duration,
            policy: line.policy.as_deref(),
        };
        line.sign_in.settings(role, block)
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
        let line = command_line(&parsed).unwrap();
        assert_eq!(line, [&["cognito"], &all[..]].concat());
        let words: Vec<&str> = line.iter().skip(1).map(String::as_str).collect();
        assert_eq!(settings(&words, None).unwrap(), parsed);
        let browser = settings(
            &[&IDS[..], &["--browser", "--domain", "https://Login.example.com/"]].concat(),
            None,
        )
        .unwrap();
        let line = command_line(&browser).unwrap();
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
