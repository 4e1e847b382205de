//! STS in its Query protocol: GetCallerIdentity, AssumeRole, AssumeRoleWithWebIdentity.

mod parameters;
mod policy;
mod tags;

pub(crate) use parameters::Parameters;
use parameters::check;
use policy::SessionPolicies;
use tags::session_tags;

use crate::answer::{Answer, Refusal, escape_xml, request_id, xml};
use crate::calls::{SessionCall, TokenClaims};
use crate::clock::iso_date;
use crate::jwt::{Claims, unverified};
use crate::mfa::has_mfa;
use crate::policy::{Permissions, Trust};
use crate::principals::{AccessKey, Iam, Principal, Role, names, names_account};
use crate::session_tags::SessionTags;
use crate::sigv4::{Caller, Denial};
use crate::{Aws, lock};

/// The version of the API, a required parameter of every call.
const VERSION: &str = "2011-06-15";
const SHORTEST_SESSION: u64 = 900;
const LONGEST_SESSION: u64 = 43_200;
/// The longest lifetime in seconds of a session that a session opened.
const LONGEST_CHAINED: u64 = 3600;

/// The checked parameters of a call that opens a session.
struct SessionRequest<'a> {
    role_arn: &'a str,
    name: &'a str,
    /// The requested duration in seconds.
    duration: Option<u64>,
    policies: SessionPolicies,
    tags: SessionTags,
}

impl<'a> SessionRequest<'a> {
    fn read(parameters: &'a Parameters, iam: &Iam, caller: &SessionTags) -> Result<Self, Refusal> {
        let role_arn = parameters.require("RoleArn")?;
        let name = parameters.require("RoleSessionName")?;
        if role_arn.len() < 20 || !role_arn.contains(":role/") {
            return Err(validation(&format!("{role_arn} is invalid")));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        check(name, "roleSessionName", 2..=64, r"[\w+=,.@-]*", allowed)?;
        if let Some(id) = parameters.get("ExternalId") {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
            check(id, "externalId", 2..=1224, r"[\w+=,.@:\/-]*", allowed)?;
        }
        if let Some(serial) = parameters.get("SerialNumber") {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=/:,.@-".contains(c);
            check(serial, "serialNumber", 9..=256, r"[\w+=/:,.@-]*", allowed)?;
        }
        if let Some(code) = parameters.get("TokenCode") {
            check(code, "tokenCode", 6..=6, r"[\d]*", |c: char| c.is_ascii_digit())?;
        }
        Ok(Self {
            role_arn,
            name,
            duration: duration(parameters.get("DurationSeconds"))?,
            policies: SessionPolicies::read(parameters, role_arn, iam)?,
            tags: session_tags(parameters, caller)?,
        })
    }

    /// Returns the session's duration in seconds, if the role allows it.
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
        record: &mut Option<SessionCall>,
    ) -> Result<Answer, Refusal> {
        if parameters.get("Version") != Some(VERSION) {
            return Err(Refusal::new(
                400,
                "InvalidAction",
                "Could not find operation for that version",
            ));
        }
        let signed = || caller().map_err(|denial| Refusal::new(403, denial.xml_code(), denial.to_string()));
        *record = session_call(parameters);
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
        let request = SessionRequest::read(parameters, &lock(&self.iam), &caller.tags)?;
        let denied = |action: &str| {
            let message = format!(
                "User: {} is not authorized to perform: {action} on resource: {}",
                caller.arn, request.role_arn
            );
            Refusal::new(403, "AccessDenied", message)
        };
        let mut iam = lock(&self.iam);
        let (serial, code) = (parameters.get("SerialNumber"), parameters.get("TokenCode"));
        let has_mfa = has_mfa(&mut iam, caller, serial, code, self.clock.now())?;
        let role = iam.roles.get(request.role_arn).cloned();
        let role = role.ok_or_else(|| denied("sts:AssumeRole"))?;
        let external_id = parameters.get("ExternalId");
        if !may_assume(&iam, &role, caller, external_id, has_mfa) || role.partition != caller.partition {
            return Err(denied("sts:AssumeRole"));
        }
        // Inherited tags of the caller's session also need the permission.
        if !request.tags.tags.is_empty() && !may_tag(&iam, &role, caller) {
            return Err(denied("sts:TagSession"));
        }
        drop(iam);
        let length = request.length(&role, caller.role.is_some())?;
        let body = self.open_session(&role, &request, length)?;
        Ok(answer("AssumeRole", &body))
    }

    fn assume_role_with_web_identity(&self, parameters: &Parameters) -> Result<Answer, Refusal> {
        let mut request = SessionRequest::read(parameters, &lock(&self.iam), &SessionTags::default())?;
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
        request.tags = SessionTags::of(claims.tags());
        if !request.tags.tags.is_empty() && !lets_tag(&role, claims.provider()) {
            return Err(Refusal::new(
                403,
                "AccessDenied",
                "Not authorized to perform sts:TagSession",
            ));
        }
        let length = request.length(&role, false)?;
        let body = format!(
            "{}    <SubjectFromWebIdentityToken>{}</SubjectFromWebIdentityToken>\n    <Provider>arn:{}:iam::{}:oidc-provider/{}</Provider>\n    <Audience>{}</Audience>\n",
            self.open_session(&role, &request, length)?,
            escape_xml(&claims.sub),
            role.partition,
            role.spec.account,
            escape_xml(claims.provider()),
            escape_xml(claims.audience().unwrap_or_default()),
        );
        Ok(answer("AssumeRoleWithWebIdentity", &body))
    }

    /// Opens a session of a role. Returns the common part of the answers.
    fn open_session(&self, role: &Role, request: &SessionRequest<'_>, length: i64) -> Result<String, Refusal> {
        let packed = request
            .policies
            .packed_size(&request.tags)?
            .map_or_else(String::new, |size| {
                format!("    <PackedPolicySize>{size}</PackedPolicySize>\n")
            });
        let expires = self.clock.now() + length;
        let principal = Principal {
            policies: request.policies.permissions.clone(),
            tags: request.tags.clone(),
            ..session(role, request.name)
        };
        let (arn, id) = (principal.arn.clone(), principal.id.clone());
        let key = lock(&self.iam).open_session(principal, expires);
        Ok(format!(
            "    <AssumedRoleUser>\n      <AssumedRoleId>{id}</AssumedRoleId>\n      <Arn>{arn}</Arn>\n    </AssumedRoleUser>\n    <Credentials>\n      <AccessKeyId>{}</AccessKeyId>\n      <SecretAccessKey>{}</SecretAccessKey>\n      <SessionToken>{}</SessionToken>\n      <Expiration>{}</Expiration>\n    </Credentials>\n{packed}",
            key.id,
            key.secret,
            key.session_token.unwrap_or_default(),
            iso_date(expires),
        ))
    }

    /// Opens a session of a role for an identity of Cognito, which its identity pool has already checked.
    pub(crate) fn federated_session(
        &self,
        role: &Role,
        name: &str,
        tags: SessionTags,
        policies: Vec<Permissions>,
        expires: i64,
    ) -> AccessKey {
        let principal = Principal {
            policies,
            tags,
            ..session(role, name)
        };
        lock(&self.iam).open_session(principal, expires)
    }

    /// Opens a session of a role for an AWS service (EC2, ECS): it lasts an hour, and no trust policy is checked.
    pub(crate) fn service_session(&self, role_arn: &str, name: &str) -> Option<AccessKey> {
        let mut iam = lock(&self.iam);
        let role = iam.roles.get(role_arn)?.clone();
        let expires = self.clock.now() + 3600;
        Some(iam.open_session(session(&role, name), expires))
    }
}

fn session(role: &Role, name: &str) -> Principal {
    let (partition, account) = (role.partition, &role.spec.account);
    Principal {
        account: account.clone(),
        arn: format!("arn:{partition}:sts::{account}:assumed-role/{}/{name}", role.spec.name),
        id: format!("{}:{name}", role.id),
        role: Some(role.arn.clone()),
        partition,
        policies: Vec::new(),
        tags: SessionTags::default(),
    }
}

/// Whether a statement of the role's trust policy lets the caller assume it.
fn may_assume(iam: &Iam, role: &Role, caller: &Principal, external_id: Option<&str>, has_mfa: bool) -> bool {
    let trusts = |principals: &[String]| trusts(iam, principals, role, caller, "sts:AssumeRole");
    role.spec.trust.iter().any(|trust| match trust {
        Trust::Aws {
            principals,
            external_id: wanted,
        } => (wanted.is_none() || wanted.as_deref() == external_id) && trusts(principals),
        Trust::AwsWithMfa { principals } => has_mfa && trusts(principals),
        Trust::TagSession { .. } | Trust::WebIdentity { .. } => false,
    })
}

/// Whether a statement of the role's trust policy lets the caller pass session tags.
fn may_tag(iam: &Iam, role: &Role, caller: &Principal) -> bool {
    role.spec.trust.iter().any(|trust| match trust {
        Trust::TagSession { principals } => trusts(iam, principals, role, caller, "sts:TagSession"),
        _ => false,
    })
}

/// Whether a statement of the role's trust policy lets tokens of a provider bring session tags.
pub(crate) fn lets_tag(role: &Role, provider: &str) -> bool {
    role.spec.trust.iter().any(|trust| match trust {
        Trust::TagSession { principals } => principals
            .iter()
            .any(|principal| principal == provider || principal == "*"),
        _ => false,
    })
}

/// Whether these principals of a trust policy name the caller. Within an account, naming the caller is enough. If the
/// policy names the account, or the caller is of another account, the caller's own policies must allow the action too.
fn trusts(iam: &Iam, principals: &[String], role: &Role, caller: &Principal, action: &str) -> bool {
    principals
        .iter()
        .filter(|element| names(element, caller))
        .any(|element| {
            let by_name = caller.account == role.spec.account && !names_account(element, caller) && element != "*";
            iam.allows(caller, action) || (by_name && !iam.denies(caller, action))
        })
}

/// Returns the unchanged parameters of a call. `None` if the call opens no session.
fn session_call(parameters: &Parameters) -> Option<SessionCall> {
    parameters.action().filter(|action| action.starts_with("AssumeRole"))?;
    let text = |name: &str| parameters.get(name).unwrap_or_default().to_owned();
    let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let keys = parameters.members("Tags", ".Key").map(owned);
    let values = parameters.members("Tags", ".Value").map(owned);
    Some(SessionCall {
        role_arn: text("RoleArn"),
        session_name: text("RoleSessionName"),
        duration: parameters.get("DurationSeconds").and_then(|text| text.parse().ok()),
        external_id: parameters.get("ExternalId").map(Into::into),
        policy: parameters.get("Policy").is_some(),
        policy_arns: parameters.members("PolicyArns", ".arn").map(owned).collect(),
        tags: keys.zip(values).collect(),
        transitive_tags: parameters.members("TransitiveTagKeys", "").map(owned).collect(),
        web_identity: parameters.get("WebIdentityToken").and_then(token_claims),
    })
}

fn token_claims(token: &str) -> Option<TokenClaims> {
    let claims = unverified(token)?;
    Some(TokenClaims {
        aud: claims.audience().unwrap_or_default().to_owned(),
        iss: claims.iss,
        sub: claims.sub,
    })
}

pub(crate) fn trusts_claims(trust: &Trust, claims: &Claims) -> bool {
    match trust {
        Trust::Aws { .. } | Trust::AwsWithMfa { .. } | Trust::TagSession { .. } => false,
        Trust::WebIdentity { provider, conditions } => {
            provider == claims.provider() && conditions.iter().all(|condition| condition.holds(claims))
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
    Err(constraint(text, "durationSeconds", &format!("have value {bound}")))
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

fn constraint(value: &str, name: &str, rule: &str) -> Refusal {
    validation(&format!(
        "1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must {rule}"
    ))
}

fn invalid_parameter(message: &str) -> Refusal {
    Refusal::new(400, "InvalidParameterValue", message)
}
