//! Credentials that AWS gives to its own machines and containers: the EC2 metadata service (IMDSv2), and the container
//! endpoint of ECS and EKS.

use std::collections::HashMap;

use http::{HeaderMap, Method};
use serde::Serialize;
use serde_json::{Value, json};

use crate::answer::{Answer, Refusal, insert, json, text};
use crate::clock::iso_date;
use crate::principals::AccessKey;
use crate::random::random_text;
use crate::{Aws, lock};

/// The longest lifetime of IMDS tokens in seconds: six hours.
const LONGEST_TOKEN: i64 = 21_600;
const ROLE_PATH: &str = "/latest/meta-data/iam/security-credentials/";
/// The path prefix of container credentials.
pub(crate) const CONTAINER_PATH: &str = "/container-credentials/";

/// The instance and the containers that the lab plays.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    instance_role: Option<String>,
    region: String,
    tokens: HashMap<String, i64>,
    containers: HashMap<String, Container>,
}

#[derive(Debug)]
struct Container {
    role: String,
    token: String,
}

/// The values that a container needs to request its credentials.
#[derive(Debug, Clone, Serialize)]
pub struct ContainerCredentials {
    /// The path of `AWS_CONTAINER_CREDENTIALS_FULL_URI`, below the lab's HTTP address.
    pub path: String,
    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN`.
    pub token: String,
}

impl Metadata {
    pub(crate) fn new(region: &str) -> Self {
        Self {
            region: region.to_owned(),
            ..Self::default()
        }
    }

    /// Returns the tokens of containers and of the instance's metadata sessions.
    pub(crate) fn secrets(&self) -> Vec<String> {
        let of_containers = self.containers.values().map(|container| container.token.clone());
        of_containers.chain(self.tokens.keys().cloned()).collect()
    }

    fn open(&mut self, headers: &HeaderMap, now: i64) -> Result<Answer, Refusal> {
        let header = headers.get("x-aws-ec2-metadata-token-ttl-seconds");
        let seconds = header
            .and_then(|value| value.to_str().ok()?.parse::<i64>().ok())
            .filter(|seconds| (1..=LONGEST_TOKEN).contains(seconds))
            .ok_or_else(|| Refusal::new(400, "BadRequest", "Bad Request"))?;
        let token = random_text(56);
        self.tokens.insert(token.clone(), now + seconds);
        let mut answer = text(200, &token);
        insert(
            &mut answer,
            "x-aws-ec2-metadata-token-ttl-seconds",
            &seconds.to_string(),
        );
        Ok(answer)
    }

    fn knows(&self, headers: &HeaderMap, now: i64) -> bool {
        headers
            .get("x-aws-ec2-metadata-token")
            .and_then(|value| self.tokens.get(value.to_str().ok()?))
            .is_some_and(|expires| *expires > now)
    }
}

impl Aws {
    /// Sets the instance's role by ARN; `None` removes it.
    pub fn set_instance_role(&self, arn: Option<&str>) {
        lock(&self.metadata).instance_role = arn.map(Into::into);
    }

    /// Adds a container with a role (its ARN) and a token. With a user's ARN, the container gets a key of that user,
    /// without an expiry and with an empty token, as from a developer's own credential server.
    pub fn add_container(&self, role_arn: &str) -> ContainerCredentials {
        let (id, token) = (random_text(16), random_text(32));
        let container = Container {
            role: role_arn.into(),
            token: token.clone(),
        };
        lock(&self.metadata).containers.insert(id.clone(), container);
        ContainerCredentials {
            path: format!("{CONTAINER_PATH}{id}"),
            token,
        }
    }

    /// Answers a call of the instance metadata service.
    pub(crate) fn imds_call(&self, method: &Method, path: &str, headers: &HeaderMap) -> Result<Answer, Refusal> {
        let now = self.clock.now();
        let mut metadata = lock(&self.metadata);
        if path == "/latest/api/token" {
            if method != Method::PUT {
                return Err(Refusal::new(405, "MethodNotAllowed", "Method Not Allowed"));
            }
            return metadata.open(headers, now);
        }
        if !metadata.knows(headers, now) {
            return Err(Refusal::new(401, "Unauthorized", "Unauthorized"));
        }
        let role = metadata.instance_role.clone();
        let region = metadata.region.clone();
        drop(metadata);
        match path {
            "/latest/meta-data/placement/region" => Ok(text(200, &region)),
            "/latest/dynamic/instance-identity/document" => Ok(json(200, &json!({"region": region}))),
            _ => self.instance_credentials(path, role).ok_or_else(not_found),
        }
    }

    fn instance_credentials(&self, path: &str, role: Option<String>) -> Option<Answer> {
        let arn = role?;
        let (_, name) = arn.rsplit_once('/')?;
        let asked = path.strip_prefix(ROLE_PATH).or_else(|| {
            let bare = path == ROLE_PATH.trim_end_matches('/');
            bare.then_some("")
        })?;
        if asked.is_empty() {
            return Some(text(200, name));
        }
        if asked != name {
            return None;
        }
        let key = self.service_session(&arn, "i-0123456789abcdef0")?;
        let mut body = credentials(&key);
        body["Code"] = json!("Success");
        body["Type"] = json!("AWS-HMAC");
        body["LastUpdated"] = json!(iso_date(self.clock.now()));
        Some(json(200, &body))
    }

    /// Answers a call of the container credential endpoint.
    pub(crate) fn container_call(&self, path: &str, headers: &HeaderMap) -> Result<Answer, Refusal> {
        let role = {
            let metadata = lock(&self.metadata);
            let id = path.strip_prefix(CONTAINER_PATH).unwrap_or_default();
            let container = metadata.containers.get(id).ok_or_else(not_found)?;
            let token = headers.get("authorization").and_then(|value| value.to_str().ok());
            if token != Some(container.token.as_str()) {
                let message = "Authorization token missing or not valid";
                return Err(Refusal::new(401, "AccessDeniedException", message));
            }
            container.role.clone()
        };
        let session = self.service_session(&role, "container");
        let key = session
            .or_else(|| lock(&self.iam).key_of_user(&role))
            .ok_or_else(not_found)?;
        let mut body = credentials(&key);
        body["RoleArn"] = json!(role);
        Ok(json(200, &body))
    }
}

fn credentials(key: &AccessKey) -> Value {
    json!({
        "AccessKeyId": key.id,
        "SecretAccessKey": key.secret,
        "Token": key.session_token.as_deref().unwrap_or_default(),
        "Expiration": key.expires.map(iso_date).unwrap_or_default(),
    })
}

fn not_found() -> Refusal {
    Refusal::new(404, "NotFound", "Not Found")
}
