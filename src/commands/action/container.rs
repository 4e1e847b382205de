//! `container-repositories`: a password for `container:` and `services:` of later jobs.
//!
//! The runner pulls those images itself, before any step, with a password that another job passes on in its outputs. GitHub drops masked values
//! from the outputs of jobs, so this one password is not masked. A session policy therefore restricts it to pulling the named repositories.

use serde_json::json;

use super::inputs::{Inputs, wrong};
use super::registries::Hosts;
use crate::commands::masks::hide;
use aws_access::PasswordPath;
use configuration::Config;
use context::{Context, variables};
use diagnostics::Result;
use ecr_registry::Registry;
use secret::Secret;
use secret_cache::Cache;
use settings::SurfaceValue;
use settings::table::{POLICY, POLICY_ARN, ROLE_ARN};

/// The name of the input.
const INPUT: &str = "container-repositories";

/// Returns the step's outputs with user name and password. Empty if no repository is named.
///
/// # Errors
/// There is no private registry, no role whose session could be restricted, or a session policy in the workflow; or AWS refuses.
pub fn outputs(
    inputs: &Inputs,
    hosts: &Hosts,
    config: &Config,
    context: &mut Context<'_>,
) -> Result<Vec<(String, Secret)>> {
    if inputs.container_repositories.is_empty() {
        return Ok(Vec::new());
    }
    let first = hosts.iter().next();
    let target = first.and_then(|(host, identity)| Some((config.target(host)?, identity)));
    let Some((target, identity)) = target.filter(|(target, _)| !target.registry().is_public()) else {
        return Err(wrong(INPUT, "the first registry is not a private one")
            .hint("name the registry of these repositories first"));
    };
    let mut identity = identity.clone();
    if identity.0.get(&POLICY).is_some() || identity.0.get(&POLICY_ARN).is_some() {
        return Err(wrong(INPUT, "the session is narrowed by a policy of its own, too")
            .hint("leave out inline-session-policy and managed-session-policies in this step: the password is narrowed to these repositories"));
    }
    if identity
        .role_arn()
        .or(context.env.get(variables::AWS_ROLE_ARN))
        .is_none()
    {
        return Err(
            wrong(INPUT, "no role is named, and only a role's session can be narrowed")
                .hint(format!("name it with {ROLE_ARN}")),
        );
    }
    let policy = policy(target.registry(), &inputs.container_repositories)?;
    identity.0.set(&POLICY, SurfaceValue::Text(policy));
    let path = PasswordPath::choose(&context.env, target.registry(), identity.identity(&target.identity())?)?;
    let began = context.began;
    let held = path.secret(&Cache::open(None), target.registry().host(), began, context)?;
    // Security note: the token that fetched the password is still masked. Only the password is not.
    hide(path.identity().token().into_iter().collect(), context)?;
    Ok(vec![
        ("container-username".to_owned(), Secret::new(ecr_registry::USERNAME)),
        ("container-password".to_owned(), held.secret),
    ])
}

/// Returns the session policy for the password: pull these repositories of the registry.
fn policy(registry: &Registry, repositories: &[String]) -> Result<String> {
    let arn = |name: &String| {
        match is_repository(name) {
        true => Ok(format!(
            "arn:{}:ecr:{}:{}:repository/{name}",
            registry.partition().id(),
            registry.region(),
            registry.account().unwrap_or_default()
        )),
        false => Err(wrong(INPUT, format!("{name:?} is not a repository name")).hint(
            "write names such as team/app, without the registry, a tag or a *: each may be pulled by whoever reads the run's outputs",
        )),
    }
    };
    let arns = repositories.iter().map(arn).collect::<Result<Vec<_>>>()?;
    let pull = [
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
    ];
    Ok(json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {"Effect": "Allow", "Action": pull, "Resource": arns},
    ]})
    .to_string())
}

fn is_repository(name: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c))
    };
    !name.is_empty() && name.split('/').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_names_whole_repositories() {
        let registry = Registry::parse("111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn").unwrap();
        let text = policy(&registry, &["team/app".to_owned(), "base".to_owned()]).unwrap();
        let policy_of =
            |names: &[&str]| policy(&registry, &names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            document["Statement"][1]["Resource"],
            json!([
                "arn:aws-cn:ecr:cn-north-1:111122223333:repository/team/app",
                "arn:aws-cn:ecr:cn-north-1:111122223333:repository/base"
            ])
        );
        for odd in [
            "*",
            "team/*",
            "",
            "App",
            "app:1",
            "a//b",
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com/App",
        ] {
            assert!(policy_of(&[odd]).is_err(), "{odd}");
        }
    }
}
