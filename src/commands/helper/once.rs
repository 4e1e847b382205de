//! Prints repeated failures once. BuildKit asks once for each authentication that it remembers, and shows the helper's stderr each time.

use std::time::{Duration, Instant};

use context::{Context, Verbosity};
use secret::Secret;
use secret_cache::{Cache, CacheKey, FetchedSecret};

/// How long a failure is not printed again.
const LATELY: Duration = Duration::from_secs(5);
/// The name of printed failures in the cache. No registry has it.
const NAME: &str = "told-failure";

/// Prints a failure with `tell`, unless the same process got the same failure a few seconds ago. `failure` identifies it. Without a cache, it is
/// printed each time.
pub fn tell_once(failure: &str, context: &mut Context<'_>, tell: impl FnOnce(&mut Context<'_>)) {
    if !was_told(failure, context) {
        tell(context);
    }
}

fn was_told(failure: &str, context: &Context<'_>) -> bool {
    let Some(client) = context::caller().filter(|_| context.verbosity != Verbosity::Debug) else {
        return false;
    };
    let key = CacheKey::builder()
        .field("kind", NAME)
        .field("client", client.to_string())
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
