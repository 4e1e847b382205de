//! GitLab CI: the job names the variable of its token, which is `ECR_AUTH_ID_TOKEN`. GitLab can't hide what a job gets while it runs.
//! <https://docs.gitlab.com/ci/secrets/id_token_authentication/>

use crate::trust::{Wildcard, described, missing};
use crate::{
    CiSystem, JobMark, MissingToken, SessionWords, TokenIssuer, TrustForm, TrustKey, TrustedJobs, WantedTrust,
    WorkflowLines,
};
use diagnostics::{Code, Result};
use oidc_token::Claims;

const OLD_TOKEN: &str = "a token of GitLab before version 17; ecr-auth gives it to no other program";

pub(crate) static GITLAB: CiSystem = CiSystem {
    name: "GitLab CI",
    mark: JobMark::Set("GITLAB_CI"),
    secrets: &[
        ("CI_JOB_JWT", OLD_TOKEN),
        ("CI_JOB_JWT_V1", OLD_TOKEN),
        ("CI_JOB_JWT_V2", OLD_TOKEN),
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
    takes: &[
        TrustKey::Repository,
        TrustKey::Organization,
        TrustKey::Branch,
        TrustKey::Tag,
        TrustKey::Issuer,
    ],
    reason: "GitLab's subject holds the project (or with --organization all of a group), and the branch or tag, and nothing else: a merge request's jobs have the branch that it comes from",
    issuer_may_end_in_slash: false,
    is_pull_request: None,
    wanted,
    like,
    named,
};

fn wanted(wanted: &WantedTrust) -> Result<TrustedJobs> {
    let (projects, which) = projects(wanted)?;
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
        format!("{} of {which}", described(&references)),
    ))
}

/// Returns the projects, and words for them. A `*` after a group's `/` matches only projects of the group and its subgroups: the subject goes on
/// with a `:`, which no name on GitLab holds.
fn projects(wanted: &WantedTrust) -> Result<(Vec<String>, String)> {
    let key = TrustKey::Organization;
    if !wanted.has(key) {
        let projects = wanted.repositories("GROUP/PROJECT (or use --organization for all of a group)", 2..=21)?;
        return Ok((projects.to_vec(), projects.join(", ")));
    }
    if wanted.has(TrustKey::Repository) {
        return Err(key
            .wrong("projects are named as well")
            .hint("name the projects, or the group for all of them"));
    }
    let group = wanted.name(key, "the group, with the groups it is in")?;
    match group.split('/').any(str::is_empty) {
        true => Err(key.wrong(format!("{group:?} is not a group"))),
        false => Ok((
            vec![format!("{group}/*")],
            format!("every project of the group {group}, now and later"),
        )),
    }
}

/// Returns the jobs with this token's subject, which begins with the project, as GitLab's always do.
fn like(claims: &Claims) -> Option<TrustedJobs> {
    let project = claims.sub.strip_prefix("project_path:")?.split(':').next()?;
    (claims.text("project_path") == Some(project)).then(|| TrustedJobs::with_subject_of(claims))
}

fn named(claims: &Claims) -> Option<WantedTrust> {
    let (project, rest) = claims.sub.strip_prefix("project_path:")?.split_once(":ref_type:")?;
    let (kind, name) = rest.split_once(":ref:")?;
    let key = match kind {
        "branch" => TrustKey::Branch,
        "tag" => TrustKey::Tag,
        _ => return None,
    };
    Some(WantedTrust::default().and(TrustKey::Repository, project).and(key, name))
}
