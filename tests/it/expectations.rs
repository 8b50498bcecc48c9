//! What a pipeline demands of a connection that works: `--expect-user`,
//! `--max-latency`, `--strict`.

use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};

use crate::world::wire::{Wire, first_error, http, run_against, run_with_token};
use crate::world::{Outcome, World, check};

const ROWS: &str = r#"{"result":[{"sys_id":"1"}]}"#;
const IDENTITY: &str = "/api/now/ui/user/current_user";

/// An instance that answers the question for one's identity like this.
fn instance(status: u16, identity: &'static str) -> Wire {
    Wire::replies(move |head| {
        if head.contains(IDENTITY) { http(status, "X-Transaction-ID: 12ab\r\n", identity) } else { http(200, "", ROWS) }
    })
}

fn report(outcome: &Outcome) -> Value {
    outcome.json()["connections"][0].clone()
}

#[test]
fn the_expected_user_passes_in_any_case() {
    let server = instance(200, r#"{"result":{"user_name":"Beth"}}"#);
    let outcome = run_against(&server.origin(), "test --json --expect-user bETH").expect(0);
    assert_eq!(check(&report(&outcome), "auth.identity")["status"], "pass");
}

#[test]
fn another_user_than_the_expected_one_fails() {
    let server = instance(200, r#"{"result":{"user_name":"admin"}}"#);
    for outcome in [
        run_against(&server.origin(), "test --json --expect-user beth"),
        run_with_token(&server.origin(), "test --json --expect-user beth"),
    ] {
        let outcome = outcome.expect(11);
        let report = report(&outcome);
        assert_eq!(
            (&report["ok"], &report["class"], &report["code"]),
            (&json!(false), &json!("assertion"), &json!("user-mismatch"))
        );
        let error = first_error(&outcome);
        assert_eq!(error["evidence"]["user_name"], "admin");
        assert_eq!(error["evidence"]["expected_user"], "beth");
        assert_eq!(error["evidence"]["transaction_id"], "12ab");
        assert_eq!(report["identity"], json!({"user_name": "admin", "source": "instance"}));
    }
    // Expected, though it is not the connection's own: that stays a warning.
    let outcome = run_against(&server.origin(), "test --json --expect-user admin").expect(0);
    assert_eq!(check(&report(&outcome), "auth.identity")["status"], "warn");
}

#[test]
fn an_identity_that_cannot_be_read_fails_where_a_user_is_expected() {
    for (status, body) in [(403, ""), (200, "<html>"), (200, r#"{"result":{}}"#), (500, ""), (404, "")] {
        let server = instance(status, body);
        let outcome = run_against(&server.origin(), "test --json --expect-user beth").expect(11);
        assert_eq!(report(&outcome)["code"], "identity-unknown", "{status} {body}");
        assert_eq!(first_error(&outcome)["evidence"]["expected_user"], "beth");
    }
    // Not even an answer.
    let server = Wire::plays(|stream, head| {
        if !head.contains(IDENTITY) {
            let _ = stream.write_all(http(200, "", ROWS).as_bytes());
        }
    });
    let outcome = run_against(&server.origin(), "test --json --expect-user beth").expect(11);
    assert_eq!(report(&outcome)["code"], "identity-unknown");
    assert_eq!(first_error(&outcome)["evidence"]["reason"], "connection-lost");
}

/// No right of the user opens what a gateway does not publish.
#[test]
fn a_gateway_that_hides_the_user_is_not_a_matter_of_rights() {
    for status in [401, 404] {
        let server = Wire::replies(move |head| match head {
            _ if head.starts_with("GET /api/now/table/u_note") => http(200, "", ROWS),
            _ => http(status, "Server: edge\r\n", r#"{"message":"no route"}"#),
        });
        let outcome = run_against(&server.origin(), "test --json --table u_note --expect-user beth").expect(11);
        let error = first_error(&outcome);
        assert_eq!(error["code"], "identity-unknown", "{error}");
        let step = error["next"][0].as_str().unwrap();
        assert!(step.contains("run the gateway") && step.contains(IDENTITY), "{error}");
        assert!(!error["next"].to_string().contains("own record"), "{error}");
    }
}

#[test]
fn a_failure_before_the_identity_keeps_its_own_code() {
    let server = Wire::answers(http(401, "WWW-Authenticate: BASIC realm=\"Service-now\"\r\n", ""));
    let outcome = run_against(&server.origin(), "test --json --expect-user beth --max-latency 1ms --strict").expect(4);
    let report = report(&outcome);
    assert_eq!(report["code"], "basic-refused");
    for id in ["auth.identity", "quality.latency"] {
        assert_eq!(check(&report, id)["status"], "skip", "{id}");
    }
}

#[test]
fn a_slow_first_request_fails_and_the_message_names_both_times() {
    let server = Wire::plays(|stream, head| {
        if !head.contains(IDENTITY) {
            std::thread::sleep(Duration::from_millis(80));
        }
        let body = if head.contains(IDENTITY) { r#"{"result":{"user_name":"beth"}}"# } else { ROWS };
        let _ = stream.write_all(http(200, "", body).as_bytes());
    });
    let outcome = run_against(&server.origin(), "test --json --max-latency 20ms").expect(11);
    let report = report(&outcome);
    assert_eq!((&report["class"], &report["code"]), (&json!("assertion"), &json!("latency-exceeded")));
    let latency = check(&report, "quality.latency");
    assert!(latency["ms"].as_u64().unwrap() >= 80, "{latency}");
    assert_eq!(latency["error"]["evidence"]["max_latency_ms"], 20);
    outcome.says(&["--max-latency allows 20 ms", "without opening the connection"]);
    // The rest is there all the same, and it stands after the identity.
    let ids: Vec<_> = report["checks"].as_array().unwrap().iter().map(|check| check["id"].as_str().unwrap()).collect();
    assert_eq!(ids[ids.len() - 2..], ["auth.identity", "quality.latency"]);

    let outcome = run_against(&server.origin(), "test --json --max-latency 10s").expect(0);
    assert_eq!(check(&self::report(&outcome), "quality.latency")["status"], "pass");
    let outcome = run_against(&server.origin(), "test --json").expect(0);
    assert!(!outcome.stdout.contains("quality.latency"));
}

#[test]
fn opening_the_connection_is_no_part_of_the_latency() {
    let sandbox = snow_connect::sandbox::Sandbox::start(None, None).unwrap();
    let address = sandbox.origin().trim_start_matches("http://").to_owned();
    // TLS takes its time: the handshake is held up, not the request.
    let authority = crate::world::tls::Authority::new();
    let files = tempfile::tempdir().unwrap();
    let ca = files.path().join("ca.pem");
    authority.save(&ca);
    let front = authority.front(crate::world::tls::Leaf::Good, &format!("http://{address}")).address;
    let slow = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = slow.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in slow.incoming().flatten() {
            let mut stream = stream;
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(400));
                let mut target = std::net::TcpStream::connect(front).unwrap();
                let (mut back, mut to_client) = (target.try_clone().unwrap(), stream.try_clone().unwrap());
                std::thread::spawn(move || std::io::copy(&mut back, &mut to_client));
                let _ = std::io::copy(&mut stream, &mut target);
            });
        }
    });
    let mut world = World::new();
    world.set("SNOW_INSTANCE", &format!("https://localhost:{port}"));
    world.set("SNOW_USERNAME", "admin").set("SNOW_PASSWORD", "sandbox-admin");
    let outcome = world.run(&format!("test --json --max-latency 300ms --ca-cert {}", ca.display())).expect(0);
    assert!(check(&report(&outcome), "network.tls")["ms"].as_u64().unwrap() >= 400);
}

#[test]
fn with_strict_a_warning_is_a_failure_of_its_own() {
    let server = instance(200, r#"{"result":{"user_name":"admin"}}"#);
    run_against(&server.origin(), "test").expect(0);
    let outcome = run_against(&server.origin(), "test --json --strict").expect(11);
    let report = report(&outcome);
    assert_eq!(
        (&report["ok"], &report["class"], &report["code"]),
        (&json!(false), &json!("assertion"), &json!("warnings"))
    );
    assert_eq!(report["error"]["evidence"]["warnings"], json!(["user-mismatch"]));
    assert_eq!(outcome.json()["summary"]["failed"], 1);
    // The warning stays what it is.
    assert_eq!(check(&report, "auth.identity")["status"], "warn");
    run_against(&server.origin(), "test --strict").expect(11).says(&["with a warning: user-mismatch", "not as beth"]);

    let clean = instance(200, r#"{"result":{"user_name":"beth"}}"#);
    let outcome = run_against(&clean.origin(), "test --json --strict").expect(0);
    assert_eq!(outcome.json()["connections"][0].get("error"), None);
}

#[test]
fn a_real_failure_beside_warnings_keeps_its_own_code_with_strict() {
    let server = Wire::replies(|head| match head {
        _ if head.contains(IDENTITY) => http(200, "", r#"{"result":{"user_name":"admin"}}"#),
        _ => http(403, "", r#"{"error":{"message":"Operation Failed","detail":"x"},"status":"failure"}"#),
    });
    let outcome = run_against(&server.origin(), "test --json --strict --table incident").expect(5);
    assert_eq!(report(&outcome)["code"], "access-denied");
    assert_eq!(report(&outcome).get("error"), None);
}

#[test]
fn an_expectation_that_fails_leaves_the_remembered_test_good() {
    let sandbox = snow_connect::sandbox::Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "svc.ci", "sandbox-svc");
    world.run("test acme --expect-user somebody.else").expect(11);
    let listed = world.run("list --json").expect(0).json();
    assert_eq!(listed["connections"][0]["last_test"]["ok"], true, "{listed}");
}

// ---- fields that are not there ----

#[test]
fn a_table_whose_rows_lack_the_field_that_was_asked_for_is_no_pass() {
    let rows = r#"{"result":[{"number":"INC1"},{"number":"INC2"}]}"#;
    let server = Wire::replies(move |head| {
        if head.contains(IDENTITY) { http(200, "", r#"{"result":{"user_name":"beth"}}"#) } else { http(200, "", rows) }
    });
    let outcome = run_against(&server.origin(), "test --json --table incident").expect(5);
    let report = report(&outcome);
    assert_eq!((&report["class"], &report["code"]), (&json!("forbidden"), &json!("field-hidden")));
    assert_eq!(first_error(&outcome)["evidence"]["fields"], "sys_id");
    outcome.says(&["sys_id", "cannot be told apart from outside"]);
    // The default probe can only warn.
    let outcome = run_against(&server.origin(), "test --json").expect(0);
    let table = check(&self::report(&outcome), "access.table").clone();
    assert_eq!((&table["status"], &table["error"]["code"]), (&json!("warn"), &json!("field-hidden")));
}

#[test]
fn one_row_with_the_field_is_enough_and_an_empty_value_is_a_value() {
    for rows in [r#"{"result":[{"number":"1"},{"sys_id":"1"}]}"#, r#"{"result":[{"sys_id":""}]}"#] {
        let server = Wire::replies(move |head| {
            if head.contains(IDENTITY) {
                http(200, "", r#"{"result":{"user_name":"beth"}}"#)
            } else {
                http(200, "", rows)
            }
        });
        run_against(&server.origin(), "test --table incident").expect(0);
    }
}

#[test]
fn an_own_row_without_its_user_name_is_a_hidden_field() {
    let server = Wire::replies(|head| match head {
        _ if head.contains(IDENTITY) => http(404, "", ""),
        _ if head.contains("sysparm_limit=2") => http(200, "X-Transaction-ID: 12ab\r\n", ROWS),
        _ => http(200, "", ROWS),
    });
    let outcome = run_against(&server.origin(), "test --json").expect(0);
    let identity = check(&report(&outcome), "auth.identity").clone();
    assert_eq!((&identity["status"], &identity["error"]["code"]), (&json!("warn"), &json!("field-hidden")));
    assert_eq!(identity["error"]["evidence"]["fields"], "user_name");
    assert_eq!(identity["error"]["evidence"]["transaction_id"], "12ab");
    // Where a user is expected, what counts is that nobody knows.
    let outcome = run_against(&server.origin(), "test --json --expect-user beth").expect(11);
    assert_eq!(report(&outcome)["code"], "identity-unknown");
    assert_eq!(first_error(&outcome)["causes"][0]["code"], "field-acl");
}
