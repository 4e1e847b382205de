//! A `credential_process` that calls this program: the credentials it would fetch are known without running it.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::role::{IdentityScope, RoleBase, RolePlan};
use super::role_in;
use aws_shared_files::SharedFiles;
use context::{Env, program};
use ecr_registry::Partition;
use oidc_token::token_key;
use secret::Secret;
use settings::table::{PROFILE, REGION};
use settings::{IdentityChoice, IdentitySettings, RoleSettings, SettingValues};

/// The file name of this program, without `.exe`.
const PROGRAM: &str = "ecr-auth";

/// The subcommand and its arguments.
#[derive(Debug)]
pub(crate) struct OwnCall(Vec<String>);

impl OwnCall {
    /// Reads the command line of a `credential_process`; `None` if it calls another program.
    pub fn parse(line: &Secret) -> Option<Self> {
        let mut words = program::words(line.expose())?;
        let first = words.first()?;
        let is_ours =
            program::is_called(Path::new(&first.to_ascii_lowercase()), PROGRAM) || is_this_program(Path::new(first));
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
        let values = SettingValues::<RoleSettings>::from_args(self.0.get(1..).unwrap_or_default());
        values.is_some_and(|values| values.text(&PROFILE) == Some(name))
    }

    /// Returns named fields for a cache key that tell the credentials of this call from all others.
    fn key_fields(&self, env: &Env) -> Vec<(&'static str, Secret)> {
        let is_read_by_us = |name: &str| name.starts_with("AWS_") || name.starts_with("ECR_AUTH_");
        let by_us = [("environment", ci::visible(env, is_read_by_us))];
        match self.subcommand() {
            "assume" if self.value("--source") != Some("cognito") => match self.plan(env) {
                Some(plan) => plan.key_fields().into_iter().chain(by_us).collect(),
                // The credentials are a profile's or another source's of this machine.
                None => vec![
                    ("environment", ci::visible(env, |_| true)),
                    ("files", SharedFiles::whole_text(env)),
                ],
            },
            "cognito"
                if self.value("--identity-pool-id").is_some()
                    && (self.value("--username").is_some() || self.value("--provider").is_some()) =>
            {
                self.provider_token().into_iter().chain(by_us).collect()
            }
            // Only the call itself knows what its configuration adds, so a cached result is not shared.
            _ => vec![("process", unique())],
        }
    }

    /// Returns the value of a flag: the next word, or the text after `=`.
    fn value(&self, flag: &str) -> Option<&str> {
        let next = self.0.iter().skip_while(|word| *word != flag).nth(1);
        let joined = || {
            self.0
                .iter()
                .find_map(|word| word.strip_prefix(flag)?.strip_prefix('='))
        };
        next.map(String::as_str).or_else(joined)
    }

    /// Returns the roles of `ecr-auth assume`, if it assumes the first one with the CI's token.
    fn plan(&self, env: &Env) -> Option<RolePlan> {
        let values = SettingValues::from_args(&self.0[1..])?;
        let region = values.text(&REGION).map(str::to_owned);
        let profile = values.text(&PROFILE).map(str::to_owned);
        let role = values.over(RoleSettings::default(), Path::new("")).ok()?;
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

    /// Returns the whole token of `ecr-auth cognito --id-token-file`.
    fn provider_token(&self) -> Vec<(&'static str, Secret)> {
        let file = self.value("--id-token-file");
        let token = file.map(|file| token_key(Path::new(file)));
        token.map(|token| ("token", token)).into_iter().collect()
    }
}

/// Whether a path leads to this process's program, which may have any name, such as that of a release's file.
fn is_this_program(path: &Path) -> bool {
    let own = || std::env::current_exe()?.canonicalize();
    path.is_absolute() && path.canonicalize().is_ok_and(|path| own().is_ok_and(|own| own == path))
}

/// Returns named fields for a cache key that tell the credentials of a `credential_process` from all others. For a call of this program, they are
/// that call's own. For another program, they are its environment and its folder.
pub(crate) fn process_fields(line: &Secret, env: &Env) -> Vec<(&'static str, Secret)> {
    if let Some(call) = OwnCall::parse(line) {
        return call.key_fields(env);
    }
    let folder = std::env::current_dir().unwrap_or_default();
    vec![
        ("environment", ci::visible(env, |_| true)),
        ("folder", Secret::new(folder.to_string_lossy())),
    ]
}

/// Returns a text that no other process has.
fn unique() -> Secret {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Secret::new(format!("{} {}", std::process::id(), now.as_nanos()))
}
