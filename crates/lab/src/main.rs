//! The lab as a program: prints the environment that directs AWS clients to it, then serves until it is stopped.

use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use lab::{Lab, Options};

/// A strict local AWS: ECR, ECR Public, STS, Cognito, IMDSv2 and registries, on loopback.
#[derive(Debug, Parser)]
#[command(name = "lab", version)]
struct Arguments {
    /// Address to listen on: loopback, or one of documentation's (192.0.2.0/24 and so on)
    #[arg(long, default_value = "127.0.0.1")]
    bind: IpAddr,
    /// Port of HTTP and of the control endpoint; 0: a free one
    #[arg(long, default_value_t = 0)]
    http_port: u16,
    /// Port of HTTPS; 0: a free one
    #[arg(long, default_value_t = 0)]
    https_port: u16,
    /// Folder of the CA's certificate and the images, kept at the end [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// How long registry tokens live
    #[arg(long, value_name = "SECONDS", default_value_t = 43_200)]
    token_lifetime: u64,
    /// The region of AWS_REGION and of the instance metadata
    #[arg(long, default_value = "eu-west-1")]
    region: String,
    /// Run without docker-registry: every repository is unknown
    #[arg(long)]
    no_registry: bool,
    /// AWS's own host names lead here (a namespace, /etc/hosts): leave AWS_ENDPOINT_URL out
    #[arg(long)]
    real_names: bool,
    /// Write the environment to this file too, at once and complete
    #[arg(long, value_name = "FILE")]
    env_file: Option<PathBuf>,
}

impl Arguments {
    fn options(&self) -> Options {
        let options = Options::default()
            .bind(self.bind)
            .http_port(self.http_port)
            .https_port(self.https_port)
            .token_lifetime(Duration::from_secs(self.token_lifetime))
            .region(self.region.clone())
            .registry(!self.no_registry);
        match &self.data {
            Some(folder) => options.data(folder),
            None => options,
        }
    }
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    match serve(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &Arguments) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Before anything is printed, because whoever reads the environment may send the signal at once.
    let stopped = runtime.block_on(async { Stop::listen() })?;
    let lab = Lab::start(arguments.options())?;
    let environment = environment(&lab, arguments.real_names);
    if let Some(file) = &arguments.env_file {
        write_whole(file, &environment)?;
    }
    let mut stdout = std::io::stdout();
    stdout.write_all(environment.as_bytes())?;
    stdout.flush()?;
    runtime.block_on(stopped.wait());
    Ok(())
}

/// Waits for SIGINT or SIGTERM.
struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn wait(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

fn environment(lab: &Lab, real_names: bool) -> String {
    let ca = lab.ca_file().display().to_string();
    let mut lines = vec![
        ("AWS_ACCESS_KEY_ID", lab.admin().id.clone()),
        ("AWS_SECRET_ACCESS_KEY", lab.admin().secret.clone()),
        ("AWS_REGION", lab.region().to_owned()),
        ("AWS_DEFAULT_REGION", lab.region().to_owned()),
        ("AWS_CA_BUNDLE", ca.clone()),
        ("SSL_CERT_FILE", ca),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", lab.http_url()),
        ("LAB_PROGRAMS", lab.programs().display().to_string()),
        ("LAB_CONTROL", format!("{}/_lab", lab.http_url())),
    ];
    if !real_names {
        lines.push(("AWS_ENDPOINT_URL", lab.http_url()));
    }
    lines
        .into_iter()
        .map(|(name, value)| format!("export {name}='{}'\n", value.replace('\'', r"'\''")))
        .collect()
}

/// Writes the file so that a reader sees either the whole file or none.
fn write_whole(path: &Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
