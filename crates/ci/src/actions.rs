//! What the jobs of GitHub, Forgejo and Gitea have in common: they ask for tokens in one way.

use crate::{CiSystem, CiToken, JobMark, RequestForm};
use context::Env;
use secret::Secret;

pub(crate) const REQUEST_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
pub(crate) const REQUEST_TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

pub(crate) const FORGEJO: JobMark = JobMark::Equals("FORGEJO_ACTIONS", "true");
pub(crate) const GITEA: JobMark = JobMark::Equals("GITEA_ACTIONS", "true");
pub(crate) const GITHUB: JobMark = JobMark::Equals("GITHUB_ACTIONS", "true");

/// Returns the token of a job of `ci`. A job asks whenever it needs a token, so that nothing needs to be stored.
///
/// Forgejo and Gitea set GitHub's mark too, and Forgejo sets Gitea's: the first one counts.
pub(crate) fn requested(ci: &'static CiSystem, form: &'static RequestForm, env: &Env) -> Option<CiToken> {
    let mark = [FORGEJO, GITEA].into_iter().find(|mark| mark.is_in(env));
    if mark.unwrap_or(GITHUB) != ci.mark {
        return None;
    }
    let url = env.get(REQUEST_URL)?;
    let bearer = Secret::new(env.get(REQUEST_TOKEN)?);
    Some(CiToken::requested(ci, form, url, bearer))
}
