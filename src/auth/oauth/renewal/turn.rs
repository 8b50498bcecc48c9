//! One process whose turn it is to renew a session.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::place::{Commit, Patience, SEND_BOUND, SessionStore};
use super::{Answered, Attempt, TokenSource};
use crate::auth::oauth::outcome::TokenOutcome;
use crate::auth::oauth::settings::CLIENT_SECRET_ITEM;
use crate::auth::setting::GivenSecrets;
use crate::base::code::Code;
use crate::base::deferral;
use crate::base::error::Failure;
use crate::base::machine;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, Step, shown};
use crate::base::time::Time;
use crate::http::client::{Deadline, Exchange};
use crate::http::retry_after;
use crate::model::oauth_client::OAuthClient;
use crate::model::tokens::{Lease, Lifetime, SavedSession, TokenResponse};
use crate::store::Version;
use crate::store::record::VersionedSession;

/// How long a lease is valid, by the age of its version in the store.
const LEASE: Duration = Duration::from_secs(90);
/// The same where nothing is spent: only so that not every machine asks.
const SIGN_IN_LEASE: Duration = Duration::from_secs(15);
/// The longest that a token endpoint is left alone by all machines, whatever it says.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// The state of one renewal.
pub struct Turn<'a> {
    place: &'a SessionStore,
    /// Identifies its writes.
    id: String,
    /// The version its next write replaces.
    version: Version,
    started: DateTime<Utc>,
    /// When an earlier renewal began that was interrupted.
    interrupted: Option<DateTime<Utc>>,
    /// When its lease began, if it has one.
    leased: Option<Duration>,
}

/// Renews by signing in anew: there is no refresh token to spend. `None` if another
/// machine was faster.
pub async fn sign_client_in(
    turn: &mut Turn<'_>,
    source: &dyn TokenSource,
    in_hand: &mut Option<SavedSession>,
    secrets: &GivenSecrets,
    deadline: Deadline,
) -> Option<Attempt> {
    let place = turn.place;
    if let Some(Err(failure)) = place.account.as_ref().map(|account| account.refused_before()) {
        return Some(failure.into());
    }
    // A store that takes the lease takes the result as well.
    let proven = match in_hand.as_ref().filter(|_| place.store.is_shared()) {
        Some(saved) => {
            let lease = turn.lease(SIGN_IN_LEASE, Some(machine::this_process()));
            match turn.mark(&SavedSession { lease, ..saved.clone() }, deadline).await {
                Commit::Mine(_) => Ok(()),
                Commit::Overtaken(_) => return None,
                Commit::Failed(failure) => Err(failure),
            }
        }
        None => place.store.prove(place.profile.id).await.map_err(Failure::from),
    };
    let proven = match proven {
        Ok(()) => place.prepare().await,
        Err(failure) => Err(failure),
    };
    if let Err(failure) = proven {
        return Some(failure.into());
    }
    let _signals = deferral::defer();
    let answered = turn.ask(source, &Request::SignIn { secrets, time: place.time.as_ref() }, deadline).await;
    if let Some(account) = &place.account {
        match &answered.outcome {
            TokenOutcome::Tokens(_) => account.was_taken(),
            TokenOutcome::Refused(failure) => account.was_refused(failure),
            _ => {}
        }
    }
    Some(turn.conclude(source, in_hand, answered, secrets.get(&CLIENT_SECRET_ITEM), deadline).await)
}

/// Renews a session with its refresh token. `None` if another machine was faster.
pub async fn refresh(
    turn: &mut Turn<'_>,
    source: &dyn TokenSource,
    in_hand: &mut Option<SavedSession>,
    saved: &SavedSession,
    client_secret: Option<&Secret>,
    deadline: Deadline,
) -> Option<Attempt> {
    let marked = turn.marked(saved);
    match turn.mark(&marked, deadline).await {
        Commit::Mine(_) => {}
        Commit::Overtaken(_) => return None,
        Commit::Failed(failure) => return Some(failure.into()),
    }
    if let Err(failure) = turn.place.prepare().await {
        return Some(failure.into());
    }
    let _signals = deferral::defer();
    let request = Request::Refresh { session: &marked, client_secret, now: turn.started };
    let answered = turn.ask(source, &request, deadline).await;
    Some(turn.conclude(source, in_hand, answered, client_secret, deadline).await)
}

/// The request of a renewal.
enum Request<'a> {
    SignIn { secrets: &'a GivenSecrets, time: &'a dyn Time },
    Refresh { session: &'a SavedSession, client_secret: Option<&'a Secret>, now: DateTime<Utc> },
}

impl Request<'_> {
    async fn send(&self, source: &dyn TokenSource, deadline: Deadline) -> Answered {
        match self {
            Self::SignIn { secrets, time } => source.sign_in(secrets, time.now(), deadline).await,
            Self::Refresh { session, client_secret, now } => {
                source.refresh(session, *client_secret, *now, deadline).await
            }
        }
    }
}

impl<'a> Turn<'a> {
    pub fn new(place: &'a SessionStore, version: Version, interrupted: Option<DateTime<Utc>>) -> Self {
        let id = format!("{:016x}{:016x}", place.time.random(), place.time.random());
        Self { place, id, version, started: place.time.now(), interrupted, leased: None }
    }

    /// The session with the mark that a renewal is in progress.
    fn marked(&self, saved: &SavedSession) -> SavedSession {
        let marked = saved.marked(self.interrupted.or(Some(self.started)), saved.refused_at);
        let lease = self.lease(LEASE, Some(machine::this_process()));
        SavedSession { lease, ..marked }
    }

    fn lease(&self, time: Duration, holder: Option<String>) -> Option<Lease> {
        let lease = || Lease { by: self.id.clone(), seconds: time.as_secs(), holder };
        self.place.store.is_shared().then(lease)
    }

    /// Writes the mark. If that took too long to still send under it, the mark is
    /// written again, so that its age starts over.
    async fn mark(&mut self, marked: &SavedSession, deadline: Deadline) -> Commit {
        loop {
            let sent = self.place.time.elapsed();
            let commit = self.place.commit(self.version, marked, &self.id, Patience::Mark(deadline.left())).await;
            let Commit::Mine(version) = commit else { return commit };
            self.version = version;
            self.leased = self.place.store.is_shared().then_some(sent);
            if !self.place.store.is_shared() || self.place.time.elapsed() - sent <= SEND_BOUND {
                return Commit::Mine(version);
            }
        }
    }

    /// Sends one request, and repeats it once if its answer is lost.
    async fn ask(&mut self, source: &dyn TokenSource, request: &Request<'_>, deadline: Deadline) -> Answered {
        let name = &self.place.profile.name;
        tracing::info!("refreshing the session of {name} at {}", source.origin());
        let answered = request.send(source, deadline).await;
        // An expired lease may be taken over by another machine.
        let is_leased = self.leased.is_none_or(|leased| self.place.time.elapsed() - leased < LEASE / 2);
        if !matches!(answered.outcome, TokenOutcome::Lost(_)) || deadline.left().is_zero() || !is_leased {
            return answered;
        }
        tracing::info!("the response was lost; retrying once");
        self.interrupted = self.interrupted.or(Some(self.started));
        request.send(source, deadline).await
    }

    async fn conclude(
        &mut self,
        source: &dyn TokenSource,
        in_hand: &mut Option<SavedSession>,
        answered: Answered,
        client_secret: Option<&Secret>,
        deadline: Deadline,
    ) -> Attempt {
        let Answered { outcome, exchange } = answered;
        let result = match outcome {
            TokenOutcome::Tokens(answer) => {
                match self.keep(source.client(), in_hand, answer, client_secret.is_some()).await {
                    Kept::Saved(result) => result,
                    Kept::SignedOut(renewed) => {
                        source.end(&renewed, client_secret, deadline).await;
                        *in_hand = None;
                        Err(self.place.no_session())
                    }
                }
            }
            TokenOutcome::Refused(failure) => self.refused(source.client(), in_hand, failure, deadline).await,
            TokenOutcome::Unavailable(failure) => {
                // Nothing was spent, so nothing is under way. What the endpoint said of when it
                // can be asked again is for all.
                let pause = exchange.as_ref().and_then(|exchange| retry_after(exchange, self.place.time.now()));
                self.release(source.client(), in_hand.as_ref(), pause, deadline).await;
                Err(failure)
            }
            // The mark stays: it explains a later refusal of the refresh token.
            TokenOutcome::Unclear(failure) | TokenOutcome::Lost(failure) if source.client().grant.needs_person() => {
                Err(failure)
            }
            TokenOutcome::Unclear(failure) | TokenOutcome::Lost(failure) => {
                self.release(source.client(), in_hand.as_ref(), None, deadline).await;
                Err(failure)
            }
        };
        Attempt { exchange, result }
    }

    /// Lets the others ask again, after this pause.
    async fn release(
        &self,
        client: &OAuthClient,
        in_hand: Option<&SavedSession>,
        pause: Option<Duration>,
        deadline: Deadline,
    ) {
        let Some(saved) = in_hand else { return };
        let saved = match client.grant.needs_person() {
            true => saved.marked(self.interrupted, saved.refused_at),
            false if self.leased.is_some() => saved.clone(),
            false => return,
        };
        let saved = SavedSession { lease: pause.and_then(|pause| self.lease(pause, None)), ..saved };
        self.place.commit(self.version, &saved, &self.id, Patience::Mark(deadline.left())).await;
    }

    /// Writes an answer, before anything else is done with it.
    async fn keep(
        &mut self,
        client: &OAuthClient,
        in_hand: &mut Option<SavedSession>,
        answer: TokenResponse,
        has_secret: bool,
    ) -> Kept {
        let place = self.place;
        let lifetime = answer.lifetime;
        let now = place.time.now();
        let by = place.store.is_shared().then(|| self.id.clone());
        let renewed = match in_hand.as_ref() {
            Some(saved) => saved.renewed(answer, now),
            None => SavedSession::signed_in(answer, client.client_id.as_str(), has_secret, now),
        };
        let renewed = SavedSession { by, ..renewed };
        let written = loop {
            match place.commit(self.version, &renewed, &self.id, Patience::Result).await {
                Commit::Mine(_) => break Ok(()),
                Commit::Failed(failure) => break Err(failure),
                Commit::Overtaken(VersionedSession { session: None, .. }) => return Kept::SignedOut(renewed),
                // Another machine marked or refused the session renewed here.
                Commit::Overtaken(VersionedSession { session: Some(theirs), version, .. })
                    if theirs.generation < renewed.generation && theirs.signed_in_at == renewed.signed_in_at =>
                {
                    self.version = version;
                }
                Commit::Overtaken(VersionedSession { session, .. }) => {
                    *in_hand = session;
                    return Kept::Saved(Ok(()));
                }
            }
        };
        if written.is_ok() {
            (place.note)(&renewed);
        }
        *in_hand = Some(renewed);
        let name = &place.profile.name;
        Kept::Saved(match (written, lifetime) {
            (Err(failure), _) => Err(Failure::new(Code::SessionNotSaved, shown!("could not save the new session of {}", name))
                .why(shown!("The token endpoint issued new tokens, then the store failed: {}. The saved session may no longer be valid.", failure.message()))
                .next("Fix the store, so that it is writable")
                .next(Step::say("Then sign in again: ").and_run(shown!("snow login {}", name)))),
            (Ok(()), Lifetime::Garbage) => Err(Failure::new(
                Code::UnexpectedAnswer,
                shown!("invalid expires_in in the token response for {}", name),
            )
            .why("It is not a number of seconds. The token was saved and is used until it is rejected.")
            .next(Step::run(shown!("snow test {}", name)))),
            (Ok(()), Lifetime::Known(_) | Lifetime::Unknown) => Ok(()),
        })
    }

    /// Uses what another machine renewed in the meantime, else records the refusal.
    /// The mark of an interrupted renewal is kept, to explain the next refusal too.
    async fn refused(
        &mut self,
        client: &OAuthClient,
        in_hand: &mut Option<SavedSession>,
        failure: Failure,
        deadline: Deadline,
    ) -> Result<(), Failure> {
        let place = self.place;
        let before = in_hand.as_ref().map(SavedSession::issued);
        // A stale read shows a version older than the mark.
        if let Ok(VersionedSession { version, session: Some(current), .. }) =
            place.read(client.client_id.as_str()).await
            && version >= self.version
            && Some(current.issued()) != before
        {
            *in_hand = Some(current);
            return Ok(());
        }
        if let Some(saved) = in_hand.take() {
            let refused = saved.marked(self.interrupted, Some(place.time.now()));
            let by = place.store.is_shared().then(|| self.id.clone());
            let refused = SavedSession { lease: None, by, ..refused };
            place.commit(self.version, &refused, &self.id, Patience::Mark(deadline.left())).await;
            (place.note)(&refused);
            *in_hand = Some(refused);
        }
        Err(match self.interrupted {
            Some(since) if failure.code() == Code::SessionExpired => failure
                .why("A refresh was interrupted, and the token endpoint has rejected the refresh token since: it was most likely replaced, and the response was lost.")
                .evidence("interrupted_at", Shown::outside(since.to_rfc3339())),
            _ => failure,
        })
    }
}

/// How long the token endpoint wants to be left alone.
fn retry_after(exchange: &Exchange, now: DateTime<Utc>) -> Option<Duration> {
    let response = exchange.result.as_ref().ok()?;
    retry_after::read(response.header("retry-after")?, now).map(|pause| pause.min(LONGEST_PAUSE))
}

/// The outcome of writing a result.
enum Kept {
    /// It, or a newer one, is in hand; or saving failed.
    Saved(Result<(), Failure>),
    /// The session was signed out in the meantime, and stays so.
    SignedOut(SavedSession),
}
