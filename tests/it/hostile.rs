//! Servers that try to break the reader: JSON without end, odd HTTP, idle
//! connections that close. Rows G5, G10 and G11 of the faults; sizes and times
//! are in `wire`.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::world::World;
use crate::world::wire::{Wire, first_error, http, run_against};

/// What a test of this server says: exit code and code, within its time.
#[track_caller]
fn judged(server: &Wire) -> (i32, String) {
    let started = Instant::now();
    let outcome = run_against(&server.origin(), "test --json --timeout 5s");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert!(!outcome.stderr.contains("defect"), "{}", outcome.stderr);
    let code = match outcome.code {
        0 => String::new(),
        _ => first_error(&outcome)["code"].as_str().unwrap_or("").to_owned(),
    };
    (outcome.code, code)
}

// G5
#[test]
fn json_that_no_reader_should_take_is_an_answer_that_makes_no_sense() {
    let nested = format!("{{\"result\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let keys: Vec<String> = (0..40_000).map(|number| format!("\"key{number}\":{number}")).collect();
    for body in [
        nested,
        format!("{{\"result\":[{{{}}}", keys.join(",")),
        "{\"result\":\"\\ud800\"}".to_owned(),
        "{\"result\":NaN}".to_owned(),
        "{\"result\":[{\"sys_id\":\"a\0b\"}]}".to_owned(),
    ] {
        let server = Wire::answers(http(200, "Server: ServiceNow\r\nContent-Type: application/json\r\n", &body));
        let (exit_code, code) = judged(&server);
        let is_told = matches!(code.as_str(), "unexpected-answer" | "truncated-answer" | "answer-too-large");
        assert!(is_told && matches!(exit_code, 7 | 10), "{exit_code} {code}: {:.60}", body);
    }
}

// G10
#[test]
fn odd_http_is_an_error_or_read_as_meant_and_never_a_hang() {
    let rows = http(200, "Server: ServiceNow\r\n", "{\"result\":[{\"sys_id\":\"1\"}]}");
    let flood = "HTTP/1.1 102 Processing\r\n\r\n".repeat(1000);
    for (bytes, allowed) in [
        // One that is fit for its purpose; the user cannot be read from rows.
        (format!("HTTP/1.1 100 Continue\r\n\r\n{rows}"), &[""][..]),
        (format!("{flood}{rows}"), &["", "unexpected-answer", "answer-too-large", "timeout"][..]),
        (flood, &["connection-lost", "unexpected-answer", "timeout", "answer-too-large"][..]),
        ("<html>HTTP/0.9</html>".to_owned(), &["unexpected-answer", "connection-lost"][..]),
        ("HTTP/1.1 999999 X\r\n\r\n".to_owned(), &["unexpected-answer"][..]),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\n{\"a\":1}".to_owned(),
            &["unexpected-answer", "not-servicenow"][..],
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n2\r\n{}\r\n0\r\nX: y\r\n\r\n"
                .to_owned(),
            &["unexpected-answer", "not-servicenow"][..],
        ),
        ("HTTP/1.1 200 OK\r\nX:\u{1}y\r\n\r\n".to_owned(), &["unexpected-answer", "not-servicenow"][..]),
        ("HTTP/1.1 200 OK\r\n".to_owned(), &["connection-lost", "unexpected-answer"][..]),
    ] {
        let (exit_code, code) = judged(&Wire::answers(bytes.clone()));
        assert!(allowed.contains(&code.as_str()), "{exit_code} {code}: {:.80}", bytes);
    }
}

// G11
#[test]
fn a_kept_connection_that_the_server_closes_costs_nothing() {
    // It promises to keep the connection, and closes it after each answer.
    let server = Wire::plays(|stream, head| {
        let body = if head.contains("current_user") {
            "{\"result\":{\"user_name\":\"beth\"}}"
        } else {
            "{\"result\":[{\"sys_id\":\"1\"}]}"
        };
        let answer = http(200, "Server: ServiceNow\r\n", body).replace("Connection: close", "Connection: keep-alive");
        let _ = stream.write_all(answer.as_bytes());
        let _ = stream.set_read_timeout(Some(Duration::from_millis(1)));
        let _ = stream.read(&mut [0; 1]);
    });
    let mut world = World::new();
    world.set("SNOW_INSTANCE", &server.origin()).set("SNOW_USERNAME", "beth").set("SNOW_PASSWORD", "hostile-password");
    for _ in 0..5 {
        world.run("test --table a,b,c,d --timeout 5s").expect(0);
    }
}
