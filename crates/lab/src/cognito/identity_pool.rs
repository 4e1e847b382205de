//! The identity pool: GetId, GetCredentialsForIdentity, GetOpenIdToken.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::input::{Input, Map};
use super::refusals::{constraint, invalid, not_authorized, not_found};
use super::roles::{RoleMapping, principal_tags};
use super::{
    BROWSER_CLIENT_ID, CLIENT_ID, IDENTITY_POOL_ID, ISSUER, LOGINS_KEY, REGION, ROTATING_CLIENT_ID, SECRET_CLIENT_ID,
    internal,
};
use crate::answer::{Refusal, request_id};
use crate::jwt::{Claims, IDENTITY_PROVIDER, SigningAlgorithm, TAGS_CLAIM};
use crate::policy::Permissions;
use crate::principals::AccessKey;
use crate::session_tags::SessionTags;
use crate::sts::{lets_tag, trusts_claims};
use crate::{Aws, lock};

/// The issuer of tokens for the classic flow.
pub(crate) const IDENTITY_ISSUER: &str = "https://cognito-identity.amazonaws.com";
/// Lifetime of a token for the classic flow, in seconds.
const OPEN_ID_TOKEN: i64 = 600;
/// Lifetime of credentials of the enhanced flow, in seconds. Callers can't choose it.
const SESSION: i64 = 3600;

/// Another issuer whose tokens the identity pool accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginProvider {
    /// The key of `Logins`: `accounts.google.com`, or the issuer without its scheme.
    pub key: String,
    /// The claim `iss`.
    pub issuer: String,
    /// The audiences that the pool accepts.
    pub audiences: Vec<String>,
}

/// The state of the identity pool.
#[derive(Debug, Default)]
pub(super) struct IdentityPool {
    pub(super) mapping: RoleMapping,
    pub(super) guest_role: Option<String>,
    pub(super) providers: Vec<LoginProvider>,
    /// Identities by id. The value is their login (key of `Logins`, `sub`), or `None` for a guest.
    identities: HashMap<String, Option<(String, String)>>,
}

/// A verified login.
#[derive(Debug)]
struct Login {
    key: String,
    sub: String,
    claims: Value,
}

impl Aws {
    pub(super) fn identity_pool_call(
        &self,
        operation: &str,
        region: Option<&str>,
        input: &Input,
    ) -> Result<Value, Refusal> {
        let elsewhere = region.is_some_and(|region| region != REGION);
        match operation {
            "GetId" => {
                let pool = input.require("IdentityPoolId")?;
                check_id(pool, "identityPoolId")?;
                if pool != IDENTITY_POOL_ID || elsewhere {
                    return Err(not_found(&format!("IdentityPool '{pool}' not found.")));
                }
                self.get_id(input.map("Logins")?)
            }
            "GetCredentialsForIdentity" | "GetOpenIdToken" => {
                let id = input.require("IdentityId")?;
                check_id(id, "identityId")?;
                let login = self.login(input.map("Logins")?)?;
                let missing = || not_found(&format!("Identity '{id}' not found."));
                let owner = lock(&self.cognito.identities).identities.get(id).cloned();
                let owner = owner.filter(|_| !elsewhere).ok_or_else(missing)?;
                if owner != login.as_ref().map(Login::owner) {
                    return Err(not_authorized(
                        "Logins don't match. Please include at least one valid login for this identity or identity pool.",
                    ));
                }
                if operation == "GetOpenIdToken" {
                    return self.open_id_token(id, login.as_ref());
                }
                self.credentials(id, login.as_ref(), input.text("CustomRoleArn")?)
            }
            _ => Err(Refusal::new(400, "UnknownOperationException", "")),
        }
    }

    fn get_id(&self, logins: Map<'_>) -> Result<Value, Refusal> {
        let owner = self.login(logins)?.as_ref().map(Login::owner);
        let mut pool = lock(&self.cognito.identities);
        let known = pool
            .identities
            .iter()
            .find(|(_, known)| owner.is_some() && **known == owner)
            .map(|(id, _)| id.clone());
        let id = known.unwrap_or_else(|| {
            let id = format!("{REGION}:{}", request_id());
            pool.identities.insert(id.clone(), owner);
            id
        });
        Ok(json!({ "IdentityId": id }))
    }

    /// Verifies `Logins`. `None` is a guest; without a guest role, that is an error.
    fn login(&self, logins: Map<'_>) -> Result<Option<Login>, Refusal> {
        let Some((key, token)) = logins.entries().next() else {
            return match &lock(&self.cognito.identities).guest_role {
                Some(_) => Ok(None),
                None => Err(not_authorized(
                    "Unauthenticated access is not supported for this identity pool.",
                )),
            };
        };
        if logins.entries().count() > 1 {
            return Err(invalid("The lab takes one login at a time."));
        }
        let provider = self
            .login_provider(key)
            .ok_or_else(|| not_authorized("Token is not from a supported provider of this identity pool."))?;
        let claims = lock(&self.oidc).verified_login(token, &provider.issuer, &provider.audiences, self.clock.now())?;
        let sub = claims.get("sub").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Some(Login {
            key: key.into(),
            sub,
            claims,
        }))
    }

    fn login_provider(&self, key: &str) -> Option<LoginProvider> {
        if key == LOGINS_KEY {
            let clients = [CLIENT_ID, SECRET_CLIENT_ID, ROTATING_CLIENT_ID, BROWSER_CLIENT_ID];
            return Some(LoginProvider {
                key: key.into(),
                issuer: ISSUER.into(),
                audiences: clients.map(str::to_owned).to_vec(),
            });
        }
        let pool = lock(&self.cognito.identities);
        pool.providers.iter().find(|provider| provider.key == key).cloned()
    }

    fn credentials(&self, id: &str, login: Option<&Login>, custom: Option<&str>) -> Result<Value, Refusal> {
        let key = match login {
            None => self.guest_session(id)?,
            Some(login) => {
                let mapping = lock(&self.cognito.identities).mapping.clone();
                let mapping = if login.key == LOGINS_KEY {
                    mapping
                } else {
                    RoleMapping::Default
                };
                let role = mapping.role(&login.claims, custom)?;
                self.identity_session(&role, &identity_claims(id, Some(login), 0), Vec::new())?
            }
        };
        Ok(json!({
            "IdentityId": id,
            "Credentials": {
                "AccessKeyId": key.id,
                "SecretKey": key.secret,
                "SessionToken": key.session_token,
                "Expiration": key.expires,
            },
        }))
    }

    /// Opens a guest's session. AWS limits guests to a few services whatever their role allows, and ECR is not among
    /// them.
    fn guest_session(&self, id: &str) -> Result<AccessKey, Refusal> {
        let role = lock(&self.cognito.identities).guest_role.clone().unwrap_or_default();
        let scope = Permissions::deny(["ecr:*", "ecr-public:*", "sts:*"]);
        self.identity_session(&role, &identity_claims(id, None, 0), vec![scope])
    }

    /// Opens a session for an identity. The role must trust the pool, and must let it set tags if there are any.
    fn identity_session(&self, role_arn: &str, claims: &Value, scope: Vec<Permissions>) -> Result<AccessKey, Refusal> {
        let misconfigured = || {
            let message = "Invalid identity pool configuration. Check assigned IAM roles for this pool.";
            Refusal::new(400, "InvalidIdentityPoolConfigurationException", message)
        };
        let role = lock(&self.iam).roles.get(role_arn).cloned().ok_or_else(misconfigured)?;
        let claims: Claims = serde_json::from_value(claims.clone()).map_err(|_| misconfigured())?;
        let tags = SessionTags::of(claims.tags());
        let trusted = role.spec.trust.iter().any(|trust| trusts_claims(trust, &claims));
        let may_tag = tags.tags.is_empty() || lets_tag(&role, IDENTITY_PROVIDER);
        if !trusted || !may_tag {
            return Err(misconfigured());
        }
        let expires = self.clock.now() + SESSION;
        Ok(self.federated_session(&role, "CognitoIdentityCredentials", tags, scope, expires))
    }

    fn open_id_token(&self, id: &str, login: Option<&Login>) -> Result<Value, Refusal> {
        self.ensure_issuer(IDENTITY_ISSUER, SigningAlgorithm::RS512)
            .map_err(|error| internal(&error))?;
        let claims = identity_claims(id, login, self.clock.now());
        let token = self
            .sign_jwt(IDENTITY_ISSUER, &claims)
            .map_err(|error| internal(&error))?;
        Ok(json!({"IdentityId": id, "Token": token}))
    }
}

impl Login {
    fn owner(&self) -> (String, String) {
        (self.key.clone(), self.sub.clone())
    }
}

/// Returns the claims that the identity pool sends to STS for an identity.
fn identity_claims(id: &str, login: Option<&Login>, now: i64) -> Value {
    let amr = match login {
        None => json!(["unauthenticated"]),
        Some(Login { key, sub, .. }) => json!(["authenticated", key, format!("{key}:CognitoSignIn:{sub}")]),
    };
    let mut claims = json!({
        "iss": IDENTITY_ISSUER, "sub": id, "aud": IDENTITY_POOL_ID, "amr": amr,
        "iat": now, "exp": now + OPEN_ID_TOKEN,
    });
    if let Some(login) = login {
        let tags = principal_tags(&login.claims).into_iter();
        let tags: serde_json::Map<String, Value> = tags.map(|(tag, value)| (tag, json!([value]))).collect();
        claims[TAGS_CLAIM] = json!({ "principal_tags": tags });
    }
    claims
}

/// Checks that an id is `eu-west-1:` and a UUID.
fn check_id(id: &str, name: &str) -> Result<(), Refusal> {
    let shaped = id.split_once(':').is_some_and(|(region, uuid)| {
        let word = |text: &str| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        };
        word(region) && word(uuid)
    });
    if shaped {
        return Ok(());
    }
    let rule = r"satisfy regular expression pattern: [\w-]+:[0-9a-f-]+";
    Err(constraint(&format!("'{id}'"), name, rule))
}
