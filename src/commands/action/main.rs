//! The main step: reads all inputs, signs in, and only then writes what docker and later steps are to find.

use std::path::PathBuf;
use std::time::SystemTime;

use super::credentials::Credentials;
use super::docker_config;
use super::exports::Exports;
use super::inputs::{Export, Inputs, Mode, wrong};
use super::job::{Job, copy_private};
use super::principal::{Principal, identity_of};
use super::summary::{self, Row};
use super::undo::Undo;
use super::uses::Uses;
use crate::ci::{self, github};
use crate::commands::deliver::hide;
use crate::commands::identity::IdentityArgs;
use crate::commands::passwords;
use crate::config::{self, Config, RuleEdit};
use crate::docker::{self, ConfigFile, Record, Wish, shown};
use crate::error::{Error, Result};
use crate::identity::{Identity, RolePlan, RoleSettings, Scope};
use crate::output::{self, RegistryPassword};
use crate::registry::Partition;
use crate::secret::Secret;
use crate::token;
use crate::world::World;

/// Signs the job in.
///
/// # Errors
/// An input that is wrong, a sign-in that fails, a configuration that can't be written. What was written until then the post step
/// takes back.
pub fn run(world: &mut World<'_>) -> Result<()> {
    let inputs = Inputs::read(&world.env)?;
    let mut step = Step::begin(inputs, world)?;
    let hosts = step.hosts(world)?;
    let mut credentials = Credentials::plan(&step.inputs, &hosts.names(), world)?;
    let config = step.write_rules(&hosts, world)?;
    let signed_in = step.sign_in(&hosts.names(), credentials.as_mut(), &config, world)?;
    step.export(credentials.as_ref(), &hosts, world)?;
    let folder = step.configure(&hosts.names(), &signed_in.passwords, world)?;
    step.hand_over(&hosts.names(), &signed_in, folder, world)
}

/// The registries, each with its identity.
#[derive(Debug, Default)]
struct Hosts(Vec<(String, IdentityArgs)>);

impl Hosts {
    fn names(&self) -> Vec<String> {
        self.0.iter().map(|(host, _)| host.clone()).collect()
    }
}

/// Who was signed in, and with which passwords.
#[derive(Debug)]
struct SignedIn {
    /// One for each registry; `None` where nobody was asked.
    principals: Vec<Option<Principal>>,
    /// That of the job as a whole: the exported one, else the first registry's.
    first: Option<Principal>,
    passwords: Vec<RegistryPassword>,
    /// When the first of passwords and credentials ends.
    expires_at: Option<SystemTime>,
}

struct Step {
    inputs: Inputs,
    job: Job,
    exports: Exports,
    undo: Undo,
}

impl Step {
    /// From here on everything secret goes to the job's folder, and the post step knows of it.
    fn begin(inputs: Inputs, world: &mut World<'_>) -> Result<Self> {
        let mut exports = Exports::new(&world.env);
        for (name, value) in &inputs.proxies {
            // It may hold a password: nothing is noted of it.
            world.env.set(name, value);
            exports.hand_on(name, Secret::new(value.as_str()));
        }
        hide(Vec::new(), world)?;
        let job = Job::of(&world.env)?;
        let mut undo = Undo {
            cleanup: inputs.cleanup,
            job: job.folder().to_owned(),
            made_job: job.is_new,
            use_folder: job.new_use()?,
            ..Undo::default()
        };
        exports.set_path("ECR_AUTH_CACHE_DIR", &job.cache(), &mut world.env, &mut undo)?;
        undo.save(&world.env)?;
        Ok(Self {
            inputs,
            job,
            exports,
            undo,
        })
    }

    /// The registries that are named, each once; else that of the signed-in account, where docker is to be served.
    fn hosts(&self, world: &World<'_>) -> Result<Hosts> {
        let identity = &self.inputs.identity;
        let mut hosts = Hosts::default();
        if self.inputs.registries.is_empty() {
            if self.inputs.mode != Mode::None {
                let role = identity.settings(&RoleSettings::default())?;
                let own = token::own_registry(identity.region.as_deref(), None, &role, world)?;
                hosts.0.push((own.host().to_owned(), identity.clone()));
            }
            return Ok(hosts);
        }
        let known = Config::load(&world.env, None)?;
        let region = token::region(identity.region.as_deref(), &world.env)?;
        for named in &self.inputs.registries {
            let host = known.host_named(&named.registry, region.as_deref())?;
            let identity = self.inputs.identity_of(named);
            match hosts.0.iter().find(|(known, _)| *known == host) {
                Some((_, known)) if *known != identity => {
                    return Err(wrong("registries", format!("{host} is there twice, with two roles"))
                        .hint("a registry has one role: name it once"));
                }
                Some(_) => {}
                None => hosts.0.push((host, identity)),
            }
        }
        Ok(hosts)
    }

    /// Whose credentials each registry takes, in a copy of `ecr-auth.yml` for this job alone.
    fn write_rules(&mut self, hosts: &Hosts, world: &mut World<'_>) -> Result<Config> {
        let config = Config::load(&world.env, None)?;
        let mut rules = Vec::new();
        for (host, identity) in hosts.0.iter().filter(|(_, identity)| identity.is_given()) {
            if let Some(target) = config.target(host) {
                let settings = identity.settings(&RoleSettings::default())?;
                RolePlan::check(&settings, &Scope::from(target.registry()))?;
            }
            rules.push(RuleEdit {
                match_: host.clone(),
                registry: None,
                keys: identity.to_keys()?,
            });
        }
        if rules.is_empty() {
            return Ok(config);
        }
        let path = self.job.rules();
        if !path.exists()
            && let Some(current) = config::path(&world.env, None)
        {
            copy_private(&current, &path)?;
        }
        self.undo.rules = Some(path.clone());
        self.undo.hosts = hosts.names();
        self.undo.save(&world.env)?;
        config::write(&world.env, Some(&path), &rules)?;
        self.exports
            .set_path("ECR_AUTH_CONFIG", &path, &mut world.env, &mut self.undo)?;
        Config::load(&world.env, None)
    }

    /// Checks whose accounts these are, then asks AWS: what is wrong shows now, and not in the middle of a build.
    fn sign_in(
        &self,
        hosts: &[String],
        mut credentials: Option<&mut Credentials>,
        config: &Config,
        world: &mut World<'_>,
    ) -> Result<SignedIn> {
        let exported = credentials.as_deref().map(Credentials::identity);
        let (principals, first) = self.principals(hosts, exported, config, world)?;
        let (export, verify) = (self.inputs.export, self.inputs.verify);
        if let Some(credentials) = credentials.as_deref_mut()
            && (verify || export == Export::Env)
        {
            credentials.fetch(world)?;
        }
        let passwords = match verify || self.inputs.mode == Mode::Login || self.inputs.output_password {
            true => fetch(hosts, config, world)?,
            false => Vec::new(),
        };
        let ends = passwords.iter().map(|password| password.expires_at);
        let expires_at = ends.chain(credentials.and_then(|it| it.expires_at())).min();
        Ok(SignedIn {
            principals,
            first,
            passwords,
            expires_at,
        })
    }

    /// The principal behind each registry, and that of the job as a whole. Where nothing is to be verified, nobody is asked.
    fn principals(
        &self,
        hosts: &[String],
        exported: Option<&Identity>,
        config: &Config,
        world: &mut World<'_>,
    ) -> Result<(Vec<Option<Principal>>, Option<Principal>)> {
        let mut known: Vec<(Vec<(&'static str, Secret)>, Option<Principal>)> = Vec::new();
        let mut find = |identity: &Identity, region: &str, world: &mut World<'_>| -> Result<Option<Principal>> {
            let fields = identity.key_fields();
            if let Some((_, principal)) = known.iter().find(|(known, _)| *known == fields) {
                return Ok(principal.clone());
            }
            let ask = self.inputs.verify || !self.inputs.allowed_accounts.is_empty();
            let principal = match ask || identity.role().is_some() {
                true => Some(Principal::of(identity, region, world)?),
                false => None,
            };
            if let Some(principal) = &principal {
                self.mask_account(principal, world);
                principal.check(&self.inputs)?;
            }
            known.push((fields, principal.clone()));
            Ok(principal)
        };
        let region = self.region(hosts, world)?;
        let first = match exported {
            Some(identity) => find(identity, &region, world)?,
            None if hosts.is_empty() => find(&self.identity(&region, world)?, &region, world)?,
            None => None,
        };
        let mut principals = Vec::new();
        for host in hosts {
            let identity = identity_of(host, config, world)?;
            principals.push(match &identity {
                Some(identity) => find(identity, &region, world)?,
                None => None,
            });
        }
        let first = first.or_else(|| principals.first().cloned().flatten());
        Ok((principals, first))
    }

    /// The identity of a job without registries.
    fn identity(&self, region: &str, world: &World<'_>) -> Result<Identity> {
        let role = self.inputs.identity.settings(&RoleSettings::default())?;
        let scope = Scope {
            partition: Partition::of_region(region),
            account: None,
        };
        Identity::choose_for(&scope, &world.env, None, &role)
    }

    /// The region whose STS is asked: the one that is set, else the first registry's.
    fn region(&self, hosts: &[String], world: &World<'_>) -> Result<String> {
        if let Some(region) = token::region(self.inputs.identity.region.as_deref(), &world.env)? {
            return Ok(region);
        }
        let first = hosts.iter().find_map(|host| crate::registry::Registry::parse(host));
        Ok(first.map_or_else(|| "us-east-1".to_owned(), |registry| registry.region().to_owned()))
    }

    fn mask_account(&self, principal: &Principal, world: &mut World<'_>) {
        if self.inputs.mask_account_id {
            let _ = writeln!(world.stderr, "{}", github::add_mask(&principal.account));
        }
    }

    /// Gives later steps AWS credentials, if that is asked for.
    fn export(&mut self, credentials: Option<&Credentials>, hosts: &Hosts, world: &mut World<'_>) -> Result<()> {
        let Some(credentials) = credentials else { return Ok(()) };
        let (exports, undo) = (&mut self.exports, &mut self.undo);
        if self.inputs.export == Export::Profile {
            return credentials.to_profile(&self.inputs.profile, &self.job, exports, undo, world);
        }
        credentials.to_env(exports, undo, world);
        if credentials.base().is_some() {
            self.leave_the_role_to_the_environment(hosts, world)?;
        }
        Ok(())
    }

    /// From now on the environment holds the role's own credentials: to assume the role once more with them, it would have to
    /// trust itself.
    fn leave_the_role_to_the_environment(&mut self, hosts: &Hosts, world: &mut World<'_>) -> Result<()> {
        let role = &self.inputs.identity.role_arn;
        let is_exported = |host: &str| {
            let mut hosts = hosts.0.iter();
            hosts.any(|(name, identity)| name == host && identity.role_arn == *role)
        };
        config::take_back(&world.env, Some(&self.job.rules()), &is_exported)?;
        if !self.job.rules().exists() {
            self.exports.leave("ECR_AUTH_CONFIG", &mut world.env, &mut self.undo);
        }
        Ok(())
    }

    /// Writes docker's configuration, and podman's where it is installed. The helper comes first, so that no client is sent to
    /// one that is not there.
    fn configure(
        &mut self,
        hosts: &[String],
        passwords: &[RegistryPassword],
        world: &mut World<'_>,
    ) -> Result<Option<PathBuf>> {
        if self.inputs.mode == Mode::None {
            return Ok(None);
        }
        let place = docker_config::prepare(&self.inputs.docker_config, &self.job, &world.env)?;
        for (name, path) in &place.variables {
            self.exports.set_path(name, path, &mut world.env, &mut self.undo)?;
        }
        let files = docker::config_files(None, Some(&place.folder), &world.env)?;
        self.undo.hosts = hosts.to_vec();
        self.undo.add_files(&files);
        self.undo.save(&world.env)?;
        if self.inputs.mode == Mode::Helper {
            docker::helper_link(&world.exe, Some(&self.job.programs()), &world.env)?.make()?;
        }
        let uses = Uses::of(&self.undo.use_folder, &world.env);
        for file in &files {
            let mut write = || match self.inputs.mode {
                Mode::Helper => serve(file, hosts, world),
                _ => passwords::store(file, passwords, world),
            };
            match &uses {
                Some(uses) => uses.begin(file, hosts, &mut write)?,
                None => write()?,
            }
        }
        Ok(Some(place.folder))
    }

    /// Tells the runner: the post step's state first, then what later steps get, and the result.
    fn hand_over(
        &self,
        hosts: &[String],
        signed_in: &SignedIn,
        folder: Option<PathBuf>,
        world: &mut World<'_>,
    ) -> Result<()> {
        self.undo.save(&world.env)?;
        self.exports.write(&world.env)?;
        let programs = self.job.programs();
        if self.inputs.mode == Mode::Helper && !world.env.search_path().contains(&programs) {
            github::add_path(&world.env, &programs)?;
        }
        let outputs = self.outputs(hosts, signed_in, folder)?;
        github::write(&world.env, github::File::Output, &outputs)?;
        let until = |host: &str| {
            let password = signed_in.passwords.iter().find(|it| it.host == host);
            password.map(|it| output::rfc3339(it.expires_at)).transpose()
        };
        let mut rows = Vec::new();
        for (host, principal) in hosts.iter().zip(&signed_in.principals) {
            rows.push(Row {
                registry: host,
                principal: principal.as_ref(),
                until: until(host)?,
            });
        }
        if let Err(error) = github::add_summary(&world.env, &summary::table(&self.inputs, &rows)) {
            // Some runners have none.
            world.detail(|| error.to_string());
        }
        Ok(())
    }

    fn outputs(
        &self,
        hosts: &[String],
        signed_in: &SignedIn,
        folder: Option<PathBuf>,
    ) -> Result<Vec<(String, Secret)>> {
        let json = serde_json::to_string(hosts).map_err(|error| Error::failed("cannot write the outputs", error))?;
        let first = signed_in.first.as_ref();
        let expiration = signed_in.expires_at.map(output::rfc3339).transpose()?;
        let named = [
            ("registry", hosts.first().cloned()),
            ("registries", Some(json)),
            ("aws-account-id", first.map(|it| it.account.clone())),
            ("authenticated-arn", first.map(|it| it.arn.clone())),
            ("expiration", expiration),
            ("docker-config", folder.map(|it| it.to_string_lossy().into_owned())),
            ("version", Some(env!("CARGO_PKG_VERSION").to_owned())),
        ];
        let named = named.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let mut outputs: Vec<_> = named
            .map(|(name, value)| (name.to_owned(), Secret::new(value)))
            .collect();
        if self.inputs.output_password {
            if let Some(first) = signed_in.passwords.first() {
                let username = Secret::new(RegistryPassword::USERNAME);
                outputs.push(("docker-username".to_owned(), username));
                outputs.push(("docker-password".to_owned(), first.password.clone()));
            }
            outputs.extend(output::passwords_outputs(&signed_in.passwords)?);
        }
        Ok(outputs)
    }
}

/// A password for each registry, from the rules as they stand now. What can be done without is a warning.
fn fetch(hosts: &[String], config: &Config, world: &mut World<'_>) -> Result<Vec<RegistryPassword>> {
    let fetched = passwords::fetch(&IdentityArgs::default(), hosts, config, world)?;
    let secrets = fetched.passwords.iter().flat_map(|it| ci::of_password(&it.password));
    hide(secrets.collect(), world)?;
    for (host, error) in fetched.failed {
        let mut warning = Error::failed(format!("{host}: going on without it: {}", error.what()), error.cause());
        if let Some(hint) = error.hint_text() {
            warning = warning.hint(hint);
        }
        super::annotate(github::Level::Warning, &warning, world);
    }
    Ok(fetched.passwords)
}

/// Lets a client ask the helper for these registries.
fn serve(file: &ConfigFile, hosts: &[String], world: &mut World<'_>) -> Result<()> {
    let wish = Wish {
        hosts,
        store: false,
        force: false,
    };
    let record = world.env.state_folder().map(Record::in_folder);
    let configured = wish.configure(file, record.as_ref())?;
    let (client, path) = (file.kind.name(), shown(&file.path, &world.env));
    let count = match hosts.len() {
        1 => "1 registry".to_owned(),
        count => format!("{count} registries"),
    };
    world.say(&format!("{client}: {count} served by ecr-auth, by {path}"));
    if let Some(error) = configured.not_recorded {
        world.say(&format!(
            "warning: what was replaced cannot be recorded, so it will not be put back: {error}"
        ));
    }
    Ok(())
}
