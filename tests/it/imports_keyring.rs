//! `snow import` of what other programs have in a real keyring.

use serde_json::json;
use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::world::browser::{parameter, sign_in};
use crate::world::keyring::Session;
use crate::world::oauth::{self, SDK_CLIENT, VERIFIER};

/// Puts an item there as keyring-rs does, which both programs use.
fn put(session: &Session, service: &str, account: &str, item: &str) {
    let label = format!("--label={account}@{service}:default (keyring v3.6.3)");
    let attributes = ["service", service, "username", account, "target", "default", "application", "rust-keyring"];
    session.secret_tool(&[&["store", &label][..], &attributes].concat(), item).expect(0);
}

fn got(session: &Session, service: &str, account: &str) -> String {
    session.secret_tool(&["lookup", "service", service, "username", account], "").expect(0).stdout
}

/// A session of ServiceNow's own client, as now-sdk has it.
fn sdk_session(sandbox: &Sandbox) -> serde_json::Value {
    let changes = [("client_id", SDK_CLIENT), ("redirect_uri", "/sdk-oauth.do"), ("scope", "")];
    let code = parameter(&sign_in(&oauth::authorization_url(sandbox, &changes), "beth.anglin", "allow"), "code");
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", "/sdk-oauth.do"),
        ("client_id", SDK_CLIENT),
        ("code_verifier", VERIFIER),
    ];
    oauth::token(sandbox, &form).json()
}

#[test]
fn what_now_sdk_has_in_the_keyring_works_and_is_left_as_it_was() {
    let sandbox = oauth::sandbox(SandboxOptions::default());
    let mut session = Session::new();
    let tokens = sdk_session(&sandbox);
    let item = json!({
        "people": { "isDefault": true, "alias": "people", "creds": {
            "instanceUrl": sandbox.origin(), "type": "oauth", "access_token": tokens["access_token"],
            "token_type": "Bearer", "refresh_token": tokens["refresh_token"],
            "expires_at": chrono::Utc::now().timestamp() - 5,
        } },
        "typed": { "isDefault": false, "alias": "typed", "creds": {
            "instanceUrl": sandbox.origin(), "type": "basic", "username": "beth.anglin", "password": "sandbox-beth",
        } },
    })
    .to_string();
    for token in ["access_token", "refresh_token"] {
        session.guard(tokens[token].as_str().unwrap());
    }
    put(&session, "ServiceNow", "now-sdk", &item);
    let document = session.run("import now-sdk --json", "").expect(0).json();
    assert_eq!(document["connections"][0]["secrets"], json!(["session"]));
    assert_eq!(document["connections"][1]["secrets"], json!(["password"]));
    session.run("test people typed", "").expect(0);
    session.run("refresh people", "").expect(0);
    assert_eq!(got(&session, "ServiceNow", "now-sdk"), item);
}

#[test]
fn what_servicenow_cli_has_in_the_keyring_works_and_is_left_as_it_was() {
    let sandbox = oauth::sandbox(SandboxOptions::default());
    let mut session = Session::new();
    let tokens = oauth::tokens(&sandbox);
    let directory = session.home().join(".config/servicenow");
    std::fs::create_dir_all(&directory).unwrap();
    let origin = sandbox.origin();
    std::fs::write(
        directory.join("config.toml"),
        format!(
            "active_profile = \"people\"\n\
             [profiles.people]\ninstance = \"{origin}\"\nusername = \"beth.anglin\"\nauth_type = \"oauth\"\n\
             client_id = \"sandbox-public\"\noauth_scope = \"useraccount\"\n\
             redirect_uri = \"http://127.0.0.1:8484/callback\"\nread_only = true\ncredential_store = \"keyring\"\n\
             [profiles.typed]\ninstance = \"{origin}\"\nusername = \"beth.anglin\"\nauth_type = \"basic\"\nextra = 1\n\
             [profiles.cookies]\ninstance = \"{origin}\"\nauth_type = \"browser\"\n\
             [profiles.plain]\ninstance = \"{origin}\"\nusername = \"joe\"\nauth_type = \"basic\"\n\
             credential_store = \"file\"\n"
        ),
    )
    .unwrap();
    let item = json!({
        "kind": "oauth", "access_token": tokens["access_token"], "refresh_token": tokens["refresh_token"],
        "expires_at": chrono::Utc::now().timestamp() + 1700, "client_secret": null,
    })
    .to_string();
    put(&session, "servicenow-cli", "profile:people", &item);
    put(&session, "servicenow-cli", "profile:typed", r#"{"kind":"basic","password":"sandbox-beth"}"#);
    // Of another program that uses the same service.
    put(&session, "servicenow-cli", "plain:password", "not ours");
    let outcome = session.run("import servicenow-cli", "").expect(0);
    outcome.says(&["cookies is skipped: it signs in with the cookies of a browser", "left out of typed: extra"]);
    outcome.says(&["Sign in: snow login plain"]);
    session.run("test people typed", "").expect(0);
    let shown = session.run("show people --json", "").expect(0).json();
    assert_eq!(
        (&shown["connection"]["read_only"], &shown["connection"]["username"]),
        (&true.into(), &"beth.anglin".into())
    );
    assert_eq!(got(&session, "servicenow-cli", "profile:people"), item);
}

#[test]
fn without_a_keyring_the_import_says_so_and_saves_nothing() {
    let mut session = Session::without_keyring();
    session.run("import now-sdk", "").expect(9).says(&["keyring-unavailable"]);
    assert_eq!(session.config(), "");
}
