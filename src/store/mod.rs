//! Where secrets live.
//!
//! A [`CredentialStore`] keeps opaque records under `<connection id>/<field>`.
//! What a record says, and the rule that a secret goes to the origin it was
//! saved for and nowhere else, is in [`record`]. Nothing falls back to another
//! store, and nothing is ever written in the clear. Each store has a folder, with how
//! it opens and what its errors mean, and a line in [`STORES`].

pub mod file;
pub mod keyring;
pub mod memory;
pub mod record;
mod thread;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::base::code::Code;
use crate::base::error::{CausesOfCode, Failure};
use crate::base::secret::Secret;
use crate::base::shown::{Step, shown};
use crate::base::variables::Variables;
use crate::model::profile::{ConnectionId, InvalidValue, StoreKind};

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
    /// to ask first is [`Trouble::Locked`].
    async fn inventory(&self) -> Result<Option<Vec<StoredItem>>, StoreError> {
        Ok(None)
    }

    /// Whether several machines use it, so that no lock of one keeps out the others:
    /// then the versions below are what keeps writers apart.
    fn is_shared(&self) -> bool {
        false
    }

    /// The record and its version. A shared store may lag behind, and says of what
    /// version it speaks.
    async fn read_version(&self, key: ItemKey) -> Result<Versioned, StoreError> {
        Ok(Versioned { version: Version::default(), age: None, record: self.read(key).await? })
    }

    /// Replaces this version and no other. Where a kernel lock keeps out all others,
    /// that is a write.
    async fn compare_and_set(&self, key: ItemKey, replaced: Version, record: &Secret) -> SetOutcome {
        match self.write(key, record).await {
            Ok(()) => SetOutcome::Written(replaced),
            Err(error) => SetOutcome::NotApplied(error),
        }
    }

    /// How a person deletes an item that no connection names, where another program
    /// can.
    fn deletion_of(&self, account: &str) -> Option<Step> {
        let _ = account;
        None
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
        if was_there && self.read(key).await?.is_none() { Ok(()) } else { Err(StoreError::unreliable(self.kind())) }
    }
}

/// A version of a record; later ones are larger, and nothing at all is zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u64);

/// What a store holds in a place.
#[derive(Debug, Clone)]
pub struct Versioned {
    pub version: Version,
    /// Since when, by the store's own clock, where it says so.
    pub age: Option<Duration>,
    /// Nothing at version zero: there never was one; later: somebody took it away.
    pub record: Option<Secret>,
}

/// What became of a compare-and-set.
#[derive(Debug, Clone)]
pub enum SetOutcome {
    /// Done; the version is the new one.
    Written(Version),
    /// Another version is there, or this is what a node that lags behind believes.
    Mismatch,
    /// It did nothing and will do nothing.
    NotApplied(StoreError),
    /// It may have been done, or be done later.
    Unknown(StoreError),
}

/// Why a store did not do what it was asked: which one, what a caller may do about
/// it, and what is said.
#[derive(Debug, Clone)]
pub struct StoreError {
    pub store: StoreKind,
    pub trouble: Trouble,
    failure: Failure,
}

/// What a caller may do about a store that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It wants its own password first.
    Locked,
    /// It wants a key, and nobody gave one: whether one would fit is not known.
    NoKey,
    Failed,
}

impl StoreError {
    pub fn new(store: StoreKind, trouble: Trouble, failure: impl Into<Failure>) -> Self {
        Self { store, trouble, failure: failure.into() }
    }

    /// The store does not give back what it was given.
    pub fn unreliable(store: StoreKind) -> Self {
        let failure = Failure::new(
            Code::StoreUnreliable,
            shown!("{} does not give back what it was given", store.place()),
        )
        .why("What was written to it could not be read back or deleted, so nothing is trusted to it.")
        .next("See which program provides the keyring, and restart it; for the encrypted file, see to its directory");
        Self::new(store, Trouble::Failed, failure)
    }

    pub fn failure(&self) -> &Failure {
        &self.failure
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        error.failure
    }
}

/// A store that a connection may use. To add one, add its folder, and its line in
/// [`STORES`].
pub struct StoreSpec {
    pub kind: StoreKind,
    /// The variables that hold a secret of the store itself.
    pub secret_variables: &'static [&'static str],
    /// The variables that name a file with such a secret.
    pub secret_files: &'static [&'static str],
    /// The variables that hold a duration.
    pub durations: &'static [&'static str],
    /// What opens it, once a run.
    pub opener: fn() -> Box<dyn Opener>,
    /// What may be behind each code of its own.
    pub causes: fn() -> Vec<CausesOfCode>,
}

/// Every store, the usual one first.
pub static STORES: [&StoreSpec; 2] = [&keyring::open::SPEC, &file::open::SPEC];

/// The store of this name.
pub fn kind_of(name: &str) -> Result<StoreKind, InvalidValue> {
    let found = STORES.iter().map(|spec| spec.kind).find(|kind| kind.as_str() == name);
    found.ok_or_else(|| {
        let names = STORES.map(|spec| spec.kind.as_str()).join(", ");
        InvalidValue(format!("\"{name}\" is not a store of this version: {names}"))
    })
}

/// What may be behind each code of a store.
pub fn causes() -> impl Iterator<Item = CausesOfCode> {
    STORES.iter().flat_map(|spec| (spec.causes)())
}

/// What a store is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// What is saved there; a person may be asked for its key.
    Saved,
    /// A secret that is new; where the store is not there yet, it is made.
    New,
    /// Whatever opens without asking anybody.
    Unasked,
}

/// Opens a store, and keeps it open for the run.
pub trait Opener {
    /// The store; nothing where it is not there and nobody wants it made.
    fn open(
        &mut self,
        surroundings: &mut dyn Surroundings,
        access: Access,
    ) -> Result<Option<Arc<dyn CredentialStore>>, Failure>;

    /// Where a saved secret is, to end a sentence with.
    fn kept_in(&self, surroundings: &dyn Surroundings) -> String;
}

/// What a store needs of the program to be opened.
pub trait Surroundings {
    fn variables(&self) -> &Variables;

    /// A variable that holds a duration.
    fn duration(&self, variable: &'static str) -> Result<Option<Duration>, Failure>;

    /// The directory of what is kept.
    fn data_directory(&self) -> Result<PathBuf, Failure>;

    /// The lock for changes of what is kept there.
    fn data_lock(&self) -> Result<PathBuf, Failure>;

    /// What stands in for the keyring of the system.
    fn keyring(&self) -> Option<Arc<dyn CredentialStore>>;

    /// Whether a person can be asked.
    fn is_interactive(&self) -> bool;

    fn is_quiet(&self) -> bool;

    /// Asks a person for a secret; nothing where nobody can be asked.
    fn ask(&mut self, question: &str) -> Result<Option<Secret>, Failure>;

    /// A remark, and something that a person must see.
    fn note(&mut self, text: &str);
    fn say(&mut self, text: &str);

    /// A secret in a file that a variable names.
    fn secret_file(&mut self, path: &Path, variable: &str) -> Result<Secret, Failure>;

    /// Such a file itself, for what is more than one line.
    fn open_secret_file(&mut self, path: &Path, variable: &str) -> Result<File, Failure>;
}

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
