//! Which calls of a run there are, and a run that is killed or refused at one of them.
//!
//! strace counts the calls of each thread by itself. Files are the main thread's business,
//! save those of the encrypted file, which has a thread of its own; what goes to a keyring
//! or a server goes out on others.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use super::commands::Change;
use super::place::{Place, Store};
use crate::world::Outcome;
use crate::world::process::{FILE_CALLS, finish, program, tool};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    Killed,
    Refused(&'static str),
}

impl Fault {
    pub const ALL: [Self; 6] = [
        Self::Killed,
        Self::Refused("ENOSPC"),
        Self::Refused("EIO"),
        Self::Refused("EROFS"),
        Self::Refused("EACCES"),
        Self::Refused("EDQUOT"),
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Killed => "SIGKILL",
            Self::Refused(error) => error,
        }
    }

    fn injection(self, number: usize) -> String {
        match self {
            Self::Killed => format!("signal=SIGKILL:when={number}"),
            Self::Refused(error) => format!("error={error}:when={number}"),
        }
    }
}

/// One call of a run.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    calls: &'static str,
    all_threads: bool,
    number: usize,
    /// Some thread wakes another by it, which no system refuses.
    is_wake_up: bool,
}

impl Call {
    pub fn can_meet(&self, fault: Fault) -> bool {
        fault == Fault::Killed || !self.is_wake_up
    }
}

fn kinds(stores: &[Store]) -> Vec<(&'static str, bool)> {
    let sends = stores.iter().map(|store| match store {
        Store::Keyring => ("sendmsg", true),
        // What the main thread writes is counted by itself.
        Store::File => ("write", false),
        Store::Vault => ("sendto,writev", true),
    });
    FILE_CALLS.map(|calls| (calls, stores.contains(&Store::File))).into_iter().chain(sends).collect()
}

/// The calls of a run without a fault.
pub fn of_a_run(place: &Place, change: &Change) -> Vec<Call> {
    place.begin(change.acme);
    let kinds = kinds(&change.stores(place));
    let all = kinds.iter().map(|(calls, _)| *calls).collect::<Vec<_>>().join(",");
    let mut strace = strace(place, change, &["-f"]);
    strace.arg(format!("--trace={all}"));
    finish_under(strace, place, change).expect(0);
    let log = fs::read_to_string(place.log()).unwrap();
    let main = log.lines().next().and_then(thread).expect("a line").to_owned();
    let mut found = Vec::new();
    for (calls, all_threads) in kinds {
        let mut of_threads: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let names: Vec<String> = calls.split(',').map(|name| format!(" {}(", name.trim_start_matches('?'))).collect();
        for line in log.lines().filter(|line| names.iter().any(|name| line.contains(name))) {
            let thread = thread(line).expect("a thread");
            if all_threads || thread == main {
                of_threads.entry(thread).or_default().push(line);
            }
        }
        let last = of_threads.values().map(Vec::len).max().unwrap_or(0);
        for number in 1..=last {
            let mut these = of_threads.values().filter_map(|lines| lines.get(number - 1));
            if these.clone().all(is_of_the_system) {
                continue;
            }
            let is_wake_up = these.any(|line| is_wake_up(line));
            found.push(Call { calls, all_threads, number, is_wake_up });
        }
    }
    found
}

/// Runs a command that meets this fault at this call; none where it had no such call.
pub fn injected(place: &Place, change: &Change, fault: Fault, call: Call) -> Option<Outcome> {
    let more = match (call.all_threads, fault) {
        (false, _) => &[][..],
        (true, Fault::Killed) => &["-f"],
        // It is faster, and sends no signal.
        (true, Fault::Refused(_)) => &["-f", "--seccomp-bpf"],
    };
    let mut strace = strace(place, change, more);
    strace.arg(format!("--trace={}", call.calls));
    strace.arg(format!("--inject={}:{}", call.calls, fault.injection(call.number)));
    let outcome = finish_under(strace, place, change);
    let log = fs::read_to_string(place.log()).unwrap();
    let happened = match fault {
        Fault::Killed => outcome.code == -1,
        Fault::Refused(_) => log.contains("INJECTED") && !is_wake_up_refused(&log),
    };
    // The loader may open fewer files than before.
    (happened && !outcome.stderr.contains("error while loading shared libraries")).then_some(outcome)
}

fn strace(place: &Place, change: &Change, more: &[&str]) -> Command {
    // A program whose threads do not wake each other waits for ever.
    let mut command = tool("timeout");
    let inner = place.command(&[], &(change.variables)(place));
    command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.current_dir(place.home.home());
    command.args(["-s", "KILL", "10", "strace", "-qq", "-o"]).arg(place.log()).args(more);
    command
}

fn finish_under(mut strace: Command, place: &Place, change: &Change) -> Outcome {
    strace.arg("--").arg(program()).args((change.line)(place).split_whitespace());
    finish(strace, change.stdin.as_bytes())
}

/// Whether the loader makes the call, or whoever reads the certificates of the system.
fn is_of_the_system(line: &&str) -> bool {
    ["/lib/", "/etc/ld.so", "/etc/ssl/", "/usr/share/"].iter().any(|place| line.contains(place))
}

/// Of a line that strace wrote with `-f`.
fn thread(line: &str) -> Option<&str> {
    line.split(' ').next()
}

/// A thread wakes another with eight bytes, as no file is written. What they are and where
/// they go, only root sees of a program that guards its memory.
fn is_wake_up(line: &str) -> bool {
    line.contains("write(") && [", 8)", ", 8 <unfinished"].iter().any(|end| line.contains(end))
}

/// Calls are counted for each thread, so several can be refused; and a line is in two
/// parts if another thread got between.
fn is_wake_up_refused(log: &str) -> bool {
    let lines: Vec<&str> = log.lines().collect();
    let mut refused = lines.iter().enumerate().filter(|(_, line)| line.contains("INJECTED"));
    refused.any(|(at, line)| {
        let is_begun = |begun: &&&str| thread(begun) == thread(line) && begun.contains("write(");
        is_wake_up(line)
            || lines[..at]
                .iter()
                .rev()
                .find(is_begun)
                .is_some_and(|begun| line.contains("write resumed") && is_wake_up(begun))
    })
}
