//! Signing out: tokens are revoked in the form, the secrets here go whatever
//! the instance says; and no redirect is followed with any of it.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use snow_connect::sandbox::Sandbox;
use snow_connect::sandbox::scenario::Scenario;

use crate::oauth::connected;
use crate::world::World;
use crate::world::items;
use crate::world::oauth::who;
use crate::world::session::{
    self, ACCESS_TOKEN, CLIENT_SECRET, REFRESH_TOKEN, Received, Scripted, kept, saved, world_with, world_with_secret,
};
use crate::world::wire::{Wire, http};

const REVOCATION: &str = "/oauth_revoke_token.do";

/// An instance whose revocation endpoint answers with these bytes.
fn revoking(answer: impl Into<Vec<u8>>) -> Scripted {
    let answer = answer.into();
    Scripted::plays(move |request, _| (request.path == REVOCATION).then(|| answer.clone()))
}

fn outcome(document: &Value) -> Value {
    document["connections"][0].clone()
}

#[track_caller]
fn assert_nothing_is_left(world: &World) {
    assert_eq!(saved(world), Value::Null);
    assert_eq!(kept(world, items::CLIENT_SECRET), Value::Null);
}

// T1
#[test]
fn logout_revokes_the_refresh_token_and_then_the_access_token_in_the_form() {
    let instance = Scripted::plays(|_, _| None);
    let mut world = world_with_secret(&instance.origin(), 900);
    world.guard(ACCESS_TOKEN);
    let document = world.run("logout acme --json --yes").expect(0).json();
    assert_eq!(document["schema"], "snow.logout/1");
    assert_eq!(outcome(&document)["revoked"], true);
    assert_eq!(outcome(&document)["error"], Value::Null);
    let requests = instance.received();
    let form = |request: &Received, name: &str| request.form(name).unwrap_or_default();
    let sent: Vec<_> =
        requests.iter().map(|request| (form(request, "token"), form(request, "token_type_hint"))).collect();
    let expected = [(REFRESH_TOKEN, "refresh_token"), (ACCESS_TOKEN, "access_token")];
    assert_eq!(sent, expected.map(|(token, hint)| (token.to_owned(), hint.to_owned())));
    for request in &requests {
        assert!(request.head.starts_with("POST /oauth_revoke_token.do HTTP/1.1\r\n"), "{}", request.head);
        assert_eq!(form(request, "client_id"), "sandbox-public");
        assert_eq!(form(request, "client_secret"), CLIENT_SECRET);
        assert_eq!(request.authorization(), None);
    }
    assert_nothing_is_left(&world);
    assert_eq!(world.run("status acme --json").expect(0).json()["session"]["health"], "absent");
    assert_eq!(world.run("token acme --json").expect(4).error_code(), "no-credential");
    assert!(world.config().contains("[connections.acme]"));
}

#[test]
fn what_was_signed_out_is_of_no_use_at_the_instance() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = connected(&sandbox);
    let access_token = saved(&world)["access_token"].clone();
    assert!(who(&sandbox, &access_token).is_ok());
    world.run("logout acme --yes").expect(0).says(&["This also signs out other machines"]);
    assert_eq!(who(&sandbox, &access_token), Err(401));
    assert_eq!(sandbox.revocations(), 2);
    // Signed out is signed out: nothing is left to revoke.
    let document = world.run("logout acme --json --yes").expect(0).json();
    assert_eq!(outcome(&document)["revoked"], Value::Null);
    assert_eq!(sandbox.revocations(), 2);
    world.run("login acme").expect(0);
    world.run("test acme").expect(0);
}

// D15
#[test]
fn whatever_the_instance_says_the_secrets_here_go() {
    let page = "<html><head><title>Instance Hibernating page</title></head></html>";
    let answers = [
        (http(503, "Content-Type: text/html\r\n", "<html>"), "instance-unavailable"),
        (http(404, "", ""), "unexpected-answer"),
        (http(400, "", r#"{"error":"unsupported_token_type"}"#), "unexpected-answer"),
        (http(401, "", r#"{"error":"invalid_client"}"#), "unexpected-answer"),
        (http(429, "Retry-After: 60\r\n", ""), "rate-limited"),
        (http(302, "Location: /login.do\r\n", ""), "login-page"),
        (http(200, "Content-Type: text/html\r\n", page), "instance-hibernating"),
        (String::new(), "connection-lost"),
    ];
    for command in ["logout acme --yes", "remove acme --yes"] {
        for (answer, reason) in &answers {
            let instance = revoking(answer.clone());
            let mut world = world_with_secret(&instance.origin(), 900);
            world.guard(ACCESS_TOKEN);
            let document = world.run(&format!("{command} --json")).expect(7).json();
            let outcome = outcome(&document);
            assert_eq!(outcome["revoked"], false, "{answer}");
            assert_eq!(outcome["error"]["code"], "not-revoked", "{answer}");
            assert_eq!(outcome["error"]["evidence"]["reason"], *reason, "{answer}");
            assert_eq!(document["exit_code"], 7);
            assert_eq!(instance.received_at(REVOCATION).len(), 2, "both tokens: {answer}");
            match command {
                "logout acme --yes" => assert_nothing_is_left(&world),
                _ => assert!(!world.config().contains("acme"), "{}", world.config()),
            }
        }
    }
}

// D15
#[test]
fn an_instance_that_never_answers_costs_one_deadline_and_the_secrets_go() {
    let instance = Scripted::plays(|request, _| {
        if request.path == REVOCATION {
            std::thread::sleep(Duration::from_secs(4));
        }
        None
    });
    let mut world = world_with_secret(&instance.origin(), 900);
    let started = Instant::now();
    let document = world.run("logout acme --json --timeout 1s --yes").expect(7).json();
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(outcome(&document)["error"]["evidence"]["reason"], "timeout");
    assert_nothing_is_left(&world);
}

#[test]
fn an_instance_that_is_gone_keeps_nobody_signed_in_here() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = connected(&sandbox);
    drop(sandbox);
    let outcome = world.run("logout acme --yes").expect(7);
    outcome.says(&["signed out", "System OAuth > Manage Tokens"]);
    assert_nothing_is_left(&world);
}

#[test]
fn local_asks_nobody() {
    for (command, schema) in [("logout acme --yes", "snow.logout/1"), ("remove acme --yes", "snow.remove/1")] {
        let instance = Scripted::plays(|_, _| None);
        let mut world = world_with_secret(&instance.origin(), 900);
        let document = world.run(&format!("{command} --local --json")).expect(0).json();
        assert_eq!(document["schema"], schema);
        assert_eq!(outcome(&document)["revoked"], Value::Null);
        assert_eq!(instance.received().len(), 0);
        if schema == "snow.logout/1" {
            assert_nothing_is_left(&world);
        }
    }
}

#[test]
fn all_signs_out_of_each_and_says_where_it_failed() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = connected(&sandbox);
    world.connect("basic", &sandbox.origin(), "admin", "sandbox-admin");
    sandbox.set_scenario(Some(Scenario::RevocationUnavailable));
    let document = world.run("logout --all --yes --json").expect(7).json();
    let connections = document["connections"].as_array().unwrap();
    let shown: Vec<_> = connections.iter().map(|each| (each["name"].clone(), each["revoked"].clone())).collect();
    assert_eq!(shown, [(json!("acme"), json!(false)), (json!("basic"), Value::Null)]);
    assert_nothing_is_left(&world);
    assert_eq!(world.run("test basic --json").expect(4).error_code(), "no-credential");
}

#[test]
fn a_record_that_cannot_be_used_is_forgotten_and_nothing_sent() {
    let instance = Scripted::plays(|_, _| None);
    let elsewhere = json!({ "origins": { "instance": "https://other.service-now.com" } });
    for changes in [elsewhere, json!({ "v": 99 }), json!({ "access_token": 7 }), json!({ "client_id": "another" })] {
        let mut world = world_with(&instance.origin(), 900, changes.clone());
        let document = world.run("logout acme --json --yes").expect(7).json();
        assert_eq!(outcome(&document)["revoked"], false, "{changes}");
        assert_eq!(instance.received().len(), 0, "{changes}");
        assert_nothing_is_left(&world);
    }
}

#[test]
fn remove_signs_out_first_and_leaves_no_trace() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = connected(&sandbox);
    let record = saved(&world);
    let document = world.run("remove acme --yes --json").expect(0).json();
    assert_eq!(outcome(&document)["revoked"], true);
    assert_eq!(who(&sandbox, &record["access_token"]), Err(401));
    assert!(!world.config().contains("acme"));
    let id = outcome(&document)["id"].as_str().unwrap().to_owned();
    let state = std::fs::read_to_string(world.home().join(".local/state/snow/sessions.json")).unwrap();
    assert!(!state.contains(&id), "{state}");
}

// B1, B2, V5
#[test]
fn an_entry_that_stays_without_its_secrets_is_said() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    let lock = world.home().join(".local/state/snow/locks/config.lock");
    std::fs::remove_file(&lock).unwrap();
    std::fs::create_dir(&lock).unwrap();
    let outcome = world.run("remove acme --yes").expect(3);
    outcome.says(&["config-unwritable", "The secrets of acme are deleted, and its entry is not."]);
    assert!(!outcome.stderr.contains("Nothing was changed"), "{outcome:?}");
    assert_eq!(world.run("test acme --json").expect(4).error_code(), "no-credential");
    std::fs::remove_dir(&lock).unwrap();
    world.run("remove acme --yes").expect(0);
}

#[test]
fn no_redirect_of_the_token_or_revocation_endpoint_is_followed() {
    let evil = Wire::answers(http(
        200,
        "Content-Type: application/json\r\n",
        r#"{"access_token":"evil","token_type":"Bearer"}"#,
    ));
    let port = evil.address().port();
    let targets = [
        format!("http://127.0.0.1:{port}/oauth_token.do"),
        format!("http://localhost:{port}/oauth_token.do"),
        format!("https://127.0.0.1:{port}/oauth_token.do"),
        format!("//127.0.0.1:{port}/x"),
        format!("http:\\\\127.0.0.1:{port}\\x"),
        format!("http://user:word@127.0.0.1:{port}/x"),
        "javascript:alert(1)".to_owned(),
        "file:///etc/passwd".to_owned(),
    ];
    for status in [301, 302, 303, 307, 308] {
        for target in &targets {
            let answer = http(status, &format!("Location: {target}\r\n"), "");
            let instance =
                Scripted::plays(move |request, _| (request.method == "POST").then(|| answer.clone().into_bytes()));
            let mut world = world_with_secret(&instance.origin(), -1);
            world.guard(ACCESS_TOKEN);
            let before = saved(&world);
            let refused = world.run("token acme --json").expect(7);
            assert_eq!(refused.error_code(), "redirected", "{status} {target}");
            assert!(!refused.stdout.contains("word@"), "{}", refused.stdout);
            assert_eq!(saved(&world), before, "{status} {target}");
            let document = world.run("logout acme --json --yes").expect(7).json();
            assert_eq!(outcome(&document)["error"]["code"], "not-revoked", "{status} {target}");
            assert_eq!(instance.received().len(), 3, "{status} {target}");
        }
    }
    assert_eq!(evil.requests(), 0, "{:?}", evil.heads());
}

// B1: also not to another place at the same origin.
#[test]
fn a_redirect_at_the_same_origin_is_not_followed_either() {
    for status in [301, 302, 303, 307, 308] {
        let instance = Scripted::plays(move |request, _| {
            (request.path == "/oauth_token.do").then(|| http(status, "Location: /elsewhere\r\n", "").into_bytes())
        });
        let mut world = world_with(&instance.origin(), -1, json!({}));
        world.run("token acme").expect(7);
        assert_eq!(instance.received().len(), 1);
    }
}

// B18
#[test]
fn a_token_endpoint_elsewhere_gets_refresh_tokens_and_the_instance_access_tokens() {
    let (instance, provider) = (
        Scripted::plays(|_, _| None),
        Scripted::plays(|request, _| {
            (request.path == "/token").then(|| session::tokens("given-elsewhere", "refreshed-elsewhere", 1800))
        }),
    );
    let origins = json!({ "instance": instance.origin(), "token_endpoint": provider.origin() });
    let mut world = world_with(&instance.origin(), -1, json!({ "origins": origins }));
    let more = format!("token_url = \"{0}/token\"\nrevocation_url = \"{0}/revoke\"\n", provider.origin());
    world.write_config(session::config(&instance.origin(), &more));
    world.run("test acme").expect(0);
    let asked = provider.received();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].form("refresh_token").as_deref(), Some(REFRESH_TOKEN));
    for request in instance.received() {
        assert_eq!(request.authorization(), Some("Bearer given-elsewhere"));
        assert!(!request.head.contains("refreshed-elsewhere") && request.body.is_empty(), "{request:?}");
    }
    let at_the_instance = instance.received().len();
    world.run("logout acme --yes").expect(0);
    let revoked: Vec<_> =
        provider.received_at("/revoke").iter().map(|request| request.form("token").unwrap()).collect();
    // The access token is the instance's affair, and ends with its refresh token.
    assert_eq!(revoked, ["refreshed-elsewhere"]);
    assert_eq!(instance.received().len(), at_the_instance);
}
