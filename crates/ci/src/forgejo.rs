//! Forgejo Actions: jobs have GitHub's variables and commands, and a key of its own lets them ask for tokens.
//! <https://forgejo.org/docs/latest/user/actions/security-openid-connect/>

use crate::{
    CiSystem, Masking, MissingToken, RequestForm, RequestKind, SessionWords, TokenFinder, TokenIssuer, WorkflowLines,
    actions, github,
};
use diagnostics::Code;

pub(crate) static FORGEJO: CiSystem = CiSystem {
    name: "Forgejo Actions",
    mark: actions::FORGEJO,
    token: TokenFinder::Function(|env| actions::requested(&FORGEJO, &REQUEST, env)),
    names: &["FORGEJO_ACTOR", "FORGEJO_REPOSITORY", "FORGEJO_REPOSITORY_OWNER"],
    session: Some(SessionWords {
        set: "FORGEJO_RUN_ID",
        prefix: "forgejo",
        words: &["FORGEJO_REPOSITORY", "FORGEJO_RUN_ID", "FORGEJO_RUN_ATTEMPT"],
    }),
    issuer: Some(TokenIssuer {
        url: "https://<forgejo>/api/actions",
        subjects: &[
            "repo:<owner>/<repository>:ref:refs/heads/<branch>",
            "repo:<owner>-<owner id>/<repository>-<repository id>:ref:refs/heads/<branch>",
        ],
        ..TokenIssuer::BLANK
    }),
    masking: Masking::Commands(github::add_masks),
    missing: Some(MissingToken {
        code: Code::NoToken,
        hint: "give the workflow or the job `enable-openid-connect: true`",
        lines: Some(WorkflowLines {
            what: "let this job have Forgejo's token: in its workflow, write",
            lines: &["enable-openid-connect: true"],
        }),
    }),
    expired: crate::descriptor::JUST_ISSUED,
    trust: Some(github::trust::on_server("forgejo")),
    ..CiSystem::BLANK
};

static REQUEST: RequestForm = RequestForm {
    kind: RequestKind::GetForAudience,
    what: "Forgejo's OIDC token",
    asked: "Forgejo",
    code: Code::TokenRequest,
    token_field: "value",
    key_field: "forgejo-request-token",
    odd_bearer: "ACTIONS_ID_TOKEN_REQUEST_TOKEN is not a token",
    refused: "the request token ends with the job; run the job again",
    odd_answer: "this isn't how Forgejo answers: check the proxy and ACTIONS_ID_TOKEN_REQUEST_URL, and which server answers",
};
