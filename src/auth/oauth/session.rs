//! A session in use. [`super::renewal`] renews it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::endpoint::TokenEndpoint;
use super::outcome::TokenOutcome;
use super::renewal::{self, Answered, Attempt, RefreshReason, SessionStore, TokenSource};
use super::settings::CLIENT_SECRET_ITEM;
use crate::auth::setting::GivenSecrets;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::time::Time;
use crate::http::client::{Deadline, Exchange};
use crate::model::tokens::SavedSession;
use crate::store::record;

/// A session in use, and how to renew it.
pub struct Session {
    saved: Option<SavedSession>,
    endpoint: TokenEndpoint,
    source: SessionSource,
    time: Arc<dyn Time>,
    last: Option<Renewal>,
    /// When the access token ends, if the server said it only when it was asked.
    told_end: Option<DateTime<Utc>>,
}

/// Where a session is kept.
pub enum SessionSource {
    Store(SessionStore),
    /// Nowhere: variables describe the client.
    Environment {
        secrets: GivenSecrets,
    },
}

/// The last renewal of a run, whether it came about or not.
pub struct Renewal {
    pub took: Duration,
    /// Where the token endpoint was asked: what it cost, and what was seen.
    pub exchange: Option<Exchange>,
    /// Why there is no new token, or why it could not be saved.
    pub failure: Option<Failure>,
    /// Whether the access token in hand may be used all the same.
    pub usable: bool,
}

impl Session {
    /// The session of a saved connection. No request is made.
    pub async fn open(session_store: SessionStore, endpoint: TokenEndpoint) -> Result<Self, Failure> {
        let saved = record::read_session(
            session_store.store.as_ref(),
            &session_store.profile,
            endpoint.client(),
            &session_store.origins,
        )
        .await?;
        if saved.is_none() && endpoint.client().grant.needs_person() {
            return Err(record::no_session(session_store.store.as_ref(), &session_store.profile));
        }
        let time = session_store.time.clone();
        Ok(Self { saved, endpoint, source: SessionSource::Store(session_store), time, last: None, told_end: None })
    }

    /// The session of a client that variables describe: a token is asked for
    /// when one is needed, and kept nowhere.
    pub fn unsaved(source: SessionSource, endpoint: TokenEndpoint, time: Arc<dyn Time>) -> Self {
        Self { saved: None, endpoint, source, time, last: None, told_end: None }
    }

    /// What must not be shown, should a server echo it.
    pub fn secrets(&self) -> Vec<Secret> {
        let saved = self.saved.as_ref();
        let given = match &self.source {
            SessionSource::Environment { secrets } => Some(secrets),
            SessionSource::Store(_) => None,
        };
        let given = given.into_iter().flat_map(GivenSecrets::iter).map(|(_, secret)| secret);
        let tokens = [saved.map(|saved| &saved.access_token), saved.and_then(|saved| saved.refresh_token.as_ref())];
        tokens.into_iter().flatten().chain(given).cloned().collect()
    }

    /// What is known of the session, the secrets included.
    pub fn saved(&self) -> Option<&SavedSession> {
        self.saved.as_ref()
    }

    /// Counts the tokens of the session; zero if there is none.
    pub fn generation(&self) -> u64 {
        self.saved.as_ref().map_or(0, |saved| saved.generation)
    }

    pub fn endpoint(&self) -> &TokenEndpoint {
        &self.endpoint
    }

    /// The renewal of this run, where there was one.
    pub fn last_renewal(&self) -> Option<&Renewal> {
        self.last.as_ref()
    }

    /// Whether this run brought a new token.
    pub fn was_renewed(&self) -> bool {
        self.last.as_ref().is_some_and(|renewal| renewal.failure.is_none() && renewal.exchange.is_some())
    }

    /// Whether the token endpoint was asked in this run.
    pub fn was_asked_for(&self) -> bool {
        self.last.as_ref().is_some_and(|renewal| renewal.exchange.is_some())
    }

    /// Whether there is anything to renew it with.
    pub fn is_renewable(&self) -> bool {
        !self.endpoint.client().grant.needs_person()
            || self.saved.as_ref().is_some_and(|saved| saved.refresh_token.is_some())
    }

    /// Sees to it that the access token is good, for `min_ttl` at least where
    /// that can be had. Says whether there is one to use.
    pub async fn ensure_fresh(&mut self, min_ttl: Duration, deadline: Deadline) -> Result<(), Failure> {
        if !min_ttl.is_zero() && self.ask_for_end(deadline).await.is_some_and(|left| left >= min_ttl) {
            return Ok(());
        }
        self.ensure(min_ttl, deadline).await?;
        if !min_ttl.is_zero() {
            self.ask_for_end(deadline).await;
        }
        Ok(())
    }

    /// How long the access token is good by the word of the server, where its answer did not
    /// say it. Only a client with a secret is told.
    async fn ask_for_end(&mut self, deadline: Deadline) -> Option<Duration> {
        let saved = self.saved.as_ref().filter(|saved| saved.expires_at.is_none())?;
        let secret = match &self.source {
            SessionSource::Store(store) if saved.has_client_secret => store.read_secrets(Some(true)).await.ok()?,
            SessionSource::Store(_) => return None,
            SessionSource::Environment { secrets } => secrets.clone(),
        };
        let secret = secret.get(&CLIENT_SECRET_ITEM)?;
        self.told_end = self.endpoint.end_of(&saved.access_token, secret, deadline).await;
        (self.told_end? - self.time.now()).to_std().ok()
    }

    /// When the access token ends, as far as the server said it.
    pub fn ends_at(&self) -> Option<DateTime<Utc>> {
        self.saved.as_ref().and_then(|saved| saved.expires_at).or(self.told_end)
    }

    async fn ensure(&mut self, min_ttl: Duration, deadline: Deadline) -> Result<(), Failure> {
        let is_fresh = |saved: &SavedSession| saved.is_fresh(self.time.now(), min_ttl);
        if self.saved.as_ref().is_some_and(is_fresh) {
            return Ok(());
        }
        // What nothing can renew is used to its end.
        if !self.is_renewable() && self.saved.as_ref().is_some_and(|saved| saved.is_valid(self.time.now())) {
            return Ok(());
        }
        self.renew(RefreshReason::Due(min_ttl), deadline).await
    }

    /// The instance refused the access token of `generation`: gets another.
    pub async fn renew_refused(&mut self, generation: u64, deadline: Deadline) -> Result<(), Failure> {
        let why = match &self.saved {
            Some(saved) if saved.generation != generation => return Ok(()),
            Some(saved) => RefreshReason::Refused(saved.issued()),
            None => RefreshReason::Due(Duration::ZERO),
        };
        self.renew(why, deadline).await
    }

    /// Renews whatever its age.
    pub async fn refresh(&mut self, deadline: Deadline) -> Result<(), Failure> {
        self.renew(RefreshReason::Asked, deadline).await
    }

    async fn renew(&mut self, why: RefreshReason, deadline: Deadline) -> Result<(), Failure> {
        let started = Instant::now();
        self.told_end = None;
        let before = self.saved.as_ref().map(|saved| saved.generation);
        let attempt = match &self.source {
            SessionSource::Environment { secrets } => {
                let answered = self.endpoint.sign_in(secrets, self.time.now(), deadline).await;
                let Answered { outcome, exchange } = answered;
                let result = self.take(outcome);
                Attempt { exchange, result }
            }
            SessionSource::Store(session_store) => {
                renewal::renew(session_store, &self.endpoint, &mut self.saved, why, deadline).await
            }
        };
        let Attempt { exchange, result } = attempt;
        let failure = result.err();
        // A new token in hand is good, also where the store did not take it, or
        // nonsense was said of its life.
        let is_new = self.saved.as_ref().is_some_and(|saved| Some(saved.generation) != before);
        let still_good = || self.saved.as_ref().is_some_and(|saved| saved.is_valid(self.time.now()));
        let usable = failure.is_none() || is_new || (matches!(why, RefreshReason::Due(_)) && still_good());
        self.last = Some(Renewal { took: started.elapsed(), exchange, failure: failure.clone(), usable });
        match failure {
            Some(failure) if !usable => Err(failure),
            _ => Ok(()),
        }
    }

    fn take(&mut self, outcome: TokenOutcome) -> Result<(), Failure> {
        match outcome {
            TokenOutcome::Tokens(answer) => {
                let (client_id, now) = (self.endpoint.client().client_id.as_str(), self.time.now());
                // Counted, so that requests at the same time know a new token from the refused one.
                self.saved = Some(match &self.saved {
                    Some(saved) => saved.renewed(answer, now),
                    None => SavedSession::signed_in(answer, client_id, true, now),
                });
                Ok(())
            }
            TokenOutcome::Refused(failure)
            | TokenOutcome::Unavailable(failure)
            | TokenOutcome::Unclear(failure)
            | TokenOutcome::Lost(failure) => Err(failure),
        }
    }
}
