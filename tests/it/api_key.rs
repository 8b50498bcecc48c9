//! Signing in with an API key, from `connect` to `logout`.

use snow_connect::sandbox::scenario::Scenario;
use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::world::wire::{Wire, http};
use crate::world::{Answer, World};

const KEY: &str = "now_sandbox_beth";

fn sandbox() -> Sandbox {
    Sandbox::open(SandboxOptions::default()).unwrap()
}

/// A world with the connection `acme`, by the key of Beth.
fn connected(sandbox: &Sandbox) -> World {
    let mut world = World::new();
    let line = format!("connect {} --name acme --auth api-key --api-key-stdin", sandbox.origin());
    world.stdin(KEY).run(&line).expect(0);
    world
}

#[test]
fn a_key_connects_and_the_instance_says_whose_it_is() {
    let sandbox = sandbox();
    let mut world = connected(&sandbox);
    let config = world.config();
    assert!(config.contains("auth = \"api-key\"") && config.contains("username = \"beth.anglin\""), "{config}");
    assert!(!config.contains("header_name") && !config.contains(KEY), "{config}");
    world.run("test").expect(0).says(&["beth.anglin"]);
    let shown = world.run("show acme --json").expect(0).json();
    assert_eq!(shown["connection"]["auth"], "api-key");
    let listed = world.person([]).run("list").expect(0);
    listed.says(&["API key", "beth.anglin"]);
    world.run("doctor").expect(0);
}

#[test]
fn a_flag_of_the_key_says_how_to_sign_in_and_one_of_another_way_contradicts() {
    let sandbox = sandbox();
    let mut world = World::new();
    let connect = format!("connect {} --name acme", sandbox.origin());
    world.stdin(KEY).run(&format!("{connect} --api-key-stdin --client-id x --json")).expect(2).says(&["--client-id"]);
    world.stdin(KEY).run(&format!("{connect} --auth basic --api-key-stdin --json")).expect(2).says(&["an API key"]);
    world.stdin(KEY).run(&format!("{connect} --api-key-stdin")).expect(0);
    world.stdin("x").run("login acme --password-stdin --json").expect(2).says(&["a password"]);
}

#[test]
fn a_person_is_asked_for_the_key_and_again_if_it_is_refused() {
    let sandbox = sandbox();
    let mut world = World::new();
    world.person([Answer::Secret("now_wrong"), Answer::Secret(KEY)]);
    let line = format!("connect {} --name acme --auth api-key", sandbox.origin());
    world.run(&line).expect(0).says(&["beth.anglin"]);
    assert!(!world.home().join(".local/state/snow/refusals.json").exists(), "a refused key is not counted");
}

#[test]
fn a_refused_key_is_told_by_its_own_code_and_never_held_back() {
    let sandbox = sandbox();
    let mut world = connected(&sandbox);
    sandbox.set_scenario(Some(Scenario::ApiKeyRefused));
    for _ in 0..4 {
        let before = sandbox.requests();
        let document = world.run("test --json").expect(4).json();
        assert_eq!(document["connections"][0]["code"], "api-key-refused");
        assert_eq!(sandbox.requests(), before + 1);
    }
    sandbox.set_scenario(None);
    world.stdin("now_sandbox_svc").run("login acme --api-key-stdin --json").expect(11).says(&["svc.ci"]);
    world.stdin("now_sandbox_svc").run("login acme --api-key-stdin --force").expect(0).says(&["svc.ci"]);
}

#[test]
fn the_key_goes_into_the_header_of_the_connection_and_nowhere_else() {
    let server = Wire::replies(|head| match head {
        _ if head.contains("current_user") => http(200, "", r#"{"result":{"user_name":"beth"}}"#),
        _ => http(200, "", r#"{"result":[{"sys_id":"1"}]}"#),
    });
    let mut world = World::new();
    let line = format!("connect {} --name x --api-key-stdin --header-name X-Acme-Key", server.origin());
    world.stdin("now_CANARY").run(&line).expect(0);
    assert!(world.config().contains("header_name = \"X-Acme-Key\""), "{}", world.config());
    for head in server.heads() {
        let lower = head.to_lowercase();
        assert!(head.contains("now_CANARY") && lower.contains("x-acme-key: now_canary"), "{head}");
        assert!(!lower.contains("authorization:") && !head.lines().next().unwrap().contains("CANARY"), "{head}");
    }
    // Another header does not need another key.
    world.run("edit x --unset header_name").expect(0);
    world.run("test x").expect(0);
    assert!(server.heads().last().unwrap().to_lowercase().contains("x-sn-apikey: now_canary"));
    world.run("edit x --set header_name=Authorization").expect(2).says(&["header_name"]);
    world.run("edit x --set client_id=1").expect(2).says(&["an API key"]);
}

#[test]
fn what_the_instance_echoes_of_the_key_is_masked() {
    let server = Wire::replies(|_| {
        let body = r#"{"error":{"message":"bad key now_CANARY_99","detail":null},"status":"failure"}"#;
        http(401, "WWW-Authenticate: BASIC realm=\"Service-now\"\r\n", body)
    });
    let mut world = World::new();
    world.set("SNOW_INSTANCE", &server.origin()).set("SNOW_API_KEY", "now_CANARY_99");
    let outcome = world.run("test --json").expect(4);
    assert!(!outcome.stdout.contains("CANARY") && !outcome.stderr.contains("CANARY"), "{}", outcome.stdout);
    outcome.says(&["bad key"]);
}

#[test]
fn a_key_for_the_table_api_alone_still_tells_whose_it_is() {
    let server = Wire::replies(|head| match head {
        _ if head.contains("current_user") => {
            let body = r#"{"error":{"message":"User is not authenticated","detail":null},"status":"failure"}"#;
            http(401, "", body)
        }
        _ if head.contains("getUserName") => http(200, "", r#"{"result":[{"sys_id":"1","user_name":"beth"}]}"#),
        _ => http(200, "", r#"{"result":[{"sys_id":"1"}]}"#),
    });
    let mut world = World::new();
    world.set("SNOW_INSTANCE", &server.origin()).set("SNOW_API_KEY", "now_x");
    let report = world.run("test --json").expect(0).json()["connections"][0].clone();
    assert_eq!(report["identity"]["user_name"], "beth", "{report}");
}

#[test]
fn a_key_has_a_header_line_and_no_token() {
    let sandbox = sandbox();
    let mut world = connected(&sandbox);
    let line = world.run("token --format header").expect(0);
    assert_eq!(line.stdout, format!("x-sn-apikey: {KEY}\n"));
    let document = world.run("token --json").expect(0).json();
    assert_eq!(document["header"], format!("x-sn-apikey: {KEY}"));
    world.run("token").expect(2).says(&["an API key, and has no token"]);
    world.run("refresh").expect(2).says(&["an API key"]);
}

#[test]
fn variables_alone_describe_a_key_and_signing_out_forgets_it() {
    let sandbox = sandbox();
    let mut world = connected(&sandbox);
    world.run("logout acme --yes").expect(0);
    world.run("test acme --json").expect(4).says(&["no saved API key for acme"]);
    world.set("SNOW_INSTANCE", &sandbox.origin()).set("SNOW_API_KEY", KEY);
    world.run("test").expect(0).says(&["beth.anglin"]);
    world.set("SNOW_AUTH", "api-key");
    let report = world.run("test --json").expect(0).json()["connections"][0].clone();
    assert_eq!(report["auth"], "api-key", "{report}");
}
