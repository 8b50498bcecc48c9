//! What is remembered of a connection counts for the fields that it was about.

use std::fs;

use serde_json::{Value, json};
use snow_connect::sandbox::Sandbox;

use crate::world::browser::{get, sign_in};
use crate::world::{Outcome, World};

const ELSEWHERE: &str = "http://127.0.0.1:9";

fn connected() -> (Sandbox, World) {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    (sandbox, world)
}

fn signed_in_by_oauth() -> (Sandbox, World) {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.browser(|url| {
        let url = url.to_owned();
        std::thread::spawn(move || drop(get(&sign_in(&url, "beth.anglin", "allow"))));
    });
    let port = crate::oauth::free_port();
    let redirect = format!("http://127.0.0.1:{port}/callback");
    let line = format!("connect {} --name acme --client-id sandbox-public --redirect-uri {redirect}", sandbox.origin());
    world.run(&line).expect(0);
    (sandbox, world)
}

/// A command at a terminal.
fn seen(world: &mut World, line: &str) -> Outcome {
    world.person([]).run(line)
}

#[track_caller]
fn nothing_is_green(world: &mut World) {
    for line in ["list", "status", "status acme", "show acme"] {
        let outcome = seen(world, line).expect(0);
        for green in ["✓", "worked", "passed", "good for"] {
            assert!(!outcome.stdout.contains(green), "snow {line} says {green}:\n{}", outcome.stdout);
        }
    }
    let listed = world.run("list --json").expect(0).json();
    assert_eq!(listed["connections"][0]["last_test"], Value::Null);
    let status = world.run("status --json").expect(0).json();
    assert_eq!(status["last_test"], Value::Null);
    assert!(status["session"].is_null() || status["session"]["health"] == "absent", "{status}");
    seen(world, "status").says(&["kept back", "snow login acme"]);
    let all = world.run("status --all --json").expect(0).json();
    assert_eq!((&all["ends"], &all["unknown"]), (&json!([]), &json!(["acme"])));
    seen(world, "status --all").expect(0).says(&["No expiry known for acme."]);
    let doctor = seen(world, "doctor");
    assert!(!doctor.stdout.contains("every connection has what it signs in with"), "{}", doctor.stdout);
    doctor.says(&["snow login acme"]);
}

#[track_caller]
fn everything_counts_again(world: &mut World) {
    seen(world, "list").expect(0).says(&["✓ just now"]);
    seen(world, "status").expect(0).says(&["worked just now", "snow test"]);
    seen(world, "doctor").says(&["every connection has what it signs in with"]);
    world.run("test acme").expect(0);
}

#[test]
fn after_an_edit_nothing_is_green_that_cannot_work_and_after_editing_back_all_is() {
    for (sandbox, mut world) in [connected(), signed_in_by_oauth()] {
        world.run(&format!("edit acme --set instance={ELSEWHERE}")).expect(0).says(&["snow login acme"]);
        nothing_is_green(&mut world);
        assert_eq!(world.run("test acme --json").expect(9).error_code(), "origin-mismatch");
        // That test was of the connection as it is.
        seen(&mut world, "list").says(&["✗ origin-mismatch"]);
        world.run("edit acme --set description=x").expect(0);
        seen(&mut world, "list").says(&["✗ origin-mismatch"]);
        let back = world.run(&format!("edit acme --set instance={}", sandbox.origin())).expect(0);
        back.says(&["is used again"]);
        assert!(!back.stderr.contains("snow login"), "{}", back.stderr);
        world.run("test acme").expect(0);
        everything_counts_again(&mut world);
    }
}

#[test]
fn editing_back_without_a_test_between_leaves_all_as_it_was() {
    for (sandbox, mut world) in [connected(), signed_in_by_oauth()] {
        world.run(&format!("edit acme --set instance={ELSEWHERE}")).expect(0);
        world.run(&format!("edit acme --set instance={}", sandbox.origin())).expect(0).says(&["is used again"]);
        everything_counts_again(&mut world);
    }
}

#[test]
fn a_test_counts_only_as_long_as_what_it_judged_is_the_same() {
    let (_sandbox, mut world) = connected();
    let is_counted = |world: &mut World| !world.run("list --json").json()["connections"][0]["last_test"].is_null();
    for change in ["--set description=x", "--set labels.env=prod", "--unset labels.env", "--set username=BETH.anglin"] {
        world.run(&format!("edit acme {change}")).expect(0);
        assert!(is_counted(&mut world), "{change}");
    }
    for (change, back) in [
        ("--set tables=incident", "--unset tables"),
        ("--set username=admin", "--set username=beth.anglin"),
        ("--set proxy=http://127.0.0.1:9", "--unset proxy"),
        ("--set api_version=v2", "--unset api_version"),
    ] {
        world.run(&format!("edit acme {change}")).expect(0);
        assert!(!is_counted(&mut world), "{change}");
        seen(&mut world, "list").says(&["changed since"]);
        world.run(&format!("edit acme {back}")).expect(0);
        assert!(is_counted(&mut world), "{back}");
    }
    // Of the session, other tables change nothing.
    let (_sandbox, mut world) = signed_in_by_oauth();
    world.run("edit acme --set tables=incident --set scope=other").expect(0);
    assert_eq!(world.run("status --json").json()["session"]["health"], "healthy");
    seen(&mut world, "status").says(&["not tested since it was changed", "access token good for"]);
    world.run("edit acme --set client_id=other").expect(0).says(&["snow login acme"]);
    assert_eq!(world.run("status --json").json()["session"]["health"], "absent");
}

#[test]
fn the_state_of_an_older_snow_is_read_and_belongs_to_what_the_connection_was() {
    for (sandbox, mut world) in [connected(), signed_in_by_oauth()] {
        let state = world.home().join(".local/state/snow");
        for file in ["tests.json", "sessions.json"] {
            let path = state.join(file);
            // Without a session there is no file of sessions.
            let Ok(content) = fs::read(&path) else { continue };
            let mut content: Value = serde_json::from_slice(&content).unwrap();
            content.as_object_mut().unwrap().remove("stored");
            for entries in content.as_object_mut().unwrap().values_mut() {
                for entry in entries.as_object_mut().unwrap().values_mut() {
                    assert!(entry.as_object_mut().unwrap().remove("fingerprint").is_some(), "{file}");
                }
            }
            fs::write(path, content.to_string()).unwrap();
        }
        seen(&mut world, "list").expect(0).says(&["✓ just now"]);
        world.run(&format!("edit acme --set instance={ELSEWHERE}")).expect(0).says(&["snow login acme"]);
        assert!(!seen(&mut world, "list").stdout.contains('✓'));
        assert_eq!(world.run("list --json").json()["connections"][0]["last_test"], Value::Null);
        let back = world.run(&format!("edit acme --set instance={}", sandbox.origin())).expect(0);
        assert!(!back.stderr.contains("kept back"), "{}", back.stderr);
        everything_counts_again(&mut world);
    }
}

#[test]
fn an_edit_by_hand_counts_as_well_and_no_store_is_opened() {
    let (_sandbox, mut world) = connected();
    let config = world.config().replace("username = \"beth.anglin\"", "username = \"admin\"");
    world.write_config(config);
    nothing_is_green(&mut world);
    // Only commands that sign in need the store; it is gone here.
    world.store = std::sync::Arc::new(snow_connect::store::memory::MemoryStore::default());
    seen(&mut world, "status").expect(0).says(&["kept back"]);
}
