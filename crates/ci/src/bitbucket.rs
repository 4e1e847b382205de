//! Bitbucket Pipelines: each step has one token.
//! <https://support.atlassian.com/bitbucket-cloud/docs/integrate-pipelines-with-resource-servers-using-oidc/>

use crate::trust::{ANY_UUID, is_uuid, uuid};
use crate::{
    CiSystem, JobMark, MissingToken, SessionWords, TokenFinder, TokenIssuer, TrustForm, TrustKey, TrustedJobs,
    WantedTrust,
};
use diagnostics::{Code, Result};
use oidc_token::Claims;

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
    trust: Some(TRUST),
    ..CiSystem::BLANK
};

const TRUST: TrustForm = TrustForm {
    name: "bitbucket",
    takes: &[
        TrustKey::Organization,
        TrustKey::OwnerId,
        TrustKey::RepositoryId,
        TrustKey::Environment,
        TrustKey::Issuer,
    ],
    reason: "Bitbucket's subject holds the UUIDs of the repository (--repository-id) and the environment, but neither branch nor tag",
    issuer_may_end_in_slash: false,
    is_pull_request: None,
    wanted,
    like,
    named,
};

fn wanted(wanted: &WantedTrust) -> Result<TrustedJobs> {
    let workspace = wanted.name(TrustKey::Organization, "the workspace, as its address has it")?;
    let owner = wanted.uuid(TrustKey::OwnerId, "the workspace's UUID")?;
    let repository = wanted.uuid(TrustKey::RepositoryId, "the repository's UUID")?;
    if workspace.contains('/') {
        return Err(TrustKey::Organization.wrong(format!("{workspace:?} is not a workspace")));
    }
    let environments = wanted.all(TrustKey::Environment).iter();
    let environments: Vec<String> = environments
        .map(|environment| uuid(TrustKey::Environment, environment))
        .collect::<Result<_>>()?;
    let (subjects, which) = match environments.is_empty() {
        true => (vec![format!("{{{repository}}}:*")], "every step".to_owned()),
        false => {
            let subject = |environment: &String| format!("{{{repository}}}:{{{environment}}}:*");
            let named = format!("steps of the environment {}", environments.join(", "));
            (environments.iter().map(subject).collect(), named)
        }
    };
    let mut jobs = TrustedJobs::matching(
        &format!("https://api.bitbucket.org/2.0/workspaces/{workspace}/pipelines-config/identity/oidc"),
        subjects,
        format!("{which} of the repository {{{repository}}}"),
    );
    jobs.audiences = vec![format!("ari:cloud:bitbucket::workspace/{owner}")];
    Ok(jobs)
}

/// Returns the jobs whose subjects differ from this token's only in the last part, the step's UUID.
fn like(claims: &Claims) -> Option<TrustedJobs> {
    let (before, step) = claims.sub.rsplit_once(':')?;
    let is_bare_uuid = |part: &str| is_uuid(part.trim_start_matches('{').trim_end_matches('}'));
    let names_repository = before.split(':').next() == claims.text("repositoryUuid");
    (names_repository && before.split(':').all(is_bare_uuid) && is_bare_uuid(step)).then(|| {
        let described = format!("every step with a subject {before}:STEP");
        TrustedJobs::matching("", vec![format!("{before}:{{{ANY_UUID}}}")], described)
    })
}

fn named(claims: &Claims) -> Option<WantedTrust> {
    let workspace = claims.iss.split_once("/workspaces/")?.1.split('/').next()?;
    let owner = claims.text("workspaceUuid")?.trim_matches(['{', '}']);
    let parts: Vec<_> = claims
        .sub
        .split(':')
        .map(|part| part.trim_matches(['{', '}']))
        .collect();
    let wanted = WantedTrust::default().and(TrustKey::Organization, workspace);
    let wanted = wanted
        .and(TrustKey::OwnerId, owner)
        .and(TrustKey::RepositoryId, parts.first()?);
    match parts[..] {
        [_, _] => Some(wanted),
        [_, environment, _] => Some(wanted.and(TrustKey::Environment, environment)),
        _ => None,
    }
}
