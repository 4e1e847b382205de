//! Returns the credentials for one pull or push of a client. The credential helper and the kubelet's provider output them in their own formats.

use std::path::Path;

use aws_access::PasswordPath;
use configuration::{CheckedTexts, Config, FallbackStore, RegistryTarget};
use context::Context;
use diagnostics::{Error, Result};
use ecr_registry::Registry;
use secret_cache::{Cache, CacheKey, CachedSecret};

/// The answer to a client.
#[derive(Debug)]
pub enum PullAnswer {
    /// The password of the user `AWS`.
    Password(CachedSecret),
    /// No password: the host is neither ECR's nor an alias. Holds the fallback store, if there is one.
    NotOurs(Option<FallbackStore>),
    /// No password because of a failure, with a line about it. The client goes on without one.
    WithoutPassword(String),
}

/// Answers a client's request for `server`, which messages call `name`, by the configuration as far as it could be read. `named` is the path in
/// `--config`. `find` finds the path to the registry's password, and the cache.
///
/// A pull that works without credentials must not fail because they are missing, so ECR Public and optional registries go on without them.
///
/// # Errors
/// The configuration is invalid, or a password cannot be fetched.
pub fn answer(
    server: &str,
    name: &str,
    named: Option<&Path>,
    config: Result<Config>,
    context: &mut Context<'_>,
    find: impl FnOnce(&RegistryTarget<'_>, &Context<'_>) -> Result<(PasswordPath, Cache)>,
) -> Result<PullAnswer> {
    let config = match config {
        Ok(config) => config,
        // ECR Public never needs credentials, whatever the rules are.
        Err(error)
            if Registry::parse(server).is_some_and(|registry| registry.is_public())
                || Config::says_optional(&context.env, named, server) =>
        {
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

/// Reads the configuration for a question about one server. A long `ecr-auth.yml` that was found valid is remembered in the user's cache.
///
/// # Errors
/// The errors of [`Config::load_for`].
pub fn load_config(server: &str, config: Option<&Path>, context: &Context<'_>) -> Result<Config> {
    let checked = CheckedInCache(Cache::from_env(&context.env));
    Config::load_for(&context.env, config, server, Some(&checked))
}

/// Valid texts of `ecr-auth.yml`, in the cache's folder. Only this user can have written there.
struct CheckedInCache(Cache);

impl CheckedInCache {
    /// Returns the key of a file's text. It holds ecr-auth's version, because versions may differ in what is valid.
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

/// Returns the path to the password with the identity of the registry's rule, and the user's own cache.
///
/// # Errors
/// The errors of [`PasswordPath::choose`].
pub fn by_rule(target: &RegistryTarget<'_>, context: &Context<'_>) -> Result<(PasswordPath, Cache)> {
    let path = PasswordPath::choose(&context.env, target.registry(), target.identity())?;
    Ok((path, Cache::from_env(&context.env)))
}

fn go_on_without(name: &str, error: &Error) -> PullAnswer {
    PullAnswer::WithoutPassword(format!(
        "ecr-auth: {name}: going on without credentials: {}",
        error.in_one_line()
    ))
}
