//! The fuzz targets: each is a function from bytes to a panic if a rule is broken. The cargo-fuzz targets call them
//! with libFuzzer's inputs, and `tests/it/fuzz.rs` calls them with the corpora and mutations of these.
//!
//! The parts of an input are separated by lines of `%%`.

mod answers;
mod canned;
mod cognito;
mod docker;
mod github_files;
mod helper;
mod hosts;
mod inputs;
mod jwt;
mod kubelet;
mod metadata;
mod proxies;
mod quoting;
mod rules;
mod setup_json;
mod shared_files;
mod vendor;

/// A fuzz target.
pub type Target = fn(&[u8]);

/// All targets, with the names of their corpora.
pub const TARGETS: [(&str, Target); 17] = [
    ("answers", answers::answers),
    ("auths", docker::auths),
    ("cognito", cognito::cognito),
    ("container", metadata::container),
    ("docker_config", docker::helpers),
    ("github_files", github_files::github_files),
    ("helper", helper::helper),
    ("hosts", hosts::hosts),
    ("imds", metadata::imds),
    ("jwt", jwt::jwt),
    ("kubelet", kubelet::kubelet),
    ("proxies", proxies::proxies),
    ("quoting", quoting::quoting),
    ("rules", rules::rules),
    ("setup_json", setup_json::setup_json),
    ("shared_files", shared_files::shared_files),
    ("vendor", vendor::vendor),
];

/// Runs a target by its name.
pub fn run(name: &str, input: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a target");
    target(input);
}
