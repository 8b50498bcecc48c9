//! How often a write is tried, and with which pauses.

use std::time::Duration;

use crate::base::backoff::Backoff;
use crate::base::time::Time;

/// The pauses between the tries of a write.
pub enum Repetitions {
    /// These, and then no more.
    After(std::slice::Iter<'static, Duration>),
    /// With backoff, until this much time has passed.
    Until(Duration, Backoff),
}

impl Repetitions {
    pub fn next(&mut self, time: &dyn Time) -> Option<Duration> {
        match self {
            Self::After(pauses) => pauses.next().copied(),
            Self::Until(end, backoff) => (time.elapsed() < *end).then(|| backoff.following_by(time.random())),
        }
    }
}
