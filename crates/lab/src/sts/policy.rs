//! Session policies, and the limits on the size of policies and tags.

use serde_json::Value;

use super::parameters::{Parameters, check};
use super::{constraint, validation};
use crate::answer::Refusal;
use crate::policy::{Permissions, Scoped};
use crate::principals::Iam;
use crate::session_tags::SessionTags;

const MOST_ARNS: usize = 10;
/// The limit in characters for the inline policy and the ARNs together.
const LARGEST_POLICY: usize = 2048;
/// How many characters of tags fill the packed size. AWS doesn't publish the format in which it packs policies and
/// tags. AWS refuses nine tags of 250 equal letters with "498% of allotted space".
const ROOM_FOR_TAGS: usize = 459;

/// The limits that session policies set on a session.
#[derive(Debug, Default)]
pub(super) struct SessionPolicies {
    /// Empty if the session has no policies.
    pub(super) permissions: Vec<Permissions>,
    characters: usize,
}

impl SessionPolicies {
    /// Reads the inline session policy and the managed policies. A session may do what one of them allows and none of
    /// them denies.
    pub(super) fn read(parameters: &Parameters, role_arn: &str, iam: &Iam) -> Result<Self, Refusal> {
        let mut granted = Permissions {
            allow: Vec::new(),
            deny: Vec::new(),
            tagged: Vec::new(),
            scoped: Vec::new(),
        };
        let inline = parameters.get("Policy");
        if let Some(text) = inline {
            read_inline(text, &mut granted)?;
        }
        let arns: Vec<&str> = parameters.members("PolicyArns", ".arn").flatten().collect();
        if arns.len() > MOST_ARNS {
            let rule = format!("have length less than or equal to {MOST_ARNS}");
            return Err(constraint("[…]", "policyArns", &rule));
        }
        for arn in &arns {
            let policy = managed(arn, role_arn, iam)?;
            granted.allow.extend(policy.allow);
            granted.deny.extend(policy.deny);
            granted.tagged.extend(policy.tagged);
            granted.scoped.extend(policy.scoped);
        }
        let any = inline.is_some() || !arns.is_empty();
        Ok(Self {
            permissions: if any { vec![granted] } else { Vec::new() },
            characters: inline.into_iter().chain(arns).map(|text| text.chars().count()).sum(),
        })
    }

    /// Returns how much of the room for policies and tags is used, in per cent. `None` without policies and tags.
    pub(super) fn packed_size(&self, tags: &SessionTags) -> Result<Option<usize>, Refusal> {
        let per_cent = self.characters * 100 / LARGEST_POLICY + tags.size() * 100 / ROOM_FOR_TAGS;
        if per_cent > 100 {
            let message = if self.permissions.is_empty() {
                format!("Packed size of session tags consumes {per_cent}% of allotted space.")
            } else {
                format!("Packed policy consumes {per_cent}% of allotted space, please use smaller policy.")
            };
            return Err(Refusal::new(400, "PackedPolicyTooLarge", message));
        }
        let any = !self.permissions.is_empty() || !tags.tags.is_empty();
        Ok(any.then_some(per_cent))
    }
}

/// Reads effects and actions, and the resources of allowed actions. Conditions are ignored.
fn read_inline(text: &str, into: &mut Permissions) -> Result<(), Refusal> {
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}');
    let pattern = r"[\u0009\u000A\u000D\u0020-\u00FF]+";
    check(text, "policy", 1..=LARGEST_POLICY, pattern, allowed)?;
    let policy: Value = serde_json::from_str(text).map_err(|_| malformed("This policy contains invalid Json"))?;
    let version = policy.get("Version").map_or(Some("2008-10-17"), Value::as_str);
    if !matches!(version, Some("2008-10-17" | "2012-10-17")) {
        return Err(malformed("Policy document must be version 2012-10-17 or greater."));
    }
    let statements = policy.get("Statement").ok_or_else(syntax)?;
    one_or_many(statements)
        .into_iter()
        .try_for_each(|statement| read_statement(statement, into))
}

fn read_statement(statement: &Value, into: &mut Permissions) -> Result<(), Refusal> {
    if statement.get("Principal").or(statement.get("NotPrincipal")).is_some() {
        return Err(malformed("Policy document should not specify a principal."));
    }
    if statement.get("Resource").or(statement.get("NotResource")).is_none() {
        return Err(malformed("Policy statement must contain resources."));
    }
    let resources = statement.get("Resource").map(one_or_many).unwrap_or_default();
    let resources: Vec<String> = resources
        .into_iter()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    let is_scoped = !resources.is_empty() && resources.iter().all(|resource| resource != "*");
    let list = match statement.get("Effect").and_then(Value::as_str) {
        Some("Allow") if is_scoped => {
            into.scoped.push(Scoped {
                allow: Vec::new(),
                resources,
            });
            into.scoped
                .last_mut()
                .map(|scoped| &mut scoped.allow)
                .ok_or_else(syntax)?
        }
        Some("Allow") => &mut into.allow,
        Some("Deny") => &mut into.deny,
        _ => return Err(syntax()),
    };
    let actions = statement
        .get("Action")
        .ok_or_else(|| malformed("Policy statement must contain actions."))?;
    for action in one_or_many(actions) {
        let action = action.as_str().ok_or_else(syntax)?;
        if action != "*" && !action.contains(':') {
            let message = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";
            return Err(malformed(message));
        }
        list.push(action.to_owned());
    }
    Ok(())
}

fn one_or_many(value: &Value) -> Vec<&Value> {
    value
        .as_array()
        .map_or_else(|| vec![value], |values| values.iter().collect())
}

/// Returns a managed policy of AWS or of the role's account.
fn managed(arn: &str, role_arn: &str, iam: &Iam) -> Result<Permissions, Refusal> {
    let account = |arn: &str| arn.split(':').nth(4).map(str::to_owned);
    let reachable = account(arn).is_some_and(|of| of == "aws" || Some(of) == account(role_arn));
    iam.managed_policy(arn).filter(|_| reachable).ok_or_else(|| {
        validation(&format!(
            "ARN {arn} is not valid: the role's account has no such policy"
        ))
    })
}

fn syntax() -> Refusal {
    malformed("Syntax errors in policy.")
}

fn malformed(message: &str) -> Refusal {
    Refusal::new(400, "MalformedPolicyDocument", message)
}

#[cfg(test)]
mod tests {
    use super::super::tags::session_tags;
    use super::*;

    const ROLE: &str = "arn:aws:iam::111122223333:role/ci";

    fn read(form: &str) -> Result<SessionPolicies, Refusal> {
        SessionPolicies::read(&Parameters::read(form), ROLE, &Iam::default())
    }

    fn statement(statement: &str) -> Result<SessionPolicies, Refusal> {
        read(&format!(r#"Policy={{"Version":"2012-10-17","Statement":{statement}}}"#))
    }

    #[test]
    fn inline_policies_narrow_and_bad_ones_are_named() {
        let policy = statement(r#"[{"Effect":"Allow","Action":["ecr:Get*","s3:*"],"Resource":"*"}]"#).unwrap();
        assert!(policy.permissions[0].allows_on("ecr:GetAuthorizationToken", "*", &SessionTags::default()));
        assert!(!policy.permissions[0].allows_on("ecr:PutImage", "*", &SessionTags::default()));
        let one = r#"{"Effect":"Allow","Action":"ecr:*","Resource":"arn:aws:ecr:*:repository/app"}"#;
        let narrow = &statement(one).unwrap().permissions[0];
        for (resource, allowed) in [("app", true), ("apps", false)] {
            let arn = format!("arn:aws:ecr:eu-west-1:111122223333:repository/{resource}");
            assert_eq!(narrow.allows_on("ecr:PutImage", &arn, &SessionTags::default()), allowed);
        }
        for (text, wanted) in [
            (r#"{"Effect":"Allow","Action":"ecr:*"}"#, "must contain resources"),
            (r#"{"Effect":"Allow","Resource":"*"}"#, "must contain actions"),
            (
                r#"{"Effect":"Allow","Action":"read","Resource":"*"}"#,
                "prefaced by a vendor",
            ),
            (r#"{"Effect":"allow","Action":"ecr:*","Resource":"*"}"#, "Syntax errors"),
            (
                r#"{"Effect":"Allow","Action":"ecr:*","Resource":"*","Principal":"*"}"#,
                "principal",
            ),
        ] {
            let refusal = statement(text).unwrap_err();
            assert_eq!(refusal.code, "MalformedPolicyDocument");
            assert!(refusal.message.contains(wanted), "{}", refusal.message);
        }
        assert_eq!(
            read("Policy={").unwrap_err().message,
            "This policy contains invalid Json"
        );
        assert!(
            read(&format!("Policy={}", " ".repeat(2049)))
                .unwrap_err()
                .message
                .contains("equal to 2048")
        );
    }

    #[test]
    fn managed_policies_are_known_ones_and_ten_at_most() {
        let arns = |name: &str, count: usize| -> String {
            (1..=count)
                .map(|i| format!("PolicyArns.member.{i}.arn={name}&"))
                .collect()
        };
        let read_only = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly";
        let policies = read(&arns(read_only, 10)).unwrap();
        assert!(
            policies.permissions[0].allows_on("ecr:BatchGetImage", "*", &SessionTags::default())
                && !policies.permissions[0].allows_on("ecr:PutImage", "*", &SessionTags::default())
        );
        assert!(read(&arns(read_only, 11)).unwrap_err().message.contains("equal to 10"));
        assert!(read(&arns("arn:aws:iam::aws:policy/Nobodys", 1)).is_err());
    }

    #[test]
    fn what_does_not_fit_is_too_large() {
        let tags = |count: usize| {
            let value = "a".repeat(250);
            let form: String = (1..=count)
                .map(|i| format!("Tags.member.{i}.Key=T{i}&Tags.member.{i}.Value={value}&"))
                .collect();
            session_tags(&Parameters::read(&form), &SessionTags::default()).unwrap()
        };
        let none = SessionPolicies::default();
        assert_eq!(none.packed_size(&tags(0)).unwrap(), None);
        assert_eq!(none.packed_size(&tags(1)).unwrap(), Some(55));
        let refusal = none.packed_size(&tags(9)).unwrap_err();
        assert_eq!(refusal.code, "PackedPolicyTooLarge");
        assert_eq!(
            refusal.message,
            "Packed size of session tags consumes 498% of allotted space."
        );
        let large = format!(
            r#"{{"Effect":"Allow","Action":"ecr:*","Resource":"*"{}}}"#,
            " ".repeat(1200)
        );
        let refusal = statement(&large).unwrap().packed_size(&tags(1)).unwrap_err();
        assert!(
            refusal.message.starts_with("Packed policy consumes 11"),
            "{}",
            refusal.message
        );
    }
}
