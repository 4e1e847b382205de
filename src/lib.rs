//! The binary: the command line, one file for each command, and code that only a command needs (`doctor`, `kubelet`, `output`, `terminal`).
//! Everything else is in crates/; docs/architecture.md shows which crate uses which.
//!
//! [`run`] takes a whole command line and a [`Context`], so any command can run inside a test:
//!
//! ```
//! use std::io;
//! use std::time::{Instant, SystemTime};
//!
//! use context::{Env, Progress, Verbosity, Context};
//! use diagnostics::MessageWriter;
//!
//! let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
//! let mut context = Context {
//!     env: Env::default(),
//!     exe: "/usr/bin/ecr-auth".into(),
//!     clock: &SystemTime::now,
//!     stdin: &mut io::empty(),
//!     stdout: &mut stdout,
//!     stdout_is_terminal: false,
//!     stderr: MessageWriter::new(&mut stderr),
//!     progress: Progress::default(),
//!     verbosity: Verbosity::Normal,
//!     started: SystemTime::now(),
//!     began: Instant::now(),
//! };
//! let exit = ecr_auth::run(&["ecr-auth".into(), "--version".into()], &mut context);
//! assert_eq!(exit.code(), 0);
//! assert!(String::from_utf8(stdout).unwrap().starts_with("ecr-auth "));
//! ```

pub mod browser;
pub mod cli;
pub mod commands;
pub mod doctor;
pub mod kubelet;
pub mod output;
pub mod pull;
pub mod registry;
pub mod terminal;

use std::ffi::OsString;
use std::path::Path;

use context::Context;
use diagnostics::Exit;

/// Runs one command line. The credential helper is recognised before anything is parsed: on a cache hit it runs without an argument parser, an
/// async runtime or the SDK.
pub fn run(args: &[OsString], context: &mut Context<'_>) -> Exit {
    match helper_action(args) {
        Some(action) => commands::helper::run(&action, None, context),
        None => match args.split_first() {
            Some((program, rest)) if commands::kubelet::is_amazons_provider(Path::new(program)) => {
                let words = [program.clone(), "kubelet".into()];
                cli::run(
                    &words.into_iter().chain(rest.iter().cloned()).collect::<Vec<_>>(),
                    context,
                )
            }
            _ => cli::run(args, context),
        },
    }
}

/// Returns the action, if this is a call of the credential helper: `docker-credential-ecr-auth get`, or `ecr-auth helper get`.
fn helper_action(args: &[OsString]) -> Option<String> {
    let text = |at: usize| args.get(at).map(|arg| arg.to_string_lossy().into_owned());
    if args
        .first()
        .is_some_and(|program| client_config::is_helper_name(Path::new(program)))
    {
        return Some(text(1).unwrap_or_default());
    }
    let is_helper = args.len() == 3 && args[1] == "helper" && !args[2].to_string_lossy().starts_with('-');
    is_helper.then(|| text(2).unwrap_or_default())
}
