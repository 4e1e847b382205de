//! Jenkins with the oidc-provider plugin: the controller itself is the issuer, and a credential binds one token to the
//! build.
//!
//! <https://plugins.jenkins.io/oidc-provider/>

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::json;

use super::{Described, JobSpec};
use crate::LabError;

pub(super) fn describe(spec: &JobSpec) -> Described {
    let JobSpec {
        owner, project, number, ..
    } = spec;
    let issuer = spec
        .issuer
        .clone()
        .unwrap_or_else(|| "https://jenkins.example.com/oidc".into());
    let controller = format!("{}/", issuer.trim_end_matches("/oidc"));
    let name = format!("{owner}/{project}");
    let job = format!("{controller}job/{owner}/job/{project}/");
    let variables = vec![
        ("BUILD_ID", number.to_string()),
        ("BUILD_NUMBER", number.to_string()),
        ("BUILD_TAG", format!("jenkins-{owner}-{project}-{number}")),
        ("BUILD_URL", format!("{job}{number}/")),
        ("JENKINS_URL", controller.clone()),
        ("JOB_BASE_NAME", project.clone()),
        ("JOB_NAME", name),
        ("JOB_URL", job.clone()),
    ];
    Described {
        issuer,
        subject: spec.subject_or(job),
        audience: spec.audience_or("sts.amazonaws.com"),
        lifetime: 3600,
        claims: json!({ "build_number": number }),
        variables,
    }
}

/// Binds the token like the plugin's two kinds of credentials: as text, or as a file that only this build can read.
pub(super) fn bind(token: String, file: Option<&Path>) -> Result<(&'static str, String), LabError> {
    let Some(file) = file else {
        return Ok(("ECR_AUTH_ID_TOKEN", token));
    };
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut file| file.write_all(token.as_bytes()))
        .map_err(|cause| LabError::new("cannot write the token's file", cause))?;
    Ok(("AWS_WEB_IDENTITY_TOKEN_FILE", file.display().to_string()))
}
