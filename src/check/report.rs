//! What a test found, for one connection and for several.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::connection::Token;
use crate::connection::profile::ConnectionId;
use crate::error::{Failure, exit_code_of};
use crate::state::LastTest;

/// The steps of a test, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckId {
    ConfigConnection,
    StoreSecret,
    NetworkDns,
    /// TCP and TLS together, where they are not told apart.
    NetworkConnect,
    NetworkTcp,
    NetworkTls,
    InstanceServiceNow,
    InstanceAwake,
    AuthToken,
    AuthRequest,
    AccessTable,
    AuthIdentity,
    QualityClock,
    QualityCertificate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Pass,
    Warn,
    Fail,
    Skip,
}

/// One step: how it went, how long it took, and what was wrong.
#[derive(Debug, Clone)]
pub struct Check {
    pub id: CheckId,
    /// The table, where there is one for each.
    pub target: Option<String>,
    pub status: Status,
    pub took: Option<Duration>,
    /// Of a failed check and of a warning.
    pub error: Option<Failure>,
}

/// Who the instance says is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub user_name: String,
    pub source: IdentitySource,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentitySource {
    /// The instance said so.
    Instance,
    /// The connection says so; the instance was not asked or did not tell.
    Configured,
}

/// The test of one connection.
#[derive(Debug, Clone)]
pub struct Report {
    pub name: String,
    /// Of a saved connection.
    pub id: Option<ConnectionId>,
    pub instance: String,
    pub auth: &'static str,
    pub store: &'static str,
    /// The access token that was used, where one was.
    pub token: Option<Token>,
    pub identity: Option<Identity>,
    /// When the certificate of the instance ends, where it was seen.
    pub certificate_ends: Option<DateTime<Utc>>,
    pub duration: Duration,
    pub checks: Vec<Check>,
}

/// The tests of one run.
#[derive(Debug)]
pub struct Run {
    pub started_at: DateTime<Utc>,
    pub duration: Duration,
    pub reports: Vec<Report>,
}

impl CheckId {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfigConnection => "config.connection",
            Self::StoreSecret => "store.secret",
            Self::NetworkDns => "network.dns",
            Self::NetworkConnect => "network.connect",
            Self::NetworkTcp => "network.tcp",
            Self::NetworkTls => "network.tls",
            Self::InstanceServiceNow => "instance.servicenow",
            Self::InstanceAwake => "instance.awake",
            Self::AuthToken => "auth.token",
            Self::AuthRequest => "auth.request",
            Self::AccessTable => "access.table",
            Self::AuthIdentity => "auth.identity",
            Self::QualityClock => "quality.clock",
            Self::QualityCertificate => "quality.certificate",
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
            Self::InstanceServiceNow => "servicenow",
            Self::InstanceAwake => "awake",
            Self::AuthToken => "token",
            Self::AuthRequest => "sign-in",
            Self::AccessTable => "table",
            Self::AuthIdentity => "identity",
            Self::QualityClock => "clock",
            Self::QualityCertificate => "certificate",
        }
    }
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }
}

impl IdentitySource {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Configured => "configured",
        }
    }
}

impl Check {
    pub fn new(id: CheckId, status: Status) -> Self {
        Self { id, target: None, status, took: None, error: None }
    }

    pub fn pass(id: CheckId) -> Self {
        Self::new(id, Status::Pass)
    }

    pub fn skip(id: CheckId) -> Self {
        Self::new(id, Status::Skip)
    }

    pub fn fail(id: CheckId, failure: Failure) -> Self {
        Self { error: Some(failure), ..Self::new(id, Status::Fail) }
    }

    pub fn warn(id: CheckId, failure: Failure) -> Self {
        Self { error: Some(failure), ..Self::new(id, Status::Warn) }
    }

    pub fn of(self, target: impl Into<String>) -> Self {
        Self { target: Some(target.into()), ..self }
    }

    pub fn taking(self, took: Option<Duration>) -> Self {
        Self { took, ..self }
    }
}

impl Report {
    /// The first failure, which gives the connection its class and code.
    pub fn failure(&self) -> Option<&Failure> {
        self.checks.iter().find(|check| check.status == Status::Fail).and_then(|check| check.error.as_ref())
    }

    pub fn is_ok(&self) -> bool {
        self.checks.iter().all(|check| check.status != Status::Fail)
    }

    pub fn warnings(&self) -> impl Iterator<Item = &Failure> {
        self.checks.iter().filter(|check| check.status == Status::Warn).filter_map(|check| check.error.as_ref())
    }

    pub fn exit_code(&self) -> u8 {
        self.failure().map_or(0, Failure::exit_code)
    }

    /// What is remembered of this test.
    pub fn last_test(&self, at: DateTime<Utc>) -> LastTest {
        LastTest::of(at, self.failure().map(Failure::code))
    }
}

impl Run {
    /// Zero, the code of the one class that failed, or 12 for several.
    pub fn exit_code(&self) -> u8 {
        exit_code_of(self.reports.iter().filter_map(Report::failure))
    }
}
