//! The role settings of flags and rules, checked by STS's rules.

use serde::de::IgnoredAny;

use super::cognito::{CognitoSettings, IdentityFlow};
use super::limits::{
    DURATIONS, LONGEST_CHAINED, LONGEST_POLICY, LONGEST_TAG_KEY, LONGEST_TAG_VALUE, MOST_POLICY_ARNS, MOST_TAGS,
};
use super::setting::SurfaceValue;
use super::table::{DURATION, POLICY, POLICY_ARN, RoleSettings, TABLE, TAG, TRANSITIVE_TAG};
use diagnostics::{Code, Error, Result};
use secret::Secret;

impl RoleSettings {
    /// Returns the fields of a cache key whose settings are used as given, in the order of the table. The plan adds the fields that it completes:
    /// roles, audience, session name, source and token.
    pub fn key_fields(&self) -> Vec<(&'static str, Secret)> {
        let mut fields = Vec::new();
        for setting in TABLE.iter().filter(|setting| setting.is_in_cache_key) {
            let texts = (setting.get)(self).map(SurfaceValue::into_texts).into_iter().flatten();
            fields.extend(texts.map(|text| (setting.name, Secret::new(text))));
        }
        fields
    }

    /// Checks all that does not depend on the environment. `roles` is the number of roles; `by_token` says whether the first one is assumed with a
    /// token, which excludes tags.
    pub fn check(&self, roles: usize, by_token: bool) -> Result<()> {
        self.check_duration(roles)?;
        self.check_policies()?;
        self.check_tags()?;
        self.refuse_tags_of_token(roles, by_token)
    }

    /// Checks that a role assumed with a token gets no tags. This needs to know what assumes the first role.
    pub fn refuse_tags_of_token(&self, roles: usize, by_token: bool) -> Result<()> {
        if by_token && roles == 1 && !self.tags.is_empty() {
            return Err(Error::usage(
                Code::SessionSetting,
                &TAG,
                "a role that is assumed with a token takes its tags from the token's own claims",
            )
            .hint(
                "give tags to a role of the chain, or let the issuer put https://aws.amazon.com/tags into the token",
            ));
        }
        Ok(())
    }

    fn check_duration(&self, roles: usize) -> Result<()> {
        let Some(seconds) = self.duration else { return Ok(()) };
        if !DURATIONS.contains(&seconds) {
            return Err(Error::usage(
                Code::SessionSetting,
                &DURATION,
                format!("{seconds} s is not a session length"),
            )
            .hint("sessions live 900 to 43200 seconds, and no longer than the role allows"));
        }
        if roles > 1 && seconds > LONGEST_CHAINED {
            return Err(Error::usage(
                Code::SessionSetting,
                &DURATION,
                format!("{seconds} s is too long for a role that a role assumes"),
            )
            .hint("AWS gives chained roles an hour at most: 900 to 3600"));
        }
        Ok(())
    }

    fn check_policies(&self) -> Result<()> {
        if let Some(policy) = &self.policy {
            if let Err(error) = serde_json::from_str::<IgnoredAny>(policy) {
                return Err(
                    Error::usage(Code::SessionSetting, &POLICY, format!("it is not JSON: {error}"))
                        .hint("give the policy's JSON, or @FILE for a file that holds it"),
                );
            }
            let length = policy.chars().count();
            if length > LONGEST_POLICY {
                return Err(Error::usage(
                    Code::SessionSetting,
                    &POLICY,
                    format!("it has {length} characters, STS takes {LONGEST_POLICY} at most"),
                )
                .hint(format!(
                    "leave out blanks, or make it a managed policy and name it with {POLICY_ARN}"
                )));
            }
        }
        if self.policy_arns.len() > MOST_POLICY_ARNS as usize {
            return Err(Error::usage(
                Code::SessionSetting,
                &POLICY_ARN,
                "STS takes 10 managed policies at most",
            ));
        }
        match self.policy_arns.iter().find(|arn| !is_policy_arn(arn)) {
            Some(arn) => Err(Error::usage(
                Code::SessionSetting,
                &POLICY_ARN,
                format!("{arn} is not the ARN of a policy"),
            )
            .hint("write it as arn:aws:iam::<12-digit account>:policy/<name>, or arn:aws:iam::aws:policy/<name>")),
            None => Ok(()),
        }
    }

    fn check_tags(&self) -> Result<()> {
        let wrong = |cause: String| {
            Err(Error::usage(Code::SessionSetting, &TAG, cause)
                .hint("write tags as KEY=VALUE; AWS takes letters, digits, blanks and _.:/=+-@ in them"))
        };
        if self.tags.len() > MOST_TAGS as usize {
            return wrong("STS takes 50 tags at most".to_owned());
        }
        for (at, (key, value)) in self.tags.iter().enumerate() {
            let length = key.chars().count();
            if !(1..=LONGEST_TAG_KEY).contains(&length) || !key.chars().all(is_tag_character) {
                return wrong(format!("{key:?} is not a valid tag key"));
            }
            if value.chars().count() > LONGEST_TAG_VALUE as usize || !value.chars().all(is_tag_character) {
                return wrong(format!(
                    "the value of {key} is too long, or there is a character in it that AWS refuses"
                ));
            }
            // STS compares keys case-insensitively.
            if self.tags[..at].iter().any(|(other, _)| other.eq_ignore_ascii_case(key)) {
                return wrong(format!("{key} is given twice"));
            }
        }
        match self.transitive_tags.iter().find(|key| !self.has_tag(key)) {
            Some(key) => Err(
                Error::usage(Code::SessionSetting, &TRANSITIVE_TAG, format!("there is no tag {key}"))
                    .hint(format!("it names the key of a tag that is given with {TAG}")),
            ),
            None => Ok(()),
        }
    }

    fn has_tag(&self, key: &str) -> bool {
        self.tags.iter().any(|(known, _)| known == key)
    }
}

impl CognitoSettings {
    /// Checks the form of every id, which settings go together, and STS's limits in the classic flow.
    ///
    /// # Errors
    /// A usage error that names the setting by its flag without the hyphens, which is also its key in the configuration.
    pub fn check(&self) -> Result<()> {
        self.check_texts()?;
        self.check_flow()?;
        if self.identity_flow == IdentityFlow::Classic {
            let of_sts = RoleSettings {
                duration: self.duration,
                policy: self.policy.clone(),
                ..RoleSettings::default()
            };
            of_sts.check(1, true)?;
        }
        self.sign_in().map(drop)
    }
}

fn is_policy_arn(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    matches!(parts[..], ["arn", partition, "iam", "", account, resource]
        if partition.starts_with("aws") && !account.is_empty() && resource.starts_with("policy/"))
}

/// Whether a character is in `[\p{L}\p{Z}\p{N}_.:/=+\-@]`, which STS allows in tags.
fn is_tag_character(c: char) -> bool {
    c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(settings: &RoleSettings) -> Option<i32> {
        settings.check(2, true).err().map(|error| error.exit().code())
    }

    #[test]
    fn durations_are_checked() {
        let with = |duration, roles| {
            let settings = RoleSettings {
                duration: Some(duration),
                ..RoleSettings::default()
            };
            settings.check(roles, true).is_ok()
        };
        assert!(with(900, 1) && with(43_200, 1) && with(3600, 2));
        assert!(!with(899, 1) && !with(43_201, 1) && !with(3601, 2));
    }

    #[test]
    fn policies_are_checked() {
        let policy = |text: String| RoleSettings {
            policy: Some(text),
            ..RoleSettings::default()
        };
        assert_eq!(exit(&policy("{}".to_owned())), None);
        assert_eq!(exit(&policy("{".to_owned())), Some(2));
        let long = |length: usize| format!("\"{}\"", "é".repeat(length - 2));
        assert_eq!(exit(&policy(long(2048))), None);
        assert_eq!(exit(&policy(long(2049))), Some(2));
        let arns = |arn: &str, count| RoleSettings {
            policy_arns: vec![arn.to_owned(); count],
            ..RoleSettings::default()
        };
        assert_eq!(exit(&arns("arn:aws:iam::aws:policy/ReadOnly", 10)), None);
        assert_eq!(exit(&arns("arn:aws:iam::aws:policy/ReadOnly", 11)), Some(2));
        for wrong in ["ReadOnly", "arn:aws:iam::111122223333:role/x", "arn:aws:s3:::policy/x"] {
            assert_eq!(exit(&arns(wrong, 1)), Some(2), "{wrong}");
        }
    }

    #[test]
    fn tags_are_checked() {
        let tags = |tags: &[(&str, &str)], transitive: &[&str]| RoleSettings {
            tags: tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            transitive_tags: transitive.iter().map(|key| (*key).to_owned()).collect(),
            ..RoleSettings::default()
        };
        assert_eq!(exit(&tags(&[("Team", "a b@c"), ("Project", "")], &["Team"])), None);
        let long = "x".repeat(257);
        for wrong in [
            tags(&[("", "x")], &[]),
            tags(&[("a#", "x")], &[]),
            tags(&[("a", "x\n")], &[]),
            tags(&[("a", &long)], &[]),
            tags(&[(&long[..129], "x")], &[]),
            tags(&[("a", "x"), ("A", "y")], &[]),
            tags(&[("a", "x")], &["b"]),
        ] {
            assert_eq!(exit(&wrong), Some(2), "{wrong:?}");
        }
        assert!(tags(&[("a", "x")], &[]).check(1, false).is_ok());
        assert!(tags(&[("a", "x")], &[]).check(1, true).is_err());
    }
}
