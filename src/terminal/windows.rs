//! The console of Windows.

use std::io::{self, Write};

use winsafe::{HSTD, WString, co};
use zeroize::Zeroizing;

use secret::Secret;

/// Stdin, if it is a console.
#[derive(Debug)]
pub(super) struct Device(HSTD);

impl Device {
    pub fn open() -> Option<Self> {
        // Dropping the guard would close stdin.
        let stdin = HSTD::GetStdHandle(co::STD_HANDLE::INPUT).ok()?.leak();
        stdin.GetConsoleMode().is_ok().then_some(Self(stdin))
    }

    /// Asks for a line. Returns `None` at the end of the input (Ctrl-Z). Ctrl-C ends the program.
    pub fn read_line(&mut self, question: &str, is_shown: bool, longest: usize) -> io::Result<Option<Secret>> {
        let modes = Modes::set(&self.0, is_shown)?;
        let mut stderr = io::stderr();
        write!(stderr, "{question}")?;
        stderr.flush()?;
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
    fn read(&self, longest: usize) -> io::Result<Zeroizing<String>> {
        let mut buffer = WString::new_alloc_buf(longest + 2);
        let read = self.0.ReadConsole(&mut buffer, None).map_err(system_error);
        let line = read.map(|count| Zeroizing::new(String::from_utf16_lossy(&buffer.as_slice()[..count as usize])));
        buffer.fill_with_zero();
        line
    }
}

impl Write for Device {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stderr().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// The console's former modes, restored when dropped.
struct Modes<'a> {
    console: &'a HSTD,
    before: co::CONSOLE,
}

impl<'a> Modes<'a> {
    /// Sets the console to whole lines, shown or not, with the usual editing keys.
    fn set(console: &'a HSTD, is_shown: bool) -> io::Result<Self> {
        let before = console.GetConsoleMode().map_err(system_error)?;
        let mut modes = co::CONSOLE::ENABLE_LINE_INPUT | co::CONSOLE::ENABLE_PROCESSED_INPUT;
        if is_shown {
            modes |= co::CONSOLE::ENABLE_ECHO_INPUT;
        }
        console.SetConsoleMode(modes).map_err(system_error)?;
        Ok(Self { console, before })
    }
}

impl Drop for Modes<'_> {
    fn drop(&mut self) {
        let _ = self.console.SetConsoleMode(self.before);
    }
}

fn system_error(error: co::ERROR) -> io::Error {
    io::Error::from_raw_os_error(error.raw().cast_signed())
}
