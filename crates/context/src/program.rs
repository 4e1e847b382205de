//! Other programs that hand out or take secrets: found on PATH alone, fed through stdin, heard for a limited time.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::Env;
use crate::descendants::ProgramTree;
use secret::Secret;

/// What a program may print, at most, in bytes.
const OUTPUT_LIMIT: u64 = 256 * 1024;

/// How long what a program wrote is on its way after its end.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How a program ended, and what it wrote.
#[derive(Debug)]
pub struct ProgramResult {
    /// Its exit status.
    pub status: ExitStatus,
    /// Its stdout, cut a byte after 256 KiB.
    pub stdout: Zeroizing<Vec<u8>>,
    /// Its stderr, cut alike, where it failed.
    pub stderr: Zeroizing<Vec<u8>>,
}

/// How a program that should have handed something out, or taken it, did not.
#[derive(Debug, thiserror::Error)]
pub enum ProgramFailure {
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
    #[error("what it printed is not text, or is longer than 256 KiB")]
    OddOutput,
}

/// Where a program is: the first of PATH's absolute folders that holds it. A relative one could be of a checkout's making.
pub fn on_path(name: &str, env: &Env) -> Option<PathBuf> {
    all_on_path(name, env).into_iter().next()
}

/// The same, in each of PATH's absolute folders, in their order.
pub fn all_on_path(name: &str, env: &Env) -> Vec<PathBuf> {
    let has_kind = Path::new(name)
        .extension()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("exe"));
    let name = match cfg!(windows) && !has_kind {
        true => format!("{name}.exe"),
        false => name.to_owned(),
    };
    let folders = env.search_path().into_iter().filter(|folder| folder.is_absolute());
    let paths = folders.map(|folder| folder.join(&name));
    paths.filter(|path| is_program(path)).collect()
}

/// The batch file of this name on PATH, where the system has such files (`.bat`, `.cmd`): it is no program that can be started as it is.
pub fn batch_file(name: &str, env: &Env) -> Option<PathBuf> {
    let kinds: &[&str] = if cfg!(windows) { &["cmd", "bat"] } else { &[] };
    let folders = env.search_path().into_iter().filter(|folder| folder.is_absolute());
    let mut files = folders.flat_map(|folder| kinds.iter().map(move |kind| folder.join(format!("{name}.{kind}"))));
    files.find(|file| file.is_file())
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

/// The program and the option by which the platform's shell runs a command line, as `credential_process` has it.
pub const SHELL: [&str; 2] = if cfg!(windows) {
    ["cmd.exe", "/C"]
} else {
    ["/bin/sh", "-c"]
};

/// Where the shell is that runs a command line. On Windows that is the system's own `cmd.exe`, whatever else of that name may be found.
pub fn shell_path() -> PathBuf {
    if !cfg!(windows) {
        return SHELL[0].into();
    }
    let root = std::env::var_os("SystemRoot").unwrap_or_else(|| r"C:\Windows".into());
    Path::new(&root).join("System32").join(SHELL[0])
}

/// The shell that runs a command line.
#[cfg(unix)]
pub fn shell(line: &str) -> Command {
    let mut command = Command::new(shell_path());
    command.arg(SHELL[1]).arg(line);
    command
}

/// The shell that runs a command line. `cmd.exe` runs nothing before it (`/D`). The line is handed on as it is, in quotes that the shell takes
/// away (`/S`): other programs' rules for quotes are not `cmd.exe`'s.
#[cfg(not(unix))]
pub fn shell(line: &str) -> Command {
    use std::os::windows::process::CommandExt;

    let mut command = Command::new(shell_path());
    command.args(["/D", "/S", SHELL[1]]).raw_arg(format!("\"{line}\""));
    command
}

/// What a program prints, which is to be some text: `input` goes to its stdin, its stderr goes nowhere.
///
/// # Errors
/// Each way in which it may fail; never with a word of what it printed.
pub fn output(command: &mut Command, input: Option<&Secret>, budget: Duration) -> Result<Secret, ProgramFailure> {
    let ended = run(command, input, budget)?;
    if !ended.status.success() {
        return Err(ProgramFailure::Ended(ended.status));
    }
    let text = Some(&ended.stdout).filter(|text| text.len() as u64 <= OUTPUT_LIMIT);
    let text = text.and_then(|text| std::str::from_utf8(text).ok());
    text.map(Secret::new).ok_or(ProgramFailure::OddOutput)
}

/// Runs a program to its end: `input` goes to its stdin, what it writes comes back.
///
/// # Errors
/// It can't be started, or doesn't end in time.
pub fn run(command: &mut Command, input: Option<&Secret>, budget: Duration) -> Result<ProgramResult, ProgramFailure> {
    let deadline = Instant::now() + budget;
    command
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = ProgramTree::spawn(command).map_err(ProgramFailure::NotStarted)?;
    feed(&mut child, input);
    let (stdout, stderr) = (hear(child.take_stdout()), hear(child.take_stderr()));
    let (stdout, status) = match cfg!(windows) {
        // What a program leaves running inherits its stdout there, whether it is told to or not, and so would keep it open.
        true => {
            let status = wait(&mut child, deadline);
            child.end();
            (stdout.recv_timeout(LAST_WORDS).ok(), status)
        }
        false => {
            let stdout = stdout.recv_timeout(budget).ok();
            let status = stdout.as_ref().and_then(|_| wait(&mut child, deadline));
            (stdout, status)
        }
    };
    let (Some(stdout), Some(status)) = (stdout, status) else {
        child.end();
        return Err(ProgramFailure::TookTooLong(budget));
    };
    // What it left running may hold its stderr open: that is waited for only where it is needed.
    let left = deadline.saturating_duration_since(Instant::now());
    let stderr = match status.success() {
        true => None,
        false => stderr.recv_timeout(left).ok(),
    };
    Ok(ProgramResult {
        status,
        stdout,
        stderr: stderr.unwrap_or_default(),
    })
}

/// Feeds the program on a thread of its own, which ends with its pipe: a program that hangs is not waited for.
fn feed(child: &mut ProgramTree, input: Option<&Secret>) {
    if let (Some(mut stdin), Some(input)) = (child.take_stdin(), input.cloned()) {
        // A program that doesn't read to the end says so by its exit status.
        std::thread::spawn(move || stdin.write_all(input.expose().as_bytes()));
    }
}

/// Hears the program on a thread of its own. What is past the limit, and one byte that tells so, is thrown away.
fn hear(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Zeroizing<Vec<u8>>> {
    let (say, heard) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = Zeroizing::new(Vec::with_capacity(8 * 1024));
        if let Some(mut pipe) = pipe {
            let _ = (&mut pipe).take(OUTPUT_LIMIT + 1).read_to_end(&mut text);
            let _ = io::copy(&mut pipe, &mut io::sink());
        }
        let _ = say.send(text);
    });
    heard
}

/// Its exit status, if it ends before the deadline.
fn wait(child: &mut ProgramTree, deadline: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
            _ => return None,
        }
    }
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
        let odd = "what it printed is not text, or is longer than 256 KiB";
        assert_eq!(run("printf '\\377'", None, LONG).unwrap_err(), odd);
        assert_eq!(run("head -c 262145 /dev/zero", None, LONG).unwrap_err(), odd);
        let missing = output(&mut Command::new("/nowhere/program"), None, LONG).unwrap_err();
        assert!(matches!(missing, ProgramFailure::NotStarted(_)));
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
    fn a_failure_comes_with_what_was_written() {
        let ended = super::run(&mut shell("echo out; echo err >&2; exit 3"), None, LONG).unwrap();
        assert_eq!((ended.status.code(), ended.stdout.as_slice()), (Some(3), &b"out\n"[..]));
        assert_eq!(ended.stderr.as_slice(), b"err\n");
        // What is left running holds stderr open.
        let ended = super::run(&mut shell("sleep 1000 >/dev/null & echo $!"), None, LONG).unwrap();
        let left = std::str::from_utf8(&ended.stdout).unwrap().trim().parse().unwrap();
        rustix::process::kill_process(
            rustix::process::Pid::from_raw(left).unwrap(),
            rustix::process::Signal::KILL,
        )
        .unwrap();
    }

    #[test]
    fn only_absolute_folders_of_path_count() {
        let env = |path: &str| [("PATH", path)].into_iter().collect::<Env>();
        assert_eq!(on_path("sh", &env("/nowhere::.:bin:/bin")), Some("/bin/sh".into()));
        assert_eq!(on_path("sh", &env(".:bin")), None);
        assert_eq!(on_path("passwd", &env("/etc")), None, "it is no program");
    }
}
