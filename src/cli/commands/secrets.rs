//! Secrets that are handed in: by standard input, or in a file.

use std::io::Read;

use super::app::App;
use super::sign_in::args::{SecretArgs, SecretSource};
use crate::auth::setting::SecretInput;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::secret_file;
use crate::base::shown::shown;
use crate::store::Surroundings;

impl App {
    /// Refuses to read a secret from a terminal, which would show what is
    /// typed.
    pub fn check_secret_sources(&self, secrets: &SecretArgs) -> Result<(), Failure> {
        let from_stdin = secrets.given().find(|input| matches!(secrets.source(input), Some(SecretSource::Stdin)));
        match from_stdin {
            Some(input) if self.is_stdin_terminal() => {
                let flag = shown!("--{}-stdin", input.flag);
                Err(Failure::new(Code::Usage, shown!("{} was given, and standard input is the terminal", &flag))
                    .next(shown!("Leave {} out to be asked, or pipe it in", &flag)))
            }
            _ => Ok(()),
        }
    }

    /// Standard input of this run.
    pub fn stdin(&mut self) -> &mut dyn Read {
        self.context.streams.stdin.as_mut()
    }

    /// The secret that was handed in, if it was.
    pub fn handed_in(&mut self, secrets: &SecretArgs, input: &SecretInput) -> Result<Option<Secret>, Failure> {
        match secrets.source(input) {
            None => Ok(None),
            Some(SecretSource::Stdin) => {
                let stdin = self.context.streams.stdin.as_mut();
                secret_file::read(stdin, "standard input").map(Some)
            }
            Some(SecretSource::File(path)) => self.secret_file(path, &format!("--{}-file", input.flag)).map(Some),
        }
    }
}
