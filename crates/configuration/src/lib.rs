//! Which AWS credentials are used for which registry: the rules of `ecr-auth.yml`, which people write, and of `setup.json`, which
//! commands write.
//!
//! - [`Config`] is both files together. [`Config::target`] finds the rule for a server name. [`Config::load_for`] reads only
//!   what one `get` needs.
//! - [`SetupFile`] writes rules into `setup.json` and removes them again. Nothing here writes `ecr-auth.yml`.
//! - [`VendorFile`] is a file that a vendor wrote: Cognito's pools and registries, nothing more.
//!
//! ```
//! use configuration::{Config, SetupChange, SetupFile, SetupRule};
//! use context::Env;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let home = tempfile::tempdir()?;
//! let file = home.path().join("ecr-auth.yml");
//! std::fs::write(&file, "\
//! registries:
//!   - match: '*.dkr.ecr.eu-west-1.amazonaws.com'
//!     profile: everyday
//! ")?;
//! let env: Env = [("HOME", home.path().display().to_string())].into_iter().collect();
//! let host = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
//!
//! let config = Config::load(&env, Some(&file))?;
//! assert_eq!(config.target(host).ok_or("not a registry")?.profile(), Some("everyday"));
//!
//! let keys = [("profile".to_owned(), "ci".into())].into_iter().collect();
//! let rule = SetupRule { host: host.to_owned(), registry: None, keys };
//! let change = SetupChange { rules: vec![rule], ..SetupChange::default() };
//! SetupFile::in_force(&env, Some(&file))?.write(&env, &config, &change)?;
//!
//! let config = Config::load(&env, Some(&file))?;
//! assert_eq!(config.target(host).ok_or("not a registry")?.profile(), Some("ci"));
//! assert_eq!(config.place(host).and_then(|place| place.line), None);
//! # Ok(())
//! # }
//! ```

mod checked;
mod file;
mod rule_lines;
mod server;
mod setup_edit;
mod setup_file;
mod vendor;
mod yaml;

use std::path::{Path, PathBuf};

pub use checked::CheckedTexts;
pub use setup_edit::{ReplacedRule, SetupChange, SetupFile, SetupTakenBack, SetupWritten};
pub use setup_file::{FallbackStore, SETUP_VARIABLE, SetupRule};
pub use vendor::{VendorFile, VendorRegistry};

use context::{Env, variables};
use diagnostics::Result;
use ecr_registry::{HostPattern, Registry, parse_argument, possible_names, server_name};
use server::Server;
use settings::{CognitoSettings, IdentitySettings, RoleSettings, SourceChoice};
use setup_file::SetupDocument;

/// The rules of `ecr-auth.yml` and `setup.json` together. The default is that of missing files: ECR's hosts, without rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// The rules of `ecr-auth.yml`.
    rules: Vec<RegistryRule>,
    defaults: RegistrySettings,
    /// The line of the block `cognito` of `ecr-auth.yml`.
    cognito_line: Option<LineNumber>,
    /// The rules of each `setup.json`, which come before those of `ecr-auth.yml`: first the job's, then the user's.
    layers: Vec<SetupLayer>,
    /// The store for other registries: the one in the job's `setup.json`, else the one in the user's.
    fallback: Option<FallbackStore>,
}

/// The server of a question, and the store of texts that were found valid.
type Asked<'a> = (&'a Server, Option<&'a dyn CheckedTexts>);

/// The rules of one `setup.json`, except those that an exact rule of an earlier file overrides.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SetupLayer {
    path: PathBuf,
    rules: Vec<RegistryRule>,
}

/// The place of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RulePlace<'a> {
    /// The `setup.json` that has the rule. `None` for `ecr-auth.yml`.
    pub setup: Option<&'a Path>,
    /// The line in `ecr-auth.yml`.
    pub line: Option<u64>,
}

/// One entry of `registries`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RegistryRule {
    pattern: HostPattern,
    /// The ECR registry behind an alias.
    registry: Option<Registry>,
    settings: RegistrySettings,
    line: LineNumber,
}

/// A line of the file, counted from 1. Rules are equal wherever they are in the file.
#[derive(Debug, Clone, Copy)]
struct LineNumber(u64);

impl PartialEq for LineNumber {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for LineNumber {}

/// The settings of a registry, with `defaults` filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct RegistrySettings {
    profile: Option<String>,
    role: RoleSettings,
    optional: bool,
}

impl RegistrySettings {
    fn identity(&self) -> IdentitySettings {
        IdentitySettings {
            profile: self.profile.clone(),
            role: self.role.clone(),
        }
    }
}

/// An ECR registry that was requested by its host name or an alias, and its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryTarget<'a> {
    registry: Registry,
    settings: &'a RegistrySettings,
}

impl RegistryTarget<'_> {
    /// Returns the registry: the host that was named, or the one behind the alias.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Returns the profile of AWS's shared files to use. It excludes other sources of credentials.
    pub fn profile(&self) -> Option<&str> {
        self.settings.profile.as_deref()
    }

    /// Returns the role to assume, and its settings.
    pub fn role(&self) -> &RoleSettings {
        &self.settings.role
    }

    /// Returns the identity settings of the registry.
    pub fn identity(&self) -> IdentitySettings {
        self.settings.identity()
    }

    /// Whether the helper reports "not found" when it fails, so that the client goes on without credentials: if the rule says so, and always for
    /// ECR Public, which anybody may pull from.
    pub fn is_optional(&self) -> bool {
        self.settings.optional || self.registry.is_public()
    }
}

impl Config {
    /// Reads the configuration: `named` (`--config`), else `$ECR_AUTH_CONFIG`, else `ecr-auth.yml` in the user's configuration folder; the
    /// `setup.json` beside it; and the job's (`$ECR_AUTH_SETUP`). Only a file that is not named may be missing.
    ///
    /// # Errors
    /// Usage errors: a file cannot be read, or is invalid (with line and column).
    pub fn load(env: &Env, named: Option<&Path>) -> Result<Self> {
        Self::read(env, named, is_named(env, named), None, None)
    }

    /// Reads the configuration for a question about one server. Rules of `setup.json` for other hosts are left out. So are those of a long
    /// `ecr-auth.yml` that was found valid before, which `checked` keeps.
    ///
    /// # Errors
    /// The errors of [`Config::load`], except those about a rule that is left out.
    pub fn load_for(env: &Env, named: Option<&Path>, server: &str, checked: Option<&dyn CheckedTexts>) -> Result<Self> {
        let asked = Server::parse(server);
        // [`Config::fallback_for`] checks every name that such a text may mean.
        let is_one_name = possible_names(server)
            .filter(|name| !name.is_empty())
            .all(|name| Server::parse(name).name() == asked.name());
        match is_one_name {
            true => Self::read(env, named, is_named(env, named), Some((&asked, checked)), None),
            false => Self::load(env, named),
        }
    }

    /// Whether the rule for a server says `optional: true` in an `ecr-auth.yml` that [`Config::load_for`] refuses.
    pub fn says_optional(env: &Env, named: Option<&Path>, server: &str) -> bool {
        let text = path(env, named).and_then(|path| file::read(&path).ok()?);
        text.is_some_and(|text| yaml::says_optional(&text, &Server::parse(server)))
    }

    /// Reads the configuration for `logout`: even an `ecr-auth.yml` that is named may be missing.
    ///
    /// # Errors
    /// The errors of [`Config::load`], except for the missing file.
    pub fn load_if_there(env: &Env, named: Option<&Path>) -> Result<Self> {
        let is_missing = path(env, named).is_some_and(|path| file::is_missing(&path));
        Self::read(env, named, is_named(env, named) && !is_missing, None, None)
    }

    /// Checks that the file that a command line names can be read, also for commands that need no configuration.
    ///
    /// # Errors
    /// The file is missing, or cannot be read.
    pub fn check_is_there(named: &Path) -> Result<()> {
        file::read(named)?.map(drop).ok_or_else(|| file::missing(named))
    }

    /// Reads all files. `planned` is a `setup.json` that is read in place of the one at its path.
    fn read(
        env: &Env,
        named: Option<&Path>,
        must_exist: bool,
        asked: Option<Asked<'_>>,
        planned: Option<(&Path, &SetupDocument)>,
    ) -> Result<Self> {
        let of_job = setup_file::of_job(env);
        let of_user = setup_file::of_user(env, named).filter(|path| of_job.as_ref() != Some(path));
        let read = |path: Option<PathBuf>| match path {
            Some(path) => {
                if let Some((_, document)) = planned.filter(|(planned, _)| *planned == path) {
                    return Ok((path, document.clone()));
                }
                let host = asked.map(|(server, _)| server.name());
                SetupDocument::read(&path, host).map(|document| (path, document))
            }
            None => Ok(Default::default()),
        };
        let (of_job, of_user) = (read(of_job)?, read(of_user)?);
        let sign_in = |(path, document): &(PathBuf, SetupDocument)| {
            let block = document.cognito.as_ref();
            block.map(|block| yaml::setup_cognito(path, block)).transpose()
        };
        let (job_cognito, user_cognito) = (sign_in(&of_job)?, sign_in(&of_user)?);
        let user_cognito = user_cognito.as_ref();
        let cognito = job_cognito.as_ref().or(user_cognito);
        let mut config = match path(env, named) {
            Some(path) => Self::read_people(&path, must_exist, cognito, asked)?,
            None => Self::without_file(cognito),
        };
        config.fallback = of_job.1.fallback.clone().or_else(|| of_user.1.fallback.clone());
        config.add_layer(of_job, cognito, |_, _| false)?;
        config.add_layer(of_user, user_cognito, |config, host| {
            config.line_naming(host).is_some() || config.layers.iter().any(|layer| layer.names(host))
        })?;
        Ok(config)
    }

    fn read_people(
        path: &Path,
        must_exist: bool,
        cognito: Option<&CognitoSettings>,
        asked: Option<Asked<'_>>,
    ) -> Result<Self> {
        if !must_exist && file::is_out_of_sight(path) {
            return Ok(Self::without_file(cognito));
        }
        match file::read(path)? {
            Some(text) => match asked {
                Some((server, Some(checked))) => checked::parse_for(server, &text, path, cognito, checked),
                _ => yaml::parse(&text, path, cognito),
            },
            None if must_exist => Err(file::missing(path)),
            None => Ok(Self::without_file(cognito)),
        }
    }

    fn without_file(cognito: Option<&CognitoSettings>) -> Self {
        let mut config = Self::default();
        config.defaults.role.cognito = cognito.cloned();
        config
    }

    /// Adds the rules of one `setup.json`. They use the file's own block `cognito`, if it has one.
    fn add_layer(
        &mut self,
        (path, document): (PathBuf, SetupDocument),
        cognito: Option<&CognitoSettings>,
        is_behind: impl Fn(&Self, &str) -> bool,
    ) -> Result<()> {
        if document.registries.is_empty() {
            return Ok(());
        }
        let mut defaults = self.defaults.clone();
        defaults.role.cognito = cognito.cloned().or(defaults.role.cognito);
        let mut rules = Vec::new();
        for rule in document.registries {
            if !is_behind(self, &rule.host) {
                rules.push(yaml::setup_rule(&path, &rule, &defaults)?);
            }
        }
        self.layers.push(SetupLayer { path, rules });
        Ok(())
    }

    /// Parses the text of an `ecr-auth.yml`. Errors name `path`.
    ///
    /// # Errors
    /// Usage errors with file, line and column: not YAML, an unknown key, a wrong type, a duplicate, or an invalid value.
    pub fn parse(text: &str, path: &Path) -> Result<Self> {
        yaml::parse(text, path, None)
    }

    /// Returns every rule, in the order of precedence.
    fn all_rules(&self) -> impl Iterator<Item = &RegistryRule> {
        self.layers.iter().flat_map(|layer| &layer.rules).chain(&self.rules)
    }

    /// Returns the first rule for the name of a registry or an alias.
    fn rule(&self, name: &str) -> Option<&RegistryRule> {
        match Registry::parse(name) {
            Some(registry) => self.all_rules().find(|rule| rule.pattern.matches(&registry)),
            None => self.all_rules().find(|rule| rule.pattern.alias() == Some(name)),
        }
    }

    /// Returns the line of the rule in `ecr-auth.yml` that names a host or an alias exactly, not by a glob.
    pub fn line_naming(&self, host: &str) -> Option<u64> {
        let rule = self.rules.iter().find(|rule| rule.pattern.exact() == Some(host))?;
        Some(rule.line.0)
    }

    /// Returns the line of the block `cognito` in `ecr-auth.yml`.
    pub fn line_of_cognito(&self) -> Option<u64> {
        self.cognito_line.map(|line| line.0)
    }

    /// Returns the place of the rule that applies to a host or an alias.
    pub fn place(&self, name: &str) -> Option<RulePlace<'_>> {
        self.rule(name).map(|rule| self.place_of(rule))
    }

    fn place_of(&self, rule: &RegistryRule) -> RulePlace<'_> {
        let layer = self
            .layers
            .iter()
            .find(|layer| layer.rules.iter().any(|known| std::ptr::eq(known, rule)));
        RulePlace {
            setup: layer.map(|layer| layer.path.as_path()),
            line: layer.is_none().then_some(rule.line.0),
        }
    }

    /// Returns the store for every registry that is neither ECR's nor an alias.
    pub fn fallback(&self) -> Option<&FallbackStore> {
        self.fallback.as_ref()
    }

    /// Returns the store for this server, unless it is an ECR host or an alias. Returns `None` for a name that other programs may read as one of
    /// these, such as `https://user@<host>`, so that a store never gets requests about them.
    pub fn fallback_for(&self, server: &str) -> Option<&FallbackStore> {
        let is_ours = possible_names(server).any(|name| self.target(name).is_some());
        self.fallback().filter(|_| !is_ours)
    }

    /// Returns the sign-in to Cognito: that of `ecr-auth.yml`, else that of `setup.json`.
    pub fn cognito(&self) -> Option<&CognitoSettings> {
        self.defaults.role.cognito.as_ref()
    }

    /// Returns the target of a client's request. `server` may have any form that [`Registry::parse`] takes: a host of ECR, or an alias, which is
    /// compared as a whole, port included. `None` for any other server. The first rule that matches applies.
    pub fn target(&self, server: &str) -> Option<RegistryTarget<'_>> {
        match Registry::parse(server) {
            Some(registry) => {
                let rule = self.all_rules().find(|rule| rule.pattern.matches(&registry));
                let settings = rule.map_or(&self.defaults, |rule| &rule.settings);
                Some(RegistryTarget { registry, settings })
            }
            None => self.alias(server),
        }
    }

    fn alias(&self, server: &str) -> Option<RegistryTarget<'_>> {
        let name = server_name(server)?;
        self.all_rules().find_map(|rule| match &rule.registry {
            Some(registry) if rule.pattern.alias() == Some(&name) => Some(RegistryTarget {
                registry: registry.clone(),
                settings: &rule.settings,
            }),
            _ => None,
        })
    }

    /// Returns the glob whose rule applies to a host of ECR, if a glob's does.
    pub fn glob_for(&self, host: &str) -> Option<&str> {
        Registry::parse(host)?;
        self.rule(host)?.pattern.glob()
    }

    /// Whether an exact rule or a glob's applies to a host of ECR or an alias.
    pub fn has_rule(&self, name: &str) -> bool {
        match Registry::parse(name) {
            Some(registry) => self.all_rules().any(|rule| rule.pattern.matches(&registry)),
            None => self.alias(name).is_some(),
        }
    }

    /// Returns the identity settings of hosts without a rule.
    pub fn defaults(&self) -> IdentitySettings {
        self.defaults.identity()
    }

    /// Returns the identity settings for the caller's own registry: the default profile alone, because a role may need the registry's account.
    pub fn own_identity(&self) -> IdentitySettings {
        IdentitySettings {
            profile: self.defaults.profile.clone(),
            ..IdentitySettings::default()
        }
    }

    /// Returns the profile of hosts without a rule.
    pub fn default_profile(&self) -> Option<&str> {
        self.defaults.profile.as_deref()
    }

    /// Whether pulls from hosts without a rule go on without credentials.
    pub fn defaults_are_optional(&self) -> bool {
        self.defaults.optional
    }

    /// Whether the defaults name an identity, be it the sign-in to Cognito or another one.
    pub fn has_default_identity(&self) -> bool {
        self.defaults_say_who() || self.defaults.role.source == SourceChoice::Cognito
    }

    /// Whether the defaults name an identity other than the sign-in to Cognito.
    pub fn defaults_say_who(&self) -> bool {
        let RegistrySettings { profile, role, .. } = &self.defaults;
        let is_chosen = profile.is_some() || role.role_arn.is_some() || role.source != SourceChoice::default();
        is_chosen && role.source != SourceChoice::Cognito
    }

    /// Whether registries other than these need the sign-in to Cognito.
    pub fn signs_in_beyond(&self, hosts: &[String]) -> bool {
        let signs_in = |settings: &RegistrySettings| settings.role.source == SourceChoice::Cognito;
        let is_named = |rule: &RegistryRule| {
            rule.pattern
                .exact()
                .is_some_and(|name| hosts.iter().any(|host| host == name))
        };
        let mut others = self.all_rules().filter(|rule| !is_named(rule));
        signs_in(&self.defaults) || others.any(|rule| signs_in(&rule.settings))
    }

    /// Returns the place of a rule that already applies to the name of a vendor's registry, unless it is the very rule that the [`VendorFile`] asks
    /// for. Importing the registry would replace that rule.
    pub fn place_against(&self, asked: &VendorRegistry) -> Option<RulePlace<'_>> {
        let rule = self.rule(&asked.name)?;
        let is_asked = rule.pattern.exact().is_some()
            && rule.settings.role.source == SourceChoice::Cognito
            && rule.registry.as_ref().map(Registry::host) == asked.registry.as_deref();
        (!is_asked).then(|| self.place_of(rule))
    }

    /// Whether a rule or the defaults of `ecr-auth.yml` use the sign-in of `setup.json`.
    fn people_need_setups_sign_in(&self) -> bool {
        let signs_in = |settings: &RegistrySettings| settings.role.source == SourceChoice::Cognito;
        self.cognito_line.is_none()
            && (signs_in(&self.defaults) || self.rules.iter().any(|rule| signs_in(&rule.settings)))
    }

    /// Returns the host of a REGISTRY on the command line: an alias by its name, else as [`parse_argument`] reads it.
    ///
    /// # Errors
    /// The usage errors of [`parse_argument`].
    pub fn host_named(&self, argument: &str, region: Option<&str>) -> Result<String> {
        match self.alias(argument).and_then(|_| server_name(argument)) {
            Some(alias) => Ok(alias),
            None => parse_argument(argument, region).map(|registry| registry.host().to_owned()),
        }
    }

    /// Returns the hosts and aliases that rules name exactly, in the order of the files: canonical host names of ECR, and aliases with their ports.
    pub fn exact_hosts(&self) -> impl Iterator<Item = &str> {
        self.all_rules().filter_map(|rule| rule.pattern.exact())
    }
}

impl SetupLayer {
    fn names(&self, host: &str) -> bool {
        self.rules.iter().any(|rule| rule.pattern.exact() == Some(host))
    }
}

/// Returns the path of the configuration file, which need not exist: `named`, else `$ECR_AUTH_CONFIG`, else in the user's configuration folder.
pub fn path(env: &Env, named: Option<&Path>) -> Option<PathBuf> {
    let named = named
        .map(Path::to_owned)
        .or_else(|| env.path(variables::ECR_AUTH_CONFIG));
    named.or_else(|| default_path(env))
}

fn default_path(env: &Env) -> Option<PathBuf> {
    Some(env.config_folder()?.join("ecr-auth.yml"))
}

/// Whether `--config` or `$ECR_AUTH_CONFIG` names the file, so that it must exist.
pub fn is_named(env: &Env, named: Option<&Path>) -> bool {
    named.is_some() || env.path(variables::ECR_AUTH_CONFIG).is_some()
}

#[cfg(test)]
mod tests;
