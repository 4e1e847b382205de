//! Credentials from services of this machine: EC2's instance metadata service, and a container's endpoint.
//!
//! Both take requests without a signature, and respond with the same JSON.
//! - <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html>
//! - <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::HttpConnector;
use serde::Deserialize;
use tokio::time::{sleep, timeout};

use crate::client::{Aws, attempt_limit, whole_number};
use crate::endpoint::{check_container, metadata_address};
use crate::expiration;
use crate::identity::{NO_METADATA, is_metadata_off};
use crate::net::{NO_ANSWER, certificate_hint, code_and_message, plain_request, read_body, root_cause};
use crate::profile_credentials::without_values;
use context::variables;
use diagnostics::{Code, Error, Result, without_userinfo};
use secret::Secret;

/// The default time for the instance metadata service. Outside EC2, a `get` must end within 2 s.
const LIMIT: Duration = Duration::from_millis(1700);
/// The default time limit of one request.
const REQUEST_LIMIT: Duration = Duration::from_secs(1);
/// The default number of attempts in that time.
const ATTEMPTS: u32 = 3;
/// The first pause before a request is sent again. The next one is twice as long.
const PAUSE: Duration = Duration::from_millis(100);

const CONTAINER_HINT: &str = "AWS_CONTAINER_CREDENTIALS_* name that address: check that the task or pod has a role";

/// Why an answer with a broken end is not used.
const NOT_A_TIME: &str = "the Expiration in the answer is not a time";

const EXPIRATION_HINT: &str =
    "AWS_CONTAINER_CREDENTIALS_* name that address: its Expiration must be a time, such as 2026-01-31T12:00:00Z";

/// The hint for a container on EC2 that cannot reach the service.
const HOPS: &str = "in a container on EC2, allow one more hop: aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2; where the service is slow, raise AWS_METADATA_SERVICE_TIMEOUT";

/// How the cause begins if the service has nothing at an address.
const NOT_FOUND: &str = "HTTP status 404";

const SESSIONS: &str = "/latest/api/token";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

/// The time limits of a request.
struct Patience {
    request: Duration,
    attempts: u32,
    in_all: Duration,
}

/// A request to a metadata service.
struct SourceRequest<'a> {
    method: &'a str,
    url: &'a str,
    headers: &'a [(&'a str, &'a str)],
    /// Whether it goes straight to the server, whatever proxy the environment names.
    is_direct: bool,
}

/// A failed attempt, its cause, and whether another one may help.
struct FailedAttempt {
    cause: String,
    may_help: bool,
}

impl Aws<'_> {
    /// Returns the credentials of a container.
    ///
    /// # Errors
    /// The address may not be used, its server refuses, or does not respond.
    pub(crate) async fn container(&self, uri: &str, token: Option<&Secret>) -> Result<Credentials> {
        check_container(uri)?;
        let patience = Patience {
            request: attempt_limit(self.budget),
            attempts: self.retry.max_attempts(),
            in_all: self.time_left(),
        };
        let token = token.map(|token| ("authorization", token.expose()));
        let headers: Vec<_> = [("accept", "application/json")].into_iter().chain(token).collect();
        let request = SourceRequest {
            method: "GET",
            url: uri,
            headers: &headers,
            is_direct: false,
        };
        let asked = self.ask(&request, &patience, SourceAnswer::credentials);
        let found = timeout(patience.in_all, asked).await;
        found.unwrap_or_else(|_| Err(NO_ANSWER.to_owned())).map_err(|cause| {
            let what = format!("cannot get the container's credentials from {}", without_userinfo(uri));
            let own_hint = if cause == NOT_A_TIME {
                EXPIRATION_HINT
            } else {
                CONTAINER_HINT
            };
            let (code, hint) = certificate_hint(&cause).unwrap_or((Code::ContainerCredentials, own_hint));
            Error::failed(code, what, cause).hint(hint)
        })
    }

    /// Returns the credentials of the instance's role, by IMDSv2.
    ///
    /// # Errors
    /// The service is switched off, its address may not be used, it does not exist, or the instance has no role.
    pub(crate) async fn instance_metadata(&self) -> Result<Credentials> {
        if is_metadata_off(self.env) {
            return Err(self.identity.no_credentials(NO_METADATA));
        }
        let address = metadata_address(self.env, self.identity)?;
        let patience = self.metadata_patience()?;
        let found = timeout(patience.in_all, self.instance_credentials(&address, &patience)).await;
        let cause = match found {
            Ok(Ok(credentials)) => return Ok(credentials),
            Ok(Err(cause)) => cause,
            Err(_) => self.refusal().unwrap_or_else(|| NO_ANSWER.to_owned()),
        };
        let last = &self.observer.last_request;
        if cause == NOT_A_TIME {
            let last = format!("and the instance metadata service's can't be used ({})", last.at(cause));
            return Err(self.identity.no_credentials(&last));
        }
        if cause != NO_ANSWER {
            let last = format!("and the instance metadata service has none either ({})", last.at(cause));
            return Err(self.identity.no_credentials(&last));
        }
        let address = last
            .address()
            .map(|address| format!(" ({address})"))
            .unwrap_or_default();
        let last = format!("and no instance metadata service answered in time{address}");
        let error = self.identity.no_credentials(&last);
        let hint = error.hint_text().unwrap_or_default().to_owned();
        Err(error.hint(format!("{hint}; {HOPS}")))
    }

    async fn instance_credentials(&self, address: &str, patience: &Patience) -> Result<Credentials, String> {
        let session = SourceRequest {
            method: "PUT",
            url: &format!("{address}{SESSIONS}"),
            // Six hours, the longest session.
            headers: &[("x-aws-ec2-metadata-token-ttl-seconds", "21600")],
            is_direct: true,
        };
        let session = self.ask(&session, patience, session_token).await;
        let session = session.map_err(|cause| match cause.starts_with(NOT_FOUND) {
            true => format!("it knows no sessions of IMDSv2: {cause}"),
            false => cause,
        })?;
        let headers = [("x-aws-ec2-metadata-token", session.expose())];
        let get = |url| SourceRequest {
            method: "GET",
            url,
            headers: &headers,
            is_direct: true,
        };
        let roles = format!("{address}{ROLES}");
        let role = self.ask(&get(&roles), patience, role_name).await?;
        let keys = format!("{roles}{role}");
        self.ask(&get(&keys), patience, SourceAnswer::credentials).await
    }

    /// Returns the time limits of the instance metadata service. AWS's settings count as in the AWS CLI.
    fn metadata_patience(&self) -> Result<Patience> {
        let setting = |names| whole_number(self.env, self.identity, names);
        let seconds = setting((variables::AWS_METADATA_SERVICE_TIMEOUT, "metadata_service_timeout"))?;
        let attempts = (
            variables::AWS_METADATA_SERVICE_NUM_ATTEMPTS,
            "metadata_service_num_attempts",
        );
        let attempts = setting(attempts)?;
        Ok(match (seconds, attempts) {
            (None, None) => Patience {
                request: REQUEST_LIMIT,
                attempts: ATTEMPTS,
                in_all: LIMIT.min(self.time_left()),
            },
            (seconds, attempts) => Patience {
                request: seconds.map_or(REQUEST_LIMIT, |seconds| Duration::from_secs(seconds.into())),
                attempts: attempts.unwrap_or(1),
                in_all: self.time_left(),
            },
        })
    }

    /// Sends a request until its response can be read, or another attempt cannot help.
    async fn ask<T>(
        &self,
        request: &SourceRequest<'_>,
        patience: &Patience,
        read: fn(&Secret) -> Result<T, String>,
    ) -> Result<T, String> {
        let mut attempt = 1;
        loop {
            let tried = timeout(patience.request, self.attempt_request(request, read)).await;
            let tried = tried.unwrap_or_else(|_| {
                Err(FailedAttempt {
                    cause: NO_ANSWER.to_owned(),
                    may_help: true,
                })
            });
            match tried {
                Err(failed) if failed.may_help && attempt < patience.attempts => {
                    let pause = PAUSE * 2_u32.saturating_pow(attempt.min(4) - 1);
                    sleep(pause + pause.mul_f64(fastrand::f64())).await;
                    attempt += 1;
                }
                done => return done.map_err(|failed| failed.cause),
            }
        }
    }

    async fn attempt_request<T>(
        &self,
        request: &SourceRequest<'_>,
        read: fn(&Secret) -> Result<T, String>,
    ) -> Result<T, FailedAttempt> {
        let failed = |cause, may_help| FailedAttempt { cause, may_help };
        let sent = plain_request(request.method, request.url, request.headers);
        let sent = sent.map_err(|error| failed(root_cause(&error), false))?;
        let answer = match request.is_direct {
            true => self.connections.call_directly(sent),
            false => self.connections.call(sent),
        };
        let answer = answer.await;
        let answer = answer.map_err(|error| failed(root_cause(&error), true))?;
        let status = answer.status();
        if !status.is_success() {
            let cause = self
                .refusal()
                .unwrap_or_else(|| format!("HTTP status {}", status.as_u16()));
            return Err(failed(cause, status.is_server_error()));
        }
        let body = read_body(answer).await;
        let body = body.map_err(|error| failed(root_cause(&*error), true))?;
        read(&body).map_err(|cause| failed(cause, true))
    }

    /// Returns how the server that was asked last refused.
    fn refusal(&self) -> Option<String> {
        Some(self.observer.last_request.refusal()?.to_string())
    }
}

/// Returns the id of a metadata session. It goes into a header.
fn session_token(answer: &Secret) -> Result<Secret, String> {
    let token = answer.expose().trim();
    let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    is_token
        .then(|| Secret::new(token))
        .ok_or_else(|| "the answer holds no session".to_owned())
}

/// Returns the name of the instance's role: letters, digits and `+=,.@_-`. It goes into an address.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html>
fn role_name(answer: &Secret) -> Result<String, String> {
    let name = answer.expose().trim();
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_allowed) {
        return Err("what it gives as the instance's role is not a role name".to_owned());
    }
    Ok(name.to_owned())
}

/// The JSON response of both services.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SourceAnswer {
    #[serde(alias = "code")]
    code: Option<String>,
    #[serde(alias = "message")]
    message: Option<String>,
    #[serde(default, alias = "accessKeyId", deserialize_with = "secret::exposed::optional")]
    access_key_id: Option<Secret>,
    #[serde(default, alias = "secretAccessKey", deserialize_with = "secret::exposed::optional")]
    secret_access_key: Option<Secret>,
    #[serde(default, alias = "token", deserialize_with = "secret::exposed::optional")]
    token: Option<Secret>,
    /// The token's name outside AWS.
    #[serde(default, alias = "sessionToken", deserialize_with = "secret::exposed::optional")]
    session_token: Option<Secret>,
    #[serde(alias = "expiration")]
    expiration: Option<String>,
}

impl SourceAnswer {
    /// Reads the credentials of a response.
    fn credentials(text: &Secret) -> Result<Credentials, String> {
        let odd = |what: &str| format!("the answer holds no credentials: {what}");
        let answer: Self = serde_json::from_str(text.expose()).map_err(|error| odd(&without_values(&error)))?;
        if let Some(code) = answer.code.filter(|code| !code.is_empty() && code != "Success") {
            return Err(code_and_message(Some(&code), answer.message.as_deref()));
        }
        let id = answer.access_key_id.ok_or_else(|| odd("AccessKeyId is missing"))?;
        let secret = answer
            .secret_access_key
            .ok_or_else(|| odd("SecretAccessKey is missing"))?;
        let expires_at = match answer.expiration.filter(|time| !time.is_empty()) {
            Some(time) => Some(expiration::parse(&time).ok_or(NOT_A_TIME)?),
            None => None,
        };
        let token = answer.token.or(answer.session_token);
        let token = token.map(|token| token.expose().to_owned());
        Ok(Credentials::new(
            id.expose(),
            secret.expose(),
            token,
            expires_at,
            "metadata",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roles_name_is_one_before_it_becomes_an_address() {
        let name = |body: &str| role_name(&Secret::new(body)).ok();
        assert_eq!(name("a-role_1+=,.@\n").as_deref(), Some("a-role_1+=,.@"));
        assert_eq!(name("role\r\n").as_deref(), Some("role"));
        for odd in ["", "\n", "a b", "a\nb", "../x", "{\"a\":1}", "é"] {
            assert_eq!(name(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_session_can_stand_in_a_header() {
        let token = |body: &str| session_token(&Secret::new(body)).ok();
        assert_eq!(token("AQAEA==\n"), Some(Secret::new("AQAEA==")));
        for odd in ["", " ", "a b", "a\nb", "é"] {
            assert_eq!(token(odd), None, "{odd}");
        }
    }

    fn read(answer: &str) -> Result<Credentials, String> {
        SourceAnswer::credentials(&Secret::new(answer))
    }

    #[test]
    fn an_empty_field_of_an_answer_is_a_missing_one() {
        let keys = r#""AccessKeyId":"AKIA1","SecretAccessKey":"s""#;
        let with = |rest: &str| read(&format!("{{{keys}{rest}}}"));
        for none in [
            "",
            r#","Token":"""#,
            r#","Token":null"#,
            r#","Token":"","Expiration":"","Code":"","Message":"""#,
        ] {
            let found = with(none).unwrap();
            assert_eq!((found.session_token(), found.expiry()), (None, None), "{none}");
        }
        for token in [
            r#","Token":"t""#,
            r#","SessionToken":"t""#,
            r#","Token":"","SessionToken":"t""#,
        ] {
            assert_eq!(with(token).unwrap().session_token(), Some("t"), "{token}");
        }
        for missing in [
            r#"{"AccessKeyId":"","SecretAccessKey":"s"}"#,
            r#"{"AccessKeyId":"AKIA1"}"#,
            "{}",
        ] {
            assert!(read(missing).unwrap_err().ends_with("is missing"), "{missing}");
        }
    }

    #[test]
    fn an_answer_ends_when_it_says() {
        let end = |text: &str| {
            let answer =
                format!(r#"{{"AccessKeyId":"AKIA1","SecretAccessKey":"s","Token":"t","Expiration":"{text}"}}"#);
            Ok::<_, String>(read(&answer)?.expiry())
        };
        let expected = expiration::parse("2026-11-28T21:00:00Z");
        for same in [
            "2026-11-28T21:00:00Z",
            "2026-11-28T22:00:00+01:00",
            "2026-11-28T21:00:00UTC",
        ] {
            assert_eq!(end(same), Ok(expected), "{same}");
        }
        assert_eq!(end("soon"), Err(NOT_A_TIME.to_owned()));
    }

    #[test]
    fn what_an_answer_refuses_is_said_without_a_value_of_it() {
        let refused = read(r#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"EC2 cannot assume the role"}"#);
        assert_eq!(
            refused.unwrap_err(),
            "AssumeRoleUnauthorizedAccess: EC2 cannot assume the role"
        );
        for odd in [
            r#"{"AccessKeyId":["s3cret"]}"#,
            r#"["s3cret"]"#,
            "s3cret",
            "<html>s3cret",
            "",
        ] {
            let told = read(odd).unwrap_err();
            assert!(
                told.starts_with("the answer holds no credentials: ") && !told.contains("s3cret"),
                "{told}"
            );
        }
    }
}
