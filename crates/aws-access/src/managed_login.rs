//! The requests to a user pool's managed login that the browser does not send. They use the roots, the proxy and the limits of every call.

use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http_body_util::BodyExt;
use zeroize::Zeroizing;

use crate::client::Aws;
use crate::cognito::PerCallTimeout;
use crate::net::{NETWORK_HINT, connection_code, root_cause};
use cognito::managed_login::{LoginCalls, LoginResponse};
use diagnostics::{Code, Error, Result};
use secret::Secret;

const WHAT: &str = "the managed login";

impl LoginCalls for PerCallTimeout<'_> {
    async fn get(&self, address: &str) -> Result<LoginResponse> {
        self.ask("GET", address, None, None).await
    }

    async fn post(&self, address: &str, form: Secret, credentials: Option<Secret>) -> Result<LoginResponse> {
        self.ask("POST", address, Some(form), credentials).await
    }
}

impl PerCallTimeout<'_> {
    /// Sends one request, once: a code can be used only once.
    async fn ask(
        &self,
        method: &str,
        address: &str,
        form: Option<Secret>,
        credentials: Option<Secret>,
    ) -> Result<LoginResponse> {
        let aws = Aws::new(self.env, self.identity, self.budget)?.shown_on(self.progress);
        let request = request(method, address, form.as_ref(), credentials.as_ref())?;
        let answer = match tokio::time::timeout(self.budget, exchange(&aws, request)).await {
            Ok(answer) => answer,
            Err(_) => Err(
                Error::failed(Code::Timeout, WHAT, aws.observer.last_request.at(crate::net::NO_ANSWER))
                    .hint(NETWORK_HINT),
            ),
        };
        aws.observer.last_request.ends();
        answer
    }
}

async fn exchange(aws: &Aws<'_>, request: HttpRequest) -> Result<LoginResponse> {
    let answer = aws.connections.call(request).await.map_err(|error| {
        let cause = root_cause(&error);
        let code = connection_code(&cause);
        Error::failed(code, WHAT, aws.observer.last_request.at(cause)).hint(aws.network_hint(&error))
    })?;
    let status = answer.status().as_u16();
    let location = answer.headers().get("location").map(str::to_owned);
    let body = answer.into_body().collect().await.map_err(|error| {
        let cause = format!("its answer can't be read: {}", root_cause(&*error));
        Error::failed(Code::OddAnswer, WHAT, aws.observer.last_request.at(cause)).hint(NETWORK_HINT)
    })?;
    let body = Zeroizing::new(body.to_bytes().to_vec());
    Ok(LoginResponse {
        status,
        location,
        body: Secret::new(std::str::from_utf8(&body).unwrap_or_default()),
    })
}

fn request(method: &str, address: &str, form: Option<&Secret>, credentials: Option<&Secret>) -> Result<HttpRequest> {
    let odd = |cause: String| Error::failed(Code::OddAnswer, WHAT, cause);
    let body = form.map_or_else(SdkBody::empty, |form| SdkBody::from(form.expose()));
    let mut request = HttpRequest::new(body);
    request.set_method(method).map_err(|error| odd(error.to_string()))?;
    request
        .set_uri(address.to_owned())
        .map_err(|error| odd(root_cause(&error)))?;
    let kind = form.map(|_| ("content-type", "application/x-www-form-urlencoded".to_owned()));
    let basic = credentials.map(|text| ("authorization", format!("Basic {}", text.expose())));
    for (name, value) in kind.into_iter().chain(basic) {
        let added = request.headers_mut().try_insert(name.to_owned(), value);
        added.map_err(|error| odd(error.to_string()))?;
    }
    Ok(request)
}
