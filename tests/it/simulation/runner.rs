//! A runner that needs a token: one command after the other, each a process that reads
//! the session, renews it as the product does, and uses the token.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use snow_connect::auth::oauth::lock::{Held, SessionLock};
use snow_connect::auth::oauth::renewal::{RefreshReason, SessionStore, TokenSource, renew};
use snow_connect::base::code::Code;
use snow_connect::base::error::Failure;
use snow_connect::base::time::Time;
use snow_connect::http::client::{Deadline, TIMEOUT};
use snow_connect::model::tokens::SavedSession;
use snow_connect::store::record;

use super::Planted;
use super::cluster::{Cluster, ClusterStore};
use super::endpoint::{Endpoint, EndpointSource};
use super::faults::Luck;
use super::time::clock;
use crate::world::cluster::session_store;

/// How long a command that failed is repeated.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// What came of all the commands.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tally {
    pub commands: u64,
    /// Commands that ended without a token, and those of them because of another's lease
    /// or the store.
    pub failed: u64,
    pub busy: u64,
    /// Until a runner had a token, in milliseconds.
    pub waits: Vec<u32>,
    /// Runners that never got one: the session was lost; they had waited long enough.
    pub without_session: u64,
    pub gave_up: u64,
}

/// The kernel lock of one machine, as it is asked for.
pub struct MachineLock {
    pub is_taken: Arc<AtomicBool>,
    pub luck: Arc<Luck>,
}

struct Release(Arc<AtomicBool>);

impl Drop for Release {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[async_trait]
impl SessionLock for MachineLock {
    async fn acquire(&self, timeout: Duration) -> io::Result<Option<Held>> {
        let (until, mut pause) = (self.luck.elapsed() + timeout, Duration::from_millis(1));
        while self.is_taken.swap(true, Ordering::Relaxed) {
            if self.luck.elapsed() >= until {
                return Ok(None);
            }
            let spread = self.luck.dice().seconds(0.0, 0.001);
            self.luck.wait(pause + spread).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
        Ok(Some(Box::new(Release(self.is_taken.clone()))))
    }
}

pub struct Runner {
    place: SessionStore,
    source: EndpointSource,
    endpoint: Arc<Endpoint>,
    pub luck: Arc<Luck>,
    tally: Arc<Mutex<Tally>>,
}

impl Runner {
    pub fn new(
        cluster: &Arc<Cluster>,
        endpoint: &Arc<Endpoint>,
        (luck, is_taken): (Arc<Luck>, Arc<AtomicBool>),
        tally: Arc<Mutex<Tally>>,
        planted: Planted,
    ) -> Self {
        let store = ClusterStore { cluster: cluster.clone(), luck: luck.clone(), planted };
        let lock = MachineLock { is_taken, luck: luck.clone() };
        Self {
            place: session_store(Arc::new(store), Box::new(lock), luck.clone()),
            source: EndpointSource::new(endpoint.clone(), cluster.clone(), luck.clone(), planted),
            endpoint: endpoint.clone(),
            luck,
            tally,
        }
    }

    /// Repeats a command until it has a token.
    pub async fn need_a_token(&self) {
        let started = self.luck.elapsed();
        loop {
            self.tally().commands += 1;
            // One that died is not repeated.
            let Some(ended) = self.luck.process(self.command()).await else { return };
            let waited = self.luck.elapsed() - started;
            let Err(failure) = ended else {
                return self.tally().waits.push(waited.as_millis() as u32);
            };
            self.tally().failed += 1;
            self.tally().busy += u64::from(failure.code() == Code::StoreBusy);
            if failure.code() == Code::SessionExpired && self.endpoint.has_ended() {
                self.tally().without_session += 1;
                return;
            }
            if waited > PATIENCE {
                self.tally().gave_up += 1;
                return;
            }
            let pause = self.luck.dice().seconds(1.0, 3.0);
            self.luck.wait(pause).await;
        }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap()
    }

    /// What a command does with a session, the renewal itself being the product's.
    async fn command(&self) -> Result<(), Failure> {
        let (place, time) = (&self.place, self.luck.as_ref());
        let deadline = Deadline::by(clock, TIMEOUT);
        let client_id = self.source.client().client_id.as_str();
        let found =
            record::read_session_version(place.store.as_ref(), &place.profile, client_id, &place.origins).await?;
        let mut in_hand = found.session;
        if !in_hand.as_ref().is_some_and(|session| session.is_fresh(time.now(), Duration::ZERO)) {
            self.renew(&mut in_hand, RefreshReason::Due(Duration::ZERO), deadline).await?;
        }
        if self.is_taken(in_hand.as_ref()) {
            return Ok(());
        }
        let refused = in_hand.as_ref().map(SavedSession::issued).ok_or_else(|| place.no_session())?;
        self.renew(&mut in_hand, RefreshReason::Refused(refused), deadline).await?;
        let is_taken = self.is_taken(in_hand.as_ref());
        is_taken.then_some(()).ok_or_else(|| Failure::new(Code::SessionExpired, "the new token was refused"))
    }

    /// Whether the instance takes the token.
    fn is_taken(&self, session: Option<&SavedSession>) -> bool {
        session.is_some_and(|session| self.endpoint.takes(&session.access_token, self.luck.elapsed()))
    }

    async fn renew(
        &self,
        in_hand: &mut Option<SavedSession>,
        why: RefreshReason,
        deadline: Deadline,
    ) -> Result<(), Failure> {
        let before = in_hand.as_ref().map(SavedSession::issued);
        let result = renew(&self.place, &self.source, in_hand, why, deadline).await.result;
        let is_new = in_hand.as_ref().map(SavedSession::issued) != before;
        let is_due = matches!(why, RefreshReason::Due(_));
        let still_good = is_due && in_hand.as_ref().is_some_and(|session| session.is_valid(self.luck.now()));
        result.or_else(|failure| if is_new || still_good { Ok(()) } else { Err(failure) })
    }
}
