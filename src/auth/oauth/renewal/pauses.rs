//! How long to wait before the next try, and how often.

use std::time::Duration;

use crate::base::time::Time;

/// The pauses between the tries of a write.
pub enum Repetitions {
    /// After each of these.
    After(std::slice::Iter<'static, Duration>),
    /// Until this much time has gone by.
    Until(Duration, Pauses),
}

impl Repetitions {
    pub fn next(&mut self, time: &dyn Time) -> Option<Duration> {
        match self {
            Self::After(pauses) => pauses.next().copied(),
            Self::Until(end, pauses) => (time.elapsed() < *end).then(|| pauses.next(time)),
        }
    }
}

/// Pauses that grow, each of another length.
pub struct Pauses {
    following: Duration,
    longest: Duration,
}

impl Pauses {
    pub fn between((shortest, longest): (Duration, Duration)) -> Self {
        Self { following: shortest, longest }
    }

    pub fn next(&mut self, time: &dyn Time) -> Duration {
        let pause = self.following;
        self.following = (pause * 2).min(self.longest);
        pause / 2 + fraction(pause / 2, time.random())
    }
}

/// A random part of a duration.
pub fn fraction(whole: Duration, random: u64) -> Duration {
    whole.mul_f64((random >> 11) as f64 / (1_u64 << 53) as f64)
}
