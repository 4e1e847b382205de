//! Azure Pipelines: a job requests tokens with `Create OidcToken`, each for one service connection.
//!
//! <https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create>

use http::Method;
use http::request::Parts;
use serde_json::json;

use super::{Ci, Described, JobSpec, uuid_of};
use crate::answer::{Answer, Refusal, json as json_answer};
use crate::request::header_text;
use crate::{Aws, lock};

/// Where jobs request tokens: below this path is
/// `<organization>/<project>/_apis/distributedtask/hubs/build/plans/<id>/jobs/<id>/oidctoken`.
pub(super) const PATH: &str = "/azure/";

pub(super) fn describe(spec: &JobSpec, id: &str, lab: &str) -> Described {
    let JobSpec {
        owner, project, number, ..
    } = spec;
    let variables = vec![
        ("TF_BUILD", "True".to_owned()),
        ("BUILD_BUILDID", number.to_string()),
        ("BUILD_DEFINITIONNAME", project.clone()),
        ("SYSTEM_TEAMPROJECT", project.clone()),
        (
            "SYSTEM_OIDCREQUESTURI",
            format!("{lab}{PATH}{owner}/{project}/_apis/distributedtask/hubs/build/plans/{id}/jobs/{id}/oidctoken"),
        ),
        ("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", connection_id(owner, project)),
    ];
    let organization = uuid_of("azure-organization", owner);
    Described {
        issuer: spec
            .issuer
            .clone()
            .unwrap_or_else(|| format!("https://vstoken.dev.azure.com/{organization}")),
        subject: spec.subject_or(format!("sc://{owner}/{project}/aws")),
        // The audience is fixed: a job cannot request another one.
        audience: spec.audience_or("api://AzureADTokenExchange"),
        lifetime: 600,
        claims: json!({}),
        variables,
    }
}

/// The service connection `aws` of a project.
fn connection_id(owner: &str, project: &str) -> String {
    uuid_of("azure-service-connection", &format!("{owner}/{project}"))
}

impl Aws {
    /// Answers a job that requests a token.
    pub(super) fn azure_call(&self, parts: &Parts) -> Result<Answer, Refusal> {
        let unknown = || Refusal::new(404, "NotFound", "No such plan, job or service connection");
        let path: Vec<&str> = parts.uri.path().trim_start_matches(PATH).split('/').collect();
        let [
            owner,
            project,
            "_apis",
            "distributedtask",
            "hubs",
            "build",
            "plans",
            _,
            "jobs",
            id,
            "oidctoken",
        ] = path[..]
        else {
            return Err(unknown());
        };
        let job = lock(&self.jobs).0.get(id).cloned().ok_or_else(unknown)?;
        let known = header_text(&parts.headers, "authorization") == format!("Bearer {}", job.access_token);
        if job.ci != Ci::Azure || !known || job.ended {
            return Err(Refusal::new(
                401,
                "Unauthorized",
                "The access token is not one of a running job",
            ));
        }
        if parts.method != Method::POST {
            return Err(Refusal::new(405, "MethodNotAllowed", "OidcToken is created by POST"));
        }
        if header_text(&parts.headers, "content-type") != "application/json" {
            return Err(Refusal::new(
                415,
                "UnsupportedMediaType",
                "The content type is application/json",
            ));
        }
        if header_text(&parts.headers, "content-length").is_empty() {
            return Err(Refusal::new(411, "LengthRequired", "A POST has a length"));
        }
        let query = parts.uri.query().unwrap_or_default();
        let parameter = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
        };
        if parameter("api-version").is_none_or(|version| !version.starts_with("7.")) {
            return Err(Refusal::new(
                400,
                "VssVersionNotSpecifiedException",
                "No api-version was supplied",
            ));
        }
        if parameter("serviceConnectionId") != Some(connection_id(owner, project).as_str()) {
            return Err(unknown());
        }
        let token = self.mint(&job, job.audience.as_str(), job.lifetime);
        let token = token.map_err(|error| Refusal::new(500, "InternalServerError", error.to_string()))?;
        Ok(json_answer(200, &json!({"oidcToken": token})))
    }
}
