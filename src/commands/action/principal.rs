//! The account that is signed in to, and whether it is allowed.

use super::inputs::{Inputs, wrong};
use aws_access::identity::{IdentityScope, RolePlan};
use aws_access::{Identity, caller};
use ci::github;
use configuration::Config;
use context::Context;
use diagnostics::Result;
use ecr_registry::Partition;
use secret::Secret;

/// The principal behind credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The account, 12 digits.
    pub account: String,
    /// The principal's ARN.
    pub arn: String,
    /// The role's ARN, if it is a role.
    pub role: Option<String>,
}

impl Principal {
    /// Returns the principal of an identity. A role's is known from its ARN. For any other, STS is asked.
    ///
    /// # Errors
    /// There are no credentials, AWS refuses them, or the network fails.
    pub fn for_identity(identity: &Identity, region: &str, context: &Context<'_>) -> Result<Self> {
        if let Some(role) = identity.role() {
            return Ok(Self::of_role(role));
        }
        let caller = caller(identity, region, context)?;
        Ok(Self {
            account: caller.account,
            arn: caller.arn,
            role: None,
        })
    }

    /// Returns the principal of a role's session: `arn:aws:sts::<account>:assumed-role/<name, without its path>/<session>`.
    fn of_role(plan: &RolePlan) -> Self {
        let role = plan.last();
        let partition = Partition::for_arn(role).id();
        let name = role.rsplit('/').next().unwrap_or_default();
        let (account, session) = (plan.account(), &plan.session_name);
        Self {
            account: account.to_owned(),
            arn: format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session}"),
            role: Some(role.to_owned()),
        }
    }
}

/// Finds principals, each with at most one call. Without `verify`, no call is made.
#[derive(Debug)]
pub struct Principals<'a> {
    inputs: &'a Inputs,
    region: &'a str,
    known: Vec<KnownPrincipal>,
    /// The accounts that are already masked in the log.
    hidden: Vec<String>,
}

#[derive(Debug)]
struct KnownPrincipal {
    /// The fields that tell the identity from every other.
    fields: Vec<(&'static str, Secret)>,
    principal: Option<Principal>,
}

impl<'a> Principals<'a> {
    /// Returns an empty list. `region` is the region whose STS is called.
    pub fn new(inputs: &'a Inputs, region: &'a str) -> Self {
        Self {
            inputs,
            region,
            known: Vec::new(),
            hidden: Vec::new(),
        }
    }

    /// Returns the principal behind each registry, as later steps will use it. `None` if nothing is checked, or if one of several optional
    /// registries fails.
    ///
    /// # Errors
    /// The errors of [`Principals::find`], or no usable source of credentials.
    pub fn of_hosts(
        &mut self,
        hosts: &[String],
        config: &Config,
        context: &mut Context<'_>,
    ) -> Result<Vec<Option<Principal>>> {
        let mut principals = Vec::new();
        for host in hosts {
            let Some(target) = config.target(host) else {
                principals.push(None);
                continue;
            };
            if let Some(account) = target.registry().account() {
                self.hide(account, context);
            }
            let may_fail = !self.inputs.verify || (target.is_optional() && hosts.len() > 1);
            let scope = IdentityScope::from(target.registry());
            let identity = Identity::choose(target.identity(), &scope, &context.env);
            let found = identity.and_then(|identity| self.find(&identity, context));
            principals.push(match found {
                // An optional registry's failure is reported when its password is fetched.
                Err(_) if may_fail && self.inputs.allowed_accounts.is_empty() => None,
                found => found?,
            });
        }
        Ok(principals)
    }

    /// Finds and checks the principal of an identity. Masks its account in the log, if the inputs ask for it.
    ///
    /// # Errors
    /// The account is not allowed, or the errors of [`Principal::for_identity`].
    pub fn find(&mut self, identity: &Identity, context: &mut Context<'_>) -> Result<Option<Principal>> {
        let fields = identity.key_fields();
        if let Some(known) = self.known.iter().find(|known| known.fields == fields) {
            return Ok(known.principal.clone());
        }
        let is_asked = self.inputs.verify || !self.inputs.allowed_accounts.is_empty();
        let principal = match is_asked || identity.role().is_some() {
            true => Some(Principal::for_identity(identity, self.region, context)?),
            false => None,
        };
        if let Some(principal) = &principal {
            self.hide(&principal.account, context);
            self.check(principal)?;
        }
        self.known.push(KnownPrincipal {
            fields,
            principal: principal.clone(),
        });
        Ok(principal)
    }

    /// Masks an account in the log, if the inputs ask for it: a principal's, or the one in a registry's name.
    fn hide(&mut self, account: &str, context: &mut Context<'_>) {
        if self.inputs.mask_account_id && !self.hidden.iter().any(|known| known == account) {
            let _ = context.stderr.commands(&(github::add_mask(account) + "\n"));
            self.hidden.push(account.to_owned());
        }
    }

    /// Checks that the inputs allow this account.
    fn check(&self, principal: &Principal) -> Result<()> {
        let allowed = &self.inputs.allowed_accounts;
        if allowed.is_empty() || allowed.contains(&principal.account) {
            return Ok(());
        }
        let (arn, account, allowed) = (&principal.arn, &principal.account, allowed.join(", "));
        Err(wrong(
            "allowed-account-ids",
            format!("{arn} is of account {account}, and only {allowed} is allowed"),
        )
        .hint("correct role-to-assume, or add the account"))
    }
}
