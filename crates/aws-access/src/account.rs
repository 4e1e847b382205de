//! The principal behind AWS credentials, and the registry of its own account.

use crate::client::Aws;
use crate::identity::{self, Identity, IdentityScope};
use crate::sign_in::Destination;
use context::{Context, budget};
use diagnostics::{Code, Error, Result};
use ecr_registry::{Registry, parse_argument, parse_region};
use settings::IdentitySettings;
use settings::table::REGION;

/// The principal behind credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerIdentity {
    /// The account, 12 digits.
    pub account: String,
    /// The principal's ARN.
    pub arn: String,
}

impl Aws<'_> {
    /// Asks STS who the caller is.
    ///
    /// # Errors
    /// There are no credentials, AWS refuses them, or the network fails.
    pub async fn caller_identity(&self, to: Destination<'_>) -> Result<CallerIdentity> {
        let credentials = self.credentials(to).await?;
        let (account, arn) = self.caller_of(credentials, &self.sts(to)?).await?;
        Ok(CallerIdentity { account, arn })
    }
}

/// Asks STS in this region who the principal behind an identity is.
///
/// # Errors
/// There are no credentials, AWS refuses them, or the network fails.
pub fn caller(identity: &Identity, region: &str, context: &Context<'_>) -> Result<CallerIdentity> {
    let aws = Aws::new(&context.env, identity, budget(&context.env)?)?.shown_on(&context.progress);
    aws.within(aws.caller_identity(Destination::in_region(region)))
}

/// Returns the registry of the caller's own account in the current region. The account is that of the last role or, if no role is named, the one
/// that STS returns.
///
/// # Errors
/// There is no region, there are no credentials, AWS denies the call, or the network fails.
pub fn own_registry(region_flag: Option<&str>, settings: IdentitySettings, context: &Context<'_>) -> Result<Registry> {
    let region = identity::region(region_flag, settings.profile.as_deref(), &context.env)?.ok_or_else(|| {
        Error::usage(
            Code::NoRegistry,
            "no registry",
            "none is named, and no region is set to find the caller's own",
        )
        .hint(format!(
            "name one (ACCOUNT/REGION or a host), or set {REGION} or AWS_REGION"
        ))
    })?;
    let region = parse_region(&region)?;
    let scope = IdentityScope::of_region(&region);
    let account = match identity::last_account(&settings.role, &scope)? {
        // The settings name the account, so no credentials are needed. There may be none when the settings are only written down.
        Some(account) if settings.profile.is_none() => account,
        _ => callers_account(&Identity::choose(settings, &scope, &context.env)?, &region, context)?,
    };
    parse_argument(&format!("{account}/{region}"), None)
}

fn callers_account(identity: &Identity, region: &str, context: &Context<'_>) -> Result<String> {
    match identity.role() {
        Some(role) => Ok(role.account().to_owned()),
        None => Ok(caller(identity, region, context)?.account),
    }
}
