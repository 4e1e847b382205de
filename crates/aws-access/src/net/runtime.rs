//! Runs calls until they end or their time is up.

use std::future::Future;
use std::time::Duration;

use diagnostics::{Code, Error, Result};

/// Runs a call until it ends or its time is up.
///
/// # Errors
/// The call's own error, or that it took longer than `budget`.
pub fn within<T>(budget: Duration, call: impl Future<Output = Result<T>>) -> Result<T> {
    timed(budget, call)?.unwrap_or_else(|| Err(no_answer(budget, "")))
}

/// Returns the error of calls that took longer than `budget`. `from` says which server was asked last, as the rest of a sentence.
pub fn no_answer(budget: Duration, from: &str) -> Error {
    Error::failed(
        Code::Timeout,
        "AWS",
        format!("no answer within {:.1} s{from}", budget.as_secs_f64()),
    )
    .hint("check the network, DNS and proxy settings, or give it more time with ECR_AUTH_TIMEOUT=SECONDS")
}

/// Returns the output of calls, or `None` if they took longer than `budget`.
///
/// # Errors
/// The async runtime cannot be started.
pub fn timed<T>(budget: Duration, calls: impl Future<Output = T>) -> Result<Option<T>> {
    let runtime = runtime()?;
    let ended = runtime.block_on(async { tokio::time::timeout(budget, calls).await });
    // A DNS look-up that hangs has its own thread, which is not waited for.
    runtime.shutdown_background();
    Ok(ended.ok())
}

/// Runs calls without a common time limit, because a person answers questions between them. Each call has its own limit.
///
/// # Errors
/// The calls' own error.
pub fn to_end<T>(calls: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = runtime()?;
    let ended = runtime.block_on(calls);
    runtime.shutdown_background();
    ended
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Error::failed(Code::System, "cannot start", error))
}
