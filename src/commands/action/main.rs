//! The main step: reads all inputs, signs in, and only then writes the configuration for docker and later steps.

use std::env;
use std::iter::once;
use std::path::PathBuf;

use super::container;
use super::credentials::ExportedCredentials;
use super::docker_config;
use super::exports::Exports;
use super::inputs::{Export, Inputs, Mode};
use super::job::JobFolder;
use super::principal::{Principal, Principals};
use super::registries::Hosts;
use super::results::{self, ActionSignIn};
use super::undo::Undo;
use super::uses::ConfigUses;
use crate::commands::masks::hide;
use crate::commands::passwords;
use crate::output::RegistryPassword;
use aws_access::Identity;
use aws_access::identity::{self, IdentityScope};
use ci::github;
use client_config::{ConfigFile, SetupRequest, shown};
use configuration::{Config, SETUP_VARIABLE, SetupChange, SetupFile};
use context::{Context, variables};
use diagnostics::{Result, unicode_path};
use ecr_registry::Registry;
use secret::Secret;

/// Signs the job in.
///
/// # Errors
/// An input is wrong, a sign-in fails, or a configuration cannot be written. The post step undoes what was written before.
pub fn run(context: &mut Context<'_>) -> Result<()> {
    ci::check_masks(context)?;
    let inputs = Inputs::read(&context.env)?;
    let mut step = MainStep::begin(inputs, context)?;
    let hosts = Hosts::from_inputs(&step.inputs, context)?;
    let mut credentials = ExportedCredentials::plan(&step.inputs, &hosts.names(), context)?;
    let (config, rules) = step.plan_rules(&hosts, context)?;
    let mut signed_in = step.sign_in(&hosts.names(), credentials.as_mut(), &config, context)?;
    signed_in.container = container::outputs(&step.inputs, &hosts, &config, context)?;
    step.write_rules(rules, &hosts, context)?;
    step.export(credentials.as_ref(), &hosts, context)?;
    let folder = step.configure(&hosts.names(), &signed_in.passwords, context)?;
    step.hand_over(&signed_in, folder, context)
}

struct MainStep {
    inputs: Inputs,
    job: JobFolder,
    exports: Exports,
    undo: Undo,
}

impl MainStep {
    /// From here on, everything secret goes to the job's folder, and the post step knows the folder.
    fn begin(inputs: Inputs, context: &mut Context<'_>) -> Result<Self> {
        let mut exports = Exports::new(&context.env);
        for (name, value) in &inputs.proxies {
            // It may hold a password, so its former value is not noted.
            context.env.set(name, value);
            exports.hand_on(name, Secret::new(value.as_str()));
        }
        hide(Vec::new(), context)?;
        let job = JobFolder::from_env(&context.env)?;
        let mut undo = Undo {
            cleanup: inputs.cleanup,
            job: job.folder().to_owned(),
            made_job: job.is_new,
            use_folder: job.new_use()?,
            ..Undo::default()
        };
        exports.set_path(variables::ECR_AUTH_CACHE_DIR, &job.cache(), &mut context.env, &mut undo)?;
        undo.save(&context.env)?;
        Ok(Self {
            inputs,
            job,
            exports,
            undo,
        })
    }

    /// Returns the rules with the identity of each registry, and the configuration that they will make. Nothing is written yet, because an earlier use
    /// of the action may serve the same registries, and this one may fail.
    fn plan_rules(&self, hosts: &Hosts, context: &mut Context<'_>) -> Result<(Config, SetupChange)> {
        let config = Config::load(&context.env, None)?;
        let mut change = SetupChange::default();
        for (host, identity) in hosts.iter().filter(|(_, identity)| identity.is_given()) {
            change.rules.push(identity.rule(host, &config)?);
        }
        if change.is_empty() {
            return Ok((config, change));
        }
        let setup = SetupFile::of_job(self.job.setup());
        context.env.set(SETUP_VARIABLE, unicode_path(setup.path())?);
        let planned = setup.planned(&context.env, None, &config, &change)?;
        Ok((planned, change))
    }

    /// Writes the rules into a `setup.json` of this job. The user's own files are not changed.
    fn write_rules(&mut self, mut change: SetupChange, hosts: &Hosts, context: &mut Context<'_>) -> Result<()> {
        let config = Config::load(&context.env, None)?;
        if self.inputs.mode == Mode::None && !self.job.is_new {
            // How docker signs in, by an earlier use's rules, is not changed.
            change
                .rules
                .retain(|rule| !config.exact_hosts().any(|host| host == rule.host));
        }
        if change.is_empty() {
            return Ok(());
        }
        let path = self.job.setup();
        self.undo.rules = Some(path.clone());
        self.undo.hosts = hosts.names();
        self.undo.save(&context.env)?;
        let written = SetupFile::of_job(path.clone()).write(&context.env, &config, &change)?;
        self.undo.replaced_rules = written.replaced.into_iter().map(|rule| rule.before).collect();
        self.exports
            .set_path(SETUP_VARIABLE, &path, &mut context.env, &mut self.undo)
    }

    /// Checks the accounts, then signs in, so that errors show now and not in the middle of a build.
    fn sign_in(
        &self,
        hosts: &[String],
        mut credentials: Option<&mut ExportedCredentials>,
        config: &Config,
        context: &mut Context<'_>,
    ) -> Result<ActionSignIn> {
        let exported = credentials.as_deref().map(ExportedCredentials::identity);
        let (principals, first) = self.principals(hosts, exported, config, context)?;
        let (export, verify) = (self.inputs.export, self.inputs.verify);
        if let Some(credentials) = credentials.as_deref_mut()
            && (verify || export == Export::Env)
        {
            credentials.fetch(context)?;
        }
        let passwords = match verify || self.inputs.mode == Mode::Login || self.inputs.output_password {
            true => results::fetch(hosts, config, context)?,
            false => Vec::new(),
        };
        let ends = passwords.iter().map(|password| password.expires_at);
        let expires_at = ends.chain(credentials.and_then(|it| it.expires_at())).min();
        Ok(ActionSignIn {
            hosts: hosts.to_vec(),
            principals,
            first,
            passwords,
            container: Vec::new(),
            expires_at,
        })
    }

    /// Returns the principal behind each registry, and that of the whole job: the exported one, else the first registry's.
    fn principals(
        &self,
        hosts: &[String],
        exported: Option<&Identity>,
        config: &Config,
        context: &mut Context<'_>,
    ) -> Result<(Vec<Option<Principal>>, Option<Principal>)> {
        let region = self.region(hosts, config, context)?;
        let mut principals = Principals::new(&self.inputs, &region);
        let first = match exported {
            Some(identity) => principals.find(identity, context)?,
            None if hosts.is_empty() => principals.find(&self.identity(&region, config, context)?, context)?,
            None => None,
        };
        let of_hosts = principals.of_hosts(hosts, config, context)?;
        let first = first.or_else(|| of_hosts.first().cloned().flatten());
        Ok((of_hosts, first))
    }

    /// Returns the identity of a job without registries.
    fn identity(&self, region: &str, config: &Config, context: &Context<'_>) -> Result<Identity> {
        let settings = self.inputs.identity.own_identity(config)?;
        Identity::choose(settings, &IdentityScope::of_region(region), &context.env)
    }

    /// Returns the region whose STS is called: the current one, else the first registry's.
    fn region(&self, hosts: &[String], config: &Config, context: &Context<'_>) -> Result<String> {
        if let Some(region) = identity::region(
            self.inputs.identity.region(),
            self.inputs.identity.profile_or_default(config),
            &context.env,
        )? {
            return Ok(region);
        }
        let first = hosts.iter().find_map(|host| Registry::parse(host));
        Ok(first.map_or_else(|| "us-east-1".to_owned(), |registry| registry.region().to_owned()))
    }

    /// Exports AWS credentials to later steps, if the inputs ask for it.
    fn export(
        &mut self,
        credentials: Option<&ExportedCredentials>,
        hosts: &Hosts,
        context: &mut Context<'_>,
    ) -> Result<()> {
        let Some(credentials) = credentials else { return Ok(()) };
        let (exports, undo) = (&mut self.exports, &mut self.undo);
        if self.inputs.export == Export::Profile {
            return credentials.to_profile(&self.inputs.profile, &self.job, exports, undo, context);
        }
        credentials.to_env(exports, undo, context);
        if credentials.base().is_some() {
            self.leave_the_role_to_the_environment(hosts, context)?;
        }
        Ok(())
    }

    /// From now on the environment holds the role's own credentials. To assume the role again with them, it would have to trust itself.
    fn leave_the_role_to_the_environment(&mut self, hosts: &Hosts, context: &mut Context<'_>) -> Result<()> {
        let role = self.inputs.identity.role_arn();
        let is_exported = |host: &str| {
            let mut hosts = hosts.iter();
            hosts.any(|(name, identity)| name == host && identity.role_arn() == role)
        };
        let setup = SetupFile::of_job(self.job.setup());
        if setup.take_back(&context.env, &Config::default(), &is_exported)?.removed {
            self.exports.leave(SETUP_VARIABLE, &mut context.env, &mut self.undo);
        }
        Ok(())
    }

    /// Writes docker's configuration, and podman's if podman is installed. The helper comes first, so that no client is told to call a missing one.
    fn configure(
        &mut self,
        hosts: &[String],
        passwords: &[RegistryPassword],
        context: &mut Context<'_>,
    ) -> Result<Option<PathBuf>> {
        if self.inputs.mode == Mode::None {
            return Ok(None);
        }
        let place = docker_config::prepare(&self.inputs.docker_config, &self.job, &context.env)?;
        for (name, path) in &place.variables {
            self.exports.set_path(name, path, &mut context.env, &mut self.undo)?;
        }
        let files = place.files(&context.env)?;
        self.undo.hosts = hosts.to_vec();
        self.undo.files.extend_from_slice(&files);
        self.undo.save(&context.env)?;
        // Also with `mode: login`: if another job has set the helper up for a registry, clients ask the helper instead of using a stored password.
        client_config::helper_link(&context.exe, Some(&self.job.programs()), &context.env)?.make()?;
        let path = context.env.get(variables::PATH).unwrap_or_default().to_owned();
        context.env.set(
            variables::PATH,
            self.path_with_programs(context).unwrap_or_else(|| path.clone()),
        );
        let uses = ConfigUses::for_folder(&self.undo.use_folder, &context.env);
        for file in &files {
            if self.inputs.mode == Mode::Login && file.path.starts_with(self.job.docker()) {
                docker_config::keep_out_of_store(file, hosts, &context.env)?;
            }
            let mut write = || match self.inputs.mode {
                Mode::Helper => serve(file, hosts, context),
                _ => passwords::store(file, passwords, context).map(drop),
            };
            match &uses {
                Some(uses) => uses.begin(file, hosts, &mut write)?,
                None => write()?,
            }
        }
        context.env.set(variables::PATH, path);
        Ok(Some(place.folder))
    }

    /// Returns PATH with the helper's folder. Later steps get it from the runner, but this step needs it to store passwords.
    fn path_with_programs(&self, context: &Context<'_>) -> Option<String> {
        let folders = once(self.job.programs()).chain(context.env.search_path());
        env::join_paths(folders).ok()?.into_string().ok()
    }

    /// Writes the runner's files: first the post step's state, then the variables of later steps, and the outputs.
    fn hand_over(&self, signed_in: &ActionSignIn, folder: Option<PathBuf>, context: &mut Context<'_>) -> Result<()> {
        self.undo.save(&context.env)?;
        self.exports.write(&context.env)?;
        let programs = self.job.programs();
        if self.inputs.mode != Mode::None && !context.env.search_path().contains(&programs) {
            github::add_path(&context.env, &programs)?;
        }
        signed_in.write(&self.inputs, folder.as_deref(), context)
    }
}

/// Makes a client ask the helper for these registries.
fn serve(file: &ConfigFile, hosts: &[String], context: &mut Context<'_>) -> Result<()> {
    let wish = SetupRequest {
        hosts,
        all: false,
        detected_store: None,
    };
    let record = client_config::undo_log(&context.env);
    let configured = wish.configure(file, record.as_ref())?;
    let (client, path) = (file.kind.name(), shown(&file.path, &context.env));
    let count = match hosts.len() {
        1 => "1 registry".to_owned(),
        count => format!("{count} registries"),
    };
    context.say(&format!("{client}: {count} served by ecr-auth, by {path}"));
    if let Some(error) = configured.not_recorded {
        context.say(&format!(
            "warning: what was replaced cannot be recorded, so it will not be put back: {error}"
        ));
    }
    Ok(())
}
