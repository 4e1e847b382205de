//! Where settings are said, and what each is called there.

use super::values::SettingValues;
use diagnostics::{Error, Mention};

/// A place where settings are said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// The command line, with flags.
    CommandLine,
    /// The GitHub Action, with the inputs of action.yml.
    Action,
}

/// What messages name beside the settings of the [table](crate::table), as flags and as inputs.
const OTHERS: [(&str, &str, &str); 3] = [
    ("docker-config", "--docker-config DIR", "docker-config"),
    (ROLE_OF_SETUP.setting, ROLE_OF_SETUP.setting, "role-to-assume"),
    (
        ROLE_OF_SETUP_OR_ACTION.setting,
        ROLE_OF_SETUP_OR_ACTION.setting,
        "role-to-assume",
    ),
];

/// The role that the helper is to use, for a message that somebody reads who gave no flag.
pub const ROLE_OF_SETUP: Mention<'static> = Mention::new("--role-arn of ecr-auth setup");
/// The same role, in a job of GitHub's.
pub const ROLE_OF_SETUP_OR_ACTION: Mention<'static> =
    Mention::new("--role-arn of ecr-auth setup, the action's role-to-assume");

impl Surface {
    /// The error in the words of this surface.
    #[must_use]
    pub fn tell(self, error: Error) -> Error {
        error.named(&|mention| self.name(mention))
    }

    fn name(self, mention: Mention<'_>) -> String {
        if let Some((_, flag, input)) = OTHERS.iter().find(|(name, ..)| *name == mention.setting) {
            return if self == Self::Action { input } else { flag }.to_string();
        }
        let setting = SettingValues::setting(mention.setting);
        match (self, setting, mention.value) {
            (Self::CommandLine, Some(setting), None) => format!("--{}", setting.name),
            (Self::CommandLine, Some(setting), Some(value)) => format!("--{} {value}", setting.name),
            (Self::Action, Some(setting), value) => {
                let name = setting.inputs.first().or(setting.variable.as_ref());
                let setting = name.copied().unwrap_or(setting.name);
                Mention { setting, value }.plain()
            }
            (_, None, _) => mention.plain(),
        }
    }
}
