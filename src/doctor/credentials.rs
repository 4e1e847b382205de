//! The AWS credentials, whether AWS accepts them, and the token that they fetch.

use super::Checkup;
use super::report::{Check, Outcome};
use super::span::roughly;
use aws_access::identity::{ChainSource, CredentialSource};
use aws_access::{Aws, PasswordPath};
use context::{Env, budget};
use diagnostics::Result;
use secret::Secret;

/// Returns the source that is used, and the sources that were passed over.
pub fn chosen(path: &PasswordPath, env: &Env) -> Check {
    let identity = path.identity();
    let passed_over = identity.passed_over(env);
    let others = match passed_over.is_empty() {
        true => String::new(),
        false => format!("; passed over: {}", passed_over.join("; ")),
    };
    // Only a call can tell whether there is an instance role.
    let only = match identity.source {
        CredentialSource::Chain(ChainSource::InstanceMetadata) => ", if there is one: nothing else is set here",
        _ => "",
    };
    Check::pass("credentials", format!("{}{only}{others}", identity.source))
}

/// Asks STS for the principal, and ECR for a token, bypassing the cache. If STS cannot be reached but ECR can, the token counts.
pub fn fetch(path: &PasswordPath, checkup: &mut Checkup<'_, '_>, is_optional: bool) -> Option<Secret> {
    let soften = |check: Check| if is_optional { check.at_most_warn() } else { check };
    let identity = identity(path, checkup);
    let token = token(path, checkup);
    let (identity, token, password) = match (identity, token) {
        (Ok(identity), Ok((token, password))) => (identity, Some(token), Some(password)),
        (Ok(identity), Err(token)) => (identity, Some(token), None),
        (Err(identity), Ok((token, password))) => (identity.at_most_warn(), Some(token), Some(password)),
        (Err(identity), Err(_)) => (identity, None, None),
    };
    checkup.add(soften(identity));
    match token {
        Some(token) => {
            let failed = token.outcome == Outcome::Fail;
            checkup.add(soften(token));
            if failed && !is_optional {
                checkup.skip_after("token");
            }
        }
        None if is_optional => {}
        None => checkup.skip_after("identity"),
    }
    password
}

fn identity(path: &PasswordPath, checkup: &mut Checkup<'_, '_>) -> Result<Check, Check> {
    let env = checkup.context.env.clone();
    let caller = budget(&env).and_then(|budget| {
        let aws = Aws::new(&env, path.identity(), budget)?;
        checkup.wait(
            "asking AWS STS whose credentials these are",
            aws.caller_identity(path.registry().into()),
        )
    });
    match caller {
        Ok(caller) => Ok(Check::pass(
            "identity",
            format!("AWS knows the credentials: {}", caller.arn),
        )),
        Err(error) => Err(Check::failed("identity", &error)),
    }
}

fn token(path: &PasswordPath, checkup: &mut Checkup<'_, '_>) -> Result<(Check, Secret), Check> {
    let env = checkup.context.env.clone();
    let token = budget(&env).and_then(|budget| {
        let aws = Aws::new(&env, path.identity(), budget)?;
        let call = aws.authorization_token(path.registry(), path.endpoint());
        checkup.wait("asking Amazon ECR for a token", call)
    });
    match token {
        Ok(token) => {
            let left = token
                .expires_at
                .duration_since(checkup.context.now())
                .unwrap_or_default();
            let finding = format!(
                "ECR gives a token for {}, good for {}",
                path.registry().region(),
                roughly(left)
            );
            Ok((Check::pass("token", finding), token.password))
        }
        Err(error) => Err(Check::failed("token", &error)),
    }
}
