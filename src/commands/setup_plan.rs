//! The changes of `setup`, `cognito setup` and `cognito import`: planned as a whole first, then written file by file.

use std::path::{Path, PathBuf};

use clap::Args;

use super::store_for_all::StoreForAll;
use crate::doctor;
use aws_access::{NamedPath, PasswordPath};
use aws_shared_files::profile::{self, HelperProfile};
use client_config::{Client, ClientUndoLog, ConfigFile, LinkPlan, LinkState, SetupOutcome, SetupRequest, shown};

use configuration::{Config, RegistryTarget, SetupChange, SetupFile, SetupRule, SetupWritten};
use context::{Context, Env, NO_HOME};
use diagnostics::{Code, Error, Exit, Result, inert, shown_hint};
use private_files::UndoLog;
use secret_cache::{Cache, CachedSecret};
use serde_json::Value;
use settings::Surface;
use settings::table::{CHAIN, PROFILE, REGION, ROLE_ARN, SOURCE};

/// Where the helper and its entries go.
#[derive(Debug, Clone, Default, Args)]
pub struct ClientArgs {
    /// Whose configuration to write [default: docker; podman and helm where they are used]
    #[arg(long, value_enum)]
    pub client: Option<Client>,
    /// Docker's configuration folder [default: $DOCKER_CONFIG, else ~/.docker]
    #[arg(long, value_name = "DIR", hide_short_help = true)]
    pub docker_config: Option<PathBuf>,
    /// Show the change as a diff and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Folder for the helper's link [default: the binary's own if on PATH and writable, else /usr/local/bin or ~/.local/bin]
    #[arg(long, value_name = "DIR", hide_short_help = true)]
    pub bin_dir: Option<PathBuf>,
}

/// The changes to write.
#[derive(Debug, Default)]
pub struct SetupChanges<'a> {
    /// The exact hosts for which the clients use the helper.
    pub hosts: &'a [String],
    /// Whether the clients ask the helper for every registry.
    pub all: bool,
    /// Rules and the sign-in of `setup.json`.
    pub setup: SetupChange,
    /// A profile of AWS's `config` file.
    pub profile: Option<HelperProfile<'a>>,
}

/// Changes that were checked as far as possible.
#[derive(Debug)]
pub struct SetupPlan<'a> {
    setup: Option<(SetupFile, SetupChange)>,
    config: &'a Config,
    profile: Option<HelperProfile<'a>>,
    hosts: &'a [String],
    /// What the helper replaces, if it serves every registry.
    all: Option<StoreForAll>,
    /// The store that docker finds by itself.
    detected_store: Option<String>,
    files: Vec<ConfigFile>,
    link: LinkPlan,
    diff: String,
}

impl<'a> SetupPlan<'a> {
    /// Plans everything that would be written. `config` is the current configuration, from the file that `config_path` names.
    ///
    /// # Errors
    /// Something cannot be written, as far as this is known without writing.
    pub fn new(
        args: &ClientArgs,
        config_path: Option<&Path>,
        config: &'a Config,
        changes: SetupChanges<'a>,
        context: &Context<'_>,
    ) -> Result<Self> {
        let files = client_config::config_files(args.client, args.docker_config.as_deref(), &context.env)?;
        let mut setup = changes.setup;
        let all = match changes.all {
            true => Some(StoreForAll::plan(args.client, &files, config, &context.env)?),
            false => None,
        };
        setup.fallback = all.as_ref().and_then(StoreForAll::fallback).cloned();
        let detected_store = match (&all, changes.hosts.first()) {
            (Some(all), _) => all.detected_store().map(str::to_owned),
            (None, Some(host)) => client_config::store_in_use(&files, host, &context.env).map(str::to_owned),
            (None, None) => None,
        };
        let setup = match setup.is_empty() {
            true => None,
            false => Some((SetupFile::in_force(&context.env, config_path)?, setup)),
        };
        let link = client_config::helper_link(&context.exe, args.bin_dir.as_deref(), &context.env)?;
        let mut plan = Self {
            setup,
            config,
            profile: changes.profile,
            hosts: changes.hosts,
            all,
            detected_store,
            files,
            link,
            diff: String::new(),
        };
        plan.diff = plan.preview()?;
        Ok(plan)
    }

    /// Returns the changes to the clients' files.
    fn request(&self) -> SetupRequest<'_> {
        SetupRequest {
            hosts: self.hosts,
            all: self.all.is_some(),
            detected_store: self.detected_store.as_deref(),
        }
    }

    fn preview(&self) -> Result<String> {
        let mut diff = String::new();
        if let Some(profile) = &self.profile {
            diff += &profile.preview()?;
        }
        if let Some((file, change)) = &self.setup {
            diff += &file.preview(self.config, change)?;
        }
        for file in &self.files {
            diff += &self.request().preview(file)?;
        }
        if let Some(drop_in) = self.all.as_ref().and_then(StoreForAll::drop_in) {
            diff += &drop_in.preview()?;
        }
        Ok(diff)
    }

    /// Returns the change of all files as a unified diff without secrets. Empty if there is none.
    pub fn diff(&self) -> &str {
        &self.diff
    }

    /// Returns the path at which the helper will be installed. `None` if it is there already.
    pub fn new_helper(&self) -> Option<&Path> {
        (self.link.link != LinkState::Stands).then_some(self.link.path.as_path())
    }

    /// Returns the clients' files.
    pub fn files(&self) -> &[ConfigFile] {
        &self.files
    }

    /// Returns the configuration as it will be once the changes are written, for a plan that `config_path` was given to.
    ///
    /// # Errors
    /// The configuration cannot be read any more.
    pub fn config(&self, config_path: Option<&Path>, env: &Env) -> Result<Config> {
        match &self.setup {
            Some((file, change)) => file.planned(env, config_path, self.config, change),
            None => Ok(self.config.clone()),
        }
    }

    /// Writes all changes, or with `dry_run` shows them.
    ///
    /// # Errors
    /// A file cannot be written. The changes before it have been printed.
    pub fn carry_out(&self, dry_run: bool, context: &mut Context<'_>) -> Result<()> {
        match dry_run {
            true => self.show(context),
            false => self.write(context),
        }
    }

    /// Writes the diff to stdout.
    ///
    /// # Errors
    /// The diff cannot be written.
    pub fn show(&self, context: &mut Context<'_>) -> Result<()> {
        let written = context
            .stdout
            .write_all(inert_diff(&self.diff).as_bytes())
            .and_then(|()| context.stdout.flush());
        written.map_err(|error| Error::failed(Code::ResultNotWritten, "cannot show the change", error))?;
        for file in &self.files {
            // Not its value: a diff goes into logs, and what others wrote may be a secret.
            for (name, _) in self.request().would_replace(file)? {
                context.say(&format!(
                    "{}: {name} has another value now, which logout would put back",
                    file.kind.name()
                ));
            }
        }
        if self.link.link != LinkState::Stands {
            context.say(&format!("helper: would be linked as {}", self.link.path.display()));
        }
        if self.diff.is_empty() {
            context.say("nothing to change in the configuration");
        }
        Ok(())
    }

    /// Writes all changes. The link comes first, so that no client is told to call a missing helper. The clients' files come last, so that the
    /// helper knows the identities by then.
    ///
    /// # Errors
    /// A file cannot be written. The changes before it have been printed.
    pub fn write(&self, context: &mut Context<'_>) -> Result<()> {
        let record = client_config::undo_log(&context.env);
        install(&self.link, record.as_ref(), context)?;
        self.write_files(profile::undo_log(&context.env).as_ref(), record.as_ref(), context)
            .map_err(|error| match error.hint_text() {
                Some(_) => error,
                None => error.hint("the changes above are written; ecr-auth logout undoes it"),
            })
    }

    fn write_files(
        &self,
        profiles: Option<&UndoLog>,
        record: Option<&ClientUndoLog>,
        context: &mut Context<'_>,
    ) -> Result<()> {
        if let Some(profile) = &self.profile {
            let written = profile.write(profiles)?;
            report_profile(profile.name(), &written, profiles.is_some(), context);
        }
        if let Some((file, change)) = &self.setup {
            let written = file.write(&context.env, self.config, change)?;
            if !change.rules.is_empty() || change.cognito.is_some() {
                report_rules(
                    change.rules.iter().filter(|rule| !rule.keys.is_empty()).count(),
                    &written,
                    file.path(),
                    context,
                );
            }
        }
        let request = self.request();
        for file in &self.files {
            let configured = request.configure(file, record)?;
            report(&request, file, &configured, context);
        }
        match &self.all {
            Some(all) => all.finish(record, context),
            None => Ok(()),
        }
    }
}

/// Returns a diff with inert lines. After its sign, each line is a file's, whose tabs are kept.
pub fn inert_diff(diff: &str) -> String {
    let mut shown = String::new();
    for line in diff.lines() {
        let (sign, text) = line.split_at_checked(1).unwrap_or_default();
        let parts: Vec<String> = text.split('\t').map(inert).collect();
        shown.extend([sign, &parts.join("\t"), "\n"]);
    }
    shown
}

fn report_profile(name: &str, written: &profile::ProfileWritten, is_noted: bool, context: &mut Context<'_>) {
    let already = if written.changed { "" } else { "already " };
    context.say(&format!(
        "profile {name} {already}in {}; use it with AWS_PROFILE={name}",
        shown(&written.path, &context.env)
    ));
    let cause = match (&written.not_recorded, is_noted) {
        (Some(error), _) => error.to_string(),
        (None, false) => NO_HOME.to_owned(),
        (None, true) => return,
    };
    context.say(&format!(
        "warning: the profile cannot be recorded, so logout will leave it: {cause}"
    ));
}

fn install(link: &LinkPlan, record: Option<&ClientUndoLog>, context: &mut Context<'_>) -> Result<()> {
    let before = match &link.link {
        LinkState::Stands => None,
        LinkState::Missing | LinkState::Untrusted | LinkState::OtherCopy => Some(None),
        LinkState::Other(target) => Some(Some(target.clone())),
    };
    if let (Some(before), Some(record)) = (&before, record) {
        // A state folder that cannot be written is reported with the configuration that could not be recorded.
        let _ = record.change(&mut |all| {
            all.links.entry(link.path.clone()).or_insert_with(|| before.clone());
        });
    }
    link.make()?;
    let already = if before.is_none() { "already " } else { "" };
    context.say(&format!(
        "helper: {already}installed as {}",
        shown(&link.path, &context.env)
    ));
    if let (false, Some(folder)) = (link.on_path, link.path.parent()) {
        context.say(&format!(
            "warning: {} is not on PATH, so clients will not find the helper",
            folder.display()
        ));
        context.say(&format!(
            "hint: {}: {}",
            doctor::path_line_goes(),
            doctor::path_line(folder)
        ));
    }
    if let Some((finding, hint)) = doctor::in_the_way(&context.exe, &context.env) {
        context.say(&format!("warning: {finding}"));
        for line in hint.iter().flat_map(|hint| shown_hint(hint)) {
            context.say(&line);
        }
    }
    Ok(())
}

fn report_rules(count: usize, written: &SetupWritten, path: &Path, context: &mut Context<'_>) {
    let already = if written.changed { "" } else { "already " };
    let what = match count {
        0 => "the names of the registries".to_owned(),
        1 => "the identity of 1 registry".to_owned(),
        count => format!("the identity of {count} registries"),
    };
    context.say(&format!("ecr-auth: {what} {already}in {}", shown(path, &context.env)));
    if written.replaced_cognito {
        context.say("ecr-auth: the sign-in to Cognito was another one before");
    }
    for rule in &written.replaced {
        context.say(&format!(
            "ecr-auth: the rule of {} said {} before; now it says {}",
            rule.now.host,
            said(&rule.before),
            said(&rule.now)
        ));
    }
}

/// What a rule of `setup.json` says: whose credentials with their values, and of all else the keys alone.
fn said(rule: &SetupRule) -> String {
    let is_shown = |key: &str| {
        [&PROFILE, &ROLE_ARN, &CHAIN, &SOURCE, &REGION]
            .map(|setting| setting.name)
            .contains(&key)
    };
    let value = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    let shown = rule.keys.iter().map(|(key, said)| match is_shown(key) {
        true => format!("{key} {}", value(said)),
        false => key.clone(),
    });
    let shown: Vec<String> = shown.collect();
    match shown.is_empty() {
        true => "nothing".to_owned(),
        false => inert(&shown.join(", ")),
    }
}

fn report(
    wish: &SetupRequest<'_>,
    file: &client_config::ConfigFile,
    configured: &SetupOutcome,
    context: &mut Context<'_>,
) {
    let client = file.kind.name();
    let what = match wish.hosts.len() {
        _ if wish.is_store_of(file.kind) => "every registry (credsStore)".to_owned(),
        _ if wish.all && configured.replaced.is_empty() => return,
        1 => "1 registry".to_owned(),
        count => format!("{count} registries"),
    };
    let already = if configured.changed { "" } else { "already " };
    context.say(&format!(
        "{client}: {what} {already}in {}",
        shown(&file.path, &context.env)
    ));
    for (name, before) in &configured.replaced {
        context.say(&format!("{client}: {name} had {before:?}, which logout puts back"));
    }
    if let Some(store) = &configured.kept_store {
        context.say(&format!(
            "{client}: credsStore names {store} now, which {client} has used by itself: other logins stay there"
        ));
    }
    if let Some(rest) = &configured.rest {
        context.say(&format!(
            "warning: {}: {rest}, which {client} does not read; podman, buildah and skopeo cannot read such a file",
            shown(&file.path, &context.env)
        ));
        context.say("hint: take it out");
    }
    if let Some(error) = &configured.not_recorded {
        context.say(&format!(
            "warning: what was replaced cannot be recorded, so logout will only remove: {error}"
        ));
    }
}

/// Fetches a new token for each registry, so that errors show now and not in the middle of a build.
///
/// # Errors
/// A token cannot be fetched.
pub fn verify(hosts: &[String], config: &Config, context: &mut Context<'_>) -> Result<()> {
    let mut failed = Vec::new();
    for (host, answer) in verified(hosts, config, context)? {
        match answer {
            Ok(_) => context.say(&format!("verified: {host} gives out tokens")),
            Err(error) => {
                let what = format!("{host}: {}", error.templates().0);
                failed.push(error.about(what).with_exit(Exit::Failed));
            }
        }
    }
    if failed.is_empty() {
        return Ok(());
    }
    let way_back = match ::ci::running_in(&context.env) {
        Some(_) => "",
        None => "; ecr-auth logout undoes it",
    };
    context.say(&format!("the configuration is written{way_back}"));
    // A single error is returned itself, so nothing follows it.
    if failed.len() == 1 {
        return failed.pop().map_or(Ok(()), Err);
    }
    let count = failed.len();
    for error in failed {
        Surface::CommandLine.tell(error).report(&mut context.stderr);
    }
    let cause = format!("no token for {count} of {} registries", hosts.len());
    Err(Error::failed(Code::NotVerified, "not verified", cause).hint("fix the errors above, and run the command again"))
}

/// Returns the result for each registry: AWS's answer, or why it could not be asked.
fn verified<'h>(
    hosts: &'h [String],
    config: &Config,
    context: &mut Context<'_>,
) -> Result<Vec<(&'h str, Result<CachedSecret>)>> {
    let cache = Cache::from_env(&context.env);
    let targets = hosts
        .iter()
        .filter_map(|host| Some((host.as_str(), config.target(host)?)));
    let path = |target: RegistryTarget<'_>| PasswordPath::choose(&context.env, target.registry(), target.identity());
    let paths: Vec<_> = targets.map(|(host, target)| (host, path(target))).collect();
    let ready = paths
        .iter()
        .filter_map(|(name, path)| Some((*name, path.as_ref().ok()?)));
    let named: Vec<NamedPath<'_>> = ready.map(|(name, path)| NamedPath { path, name }).collect();
    for it in &named {
        cache.remove(it.path.key());
    }
    let mut answers = aws_access::passwords(&named, &cache, context)?.into_iter();
    let answer = |path: &Result<PasswordPath>| match path {
        Ok(_) => answers.next(),
        Err(error) => Some(Err(error.clone())),
    };
    let answered: Vec<_> = paths.iter().map(|(_, path)| path).map(answer).collect();
    let answered = paths.iter().zip(answered);
    Ok(answered
        .filter_map(|((host, _), answer)| Some((*host, answer?)))
        .collect())
}

/// Warns if the rule of one host replaces a glob's rule, whose settings are not inherited.
pub fn warn_of_globs(rules: &[SetupRule], config: &Config, context: &mut Context<'_>) {
    for rule in rules {
        if let Some(glob) = config.glob_for(&rule.host) {
            context.say(&format!(
                "warning: for {} the rule of {glob} no longer applies, nor do its `optional` and policies: its own rule now comes first",
                rule.host
            ));
        }
    }
}
