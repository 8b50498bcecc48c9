//! The Secret Service over D-Bus.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::os::unix::fs::MetadataExt;
use std::sync::OnceLock;

use keyring::Error;
use keyring_core::Entry;
use secret_service::Error as ServiceError;
use secret_service::blocking::{Item, SecretService};
use zbus::DBusError;
use zbus::names::ErrorName;

use super::error::Missing;
use super::{Desktop, KeyringError, SERVICE, StoredItem};
use crate::base::error::Likelihood;
use crate::base::shown::{Shown, Step, shown};

/// The bytes that an item may have, where that is known.
pub const ITEM_LIMIT: Option<usize> = None;

/// Everything that may be missing.
pub static MISSING: &[&Missing] = &[&KEYRING, &COLLECTION, &OWN_BUS];
/// Nothing that is a keyring could be reached.
pub static KEYRING: Missing = Missing {
    message: "no keyring is available",
    causes: &[
        ("no-session-bus", Likelihood::High, "there is no D-Bus session bus, as in SSH, containers and CI"),
        (
            "no-service",
            Likelihood::Medium,
            "no Secret Service is running: gnome-keyring, KWallet and KeePassXC provide one",
        ),
    ],
    step: "Start a keyring: dbus-run-session, then gnome-keyring-daemon --unlock",
};
/// The service answers and has no place for new items.
static COLLECTION: Missing = Missing {
    message: "the keyring has no default collection yet",
    causes: &[(
        "no-collection",
        Likelihood::High,
        "this user has never signed in at a desktop, so the Secret Service has no default collection",
    )],
    step: "Create the collection: run gnome-keyring-daemon --unlock, then type a new password and Ctrl-D",
};
/// The bus is another user's, who alone may use it.
static OWN_BUS: Missing = Missing {
    message: "the D-Bus session bus belongs to another user",
    causes: &[(
        "other-user",
        Likelihood::High,
        "DBUS_SESSION_BUS_ADDRESS was inherited from another user, as after su or sudo",
    )],
    step: "Run the command as the user who is signed in, or unset DBUS_SESSION_BUS_ADDRESS and use dbus-run-session",
};
pub const UNLOCK: &str =
    "Unlock the keyring (sign in to the desktop, or gnome-keyring-daemon --unlock), then run the command again";
/// A program that shows what is in it.
pub const PROGRAM: &str = "your keyring program, such as Seahorse";

pub fn deletion_of(account: &str) -> Step {
    shown!("secret-tool clear service snow username {}", Shown::outside(account)).into()
}

pub fn entry(account: &str) -> Result<Entry, Error> {
    Entry::new(SERVICE, account)
}

/// An item whose path is known, and a second session with the service.
pub struct Found(Item<'static>);

impl Found {
    /// Whether the service took the content, in one call.
    pub fn set(&self, content: &[u8]) -> bool {
        self.0.set_secret(content, "application/octet-stream").is_ok()
    }
}

/// The unlocked item of an account. The keyring crate looks it up before each write, and
/// the answer to a refresh cannot wait for that.
pub fn find(account: &str) -> Option<Found> {
    static SERVICE_OF_RUN: OnceLock<Option<SecretService<'static>>> = OnceLock::new();
    let connect = || SecretService::connect(secret_service::EncryptionType::Dh).ok();
    let service = SERVICE_OF_RUN.get_or_init(connect).as_ref()?;
    let found = service.search_items(HashMap::from([("service", SERVICE), ("username", account)])).ok()?;
    let [item] = <[_; 1]>::try_from(found.unlocked).ok()?;
    found.locked.is_empty().then_some(Found(item))
}

/// The items under our service. The keyring crate's own search unlocks
/// what it finds; this one asks no questions.
pub fn inventory(desktop: &Desktop) -> Result<Option<Vec<StoredItem>>, KeyringError> {
    let desktop = Desktop { has_display: true, ..desktop.clone() };
    list().map_err(|error| tell_apart(&error, &desktop))
}

fn list() -> Result<Option<Vec<StoredItem>>, ServiceError> {
    let service = SecretService::connect(secret_service::EncryptionType::Plain)?;
    if service.get_default_collection()?.is_locked()? {
        return Err(ServiceError::Locked);
    }
    let found = service.search_items(HashMap::from([("service", SERVICE)]))?;
    let locked = found.locked.iter().map(|item| (item, true));
    let mut items = Vec::new();
    for (item, is_locked) in found.unlocked.iter().map(|item| (item, false)).chain(locked) {
        let account = item.get_attributes()?.remove("username").unwrap_or_default();
        items.push(StoredItem { account, is_locked });
    }
    items.sort();
    Ok(Some(items))
}

/// Connects anew, for this and all later calls.
pub fn reconnect() -> Result<(), Error> {
    let store = zbus_secret_service_keyring_store::Store::new()?;
    keyring_core::set_default_store(store);
    Ok(())
}

/// Whether the daemon or the bus went away under an open connection.
pub fn is_disconnected(error: &Error) -> bool {
    let (Error::PlatformFailure(cause) | Error::NoStorageAccess(cause)) = error else {
        return false;
    };
    let Some(error) = cause.downcast_ref::<ServiceError>() else {
        return false;
    };
    if let Some(name) = name_of(error) {
        return is_gone(name.as_str());
    }
    matches!(
        error,
        ServiceError::PromptDisconnected
            | ServiceError::Zbus(zbus::Error::InputOutput(_))
            | ServiceError::ZbusFdo(zbus::fdo::Error::ZBus(zbus::Error::InputOutput(_)))
    )
}

/// What the Secret Service said, by what a person would do.
pub fn tell_apart(cause: &(dyn StdError + Send + Sync + 'static), desktop: &Desktop) -> KeyringError {
    let unavailable = |reason: &str| KeyringError::unavailable(reason);
    match cause.downcast_ref::<ServiceError>() {
        Some(ServiceError::Locked) => KeyringError::Locked,
        // A dismissed prompt looks the same whether a person closed it or
        // nothing could show it. A collection that is locked with no
        // display at hand was never shown.
        Some(ServiceError::Prompt) => {
            if !desktop.has_display && is_default_locked() {
                KeyringError::Locked
            } else {
                KeyringError::Denied
            }
        }
        Some(ServiceError::NoResult) => {
            let reason = "The keyring has no default collection yet: create one first.".to_owned();
            KeyringError::Unavailable { reason, missing: &COLLECTION }
        }
        Some(ServiceError::Unavailable) => without_bus(desktop, "There is no D-Bus session bus, or no keyring on it."),
        Some(ServiceError::PromptDisconnected) => unavailable("It stopped while it was prompting for its password."),
        Some(ServiceError::Crypto(_)) => unavailable("The encrypted transport could not be negotiated."),
        Some(error) => match name_of(error) {
            Some(name) => tell_name_apart(name.as_str()),
            None => without_bus(desktop, "The D-Bus session bus does not work."),
        },
        None => unavailable("The Secret Service failed without a known reason."),
    }
}

/// No keyring, and what the address of the bus tells of the reason.
fn without_bus(desktop: &Desktop, reason: &str) -> KeyringError {
    let bus = desktop.bus.as_deref().unwrap_or_default();
    let owner = || {
        let path = bus.strip_prefix("unix:path=")?.split(',').next()?;
        Some(std::fs::metadata(path).ok()?.uid())
    };
    let missing = match owner() {
        Some(uid) if uid != rustix::process::geteuid().as_raw() => &OWN_BUS,
        _ => &KEYRING,
    };
    KeyringError::Unavailable { reason: reason.to_owned(), missing }
}

fn tell_name_apart(name: &str) -> KeyringError {
    let reason = match name {
        "org.freedesktop.Secret.Error.IsLocked" => return KeyringError::Locked,
        "org.freedesktop.DBus.Error.AccessDenied" => return KeyringError::Denied,
        "org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner" => {
            "No Secret Service is running on the D-Bus session bus."
        }
        "org.freedesktop.DBus.Error.NoReply" | "org.freedesktop.DBus.Error.Disconnected" => {
            "The Secret Service stopped before it responded."
        }
        _ if name.starts_with("org.freedesktop.DBus.Error.Spawn") => "The Secret Service could not be started.",
        _ => "The Secret Service returned an error.",
    };
    KeyringError::unavailable(reason)
}

/// The D-Bus name of an error. What stands beside it could quote anything.
fn name_of(error: &ServiceError) -> Option<ErrorName<'_>> {
    match error {
        ServiceError::Zbus(zbus::Error::MethodError(name, ..))
        | ServiceError::ZbusFdo(zbus::fdo::Error::ZBus(zbus::Error::MethodError(name, ..))) => Some(name.as_ref()),
        ServiceError::ZbusFdo(zbus::fdo::Error::ZBus(_)) => None,
        ServiceError::Zbus(zbus::Error::FDO(error)) => Some(error.name()),
        ServiceError::ZbusFdo(error) => Some(error.name()),
        _ => None,
    }
}

fn is_gone(name: &str) -> bool {
    matches!(
        name,
        "org.freedesktop.DBus.Error.NoReply"
            | "org.freedesktop.DBus.Error.Disconnected"
            | "org.freedesktop.DBus.Error.UnknownObject"
            | "org.freedesktop.DBus.Error.UnknownMethod"
            | "org.freedesktop.Secret.Error.NoSession"
            | "org.freedesktop.Secret.Error.NoSuchObject"
    )
}

fn is_default_locked() -> bool {
    let connected = SecretService::connect(secret_service::EncryptionType::Plain);
    let Ok(service) = connected else { return true };
    let Ok(collection) = service.get_default_collection() else { return true };
    collection.is_locked().unwrap_or(true)
}
