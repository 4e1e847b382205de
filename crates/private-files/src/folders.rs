//! Folders and files in the user's home, made for the user even where root makes them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Makes the missing folders of a path, for the user alone (0700), and returns them, outermost first.
///
/// # Errors
/// The system's.
pub fn make_folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut missing: Vec<PathBuf> = folder
        .ancestors()
        .take_while(|path| !path.exists())
        .map(Path::to_owned)
        .collect();
    missing.reverse();
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)?;
    for made in &missing {
        if let (Ok(file), Some(parent)) = (open_folder(made), made.parent()) {
            adopt(&file, parent);
        }
    }
    Ok(missing)
}

/// Not through a link that somebody put in the place of what was made.
#[cfg(unix)]
fn open_folder(folder: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::OFlags;

    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW;
    File::options()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(folder)
}

#[cfg(not(unix))]
fn open_folder(folder: &Path) -> io::Result<File> {
    File::open(folder)
}

/// Gives what root made in somebody's home (`sudo` with HOME kept) to whom the folder around it belongs: a `~/.docker` or
/// `~/.local` of root's would lock the user out. Where that can't be done, it stays root's.
#[cfg(unix)]
pub fn adopt(made: &File, folder: &Path) {
    use std::os::unix::fs::{MetadataExt, fchown};

    if rustix::process::geteuid().is_root()
        && let Ok(around) = fs::metadata(folder)
    {
        let _ = fchown(made, Some(around.uid()), Some(around.gid()));
    }
}

/// There is no root, and nothing to do.
#[cfg(not(unix))]
pub fn adopt(_: &File, _: &Path) {}
