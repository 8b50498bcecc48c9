//! Faults in the program as it is: killed at a call, or refused it by the system, for each
//! command that changes something, in each store.
//!
//! [`place`] is a home with a store and an instance, [`commands`] what is run there,
//! [`calls`] where a fault comes, [`verdict`] what must hold then.

mod calls;
mod commands;
mod place;
mod verdict;

use std::collections::BTreeMap;

use calls::Fault;
use commands::CHANGES;
use place::{Place, Store};
use verdict::{Ends, Verdict};

use crate::world::reach;

/// How often each verdict was, by command and fault.
#[derive(Default)]
struct Tally {
    cells: BTreeMap<(&'static str, Fault), [usize; 4]>,
    broken: Vec<String>,
}

impl Tally {
    fn add(&mut self, command: &'static str, fault: Fault, verdict: Verdict) {
        let cell = self.cells.entry((command, fault)).or_default();
        match verdict {
            Verdict::Before => cell[0] += 1,
            Verdict::Between => cell[1] += 1,
            Verdict::After => cell[2] += 1,
            Verdict::Lost => cell[3] += 1,
            Verdict::Broken(what) => {
                eprintln!("{what}\n");
                self.broken.push(what);
            }
        }
    }

    fn of(&self, is_wanted: impl Fn(&str, Fault) -> bool) -> [usize; 4] {
        let wanted = self.cells.iter().filter(|((command, fault), _)| is_wanted(command, *fault));
        wanted.fold([0; 4], |sum, (_, cell)| [0, 1, 2, 3].map(|index| sum[index] + cell[index]))
    }
}

/// Faults of every kind at the calls of a command: at all of them, or at so many for a
/// kill, and one for each error, that lie evenly spread.
fn meet(place: &Place, row: usize, kills: Option<usize>, tally: &mut Tally) {
    let change = &CHANGES[row];
    let ends = Ends::of(place, change);
    let all = calls::of_a_run(place, change);
    for (column, fault) in Fault::ALL.into_iter().enumerate() {
        let met: Vec<_> = all.iter().filter(|call| call.can_meet(fault)).collect();
        let count = match (kills, fault) {
            (None, _) => met.len(),
            (Some(kills), Fault::Killed) => kills,
            (Some(_), Fault::Refused(_)) => 1,
        };
        // Another part of the run in each cell.
        let first = (row * Fault::ALL.len() + column) * 7;
        for step in 0..count {
            let call = met[(first + step * met.len() / count) % met.len()];
            if let Some(verdict) = verdict::attempt(place, change, &ends, fault, *call) {
                tally.add(change.name, fault, verdict);
            }
        }
    }
}

fn hold(store: Store) {
    let (place, mut tally) = (Place::new(store), Tally::default());
    for row in 0..CHANGES.len() {
        meet(&place, row, reach(Some(3), None), &mut tally);
    }
    assert!(tally.broken.is_empty(), "{} do not hold:\n{}", tally.broken.len(), tally.broken.join("\n\n"));
    let [before, _, after, _] = tally.of(|_, _| true);
    assert!(before > 0 && after > 0, "they fell on one side: {before}, {after}");
}

#[test]
fn faults_in_commands_that_use_the_keyring_lose_nothing() {
    hold(Store::Keyring);
}

#[test]
fn faults_in_commands_that_use_the_encrypted_file_lose_nothing() {
    hold(Store::File);
}

#[test]
fn faults_in_commands_that_use_vault_lose_nothing() {
    hold(Store::Vault);
}

/// `tests/run --long what_is_lost --ignored --nocapture`
#[test]
#[ignore = "a report, on demand"]
#[allow(clippy::print_stdout, reason = "it is a report")]
fn what_is_lost_by_a_fault_at_every_call() {
    println!("| store | command | {} | sessions lost |", Fault::ALL.map(Fault::name).join(" | "));
    println!("|{}", " --- |".repeat(Fault::ALL.len() + 3));
    let report = |store: Store| {
        let (place, mut tally) = (Place::new(store), Tally::default());
        for (row, change) in CHANGES.iter().enumerate() {
            meet(&place, row, None, &mut tally);
            let sum = |cell: [usize; 4]| cell.iter().sum::<usize>().to_string();
            let cells = Fault::ALL.map(|fault| sum(tally.of(|command, of| command == change.name && of == fault)));
            let [.., lost] = tally.of(|command, _| command == change.name);
            println!("| {} | {} | {} | {lost} |", store.name(), change.name, cells.join(" | "));
        }
        tally
    };
    let tallies = std::thread::scope(|scope| {
        Store::ALL.map(|store| scope.spawn(move || report(store))).map(|run| run.join().expect("it ends"))
    });
    let sum = |of: fn(&Tally) -> usize| tallies.iter().map(of).sum::<usize>();
    let all = sum(|tally| tally.of(|_, _| true).iter().sum());
    let lost = sum(|tally| tally.of(|_, _| true)[3]);
    let broken = sum(|tally| tally.broken.len());
    println!(
        "\n{} faults. {lost} sessions lost, each by a kill between the answer to a refresh and its write.",
        all + broken
    );
    println!("What must hold after a fault does not after {broken}.");
}
