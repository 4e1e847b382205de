//! The tags of a session, and which of them pass on to the sessions that it opens.

use std::collections::{BTreeMap, BTreeSet};

/// Tags of a session.
#[derive(Debug, Clone, Default)]
pub(crate) struct SessionTags {
    /// Keys as they were given; no two of them differ by case alone.
    pub(crate) tags: BTreeMap<String, String>,
    /// The keys of those that pass on to sessions opened by this one, in lower case.
    pub(crate) transitive: BTreeSet<String>,
}

impl SessionTags {
    /// Session tags that are not transitive.
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

    /// Keys and values, in characters, with the two that each tag costs beside them.
    pub(crate) fn size(&self) -> usize {
        let characters = |text: &String| text.chars().count();
        self.tags
            .iter()
            .map(|(key, value)| characters(key) + characters(value) + 2)
            .sum()
    }
}
