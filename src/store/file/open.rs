//! Opening the encrypted file: its place, and its key.
//!
//! The key is a passphrase or an identity. It is taken from the variables, or
//! asked for; the store itself asks no questions. No other program is started by any
//! command; one that ever is must not inherit [`PASSPHRASE`], [`PASSPHRASE_FILE`]
//! and [`IDENTITY`].

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::encryption::{BY_PASSPHRASE, GivenBy, Key, LockedWith};
use super::{FileStore, KIND, Needs};
use crate::base::SOURCES;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files::{self, is_public};
use crate::base::secret::Secret;
use crate::base::shown::{Shown, shown};
use crate::model::profile::StorePlace;
use crate::store::{Access, CredentialStore, Opener, StoreSpec, Surroundings};

const PASSPHRASE: &str = "SNOW_STORE_PASSPHRASE";
const PASSPHRASE_FILE: &str = "SNOW_STORE_PASSPHRASE_FILE";
const IDENTITY: &str = "SNOW_STORE_IDENTITY";

/// The encrypted file, in the data directory.
const FILE_NAME: &str = "secrets.age";
/// How long a change waits for those of other processes.
const TIMEOUT: Duration = Duration::from_secs(30);
/// A file of identities is a few lines.
const MAX_IDENTITY_BYTES: u64 = 64 * 1024;

pub static SPEC: StoreSpec = StoreSpec {
    kind: KIND,
    heading: "Encrypted file",
    is_shared: false,
    secret_variables: &[PASSPHRASE],
    secret_files: &[PASSPHRASE_FILE, IDENTITY],
    durations: &[],
    settings: &[],
    shown: |_, _| Vec::new(),
    opener: || Box::new(FileOpener(None)),
    causes: Vec::new,
};

struct FileOpener(Option<Arc<FileStore>>);

impl Opener for FileOpener {
    fn open(
        &mut self,
        _: &StorePlace,
        surroundings: &mut dyn Surroundings,
        access: Access,
    ) -> Result<Option<Arc<dyn CredentialStore>>, Failure> {
        let store = match self.store(surroundings) {
            // Without a place for it there is none.
            Err(_) if access == Access::Unasked => return Ok(None),
            store => store?,
        };
        let key = match (store.needs(), access) {
            (Ok(Needs::NewKey), Access::Unasked) => return Ok(None),
            // What is wrong with it is said when it is used.
            (_, Access::Unasked) => key_of_variables(surroundings)?,
            (needs, _) => match needs? {
                Needs::NewKey if access == Access::New => Some(new_key(surroundings, &store)?),
                Needs::Key(with) => key(surroundings, &store, with)?,
                Needs::NewKey | Needs::Nothing => None,
            },
        };
        if let Some(key) = key {
            store.unlock(key);
        }
        Ok(Some(store))
    }

    fn kept_in(&self, _: &StorePlace, surroundings: &dyn Surroundings) -> String {
        let path = surroundings.data_directory().map(|directory| directory.join(FILE_NAME).display().to_string());
        format!("in the encrypted file\n  {}", path.unwrap_or_default())
    }
}

impl FileOpener {
    fn store(&mut self, surroundings: &mut dyn Surroundings) -> Result<Arc<FileStore>, Failure> {
        if let Some(store) = &self.0 {
            return Ok(store.clone());
        }
        let path = surroundings.data_directory()?.join(FILE_NAME);
        tracing::info!(target: SOURCES, "secrets: {}", path.display());
        if std::fs::metadata(&path).is_ok_and(|metadata| is_public(&metadata)) {
            surroundings.note(&format!(
                "note: other users of this machine can read {}; the next change fixes that",
                path.display()
            ));
        }
        let store = Arc::new(FileStore::new(path, surroundings.data_lock()?, TIMEOUT));
        Ok(self.0.insert(store).clone())
    }
}

/// The key to the file that is there; `None` once a person has opened it.
fn key(surroundings: &mut dyn Surroundings, store: &FileStore, with: LockedWith) -> Result<Option<Key>, Failure> {
    if let Some(key) = key_of_variables(surroundings)? {
        return Ok(Some(key));
    }
    while with == LockedWith::Passphrase
        && let Some(passphrase) = surroundings.ask("Passphrase of the encrypted file")?
    {
        store.unlock(Key::Passphrase { passphrase, given_by: GivenBy::Prompt });
        if !store.refuses_its_key() {
            return Ok(None);
        }
        surroundings.say("  ! The file does not open with this passphrase. Try again, or press Ctrl-C to cancel.");
    }
    Err(store.missing_key(with).into())
}

/// The fewest characters of the passphrase of a new file. A file that is there opens with
/// the one that it has.
const SHORTEST_PASSPHRASE: usize = 8;
const TOO_SHORT: &str = "A passphrase needs at least 8 characters: a stolen file can be guessed at.";

fn is_short(passphrase: &Secret) -> bool {
    passphrase.expose().chars().count() < SHORTEST_PASSPHRASE
}

/// The key for a file that is about to be made.
fn new_key(surroundings: &mut dyn Surroundings, store: &FileStore) -> Result<Key, Failure> {
    if let Some(key) = key_of_variables(surroundings)? {
        return match &key {
            Key::Passphrase { passphrase, given_by: GivenBy::Variable(name) } if is_short(passphrase) => {
                Err(Failure::new(Code::InvalidSecret, shown!("the passphrase in {} is too short for a new file", name))
                    .why(shown!("{} Nothing was created.", TOO_SHORT))
                    .next(shown!("Set {} to a longer passphrase", name)))
            }
            _ => Ok(key),
        };
    }
    let path = store.path().display().to_string();
    if !surroundings.is_interactive() {
        let message = shown!("the new encrypted file {} needs a passphrase", Shown::outside(&path));
        return Err(Failure::new(Code::StoreLocked, message)
            .why("There is no terminal to ask on, or --no-input, SNOW_NO_INPUT or CI is set.")
            .next(BY_PASSPHRASE)
            .next(shown!("Set {} to an age identity file written by age-keygen", IDENTITY))
            .evidence("path", Shown::outside(path)));
    }
    surroundings.note(&format!("  New file  {path}"));
    loop {
        let Some(passphrase) = surroundings.ask("New passphrase for the encrypted file")? else { break };
        if is_short(&passphrase) {
            surroundings.say(&format!("  ! {TOO_SHORT}"));
            continue;
        }
        let Some(again) = surroundings.ask("Repeat the passphrase")? else { break };
        if passphrase.expose() == again.expose() {
            return Ok(Key::Passphrase { passphrase, given_by: GivenBy::Prompt });
        }
        surroundings.say("  ! The passphrases differ. Try again, or press Ctrl-C to cancel.");
    }
    Err(store.missing_key(LockedWith::Passphrase).into())
}

fn key_of_variables(surroundings: &mut dyn Surroundings) -> Result<Option<Key>, Failure> {
    let set: Vec<(&str, PathBuf)> = [PASSPHRASE, PASSPHRASE_FILE, IDENTITY]
        .into_iter()
        .filter(|name| surroundings.variables().raw(name).is_some())
        .map(|name| (name, surroundings.variables().path(name).unwrap_or_default()))
        .collect();
    if let [(one, _), (other, _), ..] = set.as_slice() {
        return Err(Failure::new(Code::Usage, shown!("{} and {} are both set", one, other))
            .why("Both give the key for the encrypted file.")
            .next("Unset one of them"));
    }
    let Some((name, value)) = set.into_iter().next() else {
        return Ok(None);
    };
    if value.as_os_str().is_empty() {
        return Err(Failure::new(Code::Usage, shown!("{} is set, but empty", name))
            .next(shown!("Set {} to a value, or unset it", name)));
    }
    if name == IDENTITY {
        return identity_file(surroundings, files::absolute(&value)).map(Some);
    }
    let (passphrase, name) = match name {
        PASSPHRASE_FILE => (surroundings.secret_file(&value, PASSPHRASE_FILE)?, PASSPHRASE_FILE),
        _ => (passphrase_variable(surroundings)?, PASSPHRASE),
    };
    Ok(Some(Key::Passphrase { passphrase, given_by: GivenBy::Variable(name) }))
}

fn passphrase_variable(surroundings: &dyn Surroundings) -> Result<Secret, Failure> {
    let invalid = |reason: String| {
        Failure::new(
            Code::InvalidSecret,
            shown!("{} is not a valid passphrase: {}", PASSPHRASE, Shown::outside(&reason)),
        )
        .next(shown!("Correct {}", PASSPHRASE))
    };
    let text = surroundings.variables().text(PASSPHRASE).ok_or_else(|| invalid("it is not valid UTF-8".to_owned()))?;
    Secret::of_line(text).map_err(|error| invalid(error.to_string()))
}

fn identity_file(surroundings: &mut dyn Surroundings, path: PathBuf) -> Result<Key, Failure> {
    let file = surroundings.open_secret_file(&path, IDENTITY)?;
    let invalid = |reason: String| {
        Failure::new(
            Code::InvalidSecret,
            shown!("{} does not contain a valid identity: {}", path.display(), Shown::outside(&reason)),
        )
        .why(shown!("{} points to this file.", IDENTITY))
        .next("Use an X25519 identity file written by age-keygen")
    };
    let mut content = Zeroizing::new(String::with_capacity(4096));
    file.take(MAX_IDENTITY_BYTES).read_to_string(&mut content).map_err(|error| invalid(error.to_string()))?;
    Key::from_identity_file(&content, path.clone()).map_err(invalid)
}
