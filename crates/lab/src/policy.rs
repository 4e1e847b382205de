//! Policies: permissions, trust policies, repository policies, and the patterns in them.

use serde::{Deserialize, Serialize};

use crate::jwt::Claims;
use crate::session_tags::SessionTags;

/// Actions allowed and denied, by name or with `*` (`ecr:*`). A denial wins. Actions that are not allowed are denied.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Permissions {
    /// Allowed actions.
    #[serde(default)]
    pub allow: Vec<String>,
    /// Denied actions.
    #[serde(default)]
    pub deny: Vec<String>,
    /// Actions allowed to sessions with certain tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tagged: Vec<Tagged>,
    /// Actions allowed on certain resources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scoped: Vec<Scoped>,
}

/// Actions allowed only on certain resources.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scoped {
    /// The actions.
    pub allow: Vec<String>,
    /// ARNs; `*` matches any characters.
    pub resources: Vec<String>,
}

/// Actions allowed if a tag of the principal matches (`aws:PrincipalTag/<tag>` with `StringLike`).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tagged {
    /// The actions.
    pub allow: Vec<String>,
    /// The key of the tag.
    pub tag: String,
    /// The accepted values; `*` matches any characters.
    pub values: Vec<String>,
}

impl Default for Permissions {
    /// Allows everything, as for an administrator.
    fn default() -> Self {
        Self::allow(["*"])
    }
}

impl Permissions {
    /// Allows only these actions.
    pub fn allow<'a>(actions: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            allow: actions.into_iter().map(Into::into).collect(),
            deny: Vec::new(),
            tagged: Vec::new(),
            scoped: Vec::new(),
        }
    }

    /// Allows everything but these actions.
    pub fn deny<'a>(actions: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            deny: actions.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// Also allows these actions if a tag of the principal has one of these values.
    #[must_use]
    pub fn allow_tagged<'a>(mut self, tag: &str, values: &[&str], actions: impl IntoIterator<Item = &'a str>) -> Self {
        self.tagged.push(Tagged {
            allow: actions.into_iter().map(Into::into).collect(),
            tag: tag.into(),
            values: values.iter().map(|&value| value.to_owned()).collect(),
        });
        self
    }

    pub(crate) fn allows_on(&self, action: &str, resource: &str, tags: &SessionTags) -> bool {
        let allows = |patterns: &[String]| patterns.iter().any(|pattern| glob(pattern, action));
        let tagged = |statement: &Tagged| allows(&statement.allow) && statement.holds(tags);
        let scoped = |statement: &Scoped| {
            allows(&statement.allow) && statement.resources.iter().any(|pattern| glob(pattern, resource))
        };
        let is_allowed = allows(&self.allow) || self.tagged.iter().any(tagged) || self.scoped.iter().any(scoped);
        is_allowed && !self.denies(action)
    }

    pub(crate) fn denies(&self, action: &str) -> bool {
        self.deny.iter().any(|pattern| glob(pattern, action))
    }
}

impl Tagged {
    /// Whether the condition matches the tags. Keys of tags are compared without case.
    fn holds(&self, tags: &SessionTags) -> bool {
        tags.tags
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(&self.tag))
            .any(|(_, value)| self.values.iter().any(|wanted| glob(wanted, value)))
    }
}

/// One statement of a role's trust policy.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Trust {
    /// AWS principals may call `sts:AssumeRole`.
    Aws {
        /// ARNs of users, roles or sessions, account ids, `arn:…:root`, or `*`.
        principals: Vec<String>,
        /// The required `sts:ExternalId`, if any.
        #[serde(default)]
        external_id: Option<String>,
    },
    /// AWS principals may call `sts:AssumeRole` with a code of their own MFA device (`aws:MultiFactorAuthPresent`).
    AwsWithMfa {
        /// Principals in the same form as in [`Trust::Aws`].
        principals: Vec<String>,
    },
    /// AWS principals may pass session tags (`sts:TagSession`) when another statement lets them assume the role.
    TagSession {
        /// Principals in the same form as in [`Trust::Aws`]. For web identities whose tokens bring tags, this is the
        /// provider.
        principals: Vec<String>,
    },
    /// Holders of a token of this OIDC provider may call `sts:AssumeRoleWithWebIdentity`.
    WebIdentity {
        /// The provider: its issuer without `https://`.
        provider: String,
        /// Conditions, all of which must be met.
        #[serde(default)]
        conditions: Vec<Condition>,
    },
}

/// One condition of a trust policy on a claim of the token.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Condition {
    /// How to compare the claim with the values.
    pub operator: Operator,
    /// The name of the claim: `aud` or `sub` (in AWS: `<provider>:aud`).
    pub claim: String,
    /// The condition is met if one of these values matches.
    pub values: Vec<String>,
}

/// Operators of conditions.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub enum Operator {
    /// The claim is equal to the value.
    StringEquals,
    /// In the value, `*` matches any characters and `?` one.
    StringLike,
    /// At least one value of a list claim (`amr`) matches, with the wildcards of `StringLike`.
    #[serde(rename = "ForAnyValue:StringLike")]
    ForAnyValueStringLike,
}

impl Condition {
    pub(crate) fn holds(&self, claims: &Claims) -> bool {
        let values = match self.operator {
            Operator::ForAnyValueStringLike => claims.list(&self.claim),
            _ => claims.get(&self.claim).into_iter().collect(),
        };
        let holds = |wanted: &String, value: &str| match self.operator {
            Operator::StringEquals => wanted == value,
            Operator::StringLike | Operator::ForAnyValueStringLike => glob(wanted, value),
        };
        values
            .into_iter()
            .any(|value| self.values.iter().any(|wanted| holds(wanted, value)))
    }
}

/// A role to add with [`Aws::add_role`](crate::Aws::add_role).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RoleSpec {
    /// The role's account, 12 digits.
    pub account: String,
    /// The role's name, without a path.
    pub name: String,
    /// The statements of the trust policy. One matching statement is enough.
    #[serde(default)]
    pub trust: Vec<Trust>,
    /// The longest session in seconds (3600 to 43200).
    #[serde(default = "an_hour")]
    pub max_duration: u64,
    /// The permissions of the role's sessions.
    #[serde(default)]
    pub permissions: Permissions,
}

fn an_hour() -> u64 {
    3600
}

/// What a repository policy allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Pulling and listing tags.
    Pull,
    /// Pushing, and everything that [`Access::Pull`] allows.
    Push,
}

/// One repository policy: lets a principal of another account use the repositories that match.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RepositoryPolicy {
    /// The account that owns the repositories.
    pub account: String,
    /// The region of the repositories.
    pub region: String,
    /// The names of the repositories; `*` matches any characters.
    pub repository: String,
    /// An account id or an ARN.
    pub principal: String,
    /// What the policy allows.
    pub access: Access,
}

/// Matches a text against a pattern of IAM policies: `*` matches any characters, `?` one.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    fn matches(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|skip| matches(rest, &text[skip..])),
            Some((b'?', rest)) => text.split_first().is_some_and(|(_, text)| matches(rest, text)),
            Some((wanted, rest)) => text
                .split_first()
                .is_some_and(|(b, text)| b == wanted && matches(rest, text)),
        }
    }
    matches(pattern.as_bytes(), text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_as_iam_does() {
        assert!(glob("ecr:*", "ecr:GetAuthorizationToken"));
        assert!(glob(
            "repo:org/*:ref:refs/heads/mai?",
            "repo:org/app:ref:refs/heads/main"
        ));
        assert!(!glob("ecr:Get", "ecr:GetAuthorizationToken"));
        assert!(!glob("repo:org/*", "repo:other/app"));
    }

    #[test]
    fn a_denial_wins() {
        let permissions = Permissions::deny(["ecr:GetAuthorizationToken"]);
        let nobody = SessionTags::default();
        assert!(permissions.allows_on("ecr:BatchGetImage", "*", &nobody));
        assert!(!permissions.allows_on("ecr:GetAuthorizationToken", "*", &nobody));
    }
}
