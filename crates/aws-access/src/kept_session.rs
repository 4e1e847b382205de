//! Where the AWS CLI keeps the sessions that people begin with `aws sso login` and `aws login`.

use std::path::PathBuf;

use sha1::{Digest as _, Sha1};
use sha2::{Digest as _, Sha256};

use crate::identity::SsoSettings;
use context::{Env, variables};
use secret::Secret;

/// Returns the AWS CLI's file of a session of IAM Identity Center, named after the `sso-session` or after the address where users sign in.
pub(crate) fn sso_session_file(sso: &SsoSettings, env: &Env) -> Option<PathBuf> {
    let digest = Sha1::digest(sso.session.as_deref().unwrap_or(&sso.start_url));
    Some(env.home()?.join(".aws/sso/cache").join(file_name(&digest)))
}

/// Returns the AWS CLI's file of a session of `aws login`, named after the ARN.
pub(crate) fn login_session_file(session: &str, env: &Env) -> Option<PathBuf> {
    let named = env.path(variables::AWS_LOGIN_CACHE_DIRECTORY);
    let folder = named.or_else(|| Some(env.home()?.join(".aws/login/cache")))?;
    Some(folder.join(file_name(&Sha256::digest(session.trim()))))
}

/// Returns the AWS CLI's name for the file of a session: the digest of the session's name, in hexadecimal digits.
fn file_name(digest: &[u8]) -> String {
    let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    digits + ".json"
}

/// Returns the text for a cache key: where a session is kept, and whether the file exists. A caller without the session, or one who has
/// signed out, is not served what the session fetched.
pub(crate) fn key_text(file: Option<PathBuf>) -> Secret {
    let file = file.and_then(|file| std::path::absolute(file).ok());
    let is_there = file.as_ref().is_some_and(|file| file.is_file());
    Secret::new(format!("{is_there} {file:?}"))
}
