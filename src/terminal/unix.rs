//! `/dev/tty`.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::sync::{Mutex, Once, PoisonError};
use std::thread;

use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr, tcsetattr,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use zeroize::Zeroizing;

use secret::Secret;

/// Keys that give up a question: Ctrl-C and Ctrl-\, and Ctrl-D if nothing was typed.
const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;
const QUIT: u8 = 0x1c;
/// Keys that delete: the last character (two codes are common), and the whole line (Ctrl-U).
const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7f;
const KILL: u8 = 0x15;

#[derive(Debug)]
pub(super) struct Device(File);

impl Device {
    pub fn open() -> Option<Self> {
        let file = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
        tcgetattr(&file).is_ok().then_some(Self(file))
    }

    /// Asks for a line. Returns `None` if the user gives up. Keys are read one by one, including those for signals, so that the terminal is
    /// restored however the question ends.
    pub fn read_line(&mut self, question: &str, is_shown: bool, longest: usize) -> io::Result<Option<Secret>> {
        // Set before the question is shown, because the user may type at once.
        let modes = Modes::for_keys(&self.0)?;
        write!(self.0, "{question}")?;
        // The buffer has room for everything, because a buffer that grows would leave copies in memory.
        let mut line = Zeroizing::new(Vec::with_capacity(longest));
        let answered = self.read_keys(&mut line, is_shown, longest);
        drop(modes);
        let answered = answered?;
        writeln!(self.0)?;
        let text = String::from_utf8_lossy(&line);
        Ok(answered.then(|| Secret::new(Zeroizing::new(text.into_owned()).as_str())))
    }

    /// Reads keys until the line ends. Returns false if the user gives up.
    fn read_keys(&mut self, line: &mut Vec<u8>, is_shown: bool, longest: usize) -> io::Result<bool> {
        loop {
            let mut key = [0];
            if self.0.read(&mut key)? == 0 {
                return Ok(false);
            }
            match key[0] {
                b'\r' | b'\n' => return Ok(true),
                INTERRUPT | QUIT => return Ok(false),
                END if line.is_empty() => return Ok(false),
                BACKSPACE | DELETE => self.take_back(line, is_shown)?,
                KILL => {
                    while !line.is_empty() {
                        self.take_back(line, is_shown)?;
                    }
                }
                key if key >= b' ' && line.len() < longest => {
                    line.push(key);
                    if is_shown {
                        self.0.write_all(&[key])?;
                    }
                }
                _ => {}
            }
        }
    }

    /// Deletes the last whole character.
    fn take_back(&mut self, line: &mut Vec<u8>, is_shown: bool) -> io::Result<()> {
        let was_there = !line.is_empty();
        while line.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
        match is_shown && was_there {
            true => self.0.write_all(b"\x08 \x08"),
            false => Ok(()),
        }
    }
}

impl Write for Device {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The terminal's former modes, restored when dropped.
struct Modes;

/// The terminal with an open question, and its former modes, which [`Modes`] or a signal restores.
static OPEN: Mutex<Option<(File, Termios)>> = Mutex::new(None);

impl Modes {
    /// Sets the terminal to single keys, without echo and signals.
    fn for_keys(terminal: &File) -> io::Result<Self> {
        watch_signals();
        let before = tcgetattr(terminal)?;
        let mut keys = before.clone();
        keys.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
        keys.special_codes[SpecialCodeIndex::VMIN] = 1;
        keys.special_codes[SpecialCodeIndex::VTIME] = 0;
        let copy = terminal.try_clone()?;
        // Held until the modes are set, so that a signal in between restores them afterwards. Nothing here waits for a stopped screen.
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        tcsetattr(terminal, OptionalActions::Now, &keys)?;
        *open = Some((copy, before));
        drop(open);
        let modes = Self;
        // Text that was typed before the question is not its answer.
        tcflush(terminal, QueueSelector::IFlush)?;
        Ok(modes)
    }
}

impl Drop for Modes {
    fn drop(&mut self) {
        put_back();
    }
}

fn put_back() {
    let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((terminal, before)) = open.take() {
        let _ = tcsetattr(terminal, OptionalActions::Now, &before);
    }
}

/// Restores the terminal if a signal ends this process, from the first question on: the modes are restored, and then the signal has its usual
/// effect. A signal that cannot be watched has its effect at once.
fn watch_signals() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        let Ok(mut signals) = Signals::new([SIGTERM, SIGHUP, SIGINT]) else {
            return;
        };
        let watch = move || {
            for signal in signals.forever() {
                put_back();
                let _ = emulate_default_handler(signal);
            }
        };
        let _ = thread::Builder::new().name("signals".to_owned()).spawn(watch);
    });
}
