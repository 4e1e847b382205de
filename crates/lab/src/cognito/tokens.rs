//! ID and access tokens: their claims, and the calls that issue or revoke them.

use std::collections::BTreeMap;

use serde_json::{Map as JsonMap, Value, json};

use super::clients::Client;
use super::grants::Grant;
use super::input::Input;
use super::outcome::{Issued, Outcome};
use super::user_pool::{Group, UserPool};
use super::users::User;
use super::{ISSUER, TOKEN_LIFETIME};
use crate::answer::{Refusal, request_id};

/// Lifetime of a refresh token in seconds: Cognito's default of 30 days.
const REFRESH_LIFETIME: i64 = 30 * 24 * 3600;
/// The scope of access tokens of sign-ins without a browser.
pub(super) const ADMIN_SCOPE: &str = "aws.cognito.signin.user.admin";

impl UserPool {
    /// Completes a sign-in that named no device.
    pub(super) fn signed_in(&mut self, client: &'static Client, name: &str, now: i64) -> Result<Outcome, Refusal> {
        self.signed_in_with(client, name, None, now)
    }

    /// Completes a sign-in on the device that the client named, or on a new one.
    pub(super) fn signed_in_with(
        &mut self,
        client: &'static Client,
        name: &str,
        device: Option<&str>,
        now: i64,
    ) -> Result<Outcome, Refusal> {
        let mut device = device.map(str::to_owned);
        let mut metadata = None;
        if device.is_none() && self.remembers_devices {
            let (key, told) = self.new_device(name);
            (device, metadata) = (Some(key), Some(told));
        }
        let (_, mut outcome) = self.grant(client, name, ADMIN_SCOPE, device, now)?;
        if let Outcome::SignedIn(issued) = &mut outcome {
            issued.new_device = metadata;
        }
        Ok(outcome)
    }

    /// Completes a sign-in in a browser. Returns its `origin_jti` and the tokens.
    pub(super) fn browser_signed_in(
        &mut self,
        client: &'static Client,
        name: &str,
        scope: &str,
        now: i64,
    ) -> Result<(String, Outcome), Refusal> {
        let device = self.remembers_devices.then(|| self.browser_device(name));
        self.grant(client, name, scope, device, now)
    }

    fn grant(
        &mut self,
        client: &'static Client,
        name: &str,
        scope: &str,
        device: Option<String>,
        now: i64,
    ) -> Result<(String, Outcome), Refusal> {
        let origin = request_id();
        let grant = Grant {
            user: name.into(),
            client: client.id,
            auth_time: now,
            expires: now + REFRESH_LIFETIME,
            revoked: false,
            scope: scope.into(),
            device,
        };
        let refresh = self.grants.new_token(&origin);
        self.grants.known.insert(origin.clone(), grant.clone());
        let outcome = self.issue(&origin, &grant, Some(refresh), now)?;
        Ok((origin, outcome))
    }

    /// Issues new tokens for a refresh token.
    pub(super) fn refresh(
        &mut self,
        client: &'static Client,
        token: &str,
        device: Option<&str>,
        now: i64,
    ) -> Result<Outcome, Refusal> {
        // Checked before the token is used, because a refused token must not be replaced.
        let needed = self.grants.grant_of(token).and_then(|grant| grant.device.clone());
        self.check_device(needed.as_deref(), device)?;
        let (origin, grant, next) = self.grants.take(client, token, now)?;
        let user = self.user_named(&grant.user)?;
        user.check_usable(now)?;
        self.issue(&origin, &grant, next, now)
    }

    /// Answers GetTokensFromRefreshToken.
    pub(super) fn tokens_from_refresh_token(&mut self, input: &Input, now: i64) -> Result<Outcome, Refusal> {
        let token = input.require("RefreshToken")?;
        let client = Client::of(input)?;
        client.check_secret(input.text("ClientSecret")?)?;
        self.refresh(client, token, input.text("DeviceKey")?, now)
    }

    /// Answers RevokeToken.
    pub(super) fn revoke_token(&mut self, input: &Input) -> Result<Value, Refusal> {
        let token = input.require("Token")?;
        let client = Client::of(input)?;
        client.check_secret(input.text("ClientSecret")?)?;
        if token.starts_with("eyJ") && token.matches('.').count() == 2 {
            let message = "Revocation of the token type is not supported";
            return Err(Refusal::new(400, "UnsupportedTokenTypeException", message));
        }
        self.revoke_grant(client, token)?;
        Ok(json!({}))
    }

    /// Revokes the sign-in of a refresh token.
    pub(super) fn revoke_grant(&mut self, client: &Client, token: &str) -> Result<(), Refusal> {
        let grants = &mut self.grants;
        let origin = grants.tokens.get(token).map(|known| known.origin.clone());
        // An unknown token counts as revoked (RFC 7009, 2.2).
        if let Some(grant) = origin.and_then(|origin| grants.known.get_mut(&origin)) {
            if grant.client != client.id {
                let message = "Token is not issued to the client";
                return Err(Refusal::new(400, "UnauthorizedException", message));
            }
            grant.revoked = true;
        }
        Ok(())
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
        access.insert("scope".into(), grant.scope.clone().into());
        if let Some(device) = &grant.device {
            access.insert("device_key".into(), device.clone().into());
        }
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
            new_device: None,
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

/// Returns the roles of the user's groups, and the role of the group with the lowest precedence.
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
    // If two groups with different roles share the lowest precedence, there is no preferred role.
    if with_roles.iter().filter(|(precedence, _)| *precedence == first).count() == 1 {
        claims.insert("cognito:preferred_role".into(), preferred.into());
    }
    claims
}
