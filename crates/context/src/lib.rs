//! Everything that a command reads of the outside world, handed in, so that any command runs inside a test without a process:
//! the environment ([`Env`]), the streams and the clock ([`World`]), the time that a command may take ([`deadline`]), the line that shows
//! progress ([`Progress`]), and other programs ([`program`]).
//!
//! ```
//! use context::Env;
//!
//! let env: Env = [("AWS_REGION", "eu-west-1"), ("AWS_PROFILE", "")].into_iter().collect();
//! assert_eq!(env.get("AWS_REGION"), Some("eu-west-1"));
//! assert_eq!(env.get("AWS_PROFILE"), None); // An empty variable counts as unset.
//! ```

mod deadline;
pub mod program;
mod progress;
mod world;

pub use deadline::{budget, deadline, process_started};
pub use progress::*;
pub use world::*;
