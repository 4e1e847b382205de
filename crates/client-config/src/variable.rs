//! `DOCKER_AUTH_CONFIG`, which docker reads more strictly than its file: `parseEnvConfig` of docker/cli.

use super::auths::AuthsEditor;
use super::credential::StoredPassword;
use super::json::{Malformed, Object};
use super::members::{NULL, or_empty};
use context::{Env, variables};

/// Returns the password for a registry, by its exact name.
///
/// # Errors
/// Docker ignores the whole variable for this reason.
pub(super) fn password(host: &str, text: &str) -> Result<Option<StoredPassword>, Malformed> {
    if text.trim_start().starts_with(['"', '\'']) {
        return Err(Malformed::at(text, 0, "quotes that belong to the value"));
    }
    let top = Object::first(or_empty(text))?;
    if !top.text[top.span.end..].trim_start().starts_with(['}', ']']) {
        top.nothing_after()?;
    }
    only(&top, "auths")?;
    for member in &top.members {
        for_each_entry(&top, member.value_span.clone())?;
    }
    let auths = AuthsEditor::read(text)?;
    let found = auths.credential(host)?;
    Ok(found.map(|found| StoredPassword::from_secret(&found.secret)))
}

/// Returns the registries that the variable names.
pub(super) fn keys(env: &Env) -> Vec<String> {
    let text = env.get(variables::DOCKER_AUTH_CONFIG);
    let auths = text.and_then(|text| AuthsEditor::read(text).ok());
    auths.map_or_else(Vec::new, |auths| auths.keys().map(str::to_owned).collect())
}

fn for_each_entry(top: &Object<'_>, place: std::ops::Range<usize>) -> Result<(), Malformed> {
    if &top.text[place.clone()] == NULL {
        return Ok(());
    }
    let auths = Object::at(top.text, place, "auths that is not an object")?;
    for member in &auths.members {
        let entry = Object::at(
            top.text,
            member.value_span.clone(),
            "an entry of auths that is not an object",
        )?;
        only(&entry, "auth")?;
    }
    let all = AuthsEditor::from_object(top)?;
    for member in &auths.members {
        if let Some((_, fault)) = all.auth_fault(member)? {
            return Err(fault);
        }
        if all.credential(&member.key)?.is_none() {
            return Err(Malformed::at(
                top.text,
                member.key_span.start,
                "an entry of auths without an auth",
            ));
        }
    }
    Ok(())
}

/// Refuses members of any other name, because docker does not know them here.
fn only(object: &Object<'_>, name: &str) -> Result<(), Malformed> {
    let mut members = object.members.iter();
    match members.find(|member| !member.key.eq_ignore_ascii_case(name)) {
        Some(other) => {
            let what = format!("something beside {name}");
            Err(Malformed::at(object.text, other.key_span.start, &what))
        }
        None => Ok(()),
    }
}
