//! What can go wrong on the wire: redirects, TLS, proxies, and answers that
//! are hostile or broken.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use snow_connect::sandbox::Sandbox;

use crate::world::process::snow;
use crate::world::tls::{Authority, Front, Leaf};
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
    // The knock itself carried nothing.
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
