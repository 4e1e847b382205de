//! AWS's Python tools, as `scripts/install.sh test` installs them.

use std::path::PathBuf;

/// The path of one of them.
pub fn python_tool(name: &str) -> PathBuf {
    tool(
        std::env::var_os("ECR_AUTH_PYTHON").map_or_else(|| target().join("python"), PathBuf::from),
        name,
    )
}

/// A Python that has moto.
pub fn moto_python() -> PathBuf {
    tool(target().join("moto"), "python")
}

fn target() -> PathBuf {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target");
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(beside, PathBuf::from)
}

fn tool(folder: PathBuf, name: &str) -> PathBuf {
    let tool = folder.join("bin").join(name);
    assert!(
        tool.exists(),
        "{} is missing: run scripts/install.sh test",
        tool.display()
    );
    tool
}
