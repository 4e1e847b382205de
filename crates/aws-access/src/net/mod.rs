//! The network: connections with ecr-auth's own TLS roots and proxies, limits on size and time, and why a connection fails. This module knows HTTP.
//! It does not know identities or AWS's services.

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

pub(crate) use address::{is_local, is_of_container, refuse_plain_http};
pub(crate) use cause::{
    NETWORK_HINT, NO_ANSWER, certificate_hint, code_and_message, connection_code, reach_hint, root_cause,
};
#[cfg(test)]
pub(crate) use last_request::RefusedRequest;
pub(crate) use proxy::proxy_variables;
pub use proxy::{PROXY_HINT, Proxy, UnusableProxy, named_proxy, not_proxied, proxy_of};
pub use request::{PlainResponse, send};
pub(crate) use request::{plain_request, read_body};
pub use roots::named_roots;
pub(crate) use runtime::{no_answer, timed};
pub use runtime::{to_end, within};
pub use transport::Transport;
pub(crate) use transport::{ObservedTransport, ResponseObserver, ServerClock};

/// The largest response body that is read: 1 MiB, which is more than any service here sends.
pub(crate) const BODY_LIMIT: usize = 1024 * 1024;

/// The longest time to connect in one attempt of a call. An attempt gets two fifths of the budget, which leaves room for a second one if no
/// response comes.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
