//! ECR and ECR Public: GetAuthorizationToken, and the tokens that it issued.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::answer::{Answer, Refusal, aws_json};
use crate::hosts::{GLOBAL_REGION, Partition, Service};
use crate::principals::{AccessKey, Principal};
use crate::random::random_text;
use crate::sigv4::{Caller, Denial};
use crate::{Aws, lock};

/// Lifetime of ECR's tokens: 12 hours.
pub(crate) const TOKEN_LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// The owner of an issued password, and where and how long it is valid.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) principal: Principal,
    /// The region of a private registry's token; `None` for a token of ECR Public.
    pub(crate) region: Option<String>,
    /// Seconds since the epoch, by the lab's clock.
    pub(crate) expires: i64,
}

/// Issued tokens, by password.
#[derive(Debug)]
pub(crate) struct Tokens {
    pub(crate) lifetime: Duration,
    known: HashMap<String, Token>,
}

impl Tokens {
    pub(crate) fn new(lifetime: Duration) -> Self {
        Self {
            lifetime,
            known: HashMap::new(),
        }
    }

    pub(crate) fn passwords(&self) -> Vec<String> {
        self.known.keys().cloned().collect()
    }

    pub(crate) fn get(&self, password: &str) -> Option<&Token> {
        self.known.get(password)
    }

    /// Issues a token. Returns its password and its end.
    pub(crate) fn issue(&mut self, principal: Principal, region: Option<String>, now: i64) -> (String, i64) {
        let expires = now.saturating_add(i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX));
        let password = password(expires);
        let token = Token {
            principal,
            region,
            expires,
        };
        self.known.insert(password.clone(), token);
        (password, expires)
    }
}

/// A password with the size and form of ECR's (about 2 KiB of base64-encoded JSON). Clients must not depend on its
/// contents.
fn password(expires: i64) -> String {
    let inner = json!({
        "payload": random_text(1000),
        "datakey": random_text(200),
        "version": "2",
        "type": "DATA_KEY",
        "expiration": expires,
    });
    BASE64_STANDARD.encode(inner.to_string())
}

impl Aws {
    /// Sets the lifetime of tokens issued from now on.
    pub fn set_token_lifetime(&self, lifetime: Duration) {
        lock(&self.tokens).lifetime = lifetime;
    }

    /// Issues a registry password without a call, for the owner of this key. It is valid in a region or, without a
    /// region, at ECR Public. Returns `None` if the key is unknown.
    pub fn issue_token(&self, key: &AccessKey, region: Option<&str>) -> Option<String> {
        let principal = lock(&self.iam).key(&key.id)?.principal.clone();
        let region = region.map(Into::into);
        Some(lock(&self.tokens).issue(principal, region, self.clock.now()).0)
    }

    /// Revokes every issued token: registries refuse them all.
    pub fn revoke_tokens(&self) {
        lock(&self.tokens).known.clear();
    }

    /// Answers a signed call of the API of ECR or ECR Public.
    pub(crate) fn ecr_call(
        &self,
        service: Service,
        operation: &str,
        body: &[u8],
        caller: impl FnOnce() -> Result<Caller, Denial>,
    ) -> Result<Answer, Refusal> {
        let caller = caller().map_err(|denial| Refusal::new(400, denial.json_code(), denial.to_string()))?;
        if (service, operation) == (Service::Ecr, "DescribeRepositoryCreationTemplates") {
            self.require(&caller.principal, "ecr:DescribeRepositoryCreationTemplates")?;
            return Ok(self.describe_creation_templates(&caller));
        }
        if operation != "GetAuthorizationToken" {
            return Err(Refusal::new(400, "UnknownOperationException", ""));
        }
        let input: Value = serde_json::from_slice(if body.is_empty() { b"{}" } else { body })
            .ok()
            .filter(Value::is_object)
            .ok_or_else(|| Refusal::new(400, "SerializationException", ""))?;
        if service == Service::EcrPublic {
            self.public_token(caller)
        } else {
            self.private_token(caller, &input)
        }
    }

    fn require(&self, principal: &Principal, action: &str) -> Result<(), Refusal> {
        let iam = lock(&self.iam);
        if iam.allows(principal, action) {
            return Ok(());
        }
        let reason = if iam.denies(principal, action) {
            "with an explicit deny in an identity-based policy".to_owned()
        } else {
            format!("because no identity-based policy allows the {action} action")
        };
        let message = format!(
            "User: {} is not authorized to perform: {action} on resource: * {reason}",
            principal.arn
        );
        Err(Refusal::new(400, "AccessDeniedException", message))
    }

    fn private_token(&self, caller: Caller, input: &Value) -> Result<Answer, Refusal> {
        self.require(&caller.principal, "ecr:GetAuthorizationToken")?;
        let Caller { principal, region } = caller;
        let accounts = registry_ids(input, &principal.account)?;
        let suffix = Partition::of_region(&region).suffix;
        let (password, expires) = lock(&self.tokens).issue(principal, Some(region.clone()), self.clock.now());
        let data: Vec<Value> = accounts
            .iter()
            .map(|account| {
                token_data(
                    &password,
                    expires,
                    &format!("https://{account}.dkr.ecr.{region}.{suffix}"),
                )
            })
            .collect();
        Ok(aws_json(200, &json!({"authorizationData": data})))
    }

    fn public_token(&self, caller: Caller) -> Result<Answer, Refusal> {
        self.require(&caller.principal, "ecr-public:GetAuthorizationToken")?;
        self.require(&caller.principal, "sts:GetServiceBearerToken")?;
        if caller.region != GLOBAL_REGION {
            return Err(Refusal::new(
                400,
                "UnsupportedCommandException",
                "ECR Public is in us-east-1",
            ));
        }
        let (password, expires) = lock(&self.tokens).issue(caller.principal, None, self.clock.now());
        let token = BASE64_STANDARD.encode(format!("AWS:{password}"));
        let data = json!({"authorizationToken": token, "expiresAt": expires});
        Ok(aws_json(200, &json!({"authorizationData": data})))
    }
}

fn token_data(password: &str, expires: i64, endpoint: &str) -> Value {
    let token = BASE64_STANDARD.encode(format!("AWS:{password}"));
    json!({"authorizationToken": token, "expiresAt": expires, "proxyEndpoint": endpoint})
}

/// Checks the registries named in the request. AWS repeats the answer for each, but the token is valid for the same
/// registries either way.
fn registry_ids(input: &Value, own: &str) -> Result<Vec<String>, Refusal> {
    let named = match input.get("registryIds") {
        None | Some(Value::Null) => return Ok(vec![own.to_owned()]),
        Some(Value::Array(ids)) if (1..=10).contains(&ids.len()) => ids,
        Some(_) => return Err(invalid_ids()),
    };
    named
        .iter()
        .map(|id| {
            let id = id
                .as_str()
                .filter(|id| id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()));
            id.map(str::to_owned).ok_or_else(invalid_ids)
        })
        .collect()
}

fn invalid_ids() -> Refusal {
    let message = "Invalid parameter at 'registryIds' failed to satisfy constraint: 'must satisfy regular expression '[0-9]{12}''";
    Refusal::new(400, "InvalidParameterException", message)
}

/// Returns the usual response with this token, for the faults that break the token.
pub(crate) fn answer_with_token(service: Service, token: &str, now: i64) -> Answer {
    let mut data = json!({"authorizationToken": token, "expiresAt": now + 43_200});
    if service == Service::Ecr {
        data["proxyEndpoint"] = json!("https://111122223333.dkr.ecr.us-east-1.amazonaws.com");
        data = json!([data]);
    }
    aws_json(200, &json!({"authorizationData": data}))
}
