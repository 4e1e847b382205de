//! OIDC tokens: what one says about its bearer, and the file that holds one.
//!
//! ```
//! use oidc_token::Claims;
//!
//! // {"iss":"https://ci.example","sub":"job"}, between a header and a signature.
//! let claims = Claims::of("e30.eyJpc3MiOiJodHRwczovL2NpLmV4YW1wbGUiLCJzdWIiOiJqb2IifQ.c2ln").unwrap();
//! assert_eq!((claims.iss.as_str(), claims.sub.as_str()), ("https://ci.example", "job"));
//! ```

mod claims;
mod file;

pub use claims::{Claims, identity_in, identity_of};
pub use file::read_token_file;
