//! Refused inputs. `tests/it/srp.rs` compares the results for valid inputs with pycognito.

use super::*;

fn claim<'a>(server_public: &'a str, salt: &'a str, secret_block: &'a str, password: &'a str) -> PasswordClaim<'a> {
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
    let ephemeral = Ephemeral::new(&[7; EXPONENT_BYTES]);
    let password = "s3cret";
    let beyond = format!("1{}", "0".repeat(MOST_DIGITS));
    for server_public in ["0", "00", PRIME, "", "-1", "xyz", beyond.as_str()] {
        let error = ephemeral.sign(&claim(server_public, "ab", "", password)).unwrap_err();
        assert!(error.to_string().contains("SRP_B"), "{server_public}: {error}");
    }
    for (salt, block, field) in [("", "", "SALT"), ("g", "", "SALT"), ("ab", "!", "SECRET_BLOCK")] {
        let error = ephemeral.sign(&claim("abcd", salt, block, password)).unwrap_err();
        assert!(error.to_string().contains(field), "{error}");
    }
}
