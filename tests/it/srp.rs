//! Compares our half of SRP with an independent implementation, PyPI's pycognito. tests/srp/generate.py explains the cases. The lab's own tests run
//! pycognito against the lab's half.

use std::process::Command;

use cognito_srp::{EXPONENT_BYTES, Ephemeral, PasswordClaim};
use rstest::rstest;
use serde::Deserialize;

use crate::python::python_tool;

const COUNT: usize = 250;

#[derive(Debug, Deserialize)]
struct Case {
    kind: String,
    pool_id: String,
    user_id: String,
    password: String,
    salt: String,
    a: String,
    #[serde(rename = "A")]
    client_public: String,
    #[serde(rename = "B")]
    server_public: String,
    secret_block: String,
    timestamp: String,
    signature: String,
}

/// Returns the cases of a seed.
fn cases(seed: u32) -> Vec<Case> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/srp/generate.py");
    let count = COUNT.to_string();
    let output = Command::new(python_tool("python"))
        .args([script, "--count", &count, "--seed", &seed.to_string()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns a hexadecimal number as bytes, with leading zeros.
fn exponent(digits: &str) -> [u8; EXPONENT_BYTES] {
    let digits = format!("{digits:0>width$}", width = EXPONENT_BYTES * 2);
    std::array::from_fn(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap())
}

/// 1,000 cases in all, in parallel parts. Half of them have leading zeros in salt, A, B, u or S.
#[rstest]
fn signatures_are_those_of_pycognito(#[values(6, 7, 8, 9)] seed: u32) {
    let cases = cases(seed);
    assert_eq!(cases.len(), COUNT);
    for kind in ["salt", "A", "B", "u", "S"] {
        assert!(cases.iter().filter(|case| case.kind == kind).count() >= 2, "{kind}");
    }
    for case in cases {
        let ephemeral = Ephemeral::new(&exponent(&case.a));
        // Ours has whole bytes.
        assert_eq!(
            ephemeral.public().trim_start_matches('0'),
            case.client_public,
            "{case:?}"
        );
        let (_, pool_name) = case.pool_id.split_once('_').unwrap();
        let signature = ephemeral.sign(&PasswordClaim {
            pool_name,
            user_id: &case.user_id,
            password: &case.password,
            salt: &case.salt,
            server_public: &case.server_public,
            secret_block: &case.secret_block,
            timestamp: &case.timestamp,
        });
        assert_eq!(signature.unwrap().as_str(), case.signature, "{case:?}");
    }
}
