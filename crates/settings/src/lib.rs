//! The settings that say whose AWS credentials are used, whatever surface they come from: flags, a configuration file or the
//! inputs of the GitHub Action.
//!
//! ```
//! use settings::RoleSettings;
//!
//! let role = RoleSettings { role_arn: Some("ci-push".into()), duration: Some(900), ..RoleSettings::default() };
//! assert!(role.check(1, true).is_ok());
//! ```

mod cognito;
mod identity_choice;
mod role_settings;

pub use cognito::{CognitoSettings, Flow, IdentityFlow, SignIn, check_text as check_cognito_text};
pub use identity_choice::{IdentityChoice, IdentitySettings};
pub use role_settings::{RoleSettings, SourceChoice, TokenCommand, TokenPlace, policy_text};
