//! The registries of the workflow, and the identity of each.

use super::inputs::{Inputs, Mode, wrong};
use crate::commands::identity::IdentityArgs;
use aws_access::{identity, own_registry};
use configuration::Config;
use context::Context;
use diagnostics::Result;

/// The registries' hosts, each once, with its identity settings.
#[derive(Debug, Default)]
pub struct Hosts(Vec<(String, IdentityArgs)>);

impl Hosts {
    /// Returns the named registries, or the registry of the signed-in account if docker is to be configured.
    ///
    /// # Errors
    /// A registry is invalid, has two roles, or there are no credentials to ask STS for the account.
    pub fn from_inputs(inputs: &Inputs, context: &Context<'_>) -> Result<Self> {
        if inputs.registries.is_empty() && inputs.mode == Mode::None {
            return Ok(Self::default());
        }
        let config = Config::load(&context.env, None)?;
        match inputs.registries.is_empty() {
            true => Self::own(&inputs.identity, &config, context),
            false => Self::named(inputs, &config, context),
        }
    }

    fn own(args: &IdentityArgs, config: &Config, context: &Context<'_>) -> Result<Self> {
        let settings = args.own_identity(config)?;
        let own = own_registry(args.region(), settings, context)?;
        Ok(Self(vec![(own.host().to_owned(), args.clone())]))
    }

    fn named(inputs: &Inputs, config: &Config, context: &Context<'_>) -> Result<Self> {
        let region = identity::region(
            inputs.identity.region(),
            inputs.identity.profile_or_default(config),
            &context.env,
        )?;
        let mut hosts = Self::default();
        for named in &inputs.registries {
            let host = config.host_named(&named.registry, region.as_deref())?;
            let identity = inputs.identity_of(named);
            match hosts.0.iter().find(|(known, _)| *known == host) {
                Some((_, known)) if *known != identity => {
                    return Err(wrong("registries", format!("{host} is listed twice, with two roles"))
                        .hint("a registry has one role: name it once"));
                }
                Some(_) => {}
                None => hosts.0.push((host, identity)),
            }
        }
        Ok(hosts)
    }

    /// Returns all registries, in the workflow's order.
    pub fn iter(&self) -> impl Iterator<Item = &(String, IdentityArgs)> {
        self.0.iter()
    }

    /// Returns the host names.
    pub fn names(&self) -> Vec<String> {
        self.iter().map(|(host, _)| host.clone()).collect()
    }
}
