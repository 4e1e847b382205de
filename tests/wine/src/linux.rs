//! The shim's Linux side. Wine's prefix, the shim for Windows, and the binary are beside it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

pub fn run() -> io::Result<i32> {
    let own = env::current_exe()?;
    let folder = Path::new(super::FOLDER);
    let mut args = env::args_os();
    let called = args.next().unwrap_or_default();
    let called = Path::new(&called).file_name().unwrap_or_default().to_owned();
    let called = env::var_os(super::PROGRAM).unwrap_or(called);
    if own.file_name().is_some_and(|name| name == super::RUNNER) {
        let port = args.next().and_then(|port| port.into_string().ok()).unwrap_or_default();
        return run_script(&port, folder);
    }
    if let Ok(machine) = env::current_dir() {
        add_programs(&machine, folder, 4);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    for on_path in env::split_paths(&path).filter(|on_path| on_path.starts_with(env::temp_dir())) {
        add_programs(&on_path, folder, 0);
    }
    let mut command = Command::new("/usr/lib/wine/wine64");
    command.arg(folder.join("shim.exe")).arg(called).args(args).env_clear();
    for (name, value) in env::vars_os().filter(|(name, _)| !super::OWN.iter().any(|own| name == own)) {
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

/// Puts a program beside each script and each link to the binary, or copy of it, of a test's machine, in folders that are not too deep.
fn add_programs(folder: &Path, ours: &Path, depth: usize) {
    let binary = size(&ours.join("ecr-auth"));
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth > 0 {
            add_programs(&path, ours, depth - 1);
        } else if path.extension().is_some_and(|kind| kind == "exe") {
            remove_if_left(&path, &ours.join("script.exe"));
        } else if path.extension().is_none() && !path.with_extension("exe").exists() {
            let beside = path.with_extension("exe");
            if kind.is_file() && is_script(&path) {
                let _ = fs::copy(ours.join("script.exe"), beside);
            } else if size(&path) == binary {
                let _ = symlink(ours.join("ecr-auth.exe"), beside);
            }
        }
    }
}

fn size(path: &Path) -> Option<u64> {
    path.metadata().ok().map(|found| found.len())
}

/// Removes the program of a script that is gone.
fn remove_if_left(path: &Path, program: &Path) {
    if !path.with_extension("").exists() && size(path) == size(program) {
        let _ = fs::remove_file(path);
    }
}

fn is_script(path: &Path) -> bool {
    let mut start = [0; 2];
    fs::File::open(path).is_ok_and(|mut file| file.read_exact(&mut start).is_ok()) && start == *b"#!"
}

/// Runs what the program on Windows' side says, and tells it the exit status: Wine does not know that of a Linux program, nor does it hand its
/// own pipes on. Where that program is ended, this one ends the script.
fn run_script(port: &str, folder: &Path) -> io::Result<i32> {
    let connect = || TcpStream::connect(format!("127.0.0.1:{port}"));
    let (mut caller, stdin, stdout, stderr) = (connect()?, connect()?, connect()?, connect()?);
    let mut length = [0; 4];
    caller.read_exact(&mut length)?;
    let mut said = vec![0; u32::from_le_bytes(length) as usize];
    caller.read_exact(&mut said)?;
    let said = String::from_utf8(said).map_err(io::Error::other)?;
    let mut words = said.split('\0');
    let (program, here) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let variables = words.by_ref().take_while(|word| !word.is_empty());
    let variables: Vec<(&str, &str)> = variables.filter_map(|word| word.split_once('=')).collect();
    let path = variables.iter().find(|(name, _)| *name == "PATH");
    // Scripts call the binary by its name, which has no `.exe` for them.
    let path = format!("{}:{}", path.map_or("", |(_, path)| path), folder.display());
    let mut script = Command::new(program)
        .args(words)
        .env_clear()
        .envs(variables)
        .env("PATH", path)
        // On a terminal Wine starts in Windows' own folder.
        .current_dir(Some(here).filter(|here| Path::new(here).is_dir()).unwrap_or("/"))
        .process_group(0)
        .stdin(OwnedFd::from(stdin))
        .stdout(OwnedFd::from(stdout.try_clone()?))
        .stderr(OwnedFd::from(stderr.try_clone()?))
        .spawn()?;
    let group = format!("-{}", script.id());
    let mut hears = caller.try_clone()?;
    thread::spawn(move || {
        if hears.read(&mut [0]).is_ok_and(|read| read == 0) {
            let mut kill = Command::new("/bin/kill");
            let _ = kill.args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        }
    });
    let status = script.wait()?;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    stdout.shutdown(Shutdown::Write)?;
    stderr.shutdown(Shutdown::Write)?;
    caller.write_all(&code.to_le_bytes())?;
    Ok(code)
}
