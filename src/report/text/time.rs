//! Times and how long things take, as people say them.

use chrono::{DateTime, Utc};

pub use crate::base::duration::took;
use crate::base::duration::{self, span};

/// How long it is until then: `40 s`, `29 min`, `5 h`, `3 days`
pub fn until(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    span(then - now)
}

/// `just now`, `5 min ago`, `2 h ago`, `3 days ago`
pub fn ago(now: DateTime<Utc>, then: DateTime<Utc>) -> String {
    duration::ago(now - then)
}
