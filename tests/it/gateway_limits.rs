//! `snow proxy` among programs and instances that are slow, many, broken or hostile.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use serde_json::json;
use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::world::gateway::{Gateway, refusal, rest};
#[cfg(target_os = "linux")]
use crate::world::keyring::Session;
#[cfg(target_os = "linux")]
use crate::world::session::{self, Scripted, put_into_keyring};
use crate::world::wire::{Wire, header, http};

const TARGET: &str = "/api/now/table/incident";

fn good() -> Wire {
    Wire::answers(http(200, "Content-Type: application/json\r\n", "{\"result\":[]}"))
}

/// An instance that says in its answer what body it got.
fn echo() -> Wire {
    Wire::plays(|stream, head| {
        let mut body = Vec::new();
        if let Some(length) = header(head, "content-length") {
            body.resize(length.parse().unwrap(), 0);
            let _ = stream.read_exact(&mut body);
        } else if header(head, "transfer-encoding").is_some() {
            let mut byte = [0];
            while !body.ends_with(b"0\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
                body.push(byte[0]);
            }
        }
        let _ = stream.write_all(http(200, "", &String::from_utf8_lossy(&body)).as_bytes());
    })
}

#[test]
fn a_request_whose_end_is_in_doubt_brings_no_second_one_to_the_instance() {
    let wire = echo();
    let gateway = Gateway::with_token(&wire.origin(), &["--write"]);
    let hidden = "GET /api/hidden HTTP/1.1\r\nHost: x\r\n\r\n";
    let post =
        |lines: &str, body: &str| gateway.raw(format!("{}\r\n{body}", gateway.head(&format!("POST {TARGET}"), lines)));
    for (lines, body) in [
        ("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd".to_owned()),
        ("Content-Length: 3, 4\r\n", "abcd".to_owned()),
        ("Content-Length: +3\r\n", "abc".to_owned()),
        ("Content-Length: -1\r\n", "abc".to_owned()),
        ("Content-Length: 0x3\r\n", "abc".to_owned()),
        ("Transfer-Encoding: chunked, identity\r\n", format!("0\r\n\r\n{hidden}")),
        ("Transfer-Encoding: xchunked\r\n", format!("0\r\n\r\n{hidden}")),
        ("Content-Length: 3\r\n folded\r\n", "abc".to_owned()),
        ("Content-Length : 3\r\n", "abc".to_owned()),
        ("X: a\0b\r\nContent-Length: 3\r\n", "abc".to_owned()),
    ] {
        let reply = post(lines, &body);
        assert!(reply.starts_with("HTTP/1.1 400 "), "{lines:?} {reply:?}");
        assert_eq!(reply.matches("HTTP/1.").count(), 1, "{lines:?}");
    }
    assert_eq!(wire.requests(), 0);
    for body in [
        "5\r\nab\r\n0\r\n\r\n",
        "zz\r\nab\r\n0\r\n\r\n",
        "-1\r\n\r\n",
        "fffffffffffffffff\r\nab",
        "2\r\nabcd\r\n0\r\n\r\n",
    ] {
        let reply = post("Transfer-Encoding: chunked\r\nConnection: close\r\n", body);
        assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 400 "), "{body:?} {reply:?}");
    }
    // Both are there: the chunks count, and nothing that follows is a request.
    let both = "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n";
    let reply = post(both, &format!("2\r\nok\r\n0\r\n\r\n{hidden}"));
    assert_eq!(reply.matches("HTTP/1.1 ").count(), 1, "{reply:?}");
    assert!(wire.heads().iter().all(|head| !head.contains("hidden")), "{:?}", wire.heads());
    let last = wire.heads().into_iter().next_back().unwrap();
    assert!(header(&last, "content-length").is_none() || header(&last, "transfer-encoding").is_none(), "{last}");
}

#[test]
fn bodies_go_both_ways_as_they_are() {
    let wire = echo();
    let gateway = Gateway::with_token(&wire.origin(), &["--write"]);
    let long = "0123456789abcdef".repeat(40_000);
    let reply = gateway.ask("POST", TARGET).body(long.clone()).send().expect(200);
    assert!(reply.body == long, "{} {}", reply.body.len(), wire.heads()[0]);
    let head = wire.heads()[0].clone();
    assert_eq!(header(&head, "content-length"), Some(&*long.len().to_string()));
    assert_eq!(header(&head, "content-type"), None);
    let lines = "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let reply = gateway.raw(gateway.head(&format!("PUT {TARGET}"), lines));
    assert!(reply.ends_with("2\r\nok\r\n0\r\n\r\n"), "{reply}");
    let lines = "Expect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n";
    let mut stream = gateway.connect_and_say(&gateway.head(&format!("POST {TARGET}"), lines));
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"ok").unwrap();
    assert!(rest(stream).ends_with("\r\n\r\nok"));
    assert_eq!(header(wire.heads().last().unwrap(), "expect"), None);
}

#[test]
fn an_instance_that_dies_in_the_middle_leaves_a_cut_answer() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"result\":[",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n{\"result\":[\r\n",
    ] {
        let wire = Wire::answers(answer);
        let gateway = Gateway::with_token(&wire.origin(), &[]);
        let reply = gateway.raw(gateway.head(&format!("GET {TARGET}"), "\r\n"));
        assert!(reply.starts_with("HTTP/1.1 200 ") && reply.contains("{\"result\":["), "{reply}");
        assert!(!reply.ends_with("0\r\n\r\n"), "it looks whole: {reply}");
        let is_short = reply.split_once("\r\n\r\n").unwrap().1.len() < 100;
        assert!(is_short && header(&reply, "content-length").is_none_or(|length| length == "100"), "{reply}");
        gateway.logs("broke off: ");
        // By HTTP/1.0, the end of the connection is the end of the body.
        let (host, password) = (gateway.host(), gateway.password());
        let request = format!("GET {TARGET} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Bearer {password}\r\n\r\n");
        let mut stream = gateway.connect_and_say(&request);
        let mut body = Vec::new();
        let ended = stream.read_to_end(&mut body);
        let text = String::from_utf8_lossy(&body).into_owned();
        assert!(ended.is_err() || header(&text, "content-length") == Some("100"), "it looks whole: {text}");
    }
}

#[test]
fn a_program_that_is_slow_keeps_no_other_waiting() {
    let wire = Wire::plays(|stream, head| {
        if !head.contains("/api/large") {
            let _ = stream.write_all(http(200, "", "{}").as_bytes());
            return;
        }
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 30000000\r\n\r\n");
        let piece = vec![b'x'; 100_000];
        for _ in 0..300 {
            if stream.write_all(&piece).is_err() {
                return;
            }
        }
    });
    let gateway = Gateway::with_token(&wire.origin(), &["--write"]);
    let readers: Vec<TcpStream> = (0..40)
        .map(|_| {
            let mut reader = gateway.connect_and_say(&gateway.head("GET /api/large", "Connection: close\r\n\r\n"));
            reader.read_exact(&mut [0; 16]).unwrap();
            reader
        })
        .collect();
    let writers: Vec<TcpStream> = (0..40)
        .map(|_| gateway.connect_and_say(&gateway.head(&format!("POST {TARGET}"), "Content-Length: 9\r\n\r\nab")))
        .collect();
    let heads: Vec<TcpStream> = (0..40).map(|_| gateway.connect_and_say("GET /api/x HTTP/1.1\r\nHo")).collect();
    gateway.ask("GET", TARGET).send().expect(200);
    // What waits is not read ahead.
    #[cfg(target_os = "linux")]
    {
        let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.process.0.id())).unwrap();
        let kib = |name: &str| {
            status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse::<u64>().ok())
        };
        assert!(kib("VmRSS:").unwrap() < 150_000, "{status}");
    }
    let mut slow = readers.into_iter().next().unwrap();
    let mut buffer = vec![0; 1_000_000];
    let mut length = 16;
    while let Ok(read) = slow.read(&mut buffer) {
        if read == 0 {
            break;
        }
        length += read;
    }
    assert!(length > 30_000_000, "{length}");
    drop((writers, heads));
}

/// It takes a minute, so `tests/run --long` runs it.
#[test]
#[ignore = "it takes a minute"]
fn a_program_that_says_or_reads_nothing_for_a_minute_is_let_go() {
    let wire = Wire::plays(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 30000000\r\n\r\n");
        let piece = vec![b'x'; 100_000];
        while stream.write_all(&piece).is_ok() {}
    });
    let gateway = Gateway::with_token(&wire.origin(), &["--timeout", "5m"]);
    let begun = std::time::Instant::now();
    let mut silent = gateway.connect_and_say("GET /api/x HTTP/1.1\r\nHo");
    let mut reader = gateway.connect_and_say(&gateway.head("GET /api/large", "Connection: close\r\n\r\n"));
    reader.read_exact(&mut [0; 16]).unwrap();
    silent.set_read_timeout(Some(Duration::from_secs(90))).unwrap();
    let mut said = Vec::new();
    let _ = silent.read_to_end(&mut said);
    let waited = begun.elapsed();
    assert!((Duration::from_secs(55)..Duration::from_secs(85)).contains(&waited), "{waited:?}");
    assert!(!String::from_utf8_lossy(&said).contains("200 OK"));
    // What is on its way still comes, and less than all of it.
    std::thread::sleep(Duration::from_secs(10));
    let (mut buffer, mut length) = (vec![0; 1_000_000], 16);
    while let Ok(read @ 1..) = reader.read(&mut buffer) {
        length += read;
    }
    assert!(length < 30_000_000, "{length}");
}

#[test]
fn a_body_that_stops_coming_is_the_fault_of_the_program() {
    let gateway = Gateway::with_token(&echo().origin(), &["--write", "--timeout", "1s"]);
    let reply = gateway.raw(gateway.head(&format!("POST {TARGET}"), "Content-Length: 9\r\n\r\nab"));
    assert_eq!(refusal(&reply), (408, "usage".to_owned()));
}

#[test]
fn a_thousand_connections_are_served() {
    let wire = good();
    let gateway = Gateway::with_token(&wire.origin(), &[]);
    let request = gateway.head(&format!("GET {TARGET}"), "\r\n");
    let mut streams: Vec<TcpStream> = (0..1000).map(|_| gateway.connect_and_say(&request)).collect();
    for stream in &mut streams {
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
    }
    gateway.ask("GET", TARGET).send().expect(200);
    assert_eq!(wire.requests(), 1001);
}

#[test]
fn a_connection_is_kept_for_one_request_after_the_other() {
    let wire = good();
    let gateway = Gateway::with_token(&wire.origin(), &[]);
    let request = gateway.head(&format!("GET {TARGET}"), "\r\n");
    let refused = format!("GET {TARGET} HTTP/1.1\r\nHost: {}\r\n\r\n", gateway.host());
    let last = gateway.head(&format!("GET {TARGET}"), "Connection: close\r\n\r\n");
    let reply = gateway.raw(format!("{request}{refused}{request}{last}"));
    let statuses: Vec<&str> = reply.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["200", "401", "200", "200"]);
}

#[test]
fn a_program_that_goes_away_ends_its_request() {
    let gone = Arc::new(Barrier::new(2));
    let seen = gone.clone();
    let wire = Wire::plays(move |stream, _| {
        // The gateway closes its side, too.
        if matches!(stream.read(&mut [0]), Ok(0) | Err(_)) {
            seen.wait();
        }
    });
    let gateway = Gateway::with_token(&wire.origin(), &[]);
    let stream = gateway.connect_and_say(&gateway.head(&format!("GET {TARGET}"), "\r\n"));
    while wire.requests() == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    stream.shutdown(Shutdown::Both).unwrap();
    drop(stream);
    gone.wait();
}

#[test]
fn many_programs_that_come_before_a_sign_in_cause_one() {
    let sandbox = Sandbox::open(SandboxOptions::default()).unwrap();
    let gateway = Gateway::with_client(&sandbox.origin(), &[]);
    all_at_once(&gateway, 50);
    assert_eq!(sandbox.token_requests().client_credentials, 1);
    // The instance ends the token before its time.
    sandbox.expire_access_tokens();
    all_at_once(&gateway, 50);
    assert_eq!(sandbox.token_requests().client_credentials, 2);
}

/// So many programs ask at the same time, and each is answered.
fn all_at_once(gateway: &Gateway, count: usize) {
    let barrier = Barrier::new(count);
    std::thread::scope(|scope| {
        for _ in 0..count {
            scope.spawn(|| {
                let ask = gateway.ask("GET", &format!("{TARGET}?sysparm_limit=1"));
                barrier.wait();
                ask.send().expect(200);
            });
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn many_programs_at_the_end_of_a_session_cause_one_refresh() {
    let sandbox = Sandbox::open(SandboxOptions { rotate: true, ..SandboxOptions::default() }).unwrap();
    let home = Session::new();
    let record = session::record(&sandbox.origin(), -1, session::signed_in(&sandbox));
    put_into_keyring(&home, &sandbox.origin(), &record);
    sandbox.expire_access_tokens();
    let gateway = Gateway::start(home.command(&[]), &["acme", "--write"]);
    all_at_once(&gateway, 50);
    assert_eq!(sandbox.token_requests().refresh_token, 1);
    sandbox.expire_access_tokens();
    // A write is not sent twice: it is refused once, and the program sends it again.
    let ask = || gateway.ask("POST", TARGET).json(&json!({ "short_description": "Once" }));
    let reply = ask().send().expect(503);
    assert_eq!((reply.header("Retry-After"), reply.json()["error"]["by"].as_str()), (Some("1"), Some("snow")));
    ask().send().expect(201);
    assert_eq!(sandbox.token_requests().refresh_token, 2);
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_that_goes_away_during_a_refresh_does_not_lose_the_session() {
    let instance = Scripted::plays(|request, _| {
        if request.path == "/oauth_token.do" {
            std::thread::sleep(Duration::from_millis(800));
        }
        None
    });
    let home = Session::new();
    let record = session::record(&instance.origin(), -1, json!({}));
    put_into_keyring(&home, &instance.origin(), &record);
    let gateway = Gateway::start(home.command(&[]), &["acme"]);
    let stream = gateway.connect_and_say(&gateway.head(&format!("GET {TARGET}"), "\r\n"));
    while instance.token_requests() == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(stream);
    gateway.ask("GET", TARGET).send().expect(200);
    assert_eq!(instance.token_requests(), 1);
    assert_eq!(session::in_keyring(&home)["access_token"], "new-access-0");
}

#[test]
fn an_answer_that_began_goes_on_when_its_token_ends() {
    let (issued, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(2)));
    let (counted, go_on) = (issued.clone(), ended.clone());
    let wire = Wire::plays(move |stream, head| {
        let answer = if head.contains("/oauth_token.do") {
            let token = format!("t{}", counted.fetch_add(1, Ordering::SeqCst));
            let body =
                json!({ "access_token": token, "token_type": "Bearer", "expires_in": 1800, "scope": "useraccount" });
            http(200, "Content-Type: application/json\r\n", &body.to_string())
        } else if head.contains("/api/long") {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegun");
            go_on.wait();
            "-done".to_owned()
        } else if header(head, "authorization") == Some("Bearer t0") {
            let body = json!({ "error": { "message": "User Not Authenticated" }, "status": "failure" });
            http(401, "Content-Type: application/json\r\n", &body.to_string())
        } else {
            http(200, "", "{}")
        };
        let _ = stream.write_all(answer.as_bytes());
    });
    let gateway = Gateway::with_client(&wire.origin(), &[]);
    let mut long = gateway.connect_and_say(&gateway.head("GET /api/long", "Connection: close\r\n\r\n"));
    long.read_exact(&mut [0; 16]).unwrap();
    gateway.ask("GET", TARGET).send().expect(200);
    assert_eq!(issued.load(Ordering::SeqCst), 2);
    ended.wait();
    assert!(rest(long).ends_with("begun-done"));
}

#[test]
fn a_body_that_never_ends_is_not_waited_for_at_the_end() {
    let wire = Wire::plays(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx");
        std::thread::sleep(Duration::from_secs(15));
    });
    let mut gateway = Gateway::with_token(&wire.origin(), &[]);
    let mut stream = gateway.connect_and_say(&gateway.head(&format!("GET {TARGET}"), "\r\n"));
    stream.read_exact(&mut [0; 16]).unwrap();
    assert_eq!(gateway.stop("-TERM"), Some(0));
    assert!(!rest(stream).contains("xx"));
}
