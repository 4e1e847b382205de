//! ECR's ListImages: the tags of a repository, for callers with permission.

use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderName, Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Aws;
use crate::answer::{Answer, BoxError, Refusal, aws_json};
use crate::hosts::Registry;
use crate::policy::Access;
use crate::sigv4::{Caller, Denial};
use crate::upstream::{LARGEST_MAPPED, Upstream};

/// Manifests of every kind that clients push.
const MANIFESTS: &str = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.index.v1+json";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input {
    repository_name: String,
    registry_id: Option<String>,
}

#[derive(Deserialize)]
struct Tags {
    tags: Option<Vec<String>>,
}

impl Aws {
    /// Answers a signed ListImages with all tags on one page. Filters are not supported.
    pub(crate) async fn list_images(&self, body: &[u8], caller: Result<Caller, Denial>) -> Result<Answer, Refusal> {
        let caller = caller.map_err(|denial| Refusal::new(400, denial.json_code(), denial.to_string()))?;
        let input: Input = serde_json::from_slice(body)
            .map_err(|error| Refusal::new(400, "InvalidParameterException", error.to_string()))?;
        let registry = Registry {
            account: input.registry_id.unwrap_or_else(|| caller.principal.account.clone()),
            region: caller.region,
        };
        let name = &input.repository_name;
        self.authorize(&caller.principal, &registry, name, "ecr:ListImages", Access::Pull)
            .map_err(|refusal| Refusal::new(400, "AccessDeniedException", refusal.message))?;
        let prefix = registry.prefix();
        let found = match &self.upstream {
            Some(upstream) => upstream.images(&prefix, name).await,
            None => Ok(None),
        };
        let found = found.map_err(|cause| Refusal::new(500, "ServerException", cause.to_string()))?;
        let images = found.ok_or_else(|| {
            let account = &registry.account;
            let message =
                format!("The repository with name '{name}' does not exist in the registry with id '{account}'");
            Refusal::new(400, "RepositoryNotFoundException", message)
        })?;
        Ok(aws_json(200, &json!({ "imageIds": images })))
    }
}

impl Upstream {
    /// Returns the tags of a repository with their digests, in ECR's format. `None` if nothing was pushed to it.
    async fn images(&self, prefix: &str, repository: &str) -> Result<Option<Vec<Value>>, BoxError> {
        let ask = async |method: Method, rest: &str| {
            let request = Request::builder()
                .method(method)
                .uri(format!("/v2/{repository}/{rest}"))
                .header(ACCEPT, MANIFESTS)
                .body(Empty::<Bytes>::new())?;
            self.exchange(prefix, request).await
        };
        let answer = ask(Method::GET, "tags/list").await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let body = Limited::new(answer.into_body(), LARGEST_MAPPED)
            .collect()
            .await?
            .to_bytes();
        let tags: Tags = serde_json::from_slice(&body)?;
        let mut images = Vec::new();
        for tag in tags.tags.unwrap_or_default() {
            let answer = ask(Method::HEAD, &format!("manifests/{tag}")).await?;
            let digest = answer.headers().get(HeaderName::from_static("docker-content-digest"));
            let digest = digest.and_then(|digest| digest.to_str().ok()).unwrap_or_default();
            images.push(json!({"imageTag": tag, "imageDigest": digest}));
        }
        Ok(Some(images))
    }
}
