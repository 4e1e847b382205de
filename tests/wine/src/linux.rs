//! The shim's Linux side. Wine's prefix, the shim for Windows, and the binary are beside it.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

pub fn run() -> io::Result<i32> {
    let own = env::current_exe()?;
    let folder = own.parent().unwrap_or(Path::new("/"));
    let mut args = env::args_os();
    let called = args.next().unwrap_or_default();
    let called = Path::new(&called).file_name().unwrap_or_default().to_owned();
    let mut command = Command::new("/usr/lib/wine/wine64");
    command.arg(folder.join("shim.exe")).arg(called).args(args).env_clear();
    for (name, value) in env::vars_os() {
        let mut handed_on = OsString::from(super::HANDED_ON);
        handed_on.push(name);
        command.env(handed_on, value);
    }
    command
        .env("WINEPREFIX", folder.join("prefix"))
        .env("WINEDEBUG", "-all")
        // No screen, no other languages' programs, and no debugger that waits when a program crashes.
        .env(
            "WINEDLLOVERRIDES",
            "mscoree=;mshtml=;winemenubuilder.exe=;winedbg.exe=;winewayland.drv=;winex11.drv=",
        )
        .env("HOME", folder)
        .env("LC_ALL", "C.UTF-8")
        .env("PATH", "/usr/bin:/bin");
    if let Some(term) = env::var_os("TERM") {
        command.env("TERM", term);
    }
    Err(command.exec())
}
