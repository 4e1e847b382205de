//! Runs the real binary in its own home and checks its results: stdout, stderr, exit status, files.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use assert_cmd::cargo::cargo_bin;
use context::Env;
use tempfile::TempDir;

/// A registry of the lab's own account.
pub const HOST: &str = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";

/// A vendor's file for customers: the lab's pools, and a registry with them.
pub const VENDOR: &str = "\
cognito:
  user-pool-id: eu-west-1_AbCdEfGhI
  client-id: 1h57kf5cpq17m0eml12EXAMPLE
  identity-pool-id: eu-west-1:12345678-abcd-1234-abcd-123456789012
registries:
  - match: 111122223333.dkr.ecr.eu-west-1.amazonaws.com
    source: cognito
";

/// The scripts that [`Machine::command_line`] has written.
static SCRIPTS: AtomicUsize = AtomicUsize::new(0);

/// A machine with an empty home. Nothing of the real home is seen.
pub struct Machine {
    folder: TempDir,
    env: BTreeMap<String, String>,
}

impl Machine {
    /// Returns a machine without credentials and instance metadata, with an empty home and the system's PATH.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        let machine = Self {
            folder,
            env: BTreeMap::new(),
        };
        let home = machine.home().display().to_string();
        machine
            .with("HOME", &home)
            .with("PATH", "/usr/local/bin:/usr/bin:/bin")
            .with("AWS_EC2_METADATA_DISABLED", "true")
    }

    /// Sets a variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Sets several variables.
    pub fn with_all<K: Into<String>, V: Into<String>>(mut self, vars: impl IntoIterator<Item = (K, V)>) -> Self {
        self.env.extend(vars.into_iter().map(|(k, v)| (k.into(), v.into())));
        self
    }

    /// Sets a variable for later runs.
    pub fn set(&mut self, name: &str, value: &str) {
        self.env.insert(name.to_owned(), value.to_owned());
    }

    /// Returns the current value of a variable.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str)
    }

    /// Removes a variable.
    pub fn without(mut self, name: &str) -> Self {
        self.env.remove(name);
        self
    }

    /// Returns the whole environment, for a command that runs within the test.
    pub fn env(&self) -> Env {
        self.env
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// Writes a file below the home.
    pub fn write(&self, below: &str, content: &str) -> PathBuf {
        let path = self.home().join(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// Returns a command line that does what this line of `sh` does: the line itself, or a script for the Windows binary, whose shell is another.
    pub fn command_line(&self, line: &str) -> String {
        if !is_for_windows() {
            return line.to_owned();
        }
        let number = SCRIPTS.fetch_add(1, Ordering::Relaxed);
        let script = self.path(&format!("line-{number}"));
        fs::write(&script, format!("#!/bin/sh\n{line}\n")).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        in_command_line(&script)
    }

    /// Returns the content of a file below the home.
    pub fn read(&self, below: &str) -> String {
        in_our_words(fs::read(self.home().join(below)).unwrap())
    }

    /// Returns the files of the token cache, sorted by name.
    pub fn cache_files(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.home().join(".cache/ecr-auth")) else {
            return Vec::new();
        };
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    /// Runs the binary under its own name.
    pub fn run(&self, args: &[&str]) -> Outcome {
        self.call(&binary(), args, "")
    }

    /// Runs it with this input.
    pub fn run_with_stdin(&self, args: &[&str], stdin: &str) -> Outcome {
        self.call(&binary(), args, stdin)
    }

    /// Runs the credential helper from a client, which is its own process.
    pub fn helper(&self, action: &str, stdin: &str) -> Outcome {
        outcome_of(self.client_command(action), stdin)
    }

    /// Returns a client that calls the credential helper once, and ends with its status.
    pub fn client_command(&self, action: &str) -> Command {
        let program = binary();
        let program = program.to_str().unwrap();
        let line = r#""$0" "$@"; exit $?"#;
        self.command("/bin/sh".as_ref(), &["-c", line, program, "helper", action])
    }

    /// Runs any program in this machine's environment.
    pub fn call(&self, program: &Path, args: &[&str], stdin: &str) -> Outcome {
        outcome_of(self.command(program, args), stdin)
    }

    /// Starts the credential helper with this stdin, and leaves it running.
    pub fn start_helper(&self, action: &str, stdin: &str) -> Child {
        let mut child = self.start(&["helper", action]);
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        child
    }

    /// Starts the binary and leaves it running.
    pub fn start(&self, args: &[&str]) -> Child {
        self.command(&binary(), args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Returns a command of any program in this machine's environment.
    pub fn command(&self, program: &Path, args: &[&str]) -> Command {
        let windows = program.with_extension("exe");
        let is_windows = !program.exists() && windows.is_file();
        let mut command = Command::new(if is_windows { binary() } else { program.to_owned() });
        command
            .args(args)
            .env_clear()
            .envs(&self.env)
            .current_dir(self.folder.path());
        if is_windows {
            // Wine runs it: tests/wine.
            command.env("SHIM_PROGRAM", windows);
        }
        command
    }
}

fn outcome_of(command: Command, stdin: &str) -> Outcome {
    let output = assert_cmd::Command::from_std(command)
        .write_stdin(stdin)
        .output()
        .unwrap();
    Outcome::of(&output)
}

/// Returns an error of the system in glibc's words. A static binary has musl's, and one for Windows has Wine's.
pub fn in_glibcs_words(text: &str) -> String {
    text.replace("Symbolic link loop", "Too many levels of symbolic links")
        .replace("Name does not resolve", "Name or service not known")
        .replace("Host not found. (os error 11001)", "Name or service not known")
}

/// Whether the binary is the one for Windows, under Wine: the shim of tests/wine stands for it.
pub fn is_for_windows() -> bool {
    binary().with_file_name("shim.exe").is_file()
}

/// Checks that only its owner may open a file. Wine shows a list of the owner alone as the rights of the owner and of the group.
#[track_caller]
pub fn assert_private(file: &Path) {
    let mode = file.metadata().unwrap().permissions().mode() & 0o777;
    match is_for_windows() {
        true => assert_eq!(mode & 0o007, 0, "{}: {mode:o}", file.display()),
        false => assert_eq!(mode, 0o600, "{}", file.display()),
    }
}

/// Returns a program in a command line, such as a `credential_process`: with the quotes of the shell that the binary's system has. On Windows, the
/// program is the `.exe` beside it.
pub fn in_command_line(program: &Path) -> String {
    let program = program.display().to_string();
    match is_for_windows() {
        true => format!("\"Z:{}.exe\"", program.replace('/', "\\")),
        false => format!("'{program}'"),
    }
}

/// Returns what the binary has written. The paths and system errors of the Windows binary, under Wine, are replaced by Linux'.
pub fn in_our_words(written: Vec<u8>) -> String {
    let text = String::from_utf8(written).unwrap();
    if !is_for_windows() {
        return text;
    }
    let path = regex_lite::Regex::new(r#"(Z:|~)(\\[^\s"':;,<>|]*)+"#).unwrap();
    let text = path.replace_all(&text, |found: &regex_lite::Captures<'_>| {
        let path = found[0].replace("\\\\", "\\").replace('\\', "/").replace(".exe", "");
        path.strip_prefix("Z:").map(str::to_owned).unwrap_or(path)
    });
    text.replace("File not found. (os error 2)", "No such file or directory (os error 2)")
        .replace("Path not found. (os error 3)", "No such file or directory (os error 2)")
        .replace("Access denied. (os error 5)", "Permission denied (os error 13)")
        .replace("it ended with exit code: ", "it ended with exit status: ")
        .replace(" -- cmd /c rem\n", " -- true\n")
}

/// A path that Windows' binary has written, as it is here under Wine; any other text as it is.
pub fn as_here(text: &str) -> String {
    match text.strip_prefix("Z:\\") {
        Some(below) => format!("/{}", below.replace('\\', "/")),
        None => text.to_owned(),
    }
}

/// Returns the binary under test: cargo's, or the one with the absolute path in `ECR_AUTH_TEST_BINARY` (`make dist` tests what it built).
pub fn binary() -> PathBuf {
    env::var_os("ECR_AUTH_TEST_BINARY").map_or_else(|| cargo_bin!("ecr-auth").to_path_buf(), PathBuf::from)
}

/// Returns the expected stderr, with the address of each error's section after its hint.
pub fn with_links(stderr: &str) -> String {
    let mut told = String::new();
    let mut link = String::new();
    for line in stderr.split_inclusive('\n') {
        // A long hint continues on indented lines.
        if !line.starts_with("hint: ") && !line.starts_with("    ") {
            told += &std::mem::take(&mut link);
        }
        told += line;
        if let Some((_, code)) = line.rsplit_once(" [EA").filter(|_| line.starts_with("error: ")) {
            let end = &line[line.trim_end().len()..];
            let code = code.trim_end().trim_end_matches(']');
            link = format!("see: {}#ea{code}{end}", diagnostics::PAGE);
        }
    }
    told + &link
}

/// The result of a process.
#[derive(Debug, PartialEq, Eq)]
pub struct Outcome {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    pub fn of(output: &Output) -> Self {
        let outcome = Self {
            status: output.status.code().unwrap_or(-1),
            stdout: in_our_words(output.stdout.clone()),
            stderr: in_our_words(output.stderr.clone()),
        };
        outcome.errors_have_a_code();
        outcome
    }

    /// Checks that every error has a code, and no line has two.
    #[track_caller]
    fn errors_have_a_code(&self) {
        for line in self.stderr.lines() {
            let codes = line.matches("[EA").count();
            assert!(codes < 2 && (codes == 1 || !line.starts_with("error: ")), "{self:?}");
        }
    }

    /// Checks the whole result, byte for byte. The addresses of errors' sections are left out, because they follow from the codes.
    #[track_caller]
    pub fn is(&self, status: i32, stdout: &str, stderr: &str) {
        let expected = Self {
            status,
            stdout: stdout.to_owned(),
            stderr: with_links(stderr),
        };
        assert_eq!(*self, expected);
    }

    /// Checks a success that prints nothing on stderr.
    #[track_caller]
    pub fn prints(&self, stdout: &str) {
        self.is(0, stdout, "");
    }

    /// Returns the password that a successful `get` printed.
    #[track_caller]
    pub fn password(&self) -> String {
        assert_eq!((self.status, self.stderr.as_str()), (0, ""), "{self:?}");
        let answer: serde_json::Value = serde_json::from_str(&self.stdout).unwrap();
        assert_eq!(answer["Username"], "AWS");
        answer["Secret"].as_str().unwrap().to_owned()
    }
}
