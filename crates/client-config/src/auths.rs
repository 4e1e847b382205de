//! The passwords in a configuration itself: `auths`, by registry host.

use std::collections::BTreeMap;

use super::credential::{AuthFault, StoredCredential, TOKEN_USER, auth_text, decoded};
use super::host_map::{HostChanges, HostMap};
use super::json::{Malformed, Member, Object};
use super::members::{EMPTY, MemberChanges, NULL, ObjectLayout, named, or_empty, quoted, text_of};
use secret::Secret;

/// Members of an entry that clients use instead of its `auth`: docker and podman refresh with an identity token and send a registry
/// token as it is.
const TOKENS: [&str; 2] = ["identitytoken", "registrytoken"];

/// A change of a host's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthEdit {
    /// Set this `auth` (base64 of `user:password`), and remove the tokens that clients would use instead.
    Set(Secret),
    /// Set this identity token, and remove the `auth`.
    SetToken(Secret),
    /// Remove the entry.
    Remove,
    /// Remove the `auth`.
    Clear {
        /// Whether the entry is kept even if nothing is left in it.
        keep_empty: bool,
    },
}

impl AuthEdit {
    /// Returns the edit that writes what docker writes for a credential.
    pub fn of_credential(credential: &StoredCredential) -> Self {
        match credential.username.as_str() {
            TOKEN_USER => Self::SetToken(credential.secret.clone()),
            username => Self::Set(auth_text(username, &credential.secret)),
        }
    }
}

/// The contents of a host's entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct AuthEntry {
    /// Its `auth`. `None` for the `{}` that docker leaves beside a credential store.
    pub auth: Option<Secret>,
    /// Whether it has a token, which clients use instead of the `auth`.
    pub has_token: bool,
}

/// The `auths` of a configuration. Unlike helpers, they are read only by code that changes them, so `setup` works beside broken ones.
pub(super) struct AuthsEditor<'a> {
    text: &'a str,
    map: HostMap<'a>,
}

impl<'a> AuthsEditor<'a> {
    /// Reads a configuration. A blank text is an empty one, as in docker.
    pub fn read(text: &'a str) -> Result<Self, Malformed> {
        Self::from_object(&Object::first(or_empty(text))?)
    }

    pub fn from_object(top: &Object<'a>) -> Result<Self, Malformed> {
        Ok(Self {
            text: top.text,
            map: HostMap::of_name(top, "auths")?,
        })
    }

    /// Whether there is an `auths` object, even an empty one.
    pub fn is_there(&self) -> bool {
        self.map.is_there()
    }

    /// Returns the host's entry, if there is one.
    pub fn entry(&self, host: &str) -> Result<Option<AuthEntry>, Malformed> {
        let Some(member) = self.map.member(host) else {
            return Ok(None);
        };
        let Some(object) = self.object_at(member)? else {
            return Ok(Some(AuthEntry::default()));
        };
        let mut entry = AuthEntry {
            auth: secret(&object, "auth")?,
            has_token: false,
        };
        for name in TOKENS {
            entry.has_token |= secret(&object, name)?.is_some();
        }
        Ok(Some(entry))
    }

    /// Returns the keys of all entries.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.map.members().map(|member| member.key.as_str())
    }

    /// Returns the credential in the entry of this key.
    pub fn credential(&self, key: &str) -> Result<Option<StoredCredential>, Malformed> {
        let member = self.map.member(key);
        member.map_or(Ok(None), |member| self.credential_at(member))
    }

    /// Returns the credentials in all entries, by their keys. `None` for an entry without one.
    pub fn credentials(&self) -> Result<BTreeMap<&str, Option<StoredCredential>>, Malformed> {
        let entries = self.entries().into_iter();
        entries
            .map(|(key, member)| Ok((key, self.credential_at(member)?)))
            .collect()
    }

    /// Returns the entries that count, by their keys.
    pub fn entries(&self) -> BTreeMap<&str, &Member> {
        let members = self.map.members();
        members.map(|member| (member.key.as_str(), member)).collect()
    }

    /// Returns an entry's credential in the form of a credential store. As in docker, an identity token comes first, then `auth`, then `username`
    /// and `password`.
    pub fn credential_at(&self, member: &Member) -> Result<Option<StoredCredential>, Malformed> {
        match self.object_at(member)? {
            Some(entry) if self.is_decoded(member)? => {
                let auth = secret(&entry, "auth")?;
                Ok(auth.and_then(|auth| decoded(&auth).ok()))
            }
            _ => self.undecoded_at(member),
        }
    }

    /// Whether clients take the entry's credential from its `auth`.
    pub fn is_decoded(&self, member: &Member) -> Result<bool, Malformed> {
        let Some(entry) = self.object_at(member)? else {
            return Ok(false);
        };
        Ok(secret(&entry, "auth")?.is_some() && secret(&entry, TOKENS[0])?.is_none())
    }

    /// Returns an entry's credential as docker has it if it decodes no `auth`.
    pub fn undecoded_at(&self, member: &Member) -> Result<Option<StoredCredential>, Malformed> {
        let Some(entry) = self.object_at(member)? else {
            return Ok(None);
        };
        let member = |name| secret(&entry, name);
        if let Some(secret) = member(TOKENS[0])? {
            let username = TOKEN_USER.to_owned();
            return Ok(Some(StoredCredential { username, secret }));
        }
        let username = member("username")?.map(|name| name.expose().to_owned());
        Ok(username
            .zip(member("password")?)
            .map(|(username, secret)| StoredCredential { username, secret }))
    }

    /// Returns why clients cannot decode the entry's `auth`, if so, and the error about it.
    pub fn auth_fault(&self, member: &Member) -> Result<Option<(AuthFault, Malformed)>, Malformed> {
        let Some(entry) = self.object_at(member)? else {
            return Ok(None);
        };
        let fault = secret(&entry, "auth")?.and_then(|auth| decoded(&auth).err());
        let place = named(&entry, "auth")
            .last()
            .map(|index| entry.members[*index].value_span.start);
        Ok(fault.map(|fault| {
            let malformed = Malformed::at(self.text, place.unwrap_or_default(), fault.words());
            (fault, malformed)
        }))
    }

    /// Adds these edits to the changes of the configuration `top`. New text is laid out like `style`.
    pub fn edit(
        &self,
        edits: &BTreeMap<String, AuthEdit>,
        emptied: Option<&str>,
        style: &ObjectLayout,
        top: &mut MemberChanges,
    ) -> Result<(), Malformed> {
        let empty_style = style.nested();
        let own_style = self.map.layout();
        let style = own_style.as_ref().unwrap_or(&empty_style);
        let mut changes = HostChanges::to(&self.map);
        for (host, edit) in edits {
            match edit {
                AuthEdit::Set(auth) => self.set(host, "auth", auth, style, &mut changes)?,
                AuthEdit::SetToken(token) => self.set(host, TOKENS[0], token, style, &mut changes)?,
                AuthEdit::Remove => changes.put(host, None),
                AuthEdit::Clear { keep_empty } => self.clear(host, *keep_empty, style, &mut changes)?,
            }
        }
        changes.finish(&empty_style, emptied, top);
        Ok(())
    }

    /// Sets one member of the entry, and removes the other members that hold a secret.
    fn set(
        &self,
        host: &str,
        name: &str,
        new: &Secret,
        style: &ObjectLayout,
        auths: &mut HostChanges<'_, '_>,
    ) -> Result<(), Malformed> {
        let member = auths.member(host);
        let entry = member.map(|member| self.object_at(member)).transpose()?.flatten();
        let mut changes = MemberChanges::default();
        match &entry {
            Some(entry) => {
                if secret(entry, name)?.as_ref() != Some(new) {
                    changes.put_text(entry, name, Some(new.expose()));
                }
                for other in TOKENS.into_iter().chain(["auth"]).filter(|other| *other != name) {
                    changes.put_text(entry, other, None);
                }
            }
            None => changes.put(None, name, Some(quoted(new.expose()))),
        }
        if !changes.is_empty() {
            auths.put(host, changes.object(entry.as_ref(), &style.nested(), Some(EMPTY)));
        }
        Ok(())
    }

    fn clear(
        &self,
        host: &str,
        keep_empty: bool,
        style: &ObjectLayout,
        auths: &mut HostChanges<'_, '_>,
    ) -> Result<(), Malformed> {
        let member = auths.member(host);
        let Some(entry) = member.map(|member| self.object_at(member)).transpose()?.flatten() else {
            return Ok(());
        };
        if !named(&entry, "auth").is_empty() {
            let mut changes = MemberChanges::default();
            changes.put_text(&entry, "auth", None);
            auths.put(
                host,
                changes.object(Some(&entry), &style.nested(), keep_empty.then_some(EMPTY)),
            );
        }
        Ok(())
    }

    /// Returns the entry as an object. `None` for `null`, which clients read as an empty entry.
    fn object_at(&self, member: &Member) -> Result<Option<Object<'a>>, Malformed> {
        let place = member.value_span.clone();
        if &self.text[place.clone()] == NULL {
            return Ok(None);
        }
        Object::at(self.text, place, "an entry of auths that is not an object").map(Some)
    }
}

/// Returns a member of an entry, unless it is empty.
fn secret(entry: &Object<'_>, name: &str) -> Result<Option<Secret>, Malformed> {
    let text = text_of(entry, name, "a member of an entry of auths")?;
    Ok(text.map(Secret::new).filter(|text| !text.expose().is_empty()))
}

/// Returns the host of a key such as `https://HOST/v1/`, as docker compares it.
pub(super) fn converted(key: &str) -> &str {
    let rest = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
    rest.unwrap_or(key).split('/').next().unwrap_or_default()
}
