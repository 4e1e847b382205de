//! The console of Windows.

use std::io::{self, Write};

use zeroize::Zeroizing;

use secret::Secret;

#[derive(Debug)]
pub(super) struct Device;

impl Device {
    pub fn open() -> Option<Self> {
        use std::io::IsTerminal;

        std::io::stdin().is_terminal().then_some(Self)
    }

    /// Asks for a line; `None` at the end of the input. Ctrl-C ends the program.
    pub fn read_line(&mut self, question: &str, is_shown: bool, longest: usize) -> io::Result<Option<Secret>> {
        write!(self, "{question}")?;
        self.flush()?;
        let line = match is_shown {
            false => Zeroizing::new(rpassword::read_password()?),
            true => {
                let mut line = Zeroizing::new(String::with_capacity(longest));
                if std::io::stdin().read_line(&mut line)? == 0 {
                    return Ok(None);
                }
                line
            }
        };
        Ok(Some(Secret::new(line.as_str())))
    }
}

impl Write for Device {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        std::io::stderr().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        std::io::stderr().flush()
    }
}
