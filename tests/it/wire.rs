//! What can go wrong on the wire: redirects, TLS, proxies, and answers that
//! are hostile or broken.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;
use snow_connect::sandbox::Sandbox;

use crate::world::process::snow;
use crate::world::tls::{Authority, Front, Leaf, saved_server_config};
use crate::world::wire::{Wire, first_error, header, http, run_against};
use crate::world::{Outcome, PASSWORD, World, check};

const ROWS: &str = r#"{"result":[{"sys_id":"1"}]}"#;
const CANARY: &str = "CANARY-of-the-proxy";

/// The authority's certificate in a file of its own.
fn ca_file(authority: &Authority) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    authority.save(&path);
    (directory, path)
}

fn wait_for_close(stream: &mut TcpStream) {
    let mut bytes = [0; 4096];
    while matches!(stream.read(&mut bytes), Ok(read) if read > 0) {}
}

/// One failed check of the first connection, and its code.
#[track_caller]
fn assert_fails(outcome: &Outcome, id: &str, code: &str) {
    let report = &outcome.json()["connections"][0];
    assert_eq!(check(report, id)["status"], "fail", "{report}");
    assert_eq!(check(report, id)["error"]["code"], code, "{report}");
    assert_eq!(report["code"], code, "{report}");
    // Nothing after it pretends to know.
    let checks = report["checks"].as_array().unwrap();
    let at = checks.iter().position(|check| check["id"] == id).unwrap();
    assert!(checks[at + 1..].iter().all(|check| check["status"] == "skip"), "{report}");
}

// ---- redirects: B1 to B4 ----

#[test]
fn no_redirect_is_followed_wherever_it_points() {
    let evil = Wire::answers(http(200, "", ROWS));
    let authority = Authority::new();
    let (_files, ca) = ca_file(&authority);
    let port = evil.address().port();
    for status in [301, 302, 303, 307, 308] {
        for (place, shown) in [
            (format!("http://localhost:{port}/evil?code=HIDDEN-QUERY"), format!("localhost:{port}/evil")),
            (format!("http://127.0.0.1:{port}/evil?code=HIDDEN-QUERY"), format!("127.0.0.1:{port}/evil")),
        ] {
            let server = Wire::answers(http(status, &format!("Location: {place}\r\nX-Transaction-ID: 12ab\r\n"), ""));
            let secure = authority.front(Leaf::Good, &server.origin());
            for (origin, shown) in [
                (server.origin(), shown.clone()),
                // From https the lost protection is shown as well.
                (secure.origin(), format!("http://{shown}")),
            ] {
                let before = server.requests();
                let outcome = run_against(&origin, &format!("test --json --ca-cert {}", ca.display())).expect(7);
                let error = first_error(&outcome);
                assert_eq!(error["code"], "redirected");
                assert_eq!(error["evidence"]["redirect_target"], shown.as_str(), "{status} {place}");
                assert_eq!(error["evidence"]["transaction_id"], "12ab");
                assert!(error["message"].as_str().unwrap().contains(&shown), "{error}");
                assert!(!outcome.stdout.contains("HIDDEN-QUERY"), "{}", outcome.stdout);
                assert_eq!(server.requests(), before + 1);

                let mut world = World::new();
                let line = format!(
                    "connect {origin} --name x --username beth --password-stdin --ca-cert {} --json",
                    ca.display()
                );
                let outcome = world.stdin(PASSWORD).run(&line).expect(7);
                assert_eq!(outcome.error_code(), "redirected");
                assert!(!outcome.stdout.contains("HIDDEN-QUERY"), "{}", outcome.stdout);
                assert_eq!(world.config(), "");
            }
        }
    }
    assert_eq!(evil.heads(), Vec::<String>::new());
}

#[test]
fn a_knock_follows_no_redirect_either() {
    let evil = Wire::answers(http(200, "", ROWS));
    let server = Wire::answers(http(307, &format!("Location: {}/\r\n", evil.origin()), ""));
    let mut world = World::new();
    world.person([crate::world::Answer::Secret("CANARY-pass word/ü")]);
    world.run(&format!("connect {} --name x --username beth", server.origin())).expect(7);
    assert_eq!(evil.requests(), 0);
    // The preflight probe itself carried nothing.
    assert_eq!(header(&server.heads()[0], "authorization"), None);
}

#[test]
fn a_redirect_to_a_login_page_is_called_that() {
    for (location, code) in [
        ("/login.do", "login-page"),
        ("https://localhost/login_redirect.do?sysparm_url=x", "login-page"),
        ("/login_with_sso.do?glide_sso_id=1", "sso-redirect"),
        ("/login_locate_sso.do", "sso-redirect"),
        ("/auth_redirect.do?x=1", "sso-redirect"),
        ("https://idp.example/saml2/sso?SAMLRequest=HIDDEN-QUERY", "sso-redirect"),
    ] {
        let server = Wire::answers(http(302, &format!("Location: {location}\r\n"), ""));
        let outcome = run_against(&server.origin(), "test --json").expect(7);
        assert_eq!(outcome.error_code(), code, "{location}");
        assert!(!outcome.stdout.contains("HIDDEN-QUERY"));
        assert_eq!(server.requests(), 1);
    }
}

#[test]
fn a_hostile_location_is_neither_followed_nor_a_defect() {
    let evil = Wire::answers(http(200, "", ROWS));
    let at = evil.address();
    let long = format!("http://{at}/{}", "x".repeat(64 * 1024));
    for location in [
        format!("//{at}/x").as_bytes(),
        format!("\\\\{at}\\x").as_bytes(),
        format!("http:\\\\{at}").as_bytes(),
        format!("http://user:HIDDEN-USER@{at}/").as_bytes(),
        format!("///{at}").as_bytes(),
        long.as_bytes(),
        b"javascript:alert(1)",
        b"file:///etc/passwd",
        b"data:text/html,<script>",
        b"",
        b"?",
        b"http://",
        b"http://[::1",
        b"http://a:99999999/",
        b"\xff\xfe\x80 garbage",
        b"\x1b[31m",
        b"http://evil.example/\x1b]52;c;AA\x07",
    ] {
        for status in [301, 307] {
            let mut bytes =
                format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\nLocation: ").into_bytes();
            bytes.extend_from_slice(location);
            bytes.extend_from_slice(b"\r\n\r\n");
            let server = Wire::answers(bytes);
            let outcome = run_against(&server.origin(), "test --json");
            let code = outcome.error_code();
            // A header with a control character is no HTTP at all.
            let is_control = location.iter().any(|byte| *byte < 0x20);
            let expected = if is_control { (10, "unexpected-answer") } else { (7, "redirected") };
            assert_eq!((outcome.code, code.as_str()), expected, "{:?}", String::from_utf8_lossy(location));
            assert!(outcome.stdout.len() < 20_000);
            assert!(!outcome.stdout.contains("HIDDEN-USER"), "{}", outcome.stdout);
            assert!(!outcome.stdout.contains('\u{1b}'));
        }
    }
    assert_eq!(evil.requests(), 0);
}

// ---- one attempt: B9, D16 ----

#[test]
fn after_a_401_the_password_is_not_sent_again_nor_in_another_way() {
    let refusal = r#"{"error":{"message":"User is not authenticated","detail":"x"},"status":"failure"}"#;
    for challenge in [
        "BASIC realm=\"Service-now\"",
        "Negotiate",
        "NTLM",
        "Digest realm=\"x\", nonce=\"y\", algorithm=MD5",
        "Bearer realm=\"x\"",
        "Basic realm=\"x\", Negotiate, Bearer",
    ] {
        for extra in ["", "X-MFA_TOKEN: invalid\r\n"] {
            let headers = format!("WWW-Authenticate: {challenge}\r\n{extra}");
            let server = Wire::answers(http(401, &headers, refusal));
            run_against(&server.origin(), "test --json --table incident,problem").expect(4);
            let heads = server.heads();
            assert_eq!(heads.len(), 1, "{challenge}: {heads:?}");
            assert!(header(&heads[0], "authorization").unwrap().starts_with("Basic "), "{heads:?}");

            let mut world = World::new();
            let line = format!("connect {} --name x --username beth --password-stdin --json", server.origin());
            world.stdin(PASSWORD).run(&line).expect(4);
            assert_eq!(server.requests(), 2, "{challenge}");
        }
    }
}

#[test]
fn a_401_is_a_refusal_also_where_its_body_breaks_off() {
    for (headers, body) in [
        ("Content-Length: 500\r\n", "{\"error\":"),
        ("Transfer-Encoding: chunked\r\n", "5\r\n{\"err"),
        ("Transfer-Encoding: chunked\r\n", "zz\r\n"),
        ("Content-Encoding: gzip\r\nContent-Length: 4\r\n", "oops"),
    ] {
        let server = Wire::answers(format!("HTTP/1.1 401 X\r\n{headers}Connection: close\r\n\r\n{body}"));
        let mut world = World::new();
        let line = format!("connect {} --name x --username beth --password-stdin --json", server.origin());
        let outcome = world.stdin(PASSWORD).run(&line).expect(4);
        assert_eq!(outcome.error_code(), "basic-refused", "{headers}");
        let counted = std::fs::read_to_string(world.home().join(".local/state/snow/refusals.json")).unwrap();
        assert!(counted.contains("beth"), "{counted}");
        assert_eq!(server.requests(), 1);
    }
}

// ---- TLS ----

#[test]
fn a_certificate_that_does_not_verify_stops_everything_before_the_password() {
    let server = Wire::answers(http(200, "", ROWS));
    let authority = Authority::new();
    let (_files, ca) = ca_file(&authority);
    let given = format!("test --json --ca-cert {}", ca.display());
    for (leaf, line, code) in [
        (Leaf::Good, "test --json", "tls-untrusted"),
        (Leaf::SelfSigned { is_authority: false }, "test --json", "tls-untrusted"),
        (Leaf::SelfSigned { is_authority: true }, "test --json", "tls-untrusted"),
        (Leaf::SelfSigned { is_authority: false }, &given, "tls-untrusted"),
        (Leaf::SelfSigned { is_authority: true }, &given, "tls-untrusted"),
        (Leaf::Expired, &given, "tls-expired"),
        (Leaf::NotYetValid, &given, "tls-expired"),
        (Leaf::OtherName, &given, "tls-name-mismatch"),
        (Leaf::WrongPurpose, &given, "tls-failure"),
    ] {
        let front = authority.front(leaf, &server.origin());
        let outcome = run_against(&front.origin(), line).expect(6);
        assert_fails(&outcome, "network.tls", code);
        outcome.says(&["No secret was sent"]);
    }
    // A certificate for a name is none for an address.
    let front = authority.front(Leaf::Good, &server.origin());
    let outcome = run_against(&format!("https://{}", front.address), &given).expect(6);
    assert_fails(&outcome, "network.tls", "tls-name-mismatch");
    outcome.says(&["localhost"]);
    assert_eq!(server.heads(), Vec::<String>::new());

    run_against(&front.origin(), &given).expect(0);
}

#[test]
fn a_server_that_cannot_speak_our_tls_is_told_so() {
    // An alert "protocol version", as servers of TLS 1.1 and older send it.
    let old = Wire::answers([0x15, 3, 1, 0, 2, 2, 70]);
    let no_cipher = Wire::answers([0x15, 3, 3, 0, 2, 2, 40]);
    let plain = Wire::answers("HTTP/1.1 400 Bad Request\r\n\r\nThis combination of host and port requires TLS");
    for (server, words) in [(&old, "TLS 1.2"), (&no_cipher, "TLS 1.2"), (&plain, "https is expected")] {
        let origin = format!("https://localhost:{}", server.address().port());
        let outcome = run_against(&origin, "test --json").expect(6);
        assert_fails(&outcome, "network.tls", "tls-failure");
        outcome.says(&[words, "No secret was sent"]);
        assert!(server.heads().iter().all(|head| !head.contains("Authorization")));
    }
}

#[test]
fn a_server_that_wants_a_client_certificate_is_told_so() {
    use tokio_rustls::rustls::version::{TLS12, TLS13};
    let server = Wire::answers(http(200, "", ROWS));
    let authority = Authority::new();
    let (_files, ca) = ca_file(&authority);
    for version in [&TLS12, &TLS13] {
        let front = Front::new(authority.strict_server_config(version), &server.origin());
        let line = format!("test --json --ca-cert {}", ca.display());
        let outcome = run_against(&front.origin(), &line).expect(6);
        assert_fails(&outcome, "network.tls", "tls-failure");
        outcome.says(&["client certificate"]);
        // With TLS 1.3 the refusal comes after the request may have left.
        let is_claimed = outcome.stdout.contains("No secret was sent");
        assert_eq!(is_claimed, version == &TLS12, "{}", outcome.stdout);
    }
    assert_eq!(server.heads(), Vec::<String>::new());
}

#[test]
fn a_ca_file_that_is_none_is_named_and_nothing_is_sent() {
    let server = Wire::answers(http(200, "", ROWS));
    let directory = tempfile::tempdir().unwrap();
    let pem = |name: &str, content: &[u8]| {
        let path = directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let files = [
        directory.path().join("missing.pem"),
        directory.path().to_owned(),
        pem("empty.pem", b""),
        pem("text.pem", b"not a certificate"),
        pem("binary.pem", &[0, 159, 146, 150]),
        pem("key.pem", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
        pem("base64.pem", b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"),
        pem("der.pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        pem("open.pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n"),
    ];
    for file in files {
        let line = format!("test --json --ca-cert {}", file.display());
        let outcome = run_against(&server.origin(), &line).expect(3);
        assert_eq!(outcome.error_code(), "ca-cert-invalid", "{}", file.display());
        outcome.says(&[file.to_str().unwrap()]);
    }
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_ca_file_may_begin_with_a_mark_and_its_certificates_may_touch() {
    let server = Wire::answers(http(200, "", ROWS));
    let [other, authority] = [Authority::new(), Authority::new()];
    let front = authority.front(Leaf::Good, &server.origin());
    let (_other_files, other) = ca_file(&other);
    let (_files, path) = ca_file(&authority);
    let [other, pem] = [&other, &path].map(|path| std::fs::read_to_string(path).unwrap());
    let forms = [
        format!("\u{feff}{pem}"),
        format!("\u{feff}{}", pem.replace('\n', "\r\n")),
        format!("{}{}{}", other.trim_end(), other.trim_end(), pem.trim_end()),
    ];
    for form in forms {
        std::fs::write(&path, form).unwrap();
        run_against(&front.origin(), &format!("test --ca-cert {}", path.display())).expect(0);
        #[cfg(not(target_os = "macos"))]
        run_with_variable("SSL_CERT_FILE", path.to_str().unwrap(), &front.origin()).expect(0);
    }
}

#[cfg(not(target_os = "macos"))]
fn run_with_variable(name: &str, value: &str, origin: &str) -> Outcome {
    let mut world = World::new();
    world.set("SNOW_INSTANCE", origin).set("SNOW_USERNAME", "beth").set("SNOW_PASSWORD", PASSWORD);
    world.set(name, value).run("test --json")
}

#[cfg(not(target_os = "macos"))]
#[test]
fn a_variable_for_authorities_that_leads_nowhere_is_named() {
    let server = Wire::answers(http(200, "", ROWS));
    let authority = Authority::new();
    let front = authority.front(Leaf::Good, &server.origin());
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("text.pem");
    std::fs::write(&text, "no certificate").unwrap();
    let variables = [
        ("SSL_CERT_FILE", "/nonexistent/ca.pem"),
        ("SSL_CERT_FILE", text.to_str().unwrap()),
        ("SSL_CERT_DIR", "/nonexistent:/nonexistent/too"),
    ];
    for (name, value) in variables {
        let outcome = run_with_variable(name, value, &front.origin()).expect(3);
        assert_eq!(outcome.error_code(), "ca-cert-invalid", "{value}");
        outcome.says(&[&format!("Correct or unset {name}")]);
    }
    assert_eq!(server.requests(), 0);
    // Without TLS no certificate is shown.
    for (name, value) in variables {
        run_with_variable(name, value, &server.origin()).expect(0);
    }
}

#[test]
fn the_certificate_of_the_server_may_itself_be_given() {
    let server = Wire::answers(http(200, "", ROWS));
    let authority = Authority::new();
    for (leaf, code) in [
        (Leaf::SelfSigned { is_authority: true }, None),
        (Leaf::SelfSigned { is_authority: false }, None),
        (Leaf::Good, None),
        (Leaf::Expired, Some("tls-expired")),
        (Leaf::NotYetValid, Some("tls-expired")),
        (Leaf::OtherName, Some("tls-name-mismatch")),
    ] {
        let files = tempfile::tempdir().unwrap();
        let (certificate, key) = authority.save_leaf(leaf, files.path());
        let front = Front::new(saved_server_config(&certificate, &key), &server.origin());
        let line = format!("test --json --ca-cert {}", certificate.display());
        match code {
            None => drop(run_against(&front.origin(), &line).expect(0)),
            Some(code) => assert_fails(&run_against(&front.origin(), &line).expect(6), "network.tls", code),
        }
        // Another one of the same name is another one.
        let outcome = run_against(&authority.front(leaf, &server.origin()).origin(), &line).expect(6);
        assert!(outcome.json()["connections"][0]["code"].as_str().unwrap().starts_with("tls-"));
    }
}

#[test]
fn a_server_is_spoken_to_in_http_1_1_whatever_else_it_offers() {
    let authority = Authority::new();
    let (_files, ca) = ca_file(&authority);
    let line = format!("test --json --ca-cert {}", ca.display());

    let sandbox = Sandbox::start(None, None).unwrap();
    for offered in [&[][..], &["http/1.1"], &["h2", "http/1.1"]] {
        let mut config = authority.server_config(Leaf::Good);
        config.alpn_protocols = offered.iter().map(|name| name.as_bytes().to_vec()).collect();
        let front = Front::new(config, &sandbox.origin());
        let mut world = World::new();
        world.set("SNOW_INSTANCE", &front.origin()).set("SNOW_USERNAME", "svc.ci").set("SNOW_PASSWORD", "sandbox-svc");
        world.run(&line).expect(0);
    }
}

// ---- silence and loss in each phase ----

/// A listener that accepts nothing and whose queue is full.
pub struct BlackHole {
    pub address: SocketAddr,
    _kept: (std::os::fd::OwnedFd, Vec<TcpStream>),
}

impl BlackHole {
    pub fn new() -> Self {
        use rustix::net::{AddressFamily, SocketType, bind, listen, socket};
        let listener = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        listen(&listener, 0).unwrap();
        let listener = std::net::TcpListener::from(listener);
        let address = listener.local_addr().unwrap();
        let mut queued = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
            queued.push(stream);
            assert!(queued.len() < 500, "the queue does not fill");
        }
        Self { address, _kept: (listener.into(), queued) }
    }
}

#[test]
fn silence_is_a_time_out_in_the_phase_it_falls_in() {
    let hole = BlackHole::new();
    let silent = Wire::plays(|stream, _| wait_for_close(stream));
    let drip = |bytes: &'static str, more: &'static str| {
        Wire::plays(move |stream, _| {
            let _ = stream.write_all(bytes.as_bytes());
            while stream.write_all(more.as_bytes()).is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        })
    };
    // Slow-loris: each byte comes in time, the whole never does. G2
    let slow_head = drip("HTTP/1.1 200 OK\r\nX-Slow: ", "a");
    let slow_body = drip("HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n{\"result\":[", " ");
    let slow_chunks = drip("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n");
    let endless_1xx = drip("", "HTTP/1.1 102 Processing\r\n\r\n");
    let https = |address: SocketAddr| format!("https://localhost:{}", address.port());
    for (origin, id) in [
        (format!("http://{}", hole.address), "network.connect"),
        (format!("https://{}", hole.address), "network.tcp"),
        (https(silent.address()), "network.tls"),
        (silent.origin(), "instance.servicenow"),
        (slow_head.origin(), "instance.servicenow"),
        (slow_body.origin(), "instance.servicenow"),
        (slow_chunks.origin(), "instance.servicenow"),
        (endless_1xx.origin(), "instance.servicenow"),
    ] {
        let started = Instant::now();
        let outcome = run_against(&origin, "test --json --timeout 400ms").expect(6);
        assert_fails(&outcome, id, "timeout");
        let took = started.elapsed();
        assert!((350..2000).contains(&took.as_millis()), "{id}: {took:?}");
        let error = first_error(&outcome);
        assert_eq!(error["retryable"], true);
        assert_eq!(error["evidence"]["timeout_seconds"], 0.4);
        let is_claimed = error["message"].as_str().unwrap().contains("No secret was sent");
        assert_eq!(is_claimed, id != "instance.servicenow", "{error}");
    }
}

#[test]
fn the_time_out_holds_for_the_whole_connection_not_for_each_request() {
    let server = Wire::plays(|stream, head| {
        if head.contains("/table/a?") {
            std::thread::sleep(Duration::from_millis(1500));
            let _ = stream.write_all(http(200, "", ROWS).as_bytes());
        } else {
            wait_for_close(stream);
        }
    });
    let started = Instant::now();
    let outcome = run_against(&server.origin(), "test --json --timeout 2s --table a,b,c,d").expect(6);
    assert_eq!(outcome.error_code(), "timeout");
    let took = started.elapsed();
    assert!((1900..3100).contains(&took.as_millis()), "{took:?}");
    // Of what the time did not suffice for, nothing is asked and claimed.
    assert_eq!(server.requests(), 2, "{:?}", server.heads());
    let report = &outcome.json()["connections"][0];
    let checks = report["checks"].as_array().unwrap();
    let statuses: Vec<_> = checks[checks.len() - 5..].iter().map(|check| check["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["pass", "fail", "skip", "skip", "skip"], "{report}");
}

#[test]
fn a_lost_connection_is_told_in_the_phase_it_falls_in() {
    let closes = Wire::plays(|_, _| {});
    let https = format!("https://localhost:{}", closes.address().port());
    let outcome = run_against(&https, "test --json").expect(6);
    assert_fails(&outcome, "network.tls", "connection-lost");
    let outcome = run_against(&closes.origin(), "test --json").expect(6);
    assert_fails(&outcome, "instance.servicenow", "connection-lost");

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let outcome = run_against(&format!("https://{closed}"), "test --json").expect(6);
    assert_fails(&outcome, "network.tcp", "connection-refused");
    let outcome = run_against("https://no-such-host.invalid", "test --json").expect(6);
    assert_fails(&outcome, "network.dns", "dns-failure");
}

// ---- proxies ----

/// Tests a connection to a host that does not exist, through this proxy.
fn through(proxy: &str, line: &str) -> Outcome {
    let mut world = World::new();
    world.guard(CANARY);
    world.set("HTTPS_PROXY", proxy);
    world.set("SNOW_INSTANCE", "https://proxy-target.invalid");
    world.set("SNOW_USERNAME", "beth").set("SNOW_PASSWORD", PASSWORD);
    world.run(line)
}

#[test]
fn what_a_proxy_does_wrong_is_the_proxys() {
    for (answer, code) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n", "proxy-auth"),
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "proxy-failure"),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n<html>", "proxy-failure"),
        ("", "proxy-failure"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "proxy-failure"),
    ] {
        let proxy = Wire::answers(answer);
        let shown = format!("http://{}", proxy.address());
        let outcome = through(&format!("http://user:{CANARY}@{}", proxy.address()), "test --json").expect(6);
        assert_fails(&outcome, "network.connect", code);
        assert_eq!(first_error(&outcome)["evidence"]["proxy"], shown.as_str(), "{answer}");
        outcome.says(&[&shown, "proxy-target.invalid", "No secret was sent"]);
        let heads = proxy.heads();
        assert_eq!(heads.len(), 1, "{answer}: {heads:?}");
        assert!(heads[0].starts_with("CONNECT proxy-target.invalid:443 "), "{heads:?}");
        assert!(header(&heads[0], "proxy-authorization").is_some() && header(&heads[0], "authorization").is_none());
    }
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for scheme in ["http", "socks5h"] {
        let outcome = through(&format!("{scheme}://user:{CANARY}@{closed}"), "test --json").expect(6);
        assert_fails(&outcome, "network.connect", "proxy-failure");
        outcome.says(&[&format!("{scheme}://{closed}")]);
    }
    // This kind leaves it to us to look up the instance.
    let outcome = through(&format!("socks5://user:{CANARY}@{closed}"), "test --json").expect(6);
    assert_fails(&outcome, "network.dns", "dns-failure");
    let outcome = through(&format!("http://user:{CANARY}@no-such-proxy.invalid:1"), "test --json").expect(6);
    assert_fails(&outcome, "network.dns", "proxy-failure");
    outcome.says(&["no-such-proxy.invalid:1"]);
    let silent = Wire::plays(|stream, _| wait_for_close(stream));
    let outcome = through(&silent.origin(), "test --json --timeout 300ms").expect(6);
    assert_fails(&outcome, "network.connect", "timeout");
    outcome.says(&["through the proxy", &silent.origin()]);
}

#[test]
fn a_proxy_sees_the_host_and_its_own_password_and_the_instance_sees_neither() {
    let server = Wire::replies(|head| {
        if head.contains("current_user") {
            http(200, "", r#"{"result":{"user_name":"beth"}}"#)
        } else {
            http(200, "", ROWS)
        }
    });
    let authority = Authority::new();
    let (_files, ca) = ca_file(&authority);
    let front = authority.front(Leaf::Named("proxy-target.invalid"), &server.origin()).address;
    let proxy = Wire::plays(move |stream, _| {
        let mut target = TcpStream::connect(front).unwrap();
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
        let (mut back, mut to_client) = (target.try_clone().unwrap(), stream.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut back, &mut to_client));
        let _ = std::io::copy(stream, &mut target);
    });
    let line = format!("test --json --ca-cert {}", ca.display());
    let outcome = through(&format!("http://user:{CANARY}@{}", proxy.address()), &line).expect(0);
    assert_eq!(check(&outcome.json()["connections"][0], "network.connect")["status"], "pass");
    assert!(server.requests() > 0);
    for head in server.heads() {
        assert_eq!(header(&head, "proxy-authorization"), None, "{head}");
        assert!(header(&head, "authorization").is_some(), "{head}");
    }
    for head in proxy.heads() {
        assert_eq!(header(&head, "authorization"), None, "{head}");
    }
}

// ---- answers that are broken or hostile: G3, G4, G12 ----

#[test]
fn a_broken_answer_has_its_own_code_and_is_never_taken_for_data() {
    let head = "HTTP/1.1 200 OK\r\nX-Transaction-ID: 12ab\r\nContent-Type: application/json\r\n";
    let many_headers = format!("{head}{}\r\n", "X-Many: x\r\n".repeat(300));
    let long_header = format!("{head}X-Long: {}\r\n\r\n", "x".repeat(600_000));
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let with_gzip = |bytes: &[u8], length: usize| {
        let mut answer = format!("{head}Content-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n").into_bytes();
        answer.extend_from_slice(bytes);
        answer
    };
    let text = |rest: &str| format!("{head}{rest}").into_bytes();
    let zipped = gzip(ROWS);
    let deep = format!("{{\"result\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for (answer, exit_code, code) in [
        // The length lies, in both directions.
        (text(&format!("Content-Length: 900\r\n\r\n{ROWS}")), 7, "truncated-answer"),
        (text(&format!("Content-Length: 10737418240\r\n\r\n{ROWS}")), 7, "truncated-answer"),
        (text(&format!("Content-Length: 9\r\n\r\n{ROWS}")), 7, "truncated-answer"),
        // Chunks that end early, or are none.
        (text("Transfer-Encoding: chunked\r\n\r\n5\r\n{\"res\r\n"), 7, "truncated-answer"),
        (text("Transfer-Encoding: chunked\r\n\r\n5\r\n{\"r"), 7, "truncated-answer"),
        (text("Transfer-Encoding: chunked\r\n\r\nzz\r\n"), 10, "unexpected-answer"),
        (text("Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n"), 10, "unexpected-answer"),
        // No gzip, or half of one.
        (with_gzip(ROWS.as_bytes(), ROWS.len()), 10, "unexpected-answer"),
        (with_gzip(&zipped[..20], 20), 7, "truncated-answer"),
        (with_gzip(&zipped[..20], zipped.len()), 7, "truncated-answer"),
        // JSON that ends early, or goes too deep.
        (text("\r\n{\"result\":[{\"sys_id\":\"1\"}"), 7, "truncated-answer"),
        (text(&format!("\r\n{deep}")), 10, "unexpected-answer"),
        (text("\r\n{\"result\":[\"\\ud800\"]}"), 10, "unexpected-answer"),
        (text("\r\n{\"result\":[NaN]}"), 10, "unexpected-answer"),
        (text("\r\n\u{0}\u{0}"), 10, "unexpected-answer"),
        // A head that is too large.
        (many_headers.into_bytes(), 7, "answer-too-large"),
        (long_header.into_bytes(), 7, "answer-too-large"),
    ] {
        let server = Wire::answers(answer.clone());
        let outcome = run_against(&server.origin(), "test --json");
        let shown = String::from_utf8_lossy(&answer[..answer.len().min(300)]).into_owned();
        assert_eq!((outcome.code, outcome.error_code().as_str()), (exit_code, code), "{shown}");
        let error = first_error(&outcome);
        if !code.ends_with("too-large") {
            assert_eq!(error["evidence"]["transaction_id"], "12ab", "{shown}: {error}");
            assert_eq!(error["evidence"]["http_status"], 200, "{shown}");
        }
        assert_eq!(server.requests(), 1, "{shown}");
    }
    let server = Wire::answers(with_gzip(&zipped, zipped.len()));
    assert_eq!(
        check(&run_against(&server.origin(), "test --json").json()["connections"][0], "access.table")["status"],
        "pass"
    );
}

#[test]
fn what_is_not_http_is_an_error_and_no_hang() {
    for (bytes, exit_code, code) in [
        (&b"SSH-2.0-OpenSSH_9.2p1\r\n"[..], 10, "unexpected-answer"),
        (b"<html>hi</html>", 10, "unexpected-answer"),
        (b"\0\0\0\0\0\0\0\0\0\0", 10, "unexpected-answer"),
        (b"\xff\xfe\xfd\r\n\r\n", 10, "unexpected-answer"),
        (b"HTTP/1.1 999999 x\r\n\r\n", 10, "unexpected-answer"),
        (b"HTTP/1.1 20 x\r\n\r\n", 10, "unexpected-answer"),
        (b"HTTP/9.9 200 x\r\n\r\n", 10, "unexpected-answer"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", 10, "unexpected-answer"),
        (b"HTTP/1.1 200 OK\r\nX\0: y\r\n\r\n", 10, "unexpected-answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 10, "unexpected-answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", 10, "unexpected-answer"),
        (b"HTTP/1.1 200 OK\r\nX: y\r\n", 6, "connection-lost"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", 7, "not-servicenow"),
    ] {
        let server = Wire::answers(bytes);
        let outcome = run_against(&server.origin(), "test --json --timeout 5s");
        let shown = String::from_utf8_lossy(bytes);
        assert_eq!((outcome.code, outcome.error_code().as_str()), (exit_code, code), "{shown:?}: {}", outcome.stdout);
    }
}

/// Runs the program against `server` and notes the most memory it held.
#[cfg(target_os = "linux")]
fn measured(server: &Wire) -> (Value, u64) {
    let home = tempfile::tempdir().unwrap();
    let mut command = snow(home.path());
    command.env("SNOW_INSTANCE", server.origin()).env("SNOW_USERNAME", "beth").env("SNOW_PASSWORD", PASSWORD);
    command.args(["test", "--json", "--timeout", "20s"]).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        // Before it has become the program, the child still has our memory.
        let line =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")).filter(|_| status.starts_with("Name:\tsnow\n"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        peak = peak.max(kilobytes.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut stdout = String::new();
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    (serde_json::from_str(&stdout).unwrap(), peak)
}

#[cfg(target_os = "linux")]
#[test]
fn an_endless_answer_or_a_bomb_costs_no_memory() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    let endless = |start: String, block: Vec<u8>| {
        Wire::plays(move |stream, _| {
            let _ = stream.write_all(start.as_bytes());
            let mut left = 10_737_418_240_usize / block.len();
            while left > 0 && stream.write_all(&block).is_ok() {
                left -= 1;
            }
        })
    };
    let filler = vec![b' '; 64 * 1024];
    let mut chunk = b"10000\r\n".to_vec();
    chunk.extend_from_slice(&filler);
    chunk.extend_from_slice(b"\r\n");
    // 128 MiB of spaces in little.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for _ in 0..128 * 16 {
        bomb.write_all(&filler).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    let mut bombing = format!("{head}Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", bomb.len()).into_bytes();
    bombing.extend_from_slice(&bomb);
    let page = head.replace("application/json", "text/html");
    let many = |value: &str| {
        let values = vec![value; 1_000_000 / (value.len() + 1)].join(",");
        Wire::answers(http(200, "Content-Type: application/json\r\n", &format!(r#"{{"result":[{values}]}}"#)))
    };
    for (server, code) in [
        (endless(format!("{head}\r\n"), filler.clone()), "answer-too-large"),
        (endless(format!("{head}Content-Length: 10737418240\r\n\r\n"), filler.clone()), "answer-too-large"),
        (endless(format!("{head}Transfer-Encoding: chunked\r\n\r\n"), chunk), "answer-too-large"),
        (endless(format!("{head}X-Endless: "), vec![b'x'; 64 * 1024]), "answer-too-large"),
        (endless(format!("{head}Trailer: x\r\n"), b"X-Endless: x\r\n".repeat(100)), "answer-too-large"),
        // A page is known by its beginning.
        (endless(format!("{page}\r\n<html><title>Welcome</title>"), filler.clone()), "not-servicenow"),
        (Wire::answers(bombing), "answer-too-large"),
        // A megabyte of small values, each of which takes a hundred times its bytes.
        (many(r#"{"":0}"#), "answer-too-large"),
        (many("[[]]"), "answer-too-large"),
        (many("0"), "answer-too-large"),
        (many(r#"{"a":{}}"#), "answer-too-large"),
    ] {
        let (document, peak) = measured(&server);
        assert_eq!(document["connections"][0]["code"], code, "{document}");
        assert_eq!(document["exit_code"], 7);
        assert!((1..50_000).contains(&peak), "{code}: {peak} kB");
    }
}

#[test]
fn the_certificate_and_the_clock_are_looked_at_by_the_way() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let authority = Authority::new();
    let files = tempfile::tempdir().unwrap();
    let ca = files.path().join("ca.pem");
    authority.save(&ca);
    let line = format!("test --json --ca-cert {}", ca.display());
    let checked = |leaf, clock: fn() -> chrono::DateTime<chrono::Utc>| {
        let front = authority.front(leaf, &sandbox.origin());
        let mut world = World::new();
        world.clock = clock;
        world.set("SNOW_INSTANCE", &front.origin()).set("SNOW_USERNAME", "admin").set("SNOW_PASSWORD", "sandbox-admin");
        world.run(&line).expect(0).json()["connections"][0].clone()
    };
    let good = checked(Leaf::Good, chrono::Utc::now);
    assert_eq!(check(&good, "quality.clock")["status"], "pass");
    assert_eq!(check(&good, "quality.certificate")["status"], "pass");
    assert!(check(&good, "network.tls")["ms"].is_u64());
    assert!(good["certificate"]["not_after"].as_str().unwrap().starts_with("4096-"), "{good}");

    let ending = checked(Leaf::EndsIn(Duration::from_secs(3 * 86400 + 60)), chrono::Utc::now);
    let warning = check(&ending, "quality.certificate");
    assert_eq!(warning["status"], "warn");
    assert_eq!(warning["error"]["code"], "certificate-ends");
    assert!(warning["error"]["message"].as_str().unwrap().contains("in 3 days"), "{warning}");
    assert_eq!(ending["ok"], true);

    let ahead = checked(Leaf::Good, || chrono::Utc::now() + chrono::TimeDelta::minutes(10));
    let warning = check(&ahead, "quality.clock");
    assert_eq!(warning["error"]["code"], "clock-skew");
    assert!(warning["error"]["message"].as_str().unwrap().contains("10 min ahead"), "{warning}");
}
