//! A client of the registry itself: the OCI distribution API with a password of ECR's.
//! <https://github.com/opencontainers/distribution-spec/blob/main/spec.md>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use aws_access::net::{PlainResponse, Transport, send};
use diagnostics::{Result, one_line};
use secret::{Secret, exposed};

/// The media types of manifests that clients accept.
const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";

/// The most characters of a server's message that are shown.
const SHOWN_LIMIT: usize = 300;

/// Returns the registry's message about a refusal, in one line: the first of its `errors`.
pub fn refusal(response: &PlainResponse) -> Option<String> {
    #[derive(Deserialize)]
    struct RegistryErrors {
        errors: Vec<RegistryError>,
    }
    #[derive(Deserialize)]
    struct RegistryError {
        #[serde(default)]
        code: String,
        #[serde(default)]
        message: String,
    }
    let refused: RegistryErrors = serde_json::from_str(response.body.expose()).ok()?;
    let first = refused.errors.into_iter().next()?;
    let said = one_line(&format!("{}: {}", first.code, first.message));
    Some(said.chars().take(SHOWN_LIMIT).collect())
}

/// Requests `/` at an address, to see whether a server answers there, and its time.
///
/// # Errors
/// No server can be reached there.
pub async fn probe(transport: &Transport, address: &str) -> Result<PlainResponse> {
    let url = format!("{}/", address.trim_end_matches('/'));
    send(transport, "GET", &url, &[]).await
}

/// A registry and its password.
#[derive(Debug)]
pub struct RegistryClient<'a> {
    transport: Transport,
    host: &'a str,
    authorization: Option<Secret>,
}

impl<'a> RegistryClient<'a> {
    /// Returns the client of the registry at this host (with its port, if it has one). Without a password, requests have no credentials.
    pub fn new(transport: Transport, host: &'a str, password: Option<&Secret>) -> Self {
        let authorization = password.map(|password| {
            let user = Secret::new(format!("AWS:{}", password.expose()));
            Secret::new(format!("Basic {}", STANDARD.encode(user.expose())))
        });
        Self {
            transport,
            host,
            authorization,
        }
    }

    /// Requests `GET /v2/`, which tells whether the registry accepts this password. If the registry (ECR Public) wants another token instead, it is
    /// fetched and kept.
    ///
    /// # Errors
    /// The registry cannot be reached.
    pub async fn ping(&mut self) -> Result<PlainResponse> {
        self.answer_challenge("GET", "/v2/", &[]).await
    }

    /// Requests `HEAD` of a manifest. It keeps another token, as [`RegistryClient::ping`] does.
    ///
    /// # Errors
    /// The registry cannot be reached.
    pub async fn manifest(&mut self, repository: &str, reference: &str) -> Result<PlainResponse> {
        let path = format!("/v2/{repository}/manifests/{reference}");
        self.answer_challenge("HEAD", &path, &[("accept", MANIFESTS)]).await
    }

    /// Begins the upload of a blob. [`RegistryClient::cancel`] ends it.
    ///
    /// # Errors
    /// The registry cannot be reached.
    pub async fn begin_upload(&self, repository: &str) -> Result<PlainResponse> {
        let path = format!("/v2/{repository}/blobs/uploads/");
        self.call("POST", &path, &[("content-length", "0")]).await
    }

    /// Cancels an upload, by the `Location` of the response that began it. Returns `None` if that is on another server.
    ///
    /// # Errors
    /// The registry cannot be reached.
    pub async fn cancel(&self, location: &str) -> Result<Option<PlainResponse>> {
        let own = format!("https://{}", self.host);
        let path = location.strip_prefix(&own).unwrap_or(location);
        match path.starts_with('/') {
            true => self.call("DELETE", path, &[]).await.map(Some),
            false => Ok(None),
        }
    }

    /// Sends a request, and sends it again with a bearer token if the registry asks for one.
    async fn answer_challenge(&mut self, method: &str, path: &str, headers: &[(&str, &str)]) -> Result<PlainResponse> {
        let answer = self.call(method, path, headers).await?;
        let challenge = answer.header("www-authenticate").filter(|_| answer.status == 401);
        match challenge.and_then(|challenge| token_address(challenge, self.host)) {
            Some(url) => {
                self.take_bearer(&url).await?;
                self.call(method, path, headers).await
            }
            None => Ok(answer),
        }
    }

    /// Fetches the token that the registry wants instead of the password: <https://distribution.github.io/distribution/spec/auth/token/>
    async fn take_bearer(&mut self, url: &str) -> Result<()> {
        #[derive(Deserialize)]
        struct BearerToken {
            #[serde(with = "exposed")]
            token: Secret,
        }
        let authorization = self
            .authorization
            .as_ref()
            .map(|value| ("authorization", value.expose()));
        let answer = send(&self.transport, "GET", url, authorization.as_slice()).await?;
        if let Ok(BearerToken { token }) = serde_json::from_str(answer.body.expose()) {
            self.authorization = Some(Secret::new(format!("Bearer {}", token.expose())));
        }
        Ok(())
    }

    async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Result<PlainResponse> {
        let url = format!("https://{}{path}", self.host);
        let authorization = self
            .authorization
            .as_ref()
            .map(|value| ("authorization", value.expose()));
        let headers: Vec<(&str, &str)> = headers.iter().copied().chain(authorization).collect();
        send(&self.transport, method, &url, &headers).await
    }
}

/// Returns the address for a token in a registry's challenge. It must be on the registry itself, because the password is sent there too.
fn token_address(challenge: &str, host: &str) -> Option<String> {
    let (scheme, parameters) = challenge.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let parameter = |name: &str| {
        let mut all = parameters.split(',').filter_map(|pair| pair.trim().split_once('='));
        all.find(|(key, _)| *key == name)
            .map(|(_, value)| value.trim_matches('"'))
    };
    let realm = parameter("realm").filter(|realm| realm.starts_with(&format!("https://{host}/")))?;
    let query: Vec<String> = ["service", "scope"]
        .into_iter()
        .filter_map(|name| Some(format!("{name}={}", parameter(name)?)))
        .collect();
    Some(format!("{realm}?{}", query.join("&")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_goes_to_no_other_server_for_a_token() {
        let of = |realm: &str| {
            let challenge = format!("Bearer realm=\"{realm}\",service=\"public.ecr.aws\",scope=\"aws\"");
            token_address(&challenge, "public.ecr.aws")
        };
        assert_eq!(
            of("https://public.ecr.aws/token/").as_deref(),
            Some("https://public.ecr.aws/token/?service=public.ecr.aws&scope=aws")
        );
        for other in [
            "https://example.com/token/",
            "http://public.ecr.aws/token/",
            "https://public.ecr.aws.example.com/",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
        assert_eq!(
            token_address("Basic realm=\"https://public.ecr.aws/\"", "public.ecr.aws"),
            None
        );
    }
}
