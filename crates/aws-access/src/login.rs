//! Credentials from `aws login`: a session of AWS's console, renewed as long as possible.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/access-login.html>

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sdk_signin::types::{CreateOAuth2TokenRequestBody, CreateOAuth2TokenResponseBody};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use rustls_pki_types::PrivateSec1KeyDer;
use rustls_pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::client::Aws;
use crate::endpoint::{Endpoint, EndpointKind, Service};
use crate::expiration;
use crate::kept_session::login_session_file;
use crate::session_credentials::RENEWAL;
use crate::sso::keep_session;
use diagnostics::{Code, Error, Result, shell_word};
use secret::Secret;
use zeroize::Zeroizing;

/// The session as the AWS CLI keeps it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoginSession {
    access_token: LoginKeys,
    #[serde(with = "secret::exposed")]
    refresh_token: Secret,
    client_id: String,
    /// The session's private key, as PEM (SEC 1).
    #[serde(with = "secret::exposed")]
    dpop_key: Secret,
    /// All other fields, which are kept.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoginKeys {
    access_key_id: String,
    #[serde(with = "secret::exposed")]
    secret_access_key: Secret,
    #[serde(with = "secret::exposed")]
    session_token: Secret,
    expires_at: String,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl Aws<'_> {
    /// Returns the credentials of a session that `aws login` began.
    ///
    /// # Errors
    /// No user is signed in, or the session has ended and cannot be renewed.
    pub(crate) async fn login_session(&self, profile: &str, session: &str, region: &str) -> Result<Credentials> {
        let failed = |cause: String| {
            Error::failed(Code::NobodySignedIn, format!("profile {profile}"), cause).hint(sign_in_again(profile))
        };
        let file = login_session_file(session, self.env);
        let file = file.ok_or_else(|| failed("this user has no home folder".to_owned()).with_code(Code::NoHome))?;
        if !file.is_file() {
            return Err(failed(format!("nobody is signed in: there is no {}", file.display())));
        }
        let odd = |cause: String| failed(format!("the session in {} can't be read: {cause}", file.display()));
        let text = private_files::read_secret(&file, private_files::TOKEN_LIMIT);
        let text = text.map_err(|error| odd(error.to_string()))?;
        let session = serde_json::from_str(text.expose()).map_err(|_| odd("it is not a session".to_owned()));
        let mut session: LoginSession = session?;
        let ends_at = expiration::parse(&session.access_token.expires_at);
        let ends_at = ends_at.ok_or_else(|| odd("expiresAt is not a time".to_owned()))?;
        let now = SystemTime::now();
        if ends_at <= now + RENEWAL {
            match self.renew_login(profile, &mut session, region).await {
                Ok(()) => keep_session(&file, &session),
                // The session is used until it ends.
                Err(_) if ends_at > now => {}
                Err(error) => return Err(error),
            }
        }
        let keys = &session.access_token;
        Ok(Credentials::new(
            &keys.access_key_id,
            keys.secret_access_key.expose(),
            Some(keys.session_token.expose().to_owned()),
            expiration::parse(&keys.expires_at),
            "login",
        ))
    }

    async fn renew_login(&self, profile: &str, session: &mut LoginSession, region: &str) -> Result<()> {
        let what = format!("profile {profile}: {} ({region})", Service::SignIn.name());
        let hint = sign_in_again(profile);
        let odd = |cause: &str| Error::failed(Code::ProfileFailed, &what, cause).hint(&hint);
        let key = session_key(&session.dpop_key).ok_or_else(|| odd("dpopKey is not a key"))?;
        let request = CreateOAuth2TokenRequestBody::builder()
            .client_id(&session.client_id)
            .grant_type("refresh_token")
            .refresh_token(session.refresh_token.expose());
        let request = request.build().map_err(|error| odd(&error.to_string()))?;
        let endpoint = Endpoint::for_service(
            Service::SignIn,
            region,
            EndpointKind::default(),
            self.env,
            self.identity,
        )?;
        let mut settings = aws_sdk_signin::config::Builder::from(&self.settings(region, &endpoint));
        settings.set_endpoint_url(endpoint.url);
        let call = aws_sdk_signin::Client::from_conf(settings.build()).create_o_auth2_token();
        let call = call.token_input(request).customize().mutate_request(move |request| {
            if let Some(proof) = proof(&key, request.uri(), SystemTime::now()) {
                request.headers_mut().insert("dpop", proof);
            }
        });
        let answer = call.send().await.map_err(|error| {
            let refused = error.as_service_error().map(|error| error.is_access_denied_exception());
            let error = self.call_failed(&what, "CreateOAuth2Token", error);
            match refused {
                Some(true) => error.with_code(Code::NobodySignedIn).hint(&hint),
                Some(false) => error.with_code(Code::ProfileFailed).hint(&hint),
                None => error,
            }
        })?;
        let answer = answer.token_output();
        session
            .take(answer, SystemTime::now())
            .ok_or_else(|| odd("the answer holds no credentials").with_code(Code::OddAnswer))
    }
}

fn sign_in_again(profile: &str) -> String {
    format!("run: aws login --profile {}", shell_word(profile))
}

impl LoginSession {
    /// Takes new keys, if the response has all of them.
    fn take(&mut self, answer: Option<&CreateOAuth2TokenResponseBody>, now: SystemTime) -> Option<()> {
        let answer = answer?;
        let keys = answer.access_token()?;
        // The SDK turns a missing field into an empty one.
        let needed = [
            keys.access_key_id(),
            keys.secret_access_key(),
            keys.session_token(),
            answer.refresh_token(),
        ];
        if needed.iter().any(|field| field.is_empty()) {
            return None;
        }
        let life = Duration::from_secs(answer.expires_in().try_into().ok()?);
        self.access_token.access_key_id = keys.access_key_id().to_owned();
        self.access_token.secret_access_key = Secret::new(keys.secret_access_key());
        self.access_token.session_token = Secret::new(keys.session_token());
        self.access_token.expires_at = expiration::rfc3339(now + life).unwrap_or_default();
        self.refresh_token = Secret::new(answer.refresh_token());
        Some(())
    }
}

/// A PKCS #8 document of a P-256 key up to the key itself: version, algorithm and curve, and the tag of the octets that hold the key.
const PKCS8_P256: &[u8] =
    b"\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x04";

/// Reads a session's private key: PEM in the form of SEC 1 (RFC 5915), which ring takes inside PKCS #8 only. Returns `None` if it is not a P-256 key
/// with its public half.
fn session_key(pem: &Secret) -> Option<EcdsaKeyPair> {
    let key = Zeroizing::new(PrivateSec1KeyDer::from_pem_slice(pem.expose().as_bytes()).ok()?);
    let key = key.secret_sec1_der();
    let key_length = u8::try_from(key.len()).ok().filter(|length| *length < 0x80)?;
    let rest_length = u8::try_from(PKCS8_P256.len() + 1 + key.len()).ok()?;
    let parts: [&[u8]; 4] = [&[0x30, 0x81, rest_length], PKCS8_P256, &[key_length], key];
    let pkcs8 = Zeroizing::new(parts.concat());
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8, &SystemRandom::new()).ok()
}

/// Returns the proof that the sender of a request to this address has the session's key (RFC 9449). Returns `None` if the system has no random numbers.
fn proof(key: &EcdsaKeyPair, address: &str, now: SystemTime) -> Option<String> {
    // A point that is not compressed: the byte 4, then both coordinates.
    let (x, y) = key.public_key().as_ref().get(1..)?.split_at_checked(32)?;
    let [x, y] = [x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
    let head = json!({
        "typ": "dpop+jwt",
        "alg": "ES256",
        "jwk": {"kty": "EC", "crv": "P-256", "x": x, "y": y},
    });
    let claims = json!({
        "jti": format!("{:032x}", fastrand::u128(..)),
        "htm": "POST",
        "htu": address,
        "iat": now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
    });
    let [head, claims] = [head, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let text = format!("{head}.{claims}");
    let signature = key.sign(&SystemRandom::new(), text.as_bytes()).ok()?;
    Some(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    /// A key from the tests of AWS's SDK, with its coordinates.
    const KEY: &str = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIBMB/RwQERsVoqWRQG4zK8CnaAa5dfrpbm+9tFdBh3z4oAoGCCqGSM49\nAwEHoUQDQgAEWb1VLi1EA2hJaTz4yYuxSELvY+1GAfL+8rUTCAdiFid87Bf6GY+s\n2+1RpqDv0RpZiDIMCrZrsAh+RK9S3QCaGA==\n-----END EC PRIVATE KEY-----\n";
    const X: &str = "Wb1VLi1EA2hJaTz4yYuxSELvY-1GAfL-8rUTCAdiFic";
    const Y: &str = "fOwX-hmPrNvtUaag79EaWYgyDAq2a7AIfkSvUt0Amhg";

    #[test]
    fn a_proof_is_signed_with_the_sessions_key() {
        let key = session_key(&Secret::new(KEY)).unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(1_651_516_560);
        let address = "https://us-east-1.signin.aws.amazon.com/v1/token";
        let jwt = proof(&key, address, now).unwrap();
        let (text, signature) = jwt.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.public_key());
        assert!(public.verify(text.as_bytes(), &signature).is_ok());
        let part = |at| {
            let part = URL_SAFE_NO_PAD.decode(text.split('.').nth(at).unwrap()).unwrap();
            serde_json::from_slice::<Value>(&part).unwrap()
        };
        let (head, claims) = (part(0), part(1));
        assert_eq!(head["jwk"], json!({"kty": "EC", "crv": "P-256", "x": X, "y": Y}));
        assert_eq!((&head["typ"], &head["alg"]), (&json!("dpop+jwt"), &json!("ES256")));
        assert_eq!((&claims["htm"], &claims["htu"]), (&json!("POST"), &json!(address)));
        assert_eq!(claims["iat"], 1_651_516_560);
        assert_ne!(proof(&key, address, now).unwrap(), jwt, "each proof is used once");
    }
}
