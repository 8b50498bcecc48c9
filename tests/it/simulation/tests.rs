//! A hundred runners, with everything going wrong: what must hold, and that a break of
//! it is seen.

use std::time::Duration;

use super::faults::Faults;
use super::ledger::Broken;
use super::{Outcome, Planted, Scenario, Workload};
use crate::world::reach;

fn hundred(workload: Workload, faults: Faults, seed: u64) -> Outcome {
    Scenario { runners: 100, workload, faults, planted: Planted::Nothing, seed }.run()
}

#[test]
fn of_a_hundred_runners_one_renews_whatever_goes_wrong() {
    for seed in 1..=reach(1, 20) {
        let (mut expiries, mut requests) = (0, 0);
        for workload in [Workload::Herd(100), Workload::Steady(8)] {
            let outcome = hundred(workload, Faults::STORM, seed);
            let what = format!("{workload:?}, seed {seed}: {:?}", outcome.counts);
            assert!(outcome.broken.is_empty(), "{what}: {:?}", outcome.broken);
            expiries += outcome.expiries;
            requests += outcome.counts.requests;
            if let Workload::Herd(_) = workload {
                assert_everything_went_wrong(&outcome);
            }
        }
        // More than one: what was unavailable or lost, and what a lost session cost.
        assert!(expiries >= 100 && (expiries..expiries * 5 / 4).contains(&requests), "{requests} for {expiries}");
    }
}

fn assert_everything_went_wrong(outcome: &Outcome) {
    let counts = &outcome.counts;
    let seen = [
        counts.crashes,
        counts.stalls,
        counts.answers_lost,
        counts.outages,
        counts.unknown_writes,
        counts.late_writes,
        counts.takeovers,
        counts.failed_reads,
    ];
    assert!(seen.iter().all(|seen| *seen > 0), "{counts:?}");
}

#[test]
fn a_session_is_lost_in_four_ways_and_each_shows_alone() {
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    let none = Faults::NONE;
    for (faults, ways) in [
        (none, [false; 4]),
        (Faults { crash: 0.1, ..none }, [true, false, false, false]),
        (Faults { answer_lost: 0.2, ..none }, [false, true, false, false]),
        (Faults { stall: 0.01, ..none }, [false, false, true, false]),
        (Faults { leader_dies_under_write: 0.3, outage: (125.0, 200.0), ..none }, [false, false, false, true]),
        // What a cluster does loses nothing.
        (Faults { leader_dies_under_write: 0.3, write_unknown: 0.2, write_said_twice: 0.1, ..none }, [false; 4]),
        (Faults { between_outages: minutes(1), unavailable: 0.2, skew: 20.0, ..none }, [false; 4]),
    ] {
        let scenario =
            Scenario { runners: 10, workload: Workload::Herd(60), faults, planted: Planted::Nothing, seed: 1 };
        let outcome = scenario.run();
        assert!(outcome.broken.is_empty(), "{faults:?}: {:?}", outcome.broken);
        assert_eq!(outcome.counts.lost.map(|lost| lost > 0), ways, "{faults:?}: {:?}", outcome.counts);
    }
}

#[test]
fn the_same_seed_gives_the_same_and_another_one_does_not() {
    let outcome = |seed| hundred(Workload::Herd(10), Faults::STORM, seed);
    let first = outcome(1);
    assert!(first.trace != 0);
    assert_eq!(first, outcome(1));
    assert_ne!(first.trace, outcome(2).trace);
}

#[test]
fn a_break_of_the_protocol_is_seen() {
    for (planted, seen) in [
        (Planted::StoreIgnoresVersions, &[Broken::LeaseIgnored, Broken::TwoAtOnce, Broken::Lost][..]),
        (Planted::ShortLease, &[Broken::LeaseIgnored]),
        (Planted::NoLease, &[Broken::WithoutLease, Broken::Lost]),
        (Planted::AsksTwice, &[Broken::SecondRequest]),
    ] {
        let faults = Faults { unavailable: 0.0, ..Faults::STORM };
        let outcome = Scenario { runners: 30, workload: Workload::Herd(20), faults, planted, seed: 1 }.run();
        for broken in seen {
            assert!(outcome.broken.contains_key(broken), "{planted:?}: {broken:?} in {:?}", outcome.broken);
        }
    }
}
