//! The keyring of the operating system, with a timeout on every call.
//!
//! A locked keyring may wait for a person for ever, and a call cannot be
//! taken back. So one thread of ours owns the keyring and does one call at a
//! time; the caller stops waiting at the deadline, asks no more, and
//! the process ends without the thread. Foreign errors are told apart here
//! and never formatted with `{:?}`: they can hold the secret.

pub mod error;
pub mod open;
mod parts;
#[cfg_attr(any(not(unix), target_os = "macos"), path = "other.rs")]
#[cfg_attr(all(unix, not(target_os = "macos")), path = "secret_service.rs")]
mod platform;

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use keyring::Error;
use keyring_core::Entry;
use tokio::sync::Mutex;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::thread::OwnThread;
use super::{CredentialStore, ItemKey, StoreError, StoredItem};
use crate::base::secret::Secret;
use crate::base::shown::Step;
use crate::base::variables::Variables;
use crate::model::profile::StoreKind;
use error::KeyringError;
use parts::Items;

/// The store as a connection names it.
pub const KIND: StoreKind = StoreKind::new("keyring", "the keyring");

/// The service under which all items are filed.
const SERVICE: &str = "snow";
/// From here on a person would wonder what is going on.
const NOTICEABLE: Duration = Duration::from_secs(1);

/// Tells a person that the keyring is being waited for.
pub type Notice = Box<dyn Fn() + Send + Sync>;

/// What is around the keyring, by the variables.
#[derive(Debug, Clone, Default)]
#[cfg_attr(any(not(unix), target_os = "macos"), allow(dead_code, reason = "only the Secret Service asks for it"))]
pub struct Desktop {
    /// Whether a window can ask the user to unlock the keyring.
    pub has_display: bool,
    /// `DBUS_SESSION_BUS_ADDRESS`.
    pub bus: Option<String>,
}

impl Desktop {
    pub fn of(variables: &Variables) -> Self {
        let bus = variables.text("DBUS_SESSION_BUS_ADDRESS").map(str::to_owned);
        Self { has_display: variables.has_display(), bus }
    }
}

pub struct KeyringStore {
    timeout: Duration,
    desktop: Desktop,
    notice: Option<Notice>,
    thread: OwnThread,
    /// Items that were looked up before they are written, by account.
    prepared: Arc<StdMutex<HashMap<String, platform::Found>>>,
    /// Whether a call ran into the deadline: the keyring is not asked again. Locked
    /// over a call, whose time begins when it is its turn.
    is_stuck: Mutex<bool>,
}

impl KeyringStore {
    /// A store that waits at most `timeout` for each call, and gives `notice`
    /// where the wait becomes noticeable. Nothing is opened before the first
    /// call.
    pub fn new(timeout: Duration, desktop: Desktop, notice: Option<Notice>) -> Self {
        Self {
            timeout,
            desktop,
            notice,
            thread: OwnThread::new("keyring"),
            prepared: Arc::default(),
            is_stuck: Mutex::new(false),
        }
    }

    /// Has `act` done by the thread that owns the keyring.
    async fn call<T: Send + 'static>(
        &self,
        name: &str,
        act: impl FnOnce() -> Result<T, KeyringError> + Send + 'static,
    ) -> Result<T, KeyringError> {
        let mut is_stuck = self.is_stuck.lock().await;
        if *is_stuck {
            return Err(KeyringError::Timeout(self.timeout));
        }
        tracing::debug!("keyring: {name}");
        match self.within_the_timeout(self.thread.call(act)).await {
            Some(Ok(result)) => result,
            Some(Err(gone)) => Err(KeyringError::unavailable(gone.to_string())),
            None => {
                *is_stuck = true;
                Err(KeyringError::Timeout(self.timeout))
            }
        }
    }

    /// Has something done with the items of one account. A daemon that was restarted
    /// leaves a dead connection behind: one new connection is tried. Any other error
    /// is final.
    async fn with_account<T: Send + 'static>(
        &self,
        name: &str,
        account: String,
        size: usize,
        act: impl Fn(&str) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, KeyringError> {
        let desktop = self.desktop.clone();
        self.call(&format!("{name} {account}"), move || {
            let result = act(&account).or_else(|error| {
                if platform::is_disconnected(&error) {
                    platform::reconnect().and_then(|()| act(&account))
                } else {
                    Err(error)
                }
            });
            result.map_err(|error| tell_apart(error, &account, size, &desktop))
        })
        .await
    }

    /// What comes within the timeout; a person is told where it takes long.
    async fn within_the_timeout<T>(&self, coming: impl Future<Output = T>) -> Option<T> {
        let mut coming = std::pin::pin!(coming);
        let Some(notice) = self.notice.as_ref().filter(|_| self.timeout > NOTICEABLE) else {
            return timeout(self.timeout, coming).await.ok();
        };
        if let Ok(came) = timeout(NOTICEABLE, &mut coming).await {
            return Some(came);
        }
        notice();
        timeout(self.timeout - NOTICEABLE, coming).await.ok()
    }
}

#[async_trait]
impl CredentialStore for KeyringStore {
    fn kind(&self) -> StoreKind {
        KIND
    }

    async fn read(&self, key: ItemKey) -> Result<Option<Secret>, StoreError> {
        let read = self.with_account("read", key.account(), 0, |account| match platform::ITEM_LIMIT {
            Some(_) => parts::read(&Keyring, account),
            None => Keyring.get(account),
        });
        Ok(read.await?.map(record))
    }

    async fn read_of_another(&self, service: &str, account: &str) -> Result<Option<Secret>, StoreError> {
        let service = service.to_owned();
        let read = self.with_account("read of another program", account.to_owned(), 0, move |account| {
            content(of_store(&service, account, || Entry::new(&service, account))?)
        });
        Ok(read.await?.map(record))
    }

    async fn write(&self, key: ItemKey, record: &Secret) -> Result<(), StoreError> {
        let record = record.clone();
        let size = record.expose().len();
        let prepared = self.prepared.clone();
        let written = self.with_account("write", key.account(), size, move |account| {
            let record = record.expose().as_bytes();
            let found = prepared.lock().unwrap_or_else(PoisonError::into_inner).remove(account);
            if found.is_some_and(|found| found.set(record)) {
                return Ok(());
            }
            match platform::ITEM_LIMIT {
                Some(limit) => parts::write(&Keyring, account, record, limit),
                None => Keyring.set(account, record),
            }
        });
        Ok(written.await?)
    }

    /// Looks the item up, so that the write is one call. If that fails, the write does the
    /// whole and says why it fails.
    async fn prepare(&self, key: ItemKey) -> Result<(), StoreError> {
        let prepared = self.prepared.clone();
        let looked_up = self.with_account("look up", key.account(), 0, move |account| {
            let found = platform::find(account).map(|item| (account.to_owned(), item));
            prepared.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
            Ok(())
        });
        Ok(looked_up.await?)
    }

    async fn delete(&self, key: ItemKey) -> Result<(), StoreError> {
        let deleted = self.with_account("delete", key.account(), 0, |account| match platform::ITEM_LIMIT {
            Some(_) => parts::delete(&Keyring, account),
            None => Keyring.delete(account),
        });
        Ok(deleted.await?)
    }

    async fn inventory(&self) -> Result<Option<Vec<StoredItem>>, StoreError> {
        let desktop = self.desktop.clone();
        Ok(self.call("list all items", move || platform::inventory(&desktop)).await?)
    }

    fn remedy(&self) -> &'static str {
        "Restart the program that provides the keyring"
    }

    fn deletion_of(&self, account: &str) -> Option<Step> {
        Some(platform::deletion_of(account))
    }
}

/// The items of the system's keyring.
struct Keyring;

impl Items for Keyring {
    fn get(&self, account: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        content(entry(account)?)
    }

    fn set(&self, account: &str, content: &[u8]) -> Result<(), Error> {
        // As bytes: a password is UTF-16 on Windows, and half as long.
        entry(account)?.set_secret(content)
    }

    fn delete(&self, account: &str) -> Result<(), Error> {
        match entry(account)?.delete_credential() {
            Ok(()) | Err(Error::NoEntry) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// The item of an account, there or not.
fn entry(account: &str) -> Result<Entry, Error> {
    of_store(SERVICE, account, || platform::entry(account))
}

/// What `make` makes, once there is a store to make it with.
fn of_store(service: &str, account: &str, make: impl FnOnce() -> Result<Entry, Error>) -> Result<Entry, Error> {
    if let Err(Error::NoDefaultStore) = keyring::Entry::new(service, account).map(drop) {
        // The facade tries once in a process and keeps the reason to itself.
        platform::reconnect()?;
    }
    make()
}

/// What an item holds, if it is there.
fn content(entry: Entry) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
    match entry.get_secret() {
        Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What an item holds. What is no text becomes a record that cannot be parsed.
fn record(bytes: Zeroizing<Vec<u8>>) -> Secret {
    let text = std::str::from_utf8(&bytes).unwrap_or("?").to_owned();
    Secret::derived(text).unwrap_or_else(|_| Secret::derived("?".to_owned()).expect("a mark is a record"))
}

/// `size`: how many bytes were to be written.
fn tell_apart(error: Error, account: &str, size: usize, desktop: &Desktop) -> KeyringError {
    let unavailable = |reason: &str| KeyringError::unavailable(reason);
    match error {
        Error::PlatformFailure(cause) | Error::NoStorageAccess(cause) => platform::tell_apart(cause.as_ref(), desktop),
        Error::Ambiguous(entries) => KeyringError::Ambiguous { account: account.to_owned(), count: entries.len() },
        Error::TooLong(_, limit) => KeyringError::TooLarge { size, limit: limit as usize },
        Error::NoEntry => unavailable("The item disappeared while it was in use."),
        Error::NoDefaultStore => unavailable("This system has no keyring that snow supports."),
        Error::BadEncoding(_) | Error::BadDataFormat(..) | Error::BadStoreFormat(_) => {
            unavailable("It returned something that is not an item.")
        }
        Error::Invalid(..) | Error::NotSupportedByStore(_) => unavailable("It lacks a feature that snow needs."),
        _ => unavailable("It failed without a known reason."),
    }
}
