//! Denials that teach: what STS refused, told with what the token says of itself (never the token), and the way out.

use std::time::SystemTime;

use aws_smithy_types::date_time::{DateTime, Format};

use ci::CiToken;
use diagnostics::{Code, Error};
use oidc_token::Claims;
use secret::Secret;
use settings::RoleSettings;

/// How far a clock may be off before it is what people should look at.
const CLOCK_SKEW: f64 = 60.0;

/// A token that STS was shown.
pub(crate) struct IssuedToken<'a> {
    /// The token.
    pub token: &'a Secret,
    /// The audience that it was asked for.
    pub audience: &'a str,
    /// Where it is from; `None` for the token of a Cognito identity pool.
    pub place: Option<&'a CiToken>,
}

/// What to do about a failed AssumeRoleWithWebIdentity.
pub(crate) fn of_token(error: Error, role: &str, issued: &IssuedToken<'_>) -> Error {
    let cause = error.cause().to_owned();
    if let Some((family, hint)) = of_any(&cause, role) {
        return error.of(family).hint(hint);
    }
    let code = cause.split(':').next().unwrap_or_default();
    let Some(claims) = Claims::of(issued.token.expose()) else {
        return match code {
            "AccessDenied" | "InvalidIdentityToken" => error
                .of(Code::TokenMalformed)
                .hint("the token is no JWT: look at the variable or credential it comes from"),
            _ => error,
        };
    };
    let of = Denied {
        role,
        claims: &claims,
        issued,
    };
    match code {
        "ExpiredTokenException" | "ExpiredToken" => error.of(Code::TokenExpired).hint(of.ended()),
        "InvalidIdentityToken" if cause.contains("audience") => error.of(Code::Audience).hint(of.wrong_audience()),
        "InvalidIdentityToken" if cause.contains("provider") => error.of(Code::NoProvider).hint(of.unknown_provider()),
        "AccessDenied" if of.has_github_ids() => error.of(Code::GithubSubject).hint(of.trust_policy()),
        "AccessDenied" => error.of(Code::TrustPolicy).hint(of.trust_policy()),
        "InvalidIdentityToken" => error.of(Code::TokenRejected).hint(of.rejected()),
        "IDPRejectedClaim" => error.of(Code::TokenRejected).hint(format!(
            "{}: its issuer says that it was taken back, or never given out: run the job again for a new one",
            of.token_says()
        )),
        "IDPCommunicationError" => error.of(Code::IssuerUnreachable).hint(format!(
            "AWS itself must reach {}/.well-known/openid-configuration and the keys it names from the internet; where it does, try again",
            claims.iss
        )),
        _ => error,
    }
}

/// What to do about a failed AssumeRole.
pub(crate) fn of_role(error: Error, role: &str, settings: &RoleSettings) -> Error {
    let cause = error.cause().to_owned();
    if let Some((family, hint)) = of_any(&cause, role) {
        return error.of(family).hint(hint);
    }
    if !cause.starts_with("AccessDenied") {
        return error;
    }
    let mut wanted = vec!["sts:AssumeRole"];
    if !settings.tags.is_empty() {
        wanted.push("sts:TagSession");
    }
    let external_id = match &settings.external_id {
        Some(_) => "and the external id that is given",
        None => "and no external id, or give it with external-id",
    };
    error.of(Code::RoleDenied).hint(format!(
        "{role} must exist, and its trust policy name the one who assumes it, with {}, {external_id}; a principal of another account needs leave of its own account too",
        wanted.join(" and "),
    ))
}

/// What is the same whoever assumes the role. `cause` is `Code: message`.
fn of_any(cause: &str, role: &str) -> Option<(Code, String)> {
    let code = cause.split(':').next().unwrap_or_default();
    let hint = match code {
        "ValidationError" if cause.contains("MaxSessionDuration") => {
            format!("ask for less with duration, or raise the role's limit: aws iam update-role --role-name {} --max-session-duration SECONDS", role_name(role))
        }
        "ValidationError" if cause.contains("role chaining") => {
            "AWS gives a session that another session asked for an hour at most: ask for 900 to 3600 with duration".to_owned()
        }
        "MalformedPolicyDocument" => "policy must be an IAM policy: Version, and Statement with Effect, Action and Resource".to_owned(),
        "PackedPolicyTooLarge" => "policies and tags together are too large for a session: shorten the policy, or name a managed one with policy-arn".to_owned(),
        "RegionDisabledException" => {
            let hint = "activate STS for this region in the account of the role, or set AWS_REGION (or the rule's region) to one where it is active";
            return Some((Code::StsRegion, hint.to_owned()));
        }
        _ => return None,
    };
    Some((Code::SessionSetting, hint))
}

struct Denied<'a> {
    role: &'a str,
    claims: &'a Claims,
    issued: &'a IssuedToken<'a>,
}

impl Denied<'_> {
    fn token_says(&self) -> String {
        let claims = self.claims;
        format!(
            "the token says iss {}, aud {}, sub {}",
            claims.iss,
            claims.audience(),
            claims.sub
        )
    }

    fn provider(&self) -> &str {
        self.claims.iss.trim_start_matches("https://")
    }

    fn account(&self) -> &str {
        self.role.split(':').nth(4).unwrap_or_default()
    }

    /// Whether the subject is of the form that GitHub gives newer repositories: `repo:octo@1/app@2:…`.
    fn has_github_ids(&self) -> bool {
        self.claims.sub.starts_with("repo:") && self.claims.sub.contains('@')
    }

    fn trust_policy(&self) -> String {
        let (role, provider, claims) = (self.role, self.provider(), self.claims);
        let audience = claims.audience();
        let immutable = match self.has_github_ids() {
            true => {
                "; GitHub puts ids into the subjects of newer repositories, which policies for the old form don't match"
            }
            false => "",
        };
        format!(
            "{}: {role} must exist, and its trust policy name the provider {provider} and match {provider}:aud = {audience} and {provider}:sub = {}{immutable}",
            self.token_says(),
            claims.sub
        )
    }

    fn wrong_audience(&self) -> String {
        let audience = self.claims.audience();
        let other = match self.claims.audience() == self.issued.audience {
            true => "ask for another one with audience",
            false => "let the CI issue it for that one",
        };
        format!(
            "{}: the IAM provider {} of account {} doesn't list {audience} as an audience: add it there, or {other}",
            self.token_says(),
            self.provider(),
            self.account()
        )
    }

    fn unknown_provider(&self) -> String {
        format!(
            "{}: account {} has no such provider: aws iam create-open-id-connect-provider --url {} --client-id-list {}",
            self.token_says(),
            self.account(),
            self.claims.iss,
            self.claims.audience()
        )
    }

    fn rejected(&self) -> String {
        let clock = match self.claims.iat.is_some_and(|issued| issued > now() + CLOCK_SKEW) {
            true => "; it was issued in the future, by this machine's clock: set that one right, or the issuer's",
            false => "",
        };
        format!(
            "{}: AWS took its signature or its times for wrong{clock}",
            self.token_says()
        )
    }

    /// When it ended, and how a job of this CI gets a longer one.
    fn ended(&self) -> String {
        let end = self.claims.ends_at().map_or_else(
            || "already".to_owned(),
            |end| {
                let shown = DateTime::from(end).fmt(Format::DateTime);
                format!("at {}", shown.unwrap_or_default())
            },
        );
        let longer = match self.issued.place {
            Some(CiToken::GitHub { .. } | CiToken::Buildkite { .. }) => {
                "the CI has just issued it: one of the clocks is wrong, look at this machine's"
            }
            Some(CiToken::CircleCi { program: None, .. }) => {
                "put the circleci program on PATH, which mints new ones, or sign in during the job's first hour"
            }
            Some(CiToken::File(_)) => {
                "whoever writes the file has to renew it, or issue tokens that live longer (Jenkins: the credential's lifetime)"
            }
            Some(CiToken::Text { place, .. }) if place.starts_with("BITBUCKET_") => {
                "a step gets one token: sign in while it lives, the registry's password then serves for 12 hours; or push in a step of its own"
            }
            Some(CiToken::ServiceAccount(_)) => {
                return format!(
                    "the service account's token ended {end}: the kubelet has just been given it: one of the clocks is wrong, look at this node's"
                );
            }
            None => {
                return format!(
                    "the identity pool's token ended {end}: it has just been given out: one of the clocks is wrong, look at this machine's"
                );
            }
            _ => LONGER,
        };
        format!("the job's OIDC token ended {end}: {longer}")
    }
}

/// For CIs that hand out one token a job.
const LONGER: &str = "this CI issues no second one: lengthen it (GitLab: the job's timeout; Jenkins: the credential's lifetime), or fetch before it ends: the registry's password then serves for 12 hours";

fn role_name(role: &str) -> &str {
    role.rsplit('/').next().unwrap_or(role)
}

/// Seconds since 1970-01-01 UTC.
fn now() -> f64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}
