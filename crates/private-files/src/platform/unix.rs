//! Linux, macOS and the other systems with owners and modes.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use tempfile::TempPath;

use super::AliveMark;

/// Returns the real path: absolute, with all links followed.
///
/// # Errors
/// The system's error.
pub fn real(path: &Path) -> io::Result<PathBuf> {
    fs::canonicalize(path)
}

/// Refuses symbolic links, does not wait for the other end of a FIFO, and creates files that only this user can read.
pub(crate) fn without_surprises(options: &mut OpenOptions) -> &mut OpenOptions {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    private(options.custom_flags(flags.bits().cast_signed()))
}

/// Does not wait for the other end of a FIFO.
pub(crate) fn without_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    options.custom_flags(flags.bits().cast_signed())
}

/// Creates files that only this user can read.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

/// Creates a folder that only this user can look into.
pub(crate) fn private_folder(builder: &mut tempfile::Builder<'_, '_>) {
    builder.permissions(Permissions::from_mode(0o700));
}

/// Sets the mode of the folders that are made.
pub(crate) fn set_mode(builder: &mut DirBuilder, mode: u32) {
    builder.mode(mode);
}

/// Whether it belongs to the effective user.
pub fn is_own(metadata: &Metadata) -> bool {
    metadata.uid() == rustix::process::geteuid().as_raw()
}

/// Whether it belongs to the effective user or to root.
pub fn is_own_or_roots(metadata: &Metadata) -> bool {
    is_own(metadata) || metadata.uid() == 0
}

/// Whether only this user and root can change or replace the file at a path, and the file has no second name.
///
/// # Errors
/// The system's error.
pub fn is_out_of_others_reach(path: &Path) -> io::Result<bool> {
    let found = fs::symlink_metadata(path)?;
    Ok(has_trusted_owners(path)? && (found.is_symlink() || found.nlink() == 1))
}

/// Whether the file at a path and its folder belong to this user or root, and not everybody may write to the folder.
pub(crate) fn has_trusted_owners(path: &Path) -> io::Result<bool> {
    let found = fs::symlink_metadata(path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = fs::metadata(folder.unwrap_or(Path::new(".")))?;
    let is_open = folder.permissions().mode() & 0o1002 == 0o002;
    Ok(is_own_or_roots(&found) && is_own_or_roots(&folder) && !is_open)
}

/// Whether only its owner has access to what lies at a path. The second argument is its metadata.
pub(crate) fn is_closed(_: &Path, found: &Metadata) -> io::Result<bool> {
    Ok(is_closed_file(found))
}

/// Whether only its owner has access to an open file, in a folder that is closed.
pub(crate) fn is_closed_file(found: &Metadata) -> bool {
    found.permissions().mode() & 0o077 == 0
}

/// Removes the access of others to a file or folder that was just made. Nothing is left to do: it was made with its mode, and by now the path
/// may lead to a link of somebody who may write to the folder.
pub(crate) fn close_made(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Removes the access of others to a file or folder.
pub(crate) fn take_from_others(path: &Path) -> io::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode() & 0o700;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

/// Gives a new version of a file the owner, the group and the mode of the old one, as docker does. With `owner_alone`, the access of others is
/// dropped. A file without an old version was made for its owner alone.
pub(crate) fn set_rights(new: &File, _: &Path, old: Option<(&Path, &Metadata)>, owner_alone: bool) -> io::Result<()> {
    let Some((_, like)) = old else { return Ok(()) };
    let taken = if owner_alone { 0o077 } else { 0 };
    let mode = like.permissions().mode() & !taken;
    keep_owner(new, like, mode)?;
    new.set_permissions(Permissions::from_mode(mode))
}

/// Keeps the owner and the group. If this user cannot set the group, because they are not a member, it is dropped, provided that it has no more
/// access than everybody.
fn keep_owner(file: &File, like: &Metadata, mode: u32) -> io::Result<()> {
    let own = file.metadata()?;
    let user = (own.uid() != like.uid()).then(|| like.uid());
    let group = (own.gid() != like.gid()).then(|| like.gid());
    if user.is_none() && group.is_none() {
        return Ok(());
    }
    let is_group_for_nothing = mode & 0o070 & !(mode << 3) == 0;
    match fchown(file, user, group) {
        Err(_) if user.is_none() && is_group_for_nothing => Ok(()),
        Err(error) => Err(io::Error::new(
            error.kind(),
            format!("its owner cannot be kept: {error}"),
        )),
        Ok(()) => Ok(()),
    }
}

/// Whether the open file is the one at `path` now.
pub fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(ours), Ok(there)) => is_same(&ours, &there),
        _ => false,
    }
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Keeps the file that was read open, so that no other file gets its inode number.
#[derive(Debug)]
pub(crate) struct OpenVersion {
    _file: File,
}

impl From<File> for OpenVersion {
    fn from(file: File) -> Self {
        Self { _file: file }
    }
}

/// Whether the file at a path is the one that was read. Its contents may have changed. It is one quick call, because a save of another program in
/// between would be lost.
pub(crate) fn is_version(path: &Path, read: &Metadata, _: &[u8]) -> io::Result<bool> {
    Ok(is_same(&fs::metadata(path)?, read))
}

/// Replaces a file by a new version, in one step.
///
/// # Errors
/// The system's error.
pub fn replace(new: TempPath, target: &Path) -> io::Result<()> {
    new.persist(target).map_err(|error| error.error)
}

/// Replaces a program, which may be running.
///
/// # Errors
/// The system's error.
pub fn replace_program(new: TempPath, target: &Path) -> io::Result<()> {
    replace(new, target)
}

/// Moves a file, replacing another.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// Removes a file.
///
/// # Errors
/// The system's error.
pub fn remove_file(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// Swaps two files in one step, so that the replaced one can be checked afterwards and is never lost.
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub(crate) fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    Ok(renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub(crate) fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

/// Whether the system cannot exchange files: old kernels (ENOSYS) and some file systems (EINVAL: NFS, FUSE; ENOTSUP on macOS). A plain rename is
/// then used.
pub(crate) fn is_unsupported(error: &io::Error) -> bool {
    let unsupported = [rustix::io::Errno::NOTSUP, rustix::io::Errno::OPNOTSUPP].map(|errno| Some(errno.raw_os_error()));
    matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::InvalidInput)
        || unsupported.contains(&error.raw_os_error())
}

/// Waits until a file is on the disk. macOS refuses that (`F_FULLFSYNC`) on some network homes. The server's confirmation is then enough.
///
/// # Errors
/// The system's error.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn sync(file: &File) -> io::Result<()> {
    match file.sync_all() {
        Err(_) if cfg!(target_os = "macos") => Ok(rustix::fs::fsync(file)?),
        synced => synced,
    }
}

/// Waits until a rename is on the disk.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    sync(&File::open(folder)?)
}

/// Marks the file at a path, which was made a moment ago, as one whose maker is alive, as long as the result is kept. `None` if another process
/// took it for an abandoned file.
pub(crate) fn mark_alive(path: &Path) -> io::Result<Option<AliveMark>> {
    // Open for reading only: a program cannot be run while a process has it open for writing. Whoever may write to the folder may have put a link
    // or a pipe here.
    let alive = match without_surprises(OpenOptions::new().read(true)).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    match alive.try_lock() {
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Ok(()) if !path.exists() => Ok(None),
        // Without locks (NFS), other processes cannot lock it either.
        _ => Ok(Some(AliveMark { _locked: Some(alive) })),
    }
}

/// Whether the process that made a file and marked it with [`mark_alive`] has ended.
pub(crate) fn is_abandoned(path: &Path) -> bool {
    let opened = without_waiting(OpenOptions::new().read(true)).open(path);
    opened.is_ok_and(|file| file.try_lock().is_ok())
}

/// Whether another program's use of a file prevents its replacement, which is never the case here.
pub(crate) fn is_in_use(_: &io::Error) -> bool {
    false
}
