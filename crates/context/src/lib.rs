//! Everything that a command reads of the outside world, handed in. Any command can therefore run inside a test, without a process.
//!
//! - [`Context`]: the streams, the clock and the environment of one run. `main` makes one from the process; tests make one from texts.
//! - [`Env`]: the environment variables, and the user's folders that follow from them.
//! - [`variables`]: a documented constant for each variable that ecr-auth reads.
//! - [`deadline()`] and [`budget`]: the time that a command and its calls may take.
//! - [`Progress`]: the line on a terminal that says what a command waits for.
//! - [`program`]: running other programs that hand out or take secrets.
//!
//! ```
//! use context::{Env, variables};
//!
//! let env: Env = [("AWS_REGION", "eu-west-1"), ("AWS_PROFILE", "")].into_iter().collect();
//! assert_eq!(env.get(variables::AWS_REGION), Some("eu-west-1"));
//! assert_eq!(env.get(variables::AWS_PROFILE), None); // An empty variable counts as unset.
//! ```

mod callers;
mod context;
mod deadline;
mod descendants;
mod descriptor;
pub mod program;
mod progress;
pub mod variables;

pub use callers::{caller, callers};
pub use context::*;
pub use deadline::{budget, deadline, process_started, seconds};
pub use descriptor::{takes_escape_sequences, why_stderr_is_unheard};
pub use progress::*;
