//! A named role and the roles after it, as one plan that is checked before the first call.

use std::fmt;
use std::sync::OnceLock;

use super::chain::ChainSource;
use ci::{CiToken, session_name};
use context::Env;
use diagnostics::{Code, Error, Result};
use ecr_registry::{Partition, Registry};
use secret::Secret;
use settings::table::REGION;
use settings::{RoleSettings, SourceChoice, is_role_arn};

/// What an identity is used for: completes a role's name to an ARN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdentityScope<'a> {
    /// The partition of the registry, or of the current region.
    pub partition: &'static Partition,
    /// The registry's account.
    pub account: Option<&'a str>,
}

impl IdentityScope<'_> {
    /// Returns the scope of a region, for use without a registry. It has no account.
    pub fn of_region(region: &str) -> Self {
        Self {
            partition: Partition::for_region(region),
            account: None,
        }
    }
}

impl<'a> From<&'a Registry> for IdentityScope<'a> {
    fn from(registry: &'a Registry) -> Self {
        Self {
            partition: registry.partition(),
            account: registry.account(),
        }
    }
}

/// The roles to assume, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolePlan {
    /// What assumes the first one.
    pub base: RoleBase,
    /// The roles' ARNs, at least one.
    pub roles: Vec<String>,
    /// The audience of the token to request.
    pub audience: String,
    /// The session's name: characters that STS accepts, 2 to 64 of them.
    pub session_name: String,
    /// All other settings, as given.
    pub settings: RoleSettings,
    /// The CI whose job has no token although the settings ask for one. Errors name what that CI's job lacks.
    pub without_token_in: Option<&'static str>,
    /// The token that the CI minted for this process, if it did.
    pub minted: OnceLock<Secret>,
}

/// What assumes the first role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleBase {
    /// The CI job's token.
    Token(CiToken),
    /// Credentials of the standard chain.
    Source(ChainSource),
}

impl RoleBase {
    /// Returns the CI job's token or, if the settings allow it, a source of the standard chain, which `chain` finds.
    ///
    /// # Errors
    /// There is no token although the settings require one, or the error of `chain`.
    pub(super) fn find(
        settings: &RoleSettings,
        env: &Env,
        chain: impl FnOnce() -> Result<ChainSource>,
    ) -> Result<Self> {
        if settings.source == SourceChoice::Chain {
            return chain().map(Self::Source);
        }
        if let Some(token) = CiToken::find(env, settings.token.as_ref())? {
            return Ok(Self::Token(token));
        }
        if settings.source == SourceChoice::Oidc {
            return Err(ci::missing_token(env));
        }
        let found = chain().map_err(|error| ci::missing_token_before(env, error));
        found.map(Self::Source)
    }
}

impl RolePlan {
    /// Checks the settings and completes them from the environment. `base` finds what assumes the first role.
    ///
    /// # Errors
    /// Usage errors for what STS would refuse; the error of `base`.
    pub(super) fn new(
        first: &str,
        settings: RoleSettings,
        scope: &IdentityScope<'_>,
        env: &Env,
        base: impl FnOnce(&RoleSettings) -> Result<RoleBase>,
    ) -> Result<Self> {
        let roles = roles(&settings, first, scope)?;
        settings.check(roles.len(), settings.source == SourceChoice::Oidc)?;
        let base = base(&settings)?;
        settings.refuse_tags_of_token(roles.len(), matches!(base, RoleBase::Token(_)))?;
        let named = settings.session_name.as_deref();
        let is_without = settings.source != SourceChoice::Chain && matches!(base, RoleBase::Source(_));
        let without_token_in = ci::running_in(env).filter(|_| is_without).map(|ci| ci.name);
        Ok(Self {
            without_token_in,
            minted: OnceLock::new(),
            session_name: named.map_or_else(|| session_name::from_env(env), session_name::clean),
            audience: settings
                .audience
                .clone()
                .unwrap_or_else(|| audience(&roles[0]).to_owned()),
            settings,
            base,
            roles,
        })
    }

    /// Returns the last role, whose credentials are used.
    pub fn last(&self) -> &str {
        self.roles.last().map_or("", String::as_str)
    }

    /// Returns the account of the last role: 12 digits.
    pub fn account(&self) -> &str {
        account(self.last())
    }

    /// Returns named fields for a cache key that tell these roles' credentials from all others.
    pub fn key_fields(&self) -> Vec<(&'static str, Secret)> {
        let field = |name, value: &str| (name, Secret::new(value));
        let mut fields = vec![field("source", "role")];
        fields.extend(self.roles.iter().map(|role| field("role", role)));
        fields.push(field("audience", &self.audience));
        fields.push(field("session-name", &self.session_name));
        fields.extend(self.settings.key_fields());
        // A failure is shared with other processes, and its hint is that CI's.
        fields.extend(self.without_token_in.map(|ci| field("without-token-in", ci)));
        match &self.base {
            RoleBase::Token(token) => fields.extend(token.key_fields()),
            RoleBase::Source(source) => fields.extend(source.key_fields()),
        }
        fields
    }
}

impl fmt::Display for RolePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.last();
        match &self.base {
            RoleBase::Token(token) => write!(f, "{last} by {}", token.name()),
            RoleBase::Source(source) => write!(f, "{last} by {source}"),
        }
    }
}

/// Checks the settings of roles without a job that uses them.
///
/// # Errors
/// Usage errors for what STS would refuse.
pub(super) fn check(settings: &RoleSettings, scope: &IdentityScope<'_>) -> Result<()> {
    let count = match &settings.role_arn {
        Some(first) => roles(settings, first, scope)?.len(),
        // The environment names the first role later.
        None => settings.chain.len() + 1,
    };
    settings.check(count, settings.source == SourceChoice::Oidc)
}

/// Returns the account of the last role, 12 digits, if the settings name the first one.
///
/// # Errors
/// A role's name is invalid.
pub fn last_account(settings: &RoleSettings, scope: &IdentityScope<'_>) -> Result<Option<String>> {
    let Some(first) = &settings.role_arn else {
        return Ok(None);
    };
    let roles = roles(settings, first, scope)?;
    Ok(roles.last().map(|last| account(last).to_owned()))
}

fn account(role_arn: &str) -> &str {
    role_arn.split(':').nth(4).unwrap_or_default()
}

fn roles(settings: &RoleSettings, first: &str, scope: &IdentityScope<'_>) -> Result<Vec<String>> {
    let names = std::iter::once(first).chain(settings.chain.iter().map(String::as_str));
    names.map(|name| role_arn(name, scope)).collect()
}

/// Returns the default audience of STS in the role's partition.
pub(crate) fn audience(role_arn: &str) -> &'static str {
    Partition::for_arn(role_arn).sts_audience()
}

/// Returns an ARN unchanged, or completes a name with the registry's partition and account.
fn role_arn(name: &str, scope: &IdentityScope<'_>) -> Result<String> {
    let what = format!("role {name}");
    let hint = "write it as arn:aws:iam::<12-digit account>:role/<name>, or the name alone for the registry's account";
    if let Some(rest) = name.strip_prefix("arn:") {
        // The characters of a path: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html>
        if !is_role_arn(name) {
            return Err(match role_of_session(name) {
                Some(role) => Error::usage(Code::Role, what, "this is the ARN of a session, not of its role").hint(
                    format!("the role is {role}; if the role has a path, write it before the name: role/PATH/NAME"),
                ),
                None => Error::usage(Code::Role, what, "this is not the ARN of a role").hint(hint),
            });
        }
        // STS does not know roles of another partition, and reports them as missing.
        let partition = rest.split(':').next().unwrap_or_default();
        return match partition == scope.partition.id() {
            true => Ok(name.to_owned()),
            false => Err(of_another_partition(&what, partition, scope)),
        };
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-/".contains(c);
    match scope.account {
        _ if name.is_empty() || !name.chars().all(is_name) => {
            Err(Error::usage(Code::Role, what, "this is not a role name").hint(hint))
        }
        Some(account) => Ok(format!("arn:{}:iam::{account}:role/{name}", scope.partition.id())),
        None => Err(Error::usage(Code::Role, what, "no registry's account is known to complete the name").hint(hint)),
    }
}

/// Returns the role of a session's ARN, such as `arn:aws:sts::111122223333:assumed-role/NAME/SESSION`.
pub(crate) fn role_of_session(arn: &str) -> Option<String> {
    let (start, resource) = arn.split_once(":assumed-role/")?;
    let name = resource.split('/').next()?;
    let role = format!("{}:role/{name}", start.replacen(":sts:", ":iam:", 1));
    is_role_arn(&role).then_some(role)
}

fn of_another_partition(what: &str, partition: &str, scope: &IdentityScope<'_>) -> Error {
    let ours = scope.partition.id();
    Error::usage(
        Code::Role,
        what,
        format!("it is of the partition {partition}, the registry or region of {ours}"),
    )
    .hint(format!(
        "name a role of {ours}, or a registry or region ({REGION}, AWS_REGION) of {partition}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use settings::TokenPlace;

    const ARN: &str = "arn:aws:iam::111122223333:role/ci/push";

    fn completed(name: &str, host: &str) -> Result<String> {
        let registry = Registry::parse(host).unwrap();
        role_arn(name, &IdentityScope::from(&registry))
    }

    const OURS: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

    fn plan(settings: &RoleSettings, vars: &[(&str, &str)]) -> Result<RolePlan> {
        let env: Env = vars.iter().copied().collect();
        let instance = || Ok(ChainSource::InstanceMetadata);
        let registry = Registry::parse(OURS).unwrap();
        RolePlan::new(
            ARN,
            settings.clone(),
            &IdentityScope::from(&registry),
            &env,
            |settings| RoleBase::find(settings, &env, instance),
        )
    }

    #[test]
    fn names_are_completed_from_the_registry() {
        assert_eq!(completed(ARN, OURS).unwrap(), ARN);
        assert_eq!(completed("push", OURS).unwrap(), "arn:aws:iam::111122223333:role/push");
        assert_eq!(
            completed("push", "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn").unwrap(),
            "arn:aws-cn:iam::111122223333:role/push"
        );
        for wrong in [
            "",
            "a b",
            "arn:aws:iam::111122223333:user/x",
            "arn:aws:iam::11112222333:role/x",
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::111122223333:role/x\n::warning::y",
            "arn:aws\r:iam::111122223333:role/x",
            "arn:aws:sts::111122223333:assumed-role/x/y",
        ] {
            assert_eq!(completed(wrong, OURS).unwrap_err().exit().code(), 2, "{wrong}");
        }
        assert!(completed("push", "public.ecr.aws").is_err());
        let china = completed(ARN, "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn").unwrap_err();
        assert_eq!(china.exit().code(), 2);
        assert!(china.to_string().contains("partition aws,"), "{china}");
    }

    #[test]
    fn the_token_is_taken_the_chain_or_neither() {
        let token = [("ECR_AUTH_ID_TOKEN", "jwt")];
        let base = |source, vars: &[(&str, &str)]| {
            let settings = RoleSettings {
                source,
                ..RoleSettings::default()
            };
            plan(&settings, vars).map(|plan| matches!(plan.base, RoleBase::Token(_)))
        };
        assert_eq!(base(SourceChoice::Auto, &token), Ok(true));
        assert_eq!(base(SourceChoice::Auto, &[]), Ok(false));
        assert_eq!(base(SourceChoice::Oidc, &token), Ok(true));
        assert!(base(SourceChoice::Oidc, &[]).is_err());
        assert_eq!(base(SourceChoice::Chain, &token), Ok(false));
    }

    #[test]
    fn a_missing_token_comes_first_and_hides_no_broken_source() {
        let registry = Registry::parse(OURS).unwrap();
        let github: Env = [("GITHUB_ACTIONS", "true")].into_iter().collect();
        let failing = |error: Error| {
            let scope = IdentityScope::from(&registry);
            let plan = RolePlan::new(ARN, RoleSettings::default(), &scope, &github, |settings| {
                RoleBase::find(settings, &github, || Err(error))
            });
            let error = plan.unwrap_err();
            assert_eq!((error.what(), error.code()), ("no OIDC token", Code::GithubPermission));
            error.cause().to_owned()
        };
        let missing = "the role asks for one, and this job has none";
        assert_eq!(
            failing(super::super::chain::no_credentials(
                "",
                &aws_shared_files::SharedFiles::default(),
                "default"
            )),
            missing
        );
        assert_eq!(
            failing(Error::failed(Code::HalfPair, "half a pair of keys", "A is not set")),
            format!("{missing}; half a pair of keys: A is not set")
        );
    }

    #[test]
    fn tags_go_with_credentials_but_not_with_a_token() {
        let settings = |source| RoleSettings {
            tags: vec![("Team".to_owned(), "a".to_owned())],
            source,
            ..RoleSettings::default()
        };
        let token = [("ECR_AUTH_ID_TOKEN", "jwt")];
        assert!(plan(&settings(SourceChoice::Auto), &token).is_err());
        assert!(plan(&settings(SourceChoice::Chain), &token).is_ok());
        assert!(plan(&settings(SourceChoice::Auto), &[]).is_ok());
    }

    #[test]
    fn the_arn_of_a_session_is_answered_with_its_roles() {
        let error = completed("arn:aws:sts::111122223333:assumed-role/push/alice", OURS).unwrap_err();
        assert!(
            error
                .hint_text()
                .unwrap()
                .contains("the role is arn:aws:iam::111122223333:role/push;"),
            "{error:?}"
        );
        let odd = completed("arn:aws:sts::111122223333:assumed-role//alice", OURS).unwrap_err();
        assert!(odd.hint_text().unwrap().starts_with("write it as "), "{odd:?}");
    }

    #[test]
    fn the_audience_is_the_partitions() {
        assert_eq!(audience("arn:aws:iam::111122223333:role/x"), "sts.amazonaws.com");
        assert_eq!(audience("arn:aws-us-gov:iam::111122223333:role/x"), "sts.amazonaws.com");
        assert_eq!(audience("arn:aws-cn:iam::111122223333:role/x"), "sts.amazonaws.com.cn");
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
        let next = RoleSettings {
            chain: vec!["next".into()],
            ..RoleSettings::default()
        };
        let token = [("ECR_AUTH_ID_TOKEN", "jwt")];
        let some = |text: &str| Some(text.to_owned());
        let changes: [&dyn Fn(&mut RoleSettings); 11] = [
            &|it| it.chain = vec!["other".into()],
            &|it| it.audience = some("a"),
            &|it| it.session_name = some("session"),
            &|it| it.duration = Some(900),
            &|it| it.external_id = some("e"),
            &|it| it.policy = some("{}"),
            &|it| it.policy_arns = vec!["arn:aws:iam::aws:policy/ReadOnly".into()],
            &|it| it.tags = vec![("Team".into(), "a".into())],
            &|it| it.region = some("eu-west-1"),
            &|it| it.source = SourceChoice::Chain,
            &|it| it.token = Some(TokenPlace::File("/nowhere".into())),
        ];
        let base = fields(&next, &token);
        for change in changes {
            let mut other = next.clone();
            change(&mut other);
            assert_ne!(fields(&other, &token), base, "{other:?}");
        }
        let tags = |transitive: &[&str]| RoleSettings {
            tags: vec![("Team".into(), "a".into())],
            transitive_tags: transitive.iter().map(|key| (*key).to_owned()).collect(),
            ..next.clone()
        };
        assert_ne!(fields(&tags(&["Team"]), &token), fields(&tags(&[]), &token));
        assert_ne!(fields(&next, &[("ECR_AUTH_ID_TOKEN", "other")]), base);
    }
}
