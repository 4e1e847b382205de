//! What doctor shows a person: colours, progress, the summary, and what to type next.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Instant, SystemTime};

use context::{Context, Progress, Verbosity};
use diagnostics::MessageWriter;
use lab::Service;

use crate::doctor::{Scene, failures};
use crate::harness::{HOST, Machine, Outcome, binary, is_for_windows};
use crate::jobs::write_rules;
use crate::lab_machine::{PATIENCE, key_variables, lab};

/// What a terminal shows, and a way to wait for it.
#[derive(Clone, Default)]
struct Screen(Arc<(Mutex<String>, Condvar)>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (text, changed) = &*self.0;
        text.lock().unwrap().push_str(std::str::from_utf8(bytes).unwrap());
        changed.notify_all();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Screen {
    fn shows(&self, wanted: &str) -> bool {
        let (text, changed) = &*self.0;
        let waited = changed.wait_timeout_while(text.lock().unwrap(), PATIENCE, |text| !text.contains(wanted));
        !waited.unwrap().1.timed_out()
    }
}

/// What a terminal shows where this variable is set.
fn on_a_terminal(variable: &str, value: &str) -> String {
    let machine = Machine::new()
        .with("AWS_EC2_METADATA_DISABLED", "true")
        .with(variable, value);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut context = Context {
        env: machine.env(),
        exe: binary(),
        clock: &SystemTime::now,
        stdin: &mut io::empty(),
        stdout: &mut stdout,
        stdout_is_terminal: true,
        stderr: MessageWriter::new(&mut stderr),
        progress: Progress::default(),
        verbosity: Verbosity::Normal,
        started: SystemTime::now(),
        began: Instant::now(),
    };
    ecr_auth::run(&["ecr-auth".into(), "doctor".into(), HOST.into()], &mut context);
    String::from_utf8(stdout).unwrap()
}

#[test]
fn colours_are_for_a_terminal_that_wants_them() {
    let coloured = on_a_terminal("TERM", "xterm");
    assert!(coloured.contains("\x1b[32m✓\x1b[0m binary: "), "{coloured}");
    assert!(coloured.contains("\x1b[31m✗\x1b[0m credentials: "), "{coloured}");
    for (variable, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let plain = on_a_terminal(variable, value);
        assert!(plain.contains("✗ credentials: ") && !plain.contains('\x1b'), "{plain}");
    }
}

/// Only what deserves a look or fails, each with its registry.
#[test]
fn a_quiet_doctor_prints_problems_alone() {
    let mut scene = Scene::new();
    scene.breaks("no credentials");
    let outcome = scene.doctor(&["-q", HOST]);
    let lines = outcome.stdout.lines().filter(|line| !line.starts_with("    "));
    let lines: Vec<&str> = lines.collect();
    assert!(lines.iter().all(|line| line.starts_with(['!', '✗'])), "{outcome:?}");
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with(&format!("✗ credentials: {HOST}: no AWS credentials"))),
        "{outcome:?}"
    );
    assert_eq!((outcome.status, outcome.stderr.as_str()), (1, ""), "{outcome:?}");
}

#[test]
fn the_summary_counts_the_problems_and_names_what_to_run_first() {
    let mut scene = Scene::new();
    scene.breaks("registry not configured");
    let outcome = scene.doctor(&[HOST]);
    let end = format!(
        "\n\n{} problems\nRun first: ecr-auth setup {HOST}\n",
        failures(&outcome).len()
    );
    assert!(outcome.stdout.ends_with(&end), "{outcome:?}");
    let mut scene = Scene::new();
    scene.breaks("malformed config.json");
    let outcome = scene.doctor(&["--redact", HOST]);
    assert!(outcome.stdout.contains("\n\n1 problems\n"), "{outcome:?}");
    assert!(!outcome.stdout.contains("111122223333"), "{outcome:?}");
}

#[test]
fn the_second_run_checks_what_the_first_one_was_asked() {
    let mut scene = Scene::new();
    scene.breaks("malformed config.json");
    scene.breaks("proxy that refuses");
    let last = |args: &[&str]| {
        let report = scene.doctor(args).stdout;
        report.lines().last().unwrap_or_default().to_owned()
    };
    let again = "After the first ✗ is fixed, run: ecr-auth ";
    let image = format!("{HOST}/team/app:1");
    assert_eq!(last(&[HOST]), format!("{again}doctor {HOST}"));
    assert_eq!(last(&[&image]), format!("{again}doctor {image}"));
    let digest = format!("{HOST}/app@sha256:{}", "0".repeat(64));
    assert_eq!(last(&[&digest]), format!("{again}doctor {digest}"));
    let args = ["--check-push", "--profile", "it's mine", &image];
    // The quotes of POSIX shells, else of cmd and PowerShell.
    let (quoted, quote) = match is_for_windows() {
        true => ("\"it's mine\"", "\""),
        false => (r"'it'\''s mine'", "'"),
    };
    assert_eq!(
        last(&args),
        format!("{again}doctor --check-push --profile {quoted} {image}")
    );
    assert_eq!(
        last(&[&image, "public.ecr.aws/x/y:1", &digest]),
        format!("{again}doctor {image} {digest}")
    );
    assert_eq!(
        last(&["--session-name", "", "--profile", "a  b", &image]),
        format!("{again}doctor --session-name {quote}{quote} --profile {quote}a  b{quote} {image}")
    );
    let secret = "echo s3cret";
    let said = last(&["--token-command", secret, "--region", "eu-west-1", &image]);
    assert_eq!(said, format!("{again}doctor --region eu-west-1 {image}"));
    let redacted = last(&["--redact", &image]);
    assert!(
        !redacted.contains("team") && !redacted.contains("111122223333"),
        "{redacted}"
    );
}

/// The line is for convenience: the checks are made without it.
#[test]
fn what_no_line_can_name_does_not_keep_doctor_from_its_checks() {
    let mut scene = Scene::new();
    scene.breaks("malformed config.json");
    let odd = OsStr::from_bytes(b"token-\xff");
    fs::write(scene.machine.path("").join(odd), "token").unwrap();
    let mut command = scene.machine.command(&binary(), &["doctor", HOST]);
    command.arg("--token-file").arg(odd);
    let outcome = Outcome::of(&command.output().unwrap());
    assert_eq!(outcome.status, 1, "{outcome:?}");
    let last = outcome.stdout.lines().last();
    let told = "After the first ✗ is fixed, run the same command again";
    assert_eq!(last, Some(told), "{outcome:?}");
}

#[test]
fn a_terminal_is_told_what_is_waited_for() {
    let lab = lab();
    let name = format!("127.0.0.1:{}", lab.https_addr().port());
    lab.add_host_alias(&name, HOST).unwrap();
    let machine = Machine::new()
        .with("AWS_ENDPOINT_URL", &lab.http_url())
        .with("AWS_CA_BUNDLE", lab.ca_file().to_str().unwrap())
        .with_all(key_variables(lab.admin()));
    write_rules(&machine, &format!("  - match: {name}\n    registry: {HOST}\n"));
    lab.hold(Service::Ecr);
    let screen = Screen::default();
    let mut stderr = screen.clone();
    let env = machine.env();
    let progress = Progress::on(screen.clone());
    let doctor = std::thread::spawn(move || {
        let mut stdout = Vec::new();
        let mut context = Context {
            env,
            exe: binary(),
            clock: &SystemTime::now,
            stdin: &mut io::empty(),
            stdout: &mut stdout,
            stdout_is_terminal: true,
            stderr: MessageWriter::new(&mut stderr),
            progress,
            verbosity: Verbosity::Normal,
            started: SystemTime::now(),
            began: Instant::now(),
        };
        ecr_auth::run(&["ecr-auth".into(), "doctor".into(), name.into()], &mut context);
        String::from_utf8(stdout).unwrap()
    });
    assert!(screen.shows("… asking Amazon ECR for a token"));
    lab.release(Service::Ecr);
    let report = doctor.join().unwrap();
    assert!(screen.shows("\r\x1b[K"), "the line is taken back");
    assert!(report.contains(" registry: 127.0.0.1:"), "{report}");
}
