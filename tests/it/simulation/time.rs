//! A time in which thousands of programs run on one thread: when all of them wait, it
//! is set to when the next one goes on. The same seed gives the same order.

use std::cell::Cell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

thread_local! {
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    static BEGAN: Cell<Instant> = Cell::new(Instant::now());
}

/// What a [`Deadline`](snow_connect::http::client::Deadline) goes by on this thread.
pub fn clock() -> Instant {
    BEGAN.get() + NOW.get()
}

pub type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Who goes on, and when.
#[derive(Default)]
pub struct Agenda(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    now: Duration,
    running: usize,
    /// The number decides where two have the same time.
    number: u64,
    next: BinaryHeap<Reverse<(Duration, u64, usize)>>,
}

impl Agenda {
    pub fn now(&self) -> Duration {
        self.entries().now
    }

    /// Goes on at `until`, or at once if that has passed.
    pub async fn sleep_until(&self, until: Duration) {
        let mut is_noted = false;
        poll_fn(|_| {
            let mut entries = self.entries();
            if entries.now >= until {
                return Poll::Ready(());
            }
            if !std::mem::replace(&mut is_noted, true) {
                let running = entries.running;
                entries.note(until, running);
            }
            Poll::Pending
        })
        .await;
    }

    pub async fn sleep(&self, time: Duration) {
        self.sleep_until(self.now() + time).await;
    }

    /// Runs all of them to their end.
    pub fn run(self: &Arc<Self>, tasks: Vec<Task>) {
        let mut tasks: Vec<Option<Task>> = tasks.into_iter().map(Some).collect();
        (0..tasks.len()).for_each(|task| self.entries().note(Duration::ZERO, task));
        while let Some(task) = self.following() {
            let is_done = tasks[task]
                .as_mut()
                .is_some_and(|task| task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
            if is_done {
                tasks[task] = None;
            }
        }
        assert!(tasks.iter().all(Option::is_none), "a task waits for nothing");
    }

    fn following(&self) -> Option<usize> {
        let mut entries = self.entries();
        let Reverse((at, _, task)) = entries.next.pop()?;
        entries.now = at;
        entries.running = task;
        NOW.set(at);
        Some(task)
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap()
    }
}

impl Entries {
    fn note(&mut self, at: Duration, task: usize) {
        self.number += 1;
        self.next.push(Reverse((at, self.number, task)));
    }
}

/// Chance that a seed decides (SplitMix64).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64, owner: u64) -> Self {
        let mut dice = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ owner.wrapping_mul(0xd1b5_4a32_d192_ed03));
        dice.next();
        dice
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Another one, for a part of its own.
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// From 0 to 1.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub fn happens(&mut self, chance: f64) -> bool {
        self.share() < chance
    }

    pub fn seconds(&mut self, from: f64, to: f64) -> Duration {
        Duration::from_secs_f64(from + (to - from) * self.share())
    }

    /// The time to the next of events that are independent of each other.
    pub fn until_next(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(-(1.0 - self.share()).ln())
    }

    /// How long a process stands still, if it does: mostly for seconds, at most for ten minutes.
    pub fn stall(&mut self, chance: f64) -> Duration {
        let stands_still = self.happens(chance);
        if stands_still { Duration::from_secs_f64(600_f64.powf(self.share())) } else { Duration::ZERO }
    }

    /// Normally distributed, around 0, with a deviation of 1 (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let (radius, angle) = ((-2.0 * (1.0 - self.share()).ln()).sqrt(), std::f64::consts::TAU * self.share());
        radius * angle.cos()
    }
}
