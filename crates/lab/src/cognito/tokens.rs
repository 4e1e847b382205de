//! ID and access tokens, refresh tokens and their rotation, RevokeToken.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map as JsonMap, Value, json};

use super::challenges::Outcome;
use super::input::Input;
use super::refusals::not_authorized;
use super::user_pool::{Client, Group, UserPool};
use super::users::User;
use super::{ISSUER, TOKEN_LIFETIME};
use crate::answer::{Refusal, request_id};
use crate::principals::random_text;

/// A refresh token lives so many seconds: Cognito's default of 30 days.
const REFRESH_LIFETIME: i64 = 30 * 24 * 3600;

/// Claims to sign, and the refresh token beside them.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) id: Value,
    pub(super) access: Value,
    pub(super) refresh: Option<String>,
}

/// What a sign-in lasts as: a line of refresh tokens, and the access tokens they gave.
#[derive(Debug, Clone)]
struct Grant {
    user: String,
    client: &'static str,
    auth_time: i64,
    expires: i64,
    revoked: bool,
}

/// A refresh token: its sign-in, and when it was replaced by another.
#[derive(Debug, Clone)]
struct RefreshToken {
    /// The claim `origin_jti`.
    origin: String,
    replaced: Option<i64>,
}

/// The sign-ins that last.
#[derive(Debug, Default)]
pub(super) struct Grants {
    /// By `origin_jti`.
    known: HashMap<String, Grant>,
    tokens: HashMap<String, RefreshToken>,
    /// How long a rotated refresh token may be used again, in seconds.
    pub(super) grace: i64,
}

impl Grants {
    /// Whose refresh token it is.
    pub(super) fn user_of(&self, token: &str) -> Option<&str> {
        let origin = &self.tokens.get(token)?.origin;
        self.known.get(origin).map(|grant| grant.user.as_str())
    }

    /// Whether the sign-in behind an access token was revoked.
    pub(super) fn is_revoked(&self, origin: &str) -> bool {
        self.known.get(origin).is_none_or(|grant| grant.revoked)
    }

    /// Revokes all sign-ins of a user.
    pub(super) fn revoke_all(&mut self, user: &str) {
        for grant in self.known.values_mut().filter(|grant| grant.user == user) {
            grant.revoked = true;
        }
    }

    /// Ends the refresh tokens of a user, as if their time were over.
    pub(super) fn expire_all(&mut self, user: &str) {
        for grant in self.known.values_mut().filter(|grant| grant.user == user) {
            grant.expires = 0;
        }
    }

    fn new_token(&mut self, origin: &str) -> String {
        let token = random_text(1700);
        let known = RefreshToken {
            origin: origin.into(),
            replaced: None,
        };
        self.tokens.insert(token.clone(), known);
        token
    }

    /// Takes a refresh token: the sign-in it belongs to, and the token that replaces it.
    fn take(&mut self, client: &Client, token: &str, now: i64) -> Result<(String, Grant, Option<String>), Refusal> {
        let invalid = || not_authorized("Invalid Refresh Token");
        let RefreshToken { origin, replaced } = self.tokens.get(token).cloned().ok_or_else(invalid)?;
        let grant = self.known.get_mut(&origin).ok_or_else(invalid)?;
        if grant.client != client.id {
            return Err(invalid());
        }
        if grant.revoked {
            return Err(not_authorized("Refresh Token has been revoked"));
        }
        if grant.expires <= now {
            return Err(not_authorized("Refresh Token has expired"));
        }
        if replaced.is_some_and(|at| now >= at + self.grace) {
            // Two hold the same line of tokens, and one of them may be a thief: both lose it.
            grant.revoked = true;
            let message = "Refresh token has been invalidated by refresh token rotation";
            return Err(Refusal::new(400, "RefreshTokenReuseException", message));
        }
        let grant = grant.clone();
        let next = client.rotates.then(|| self.new_token(&origin));
        if let Some(old) = self.tokens.get_mut(token).filter(|_| next.is_some()) {
            old.replaced.get_or_insert(now);
        }
        Ok((origin, grant, next))
    }
}

impl UserPool {
    /// The end of a sign-in.
    pub(super) fn signed_in(&mut self, client: &'static Client, name: &str, now: i64) -> Result<Outcome, Refusal> {
        let origin = request_id();
        let grant = Grant {
            user: name.into(),
            client: client.id,
            auth_time: now,
            expires: now + REFRESH_LIFETIME,
            revoked: false,
        };
        let refresh = self.grants.new_token(&origin);
        self.grants.known.insert(origin.clone(), grant.clone());
        self.issue(&origin, &grant, Some(refresh), now)
    }

    /// New tokens for a refresh token.
    pub(super) fn refresh(&mut self, client: &'static Client, token: &str, now: i64) -> Result<Outcome, Refusal> {
        let (origin, grant, next) = self.grants.take(client, token, now)?;
        let user = self.user_named(&grant.user)?;
        user.check_usable(now)?;
        self.issue(&origin, &grant, next, now)
    }

    /// GetTokensFromRefreshToken.
    pub(super) fn tokens_from_refresh_token(&mut self, input: &Input, now: i64) -> Result<Outcome, Refusal> {
        let token = input.require("RefreshToken")?;
        let client = Client::of(input)?;
        client.check_secret(input.text("ClientSecret")?)?;
        self.refresh(client, token, now)
    }

    /// RevokeToken.
    pub(super) fn revoke_token(&mut self, input: &Input) -> Result<Value, Refusal> {
        let token = input.require("Token")?;
        let client = Client::of(input)?;
        client.check_secret(input.text("ClientSecret")?)?;
        if token.starts_with("eyJ") && token.matches('.').count() == 2 {
            let message = "Revocation of the token type is not supported";
            return Err(Refusal::new(400, "UnsupportedTokenTypeException", message));
        }
        let grants = &mut self.grants;
        let origin = grants.tokens.get(token).map(|known| known.origin.clone());
        // A token nobody knows counts as revoked (RFC 7009, 2.2).
        if let Some(grant) = origin.and_then(|origin| grants.known.get_mut(&origin)) {
            if grant.client != client.id {
                let message = "Token is not issued to the client";
                return Err(Refusal::new(400, "UnauthorizedException", message));
            }
            grant.revoked = true;
        }
        Ok(json!({}))
    }

    fn issue(&mut self, origin: &str, grant: &Grant, refresh: Option<String>, now: i64) -> Result<Outcome, Refusal> {
        let groups = self.groups.clone();
        let user = self.user_named(&grant.user)?;
        let mut common = JsonMap::new();
        common.insert("sub".into(), user.sub.clone().into());
        common.insert("iss".into(), ISSUER.into());
        common.insert("origin_jti".into(), origin.into());
        common.insert("event_id".into(), request_id().into());
        common.insert("auth_time".into(), grant.auth_time.into());
        common.insert("iat".into(), now.into());
        common.insert("exp".into(), (now + TOKEN_LIFETIME).into());
        if !user.groups.is_empty() {
            common.insert("cognito:groups".into(), json!(user.groups));
        }
        let mut access = common.clone();
        access.insert("token_use".into(), "access".into());
        access.insert("scope".into(), "aws.cognito.signin.user.admin".into());
        access.insert("client_id".into(), grant.client.into());
        access.insert("username".into(), user.name.clone().into());
        access.insert("jti".into(), request_id().into());
        let mut id = common;
        id.insert("token_use".into(), "id".into());
        id.insert("aud".into(), grant.client.into());
        id.insert("cognito:username".into(), user.name.clone().into());
        id.insert("jti".into(), request_id().into());
        id.extend(attribute_claims(user));
        id.extend(role_claims(user, &groups));
        Ok(Outcome::SignedIn(Box::new(Issued {
            id: Value::Object(id),
            access: Value::Object(access),
            refresh,
        })))
    }
}

fn attribute_claims(user: &User) -> JsonMap<String, Value> {
    let claim = |(name, value): (&String, &String)| match name.as_str() {
        "email_verified" | "phone_number_verified" => (name.clone(), Value::Bool(value == "true")),
        _ => (name.clone(), Value::String(value.clone())),
    };
    user.attributes.iter().map(claim).collect()
}

/// The roles of the user's groups, and the one of the group that goes before the others, where one does.
fn role_claims(user: &User, groups: &BTreeMap<String, Group>) -> JsonMap<String, Value> {
    let mut with_roles: Vec<(u32, &str)> = user
        .groups
        .iter()
        .filter_map(|name| groups.get(name))
        .filter_map(|group| Some((group.precedence, group.role.as_deref()?)))
        .collect();
    with_roles.sort_unstable();
    with_roles.dedup();
    let mut claims = JsonMap::new();
    let Some(&(first, preferred)) = with_roles.first() else {
        return claims;
    };
    let roles: Vec<&str> = with_roles.iter().map(|(_, role)| *role).collect();
    claims.insert("cognito:roles".into(), json!(roles));
    // Two groups of the same precedence with different roles: none is preferred.
    if with_roles.iter().filter(|(precedence, _)| *precedence == first).count() == 1 {
        claims.insert("cognito:preferred_role".into(), preferred.into());
    }
    claims
}
