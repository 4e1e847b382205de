//! Opens an address in the user's browser, with the platform's program. No crate is used, because they pass the whole environment to the program,
//! including passwords.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use context::{Env, program, variables};

/// A program that opens addresses, with its arguments. The address replaces `%s`, or comes last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opener {
    program: PathBuf,
    args: Vec<String>,
}

/// Between the commands of `BROWSER`, as between the folders of `PATH`.
const BETWEEN: char = if cfg!(windows) { ';' } else { ':' };

/// The program that opens addresses here: `BROWSER`, else the platform's. `None`: there is no browser on this machine.
pub fn opener(env: &Env) -> Option<Opener> {
    match env.get(variables::BROWSER) {
        Some(commands) => commands.split(BETWEEN).find_map(|line| named(line, env)),
        None => of_platform(env),
    }
}

/// Returns a command of `BROWSER`, if its program exists.
fn named(line: &str, env: &Env) -> Option<Opener> {
    // On Windows most programs have a blank in their path.
    let whole = Path::new(line);
    if whole.is_absolute() && whole.is_file() {
        let (program, args) = (whole.to_owned(), Vec::new());
        return Some(Opener { program, args });
    }
    let mut words = program::words(line)?.into_iter();
    let name = PathBuf::from(words.next()?);
    let program = match name.is_absolute() {
        true => name.is_file().then_some(name)?,
        false => program::on_path(name.to_str()?, env)?,
    };
    let args = words.collect();
    Some(Opener { program, args })
}

fn of_platform(env: &Env) -> Option<Opener> {
    let (name, args): (_, &[&str]) = if cfg!(windows) {
        // The address does not pass through a shell there.
        ("rundll32", &["url.dll,FileProtocolHandler"])
    } else if cfg!(target_os = "macos") {
        ("open", &[])
    } else {
        ("xdg-open", &[])
    };
    let is_remote = env.get(variables::SSH_CONNECTION).is_some();
    let has_screen = [variables::DISPLAY, variables::WAYLAND_DISPLAY]
        .iter()
        .any(|name| env.get(name).is_some());
    // Over SSH, the browser would open on a screen that the user does not see.
    if is_remote && !has_screen {
        return None;
    }
    let program = program::on_path(name, env)?;
    let args = args.iter().map(|arg| (*arg).to_owned()).collect();
    Some(Opener { program, args })
}

impl Opener {
    /// Opens an address. The program gets no secrets, and no signals of the terminal, so that Ctrl-C ends the sign-in but not the browser.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn open(&self, address: &str, env: &Env) -> std::io::Result<Child> {
        let mut command = Command::new(&self.program);
        let mut is_placed = false;
        for arg in &self.args {
            is_placed |= arg.contains("%s");
            command.arg(arg.replace("%s", address));
        }
        if !is_placed {
            command.arg(address);
        }
        ci::remove_secrets(&mut command, env);
        in_group_of_its_own(&mut command);
        let nothing = || Stdio::null();
        command.stdin(nothing()).stdout(nothing()).stderr(nothing()).spawn()
    }
}

#[cfg(unix)]
fn in_group_of_its_own(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    command.process_group(0);
}

#[cfg(not(unix))]
fn in_group_of_its_own(_: &mut Command) {}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn found(vars: &[(&str, &str)]) -> Option<Opener> {
        opener(&vars.iter().copied().collect())
    }

    #[test]
    fn the_users_choice_comes_first() {
        let path = ("PATH", "/usr/bin:/bin");
        let of = |commands: &str| found(&[path, ("BROWSER", commands)]);
        let sh = |args: &[&str]| {
            let args = args.iter().map(|arg| (*arg).to_owned()).collect();
            let program = program::on_path("sh", &[path].into_iter().collect()).unwrap();
            Some(Opener { program, args })
        };
        assert_eq!(of("sh"), sh(&[]));
        assert_eq!(of("no-such-browser:sh -c '%s x'"), sh(&["-c", "%s x"]));
        for none in ["none", "", "no-such-browser", "/no/such", "'"] {
            let is_set = !none.is_empty();
            assert!(!is_set || of(none).is_none(), "{none}");
        }
    }

    #[test]
    fn nobody_sees_a_browser_over_ssh() {
        let folder = tempfile::tempdir().unwrap();
        let name = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
        let file = folder.path().join(name);
        std::fs::write(&file, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let path = folder.path().to_str().unwrap();
        assert!(found(&[("PATH", path)]).is_some());
        assert!(found(&[("PATH", path), ("SSH_CONNECTION", "1 2 3 4")]).is_none());
        assert!(found(&[("PATH", path), ("SSH_CONNECTION", "1 2 3 4"), ("DISPLAY", ":0")]).is_some());
        assert!(found(&[("PATH", "/nowhere")]).is_none());
    }
}
