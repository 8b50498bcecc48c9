//! A program that is run for what it prints.
//!
//! It is started without a shell, and ended if it takes too long or prints too much. Its
//! standard error is kept for the message of a failure: a program under a progress line
//! must not write over it, and what it says may hold a secret.

use std::io::{self, ErrorKind};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{self, Command};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::children::Child;
use super::secret::{MAX_BYTES, Secret};
use super::server_text::Redactor;
use super::shown::{Shown, shown};

/// How long a program may take.
pub const TIMEOUT: Duration = Duration::from_secs(30);
/// How much of its standard error is kept.
const MAX_SAID: usize = 4 * 1024;
/// How long what it said is read for after its end: a program that it left running may
/// hold the pipe.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// What a program printed. It may be secret, whatever it was.
#[derive(Default)]
pub struct Printed {
    pub output: Zeroizing<Vec<u8>>,
    /// The beginning of its standard error.
    pub said: Zeroizing<Vec<u8>>,
}

impl Printed {
    /// What it said, cut and masked: it may quote what it printed, which is as secret if it
    /// is not what was wanted.
    pub fn said(&self) -> Shown {
        let mut redactor = Redactor::default();
        for line in String::from_utf8_lossy(&self.output).lines() {
            Secret::derived(line.trim().to_owned()).iter().for_each(|secret| redactor.add(secret));
        }
        redactor.server_text(String::from_utf8_lossy(&self.said).trim())
    }
}

/// Why a program did not end by itself, after a bounded output.
pub enum Trouble {
    NotStarted(io::Error),
    TooSlow(Duration),
    TooLarge,
    Unreadable,
    Failed(ExitStatus),
}

impl Trouble {
    /// The code that it ended with, if that is the trouble.
    pub fn exit_code(&self) -> Option<i64> {
        match self {
            Self::Failed(status) => status.code().map(i64::from),
            _ => None,
        }
    }

    /// The message and the reason. `command` is the program with what it is for.
    pub fn told(&self, program: &Shown, command: &Shown) -> (Shown, Shown) {
        match self {
            Self::NotStarted(error) if error.kind() == ErrorKind::NotFound => {
                (shown!("{} was not found", command), "It is not on the PATH, or not where the setting says.".into())
            }
            Self::NotStarted(error) => {
                (shown!("{} could not be started", command), shown!("{}.", Shown::outside(error.to_string())))
            }
            Self::TooSlow(limit) => (
                shown!("{} did not end within {} s", program, limit.as_secs()),
                "It was ended. It cannot ask anything: no one answers on its standard input.".into(),
            ),
            Self::TooLarge => (shown!("{} printed more than 64 KiB", command), "Nothing of it was used.".into()),
            Self::Unreadable => {
                (shown!("the output of {} could not be read", command), "Nothing of it was used.".into())
            }
            Self::Failed(status) => {
                (shown!("{} failed", command), shown!("It ended with {}.", Shown::outside(status.to_string())))
            }
        }
    }
}

/// A program with its arguments, which cannot ask anything.
pub fn command(arguments: &[String]) -> Command {
    let (program, arguments) = arguments.split_first().expect("a command names a program");
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    command
}

/// Runs it, with `input` to read if there is any. `printed` is filled in also if it fails.
pub async fn run(
    mut command: Command,
    input: Option<&[u8]>,
    limit: Duration,
    printed: &mut Printed,
) -> Result<(), Trouble> {
    if input.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn().map_err(Trouble::NotStarted)?;
    let running = child.id().map(Child::new);
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let Printed { output, said } = printed;
    let works = async {
        // One that does not read what it is given ends as it likes.
        let writes = async {
            if let (Some(mut stdin), Some(input)) = (stdin, input) {
                let _ = stdin.write_all(input).await;
            }
        };
        let reads = end_of(&mut child, stdout.expect("piped"), output);
        futures_util::future::join(writes, reads).await.1
    };
    let (ends, hears) = (timeout(limit, works), listen(stderr.expect("piped"), said));
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
    if status.success() { Ok(()) } else { Err(Trouble::Failed(status)) }
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
