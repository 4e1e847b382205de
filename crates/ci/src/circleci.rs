//! CircleCI: a variable holds one token, and the program `circleci` mints others.
//! <https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/>

use crate::{
    CiSystem, CiToken, JobMark, MissingToken, ProgramCall, SessionWords, TokenFinder, TokenIssuer, TokenProgram,
};
use context::Env;
use diagnostics::Code;

const TOKEN: &str = "CIRCLE_OIDC_TOKEN_V2";

pub(crate) static CIRCLECI: CiSystem = CiSystem {
    name: "CircleCI",
    mark: JobMark::Set("CIRCLECI"),
    token: TokenFinder::Function(token),
    secrets: &[
        (TOKEN, "the job's OIDC token"),
        ("CIRCLE_OIDC_TOKEN", "an older OIDC token: kept from other programs"),
    ],
    session: Some(SessionWords {
        set: "CIRCLE_BUILD_NUM",
        prefix: "circleci",
        words: &["CIRCLE_PROJECT_REPONAME", "CIRCLE_BUILD_NUM"],
    }),
    issuer: Some(TokenIssuer {
        url: "https://oidc.circleci.com/org/<organization id>",
        subjects: &["org/<organization id>/project/<project id>/user/<user id>/vcs-origin/<origin>/vcs-ref/<ref>"],
        ..TokenIssuer::BLANK
    }),
    missing: Some(MissingToken {
        code: Code::NoToken,
        hint: "give the job a context: CircleCI hands out CIRCLE_OIDC_TOKEN_V2 only then",
        lines: None,
    }),
    expired: "put the circleci program on PATH, which mints new ones, or sign in during the job's first hour",
    ..CiSystem::BLANK
};

static GET: ProgramCall = ProgramCall {
    program: "circleci",
    named: "circleci run oidc get",
    arguments: |audience, _| {
        let claims = serde_json::json!({ "aud": audience }).to_string();
        ["run", "oidc", "get", "--claims", &claims].map(str::to_owned).to_vec()
    },
    its_own: "CIRCLE",
};

fn token(env: &Env) -> Option<CiToken> {
    let token = CiToken::in_variable(&CIRCLECI, TOKEN, env)?;
    Some(token.renewed_by(TokenProgram::on_path(&GET, env)))
}
