//! Asking a person: questions on the terminal, hidden where they are secret.
//!
//! Owns the modes of the terminal while a question is open: [`give_back`] and
//! [`take_again`] are for the signal that ends or pauses the process in the middle of
//! one. A hidden question leaves line editing and signals to the terminal, as
//! `ssh` and `sudo` do, so Ctrl-C, Ctrl-Z and Ctrl-U mean what they always
//! mean. The other questions are inquire's, which reads single keys: Ctrl-C
//! and Esc stop there, and Ctrl-Z does nothing. After `kill -9` no program can give
//! the terminal back; `stty sane` does.

mod hidden;

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::Show;
use crossterm::terminal::{disable_raw_mode, is_raw_mode_enabled};
use inquire::list_option::ListOption;
use inquire::ui::{Attributes, Color, RenderConfig, StyleSheet, Styled};
use inquire::{Confirm, InquireError, Select, Text, set_global_render_config};

use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::{InvalidSecret, Secret};
use crate::base::shown::Shown;

/// Whether inquire's keys were being read when the terminal was given back.
static RAW_BEFORE_PAUSE: AtomicBool = AtomicBool::new(false);

/// Asks a person. Only called where one is there.
pub trait Prompt {
    /// One line of text; `suggestion` is what Enter alone gives.
    fn text(&mut self, question: &str, suggestion: Option<&str>, hint: &str) -> Result<String, Failure>;
    /// One line that is not shown.
    fn secret(&mut self, question: &str) -> Result<Secret, Failure>;
    /// As above; Enter alone means that there is none.
    fn optional_secret(&mut self, question: &str) -> Result<Option<Secret>, Failure>;
    /// Yes or no; Enter alone means no.
    fn confirm(&mut self, question: &str) -> Result<bool, Failure>;
    /// One of several, by its place.
    fn choose(&mut self, question: &str, options: &[String]) -> Result<usize, Failure>;
}

/// The terminal of this process. Questions go to standard error.
pub struct TerminalPrompt;

/// Questions get the colours of everything else, or none.
pub fn paint_questions(colour: bool) {
    let plain = RenderConfig::empty().with_answered_prompt_prefix(Styled::new(">"));
    let bold = StyleSheet::new().with_attr(Attributes::BOLD);
    set_global_render_config(if colour {
        plain
            .with_prompt_prefix(Styled::new("?").with_fg(Color::DarkGreen))
            .with_answered_prompt_prefix(Styled::new(">").with_fg(Color::DarkGreen))
            .with_answer(bold)
            .with_selected_option(Some(bold))
    } else {
        plain
    });
}

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
            match hidden::ask(question).map_err(not_answered)? {
                Ok(secret) => return Ok(secret),
                Err(invalid) => complain(invalid),
            }
        }
    }

    fn optional_secret(&mut self, question: &str) -> Result<Option<Secret>, Failure> {
        loop {
            match hidden::ask(question).map_err(not_answered)? {
                Ok(secret) => return Ok(Some(secret)),
                Err(InvalidSecret::Empty) => return Ok(None),
                Err(invalid) => complain(invalid),
            }
        }
    }

    fn confirm(&mut self, question: &str) -> Result<bool, Failure> {
        Confirm::new(question).with_default(false).prompt().map_err(not_answered)
    }

    fn choose(&mut self, question: &str, options: &[String]) -> Result<usize, Failure> {
        // What was chosen stays in one line: its name, without the remark.
        let name = |chosen: ListOption<&String>| chosen.value.split("   ").next().unwrap_or("").to_owned();
        let chosen = Select::new(question, options.to_vec()).with_formatter(&name).raw_prompt();
        chosen.map(|option| option.index).map_err(not_answered)
    }
}

fn complain(invalid: InvalidSecret) {
    let reason = match invalid {
        InvalidSecret::Empty => "Nothing was typed. Try again, or press Ctrl-C to cancel.".to_owned(),
        invalid => format!("This cannot be used: {invalid}. Try again."),
    };
    let _ = writeln!(io::stderr(), "  ! {reason}");
}

fn not_answered(error: InquireError) -> Failure {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => interrupted(),
        error => {
            hidden::wait_for_hangup();
            Failure::new(Code::NoTerminal, "could not ask on this terminal")
                .why(Shown::outside(error.to_string()))
                .next("Give the answers with flags, and the password with --password-stdin")
        }
    }
}

/// The person cancelled the command. What it had changed is told when it ends.
pub fn interrupted() -> Failure {
    Failure::new(Code::Interrupted, "Cancelled")
}

/// Gives the terminal back as it was before the question that is open; says
/// whether one was.
pub fn give_back() -> bool {
    let was_raw = is_raw_mode_enabled().unwrap_or(false);
    if was_raw {
        RAW_BEFORE_PAUSE.store(true, Ordering::SeqCst);
        let _ = disable_raw_mode();
        let _ = crossterm::execute!(io::stderr(), Show);
    }
    let was_hidden = hidden::give_back();
    was_raw || was_hidden
}

/// Takes the terminal again for the question that is still open.
#[cfg(unix)]
pub fn take_again() {
    if RAW_BEFORE_PAUSE.swap(false, Ordering::SeqCst) {
        let _ = crossterm::terminal::enable_raw_mode();
    }
    hidden::take_again();
}
