//! Questions to a person. One is asked again, with the reason, until the answer fits.

use super::app::App;
use crate::auth::setting::Question;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::shown;
use crate::report::text::{complaint, cut};

/// Why a command that lacks something does not ask for it.
pub const NOBODY_TO_ASK: &str = "There is no terminal to ask on, or --no-input, SNOW_NO_INPUT or CI is set.";

/// What is before a choice, and the column that stays free after it.
const CHOICE_MARK: usize = 3;

impl App {
    /// The answer to a question. `read` takes it, or says why it does not fit.
    pub fn answer<T, E: ToString>(
        &mut self,
        question: &Question,
        read: impl FnMut(&str) -> Result<T, E>,
    ) -> Result<T, Failure> {
        self.answer_suggesting(question, None, read)
    }

    /// The same; Enter alone gives what is suggested.
    pub fn answer_suggesting<T, E: ToString>(
        &mut self,
        question: &Question,
        suggestion: Option<&str>,
        mut read: impl FnMut(&str) -> Result<T, E>,
    ) -> Result<T, Failure> {
        loop {
            let Some(person) = self.person() else {
                return Err(Failure::new(Code::NoTerminal, shown!("the {} is missing", question.what))
                    .why(NOBODY_TO_ASK)
                    .next(question.instead));
            };
            match read(person.text(question.text, suggestion, question.hint)?.trim()) {
                Ok(value) => return Ok(value),
                Err(reason) => self.complain(&reason.to_string()),
            }
        }
    }

    /// The place of the choice that a person makes. Each stays on one line: in two, the
    /// terminal would lose its place.
    pub fn choose(&mut self, question: &str, choices: &[String]) -> Result<usize, Failure> {
        let paint = self.console.err;
        let room = paint.columns.saturating_sub(CHOICE_MARK);
        let choices: Vec<String> = choices.iter().map(|choice| cut(choice, room, paint)).collect();
        self.person().expect("a person is there").choose(question, &choices)
    }

    /// Tells a person why the answer does not fit, before the question is asked again.
    pub fn complain(&self, reason: &str) {
        let end = if reason.ends_with('.') { "" } else { "." };
        self.console.say(&complaint(&format!("{}{end}", sentence(reason)), self.console.err));
    }
}

/// With a capital letter, as a sentence begins.
pub fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
