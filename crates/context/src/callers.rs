//! The programs that started this one: from `/proc` on Linux, from the list of processes on Windows.

/// The most callers that are read.
#[cfg(any(target_os = "linux", windows))]
const CALLERS: usize = 200;

/// Returns the process that started this one.
#[cfg(unix)]
pub fn caller() -> Option<u32> {
    Some(std::os::unix::process::parent_id())
}

/// Returns the process that started this one. It may have ended.
#[cfg(windows)]
pub fn caller() -> Option<u32> {
    processes().get(&std::process::id()).map(|own| own.parent)
}

/// Returns the command lines of the process that started this one, of the process that started that one, and so on.
#[cfg(target_os = "linux")]
pub fn callers() -> impl Iterator<Item = Vec<String>> {
    let callers = std::iter::successors(caller(), |pid| parent_of(*pid).filter(|pid| *pid != 0));
    callers.take(CALLERS).filter_map(command_line)
}

/// Returns the file names of the program that started this one, of the program that started that one, and so on. The list has no arguments.
#[cfg(windows)]
pub fn callers() -> impl Iterator<Item = Vec<String>> {
    let mut processes = processes();
    let own = processes.remove(&std::process::id());
    // A later process may have the number of one that has ended, so each process is removed when it was read.
    let callers = std::iter::successors(own, move |process| processes.remove(&process.parent));
    callers.skip(1).take(CALLERS).map(|process| vec![process.program])
}

/// Returns nothing: other systems have no list that is read here.
#[cfg(not(any(target_os = "linux", windows)))]
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

#[cfg(windows)]
struct Process {
    parent: u32,
    program: String,
}

/// All processes by their numbers.
#[cfg(windows)]
fn processes() -> std::collections::HashMap<u32, Process> {
    use winsafe::{HPROCESSLIST, co};

    let Ok(mut list) = HPROCESSLIST::CreateToolhelp32Snapshot(co::TH32CS::SNAPPROCESS, None) else {
        return std::collections::HashMap::new();
    };
    let processes = list.iter_processes().map_while(Result::ok).map(|entry| {
        let process = Process {
            parent: entry.th32ParentProcessID,
            program: entry.szExeFile(),
        };
        (entry.th32ProcessID, process)
    });
    processes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "the caller is ";

    /// Run by the test below in a process of its own.
    #[test]
    fn say_the_caller() {
        println!("{SAID}{}.", caller().unwrap_or_default());
        println!("first: {:?}", callers().next());
    }

    #[test]
    fn a_process_knows_who_started_it() {
        let own = std::env::current_exe().unwrap();
        let mut child = std::process::Command::new(&own);
        let said = child
            .args(["--exact", "callers::tests::say_the_caller", "--nocapture"])
            .output()
            .unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        assert!(said.contains(&format!("{SAID}{}.", std::process::id())), "{said}");
        if cfg!(any(target_os = "linux", windows)) {
            let name = own.file_name().unwrap().to_str().unwrap();
            assert!(said.contains("first: Some") && said.contains(name), "{said}");
        }
    }
}
