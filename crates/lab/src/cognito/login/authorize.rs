//! The authorization endpoint: reads requests of apps, shows the login page, issues codes, and sends browsers back to
//! the app.

use std::fmt::Write;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::clients::Client;
use super::super::login_state::{AuthorizationRequest, Code};
use super::super::user_pool::UserPool;
use super::{COOKIE, page, redirect};
use crate::answer::{self, Answer};
use crate::random::random_text;
use crate::sts::Parameters;

/// Lifetime of a code in seconds: five minutes.
const CODE_LIFETIME: i64 = 300;
/// The parameters of a request that every page passes on.
const CARRIED: [&str; 8] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "login_hint",
];
/// The scopes that an app client of the lab may request.
const SCOPES: [&str; 4] = ["openid", "email", "profile", "aws.cognito.signin.user.admin"];

/// Why a request is refused, and whether the browser or the app gets the error.
enum Rejection {
    /// Shown in the browser, because the callback URL is not one of the app's.
    Page(String),
    /// Sent to the app as `error` in the callback.
    Redirect(Box<AuthorizationRequest>, &'static str),
}

impl AuthorizationRequest {
    /// Reads a request. The callback URL must be exactly one of the app's.
    fn read(pool: &UserPool, form: &Parameters) -> Result<Self, Rejection> {
        let page = |error: &str| Rejection::Page(format!("/error?error={error}"));
        let (Some(id), Some(redirect_uri)) = (form.get("client_id"), form.get("redirect_uri")) else {
            return Err(page("Required+parameters+missing"));
        };
        let client = Client::named(id).ok_or_else(|| page("Client+does+not+exist"))?;
        let known = pool.login.callbacks.get(id).cloned().unwrap_or_default();
        if !known.iter().any(|uri| uri == redirect_uri) {
            return Err(page(&format!("redirect_mismatch&client_id={id}")));
        }
        let request = Self {
            client,
            redirect_uri: redirect_uri.to_owned(),
            scope: form.get("scope").unwrap_or("openid").to_owned(),
            state: form.get("state").map(str::to_owned),
            challenge: form.get("code_challenge").map(str::to_owned),
            query: carried(form),
        };
        if form.get("response_type") != Some("code") {
            return Err(Rejection::Redirect(Box::new(request), "unauthorized_client"));
        }
        if !request.scope.split(' ').all(|scope| SCOPES.contains(&scope)) {
            return Err(Rejection::Redirect(Box::new(request), "invalid_scope"));
        }
        let is_challenge = |text: &String| text.len() == 43 && !text.contains(['+', '/', '=']);
        let is_pkce = match (&request.challenge, form.get("code_challenge_method")) {
            (None, None) => true,
            (Some(challenge), Some("S256")) => is_challenge(challenge),
            _ => false,
        };
        match is_pkce {
            true => Ok(request),
            false => Err(Rejection::Redirect(Box::new(request), "invalid_request")),
        }
    }

    /// Redirects to the app with these parameters and the state.
    pub(super) fn back(&self, parameters: &[(&str, &str)]) -> Answer {
        let state = self.state.as_deref().map(|state| ("state", state));
        let mut uri = format!("{}?", self.redirect_uri);
        for (name, value) in parameters.iter().copied().chain(state) {
            let _ = write!(uri, "{name}={}&", encoded(value));
        }
        redirect(uri.trim_end_matches('&'))
    }
}

impl Rejection {
    fn answer(&self) -> Answer {
        match self {
            Self::Page(location) => redirect(location),
            Self::Redirect(request, error) => request.back(&[("error", error)]),
        }
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn carried(form: &Parameters) -> String {
    let given = CARRIED.iter().filter_map(|name| Some((name, form.get(name)?)));
    let pairs: Vec<String> = given
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    pairs.join("&")
}

impl UserPool {
    /// Answers `GET /oauth2/authorize`: sends the browser to the login page or an identity provider, or back to the app
    /// if it is signed in.
    pub(super) fn authorize(&mut self, form: &Parameters, cookie: Option<&str>, now: i64) -> Answer {
        let request = match AuthorizationRequest::read(self, form) {
            Ok(request) => request,
            Err(rejection) => return rejection.answer(),
        };
        if let Some(provider) = form.get("identity_provider") {
            let relay = random_text(40);
            self.login.relays.insert(relay.clone(), request);
            return redirect(&format!("/idp/{}?RelayState={relay}", encoded(provider)));
        }
        let user = cookie.and_then(|cookie| self.login.browsers.get(cookie).cloned());
        match user {
            Some(user) => self.send_back(&request, &user, now),
            None => redirect(&format!("/login?{}", request.query)),
        }
    }

    /// Answers `GET /login`.
    pub(super) fn login_page(&mut self, form: &Parameters, now: i64) -> Answer {
        match AuthorizationRequest::read(self, form) {
            Err(rejection) => rejection.answer(),
            Ok(request) => match self
                .login
                .signs_in_as
                .clone()
                .and_then(|name| self.user(&name).map(|user| user.name.clone()))
            {
                Some(user) => self.send_back(&request, &user, now),
                None => page::login(&request.query, form.get("login_hint").unwrap_or_default(), ""),
            },
        }
    }

    /// Answers `POST /login`: a password, a passkey, or "cancel".
    pub(super) fn log_in(&mut self, form: &Parameters, now: i64) -> Answer {
        let request = match AuthorizationRequest::read(self, form) {
            Ok(request) => request,
            Err(rejection) => return rejection.answer(),
        };
        let given = form.get("username").unwrap_or_default();
        let signed_in = self.user(given).and_then(|user| {
            let is_right = match form.get("with") {
                Some("passkey") => user.has_passkey,
                _ => {
                    let password = form.get("password").unwrap_or_default();
                    user.check_unlocked(now).is_ok()
                        && user.has_password()
                        && user
                            .attempted(user.verifier.matches(user.identity(), password), now)
                            .is_ok()
                }
            };
            (is_right && user.check_usable(now).is_ok()).then(|| user.name.clone())
        });
        match signed_in {
            Some(user) => self.send_back(&request, &user, now),
            None => page::login(&request.query, given, "Incorrect username or password."),
        }
    }

    /// Sends a browser back with a code, and with a cookie that makes the next sign-in unnecessary.
    pub(super) fn send_back(&mut self, request: &AuthorizationRequest, user: &str, now: i64) -> Answer {
        let (code, cookie) = (random_text(36), random_text(40));
        self.login.codes.insert(
            code.clone(),
            Code {
                user: user.to_owned(),
                client: request.client,
                redirect_uri: request.redirect_uri.clone(),
                challenge: request.challenge.clone(),
                scope: request.scope.clone(),
                expires: now + CODE_LIFETIME,
                origin: None,
            },
        );
        self.login.browsers.insert(cookie.clone(), user.to_owned());
        let mut answer = request.back(&[("code", &code)]);
        let cookie = format!("{COOKIE}={cookie}; Path=/; Secure; HttpOnly");
        answer::insert(&mut answer, "set-cookie", &cookie);
        answer
    }

    /// Answers `GET /logout`: ends the browser's session. The URL to continue at must be exactly one of the app's.
    pub(super) fn log_out(&mut self, form: &Parameters, cookie: Option<&str>) -> Answer {
        let id = form.get("client_id").unwrap_or_default();
        let known = self.login.callbacks.get(id).cloned().unwrap_or_default();
        let to = form
            .get("logout_uri")
            .filter(|uri| known.iter().any(|known| known == uri));
        let Some(to) = to else {
            return redirect(&format!("/error?error=redirect_mismatch&client_id={}", encoded(id)));
        };
        if let Some(cookie) = cookie {
            self.login.browsers.remove(cookie);
        }
        let mut answer = redirect(to);
        answer::insert(&mut answer, "set-cookie", &format!("{COOKIE}=; Path=/; Max-Age=0"));
        answer
    }
}
