//! The passwords that a configuration holds itself: `auths`, by registry host.

use std::collections::BTreeMap;

use super::credential::{StoredCredential, TOKEN_USER, auth_text, decoded};
use super::json::{Malformed, Object};
use super::members::{MemberChanges, ObjectLayout, find, or_empty, places, quoted, string};
use secret::Secret;

/// Members of an entry that clients use instead of its `auth`: docker and podman refresh with an identity token and send a registry
/// token as it is.
const TOKENS: [&str; 2] = ["identitytoken", "registrytoken"];

/// What happens to a host's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthEdit {
    /// It gets this `auth` (base64 of `user:password`), and loses the tokens that would win over it.
    Set(Secret),
    /// It gets this identity token, and loses its `auth`.
    SetToken(Secret),
    /// It goes.
    Remove,
    /// It loses its `auth`.
    Clear {
        /// Whether it stays even if nothing is left in it.
        keep_empty: bool,
    },
}

impl AuthEdit {
    /// The entry that docker writes for a credential.
    pub fn of_credential(credential: &StoredCredential) -> Self {
        match credential.username.as_str() {
            TOKEN_USER => Self::SetToken(credential.secret.clone()),
            username => Self::Set(auth_text(username, &credential.secret)),
        }
    }
}

/// What stands in a host's entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct AuthEntry {
    /// Its `auth`; `None` in the `{}` that docker leaves beside a credential store.
    pub auth: Option<Secret>,
    /// Whether it has a token, which wins over the `auth`.
    pub has_token: bool,
}

/// The `auths` of a configuration. Unlike helpers they are looked at only by who changes them: `setup` works beside broken ones.
pub(super) struct AuthsEditor<'a> {
    at: Option<usize>,
    object: Option<Object<'a>>,
}

impl<'a> AuthsEditor<'a> {
    /// Reads a configuration. A blank text is an empty one, as docker has it.
    pub fn read(text: &'a str) -> Result<Self, Malformed> {
        Self::from_object(&Object::whole(or_empty(text))?)
    }

    pub fn from_object(top: &Object<'a>) -> Result<Self, Malformed> {
        let at = find(top, "auths")?;
        let object = at
            .map(|index| &top.members[index])
            .filter(|member| top.value(member) != "null")
            .map(|member| Object::at(top.text, member.value_span.clone(), "auths that is not an object"))
            .transpose()?;
        if let Some(object) = &object {
            places(object, "auths")?;
        }
        Ok(Self { at, object })
    }

    /// Whether there is an `auths` object, be it empty.
    pub fn is_there(&self) -> bool {
        self.object.is_some()
    }

    /// The host's entry, `None` if there is none.
    pub fn entry(&self, host: &str) -> Result<Option<AuthEntry>, Malformed> {
        let Some(place) = self.place(host) else {
            return Ok(None);
        };
        let Some(object) = self.object_at(place)? else {
            return Ok(Some(AuthEntry::default()));
        };
        let mut entry = AuthEntry {
            auth: auth(&object)?.map(|(_, auth)| auth),
            has_token: false,
        };
        entry.auth = entry.auth.filter(|auth| !auth.expose().is_empty());
        for name in TOKENS {
            if let Some(index) = find(&object, name)? {
                let token = string(object.text, &object.members[index], "a token")?;
                entry.has_token |= token.is_some_and(|token| !token.is_empty());
            }
        }
        Ok(Some(entry))
    }

    /// The keys of all entries.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        let members = self.object.iter().flat_map(|object| &object.members);
        members.filter_map(|member| member.key.as_deref())
    }

    /// The credential in the entry of this key, in the form in which a credential store hands it out: an identity token first,
    /// as docker uses it, then `auth`, then `username` and `password`.
    pub fn credential(&self, key: &str) -> Result<Option<StoredCredential>, Malformed> {
        let Some(entry) = self
            .place(key)
            .map(|place| self.object_at(place))
            .transpose()?
            .flatten()
        else {
            return Ok(None);
        };
        let member = |name| -> Result<Option<Secret>, Malformed> {
            let Some(index) = find(&entry, name)? else {
                return Ok(None);
            };
            let text = string(entry.text, &entry.members[index], "a member of an entry of auths")?;
            Ok(text.map(Secret::new).filter(|text| !text.expose().is_empty()))
        };
        if let Some(secret) = member(TOKENS[0])? {
            let username = TOKEN_USER.to_owned();
            return Ok(Some(StoredCredential { username, secret }));
        }
        if let Some(auth) = member("auth")? {
            return Ok(decoded(&auth));
        }
        let username = member("username")?.map(|name| name.expose().to_owned());
        Ok(username
            .zip(member("password")?)
            .map(|(username, secret)| StoredCredential { username, secret }))
    }

    /// Adds these edits to the changes of the configuration `top`, which is laid out like `style`.
    pub fn edit(
        &self,
        edits: &BTreeMap<String, AuthEdit>,
        drop_empty: bool,
        style: &ObjectLayout,
        top: &mut MemberChanges,
    ) -> Result<(), Malformed> {
        let empty_style = style.nested();
        let own_style = self.object.as_ref().and_then(ObjectLayout::of_object);
        let style = own_style.as_ref().unwrap_or(&empty_style);
        let mut changes = MemberChanges::default();
        for (host, edit) in edits {
            match edit {
                AuthEdit::Set(auth) => self.set(host, "auth", auth, style, &mut changes)?,
                AuthEdit::SetToken(token) => self.set(host, TOKENS[0], token, style, &mut changes)?,
                AuthEdit::Remove => changes.put(self.place(host), host, None),
                AuthEdit::Clear { keep_empty } => self.clear(host, *keep_empty, style, &mut changes)?,
            }
        }
        if !changes.is_empty() {
            let value = changes.object(self.object.as_ref(), &empty_style, drop_empty);
            top.put(self.at, "auths", value);
        }
        Ok(())
    }

    /// Puts `new` into one member of the entry, and takes the others out that hold a secret.
    fn set(
        &self,
        host: &str,
        name: &str,
        new: &Secret,
        style: &ObjectLayout,
        auths: &mut MemberChanges,
    ) -> Result<(), Malformed> {
        let place = self.place(host);
        let entry = place.map(|place| self.object_at(place)).transpose()?.flatten();
        let mut changes = MemberChanges::default();
        let current = entry.as_ref().map(|entry| secret(entry, name)).transpose()?.flatten();
        if current.as_ref().is_none_or(|(_, current)| current != new) {
            changes.put(current.map(|(at, _)| at), name, Some(quoted(new.expose())));
        }
        if let Some(entry) = &entry {
            for other in TOKENS.into_iter().chain(["auth"]).filter(|other| *other != name) {
                changes.put(find(entry, other)?, other, None);
            }
        }
        if !changes.is_empty() {
            auths.put(place, host, changes.object(entry.as_ref(), &style.nested(), false));
        }
        Ok(())
    }

    fn clear(
        &self,
        host: &str,
        keep_empty: bool,
        style: &ObjectLayout,
        auths: &mut MemberChanges,
    ) -> Result<(), Malformed> {
        let Some(place) = self.place(host) else { return Ok(()) };
        let Some(entry) = self.object_at(place)? else {
            return Ok(());
        };
        if let Some(at) = find(&entry, "auth")? {
            let mut changes = MemberChanges::default();
            changes.put(Some(at), "auth", None);
            auths.put(
                Some(place),
                host,
                changes.object(Some(&entry), &style.nested(), !keep_empty),
            );
        }
        Ok(())
    }

    fn place(&self, host: &str) -> Option<usize> {
        let mut members = self.object.as_ref()?.members.iter();
        members.position(|member| member.key.as_deref() == Some(host))
    }

    /// The entry there; `None` for `null`, which clients read as an empty one.
    fn object_at(&self, place: usize) -> Result<Option<Object<'a>>, Malformed> {
        let Some(object) = &self.object else { return Ok(None) };
        let member = &object.members[place];
        if object.value(member) == "null" {
            return Ok(None);
        }
        let what = "an entry of auths that is not an object";
        Object::at(object.text, member.value_span.clone(), what).map(Some)
    }
}

/// An entry's `auth` and where it stands; `null` counts as an empty one.
fn auth(entry: &Object<'_>) -> Result<Option<(usize, Secret)>, Malformed> {
    secret(entry, "auth")
}

/// A member of an entry and where it stands; `null` counts as an empty one.
fn secret(entry: &Object<'_>, name: &str) -> Result<Option<(usize, Secret)>, Malformed> {
    let Some(index) = find(entry, name)? else {
        return Ok(None);
    };
    let text = string(entry.text, &entry.members[index], "an auth")?;
    Ok(Some((index, Secret::new(text.unwrap_or_default()))))
}
