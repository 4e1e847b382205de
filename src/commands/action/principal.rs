//! Whose account is signed in to, and whether it may be.

use super::inputs::{Inputs, wrong};
use aws_access::identity::{IdentityScope, RolePlan};
use aws_access::{Identity, caller};
use ci::github;
use configuration::Config;
use context::Context;
use diagnostics::Result;
use ecr_registry::Partition;
use secret::Secret;

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

    /// `arn:aws:sts::<account>:assumed-role/<name, without its path>/<session>`.
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

/// Finds principals, each asked for once. Where nothing is to be verified, nobody is asked.
#[derive(Debug)]
pub struct Principals<'a> {
    inputs: &'a Inputs,
    region: &'a str,
    known: Vec<KnownPrincipal>,
    /// The accounts that the log hides already.
    hidden: Vec<String>,
}

#[derive(Debug)]
struct KnownPrincipal {
    /// What tells the identity from every other.
    fields: Vec<(&'static str, Secret)>,
    principal: Option<Principal>,
}

impl<'a> Principals<'a> {
    /// None known yet; `region` is the one whose STS is asked.
    pub fn new(inputs: &'a Inputs, region: &'a str) -> Self {
        Self {
            inputs,
            region,
            known: Vec::new(),
            hidden: Vec::new(),
        }
    }

    /// The principal behind each registry, as later steps will use it. Where nothing is to be checked, or one of several can be done
    /// without, there may be none.
    ///
    /// # Errors
    /// As [`Principals::find`]; no usable source of credentials.
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
                // What it can be done without is told where its password can't be had.
                Err(_) if may_fail && self.inputs.allowed_accounts.is_empty() => None,
                found => found?,
            });
        }
        Ok(principals)
    }

    /// The principal of an identity, hidden in the log if its account is to be, and checked.
    ///
    /// # Errors
    /// An account that isn't allowed; those of [`Principal::for_identity`].
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

    /// Has the log hide an account, if that is asked for: a principal's, or the one in a registry's name.
    fn hide(&mut self, account: &str, context: &mut Context<'_>) {
        if self.inputs.mask_account_id && !self.hidden.iter().any(|known| known == account) {
            let _ = context.stderr.commands(&(github::add_mask(account) + "\n"));
            self.hidden.push(account.to_owned());
        }
    }

    /// Whether the inputs allow this account.
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
