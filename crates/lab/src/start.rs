//! Starting and stopping the lab.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::ci::{Site, programs};
use crate::clock::Clock;
use crate::ecr::{TOKEN_LIFETIME, Tokens};
use crate::metadata::Metadata;
use crate::principals::{ACCOUNT, AccessKey, PARTNER_ACCOUNT};
use crate::tls::Certificates;
use crate::upstream::Upstream;
use crate::{Aws, LabError, server, tls};

/// How to start a lab. By default it listens on free ports of 127.0.0.1, has a registry, and uses a temporary folder.
#[derive(Debug, Clone)]
pub struct Options {
    bind: IpAddr,
    http_port: u16,
    https_port: u16,
    data: Option<PathBuf>,
    token_lifetime: Duration,
    region: String,
    registry: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            bind: Ipv4Addr::LOCALHOST.into(),
            http_port: 0,
            https_port: 0,
            data: None,
            token_lifetime: TOKEN_LIFETIME,
            region: "eu-west-1".into(),
            registry: true,
        }
    }
}

impl Options {
    /// Sets the address to listen on: loopback, or a documentation address (RFC 5737) on a namespace's loopback
    /// interface. Docker treats registries at 127.0.0.0/8 as insecure, so it checks certificates only at a
    /// documentation address.
    #[must_use]
    pub fn bind(mut self, address: IpAddr) -> Self {
        self.bind = address;
        self
    }

    /// Sets the HTTP port; 0 chooses a free one.
    #[must_use]
    pub fn http_port(mut self, port: u16) -> Self {
        self.http_port = port;
        self
    }

    /// Sets the HTTPS port; 0 chooses a free one.
    #[must_use]
    pub fn https_port(mut self, port: u16) -> Self {
        self.https_port = port;
        self
    }

    /// Sets a permanent folder for the CA's certificate and the registry's storage. The default is a temporary folder.
    #[must_use]
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data = Some(folder.into());
        self
    }

    /// Sets the lifetime of registry tokens. The default is 12 hours.
    #[must_use]
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.token_lifetime = lifetime;
        self
    }

    /// Sets the region of the EC2 instance.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }

    /// Sets whether docker-registry runs behind the registries. Without it, `/v2/` still checks tokens, but every
    /// repository is unknown.
    #[must_use]
    pub fn registry(mut self, wanted: bool) -> Self {
        self.registry = wanted;
        self
    }
}

/// A running lab. Dropping it stops all listeners, connections and docker-registry, and removes its temporary folder.
#[derive(Debug)]
pub struct Lab {
    aws: Arc<Aws>,
    running: Running,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    admin: AccessKey,
    partner: AccessKey,
    region: String,
    // Dropped last, because everything else uses this folder.
    _scratch: TempDir,
}

/// What the thread reports once everything listens.
#[derive(Debug)]
struct Running {
    http: SocketAddr,
    https: SocketAddr,
    ca_pem: String,
    ca_file: PathBuf,
    programs: PathBuf,
}

impl Deref for Lab {
    type Target = Aws;

    fn deref(&self) -> &Aws {
        &self.aws
    }
}

impl Lab {
    /// Starts a lab on its own thread. Returns once everything listens.
    ///
    /// # Errors
    /// A port is taken, a folder can't be written, or docker-registry is missing or doesn't start.
    pub fn start(options: Options) -> Result<Self, LabError> {
        if !is_local(options.bind) {
            let cause = format!(
                "{} is neither a loopback address nor one of documentation's",
                options.bind
            );
            return Err(LabError::new("cannot start the lab", cause));
        }
        let scratch = tempfile::Builder::new()
            .prefix("lab-")
            .tempdir()
            .map_err(|cause| LabError::new("cannot make a temporary folder", cause))?;
        let upstream = options.registry.then(|| Upstream::new(scratch.path()));
        let aws = Arc::new(new_aws(&options, upstream));
        let admin = aws.add_user(ACCOUNT, "admin");
        let partner = aws.add_user(PARTNER_ACCOUNT, "admin");
        aws.add_cognito_fixtures()?;
        let region = options.region.clone();
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = mpsc::channel();
        let (shared, folder) = (aws.clone(), scratch.path().to_owned());
        let thread = std::thread::Builder::new()
            .name("lab".into())
            .spawn(move || run(&shared, &options, &folder, &tell, stopped))
            .map_err(|cause| LabError::new("cannot start a thread", cause))?;
        let running = told
            .recv()
            .map_err(|cause| LabError::new("the lab's thread ended", cause))??;
        Ok(Self {
            aws,
            running,
            stop: Some(stop),
            thread: Some(thread),
            admin,
            partner,
            region,
            _scratch: scratch,
        })
    }

    /// Returns the administrator of [`ACCOUNT`].
    pub fn admin(&self) -> &AccessKey {
        &self.admin
    }

    /// Returns the administrator of [`PARTNER_ACCOUNT`].
    pub fn partner(&self) -> &AccessKey {
        &self.partner
    }

    /// Returns the lab's own region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Returns the address of the HTTP listener.
    pub fn http_addr(&self) -> SocketAddr {
        self.running.http
    }

    /// Returns the address of the HTTPS listener.
    pub fn https_addr(&self) -> SocketAddr {
        self.running.https
    }

    /// Returns `http://127.0.0.1:<port>`, for `AWS_ENDPOINT_URL` and IMDS.
    pub fn http_url(&self) -> String {
        format!("http://{}", self.running.http)
    }

    /// Returns `https://127.0.0.1:<port>`, for `AWS_ENDPOINT_URL`.
    pub fn https_url(&self) -> String {
        format!("https://{}", self.running.https)
    }

    /// Returns the certificate of the lab's CA, in PEM.
    pub fn ca_pem(&self) -> &str {
        &self.running.ca_pem
    }

    /// Returns the path of the CA's certificate, for `AWS_CA_BUNDLE` and `SSL_CERT_FILE`.
    pub fn ca_file(&self) -> &Path {
        &self.running.ca_file
    }

    /// Returns the folder with the lab's `buildkite-agent` and `circleci`, for a job's `PATH`.
    pub fn programs(&self) -> &Path {
        &self.running.programs
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Either may be missing if the thread panicked; then its values are already dropped.
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Whether only this machine can reach the address.
fn is_local(address: IpAddr) -> bool {
    address.is_loopback() || matches!(address, IpAddr::V4(address) if address.is_documentation())
}

fn new_aws(options: &Options, upstream: Option<Upstream>) -> Aws {
    Aws {
        clock: Clock::default(),
        iam: Mutex::default(),
        oidc: Mutex::default(),
        tokens: Mutex::new(Tokens::new(options.token_lifetime)),
        bearers: Mutex::default(),
        cognito: Default::default(),
        jobs: Mutex::default(),
        site: OnceLock::new(),
        metadata: Mutex::new(Metadata::new(&options.region)),
        host_aliases: Mutex::default(),
        repositories: Mutex::default(),
        calls: Default::default(),
        faults: Default::default(),
        upstream,
    }
}

/// The lab's thread: starts everything, reports the result, and serves until it is stopped.
fn run(
    aws: &Arc<Aws>,
    options: &Options,
    scratch: &Path,
    tell: &mpsc::Sender<Result<Running, LabError>>,
    stopped: oneshot::Receiver<()>,
) {
    let started = (|| {
        let folder = options.data.as_deref().unwrap_or(scratch);
        fs::create_dir_all(folder).map_err(|cause| LabError::new("cannot make the data folder", cause))?;
        let registry = match &aws.upstream {
            Some(upstream) => Some(upstream.start(scratch, &folder.join("registry"))?),
            None => None,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|cause| LabError::new("cannot start the runtime", cause))?;
        let running = listen(aws, options, folder, &runtime)?;
        Ok((runtime, registry, running))
    })();
    match started {
        Err(error) => {
            let _ = tell.send(Err(error));
        }
        Ok((runtime, _registry, running)) => {
            let _ = tell.send(Ok(running));
            let _ = runtime.block_on(stopped);
        }
    }
}

fn listen(aws: &Arc<Aws>, options: &Options, folder: &Path, runtime: &Runtime) -> Result<Running, LabError> {
    let certificates =
        Certificates::new(aws.clone()).map_err(|cause| LabError::new("cannot make the certificates", cause))?;
    let ca_pem = certificates.ca_pem();
    let ca_file = folder.join("ca.pem");
    fs::write(&ca_file, &ca_pem).map_err(|cause| LabError::new("cannot write the CA's certificate", cause))?;
    let config =
        tls::server_config(Arc::new(certificates)).map_err(|cause| LabError::new("cannot set up TLS", cause))?;
    let (http_listener, http) = bind(runtime, options.bind, options.http_port)?;
    let (https_listener, https) = bind(runtime, options.bind, options.https_port)?;
    let bin = folder.join("bin");
    programs::write(&bin).map_err(|cause| LabError::new("cannot write the CI systems' programs", cause))?;
    // Set only here, once for each lab, so this never fails.
    let _ = aws.site.set(Site {
        http_url: format!("http://{http}"),
        programs: bin.clone(),
    });
    runtime.spawn(server::accept(aws.clone(), http_listener, None));
    let acceptor = TlsAcceptor::from(Arc::new(config));
    runtime.spawn(server::accept(aws.clone(), https_listener, Some(acceptor)));
    Ok(Running {
        http,
        https,
        ca_pem,
        ca_file,
        programs: bin,
    })
}

fn bind(runtime: &Runtime, address: IpAddr, port: u16) -> Result<(TcpListener, SocketAddr), LabError> {
    let bound = runtime
        .block_on(TcpListener::bind((address, port)))
        .and_then(|listener| {
            let address = listener.local_addr()?;
            Ok((listener, address))
        });
    bound.map_err(|cause| LabError::new("cannot listen", format!("{address}:{port}: {cause}")))
}
