//! One encrypted file for the secrets of all connections, for machines without
//! a keyring.
//!
//! Owns the way of a change: the kernel lock, reading again, decrypting,
//! changing, encrypting, replacing the file atomically. Concurrent changes of two
//! processes both stay, and a crash leaves the old or the new file.
//! A file that a power cut damaged is read as it was before the change. Any other that
//! cannot be understood is named and never overwritten. The
//! encryption is in [`encryption`], what is inside in [`records`]. Where the key
//! comes from, and asking a person for it, is the business of the commands.

pub mod encryption;
pub mod open;
mod records;

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use age::Encryptor;
use async_trait::async_trait;

use super::thread::OwnThread;
use super::{CredentialStore, Field, ItemKey, StoreError, StoredItem, Trouble};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files::{self, Durability, Lock, ReadError, Replacement};
use crate::base::secret::Secret;
use crate::base::shown::{Shown, shown};
use crate::model::profile::{ConnectionId, StoreKind};
use encryption::{Key, LockedWith, UnlockError, Unopened};
use records::Records;

/// The store as a connection names it.
pub const KIND: StoreKind = StoreKind::new("file", "the encrypted file");

/// More than ten thousand connections; anything larger is something else.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

pub struct FileStore {
    file: Arc<EncryptedFile>,
    thread: OwnThread,
}

/// The file, and what this run knows of it. What it does blocks.
struct EncryptedFile {
    path: PathBuf,
    lock: PathBuf,
    /// How long a change waits for the changes of other processes.
    timeout: Duration,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    key: Option<Key>,
    opened: Option<Opened>,
    prepared: Option<Prepared>,
}

/// What the next file that is written needs and what is not in it yet.
struct Prepared {
    encryptor: Encryptor,
    replacement: Replacement,
}

/// What the file held when it was last read: opening the same bytes again
/// would cost the work of the passphrase once more.
struct Opened {
    bytes: Vec<u8>,
    records: Result<Records, FileError>,
}

/// What has to be known before the store can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// There is no file yet. Reading needs no key; the first change does.
    NewKey,
    /// The key to a file that is there.
    Key(LockedWith),
}

/// What is wrong with the file, its key or its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    #[error("the encrypted file {path} {}", .unlock_error.what())]
    Locked { path: String, unlock_error: UnlockError },
    #[error("could not read the encrypted file {path}: {reason}")]
    Unreadable { path: String, reason: String },
    #[error("could not write {path}: {reason}")]
    Unwritable { path: String, reason: String },
    #[error("timed out after {} s waiting for other processes that are changing the encrypted file {path}", .timeout.as_secs_f64())]
    Busy { path: String, timeout: Duration },
    #[error("the encrypted file {path} would exceed the {} MiB limit", MAX_BYTES / (1024 * 1024))]
    Full { path: String },
}

impl FileError {
    /// No key was given, so whether one fits is not known.
    fn is_about_a_missing_key(&self) -> bool {
        matches!(self, Self::Locked { unlock_error: UnlockError::Missing(_), .. })
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let message = error.to_string();
        match error {
            FileError::Locked { path, unlock_error } => {
                let failure = Failure::new(Code::StoreLocked, Shown::outside(message))
                    .why(Shown::outside(unlock_error.to_string()));
                let steps = unlock_error.next(&path).into_iter();
                steps.fold(failure, Failure::next).evidence("path", Shown::outside(path))
            }
            FileError::Unreadable { path, .. } => Failure::new(Code::SecretUnreadable, Shown::outside(message))
                .why("The file was not changed.")
                .next(files::way_back(Path::new(&path)).unwrap_or_else(|| {
                    let path = Shown::outside(&path);
                    shown!("Restore {} from a backup, or move it away and sign in again with snow login NAME", path)
                        .into()
                }))
                .evidence("path", Shown::outside(path)),
            FileError::Unwritable { path, .. } => {
                Failure::new(Code::StoreUnwritable, Shown::outside(message))
                    .why("The saved secrets are unchanged.")
                    .next(files::way_back(Path::new(&path)).unwrap_or_else(|| {
                        "Check its permissions and the free space, then run the command again".into()
                    }))
                    .evidence("path", Shown::outside(path))
            }
            FileError::Busy { path, timeout } => Failure::new(Code::StoreBusy, Shown::outside(message))
                .why("Only one process can change it at a time. Nothing was changed.")
                .next("Run the command again")
                .evidence("path", Shown::outside(path))
                .evidence("waited_seconds", timeout.as_secs_f64()),
            FileError::Full { path } => Failure::new(Code::SecretTooLarge, Shown::outside(message))
                .why("Nothing was saved.")
                .next("Use a shorter secret, or remove connections that you no longer need")
                .evidence("path", Shown::outside(path)),
        }
    }
}

impl From<FileError> for StoreError {
    fn from(error: FileError) -> Self {
        let trouble = if error.is_about_a_missing_key() { Trouble::NoKey } else { Trouble::Failed };
        Self::new(KIND, trouble, error)
    }
}

impl FileStore {
    /// The store in the file at `path`, whose changes are made under the lock
    /// at `lock`. Nothing is opened before the first call.
    pub fn new(path: PathBuf, lock: PathBuf, timeout: Duration) -> Self {
        let file = Arc::new(EncryptedFile { path, lock, timeout, inner: Mutex::default() });
        Self { file, thread: OwnThread::new("encrypted file") }
    }

    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// What is missing before the store can be used. Reads the file's header.
    pub fn needs(&self) -> Result<Needs, FileError> {
        let file = &self.file;
        if file.inner().key.is_some() {
            return Ok(Needs::Nothing);
        }
        match file.bytes()? {
            None => Ok(Needs::NewKey),
            Some(bytes) => file.locked_with(&bytes).map(Needs::Key),
        }
    }

    /// The key that the file wants was not given.
    pub fn missing_key(&self, with: LockedWith) -> FileError {
        self.file.missing_key(with)
    }

    /// Whether the passphrase that was typed is another one than the file's. What was
    /// decrypted to see it is kept, so it costs nothing twice.
    pub fn refuses_its_key(&self) -> bool {
        let opened = self.file.open(&mut self.file.inner());
        matches!(opened, Err(FileError::Locked { unlock_error: UnlockError::WrongPassphrase(_), .. }))
    }

    /// The key for this run. Whether it fits shows when the file is opened.
    pub fn unlock(&self, key: Key) {
        *self.file.inner() = Inner { key: Some(key), ..Inner::default() };
    }
}

impl FileStore {
    async fn with_file<T: Send + 'static>(
        &self,
        act: impl FnOnce(&EncryptedFile) -> Result<T, FileError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let file = self.file.clone();
        let done = self.thread.call(move || act(&file)).await;
        Ok(done.unwrap_or_else(|gone| Err(self.file.unreadable(gone.to_string())))?)
    }
}

impl EncryptedFile {
    /// With the key at hand, the next write needs no work for a passphrase and no new file.
    fn prepare(&self, inner: &mut Inner) -> Result<(), FileError> {
        if let (Some(key), None) = (&inner.key, &inner.prepared) {
            let replacement = Replacement::begin(&self.path).map_err(|error| self.unwritable(&self.path, &error))?;
            inner.prepared = Some(Prepared { encryptor: encryption::prepare(key), replacement });
        }
        Ok(())
    }

    fn missing_key(&self, with: LockedWith) -> FileError {
        self.unopened(Unopened::Locked(UnlockError::Missing(with)))
    }

    /// Changes the records as they are once this process has its turn; `change`
    /// says whether there is anything to write.
    fn change(&self, change: impl FnOnce(&mut Records) -> bool) -> Result<(), FileError> {
        let mut inner = self.inner();
        // Before its turn, so that others do not wait for it.
        self.prepare(&mut inner)?;
        let _lock = self.take_turn()?;
        let (_, mut records) = self.open(&mut inner)?;
        // Left by a run that was killed between writing and undoing one.
        records.forget(Field::PROBE.as_str());
        if !change(&mut records) {
            inner.prepared = None;
            return Ok(());
        }
        let sealed = self.replace(&mut inner, &records)?;
        inner.opened = Some(Opened { bytes: sealed, records: Ok(records) });
        Ok(())
    }

    /// Writes an item that is no secret and puts the former file back: the
    /// same bytes, since encrypting them anew would cost the work once more.
    fn write_probe_and_undo(&self, probe: ItemKey) -> Result<bool, FileError> {
        let mut inner = self.inner();
        self.prepare(&mut inner)?;
        let _lock = self.take_turn()?;
        let (former, mut records) = self.open(&mut inner)?;
        records.put(probe.account(), "probe");
        let sealed = self.replace(&mut inner, &records)?;
        let is_there = self.bytes().is_ok_and(|bytes| bytes.as_ref() == Some(&sealed));
        match &former {
            Some(bytes) => self.put(Replacement::begin(&self.path), bytes)?,
            None => std::fs::remove_file(&self.path).map_err(|error| self.unwritable(&self.path, &error))?,
        }
        Ok(is_there && self.bytes()? == former)
    }

    /// The file and what is in it. If a power cut damaged it, they are those from before
    /// the write that it broke off.
    fn open(&self, inner: &mut Inner) -> Result<(Option<Vec<u8>>, Records), FileError> {
        let Some(mut bytes) = self.bytes()? else {
            return Ok((None, Records::default()));
        };
        if let Some(opened) = inner.opened.as_ref().filter(|opened| opened.bytes == bytes) {
            return opened.records.clone().map(|records| (Some(bytes), records));
        }
        let Some(key) = &inner.key else {
            return Err(self.missing_key(self.locked_with(&bytes)?));
        };
        tracing::debug!("file store: decrypting {}", self.path.display());
        let mut records = self.decrypt(key, &bytes);
        if matches!(records, Err(FileError::Unreadable { .. }))
            && let Some(former) = self.former()
        {
            records = self.decrypt(key, &former);
            bytes = former;
        }
        inner.opened = Some(Opened { bytes: bytes.clone(), records: records.clone() });
        records.map(|records| (Some(bytes), records))
    }

    fn decrypt(&self, key: &Key, bytes: &[u8]) -> Result<Records, FileError> {
        let content = encryption::open(key, bytes).map_err(|error| self.unopened(error))?;
        Records::read(&content).map_err(|reason| self.unreadable(reason.to_string()))
    }

    fn locked_with(&self, bytes: &[u8]) -> Result<LockedWith, FileError> {
        encryption::locked_with(bytes)
            .or_else(|error| match self.former() {
                Some(former) => encryption::locked_with(&former),
                None => Err(error),
            })
            .map_err(|error| self.unopened(error))
    }

    fn former(&self) -> Option<Vec<u8>> {
        files::read_former(&self.path, MAX_BYTES)
    }

    /// Replaces the file by one with these records; gives its bytes.
    fn replace(&self, inner: &mut Inner, records: &Records) -> Result<Vec<u8>, FileError> {
        let Some(Prepared { encryptor, replacement }) = inner.prepared.take() else {
            return Err(self.missing_key(LockedWith::Passphrase));
        };
        tracing::debug!("file store: encrypting {}", self.path.display());
        let sealed = encryption::seal(encryptor, &records.written());
        // Nothing is written that would not be read back.
        if sealed.len() as u64 > MAX_BYTES {
            return Err(FileError::Full { path: shown(&self.path) });
        }
        self.put(Ok(replacement), &sealed)?;
        Ok(sealed)
    }

    fn bytes(&self) -> Result<Option<Vec<u8>>, FileError> {
        files::read(&self.path, MAX_BYTES).map_err(|error| match error {
            ReadError::Io(error) if error.kind() == ErrorKind::NotFound => {
                self.unreadable("it is a link to a file that does not exist".to_owned())
            }
            error => self.unreadable(error.to_string()),
        })
    }

    fn put(&self, replacement: io::Result<Replacement>, bytes: &[u8]) -> Result<(), FileError> {
        replacement
            .and_then(|replacement| replacement.finish(bytes, Durability::Swift))
            .map_err(|error| self.unwritable(&self.path, &error))
    }

    fn take_turn(&self) -> Result<Lock, FileError> {
        let lock = Lock::acquire(&self.lock, self.timeout).map_err(|error| self.unwritable(&self.lock, &error))?;
        lock.ok_or_else(|| FileError::Busy { path: shown(&self.path), timeout: self.timeout })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unopened(&self, error: Unopened) -> FileError {
        match error {
            Unopened::Locked(unlock_error) => FileError::Locked { path: shown(&self.path), unlock_error },
            Unopened::Damaged(reason) => self.unreadable(reason),
        }
    }

    fn unreadable(&self, reason: String) -> FileError {
        FileError::Unreadable { path: shown(&self.path), reason }
    }

    fn unwritable(&self, path: &Path, error: &io::Error) -> FileError {
        FileError::Unwritable { path: shown(path), reason: error.to_string() }
    }
}

#[async_trait]
impl CredentialStore for FileStore {
    fn kind(&self) -> StoreKind {
        KIND
    }

    /// Reading waits for no lock: the file is replaced whole.
    async fn read(&self, key: ItemKey) -> Result<Option<Secret>, StoreError> {
        self.with_file(move |file| Ok(file.open(&mut file.inner())?.1.get(&key.account()))).await
    }

    async fn write(&self, key: ItemKey, record: &Secret) -> Result<(), StoreError> {
        let record = record.clone();
        self.with_file(move |file| {
            file.change(|records| {
                records.put(key.account(), record.expose());
                true
            })
        })
        .await
    }

    async fn prepare(&self, _key: ItemKey) -> Result<(), StoreError> {
        self.with_file(|file| file.prepare(&mut file.inner())).await
    }

    async fn delete(&self, key: ItemKey) -> Result<(), StoreError> {
        self.with_file(move |file| match file.bytes()? {
            None => Ok(()),
            Some(_) => file.change(|records| records.remove(&key.account())),
        })
        .await
    }

    async fn inventory(&self) -> Result<Option<Vec<StoredItem>>, StoreError> {
        self.with_file(|file| {
            let (_, records) = file.open(&mut file.inner())?;
            let item = |account: &str| StoredItem { account: account.to_owned(), is_locked: false };
            Ok(Some(records.accounts().map(item).collect()))
        })
        .await
    }

    fn remedy(&self) -> &'static str {
        "Check whether the directory of the encrypted file is on a network drive or synchronized"
    }

    async fn prove(&self, connection: ConnectionId) -> Result<(), StoreError> {
        let probe = ItemKey::new(connection, Field::PROBE);
        let is_kept = self.with_file(move |file| file.write_probe_and_undo(probe)).await?;
        if is_kept { Ok(()) } else { Err(self.unreliable()) }
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
