//! GitHub Actions: a token for each request, commands that hide and annotate, and the files that take values for later steps.
//! <https://docs.github.com/en/actions/reference/security/oidc>
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>

mod files;
pub(crate) mod trust;

pub use files::{CommandFile, add_path, add_summary, check, write};

use std::fmt::Write as _;

use crate::worth_hiding::is_worth_hiding;
use crate::{
    CiSystem, Masking, MissingToken, RequestForm, RequestKind, SessionWords, SubjectPitfall, TokenFinder, TokenIssuer,
    WorkflowLines, actions,
};
use diagnostics::{Code, inert};

pub(crate) static GITHUB: CiSystem = CiSystem {
    name: "GitHub Actions",
    mark: actions::GITHUB,
    token: TokenFinder::Function(|env| actions::requested(&GITHUB, &REQUEST, env)),
    secrets: &[
        (actions::REQUEST_URL, "where a job asks GitHub for its OIDC token"),
        (actions::REQUEST_TOKEN, "the token for that request"),
    ],
    variables: &[
        ("GITHUB_ENV", "the file that takes variables for later steps"),
        ("GITHUB_OUTPUT", "the file that takes a step's outputs"),
    ],
    names: &["GITHUB_ACTOR", "GITHUB_REPOSITORY", "GITHUB_REPOSITORY_OWNER"],
    of_step: &[
        "GITHUB_ACTION",
        "GITHUB_ACTION_PATH",
        "GITHUB_ACTION_REF",
        "GITHUB_ACTION_REPOSITORY",
        "GITHUB_ENV",
        "GITHUB_OUTPUT",
        "GITHUB_PATH",
        "GITHUB_STATE",
        "GITHUB_STEP_SUMMARY",
    ],
    session: Some(SessionWords {
        set: "GITHUB_RUN_ID",
        prefix: "gha",
        words: &["GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT"],
    }),
    issuer: Some(TokenIssuer {
        url: "https://token.actions.githubusercontent.com",
        subjects: &[
            "repo:<owner>/<repository>:ref:refs/heads/<branch>",
            "repo:<owner>/<repository>:ref:refs/tags/<tag>",
            "repo:<owner>/<repository>:pull_request",
            "repo:<owner>/<repository>:environment:<environment>",
            "repo:<owner>@<owner id>/<repository>@<repository id>:ref:refs/heads/<branch>",
        ],
        // <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html>
        checked_claims: &[
            "repository",
            "repository_id",
            "repository_owner_id",
            "ref",
            "environment",
            "job_workflow_ref",
            "workflow",
            "actor",
            "actor_id",
            "enterprise_id",
        ],
        pitfall: Some(SubjectPitfall {
            // Only the part before the next ':' counts: the name of a branch or tag may hold an '@' too.
            applies_to: |subject| {
                let repository = subject.strip_prefix("repo:").and_then(|rest| rest.split(':').next());
                repository.is_some_and(|repository| repository.contains('@'))
            },
            code: Code::GithubSubject,
            note: "GitHub puts ids into the subjects of newer repositories; a policy for the old form doesn't match them",
        }),
    }),
    masking: Masking::Commands(add_masks),
    missing: Some(MissingToken {
        code: Code::GithubPermission,
        hint: "give the job `permissions: id-token: write`",
        lines: Some(WorkflowLines {
            what: "let this job have GitHub's token: in its workflow, write",
            lines: &["permissions:", "  id-token: write", "  contents: read"],
        }),
    }),
    expired: crate::descriptor::JUST_ISSUED,
    role_named_in: ", the action's role-to-assume",
    trust: Some(trust::FORM),
    ..CiSystem::BLANK
};

static REQUEST: RequestForm = RequestForm {
    kind: RequestKind::GetForAudience,
    what: "GitHub's OIDC token",
    asked: "GitHub",
    code: Code::GithubToken,
    token_field: "value",
    key_field: "github-request-token",
    odd_bearer: "ACTIONS_ID_TOKEN_REQUEST_TOKEN is not a token",
    refused: "the request token ends with the job, about 6 hours after its start; run the job again",
    odd_answer: "this isn't how GitHub answers: check the proxy and ACTIONS_ID_TOKEN_REQUEST_URL, and which server answers",
};

/// How an annotation looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnotationLevel {
    /// What made the step fail.
    Error,
    /// Something that may need attention.
    Warning,
    /// Information.
    Notice,
}

/// Returns the workflow command that annotates the run: one line without its end, for stdout or stderr.
pub fn annotation(level: AnnotationLevel, title: &str, message: &str) -> String {
    let command = match level {
        AnnotationLevel::Error => "error",
        AnnotationLevel::Warning => "warning",
        AnnotationLevel::Notice => "notice",
    };
    let title = escape(&inert(title)).replace(':', "%3A").replace(',', "%2C");
    // The runner shows the message line by line.
    let lines: Vec<_> = message.lines().map(|line| escape(&inert(line))).collect();
    format!("::{command} title={title}::{}", lines.join("%0A"))
}

/// Returns the workflow command that hides a word in the log from now on: one line without its end. For secrets use [`crate::mask()`],
/// which leaves out words that would ruin the log. This command hides what somebody asked for.
pub fn add_mask(word: &str) -> String {
    format!("::add-mask::{}", escape(word))
}

/// Writes a command for each line of the secret, because the runner replaces within single lines, and older runners take no other form.
/// <https://github.com/actions/runner/blob/main/src/Runner.Worker/ActionCommandManager.cs>
pub(crate) fn add_masks(secret: &str, commands: &mut String) {
    let lines = secret.split(['\r', '\n']);
    for line in lines.filter(|line| is_worth_hiding(line)) {
        let _ = writeln!(commands, "::add-mask::{}", line.replace('%', "%25"));
    }
}

fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}
