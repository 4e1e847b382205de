//! The OIDC issuers that the lab plays, and STS's checks of a web identity token.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer::{BoxError, Refusal};
use crate::{Aws, LabError, lock};

/// How an issuer signs tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SigningAlgorithm {
    /// ECDSA on P-256.
    ES256,
    /// RSA with 2048 bits, as on GitHub and GitLab. Generating the key takes a moment.
    RS256,
    /// RSA with 2048 bits and SHA-512, as in Cognito's identity pools.
    RS512,
}

/// Cognito's identity pools in trust policies: the only issuer that every account knows.
pub(crate) const IDENTITY_PROVIDER: &str = "cognito-identity.amazonaws.com";
/// The claim with session tags.
pub(crate) const TAGS_CLAIM: &str = "https://aws.amazon.com/tags";

/// GitHub's issuer.
pub const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";
/// The claims other than `aud` and `sub` that a trust policy may name in STS.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html>
const GITHUB_CLAIMS: [&str; 10] = [
    "actor",
    "actor_id",
    "enterprise_id",
    "environment",
    "job_workflow_ref",
    "ref",
    "repository",
    "repository_id",
    "repository_owner_id",
    "workflow",
];

/// An issuer's keys.
pub(crate) struct Issuer {
    algorithm: Algorithm,
    signing: EncodingKey,
    verifying: DecodingKey,
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

/// Issuers, and the IAM OIDC providers of the accounts.
#[derive(Debug, Default)]
pub(crate) struct Oidc {
    pub(crate) issuers: HashMap<String, Issuer>,
    /// (account, provider) → accepted audiences.
    providers: HashMap<(String, String), Vec<String>>,
}

/// The claims that STS reads.
#[derive(Debug, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) sub: String,
    pub(crate) aud: Audience,
    exp: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(flatten)]
    others: HashMap<String, Value>,
}

/// `aud` is a string or a list of them (RFC 7519, 4.1.3).
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Claims {
    /// Returns the provider's name in IAM: the issuer without its scheme.
    pub(crate) fn provider(&self) -> &str {
        self.iss.strip_prefix("https://").unwrap_or(&self.iss)
    }

    /// Returns the audience that AWS compares. If the token has several, it is `azp`.
    pub(crate) fn audience(&self) -> Option<&str> {
        let first = match &self.aud {
            Audience::One(audience) => Some(audience.as_str()),
            Audience::Many(audiences) => audiences.first().map(String::as_str),
        };
        self.others.get("azp").and_then(Value::as_str).or(first)
    }

    /// Returns a claim that conditions may name.
    pub(crate) fn get(&self, claim: &str) -> Option<&str> {
        match claim {
            "aud" => self.audience(),
            "sub" => Some(&self.sub),
            "iss" => Some(&self.iss),
            other if self.iss == GITHUB_ISSUER && !GITHUB_CLAIMS.contains(&other) => None,
            other => self.others.get(other)?.as_str(),
        }
    }

    /// Returns the session tags in the token (IAM, "Passing session tags using AssumeRoleWithWebIdentity").
    pub(crate) fn tags(&self) -> BTreeMap<String, String> {
        let tags = self.others.get(TAGS_CLAIM).and_then(|tags| tags.get("principal_tags"));
        let members = tags.and_then(Value::as_object).into_iter().flatten();
        let first = |value: &Value| Some(value.get(0)?.as_str()?.to_owned());
        members
            .filter_map(|(key, value)| Some((key.clone(), first(value)?)))
            .collect()
    }

    /// Returns the strings of a claim that is a list, such as `amr`.
    pub(crate) fn list(&self, claim: &str) -> Vec<&str> {
        let list = self.others.get(claim).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

impl Oidc {
    /// Checks a token for a role of `account`: provider, signature, times, audience. Errors come in AWS's order.
    pub(crate) fn verify(&self, token: &str, account: &str, now: i64) -> Result<Claims, Refusal> {
        let claims = unverified(token).ok_or_else(|| {
            invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
        })?;
        // Every account knows Cognito's identity pools. Trust policies limit which pool may call.
        if claims.provider() == IDENTITY_PROVIDER {
            self.verify_signature(token, &claims.iss)?;
            check_times(&claims, now)?;
            return Ok(claims);
        }
        let provider = (account.to_owned(), claims.provider().to_owned());
        let audiences = self.providers.get(&provider).ok_or_else(|| {
            let message = format!("No OpenIDConnect provider found in your account for {}", claims.iss);
            invalid(&message)
        })?;
        self.verify_signature(token, &claims.iss)?;
        check_times(&claims, now)?;
        if !claims
            .audience()
            .is_some_and(|audience| audiences.iter().any(|known| known == audience))
        {
            return Err(invalid("Incorrect token audience"));
        }
        Ok(claims)
    }

    /// Verifies a token of this issuer and returns all claims. `None` if it is not a token of this issuer.
    pub(crate) fn verified(&self, token: &str, iss: &str) -> Option<Value> {
        let issuer = self.issuers.get(iss)?;
        let data = jsonwebtoken::decode::<Value>(token, &issuer.verifying, &unchecked(issuer.algorithm)).ok()?;
        (data.claims.get("iss")?.as_str()? == iss).then_some(data.claims)
    }

    /// Verifies a token for an identity pool and returns all claims. Errors come in AWS's order.
    pub(crate) fn verified_login(
        &self,
        token: &str,
        issuer: &str,
        audiences: &[String],
        now: i64,
    ) -> Result<Value, Refusal> {
        let refused =
            |what: String| Refusal::new(400, "NotAuthorizedException", format!("Invalid login token. {what}"));
        let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(token)
            .map_err(|_| refused("Not a valid OpenId Connect identity token.".into()))?
            .claims;
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        for required in ["iss", "sub", "aud", "exp"] {
            if claims.get(required).is_none() {
                return Err(refused(format!("Missing a required claim: {required}")));
            }
        }
        if text("iss") != Some(issuer) {
            return Err(refused("Issuer doesn't match providerName".into()));
        }
        self.verified(token, issuer)
            .ok_or_else(|| refused("Token signature invalid.".into()))?;
        let exp = claims.get("exp").and_then(Value::as_i64).unwrap_or_default();
        if exp <= now {
            return Err(refused(format!("Token expired: {exp} >= {now}")));
        }
        if !audiences.iter().any(|known| text("aud") == Some(known)) {
            let message = "Token is not from a supported provider of this identity pool.";
            return Err(Refusal::new(400, "NotAuthorizedException", message));
        }
        Ok(claims)
    }

    fn verify_signature(&self, token: &str, iss: &str) -> Result<(), Refusal> {
        let issuer = self.issuers.get(iss).ok_or_else(|| {
            invalid("Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements")
        })?;
        jsonwebtoken::decode::<Value>(token, &issuer.verifying, &unchecked(issuer.algorithm))
            .map(|_| ())
            .map_err(|_| invalid("The ID Token provided is not a valid JWT: its signature does not match"))
    }
}

/// Returns the claims of a well-formed token without checking the signature. They say whose key to use.
pub(crate) fn unverified(token: &str) -> Option<Claims> {
    let header = jsonwebtoken::decode_header(token).ok()?;
    matches!(header.alg, Algorithm::ES256 | Algorithm::RS256 | Algorithm::RS512).then_some(())?;
    jsonwebtoken::dangerous::insecure_decode::<Claims>(token)
        .ok()
        .map(|data| data.claims)
}

/// Only the signature is checked here: the lab's clock decides on times, and the provider on audiences.
fn unchecked(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    validation
}

fn check_times(claims: &Claims, now: i64) -> Result<(), Refusal> {
    if claims.exp <= now {
        let message = format!(
            "Token expired: current date/time {} must be before the expiration date/time {}",
            now, claims.exp
        );
        return Err(Refusal::new(400, "ExpiredTokenException", message));
    }
    if claims.nbf.is_some_and(|nbf| nbf > now) {
        return Err(invalid("The ID Token provided is not yet valid"));
    }
    Ok(())
}

fn invalid(message: &str) -> Refusal {
    Refusal::new(400, "InvalidIdentityToken", message)
}

fn es256() -> Result<Issuer, BoxError> {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    Ok(Issuer {
        algorithm: Algorithm::ES256,
        signing: EncodingKey::from_ec_pem(key.serialize_pem().as_bytes())?,
        verifying: DecodingKey::from_ec_pem(key.public_key_pem().as_bytes())?,
    })
}

fn rsa_key(algorithm: Algorithm) -> Result<Issuer, BoxError> {
    let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048)?;
    let private = key.to_pkcs8_pem(LineEnding::LF)?;
    let public = key.to_public_key().to_public_key_pem(LineEnding::LF)?;
    Ok(Issuer {
        algorithm,
        signing: EncodingKey::from_rsa_pem(private.as_bytes())?,
        verifying: DecodingKey::from_rsa_pem(public.as_bytes())?,
    })
}

impl Aws {
    /// Starts playing an OIDC issuer (`https://token.actions.githubusercontent.com`) by generating its key. A second
    /// call rotates the key.
    ///
    /// # Errors
    /// The key could not be generated.
    pub fn add_issuer(&self, issuer: &str, algorithm: SigningAlgorithm) -> Result<(), LabError> {
        let made = match algorithm {
            SigningAlgorithm::ES256 => es256(),
            SigningAlgorithm::RS256 => rsa_key(Algorithm::RS256),
            SigningAlgorithm::RS512 => rsa_key(Algorithm::RS512),
        };
        let made = made.map_err(|cause| LabError::new("cannot make an issuer's key", cause))?;
        lock(&self.oidc).issuers.insert(issuer.into(), made);
        Ok(())
    }

    /// Starts playing an OIDC issuer, unless the lab already does.
    pub(crate) fn ensure_issuer(&self, issuer: &str, algorithm: SigningAlgorithm) -> Result<(), LabError> {
        if lock(&self.oidc).issuers.contains_key(issuer) {
            return Ok(());
        }
        self.add_issuer(issuer, algorithm)
    }

    /// Adds an IAM OIDC provider to an account, which accepts tokens of that issuer with one of these audiences.
    pub fn add_oidc_provider(&self, account: &str, issuer: &str, audiences: &[&str]) {
        let provider = issuer.strip_prefix("https://").unwrap_or(issuer);
        let audiences = audiences.iter().map(|&audience| audience.to_owned()).collect();
        lock(&self.oidc)
            .providers
            .insert((account.into(), provider.into()), audiences);
    }

    /// Signs claims with an issuer's key, without adding any claim.
    ///
    /// # Errors
    /// The lab doesn't play that issuer.
    pub fn sign_jwt(&self, issuer: &str, claims: &Value) -> Result<String, LabError> {
        let oidc = lock(&self.oidc);
        let keys = oidc
            .issuers
            .get(issuer)
            .ok_or_else(|| LabError::new("cannot sign a token", "the lab does not play that issuer"))?;
        jsonwebtoken::encode(&Header::new(keys.algorithm), claims, &keys.signing)
            .map_err(|cause| LabError::new("cannot sign a token", cause))
    }
}
