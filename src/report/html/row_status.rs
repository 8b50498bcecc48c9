//! How one connection stands, as a class, a sign and a word: never by colour
//! alone.

use crate::check::report::{Report, Verdict};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Passed,
    /// It works, with warnings.
    Warned,
    Failed,
    NotTested,
}

impl Standing {
    pub fn of(report: &Report) -> Self {
        match report.verdict() {
            Verdict::Failed(_) => Self::Failed,
            Verdict::NotTested(_) => Self::NotTested,
            Verdict::Passed if report.warnings().next().is_some() => Self::Warned,
            Verdict::Passed => Self::Passed,
        }
    }

    /// What works with warnings passed all the same.
    pub fn class(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Warned => "passed warned",
            Self::Failed => "failed",
            Self::NotTested => "not-tested",
        }
    }

    pub fn sign(self) -> &'static str {
        match self {
            Self::Passed => "\u{2713}",
            Self::Warned => "!",
            Self::Failed => "\u{2717}",
            Self::NotTested => "\u{2013}",
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Warned => "passed with warnings",
            Self::Failed => "failed",
            Self::NotTested => "not tested",
        }
    }
}
