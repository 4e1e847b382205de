//! Answers of the instance metadata service on which the SDK would panic, put right or refused before it sees them.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http_body_util::{BodyExt, Limited};

use super::BODY_LIMIT;

/// What ends the address that names the instance's role. The SDK makes the next address of the answer, and panics where it can't.
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// How long a session with the service lasts, in seconds. The SDK adds it to the time without a look at it.
const SESSION: &str = "x-aws-ec2-metadata-token-ttl-seconds";

/// Six hours are the most that there are.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>
const LONGEST_SESSION: u64 = 21_600;

/// The answer of this address, if it is one that the SDK can take.
///
/// # Errors
/// The role's name is none.
pub async fn checked(address: &str, mut answer: HttpResponse) -> Result<HttpResponse, ConnectorError> {
    let session = answer
        .headers()
        .get(SESSION)
        .and_then(|seconds| seconds.parse::<u64>().ok());
    if session.is_some_and(|seconds| seconds > LONGEST_SESSION) {
        answer.headers_mut().insert(SESSION, LONGEST_SESSION.to_string());
    }
    if answer.status().is_success() && address.ends_with(ROLES) {
        let body = std::mem::replace(answer.body_mut(), SdkBody::taken());
        let name = Limited::new(body, BODY_LIMIT).collect().await;
        let name = name.map_err(|error| ConnectorError::other(error, None))?.to_bytes();
        let name = name.trim_ascii();
        if !is_role(name) {
            let odd = "what the instance metadata service calls the instance's role is no role's name";
            return Err(ConnectorError::user(odd.into()));
        }
        *answer.body_mut() = SdkBody::from(name);
    }
    Ok(answer)
}

/// Letters, digits and `+=,.@_-`. <https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html>
fn is_role(name: &[u8]) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(byte);
    !name.is_empty() && name.iter().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSIONS: &str = "http://169.254.169.254/latest/api/token";
    const OF_ROLES: &str = "http://169.254.169.254/latest/meta-data/iam/security-credentials/";

    fn answer(address: &str, session: &str, body: &str) -> Option<(String, String)> {
        let answer = http::Response::builder().header(SESSION, session);
        let answer = answer.body(SdkBody::from(body)).unwrap().try_into().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answer = runtime.block_on(checked(address, answer)).ok()?;
        let session = answer.headers().get(SESSION).unwrap().to_owned();
        let body = answer.body().bytes().unwrap().to_vec();
        Some((session, String::from_utf8(body).unwrap()))
    }

    #[test]
    fn a_session_lasts_six_hours_at_most() {
        let lasts = |seconds: &str| answer(SESSIONS, seconds, "token").unwrap().0;
        assert_eq!(lasts("60"), "60");
        assert_eq!(lasts("18446744073709551615"), "21600");
        assert_eq!(lasts("soon"), "soon");
    }

    #[test]
    fn a_roles_name_is_one_before_it_becomes_an_address() {
        let name = |body: &str| answer(OF_ROLES, "1", body).map(|(_, body)| body);
        assert_eq!(name("a-role_1+=,.@\n").as_deref(), Some("a-role_1+=,.@"));
        for odd in ["", "a b", "a\nb", "../x", "{\"a\":1}", "é"] {
            assert_eq!(name(odd), None, "{odd}");
        }
        assert_eq!(answer(&format!("{OF_ROLES}role"), "1", "{}").unwrap().1, "{}");
    }
}
