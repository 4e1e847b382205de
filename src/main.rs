//! The binary: hands the outside world to the library and its exit status to the system.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::{Instant, SystemTime};

use context::{Context, Env, Progress, Verbosity, variables};
use diagnostics::MessageWriter;

// zig's musl brings an allocator that maps memory anew for each size of block (docs/decisions/0005-size.md).
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
    let progress = match is_watched {
        true => Progress::on(std::io::stderr()),
        false => Progress::default(),
    };
    let mut stderr = std::io::stderr();
    let mut context = Context {
        env,
        exe: std::env::current_exe().unwrap_or_default(),
        clock: &SystemTime::now,
        stdin: &mut std::io::stdin().lock(),
        stdout: &mut std::io::stdout().lock(),
        stdout_is_terminal: std::io::stdout().is_terminal(),
        stderr: MessageWriter::new(&mut stderr).unheard_if(context::why_stderr_is_unheard),
        progress,
        verbosity,
        started,
        began,
    };
    ExitCode::from(ecr_auth::run(&args, &mut context).code())
}
