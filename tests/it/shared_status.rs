//! What machines that share a session tell each other: who renews it, that the token
//! endpoint wants to be left alone, and that it refused.

use serde_json::{Value, json};

use crate::world::Outcome;
use crate::world::machine::Machine;
use crate::world::process::finish;
use crate::world::session::{self, ID, Scripted};
use crate::world::vault::{ROOT, Vault};
use crate::world::wire::http;

/// Puts the session of `acme` into this vault, good for `seconds` more.
fn put(vault: &Vault, instance: &str, seconds: i64, changes: Value) {
    let record = session::record(instance, seconds, changes);
    let body = json!({ "options": { "cas": 0 }, "data": { "record": record.to_string() } });
    vault.post(&format!("secret/data/snow/{ID}/session"), &body);
}

/// Runs words on a machine that has run nothing before.
fn run(vault: &Vault, instance: &str, words: &[&str]) -> Outcome {
    finish(Machine::new(vault.origin(), instance).command(ROOT, words), b"")
}

const INSTANCE: &str = "https://acme.service-now.com";

#[test]
fn status_says_who_renews_a_session_and_knows_what_another_machine_did() {
    let vault = Vault::start();
    let lease = json!({ "by": "another", "seconds": 90, "holder": "runner-7, process 4711" });
    put(&vault, INSTANCE, 900, json!({ "lease": lease, "generation": 3 }));
    let text = run(&vault, INSTANCE, &["status"]).expect(0).stdout;
    assert!(text.contains("access token good for 14 min"), "{text}");
    let line = text.lines().find(|line| line.contains("runner-7, process 4711")).expect(&text);
    assert!(line.contains("being renewed by"), "{line}");
    let status = run(&vault, INSTANCE, &["status", "--json"]).expect(0).json();
    assert_eq!(status["session"]["lease"]["holder"], "runner-7, process 4711");
    assert!((60..=90).contains(&status["session"]["lease"]["seconds_left"].as_u64().unwrap()), "{status}");
    assert!(status["session"]["refreshed_at"].is_string(), "{status}");
}

#[test]
fn a_lease_that_is_over_is_not_shown() {
    let vault = Vault::start();
    let lease = json!({ "by": "another", "seconds": 0, "holder": "runner-7, process 4711" });
    put(&vault, INSTANCE, 900, json!({ "lease": lease }));
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    let status = run(&vault, INSTANCE, &["status", "--json"]).expect(0).json();
    assert_eq!((&status["session"]["health"], &status["session"]["lease"]), (&json!("healthy"), &Value::Null));
}

#[test]
fn status_shows_what_this_machine_knows_where_vault_does_not_answer() {
    let vault = Vault::start();
    put(&vault, INSTANCE, 900, json!({}));
    let home = Machine::new(vault.origin(), INSTANCE);
    drop(vault);
    let outcome = finish(home.command(ROOT, &["status"]), b"").expect(0);
    outcome.says(&["note: this is what this machine knows", "not signed in"]);
}

#[test]
fn what_the_token_endpoint_says_of_when_to_ask_again_holds_for_all_machines() {
    let vault = Vault::start();
    let busy = http(429, "Retry-After: 120\r\n", "");
    let instance = Scripted::token_endpoint(busy.into_bytes());
    put(&vault, &instance.origin(), -1, json!({}));
    run(&vault, &instance.origin(), &["token", "acme", "--json"]).expect(8);
    let outcome = run(&vault, &instance.origin(), &["token", "acme", "--json", "--timeout", "5s"]).expect(8);
    assert_eq!(outcome.error_code(), "rate-limited");
    outcome.says(&["wants no request for another 1"]);
    assert_eq!(instance.token_requests(), 1);
    let text = run(&vault, &instance.origin(), &["status"]).expect(0).stdout;
    assert!(text.contains("the token endpoint wants no request for another 1"), "{text}");
}

#[test]
fn a_refusal_is_one_request_for_all_machines_until_a_person_asks() {
    let vault = Vault::start();
    let refusal = http(
        401,
        "Content-Type: application/json\r\n",
        r#"{"error":"server_error","error_description":"access_denied"}"#,
    );
    let instance = Scripted::token_endpoint(refusal.into_bytes());
    put(&vault, &instance.origin(), -1, json!({}));
    for _ in 0..3 {
        let outcome = run(&vault, &instance.origin(), &["token", "acme", "--json"]).expect(4);
        assert_eq!(outcome.error_code(), "session-expired");
    }
    assert_eq!(instance.token_requests(), 1);
    run(&vault, &instance.origin(), &["token", "acme"]).says(&["was refused", "snow login acme"]);
    run(&vault, &instance.origin(), &["refresh", "acme"]).expect(4);
    assert_eq!(instance.token_requests(), 2);
}
