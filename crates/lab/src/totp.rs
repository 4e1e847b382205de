//! Codes of authenticator apps (RFC 6238): SHA-1, six digits, steps of 30 seconds, as in Cognito and IAM.

use rand::Rng;
use sha1::{Digest, Sha1};

const STEP: i64 = 30;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Returns the time step of a time.
pub(crate) fn step(now: i64) -> i64 {
    now.div_euclid(STEP)
}

/// Returns the step that a code belongs to: the current step or one next to it. `None` if the code is wrong or the
/// secret is not base32.
pub(crate) fn step_of(secret: &str, code: &str, now: i64) -> Option<i64> {
    let current = step(now);
    [current, current - 1, current + 1]
        .into_iter()
        .find(|step| code_of(secret, *step).as_deref() == Some(code))
}

/// Returns the code of a step. `None` if the secret is not base32.
pub(crate) fn code_of(secret: &str, step: i64) -> Option<String> {
    let digest = hmac_sha1(&decode(secret)?, &step.to_be_bytes());
    let offset = usize::from(digest[19] & 0xf);
    let four = [
        digest[offset],
        digest[offset + 1],
        digest[offset + 2],
        digest[offset + 3],
    ];
    let number = u32::from_be_bytes(four) & 0x7fff_ffff;
    Some(format!("{:06}", number % 1_000_000))
}

/// Creates a random secret in base32, 52 characters long.
pub(crate) fn new_secret() -> String {
    let mut rng = rand::rng();
    (0..52).map(|_| char::from(ALPHABET[rng.random_range(0..32)])).collect()
}

/// Decodes base32 without padding (RFC 4648).
fn decode(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut buffer, mut bits) = (Vec::new(), 0u32, 0);
    for letter in text.bytes() {
        let value = ALPHABET.iter().position(|known| *known == letter)?;
        buffer = (buffer << 5) | u32::try_from(value).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((buffer >> bits) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

/// HMAC (RFC 2104) with SHA-1, written out because the dependencies' crates for HMAC and SHA-1 are of incompatible
/// versions.
fn hmac_sha1(key: &[u8], message: &[u8]) -> [u8; 20] {
    let mut block = [0; 64];
    match key.len() {
        0..=64 => block[..key.len()].copy_from_slice(key),
        _ => block[..20].copy_from_slice(&Sha1::digest(key)),
    }
    let inner = Sha1::new()
        .chain_update(block.map(|byte| byte ^ 0x36))
        .chain_update(message)
        .finalize();
    let outer = Sha1::new()
        .chain_update(block.map(|byte| byte ^ 0x5c))
        .chain_update(inner);
    outer.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, last six digits. The secret is `12345678901234567890`.
    #[test]
    fn agrees_with_the_rfc() {
        let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code_of(secret, step(time)).unwrap(), code);
            assert_eq!(step_of(secret, code, time + 30), Some(step(time)));
            assert_eq!(step_of(secret, code, time + 60), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_secret_is_read_without_panic(secret in ".*", code in ".{0,8}", now: i32) {
            let _ = step_of(&secret, &code, now.into());
        }

        #[test]
        fn a_code_is_good_for_its_step_and_the_ones_beside_it(now in 0i64..4_000_000_000, away in -1i64..=1) {
            let secret = new_secret();
            let code = code_of(&secret, step(now)).unwrap();
            proptest::prop_assert!(step_of(&secret, &code, now + 30 * away).is_some());
        }
    }
}
