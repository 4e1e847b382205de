//! Which role an identity gets, and with which tags.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::AUTHENTICATED_ROLE;
use super::refusals::not_authorized;
use crate::answer::Refusal;

/// How the identity pool chooses a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum RoleMapping {
    /// Everybody has the default role.
    Default,
    /// By `cognito:preferred_role` and `cognito:roles` of the token.
    Token {
        /// What happens without.
        ambiguous: Ambiguous,
    },
    /// The first rule that matches decides.
    Rules {
        /// The rules, in order.
        rules: Vec<Rule>,
        /// What happens when none does.
        ambiguous: Ambiguous,
    },
}

/// `AmbiguousRoleResolution`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ambiguous {
    /// The default role.
    AuthenticatedRole,
    /// No role: the call is refused.
    Deny,
}

/// One rule on a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The claim.
    pub claim: String,
    /// How to compare.
    pub operator: Match,
    /// With what.
    pub value: String,
    /// ARN of the role.
    pub role: String,
}

/// `MatchType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Match {
    /// The very string.
    Equals,
    /// The string contains it.
    Contains,
    /// The string starts with it.
    StartsWith,
    /// Another string.
    NotEqual,
}

impl Default for RoleMapping {
    fn default() -> Self {
        Self::Token {
            ambiguous: Ambiguous::AuthenticatedRole,
        }
    }
}

impl RoleMapping {
    /// The role for a token; `custom` is the one the call asks for.
    pub(super) fn role(&self, claims: &Value, custom: Option<&str>) -> Result<String, Refusal> {
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let (found, ambiguous) = match self {
            Self::Default => (None, Ambiguous::AuthenticatedRole),
            Self::Token { ambiguous } => {
                if let Some(custom) = custom {
                    let roles = claims.get("cognito:roles").and_then(Value::as_array);
                    let allowed = roles.is_some_and(|roles| roles.iter().any(|role| role == custom));
                    return allowed.then(|| custom.to_owned()).ok_or_else(not_allowed);
                }
                (text("cognito:preferred_role"), *ambiguous)
            }
            Self::Rules { rules, ambiguous } => {
                let rule = rules
                    .iter()
                    .find(|rule| text(&rule.claim).is_some_and(|value| rule.holds(value)));
                (rule.map(|rule| rule.role.as_str()), *ambiguous)
            }
        };
        // A role of one's own choice is for tokens that bring several.
        if custom.is_some() {
            return Err(not_allowed());
        }
        match (found, ambiguous) {
            (Some(role), _) => Ok(role.into()),
            (None, Ambiguous::AuthenticatedRole) => Ok(AUTHENTICATED_ROLE.into()),
            (None, Ambiguous::Deny) => Err(not_authorized(
                "Token does not contain a role, and role resolution is set to deny.",
            )),
        }
    }
}

fn not_allowed() -> Refusal {
    not_authorized("The role in CustomRoleArn is not allowed for this identity.")
}

impl Rule {
    fn holds(&self, value: &str) -> bool {
        match self.operator {
            Match::Equals => value == self.value,
            Match::NotEqual => value != self.value,
            Match::Contains => value.contains(&self.value),
            Match::StartsWith => value.starts_with(&self.value),
        }
    }
}

/// Attributes for access control: tags of the session, by claims of the token. Claims that lack set no tag.
pub(super) fn principal_tags(claims: &Value) -> BTreeMap<String, String> {
    [
        ("license", "custom:license"),
        ("username", "cognito:username"),
        ("client", "aud"),
    ]
    .into_iter()
    .filter_map(|(tag, claim)| Some((tag.to_owned(), claims.get(claim)?.as_str()?.to_owned())))
    .collect()
}
