//! A command that prints an access token, as the programs of identity providers do.
//!
//! It is started without a shell, with nothing to read, and ended if it takes too long or
//! prints too much. Its standard error is kept for the message of a failure, cut and
//! masked: a program under a progress line must not write over it, and what it says may
//! hold the token.

use std::io::ErrorKind;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{self, Command};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::method::METHODS;
use crate::base::children::Child;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::{InvalidSecret, MAX_BYTES, Secret};
use crate::base::server_text::Redactor;
use crate::base::shown::{Shown, Step, shown};
use crate::base::time::timestamp;
use crate::model::profile::ConnectionName;
use crate::store::STORES;

/// How long it may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How much of its standard error is kept.
const MAX_SAID: usize = 4 * 1024;
/// How long what it said is read for after its end: a program that it left running may
/// hold the pipe.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// A command, and whose token it prints.
pub struct TokenCommand {
    arguments: Vec<String>,
    /// The saved connection.
    name: Option<ConnectionName>,
}

/// Why it gave no token.
enum Trouble {
    NotStarted(std::io::Error),
    TooSlow(Duration),
    TooLarge,
    Unreadable,
    Failed(ExitStatus),
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
        let limit = TIMEOUT.min(at_most);
        tracing::info!("running {} for an access token", self.program());
        let (mut printed, mut said) = (Zeroizing::new(Vec::new()), Zeroizing::new(Vec::new()));
        let ended = self.printed(limit, &mut printed, &mut said).await;
        let token = ended.and_then(|status| token(&printed, status));
        let mut redactor = Redactor::default();
        // What it printed is as secret if it is no token that can be sent.
        for line in String::from_utf8_lossy(&printed).lines() {
            Secret::derived(line.trim().to_owned()).iter().for_each(|secret| redactor.add(secret));
        }
        let said = redactor.server_text(String::from_utf8_lossy(&said).trim());
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

    /// Fills in what it prints, and gives how it ended.
    async fn printed(&self, limit: Duration, printed: &mut Vec<u8>, said: &mut Vec<u8>) -> Result<ExitStatus, Trouble> {
        let mut child = self.command().spawn().map_err(Trouble::NotStarted)?;
        let running = child.id().map(Child::new);
        let (stdout, stderr) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let ends = timeout(limit, end_of(&mut child, stdout, printed));
        let hears = listen(stderr, said);
        tokio::pin!(ends, hears);
        let mut is_silent = false;
        let ended = loop {
            tokio::select! {
                ended = &mut ends => break ended,
                () = &mut hears, if !is_silent => is_silent = true,
            }
        };
        if !is_silent {
            let _ = timeout(LAST_WORDS, hears).await;
        }
        let status = ended.map_err(|_| Trouble::TooSlow(limit))??;
        running.into_iter().for_each(Child::has_ended);
        Ok(status)
    }

    fn command(&self) -> Command {
        let (program, arguments) = self.arguments.split_first().expect("a command names a program");
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        for name in secret_variables() {
            command.env_remove(name);
        }
        #[cfg(unix)]
        command.process_group(0);
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
            Trouble::NotStarted(error) if error.kind() == ErrorKind::NotFound => {
                (shown!("{} was not found", &command), "It is not on the PATH, or not where the setting says.".into())
            }
            Trouble::NotStarted(error) => {
                (shown!("{} could not be started", &command), shown!("{}.", Shown::outside(error.to_string())))
            }
            Trouble::TooSlow(limit) => (
                shown!("{} did not print an access token within {} s", &program, limit.as_secs()),
                "It was ended. It cannot ask anything: its standard input is closed.".into(),
            ),
            Trouble::TooLarge => (shown!("{} printed more than 64 KiB", &command), ONE_LINE.into()),
            Trouble::Unreadable => (shown!("the output of {} could not be read", &command), ONE_LINE.into()),
            Trouble::Failed(status) => {
                (shown!("{} failed", &command), shown!("It ended with {}.", Shown::outside(status.to_string())))
            }
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
            Trouble::Failed(status) => status.code().map(i64::from),
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
fn token(printed: &[u8], status: ExitStatus) -> Result<Secret, Trouble> {
    if !status.success() {
        return Err(Trouble::Failed(status));
    }
    let text = std::str::from_utf8(printed).map_err(|_| Trouble::Invalid(InvalidSecret::NotUtf8))?;
    let token = Secret::of_line(text).map_err(Trouble::Invalid)?;
    // RFC 6750 §2.1. JSON or a sentence would only be refused by the instance.
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if token.expose().bytes().all(fits) { Ok(token) } else { Err(Trouble::NoToken) }
}

/// Reads what it prints, and waits for its end.
async fn end_of(
    child: &mut process::Child,
    stdout: impl AsyncRead + Unpin,
    printed: &mut Vec<u8>,
) -> Result<ExitStatus, Trouble> {
    printed.reserve(MAX_BYTES + 1);
    stdout.take(MAX_BYTES as u64 + 1).read_to_end(printed).await.map_err(|_| Trouble::Unreadable)?;
    if printed.len() > MAX_BYTES {
        return Err(Trouble::TooLarge);
    }
    child.wait().await.map_err(|_| Trouble::Unreadable)
}

/// Reads all that it says, so that it never waits for a reader, and keeps the beginning.
async fn listen(mut stderr: impl AsyncRead + Unpin, said: &mut Vec<u8>) {
    let mut piece = Zeroizing::new([0; 1024]);
    while let Ok(length @ 1..) = stderr.read(piece.as_mut_slice()).await {
        let room = MAX_SAID.saturating_sub(said.len());
        said.extend_from_slice(&piece[..length.min(room)]);
    }
}

/// The variables of our own secrets, which are not for other programs.
fn secret_variables() -> impl Iterator<Item = &'static str> {
    let inputs = METHODS.into_iter().flat_map(|spec| spec.secrets).map(|secret| secret.input);
    let of_methods = inputs.flat_map(|input| [input.variable, input.variable_file]);
    let of_stores = STORES.iter().flat_map(|store| store.secret_variables.iter().chain(store.secret_files).copied());
    of_methods.chain(of_stores)
}
