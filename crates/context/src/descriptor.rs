//! Where stderr leads. A CI reads the commands that hide secrets there.

/// Returns why no CI can read this process's stderr, or `None` if one may. A CI gives its jobs a pipe, a socket or a terminal.
#[cfg(unix)]
pub fn why_stderr_is_unheard() -> Option<&'static str> {
    use std::io::{IsTerminal, stderr};

    use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat};

    let stderr = stderr();
    let (Ok(found), Ok(flags)) = (fstat(&stderr), fcntl_getfl(&stderr)) else {
        return Some("stderr is closed");
    };
    if flags & OFlags::RWMODE == OFlags::RDONLY {
        return Some("stderr is open for reading alone");
    }
    match FileType::from_raw_mode(found.st_mode) {
        FileType::Fifo | FileType::Socket => None,
        FileType::CharacterDevice if stderr.is_terminal() => None,
        // Rust's library opens /dev/null if the descriptor is closed.
        FileType::CharacterDevice => Some("stderr is closed, or leads to a device such as /dev/null"),
        _ => Some("stderr leads to a file"),
    }
}

/// Returns why no CI can read this process's stderr, or `None` if one may. A CI gives its jobs a pipe or a console.
#[cfg(windows)]
pub fn why_stderr_is_unheard() -> Option<&'static str> {
    use std::io::{IsTerminal, stderr};

    use winapi_util::{HandleRef, file};

    match file::typ(HandleRef::stderr()) {
        Ok(kind) if kind.is_pipe() => None,
        Ok(kind) if kind.is_char() && stderr().is_terminal() => None,
        Ok(kind) if kind.is_char() => Some("stderr leads to a device such as NUL"),
        Ok(kind) if kind.is_disk() => Some("stderr leads to a file"),
        _ => Some("stderr is closed"),
    }
}

/// Whether the terminal behind stderr takes escape sequences.
#[cfg(unix)]
pub fn takes_escape_sequences() -> bool {
    true
}

/// Whether the terminal behind stderr takes escape sequences. Windows' console does after it was asked to. Another terminal (Git Bash's) is not a
/// console, and always does.
#[cfg(windows)]
pub fn takes_escape_sequences() -> bool {
    use winsafe::{HSTD, co};

    let Ok(mut stderr) = HSTD::GetStdHandle(co::STD_HANDLE::ERROR) else {
        return false;
    };
    // Dropping the guard would close stderr.
    let stderr = stderr.leak();
    match stderr.GetConsoleMode() {
        Ok(mode) => stderr
            .SetConsoleMode(mode | co::CONSOLE::ENABLE_VIRTUAL_TERMINAL_PROCESSING)
            .is_ok(),
        Err(_) => true,
    }
}
