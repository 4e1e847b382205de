//! `list`: the servers for which `get` has credentials.

use std::collections::BTreeMap;
use std::path::Path;

use crate::commands::fallback;
use crate::pull;
use aws_access::OwnPasswordPath;
use aws_access::identity;
use configuration::Config;
use context::Context;
use diagnostics::{Code, Error, Result};
use ecr_registry::{Registry, USERNAME, of_any_account, server_name};
use secret_cache::Cache;

/// Returns all servers for which `get` has credentials, as far as this is known without the network.
pub fn servers(config: Option<&Path>, context: &mut Context<'_>) -> BTreeMap<String, String> {
    let config = match Config::load(&context.env, config) {
        Ok(config) => config,
        Err(error) => {
            error.report(&mut context.stderr);
            return BTreeMap::new();
        }
    };
    let ours: Vec<String> = config
        .exact_hosts()
        .map(str::to_owned)
        .chain(client_config::set_up_hosts(&context.env))
        .chain(cached_hosts(&config, context))
        .collect();
    let mut servers = others(&config, &ours, context);
    // An alias is not an ECR host.
    let has_ours = ours
        .iter()
        .chain(servers.keys())
        .any(|server| Registry::parse(server).is_some());
    let own = match has_ours {
        true => None,
        false => own_host(&config, context).unwrap_or_else(|error| {
            // An alias can be all that there is.
            if ours.is_empty() {
                let _ = context.stderr.line(&format!("ecr-auth: list: {}", error.in_one_line()));
            }
            None
        }),
    };
    let ours = ours.into_iter().chain(own);
    servers.extend(ours.map(|host| (format!("https://{host}"), USERNAME.to_owned())));
    servers
}

/// Returns the caller's own registry, if no other ECR registry is known: some clients ask only for servers that are listed. Its password is fetched
/// to find the registry, and is kept for the next `get`.
///
/// # Errors
/// No region, no credentials, what AWS says.
fn own_host(config: &Config, context: &mut Context<'_>) -> Result<Option<String>> {
    let region = identity::region(None, config.default_profile(), &context.env)?;
    let region = region.ok_or_else(|| Error::usage(Code::NoRegistry, "no registry is known", "no region is set"))?;
    let any = of_any_account(&region)?;
    let settings = config
        .target(any.host())
        .map(|target| target.identity())
        .unwrap_or_default();
    let path = OwnPasswordPath::choose(&context.env, &any, settings)?;
    path.host(&Cache::from_env(&context.env), context)
}

/// Returns the list of the fallback store, without registries that are listed already. The user of our own registries is always `AWS`.
fn others(config: &Config, ours: &[String], context: &mut Context<'_>) -> BTreeMap<String, String> {
    let Some(fallback) = config.fallback() else {
        return BTreeMap::new();
    };
    let listed = fallback::list(fallback, context).unwrap_or_else(|error| {
        let _ = context.stderr.line(&format!("ecr-auth: list: {}", error.in_one_line()));
        BTreeMap::new()
    });
    let is_known = |server: &str| server_name(server).is_some_and(|name| ours.contains(&name));
    let listed = listed.into_iter().filter(|(server, _)| !is_known(server));
    listed
        .map(|(server, user)| match (config.target(&server), server_name(&server)) {
            (Some(_), Some(name)) => (format!("https://{name}"), USERNAME.to_owned()),
            _ => (server, user),
        })
        .collect()
}

/// Returns the hosts with a valid token that `get` would return to this identity.
fn cached_hosts(config: &Config, context: &Context<'_>) -> Vec<String> {
    let cache = Cache::from_env(&context.env);
    let mut hosts = Vec::new();
    for (key, names) in cache.entries(context.now()) {
        for name in names {
            let target = config.target(&name);
            let found = target.and_then(|target| pull::by_rule(&target, context).ok());
            if found.is_some_and(|(path, _)| path.key().to_string() == key) {
                hosts.push(name);
            }
        }
    }
    hosts
}
