//! Files and folders that are this user's alone: whose they are, who else may read them, and how to open one without being led astray
//! by what else may lie under its name.
//!
//! On Windows the user's profile folder is closed to others by its access list, and no owner is looked at.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use zeroize::Zeroizing;

/// Reads a file that is ours alone, if it has at most `limit` bytes. Anything else under that name (a folder, a FIFO, a
/// symbolic link, another user's file, one that others may read or write) is an error, and never waited for.
///
/// # Errors
/// The system's, or of kind `PermissionDenied`.
pub fn read_own(path: &Path, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut options = OpenOptions::new();
    let file = without_surprises(options.read(true)).open(path)?;
    let metadata = file.metadata()?;
    if !is_private(&metadata) || metadata.len() > limit as u64 {
        return Err(refused());
    }
    // One byte more than there is, so that the buffer never grows (which would leave copies behind).
    let mut bytes = Zeroizing::new(Vec::with_capacity(metadata.len() as usize + 1));
    file.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens a file that is ours alone to lock it or to set its time, creating it if need be. What else lies under its name is put out
/// of the way.
///
/// # Errors
/// The system's.
pub fn open_own(path: &Path) -> io::Result<File> {
    open_or_create(path).or_else(|error| match fs::symlink_metadata(path) {
        Ok(metadata) if !is_private(&metadata) => fs::remove_file(path).and_then(|()| open_or_create(path)),
        _ => Err(error),
    })
}

fn open_or_create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = without_surprises(&mut options).open(path)?;
    if is_private(&file.metadata()?) {
        Ok(file)
    } else {
        Err(refused())
    }
}

/// Makes sure that a folder is ours, and takes from its mode what it gives to others.
///
/// # Errors
/// The system's; of kind `PermissionDenied` where it is another user's.
pub fn close_folder(folder: &Path) -> io::Result<()> {
    let metadata = fs::metadata(folder)?;
    match (is_private_folder(&metadata), is_own(&metadata)) {
        (true, _) => Ok(()),
        (false, true) => take_from_others(folder, &metadata),
        (false, false) => Err(refused()),
    }
}

/// Whether this is a folder of ours that nobody else may look into.
pub fn is_private_folder(folder: &Metadata) -> bool {
    folder.is_dir() && is_own(folder) && is_closed(folder)
}

fn is_private(file: &Metadata) -> bool {
    file.is_file() && is_own(file) && is_closed(file)
}

fn refused() -> io::Error {
    ErrorKind::PermissionDenied.into()
}

/// Opens neither a symbolic link nor waits for a FIFO's other end, and creates files that only we can read.
#[cfg(unix)]
fn without_surprises(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::OFlags;

    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    options.custom_flags(flags.bits().cast_signed()).mode(0o600)
}

#[cfg(not(unix))]
fn without_surprises(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Whether it belongs to the user whose rights we have.
#[cfg(unix)]
pub fn is_own(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    metadata.uid() == rustix::process::geteuid().as_raw()
}

/// Whether it belongs to us or to root, who could become us.
#[cfg(unix)]
pub fn is_own_or_roots(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    is_own(metadata) || metadata.uid() == 0
}

/// Whether nobody but us and root can change what lies at a path, or put something else there, and a file there has no second name.
///
/// # Errors
/// The system's.
#[cfg(unix)]
pub fn is_out_of_others_reach(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;

    let found = fs::symlink_metadata(path)?;
    Ok(has_trusted_owners(path)? && (found.is_symlink() || found.nlink() == 1))
}

/// Whether what lies at a path, and its folder, belong to us or root, and not everybody may write to the folder.
#[cfg(unix)]
pub(super) fn has_trusted_owners(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;

    let found = fs::symlink_metadata(path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = fs::metadata(folder.unwrap_or(Path::new(".")))?;
    let is_open = folder.permissions().mode() & 0o1002 == 0o002;
    Ok(is_own_or_roots(&found) && is_own_or_roots(&folder) && !is_open)
}

/// There is nothing to tell by.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn is_out_of_others_reach(_: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(not(unix))]
pub(super) fn has_trusted_owners(path: &Path) -> io::Result<bool> {
    fs::symlink_metadata(path).map(|_| true)
}

/// Whether nobody but its owner may do anything with it.
#[cfg(unix)]
fn is_closed(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;

    metadata.permissions().mode() & 0o077 == 0
}

/// There is nothing to tell by.
#[cfg(not(unix))]
pub fn is_own(_: &Metadata) -> bool {
    true
}

/// There is nothing to tell by.
#[cfg(not(unix))]
pub fn is_own_or_roots(_: &Metadata) -> bool {
    true
}

#[cfg(not(unix))]
fn is_closed(_: &Metadata) -> bool {
    true
}

#[cfg(unix)]
fn take_from_others(folder: &Path, metadata: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let mode = metadata.permissions().mode() & 0o700;
    fs::set_permissions(folder, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn take_from_others(_: &Path, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Whether the open file is the one that lies at `path` now.
#[cfg(unix)]
pub fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// Windows can't tell; a file that is being removed has no name any more, which leaves a small gap.
#[cfg(not(unix))]
pub fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}
