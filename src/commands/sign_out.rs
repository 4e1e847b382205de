//! Signing users out of Cognito: their refresh tokens are revoked, and the session of the managed login in the browser can be ended.

use std::collections::BTreeMap;
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

/// Revokes the refresh tokens that are kept, and returns the managed logins that users signed in at, each once, with the app client's id.
/// The tokens are forgotten by whoever clears the cache. A token that Cognito didn't hear of counts until it ends by itself, which is said.
pub fn sign_out(cache: &Cache, context: &mut Context<'_>) -> Vec<(LoginPlace, String)> {
    let mut logins = Vec::new();
    for kept in RefreshTokenStore::all(cache, context.now()) {
        let name = &kept.signed_in_as;
        match revoke(&kept, context) {
            Ok(()) => context.say(&format!("cognito: {name} signed out of {}", kept.user_pool_id)),
            Err(error) => context.say(&format!(
                "warning: the refresh token of {name} is forgotten, but Cognito still takes it until it ends: {error}"
            )),
        }
        let login = kept.login_place.map(|place| (place, kept.client_id));
        logins.extend(login.filter(|login| !logins.contains(login)));
    }
    logins
}

/// Ends the sessions of managed logins in the user's browser, which has their cookies.
pub fn sign_out_in_browser(logins: &[(LoginPlace, String)], context: &mut Context<'_>) {
    // A port stays in use until this process ends.
    let mut listeners = BTreeMap::new();
    for (place, client_id) in logins {
        let listener = listeners
            .entry(place.port)
            .or_insert_with(|| CallbackListener::bind(place.port, SIGNED_OUT).ok());
        end_session(place, client_id, listener.as_ref(), context);
    }
}

fn end_session(place: &LoginPlace, client_id: &str, listener: Option<&CallbackListener>, context: &mut Context<'_>) {
    let address = logout_address(place, client_id);
    let opened = opener(&context.env).and_then(|opener| {
        opener.open(&address, &context.env).ok()?;
        listener?.next(Instant::now() + BROWSER_TIME)
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
