//! The backing OCI registry: Debian's docker-registry as a child process on a Unix socket, and the forwarding of
//! requests to it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use http::uri::{PathAndQuery, Uri};
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use crate::LabError;
use crate::answer::{self, Answer, BoxError, Refusal};
use crate::random::random_text;

/// How long docker-registry may take to start listening.
const START: Duration = Duration::from_secs(20);
/// The limit in bytes for bodies that are rewritten. Only tag lists and errors are, and both are small.
pub(crate) const LARGEST_MAPPED: usize = 4 * 1024 * 1024;

/// The registry's socket and configuration.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    socket: PathBuf,
}

/// The child process, which is killed and waited for on drop.
#[derive(Debug)]
pub(crate) struct RegistryProcess(Child);

impl Drop for RegistryProcess {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Upstream {
    /// Plans a registry with its socket, configuration and log in this folder.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            socket: folder.join("registry.sock"),
        }
    }

    /// Starts docker-registry with its storage in `storage`, and waits until it listens.
    ///
    /// Call this on the thread that lives as long as the lab. The child dies with that thread (setpriv's
    /// `--pdeathsig`), so that even a killed lab leaves no registry behind.
    pub(crate) fn start(&self, folder: &Path, storage: &Path) -> Result<RegistryProcess, LabError> {
        let failed = |cause: BoxError| LabError::new("cannot start docker-registry", cause);
        let config = folder.join("registry.yml");
        fs::write(&config, self.config(storage)).map_err(|cause| failed(cause.into()))?;
        let log = folder.join("registry.log");
        let output = File::create(&log).map_err(|cause| failed(cause.into()))?;
        let errors = output.try_clone().map_err(|cause| failed(cause.into()))?;
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "docker-registry", "serve"])
            .arg(&config)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(|cause| failed(format!("{cause} (Debian packages: util-linux, docker-registry)").into()))?;
        let mut process = RegistryProcess(child);
        self.wait_until_listening(&mut process, &log)?;
        Ok(process)
    }

    fn wait_until_listening(&self, process: &mut RegistryProcess, log: &Path) -> Result<(), LabError> {
        let deadline = Instant::now() + START;
        while std::os::unix::net::UnixStream::connect(&self.socket).is_err() {
            let ended = !matches!(process.0.try_wait(), Ok(None));
            if ended || Instant::now() > deadline {
                let said = fs::read_to_string(log).unwrap_or_default();
                return Err(LabError::new(
                    "docker-registry does not listen (Debian package: docker-registry)",
                    said.trim().to_owned(),
                ));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn config(&self, storage: &Path) -> String {
        let config = serde_json::json!({
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": true}},
            "storage": {
                "filesystem": {"rootdirectory": storage},
                "delete": {"enabled": true},
                "maintenance": {"uploadpurging": {"enabled": false}},
            },
            "http": {
                "net": "unix",
                "addr": self.socket,
                "relativeurls": true,
                "secret": random_text(32),
            },
        });
        // Every JSON text is also YAML.
        config.to_string()
    }

    /// Forwards a request with the repository's name prefixed, and rewrites the answer.
    pub(crate) async fn forward(&self, prefix: &str, request: Request<Incoming>) -> Answer {
        let answer = match self.exchange(prefix, request).await {
            Ok(answer) => map_back(prefix, answer).await,
            Err(cause) => Err(cause),
        };
        answer.unwrap_or_else(|cause| Refusal::new(502, "UNAVAILABLE", cause.to_string()).registry())
    }

    /// Forwards a request, changing only the repository's name.
    pub(crate) async fn exchange<B>(
        &self,
        prefix: &str,
        mut request: Request<B>,
    ) -> Result<Response<Incoming>, BoxError>
    where
        B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        *request.uri_mut() = prefixed(prefix, request.uri())?;
        for name in [header::AUTHORIZATION, header::CONNECTION, header::TRANSFER_ENCODING] {
            request.headers_mut().remove(name);
        }
        request
            .headers_mut()
            .insert(header::HOST, HeaderValue::from_static("registry"));
        let stream = UnixStream::connect(&self.socket).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender.send_request(request).await?)
    }
}

/// Adds the prefix to the repository names: `/v2/app/…?from=base` → `/v2/<prefix>/app/…?from=<prefix>/base`.
fn prefixed(prefix: &str, uri: &Uri) -> Result<Uri, BoxError> {
    let rest = uri.path().strip_prefix("/v2/").unwrap_or_default();
    let mut target = format!("/v2/{prefix}/{rest}");
    if let Some(query) = uri.query() {
        let pairs: Vec<String> = query
            .split('&')
            .map(|pair| match pair.strip_prefix("from=") {
                Some(from) => format!("from={prefix}/{from}"),
                None => pair.to_owned(),
            })
            .collect();
        target = format!("{target}?{}", pairs.join("&"));
    }
    Ok(Uri::from(target.parse::<PathAndQuery>()?))
}

async fn map_back(prefix: &str, answer: Response<Incoming>) -> Result<Answer, BoxError> {
    let (mut parts, body) = answer.into_parts();
    map_links(prefix, &mut parts.headers);
    parts.headers.remove(header::CONNECTION);
    let kind = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    // Manifests have other media types, and blobs are octet-stream: both pass unchanged.
    if !kind.is_some_and(|kind| kind.starts_with("application/json")) {
        return Ok(Response::from_parts(parts, body.map_err(Into::into).boxed_unsync()));
    }
    let whole = Limited::new(body, LARGEST_MAPPED).collect().await?.to_bytes();
    let text = String::from_utf8_lossy(&whole).replace(&format!("\"{prefix}/"), "\"");
    // An answer to HEAD announces the length of a body that it does not have.
    if !whole.is_empty() {
        parts.headers.remove(header::CONTENT_LENGTH);
    }
    let (_, body) = answer::bytes(200, "application/json", text).into_parts();
    Ok(Response::from_parts(parts, body))
}

fn map_links(prefix: &str, headers: &mut HeaderMap) {
    for name in [header::LOCATION, header::LINK] {
        let mapped = headers
            .get(&name)
            .and_then(|value| value.to_str().ok())
            .map(|value| value.replacen(&format!("/v2/{prefix}/"), "/v2/", 1))
            .and_then(|value| HeaderValue::from_str(&value).ok());
        if let Some(value) = mapped {
            headers.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_repository_and_mount_source() {
        let uri = "/v2/app/blobs/uploads/?mount=sha256:00&from=base".parse().unwrap();
        assert_eq!(
            prefixed("111122223333-eu-west-1", &uri).unwrap().to_string(),
            "/v2/111122223333-eu-west-1/app/blobs/uploads/?mount=sha256:00&from=111122223333-eu-west-1/base"
        );
    }
}
