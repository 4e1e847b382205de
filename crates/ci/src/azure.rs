//! Azure Pipelines: a token for each request, made out for one service connection. The agent hides the secrets that it reads from stdout
//! and stderr.
//! <https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create>
//! <https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands#setsecret>

use std::fmt::Write as _;

use zeroize::Zeroizing;

use crate::minting::with_parameter;
use crate::{
    CiSystem, CiToken, JobMark, Masking, MissingToken, RequestForm, RequestKind, SessionWords, TokenFinder,
    TokenIssuer, TrustForm, TrustKey, TrustedJobs, WantedTrust, WorkflowLines,
};
use context::Env;
use diagnostics::{Code, Result};
use oidc_token::Claims;

const REQUEST_URI: &str = "SYSTEM_OIDCREQUESTURI";
const ACCESS_TOKEN: &str = "SYSTEM_ACCESSTOKEN";
/// The id of the service connection: ours first, then the one that Azure's own tasks set.
const CONNECTIONS: [&str; 2] = [
    "ECR_AUTH_SERVICE_CONNECTION_ID",
    "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
];

pub(crate) static AZURE: CiSystem = CiSystem {
    name: "Azure Pipelines",
    mark: JobMark::Set("TF_BUILD"),
    token: TokenFinder::Function(token),
    secrets: &[(
        ACCESS_TOKEN,
        "the token with which a job asks Azure Pipelines for its OIDC token",
    )],
    variables: &[
        (REQUEST_URI, "where a job asks for its OIDC token"),
        (
            CONNECTIONS[0],
            "the id of the service connection that the OIDC token is for",
        ),
        (
            CONNECTIONS[1],
            "the service connection's id, as Azure's own tasks set it",
        ),
    ],
    names: &["BUILD_DEFINITIONNAME", "BUILD_REPOSITORY_NAME", "SYSTEM_TEAMPROJECT"],
    of_step: &["TASK_DISPLAYNAME", "TASK_INSTANCEID"],
    session: Some(SessionWords {
        set: "BUILD_BUILDID",
        prefix: "azure",
        words: &["BUILD_DEFINITIONNAME", "BUILD_BUILDID"],
    }),
    issuer: Some(TokenIssuer {
        url: "https://vstoken.dev.azure.com/<organization id>",
        subjects: &["sc://<organization>/<project>/<service connection>"],
        ..TokenIssuer::BLANK
    }),
    masking: Masking::Commands(set_secret),
    missing: Some(MissingToken {
        code: Code::NoToken,
        hint: "give the step `env: SYSTEM_ACCESSTOKEN: $(System.AccessToken)`, and the id of a service connection in ECR_AUTH_SERVICE_CONNECTION_ID",
        lines: Some(WorkflowLines {
            what: "let this step have the pipeline's token: beside its script, write",
            lines: &[
                "env:",
                "  SYSTEM_ACCESSTOKEN: $(System.AccessToken)",
                "  ECR_AUTH_SERVICE_CONNECTION_ID: SERVICE-CONNECTION-ID",
            ],
        }),
    }),
    expired: crate::descriptor::JUST_ISSUED,
    trust: Some(TRUST),
    ..CiSystem::BLANK
};

static REQUEST: RequestForm = RequestForm {
    kind: RequestKind::Post,
    what: "Azure Pipelines' OIDC token",
    asked: "Azure Pipelines",
    code: Code::TokenRequest,
    token_field: "oidcToken",
    key_field: "azure-access-token",
    odd_bearer: "SYSTEM_ACCESSTOKEN is not a token",
    refused: "let the pipeline use the service connection, and look at its id in ECR_AUTH_SERVICE_CONNECTION_ID; SYSTEM_ACCESSTOKEN ends with the job",
    odd_answer: "this isn't how Azure Pipelines answers: check the proxy and SYSTEM_OIDCREQUESTURI, and which server answers",
};

fn token(env: &Env) -> Option<CiToken> {
    let uri = env.get(REQUEST_URI)?;
    let bearer = CiToken::secret_in(ACCESS_TOKEN, env)?;
    let connection = CONNECTIONS.into_iter().find_map(|name| env.get(name))?;
    let url = with_parameter(
        &with_parameter(uri, "api-version", "7.1"),
        "serviceConnectionId",
        connection.trim(),
    );
    Some(CiToken::requested(&AZURE, &REQUEST, &url, bearer))
}

/// Appends the command that hides a secret, escaped as the agent reads it. The agent splits a secret of several lines by itself.
/// <https://github.com/microsoft/azure-pipelines-agent/blob/master/docs/preview/percentencoding.md>
fn set_secret(secret: &str, commands: &mut String) {
    let escaped = Zeroizing::new(secret.replace('%', "%AZP25"));
    let escaped = Zeroizing::new(escaped.replace('\r', "%0D").replace('\n', "%0A"));
    let _ = writeln!(commands, "##vso[task.setsecret]{}", escaped.as_str());
}

const TRUST: TrustForm = TrustForm {
    name: "azure",
    takes: &[
        TrustKey::Organization,
        TrustKey::OwnerId,
        TrustKey::Repository,
        TrustKey::ServiceConnection,
        TrustKey::Issuer,
    ],
    reason: "Azure's subject holds the organization, the project (--repository) and the service connection, but not the pipeline",
    issuer_may_end_in_slash: false,
    is_pull_request: None,
    wanted,
    like,
    named,
};

fn wanted(wanted: &WantedTrust) -> Result<TrustedJobs> {
    let organization = wanted.name(TrustKey::Organization, "the organization, as its address has it")?;
    let projects = wanted.repositories("a project", 1..=1)?;
    let connection = wanted.name(TrustKey::ServiceConnection, "the name of the service connection")?;
    for (key, name) in [
        (TrustKey::Organization, organization),
        (TrustKey::ServiceConnection, connection),
    ] {
        if name.contains('/') {
            return Err(key.wrong(format!("{name:?} has a '/', which ends a part of the subject")));
        }
    }
    let issuer = match wanted.has(TrustKey::Issuer) {
        true => String::new(),
        false => {
            let id = wanted.uuid(TrustKey::OwnerId, "the organization's id (or use --issuer)")?;
            format!("https://vstoken.dev.azure.com/{id}")
        }
    };
    let subject = |project: &String| format!("sc://{organization}/{project}/{connection}");
    let mut jobs = TrustedJobs::matching(
        &issuer,
        projects.iter().map(subject).collect(),
        format!(
            "every pipeline that may use the service connection {connection} of {organization}/{}",
            projects.join(", ")
        ),
    );
    jobs.audiences = vec!["api://AzureADTokenExchange".to_owned()];
    Ok(jobs)
}

/// Returns the jobs that use the service connection of this token. Its subject has the old form or that of Microsoft Entra.
fn like(claims: &Claims) -> Option<TrustedJobs> {
    let old = claims
        .sub
        .strip_prefix("sc://")
        .map(|rest| rest.split('/').count() == 3);
    let entra = claims.sub.starts_with("/eid1/") && claims.sub.contains("/sc/");
    (old.unwrap_or(entra)).then(|| TrustedJobs::with_subject_of(claims))
}

fn named(claims: &Claims) -> Option<WantedTrust> {
    let parts: Vec<_> = claims.sub.strip_prefix("sc://")?.split('/').collect();
    let [organization, project, connection] = parts[..] else {
        return None;
    };
    let id = claims.iss.rsplit('/').next()?;
    let wanted = WantedTrust::default().and(TrustKey::Organization, organization);
    let wanted = wanted
        .and(TrustKey::Repository, project)
        .and(TrustKey::ServiceConnection, connection);
    Some(wanted.and(TrustKey::OwnerId, id))
}
