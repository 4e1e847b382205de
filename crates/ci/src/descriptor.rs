//! What a descriptor of a CI system holds.

mod token;

pub use token::{CiToken, FetchedToken, WantedAudience};

use std::fmt;

use crate::TrustForm;
use context::Env;
use diagnostics::{Code, Result};
use secret::Secret;

/// For systems that give a job one token.
pub(crate) const NO_SECOND_TOKEN: &str = "this CI issues no second one: lengthen it (GitLab: the job's timeout; Jenkins: the credential's lifetime), or fetch before it ends: the registry's password then serves for 12 hours";

/// For systems that issue a token whenever a job asks.
pub(crate) const JUST_ISSUED: &str = "the CI has just issued it: one of the clocks is wrong, look at this machine's";

/// Everything that ecr-auth knows about one CI system. A descriptor names only the fields that differ from [`CiSystem::BLANK`].
#[derive(Clone, Copy)]
pub struct CiSystem {
    /// The name that people know the system by.
    pub name: &'static str,
    /// How a job of the system is recognised.
    pub mark: JobMark,
    /// Where the job's OIDC token comes from.
    pub token: TokenFinder,
    /// Variables that hold a secret or lead to one, each with its line in docs/configuration.md. Other programs never get them.
    pub secrets: &'static [(&'static str, &'static str)],
    /// Other variables that are read, each with its line in docs/configuration.md. `mark`, `session` and `names` need no entry here.
    pub variables: &'static [(&'static str, &'static str)],
    /// Variables that name a person or a project: `doctor --redact` hides their values.
    pub names: &'static [&'static str],
    /// Variables that differ between two steps of one job, and do not lead to credentials: [`crate::visible`] leaves them out.
    pub of_step: &'static [&'static str],
    /// How the job names the session of a role, which CloudTrail shows.
    pub session: Option<SessionWords>,
    /// Who signs the tokens, and what their subjects look like.
    pub issuer: Option<TokenIssuer>,
    /// How the system learns what to hide in its log.
    pub masking: Masking,
    /// What a job without a token lacks. `None` if jobs of the system get no token.
    pub missing: Option<MissingToken>,
    /// What an error calls the token that has ended.
    pub token_called: &'static str,
    /// What to do when a token has ended: the end of a sentence.
    pub expired: &'static str,
    /// Where else than in ecr-auth's own settings a role can be named: the middle of a sentence, with a comma before it.
    pub role_named_in: &'static str,
    /// How a trust policy names jobs of the system.
    pub trust: Option<TrustForm>,
}

impl CiSystem {
    /// A system about which nothing is known.
    pub(crate) const BLANK: Self = Self {
        name: "",
        mark: JobMark::None,
        token: TokenFinder::None,
        secrets: &[],
        variables: &[],
        names: &[],
        of_step: &[],
        session: None,
        issuer: None,
        masking: Masking::None,
        missing: None,
        token_called: "the job's OIDC token",
        expired: NO_SECOND_TOKEN,
        role_named_in: "",
        trust: None,
    };

    /// Returns each use of a variable that is read for this system, with its line in docs/configuration.md.
    pub(crate) fn variables_read(&self) -> impl Iterator<Item = (&'static str, String)> {
        let mark = self.mark.documented(self.name);
        let said = self.secrets.iter().chain(self.variables);
        let session = self.session.iter().flat_map(SessionWords::variables);
        let hidden = self
            .names
            .iter()
            .map(|name| (*name, "`doctor --redact` hides it".to_owned()));
        mark.into_iter()
            .chain(said.map(|(name, line)| (*name, (*line).to_owned())))
            .chain(session.map(|name| (name, "names the session".to_owned())))
            .chain(hidden)
    }
}

/// Two descriptors are equal if their systems have the same name.
impl PartialEq for CiSystem {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for CiSystem {}

impl fmt::Debug for CiSystem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("CiSystem").field(&self.name).finish()
    }
}

/// How a job of a system is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobMark {
    /// The system has no jobs of its own.
    None,
    /// The variable is set.
    Set(&'static str),
    /// The variable has this value.
    Equals(&'static str, &'static str),
}

impl JobMark {
    /// Whether a job with this environment has the mark.
    pub fn is_in(self, env: &Env) -> bool {
        match self {
            Self::None => false,
            Self::Set(name) => env.get(name).is_some(),
            Self::Equals(name, value) => env.get(name) == Some(value),
        }
    }

    fn documented(self, system: &str) -> Option<(&'static str, String)> {
        match self {
            Self::None => None,
            Self::Set(name) => Some((name, system.to_owned())),
            Self::Equals(name, value) => Some((name, format!("`{value}`: {system}"))),
        }
    }
}

/// Where a job's OIDC token comes from.
#[derive(Debug, Clone, Copy)]
pub enum TokenFinder {
    /// The system itself gives no token.
    None,
    /// A variable holds the token.
    Variable(&'static str),
    /// A function finds the token.
    Function(fn(&Env) -> Option<CiToken>),
}

/// The words of a session's name, for a job that has the variable `set`.
#[derive(Debug, Clone, Copy)]
pub struct SessionWords {
    /// The variable that a job must have for this name.
    pub set: &'static str,
    /// The first word; empty for none.
    pub prefix: &'static str,
    /// The variables whose values follow.
    pub words: &'static [&'static str],
}

impl SessionWords {
    /// Returns the variables that are read for the name.
    fn variables(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.words.iter().copied().chain([self.set])
    }
}

/// Who signs a system's tokens. Words in `<…>` stand for what differs from project to project.
#[derive(Debug, Clone, Copy)]
pub struct TokenIssuer {
    /// The claim `iss`, as the system's public service sets it.
    pub url: &'static str,
    /// The forms of the claim `sub`.
    pub subjects: &'static [&'static str],
    /// The claims beside `aud` and `sub` that AWS lets a trust policy name for this issuer.
    pub checked_claims: &'static [&'static str],
    /// What often goes wrong with the subjects.
    pub pitfall: Option<SubjectPitfall>,
}

impl TokenIssuer {
    /// An issuer about which nothing is known.
    pub(crate) const BLANK: Self = Self {
        url: "",
        subjects: &[],
        checked_claims: &[],
        pitfall: None,
    };

    /// Returns the issuer's host, unless the host differs from project to project.
    pub fn host(&self) -> Option<&'static str> {
        let host = self.url.trim_start_matches("https://").split('/').next()?;
        (!host.contains('<')).then_some(host)
    }

    /// Returns the words that every subject of these forms is built with.
    pub fn subject_words(&self) -> impl Iterator<Item = &'static str> + use<> {
        // The text before a '>' is a placeholder's name.
        let fixed = |form: &'static str| form.split('<').map(|part| part.rsplit('>').next().unwrap_or(part));
        let words = |part: &'static str| part.split([':', '/', '@']).filter(|word| !word.is_empty());
        self.subjects.iter().flat_map(move |form| fixed(form)).flat_map(words)
    }
}

/// A form of subjects that trust policies often don't match.
#[derive(Debug, Clone, Copy)]
pub struct SubjectPitfall {
    /// Whether a subject has the form.
    pub applies_to: fn(&str) -> bool,
    /// The code of a denial for such a subject.
    pub code: Code,
    /// A line of the hint.
    pub note: &'static str,
}

/// How a system learns what to hide in its log.
#[derive(Debug, Clone, Copy)]
pub enum Masking {
    /// The system hides nothing that a job gets while it runs.
    None,
    /// The system reads commands from the job's stderr. The function adds the commands that hide one secret, each with its line end.
    Commands(fn(&str, &mut String)),
    /// A program of the system takes all secrets.
    Program {
        /// Fails if the program is not there.
        find: fn(&Env) -> Result<()>,
        /// Hands the secrets to the program.
        hide: fn(&[&Secret], &Env) -> Result<()>,
    },
}

/// What a job without a token lacks.
#[derive(Debug, Clone, Copy)]
pub struct MissingToken {
    /// The code of the error.
    pub code: Code,
    /// How the job gets a token.
    pub hint: &'static str,
    /// The lines that the job's own file needs.
    pub lines: Option<WorkflowLines>,
}

/// Lines for the file that defines a job.
#[derive(Debug, Clone, Copy)]
pub struct WorkflowLines {
    /// What the lines do, and where they go.
    pub what: &'static str,
    /// The lines, to be copied.
    pub lines: &'static [&'static str],
}
