//! The JSON body of a call.

use serde_json::Value;

use super::refusals::{constraint, invalid};
use crate::answer::Refusal;

/// A JSON object.
#[derive(Debug)]
pub(super) struct Input(Value);

impl Input {
    pub(super) fn read(body: &[u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(body)
            .ok()
            .filter(Value::is_object)
            .map(Self)
            .ok_or_else(|| Refusal::new(400, "SerializationException", ""))
    }

    /// Returns a member that is a string.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Refusal::new(400, "SerializationException", "")),
        }
    }

    /// Returns a required string.
    pub(super) fn require(&self, name: &str) -> Result<&str, Refusal> {
        let lower = name[..1].to_ascii_lowercase() + &name[1..];
        self.text(name)?
            .ok_or_else(|| constraint("null", &lower, "not be null"))
    }

    /// Returns a map of strings, empty if the member is absent.
    pub(super) fn map(&self, name: &str) -> Result<Map<'_>, Refusal> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(Map(&Value::Null)),
            Some(map @ Value::Object(members)) if members.values().all(Value::is_string) => Ok(Map(map)),
            Some(_) => Err(Refusal::new(400, "SerializationException", "")),
        }
    }
}

/// A map of strings in a call: `AuthParameters`, `ChallengeResponses` or `Logins`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Map<'a>(&'a Value);

impl<'a> Map<'a> {
    pub(super) fn get(self, name: &str) -> Option<&'a str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// Returns a required entry.
    pub(super) fn require(self, name: &str) -> Result<&'a str, Refusal> {
        self.get(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| invalid(&format!("Missing required parameter {name}")))
    }

    /// Returns names and values.
    pub(super) fn entries(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let members = self.0.as_object().into_iter().flatten();
        members.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
    }
}
