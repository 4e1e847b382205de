//! The settings that say whose AWS credentials are used, whatever surface they come from: flags, a configuration file or the
//! inputs of the GitHub Action.
//!
//! ```
//! use settings::RoleSettings;
//!
//! let role = RoleSettings { role_arn: Some("ci-push".into()), duration: Some(900), ..RoleSettings::default() };
//! assert!(role.check(1, true).is_ok());
//! ```
//!
//! Each setting is one entry of the [`table`]. [`SettingValues`] holds the values that a surface gives, and [`SettingValues::over`] makes the
//! settings of a role from them. An error about a setting uses the setting's name on the [`Surface`] that shows the error:
//!
//! ```
//! use settings::{RoleSettings, SettingValues, Surface, SurfaceValue, table};
//!
//! let mut values = SettingValues::default();
//! values.set(&table::DURATION, SurfaceValue::Number(60));
//! let role = values.over(RoleSettings::default(), "".as_ref()).unwrap();
//! let error = role.check(1, true).unwrap_err();
//! assert!(Surface::CommandLine.tell(error.clone()).to_string().starts_with("--duration: 60 s"));
//! assert!(Surface::Action.tell(error).to_string().starts_with("role-duration-seconds: 60 s"));
//! ```

pub mod cognito;
mod identity_choice;
mod limits;
mod role_settings;
mod setting;
mod surface;
pub mod table;
mod trust_source;
mod values;

pub use cognito::{CognitoSettings, Flow, IdentityFlow, SignIn, is_role_arn};
pub use identity_choice::{IdentityChoice, IdentitySettings};
pub use setting::{Setting, SettingGroup, SurfaceValue, TextForm, ValueKind};
pub use surface::{ROLE_OF_SETUP, Surface, cognito_key, flag, or_variable};
pub use table::RoleSettings;
pub use trust_source::{SourceChoice, TokenCommand, TokenPlace};
pub use values::{SettingValues, absolute_path};
