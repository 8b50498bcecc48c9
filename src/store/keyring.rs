//! The keyring of the operating system, with a deadline on every call.
//!
//! A locked keyring may wait for a person for ever, and a call cannot be
//! taken back. So one thread of ours owns the keyring and does one call at a
//! time; whoever waits for it stops waiting at the deadline, asks no more, and
//! the process ends without the thread. Foreign errors are told apart here
//! and never formatted with `{:?}`: they can hold the secret.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use keyring::Error;
use zeroize::Zeroizing;

use super::{CredentialStore, ItemKey, StoreError, StoredItem};
use crate::base::secret::Secret;
use crate::model::profile::StoreKind;

/// The service under which all items are filed.
const SERVICE: &str = "snow";
/// From here on a person would wonder what is going on.
const NOTICEABLE: Duration = Duration::from_secs(1);

/// Tells a person that the keyring is being waited for.
pub type Notice = Box<dyn Fn() + Send + Sync>;

pub struct KeyringStore {
    patience: Duration,
    /// Whether a window could ask somebody to unlock the keyring.
    has_display: bool,
    notice: Option<Notice>,
    worker: Mutex<Worker>,
}

enum Worker {
    NotStarted,
    Running(Sender<Call>),
    /// A call ran into the deadline: the keyring is not asked again.
    Stuck,
}

struct Call {
    request: Request,
    answer: Sender<Result<Answer, StoreError>>,
}

enum Request {
    Read(ItemKey),
    Write(ItemKey, Secret),
    Delete(ItemKey),
    Inventory,
}

enum Answer {
    Record(Option<Secret>),
    Done,
    Items(Option<Vec<StoredItem>>),
}

impl KeyringStore {
    /// A store that waits at most `patience` for each call, and gives `notice`
    /// where the wait becomes noticeable. Nothing is opened before the first
    /// call.
    pub fn new(patience: Duration, has_display: bool, notice: Option<Notice>) -> Self {
        Self { patience, has_display, notice, worker: Mutex::new(Worker::NotStarted) }
    }

    fn call(&self, request: Request) -> Result<Answer, StoreError> {
        let mut worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*worker, Worker::NotStarted) {
            let (sender, receiver) = channel();
            let has_display = self.has_display;
            thread::Builder::new()
                .name("keyring".to_owned())
                .spawn(move || serve(&receiver, has_display))
                .map_err(|error| StoreError::Unavailable { reason: error.to_string() })?;
            *worker = Worker::Running(sender);
        }
        let Worker::Running(sender) = &*worker else {
            return Err(StoreError::Timeout(self.patience));
        };
        let (answer, answered) = channel();
        let gone = || StoreError::Unavailable { reason: "The thread that speaks to it ended.".to_owned() };
        tracing::debug!("keyring: {} {}", request.name(), request.account());
        sender.send(Call { request, answer }).map_err(|_| gone())?;
        match self.wait(&answered) {
            Ok(result) => result,
            Err(RecvTimeoutError::Disconnected) => Err(gone()),
            Err(RecvTimeoutError::Timeout) => {
                *worker = Worker::Stuck;
                Err(StoreError::Timeout(self.patience))
            }
        }
    }

    fn wait<T>(&self, answered: &Receiver<T>) -> Result<T, RecvTimeoutError> {
        let Some(notice) = self.notice.as_ref().filter(|_| self.patience > NOTICEABLE) else {
            return answered.recv_timeout(self.patience);
        };
        answered.recv_timeout(NOTICEABLE).or_else(|error| match error {
            RecvTimeoutError::Disconnected => Err(error),
            RecvTimeoutError::Timeout => {
                notice();
                answered.recv_timeout(self.patience - NOTICEABLE)
            }
        })
    }
}

impl Request {
    fn name(&self) -> &'static str {
        match self {
            Self::Read(_) => "read",
            Self::Write(..) => "write",
            Self::Delete(_) => "delete",
            Self::Inventory => "list",
        }
    }

    fn account(&self) -> String {
        match self {
            Self::Read(key) | Self::Write(key, _) | Self::Delete(key) => key.account(),
            Self::Inventory => "all items".to_owned(),
        }
    }
}

impl CredentialStore for KeyringStore {
    fn kind(&self) -> StoreKind {
        StoreKind::Keyring
    }

    fn read(&self, key: ItemKey) -> Result<Option<Secret>, StoreError> {
        match self.call(Request::Read(key))? {
            Answer::Record(record) => Ok(record),
            Answer::Done | Answer::Items(_) => unreachable!("a reading is answered with a record"),
        }
    }

    fn write(&self, key: ItemKey, record: &Secret) -> Result<(), StoreError> {
        self.call(Request::Write(key, record.clone())).map(drop)
    }

    fn delete(&self, key: ItemKey) -> Result<(), StoreError> {
        self.call(Request::Delete(key)).map(drop)
    }

    fn inventory(&self) -> Result<Option<Vec<StoredItem>>, StoreError> {
        match self.call(Request::Inventory)? {
            Answer::Items(items) => Ok(items),
            Answer::Done | Answer::Record(_) => unreachable!("an inventory is answered with items"),
        }
    }
}

fn serve(calls: &Receiver<Call>, has_display: bool) {
    while let Ok(call) = calls.recv() {
        let result = match &call.request {
            Request::Inventory => platform::inventory().map(Answer::Items),
            Request::Read(key) | Request::Write(key, _) | Request::Delete(key) => {
                let result = perform(*key, &call.request).or_else(|error| {
                    // A daemon that was restarted leaves a dead connection
                    // behind: one new connection is tried. Anything else stands.
                    match platform::is_disconnected(&error) {
                        true => platform::reconnect().and_then(|()| perform(*key, &call.request)),
                        false => Err(error),
                    }
                });
                result.map_err(|error| tell_apart(error, &call.request, has_display))
            }
        };
        // Nobody waits any more after the deadline.
        let _ = call.answer.send(result);
    }
}

fn perform(key: ItemKey, request: &Request) -> Result<Answer, Error> {
    let account = key.account();
    if let Err(Error::NoDefaultStore) = keyring::Entry::new(SERVICE, &account).map(drop) {
        // The facade tries once in a process and keeps the reason to itself.
        platform::reconnect()?;
    }
    let entry = keyring_core::Entry::new(SERVICE, &account)?;
    match request {
        // Windows counts a password in UTF-16, so bytes go further there.
        Request::Write(_, record) => entry.set_secret(record.expose().as_bytes()).map(|()| Answer::Done),
        Request::Delete(_) => match entry.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(Answer::Done),
            Err(error) => Err(error),
        },
        Request::Inventory => unreachable!("an inventory is of no one item"),
        Request::Read(_) => match entry.get_secret() {
            Ok(bytes) => {
                let bytes = Zeroizing::new(bytes);
                // A record that is no text is answered as an unreadable one:
                // the marker fails to parse.
                let text = std::str::from_utf8(&bytes).unwrap_or("?");
                let unreadable = || Secret::derived("?".to_owned());
                Ok(Answer::Record(Secret::derived(text.to_owned()).or_else(|_| unreadable()).ok()))
            }
            Err(Error::NoEntry) => Ok(Answer::Record(None)),
            Err(error) => Err(error),
        },
    }
}

fn tell_apart(error: Error, request: &Request, has_display: bool) -> StoreError {
    let unavailable = |reason: &str| StoreError::Unavailable { reason: reason.to_owned() };
    match error {
        Error::PlatformFailure(cause) | Error::NoStorageAccess(cause) => {
            platform::tell_apart(cause.as_ref(), has_display)
        }
        Error::Ambiguous(entries) => StoreError::Ambiguous { account: request.account(), count: entries.len() },
        Error::TooLong(_, limit) => StoreError::TooLarge {
            size: match request {
                Request::Write(_, record) => record.expose().len(),
                Request::Read(_) | Request::Delete(_) | Request::Inventory => 0,
            },
            limit: limit as usize,
        },
        Error::NoEntry => unavailable("It lost the item while it was used."),
        Error::NoDefaultStore => unavailable("This system has no keyring that snow knows."),
        Error::BadEncoding(_) | Error::BadDataFormat(..) | Error::BadStoreFormat(_) => {
            unavailable("It answered with something that is no item.")
        }
        Error::Invalid(..) | Error::NotSupportedByStore(_) => unavailable("It does not support what snow needs."),
        _ => unavailable("It failed without a reason that snow knows."),
    }
}

#[cfg(all(unix, not(target_os = "macos")))]
mod platform {
    //! The Secret Service over D-Bus.

    use std::collections::HashMap;
    use std::error::Error as StdError;

    use keyring::Error;
    use secret_service::Error as ServiceError;
    use secret_service::blocking::SecretService;
    use zbus::DBusError;
    use zbus::names::ErrorName;

    use super::{SERVICE, StoreError, StoredItem};

    /// The items under our service. The keyring crate's own search unlocks
    /// what it finds; this one asks nobody.
    pub fn inventory() -> Result<Option<Vec<StoredItem>>, StoreError> {
        list().map_err(|error| tell_apart(&error, true))
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
    pub fn tell_apart(cause: &(dyn StdError + Send + Sync + 'static), has_display: bool) -> StoreError {
        let unavailable = |reason: &str| StoreError::Unavailable { reason: reason.to_owned() };
        match cause.downcast_ref::<ServiceError>() {
            Some(ServiceError::Locked) => StoreError::Locked,
            // A dismissed prompt looks the same whether a person closed it or
            // nothing could show it. A collection that is locked with no
            // display at hand was never shown to anybody.
            Some(ServiceError::Prompt) => match !has_display && is_default_locked() {
                true => StoreError::Locked,
                false => StoreError::Denied,
            },
            Some(ServiceError::NoResult) => unavailable("The keyring has no default collection yet: create one first."),
            Some(ServiceError::Unavailable) => {
                unavailable("There is no session D-Bus here, or nothing on it is a keyring.")
            }
            Some(ServiceError::PromptDisconnected) => unavailable("It went away while it asked for its password."),
            Some(ServiceError::Crypto(_)) => unavailable("The encrypted transport to it could not be agreed on."),
            Some(error) => match name_of(error) {
                Some(name) => tell_name_apart(name.as_str()),
                None => unavailable("The session D-Bus cannot be used."),
            },
            None => unavailable("The Secret Service failed without a reason that snow knows."),
        }
    }

    fn tell_name_apart(name: &str) -> StoreError {
        let reason = match name {
            "org.freedesktop.Secret.Error.IsLocked" => return StoreError::Locked,
            "org.freedesktop.DBus.Error.AccessDenied" => return StoreError::Denied,
            "org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner" => {
                "No Secret Service runs on the session D-Bus."
            }
            "org.freedesktop.DBus.Error.NoReply" | "org.freedesktop.DBus.Error.Disconnected" => {
                "The Secret Service went away before it answered."
            }
            _ if name.starts_with("org.freedesktop.DBus.Error.Spawn") => "The Secret Service could not be started.",
            _ => "The Secret Service answered with an error.",
        };
        StoreError::Unavailable { reason: reason.to_owned() }
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
}

#[cfg(not(all(unix, not(target_os = "macos"))))]
mod platform {
    //! Keychain Services and the Credential Manager: their errors carry
    //! numbers, and what a person does about them is the same.

    use std::error::Error as StdError;

    use keyring::Error;

    use super::{StoreError, StoredItem};

    /// Neither says what it holds without the right to read each item.
    pub fn inventory() -> Result<Option<Vec<StoredItem>>, StoreError> {
        Ok(None)
    }

    pub fn reconnect() -> Result<(), Error> {
        Err(Error::NoDefaultStore)
    }

    pub fn is_disconnected(_: &Error) -> bool {
        false
    }

    pub fn tell_apart(cause: &(dyn StdError + Send + Sync + 'static), _: bool) -> StoreError {
        let reason = cause.to_string();
        // errSecAuthFailed, errSecUserCanceled; errSecInteractionNotAllowed.
        if reason.contains("-25293") || reason.contains("-128") {
            StoreError::Denied
        } else if reason.contains("-25308") {
            StoreError::Locked
        } else {
            StoreError::Unavailable { reason }
        }
    }
}
