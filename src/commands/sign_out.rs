//! Signing users out of Cognito: their refresh tokens are revoked, and the session of the managed login in the browser can be ended.

use std::time::{Duration, Instant};

use crate::browser::{CallbackListener, opener};
use aws_access::net::to_end;
use aws_access::{Identity, PerCallTimeout};
use cognito::managed_login::{self, SIGNED_OUT, logout_address};
use cognito::{KeptSignIn, LoginPlace, RefreshTokenStore, User};
use context::Context;
use diagnostics::Result;
use secret_cache::Cache;
use settings::CognitoSettings;

/// How long Cognito gets to answer for one user.
const BUDGET: Duration = Duration::from_secs(5);
/// How long a browser gets to sign out.
const BROWSER_TIME: Duration = Duration::from_secs(30);

/// Revokes the refresh tokens that are kept. They are forgotten by whoever clears the cache; one that Cognito didn't hear of counts
/// until it ends by itself, which is said.
pub fn sign_out(cache: &Cache, in_browser: bool, context: &mut Context<'_>) {
    for kept in RefreshTokenStore::all(cache, context.now()) {
        let name = &kept.signed_in_as;
        match revoke(&kept, context) {
            Ok(()) => context.say(&format!("cognito: {name} signed out of {}", kept.user_pool_id)),
            Err(error) => context.say(&format!(
                "warning: the refresh token of {name} is forgotten, but Cognito still takes it until it ends: {error}"
            )),
        }
        if let Some(place) = kept.login_place.as_ref().filter(|_| in_browser) {
            sign_out_in_browser(place, &kept.client_id, context);
        }
    }
}

/// Ends the session of a managed login in the user's browser, where its cookie is.
fn sign_out_in_browser(place: &LoginPlace, client_id: &str, context: &mut Context<'_>) {
    let address = logout_address(place, client_id);
    let opened = opener(&context.env).and_then(|opener| {
        let listener = CallbackListener::bind(place.port, SIGNED_OUT).ok()?;
        opener.open(&address, &context.env).ok()?;
        listener.next(Instant::now() + BROWSER_TIME)
    });
    match opened {
        Some(arrival) => arrival.show("Signed out", "You can close this page."),
        None => context.say(&format!(
            "warning: the browser may still be signed in at {}: open this address in it: {address}",
            place.domain
        )),
    }
}

fn revoke(kept: &KeptSignIn, context: &Context<'_>) -> Result<()> {
    let settings = CognitoSettings {
        user_pool_id: Some(kept.user_pool_id.clone()),
        client_id: Some(kept.client_id.clone()),
        username: Some(kept.signed_in_as.clone()),
        client_secret_file: kept.client_secret_file.clone(),
        ..CognitoSettings::default()
    };
    let user = User::from_settings(&settings, &kept.signed_in_as, &context.env)?;
    let identity = Identity::of_cognito(&settings, &context.env)?;
    let calls = PerCallTimeout::new(
        &context.env,
        &identity,
        context
            .env
            .deadline()
            .saturating_duration_since(Instant::now())
            .min(BUDGET),
        &context.progress,
    );
    kept.refuse_elsewhere(&calls.address(&user.region)?)?;
    match &kept.login_place {
        Some(place) => to_end(managed_login::revoke(kept, place, &user, &calls)),
        None => to_end(async { Ok(kept.revoke(&user, &calls).await?) }),
    }
}
