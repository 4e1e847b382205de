//! `list`: the servers that a `get` has something for.

use std::collections::BTreeMap;
use std::path::Path;

use crate::commands::fallback;
use crate::pull;
use aws_access::OwnPasswordPath;
use aws_access::identity::current_region;
use configuration::Config;
use context::Context;
use diagnostics::{Code, Error};
use ecr_registry::{parse_argument, server_name};
use secret_cache::Cache;

/// An account that nobody has: which one is meant is not known yet.
const ANY_ACCOUNT: &str = "000000000000";

/// All servers that a `get` has something for, as far as that can be told without the network.
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
        .chain(cached_hosts(&config, context))
        .collect();
    let mut servers = others(&config, &ours, context);
    let has_ours = !ours.is_empty() || servers.keys().any(|server| config.target(server).is_some());
    let own = match has_ours {
        true => None,
        false => own_host(&config, context),
    };
    let ours = ours.into_iter().chain(own);
    servers.extend(ours.map(|host| (format!("https://{host}"), "AWS".to_owned())));
    servers
}

/// The caller's own registry, where nothing else is known of ECR: some clients ask for no server that isn't listed. Its password is
/// fetched for that, and kept for the `get` that follows.
fn own_host(config: &Config, context: &mut Context<'_>) -> Option<String> {
    let found = current_region(&context.env).and_then(|region| {
        let region =
            region.ok_or_else(|| Error::usage(Code::NoRegistry, "no registry is known", "no region is set"))?;
        let any = parse_argument(&format!("{ANY_ACCOUNT}/{region}"), None)?;
        let settings = config
            .target(any.host())
            .map(|target| target.identity())
            .unwrap_or_default();
        let path = OwnPasswordPath::choose(&context.env, &any, settings)?;
        path.host(&Cache::from_env(&context.env), context)
    });
    found.unwrap_or_else(|error| {
        let _ = context.stderr.line(&format!("ecr-auth: list: {error}"));
        None
    })
}

/// What the store behind us lists. For registries of ours the user is always `AWS`, and one that is listed already is left out.
fn others(config: &Config, ours: &[String], context: &mut Context<'_>) -> BTreeMap<String, String> {
    let Some(fallback) = config.fallback() else {
        return BTreeMap::new();
    };
    let listed = fallback::list(fallback, context).unwrap_or_else(|error| {
        let _ = context.stderr.line(&format!("ecr-auth: list: {error}"));
        BTreeMap::new()
    });
    let is_known = |server: &str| server_name(server).is_some_and(|name| ours.contains(&name));
    let listed = listed.into_iter().filter(|(server, _)| !is_known(server));
    listed
        .map(|(server, user)| match config.target(&server) {
            Some(_) => (server, "AWS".to_owned()),
            None => (server, user),
        })
        .collect()
}

/// The hosts with a valid token that a `get` by this identity would be handed.
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
