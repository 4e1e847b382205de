//! The helper's link: the name under which docker and podman find the binary on PATH.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::edit::HELPER;
use context::program::is_called;
use context::{Env, variables};
use diagnostics::{Code, Error, Result};
use private_files::{LINKS, WorkFolder, is_out_of_others_reach, is_own, real, remove_file, replace_program};

/// The names under which the binary is only a credential helper: ours, and that of amazon-ecr-credential-helper.
pub const HELPER_NAMES: [&str; 2] = ["docker-credential-ecr-auth", "docker-credential-ecr-login"];

/// Whether a binary called under this name is the credential helper.
pub fn is_helper_name(program: &Path) -> bool {
    HELPER_NAMES.iter().any(|name| is_called(program, name))
}

/// The folder for programs of every user that do not come from packages.
const SHARED: &str = "/usr/local/bin";

/// The folders for programs of all users of a machine.
const OF_THE_SYSTEM: [&str; 8] = [
    "/usr",
    "/opt",
    "/bin",
    "/sbin",
    r"C:\Program Files",
    r"C:\Program Files (x86)",
    r"C:\ProgramData",
    r"C:\Windows",
];

/// The largest program that is read, in bytes. No ecr-auth is larger.
const LARGEST_PROGRAM: u64 = 256 << 20;

/// What has to be done to get the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    /// Nothing: it leads to the running binary, or is the same program.
    Stands,
    /// Make the link.
    Missing,
    /// Replace a link to another ecr-auth, with this target.
    Other(PathBuf),
    /// Replace an ecr-auth that another user could change or replace. It is not put back later.
    Untrusted,
    /// A copy of another version of ecr-auth, on systems without links. `setup` replaces the copy, and `logout` does not put it back.
    OtherCopy,
}

/// The helper's link and the folder it goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkPlan {
    /// The link.
    pub path: PathBuf,
    /// The current state of the link.
    pub link: LinkState,
    /// Whether the folder is on PATH, so that clients find the helper.
    pub on_path: bool,
    exe: PathBuf,
}

/// Finds the place for the link of the running binary `exe`: `bin_dir`; else where clients find it already; else the binary's folder if it is on
/// PATH and writable; else the first writable of `/usr/local/bin` and `~/.local/bin`. Changes nothing.
pub fn helper_link(exe: &Path, bin_dir: Option<&Path>, env: &Env) -> Result<LinkPlan> {
    let folder = match bin_dir {
        Some(folder) => absolute(folder)?,
        None => default_folder(exe, Path::new(SHARED), env)?,
    };
    let path = folder.join(file_name());
    let link = inspect(&path, exe)?;
    Ok(LinkPlan {
        on_path: is_on_path(&folder, env),
        path,
        link,
        exe: exe.to_owned(),
    })
}

impl LinkPlan {
    /// Makes the link, and its folder if needed. Replaces a link to another ecr-auth in one step.
    pub fn make(&self) -> Result<()> {
        if self.link == LinkState::Stands {
            return Ok(());
        }
        self.place().map_err(|error| {
            Error::failed(Code::HelperPlace, format!("cannot make {}", self.path.display()), error)
                .hint("name a folder that you can write, and that is on PATH, with --bin-dir DIR")
        })
    }

    fn place(&self) -> io::Result<()> {
        let folder = self.path.parent().ok_or(ErrorKind::InvalidInput)?;
        let target = target_from(folder, &self.exe);
        let (folder, _) = WorkFolder::make(folder, WorkFolder::SHARED)?;
        folder.run(|at| {
            // A link is made in one step, so no half-made version can be left behind. If another process makes it too, it is replaced.
            let path = at.join(file_name());
            if cfg!(unix) && self.link == LinkState::Missing && point(target, &path).is_ok() {
                return Ok(());
            }
            replace(target, at, &path)
        })
    }
}

/// Replaces what is at the path by a link, in one step.
fn replace(target: &Path, folder: &Path, path: &Path) -> io::Result<()> {
    let made = tempfile::Builder::new()
        .prefix(".docker-credential-ecr-auth-")
        .make_in(folder, |path| point(target, path))?;
    replace_program(made.into_temp_path(), path)
}

/// Removes the link, or restores its former target, if it still is a link to the running binary or to another ecr-auth. Returns whether it did.
pub fn remove_link(path: &Path, previous: Option<&Path>) -> io::Result<bool> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(false);
    };
    let folder = match WorkFolder::open(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        opened => opened?,
    };
    folder.run(|at| {
        let path = at.join(name);
        match fs::read_link(&path) {
            Ok(target) if is_named_ecr_auth(&target) || is_running(&path) => {}
            Err(_) if is_copy_of_ecr_auth(&path) => {}
            _ => return Ok(false),
        }
        match previous.filter(|previous| previous.exists()) {
            Some(previous) => replace(previous, at, &path)?,
            None => remove_file(&path)?,
        }
        Ok(true)
    })
}

/// Whether the helper is in a folder for all users of the machine: a system folder, or one of another user outside of the home.
pub fn is_for_all_users(path: &Path, env: &Env) -> bool {
    let real = |path: &Path| real(path).unwrap_or_else(|_| path.to_owned());
    let folder = real(path.parent().unwrap_or(path));
    let is_at_home = env.home().is_some_and(|home| folder.starts_with(real(&home)));
    let is_own = fs::metadata(&folder).is_ok_and(|found| is_own(&found));
    !is_at_home && (!is_own || OF_THE_SYSTEM.iter().any(|system| folder.starts_with(system)))
}

/// Returns the state of the link's path. Anything other than an ecr-auth there is an error.
fn inspect(path: &Path, exe: &Path) -> Result<LinkState> {
    let what = || format!("cannot make {}", path.display());
    let foreign = |cause: String| {
        Err(Error::failed(Code::HelperPlace, what(), cause)
            .hint("remove it, or name another folder on PATH with --bin-dir DIR"))
    };
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(LinkState::Missing),
        Err(error) => return Err(Error::failed(Code::HelperPlace, what(), error)),
    };
    let is_exe = matches!((real(path), real(exe)), (Ok(there), Ok(exe)) if there == exe);
    if is_exe && (!metadata.is_symlink() || is_trusted(path)) {
        return Ok(LinkState::Stands);
    }
    if metadata.is_symlink() {
        let target = fs::read_link(path).map_err(|error| Error::failed(Code::HelperPlace, what(), error))?;
        return match is_named_ecr_auth(&target) || is_exe {
            true if is_trusted(path) => Ok(LinkState::Other(target)),
            true => Ok(LinkState::Untrusted),
            false => foreign(format!("it is a link to {}, another program", target.display())),
        };
    }
    match is_same_file(path, exe) {
        Ok(true) if is_trusted(path) => Ok(LinkState::Stands),
        Ok(true) => Ok(LinkState::Untrusted),
        // Another setup is replacing it at this moment.
        Err(error) if error.kind() == ErrorKind::NotFound && exe.exists() => Ok(LinkState::Missing),
        _ if is_copy_of_ecr_auth(path) => Ok(LinkState::OtherCopy),
        _ => foreign("another program has that name".to_owned()),
    }
}

/// Whether no other user can change the file or a link on the way. The binary at the end is the one that runs now.
fn is_trusted(path: &Path) -> bool {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return false;
        };
        let is_safe = |folder: WorkFolder| folder.run(|at| is_out_of_others_reach(&at.join(name)));
        if !WorkFolder::open(folder).and_then(is_safe).unwrap_or(false) {
            return false;
        }
        match fs::read_link(&path) {
            Ok(target) => path = folder.join(target),
            Err(_) => return true,
        }
        if !path.is_symlink() {
            return true;
        }
    }
    false
}

/// Whether a link leads to the running binary, which may have any name.
fn is_running(link: &Path) -> bool {
    let exe = std::env::current_exe().and_then(|exe| real(&exe));
    matches!((real(link), exe), (Ok(there), Ok(exe)) if there == exe)
}

/// Whether a link's target is an ecr-auth binary, by its name: `ecr-auth`, `ecr-auth-x86_64-unknown-linux-musl`.
pub(super) fn is_named_ecr_auth(target: &Path) -> bool {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    name == HELPER
        || name.starts_with("ecr-auth-")
        || name.starts_with("ecr-auth.")
        || name.starts_with("docker-credential-ecr-auth")
}

/// Whether two files have the same content. A pipe in place of the first is an error at once.
fn is_same_file(one: &Path, other: &Path) -> io::Result<bool> {
    let other = fs::read(other)?;
    Ok(private_files::read(one, other.len())? == other)
}

/// Whether a program is a copy of an ecr-auth of any version, on systems with copies instead of links. Each version contains these names.
fn is_copy_of_ecr_auth(path: &Path) -> bool {
    if cfg!(unix) || !fs::metadata(path).is_ok_and(|found| found.is_file() && found.len() < LARGEST_PROGRAM) {
        return false;
    }
    let has = |program: &[u8], name: &str| program.windows(name.len()).any(|bytes| bytes == name.as_bytes());
    let names = [HELPER_NAMES[0], variables::ECR_AUTH_CACHE_DIR];
    fs::read(path).is_ok_and(|program| names.iter().all(|name| has(&program, name)))
}

/// Returns the target of the link. Within one folder, it is the name alone, so that the folder can be moved or mounted elsewhere.
fn target_from<'a>(folder: &Path, exe: &'a Path) -> &'a Path {
    match (exe.parent(), exe.file_name()) {
        (Some(parent), Some(name)) if parent == folder => Path::new(name),
        _ => exe,
    }
}

#[cfg(unix)]
fn point(target: &Path, path: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, path)
}

/// Copies the program, because links need a privilege on Windows.
#[cfg(not(unix))]
fn point(target: &Path, path: &Path) -> io::Result<()> {
    let target = path.parent().unwrap_or(Path::new("")).join(target);
    fs::copy(target, path).map(drop)
}

fn file_name() -> String {
    format!("docker-credential-{HELPER}{}", std::env::consts::EXE_SUFFIX)
}

/// Returns the folder in which clients already find this very binary as a helper: a package's, or that of an earlier setup. On systems with copies
/// instead of links, it has a copy of this binary, or one of another version in whose place this one can be put.
fn folder_in_use(exe: &Path, env: &Env) -> Option<PathBuf> {
    let mut folders = env.search_path().into_iter().filter(|folder| folder.is_absolute());
    let first = folders.find(|folder| folder.join(file_name()).exists())?;
    let helper = first.join(file_name());
    let is_ours = match cfg!(unix) {
        true => real(&helper).ok()? == real(exe).ok()?,
        false => is_same_file(&helper, exe).unwrap_or(false) || is_copy_of_ecr_auth(&helper) && is_writable(&first),
    };
    is_ours.then_some(first)
}

pub(super) fn default_folder(exe: &Path, shared: &Path, env: &Env) -> Result<PathBuf> {
    if let Some(folder) = folder_in_use(exe, env) {
        return Ok(folder);
    }
    if let Some(folder) = exe.parent()
        && is_on_path(folder, env)
        && is_writable(folder)
    {
        return Ok(folder.to_owned());
    }
    if cfg!(unix) && is_writable(shared) {
        return Ok(shared.to_owned());
    }
    own_folder(env)
}

/// Returns the folder of the user's own programs.
fn own_folder(env: &Env) -> Result<PathBuf> {
    let home = env.require_home("cannot install the helper")?;
    if !cfg!(windows) {
        return Ok(home.join(".local/bin"));
    }
    let local = env.path(variables::LOCALAPPDATA);
    let local = local.unwrap_or_else(|| home.join("AppData").join("Local"));
    Ok(local.join("Programs").join(HELPER))
}

fn is_on_path(folder: &Path, env: &Env) -> bool {
    let real_folder = real(folder).unwrap_or_else(|_| folder.to_owned());
    let mut on_path = env.search_path().into_iter().filter(|entry| entry.is_absolute());
    on_path.any(|entry| entry == folder || real(&entry).is_ok_and(|entry| entry == real_folder))
}

#[cfg(unix)]
fn is_writable(folder: &Path) -> bool {
    use rustix::fs::{Access, access};
    folder.is_dir() && access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn is_writable(folder: &Path) -> bool {
    tempfile::tempfile_in(folder).is_ok()
}

fn absolute(folder: &Path) -> Result<PathBuf> {
    std::path::absolute(folder)
        .map_err(|error| Error::usage(Code::HelperPlace, format!("--bin-dir {}", folder.display()), error))
}
