//! AWS's Python tools, as `scripts/install.sh test` installs them.

use std::path::PathBuf;

/// Returns the path of one of these tools.
pub fn python_tool(name: &str) -> PathBuf {
    tool("python", name)
}

/// Returns the path of a Python that has moto.
pub fn moto_python() -> PathBuf {
    tool("moto", "python")
}

fn tool(environment: &str, name: &str) -> PathBuf {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(beside, PathBuf::from);
    let tool = target.join(environment).join("bin").join(name);
    assert!(
        tool.exists(),
        "{} is missing: run scripts/install.sh test",
        tool.display()
    );
    tool
}
