//! The shim's Windows side.

use std::env;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::path::Path;
use std::process::Command;
use std::thread;

use super::FOLDER;

/// Folders that are below the home on Linux but not on Windows, and Windows' own, for settings where Linux has them.
const BELOW_HOME: [(&str, &str); 5] = [
    ("XDG_CACHE_HOME", ".cache"),
    ("XDG_CONFIG_HOME", ".config"),
    ("XDG_STATE_HOME", ".local/state"),
    ("APPDATA", ".config"),
    ("LOCALAPPDATA", "AppData/Local"),
];

/// Variables with paths that are separated by colons.
const LISTS: [&str; 2] = ["PATH", "SSL_CERT_DIR"];

/// Variables that Windows itself needs.
const OF_SYSTEM: [&str; 5] = ["SystemRoot", "SystemDrive", "windir", "ComSpec", "PATHEXT"];

pub fn run() -> io::Result<i32> {
    let own = env::current_exe()?;
    match own.file_stem().is_some_and(|name| name == "shim") {
        true => run_binary(&own),
        false => run_script(&own),
    }
}

/// Runs the binary with the variables and arguments of a test.
fn run_binary(own: &Path) -> io::Result<i32> {
    let mut args = env::args().skip(1);
    let called = args.next().unwrap_or_default();
    let program = match called.starts_with('/') {
        true => path(&called).into(),
        false => own.with_file_name(format!("{}.exe", called.trim_end_matches(".exe"))),
    };
    let mut command = Command::new(program);
    command.args(args.map(|arg| argument(&arg))).env_clear();
    for name in OF_SYSTEM {
        command.envs(env::var_os(name).map(|value| (name, value)));
    }
    let given = env::vars().filter_map(|(name, value)| Some((name.strip_prefix(super::HANDED_ON)?.to_owned(), value)));
    let given: Vec<(String, String)> = given.collect();
    let home = given.iter().find(|(name, value)| name == "HOME" && !value.is_empty());
    if let Some((_, home)) = home {
        command.env("USERPROFILE", path(home));
        command.envs(BELOW_HOME.map(|(name, below)| (name, path(&format!("{home}/{below}")))));
    }
    let is_blank_home = |name: &str, value: &str| name == "USERPROFILE" && value.is_empty();
    for (name, value) in given.iter().filter(|(name, value)| !is_blank_home(name, value)) {
        let value = match LISTS.contains(&name.as_str()) {
            true => value.split(':').map(folder).collect::<Vec<_>>().join(";"),
            false => path(value),
        };
        command.env(name, value);
    }
    Ok(command.status()?.code().unwrap_or(125))
}

/// Has Linux run the script beside this program, or its own program of this name.
fn run_script(own: &Path) -> io::Result<i32> {
    let script = own.with_extension("");
    let name = script.file_name().unwrap_or_default().to_string_lossy();
    let script = match script.exists() {
        true => unix_path(&script.to_string_lossy()),
        false => format!("/usr/bin/{name}"),
    };
    let here = unix_path(&env::current_dir()?.to_string_lossy());
    let mut words = vec![script, here];
    words.extend(env::vars().filter(|(name, _)| !name.is_empty()).map(|(name, value)| {
        let value = match LISTS.contains(&name.as_str()) {
            true => value.split(';').map(unix_folder).collect::<Vec<_>>().join(":"),
            false => unix_path(&value),
        };
        format!("{name}={value}")
    }));
    words.push(String::new());
    words.extend(env::args().skip(1).map(|arg| unix_argument(&arg)));
    let said = words.join("\0");
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port().to_string();
    // Wine gives no handle to wait for.
    Command::new(path(&format!("{FOLDER}/{}", super::RUNNER)))
        .arg(port)
        .spawn()?;
    let accept = || listener.accept().map(|(stream, _)| stream);
    let (mut script, mut stdin, mut stdout, mut stderr) = (accept()?, accept()?, accept()?, accept()?);
    let length = u32::try_from(said.len()).map_err(io::Error::other)?;
    script.write_all(&length.to_le_bytes())?;
    script.write_all(said.as_bytes())?;
    thread::spawn(move || {
        let _ = io::copy(&mut io::stdin(), &mut stdin);
        let _ = stdin.shutdown(Shutdown::Write);
    });
    let out = thread::spawn(move || io::copy(&mut stdout, &mut io::stdout()));
    let err = thread::spawn(move || io::copy(&mut stderr, &mut io::stderr()));
    let mut code = [0; 4];
    script.read_exact(&mut code)?;
    let _ = (out.join(), err.join(), io::stdout().flush());
    Ok(i32::from_le_bytes(code))
}

/// A path of Linux as Windows has it; anything else as it is.
fn path(text: &str) -> String {
    let is_path = text.starts_with('/') && !text.starts_with("//") && !text.contains("://");
    match is_path {
        true if text == "/dev/null" => "NUL".to_owned(),
        true => format!("Z:{}", text.replace('/', "\\")),
        false => text.to_owned(),
    }
}

/// A folder of PATH: for Linux' own programs one that has programs for Windows which run them.
fn folder(text: &str) -> String {
    match text {
        "/usr/bin" => path(&format!("{FOLDER}/tools")),
        text => path(text),
    }
}

/// An argument that is a path, or has one behind `=` or `@`.
fn argument(text: &str) -> String {
    for sign in ['=', '@'] {
        if let Some((before, after)) = text.split_once(sign)
            && after.starts_with('/')
            && !before.contains('/')
        {
            return format!("{before}{sign}{}", path(after));
        }
    }
    path(text)
}

/// A path of Windows as Linux has it; anything else as it is.
fn unix_path(text: &str) -> String {
    match text.strip_prefix("Z:\\") {
        Some(below) => format!("/{}", below.replace('\\', "/")),
        None if text == "NUL" => "/dev/null".to_owned(),
        None => text.to_owned(),
    }
}

fn unix_folder(text: &str) -> String {
    let text = unix_path(text);
    match text.strip_prefix(FOLDER) {
        Some("/tools") => "/usr/bin".to_owned(),
        _ => text,
    }
}

fn unix_argument(text: &str) -> String {
    match text.split_once('=') {
        Some((before, after)) if !before.contains('\\') => format!("{before}={}", unix_path(after)),
        _ => unix_path(text),
    }
}
