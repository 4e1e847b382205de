//! Typing mistakes in a configuration: keys that look like settings, but that no client reads.

use super::auths::{AuthsEditor, converted};
use super::edit::HelperSettings;
use super::files::ConfigLocation;
use super::json::Object;
use super::members::or_empty;
use ecr_registry::server_name;

/// The settings that decide which credentials a client uses.
const SETTINGS: [&str; 3] = ["credHelpers", "credsStore", "auths"];

/// The default port of a registry.
const PORT: &str = ":443";

/// A typing mistake that concerns a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    /// The key as the file has it.
    pub key: String,
    /// The mistake in the key.
    pub slip: Slip,
    /// The file or variable that has the key.
    pub place: ConfigLocation,
}

/// The kind of mistake in a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slip {
    /// The key means the registry. It is in this setting, whose keys clients compare as a whole.
    Registry(&'static str),
    /// The key is not a setting, but may mean this one.
    Setting(&'static str),
    /// The key is this setting, and stands inside `auths`, where clients take it for a registry.
    InsideAuths(&'static str),
}

/// Returns the mistakes in a configuration, those about the registry first.
pub(super) fn near(host: &str, settings: &HelperSettings, text: &str, place: &ConfigLocation) -> Vec<NearMiss> {
    let miss = |key: &str, slip| NearMiss {
        key: key.to_owned(),
        slip,
        place: place.clone(),
    };
    let is_meant = |key: &&str| *key != host && means(key, host);
    let helpers = settings.helpers.keys().map(String::as_str).filter(is_meant);
    let helpers = helpers.map(|key| miss(key, Slip::Registry("credHelpers")));
    let auths = AuthsEditor::read(text).ok();
    let keys_of_auths = || auths.iter().flat_map(AuthsEditor::keys);
    let keys = keys_of_auths().filter(is_meant);
    // Docker compares whole keys in the variable, but hosts in its file.
    let never = keys.filter(|key| *place == ConfigLocation::Variable || converted(key) != host);
    let auths = never.map(|key| miss(key, Slip::Registry("auths")));
    let inside = keys_of_auths().filter_map(|key| Some(miss(key, Slip::InsideAuths(setting_named(key)?))));
    let top = Object::first(or_empty(text)).ok();
    let members = top.iter().flat_map(|top| &top.members);
    let others = members.filter_map(|member| Some(miss(&member.key, Slip::Setting(setting_meant(&member.key)?))));
    helpers.chain(auths).chain(inside).chain(others).collect()
}

fn means(key: &str, host: &str) -> bool {
    server_name(key).is_some_and(|name| name.strip_suffix(PORT).unwrap_or(&name) == host)
}

/// Returns the setting of this name. Clients ignore its case.
fn setting_named(name: &str) -> Option<&'static str> {
    SETTINGS.into_iter().find(|setting| setting.eq_ignore_ascii_case(name))
}

/// Returns the setting that a name probably means, such as `credentialHelpers` or `creds-store`: one letter in five may be wrong.
fn setting_meant(name: &str) -> Option<&'static str> {
    if setting_named(name).is_some() {
        return None;
    }
    let name = name.replace(['-', '_'], "").to_ascii_lowercase();
    let name = match name.strip_prefix("credential") {
        Some(rest) => format!("cred{rest}"),
        None => name,
    };
    let is_near = |setting: &&str| strsim::osa_distance(&setting.to_ascii_lowercase(), &name) <= setting.len() / 5;
    SETTINGS.into_iter().find(is_near)
}
