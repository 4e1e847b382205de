//! Edits files: under a lock against other ecr-auth processes, and atomically for all other programs.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::encoding::{Encoding, bytes_of_text, text_of_bytes};
use super::lock::Lock;
use super::place::{self, NewVersion, PlaceOutcome};
use super::platform::{OpenVersion, is_closed, is_in_use, real, set_rights, sync_folder};
use super::read;
use super::state::StateFolder;
use super::temporary::temporary_among_others;
use super::work_folder::{WorkFolder, make_folders, not_there_yet};
use diagnostics::{Code, Error, Mention, Result};

/// The most times that an edit is repeated because another program wrote the file meanwhile.
const ATTEMPTS: u32 = 1000;

/// After this many attempts, the new version is flushed to the disk after it is placed instead of before. Flushing takes milliseconds, in which a
/// busy writer always comes first.
const PATIENT_ATTEMPTS: u32 = 3;

/// What the writer must know about a file's format.
#[derive(Debug, Clone, Copy)]
pub struct FileFormat {
    /// Which bytes the file may have.
    pub encoding: Encoding,
    /// Merges the changes of two writers: returns the text with the changes from a base to another version of it (in this order). `None` if they
    /// cannot be merged.
    pub merge: fn(&str, &str, &str) -> Option<String>,
    /// The contents of a file without settings, for a hint.
    pub blank: &'static str,
    /// How the command line names another place, for a hint.
    pub elsewhere: Mention<'static>,
}

/// The result of an edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EditOutcome {
    /// The file is as it should be, and is left alone.
    Unchanged,
    /// The file should hold this text.
    Text(String),
    /// The file should not exist.
    Remove,
}

/// Who can read a file after it was edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReaderPolicy {
    /// The same users as before.
    AsBefore,
    /// Only its owner. The access of others in its mode is removed.
    OwnerAlone,
}

impl ReaderPolicy {
    /// Whether the file has to be rewritten to remove the access of others.
    fn are_too_many(self, folder: &WorkFolder, name: &OsStr, metadata: &fs::Metadata) -> bool {
        let is_closed = || folder.run(|at| is_closed(&at.join(name), metadata)).unwrap_or(true);
        self == Self::OwnerAlone && !is_closed()
    }
}

/// The result of [`update`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpdateOutcome {
    /// Whether the file was changed.
    pub changed: bool,
    /// Folders that were made for the file, outermost first.
    pub folders: Vec<PathBuf>,
}

/// Edits a configuration file in place.
///
/// `edit` gets the file's text (`None` if there is no file) and returns what should be there. It is called under the lock. If another program
/// writes before or after us, it is called again, until it returns [`EditOutcome::Unchanged`] or its text is in place as written. A symlink is
/// followed. Mode and owner are kept; a new file has mode 0600. If the process is killed, the file is either as it was or as it should be.
///
/// The lock is in the state folder, where no other user can hold it. One lock serves all files, because edits take only a moment.
///
/// With a writer that takes no lock (docker, an editor), the file always parses, and a change that landed before ours is never overwritten. On
/// systems that cannot exchange two files, there is a moment between check and rename in which it could be.
pub fn update(
    path: &Path,
    format: &FileFormat,
    state: Option<&StateFolder>,
    edit: &mut dyn FnMut(Option<&str>) -> Result<EditOutcome>,
) -> Result<UpdateOutcome> {
    update_for(ReaderPolicy::AsBefore, path, format, state, edit)
}

/// Edits a file that then holds a secret: only its owner can read it afterwards (mode 0600 or less), even if the edit changes nothing.
pub fn update_private(
    path: &Path,
    format: &FileFormat,
    state: Option<&StateFolder>,
    edit: &mut dyn FnMut(Option<&str>) -> Result<EditOutcome>,
) -> Result<UpdateOutcome> {
    update_for(ReaderPolicy::OwnerAlone, path, format, state, edit)
}

fn update_for(
    readers: ReaderPolicy,
    path: &Path,
    format: &FileFormat,
    state: Option<&StateFolder>,
    edit: &mut dyn FnMut(Option<&str>) -> Result<EditOutcome>,
) -> Result<UpdateOutcome> {
    let target = real_path(path, format)?;
    let what = || format!("cannot write {}", target.display());
    let failed = |error| explain(&target, &error, format.elsewhere);
    let Some(folder) = target.parent() else {
        return Err(Error::failed(Code::NotWritable, what(), "it has no folder"));
    };
    let mut updated = UpdateOutcome::default();
    if !folder.is_dir() {
        if edit(None)? == EditOutcome::Unchanged {
            return Ok(updated);
        }
        // The path is used as it was named, because only it shows whether others could redirect it.
        let folder = path.parent().unwrap_or(folder);
        updated.folders = make_folders(folder).map_err(failed)?;
    }
    let (folder, name) = WorkFolder::of_file(path).map_err(failed)?;
    let lock = lock(state).map_err(|error| Error::failed(Code::WaitedInVain, what(), error).hint(HANGS))?;
    let mut pending = Vec::new();
    for attempt in 0..ATTEMPTS {
        let old = Snapshot::read(format.encoding, &folder, &name, &target)?;
        let text = old.as_ref().map(Snapshot::text);
        let edited = match edit(text)? {
            EditOutcome::Unchanged => merge_pending(format, text, &pending),
            edited => edited,
        };
        let edited = match (edited, &old) {
            (EditOutcome::Unchanged, Some(old)) if readers.are_too_many(&folder, &name, &old.metadata) => {
                EditOutcome::Text(old.text.clone())
            }
            (edited, _) => edited,
        };
        if edited == EditOutcome::Unchanged {
            return Ok(updated);
        }
        let written = folder.run(|at| write(format, at, &at.join(&name), old.as_ref(), &edited, readers, attempt));
        match written.map_err(failed)? {
            PlaceOutcome::Done => updated.changed = true,
            PlaceOutcome::Settled => {
                updated.changed = true;
                // Changes that other programs could have missed while our version was in place are still merged.
                if pending.is_empty() {
                    return Ok(updated);
                }
            }
            PlaceOutcome::Raced => {}
            PlaceOutcome::Exposed { hidden } => pending.extend(hidden),
        }
    }
    drop(lock);
    Err(Error::failed(
        Code::FileBusy,
        what(),
        "another program keeps changing it; its version is kept",
    )
    .hint("try again when it has finished"))
}

/// Adds changes to a file that another program wrote on top of our version, while our version hid those changes for a moment. A file without our
/// edit was not made from it, and needs no change.
fn merge_pending(format: &FileFormat, text: Option<&str>, pending: &[(Vec<u8>, Vec<u8>)]) -> EditOutcome {
    let Some(old) = text else {
        return EditOutcome::Unchanged;
    };
    let merged = pending.iter().fold(old.to_owned(), |text, (base, theirs)| {
        let decoded = |bytes: &[u8]| format.encoding.decode(bytes.to_owned()).ok();
        let merged = decoded(base)
            .zip(decoded(theirs))
            .and_then(|(base, theirs)| (format.merge)(&text, &base, &theirs));
        merged.unwrap_or(text)
    });
    if merged == old {
        EditOutcome::Unchanged
    } else {
        EditOutcome::Text(merged)
    }
}

/// Returns the real file of a path, with symlinks resolved as far as files exist. A link to a missing file is an error, because readers of the file
/// would not find it either.
///
/// # Errors
/// The error of the link, or the system's.
pub fn real_path(path: &Path, format: &FileFormat) -> Result<PathBuf> {
    let what = || format!("cannot resolve {}", path.display());
    match real(path) {
        Ok(real) => Ok(real),
        Err(error) if error.kind() == ErrorKind::NotFound => match fs::read_link(path) {
            Ok(to) => Err(Error::failed(
                Code::NotWritable,
                what(),
                format!("it is a link to {}, which does not exist", to.display()),
            )
            .hint(format!(
                "make that file (its text may be {}), or remove the link",
                format.blank
            ))),
            Err(_) => not_there_yet(path).map_err(|error| Error::failed(Code::NotWritable, what(), error)),
        },
        Err(error) => {
            let hint = read::way_out(&error);
            Err(Error::failed(Code::NotReadable, what(), error).hint(hint))
        }
    }
}

/// Returns the file's text, or `None` if there is no file. It is read with the rights for its folder.
pub fn read_text(path: &Path) -> Result<Option<String>> {
    read_text_in(Encoding::Utf8, path)
}

/// Returns the text of a file of this format, as an edit gets it.
pub fn read_text_of(format: &FileFormat, path: &Path) -> Result<Option<String>> {
    read_text_in(format.encoding, path)
}

fn read_text_in(encoding: Encoding, path: &Path) -> Result<Option<String>> {
    let bytes = read::read_as_owner(path, read::CONFIGURATION_LIMIT);
    found(path, bytes.and_then(|bytes| encoding.decode(bytes)))
}

impl Encoding {
    fn decode(self, bytes: Vec<u8>) -> io::Result<String> {
        match self {
            Self::Utf8 => read::utf8(bytes),
            Self::AnyBytes => Ok(text_of_bytes(&bytes)),
        }
    }

    fn encode(self, text: &str) -> Cow<'_, [u8]> {
        match self {
            Self::Utf8 => text.as_bytes().into(),
            Self::AnyBytes => bytes_of_text(text).into(),
        }
    }
}

/// A configuration file at the time it was read.
struct Snapshot {
    _file: OpenVersion,
    bytes: Vec<u8>,
    text: String,
    metadata: fs::Metadata,
}

impl Snapshot {
    /// Reads the file of this name in the folder. Errors call it `target`.
    fn read(encoding: Encoding, folder: &WorkFolder, name: &OsStr, target: &Path) -> Result<Option<Self>> {
        found(
            target,
            folder.run(|at| Self::from_file(encoding, read::open(&at.join(name))?)),
        )
    }

    fn from_file(encoding: Encoding, file: File) -> io::Result<Self> {
        let bytes = read::contents(&file, read::CONFIGURATION_LIMIT)?;
        let text = encoding.decode(bytes.clone())?;
        let metadata = file.metadata()?;
        Ok(Self {
            _file: file.into(),
            bytes,
            text,
            metadata,
        })
    }

    fn as_old(&self) -> place::OldVersion<'_> {
        place::OldVersion {
            text: &self.bytes,
            metadata: &self.metadata,
        }
    }

    fn text(&self) -> &str {
        &self.text
    }
}

/// Returns what was read of a file, or `None` if there is no file.
fn found<T>(target: &Path, read: io::Result<T>) -> Result<Option<T>> {
    match read {
        Ok(snapshot) => Ok(Some(snapshot)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let hint = read::way_out(&error);
            Err(Error::failed(Code::NotReadable, format!("cannot read {}", target.display()), error).hint(hint))
        }
    }
}

/// Makes one attempt to write the new version over the one that was read.
fn write(
    format: &FileFormat,
    folder: &Path,
    target: &Path,
    old: Option<&Snapshot>,
    edited: &EditOutcome,
    readers: ReaderPolicy,
    attempt: u32,
) -> io::Result<PlaceOutcome> {
    let patient = attempt < PATIENT_ATTEMPTS;
    let (mut new, _alive) = temporary_among_others(&temporary_prefix(target), folder)?;
    let text = match (edited, old) {
        (EditOutcome::Unchanged, _) | (EditOutcome::Remove, None) => return Ok(PlaceOutcome::Done),
        (EditOutcome::Remove, Some(old)) => {
            let placed = place::remove(target, new.into_temp_path(), &old.bytes)?;
            if placed == PlaceOutcome::Done {
                sync_folder(folder)?;
            }
            return Ok(placed);
        }
        (EditOutcome::Text(text), _) => format.encoding.encode(text),
    };
    let like = old.map(|old| (target, &old.metadata));
    set_rights(new.as_file(), new.path(), like, readers == ReaderPolicy::OwnerAlone)?;
    new.as_file_mut().write_all(&text)?;
    let (file, path) = new.into_parts();
    let new = NewVersion::note(file)?;
    if patient {
        new.sync()?;
    }
    let placed = match old {
        None => place::create(path, target)?,
        Some(old) => place::replace(path, target, &old.as_old(), &text)?,
    };
    if placed != PlaceOutcome::Done {
        return Ok(placed);
    }
    if !patient {
        new.sync()?;
    }
    sync_folder(folder)?;
    match new.stands_at(target) {
        true => Ok(PlaceOutcome::Settled),
        false => Ok(PlaceOutcome::Done),
    }
}

/// The hint for a lock that another process holds.
const HANGS: &str =
    "try again; if it happens again, look for an ecr-auth process that hangs, or raise ECR_AUTH_TIMEOUT";

/// Takes the lock of all processes that edit files with this state folder. Without a lock, changes of others are still seen and kept.
fn lock(state: Option<&StateFolder>) -> io::Result<Option<Lock>> {
    state.map_or(Ok(None), |state| state.lock("files.lock"))
}

fn temporary_prefix(target: &Path) -> String {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.ecr-auth-")
}

pub(super) fn explain(target: &Path, error: &io::Error, elsewhere: Mention<'_>) -> Error {
    let what = format!("cannot write {}", target.display());
    match error.kind() {
        _ if is_in_use(error) => Error::failed(Code::NotWritable, what, error)
            .hint("close the program that has it open; if it is read-only, clear that (attrib -r)"),
        ErrorKind::ResourceBusy => Error::failed(
            Code::NotWritable,
            what,
            "it is a mount point, and can only be replaced as a whole",
        )
        .hint(format!(
            "mount its folder instead of the file, or name another with {elsewhere}"
        )),
        ErrorKind::PermissionDenied => Error::failed(Code::NotWritable, what, error).hint("run as the file's owner"),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Error::failed(Code::DiskFull, what, error).hint("make room for it")
        }
        ErrorKind::ReadOnlyFilesystem => {
            Error::failed(Code::NotWritable, what, error).hint(format!("name another, writable place with {elsewhere}"))
        }
        _ => Error::failed(Code::NotWritable, what, error),
    }
}
