//! Every host name of ECR is recognised in every spelling, and no other host name is, whatever surrounds it.

use std::sync::LazyLock;

use proptest::prelude::*;
use regex_lite::Regex;

use crate::{HostPattern, Registry, parse_argument, server_name, why_not_ecr};

/// Region, suffix and dual-stack suffix of each partition, independent of the product's table.
const PARTITIONS: [(&str, &str, &str); 8] = [
    (
        "(af|ap|ca|eu|il|me|mx|sa|us)-[a-z]{3,9}-[1-9]",
        "amazonaws.com",
        "on.aws",
    ),
    ("us-gov-(east|west)-[1-9]", "amazonaws.com", "on.aws"),
    ("cn-[a-z]{3,9}-[1-9]", "amazonaws.com.cn", "on.amazonwebservices.com.cn"),
    ("eusc-de-[a-z]{3,9}-[1-9]", "amazonaws.eu", "on.amazonwebservices.eu"),
    ("us-iso-[a-z]{3,9}-[1-9]", "c2s.ic.gov", ""),
    ("us-isob-[a-z]{3,9}-[1-9]", "sc2s.sgov.gov", ""),
    ("eu-isoe-[a-z]{3,9}-[1-9]", "cloud.adc-e.uk", ""),
    ("us-isof-[a-z]{3,9}-[1-9]", "csp.hci.ic.gov", ""),
];

/// The reference implementation: one regular expression and a table.
fn is_ecr(server: &str) -> bool {
    static SERVER: LazyLock<Regex> = LazyLock::new(|| {
        let label = "[a-z][a-z0-9]*(?:-[a-z][a-z0-9]*)+-[0-9]+";
        Regex::new(&format!(
            r"^(?:(?i:https?|docker|oci)://)?(?i:public\.ecr\.aws|ecr-public\.aws\.com|[0-9]{{12}}\.dkr([.-])ecr(?:-fips)?\.({label})\.([a-z0-9.-]*[a-z]))\.?(?::0*([1-9][0-9]{{0,4}}))?(?:/.*)?$"
        ))
        .unwrap()
    });
    let server = server.trim_matches([' ', '\t', '\n', '\r', '\x0c']);
    if server.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
        return false;
    }
    let Some(parts) = SERVER.captures(server) else {
        return false;
    };
    if parts
        .get(4)
        .is_some_and(|port| port.as_str().parse::<u32>().unwrap() > 65535)
    {
        return false;
    }
    let Some(region) = parts.get(2) else {
        return true;
    };
    let region = region.as_str().to_lowercase();
    let words: Vec<&str> = region.split('-').collect();
    let (single, dual) = match words.as_slice() {
        ["cn", ..] => ("amazonaws.com.cn", "on.amazonwebservices.com.cn"),
        ["eusc", ..] => ("amazonaws.eu", "on.amazonwebservices.eu"),
        ["us", "iso", ..] => ("c2s.ic.gov", ""),
        ["us", "isob", ..] => ("sc2s.sgov.gov", ""),
        ["eu", "isoe", ..] => ("cloud.adc-e.uk", ""),
        ["us", "isof", ..] => ("csp.hci.ic.gov", ""),
        _ => ("amazonaws.com", "on.aws"),
    };
    let suffix = if &parts[1] == "." { single } else { dual };
    region.len() <= 63 && parts[3].to_lowercase() == suffix
}

/// Generates host names of every form that ECR has.
fn host() -> impl Strategy<Value = String> {
    let private = proptest::sample::select(&PARTITIONS[..]).prop_flat_map(|(region, suffix, dual)| {
        ("[0-9]{12}", region, any::<bool>(), any::<bool>()).prop_map(move |(account, region, fips, dual_stack)| {
            let fips = if fips { "-fips" } else { "" };
            if dual_stack && !dual.is_empty() {
                format!("{account}.dkr-ecr{fips}.{region}.{dual}")
            } else {
                format!("{account}.dkr.ecr{fips}.{region}.{suffix}")
            }
        })
    });
    prop_oneof![
        8 => private,
        1 => Just("public.ecr.aws".to_owned()),
        1 => Just("ecr-public.aws.com".to_owned()),
    ]
}

/// Adds what clients may put around a host name.
fn decorated(host: String) -> impl Strategy<Value = String> {
    let letters = host.len();
    let cases = proptest::collection::vec(any::<bool>(), letters);
    (
        cases,
        "[ \t]{0,2}",
        "(|(https?|HTTPS|docker|oci)://)",
        "\\.?",
        "(|:443|:8443)",
        "(|/|/v2/|/[a-z/]{1,9}(:[a-z0-9.]{1,5})?(@sha256:[0-9a-f]{4})?)",
        "[ \r\n]{0,2}",
    )
        .prop_map(move |(cases, before, scheme, dot, port, path, after)| {
            let host: String = host
                .chars()
                .zip(cases)
                .map(|(c, upper)| if upper { c.to_ascii_uppercase() } else { c })
                .collect();
            format!("{before}{scheme}{host}{dot}{port}{path}{after}")
        })
}

/// Generates what an attacker or an accident may add to a name.
fn splinter() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9.:/@?#%\\\\ -]{1,3}",
        any::<char>().prop_map(String::from),
        "\\.?[a-z]{1,6}\\.(com|cn|aws|eu)",
        Just(".amazonaws.com".to_owned()),
        Just("public.ecr.aws".to_owned()),
        Just("\u{212a}\u{3002}\u{ff0e}\0".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_names_of_ecr_are_recognised((host, server) in host().prop_flat_map(|host| (Just(host.clone()), decorated(host)))) {
        prop_assert!(is_ecr(&server));
        let registry = Registry::parse(&server).expect("an ECR host");
        prop_assert_eq!(registry.host(), &host);
        prop_assert_eq!(parse_argument(&server, None).ok(), Some(registry.clone()));
        prop_assert!(HostPattern::parse(&host).unwrap().matches(&registry));
        if let Some(account) = registry.account() {
            prop_assert!(host.starts_with(account) && account.len() == 12);
            let again = parse_argument(&format!("{account}/{}", registry.region()), None).unwrap();
            prop_assert_eq!((again.account(), again.region()), (registry.account(), registry.region()));
            prop_assert_eq!(again == registry, !registry.is_fips() && !registry.is_dual_stack());
        }
    }

    #[test]
    fn insertions_are_told_apart(server in host().prop_flat_map(decorated), at in any::<proptest::sample::Index>(), splinter in splinter()) {
        let at = server.floor_char_boundary(at.index(server.len() + 1));
        let mutant = format!("{}{splinter}{}", &server[..at], &server[at..]);
        prop_assert_eq!(Registry::parse(&mutant).is_some(), is_ecr(&mutant), "{:?}", mutant);
    }

    #[test]
    fn deletions_are_told_apart(server in host().prop_flat_map(decorated), at in any::<proptest::sample::Index>(), length in 1usize..9) {
        let at = at.index(server.len());
        let mutant = format!("{}{}", &server[..at], &server[(at + length).min(server.len())..]);
        prop_assert_eq!(Registry::parse(&mutant).is_some(), is_ecr(&mutant), "{:?}", mutant);
    }

    #[test]
    fn no_other_domain_gets_in(host in host(), label in "[a-z0-9-]{1,9}", tld in "(com|cn|aws|example|gov)") {
        for other in [
            format!("{host}.{label}.{tld}"),
            format!("{host}-{label}.{tld}"),
            format!("{host}{label}.{tld}"),
            format!("{host}@{label}.{tld}"),
            format!("{host}:443@{label}.{tld}"),
            format!("{label}.{host}"),
            format!("{label}{host}"),
            format!("{label}.{tld}/{host}"),
            format!("{label}.{tld}:443/{host}"),
            format!("{label}@{host}"),
            format!("https://{label}.{tld}/?{host}"),
            format!("https://{label}.{tld}#{host}"),
        ] {
            prop_assert_eq!(Registry::parse(&other), None, "{}", other);
        }
    }

    #[test]
    fn any_text_is_survived(text in any::<String>()) {
        prop_assert_eq!(Registry::parse(&text).is_some(), is_ecr(&text));
        let _ = (server_name(&text), why_not_ecr(&text), HostPattern::parse(&text));
        if let Err(error) = parse_argument(&text, None) {
            let shown = format!("{error}{}", error.hint_text().unwrap());
            prop_assert!(!shown.contains(char::is_control));
        }
    }
}
