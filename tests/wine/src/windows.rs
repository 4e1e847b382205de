//! The shim's Windows side.

use std::env;
use std::io;
use std::process::Command;

/// Folders that are below the home on Linux but not on Windows.
const BELOW_HOME: [(&str, &str); 5] = [
    ("XDG_CACHE_HOME", ".cache"),
    ("XDG_CONFIG_HOME", ".config"),
    ("XDG_STATE_HOME", ".local/state"),
    ("APPDATA", "AppData/Roaming"),
    ("LOCALAPPDATA", "AppData/Local"),
];

/// Variables with paths that are separated by colons.
const LISTS: [&str; 2] = ["PATH", "SSL_CERT_DIR"];

/// Variables that Windows itself needs.
const OF_SYSTEM: [&str; 5] = ["SystemRoot", "SystemDrive", "windir", "ComSpec", "PATHEXT"];

pub fn run() -> io::Result<i32> {
    let mut args = env::args().skip(1);
    let called = args.next().unwrap_or_default();
    let program = env::current_exe()?.with_file_name(format!("{}.exe", called.trim_end_matches(".exe")));
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
    for (name, value) in &given {
        let value = match LISTS.contains(&name.as_str()) {
            true => value.split(':').map(path).collect::<Vec<_>>().join(";"),
            false => path(value),
        };
        command.env(name, value);
    }
    Ok(command.status()?.code().unwrap_or(125))
}

/// Converts a Linux path to Windows. Other values stay unchanged.
fn path(text: &str) -> String {
    let is_path = text.starts_with('/') && !text.starts_with("//") && !text.contains("://");
    match is_path {
        true => format!("Z:{}", text.replace('/', "\\")),
        false => text.to_owned(),
    }
}

/// Converts an argument that is a path, or has one behind `=` or `@`.
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
