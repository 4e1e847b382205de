//! A long `ecr-auth.yml` is parsed as a whole once. From then on, a question about one server parses the rules for that server alone.
//!
//! What is kept is the very text that was found right, and nothing that was made of it: every answer comes from the file as it is now.

use std::path::Path;

use super::rule_lines::RuleLines;
use super::server::Server;
use super::{Config, yaml};
use diagnostics::Result;
use settings::CognitoSettings;

/// Where texts that were found right are kept. Nobody but this user may be able to keep one there.
pub trait CheckedTexts {
    /// Whether this is, byte for byte, the text that was kept last for a file.
    fn holds(&self, file: &Path, text: &str) -> bool;

    /// Keeps the text of a file, in the place of the one before. That it can't be kept is no error.
    fn keep(&self, file: &Path, text: &str);
}

/// Reads the text of an `ecr-auth.yml` for the question about one server.
pub(super) fn parse_for(
    server: &Server,
    text: &str,
    path: &Path,
    setup: Option<&CognitoSettings>,
    checked: &dyn CheckedTexts,
) -> Result<Config> {
    if !RuleLines::are_worth_it(text) {
        return yaml::parse(text, path, setup);
    }
    if checked.holds(path, text) {
        let only = RuleLines::find(text).only(server);
        // What is wrong is told by the whole parse.
        if let Ok(config) = yaml::parse(&only, path, setup) {
            return Ok(config);
        }
    }
    let config = yaml::parse(text, path, setup)?;
    if can_be_split(text, path, setup, &config) {
        checked.keep(path, text);
    }
    Ok(config)
}

/// Whether each rule of a text says by itself what it says in the whole. A rule that signs in as `setup.json` says depends on another file.
fn can_be_split(text: &str, path: &Path, setup: Option<&CognitoSettings>, config: &Config) -> bool {
    let lines = RuleLines::find(text);
    if config.people_need_setups_sign_in() || !lines.are_all_of(&config.rules) {
        return false;
    }
    let first = yaml::parse(&lines.only(&Server::parse("")), path, setup);
    first.is_ok_and(|first| {
        let rest = Config {
            rules: first.rules.clone(),
            ..config.clone()
        };
        first.rules[..] == config.rules[..1] && first == rest
    })
}
