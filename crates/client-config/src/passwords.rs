//! The password that a client finds in `auths` of a file, and what docker warns about there.

use std::collections::BTreeMap;

use super::auths::{AuthsEditor, converted};
use super::client::{ConfigFormat, Kind};
use super::credential::{AuthFault, StoredPassword};
use super::files::ConfigLocation;
use super::json::{Malformed, Member};
use super::member_types::DockerView;

/// What docker warns about in a file that it uses all the same: `Error parsing config file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileWarning {
    /// The place of the fault.
    pub cause: Malformed,
    /// The file.
    pub place: ConfigLocation,
    /// Whether it costs the password of the registry. Helpers are called in any case.
    pub loss: PasswordLoss,
}

/// Whether docker uses the password of a registry's `auth`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordLoss {
    /// There is none, or it is used.
    No,
    /// Docker decodes entries in a random order, up to the first that it cannot decode.
    ByChance,
    /// The password is not used.
    Yes,
}

/// A fault in docker's file, and what it costs.
pub(super) type Fault = (Malformed, PasswordLoss);

/// Returns the entry of a registry, as clients find it: by its exact name, else by a key with the same host (docker's `ConvertToHostname`).
fn own_entry<'m>(host: &str, entries: &BTreeMap<&str, &'m Member>) -> Option<&'m Member> {
    let same_host = || {
        entries
            .iter()
            .find(|(key, _)| converted(key) == host)
            .map(|(_, member)| member)
    };
    entries.get(host).or_else(same_host).copied()
}

/// Returns the password for a registry in `auths`, as other clients than docker read them.
///
/// # Errors
/// The client fails at this file. With a helper for the registry, it does not decode the password.
pub(super) fn password(
    kind: Kind,
    host: &str,
    text: &str,
    has_helper: bool,
) -> Result<Option<StoredPassword>, Malformed> {
    let auths = AuthsEditor::read(text)?;
    // Such a client refuses the file for any entry of the wrong type.
    auths.credentials()?;
    let entries = auths.entries();
    let Some(own) = own_entry(host, &entries) else {
        return Ok(None);
    };
    if kind.descriptor().format == ConfigFormat::Containers {
        match auths.auth_fault(own)? {
            Some((AuthFault::NotBase64, malformed)) if !has_helper => return Err(malformed),
            Some(_) => return Ok(None),
            None => {}
        }
    }
    let entry = auths.entry(&own.key)?.unwrap_or_default();
    let is_read = match kind.descriptor().format {
        ConfigFormat::Docker => true,
        ConfigFormat::Containers => entry.auth.is_some() || entry.has_token,
    };
    let found = auths.credential_at(own)?.filter(|_| is_read);
    Ok(found.map(|found| StoredPassword::from_secret(&found.secret)))
}

/// Returns the password for a registry in `auths` of docker's file, and what docker warns about there.
pub(super) fn docker_password(
    host: &str,
    view: &DockerView<'_>,
) -> Result<(Option<StoredPassword>, Option<Fault>), Malformed> {
    let auths = AuthsEditor::read(&view.text)?;
    let entries = auths.entries();
    let own = own_entry(host, &entries);
    let mut faults = Vec::new();
    for member in entries.values() {
        faults.extend(auths.auth_fault(member)?.map(|(_, cause)| (*member, cause)));
    }
    let of_own = faults
        .iter()
        .find(|(member, _)| own.is_some_and(|own| std::ptr::eq(own, *member)));
    let fault = match (&view.fault, of_own, faults.first()) {
        (Some(cause), ..) | (None, Some((_, cause)), _) => Some((cause.clone(), PasswordLoss::Yes)),
        (None, None, Some((_, cause))) => Some((cause.clone(), PasswordLoss::ByChance)),
        (None, None, None) => None,
    };
    let has_auth = own.map_or(Ok(false), |own| auths.is_decoded(own))?;
    let fault = fault.map(|(cause, loss)| (cause, if has_auth { loss } else { PasswordLoss::No }));
    let is_lost = fault.as_ref().is_some_and(|(_, loss)| *loss == PasswordLoss::Yes);
    let found = match own {
        Some(member) if is_lost => auths.undecoded_at(member)?,
        Some(member) => auths.credential_at(member)?,
        None => None,
    };
    Ok((found.map(|found| StoredPassword::from_secret(&found.secret)), fault))
}
