//! `--wait` for an instance that is not up, and `--retries` for one request.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use snow_connect::sandbox::Sandbox;
use snow_connect::sandbox::scenario::Scenario;

use crate::world::wire::{Wire, first_error, header, http, run_against};
use crate::world::{Answer, PASSWORD, World, check};

const ROWS: &str = r#"{"result":[{"sys_id":"1"}]}"#;
const ASLEEP: &str = "<html><head><title>Instance Hibernating page</title></head></html>";
const REFUSAL: &str = r#"{"error":{"message":"User is not authenticated","detail":"x"},"status":"failure"}"#;

/// What an instance that is up answers: rows and a user to whoever signs in.
fn up(head: &str) -> String {
    match header(head, "authorization") {
        None => http(401, "WWW-Authenticate: BASIC realm=\"Service-now\"\r\n", REFUSAL),
        Some(_) if head.contains("current_user") => http(200, "", r#"{"result":{"user_name":"beth"}}"#),
        Some(_) => http(200, "", ROWS),
    }
}

/// An instance that answers like this so many times, and is up then.
fn up_after(times: usize, before: impl Fn(&mut std::net::TcpStream) + Send + Sync + 'static) -> Wire {
    let asked = AtomicUsize::new(0);
    Wire::plays(move |stream, head| {
        if asked.fetch_add(1, Ordering::SeqCst) < times {
            before(stream)
        } else {
            let _ = stream.write_all(up(head).as_bytes());
        }
    })
}

fn answering(answer: String) -> impl Fn(&mut std::net::TcpStream) + Send + Sync + 'static {
    move |stream| {
        let _ = stream.write_all(answer.as_bytes());
    }
}

/// Which requests carried a credential, in order.
fn credentialed(server: &Wire) -> Vec<bool> {
    server.heads().iter().map(|head| header(head, "authorization").is_some()).collect()
}

// ---- --wait ----

#[test]
fn waiting_knocks_without_a_credential_until_the_instance_is_awake() {
    for answer in [
        http(200, "Content-Type: text/html\r\n", ASLEEP),
        http(302, "Location: https://developer.servicenow.com/dev.do\r\n", ""),
        http(503, "Server: snow_adc\r\n", ""),
        http(502, "", "<html>"),
        http(504, "", ""),
        // Closed without an answer.
        String::new(),
    ] {
        let server = up_after(2, answering(answer.clone()));
        let outcome = run_against(&server.origin(), "test --json --wait 20s").expect(0);
        assert_eq!(credentialed(&server), [false, false, false, true, true], "{answer}");
        assert_eq!(outcome.json()["ok"], true);
        // Said once, and no more.
        let said = outcome.stderr.replace('\n', " ");
        assert_eq!(said.matches("Asking again for up to 20 s").count(), 1, "{}", outcome.stderr);
    }
}

#[test]
fn an_address_where_nothing_listens_yet_is_waited_for() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let later = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(700));
        Sandbox::start(Some(address.port()), None).unwrap()
    });
    let mut world = World::new();
    world.set("SNOW_INSTANCE", &format!("http://{address}"));
    world.set("SNOW_USERNAME", "admin").set("SNOW_PASSWORD", "sandbox-admin");
    world.run("test --wait 20s").expect(0);
    drop(later.join().unwrap());
}

#[test]
fn a_wait_in_vain_ends_in_time_with_the_failure_and_no_credential_was_sent() {
    for (answer, id, code, exit_code) in [
        (http(200, "Content-Type: text/html\r\n", ASLEEP), "instance.awake", "instance-hibernating", 7),
        (http(503, "", ""), "instance.awake", "instance-unavailable", 7),
        (String::new(), "instance.servicenow", "connection-lost", 6),
    ] {
        let server = Wire::answers(answer);
        let started = Instant::now();
        let outcome = run_against(&server.origin(), "test --json --wait 1s --table a").expect(exit_code);
        assert!((1000..2500).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
        let report = &outcome.json()["connections"][0];
        assert_eq!(report["code"], code);
        assert_eq!(check(report, id)["status"], "fail", "{report}");
        assert_eq!(check(report, id)["error"]["evidence"]["waited_seconds"], 1.0);
        for id in ["auth.request", "access.table", "auth.identity"] {
            assert_eq!(check(report, id)["status"], "skip", "{report}");
        }
        let sent = credentialed(&server);
        assert!(sent.len() >= 3 && !sent.contains(&true), "{sent:?}");
    }
    // Unreachable: the network is what failed.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = run_against(&format!("http://{closed}"), "test --json --wait 600ms").expect(6);
    let report = &outcome.json()["connections"][0];
    assert_eq!(check(report, "network.connect")["error"]["code"], "connection-refused");
}

#[test]
fn what_will_not_pass_by_itself_is_not_waited_for() {
    let started = Instant::now();
    for (answer, exit_code) in [
        (http(401, "", REFUSAL), 4),
        (http(403, "", "<html>"), 5),
        (http(500, "", "<html>"), 7),
        (http(429, "", ""), 8),
        (http(404, "", ""), 7),
    ] {
        let server = Wire::answers(answer);
        run_against(&server.origin(), "test --json --wait 60s").expect(exit_code);
        // A preflight probe, and the one request that decides.
        assert_eq!(credentialed(&server), [false, true]);
    }
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_refused_password_is_not_sent_again_while_waiting() {
    let server = Wire::answers(http(401, "", REFUSAL));
    let mut world = World::new();
    world.set("SNOW_INSTANCE", &server.origin()).set("SNOW_USERNAME", "beth").set("SNOW_PASSWORD", PASSWORD);
    world.run("test --wait 5s --retries 5").expect(4);
    assert_eq!(credentialed(&server), [false, true]);
}

#[test]
fn an_instance_that_goes_down_before_it_judges_is_knocked_at_again() {
    let asked = AtomicUsize::new(0);
    let server = Wire::replies(move |head| match asked.fetch_add(1, Ordering::SeqCst) {
        1 => http(503, "", ""),
        _ => up(head),
    });
    run_against(&server.origin(), "test --wait 20s").expect(0);
    assert_eq!(credentialed(&server), [false, true, false, true, true]);

    // Lost without an answer, the password may have been judged: once is enough.
    let server = Wire::plays(|stream, head| {
        if header(head, "authorization").is_none() {
            let _ = stream.write_all(up(head).as_bytes());
        }
    });
    run_against(&server.origin(), "test --wait 3s").expect(6);
    assert_eq!(credentialed(&server), [false, true]);
}

#[test]
fn connect_waits_at_its_third_step_before_anything_secret_leaves() {
    let server = up_after(2, answering(http(200, "Content-Type: text/html\r\n", ASLEEP)));
    let mut world = World::new();
    let line = format!("connect {} --name x --username beth --password-stdin --json --wait 20s", server.origin());
    world.stdin(PASSWORD).run(&line).expect(0);
    assert_eq!(credentialed(&server)[..4], [false, false, false, true]);

    let server = Wire::answers(http(503, "", ""));
    let mut world = World::new();
    let line = format!("connect {} --name x --username beth --password-stdin --json --wait 700ms", server.origin());
    let outcome = world.stdin(PASSWORD).run(&line).expect(7);
    assert_eq!(outcome.error_code(), "instance-unavailable");
    assert_eq!(outcome.json()["error"]["evidence"]["waited_seconds"], 0.7);
    assert_eq!(world.config(), "");
    assert!(!credentialed(&server).contains(&true));
}

#[test]
fn a_person_is_offered_to_wait_for_a_sleeping_instance() {
    let server = up_after(1, answering(http(200, "Content-Type: text/html\r\n", ASLEEP)));
    let mut world = World::new();
    world.person([Answer::Confirm(true), Answer::Secret(PASSWORD)]);
    world.run(&format!("connect {} --name x --username beth", server.origin())).expect(0);
    assert_eq!(credentialed(&server)[..3], [false, false, true]);
    // What is not to be found is rather misspelt.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut world = World::new();
    world.person([]);
    world.run(&format!("connect http://{closed} --name x --username beth")).expect(6);
}

#[test]
fn a_known_connection_is_waited_for_by_connect_and_test() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "admin", "sandbox-admin");
    sandbox.set_scenario(Some(Scenario::Hibernating));
    for line in ["test acme --wait 600ms --json", "connect acme --wait 600ms --json"] {
        assert_eq!(world.run(line).expect(7).error_code(), "instance-hibernating");
    }
}

#[test]
fn what_to_do_about_a_sleeping_instance_is_one_command() {
    let server = Wire::answers(http(200, "Content-Type: text/html\r\n", ASLEEP));
    run_against(&server.origin(), "test").expect(7).says(&["developer.servicenow.com", "snow test --wait 10m"]);
}

// ---- --retries: G6, G7, D16 ----

#[test]
fn a_request_is_sent_again_only_where_that_may_help_and_only_so_often() {
    let cancelled = r#"{"error":{"message":"Transaction cancelled: maximum execution time exceeded","detail":"x"}}"#;
    for (answer, is_retried) in [
        (http(502, "", ""), true),
        (http(503, "", ""), true),
        (http(504, "", ""), true),
        (http(429, "", ""), true),
        (http(500, "", cancelled), true),
        (http(200, "", "{\"result\":[{"), true),
        (String::new(), true),
        (http(500, "", "<html>"), false),
        (http(401, "", REFUSAL), false),
        (http(403, "", "<html>"), false),
        (http(404, "", ""), false),
        (http(307, "Location: https://elsewhere.example/\r\n", ""), false),
        (http(200, "", "<html>"), false),
    ] {
        let server = Wire::answers(answer.clone());
        let asked_for_rows = || server.heads().iter().filter(|head| head.contains("/table/")).count();
        assert_ne!(run_against(&server.origin(), "test --json --retries 2").code, 0);
        assert_eq!(asked_for_rows(), if is_retried { 3 } else { 1 }, "{answer}");
        assert_ne!(run_against(&server.origin(), "test --json").code, 0);
        assert_eq!(asked_for_rows(), if is_retried { 4 } else { 2 }, "without --retries: {answer}");
    }
}

#[test]
fn a_request_that_works_at_last_makes_the_test_pass() {
    let server = up_after(2, answering(http(503, "", "")));
    run_against(&server.origin(), "test --retries 2").expect(0);
    // The question for the identity and other tables, too.
    let asked = AtomicUsize::new(0);
    let server = Wire::replies(move |head| match asked.fetch_add(1, Ordering::SeqCst) % 2 {
        0 => http(503, "", ""),
        _ => up(head),
    });
    let outcome = run_against(&server.origin(), "test --json --retries 1 --table a,b --strict").expect(0);
    assert_eq!(server.requests(), 6, "{}", outcome.stdout);
}

#[test]
fn retry_after_is_honoured_in_seconds_and_as_a_date() {
    const IN_THREE_SECONDS: &str = "date";
    let spelled = |value: &str| match value {
        IN_THREE_SECONDS => {
            let then = chrono::Utc::now() + chrono::TimeDelta::seconds(3);
            then.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
        }
        value => value.to_owned(),
    };
    for (value, range) in [
        ("2", 2000..4500),
        (IN_THREE_SECONDS, 1900..4500),
        // Past, negative, garbage, absent: as without it.
        ("Sun, 06 Nov 1994 08:49:37 GMT", 300..1500),
        ("-5", 300..1500),
        ("garbage", 300..1500),
        ("", 300..1500),
    ] {
        let server = up_after(1, answering(http(429, &format!("Retry-After: {}\r\n", spelled(value)), "")));
        let started = Instant::now();
        run_against(&server.origin(), "test --retries 1").expect(0);
        let took = started.elapsed().as_millis();
        assert!(range.contains(&took), "{value}: {took} ms");
    }
}

#[test]
fn a_wait_that_would_outlast_the_deadline_is_not_begun_and_the_time_is_named() {
    for (value, seconds) in [("60", 60), ("1000000000000", 86_400)] {
        let server = Wire::answers(http(429, &format!("Retry-After: {value}\r\n"), ""));
        let mut world = World::new();
        world.clock = || chrono::DateTime::parse_from_rfc3339("2026-11-06T08:00:00Z").unwrap().to_utc();
        world.set("SNOW_INSTANCE", &server.origin()).set("SNOW_USERNAME", "beth").set("SNOW_PASSWORD", PASSWORD);
        let started = Instant::now();
        let outcome = world.run("test --json --retries 5 --timeout 5s").expect(8);
        assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
        assert_eq!(server.requests(), 1);
        let error = first_error(&outcome);
        let at = (world.clock)() + chrono::TimeDelta::seconds(seconds);
        let at = at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        assert_eq!(error["evidence"]["retry_at"], json!(at), "{error}");
        assert!(error["message"].as_str().unwrap().contains(&format!("Retry at {at}")), "{error}");
        assert_eq!(error["retryable"], true);
    }
    // Garbage is no time.
    let server = Wire::answers(http(429, "Retry-After: soon\r\n", ""));
    let outcome = run_against(&server.origin(), "test --json").expect(8);
    assert_eq!(first_error(&outcome)["evidence"].get("retry_at"), None);
}

#[test]
fn a_request_for_tokens_is_not_sent_again_by_retries() {
    let server = Wire::answers(http(503, "", ""));
    let mut world = World::new();
    world.guard("CANARY-client-secret");
    world.set("SNOW_INSTANCE", &server.origin());
    world.set("SNOW_CLIENT_ID", "abc").set("SNOW_CLIENT_SECRET", "CANARY-client-secret");
    world.run("test --json --retries 5").expect(7);
    assert_eq!(server.requests(), 1, "{:?}", server.heads());
}
