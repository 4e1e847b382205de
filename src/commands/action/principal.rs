//! Whose account is signed in to, and whether it may be.

use std::time::Instant;

use super::inputs::{Inputs, wrong};
use crate::aws::{self, Aws};
use crate::config::Config;
use crate::error::Result;
use crate::identity::{Identity, RolePlan, Scope};
use crate::registry::Partition;
use crate::token;
use crate::world::World;

/// Who the credentials belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The account, 12 digits.
    pub account: String,
    /// The principal's ARN.
    pub arn: String,
    /// The role's ARN, where it is a role by name.
    pub role: Option<String>,
}

impl Principal {
    /// A role's account and session stand in its ARN; of everybody else STS is asked.
    ///
    /// # Errors
    /// No credentials, credentials that AWS doesn't take, a network that fails.
    pub fn of(identity: &Identity, region: &str, world: &World<'_>) -> Result<Self> {
        if let Some(role) = identity.role() {
            return Ok(Self::of_role(role));
        }
        let budget = token::deadline(&world.env, Instant::now())?.saturating_duration_since(Instant::now());
        let aws = Aws::new(&world.env, identity, budget)?;
        let caller = aws::within(budget, aws.caller_identity(region))?;
        Ok(Self {
            account: caller.account,
            arn: caller.arn,
            role: None,
        })
    }

    /// `arn:aws:sts::<account>:assumed-role/<name, without its path>/<session>`.
    fn of_role(plan: &RolePlan) -> Self {
        let role = plan.last();
        let partition = Partition::of_arn(role).id();
        let name = role.rsplit('/').next().unwrap_or_default();
        let (account, session) = (plan.account(), &plan.session_name);
        Self {
            account: account.to_owned(),
            arn: format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session}"),
            role: Some(role.to_owned()),
        }
    }

    /// Whether the inputs allow this account.
    ///
    /// # Errors
    /// They don't.
    pub fn check(&self, inputs: &Inputs) -> Result<()> {
        if inputs.allowed_accounts.is_empty() || inputs.allowed_accounts.contains(&self.account) {
            return Ok(());
        }
        let allowed = inputs.allowed_accounts.join(", ");
        Err(wrong(
            "allowed-account-ids",
            format!(
                "{} is of account {}, and allowed is {allowed} alone",
                self.arn, self.account
            ),
        )
        .hint("correct role-to-assume, or add the account"))
    }
}

/// The identity that later steps use for a registry.
///
/// # Errors
/// No usable source of credentials.
pub fn identity_of(host: &str, config: &Config, world: &World<'_>) -> Result<Option<Identity>> {
    let Some(target) = config.target(host) else {
        return Ok(None);
    };
    let scope = Scope::from(target.registry());
    Identity::choose_for(&scope, &world.env, target.profile(), target.role()).map(Some)
}
