//! The life of a session: use it, renew it, and never lose it.
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
//! The one window that no client can close: the server has changed the refresh
//! token, and this machine dies before step 7 is done.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use crate::auth::oauth::endpoint::{Answered, TokenEndpoint};
use crate::base::code::Code;
use crate::base::deferral;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::shown::{Shown, Step, shown};
use crate::history::state::{SessionNote, State};
use crate::http::client::{Deadline, Exchange};
use crate::model::oauth_client::{GrantType, OAuthClient};
use crate::model::profile::Profile;
use crate::model::tokens::{Lifetime, SavedSession, TokenResponse};
use crate::service::servicenow::token::TokenOutcome;
use crate::store::CredentialStore;
use crate::store::record::{self, Origins, ReadBack};

/// How often, and after what pauses, the result of a renewal is written.
const WRITE_PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_millis(200), Duration::from_millis(800)];

/// A session in use, and how to renew it.
pub struct Session {
    saved: Option<SavedSession>,
    endpoint: TokenEndpoint,
    source: SessionSource,
    clock: fn() -> DateTime<Utc>,
    last: Option<Renewal>,
}

/// Where a session is kept.
pub enum SessionSource {
    Store(SessionStore),
    /// Nowhere: variables describe the client.
    Environment {
        client_secret: Secret,
    },
}

/// The place of a saved session.
pub struct SessionStore {
    pub store: Arc<dyn CredentialStore>,
    pub profile: Profile,
    pub origins: Origins,
    pub state: State,
}

/// Why a session is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RefreshReason {
    /// It ends within this time, or soon.
    Due(Duration),
    /// The instance refused the access token of this generation.
    Refused(u64),
    /// A person wants it.
    Asked,
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
    pub async fn open(
        session_store: SessionStore,
        endpoint: TokenEndpoint,
        clock: fn() -> DateTime<Utc>,
    ) -> Result<Self, Failure> {
        let saved = record::read_session(
            session_store.store.as_ref(),
            &session_store.profile,
            endpoint.client(),
            &session_store.origins,
        )
        .await?;
        if saved.is_none() && endpoint.client().grant == GrantType::AuthorizationCode {
            return Err(record::no_session(session_store.store.as_ref(), &session_store.profile));
        }
        Ok(Self { saved, endpoint, source: SessionSource::Store(session_store), clock, last: None })
    }

    /// The session of a client that variables describe: a token is asked for
    /// when one is needed, and kept nowhere.
    pub fn unsaved(source: SessionSource, endpoint: TokenEndpoint, clock: fn() -> DateTime<Utc>) -> Self {
        Self { saved: None, endpoint, source, clock, last: None }
    }

    /// What must not be shown, should a server echo it.
    pub fn secrets(&self) -> Vec<Secret> {
        let saved = self.saved.as_ref();
        let client_secret = match &self.source {
            SessionSource::Environment { client_secret } => Some(client_secret),
            SessionSource::Store(_) => None,
        };
        let tokens = [saved.map(|saved| &saved.access_token), saved.and_then(|saved| saved.refresh_token.as_ref())];
        tokens.into_iter().chain([client_secret]).flatten().cloned().collect()
    }

    /// What is known of the session, the secrets included.
    pub fn saved(&self) -> Option<&SavedSession> {
        self.saved.as_ref()
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
        self.endpoint.client().grant == GrantType::ClientCredentials
            || self.saved.as_ref().is_some_and(|saved| saved.refresh_token.is_some())
    }

    /// Sees to it that the access token is good, for `min_ttl` at least where
    /// that can be had. Says whether there is one to use.
    pub async fn ensure_fresh(&mut self, min_ttl: Duration, deadline: Deadline) -> Result<(), Failure> {
        let is_fresh = |saved: &SavedSession| saved.is_fresh((self.clock)(), min_ttl);
        if self.saved.as_ref().is_some_and(is_fresh) {
            return Ok(());
        }
        // What nothing can renew is used to its end.
        if !self.is_renewable() && self.saved.as_ref().is_some_and(|saved| saved.is_valid((self.clock)())) {
            return Ok(());
        }
        self.renew(RefreshReason::Due(min_ttl), deadline).await
    }

    /// The instance refused the access token of `generation`: gets another.
    pub async fn renew_refused(&mut self, generation: u64, deadline: Deadline) -> Result<(), Failure> {
        if self.saved.as_ref().is_some_and(|saved| saved.generation != generation) {
            return Ok(());
        }
        self.renew(RefreshReason::Refused(generation), deadline).await
    }

    /// Renews whatever its age.
    pub async fn refresh(&mut self, deadline: Deadline) -> Result<(), Failure> {
        self.renew(RefreshReason::Asked, deadline).await
    }

    async fn renew(&mut self, why: RefreshReason, deadline: Deadline) -> Result<(), Failure> {
        let started = Instant::now();
        let before = self.saved.as_ref().map(|saved| saved.generation);
        let attempt = match &self.source {
            SessionSource::Environment { client_secret } => {
                let Answered { outcome, exchange } = self.endpoint.client_credentials(client_secret, deadline).await;
                let result = self.take(outcome);
                Attempt { exchange: Some(exchange), result }
            }
            SessionSource::Store(session_store) => {
                renew_kept(session_store, &self.endpoint, self.clock, &mut self.saved, why, deadline).await
            }
        };
        let Attempt { exchange, result } = attempt;
        let failure = result.err();
        // A new token in hand is good, also where the store did not take it, or
        // nonsense was said of its life.
        let is_new = self.saved.as_ref().is_some_and(|saved| Some(saved.generation) != before);
        let still_good = || self.saved.as_ref().is_some_and(|saved| saved.is_valid((self.clock)()));
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
                let client_id = self.endpoint.client().client_id.as_str();
                self.saved = Some(SavedSession::signed_in(answer, client_id, true, (self.clock)()));
                Ok(())
            }
            TokenOutcome::Refused(failure)
            | TokenOutcome::Unavailable(failure)
            | TokenOutcome::Unclear(failure)
            | TokenOutcome::Lost(failure) => Err(failure),
        }
    }
}

/// One renewal: the request it made, if any, and how it ended.
struct Attempt {
    exchange: Option<Exchange>,
    result: Result<(), Failure>,
}

impl From<Failure> for Attempt {
    fn from(failure: Failure) -> Self {
        Self { exchange: None, result: Err(failure) }
    }
}

const NOTHING_TO_DO: Attempt = Attempt { exchange: None, result: Ok(()) };

/// The protocol of the module's header, from its second step on.
async fn renew_kept(
    session_store: &SessionStore,
    endpoint: &TokenEndpoint,
    clock: fn() -> DateTime<Utc>,
    in_hand: &mut Option<SavedSession>,
    why: RefreshReason,
    deadline: Deadline,
) -> Attempt {
    let name = &session_store.profile.name;
    let _lock = match session_store.state.lock_session(&session_store.profile).await {
        Ok(lock) => lock,
        // Whoever held it all the time may have brought what is needed.
        Err(failure) => {
            return match session_store.reload(endpoint, in_hand, why, clock()).await {
                Ok(true) => NOTHING_TO_DO,
                Ok(false) | Err(_) => failure.into(),
            };
        }
    };
    match session_store.reload(endpoint, in_hand, why, clock()).await {
        Ok(true) => return NOTHING_TO_DO,
        Ok(false) => {}
        Err(failure) => return failure.into(),
    }
    let client = endpoint.client();
    let has_client_secret = in_hand.as_ref().is_none_or(|saved| saved.has_client_secret);
    let client_secret = if has_client_secret {
        match session_store.read_client_secret(client).await {
            Ok(secret) => Some(secret),
            Err(failure) => return failure.into(),
        }
    } else {
        None
    };
    let mut interrupted = in_hand.as_ref().and_then(|saved| saved.refreshing);
    let started = clock();
    let marked = in_hand.as_ref().map(|saved| saved.marked(interrupted.or(Some(started)), saved.refused_at));
    let marked = marked.filter(|saved| client.grant == GrantType::AuthorizationCode && saved.refresh_token.is_some());
    let marked = match (marked, client.grant) {
        (None, GrantType::AuthorizationCode) => return ended(session_store, in_hand.as_ref()).into(),
        (Some(marked), _) => match session_store.write(&marked).await {
            Err(failure) => return failure.into(),
            Ok(()) => Some(marked),
        },
        (None, GrantType::ClientCredentials) => {
            if let Err(error) = session_store.store.prove(session_store.profile.id).await {
                return Failure::from(error).into();
            }
            None
        }
    };
    let _signals = deferral::defer();
    let ask = async || match (&marked, &client_secret) {
        (Some(marked), secret) => endpoint.refresh(marked, secret.as_ref(), started, deadline).await,
        (None, Some(secret)) => endpoint.client_credentials(secret, deadline).await,
        (None, None) => unreachable!("a client that signs in for itself has a secret"),
    };
    tracing::info!("renewing the session of {name} at {}", endpoint.origin());
    let mut answered = ask().await;
    if matches!(answered.outcome, TokenOutcome::Lost(_)) && !deadline.left().is_zero() {
        tracing::info!("the answer was lost; asking once more");
        interrupted = interrupted.or(Some(started));
        answered = ask().await;
    }
    let Answered { outcome, exchange } = answered;
    let result = match outcome {
        TokenOutcome::Tokens(answer) => session_store.keep(client.client_id.as_str(), in_hand, answer, clock).await,
        TokenOutcome::Refused(failure) => {
            let before = in_hand.as_ref().map(|saved| saved.generation);
            match session_store.read(client).await {
                Ok(Some(current)) if Some(current.generation) != before => {
                    *in_hand = Some(current);
                    Ok(())
                }
                _ => {
                    session_store.note_refusal(in_hand, interrupted, clock()).await;
                    Err(match interrupted {
                        Some(since) if failure.code() == Code::SessionExpired => failure
                            .why("A renewal was interrupted, and since then the token endpoint refuses the refresh token: it was most likely replaced, and the answer was lost.")
                            .evidence("interrupted_at", Shown::outside(since.to_rfc3339())),
                        _ => failure,
                    })
                }
            }
        }
        TokenOutcome::Unavailable(failure) => {
            // Nothing was spent, so nothing is under way.
            if let Some(saved) = in_hand.as_ref().filter(|_| client.grant == GrantType::AuthorizationCode) {
                let _ = session_store.write(&saved.marked(interrupted, saved.refused_at)).await;
            }
            Err(failure)
        }
        // The mark stays: should the refresh token be refused from now on, it
        // is known why.
        TokenOutcome::Unclear(failure) | TokenOutcome::Lost(failure) => Err(failure),
    };
    Attempt { exchange: Some(exchange), result }
}

impl SessionStore {
    /// Reads the store again; says whether what is there now will do.
    async fn reload(
        &self,
        endpoint: &TokenEndpoint,
        in_hand: &mut Option<SavedSession>,
        why: RefreshReason,
        now: DateTime<Utc>,
    ) -> Result<bool, Failure> {
        let Some(current) = self.read(endpoint.client()).await? else {
            return match endpoint.client().grant {
                GrantType::AuthorizationCode => Err(record::no_session(self.store.as_ref(), &self.profile)),
                GrantType::ClientCredentials => {
                    *in_hand = None;
                    Ok(false)
                }
            };
        };
        let will_do = match why {
            RefreshReason::Due(min_ttl) => {
                // A refresh that lengthened nothing is not repeated.
                current.is_fresh(now, min_ttl) || current.cannot_be_lengthened(now)
            }
            RefreshReason::Refused(generation) => current.generation != generation,
            RefreshReason::Asked => false,
        };
        *in_hand = Some(current);
        Ok(will_do)
    }

    /// The first thing that is done with an answer: it is written.
    async fn keep(
        &self,
        client_id: &str,
        in_hand: &mut Option<SavedSession>,
        answer: TokenResponse,
        clock: fn() -> DateTime<Utc>,
    ) -> Result<(), Failure> {
        let lifetime = answer.lifetime;
        let now = clock();
        let renewed = match in_hand.as_ref() {
            Some(saved) => saved.renewed(answer, now),
            None => SavedSession::signed_in(answer, client_id, true, now),
        };
        let mut written = Ok(());
        for pause in WRITE_PAUSES {
            tokio::time::sleep(pause).await;
            written = self.write(&renewed).await;
            if written.is_ok() {
                break;
            }
        }
        let note = SessionNote::of(&renewed, self.profile.auth.method());
        *in_hand = Some(renewed);
        if let Err(failure) = written {
            let name = &self.profile.name;
            return Err(Failure::new(Code::SessionNotSaved, shown!("the new session of {} could not be saved", name))
                .why(shown!("The token endpoint gave a new one, and then the store failed: {}. What is in the store may be of no use now.", failure.message()))
                .next("See to the store, so that it can be written")
                .next(Step::say("Then sign in again: ").and_run(shown!("snow login {}", name))));
        }
        let _ = self.state.record_session(self.profile.id, note);
        match lifetime {
            Lifetime::Garbage => Err(Failure::new(
                Code::UnexpectedAnswer,
                shown!("the token endpoint says nonsense about the life of the token of {}", self.profile.name),
            )
            .why("Its expires_in is not a number of seconds. The token was saved; it is used until it is refused.")
            .next(Step::run(shown!("snow test {}", self.profile.name)))),
            Lifetime::Known(_) | Lifetime::Unknown => Ok(()),
        }
    }

    /// Keeps what was refused; with the mark of a renewal only where one was
    /// interrupted, so that the next refusal is explained as well.
    async fn note_refusal(
        &self,
        in_hand: &mut Option<SavedSession>,
        interrupted: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) {
        let Some(saved) = in_hand.take() else { return };
        let saved = saved.marked(interrupted, Some(now));
        let _ = self.write(&saved).await;
        let _ = self.state.record_session(self.profile.id, SessionNote::of(&saved, self.profile.auth.method()));
        *in_hand = Some(saved);
    }

    async fn read(&self, client: &OAuthClient) -> Result<Option<SavedSession>, Failure> {
        record::read_session(self.store.as_ref(), &self.profile, client, &self.origins).await
    }

    async fn read_client_secret(&self, client: &OAuthClient) -> Result<Secret, Failure> {
        record::require_client_secret(self.store.as_ref(), &self.profile, client, &self.origins).await
    }

    async fn write(&self, session: &SavedSession) -> Result<(), Failure> {
        record::write_session(self.store.as_ref(), &self.profile, &self.origins, session, ReadBack::No).await
    }
}

/// There is nothing to renew it with.
fn ended(session_store: &SessionStore, saved: Option<&SavedSession>) -> Failure {
    let name = &session_store.profile.name;
    Failure::new(Code::SessionExpired, shown!("the session of {} is over", name))
        .why("The server gave no refresh token at the sign-in, so the access token cannot be renewed.")
        .next(Step::run(shown!("snow login {}", name)))
        .evidence("expired_at", saved.and_then(|saved| saved.expires_at).map(|at| Shown::outside(at.to_rfc3339())))
}
