//! What a pipeline demands of a connection that works.
//!
//! An expectation that does not hold is a failure of class assertion. Without
//! one the same finding is a warning, or nothing at all.

use std::time::Duration;

use super::report::{Check, CheckId, Status};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, shown};
use crate::model::user_name::UserName;

/// What is demanded of a test, beside that it passes.
#[derive(Debug, Clone, Default)]
pub struct Expectations {
    /// Who must be signed in.
    pub user: Option<UserName>,
    /// How long the first request may take.
    pub max_latency: Option<Duration>,
    /// Whether a warning is a failure.
    pub strict: bool,
}

impl Expectations {
    /// Judges the time of the first request: from when it was sent on a
    /// connection that stood to the end of its answer. Opening the connection
    /// (DNS, TCP, TLS) is not in it: it has its own checks, and a program
    /// that keeps its connection pays for it once.
    pub fn latency_check(&self, first_request: Option<Duration>) -> Option<Check> {
        let limit = self.max_latency?;
        let Some(latency) = first_request else {
            return Some(Check::skip(CheckId::QualityLatency));
        };
        let check = if latency <= limit {
            Check::pass(CheckId::QualityLatency)
        } else {
            Check::fail(CheckId::QualityLatency, too_slow(latency, limit))
        };
        Some(check.taking(Some(latency)))
    }

    /// What is made of warnings where nothing failed.
    pub fn verdict_on_warnings(&self, checks: &[Check]) -> Option<Failure> {
        let warnings: Vec<&Failure> = checks
            .iter()
            .filter(|check| check.status == Status::Warn)
            .filter_map(|check| check.error.as_ref())
            .collect();
        if !self.strict || warnings.is_empty() || checks.iter().any(|check| check.status == Status::Fail) {
            return None;
        }
        let codes: Vec<&'static str> = warnings.iter().map(|warning| warning.code().as_str()).collect();
        let message = match codes.as_slice() {
            [one] => shown!("the connection works, with a warning: {}", *one),
            several => shown!("the connection works, with {} warnings: {}", several.len(), Shown::list(several, ", ")),
        };
        Some(
            Failure::new(Code::Warnings, message)
                .why("With --strict, a warning is a failure.")
                .next("Fix the warnings below, or leave out --strict")
                .evidence("warnings", codes.into_iter().map(Shown::from).collect::<Vec<_>>()),
        )
    }
}

fn too_slow(latency: Duration, limit: Duration) -> Failure {
    let (is, may) = (latency.as_millis(), limit.as_millis());
    Failure::new(Code::LatencyExceeded, shown!("the first request took {} ms, but --max-latency allows {} ms", is, may))
        .why("This is the time of the first request only, without opening the connection (DNS, TCP, TLS).")
        .next("Run the test again; if the error persists, raise --max-latency or ask the people who run the instance")
        .evidence("latency_ms", u64::try_from(latency.as_millis()).unwrap_or(u64::MAX))
        .evidence("max_latency_ms", u64::try_from(limit.as_millis()).unwrap_or(u64::MAX))
}
