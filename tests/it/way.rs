//! The way to an instance, with real programs on it: a TLS server with faults
//! (`openssl s_server`) and a proxy (`tinyproxy`).

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::oauth::free_port;
use crate::world::process::{Guard, tool};
use crate::world::socks::{Rules, SocksProxy};
use crate::world::tls::{Authority, Leaf};
use crate::world::wire::{Wire, first_error, header, http, run_against};
use crate::world::{Outcome, PASSWORD, World};

const ROWS: &str = r#"{"result":[{"sys_id":"1"}]}"#;
const CANARY: &str = "CANARY-of-the-proxy";

// ---- TLS ----

/// A TLS server with this certificate and these options more.
struct TlsServer {
    origin: String,
    ca: String,
    _files: tempfile::TempDir,
    _server: Guard,
}

impl TlsServer {
    fn start(leaf: Leaf, options: &[&str]) -> Self {
        let files = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let ca = files.path().join("ca.pem");
        authority.save(&ca);
        let (certificate, key) = authority.save_leaf(leaf, files.path());
        let mut command = tool("openssl");
        command.args(["s_server", "-accept", "127.0.0.1:0", "-www", "-CAfile"]).arg(&ca);
        command.arg("-cert").arg(certificate).arg("-key").arg(key).args(options);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut server = command.spawn().unwrap();
        let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let port = lines.find_map(|line| Some(line.ok()?.strip_prefix("ACCEPT ")?.rsplit_once(':')?.1.to_owned()));
        let port = port.unwrap_or_else(|| panic!("openssl s_server {options:?} does not listen"));
        // What it says later is of no use, and must not stop it.
        std::thread::spawn(move || lines.for_each(drop));
        let ca = ca.display().to_string();
        Self { origin: format!("https://localhost:{port}"), ca, _files: files, _server: Guard(server) }
    }

    fn test(&self) -> Outcome {
        run_against(&self.origin, &format!("test --json --timeout 10s --ca-cert {}", self.ca))
    }
}

#[test]
fn a_real_server_with_a_fault_in_its_tls_is_told_by_the_fault() {
    for (leaf, options, code, words) in [
        (Leaf::Good, &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"][..], "tls-failure", "TLS 1.2"),
        (Leaf::Good, &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"], "tls-failure", "TLS 1.2"),
        (Leaf::Good, &["-tls1_2", "-Verify", "1", "-verify_return_error"], "tls-failure", "client certificate"),
        (Leaf::Expired, &[], "tls-expired", "expired"),
        (Leaf::NotYetValid, &[], "tls-expired", "not valid yet"),
        (Leaf::OtherName, &[], "tls-name-mismatch", "other.example"),
        (Leaf::SelfSigned { is_authority: false }, &[], "tls-untrusted", "not signed by a certificate authority"),
        (Leaf::SelfSigned { is_authority: true }, &[], "tls-untrusted", "not signed by a certificate authority"),
        (Leaf::WrongPurpose, &[], "tls-failure", "No secret was sent"),
    ] {
        let server = TlsServer::start(leaf, options);
        let outcome = server.test();
        assert_eq!((outcome.code, outcome.error_code().as_str()), (6, code), "{options:?}: {}", outcome.stdout);
        outcome.says(&[words, "No secret was sent"]);
    }
}

#[test]
fn a_real_server_that_wants_a_client_certificate_by_tls_1_3_is_told_so() {
    let server = TlsServer::start(Leaf::Good, &["-tls1_3", "-Verify", "1", "-verify_return_error"]);
    let outcome = server.test().expect(6);
    assert_eq!(outcome.error_code(), "tls-failure");
    outcome.says(&["client certificate"]);
}

#[test]
fn a_real_server_without_a_fault_is_spoken_to() {
    for options in [&["-tls1_2"], &["-tls1_3"]] {
        // It has a page and no API.
        let outcome = TlsServer::start(Leaf::Good, options).test().expect(7);
        assert_eq!(outcome.error_code(), "not-servicenow", "{options:?}");
    }
}

// ---- a proxy ----

/// A real proxy that hands everything for our instance to `beyond`.
struct Proxy {
    address: SocketAddr,
    _files: tempfile::TempDir,
    _server: Guard,
}

impl Proxy {
    fn start(beyond: SocketAddr, settings: &str) -> Self {
        let files = tempfile::tempdir().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let file = files.path().join("tinyproxy.conf");
        let content = format!(
            "Port {}\nListen 127.0.0.1\nAllow 127.0.0.1\nTimeout 20\nMaxClients 20\nUpstream http {beyond} \".invalid\"\n{settings}\n",
            address.port()
        );
        std::fs::write(&file, content).unwrap();
        let server = Guard(Self::spawn(&file));
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(started.elapsed() < Duration::from_secs(10), "tinyproxy does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { address, _files: files, _server: server }
    }

    fn spawn(file: &Path) -> std::process::Child {
        let mut command = tool("tinyproxy");
        command.arg("-d").arg("-c").arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().unwrap()
    }
}

/// Beyond the proxy: tunnels every CONNECT to `target`.
fn tunnel_to(target: SocketAddr) -> Wire {
    Wire::plays(move |stream, _| {
        let mut target = TcpStream::connect(target).unwrap();
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
        let (mut back, mut to_client) = (target.try_clone().unwrap(), stream.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut back, &mut to_client));
        let _ = std::io::copy(stream, &mut target);
    })
}

/// Tests an instance that only the proxy can find.
fn through(proxy: &str, more: &[(&str, &str)], line: &str) -> Outcome {
    let mut world = World::new();
    world.guard(CANARY);
    world.set("HTTPS_PROXY", proxy);
    world.set("SNOW_INSTANCE", "https://proxy-target.invalid");
    world.set("SNOW_USERNAME", "beth").set("SNOW_PASSWORD", PASSWORD);
    for (name, value) in more {
        world.set(name, value);
    }
    world.run(line)
}

#[test]
fn a_real_proxy_is_gone_through_with_its_password_and_the_instance_never_sees_it() {
    let server = Wire::replies(|head| {
        if head.contains("current_user") {
            http(200, "", r#"{"result":{"user_name":"beth"}}"#)
        } else {
            http(200, "", ROWS)
        }
    });
    let authority = Authority::new();
    let files = tempfile::tempdir().unwrap();
    let ca = files.path().join("ca.pem");
    authority.save(&ca);
    let front = authority.front(Leaf::Named("proxy-target.invalid"), &server.origin()).address;
    let line = format!("test --json --timeout 10s --ca-cert {}", ca.display());

    let beyond = tunnel_to(front);
    let open = Proxy::start(beyond.address(), "");
    through(&format!("http://{}", open.address), &[], &line).expect(0);

    let guarded = Proxy::start(beyond.address(), &format!("BasicAuth user {CANARY}"));
    through(&format!("http://user:{CANARY}@{}", guarded.address), &[], &line).expect(0);
    assert_eq!(server.requests(), 4);
    for head in server.heads() {
        assert!(header(&head, "proxy-authorization").is_none() && header(&head, "authorization").is_some(), "{head}");
    }
    for head in beyond.heads() {
        assert!(head.starts_with("CONNECT proxy-target.invalid:443 ") && !head.contains("uthorization"), "{head}");
    }

    // Without a password this proxy says 407. To a wrong one it says 401, which
    // the library that asks for the tunnel does not hand on.
    for (user, code) in [("", "proxy-auth"), ("user:CANARY-of-another@", "proxy-failure"), ("nobody@", "proxy-failure")]
    {
        let outcome = through(&format!("http://{user}{}", guarded.address), &[], &line).expect(6);
        assert_eq!(outcome.error_code(), code, "{user}");
        let error = first_error(&outcome);
        assert_eq!(error["evidence"]["proxy"], format!("http://{}", guarded.address).as_str());
        outcome.says(&["password", "No secret was sent"]);
        assert!(!outcome.stdout.contains("CANARY"), "{}", outcome.stdout);
    }
    assert_eq!(server.requests(), 4);

    // What NO_PROXY exempts goes straight, and nobody knows this name.
    let before = beyond.requests();
    for exception in ["*", "invalid", ".invalid", "proxy-target.invalid:443", "x, PROXY-TARGET.INVALID"] {
        let outcome = through(&format!("http://{}", open.address), &[("NO_PROXY", exception)], &line).expect(6);
        assert_eq!(outcome.error_code(), "dns-failure", "{exception}");
    }
    assert_eq!(beyond.requests(), before);
    through(&format!("http://{}", open.address), &[("NO_PROXY", "proxy-target.invalid:80")], &line).expect(0);
}

#[test]
fn user_and_password_reach_a_socks_proxy_and_no_text() {
    let server = Wire::replies(|head| {
        let body = if head.contains("current_user") { r#"{"result":{"user_name":"beth"}}"# } else { ROWS };
        http(200, "", body)
    });
    let authority = Authority::new();
    let files = tempfile::tempdir().unwrap();
    let ca = files.path().join("ca.pem");
    authority.save(&ca);
    let host = "proxy-target.invalid";
    let target = authority.front(Leaf::Named(host), &server.origin()).address;
    let socks = SocksProxy::start(Rules { user: "be th", password: CANARY, host, target }).address;
    let line = format!("test --json --timeout 10s --ca-cert {}", ca.display());
    // GNOME's scheme, and the one of curl.
    for scheme in ["socks", "socks5h", "SOCKS"] {
        through(&format!("{scheme}://be%20th:{CANARY}@{socks}"), &[], &line).expect(0);
    }
    assert_eq!(server.requests(), 6);
    for login in ["", "be%20th:CANARY-of-another@", "beth@"] {
        let outcome = through(&format!("socks5h://{login}{socks}"), &[], &line).expect(6);
        assert_eq!(outcome.error_code(), "proxy-failure", "{login}");
        assert_eq!(first_error(&outcome)["evidence"]["proxy"], format!("socks5h://{socks}"));
        outcome.says(&["HTTPS_PROXY", "password", "No secret was sent"]);
        assert!(!outcome.stdout.contains("CANARY"), "{}", outcome.stdout);
    }
    // SOCKS4 has no password, and the library that speaks it sends no user.
    let socks4 = format!("socks4a://user:{CANARY}@{socks}");
    let outcome = through(&socks4, &[], &line).expect(3);
    assert_eq!(outcome.error_code(), "proxy-invalid");
    outcome.says(&["HTTPS_PROXY", "SOCKS4"]);
    through(&socks4, &[], "doctor --json").says(&["HTTPS_PROXY has a user name for a SOCKS4 proxy"]);
    assert_eq!(server.requests(), 6);
}

#[test]
fn a_failure_names_the_setting_that_sets_the_proxy() {
    let closed = "http://127.0.0.1:1";
    let mut world = World::new();
    let instance = "https://proxy-target.invalid";
    world
        .stdin(b"secret")
        .run(&format!("connect {instance} --name x --username u --password-stdin --no-test"))
        .expect(0);
    world.run(&format!("test x --json --proxy {closed}")).expect(6).says(&["Check --proxy"]);
    for name in ["ALL_PROXY", "https_proxy"] {
        world.set(name, closed);
        world.run("test x --json").expect(6).says(&[&format!("Check {name}")]);
        world.unset(name);
    }
    world.run(&format!("edit x --set proxy={closed}")).expect(0);
    world.run("test x --json").expect(6).says(&["Check the proxy of the connection"]);
    world.run("edit x --set proxy=socks://127.0.0.1:1").expect(0);
    world.run("test x --json").expect(6);
    for text in ["http://127.0.0.1:1/?apikey=CANARY", "http://127.0.0.1:1/CANARY", "u:CANARY", "127.0.0.1:1#CANARY"] {
        let outcome = world.run(&format!("edit x --set proxy={text} --json")).expect(3);
        assert_eq!(outcome.error_code(), "proxy-invalid", "{text}");
        assert!(!format!("{outcome:?}").contains("CANARY"), "{outcome:?}");
        world.run(&format!("list --proxy {text}")).expect(3);
    }
}

#[test]
fn what_a_real_proxy_refuses_or_cannot_do_is_the_proxys() {
    let nobody = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let refusing = Wire::answers("HTTP/1.1 403 Filtered\r\nContent-Type: text/html\r\n\r\n<html>Company policy</html>");
    for (beyond, settings) in [
        // No such port, a page from further on, nobody further on.
        (refusing.address(), "ConnectPort 563"),
        (refusing.address(), ""),
        (nobody, ""),
    ] {
        let proxy = Proxy::start(beyond, settings);
        let outcome = through(&format!("http://user:{CANARY}@{}", proxy.address), &[], "test --json --timeout 10s");
        let outcome = outcome.expect(6);
        assert_eq!(outcome.error_code(), "proxy-failure", "{settings}: {}", outcome.stdout);
        outcome.says(&[&format!("http://{}", proxy.address), "No secret was sent"]);
    }
    // It was there, and is gone.
    let address = Proxy::start(nobody, "").address;
    let outcome = through(&format!("http://{address}"), &[], "test --json").expect(6);
    assert_eq!(outcome.error_code(), "proxy-failure");
}

#[test]
fn a_proxy_that_cannot_be_read_is_refused_by_name_before_anything_is_sent() {
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"] {
        for value in ["htp://user:CANARY-of-the-proxy@127.0.0.1:1", "user:CANARY-of-the-proxy", "http//127.0.0.1:1"] {
            let mut world = World::new();
            world.guard(CANARY);
            world.set("SNOW_INSTANCE", "https://proxy-target.invalid");
            world.set("SNOW_USERNAME", "beth").set("SNOW_PASSWORD", PASSWORD).set(name, value);
            let outcome = world.run("test --json").expect(3);
            assert_eq!(outcome.error_code(), "proxy-invalid", "{name}={value}");
            outcome.says(&[name, "Nothing was sent"]);
            // The same of what examines the machine.
            let examined = world.run("doctor --json");
            let checks = examined.json()["checks"].as_array().unwrap().clone();
            let refused = checks.iter().find(|check| check["status"] == "fail" && check["id"] == "network.proxy");
            assert!(refused.unwrap()["message"].as_str().unwrap().contains(name), "{checks:?}");
            // A flag goes before all of them.
            let outcome = world.run("test --json --proxy http://127.0.0.1:1").expect(6);
            assert_eq!(outcome.error_code(), "proxy-failure");
        }
    }
    for value in ["htp://127.0.0.1:1", "127.0.0.1:1", "http://"] {
        let mut world = World::new();
        let outcome = world.run(&format!("list --json --proxy {value}")).expect(3);
        assert_eq!(outcome.error_code(), "proxy-invalid", "{value}");
        outcome.says(&["--proxy"]);
    }
}

#[test]
fn a_loopback_instance_never_goes_through_a_proxy() {
    let proxy = Wire::answers(http(200, "", ROWS));
    let server = Wire::replies(|head| {
        if head.contains("current_user") {
            http(200, "", r#"{"result":{"user_name":"beth"}}"#)
        } else {
            http(200, "", ROWS)
        }
    });
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"] {
        let mut world = World::new();
        world.set(name, &proxy.origin());
        world.set("SNOW_INSTANCE", &server.origin()).set("SNOW_USERNAME", "beth").set("SNOW_PASSWORD", PASSWORD);
        world.run("test").expect(0);
    }
    assert_eq!(proxy.requests(), 0);
}
