//! Merges another program's change into a version that was written without it.

use std::collections::HashMap;

use super::edit::Malformed;
use super::json::{Member, Object};
use super::members::{MemberChanges, ObjectLayout};

/// Returns the text with the changes from `base` to `theirs`, member by member. A member that the text itself has changed since `base` is kept. No
/// other byte changes.
pub(super) fn three_way(text: &str, base: &str, theirs: &str) -> Result<String, Malformed> {
    let (current, base, theirs) = (Object::first(text)?, Object::first(base)?, Object::first(theirs)?);
    let style = ObjectLayout::of_object(&current).unwrap_or_else(|| ObjectLayout::docker(text));
    let Some(merged) = merge(&current, &base, &theirs, &style) else {
        return Ok(text.to_owned());
    };
    Ok([&text[..current.span.start], &merged, &text[current.span.end..]].concat())
}

/// Returns the object with their changes, or `None` if there are none.
fn merge(current: &Object<'_>, base: &Object<'_>, theirs: &Object<'_>, style: &ObjectLayout) -> Option<String> {
    let (places, before, after) = (by_key(current), by_key(base), by_key(theirs));
    let mut changes = MemberChanges::default();
    for (key, member) in &after {
        let new = theirs.value(member.1);
        let old = before.get(key).map(|member| base.value(member.1));
        let place = places.get(key).map(|member| member.0);
        let now = places.get(key).map(|member| current.value(member.1));
        if now == Some(new) {
            continue;
        }
        if now == old {
            changes.put(place, key, Some(new.to_owned()));
        } else if let (Some(old), Some(now)) = (before.get(key), places.get(key))
            && let (Ok(now), Ok(old), Ok(new)) = (nested(current, now.1), nested(base, old.1), nested(theirs, member.1))
            && let Some(merged) = merge(
                &now,
                &old,
                &new,
                &ObjectLayout::of_object(&now).unwrap_or_else(|| style.nested()),
            )
        {
            changes.put(place, key, Some(merged));
        }
    }
    for (key, member) in &before {
        let removed = !after.contains_key(key);
        if let (true, Some(now)) = (removed, places.get(key))
            && current.value(now.1) == base.value(member.1)
        {
            changes.put(Some(now.0), key, None);
        }
    }
    (!changes.is_empty()).then(|| changes.rewrite(current, style))
}

fn nested<'a>(object: &Object<'a>, member: &Member) -> Result<Object<'a>, Malformed> {
    Object::at(object.text, member.value_span.clone(), "not an object")
}

fn by_key<'a>(object: &'a Object<'_>) -> HashMap<&'a str, (usize, &'a Member)> {
    let members = object.members.iter().enumerate();
    members
        .map(|(index, member)| (member.key.as_str(), (index, member)))
        .collect()
}
