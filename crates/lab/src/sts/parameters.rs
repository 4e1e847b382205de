//! Parameters of calls in the Query protocol.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;

use super::{constraint, validation};
use crate::answer::Refusal;

/// Parameters of a call, from its form body or its query.
#[derive(Debug)]
pub(crate) struct Parameters(HashMap<String, String>);

impl Parameters {
    pub(crate) fn read(form: &str) -> Self {
        let decode = |text: &str| {
            percent_decode_str(&text.replace('+', " "))
                .decode_utf8_lossy()
                .into_owned()
        };
        let pairs = form.split('&').filter_map(|pair| pair.split_once('='));
        Self(pairs.map(|(name, value)| (decode(name), decode(value))).collect())
    }

    pub(crate) fn action(&self) -> Option<&str> {
        self.get("Action")
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn require(&self, name: &str) -> Result<&str, Refusal> {
        let lower = name[..1].to_ascii_lowercase() + &name[1..];
        self.get(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            validation(&format!(
                "1 validation error detected: Value null at '{lower}' failed to satisfy constraint: Member must not be null"
            ))
        })
    }

    /// Returns the members of a list (`TransitiveTagKeys.member.1`, …) in order, each with the parameters below it (`Tags.member.1.Key`).
    pub(super) fn members<'a>(&'a self, list: &'a str, below: &'a str) -> impl Iterator<Item = Option<&'a str>> {
        (1..)
            .map(move |index| format!("{list}.member.{index}"))
            .take_while(|member| self.0.keys().any(|name| in_member(name, member)))
            .map(move |member| self.get(&format!("{member}{below}")))
    }
}

fn in_member(name: &str, member: &str) -> bool {
    name.strip_prefix(member)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Checks a value against its bounds (in characters) and its alphabet. The error has the wording of STS.
pub(super) fn check(
    value: &str,
    name: &str,
    lengths: std::ops::RangeInclusive<usize>,
    pattern: &str,
    allowed: impl Fn(char) -> bool,
) -> Result<(), Refusal> {
    let length = value.chars().count();
    if length < *lengths.start() {
        let rule = format!("have length greater than or equal to {}", lengths.start());
        return Err(constraint(value, name, &rule));
    }
    if length > *lengths.end() {
        let rule = format!("have length less than or equal to {}", lengths.end());
        return Err(constraint(value, name, &rule));
    }
    if !value.chars().all(allowed) {
        let rule = format!("satisfy regular expression pattern: {pattern}");
        return Err(constraint(value, name, &rule));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_end_at_the_first_gap_and_take_eleven_members() {
        let form: String = (1..=11).map(|i| format!("Tags.member.{i}.Key=k{i}&")).collect();
        let parameters = Parameters::read(&(form + "Tags.member.13.Key=lost&Keys.member.1=a%2Bb+c"));
        let keys: Vec<_> = parameters.members("Tags", ".Key").flatten().collect();
        assert_eq!((keys.len(), keys[10]), (11, "k11"));
        assert_eq!(parameters.members("Tags", ".Value").flatten().count(), 0);
        assert_eq!(parameters.members("Keys", "").flatten().collect::<Vec<_>>(), ["a+b c"]);
    }
}
