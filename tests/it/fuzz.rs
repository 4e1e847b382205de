//! Runs each fuzz target for a short time: every input of its corpus, and random changes of them, the same ones each time. `make fuzz` runs them
//! longer, and lets libFuzzer look for new paths.

use std::env;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::time::{Duration, Instant};

use fastrand::Rng;
use rstest::rstest;

#[path = "../../fuzz/src/lib.rs"]
mod targets;

/// The most changed inputs of a target, within a time limit: a busy machine tries fewer. `FUZZ_SECONDS` sets a longer time without this limit.
const MOST: usize = 20_000;
const TIME: Duration = Duration::from_secs(2);
/// libFuzzer's usual limit, in bytes.
const LONGEST: usize = 4096;

/// Words of the formats.
const WORDS: [&str; 32] = [
    "\n%%\n", "\"", "'", "\\", "\\u0000", "\\ud800", "{}", "[]", "null", "{", "}", "[", "]", ":", ",", "=", "<<", "#",
    ";", "*", "&a", "- ", "  ", "\t", "\r\n", "\u{feff}", "\u{a0}", "\u{7f}", "%0A", "@", "-1", "1e999",
];

#[rstest]
fn a_little_of_each(
    #[values(
        "answers",
        "auths",
        "cognito",
        "container",
        "docker_config",
        "github_files",
        "helper",
        "hosts",
        "imds",
        "jwt",
        "kubelet",
        "proxies",
        "quoting",
        "rules",
        "setup_json",
        "shared_files",
        "vendor"
    )]
    name: &str,
) {
    try_target(name);
}

#[test]
fn every_target_has_a_corpus_and_a_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    for (name, _) in targets::TARGETS {
        assert!(corpus(name).len() >= 3, "{name}");
        let program = fs::read_to_string(folder.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(program.contains(&format!("run(\"{name}\", input)")), "{name}");
        assert!(
            manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")),
            "{name}"
        );
    }
}

/// Sorted, so that the changes are the same everywhere.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

fn try_target(name: &str) {
    let corpus = corpus(name);
    for input in &corpus {
        try_one(name, input);
    }
    let longer = env::var("FUZZ_SECONDS")
        .ok()
        .map(|seconds| Duration::from_secs(seconds.parse().unwrap()));
    let (began, mut random, mut tried) = (Instant::now(), Rng::with_seed(name.len() as u64), 0);
    while began.elapsed() < longer.unwrap_or(TIME) && (longer.is_some() || tried < MOST) {
        try_one(name, &changed(&corpus, &mut random));
        tried += 1;
    }
    assert!(tried > 0);
}

/// An input that breaks a promise is shown as a byte string that can be copied into a file of the corpus.
fn try_one(name: &str, input: &[u8]) {
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| targets::run(name, input)));
    assert!(
        outcome.is_ok(),
        "the target {name} breaks with b\"{}\"",
        input.escape_ascii()
    );
}

/// An input of the corpus, changed one to eight times.
fn changed(corpus: &[Vec<u8>], random: &mut Rng) -> Vec<u8> {
    let mut input = random.choice(corpus).unwrap().clone();
    for _ in 0..random.usize(1..=8) {
        change(&mut input, random.choice(corpus).unwrap(), random);
    }
    input.truncate(LONGEST);
    input
}

fn change(input: &mut Vec<u8>, other: &[u8], random: &mut Rng) {
    let at = random.usize(..=input.len());
    let end = random.usize(at..=input.len().min(at + 32));
    match random.u8(..8) {
        0 => drop(input.drain(at..end)),
        1 => {
            let piece = input[at..end].to_vec();
            let to = random.usize(..=input.len());
            input.splice(to..to, piece);
        }
        2 | 3 => drop(input.splice(at..end, random.choice(WORDS).unwrap().bytes())),
        4 => drop(input.splice(at..at, random.choice(WORDS).unwrap().bytes())),
        5 => {
            let from = random.usize(..=other.len());
            let to = random.usize(from..=other.len());
            input.splice(at..end, other[from..to].iter().copied());
        }
        6 => input.insert(at, random.u8(..)),
        _ => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.u8(..8);
            }
        }
    }
}
