//! Which registries the workflow means, and whose credentials each takes.

use super::inputs::{Inputs, Mode, wrong};
use crate::commands::identity::IdentityArgs;
use aws_access::{identity, own_registry};
use configuration::Config;
use context::Context;
use diagnostics::Result;
use settings::IdentitySettings;

/// The registries' hosts, each once and with its identity.
#[derive(Debug, Default)]
pub struct Hosts(Vec<(String, IdentityArgs)>);

impl Hosts {
    /// Those that are named; else that of the signed-in account, where docker is to be served.
    ///
    /// # Errors
    /// A registry that can't be told; two roles for one; no credentials to ask STS whose account it is.
    pub fn from_inputs(inputs: &Inputs, context: &Context<'_>) -> Result<Self> {
        match (inputs.registries.is_empty(), inputs.mode) {
            (true, Mode::None) => Ok(Self::default()),
            (true, _) => Self::own(&inputs.identity, context),
            (false, _) => Self::named(inputs, context),
        }
    }

    fn own(args: &IdentityArgs, context: &Context<'_>) -> Result<Self> {
        let settings = args.identity(&IdentitySettings::default())?;
        let own = own_registry(args.region(), settings, context)?;
        Ok(Self(vec![(own.host().to_owned(), args.clone())]))
    }

    fn named(inputs: &Inputs, context: &Context<'_>) -> Result<Self> {
        let known = Config::load(&context.env, None)?;
        let region = identity::region(inputs.identity.region(), &context.env)?;
        let mut hosts = Self::default();
        for named in &inputs.registries {
            let host = known.host_named(&named.registry, region.as_deref())?;
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

    /// All of them, in the workflow's order.
    pub fn iter(&self) -> impl Iterator<Item = &(String, IdentityArgs)> {
        self.0.iter()
    }

    /// The host names alone.
    pub fn names(&self) -> Vec<String> {
        self.iter().map(|(host, _)| host.clone()).collect()
    }
}
