//! The lock under which a session is renewed, and secrets are replaced, moved or deleted: by
//! one process of this machine at a time.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files::Lock;
use crate::base::shown::{Show, shown};

/// Longer than one renewal may take, its repetition included.
const TIMEOUT: Duration = Duration::from_secs(90);

/// The right of one process, until it is dropped.
pub type Held = Box<dyn Send>;

#[async_trait]
pub trait SessionLock: Send + Sync {
    /// Waits up to `timeout`; `None` means another process still held it then.
    async fn acquire(&self, timeout: Duration) -> io::Result<Option<Held>>;
}

/// A file that the kernel locks.
pub struct KernelLock(pub PathBuf);

#[async_trait]
impl SessionLock for KernelLock {
    async fn acquire(&self, timeout: Duration) -> io::Result<Option<Held>> {
        let path = self.0.clone();
        // Without blocking other tasks.
        let locked = tokio::task::spawn_blocking(move || Lock::acquire(&path, timeout)).await;
        let lock = locked.unwrap_or_else(|error| Err(io::Error::other(error)))?;
        Ok(lock.map(|lock| Box::new(lock) as Held))
    }
}

/// Takes the lock, for the secrets of `name`.
pub async fn acquire(lock: &dyn SessionLock, name: impl Show) -> Result<Held, Failure> {
    match lock.acquire(TIMEOUT).await {
        Ok(Some(held)) => Ok(held),
        Ok(None) => Err(Failure::new(
            Code::StoreBusy,
            shown!("another snow process has been using the session of {} for too long", name),
        )
        .why("Only one process at a time can refresh or replace it. Nothing was sent.")
        .next("Run the command again")
        .evidence("waited_seconds", TIMEOUT.as_secs())),
        Err(error) => Err(Failure::new(Code::StoreBusy, shown!("could not lock the session of {}: {}", name, error))
            .why("Without the lock, two processes could use the same refresh token. Nothing was sent.")
            .next("Check the state directory, or set SNOW_STATE_DIR to a writable one")),
    }
}
