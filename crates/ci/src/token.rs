//! The OIDC token of a CI job: where it comes from, recognised by the environment alone.

use std::path::PathBuf;
use std::time::Duration;

use crate::Ci;
use context::{Env, program};
use diagnostics::{Code, Error, Result};
use oidc_token::read_token_file;
use secret::Secret;
use settings::TokenPlace;

/// The variable for any CI, looked at first.
const ANY_CI: &str = "ECR_AUTH_ID_TOKEN";
const CIRCLECI: &str = "CIRCLE_OIDC_TOKEN_V2";
const BITBUCKET: &str = "BITBUCKET_STEP_OIDC_TOKEN";

/// What a `--token-command` may take.
const COMMAND_BUDGET: Duration = Duration::from_secs(10);

/// Where this job's token comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CiToken {
    /// A variable, or the output of a command, holds it; it can't be asked for again.
    Text {
        /// What holds it, for people: a variable's name, or `the token command`.
        place: String,
        /// The token.
        token: Secret,
    },
    /// A file, read anew at each use: who writes it may renew it.
    File(PathBuf),
    /// GitHub Actions: asked for at each use, so that nothing needs to be stored.
    /// <https://docs.github.com/en/actions/reference/security/oidc>
    GitHub {
        /// `ACTIONS_ID_TOKEN_REQUEST_URL`.
        url: String,
        /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
        request_token: Secret,
    },
    /// CircleCI: a variable holds one, its program mints others.
    /// <https://circleci.com/docs/guides/permissions-authentication/openid-connect-tokens/>
    CircleCi {
        /// `CIRCLE_OIDC_TOKEN_V2`.
        token: Secret,
        /// `circleci`, where it is on PATH.
        program: Option<PathBuf>,
    },
    /// Buildkite: its agent mints one at each use.
    /// <https://buildkite.com/docs/agent/v3/cli-oidc>
    Buildkite {
        /// `buildkite-agent`.
        program: PathBuf,
        /// `BUILDKITE_AGENT_ACCESS_TOKEN`, which lets this job ask.
        access_token: Secret,
        /// `BUILDKITE_JOB_ID`.
        job: String,
    },
    /// The kubelet's, of a pod's service account: issued anew for each pod.
    ServiceAccount(Secret),
}

impl CiToken {
    /// The token at the place that is named or, where none is, that of the CI this runs in, if it hands one out.
    ///
    /// # Errors
    /// There is none at the place that is named.
    pub fn find(env: &Env, place: Option<&TokenPlace>) -> Result<Option<Self>> {
        match place {
            Some(place) => Self::at(place, env).map(Some),
            None => Ok(Self::all(env).into_iter().next()),
        }
    }

    /// Every token that the environment has, in the order in which they are taken.
    pub fn all(env: &Env) -> Vec<Self> {
        let variable = |name: &str| {
            let token = secret_of(env, name)?;
            let place = name.to_owned();
            Some(Self::Text { place, token })
        };
        let found = [
            variable(ANY_CI),
            Self::github(env),
            Self::circleci(env),
            variable(BITBUCKET),
            Self::buildkite(env),
            Self::file(env),
        ];
        found.into_iter().flatten().collect()
    }

    fn at(place: &TokenPlace, env: &Env) -> Result<Self> {
        match place {
            TokenPlace::File(path) => Ok(Self::File(path.clone())),
            TokenPlace::Variable(name) => {
                let token = secret_of(env, name).ok_or_else(|| {
                    Error::failed(
                        Code::NoToken,
                        "no OIDC token",
                        format!("the variable {name} is not set, or blank"),
                    )
                    .hint(format!(
                        "give the job a token in {name}, or don't name it with token-env"
                    ))
                })?;
                let place = name.clone();
                Ok(Self::Text { place, token })
            }
            TokenPlace::Command(command) => Ok(Self::Text {
                place: "the token command".to_owned(),
                token: command.token(of_command)?,
            }),
        }
    }

    fn github(env: &Env) -> Option<Self> {
        Some(Self::GitHub {
            url: env.get("ACTIONS_ID_TOKEN_REQUEST_URL")?.to_owned(),
            request_token: Secret::new(env.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN")?),
        })
    }

    fn circleci(env: &Env) -> Option<Self> {
        Some(Self::CircleCi {
            token: secret_of(env, CIRCLECI)?,
            program: program::on_path("circleci", env),
        })
    }

    fn buildkite(env: &Env) -> Option<Self> {
        Some(Self::Buildkite {
            access_token: secret_of(env, "BUILDKITE_AGENT_ACCESS_TOKEN")?,
            job: env.get("BUILDKITE_JOB_ID")?.to_owned(),
            program: program::on_path("buildkite-agent", env)?,
        })
    }

    /// A token without a role, as Jenkins binds its file: the role comes from a rule. With `AWS_ROLE_ARN` it is a source of its own.
    fn file(env: &Env) -> Option<Self> {
        let file = env.path("AWS_WEB_IDENTITY_TOKEN_FILE")?;
        env.get("AWS_ROLE_ARN").is_none().then_some(Self::File(file))
    }

    /// What tells this job from every other: who holds it may have what the job fetched.
    pub fn key_fields(&self) -> Vec<(&'static str, Secret)> {
        match self {
            Self::Text { token, .. } | Self::CircleCi { token, .. } | Self::ServiceAccount(token) => {
                vec![("jwt", token.clone())]
            }
            // Whole, as any other: what it claims is not proved before STS has seen it. A renewed one fetches anew.
            Self::File(path) => vec![("jwt", read_token_file(path).unwrap_or_default())],
            Self::GitHub { request_token, .. } => vec![("github-request-token", request_token.clone())],
            Self::Buildkite { access_token, job, .. } => vec![
                ("buildkite-access-token", access_token.clone()),
                ("buildkite-job", Secret::new(job.as_str())),
            ],
        }
    }

    /// For people: which token it is.
    pub fn name(&self) -> String {
        match self {
            Self::Text { place, .. } if place.contains(' ') => format!("the token of {place}"),
            Self::Text { place, .. } => format!("the token in {place}"),
            Self::File(path) => format!("the token in {}", path.display()),
            Self::GitHub { .. } => "GitHub's token for this job".to_owned(),
            Self::CircleCi { .. } => format!("the token in {CIRCLECI}"),
            Self::Buildkite { .. } => "Buildkite's token for this job".to_owned(),
            Self::ServiceAccount(_) => "the token of the pod's service account".to_owned(),
        }
    }
}

/// A token in a variable; the newline that a CI's secret was pasted with is no part of it.
fn secret_of(env: &Env, name: &str) -> Option<Secret> {
    env.get(name)
        .map(str::trim)
        .filter(|token| !token.is_empty())
        .map(Secret::new)
}

fn of_command(line: &str) -> Result<Secret> {
    let what = "the token command";
    let hint = "run it by hand: it has to print the token, and nothing else, within 10 seconds";
    let printed = program::output(&mut program::shell(line), None, COMMAND_BUDGET);
    let printed = printed.map_err(|failure| Error::failed(Code::TokenCommand, what, failure).hint(hint))?;
    match printed.expose().trim() {
        "" => Err(Error::failed(Code::TokenCommand, what, "it printed nothing").hint(hint)),
        token => Ok(Secret::new(token)),
    }
}

/// In a CI that hands out tokens, the missing token is the news, and not the missing keys that `error` tells of.
pub fn missing_or(env: &Env, error: Error) -> Error {
    match gives_tokens(env) {
        true => missing(env),
        false => error,
    }
}

/// Whether this is a job of a CI that could hand out a token.
pub fn gives_tokens(env: &Env) -> bool {
    Ci::of(env).and_then(piece).is_some()
}

/// What a job of this CI needs to get a token, where the CI hands them out.
fn piece(ci: Ci) -> Option<&'static str> {
    Some(match ci {
        Ci::GitHub => "give the job `permissions: id-token: write`",
        Ci::GitLab => "give the job `id_tokens: ECR_AUTH_ID_TOKEN: aud: sts.amazonaws.com`",
        Ci::Bitbucket => "give the step `oidc: true`",
        Ci::CircleCi => "give the job a context: CircleCI hands out CIRCLE_OIDC_TOKEN_V2 only then",
        Ci::Buildkite => {
            "let the step reach the agent: BUILDKITE_AGENT_ACCESS_TOKEN and BUILDKITE_JOB_ID in its environment, buildkite-agent on its PATH (in a container: mount both)"
        }
        Ci::Jenkins => {
            "name an OIDC token credential (credentialsId of withEcrAuth), or bind one to ECR_AUTH_ID_TOKEN around this step"
        }
        Ci::Azure | Ci::Drone | Ci::Woodpecker => return None,
    })
}

/// There is no token though a role wants one: names the piece that is missing in this CI.
pub fn missing(env: &Env) -> Error {
    let ci = Ci::of(env);
    let code = match ci {
        Some(Ci::GitHub) => Code::GithubPermission,
        _ => Code::NoToken,
    };
    let hint = ci.and_then(piece);
    let hint = hint.unwrap_or("put the job's OIDC token into ECR_AUTH_ID_TOKEN, or use --source chain");
    Error::failed(code, "no OIDC token", "the role asks for one, and this job has none").hint(hint)
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
        assert_eq!(found, Some(CiToken::File("/run/token".into())));
        assert_eq!(CiToken::find(&env(&[file, ("AWS_ROLE_ARN", "arn:r")]), None), Ok(None));
        let other = CiToken::find(&env(&[file, ("ECR_AUTH_ID_TOKEN", "any")]), None).unwrap();
        assert!(matches!(other, Some(CiToken::Text { .. })));
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

    #[test]
    fn what_is_missing_is_named_for_each_ci() {
        let hint = |name: &str| missing(&env(&[(name, "true")])).hint_text().unwrap().to_owned();
        assert!(hint("GITHUB_ACTIONS").contains("id-token: write"));
        assert!(hint("GITLAB_CI").contains("id_tokens"));
        assert!(hint("BITBUCKET_BUILD_NUMBER").contains("oidc: true"));
        assert!(hint("CIRCLECI").contains("context"));
        assert!(hint("BUILDKITE").contains("buildkite-agent"));
        assert!(hint("JENKINS_URL").contains("credential"));
        assert!(hint("OTHER").contains("ECR_AUTH_ID_TOKEN"));
    }
}
