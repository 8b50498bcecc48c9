//! `snow api`: one request through the front door.

use std::io::{Read, Write};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use snow_connect::sandbox::Sandbox;
use snow_connect::sandbox::scenario::{Scenario, SignIn};

use crate::oauth;
use crate::world::ask::Ask;
use crate::world::process::{finish, snow};
use crate::world::wire::{Wire, header, http, run_against};
use crate::world::{Outcome, PASSWORD, World};

/// A world with the connection `acme` to this instance.
fn world_of(sandbox: &Sandbox, user: &str, password: &str) -> World {
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), user, password);
    world
}

fn sandbox_world() -> (Sandbox, World) {
    let sandbox = Sandbox::start(None, None).unwrap();
    let world = world_of(&sandbox, "beth.anglin", "sandbox-beth");
    (sandbox, world)
}

/// What a server answers with, by the number of the request.
fn numbered(answer: impl Fn(usize, &str) -> String + Send + Sync + 'static) -> Wire {
    let count = AtomicUsize::new(0);
    Wire::replies(move |head| answer(count.fetch_add(1, Ordering::SeqCst), head))
}

fn rows_of(outcome: &Outcome) -> Vec<Value> {
    outcome.json()["result"].as_array().expect("rows").clone()
}

#[test]
fn a_body_comes_out_byte_for_byte_and_on_a_terminal_indented() {
    let (sandbox, mut world) = sandbox_world();
    for path in ["table/incident?sysparm_limit=3", "stats/incident?sysparm_count=true", "table/no_such_table"] {
        let url = format!("{}/api/now/{path}", sandbox.origin());
        let body = Ask::new("GET", &url).user("beth.anglin").send().body;
        for path in [path, &format!("/api/now/{path}"), &url] {
            assert_eq!(world.run_words(&["api", path]).stdout, body, "{path}");
        }
        let shown = world.person([]).run_words(&["api", path]).stdout;
        let value: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(shown, format!("{}\n", serde_json::to_string_pretty(&value).unwrap()), "{path}");
    }
}

#[test]
fn a_row_is_created_changed_and_deleted() {
    let (_sandbox, mut world) = sandbox_world();
    let words = ["api", "POST", "table/incident", "-f", "short_description=Printer", "-F", "urgency=1"];
    let created = world.run_words(&words).expect(0).json()["result"].clone();
    assert_eq!((&created["short_description"], &created["urgency"]), (&json!("Printer"), &json!("1")));
    let path = format!("table/incident/{}", created["sys_id"].as_str().unwrap());
    let changed = world.run_words(&["api", "PATCH", &path, "-f", "state=2"]).expect(0).json();
    assert_eq!(changed["result"]["state"], "2");
    world.stdin(r#"{"state":"6"}"#);
    assert_eq!(world.run_words(&["api", "PUT", &path, "--input", "-"]).expect(0).json()["result"]["state"], "6");
    world.run_words(&["api", "DELETE", &path]).expect(5).says(&["access-denied", "ACL Exception Delete"]);
    let file = world.home().join("new.json");
    std::fs::write(&file, r#"{"short_description":"of a file"}"#).unwrap();
    let input = file.display().to_string();
    let created = world.run_words(&["api", "table/incident", "--input", &input]).expect(0).json();
    assert_eq!(created["result"]["short_description"], "of a file");
    std::fs::write(&file, "long\ntext").unwrap();
    let field = format!("description=@{input}");
    let created = world.run_words(&["api", "POST", "table/incident", "-F", &field]).expect(0).json();
    assert_eq!(created["result"]["description"], "long\ntext");
}

#[test]
fn fields_are_parameters_of_the_query_where_there_is_no_body() {
    let server = Wire::replies(|_| http(200, "", r#"{"result":[]}"#));
    let origin = server.origin();
    run_against(&origin, "api table/x -f a=b&c -f d=e=f").expect(0);
    run_against(&origin, "api DELETE table/x?y=z -f a=b").expect(0);
    run_against(&origin, "api HEAD table/x? -f a=b").expect(0);
    run_against(&origin, "api POST table/x?y=z -f a=b -F c=[1,null] -H X-Trace:7").expect(0);
    let heads = server.heads();
    for (head, line) in heads.iter().zip([
        "GET /api/now/table/x?a=b%26c&d=e%3Df ",
        "DELETE /api/now/table/x?y=z&a=b ",
        "HEAD /api/now/table/x?a=b ",
        "POST /api/now/table/x?y=z ",
    ]) {
        assert!(head.starts_with(line), "{head}");
    }
    assert_eq!(header(&heads[3], "content-length"), Some(&*r#"{"a":"b","c":[1,null]}"#.len().to_string()));
    assert_eq!(
        (header(&heads[3], "x-trace"), header(&heads[3], "content-type")),
        (Some("7"), Some("application/json"))
    );
}

#[test]
fn status_and_headers_are_printed_before_the_body_if_they_are_wanted() {
    let server = Wire::replies(|_| http(201, "X-Odd: a\u{202e}b\r\n", r#"{"result":1}"#));
    let outcome = run_against(&server.origin(), "api -i table/x").expect(0);
    assert!(outcome.stdout.starts_with("HTTP/1.1 201 Created\n"), "{}", outcome.stdout);
    assert!(outcome.stdout.ends_with("\n\n{\"result\":1}"), "{}", outcome.stdout);
    let mut world = World::new();
    world.set("SNOW_INSTANCE", &server.origin()).set("SNOW_USERNAME", "beth").set("SNOW_PASSWORD", PASSWORD);
    let shown = world.person([]).run("api -i table/x").expect(0).stdout;
    assert!(shown.contains("x-odd: a\\u{202e}b\n") && !shown.contains('\u{202e}'), "{shown:?}");
}

#[test]
fn failures_have_the_exit_code_of_a_test_and_their_body_is_printed() {
    let (sandbox, mut world) = sandbox_world();
    let others = [
        // They are about a count, an identity, a clock or a size, of which a request knows nothing.
        Scenario::TableHidden,
        Scenario::IdentityUnknown,
        Scenario::UserMismatch,
        Scenario::ClockSkew,
        Scenario::AnswerTooLarge,
    ];
    let basic = Scenario::ALL.iter().filter(|scenario| scenario.auth() == SignIn::Basic);
    for &scenario in basic.filter(|scenario| !others.contains(scenario)) {
        sandbox.set_scenario(Some(scenario));
        let code = scenario.code().unwrap();
        let name = scenario.as_str();
        let outcome = world.run("api table/incident?sysparm_limit=1 --timeout 1s --json");
        assert_eq!(outcome.code, i32::from(code.class().exit_code()), "{name}: {outcome:?}");
        let said = if matches!(scenario, Scenario::Slow | Scenario::ConnectionLost) {
            assert_eq!(outcome.json()["schema"], "snow.error/1", "{name}");
            outcome.error_code()
        } else {
            assert!(!outcome.stdout.contains("snow.error/1"), "{name}: {outcome:?}");
            outcome.stderr
        };
        assert!(said.contains(code.as_str()), "{name}: {said}");
        // So that no scenario is met by a password that is not sent any more.
        std::fs::remove_file(world.home().join(".local/state/snow/refusals.json")).unwrap_or_default();
    }
    for (scenario, code) in [(Scenario::AnswerTooLarge, 0), (Scenario::TableHidden, 0)] {
        sandbox.set_scenario(Some(scenario));
        world.run("api table/incident").expect(code);
    }
    sandbox.set_scenario(Some(Scenario::Hibernating));
    let page = world.run("api /incident_list.do").expect(7);
    assert!(page.stdout.starts_with("<!DOCTYPE html>"), "{page:?}");
}

#[test]
fn a_large_answer_that_ends_in_an_error_is_a_failure() {
    let row = format!(r#"{{"a":"{}"}}"#, "x".repeat(1000));
    let rows = vec![row; 3000].join(",");
    let cancelled = r#""error":{"detail":"Transaction cancelled: maximum execution time exceeded","message":"x"},"status":"failure"}"#;
    for (body, code, word) in [
        (format!(r#"{{"result":[{rows}]}}"#), 0, ""),
        (format!(r#"{{"result":[{rows}"#), 7, "truncated-answer"),
        (format!(r#"{{"result":[{rows},{cancelled}"#), 7, "transaction-cancelled"),
        (format!(r#"{{"result":[{rows}],"error":{{"message":"x","detail":"y"}},"status":"failure"}}"#), 10, ""),
    ] {
        let reply = http(200, "Content-Type: application/json\r\n", &body);
        let server = Wire::answers(reply);
        let outcome = run_against(&server.origin(), "api table/incident");
        assert_eq!((outcome.code, outcome.stdout == body), (code, true), "{word} {}", outcome.stderr);
        assert!(outcome.stderr.contains(word), "{}", outcome.stderr);
    }
}

#[test]
fn what_leaves_the_origin_or_cannot_be_sent_is_refused_before_anything_is() {
    let server = Wire::replies(|_| http(200, "", r#"{"result":[]}"#));
    let origin = server.origin();
    let host = origin.strip_prefix("http://").unwrap();
    let mut world = World::new();
    world.set("SNOW_INSTANCE", &origin).set("SNOW_USERNAME", "beth").set("SNOW_PASSWORD", PASSWORD);
    for path in [
        "//evil.example/x",
        "https://evil.example/api/now/table/x",
        &format!("https://{host}/x"),
        &format!("http://{host}0/x"),
        &format!("http://CANARY@{host}/x"),
        &format!("http://{host}@evil.example/x"),
        &format!("http://{host}.evil.example/x"),
        "/\\evil.example",
        "\\\\evil.example",
        "/a/../b",
        "/a/%2e%2E/b",
        "/a/%252e%252e/b",
        "/a%2f..%2fb",
        "table/../../x",
        "/a\r\nX: y",
        "/a%0d%0ab",
        "/a#b",
        "incident",
        "",
        "javascript:alert(1)",
    ] {
        let outcome = world.run_words(&["api", path, "--json"]).expect(2);
        assert_eq!(outcome.error_code(), "usage", "{path}");
        world.run_words(&["api", path, "--paginate"]).expect(2);
    }
    for words in [
        &["api", "get", "table/x"][..],
        &["api", "GET", "table/x", "more"],
        &["api", "CONNECT", "table/x"],
        &["api", "table/x", "-F", "a=1"],
        &["api", "table/x", "-f", "a"],
        &["api", "table/x", "-f", "=a"],
        &["api", "GET", "table/x", "--input", "-"],
        &["api", "POST", "table/x", "--input", "-", "-f", "a=b"],
        &["api", "POST", "table/x", "-F", "a=no json"],
        &["api", "POST", "table/x", "-F", "a=@missing"],
        &["api", "POST", "table/x", "--input", "missing"],
        &["api", "POST", "table/x", "--paginate"],
        &["api", "table/x", "-H", "Authorization: Basic CANARY"],
        &["api", "table/x", "-H", "Host: evil.example"],
        &["api", "table/x", "-H", "no colon"],
        &["api", "table/x", "-H", "X: a\r\nY: b"],
        &["api"],
    ] {
        world.run_words(words).expect(2);
    }
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_redirect_is_not_followed() {
    let other = Wire::replies(|_| http(200, "", "{}"));
    for location in
        [format!("{}/api/now/table/x", other.origin()), "//evil.example/".to_owned(), "/elsewhere".to_owned()]
    {
        let server = Wire::replies(move |_| http(302, &format!("Location: {location}\r\n"), ""));
        for line in ["api table/x", "api table/x --paginate", "api POST table/x -f a=b"] {
            run_against(&server.origin(), line).expect(7);
        }
        assert_eq!(server.requests(), 3);
    }
    assert_eq!(other.requests(), 0);
}

#[test]
fn the_rows_of_all_pages_are_printed_as_those_of_one_answer() {
    let (sandbox, mut world) = sandbox_world();
    let url = format!("{}/api/now/table/incident?sysparm_fields=number,caller_id", sandbox.origin());
    let all: Value = serde_json::from_str(&Ask::new("GET", &url).user("beth.anglin").send().body).unwrap();
    for size in [7, 100, 400, 1000] {
        let path = format!("table/incident?sysparm_fields=number,caller_id&sysparm_limit={size}");
        let before = sandbox.requests();
        assert_eq!(world.run_words(&["api", &path, "--paginate"]).expect(0).json(), all, "{size}");
        assert_eq!(sandbox.requests() - before, 400_usize.div_ceil(size), "{size}");
        let path = format!("{path}&sysparm_suppress_pagination_header=true");
        assert_eq!(world.run_words(&["api", &path, "--paginate"]).expect(0).json(), all, "{size}");
    }
    // What has no rows is printed as it is.
    for path in ["stats/incident?sysparm_count=true", "table/no_such_table", "ui/user/current_user"] {
        let path = format!("/api/now/{path}");
        let (once, paged) = (world.run_words(&["api", &path]), world.run_words(&["api", &path, "--paginate"]));
        assert_eq!((once.code, once.stdout), (paged.code, paged.stdout), "{path}");
    }
    let shown =
        world.person([]).run("api table/sys_user?sysparm_fields=user_name&sysparm_limit=2 --paginate").expect(0);
    assert!(shown.stdout.starts_with("{\n  \"result\": [\n    {\n      \"user_name\""), "{}", shown.stdout);
}

#[test]
fn pages_that_go_wrong_end_the_rows_with_a_failure() {
    let page = |next: &str, rows: &str| {
        http(200, &format!("Link: <{next}>;rel=\"next\"\r\n"), &format!("{{\"result\":[{rows}]}}"))
    };
    let other = Wire::replies(|_| http(200, "", r#"{"result":["CANARY"]}"#));
    let elsewhere = format!("{}/x", other.origin());
    let leaves = numbered(move |number, _| match number {
        0 => page("/api/now/table/x?page=1", "1,2"),
        _ => page(&elsewhere, "3"),
    });
    let circle = numbered(move |number, _| page(&format!("/api/now/table/x?page={}", number % 3), "1"));
    let html = numbered(move |number, _| match number {
        36 => http(200, "Content-Type: text/html\r\n", "<html><title>Instance Hibernating page</title></html>"),
        _ => page(&format!("/api/now/table/x?page={number}"), "1"),
    });
    let cut = numbered(move |number, _| match number {
        0 => page("/api/now/table/x?page=1", "1"),
        _ => http(200, "", r#"{"result":[2,{"a":"#),
    });
    let refused = numbered(move |number, _| match number {
        0 => page("/api/now/table/x?page=1", "1"),
        _ => http(403, "", r#"{"error":{"message":"no","detail":"nor this"},"status":"failure"}"#),
    });
    for (server, code, word, count) in [
        (leaves, 7, "redirected", 3),
        (circle, 10, "unexpected-answer", 4),
        (html, 7, "instance-hibernating", 36),
        (cut, 7, "truncated-answer", 2),
        (refused, 5, "access-denied", 1),
    ] {
        let outcome = run_against(&server.origin(), "api table/x --paginate").expect(code);
        assert!(outcome.stderr.contains(word), "{}", outcome.stderr);
        assert_eq!(rows_of(&outcome).len(), count, "{word}");
        assert_eq!(outcome.json()["status"], "failure", "{word}");
    }
    assert_eq!(other.requests(), 0);
}

#[test]
fn a_read_only_connection_sends_no_write() {
    let (sandbox, mut world) = sandbox_world();
    world.run("edit acme --set read_only=true").expect(0);
    assert!(world.config().contains("read_only = true"), "{}", world.config());
    assert_eq!(world.run("show acme --json").expect(0).json()["connection"]["read_only"], true);
    let before = sandbox.requests();
    for line in [
        "api POST table/incident -f a=b",
        "api PATCH table/incident/x -f a=b",
        "api DELETE table/incident/x",
        "api table/incident/x -H X-HTTP-Method-Override:DELETE",
    ] {
        assert_eq!(world.run(&format!("{line} --json")).expect(3).error_code(), "read-only");
    }
    assert_eq!(sandbox.requests(), before);
    world.run("api table/incident?sysparm_limit=1").expect(0);
    world.run("token acme").expect(2).says(&["acme is read-only to snow api"]);
    world.run("edit acme --set read_only=perhaps").expect(2);
    world.run("edit acme --unset read_only").expect(0);
    assert!(!world.config().contains("read_only"), "{}", world.config());
    world.run("api POST table/incident -f short_description=x").expect(0);
    let broken = world.config().replace("auth = ", "read_only = \"no\"\nauth = ");
    world.write_config(broken);
    assert_eq!(world.run("api table/incident --json").expect(3).error_code(), "config-invalid");
}

#[test]
fn a_directory_chooses_no_connection_for_a_write() {
    let (sandbox, mut world) = sandbox_world();
    world.run("use acme --here").expect(0);
    let before = sandbox.requests();
    world
        .run("api POST table/incident -f a=b")
        .expect(2)
        .says(&["must be named on the command line", "--connection acme"]);
    assert_eq!(sandbox.requests(), before);
    world.run("api table/incident?sysparm_limit=1").expect(0);
    world.run("api POST table/incident -f short_description=x -c acme").expect(0);
}

#[test]
fn nothing_that_writes_is_sent_twice() {
    // Every connection is closed without an answer.
    let server = Wire::plays(|_, _| {});
    for (line, requests) in
        [("api POST table/x -f a=b", 1), ("api DELETE table/x/1", 1), ("api PATCH table/x/1 -f a=b", 1)]
    {
        let before = server.requests();
        run_against(&server.origin(), line).expect(6);
        assert_eq!(server.requests() - before, requests, "{line}");
    }
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = oauth::connected(&sandbox);
    sandbox.expire_access_tokens();
    let before = sandbox.requests();
    world
        .run("api POST table/incident -f short_description=x")
        .expect(4)
        .says(&["session was renewed", "run the command again"]);
    // The request, and the renewal.
    assert_eq!(sandbox.requests() - before, 2);
    world.run("api POST table/incident -f short_description=x").expect(0);
    assert_eq!(sandbox.requests() - before, 3);
    sandbox.expire_access_tokens();
    world.run("api table/incident?sysparm_limit=1").expect(0);
}

#[test]
fn a_body_of_any_size_is_sent_as_it_is_read() {
    // Gives back how many bytes came, and how they were announced.
    let server = Wire::plays(|stream, head| {
        let length = header(head, "content-length").map(str::to_owned);
        let mut read = 0;
        let mut buffer = [0; 65536];
        let whole = length.as_deref().map(|length| length.parse::<usize>().unwrap());
        let mut end: Vec<u8> = Vec::new();
        while whole.is_none_or(|whole| read < whole) && !end.ends_with(b"0\r\n\r\n") {
            let count = stream.read(&mut buffer).unwrap();
            assert!(count > 0);
            end.extend_from_slice(&buffer[..count]);
            end.drain(..end.len().saturating_sub(5));
            read += buffer[..count].iter().filter(|&&byte| byte == b'x').count();
        }
        let said = format!(r#"{{"result":{{"read":{read},"length":{}}}}}"#, length.unwrap_or("null".to_owned()));
        stream.write_all(http(200, "", &said).as_bytes()).unwrap();
    });
    let size = 5 * 1024 * 1024;
    let mut world = World::new();
    world.set("SNOW_INSTANCE", &server.origin()).set("SNOW_USERNAME", "beth").set("SNOW_PASSWORD", PASSWORD);
    let file = world.home().join("large");
    std::fs::write(&file, "x".repeat(size)).unwrap();
    let path = file.display().to_string();
    let line = ["api", "attachment/file?file_name=x", "-H", "Content-Type: text/plain", "--input"];
    let sent = world.run_words(&[&line[..], &[&path]].concat()).expect(0).json();
    assert_eq!(sent["result"], json!({"read": size, "length": size}));
    world.stdin("x".repeat(size));
    let sent = world.run_words(&[&line[..], &["-"]].concat()).expect(0).json();
    assert_eq!(sent["result"], json!({"read": size, "length": null}));
    world.stdin("x".repeat(100));
    let sent = world.run_words(&[&line[..], &["-"]].concat()).expect(0).json();
    assert_eq!(sent["result"], json!({"read": 100, "length": 100}));
}

/// The program, for a server of the test.
fn program(home: &std::path::Path, origin: &str, words: &[&str]) -> std::process::Command {
    let mut command = snow(home);
    command.env("SNOW_INSTANCE", origin).env("SNOW_USERNAME", "beth").env("SNOW_PASSWORD", PASSWORD).args(words);
    command
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_a_failure_and_a_closed_pipe_is_none() {
    let row = format!(r#"{{"a":"{}"}}"#, "x".repeat(1000));
    let body = format!(r#"{{"result":[{}]}}"#, vec![row; 5000].join(","));
    let server = Wire::answers(http(200, "", &body));
    let home = tempfile::tempdir().unwrap();
    for words in [&["api", "table/x"][..], &["api", "table/x", "--paginate"]] {
        let mut command = program(home.path(), &server.origin(), words);
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = command.stdout(full).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("output-unwritable"), "{output:?}");
        let mut command = program(home.path(), &server.origin(), words);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut [0; 10]).unwrap();
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{output:?}");
    }
    finish(program(home.path(), &server.origin(), &["api", "table/x", "--input", "/dev/null"]), b"").expect(0);
}
