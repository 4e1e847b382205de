//! Our signatures beside those of pycognito: tests/srp/signatures.py says how they were made.

use std::time::{Duration, UNIX_EPOCH};

use rstest::rstest;
use serde::Deserialize;

use super::super::timestamp::timestamp;
use super::*;

#[derive(Deserialize)]
struct Vectors {
    seed: String,
    cases: Vec<(String, usize, String)>,
}

const ALPHABET: &str = "aZ0 :_\"\\'$é߀🔑";

/// One case, all of whose inputs come from the seed and its number.
struct Case<'a> {
    seed: &'a str,
    number: usize,
}

impl Case<'_> {
    fn stream(&self, label: &str, length: usize) -> Vec<u8> {
        let block = |block: usize| Sha256::digest(format!("{}/{}/{label}/{block}", self.seed, self.number)).to_vec();
        (0..length.div_ceil(32)).flat_map(block).take(length).collect()
    }

    fn password(&self) -> String {
        let alphabet: Vec<char> = ALPHABET.chars().collect();
        let bytes = self.stream("password", 8 + self.number % 9);
        bytes
            .iter()
            .map(|byte| alphabet[usize::from(*byte) % alphabet.len()])
            .collect()
    }

    fn timestamp(&self) -> String {
        let drawn = u32::from_be_bytes(self.stream("time", 4).try_into().unwrap());
        timestamp(UNIX_EPOCH + Duration::from_secs(1_500_000_000 + u64::from(drawn) % 500_000_000)).unwrap()
    }

    /// B = k·v + g^b, as a server has it who knows v = gˣ alone.
    fn server_public(&self, claim: &PasswordClaim<'_>, modulus: Modulus) -> String {
        let x = from_hash(&private_key(claim).unwrap());
        let b = from_hash(&self.stream("b", 32).try_into().unwrap());
        let k = from_hash(&hash(&[&pad(modulus.modulus()), &[2]]));
        let verifier = generator(modulus).pow_bounded_exp(&x, HASH_BITS);
        let public = Residue::new(&k, modulus) * verifier + generator(modulus).pow_bounded_exp(&b, HASH_BITS);
        hex(strip(&public.retrieve().to_be_bytes()))
    }

    fn signature(&self) -> String {
        let ephemeral = Ephemeral::of(&self.stream("a", EXPONENT_BYTES).try_into().unwrap());
        let (pool, user) = (hex(&self.stream("pool", 5)), hex(&self.stream("user", 16)));
        let salt = hex(&self.stream("salt", 16));
        let claim = PasswordClaim {
            pool_name: &pool[..9],
            user_id: &user,
            password: &Secret::new(self.password()),
            salt: salt.trim_start_matches('0'),
            server_public: "",
            secret_block: &STANDARD.encode(self.stream("block", 64 + self.number % 64)),
            timestamp: &self.timestamp(),
        };
        let server_public = self.server_public(&claim, ephemeral.modulus);
        let claim = PasswordClaim {
            server_public: &server_public,
            ..claim
        };
        ephemeral.sign(&claim).unwrap().expose().to_owned()
    }
}

/// In parts, which run side by side.
#[rstest]
fn signatures_are_those_of_pycognito(#[values(0, 1, 2, 3)] part: usize) {
    let vectors: Vectors = serde_json::from_str(include_str!("../../../tests/srp/signatures.json")).unwrap();
    assert!(vectors.cases.len() > 1000);
    for (kind, number, signature) in vectors.cases.iter().skip(part).step_by(4) {
        let case = Case {
            seed: &vectors.seed,
            number: *number,
        };
        assert_eq!(&case.signature(), signature, "case {number}, {kind}");
    }
}

fn claim<'a>(server_public: &'a str, salt: &'a str, secret_block: &'a str, password: &'a Secret) -> PasswordClaim<'a> {
    PasswordClaim {
        pool_name: "AbC",
        user_id: "user",
        password,
        salt,
        server_public,
        secret_block,
        timestamp: "Thu Jan 1 00:00:00 UTC 1970",
    }
}

#[test]
fn answers_that_give_the_password_away_are_refused() {
    let ephemeral = Ephemeral::new().unwrap();
    let password = Secret::new("s3cret");
    let beyond = format!("1{}", "0".repeat(MOST_DIGITS));
    for server_public in ["0", "00", PRIME, "", "-1", "xyz", beyond.as_str()] {
        let error = ephemeral.sign(&claim(server_public, "ab", "", &password)).unwrap_err();
        assert!(error.to_string().contains("SRP_B"), "{server_public}: {error}");
    }
    for (salt, block, field) in [("", "", "SALT"), ("g", "", "SALT"), ("ab", "!", "SECRET_BLOCK")] {
        let error = ephemeral.sign(&claim("abcd", salt, block, &password)).unwrap_err();
        assert!(error.to_string().contains(field), "{error}");
    }
}

#[test]
fn every_sign_in_has_an_exponent_of_its_own() {
    let (first, second) = (Ephemeral::new().unwrap(), Ephemeral::new().unwrap());
    assert_ne!(first.public(), second.public());
    assert!(first.public().len() > 700);
}
