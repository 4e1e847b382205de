//! The files that pass values to later steps of a job on GitHub. Parsing a file like the runner must give the written
//! values.

use std::fs;

use ci::github::{self, CommandFile};
use context::Env;
use secret::Secret;

use super::inputs::{in_folder, is_fit_to_read, parts, text};

/// The input: the file's previous text, a name, a value, another name, another value.
pub fn github_files(input: &[u8]) {
    let Some(input) = text(input) else { return };
    let [before, name, value, other, last] = parts(input);
    let Some(mut expected) = as_the_runner_reads(before) else {
        return;
    };
    let path = in_folder(|folder| folder.join("github"));
    fs::write(&path, before).expect("a file in our folder");
    let env: Env = [("GITHUB_ENV", path.to_str().expect("a path of text"))]
        .into_iter()
        .collect();
    let mut values = vec![(name, Secret::new(value))];
    if !other.is_empty() {
        values.push((other, Secret::new(last)));
    }
    let written = github::write(&env, CommandFile::Env, &values);
    let after = fs::read_to_string(&path).expect("text");
    match written {
        Err(error) => {
            is_fit_to_read(&error);
            assert_eq!(after, before);
        }
        Ok(()) => {
            expected.extend(
                values
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), value.expose().to_owned())),
            );
            assert_eq!(as_the_runner_reads(&after), Some(expected), "{after:?}");
        }
    }
}

/// Parses a file like FileCommandManager.cs of github.com/actions/runner, step by step. `None` if that throws.
fn as_the_runner_reads(text: &str) -> Option<Vec<(String, String)>> {
    // File.ReadAllText removes a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut index, mut values) = (0, Vec::new());
    while let Some((line, _)) = read_line(text, &mut index) {
        if line.is_empty() {
            continue;
        }
        let (equals, heredoc) = (line.find('='), line.find("<<"));
        match (equals, heredoc) {
            (equals, Some(heredoc)) if equals.is_none_or(|equals| heredoc < equals) => {
                let (name, delimiter) = (&line[..heredoc], &line[heredoc + 2..]);
                if name.is_empty() || delimiter.is_empty() {
                    return None;
                }
                let (start, mut end) = (index, index);
                let mut next = read_line(text, &mut index);
                loop {
                    match next {
                        Some((line, _)) if line == delimiter => break,
                        Some((_, true)) => end = index - 1,
                        _ => return None,
                    }
                    next = read_line(text, &mut index);
                }
                values.push((name.to_owned(), text[start..end].to_owned()));
            }
            (Some(equals), _) if equals > 0 => values.push((line[..equals].to_owned(), line[equals + 1..].to_owned())),
            _ => return None,
        }
    }
    Some(values)
}

/// Returns the next line without its end, and whether it has one.
fn read_line<'a>(text: &'a str, index: &mut usize) -> Option<(&'a str, bool)> {
    let rest = text.get(*index..).filter(|rest| !rest.is_empty())?;
    match rest.find('\n') {
        Some(at) => {
            *index += at + 1;
            Some((&rest[..at], true))
        }
        None => {
            *index = text.len();
            Some((rest, false))
        }
    }
}
