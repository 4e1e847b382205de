//! An HTTP client that returns canned answers instead of using the network.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

/// The time limit of a call. No call waits here.
pub const BUDGET: Duration = Duration::from_secs(5);

/// An answer, parsed from text: the status, one header a line, an empty line, and the body.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    /// The body of the answer.
    pub body: String,
}

impl Answer {
    /// Parses an answer. An invalid status becomes 200.
    pub fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.trim().parse().ok());
        let status = status.filter(|status| (200..600).contains(status)).unwrap_or(200);
        let headers = lines.filter_map(|line| line.split_once(':'));
        Self {
            status,
            headers: headers
                .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
                .collect(),
            body: body.to_owned(),
        }
    }

    fn response(&self) -> HttpResponse {
        let mut response = http::Response::builder().status(self.status);
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), value.parse::<http::HeaderValue>()) {
                response = response.header(name, value);
            }
        }
        let response = response.body(SdkBody::from(self.body.as_str())).expect("a response");
        response.try_into().unwrap_or_else(|_| {
            // Without the headers, which may be invalid.
            let plain = http::Response::builder()
                .status(self.status)
                .body(SdkBody::from(self.body.as_str()));
            plain.expect("a response").try_into().expect("no odd headers")
        })
    }
}

/// Returns the answers in order, repeats the last one, and records the requests.
#[derive(Debug, Clone)]
pub struct Canned {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    requests: Arc<Mutex<Vec<String>>>,
}

/// Creates a client that returns these answers.
pub fn client(answers: impl IntoIterator<Item = Answer>) -> Canned {
    Canned {
        answers: Arc::new(Mutex::new(answers.into_iter().collect())),
        requests: Arc::default(),
    }
}

impl Canned {
    /// Returns the bodies of the requests so far that are text.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("nobody panicked with it").clone()
    }
}

impl HttpClient for Canned {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Canned {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().and_then(|body| std::str::from_utf8(body).ok());
        let mut requests = self.requests.lock().expect("nobody panicked with it");
        requests.extend(body.map(str::to_owned));
        let mut answers = self.answers.lock().expect("nobody panicked with it");
        let answer = match answers.len() {
            0 | 1 => answers.front().cloned(),
            _ => answers.pop_front(),
        };
        HttpConnectorFuture::ready(Ok(answer.expect("an answer").response()))
    }
}
