//! The control endpoint of Cognito, below `/_lab/cognito/`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    AUTHENTICATED_ROLE, BROWSER_CLIENT_ID, CLIENT_ID, CLIENT_SECRET, Cognito, IDENTITY_POOL_ID, LICENSED_ROLE,
    LOGIN_DOMAIN, LOGINS_KEY, LoginProvider, ROTATING_CLIENT_ID, RoleMapping, SECRET_CLIENT_ID, UNLICENSED_ROLE,
    USER_POOL_ID, UserSpec,
};
use crate::answer::Refusal;
use crate::request::{bad, read, unknown};

#[derive(Deserialize)]
struct Username {
    username: String,
}

#[derive(Deserialize)]
struct Totp {
    #[serde(default)]
    username: String,
    secret: Option<String>,
}

#[derive(Deserialize)]
struct Attribute {
    username: String,
    name: String,
    value: String,
}

#[derive(Deserialize)]
struct Groups {
    username: String,
    groups: Vec<String>,
}

#[derive(Deserialize)]
struct Group {
    name: String,
    role: Option<String>,
    #[serde(default)]
    precedence: u32,
}

#[derive(Deserialize)]
struct Enabled {
    username: String,
    enabled: bool,
}

#[derive(Deserialize)]
struct Required {
    names: Vec<String>,
}

#[derive(Deserialize)]
struct Remembers {
    remembers: bool,
}

#[derive(Deserialize)]
struct Callbacks {
    client_id: String,
    urls: Vec<String>,
}

#[derive(Deserialize)]
struct MaybeUser {
    username: Option<String>,
}

#[derive(Deserialize)]
struct Seconds {
    seconds: u32,
}

#[derive(Deserialize)]
struct Role {
    role: Option<String>,
}

#[derive(Deserialize)]
struct Hex {
    hex: String,
}

/// Returns the ids that every lab has.
pub(crate) fn ids() -> Value {
    json!({
        "user_pool_id": USER_POOL_ID,
        "client_id": CLIENT_ID,
        "secret_client_id": SECRET_CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "rotating_client_id": ROTATING_CLIENT_ID,
        "browser_client_id": BROWSER_CLIENT_ID,
        "login_domain": LOGIN_DOMAIN,
        "identity_pool_id": IDENTITY_POOL_ID,
        "logins_key": LOGINS_KEY,
        "licensed_role": LICENSED_ROLE,
        "unlicensed_role": UNLICENSED_ROLE,
        "authenticated_role": AUTHENTICATED_ROLE,
    })
}

/// Answers a POST to one of the controls.
pub(crate) fn post(cognito: Cognito<'_>, name: &str, body: &[u8]) -> Result<Value, Refusal> {
    let username = || read::<Username>(body).map(|of| of.username);
    let found = match name {
        "users" => return Ok(json!(cognito.add_user(read::<UserSpec>(body)?).map_err(bad)?)),
        "messages" => return Ok(json!({"messages": cognito.messages(&username()?)})),
        "totp" => {
            let of: Totp = read(body)?;
            let code = match of.secret {
                Some(secret) => cognito.totp_of(&secret),
                None => cognito.totp(&of.username),
            };
            let code = code.ok_or_else(|| Refusal::new(404, "NotFound", "no such user, or no authenticator app"))?;
            return Ok(json!({ "code": code }));
        }
        "attributes" => {
            let of: Attribute = read(body)?;
            cognito.set_attribute(&of.username, &of.name, &of.value)
        }
        "user-groups" => {
            let of: Groups = read(body)?;
            let groups: Vec<&str> = of.groups.iter().map(String::as_str).collect();
            cognito.set_groups(&of.username, &groups)
        }
        "enabled" => {
            let of: Enabled = read(body)?;
            cognito.set_enabled(&of.username, of.enabled)
        }
        "reset-password" => cognito.reset_password(&username()?),
        "revoke" => cognito.revoke(&username()?),
        "expire-refresh-tokens" => cognito.expire_refresh_tokens(&username()?),
        _ => {
            configure(cognito, name, body)?;
            true
        }
    };
    if found {
        return Ok(json!({}));
    }
    Err(Refusal::new(404, "NotFound", "no such user"))
}

fn configure(cognito: Cognito<'_>, name: &str, body: &[u8]) -> Result<(), Refusal> {
    match name {
        "groups" => {
            let group: Group = read(body)?;
            cognito.add_group(&group.name, group.role.as_deref(), group.precedence);
        }
        "required-attributes" => {
            let required: Required = read(body)?;
            let names: Vec<&str> = required.names.iter().map(String::as_str).collect();
            cognito.require_attributes(&names);
        }
        "devices" => cognito.remember_devices(read::<Remembers>(body)?.remembers),
        "callbacks" => {
            let callbacks: Callbacks = read(body)?;
            let urls: Vec<&str> = callbacks.urls.iter().map(String::as_str).collect();
            cognito.set_callbacks(&callbacks.client_id, &urls);
        }
        "browsers" => cognito.sign_browsers_in_as(read::<MaybeUser>(body)?.username.as_deref()),
        "rotation-grace" => cognito.set_rotation_grace(read::<Seconds>(body)?.seconds),
        "role-mapping" => cognito.set_role_mapping(read::<RoleMapping>(body)?),
        "guest-role" => cognito.set_guest_role(read::<Role>(body)?.role.as_deref()),
        "login-providers" => cognito.add_login_provider(read::<LoginProvider>(body)?),
        "next-b" => cognito.set_next_b(&read::<Hex>(body)?.hex).map_err(bad)?,
        _ => return Err(unknown()),
    }
    Ok(())
}
