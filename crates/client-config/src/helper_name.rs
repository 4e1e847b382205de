//! Names of helpers and stores, and typing mistakes in them.

use super::edit::HELPER;

/// The start of the name of each helper's program.
pub(super) const PREFIX: &str = "docker-credential-";

/// Returns the helper that a name of a helper probably means: ours, or the end of a program's name or path.
pub fn helper_meant(name: &str) -> Option<String> {
    let file = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let file = file.strip_suffix(".exe").unwrap_or(file);
    let meant = file.strip_prefix(PREFIX).unwrap_or(file);
    let plain = |name: &str| name.replace(['-', '_'], "").to_ascii_lowercase();
    let is_ours = strsim::osa_distance(&plain(meant), &plain(HELPER)) <= 1;
    let meant = if is_ours { HELPER } else { meant };
    (meant != name && !meant.is_empty()).then(|| meant.to_owned())
}
