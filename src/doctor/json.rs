//! What was looked at, as documents show it, and the file for support.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::stores::{Secrets, Unchecked};
use crate::base::code::{Class, Code};
use crate::base::schemas;
use crate::base::shown::{Shown, Step, StepInJson};
use crate::base::time::Timestamp;
use crate::check::report::Status;
use crate::history::json::Connection;
use crate::history::last_test::LastTest;
use crate::history::state::{Health, SessionNote};
use crate::model::profile::ConnectionId;

/// One thing that was looked at.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Check<'a> {
    /// As in `store.ready`.
    id: &'static str,
    /// Which of several: a connection, a port. Null if there is one.
    target: Option<&'a str>,
    status: Status,
    /// What was found, in one sentence without full stop.
    message: &'a Shown,
    why: Option<&'a Shown>,
    /// What to do, a sentence each, the first one first.
    #[cfg_attr(test, schemars(with = "Vec<String>"))]
    next: &'a [Step],
    /// The same as `next`, with the commands by themselves.
    steps: Vec<StepInJson<'a>>,
    /// Of a failure, and of a warning that has one.
    code: Option<Code>,
    /// The class of the code.
    class: Option<Class>,
}

impl<'a> From<&'a super::Check> for Check<'a> {
    fn from(check: &'a super::Check) -> Self {
        Self {
            id: check.id.as_str(),
            target: check.target.as_deref(),
            status: check.status,
            message: &check.message,
            why: check.why.as_ref(),
            next: &check.next,
            steps: StepInJson::all(&check.next),
            code: check.code,
            class: check.code.map(Code::class),
        }
    }
}

/// The file of `snow doctor --bundle`. What is below the home directory has a `~`
/// for it.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Bundle<'a> {
    pub schema: schemas::Bundle,
    /// What to know before sending it, a line each.
    pub about: &'a [&'a str],
    pub made_at: Timestamp,
    pub proof: Proof<'a>,
    /// The version of snow.
    pub snow: &'a str,
    pub system: System<'a>,
    pub terminal: Terminal,
    /// The variables that are set and that snow reads: the value if it is
    /// harmless, else `(set)` or `(empty)`.
    pub variables: BTreeMap<String, String>,
    pub doctor: Findings<'a>,
    pub config: Config<'a>,
    /// Null if there is no state directory.
    pub state: Option<State<'a>>,
}

/// Which secrets are not in the file.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Proof<'a> {
    /// How many secrets were searched for, and not found.
    pub secrets_searched_for: usize,
    pub not_searched_for: &'a [Unchecked],
}

impl<'a> From<&'a Secrets> for Proof<'a> {
    fn from(secrets: &'a Secrets) -> Self {
        Self { secrets_searched_for: secrets.count, not_searched_for: &secrets.unchecked }
    }
}

/// The system that snow runs on.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct System<'a> {
    /// As in `linux`.
    pub os: &'a str,
    /// As in `x86_64`.
    pub arch: &'a str,
    /// As the system names itself.
    pub name: Option<String>,
    /// The version of the kernel.
    pub kernel: Option<String>,
}

/// How this run meets a person.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Terminal {
    /// Whether it is a terminal.
    pub stdin: bool,
    /// Whether it is a terminal.
    pub stdout: bool,
    /// Whether it is a terminal.
    pub stderr: bool,
    /// The width of the output, in characters.
    pub columns: usize,
    pub colour: bool,
    pub unicode: bool,
}

/// What `snow doctor` found.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Findings<'a> {
    pub exit_code: u8,
    pub checks: Vec<Check<'a>>,
}

/// The connections file.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Config<'a> {
    pub file: Option<&'a Path>,
    /// The size of the file, in bytes.
    pub bytes: Option<u64>,
    /// The rights in octal, as in `0600`; null on Windows.
    pub mode: Option<String>,
    pub readable: bool,
    /// The name of the default connection.
    pub default: Option<&'a str>,
    pub connections: Vec<BundledConnection<'a>>,
}

/// A saved connection, with a number for the user and the client.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BundledConnection<'a> {
    #[serde(flatten)]
    pub connection: Connection<'a>,
    /// Null if no OAuth client signs in.
    pub oauth: Option<OAuth<'a>>,
}

/// How an OAuth client signs in; URLs are without a query.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct OAuth<'a> {
    /// Scopes, with spaces between them.
    pub scope: &'a str,
    pub redirect_uri: Option<&'a str>,
    pub authorization_url: String,
    pub token_url: String,
    pub revocation_url: String,
    pub pkce: bool,
}

/// The state directory.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct State<'a> {
    pub directory: &'a Path,
    pub files: Vec<File>,
    /// By the id of the connection.
    pub last_tests: BTreeMap<ConnectionId, LastTest>,
    pub sessions: Vec<Session<'a>>,
    /// Only connections whose password was refused last.
    pub refusals: Vec<Refusals<'a>>,
}

/// A file of the state directory.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct File {
    pub name: String,
    /// Its size, in bytes.
    pub bytes: u64,
    /// The rights in octal, as in `0600`; null on Windows.
    pub mode: Option<String>,
}

/// What is known of the session of a connection.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Session<'a> {
    /// Its name.
    pub connection: &'a str,
    pub health: Health,
    pub times: SessionNote,
}

/// How often the password of a connection was refused.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Refusals<'a> {
    /// Its name.
    pub connection: &'a str,
    pub refusals_in_a_row: u32,
}
