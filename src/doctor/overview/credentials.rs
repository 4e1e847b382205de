//! The credentials for the registries of this machine.

use crate::doctor::client_files::ClientFile;
use aws_access::identity::{ChainSource, CredentialSource, IdentityScope, RoleBase};
use aws_access::{Identity, PasswordPath, not_signed_in};
use configuration::Config;
use context::Context;
use diagnostics::{Error, Result};
use ecr_registry::ANY_ACCOUNT;
use settings::SourceChoice;

/// The most registries that a line names.
const NAMED: usize = 2;

/// The credentials for some registries.
pub(super) struct RegistryCredentials {
    /// The registries that rules or the clients' files name.
    registries: Vec<String>,
    /// Whether they are also those of registries without a rule.
    are_of_others: bool,
    /// Whether other registries have other credentials.
    are_of_some: bool,
    /// The identity, or why there is none.
    pub identity: Result<Identity>,
    /// The text about it.
    told: String,
    /// Whether somebody asked for them: not if they are only those that registries without a rule would have.
    is_asked_for: bool,
    /// Whether somebody asked for them for a registry whose pulls fail without them.
    is_needed: bool,
    /// The error for a user of Cognito who is not signed in.
    pub not_signed_in: Option<Error>,
}

impl RegistryCredentials {
    /// Returns one line about the credentials.
    pub fn told(&self) -> String {
        let of = self.whose().map(|whose| format!("{whose}: ")).unwrap_or_default();
        let is_optional = self.is_asked_for && !self.is_needed;
        match is_optional && self.identity.is_err() {
            true => format!("{of}{} (optional: pulls go on without)", self.told),
            false => format!("{of}{}", self.told),
        }
    }

    /// Whether pulls fail without them.
    pub fn are_needed(&self) -> bool {
        self.is_needed
    }

    /// Whether no registry that is named has them.
    pub fn are_only_of_others(&self) -> bool {
        self.are_of_others && self.registries.is_empty()
    }

    /// Returns the registries that have these credentials, if others have other ones.
    pub fn whose(&self) -> Option<String> {
        if !self.are_of_some {
            return None;
        }
        let named: Vec<&str> = self.registries.iter().map(String::as_str).collect();
        let named = match named.len().checked_sub(NAMED) {
            Some(more @ 1..) => format!("{} and {more} more", named[..NAMED].join(", ")),
            _ => named.join(", "),
        };
        Some(match (named.is_empty(), self.are_of_others) {
            (_, false) => named,
            (true, true) => "other registries".to_owned(),
            (false, true) => format!("{named} and other registries"),
        })
    }

    fn new(identity: Result<Identity>, context: &Context<'_>) -> Self {
        let known = identity.as_ref().ok();
        let not_signed_in = known.and_then(|identity| not_signed_in(identity, &context.env, context.now()));
        let told = match (&identity, &not_signed_in) {
            (Err(error), _) => error.to_string(),
            (Ok(identity), Some(error)) => told_signed_out(identity, error),
            (Ok(identity), None) => told_identity(identity),
        };
        Self {
            registries: Vec::new(),
            are_of_others: false,
            are_of_some: true,
            told,
            identity,
            is_asked_for: true,
            is_needed: true,
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

/// Returns the credentials of the known registries, each once, and those of other registries if the configuration's defaults name an identity, or a
/// client asks for every registry.
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
        let mut it = RegistryCredentials::new(identity, context);
        it.registries = vec![host.to_owned()];
        it.is_needed = !target.is_optional();
        add(it, &mut all);
    }
    let has_default = rules.has_default_identity();
    if all.is_empty() || has_default || files.iter().any(ClientFile::is_store) {
        let mut others = of_other_registries(rules, region, context);
        others.is_asked_for = all.is_empty() || has_default;
        others.is_needed = others.is_asked_for && !rules.defaults_are_optional();
        add(others, &mut all);
    }
    if let [only] = all.as_mut_slice() {
        only.are_of_some = false;
    }
    all
}

/// Adds credentials, or their registries to the same credentials of other registries.
fn add(it: RegistryCredentials, all: &mut Vec<RegistryCredentials>) {
    let Some(same) = all.iter_mut().find(|same| same.told == it.told) else {
        return all.push(it);
    };
    for registry in it.registries {
        if !same.registries.contains(&registry) {
            same.registries.push(registry);
        }
    }
    same.are_of_others |= it.are_of_others;
    same.is_asked_for |= it.is_asked_for;
    same.is_needed |= it.is_needed;
}

fn of_other_registries(rules: &Config, region: &Result<Option<String>>, context: &Context<'_>) -> RegistryCredentials {
    let region = region.as_ref().ok().and_then(Option::as_deref).unwrap_or_default();
    let scope = IdentityScope {
        account: Some(ANY_ACCOUNT),
        ..IdentityScope::of_region(region)
    };
    let identity = Identity::choose(rules.defaults(), &scope, &context.env);
    let mut others = RegistryCredentials::new(identity, context);
    // A role that is named without an account is one of the registry's account.
    let any = format!("arn:{}:iam::{ANY_ACCOUNT}:", scope.partition.id());
    others.told = others.told.replace(&any, "");
    others.are_of_others = true;
    others
}
