//! When this process began, and when it has to end: `ECR_AUTH_TIMEOUT`.

use std::time::{Duration, Instant, SystemTime};

use crate::{Context, Env, variables};
use diagnostics::{Code, Error, Result, with_its_ends};

/// The default time limit of a command.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);
/// The part of the time limit that is kept for starting, printing and ending.
const MARGIN: Duration = Duration::from_millis(300);

/// Returns when a command that began at `began` has to end.
///
/// # Errors
/// `ECR_AUTH_TIMEOUT` is not a number of seconds.
pub fn deadline(env: &Env, began: Instant) -> Result<Instant> {
    let timeout = seconds(env, variables::ECR_AUTH_TIMEOUT)?.unwrap_or(DEFAULT_TIMEOUT);
    Ok(began + timeout.saturating_sub(MARGIN))
}

/// Returns the duration in a variable.
///
/// # Errors
/// The value is not a number of seconds.
pub fn seconds(env: &Env, variable: &'static str) -> Result<Option<Duration>> {
    let Some(text) = env.get(variable) else {
        return Ok(None);
    };
    let seconds = parsed(text).ok_or_else(|| {
        let cause = format!("{} is not a number of seconds", with_its_ends(text));
        Error::usage(Code::Variable, variable, cause).hint("set it to a number from 1 to 3600, or unset it")
    });
    seconds.map(Some)
}

impl Env {
    /// Returns when a command with this environment has to end, for code that waits for other processes. An invalid `ECR_AUTH_TIMEOUT` is ignored
    /// here, and reported by [`deadline`].
    pub fn deadline(&self) -> Instant {
        deadline(self, self.read_at).unwrap_or(self.read_at + DEFAULT_TIMEOUT)
    }
}

/// Returns the time that a call that begins now may take.
///
/// # Errors
/// The errors of [`deadline`].
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

/// Returns when this process was started. On a busy machine, the kernel's time is earlier and more accurate than the first reading of the clock in
/// `main`. A process that was another program before (a shell that ran `exec`) counts from ten seconds before that reading at the earliest.
pub fn process_started(context: &Context<'_>) -> SystemTime {
    let earliest = context.started - Duration::from_secs(10);
    let spawned = process_age().and_then(|age| context.now().checked_sub(age));
    spawned.map_or(context.started, |spawned| spawned.clamp(earliest, context.started))
}

/// Returns how long ago the kernel made this process: `starttime` of proc(5), in clock ticks since boot.
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
