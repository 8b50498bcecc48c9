//! The address a person gives, and that what is sent goes there and nowhere
//! else.

use std::sync::{Arc, Barrier};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use snow_connect::sandbox::{Sandbox, USERS};

use crate::world::wire::{Wire, header, http, run_against};
use crate::world::{World, check};

const ROWS: &str = r#"{"result":[{"sys_id":"1"}]}"#;

/// An instance where everybody may sign in and is who they say.
fn open_instance() -> Wire {
    Wire::replies(|head| match head {
        _ if head.contains("/current_user") => {
            http(200, "", &format!(r#"{{"result":{{"user_name":"{}"}}}}"#, signed_in(head).0))
        }
        _ => http(200, "Set-Cookie: JSESSIONID=0A1B2C; Path=/; HttpOnly\r\n", ROWS),
    })
}

/// User name and password in the head of a request.
fn signed_in(head: &str) -> (String, String) {
    let encoded = header(head, "authorization").and_then(|value| value.strip_prefix("Basic ")).expect("Basic");
    let pair = String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap();
    let (user, password) = pair.split_once(':').unwrap();
    (user.to_owned(), password.to_owned())
}

// B5
#[test]
fn the_canonical_origin_is_what_is_stored_and_shown() {
    for (typed, origin, name) in [
        ("dev1", "https://dev1.service-now.com", "dev1"),
        ("DEV1.Service-Now.COM.", "https://dev1.service-now.com", "dev1"),
        ("https://dev1.service-now.com:443/nav_to.do?uri=x@y#z", "https://dev1.service-now.com", "dev1"),
        ("dev1.service-now.com.evil.example", "https://dev1.service-now.com.evil.example", "dev1"),
        ("https://xn--dv1-bma.service-now.com/", "https://xn--dv1-bma.service-now.com", "xn--dv1-bma"),
        ("https://snow-onprem:8443/login.do", "https://snow-onprem:8443", "snow-onprem"),
        ("http://[::1]:8080/x", "http://[::1]:8080", "1--8080"),
    ] {
        let mut world = World::new();
        world.stdin("sandbox-admin");
        let words = ["connect", typed, "--username", "admin", "--password-stdin", "--no-test", "--json"];
        let outcome = world.run_words(&words).expect(0);
        assert_eq!(outcome.json()["connection"]["instance"], origin, "{typed}");
        assert_eq!(outcome.json()["connection"]["name"], name, "{typed}");
        assert!(world.config().contains(&format!("instance = \"{origin}\"")), "{typed}: {}", world.config());
        assert_eq!(world.run(&format!("show {name} --json")).json()["connection"]["instance"], origin);
        world.run(&format!("show {name}")).expect(0).says(&[origin]);
    }
}

// B5, A12
#[test]
fn an_address_that_could_lead_astray_is_refused_before_anything_happens() {
    for (typed, code) in [
        ("https://dev1.service-now.com@evil.example", "invalid-instance"),
        ("https://admin:sandbox-admin@dev1.service-now.com", "invalid-instance"),
        ("https://dev1.service-now.com\\.evil.example", "invalid-instance"),
        ("https://dev1%2eservice-now.com", "invalid-instance"),
        ("https://dev1.sеrvice-now.com", "invalid-instance"),
        ("https://dev1.service-now.com\u{202e}", "invalid-instance"),
        ("https://xn--.service-now.com", "invalid-instance"),
        ("https:///evil.example", "invalid-instance"),
        ("file:///etc/passwd", "invalid-instance"),
        ("https://2130706433", "invalid-instance"),
        ("developer.servicenow.com", "invalid-instance"),
        ("http://dev1.service-now.com", "insecure-instance"),
        ("http://127.0.0.1.evil.example", "insecure-instance"),
    ] {
        let mut world = World::new();
        world.stdin("sandbox-admin");
        let words = ["connect", typed, "--username", "admin", "--password-stdin", "--no-test", "--json"];
        let outcome = world.run_words(&words).expect(3);
        assert_eq!(outcome.error_code(), code, "{typed}");
        assert_eq!(world.config(), "", "{typed}");
    }
}

#[test]
fn a_name_below_localhost_is_this_machine_whatever_a_name_server_says() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    // No name server knows it; one that did would not be asked.
    let origin = sandbox.origin().replace("127.0.0.1", "acme.localhost");
    world.connect("acme", &origin, "beth.anglin", "sandbox-beth");
    let tested = world.run("test acme --json").expect(0).json();
    assert_eq!(tested["connections"][0]["instance"], origin.as_str());
    assert!(sandbox.requests() > 0);
}

#[test]
fn the_api_version_of_a_base_url_or_a_flag_is_in_every_table_path() {
    let server = open_instance();
    let mut world = World::new();
    for (target, flag, path) in [
        ("/api/now/v2", "", "/api/now/v2/table/sys_user?"),
        ("/api/now/v1/table/incident", "", "/api/now/v1/table/sys_user?"),
        ("/api/now/v2", " --api-version v1", "/api/now/v1/table/sys_user?"),
        ("", " --api-version v2", "/api/now/v2/table/sys_user?"),
        ("/nav_to.do?uri=/api/now/v2", "", "/api/now/table/sys_user?"),
    ] {
        let line = format!("connect {}{target} --name x --username admin --password-stdin{flag}", server.origin());
        world.stdin("sandbox-admin").run(&line).expect(0);
        let asked = server.heads();
        assert!(asked[asked.len() - 2].starts_with(&format!("GET {path}")), "{target}{flag}: {asked:?}");
        // It is saved with the connection.
        world.run("test x").expect(0);
        let asked = server.heads();
        assert!(asked[asked.len() - 2].starts_with(&format!("GET {path}")), "{target}{flag}: {asked:?}");
        world.run("remove x --yes").expect(0);
    }
}

#[test]
fn an_empty_list_is_404_in_version_1_and_nothing_else_there() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    let line =
        format!("connect {} --name x --username joe.employee --password-stdin --api-version v1", sandbox.origin());
    world.stdin("sandbox-joe").run(&line).expect(0);
    sandbox.set_scenario(Some(snow_connect::sandbox::scenario::Scenario::TableHidden));
    let outcome = world.run("test x --table incident --json").expect(0);
    let report = &outcome.json()["connections"][0];
    assert_eq!(check(report, "access.table")["status"], "warn", "{report}");
    assert_eq!(check(report, "access.table")["error"]["evidence"]["http_status"], 404);
    world.run("test x --table incidnt --json").expect(10);

    // The same words without the version are about a record.
    let none = r#"{"error":{"message":"No Record found","detail":null},"status":"failure"}"#;
    let server = Wire::answers(http(404, "X-Total-Count: 9\r\n", none));
    let outcome = run_against(&server.origin(), "test --json --table incident").expect(10);
    assert_eq!(outcome.error_code(), "record-missing");
    // Where it counts all the same, the count is believed.
    let outcome = run_against(&format!("{}/api/now/v1", server.origin()), "test --json --table incident").expect(5);
    assert_eq!(outcome.error_code(), "table-hidden");
}

// B7
#[test]
fn two_connections_to_one_host_each_send_their_own_user_also_at_once() {
    let together = Arc::new(Barrier::new(2));
    let meeting = together.clone();
    let server = Wire::plays(move |stream, head| {
        use std::io::Write;
        // Both requests are under way before either is answered.
        meeting.wait();
        let body = if head.contains("/current_user") {
            format!(r#"{{"result":{{"user_name":"{}"}}}}"#, signed_in(head).0)
        } else {
            ROWS.to_owned()
        };
        let _ = stream.write_all(http(200, "", &body).as_bytes());
    });
    let origin = server.origin();
    let users = [&USERS[0], &USERS[1]];
    std::thread::scope(|scope| {
        for user in users {
            let origin = &origin;
            scope.spawn(move || {
                let mut world = World::new();
                world.set("SNOW_INSTANCE", origin).set("SNOW_USERNAME", user.user_name);
                world.set("SNOW_PASSWORD", user.password);
                let outcome = world.run("test --json").expect(0);
                let report = &outcome.json()["connections"][0];
                assert_eq!(report["identity"]["user_name"], user.user_name);
                assert_eq!(report["identity"]["source"], "instance", "{report}");
            });
        }
    });
    let sent: Vec<_> = server.heads().iter().map(|head| signed_in(head)).collect();
    for user in users {
        let own = (user.user_name.to_owned(), user.password.to_owned());
        assert_eq!(sent.iter().filter(|pair| **pair == own).count(), 2, "{:?}", user.user_name);
    }
    assert_eq!(sent.len(), 4);
}

// B7
#[test]
fn two_connections_to_one_host_in_one_run_share_nothing() {
    let server = open_instance();
    let mut world = World::new();
    world.connect("one", &server.origin(), USERS[0].user_name, USERS[0].password);
    let line = format!("connect {} --name two --username svc.ci --password-stdin", server.origin());
    world.stdin(USERS[2].password).run(&line).expect(0);
    let before = server.requests();
    // Named twice, it is tested once.
    let outcome = world.run("test one two ONE --json").expect(0);
    assert_eq!(outcome.json()["summary"]["total"], 2);
    let names: Vec<_> = (0..2).map(|at| outcome.json()["connections"][at]["identity"]["user_name"].clone()).collect();
    assert_eq!(names, ["admin", "svc.ci"]);
    let mut users: Vec<_> = server.heads()[before..].iter().map(|head| signed_in(head).0).collect();
    // They are tested at the same time.
    users.sort();
    assert_eq!(users, ["admin", "admin", "svc.ci", "svc.ci"]);
}

// B8
#[test]
fn a_cookie_that_was_set_never_comes_back() {
    let server = open_instance();
    let mut world = World::new();
    world.connect("one", &server.origin(), "admin", "sandbox-admin");
    world.run("test one --table incident,problem").expect(0);
    assert_eq!(server.requests(), 5);
    for head in server.heads() {
        assert_eq!(header(&head, "cookie"), None, "{head}");
        assert!(header(&head, "authorization").is_some(), "{head}");
    }
}
