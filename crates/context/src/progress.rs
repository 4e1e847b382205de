//! The progress line on the terminal: what a slow command is waiting for. It is rewritten in place and removed at the end, and only written to a
//! terminal, so logs do not have it.

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use diagnostics::one_line;

/// The time after which the line is shown.
const PATIENCE: Duration = Duration::from_secs(1);

/// The stack size of the watching thread, which sleeps and writes one line.
const WATCHER_STACK_BYTES: usize = 64 * 1024;

/// The escape sequence that clears the line.
const CLEAR: &str = "\r\x1b[K";

/// The last line of a terminal. Does nothing without a terminal. Clones share it.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<ProgressLine>>);

/// As long as it lives, the command is waiting for something.
#[derive(Debug)]
#[must_use]
pub struct Wait {
    progress: Progress,
    id: u64,
}

struct ProgressLine {
    state: Mutex<ProgressState>,
    /// Signals that nothing is waited for any more.
    ended: Condvar,
}

struct ProgressState {
    terminal: Box<dyn Write + Send>,
    /// What is waited for. Later entries began while the first was waited for.
    waits: Vec<(u64, String)>,
    /// The number of the next wait.
    next: u64,
    /// The first wait of the current series: when it began, nothing else was waited for.
    began_with: u64,
    is_shown: bool,
}

impl Progress {
    /// Returns the line of a terminal that understands escape sequences.
    pub fn on(terminal: impl Write + Send + 'static) -> Self {
        let state = ProgressState {
            terminal: Box::new(terminal),
            waits: Vec::new(),
            next: 0,
            began_with: 0,
            is_shown: false,
        };
        Self(Some(Arc::new(ProgressLine {
            state: Mutex::new(state),
            ended: Condvar::new(),
        })))
    }

    /// Begins to wait for something. It is shown if it takes longer than a second, so it must not hold a secret.
    pub fn wait(&self, what: impl Into<String>) -> Wait {
        let id = self.0.as_ref().map_or(0, |line| line.begin(what.into()));
        Wait {
            progress: self.clone(),
            id,
        }
    }

    /// Removes the line, so that another can be written.
    pub fn clear(&self) {
        if let Some(line) = &self.0 {
            line.state().clear();
        }
    }
}

impl Wait {
    /// Changes the text of what is waited for.
    pub fn now(&self, what: impl Into<String>) {
        let Some(line) = &self.progress.0 else { return };
        let mut state = line.state();
        if let Some(wait) = state.waits.iter_mut().find(|(id, _)| *id == self.id) {
            wait.1 = what.into();
            state.redraw();
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let Some(line) = &self.progress.0 else { return };
        let mut state = line.state();
        state.waits.retain(|(id, _)| *id != self.id);
        match state.waits.is_empty() {
            true => {
                state.clear();
                line.ended.notify_all();
            }
            false => state.redraw(),
        }
    }
}

impl ProgressLine {
    fn state(&self) -> MutexGuard<'_, ProgressState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(self: &Arc<Self>, what: String) -> u64 {
        let mut state = self.state();
        let id = state.next;
        state.next += 1;
        state.waits.push((id, what));
        if state.waits.len() > 1 {
            state.redraw();
            return id;
        }
        state.began_with = id;
        let line = Arc::clone(self);
        // Without a thread, nothing is shown, and the work goes on.
        let _ = thread::Builder::new()
            .stack_size(WATCHER_STACK_BYTES)
            .spawn(move || line.show_after(PATIENCE, id));
        id
    }

    /// Shows the line if the series that began with this wait takes that long.
    fn show_after(&self, patience: Duration, first: u64) {
        let goes_on = |state: &mut ProgressState| !state.waits.is_empty() && state.began_with == first;
        let waited = self.ended.wait_timeout_while(self.state(), patience, goes_on);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if goes_on(&mut state) {
            state.draw();
        }
    }
}

impl ProgressState {
    fn redraw(&mut self) {
        if self.is_shown {
            self.draw();
        }
    }

    /// Draws the line. Only one line can be removed, so the terminal must cut off a long one instead of wrapping it.
    fn draw(&mut self) {
        let (Some((_, first)), Some((_, last))) = (self.waits.first(), self.waits.last()) else {
            return;
        };
        let text = match self.waits.len() {
            1 => one_line(first),
            _ => one_line(&format!("{first}: {last}")),
        };
        let _ = write!(self.terminal, "{CLEAR}\x1b[?7l… {text}\x1b[?7h").and_then(|()| self.terminal.flush());
        self.is_shown = true;
    }

    fn clear(&mut self) {
        if self.is_shown {
            let _ = write!(self.terminal, "{CLEAR}").and_then(|()| self.terminal.flush());
            self.is_shown = false;
        }
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_on = self.0.is_some();
        f.debug_struct("Progress").field("is_on", &is_on).finish()
    }
}
