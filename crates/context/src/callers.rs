//! The programs that started this one, from `/proc`.

/// The most callers that are read.
#[cfg(target_os = "linux")]
const CALLERS: usize = 200;

/// Returns the command lines of the process that started this one, of the process that started that one, and so on.
#[cfg(target_os = "linux")]
pub fn callers() -> impl Iterator<Item = Vec<String>> {
    let parent = std::os::unix::process::parent_id();
    let callers = std::iter::successors(Some(parent), |pid| parent_of(*pid).filter(|pid| *pid != 0));
    callers.take(CALLERS).filter_map(command_line)
}

/// Returns nothing, because other systems have no `/proc`.
#[cfg(not(target_os = "linux"))]
pub fn callers() -> impl Iterator<Item = Vec<String>> {
    std::iter::empty()
}

#[cfg(target_os = "linux")]
fn command_line(pid: u32) -> Option<Vec<String>> {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let arguments = line.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    Some(arguments.map(String::from).collect())
}

/// Returns `ppid` of proc(5), the fourth field. The second field, the program's name in parentheses, may hold anything.
#[cfg(target_os = "linux")]
pub(crate) fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
