//! The role and the session tags that the identity pool gives an identity.

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
    /// Everybody gets the default role.
    Default,
    /// The role comes from `cognito:preferred_role` and `cognito:roles` of the token.
    Token {
        /// What happens if the token names no single role.
        ambiguous: Ambiguous,
    },
    /// The role comes from the first rule that matches.
    Rules {
        /// The rules, in order.
        rules: Vec<Rule>,
        /// What happens if no rule matches.
        ambiguous: Ambiguous,
    },
}

/// `AmbiguousRoleResolution`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ambiguous {
    /// The identity gets the default role.
    AuthenticatedRole,
    /// The call is refused.
    Deny,
}

/// One rule on a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The name of the claim.
    pub claim: String,
    /// How to compare the claim with the value.
    pub operator: Match,
    /// The value to compare with.
    pub value: String,
    /// ARN of the role.
    pub role: String,
}

/// `MatchType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Match {
    /// The claim is equal to the value.
    Equals,
    /// The claim contains the value.
    Contains,
    /// The claim starts with the value.
    StartsWith,
    /// The claim differs from the value.
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
    /// Returns the role for a token. `custom` is the role that the call requests.
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
        // A custom role is only possible for tokens that bring several roles.
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

/// Attributes for access control: the session tags that come from claims of the token. A missing claim sets no tag.
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
