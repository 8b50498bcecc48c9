//! Keychain Services of macOS and the Credential Manager of Windows.

use std::collections::HashMap;
use std::error::Error as StdError;

use keyring::Error;
use keyring_core::Entry;

use super::error::Missing;
use super::{Desktop, KeyringError, SERVICE, StoredItem};
use crate::base::error::CauseRow;
use crate::base::error::Likelihood::{High, Medium};
use crate::base::shown::{Shown, Step, shown};

/// The bytes that an item may have, where that is known. Windows:
/// `CRED_MAX_CREDENTIAL_BLOB_SIZE`.
pub const ITEM_LIMIT: Option<usize> = if cfg!(windows) { Some(5 * 512) } else { None };

/// What is missing where no keyring can be reached.
pub static KEYRING: Missing = Missing { message: "no keyring is available", causes: UNAVAILABLE, step: START };
pub static MISSING: &[&Missing] = &[&KEYRING];
const UNAVAILABLE: &[CauseRow] = if cfg!(windows) {
    &[
        (
            "no-logon-session",
            High,
            "this session has no Credential Manager, as in SSH sessions with a key and some services",
        ),
        ("no-service", Medium, "the Credential Manager service (VaultSvc) is stopped or disabled"),
    ]
} else {
    &[
        ("no-keychain", High, "this session cannot use the login keychain, as in SSH sessions and some services"),
        ("no-default-keychain", Medium, "there is no default keychain"),
    ]
};
const START: &str = if cfg!(windows) {
    "Start the Credential Manager: sc.exe start VaultSvc"
} else {
    "Unlock the login keychain: security unlock-keychain"
};
pub const UNLOCK: &str = if cfg!(windows) {
    "Sign in to Windows at the desktop, then run the command again"
} else {
    "Unlock the login keychain (security unlock-keychain), then run the command again"
};
/// A program that shows what is in it.
pub const PROGRAM: &str = if cfg!(windows) { "Credential Manager, in the Control Panel" } else { "Keychain Access" };

pub fn deletion_of(account: &str) -> Step {
    let account = Shown::outside(account);
    if cfg!(windows) {
        shown!("cmdkey /delete:{}.{}", account, SERVICE).into()
    } else {
        shown!("security delete-generic-password -s {} -a {}", SERVICE, account).into()
    }
}

pub fn entry(account: &str) -> Result<Entry, Error> {
    if cfg!(windows) {
        // Not on other machines of the same user: a lock of this machine is what
        // keeps two renewals of a session apart.
        Entry::new_with_modifiers(SERVICE, account, &HashMap::from([("persistence", "Local")]))
    } else {
        Entry::new(SERVICE, account)
    }
}

/// A write of theirs is one call as it is: there is nothing to look up before.
pub enum Found {}

impl Found {
    pub fn set(&self, _: &[u8]) -> bool {
        match *self {}
    }
}

pub fn find(_: &str) -> Option<Found> {
    None
}

/// Neither says what it holds without the right to read each item.
pub fn inventory(_: &Desktop) -> Result<Option<Vec<StoredItem>>, KeyringError> {
    Ok(None)
}

pub fn reconnect() -> Result<(), Error> {
    Err(Error::NoDefaultStore)
}

pub fn is_disconnected(_: &Error) -> bool {
    false
}

pub fn tell_apart(cause: &(dyn StdError + Send + Sync + 'static), _: &Desktop) -> KeyringError {
    let reason = cause.to_string();
    // errSecAuthFailed, errSecUserCanceled; errSecInteractionNotAllowed.
    if reason.contains("-25293") || reason.contains("-128") {
        KeyringError::Denied
    } else if reason.contains("-25308") {
        KeyringError::Locked
    } else {
        KeyringError::unavailable(reason)
    }
}
