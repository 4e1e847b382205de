//! The operating system's part of keeping secrets in files: whose a file is, who else may read it, and how to open one
//! without being led astray by what else may lie under its name.
//!
//! On Windows the user's profile folder is closed to others by its access list, and no owner is looked at.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use zeroize::Zeroizing;

use private_files::make_folders;

/// Reads a file that is ours alone, if it has at most `limit` bytes. Anything else under that name (a folder, a FIFO, a
/// symbolic link, another user's file, one that others may read or write) is an error, and never waited for.
pub(super) fn read_private(path: &Path, limit: usize) -> io::Result<Zeroizing<Vec<u8>>> {
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
pub(super) fn open_private(path: &Path) -> io::Result<File> {
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

/// Makes sure that `folder` is there, ours, and closed to others: created if missing, narrowed if too wide.
///
/// A folder that others may read is narrowed only if `holds_only_ours`: `ECR_AUTH_CACHE_DIR=/tmp`, set for root, must not lock
/// everybody out of /tmp. It isn't used then.
pub(super) fn prepare_folder(folder: &Path, holds_only_ours: impl Fn(&str) -> bool) -> io::Result<()> {
    let metadata = fs::metadata(folder).or_else(|_| create_folder(folder).and_then(|()| fs::metadata(folder)))?;
    if is_private_folder(&metadata) {
        return Ok(());
    }
    if !metadata.is_dir() || !is_own(&metadata) || !all_names(folder, holds_only_ours)? {
        return Err(refused());
    }
    narrow_folder(folder)
}

/// Whether `folder` is there, ours, and closed to others.
pub(super) fn is_prepared(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|metadata| is_private_folder(&metadata))
}

fn all_names(folder: &Path, wanted: impl Fn(&str) -> bool) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        if !entry?.file_name().to_str().is_some_and(&wanted) {
            return Ok(false);
        }
    }
    Ok(true)
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
    options.custom_flags(flags.bits() as i32).mode(0o600)
}

#[cfg(not(unix))]
fn without_surprises(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

fn is_private(file: &Metadata) -> bool {
    file.is_file() && is_own(file) && is_closed(file)
}

fn is_private_folder(folder: &Metadata) -> bool {
    folder.is_dir() && is_own(folder) && is_closed(folder)
}

#[cfg(unix)]
fn is_own(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    metadata.uid() == rustix::process::geteuid().as_raw()
}

/// Whether nobody but its owner may do anything with it.
#[cfg(unix)]
fn is_closed(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;

    metadata.permissions().mode() & 0o077 == 0
}

#[cfg(not(unix))]
fn is_own(_: &Metadata) -> bool {
    true
}

#[cfg(not(unix))]
fn is_closed(_: &Metadata) -> bool {
    true
}

/// The folders around it are made for whom the home belongs to; it itself has to be our own, also where we are root.
fn create_folder(folder: &Path) -> io::Result<()> {
    if let Some(around) = folder.parent() {
        make_folders(around)?;
    }
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

#[cfg(unix)]
fn narrow_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn narrow_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether the open file is the one that lies at `path` now.
#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

/// Windows can't tell; a file that is being removed has no name any more, which leaves a small gap.
#[cfg(not(unix))]
pub(super) fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}
