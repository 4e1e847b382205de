//! Host names, globs, and the REGISTRY argument of the command line.

use ecr_registry::{HostPattern, Registry, parse_argument, server_name, why_not_ecr};

use super::inputs::{is_fit_to_read, parts, text};

/// The suffixes of ECR's names in every partition.
const SUFFIXES: [&str; 10] = [
    "amazonaws.com",
    "on.aws",
    "amazonaws.com.cn",
    "on.amazonwebservices.com.cn",
    "amazonaws.eu",
    "on.amazonwebservices.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
];

/// The input: a name, a pattern.
pub fn hosts(input: &[u8]) {
    let Some(input) = text(input) else { return };
    let [name, pattern] = parts(input);
    if let Some(registry) = Registry::parse(name) {
        is_ecrs(&registry, name);
    } else {
        let why = why_not_ecr(name);
        assert!(!why.cause.is_empty() && !why.hint.is_empty());
    }
    match parse_argument(name, Some("eu-west-1")) {
        Ok(registry) => assert_eq!(Registry::parse(registry.host()), Some(registry)),
        Err(error) => is_fit_to_read(&error),
    }
    if let Some(server) = server_name(name) {
        assert_eq!(server_name(&server).as_deref(), Some(server.as_str()));
    }
    if let Ok(pattern) = HostPattern::parse(pattern) {
        matches_within_labels(&pattern, name);
    }
}

/// Checks a registry with a second parser by the rules of docs/registries.md: twelve digits, a service, a region, its
/// partition's suffix.
pub fn is_ecrs(registry: &Registry, name: &str) {
    let host = registry.host();
    assert_eq!(Registry::parse(host).as_ref(), Some(registry));
    let lower = name.to_ascii_lowercase();
    assert!(lower.contains(host), "{name:?} is taken for {host}");
    let before = lower[..lower.find(host).unwrap_or_default()].trim_start_matches(|c: char| c.is_ascii_whitespace());
    assert!(
        matches!(before, "" | "https://" | "http://" | "docker://" | "oci://"),
        "{name:?} is taken for {host}"
    );
    let labels: Vec<&str> = host.split('.').collect();
    if registry.is_public() {
        assert!(host == "public.ecr.aws" || host == "ecr-public.aws.com");
        return;
    }
    assert!(
        labels[0].len() == 12 && labels[0].bytes().all(|b| b.is_ascii_digit()),
        "{host}"
    );
    let rest = match labels[1] {
        "dkr" => {
            assert!(matches!(labels[2], "ecr" | "ecr-fips"), "{host}");
            &labels[3..]
        }
        service => {
            assert!(matches!(service, "dkr-ecr" | "dkr-ecr-fips"), "{host}");
            &labels[2..]
        }
    };
    assert_eq!(rest[0], registry.region());
    assert!(SUFFIXES.contains(&rest[1..].join(".").as_str()), "{host}");
}

/// Checks that a star never matches a dot: pattern and host have the same number of labels.
fn matches_within_labels(pattern: &HostPattern, name: &str) {
    if let Some(glob) = pattern.glob() {
        assert!(is_suffix(glob), "{glob}");
    }
    let Some(registry) = Registry::parse(name) else { return };
    if !pattern.matches(&registry) {
        return;
    }
    match (pattern.glob(), pattern.exact()) {
        (Some(glob), None) => {
            let (glob, host): (Vec<_>, Vec<_>) = (glob.split('.').collect(), registry.host().split('.').collect());
            assert_eq!(glob.len(), host.len());
            assert!(glob.iter().zip(&host).all(|(glob, label)| label_matches(glob, label)));
        }
        (None, Some(exact)) => assert_eq!(exact, registry.host()),
        other => panic!("{other:?}"),
    }
}

fn is_suffix(glob: &str) -> bool {
    SUFFIXES
        .iter()
        .any(|suffix| glob.strip_suffix(suffix).is_some_and(|front| front.ends_with('.')))
}

/// The simplest definition of a glob, by recursion.
fn label_matches(glob: &str, label: &str) -> bool {
    match glob.split_once('*') {
        None => glob == label,
        Some((start, rest)) => label.strip_prefix(start).is_some_and(|label| {
            (0..=label.len())
                .filter(|at| label.is_char_boundary(*at))
                .any(|at| label_matches(rest, &label[at..]))
        }),
    }
}
