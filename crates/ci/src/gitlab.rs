//! GitLab CI: the job names the variable of its token, which is `ECR_AUTH_ID_TOKEN`. GitLab can't hide what a job gets while it runs.
//! <https://docs.gitlab.com/ci/secrets/id_token_authentication/>

use crate::trust::{Wildcard, described, missing};
use crate::{
    CiSystem, JobMark, MissingToken, SessionWords, TokenIssuer, TrustForm, TrustKey, TrustedJobs, WantedTrust,
    WorkflowLines,
};
use diagnostics::{Code, Result};
use oidc_token::Claims;

pub(crate) static GITLAB: CiSystem = CiSystem {
    name: "GitLab CI",
    mark: JobMark::Set("GITLAB_CI"),
    secrets: &[
        (
            "CI_JOB_JWT",
            "a token of GitLab's before version 17: no other program gets it",
        ),
        ("CI_JOB_JWT_V1", "the same"),
        ("CI_JOB_JWT_V2", "the same"),
    ],
    session: Some(SessionWords {
        set: "CI_JOB_ID",
        prefix: "gitlab",
        words: &["CI_PROJECT_PATH", "CI_JOB_ID"],
    }),
    names: &["CI_PROJECT_PATH", "GITLAB_USER_LOGIN"],
    issuer: Some(TokenIssuer {
        url: "https://gitlab.com",
        subjects: &[
            "project_path:<group>/<project>:ref_type:branch:ref:<branch>",
            "project_path:<group>/<project>:ref_type:tag:ref:<tag>",
        ],
        ..TokenIssuer::BLANK
    }),
    missing: Some(MissingToken {
        code: Code::NoToken,
        hint: "give the job `id_tokens: ECR_AUTH_ID_TOKEN: aud: sts.amazonaws.com`",
        lines: Some(WorkflowLines {
            what: "let this job have GitLab's token: in .gitlab-ci.yml, write",
            lines: &["id_tokens:", "  ECR_AUTH_ID_TOKEN:", "    aud: sts.amazonaws.com"],
        }),
    }),
    trust: Some(TRUST),
    ..CiSystem::BLANK
};

const TRUST: TrustForm = TrustForm {
    name: "gitlab",
    takes: &[TrustKey::Repository, TrustKey::Branch, TrustKey::Tag, TrustKey::Issuer],
    reason: "GitLab's subject says the project, and the branch or tag, and nothing else: a merge request's jobs have the branch that it comes from",
    wanted,
    like,
};

fn wanted(wanted: &WantedTrust) -> Result<TrustedJobs> {
    let projects = wanted.repositories("GROUP/PROJECT", 2..=21)?;
    let references = wanted.references(Wildcard::Anywhere)?;
    if references.is_empty() {
        return Err(missing(
            TrustKey::Branch,
            "the branch to let in (or use --tag); '*' lets every branch in",
        ));
    }
    let word = |key: &TrustKey| if *key == TrustKey::Tag { "tag" } else { "branch" };
    let subject = |project: &String| {
        let project = format!("project_path:{project}");
        let ends = references.iter();
        ends.map(move |(key, name)| format!("{project}:ref_type:{}:ref:{name}", word(key)))
    };
    Ok(TrustedJobs::matching(
        "https://gitlab.com",
        projects.iter().flat_map(subject).collect(),
        format!("{} of {}", described(&references), projects.join(", ")),
    ))
}

/// A subject that begins with the project, as GitLab's always do.
fn like(claims: &Claims) -> Option<TrustedJobs> {
    let project = claims.sub.strip_prefix("project_path:")?.split(':').next()?;
    (claims.text("project_path") == Some(project)).then(|| TrustedJobs::with_subject_of(claims))
}
