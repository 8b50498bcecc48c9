//! Programs that are waited for. If this process is ended, they are ended with it: what
//! they print has no reader then.

use std::sync::{Mutex, PoisonError};

static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// A program that leads its own process group. When this is dropped, the group is ended.
#[must_use]
pub struct Child(u32);

impl Child {
    /// `id` is that of the process, whose end was not waited for yet.
    pub fn new(id: u32) -> Self {
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).push(id);
        Self(id)
    }

    /// It ended, and its id may be another's from here on.
    pub fn has_ended(self) {
        self.forget();
        std::mem::forget(self);
    }

    fn forget(&self) {
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).retain(|id| *id != self.0);
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.forget();
        end(self.0);
    }
}

/// Ends every program that is waited for.
pub fn end_all() {
    for id in std::mem::take(&mut *RUNNING.lock().unwrap_or_else(PoisonError::into_inner)) {
        end(id);
    }
}

#[cfg(unix)]
fn end(id: u32) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(group) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// There tokio ends the process itself, when it is dropped.
#[cfg(not(unix))]
fn end(_: u32) {}
