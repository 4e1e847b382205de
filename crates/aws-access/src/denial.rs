//! Explains why STS refused, with the token's claims (never the token itself) and a hint.

use std::time::SystemTime;

use aws_smithy_types::date_time::{DateTime, Format};

use crate::identity::role_of_session;
use ci::{CiToken, SubjectPitfall, checked_claims, is_pull_request, subject_pitfall, trust_policy_command};
use context::Env;
use diagnostics::{Code, Error, shell_word};
use ecr_registry::Partition;
use oidc_token::Claims;
use secret::Secret;
use serde_json::json;
use settings::RoleSettings;
use settings::table::{DURATION, EXTERNAL_ID, POLICY, POLICY_ARN};

/// The clock difference, in seconds, from which a hint is about the clock.
const CLOCK_SKEW: f64 = 60.0;

/// A token that was sent to STS.
pub(crate) struct IssuedToken<'a> {
    /// The token.
    pub token: &'a Secret,
    /// The audience that the token was requested for.
    pub audience: &'a str,
    /// Where the token is from. `None` for the token of a Cognito identity pool.
    pub place: Option<&'a CiToken>,
}

/// Adds a hint to the error of AssumeRoleWithWebIdentity.
pub(crate) fn of_token(error: Error, role: &str, issued: &IssuedToken<'_>, env: &Env) -> Error {
    let cause = error.cause().to_owned();
    if let Some((family, hint)) = of_any(&cause, role) {
        return error.with_code(family).hint(hint);
    }
    let code = cause.split(':').next().unwrap_or_default();
    let Some(claims) = Claims::from_jwt(issued.token.expose()) else {
        return match code {
            "AccessDenied" | "InvalidIdentityToken" => error
                .with_code(Code::TokenMalformed)
                .hint(match issued.place {
                    Some(place) if place.is_of_service_account() => {
                        "the service account's token is not a JWT: the kubelet has it from the API server, so look at the logs of both"
                    }
                    _ => "the token is not a JWT: look at the variable or credential it comes from",
                }),
            _ => error,
        };
    };
    let of = DeniedRole {
        role,
        claims: &claims,
        issued,
        env,
    };
    match code {
        "ExpiredTokenException" | "ExpiredToken" => error.with_code(Code::TokenExpired).hint(of.ended()),
        "InvalidIdentityToken" if cause.contains("audience") => error.with_code(Code::Audience).hint_lines(of.wrong_audience()),
        "InvalidIdentityToken" if cause.contains("provider") => error.with_code(Code::NoProvider).hint_lines(of.unknown_provider()),
        "AccessDenied" => {
            let family = of.pitfall().map_or(Code::TrustPolicy, |pitfall| pitfall.code);
            error.with_code(family).hint_lines(of.trust_policy())
        }
        "InvalidIdentityToken" => error.with_code(Code::TokenRejected).hint(of.rejected()),
        "IDPRejectedClaim" => error.with_code(Code::TokenRejected).hint(format!(
            "{}: its issuer says that it was taken back, or never given out: run the job again for a new one",
            of.token_says()
        )),
        "IDPCommunicationError" => error.with_code(Code::IssuerUnreachable).hint(format!(
            "AWS itself must reach {}/.well-known/openid-configuration and the keys it names from the internet; where it does, try again",
            claims.iss
        )),
        _ => error,
    }
}

/// Adds a hint to the error of AssumeRole.
pub(crate) fn of_role(error: Error, role: &str, settings: &RoleSettings) -> Error {
    let cause = error.cause().to_owned();
    if let Some((family, hint)) = of_any(&cause, role) {
        return error.with_code(family).hint(hint);
    }
    if !cause.starts_with("AccessDenied") {
        return error;
    }
    if cause.contains("MultiFactorAuthentication failed") {
        return error.with_code(Code::Mfa).hint_lines([
            "type the code that the device shows now. Each code works once: wait for the next one",
            "Does mfa_serial name a device of the user whose keys these are?",
        ]);
    }
    let mut wanted = vec!["sts:AssumeRole"];
    if !settings.tags.is_empty() {
        wanted.push("sts:TagSession");
    }
    let external_id = match &settings.external_id {
        Some(_) => "It must ask for the external id that is given".to_owned(),
        None => format!("It must ask for no external id; if it asks for one, give it with {EXTERNAL_ID}"),
    };
    error.with_code(Code::RoleDenied).hint_lines([
        format!("check {role}:"),
        "1. The role must exist.".to_owned(),
        format!(
            "2. Its trust policy must name {}, with {}.",
            principal(&cause),
            wanted.join(" and ")
        ),
        format!("3. {external_id}."),
        "4. If that principal is of another account, its own policies must allow the same for the role.".to_owned(),
    ])
}

/// Returns the hint that does not depend on what assumes the role. `cause` is `Code: message`.
fn of_any(cause: &str, role: &str) -> Option<(Code, String)> {
    let code = cause.split(':').next().unwrap_or_default();
    let hint = match code {
        "ValidationError" if cause.contains("MaxSessionDuration") => {
            format!(
                "ask for less with {DURATION}, or raise the role's limit: aws iam update-role --role-name {} --max-session-duration SECONDS",
                role_name(role)
            )
        }
        "ValidationError" if cause.contains("role chaining") => {
            format!(
                "AWS gives a session that another session asked for an hour at most: ask for 900 to 3600 with {DURATION}"
            )
        }
        "MalformedPolicyDocument" => {
            format!("{POLICY} must be an IAM policy: Version, and Statement with Effect, Action and Resource")
        }
        "PackedPolicyTooLarge" => format!(
            "policies and tags together are too large for a session: shorten the policy, or name a managed one with {POLICY_ARN}"
        ),
        "RegionDisabledException" => {
            let hint = "activate STS for this region in the account of the role, or set AWS_REGION (or the rule's region) to one where it is active";
            return Some((Code::StsRegion, hint.to_owned()));
        }
        _ => return None,
    };
    Some((Code::SessionSetting, hint))
}

struct DeniedRole<'a> {
    role: &'a str,
    claims: &'a Claims,
    issued: &'a IssuedToken<'a>,
    env: &'a Env,
}

impl DeniedRole<'_> {
    fn token_says(&self) -> String {
        format!("the token says {}", self.said().join(", "))
    }

    fn said(&self) -> [String; 3] {
        let claims = self.claims;
        [
            format!("iss = {}", claims.iss),
            format!("aud = {}", claims.audience()),
            format!("sub = {}", claims.sub),
        ]
    }

    fn provider(&self) -> &str {
        self.claims.iss.trim_start_matches("https://")
    }

    /// Returns the ARN of the provider in a trust policy. For identity pools, it is AWS's own provider.
    fn provider_arn(&self) -> String {
        match self.issued.place {
            Some(_) => format!(
                "arn:{}:iam::{}:oidc-provider/{}",
                Partition::for_arn(self.role).id(),
                self.account(),
                self.provider()
            ),
            None => self.provider().to_owned(),
        }
    }

    fn account(&self) -> &str {
        self.role.split(':').nth(4).unwrap_or_default()
    }

    fn pitfall(&self) -> Option<&'static SubjectPitfall> {
        subject_pitfall(&self.claims.sub)
    }

    /// Returns lines with the token's claims, the matching trust policy, and the command that prints the whole policy.
    fn trust_policy(&self) -> Vec<String> {
        let provider = self.provider();
        let audience = match self.claims.audiences()[..] {
            [one] => json!(one),
            ref several => json!(several),
        };
        let mut lines = vec![format!(
            "{} must exist, and its trust policy must match this token. The token says:",
            self.role
        )];
        lines.extend(self.said());
        lines.extend([
            "The policy must say:".to_owned(),
            format!("\"Principal\": {{\"Federated\": {}}}", json!(self.provider_arn())),
            format!(
                "\"Condition\": {{\"StringEquals\": {{{}: {audience},",
                json!(format!("{provider}:aud"))
            ),
            format!("{}: {}}}}}", json!(format!("{provider}:sub")), json!(self.claims.sub)),
        ]);
        lines.extend(self.other_claims());
        lines.extend(self.policy_line("Print the whole policy", ""));
        lines.extend(self.pitfall().map(|pitfall| pitfall.note.to_owned()));
        lines
    }

    /// Returns the line with the command that prints the trust policy for this job. For a pull request's job, a sentence about the risk surrounds
    /// the command, so that nobody copies it unread.
    fn policy_line(&self, what: &str, flags: &str) -> Option<String> {
        self.issued.place?;
        let command = trust_policy_command(self.role, self.claims, self.env)?;
        Some(match is_pull_request(self.claims, self.env) {
            true => format!(
                "This is a pull request's job. Only if code that nobody has reviewed may use the role, run `{command}{flags}`"
            ),
            false => format!("{what}: {command}{flags}"),
        })
    }

    /// Returns lines with the other claims that AWS lets a trust policy name.
    fn other_claims(&self) -> Vec<String> {
        let names = checked_claims(&self.claims.iss).iter();
        let said = names.filter_map(|name| Some(format!("{name} = {}", self.claims.text(name)?)));
        let said: Vec<String> = said.collect();
        let heading =
            (!said.is_empty()).then(|| "If the policy names one of these claims, it must have this value:".to_owned());
        heading
            .into_iter()
            .chain(said.chunks(3).map(|some| some.join(", ")))
            .collect()
    }

    fn wrong_audience(&self) -> Vec<String> {
        let audiences = self.claims.audiences();
        let other = match audiences.contains(&self.issued.audience) {
            true => "ask for another one with audience",
            false => "let the CI issue it for that one",
        };
        let mut lines = vec![format!(
            "the IAM provider {} of account {} doesn't list {} as an audience: add it there, or {other}. The token says:",
            self.provider(),
            self.account(),
            audiences.join(" or ")
        )];
        lines.extend(self.said());
        let arn = shell_word(&self.provider_arn());
        let add = |audience: &&str| {
            let audience = shell_word(audience);
            format!(
                "aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn {arn} --client-id {audience}"
            )
        };
        lines.extend(audiences.first().map(add));
        lines
    }

    fn unknown_provider(&self) -> Vec<String> {
        let audiences: Vec<_> = self.claims.audiences().into_iter().map(shell_word).collect();
        let mut lines = vec![format!(
            "account {} has no such provider. The token says:",
            self.account()
        )];
        lines.extend(self.said());
        lines.push(format!(
            "Make the provider: aws iam create-open-id-connect-provider --url {} --client-id-list {}",
            shell_word(&self.claims.iss),
            audiences.join(" ")
        ));
        lines.extend(self.policy_line("Or print it with the role", " --format commands"));
        lines
    }

    fn rejected(&self) -> String {
        let clock = match self.claims.iat.is_some_and(|issued| issued > now() + CLOCK_SKEW) {
            true => "; it was issued in the future, by this machine's clock: set that one right, or the issuer's",
            false => "",
        };
        format!(
            "{}: AWS says that its signature or its times are wrong{clock}",
            self.token_says()
        )
    }

    /// Returns when the token ended, and how a job of this CI gets a longer one.
    fn ended(&self) -> String {
        let end = self.claims.ends_at().map_or_else(
            || "already".to_owned(),
            |end| {
                let shown = DateTime::from(end).fmt(Format::DateTime);
                format!("at {}", shown.unwrap_or_default())
            },
        );
        match self.issued.place {
            Some(token) => token.expired_hint(&end),
            None => format!(
                "the identity pool's token ended {end}: it has just been given out: one of the clocks is wrong, look at this machine's"
            ),
        }
    }
}

/// Returns the principal that assumes the role, as a trust policy names it. For a session, that is its role. AWS's message is `User: ARN is not
/// authorized to …`.
fn principal(cause: &str) -> String {
    let named = cause.split_once("User: ").and_then(|(_, rest)| rest.split(' ').next());
    let principal = named.map(|arn| role_of_session(arn).unwrap_or_else(|| arn.to_owned()));
    principal.unwrap_or_else(|| "the principal that assumes it".to_owned())
}

fn role_name(role: &str) -> &str {
    role.rsplit('/').next().unwrap_or(role)
}

/// Returns the current time in seconds since 1970-01-01 UTC.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}
