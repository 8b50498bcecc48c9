//! Which store a command uses, and opening it: once a run for each kind, then
//! it is cached.
//!
//! The encrypted file needs a passphrase or an identity. Here it is taken from
//! the variables, or asked for; the store itself asks nobody. No other program
//! is started by any command; one that ever is must not inherit
//! [`PASSPHRASE`], [`PASSPHRASE_FILE`] and [`IDENTITY`].

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::app::App;
use super::secrets::is_public;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, shown};
use crate::model::profile::{ConnectionId, StoreKind};
use crate::store::CredentialStore;
use crate::store::file::encryption::{BY_PASSPHRASE, GivenBy, Key, LockedWith};
use crate::store::file::{FileStore, Needs};
use crate::store::keyring::Notice;

const PASSPHRASE: &str = "SNOW_STORE_PASSPHRASE";
const PASSPHRASE_FILE: &str = "SNOW_STORE_PASSPHRASE_FILE";
const IDENTITY: &str = "SNOW_STORE_IDENTITY";

/// The encrypted file, in the data directory.
const FILE_NAME: &str = "secrets.age";
/// How long a keyring may take: with a person who may have to unlock it, and
/// without one.
const KEYRING_TIMEOUT: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(10));
/// How long a change of the encrypted file waits for those of other processes.
const FILE_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a person may fail to type the same new passphrase twice.
const TRIES: usize = 3;
/// A file of identities is a few lines.
const MAX_IDENTITY_BYTES: u64 = 64 * 1024;

/// The stores that this run has opened.
#[derive(Default)]
pub struct Stores {
    keyring: Option<Arc<dyn CredentialStore>>,
    file: Option<Arc<FileStore>>,
}

impl App {
    /// The store of a saved connection. Where it is the encrypted file, and the
    /// file is there, its key is taken or asked for.
    pub fn store(&mut self, kind: StoreKind) -> Result<Arc<dyn CredentialStore>, Failure> {
        match kind {
            StoreKind::Keyring => self.keyring(),
            StoreKind::File => {
                let store = self.file_store()?;
                if let Needs::Key(with) = store.needs()? {
                    let key = self.key(&store, with)?;
                    store.unlock(key);
                }
                Ok(store)
            }
        }
    }

    /// The stores that are there or that a connection uses, as far as they open
    /// without asking anybody.
    pub fn stores_unasked(&mut self) -> Result<Vec<Arc<dyn CredentialStore>>, Failure> {
        let mut stores = vec![self.keyring()?];
        // Without a place for it there is none.
        let file = match self.file_store() {
            Ok(file) if !matches!(file.needs(), Ok(Needs::NewKey)) => file,
            _ => return Ok(stores),
        };
        if let Some(key) = self.key_of_variables()? {
            file.unlock(key);
        }
        stores.push(file);
        Ok(stores)
    }

    /// Proves that a store will take a secret, before one is asked for. Where
    /// it is the encrypted file and there is none yet, its key is chosen here.
    pub async fn prove_store(&mut self, kind: StoreKind, connection: ConnectionId) -> Result<(), Failure> {
        if kind == StoreKind::File {
            let store = self.file_store()?;
            if store.needs()? == Needs::NewKey {
                let key = self.new_key(&store)?;
                store.unlock(key);
            }
        }
        Ok(self.store(kind)?.prove(connection).await?)
    }

    /// Where the secrets of new connections go.
    pub fn store_of_new(&self) -> Result<StoreKind, Failure> {
        match self.variables.text("SNOW_STORE") {
            None => Ok(StoreKind::Keyring),
            Some(store) => store
                .parse()
                .map_err(|error| Failure::new(Code::Usage, shown!("SNOW_STORE: {}", error)).next("Unset SNOW_STORE")),
        }
    }

    /// Where a saved secret is, to end a sentence with.
    pub fn kept_in(&self, kind: StoreKind) -> String {
        let path = || Some(self.context.data_directory().ok()?.join(FILE_NAME).display().to_string());
        match kind {
            StoreKind::Keyring => "in your keyring".to_owned(),
            StoreKind::File => format!("in the encrypted file\n  {}", path().unwrap_or_default()),
        }
    }

    pub fn keyring_timeout(&self) -> Result<Duration, Failure> {
        let (with_person, without) = KEYRING_TIMEOUT;
        let usual = if self.is_interactive() { with_person } else { without };
        Ok(self.duration_variable("SNOW_KEYRING_TIMEOUT")?.unwrap_or(usual))
    }

    fn keyring(&mut self) -> Result<Arc<dyn CredentialStore>, Failure> {
        let timeout = self.keyring_timeout()?;
        let notice = (self.is_interactive() && !self.console.quiet).then(|| Box::new(say_keyring_is_slow) as Notice);
        let context = &self.context;
        Ok(self.stores.keyring.get_or_insert_with(|| context.keyring(timeout, notice)).clone())
    }

    fn file_store(&mut self) -> Result<Arc<FileStore>, Failure> {
        if let Some(store) = &self.stores.file {
            return Ok(store.clone());
        }
        let path = self.context.data_directory()?.join(FILE_NAME);
        tracing::info!("secrets: {}", path.display());
        if std::fs::metadata(&path).is_ok_and(|metadata| is_public(&metadata)) {
            self.console.note(&format!(
                "note: {} can be read by other users of this machine; the next change of it ends that",
                path.display()
            ));
        }
        let store = Arc::new(FileStore::new(path, self.state()?.secrets_lock(), FILE_TIMEOUT));
        self.stores.file = Some(store.clone());
        Ok(store)
    }

    /// The key to the file that is there.
    fn key(&mut self, store: &FileStore, with: LockedWith) -> Result<Key, Failure> {
        if let Some(key) = self.key_of_variables()? {
            return Ok(key);
        }
        match self.person().filter(|_| with == LockedWith::Passphrase) {
            Some(person) => {
                let passphrase = person.secret("Passphrase of the encrypted file")?;
                Ok(Key::Passphrase { passphrase, given_by: GivenBy::Prompt })
            }
            None => Err(store.missing_key(with).into()),
        }
    }

    /// The key for a file that is about to be made.
    fn new_key(&mut self, store: &FileStore) -> Result<Key, Failure> {
        if let Some(key) = self.key_of_variables()? {
            return Ok(key);
        }
        let path = store.path().display().to_string();
        if !self.is_interactive() {
            let message =
                shown!("the encrypted file {} is to be made, and its passphrase is missing", Shown::outside(&path));
            return Err(Failure::new(Code::StoreLocked, message)
                .why("There is no terminal to ask at, or asking was forbidden.")
                .next(BY_PASSPHRASE)
                .next(shown!("Set {} to the file of an age identity, as age-keygen writes it", IDENTITY))
                .evidence("path", Shown::outside(path)));
        }
        self.console.note(&format!("  New file  {path}"));
        for _ in 0..TRIES {
            let Some(person) = self.person() else { break };
            let passphrase = person.secret("New passphrase for the encrypted file")?;
            let again = person.secret("The same passphrase again")?;
            if passphrase.expose() == again.expose() {
                return Ok(Key::Passphrase { passphrase, given_by: GivenBy::Prompt });
            }
            self.console.say("  These were two different ones.");
        }
        Err(Failure::new(Code::StoreLocked, shown!("the encrypted file {} got no passphrase", Shown::outside(&path)))
            .why("Two different ones were typed each time. Nothing was made.")
            .next("Run the command again")
            .evidence("path", Shown::outside(path)))
    }

    fn key_of_variables(&mut self) -> Result<Option<Key>, Failure> {
        let set: Vec<(&str, PathBuf)> = [PASSPHRASE, PASSPHRASE_FILE, IDENTITY]
            .into_iter()
            .filter_map(|name| Some((name, PathBuf::from(self.variables.raw(name)?))))
            .collect();
        if let [(one, _), (other, _), ..] = set.as_slice() {
            return Err(Failure::new(Code::Usage, shown!("{} and {} are both set", one, other))
                .why("Each of them says how to open the encrypted file.")
                .next("Unset one of them"));
        }
        let Some((name, value)) = set.into_iter().next() else {
            return Ok(None);
        };
        if value.as_os_str().is_empty() {
            return Err(Failure::new(Code::Usage, shown!("{} is set, but empty", name))
                .next(shown!("Give {} a value, or unset it", name)));
        }
        if name == IDENTITY {
            return self.identity_file(files::absolute(&value)).map(Some);
        }
        let (passphrase, name) = match name {
            PASSPHRASE_FILE => (self.secret_file(&value, PASSPHRASE_FILE)?, PASSPHRASE_FILE),
            _ => (self.passphrase_variable()?, PASSPHRASE),
        };
        Ok(Some(Key::Passphrase { passphrase, given_by: GivenBy::Variable(name) }))
    }

    fn passphrase_variable(&self) -> Result<Secret, Failure> {
        let invalid = |reason: String| {
            Failure::new(
                Code::InvalidSecret,
                shown!("{} cannot be a passphrase: {}", PASSPHRASE, Shown::outside(&reason)),
            )
            .next(shown!("Correct {}", PASSPHRASE))
        };
        let text = self.variables.text(PASSPHRASE).ok_or_else(|| invalid("it is not valid UTF-8".to_owned()))?;
        Secret::new(text.to_owned()).map_err(|error| invalid(error.to_string()))
    }

    fn identity_file(&mut self, path: PathBuf) -> Result<Key, Failure> {
        let file = self.open_secret_file(&path, IDENTITY)?;
        let invalid = |reason: String| {
            Failure::new(
                Code::InvalidSecret,
                shown!("{} holds no usable identity: {}", path.display(), Shown::outside(&reason)),
            )
            .why(shown!("{} names this file.", IDENTITY))
            .next("Give the file of an X25519 identity, as age-keygen writes it")
        };
        let mut content = Zeroizing::new(String::with_capacity(4096));
        file.take(MAX_IDENTITY_BYTES).read_to_string(&mut content).map_err(|error| invalid(error.to_string()))?;
        Key::from_identity_file(&content, path.clone()).map_err(invalid)
    }
}

/// Said while the keyring holds everything up, so past the console.
fn say_keyring_is_slow() {
    let _ = writeln!(std::io::stderr(), "Waiting for the keyring. It may ask for its password in a window.");
}
