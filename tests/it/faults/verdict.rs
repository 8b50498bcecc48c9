//! What must hold after a fault: what is saved is the old or the new, what was said is
//! true, the next run goes on, and every credential of before or after works.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::calls::{Call, Fault, injected};
use super::commands::Change;
use super::place::{Acme, Place, Store};
use crate::world::oauth::who;
use crate::world::{Outcome, reach};

/// What is saved: the connections, and the secrets by connection and field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    pub connections: BTreeMap<String, String>,
    /// In the store that the connection names.
    pub secrets: BTreeMap<String, String>,
    /// Of a secret, in another store.
    pub copies: BTreeSet<String>,
}

impl Saved {
    pub fn at(place: &Place) -> Result<Self, String> {
        let text = fs::read_to_string(place.config_path()).map_err(|error| format!("the file is gone: {error}"))?;
        if !text.starts_with(&place.unrelated()) {
            return Err(format!("the unrelated part of the file is changed:\n{text}"));
        }
        let config: toml::Value = toml::from_str(&text).map_err(|error| format!("{error}:\n{text}"))?;
        let (mut connections, mut names) = (BTreeMap::new(), BTreeMap::new());
        for (name, entry) in config["connections"].as_table().expect("a table") {
            let mut entry = entry.as_table().expect("a table").clone();
            names.insert(entry["id"].as_str().expect("an id").to_owned(), name.clone());
            for key in ["id", "revision", "created_at", "updated_at"] {
                entry.remove(key);
            }
            connections.insert(name.clone(), entry.to_string());
        }
        let (mut secrets, mut others) = (BTreeMap::new(), BTreeMap::new());
        for store in [place.store, place.other] {
            for (account, record) in place.records(store) {
                let (id, field) = account.split_once('/').expect("an id and a field");
                let name = names.get(id).ok_or_else(|| format!("no entry names the secret {account}"))?;
                let essence = match record.get("generation") {
                    Some(generation) => format!("generation {generation}"),
                    None => record["password"].to_string(),
                };
                let is_named = config["connections"][name]["store"].as_str() == Some(store.name());
                let found = if is_named { &mut secrets } else { &mut others };
                found.insert(format!("{name}/{field}"), essence);
            }
        }
        match others.iter().find(|(item, essence)| secrets.get(*item) != Some(essence)) {
            Some((item, _)) => Err(format!("{item} is in another store than its connection names")),
            None => Ok(Self { connections, secrets, copies: others.into_keys().collect() }),
        }
    }

    /// The connections that cannot sign in.
    fn without_secret(&self) -> impl Iterator<Item = &str> {
        let has_secret = |name: &str| self.secrets.keys().any(|key| key.split('/').next() == Some(name));
        self.connections.keys().map(String::as_str).filter(move |name| !has_secret(name))
    }

    /// Each part is that of the one or of the other.
    fn is_between(&self, before: &Self, after: &Self) -> bool {
        let part = |of: &BTreeMap<String, String>, name: &str| of.get(name).cloned();
        let secrets = [self, before, after].into_iter().flat_map(|saved| saved.secrets.keys());
        let mut secrets = secrets.map(|name| [self, before, after].map(|saved| part(&saved.secrets, name)));
        let is_either = secrets.all(|[is, was, will]| is == was || is == will);
        is_either && (self.connections == before.connections || self.connections == after.connections)
    }
}

/// How a fault ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// What is saved is that of before, that of after, or something between that the same
    /// command puts right.
    Before,
    Between,
    After,
    /// The session is lost: the program died between the answer to a refresh and its write.
    Lost,
    /// Something of what must hold does not.
    Broken(String),
}

/// What a command starts from, and what comes of it without a fault.
pub struct Ends {
    before: Saved,
    after: Saved,
}

impl Ends {
    pub fn of(place: &Place, change: &Change) -> Self {
        place.begin(change.acme);
        let before = Saved::at(place).unwrap();
        change.run(place).expect(0);
        let after = Saved::at(place).unwrap();
        assert_ne!(before, after, "{} changes nothing", change.name);
        Self { before, after }
    }
}

/// One fault, from a new beginning; none where the run had no such call.
pub fn attempt(place: &Place, change: &Change, ends: &Ends, fault: Fault, call: Call) -> Option<Verdict> {
    place.begin(change.acme);
    let refreshes = place.sandbox.token_requests().refresh_token;
    let outcome = injected(place, change, fault, call)?;
    let what = || format!("{:?}, {}: {} at {call:?}: {outcome:?}", place.store, change.name, fault.name());
    let verdict = judge(place, change, ends, fault, refreshes, &outcome);
    Some(verdict.unwrap_or_else(|why| Verdict::Broken(format!("{why}\n{}", what()))))
}

fn judge(
    place: &Place,
    change: &Change,
    ends: &Ends,
    fault: Fault,
    refreshes: usize,
    outcome: &Outcome,
) -> Result<Verdict, String> {
    place.search(outcome);
    if fault == Fault::Killed && change.acme == Acme::WithSession {
        // The request may still be on its way.
        std::thread::sleep(Duration::from_millis(10));
    }
    let left = Saved::at(place)?;
    if !left.is_between(&ends.before, &ends.after) {
        return Err(format!("{left:?} is neither {:?} nor {:?}", ends.before, ends.after));
    }
    leftovers_are_private(place, fault)?;
    if let Fault::Refused(error) = fault {
        told_truly(outcome, &left, ends, error)?;
    }
    let was_spent = place.sandbox.token_requests().refresh_token > refreshes;
    if change.acme == Acme::WithSession && was_spent && left.secrets == ends.before.secrets {
        return lost(place, fault);
    }
    goes_on(place, change, ends, &left)?;
    Ok(match () {
        () if left == ends.before => Verdict::Before,
        () if left == ends.after => Verdict::After,
        () => Verdict::Between,
    })
}

/// What a run that was killed leaves beside a file has mode 0600 and a name of its own; its
/// content was searched. Any other run takes it away.
fn leftovers_are_private(place: &Place, fault: Fault) -> Result<(), String> {
    let left = place.temporary_files();
    if fault != Fault::Killed && !left.is_empty() {
        return Err(format!("it leaves {left:?}"));
    }
    for path in left {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        if mode != 0o600 || !name.starts_with(".snow-") || name.len() < 15 {
            return Err(format!("{} has mode {mode:o}", path.display()));
        }
        // So old that no run can be at work with it.
        let long_ago = SystemTime::now() - Duration::from_secs(2 * 3600);
        fs::File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
    }
    Ok(())
}

/// What a run says that was refused a call.
fn told_truly(outcome: &Outcome, left: &Saved, ends: &Ends, error: &str) -> Result<(), String> {
    if outcome.code == 0 {
        return if *left == ends.after { Ok(()) } else { Err(format!("it says that all is well, and left {left:?}")) };
    }
    if outcome.stderr.contains("standard output cannot be written") {
        return if outcome.code == 3 { Ok(()) } else { Err("another exit code".to_owned()) };
    }
    let document: Value = serde_json::from_str(&outcome.stdout).map_err(|error| format!("no document: {error}"))?;
    // A command for several connections has an error for each.
    let failure = document.pointer("/connections/0/error").unwrap_or(&document["error"]);
    let text = |key: &str| failure[key].as_str().unwrap_or_default().to_owned();
    let (code, message) = (text("code"), text("message"));
    if code.is_empty() || code == "internal" || outcome.stderr.contains("defect") || outcome.code < 0 {
        return Err(format!("no clear error: {code}"));
    }
    let said = format!("{message} {}", outcome.stderr);
    if code == "config-unwritable" && !(said.contains(reason(error)) && said.contains("/.tmp")) {
        return Err("it does not say what failed, and why".to_owned());
    }
    let is_said = ["saved", "deleted", "removed", "uses", "imported in part"].iter().any(|word| said.contains(word));
    if *left != ends.before && (!is_said || said.contains("Nothing was changed")) {
        return Err(format!("it failed, does not say what is saved, and left {left:?}"));
    }
    Ok(())
}

/// The words of the C library for an error.
fn reason(error: &str) -> &'static str {
    match error {
        "EACCES" => "Permission denied",
        "EROFS" => "Read-only file system",
        "ENOSPC" => "No space left on device",
        "EDQUOT" => "quota exceeded",
        "EIO" => "Input/output error",
        other => panic!("{other}"),
    }
}

/// A session that a kill has cost, which the next run says. A refused call costs none.
fn lost(place: &Place, fault: Fault) -> Result<Verdict, String> {
    if fault != Fault::Killed {
        return Err("the session is lost without a kill".to_owned());
    }
    if has_the_turn(place) && !waits_for_turns() {
        return is_busy(place).map(|()| Verdict::Lost);
    }
    let next = place.run("token acme --json --timeout 150s");
    if next.code != 4 || !next.stdout.contains("\"session-expired\"") || !next.stdout.contains("snow login acme") {
        return Err(format!("the next run does not say that the session is lost: {next:?}"));
    }
    Ok(Verdict::Lost)
}

/// Whether the run that was killed had marked a session that machines share: until its turn
/// is over, in a minute and a half, nobody else renews it.
fn has_the_turn(place: &Place) -> bool {
    place.store == Store::Vault && place.records(place.store).values().any(|record| record["lease"].is_object())
}

/// The gate has no time for that.
fn waits_for_turns() -> bool {
    reach(false, true)
}

fn is_busy(place: &Place) -> Result<(), String> {
    let next = place.run("token acme --json --timeout 1s");
    let is_said =
        next.code == 9 && next.stdout.contains("\"store-busy\"") && next.stdout.contains("\"retryable\":true");
    if is_said { Ok(()) } else { Err(format!("the next run does not say that it waits for a turn: {next:?}")) }
}

/// The next run ends as one without a fault does, and each credential works.
fn goes_on(place: &Place, change: &Change, ends: &Ends, left: &Saved) -> Result<(), String> {
    if let Some(name) = left.without_secret().next() {
        let tested = place.run(&format!("test {name} --json"));
        if tested.code != 4 || !tested.stdout.contains("\"no-credential\"") {
            return Err(format!("a connection without its secret: {tested:?}"));
        }
    }
    if change.acme == Acme::WithSession && has_the_turn(place) && !waits_for_turns() {
        return is_busy(place);
    }
    let again = change.run_again(place);
    if !change.ends.contains(&again.code) {
        return Err(format!("the next run fails: {again:?}"));
    }
    let mut now = Saved::at(place)?;
    if place.store == Store::Vault && !now.copies.is_empty() {
        now = purged(place, &again)?;
    }
    if change.acme == Acme::WithSession {
        let document: Value = serde_json::from_str(&again.stdout).map_err(|error| error.to_string())?;
        let user = who(&place.sandbox, &document["access_token"]);
        if user.as_deref() != Ok("beth.anglin") {
            return Err(format!("the token of the next run is {user:?}"));
        }
    } else if now != ends.after {
        return Err(format!("the next run leaves {now:?}, after {left:?}"));
    }
    if *left == ends.before {
        // It was a run from the beginning.
        return leaves_no_temporary_file(place, &again);
    }
    let without: Vec<&str> = now.without_secret().collect();
    let names: Vec<&str> = now.connections.keys().map(String::as_str).filter(|name| !without.contains(name)).collect();
    let tested = place.run(&format!("test {} --json", names.join(" ")));
    if tested.code != 0 {
        return Err(format!("a connection does not work: {tested:?}"));
    }
    leaves_no_temporary_file(place, &again)
}

/// Other machines may use what an interrupted move has left in a shared store: it stays until
/// a person says otherwise.
fn purged(place: &Place, again: &Outcome) -> Result<Saved, String> {
    if !again.stderr.contains("has items of acme, too. They stay, since other machines may use them") {
        return Err(format!("it does not say that items are left in the shared store: {again:?}"));
    }
    let purge = place.run("store purge --shared --yes");
    if purge.code == 0 { Saved::at(place) } else { Err(format!("what is left cannot be deleted: {purge:?}")) }
}

/// What is old goes with the next change, and one that finds nothing to do makes none.
fn leaves_no_temporary_file(place: &Place, again: &Outcome) -> Result<(), String> {
    let stale = place.temporary_files();
    if again.code != 0 || stale.is_empty() { Ok(()) } else { Err(format!("the next run leaves {stale:?}")) }
}
