//! Cognito's password sign-in (Secure Remote Password): the password never leaves this machine.
//!
//! A sign-in takes one [`Ephemeral`]: send [`Ephemeral::public`] as `SRP_A`, then answer Cognito's challenge with [`Ephemeral::sign`].
//!
//! ```
//! use cognito_srp::{EXPONENT_BYTES, Ephemeral, PasswordClaim, timestamp};
//!
//! let ephemeral = Ephemeral::new(&[7; EXPONENT_BYTES]); // In earnest: random bytes.
//! let challenge = PasswordClaim {
//!     pool_name: "aBcD12345",
//!     user_id: "ada",
//!     password: "correct horse",
//!     salt: "a1b2c3",
//!     server_public: "5f",
//!     secret_block: "c2VjcmV0",
//!     timestamp: &timestamp(std::time::UNIX_EPOCH),
//! };
//! assert_eq!(challenge.timestamp, "Thu Jan 1 00:00:00 UTC 1970");
//! assert_eq!(ephemeral.sign(&challenge).unwrap().len(), 44); // base64 of 32 bytes
//! ```
//!
//! The protocol is SRP-6a with parameters that no SRP crate has: N is the 3072-bit prime of RFC 3526 (group 15), g is 2, H is SHA-256, numbers
//! are hashed as two's complement without leading zeros (Java's `BigInteger`), and the session key comes from HKDF. Cognito proves nothing to
//! the client. tests/srp/ compares the results with an independent implementation.
//!
//! This is a crate of its own so that debug builds compile it with optimisation too.

mod timestamp;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crypto_bigint::modular::runtime_mod::{DynResidue, DynResidueParams};
use crypto_bigint::{Encoding, U3072, Zero};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

pub use timestamp::timestamp;

/// <https://www.rfc-editor.org/rfc/rfc3526#section-4>
const PRIME: &str = "\
FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD\
EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED\
EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F\
83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B\
E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510\
15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7\
ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C\
BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF";

/// The number of bytes of the secret exponent, as in Cognito's own clients.
pub const EXPONENT_BYTES: usize = 128;
/// The most hexadecimal digits of a number below N.
const MOST_DIGITS: usize = U3072::BYTES * 2;
/// The number of bits of a SHA-256 digest and of a + u·x. A power always uses this many bits of its exponent, whatever their values.
const HASH_BITS: usize = 256;
const EXPONENT_BITS: usize = EXPONENT_BYTES * 8 + 1;
const KEY_INFO: &[u8] = b"Caldera Derived Key";
const KEY_BYTES: usize = 16;

type Residue = DynResidue<{ U3072::LIMBS }>;
type Modulus = DynResidueParams<{ U3072::LIMBS }>;

/// A field of the response that is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the {0} of its answer can't be right")]
pub struct OddField(pub &'static str);

/// The data that registers a remembered device: its password stays here, and the user pool gets the verifier.
pub struct DeviceVerifier {
    /// `Salt` in base64.
    pub salt: String,
    /// `PasswordVerifier` in base64.
    pub verifier: String,
}

/// Returns the verifier of a device. `salt` must be random.
///
/// A later proof is a [`PasswordClaim`] with the device's group key instead of the pool's name, and the device's key instead of the user.
pub fn device_verifier(group_key: &str, key: &str, password: &str, salt: &[u8; 16]) -> DeviceVerifier {
    let mut wide = Zeroizing::new([0; U3072::BYTES]);
    wide[U3072::BYTES - salt.len()..].copy_from_slice(salt);
    let salt = pad(&U3072::from_be_slice(&*wide));
    let x = Zeroizing::new(from_hash(&private_key(&salt, group_key, key, password)));
    let verifier = generator(Modulus::new(&U3072::from_be_hex(PRIME))).pow_bounded_exp(&x, HASH_BITS);
    DeviceVerifier {
        salt: STANDARD.encode(&*salt),
        verifier: STANDARD.encode(&*pad(&verifier.retrieve())),
    }
}

/// The client's half of one sign-in: a secret exponent, used once, and its public number.
pub struct Ephemeral {
    exponent: Zeroizing<U3072>,
    public: U3072,
    modulus: Modulus,
}

/// Cognito's challenge, and the user whose password is proved.
#[derive(Clone, Copy)]
pub struct PasswordClaim<'a> {
    /// The part of the user pool's id after the `_`.
    pub pool_name: &'a str,
    /// `USER_ID_FOR_SRP`: the user's real name, not an alias.
    pub user_id: &'a str,
    /// The password.
    pub password: &'a str,
    /// `SALT` in hexadecimal digits.
    pub salt: &'a str,
    /// `SRP_B` in hexadecimal digits.
    pub server_public: &'a str,
    /// `SECRET_BLOCK` in base64.
    pub secret_block: &'a str,
    /// The time, as [`timestamp()`] writes it.
    pub timestamp: &'a str,
}

impl Ephemeral {
    /// Uses a secret exponent, which must be random.
    pub fn new(exponent: &[u8; EXPONENT_BYTES]) -> Self {
        let mut wide = Zeroizing::new([0; U3072::BYTES]);
        wide[U3072::BYTES - EXPONENT_BYTES..].copy_from_slice(exponent);
        let exponent = Zeroizing::new(U3072::from_be_slice(&*wide));
        let modulus = Modulus::new(&U3072::from_be_hex(PRIME));
        let public = generator(modulus).pow_bounded_exp(&exponent, EXPONENT_BITS).retrieve();
        Self {
            exponent,
            public,
            modulus,
        }
    }

    /// Returns `SRP_A` in hexadecimal digits.
    pub fn public(&self) -> String {
        hex(strip(&self.public.to_be_bytes()))
    }

    /// Returns `PASSWORD_CLAIM_SIGNATURE` in base64: the proof of the password, for this sign-in only.
    ///
    /// # Errors
    /// The response cannot be Cognito's, or is an attempt to find out the password.
    pub fn sign(&self, claim: &PasswordClaim<'_>) -> Result<Zeroizing<String>, OddField> {
        let block = STANDARD
            .decode(claim.secret_block)
            .map_err(|_| OddField("SECRET_BLOCK"))?;
        let key = self.session_key(claim)?;
        let parts = [
            claim.pool_name.as_bytes(),
            claim.user_id.as_bytes(),
            &block,
            claim.timestamp.as_bytes(),
        ];
        let mut mac = Hmac::<Sha256>::new_from_slice(&*key).map_err(|_| OddField("HMAC"))?;
        for part in parts {
            mac.update(part);
        }
        Ok(Zeroizing::new(STANDARD.encode(mac.finalize().into_bytes())))
    }

    /// Returns the session key: HKDF of S = (B − k·gˣ)^(a + u·x) mod N.
    fn session_key(&self, claim: &PasswordClaim<'_>) -> Result<Zeroizing<[u8; KEY_BYTES]>, OddField> {
        let modulus = self.modulus;
        let server_public = number(claim.server_public).ok_or(OddField("SRP_B"))?;
        let server = Residue::new(&server_public, modulus);
        let u = hash(&[&pad(&self.public), &pad(&server_public)]);
        if bool::from(server.retrieve().is_zero()) || u.iter().all(|byte| *byte == 0) {
            return Err(OddField("SRP_B"));
        }
        let salt = number(claim.salt).ok_or(OddField("SALT"))?;
        let x = private_key(&pad(&salt), claim.pool_name, claim.user_id, claim.password);
        let k = hash(&[&pad(modulus.modulus()), &[2]]);
        let (u, x, k) = (from_hash(&u), Zeroizing::new(from_hash(&x)), from_hash(&k));
        let verifier = Zeroizing::new(generator(modulus).pow_bounded_exp(&x, HASH_BITS));
        let base = Zeroizing::new(server - Residue::new(&k, modulus) * *verifier);
        // u·x has 512 bits and a has 1024, so the sum does not overflow.
        let exponent = Zeroizing::new(self.exponent.wrapping_add(&u.wrapping_mul(&*x)));
        let shared = Zeroizing::new(base.pow_bounded_exp(&exponent, EXPONENT_BITS).retrieve());
        derive(&pad(&shared), &pad(&u))
    }
}

/// Returns x = H(pad salt ‖ H(pool name ‖ user ‖ ":" ‖ password)).
fn private_key(padded_salt: &[u8], pool_name: &str, user_id: &str, password: &str) -> Zeroizing<[u8; 32]> {
    let inner = hash(&[pool_name.as_bytes(), user_id.as_bytes(), b":", password.as_bytes()]);
    hash(&[padded_salt, &*inner])
}

fn derive(input: &[u8], salt: &[u8]) -> Result<Zeroizing<[u8; KEY_BYTES]>, OddField> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    let expanded = Hkdf::<Sha256>::new(Some(salt), input).expand(KEY_INFO, &mut *key);
    expanded.map_err(|_| OddField("HKDF"))?;
    Ok(key)
}

fn generator(modulus: Modulus) -> Residue {
    Residue::new(&U3072::from_u8(2), modulus)
}

fn hash(parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    Zeroizing::new(hash.finalize().into())
}

fn from_hash(hash: &[u8; 32]) -> U3072 {
    let mut wide = Zeroizing::new([0; U3072::BYTES]);
    wide[U3072::BYTES - hash.len()..].copy_from_slice(hash);
    U3072::from_be_slice(&*wide)
}

/// Returns a number in the form of Java's `BigInteger.toByteArray`: without leading zero bytes, except one if the first bit would be a sign.
fn pad(number: &U3072) -> Zeroizing<Vec<u8>> {
    let bytes = Zeroizing::new(number.to_be_bytes());
    let digits = strip(&*bytes);
    let mut padded = Zeroizing::new(Vec::with_capacity(digits.len() + 1));
    if digits.first().is_none_or(|first| first & 0x80 != 0) {
        padded.push(0);
    }
    padded.extend_from_slice(digits);
    padded
}

fn strip(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

/// Parses a hexadecimal number of at most 3072 bits.
fn number(text: &str) -> Option<U3072> {
    let digits = text.trim_start_matches('0');
    let is_hex = text.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_hex || text.is_empty() || digits.len() > MOST_DIGITS {
        return None;
    }
    Some(U3072::from_be_hex(&format!("{digits:0>MOST_DIGITS$}")))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
