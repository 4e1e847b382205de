//! A person at a terminal: runs the real binary on its own pty, and types when it asks.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Instant;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::harness::{Machine, binary, is_for_windows};
use crate::lab_machine::PATIENCE;

/// The character of the key that ends a program.
pub const CTRL_C: &str = "\x03";

/// Wide enough for any line: Wine draws the screen, and would break a line in two.
const SIZE: Winsize = Winsize {
    ws_row: 50,
    ws_col: 400,
    ws_xpixel: 0,
    ws_ypixel: 0,
};

/// The target of the binary's stdout.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stdout {
    Terminal,
    Pipe,
}

/// A program that runs on a terminal.
pub struct Terminal {
    keys: File,
    /// The other end of the pty, open as long as the terminal is read.
    end: Option<File>,
    screen: Receiver<Vec<u8>>,
    shown: String,
    /// The length of the text that was already expected.
    seen: usize,
    child: Child,
}

/// The result of the program.
#[derive(Debug)]
pub struct Ended {
    /// The exit status, or the negative number of the signal that ended the program.
    pub status: i32,
    /// Everything that the terminal showed.
    pub shown: String,
    /// The text in the pipe.
    pub stdout: String,
}

impl Terminal {
    /// Runs the binary with its own terminal.
    pub fn run(machine: &Machine, args: &[&str], stdout: Stdout) -> Self {
        Self::run_program(machine, &binary(), args, stdout)
    }

    /// Runs any program on the terminal.
    pub fn run_program(machine: &Machine, program: &Path, args: &[&str], stdout: Stdout) -> Self {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keys).unwrap();
        unlockpt(&keys).unwrap();
        tcsetwinsize(&keys, SIZE).unwrap();
        let name = ptsname(&keys, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let end = File::from(rustix::fs::open(name.as_c_str(), flags, Mode::empty()).unwrap());
        let keys = File::from(keys);
        let mut line = vec!["--ctty", "--wait", program.to_str().unwrap()];
        line.extend(args);
        let side = || Stdio::from(end.try_clone().unwrap());
        let child = machine
            .command("setsid".as_ref(), &line)
            .stdin(side())
            .stdout(match stdout {
                Stdout::Terminal => side(),
                Stdout::Pipe => Stdio::piped(),
            })
            .stderr(side())
            .spawn()
            .unwrap();
        Self {
            screen: watch(keys.try_clone().unwrap()),
            keys,
            end: Some(end),
            shown: String::new(),
            seen: 0,
            child,
        }
    }

    /// Waits until this is shown, after the last expected text.
    pub fn expect(&mut self, text: &str) -> &mut Self {
        loop {
            if let Some(at) = self.shown[self.seen..].find(text) {
                self.seen += at + text.len();
                return self;
            }
            match self.screen.recv_timeout(PATIENCE) {
                Ok(bytes) => {
                    self.shown.push_str(&String::from_utf8_lossy(&bytes));
                    self.shown = typed(&self.shown);
                }
                Err(_) => panic!("{text:?} was never shown, but: {}", self.shown),
            }
        }
    }

    /// Returns the text shown so far.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) -> &mut Self {
        if is_for_windows() {
            // Wine reads keys itself from the program's first read on. Before that, the terminal would change what is typed.
            wait_until(|| !self.is_as_before());
        }
        self.keys.write_all(keys.as_bytes()).unwrap();
        self
    }

    /// Types a line. The program only reads keys after its question, so call [`Terminal::expect`] first.
    pub fn answer(&mut self, line: &str) -> &mut Self {
        self.press(line).press("\r")
    }

    /// Sends the program a signal.
    pub fn signal(&mut self, signal: Signal) -> &mut Self {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        self
    }

    /// Whether keys are shown, as before and after every question.
    pub fn is_as_before(&self) -> bool {
        let modes = tcgetattr(&self.keys).unwrap().local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    }

    /// Waits for the program's end.
    pub fn end(mut self) -> Ended {
        let mut stdout = String::new();
        if let Some(mut pipe) = self.child.stdout.take() {
            pipe.read_to_string(&mut stdout).unwrap();
        }
        let status = self.child.wait().unwrap();
        let status = status.code().or(status.signal().map(|signal| -signal)).unwrap();
        if is_for_windows() {
            // Wine gives the terminal back a moment after the program's end.
            wait_until(|| self.is_as_before());
        }
        assert!(self.is_as_before(), "the terminal is left as it was");
        // The screen ends when its last writer has closed it.
        self.end = None;
        while let Ok(bytes) = self.screen.recv_timeout(PATIENCE) {
            self.shown.push_str(&String::from_utf8_lossy(&bytes));
        }
        Ended {
            status,
            shown: self.shown,
            stdout,
        }
    }
}

/// Waits for what Wine does at a time of its own, as long as anything may take.
fn wait_until(is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() && Instant::now() < deadline {
        std::thread::yield_now();
    }
}

fn watch(mut screen: File) -> Receiver<Vec<u8>> {
    let (show, shown) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count) = screen.read(&mut bytes) {
            if count == 0 || show.send(bytes[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    shown
}

/// Returns the program's text from a screen that Wine draws: Wine hides the cursor while it draws, and moves the cursor instead of writing blanks.
fn typed(drawn: &str) -> String {
    let text = drawn.replace("\x1b[K\x1b[1C", " ").replace("\x1b[1C", " ");
    text.replace("\x1b[?25l", "").replace("\x1b[?25h", "")
}
