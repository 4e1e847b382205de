//! Places for a token that belong to no CI system in particular.

use std::path::PathBuf;

use crate::trust::missing;
use crate::{CiSystem, CiToken, TokenFinder, TokenIssuer, TrustForm, TrustKey, TrustedJobs, WantedTrust};
use context::Env;
use diagnostics::Result;
use oidc_token::Claims;
use secret::Secret;

const ID_TOKEN: &str = "ECR_AUTH_ID_TOKEN";

/// The variable for the token of any CI system, which comes first.
pub(crate) static VARIABLE: CiSystem = CiSystem {
    name: "any CI",
    token: TokenFinder::Variable(ID_TOKEN),
    secrets: &[(ID_TOKEN, "the job's OIDC token: GitLab, Jenkins, or any other CI")],
    ..CiSystem::BLANK
};

/// A file whose writer may renew the token, as Jenkins binds it.
pub(crate) static FILE: CiSystem = CiSystem {
    name: "a token file",
    token: TokenFinder::Function(web_identity_file),
    expired: "whoever writes the file has to renew it, or issue tokens that live longer (Jenkins: the credential's lifetime)",
    ..CiSystem::BLANK
};

/// The user's own command, which prints a token whenever one is needed.
pub(crate) static COMMAND: CiSystem = CiSystem {
    name: "a token command",
    token_called: "the token of the token command",
    expired: "the command has just printed it: have it print a new one each time, or look at this machine's clock",
    ..CiSystem::BLANK
};

/// The token of a pod's service account, which the kubelet issues for each pod.
pub(crate) static SERVICE_ACCOUNT: CiSystem = CiSystem {
    name: "Kubernetes",
    issuer: Some(TokenIssuer {
        url: "https://oidc.eks.<region>.amazonaws.com/id/<cluster id>",
        subjects: &["system:serviceaccount:<namespace>:<service account>"],
        ..TokenIssuer::BLANK
    }),
    token_called: "the service account's token",
    trust: Some(TRUST),
    expired: "the kubelet has just been given it: one of the clocks is wrong, look at this node's",
    ..CiSystem::BLANK
};

impl CiToken {
    /// Returns the token of a pod's service account, which the kubelet hands over.
    pub fn of_service_account(token: Secret) -> Self {
        let name = "the token of the pod's service account";
        Self::text(&SERVICE_ACCOUNT, name, token)
    }

    /// Returns whether this is the token of a pod's service account.
    pub fn is_of_service_account(&self) -> bool {
        self.is_of(&SERVICE_ACCOUNT)
    }

    /// Returns the token in a file.
    pub fn in_file(path: PathBuf) -> Self {
        Self::in_file_of(&FILE, path)
    }
}

/// Finds a token without a role: the role comes from a rule. With `AWS_ROLE_ARN`, the file is a source of AWS credentials instead.
fn web_identity_file(env: &Env) -> Option<CiToken> {
    let file = env.path("AWS_WEB_IDENTITY_TOKEN_FILE")?;
    env.get("AWS_ROLE_ARN").is_none().then(|| CiToken::in_file(file))
}

const TRUST: TrustForm = TrustForm {
    name: "kubernetes",
    takes: &[TrustKey::Namespace, TrustKey::ServiceAccount, TrustKey::Issuer],
    reason: "Kubernetes' subject holds the namespace and the service account, and nothing else",
    issuer_may_end_in_slash: true,
    is_pull_request: None,
    wanted: wanted_accounts,
    like: like_account,
    named: named_account,
};

fn wanted_accounts(wanted: &WantedTrust) -> Result<TrustedJobs> {
    if !wanted.has(TrustKey::Issuer) {
        return Err(missing(TrustKey::Issuer, "the issuer of the cluster's tokens"));
    }
    let namespace = wanted.name(TrustKey::Namespace, "the namespace")?;
    let account = wanted.name(TrustKey::ServiceAccount, "the service account")?;
    Ok(TrustedJobs::matching(
        "",
        vec![format!("system:serviceaccount:{namespace}:{account}")],
        format!("pods with the service account {namespace}/{account}"),
    ))
}

fn like_account(claims: &Claims) -> Option<TrustedJobs> {
    let account = claims.sub.strip_prefix("system:serviceaccount:")?;
    (account.split(':').count() == 2).then(|| TrustedJobs::with_subject_of(claims))
}

fn named_account(claims: &Claims) -> Option<WantedTrust> {
    let (namespace, account) = claims.sub.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    let wanted = WantedTrust::default().and(TrustKey::Namespace, namespace);
    Some(wanted.and(TrustKey::ServiceAccount, account))
}
