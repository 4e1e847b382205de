//! `buildkite-agent` and `circleci`, as far as a job calls them for its tokens: shell scripts that ask the lab by curl.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const PROGRAMS: [(&str, &str); 2] = [
    ("buildkite-agent", include_str!("programs/buildkite-agent")),
    ("circleci", include_str!("programs/circleci")),
];

/// Writes them to a folder.
pub(crate) fn write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (name, text) in PROGRAMS {
        let program = folder.join(name);
        fs::write(&program, text)?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}
