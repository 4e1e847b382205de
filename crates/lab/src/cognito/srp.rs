//! The server's half of SRP-6a as in Cognito: a group of 3072 bits, and hashes over hexadecimal numbers that are padded
//! like signed numbers.
//!
//! This code shares nothing with the product, not even the crate for big integers, so that both sides cannot have the
//! same mistake.

use std::sync::LazyLock;

use hmac::{Hmac, KeyInit, Mac};
use rand::RngCore;
use rsa::BigUint;
use sha2::{Digest, Sha256};

/// The prime `N` of RFC 3526, group 15, in hexadecimal.
const N_HEX: &[u8] = b"FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74\
    020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437\
    4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED\
    EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05\
    98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB\
    9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B\
    E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718\
    3995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33\
    A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7\
    ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864\
    D87602733EC86A64521F2B18177B200CBBE117577A615D6C770988C0BAD946E2\
    08E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF";

static N: LazyLock<BigUint> = LazyLock::new(|| BigUint::parse_bytes(N_HEX, 16).unwrap_or_default());
/// The multiplier `k = H(00 ‖ N ‖ 02)`.
static K: LazyLock<BigUint> = LazyLock::new(|| {
    let mut hashed = padded(&N);
    hashed.push(2);
    BigUint::from_bytes_be(&Sha256::digest(hashed))
});

fn g() -> BigUint {
    BigUint::from(2u8)
}

/// A number's bytes as Cognito hashes them, with a zero byte in front if the top bit is set.
fn padded(number: &BigUint) -> Vec<u8> {
    let mut bytes = number.to_bytes_be();
    if bytes.first().is_some_and(|first| first & 0x80 != 0) {
        bytes.insert(0, 0);
    }
    bytes
}

/// A number as Cognito writes it: hexadecimal without leading zeros.
pub(super) fn hex(number: &BigUint) -> String {
    number.to_str_radix(16)
}

/// Reads a number in hexadecimal.
pub(super) fn parse_hex(text: &str) -> Option<BigUint> {
    // `parse_bytes` also accepts signs and underscores.
    let shaped = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    shaped.then(|| BigUint::parse_bytes(text.as_bytes(), 16)).flatten()
}

fn random(bytes: usize) -> BigUint {
    let mut random = vec![0; bytes];
    rand::rng().fill_bytes(&mut random);
    BigUint::from_bytes_be(&random)
}

/// The owner of a password: the pool's name (the part of its id after `_`) and the user's name in the pool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Identity<'a> {
    pub(super) pool: &'a str,
    pub(super) user: &'a str,
}

/// The salt and verifier that a pool stores instead of a password.
#[derive(Debug, Clone)]
pub(super) struct Verifier {
    pub(super) salt: BigUint,
    verifier: BigUint,
}

impl Verifier {
    /// Computes the verifier of a password with a random salt of 16 bytes.
    pub(super) fn new(identity: Identity<'_>, password: &str) -> Self {
        Self::with_salt(identity, password, random(16))
    }

    /// Computes the verifier of a password with this salt.
    pub(super) fn with_salt(identity: Identity<'_>, password: &str, salt: BigUint) -> Self {
        let inner = Sha256::digest(format!("{}{}:{password}", identity.pool, identity.user));
        let mut hashed = padded(&salt);
        hashed.extend(inner);
        let x = BigUint::from_bytes_be(&Sha256::digest(hashed));
        Self {
            salt,
            verifier: g().modpow(&x, &N),
        }
    }

    /// Takes the verifier that a device sent. Its password never leaves the device.
    pub(super) fn known(salt: BigUint, verifier: BigUint) -> Self {
        Self { salt, verifier }
    }

    /// Returns the verifier of an unknown user: the salt depends on the name alone, and the password is random.
    pub(super) fn of_nobody(pool_secret: &str, user: &str) -> Self {
        let digest = Sha256::digest(format!("{pool_secret}:{user}"));
        Self {
            salt: BigUint::from_bytes_be(&digest[..16]),
            verifier: g().modpow(&random(32), &N),
        }
    }

    /// Whether this is the verifier of the password.
    pub(super) fn matches(&self, identity: Identity<'_>, password: &str) -> bool {
        Self::with_salt(identity, password, self.salt.clone()).verifier == self.verifier
    }
}

/// An SRP handshake between its two steps.
#[derive(Debug, Clone)]
pub(super) struct Handshake {
    /// `B = k·v + g^b`.
    pub(super) public: BigUint,
    key: [u8; 16],
}

impl Handshake {
    /// Answers a client's `A`. `b` is the server's private number; `None` chooses a random one. Returns `None` if `A`
    /// is a multiple of N.
    pub(super) fn new(verifier: &Verifier, theirs: &BigUint, b: Option<BigUint>) -> Option<Self> {
        let zero = BigUint::default();
        if theirs % &*N == zero {
            return None;
        }
        let b = b.unwrap_or_else(|| random(64));
        let public = (&*K * &verifier.verifier + g().modpow(&b, &N)) % &*N;
        let mut hashed = padded(theirs);
        hashed.extend(padded(&public));
        let u = BigUint::from_bytes_be(&Sha256::digest(hashed));
        let shared = (theirs * verifier.verifier.modpow(&u, &N)).modpow(&b, &N);
        Some(Self {
            public,
            key: derive(&padded(&shared), &padded(&u)),
        })
    }

    /// The signature that a client with the right password sends.
    pub(super) fn signature(&self, identity: Identity<'_>, secret_block: &[u8], timestamp: &str) -> [u8; 32] {
        let parts = [
            identity.pool.as_bytes(),
            identity.user.as_bytes(),
            secret_block,
            timestamp.as_bytes(),
        ];
        mac(&self.key, &parts)
    }
}

/// HKDF-SHA256 with 16 bytes of output.
fn derive(input: &[u8], salt: &[u8]) -> [u8; 16] {
    let pseudorandom = mac(salt, &[input]);
    let expanded = mac(&pseudorandom, &[b"Caldera Derived Key", &[1]]);
    let mut key = [0; 16];
    key.copy_from_slice(&expanded[..16]);
    key
}

/// HMAC-SHA256 of the concatenated parts.
pub(super) fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC accepts keys of any length, so this never fails.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return [0; 32];
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
