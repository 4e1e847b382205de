//! Other programs that hand out or take secrets: found on PATH alone, fed through stdin, heard for a limited time.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::secret::Secret;
use crate::world::Env;

/// What a program may print, at most, in bytes.
const OUTPUT_LIMIT: u64 = 256 * 1024;

/// How a program that should have handed something out, or taken it, did not.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It could not be started.
    #[error("it cannot be started: {0}")]
    NotStarted(std::io::Error),
    /// It was not done in time, and was ended.
    #[error("it took longer than {:.1} s and was ended", .0.as_secs_f64())]
    TookTooLong(Duration),
    /// It said that it failed.
    #[error("it ended with {0}; what it wrote may hold secrets and is not shown")]
    Ended(ExitStatus),
    /// What it printed is no text of a sensible length.
    #[error("what it printed is no text, or longer than 256 KiB")]
    OddOutput,
}

/// Where a program is: the first of PATH's absolute folders that holds it. A relative one could be of a checkout's making.
pub fn on_path(name: &str, env: &Env) -> Option<PathBuf> {
    let name = if cfg!(windows) {
        format!("{name}.exe")
    } else {
        name.to_owned()
    };
    let folders = env.search_path().into_iter().filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(&name)).find(|path| is_program(path))
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    path.metadata()
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// The shell that runs a command line, as `credential_process` has it.
pub fn shell(line: &str) -> Command {
    let (shell, option) = if cfg!(windows) {
        ("cmd.exe", "/C")
    } else {
        ("/bin/sh", "-c")
    };
    let mut command = Command::new(shell);
    command.arg(option).arg(line);
    command
}

/// Runs a program to its end: `input` goes to its stdin, its stdout comes back, its stderr goes nowhere.
///
/// # Errors
/// Each way in which it may fail; never with a word of what it printed.
pub fn output(command: &mut Command, input: Option<&Secret>, budget: Duration) -> Result<Secret, Failure> {
    let deadline = Instant::now() + budget;
    in_a_group_of_its_own(command);
    let mut child = command
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(Failure::NotStarted)?;
    let printed = talk(&mut child, input);
    let text = printed.recv_timeout(budget).ok();
    let status = text.as_ref().and_then(|_| wait(&mut child, deadline));
    let (Some(text), Some(status)) = (text, status) else {
        end(&mut child);
        return Err(Failure::TookTooLong(budget));
    };
    if !status.success() {
        return Err(Failure::Ended(status));
    }
    let text = text.filter(|text| text.len() as u64 <= OUTPUT_LIMIT);
    let text = text.and_then(|text| std::str::from_utf8(&text).ok().map(Secret::new));
    text.ok_or(Failure::OddOutput)
}

/// Feeds and hears the program on threads of their own, which end with its pipes; a program that hangs is not waited for.
fn talk(child: &mut Child, input: Option<&Secret>) -> mpsc::Receiver<Option<Zeroizing<Vec<u8>>>> {
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input.cloned()) {
        // A program that doesn't read to the end says so by its exit status.
        std::thread::spawn(move || stdin.write_all(input.expose().as_bytes()));
    }
    let (say, printed) = mpsc::channel();
    let stdout = child.stdout.take();
    std::thread::spawn(move || {
        let mut text = Zeroizing::new(Vec::with_capacity(8 * 1024));
        let read = stdout.map(|stdout| stdout.take(OUTPUT_LIMIT + 1).read_to_end(&mut text));
        let _ = say.send(read.and_then(Result::ok).map(|_| text));
    });
    printed
}

/// Its exit status. Its stdout is closed already, so it ends in a moment, or is about to hang.
fn wait(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            _ => return None,
        }
    }
}

#[cfg(unix)]
fn in_a_group_of_its_own(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    command.process_group(0);
}

#[cfg(not(unix))]
fn in_a_group_of_its_own(_: &mut Command) {}

/// Ends a program and, where the system has process groups, all that it started.
fn end(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn run(line: &str, input: Option<&str>, budget: Duration) -> Result<String, String> {
        let input = input.map(Secret::new);
        let output = output(&mut shell(line), input.as_ref(), budget);
        output
            .map(|text| text.expose().to_owned())
            .map_err(|failure| failure.to_string())
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn what_goes_in_and_what_comes_out() {
        assert_eq!(run("cat; echo done", Some("secret "), LONG).unwrap(), "secret done\n");
        assert_eq!(run("cat", None, LONG).unwrap(), "");
        assert_eq!(
            run("exec 0<&-; echo unread", Some(&"x".repeat(1 << 20)), LONG).unwrap(),
            "unread\n"
        );
    }

    #[test]
    fn failures_never_quote_the_program() {
        let failed = run("echo s3cret; echo s3cret >&2; exit 3", None, LONG).unwrap_err();
        assert_eq!(
            failed,
            "it ended with exit status: 3; what it wrote may hold secrets and is not shown"
        );
        let odd = "what it printed is no text, or longer than 256 KiB";
        assert_eq!(run("printf '\\377'", None, LONG).unwrap_err(), odd);
        assert_eq!(run("head -c 262145 /dev/zero", None, LONG).unwrap_err(), odd);
        let missing = output(&mut Command::new("/nowhere/program"), None, LONG).unwrap_err();
        assert!(matches!(missing, Failure::NotStarted(_)));
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_all_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
        // The grandchild holds the FIFO's other end open: reading it ends once the grandchild is gone.
        let line = format!("(exec 3>{0}; sleep 1000) & sleep 1000", fifo.display());
        let reader = std::thread::spawn(move || std::fs::read(fifo).unwrap());
        let failed = run(&line, None, Duration::from_millis(300)).unwrap_err();
        assert_eq!(failed, "it took longer than 0.3 s and was ended");
        assert_eq!(reader.join().unwrap(), b"");
    }

    #[test]
    fn only_absolute_folders_of_path_count() {
        let env = |path: &str| [("PATH", path)].into_iter().collect::<Env>();
        assert_eq!(on_path("sh", &env("/nowhere::.:bin:/bin")), Some("/bin/sh".into()));
        assert_eq!(on_path("sh", &env(".:bin")), None);
        assert_eq!(on_path("passwd", &env("/etc")), None, "it is no program");
    }
}
