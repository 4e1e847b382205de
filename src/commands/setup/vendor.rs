//! `setup --from`: registries and pools from a file that somebody else wrote, after the user has seen what they change.

use std::path::Path;

use super::SetupArgs;
use super::cognito::{has_same_pools, other_pools, rule, say_what_is_next};
use super::plan::{Changes, Plan};
use crate::terminal::Terminal;
use client_config::{Answer, ConfigFile, Found, HELPER, Lookup, look_up, shown};
use cognito::{KeptSignIn, RefreshTokenStore};
use configuration::{CognitoEdit, Config, RuleEdit, VendorFile, VendorRegistry};
use context::World;
use diagnostics::{Code, Error, Result};
use secret_cache::Cache;
use settings::CognitoSettings;

/// The setting of docker's that names a helper for every registry.
const STORE: &str = "credsStore";

/// Reads the file, shows the change, asks, and writes it.
///
/// # Errors
/// A file that holds more than it may, or would take something away from the user; nobody who says yes; a configuration that
/// can't be written.
pub(super) fn run(args: &SetupArgs, file: &Path, config_path: Option<&Path>, world: &mut World<'_>) -> Result<()> {
    refuse_other_flags(args)?;
    let config = Config::load_if_there(&world.env, config_path)?;
    let vendor = VendorFile::read(file)?;
    let settings = settings(args, &vendor, &config)?;
    refuse_to_take_over(&vendor, &config, config_path, world)?;
    refuse_to_stand_in_front(&vendor, &config, world)?;
    let hosts: Vec<String> = vendor.registries.iter().map(|registry| registry.name.clone()).collect();
    let rules: Vec<RuleEdit> = vendor
        .registries
        .iter()
        .map(|registry| rule(&registry.name, registry.registry.as_deref()))
        .collect();
    let changes = Changes {
        hosts: &hosts,
        rules: &rules,
        cognito: Some(CognitoEdit::new(&settings)),
        profile: None,
    };
    let plan = Plan::new(args, config_path, changes, world)?;
    refuse_to_replace_own(&plan, &vendor, &config, args, world)?;
    if args.dry_run {
        plan.show(world)?;
        return warn(&plan, &vendor, args, world);
    }
    if !plan.diff().is_empty() {
        show(plan.diff(), world)?;
        warn(&plan, &vendor, args, world)?;
        ask(args)?;
    }
    plan.write(world)?;
    say_what_is_next(&settings, &hosts, world);
    Ok(())
}

fn refuse_other_flags(args: &SetupArgs) -> Result<()> {
    let mut sign_in = args.sign_in.clone();
    sign_in.username = None;
    if sign_in.is_given() || args.identity.is_given() || args.identity.region.is_some() {
        return Err(Error::usage(
            Code::Options,
            "setup --from",
            "the file says which pools and registries are used",
        )
        .hint("of the user's own, only --username is said beside it"));
    }
    Ok(())
}

/// The vendor's pools, with what the user says of the same ones already.
fn settings(args: &SetupArgs, vendor: &VendorFile, config: &Config) -> Result<CognitoSettings> {
    let username = args.sign_in.username.clone();
    let mut settings = match config.cognito() {
        Some(known) if !has_same_pools(known, &vendor.cognito) => return Err(other_pools()),
        Some(known) => known.clone(),
        None => vendor.cognito.clone(),
    };
    settings.username = username.or(settings.username);
    settings.check()?;
    Ok(settings)
}

/// A vendor's file adds what was not there, and changes nothing that the user said of a registry.
fn refuse_to_take_over(
    vendor: &VendorFile,
    config: &Config,
    config_path: Option<&Path>,
    world: &World<'_>,
) -> Result<()> {
    for registry in &vendor.registries {
        if let Some(line) = config.line_against(registry) {
            let path = configuration::path(&world.env, config_path).unwrap_or_default();
            return Err(Error::usage(
                Code::VendorFile,
                format!("the registry {}", registry.name),
                format!("{}:{line} has a rule of yours for it", shown(&path, &world.env)),
            )
            .hint("remove that rule if the file is to say whose credentials are used there, or ask for a file without the registry"));
        }
    }
    Ok(())
}

/// The ids of pools are no secret: whoever knows them could have the password of a user who is signed in already sent to a host of
/// their own, by a name in front of the vendor's registry. That is for the user alone to say.
fn refuse_to_stand_in_front(vendor: &VendorFile, config: &Config, world: &World<'_>) -> Result<()> {
    let is_new = |registry: &&VendorRegistry| registry.registry.is_some() && !config.has_rule(&registry.name);
    let Some(registry) = vendor.registries.iter().find(is_new) else {
        return Ok(());
    };
    let pools = &vendor.cognito;
    let is_theirs = |kept: &KeptSignIn| {
        Some(&kept.user_pool_id) == pools.user_pool_id.as_ref() && Some(&kept.client_id) == pools.client_id.as_ref()
    };
    let cache = Cache::open(Cache::folder(&world.env));
    if config.cognito().is_none() && !RefreshTokenStore::all(&cache, world.now()).iter().any(is_theirs) {
        return Ok(());
    }
    Err(Error::usage(
        Code::VendorFile,
        format!("the registry {}", registry.name),
        "a sign-in to these pools is there already, and whoever runs that host would be sent its password",
    )
    .hint("if you trust that host, write its rule into ecr-auth.yml yourself: match, registry and source: cognito; else ask for a file without it"))
}

/// A host of ECR without a rule may be the user's own all the same: by the defaults, or by the helper that docker asks for everything.
fn refuse_to_replace_own(
    plan: &Plan<'_>,
    vendor: &VendorFile,
    config: &Config,
    args: &SetupArgs,
    world: &World<'_>,
) -> Result<()> {
    let is_new = |registry: &&VendorRegistry| registry.registry.is_none() && !config.has_rule(&registry.name);
    for registry in vendor.registries.iter().filter(is_new) {
        let cause = if config.defaults_say_who() {
            "the defaults of ecr-auth.yml say whose credentials are used for it"
        } else if is_served_by_store(plan.files(), &registry.name, args, world)? {
            "docker asks ecr-auth for it already, as for every registry (credsStore)"
        } else {
            continue;
        };
        return Err(Error::usage(Code::VendorFile, format!("the registry {}", registry.name), cause).hint(
            "if it is the vendor's, write the block cognito and the rule into ecr-auth.yml yourself: match and source: cognito; else ask for a file without it",
        ));
    }
    Ok(())
}

fn is_served_by_store(files: &[ConfigFile], host: &str, args: &SetupArgs, world: &World<'_>) -> Result<bool> {
    let is_ours = |found: &Found| {
        let Answer::Helper { name, named_by } = &found.answer else {
            return false;
        };
        *named_by == STORE && name == HELPER
    };
    let lookups = look_ups(files, host, args, world)?;
    Ok(lookups.iter().filter_map(|lookup| lookup.found.as_ref()).any(is_ours))
}

/// Who reads this has to see it: it goes where the question is put.
fn show(diff: &str, world: &mut World<'_>) -> Result<()> {
    let plain = |c: char| {
        if c.is_control() && c != '\n' && c != '\t' {
            ' '
        } else {
            c
        }
    };
    let text: String = diff.chars().map(plain).collect();
    let written = world.stderr.write_all(text.as_bytes());
    written.map_err(|error| Error::failed(Code::ResultNotWritten, "cannot show the change", error))
}

/// What the diff doesn't say by itself: where passwords are sent, and what is used for these hosts now.
fn warn(plan: &Plan<'_>, vendor: &VendorFile, args: &SetupArgs, world: &mut World<'_>) -> Result<()> {
    let mut lines = Vec::new();
    for registry in &vendor.registries {
        if let Some(behind) = &registry.registry {
            lines.push(format!(
                "warning: {} stands for {behind}: whoever runs it is sent the password for that registry",
                registry.name
            ));
        }
        lines.extend(used_now(plan.files(), &registry.name, args, world)?);
    }
    lines.iter().for_each(|line| world.say(line));
    Ok(())
}

/// The helpers and passwords that the clients have for the host: they are not used any more.
fn used_now(files: &[ConfigFile], host: &str, args: &SetupArgs, world: &World<'_>) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for lookup in look_ups(files, host, args, world)? {
        let mut has_helper = false;
        for found in lookup.found.into_iter().chain(lookup.shadowed) {
            let what = match found.answer {
                Answer::Password(_) => "has a password of its own".to_owned(),
                // A store behind a helper of the host's own is not asked.
                Answer::Helper { named_by: STORE, .. } if has_helper => continue,
                Answer::Helper { name, named_by: STORE } => format!("asks the store {name:?}"),
                Answer::Helper { name, .. } => {
                    has_helper = true;
                    format!("has the helper {name:?}")
                }
            };
            lines.push(format!(
                "warning: {} {what} for {host} now, which is not used once the file's sign-in is",
                lookup.kind.name()
            ));
        }
    }
    Ok(lines)
}

/// What each client that is set up would use for the host now.
fn look_ups(files: &[ConfigFile], host: &str, args: &SetupArgs, world: &World<'_>) -> Result<Vec<Lookup>> {
    let mut env = world.env.clone();
    if let Some(folder) = &args.docker_config {
        env.set("DOCKER_CONFIG", folder.to_string_lossy());
    }
    let mut kinds = Vec::new();
    for file in files {
        if !kinds.contains(&file.kind) {
            kinds.push(file.kind);
        }
    }
    kinds.into_iter().map(|kind| look_up(kind, host, &env)).collect()
}

fn ask(args: &SetupArgs) -> Result<()> {
    if args.yes {
        return Ok(());
    }
    let mut terminal = Terminal::open("say --yes");
    if !terminal.is_there() {
        return Err(Error::usage(
            Code::NotConfirmed,
            "setup --from",
            "nothing is changed: there is no terminal to ask on",
        )
        .hint("look at the change above, and say --yes"));
    }
    match terminal.confirm("Make these changes?")? {
        true => Ok(()),
        false => Err(Error::failed(
            Code::NotConfirmed,
            "setup --from",
            "nothing is changed: the answer was not yes",
        )),
    }
}
