//! `ecr-auth cognito import FILE`: imports registries and pools from a vendor's file, after the user has read the changes.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::Args;

use super::setup::{has_same_pools, other_pools, rule, say_what_is_next};
use crate::commands::setup_plan::{ClientArgs, SetupChanges, SetupPlan, inert_diff};
use crate::terminal::Terminal;
use client_config::{CREDS_STORE, ClientCredentials, ConfigFile, FoundCredentials, HELPER, Lookup, look_up, shown};
use cognito::{KeptSignIn, RefreshTokenStore};
use configuration::{Config, SetupChange, SetupFile, VendorFile, VendorRegistry};
use context::{Context, Verbosity, variables};
use diagnostics::{Code, Error, Result, one_line};
use secret_cache::Cache;
use settings::CognitoSettings;

const EXAMPLES: &str = "\
Examples:
  ecr-auth cognito import vendor.yml --username zoe@example.com
  ecr-auth cognito import vendor.yml --alias images.northwind.example
  ecr-auth cognito import vendor.yml --dry-run

`ecr-auth logout` undoes it.";

/// Takes registries and the pools of a sign-in from a file that a vendor wrote; says what will change, and asks
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = EXAMPLES)]
pub struct CognitoImportArgs {
    /// The vendor's file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Name of the user who signs in
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// Import this alias of an ECR registry from the file: whoever runs that host is sent your password for the registry (repeatable)
    #[arg(long, value_name = "NAME")]
    alias: Vec<String>,
    /// Don't ask
    #[arg(long)]
    yes: bool,
    /// Where the helper and its entries go.
    #[command(flatten)]
    clients: ClientArgs,
}

/// Reads the file, says what will change, asks, and writes the changes.
///
/// # Errors
/// The file holds something that is not allowed, or would override the user's own settings; the user does not say yes; or a configuration cannot be
/// written.
pub(super) fn run(args: &CognitoImportArgs, config_path: Option<&Path>, context: &mut Context<'_>) -> Result<()> {
    let config = Config::load(&context.env, config_path)?;
    let mut vendor = VendorFile::read(&args.file)?;
    let is_final = args.yes || config.cognito().is_some();
    let left_out = leave_out_aliases(&mut vendor, &args.alias, is_final)?;
    let settings = settings(args, &vendor, &config)?;
    refuse_to_take_over(&vendor, &config, config_path, context)?;
    refuse_to_stand_in_front(&vendor, &config, context)?;
    let hosts: Vec<String> = vendor.registries.iter().map(|registry| registry.name.clone()).collect();
    // A rule of ecr-auth.yml with the same meaning is kept, and still applies.
    let new = vendor
        .registries
        .iter()
        .filter(|it| config.line_naming(&it.name).is_none());
    let setup = SetupChange {
        rules: new.map(|it| rule(&it.name, it.registry.as_deref())).collect(),
        cognito: Some(settings.clone()),
        ..SetupChange::default()
    };
    let changes = SetupChanges {
        hosts: &hosts,
        setup,
        ..SetupChanges::default()
    };
    let plan = SetupPlan::new(&args.clients, config_path, &config, changes, context)?;
    refuse_to_replace_own(&plan, &vendor, &config, &args.clients, context)?;
    left_out.iter().for_each(|line| context.say(line));
    if plan.diff().is_empty() {
        return plan.carry_out(args.clients.dry_run, context);
    }
    let file = SetupFile::in_force(&context.env, config_path)?;
    let told = sentences(&plan, &vendor, &settings, file.path(), &args.clients, context)?;
    let details = if context.verbosity == Verbosity::Debug {
        details(&plan, &settings)
    } else {
        Vec::new()
    };
    // The user must be able to read the question before answering it. Without a question, `-q` is quiet.
    let is_quiet = context.verbosity == Verbosity::Quiet && (args.yes || args.clients.dry_run);
    for line in told.into_iter().chain(details).filter(|_| !is_quiet) {
        let shown = context.stderr.line(&line);
        shown.map_err(|error| Error::failed(Code::ResultNotWritten, "cannot show the change", error))?;
    }
    if !args.clients.dry_run {
        ask(args)?;
    }
    plan.carry_out(args.clients.dry_run, context)?;
    if !args.clients.dry_run {
        say_what_is_next(&settings, &hosts, context);
    }
    Ok(())
}

/// Removes the aliases that the user did not name, and returns lines about them. `is_final` says that a later import can't take them, see
/// [`refuse_to_stand_in_front`].
fn leave_out_aliases(vendor: &mut VendorFile, named: &[String], is_final: bool) -> Result<Vec<String>> {
    let is_named = |name: &str| named.iter().any(|alias| alias.eq_ignore_ascii_case(name));
    let is_there = |alias: &&String| {
        let mut aliases = vendor.registries.iter().filter(|it| it.registry.is_some());
        aliases.any(|it| it.name.eq_ignore_ascii_case(alias))
    };
    if let Some(alias) = named.iter().find(|alias| !is_there(alias)) {
        return Err(
            Error::usage(Code::Options, format!("--alias {alias}"), "the file has no such alias")
                .hint("give the alias as the file has it, or leave --alias out"),
        );
    }
    let (taken, left_out) = std::mem::take(&mut vendor.registries)
        .into_iter()
        .partition::<Vec<_>, _>(|it| it.registry.is_none() || is_named(&it.name));
    vendor.registries = taken;
    let lines = left_out.iter().filter_map(|it| {
        let behind = it.registry.as_ref()?;
        let name = &it.name;
        let way = match is_final {
            true => "write its rule into ecr-auth.yml: match, registry and source: cognito".to_owned(),
            false => format!("answer no and give --alias {name}"),
        };
        Some(format!("left out: the alias {name} for {behind}; to take it, {way}"))
    });
    match (vendor.registries.is_empty(), left_out.first()) {
        (true, Some(first)) => Err(Error::usage(
            Code::NoRegistry,
            "no registry",
            "the file has only aliases, and an alias is only imported if you name it",
        )
        .hint(format!("if you trust the host {0}, give --alias {0}", first.name))),
        _ => Ok(lines.collect()),
    }
}

/// Returns the vendor's pools, with the user's own settings for the same pools.
fn settings(args: &CognitoImportArgs, vendor: &VendorFile, config: &Config) -> Result<CognitoSettings> {
    let mut settings = match config.cognito() {
        Some(known) if !has_same_pools(known, &vendor.cognito) => return Err(other_pools()),
        Some(known) => known.clone(),
        None => vendor.cognito.clone(),
    };
    settings.username = args.username.clone().or(settings.username);
    settings.check()?;
    Ok(settings)
}

/// Refuses a file that would change what the user configured for a registry.
fn refuse_to_take_over(
    vendor: &VendorFile,
    config: &Config,
    config_path: Option<&Path>,
    context: &Context<'_>,
) -> Result<()> {
    for registry in &vendor.registries {
        if let Some(place) = config.place_against(registry) {
            let people = configuration::path(&context.env, config_path).unwrap_or_default();
            let mut file = shown(place.setup.unwrap_or(&people), &context.env);
            if let Some(line) = place.line {
                file += &format!(":{line}");
            }
            return Err(Error::usage(
                Code::VendorFile,
                format!("the registry {}", registry.name),
                format!("{file} has your own rule for it"),
            )
            .hint("remove that rule if the file is to say whose credentials are used there, or ask for a file without the registry"));
        }
    }
    Ok(())
}

/// Refuses aliases while a user is signed in to these pools. The ids of pools are not secret: with an alias of the vendor's registry, anybody who
/// knows them could have the user's password sent to their own host.
fn refuse_to_stand_in_front(vendor: &VendorFile, config: &Config, context: &Context<'_>) -> Result<()> {
    let is_new = |registry: &&VendorRegistry| registry.registry.is_some() && !config.has_rule(&registry.name);
    let Some(registry) = vendor.registries.iter().find(is_new) else {
        return Ok(());
    };
    let pools = &vendor.cognito;
    let is_theirs = |kept: &KeptSignIn| {
        Some(&kept.user_pool_id) == pools.user_pool_id.as_ref() && Some(&kept.client_id) == pools.client_id.as_ref()
    };
    let cache = Cache::from_env(&context.env);
    let is_signed_in = RefreshTokenStore::all(&cache, context.now()).iter().any(is_theirs);
    let exists = match (is_signed_in, config.cognito()) {
        (true, _) => "a sign-in to these pools exists already",
        (false, Some(_)) => "a sign-in to these pools is configured already",
        (false, None) => return Ok(()),
    };
    Err(Error::usage(
        Code::VendorFile,
        format!("the registry {}", registry.name),
        format!("{exists}, and whoever runs that host would be sent its password"),
    )
    .hint("if you trust that host, write its rule into ecr-auth.yml yourself: match, registry and source: cognito; else ask for a file without it"))
}

/// Refuses a host that is the user's own without a rule: by the defaults, or because docker asks the helper for every registry.
fn refuse_to_replace_own(
    plan: &SetupPlan<'_>,
    vendor: &VendorFile,
    config: &Config,
    args: &ClientArgs,
    context: &Context<'_>,
) -> Result<()> {
    let is_new = |registry: &&VendorRegistry| registry.registry.is_none() && !config.has_rule(&registry.name);
    for registry in vendor.registries.iter().filter(is_new) {
        let cause = if config.defaults_say_who() {
            "the defaults of ecr-auth.yml say whose credentials are used for it"
        } else if is_served_by_store(plan.files(), &registry.name, args, context)? {
            "docker asks ecr-auth for it already, as for every registry (credsStore)"
        } else {
            continue;
        };
        return Err(
            Error::usage(Code::VendorFile, format!("the registry {}", registry.name), cause).hint(
                "if it is the vendor's, set it up yourself with ecr-auth cognito setup; else ask for a file without it",
            ),
        );
    }
    Ok(())
}

fn is_served_by_store(files: &[ConfigFile], host: &str, args: &ClientArgs, context: &Context<'_>) -> Result<bool> {
    let is_ours = |found: &FoundCredentials| {
        let ClientCredentials::Helper { name, named_by } = &found.answer else {
            return false;
        };
        *named_by == CREDS_STORE && name == HELPER
    };
    let lookups = look_ups(files, host, args, context)?;
    Ok(lookups.iter().filter_map(|lookup| lookup.found.as_ref()).any(is_ours))
}

/// Returns plain sentences about the changes, made only from checked ids and names.
fn sentences(
    plan: &SetupPlan<'_>,
    vendor: &VendorFile,
    settings: &CognitoSettings,
    setup: &Path,
    args: &ClientArgs,
    context: &Context<'_>,
) -> Result<Vec<String>> {
    let count = vendor.registries.len();
    let names: Vec<&str> = vendor
        .registries
        .iter()
        .map(|registry| registry.name.as_str())
        .collect();
    let user = settings.username.as_deref();
    let files = plan.files().iter().map(|file| file.path.as_path()).chain([setup]);
    let files: Vec<String> = files.map(|path| shown(path, &context.env)).collect();
    let mut lines = vec![
        format!(
            "ecr-auth will answer for {count} {} as a user of {}: {}.",
            if count == 1 { "registry" } else { "registries" },
            settings.user_pool_id.as_deref().unwrap_or_default(),
            names.join(", ")
        ),
        format!(
            "You will sign in{}{}.",
            user.map_or_else(String::new, |user| format!(" as {}", one_line(user))),
            match (&settings.domain, settings.browser) {
                (Some(domain), true) => format!(" in your browser, at https://{domain}"),
                _ => " with a password".to_owned(),
            }
        ),
        format!("This is written to {}.", files.join(" and ")),
    ];
    if let Some(helper) = plan.new_helper() {
        lines.push(format!("The helper is installed as {}.", shown(helper, &context.env)));
    }
    for registry in &vendor.registries {
        if let Some(behind) = &registry.registry {
            lines.push(format!(
                "warning: {} is an alias of {behind}: whoever runs it is sent the password for that registry",
                registry.name
            ));
        }
        lines.extend(used_now(plan.files(), &registry.name, args, context)?);
    }
    Ok(lines)
}

/// Returns the ids, which only experts read, and the diff.
fn details(plan: &SetupPlan<'_>, settings: &CognitoSettings) -> Vec<String> {
    let ids = format!(
        "app client {}, identity pool {}",
        settings.client_id.as_deref().unwrap_or_default(),
        settings.identity_pool_id
    );
    let diff = inert_diff(plan.diff());
    std::iter::once(ids).chain(diff.lines().map(str::to_owned)).collect()
}

/// Returns what the clients use for the host now: helpers and passwords that they will no longer use, or ecr-auth itself.
fn used_now(files: &[ConfigFile], host: &str, args: &ClientArgs, context: &Context<'_>) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for lookup in look_ups(files, host, args, context)? {
        let mut has_helper = false;
        for found in lookup.found.into_iter().chain(lookup.shadowed) {
            let what = match found.answer {
                ClientCredentials::Password(_) => "has a password of its own".to_owned(),
                // A host with its own helper does not use the store.
                ClientCredentials::Helper {
                    named_by: CREDS_STORE, ..
                } if has_helper => continue,
                ClientCredentials::Helper { name, .. } if name == HELPER => {
                    has_helper = true;
                    lines.push(format!(
                        "ecr-auth serves {host} already, and will use this sign-in for it."
                    ));
                    continue;
                }
                ClientCredentials::Helper {
                    name,
                    named_by: CREDS_STORE,
                } => format!("asks the store {name:?}"),
                ClientCredentials::Helper { name, .. } => {
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
    let mut told = BTreeSet::new();
    lines.retain(|line| told.insert(line.clone()));
    Ok(lines)
}

/// Returns what each configured client would use for the host now.
fn look_ups(files: &[ConfigFile], host: &str, args: &ClientArgs, context: &Context<'_>) -> Result<Vec<Lookup>> {
    let mut env = context.env.clone();
    if let Some(folder) = &args.docker_config {
        env.set(variables::DOCKER_CONFIG, folder.to_string_lossy());
    }
    let mut kinds = Vec::new();
    for file in files {
        if !kinds.contains(&file.kind) {
            kinds.push(file.kind);
        }
    }
    kinds.into_iter().map(|kind| look_up(kind, host, &env)).collect()
}

fn ask(args: &CognitoImportArgs) -> Result<()> {
    if args.yes {
        return Ok(());
    }
    let mut terminal = Terminal::open("say --yes");
    // What will change is on stderr.
    if !terminal.is_there() || !io::stderr().is_terminal() {
        return Err(Error::failed(
            Code::NotConfirmed,
            "cognito import",
            "nothing is changed: there is no terminal to ask on",
        )
        .hint("read the lines above, then give --yes"));
    }
    match terminal.confirm("Make these changes?")? {
        true => Ok(()),
        false => Err(Error::failed(
            Code::NotConfirmed,
            "cognito import",
            "nothing is changed: the answer was not yes",
        )),
    }
}
