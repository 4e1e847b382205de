//! Jenkins with the oidc-provider plugin: a credential binds one token, to `ECR_AUTH_ID_TOKEN` or to a file. Jenkins hides what it
//! binds, and nothing that a job gets later.
//! <https://plugins.jenkins.io/oidc-provider/>

use crate::{CiSystem, JobMark, MissingToken, SessionWords, TokenIssuer};
use diagnostics::Code;

pub(crate) static JENKINS: CiSystem = CiSystem {
    name: "Jenkins",
    mark: JobMark::Set("JENKINS_URL"),
    session: Some(SessionWords {
        set: "BUILD_TAG",
        // The variable begins with "jenkins-" by itself.
        prefix: "",
        words: &["BUILD_TAG"],
    }),
    names: &["JOB_NAME"],
    issuer: Some(TokenIssuer {
        url: "https://<controller>/oidc",
        subjects: &["https://<controller>/job/<job>/"],
        ..TokenIssuer::BLANK
    }),
    missing: Some(MissingToken {
        code: Code::NoToken,
        hint: "name an OIDC token credential (credentialsId of withEcrAuth), or bind one to ECR_AUTH_ID_TOKEN around this step",
        lines: None,
    }),
    ..CiSystem::BLANK
};
