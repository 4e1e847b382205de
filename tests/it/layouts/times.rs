//! The end of credentials, in the forms that programs write: compares what is made of it with botocore.

use fastrand::Rng;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use sha2::{Digest as _, Sha256};

use super::layout::{SESSIONS, START_URL};
use super::{Oracle, ours, with_files, write};
use crate::harness::Machine;

const LOGIN: &str = "arn:aws:iam::111122223333:user/maria";

/// Forms of one time.
const FORMS: [&str; 7] = [
    "2098-12-28T21:00:00Z",
    "2098-12-28T21:00:00+0000",
    "2098-12-28T14:00:00-0700",
    "2098-12-28T21:00:00+00",
    "2098-12-28T21:00:00 GMT",
    "2098-12-28T21:00Z",
    "20981228T210000Z",
];

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the text of `config` for a process that prints this end.
fn process(end: &str) -> String {
    let answer =
        json!({"Version": 1, "AccessKeyId": "PROCESS", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": end});
    format!("[profile process]\ncredential_process = echo '{answer}'\n")
}

#[test]
fn every_source_takes_the_times_that_botocore_takes() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let mut oracle = Oracle::start(home);
    let portal = format!("sso_start_url = {START_URL}\nsso_region = eu-west-1\n");
    let sso = format!(
        "[profile sso]\nsso_session = {0}\nsso_account_id = 111122223333\nsso_role_name = Dev\n[sso-session {0}]\n{portal}",
        SESSIONS[0]
    );
    for end in FORMS {
        oracle.ask(&json!({"end": end})).unwrap();
        let session = json!({"startUrl": START_URL, "region": "eu-west-1", "accessToken": "token", "expiresAt": end});
        let file = hex(&Sha1::digest(SESSIONS[0]));
        write(home, &format!(".aws/sso/cache/{file}.json"), &session.to_string());
        let session = json!({
            "accessToken": {"accessKeyId": "LOGIN", "secretAccessKey": "s", "sessionToken": "t", "accountId": "1", "expiresAt": end},
            "tokenType": "aws_sigv4", "refreshToken": "r", "clientId": "c", "dpopKey": "k", "idToken": "i"
        });
        let file = hex(&Sha256::digest(LOGIN));
        write(home, &format!(".aws/login/cache/{file}.json"), &session.to_string());
        let config = format!("{sso}[profile login]\nlogin_session = {LOGIN}\n{}", process(end));
        let plain = |port| with_files(&config, "", home, port).with("AWS_REGION", "eu-west-1");
        let port = oracle.port;
        let container = format!("http://127.0.0.1:{port}/container");
        let machines = [
            ("PROCESS", plain(port).with("AWS_PROFILE", "process")),
            ("SSO111122223333Devtoken", plain(port).with("AWS_PROFILE", "sso")),
            ("LOGIN", plain(port).with("AWS_PROFILE", "login")),
            (
                "CONTAINER",
                plain(port).with("AWS_CONTAINER_CREDENTIALS_FULL_URI", &container),
            ),
            ("INSTANCE", plain(port)),
        ];
        for (key, machine) in machines {
            // Without the library of AWS's C runtime, botocore takes no session of `aws login`.
            if key != "LOGIN" {
                assert_eq!(oracle.identity(&machine).as_deref(), Ok(key), "botocore, {end}");
            }
            assert_eq!(ours(&machine).as_deref(), Ok(key), "{end}");
        }
    }
}

/// Returns the end of a process's credentials in UTC, as `assume` prints it.
fn end_of(machine: &Machine, text: &str) -> Option<String> {
    machine.write(".aws/config", &process(text));
    let outcome = machine.run(&["assume", "--profile", "process"]);
    if outcome.status != 0 {
        assert!(outcome.stderr.contains("is not a time [EA0306]"), "{text}: {outcome:?}");
        return None;
    }
    let answer: Value = serde_json::from_str(&outcome.stdout).unwrap();
    Some(answer["Expiration"].as_str().unwrap().to_owned())
}

/// Returns a time in one of many forms of digits, most of which programs write.
fn time(rng: &mut Rng) -> String {
    let mut one = |forms: &[&str]| (*rng.choice(forms).unwrap()).to_owned();
    let zone = one(&[
        "Z", "UTC", "GMT", "+0000", "-0700", "+00", "+05:30", "-0030", "z", "", "EST",
    ]);
    let zone = one(&["", "", " "]) + &zone;
    let clock = one(&[
        "21:05:09",
        "21:05",
        "21:05:09.5",
        "21:05:09,25",
        "210509",
        "2105",
        "21",
        "1:05:09",
        "24:00:00",
    ]);
    let date = one(&["2098-12-28", "20981228", "2096-02-29", "2098-02-29", "2098-1-2"]);
    date + &one(&["T", "T", " ", "  "]) + &clock + &zone
}

/// `TIMES=400` tries that many, and `TIME_SEED=7` other ones.
#[test]
fn a_time_is_the_one_that_botocore_reads() {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (count, first) = (number("TIMES", 150), number("TIME_SEED", 1) * 1_000_000);
    let home = tempfile::tempdir().unwrap();
    let mut oracle = Oracle::start(home.path());
    let machine = Machine::new();
    let mut wrong = Vec::new();
    for seed in first..first + count {
        let text = time(&mut Rng::with_seed(seed));
        let (ours, theirs) = (end_of(&machine, &text), oracle.ask(&json!({"time": text})).ok());
        if ours != theirs {
            wrong.push(format!("{text}: ours {ours:?}, botocore {theirs:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count} differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
