//! When this process began, and when it has to have ended: `ECR_AUTH_TIMEOUT`.

use std::time::{Duration, Instant, SystemTime};

use crate::{Context, Env, variables};
use diagnostics::{Code, Error, Result};

/// How long a command may take, if `ECR_AUTH_TIMEOUT` says nothing else.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);
/// How much of that is kept back for starting, answering and ending.
const MARGIN: Duration = Duration::from_millis(300);

/// When a command that began at `began` has to have ended.
///
/// # Errors
/// `ECR_AUTH_TIMEOUT` is not a number of seconds.
pub fn deadline(env: &Env, began: Instant) -> Result<Instant> {
    let timeout = seconds(env, variables::ECR_AUTH_TIMEOUT)?.unwrap_or(DEFAULT_TIMEOUT);
    Ok(began + timeout.saturating_sub(MARGIN))
}

/// A time that a variable sets.
///
/// # Errors
/// It is not a number of seconds.
pub fn seconds(env: &Env, variable: &'static str) -> Result<Option<Duration>> {
    let Some(text) = env.get(variable) else {
        return Ok(None);
    };
    let seconds = parsed(text).ok_or_else(|| {
        Error::usage(Code::Variable, variable, format!("{text} is not a number of seconds"))
            .hint("set it to a number from 1 to 3600, or unset it")
    });
    seconds.map(Some)
}

impl Env {
    /// When a command with this environment has to have ended, for what waits for other processes. An `ECR_AUTH_TIMEOUT` that is no
    /// number of seconds is told of where it matters more.
    pub fn deadline(&self) -> Instant {
        deadline(self, self.read_at).unwrap_or(self.read_at + DEFAULT_TIMEOUT)
    }
}

/// How long a call may take that begins now.
///
/// # Errors
/// As [`deadline`].
pub fn budget(env: &Env) -> Result<Duration> {
    let now = Instant::now();
    Ok(deadline(env, now)?.saturating_duration_since(now))
}

fn parsed(text: &str) -> Option<Duration> {
    let seconds: f64 = text.parse().ok()?;
    (1.0..=3600.0)
        .contains(&seconds)
        .then(|| Duration::from_secs_f64(seconds))
}

/// When this process was started. On a machine that is busy with hundreds of others, what the kernel says is earlier, and truer,
/// than the first look at the clock in `main`; but a process that was something else before (a shell that ran `exec`) counts from
/// ten seconds before that look, at the earliest.
pub fn process_started(context: &Context<'_>) -> SystemTime {
    let earliest = context.started - Duration::from_secs(10);
    let spawned = process_age().and_then(|age| context.now().checked_sub(age));
    spawned.map_or(context.started, |spawned| spawned.clamp(earliest, context.started))
}

/// How long ago the kernel made this process: `starttime` of proc(5), in clock ticks since boot.
#[cfg(target_os = "linux")]
fn process_age() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field, the program's name in parentheses, may hold anything; `starttime` is the 22nd.
    let ticks: u64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    let spawned = ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
    Duration::try_from_secs_f64(uptime - spawned).ok()
}

#[cfg(not(target_os = "linux"))]
fn process_age() -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernel_knows_how_old_this_process_is() {
        let age = process_age().unwrap();
        assert!(age < Duration::from_secs(3600), "{age:?}");
    }

    #[test]
    fn the_timeout_is_a_number_of_seconds() {
        let began = Instant::now();
        let left = |text: &str| {
            let env: Env = [("ECR_AUTH_TIMEOUT", text)].into_iter().collect();
            deadline(&env, began).map(|deadline| deadline - began)
        };
        assert_eq!(left("").unwrap(), Duration::from_millis(14_700));
        assert_eq!(left("2.5").unwrap(), Duration::from_millis(2_200));
        for wrong in ["0", "-1", "soon", "NaN", "inf", "3601"] {
            assert_eq!(left(wrong).unwrap_err().exit().code(), 2, "{wrong}");
        }
    }
}
