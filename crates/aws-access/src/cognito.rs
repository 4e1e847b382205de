//! The calls to Cognito: unsigned JSON over HTTPS. There are few, so no SDK with 130 operations is needed.
//! Why: docs/decisions/0004-cognito-without-its-sdk.md

use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use serde::Deserialize;
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use crate::client::Aws;
use crate::denial::IssuedToken;
use crate::endpoint::{Endpoint, EndpointKind, Service};
use crate::failure::{ODD_ANSWER_HINT, code_of_status};
use crate::identity::{CredentialSource, Identity};
use crate::job_sign_in::complete_hint;
use crate::net::{NETWORK_HINT, NO_ANSWER, ObservedTransport, ServerClock, connection_code, root_cause};
use crate::sign_in::{Destination, sts_in};
use crate::sts::RoleCall;
use cognito::{
    self, CallFailure, CallRefusal, CognitoCalls, CognitoService, OpenIdToken, ProviderLogin, RefreshTokenStore, User,
};
use context::{Env, Progress};
use diagnostics::{Code, Error, Result};
use private_files::{TOKEN_LIMIT, read_secret};
use secret::Secret;
use secret_cache::Cache;
use settings::{CognitoSettings, IdentityFlow, RoleSettings, SignIn};

/// The first pause before a call is tried again. The next one is twice as long.
const PAUSE: Duration = Duration::from_millis(200);

/// Returns the service as AWS's settings know it, and the prefix of its calls' targets.
fn names(service: CognitoService) -> (Service, &'static str) {
    match service {
        CognitoService::UserPool => (Service::CognitoUserPools, "AWSCognitoIdentityProviderService"),
        CognitoService::IdentityPool => (Service::CognitoIdentityPools, "AWSCognitoIdentityService"),
    }
}

/// The body of an error. `__type` may have a namespace before a `#`. One of the two services writes `message` in lower case.
#[derive(Deserialize)]
struct ErrorBody {
    #[serde(rename = "__type", alias = "code")]
    code: Option<String>,
    #[serde(alias = "Message")]
    message: Option<String>,
}

/// A failed call, and whether another attempt may help.
struct FailedCall {
    failure: CallFailure,
    may_help: bool,
}

impl CognitoCalls for Aws<'_> {
    async fn call(
        &self,
        service: CognitoService,
        region: &str,
        operation: &'static str,
        request: Secret,
    ) -> Result<Secret, CallFailure> {
        let address = address(service, region, self.env, self.identity)?;
        let call = CognitoCall {
            service,
            region,
            operation,
            address: &address,
            request: &request,
        };
        let mut attempt = 1;
        loop {
            match self.attempt(&self.connections, &call).await {
                Err(tried) if tried.may_help && attempt < self.retry.max_attempts() => {
                    let pause = PAUSE * 2_u32.saturating_pow(attempt.min(4) - 1);
                    tokio::time::sleep(pause + pause.mul_f64(fastrand::f64())).await;
                    attempt += 1;
                }
                done => return done.map_err(|tried| tried.failure),
            }
        }
    }

    fn server_time(&self) -> SystemTime {
        self.observer.clock.server_time(SystemTime::now())
    }
}

/// Makes the calls of a sign-in in which a person answers questions. Each call has its own time limit, so the person's time does not count.
#[derive(Debug)]
pub struct PerCallTimeout<'a> {
    pub(crate) env: &'a Env,
    pub(crate) identity: &'a Identity,
    pub(crate) budget: Duration,
    pub(crate) progress: &'a Progress,
    clock: Mutex<ServerClock>,
}

impl<'a> PerCallTimeout<'a> {
    /// Gives each call `budget`. `progress` shows which server is being waited for.
    pub fn new(env: &'a Env, identity: &'a Identity, budget: Duration, progress: &'a Progress) -> Self {
        Self {
            env,
            identity,
            budget,
            progress,
            clock: Mutex::default(),
        }
    }

    /// Returns the address of the user pools of a region.
    ///
    /// # Errors
    /// An address from AWS's settings may not be used.
    pub fn address(&self, region: &str) -> Result<String> {
        address(CognitoService::UserPool, region, self.env, self.identity)
    }
}

impl CognitoCalls for PerCallTimeout<'_> {
    async fn call(
        &self,
        service: CognitoService,
        region: &str,
        operation: &'static str,
        request: Secret,
    ) -> Result<Secret, CallFailure> {
        let aws = Aws::new(self.env, self.identity, self.budget)?.shown_on(self.progress);
        let answer = aws.call(service, region, operation, request).await;
        // After the call, the user may be asked a question.
        aws.observer.last_request.ends();
        if let Ok(mut clock) = self.clock.lock() {
            *clock = aws.observer.clock;
        }
        answer
    }

    fn server_time(&self) -> SystemTime {
        let now = SystemTime::now();
        self.clock.lock().map_or(now, |clock| clock.server_time(now))
    }
}

struct CognitoCall<'a> {
    service: CognitoService,
    region: &'a str,
    operation: &'static str,
    address: &'a str,
    request: &'a Secret,
}

impl Aws<'_> {
    async fn attempt(&self, connector: &ObservedTransport, call: &CognitoCall<'_>) -> Result<Secret, FailedCall> {
        let time = self.attempt_time(call);
        match tokio::time::timeout(time, self.exchange(connector, call)).await {
            Ok(done) => done,
            Err(_) => Err(FailedCall {
                failure: Error::failed(Code::Timeout, call.name(), self.observer.last_request.at(NO_ANSWER))
                    .hint(NETWORK_HINT)
                    .into(),
                may_help: call.is_repeatable(),
            }),
        }
    }

    async fn exchange(&self, connector: &ObservedTransport, call: &CognitoCall<'_>) -> Result<Secret, FailedCall> {
        let failed = |code, cause: String, hint: &str, may_help| FailedCall {
            failure: Error::failed(code, call.name(), self.observer.last_request.at(cause))
                .hint(hint)
                .into(),
            may_help,
        };
        let request = call.request().map_err(|failure| FailedCall {
            failure,
            may_help: false,
        })?;
        let answer = connector.call(request).await;
        let lost = call.is_repeatable();
        let answer = answer.map_err(|error| {
            let cause = root_cause(&error);
            failed(connection_code(&cause), cause, &self.network_hint(&error), lost)
        })?;
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await;
        let body = body.map_err(|error| {
            let cause = format!("the answer is not what the service sends: {}", root_cause(&*error));
            failed(Code::OddAnswer, cause, NETWORK_HINT, lost)
        })?;
        let body = Zeroizing::new(body.to_bytes().to_vec());
        if status == 200 {
            // Only this place knows which server answered, so it checks that the body is JSON. The caller checks what the JSON holds.
            let is_json = serde_json::from_slice::<IgnoredAny>(&body).is_ok();
            let text = std::str::from_utf8(&body).ok().filter(|_| is_json);
            let odd = || "the answer is not what the service sends: it is not JSON".to_owned();
            return text
                .map(Secret::new)
                .ok_or_else(|| failed(Code::OddAnswer, odd(), ODD_ANSWER_HINT, false));
        }
        // The server may have done its work before it failed, or before a proxy gave up on it.
        let may_help = status >= 500 && lost;
        match call.refusal(&body) {
            Some(refusal) => Err(FailedCall {
                may_help: may_help || is_throttled(&refusal.code),
                failure: CallFailure::Refused(refusal),
            }),
            None => {
                let cause = format!("the answer is HTTP status {status} and no error of AWS's");
                Err(failed(code_of_status(status), cause, ODD_ANSWER_HINT, may_help))
            }
        }
    }

    /// Returns credentials for a user of Cognito who has signed in before or has another provider's token.
    ///
    /// # Errors
    /// No user is signed in, or Cognito or STS refuses.
    pub(crate) async fn cognito(&self, settings: &CognitoSettings, to: Destination<'_>) -> Result<Credentials> {
        let login = match &self.login {
            Some(login) => login.clone(),
            None => self.cognito_login(settings).await?,
        };
        self.credentials_for_login(settings, &login, to).await
    }

    async fn credentials_for_login(
        &self,
        settings: &CognitoSettings,
        login: &ProviderLogin,
        to: Destination<'_>,
    ) -> Result<Credentials> {
        if settings.identity_flow == IdentityFlow::Classic {
            let OpenIdToken(token) = cognito::open_id_token(self, settings, login)
                .await
                .map_err(Error::from)?;
            let sts = sts_in(settings.identity_pool_region(), self.env, self.identity, to)?;
            return self.classic_session(settings, &token, &sts).await;
        }
        let found = cognito::credentials(self, settings, login).await.map_err(Error::from)?;
        Ok(Credentials::new(
            found.access_key_id,
            found.secret_access_key.expose(),
            Some(found.session_token.expose().to_owned()),
            Some(self.observer.clock.to_ours(found.expires_at)),
            "cognito",
        ))
    }

    /// Returns the session of the classic flow, which STS gives for the identity pool's token.
    async fn classic_session(&self, settings: &CognitoSettings, token: &Secret, sts: &Endpoint) -> Result<Credentials> {
        let role = settings.role_arn.as_deref().unwrap_or_default();
        let narrowed = RoleSettings {
            duration: settings.duration,
            policy: settings.policy.clone(),
            ..RoleSettings::default()
        };
        let call = RoleCall::only(role, "ecr-auth", &narrowed);
        let issued = IssuedToken {
            token,
            audience: &settings.identity_pool_id,
            place: None,
        };
        self.assume_with_token(&call, &issued, sts).await
    }

    /// Returns the login of a user who has signed in before, renewed, or of a user who has another provider's token.
    ///
    /// # Errors
    /// No user is signed in, a token cannot be read, or Cognito refuses.
    pub(crate) async fn cognito_login(&self, settings: &CognitoSettings) -> Result<ProviderLogin> {
        match settings.sign_in()? {
            SignIn::Provider { key, token_file } => {
                let what = format!("the token in {}", token_file.display());
                let token = read_secret(token_file, TOKEN_LIMIT);
                let token = token.map_err(|error| {
                    Error::failed(Code::TokenFile, &what, error)
                        .hint("id-token-file names the file that holds the provider's token")
                })?;
                Ok(ProviderLogin {
                    key: key.to_owned(),
                    token: Secret::new(token.expose().trim()),
                })
            }
            SignIn::UserPool { .. } => {
                let cache = Cache::from_env(self.env);
                let explain = |error| complete_hint(error, settings, self.env);
                let no_username = || explain(cognito::no_username(settings, &cache, SystemTime::now()));
                let username = settings.username.as_deref().ok_or_else(no_username)?;
                let user = User::from_settings(settings, username, self.env)?;
                let address = address(CognitoService::UserPool, &user.region, self.env, self.identity)?;
                let kept = RefreshTokenStore::for_user(&cache, &user, &address);
                let signed_in = kept.tokens(&user, self, &SystemTime::now, self.deadline).await;
                let signed_in = signed_in.map_err(|failure| explain(Error::from(failure)))?;
                Ok(signed_in.login(&user))
            }
        }
    }

    /// Returns the time limit of one attempt: all the time, if the call cannot be repeated.
    fn attempt_time(&self, call: &CognitoCall<'_>) -> Duration {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if !call.is_repeatable() {
            return left;
        }
        let whole = self.timeouts.operation_attempt_timeout();
        whole.map_or(left, |whole| whole.min(left))
    }
}

/// Whether the sign-in to the user pool is still kept from which a cached secret came. `true` for users of other providers, who show a token each
/// time.
pub(crate) fn is_signed_in(
    settings: &CognitoSettings,
    identity: &Identity,
    env: &Env,
    cache: &Cache,
    now: SystemTime,
) -> Result<bool> {
    let (SignIn::UserPool { .. }, Some(username)) = (settings.sign_in()?, settings.username.as_deref()) else {
        return Ok(true);
    };
    let user = User::from_settings(settings, username, env)?;
    let address = address(CognitoService::UserPool, &user.region, env, identity)?;
    Ok(RefreshTokenStore::for_user(cache, &user, &address).is_there(now))
}

/// Returns why a user of a Cognito user pool would be refused at once: the user has not signed in. It calls no service.
pub fn not_signed_in(identity: &Identity, env: &Env, now: SystemTime) -> Option<Error> {
    let CredentialSource::Cognito(settings) = &identity.source else {
        return None;
    };
    let cache = Cache::from_env(env);
    if let Err(error) = identity.require_user(&cache, env, now) {
        return Some(error);
    }
    let is_known = is_signed_in(settings, identity, env, &cache, now);
    let username = settings.username.as_deref()?;
    matches!(is_known, Ok(false)).then(|| complete_hint(cognito::not_signed_in(username), settings, env))
}

/// Returns the address of a service of Cognito in a region.
fn address(service: CognitoService, region: &str, env: &Env, identity: &Identity) -> Result<String> {
    let (service, _) = names(service);
    Endpoint::for_service(service, region, EndpointKind::default(), env, identity)?.address()
}

impl CognitoCall<'_> {
    /// Whether the call can be repeated after its response was lost. A call that uses up a session, a code or a rotating token cannot: the second
    /// response would say that the password is wrong.
    fn is_repeatable(&self) -> bool {
        matches!(
            self.operation,
            "InitiateAuth" | "GetId" | "GetCredentialsForIdentity" | "GetOpenIdToken" | "RevokeToken"
        )
    }

    fn name(&self) -> String {
        let (service, _) = names(self.service);
        format!("{} ({}) {}", service.name(), self.region, self.operation)
    }

    fn request(&self) -> Result<HttpRequest, CallFailure> {
        let (_, target) = names(self.service);
        let odd = |cause: String| CallFailure::Failed(Error::failed(Code::OddAnswer, self.name(), cause));
        let mut request = HttpRequest::new(SdkBody::from(self.request.expose()));
        request.set_method("POST").map_err(|error| odd(error.to_string()))?;
        request
            .set_uri(self.address.to_owned())
            .map_err(|error| odd(root_cause(&error)))?;
        let target = format!("{target}.{}", self.operation);
        for (name, value) in [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", &target),
        ] {
            let added = request.headers_mut().try_insert(name.to_owned(), value.to_owned());
            added.map_err(|error| odd(error.to_string()))?;
        }
        Ok(request)
    }

    fn refusal(&self, body: &[u8]) -> Option<CallRefusal> {
        let refused: ErrorBody = serde_json::from_slice(body).ok()?;
        let code = refused.code?;
        let code = code.rsplit('#').next().unwrap_or_default();
        Some(CallRefusal {
            service: self.service,
            region: self.region.to_owned(),
            operation: self.operation,
            code: code.to_owned(),
            message: refused.message.unwrap_or_default(),
        })
    }
}

fn is_throttled(code: &str) -> bool {
    matches!(code, "TooManyRequestsException" | "ThrottlingException" | "Throttling")
}
