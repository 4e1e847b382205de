//! The network: connections with our own TLS roots and proxies, how much a response may weigh, how long calls may take, and why they
//! fail. This module knows HTTP. It knows nothing of identities and of AWS's services.

mod address;
mod cause;
mod last_request;
mod no_proxy;
mod proxy;
mod request;
mod roots;
mod runtime;
mod transport;

use std::time::Duration;

pub(crate) use address::{is_local, refuse_plain_http};
pub(crate) use cause::{
    NETWORK_HINT, NO_ANSWER, certificate_hint, code_and_message, connection_code, reach_hint, root_cause,
};
#[cfg(test)]
pub(crate) use last_request::RefusedRequest;
pub use proxy::{Proxy, named_proxy, not_proxied, proxy_of};
pub use request::{PlainResponse, send};
pub(crate) use request::{plain_request, read_body};
pub use roots::named_roots;
pub(crate) use runtime::{no_answer, timed};
pub use runtime::{to_end, within};
pub use transport::Transport;
pub(crate) use transport::{ObservedTransport, ResponseObserver, ServerClock};

/// More than any response of the services here weighs: 1 MiB.
pub(crate) const BODY_LIMIT: usize = 1024 * 1024;

/// How long one attempt of a call may take to connect, at most. In all, an attempt gets two fifths of the time there is, so that there is
/// room for a second one after a response that never came.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
