//! The OIDC token of a CI job: where it comes from, recognised by the environment alone.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::minting::{PROGRAM_BUDGET, RequestForm, TokenProgram, TokenRequest, printed_token};
use crate::{ALL, CiSystem, TokenFinder, generic};
use context::{Env, program};
use diagnostics::{Code, Error, Result};
use oidc_token::{Claims, read_token_file};
use secret::Secret;
use settings::TokenPlace;
use settings::table::TOKEN_ENV;

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
    /// Returns the token at `place`. Without a place, returns the token of the CI that this runs in, if the CI gives one.
    ///
    /// # Errors
    /// `place` has no token.
    pub fn find(env: &Env, place: Option<&TokenPlace>) -> Result<Option<Self>> {
        match place {
            Some(place) => Self::at(place, env).map(Some),
            None => Ok(Self::in_env(env).next()),
        }
    }

    /// Returns every token that the environment has, in the order in which they are taken.
    pub fn all(env: &Env) -> Vec<Self> {
        Self::in_env(env).collect()
    }

    fn in_env(env: &Env) -> impl Iterator<Item = Self> {
        ALL.into_iter().filter_map(|ci| match ci.token {
            TokenFinder::None => None,
            TokenFinder::Variable(name) => Self::in_variable(ci, name, env),
            TokenFinder::Function(find) => find(env),
        })
    }

    fn at(place: &TokenPlace, env: &Env) -> Result<Self> {
        match place {
            TokenPlace::File(path) => Ok(Self::in_file(path.clone())),
            TokenPlace::Variable(name) => Self::in_variable(giver(name), name, env).ok_or_else(|| {
                Error::failed(
                    Code::NoToken,
                    "no OIDC token",
                    format!("the variable {name} is not set, or blank"),
                )
                .hint(format!(
                    "give the job a token in {name}, or don't name it with {TOKEN_ENV}"
                ))
            }),
            TokenPlace::Command(command) => {
                let token = command.token(printed_by_command)?;
                Ok(Self::text(&generic::VARIABLE, "the token of the token command", token))
            }
        }
    }

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

    fn text(ci: &'static CiSystem, name: impl Into<String>, token: Secret) -> Self {
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

    /// Returns the token of a pod's service account, which the kubelet hands over.
    pub fn of_service_account(token: Secret) -> Self {
        let name = "the token of the pod's service account";
        Self::text(&generic::SERVICE_ACCOUNT, name, token)
    }

    /// Returns the token in a file.
    pub fn in_file(path: PathBuf) -> Self {
        Self {
            ci: &generic::FILE,
            name: format!("the token in {}", path.display()),
            origin: TokenOrigin::File(path),
        }
    }

    /// Returns the token that an HTTP request asks for.
    pub(crate) fn requested(
        ci: &'static CiSystem,
        name: &str,
        form: &'static RequestForm,
        url: &str,
        bearer: Secret,
    ) -> Self {
        Self {
            ci,
            name: name.to_owned(),
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
            TokenOrigin::Request { .. } | TokenOrigin::Program { .. } => None,
        }
    }

    /// Returns what tells this job from every other. A process that has these values may have what the job fetched.
    pub fn key_fields(&self) -> Vec<(&'static str, Secret)> {
        match &self.origin {
            // The whole token: what it claims is not proved before STS has seen it. A renewed one fetches anew.
            TokenOrigin::Text { .. } | TokenOrigin::File(_) => vec![("jwt", self.in_hand().unwrap_or_default())],
            TokenOrigin::Request { form, bearer, .. } => vec![(form.key_field, bearer.clone())],
            TokenOrigin::Program { job, .. } => job.clone(),
        }
    }

    /// Returns the words for this token in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns where else than in ecr-auth's own settings a role for this token can be named: the middle of a sentence, often empty.
    pub fn role_named_in(&self) -> &'static str {
        self.ci.role_named_in
    }

    /// Returns the hint for a token that has ended. `when` is `already`, or `at` and a time.
    pub fn expired_hint(&self, when: &str) -> String {
        let longer = match &self.origin {
            TokenOrigin::Text { renewal: Some(_), .. } => generic::NO_SECOND_TOKEN,
            _ => self.ci.expired,
        };
        format!("{} ended {when}: {longer}", self.ci.token_called)
    }
}

/// Returns the system whose token a variable of this name holds.
fn giver(variable: &str) -> &'static CiSystem {
    let is_its_variable = |ci: &&CiSystem| matches!(ci.token, TokenFinder::Variable(name) if name == variable);
    ALL.into_iter().find(is_its_variable).unwrap_or(&generic::VARIABLE)
}

/// Returns the audience to mint a token for if the token in hand will not do, because another audience is wanted or the token is about
/// to end.
fn audience_to_mint(token: &Secret, audience: WantedAudience<'_>) -> Option<String> {
    let claims = Claims::from_jwt(token.expose())?;
    let wanted = match audience.is_named {
        true => audience.name.to_owned(),
        false => claims.audience(),
    };
    let ends_soon = claims
        .ends_at()
        .is_some_and(|end| end < SystemTime::now() + ABOUT_TO_END);
    (ends_soon || wanted != claims.audience()).then_some(wanted)
}

fn printed_by_command(line: &str) -> Result<Secret> {
    let hint = "run it by hand: it has to print the token, and nothing else, within 10 seconds";
    printed_token(&mut program::shell(line), "the token command", hint, PROGRAM_BUDGET)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(vars: &[(&str, &str)]) -> Env {
        vars.iter().copied().collect()
    }

    const GITHUB: [(&str, &str); 2] = [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://example.com/token?v=1"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "request"),
    ];

    fn programs(names: &[&str]) -> tempfile::TempDir {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder
    }

    #[test]
    fn tokens_are_found_in_their_order() {
        let folder = programs(&["buildkite-agent", "circleci"]);
        let path = folder.path().display().to_string();
        let all = [
            ("ECR_AUTH_ID_TOKEN", "any\n"),
            GITHUB[0],
            GITHUB[1],
            ("CIRCLE_OIDC_TOKEN_V2", "circle"),
            ("BITBUCKET_STEP_OIDC_TOKEN", "bitbucket"),
            ("BUILDKITE_AGENT_ACCESS_TOKEN", "buildkite"),
            ("BUILDKITE_JOB_ID", "7"),
            ("PATH", &path),
        ];
        let found = |from: usize| {
            let token = CiToken::find(&env(&all[from..]), None).unwrap();
            token.map(|token| token.key_fields()[0].1.expose().to_owned())
        };
        assert_eq!(found(0).as_deref(), Some("any"));
        assert_eq!(found(1).as_deref(), Some("request"));
        assert_eq!(found(2).as_deref(), Some("circle"), "half of GitHub's pair is nothing");
        assert_eq!(found(4).as_deref(), Some("bitbucket"));
        assert_eq!(found(5).as_deref(), Some("buildkite"));
        assert_eq!(found(6), None);
        assert_eq!(CiToken::all(&env(&all)).len(), 5);
        assert_eq!(
            CiToken::all(&env(&all[..7])).len(),
            4,
            "Buildkite's agent is not on PATH"
        );
    }

    #[test]
    fn a_web_identitys_file_is_the_jobs_token_where_it_comes_without_a_role() {
        let file = ("AWS_WEB_IDENTITY_TOKEN_FILE", "/run/token");
        let found = CiToken::find(&env(&[file]), None).unwrap();
        assert_eq!(found, Some(CiToken::in_file("/run/token".into())));
        assert_eq!(CiToken::find(&env(&[file, ("AWS_ROLE_ARN", "arn:r")]), None), Ok(None));
        let other = CiToken::find(&env(&[file, ("ECR_AUTH_ID_TOKEN", "any")]), None).unwrap();
        assert_eq!(other.unwrap().name(), "the token in ECR_AUTH_ID_TOKEN");
    }

    #[test]
    fn a_blank_variable_is_none() {
        assert_eq!(CiToken::find(&env(&[("ECR_AUTH_ID_TOKEN", " \n")]), None), Ok(None));
    }

    #[test]
    fn a_place_that_is_named_is_the_only_one() {
        let at = |place: TokenPlace, vars: &[(&str, &str)]| {
            let token = CiToken::find(&env(vars), Some(&place))?;
            Ok::<_, Error>(token.unwrap().key_fields()[0].1.expose().to_owned())
        };
        let any = ("ECR_AUTH_ID_TOKEN", "any");
        let variable = || TokenPlace::Variable("MINE".to_owned());
        assert_eq!(at(variable(), &[any, ("MINE", "mine\n")]).unwrap(), "mine");
        assert!(at(variable(), &[any]).unwrap_err().to_string().contains("MINE"));
        assert_eq!(at(TokenPlace::Command("echo mine".into()), &[any]).unwrap(), "mine");
        for failing in ["true", "echo s3cret; exit 1"] {
            let error = at(TokenPlace::Command(failing.into()), &[any]).unwrap_err();
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn files_are_read_through_links_and_trimmed() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token-1"), "jwt\n").unwrap();
        std::os::unix::fs::symlink("token-1", folder.path().join("token")).unwrap();
        assert_eq!(read_token_file(&folder.path().join("token")).unwrap().expose(), "jwt");
        std::fs::write(folder.path().join("token-1"), "\n").unwrap();
        assert!(read_token_file(&folder.path().join("token")).is_err());
        assert!(read_token_file(&folder.path().join("none")).is_err());
    }
}
