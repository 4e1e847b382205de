//! Windows: an open file cannot be replaced, a running program can be renamed but not replaced, a lock on a file keeps others from writing to it,
//! and a file's access list says who may open it.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tempfile::TempPath;

use super::long_path::in_usual_form;
use super::{AliveMark, access_list};

/// How long to wait for a file that other programs have open, which usually read it for a moment.
const PATIENCE: Duration = Duration::from_secs(2);
/// The pause between the tries.
const PAUSE: Duration = Duration::from_millis(5);
/// The age from which an unplaced file is abandoned. A new version is placed long before that.
const ABANDONED_AFTER: Duration = Duration::from_secs(600);

/// Windows' errors for a file that another program has open: ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION,
/// ERROR_USER_MAPPED_FILE.
const IN_USE: [i32; 4] = [5, 32, 33, 1224];

/// Returns the real path: absolute, with all links followed, in the usual form (without `\\?\`).
///
/// # Errors
/// The system's error.
pub fn real(path: &Path) -> io::Result<PathBuf> {
    dunce::canonicalize(path).map(in_usual_form)
}

/// Does nothing: on Windows, others cannot place links or FIFOs here without a privilege.
pub(crate) fn without_surprises(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Does nothing: on Windows, no file is a FIFO.
pub(crate) fn without_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Does nothing: a file has the access list of its folder until [`set_rights`] or [`take_from_others`].
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Does nothing: a folder has the access list of its parent until [`take_from_others`].
pub(crate) fn private_folder(_: &mut tempfile::Builder<'_, '_>) {}

/// Does nothing: a folder has the access list of its parent.
pub(crate) fn set_mode(_: &mut DirBuilder, _: u32) {}

/// Always true: on Windows the access list counts, see [`is_closed`].
pub fn is_own(_: &Metadata) -> bool {
    true
}

/// Always true: on Windows the access list counts, see [`is_closed`].
pub fn is_own_or_roots(_: &Metadata) -> bool {
    true
}

/// Always true: the access list of the folder protects its programs.
///
/// # Errors
/// None.
pub fn is_out_of_others_reach(_: &Path) -> io::Result<bool> {
    Ok(true)
}

pub(crate) fn has_trusted_owners(path: &Path) -> io::Result<bool> {
    fs::symlink_metadata(path).map(|_| true)
}

/// Whether only this user and the system's administrators have access to what lies at a path.
pub(crate) fn is_closed(path: &Path, _: &Metadata) -> io::Result<bool> {
    access_list::is_private(path)
}

/// Always true: a file inherits the access list of its folder, which was checked.
pub(crate) fn is_closed_file(_: &Metadata) -> bool {
    true
}

/// Takes from others what they may do with a file or folder that was just made, where the folder around gives it to them.
pub(crate) fn close_made(path: &Path) -> io::Result<()> {
    take_from_others(path)
}

/// Gives a file or folder an access list of this user alone.
/// Fails on a file system without access lists.
pub(crate) fn take_from_others(path: &Path) -> io::Result<()> {
    access_list::make_private(path)
}

/// Gives a new version of a file the access list of the old one. With `owner_alone`, one of this user alone.
pub(crate) fn set_rights(_: &File, path: &Path, old: Option<(&Path, &Metadata)>, owner_alone: bool) -> io::Result<()> {
    match old {
        _ if owner_alone => access_list::make_private(path)?,
        Some((like, _)) => access_list::copy(like, path)?,
        None => {}
    }
    Ok(())
}

/// Whether the open file is the one at `path` now.
pub fn is_at(file: &File, path: &Path) -> bool {
    let ours = file.try_clone().and_then(same_file::Handle::from_file);
    match (ours, same_file::Handle::from_path(path)) {
        (Ok(ours), Ok(there)) => ours == there,
        // Some file systems do not number their files.
        (Err(_), Ok(_)) => true,
        (_, Err(_)) => false,
    }
}

/// The file that was read is closed, because an open one could not be replaced.
#[derive(Debug)]
pub(crate) struct OpenVersion;

impl From<File> for OpenVersion {
    fn from(_: File) -> Self {
        Self
    }
}

/// Whether the file at a path holds what was read.
pub(crate) fn is_version(path: &Path, _: &Metadata, text: &[u8]) -> io::Result<bool> {
    let is_as_long = fs::metadata(path)?.len() == text.len() as u64;
    Ok(is_as_long && patiently(|| fs::read(path))? == text)
}

/// Replaces a file by a new version, in one step.
///
/// # Errors
/// The system's error, also if other programs keep the file open.
pub fn replace(new: TempPath, target: &Path) -> io::Result<()> {
    rename(&new, target)?;
    // The temporary file no longer exists.
    let _ = new.keep();
    Ok(())
}

/// Replaces a program, which may be running. A running one is renamed, and removed by the next call that replaces or removes it.
///
/// # Errors
/// The system's error.
pub fn replace_program(new: TempPath, target: &Path) -> io::Result<()> {
    remove_aside(target);
    if fs::rename(&new, target).is_err() {
        let aside = move_aside(target)?;
        if let Err(error) = rename(&new, target) {
            let _ = fs::rename(&aside, target);
            return Err(error);
        }
        let _ = fs::remove_file(aside);
    }
    let _ = new.keep();
    Ok(())
}

/// Moves a file, replacing another. Programs that only read the other one get a moment to close it.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    patiently(|| fs::rename(from, to))
}

/// Removes a file. Of a running program, it removes only the name.
///
/// # Errors
/// The system's error.
pub fn remove_file(path: &Path) -> io::Result<()> {
    remove_aside(path);
    match fs::remove_file(path) {
        Err(error) if is_in_use(&error) && path.extension().is_some_and(|kind| kind.eq_ignore_ascii_case("exe")) => {
            move_aside(path).map(drop)
        }
        Err(error) if is_in_use(&error) => patiently(|| fs::remove_file(path)),
        removed => removed,
    }
}

/// The name of a program that was moved aside is this, the program's name, and this again.
const ASIDE: &str = ".ecr-auth-old-";

/// Returns an unused name beside the program.
fn move_aside(program: &Path) -> io::Result<PathBuf> {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let unique = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let aside = format!("{ASIDE}{name}-{}-{}", std::process::id(), unique.as_nanos());
    let aside = program.with_file_name(aside);
    fs::rename(program, &aside)?;
    Ok(aside)
}

/// Removes programs that were moved aside and have ended.
fn remove_aside(program: &Path) {
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!("{ASIDE}{name}-");
    let folder = program.parent().unwrap_or(Path::new(""));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn patiently<T>(mut work: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    let until = Instant::now() + PATIENCE;
    loop {
        match work() {
            Err(error) if is_in_use(&error) && Instant::now() < until => thread::sleep(PAUSE),
            done => return done,
        }
    }
}

/// Whether another program has the file open. A file that must not be written gives the same errors.
pub(crate) fn is_in_use(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|code| IN_USE.contains(&code))
}

/// Fails, because Windows has no call that swaps two files.
pub(crate) fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

pub(crate) fn is_unsupported(error: &io::Error) -> bool {
    error.kind() == ErrorKind::Unsupported
}

/// Waits until a file is on the disk.
///
/// # Errors
/// The system's error.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn sync(file: &File) -> io::Result<()> {
    file.sync_all()
}

/// Does nothing: renames last by themselves, and folders cannot be opened.
pub(crate) fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Does nothing: a lock would keep this process from writing the file. [`is_abandoned`] goes by the file's age.
pub(crate) fn mark_alive(_: &Path) -> io::Result<Option<AliveMark>> {
    Ok(Some(AliveMark { _locked: None }))
}

/// Whether the file is so old that the process that made it must have ended.
pub(crate) fn is_abandoned(path: &Path) -> bool {
    let modified = fs::symlink_metadata(path).and_then(|found| found.modified());
    modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > ABANDONED_AFTER))
}

#[cfg(test)]
mod tests {
    use std::os::windows::fs::OpenOptionsExt;

    use super::*;

    /// Returns a folder with a program, and a newer version beside it.
    fn scene() -> (tempfile::TempDir, PathBuf, TempPath) {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program.exe");
        fs::write(&program, "old").unwrap();
        let new = tempfile::NamedTempFile::new_in(folder.path()).unwrap().into_temp_path();
        fs::write(&new, "new").unwrap();
        (folder, program, new)
    }

    #[test]
    fn a_file_is_replaced_once_its_reader_has_closed_it() {
        let (_folder, path, new) = scene();
        let reader = OpenOptions::new().read(true).share_mode(1).open(&path).unwrap();
        let replaced = thread::spawn({
            let path = path.clone();
            move || replace(new, &path)
        });
        drop(reader);
        replaced.join().unwrap().unwrap();
        assert_eq!(fs::read(path).unwrap(), b"new");
    }

    #[test]
    fn a_file_that_stays_open_is_an_error_and_stays() {
        let (_folder, path, new) = scene();
        let reader = OpenOptions::new().read(true).share_mode(1).open(&path).unwrap();
        assert!(is_in_use(&replace(new, &path).unwrap_err()));
        assert_eq!(io::read_to_string(reader).unwrap(), "old");
    }

    /// The test holds the program as the system holds a running one, which may be renamed.
    #[test]
    fn a_program_that_runs_is_moved_aside_and_removed_later() {
        let (folder, path, new) = scene();
        let running = OpenOptions::new().read(true).share_mode(5).open(&path).unwrap();
        replace_program(new, &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        drop(running);
        remove_file(&path).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn paths_have_no_prefix() {
        let (folder, path, _new) = scene();
        let real = real(&path).unwrap();
        assert!(!real.to_string_lossy().starts_with(r"\\?\"), "{}", real.display());
        assert!(is_at(&File::open(&path).unwrap(), &real));
        drop(folder);
    }
}
