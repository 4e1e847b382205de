//! The server that was asked last, and how it refused: for the error of a call that never ends, and where the SDK's words say less than the
//! response.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;

use context::{Progress, Wait};
use diagnostics::one_line;

/// The longest text of a response that is shown, in characters.
const SHOWN: usize = 120;

/// The last of several requests in sequence. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct LastRequest(Arc<Mutex<RequestState>>);

#[derive(Debug, Default)]
struct RequestState {
    last: Option<AskedServer>,
    /// Shows which server is being waited for.
    progress: Progress,
    /// Present until a response arrives.
    wait: Option<Wait>,
}

#[derive(Debug, Clone)]
struct AskedServer {
    scheme: String,
    address: String,
    refusal: Option<RefusedRequest>,
}

/// A response with a status other than 2xx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedRequest {
    status: u16,
    /// The code and message in the response.
    text: Option<String>,
}

/// An error of a credential endpoint, in the JSON form of Amazon ECS's agent.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-response.html>
#[derive(Deserialize)]
struct EndpointError {
    #[serde(alias = "Code")]
    code: String,
    #[serde(alias = "Message", default)]
    message: String,
}

impl LastRequest {
    /// From now on, shows on `progress` which server is being waited for.
    pub fn show_on(&self, progress: &Progress) {
        self.state().progress = progress.clone();
    }

    /// Notes a request to this URL. If it repeats the last address, the last refusal is kept.
    pub fn asks(&self, url: &str) {
        let (scheme, address) = parts(url);
        let mut state = self.state();
        let refusal = match state.last.take() {
            Some(asked) if asked.address == address => asked.refusal,
            _ => None,
        };
        let again = refusal.as_ref().map(|refusal| format!(" again, after {refusal}"));
        state.shows(format!("asking {address}{}", again.unwrap_or_default()));
        state.last = Some(AskedServer {
            scheme,
            address,
            refusal,
        });
    }

    /// Stops showing that a server is being waited for.
    pub fn ends(&self) {
        self.state().wait = None;
    }

    /// Notes the response. `refusal` is `None` for a status of 2xx.
    pub fn is_answered(&self, refusal: Option<RefusedRequest>) {
        let mut state = self.state();
        if refusal.is_none() {
            state.wait = None;
        }
        if let Some(asked) = state.last.as_mut() {
            asked.refusal = refusal;
        }
    }

    /// Returns `HOST[:PORT]` of the server that was asked last.
    pub fn address(&self) -> Option<String> {
        self.last().map(|asked| asked.address)
    }

    /// Returns `SCHEME://HOST[:PORT]` of the server that was asked last.
    pub fn server(&self) -> Option<String> {
        self.last().map(|asked| format!("{}://{}", asked.scheme, asked.address))
    }

    /// Returns how the server that was asked last refused.
    pub fn refusal(&self) -> Option<RefusedRequest> {
        self.last()?.refusal
    }

    /// Returns a cause with the address it is about.
    pub fn at(&self, cause: impl fmt::Display) -> String {
        match self.address() {
            Some(address) => format!("{address}: {cause}"),
            None => cause.to_string(),
        }
    }

    fn last(&self) -> Option<AskedServer> {
        self.state().last.clone()
    }

    fn state(&self) -> MutexGuard<'_, RequestState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RequestState {
    fn shows(&mut self, what: String) {
        match &self.wait {
            Some(wait) => wait.now(what),
            None => self.wait = Some(self.progress.wait(what)),
        }
    }
}

impl RefusedRequest {
    /// Returns the refusal in a response with this status and body: the code and message of a JSON object, or plain text.
    pub fn new(status: u16, is_text: bool, body: &[u8]) -> Self {
        let text = match serde_json::from_slice::<EndpointError>(body) {
            Ok(worded) if worded.message.is_empty() => Some(worded.code),
            Ok(worded) => Some(format!("{}: {}", worded.code, worded.message)),
            Err(_) if is_text => std::str::from_utf8(body).ok().map(one_line),
            Err(_) => None,
        };
        let text = text.map(|text| text.chars().take(SHOWN).collect::<String>());
        Self {
            status,
            text: text.filter(|text| !text.is_empty()),
        }
    }
}

impl fmt::Display for RefusedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => write!(f, "HTTP status {}, {text}", self.status),
            None => write!(f, "HTTP status {}", self.status),
        }
    }
}

/// Returns the scheme of a URL, and its `HOST[:PORT]` without a `user:password@`.
fn parts(url: &str) -> (String, String) {
    let uri: http::Uri = url.parse().unwrap_or_default();
    let authority = uri.authority().map_or("", http::uri::Authority::as_str);
    let address = authority.rsplit('@').next().unwrap_or_default();
    (uri.scheme_str().unwrap_or_default().to_owned(), address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_hold_no_password_and_no_path() {
        for (url, scheme, address) in [
            (
                "https://api.ecr.eu-west-1.amazonaws.com/",
                "https",
                "api.ecr.eu-west-1.amazonaws.com",
            ),
            ("http://user:s3cret@127.0.0.1:80/x?y=1", "http", "127.0.0.1:80"),
            ("http://[::1]:8080/x", "http", "[::1]:8080"),
            ("no address", "", ""),
        ] {
            assert_eq!(parts(url), (scheme.to_owned(), address.to_owned()));
        }
    }

    #[test]
    fn the_last_refusal_stays_while_the_same_address_is_asked_again() {
        let last = LastRequest::default();
        assert_eq!(
            (last.server(), last.refusal(), last.at("x")),
            (None, None, "x".to_owned())
        );
        last.asks("http://a/1");
        last.is_answered(Some(RefusedRequest::new(503, false, b"")));
        last.asks("http://a/2");
        assert_eq!(last.refusal().unwrap().to_string(), "HTTP status 503");
        last.is_answered(None);
        assert_eq!(last.refusal(), None);
        last.is_answered(Some(RefusedRequest::new(503, false, b"")));
        last.asks("http://b/");
        assert_eq!((last.refusal(), last.at("x")), (None, "b: x".to_owned()));
        assert_eq!(last.server().unwrap(), "http://b");
    }

    #[test]
    fn what_an_answer_says_is_shown_in_one_line() {
        let shown = |is_text, body: &str| RefusedRequest::new(400, is_text, body.as_bytes()).to_string();
        assert_eq!(
            shown(false, r#"{"code":"A","message":"b\nc"}"#),
            "HTTP status 400, A: b\nc"
        );
        assert_eq!(shown(false, r#"{"Code":"A"}"#), "HTTP status 400, A");
        assert_eq!(shown(true, "no\r\n such id\n"), "HTTP status 400, no such id");
        assert_eq!(shown(false, "<html>"), "HTTP status 400");
        assert!(shown(true, &"x".repeat(1000)).len() < 200);
    }
}
