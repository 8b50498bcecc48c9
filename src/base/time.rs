//! Times as documents show them; and time and chance as values, so that a test can
//! say what they are.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};
use uuid::Uuid;

/// RFC 3339 in UTC, to the second.
pub fn timestamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A time: RFC 3339 in UTC, to the second.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
pub struct Timestamp(pub DateTime<Utc>);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&timestamp(self.0))
    }
}

/// A random number. Its high bits are random; the version of a UUID is in the low ones.
pub fn random() -> u64 {
    Uuid::new_v4().as_u64_pair().0
}

#[async_trait]
pub trait Time: Send + Sync {
    /// What the clock of this machine shows. It can be set while one looks.
    fn now(&self) -> DateTime<Utc>;

    /// How long this has been going on: never backwards.
    fn elapsed(&self) -> Duration;

    async fn sleep(&self, time: Duration);

    /// Any number, another one each time.
    fn random(&self) -> u64;
}

/// Of this machine, whose clock may be given.
pub struct SystemTime {
    clock: fn() -> DateTime<Utc>,
    started: Instant,
}

impl SystemTime {
    pub fn new(clock: fn() -> DateTime<Utc>) -> Self {
        Self { clock, started: Instant::now() }
    }
}

#[async_trait]
impl Time for SystemTime {
    fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn random(&self) -> u64 {
        random()
    }
}
