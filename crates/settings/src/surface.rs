//! The surfaces on which users give settings, and each setting's name there.

use super::cognito::table::{CognitoSetting, CognitoSettings};
use super::table::RoleSettings;
use super::values::SettingValues;
use diagnostics::{Error, Mention};

/// A surface on which users give settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// The command line: settings are flags.
    CommandLine,
    /// The GitHub Action: settings are the inputs of action.yml.
    Action,
    /// A program without flags, such as the kubelet's provider: settings are the keys of a rule in `ecr-auth.yml`.
    Rule,
}

/// The name in messages for the place to name the helper's role, if the user gave no flag. Other places may follow it.
pub const ROLE_OF_SETUP: &str = "--role-arn of ecr-auth setup";

impl Surface {
    /// Returns the error with the setting names of this surface.
    #[must_use]
    pub fn tell(self, error: Error) -> Error {
        error.named(&|mention| self.name(mention))
    }

    fn name(self, mention: Mention<'_>) -> String {
        let is_of_role = SettingValues::<RoleSettings>::setting(mention.setting).is_some();
        match SettingValues::<CognitoSettings>::setting(mention.setting) {
            // Only the commands of a sign-in have flags for it, and they name them before.
            Some(setting) if !is_of_role => return or_variable(setting, cognito_key(mention)),
            _ => {}
        }
        match self {
            Self::CommandLine => Self::flag(mention),
            Self::Action => Self::input(mention),
            Self::Rule => Self::key(mention),
        }
    }

    fn flag(mention: Mention<'_>) -> String {
        match (mention.setting, mention.value) {
            ("docker-config", _) => "--docker-config DIR".to_owned(),
            (name, _) if SettingValues::<RoleSettings>::setting(name).is_none() => mention.plain(),
            _ => flag(mention),
        }
    }

    fn key(mention: Mention<'_>) -> String {
        match SettingValues::<RoleSettings>::setting(mention.setting) {
            Some(setting) if mention.value.is_none() => format!("`{}:` of a rule", setting.name),
            _ => mention.plain(),
        }
    }

    fn input(mention: Mention<'_>) -> String {
        let name = match mention.setting {
            name if name.starts_with(ROLE_OF_SETUP) => Some("role-to-assume"),
            name => SettingValues::<RoleSettings>::setting(name).and_then(|setting| setting.inputs.first().copied()),
        };
        let setting = name.unwrap_or(mention.setting);
        Mention { setting, ..mention }.plain()
    }
}

/// Returns the flag of a setting, for a message.
pub fn flag(mention: Mention<'_>) -> String {
    match mention.value {
        None => format!("--{}", mention.setting),
        Some(value) => format!("--{} {value}", mention.setting),
    }
}

/// Returns the name of a setting of a sign-in in `ecr-auth.yml`, or in the file of a vendor, for a message.
pub fn cognito_key(mention: Mention<'_>) -> String {
    let colon = if mention.value.is_none() { ":" } else { "" };
    format!("`{}{colon}` under `cognito:`", mention.plain())
}

/// Returns the name of a setting that is not given, and that of its variable if it has one.
pub fn or_variable(setting: &CognitoSetting, name: String) -> String {
    match setting.variable {
        Some(variable) => format!("{name} or {variable}"),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use diagnostics::{Code, mention};

    #[test]
    fn a_sign_in_has_the_names_of_its_keys_where_no_command_has_flags_for_it() {
        let hint = concat!(
            mention!("client-id"),
            ", ",
            mention!("flow", "srp"),
            ", ",
            mention!("client-secret-file")
        );
        let error = Error::usage(Code::CognitoSettings, "a", "b").hint(hint);
        let keys = "`client-id:` under `cognito:`, `flow: srp` under `cognito:`, `client-secret-file:` under `cognito:` or \
                    ECR_AUTH_COGNITO_CLIENT_SECRET";
        for surface in [Surface::CommandLine, Surface::Action, Surface::Rule] {
            assert_eq!(surface.tell(error.clone()).hint_text(), Some(keys), "{surface:?}");
        }
        // A role has a setting of this name too, and flags.
        let role = error.hint(mention!("role-arn"));
        assert_eq!(Surface::CommandLine.tell(role).hint_text(), Some("--role-arn"));
    }
}
