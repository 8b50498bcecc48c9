//! What a command has changed so far: the one thing to know when it is cancelled.

use std::sync::{Arc, Mutex, PoisonError};

use crate::base::error::Failure;
use crate::base::shown::Shown;

/// A sentence about what was changed. Clones share it, so that a signal can tell it.
#[derive(Clone, Default)]
pub struct Changes(Arc<Mutex<Option<Shown>>>);

impl Changes {
    /// From now on this is true, in a sentence with its full stop.
    pub fn are(&self, sentence: impl Into<Shown>) {
        self.set(Some(sentence.into()));
    }

    /// What was changed was taken back.
    pub fn taken_back(&self) {
        self.set(None);
    }

    fn set(&self, sentence: Option<Shown>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = sentence;
    }

    fn sentence(&self) -> Shown {
        let changed = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        changed.unwrap_or_else(|| "Nothing was changed.".into())
    }

    /// The failure of a cancelled command, with what it has changed.
    pub fn told_by(&self, cancelled: Failure) -> Failure {
        cancelled.why(self.sentence())
    }

    /// The line that every cancelled command ends with.
    pub fn ending(&self) -> String {
        format!("Cancelled. {}", self.sentence())
    }
}
