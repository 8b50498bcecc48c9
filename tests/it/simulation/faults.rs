//! What goes wrong, and how often; and what one runner meets of it.

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use snow_connect::base::time::Time;

use super::ledger::Ledger;
use super::time::{Agenda, Dice};

/// Chances, and the mean times between what happens by itself.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    /// The leader is lost, for so many seconds.
    pub between_outages: Duration,
    pub outage: (f64, f64),
    /// The same, right under a write.
    pub leader_dies_under_write: f64,
    /// Of a write: nobody learns its outcome, or a mismatch is said of what was done.
    pub write_unknown: f64,
    pub write_said_twice: f64,
    /// A machine cannot reach the store.
    pub between_partitions: Duration,
    pub partition: Duration,
    /// At each of three points of a renewal.
    pub crash: f64,
    /// A process stands still, at any point where it waits for something.
    pub stall: f64,
    /// Of a request for tokens: half of them before the endpoint acts.
    pub answer_lost: f64,
    pub unavailable: f64,
    /// How far the clocks of machines differ, in seconds.
    pub skew: f64,
}

impl Faults {
    pub const NONE: Self = Self {
        between_outages: Duration::from_secs(u32::MAX as u64),
        outage: (8.0, 20.0),
        leader_dies_under_write: 0.0,
        write_unknown: 0.0,
        write_said_twice: 0.0,
        between_partitions: Duration::from_secs(u32::MAX as u64),
        partition: Duration::ZERO,
        crash: 0.0,
        stall: 0.0,
        answer_lost: 0.0,
        unavailable: 0.0,
        skew: 0.0,
    };

    /// As on a bad day.
    pub const USUAL: Self = Self {
        between_outages: Duration::from_secs(15 * 60),
        outage: (8.0, 20.0),
        leader_dies_under_write: 0.0,
        write_unknown: 0.002,
        write_said_twice: 0.001,
        between_partitions: Duration::from_secs(24 * 60 * 60),
        partition: Duration::from_secs(20),
        crash: 0.002,
        stall: 0.000_02,
        answer_lost: 0.002,
        unavailable: 0.01,
        skew: 20.0,
    };

    /// Everything, all the time.
    pub const STORM: Self = Self {
        between_outages: Duration::from_secs(5 * 60),
        outage: (8.0, 20.0),
        leader_dies_under_write: 0.1,
        write_unknown: 0.1,
        write_said_twice: 0.02,
        between_partitions: Duration::from_secs(2 * 60 * 60),
        partition: Duration::from_secs(30),
        crash: 0.01,
        stall: 0.001,
        answer_lost: 0.06,
        unavailable: 0.02,
        skew: 20.0,
    };
}

/// The machine that a runner is on.
pub struct Machine {
    skew: TimeDelta,
    /// When it cannot reach the store: from, to.
    partition: Mutex<(Duration, Duration)>,
}

impl Machine {
    pub fn new(faults: &Faults, dice: &mut Dice) -> Arc<Self> {
        let skew = TimeDelta::milliseconds((faults.skew * 1000.0 * dice.normal()) as i64);
        let from = dice.until_next(faults.between_partitions);
        let to = from + dice.until_next(faults.partition);
        Arc::new(Self { skew, partition: Mutex::new((from, to)) })
    }
}

/// What happens to one runner.
pub struct Luck {
    pub agenda: Arc<Agenda>,
    pub ledger: Arc<Mutex<Ledger>>,
    pub faults: Faults,
    pub began: DateTime<Utc>,
    machine: Arc<Machine>,
    dice: Mutex<Dice>,
    is_dead: AtomicBool,
    /// The lease under which it sends or has sent a request.
    lease: Mutex<Option<String>>,
}

impl Luck {
    pub fn new(
        agenda: Arc<Agenda>,
        ledger: Arc<Mutex<Ledger>>,
        (faults, began): (Faults, DateTime<Utc>),
        machine: Arc<Machine>,
        dice: Dice,
    ) -> Arc<Self> {
        let (dice, is_dead, lease) = (Mutex::new(dice), AtomicBool::new(false), Mutex::new(None));
        Arc::new(Self { agenda, ledger, faults, began, machine, dice, is_dead, lease })
    }

    pub fn dice(&self) -> MutexGuard<'_, Dice> {
        self.dice.lock().unwrap()
    }

    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap()
    }

    pub fn holds(&self, lease: Option<String>) {
        *self.lease.lock().unwrap() = lease;
    }

    pub fn lease(&self) -> Option<String> {
        self.lease.lock().unwrap().clone()
    }

    /// Waits, and now and then for far longer than meant.
    pub async fn wait(&self, time: Duration) {
        let stall = self.dice().stall(self.faults.stall);
        if !stall.is_zero() {
            self.ledger().stalled(self.lease().as_deref(), stall);
        }
        self.agenda.sleep(time + stall).await;
    }

    /// The process may end here.
    pub async fn may_die(&self) {
        let dies = self.dice().happens(self.faults.crash);
        if dies {
            self.ledger().crashed(self.lease().as_deref());
            self.is_dead.store(true, Ordering::Relaxed);
            pending::<()>().await;
        }
    }

    /// Runs one process: `None` if it dies.
    pub async fn process<T>(&self, process: impl Future<Output = T>) -> Option<T> {
        let mut process = Some(Box::pin(process));
        let ended = poll_fn(|context| {
            let polled = process.as_mut().map_or(Poll::Pending, |process| process.as_mut().poll(context).map(Some));
            if self.is_dead.swap(false, Ordering::Relaxed) {
                process = None;
                return Poll::Ready(None);
            }
            polled
        })
        .await;
        self.holds(None);
        ended
    }

    /// Whether the store can be reached from here.
    pub fn reaches_store(&self) -> bool {
        let (now, mut partition) = (self.agenda.now(), self.machine.partition.lock().unwrap());
        while partition.1 < now {
            let from = now + self.dice().until_next(self.faults.between_partitions);
            *partition = (from, from + self.dice().until_next(self.faults.partition));
        }
        now < partition.0
    }
}

#[async_trait]
impl Time for Luck {
    fn now(&self) -> DateTime<Utc> {
        self.began + TimeDelta::from_std(self.agenda.now()).unwrap() + self.machine.skew
    }

    fn elapsed(&self) -> Duration {
        self.agenda.now()
    }

    async fn sleep(&self, time: Duration) {
        self.wait(time).await;
    }

    fn random(&self) -> u64 {
        self.dice().next()
    }
}
