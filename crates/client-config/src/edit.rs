//! Edits a configuration: a pure function from text to text that changes no byte that it need not change.

use std::collections::{BTreeMap, BTreeSet};

use super::auths::{AuthEdit, AuthsEditor};
use super::client::{ConfigFormat, Kind};
use super::empty_parts::EmptyParts;
use super::files::ConfigFile;
use super::host_map::{HostChanges, HostMap};
pub use super::json::Malformed;
use super::json::{Member, Object};
use super::member_types::DockerView;
use super::members::{EMPTY, MemberChanges, NULL, ObjectLayout, named, or_empty, quoted, string, text_of};
use diagnostics::{Code, Error, Result};

/// Docker's setting for the store of every registry.
pub const CREDS_STORE: &str = "credsStore";

/// The helper's name for clients, which run `docker-credential-<name>`.
pub const HELPER: &str = "ecr-auth";

impl Malformed {
    /// Returns the error message.
    pub fn in_file(&self, file: &ConfigFile) -> Error {
        Error::failed(Code::ClientConfig, format!("cannot edit {}", file.path.display()), self)
            .hint("fix the file at that place; it was not changed")
    }
}

/// Refuses text after a configuration: docker ignores it, but Podman, Buildah and Skopeo refuse the file.
pub(super) fn ends_with_configuration(text: &str) -> Result<(), Malformed> {
    Object::first(or_empty(text))?.nothing_after()
}

/// The settings for credential helpers in a configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HelperSettings {
    /// `credHelpers`: the helper's name per registry host.
    pub helpers: BTreeMap<String, String>,
    /// The registries whose helper is `null`, which docker reads as an empty name.
    pub null_helpers: BTreeSet<String>,
    /// Whether there is a `credHelpers` object, even an empty one.
    pub has_helpers: bool,
    /// `credsStore`: the helper of every other registry.
    pub store: Option<String>,
}

impl HelperSettings {
    /// Reads the text of a file.
    pub fn in_file(file: &ConfigFile, text: &str) -> Result<Self> {
        Self::of_client(file.kind, text).map_err(|malformed| malformed.in_file(file))
    }

    /// Reads a configuration as this client uses it. Docker goes on after a member of the wrong type, which an edit refuses.
    ///
    /// # Errors
    /// The client uses nothing in the file.
    pub fn used_by(kind: Kind, text: &str) -> Result<Self, Malformed> {
        match kind {
            Kind::Docker => Self::read(&DockerView::of_text(text)?.text),
            _ if kind.descriptor().has_store => Self::of_client(kind, text),
            _ => {
                ends_with_configuration(text)?;
                Self::without_store(&ConfigText::parse(or_empty(text))?)
            }
        }
    }

    /// Reads a configuration for an edit. Returns an error if the client would refuse it.
    fn of_client(kind: Kind, text: &str) -> Result<Self, Malformed> {
        if kind.descriptor().format == ConfigFormat::Containers {
            ends_with_configuration(text)?;
        }
        Self::read(text)
    }

    /// Reads a configuration as docker does. A blank text is an empty configuration.
    pub fn read(text: &str) -> Result<Self, Malformed> {
        let config = ConfigText::parse(or_empty(text))?;
        Ok(Self {
            store: config.store()?,
            ..Self::without_store(&config)?
        })
    }

    fn without_store(config: &ConfigText<'_>) -> Result<Self, Malformed> {
        let mut settings = Self {
            has_helpers: config.helpers.is_there(),
            ..Self::default()
        };
        for member in config.helpers.members() {
            let helper = helper_of(&config.top, member)?;
            match config.top.value(member) {
                NULL => settings.null_helpers.insert(member.key.clone()),
                _ => settings.null_helpers.remove(&member.key),
            };
            settings.helpers.insert(member.key.clone(), helper);
        }
        Ok(settings)
    }
}

/// The changes to a configuration. `None` as a new value removes the old one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigEdit {
    /// New helpers of `credHelpers`, by registry host.
    pub helpers: BTreeMap<String, Option<String>>,
    /// The registries whose empty helper is written as `null`.
    pub null_helpers: BTreeSet<String>,
    /// The new `credsStore`, if it is to change.
    pub store: Option<Option<String>>,
    /// Whether `credHelpers` is removed with its last member.
    pub drop_empty_helpers: bool,
    /// Changes to entries of `auths`, by registry host.
    pub auths: BTreeMap<String, AuthEdit>,
    /// Whether `auths` is removed with its last entry.
    pub drop_empty_auths: bool,
    /// The text for parts in which nothing is left.
    pub empty: EmptyParts,
}

impl ConfigEdit {
    /// Applies the edit. If nothing has to change, the text is returned unchanged. A blank text is an empty configuration, and gets docker's own
    /// layout.
    pub fn apply(&self, text: &str) -> Result<String, Malformed> {
        let config = ConfigText::parse(or_empty(text))?;
        let style = ObjectLayout::of_object(&config.top).unwrap_or_else(|| ObjectLayout::docker(text));
        let mut changes = MemberChanges::default();
        self.edit_helpers(&config, &style, &mut changes)?;
        if let Some(store) = &self.store
            && *store != config.store()?
        {
            let null = self.empty.member(CREDS_STORE, true).filter(|_| store.is_none());
            match (null, named(&config.top, CREDS_STORE).last()) {
                (Some(null), Some(last)) => changes.put(Some(*last), CREDS_STORE, Some(null.to_owned())),
                _ => changes.put_text(&config.top, CREDS_STORE, store.as_deref()),
            }
        }
        if !self.auths.is_empty() {
            let emptied = self.empty.member("auths", self.drop_empty_auths);
            AuthsEditor::from_object(&config.top)?.edit(&self.auths, emptied, &style, &mut changes)?;
        }
        if changes.is_empty() {
            return Ok(text.to_owned());
        }
        let top = &config.top;
        let before = &top.text[..top.span.start];
        let after = &top.text[top.span.end..];
        let new = [before, &changes.rewrite(top, &style), after].concat();
        Ok(match self.empty.text() {
            Some(text) if new.trim() == EMPTY => text.to_owned(),
            _ => new,
        })
    }

    fn edit_helpers(
        &self,
        config: &ConfigText<'_>,
        style: &ObjectLayout,
        top: &mut MemberChanges,
    ) -> Result<(), Malformed> {
        let mut changes = HostChanges::to(&config.helpers);
        for (host, helper) in &self.helpers {
            let member = changes.member(host);
            let current = member.map(|member| helper_of(&config.top, member)).transpose()?;
            if current != *helper {
                let value = |name: &str| match name.is_empty() && self.null_helpers.contains(host) {
                    true => NULL.to_owned(),
                    false => quoted(name),
                };
                changes.put(host, helper.as_deref().map(value));
            }
        }
        let emptied = self.empty.member("credHelpers", self.drop_empty_helpers);
        changes.finish(&style.nested(), emptied, top);
        Ok(())
    }
}

/// Returns the name of a host's helper. `null` is an empty name, by which docker excludes a host from the store.
fn helper_of(top: &Object<'_>, member: &Member) -> Result<String, Malformed> {
    Ok(string(top.text, member, "a helper's name")?.unwrap_or_default())
}

/// A configuration's text, and the positions of the members that are edited.
struct ConfigText<'a> {
    top: Object<'a>,
    helpers: HostMap<'a>,
}

impl<'a> ConfigText<'a> {
    fn parse(text: &'a str) -> Result<Self, Malformed> {
        let top = Object::first(text)?;
        let helpers = HostMap::of_name(&top, "credHelpers")?;
        Ok(Self { top, helpers })
    }

    fn store(&self) -> Result<Option<String>, Malformed> {
        text_of(&self.top, CREDS_STORE, CREDS_STORE)
    }
}
