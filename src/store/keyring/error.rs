//! Why a keyring did not do what it was asked, and what a person does about it.

use std::time::Duration;

use super::{KIND, platform};
use crate::base::code::Code;
use crate::base::error::{CauseRow, CausesOfCode, Failure};
use crate::base::shown::{Shown, Step, shown};
use crate::store::{StoreError, Trouble};

/// Why a keyring did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    #[error("{}", missing.message)]
    Unavailable { reason: String, missing: &'static Missing },
    #[error("the keyring is locked")]
    Locked,
    #[error("access to the keyring was denied")]
    Denied,
    #[error("the keyring did not respond within {} seconds", .0.as_secs_f64())]
    Timeout(Duration),
    #[error("the keyring has {count} items for {account}, where there should be one")]
    Ambiguous { account: String, count: usize },
    #[error("the keyring allows at most {limit} bytes per item, but this one has {size}")]
    TooLarge { size: usize, limit: usize },
}

/// What is missing where no keyring can be reached.
#[derive(Debug, PartialEq, Eq)]
pub struct Missing {
    pub message: &'static str,
    pub causes: &'static [CauseRow],
    pub step: &'static str,
}

impl KeyringError {
    /// Unavailable, and what is missing can only be guessed.
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self::Unavailable { reason: reason.into(), missing: &platform::KEYRING }
    }
}

impl From<KeyringError> for StoreError {
    fn from(error: KeyringError) -> Self {
        let trouble = if error == KeyringError::Locked { Trouble::Locked } else { Trouble::Failed };
        Self::new(KIND, trouble, error)
    }
}

impl From<KeyringError> for Failure {
    fn from(error: KeyringError) -> Self {
        let message = error.to_string();
        match error {
            KeyringError::Unavailable { reason, missing } => {
                let failure = Failure::new(Code::KeyringUnavailable, Shown::outside(message))
                    .why(Shown::outside(reason))
                    .causes(missing.causes)
                    .next(WITHOUT_KEYRING);
                IN_A_FILE.into_iter().fold(failure, Failure::next).next(missing.step)
            }
            KeyringError::Locked => Failure::new(Code::KeyringLocked, Shown::outside(message))
                .why("It needs its own password, and snow has no way to prompt for it here.")
                .next(platform::UNLOCK),
            KeyringError::Denied => Failure::new(Code::KeyringDenied, Shown::outside(message))
                .why("The access prompt was dismissed, or access is not allowed. Nothing was changed.")
                .next("Run the command again and allow access"),
            KeyringError::Timeout(timeout) => Failure::new(Code::KeyringTimeout, Shown::outside(message))
                .why("A window may be waiting for its password.")
                .next("Unlock the keyring and run the command again; set SNOW_KEYRING_TIMEOUT to wait longer")
                .evidence("waited_seconds", timeout.as_secs_f64()),
            KeyringError::Ambiguous { account, count } => Failure::new(Code::KeyringAmbiguous, Shown::outside(message))
                .why("Another program saved an item with the same service and user name. None of the items was used.")
                .next(shown!("Delete the item that does not belong to snow with {}", platform::PROGRAM))
                .next(Step::say("Or delete all of them and sign in again: ").and(platform::deletion_of(&account)))
                .evidence("items", count),
            KeyringError::TooLarge { size, limit } => Failure::new(Code::SecretTooLarge, Shown::outside(message))
                .why("Nothing was saved.")
                .next("Use a shorter secret")
                .evidence("size", size)
                .evidence("limit", limit),
        }
    }
}

/// What may be behind each code of a keyring.
pub fn causes() -> Vec<CausesOfCode> {
    platform::MISSING.iter().map(|missing| CausesOfCode::new(Code::KeyringUnavailable, missing.causes)).collect()
}

/// The way out for one command that needs no keyring.
const WITHOUT_KEYRING: &str = "Use the connection once without saving it: \
    set SNOW_INSTANCE, SNOW_USERNAME and SNOW_PASSWORD_FILE, then snow test";

/// The way out for a machine that has no keyring.
const IN_A_FILE: Option<&str> = if cfg!(feature = "file-store") {
    Some(
        "Save the secret in an encrypted file: snow connect … --store file \
        (with --force for a saved connection)",
    )
} else {
    None
};
