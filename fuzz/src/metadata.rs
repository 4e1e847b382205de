//! Answers of the instance metadata service and of the container credential endpoint.

use aws_access::identity::{ChainSource, CredentialSource, IdentityScope};
use aws_access::net::within;
use aws_access::{Aws, Destination, Identity};
use context::Env;
use settings::IdentitySettings;

use super::canned::{Answer, BUDGET, Canned, client};
use super::inputs::{is_fit_to_read, parts, text};

const CONTAINER: (&str, &str) = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials");

/// One attempt, so that nothing waits.
const ONE_TRY: (&str, &str) = ("AWS_MAX_ATTEMPTS", "1");
const ONE_REQUEST: (&str, &str) = ("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "1");

/// The secret text in the keys of the corpora.
const SECRET: &str = "s3cret";

/// The input: the answers to the requests for a session, for the role's name, and for the keys.
pub fn imds(input: &[u8]) {
    let Some(input) = text(input) else { return };
    let answers: [&str; 3] = parts(input);
    let client = client(answers.map(Answer::read));
    ask(client, &[ONE_TRY, ONE_REQUEST].into_iter().collect(), input);
}

/// The input: the answer.
pub fn container(input: &[u8]) {
    let Some(input) = text(input) else { return };
    let env: Env = [CONTAINER, ONE_TRY].into_iter().collect();
    ask(client([Answer::read(input)]), &env, input);
}

fn ask(client: Canned, env: &Env, input: &str) {
    let identity =
        Identity::choose(IdentitySettings::default(), &IdentityScope::of_region("eu-west-1"), env).expect("a source");
    let is_container = matches!(identity.source, CredentialSource::Chain(ChainSource::Container { .. }));
    let aws = Aws::answered_by(client, env, &identity, BUDGET).expect("nothing to set up");
    match within(BUDGET, aws.credentials(Destination::in_region("eu-west-1"))) {
        Ok(credentials) => {
            assert!(input.contains("ccess"), "keys out of nothing");
            let keys = [credentials.access_key_id(), credentials.secret_access_key()];
            assert!(
                keys.iter()
                    .all(|key| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_graphic()))
            );
        }
        Err(error) => {
            is_fit_to_read(&error);
            // The response's own message about missing credentials is shown.
            if is_container && !input.to_lowercase().contains("message") && !input.to_lowercase().contains("code") {
                assert!(!error.to_string().contains(SECRET), "{error}");
            }
        }
    }
}
