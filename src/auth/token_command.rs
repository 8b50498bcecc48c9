//! A command that prints an access token, as the programs of identity providers do.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::process::Command;

use super::method::METHODS;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::program::{self, Printed};
use crate::base::secret::{InvalidSecret, Secret};
use crate::base::shown::{Shown, Step, shown};
use crate::base::time::timestamp;
use crate::model::profile::ConnectionName;
use crate::store::STORES;

/// A command, and whose token it prints.
pub struct TokenCommand {
    arguments: Vec<String>,
    /// The saved connection.
    name: Option<ConnectionName>,
}

/// Why it gave no token.
enum Trouble {
    Program(program::Trouble),
    Invalid(InvalidSecret),
    /// What it printed is one line, and no token.
    NoToken,
}

impl TokenCommand {
    pub fn new(arguments: Vec<String>, name: Option<ConnectionName>) -> Self {
        Self { arguments, name }
    }

    /// Runs it once.
    pub async fn run(&self, at_most: Duration) -> Result<Secret, Failure> {
        tracing::info!("running {} for an access token", self.program());
        let mut printed = Printed::default();
        let ended = program::run(self.command(), None, program::TIMEOUT.min(at_most), &mut printed).await;
        let token = ended.map_err(Trouble::Program).and_then(|()| token(&printed.output));
        let said = printed.said();
        match token {
            Ok(token) => {
                if !said.is_empty() {
                    tracing::info!("{} said: {}", self.program(), said);
                }
                Ok(token)
            }
            Err(trouble) => Err(self.failure(&trouble, said)),
        }
    }

    fn command(&self) -> Command {
        let mut command = program::command(&self.arguments);
        for name in secret_variables() {
            command.env_remove(name);
        }
        command
    }

    /// What it printed has ended, so that another run would not help.
    pub fn printed_an_old_token(&self, at: DateTime<Utc>) -> Failure {
        let at = Shown::outside(timestamp(at));
        Failure::new(Code::SessionExpired, shown!("{} printed an access token that expired at {}", self.program(), &at))
            .why("By its own word the token ended then. It was not sent.")
            .next(shown!("Sign in with {} again, or have it renew what it keeps", self.program()))
            .evidence("expired_at", at)
    }

    fn program(&self) -> Shown {
        Shown::outside(self.arguments.first().map_or("", String::as_str))
    }

    fn failure(&self, trouble: &Trouble, said: Shown) -> Failure {
        let program = self.program();
        // A name such as sh says nothing alone.
        let command = shown!("the access token command {}", &program);
        let (message, why): (Shown, Shown) = match trouble {
            Trouble::Program(trouble) => trouble.told(&program, &command),
            Trouble::Invalid(InvalidSecret::Empty) => {
                (shown!("{} printed no access token", &program), "Its standard output is empty.".into())
            }
            Trouble::Invalid(invalid) => (
                shown!("{} did not print an access token", &program),
                shown!("What it printed cannot be one: {}. {}", *invalid, ONE_LINE),
            ),
            Trouble::NoToken => (
                shown!("{} did not print an access token", &program),
                shown!("What it printed has characters that no access token has. {}", ONE_LINE),
            ),
        };
        let why = if said.is_empty() { why } else { shown!("{} It said: {}", why, &said) };
        let exit_code = match trouble {
            Trouble::Program(trouble) => trouble.exit_code(),
            _ => None,
        };
        let failure = Failure::new(Code::CommandFailed, message)
            .why(why)
            .evidence("command", program)
            .evidence("command_exit_code", exit_code)
            .evidence("command_stderr", Some(said).filter(|said| !said.is_empty()));
        match &self.name {
            Some(name) => failure
                .next(
                    Step::say("Run the command yourself, which shows what it prints: ")
                        .and_run(shown!("snow show {}", name)),
                )
                .next(
                    Step::say("Or sign in by another command: ")
                        .and_run(shown!("snow connect {} --force --access-token-command -- CMD", name)),
                ),
            None => failure.next("Run the command yourself, and look at what it prints"),
        }
    }
}

const ONE_LINE: &str = "It must print the access token alone, in one line.";

/// What it printed, as a token.
fn token(printed: &[u8]) -> Result<Secret, Trouble> {
    let text = std::str::from_utf8(printed).map_err(|_| Trouble::Invalid(InvalidSecret::NotUtf8))?;
    let token = Secret::of_line(text).map_err(Trouble::Invalid)?;
    // RFC 6750 §2.1. JSON or a sentence would only be refused by the instance.
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.expose().bytes().all(fits) { Ok(token) } else { Err(Trouble::NoToken) }
}

/// The variables of our own secrets, which are not for other programs.
fn secret_variables() -> impl Iterator<Item = &'static str> {
    let inputs = METHODS.into_iter().flat_map(|spec| spec.secrets).map(|secret| secret.input);
    let of_methods = inputs.flat_map(|input| [input.variable, input.variable_file]);
    let of_stores = STORES.iter().flat_map(|store| store.secret_variables.iter().chain(store.secret_files).copied());
    of_methods.chain(of_stores)
}
