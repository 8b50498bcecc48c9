//! What a test found, for one connection and for several.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::expectations::Expectations;
use crate::auth::credential::TokenLife;
use crate::base::code::Class;
use crate::base::error::{Failure, exit_code_of};
use crate::base::shown::Shown;
use crate::history::last_test::{Change, TestOutcome};
use crate::model::oauth_client::ServiceDefaults;
use crate::model::profile::{ConnectionId, Profile};

/// The steps of a test, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckId {
    /// The connection is complete and makes sense.
    ConfigConnection,
    /// The store gives the secret.
    StoreSecret,
    /// The host has an address.
    NetworkDns,
    /// TCP and TLS together, if they are not told apart.
    NetworkConnect,
    /// The host takes a TCP connection.
    NetworkTcp,
    /// The host proves who it is.
    NetworkTls,
    /// It is the service that answers.
    InstanceOf(&'static ServiceDefaults),
    /// The instance is not asleep or restarting.
    InstanceAwake,
    /// There is an access token to use.
    AuthToken,
    /// The instance takes the credential.
    AuthRequest,
    /// The user may read a table, which is the target.
    AccessTable,
    /// The instance says who is signed in.
    AuthIdentity,
    /// The first request was as fast as was asked for.
    QualityLatency,
    /// This machine and the instance agree about the time.
    QualityClock,
    /// The certificate of the instance does not end soon.
    QualityCertificate,
    /// The instance has requests left for today.
    QualityQuota,
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All is well.
    Pass,
    /// Something is wrong that does not fail the test.
    Warn,
    /// It failed, and with it the test.
    Fail,
    /// Not made: nothing asked for it, or one before it failed.
    Skip,
}

/// One step: how it went, how long it took, and what was wrong.
#[derive(Debug, Clone)]
pub struct Check {
    /// Which step it is.
    pub id: CheckId,
    /// The table, if there is one for each.
    pub target: Option<String>,
    /// How it went.
    pub status: Status,
    /// How long it took, if it was measured.
    pub took: Option<Duration>,
    /// Of a failed check and of a warning.
    pub error: Option<Failure>,
}

/// Who the instance says is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The name to sign in with, as `beth.anglin`.
    pub user_name: Shown,
    /// Who says so.
    pub source: IdentitySource,
}

/// Who says which user is signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum IdentitySource {
    /// The instance said so.
    Instance,
    /// The connection says so; the instance was not asked or did not tell.
    Configured,
}

/// What a test found, however far it came.
#[derive(Debug)]
pub struct CheckResults {
    pub checks: Vec<Check>,
    pub token: Option<TokenLife>,
    /// The signed-in user; `None` if unknown.
    pub identity: Option<Identity>,
    pub certificate_ends: Option<DateTime<Utc>>,
    /// How long the first request took, if the sign-in was good.
    pub latency: Option<Duration>,
}

/// What is tested.
pub struct TestTarget {
    pub name: String,
    /// Of a saved connection.
    pub id: Option<ConnectionId>,
    pub instance: String,
    pub auth: &'static str,
    pub store: &'static str,
}

/// The test of one connection.
#[derive(Debug, Clone)]
pub struct Report {
    /// The name of the connection.
    pub name: String,
    /// Of a saved connection.
    pub id: Option<ConnectionId>,
    /// The origin of the instance, as `https://acme.service-now.com`.
    pub instance: String,
    /// The way to sign in, as `snow connect --auth` names it.
    pub auth: &'static str,
    /// The store of its secrets, as `snow connect --store` names it.
    pub store: &'static str,
    /// The access token that was used, if one was.
    pub token: Option<TokenLife>,
    /// The signed-in user; `None` if unknown.
    pub identity: Option<Identity>,
    /// When the certificate of the instance ends, if it was seen.
    pub certificate_ends: Option<DateTime<Utc>>,
    /// When it ended.
    pub tested_at: DateTime<Utc>,
    /// How long all of it took.
    pub duration: Duration,
    /// Every check in its order, those that were not reached too.
    pub checks: Vec<Check>,
    /// What was made of the warnings, if they count as a failure.
    pub strict: Option<Failure>,
    /// How long the first request took, if the sign-in was good.
    pub latency: Option<Duration>,
    /// What is new since the last test of a saved connection.
    pub changes: Vec<Change>,
    /// When it worked before this test, as far as that is remembered.
    pub worked_before: Option<DateTime<Utc>>,
    /// Why it was not tested; then every check is skipped.
    pub not_tested: Option<NotTested>,
}

/// Why a connection of a run was not tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum NotTested {
    /// Another had failed, with `--fail-fast`.
    FailFast,
    /// The run was stopped.
    Stopped,
    /// It is disabled.
    Disabled,
}

/// How the test of one connection ended.
#[derive(Debug, Clone, Copy)]
pub enum Verdict<'a> {
    /// It works.
    Passed,
    /// It does not, for this reason.
    Failed(&'a Failure),
    /// It is not known.
    NotTested(NotTested),
}

/// The tests of one run, by the names of the connections.
#[derive(Debug)]
pub struct Run {
    pub started_at: DateTime<Utc>,
    pub duration: Duration,
    pub reports: Vec<Report>,
    /// The exit code of the signal that stopped it, if one did.
    pub stopped_by: Option<u8>,
}

/// How many connections of a run ended in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Summary {
    pub total: usize,
    pub passed: usize,
    pub failed: usize,
    /// Of all of them, those with warnings.
    pub warned: usize,
    /// Not tested.
    pub skipped: usize,
}

impl CheckId {
    /// The word for scripts, as `network.dns`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfigConnection => "config.connection",
            Self::StoreSecret => "store.secret",
            Self::NetworkDns => "network.dns",
            Self::NetworkConnect => "network.connect",
            Self::NetworkTcp => "network.tcp",
            Self::NetworkTls => "network.tls",
            Self::InstanceOf(service) => service.check,
            Self::InstanceAwake => "instance.awake",
            Self::AuthToken => "auth.token",
            Self::AuthRequest => "auth.request",
            Self::AccessTable => "access.table",
            Self::AuthIdentity => "auth.identity",
            Self::QualityLatency => "quality.latency",
            Self::QualityClock => "quality.clock",
            Self::QualityCertificate => "quality.certificate",
            Self::QualityQuota => "quality.quota",
        }
    }

    /// The word for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::ConfigConnection => "connection",
            Self::StoreSecret => "secret",
            Self::NetworkDns => "dns",
            Self::NetworkConnect => "network",
            Self::NetworkTcp => "tcp",
            Self::NetworkTls => "tls",
            Self::InstanceOf(service) => service.check.strip_prefix("instance.").unwrap_or(service.check),
            Self::InstanceAwake => "awake",
            Self::AuthToken => "token",
            Self::AuthRequest => "sign-in",
            Self::AccessTable => "table",
            Self::AuthIdentity => "identity",
            Self::QualityLatency => "latency",
            Self::QualityClock => "clock",
            Self::QualityCertificate => "certificate",
            Self::QualityQuota => "quota",
        }
    }
}

impl Status {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }
}

impl NotTested {
    /// For people, without full stop.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::FailFast => "not tested: another connection failed",
            Self::Stopped => "not tested: the run was stopped",
            Self::Disabled => "not tested: it is disabled",
        }
    }
}

impl Check {
    /// A check of no table and no length.
    pub fn new(id: CheckId, status: Status) -> Self {
        Self { id, target: None, status, took: None, error: None }
    }

    /// One that passed.
    pub fn pass(id: CheckId) -> Self {
        Self::new(id, Status::Pass)
    }

    /// One that was not made.
    pub fn skip(id: CheckId) -> Self {
        Self::new(id, Status::Skip)
    }

    /// One that failed, and why.
    pub fn fail(id: CheckId, failure: Failure) -> Self {
        Self { error: Some(failure), ..Self::new(id, Status::Fail) }
    }

    /// One with a warning.
    pub fn warn(id: CheckId, failure: Failure) -> Self {
        Self { error: Some(failure), ..Self::new(id, Status::Warn) }
    }

    /// The same of one table.
    pub fn of(self, target: impl Into<String>) -> Self {
        Self { target: Some(target.into()), ..self }
    }

    /// The same with how long it took.
    pub fn taking(self, took: Option<Duration>) -> Self {
        Self { took, ..self }
    }
}

/// The checks of an instance that is not asked.
pub fn skipped(service: &'static ServiceDefaults) -> [Check; 7] {
    [
        CheckId::NetworkDns,
        CheckId::NetworkConnect,
        CheckId::InstanceOf(service),
        CheckId::InstanceAwake,
        CheckId::AuthRequest,
        CheckId::AccessTable,
        CheckId::AuthIdentity,
    ]
    .map(Check::skip)
}

impl From<Vec<Check>> for CheckResults {
    fn from(checks: Vec<Check>) -> Self {
        Self { checks, token: None, identity: None, certificate_ends: None, latency: None }
    }
}

impl CheckResults {
    /// With the checks that were made before, on this machine.
    pub fn after(mut self, mut before: Vec<Check>) -> Self {
        before.append(&mut self.checks);
        Self { checks: before, ..self }
    }

    /// As the report of what was tested.
    pub fn report(self, tested: TestTarget, tested_at: DateTime<Utc>, duration: Duration) -> Report {
        let TestTarget { name, id, instance, auth, store } = tested;
        let Self { checks, token, identity, certificate_ends, latency } = self;
        Report {
            name,
            id,
            instance,
            auth,
            store,
            token,
            identity,
            certificate_ends,
            tested_at,
            duration,
            checks,
            strict: None,
            latency,
            changes: Vec::new(),
            worked_before: None,
            not_tested: None,
        }
    }
}

impl From<&Profile> for TestTarget {
    fn from(profile: &Profile) -> Self {
        Self {
            name: profile.name.to_string(),
            id: Some(profile.id),
            instance: profile.instance.to_string(),
            auth: profile.auth.as_str(),
            store: profile.store.as_str(),
        }
    }
}

impl Report {
    /// The report with what is made of its warnings.
    pub(crate) fn judged_by(self, expectations: &Expectations) -> Self {
        let strict = expectations.verdict_on_warnings(&self.checks);
        Self { strict, ..self }
    }

    /// The first failure, which gives the connection its class and code. What
    /// is made of warnings comes after everything that failed by itself.
    pub fn failure(&self) -> Option<&Failure> {
        let failed = self.checks.iter().find(|check| check.status == Status::Fail);
        failed.and_then(|check| check.error.as_ref()).or(self.strict.as_ref())
    }

    /// How the test ended.
    pub fn verdict(&self) -> Verdict<'_> {
        match (self.not_tested, self.failure()) {
            (Some(why), _) => Verdict::NotTested(why),
            (None, Some(failure)) => Verdict::Failed(failure),
            (None, None) => Verdict::Passed,
        }
    }

    /// Whether it was tested and works.
    pub fn is_ok(&self) -> bool {
        matches!(self.verdict(), Verdict::Passed)
    }

    /// What is wrong and does not fail the test.
    pub fn warnings(&self) -> impl Iterator<Item = &Failure> {
        self.checks.iter().filter(|check| check.status == Status::Warn).filter_map(|check| check.error.as_ref())
    }

    /// Zero, or the exit code of the failure.
    pub fn exit_code(&self) -> u8 {
        self.failure().map_or(0, Failure::exit_code)
    }

    /// What is remembered of this test. An expectation that does not hold says
    /// nothing about the connection, which works.
    pub(crate) fn outcome(&self) -> TestOutcome {
        let failure = self.failure().filter(|failure| failure.class() != Class::Assertion);
        TestOutcome {
            at: self.tested_at,
            failure: failure.map(Failure::code),
            latency: self.latency,
            certificate_ends: self.certificate_ends,
        }
    }
}

impl Run {
    /// That of the signal that stopped it; else zero, the code of the one class
    /// that failed, or 12 for several.
    pub fn exit_code(&self) -> u8 {
        self.stopped_by.unwrap_or_else(|| exit_code_of(self.reports.iter().filter_map(Report::failure)))
    }

    pub fn summary(&self) -> Summary {
        let mut summary = Summary { total: self.reports.len(), ..Summary::default() };
        for report in &self.reports {
            match report.verdict() {
                Verdict::Passed => summary.passed += 1,
                Verdict::Failed(_) => summary.failed += 1,
                Verdict::NotTested(_) => summary.skipped += 1,
            }
            summary.warned += usize::from(report.warnings().next().is_some());
        }
        summary
    }
}
