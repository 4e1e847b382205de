//! From an identity to AWS credentials and registry passwords: [`identity`] chooses whose credentials are used, [`aws`] makes
//! the calls, [`token`] and [`session`] put the cache in front of them.

pub mod aws;
pub mod identity;
pub mod session;
pub mod token;
