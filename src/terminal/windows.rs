//! The console of Windows.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};

use winapi_util::console::{mode, set_mode};
use winsafe::{HSTD, MultiByteToWideChar, WString, co};
use zeroize::Zeroizing;

use secret::Secret;

/// The console's keys, whatever stdin is. Questions are shown on stderr, or on stdout if stderr is not the console.
#[derive(Debug)]
pub(super) struct Device(File);

impl Device {
    /// Opens the console, if stderr or stdout shows it. A terminal such as Git Bash's has a console too, which nobody sees.
    pub fn open() -> Option<Self> {
        console(co::STD_HANDLE::ERROR).or(console(co::STD_HANDLE::OUTPUT))?;
        let keys = OpenOptions::new().read(true).write(true).open("CONIN$").ok()?;
        mode(&keys).is_ok().then_some(Self(keys))
    }

    /// Asks for a line. Returns `None` at the end of the input (Ctrl-Z). Ctrl-C ends the program.
    pub fn read_line(&mut self, question: &str, is_shown: bool, longest: usize) -> io::Result<Option<Secret>> {
        let modes = Modes::set(self.0.try_clone()?, is_shown)?;
        write!(self, "{question}")?;
        self.flush()?;
        let line = self.read(longest);
        drop(modes);
        if !is_shown {
            writeln!(self)?;
        }
        let line = line?;
        let ended = line.is_empty() || line.starts_with('\u{1a}');
        Ok((!ended).then(|| Secret::new(line.as_str())))
    }

    /// Reads a line with its end, up to `longest`.
    fn read(&mut self, longest: usize) -> io::Result<Zeroizing<String>> {
        let text = |units: &[u16]| Zeroizing::new(String::from_utf16_lossy(units));
        if let Some(stdin) = console(co::STD_HANDLE::INPUT) {
            let mut buffer = WString::new_alloc_buf(longest + 2);
            let read = stdin.ReadConsole(&mut buffer, None).map_err(system_error);
            let line = read.map(|count| text(&buffer.as_slice()[..count as usize]));
            buffer.fill_with_zero();
            return line;
        }
        // A file has the console's code page, which is the system's unless it was changed.
        let mut bytes = Zeroizing::new(vec![0; longest + 2]);
        match self.0.read(&mut bytes)? {
            0 => Ok(text(&[])),
            count => {
                let units = MultiByteToWideChar(co::CP::OEMCP, co::MBC::NoValue, &bytes[..count]);
                Ok(text(&Zeroizing::new(units.map_err(system_error)?)))
            }
        }
    }
}

impl Write for Device {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match console(co::STD_HANDLE::ERROR) {
            Some(_) => io::stderr().write(bytes),
            None => io::stdout().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush()
    }
}

/// Returns one of the standard handles, if it is a console.
fn console(which: co::STD_HANDLE) -> Option<HSTD> {
    // Dropping the guard would close the handle.
    let handle = HSTD::GetStdHandle(which).ok()?.leak();
    handle.GetConsoleMode().is_ok().then_some(handle)
}

/// The console's former modes, restored when dropped.
struct Modes {
    keys: File,
    before: u32,
}

impl Modes {
    /// Sets the console to whole lines, shown or not, with the usual editing keys.
    fn set(keys: File, is_shown: bool) -> io::Result<Self> {
        let before = mode(&keys)?;
        let mut modes = co::CONSOLE::ENABLE_LINE_INPUT | co::CONSOLE::ENABLE_PROCESSED_INPUT;
        if is_shown {
            modes |= co::CONSOLE::ENABLE_ECHO_INPUT;
        }
        set_mode(&keys, modes.raw())?;
        Ok(Self { keys, before })
    }
}

impl Drop for Modes {
    fn drop(&mut self) {
        let _ = set_mode(&self.keys, self.before);
    }
}

fn system_error(error: co::ERROR) -> io::Error {
    io::Error::from_raw_os_error(error.raw().cast_signed())
}
