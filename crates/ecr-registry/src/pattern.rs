//! The values of `match` in the configuration file: one host, or a glob over ECR's names.

use super::form::{PRIVATE_FORMS, PUBLIC_FORMS};
use super::{Partition, Registry, server_name};

/// A value of `match`: a host of ECR, a glob over such hosts, or an alias (your own name in front of ECR).
///
/// In a glob, `*` matches any characters within one label of the name. The glob must end with the suffix of a partition's registries, so that it
/// never matches other hosts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPattern(PatternKind);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum PatternKind {
    Host(String),
    Glob(String),
    Alias(String),
}

impl HostPattern {
    /// Parses a value of `match`.
    ///
    /// # Errors
    /// The reason, as a clause: "match …".
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains('*') {
            return glob(&text.to_ascii_lowercase()).map(|glob| Self(PatternKind::Glob(glob)));
        }
        let registry = match Registry::parse(text) {
            // The most common case is checked first: a file may have hundreds of rules, and is read at every `get`.
            Some(registry) if registry.host.eq_ignore_ascii_case(text) => {
                return Ok(Self(PatternKind::Host(registry.host)));
            }
            other => other,
        };
        let name = server_name(text).ok_or("must be a host name or a glob over ECR's names")?;
        if name != text.to_ascii_lowercase() {
            return Err(format!("must be the name of a host alone, here \"{name}\""));
        }
        match registry {
            Some(registry) => Err(format!("must be written without port and trailing dot: \"{registry}\"")),
            None => Ok(Self(PatternKind::Alias(name))),
        }
    }

    /// Whether this matches `registry`. An alias matches none.
    pub fn matches(&self, registry: &Registry) -> bool {
        match &self.0 {
            PatternKind::Host(host) => host == registry.host(),
            PatternKind::Glob(glob) => glob_matches(glob, registry.host()),
            PatternKind::Alias(_) => false,
        }
    }

    /// Returns the alias, as `host` or `host:port` in lower case, if this is one. See [`server_name`].
    pub fn alias(&self) -> Option<&str> {
        match &self.0 {
            PatternKind::Alias(name) => Some(name),
            PatternKind::Host(_) | PatternKind::Glob(_) => None,
        }
    }

    /// Returns the glob in lower case, if this is one.
    pub fn glob(&self) -> Option<&str> {
        match &self.0 {
            PatternKind::Glob(glob) => Some(glob),
            PatternKind::Host(_) | PatternKind::Alias(_) => None,
        }
    }

    /// Returns the exact name, or `None` for a glob.
    pub fn exact(&self) -> Option<&str> {
        match &self.0 {
            PatternKind::Host(name) | PatternKind::Alias(name) => Some(name),
            PatternKind::Glob(_) => None,
        }
    }
}

/// Checks that a glob can only match ECR's names: `<account>.dkr.ecr.<region>.<suffix>` or the dual-stack form, with stars in account, `ecr` and
/// region.
fn glob(text: &str) -> Result<String, String> {
    let built = || {
        format!(
            "must have the form of ECR's names, with '*' in the account, after \"ecr\" or in the region: \
             '*.dkr.ecr.eu-*.amazonaws.com'; {} are written out",
            PUBLIC_FORMS.map(|(host, _)| format!("\"{host}\"")).join(" and ")
        )
    };
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.*".contains(&b)) {
        return Err(built());
    }
    let suffix = Partition::all()
        .flat_map(|partition| [Some(partition.registry_suffix()), partition.dual_stack_suffix()])
        .flatten()
        .find(|suffix| text.strip_suffix(suffix).is_some_and(|front| front.ends_with('.')))
        .ok_or_else(built)?;
    let front = &text[..text.len() - suffix.len() - 1];
    let service = front.split_once('.').and_then(|(_account, rest)| rest.rsplit_once('.'));
    let (service, _region) = service.ok_or_else(built)?;
    let fits = PRIVATE_FORMS
        .iter()
        .any(|form| service.starts_with(form.stem()) && glob_matches(service, form.service));
    fits.then(|| text.to_owned()).ok_or_else(built)
}

/// Whether a glob matches a host. Labels are compared one by one, so that a star never matches a dot.
fn glob_matches(glob: &str, host: &str) -> bool {
    let (mut globs, mut labels) = (glob.split('.'), host.split('.'));
    loop {
        match (globs.next(), labels.next()) {
            (None, None) => return true,
            (Some(glob), Some(label)) if label_matches(glob.as_bytes(), label.as_bytes()) => {}
            _ => return false,
        }
    }
}

/// Matches iteratively, going back only to the latest star, so the time is at most the product of the two lengths.
pub(super) fn label_matches(glob: &[u8], label: &[u8]) -> bool {
    let (mut g, mut l) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while l < label.len() {
        if glob.get(g) == Some(&b'*') {
            star = Some((g, l));
            g += 1;
        } else if glob.get(g) == Some(&label[l]) {
            g += 1;
            l += 1;
        } else if let Some((after, taken)) = star {
            star = Some((after, taken + 1));
            g = after + 1;
            l = taken + 1;
        } else {
            return false;
        }
    }
    glob[g..].iter().all(|&b| b == b'*')
}
