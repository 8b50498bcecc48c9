//! A refresh while the store, the disk or a person gets in its way.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use snow_connect::sandbox::scenario::Scenario;
use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::world::keyring::Session;
use crate::world::oauth::who;
use crate::world::session::{self, Scripted, in_keyring, put_into_keyring, saved, set_clock, world_with};
use crate::world::store::FaultyStore;
use crate::world::{World, check};

/// A world whose session ends in `seconds`, and its store.
fn faulty(instance: &Scripted, seconds: i64) -> (World, Arc<FaultyStore>) {
    let mut world = World::new();
    let store = Arc::new(FaultyStore::default());
    world.store = store.clone();
    world.write_config(session::config(&instance.origin(), ""));
    let record = session::record(&instance.origin(), seconds, json!({}));
    session::write_record(&world, snow_connect::store::Field::SESSION, &record);
    world.guard(session::REFRESH_TOKEN);
    (world, store)
}

#[test]
fn a_store_that_cannot_be_written_spends_no_refresh_token() {
    let instance = Scripted::plays(|_, _| None);
    let (mut world, store) = faulty(&instance, -1);
    let before = saved(&world);
    for line in ["token acme --json", "refresh acme --json", "test acme --json"] {
        store.fail_session_writes(0, 9);
        assert_eq!(world.run(line).expect(9).error_code(), "keyring-locked", "{line}");
        assert_eq!(instance.received().len(), 0, "{line}");
        assert_eq!(saved(&world), before, "{line}");
    }
    store.fail_session_writes(0, 0);
    world.run("token acme").expect(0);
}

#[test]
fn a_store_that_cannot_be_written_leaves_a_good_token_in_use() {
    let instance = Scripted::plays(|_, _| None);
    let (mut world, store) = faulty(&instance, 30);
    store.fail_session_writes(0, 9);
    assert_eq!(world.run("token acme").expect(0).stdout.trim(), session::ACCESS_TOKEN);
    assert_eq!(instance.received().len(), 0);
}

#[test]
fn a_result_that_the_store_does_not_take_at_first_is_written_again() {
    for bad in [1, 2] {
        let instance = Scripted::plays(|_, _| None);
        let (mut world, store) = faulty(&instance, -1);
        store.fail_session_writes(1, bad);
        assert_eq!(world.run("token acme").expect(0).stdout, "new-access-0\n");
        assert_eq!(instance.token_requests(), 1);
        assert_eq!(saved(&world)["refresh_token"], "new-refresh-0");
    }
}

#[test]
fn a_session_that_could_not_be_saved_is_said_and_its_token_is_not_printed() {
    for line in ["token acme --json", "token acme --format header", "refresh acme --json"] {
        let instance = Scripted::plays(|_, _| None);
        let (mut world, store) = faulty(&instance, -1);
        world.guard("new-access-0");
        world.guard("new-refresh-0");
        store.fail_session_writes(1, 3);
        let outcome = world.run(line).expect(9);
        outcome.says(&["snow login acme", "could not save"]);
        if line.ends_with("--json") {
            assert_eq!(outcome.error_code(), "session-not-saved", "{line}");
        } else {
            assert_eq!(outcome.stdout, "");
        }
        assert_eq!(instance.token_requests(), 1, "{line}");
        assert!(saved(&world)["refreshing"].is_string(), "the next refusal can be explained");
    }
}

#[test]
fn a_test_goes_on_with_a_token_that_could_not_be_saved() {
    let instance = Scripted::plays(|_, _| None);
    let (mut world, store) = faulty(&instance, -1);
    store.fail_session_writes(1, 3);
    let outcome = world.run("test acme --json").expect(9);
    assert_eq!(outcome.error_code(), "session-not-saved");
    let connection = &outcome.json()["connections"][0];
    assert_eq!(check(connection, "auth.token")["status"], "fail");
    assert_eq!(connection["identity"]["user_name"], "beth.anglin");
    let asked = instance.received_at("/api/now/table/sys_user");
    assert_eq!(asked[0].authorization(), Some("Bearer new-access-0"));
}

#[test]
fn a_lock_that_cannot_be_taken_is_named_and_nothing_is_sent() {
    let instance = Scripted::plays(|_, _| None);
    let mut world = world_with(&instance.origin(), -1, json!({}));
    let state = world.home().join(".local/state/snow");
    std::fs::create_dir_all(&state).unwrap();
    std::fs::write(state.join("locks"), "a file in its place").unwrap();
    let before = saved(&world);
    let outcome = world.run("token acme --json").expect(9);
    assert_eq!(outcome.error_code(), "store-busy");
    outcome.says(&["SNOW_STATE_DIR"]);
    assert_eq!((instance.received().len(), saved(&world)), (0, before));
    // A token that is good needs no lock.
    let mut world = world_with(&instance.origin(), 900, json!({}));
    std::fs::create_dir_all(world.home().join(".local/state")).unwrap();
    std::fs::write(world.home().join(".local/state/snow"), "a file in its place").unwrap();
    world.run("token acme").expect(0);
    // And one that is good for a little while is used.
    set_clock(&mut world, 870);
    world.run("token acme").expect(0);
}

#[test]
fn a_state_that_cannot_be_written_costs_no_session() {
    let instance = Scripted::plays(|_, _| None);
    let mut world = world_with(&instance.origin(), -1, json!({}));
    std::fs::create_dir_all(world.home().join(".local/state/snow/sessions.json/full")).unwrap();
    assert_eq!(world.run("token acme").expect(0).stdout, "new-access-0\n");
    assert_eq!(saved(&world)["generation"], 2);
    assert_eq!(instance.token_requests(), 1);
}

#[test]
fn a_deadline_that_ran_out_while_the_lock_was_waited_for_spends_nothing() {
    let instance = Scripted::plays(|_, _| None);
    let mut world = world_with(&instance.origin(), -1, json!({}));
    let before = saved(&world);
    let path = world.home().join(format!(".local/state/snow/locks/{}.lock", session::ID));
    let lock = snow_connect::base::files::Lock::acquire(&path, Duration::ZERO).unwrap().expect("nobody has it");
    let holder = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(1500));
        drop(lock);
    });
    assert_eq!(world.run("token acme --json --timeout 1s").expect(6).error_code(), "timeout");
    holder.join().unwrap();
    assert_eq!(instance.received().len(), 0);
    assert_eq!(saved(&world), before, "no mark of a renewal that never was");
}

/// The program in the middle of a refresh that takes its time.
struct Refreshing {
    home: Session,
    sandbox: Sandbox,
    child: Child,
}

impl Refreshing {
    fn new() -> Self {
        let options = SandboxOptions { rotate: true, ..SandboxOptions::default() };
        let sandbox = Sandbox::open(options).unwrap();
        let home = Session::new();
        let record = session::record(&sandbox.origin(), -1, session::signed_in(&sandbox));
        put_into_keyring(&home, &sandbox.origin(), &record);
        sandbox.set_scenario(Some(Scenario::SlowToken));
        let mut command = home.command(&["token", "acme"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while sandbox.token_requests().refresh_token == 0 {
            assert!(Instant::now() < deadline, "no refresh");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { home, sandbox, child }
    }

    fn signal(&self, name: &str) {
        let process = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &process]).status().unwrap().success());
    }

    /// Exit code, standard output and standard error, and how long it took.
    fn end(self) -> (Option<i32>, String, String, Duration, Session, Sandbox) {
        let started = Instant::now();
        let output = self.child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr), started.elapsed(), self.home, self.sandbox)
    }
}

#[test]
fn the_first_signal_lets_a_refresh_finish_and_says_so() {
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let refreshing = Refreshing::new();
        refreshing.signal(signal);
        let (ended, stdout, stderr, took, home, sandbox) = refreshing.end();
        assert_eq!(ended, Some(code), "{stderr}");
        assert_eq!(stdout, "", "no token after a signal");
        assert!(stderr.contains("Finishing the token refresh first"), "{stderr}");
        assert!(took < Duration::from_secs(4), "{took:?}");
        let record = in_keyring(&home);
        assert_eq!(record["generation"], 2);
        assert_eq!(record.get("refreshing"), None);
        assert_eq!(who(&sandbox, &record["access_token"]), Ok("beth.anglin".to_owned()));
        assert_eq!(sandbox.token_requests().refresh_token, 1);
    }
}

#[test]
fn the_second_signal_ends_a_refresh_at_once() {
    for (first, second) in [("INT", "INT"), ("TERM", "INT")] {
        let refreshing = Refreshing::new();
        refreshing.signal(first);
        std::thread::sleep(Duration::from_millis(200));
        refreshing.signal(second);
        let (ended, _, stderr, took, home, sandbox) = refreshing.end();
        assert_eq!(ended, Some(if first == "INT" { 130 } else { 143 }), "{stderr}");
        assert!(took < Duration::from_millis(700), "{took:?}");
        // The documented window: the instance has replaced the token.
        let record = in_keyring(&home);
        assert_eq!(record["generation"], 1);
        assert!(record["refreshing"].is_string());
        sandbox.set_scenario(None);
        let mut home = home;
        let outcome = home.run("token acme --json", "").expect(4);
        assert_eq!(outcome.error_code(), "session-expired");
        outcome.says(&["A refresh was interrupted", "snow login acme"]);
    }
}

#[test]
fn a_refresh_holds_a_signal_up_for_five_seconds_at_most() {
    let instance = Scripted::plays(|request, _| {
        if request.path == "/oauth_token.do" {
            std::thread::sleep(Duration::from_secs(9));
        }
        None
    });
    let home = Session::new();
    put_into_keyring(&home, &instance.origin(), &session::record(&instance.origin(), -1, json!({})));
    let mut command = home.command(&["token", "acme"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    while instance.token_requests() == 0 {
        std::thread::sleep(Duration::from_millis(10));
    }
    let started = Instant::now();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let took = started.elapsed();
    assert_eq!(output.status.code(), Some(130));
    assert!(took > Duration::from_millis(4500) && took < Duration::from_secs(6), "{took:?}");
    assert_eq!(in_keyring(&home)["refresh_token"], Value::from(session::REFRESH_TOKEN));
}
