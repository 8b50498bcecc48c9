//! What Vault says when it does not do what it is asked.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use snow_connect::sandbox::Sandbox;

use crate::world::session::{Received, Scripted};
use crate::world::vault::{ROOT, Vault, policy};
use crate::world::wire::http;
use crate::world::{Outcome, World};

fn connect(world: &mut World, sandbox: &Sandbox, more: &str) -> Outcome {
    let line = format!("connect {} --name acme --username beth.anglin --password-stdin {more}", sandbox.origin());
    world.stdin("sandbox-beth").run(&line)
}

#[track_caller]
fn fails(outcome: Outcome, code: &str, words: &[&str]) {
    let outcome = outcome.expect(9);
    assert_eq!(outcome.error_code(), code, "{outcome:?}");
    let is_retryable = ["vault-unreachable", "vault-no-leader", "vault-rate-limited"].contains(&code);
    assert_eq!(outcome.json()["error"]["retryable"], is_retryable, "{outcome:?}");
    outcome.says(words);
}

#[test]
fn what_a_real_server_refuses_is_told_apart() {
    let (vault, sandbox) = (Vault::start(), Sandbox::start(None, None).unwrap());
    vault.post("sys/mounts/old", &json!({ "type": "kv", "options": { "version": "1" } }));
    vault.post("sys/namespaces/team1", &json!({}));
    let mut world = vault.world();
    let mut fails_with = |more: &str, code: &str, words: &[&str]| {
        fails(connect(&mut world, &sandbox, &format!("{more} --json")), code, words);
    };
    fails_with("--store-mount nowhere", "vault-mount-missing", &["nowhere"]);
    fails_with("--store-mount old", "vault-not-kv2", &["old", "version 2"]);
    fails_with("--store-mount secret/data", "vault-not-kv2", &["--store-mount"]);
    fails_with("--store-namespace team2", "vault-namespace-missing", &["team2"]);
    fails_with("--store-namespace team1", "vault-mount-missing", &["secret"]);
    fails_with("--store-auth kubernetes", "vault-no-token", &["store_role"]);
    // Nothing of the attempts is left in the mount without versions.
    assert_eq!(vault.get("old?list=true").status, 404);
    vault.post_in("team1", "sys/mounts/secret", &json!({ "type": "kv", "options": { "version": "2" } }));
    connect(&mut world, &sandbox, "--store-namespace /team1/").expect(0);
    assert!(world.config().contains("store_namespace = \"team1\""));
    world.run("test acme").expect(0);
}

#[test]
fn a_mount_without_versions_gets_no_secret_from_a_token_that_cannot_see_what_it_is() {
    let (vault, sandbox) = (Vault::start(), Sandbox::start(None, None).unwrap());
    vault.post("sys/mounts/old", &json!({ "type": "kv", "options": { "version": "1" } }));
    let policy = r#"
path "old/data/snow/*" { capabilities = ["create", "update", "read"] }
path "old/metadata/snow/*" { capabilities = ["create", "update", "read"] }
path "sys/internal/ui/mounts/*" { capabilities = ["deny"] }"#;
    let mut world = vault.world();
    world.unset("VAULT_TOKEN").set("VAULT_TOKEN", &vault.token(policy, 600));
    fails(connect(&mut world, &sandbox, "--store-mount old --json"), "vault-not-kv2", &["old"]);
    let keys = vault.get("old/data/snow?list=true").body;
    assert!(!keys.contains('/') || keys.contains("[\"probe\"]"), "{keys}");
}

#[test]
fn a_token_without_rights_and_a_dead_one_are_told_apart() {
    let (vault, sandbox) = (Vault::start(), Sandbox::start(None, None).unwrap());
    let mut world = vault.world();
    let token = vault.token(r#"path "secret/data/other/*" { capabilities = ["read"] }"#, 600);
    world.unset("VAULT_TOKEN").set("VAULT_TOKEN", &token);
    fails(connect(&mut world, &sandbox, "--json"), "vault-denied", &["secret/data/snow/*"]);
    vault.post("auth/token/revoke", &json!({ "token": token }));
    fails(connect(&mut world, &sandbox, "--json"), "vault-token-invalid", &["does not accept the token"]);
    let short = vault.token(policy(), 1);
    world.unset("VAULT_TOKEN").set("VAULT_TOKEN", &short);
    std::thread::sleep(std::time::Duration::from_millis(1500));
    fails(connect(&mut world, &sandbox, "--json"), "vault-token-invalid", &["expired"]);
}

#[test]
fn a_sealed_vault_and_one_that_is_gone_are_said() {
    let (vault, sandbox) = (Vault::start(), Sandbox::start(None, None).unwrap());
    let mut world = vault.world();
    connect(&mut world, &sandbox, "").expect(0);
    vault.post("sys/seal", &json!({}));
    let outcome = world.run("test acme --json").expect(9);
    assert_eq!(outcome.error_code(), "vault-sealed");
    let report = world.run("doctor --json").expect(9).json();
    let checks = report["checks"].as_array().unwrap();
    assert!(checks.iter().any(|check| check["target"] == "vault" && check["code"] == "vault-sealed"), "{report}");
    drop(vault);
    assert_eq!(world.run("test acme --json").expect(9).error_code(), "vault-unreachable");
}

/// A Vault that plays what is told, and holds one version of each item.
fn playing(play: impl Fn(&Received, usize) -> Option<String> + Send + Sync + 'static) -> Scripted {
    Scripted::plays(move |request, before| {
        let answer = play(request, before).unwrap_or_else(|| match request.path.as_str() {
            "/v1/sys/leader" => reply(200, json!({ "ha_enabled": true })),
            path if path.starts_with("/v1/sys/internal/ui/mounts/") => {
                reply(200, json!({ "data": { "type": "kv", "options": { "version": "2" } } }))
            }
            "/v1/auth/token/lookup-self" => reply(200, json!({ "data": {} })),
            path if path.contains("/metadata/") => http(204, "", ""),
            _ if request.method == "GET" => reply(404, json!({ "errors": [] })),
            _ => {
                let body: Value = serde_json::from_str(&request.body).unwrap();
                let version = body["options"]["cas"].as_u64().unwrap() + 1;
                reply(200, json!({ "data": { "version": version } }))
            }
        });
        Some(answer.into_bytes())
    })
}

fn reply(status: u16, body: Value) -> String {
    http(status, "Content-Type: application/json\r\n", &body.to_string())
}

fn errors(status: u16, text: &str) -> String {
    reply(status, json!({ "errors": [text] }))
}

fn world_at(vault: &Scripted) -> World {
    let mut world = World::new();
    world.guard(ROOT);
    world.set("SNOW_STORE", "vault").set("VAULT_ADDR", &vault.origin()).set("VAULT_TOKEN", ROOT);
    world
}

#[test]
fn answers_of_a_cluster_have_their_codes() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let rows = [
        (429, "request path \"secret/data/y\": rate limit quota exceeded", "vault-rate-limited"),
        (500, "local node not active but active cluster node not found", "vault-no-leader"),
        (503, "Vault is not initialized", "vault-sealed"),
        (502, "<html>Bad Gateway</html>", "vault-unreachable"),
        (418, "a teapot", "vault-unexpected"),
    ];
    // What passes by itself is waited for.
    std::thread::scope(|scope| {
        for (status, text, code) in rows {
            let sandbox = &sandbox;
            scope.spawn(move || {
                let vault = playing(move |_, _| Some(errors(status, text)));
                fails(connect(&mut world_at(&vault), sandbox, "--json"), code, &[]);
            });
        }
    });
}

/// Vault answers as told to the first writes of items, and holds what was written.
fn failing_writes(answer: impl Fn(usize, &str) -> Option<String> + Send + Sync + 'static) -> Scripted {
    let items: Mutex<HashMap<String, (u64, Value)>> = Mutex::default();
    let writes = AtomicUsize::new(0);
    playing(move |request, _| {
        let mut items = items.lock().unwrap();
        let (version, data) = items.get(&request.path).cloned().unwrap_or_default();
        if !request.path.contains("/data/") {
            return None;
        }
        if request.method == "GET" {
            let metadata = json!({ "version": version, "created_time": "2026-11-28T00:00:00Z" });
            let body = json!({ "data": { "data": data, "metadata": metadata } });
            return (version > 0).then(|| reply(200, body));
        }
        let body: Value = serde_json::from_str(&request.body).unwrap();
        if body["options"]["cas"] != version {
            return Some(errors(400, "check-and-set parameter did not match the current version"));
        }
        // The probe is written as it should be.
        let told =
            (!request.path.ends_with("/probe")).then(|| answer(writes.fetch_add(1, Ordering::Relaxed), &request.path));
        match told.flatten() {
            Some(answer) if answer.contains("not applied") => Some(answer),
            told => {
                items.insert(request.path.clone(), (version + 1, body["data"].clone()));
                Some(told.unwrap_or_else(|| reply(200, json!({ "data": { "version": version + 1 } }))))
            }
        }
    })
}

#[test]
fn a_write_whose_outcome_is_lost_is_settled_and_made_once() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let lost = "1 error occurred: leadership lost while committing log";
    for is_applied in [true, false] {
        let text = if is_applied { lost.to_owned() } else { format!("{lost}; not applied") };
        let vault = failing_writes(move |write, _| (write == 0).then(|| errors(500, &text)));
        let mut world = world_at(&vault);
        connect(&mut world, &sandbox, "").expect(0);
        let item = vault.received().into_iter().find(|request| request.path.ends_with("/password")).unwrap().path;
        let writes = vault.received_at(&item).into_iter().filter(|request| request.method == "POST");
        let versions: Vec<_> = writes.map(|write| write.body.contains("\"cas\":0")).collect();
        assert!(versions.iter().all(|is_first| *is_first), "{versions:?}");
        world.run("test acme").expect(0);
    }
}

#[test]
fn a_standby_that_lags_behind_is_not_believed() {
    let sandbox = Sandbox::start(None, None).unwrap();
    // A right version is refused, and what was written is not there yet.
    let vault = failing_writes(|write, _| {
        (write < 2).then(|| errors(400, "check-and-set parameter did not match the current version; not applied"))
    });
    let mut world = world_at(&vault);
    connect(&mut world, &sandbox, "").expect(0);
    let reads = AtomicUsize::new(0);
    let record = json!({ "v": 1, "origins": { "instance": sandbox.origin() }, "username": "beth.anglin", "password": "sandbox-beth" });
    let stale = playing(move |request, _| {
        let is_read = request.path.ends_with("/password") && request.method == "GET";
        let metadata = json!({ "version": 1 });
        let body = json!({ "data": { "data": { "record": record.to_string() }, "metadata": metadata } });
        (is_read && reads.fetch_add(1, Ordering::Relaxed) > 1).then(|| reply(200, body))
    });
    world.unset("VAULT_ADDR").set("VAULT_ADDR", &stale.origin());
    world.run("test acme").expect(0);
}

#[test]
fn a_request_asks_for_no_older_answer_than_the_last_one() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let vault = failing_writes(|write, _| {
        let index = "Content-Type: application/json\r\nX-Vault-Index: opaque-7\r\n";
        (write == 0).then(|| http(200, index, &json!({ "data": { "version": 1 } }).to_string()))
    });
    connect(&mut world_at(&vault), &sandbox, "").expect(0);
    let received = vault.received();
    let first = received.iter().position(|request| request.body.contains("record")).unwrap();
    for request in &received[first + 1..] {
        let head = request.head.to_ascii_lowercase();
        assert!(head.contains("x-vault-index: opaque-7") && head.contains("forward-active-node"), "{head}");
    }
    assert!(received.len() > first + 1);
    assert!(received.iter().all(|request| request.head.to_ascii_lowercase().contains("x-vault-request: true")));
}

#[test]
fn a_redirect_is_not_followed_and_a_wrapped_answer_is_told() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let elsewhere = Scripted::plays(|_, _| None);
    let location = format!("Location: {}/v1/secret/data/x\r\n", elsewhere.origin());
    let vault = playing(move |_, before| (before > 0).then(|| http(307, &location, "")));
    fails(connect(&mut world_at(&vault), &sandbox, "--json"), "vault-no-leader", &[]);
    assert!(elsewhere.received().is_empty());
    let vault = playing(|request, _| {
        let body = json!({ "data": null, "wrap_info": { "token": "CANARY-wrapping-token", "ttl": 60 } });
        (request.path.contains("/data/")).then(|| reply(200, body))
    });
    let mut world = world_at(&vault);
    world.guard("CANARY-wrapping-token");
    fails(connect(&mut world, &sandbox, "--json"), "vault-denied", &["min_wrapping_ttl"]);
}

#[test]
fn a_rejected_sign_in_is_tried_once() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let vault = playing(|request, _| {
        request.path.ends_with("/login").then(|| errors(400, "invalid role or secret ID for CANARY-secret-id"))
    });
    let mut world = world_at(&vault);
    world.guard("CANARY-secret-id");
    world
        .unset("VAULT_TOKEN")
        .set("SNOW_VAULT_ROLE_ID", "role-id-of-ci")
        .set("SNOW_VAULT_SECRET_ID", "CANARY-secret-id");
    fails(connect(&mut world, &sandbox, "--json"), "vault-login-refused", &["invalid role or secret ID"]);
    assert_eq!(vault.received_at("/v1/auth/approle/login").len(), 1);
}

#[test]
fn an_agent_signs_in_itself() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let agent = failing_writes(|_, _| None);
    let mut world = World::new();
    world
        .set("SNOW_STORE", "vault")
        .set("VAULT_ADDR", "https://vault.example")
        .set("VAULT_AGENT_ADDR", &agent.origin());
    connect(&mut world, &sandbox, "").expect(0);
    world.run("show acme").expect(0).says(&["(VAULT_AGENT_ADDR)", "the agent signs in"]);
    world.run("test acme").expect(0);
    assert!(agent.received().iter().all(|request| !request.head.to_ascii_lowercase().contains("x-vault-token")));
}

#[test]
fn what_variables_say_wrongly_is_named() {
    let sandbox = Sandbox::start(None, None).unwrap();
    for (variable, value, code, words) in [
        ("VAULT_ADDR", "http://vault.example:8200", "config-invalid", "VAULT_ADDR"),
        ("VAULT_ADDR", "unix:///run/bao.sock", "config-invalid", "socket"),
        ("VAULT_ADDR", "", "config-invalid", "no address"),
        ("VAULT_CLIENT_CERT", "/nonexistent", "config-invalid", "VAULT_CLIENT_KEY"),
        ("VAULT_CACERT", "/nonexistent", "ca-cert-invalid", "/nonexistent"),
    ] {
        let mut world = World::new();
        world.set("SNOW_STORE", "vault").set("VAULT_TOKEN", ROOT).set("VAULT_ADDR", "https://127.0.0.1:9");
        world.unset(variable).set(variable, value);
        let outcome = connect(&mut world, &sandbox, "--json").expect(3);
        assert_eq!(outcome.error_code(), code, "{variable}={value}");
        outcome.says(&[words]);
    }
}
