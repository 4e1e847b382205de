//! OIDC tokens: the file that holds one, and the claims in a token.
//!
//! [`read_token_file`] reads a token as Kubernetes mounts it. [`Claims`] are read without checking the signature: AWS checks it.
//!
//! ```
//! use oidc_token::Claims;
//!
//! // {"iss":"https://ci.example","sub":"job"}, between a header and a signature.
//! let claims = Claims::from_jwt("e30.eyJpc3MiOiJodHRwczovL2NpLmV4YW1wbGUiLCJzdWIiOiJqb2IifQ.c2ln").unwrap();
//! assert_eq!((claims.iss.as_str(), claims.sub.as_str()), ("https://ci.example", "job"));
//! ```

mod claims;
mod file;

pub use claims::Claims;
pub use file::{read_token_file, token_key};
