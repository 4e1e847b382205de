//! The answers that a sign-in needs from the user: given beforehand, or asked for.

use std::collections::BTreeMap;

use super::{Challenge, TRIES};
use crate::CallRefusal;
use diagnostics::{Code, Error, Result};
use secret::Secret;

/// The prompt for a new password. User pools do not publish their rules. Such a password is usually enough.
const FIRST_PASSWORD: &str = "First sign-in: choose a new password (at least 12 characters, with capital and small letters, digits and a symbol): ";

/// Asks a person at a terminal.
pub trait Questions {
    /// Asks for something that may be shown.
    ///
    /// # Errors
    /// There is no terminal, or the user gives up.
    fn ask(&mut self, question: &str) -> Result<String>;

    /// Asks for something that must not be shown.
    ///
    /// # Errors
    /// The errors of [`Questions::ask`].
    fn ask_secret(&mut self, question: &str) -> Result<Secret>;

    /// Shows the same person something that may be secret.
    ///
    /// # Errors
    /// There is no terminal.
    fn tell(&mut self, line: &str) -> Result<()>;
}

/// Answers that are known before anything is asked.
#[derive(Debug, Clone, Default)]
pub struct PresetAnswers {
    /// The password.
    pub password: Option<Secret>,
    /// The password that replaces a temporary one.
    pub new_password: Option<Secret>,
    /// A code of the authenticator, or one that Cognito sent.
    pub code: Option<Secret>,
}

/// The answers of one sign-in, as far as they are known.
pub(super) struct Answers<'a> {
    given: PresetAnswers,
    attributes: BTreeMap<String, String>,
    questions: &'a mut dyn Questions,
    /// Whether a person gave the last answer that can be wrong.
    were_asked: bool,
}

impl<'a> Answers<'a> {
    pub fn new(given: PresetAnswers, questions: &'a mut dyn Questions) -> Self {
        Self {
            given,
            attributes: BTreeMap::new(),
            questions,
            were_asked: false,
        }
    }

    /// Whether the answer was wrong, and a person can give another one.
    pub fn another_may_help(&self, refusal: &CallRefusal) -> bool {
        self.were_asked && refusal.is_wrong_answer()
    }

    pub fn once_more(&mut self, refusal: &CallRefusal) -> Result<()> {
        self.were_asked = false;
        let message = Error::from(refusal.clone());
        self.tell(&format!("Not accepted: {}", message.cause()))
    }

    pub fn tell(&mut self, line: &str) -> Result<()> {
        self.questions.tell(line)
    }

    /// Returns the password. It is asked for once.
    pub fn password(&mut self, username: &str) -> Result<Secret> {
        if let Some(password) = &self.given.password {
            return Ok(password.clone());
        }
        let password = self.questions.ask_secret(&format!("Password of {username}: "))?;
        self.given.password = Some(password.clone());
        Ok(password)
    }

    pub fn new_password(&mut self) -> Result<Secret> {
        if let Some(password) = self.given.new_password.take() {
            return Ok(password);
        }
        self.were_asked = true;
        twice(self.questions, FIRST_PASSWORD)
    }

    /// Returns an attribute. One that Cognito did not refuse is not asked for again.
    pub fn attribute(&mut self, name: &str) -> Result<String> {
        if let Some(value) = self.attributes.get(name) {
            return Ok(value.clone());
        }
        let value = self.questions.ask(&format!("Your {}: ", name.replace('_', " ")))?;
        self.attributes.insert(name.to_owned(), value.clone());
        Ok(value)
    }

    pub fn code(&mut self, kind: &str, challenge: &Challenge) -> Result<Secret> {
        if let Some(code) = self.given.code.take() {
            return Ok(code);
        }
        let sent_to = challenge.get("CODE_DELIVERY_DESTINATION").map(String::as_str);
        let question = match (kind, sent_to) {
            ("SOFTWARE_TOKEN_MFA", _) => "Code of the authenticator: ".to_owned(),
            (_, Some(place)) => format!("Code sent to {place}: "),
            ("SMS_MFA" | "SMS_OTP", None) => "Code sent by SMS: ".to_owned(),
            _ => "Code sent by e-mail: ".to_owned(),
        };
        let code = self.typed_code(&question);
        match kind {
            "SOFTWARE_TOKEN_MFA" => code.map_err(without_person),
            _ => code,
        }
    }

    /// Asks for a code that cannot have been known before.
    pub fn typed_code(&mut self, question: &str) -> Result<Secret> {
        self.were_asked = true;
        let code = self.questions.ask(question)?;
        Ok(Secret::new(
            code.chars().filter(|c| !c.is_whitespace()).collect::<String>(),
        ))
    }

    /// Returns the kind of code to use. A code given beforehand can only be the authenticator's, because the others are sent after they are chosen.
    pub fn kind_of_code(&mut self, kinds: &[String]) -> Result<String> {
        let is_authenticator = |kind: &&String| *kind == "SOFTWARE_TOKEN_MFA";
        if self.given.code.is_some()
            && let Some(kind) = kinds.iter().find(is_authenticator)
        {
            return Ok(kind.clone());
        }
        for (number, kind) in (1..).zip(kinds) {
            self.tell(&format!("{number}  {}", described(kind)))?;
        }
        let choice = self.questions.ask(&format!("Which code, 1 to {}: ", kinds.len()))?;
        let number = choice
            .trim()
            .parse()
            .ok()
            .and_then(|number: usize| number.checked_sub(1));
        let kind = number.and_then(|number| kinds.get(number));
        kind.cloned().ok_or_else(|| {
            Error::failed(
                Code::CognitoRefuses,
                "sign-in",
                format!("{} is not one of the codes", choice.trim()),
            )
            .hint("answer with the number before it")
        })
    }
}

/// Adds what a CI can do about a code, if there is nobody to ask. An answer that was given up has no hint.
fn without_person(error: Error) -> Error {
    match error.hint_text().map(str::to_owned) {
        Some(hint) => error.hint(format!(
            "{hint}; in a CI, sign in as a user without a second factor, or give the code with --mfa-code"
        )),
        None => error,
    }
}

/// Asks for a new password, twice.
///
/// # Errors
/// The errors of [`Questions::ask`], or the two passwords still differ after [`TRIES`] tries.
pub fn new_password(questions: &mut dyn Questions) -> Result<Secret> {
    twice(questions, "New password: ")
}

/// Asks again if the two differ, up to [`TRIES`] times.
fn twice(questions: &mut dyn Questions, question: &str) -> Result<Secret> {
    const DIFFER: &str = "the two are not the same";
    for tries in 1.. {
        let first = questions.ask_secret(question)?;
        if questions.ask_secret("Repeat it: ")? == first {
            return Ok(first);
        }
        if tries == TRIES {
            break;
        }
        questions.tell(&format!("Not accepted: {DIFFER}"))?;
    }
    Err(Error::failed(Code::NewPassword, "new password", DIFFER).hint("run the command again"))
}

fn described(kind: &str) -> &str {
    match kind {
        "SOFTWARE_TOKEN_MFA" => "a code of the authenticator",
        "SMS_MFA" | "SMS_OTP" => "a code by SMS",
        "EMAIL_OTP" | "EMAIL_MFA" => "a code by e-mail",
        other => other,
    }
}
