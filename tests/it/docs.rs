//! The command lines and configuration files of the pages: the real command line's definition takes each, and the real parser.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use configuration::Config;
use regex_lite::Regex;

/// A fenced block of a page.
struct Block {
    language: String,
    text: String,
}

#[test]
fn every_command_line_of_a_block_is_taken() {
    let mut count = 0;
    for (page, text) in pages() {
        for block in blocks(&text).iter().filter(|block| block.language != "text") {
            for line in command_lines(&block.text) {
                count += 1;
                if let Err(error) = parse(&line) {
                    panic!("{page}: {line:?}: {error}");
                }
            }
        }
    }
    assert!(count > 20, "{count} command lines were found: see command_lines");
}

/// In running text there are placeholders and pieces: what is wrong there is a command or a flag that doesn't exist.
#[test]
fn every_flag_in_the_text_exists() {
    let span = Regex::new("`(ecr-auth [a-z-][^`]*)`").unwrap();
    let mut count = 0;
    for (page, text) in pages() {
        // `ecr-auth output::tests::…` names a unit test of this crate.
        let is_command = |found: &regex_lite::Captures<'_>| !found[1].contains("::tests::");
        for found in span.captures_iter(&without_blocks(&text)).filter(is_command) {
            let line = found[1].replace(['[', ']', '…'], "");
            for line in command_lines(&line) {
                count += 1;
                let unknown = [ErrorKind::UnknownArgument, ErrorKind::InvalidSubcommand];
                if let Err(error) = parse(&line).map_err(|error| error.kind()) {
                    assert!(!unknown.contains(&error), "{page}: {line:?}: {error:?}");
                }
            }
        }
    }
    assert!(count > 30, "{count} command lines were found: see command_lines");
}

#[test]
fn every_configuration_file_is_right() {
    let mut count = 0;
    for (page, text) in pages() {
        for block in blocks(&text).iter().filter(|block| block.language == "yaml") {
            let ours = Regex::new(r"(?m)^(registries|defaults|cognito):").unwrap();
            // Dependabot's file has registries, too.
            if ours.is_match(&block.text) && !block.text.contains("\nupdates:") {
                count += 1;
                if let Err(error) = Config::parse(&block.text, Path::new(&page)) {
                    panic!("{page}: {error}\n{}", block.text);
                }
            }
        }
    }
    assert!(count > 3, "{count} files were found");
}

#[test]
fn a_flag_that_does_not_exist_is_noticed() {
    let script = "sudo DOCKER_CONFIG=x /opt/ecr-auth setup --no-such-flag && true\n- run: ecr-auth setup \\\n  --dry-run public | cat\n";
    let lines = command_lines(script);
    assert_eq!(
        lines,
        [vec!["setup", "--no-such-flag"], vec!["setup", "--dry-run", "public"]]
    );
    assert_eq!(parse(&lines[0]).unwrap_err().kind(), ErrorKind::UnknownArgument);
    parse(&lines[1]).unwrap();
    assert_eq!(
        command_lines("eval \"$(ecr-auth assume --format env)\""),
        [["assume", "--format", "env"]]
    );
    assert_eq!(
        command_lines("install -m 755 ecr-auth /usr/local/bin"),
        Vec::<Vec<String>>::new()
    );
}

/// All pages, by their path from the root.
fn pages() -> BTreeMap<String, String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir()
                && !path.is_symlink()
                && !["target", "dist", "node_modules", ".git"].contains(&name.as_str())
            {
                walk(&path, found);
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    walk(root, &mut found);
    let name = |path: &PathBuf| path.strip_prefix(root).unwrap().display().to_string();
    found
        .iter()
        .map(|path| (name(path), fs::read_to_string(path).unwrap()))
        .collect()
}

/// The page's fenced blocks, without their indentation. scripts/docs/blocks.py sees that there are no others.
fn blocks(page: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some((indentation, language)) = line.split_once("```") else {
            continue;
        };
        if !indentation.trim().is_empty() {
            continue;
        }
        let inside = lines.by_ref().take_while(|line| line.trim() != "```");
        let text = inside
            .map(|line| line.strip_prefix(indentation).unwrap_or(line))
            .collect::<Vec<_>>()
            .join("\n");
        found.push(Block {
            language: language.to_owned(),
            text,
        });
    }
    found
}

fn without_blocks(page: &str) -> String {
    let mut inside = false;
    let kept = page.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        inside ^= is_fence;
        !inside && !is_fence
    });
    kept.collect::<Vec<_>>().join("\n")
}

/// The arguments of each call of ecr-auth in a script, a pipeline of a CI, or a list of commands: a program's name is a command's first word, behind
/// variables and `sudo`.
fn command_lines(text: &str) -> Vec<Vec<String>> {
    let prefix = Regex::new(r"^\s*(?:- )?(?:run: |RUN |sh ')?(?:\$ )?").unwrap();
    let substituted = Regex::new(r"\$\((ecr-auth [^)]*)\)").unwrap();
    let mut found = Vec::new();
    for line in logical_lines(text).iter().filter(|line| line.contains("ecr-auth ")) {
        let inside = substituted.captures_iter(line).map(|it| it[1].to_owned());
        for script in std::iter::once(prefix.replace(line, "").into_owned()).chain(inside) {
            let words = shlex::split(&script).unwrap_or_default();
            found.extend(commands(&words));
        }
    }
    found
}

/// The lines as a shell has them: joined by a backslash at the end, and where quotes are open.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut is_open = false;
    for line in text.replace("\\\n", " ").lines() {
        match lines.last_mut().filter(|_| is_open) {
            Some(last) => *last += &format!("\n{line}"),
            None => lines.push(line.to_owned()),
        }
        let last = lines.last().map_or("", String::as_str);
        is_open =
            last.contains('\'') && last.matches('\'').count() % 2 == 1 && shlex::split(last).is_none() && !is_open;
    }
    lines
}

/// The calls of ecr-auth among words.
fn commands(words: &[String]) -> Vec<Vec<String>> {
    let ends = |word: &String| ["|", "||", "&&", ";", "&"].contains(&word.as_str());
    let variable = Regex::new("^[A-Z_]+=").unwrap();
    let calls = words.split(ends).filter_map(|command| {
        let mut command = command
            .iter()
            .skip_while(|word| variable.is_match(word) || *word == "sudo");
        let program = Path::new(command.next()?).file_name()?.to_str()?;
        let arguments = command.take_while(|word| !word.starts_with(['>', '<', '#']));
        (program == "ecr-auth").then(|| arguments.cloned().collect())
    });
    calls.collect()
}

fn parse(arguments: &[String]) -> Result<(), clap::Error> {
    let line = std::iter::once("ecr-auth").chain(arguments.iter().map(String::as_str));
    match ecr_auth::cli::command().try_get_matches_from(line) {
        Err(error) if error.use_stderr() => Err(error),
        _ => Ok(()),
    }
}
