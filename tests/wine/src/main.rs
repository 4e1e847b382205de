//! Stands for the binary in the integration tests, and has Wine run the Windows one. scripts/windows.sh builds it for both systems.
//!
//! On Linux it hands all variables on under other names, as Wine would replace some by its own. On Windows it gives them back their names,
//! and paths the form that they have there: `/home/me` is `Z:\home\me`, and the home is `USERPROFILE`.

#[cfg(unix)]
#[path = "linux.rs"]
mod system;
#[cfg(windows)]
#[path = "windows.rs"]
mod system;

/// What a variable's name has before it on its way through Wine.
const HANDED_ON: &str = "SHIM_";

fn main() {
    let code = system::run().unwrap_or_else(|error| {
        eprintln!("shim: {error}");
        125
    });
    std::process::exit(code);
}
