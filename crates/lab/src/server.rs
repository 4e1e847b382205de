//! Listeners and connections, and the routing of a request to its service.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::answer::{self, Answer, Refusal};
use crate::calls::{Call, operation_name};
use crate::ci::TokenApi;
use crate::clock::{http_date, skewed};
use crate::cognito::login_operation;
use crate::faults::{NoAnswer, ResetInBody, refuse};
use crate::hosts::{AwsHost, Service};
use crate::metadata::CONTAINER_PATH;
use crate::request::header_text;
use crate::sigv4::{self, Caller, Denial, SignedRequest};
use crate::sts::Parameters;
use crate::{Aws, control, lock};

/// The limit of a request's body in bytes. No real call of these APIs is this large.
const LARGEST_CALL: usize = 1024 * 1024;
const ECR_TARGET: &str = "AmazonEC2ContainerRegistry_V20150921.";
const ECR_PUBLIC_TARGET: &str = "SpencerFrontendService.";
const COGNITO_IDP_TARGET: &str = "AWSCognitoIdentityProviderService.";
const COGNITO_IDENTITY_TARGET: &str = "AWSCognitoIdentityService.";

/// Accepts connections until the runtime stops.
pub(crate) async fn accept(aws: Arc<Aws>, listener: TcpListener, tls: Option<TlsAcceptor>) {
    loop {
        // A failed accept (no descriptors left, a connection that has already ended) does not affect the listener.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        tokio::spawn(connection(aws.clone(), stream, tls.clone()));
    }
}

async fn connection(aws: Arc<Aws>, stream: TcpStream, tls: Option<TlsAcceptor>) {
    // Otherwise small answers on a keep-alive connection would wait for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let stream = Shared(Arc::new(stream));
    match tls {
        None => http1(aws, TokioIo::new(stream.clone()), stream).await,
        Some(acceptor) => {
            aws.calls.connected();
            if let Ok(encrypted) = acceptor.accept(stream.clone()).await {
                http1(aws, TokioIo::new(encrypted), stream).await;
            }
        }
    }
}

async fn http1<I>(aws: Arc<Aws>, io: I, stream: Shared)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
{
    let service = service_fn(|request| {
        let (aws, stream) = (aws.clone(), stream.clone());
        async move {
            let answer = handle(&aws, request).await;
            let is_reset = match &answer {
                Ok(answer) => answer.extensions().get::<ResetInBody>().is_some(),
                Err(why) => *why == NoAnswer::Reset,
            };
            if is_reset {
                let _ = stream.0.set_zero_linger();
            }
            answer
        }
    });
    // Errors of a connection only matter to the client.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(io, service)
        .await;
}

/// A connection's stream that stays accessible while the HTTP server owns it, because a reset is requested on the
/// stream itself.
#[derive(Clone, Debug)]
struct Shared(Arc<TcpStream>);

impl AsyncRead for Shared {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(cx))?;
            match self.0.try_read(buffer.initialize_unfilled()) {
                Ok(read) => {
                    buffer.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Shared {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(cx))?;
            match self.0.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return Poll::Ready(done),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Does nothing, because the stream is closed when its last owner drops it, right after this call.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// A complete request to an API service.
struct ApiRequest {
    parts: Parts,
    body: Bytes,
    form: Parameters,
}

async fn handle(aws: &Aws, request: Request<Incoming>) -> Result<Answer, NoAnswer> {
    let began = Instant::now();
    let host = host_of(&request);
    let named = aws.named(&host);
    let path = request.uri().path();
    if named.is_none() && path.starts_with("/_lab") {
        return Ok(control::call(aws, request).await);
    }
    let service = match &named {
        Some(host) => host.service(),
        None => service_by_protocol(&request),
    };
    let mut call = Call {
        operation: String::new(),
        status: 0,
        principal: None,
        region: None,
        user_agent: header_text(request.headers(), header::USER_AGENT.as_str()).to_owned(),
        microseconds: 0,
        host,
        session: None,
    };
    let skew = aws.faults.take_skew(service);
    skewed(skew, async {
        let answer = serve(aws, service, named, request, &mut call).await;
        call.status = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
        let (_, operation) = call.operation.split_once(':').unwrap_or_default();
        let answer = answer.map(|answer| {
            let mut answer = aws.faults.alter(service, operation, answer);
            answer::insert(&mut answer, "date", &http_date(aws.clock.now()));
            answer
        });
        call.microseconds = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        aws.calls.finished(call);
        answer
    })
    .await
}

async fn serve(
    aws: &Aws,
    service: Service,
    named: Option<AwsHost>,
    request: Request<Incoming>,
    call: &mut Call,
) -> Result<Answer, NoAnswer> {
    match service {
        Service::Registry => {
            let operation = aws.registry_operation(&request);
            if let Some(odd) = begin(aws, service, operation, call).await? {
                return Ok(odd);
            }
            Ok(aws.registry_call(named, request, call).await)
        }
        Service::Imds | Service::Container => {
            let operation = match (service, request.uri().path()) {
                (Service::Imds, "/latest/api/token") => "Token",
                (Service::Imds, path) if !path.contains("security-credentials") => "Metadata",
                _ => "Credentials",
            };
            if let Some(odd) = begin(aws, service, operation, call).await? {
                return Ok(odd);
            }
            let (parts, _) = request.into_parts();
            let path = parts.uri.path();
            let done = match service {
                Service::Imds => aws.imds_call(&parts.method, path, &parts.headers),
                _ => aws.container_call(path, &parts.headers),
            };
            Ok(done.unwrap_or_else(|refusal| refusal.plain_json()))
        }
        Service::Github | Service::Buildkite | Service::Circleci | Service::Ci => {
            let api = TokenApi::at(request.uri().path());
            let operation = api.map_or("Unknown", |api| api.operation(request.uri().path()));
            if let Some(odd) = begin(aws, service, operation, call).await? {
                return Ok(odd);
            }
            let done = read(request).await.and_then(|request| match api {
                Some(api) => (api.answer)(aws, &request.parts, &request.body),
                None => Err(Refusal::new(404, "NotFound", "No such address")),
            });
            Ok(done.unwrap_or_else(|refusal| refuse(service, &refusal)))
        }
        Service::CognitoLogin => {
            let operation = login_operation(request.uri().path());
            if let Some(odd) = begin(aws, service, operation, call).await? {
                return Ok(odd);
            }
            let done = read(request)
                .await
                .and_then(|request| aws.managed_login(&request.parts, &request.form));
            Ok(done.unwrap_or_else(|refusal| refuse(service, &refusal)))
        }
        Service::Ecr | Service::EcrPublic | Service::Sts | Service::CognitoIdp | Service::CognitoIdentity => {
            let request = match read(request).await {
                Ok(request) => request,
                Err(refusal) => return Ok(refuse(service, &refusal)),
            };
            let operation = api_operation(service, &request);
            if let Some(odd) = begin(aws, service, &operation, call).await? {
                return Ok(odd);
            }
            let done = match (service, operation.as_str()) {
                (Service::Ecr, "ListImages") => {
                    let caller = verify(aws, service, region_of(named.as_ref()), &request, call);
                    aws.list_images(&request.body, caller).await
                }
                _ => api(aws, service, &operation, named.as_ref(), &request, call),
            };
            Ok(done.unwrap_or_else(|refusal| refuse(service, &refusal)))
        }
    }
}

/// Counts the call, then applies the next fault to it.
async fn begin(aws: &Aws, service: Service, operation: &str, call: &mut Call) -> Result<Option<Answer>, NoAnswer> {
    call.operation = operation_name(service, operation);
    let arrived = || aws.calls.arrived(&call.operation);
    aws.faults.meet(service, operation, aws.clock.now(), arrived).await
}

/// Chooses the service by protocol, for an endpoint override whose host name names no service.
fn service_by_protocol(request: &Request<Incoming>) -> Service {
    let path = request.uri().path();
    let target = header_text(request.headers(), "x-amz-target");
    if path.starts_with("/latest/") {
        Service::Imds
    } else if path.starts_with(CONTAINER_PATH) {
        Service::Container
    } else if let Some(api) = TokenApi::at(path) {
        api.service
    } else if login_operation(path) != "Unknown" {
        Service::CognitoLogin
    } else if path.starts_with("/v2/") || path.starts_with("/token") {
        Service::Registry
    } else if target.starts_with(ECR_PUBLIC_TARGET) {
        Service::EcrPublic
    } else if target.starts_with(COGNITO_IDP_TARGET) {
        Service::CognitoIdp
    } else if target.starts_with(COGNITO_IDENTITY_TARGET) {
        Service::CognitoIdentity
    } else if target.is_empty() {
        Service::Sts
    } else {
        Service::Ecr
    }
}

async fn read(request: Request<Incoming>) -> Result<ApiRequest, Refusal> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, LARGEST_CALL)
        .collect()
        .await
        .map_err(|_| Refusal::new(413, "RequestEntityTooLarge", "The request is too large"))?
        .to_bytes();
    let form = if parts.method == Method::GET {
        Parameters::read(parts.uri.query().unwrap_or_default())
    } else {
        Parameters::read(&String::from_utf8_lossy(&body))
    };
    Ok(ApiRequest { parts, body, form })
}

fn api_operation(service: Service, request: &ApiRequest) -> String {
    let target = header_text(&request.parts.headers, "x-amz-target");
    let operation = match service {
        Service::Sts => request.form.action(),
        Service::EcrPublic => target.strip_prefix(ECR_PUBLIC_TARGET),
        Service::CognitoIdp => target.strip_prefix(COGNITO_IDP_TARGET),
        Service::CognitoIdentity => target.strip_prefix(COGNITO_IDENTITY_TARGET),
        _ => target.strip_prefix(ECR_TARGET),
    };
    operation.unwrap_or("Unknown").to_owned()
}

fn api(
    aws: &Aws,
    service: Service,
    operation: &str,
    named: Option<&AwsHost>,
    request: &ApiRequest,
    call: &mut Call,
) -> Result<Answer, Refusal> {
    let region = region_of(named);
    call.region = region.map(Into::into);
    if matches!(service, Service::CognitoIdp | Service::CognitoIdentity) {
        return aws.cognito_call(service, operation, region, &request.parts.headers, &request.body);
    }
    let caller = || verify(aws, service, region, request, call);
    match service {
        Service::Sts => {
            let mut session = None;
            let done = aws.sts_call(&request.form, caller, &mut session);
            call.session = session.map(Box::new);
            done
        }
        _ => aws.ecr_call(service, operation, &request.body, caller),
    }
}

/// Returns the region in the host name of an API.
fn region_of(named: Option<&AwsHost>) -> Option<&str> {
    match named {
        Some(AwsHost::Api(_, region)) => Some(region.as_str()),
        _ => None,
    }
}

fn verify(
    aws: &Aws,
    service: Service,
    region: Option<&str>,
    request: &ApiRequest,
    call: &mut Call,
) -> Result<Caller, Denial> {
    let signed = SignedRequest {
        method: &request.parts.method,
        uri: &request.parts.uri,
        headers: &request.parts.headers,
        body: &request.body,
    };
    let caller = sigv4::verify(signed, &lock(&aws.iam), aws.clock.now(), service.name(), region)?;
    call.principal = Some(caller.principal.arn.clone());
    call.region = Some(caller.region.clone());
    Ok(caller)
}

fn host_of(request: &Request<Incoming>) -> String {
    match request.uri().host() {
        Some(host) => host.to_owned(),
        None => header_text(request.headers(), header::HOST.as_str()).to_owned(),
    }
}
