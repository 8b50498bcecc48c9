//! What a test found: `snow test`.

use serde::Serialize;

use crate::auth::credential;
use crate::base::code::{Class, Code};
use crate::base::error::{Failure, FailureInJson};
use crate::base::schemas;
use crate::base::time::Timestamp;
use crate::check::report::{self, IdentitySource, NotTested, Report, Run, Status, Summary};
use crate::history::last_test::Change;
use crate::model::profile::ConnectionId;

/// A run: `snow test --json`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Test<'a> {
    schema: schemas::Test,
    #[serde(flatten)]
    totals: Totals,
    /// By name.
    connections: Vec<TestedConnection<'a>>,
}

/// One connection of a run: a line of `snow test --output jsonl`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TestConnection<'a> {
    schema: schemas::TestConnection,
    #[serde(flatten)]
    connection: TestedConnection<'a>,
}

/// The last line of `snow test --output jsonl`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TestSummary {
    schema: schemas::TestSummary,
    #[serde(flatten)]
    totals: Totals,
}

/// A run as a whole.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Totals {
    /// Whether the exit code is 0.
    ok: bool,
    exit_code: u8,
    started_at: Timestamp,
    /// How long the run took, in milliseconds.
    duration_ms: u64,
    /// Whether a signal stopped it.
    stopped: bool,
    /// How many connections ended in which way.
    summary: Summary,
}

/// The test of one connection.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TestedConnection<'a> {
    name: &'a str,
    /// Null if the connection is not saved.
    id: Option<ConnectionId>,
    /// The origin: scheme, host and, if it is not the default, port.
    instance: &'a str,
    /// The way to sign in, as `snow connect --auth` and `SNOW_AUTH` name it.
    auth: &'a str,
    ok: bool,
    /// The class of the first failure.
    class: Option<Class>,
    /// The code of the first failure.
    code: Option<Code>,
    /// How long the test took, in milliseconds.
    duration_ms: u64,
    /// Null if it is unknown.
    identity: Option<Identity<'a>>,
    /// How long the first request took, in milliseconds; null if the sign-in failed.
    latency_ms: Option<u64>,
    /// Null if none was seen.
    certificate: Option<Certificate>,
    credential: Credential<'a>,
    /// In the order in which they were made.
    checks: Vec<Check<'a>>,
    /// What is new since the last test of a saved connection; left out if nothing is.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    changes: &'a [Change],
    /// Why it was not tested; left out if it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_tested: Option<NotTested>,
    /// What `--strict` made of warnings; left out if nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<FailureInJson<'a>>,
}

/// Who is signed in.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Identity<'a> {
    user_name: &'a str,
    /// Whether the instance said so, or only the connection.
    source: IdentitySource,
}

/// The certificate of the instance.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Certificate {
    not_after: Timestamp,
}

/// What it signed in with.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Credential<'a> {
    /// `keyring`, `file`, or `environment` for variables.
    store: &'a str,
    #[serde(flatten)]
    token: Option<Token>,
}

/// The access token that was used; left out if none was.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Token {
    /// Null if the server did not say.
    expires_at: Option<Timestamp>,
    /// Whether this run renewed it.
    refreshed: bool,
}

/// One step of a test.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Check<'a> {
    /// As in `auth.request`.
    id: &'static str,
    status: Status,
    /// The table; left out if the step is not about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'a str>,
    /// How long it took, in milliseconds; left out if nothing was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<u64>,
    /// Of a failure or a warning; left out otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<FailureInJson<'a>>,
}

impl<'a> From<&'a Run> for Test<'a> {
    fn from(run: &'a Run) -> Self {
        let connections = run.reports.iter().map(Into::into).collect();
        Self { schema: schemas::Test, totals: run.into(), connections }
    }
}

impl<'a> From<&'a Report> for TestConnection<'a> {
    fn from(report: &'a Report) -> Self {
        Self { schema: schemas::TestConnection, connection: report.into() }
    }
}

impl From<&Run> for TestSummary {
    fn from(run: &Run) -> Self {
        Self { schema: schemas::TestSummary, totals: run.into() }
    }
}

impl From<&Run> for Totals {
    fn from(run: &Run) -> Self {
        let exit_code = run.exit_code();
        Self {
            ok: exit_code == 0,
            exit_code,
            started_at: Timestamp(run.started_at),
            duration_ms: milliseconds(run.duration),
            stopped: run.stopped_by.is_some(),
            summary: run.summary(),
        }
    }
}

impl<'a> From<&'a Report> for TestedConnection<'a> {
    fn from(report: &'a Report) -> Self {
        let failure = report.failure();
        let identity = report.identity.as_ref();
        Self {
            name: &report.name,
            id: report.id,
            instance: &report.instance,
            auth: report.auth,
            ok: report.is_ok(),
            class: failure.map(Failure::class),
            code: failure.map(Failure::code),
            duration_ms: milliseconds(report.duration),
            identity: identity.map(|who| Identity { user_name: &who.user_name, source: who.source }),
            latency_ms: report.latency.map(milliseconds),
            certificate: report.certificate_ends.map(|ends| Certificate { not_after: Timestamp(ends) }),
            credential: Credential { store: report.store, token: report.token.map(Token::from) },
            checks: report.checks.iter().map(Check::from).collect(),
            changes: &report.changes,
            not_tested: report.not_tested,
            // The one failure that is no check's own.
            error: report.strict.as_ref().map(Into::into),
        }
    }
}

impl From<credential::TokenLife> for Token {
    fn from(token: credential::TokenLife) -> Self {
        Self { expires_at: token.expires_at.map(Timestamp), refreshed: token.refreshed }
    }
}

impl<'a> From<&'a report::Check> for Check<'a> {
    fn from(check: &'a report::Check) -> Self {
        let error = check.error.as_ref().filter(|_| matches!(check.status, Status::Fail | Status::Warn));
        Self {
            id: check.id.as_str(),
            status: check.status,
            target: check.target.as_deref(),
            ms: check.took.map(milliseconds),
            error: error.map(Into::into),
        }
    }
}

fn milliseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
