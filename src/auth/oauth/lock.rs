//! The kernel lock under which a session is renewed, and secrets are replaced, moved or deleted.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files::Lock;
use crate::base::shown::{Show, shown};

/// Longer than one renewal may take, its repetition included.
const TIMEOUT: Duration = Duration::from_secs(90);

/// Takes the lock at `path`, without blocking other tasks.
pub async fn acquire(path: PathBuf, name: impl Show) -> Result<Lock, Failure> {
    let locked = tokio::task::spawn_blocking(move || Lock::acquire(&path, TIMEOUT)).await;
    match locked.unwrap_or_else(|error| Err(io::Error::other(error))) {
        Ok(Some(lock)) => Ok(lock),
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
