//! Replaces the binary in the integration tests, and runs the Windows binary with Wine. scripts/windows.sh builds it for both systems.
//!
//! On Linux it hands all variables on under other names, as Wine would replace some by its own. On Windows it gives them back their names,
//! and paths the form that they have there: `/home/me` is `Z:\home\me`, and the home is `USERPROFILE`.
//!
//! Windows runs no shell scripts, and tests write some as a client, a store, a command. So each script `tool` gets a program `tool.exe` beside
//! it, which has Linux run the script. The programs that command lines in tests name (`cat`, `true`) are there too, as Git's are on a runner.

#[cfg(unix)]
#[path = "linux.rs"]
mod system;
#[cfg(windows)]
#[path = "windows.rs"]
mod system;

/// The prefix of a variable's name on its way through Wine.
const HANDED_ON: &str = "SHIM_";

/// The folder with Wine's prefix, the shim for both systems and the binary: windows.sh says it to the compiler, as tests copy the shim.
const FOLDER: &str = env!("SHIM_FOLDER");

/// Names another program than that of the shim's own name: the one that `setup` has put somewhere.
#[cfg(unix)]
const PROGRAM: &str = "SHIM_PROGRAM";

/// Variables for the shim's own system: Wine would load the library that moves the clock of a Linux process.
#[cfg(unix)]
const OWN: [&str; 2] = [PROGRAM, "LD_PRELOAD"];

/// The program for Linux, by the name that has it run a script for Windows' side.
const RUNNER: &str = "run-script";

fn main() {
    let code = system::run().unwrap_or_else(|error| {
        eprintln!("shim: {error}");
        125
    });
    std::process::exit(code);
}
