//! The faults of a file, and how to cause them.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::stage::{FOREIGNER, Stage, USER};
use super::text::Language;

/// The states, and the list of them.
macro_rules! states {
    ($($state:ident),* $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum State {
            $($state),*
        }

        use State::*;

        pub const ALL: &[State] = &[$($state),*];
    };
}

states!(
    AsItWas,
    Missing,
    Empty,
    Null,
    WrongTypes,
    ByteOrderMark,
    Crlf,
    Duplicates,
    TenMegabytes,
    FourGigabytes,
    DeeplyNested,
    NotUtf8,
    Folder,
    Pipe,
    Link,
    DanglingLink,
    LinkLoop,
    LinkToForeign,
    Foreign,
    ForeignAndClosed,
    ReadOnly,
    Closed,
    ForAll,
    ReadOnlyFolder,
    ForeignFolder,
    ReadOnlyFileSystem,
    FullDisk,
    NoHome,
    ReadOnlyHome,
);

impl State {
    pub fn name(self) -> &'static str {
        match self {
            AsItWas => "as it was",
            Missing => "missing",
            Empty => "empty",
            Null => "null",
            WrongTypes => "wrong types",
            ByteOrderMark => "byte order mark",
            Crlf => "CRLF",
            Duplicates => "duplicate keys",
            TenMegabytes => "10 MB",
            FourGigabytes => "4 GiB",
            DeeplyNested => "deeply nested",
            NotUtf8 => "not UTF-8",
            Folder => "a folder",
            Pipe => "a pipe",
            Link => "a link",
            DanglingLink => "a link that leads nowhere",
            LinkLoop => "a loop of links",
            LinkToForeign => "a link to another user's file",
            Foreign => "another user's",
            ForeignAndClosed => "another user's, closed",
            ReadOnly => "read-only",
            Closed => "closed even to its owner",
            ForAll => "anybody may write it",
            ReadOnlyFolder => "in a read-only folder",
            ForeignFolder => "in another user's folder",
            ReadOnlyFileSystem => "on a read-only file system",
            FullDisk => "on a full disk",
            NoHome => "HOME not set",
            ReadOnlyHome => "an empty home that is read-only",
        }
    }

    /// Returns the size of the home's file system, for mount.
    pub fn disk(self) -> &'static str {
        if self == FullDisk { "2m" } else { "100m" }
    }

    /// Brings a file below the stage's home into this state or, if there is no language, a folder.
    pub fn make(self, stage: &mut Stage, below: &str, language: Option<Language>) {
        let path = stage.seen(below);
        let folder = path.parent().unwrap().to_owned();
        let is_there = path.symlink_metadata().is_ok();
        match self {
            AsItWas => {}
            Missing if is_there => remove(&path),
            Missing => {}
            Folder if language.is_none() => {
                remove(&path);
                stage.write(below, b"");
            }
            Folder => {
                remove(&path);
                fs::create_dir(&path).unwrap();
                own(&path, USER);
            }
            Pipe => {
                remove(&path);
                mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
                own(&path, USER);
            }
            Link | LinkToForeign => {
                let real = stage.seen("real");
                fs::rename(&path, &real).unwrap();
                symlink(stage.home().join("real"), &path).unwrap();
                if self == LinkToForeign {
                    own(&real, FOREIGNER);
                    mode(&real, if language.is_none() { 0o755 } else { 0o644 });
                }
            }
            DanglingLink => point(&path, Path::new("nowhere")),
            LinkLoop => point(&path, &PathBuf::from(path.file_name().unwrap())),
            Foreign => {
                own(&path, FOREIGNER);
                mode(&path, if language.is_none() { 0o755 } else { 0o644 });
            }
            ForeignAndClosed => {
                own(&path, FOREIGNER);
                mode(&path, if language.is_none() { 0o700 } else { 0o600 });
            }
            ReadOnly => mode(&path, if language.is_none() { 0o500 } else { 0o400 }),
            Closed => mode(&path, 0o000),
            ForAll => mode(&path, if language.is_none() { 0o777 } else { 0o666 }),
            ReadOnlyFolder => mode(&folder, 0o555),
            ForeignFolder => {
                own(&folder, FOREIGNER);
                mode(&folder, 0o755);
            }
            ReadOnlyFileSystem => stage.make_read_only(),
            FullDisk => stage.fill_disk(),
            NoHome => stage.set("HOME", ""),
            ReadOnlyHome => {
                for entry in fs::read_dir(stage.seen("")).unwrap() {
                    remove(&entry.unwrap().path());
                }
                mode(&stage.seen(""), 0o555);
            }
            FourGigabytes => File::create(&path).unwrap().set_len(4 << 30).unwrap(),
            Empty | Null | WrongTypes | ByteOrderMark | Crlf | Duplicates | TenMegabytes | DeeplyNested | NotUtf8 => {
                let good = fs::read_to_string(&path).unwrap();
                stage.write(below, &language.unwrap().spoilt(self, &good));
            }
        }
    }

    /// Whether a folder can have this fault.
    pub fn is_of_folders(self) -> bool {
        !matches!(
            self,
            Empty
                | Null
                | WrongTypes
                | ByteOrderMark
                | Crlf
                | Duplicates
                | TenMegabytes
                | FourGigabytes
                | DeeplyNested
                | NotUtf8
        )
    }
}

fn remove(path: &Path) {
    match path.is_dir() && !path.is_symlink() {
        true => fs::remove_dir_all(path).unwrap(),
        false => fs::remove_file(path).unwrap(),
    }
}

fn point(path: &Path, to: &Path) {
    remove(path);
    symlink(to, path).unwrap();
}

fn own(path: &Path, user: u32) {
    chown(path, Some(user), Some(user)).unwrap();
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}
