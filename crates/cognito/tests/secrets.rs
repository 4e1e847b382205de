//! Checks that no code of this crate copies a secret into a plain `String`, whose memory would not be wiped.

use std::path::Path;
use std::{fs, io};

/// Calls that make a plain copy of an exposed secret.
const COPIES: [&str; 4] = [".to_owned()", ".to_string()", ".into()", ".chars()"];

fn files(folder: &Path, found: &mut Vec<(String, String)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        match path.is_dir() {
            true => files(&path, found)?,
            false => found.push((path.display().to_string(), fs::read_to_string(&path)?)),
        }
    }
    Ok(())
}

#[test]
fn no_secret_becomes_a_plain_string() {
    let mut all = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all).unwrap();
    for (path, text) in all.iter().filter(|(path, _)| !path.ends_with("tests.rs")) {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let exposed = code.split("expose()").skip(1);
        let copied = exposed.filter(|rest| COPIES.iter().any(|copy| rest.trim_start().starts_with(copy)));
        assert_eq!(
            copied.count(),
            0,
            "{path}: an exposed secret is copied into a plain text"
        );
    }
}
