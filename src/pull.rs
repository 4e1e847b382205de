//! One pull: what a client that pulls or pushes is given for a host. The credential helper and the kubelet's provider answer it, each in
//! its own format.

use std::path::Path;

use aws_access::PasswordPath;
use configuration::{CheckedTexts, Config, FallbackStore, RegistryTarget};
use context::Context;
use diagnostics::{Error, Result};
use ecr_registry::Registry;
use secret_cache::{Cache, CacheKey, CachedSecret};

/// What a client is given.
#[derive(Debug)]
pub enum PullAnswer {
    /// The password of the user `AWS`.
    Password(CachedSecret),
    /// Nothing: the host is neither ECR's nor an alias. With the store that answers for it, where there is one.
    NotOurs(Option<FallbackStore>),
    /// Nothing, though a password was wanted: the client goes on without one. With the reason, as a line for people.
    WithoutPassword(String),
}

/// Answers a client that asks for `server`, which people know by `name`, by the configuration as far as it could be read. `find` finds the path to the registry's password, and where the
/// password is cached.
///
/// A pull that works without credentials must not fail for want of them: ECR Public and optional registries are gone on without.
///
/// # Errors
/// A configuration that isn't right; a password that can't be had.
pub fn answer(
    server: &str,
    name: &str,
    config: Result<Config>,
    context: &mut Context<'_>,
    find: impl FnOnce(&RegistryTarget<'_>, &Context<'_>) -> Result<(PasswordPath, Cache)>,
) -> Result<PullAnswer> {
    let config = match config {
        Ok(config) => config,
        // What the rules say of it can't be known, but that ECR Public serves anybody can.
        Err(error) if Registry::parse(server).is_some_and(|registry| registry.is_public()) => {
            return Ok(go_on_without(name, &error));
        }
        Err(error) => return Err(error),
    };
    let Some(target) = config.target(server) else {
        return Ok(PullAnswer::NotOurs(config.fallback_for(server).cloned()));
    };
    let began = context.began;
    let found = find(&target, context);
    match found.and_then(|(path, cache)| path.secret(&cache, name, began, context)) {
        Ok(held) => Ok(PullAnswer::Password(held)),
        Err(error) if target.is_optional() => Ok(go_on_without(name, &error)),
        Err(error) => Err(error),
    }
}

/// Reads the configuration for the question about one server. That a long `ecr-auth.yml` was found right is kept in the user's cache.
///
/// # Errors
/// As [`Config::load_for`].
pub fn load_config(server: &str, config: Option<&Path>, context: &Context<'_>) -> Result<Config> {
    let checked = CheckedInCache(Cache::from_env(&context.env));
    Config::load_for(&context.env, config, server, Some(&checked))
}

/// Texts of `ecr-auth.yml`, in the cache's folder: what is there, this user alone has written.
struct CheckedInCache(Cache);

impl CheckedInCache {
    /// The key of a file's text. What one version of ecr-auth finds right, another may not.
    fn key(file: &Path) -> CacheKey {
        let key = CacheKey::builder().field("right for", env!("CARGO_PKG_VERSION"));
        key.field("file", file.as_os_str().as_encoded_bytes()).build()
    }
}

impl CheckedTexts for CheckedInCache {
    fn holds(&self, file: &Path, text: &str) -> bool {
        self.0.holds_text(&Self::key(file), text)
    }

    fn keep(&self, file: &Path, text: &str) {
        self.0.keep_text(&Self::key(file), text);
    }
}

/// The path to the password with the identity of the registry's rule, and the user's own cache.
///
/// # Errors
/// As [`PasswordPath::choose`].
pub fn by_rule(target: &RegistryTarget<'_>, context: &Context<'_>) -> Result<(PasswordPath, Cache)> {
    let path = PasswordPath::choose(&context.env, target.registry(), target.identity())?;
    Ok((path, Cache::from_env(&context.env)))
}

fn go_on_without(name: &str, error: &Error) -> PullAnswer {
    PullAnswer::WithoutPassword(format!("ecr-auth: {name}: going on without credentials: {error}"))
}
