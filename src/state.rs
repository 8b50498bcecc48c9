//! What `snow` remembers between runs and could do without: the last test of
//! each connection, and refusals in a row. Never a secret, nor anything
//! derived from one.
//!
//! A damaged file is started anew. A state directory that cannot be written
//! fails no command but those that change connections,
//! whose lock is there.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::connection::basic::UserName;
use crate::connection::instance::Instance;
use crate::connection::profile::ConnectionId;
use crate::error::Code;
use crate::files::{self, Durability, Lock};

const MAX_BYTES: u64 = 16 * 1024 * 1024;
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
/// Refusals in a row after which a saved password is not sent again by
/// itself. ServiceNow locks an account at five.
pub const REFUSALS_BEFORE_STOP: u32 = 3;

/// The state directory.
#[derive(Debug, Clone)]
pub struct State {
    pub directory: PathBuf,
}

/// How the last test of a connection ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastTest {
    pub at: DateTime<Utc>,
    pub ok: bool,
    pub class: Option<String>,
    pub code: Option<String>,
}

impl LastTest {
    /// How it ended: well, or with a code.
    pub fn of(at: DateTime<Utc>, failure: Option<Code>) -> Self {
        Self {
            at,
            ok: failure.is_none(),
            class: failure.map(|code| code.class().as_str().to_owned()),
            code: failure.map(|code| code.as_str().to_owned()),
        }
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Tests {
    tests: BTreeMap<ConnectionId, LastTest>,
}

#[derive(Default, Serialize, Deserialize)]
struct Refusals {
    refusals: Vec<Refused>,
}

#[derive(Serialize, Deserialize)]
struct Refused {
    origin: String,
    user_name: String,
    count: u32,
}

impl State {
    /// The lock for changes of the connections file.
    pub fn config_lock(&self) -> PathBuf {
        self.directory.join("locks").join("config.lock")
    }

    /// The lock for changes of the encrypted file of secrets.
    pub fn secrets_lock(&self) -> PathBuf {
        self.directory.join("locks").join("secrets.lock")
    }

    pub fn last_tests(&self) -> BTreeMap<ConnectionId, LastTest> {
        self.read::<Tests>("tests.json").tests
    }

    pub fn record_test(&self, id: ConnectionId, test: LastTest) -> io::Result<()> {
        self.change("tests.json", |file: &mut Tests| {
            file.tests.insert(id, test);
        })
    }

    /// Forgets what was seen of a connection that is removed.
    pub fn forget(&self, id: ConnectionId) -> io::Result<()> {
        if !self.last_tests().contains_key(&id) {
            return Ok(());
        }
        self.change("tests.json", |file: &mut Tests| {
            file.tests.remove(&id);
        })
    }

    /// How often in a row this user's password was refused by this origin.
    pub fn refusals(&self, instance: &Instance, user: &UserName) -> u32 {
        let file: Refusals = self.read("refusals.json");
        file.refusals.iter().find(|refused| refused.is(instance, user)).map_or(0, |refused| refused.count)
    }

    pub fn record_refusal(&self, instance: &Instance, user: &UserName) -> io::Result<()> {
        self.change("refusals.json", |file: &mut Refusals| {
            match file.refusals.iter_mut().find(|refused| refused.is(instance, user)) {
                Some(refused) => refused.count = refused.count.saturating_add(1),
                None => file.refusals.push(Refused {
                    origin: instance.origin().to_owned(),
                    user_name: user.as_str().to_lowercase(),
                    count: 1,
                }),
            }
        })
    }

    /// A sign-in succeeded, or a secret was newly entered.
    pub fn clear_refusals(&self, instance: &Instance, user: &UserName) -> io::Result<()> {
        if self.refusals(instance, user) == 0 {
            return Ok(());
        }
        self.change("refusals.json", |file: &mut Refusals| {
            file.refusals.retain(|refused| !refused.is(instance, user));
        })
    }

    fn read<T: Default + DeserializeOwned>(&self, name: &str) -> T {
        let bytes = files::read(&self.directory.join(name), MAX_BYTES);
        bytes.ok().flatten().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    fn change<T>(&self, name: &str, change: impl FnOnce(&mut T)) -> io::Result<()>
    where
        T: Default + Serialize + DeserializeOwned,
    {
        let lock = self.directory.join("locks").join("state.lock");
        let _lock = Lock::acquire(&lock, LOCK_PATIENCE)?
            .ok_or_else(|| io::Error::new(io::ErrorKind::TimedOut, "another snow holds the state directory"))?;
        let mut content: T = self.read(name);
        change(&mut content);
        let text = serde_json::to_vec(&content)?;
        files::write(&self.directory.join(name), &text, Durability::Cached)
    }
}

impl Refused {
    fn is(&self, instance: &Instance, user: &UserName) -> bool {
        self.origin == instance.origin() && user.matches(&self.user_name)
    }
}
