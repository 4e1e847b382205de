//! A `credential_process` that is a call of this program: what it would fetch is known without running it.

use std::path::Path;

use super::role::{IdentityScope, RoleBase, RolePlan};
use super::role_in;
use context::Env;
use ecr_registry::Partition;
use oidc_token::read_token_file;
use secret::Secret;
use settings::table::{PROFILE, REGION};
use settings::{IdentityChoice, IdentitySettings, SettingValues};

/// The file name of this program, without `.exe`.
const PROGRAM: &str = "ecr-auth";

/// The subcommand and its arguments.
#[derive(Debug)]
pub(crate) struct OwnCall(Vec<String>);

impl OwnCall {
    /// Reads the command line of a `credential_process`; `None` if it calls another program.
    pub fn parse(line: &Secret) -> Option<Self> {
        // In cmd.exe a backslash is no escape.
        let line = match cfg!(windows) {
            true => line.expose().replace('\\', "\\\\"),
            false => line.expose().to_owned(),
        };
        let mut words = shlex::split(&line)?;
        let program = Path::new(words.first()?).file_name()?.to_str()?.to_ascii_lowercase();
        let is_ours = program.strip_suffix(".exe").unwrap_or(&program) == PROGRAM;
        words.remove(0);
        is_ours.then_some(Self(words))
    }

    fn subcommand(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// Whether it is `ecr-auth assume`.
    pub fn is_assume(&self) -> bool {
        self.subcommand() == "assume"
    }

    /// Whether its credentials are those of this profile.
    pub fn names_profile(&self, name: &str) -> bool {
        let values = SettingValues::from_args(self.0.get(1..).unwrap_or_default());
        values.is_some_and(|values| values.text(&PROFILE) == Some(name))
    }

    /// What tells the credentials that the call fetches from all others, as named fields for a cache key. `None` where its source is no
    /// CI token and no sign-in to Cognito: then only the environment tells.
    fn key_fields(&self, env: &Env) -> Option<Vec<(&'static str, Secret)>> {
        let mut fields = match self.subcommand() {
            "assume" => self.plan(env)?.key_fields(),
            "cognito" => self.provider_token(),
            _ => return None,
        };
        let is_read_by_us = |name: &str| name.starts_with("AWS_") || name.starts_with("ECR_AUTH_");
        fields.push(("environment", env.visible(is_read_by_us)));
        Some(fields)
    }

    /// The roles that `ecr-auth assume` assumes, if it assumes the first one with the CI's token.
    fn plan(&self, env: &Env) -> Option<RolePlan> {
        let values = SettingValues::from_args(&self.0[1..])?;
        let region = values.text(&REGION).map(str::to_owned);
        let (profile, role) = values.over(Default::default(), Path::new("")).ok()?;
        let choice = IdentitySettings { profile, role }.choice(role_in(env)).ok()?;
        let IdentityChoice::Role { first, settings } = choice else {
            return None;
        };
        let partition = region.map_or_else(|| Partition::for_arn(&first), |region| Partition::for_region(&region));
        let scope = IdentityScope {
            partition,
            account: None,
        };
        let by_token = |settings: &_| RoleBase::find(settings, env, || Err(ci::missing_token(env)));
        RolePlan::new(&first, *settings, &scope, env, by_token).ok()
    }

    /// The token of `ecr-auth cognito --id-token-file`, whole.
    fn provider_token(&self) -> Vec<(&'static str, Secret)> {
        let flag = "--id-token-file";
        let after = self
            .0
            .iter()
            .skip_while(|word| *word != flag)
            .nth(1)
            .map(String::as_str);
        let file = after.or_else(|| self.0.iter().find_map(|word| word.strip_prefix("--id-token-file=")));
        let token = file.map(|file| read_token_file(Path::new(file)).unwrap_or_default());
        token.map(|token| ("token", token)).into_iter().collect()
    }
}

/// What tells the credentials that a `credential_process` prints from all others, as named fields for a cache key: for a call of this
/// program what that call would be told by, for every other program the environment that it sees.
pub(crate) fn process_fields(line: &Secret, env: &Env) -> Vec<(&'static str, Secret)> {
    let own = OwnCall::parse(line).and_then(|call| call.key_fields(env));
    own.unwrap_or_else(|| vec![("environment", env.visible(|_| true))])
}
