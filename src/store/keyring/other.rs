//! Keychain Services and the Credential Manager: their errors carry
//! numbers, and what a person does about them is the same.

use std::error::Error as StdError;

use keyring::Error;

use super::{KeyringError, StoredItem};

/// Neither says what it holds without the right to read each item.
pub fn inventory() -> Result<Option<Vec<StoredItem>>, KeyringError> {
    Ok(None)
}

pub fn reconnect() -> Result<(), Error> {
    Err(Error::NoDefaultStore)
}

pub fn is_disconnected(_: &Error) -> bool {
    false
}

pub fn tell_apart(cause: &(dyn StdError + Send + Sync + 'static), _: bool) -> KeyringError {
    let reason = cause.to_string();
    // errSecAuthFailed, errSecUserCanceled; errSecInteractionNotAllowed.
    if reason.contains("-25293") || reason.contains("-128") {
        KeyringError::Denied
    } else if reason.contains("-25308") {
        KeyringError::Locked
    } else {
        KeyringError::Unavailable { reason }
    }
}
