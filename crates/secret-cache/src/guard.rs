//! The owner of the cache's folder, and the access of others to it.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::path::Path;

use private_files::{close_folder, is_own, is_private_folder};

/// Checks that `folder` belongs to this user and is closed to others. Closes it if it is open.
///
/// A folder that others may read is only closed if `holds_only_ours`, and an empty one only if it is not sticky, as folders for everybody's files
/// are: with `ECR_AUTH_CACHE_DIR=/tmp`, root must not lock everybody out of /tmp. Otherwise the folder is not used.
pub(super) fn prepare_folder(folder: &Path, holds_only_ours: impl Fn(&str) -> bool) -> io::Result<()> {
    let metadata = fs::metadata(folder)?;
    if is_private_folder(folder)? {
        return Ok(());
    }
    let is_taken = || Ok::<_, io::Error>(is_sticky(&metadata) && fs::read_dir(folder)?.next().is_none());
    if !metadata.is_dir() || !is_own(&metadata) || !all_names(folder, holds_only_ours)? || is_taken()? {
        return Err(ErrorKind::PermissionDenied.into());
    }
    close_folder(folder)
}

/// Whether `folder` exists, belongs to this user, and is closed to others.
pub(super) fn is_prepared(folder: &Path) -> bool {
    is_private_folder(folder).unwrap_or(false)
}

#[cfg(unix)]
fn is_sticky(folder: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;

    const STICKY: u32 = 0o1000;
    folder.permissions().mode() & STICKY != 0
}

#[cfg(not(unix))]
fn is_sticky(_: &Metadata) -> bool {
    false
}

fn all_names(folder: &Path, wanted: impl Fn(&str) -> bool) -> io::Result<bool> {
    for entry in fs::read_dir(folder)? {
        if !entry?.file_name().to_str().is_some_and(&wanted) {
            return Ok(false);
        }
    }
    Ok(true)
}
