//! Ending the programs that were started for credentials (`credential_process`), when nobody waits for them any more.

/// Ends every program below this process when it is dropped, unless [`Descendants::have_ended`] was called before.
///
/// The SDK runs `sh -c`, and leaves shell and program to themselves when the time is over. A client that asks again and again
/// would pile them up.
#[derive(Debug, Default)]
pub(super) struct Descendants {
    ended: bool,
}

impl Descendants {
    /// The program came to its end: there is nothing left to do.
    pub fn have_ended(mut self) {
        self.ended = true;
    }
}

impl Drop for Descendants {
    fn drop(&mut self) {
        if !self.ended {
            terminate();
        }
    }
}

#[cfg(target_os = "linux")]
fn terminate() {
    use rustix::process::{Pid, Signal, kill_process};

    let processes = processes();
    let mut ending = vec![std::process::id()];
    while let Some(parent) = ending.pop() {
        for (child, _) in processes.iter().filter(|(_, its)| *its == parent) {
            if let Some(pid) = i32::try_from(*child).ok().and_then(Pid::from_raw) {
                // One that is gone already is what is wanted.
                let _ = kill_process(pid, Signal::TERM);
            }
            ending.push(*child);
        }
    }
}

/// Other systems have no `/proc`; there the program is left to itself.
#[cfg(not(target_os = "linux"))]
fn terminate() {}

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
