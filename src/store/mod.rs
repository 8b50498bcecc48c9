//! Where secrets live.
//!
//! A [`CredentialStore`] keeps opaque records under `<connection id>/<field>`.
//! What a record says, and the rule that a secret goes to the origin it was
//! saved for and nowhere else, is in [`record`]. Nothing falls back to another
//! store, and nothing is ever written in the clear.

pub mod file;
pub mod keyring;
pub mod memory;
pub mod record;
mod thread;

use std::time::Duration;

use async_trait::async_trait;

use crate::base::code::Code;
use crate::base::error::{CauseRow, CausesOfCode, Failure, Likelihood};
use crate::base::secret::Secret;
use crate::base::shown::{Shown, shown};
use crate::model::profile::{ConnectionId, StoreKind};
use file::FileError;

/// What an item holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Field {
    Password,
    ClientSecret,
    /// Access token, refresh token and their times.
    Session,
    /// Not a secret: written and deleted to prove that the store works.
    Probe,
}

/// One place in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ItemKey {
    pub connection: ConnectionId,
    pub field: Field,
}

/// One item as a store lists it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredItem {
    /// The account it is filed under; another program may have chosen any.
    pub account: String,
    /// Whether somebody would be asked before it could be read.
    pub is_locked: bool,
}

/// Keeps records. Each call has a timeout, and holds up nothing else.
#[async_trait]
pub trait CredentialStore: Send + Sync {
    fn kind(&self) -> StoreKind;

    /// The record, or `None` where the store works and has no such item.
    async fn read(&self, key: ItemKey) -> Result<Option<Secret>, StoreError>;

    /// Saves or replaces the record.
    async fn write(&self, key: ItemKey, record: &Secret) -> Result<(), StoreError>;

    /// Deletes the record. Idempotent: that there was none is no error, so that a
    /// failed deletion can be repeated.
    async fn delete(&self, key: ItemKey) -> Result<(), StoreError>;

    /// The items of `snow` in it, of whichever connections; `None` where the
    /// store cannot list. Nobody is asked for anything: a store that would have
    /// to ask first is [`StoreError::Locked`].
    async fn inventory(&self) -> Result<Option<Vec<StoredItem>>, StoreError> {
        Ok(None)
    }

    /// Proves that the store takes, returns and deletes an item, before a
    /// person is asked for anything or a token is spent.
    async fn prove(&self, connection: ConnectionId) -> Result<(), StoreError> {
        let key = ItemKey { connection, field: Field::Probe };
        let probe = Secret::new("probe".to_owned()).expect("the probe is plain text");
        self.write(key, &probe).await?;
        let read = self.read(key).await;
        // Whatever came of the reading, the probe goes again.
        let deleted = self.delete(key).await;
        let read = read?;
        deleted?;
        let was_there = read.is_some_and(|read| read.expose() == probe.expose());
        if was_there && self.read(key).await?.is_none() { Ok(()) } else { Err(StoreError::Unreliable) }
    }
}

/// Why a store did not do what it was asked, by what a person would do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error("no keyring can be reached")]
    Unavailable { reason: String },
    #[error("the keyring is locked")]
    Locked,
    #[error("access to the keyring was denied")]
    Denied,
    #[error("the keyring did not answer within {} seconds", .0.as_secs_f64())]
    Timeout(Duration),
    #[error("{count} keyring items stand where one should, under {account}")]
    Ambiguous { account: String, count: usize },
    #[error("the keyring holds at most {limit} bytes an item, and this one has {size}")]
    TooLarge { size: usize, limit: usize },
    #[error("the store does not give back what it was given")]
    Unreliable,
    #[error(transparent)]
    File(FileError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::Unavailable { reason } => Failure::new(Code::KeyringUnavailable, Shown::outside(message))
                .why(Shown::outside(reason))
                .causes(NO_KEYRING)
                .next(WITHOUT_KEYRING)
                .next(IN_A_FILE)
                .next("Start a keyring: dbus-run-session, then gnome-keyring-daemon --unlock"),
            StoreError::Locked => Failure::new(Code::KeyringLocked, Shown::outside(message))
                .why("It wants its password, and nothing here can ask for it.")
                .next("Unlock the keyring (sign in to the desktop, or gnome-keyring-daemon --unlock), then run the command again"),
            StoreError::Denied => Failure::new(Code::KeyringDenied, Shown::outside(message))
                .why("The request for access was dismissed or forbidden. Nothing was changed.")
                .next("Run the command again and allow the access"),
            StoreError::Timeout(timeout) => Failure::new(Code::KeyringTimeout, Shown::outside(message))
                .why("It may be waiting for somebody to unlock it in a window.")
                .next("Unlock the keyring and run the command again; SNOW_KEYRING_TIMEOUT sets how long to wait")
                .evidence("waited_seconds", timeout.as_secs_f64()),
            StoreError::Ambiguous { account, count } => Failure::new(Code::KeyringAmbiguous, Shown::outside(message))
                .why("Another program saved an item with the same service and user name. None of them was used.")
                .next("Delete the one that is not snow's with the program of your keyring, such as Seahorse")
                .next(shown!("Delete them all and sign in again: secret-tool clear service snow username {}", Shown::outside(&account)))
                .evidence("items", count),
            StoreError::TooLarge { size, limit } => Failure::new(Code::SecretTooLarge, Shown::outside(message))
                .why("Nothing was saved.")
                .next("Use a shorter secret")
                .evidence("size", size)
                .evidence("limit", limit),
            StoreError::Unreliable => Failure::new(Code::StoreUnreliable, Shown::outside(message))
                .why("What was written to it could not be read back or deleted, so nothing is trusted to it.")
                .next("See which program provides the keyring, and restart it; for the encrypted file, see to its directory"),
            StoreError::File(error) => error.into(),
        }
    }
}

/// What may be behind a keyring that cannot be reached.
const NO_KEYRING: &[CauseRow] = &[
    ("no-session-bus", Likelihood::High, "there is no session D-Bus here, as in SSH, containers and CI"),
    ("no-service", Likelihood::Medium, "no Secret Service runs: gnome-keyring, KWallet or KeePassXC provide one"),
];

/// What may be behind each code of a store.
pub fn causes() -> impl Iterator<Item = CausesOfCode> {
    [(Code::KeyringUnavailable, NO_KEYRING.to_vec())].into_iter()
}

/// The way out for one command that needs no keyring.
pub const WITHOUT_KEYRING: &str = "Use the connection once without saving it: \
    SNOW_INSTANCE=… SNOW_USERNAME=… SNOW_PASSWORD_FILE=… snow test";

/// The way out for a machine that has no keyring.
const IN_A_FILE: &str = "Keep the secret in an encrypted file: snow connect … --store file \
    (with --force for a connection that is saved)";

impl Field {
    /// Those that hold secrets.
    pub const SECRETS: [Self; 3] = [Self::Password, Self::ClientSecret, Self::Session];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::ClientSecret => "client-secret",
            Self::Session => "session",
            Self::Probe => "probe",
        }
    }

    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::ClientSecret => "client secret",
            Self::Session => "session",
            Self::Probe => "probe",
        }
    }
}

impl ItemKey {
    /// The account of the item, as `secret-tool` shows it.
    pub fn account(self) -> String {
        format!("{}/{}", self.connection, self.field.as_str())
    }

    /// The place that an account names; `None` where it is not one of ours.
    pub fn of_account(account: &str) -> Option<Self> {
        let (connection, field) = account.split_once('/')?;
        let connection = ConnectionId::try_parse(connection).ok()?;
        let field = Field::SECRETS.into_iter().chain([Field::Probe]).find(|known| known.as_str() == field)?;
        Some(Self { connection, field })
    }
}
