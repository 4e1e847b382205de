//! The command lines that make the same checks again, after something was fixed.

use diagnostics::{inert, shell_word};

/// The command lines that make the checks again. The default is those of a command line that cannot be written as text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SameChecks {
    /// The program, the command and its flags, quoted for a shell.
    command: Option<String>,
    /// What the command line named, quoted for a shell.
    named: String,
    /// The host and the image or registry of each subject.
    subjects: Vec<(String, String)>,
}

impl SameChecks {
    /// Returns the command lines for what was named. `flags` are those before and after the word `doctor`.
    pub(super) fn new(before: &[String], after: &[String], named: &[String]) -> Self {
        let quoted = |words: &[String]| words.iter().map(|word| shell_word(&inert(word))).collect::<Vec<_>>();
        let words = [&["ecr-auth".to_owned()], before, &["doctor".to_owned()], after].concat();
        Self {
            command: Some(quoted(&words).join(" ")),
            named: quoted(named).join(" "),
            subjects: Vec::new(),
        }
    }

    /// Adds a subject: its host, and the image or registry.
    pub(super) fn add(&mut self, host: &str, name: &str) {
        self.subjects.push((host.to_owned(), shell_word(&inert(name))));
    }

    /// Changes all texts, so that they can be published. Each host stays what its checks have.
    pub fn change_names(&mut self, mut change: impl FnMut(&str) -> String) {
        self.command = self.command.as_deref().map(&mut change);
        self.named = change(&self.named);
        for (host, name) in &mut self.subjects {
            *host = change(host);
            *name = change(name);
        }
    }

    /// Returns the command line for everything that is known about a registry, or about the machine, if it can be written.
    pub(super) fn of(&self, registry: Option<&str>) -> Option<String> {
        let of_registry = |registry: &str| {
            let same = self.subjects.iter().filter(|(host, _)| host == registry);
            same.map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(" ")
        };
        let subjects = registry.map_or_else(|| self.named.clone(), of_registry);
        let command = self.command.as_deref()?;
        Some(format!("{command} {subjects}").trim_end().to_owned())
    }
}
