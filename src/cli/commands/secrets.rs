//! Secrets that are handed in: by standard input, or in a file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::app::App;
use super::sign_in::args::{ClientSecretArgs, PasswordArgs};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files::is_public;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, shown};

impl App {
    /// Refuses to read a secret from a terminal, which would show what is
    /// typed.
    pub fn check_secret_sources(&self, password: &PasswordArgs, secret: &ClientSecretArgs) -> Result<(), Failure> {
        let flag = match (password.password_stdin, secret.client_secret_stdin) {
            (true, _) => "--password-stdin",
            (false, true) => "--client-secret-stdin",
            (false, false) => return Ok(()),
        };
        if !self.is_stdin_terminal() {
            Ok(())
        } else {
            Err(Failure::new(Code::Usage, shown!("{} was given, and standard input is the terminal", flag))
                .next(shown!("Leave {} out to be asked, or pipe it in", flag)))
        }
    }

    /// The password that was handed in, where one was.
    pub fn handed_in(&mut self, arguments: &PasswordArgs) -> Result<Option<Secret>, Failure> {
        self.secret_from(arguments.password_stdin, arguments.password_file.as_deref(), "--password-file")
    }

    /// The client secret that was handed in, where one was.
    pub fn client_secret_handed_in(&mut self, arguments: &ClientSecretArgs) -> Result<Option<Secret>, Failure> {
        self.secret_from(arguments.client_secret_stdin, arguments.client_secret_file.as_deref(), "--client-secret-file")
    }

    fn secret_from(&mut self, stdin: bool, file: Option<&Path>, flag: &str) -> Result<Option<Secret>, Failure> {
        if stdin {
            let stdin = self.context.streams.stdin.as_mut();
            return read_secret(stdin, "standard input").map(Some);
        }
        file.map(|path| self.secret_file(path, flag)).transpose()
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
