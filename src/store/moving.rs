//! Moving an item from one store to another, so that at no time it is in neither.
//!
//! An item is copied, read back and compared. What is deleted at its old place is exactly
//! what was copied: where another machine has replaced it meanwhile, it is copied again.

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::record::is_record;
use super::{CredentialStore, Field, ItemKey, StoreError, Version, Versioned};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, Step, shown};
use crate::model::profile::ConnectionId;
use crate::model::tokens::SavedSession;

/// How long a renewal on another machine is waited for: longer than its lease.
const PATIENCE: Duration = Duration::from_secs(100);
const PAUSE: Duration = Duration::from_secs(1);
/// The member of a session that says who renews it. It means nothing elsewhere.
const LEASE: &str = "lease";

/// One item on its way.
pub struct Move<'a> {
    pub from: &'a dyn CredentialStore,
    pub to: &'a dyn CredentialStore,
    pub key: ItemKey,
}

/// What an item is at its old place, compared with the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leftover {
    /// It is not there.
    Nothing,
    /// The new place has it, or a newer one.
    Obsolete(Version),
    /// The new place lacks it, or has an older session.
    Wanted,
    /// Two that differ, and neither says which is newer.
    Different,
}

impl Move<'_> {
    /// Copies the item; gives the version that was copied, or `None` if there is none.
    pub async fn copy(&self) -> Result<Option<Version>, Failure> {
        let Versioned { version, record: Some(record), .. } = self.read_unleased().await? else {
            return Ok(None);
        };
        if self.from.has_bare_secrets() && !is_record(record.expose()) {
            return Err(bare(&self.key));
        }
        if self.to.is_shared() {
            let there = self.to.read_version(self.key.clone()).await?;
            if leased(&there).is_some() {
                return Err(renewed_elsewhere());
            }
        }
        let record = without_lease(record);
        self.to.write(self.key.clone(), &record).await?;
        match self.to.read(self.key.clone()).await? {
            Some(read) if read.expose() == record.expose() => Ok(Some(version)),
            _ => Err(self.to.unreliable().into()),
        }
    }

    /// Deletes what was copied. What has replaced it since is copied first.
    pub async fn delete(&self, mut copied: Version) -> Result<(), Failure> {
        while !self.from.delete_version(self.key.clone(), copied).await? {
            match self.copy().await? {
                Some(newer) => copied = newer,
                None => return Ok(()),
            }
        }
        Ok(())
    }

    /// What an interrupted move has left at the old place of a connection that uses the new
    /// one by now.
    pub async fn leftover(&self) -> Result<Leftover, Failure> {
        let Versioned { version, record: Some(former), .. } = self.from.read_version(self.key.clone()).await? else {
            return Ok(Leftover::Nothing);
        };
        let Some(current) = self.to.read(self.key.clone()).await? else {
            return Ok(Leftover::Wanted);
        };
        let former = without_lease(former);
        if former.expose() == without_lease(current.clone()).expose() {
            return Ok(Leftover::Obsolete(version));
        }
        let issued = |record: &Secret| session(record).map(|session| session.issued());
        Ok(match (self.key.field == Field::SESSION, issued(&former), issued(&current)) {
            (true, Some(former), Some(current)) if former > current => Leftover::Wanted,
            (true, Some(_), Some(_)) => Leftover::Obsolete(version),
            _ => Leftover::Different,
        })
    }

    /// A session that another machine renews right now is waited for: its result counts.
    async fn read_unleased(&self) -> Result<Versioned, Failure> {
        let started = Instant::now();
        loop {
            let found = self.from.read_version(self.key.clone()).await?;
            match leased(&found).filter(|_| self.from.is_shared()) {
                None => return Ok(found),
                Some(_) if started.elapsed() > PATIENCE => return Err(renewed_elsewhere()),
                Some(_) => sleep(PAUSE).await,
            }
        }
    }
}

/// Nothing says where it may go, and elsewhere it would be no record.
fn bare(key: &ItemKey) -> Failure {
    let label = Shown::outside(key.field.label());
    let failure =
        Failure::new(Code::SecretUnreadable, shown!("the {} is no record of snow, but a secret alone", label))
            .why("Someone else keeps it, and nothing says where it may be sent.");
    match &key.name {
        Some(name) => failure.next(
            Step::say("To keep a copy of it elsewhere, enter it: ")
                .and_run(shown!("snow connect {} --force --store keyring", name)),
        ),
        None => failure,
    }
}

/// Whether two shared stores are one, however each is reached: what is written to one of
/// them is in the other.
pub async fn are_one(
    one: &dyn CredentialStore,
    other: &dyn CredentialStore,
    connection: ConnectionId,
) -> Result<bool, StoreError> {
    let key = ItemKey::new(connection, Field::PROBE);
    // What an interrupted run has left there is another one.
    let probe = Secret::new(format!("probe {}", Uuid::new_v4())).expect("the probe is plain text");
    one.write(key.clone(), &probe).await?;
    let seen = other.read(key.clone()).await;
    let deleted = one.delete(key).await;
    let is_seen = seen?.is_some_and(|seen| seen.expose() == probe.expose());
    deleted.map(|()| is_seen)
}

/// How long a renewal that is under way holds the session, if one is.
fn leased(found: &Versioned) -> Option<Duration> {
    let lease = session(found.record.as_ref()?)?.lease.filter(|lease| lease.holder.is_some())?;
    lease.left(found.age.unwrap_or_default())
}

/// The session in a record; `None` if it is another one, or damaged.
fn session(record: &Secret) -> Option<SavedSession> {
    serde_json::from_str(record.expose()).ok()
}

/// The record as it is moved. What is no record of ours is moved as it is.
fn without_lease(record: Secret) -> Secret {
    let members: Option<Map<String, Value>> = serde_json::from_str(record.expose()).ok();
    let Some(mut members) = members.filter(|members| members.contains_key(LEASE)) else { return record };
    members.remove(LEASE);
    Secret::derived(Value::Object(members).to_string()).unwrap_or(record)
}

fn renewed_elsewhere() -> Failure {
    Failure::new(Code::StoreBusy, "another machine is refreshing the session")
        .why("Its result must not be lost.")
        .next("Run the command again in a minute")
}

/// A failure with what it was about, and what is where now.
pub fn about(failure: Failure, what: Shown, now: Shown) -> Failure {
    if failure.code() == Code::Interrupted {
        return failure;
    }
    let told = Failure::new(failure.code(), shown!("{}: {}", what, failure.message()));
    let why = failure.reason().map_or_else(|| now.clone(), |reason| shown!("{} {}", reason, now));
    failure.steps().iter().cloned().fold(told.why(why), Failure::next).evidence_of(&failure)
}
