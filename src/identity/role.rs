//! A role by name, and the roles after it: one plan, checked before the first call.

use super::Source;
use super::ci_token::{self, CiToken};
use crate::error::{Error, Result};
use crate::registry::Registry;
use crate::secret::Secret;
use crate::world::Env;

/// STS's shortest and longest sessions, in seconds.
const DURATIONS: std::ops::RangeInclusive<u32> = 900..=43_200;
/// A session that another session asked for lives an hour at most.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining>
const LONGEST_CHAINED: u32 = 3600;

/// Which roles are wanted, and how, as flags or the configuration say it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleSettings {
    /// The first role: an ARN, or a name in the registry's account.
    pub role_arn: Option<String>,
    /// The roles after it, each assumed with the one before.
    pub chain: Vec<String>,
    /// The audience a token is asked for.
    pub audience: Option<String>,
    /// The session's name.
    pub session_name: Option<String>,
    /// How long the last role's session lives, in seconds.
    pub duration: Option<u32>,
    /// The external id that the trust policies of assumed roles ask for.
    pub external_id: Option<String>,
    /// Where the first role's trust comes from.
    pub source: SourceChoice,
}

/// Where the credentials for the first role come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SourceChoice {
    /// The CI's token, or else the chain.
    #[default]
    Auto,
    /// The CI's token, and nothing else.
    Oidc,
    /// AWS's standard chain, whatever the CI has.
    Chain,
}

/// The roles to assume, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolePlan {
    /// What assumes the first one.
    pub base: Base,
    /// ARNs, at least one.
    pub roles: Vec<String>,
    /// The audience a token is asked for.
    pub audience: String,
    /// Cleaned, 2 to 64 characters.
    pub session_name: String,
    /// Of the last role, in seconds.
    pub duration: Option<u32>,
    /// For `AssumeRole`.
    pub external_id: Option<String>,
}

/// What assumes the first role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// The CI job's token.
    Token(CiToken),
    /// Credentials of the standard chain.
    Source(Source),
}

impl RolePlan {
    /// Checks the settings and completes them from the environment. `chain` finds the standard chain's source, where it is needed.
    ///
    /// # Errors
    /// Usage errors for what STS would refuse; no token where one is insisted on; what `chain` says.
    pub fn new(
        settings: &RoleSettings,
        first: &str,
        registry: &Registry,
        env: &Env,
        chain: impl FnOnce() -> Result<Source>,
    ) -> Result<Self> {
        let names = std::iter::once(first).chain(settings.chain.iter().map(String::as_str));
        let roles = names.map(|name| role_arn(name, registry)).collect::<Result<Vec<_>>>()?;
        let base = match (settings.source, CiToken::find(env)) {
            (SourceChoice::Chain, _) => Base::Source(chain()?),
            (_, Some(token)) => Base::Token(token),
            (SourceChoice::Oidc, None) => return Err(ci_token::missing(env)),
            (SourceChoice::Auto, None) => Base::Source(chain().map_err(|error| ci_token::missing_or(env, error))?),
        };
        let session_name = settings
            .session_name
            .as_deref()
            .or_else(|| env.get("AWS_ROLE_SESSION_NAME"));
        let china = registry.partition().id() == "aws-cn";
        let audience = if china {
            "sts.amazonaws.com.cn"
        } else {
            "sts.amazonaws.com"
        };
        Ok(Self {
            duration: duration(settings.duration, roles.len())?,
            session_name: session_name.map_or_else(|| ci_token::session_name(env), ci_token::clean_session_name),
            audience: settings.audience.clone().unwrap_or_else(|| audience.to_owned()),
            external_id: settings.external_id.clone(),
            base,
            roles,
        })
    }

    /// What tells these roles' credentials from all others.
    pub fn key_fields(&self) -> Vec<(&'static str, Secret)> {
        let field = |name, value: &str| (name, Secret::new(value));
        let mut fields = vec![field("source", "role")];
        fields.extend(self.roles.iter().map(|role| field("role", role)));
        fields.push(field("audience", &self.audience));
        fields.push(field("session-name", &self.session_name));
        fields.push(field("duration", &self.duration.unwrap_or_default().to_string()));
        fields.push(field("external-id", self.external_id.as_deref().unwrap_or_default()));
        match &self.base {
            Base::Token(token) => fields.push(token.key()),
            Base::Source(source) => fields.extend(source.key_fields()),
        }
        fields
    }
}

/// An ARN as it stands, or a name completed with the registry's partition and account.
fn role_arn(name: &str, registry: &Registry) -> Result<String> {
    let what = format!("role {name}");
    let hint = "write it as arn:aws:iam::<12-digit account>:role/<name>, or the name alone for the registry's account";
    if let Some(rest) = name.strip_prefix("arn:") {
        let parts: Vec<&str> = rest.splitn(5, ':').collect();
        return match parts[..] {
            [partition, "iam", "", account, resource]
                if partition.starts_with("aws")
                    && account.len() == 12
                    && account.bytes().all(|b| b.is_ascii_digit())
                    && resource.strip_prefix("role/").is_some_and(|name| !name.is_empty()) =>
            {
                Ok(name.to_owned())
            }
            _ => Err(Error::usage(what, "this is not the ARN of a role").hint(hint)),
        };
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-/".contains(c);
    match registry.account() {
        _ if name.is_empty() || !name.chars().all(is_name) => {
            Err(Error::usage(what, "this is no name of a role").hint(hint))
        }
        Some(account) => Ok(format!("arn:{}:iam::{account}:role/{name}", registry.partition().id())),
        None => Err(Error::usage(what, "ECR Public belongs to no account that would complete the name").hint(hint)),
    }
}

fn duration(wanted: Option<u32>, roles: usize) -> Result<Option<u32>> {
    let Some(seconds) = wanted else { return Ok(None) };
    if !DURATIONS.contains(&seconds) {
        return Err(
            Error::usage("duration", format!("{seconds} s is no length of a session"))
                .hint("sessions live 900 to 43200 seconds, and no longer than the role allows"),
        );
    }
    if roles > 1 && seconds > LONGEST_CHAINED {
        return Err(Error::usage(
            "duration",
            format!("{seconds} s is too long for a role that a role assumes"),
        )
        .hint("AWS gives chained roles an hour at most: 900 to 3600"));
    }
    Ok(Some(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:iam::111122223333:role/ci/push";

    fn registry(host: &str) -> Registry {
        Registry::parse(host).unwrap()
    }

    fn ours() -> Registry {
        registry("111122223333.dkr.ecr.eu-west-1.amazonaws.com")
    }

    fn plan(settings: &RoleSettings, vars: &[(&str, &str)]) -> Result<RolePlan> {
        let env: Env = vars.iter().copied().collect();
        let instance = || Ok(Source::InstanceMetadata { endpoint: None });
        RolePlan::new(settings, ARN, &ours(), &env, instance)
    }

    #[test]
    fn names_are_completed_from_the_registry() {
        assert_eq!(role_arn(ARN, &ours()).unwrap(), ARN);
        assert_eq!(
            role_arn("push", &ours()).unwrap(),
            "arn:aws:iam::111122223333:role/push"
        );
        let china = registry("111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn");
        assert_eq!(
            role_arn("push", &china).unwrap(),
            "arn:aws-cn:iam::111122223333:role/push"
        );
        for wrong in [
            "",
            "a b",
            "arn:aws:iam::111122223333:user/x",
            "arn:aws:iam::11112222333:role/x",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:sts::111122223333:assumed-role/x/y",
        ] {
            assert_eq!(role_arn(wrong, &ours()).unwrap_err().exit().code(), 2, "{wrong}");
        }
        assert!(role_arn("push", &registry("public.ecr.aws")).is_err());
    }

    #[test]
    fn the_token_is_taken_the_chain_or_neither() {
        let token = [("ECR_AUTH_ID_TOKEN", "jwt")];
        let base = |source, vars: &[(&str, &str)]| {
            let settings = RoleSettings {
                source,
                ..RoleSettings::default()
            };
            plan(&settings, vars).map(|plan| matches!(plan.base, Base::Token(_)))
        };
        assert_eq!(base(SourceChoice::Auto, &token), Ok(true));
        assert_eq!(base(SourceChoice::Auto, &[]), Ok(false));
        assert_eq!(base(SourceChoice::Oidc, &token), Ok(true));
        assert!(base(SourceChoice::Oidc, &[]).is_err());
        assert_eq!(base(SourceChoice::Chain, &token), Ok(false));
    }

    #[test]
    fn durations_are_checked_before_the_first_call() {
        let with = |duration, chain: &[&str]| {
            let settings = RoleSettings {
                duration: Some(duration),
                chain: chain.iter().map(|role| (*role).to_owned()).collect(),
                ..RoleSettings::default()
            };
            plan(&settings, &[]).is_ok()
        };
        assert!(with(900, &[]) && with(43_200, &[]) && with(3600, &["next"]));
        assert!(!with(899, &[]) && !with(43_201, &[]) && !with(3601, &["next"]));
    }

    #[test]
    fn every_part_of_the_plan_is_in_the_key() {
        let fields = |settings: &RoleSettings, vars: &[(&str, &str)]| {
            let fields = plan(settings, vars).unwrap().key_fields();
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, value)| format!("{name}={}", value.expose()))
                .collect();
            fields.join("\n")
        };
        let base = RoleSettings::default();
        let token = [("ECR_AUTH_ID_TOKEN", "jwt")];
        let some = |text: &str| Some(text.to_owned());
        for other in [
            RoleSettings {
                chain: vec!["next".into()],
                ..base.clone()
            },
            RoleSettings {
                audience: some("a"),
                ..base.clone()
            },
            RoleSettings {
                session_name: some("session"),
                ..base.clone()
            },
            RoleSettings {
                duration: Some(900),
                ..base.clone()
            },
            RoleSettings {
                external_id: some("e"),
                ..base.clone()
            },
            RoleSettings {
                source: SourceChoice::Chain,
                ..base.clone()
            },
        ] {
            assert_ne!(fields(&other, &token), fields(&base, &token), "{other:?}");
        }
        assert_ne!(fields(&base, &[("ECR_AUTH_ID_TOKEN", "other")]), fields(&base, &token));
    }
}
