//! Which keys of a rule and of `defaults` may be combined.

use std::path::Path;

use super::keys::BlockKeys;
use super::wrong;
use diagnostics::{Code, Result};
use settings::RoleSettings;
use settings::table::{PROFILE, ROLE_ARN, SOURCE, TOKEN_COMMAND, TOKEN_ENV, TOKEN_FILE};

/// The keys of a rule. `defaults` has the same keys, except those that name the registry.
pub(super) type RuleKeys = BlockKeys<RoleSettings>;

impl RuleKeys {
    /// Checks each value, and which settings may be combined.
    pub fn check_rule(&mut self, path: &Path) -> Result<()> {
        self.check(path)?;
        self.refuse_beside_profile(path)?;
        self.refuse_two_tokens(path)
    }

    fn refuse_beside_profile(&self, path: &Path) -> Result<()> {
        let cognito = SOURCE.with("cognito").plain();
        for (name, is_said) in [
            (ROLE_ARN.name, self.has(&ROLE_ARN)),
            (TOKEN_FILE.name, self.has(&TOKEN_FILE)),
            (TOKEN_ENV.name, self.has(&TOKEN_ENV)),
            (TOKEN_COMMAND.name, self.has(&TOKEN_COMMAND)),
            (&cognito, self.text(&SOURCE) == Some("cognito")),
        ] {
            if let (Some(place), true) = (self.place(&PROFILE), is_said) {
                return Err(
                    wrong(path, &place, format!("\"profile\" and \"{name}\" are in one rule"))
                        .with_code(Code::ConfigRule)
                        .hint("a profile is used alone: give the profile a role_arn of its own, or leave it out"),
                );
            }
        }
        Ok(())
    }

    fn refuse_two_tokens(&self, path: &Path) -> Result<()> {
        let said: Vec<_> = [&TOKEN_FILE, &TOKEN_ENV, &TOKEN_COMMAND]
            .into_iter()
            .filter_map(|setting| Some((setting.name, self.place(setting)?)))
            .collect();
        match said[..] {
            [(first, place), (second, _), ..] => {
                Err(
                    wrong(path, &place, format!("\"{first}\" and \"{second}\" are in one rule"))
                        .with_code(Code::ConfigRule)
                        .hint("the token comes from one place: leave one of them out"),
                )
            }
            _ => Ok(()),
        }
    }
}
