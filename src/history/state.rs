//! What `snow` remembers between runs and could do without: the last test of
//! each connection, the times of its session, and refusals in a row. Never a secret, nor anything
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

use crate::auth::method::{MethodSpec, Renewal};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files::{self, Durability, Lock};
use crate::base::shown::{Step, shown};
use crate::history::fingerprint::{Kept, Memory, Stored};
use crate::history::last_test::LastTest;
use crate::model::instance::Instance;
use crate::model::profile::{AuthMethod, ConnectionId, ConnectionName, Profile};
use crate::model::tokens::SavedSession;
use crate::model::user_name::UserName;

const SESSIONS: &str = "sessions.json";
const TESTS: &str = "tests.json";
const MAX_BYTES: u64 = 16 * 1024 * 1024;
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// Refusals in a row after which a saved password is not sent again by
/// itself. ServiceNow locks an account at five.
pub const REFUSALS_BEFORE_STOP: u32 = 3;

/// The state directory.
#[derive(Debug, Clone)]
pub struct State {
    pub directory: PathBuf,
}

/// What is known of a session without opening the store. Times alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SessionNote {
    /// Null if there is no session, as far as is known here.
    pub signed_in_at: Option<DateTime<Utc>>,
    /// When the access token in use came, where that was by a renewal.
    pub refreshed_at: Option<DateTime<Utc>>,
    /// Nothing where the server did not say.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether it can be renewed without a person.
    pub renewable: bool,
    /// When the token endpoint last refused to renew it.
    pub refused_at: Option<DateTime<Utc>>,
}

/// Whether a session can be used, as far as is known offline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// Its token is good, or can be renewed.
    Healthy,
    /// Its token has expired, and nothing renews it.
    Expired,
    /// The token endpoint refused to renew it.
    Dead,
    /// Not signed in.
    Absent,
}

impl SessionNote {
    pub fn of(session: &SavedSession, method: AuthMethod) -> Self {
        Self {
            signed_in_at: Some(session.signed_in_at),
            refreshed_at: (session.generation > 1).then_some(session.obtained_at),
            expires_at: session.expires_at,
            renewable: session.refresh_token.is_some() || MethodSpec::of(method).renewal == Renewal::SignsInAgain,
            refused_at: session.refused_at,
        }
    }

    /// Of an access token that was entered.
    pub fn of_token(now: DateTime<Utc>, ends_at: DateTime<Utc>) -> Self {
        Self { signed_in_at: Some(now), expires_at: Some(ends_at), ..Self::default() }
    }

    pub fn health(&self, now: DateTime<Utc>) -> Health {
        let is_over = self.expires_at.is_some_and(|expires_at| expires_at <= now);
        match (self.signed_in_at, is_over, self.refused_at, self.renewable) {
            (None, ..) => Health::Absent,
            (Some(_), _, Some(_), _) => Health::Dead,
            (Some(_), true, None, false) => Health::Expired,
            _ => Health::Healthy,
        }
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Sessions {
    sessions: BTreeMap<ConnectionId, Kept<SessionNote>>,
}

#[derive(Default, Serialize, Deserialize)]
struct Tests {
    tests: BTreeMap<ConnectionId, Kept<LastTest>>,
    /// Of every connection that signed in, also without a session.
    #[serde(default)]
    stored: BTreeMap<ConnectionId, Kept<Stored>>,
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

    /// The lock for renewals of one connection's session, and for whatever
    /// replaces, moves or deletes its secrets.
    pub fn session_lock(&self, id: ConnectionId) -> PathBuf {
        self.directory.join("locks").join(format!("{id}.lock"))
    }

    /// What is known of all sessions.
    pub fn sessions(&self) -> Memory<SessionNote> {
        Memory::new(self.read::<Sessions>(SESSIONS).sessions)
    }

    /// What is known of a connection's session.
    pub fn session(&self, profile: &Profile) -> Option<SessionNote> {
        self.sessions().of(profile).cloned()
    }

    /// Which connections have a stored secret or session, as far as is known here.
    pub fn stored(&self) -> Memory<Stored> {
        Memory::new(self.read::<Tests>(TESTS).stored)
    }

    pub fn record_session(&self, profile: &Profile, note: SessionNote) -> io::Result<()> {
        self.change(SESSIONS, |file: &mut Sessions| {
            file.sessions.insert(profile.id, Kept::of(profile, note));
        })
    }

    /// What signs in was stored.
    pub fn record_stored(&self, profile: &Profile) -> io::Result<()> {
        self.change(TESTS, |file: &mut Tests| {
            file.stored.insert(profile.id, Kept::of(profile, Stored {}));
        })
    }

    /// The session of before is replaced by something without a known end.
    pub fn forget_session_note(&self, id: ConnectionId) -> io::Result<()> {
        if self.read::<Sessions>(SESSIONS).sessions.contains_key(&id) {
            self.change(SESSIONS, |file: &mut Sessions| {
                file.sessions.remove(&id);
            })?;
        }
        Ok(())
    }

    /// Nothing is stored any more that signs in.
    pub fn forget_session(&self, id: ConnectionId) -> io::Result<()> {
        self.forget_session_note(id)?;
        if self.read::<Tests>(TESTS).stored.contains_key(&id) {
            self.change(TESTS, |file: &mut Tests| {
                file.stored.remove(&id);
            })?;
        }
        Ok(())
    }

    pub fn last_tests(&self) -> Memory<LastTest> {
        Memory::new(self.read::<Tests>(TESTS).tests)
    }

    pub fn last_test(&self, profile: &Profile) -> Option<LastTest> {
        self.last_tests().of(profile).cloned()
    }

    pub fn record_tests<'p>(&self, tests: impl IntoIterator<Item = (&'p Profile, LastTest)>) -> io::Result<()> {
        let tests = tests.into_iter().map(|(profile, test)| (profile.id, Kept::of(profile, test)));
        self.change(TESTS, |file: &mut Tests| file.tests.extend(tests))
    }

    /// Before a connection is changed: what an older `snow` remembers of it is about the
    /// fields that it has.
    pub fn settle(&self, profile: &Profile) -> io::Result<()> {
        let (sessions, tests): (Sessions, Tests) = (self.read(SESSIONS), self.read(TESTS));
        if sessions.sessions.get(&profile.id).is_some_and(Kept::is_old) {
            self.change(SESSIONS, |file: &mut Sessions| {
                file.sessions.entry(profile.id).and_modify(|kept| kept.settle(profile));
            })?;
        }
        if tests.tests.get(&profile.id).is_some_and(Kept::is_old) {
            self.change(TESTS, |file: &mut Tests| {
                file.tests.entry(profile.id).and_modify(|kept| kept.settle(profile));
            })?;
        }
        Ok(())
    }

    /// The secrets of a connection were moved to another store: what is remembered of it
    /// stays true.
    pub fn carry(&self, former: &Profile, profile: &Profile) -> io::Result<()> {
        let id = profile.id;
        self.change(SESSIONS, |file: &mut Sessions| {
            file.sessions.entry(id).and_modify(|kept| kept.carry(former, profile));
        })?;
        self.change(TESTS, |file: &mut Tests| {
            file.tests.entry(id).and_modify(|kept| kept.carry(former, profile));
            file.stored.entry(id).and_modify(|kept| kept.carry(former, profile));
        })
    }

    /// Forgets what was seen of a connection that is removed.
    pub fn forget(&self, id: ConnectionId) -> io::Result<()> {
        self.forget_session(id)?;
        if !self.read::<Tests>(TESTS).tests.contains_key(&id) {
            return Ok(());
        }
        self.change(TESTS, |file: &mut Tests| {
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
        let _lock = Lock::acquire(&lock, LOCK_TIMEOUT)?
            .ok_or_else(|| io::Error::new(io::ErrorKind::TimedOut, "another snow holds the state directory"))?;
        let mut content: T = self.read(name);
        change(&mut content);
        let text = serde_json::to_vec(&content)?;
        files::write(&self.directory.join(name), &text, Durability::Cached)
    }
}

/// Why a password that was refused `count` times in a row is not sent again.
pub fn refused_before(connection: &ConnectionName, user: &UserName, count: u32) -> Failure {
    Failure::new(Code::RefusedBefore, shown!("the password of {} was refused {} times in a row", user, count))
        .why("It was not sent again: the instance locks an account after five failures.")
        .next(Step::say("Enter the right one: ").and_run(shown!("snow login {}", connection)))
        .next(Step::say("If it is right by now: ").and_run(shown!("snow test {} --retry-refused", connection)))
        .evidence("refusals", count)
}

impl Refused {
    fn is(&self, instance: &Instance, user: &UserName) -> bool {
        self.origin == instance.origin() && user.matches(&self.user_name)
    }
}
