//! Where secrets live.
//!
//! A [`CredentialStore`] keeps opaque records under `<connection id>/<field>`.
//! What a record says, and the rule that a secret goes to the origin it was
//! saved for and nowhere else, is in [`record`]. Nothing falls back to another
//! store, and nothing is ever written in the clear. Each store has a folder, with how
//! it opens and what its errors mean, and a line in [`STORES`].

pub mod command;
#[cfg(feature = "file-store")]
pub mod file;
pub mod keyring;
pub mod memory;
pub mod moving;
pub mod record;
mod thread;
pub mod vault;

use std::borrow::Cow;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::base::code::Code;
use crate::base::error::{CausesOfCode, Failure};
use crate::base::secret::Secret;
use crate::base::secret_file;
use crate::base::shown::{Shown, Step, shown};
use crate::base::variables::Variables;
use crate::model::profile::{ConnectionId, ConnectionName, InvalidValue, Profile, StoreKind, StorePlace};

/// The name of an item of a connection: `password`, `session`.
#[derive(Debug, Clone)]
pub struct Field {
    name: Cow<'static, str>,
    label: Cow<'static, str>,
}

/// One place in a store.
#[derive(Debug, Clone)]
pub struct ItemKey {
    pub connection: ConnectionId,
    pub field: Field,
    /// For a store that shows it to other programs. It is not a part of the place.
    pub name: Option<ConnectionName>,
}

impl PartialEq for ItemKey {
    fn eq(&self, other: &Self) -> bool {
        (self.connection, &self.field) == (other.connection, &other.field)
    }
}

impl Eq for ItemKey {}

impl std::hash::Hash for ItemKey {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (self.connection, &self.field).hash(state);
    }
}

/// One item as a store lists it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredItem {
    /// The account it is filed under; another program may have chosen any.
    pub account: String,
    /// Whether a person would be asked before it could be read.
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

    /// Does what the next write of this record would take time for. Called before something
    /// is asked for that comes only once, such as the answer to a refresh.
    async fn prepare(&self, _key: ItemKey) -> Result<(), StoreError> {
        Ok(())
    }

    /// Deletes the record. Idempotent: that there was none is no error, so that a
    /// failed deletion can be repeated.
    async fn delete(&self, key: ItemKey) -> Result<(), StoreError>;

    /// The items of `snow` in it, of whichever connections; `None` where the
    /// store cannot list, or is shared: most would be those of other machines. No
    /// question is asked: a store that would have to ask first is [`Trouble::Locked`].
    async fn inventory(&self) -> Result<Option<Vec<StoredItem>>, StoreError> {
        Ok(None)
    }

    /// As above, those of one connection. A shared store also lists what was deleted.
    async fn items_of(&self, connection: ConnectionId) -> Result<Option<Vec<StoredItem>>, StoreError> {
        let is_its =
            |item: &StoredItem| ItemKey::of_account(&item.account).is_some_and(|key| key.connection == connection);
        Ok(self.inventory().await?.map(|items| items.into_iter().filter(is_its).collect()))
    }

    /// The connections that have items in a shared store, of whichever machines; `None`
    /// where it cannot list them.
    async fn connections(&self) -> Result<Option<Vec<ConnectionId>>, StoreError> {
        Ok(None)
    }

    /// An item of another program, by its service and account. It is only read.
    async fn read_of_another(&self, _service: &str, _account: &str) -> Result<Option<Secret>, StoreError> {
        Ok(None)
    }

    /// Whether its secrets are kept by someone else: nothing is saved in it.
    fn is_read_only(&self) -> bool {
        false
    }

    /// Whether an item can be a secret alone: then nothing says where it may go.
    fn has_bare_secrets(&self) -> bool {
        false
    }

    /// Whether several machines use it. Then a kernel lock is not enough, and writers
    /// use the versions below.
    fn is_shared(&self) -> bool {
        spec_of(self.kind()).is_shared
    }

    /// The record and its version. A read of a shared store can be stale.
    async fn read_version(&self, key: ItemKey) -> Result<Versioned, StoreError> {
        Ok(Versioned { version: Version::default(), age: None, record: self.read(key).await? })
    }

    /// Writes the record if this version is still the current one. For a local store,
    /// whose callers hold a kernel lock, this is a plain write.
    async fn compare_and_set(&self, key: ItemKey, replaced: Version, record: &Secret) -> SetOutcome {
        match self.write(key, record).await {
            Ok(()) => SetOutcome::Written(replaced),
            Err(error) => SetOutcome::NotApplied(error),
        }
    }

    /// Deletes the record if this version is still the current one; says whether it was.
    /// For a local store, whose callers hold a kernel lock, this is a plain deletion.
    async fn delete_version(&self, key: ItemKey, _version: Version) -> Result<bool, StoreError> {
        self.delete(key).await.map(|()| true)
    }

    /// Deletes the record, and what a shared store keeps of a deleted one.
    async fn purge(&self, key: ItemKey) -> Result<(), StoreError> {
        self.delete(key).await
    }

    /// Where it is and what opens it, if that is not always the same.
    fn description(&self) -> Option<Shown> {
        None
    }

    /// What a person should know of it, once it is proven.
    fn remark(&self) -> Option<Shown> {
        None
    }

    /// What opens it, for a search that proves that it stands nowhere else.
    async fn secrets(&self) -> Vec<Secret> {
        Vec::new()
    }

    /// The command that deletes an item no connection uses, if there is one.
    fn deletion_of(&self, _account: &str) -> Option<Step> {
        None
    }

    /// What to do if the store loses what was written to it.
    fn remedy(&self) -> &'static str;

    /// The store does not give back what it was given.
    fn unreliable(&self) -> StoreError {
        let message = shown!("{} does not return what was saved", self.kind().place());
        let failure = Failure::new(Code::StoreUnreliable, message)
            .why("A test item could not be read back or deleted, so no secret is saved there.")
            .next(self.remedy());
        StoreError::new(self.kind(), Trouble::Failed, failure)
    }

    /// Proves that the store takes, returns and deletes an item, before a
    /// person is asked for anything or a token is spent.
    async fn prove(&self, connection: ConnectionId) -> Result<(), StoreError> {
        let key = ItemKey::new(connection, Field::PROBE);
        let probe = Secret::new("probe".to_owned()).expect("the probe is plain text");
        self.write(key.clone(), &probe).await?;
        let read = self.read(key.clone()).await;
        // Whatever came of the reading, the probe goes again.
        let deleted = self.delete(key.clone()).await;
        let read = read?;
        deleted?;
        let was_there = read.is_some_and(|read| read.expose() == probe.expose());
        if was_there && self.read(key).await?.is_none() { Ok(()) } else { Err(self.unreliable()) }
    }
}

/// The version of a record. It grows with each write; zero if there never was one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u64);

/// A record as it was read.
#[derive(Debug, Clone)]
pub struct Versioned {
    pub version: Version,
    /// The age of the version by the clock of the store, if it says so.
    pub age: Option<Duration>,
    /// `None` with a version above zero: it was deleted.
    pub record: Option<Secret>,
}

/// The outcome of a compare-and-set.
#[derive(Debug, Clone)]
#[cfg_attr(not(feature = "testing"), allow(dead_code, reason = "some outcomes only a shared store has"))]
pub enum SetOutcome {
    /// Done. This is the new version.
    Written(Version),
    /// The store has another version, or a stale node believes so.
    Mismatch,
    /// It had no effect and will have none.
    NotApplied(StoreError),
    /// It may have taken effect, or still will.
    Unknown(StoreError),
}

/// An error of a store: which store, what a caller can do about it, and what to show.
#[derive(Debug, Clone)]
pub struct StoreError {
    pub store: StoreKind,
    pub trouble: Trouble,
    failure: Failure,
}

/// What a caller can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The store is locked.
    Locked,
    /// No key was given.
    NoKey,
    Failed,
}

impl StoreError {
    pub fn new(store: StoreKind, trouble: Trouble, failure: impl Into<Failure>) -> Self {
        Self { store, trouble, failure: failure.into() }
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

/// A kind of store. To add one, add its folder and a line in [`STORES`].
pub struct StoreSpec {
    pub kind: StoreKind,
    /// The heading of its flags.
    pub heading: &'static str,
    /// Whether several machines use it: then a connection can have the same items on each.
    pub is_shared: bool,
    /// The variables that hold a secret of the store itself.
    pub secret_variables: &'static [&'static str],
    /// The variables that name a file with such a secret.
    pub secret_files: &'static [&'static str],
    /// Variables whose value is a duration.
    pub durations: &'static [&'static str],
    /// How a connection says where the store is. Nothing: it is of this machine.
    pub settings: &'static [StoreSetting],
    /// The settings that are in force and where each comes from, for a person.
    pub shown: fn(&StorePlace, &Variables) -> Vec<(&'static str, Shown)>,
    /// What opens it, once a run.
    pub opener: fn() -> Box<dyn Opener>,
    /// What may be behind each of its codes.
    pub causes: fn() -> Vec<CausesOfCode>,
}

/// A setting of a store: a key of a connection, and a flag.
pub struct StoreSetting {
    pub key: &'static str,
    pub flag: &'static str,
    pub value_name: &'static str,
    pub help: &'static str,
    /// Whether it is a program with its arguments: an array in the file of connections,
    /// words on the command line, and here its JSON.
    pub is_command: bool,
    /// The value as it is saved.
    pub read: fn(&str) -> Result<String, InvalidValue>,
}

/// Every store, the default first.
pub static STORES: &[&StoreSpec] = &[
    &keyring::open::SPEC,
    #[cfg(feature = "file-store")]
    &file::open::SPEC,
    &vault::open::SPEC,
    &command::open::SPEC,
];

/// What does not know a store that is not in [`STORES`].
const HERE: &str =
    if cfg!(feature = "file-store") { "version" } else { "build, which does not include the encrypted file" };

/// The store of this name.
pub fn kind_of(name: &str) -> Result<StoreKind, InvalidValue> {
    let found = STORES.iter().map(|spec| spec.kind).find(|kind| kind.as_str() == name);
    found.ok_or_else(|| {
        let names: Vec<_> = STORES.iter().map(|spec| spec.kind.as_str()).collect();
        InvalidValue(format!("\"{name}\" is not a store in this {HERE}: use {}", names.join(", ")))
    })
}

/// What is known of a store.
pub fn spec_of(kind: StoreKind) -> &'static StoreSpec {
    STORES.iter().find(|spec| spec.kind == kind).expect("a connection has a store of the list")
}

/// The settings of every store.
pub fn settings() -> impl Iterator<Item = &'static StoreSetting> {
    STORES.iter().flat_map(|spec| spec.settings)
}

/// What may be behind each code of a store.
pub fn causes() -> impl Iterator<Item = CausesOfCode> {
    STORES.iter().flat_map(|spec| (spec.causes)())
}

/// Why a store is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To use what is saved there. The user may be asked for its key.
    Saved,
    /// To save a new secret. Creates the store if needed.
    New,
    /// To look at it without a question.
    Unasked,
}

/// Opens a store once per run and place.
pub trait Opener: Send {
    /// The store; `None` if it does not exist and is not to be created.
    fn open(
        &mut self,
        place: &StorePlace,
        surroundings: &mut dyn Surroundings,
        access: Access,
    ) -> Result<Option<Arc<dyn CredentialStore>>, Failure>;

    /// Where a saved secret is, as the end of a sentence.
    fn kept_in(&self, place: &StorePlace, surroundings: &dyn Surroundings) -> String;
}

/// What opening a store needs from the program.
pub trait Surroundings {
    fn variables(&self) -> &Variables;

    /// A variable that holds a duration.
    fn duration(&self, variable: &'static str) -> Result<Option<Duration>, Failure>;

    /// The data directory.
    fn data_directory(&self) -> Result<PathBuf, Failure>;

    /// The lock for changes in it.
    fn data_lock(&self) -> Result<PathBuf, Failure>;

    /// A replacement for the system keyring, in tests and the demo.
    fn keyring(&self) -> Option<Arc<dyn CredentialStore>>;

    /// Whether a person can be asked.
    fn is_interactive(&self) -> bool;

    fn is_quiet(&self) -> bool;

    /// Asks a person for a secret; nothing if there is no person to ask.
    fn ask(&mut self, question: &str) -> Result<Option<Secret>, Failure>;

    /// `note` prints a remark, `say` something the user must see.
    fn note(&mut self, text: &str);
    fn say(&mut self, text: &str);

    /// A secret in a file that a variable names.
    fn secret_file(&mut self, path: &Path, variable: &str) -> Result<Secret, Failure> {
        let mut file = self.open_secret_file(path, variable)?;
        secret_file::read(&mut file, &format!("{variable}: {}", path.display()))
    }

    /// Such a file itself, for what is more than one line.
    fn open_secret_file(&mut self, path: &Path, variable: &str) -> Result<File, Failure>;
}

impl Field {
    /// Access token, refresh token and their times.
    pub const SESSION: Self = Self::new("session", "session");
    /// Not a secret: written and deleted to prove that the store works.
    pub const PROBE: Self = Self::new("probe", "probe");

    /// `label` is for people.
    pub const fn new(name: &'static str, label: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), label: Cow::Borrowed(label) }
    }

    /// The same, of names that are made as the program runs.
    pub fn named(name: String, label: String) -> Self {
        Self { name: name.into(), label: label.into() }
    }

    /// The field of this name, if it can be one: lower-case letters, digits and `-`.
    pub fn of_name(name: &str) -> Option<Self> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_name = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(fits);
        is_name.then(|| Self { name: name.to_owned().into(), label: name.replace('-', " ").into() })
    }

    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// For people.
    pub fn label(&self) -> &str {
        &self.label
    }
}

// The label says nothing new.
impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Field {}

impl std::hash::Hash for Field {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ItemKey {
    pub fn new(connection: ConnectionId, field: Field) -> Self {
        Self { connection, field, name: None }
    }

    /// An item of a connection.
    pub fn of(profile: &Profile, field: Field) -> Self {
        Self { connection: profile.id, field, name: Some(profile.name.clone()) }
    }

    /// The account of the item, as `secret-tool` shows it.
    pub fn account(&self) -> String {
        format!("{}/{}", self.connection, self.field.as_str())
    }

    /// The place that an account names; `None` where it is not one of ours.
    pub fn of_account(account: &str) -> Option<Self> {
        let (connection, field) = account.split_once('/')?;
        let connection = ConnectionId::try_parse(connection).ok()?;
        Some(Self { connection, field: Field::of_name(field)?, name: None })
    }
}
