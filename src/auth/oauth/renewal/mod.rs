//! A renewal: one request, and what came of it is never lost.
//!
//! A refresh token may be good for one use only, and a request that spends it
//! is not idempotent: concurrent refreshes of two processes would race for it.
//! So a renewal goes in this order, in one process at a time:
//!
//! 1. A token that is good for a while is used; no lock is taken.
//! 2. The kernel lock of the connection; its file is never deleted.
//! 3. The store is read again: another process may have renewed meanwhile.
//! 4. The session is written with a mark. This proves that the store takes
//!    what will come; where it does not, the refresh token is not spent.
//! 5. Signals wait.
//! 6. One request. Where its answer is lost, it is repeated once: a server may
//!    forgive that, and there is nothing to lose.
//! 7. The answer is written, before anything else is done with it.
//!
//! A refusal deletes nothing, and the next command tries once more: the user
//! may have been unlocked, the instance cloned back. What is transient keeps
//! everything, and a token that is still good is used. Where the endpoint may
//! have acted and gave nothing that can be used, the mark stays with its time,
//! until a renewal succeeds or somebody signs in.
//!
//! Where several machines share the store, no lock of one keeps out the others.
//! There each write says which version it replaces, and the mark is a lease: who
//! finds one that is not over does not send, and uses the old token or waits.
//! What a write did is not always known, and a store may read stale, so a write is
//! settled by repeating it ([`SessionStore`]). A result goes over a mark or
//! a refusal of others; never over a newer token, a new sign-in or a sign-out.
//!
//! The one window that no client can close: the server has changed the refresh
//! token, and this machine dies before step 7 is done.

mod pauses;
mod place;
mod turn;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::lock;
use super::outcome::TokenOutcome;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::http::client::{Deadline, Exchange};
use crate::model::oauth_client::{GrantType, OAuthClient};
use crate::model::tokens::SavedSession;
use pauses::{Pauses, fraction};
use place::{FirstSeen, Found};
use turn::{Turn, refresh, sign_client_in};

pub use place::SessionStore;

/// How long to wait between looks at the lease of another machine.
const LEASE_PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3));
/// Many machines that find the token at its end do not ask in the same instant.
const HERD: Duration = Duration::from_secs(1);

/// Why a session is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshReason {
    /// It ends within this time, or soon.
    Due(Duration),
    /// The instance refused the access token of this generation.
    Refused(u64),
    /// A person wants it.
    Asked,
}

/// What gives tokens: the token endpoint of one client.
#[async_trait(?Send)]
pub trait TokenSource {
    fn client(&self) -> &OAuthClient;

    /// Renews a session with its refresh token, which it has.
    async fn refresh(
        &self,
        session: &SavedSession,
        secret: Option<&Secret>,
        now: DateTime<Utc>,
        deadline: Deadline,
    ) -> Answered;

    /// Signs the client in for itself.
    async fn client_credentials(&self, secret: &Secret, deadline: Deadline) -> Answered;

    /// Ends a session that nobody wants any more, as far as that can be had.
    async fn end(&self, session: &SavedSession, secret: Option<&Secret>, deadline: Deadline);
}

/// One request for tokens.
pub struct Answered {
    pub outcome: TokenOutcome,
    /// For the times, the certificate and the clock; none where nothing was sent.
    pub exchange: Option<Exchange>,
}

/// One renewal: the request it made, if any, and how it ended.
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

/// Renews a session; what is in hand afterwards is what to use.
pub async fn renew(
    place: &SessionStore,
    source: &dyn TokenSource,
    in_hand: &mut Option<SavedSession>,
    why: RefreshReason,
    deadline: Deadline,
) -> Attempt {
    let mut pauses = Pauses::between(LEASE_PAUSES);
    let mut first_seen = None;
    loop {
        // Who holds the lease on another machine need not be waited for here.
        if place.store.is_shared() {
            match place.look(source.client(), in_hand, why, &mut first_seen).await {
                Err(failure) => return failure.into(),
                Ok(Found::WillDo) => return NOTHING_TO_DO,
                Ok(Found::ToRenew(_)) => {}
                Ok(Found::Leased) => {
                    let still_good = in_hand.as_ref().is_some_and(|saved| saved.is_valid(place.time.now()));
                    if still_good && matches!(why, RefreshReason::Due(_)) {
                        return NOTHING_TO_DO;
                    }
                    if deadline.left().is_zero() {
                        return place.held_elsewhere().into();
                    }
                    place.time.sleep(pauses.next(place.time.as_ref())).await;
                    continue;
                }
            }
        }
        if let Some(attempt) = take_turn(place, source, in_hand, why, deadline, &mut first_seen).await {
            return attempt;
        }
        if deadline.left().is_zero() {
            return place.held_elsewhere().into();
        }
    }
}

/// The protocol from its second step on. Nothing where another machine was faster:
/// what it does is to be looked at anew.
async fn take_turn(
    place: &SessionStore,
    source: &dyn TokenSource,
    in_hand: &mut Option<SavedSession>,
    why: RefreshReason,
    deadline: Deadline,
    first_seen: &mut FirstSeen,
) -> Option<Attempt> {
    let client = source.client();
    let _lock = match lock::acquire(place.lock.clone(), &place.profile.name).await {
        Ok(lock) => lock,
        // Whoever held it all the time may have brought what is needed.
        Err(failure) => {
            return match place.look(client, in_hand, why, first_seen).await {
                Ok(Found::WillDo) => Some(NOTHING_TO_DO),
                Ok(_) | Err(_) => Some(failure.into()),
            };
        }
    };
    if place.store.is_shared() {
        place.time.sleep(fraction(HERD, place.time.random())).await;
    }
    let found = match place.look(client, in_hand, why, first_seen).await {
        Ok(Found::WillDo) => return Some(NOTHING_TO_DO),
        Ok(Found::Leased) => return None,
        Ok(Found::ToRenew(found)) => found,
        Err(failure) => return Some(failure.into()),
    };
    let has_client_secret = in_hand.as_ref().is_none_or(|saved| saved.has_client_secret);
    let mut client_secret = None;
    if has_client_secret {
        match place.read_client_secret(client).await {
            Ok(secret) => client_secret = Some(secret),
            Err(failure) => return Some(failure.into()),
        }
    }
    let client_secret = client_secret.as_ref();
    match (client.grant, in_hand.clone()) {
        (GrantType::ClientCredentials, _) => {
            let mut turn = Turn::new(place, found.version, None);
            sign_client_in(&mut turn, source, in_hand, client_secret, deadline).await
        }
        (GrantType::AuthorizationCode, Some(saved)) if saved.refresh_token.is_some() => {
            let mut turn = Turn::new(place, found.version, saved.refreshing);
            refresh(&mut turn, source, in_hand, &saved, client_secret, deadline).await
        }
        (GrantType::AuthorizationCode, saved) => Some(place.ended(saved.as_ref()).into()),
    }
}
