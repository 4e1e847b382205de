//! GitLab CI: the job names the variable of its token, which is `ECR_AUTH_ID_TOKEN`. GitLab can't hide what a job gets while it runs.
//! <https://docs.gitlab.com/ci/secrets/id_token_authentication/>

use crate::{CiSystem, JobMark, MissingToken, SessionWords, TokenIssuer, WorkflowLines};
use diagnostics::Code;

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
    ..CiSystem::BLANK
};
