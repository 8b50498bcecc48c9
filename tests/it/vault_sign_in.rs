//! What signs in to a real OpenBao: tokens, an AppRole, a JWT, a certificate.

use std::io::{Read, Write};

use serde_json::{Value, json};
use snow_connect::sandbox::Sandbox;

use crate::vault::{connect, item_of};
use crate::world::World;
use crate::world::issuer::Issuer;
use crate::world::session;
use crate::world::tls::{Authority, Leaf};
use crate::world::vault::{ROOT, Vault, policy, until};
use crate::world::wire::{Wire, header, http};

#[test]
fn an_app_role_signs_in_and_again_once_its_token_is_gone() {
    let (vault, sandbox) = (Vault::start(), Sandbox::start(None, None).unwrap());
    let (role_id, secret_id) = vault.app_role(&json!({ "token_policies": ["runner"], "token_num_uses": 4 }));
    let mut world = vault.world();
    world.unset("VAULT_TOKEN").set("SNOW_VAULT_ROLE_ID", &role_id).set("SNOW_VAULT_SECRET_ID", &secret_id);
    world.guard(&secret_id);
    // Each token is good for four requests, and this takes more.
    connect(&mut world, &sandbox, "").expect(0);
    world.run("test acme").expect(0);
    world.run("show acme").expect(0).says(&["approle (SNOW_VAULT_ROLE_ID)"]);
    world.unset("SNOW_VAULT_SECRET_ID").set("SNOW_VAULT_SECRET_ID", "CANARY-wrong-secret-id");
    let outcome = world.run("test acme --json").expect(9);
    assert_eq!(outcome.error_code(), "vault-login-refused");
    outcome.says(&["invalid role or secret ID"]);
}

/// A JWT of this issuer, with which the role `deploy` signs in at the mount `ci-jwt`.
fn trusted_jwt(vault: &Vault, issuer: &Issuer) -> String {
    vault.post("sys/policies/acl/runner", &json!({ "policy": policy() }));
    vault.post("sys/auth/ci-jwt", &json!({ "type": "jwt" }));
    vault.post("auth/ci-jwt/config", &json!({ "jwt_validation_pubkeys": [issuer.public_key()] }));
    let role =
        json!({ "role_type": "jwt", "bound_audiences": ["vault"], "user_claim": "sub", "token_policies": ["runner"] });
    vault.post("auth/ci-jwt/role/deploy", &role);
    issuer.sign(&json!({ "sub": "job-7", "aud": "vault" }))
}

#[test]
fn a_jwt_of_ci_signs_in_and_what_vault_says_of_a_wrong_role_is_told() {
    let (vault, sandbox) = (Vault::start(), Sandbox::start(None, None).unwrap());
    let directory = tempfile::tempdir().unwrap();
    let issuer = Issuer::new();
    let jwt = trusted_jwt(&vault, &issuer);
    let file = directory.path().join("jwt");
    std::fs::write(&file, &jwt).unwrap();
    let mut world = vault.world();
    world.guard(&jwt);
    world.unset("VAULT_TOKEN").set("SNOW_VAULT_JWT_FILE", file.to_str().unwrap());
    let flags = "--store-auth jwt --store-auth-mount ci-jwt --store-role";
    connect(&mut world, &sandbox, &format!("{flags} deploy")).expect(0);
    world.run("test acme").expect(0);
    let more = format!("{flags} wrong --force --yes --json");
    let outcome = connect(&mut world, &sandbox, &more).expect(9);
    assert_eq!(outcome.error_code(), "vault-login-refused");
    outcome.says(&["could not be found", "SNOW_VAULT_ROLE"]);
}

#[test]
fn what_a_connection_does_not_say_of_the_sign_in_comes_from_variables_and_is_not_saved() {
    let (vault, sandbox, issuer) = (Vault::start(), Sandbox::start(None, None).unwrap(), Issuer::new());
    let jwt = trusted_jwt(&vault, &issuer);
    let mut world = vault.world();
    world.guard(&jwt);
    // The token of the world would be taken, if the method were not said.
    world.set("SNOW_VAULT_AUTH", "jwt").set("SNOW_VAULT_ROLE", "deploy").set("SNOW_VAULT_AUTH_MOUNT", "ci-jwt");
    world.set("SNOW_VAULT_JWT", &jwt);
    connect(&mut world, &sandbox, "").expect(0);
    assert!(!world.config().contains("store_auth") && !world.config().contains("store_role"), "{}", world.config());
    let shown = ["jwt (SNOW_VAULT_AUTH)", "deploy (SNOW_VAULT_ROLE)", "ci-jwt (SNOW_VAULT_AUTH_MOUNT)"];
    world.run("show acme").expect(0).says(&shown);
    world.run("test acme").expect(0);
    for (name, wrong) in [("AUTH", "jvt"), ("ROLE", "a\u{202e}b"), ("AUTH_MOUNT", "../sys")] {
        let name = format!("SNOW_VAULT_{name}");
        world.set(&name, wrong);
        let outcome = world.run("test acme --json").expect(3);
        assert_eq!(outcome.error_code(), "config-invalid");
        outcome.says(&[&format!("Correct {name}")]);
        world.unset(&name);
    }
    // A key goes before a variable.
    world.set("SNOW_VAULT_AUTH", "approle").set("SNOW_VAULT_ROLE", "another").set("SNOW_VAULT_AUTH_MOUNT", "another");
    let flags = "--store-auth jwt --store-auth-mount ci-jwt --store-role deploy";
    connect(&mut world, &sandbox, &format!("{flags} --force --yes")).expect(0);
}

#[test]
fn the_token_that_the_tools_leave_signs_in_until_another_is_given() {
    let (vault, sandbox) = (Vault::start(), Sandbox::start(None, None).unwrap());
    let mut world = vault.world();
    world.unset("VAULT_TOKEN");
    assert_eq!(connect(&mut world, &sandbox, "--json").expect(9).error_code(), "vault-no-token");
    let path = world.home().join(".vault-token");
    std::fs::write(&path, format!("{ROOT}\n")).unwrap();
    connect(&mut world, &sandbox, "").expect(0);
    world.run("show acme").expect(0).says(&["token (~/.vault-token)"]);
    world.set("BAO_TOKEN", "CANARY-token-of-another");
    assert_eq!(world.run("test acme --json").expect(9).error_code(), "vault-token-invalid");
    // The search for secrets at the end would find it.
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_client_certificate_signs_in_to_vault() {
    let (authority, sandbox) = (Authority::new(), Sandbox::start(None, None).unwrap());
    let (vault, address) = Vault::start_with_tls(&authority);
    let mut world = vault.world();
    let directory = tempfile::tempdir().unwrap();
    let ca = directory.path().join("ca.pem");
    authority.save(&ca);
    let (certificate, key) = authority.save_leaf(Leaf::WrongPurpose, directory.path());
    vault.post("sys/policies/acl/runner", &json!({ "policy": policy() }));
    vault.post("sys/auth/cert", &json!({ "type": "cert" }));
    let role = json!({ "certificate": std::fs::read_to_string(&ca).unwrap(), "token_policies": ["runner"] });
    vault.post("auth/cert/certs/ci", &role);
    world.unset("VAULT_TOKEN").unset("VAULT_ADDR").set("VAULT_CACERT", ca.to_str().unwrap());
    let more = format!("--store-address {address} --store-auth cert --store-role ci");
    assert_eq!(connect(&mut world, &sandbox, &format!("{more} --json")).expect(9).error_code(), "vault-no-token");
    world.set("VAULT_CLIENT_CERT", certificate.to_str().unwrap()).set("VAULT_CLIENT_KEY", key.to_str().unwrap());
    connect(&mut world, &sandbox, &more).expect(0);
    world.run("test acme").expect(0);
    // One of another authority.
    let (certificate, key) = Authority::new().save_leaf(Leaf::WrongPurpose, directory.path());
    world.unset("VAULT_CLIENT_CERT").unset("VAULT_CLIENT_KEY");
    world.set("VAULT_CLIENT_CERT", certificate.to_str().unwrap()).set("VAULT_CLIENT_KEY", key.to_str().unwrap());
    let outcome = world.run("test acme --json").expect(9);
    assert_eq!(outcome.error_code(), "vault-login-refused");
    outcome.says(&["invalid certificate"]);
}

#[test]
fn the_token_of_a_service_account_comes_from_the_file_of_a_variable_and_is_masked_in_an_answer() {
    const TOKEN: &str = "CANARY.token-of-a-service.account";
    // It repeats what it was sent.
    let vault = Wire::plays(|stream, head| {
        let length = header(head, "Content-Length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        let sent: Value = serde_json::from_slice(&body).unwrap();
        let said = json!({ "errors": [format!("no {} for {}", sent["role"], sent["jwt"])] });
        let status = if sent["jwt"] == TOKEN { 403 } else { 500 };
        stream.write_all(http(status, "Content-Type: application/json\r\n", &said.to_string()).as_bytes()).unwrap();
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), TOKEN).unwrap();
    let mut world = World::new();
    world.guard(TOKEN);
    let place = format!("store_address = \"{}\"\n", vault.origin());
    world.write_config(session::config("http://127.0.0.1:9", &place).replace("\"keyring\"", "\"vault\""));
    world.set("SNOW_VAULT_AUTH", "kubernetes").set("SNOW_VAULT_JWT_FILE", file.path().to_str().unwrap());
    let outcome = world.run("test acme --json").expect(9);
    assert_eq!(outcome.error_code(), "vault-no-token");
    outcome.says(&["SNOW_VAULT_ROLE"]);
    world.set("SNOW_VAULT_ROLE", "ci");
    let outcome = world.run("test acme --json").expect(9);
    assert_eq!(outcome.error_code(), "vault-login-refused");
    outcome.says(&["no \\\"ci\\\" for", "auth/kubernetes"]);
    assert!(
        vault.heads().iter().all(|head| head.starts_with("POST /v1/auth/kubernetes/login ")),
        "{:?}",
        vault.heads()
    );
}

#[test]
fn a_proxy_signs_in_for_all_that_ask_it() {
    let (vault, sandbox) = (Vault::start(), Sandbox::start(None, None).unwrap());
    let (role_id, secret_id) = vault.app_role(&json!({ "token_policies": ["runner"] }));
    let proxy = vault.proxy(&role_id, &secret_id);
    let mut world = World::new();
    world.guard(&secret_id);
    world.set("SNOW_STORE", "vault").set("BAO_AGENT_ADDR", &proxy.origin);
    until("the proxy has signed in", || {
        let outcome = connect(&mut world, &sandbox, "--json");
        outcome.code == 0 || {
            assert_eq!(outcome.error_code(), "vault-no-token", "{outcome:?}");
            false
        }
    });
    world.run("test acme").expect(0);
    world.run("show acme").expect(0).says(&["(BAO_AGENT_ADDR)", "the agent signs in"]);
    assert_eq!(vault.item(&item_of(&world, "data", "password"))["metadata"]["version"], 1);
    world.run("logout acme --yes").expect(0);
    assert_eq!(vault.item(&item_of(&world, "data", "password"))["data"], json!({ "deleted": true }));
    // A proxy that cannot sign in itself sends requests without a token.
    let refused = vault.proxy(&role_id, "CANARY-wrong-secret-id");
    world.set("BAO_AGENT_ADDR", &refused.origin);
    let outcome = world.run("test acme --json").expect(9);
    assert_eq!(outcome.error_code(), "vault-no-token");
    outcome.says(&["is not signed in"]);
}
