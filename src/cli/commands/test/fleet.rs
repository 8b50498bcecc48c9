//! Many connections concurrently.
//!
//! The time of all is that of the slowest: every test that may begin does.
//! What holds one up is its turn: at most eight tests of one instance run at
//! once, each of which sends one request after another, and at most as many
//! altogether as `--jobs` and the open files of the process allow. A test that
//! has begun is never given up for another: it may be renewing its session.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::tester::ConnectionTester;
use crate::base::{deferral, limits as system};
use crate::check::report::{NotTested, Report};
use crate::cli::commands::app::App;
use crate::cli::console::Progress;
use crate::cli::signals::Stop;
use crate::model::profile::Profile;

/// More at once gain little, and each takes its memory.
const AT_ONCE: usize = 512;
/// ServiceNow lets sixteen REST calls of one node run at the same time, and
/// others want some of them.
const AT_ONCE_PER_ORIGIN: usize = 8;
/// What the process opens beside its tests.
const OTHER_OPEN_FILES: usize = 56;
/// The connection to the instance, and another to look up its name or to get a
/// token elsewhere.
const OPEN_FILES_EACH: usize = 2;
/// How many names of slow connections are shown.
const NAMED: usize = 3;

/// How many tests at once, and when to begin no more.
pub struct Limits {
    pub jobs: Option<u16>,
    pub fail_fast: bool,
}

/// The reports, in the order of the connections; the exit code of a signal that
/// stopped the run before all of them were there.
pub struct Tested {
    pub reports: Vec<Report>,
    pub stopped_by: Option<u8>,
}

/// Tests them all. `finished` gets each report as it comes.
pub async fn run(
    app: &App,
    tester: &ConnectionTester<'_>,
    profiles: &[Profile],
    limits: Limits,
    mut stop: Stop,
    finished: impl Fn(&Report),
) -> Tested {
    let turns = Turns::new(limits.jobs.map_or(AT_ONCE, usize::from).min(profiles.len()));
    // Why no further test begins.
    let ended = Cell::new(None);
    let under_way = RefCell::new(BTreeSet::new());
    let test = async |index: usize| {
        let profile: &Profile = &profiles[index];
        if !profile.is_enabled() {
            return (index, tester.none_of(profile, NotTested::Disabled));
        }
        let _turn = turns.take(profile).await;
        if let Some(why) = ended.get() {
            return (index, tester.none_of(profile, why));
        }
        under_way.borrow_mut().insert(index);
        // Made only now: those that wait for their turn are many.
        let report = Box::pin(tester.of(profile, &Progress::none())).await;
        under_way.borrow_mut().remove(&index);
        if limits.fail_fast && !report.is_ok() {
            ended.set(ended.get().or(Some(NotTested::FailFast)));
        }
        (index, report)
    };
    let progress = app.console.progress(&format!("Testing {} connections", profiles.len()));
    let mut running: FuturesUnordered<_> = (0..profiles.len()).map(test).collect();
    let mut reports: Vec<Option<Report>> = profiles.iter().map(|_| None).collect();
    let (mut done, mut failed) = (0, 0);
    let mut file = |index: usize, report: Report| {
        done += 1;
        failed += usize::from(report.failure().is_some());
        progress.above(|| finished(&report));
        let names = under_way.borrow().iter().map(|&index| profiles[index].name.as_str()).collect::<Vec<_>>();
        progress.say(&told(done, failed, &names, profiles.len()));
        reports[index] = Some(report);
    };
    let stopped_by = loop {
        tokio::select! {
            biased;
            code = stop.asked() => break Some(code),
            next = running.next() => match next {
                Some((index, report)) => file(index, report),
                None => break None,
            },
        }
    };
    if stopped_by.is_some() {
        ended.set(Some(NotTested::Stopped));
    }
    // A renewal under way must not be dropped: its answer would be lost.
    while stopped_by.is_some() && deferral::is_deferred() {
        tokio::select! {
            Some((index, report)) = running.next() => file(index, report),
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    }
    let not_tested = |(report, profile): (Option<Report>, &Profile)| {
        report.unwrap_or_else(|| {
            let report = tester.none_of(profile, NotTested::Stopped);
            finished(&report);
            report
        })
    };
    let reports: Vec<Report> = reports.into_iter().zip(profiles).map(not_tested).collect();
    tester.remember(profiles.iter().zip(&reports));
    Tested { reports, stopped_by }
}

/// How far a run is, in one line.
fn told(done: usize, failed: usize, under_way: &[&str], all: usize) -> String {
    let failed = if failed == 0 { String::new() } else { format!(", {failed} failed") };
    let still = match under_way.len() {
        0 => String::new(),
        count if count <= NAMED => format!("; still at {}", under_way.join(", ")),
        count => format!("; still at {} and {} more", under_way[0], count - 1),
    };
    format!("{done} of {all} connections tested{failed}{still}")
}

/// Who may begin.
struct Turns {
    origins: RefCell<HashMap<String, Arc<Semaphore>>>,
    all: Arc<Semaphore>,
}

impl Turns {
    fn new(wanted: usize) -> Self {
        let files = system::open_files(wanted * OPEN_FILES_EACH + OTHER_OPEN_FILES);
        let possible = files.saturating_sub(OTHER_OPEN_FILES) / OPEN_FILES_EACH;
        let all = Arc::new(Semaphore::new(wanted.min(possible).max(1)));
        Self { origins: RefCell::default(), all }
    }

    /// Waits until a test of this connection may begin. First for its origins,
    /// so that who waits for a busy one keeps no place from others; in the
    /// order of their names, so that there is no deadlock.
    async fn take(&self, profile: &Profile) -> Vec<OwnedSemaphorePermit> {
        let token_origin = profile.auth.client().map(|client| client.token_origin(&profile.instance));
        let mut origins: Vec<&str> = vec![profile.instance.origin()];
        origins.extend(token_origin.map(|origin| origin.origin()));
        origins.sort_unstable();
        origins.dedup();
        let mut turns = Vec::new();
        for origin in origins {
            let at_origin = self.at(origin);
            turns.push(at_origin.acquire_owned().await.expect("it is never closed"));
        }
        turns.push(self.all.clone().acquire_owned().await.expect("it is never closed"));
        turns
    }

    fn at(&self, origin: &str) -> Arc<Semaphore> {
        let mut origins = self.origins.borrow_mut();
        origins.entry(origin.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE_PER_ORIGIN))).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn progress_names_the_last_ones() {
        assert_eq!(told(1, 0, &[], 9), "1 of 9 connections tested");
        assert_eq!(told(7, 2, &["a", "b"], 9), "7 of 9 connections tested, 2 failed; still at a, b");
        assert_eq!(told(1, 0, &["a", "b", "c", "d"], 9), "1 of 9 connections tested; still at a and 3 more");
    }
}
