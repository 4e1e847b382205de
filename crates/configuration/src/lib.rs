//! `ecr-auth.yml`: which rule holds for a registry, and the names of one's own in front of ECR.

mod edit;
mod file;
mod save;
mod vendor;
mod yaml;

use std::path::{Path, PathBuf};

pub use edit::{CognitoEdit, RuleEdit, Value};
pub use save::{Restored, Saved, preview, take_back, write};
pub use vendor::{VendorFile, VendorRegistry};

use context::Env;
use diagnostics::Result;
use ecr_registry::{HostPattern, Registry, parse_argument, server_name};
use settings::{CognitoSettings, IdentitySettings, RoleSettings, SourceChoice};

/// What `ecr-auth.yml` says. The default is what no file says: ECR's hosts, without rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    rules: Vec<Rule>,
    defaults: Settings,
}

/// One entry of `registries`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    pattern: HostPattern,
    /// The ECR registry behind an alias.
    registry: Option<Registry>,
    settings: Settings,
    line: Line,
}

/// A line of the file, from 1. Rules are the same wherever they stand.
#[derive(Debug, Clone, Copy)]
struct Line(u64);

impl PartialEq for Line {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Line {}

/// What may be said of registries, `defaults` filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Settings {
    profile: Option<String>,
    role: RoleSettings,
    optional: bool,
}

impl Settings {
    fn identity(&self) -> IdentitySettings {
        IdentitySettings {
            profile: self.profile.clone(),
            role: self.role.clone(),
        }
    }
}

/// An ECR registry that was asked for by its host name or by an alias, and what the configuration says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target<'a> {
    registry: Registry,
    settings: &'a Settings,
}

impl Target<'_> {
    /// The registry: the host that was named, or the one behind the alias.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The profile of AWS's shared files to use, and no other source of credentials.
    pub fn profile(&self) -> Option<&str> {
        self.settings.profile.as_deref()
    }

    /// The role to assume, and how.
    pub fn role(&self) -> &RoleSettings {
        &self.settings.role
    }

    /// What the configuration says of whose credentials the registry takes.
    pub fn identity(&self) -> IdentitySettings {
        self.settings.identity()
    }

    /// Whether the helper answers "not found" where it fails, so that the client goes on without credentials: as the rule
    /// says, and always for ECR Public, which serves anybody.
    pub fn is_optional(&self) -> bool {
        self.settings.optional || self.registry.is_public()
    }
}

impl Config {
    /// Reads the configuration file: `named` (`--config`), else `$ECR_AUTH_CONFIG`, else `ecr-auth.yml` in the user's
    /// configuration folder, which alone may be missing.
    ///
    /// # Errors
    /// Usage errors: the file can't be read, or it isn't right; then with line and column.
    pub fn load(env: &Env, named: Option<&Path>) -> Result<Self> {
        if let Some(path) = named.map(Path::to_owned).or_else(|| env.path("ECR_AUTH_CONFIG")) {
            let text = file::read(&path)?.ok_or_else(|| file::missing(&path))?;
            return Self::parse(&text, &path);
        }
        match default_path(env) {
            Some(path) if file::is_out_of_sight(&path) => Ok(Self::default()),
            Some(path) => file::read(&path)?.map_or_else(|| Ok(Self::default()), |text| Self::parse(&text, &path)),
            None => Ok(Self::default()),
        }
    }

    /// [`Config::load`], for who is about to [`write`]: a file that is named may be missing too.
    ///
    /// # Errors
    /// Those of [`Config::load`], but for the missing file.
    pub fn load_if_there(env: &Env, named: Option<&Path>) -> Result<Self> {
        match path(env, named) {
            Some(path) if file::is_missing(&path) => Ok(Self::default()),
            _ => Self::load(env, named),
        }
    }

    /// Reads the text of a configuration file; `path` is for the errors.
    ///
    /// # Errors
    /// Usage errors with file, line and column: not YAML, an unknown key, a wrong type, a duplicate, a value that cannot be.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        yaml::parse(text, path)
    }

    /// The sign-in to Cognito that the file has, whoever uses it.
    pub fn cognito(&self) -> Option<&CognitoSettings> {
        self.defaults.role.cognito.as_ref()
    }

    /// What a client means by `server`, in any of the forms that [`Registry::parse`] takes: a host of ECR, or an alias,
    /// which is compared whole, port included. `None` for everything else. The first rule that matches holds.
    pub fn target(&self, server: &str) -> Option<Target<'_>> {
        match Registry::parse(server) {
            Some(registry) => {
                let rule = self.rules.iter().find(|rule| rule.pattern.matches(&registry));
                let settings = rule.map_or(&self.defaults, |rule| &rule.settings);
                Some(Target { registry, settings })
            }
            None => self.alias(server),
        }
    }

    fn alias(&self, server: &str) -> Option<Target<'_>> {
        let name = server_name(server)?;
        self.rules.iter().find_map(|rule| match &rule.registry {
            Some(registry) if rule.pattern.alias() == Some(&name) => Some(Target {
                registry: registry.clone(),
                settings: &rule.settings,
            }),
            _ => None,
        })
    }

    /// The glob whose rule holds for a host of ECR, if it is a glob's.
    pub fn glob_for(&self, host: &str) -> Option<&str> {
        let registry = Registry::parse(host)?;
        let rule = self.rules.iter().find(|rule| rule.pattern.matches(&registry))?;
        rule.pattern.glob()
    }

    /// Whether a rule of its own or a glob's holds for a host of ECR or an alias.
    pub fn has_rule(&self, name: &str) -> bool {
        match Registry::parse(name) {
            Some(registry) => self.rules.iter().any(|rule| rule.pattern.matches(&registry)),
            None => self.alias(name).is_some(),
        }
    }

    /// Whose credentials hosts without a rule take.
    pub fn defaults(&self) -> IdentitySettings {
        self.defaults.identity()
    }

    /// Whether hosts without a rule have credentials that somebody chose, other than the sign-in to Cognito.
    pub fn defaults_say_who(&self) -> bool {
        let Settings { profile, role, .. } = &self.defaults;
        let is_chosen = profile.is_some() || role.role_arn.is_some() || role.source != SourceChoice::default();
        is_chosen && role.source != SourceChoice::Cognito
    }

    /// Whether other registries than these need the sign-in to Cognito.
    pub fn signs_in_beyond(&self, hosts: &[String]) -> bool {
        let signs_in = |settings: &Settings| settings.role.source == SourceChoice::Cognito;
        let is_named = |rule: &Rule| {
            rule.pattern
                .exact()
                .is_some_and(|name| hosts.iter().any(|host| host == name))
        };
        let mut others = self.rules.iter().filter(|rule| !is_named(rule));
        signs_in(&self.defaults) || others.any(|rule| signs_in(&rule.settings))
    }

    /// The line of the rule that a registry of somebody else's would take something away from: one that holds for its name already, and
    /// is not the very rule that [`VendorFile`] asks for.
    pub fn line_against(&self, asked: &VendorRegistry) -> Option<u64> {
        let registry = Registry::parse(&asked.name);
        let holds = |rule: &&Rule| match &registry {
            Some(registry) => rule.pattern.matches(registry),
            None => rule.pattern.alias() == Some(&asked.name),
        };
        let rule = self.rules.iter().find(holds)?;
        let is_asked = rule.pattern.exact().is_some()
            && rule.settings.role.source == SourceChoice::Cognito
            && rule.registry.as_ref().map(Registry::host) == asked.registry.as_deref();
        (!is_asked).then_some(rule.line.0)
    }

    /// The host that a REGISTRY of the command line means: an alias by its name, else what [`parse_argument`] takes.
    ///
    /// # Errors
    /// Usage errors of [`parse_argument`].
    pub fn host_named(&self, argument: &str, region: Option<&str>) -> Result<String> {
        match self.alias(argument).and_then(|_| server_name(argument)) {
            Some(alias) => Ok(alias),
            None => parse_argument(argument, region).map(|registry| registry.host().to_owned()),
        }
    }

    /// The hosts and aliases that the rules name exactly, in the order of the file: canonical host names of ECR, and
    /// aliases with their ports.
    pub fn exact_hosts(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().filter_map(|rule| rule.pattern.exact())
    }
}

/// Where the configuration file is, or would be: `named`, else `$ECR_AUTH_CONFIG`, else in the user's configuration folder.
pub fn path(env: &Env, named: Option<&Path>) -> Option<PathBuf> {
    let named = named.map(Path::to_owned).or_else(|| env.path("ECR_AUTH_CONFIG"));
    named.or_else(|| default_path(env))
}

fn default_path(env: &Env) -> Option<PathBuf> {
    Some(env.config_folder()?.join("ecr-auth.yml"))
}

/// Whether somebody named the file, by `--config` or `$ECR_AUTH_CONFIG`, so that it must be there.
pub fn is_named(env: &Env, named: Option<&Path>) -> bool {
    named.is_some() || env.path("ECR_AUTH_CONFIG").is_some()
}

#[cfg(test)]
mod tests;
