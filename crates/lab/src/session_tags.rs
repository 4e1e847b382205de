//! The tags of a session, and which of them the sessions that it opens inherit.

use std::collections::{BTreeMap, BTreeSet};

/// Tags of a session.
#[derive(Debug, Clone, Default)]
pub(crate) struct SessionTags {
    /// Tags by key, in the spelling of the request. No two keys differ only in case.
    pub(crate) tags: BTreeMap<String, String>,
    /// The keys of inherited tags, in lower case.
    pub(crate) transitive: BTreeSet<String>,
}

impl SessionTags {
    /// Creates session tags that are not transitive.
    pub(crate) fn of(tags: BTreeMap<String, String>) -> Self {
        Self {
            tags,
            transitive: BTreeSet::new(),
        }
    }

    /// Returns the tags that a session opened by this one has from the start.
    pub(crate) fn passed_on(&self) -> Self {
        let passes = |key: &String| self.transitive.contains(&key.to_lowercase());
        let tags = self.tags.iter().filter(|(key, _)| passes(key));
        Self {
            tags: tags.map(|(key, value)| (key.clone(), value.clone())).collect(),
            transitive: self.transitive.clone(),
        }
    }

    /// The characters of keys and values, plus the two that each tag costs.
    pub(crate) fn size(&self) -> usize {
        let characters = |text: &String| text.chars().count();
        self.tags
            .iter()
            .map(|(key, value)| characters(key) + characters(value) + 2)
            .sum()
    }
}
