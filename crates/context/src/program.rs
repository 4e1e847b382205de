//! Other programs that give or take secrets: found only on PATH, given input on stdin, with a limited time.

use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::Env;
use crate::descendants::ProgramTree;
use secret::Secret;

/// The most that a program may print, in bytes.
const OUTPUT_LIMIT: u64 = 256 * 1024;

/// How long to wait for a program's output after it has ended.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A program's exit status and output.
#[derive(Debug)]
pub struct ProgramResult {
    /// The exit status.
    pub status: ExitStatus,
    /// The stdout. At most 256 KiB and one byte are kept.
    pub stdout: Zeroizing<Vec<u8>>,
    /// The stderr, with the same limit, if the program failed.
    pub stderr: Zeroizing<Vec<u8>>,
}

/// Why a program did not give or take a secret.
#[derive(Debug, thiserror::Error)]
pub enum ProgramFailure {
    /// The program could not be started.
    #[error("it cannot be started: {0}")]
    NotStarted(std::io::Error),
    /// The program took too long, and was ended.
    #[error("it took longer than {:.1} s and was ended", .0.as_secs_f64())]
    TookTooLong(Duration),
    /// The program ended, and what it started went on and held its stdout open for too long. It was ended.
    #[error("it ended, and a program that it started held its stdout open for longer than {:.1} s", .0.as_secs_f64())]
    LeftRunning(Duration),
    /// The program ended with an error.
    #[error("it ended with {0}; what it wrote may hold secrets and is not shown")]
    Ended(ExitStatus),
    /// The output is not text, or is too long.
    #[error("what it printed is not text, or is longer than 256 KiB")]
    OddOutput,
}

/// Whether a program was called under this name, with or without `.exe`. On Windows the case does not count.
///
/// ```
/// use context::program::is_called;
///
/// assert!(is_called("/usr/bin/tool".as_ref(), "tool"));
/// assert!(is_called("tool.EXE".as_ref(), "tool"));
/// assert!(!is_called("other.exe".as_ref(), "tool"));
/// assert_eq!(is_called("Tool.exe".as_ref(), "tool"), cfg!(windows));
/// ```
pub fn is_called(program: &Path, name: &str) -> bool {
    let called = program
        .file_name()
        .and_then(|called| called.to_str())
        .unwrap_or_default();
    let stem = match called.len().checked_sub(4).and_then(|at| called.split_at_checked(at)) {
        Some((stem, kind)) if kind.eq_ignore_ascii_case(".exe") => stem,
        _ => called,
    };
    match cfg!(windows) {
        true => stem.eq_ignore_ascii_case(name),
        false => stem == name,
    }
}

/// Returns the words of a command line, as programs of this platform split it, or `None` if a quote is not closed.
pub fn words(line: &str) -> Option<Vec<String>> {
    match cfg!(windows) {
        true => words_of_windows(line),
        false => shlex::split(line),
    }
}

/// Splits as on Windows: only double quotes keep blanks in a word, and a backslash does not escape.
fn words_of_windows(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    for c in line.chars() {
        match c {
            '"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            ' ' | '\t' if !is_quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    (!is_quoted).then_some(words)
}

/// Returns the path of a program: in the first absolute folder of PATH that has it. A relative folder could be in a checkout.
pub fn on_path(name: &str, env: &Env) -> Option<PathBuf> {
    all_on_path(name, env).into_iter().next()
}

/// Returns all paths of a program, in the order of PATH's absolute folders.
pub fn all_on_path(name: &str, env: &Env) -> Vec<PathBuf> {
    let file = file_of(name);
    let folders = env.search_path().into_iter().filter(|folder| folder.is_absolute());
    let paths = folders.map(|folder| folder.join(&*file));
    paths.filter(|path| is_program(path)).collect()
}

/// The endings of batch files.
const BATCH: [&str; 2] = ["cmd", "bat"];

/// Returns the file that a program's name or path means: on Windows with `.exe`, unless it has a program's ending.
pub fn file_of(name: &str) -> Cow<'_, str> {
    match cfg!(windows) {
        true => file_of_windows(name),
        false => name.into(),
    }
}

fn file_of_windows(name: &str) -> Cow<'_, str> {
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let is_whole = ["exe", "com"]
        .iter()
        .chain(&BATCH)
        .any(|kind| ending.eq_ignore_ascii_case(kind));
    match is_whole {
        true => name.into(),
        false => format!("{name}.exe").into(),
    }
}

/// Returns the batch file of this name on PATH (`.bat`, `.cmd`), on systems with such files. Only a name with the ending starts it.
pub fn batch_file(name: &str, env: &Env) -> Option<PathBuf> {
    let kinds: &[&str] = if cfg!(windows) { &BATCH } else { &[] };
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

/// The program and the option with which the platform's shell runs a command line, such as a `credential_process`.
pub const SHELL: [&str; 2] = if cfg!(windows) {
    ["cmd.exe", "/C"]
} else {
    ["/bin/sh", "-c"]
};

/// Returns the path of the shell that runs a command line. On Windows, it is the system's own `cmd.exe`.
pub fn shell_path() -> PathBuf {
    if !cfg!(windows) {
        return SHELL[0].into();
    }
    let root = std::env::var_os("SystemRoot").unwrap_or_else(|| r"C:\Windows".into());
    Path::new(&root).join("System32").join(SHELL[0])
}

/// Returns the command that runs a line in the shell.
#[cfg(unix)]
pub fn shell(line: &str) -> Command {
    let mut command = Command::new(shell_path());
    command.arg(SHELL[1]).arg(line);
    command
}

/// Returns the command that runs a line in the shell. `cmd.exe` runs nothing before it (`/D`). The line is passed unchanged, in quotes that the
/// shell removes (`/S`), because `cmd.exe` has its own rules for quotes.
#[cfg(not(unix))]
pub fn shell(line: &str) -> Command {
    use std::os::windows::process::CommandExt;

    let mut command = Command::new(shell_path());
    command.args(["/D", "/S", SHELL[1]]).raw_arg(format!("\"{line}\""));
    command
}

/// Runs a program and returns the text that it prints. `input` goes to its stdin. Its stderr is dropped.
///
/// # Errors
/// The reason why it failed, without any of its output.
pub fn output(command: &mut Command, input: Option<&Secret>, budget: Duration) -> Result<Secret, ProgramFailure> {
    let ended = run(command, input, budget)?;
    if !ended.status.success() {
        return Err(ProgramFailure::Ended(ended.status));
    }
    let text = Some(&ended.stdout).filter(|text| text.len() as u64 <= OUTPUT_LIMIT);
    let text = text.and_then(|text| std::str::from_utf8(text).ok());
    text.map(Secret::new).ok_or(ProgramFailure::OddOutput)
}

/// Runs a program until it ends, and returns its output. `input` goes to its stdin.
///
/// # Errors
/// The program cannot be started, or does not end in time.
pub fn run(command: &mut Command, input: Option<&Secret>, budget: Duration) -> Result<ProgramResult, ProgramFailure> {
    let deadline = Instant::now() + budget;
    command
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = ProgramTree::spawn(command).map_err(ProgramFailure::NotStarted)?;
    feed(&mut child, input);
    let (stdout, stderr) = (hear(child.take_stdout()), hear(child.take_stderr()));
    let (stdout, status, has_ended) = match cfg!(windows) {
        // There, programs that it leaves running always inherit its stdout, and would keep it open.
        true => {
            let status = wait(&mut child, deadline);
            child.end();
            (stdout.recv_timeout(LAST_WORDS).ok(), status, status.is_some())
        }
        false => {
            let stdout = stdout.recv_timeout(budget).ok();
            let status = stdout.as_ref().and_then(|_| wait(&mut child, deadline));
            (stdout, status, matches!(child.try_wait(), Ok(Some(_))))
        }
    };
    let (Some(stdout), Some(status)) = (stdout, status) else {
        child.end();
        return Err(match has_ended {
            true => ProgramFailure::LeftRunning(budget),
            false => ProgramFailure::TookTooLong(budget),
        });
    };
    // Programs that it left running may hold its stderr open, so stderr is only read if it is needed.
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

/// Writes the program's input in a thread, so that a program that does not read is not waited for.
fn feed(child: &mut ProgramTree, input: Option<&Secret>) {
    if let (Some(mut stdin), Some(input)) = (child.take_stdin(), input.cloned()) {
        // A program that does not read its whole input reports that by its exit status.
        std::thread::spawn(move || stdin.write_all(input.expose().as_bytes()));
    }
}

/// Reads the program's output in a thread. Output beyond the limit and one byte is dropped.
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

/// Returns the exit status, if the program ends before the deadline.
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
    fn windows_words() {
        let words = |line: &str| words_of_windows(line).unwrap_or_else(|| vec!["unclosed".to_owned()]);
        let line = r#""C:\Program Files\O'Brien\ecr-auth.exe"  assume  --profile "" a"b c"d "#;
        assert_eq!(
            words(line),
            [
                r"C:\Program Files\O'Brien\ecr-auth.exe",
                "assume",
                "--profile",
                "",
                "ab cd"
            ]
        );
        assert_eq!(words(""), Vec::<String>::new());
        assert_eq!(words("a \"b"), ["unclosed"]);
    }

    #[test]
    fn windows_files() {
        for (name, file) in [
            ("tool", "tool.exe"),
            (r".\tool", r".\tool.exe"),
            ("python3.12", "python3.12.exe"),
            ("tool.EXE", "tool.EXE"),
            ("more.com", "more.com"),
            ("az.cmd", "az.cmd"),
            ("tool.Bat", "tool.Bat"),
        ] {
            assert_eq!(file_of_windows(name), file);
        }
    }

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
        // The grandchild holds the other end of the FIFO open, so reading it ends when the grandchild has ended.
        let line = format!("(exec 3>{0}; sleep 1000) & sleep 1000", fifo.display());
        let reader = std::thread::spawn(move || std::fs::read(fifo).unwrap());
        let failed = run(&line, None, Duration::from_millis(300)).unwrap_err();
        assert_eq!(failed, "it took longer than 0.3 s and was ended");
        let failed = run("sleep 1000 & echo", None, Duration::from_millis(300)).unwrap_err();
        assert_eq!(
            failed,
            "it ended, and a program that it started held its stdout open for longer than 0.3 s"
        );
        assert_eq!(reader.join().unwrap(), b"");
    }

    #[test]
    fn a_failure_comes_with_what_was_written() {
        let ended = super::run(&mut shell("echo out; echo err >&2; exit 3"), None, LONG).unwrap();
        assert_eq!((ended.status.code(), ended.stdout.as_slice()), (Some(3), &b"out\n"[..]));
        assert_eq!(ended.stderr.as_slice(), b"err\n");
        // The program left running holds stderr open.
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
