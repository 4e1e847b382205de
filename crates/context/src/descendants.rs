//! The programs that a program has started, by `/proc`.

/// Ends every program below a process, but not the process itself.
#[cfg(target_os = "linux")]
pub(crate) fn end_all(parent: u32) {
    use rustix::process::{Pid, Signal, kill_process};

    let processes = processes();
    let mut ending = vec![parent];
    while let Some(parent) = ending.pop() {
        for (child, _) in processes.iter().filter(|(_, its)| *its == parent) {
            if let Some(pid) = i32::try_from(*child).ok().and_then(Pid::from_raw) {
                // One that is gone already is what is wanted.
                let _ = kill_process(pid, Signal::KILL);
            }
            ending.push(*child);
        }
    }
}

/// Other systems have no `/proc`: what the program started is left to itself.
#[cfg(not(target_os = "linux"))]
pub(crate) fn end_all(_: u32) {}

/// All processes with their parents: `pid` and `ppid` of proc(5).
#[cfg(target_os = "linux")]
fn processes() -> Vec<(u32, u32)> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid: u32| Some((pid, parent_of(pid)?))).collect()
}

/// The fourth field; the second, the program's name in parentheses, may hold anything.
#[cfg(target_os = "linux")]
fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}
