//! What a command that takes its time is waiting for: one line on the terminal, rewritten in place and gone when it ends.
//! Nothing where nobody looks on, so that a log has no trace of it.

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use diagnostics::one_line;

/// After this time people hear what is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// The watching thread sleeps, and writes one line.
const WATCHER_STACK_BYTES: usize = 64 * 1024;

/// Back to the start of the line, and all of it away.
const CLEAR: &str = "\r\x1b[K";

/// A terminal's last line, or none. Clones share it.
#[derive(Clone, Default)]
pub struct Progress(Option<Arc<ProgressLine>>);

/// Something is waited for as long as this lives.
#[derive(Debug)]
#[must_use]
pub struct Wait {
    progress: Progress,
    id: u64,
}

struct ProgressLine {
    state: Mutex<ProgressState>,
    /// Nothing is waited for any more.
    ended: Condvar,
}

struct ProgressState {
    terminal: Box<dyn Write + Send>,
    /// What is waited for: within the first one the others, which came later.
    waits: Vec<(u64, String)>,
    /// Of the next wait.
    next: u64,
    /// The wait with which all this began: with nothing waited for before it.
    began_with: u64,
    is_shown: bool,
}

impl Progress {
    /// On a terminal, which knows how to take a line back.
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

    /// Something is waited for from now on: people hear of it when it takes longer than a second. What is said then must hold no
    /// secret.
    pub fn wait(&self, what: impl Into<String>) -> Wait {
        let id = self.0.as_ref().map_or(0, |line| line.begin(what.into()));
        Wait {
            progress: self.clone(),
            id,
        }
    }

    /// Takes the line away, so that another can be written.
    pub fn clear(&self) {
        if let Some(line) = &self.0 {
            line.state().clear();
        }
    }
}

impl Wait {
    /// It is something else by now.
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
        // Without a thread people hear nothing, and all else is as it was.
        let _ = thread::Builder::new()
            .stack_size(WATCHER_STACK_BYTES)
            .spawn(move || line.show_after(PATIENCE, id));
        id
    }

    /// Shows the line when what began with this wait takes that long.
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

    /// The terminal cuts off what is longer than it is wide (it doesn't wrap): only one line can be taken back.
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
