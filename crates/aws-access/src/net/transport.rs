//! The HTTP client of every call: TLS roots, proxies, a limit on the size of a response, and the server's clock.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::date_time::{DateTime, Format};
use http_body_util::{BodyExt, Limited};

use super::cause::{connection_error_code, root_cause};
use super::last_request::{LastRequest, RefusedRequest};
use super::proxy::{Proxies, Proxy, UnusableProxy};
use super::roots::{Roots, TrustedRoots};
use super::{BODY_LIMIT, CONNECT_TIMEOUT};
use context::Env;
use diagnostics::{Code, Result};

/// Observes every request and response, and remembers the server's clock and the last refusal. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct ResponseObserver {
    /// The servers' clocks.
    pub clock: ServerClock,
    /// The server that was asked last.
    pub last_request: LastRequest,
}

/// The most that a server's clock may be ahead of its `Date` header, which has whole seconds.
const DATE_STEP: Duration = Duration::from_secs(1);

/// The last `Date` of a server, and the time of the request.
#[derive(Debug, Clone, Default)]
pub struct ServerClock(Arc<Mutex<Option<(SystemTime, SystemTime)>>>);

impl ServerClock {
    /// Converts a time of the server's clock to this machine's. The result may be too early but never too late: the response's travel time is
    /// unknown, and the server's clock was up to a second ahead of its header.
    pub fn to_ours(&self, theirs: SystemTime) -> SystemTime {
        let seen = self.0.lock().map(|seen| *seen).unwrap_or_default();
        let Some((server, local)) = seen else { return theirs };
        let ours = match theirs.duration_since(server.checked_add(DATE_STEP).unwrap_or(server)) {
            Ok(ahead) => local.checked_add(ahead),
            Err(behind) => local.checked_sub(behind.duration()),
        };
        ours.unwrap_or(theirs)
    }

    /// Converts a time of this machine's clock to the server's.
    pub fn server_time(&self, ours: SystemTime) -> SystemTime {
        let seen = self.0.lock().map(|seen| *seen).unwrap_or_default();
        let Some((server, local)) = seen else { return ours };
        let theirs = match ours.duration_since(local) {
            Ok(ahead) => server.checked_add(ahead),
            Err(behind) => server.checked_sub(behind.duration()),
        };
        theirs.unwrap_or(ours)
    }

    fn set(&self, server: SystemTime, asked_at: SystemTime) {
        if let Ok(mut seen) = self.0.lock() {
            *seen = Some((server, asked_at));
        }
    }
}

/// The connections of a whole command. Each address is reached directly or through the proxy that the environment names for it. All servers are
/// checked by the same roots.
#[derive(Debug, Clone)]
pub enum Transport {
    /// Connections over the network.
    Network(Arc<Network>),
    /// A test connector that answers instead of the network.
    Answered(SharedHttpConnector),
}

/// The settings for connections, and the connections that are kept.
#[derive(Debug)]
pub struct Network {
    roots: Roots,
    trusted: OnceLock<TrustedRoots>,
    proxies: Proxies,
    connectors: Mutex<Vec<(Route, SharedHttpConnector)>>,
}

/// What tells the connections of one address from those of another.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Route {
    proxy: Option<Proxy>,
    /// Whether TLS is used, with the server or with the proxy.
    is_encrypted: bool,
}

impl Transport {
    /// Reads the roots that the settings name, so that errors in them are always reported. The system's roots are read with the first call that may
    /// need them. `ca_bundle` is the profile's setting.
    ///
    /// # Errors
    /// The named root certificates cannot be read.
    pub fn new(env: &Env, ca_bundle: Option<&str>) -> Result<Self> {
        Ok(Self::Network(Arc::new(Network {
            roots: Roots::find(env, ca_bundle)?,
            trusted: OnceLock::new(),
            proxies: Proxies::from_env(env),
            connectors: Mutex::default(),
        })))
    }
}

impl HttpConnector for Transport {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match self {
            Self::Network(network) => match network.route(request.uri()) {
                Ok(route) => network.connector(route).call(request),
                Err(unusable) => HttpConnectorFuture::ready(Err(ConnectorError::user(unusable.into()))),
            },
            Self::Answered(connector) => connector.call(request),
        }
    }
}

impl Transport {
    /// Sends a request straight to its server, whatever proxy the environment names.
    fn call_directly(&self, request: HttpRequest) -> HttpConnectorFuture {
        match self {
            Self::Network(network) => network.connector(Route::direct(request.uri())).call(request),
            Self::Answered(connector) => connector.call(request),
        }
    }
}

impl Route {
    fn direct(url: &str) -> Self {
        Self {
            proxy: None,
            is_encrypted: is_https(url),
        }
    }
}

fn is_https(url: &str) -> bool {
    url.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("https:"))
}

impl Network {
    fn connector(&self, route: Route) -> SharedHttpConnector {
        let mut known = self.connectors.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, connector)) = known.iter().find(|(of, _)| *of == route) {
            return connector.clone();
        }
        let connector = self.connect(&route);
        known.push((route, connector.clone()));
        connector
    }

    fn route(&self, url: &str) -> Result<Route, UnusableProxy> {
        let proxy = self.proxies.of(url)?.cloned();
        Ok(Route {
            is_encrypted: is_https(url) || proxy.as_ref().is_some_and(Proxy::is_encrypted),
            proxy,
        })
    }

    fn connect(&self, route: &Route) -> SharedHttpConnector {
        let proxy = route.proxy.as_ref();
        if !route.is_encrypted {
            let nobody = TlsContext::builder().with_trust_store(TrustStore::empty());
            return connector(proxy, nobody.build().unwrap_or_default());
        }
        let trusted = self.trusted.get_or_init(|| self.roots.read());
        let first = connector(proxy, trusted.first.clone());
        match trusted.all {
            None => first,
            Some(roots) => SharedHttpConnector::new(FallbackRoots {
                first,
                proxy: route.proxy.clone(),
                roots,
                all: Arc::default(),
            }),
        }
    }
}

/// Sends a request again with all roots if the first few did not verify the server, and from then on with all. A server that is not trusted has
/// received nothing of the request.
#[derive(Debug, Clone)]
struct FallbackRoots {
    first: SharedHttpConnector,
    proxy: Option<Proxy>,
    roots: fn() -> TlsContext,
    all: Arc<OnceLock<SharedHttpConnector>>,
}

impl HttpConnector for FallbackRoots {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if let Some(all) = self.all.get() {
            return all.call(request);
        }
        let again = request.try_clone();
        let (answer, this) = (self.first.call(request), self.clone());
        HttpConnectorFuture::new(async move {
            match (answer.await, again) {
                (Err(error), Some(request)) if is_about_a_certificate(&error) => {
                    let all = || connector(this.proxy.as_ref(), (this.roots)());
                    this.all.get_or_init(all).call(request).await
                }
                (answer, _) => answer,
            }
        })
    }
}

fn is_about_a_certificate(error: &ConnectorError) -> bool {
    matches!(
        connection_error_code(&root_cause(error)),
        Some(Code::UnknownRoot | Code::Certificate | Code::CertificateExpired)
    )
}

/// Returns the only kind of connector. Each further kind would add all of HTTP to the binary once more.
fn connector(proxy: Option<&Proxy>, roots: TlsContext) -> SharedHttpConnector {
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT);
    let connector = Connector::builder()
        .proxy_config(proxy.map_or_else(ProxyConfig::disabled, Proxy::config))
        .connector_settings(settings.build())
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .tls_context(roots);
    SharedHttpConnector::new(connector.build())
}

/// The calls to AWS. Each response is limited in size, and its clock is noted.
#[derive(Debug, Clone)]
pub struct ObservedTransport {
    /// The connections of the calls.
    pub transport: Transport,
    /// The observer of each request and response on these connections.
    pub observer: ResponseObserver,
}

/// All clients have the same settings, so they share connections.
impl HttpClient for ObservedTransport {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for ObservedTransport {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.observe(request, Transport::call)
    }
}

impl ObservedTransport {
    /// Sends a request straight to its server, whatever proxy the environment names.
    pub fn call_directly(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.observe(request, Transport::call_directly)
    }

    fn observe(
        &self,
        request: HttpRequest,
        send: fn(&Transport, HttpRequest) -> HttpConnectorFuture,
    ) -> HttpConnectorFuture {
        self.observer.last_request.asks(request.uri());
        let asked_at = SystemTime::now();
        let (answer, observer) = (send(&self.transport, request), self.observer.clone());
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            if let Some(date) = answer.headers().get("date").and_then(http_date) {
                observer.clock.set(date, asked_at);
            }
            let answer = answer.map(|body| SdkBody::from_body_1_x(Limited::new(body, BODY_LIMIT)));
            if answer.status().is_success() {
                observer.last_request.is_answered(None);
                return Ok(answer);
            }
            refused(answer, &observer.last_request).await
        })
    }
}

/// Notes what a refusal says, and returns the response unchanged. Refusals hold no secrets.
async fn refused(mut answer: HttpResponse, last_request: &LastRequest) -> Result<HttpResponse, ConnectorError> {
    let status = answer.status().as_u16();
    let is_text = answer
        .headers()
        .get("content-type")
        .is_some_and(|kind| kind.starts_with("text/plain"));
    last_request.is_answered(Some(RefusedRequest::new(status, false, b"")));
    let body = std::mem::replace(answer.body_mut(), SdkBody::taken()).collect().await;
    let body = body.map_err(ConnectorError::io)?.to_bytes();
    last_request.is_answered(Some(RefusedRequest::new(status, is_text, &body)));
    *answer.body_mut() = SdkBody::from(body);
    Ok(answer)
}

pub fn http_date(text: &str) -> Option<SystemTime> {
    DateTime::from_str(text, Format::HttpDate).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_ahead_or_behind_is_corrected() {
        let clock = ServerClock::default();
        let now = SystemTime::now();
        assert_eq!(clock.to_ours(now), now);
        let hour = Duration::from_secs(3600);
        clock.set(now - hour, now);
        let end = clock.to_ours(now + 11 * hour);
        assert_eq!(end, now + 12 * hour - DATE_STEP);
        assert!(clock.to_ours(now - 2 * hour) < now);
    }

    /// The server's clock is `ahead` of ours, and the response takes `way` to arrive.
    #[test]
    fn nothing_ends_later_for_us_than_for_the_server() {
        let asked_at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        for ahead in [0, 1, 250, 999, 1000, 3_600_500].map(Duration::from_millis) {
            for way in [0, 3, 900, 5_000].map(Duration::from_millis) {
                let stamped = asked_at + ahead + way;
                let since = stamped.duration_since(SystemTime::UNIX_EPOCH).unwrap();
                let clock = ServerClock::default();
                clock.set(SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs()), asked_at);
                let theirs = stamped + Duration::from_secs(3);
                let ours = clock.to_ours(theirs);
                assert!(ours <= theirs - ahead, "{ahead:?} {way:?}");
                assert!(ours + way + DATE_STEP >= theirs - ahead, "{ahead:?} {way:?}");
            }
        }
    }

    #[test]
    fn times_that_are_none_are_survived() {
        let clock = ServerClock::default();
        clock.set(SystemTime::UNIX_EPOCH, SystemTime::now());
        let latest = SystemTime::UNIX_EPOCH + Duration::from_secs(i64::MAX as u64);
        assert_eq!(clock.to_ours(latest), latest);
        let earliest = SystemTime::UNIX_EPOCH - Duration::from_secs(i64::MAX as u64);
        clock.set(
            SystemTime::now() + Duration::from_secs(86_400 * 365 * 200),
            SystemTime::now(),
        );
        assert!(clock.to_ours(earliest) <= earliest + Duration::from_secs(1));
    }

    #[test]
    fn dates_as_servers_send_them() {
        let date = http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(date, SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777));
        assert!(http_date("yesterday").is_none());
    }
}
