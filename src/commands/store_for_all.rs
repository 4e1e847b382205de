//! `setup --all`: ecr-auth replaces every client's own store, and asks that store for other registries.

use client_config::{
    Client, ClientUndoLog, ConfigFile, CredentialStore, DropIn, EntryForAll, Kind, PreviousStore, chosen, real_path,
    shown,
};
use configuration::{Config, FallbackStore, SETUP_VARIABLE};
use context::{Context, Env};
use diagnostics::{Code, Error, Result};

/// The store that answered for all registries before, and what is written besides docker's own file.
#[derive(Debug)]
pub struct StoreForAll {
    /// Docker's store. `None` if docker's configuration is not written.
    previous: Option<PreviousStore>,
    /// The store for all other registries from now on.
    fallback: Option<FallbackStore>,
    drop_in: Option<DropIn>,
    /// Clients that read docker's file after their own.
    read_docker: Vec<Kind>,
}

impl StoreForAll {
    /// Finds what the clients use now. `config` is the current configuration.
    ///
    /// # Errors
    /// A file cannot be read, or a store is missing or is ecr-auth under another name. Usage errors: a client has no entry for every registry, or
    /// another docker configuration is served with another store.
    pub fn plan(client: Option<Client>, files: &[ConfigFile], config: &Config, env: &Env) -> Result<Self> {
        let docker = files.iter().find(|file| file.kind == Kind::Docker);
        let has = |entry| chosen(client, env).filter(move |kind| kind.descriptor().entry_for_all == entry);
        let drop_in = has(EntryForAll::DropIn).next().map(|_| DropIn::plan(env));
        let read_docker: Vec<Kind> = has(EntryForAll::Docker).collect();
        if let (None, None, Some(kind)) = (docker, &drop_in, read_docker.first()) {
            let name = kind.name();
            return Err(Error::usage(
                Code::Options,
                "setup --all",
                format!("{name} has no entry for every registry: it asks docker's configuration"),
            )
            .hint("leave out --client, so that docker's configuration is written"));
        }
        let previous = docker.map(|file| PreviousStore::of_file(file, env)).transpose()?;
        let fallback = previous.as_ref().map(|previous| fallback(previous, config));
        if let (Some(file), Some(fallback)) = (docker, &fallback) {
            refuse_a_second_store(file, fallback, config, env)?;
        }
        Ok(Self {
            previous,
            fallback,
            drop_in: drop_in.transpose()?,
            read_docker,
        })
    }

    /// Returns the store for all other registries from now on.
    pub fn fallback(&self) -> Option<&FallbackStore> {
        self.fallback.as_ref()
    }

    /// Returns the drop-in that makes podman ask for every registry.
    pub fn drop_in(&self) -> Option<&DropIn> {
        self.drop_in.as_ref()
    }

    /// Returns the store that docker uses if none is configured.
    pub fn detected_store(&self) -> Option<&str> {
        match &self.previous {
            Some(PreviousStore::Detected(name)) => Some(name),
            _ => None,
        }
    }

    /// Writes the drop-in, and says which store answers for the other registries.
    ///
    /// # Errors
    /// The drop-in cannot be written.
    pub fn finish(&self, record: Option<&ClientUndoLog>, context: &mut Context<'_>) -> Result<()> {
        // A known store that is missing now gets a warning.
        let is_there = |fallback: &&FallbackStore| match fallback {
            FallbackStore::Store(name) => CredentialStore::find(name, "", &context.env).is_ok(),
            FallbackStore::Auths(_) => true,
        };
        if let Some(fallback) = self.fallback.as_ref().filter(is_there) {
            let store = told(fallback, &context.env);
            context.say(&format!("docker: all other registries go on with {store}"));
        }
        if let Some(drop_in) = &self.drop_in {
            write(drop_in, record, context)?;
        }
        for kind in &self.read_docker {
            let name = kind.name();
            context.say(&format!(
                "{name}: every registry, by docker's configuration, which {name} reads too"
            ));
        }
        Ok(())
    }
}

/// Returns the fallback store. It is never ecr-auth itself: if ecr-auth is docker's store already, the known fallback is kept.
fn fallback(previous: &PreviousStore, config: &Config) -> FallbackStore {
    match (previous, config.fallback()) {
        (PreviousStore::Named(name) | PreviousStore::Detected(name), _) => FallbackStore::Store(name.clone()),
        (PreviousStore::Auths(path), _) => FallbackStore::Auths(path.clone()),
        (PreviousStore::Ourselves(_), Some(known)) => known.clone(),
        (PreviousStore::Ourselves(path), None) => FallbackStore::Auths(path.clone()),
    }
}

/// Refuses a second fallback store: one `setup.json` names one store, for all docker configurations that it serves.
fn refuse_a_second_store(file: &ConfigFile, wanted: &FallbackStore, config: &Config, env: &Env) -> Result<()> {
    let known = config.fallback().filter(|known| *known != wanted);
    // A job's own file gets the store, whatever the user's file says.
    let Some(known) = known.filter(|_| env.get(SETUP_VARIABLE).is_none()) else {
        return Ok(());
    };
    let own = real_path(&file.path)?;
    let entries = client_config::undo_log(env).and_then(|log| log.load().ok());
    let mut files = entries.unwrap_or_default().files.into_iter();
    match files.find(|(path, file)| *path != own && file.creds_store.is_some()) {
        None => Ok(()),
        Some((path, _)) => Err(Error::usage(
            Code::OtherStore,
            "setup --all",
            format!(
                "{} is set up already, and its other registries go on with {}",
                shown(&path, env),
                told(known, env)
            ),
        )
        .hint("undo that first, with ecr-auth logout; or give this one a setup.json of its own, with ECR_AUTH_SETUP")),
    }
}

fn told(fallback: &FallbackStore, env: &Env) -> String {
    match fallback {
        FallbackStore::Store(name) => format!("docker-credential-{name}"),
        FallbackStore::Auths(path) => format!("the logins in {}", shown(path, env)),
    }
}

fn write(drop_in: &DropIn, record: Option<&ClientUndoLog>, context: &mut Context<'_>) -> Result<()> {
    let written = drop_in.write(record)?;
    let already = if written.changed { "" } else { "already " };
    let path = shown(drop_in.path(), &context.env);
    context.say(&format!(
        "podman: every registry (credential-helpers) {already}in {path}"
    ));
    if cfg!(not(target_os = "linux")) {
        context
            .say("podman: podman machine only uses registries that ecr-auth lists: add one with ecr-auth setup HOST");
    }
    if let Some(other) = drop_in.hidden_by() {
        let other = shown(other, &context.env);
        context.say(&format!(
            "warning: {other} is read after it and has a list of its own: add \"ecr-auth\" to its credential-helpers"
        ));
    }
    if let Some(error) = &written.not_recorded {
        context.say(&format!("warning: the file cannot be recorded: {error}"));
    }
    Ok(())
}
