//! Whether clients find the helper on the user's PATH, on that of sudo and services, and before other programs of that name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::report::{Check, Outcome};
use client_config::{CredentialStore, HELPER, HELPER_NAMES, shown};
use configuration::{Config, FallbackStore};
use context::{Env, program, variables};
use diagnostics::{Code, shell_word};

/// The folders in which services (systemd) and sudo (`secure_path` of Debian up to 13, of Ubuntu and Fedora) look for programs.
#[cfg(target_os = "linux")]
const SYSTEM_FOLDERS: [&str; 6] = [
    "/usr/local/sbin",
    "/usr/local/bin",
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
];

/// The prefix of folders that sudo may leave out, as Debian after 13 does in its `secure_path`.
#[cfg(target_os = "linux")]
const LOCAL_FOLDERS: &str = "/usr/local";

/// The folders for the helper, the best first. Nobody can write to macOS' `/usr/bin`.
const INSTALL_FOLDERS: &[&str] = match cfg!(target_os = "macos") {
    true => &["/usr/local/bin"],
    false => &["/usr/local/bin", "/usr/bin"],
};

/// The time limit of a program that prints its version.
pub(super) const VERSION_BUDGET: Duration = Duration::from_secs(5);

/// The hint for another program that comes before the helper on PATH.
const PUT_FIRST: &str = "remove or rename it, or put the folder of ecr-auth's helper before it on PATH";

/// The kind of program under a helper's name.
#[derive(Debug, PartialEq, Eq)]
enum HelperKind {
    /// The running binary.
    Ours,
    /// Another copy of this version.
    Copy,
    /// Another ecr-auth, with its version.
    Version(String),
    /// Another program.
    Foreign,
}

/// Returns the check of the running binary.
pub fn binary(exe: &Path, env: &Env) -> Check {
    let version = env!("CARGO_PKG_VERSION");
    Check::pass("binary", format!("ecr-auth {version} is {}", shown(exe, env)))
}

/// The ends of our helpers' names that clients call, each with its registries.
pub type CalledFor = BTreeMap<String, BTreeSet<String>>;

/// Returns a check for each name under which clients call the helper. `wanted` is empty if no client calls it.
pub fn checks(exe: &Path, wanted: &CalledFor, env: &Env) -> Vec<Check> {
    if wanted.is_empty() {
        return vec![not_called(env)];
    }
    let mut checks = Vec::new();
    for it in called(exe, wanted, env) {
        checks.push(it.check);
        checks.extend(it.path.and_then(|path| elsewhere(&it.program, &path, exe, env)));
    }
    checks
}

/// The helper under one of the names that clients use.
#[derive(Debug)]
pub struct NamedHelper {
    /// The end of the name, as in a client's configuration.
    pub name: String,
    /// The program's name.
    pub program: String,
    /// The first program of that name on PATH, which clients run.
    pub path: Option<PathBuf>,
    /// Whether that program is not ecr-auth.
    pub is_foreign: bool,
    /// The check of it.
    pub check: Check,
}

/// Returns what clients run under each of these names. A program other than the running binary is asked for its version.
pub fn called(exe: &Path, wanted: &CalledFor, env: &Env) -> Vec<NamedHelper> {
    let of = |(name, hosts): (&String, &BTreeSet<String>)| {
        let program = format!("docker-credential-{name}");
        let paths = program::all_on_path(&program, env);
        let (check, is_foreign) = match paths.as_slice() {
            [] => (missing(&program, hosts, env), false),
            [first, others @ ..] => found(first, others, exe, env),
        };
        NamedHelper {
            name: name.clone(),
            program,
            path: paths.into_iter().next(),
            is_foreign,
            check,
        }
    };
    wanted.iter().map(of).collect()
}

/// Returns what clients run instead of this binary under the helper's own name, and the hint, if another program comes first on PATH.
pub fn in_the_way(exe: &Path, env: &Env) -> Option<(String, Option<String>)> {
    let wanted = CalledFor::from([(HELPER.to_owned(), BTreeSet::new())]);
    let first = called(exe, &wanted, env).into_iter().find(|it| it.path.is_some())?;
    (first.check.outcome != Outcome::Pass).then_some((first.check.finding, first.check.hint))
}

/// Returns the folder in which `setup` linked the helper, if the link exists and the folder is not on PATH.
pub fn folder_off_path(program: &str, env: &Env) -> Option<PathBuf> {
    let links = client_config::undo_log(env)?.load().ok()?.links;
    let is_off_path = |folder: &Path| !env.search_path().iter().any(|on_path| on_path == folder);
    let is_linked = |link: &PathBuf| program::is_called(link, program) && link.exists();
    let folder = links.into_keys().find(is_linked)?.parent()?.to_owned();
    is_off_path(&folder).then_some(folder)
}

/// Returns the line that adds a folder to PATH: for a shell's profile or, on Windows, for PowerShell, which keeps it.
pub fn path_line(folder: &Path) -> String {
    // With the separator, which PowerShell wants in quotes in any case.
    let first = |separator: char| shell_word(&format!("{}{separator}", folder.display()));
    match cfg!(windows) {
        true => format!(
            "[Environment]::SetEnvironmentVariable('Path', {} + [Environment]::GetEnvironmentVariable('Path', 'User'), 'User')",
            first(';')
        ),
        false => format!("export PATH={}\"$PATH\"", first(':')),
    }
}

/// Returns where to put [`path_line`].
pub fn path_line_goes() -> &'static str {
    match cfg!(windows) {
        true => "run this in PowerShell, then open another window",
        false => "add this line to your shell's profile",
    }
}

/// Whether a name after `docker-credential-` is one of ours.
pub fn is_ours(name: &str) -> bool {
    HELPER_NAMES
        .iter()
        .any(|ours| ours.strip_prefix("docker-credential-") == Some(name))
}

/// Returns the check of the fallback store's program, if there is a fallback store.
pub fn fallback(config: &Config, env: &Env) -> Option<Check> {
    let FallbackStore::Store(name) = config.fallback()? else {
        return None;
    };
    Some(match CredentialStore::find(name, "setup.json", env) {
        Ok(_) => Check::pass(
            "fallback",
            format!("docker-credential-{name} answers for all other registries"),
        ),
        Err(error) => {
            let error =
                error.hint("other registries have no logins without it: install it again, or run: ecr-auth logout");
            Check::failed("fallback", &error).at_most_warn()
        }
    })
}

/// Returns the check of the helper if no client calls it: whether it is installed.
pub fn not_called(env: &Env) -> Check {
    let program = format!("docker-credential-{HELPER}");
    match program::on_path(&program, env) {
        Some(path) => Check::pass("helper", format!("{program} is {}", shown(&path, env))),
        None => Check::warn(
            "helper",
            format!("{program} is not on PATH"),
            "ecr-auth setup REGISTRY puts it there and into the client's configuration",
        ),
    }
}

fn missing(program: &str, hosts: &BTreeSet<String>, env: &Env) -> Check {
    let path = env.get(variables::PATH).unwrap_or_default();
    let is_anothers = program != HELPER_NAMES[0] && !hosts.is_empty();
    match env.get(variables::SUDO_USER) {
        _ if is_anothers => Check::fail(
            "helper",
            Code::HelperMissing,
            format!(
                "{program} isn't installed, though the client's configuration names it: it is not on PATH ({path})"
            ),
            format!("Replace it: ecr-auth setup {}", in_one_line(hosts)),
        ),
        Some(_) => Check::fail(
            "helper",
            Code::HelperMissing,
            format!(
                "{program} is not on the PATH that sudo gives ({path}), though the client's configuration names it"
            ),
            format!(
                "put it where sudo looks: ecr-auth install --to {}; or run the client without sudo",
                install_folder(env)
            ),
        ),
        None => Check::fail(
            "helper",
            Code::HelperMissing,
            format!("{program} is not on PATH ({path}), though the client's configuration names it"),
            "run ecr-auth setup again, with --bin-dir a folder on PATH; or add the folder it is in to PATH",
        ),
    }
}

fn in_one_line(hosts: &BTreeSet<String>) -> String {
    hosts.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// Returns the folder of this PATH to install the helper in.
fn install_folder(env: &Env) -> &'static str {
    let path = env.search_path();
    let is_on_path = |folder: &&str| path.iter().any(|on_path| on_path == Path::new(folder));
    INSTALL_FOLDERS
        .iter()
        .copied()
        .find(is_on_path)
        .unwrap_or(INSTALL_FOLDERS[0])
}

/// Returns the check of the program, and whether it is not ecr-auth.
fn found(first: &Path, others: &[PathBuf], exe: &Path, env: &Env) -> (Check, bool) {
    let at = shown(first, env);
    let found = kind(first, exe, env);
    let is_foreign = found == HelperKind::Foreign;
    let check = match found {
        HelperKind::Ours => Check::pass("helper", format!("clients run {at}, which is this ecr-auth")),
        HelperKind::Copy => Check::pass("helper", format!("clients run {at}, another copy of this version")),
        HelperKind::Version(version) => {
            let is_hidden = |path: &&PathBuf| matches!(kind(path, exe, env), HelperKind::Ours | HelperKind::Copy);
            let hidden = others.iter().find(is_hidden);
            let hint = match hidden {
                Some(_) => PUT_FIRST,
                None => "run its own doctor, or ecr-auth setup again to have clients run this one",
            };
            let this = env!("CARGO_PKG_VERSION");
            let hides = hides(hidden, env);
            Check::warn(
                "helper",
                format!("clients run {at}, ecr-auth {version}, not this {this}{hides}"),
                hint,
            )
        }
        HelperKind::Foreign => foreign(first, others, exe, env),
    };
    (check, is_foreign)
}

/// Returns the check of another program with the helper's name. For amazon-ecr-credential-helper's name, it passes.
fn foreign(first: &Path, others: &[PathBuf], exe: &Path, env: &Env) -> Check {
    let at = shown(first, env);
    let name = first.file_stem().unwrap_or_default().to_string_lossy();
    if name == HELPER_NAMES[1] {
        return Check::warn(
            "helper",
            format!("clients run {at}, which is amazon-ecr-credential-helper or another program, not ecr-auth"),
            "what follows is what ecr-auth would do; ecr-auth setup has clients call it instead",
        );
    }
    let ours = others.iter().find(|path| kind(path, exe, env) != HelperKind::Foreign);
    let behind = hides(ours, env);
    Check::fail(
        "helper",
        Code::HelperHidden,
        format!("clients run {at}, the first {name} on PATH and not ecr-auth{behind}"),
        PUT_FIRST,
    )
}

fn hides(hidden: Option<&PathBuf>, env: &Env) -> String {
    hidden.map_or_else(String::new, |path| format!(", which hides {}", shown(path, env)))
}

/// Whether we are root and another user can change the program or a link that leads to it, so that we must not run it.
#[cfg(unix)]
fn is_for_root_by_another(path: &Path) -> bool {
    let target = |link: &PathBuf| Some(link.parent()?.join(std::fs::read_link(link).ok()?));
    // The system follows no more links either.
    let mut way = std::iter::successors(Some(path.to_owned()), target).take(40);
    rustix::process::geteuid().is_root() && !way.all(|it| private_files::is_out_of_others_reach(&it).unwrap_or(false))
}

#[cfg(not(unix))]
fn is_for_root_by_another(_: &Path) -> bool {
    false
}

/// Finds the kind of a program by running it, as a client would at every pull. Root does not run what another user can change.
fn kind(path: &Path, exe: &Path, env: &Env) -> HelperKind {
    let real = |path: &Path| private_files::real(path).ok();
    if real(path).is_some_and(|path| real(exe) == Some(path)) {
        return HelperKind::Ours;
    }
    if is_for_root_by_another(path) {
        return HelperKind::Foreign;
    }
    let mut command = ::ci::without_secrets(path, env, &[]);
    let said = program::output(command.arg("version"), None, VERSION_BUDGET);
    let said = said.map(|said| said.expose().trim().to_owned()).unwrap_or_default();
    match said.strip_prefix(HELPER_NAMES[0]).map(str::trim) {
        Some(env!("CARGO_PKG_VERSION")) => HelperKind::Copy,
        Some(version) => HelperKind::Version(version.chars().filter(char::is_ascii_graphic).take(40).collect()),
        None => HelperKind::Foreign,
    }
}

/// Returns the check whether `sudo docker` and services find it too. On macOS, sudo keeps the PATH, and services look in folders that nobody can
/// write to.
#[cfg(target_os = "linux")]
fn elsewhere(program: &str, first: &Path, exe: &Path, env: &Env) -> Option<Check> {
    let mut folders = SYSTEM_FOLDERS
        .into_iter()
        .filter(|folder| Path::new(folder).join(program).exists());
    if let Some(folder) = folders.next() {
        let is_local = folder.starts_with(LOCAL_FOLDERS) && !folders.any(|folder| !folder.starts_with(LOCAL_FOLDERS));
        let sudo = match is_local {
            true => format!(", and sudo does where {folder} is in its secure_path"),
            false => String::new(),
        };
        let who = if is_local { "services" } else { "sudo and services" };
        let there = Path::new(folder).join(program);
        let other = match kind(&there, exe, env) {
            HelperKind::Ours | HelperKind::Copy => None,
            HelperKind::Version(version) => Some(format!("ecr-auth {version}, not this {}", env!("CARGO_PKG_VERSION"))),
            HelperKind::Foreign => Some("not ecr-auth".to_owned()),
        };
        return Some(match other {
            None => Check::pass("other-users", format!("{who} find {} too{sudo}", there.display())),
            Some(other) => Check::warn(
                "other-users",
                format!("{who} find {}, which is {other}", there.display()),
                format!(
                    "where docker runs under sudo, or from a service, put this one there: ecr-auth install --to {folder}"
                ),
            ),
        });
    }
    Some(Check::warn(
        "other-users",
        format!(
            "sudo and services don't find {program}: it is {}, and they look in {}",
            shown(first, env),
            SYSTEM_FOLDERS[..4].join(", ")
        ),
        "where docker runs under sudo, or from a service (a GitLab runner, Jenkins): ecr-auth install --to /usr/local/bin (/usr/bin if sudo's secure_path lacks that)",
    ))
}

#[cfg(not(target_os = "linux"))]
fn elsewhere(_: &str, _: &Path, _: &Path, _: &Env) -> Option<Check> {
    None
}
