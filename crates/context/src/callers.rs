//! The programs that led to this one, by `/proc`.

/// As many as are looked at.
#[cfg(target_os = "linux")]
const CALLERS: usize = 200;

/// The command lines of the process that started this one, of the one that started that, and so on.
#[cfg(target_os = "linux")]
pub fn callers() -> impl Iterator<Item = Vec<String>> {
    let parent = std::os::unix::process::parent_id();
    let callers = std::iter::successors(Some(parent), |pid| parent_of(*pid).filter(|pid| *pid != 0));
    callers.take(CALLERS).filter_map(command_line)
}

/// Other systems have no `/proc`: none is known.
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

/// `ppid` of proc(5), the fourth field; the second, the program's name in parentheses, may hold anything.
#[cfg(target_os = "linux")]
pub(crate) fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
