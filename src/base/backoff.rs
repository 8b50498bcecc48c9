//! Exponential backoff with jitter.

use std::time::Duration;

use crate::base::time::random;

/// The waits between attempts: each twice the one before it, up to a longest,
/// and a quarter more or less, so that many who wait do not ask together.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    pub fn between(first: Duration, longest: Duration) -> Self {
        Self { next: first, longest }
    }

    /// Between attempts of one request.
    pub fn of_requests() -> Self {
        Self::between(Duration::from_millis(500), Duration::from_secs(10))
    }

    /// While an instance wakes up or restarts, which takes minutes.
    pub fn of_waiting() -> Self {
        Self::between(Duration::from_millis(500), Duration::from_secs(15))
    }

    /// The wait that follows.
    pub fn following(&mut self) -> Duration {
        self.following_by(random())
    }

    /// The wait that follows, its jitter from a random number.
    pub fn following_by(&mut self, random: u64) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.longest);
        wait * 3 / 4 + fraction(wait / 2, random)
    }
}

/// A random part of a duration.
pub fn fraction(whole: Duration, random: u64) -> Duration {
    whole.mul_f64(random as f64 / u64::MAX as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut backoff = Backoff::of_requests();
        for expected in [500, 1000, 2000, 4000, 8000, 10_000, 10_000] {
            let wait = backoff.following().as_millis();
            assert!((expected * 3 / 4..=expected * 5 / 4 + 1).contains(&wait), "{wait} for {expected}");
        }
    }

    #[test]
    fn a_wait_is_spread_by_a_quarter() {
        let second = Duration::from_secs(1);
        let wait = |random| Backoff::between(second, second).following_by(random);
        assert_eq!(wait(0), Duration::from_millis(750));
        assert_eq!(wait(u64::MAX), Duration::from_millis(1250));
    }
}
