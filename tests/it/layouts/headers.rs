//! Headers of sections: compares which profile each of them names with what botocore reads.
//!
//! `HEADERS=400` tries that many random ones, and `HEADER_SEED=7` other ones.

use std::path::Path;

use fastrand::Rng;
use tempfile::TempDir;

use super::{Oracle, ours, with_files};
use crate::harness::Machine;

/// A profile that is asked for, and the sections of `config` and `credentials`. Each holds keys whose id is `KEY` and the section's place.
struct Scene {
    profile: Option<&'static str>,
    config: Vec<String>,
    credentials: Vec<String>,
}

impl Scene {
    fn machine(&self, home: &Path, port: u16) -> Machine {
        let text = |headers: &[String], first: usize| -> String {
            let numbered = headers.iter().zip(first..);
            let sections = numbered.map(|(header, number)| {
                format!("{header}\naws_access_key_id = KEY{number}\naws_secret_access_key = s\n")
            });
            sections.collect()
        };
        let machine = with_files(&text(&self.config, 0), &text(&self.credentials, 10), home, port);
        match self.profile {
            Some(name) => machine.with("AWS_PROFILE", name),
            None => machine,
        }
    }
}

fn scene(profile: Option<&'static str>, config: &[&str], credentials: &[&str]) -> Scene {
    let owned = |headers: &[&str]| headers.iter().map(|header| (*header).to_owned()).collect();
    Scene {
        profile,
        config: owned(config),
        credentials: owned(credentials),
    }
}

const WORK: Option<&str> = Some("work");

/// botocore, and a home without files of its own.
struct Sides {
    home: TempDir,
    oracle: Oracle,
}

impl Sides {
    fn start() -> Self {
        let home = tempfile::tempdir().unwrap();
        Self {
            oracle: Oracle::start(home.path()),
            home,
        }
    }

    /// Returns the identity of ecr-auth, and botocore's.
    fn identities(&mut self, scene: &Scene) -> [Result<String, String>; 2] {
        let machine = scene.machine(self.home.path(), self.oracle.port);
        [ours(&machine), self.oracle.identity(&machine)]
    }

    /// Checks that both have this identity, `None` for neither.
    fn are(&mut self, scene: &Scene, expected: Option<&str>) {
        let identities = self.identities(scene).map(Result::ok);
        let told = format!("{:?}: {:?} {:?}", scene.profile, scene.config, scene.credentials);
        let expected = [expected; 2].map(|key| key.map(str::to_owned));
        assert_eq!(identities, expected, "{told}");
    }
}

#[test]
fn a_section_of_another_name_is_no_part_of_a_profile() {
    let mut sides = Sides::start();
    for other in [
        "[profile work #old]",
        "[ profile work ]",
        "[profile work]]",
        "[profile work] # was [old]",
    ] {
        sides.are(&scene(WORK, &["[profile work]", other], &[]), Some("KEY0"));
    }
    for other in ["[ work ]", "[work]]", "[work\u{a0}]", "[work #old]", "['work']"] {
        sides.are(&scene(WORK, &[], &["[work]", other]), Some("KEY10"));
        sides.are(&scene(WORK, &["[profile work]"], &[other]), Some("KEY0"));
    }
    for other in ["[ default ]", "[default]]"] {
        sides.are(&scene(None, &["[default]", other], &[]), Some("KEY0"));
        sides.are(&scene(None, &[], &["[default]", other]), Some("KEY10"));
        sides.are(&scene(None, &[], &[other]), Some("INSTANCE"));
        sides.are(&scene(None, &[other], &[]), Some("INSTANCE"));
    }
    sides.are(&scene(WORK, &["[profile a]", "[profile work = x"], &[]), None);
    // The AWS CLI has no such profile either.
    for alone in [
        "[profile work #old]",
        "[profile work]]",
        "[profilework]",
        "[Profile work]",
    ] {
        sides.are(&scene(WORK, &[alone], &[]), None);
    }
    sides.are(&scene(WORK, &[], &["[work]]"]), None);
}

#[test]
fn a_name_may_hold_brackets() {
    let mut sides = Sides::start();
    for header in ["[profile 'dev [eu]']", "[profile \"dev [eu]\"]", r"[profile dev\ [eu]]"] {
        sides.are(&scene(Some("dev [eu]"), &[header], &[]), Some("KEY0"));
    }
    sides.are(&scene(Some("a[1]"), &["[profile a[1]]"], &[]), Some("KEY0"));
    sides.are(&scene(Some("a#1;2"), &["[profile a#1;2]"], &[]), Some("KEY0"));
    sides.are(&scene(Some("dev [eu]"), &[], &["[dev [eu]]"]), Some("KEY10"));
    sides.are(&scene(Some(r"a\$b"), &[r#"[profile "a\$b"]"#], &[]), Some("KEY0"));
}

/// AWS's helper in Go takes these headers, and the AWS CLI does not.
#[test]
fn a_header_that_only_the_helper_in_go_reads_counts_alone() {
    let mut sides = Sides::start();
    let mut is = |scene: &Scene| {
        let [ours, theirs] = sides.identities(scene);
        assert!(theirs.is_err(), "{theirs:?}");
        ours.unwrap()
    };
    for alone in ["[ profile work ]", "[profile work] # was [old]"] {
        assert_eq!(is(&scene(WORK, &[alone], &[])), "KEY0");
    }
    assert_eq!(is(&scene(Some("Build Box 7"), &["[profile Build Box 7]"], &[])), "KEY0");
    assert_eq!(is(&scene(WORK, &[], &["[ work ]"])), "KEY10");
}

/// What makes a header another one.
const ODD: [&str; 18] = [
    " ", "\t", "]", "[", "#", ";", " #old", " ;old", "'", "\"", "\\", "x", "=", ":", "\u{a0}", "] # [", "profile ",
    " x",
];

/// Returns a header that is nearly that of a profile.
fn header(rng: &mut Rng, name: &str, is_config: bool) -> String {
    let mut header = match (is_config, name) {
        (true, "default") if rng.bool() => "[default]".to_owned(),
        (true, name) => {
            let quote = *rng.choice(&["", "", "'", "\""]).unwrap();
            format!("[profile {quote}{name}{quote}]")
        }
        (false, name) => format!("[{name}]"),
    };
    for _ in 0..rng.usize(0..=2) {
        let places: Vec<usize> = header.char_indices().map(|(at, _)| at).chain([header.len()]).collect();
        let at = *rng.choice(&places).unwrap();
        match rng.u8(..4) {
            0 if at < header.len() => drop(header.remove(at)),
            // At the end, and behind the name, people write the most.
            1 => header += rng.choice(&ODD).unwrap(),
            2 => header.insert_str(header.rfind(']').unwrap_or(0), rng.choice(&ODD).unwrap()),
            _ => header.insert_str(at, rng.choice(&ODD).unwrap()),
        }
    }
    header
}

#[test]
fn a_header_names_the_profile_that_botocore_reads() {
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (count, first) = (number("HEADERS", 100), number("HEADER_SEED", 1) * 1_000_000);
    let mut sides = Sides::start();
    let (mut wrong, mut known) = (Vec::new(), 0);
    for seed in first..first + count {
        let rng = &mut Rng::with_seed(seed);
        let names = ["work", "default", "dev [eu]", "a b"];
        let name = *rng.choice(&names).unwrap();
        let mut headers = |is_config| -> Vec<String> {
            let count = rng.usize(0..=2);
            (0..count).map(|_| header(rng, name, is_config)).collect()
        };
        let scene = Scene {
            config: headers(true),
            credentials: headers(false),
            profile: Some(name).filter(|name| *name != "default"),
        };
        let [ours, theirs] = sides.identities(&scene);
        known += u32::from(theirs.is_ok());
        // A header that only AWS's helper in Go reads counts where botocore knows no identity, or refuses the whole file.
        if theirs.is_ok() && ours.as_ref().ok() != theirs.as_ref().ok() {
            wrong.push(format!(
                "seed {seed}, {name}: config {:?}, credentials {:?}\n ours {ours:?}\n botocore {theirs:?}",
                scene.config, scene.credentials
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {count} differ\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(u64::from(known) > count / 4, "botocore knows but {known} of {count}");
}
