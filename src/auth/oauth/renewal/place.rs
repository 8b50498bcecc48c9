//! Where a session is stored: reading and writing it.

use std::sync::Arc;
use std::time::Duration;

use super::pauses::Repetitions;
use super::{AtRisk, RefreshReason};
use crate::auth::method::MethodSpec;
use crate::auth::oauth::lock::SessionLock;
use crate::auth::oauth::settings::CLIENT_SECRET_FIELD;
use crate::auth::setting::{GivenSecrets, Need};
use crate::base::backoff::Backoff;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, Step, shown};
use crate::base::time::Time;
use crate::model::oauth_client::OAuthClient;
use crate::model::profile::Profile;
use crate::model::tokens::{Lease, SavedSession};
use crate::store::record::{self, Origins, VersionedSession};
use crate::store::{CredentialStore, SetOutcome, Version};

/// The pauses before further tries to write a result to a local store.
const WRITE_PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_millis(800)];
/// How long a write to a shared store is tried: longer than a leader election takes.
const WRITE_BUDGET: Duration = Duration::from_secs(120);
/// No request is sent under a lease that is older than this.
pub const SEND_BOUND: Duration = Duration::from_secs(15);

/// How long machines that share a session ask nothing after a refusal.
const REFUSAL_HOLDS: Duration = Duration::from_secs(60);

/// Where a session is stored.
pub struct SessionStore {
    pub store: Arc<dyn CredentialStore>,
    pub profile: Profile,
    pub origins: Origins,
    /// Its lock on this machine.
    pub lock: Box<dyn SessionLock>,
    /// Called with each session that was saved.
    pub note: Box<dyn Fn(&SavedSession) + Send + Sync>,
    /// Whose secret is sent where there is no refresh token.
    pub account: Option<Box<dyn AtRisk>>,
    pub time: Arc<dyn Time>,
}

/// The state of a session in the store.
pub enum Found {
    /// It can be used as it is.
    WillDo,
    /// Another machine is renewing it, or the token endpoint wants to be left alone; and
    /// how long that holds at most.
    Leased(Lease, Duration),
    ToRenew(VersionedSession),
}

/// The outcome of a write.
pub enum Commit {
    Mine(Version),
    /// Another write replaced the version first.
    Overtaken(VersionedSession),
    Failed(Failure),
}

/// The version read last, and when this process first saw it.
pub type FirstSeen = Option<(Version, Duration)>;

/// How long a write is retried.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Nothing is spent yet: until the deadline of the command.
    Mark(Duration),
    /// The new token would be lost: for the whole budget.
    Result,
}

impl SessionStore {
    /// Reads the session into `in_hand`, and says what to do.
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
            if client.grant.needs_person() {
                return Err(self.no_session());
            }
            *in_hand = None;
            return Ok(Found::ToRenew(found));
        };
        let now = self.time.now();
        let will_do = match why {
            RefreshReason::Due(min_ttl) => {
                // A refresh that lengthened nothing is not repeated.
                current.is_fresh(now, min_ttl) || current.cannot_be_lengthened(now)
            }
            // A stale read shows an older one.
            RefreshReason::Refused(issued) => current.issued() > issued,
            RefreshReason::Asked => false,
        };
        // By the clock of the store, or by how long this process has seen it: the
        // clocks of two machines may differ.
        let age = found.age.unwrap_or_default().max(elapsed - seen);
        *in_hand = Some(current.clone());
        if will_do {
            return Ok(Found::WillDo);
        }
        let held = current.lease.as_ref().and_then(|lease| Some((lease.clone(), lease.left(age)?)));
        if let Some((lease, left)) = held {
            return Ok(Found::Leased(lease, left));
        }
        // One request, and not one of each machine. A person may ask at any time.
        let is_refused = current.refused_at.is_some() && client.grant.needs_person() && age < REFUSAL_HOLDS;
        if is_refused && self.store.is_shared() && why != RefreshReason::Asked && !current.is_valid(now) {
            return Err(self.refused_elsewhere(age));
        }
        Ok(Found::ToRenew(found))
    }

    /// Replaces a version. If a shared store fails, the outcome is unknown, and a
    /// stale node rejects a correct version. So the same write is repeated until the
    /// outcome is known or time is up. At most one of the repetitions takes effect.
    pub async fn commit(&self, replaced: Version, session: &SavedSession, id: &str, patience: Patience) -> Commit {
        let (store, profile) = (self.store.as_ref(), &self.profile);
        let mut repetitions = self.repetitions(patience);
        loop {
            let failure = match record::set_session(store, profile, &self.origins, replaced, session).await {
                Err(failure) => return Commit::Failed(failure),
                Ok(SetOutcome::Written(version)) => return Commit::Mine(version),
                // Nothing is spent yet, and this will not pass by itself.
                Ok(SetOutcome::NotApplied(error))
                    if patience != Patience::Result && !error.failure().code().retryable() =>
                {
                    return Commit::Failed(error.into());
                }
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
        let backoff = Backoff::between(Duration::from_millis(50), Duration::from_secs(2));
        let until = |time| Repetitions::Until(self.time.elapsed() + time, backoff);
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

    /// Makes the write after the request a short one.
    pub async fn prepare(&self) -> Result<(), Failure> {
        record::prepare_session(self.store.as_ref(), &self.profile).await
    }

    /// What is stored for a sign-in. The session says whether its client has a secret.
    pub async fn read_secrets(&self, has_client_secret: Option<bool>) -> Result<GivenSecrets, Failure> {
        let (store, auth) = (self.store.as_ref(), &self.profile.auth);
        let mut secrets = GivenSecrets::default();
        for usage in MethodSpec::of(auth.method).secrets {
            let item = usage.input.item;
            let need = (usage.need)(auth, &secrets);
            let known = has_client_secret.filter(|_| item.field == CLIENT_SECRET_FIELD);
            let secret = match known.unwrap_or_else(|| need.is_required()) {
                true => Some(record::require_secret(store, &self.profile, item, &self.origins).await?),
                false if known.is_some() || need == Need::Unasked => None,
                false => record::read_secret(store, &self.profile, item, &self.origins).await?,
            };
            if let Some(secret) = secret {
                secrets.put(item, secret);
            }
        }
        Ok(secrets)
    }

    pub fn no_session(&self) -> Failure {
        record::no_session(self.store.as_ref(), &self.profile)
    }

    fn stale(&self) -> Failure {
        let place = self.store.kind().place();
        Failure::new(Code::StoreBusy, shown!("{} has not applied an earlier write yet", place))
            .next("Run the command again")
    }

    /// The process that holds the lease was not done while this process waited.
    pub fn held_elsewhere(&self, lease: Option<&Lease>, left: Duration) -> Failure {
        let name = &self.profile.name;
        let holder = lease.and_then(|lease| lease.holder.as_deref());
        if lease.is_some() && holder.is_none() {
            let message = shown!("the token endpoint of {} wants no request for another {} s", name, left.as_secs());
            return Failure::new(Code::RateLimited, message)
                .why("It told so to a machine that shares the session. Nothing was sent from here.")
                .next("Run the command again then");
        }
        let holder = holder.map_or("another machine".into(), Shown::outside);
        Failure::new(Code::StoreBusy, shown!("{} is refreshing the session of {}", holder, name))
            .why("Only one process at a time can do that. Nothing was sent from here.")
            .next("Run the command again")
    }

    /// Another machine was refused, and nothing is different by now.
    fn refused_elsewhere(&self, age: Duration) -> Failure {
        let name = &self.profile.name;
        let message = shown!("the token endpoint refused to refresh the session of {}", name);
        Failure::new(Code::SessionExpired, message)
            .why(shown!(
                "A process that shares the session was refused {} s ago. It is asked once a minute; nothing was sent from here.",
                age.as_secs()
            ))
            .next(Step::run(shown!("snow login {}", name)))
    }

    /// There is nothing to renew it with.
    pub fn ended(&self, saved: Option<&SavedSession>) -> Failure {
        let name = &self.profile.name;
        Failure::new(Code::SessionExpired, shown!("the session of {} has expired", name))
            .why("The server issued no refresh token at the sign-in, so the access token cannot be refreshed.")
            .next(Step::run(shown!("snow login {}", name)))
            .evidence("expired_at", saved.and_then(|saved| saved.expires_at).map(|at| Shown::outside(at.to_rfc3339())))
    }
}
