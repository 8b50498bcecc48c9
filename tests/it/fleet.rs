//! Many connections in one run: which, in which order, how many at once, and
//! when it ends.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde_json::{Value, json};
use snow_connect::base::secret::Secret;
use snow_connect::model::profile::StoreKind;
use snow_connect::sandbox::scenario::Scenario;
use snow_connect::sandbox::{Sandbox, SandboxOptions};
use snow_connect::store::memory::MemoryStore;
use snow_connect::store::{CredentialStore, ItemKey, StoreError};

use crate::wire::BlackHole;
use crate::world::session::world_with_expired;
use crate::world::wire::{Wire, header, http};
use crate::world::{Outcome, World, check};

/// A small instance.
fn instance(scenario: Option<Scenario>) -> Sandbox {
    Sandbox::open(SandboxOptions { incidents: 3, scenario, ..SandboxOptions::default() }).unwrap()
}

/// A world with connections of beth.anglin, each to an instance of its own.
fn fleet(names: &[&str]) -> (BTreeMap<String, Sandbox>, World) {
    let mut world = World::new();
    let mut sandboxes = BTreeMap::new();
    for name in names {
        let sandbox = instance(None);
        world.connect(name, &sandbox.origin(), "beth.anglin", "sandbox-beth");
        sandboxes.insert((*name).to_owned(), sandbox);
    }
    (sandboxes, world)
}

fn names(document: &Value) -> Vec<&str> {
    document["connections"].as_array().unwrap().iter().map(|report| report["name"].as_str().unwrap()).collect()
}

#[track_caller]
fn report<'a>(document: &'a Value, name: &str) -> &'a Value {
    let reports = document["connections"].as_array().unwrap();
    reports.iter().find(|report| report["name"] == name).unwrap_or_else(|| panic!("no {name} in {document}"))
}

#[test]
fn all_are_tested_and_reported_by_name_with_one_summary() {
    let (sandboxes, mut world) = fleet(&["c", "a", "d", "b"]);
    let document = world.run("test --all --json").expect(0).json();
    assert_eq!(names(&document), ["a", "b", "c", "d"]);
    assert_eq!(document["summary"], json!({"total": 4, "passed": 4, "failed": 0, "warned": 0, "skipped": 0}));

    sandboxes["b"].set_scenario(Some(Scenario::BasicRefused));
    let document = world.run("test --all --json").expect(4).json();
    assert_eq!((&document["ok"], &document["exit_code"]), (&json!(false), &json!(4)));
    sandboxes["d"].set_scenario(Some(Scenario::Hibernating));
    let document = world.run("test --all --json").expect(12).json();
    assert_eq!(document["summary"], json!({"total": 4, "passed": 2, "failed": 2, "warned": 0, "skipped": 0}));
    let codes: Vec<&Value> = document["connections"].as_array().unwrap().iter().map(|one| &one["code"]).collect();
    assert_eq!(codes, [&Value::Null, &json!("basic-refused"), &Value::Null, &json!("instance-hibernating")]);

    let outcome = world.run("test --all").expect(12);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    let places: Vec<usize> = ["✓ a ", "✗ b ", "✓ c ", "✗ d "]
        .iter()
        .map(|start| lines.iter().position(|line| line.trim_start().starts_with(start)).unwrap())
        .collect();
    assert!(places.is_sorted(), "{}", outcome.stdout);
    assert!(lines.last().unwrap().starts_with("  2 passed, 2 failed in "), "{}", outcome.stdout);
}

#[test]
fn named_connections_stay_in_the_order_they_were_named() {
    let (_sandboxes, mut world) = fleet(&["a", "b", "c"]);
    assert_eq!(names(&world.run("test c a c --json").expect(0).json()), ["c", "a"]);
    let outcome = world.run("test a nope --json").expect(3);
    assert_eq!(outcome.error_code(), "unknown-connection");
}

#[test]
fn a_filter_takes_the_connections_that_have_all_its_labels() {
    let (_sandboxes, mut world) = fleet(&["a", "b", "c"]);
    world.run("edit a --set labels.env=prod --set labels.team=x").expect(0);
    world.run("edit b --set labels.env=prod").expect(0);
    assert_eq!(names(&world.run("test --filter env=prod --json").expect(0).json()), ["a", "b"]);
    assert_eq!(names(&world.run("test --all --filter env=prod --filter team=x --json").expect(0).json()), ["a"]);
    let outcome = world.run("test --filter env=dev --json").expect(3);
    assert_eq!(outcome.error_code(), "nothing-to-test");
    assert!(outcome.json()["error"]["message"].as_str().unwrap().contains("env=dev"));
    world.run("test a --filter env=prod").expect(2);
    world.run("test --filter env").expect(2);
    let mut empty = World::new();
    assert_eq!(empty.run("test --all --json").expect(3).error_code(), "nothing-to-test");
}

#[test]
fn variables_of_a_connection_do_not_disturb_a_fleet() {
    let (_sandboxes, mut world) = fleet(&["a", "b"]);
    world.set("SNOW_INSTANCE", "http://127.0.0.1:9").set("SNOW_USERNAME", "u").set("SNOW_PASSWORD", "pppppp");
    assert_eq!(names(&world.run("test --all --json").expect(0).json()), ["a", "b"]);
}

/// An instance that takes its time, and how many requests it had at once. It
/// answers none before so many were there, or until a machine under load would
/// have sent them; then it waits for one too many.
fn counting(at_most: Arc<AtomicUsize>, expected: usize) -> Wire {
    let now = Arc::new(AtomicUsize::new(0));
    Wire::plays(move |stream, head| {
        at_most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let arrived = Instant::now();
        while at_most.load(Ordering::SeqCst) < expected && arrived.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(60));
        now.fetch_sub(1, Ordering::SeqCst);
        let body = if head.contains("current_user") {
            r#"{"result":{"user_name":"beth"}}"#
        } else {
            r#"{"result":[{"sys_id":"1"}]}"#
        };
        let _ = stream.write_all(http(200, "", body).as_bytes());
    })
}

/// A world with as many connections to one origin, each with a user of its own.
fn many_users(origin: &str, count: usize) -> World {
    let mut world = World::new();
    for number in 0..count {
        let line = format!("connect {origin} --name c{number:02} --username user{number} --password-stdin --no-test");
        world.stdin(format!("CANARY-{number}-password")).run(&line).expect(0);
    }
    world
}

#[test]
fn one_instance_gets_at_most_eight_requests_at_once() {
    let most = Arc::new(AtomicUsize::new(0));
    let server = counting(most.clone(), 8);
    let mut world = many_users(&server.origin(), 40);
    let started = Instant::now();
    let document = world.run("test --all --json").json();
    let took = started.elapsed();
    assert_eq!(document["summary"]["total"], 40);
    assert_eq!(most.load(Ordering::SeqCst), 8);
    // Each sends two requests, of 60 ms at least.
    assert!(took >= Duration::from_millis(40 / 8 * 120), "{took:?}");
    assert_eq!(server.requests(), 80);
}

#[test]
fn jobs_says_how_many_are_tested_at_once() {
    for jobs in [1, 3] {
        let most = Arc::new(AtomicUsize::new(0));
        let server = counting(most.clone(), jobs);
        let mut world = many_users(&server.origin(), 9);
        world.run(&format!("test --all --jobs {jobs}")).expect(0);
        assert_eq!(most.load(Ordering::SeqCst), jobs);
    }
    let mut world = World::new();
    world.run("test --all --jobs 0").expect(2);
}

#[test]
fn two_instances_do_not_wait_for_each_other() {
    let (most_here, most_there) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (here, there) = (counting(most_here.clone(), 8), counting(most_there.clone(), 8));
    let mut world = many_users(&here.origin(), 20);
    for number in 0..8 {
        let line =
            format!("connect {} --name z{number} --username user{number} --password-stdin --no-test", there.origin());
        world.stdin("CANARY-password").run(&line).expect(0);
    }
    world.run("test --all").expect(0);
    assert_eq!((most_here.load(Ordering::SeqCst), most_there.load(Ordering::SeqCst)), (8, 8));
}

// ---- secrets ----

#[test]
fn a_password_that_several_share_is_sent_once_when_it_is_refused() {
    let sandbox = instance(None);
    let mut world = World::new();
    for name in ["a", "b", "c", "d", "e", "f"] {
        // The instance ignores the case of a user.
        let user = if name < "d" { "beth.anglin" } else { "Beth.Anglin" };
        world.connect(name, &sandbox.origin(), user, "sandbox-beth");
    }
    sandbox.set_scenario(Some(Scenario::BasicRefused));
    let before = sandbox.requests();
    let document = world.run("test --all --json").expect(4).json();
    assert_eq!(sandbox.requests() - before, 1);
    let reports = document["connections"].as_array().unwrap();
    assert!(reports.iter().all(|report| report["code"] == "basic-refused"), "{document}");
    let told: Vec<&Value> =
        reports.iter().map(|report| &check(report, "auth.request")["error"]["evidence"]["refused_for"]).collect();
    assert_eq!(told.iter().filter(|name| name.is_null()).count(), 1, "{told:?}");
    assert_eq!(told.iter().filter(|name| ***name == json!("a")).count(), 5, "{told:?}");
}

#[test]
fn several_wrong_passwords_of_one_user_stop_before_they_lock_the_account() {
    let server = Wire::replies(|_| {
        let body = r#"{"error":{"message":"User is not authenticated","detail":"Required to provide Auth information"},"status":"failure"}"#;
        http(401, "WWW-Authenticate: BASIC realm=\"Service-now\"\r\n", body)
    });
    let mut world = World::new();
    for number in 0..8 {
        let line = format!("connect {} --name c{number} --username beth --password-stdin --no-test", server.origin());
        world.stdin(format!("CANARY-{number}-wrong")).run(&line).expect(0);
    }
    let document = world.run("test --all --json").expect(4).json();
    assert_eq!(server.requests(), 3);
    let codes = document["connections"].as_array().unwrap().iter().filter(|one| one["code"] == "refused-before");
    assert_eq!(codes.count(), 5, "{document}");
}

#[test]
fn a_good_password_that_several_share_is_judged_once_and_then_used_by_all_at_once() {
    let most = Arc::new(AtomicUsize::new(0));
    let server = counting(most.clone(), 1);
    let mut world = World::new();
    for number in 0..8 {
        let line = format!("connect {} --name c{number} --username beth --password-stdin --no-test", server.origin());
        world.stdin("CANARY-one-for-all").run(&line).expect(0);
    }
    world.run("test --all").expect(0);
    assert!(most.load(Ordering::SeqCst) > 2, "{most:?}");
}

// B7
#[test]
fn every_connection_sends_its_own_secret_and_no_other() {
    let seen: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let recorded = seen.clone();
    let server = Wire::replies(move |head| {
        let authorization = header(head, "authorization").unwrap_or("").to_owned();
        recorded.lock().unwrap().push((authorization, header(head, "cookie").unwrap_or("").to_owned()));
        http(200, "Set-Cookie: JSESSIONID=1\r\n", r#"{"result":[{"sys_id":"1"}]}"#)
    });
    let mut world = many_users(&server.origin(), 12);
    world.run("test --all").expect(0);
    let seen = seen.lock().unwrap();
    let mut headers: Vec<&String> = seen.iter().map(|(authorization, _)| authorization).collect();
    headers.sort();
    headers.dedup();
    assert_eq!(headers.len(), 12);
    assert!(seen.iter().all(|(_, cookie)| cookie.is_empty()));
}

// ---- one that hangs, one that fails ----

#[test]
fn one_that_hangs_holds_up_nobody_but_itself() {
    let (_sandboxes, mut world) = fleet(&["a", "b", "c", "d", "e", "f"]);
    let silent = Wire::plays(|_, _| std::thread::sleep(Duration::from_secs(8)));
    let line = format!("connect {} --name hangs --username beth --password-stdin --no-test", silent.origin());
    world.stdin("CANARY-password").run(&line).expect(0);
    let started = Instant::now();
    let document = world.run("test --all --json --timeout 2s").expect(6).json();
    assert!(started.elapsed() < Duration::from_millis(3500), "{:?}", started.elapsed());
    assert_eq!(report(&document, "hangs")["code"], "timeout");
    for name in ["a", "b", "c", "d", "e", "f"] {
        let report = report(&document, name);
        assert_eq!(report["ok"], true, "{report}");
        assert!(report["duration_ms"].as_u64().unwrap() < 1500, "{report}");
    }
}

#[test]
fn after_a_failure_fail_fast_begins_no_further_test() {
    let (sandboxes, mut world) = fleet(&["a", "b", "c", "d"]);
    sandboxes["b"].set_scenario(Some(Scenario::Hibernating));
    let before: usize = ["c", "d"].iter().map(|name| sandboxes[*name].requests()).sum();
    let document = world.run("test --all --json --fail-fast --jobs 1").expect(7).json();
    let after: usize = ["c", "d"].iter().map(|name| sandboxes[*name].requests()).sum();
    assert_eq!(before, after);
    assert_eq!(document["summary"], json!({"total": 4, "passed": 1, "failed": 1, "warned": 0, "skipped": 2}));
    let skipped = report(&document, "d");
    assert_eq!((&skipped["ok"], &skipped["not_tested"]), (&json!(false), &json!("fail-fast")));
    assert!(skipped["checks"].as_array().unwrap().iter().all(|check| check["status"] == "skip"), "{skipped}");
    world.run("test --all --fail-fast --jobs 1").expect(7).says(&["1 passed, 1 failed, 2 not tested"]);
    // What was not tested is remembered as it was.
    let listed = world.run("list --json").expect(0).json();
    assert_eq!(report(&listed, "d")["last_test"]["ok"], true);
    // Without a failure all are tested.
    sandboxes["b"].set_scenario(None);
    assert_eq!(world.run("test --all --fail-fast --json").expect(0).json()["summary"]["passed"], 4);
}

#[test]
fn a_fleet_waits_for_its_sleepers_together() {
    let (sandboxes, mut world) = fleet(&["a", "b", "c"]);
    for sandbox in sandboxes.values() {
        sandbox.set_scenario(Some(Scenario::Hibernating));
    }
    let started = Instant::now();
    let document = world.run("test --all --wait 1500ms --jobs 1 --json").expect(7).json();
    // One after the other, and yet one wait.
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert_eq!(document["summary"]["failed"], 3);
}

#[test]
fn connections_of_a_dead_origin_cost_one_time_out_and_those_of_a_sleeping_one_request() {
    let silent = BlackHole::new();
    let mut world = World::new();
    for (name, user) in (0..12).map(|number| (format!("c{number}"), format!("user{}", number % 4))) {
        let line =
            format!("connect http://{} --name {name} --username {user} --password-stdin --no-test", silent.address);
        world.stdin("sandbox-beth").run(&line).expect(0);
    }
    let started = Instant::now();
    let document = world.run("test --all --timeout 2s --json").expect(6).json();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(document["summary"]["failed"], 12);

    let sandbox = instance(Some(Scenario::Hibernating));
    let mut world = World::new();
    for (name, user) in (0..12).map(|number| (format!("c{number}"), format!("user{number}"))) {
        let line = format!("connect {} --name {name} --username {user} --password-stdin --no-test", sandbox.origin());
        world.stdin("sandbox-beth").run(&line).expect(0);
    }
    let document = world.run("test --all --jobs 1 --json").expect(7).json();
    for one in document["connections"].as_array().unwrap() {
        assert_eq!(one["code"], "instance-hibernating");
        // The answer is shared; the command is that of each connection.
        let failed = one["checks"].as_array().unwrap().iter().find(|check| check["status"] == "fail").unwrap();
        let command = format!("snow test {} --wait 10m", one["name"].as_str().unwrap());
        assert!(failed["error"]["next"].to_string().contains(&command), "{command}: {failed}");
    }
    assert_eq!(sandbox.requests(), 1);
    let before = sandbox.requests();
    world.run("test --all --wait 1s --json").expect(7);
    assert!(sandbox.requests() - before < 12, "{}", sandbox.requests());
}

#[test]
fn sessions_that_expired_share_what_their_token_endpoint_shows_of_the_instance() {
    let silent = BlackHole::new();
    let mut world = world_with_expired(&format!("http://{}", silent.address), 12);
    let started = Instant::now();
    let document = world.run("test --all --jobs 1 --timeout 1s --json").expect(6).json();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(document["summary"]["failed"], 12);

    let sandbox = instance(Some(Scenario::Hibernating));
    let mut world = world_with_expired(&sandbox.origin(), 12);
    let document = world.run("test --all --jobs 1 --json").expect(7).json();
    for one in document["connections"].as_array().unwrap() {
        assert_eq!(one["code"], "instance-hibernating");
    }
    assert_eq!(sandbox.requests(), 1);
}

#[test]
fn a_store_that_cannot_be_opened_is_said_of_each_of_its_connections() {
    let (_sandboxes, mut world) = fleet(&["a", "b"]);
    let sandbox = instance(None);
    let line =
        format!("connect {} --name filed --username beth.anglin --password-stdin --store file", sandbox.origin());
    world.set("SNOW_STORE_PASSPHRASE", "CANARY-passphrase-1");
    world.stdin("sandbox-beth").run(&line).expect(0);
    world.unset("SNOW_STORE_PASSPHRASE");
    let document = world.run("test --all --json").expect(9).json();
    assert_eq!(report(&document, "filed")["code"], "store-locked");
    assert_eq!(report(&document, "a")["ok"], true);
}

/// A store that gives this many answers at once, and takes its time for all others.
struct SlowStore {
    kept: MemoryStore,
    quick: AtomicUsize,
}

#[async_trait]
impl CredentialStore for SlowStore {
    fn kind(&self) -> StoreKind {
        self.kept.kind()
    }

    fn remedy(&self) -> &'static str {
        "Try another store"
    }

    async fn read(&self, key: ItemKey) -> Result<Option<Secret>, StoreError> {
        let one_less = |quick: usize| quick.checked_sub(1);
        if self.quick.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_err() {
            tokio::time::sleep(Duration::from_secs(3)).await;
        }
        self.kept.read(key).await
    }

    async fn write(&self, key: ItemKey, record: &Secret) -> Result<(), StoreError> {
        self.kept.write(key, record).await
    }

    async fn delete(&self, key: ItemKey) -> Result<(), StoreError> {
        self.kept.delete(key).await
    }
}

#[test]
fn a_store_that_takes_its_time_lets_no_request_run_into_its_deadline() {
    let slow = || Sandbox::open(SandboxOptions { latency: Duration::from_millis(300), ..SandboxOptions::default() });
    let (first, second) = (slow().unwrap(), slow().unwrap());
    let store = Arc::new(SlowStore { kept: MemoryStore::default(), quick: AtomicUsize::new(usize::MAX) });
    let mut world = World::new();
    world.store = store.clone();
    for (name, sandbox) in [("a", &first), ("b", &second)] {
        let line = format!("connect {} --name {name} --username svc.ci --password-stdin --no-test", sandbox.origin());
        world.stdin("sandbox-svc").run(&line).expect(0);
    }
    store.quick.store(1, Ordering::SeqCst);
    let document = world.run("test --all --timeout 2s --json").expect(0).json();
    // While the store was asked for the second, the first came to its end.
    assert!(report(&document, "a")["duration_ms"].as_u64().unwrap() < 2000, "{document}");
    assert!(report(&document, "b")["duration_ms"].as_u64().unwrap() >= 3000, "{document}");
}

// ---- what is new ----

#[test]
fn what_is_new_since_the_last_test_is_said_and_listed() {
    let (sandboxes, mut world) = fleet(&["a", "b"]);
    // A busy machine may be slow at any time.
    let changes = |document: &Value, name: &str| -> Vec<Value> {
        let changes = report(document, name)["changes"].as_array().cloned().unwrap_or_default();
        changes.into_iter().filter(|change| change["what"] != "latency-doubled").collect()
    };
    // `connect` was the first test.
    assert_eq!(changes(&world.run("test --all --json").expect(0).json(), "a"), [] as [Value; 0]);
    sandboxes["a"].set_scenario(Some(Scenario::InstanceUnavailable));
    let document = world.run("test --all --json").expect(7).json();
    assert_eq!(changes(&document, "a")[0]["what"], "failed");
    assert_eq!(changes(&document, "b"), [] as [Value; 0]);
    world.columns = 120;
    world.person([]).run("list").expect(0).says(&["instance-unavailable, just now, new"]);
    // The same again is no news.
    assert_eq!(changes(&world.run("test --all --json").expect(7).json(), "a"), [] as [Value; 0]);
    sandboxes["a"].set_scenario(Some(Scenario::Hibernating));
    world.run("test a").expect(7).says(&["new before, it failed with instance-unavailable"]);
    sandboxes["a"].set_scenario(None);
    world.run("test --all").expect(0).says(&["new: it works again; it failed with instance-hibernating"]);
    let listed = world.run("list --json").expect(0).json();
    let last_test = &report(&listed, "a")["last_test"];
    assert_eq!(last_test["changes"][0]["what"], "recovered");
    assert!(last_test["since"].is_string() && last_test["latency_ms"].is_u64(), "{last_test}");
    world.person([]).run("list").expect(0).says(&["✓ just now, recovered"]);
}

#[test]
fn a_test_with_a_table_of_its_own_changes_nothing_that_is_remembered() {
    let (_sandboxes, mut world) = fleet(&["a", "b"]);
    let document = world.run("test --all --table nope --json").expect(10).json();
    assert_eq!(report(&document, "a")["changes"], Value::Null);
    let listed = world.run("list --json").expect(0).json();
    assert_eq!(report(&listed, "a")["last_test"]["ok"], true);
}

// ---- the program itself ----

#[cfg(unix)]
mod program {
    use std::os::unix::process::ExitStatusExt;
    use std::path::{Path, PathBuf};
    use std::process::{Command, Stdio};

    use super::*;
    use crate::world::process::{finish, snow, tool};

    /// A home with connections in the encrypted file, for the program itself. An
    /// identity opens it at once, where each run would pay for a passphrase.
    struct Home(tempfile::TempDir);

    impl Home {
        fn new() -> Self {
            let home = Self(tempfile::tempdir().unwrap());
            crate::file_store::identity(&home.identity());
            home
        }

        fn identity(&self) -> PathBuf {
            self.path().join("identity")
        }

        fn path(&self) -> &Path {
            self.0.path()
        }

        fn command(&self, words: &[&str]) -> Command {
            let mut command = snow(self.path());
            command.env("SNOW_STORE", "file").env("SNOW_STORE_IDENTITY", self.identity()).args(words);
            command
        }

        fn run(&self, line: &str) -> Outcome {
            finish(self.command(&line.split_whitespace().collect::<Vec<_>>()), b"")
        }

        fn connect(&self, name: &str, origin: &str) {
            let words =
                ["connect", origin, "--name", name, "--username", "beth.anglin", "--password-stdin", "--no-test"];
            finish(self.command(&words), b"sandbox-beth").expect(0);
        }
    }

    /// Two that work and one that hangs.
    fn two_and_one_that_hangs() -> (Home, [Sandbox; 2], Wire) {
        let home = Home::new();
        let sandboxes = [instance(None), instance(None)];
        let silent = Wire::plays(|_, _| std::thread::sleep(Duration::from_secs(30)));
        home.connect("a", &sandboxes[0].origin());
        home.connect("b", &sandboxes[1].origin());
        home.connect("hangs", &silent.origin());
        (home, sandboxes, silent)
    }

    /// Starts a run, waits until the one that hangs was asked, and sends a
    /// signal; gives what came, and how long it took from there.
    fn stopped(home: &Home, silent: &Wire, words: &[&str], signal: &str) -> (Outcome, Duration) {
        let mut command = home.command(words);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while silent.requests() == 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(10));
        }
        // The others are done by then.
        std::thread::sleep(Duration::from_millis(700));
        let at = Instant::now();
        let mut kill = Command::new("kill");
        kill.args([format!("-{signal}"), child.id().to_string()]);
        finish(kill, b"").expect(0);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.signal(), None);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap();
        (Outcome { code, stdout: text(output.stdout), stderr: text(output.stderr) }, at.elapsed())
    }

    #[test]
    fn a_signal_prints_what_is_known_and_writes_every_report() {
        for (signal, code) in [("INT", 130), ("TERM", 143)] {
            let (home, _sandboxes, silent) = two_and_one_that_hangs();
            let words = ["test", "--all", "--json", "-o", "junit=report.xml", "-o", "jsonl=report.jsonl"];
            let (outcome, took) = stopped(&home, &silent, &words, signal);
            let document = outcome.expect(code).json();
            assert!(took < Duration::from_secs(2), "{took:?}");
            assert_eq!((&document["schema"], &document["exit_code"]), (&json!("snow.test/1"), &json!(code)));
            assert_eq!((&document["ok"], &document["stopped"]), (&json!(false), &json!(true)));
            assert_eq!(document["summary"], json!({"total": 3, "passed": 2, "failed": 0, "warned": 0, "skipped": 1}));
            assert_eq!(report(&document, "hangs")["not_tested"], "stopped");
            assert!(fs::read_to_string(home.path().join("report.xml")).unwrap().contains("<skipped"));
            let lines = fs::read_to_string(home.path().join("report.jsonl")).unwrap();
            assert_eq!(lines.lines().count(), 4);
            // And it is remembered.
            let listed = home.run("list --json").expect(0).json();
            assert_eq!(report(&listed, "a")["last_test"]["ok"], true);
            assert_eq!(report(&listed, "hangs")["last_test"], Value::Null);
        }
    }

    #[test]
    fn a_signal_leaves_people_a_table_that_says_what_was_not_tested() {
        let (home, _sandboxes, silent) = two_and_one_that_hangs();
        let (outcome, _) = stopped(&home, &silent, &["test", "--all"], "INT");
        outcome.expect(130).says(&[
            "✓ a",
            "✓ b",
            "– hangs not tested: the run was stopped",
            "2 passed, 0 failed, 1 not tested",
        ]);
    }

    #[test]
    fn json_lines_come_as_results_do_and_end_with_the_sum() {
        let (home, _sandboxes, silent) = two_and_one_that_hangs();
        let (outcome, _) = stopped(&home, &silent, &["test", "--all", "-o", "jsonl"], "INT");
        let lines: Vec<Value> = outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let schemas: Vec<&str> = lines.iter().map(|line| line["schema"].as_str().unwrap()).collect();
        assert_eq!(
            schemas,
            ["snow.test.connection/1", "snow.test.connection/1", "snow.test.connection/1", "snow.test.summary/1"]
        );
        assert_eq!(lines[2]["name"], "hangs");
        assert_eq!(lines[3]["exit_code"], 130);
        // A failure before any test is one line as well.
        let outcome = home.run("test nope -o jsonl").expect(3);
        assert_eq!(outcome.json()["schema"], "snow.error/1");
        assert_eq!(home.run("test --nope -o jsonl").expect(2).json()["schema"], "snow.error/1");
    }

    // H8
    #[test]
    fn a_reader_of_lines_that_had_enough_keeps_nothing_from_the_reports() {
        let home = Home::new();
        let sandboxes = [instance(None), instance(None), instance(None)];
        for (name, sandbox) in ["a", "b", "c"].iter().zip(&sandboxes) {
            home.connect(name, &sandbox.origin());
        }
        let program = crate::world::process::program();
        let script =
            format!("{} test --all -o jsonl -o json=all.json | head -n 1; exit ${{PIPESTATUS[0]}}", program.display());
        let mut shell = tool("bash");
        shell.args(["-c", &script]).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home.path());
        shell.env("SNOW_STORE_IDENTITY", home.identity()).current_dir(home.path());
        let outcome = finish(shell, b"").expect(0);
        assert_eq!(outcome.stdout.lines().count(), 1);
        assert_eq!(outcome.stderr, "");
        let all: Value = serde_json::from_str(&fs::read_to_string(home.path().join("all.json")).unwrap()).unwrap();
        assert_eq!(all["summary"]["passed"], 3);
    }

    #[test]
    fn a_keyring_that_is_missing_lets_those_of_the_file_pass() {
        let home = Home::new();
        let sandbox = instance(None);
        home.connect("filed", &sandbox.origin());
        let config = home.path().join(".config/snow/config.toml");
        let text = fs::read_to_string(&config).unwrap();
        let other = "\n[connections.kept]\nid = \"0f4c2f0e-7a58-4a51-9a3c-0d7b5f1f2f11\"\nrevision = 1\n\
                     instance = \"http://127.0.0.1:9\"\nauth = \"basic\"\nusername = \"u\"\nstore = \"keyring\"\n";
        fs::write(&config, format!("{text}{other}")).unwrap();
        let document = home.run("test --all --json").expect(9).json();
        assert_eq!(report(&document, "kept")["code"], "keyring-unavailable");
        assert_eq!(report(&document, "filed")["ok"], true);
    }

    #[test]
    fn a_shell_that_allows_few_open_files_makes_a_fleet_slower_and_not_wrong() {
        let home = Home::new();
        let sandbox = instance(None);
        let others: Vec<Sandbox> = (0..30).map(|_| instance(None)).collect();
        for (number, sandbox) in others.iter().chain([&sandbox]).enumerate() {
            home.connect(&format!("c{number:02}"), &sandbox.origin());
        }
        let program = crate::world::process::program();
        let mut shell = tool("bash");
        shell.args(["-c", &format!("ulimit -n 60; exec {} test --all --json", program.display())]);
        shell.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home.path());
        shell.env("SNOW_STORE_IDENTITY", home.identity()).current_dir(home.path());
        let document = finish(shell, b"").expect(0).json();
        assert_eq!(document["summary"]["passed"], 31);
    }
}
