//! What a test found, made into the report of a connection.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::trial::skipped;
use crate::base::error::Failure;
use crate::check::ladder::Findings;
use crate::check::report::{Check, CheckId, Identity, Report};
use crate::cli::commands::app::App;
use crate::engine::Token;
use crate::model::profile::Profile;

/// The checks of one connection, however far they came.
pub struct Found {
    pub checks: Vec<Check>,
    pub token: Option<Token>,
    pub identity: Option<Identity>,
    pub certificate_ends: Option<DateTime<Utc>>,
    pub latency: Option<Duration>,
}

impl From<Vec<Check>> for Found {
    fn from(checks: Vec<Check>) -> Self {
        Self { checks, token: None, identity: None, certificate_ends: None, latency: None }
    }
}

impl Found {
    /// What was found at the instance, after the checks on this machine.
    pub fn after(mut checks: Vec<Check>, findings: Findings) -> Self {
        checks.extend(findings.checks);
        let Findings { token, identity, certificate_ends, latency, .. } = findings;
        Self { checks, token, identity, certificate_ends, latency }
    }

    /// A sign-in that gave no token.
    pub fn not_signed_in(failure: Failure) -> Self {
        let mut checks = vec![Check::pass(CheckId::ConfigConnection), Check::pass(CheckId::StoreSecret)];
        checks.extend(skipped());
        let at = checks.iter().position(|check| check.id == CheckId::AuthRequest).unwrap_or(checks.len());
        checks.insert(at, Check::fail(CheckId::AuthToken, failure));
        checks.into()
    }

    /// As above, where the secret was just entered: connection and store stand.
    pub fn just_entered(findings: Findings) -> Self {
        Self::after(vec![Check::pass(CheckId::ConfigConnection), Check::pass(CheckId::StoreSecret)], findings)
    }
}

/// The report of a saved connection.
pub fn report_of(app: &App, profile: &Profile, found: Found, duration: Duration) -> Report {
    Report {
        name: profile.name.to_string(),
        id: Some(profile.id),
        instance: profile.instance.to_string(),
        auth: profile.auth.as_str(),
        store: profile.store.as_str(),
        token: found.token,
        identity: found.identity,
        certificate_ends: found.certificate_ends,
        tested_at: app.now(),
        duration,
        checks: found.checks,
        strict: None,
        latency: found.latency,
        changes: Vec::new(),
        not_tested: None,
    }
}
