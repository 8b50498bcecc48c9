//! Asking a person: questions on the terminal, hidden where they are secret.

use inquire::{Confirm, InquireError, Password, PasswordDisplayMode, Select, Text};
use zeroize::Zeroizing;

use crate::error::{Code, Failure};
use crate::secret::Secret;

/// Asks a person. Only called where one is there.
pub trait Prompt {
    /// One line of text; `suggestion` is what Enter alone gives.
    fn text(&mut self, question: &str, suggestion: Option<&str>, hint: &str) -> Result<String, Failure>;
    /// One line that is not shown.
    fn secret(&mut self, question: &str) -> Result<Secret, Failure>;
    /// Yes or no; Enter alone means no.
    fn confirm(&mut self, question: &str) -> Result<bool, Failure>;
    /// One of several, by its place.
    fn choose(&mut self, question: &str, options: &[String]) -> Result<usize, Failure>;
}

/// The terminal of this process. Questions go to standard error.
pub struct TerminalPrompt;

impl Prompt for TerminalPrompt {
    fn text(&mut self, question: &str, suggestion: Option<&str>, hint: &str) -> Result<String, Failure> {
        let mut text = Text::new(question);
        if let Some(suggestion) = suggestion {
            text = text.with_default(suggestion);
        }
        if !hint.is_empty() {
            text = text.with_help_message(hint);
        }
        text.prompt().map_err(not_answered)
    }

    fn secret(&mut self, question: &str) -> Result<Secret, Failure> {
        loop {
            let typed = Password::new(question)
                .with_display_mode(PasswordDisplayMode::Hidden)
                .without_confirmation()
                .prompt()
                .map_err(not_answered)?;
            let typed = Zeroizing::new(typed);
            match Secret::new(typed.as_str().to_owned()) {
                Ok(secret) => return Ok(secret),
                Err(invalid) => eprintln!("  That cannot be a password: {invalid}."),
            }
        }
    }

    fn confirm(&mut self, question: &str) -> Result<bool, Failure> {
        Confirm::new(question).with_default(false).prompt().map_err(not_answered)
    }

    fn choose(&mut self, question: &str, options: &[String]) -> Result<usize, Failure> {
        let chosen = Select::new(question, options.to_vec()).raw_prompt();
        chosen.map(|option| option.index).map_err(not_answered)
    }
}

fn not_answered(error: InquireError) -> Failure {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => interrupted(),
        _ => Failure::new(Code::NoTerminal, "the terminal cannot be asked")
            .why(error.to_string())
            .next("Give what is needed with flags and --password-stdin"),
    }
}

/// The person stopped the command.
pub fn interrupted() -> Failure {
    Failure::new(Code::Interrupted, "stopped").why("Nothing was changed since the last message.")
}
