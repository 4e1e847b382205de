//! `buildkite-agent` and `circleci`, reduced to the commands that request tokens: shell scripts that call the lab with
//! curl.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const PROGRAMS: [(&str, &str); 2] = [
    ("buildkite-agent", include_str!("programs/buildkite-agent")),
    ("circleci", include_str!("programs/circleci")),
];

/// Writes both programs to a folder.
pub(crate) fn write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (name, text) in PROGRAMS {
        let program = folder.join(name);
        fs::write(&program, text)?;
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}
