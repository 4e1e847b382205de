//! CircleCI: a variable holds one token, and the program `circleci` mints others.
//! <https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/>

use crate::trust::{ANY_UUID, Wildcard, described, folder, is_uuid, literal};
use crate::{
    CiSystem, CiToken, JobMark, MissingToken, ProgramCall, SessionWords, TokenFinder, TokenIssuer, TokenProgram,
    TrustForm, TrustKey, TrustedJobs, WantedTrust,
};
use context::Env;
use diagnostics::{Code, Result};
use oidc_token::Claims;

const TOKEN: &str = "CIRCLE_OIDC_TOKEN_V2";

pub(crate) static CIRCLECI: CiSystem = CiSystem {
    name: "CircleCI",
    mark: JobMark::Set("CIRCLECI"),
    token: TokenFinder::Function(token),
    secrets: &[
        (TOKEN, "the job's OIDC token"),
        ("CIRCLE_OIDC_TOKEN", "an older OIDC token: hidden from other programs"),
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
    trust: Some(TRUST),
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

const TRUST: TrustForm = TrustForm {
    name: "circleci",
    takes: &[
        TrustKey::Organization,
        TrustKey::OwnerId,
        TrustKey::RepositoryId,
        TrustKey::Repository,
        TrustKey::Branch,
        TrustKey::Tag,
        TrustKey::Issuer,
    ],
    reason: "CircleCI's subject holds the organization's and the project's id, the repository, and the branch or tag",
    issuer_may_end_in_slash: false,
    is_pull_request: None,
    wanted,
    like,
    named,
};

/// Returns the wanted jobs. A subject names the user who started the job by a UUID in its middle. Every UUID matches there.
fn wanted(wanted: &WantedTrust) -> Result<TrustedJobs> {
    let key = match wanted.has(TrustKey::Organization) {
        true => TrustKey::Organization,
        false => TrustKey::OwnerId,
    };
    let organization = wanted.uuid(key, "the organization's id")?;
    let project = wanted.uuid(TrustKey::RepositoryId, "the project's id")?;
    let references = wanted.references(Wildcard::Anywhere)?;
    let prefix = format!("org/{organization}/project/{project}");
    let (subjects, which) = if references.is_empty() && !wanted.has(TrustKey::Repository) {
        (vec![format!("{prefix}/*")], "every branch and tag".to_owned())
    } else {
        let origin = origin(wanted)?;
        let start = format!("{prefix}/user/{ANY_UUID}/vcs-origin/{origin}/vcs-ref");
        let subject = |(key, name): &(TrustKey, &str)| format!("{start}/{}/{name}", folder(*key));
        match references.is_empty() {
            true => (vec![format!("{start}/*")], format!("every branch and tag of {origin}")),
            false => (references.iter().map(subject).collect(), described(&references)),
        }
    };
    let mut jobs = TrustedJobs::matching(
        &format!("https://oidc.circleci.com/org/{organization}"),
        subjects,
        format!("{which} of the project {project}"),
    );
    jobs.audiences = vec![organization];
    Ok(jobs)
}

fn origin(wanted: &WantedTrust) -> Result<String> {
    let what = "OWNER/NAME on github.com, or HOST/OWNER/NAME";
    wanted.repositories(what, 2..=5)?;
    let repository = wanted.name(TrustKey::Repository, what)?;
    Ok(match repository.split('/').count() {
        2 => format!("github.com/{repository}"),
        _ => repository.to_owned(),
    })
}

/// Returns the jobs whose subjects differ from this token's only in the user who started the job.
fn like(claims: &Claims) -> Option<TrustedJobs> {
    let project = claims.text("oidc.circleci.com/project-id")?;
    let (before, after) = claims.sub.split_once("/user/")?;
    let (user, rest) = after.split_once('/')?;
    literal(TrustKey::Repository, rest).ok()?;
    let names_project = before
        .split_once("/project/")
        .is_some_and(|(_, named)| named == project);
    (names_project && before.starts_with("org/") && is_uuid(user) && is_uuid(project)).then(|| {
        let described = format!("jobs with the subject {before}/user/ANY-USER/{rest}");
        TrustedJobs::matching("", vec![format!("{before}/user/{ANY_UUID}/{rest}")], described)
    })
}

fn named(claims: &Claims) -> Option<WantedTrust> {
    let (organization, rest) = claims.sub.strip_prefix("org/")?.split_once("/project/")?;
    let (project, rest) = rest.split_once("/user/")?;
    let (origin, reference) = rest.split_once("/vcs-origin/")?.1.split_once("/vcs-ref/")?;
    let wanted = WantedTrust::default().and(TrustKey::OwnerId, organization);
    let wanted = wanted.and(TrustKey::RepositoryId, project);
    let repository = origin.strip_prefix("github.com/").unwrap_or(origin);
    wanted.and(TrustKey::Repository, repository).and_reference(reference)
}
