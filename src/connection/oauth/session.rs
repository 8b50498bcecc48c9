//! The life of a session: use it, renew it, and never lose it.
//!
//! A refresh token may be good for one use only, so a renewal goes in this
//! order, and one process at a time does it:
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
//! everything, and a token that is still good is used.
//!
//! The one window that no client can close: the server has changed the refresh
//! token, and this machine dies before step 7 is done.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::client::Grant;
use super::endpoint::{Answered, TokenEndpoint};
use super::tokens::{Lifetime, SavedSession, TokenAnswer};
use crate::connection::profile::Profile;
use crate::credentials::CredentialStore;
use crate::credentials::record::{self, Origins, ReadBack};
use crate::error::{Code, Failure};
use crate::http::client::{Deadline, Exchange};
use crate::secret::Secret;
use crate::servicenow::token::Judgement;
use crate::signals;
use crate::state::{SessionNote, State};

/// How often, and after what pauses, the result of a renewal is written.
const WRITE_PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_millis(200), Duration::from_millis(800)];

/// A session in use, and how to renew it.
pub struct Session {
    saved: Option<SavedSession>,
    endpoint: TokenEndpoint,
    keeper: Keeper,
    clock: fn() -> DateTime<Utc>,
    last: Option<Renewal>,
}

/// Where a session is kept.
pub enum Keeper {
    Store(Kept),
    /// Nowhere: variables describe the client.
    Environment {
        client_secret: Secret,
    },
}

/// The place of a saved session.
pub struct Kept {
    pub store: Arc<dyn CredentialStore>,
    pub profile: Profile,
    pub origins: Origins,
    pub state: State,
}

/// Why a session is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
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
    pub fn open(kept: Kept, endpoint: TokenEndpoint, clock: fn() -> DateTime<Utc>) -> Result<Self, Failure> {
        let saved = record::read_session(kept.store.as_ref(), &kept.profile, endpoint.client(), &kept.origins)?;
        if saved.is_none() && endpoint.client().grant == Grant::AuthorizationCode {
            return Err(record::no_session(kept.store.as_ref(), &kept.profile));
        }
        Ok(Self { saved, endpoint, keeper: Keeper::Store(kept), clock, last: None })
    }

    /// The session of a client that variables describe: a token is asked for
    /// when one is needed, and kept nowhere.
    pub fn unsaved(keeper: Keeper, endpoint: TokenEndpoint, clock: fn() -> DateTime<Utc>) -> Self {
        Self { saved: None, endpoint, keeper, clock, last: None }
    }

    /// What must not be shown, should a server echo it.
    pub fn secrets(&self) -> Vec<Secret> {
        let saved = self.saved.as_ref();
        let client_secret = match &self.keeper {
            Keeper::Environment { client_secret } => Some(client_secret),
            Keeper::Store(_) => None,
        };
        let tokens = [saved.map(|saved| &saved.access_token), saved.and_then(|saved| saved.refresh_token.as_ref())];
        tokens.into_iter().chain([client_secret]).flatten().map(Secret::duplicate).collect()
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
        self.endpoint.client().grant == Grant::ClientCredentials
            || self.saved.as_ref().is_some_and(|saved| saved.refresh_token.is_some())
    }

    /// Sees to it that the access token is good, for `min_ttl` at least where
    /// that can be had. Says whether there is one to use.
    pub async fn ensure_fresh(&mut self, min_ttl: Duration, deadline: Deadline) -> Result<(), Failure> {
        let is_fresh = |saved: &SavedSession| saved.is_fresh((self.clock)(), min_ttl);
        if self.saved.as_ref().is_some_and(is_fresh) {
            return Ok(());
        }
        self.renew(Why::Due(min_ttl), deadline).await
    }

    /// The instance refused the access token of `generation`: gets another.
    pub async fn renew_refused(&mut self, generation: u64, deadline: Deadline) -> Result<(), Failure> {
        if self.saved.as_ref().is_some_and(|saved| saved.generation != generation) {
            return Ok(());
        }
        self.renew(Why::Refused(generation), deadline).await
    }

    /// Renews whatever its age.
    pub async fn refresh(&mut self, deadline: Deadline) -> Result<(), Failure> {
        self.renew(Why::Asked, deadline).await
    }

    async fn renew(&mut self, why: Why, deadline: Deadline) -> Result<(), Failure> {
        let started = Instant::now();
        let attempt = match &self.keeper {
            Keeper::Environment { client_secret } => {
                let Answered { judgement, exchange } = self.endpoint.client_credentials(client_secret, deadline).await;
                let result = self.take(judgement);
                Attempt { exchange: Some(exchange), result }
            }
            Keeper::Store(kept) => renew_kept(kept, &self.endpoint, self.clock, &mut self.saved, why, deadline).await,
        };
        let Attempt { exchange, result } = attempt;
        let failure = result.err();
        let still_good = || self.saved.as_ref().is_some_and(|saved| saved.is_valid((self.clock)()));
        let usable = match (&failure, why) {
            (None, _) => true,
            // The new token is in hand, but not in the store.
            (Some(failure), _) if failure.code() == Code::SessionNotSaved => true,
            (Some(_), Why::Due(_)) => still_good(),
            (Some(_), Why::Refused(_) | Why::Asked) => false,
        };
        self.last = Some(Renewal { took: started.elapsed(), exchange, failure: failure.clone(), usable });
        match failure {
            Some(failure) if !usable => Err(failure),
            _ => Ok(()),
        }
    }

    fn take(&mut self, judgement: Judgement) -> Result<(), Failure> {
        match judgement {
            Judgement::Tokens(answer) => {
                let client_id = self.endpoint.client().client_id.as_str();
                self.saved = Some(SavedSession::signed_in(answer, client_id, true, (self.clock)()));
                Ok(())
            }
            Judgement::Refused(failure) | Judgement::Unavailable(failure) | Judgement::Lost(failure) => Err(failure),
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
    kept: &Kept,
    endpoint: &TokenEndpoint,
    clock: fn() -> DateTime<Utc>,
    in_hand: &mut Option<SavedSession>,
    why: Why,
    deadline: Deadline,
) -> Attempt {
    let name = &kept.profile.name;
    let _lock = match kept.state.lock_session(&kept.profile).await {
        Ok(lock) => lock,
        // Whoever held it all the time may have brought what is needed.
        Err(failure) => {
            return match kept.adopt(endpoint, in_hand, why, clock()) {
                Ok(true) => NOTHING_TO_DO,
                Ok(false) | Err(_) => failure.into(),
            };
        }
    };
    match kept.adopt(endpoint, in_hand, why, clock()) {
        Ok(true) => return NOTHING_TO_DO,
        Ok(false) => {}
        Err(failure) => return failure.into(),
    }
    let client = endpoint.client();
    let has_client_secret = in_hand.as_ref().is_none_or(|saved| saved.has_client_secret);
    let client_secret = match has_client_secret {
        true => match record::require_client_secret(kept.store.as_ref(), &kept.profile, client, &kept.origins) {
            Ok(secret) => Some(secret),
            Err(failure) => return failure.into(),
        },
        false => None,
    };
    let refresh_token = in_hand.as_ref().and_then(|saved| saved.refresh_token.as_ref().map(Secret::duplicate));
    let was_interrupted = in_hand.as_ref().and_then(|saved| saved.refreshing);
    if client.grant == Grant::AuthorizationCode {
        if refresh_token.is_none() {
            return ended(kept, in_hand.as_ref()).into();
        }
        if let Some(saved) = in_hand.as_ref()
            && let Err(failure) = kept.write(&saved.marked(Some(clock()), saved.refused_at), ReadBack::No)
        {
            return failure.into();
        }
    } else if let Err(error) = kept.store.prove(kept.profile.id) {
        return Failure::from(error).into();
    }
    let _signals = signals::defer();
    let ask = async || match (&client.grant, &refresh_token, &client_secret) {
        (Grant::AuthorizationCode, Some(token), secret) => endpoint.refresh(token, secret.as_ref(), deadline).await,
        (_, _, Some(secret)) => endpoint.client_credentials(secret, deadline).await,
        _ => unreachable!("a client that signs in for itself has a secret, and a session to renew a refresh token"),
    };
    tracing::info!("renewing the session of {name} at {}", endpoint.origin());
    let mut answered = ask().await;
    if matches!(answered.judgement, Judgement::Lost(_)) && !deadline.left().is_zero() {
        tracing::info!("the answer was lost; asking once more");
        answered = ask().await;
    }
    let Answered { judgement, exchange } = answered;
    let result = match judgement {
        Judgement::Tokens(answer) => kept.keep(client.client_id.as_str(), in_hand, answer, clock).await,
        Judgement::Refused(failure) => {
            let before = in_hand.as_ref().map(|saved| saved.generation);
            match record::read_session(kept.store.as_ref(), &kept.profile, client, &kept.origins) {
                Ok(Some(current)) if Some(current.generation) != before => {
                    *in_hand = Some(current);
                    Ok(())
                }
                _ => {
                    kept.note_refusal(in_hand.as_mut(), clock());
                    Err(match was_interrupted {
                        Some(since) => failure.evidence("interrupted_at", since.to_rfc3339()).why(
                            "An earlier renewal was interrupted, and the token endpoint now refuses the refresh token: it was most likely replaced then, and the answer lost.",
                        ),
                        None => failure,
                    })
                }
            }
        }
        Judgement::Unavailable(failure) => {
            // Nothing was spent, so nothing is under way.
            if let Some(saved) = in_hand.as_ref().filter(|_| client.grant == Grant::AuthorizationCode) {
                let _ = kept.write(&saved.marked(was_interrupted, saved.refused_at), ReadBack::No);
            }
            Err(failure)
        }
        Judgement::Lost(failure) => Err(failure),
    };
    Attempt { exchange: Some(exchange), result }
}

impl Kept {
    /// Reads the store again; says whether what is there now will do.
    fn adopt(
        &self,
        endpoint: &TokenEndpoint,
        in_hand: &mut Option<SavedSession>,
        why: Why,
        now: DateTime<Utc>,
    ) -> Result<bool, Failure> {
        let current = record::read_session(self.store.as_ref(), &self.profile, endpoint.client(), &self.origins)?;
        let Some(current) = current else {
            return match endpoint.client().grant {
                Grant::AuthorizationCode => Err(record::no_session(self.store.as_ref(), &self.profile)),
                Grant::ClientCredentials => {
                    *in_hand = None;
                    Ok(false)
                }
            };
        };
        let will_do = match why {
            Why::Due(min_ttl) => {
                // A refresh that lengthened nothing is not repeated.
                current.is_fresh(now, min_ttl) || (current.not_lengthened && current.is_valid(now))
            }
            Why::Refused(generation) => current.generation != generation,
            Why::Asked => false,
        };
        *in_hand = Some(current);
        Ok(will_do)
    }

    /// The first thing that is done with an answer: it is written.
    async fn keep(
        &self,
        client_id: &str,
        in_hand: &mut Option<SavedSession>,
        answer: TokenAnswer,
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
            written = self.write(&renewed, ReadBack::No);
            if written.is_ok() {
                break;
            }
        }
        let note = SessionNote::of(&renewed, self.profile.auth.method());
        *in_hand = Some(renewed);
        if let Err(failure) = written {
            let name = &self.profile.name;
            return Err(Failure::new(Code::SessionNotSaved, format!("the new session of {name} could not be saved"))
                .why(format!(
                    "The token endpoint gave a new one, and then the store failed: {}. What is in the store may be of no use now.",
                    failure.message()
                ))
                .next("See to the store, so that it can be written")
                .next(format!("Then sign in again: snow login {name}")));
        }
        let _ = self.state.record_session(self.profile.id, note);
        match lifetime {
            Lifetime::Garbage => Err(Failure::new(
                Code::UnexpectedAnswer,
                format!("the token endpoint says nonsense about the life of the token of {}", self.profile.name),
            )
            .why("Its expires_in is not a number of seconds. The token was saved; it is used until it is refused.")
            .next(format!("snow test {}", self.profile.name))),
            Lifetime::Known(_) | Lifetime::Unknown => Ok(()),
        }
    }

    /// Keeps what was refused, without the mark of a renewal under way.
    fn note_refusal(&self, saved: Option<&mut SavedSession>, now: DateTime<Utc>) {
        let Some(saved) = saved else { return };
        *saved = saved.marked(None, Some(now));
        let _ = self.write(saved, ReadBack::No);
        let _ = self.state.record_session(self.profile.id, SessionNote::of(saved, self.profile.auth.method()));
    }

    fn write(&self, session: &SavedSession, read_back: ReadBack) -> Result<(), Failure> {
        record::write_session(self.store.as_ref(), &self.profile, &self.origins, session, read_back)
    }
}

/// There is nothing to renew it with.
fn ended(kept: &Kept, saved: Option<&SavedSession>) -> Failure {
    let name = &kept.profile.name;
    Failure::new(Code::SessionExpired, format!("the session of {name} is over"))
        .why("The server gave no refresh token at the sign-in, so the access token cannot be renewed.")
        .next(format!("snow login {name}"))
        .evidence("expired_at", saved.and_then(|saved| saved.expires_at).map(|at| at.to_rfc3339()))
}
