//! The managed login of the user pool, as strict as Cognito's: `/oauth2/authorize`, the login page, `/oauth2/token`,
//! `/oauth2/revoke`, `/logout`, and the identity providers behind it.

mod authorize;
mod page;
mod providers;
mod token;

use http::request::Parts;

use crate::answer::{self, Answer, Refusal};
use crate::request::header_text;
use crate::sts::Parameters;
use crate::{Aws, lock};

/// The name of the managed login's session cookie.
const COOKIE: &str = "cognito";

/// The name in counts of a request to this path of the managed login.
pub(crate) fn login_operation(path: &str) -> &'static str {
    match path {
        "/oauth2/authorize" => "Authorize",
        "/oauth2/token" => "Token",
        "/oauth2/revoke" => "Revoke",
        "/login" => "Login",
        "/logout" => "Logout",
        "/error" => "Error",
        "/saml2/idpresponse" | "/oauth2/idpresponse" => "IdpResponse",
        path if path.starts_with("/idp/") => "Provider",
        _ => "Unknown",
    }
}

impl Aws {
    /// Answers a request to the managed login, or to an identity provider behind it.
    pub(crate) fn managed_login(&self, parts: &Parts, form: &Parameters) -> Result<Answer, Refusal> {
        let now = self.clock.now();
        let cookie = cookie(parts);
        let mut pool = lock(&self.cognito.users);
        let issued = match (parts.method.as_str(), parts.uri.path()) {
            ("GET", "/oauth2/authorize") => return Ok(pool.authorize(form, cookie.as_deref(), now)),
            ("GET", "/login") => return Ok(pool.login_page(form, now)),
            ("POST", "/login") => return Ok(pool.log_in(form, now)),
            ("GET", "/logout") => return Ok(pool.log_out(form, cookie.as_deref())),
            ("GET", "/error") => return Ok(page::error(form.get("error").unwrap_or_default())),
            ("POST", "/saml2/idpresponse" | "/oauth2/idpresponse") => return Ok(pool.idp_response(form, now)),
            ("GET", path) if path.starts_with("/idp/") => return Ok(page::provider(&path[5..], form)),
            ("POST", path) if path.starts_with("/idp/") => return Ok(providers::answer(&path[5..], form)),
            ("POST", "/oauth2/revoke") => return pool.revoke_by_form(&parts.headers, form),
            ("POST", "/oauth2/token") => pool.token(&parts.headers, form, now)?,
            _ => return Err(Refusal::new(405, "invalid_request", "")),
        };
        drop(pool);
        self.oauth_tokens(issued)
    }
}

/// Returns the value of the managed login's cookie.
fn cookie(parts: &Parts) -> Option<String> {
    let cookies = header_text(&parts.headers, "cookie").split("; ");
    let mut values = cookies.filter_map(|cookie| cookie.strip_prefix(COOKIE)?.strip_prefix('='));
    values.next().map(str::to_owned)
}

/// Redirects the browser.
fn redirect(to: &str) -> Answer {
    let mut answer = answer::text(302, "");
    answer::insert(&mut answer, "location", to);
    answer
}
