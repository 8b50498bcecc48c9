//! What `snow proxy` refuses before the instance hears of it.

use serde_json::json;

use crate::world::World;
use crate::world::ask::Ask;
use crate::world::gateway::{Gateway, refusal};
use crate::world::wire::Wire;

const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\nConnection: close\r\n\r\n{\"result\":[]}";
const TARGET: &str = "/api/now/table/incident";

/// A gateway to an instance that takes everything.
fn gateway(words: &[&str]) -> (Wire, Gateway) {
    let wire = Wire::answers(GOOD);
    let gateway = Gateway::with_token(&wire.origin(), words);
    (wire, gateway)
}

#[test]
fn only_a_host_that_is_this_machine_is_served() {
    let (wire, gateway) = gateway(&[]);
    let port = gateway.host().split_once(':').unwrap().1;
    let reply = |lines: &str| {
        let password = gateway.password();
        gateway.raw(format!(
            "GET {TARGET} HTTP/1.1\r\n{lines}Authorization: Bearer {password}\r\nConnection: close\r\n\r\n"
        ))
    };
    for host in [format!("127.0.0.1:{port}"), format!("localhost:{port}"), format!("LocalHost:{port}")] {
        let reply = reply(&format!("Host: {host}\r\n"));
        assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    }
    let heard = wire.requests();
    for lines in [
        String::new(),
        format!("Host: evil.example:{port}\r\n"),
        format!("Host: 127.0.0.1.evil.example:{port}\r\n"),
        "Host: 127.0.0.1\r\n".to_owned(),
        "Host: 127.0.0.1:1\r\n".to_owned(),
        format!("Host: 127.0.0.2:{port}\r\n"),
        format!("Host: [::1]:{port}\r\n"),
        format!("Host: 127.0.0.1:{port}\r\nHost: evil.example\r\n"),
        format!("Host: evil.example\r\nHost: 127.0.0.1:{port}\r\n"),
        format!("Host: user@127.0.0.1:{port}\r\n"),
    ] {
        assert_eq!(refusal(&reply(&lines)), (403, "usage".to_owned()), "{lines}");
    }
    assert_eq!(wire.requests(), heard);
}

#[test]
fn a_page_in_a_browser_is_not_served_even_with_the_password() {
    let (wire, gateway) = gateway(&[]);
    for (name, value) in [
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Origin", gateway.url()),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ] {
        let reply = gateway.ask("GET", TARGET).header(name, value).send().expect(403);
        assert_eq!(reply.json()["error"]["by"], "snow");
        assert_eq!(reply.header("Access-Control-Allow-Origin"), None);
    }
    gateway.ask("OPTIONS", TARGET).header("Origin", "https://evil.example").send().expect(403);
    assert_eq!(wire.requests(), 0);
}

#[test]
fn without_the_password_of_this_run_nothing_is_served() {
    let (wire, gateway) = gateway(&[]);
    let url = format!("{}{TARGET}", gateway.url());
    for ask in [
        Ask::new("GET", &url),
        Ask::new("GET", &url).basic("any", "wrong"),
        Ask::new("GET", &url).basic(gateway.password(), ""),
        Ask::new("GET", &url).bearer("wrong"),
        Ask::new("GET", &url).bearer(""),
        Ask::new("GET", &url).header("Authorization", gateway.password()),
        Ask::new("GET", &url).bearer(gateway.password()).bearer(gateway.password()),
        Ask::new("POST", &url).body("{}"),
        Ask::new("GET", &format!("{}/oauth_token.do", gateway.url())),
    ] {
        let reply = ask.send().expect(401);
        assert_eq!(reply.json()["error"]["by"], "snow");
        assert!(reply.header("WWW-Authenticate").unwrap().starts_with("Basic realm=\"snow proxy\""));
    }
    assert_eq!(wire.requests(), 0);
    for ask in [
        Ask::new("GET", &url).basic("any", gateway.password()),
        Ask::new("GET", &url).basic("", gateway.password()),
        Ask::new("GET", &url).bearer(gateway.password()),
    ] {
        ask.send().expect(200);
    }
    let (_, other) = self::gateway(&[]);
    assert_ne!(gateway.password(), other.password());
    Ask::new("GET", &url).bearer(other.password()).send().expect(401);
}

#[test]
fn only_reading_is_sent_on_without_write() {
    let (wire, gateway) = gateway(&[]);
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "FROB"] {
        let reply = gateway.ask(method, TARGET).send().expect(405);
        assert_eq!(reply.header("Allow"), Some("GET, HEAD"), "{method}");
        assert_eq!(reply.json()["error"]["code"], "read-only", "{method}");
    }
    for name in ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"] {
        let reply = gateway.ask("GET", TARGET).header(name, "DELETE").send().expect(405);
        assert_eq!(reply.json()["error"]["code"], "read-only");
    }
    assert_eq!(wire.requests(), 0);
    gateway.ask("GET", TARGET).send().expect(200);
    gateway.ask("HEAD", TARGET).send().expect(200);
    assert_eq!(wire.heads().iter().map(|head| head.split(' ').next().unwrap()).collect::<Vec<_>>(), ["GET", "HEAD"]);
}

#[test]
fn with_write_the_methods_of_an_api_are_sent_on_and_no_others() {
    let (wire, gateway) = gateway(&["--write"]);
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        gateway.ask(method, TARGET).send().expect(200);
    }
    let heard = wire.requests();
    for method in ["TRACE", "TRACK", "PROPFIND"] {
        gateway.ask(method, TARGET).send().expect(405);
    }
    assert_eq!((heard, wire.requests()), (5, 5));
}

#[test]
fn only_the_apis_and_given_paths_are_served() {
    let (wire, gateway) = gateway(&["--path", "/sys_report", "--path", "/x_acme/"]);
    for target in ["/api/x", "/api/", "/sys_report", "/sys_report?a=b", "/sys_report/x", "/x_acme/x?y=/login.do"] {
        gateway.ask("GET", target).send().expect(200);
    }
    let heard = wire.requests();
    for target in ["/", "/api", "/apix", "/API/now", "/sys_reports", "/x_acme", "/incident.do", "/?x=/api/", "/%61pi/x"]
    {
        let reply = gateway.ask("GET", target).send().expect(403);
        assert_eq!(reply.json()["error"]["by"], "snow", "{target}");
    }
    assert_eq!(wire.requests(), heard);
}

#[test]
fn what_signs_in_or_gives_tokens_is_never_sent_on() {
    let (wire, gateway) = gateway(&["--write", "--path", "/"]);
    gateway.ask("GET", "/incident.do").send().expect(200);
    let heard = wire.requests();
    for target in [
        "/oauth_token.do",
        "/oauth_token.do?grant_type=refresh_token",
        "/OAuth_Token.do",
        "/oauth_token.do/",
        "/oauth_token.do;x=y",
        "/oauth%5ftoken.do",
        "/oauth%255ftoken.do",
        "/api/oauth_token.do",
        "/oauth_revoke_token.do?token=x",
        "/oauth_auth.do",
        "/login.do",
        "/login_with_sso.do",
        "/logout.do",
    ] {
        for method in ["GET", "POST"] {
            let reply = gateway.ask(method, target).send().expect(403);
            assert_eq!(reply.json()["error"]["by"], "snow", "{target}");
        }
    }
    assert_eq!(wire.requests(), heard);
    let mut world = World::new();
    world.set("SNOW_INSTANCE", &wire.origin()).set("SNOW_ACCESS_TOKEN", "x");
    for path in ["/oauth_token.do", "login.do", "sys_report", "/a?b", "//a", "/a/../b"] {
        world.run(&format!("proxy --json --path {path}")).expect(2);
    }
}

#[test]
fn a_target_that_could_mean_another_place_is_refused() {
    let (wire, gateway) = gateway(&["--write", "--path", "/"]);
    for target in [
        "/api/../oauth_token.do",
        "/api/./x",
        "/api/%2e%2e/x",
        "/api/%2E./x",
        "/api/%252e%252e/x",
        "/api/..;/x",
        "/api/..%2fx",
        "/api\\x",
        "/api/%5c..%5cx",
        "//evil.example/api/x",
        "/api//x",
        "/api/%2f%2fevil.example",
        "/api/x%00",
        "/api/%0d%0aX:y",
    ] {
        let reply = gateway.raw(gateway.head(&format!("GET {target}"), "Connection: close\r\n\r\n"));
        assert_eq!(refusal(&reply), (400, "usage".to_owned()), "{target}");
    }
    for request_line in [
        format!("GET {}/api/x", gateway.url()),
        "GET http://evil.example/api/x".to_owned(),
        "GET https://evil.example/api/x".to_owned(),
        "OPTIONS *".to_owned(),
    ] {
        let reply = gateway.raw(gateway.head(&request_line, "Connection: close\r\n\r\n"));
        assert_eq!(refusal(&reply), (400, "usage".to_owned()), "{request_line}");
    }
    let reply = gateway.raw(gateway.head("CONNECT evil.example:443", "Connection: close\r\n\r\n"));
    assert_eq!(refusal(&reply), (405, "usage".to_owned()));
    let upgrade = "Connection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n";
    assert_eq!(refusal(&gateway.raw(gateway.head("GET /api/x", upgrade))), (400, "usage".to_owned()));
    assert_eq!(wire.requests(), 0);
    let http_2 = "Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n";
    let reply = gateway.raw(gateway.head("GET /api/x", http_2));
    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    assert!(!wire.heads()[0].to_lowercase().contains("upgrade"), "{:?}", wire.heads());
}

#[test]
fn a_connection_that_is_read_only_or_chosen_by_a_directory_does_not_write() {
    let wire = Wire::answers(GOOD);
    let mut world = World::new();
    world.connect_unproven("acme", &wire.origin());
    world.run("edit acme --set read_only=true").expect(0);
    let outcome = world.run("proxy acme --write --json").expect(3);
    assert_eq!(outcome.error_code(), "read-only");
    world.run("edit acme --unset read_only").expect(0);
    std::fs::write(world.home().join(".snow.toml"), "connection = \"acme\"\n").unwrap();
    let outcome = world.run("proxy --write --json").expect(2);
    assert_eq!(outcome.error_code(), "usage");
    outcome.says(&[".snow.toml chose it", "--connection acme"]);
    world.run("proxy other --write --json").expect(3);
    assert_eq!(wire.requests(), 0);
}

#[test]
fn a_local_password_that_can_be_shown_to_nobody_is_usage() {
    let mut world = World::new();
    world.set("SNOW_INSTANCE", "http://127.0.0.1:9").set("SNOW_ACCESS_TOKEN", "x");
    world.run("proxy").expect(2).says(&["--local-password-file FILE, or --json"]);
    let busy = Wire::answers(GOOD);
    let outcome = world.run(&format!("proxy --json --port {}", busy.address().port())).expect(3);
    assert_eq!(outcome.error_code(), "port-in-use");
    assert_eq!(outcome.json()["error"]["class"], json!("config"));
    let outcome = world.run("proxy --local-password-file /dev/null").expect(3);
    outcome.says(&["/dev/null could not be written", "not a regular file"]);
}
