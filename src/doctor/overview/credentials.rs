//! The credentials for the registries of this machine.

use crate::doctor::clients::ClientFile;
use aws_access::identity::{ChainSource, CredentialSource, IdentityScope, RoleBase};
use aws_access::{Identity, PasswordPath, not_signed_in};
use configuration::Config;
use context::Context;
use diagnostics::{Error, Result};
use settings::SourceChoice;

/// The credentials for a registry, or for any registry without a rule.
pub(super) struct RegistryCredentials {
    /// The registry, if there are several.
    pub registry: Option<String>,
    /// The identity, or why there is none.
    pub identity: Result<Identity>,
    /// The text about it.
    told: String,
    /// Whether pulls go on without credentials.
    pub is_optional: bool,
    /// The error for a user of Cognito who is not signed in.
    pub not_signed_in: Option<Error>,
}

impl RegistryCredentials {
    /// Returns one line about the credentials.
    pub fn told(&self) -> String {
        let of = self
            .registry
            .as_ref()
            .map(|registry| format!("{registry}: "))
            .unwrap_or_default();
        match self.is_optional && self.identity.is_err() {
            true => format!("{of}{} (optional: pulls go on without)", self.told),
            false => format!("{of}{}", self.told),
        }
    }

    fn new(registry: Option<&str>, identity: Result<Identity>, is_optional: bool, context: &Context<'_>) -> Self {
        let known = identity.as_ref().ok();
        let not_signed_in = known.and_then(|identity| not_signed_in(identity, &context.env, context.now()));
        let told = match (&identity, &not_signed_in) {
            (Err(error), _) => error.to_string(),
            (Ok(identity), Some(error)) => told_signed_out(identity, error),
            (Ok(identity), None) => told_identity(identity),
        };
        Self {
            registry: registry.map(str::to_owned),
            told,
            identity,
            is_optional,
            not_signed_in,
        }
    }

    /// Whether a role was asked for that the job's token should assume, and nothing but an EC2 instance's role is left to assume it.
    pub fn is_role_without_token(&self) -> bool {
        match self.identity.as_ref().map(|identity| &identity.source) {
            Ok(CredentialSource::Role(plan)) => {
                plan.settings.source == SourceChoice::Auto
                    && plan.base == RoleBase::Source(ChainSource::InstanceMetadata)
            }
            _ => false,
        }
    }

    /// Whether they would be those of an EC2 instance's role, if there is one.
    pub fn is_of_instance(&self) -> bool {
        let source = self.identity.as_ref().map(|identity| &identity.source);
        matches!(source, Ok(CredentialSource::Chain(ChainSource::InstanceMetadata)))
    }
}

/// Returns the source, with the account or role if a profile names one.
fn told_identity(identity: &Identity) -> String {
    let of = |key: &str| identity.setting(key).map(|value| format!(" ({key} {value})"));
    match &identity.source {
        CredentialSource::Chain(ChainSource::InstanceMetadata) => {
            format!("none known here; {} would be asked", identity.source)
        }
        CredentialSource::Profile(_) | CredentialSource::Chain(ChainSource::Profile(_)) => {
            let owner = of("role_arn").or_else(|| of("sso_account_id")).unwrap_or_default();
            format!("{}{owner}", identity.source)
        }
        source => source.to_string(),
    }
}

/// Returns who is not signed in, and to which user pool.
fn told_signed_out(identity: &Identity, error: &Error) -> String {
    let pool = match &identity.source {
        CredentialSource::Cognito(settings) => settings.user_pool_id.as_deref(),
        _ => None,
    };
    format!(
        "Amazon Cognito, user pool {}: {}",
        pool.unwrap_or_default(),
        error.cause()
    )
}

/// Returns the credentials of the known registries if they differ, else those of any registry.
pub(super) fn credentials(
    rules: Option<&Config>,
    files: &[ClientFile],
    region: &Result<Option<String>>,
    context: &Context<'_>,
) -> Vec<RegistryCredentials> {
    let env = &context.env;
    let without_rules = Config::default();
    let rules = rules.unwrap_or(&without_rules);
    let configured = files.iter().flat_map(ClientFile::hosts);
    let mut all: Vec<RegistryCredentials> = Vec::new();
    for host in configured.chain(rules.exact_hosts()) {
        let Some(target) = rules.target(host) else { continue };
        let path = PasswordPath::choose(env, target.registry(), target.identity());
        let identity = path.map(PasswordPath::into_identity);
        let it = RegistryCredentials::new(Some(host), identity, target.is_optional(), context);
        match all.iter_mut().find(|same| same.told == it.told) {
            Some(same) if same.is_optional && !it.is_optional => *same = it,
            Some(_) => {}
            None => all.push(it),
        }
    }
    match all.len() {
        0 => vec![of_any_registry(rules, region, context)],
        1 => all
            .into_iter()
            .map(|it| RegistryCredentials { registry: None, ..it })
            .collect(),
        _ => all,
    }
}

fn of_any_registry(rules: &Config, region: &Result<Option<String>>, context: &Context<'_>) -> RegistryCredentials {
    let region = region.as_ref().ok().and_then(Option::as_deref).unwrap_or_default();
    let identity = Identity::choose(rules.defaults(), &IdentityScope::of_region(region), &context.env);
    RegistryCredentials::new(None, identity, false, context)
}
