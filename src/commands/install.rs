//! `ecr-auth install`: copies the running binary into a folder, with its helper names. It is for init containers, image builds and machines: it
//! needs no home, no `/tmp` and no shell, and runs as any user who may write to the folder.

use std::env::consts::EXE_SUFFIX;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use clap::Args;

use client_config::{HELPER, HELPER_NAMES};
use context::Context;
use diagnostics::{Code, Error, Result};
use private_files::{WorkFolder, is_out_of_others_reach, replace_program, temporary_among_others};

const EXAMPLES: &str = "\
Examples:
  ecr-auth install --to /usr/local/bin   in an image build
  /ecr-auth install --to /tools          in an init container, into a volume";

/// The start of temporary names.
const TEMPORARY: &str = ".ecr-auth-";

/// Copies this binary and its helper names into a folder (for init containers and images)
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct InstallArgs {
    /// The folder; it is created if missing
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
}

/// Copies the running binary to `ecr-auth` in the folder (mode 0755), and makes `docker-credential-ecr-auth` and `docker-credential-ecr-login` lead
/// to it: as links if the file system has them, else as copies. Files with these names are replaced, each in one step. A process that runs the old
/// binary is not disturbed.
///
/// # Errors
/// The folder cannot be made or written, or there is no space.
pub fn run(args: &InstallArgs, context: &mut Context<'_>) -> Result<()> {
    let folder = &args.to;
    if let Err(error) = File::open(&context.exe) {
        return Err(
            Error::failed(Code::NotReadable, "cannot read the running binary", error)
                .hint("it was moved or replaced since it was started, or /proc is not mounted: run it again"),
        );
    }
    let made = WorkFolder::make(folder, WorkFolder::SHARED).and_then(|_| WorkFolder::open_as_ourselves(folder));
    let there = made.map_err(|error| failed("make", folder, error))?;
    let binary = format!("{HELPER}{EXE_SUFFIX}");
    copy(&context.exe, &there.at().join(&binary)).map_err(|error| failed("write", &folder.join(&binary), error))?;
    for name in HELPER_NAMES {
        let name = format!("{name}{EXE_SUFFIX}");
        link_or_copy(&binary, &context.exe, &there.at().join(&name))
            .map_err(|error| failed("write", &folder.join(&name), error))?;
    }
    context.say(&format!(
        "installed: {}, with {}",
        folder.join(&binary).display(),
        HELPER_NAMES.join(" and ")
    ));
    Ok(())
}

fn failed(verb: &str, path: &Path, error: io::Error) -> Error {
    let hint = match error.kind() {
        ErrorKind::PermissionDenied => {
            "run it as a user who may write there; for a pod's volume, set securityContext.fsGroup"
        }
        ErrorKind::ReadOnlyFilesystem => {
            "name a folder that can be written: in a container, one where a volume is mounted"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "make room for the binary there: an emptyDir's sizeLimit, or the disk; what was installed before is still in its place"
        }
        ErrorKind::IsADirectory => "remove the folder of that name, or name another folder with --to",
        _ => "look at the folder that --to names",
    };
    Error::failed(
        Code::for_write_error(&error),
        format!("cannot {verb} {}", path.display()),
        error,
    )
    .hint(hint)
}

/// Makes a link to the binary beside it, so that the folder can be mounted elsewhere. Without links (some volumes, Windows without the privilege),
/// makes a copy.
fn link_or_copy(binary: &str, exe: &Path, path: &Path) -> io::Result<()> {
    if fs::read_link(path).is_ok_and(|target| target == Path::new(binary)) && is_ours_to_keep(path) {
        return Ok(());
    }
    link(binary, path).or_else(|_| copy(exe, path))
}

#[cfg(unix)]
fn link(binary: &str, path: &Path) -> io::Result<()> {
    // A link is made in one step, so no half-made one can be left behind. An existing file is replaced.
    if std::os::unix::fs::symlink(binary, path).is_ok() {
        return Ok(());
    }
    let made = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .make_in(folder_of(path), |temporary| {
            std::os::unix::fs::symlink(binary, temporary)
        })?;
    private_files::replace(made.into_temp_path(), path)
}

#[cfg(not(unix))]
fn link(_: &str, _: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

/// Copies the binary to a temporary name, then moves it. The file is closed before that, because a process that runs it at once must not find it
/// open for writing ("text file busy").
fn copy(exe: &Path, path: &Path) -> io::Result<()> {
    if is_installed(exe, path) {
        return Ok(());
    }
    let (mut made, _alive) = temporary_among_others(TEMPORARY, folder_of(path))?;
    io::copy(&mut File::open(exe)?, made.as_file_mut())?;
    make_executable(made.as_file())?;
    private_files::sync(made.as_file())?;
    replace_program(made.into_temp_path(), path)
}

/// Whether nothing has to be done: the same bytes are there, everybody may run them, and no other user can change them later.
fn is_installed(exe: &Path, path: &Path) -> bool {
    if !is_ours_to_keep(path) {
        return false;
    }
    let is_program = fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && is_executable(&found));
    is_program && matches!((fs::read(exe), fs::read(path)), (Ok(running), Ok(there)) if running == there)
}

fn is_ours_to_keep(path: &Path) -> bool {
    is_out_of_others_reach(path).unwrap_or(false)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

/// Everybody may read and run it, and its owner may write it.
#[cfg(unix)]
const MODE: u32 = 0o755;

/// Sets the mode on the file itself, because the umask would change it.
#[cfg(unix)]
fn make_executable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(MODE))
}

#[cfg(not(unix))]
fn make_executable(_: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn is_executable(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    found.permissions().mode() & 0o7777 == MODE
}

#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    true
}
