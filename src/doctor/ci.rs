//! The current CI and its token: subject, audience and remaining life.

use std::time::SystemTime;

use super::Checkup;
use super::report::Check;
use super::span::roughly;
use aws_access::identity::{ChainSource, RoleBase};
use aws_access::{Aws, PasswordPath};
use ci::{CiToken, gives_tokens, is_pull_request, missing_token, running_in, trust_policy_command};
use context::Env;
use diagnostics::{Code, Error};
use oidc_token::Claims;
use settings::SourceChoice;

/// Whether a choice failed because the CI's token is missing.
pub fn is_missing_token(error: &Error) -> bool {
    matches!(error.code(), Code::NoToken | Code::GithubPermission)
}

/// Returns the check that fails if no identity can be chosen.
pub fn check_without_identity(error: &Error) -> &'static str {
    match is_missing_token(error) {
        true => "ci",
        false => "credentials",
    }
}

/// Returns the check of the CI and its token, or `None` if there is neither.
pub fn check(path: &PasswordPath, checkup: &mut Checkup<'_, '_>) -> Option<Check> {
    let env = &checkup.context.env;
    let ci = running_in(env).map(|ci| ci.name);
    match path.identity().role().map(|role| (&role.base, role.settings.source)) {
        Some((RoleBase::Token(token), _)) => Some(of_token(&token.clone(), ci.unwrap_or("no known CI"), path, checkup)),
        Some((RoleBase::Source(source), SourceChoice::Auto)) if gives_tokens(env) => {
            ci.map(|ci| without_token(ci, source, env))
        }
        _ if CiToken::all(env).is_empty() => {
            ci.map(|ci| Check::pass("ci", format!("{ci}: this job has no OIDC token")))
        }
        _ => ci.map(|ci| Check::pass("ci", format!("{ci}: its token is not used"))),
    }
}

/// Returns the check for a job that could have a token, but whose role is assumed with other credentials.
fn without_token(ci: &str, source: &ChainSource, env: &Env) -> Check {
    let finding =
        format!("{ci}: this job has no OIDC token, though a role was asked for; {source} assumes the role instead");
    let missing = missing_token(env);
    Check::warn("ci", finding, missing.hint_text().unwrap_or_default())
}

fn of_token(token: &CiToken, ci: &str, path: &PasswordPath, checkup: &mut Checkup<'_, '_>) -> Check {
    let name = token.name();
    let what = format!("{ci}: {name}");
    match claims(path, name, checkup) {
        Err(error) => Check::failed("ci", &error),
        Ok(None) => Check::fail(
            "ci",
            Code::TokenMalformed,
            format!("{what} is not a JWT"),
            "look at the variable, file or command that it comes from",
        ),
        Ok(Some(claims)) => {
            of_claims(&what, &claims, checkup.context.now()).or_hint(policy(path, &claims, &checkup.context.env))
        }
    }
}

/// Returns the command that prints the trust policy for this job.
fn policy(path: &PasswordPath, claims: &Claims, env: &Env) -> Option<String> {
    let role = path.identity().role()?.roles.first()?;
    let command = trust_policy_command(role, claims, env)?;
    Some(match is_pull_request(claims, env) {
        true => format!(
            "the trust policy that lets this pull request's job in, and with it code that nobody has reviewed: `{command}`"
        ),
        false => format!("the trust policy that lets this job in: {command}"),
    })
}

fn claims(path: &PasswordPath, name: &str, checkup: &mut Checkup<'_, '_>) -> Result<Option<Claims>, Error> {
    let env = checkup.context.env.clone();
    let aws = Aws::new(&env, path.identity(), context::budget(&env)?)?;
    checkup.wait(&format!("asking for {name}"), aws.claims())
}

/// Checks the token's times by this machine's clock. The clock may be wrong: only AWS decides.
fn of_claims(what: &str, claims: &Claims, now: SystemTime) -> Check {
    let says = format!("iss {}, aud {}, sub {}", claims.iss, claims.audience(), claims.sub);
    match claims.ends_at().map(|end| (end, end.duration_since(now))) {
        None => Check::pass("ci", format!("{what}: {says}")),
        Some((_, Ok(left))) => Check::pass("ci", format!("{what}: {says}; it lives {} more", roughly(left))),
        Some((end, Err(_))) => {
            let ago = roughly(now.duration_since(end).unwrap_or_default());
            Check::warn(
                "ci",
                format!("{what}: {says}; by this machine's clock it ended {ago} ago"),
                "sign in sooner, or have the CI issue one that lives longer; if it is new, look at the clock",
            )
        }
    }
}
