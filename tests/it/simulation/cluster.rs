//! A cluster of three nodes with a leader, as one of OpenBao was measured: its followers
//! lag behind and judge a compare-and-set by what they have, the leader is lost for some
//! seconds, and a write whose outcome is unknown may take effect later.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use snow_connect::base::backoff::Backoff;
use snow_connect::base::secret::Secret;
use snow_connect::base::time::Time;
use snow_connect::model::profile::StoreKind;
use snow_connect::model::tokens::SavedSession;
use snow_connect::store::{CredentialStore, ItemKey, SetOutcome, StoreError, Version, Versioned};

use super::Planted;
use super::faults::{Faults, Luck};
use super::ledger::Ledger;
use super::time::Dice;
use crate::world::cluster::{KIND, unreachable_store};

const NODES: usize = 3;
/// One way to a node.
const WAY: Duration = Duration::from_micros(300);
/// What a node does one after the other.
const READ: Duration = Duration::from_micros(100);
const WRITE: Duration = Duration::from_millis(1);
/// A follower asks the leader.
const FORWARD: Duration = Duration::from_micros(1700);
/// How long the product's own store repeats a read, and how long a cut connection goes
/// unnoticed.
const READ_PATIENCE: Duration = Duration::from_secs(15);
const UNNOTICED: Duration = Duration::from_secs(1);

pub struct Cluster {
    faults: Faults,
    inner: Mutex<Inner>,
    ledger: Arc<Mutex<Ledger>>,
}

struct Inner {
    dice: Dice,
    versions: Vec<Stored>,
    leader: usize,
    busy_until: [Duration; NODES],
    /// There is no leader: from, to.
    outage: (Duration, Duration),
    late: Vec<(Duration, Version, String)>,
}

struct Stored {
    record: String,
    session: SavedSession,
    at: Duration,
    /// When each node has it.
    visible: [Duration; NODES],
}

enum Judged {
    Done(Version),
    Mismatch,
    /// It took effect, and something in between repeated it.
    DoneAndMismatch,
    NoLeader,
    Unknown,
}

impl Cluster {
    pub fn new(faults: Faults, ledger: Arc<Mutex<Ledger>>, mut dice: Dice) -> Arc<Self> {
        let first = dice.until_next(faults.between_outages);
        let outage = (first, first + dice.seconds(faults.outage.0, faults.outage.1));
        let (versions, busy_until) = (Vec::new(), [Duration::ZERO; NODES]);
        let inner = Inner { dice, versions, leader: 0, busy_until, outage, late: Vec::new() };
        Arc::new(Self { faults, inner: Mutex::new(inner), ledger })
    }

    /// A new sign-in, whatever is there.
    pub fn sign_in(&self, record: String, now: Duration) {
        self.inner().put(record, now, &mut self.ledger.lock().unwrap());
    }

    /// Who has the lease now.
    pub fn holder(&self, now: Duration) -> Option<String> {
        let mut inner = self.inner();
        inner.go_on(now, &self.faults, &mut self.ledger.lock().unwrap());
        inner.versions.last()?.session.lease.as_ref().map(|lease| lease.by.clone())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// A node for a request, and when it is done with it; `None` if the node is down.
    fn queue(&self, now: Duration, work: Duration) -> Option<(usize, Duration)> {
        let mut inner = self.inner();
        inner.go_on(now, &self.faults, &mut self.ledger.lock().unwrap());
        let node = inner.dice.next() as usize % NODES;
        if node == inner.leader && inner.has_no_leader(now) {
            return None;
        }
        let done = inner.busy_until[node].max(now + WAY) + work;
        inner.busy_until[node] = done;
        Some((node, done))
    }

    /// What a node had at that time.
    fn view(&self, node: usize, at: Duration, now: Duration) -> Versioned {
        let inner = self.inner();
        let (index, stored) = inner.seen_by(node, at);
        let record = Some(Secret::derived(stored.record.clone()).unwrap());
        // The date of an answer has whole seconds.
        let age = Duration::from_secs((now - stored.at).as_secs());
        Versioned { version: Version(index as u64 + 1), age: Some(age), record }
    }

    /// A write arrives at a node. Gives how long the answer takes, too.
    fn judge(
        &self,
        node: usize,
        now: Duration,
        replaced: Version,
        record: String,
        planted: Planted,
    ) -> (Judged, Duration) {
        let (mut inner, mut ledger) = (self.inner(), self.ledger.lock().unwrap());
        inner.go_on(now, &self.faults, &mut ledger);
        let is_blind = planted == Planted::StoreIgnoresVersions;
        if !is_blind && Version(inner.seen_by(node, now).0 as u64 + 1) != replaced {
            return (Judged::Mismatch, WAY);
        }
        if inner.has_no_leader(now) {
            return (Judged::NoLeader, FORWARD);
        }
        let work = if node == inner.leader { WRITE } else { FORWARD + WRITE };
        let commit = work + Duration::from_secs_f64(0.0076 * (0.9 * inner.dice.normal()).exp()).min(UNNOTICED);
        if !is_blind && Version(inner.versions.len() as u64) != replaced {
            return (Judged::Mismatch, work);
        }
        if inner.dice.happens(self.faults.leader_dies_under_write) {
            inner.outage = (now, now + inner.dice.seconds(self.faults.outage.0, self.faults.outage.1));
        }
        let is_cut = inner.outage.0 <= now + commit;
        if is_cut || inner.dice.happens(self.faults.write_unknown) {
            ledger.counts.unknown_writes += 1;
            let from = if is_cut { inner.outage.1 } else { now + commit };
            if inner.dice.happens(0.5) {
                let due = from + inner.dice.seconds(0.0, 10.0);
                inner.late.push((due, replaced, record));
                inner.late.sort_by_key(|(due, ..)| *due);
            }
            // As it was measured: the leader says so after some seconds.
            return (Judged::Unknown, inner.dice.seconds(0.0, 3.0));
        }
        inner.put(record, now + commit, &mut ledger);
        let is_said_twice = inner.dice.happens(self.faults.write_said_twice);
        let done = Judged::Done(Version(inner.versions.len() as u64));
        let judged = if is_said_twice { Judged::DoneAndMismatch } else { done };
        (judged, commit)
    }
}

impl Inner {
    fn has_no_leader(&self, now: Duration) -> bool {
        (self.outage.0..self.outage.1).contains(&now)
    }

    /// Does what is due by now.
    fn go_on(&mut self, now: Duration, faults: &Faults, ledger: &mut Ledger) {
        while self.late.first().is_some_and(|(due, ..)| *due <= now) {
            let (due, replaced, record) = self.late.remove(0);
            if Version(self.versions.len() as u64) == replaced {
                ledger.counts.late_writes += 1;
                self.put(record, due, ledger);
            }
        }
        if self.outage.1 < now {
            ledger.counts.outages += 1;
            self.leader = (self.leader + 1) % NODES;
            let from = now + self.dice.until_next(faults.between_outages);
            self.outage = (from, from + self.dice.seconds(faults.outage.0, faults.outage.1));
        }
    }

    fn seen_by(&self, node: usize, at: Duration) -> (usize, &Stored) {
        let found = self.versions.iter().enumerate().rev().find(|(_, stored)| stored.visible[node] <= at);
        found.unwrap_or((0, &self.versions[0]))
    }

    fn put(&mut self, record: String, at: Duration, ledger: &mut Ledger) {
        let session: SavedSession = serde_json::from_str(&record).unwrap();
        ledger.wrote(self.versions.last().map(|stored| &stored.session), &session, at);
        let mut visible = [at; NODES];
        for (node, visible) in visible.iter_mut().enumerate().filter(|(node, _)| *node != self.leader) {
            // Half of them within 77 ms, all but one of a hundred within 259, none after 717.
            let lag = Duration::from_secs_f64((0.077 * (0.5214 * self.dice.normal()).exp()).min(0.717));
            let before = self.versions.last().map_or(Duration::ZERO, |stored| stored.visible[node]);
            *visible = before.max(at + lag);
        }
        self.versions.push(Stored { record, session, at, visible });
    }
}

/// The cluster as one runner reaches it.
pub struct ClusterStore {
    pub cluster: Arc<Cluster>,
    pub luck: Arc<Luck>,
    pub planted: Planted,
}

impl ClusterStore {
    fn failed(&self) {
        self.luck.ledger().write_failed(self.luck.lease().as_deref(), self.luck.agenda.now());
    }

    async fn read_once(&self) -> Option<Versioned> {
        let now = self.luck.agenda.now();
        self.luck.ledger().counts.store_requests += 1;
        let queued = self.luck.reaches_store().then(|| self.cluster.queue(now, READ)).flatten();
        let Some((node, done)) = queued else {
            self.luck.ledger().counts.failed_reads += 1;
            self.luck.wait(WAY * 2).await;
            return None;
        };
        self.luck.wait(done + WAY - now).await;
        Some(self.cluster.view(node, done, done))
    }
}

#[async_trait]
impl CredentialStore for ClusterStore {
    fn kind(&self) -> StoreKind {
        KIND
    }

    fn remedy(&self) -> &'static str {
        "Try another store"
    }

    fn is_shared(&self) -> bool {
        self.planted != Planted::NoLease
    }

    async fn read(&self, key: ItemKey) -> Result<Option<Secret>, StoreError> {
        Ok(self.read_version(key).await?.record)
    }

    async fn write(&self, key: ItemKey, record: &Secret) -> Result<(), StoreError> {
        assert!(!self.is_shared(), "a shared session is never written without its version");
        let current = self.read_version(key.clone()).await?;
        match self.compare_and_set(key, current.version, record).await {
            SetOutcome::Written(_) => Ok(()),
            _ => Err(unreachable_store()),
        }
    }

    async fn delete(&self, _: ItemKey) -> Result<(), StoreError> {
        panic!("a renewal deletes nothing")
    }

    async fn read_version(&self, _: ItemKey) -> Result<Versioned, StoreError> {
        let started = self.luck.elapsed();
        let mut backoff = Backoff::between(Duration::from_millis(50), Duration::from_secs(2));
        loop {
            if let Some(mut found) = self.read_once().await {
                if self.planted == Planted::ShortLease {
                    let record = found.record.unwrap().expose().replace("\"seconds\":90", "\"seconds\":2");
                    found.record = Secret::derived(record).ok();
                }
                return Ok(found);
            }
            if self.luck.elapsed() - started > READ_PATIENCE {
                return Err(unreachable_store());
            }
            self.luck.sleep(backoff.following_by(self.luck.random())).await;
        }
    }

    async fn compare_and_set(&self, _: ItemKey, replaced: Version, record: &Secret) -> SetOutcome {
        let (luck, now) = (&self.luck, self.luck.agenda.now());
        luck.ledger().counts.store_requests += 1;
        let queued = luck.reaches_store().then(|| self.cluster.queue(now, READ)).flatten();
        let Some((node, arrived)) = queued else {
            self.failed();
            luck.wait(UNNOTICED).await;
            return SetOutcome::NotApplied(unreachable_store());
        };
        luck.wait(arrived - now).await;
        let now = luck.agenda.now();
        let (judged, time) = self.cluster.judge(node, now, replaced, record.expose().to_owned(), self.planted);
        luck.wait(time + WAY).await;
        if !matches!(judged, Judged::Done(_)) || !luck.reaches_store() {
            self.failed();
        }
        if !luck.reaches_store() {
            return SetOutcome::Unknown(unreachable_store());
        }
        match judged {
            Judged::Done(version) => SetOutcome::Written(version),
            Judged::Mismatch | Judged::DoneAndMismatch => SetOutcome::Mismatch,
            Judged::NoLeader => SetOutcome::NotApplied(unreachable_store()),
            Judged::Unknown => SetOutcome::Unknown(unreachable_store()),
        }
    }
}
