//! A running program and all programs that it has started.

use std::io;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};

/// A program that was started, with its pipes.
#[derive(Debug)]
pub(crate) struct ProgramTree {
    root: system::Child,
}

impl ProgramTree {
    /// Starts the program.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        system::spawn(command).map(|root| Self { root })
    }

    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        system::stdin(&mut self.root).take()
    }

    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        system::stdout(&mut self.root).take()
    }

    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        system::stderr(&mut self.root).take()
    }

    /// Returns how the program ended, if it has. Programs that it started may still run.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        system::try_wait(&mut self.root)
    }

    /// Ends the program and all that it started. It does not have its own process group, because a program in one would be stopped when it asks a
    /// question at the terminal.
    pub fn end(&mut self) {
        system::end(&mut self.root);
    }
}

#[cfg(unix)]
mod system {
    use std::io;
    use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};

    use rustix::process::{Pid, Signal, kill_process};

    pub(super) use std::process::Child;

    pub(super) fn spawn(command: &mut Command) -> io::Result<Child> {
        command.spawn()
    }

    pub(super) fn stdin(child: &mut Child) -> &mut Option<ChildStdin> {
        &mut child.stdin
    }

    pub(super) fn stdout(child: &mut Child) -> &mut Option<ChildStdout> {
        &mut child.stdout
    }

    pub(super) fn stderr(child: &mut Child) -> &mut Option<ChildStderr> {
        &mut child.stderr
    }

    pub(super) fn try_wait(child: &mut Child) -> io::Result<Option<ExitStatus>> {
        child.try_wait()
    }

    pub(super) fn end(child: &mut Child) {
        let processes = processes();
        let mut ending = vec![child.id()];
        while let Some(parent) = ending.pop() {
            for (below, _) in processes.iter().filter(|(_, its)| *its == parent) {
                if let Some(pid) = i32::try_from(*below).ok().and_then(Pid::from_raw) {
                    // A process that has already ended needs no signal.
                    let _ = kill_process(pid, Signal::KILL);
                }
                ending.push(*below);
            }
        }
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Returns all processes with their parents: `pid` and `ppid` of proc(5).
    #[cfg(target_os = "linux")]
    fn processes() -> Vec<(u32, u32)> {
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter_map(|pid: u32| Some((pid, crate::callers::parent_of(pid)?)))
            .collect()
    }

    #[cfg(not(target_os = "linux"))]
    fn processes() -> Vec<(u32, u32)> {
        said_by_ps()
    }

    /// Returns all processes with their parents, on systems without `/proc` (macOS).
    #[cfg(any(test, not(target_os = "linux")))]
    pub(super) fn said_by_ps() -> Vec<(u32, u32)> {
        let said = Command::new("/bin/ps").args(["-A", "-o", "pid=,ppid="]).output();
        let said = said.map(|said| said.stdout).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let pair = |line: &str| {
            let (pid, parent) = line.trim().split_once(char::is_whitespace)?;
            Some((pid.parse().ok()?, parent.trim().parse().ok()?))
        };
        said.lines().filter_map(pair).collect()
    }
}

/// A job object holds a program and all that it starts.
#[cfg(windows)]
mod system {
    use std::io;
    use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};

    use process_wrap::std::{ChildWrapper, CommandWrap, JobObject};

    /// Ends everything that is left of the job when dropped: programs inherit our stdout, and our caller waits until all of them have closed it.
    #[derive(Debug)]
    pub(super) struct Child(Box<dyn ChildWrapper>);

    impl Drop for Child {
        fn drop(&mut self) {
            let _ = self.0.start_kill();
        }
    }

    pub(super) fn spawn(command: &mut Command) -> io::Result<Child> {
        let command = std::mem::replace(command, Command::new(""));
        CommandWrap::from(command).wrap(JobObject).spawn().map(Child)
    }

    pub(super) fn stdin(child: &mut Child) -> &mut Option<ChildStdin> {
        child.0.stdin()
    }

    pub(super) fn stdout(child: &mut Child) -> &mut Option<ChildStdout> {
        child.0.stdout()
    }

    pub(super) fn stderr(child: &mut Child) -> &mut Option<ChildStderr> {
        child.0.stderr()
    }

    pub(super) fn try_wait(child: &mut Child) -> io::Result<Option<ExitStatus>> {
        child.0.inner_mut().try_wait()
    }

    pub(super) fn end(child: &mut Child) {
        let _ = child.0.start_kill();
        let _ = child.0.inner_mut().wait();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::system::said_by_ps;

    #[test]
    fn ps_knows_this_process_and_its_parent() {
        let own = (std::process::id(), std::os::unix::process::parent_id());
        assert!(said_by_ps().contains(&own));
    }
}
