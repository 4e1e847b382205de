//! A question on the terminal, whatever stdin and stdout are connected to.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};

/// Nothing that is typed in has more characters.
const LONGEST: u64 = 4096;

/// Asks; `None` where there is no terminal, or nobody sees its question: stderr, where what is asked about stands, is connected to
/// something else. All but `y` and `yes` is no.
pub(super) fn confirm(question: &str) -> Option<bool> {
    if !std::io::stderr().is_terminal() {
        return None;
    }
    let (input, mut output) = terminal()?;
    write!(output, "{question} [y/N]: ")
        .and_then(|()| output.flush())
        .ok()?;
    let mut answer = String::new();
    let read = BufReader::new(input.take(LONGEST)).read_line(&mut answer);
    let answer = answer.trim();
    Some(read.is_ok() && ["y", "yes"].iter().any(|yes| answer.eq_ignore_ascii_case(yes)))
}

fn terminal() -> Option<(File, File)> {
    let (input, output) = if cfg!(windows) {
        ("CONIN$", "CONOUT$")
    } else {
        ("/dev/tty", "/dev/tty")
    };
    let open = |name, writes| OpenOptions::new().read(true).write(writes).open(name).ok();
    Some((open(input, false)?, open(output, true)?))
}
