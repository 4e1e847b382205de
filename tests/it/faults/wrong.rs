//! The faults of the matrix, and how to cause them.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use lab::{Fault, Lab};

use super::endpoint::Endpoint;

/// A fault of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    Refused,
    UnknownName,
    ConnectHangs,
    ReadHangs,
    Reset,
    ResetInBody,
    Truncated,
    Garbage,
    ContentType,
    TooManyRequests,
    Internal,
    Unavailable,
    Drip,
    OthersCertificate,
    OtherNamesCertificate,
    ExpiredCertificate,
    Redirect,
    TooLarge,
    ClockAhead,
    ClockBehind,
}

/// The clocks of the matrix are off by this much, in seconds.
const SKEW: i64 = 600;

/// A fault that lasts as long as this value.
pub struct Arranged {
    /// The endpoint's address, `http://HOST:PORT`.
    pub address: String,
    /// The target of a redirect.
    elsewhere: TcpListener,
    /// Listens at the address without accepting. These connections fill its queue.
    full: Option<TcpListener>,
    queue: Vec<TcpStream>,
}

impl Wrong {
    pub fn title(self) -> &'static str {
        match self {
            Self::Refused => "nobody listens",
            Self::UnknownName => "the name doesn't resolve",
            Self::ConnectHangs => "the connection is never made",
            Self::ReadHangs => "no answer ever comes",
            Self::Reset => "the connection is reset",
            Self::ResetInBody => "reset within the answer",
            Self::Truncated => "the answer breaks off",
            Self::Garbage => "200 with an HTML page",
            Self::ContentType => "200 called `text/html`",
            Self::TooManyRequests => "429",
            Self::Internal => "500",
            Self::Unavailable => "503 with `Retry-After: 60`",
            Self::Drip => "ten bytes a second",
            Self::OthersCertificate => "certificate of an unknown authority",
            Self::OtherNamesCertificate => "certificate for another name",
            Self::ExpiredCertificate => "certificate past its end",
            Self::Redirect => "307 to another address",
            Self::TooLarge => "an answer of 2 MiB",
            Self::ClockAhead => "its clock is 10 minutes ahead",
            Self::ClockBehind => "its clock is 10 minutes behind",
        }
    }

    /// Why there is no such cell.
    pub fn impossible(self, endpoint: Endpoint) -> Option<&'static str> {
        if self.is_tls() && endpoint.is_http_only() {
            return Some("there is no TLS: it is plain http on the machine itself");
        }
        let is_met_first = self.is_tls() || matches!(self, Self::Refused | Self::UnknownName | Self::ConnectHangs);
        (is_met_first && endpoint.is_second()).then_some("`GetId`, at the same address, meets it first")
    }

    /// Whether the fault only ends with the time limit.
    pub fn hangs(self) -> bool {
        matches!(self, Self::ConnectHangs | Self::ReadHangs | Self::Drip)
    }

    fn is_tls(self) -> bool {
        matches!(
            self,
            Self::OthersCertificate | Self::OtherNamesCertificate | Self::ExpiredCertificate
        )
    }

    /// Causes the fault.
    pub fn arrange(self, endpoint: Endpoint, lab: &Lab) -> Arranged {
        let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
        elsewhere.set_nonblocking(true).unwrap();
        let mut arranged = Arranged {
            address: if self.is_tls() { lab.https_url() } else { lab.http_url() },
            elsewhere,
            queue: Vec::new(),
            full: None,
        };
        match self {
            Self::Refused => arranged.address = "http://127.0.0.1:1".to_owned(),
            Self::UnknownName => {
                // An empty label is invalid (RFC 1035, 2.3.1), so no name server is asked.
                arranged.address = "http://nowhere..invalid".to_owned();
            }
            Self::ConnectHangs => arranged.fill_a_queue(),
            _ => endpoint.fail(lab, self.fault(&arranged.elsewhere)),
        }
        arranged
    }

    fn fault(self, elsewhere: &TcpListener) -> Fault {
        let location = format!("http://{}/", elsewhere.local_addr().unwrap());
        match self {
            Self::ReadHangs => Fault::Hang,
            Self::Reset => Fault::Reset,
            Self::ResetInBody => Fault::ResetInBody,
            Self::Truncated => Fault::Truncated,
            Self::Garbage => Fault::Garbage,
            Self::ContentType => Fault::ContentType,
            Self::TooManyRequests => Fault::Status { status: 429 },
            Self::Internal => Fault::Status { status: 500 },
            Self::Unavailable => Fault::Unavailable { retry_after: 60 },
            Self::Drip => Fault::Drip,
            Self::OthersCertificate => Fault::WrongCertificate,
            Self::OtherNamesCertificate => Fault::OtherNamesCertificate,
            Self::ExpiredCertificate => Fault::ExpiredCertificate,
            Self::Redirect => Fault::Redirect { location },
            Self::TooLarge => Fault::TooLarge,
            Self::ClockAhead => Fault::Skew { seconds: SKEW },
            Self::ClockBehind => Fault::Skew { seconds: -SKEW },
            Self::Refused | Self::UnknownName | Self::ConnectHangs => panic!("{self:?} is no fault of the lab's"),
        }
    }
}

impl Arranged {
    /// Listens without accepting connections. Once its queue is full, the kernel answers no further ones.
    fn fill_a_queue(&mut self) {
        let full = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = full.local_addr().unwrap();
        while let Ok(waiting) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            self.queue.push(waiting);
        }
        self.address = format!("http://{address}");
        self.full = Some(full);
    }

    /// Returns the address without the scheme, as errors show it.
    pub fn authority(&self) -> &str {
        self.address.rsplit("//").next().unwrap()
    }

    /// Whether a redirect was followed.
    pub fn was_followed(&self) -> bool {
        self.elsewhere.accept().is_ok()
    }
}
