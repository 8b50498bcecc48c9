//! Holding signals up while something is under way that must not be interrupted.
//! Who ends the process on a signal asks here first.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// How many hold signals up, and whether one is waiting.
static DEFERRAL: Mutex<(usize, bool)> = Mutex::new((0, false));
static RELEASED: Notify = Notify::const_new();

/// Whether something is under way that must not be interrupted.
pub fn is_deferred() -> bool {
    with_deferral(|(held, _)| *held > 0)
}

/// While it lives, the first signal waits for its end, for five seconds at
/// most; the second ends the process at once.
#[must_use]
pub struct Deferral(());

/// Holds signals up: what is under way must not be interrupted.
pub fn defer() -> Deferral {
    with_deferral(|(held, _)| *held += 1);
    Deferral(())
}

impl Drop for Deferral {
    fn drop(&mut self) {
        let is_over = with_deferral(|(held, waiting)| {
            *held -= 1;
            *held == 0 && *waiting
        });
        if is_over {
            RELEASED.notify_one();
            // The process ends on the other thread, and not one step further here.
            loop {
                std::thread::park();
            }
        }
    }
}

fn with_deferral<T>(change: impl FnOnce(&mut (usize, bool)) -> T) -> T {
    change(&mut DEFERRAL.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Whether something is held up; if so, what waits is woken at its end.
pub fn wait_is_needed() -> bool {
    with_deferral(|(held, waiting)| {
        *waiting = *held > 0;
        *waiting
    })
}

/// Waits until nothing holds signals up any more.
pub async fn released() {
    RELEASED.notified().await;
}
