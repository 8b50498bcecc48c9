//! Questions to a person. One is asked again, with the reason, until the answer fits.

use super::app::App;
use crate::auth::setting::Question;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::shown;

impl App {
    /// The answer to a question. `read` takes it, or says why it does not fit.
    pub fn answer<T, E: ToString>(
        &mut self,
        question: &Question,
        read: impl FnMut(&str) -> Result<T, E>,
    ) -> Result<T, Failure> {
        self.answer_with(question, question.hint, read)
    }

    /// The same, with another hint.
    pub fn answer_with<T, E: ToString>(
        &mut self,
        question: &Question,
        hint: &str,
        mut read: impl FnMut(&str) -> Result<T, E>,
    ) -> Result<T, Failure> {
        let Some(person) = self.person() else {
            return Err(Failure::new(Code::NoTerminal, shown!("the {} is missing", question.what))
                .why("There is no terminal to ask at, or asking was forbidden.")
                .next(question.instead));
        };
        let mut hint = hint.to_owned();
        loop {
            match read(person.text(question.text, None, &hint)?.trim()) {
                Ok(value) => return Ok(value),
                Err(error) => hint = error.to_string(),
            }
        }
    }
}
