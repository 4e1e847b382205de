//! The HTTP client of every call: TLS roots, proxies, a bound on what an answer may weigh, and the server's clock.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, SystemTime};

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::date_time::{DateTime, Format};
use http_body_util::{BodyExt, Limited};

use super::address::is_local;
use super::cause::{connection_error_code, root_cause};
use super::last_request::{LastRequest, RefusedRequest};
use super::metadata_answer;
use super::roots::{Roots, TrustedRoots};
use super::{BODY_LIMIT, CONNECT_TIMEOUT};
use context::Env;
use diagnostics::{Code, Result};

/// Looks at every request and response, and remembers what the responses tell of themselves. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct ResponseObserver {
    /// What time the servers have.
    pub clock: ServerClock,
    /// The server that was asked last.
    pub last_request: LastRequest,
}

/// How much further a server's clock may be than its `Date` header, which has whole seconds.
const DATE_STEP: Duration = Duration::from_secs(1);

/// The last `Date` that a server sent, and when we had asked for it.
#[derive(Debug, Clone, Default)]
pub struct ServerClock(Arc<Mutex<Option<(SystemTime, SystemTime)>>>);

impl ServerClock {
    /// When what ends at `theirs` for the server ends for us. Never later than that: the answer was on its way for a time that nobody
    /// knows, and the server's clock was up to a second ahead of what it said.
    pub fn to_ours(&self, theirs: SystemTime) -> SystemTime {
        let seen = self.0.lock().map(|seen| *seen).unwrap_or_default();
        let Some((server, local)) = seen else { return theirs };
        let ours = match theirs.duration_since(server.checked_add(DATE_STEP).unwrap_or(server)) {
            Ok(ahead) => local.checked_add(ahead),
            Err(behind) => local.checked_sub(behind.duration()),
        };
        ours.unwrap_or(theirs)
    }

    /// The server's time at a moment of ours.
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

/// The connections of a whole command: one set of roots, and connections that are kept.
#[derive(Debug, Clone)]
pub enum Transport {
    /// Over the network.
    Network {
        /// Whom to trust.
        roots: Roots,
        /// What is made of them by the first call that does not stay on this machine.
        remote: Arc<OnceLock<SharedHttpConnector>>,
    },
    /// To what answers in the network's place.
    Answered(SharedHttpConnector),
}

impl Transport {
    /// The roots that the environment names are read, so that what is wrong with them is told whoever is asked. The system's are read
    /// with the first call that may need them.
    ///
    /// # Errors
    /// Root certificates that are named but can't be read.
    pub fn new(env: &Env) -> Result<Self> {
        Ok(Self::Network {
            roots: Roots::from_env(env)?,
            remote: Arc::default(),
        })
    }

    /// To this address: straight to what is on this machine; else through the proxy that the environment names (`HTTPS_PROXY`,
    /// `HTTP_PROXY`, `NO_PROXY`).
    pub fn to(&self, address: &str) -> SharedHttpConnector {
        match self {
            Self::Network { .. } if is_local(address) => SharedHttpConnector::new(direct_connector(None)),
            _ => self.remote(),
        }
    }

    fn remote(&self) -> SharedHttpConnector {
        match self {
            Self::Answered(connector) => connector.clone(),
            Self::Network { roots, remote } => remote.get_or_init(|| trusting(roots.read())).clone(),
        }
    }
}

/// All clients have the same settings, so that they share connections.
impl HttpClient for Transport {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// Not before there is a call: a client is made for what stays on this machine, too.
impl HttpConnector for Transport {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.remote().call(request)
    }
}

/// A client that uses this transport: through the proxy, but for plain http to this machine, from where a profile may take its
/// credentials.
pub fn remote_client(transport: &Transport, observer: &ResponseObserver) -> SharedHttpClient {
    SharedHttpClient::new(GuardedClient {
        inner: SharedHttpClient::new(transport.clone()),
        direct: direct_client(),
        observer: observer.clone(),
    })
}

/// Any other client, with the same bound on its answers and the same look at the server's clock.
pub fn guarded(client: SharedHttpClient, observer: &ResponseObserver) -> SharedHttpClient {
    SharedHttpClient::new(GuardedClient {
        inner: client.clone(),
        direct: client,
        observer: observer.clone(),
    })
}

/// Any connector, for a service of AWS's that is called without its SDK: its clock is listened to, and its answers are bounded.
pub fn guarded_connector(connector: SharedHttpConnector, observer: &ResponseObserver) -> impl HttpConnector + use<> {
    GuardedClient {
        inner: connector.clone(),
        direct: connector,
        observer: observer.clone(),
    }
}

/// Connects to whom these roots vouch for.
fn trusting(roots: TrustedRoots) -> SharedHttpConnector {
    let first = remote_connector(roots.first);
    match roots.all {
        None => first,
        Some(roots) => SharedHttpConnector::new(FallbackRoots {
            first,
            roots,
            all: Arc::default(),
        }),
    }
}

fn remote_connector(roots: TlsContext) -> SharedHttpConnector {
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT);
    SharedHttpConnector::new(connector(ProxyConfig::from_env(), roots, Some(settings.build())))
}

/// Asks once more, with all roots, where a few did not vouch for a server; from then on with all. A server that is not trusted has
/// been told nothing of the request.
#[derive(Debug, Clone)]
struct FallbackRoots {
    first: SharedHttpConnector,
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
                    this.all
                        .get_or_init(|| remote_connector((this.roots)()))
                        .call(request)
                        .await
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

/// The one kind of connector there is: each kind more would be all of HTTP once more in the binary.
fn connector(proxy: ProxyConfig, tls: TlsContext, settings: Option<HttpConnectorSettings>) -> Connector {
    let mut builder = Connector::builder().proxy_config(proxy);
    builder.set_connector_settings(settings);
    builder
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .tls_context(tls)
        .build()
}

/// A client for the addresses that are http by nature and never go through a proxy: IMDS and container credentials.
pub fn link_local_client(observer: &ResponseObserver) -> SharedHttpClient {
    guarded(direct_client(), observer)
}

fn direct_client() -> SharedHttpClient {
    Builder::new().build_with_connector_fn(|settings, _components| direct_connector(settings.cloned()))
}

/// For plain http: it trusts nobody's certificate.
fn direct_connector(settings: Option<HttpConnectorSettings>) -> Connector {
    let nobody = TlsContext::builder().with_trust_store(TrustStore::empty());
    connector(ProxyConfig::disabled(), nobody.build().unwrap_or_default(), settings)
}

#[derive(Debug)]
struct GuardedClient<C> {
    inner: C,
    /// For what is on this machine.
    direct: C,
    observer: ResponseObserver,
}

impl HttpClient for GuardedClient<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(GuardedClient {
            inner: self.inner.http_connector(settings, components),
            direct: self.direct.http_connector(settings, components),
            observer: self.observer.clone(),
        })
    }
}

impl HttpConnector for GuardedClient<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = if is_local(request.uri()) {
            &self.direct
        } else {
            &self.inner
        };
        let address = request.uri().to_owned();
        self.observer.last_request.asks(&address);
        let asked_at = SystemTime::now();
        let (answer, observer) = (connector.call(request), self.observer.clone());
        HttpConnectorFuture::new(async move {
            let answer = answer.await?;
            if let Some(date) = answer.headers().get("date").and_then(http_date) {
                observer.clock.set(date, asked_at);
            }
            let answer = metadata_answer::checked(&address, answer).await?;
            let answer = answer.map(|body| SdkBody::from_body_1_x(Limited::new(body, BODY_LIMIT)));
            if answer.status().is_success() {
                observer.last_request.is_answered(None);
                return Ok(answer);
            }
            refused(answer, &observer.last_request).await
        })
    }
}

/// Remembers what a refusing response says. It holds nothing secret, and is passed on as it came.
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

    /// The server's clock is `ahead` of ours, and the answer takes `way` to come back.
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
