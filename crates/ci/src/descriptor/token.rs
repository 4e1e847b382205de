//! The OIDC token of a CI job: where it comes from, recognised by the environment alone.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::{CiSystem, NO_SECOND_TOKEN};
use crate::minting::{RequestForm, TokenProgram, TokenRequest};
use crate::user_command::UserCommand;
use context::Env;
use diagnostics::Result;
use oidc_token::{Claims, read_token_file, token_key};
use secret::Secret;

/// A token that ends sooner than this is renewed where the CI can.
const ABOUT_TO_END: Duration = Duration::from_secs(60);

/// A job's token, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CiToken {
    ci: &'static CiSystem,
    name: String,
    origin: TokenOrigin,
}

/// How a token is got.
#[derive(Debug, Clone, PartialEq, Eq)]
enum TokenOrigin {
    /// The job has the token. A program may mint others.
    Text {
        token: Secret,
        renewal: Option<TokenProgram>,
    },
    /// A file is read at each use, because its writer may renew the token.
    File(PathBuf),
    /// A request is sent at each use, so that nothing needs to be stored.
    Request {
        form: &'static RequestForm,
        url: String,
        bearer: Secret,
    },
    /// A program is run at each use. `job` tells the job from every other.
    Program {
        program: TokenProgram,
        job: Vec<(&'static str, Secret)>,
    },
    /// The user's own command is run at each use.
    Command(UserCommand),
}

/// The audience that a token is asked for.
#[derive(Debug, Clone, Copy)]
pub struct WantedAudience<'a> {
    /// The audience.
    pub name: &'a str,
    /// Whether somebody named this audience. Otherwise it is the default, and a token of the CI's own audience serves too.
    pub is_named: bool,
}

/// What [`CiToken::fetch`] comes to.
#[derive(Debug)]
pub enum FetchedToken {
    /// The token.
    Token(Secret),
    /// The request that the caller has to send for the token.
    Request(TokenRequest),
}

impl CiToken {
    /// Returns the token in a variable, if the variable is set and not blank.
    pub(crate) fn in_variable(ci: &'static CiSystem, variable: &str, env: &Env) -> Option<Self> {
        let token = Self::secret_in(variable, env)?;
        Some(Self::text(ci, format!("the token in {variable}"), token))
    }

    /// Returns a variable's value without blanks around it: the newline that a CI's secret was pasted with is not part of the secret.
    pub(crate) fn secret_in(variable: &str, env: &Env) -> Option<Secret> {
        let text = env.get(variable).map(str::trim);
        text.filter(|text| !text.is_empty()).map(Secret::new)
    }

    /// Returns a token that the job has in hand.
    pub(crate) fn text(ci: &'static CiSystem, name: impl Into<String>, token: Secret) -> Self {
        Self {
            ci,
            name: name.into(),
            origin: TokenOrigin::Text { token, renewal: None },
        }
    }

    /// Adds the program that mints other tokens than the one in the variable.
    pub(crate) fn renewed_by(mut self, program: Option<TokenProgram>) -> Self {
        if let TokenOrigin::Text { renewal, .. } = &mut self.origin {
            *renewal = program;
        }
        self
    }

    /// Returns the token in a file, which is read at each use.
    pub(crate) fn in_file_of(ci: &'static CiSystem, path: PathBuf) -> Self {
        Self {
            ci,
            name: format!("the token in {}", path.display()),
            origin: TokenOrigin::File(path),
        }
    }

    /// Returns the token that an HTTP request asks for.
    pub(crate) fn requested(ci: &'static CiSystem, form: &'static RequestForm, url: &str, bearer: Secret) -> Self {
        Self {
            ci,
            name: format!("{}'s token for this job", form.asked),
            origin: TokenOrigin::Request {
                form,
                url: url.to_owned(),
                bearer,
            },
        }
    }

    /// Returns the token that a program mints. `job` tells the job from every other.
    pub(crate) fn minted(
        ci: &'static CiSystem,
        name: &str,
        program: TokenProgram,
        job: Vec<(&'static str, Secret)>,
    ) -> Self {
        Self {
            ci,
            name: name.to_owned(),
            origin: TokenOrigin::Program { program, job },
        }
    }

    /// Returns the token that the user's own command prints.
    pub(crate) fn printed(ci: &'static CiSystem, command: UserCommand) -> Self {
        Self {
            ci,
            name: "the token of the token command".to_owned(),
            origin: TokenOrigin::Command(command),
        }
    }

    /// Gets the token as it is now, or returns the request that has to be sent for the token. Programs get at most `budget`.
    ///
    /// # Errors
    /// The file cannot be read, or the CI's program prints no token.
    pub fn fetch(&self, audience: WantedAudience<'_>, env: &Env, budget: Duration) -> Result<FetchedToken> {
        let token = match &self.origin {
            TokenOrigin::Text { token, renewal } => match (renewal, audience_to_mint(token, audience)) {
                (Some(program), Some(audience)) => program.mint(&audience, env, budget)?,
                _ => token.clone(),
            },
            TokenOrigin::File(path) => read_token_file(path)?,
            TokenOrigin::Program { program, .. } => program.mint(audience.name, env, budget)?,
            TokenOrigin::Command(command) => command.token(budget)?,
            TokenOrigin::Request { form, url, bearer } => {
                return Ok(FetchedToken::Request(form.request(url, bearer, audience.name)));
            }
        };
        Ok(FetchedToken::Token(token))
    }

    /// Returns the token if the job has it already.
    pub fn in_hand(&self) -> Option<Secret> {
        match &self.origin {
            TokenOrigin::Text { token, .. } => Some(token.clone()),
            TokenOrigin::File(path) => read_token_file(path).ok(),
            TokenOrigin::Request { .. } | TokenOrigin::Program { .. } | TokenOrigin::Command(_) => None,
        }
    }

    /// Returns what tells this job from every other. A process that has these values may have what the job fetched.
    pub fn key_fields(&self) -> Vec<(&'static str, Secret)> {
        match &self.origin {
            // The whole token: what it claims is not proved before STS has seen it. A renewed one fetches anew.
            TokenOrigin::Text { token, .. } => vec![("jwt", token.clone())],
            TokenOrigin::File(path) => vec![("jwt", token_key(path))],
            TokenOrigin::Request { form, bearer, url } => {
                vec![
                    (form.key_field, bearer.clone()),
                    ("token-url", Secret::new(url.as_str())),
                ]
            }
            TokenOrigin::Program { job, .. } => job.clone(),
            TokenOrigin::Command(command) => command.key_fields(),
        }
    }

    /// Returns the words for this token in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether this system gives the token.
    pub(crate) fn is_of(&self, ci: &'static CiSystem) -> bool {
        std::ptr::eq(self.ci, ci)
    }

    /// Returns where else than in ecr-auth's own settings a role for this token can be named: the middle of a sentence, often empty.
    pub fn role_named_in(&self) -> &'static str {
        self.ci.role_named_in
    }

    /// Returns the hint for a token that has ended. `when` is `already`, or `at` and a time.
    pub fn expired_hint(&self, when: &str) -> String {
        let longer = match &self.origin {
            TokenOrigin::Text { renewal: Some(_), .. } => NO_SECOND_TOKEN,
            _ => self.ci.expired,
        };
        format!("{} ended {when}: {longer}", self.ci.token_called)
    }
}

/// Returns the audience to mint a token for if the token in hand will not do, because another audience is wanted or the token is about
/// to end.
fn audience_to_mint(token: &Secret, audience: WantedAudience<'_>) -> Option<String> {
    let claims = Claims::from_jwt(token.expose())?;
    let audiences = claims.audiences();
    let is_missing = audience.is_named && !audiences.contains(&audience.name);
    let wanted = match audience.is_named {
        true => audience.name,
        false => audiences.first().copied().unwrap_or_default(),
    };
    let ends_soon = claims
        .ends_at()
        .is_some_and(|end| end < SystemTime::now() + ABOUT_TO_END);
    (ends_soon || is_missing).then(|| wanted.to_owned())
}
