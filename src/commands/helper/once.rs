//! Failures that a client asks for again and again. BuildKit asks once for each authentication that it remembers, and shows each time what
//! the helper writes to stderr.

use std::time::{Duration, Instant};

use context::{Context, Verbosity};
use secret::Secret;
use secret_cache::{Cache, CacheKey, FetchedSecret};

/// How long after a failure the same one is not told again.
const LATELY: Duration = Duration::from_secs(5);
/// The name under which the cache keeps what was told. No registry has it.
const NAME: &str = "told-failure";

/// Tells people of a failure by `tell`, unless the same process was told of the same failure a few seconds ago. `failure` says which one
/// it is. Without a cache it is told each time.
pub fn tell_once(failure: &str, context: &mut Context<'_>, tell: impl FnOnce(&mut Context<'_>)) {
    if !was_told(failure, context) {
        tell(context);
    }
}

fn was_told(failure: &str, context: &Context<'_>) -> bool {
    let Some(client) = client().filter(|_| context.verbosity != Verbosity::Debug) else {
        return false;
    };
    let key = CacheKey::builder()
        .field("kind", NAME)
        .field("client", client)
        .field("failure", failure)
        .build();
    let cache = Cache::from_env(&context.env);
    let now = context.now();
    let was_told = cache.warm(&key, NAME, now).is_some();
    if let Some(entry) = cache.hold(&key, Instant::now()) {
        let until = now + LATELY;
        let told = FetchedSecret {
            secret: Secret::default(),
            expires_at: until,
            renew_at: Some(until),
            name: None,
        };
        entry.keep(told, NAME, now);
    }
    was_told
}

/// The process that called the helper.
#[cfg(unix)]
fn client() -> Option<String> {
    Some(std::os::unix::process::parent_id().to_string())
}

#[cfg(not(unix))]
fn client() -> Option<String> {
    None
}
