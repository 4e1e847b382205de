//! Runs calls to their end, or to the end of their time.

use std::future::Future;
use std::time::Duration;

use diagnostics::{Code, Error, Result};

/// Runs a call to its end, or to the end of its time.
///
/// # Errors
/// The call's own error, or that it took longer than `budget`.
pub fn within<T>(budget: Duration, call: impl Future<Output = Result<T>>) -> Result<T> {
    timed(budget, call)?.unwrap_or_else(|| Err(no_answer(budget, "")))
}

/// The error of calls that took longer than `budget`. `from` says which server was asked last, as the rest of a sentence.
pub fn no_answer(budget: Duration, from: &str) -> Error {
    Error::failed(
        Code::Timeout,
        "AWS",
        format!("no answer within {:.1} s{from}", budget.as_secs_f64()),
    )
    .hint("check the network, DNS and proxy settings, or give it more time with ECR_AUTH_TIMEOUT=SECONDS")
}

/// The output of calls; `None` if they took longer than `budget`.
///
/// # Errors
/// No runtime can be started.
pub fn timed<T>(budget: Duration, calls: impl Future<Output = T>) -> Result<Option<T>> {
    let runtime = runtime()?;
    let ended = runtime.block_on(async { tokio::time::timeout(budget, calls).await });
    // A DNS look-up that hangs sits in a thread of its own: don't wait for it.
    runtime.shutdown_background();
    Ok(ended.ok())
}

/// Runs calls to their end. Their time is limited one by one, as a person answers questions in between.
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
