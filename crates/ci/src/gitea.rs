//! Gitea Actions: jobs have GitHub's variables, commands and permission. Gitea gives tokens from the version on that has the permission
//! `id-token`.
//! <https://docs.gitea.com/usage/actions/overview>

use crate::{
    CiSystem, Masking, MissingToken, RequestForm, RequestKind, SessionWords, TokenFinder, TokenIssuer, WorkflowLines,
    actions, github,
};
use diagnostics::Code;

pub(crate) static GITEA: CiSystem = CiSystem {
    name: "Gitea Actions",
    mark: actions::GITEA,
    token: TokenFinder::Function(|env| actions::requested(&GITEA, &REQUEST, env)),
    session: Some(SessionWords {
        set: "GITEA_ACTIONS",
        prefix: "gitea",
        words: &["GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT"],
    }),
    issuer: Some(TokenIssuer {
        url: "https://<gitea>/api/actions",
        subjects: &["repo:<owner>/<repository>:ref:refs/heads/<branch>"],
        ..TokenIssuer::BLANK
    }),
    masking: Masking::Commands(github::add_masks),
    missing: Some(MissingToken {
        code: Code::NoToken,
        hint: "give the job `permissions: id-token: write`, on a Gitea whose Actions issue OIDC tokens",
        lines: Some(WorkflowLines {
            what: "let this job have Gitea's token: in its workflow, write",
            lines: &["permissions:", "  id-token: write", "  contents: read"],
        }),
    }),
    expired: crate::descriptor::JUST_ISSUED,
    trust: Some(github::trust::on_server("gitea")),
    ..CiSystem::BLANK
};

static REQUEST: RequestForm = RequestForm {
    kind: RequestKind::GetForAudience,
    what: "Gitea's OIDC token",
    asked: "Gitea",
    code: Code::TokenRequest,
    token_field: "value",
    key_field: "gitea-request-token",
    odd_bearer: "ACTIONS_ID_TOKEN_REQUEST_TOKEN is not a token",
    refused: "the request token ends with the job; run the job again",
    odd_answer: "this isn't how Gitea answers: check the proxy and ACTIONS_ID_TOKEN_REQUEST_URL, and which server answers",
};
