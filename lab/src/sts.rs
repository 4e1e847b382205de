//! STS in its Query protocol: GetCallerIdentity, AssumeRole, AssumeRoleWithWebIdentity.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::answer::{Answer, Refusal, escape_xml, request_id, xml};
use crate::clock::iso_date;
use crate::jwt::Claims;
use crate::policy::{Permissions, Trust, names, names_account};
use crate::principals::{AccessKey, Principal, Role};
use crate::sigv4::{Caller, Denial};
use crate::{Aws, lock};

/// The version of the API, a parameter of every call.
const VERSION: &str = "2011-06-15";
const SHORTEST_SESSION: u64 = 900;
const LONGEST_SESSION: u64 = 43_200;
/// A session that was opened by a session lives an hour at most.
const LONGEST_CHAINED: u64 = 3600;

/// Parameters of a call, from its form body or its query.
#[derive(Debug)]
pub(crate) struct Parameters(HashMap<String, String>);

impl Parameters {
    pub(crate) fn read(form: &str) -> Self {
        let decode = |text: &str| {
            percent_decode_str(&text.replace('+', " "))
                .decode_utf8_lossy()
                .into_owned()
        };
        let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
        Self(pairs.map(|(name, value)| (decode(name), decode(value))).collect())
    }

    pub(crate) fn action(&self) -> Option<&str> {
        self.get("Action")
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn require(&self, name: &str) -> Result<&str, Refusal> {
        let lower = name[..1].to_ascii_lowercase() + &name[1..];
        self.get(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            validation(&format!(
                "1 validation error detected: Value null at '{lower}' failed to satisfy constraint: Member must not be null"
            ))
        })
    }
}

/// What a session is opened with, checked.
struct SessionRequest<'a> {
    role_arn: &'a str,
    name: &'a str,
    /// Seconds.
    duration: Option<u64>,
    policies: Vec<Permissions>,
}

impl<'a> SessionRequest<'a> {
    fn read(parameters: &'a Parameters) -> Result<Self, Refusal> {
        let role_arn = parameters.require("RoleArn")?;
        let name = parameters.require("RoleSessionName")?;
        if role_arn.len() < 20 || !role_arn.contains(":role/") {
            return Err(validation(&format!("{role_arn} is invalid")));
        }
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
        if !(2..=64).contains(&name.len()) || !name.bytes().all(allowed) {
            return Err(validation(&format!(
                "1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*"
            )));
        }
        Ok(Self {
            role_arn,
            name,
            duration: duration(parameters.get("DurationSeconds"))?,
            policies: session_policies(parameters)?,
        })
    }

    /// The session's length in seconds, within what the role allows.
    fn length(&self, role: &Role, chained: bool) -> Result<i64, Refusal> {
        let seconds = self.duration.unwrap_or(LONGEST_CHAINED);
        if chained && seconds > LONGEST_CHAINED {
            return Err(validation(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
            ));
        }
        if seconds > role.spec.max_duration {
            return Err(validation(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            ));
        }
        Ok(i64::try_from(seconds).unwrap_or(i64::MAX))
    }
}

impl Aws {
    /// Answers a call of STS.
    pub(crate) fn sts_call(
        &self,
        parameters: &Parameters,
        caller: impl FnOnce() -> Result<Caller, Denial>,
    ) -> Result<Answer, Refusal> {
        if parameters.get("Version") != Some(VERSION) {
            return Err(Refusal::new(
                400,
                "InvalidAction",
                "Could not find operation for that version",
            ));
        }
        let signed = || caller().map_err(|denial| Refusal::new(403, denial.xml_code(), denial.to_string()));
        match parameters.action().unwrap_or_default() {
            "GetCallerIdentity" => Ok(caller_identity(&signed()?.principal)),
            "AssumeRole" => self.assume_role(parameters, &signed()?.principal),
            "AssumeRoleWithWebIdentity" => self.assume_role_with_web_identity(parameters),
            other => {
                let message = format!("Could not find operation {other} for version {VERSION}");
                Err(Refusal::new(400, "InvalidAction", message))
            }
        }
    }

    fn assume_role(&self, parameters: &Parameters, caller: &Principal) -> Result<Answer, Refusal> {
        let request = SessionRequest::read(parameters)?;
        let external_id = parameters.get("ExternalId");
        let denied = || {
            let message = format!(
                "User: {} is not authorized to perform: sts:AssumeRole on resource: {}",
                caller.arn, request.role_arn
            );
            Refusal::new(403, "AccessDenied", message)
        };
        let role = lock(&self.iam)
            .roles
            .get(request.role_arn)
            .cloned()
            .ok_or_else(denied)?;
        let trusted = role
            .spec
            .trust
            .iter()
            .any(|trust| self.trusts(trust, &role, caller, external_id));
        if !trusted || role.partition != caller.partition {
            return Err(denied());
        }
        let length = request.length(&role, caller.role.is_some())?;
        let body = self.open_session(&role, &request, length);
        Ok(answer("AssumeRole", &body))
    }

    /// Trust by name suffices within an account; trust in an account, and any trust across accounts, also wants the caller's
    /// own policies to allow `sts:AssumeRole`.
    fn trusts(&self, trust: &Trust, role: &Role, caller: &Principal, external_id: Option<&str>) -> bool {
        let Trust::Aws {
            principals,
            external_id: wanted,
        } = trust
        else {
            return false;
        };
        if wanted.is_some() && wanted.as_deref() != external_id {
            return false;
        }
        let iam = lock(&self.iam);
        principals
            .iter()
            .filter(|element| names(element, caller))
            .any(|element| {
                let by_name = caller.account == role.spec.account && !names_account(element, caller) && element != "*";
                iam.allows(caller, "sts:AssumeRole") || (by_name && !iam.denies(caller, "sts:AssumeRole"))
            })
    }

    fn assume_role_with_web_identity(&self, parameters: &Parameters) -> Result<Answer, Refusal> {
        let request = SessionRequest::read(parameters)?;
        let token = parameters.require("WebIdentityToken")?;
        let denied = || {
            Refusal::new(
                403,
                "AccessDenied",
                "Not authorized to perform sts:AssumeRoleWithWebIdentity",
            )
        };
        let role = lock(&self.iam)
            .roles
            .get(request.role_arn)
            .cloned()
            .ok_or_else(denied)?;
        let claims = lock(&self.oidc).verify(token, &role.spec.account, self.clock.now())?;
        if !role.spec.trust.iter().any(|trust| trusts_claims(trust, &claims)) {
            return Err(denied());
        }
        let length = request.length(&role, false)?;
        let body = format!(
            "{}    <SubjectFromWebIdentityToken>{}</SubjectFromWebIdentityToken>\n    <Provider>arn:{}:iam::{}:oidc-provider/{}</Provider>\n    <Audience>{}</Audience>\n",
            self.open_session(&role, &request, length),
            escape_xml(&claims.sub),
            role.partition,
            role.spec.account,
            escape_xml(claims.provider()),
            escape_xml(claims.audience().unwrap_or_default()),
        );
        Ok(answer("AssumeRoleWithWebIdentity", &body))
    }

    /// Opens a session of a role; the answer's common part.
    fn open_session(&self, role: &Role, request: &SessionRequest<'_>, length: i64) -> String {
        let expires = self.clock.now() + length;
        let principal = session(role, request.name, request.policies.clone());
        let (arn, id) = (principal.arn.clone(), principal.id.clone());
        let key = lock(&self.iam).open_session(principal, expires);
        format!(
            "    <AssumedRoleUser>\n      <AssumedRoleId>{id}</AssumedRoleId>\n      <Arn>{arn}</Arn>\n    </AssumedRoleUser>\n    <Credentials>\n      <AccessKeyId>{}</AccessKeyId>\n      <SecretAccessKey>{}</SecretAccessKey>\n      <SessionToken>{}</SessionToken>\n      <Expiration>{}</Expiration>\n    </Credentials>\n",
            key.id,
            key.secret,
            key.session_token.unwrap_or_default(),
            iso_date(expires),
        )
    }

    /// Opens a session of a role as the services of AWS do themselves (EC2, ECS): an hour, no trust asked.
    pub(crate) fn service_session(&self, role_arn: &str, name: &str) -> Option<AccessKey> {
        let mut iam = lock(&self.iam);
        let role = iam.roles.get(role_arn)?.clone();
        let expires = self.clock.now() + 3600;
        Some(iam.open_session(session(&role, name, Vec::new()), expires))
    }
}

fn session(role: &Role, name: &str, policies: Vec<Permissions>) -> Principal {
    let (partition, account) = (role.partition, &role.spec.account);
    Principal {
        account: account.clone(),
        arn: format!("arn:{partition}:sts::{account}:assumed-role/{}/{name}", role.spec.name),
        id: format!("{}:{name}", role.id),
        role: Some(role.arn.clone()),
        partition,
        policies,
    }
}

fn trusts_claims(trust: &Trust, claims: &Claims) -> bool {
    match trust {
        Trust::Aws { .. } => false,
        Trust::WebIdentity { provider, conditions } => {
            provider == claims.provider()
                && conditions
                    .iter()
                    .all(|condition| condition.holds(claims.get(&condition.claim)))
        }
    }
}

fn duration(text: Option<&str>) -> Result<Option<u64>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let bound = match text.parse::<u64>() {
        Ok(seconds) if seconds < SHORTEST_SESSION => format!("greater than or equal to {SHORTEST_SESSION}"),
        Ok(seconds) if seconds > LONGEST_SESSION => format!("less than or equal to {LONGEST_SESSION}"),
        Ok(seconds) => return Ok(Some(seconds)),
        Err(_) => return Err(Refusal::new(400, "MalformedInput", "durationSeconds must be a number")),
    };
    Err(validation(&format!(
        "1 validation error detected: Value '{text}' at 'durationSeconds' failed to satisfy constraint: Member must have value {bound}"
    )))
}

/// The inline session policy, and the managed ones: a session may do only what they allow together with the role.
fn session_policies(parameters: &Parameters) -> Result<Vec<Permissions>, Refusal> {
    let mut granted = Permissions {
        allow: Vec::new(),
        deny: Vec::new(),
    };
    let mut any = false;
    if let Some(text) = parameters.get("Policy") {
        let malformed = || Refusal::new(400, "MalformedPolicyDocument", "This policy contains invalid Json");
        read_policy(text, &mut granted).ok_or_else(malformed)?;
        any = true;
    }
    for index in 1..=10 {
        if let Some(arn) = parameters.get(&format!("PolicyArns.member.{index}.arn")) {
            granted
                .allow
                .extend(managed_policy(arn)?.iter().map(|&action| action.to_owned()));
            any = true;
        }
    }
    Ok(if any { vec![granted] } else { Vec::new() })
}

/// Reads effects and actions of a policy; resources and conditions are not looked at.
fn read_policy(text: &str, into: &mut Permissions) -> Option<()> {
    let policy: Value = serde_json::from_str(text).ok()?;
    for statement in one_or_many(policy.get("Statement")?) {
        let list = match statement.get("Effect")?.as_str()? {
            "Allow" => &mut into.allow,
            "Deny" => &mut into.deny,
            _ => return None,
        };
        for action in one_or_many(statement.get("Action")?) {
            list.push(action.as_str()?.to_owned());
        }
    }
    Some(())
}

fn one_or_many(value: &Value) -> Vec<&Value> {
    value
        .as_array()
        .map_or_else(|| vec![value], |values| values.iter().collect())
}

/// AWS's own policies for ECR (IAM, "AWS managed policies for Amazon ECR").
fn managed_policy(arn: &str) -> Result<&'static [&'static str], Refusal> {
    const READ: &[&str] = &[
        "ecr:GetAuthorizationToken",
        "ecr:BatchCheckLayerAvailability",
        "ecr:GetDownloadUrlForLayer",
        "ecr:BatchGetImage",
        "ecr:ListImages",
    ];
    const POWER: &[&str] = &[
        "ecr:GetAuthorizationToken",
        "ecr:BatchCheckLayerAvailability",
        "ecr:GetDownloadUrlForLayer",
        "ecr:BatchGetImage",
        "ecr:ListImages",
        "ecr:InitiateLayerUpload",
        "ecr:UploadLayerPart",
        "ecr:CompleteLayerUpload",
        "ecr:PutImage",
    ];
    match arn.rsplit('/').next().unwrap_or_default() {
        "AdministratorAccess" => Ok(&["*"]),
        "AmazonEC2ContainerRegistryReadOnly" => Ok(READ),
        "AmazonEC2ContainerRegistryPowerUser" => Ok(POWER),
        "AmazonEC2ContainerRegistryFullAccess" => Ok(&["ecr:*"]),
        _ => Err(validation(&format!(
            "ARN {arn} is not valid: the lab does not know this policy"
        ))),
    }
}

fn caller_identity(principal: &Principal) -> Answer {
    let body = format!(
        "    <Arn>{}</Arn>\n    <UserId>{}</UserId>\n    <Account>{}</Account>\n",
        escape_xml(&principal.arn),
        principal.id,
        principal.account
    );
    answer("GetCallerIdentity", &body)
}

fn answer(operation: &str, result: &str) -> Answer {
    let id = request_id();
    xml(
        200,
        &format!(
            "<{operation}Response xmlns=\"https://sts.amazonaws.com/doc/{VERSION}/\">\n  <{operation}Result>\n{result}  </{operation}Result>\n  <ResponseMetadata>\n    <RequestId>{id}</RequestId>\n  </ResponseMetadata>\n</{operation}Response>\n"
        ),
    )
}

fn validation(message: &str) -> Refusal {
    Refusal::new(400, "ValidationError", message)
}
