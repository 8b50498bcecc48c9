//! How long to leave an instance alone before it is asked again.

use std::time::Duration;

use uuid::Uuid;

/// The waits between attempts: each twice the one before it, up to a longest,
/// and a quarter more or less, so that many who wait do not ask together.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    /// Between attempts of one request.
    pub fn of_requests() -> Self {
        Self { next: Duration::from_millis(500), longest: Duration::from_secs(10) }
    }

    /// While an instance wakes up or restarts, which takes minutes.
    pub fn of_waiting() -> Self {
        Self { next: Duration::from_millis(500), longest: Duration::from_secs(15) }
    }

    /// The wait that follows.
    pub fn following(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(self.longest);
        spread(wait, Uuid::new_v4().as_bytes()[0])
    }
}

/// `wait`, a quarter more or less, as `random` has it.
fn spread(wait: Duration, random: u8) -> Duration {
    wait.mul_f64(0.75 + f64::from(random) / f64::from(u8::MAX) / 2.0)
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
        assert_eq!(spread(second, 0), Duration::from_millis(750));
        assert_eq!(spread(second, u8::MAX), Duration::from_millis(1250));
    }
}
