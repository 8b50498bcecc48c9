//! Up to 10,000 runners that share one session, in a time that is simulated. What renews
//! the session is the product: only its time, its lock, its store and its token endpoint
//! are others, and they fail.
//!
//! [`time`] runs thousands of them in one thread, always in the same order; [`faults`]
//! says what goes wrong; [`cluster`] and [`endpoint`] are the store and the token
//! endpoint; [`runner`] is a runner; [`ledger`] holds what must be true, and says why a
//! session was lost.

mod cluster;
mod endpoint;
mod faults;
mod ledger;
mod report;
mod runner;
mod tests;
mod time;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use snow_connect::model::tokens::SavedSession;

use self::cluster::Cluster;
use self::endpoint::{Endpoint, LIFE};
use self::faults::{Faults, Luck, Machine};
use self::ledger::{Broken, Counts, Ledger};
use self::runner::{Runner, Tally};
use self::time::{Agenda, Dice, Task};
use crate::world::cluster::{ORIGIN, public_client};

/// A break of the protocol that a test plants, to see that it is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Planted {
    Nothing,
    /// The store takes every write.
    StoreIgnoresVersions,
    /// Leases are read as if they ended after two seconds.
    ShortLease,
    /// The store does not say that it is shared, so no one leases the session.
    NoLease,
    /// A second request follows the answer to the first.
    AsksTwice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Workload {
    /// All start within a second, when the token has expired: so many times.
    Herd(u32),
    /// Each needs a token once a minute: for so many lives of a token.
    Steady(u32),
}

#[derive(Debug, Clone, Copy)]
struct Scenario {
    runners: usize,
    workload: Workload,
    faults: Faults,
    planted: Planted,
    seed: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Outcome {
    /// Tokens that had to be renewed.
    expiries: u64,
    counts: Counts,
    tally: Tally,
    broken: BTreeMap<Broken, (u64, String)>,
    trace: u64,
    took: Duration,
}

/// Runners that are on one machine, and share its lock and its clock.
const ON_ONE_MACHINE: usize = 5;
/// From one herd to the next, a lost session and a new sign-in included.
const BETWEEN_HERDS: Duration = Duration::from_secs(1800 + 1200);
/// How long a person takes to sign in again.
const SIGN_IN: Duration = Duration::from_secs(120);

impl Scenario {
    fn run(self) -> Outcome {
        let began = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        let (agenda, ledger, tally) = (Arc::<Agenda>::default(), Arc::<Mutex<Ledger>>::default(), Arc::default());
        let mut dice = Dice::new(self.seed, 0);
        let cluster = Cluster::new(self.faults, ledger.clone(), Dice::new(self.seed, 1));
        let endpoint = Arc::<Endpoint>::default();
        cluster.sign_in(signed_in(&endpoint, began, Duration::ZERO), Duration::ZERO);
        let left = Arc::new(AtomicUsize::new(self.runners));
        let mut machine = (Machine::new(&self.faults, &mut dice), Arc::<AtomicBool>::default());
        let mut tasks: Vec<Task> = Vec::with_capacity(self.runners + 1);
        for number in 0..self.runners {
            if number % ON_ONE_MACHINE == 0 {
                machine = (Machine::new(&self.faults, &mut dice), Arc::default());
            }
            let own = Dice::new(self.seed, 2 + number as u64);
            let luck = Luck::new(agenda.clone(), ledger.clone(), (self.faults, began), machine.0.clone(), own);
            let at_hand = (luck, machine.1.clone());
            let runner = Runner::new(&cluster, &endpoint, at_hand, Arc::clone(&tally), self.planted);
            let left = left.clone();
            tasks.push(Box::pin(async move {
                self.workload.go_through(&runner).await;
                left.fetch_sub(1, Ordering::Relaxed);
            }));
        }
        tasks.push(Box::pin(person(agenda.clone(), cluster, endpoint.clone(), began, left)));
        agenda.run(tasks);
        let (ledger, tally) = (ledger.lock().unwrap(), tally.lock().unwrap());
        Outcome {
            expiries: endpoint.expiries(),
            counts: ledger.counts.clone(),
            tally: Tally::clone(&tally),
            broken: ledger.broken.clone(),
            trace: ledger.trace,
            took: agenda.now(),
        }
    }
}

impl Workload {
    async fn go_through(self, runner: &Runner) {
        let agenda = &runner.luck.agenda;
        let (first, between, within, times) = match self {
            Self::Herd(times) => (LIFE + SIGN_IN, BETWEEN_HERDS, 1.0, times),
            Self::Steady(lives) => (Duration::ZERO, Duration::from_secs(60), 60.0, lives * LIFE.as_secs() as u32 / 60),
        };
        let mut later = runner.luck.dice().seconds(0.0, within);
        for time in 0..times {
            agenda.sleep_until(first + between * time + later).await;
            runner.need_a_token().await;
            if matches!(self, Self::Herd(_)) {
                later = runner.luck.dice().seconds(0.0, within);
            }
        }
    }
}

/// Signs in again when the session was lost, some time after that.
async fn person(
    agenda: Arc<Agenda>,
    cluster: Arc<Cluster>,
    endpoint: Arc<Endpoint>,
    began: DateTime<Utc>,
    runners: Arc<AtomicUsize>,
) {
    while runners.load(Ordering::Relaxed) > 0 {
        if endpoint.has_ended() {
            agenda.sleep(SIGN_IN).await;
            let now = agenda.now();
            cluster.sign_in(signed_in(&endpoint, began, now), now);
        }
        agenda.sleep(Duration::from_secs(10)).await;
    }
}

/// The record of a new session.
fn signed_in(endpoint: &Endpoint, began: DateTime<Utc>, now: Duration) -> String {
    let at = began + TimeDelta::from_std(now).unwrap();
    let session = SavedSession::signed_in(endpoint.sign_in(now), public_client().client_id.as_str(), false, at);
    let mut record = json!({ "v": 1, "origins": { "instance": ORIGIN } });
    let Value::Object(members) = serde_json::to_value(session).unwrap() else { unreachable!() };
    record.as_object_mut().unwrap().extend(members);
    record.to_string()
}
