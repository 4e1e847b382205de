//! The surfaces on which users give settings, and each setting's name there.

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
            (name, None) => format!("--{name}"),
            (name, Some(value)) => format!("--{name} {value}"),
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
