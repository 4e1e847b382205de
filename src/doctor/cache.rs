//! Shows the cached token of this identity, without changing it.

use super::report::Check;
use super::span::roughly;
use aws_access::PasswordPath;
use client_config::shown;
use context::{Context, HOME_VARIABLE};
use secret_cache::Cache;

/// Returns state and age of the token that a `get` would return.
pub fn check(path: &PasswordPath, context: &Context<'_>) -> Check {
    let Some(folder) = Cache::folder(&context.env) else {
        return Check::warn(
            "cache",
            "the token cache is off: every get asks AWS",
            format!("unset ECR_AUTH_CACHE and AWS_ECR_DISABLE_CACHE, and set {HOME_VARIABLE} or ECR_AUTH_CACHE_DIR"),
        );
    };
    let at = shown(&folder, &context.env);
    let now = context.now();
    match Cache::open(Some(folder)).life(path.key()) {
        Some(life) if life.expires_at <= now => Check::pass(
            "cache",
            format!("{at}: the token there has ended; the next get fetches one"),
        ),
        Some(life) => {
            let age = roughly(now.duration_since(life.fetched_at).unwrap_or_default());
            let left = roughly(life.expires_at.duration_since(now).unwrap_or_default());
            Check::pass(
                "cache",
                format!("{at}: a token fetched {age} ago, good for {left} more"),
            )
        }
        None => Check::pass(
            "cache",
            format!("{at}: no token of this identity; the next get fetches one"),
        ),
    }
}
