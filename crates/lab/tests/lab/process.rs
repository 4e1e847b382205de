//! The lab as a process, and that it leaves nothing behind.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use lab::{Lab, Options};

#[test]
fn prints_its_environment_and_ends_on_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let env_file = folder.path().join("env");
    let mut child = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(["--no-registry", "--env-file"])
        .arg(&env_file)
        .arg("--data")
        .arg(folder.path().join("data"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut printed = String::new();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    while !printed.contains("AWS_ENDPOINT_URL") {
        assert_ne!(reader.read_line(&mut printed).unwrap(), 0, "ended early: {printed}");
    }
    let written = fs::read_to_string(&env_file).unwrap();
    assert_eq!(printed, written, "the file is whole before anything is printed");
    for name in [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        "AWS_CA_BUNDLE",
        "SSL_CERT_FILE",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT",
        "LAB_PROGRAMS",
        "LAB_CONTROL",
    ] {
        assert!(printed.contains(&format!("export {name}='")), "{name}");
    }
    let script = format!(
        ". {}; curl --silent --show-error --noproxy '*' \"$LAB_CONTROL/calls\"",
        env_file.display()
    );
    let asked = Command::new("sh").args(["-c", &script]).output().unwrap();
    // The counts may not be empty: a client of another test may retry a port that the kernel has since given to this
    // lab.
    let report: serde_json::Value =
        serde_json::from_slice(&asked.stdout).unwrap_or_else(|error| panic!("{error}: {asked:?}"));
    assert!(report["counts"].is_object() && report["log"].is_array(), "{report}");
    // The shell's own `kill`, because a minimal Debian has no program of that name.
    let kill = format!("kill -TERM {}", child.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(
        folder.path().join("data/ca.pem").exists(),
        "a folder that was named stays"
    );
}

#[test]
fn refuses_to_listen_beyond_this_machine() {
    let output = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(["--bind", "0.0.0.0"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        said,
        "error: cannot start the lab: 0.0.0.0 is neither a loopback address nor one of documentation's\n"
    );
}

#[test]
fn dropping_a_lab_leaves_nothing_behind() {
    let lab = Lab::start(Options::default()).unwrap();
    let (http, ca_file) = (lab.http_addr(), lab.ca_file().to_owned());
    let folder = ca_file.parent().unwrap().to_owned();
    assert!(folder.join("registry.sock").exists());
    TcpStream::connect(http).unwrap();
    drop(lab);
    assert!(TcpStream::connect(http).is_err());
    assert!(!folder.exists());
    let left = processes_naming(folder.to_str().unwrap());
    assert_eq!(left, 0, "docker-registry is gone");
}

/// Counts the processes that have this text in their command line.
fn processes_naming(text: &str) -> usize {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| fs::read(entry.ok()?.path().join("cmdline")).ok())
        .filter(|line| String::from_utf8_lossy(line).contains(text))
        .count()
}
