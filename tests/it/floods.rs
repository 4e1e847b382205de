//! Floods: more processes than any node runs at once. They are short here, and long in `make soak`, with `ECR_AUTH_SOAK=1`.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use lab::{ACCOUNT, Fault, Lab, Permissions, Service};
use tempfile::TempDir;

use crate::harness::{HOST, Machine, Outcome, binary};
use crate::jobs::{Job, Kind, write_rules};
use crate::lab_machine::{
    GET_TOKEN, PATIENCE, at_the_labs_time, key_variables, lab, machine, machine_with, registry_status, role,
};

/// A call that the lab holds must not time out while a busy machine still starts the others.
const PATIENT: &str = "300";
const HOUR: u64 = 3600;

/// Whether this is `make soak`.
fn is_long() -> bool {
    env::var_os("ECR_AUTH_SOAK").is_some_and(|value| value == "1")
}

fn size(short: usize, long: usize) -> usize {
    if is_long() { long } else { short }
}

/// Records for `make soak` what was run, and how long it took.
pub fn record(what: &str, began: Instant) {
    let Some(report) = env::var_os("ECR_AUTH_SOAK_REPORT") else {
        return;
    };
    let mut report = OpenOptions::new().append(true).create(true).open(report).unwrap();
    writeln!(report, "| {what} | {:.1} s |", began.elapsed().as_secs_f64()).unwrap();
}

/// Processes that run at once. They use files, because a pipe to each would exceed the limit of open files.
struct Flood {
    folder: TempDir,
    children: Vec<Child>,
}

impl Flood {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("host"), HOST).unwrap();
        Self {
            folder,
            children: Vec::new(),
        }
    }

    /// Starts a `get`.
    fn start(&mut self, machine: &Machine) {
        let number = self.children.len();
        let create = |name: &str| File::create(self.folder.path().join(format!("{number}.{name}"))).unwrap();
        let mut command = machine.command(&binary(), &["helper", "get"]);
        command
            .env("ECR_AUTH_TIMEOUT", PATIENT)
            .stdin(File::open(self.folder.path().join("host")).unwrap())
            .stdout(Stdio::from(create("stdout")))
            .stderr(Stdio::from(create("stderr")));
        self.children.push(command.spawn().unwrap());
    }

    /// Returns the process that calls AWS. No other has a socket.
    fn holder(&self) -> usize {
        let asks = |child: &Child| {
            let files = fs::read_dir(format!("/proc/{}/fd", child.id()));
            let mut files = files.into_iter().flatten().flatten();
            files.any(|file| fs::read_link(file.path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket:")))
        };
        self.children.iter().position(asks).expect("somebody asks AWS")
    }

    /// Ends a process with SIGKILL.
    fn kill(&mut self, number: usize) {
        self.children[number].kill().unwrap();
        self.children[number].wait().unwrap();
    }

    /// The exit statuses of the processes that were not killed.
    fn outcomes(&mut self) -> Vec<Outcome> {
        let read = |number: usize, name: &str| {
            fs::read_to_string(self.folder.path().join(format!("{number}.{name}"))).unwrap()
        };
        let ended = self.children.iter_mut().enumerate();
        let ended = ended.filter_map(|(number, child)| Some((number, child.wait().unwrap().code()?)));
        ended
            .map(|(number, status)| Outcome {
                status,
                stdout: read(number, "stdout"),
                stderr: read(number, "stderr"),
            })
            .collect()
    }
}

#[test]
fn a_cold_flood_for_one_key_is_one_call() {
    let (lab, count, began) = (lab(), size(100, 1000), Instant::now());
    let machine = machine(&lab);
    let mut flood = Flood::new();
    (0..count).for_each(|_| flood.start(&machine));
    let passwords: Vec<_> = flood.outcomes().iter().map(Outcome::password).collect();
    assert_eq!(passwords.len(), count);
    assert!(passwords.iter().all(|password| *password == passwords[0]));
    assert_eq!(lab.count(GET_TOKEN), 1);
    record(
        &format!("{count} `get`s at once, cold, one key: 1 call, all answered"),
        began,
    );
}

#[test]
fn a_flood_over_many_identities_is_one_call_each() {
    let (lab, count, each, began) = (lab(), size(20, 100), size(5, 10), Instant::now());
    let shared = Machine::new();
    let cache = shared.path("cache").display().to_string();
    let machine_of = |number: usize| {
        let key = lab.add_user(ACCOUNT, &format!("user-{number}"));
        machine_with(&lab, &key).with("ECR_AUTH_CACHE_DIR", &cache)
    };
    let machines: Vec<_> = (0..count).map(machine_of).collect();
    let mut flood = Flood::new();
    (0..each).for_each(|_| machines.iter().for_each(|machine| flood.start(machine)));
    let passwords: Vec<_> = flood.outcomes().iter().map(Outcome::password).collect();
    assert_eq!(passwords.len(), count * each);
    for (number, password) in passwords.iter().enumerate() {
        assert_eq!(*password, passwords[number % count], "each identity has one of its own");
    }
    assert_eq!(lab.count(GET_TOKEN), count as u64);
    let gets = count * each;
    record(
        &format!("{gets} `get`s at once over {count} identities: {count} calls, all answered"),
        began,
    );
}

#[test]
fn a_flood_against_a_denial_is_one_call() {
    let (lab, count) = (lab(), size(100, 1000));
    let key = lab.add_user_with(ACCOUNT, "denied", Permissions::deny(["ecr:*"]));
    let machine = machine_with(&lab, &key);
    let mut flood = Flood::new();
    // All processes have been started when AWS answers the first call.
    lab.hold(Service::Ecr);
    (0..count).for_each(|_| flood.start(&machine));
    assert!(lab.wait_for_calls(GET_TOKEN, 1, PATIENCE));
    let began = Instant::now();
    lab.release(Service::Ecr);
    let outcomes = flood.outcomes();
    let took = began.elapsed();
    assert_eq!(outcomes.len(), count);
    for outcome in outcomes {
        assert_eq!(outcome.status, 1, "{outcome:?}");
        assert!(outcome.stdout.contains("AccessDeniedException"), "{outcome:?}");
    }
    assert_eq!(lab.count(GET_TOKEN), 1);
    // The time of the release binary. A debug build on a busy machine may need more.
    assert!(!is_long() || took < Duration::from_secs(5), "{took:?}");
    record(
        &format!("{count} `get`s at once against a denial: 1 call, all failed within 5 s of it"),
        began,
    );
}

#[test]
fn holders_that_are_killed_hold_nobody_up() {
    let (lab, count, rounds, began) = (lab(), size(12, 200), size(3, 50), Instant::now());
    let machine = machine(&lab);
    let mut flood = Flood::new();
    lab.hold(Service::Ecr);
    (0..count).for_each(|_| flood.start(&machine));
    let mut killed = 0;
    for round in 1..=rounds {
        assert!(lab.wait_for_calls(GET_TOKEN, round as u64, PATIENCE));
        // The process that calls AWS, and one that waits or was killed before.
        let waiting = fastrand::usize(..count);
        let holder = flood.holder();
        for number in [waiting, holder] {
            let is_alive = flood.children[number].try_wait().unwrap().is_none();
            killed += usize::from(is_alive);
            flood.kill(number);
        }
    }
    assert!(lab.wait_for_calls(GET_TOKEN, rounds as u64 + 1, PATIENCE));
    lab.release(Service::Ecr);
    let outcomes = flood.outcomes();
    assert_eq!(outcomes.len(), count - killed);
    outcomes.iter().for_each(|outcome| drop(outcome.password()));
    assert_eq!(lab.count(GET_TOKEN), rounds as u64 + 1);
    record(
        &format!(
            "{count} `get`s, {rounds} times the one that asks AWS and another killed with -9: all others answered"
        ),
        began,
    );
}

/// A week, by the lab's clock and the processes' own.
struct Week {
    lab: Lab,
    /// A developer's key. It is replaced each day, and the old one is deleted.
    keys: Machine,
    old_key: String,
    /// A job of GitHub's, replaced every six hours, which is the longest time of a job.
    job: Machine,
    /// An EC2 instance.
    node: Machine,
    answered: usize,
}

impl Week {
    fn new() -> Self {
        let lab = lab();
        let instance = role(&lab, "instance");
        lab.set_instance_role(Some(&instance));
        let node = Machine::new()
            .without("AWS_EC2_METADATA_DISABLED")
            .with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &lab.http_url())
            .with("AWS_ENDPOINT_URL", &lab.http_url());
        Self {
            keys: machine(&lab),
            old_key: String::new(),
            job: Machine::new(),
            node,
            lab,
            answered: 0,
        }
    }

    /// Replaces the developer's key for this day. The first `get` with it is killed during its call, as by a restart.
    fn rotate_keys(&mut self, day: u64) {
        let key = self.lab.add_user(ACCOUNT, &format!("developer-{day}"));
        let old_key = std::mem::replace(&mut self.old_key, key.id.clone());
        self.lab.remove_key(&old_key);
        for (name, value) in key_variables(&key) {
            self.keys.set(name, &value);
        }
        let machine = std::mem::replace(&mut self.keys, Machine::new());
        self.keys = at_the_labs_time(&self.lab, machine);
        let asked = self.lab.count(GET_TOKEN);
        self.lab.hold(Service::Ecr);
        let mut flood = Flood::new();
        flood.start(&self.keys);
        assert!(self.lab.wait_for_calls(GET_TOKEN, asked + 1, PATIENCE));
        flood.kill(0);
        self.lab.release(Service::Ecr);
    }

    fn start_job(&mut self) {
        let job = Job::start(&self.lab, Kind::Github, "app");
        job.role(&self.lab, ACCOUNT, "push");
        self.job = job.machine(&self.lab);
        write_rules(&self.job, &job.rule(HOST, "push"));
    }

    /// Docker asks on each machine, and the registry accepts the password.
    fn docker_calls(&mut self, hour: f64) {
        for name in ["keys", "job", "node"] {
            let place = match name {
                "keys" => &mut self.keys,
                "job" => &mut self.job,
                _ => &mut self.node,
            };
            let machine = std::mem::replace(place, Machine::new());
            *place = at_the_labs_time(&self.lab, machine.with("AWS_MAX_ATTEMPTS", "1"));
            let outcome = place.helper("get", HOST);
            assert_eq!(outcome.status, 0, "{name}, {hour} h: {outcome:?}");
            let status = registry_status(&self.lab, HOST, &outcome.password());
            assert_eq!(status, 200, "{name}, {hour} h: the registry refuses the password");
            self.answered += 1;
        }
    }
}

/// Tokens expire, keys are rotated, jobs start anew, a `get` is killed, and AWS is gone from nine to twelve every day.
#[test]
fn a_week_in_which_every_docker_call_is_answered() {
    let began = Instant::now();
    let step = size(3 * HOUR as usize, 300) as u64;
    let mut week = Week::new();
    for now in (0..7 * 24 * HOUR).step_by(usize::try_from(step).unwrap()) {
        let of_day = now % (24 * HOUR);
        if of_day == 0 {
            week.rotate_keys(now / (24 * HOUR));
        }
        if of_day.is_multiple_of(6 * HOUR) {
            week.start_job();
        }
        week.lab.clear_faults();
        if (9 * HOUR..12 * HOUR).contains(&of_day) {
            week.lab.fail(Service::Ecr, Fault::Status { status: 503 });
            week.lab.fail(Service::Sts, Fault::Status { status: 503 });
        }
        week.docker_calls(now as f64 / HOUR as f64);
        week.lab.advance(Duration::from_secs(step));
    }
    let answered = week.answered;
    record(
        &format!(
            "A week, {answered} docker calls on three machines; keys rotated and a `get` killed daily, 3 hours a day without AWS: all answered"
        ),
        began,
    );
}
