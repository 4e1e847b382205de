//! Whom the calls ask, and how they are turned away: for the error of a call that never ends, and where the SDK's own words say
//! less than the answer did.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;

use context::{Progress, Wait};
use diagnostics::one_line;

/// Longest text of an answer that is shown, in characters.
const SHOWN: usize = 120;

/// The last call of many that come one after the other. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Trail(Arc<Mutex<Way>>);

#[derive(Debug, Default)]
struct Way {
    last: Option<Asked>,
    /// Where people see whom is waited for.
    progress: Progress,
    /// As long as an answer is.
    wait: Option<Wait>,
}

#[derive(Debug, Clone)]
struct Asked {
    scheme: String,
    address: String,
    refusal: Option<Refusal>,
}

/// An answer that is none: any status but 2xx.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    status: u16,
    /// What it says of itself.
    text: Option<String>,
}

/// An error as credential endpoints word it: Amazon ECS's agent in JSON.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-response.html>
#[derive(Deserialize)]
struct Worded {
    #[serde(alias = "Code")]
    code: String,
    #[serde(alias = "Message", default)]
    message: String,
}

impl Trail {
    /// From now on people see there whom is waited for.
    pub fn show_on(&self, progress: &Progress) {
        self.way().progress = progress.clone();
    }

    /// A request goes to this URL. Another attempt at the same address leaves it known how the one before ended.
    pub fn asks(&self, url: &str) {
        let (scheme, address) = parts(url);
        let mut way = self.way();
        let refusal = match way.last.take() {
            Some(asked) if asked.address == address => asked.refusal,
            _ => None,
        };
        let again = refusal.as_ref().map(|refusal| format!(" again, after {refusal}"));
        way.shows(format!("asking {address}{}", again.unwrap_or_default()));
        way.last = Some(Asked {
            scheme,
            address,
            refusal,
        });
    }

    /// Nobody is asked any more.
    pub fn ends(&self) {
        self.way().wait = None;
    }

    /// It was answered: `refusal` is `None` where with what was asked for.
    pub fn is_answered(&self, refusal: Option<Refusal>) {
        let mut way = self.way();
        if refusal.is_none() {
            way.wait = None;
        }
        if let Some(asked) = way.last.as_mut() {
            asked.refusal = refusal;
        }
    }

    /// `HOST[:PORT]` of who was asked last.
    pub fn address(&self) -> Option<String> {
        self.last().map(|asked| asked.address)
    }

    /// `SCHEME://HOST[:PORT]` of who was asked last.
    pub fn server(&self) -> Option<String> {
        self.last().map(|asked| format!("{}://{}", asked.scheme, asked.address))
    }

    /// How who was asked last refused.
    pub fn refusal(&self) -> Option<Refusal> {
        self.last()?.refusal
    }

    /// A cause with the address it is about.
    pub fn at(&self, cause: impl fmt::Display) -> String {
        match self.address() {
            Some(address) => format!("{address}: {cause}"),
            None => cause.to_string(),
        }
    }

    fn last(&self) -> Option<Asked> {
        self.way().last.clone()
    }

    fn way(&self) -> MutexGuard<'_, Way> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Way {
    fn shows(&mut self, what: String) {
        match &self.wait {
            Some(wait) => wait.now(what),
            None => self.wait = Some(self.progress.wait(what)),
        }
    }
}

impl Refusal {
    /// What an answer with this status and body says: the code and message of a JSON object, or plain text.
    pub fn new(status: u16, is_text: bool, body: &[u8]) -> Self {
        let text = match serde_json::from_slice::<Worded>(body) {
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

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => write!(f, "HTTP status {}, {text}", self.status),
            None => write!(f, "HTTP status {}", self.status),
        }
    }
}

/// The scheme of a URL, and its `HOST[:PORT]` without the `user:password@` that it may carry.
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
        let trail = Trail::default();
        assert_eq!(
            (trail.server(), trail.refusal(), trail.at("x")),
            (None, None, "x".to_owned())
        );
        trail.asks("http://a/1");
        trail.is_answered(Some(Refusal::new(503, false, b"")));
        trail.asks("http://a/2");
        assert_eq!(trail.refusal().unwrap().to_string(), "HTTP status 503");
        trail.is_answered(None);
        assert_eq!(trail.refusal(), None);
        trail.is_answered(Some(Refusal::new(503, false, b"")));
        trail.asks("http://b/");
        assert_eq!((trail.refusal(), trail.at("x")), (None, "b: x".to_owned()));
        assert_eq!(trail.server().unwrap(), "http://b");
    }

    #[test]
    fn what_an_answer_says_is_shown_in_one_line() {
        let shown = |is_text, body: &str| Refusal::new(400, is_text, body.as_bytes()).to_string();
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
