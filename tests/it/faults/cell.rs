//! One cell: the result of a `get` during a fault, without a cached token, with one, and after the fault.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lab::{Fault, Lab};
use regex_lite::Regex;
use serde_json::{Value, json};

use super::endpoint::{Endpoint, Scene};
use super::wrong::Wrong;
use crate::harness::{Machine, Outcome, in_glibcs_words};

/// The page's text if users notice nothing.
pub const WORKS: &str = "works";

/// The start of the page's text if there can be no such fault.
pub const IMPOSSIBLE: &str = "can't be";

/// The message that clients read as "no credentials".
const NOT_FOUND: &str = "credentials not found in native keychain\n";
/// The time limit of a `get` whose endpoint hangs, in seconds.
const SHORT: u64 = 3;
/// The time limit of any other `get`, enough for a busy machine.
const LONG: u64 = 30;
/// The time after its limit when a process counts as hanging. A busy machine starts it late.
const GRACE: Duration = Duration::from_secs(20);
const HOUR: u64 = 3600;
/// A password that was fetched before the fault.
const CACHED: &str = "a-password-of-seven-hours-ago";
/// A time in milliseconds since 1970.
const LONG_AGO: u64 = 1_600_000_000_000;

/// Runs a cell, checks what must be true in each, and returns what users see.
pub fn of(endpoint: Endpoint, wrong: Wrong) -> String {
    if let Some(reason) = wrong.impossible(endpoint) {
        return format!("{IMPOSSIBLE}: {reason}");
    }
    let scene = Scene::new(endpoint);
    let arranged = wrong.arrange(endpoint, &scene.lab);
    let cell = Cell {
        endpoint,
        timeout: if wrong.hangs() { SHORT } else { LONG },
        machine: machine(&scene, &arranged.address),
        scene,
    };
    let seen = cell.without_a_token();
    if seen != WORKS {
        let named = match wrong {
            // An issuer's token goes on to STS, which checks it.
            Wrong::ClockAhead | Wrong::ClockBehind if endpoint.is_cognito() && endpoint != Endpoint::PoolToken => {
                [endpoint.name(), Endpoint::IdentityPool.name()]
            }
            Wrong::ClockAhead | Wrong::ClockBehind => [endpoint.name(), Endpoint::Sts.name()],
            _ => [arranged.authority(), arranged.authority()],
        };
        assert!(
            named.iter().any(|name| seen.contains(name)),
            "the endpoint isn't named: {seen}"
        );
        cell.with_a_token();
    }
    assert!(!arranged.was_followed(), "a redirect was followed");
    cell.scene.lab.clear_faults();
    let lab = &cell.scene.lab;
    if [lab.http_url(), lab.https_url()].contains(&arranged.address) {
        cell.works_for(&cell.machine);
    } else {
        cell.works_for(&cell.elsewhere(&lab.http_url()));
    }
    generic(&seen, &arranged.address)
}

/// The expected result if the endpoint refuses with its own error.
pub fn of_refusal(endpoint: Endpoint, fault: Fault, status: u16, code: &str) -> String {
    let scene = Scene::new(endpoint);
    endpoint.fail(&scene.lab, fault);
    let address = scene.lab.http_url();
    let cell = Cell {
        endpoint,
        timeout: LONG,
        machine: machine(&scene, &address),
        scene,
    };
    let seen = cell.without_a_token();
    let is_named = seen.contains(endpoint.name());
    assert!(is_named, "the endpoint isn't named: {seen}");
    // Cognito refuses a refresh token like this: the sign-in is over, which is reported, and its password is no longer used.
    let over = [
        "NotAuthorizedException",
        "RefreshTokenReuseException",
        "UserNotFoundException",
    ];
    let is_over = endpoint == Endpoint::UserPool && over.contains(&code);
    let is_told = match is_over {
        true => seen.contains("maria is no longer signed in"),
        false => seen.contains(code) || seen.contains(&format!("HTTP status {status}")),
    };
    assert!(is_told, "{status} {code} isn't named: {seen}");
    if is_over {
        cell.without_a_sign_in();
    } else {
        cell.with_a_token();
    }
    cell.scene.lab.clear_faults();
    if is_over {
        cell.scene.sign_in(&cell.machine);
    }
    cell.works_for(&cell.machine);
    generic(&seen, &address)
}

fn machine(scene: &Scene, address: &str) -> Machine {
    let machine = scene.machine(address).with("AWS_MAX_ATTEMPTS", "1");
    // A missing name has no TLS either.
    let machine = machine.with("ECR_AUTH_ALLOW_HTTP", "1");
    scene.sign_in(&machine);
    machine
}

struct Cell {
    endpoint: Endpoint,
    scene: Scene,
    machine: Machine,
    timeout: u64,
}

impl Cell {
    /// What people see without a cached token.
    fn without_a_token(&self) -> String {
        let outcome = self.get(&self.machine, self.timeout);
        if outcome.status == 0 {
            self.is_good(&outcome.password());
            return WORKS.to_owned();
        }
        assert_eq!(outcome.status, 1, "{outcome:?}");
        for (_, entry) in entries(&self.machine) {
            assert!(entry["token"].is_null(), "a token came of a failure: {entry}");
        }
        self.cause(&outcome)
    }

    /// A password past half its life is not given out, because its user is no longer signed in.
    fn without_a_sign_in(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        put(&self.machine, &token((now - 7 * HOUR) * 1000, (now + 5 * HOUR) * 1000));
        let outcome = self.get(&self.machine, self.timeout);
        assert_eq!(outcome.status, 1, "{outcome:?}");
        assert!(outcome.stderr.contains("maria is not signed in"), "{outcome:?}");
    }

    /// A token past half its life, which would be renewed, is given out.
    fn with_a_token(&self) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let token = token((now - 7 * HOUR) * 1000, (now + 5 * HOUR) * 1000);
        put(&self.machine, &token);
        assert_eq!(self.get(&self.machine, self.timeout).password(), CACHED);
        let kept: Vec<_> = entries(&self.machine)
            .iter()
            .map(|(_, entry)| entry["token"].clone())
            .collect();
        assert_eq!(kept, [token], "what was cached stays");
    }

    /// After the fault, a new token is fetched: the cached one has ended, and the failure was long ago.
    fn works_for(&self, machine: &Machine) {
        put(&self.machine, &token(LONG_AGO, LONG_AGO + 1000));
        self.is_good(&self.get(machine, LONG).password());
    }

    /// Returns the same cache with the endpoint at another address.
    fn elsewhere(&self, address: &str) -> Machine {
        let cache = self.machine.home().join(".cache/ecr-auth");
        let machine = machine(&self.scene, address).with("ECR_AUTH_CACHE_DIR", &cache.display().to_string());
        self.scene.sign_in(&machine);
        machine
    }

    #[track_caller]
    fn is_good(&self, password: &str) {
        let is_known = self.scene.lab.secrets().iter().any(|secret| secret == password);
        assert!(is_known, "the lab gave out no such password");
    }

    /// Runs a `get`, and checks what must be true of any.
    fn get(&self, machine: &Machine, timeout: u64) -> Outcome {
        let mut command = machine.client_command("get");
        command.env("ECR_AUTH_TIMEOUT", timeout.to_string());
        let output = assert_cmd::Command::from_std(command)
            .write_stdin(self.endpoint.host())
            .timeout(Duration::from_secs(timeout) + GRACE)
            .output()
            .unwrap();
        let outcome = Outcome::of(&output);
        assert!(outcome.status >= 0, "killed because it didn't end: {outcome:?}");
        assert!(!outcome.stderr.contains("panicked"), "{outcome:?}");
        assert_eq!(outcome.stdout.find('\n'), Some(outcome.stdout.len() - 1), "{outcome:?}");
        if outcome.status != 0 {
            assert!(outcome.stdout.trim_end().chars().count() <= 300, "{outcome:?}");
            tells_no_secret(&self.scene.lab, machine, &outcome);
        }
        outcome
    }

    /// Returns what failed and why, from an outcome in the protocol's form.
    fn cause(&self, outcome: &Outcome) -> String {
        let host = self.endpoint.host();
        let mut lines = outcome.stderr.lines();
        let first = lines.next().unwrap_or_default();
        if self.endpoint == Endpoint::EcrPublic {
            assert_eq!(
                (outcome.stdout.as_str(), lines.next()),
                (NOT_FOUND, None),
                "{outcome:?}"
            );
            let start = format!("ecr-auth: {host}: going on without credentials: ");
            return first
                .strip_prefix(&start)
                .unwrap_or_else(|| panic!("{outcome:?}"))
                .to_owned();
        }
        let cause = first.strip_prefix("error: ").unwrap_or_else(|| panic!("{outcome:?}"));
        let is_more = |line: &str| ["hint: ", "    ", "see: "].iter().any(|start| line.starts_with(start));
        assert!(lines.all(is_more), "{outcome:?}");
        let line = outcome.stdout.trim_end();
        let (words, code) = cause
            .rsplit_once(" [")
            .unwrap_or_else(|| panic!("no code: {outcome:?}"));
        // A line that is too long loses the end of the cause, but not the code, nor the start of a hint that is needed.
        let is_cut = line.contains(&format!("… [{code}")) && line.chars().count() == 300;
        let is_whole = line.starts_with(&format!("ecr-auth: {host}: {words} [{code}"));
        assert!(is_whole || is_cut, "the line is another: {outcome:?}");
        cause.to_owned()
    }
}

/// Returns a text without the parts that differ between two runs of a cell.
fn generic(seen: &str, address: &str) -> String {
    let authority = address.rsplit("//").next().unwrap();
    let seen = in_glibcs_words(&seen.replace(address, "ADDRESS").replace(authority, "ADDRESS"));
    let changing = [
        ("/container-credentials/[A-Za-z0-9]+", ""),
        (r"within \d+\.\d s", "within N s"),
        (r"\d{8}T\d{6}Z", "TIME"),
        (r"date/time \d+", "date/time TIME"),
        (r": verification time [^\[]*\)", ""),
    ];
    let replace =
        |seen: String, (pattern, by): (&str, &str)| Regex::new(pattern).unwrap().replace_all(&seen, by).into_owned();
    changing.into_iter().fold(seen, replace)
}

fn tells_no_secret(lab: &Lab, machine: &Machine, outcome: &Outcome) {
    let names = [
        "AWS_SECRET_ACCESS_KEY",
        "ECR_AUTH_ID_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    ];
    let given = names
        .iter()
        .filter_map(|name| machine.variable(name).map(str::to_owned));
    // `eyJ`: the start of every JWT.
    let others = ["eyJ", CACHED].map(str::to_owned);
    for secret in lab.secrets().into_iter().chain(given).chain(others) {
        let is_told = outcome.stdout.contains(&secret) || outcome.stderr.contains(&secret);
        assert!(!is_told, "{secret} stands in {outcome:?}");
    }
}

fn token(fetched_at: u64, expires_at: u64) -> Value {
    json!({"secret": CACHED, "fetched_at": fetched_at, "expires_at": expires_at})
}

/// Makes this the token of every entry, and removes the failures.
fn put(machine: &Machine, token: &Value) {
    for (file, mut entry) in entries(machine) {
        (entry["token"], entry["failure"]) = (token.clone(), Value::Null);
        fs::write(&file, entry.to_string()).unwrap();
    }
}

/// Returns the registry's entries of the cache by their files, all of which can be read. A sign-in's entry is not among them.
fn entries(machine: &Machine) -> Vec<(PathBuf, Value)> {
    let is_entry = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "json");
    let files = machine.cache_files().into_iter().filter(is_entry);
    let read = |file: &PathBuf| serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let all = files.map(|file| (file.clone(), read(&file)));
    let others = [json!(["cognito sign-in"]), json!(["told-failure"])];
    all.filter(|(_, entry): &(_, Value)| !others.contains(&entry["names"]))
        .collect()
}
