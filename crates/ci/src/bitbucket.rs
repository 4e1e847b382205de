//! Bitbucket Pipelines: each step has one token.
//! <https://support.atlassian.com/bitbucket-cloud/docs/integrate-pipelines-with-resource-servers-using-oidc/>

use crate::{CiSystem, JobMark, MissingToken, SessionWords, TokenFinder, TokenIssuer};
use diagnostics::Code;

const TOKEN: &str = "BITBUCKET_STEP_OIDC_TOKEN";

pub(crate) static BITBUCKET: CiSystem = CiSystem {
    name: "Bitbucket Pipelines",
    mark: JobMark::Set("BITBUCKET_BUILD_NUMBER"),
    token: TokenFinder::Variable(TOKEN),
    secrets: &[(TOKEN, "the step's OIDC token")],
    session: Some(SessionWords {
        set: "BITBUCKET_BUILD_NUMBER",
        prefix: "bitbucket",
        words: &["BITBUCKET_REPO_SLUG", "BITBUCKET_BUILD_NUMBER"],
    }),
    issuer: Some(TokenIssuer {
        url: "https://api.bitbucket.org/2.0/workspaces/<workspace>/pipelines-config/identity/oidc",
        subjects: &["<repository uuid>:<step uuid>"],
        ..TokenIssuer::BLANK
    }),
    missing: Some(MissingToken {
        code: Code::NoToken,
        hint: "give the step `oidc: true`",
        lines: None,
    }),
    expired: "a step gets one token: sign in while it lives, the registry's password then serves for 12 hours; or push in a step of its own",
    ..CiSystem::BLANK
};
