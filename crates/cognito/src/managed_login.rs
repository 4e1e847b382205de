//! Sign-in with the user's browser: the authorization code grant with PKCE at the user pool's managed login. It supports federated users (SAML,
//! Google, …), passkeys and any second factor, because the pages there ask for whatever is needed.
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/federation-endpoints.html>
//!
//! Like the rest of the crate, this makes no call and opens no browser: an implementation of [`LoginCalls`] makes the calls, and the caller opens
//! [`BrowserSignIn::address`].

use std::future::Future;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::device::Device;
use super::refusal::CLIENT_SECRET_HINT;
use super::user::User;
use super::wire::{ODD_ANSWER_HINT, ReceivedSecret};
use super::{KeptSignIn, LoginPlace, SignedIn};
use diagnostics::{Code, Error, Result, mention, one_line};
use oidc_token::Claims;
use secret::Secret;

/// The number of random bytes in `state` and in the code verifier: 256 bits (RFC 7636, 4.1).
const RANDOM_BYTES: usize = 32;
/// The scope is only `openid`. The ID token then has every attribute that the app client may read.
const SCOPE: &str = "openid";
/// The claims that may hold the given user name.
const NAMES: [&str; 4] = ["cognito:username", "email", "preferred_username", "phone_number"];
const WHAT: &str = "sign-in in the browser";
/// The path to which a browser comes back after a sign-in.
pub const CALLBACK: &str = "/callback";
/// The path to which a browser comes back after a sign-out.
pub const SIGNED_OUT: &str = "/signed-out";

/// Makes the requests to a managed login that the browser does not make.
pub trait LoginCalls {
    /// Sends a GET request, and follows no redirect.
    fn get(&self, address: &str) -> impl Future<Output = Result<LoginResponse>>;

    /// Posts a form. `credentials` are those of an app client with a secret, for `Authorization: Basic`.
    fn post(
        &self,
        address: &str,
        form: Secret,
        credentials: Option<Secret>,
    ) -> impl Future<Output = Result<LoginResponse>>;
}

/// The response of a managed login.
#[derive(Debug)]
pub struct LoginResponse {
    /// The HTTP status.
    pub status: u16,
    /// The address to which it redirects the browser.
    pub location: Option<String>,
    /// The body, if it is text.
    pub body: Secret,
}

/// One sign-in. Its random numbers are used only once.
#[derive(Debug)]
pub struct BrowserSignIn<'a> {
    user: &'a User,
    domain: &'a str,
    port: u16,
    state: Secret,
    verifier: Secret,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: Option<ReceivedSecret>,
    access_token: Option<ReceivedSecret>,
    refresh_token: Option<ReceivedSecret>,
}

#[derive(Deserialize)]
struct OauthError {
    error: String,
}

impl<'a> BrowserSignIn<'a> {
    /// Returns a new sign-in at the managed login `domain`, which sends the browser back to `port` of this machine.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn new(user: &'a User, domain: &'a str, port: u16) -> Result<Self> {
        Ok(Self {
            user,
            domain,
            port,
            state: random()?,
            verifier: random()?,
        })
    }

    /// Returns the address for the browser to open.
    pub fn address(&self) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.expose()));
        let redirect = redirect_uri(self.port);
        let hint = Some(self.user.username.as_str()).filter(|name| !name.is_empty());
        let query = [
            ("response_type", Some("code")),
            ("client_id", Some(self.user.client_id.as_str())),
            ("redirect_uri", Some(redirect.as_str())),
            ("scope", Some(SCOPE)),
            ("state", Some(self.state.expose())),
            ("code_challenge_method", Some("S256")),
            ("code_challenge", Some(challenge.as_str())),
            ("login_hint", hint),
        ];
        format!("https://{}/oauth2/authorize?{}", self.domain, form(&query))
    }

    /// Checks that the managed login will show its pages, before a browser is opened, because its errors would only be seen in the browser.
    ///
    /// # Errors
    /// The managed login does not know the app client, the app client does not allow the address to come back to, or the login cannot be reached.
    pub async fn check(&self, calls: &impl LoginCalls) -> Result<()> {
        let response = calls.get(&self.address()).await?;
        let location = response.location.as_deref().unwrap_or_default();
        let (path, query) = location.split_once('?').unwrap_or((location, ""));
        if path == redirect_uri(self.port) {
            return self.refusal(query).map_or(Ok(()), Err);
        }
        let own = format!("https://{}", self.domain);
        let error = parameter(query, "error").filter(|_| path.strip_prefix(&own).unwrap_or(path) == "/error");
        match (response.status, error.as_deref()) {
            (_, Some("redirect_mismatch")) => Err(failed(format!(
                "the app client {} does not send browsers back to {}",
                self.user.client_id,
                redirect_uri(self.port)
            ))
            .hint(concat!("ask the owner of the user pool to add exactly this address to the callback URLs of the app client, or give its port with ", mention!("callback-port")))),
            (_, Some(error)) => Err(failed(format!("{} says: {}", self.domain, one_line(error)))
                .hint(concat!("check ", mention!("client-id"), " and ", mention!("domain"), ": they must be of the same user pool"))),
            (200..=399, None) => Ok(()),
            (status, None) => Err(failed(format!(
                "{} answers with HTTP status {status} where a managed login shows its pages",
                self.domain
            ))
            .hint(concat!("check ", mention!("domain"), ": it is the managed login's host, or the user pool's own domain"))),
        }
    }

    /// Returns the code in the query of the address that the browser came back to. The state proves that this sign-in asked for it.
    ///
    /// # Errors
    /// The state is that of another sign-in, or the user pool or the user refused.
    pub fn code(&self, query: &str) -> Result<Secret> {
        if parameter(query, "state").as_deref() != Some(self.state.expose()) {
            return Err(
                failed("the browser came back from another sign-in (its state is not the one that was sent)")
                    .hint("close the pages of earlier sign-ins, and run the command again"),
            );
        }
        if let Some(refusal) = self.refusal(query) {
            return Err(refusal);
        }
        parameter(query, "code")
            .filter(|code| !code.is_empty())
            .map(Secret::new)
            .ok_or_else(|| failed("the browser came back without a code").hint("run the command again"))
    }

    /// Returns the code in a pasted text: the address that the browser ended on, or the code itself, which the challenge binds to this sign-in.
    ///
    /// # Errors
    /// The errors of [`BrowserSignIn::code`], or the text is neither.
    pub fn pasted_code(&self, text: &str) -> Result<Secret> {
        let text = text.trim();
        match text.split_once('?') {
            Some((_, query)) => self.code(query.split('#').next().unwrap_or_default()),
            None if !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') => {
                Ok(Secret::new(text))
            }
            None => Err(failed("what was pasted is neither an address nor a code")
                .hint("paste the whole address that the browser ended on: it begins with http://localhost")),
        }
    }

    /// Returns the error in a query's parameters, if there is one.
    fn refusal(&self, query: &str) -> Option<Error> {
        let error = parameter(query, "error")?;
        let more = parameter(query, "error_description").map(|text| format!(" ({})", one_line(&text)));
        let cause = format!("{}{}", one_line(&error), more.unwrap_or_default());
        Some(match error.as_str() {
            "access_denied" => failed(format!("the sign-in was refused: {cause}"))
                .hint("run the command again, and agree to the sign-in"),
            "unauthorized_client" | "invalid_scope" => failed(format!("the app client does not allow it: {cause}"))
                .hint("ask the owner of the user pool to allow the app client the authorization code grant and the scope openid"),
            _ => failed(format!("the user pool refused: {cause}")),
        })
    }

    /// Trades the code for tokens, and checks whose they are.
    ///
    /// # Errors
    /// The code was used already or belongs to another app client, or the tokens belong to another user pool or another user than was named.
    pub async fn trade(&self, code: &Secret, calls: &impl LoginCalls) -> Result<SignedIn> {
        let redirect = redirect_uri(self.port);
        let request = form(&[
            ("grant_type", Some("authorization_code")),
            ("client_id", Some(self.user.client_id.as_str())),
            ("code", Some(code.expose())),
            ("redirect_uri", Some(redirect.as_str())),
            ("code_verifier", Some(self.verifier.expose())),
        ]);
        let address = format!("https://{}/oauth2/token", self.domain);
        let response = calls
            .post(&address, Secret::new(request), credentials(self.user))
            .await?;
        if response.status != 200 {
            return Err(refused_code(self.domain, &response));
        }
        // The parser's own message is not shown, because it may quote the response.
        let tokens = serde_json::from_str::<Tokens>(response.body.expose()).ok();
        let tokens = tokens.and_then(|it| Some((it.id_token?.0, it.access_token?.0, it.refresh_token)));
        let (id_token, access_token, refresh_token) = tokens.ok_or_else(|| {
            Error::failed(
                Code::OddAnswer,
                WHAT,
                format!("the answer of {} holds no tokens", self.domain),
            )
            .hint(ODD_ANSWER_HINT)
        })?;
        let claims = self.claims(&id_token)?;
        Ok(SignedIn {
            username: claims.text(NAMES[0]).unwrap_or(&claims.sub).to_owned(),
            device: browser_device(&access_token),
            id_token,
            access_token,
            refresh_token: refresh_token.map(|token| token.0),
            login_place: Some(LoginPlace {
                domain: self.domain.to_owned(),
                port: self.port,
            }),
        })
    }

    /// Returns the claims of an ID token, if it is for this app client, from this user pool, and of the named user. It came from the managed login
    /// itself, by TLS, and the identity pool checks its signature (OpenID Connect Core, 3.1.3.7).
    fn claims(&self, id_token: &Secret) -> Result<Claims> {
        let claims = Claims::from_jwt(id_token.expose());
        let is_of_pool = |claims: &Claims| {
            claims.iss.rsplit('/').next() == Some(&self.user.pool)
                && claims.audiences() == [self.user.client_id.as_str()]
        };
        let claims = claims.filter(is_of_pool).ok_or_else(|| {
            failed(format!(
                "{} signs users in to another user pool than {}, or to another app client",
                self.domain, self.user.pool
            ))
            .hint(concat!(
                "check ",
                mention!("domain"),
                ", ",
                mention!("user-pool-id"),
                " and ",
                mention!("client-id"),
                ": they must belong together"
            ))
        })?;
        let named = &self.user.username;
        let is_named = |claim: &&str| claims.text(claim).is_some_and(|name| name.eq_ignore_ascii_case(named));
        match named.is_empty() || claims.sub == *named || NAMES.iter().any(is_named) {
            true => Ok(claims),
            false => Err(failed(format!(
                "the browser signed {} in, and the user name that is set is {}",
                one_line(&display_name(&claims)),
                one_line(named)
            ))
            .hint(concat!(
                "sign out in the browser (ecr-auth logout --browser) and sign in as the other user, or correct ",
                mention!("username")
            ))),
        }
    }
}

/// Returns the readable name of an ID token's user.
pub fn name_of(signed_in: &SignedIn) -> String {
    let claims = Claims::from_jwt(signed_in.id_token.expose());
    claims.map_or_else(|| signed_in.username.clone(), |claims| display_name(&claims))
}

fn display_name(claims: &Claims) -> String {
    let names = ["email", "preferred_username", NAMES[0]].into_iter();
    let name = names.filter_map(|claim| claims.text(claim)).next();
    name.unwrap_or(&claims.sub).to_owned()
}

/// Returns the address on this machine to which the browser is sent back. Cognito allows http only for `localhost`, and compares the address
/// exactly.
pub fn redirect_uri(port: u16) -> String {
    format!("http://localhost:{port}{CALLBACK}")
}

/// Returns the address that ends the session of a managed login in the browser that opens it.
pub fn logout_address(place: &LoginPlace, client_id: &str) -> String {
    let to = format!("http://localhost:{}{SIGNED_OUT}", place.port);
    let query = form(&[("client_id", Some(client_id)), ("logout_uri", Some(to.as_str()))]);
    format!("https://{}/logout?{query}", place.domain)
}

/// Revokes a refresh token of a managed login, and all tokens that came from it.
///
/// # Errors
/// The managed login refuses.
pub async fn revoke(kept: &KeptSignIn, place: &LoginPlace, user: &User, calls: &impl LoginCalls) -> Result<()> {
    let request = form(&[
        ("token", Some(kept.refresh_token.expose())),
        ("client_id", Some(user.client_id.as_str())),
    ]);
    let domain = &place.domain;
    let address = format!("https://{domain}/oauth2/revoke");
    let response = calls.post(&address, Secret::new(request), credentials(user)).await?;
    match response.status {
        200 => Ok(()),
        _ => Err(failed(format!(
            "{domain} does not revoke the refresh token: {}",
            said(&response)
        ))),
    }
}

fn refused_code(domain: &str, response: &LoginResponse) -> Error {
    let said = said(response);
    let cause = format!("{domain} refuses the code: {said}");
    match said.as_str() {
        "invalid_grant" => failed(cause)
            .hint("the code was used already, came too late or belongs to another app client: run the command again"),
        "invalid_client" => Error::failed(Code::ClientSecret, WHAT, cause).hint(CLIENT_SECRET_HINT),
        _ => failed(cause).hint("run the command again in a moment"),
    }
}

/// Returns the error in a response, or its status.
fn said(response: &LoginResponse) -> String {
    let error = serde_json::from_str::<OauthError>(response.body.expose());
    error.map_or_else(
        |_| format!("HTTP status {}", response.status),
        |error| one_line(&error.error),
    )
}

/// Returns the device of a browser, which the managed login remembers by a cookie. Its key is sent with every refresh.
fn browser_device(access_token: &Secret) -> Option<Device> {
    let claims = Claims::from_jwt(access_token.expose())?;
    Some(Device {
        key: Secret::new(claims.text("device_key")?),
        group_key: Secret::default(),
        password: None,
    })
}

/// Returns `<client id>:<secret>` in base64, if the client has a secret.
fn credentials(user: &User) -> Option<Secret> {
    let secret = user.client_secret.as_ref()?;
    let pair = Zeroizing::new(format!("{}:{}", user.client_id, secret.expose()));
    Some(Secret::new(STANDARD.encode(pair.as_bytes())))
}

fn failed(cause: impl Into<String>) -> Error {
    Error::failed(Code::BrowserSignIn, WHAT, cause.into())
}

/// Returns a parameter of a query.
fn parameter(query: &str, name: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(given, _)| *given == name).map(|(_, value)| value);
    let value = values.next()?.replace('+', " ");
    Some(percent_decode_str(&value).decode_utf8_lossy().into_owned())
}

/// Returns the present values as a query or a form.
fn form(pairs: &[(&str, Option<&str>)]) -> String {
    let given = pairs.iter().filter_map(|(name, value)| Some((name, (*value)?)));
    let pairs: Vec<String> = given
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
        .collect();
    pairs.join("&")
}

fn random() -> Result<Secret> {
    let mut bytes = Zeroizing::new([0; RANDOM_BYTES]);
    getrandom::fill(&mut *bytes)
        .map_err(|error| Error::failed(Code::System, "no random number from the system", error))?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(*bytes)))
}
