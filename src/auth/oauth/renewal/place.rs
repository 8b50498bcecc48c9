//! The place of a session: looking at it, and writing to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::RefreshReason;
use super::pauses::{Pauses, Repetitions};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, Step, shown};
use crate::base::time::Time;
use crate::model::oauth_client::{GrantType, OAuthClient};
use crate::model::profile::Profile;
use crate::model::tokens::SavedSession;
use crate::store::record::{self, Origins, VersionedSession};
use crate::store::{CredentialStore, SetOutcome, Version};

/// How often, and after what pauses, the result of a renewal is written to a store
/// of this machine.
const WRITE_PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(800)];
/// How long a shared store may take none: longer than it needs for another leader.
const WRITE_BUDGET: Duration = Duration::from_secs(120);
/// The pauses between repetitions of a write to it: from the first, doubled, up to
/// the second.
const SETTLE_PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// Once a lease is older than this, nothing is sent under it any more.
pub const SEND_BOUND: Duration = Duration::from_secs(15);

/// The place of a saved session.
pub struct SessionStore {
    pub store: Arc<dyn CredentialStore>,
    pub profile: Profile,
    pub origins: Origins,
    /// The file of this machine's lock for it.
    pub lock: PathBuf,
    /// Is told of each session that was saved.
    pub note: Box<dyn Fn(&SavedSession) + Send + Sync>,
    pub time: Arc<dyn Time>,
}

/// What the store says of the session that is to be renewed.
pub enum Found {
    /// What is there now will do.
    WillDo,
    /// Another machine is renewing it.
    Leased,
    ToRenew(VersionedSession),
}

/// What became of a write.
pub enum Commit {
    Mine(Version),
    /// Another one was written in its place.
    Overtaken(VersionedSession),
    Failed(Failure),
}

/// Since when, on this machine, a version has been known.
pub type FirstSeen = Option<(Version, Duration)>;

/// How long a write is tried.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Nothing was spent yet: as long as the command may take.
    Mark(Duration),
    /// It would be lost.
    Result,
}

impl SessionStore {
    /// Reads the store; says what is to be done.
    pub async fn look(
        &self,
        client: &OAuthClient,
        in_hand: &mut Option<SavedSession>,
        why: RefreshReason,
        first_seen: &mut FirstSeen,
    ) -> Result<Found, Failure> {
        let found = self.read(client.client_id.as_str()).await?;
        let elapsed = self.time.elapsed();
        let seen = first_seen.filter(|(version, _)| *version == found.version).map_or(elapsed, |(_, seen)| seen);
        *first_seen = Some((found.version, seen));
        let Some(current) = &found.session else {
            return match client.grant {
                GrantType::AuthorizationCode => Err(self.no_session()),
                GrantType::ClientCredentials => {
                    *in_hand = None;
                    Ok(Found::ToRenew(found))
                }
            };
        };
        let now = self.time.now();
        let will_do = match why {
            RefreshReason::Due(min_ttl) => {
                // A refresh that lengthened nothing is not repeated.
                current.is_fresh(now, min_ttl) || current.cannot_be_lengthened(now)
            }
            RefreshReason::Refused(generation) => current.generation != generation,
            RefreshReason::Asked => false,
        };
        // By the store's own clock, or by how long it has been watched here: the
        // clocks of two machines need not agree.
        let age = found.age.unwrap_or_default().max(elapsed - seen);
        let is_leased =
            current.lease.as_ref().is_some_and(|lease| age <= Duration::from_secs(lease.seconds.saturating_add(1)));
        *in_hand = Some(current.clone());
        Ok(match (will_do, is_leased) {
            (true, _) => Found::WillDo,
            (false, true) => Found::Leased,
            (false, false) => Found::ToRenew(found),
        })
    }

    /// Writes a session in place of a version. What a shared store did is not known
    /// where it failed, and a stale node refuses what is right: the same write is
    /// repeated, of which at most one can ever take effect, until something
    /// conclusive comes or it has been tried for long enough.
    pub async fn commit(&self, replaced: Version, session: &SavedSession, id: &str, patience: Patience) -> Commit {
        let (store, profile) = (self.store.as_ref(), &self.profile);
        let mut repetitions = self.repetitions(patience);
        loop {
            let failure = match record::set_session(store, profile, &self.origins, replaced, session).await {
                Err(failure) => return Commit::Failed(failure),
                Ok(SetOutcome::Written(version)) => return Commit::Mine(version),
                Ok(SetOutcome::NotApplied(error) | SetOutcome::Unknown(error)) => error.into(),
                Ok(SetOutcome::Mismatch) => match self.read(&session.client_id).await {
                    Ok(current) if current.version > replaced => {
                        let is_mine = current.session.as_ref().is_some_and(|current| current.is_written_by(id));
                        return if is_mine { Commit::Mine(current.version) } else { Commit::Overtaken(current) };
                    }
                    Ok(_) => self.stale(),
                    Err(failure) => failure,
                },
            };
            let Some(pause) = repetitions.next(self.time.as_ref()) else { return Commit::Failed(failure) };
            self.time.sleep(pause).await;
        }
    }

    fn repetitions(&self, patience: Patience) -> Repetitions {
        let until = |time| Repetitions::Until(self.time.elapsed() + time, Pauses::between(SETTLE_PAUSES));
        match (self.store.is_shared(), patience) {
            (true, Patience::Mark(time)) => until(time.min(WRITE_BUDGET)),
            (true, Patience::Result) => until(WRITE_BUDGET),
            (false, Patience::Mark(_)) => Repetitions::After([].iter()),
            (false, Patience::Result) => Repetitions::After(WRITE_PAUSES.iter()),
        }
    }

    pub async fn read(&self, client_id: &str) -> Result<VersionedSession, Failure> {
        record::read_session_version(self.store.as_ref(), &self.profile, client_id, &self.origins).await
    }

    pub async fn read_client_secret(&self, client: &OAuthClient) -> Result<Secret, Failure> {
        record::require_client_secret(self.store.as_ref(), &self.profile, client, &self.origins).await
    }

    pub fn no_session(&self) -> Failure {
        record::no_session(self.store.as_ref(), &self.profile)
    }

    fn stale(&self) -> Failure {
        let place = self.store.kind().place();
        Failure::new(Code::StoreBusy, shown!("{} has not caught up with what was written to it", place))
            .next("Run the command again")
    }

    pub fn held_elsewhere(&self) -> Failure {
        let name = &self.profile.name;
        Failure::new(Code::StoreBusy, shown!("another machine is renewing the session of {}", name))
            .why("Only one at a time may do that. Nothing was sent from here.")
            .next("Run the command again")
    }

    /// There is nothing to renew it with.
    pub fn ended(&self, saved: Option<&SavedSession>) -> Failure {
        let name = &self.profile.name;
        Failure::new(Code::SessionExpired, shown!("the session of {} is over", name))
            .why("The server gave no refresh token at the sign-in, so the access token cannot be renewed.")
            .next(Step::run(shown!("snow login {}", name)))
            .evidence("expired_at", saved.and_then(|saved| saved.expires_at).map(|at| Shown::outside(at.to_rfc3339())))
    }
}
