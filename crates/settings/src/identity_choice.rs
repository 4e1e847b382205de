//! Whose credentials the settings name: a profile, a role, a user of Cognito, or none of these.

use super::cognito::CognitoSettings;
use super::setting::Setting;
use super::table::{CHAIN, POLICY, POLICY_ARN, ROLE_ARN, RoleSettings, SOURCE, TABLE};
use super::trust_source::SourceChoice;
use diagnostics::{Code, Error, Result};

/// The identity settings of a rule, of flags or of the Action's inputs. They are not checked yet: [`IdentitySettings::choice`] does that.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdentitySettings {
    /// A profile of AWS's shared files.
    pub profile: Option<String>,
    /// The roles and how they are assumed, what assumes them, and how a user signs in to Cognito.
    pub role: RoleSettings,
}

/// Whose credentials the settings name. Each choice holds all that it needs, and nothing that belongs to another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdentityChoice {
    /// A profile of AWS's shared files, used alone.
    Profile(String),
    /// A role, and the roles that are assumed after it.
    Role {
        /// The first role: an ARN, or a name in the registry's account.
        first: String,
        /// How the roles are assumed.
        settings: Box<RoleSettings>,
    },
    /// A user of Cognito, whose role the identity pool chooses.
    Cognito(Box<CognitoSettings>),
    /// AWS's standard chain of credential sources.
    Chain,
}

impl From<RoleSettings> for IdentitySettings {
    fn from(role: RoleSettings) -> Self {
        Self { profile: None, role }
    }
}

impl IdentitySettings {
    /// Returns whose credentials the settings name. `role_in_env` is the role that the environment names. It only counts if the settings name no
    /// identity.
    ///
    /// This is the one place where settings that exclude each other are refused.
    ///
    /// # Errors
    /// Usage errors that name the setting: a role's setting without a role, another source beside Cognito, or Cognito without its pools.
    pub fn choice(self, role_in_env: Option<&str>) -> Result<IdentityChoice> {
        let Self { profile, mut role } = self;
        if role.source == SourceChoice::Cognito {
            refuse_beside_cognito(&role)?;
            let settings = role.cognito.ok_or_else(no_pools)?;
            return Ok(IdentityChoice::Cognito(Box::new(settings)));
        }
        let first = role.role_arn.clone().or_else(|| role_in_env.map(str::to_owned));
        match (profile, first) {
            (Some(name), _) => refuse_without_role(&role).map(|()| IdentityChoice::Profile(name)),
            (None, Some(first)) => {
                role.cognito = None;
                let settings = Box::new(role);
                Ok(IdentityChoice::Role { first, settings })
            }
            (None, None) => refuse_without_role(&role).map(|()| IdentityChoice::Chain),
        }
    }
}

/// Refuses role settings if no role is named: without the role, the credentials would be another identity's, or could do more.
fn refuse_without_role(role: &RoleSettings) -> Result<()> {
    let oidc = SOURCE.with("oidc");
    let said = [&CHAIN, &POLICY, &POLICY_ARN]
        .into_iter()
        .find(|setting| setting.is_said(role))
        .map(Setting::to_string);
    match said.or_else(|| (role.source == SourceChoice::Oidc).then(|| oidc.to_string())) {
        Some(name) => Err(Error::usage(
            Code::Role,
            name,
            "it needs a role, and no role is named, or a profile is named instead",
        )
        .hint(format!(
            "name the role with {ROLE_ARN} (or AWS_ROLE_ARN without AWS_WEB_IDENTITY_TOKEN_FILE), and no profile"
        ))),
        None => Ok(()),
    }
}

/// Refuses role settings beside Cognito, where the pool chooses the role.
fn refuse_beside_cognito(role: &RoleSettings) -> Result<()> {
    let cognito = SOURCE.with("cognito");
    match TABLE
        .into_iter()
        .find(|setting| setting.is_of_role && setting.is_said(role))
    {
        Some(setting) => Err(Error::usage(
            Code::CognitoSettings,
            setting,
            format!("it is set together with \"{cognito}\", where the identity pool chooses the role"),
        )
        .hint(
            "leave one of them out; a role of the pool's is asked for with role-arn under \"cognito\" in ecr-auth.yml",
        )),
        None => Ok(()),
    }
}

fn no_pools() -> Error {
    let cognito = SOURCE.with("cognito");
    Error::usage(
        Code::CognitoSettings,
        cognito.to_string(),
        "nothing says how to sign in",
    )
    .hint(
        "import the file that you were sent: ecr-auth cognito import FILE; or run ecr-auth cognito setup with the ids of the pools, or write them \
         under \"cognito\" in ecr-auth.yml",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(profile: Option<&str>, role: &RoleSettings, role_in_env: Option<&str>) -> Result<IdentityChoice> {
        let profile = profile.map(str::to_owned);
        let role = role.clone();
        IdentitySettings { profile, role }.choice(role_in_env)
    }

    fn exit(profile: Option<&str>, role: &RoleSettings) -> Option<i32> {
        choice(profile, role, None).err().map(|error| error.exit().code())
    }

    #[test]
    fn each_choice_is_complete_and_excludes_the_others() {
        let nothing = RoleSettings::default();
        assert_eq!(choice(None, &nothing, None), Ok(IdentityChoice::Chain));
        let profile = IdentityChoice::Profile("p".into());
        assert_eq!(choice(Some("p"), &nothing, Some("env")), Ok(profile));
        let named = RoleSettings {
            role_arn: Some("mine".into()),
            cognito: Some(CognitoSettings::default()),
            ..RoleSettings::default()
        };
        for (role, wanted) in [(&nothing, "env"), (&named, "mine")] {
            let Ok(IdentityChoice::Role { first, settings }) = choice(None, role, Some("env")) else {
                panic!("no role");
            };
            assert_eq!((first.as_str(), settings.cognito), (wanted, None));
        }
        let cognito = RoleSettings {
            source: SourceChoice::Cognito,
            cognito: Some(CognitoSettings::default()),
            ..RoleSettings::default()
        };
        let user = IdentityChoice::Cognito(Box::default());
        assert_eq!(choice(None, &cognito, Some("env")), Ok(user));
    }

    #[test]
    fn what_only_a_role_has_is_refused_without_one() {
        let settings: [fn(&mut RoleSettings); 4] = [
            |it| it.chain = vec!["b".into()],
            |it| it.policy = Some("{}".into()),
            |it| it.policy_arns = vec!["p".into()],
            |it| it.source = SourceChoice::Oidc,
        ];
        for set in settings {
            let mut role = RoleSettings::default();
            set(&mut role);
            assert_eq!([exit(None, &role), exit(Some("a"), &role)], [Some(2), Some(2)]);
            assert!(choice(None, &role, Some("env")).is_ok());
        }
    }

    #[test]
    fn what_is_said_of_roles_is_refused_beside_cognito_and_so_is_cognito_without_pools() {
        let cognito = RoleSettings {
            source: SourceChoice::Cognito,
            ..RoleSettings::default()
        };
        let error = choice(None, &cognito, None).unwrap_err();
        assert_eq!((error.exit().code(), error.what()), (2, "source: cognito"));
        let named = RoleSettings {
            role_arn: Some("r".into()),
            cognito: Some(CognitoSettings::default()),
            ..cognito
        };
        let error = choice(None, &named, None).unwrap_err();
        assert_eq!((error.exit().code(), error.what()), (2, "role-arn"));
    }
}
