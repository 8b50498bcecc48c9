//! What the access policies of an instance allow: an API key for some APIs alone, and other
//! ways to sign in that are locked out of one.

use serde_json::{Value, json};
use snow_connect::sandbox::scenario::Scenario;
use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::scenarios::identity_token;
use crate::world::wire::{Wire, http};
use crate::world::{Outcome, World, check};

fn sandbox(scenario: Scenario) -> Sandbox {
    Sandbox::open(SandboxOptions { scenario: Some(scenario), ..SandboxOptions::default() }).unwrap()
}

fn with_key(origin: &str, line: &str) -> Outcome {
    let mut world = World::new();
    world.set("SNOW_INSTANCE", origin).set("SNOW_API_KEY", "now_sandbox_beth");
    world.run(line)
}

fn causes(failure: &Value) -> Vec<&str> {
    failure["causes"].as_array().unwrap().iter().map(|cause| cause["code"].as_str().unwrap()).collect()
}

#[test]
fn a_key_that_cannot_read_whose_it_is_is_signed_in_all_the_same() {
    let sandbox = sandbox(Scenario::KeyForTables);
    let report = with_key(&sandbox.origin(), "test --table incident --json").expect(0).json()["connections"][0].clone();
    let identity = check(&report, "auth.identity");
    assert_eq!((&identity["status"], &identity["error"]["code"]), (&json!("warn"), &json!("identity-unknown")));
    let message = identity["error"]["message"].as_str().unwrap();
    assert!(message.contains("the identity is not readable with this API key"), "{message}");
    let mut world = World::new();
    let line = format!("connect {} --name acme --auth api-key --api-key-stdin --table incident", sandbox.origin());
    world.stdin("now_sandbox_beth").run(&line).expect(0);
    world.run("api table/incident -c acme").expect(0);
}

#[test]
fn a_key_without_the_auth_scope_is_forbidden_and_the_key_is_named() {
    let sandbox = sandbox(Scenario::KeyScopeMissing);
    let report = with_key(&sandbox.origin(), "test --json").expect(5).json()["connections"][0].clone();
    let failure = &check(&report, "access.table")["error"];
    assert_eq!(
        (&failure["code"], &failure["evidence"]["symptom"]),
        (&json!("scope-restricted"), &json!("key-scope-missing"))
    );
    assert!(failure["next"].to_string().contains("REST API Key"), "{failure}");
}

#[test]
fn a_password_that_works_for_one_table_alone_is_not_called_wrong() {
    let sandbox = sandbox(Scenario::OtherMethods);
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    let report = world.run("test acme --table sys_user,incident --json").expect(4).json()["connections"][0].clone();
    let checks = report["checks"].as_array().unwrap();
    let failure = &checks.iter().find(|check| check["status"] == "fail").unwrap()["error"];
    assert_eq!(failure["code"], "basic-refused", "{failure}");
    assert_eq!(causes(failure), ["other-methods"], "{failure}");
    let text = failure.to_string();
    assert!(text.contains("access policy of incident") && text.contains("the secret is right"), "{text}");
    assert!(!world.home().join(".local/state/snow/refusals.json").exists(), "it is no failed sign-in");
}

#[test]
fn a_token_that_works_for_one_table_alone_is_no_one_time_token() {
    let sandbox = sandbox(Scenario::OtherMethods);
    let token = identity_token(&sandbox, "beth.anglin");
    let mut world = World::new();
    world.guard(&token);
    world.set("SNOW_INSTANCE", &sandbox.origin()).set("SNOW_ACCESS_TOKEN", &token);
    let report = world.run("test --table sys_user,incident --json").expect(4).json()["connections"][0].clone();
    let checks = report["checks"].as_array().unwrap();
    let failure = &checks.iter().find(|check| check["status"] == "fail").unwrap()["error"];
    assert_eq!((&failure["code"], causes(failure)), (&json!("bearer-refused"), vec!["other-methods"]), "{failure}");
}

#[test]
fn a_user_api_that_refuses_a_good_password_names_the_policy() {
    let server = Wire::replies(|head| match head {
        _ if head.contains("current_user") => http(401, "WWW-Authenticate: BASIC realm=\"Service-now\"\r\n", ""),
        _ => http(200, "X-Is-Logged-In: true\r\n", r#"{"result":[{"sys_id":"1"}]}"#),
    });
    let mut world = World::new();
    world.set("SNOW_INSTANCE", &server.origin()).set("SNOW_USERNAME", "beth").set("SNOW_PASSWORD", "CANARY-pw");
    let report = world.run("test --json").expect(0).json()["connections"][0].clone();
    assert_eq!(causes(&check(&report, "auth.identity")["error"]), ["other-methods"], "{report}");
}

#[test]
fn wrong_missing_and_unmapped_keys_have_one_code_whose_causes_name_each() {
    let sandbox = sandbox(Scenario::ApiKeyRefused);
    let report = with_key(&sandbox.origin(), "test --json").expect(4).json()["connections"][0].clone();
    let failure = &check(&report, "auth.request")["error"];
    assert_eq!((&failure["code"], &failure["retryable"]), (&json!("api-key-refused"), &json!(false)));
    assert_eq!(causes(failure), ["wrong-key", "access-policy", "expired", "other-parameter", "user"]);
    assert!(failure["causes"].to_string().contains("deleted after seven days"), "{failure}");
}

#[test]
fn a_key_with_a_line_break_is_refused_before_anything_is_sent() {
    let sandbox = Sandbox::open(SandboxOptions::default()).unwrap();
    let mut world = World::new();
    let line = format!("connect {} --name acme --auth api-key --api-key-stdin", sandbox.origin());
    for key in ["now_one\nX-Other: two", "now_one\r\nX-Other: two\r\n", "now_\u{7f}one"] {
        world.stdin(key).run(&line).says(&["standard input"]);
        assert!(!world.config().contains("acme"), "{key:?}");
    }
    world.run(&format!("connect {} --auth api-key --header-name 'X: y'", sandbox.origin())).expect(2);
    assert_eq!(sandbox.requests(), 0);
}
