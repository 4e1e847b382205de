//! Faults on demand: which fault applies to which call, and the faulty answers.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, header};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::Sleep;

use crate::answer::{self, Answer, Body, BoxError, Refusal};
use crate::hosts::Service;
use crate::{Aws, lock};

/// One byte more than 2 MiB, which no real answer of these services reaches.
const TOO_LARGE: usize = 2 * 1024 * 1024 + 1;

/// A fault of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Fault {
    /// An error of the service, in its own protocol.
    Error {
        /// HTTP status.
        status: u16,
        /// The error code, such as `AccessDeniedException`.
        code: String,
        /// The message.
        #[serde(default)]
        message: String,
    },
    /// `ThrottlingException`, Cognito's `TooManyRequestsException`, or the registry's 429 `TOOMANYREQUESTS`.
    Throttle,
    /// STS's `IDPCommunicationError`: STS could not reach the issuer and asks for a retry.
    IdpCommunication,
    /// STS's `IDPRejectedClaim`: the issuer says that the token is revoked or unknown.
    IdpRejectedClaim,
    /// STS's `RegionDisabledException`: STS is disabled for the account in this region.
    RegionDisabled,
    /// A bare HTTP status whose body is not an AWS error (500, 503).
    Status {
        /// HTTP status.
        status: u16,
    },
    /// 503 with a `Retry-After` header.
    Unavailable {
        /// `Retry-After`, in seconds.
        retry_after: u32,
    },
    /// 307 to another address.
    Redirect {
        /// `Location`.
        location: String,
    },
    /// 200 with a body that is neither JSON nor XML.
    Garbage,
    /// The correct answer with a content type of HTML.
    ContentType,
    /// The correct answer, sent at ten bytes a second.
    Drip,
    /// The correct answer followed by a line end, as from a stand-in made of shell commands.
    LineEnd,
    /// The service's clock is wrong for this call: for its checks, for what it issues, and for its `Date` header.
    Skew {
        /// Seconds ahead of the lab's clock; a negative number is behind.
        seconds: i64,
    },
    /// 200 with the first bytes of a longer announced body; then the connection is closed.
    Truncated,
    /// 200 with an answer without any field.
    Empty,
    /// An authorization token that isn't base64.
    OddBase64,
    /// An authorization token without a colon.
    NoColon,
    /// A body of more than 2 MiB.
    TooLarge,
    /// No answer until the fault is cleared; then the connection is closed.
    Hang,
    /// The connection is reset.
    Reset,
    /// 200 with the first bytes of a longer announced body; then the connection is reset.
    ResetInBody,
    /// The answer waits until [`Aws::release`]; then the call continues normally.
    Hold,
    /// The call continues normally after a delay, as with a distant server.
    Slow {
        /// The delay in milliseconds.
        milliseconds: u64,
    },
    /// A certificate of an untrusted CA.
    WrongCertificate,
    /// An expired certificate.
    ExpiredCertificate,
    /// A certificate of the lab's CA for another name.
    OtherNamesCertificate,
}

impl Fault {
    fn is_tls(&self) -> bool {
        matches!(
            self,
            Self::WrongCertificate | Self::ExpiredCertificate | Self::OtherNamesCertificate
        )
    }

    /// Whether the fault only changes how the correct answer is sent.
    fn is_alteration(&self) -> bool {
        matches!(self, Self::ContentType | Self::Drip | Self::LineEnd)
    }

    /// Whether the fault replaces the call, so that no answer is computed.
    fn is_outright(&self) -> bool {
        *self != Self::Hold
            && !self.is_tls()
            && !self.is_alteration()
            && !matches!(self, Self::Skew { .. } | Self::Slow { .. })
    }
}

/// The calls that a fault applies to, and the fault.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FaultRule {
    /// The service.
    pub service: Service,
    /// The operation (`GetAuthorizationToken`); absent means every operation.
    #[serde(default)]
    pub operation: Option<String>,
    /// How many calls the fault applies to; absent means all calls until the fault is cleared.
    #[serde(default)]
    pub calls: Option<u64>,
    /// The fault.
    #[serde(flatten)]
    pub fault: Fault,
}

#[derive(Debug)]
struct Active {
    id: u64,
    rule: FaultRule,
}

#[derive(Debug, Default)]
struct Rules {
    next_id: u64,
    active: Vec<Active>,
    /// Rules with held or hanging calls. They stay here after they are used up, until they are cleared.
    waiting: HashMap<u64, (Service, Fault)>,
}

/// The rules that are not used up yet.
#[derive(Debug)]
pub(crate) struct Faults {
    rules: Mutex<Rules>,
    changed: watch::Sender<()>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            rules: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }
}

/// A call whose connection ends without an answer.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoAnswer {
    /// The connection is closed normally.
    #[error("closed on demand")]
    Closed,
    /// The connection is reset.
    #[error("reset on demand")]
    Reset,
}

impl Faults {
    fn take(&self, service: Service, operation: &str, wanted: impl Fn(&Fault) -> bool) -> Option<(u64, Fault)> {
        let mut rules = lock(&self.rules);
        let index = rules.active.iter().position(|active| {
            let rule = &active.rule;
            rule.service == service
                && rule.operation.as_deref().is_none_or(|named| named == operation)
                && wanted(&rule.fault)
        })?;
        let active = &mut rules.active[index];
        let taken = (active.id, active.rule.fault.clone());
        if let Some(calls) = &mut active.rule.calls {
            *calls = calls.saturating_sub(1);
            if *calls == 0 {
                rules.active.remove(index);
            }
        }
        Some(taken)
    }

    /// Takes the certificate fault for the next handshake of a service. `None` as the service is a host name of no
    /// known service.
    pub(crate) fn take_tls(&self, service: Option<Service>) -> Option<Fault> {
        let services: Vec<Service> = match service {
            Some(service) => vec![service],
            None => lock(&self.rules)
                .active
                .iter()
                .map(|active| active.rule.service)
                .collect(),
        };
        services
            .into_iter()
            .find_map(|service| self.take(service, "", Fault::is_tls))
            .map(|(_, fault)| fault)
    }

    /// Applies the next fault to a call. `Ok(None)` means that the call continues normally.
    ///
    /// `arrived` is called as soon as the fault is chosen, before any waiting. A test that clears the faults after that
    /// also ends the fault of this call.
    pub(crate) async fn meet(
        &self,
        service: Service,
        operation: &str,
        now: i64,
        arrived: impl FnOnce(),
    ) -> Result<Option<Answer>, NoAnswer> {
        let take_other = || self.take(service, operation, Fault::is_outright);
        let held = self.take(service, operation, |fault| *fault == Fault::Hold);
        let mut due = if held.is_none() { take_other() } else { None };
        let slow = self.take(service, operation, |fault| matches!(fault, Fault::Slow { .. }));
        arrived();
        if let Some((_, Fault::Slow { milliseconds })) = slow {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        }
        if let Some((id, _)) = held {
            self.until_released(id).await;
            due = take_other();
        }
        match due {
            None => Ok(None),
            Some((_, Fault::Reset)) => Err(NoAnswer::Reset),
            Some((id, Fault::Hang)) => {
                self.until_released(id).await;
                Err(NoAnswer::Closed)
            }
            Some((_, fault)) => Ok(odd_answer(&fault, service, now)),
        }
    }

    /// Takes the clock error of a service for the next call, in seconds.
    pub(crate) fn take_skew(&self, service: Service) -> i64 {
        match self.take(service, "", |fault| matches!(fault, Fault::Skew { .. })) {
            Some((_, Fault::Skew { seconds })) => seconds,
            _ => 0,
        }
    }

    /// Applies the next alteration to a correct answer.
    pub(crate) fn alter(&self, service: Service, operation: &str, answer: Answer) -> Answer {
        match self.take(service, operation, Fault::is_alteration) {
            Some((_, Fault::ContentType)) => {
                let mut answer = answer;
                answer::insert(&mut answer, header::CONTENT_TYPE.as_str(), "text/html");
                answer
            }
            Some((_, Fault::LineEnd)) => answer.map(|body| LineEnd::new(body).boxed_unsync()),
            Some(_) => answer.map(|body| Drip::new(body).boxed_unsync()),
            None => answer,
        }
    }

    async fn until_released(&self, id: u64) {
        let mut changed = self.changed.subscribe();
        while lock(&self.rules).waiting.contains_key(&id) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    fn drop_rules(&self, which: impl Fn(Service, &Fault) -> bool) {
        let mut rules = lock(&self.rules);
        rules
            .active
            .retain(|active| !which(active.rule.service, &active.rule.fault));
        rules.waiting.retain(|_, (service, fault)| !which(*service, fault));
        drop(rules);
        self.changed.send_replace(());
    }
}

impl Aws {
    /// Adds a rule that makes the next calls of a service fail. Rules apply in the order they were added.
    pub fn add_fault(&self, rule: FaultRule) {
        let mut rules = lock(&self.faults.rules);
        let id = rules.next_id;
        rules.next_id += 1;
        if matches!(rule.fault, Fault::Hold | Fault::Hang) {
            rules.waiting.insert(id, (rule.service, rule.fault.clone()));
        }
        rules.active.push(Active { id, rule });
    }

    /// Makes every call of a service fail until [`Aws::clear_faults`].
    pub fn fail(&self, service: Service, fault: Fault) {
        self.add_fault(FaultRule {
            service,
            operation: None,
            calls: None,
            fault,
        });
    }

    /// Makes the next `calls` calls of a service fail.
    pub fn fail_next(&self, service: Service, calls: u64, fault: Fault) {
        self.add_fault(FaultRule {
            service,
            operation: None,
            calls: Some(calls),
            fault,
        });
    }

    /// Holds the answers of a service until [`Aws::release`]. Held calls already count as arrived.
    pub fn hold(&self, service: Service) {
        self.fail(service, Fault::Hold);
    }

    /// Releases the held calls of a service and lets later calls pass. Other faults stay.
    pub fn release(&self, service: Service) {
        self.faults
            .drop_rules(|of, fault| of == service && *fault == Fault::Hold);
    }

    /// Ends all faults: held calls continue, and hanging connections are closed.
    pub fn clear_faults(&self) {
        self.faults.drop_rules(|_, _| true);
    }
}

fn odd_answer(fault: &Fault, service: Service, now: i64) -> Option<Answer> {
    let refusal = |status: u16, code: &str, message: &str| refuse(service, &Refusal::new(status, code, message));
    let odd = match fault {
        Fault::Error { status, code, message } => refusal(*status, code, message),
        Fault::Throttle if service == Service::Registry => refusal(429, "TOOMANYREQUESTS", "Rate exceeded"),
        Fault::Throttle if service == Service::Sts => refusal(400, "Throttling", "Rate exceeded"),
        Fault::Throttle if is_cognito(service) => refusal(400, "TooManyRequestsException", "Rate exceeded"),
        Fault::Throttle => refusal(400, "ThrottlingException", "Rate exceeded"),
        Fault::IdpCommunication => refusal(
            400,
            "IDPCommunicationError",
            "The request could not be fulfilled because the identity provider (IDP) that was asked to verify the incoming identity token could not be reached.",
        ),
        Fault::IdpRejectedClaim => refusal(
            403,
            "IDPRejectedClaim",
            "The identity provider (IdP) reported that authentication failed. This might be because the claim is invalid.",
        ),
        Fault::RegionDisabled => refusal(
            403,
            "RegionDisabledException",
            "STS is not activated in this region for account:111122223333. Your account administrator can activate STS in this region using the IAM Console.",
        ),
        Fault::Status { status } => answer::text(*status, "upstream connect error\n"),
        Fault::Garbage => answer::bytes(200, "text/html", "\u{0}<html>welcome to the hotel's network</html"),
        Fault::Unavailable { retry_after } => {
            let mut odd = answer::text(503, "come back later\n");
            answer::insert(&mut odd, header::RETRY_AFTER.as_str(), &retry_after.to_string());
            odd
        }
        Fault::Redirect { location } => {
            let mut odd = answer::text(307, "");
            answer::insert(&mut odd, header::LOCATION.as_str(), location);
            odd
        }
        Fault::Truncated => cut(Cut::Start),
        Fault::ResetInBody => {
            let mut odd = cut(Cut::Start);
            odd.extensions_mut().insert(ResetInBody);
            odd
        }
        Fault::Empty if service == Service::Sts => answer::xml(200, "<Response/>"),
        Fault::Empty => answer::aws_json(200, &serde_json::json!({})),
        Fault::OddBase64 => crate::ecr::answer_with_token(service, "QVdTOnBhc3M*!", now),
        // base64 of `AWSpassword`.
        Fault::NoColon => crate::ecr::answer_with_token(service, "QVdTcGFzc3dvcmQ=", now),
        Fault::TooLarge => answer::bytes(200, "application/x-amz-json-1.1", vec![b' '; TOO_LARGE]),
        Fault::ContentType
        | Fault::Drip
        | Fault::LineEnd
        | Fault::Skew { .. }
        | Fault::Hang
        | Fault::Reset
        | Fault::Hold
        | Fault::Slow { .. }
        | Fault::WrongCertificate
        | Fault::ExpiredCertificate
        | Fault::OtherNamesCertificate => return None,
    };
    Some(odd)
}

fn is_cognito(service: Service) -> bool {
    matches!(service, Service::CognitoIdp | Service::CognitoIdentity)
}

/// Formats an error in a service's own protocol.
pub(crate) fn refuse(service: Service, refusal: &Refusal) -> Answer {
    match service {
        Service::Ecr | Service::EcrPublic | Service::CognitoIdp | Service::CognitoIdentity => refusal.aws_json(),
        Service::Sts => refusal.sts_xml(),
        Service::CognitoLogin => refusal.oauth(),
        Service::Imds | Service::Container | Service::Github | Service::Buildkite | Service::Circleci | Service::Ci => {
            refusal.plain_json()
        }
        Service::Registry => refusal.registry(),
    }
}

/// Marks an answer whose connection is reset in the middle of the body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResetInBody;

/// Announces 4096 bytes but sends only a few.
fn cut(body: Cut) -> Answer {
    let mut answer = Response::new(body.boxed_unsync());
    answer.headers_mut().insert(header::CONTENT_LENGTH, 4096.into());
    answer
}

/// A body that ends in the middle, after its first bytes.
#[derive(Clone, Copy)]
enum Cut {
    Start,
    Pause,
    End,
}

impl hyper::body::Body for Cut {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match *self {
            Self::Start => {
                *self = Self::Pause;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"{\"authorizationData\":[{")))))
            }
            // hyper sends what it has when a body is pending, but drops it when a body fails at once.
            Self::Pause => {
                *self = Self::End;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Self::End => Poll::Ready(None),
        }
    }
}

/// A body followed by a line end.
struct LineEnd {
    body: Body,
    is_over: bool,
}

impl LineEnd {
    fn new(body: Body) -> Self {
        Self { body, is_over: false }
    }
}

impl hyper::body::Body for LineEnd {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        self.is_over = frame.is_none();
        Poll::Ready(frame.or_else(|| Some(Ok(Frame::data(Bytes::from_static(b"\n"))))))
    }

    /// Gives hyper the exact length, so that it announces the whole body.
    fn size_hint(&self) -> SizeHint {
        self.body
            .size_hint()
            .exact()
            .map_or_else(SizeHint::default, |length| SizeHint::with_exact(length + 1))
    }
}

/// The time between two bytes of a slow body.
const DRIP: Duration = Duration::from_millis(100);

/// A body that is sent byte by byte.
struct Drip {
    body: Body,
    left: Bytes,
    pause: Pin<Box<Sleep>>,
}

impl Drip {
    fn new(body: Body) -> Self {
        Self {
            body,
            left: Bytes::new(),
            pause: Box::pin(tokio::time::sleep(DRIP)),
        }
    }
}

impl hyper::body::Body for Drip {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        while self.left.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(cx)).map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(bytes))) => self.left = bytes,
                Some(Ok(Err(other))) => return Poll::Ready(Some(Ok(other))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        ready!(self.pause.as_mut().poll(cx));
        self.pause = Box::pin(tokio::time::sleep(DRIP));
        let byte = self.left.split_to(1);
        Poll::Ready(Some(Ok(Frame::data(byte))))
    }
}
