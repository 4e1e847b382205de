//! Amazon Cognito: a user pool that people sign in to, and an identity pool that gives them AWS credentials of a role.
//!
//! Every lab has both pools, under the ids below. [`Cognito::add_user`] adds users.

mod challenges;
mod clients;
pub(crate) mod control;
mod devices;
mod first_factor;
mod fixtures;
mod grants;
mod identity_pool;
mod input;
mod login;
mod login_state;
mod outcome;
mod passwords;
mod refusals;
mod remembered;
mod roles;
mod second_factor;
mod sessions;
mod sign_in;
mod srp;
mod timestamp;
mod tokens;
mod user_pool;
mod users;

use std::sync::Mutex;

use http::HeaderMap;
use serde_json::{Value, json};

pub use self::identity_pool::LoginProvider;
pub(crate) use self::login::login_operation;
pub use self::roles::{Ambiguous, Match, RoleMapping, Rule};
pub use self::user_pool::Message;
pub use self::users::{AddedUser, Mfa, Provider, UserSpec};

use self::identity_pool::IdentityPool;
use self::input::Input;
use self::outcome::{Issued, Outcome};
use self::refusals::not_authorized;
use self::user_pool::{Group, UserPool};
use crate::answer::{Answer, Refusal, aws_json};
use crate::hosts::Service;
use crate::jwt::SigningAlgorithm;
use crate::totp;
use crate::{Aws, LabError, lock};

/// The id of the user pool.
pub const USER_POOL_ID: &str = "eu-west-1_LabPool01";
/// An app client without a secret: `USER_SRP_AUTH`, `USER_PASSWORD_AUTH`, `REFRESH_TOKEN_AUTH`.
pub const CLIENT_ID: &str = "1labpublicclient0000000000";
/// An app client with a secret: `USER_SRP_AUTH`, `REFRESH_TOKEN_AUTH`.
pub const SECRET_CLIENT_ID: &str = "2labsecretclient0000000000";
/// The secret of [`SECRET_CLIENT_ID`].
pub const CLIENT_SECRET: &str = "lab-client-secret-0123456789abcdefghijklmnopqrstuvw";
/// An app client without a secret that rotates refresh tokens: `USER_SRP_AUTH`, `USER_PASSWORD_AUTH`.
pub const ROTATING_CLIENT_ID: &str = "3labrotatingclient00000000";
/// An app client without a secret for browsers and sent codes: the authorization code grant, `USER_AUTH`,
/// `USER_SRP_AUTH`. It rotates refresh tokens.
pub const BROWSER_CLIENT_ID: &str = "4labbrowserclient000000000";
/// The host of the managed login.
pub const LOGIN_DOMAIN: &str = "lab.auth.eu-west-1.amazoncognito.com";
/// The id of the identity pool.
pub const IDENTITY_POOL_ID: &str = "eu-west-1:1ab00000-0000-4000-8000-000000000001";
/// The key of `Logins` for tokens of the user pool.
pub const LOGINS_KEY: &str = "cognito-idp.eu-west-1.amazonaws.com/eu-west-1_LabPool01";
/// The role of the group `licensed`, which may pull.
pub const LICENSED_ROLE: &str = "arn:aws:iam::111122223333:role/licensed-pull";
/// The role of the group `unlicensed`, which may only sign in to registries.
pub const UNLICENSED_ROLE: &str = "arn:aws:iam::111122223333:role/unlicensed";
/// The role of users without a group. It may pull if the session's tag `license` (the claim `custom:license`) is
/// `active`.
pub const AUTHENTICATED_ROLE: &str = "arn:aws:iam::111122223333:role/authenticated";

/// The password of the two users that every lab has. It is temporary for `ada` (group `licensed`) and permanent for
/// `eve` (no group, no licence).
pub const DEMO_PASSWORD: &str = "Welcome-to-the-lab-1";

/// The issuer of the user pool.
const ISSUER: &str = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_LabPool01";
/// The part of [`USER_POOL_ID`] after `_`, as SRP hashes it.
const POOL_NAME: &str = "LabPool01";
const REGION: &str = "eu-west-1";
/// Lifetime of ID and access tokens, in seconds.
const TOKEN_LIFETIME: i64 = 3600;

/// The state of both pools.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    users: Mutex<UserPool>,
    identities: Mutex<IdentityPool>,
}

/// Controls of a lab's pools for tests and the demo, from [`Aws::cognito`].
#[derive(Debug, Clone, Copy)]
pub struct Cognito<'a> {
    aws: &'a Aws,
}

impl Aws {
    /// Returns the controls of the user pool and the identity pool.
    pub fn cognito(&self) -> Cognito<'_> {
        Cognito { aws: self }
    }

    /// Answers a call of Cognito. All operations that the lab plays are public, so signatures are not checked.
    pub(crate) fn cognito_call(
        &self,
        service: Service,
        operation: &str,
        region: Option<&str>,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Answer, Refusal> {
        if headers.contains_key(http::header::AUTHORIZATION) {
            let message = "The security token included in the request is invalid.";
            return Err(Refusal::new(400, "UnrecognizedClientException", message));
        }
        let input = Input::read(body)?;
        let answer = match service {
            Service::CognitoIdentity => self.identity_pool_call(operation, region, &input)?,
            _ => self.user_pool_call(operation, region, &input)?,
        };
        Ok(aws_json(200, &answer))
    }

    fn user_pool_call(&self, operation: &str, region: Option<&str>, input: &Input) -> Result<Value, Refusal> {
        if region.is_some_and(|region| region != REGION) {
            let id = input.text("ClientId")?.unwrap_or_default();
            return Err(refusals::not_found(&format!("User pool client {id} does not exist.")));
        }
        let now = self.clock.now();
        let claims = match operation {
            "ChangePassword" | "ConfirmDevice" => self.verified_claims(input.require("AccessToken")?)?,
            _ => Value::Null,
        };
        let mut pool = lock(&self.cognito.users);
        let outcome = match operation {
            "InitiateAuth" => pool.initiate_auth(input, now)?,
            "RespondToAuthChallenge" => pool.respond(input, now)?,
            "GetTokensFromRefreshToken" => pool.tokens_from_refresh_token(input, now)?,
            "RevokeToken" => return pool.revoke_token(input),
            "AssociateSoftwareToken" => return pool.associate(input, now),
            "VerifySoftwareToken" => return pool.verify_token(input, now),
            "ChangePassword" => return pool.change_password(input, &claims, now),
            "ConfirmDevice" => return pool.confirm_device(input, &claims),
            "ForgotPassword" => return pool.forgot_password(input, now),
            "ConfirmForgotPassword" => return pool.confirm_forgot_password(input, now),
            _ => return Err(Refusal::new(400, "UnknownOperationException", "")),
        };
        drop(pool);
        match outcome {
            Outcome::Challenge(answer) => Ok(answer),
            Outcome::SignedIn(issued) => self.sign_issued(*issued).map_err(|error| internal(&error)),
        }
    }

    fn sign_issued(&self, issued: Issued) -> Result<Value, LabError> {
        // Generated on first use, because an RSA key takes a moment.
        self.ensure_issuer(ISSUER, SigningAlgorithm::RS256)?;
        let mut result = json!({
            "AccessToken": self.sign_jwt(ISSUER, &issued.access)?,
            "IdToken": self.sign_jwt(ISSUER, &issued.id)?,
            "ExpiresIn": TOKEN_LIFETIME,
            "TokenType": "Bearer",
        });
        if let Some(refresh) = issued.refresh {
            result["RefreshToken"] = refresh.into();
        }
        if let Some(device) = issued.new_device {
            result["NewDeviceMetadata"] = device;
        }
        Ok(json!({"AuthenticationResult": result, "ChallengeParameters": {}}))
    }

    /// Verifies an access token of the pool and returns its claims.
    fn verified_claims(&self, token: &str) -> Result<Value, Refusal> {
        lock(&self.oidc)
            .verified(token, ISSUER)
            .ok_or_else(|| not_authorized("Invalid Access Token"))
    }
}

fn internal(error: &LabError) -> Refusal {
    Refusal::new(500, "InternalErrorException", error.to_string())
}

impl Cognito<'_> {
    /// Adds a user, or replaces the user of that name.
    ///
    /// # Errors
    /// The user has no password or two, or the salt is not a hexadecimal number.
    pub fn add_user(&self, spec: UserSpec) -> Result<AddedUser, LabError> {
        let user = users::User::new(spec, self.aws.now()).map_err(|cause| LabError::new("cannot add a user", cause))?;
        let added = user.described();
        lock(&self.aws.cognito.users).users.insert(user.name.clone(), user);
        Ok(added)
    }

    /// Adds a group whose users get a role, or replaces the group of that name. The group with the lowest precedence
    /// decides the preferred role.
    pub fn add_group(&self, name: &str, role: Option<&str>, precedence: u32) {
        let group = Group {
            role: role.map(Into::into),
            precedence,
        };
        lock(&self.aws.cognito.users).groups.insert(name.into(), group);
    }

    /// Sets the attributes that every user must have. A user without one must give it with the first password of their
    /// own.
    pub fn require_attributes(&self, names: &[&str]) {
        lock(&self.aws.cognito.users).required = names.iter().map(|&name| name.to_owned()).collect();
    }

    /// Sets whether the pool remembers devices. By default it does not.
    pub fn remember_devices(&self, remembers: bool) {
        lock(&self.aws.cognito.users).remembers_devices = remembers;
    }

    /// Forgets every device, as an administrator can.
    pub fn forget_devices(&self) {
        lock(&self.aws.cognito.users).devices.clear();
    }

    /// Sets the callback URLs of an app client.
    pub fn set_callbacks(&self, client_id: &str, urls: &[&str]) {
        let urls = urls.iter().map(|&url| url.to_owned()).collect();
        let mut pool = lock(&self.aws.cognito.users);
        pool.login.callbacks.insert(client_id.to_owned(), urls);
    }

    /// Signs in every browser that opens the login page as this user. With `None` the lab shows the page.
    pub fn sign_browsers_in_as(&self, username: Option<&str>) {
        lock(&self.aws.cognito.users).login.signs_in_as = username.map(str::to_owned);
    }

    /// Sets how long a rotated refresh token may be used again, in seconds. The default is 0.
    pub fn set_rotation_grace(&self, seconds: u32) {
        lock(&self.aws.cognito.users).grants.grace = seconds.into();
    }

    /// Returns the messages sent to a user, oldest first.
    pub fn messages(&self, username: &str) -> Vec<Message> {
        let mut pool = lock(&self.aws.cognito.users);
        let name = pool.user(username).map(|user| user.name.clone());
        let sent = pool.messages.iter();
        sent.filter(|message| Some(&message.username) == name.as_ref())
            .cloned()
            .collect()
    }

    /// Returns the code that a user's authenticator app shows. `None` if there is no such user or no app.
    pub fn totp(&self, username: &str) -> Option<String> {
        let mut pool = lock(&self.aws.cognito.users);
        let secret = pool.user(username)?.totp_secret.clone()?;
        totp::code_of(&secret, totp::step(self.aws.now()))
    }

    /// Returns the code that an authenticator app with this secret shows, by the lab's clock. `None` if the secret is not base32.
    pub fn totp_of(&self, secret: &str) -> Option<String> {
        totp::code_of(secret, totp::step(self.aws.now()))
    }

    /// Changes a user. Returns false if there is no user of that name.
    fn change(&self, username: &str, change: impl FnOnce(&mut users::User)) -> bool {
        lock(&self.aws.cognito.users).user(username).map(change).is_some()
    }

    /// Sets an attribute of a user (`custom:license`) for tokens issued from now on. Returns false if there is no such
    /// user.
    pub fn set_attribute(&self, username: &str, name: &str, value: &str) -> bool {
        self.change(username, |user| {
            user.attributes.insert(name.into(), value.into());
        })
    }

    /// Sets a user's groups for tokens issued from now on. Returns false if there is no such user.
    pub fn set_groups(&self, username: &str, groups: &[&str]) -> bool {
        self.change(username, |user| {
            user.groups = groups.iter().map(|&name| name.to_owned()).collect();
        })
    }

    /// Disables or enables a user. Returns false if there is no such user.
    pub fn set_enabled(&self, username: &str, enabled: bool) -> bool {
        self.change(username, |user| user.enabled = enabled)
    }

    /// Requires a user to set a new password with ForgotPassword (`RESET_REQUIRED`). Returns false if there is no such
    /// user.
    pub fn reset_password(&self, username: &str) -> bool {
        self.change(username, |user| user.status = users::Status::ResetRequired)
    }

    /// Revokes all refresh tokens of a user, like a global sign-out. Returns false if there is no such user.
    pub fn revoke(&self, username: &str) -> bool {
        let mut pool = lock(&self.aws.cognito.users);
        let name = pool.user(username).map(|user| user.name.clone());
        name.map(|name| pool.grants.revoke_all(&name)).is_some()
    }

    /// Expires all refresh tokens of a user. Returns false if there is no such user.
    pub fn expire_refresh_tokens(&self, username: &str) -> bool {
        let mut pool = lock(&self.aws.cognito.users);
        let name = pool.user(username).map(|user| user.name.clone());
        name.map(|name| pool.grants.expire_all(&name)).is_some()
    }

    /// Sets the pool's private number of the next SRP handshake, in hexadecimal, for test vectors.
    ///
    /// # Errors
    /// The text is not a hexadecimal number.
    pub fn set_next_b(&self, hex: &str) -> Result<(), LabError> {
        let number = srp::parse_hex(hex)
            .ok_or_else(|| LabError::new("cannot set the private number", "it is not hexadecimal"))?;
        lock(&self.aws.cognito.users).next_b = Some(number);
        Ok(())
    }

    /// Sets how the identity pool chooses the role of users of the user pool.
    pub fn set_role_mapping(&self, mapping: RoleMapping) {
        lock(&self.aws.cognito.identities).mapping = mapping;
    }

    /// Sets the role of guests. `None`, which is the default, refuses guests.
    pub fn set_guest_role(&self, role: Option<&str>) {
        lock(&self.aws.cognito.identities).guest_role = role.map(Into::into);
    }

    /// Makes the identity pool accept tokens of another issuer, which the lab must play ([`Aws::add_issuer`]).
    pub fn add_login_provider(&self, provider: LoginProvider) {
        lock(&self.aws.cognito.identities).providers.push(provider);
    }
}
