//! Answers of ECR, ECR Public and STS, through the SDK's deserialisers and our own code.

use aws_access::identity::IdentityScope;
use aws_access::net::within;
use aws_access::{Aws, Destination, Endpoint, Identity};
use context::Env;
use diagnostics::Error;
use ecr_registry::Registry;
use settings::{IdentitySettings, RoleSettings};

use super::canned::{Answer, BUDGET, client};
use super::inputs::{is_fit_to_read, parts, text};

const REGION: &str = "eu-west-1";
const ROLE: &str = "arn:aws:iam::111122223333:role/ci-push";
/// The secret text in the tokens and keys of the corpora.
const SECRET: &str = "s3cret";

/// The input: the called service (`ecr`, `public`, `caller`, `role`, anything else: `web`), and its answer.
pub fn answers(input: &[u8]) {
    let Some(input) = text(input) else { return };
    let [asked, answer] = parts(input);
    let answer = Answer::read(answer);
    let mut env = environment();
    let identity = match asked {
        "ecr" | "public" | "caller" => {
            Identity::choose(IdentitySettings::default(), &IdentityScope::of_region(REGION), &env)
        }
        "role" => of_role(&env),
        _ => {
            env.set(
                "ECR_AUTH_ID_TOKEN",
                "e30.eyJpc3MiOiJpIiwic3ViIjoicyIsImF1ZCI6ImEifQ.c2ln",
            );
            of_role(&env)
        }
    };
    let identity = identity.expect("keys are there");
    let body = answer.body.clone();
    let aws = Aws::answered_by(client([answer]), &env, &identity, BUDGET).expect("nothing to set up");
    match asked {
        "ecr" => token(
            &aws,
            &env,
            &identity,
            "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
            &body,
        ),
        "public" => token(&aws, &env, &identity, "public.ecr.aws", &body),
        "caller" => match within(BUDGET, aws.caller_identity(Destination::in_region(REGION))) {
            Ok(caller) => assert!(body.len() >= caller.account.len()),
            Err(error) => says_no_secret(&error, &body),
        },
        _ => match within(BUDGET, aws.credentials(Destination::in_region(REGION))) {
            Ok(credentials) => {
                let keys = [
                    credentials.access_key_id(),
                    credentials.secret_access_key(),
                    credentials.session_token().expect("a session"),
                ];
                // Otherwise the SDK would panic at the next request.
                assert!(
                    keys.iter()
                        .all(|key| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic()))
                );
                assert!(credentials.expiry().is_some());
            }
            Err(error) => says_no_secret(&error, &body),
        },
    }
}

fn token(aws: &Aws<'_>, env: &Env, identity: &Identity, host: &str, body: &str) {
    let registry = Registry::parse(host).expect("an ECR host");
    let endpoint = Endpoint::for_registry(&registry, env, identity).expect("no settings");
    match within(BUDGET, aws.authorization_token(&registry, &endpoint)) {
        Ok(token) => {
            let password = token.password.expose();
            assert!(!password.is_empty() && !password.contains(char::is_control));
            assert!(!format!("{token:?}").contains(password) || password.len() < 12);
        }
        Err(error) => says_no_secret(&error, body),
    }
}

/// Checks that an error shows nothing of an answer except AWS's own message.
fn says_no_secret(error: &Error, body: &str) {
    is_fit_to_read(error);
    let lower = body.to_lowercase();
    if !["message", "code", "type", "error"]
        .iter()
        .any(|word| lower.contains(word))
    {
        assert!(!error.to_string().contains(SECRET), "{error}");
    }
}

fn of_role(env: &Env) -> Result<Identity, Error> {
    let role = RoleSettings {
        role_arn: Some(ROLE.to_owned()),
        ..RoleSettings::default()
    };
    let registry = Registry::parse("111122223333.dkr.ecr.eu-west-1.amazonaws.com").expect("an ECR host");
    Identity::choose(role.into(), &IdentityScope::from(&registry), env)
}

fn environment() -> Env {
    [
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        ("AWS_MAX_ATTEMPTS", "1"),
        ("AWS_REGION", REGION),
    ]
    .into_iter()
    .collect()
}
