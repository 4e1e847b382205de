//! The main step: reads all inputs, signs in, and only then writes what docker and later steps are to find.

use std::env;
use std::iter::once;
use std::path::PathBuf;

use super::credentials::Credentials;
use super::docker_config;
use super::exports::Exports;
use super::inputs::{Export, Inputs, Mode};
use super::job::Job;
use super::principal::{Principal, Principals};
use super::registries::Hosts;
use super::results::{self, SignedIn};
use super::undo::Undo;
use super::uses::Uses;
use crate::commands::deliver::hide;
use crate::commands::passwords;
use crate::output::RegistryPassword;
use aws_access::Identity;
use aws_access::identity::{self, Scope};
use ci::github;
use client_config::{ConfigFile, Wish, shown};
use configuration::{Config, SETUP_VARIABLE, SetupChange, SetupFile, SetupRule};
use context::{World, variables};
use diagnostics::Result;
use ecr_registry::Registry;
use secret::Secret;
use settings::IdentitySettings;

/// Signs the job in.
///
/// # Errors
/// An input that is wrong, a sign-in that fails, a configuration that can't be written. What was written until then the post step
/// takes back.
pub fn run(world: &mut World<'_>) -> Result<()> {
    let inputs = Inputs::read(&world.env)?;
    let mut step = Step::begin(inputs, world)?;
    let hosts = Hosts::of(&step.inputs, world)?;
    let mut credentials = Credentials::plan(&step.inputs, &hosts.names(), world)?;
    let config = step.write_rules(&hosts, world)?;
    let signed_in = step.sign_in(&hosts.names(), credentials.as_mut(), &config, world)?;
    step.export(credentials.as_ref(), &hosts, world)?;
    let folder = step.configure(&hosts.names(), &signed_in.passwords, world)?;
    step.hand_over(&signed_in, folder, world)
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
        exports.set_path(variables::ECR_AUTH_CACHE_DIR, &job.cache(), &mut world.env, &mut undo)?;
        undo.save(&world.env)?;
        Ok(Self {
            inputs,
            job,
            exports,
            undo,
        })
    }

    /// Writes whose credentials each registry takes into a `setup.json` of this job alone. The user's own files stay where they are.
    fn write_rules(&mut self, hosts: &Hosts, world: &mut World<'_>) -> Result<Config> {
        let config = Config::load(&world.env, None)?;
        let mut rules = Vec::new();
        for (host, identity) in hosts.iter().filter(|(_, identity)| identity.is_given()) {
            if let Some(target) = config.target(host) {
                let settings = identity.identity(&IdentitySettings::default())?;
                Identity::check(&settings, &Scope::from(target.registry()))?;
            }
            rules.push(SetupRule {
                host: host.clone(),
                registry: None,
                keys: identity.to_json()?,
            });
        }
        if rules.is_empty() {
            return Ok(config);
        }
        let path = self.job.setup();
        self.undo.rules = Some(path.clone());
        self.undo.hosts = hosts.names();
        self.undo.save(&world.env)?;
        let change = SetupChange { rules, cognito: None };
        SetupFile::of_job(path.clone()).write(&world.env, &config, &change)?;
        self.exports
            .set_path(SETUP_VARIABLE, &path, &mut world.env, &mut self.undo)?;
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
            true => results::fetch(hosts, config, world)?,
            false => Vec::new(),
        };
        let ends = passwords.iter().map(|password| password.expires_at);
        let expires_at = ends.chain(credentials.and_then(|it| it.expires_at())).min();
        Ok(SignedIn {
            hosts: hosts.to_vec(),
            principals,
            first,
            passwords,
            expires_at,
        })
    }

    /// The principal behind each registry, and that of the job as a whole: the exported one, else the first registry's.
    fn principals(
        &self,
        hosts: &[String],
        exported: Option<&Identity>,
        config: &Config,
        world: &mut World<'_>,
    ) -> Result<(Vec<Option<Principal>>, Option<Principal>)> {
        let region = self.region(hosts, world)?;
        let mut principals = Principals::new(&self.inputs, &region);
        let first = match exported {
            Some(identity) => principals.find(identity, world)?,
            None if hosts.is_empty() => principals.find(&self.identity(&region, world)?, world)?,
            None => None,
        };
        let of_hosts = principals.of_hosts(hosts, config, world)?;
        let first = first.or_else(|| of_hosts.first().cloned().flatten());
        Ok((of_hosts, first))
    }

    /// The identity of a job without registries.
    fn identity(&self, region: &str, world: &World<'_>) -> Result<Identity> {
        let settings = self.inputs.identity.identity(&IdentitySettings::default())?;
        Identity::choose(settings, &Scope::of_region(region), &world.env)
    }

    /// The region whose STS is asked: the one that is set, else the first registry's.
    fn region(&self, hosts: &[String], world: &World<'_>) -> Result<String> {
        if let Some(region) = identity::region(self.inputs.identity.region(), &world.env)? {
            return Ok(region);
        }
        let first = hosts.iter().find_map(|host| Registry::parse(host));
        Ok(first.map_or_else(|| "us-east-1".to_owned(), |registry| registry.region().to_owned()))
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
        let role = self.inputs.identity.role_arn();
        let is_exported = |host: &str| {
            let mut hosts = hosts.iter();
            hosts.any(|(name, identity)| name == host && identity.role_arn() == role)
        };
        let setup = SetupFile::of_job(self.job.setup());
        if setup.take_back(&world.env, &Config::default(), &is_exported)?.removed {
            self.exports.leave(SETUP_VARIABLE, &mut world.env, &mut self.undo);
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
        let files = place.files(&world.env)?;
        self.undo.hosts = hosts.to_vec();
        self.undo.add_files(&files);
        self.undo.save(&world.env)?;
        // With `mode: login`, too: where another job has put the helper in for a registry, it answers instead of a stored password.
        client_config::helper_link(&world.exe, Some(&self.job.programs()), &world.env)?.make()?;
        let path = world.env.get(variables::PATH).unwrap_or_default().to_owned();
        world.env.set(
            variables::PATH,
            self.path_with_programs(world).unwrap_or_else(|| path.clone()),
        );
        let uses = Uses::of(&self.undo.use_folder, &world.env);
        for file in &files {
            if self.inputs.mode == Mode::Login && file.path.starts_with(self.job.docker()) {
                docker_config::keep_out_of_store(file, hosts)?;
            }
            let mut write = || match self.inputs.mode {
                Mode::Helper => serve(file, hosts, world),
                _ => passwords::store(file, passwords, world).map(drop),
            };
            match &uses {
                Some(uses) => uses.begin(file, hosts, &mut write)?,
                None => write()?,
            }
        }
        world.env.set(variables::PATH, path);
        Ok(Some(place.folder))
    }

    /// Later steps find the helper by the runner; storing a password looks for it in this one.
    fn path_with_programs(&self, world: &World<'_>) -> Option<String> {
        let folders = once(self.job.programs()).chain(world.env.search_path());
        env::join_paths(folders).ok()?.into_string().ok()
    }

    /// Tells the runner: the post step's state first, then what later steps get, and the result.
    fn hand_over(&self, signed_in: &SignedIn, folder: Option<PathBuf>, world: &mut World<'_>) -> Result<()> {
        self.undo.save(&world.env)?;
        self.exports.write(&world.env)?;
        let programs = self.job.programs();
        if self.inputs.mode != Mode::None && !world.env.search_path().contains(&programs) {
            github::add_path(&world.env, &programs)?;
        }
        signed_in.write(&self.inputs, folder.as_deref(), world)
    }
}

/// Lets a client ask the helper for these registries.
fn serve(file: &ConfigFile, hosts: &[String], world: &mut World<'_>) -> Result<()> {
    let wish = Wish {
        hosts,
        store: false,
        force: false,
    };
    let record = client_config::undo_log(&world.env);
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
