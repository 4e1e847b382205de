//! The binary: passes the process's environment to the library, and the exit status to the system.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::{Instant, SystemTime};

use context::{Context, Env, Progress, Verbosity, variables};
use diagnostics::MessageWriter;

// The allocator of zig's musl maps new memory for each size of block (docs/decisions/0005-size.md).
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    secret::forbid_core_dumps();
    let (started, began) = (SystemTime::now(), Instant::now());
    let args: Vec<_> = std::env::args_os().collect();
    let env = Env::from_process();
    let verbosity = match env.get(variables::ECR_AUTH_LOG) {
        Some("debug") => Verbosity::Debug,
        _ => Verbosity::Normal,
    };
    let is_watched = std::io::stderr().is_terminal() && env.get(variables::TERM) != Some("dumb");
    let is_watched = is_watched && context::takes_escape_sequences();
    let progress = match is_watched {
        true => Progress::on(std::io::stderr()),
        false => Progress::default(),
    };
    let mut stderr = std::io::stderr();
    let mut context = Context {
        env,
        exe: std::env::current_exe().unwrap_or_default(),
        clock: &SystemTime::now,
        // Not locked, because a question at Windows' console reads it too.
        stdin: &mut std::io::stdin(),
        stdout: &mut std::io::stdout().lock(),
        stdout_is_terminal: std::io::stdout().is_terminal(),
        stderr: MessageWriter::new(&mut stderr).unheard_if(context::why_stderr_is_unheard),
        progress,
        verbosity,
        started,
        began,
    };
    exit(ecr_auth::run(&args, &mut context).code())
}

#[cfg(unix)]
fn exit(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// Ends with an exit code. Windows' have 32 bits, but `ExitCode` takes 8.
#[cfg(not(unix))]
#[expect(clippy::exit, reason = "the only way to hand on a whole exit code")]
fn exit(code: i32) -> ExitCode {
    std::process::exit(code)
}
