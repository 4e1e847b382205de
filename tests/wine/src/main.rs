//! Replaces the binary in the integration tests, and runs the Windows binary with Wine. scripts/windows.sh builds it for both systems.
//!
//! On Linux it passes all variables on under other names, because Wine would replace some of them by its own. On Windows it restores their
//! names, and converts paths: `/home/me` becomes `Z:\home\me`, and the home becomes `USERPROFILE`.

#[cfg(unix)]
#[path = "linux.rs"]
mod system;
#[cfg(windows)]
#[path = "windows.rs"]
mod system;

/// The prefix of a variable's name on its way through Wine.
const HANDED_ON: &str = "SHIM_";

fn main() {
    let code = system::run().unwrap_or_else(|error| {
        eprintln!("shim: {error}");
        125
    });
    std::process::exit(code);
}
