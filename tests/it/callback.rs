//! The listener that waits for the browser: what it takes, what it passes over,
//! and what it withstands. The rows of a threat table stand before the tests.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use snow_connect::sandbox::Sandbox;
use snow_connect::sandbox::scenario::Scenario;

use crate::oauth::{connect_line, connected, free_port, sandbox, signs_in};
use crate::world::browser::{get, parameter, post, sign_in};
use crate::world::keyring::Session;
use crate::world::process::program;
use crate::world::waiting::{Recorder, Running, TIMEOUT, Waiting, meanwhile};
use crate::world::wire::{Wire, http};
use crate::world::{Answer, Shown, World};

/// The addresses that listen on a port, as the kernel writes them.
#[cfg(target_os = "linux")]
fn listening_on(port: u16) -> Vec<String> {
    let mut found = Vec::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        for row in std::fs::read_to_string(table).unwrap_or_default().lines().skip(1) {
            let fields: Vec<&str> = row.split_whitespace().collect();
            let (address, its_port) = fields[1].split_once(':').expect("an address has a port");
            if fields[3] == "0A" && u16::from_str_radix(its_port, 16) == Ok(port) {
                found.push(address.to_owned());
            }
        }
    }
    found
}

/// A line that connects by a redirect URI that nobody can sign in with here.
fn line_for(sandbox: &Sandbox, redirect_uri: &str) -> String {
    format!("connect {} --name acme --client-id sandbox-public --redirect-uri {redirect_uri}", sandbox.origin())
}

// N2, N4, C1
#[cfg(target_os = "linux")]
#[test]
fn only_loopback_listens_for_the_redirect_uri_and_only_while_it_waits() {
    let sandbox = sandbox();
    let port = free_port();
    for (host, addresses) in [
        ("127.0.0.1", &["0100007F"][..]),
        ("127.0.0.7", &["0700007F"]),
        ("localhost", &["0100007F", "00000000000000000000000001000000"]),
        ("[::1]", &["00000000000000000000000001000000"]),
    ] {
        let uri = format!("http://{host}:{port}/callback");
        assert_eq!(listening_on(port), [] as [&str; 0], "{host}");
        let (outcome, found) = meanwhile(&mut World::new(), &line_for(&sandbox, &uri), move |waiting| {
            let found = listening_on(port);
            let denied = waiting.with_query("error=access_denied&state=STATE");
            let target = denied.split_once(&format!(":{port}")).unwrap().1;
            // By an address that needs no look-up.
            let address = host.trim_matches(['[', ']']).replace("localhost", "::1");
            let mut stream = TcpStream::connect((address.as_str(), port)).unwrap();
            write!(stream, "GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n").unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
            found
        });
        assert_eq!(found, addresses, "{host}");
        assert_eq!(listening_on(port), [] as [&str; 0], "{host}");
        outcome.expect(4);
    }
}

// C2, C3, C5, C6, C7
#[test]
fn whatever_is_not_the_answer_changes_nothing_and_the_answer_still_counts() {
    let strays = [
        (404, "GET /favicon.ico HTTP/1.1\r\nHost: HOST\r\n\r\n"),
        (404, "GET / HTTP/1.1\r\nHost: HOST\r\n\r\n"),
        (404, "GET /callback/?code=abc&state=STATE HTTP/1.1\r\nHost: HOST\r\n\r\n"),
        (404, "GET /CALLBACK?code=abc&state=STATE HTTP/1.1\r\nHost: HOST\r\n\r\n"),
        (404, "GET http://HOST/callback?code=abc&state=STATE HTTP/1.1\r\nHost: HOST\r\n\r\n"),
        (
            404,
            "GET /favicon.ico HTTP/1.1\r\nHost: HOST\r\n\r\nGET /callback?code=abc&state=STATE HTTP/1.1\r\nHost: HOST\r\n\r\n",
        ),
        (405, "HEAD /callback?code=abc&state=STATE HTTP/1.1\r\nHost: HOST\r\n\r\n"),
        (
            405,
            "OPTIONS /callback?code=abc&state=STATE HTTP/1.1\r\nHost: HOST\r\nOrigin: https://evil.example\r\n\
               Access-Control-Request-Method: GET\r\nAccess-Control-Request-Private-Network: true\r\n\r\n",
        ),
        (405, "POST /callback HTTP/1.1\r\nHost: HOST\r\nContent-Length: 26\r\n\r\ncode=abc&state=STATE"),
        (405, "PUT /callback?code=abc&state=STATE HTTP/1.1\r\nHost: HOST\r\n\r\n"),
        (405, "CONNECT evil.example:443 HTTP/1.1\r\nHost: HOST\r\n\r\n"),
        (403, "GET /callback?code=abc&state=STATE HTTP/1.0\r\n\r\n"),
        (404, "GET / HTTP/1.0\r\nHost: HOST\r\n\r\n"),
        (403, "GET /callback?code=abc&state=STATE HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
        (403, "GET /callback?code=abc&state=STATE HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        (403, "GET /callback?code=abc&state=STATE HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
        (403, "GET /callback?code=abc&state=STATE HTTP/1.1\r\nHost: HOST\r\nHost: HOST\r\n\r\n"),
        (403, "GET /callback?code=abc&state=STATE HTTP/1.1\r\nHost: HOST.evil.example\r\n\r\n"),
        (
            403,
            "GET /callback?code=abc&state=STATE HTTP/1.1\r\nHost: HOST\r\nOrigin: https://evil.example\r\n\
               Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: cors\r\n\r\n",
        ),
        (
            403,
            "GET /callback?code=abc&state=STATE HTTP/1.1\r\nHost: HOST\r\nSec-Fetch-Site: cross-site\r\n\
               Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: image\r\n\r\n",
        ),
        (
            403,
            "GET /callback?code=abc&state=STATE HTTP/1.1\r\nHost: HOST\r\nSec-Fetch-Site: cross-site\r\n\
               Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n\r\n",
        ),
        (400, "GET /callback HTTP/1.1\r\nHost: HOST\r\n\r\n"),
        (400, "GET /callback?code=abc HTTP/1.1\r\nHost: HOST\r\n\r\n"),
        (400, "GET /callback?code=abc&state= HTTP/1.1\r\nHost: HOST\r\n\r\n"),
        (400, "GET /callback?code=abc&state=xSTATE HTTP/1.1\r\nHost: HOST\r\n\r\n"),
        (400, "GET /callback?state=STATE HTTP/1.1\r\nHost: HOST\r\n\r\n"),
        (400, "GET /callback?error=access_denied HTTP/1.1\r\nHost: HOST\r\n\r\n"),
        (400, "GET /callback?error=access_denied&state=00 HTTP/1.1\r\nHost: HOST\r\n\r\n"),
        (
            400,
            "GET /callback?error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E HTTP/1.1\r\nHost: HOST\r\n\r\n",
        ),
        (400, "GET /callback?code=a&code=b&state=STATE HTTP/1.1\r\nHost: HOST\r\n\r\n"),
        (400, "GET /callback?code=a&state=STATE&state=STATE HTTP/1.1\r\nHost: HOST\r\n\r\n"),
        (400, "GET /callback?code=a&state=STATE&state=00 HTTP/1.1\r\nHost: HOST\r\n\r\n"),
        (400, "GET /callback?code=a&error=b&state=STATE HTTP/1.1\r\nHost: HOST\r\n\r\n"),
        (
            400,
            "GET /callback?code=a&state=STATE&iss=https://a.example&iss=https://b.example HTTP/1.1\r\nHost: HOST\r\n\r\n",
        ),
        (0, "\r\n"),
        (0, "nonsense\r\n\r\n"),
        (0, "GET /callback?code=abc&state=STATE\r\n\r\n"),
        (0, "GET /callback?code=abc&state=STATE HTTP/2.0\r\nHost: HOST\r\n\r\n"),
        (0, "\x16\x03\x01\x02\x00\x01\x00\x01\x7c\x03\x03 a ClientHello"),
        (0, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ];
    let sandbox = sandbox();
    let mut world = World::new();
    let (outcome, landed) = meanwhile(&mut world, &connect_line(&sandbox), move |waiting| {
        for (status, bytes) in strays {
            // Garbage without an end is not waited for.
            let answer = match status {
                0 => {
                    let mut stream = waiting.connect();
                    stream.write_all(bytes.replace("STATE", &waiting.state()).as_bytes()).unwrap();
                    let _ = stream.shutdown(std::net::Shutdown::Write);
                    let mut answer = String::new();
                    let _ = stream.read_to_string(&mut answer);
                    answer
                }
                _ => waiting.say(bytes),
            };
            let found = answer.split(' ').nth(1).map_or(0, |status| status.parse().unwrap());
            assert_eq!(found, status, "{bytes}: {answer}");
            assert!(!answer.contains("<script") && !answer.contains(&waiting.state()), "{answer}");
            assert!(!answer.to_ascii_lowercase().contains("access-control"), "{answer}");
            assert!(!answer.contains("Signed in"), "{answer}");
        }
        waiting.person_returns()
    });
    outcome.expect(0);
    assert_eq!(landed.status, 200);
    assert_eq!(sandbox.token_requests().total(), 1);
}

// C2
#[test]
fn fifty_wrong_states_do_not_keep_the_right_one_out() {
    let sandbox = sandbox();
    let (outcome, landed) = meanwhile(&mut World::new(), &connect_line(&sandbox), |waiting| {
        for guess in 0..50 {
            let answer = get(&waiting.with_query(&format!("code=abc&state={guess:064x}")));
            assert_eq!(answer.status, 400);
        }
        waiting.person_returns()
    });
    outcome.expect(0);
    assert!(landed.body.contains("Signed in"));
    assert_eq!(sandbox.token_requests().total(), 1);
}

// C6: browsers open connections ahead, and may never say a word on them.
#[test]
fn connections_that_say_nothing_or_half_a_word_hold_nothing_up() {
    let sandbox = sandbox();
    let started = Instant::now();
    let (outcome, _) = meanwhile(&mut World::new(), &connect_line(&sandbox), |waiting| {
        let silent: Vec<TcpStream> = (0..5).map(|_| waiting.connect()).collect();
        let mut half = waiting.connect();
        half.write_all(b"GET /callb").unwrap();
        drop(waiting.connect());
        let landed = waiting.person_returns();
        drop((silent, half));
        landed
    });
    outcome.expect(0);
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

// C4
#[test]
fn of_many_good_callbacks_at_once_one_is_redeemed() {
    let sandbox = sandbox();
    sandbox.set_scenario(Some(Scenario::SlowToken));
    let (outcome, (landed, late)) = meanwhile(&mut World::new(), &connect_line(&sandbox), |waiting| {
        let address = waiting.granted();
        let target = address.split_once("/callback").unwrap().1;
        let bytes = format!("GET /callback{target} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n");
        let all: Vec<_> = (0..20)
            .map(|_| {
                let (waiting, bytes) = (waiting.clone(), bytes.clone());
                std::thread::spawn(move || {
                    let host = format!("127.0.0.1:{}", waiting.port());
                    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", waiting.port())) else {
                        return String::new();
                    };
                    let _ = stream.write_all(bytes.replace("HOST", &host).as_bytes());
                    let mut answer = String::new();
                    let _ = stream.read_to_string(&mut answer);
                    answer
                })
            })
            .collect();
        let answers: Vec<String> = all.into_iter().map(|one| one.join().unwrap()).collect();
        // And one more, while the token is on its way or after it.
        let refused = TcpStream::connect(("127.0.0.1", waiting.port())).is_err();
        assert!(refused, "the port is free as soon as the answer is there");
        answers.into_iter().partition::<Vec<_>, _>(|answer| answer.contains("Signed in"))
    });
    outcome.expect(0);
    assert_eq!(landed.len(), 1, "{landed:?}");
    for answer in late {
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 410 "), "{answer}");
    }
    assert_eq!(sandbox.token_requests().authorization_code, 1);
}

/// A browser sends the cookies of every program on this host, whatever their ports.
#[test]
fn the_cookies_of_all_of_localhost_do_not_keep_a_sign_in_from_coming_back() {
    let sandbox = sandbox();
    let head = |waiting: &Waiting, kib: usize| {
        let target = waiting.granted();
        let target = target.split_once(&format!(":{}", waiting.port())).unwrap().1.to_owned();
        let cookies: Vec<_> = (0..kib).map(|number| format!("app{number}={}", "x".repeat(1014))).collect();
        format!("GET {target} HTTP/1.1\r\nHost: HOST\r\nCookie: {}\r\n\r\n", cookies.join("; "))
    };
    for kib in [4, 24, 60] {
        let (outcome, answer) =
            meanwhile(&mut World::new(), &connect_line(&sandbox), move |waiting| waiting.say(&head(waiting, kib)));
        outcome.expect(0);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{kib} KiB: {answer}");
    }
    // More than that is said in both places, and the sign-in is still waited for.
    let (outcome, answer) = meanwhile(&mut World::new(), &connect_line(&sandbox), move |waiting| {
        let answer = waiting.say(&head(waiting, 80));
        waiting.person_returns();
        answer
    });
    assert!(answer.starts_with("HTTP/1.1 431 ") && answer.contains("cookies of localhost"), "{answer}");
    outcome.expect(0).says(&["64 KiB of cookies", "private window"]);
}

// C8
#[cfg(target_os = "linux")]
#[test]
fn ten_thousand_connections_and_endless_heads_neither_stop_a_sign_in_nor_fill_the_memory() {
    let session = Session::new();
    let sandbox = sandbox();
    let mut command = std::process::Command::new("sh");
    session.environment(&mut command);
    command.env("SNOW_BROWSER", "true").current_dir(session.home());
    // Few descriptors, so that none may be wasted.
    command.args(["-c", "ulimit -n 256; exec \"$0\" \"$@\""]).arg(program());
    command.args(connect_line(&sandbox).split(' ')).args(["--login-timeout", "2m"]);
    let running = Running::start(command);
    let waiting = running.waiting();

    let one_gigabyte = {
        let waiting = waiting.clone();
        std::thread::spawn(move || {
            let mut stream = waiting.connect();
            let chunk = vec![b'x'; 1 << 20];
            stream.write_all(b"GET /callback HTTP/1.1\r\nX: ").unwrap();
            (0..1024).find(|_| stream.write_all(&chunk).is_err())
        })
    };
    let slow_loris = {
        let waiting = waiting.clone();
        std::thread::spawn(move || {
            let mut stream = waiting.connect();
            let started = Instant::now();
            while stream.write_all(b"X").is_ok() && started.elapsed() < Duration::from_secs(15) {
                std::thread::sleep(Duration::from_millis(100));
            }
            started.elapsed()
        })
    };
    // Some say nothing, some half a word, some a whole request and stay.
    let words = [
        "",
        "GET /callback?co",
        "GET / HTTP/1.1\r\nHost: HOST\r\n\r\n",
        "GET /callback?state=0 HTTP/1.1\r\nHost: HOST\r\n\r\n",
    ];
    let host = format!("127.0.0.1:{}", waiting.port());
    let mut held = std::collections::VecDeque::new();
    for number in 0..10_000 {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", waiting.port())) else {
            panic!("connection {number} is refused: {}", running.said());
        };
        let _ = stream.write_all(words[number % words.len()].replace("HOST", &host).as_bytes());
        held.push_back(stream);
        if held.len() > 300 {
            held.pop_front();
        }
    }
    let landed = waiting.person_returns();
    assert!(landed.body.contains("Signed in"), "{landed:?}");
    let highest = std::fs::read_to_string(format!("/proc/{}/status", running.id())).unwrap_or_default();
    let outcome = running.end().expect(0);
    assert_eq!(sandbox.token_requests().total(), 1);
    drop((held, outcome));
    assert!(one_gigabyte.join().unwrap().is_some_and(|megabytes| megabytes < 64), "it is cut off");
    assert!(slow_loris.join().unwrap() < Duration::from_secs(10), "it is sent away");
    if let Some(line) = highest.lines().find(|line| line.starts_with("VmHWM")) {
        let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        assert!(kilobytes < 100_000, "{line}");
    }
}

// C11, C12
#[test]
fn a_port_in_use_is_named_with_the_remedy_and_no_browser_is_opened() {
    let sandbox = sandbox();
    let squatters = [
        ("127.0.0.1", TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()),
        ("127.0.0.1", TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap()),
        ("localhost", TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap()),
        ("[::1]", TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).unwrap()),
    ];
    for (host, squatter) in squatters {
        let port = squatter.local_addr().unwrap().port();
        squatter.set_nonblocking(true).unwrap();
        let uri = format!("http://{host}:{port}/callback");
        for more in ["", " --json", " --no-browser", " --no-input"] {
            // No browser is expected.
            let mut world = World::new();
            world.set("DISPLAY", ":0");
            let outcome = world.run(&format!("{}{more}", line_for(&sandbox, &uri))).expect(3);
            outcome.says(&["port-in-use"].map(|word| if more == " --json" { word } else { "is already in use" }));
            outcome.says(&[&format!("port {port} "), "--manual", "--redirect-uri"]);
            assert!(!outcome.stderr.contains("oauth_auth.do"), "{}", outcome.stderr);
            assert_eq!(world.config(), "");
            // It says nothing to the program that has the port.
            assert!(squatter.accept().is_err());
        }
    }
    assert_eq!(sandbox.token_requests().total(), 0);
}

#[test]
fn a_port_in_use_is_told_before_a_secret_is_asked_for_and_a_person_may_paste_or_try_again() {
    let sandbox = sandbox();
    let squatter = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = squatter.local_addr().unwrap().port();
    let line = line_for(&sandbox, &format!("http://127.0.0.1:{port}/callback"));
    let mut world = World::new();
    // No terminal: the secret on standard input is not read.
    world.stdin("x").run(&format!("{line} --client-secret-stdin")).expect(3).says(&["is already in use"]);
    let paste: fn(&Shown) -> String = |shown| sign_in(&shown.url, "beth.anglin", "allow");
    world.browser(|_| {});
    world.person([Answer::Choose(0), Answer::Secret(""), Answer::Pastes(paste)]);
    world.run(&line).expect(0).says(&[&format!("! Port {port} is already in use"), "as beth.anglin"]);
    assert_eq!(world.questions.lock().unwrap()[0].lines().count(), 3, "two choices");
    // It is busy still, and then the person stops.
    let answers = [Answer::Choose(1), Answer::Choose(1), Answer::Cancels];
    world.person(answers).run(&line.replace("acme", "other")).expect(130);
    drop(squatter);
    assert_eq!(sandbox.token_requests().total(), 1);
}

#[test]
fn a_wrong_client_secret_is_asked_for_again_and_the_browser_opens_again() {
    let sandbox = sandbox();
    let mut world = World::new();
    signs_in(&mut world, "beth.anglin", "allow");
    let line = connect_line(&sandbox).replace("sandbox-public", "sandbox-confidential");
    world.person(["mistyped", "sandbox-confidential-secret"].map(Answer::Secret));
    let outcome = world.run(&line).expect(0);
    outcome.says(&["Perhaps the client secret is wrong", "Try again (2 left)", "as beth.anglin"]);
    assert_eq!(sandbox.token_requests().authorization_code, 2);
}

// C22
#[test]
fn of_two_sign_ins_at_once_the_second_says_so_and_opens_no_second_tab() {
    let sandbox = sandbox();
    let line = connect_line(&sandbox);
    let same = line.clone();
    let mut world = World::new();
    let (outcome, _) = meanwhile(&mut world, &line, move |waiting| {
        let mut other = World::new();
        other.set("DISPLAY", ":0");
        other.run(&same).expect(3).says(&["Another sign-in of snow may still be waiting"]);
        waiting.person_returns()
    });
    outcome.expect(0);
    assert_eq!(sandbox.token_requests().total(), 1);
}

// B1, P1, P2, N5
#[test]
fn the_address_binds_the_answer_to_this_attempt_and_repeats_what_was_asked_for() {
    let sandbox = sandbox();
    for (more, scope, has_pkce) in
        [("", "useraccount", true), (" --scope a.b,c", "a.b,c", true), (" --no-pkce", "useraccount", false)]
    {
        let mut world = World::new();
        let mut line = format!("{}{more}", connect_line(&sandbox));
        if !has_pkce {
            // The sandbox asks it of public clients.
            line = format!("{} --client-secret-stdin", line.replace("sandbox-public", "sandbox-confidential"));
            world.stdin("sandbox-confidential-secret");
        }
        let (outcome, url) = meanwhile(&mut world, &line, |waiting| {
            waiting.person_returns();
            waiting.url.clone()
        });
        outcome.expect(0);
        let state = parameter(&url, "state");
        assert!(state.len() >= 32 && state.bytes().all(|byte| byte.is_ascii_hexdigit()), "{state}");
        assert_eq!(parameter(&url, "response_type"), "code");
        assert_eq!(parameter(&url, "scope"), scope);
        assert_eq!(url.contains("code_challenge="), has_pkce, "{url}");
        if has_pkce {
            assert_eq!(parameter(&url, "code_challenge_method"), "S256");
            assert_eq!(parameter(&url, "code_challenge").len(), 43);
        }
        assert!(!url.contains("verifier") && !url.contains("secret"), "{url}");
    }
    assert_eq!(sandbox.token_requests().authorization_code, 3);
}

#[test]
fn a_confidential_client_hands_its_secret_in_and_needs_it_only_once() {
    let sandbox = sandbox();
    let mut world = World::new();
    // Outside of the home, which is searched for secrets.
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"sandbox-confidential-secret\n").unwrap();
    let line = connect_line(&sandbox).replace("sandbox-public", "sandbox-confidential");
    let line = format!("{line} --client-secret-file {}", file.path().display());
    let (outcome, url) = meanwhile(&mut world, &line, |waiting| {
        waiting.person_returns();
        waiting.url.clone()
    });
    outcome.expect(0);
    assert!(url.contains("code_challenge_method=S256"));
    drop(file);
    let (outcome, _) = meanwhile(&mut world, "login acme", Waiting::person_returns);
    outcome.expect(0);
    world.run("test acme").expect(0);
    assert_eq!(sandbox.token_requests().authorization_code, 2);
}

// C3, C9
#[test]
fn a_denial_is_said_and_keeps_nothing() {
    let sandbox = sandbox();
    let mut world = World::new();
    let line = format!("{} --json", connect_line(&sandbox));
    let (outcome, landed) = meanwhile(&mut world, &line, |waiting| get(&sign_in(&waiting.url, "beth.anglin", "deny")));
    assert_eq!(outcome.expect(4).error_code(), "login-denied");
    assert!(landed.body.contains("did not grant the sign-in"), "{landed:?}");
    assert_eq!(world.config(), "");
    assert_eq!(sandbox.token_requests().total(), 0);
}

#[test]
fn what_an_authorization_server_says_of_its_error_is_shown_as_text() {
    let sandbox = sandbox();
    for (query, words) in [
        ("error=invalid_scope&error_description=no", &["useraccount", "--scope"][..]),
        ("error=invalid_request&error_description=PKCE+is+not+supported", &["--no-pkce"]),
        ("error=%1b%5b31m%3Cscript%3E&error_description=%0d%0a%1b]0;x%07", &["came back with an error"]),
    ] {
        let mut world = World::new();
        let query = format!("{query}&state=STATE");
        let (outcome, landed) =
            meanwhile(&mut world, &connect_line(&sandbox), move |waiting| get(&waiting.with_query(&query)));
        let outcome = outcome.expect(4);
        outcome.says(words);
        assert!(!outcome.stderr.contains(['\u{1b}', '\u{7}']), "{:?}", outcome.stderr);
        assert!(!landed.body.contains("<script") && !landed.body.contains("PKCE"), "{landed:?}");
    }
}

// B2, B3, C19
#[test]
fn a_code_of_another_issuer_is_not_sent_anywhere() {
    let sandbox = sandbox();
    let mut world = World::new();
    world.guard("CODE-of-evil");
    let line = format!("{} --json", connect_line(&sandbox));
    let (outcome, landed) = meanwhile(&mut world, &line, |waiting| {
        get(&waiting.with_query("code=CODE-of-evil&state=STATE&iss=https%3A%2F%2Fevil.example"))
    });
    let outcome = outcome.expect(10);
    outcome.says(&["another server than the one that was asked", "https://evil.example"]);
    assert!(landed.body.contains("Not signed in"));
    assert_eq!(sandbox.token_requests().total(), 0);
    // The same server's own name is fine.
    let (outcome, _) = meanwhile(&mut world, &connect_line(&sandbox), |waiting| {
        let origin = url::Url::parse(&waiting.url).unwrap().origin().ascii_serialization();
        get(&format!("{}&iss={origin}", waiting.granted()))
    });
    outcome.expect(0);
}

// C20
#[test]
fn a_code_that_cannot_be_one_is_not_sent_anywhere() {
    let sandbox = sandbox();
    let long = "A".repeat(5000);
    for code in [long.as_str(), "", "a%0d%0aX-Evil:%201", "%ff%fe", "a%00b", "%C3%BC"] {
        let mut world = World::new();
        let query = format!("code={code}&state=STATE");
        let (outcome, landed) = meanwhile(&mut world, &format!("{} --json", connect_line(&sandbox)), move |waiting| {
            get(&waiting.with_query(&query))
        });
        let outcome = outcome.expect(10);
        assert_eq!(outcome.error_code(), "unexpected-answer");
        assert!(!outcome.stdout.contains("AAAA") && !outcome.stderr.contains("AAAA"));
        assert!(landed.body.contains("Not signed in"), "{landed:?}");
    }
    assert_eq!(sandbox.token_requests().total(), 0);
}

// C10, C14
#[test]
fn a_stolen_code_is_worthless_and_its_loss_is_said_cleanly() {
    let sandbox = sandbox();
    let mut world = World::new();
    let origin = sandbox.origin();
    let (outcome, landed) = meanwhile(&mut world, &format!("{} --json", connect_line(&sandbox)), move |waiting| {
        let back = waiting.granted();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &parameter(&back, "code")),
            ("redirect_uri", &waiting.redirect_uri()),
            ("client_id", "sandbox-public"),
        ];
        let stolen = post(&format!("{origin}/oauth_token.do"), &form);
        assert_eq!(stolen.status, 401, "{stolen:?}");
        get(&back)
    });
    let outcome = outcome.expect(4);
    assert_eq!(outcome.error_code(), "token-refused");
    assert!(landed.body.contains("Not signed in") && !landed.body.contains("saved"), "{landed:?}");
    assert_eq!(world.config(), "");
}

// B1, B2, B18
#[test]
fn no_redirect_of_the_token_endpoint_is_followed() {
    let evil = Wire::answers(http(200, "", "{}"));
    for status in [301, 302, 303, 307, 308] {
        let location = format!("Location: {}/oauth_token.do\r\n", evil.origin());
        let endpoint = Wire::answers(http(status, &location, ""));
        let sandbox = sandbox();
        let mut world = World::new();
        world.guard("sandbox-confidential-secret");
        let line = connect_line(&sandbox).replace("sandbox-public", "sandbox-confidential");
        let line = format!("{line} --client-secret-stdin --token-url {}/token --json", endpoint.origin());
        world.stdin("sandbox-confidential-secret");
        let (outcome, landed) = meanwhile(&mut world, &line, Waiting::person_returns);
        assert_ne!(outcome.code, 0);
        assert_eq!(endpoint.requests(), 1, "{status}");
        assert_eq!(sandbox.token_requests().total(), 0, "{status}");
        assert!(landed.body.contains("Not signed in"), "{landed:?}");
        assert_eq!(world.config(), "");
    }
    assert_eq!(evil.requests(), 0);
}

// B18
#[test]
fn another_authorization_server_is_asked_only_where_it_was_given() {
    let (idp, instance) = (sandbox(), sandbox());
    let mut world = World::new();
    let line = format!("{} --authorization-url {}/oauth_auth.do", connect_line(&instance), idp.origin());
    let origin = idp.origin();
    let (outcome, _) = meanwhile(&mut world, &line, move |waiting| {
        assert!(waiting.url.starts_with(&format!("{origin}/oauth_auth.do?")), "{}", waiting.url);
        waiting.person_returns()
    });
    // The instance never gave that code.
    outcome.expect(4);
    assert_eq!((idp.token_requests().total(), instance.token_requests().total()), (0, 1));
}

// B18
#[test]
fn a_token_endpoint_elsewhere_is_shown_before_anything_goes_there() {
    let (instance, elsewhere) = (sandbox(), sandbox());
    let shown = format!("Token endpoint   {}\n", elsewhere.origin());
    let own = format!("{}/oauth_token.do", instance.origin());
    let mut world = World::new();
    let line = format!("{} --token-url {}/oauth_token.do", connect_line(&instance), elsewhere.origin());
    let (outcome, _) = meanwhile(&mut world, &line, Waiting::person_returns);
    // That server never gave this code.
    let said = outcome.expect(4).stderr;
    let (at, address) = (said.find(&shown), said.find("/oauth_auth.do?"));
    assert!(at.is_some() && at < address, "{said}");
    let line = format!("{} --token-url {own}", connect_line(&instance));
    let (outcome, _) = meanwhile(&mut world, &line, Waiting::person_returns);
    assert!(!outcome.expect(0).stderr.contains("Token endpoint"), "it is the instance");

    let line = format!(
        "connect {} --name ci --auth client-credentials --client-id sandbox-ci --client-secret-stdin --no-test \
         --token-url {}/oauth_token.do",
        instance.origin(),
        elsewhere.origin()
    );
    let said = world.stdin("sandbox-ci-secret").run(&line).expect(0).stderr;
    assert!(said.contains(&shown), "{said}");
    let said = world.run("login ci").stderr;
    assert!(said.contains(&shown), "{said}");
}

// C17
#[test]
fn who_does_not_come_back_in_time_is_told_what_must_be_registered() {
    let sandbox = sandbox();
    let port = free_port();
    let uri = format!("http://127.0.0.1:{port}/callback");
    let mut world = World::new();
    world.browser(|_| {});
    let line = format!("{} --login-timeout 1s", line_for(&sandbox, &uri));
    let started = Instant::now();
    let outcome = world.run(&format!("{line} --json")).expect(4);
    assert!((1..4).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    assert_eq!(outcome.error_code(), "login-timeout");
    assert!(outcome.json()["error"]["causes"][0]["text"].as_str().unwrap().contains(&uri));
    world.run(&line).expect(4).says(&[&uri, "--manual", "Nothing was saved"]);
    assert_eq!(world.config(), "");
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port is free");
}

// C17: a tab that is closed while the token is fetched changes nothing.
#[test]
fn a_tab_that_is_closed_early_does_not_undo_the_sign_in() {
    let sandbox = sandbox();
    let (outcome, ()) = meanwhile(&mut World::new(), &connect_line(&sandbox), |waiting| {
        let back = waiting.granted();
        let target = back.split_once(&waiting.port().to_string()).unwrap().1;
        let mut stream = waiting.connect();
        write!(stream, "GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", waiting.port()).unwrap();
    });
    outcome.expect(0);
}

// C23
#[test]
fn another_user_than_the_connections_own_must_be_meant() {
    let sandbox = sandbox();
    let mut world = connected(&sandbox);
    let before = world.config();
    signs_in(&mut world, "joe.employee", "allow");
    assert_eq!(world.run("login acme --json").expect(11).error_code(), "user-mismatch");
    world.person([Answer::Confirm(false)]);
    world.run("login acme").expect(11).says(&["joe.employee", "beth.anglin", "Nothing was saved"]);
    assert_eq!(world.config(), before);
    assert_eq!(user_of(&mut world), "beth.anglin");
    world.run("login acme --force").expect(0).says(&["joe.employee"]);
    assert!(world.config().contains("joe.employee"));
    assert_eq!(user_of(&mut world), "joe.employee");
    signs_in(&mut world, "beth.anglin", "allow");
    world.person([Answer::Confirm(true)]);
    world.run("login acme").expect(0);
    assert_eq!(user_of(&mut world), "beth.anglin");
}

/// Whom the saved session speaks for.
fn user_of(world: &mut World) -> String {
    let report = world.run("test acme --json").expect(0).json();
    report["connections"][0]["identity"]["user_name"].as_str().unwrap().to_owned()
}

// A4, A9, P3
#[test]
fn the_most_talkative_sign_in_says_neither_code_nor_verifier_nor_token() {
    let mut session = Session::new();
    let sandbox = sandbox();
    let wire = Recorder::before(&sandbox.origin());
    session.set("SNOW_BROWSER", "true").set("RUST_LOG", "trace").set("SNOW_LOG", "trace").set("RUST_BACKTRACE", "full");
    let secret = session.home().with_extension("secret");
    std::fs::write(&secret, "sandbox-confidential-secret").unwrap();
    let redirect_uri = format!("http://127.0.0.1:{}/callback", free_port());
    let line = format!(
        "connect {} --name acme --client-id sandbox-confidential --redirect-uri {redirect_uri} -vvv --client-secret-file {}",
        wire.origin(),
        secret.display()
    );
    let mut said = Vec::new();
    for (scenario, code) in [(Some(Scenario::TokenRefused), 4), (Some(Scenario::AnotherUser), 0), (None, 0)] {
        sandbox.set_scenario(scenario);
        let line = if scenario.is_none() { "login acme -vvv --json --force" } else { &line };
        let words: Vec<&str> = line.split(' ').chain(TIMEOUT.split(' ')).collect();
        let running = Running::start(session.command(&words));
        let landed = running.waiting().person_returns();
        let outcome = running.end().expect(code);
        said.extend([landed.body, outcome.stdout, outcome.stderr]);
    }
    std::fs::remove_file(&secret).unwrap();
    let mut guarded = 0;
    for name in ["code", "code_verifier", "access_token", "refresh_token"] {
        for value in wire.values(name) {
            session.guard(&value);
            for text in &said {
                assert!(!text.contains(&value), "{name} is in {text}");
            }
            guarded += 1;
        }
    }
    let verifiers = wire.values("code_verifier");
    assert!(guarded >= 8 && verifiers.len() == 3, "{guarded}");
    assert!(verifiers[0] != verifiers[1] && verifiers[1] != verifiers[2]);
    assert!((43..=128).contains(&verifiers[0].len()));
    session.run("test acme -vvv", "").expect(0);
}

// C18, G13
#[test]
fn ctrl_c_while_waiting_ends_at_once_and_leaves_nothing() {
    let session = Session::new();
    let sandbox = sandbox();
    for more in ["", "--json"] {
        let mut command = session.command(&[]);
        command.env("SNOW_BROWSER", "true").args(connect_line(&sandbox).split(' ')).args(TIMEOUT.split(' '));
        command.args(more.split_whitespace());
        let running = Running::start(command);
        let waiting = running.waiting();
        let port = waiting.port();
        let started = Instant::now();
        let interrupt = std::process::Command::new("kill").args(["-INT", &running.id().to_string()]).status();
        assert!(interrupt.unwrap().success());
        let outcome = running.end().expect(130);
        assert!(started.elapsed() < Duration::from_millis(1000), "{:?}", started.elapsed());
        if !more.is_empty() {
            assert_eq!(outcome.error_code(), "interrupted");
        }
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port is free");
        assert_eq!(session.config(), "");
        assert_eq!(session.secret_tool(&["search", "--all", "service", "snow"], "").stdout, "");
    }
}

// C17: the time is the real one.
#[test]
fn who_waits_for_long_is_told_what_must_be_registered() {
    let session = Session::new();
    let sandbox = sandbox();
    let mut command = session.command(&[]);
    command.env("SNOW_BROWSER", "true").args(connect_line(&sandbox).split(' ')).args(TIMEOUT.split(' '));
    let running = Running::start(command);
    let waiting = running.waiting();
    assert!(!running.said().contains("Nothing happens"));
    running.wait_for("Nothing happens after the sign-in?", Duration::from_secs(18));
    running.wait_for(&format!("exactly   {}", waiting.redirect_uri()), Duration::from_secs(1));
    waiting.person_returns();
    let outcome = running.end().expect(0);
    assert_eq!(outcome.stderr.matches("Nothing happens").count(), 1);
}

#[test]
fn a_request_with_the_right_state_is_the_right_one_however_it_is_spelled() {
    let sandbox = sandbox();
    let (outcome, landed) = meanwhile(&mut World::new(), &connect_line(&sandbox), |waiting| {
        let query = waiting.granted().split_once('?').unwrap().1.to_owned();
        waiting.say(&format!(
            "GET /callback?{query}&session_state=1 HTTP/1.1\r\nhost: HOST\r\nOrigin: null\r\nSec-Fetch-Site: cross-site\r\n\
             Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nSec-Fetch-User: ?1\r\n\r\n"
        ))
    });
    outcome.expect(0);
    assert!(landed.starts_with("HTTP/1.1 200 OK\r\n"), "{landed}");
}
