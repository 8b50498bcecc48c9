//! Renewing a session without ever losing it.
//!
//! A refresh token may be good for one use only, and a request that spends it
//! is not idempotent: two processes that refresh at the same time race for it.
//! So one process at a time does this:
//!
//! 1. Use the access token while it is fresh. No lock is taken.
//! 2. Take the kernel lock of the connection. Its file is never deleted.
//! 3. Read the store again: another process may have renewed in the meantime.
//! 4. Write the session with a mark. If the store does not accept it, stop: the
//!    refresh token is not spent.
//! 5. Defer signals.
//! 6. Send one request. If its answer is lost, repeat it once: the server may
//!    forgive that, and there is nothing left to lose.
//! 7. Write the answer before doing anything else with it.
//!
//! A refusal deletes nothing, and the next command tries again: the user may have
//! been unlocked, or the instance cloned back. After a transient failure everything
//! is kept, and a token that is still valid is used. If the endpoint may have acted
//! but returned nothing usable, the mark stays until a renewal succeeds or the user
//! signs in again.
//!
//! If several machines share the store, a lock on one of them does not stop the
//! others. Then each write names the version it replaces, and the mark is a lease:
//! a process that finds a valid lease sends nothing, and uses the old token or
//! waits. The outcome of a write is not always known, and reads can be stale, so a
//! write is repeated until it is settled ([`SessionStore`]). A result may replace
//! the mark or the refusal of another process, but never a newer token, a new
//! sign-in or a sign-out. After a refusal none of them asks again for a minute.
//!
//! One window stays open for any client: the server has replaced the refresh token,
//! and this machine dies before step 7 is done.

mod pauses;
mod place;
mod turn;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::lock;
use super::outcome::TokenOutcome;
use super::settings::CLIENT_SECRET_ITEM;
use crate::auth::setting::GivenSecrets;
use crate::base::backoff::{Backoff, fraction};
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::http::client::{Deadline, Exchange};
use crate::model::instance::Instance;
use crate::model::oauth_client::OAuthClient;
use crate::model::tokens::{Issued, SavedSession};
use place::{FirstSeen, Found};
use turn::{Turn, refresh, sign_client_in};

pub use place::SessionStore;

/// Jitter, so that machines that start together do not all ask at once.
const HERD: Duration = Duration::from_secs(1);

/// Why a session is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshReason {
    /// It expires within this time, or soon.
    Due(Duration),
    /// The instance refused this access token.
    Refused(Issued),
    /// The user asked for it.
    Asked,
}

/// The token endpoint of one client.
#[async_trait]
pub trait TokenSource: Send + Sync {
    fn client(&self) -> &OAuthClient;

    /// Where the refresh token goes.
    fn origin(&self) -> &Instance;

    /// Exchanges the refresh token of a session, which must have one.
    async fn refresh(
        &self,
        session: &SavedSession,
        secret: Option<&Secret>,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Answered;

    /// Signs in without a person, with these secrets.
    async fn sign_in(&self, secrets: &GivenSecrets, now: DateTime<Utc>, deadline: Deadline) -> Answered;

    /// Revokes a session that was signed out in the meantime. Best effort.
    async fn end(&self, session: &SavedSession, secret: Option<&Secret>, deadline: Deadline);
}

/// An account that the service locks after too many refusals in a row.
pub trait AtRisk: Send + Sync {
    /// An error if its secret was refused too often to be sent again.
    fn refused_before(&self) -> Result<(), Failure>;

    fn was_taken(&self);

    fn was_refused(&self, failure: &Failure);
}

/// One request for tokens.
pub struct Answered {
    pub outcome: TokenOutcome,
    /// Its timings and certificate; `None` if nothing was sent.
    pub exchange: Option<Exchange>,
}

/// A renewal: the request it sent, if any, and the result.
pub struct Attempt {
    pub exchange: Option<Exchange>,
    pub result: Result<(), Failure>,
}

impl From<Failure> for Attempt {
    fn from(failure: Failure) -> Self {
        Self { exchange: None, result: Err(failure) }
    }
}

const NOTHING_TO_DO: Attempt = Attempt { exchange: None, result: Ok(()) };

/// Renews a session. `in_hand` then holds the session to use.
pub async fn renew(
    place: &SessionStore,
    source: &dyn TokenSource,
    in_hand: &mut Option<SavedSession>,
    why: RefreshReason,
    deadline: Deadline,
) -> Attempt {
    let mut backoff = Backoff::between(Duration::from_millis(100), Duration::from_secs(3));
    let mut first_seen = None;
    loop {
        // A lease held by another machine is not waited for under the lock.
        if place.store.is_shared() {
            match place.look(source.client(), in_hand, why, &mut first_seen).await {
                Err(failure) => return failure.into(),
                Ok(Found::WillDo) => return NOTHING_TO_DO,
                Ok(Found::ToRenew(_)) => {}
                Ok(Found::Leased(lease, left)) => {
                    let still_good = in_hand.as_ref().is_some_and(|saved| saved.is_valid(place.time.now()));
                    if still_good && matches!(why, RefreshReason::Due(_)) {
                        return NOTHING_TO_DO;
                    }
                    let is_in_vain = lease.holder.is_none() && left > deadline.left();
                    if is_in_vain || deadline.left().is_zero() {
                        return place.held_elsewhere(Some(&lease), left).into();
                    }
                    place.time.sleep(backoff.following_by(place.time.random())).await;
                    continue;
                }
            }
        }
        if let Some(attempt) = take_turn(place, source, in_hand, why, deadline, &mut first_seen).await {
            return attempt;
        }
        if deadline.left().is_zero() {
            return place.held_elsewhere(None, Duration::ZERO).into();
        }
    }
}

/// Steps 2 to 7. `None` if another machine was faster: look again.
async fn take_turn(
    place: &SessionStore,
    source: &dyn TokenSource,
    in_hand: &mut Option<SavedSession>,
    why: RefreshReason,
    deadline: Deadline,
    first_seen: &mut FirstSeen,
) -> Option<Attempt> {
    let client = source.client();
    let _lock = match lock::acquire(place.lock.as_ref(), &place.profile.name).await {
        Ok(lock) => lock,
        // The process that held the lock may have renewed the session.
        Err(failure) => {
            return match place.look(client, in_hand, why, first_seen).await {
                Ok(Found::WillDo) => Some(NOTHING_TO_DO),
                Ok(_) | Err(_) => Some(failure.into()),
            };
        }
    };
    // The process that had the lock before may have renewed it: look before the jitter.
    let mut jitter = place.store.is_shared().then(|| fraction(HERD, place.time.random()));
    let found = loop {
        match place.look(client, in_hand, why, first_seen).await {
            Ok(Found::WillDo) => return Some(NOTHING_TO_DO),
            Ok(Found::Leased(..)) => return None,
            Ok(Found::ToRenew(found)) => match jitter.take() {
                Some(jitter) => place.time.sleep(jitter).await,
                None => break found,
            },
            Err(failure) => return Some(failure.into()),
        }
    };
    let secrets = match place.read_secrets(in_hand.as_ref().map(|saved| saved.has_client_secret)).await {
        Ok(secrets) => secrets,
        Err(failure) => return Some(failure.into()),
    };
    match in_hand.clone() {
        _ if !client.grant.needs_person() => {
            let mut turn = Turn::new(place, found.version, None);
            sign_client_in(&mut turn, source, in_hand, &secrets, deadline).await
        }
        Some(saved) if saved.refresh_token.is_some() => {
            let mut turn = Turn::new(place, found.version, saved.refreshing);
            refresh(&mut turn, source, in_hand, &saved, secrets.get(&CLIENT_SECRET_ITEM), deadline).await
        }
        saved => Some(place.ended(saved.as_ref()).into()),
    }
}
