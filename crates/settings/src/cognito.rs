//! How a user signs in to Cognito: the settings from flags and from `cognito:` in the configuration, checked by Cognito's rules.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use diagnostics::{Code, Error, Result, unicode_path};
use ecr_registry::parse_region;
use oidc_token::read_token_file;
use secret::Secret;

/// The longest id of a pool, in characters.
/// <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_UserPoolType.html>
const LONGEST_POOL_ID: usize = 55;
/// The longest id of an app client and the longest user name, in characters.
/// <https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_InitiateAuth.html>
const LONGEST_NAME: usize = 128;
/// The default port that a managed login sends the browser back to.
const CALLBACK_PORT: u16 = 8719;
/// The number of digits in each part of a UUID.
const UUID: [usize; 5] = [8, 4, 4, 4, 12];

/// The user pool or other provider that a user signs in to, and the identity pool that trades its token for AWS credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CognitoSettings {
    /// `<region>_<letters and digits>`; not needed with a provider.
    pub user_pool_id: Option<String>,
    /// The app client of the user pool: letters and digits; not needed with a provider.
    pub client_id: Option<String>,
    /// `<region>:<UUID>`.
    pub identity_pool_id: String,
    /// The user who signs in. Without a name, it is asked for.
    pub username: Option<String>,
    /// The file that holds the app client's secret.
    pub client_secret_file: Option<PathBuf>,
    /// How the user signs in without a browser.
    pub flow: Flow,
    /// The host of the user pool's managed login, with its port if that is not 443.
    pub domain: Option<String>,
    /// Whether users sign in in their browser.
    pub browser: bool,
    /// The port of this machine that the managed login sends the browser back to.
    pub callback_port: Option<u16>,
    /// How the identity pool's token becomes AWS credentials.
    pub identity_flow: IdentityFlow,
    /// The ARN of the role to ask for: one that the pool's rules allow, or in the classic flow one that trusts the pool.
    pub role_arn: Option<String>,
    /// How long the session of the classic flow lives, in seconds.
    pub duration: Option<u32>,
    /// The session policy of the classic flow: its JSON.
    pub policy: Option<String>,
    /// Another identity provider, as the identity pool's key for it: `accounts.google.com`, `graph.facebook.com` or an issuer.
    pub provider: Option<String>,
    /// The file with that provider's token.
    pub id_token_file: Option<PathBuf>,
}

/// How the password is proved to the user pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flow {
    /// `USER_SRP_AUTH`: the password never leaves this machine.
    #[default]
    Srp,
    /// `USER_PASSWORD_AUTH`: the password itself is sent.
    UserPassword,
    /// `USER_AUTH`: Cognito sends a code by e-mail or SMS instead of asking for a password.
    EmailOtp,
}

/// How the identity pool's token becomes AWS credentials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityFlow {
    /// `GetCredentialsForIdentity`: the pool chooses the role.
    #[default]
    Enhanced,
    /// `GetOpenIdToken` and STS: the settings name the role, the duration and a session policy.
    Classic,
}

/// What proves who the user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignIn<'a> {
    /// A user pool, with a password.
    UserPool {
        /// The pool's id.
        id: &'a str,
        /// The app client's id.
        client_id: &'a str,
    },
    /// Another provider, by one of its tokens.
    Provider {
        /// The identity pool's key for the provider.
        key: &'a str,
        /// The file with the token.
        token_file: &'a Path,
    },
}

impl Flow {
    /// Returns the name in flags and in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Srp => "srp",
            Self::UserPassword => "user-password",
            Self::EmailOtp => "email-otp",
        }
    }
}

impl IdentityFlow {
    /// Returns the name in flags and in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Enhanced => "enhanced",
            Self::Classic => "classic",
        }
    }
}

impl CognitoSettings {
    /// Returns what proves who the user is.
    ///
    /// # Errors
    /// A usage error that names the piece that is missing.
    pub fn sign_in(&self) -> Result<SignIn<'_>> {
        let missing = |name: &'static str, hint: &str| {
            let hint = format!("give it with --{name}, or as \"{name}\" under \"cognito\" in ecr-auth.yml: {hint}");
            Err(Error::usage(Code::CognitoSettings, name, "it is missing").hint(hint))
        };
        match (&self.provider, &self.id_token_file, &self.user_pool_id, &self.client_id) {
            (Some(key), Some(token_file), ..) => Ok(SignIn::Provider { key, token_file }),
            (Some(_), None, ..) => missing("id-token-file", "the file that holds the provider's token"),
            (None, Some(_), ..) => missing("provider", "the identity pool's key for who gave out the token"),
            (None, None, Some(id), Some(client_id)) => Ok(SignIn::UserPool { id, client_id }),
            (None, None, None, _) => missing("user-pool-id", "the user pool, such as eu-west-1_AbCdEfGhI"),
            (None, None, Some(_), None) => missing("client-id", "an app client of the user pool"),
        }
    }

    /// Returns the port of this machine that the managed login sends the browser back to.
    pub fn callback_port(&self) -> u16 {
        self.callback_port.unwrap_or(CALLBACK_PORT)
    }

    /// Returns the region of the user pool, if there is a user pool.
    pub fn user_pool_region(&self) -> Option<&str> {
        let (region, _) = self.user_pool_id.as_deref()?.split_once('_')?;
        Some(region)
    }

    /// Returns the region of the identity pool.
    pub fn identity_pool_region(&self) -> &str {
        region_of_identity_pool(&self.identity_pool_id)
    }

    /// Returns the settings as the keys of a block `cognito`. A setting that is missing or has its default gets no key.
    ///
    /// # Errors
    /// A path is not Unicode.
    pub fn to_json(&self) -> Result<Vec<(&'static str, Value)>> {
        let text = |text: &Option<String>| text.clone().map(Value::from);
        let path = |path: &Option<PathBuf>| -> Result<_> {
            let text = path.as_deref().map(unicode_path).transpose()?;
            Ok(text.map(Value::from))
        };
        let pool = &self.identity_pool_id;
        let (flow, identity_flow) = (self.flow, self.identity_flow);
        let keys = [
            ("user-pool-id", text(&self.user_pool_id)),
            ("client-id", text(&self.client_id)),
            ("identity-pool-id", (!pool.is_empty()).then(|| pool.as_str().into())),
            ("username", text(&self.username)),
            ("client-secret-file", path(&self.client_secret_file)?),
            ("domain", text(&self.domain)),
            ("browser", self.browser.then(|| true.into())),
            ("callback-port", self.callback_port.map(Value::from)),
            ("flow", (flow != Flow::default()).then(|| flow.name().into())),
            (
                "identity-flow",
                (identity_flow != IdentityFlow::default()).then(|| identity_flow.name().into()),
            ),
            ("role-arn", text(&self.role_arn)),
            ("duration", self.duration.map(Value::from)),
            ("policy", text(&self.policy)),
            ("provider", text(&self.provider)),
            ("id-token-file", path(&self.id_token_file)?),
        ];
        Ok(keys
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect())
    }

    /// Returns the fields of a cache key that tell this user's credentials from all others.
    pub fn key_fields(&self) -> Vec<(&'static str, Secret)> {
        let field = |name, value: Option<&str>| (name, Secret::new(value.unwrap_or_default()));
        let token = self
            .id_token_file
            .as_deref()
            .map(|path| read_token_file(path).unwrap_or_default());
        let duration = self.duration.unwrap_or_default().to_string();
        vec![
            field("source", Some("cognito")),
            field("user-pool-id", self.user_pool_id.as_deref()),
            field("client-id", self.client_id.as_deref()),
            field("identity-pool-id", Some(&self.identity_pool_id)),
            field("username", self.username.as_deref()),
            field("identity-flow", Some(self.identity_flow.name())),
            field("role-arn", self.role_arn.as_deref()),
            field("duration", Some(&duration)),
            field("policy", self.policy.as_deref()),
            field("provider", self.provider.as_deref()),
            // The whole token is in the key, because its claims are not proved before Cognito has checked it.
            ("token", token.unwrap_or_default()),
        ]
    }

    /// Checks the shape of every id.
    pub(crate) fn check_texts(&self) -> Result<()> {
        let texts = [
            ("user-pool-id", self.user_pool_id.as_deref()),
            ("client-id", self.client_id.as_deref()),
            ("identity-pool-id", Some(self.identity_pool_id.as_str())),
            ("username", self.username.as_deref()),
            ("domain", self.domain.as_deref()),
            ("role-arn", self.role_arn.as_deref()),
            ("provider", self.provider.as_deref()),
        ];
        let given = texts.into_iter().filter_map(|(name, text)| Some((name, text?)));
        given.into_iter().try_for_each(|(name, text)| check_text(name, text))
    }

    /// Checks which settings go together in each flow.
    pub(crate) fn check_flow(&self) -> Result<()> {
        if self.browser && self.domain.is_none() {
            return Err(Error::usage(
                Code::CognitoSettings,
                "domain",
                "a sign-in in the browser needs the address of the managed login",
            )
            .hint(
                "give it with --domain, or as \"domain\" under \"cognito\" in ecr-auth.yml: such as login.example.com",
            ));
        }
        if self.identity_flow == IdentityFlow::Enhanced {
            let settings = [("duration", self.duration.is_some()), ("policy", self.policy.is_some())];
            return match settings.iter().find(|(_, is_said)| *is_said) {
                Some((name, _)) => Err(Error::usage(
                    Code::CognitoSettings,
                    *name,
                    "the enhanced flow takes none: its sessions live an hour",
                )
                .hint("leave it out, or choose identity-flow classic and name the role with role-arn")),
                None => Ok(()),
            };
        }
        if self.role_arn.is_none() {
            return Err(Error::usage(
                Code::CognitoSettings,
                "role-arn",
                "the classic flow assumes a role by name, and none is named",
            )
            .hint("name it with role-arn, or choose identity-flow enhanced, where the pool chooses the role"));
        }
        Ok(())
    }
}

/// Checks the text of one setting. `name` is the setting's key in the configuration.
///
/// # Errors
/// A usage error that shows the expected form.
pub fn check_text(name: &'static str, text: &str) -> Result<()> {
    let (is_right, cause, hint) = match name {
        "user-pool-id" => (
            is_user_pool(text),
            "it is not the id of a user pool",
            "it looks like eu-west-1_AbCdEfGhI: the region, then letters and digits",
        ),
        "identity-pool-id" => (
            is_identity_pool(text),
            "it is not the id of an identity pool",
            "it looks like eu-west-1:12345678-abcd-1234-abcd-123456789012: the region, then a UUID",
        ),
        "client-id" => (
            is_short(text) && text.bytes().all(|b| b.is_ascii_alphanumeric()),
            "it is not the id of an app client",
            "it is what the console calls the client ID: letters and digits, 26 of them as a rule",
        ),
        "username" => (
            is_short(text) && !text.trim().is_empty() && !text.chars().any(char::is_control),
            "it is not the name of a user",
            "names have 1 to 128 characters, none of them a control character",
        ),
        "domain" => (
            is_domain(text),
            "it is not the host of a managed login",
            "it looks like login.example.com or northwind.auth.eu-west-1.amazoncognito.com, without https:// and without a path",
        ),
        "role-arn" => (
            is_role_arn(text),
            "it is not the ARN of a role",
            "write it as arn:aws:iam::<12-digit account>:role/<name>",
        ),
        _ => (
            is_short(text) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._/:".contains(&b)),
            "it is not a key of an identity provider",
            "it looks like accounts.google.com, graph.facebook.com, or an OIDC issuer without https://",
        ),
    };
    match is_right {
        true => Ok(()),
        false => Err(Error::usage(Code::CognitoSettings, name, cause).hint(hint)),
    }
}

fn is_user_pool(id: &str) -> bool {
    let parts = id.split_once('_');
    parts.is_some_and(|(region, name)| {
        is_region(region) && !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric())
    }) && id.len() <= LONGEST_POOL_ID
}

fn is_identity_pool(id: &str) -> bool {
    let parts = id.split_once(':');
    parts.is_some_and(|(region, uuid)| {
        let groups: Vec<&str> = uuid.split('-').collect();
        let is_hex = |group: &&str| group.bytes().all(|b| b.is_ascii_hexdigit());
        is_region(region) && groups.iter().map(|group| group.len()).eq(UUID) && groups.iter().all(is_hex)
    })
}

fn region_of_identity_pool(id: &str) -> &str {
    id.split_once(':').map_or("", |(region, _)| region)
}

/// Whether a text is a host in lower case, with an optional port. It must not hold a path or a user name, because an https URL is made from it.
fn is_domain(text: &str) -> bool {
    let (host, port) = text
        .split_once(':')
        .map_or((text, None), |(host, port)| (host, Some(port)));
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_port =
        |port: &str| port.len() <= 5 && !port.starts_with('0') && port.parse::<u16>().is_ok_and(|port| port > 0);
    host.len() <= 253 && host.split('.').all(is_label) && port.is_none_or(is_port)
}

/// Whether a text has the form of an AWS region. Regions become part of host names.
fn is_region(text: &str) -> bool {
    parse_region(text).is_ok_and(|region| region == text)
}

/// Whether a text is the ARN of a role. ARNs are logged, so a line end is refused.
pub fn is_role_arn(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let is_account = |account: &str| account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    matches!(parts[..], ["arn", partition, "iam", "", account, resource]
        if partition.starts_with("aws") && is_account(account)
            && resource.strip_prefix("role/").is_some_and(|name| !name.is_empty())
            && arn.bytes().all(|b| b.is_ascii_graphic()))
}

fn is_short(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.chars().count())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn settings() -> CognitoSettings {
        CognitoSettings {
            user_pool_id: Some("eu-west-1_AbCdEfGhI".into()),
            client_id: Some("1h57kf5cpq17m0eml12EXAMPLE".into()),
            identity_pool_id: "eu-central-1:12345678-abcd-1234-abcd-123456789012".into(),
            ..CognitoSettings::default()
        }
    }

    #[test]
    fn regions_come_from_the_ids() {
        let settings = settings();
        settings.check().unwrap();
        assert_eq!(settings.user_pool_region(), Some("eu-west-1"));
        assert_eq!(settings.identity_pool_region(), "eu-central-1");
    }

    #[rstest]
    #[case("user-pool-id", "us-gov-west-1_x1", true)]
    #[case("user-pool-id", "eu-west-1_", false)]
    #[case("user-pool-id", "eu-west-1", false)]
    #[case("user-pool-id", "EU-WEST-1_AbCdEfGhI", false)]
    #[case("user-pool-id", "evil.example/_AbC", false)]
    #[case("user-pool-id", "eu-west-1_a-b", false)]
    #[case("user-pool-id", "eu-west-1_a_b", false)]
    #[case("identity-pool-id", "eu-west-1:12345678-ABCD-1234-abcd-123456789012", true)]
    #[case("identity-pool-id", "eu-west-1:12345678-abcd-1234-abcd-12345678901", false)]
    #[case("identity-pool-id", "eu-west-1:12345678abcd1234abcd123456789012", false)]
    #[case("identity-pool-id", "evil.example#:12345678-abcd-1234-abcd-123456789012", false)]
    #[case("identity-pool-id", "12345678-abcd-1234-abcd-123456789012", false)]
    #[case("client-id", "a", true)]
    #[case("client-id", "", false)]
    #[case("client-id", "a b", false)]
    #[case("username", "zoë@example.com", true)]
    #[case("username", " ", false)]
    #[case("username", "a\u{1b}[2J", false)]
    #[case("domain", "login.example.com", true)]
    #[case("domain", "northwind.auth.eu-west-1.amazoncognito.com", true)]
    #[case("domain", "127.0.0.1:8443", true)]
    #[case("domain", "https://login.example.com", false)]
    #[case("domain", "login.example.com/", false)]
    #[case("domain", "maria@login.example.com", false)]
    #[case("domain", "login.example.com:0", false)]
    #[case("domain", "login.example.com:443:1", false)]
    #[case("domain", "Login.example.com", false)]
    #[case("domain", "-x.example.com", false)]
    #[case("domain", "", false)]
    #[case("role-arn", "arn:aws:iam::111122223333:role/path/pull", true)]
    #[case("role-arn", "pull", false)]
    #[case("role-arn", "arn:aws:iam::111122223333:user/pull", false)]
    #[case("provider", "accounts.google.com", true)]
    #[case("provider", "https://accounts google", false)]
    fn ids_have_a_shape(#[case] name: &'static str, #[case] text: &str, #[case] is_right: bool) {
        let checked = check_text(name, text);
        assert_eq!(checked.is_ok(), is_right, "{checked:?}");
        if let Err(error) = checked {
            assert_eq!((error.exit().code(), error.what()), (2, name));
            assert!(error.hint_text().is_some());
        }
    }

    #[test]
    fn names_are_not_endless() {
        assert!(check_text("client-id", &"x".repeat(128)).is_ok());
        assert!(check_text("client-id", &"x".repeat(129)).is_err());
        assert!(check_text("username", &"é".repeat(128)).is_ok());
        assert!(check_text("username", &"é".repeat(129)).is_err());
        assert!(check_text("user-pool-id", &format!("eu-west-1_{}", "x".repeat(46))).is_err());
    }

    type Change = fn(&mut CognitoSettings);

    #[rstest]
    #[case("duration", |it: &mut CognitoSettings| it.duration = Some(900))]
    #[case("policy", |it: &mut CognitoSettings| it.policy = Some("{}".into()))]
    #[case("domain", |it: &mut CognitoSettings| it.browser = true)]
    #[case("role-arn", |it: &mut CognitoSettings| it.identity_flow = IdentityFlow::Classic)]
    #[case("duration", |it: &mut CognitoSettings| {
        it.identity_flow = IdentityFlow::Classic;
        it.role_arn = Some("arn:aws:iam::111122223333:role/pull".into());
        it.duration = Some(899);
    })]
    #[case("user-pool-id", |it: &mut CognitoSettings| it.user_pool_id = None)]
    #[case("client-id", |it: &mut CognitoSettings| it.client_id = None)]
    #[case("id-token-file", |it: &mut CognitoSettings| it.provider = Some("accounts.google.com".into()))]
    #[case("provider", |it: &mut CognitoSettings| it.id_token_file = Some("token".into()))]
    fn what_does_not_go_together_is_named(#[case] name: &str, #[case] change: Change) {
        let mut settings = settings();
        change(&mut settings);
        let error = settings.check().unwrap_err();
        assert_eq!((error.exit().code(), error.what()), (2, name));
    }

    #[test]
    fn another_provider_needs_no_user_pool() {
        let settings = CognitoSettings {
            user_pool_id: None,
            client_id: None,
            provider: Some("accounts.google.com".into()),
            id_token_file: Some("/run/token".into()),
            ..settings()
        };
        settings.check().unwrap();
        let token_file = Path::new("/run/token");
        let key = "accounts.google.com";
        assert_eq!(settings.sign_in(), Ok(SignIn::Provider { key, token_file }));
    }
}
