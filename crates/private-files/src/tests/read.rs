//! Tests which files are read and which are refused. Reading a file never blocks.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use crate::{open_to_append, read, read_secret, read_utf8};

fn refusal(path: &Path) -> String {
    read(path, 100).unwrap_err().to_string()
}

#[test]
fn reads_at_most_the_limit() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    for (size, is_read) in [(0, true), (1024, true), (1025, false), (9999, false)] {
        fs::write(&file, "x".repeat(size)).unwrap();
        match read(&file, 1024) {
            Ok(bytes) => assert_eq!((bytes.len(), true), (size, is_read)),
            Err(error) => {
                assert!(!is_read);
                assert_eq!(
                    (error.kind(), error.to_string().as_str()),
                    (ErrorKind::FileTooLarge, "it is larger than 1 KiB")
                );
            }
        }
    }
}

#[test]
fn other_than_regular_files_are_refused_at_once() {
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    assert_eq!(refusal(&pipe), "it is not a regular file");
    assert_eq!(refusal(Path::new("/dev/zero")), "it is not a regular file");
    assert_eq!(refusal(folder.path()), "it is a folder");
    assert_eq!(
        open_to_append(&pipe).unwrap_err().to_string(),
        "it is not a regular file"
    );
    std::os::unix::fs::symlink("pipe", folder.path().join("link")).unwrap();
    assert_eq!(refusal(&folder.path().join("link")), "it is not a regular file");
}

#[test]
fn a_file_that_is_not_text_is_not_quoted() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"s3cret\xff").unwrap();
    assert_eq!(read_utf8(&file, 100).unwrap_err().to_string(), "it is not UTF-8 text");
    assert_eq!(read_secret(&file, 100).unwrap_err().to_string(), "it is not UTF-8 text");
    fs::write(&file, "s3cret").unwrap();
    assert_eq!(read_secret(&file, 100).unwrap().expose(), "s3cret");
}
