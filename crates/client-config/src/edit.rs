//! The edit of a configuration: a pure function from text to text that leaves every byte it need not change.

use std::collections::{BTreeMap, HashMap};

use super::auths::{AuthEdit, AuthsEditor};
use super::files::ConfigFile;
pub use super::json::Malformed;
use super::json::Object;
use super::members::{MemberChanges, ObjectLayout, find, or_empty, places, quoted, string};
use diagnostics::{Code, Error, Result};

/// The name under which clients know the helper: they run `docker-credential-<name>`.
pub const HELPER: &str = "ecr-auth";

impl Malformed {
    /// The error for people.
    pub fn in_file(&self, file: &ConfigFile) -> Error {
        Error::failed(Code::ClientConfig, format!("cannot edit {}", file.path.display()), self).hint(format!(
            "mend the file, which {} cannot read either; it was left as it is",
            file.kind.name()
        ))
    }
}

/// What a configuration says about credential helpers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HelperSettings {
    /// `credHelpers`: the helper's name per registry host.
    pub helpers: BTreeMap<String, String>,
    /// Whether there is a `credHelpers` object, be it empty.
    pub has_helpers: bool,
    /// `credsStore`: the helper of every other registry.
    pub store: Option<String>,
}

impl HelperSettings {
    /// Reads the text of a file.
    pub fn in_file(file: &ConfigFile, text: &str) -> Result<Self> {
        Self::read(text).map_err(|malformed| malformed.in_file(file))
    }

    /// Reads a configuration. A blank text is an empty one, as docker has it.
    pub fn read(text: &str) -> Result<Self, Malformed> {
        let config = ConfigText::parse(or_empty(text))?;
        let mut settings = Self {
            has_helpers: config.helpers.is_some(),
            store: config.store()?,
            ..Self::default()
        };
        for member in config.helpers.iter().flat_map(|helpers| &helpers.members) {
            if let (Some(host), Some(helper)) = (&member.key, string(config.top.text, member, "a helper's name")?) {
                settings.helpers.insert(host.clone(), helper);
            }
        }
        Ok(settings)
    }
}

/// What to change in a configuration; `None` as the new value removes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigEdit {
    /// New helpers of `credHelpers`, by registry host.
    pub helpers: BTreeMap<String, Option<String>>,
    /// The new `credsStore`, if it is to change.
    pub store: Option<Option<String>>,
    /// Whether `credHelpers` goes when its last member goes.
    pub drop_empty_helpers: bool,
    /// What happens to entries of `auths`, by registry host.
    pub auths: BTreeMap<String, AuthEdit>,
    /// Whether `auths` goes when its last entry goes.
    pub drop_empty_auths: bool,
}

impl ConfigEdit {
    /// Applies the edit. A text that already is as wanted comes back unchanged; a blank text is taken as an empty
    /// configuration and comes back in docker's own format.
    pub fn apply(&self, text: &str) -> Result<String, Malformed> {
        let config = ConfigText::parse(or_empty(text))?;
        let style = ObjectLayout::of_object(&config.top).unwrap_or_else(|| ObjectLayout::docker(text));
        let mut changes = MemberChanges::default();
        self.edit_helpers(&config, &style, &mut changes)?;
        if let Some(store) = &self.store
            && *store != config.store()?
        {
            changes.put(config.store_at, "credsStore", store.as_deref().map(quoted));
        }
        if !self.auths.is_empty() {
            AuthsEditor::from_object(&config.top)?.edit(&self.auths, self.drop_empty_auths, &style, &mut changes)?;
        }
        if changes.is_empty() {
            return Ok(text.to_owned());
        }
        let top = &config.top;
        let before = &top.text[..top.span.start];
        let after = &top.text[top.span.end..];
        Ok([before, &changes.rewrite(top, &style), after].concat())
    }

    fn edit_helpers(
        &self,
        config: &ConfigText<'_>,
        style: &ObjectLayout,
        top: &mut MemberChanges,
    ) -> Result<(), Malformed> {
        let places = match &config.helpers {
            Some(helpers) => places(helpers, "credHelpers")?,
            None => HashMap::new(),
        };
        let mut changes = MemberChanges::default();
        for (host, helper) in &self.helpers {
            let place = places.get(host.as_str()).copied();
            let current = match (place, &config.helpers) {
                (Some(index), Some(helpers)) => string(helpers.text, &helpers.members[index], "a helper's name")?,
                _ => None,
            };
            if current != *helper {
                changes.put(place, host, helper.as_deref().map(quoted));
            }
        }
        if !changes.is_empty() {
            let value = changes.object(config.helpers.as_ref(), &style.nested(), self.drop_empty_helpers);
            top.put(config.helpers_at, "credHelpers", value);
        }
        Ok(())
    }
}

/// A configuration's text, and where in it our members stand.
struct ConfigText<'a> {
    top: Object<'a>,
    helpers_at: Option<usize>,
    helpers: Option<Object<'a>>,
    store_at: Option<usize>,
}

impl<'a> ConfigText<'a> {
    fn parse(text: &'a str) -> Result<Self, Malformed> {
        let top = Object::whole(text)?;
        let helpers_at = find(&top, "credHelpers")?;
        let store_at = find(&top, "credsStore")?;
        let helpers = helpers_at
            .map(|index| &top.members[index])
            .filter(|member| top.value(member) != "null")
            .map(|member| Object::at(text, member.value_span.clone(), "credHelpers that is not an object"))
            .transpose()?;
        if let Some(helpers) = &helpers {
            places(helpers, "credHelpers")?;
        }
        Ok(Self {
            top,
            helpers_at,
            helpers,
            store_at,
        })
    }

    fn store(&self) -> Result<Option<String>, Malformed> {
        match self.store_at {
            Some(index) => string(self.top.text, &self.top.members[index], "credsStore"),
            None => Ok(None),
        }
    }
}
