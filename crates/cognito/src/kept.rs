//! The refresh token of a sign-in, kept in the cache, so that the next sign-in asks nothing.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::device::Device;
use super::login_place::LoginPlace;
use super::user::User;
use super::wire::{self, AuthAnswer, AuthenticationResult, InitiateAuth, SecretText};
use super::{CallFailure, CallRefusal, CognitoCalls, CognitoService, SignedIn};
use diagnostics::{Code, Error, Result, without_userinfo};
use secret::{Secret, exposed};
use secret_cache::{Cache, CacheKey, FetchedSecret, LockedEntry};
use settings::{CognitoSettings, SignIn};

/// The name of all sign-ins in the cache.
const NAME: &str = "cognito sign-in";
/// The name of devices in the cache. A device outlives the sign-in that it was made in.
const DEVICE: &str = "cognito device";
/// The longest life of a refresh token that a user pool can set: 3650 days. The real life is unknown until Cognito refuses the token, which is then
/// removed.
const LONGEST: Duration = Duration::from_secs(3650 * 86_400);
/// Tokens younger than this are shared: processes that ask at once need one refresh.
const SHARED: Duration = Duration::from_secs(60);

/// The place of one user's sign-in in the cache.
#[derive(Debug)]
pub struct RefreshTokenStore<'a> {
    cache: &'a Cache,
    key: CacheKey,
    device_key: CacheKey,
    address: String,
}

/// A sign-in that is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeptSignIn {
    /// The user pool.
    pub user_pool_id: String,
    /// The app client.
    pub client_id: String,
    /// The name that was signed in with.
    pub signed_in_as: String,
    /// The user's real name, not an alias.
    pub username: String,
    /// The address of the user pool.
    pub address: String,
    /// The file that holds the app client's secret.
    pub client_secret_file: Option<PathBuf>,
    /// The managed login, if the user signed in there.
    #[serde(default)]
    pub login_place: Option<LoginPlace>,
    /// The token that gets new tokens.
    #[serde(with = "exposed")]
    pub refresh_token: Secret,
    /// The device of the sign-in, in a user pool that remembers devices. The refresh token only works together with it.
    #[serde(
        default,
        deserialize_with = "exposed::optional",
        serialize_with = "exposed::serialize_optional"
    )]
    device_key: Option<Secret>,
    #[serde(with = "exposed")]
    id_token: Secret,
    #[serde(with = "exposed")]
    access_token: Secret,
    /// When the tokens were fetched, in milliseconds since 1970-01-01 UTC.
    refreshed_at: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GetTokens<'a> {
    refresh_token: SecretText,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<SecretText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_key: Option<SecretText>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tokens {
    authentication_result: AuthenticationResult,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RevokeToken<'a> {
    token: SecretText,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<SecretText>,
}

impl<'a> RefreshTokenStore<'a> {
    /// Returns the place of this user's sign-in. `address` is the user pool's address: the token is not sent to any other.
    pub fn for_user(cache: &'a Cache, user: &User, address: &str) -> Self {
        let key = |kind| {
            CacheKey::builder()
                .field("kind", kind)
                .field("address", address)
                .field("user-pool-id", &user.pool)
                .field("client-id", &user.client_id)
                .field("username", &user.username)
                .build()
        };
        Self {
            cache,
            key: key(NAME),
            device_key: key(DEVICE),
            address: address.to_owned(),
        }
    }

    /// Keeps a sign-in. If it cannot be kept, the next sign-in asks again.
    pub fn keep(&self, user: &User, signed_in: &SignedIn, now: SystemTime, deadline: Instant) {
        let Some(refresh_token) = signed_in.refresh_token.clone() else {
            return;
        };
        let kept = KeptSignIn {
            user_pool_id: user.pool.clone(),
            client_id: user.client_id.clone(),
            signed_in_as: user.username.clone(),
            username: signed_in.username.clone(),
            address: self.address.clone(),
            client_secret_file: user.client_secret_file.clone(),
            login_place: signed_in.login_place.clone(),
            device_key: signed_in.device.as_ref().map(|device| device.key.clone()),
            refresh_token,
            id_token: signed_in.id_token.clone(),
            access_token: signed_in.access_token.clone(),
            refreshed_at: millis(now),
        };
        if let Some(hold) = self.cache.hold(&self.key, deadline) {
            kept.write(&hold, now);
        }
        if let Some(device) = signed_in.device.as_ref().filter(|device| device.password.is_some()) {
            self.keep_device(device, now, deadline);
        }
        // Failures for want of a sign-in are over.
        self.cache.forget_failures(now);
    }

    /// Returns the device of an earlier sign-in of this user.
    pub fn device(&self, now: SystemTime) -> Option<Device> {
        let held = self.cache.warm(&self.device_key, DEVICE, now)?;
        serde_json::from_str(held.secret.expose()).ok()
    }

    fn keep_device(&self, device: &Device, now: SystemTime, deadline: Instant) {
        let text = serde_json::to_string(device).map(Secret::new);
        if let (Some(hold), Ok(secret)) = (self.cache.hold(&self.device_key, deadline), text) {
            hold.keep(kept_for_good(secret, now), DEVICE, now);
        }
    }

    /// Whether a sign-in is kept.
    pub fn is_there(&self, now: SystemTime) -> bool {
        self.cache.warm(&self.key, NAME, now).is_some()
    }

    /// Gets fresh tokens with the refresh token. The lock is held all the time: if a replaced token were used again, Cognito would end the whole
    /// sign-in.
    ///
    /// # Errors
    /// No user is signed in, the sign-in has ended, or Cognito refuses.
    pub async fn tokens(
        &self,
        user: &User,
        calls: &impl CognitoCalls,
        clock: &dyn Fn() -> SystemTime,
        deadline: Instant,
    ) -> Result<SignedIn, CallFailure> {
        // This leaves no trace, because doctor asks too.
        if !self.is_there(clock()) {
            return Err(not_signed_in(&user.username).into());
        }
        let hold = self.cache.hold(&self.key, deadline);
        let held = hold.as_ref().and_then(|hold| Some((hold, hold.secret(clock())?)));
        let (hold, held) = held.ok_or_else(|| not_signed_in(&user.username))?;
        let mut kept = KeptSignIn::read(&held.secret).ok_or_else(|| not_signed_in(&user.username))?;
        if kept.is_young(clock()) {
            return Ok(kept.signed_in());
        }
        match kept.refresh(user, calls).await {
            Ok(result) => {
                kept.take(result, clock())?;
                kept.write(hold, clock());
                Ok(kept.signed_in())
            }
            Err(CallFailure::Refused(refusal)) if is_over(&refusal) => {
                let error = Error::from(refusal.clone());
                // A wrong client secret does not mean that the token is invalid.
                if refusal.message.to_ascii_lowercase().contains("secret") {
                    return Err(error.into());
                }
                hold.forget();
                Err(signed_out(&user.username, &refusal.message).into())
            }
            Err(failure) => Err(failure),
        }
    }

    /// Returns the sign-ins to this app client.
    pub fn of_client(cache: &Cache, pool: &str, client_id: &str, now: SystemTime) -> Vec<KeptSignIn> {
        let mut all = Self::all(cache, now);
        all.retain(|kept| kept.user_pool_id == pool && kept.client_id == client_id);
        all
    }

    /// Returns all sign-ins.
    pub fn all(cache: &Cache, now: SystemTime) -> Vec<KeptSignIn> {
        let held = cache.named(NAME, now).into_iter();
        held.filter_map(|held| KeptSignIn::read(&held.secret)).collect()
    }
}

impl KeptSignIn {
    fn read(secret: &Secret) -> Option<Self> {
        serde_json::from_str(secret.expose()).ok()
    }

    fn write(&self, hold: &LockedEntry<'_>, now: SystemTime) {
        if let Ok(text) = serde_json::to_string(self) {
            hold.keep(kept_for_good(Secret::new(text), now), NAME, now);
        }
    }

    fn is_young(&self, now: SystemTime) -> bool {
        let age = now.duration_since(UNIX_EPOCH + Duration::from_millis(self.refreshed_at));
        age.is_ok_and(|age| age < SHARED)
    }

    fn signed_in(&self) -> SignedIn {
        SignedIn {
            username: self.username.clone(),
            id_token: self.id_token.clone(),
            access_token: self.access_token.clone(),
            refresh_token: Some(self.refresh_token.clone()),
            device: None,
            login_place: self.login_place.clone(),
        }
    }

    /// Uses the call that supports token rotation, or the older one if the pool does not know it.
    async fn refresh(&self, user: &User, calls: &impl CognitoCalls) -> Result<AuthenticationResult, CallFailure> {
        let request = GetTokens {
            refresh_token: (&self.refresh_token).into(),
            client_id: &user.client_id,
            client_secret: user.client_secret.as_ref().map(SecretText::from),
            device_key: self.device_key.as_ref().map(SecretText::from),
        };
        let operation = "GetTokensFromRefreshToken";
        match wire::call::<Tokens>(calls, CognitoService::UserPool, &user.region, operation, &request).await {
            Ok(tokens) => Ok(tokens.authentication_result),
            Err(CallFailure::Refused(refusal)) if refusal.is_unknown_operation() => {
                self.refresh_as_before(user, calls).await
            }
            Err(failure) => Err(failure),
        }
    }

    async fn refresh_as_before(
        &self,
        user: &User,
        calls: &impl CognitoCalls,
    ) -> Result<AuthenticationResult, CallFailure> {
        let mut parameters = wire::Parameters::from([("REFRESH_TOKEN".to_owned(), (&self.refresh_token).into())]);
        if let Some(hash) = user.secret_hash(&self.username)? {
            parameters.insert("SECRET_HASH".to_owned(), (&hash).into());
        }
        if let Some(key) = &self.device_key {
            parameters.insert("DEVICE_KEY".to_owned(), key.into());
        }
        let request = InitiateAuth {
            auth_flow: "REFRESH_TOKEN_AUTH",
            auth_parameters: parameters,
            client_id: &user.client_id,
        };
        let answer: AuthAnswer =
            wire::call(calls, CognitoService::UserPool, &user.region, "InitiateAuth", &request).await?;
        let odd = || {
            Error::failed(
                Code::OddAnswer,
                "Amazon Cognito",
                "the refresh token is answered with a challenge",
            )
        };
        answer.authentication_result.ok_or_else(|| odd().into())
    }

    fn take(&mut self, result: AuthenticationResult, now: SystemTime) -> Result<()> {
        let (Some(id_token), Some(access_token)) = (result.id_token, result.access_token) else {
            return Err(
                Error::failed(Code::OddAnswer, "Amazon Cognito", "its answer holds no tokens")
                    .hint(wire::ODD_ANSWER_HINT),
            );
        };
        self.id_token = id_token.0;
        self.access_token = access_token.0;
        if let Some(rotated) = result.refresh_token {
            self.refresh_token = rotated.0;
        }
        self.refreshed_at = millis(now);
        Ok(())
    }

    /// Checks that the token is only sent to the address that gave it: an endpoint may have been set since.
    ///
    /// # Errors
    /// The address is another one.
    pub fn refuse_elsewhere(&self, address: &str) -> Result<()> {
        match address == self.address {
            true => Ok(()),
            false => Err(Error::failed(
                Code::NotSignedIn,
                "Amazon Cognito",
                format!(
                    "the token is from {}, and {} is set now",
                    without_userinfo(&self.address),
                    without_userinfo(address)
                ),
            )),
        }
    }

    /// Revokes the refresh token and all tokens that came from it.
    ///
    /// # Errors
    /// Cognito refuses.
    pub async fn revoke(&self, user: &User, calls: &impl CognitoCalls) -> Result<(), CallFailure> {
        let request = RevokeToken {
            token: (&self.refresh_token).into(),
            client_id: &user.client_id,
            client_secret: user.client_secret.as_ref().map(SecretText::from),
        };
        let answer =
            wire::call::<serde::de::IgnoredAny>(calls, CognitoService::UserPool, &user.region, "RevokeToken", &request);
        answer.await.map(drop)
    }
}

/// Returns the user name in the settings, or that of the only user who is signed in.
///
/// # Errors
/// No user is signed in, or more than one.
pub fn username(settings: &CognitoSettings, cache: &Cache, now: SystemTime) -> Result<String> {
    if let Some(username) = &settings.username {
        return Ok(username.clone());
    }
    let SignIn::UserPool { id, client_id } = settings.sign_in()? else {
        return Ok(String::new());
    };
    let mut users = RefreshTokenStore::of_client(cache, id, client_id, now);
    match users.len() {
        1 => Ok(users.remove(0).signed_in_as),
        _ => Err(no_known_user(!users.is_empty())),
    }
}

/// Returns the error for settings without a user name, where not exactly one user is signed in: it says whether nobody is, or several are.
pub fn no_username(settings: &CognitoSettings, cache: &Cache, now: SystemTime) -> Error {
    // If just one user has signed in since the settings were read, a second call will find that user.
    username(settings, cache, now)
        .err()
        .unwrap_or_else(|| no_known_user(false))
}

fn no_known_user(are_several: bool) -> Error {
    let failed = |cause: &str| Error::failed(Code::NotSignedIn, "Amazon Cognito", cause);
    match are_several {
        true => failed("more than one user is signed in, and no user name is given").hint(
            "name the user with username under cognito in ecr-auth.yml, or with --username when you import a vendor's file",
        ),
        false => failed("nobody is signed in").hint("run in a terminal: ecr-auth cognito"),
    }
}

/// Whether the token is no longer valid: it was revoked, is too old, or its replacement is in use.
fn is_over(refusal: &CallRefusal) -> bool {
    matches!(
        refusal.code.as_str(),
        "NotAuthorizedException" | "RefreshTokenReuseException" | "UserNotFoundException"
    )
}

/// Returns the error for a user who is not signed in.
pub fn not_signed_in(username: &str) -> Error {
    Error::failed(
        Code::NotSignedIn,
        "Amazon Cognito",
        format!("{username} is not signed in"),
    )
    .hint("run in a terminal: ecr-auth cognito")
}

fn signed_out(username: &str, message: &str) -> Error {
    let cause = format!("{username} is no longer signed in: {message}");
    Error::failed(Code::NotSignedIn, "Amazon Cognito", cause).hint("run in a terminal: ecr-auth cognito")
}

/// Returns a secret that is kept until Cognito refuses it.
fn kept_for_good(secret: Secret, now: SystemTime) -> FetchedSecret {
    FetchedSecret {
        secret,
        expires_at: now + LONGEST,
        renew_at: None,
        name: None,
    }
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}
