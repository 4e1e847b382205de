//! A long `ecr-auth.yml` is parsed as a whole once. After that, a question about one server only parses the rules for that server.
//!
//! Only the text that was found valid is kept, and nothing made from it, so every answer comes from the current file.

use std::path::Path;

use super::rule_lines::RuleLines;
use super::server::Server;
use super::{Config, yaml};
use diagnostics::Result;
use settings::CognitoSettings;

/// Keeps texts that were found valid. Only this user may be able to keep one there.
pub trait CheckedTexts {
    /// Whether exactly this text was the last one kept for a file.
    fn holds(&self, file: &Path, text: &str) -> bool;

    /// Keeps the text of a file, replacing an earlier one. Failures are ignored.
    fn keep(&self, file: &Path, text: &str);
}

/// Parses the text of an `ecr-auth.yml` for a question about one server.
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
        // The whole parse reports errors.
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

/// Whether each rule of a text means the same alone as in the whole. A rule that uses the sign-in of `setup.json` depends on another file.
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
