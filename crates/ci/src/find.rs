//! The token that a job takes: the one at a named place, or the first that the environment has.

use crate::user_command::UserCommand;
use crate::{ALL, CiSystem, CiToken, TokenFinder, generic};
use context::Env;
use diagnostics::{Code, Error, Result};
use settings::TokenPlace;
use settings::table::TOKEN_ENV;

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
                let command = UserCommand::find(command, env)?;
                Ok(Self::printed(&generic::COMMAND, command))
            }
        }
    }
}

/// Returns the system whose token a variable of this name holds.
fn giver(variable: &str) -> &'static CiSystem {
    let is_its_variable = |ci: &&CiSystem| matches!(ci.token, TokenFinder::Variable(name) if name == variable);
    ALL.into_iter().find(is_its_variable).unwrap_or(&generic::VARIABLE)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{FetchedToken, WantedAudience};
    use oidc_token::read_token_file;
    use settings::TokenCommand;

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
            ("SYSTEM_OIDCREQUESTURI", "https://dev.azure.com/o/oidctoken"),
            ("SYSTEM_ACCESSTOKEN", "azure"),
            ("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "9"),
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
        assert_eq!(
            found(6).as_deref(),
            Some("azure"),
            "half of Buildkite's pair is nothing"
        );
        assert_eq!(found(8), None);
        assert_eq!(CiToken::all(&env(&all)).len(), 6);
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
    }

    #[test]
    fn a_command_prints_the_token_when_it_is_wanted() {
        let printed = |line: &str| {
            let place = TokenPlace::Command(TokenCommand::from_line(line));
            let token = CiToken::find(&env(&[]), Some(&place))?.unwrap();
            assert!(token.in_hand().is_none());
            let audience = WantedAudience {
                name: "a",
                is_named: false,
            };
            match token.fetch(audience, &env(&[]), Duration::from_secs(60))? {
                FetchedToken::Token(token) => Ok::<_, Error>(token.expose().to_owned()),
                FetchedToken::Request(_) => panic!("a request"),
            }
        };
        assert_eq!(printed("echo mine").unwrap(), "mine");
        for failing in ["true", "echo s3cret; echo s3cret >&2; exit 1"] {
            let error = printed(failing).unwrap_err();
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
