//! Secrets that are handed in: by standard input, or in a file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::app::App;
use super::sign_in::args::{SecretArgs, SecretSource};
use crate::auth::setting::SecretInput;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files::is_public;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, shown};

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

    /// The secret that was handed in, if it was.
    pub fn handed_in(&mut self, secrets: &SecretArgs, input: &SecretInput) -> Result<Option<Secret>, Failure> {
        match secrets.source(input) {
            None => Ok(None),
            Some(SecretSource::Stdin) => {
                let stdin = self.context.streams.stdin.as_mut();
                read_secret(stdin, "standard input").map(Some)
            }
            Some(SecretSource::File(path)) => self.secret_file(path, &format!("--{}-file", input.flag)).map(Some),
        }
    }

    /// A secret in a file or a pipe that `origin` names.
    pub fn secret_file(&mut self, path: &Path, origin: &str) -> Result<Secret, Failure> {
        let mut file = self.open_secret_file(path, origin)?;
        read_secret(&mut file, &format!("{origin}: {}", path.display()))
    }

    /// Opens a file or a pipe that holds something secret, and says where
    /// others could read it too.
    pub(super) fn open_secret_file(&mut self, path: &Path, origin: &str) -> Result<File, Failure> {
        let unreadable = |reason: String| {
            // Without the path: it may be the secret itself, given by mistake.
            Failure::new(
                Code::InvalidSecret,
                shown!("the file of {} cannot be read: {}", Shown::outside(origin), Shown::outside(&reason)),
            )
            .next("Give the path of a file that holds the secret and nothing else")
        };
        let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
        let metadata = file.metadata().map_err(|error| unreadable(error.to_string()))?;
        if metadata.is_dir() {
            return Err(unreadable("it is a directory".to_owned()));
        }
        if is_public(&metadata) {
            self.console.note(&format!("note: {} can be read by other users of this machine", path.display()));
        }
        Ok(file)
    }
}

fn read_secret(input: &mut dyn Read, origin: &str) -> Result<Secret, Failure> {
    Secret::read(input).map_err(|invalid| {
        Failure::new(Code::InvalidSecret, shown!("{} holds no usable secret: {}", Shown::outside(origin), invalid))
            .next("Hand in the secret alone, on one line, in UTF-8")
    })
}
