//! Signing users out of Cognito: their refresh tokens are revoked.

use std::time::Duration;

use aws_access::net::to_end;
use aws_access::{Identity, PerCallTimeout};
use cognito::{KeptSignIn, RefreshTokenStore, User};
use context::{Context, budget};
use diagnostics::Result;
use secret_cache::Cache;
use settings::CognitoSettings;

/// How long Cognito gets to answer for one user.
const BUDGET: Duration = Duration::from_secs(5);

/// Revokes the refresh tokens that are kept. They are forgotten by whoever clears the cache; one that Cognito didn't hear of counts
/// until it ends by itself, which is said.
pub fn sign_out(cache: &Cache, context: &mut Context<'_>) {
    for kept in RefreshTokenStore::all(cache, context.now()) {
        let name = &kept.signed_in_as;
        match revoke(&kept, context) {
            Ok(()) => context.say(&format!("cognito: {name} signed out of {}", kept.user_pool_id)),
            Err(error) => context.say(&format!(
                "warning: the refresh token of {name} is forgotten, but Cognito still takes it until it ends: {error}"
            )),
        }
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
        budget(&context.env)?.min(BUDGET),
        &context.progress,
    );
    kept.refuse_elsewhere(&calls.address(&user.region)?)?;
    to_end(async { Ok(kept.revoke(&user, &calls).await?) })
}
