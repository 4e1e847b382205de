//! Long paths of Windows: in the usual form, and in the one with `\\?\`, which Windows' calls take at any length.

use std::io;
use std::path::{Path, PathBuf};

/// The length from which Windows' calls want a path with `\\?\`, which turns off what else they do to paths. It is that of folders, the smaller one.
const LONG: usize = 248;

/// The start of paths on servers that may be long.
const LONG_UNC: &str = r"\\?\UNC\";

/// Returns a path on a server in the usual form, if that means the same. `dunce` does that for drives alone.
pub(super) fn in_usual_form(path: PathBuf) -> PathBuf {
    let is_changed = |part: &str| part.ends_with(['.', ' ']);
    match path.to_str().and_then(|path| path.strip_prefix(LONG_UNC)) {
        Some(rest) if rest.len() < LONG && !rest.split('\\').any(is_changed) => format!(r"\\{rest}").into(),
        _ => path,
    }
}

/// Returns a path in the form that Windows' calls take at any length, if it is long. The standard library does that for its own calls.
pub(super) fn at_any_length(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    Ok(match path.to_str() {
        Some(text) if text.len() >= LONG && !text.starts_with(r"\\?\") => match text.strip_prefix(r"\\") {
            Some(rest) => format!("{LONG_UNC}{rest}").into(),
            None => format!(r"\\?\{text}").into(),
        },
        _ => path,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_on_servers_have_no_prefix() {
        for (found, usual) in [
            (r"\\?\UNC\server\share\me\a b", r"\\server\share\me\a b"),
            (r"\\?\UNC\server\share\dot.\me", r"\\?\UNC\server\share\dot.\me"),
            (r"\\?\C:\me", r"\\?\C:\me"),
            (r"C:\me", r"C:\me"),
        ] {
            assert_eq!(in_usual_form(found.into()), Path::new(usual));
        }
        let long = format!(r"\\?\UNC\server\share\{}", "x".repeat(LONG));
        assert_eq!(in_usual_form(long.clone().into()), Path::new(&long));
    }

    #[test]
    fn long_paths_have_the_prefix() {
        let long = "x".repeat(LONG);
        for (path, taken) in [
            (r"C:\me".to_owned(), r"C:\me".to_owned()),
            (format!(r"C:\me\..\{long}"), format!(r"\\?\C:\{long}")),
            (
                format!(r"\\server\share\{long}"),
                format!(r"\\?\UNC\server\share\{long}"),
            ),
            (format!(r"\\?\C:\{long}"), format!(r"\\?\C:\{long}")),
        ] {
            assert_eq!(at_any_length(path.as_ref()).unwrap(), Path::new(&taken));
        }
    }
}
