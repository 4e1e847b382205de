//! What `setup` is about to write: looked at as a whole first, then written, file after file.

use super::SetupArgs;
use aws_shared_files::profile::{self, Profile};
use client_config::{ConfigFile, Configured, Link, LinkPlan, Record, Wish, shown};
use configuration::{CognitoEdit, RuleEdit, Saved};
use context::World;
use diagnostics::{Code, Error, Result};

use std::path::Path;

/// What is to be written.
#[derive(Debug, Default)]
pub(super) struct Changes<'a> {
    /// The exact hosts that the clients are to use the helper for.
    pub hosts: &'a [String],
    /// Rules of ecr-auth.yml.
    pub rules: &'a [RuleEdit],
    /// Its block `cognito`.
    pub cognito: Option<CognitoEdit>,
    /// A profile of AWS's `config` file.
    pub profile: Option<Profile<'a>>,
}

/// The same, looked at: nothing of it is known to fail.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    changes: Changes<'a>,
    config_path: Option<&'a Path>,
    wish: Wish<'a>,
    files: Vec<ConfigFile>,
    link: LinkPlan,
    diff: String,
}

impl<'a> Plan<'a> {
    /// Looks at everything that would be written.
    ///
    /// # Errors
    /// What can't be written, as far as that can be told without writing.
    pub fn new(
        args: &SetupArgs,
        config_path: Option<&'a Path>,
        changes: Changes<'a>,
        world: &World<'_>,
    ) -> Result<Self> {
        let wish = Wish {
            hosts: changes.hosts,
            store: args.creds_store,
            force: args.force,
        };
        let files = client_config::config_files(args.client, args.docker_config.as_deref(), &world.env)?;
        let mut diff = String::new();
        if let Some(profile) = &changes.profile {
            diff += &profile.preview()?;
        }
        if !changes.rules.is_empty() || changes.cognito.is_some() {
            diff += &configuration::preview(&world.env, config_path, changes.cognito.as_ref(), changes.rules)?;
        }
        for file in &files {
            diff += &wish.preview(file)?;
        }
        let link = client_config::helper_link(&world.exe, args.bin_dir.as_deref(), &world.env)?;
        Ok(Self {
            changes,
            config_path,
            wish,
            files,
            link,
            diff,
        })
    }

    /// The change of all files as a unified diff without secrets; empty if nothing.
    pub fn diff(&self) -> &str {
        &self.diff
    }

    /// The clients' files.
    pub fn files(&self) -> &[ConfigFile] {
        &self.files
    }

    /// Writes the diff to stdout.
    ///
    /// # Errors
    /// It can't be written.
    pub fn show(&self, world: &mut World<'_>) -> Result<()> {
        let written = world
            .stdout
            .write_all(self.diff.as_bytes())
            .and_then(|()| world.stdout.flush());
        written.map_err(|error| Error::failed(Code::ResultNotWritten, "cannot show the change", error))?;
        if self.link.link != Link::Stands {
            world.say(&format!("helper: would be linked as {}", self.link.path.display()));
        }
        if self.diff.is_empty() {
            world.say("nothing to change in the configuration");
        }
        Ok(())
    }

    /// Writes all of it. The link comes first, so that no client is sent to a helper that is not there, and the clients' files last,
    /// so that none is sent to one that doesn't know whose credentials to take.
    ///
    /// # Errors
    /// A file that can't be written; what was written before it has been told.
    pub fn write(&self, world: &mut World<'_>) -> Result<()> {
        let state = world.env.state_folder();
        let record = state.clone().map(Record::in_folder);
        install(&self.link, record.as_ref(), world)?;
        self.write_files(state.map(profile::Record::in_folder).as_ref(), record.as_ref(), world)
            .map_err(|error| match error.hint_text() {
                Some(_) => error,
                None => error.hint("what is told above is written; ecr-auth logout takes it back"),
            })
    }

    fn write_files(
        &self,
        profiles: Option<&profile::Record>,
        record: Option<&Record>,
        world: &mut World<'_>,
    ) -> Result<()> {
        if let Some(profile) = &self.changes.profile {
            let written = profile.write(profiles)?;
            report_profile(profile.name(), &written, profiles.is_some(), world);
        }
        let (rules, cognito) = (self.changes.rules, self.changes.cognito.as_ref());
        if !rules.is_empty() || cognito.is_some() {
            let saved = configuration::write(&world.env, self.config_path, cognito, rules)?;
            report_rules(rules, &saved, world);
        }
        for file in &self.files {
            let configured = self.wish.configure(file, record)?;
            report(&self.wish, file, &configured, world);
        }
        Ok(())
    }
}

fn report_profile(name: &str, written: &profile::Written, is_noted: bool, world: &mut World<'_>) {
    let already = if written.changed { "" } else { "already " };
    world.say(&format!(
        "profile {name} {already}in {}; use it with AWS_PROFILE={name}",
        shown(&written.path, &world.env)
    ));
    let cause = match (&written.not_recorded, is_noted) {
        (Some(error), _) => error.to_string(),
        (None, false) => "HOME is not set".to_owned(),
        (None, true) => return,
    };
    world.say(&format!(
        "warning: the profile cannot be recorded, so logout will leave it: {cause}"
    ));
}

fn install(link: &LinkPlan, record: Option<&Record>, world: &mut World<'_>) -> Result<()> {
    let before = match &link.link {
        Link::Stands => None,
        Link::Missing => Some(None),
        Link::Other(target) => Some(Some(target.clone())),
    };
    if let (Some(before), Some(record)) = (&before, record) {
        // A state folder that cannot be written is reported with the configuration that could not be recorded.
        let _ = record.change(&mut |all| {
            all.links.entry(link.path.clone()).or_insert_with(|| before.clone());
        });
    }
    link.make()?;
    let already = if before.is_none() { "already " } else { "" };
    world.say(&format!(
        "helper: {already}installed as {}",
        shown(&link.path, &world.env)
    ));
    if let (false, Some(folder)) = (link.on_path, link.path.parent()) {
        world.say(&format!(
            "warning: {} is not on PATH, so clients will not find the helper",
            folder.display()
        ));
        world.say(&format!(
            "hint: add this line to your shell's profile: export PATH=\"{}:$PATH\"",
            folder.display()
        ));
    }
    Ok(())
}

fn report_rules(rules: &[RuleEdit], saved: &Saved, world: &mut World<'_>) {
    let already = if saved.changed { "" } else { "already " };
    let what = match rules.len() {
        1 => "the identity of 1 registry".to_owned(),
        count => format!("the identity of {count} registries"),
    };
    world.say(&format!(
        "ecr-auth: {what} {already}in {}",
        shown(&saved.path, &world.env)
    ));
    if saved.replaced_cognito {
        world.say("ecr-auth: the block cognito said something else, which logout puts back");
    }
    for name in &saved.replaced {
        world.say(&format!(
            "ecr-auth: the rule of {name} said something else, which logout puts back"
        ));
    }
    if let Some(error) = &saved.not_recorded {
        world.say(&format!(
            "warning: what was replaced cannot be recorded, so logout will leave the rules: {error}"
        ));
    }
}

fn report(wish: &Wish<'_>, file: &client_config::ConfigFile, configured: &Configured, world: &mut World<'_>) {
    let client = file.kind.name();
    if wish.store && !wish.is_store_of(file.kind) {
        world.say(&format!(
            "{client}: knows no credsStore, so only the named registries are served"
        ));
    }
    let what = match wish.hosts.len() {
        _ if wish.is_store_of(file.kind) => "every registry (credsStore)".to_owned(),
        1 => "1 registry".to_owned(),
        count => format!("{count} registries"),
    };
    let already = if configured.changed { "" } else { "already " };
    world.say(&format!(
        "{client}: {what} {already}in {}",
        shown(&file.path, &world.env)
    ));
    for (name, before) in &configured.replaced {
        world.say(&format!("{client}: {name} had {before:?}, which logout puts back"));
    }
    if let Some(error) = &configured.not_recorded {
        world.say(&format!(
            "warning: what was replaced cannot be recorded, so logout will only remove: {error}"
        ));
    }
}
