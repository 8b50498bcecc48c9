//! What happened: the invariants of the protocol, each checked where it could break, and
//! why a session was lost.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use snow_connect::model::tokens::SavedSession;

/// How long a lease is valid: as the protocol has it.
pub const LEASE: Duration = Duration::from_secs(90);

/// What is left of it once a request may have taken its whole time, at the latest.
const SLACK: Duration = Duration::from_secs(90 - 15 - 30);
/// Longer than the time from one try of a write to the next.
const PAUSE: Duration = Duration::from_secs(8);

/// What must never be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Broken {
    /// I1: two requests for one session at once, though a lease was valid.
    TwoAtOnce,
    /// I1: a request without a lease.
    WithoutLease,
    /// I1: a valid lease was taken over.
    LeaseIgnored,
    /// I2: the generation did not grow by one with a result, or shrank.
    Generation,
    /// I3: a second request, and the answer of the first had come.
    SecondRequest,
    /// I4: a session was lost in none of the ways that stay open.
    Lost,
}

/// How a session can be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// (a) Its holder died between the rotation and the saved result.
    Crash,
    /// (b) The answer of the endpoint was lost.
    Answer,
    /// (c) A sender stood still until its lease had ended.
    Stall,
    /// (d) The store took no write of the holder until its lease had ended.
    Store,
}

/// One lease, and what its holder did.
#[derive(Debug, Default, Clone)]
struct Turn {
    marked: Duration,
    requests: usize,
    is_in_flight: bool,
    answer_lost: bool,
    has_crashed: bool,
    is_saved: bool,
    stalled: Duration,
    /// When a write of its result last came to nothing.
    failed_at: Duration,
}

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Counts {
    pub requests: u64,
    pub store_requests: u64,
    pub crashes: u64,
    pub stalls: u64,
    pub answers_lost: u64,
    pub outages: u64,
    pub unknown_writes: u64,
    pub late_writes: u64,
    pub late_requests: u64,
    pub takeovers: u64,
    pub failed_reads: u64,
    /// (a) to (d).
    pub lost: [u64; 4],
}

#[derive(Default)]
pub struct Ledger {
    turns: HashMap<String, Turn>,
    in_flight: Vec<String>,
    pub counts: Counts,
    /// How often, and the first case.
    pub broken: BTreeMap<Broken, (u64, String)>,
    /// Tells two runs apart: what happened, and when.
    pub trace: u64,
}

impl Ledger {
    pub fn breaks(&mut self, broken: Broken, case: String) {
        self.broken.entry(broken).or_insert((0, case)).0 += 1;
    }

    fn note(&mut self, kind: u64, at: Duration) {
        let mixed = self.trace ^ at.as_nanos() as u64 ^ (kind << 56);
        self.trace = mixed.wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
    }

    fn turn(&mut self, lease: Option<&str>) -> Option<&mut Turn> {
        lease.and_then(|lease| self.turns.get_mut(lease))
    }

    pub fn stalled(&mut self, lease: Option<&str>, time: Duration) {
        self.counts.stalls += 1;
        self.note(1, time);
        if let Some(turn) = self.turn(lease) {
            turn.stalled += time;
        }
    }

    pub fn crashed(&mut self, lease: Option<&str>) {
        self.counts.crashes += 1;
        self.note(2, Duration::ZERO);
        if let Some(turn) = self.turn(lease) {
            turn.has_crashed = true;
        }
        self.in_flight.retain(|flying| Some(flying.as_str()) != lease);
    }

    /// A write of this holder did not come about, or no one knows.
    pub fn write_failed(&mut self, lease: Option<&str>, now: Duration) {
        if let Some(turn) = self.turn(lease) {
            turn.failed_at = now;
        }
    }

    /// A version of the session takes effect.
    pub fn wrote(&mut self, before: Option<&SavedSession>, after: &SavedSession, at: Duration) {
        self.note(3, at);
        let lease_before = before.and_then(|before| before.lease.as_ref());
        if let Some(lease) = &after.lease {
            if let Some(former) = lease_before.filter(|former| former.by != lease.by) {
                let age = at.saturating_sub(self.turns[&former.by].marked);
                self.counts.takeovers += 1;
                if age <= LEASE {
                    self.breaks(Broken::LeaseIgnored, format!("after {age:?}, at {at:?}"));
                }
            }
            self.turns.entry(lease.by.clone()).or_default().marked = at;
        }
        let Some(before) = before else { return };
        let is_same = before.signed_in_at == after.signed_in_at;
        let is_result = after.generation == before.generation + 1 && after.lease.is_none();
        let is_mark = after.generation == before.generation;
        if (is_same && !is_result && !is_mark) || after.signed_in_at < before.signed_in_at {
            let case = format!("{:?} after {:?}, at {at:?}", after.issued(), before.issued());
            self.breaks(Broken::Generation, case);
        }
        if is_result && let Some(turn) = self.turn(after.by.as_deref()) {
            turn.is_saved = true;
        }
    }

    /// A request is sent under a lease. `holder` has the lease in the store.
    pub fn sends(&mut self, lease: Option<&str>, holder: Option<&str>, now: Duration) {
        self.counts.requests += 1;
        self.note(4, now);
        let Some((lease, turn)) = lease.and_then(|lease| Some((lease, self.turns.get(lease)?.clone()))) else {
            self.breaks(Broken::WithoutLease, format!("at {now:?}"));
            return;
        };
        let is_valid = |turn: &Turn| now.saturating_sub(turn.marked) <= LEASE;
        if !is_valid(&turn) {
            self.counts.late_requests += 1;
        } else if holder != Some(lease) {
            self.breaks(Broken::WithoutLease, format!("{turn:?}, at {now:?}"));
        }
        if is_valid(&turn) && self.in_flight.iter().any(|flying| is_valid(&self.turns[flying])) {
            self.breaks(Broken::TwoAtOnce, format!("{turn:?}, at {now:?}"));
        }
        if turn.requests > 1 || (turn.requests == 1 && !turn.answer_lost) {
            self.breaks(Broken::SecondRequest, format!("{turn:?}, at {now:?}"));
        }
        self.in_flight.push(lease.to_owned());
        let turn = self.turns.get_mut(lease).unwrap();
        turn.requests += 1;
        turn.is_in_flight = true;
    }

    /// Its answer came, or was lost.
    pub fn answered(&mut self, lease: Option<&str>, is_lost: bool, now: Duration) {
        self.note(5 + u64::from(is_lost), now);
        self.counts.answers_lost += u64::from(is_lost);
        self.in_flight.retain(|flying| Some(flying.as_str()) != lease);
        if let Some(turn) = self.turn(lease) {
            turn.answer_lost = is_lost;
            turn.is_in_flight = false;
        }
    }

    /// `second` sent a refresh token that `first` had used: the session is lost.
    pub fn lost(&mut self, first: Option<&str>, second: Option<&str>, now: Duration) {
        self.note(7, now);
        match self.why_lost(first, second, now) {
            Ok(loss) => self.counts.lost[loss as usize] += 1,
            Err(case) => self.breaks(Broken::Lost, case),
        }
    }

    fn why_lost(&self, first: Option<&str>, second: Option<&str>, now: Duration) -> Result<Loss, String> {
        let turn = |lease: Option<&str>| lease.and_then(|lease| self.turns.get(lease)).cloned().unwrap_or_default();
        let (holder, sender) = (turn(first), turn(second));
        let has_ended = |turn: &Turn| now.saturating_sub(turn.marked) > LEASE;
        let was_slow = |turn: &Turn| has_ended(turn) && turn.stalled > SLACK;
        // It tried until then, but for a pause or a stall.
        let could_not_write = holder.failed_at + holder.stalled + PAUSE > holder.marked + LEASE;
        let holder_has_it = !holder.is_saved;
        Ok(match () {
            () if first.is_none() || second.is_none() => return Err(format!("no lease, at {now:?}")),
            () if holder_has_it && holder.answer_lost => Loss::Answer,
            () if holder_has_it && holder.has_crashed => Loss::Crash,
            () if was_slow(&sender) || (holder_has_it && was_slow(&holder)) => Loss::Stall,
            () if holder_has_it && has_ended(&holder) && could_not_write => Loss::Store,
            () => return Err(format!("{holder:?} before {sender:?}, at {now:?}")),
        })
    }
}
