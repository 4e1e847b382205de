//! How a user signs in to Cognito: the settings from flags and from `cognito:` in the configuration, checked by Cognito's rules.

mod forms;
pub mod table;

use std::path::Path;

use diagnostics::{Code, Error, Result};
use oidc_token::token_key;
use secret::Secret;

pub use self::forms::is_role_arn;
pub use self::table::CognitoSettings;
use self::table::IDENTITY_POOL_ID;
use super::setting::{SettingGroup, SurfaceValue};
use super::values::SettingValues;

/// The default port that a managed login sends the browser back to.
const DEFAULT_PORT: u16 = 8719;
/// How the password is proved to the user pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Flow {
    /// `USER_SRP_AUTH`: the password never leaves this machine.
    #[default]
    Srp,
    /// `USER_PASSWORD_AUTH`: the password itself is sent.
    UserPassword,
    /// `USER_AUTH`: Cognito sends a code by e-mail or SMS instead of asking for a password.
    EmailOtp,
}

impl Flow {
    /// Whether the user signs in with a password.
    pub fn has_password(self) -> bool {
        self != Self::EmailOtp
    }
}

/// How the identity pool's token becomes AWS credentials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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
        self.callback_port.unwrap_or(DEFAULT_PORT)
    }

    /// Returns the region of the user pool, if there is a user pool.
    pub fn user_pool_region(&self) -> Option<&str> {
        let (region, _) = self.user_pool_id.as_deref()?.split_once('_')?;
        Some(region)
    }

    /// Returns the region of the identity pool.
    pub fn identity_pool_region(&self) -> &str {
        self.identity_pool_id.split_once(':').map_or("", |(region, _)| region)
    }

    /// Returns these settings as the values of the table, for a file or a command line. A setting that is missing or has its default gets none.
    pub fn values(&self) -> SettingValues<Self> {
        let stated = Self::TABLE.iter().copied();
        stated
            .filter_map(|setting| Some((setting, (setting.get)(self)?)))
            .collect()
    }

    /// Returns the fields of a cache key that tell this user's credentials from all others.
    pub fn key_fields(&self) -> Vec<(&'static str, Secret)> {
        let token = self.id_token_file.as_deref().map(token_key);
        let in_key = Self::TABLE.iter().filter(|setting| setting.is_in_cache_key);
        let fields = in_key.map(|setting| {
            let text = (setting.get)(self).and_then(|value| value.into_texts().pop());
            let text = text.unwrap_or_else(|| setting.kind.default_text().to_owned());
            (setting.name, Secret::new(text))
        });
        std::iter::once(("source", Secret::new("cognito")))
            .chain(fields)
            // The whole token is in the key, because its claims are not proved before Cognito has checked it.
            .chain([("token", token.unwrap_or_default())])
            .collect()
    }

    /// Checks the shape of every id.
    pub(crate) fn check_texts(&self) -> Result<()> {
        Self::TABLE.iter().try_for_each(|setting| match (setting.get)(self) {
            Some(SurfaceValue::Text(text)) => setting.check_text(&text),
            None if **setting == IDENTITY_POOL_ID => setting.check_text(""),
            _ => Ok(()),
        })
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

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use self::table::CognitoSetting;
    use super::*;
    use crate::setting::ValueKind;

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

    #[test]
    fn a_cache_key_has_each_field_in_its_order() {
        let fields = |settings: &CognitoSettings| -> Vec<String> {
            let fields = settings.key_fields().into_iter();
            fields
                .map(|(name, value)| format!("{name}={}", value.expose()))
                .collect()
        };
        let nothing = "source=cognito user-pool-id= client-id= identity-pool-id= username= identity-flow=enhanced role-arn= duration=0 policy= \
            provider= token=";
        assert_eq!(fields(&CognitoSettings::default()).join(" "), nothing);
        let all = CognitoSettings {
            user_pool_id: Some("a".into()),
            client_id: Some("b".into()),
            identity_pool_id: "c".into(),
            username: Some("d".into()),
            identity_flow: IdentityFlow::Classic,
            role_arn: Some("g".into()),
            duration: Some(900),
            policy: Some("{}".into()),
            provider: Some("h".into()),
            id_token_file: Some("/nowhere/token".into()),
            ..CognitoSettings::default()
        };
        // Without a token, the cause tells this file from every other.
        let text = "source=cognito user-pool-id=a client-id=b identity-pool-id=c username=d identity-flow=classic role-arn=g duration=900 \
            policy={} provider=h token=cannot read the token in /nowhere/token: ";
        assert!(fields(&all).join(" ").starts_with(text), "{:?}", fields(&all));
    }

    /// Settings that are not in the cache key, and why.
    const NOT_IN_KEY: [(&str, &str); 6] = [
        (
            "client-secret-file",
            "the app client is in the key, and it has one secret",
        ),
        ("domain", "whoever signs in has the same credentials in the browser"),
        ("browser", "whoever signs in has the same credentials in the browser"),
        ("callback-port", "whoever signs in has the same credentials on any port"),
        ("flow", "whoever signs in has the same credentials in any flow"),
        ("id-token-file", "the token itself is in the key"),
    ];

    /// A value of the setting that is not the default.
    fn example(setting: &CognitoSetting) -> SurfaceValue {
        match setting.kind {
            ValueKind::Number(least, _) => SurfaceValue::Number(least),
            ValueKind::Port(port) => SurfaceValue::Number(u32::from(port) + 1),
            ValueKind::File => SurfaceValue::File("/nowhere/file".into()),
            ValueKind::OneOf(words) | ValueKind::Switch(words) => {
                SurfaceValue::Text(words.last().unwrap().0.to_owned())
            }
            _ => SurfaceValue::Text("x".to_owned()),
        }
    }

    #[test]
    fn each_setting_is_written_and_read_and_in_the_cache_key_or_a_reason_says_why_not() {
        let nothing = CognitoSettings::default();
        let args = |settings: &CognitoSettings| settings.values().to_args().unwrap();
        assert_eq!(args(&nothing), Vec::<String>::new());
        for setting in CognitoSettings::TABLE {
            let mut settings = CognitoSettings::default();
            (setting.set)(&mut settings, example(setting));
            let name = setting.name;
            assert_eq!((setting.get)(&settings), Some(example(setting)), "{name}");
            let json = settings.values().to_json().unwrap();
            assert_eq!(json.keys().collect::<Vec<_>>(), [name]);
            assert!(args(&settings)[0].starts_with(&format!("--{name}")), "{name}");
            let is_left_out = NOT_IN_KEY.iter().any(|(known, _)| *known == name);
            // The file's name is only there where no token is.
            let fields = |settings: &CognitoSettings| {
                let fields = settings.key_fields().into_iter();
                fields.filter(|(name, _)| *name != "token").collect::<Vec<_>>()
            };
            let is_in_key = fields(&settings) != fields(&nothing);
            assert_eq!(
                (is_in_key, is_in_key),
                (setting.is_in_cache_key, !is_left_out),
                "{name}"
            );
        }
    }
}
