//! `snow app`: how an OAuth client is registered, read and judged.

use serde_json::{Value, json};
use snow_connect::sandbox::Sandbox;
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::world::{World, block_on};

/// A world with the connection of an administrator, and the instance.
fn administrator() -> (World, Sandbox) {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("root", &sandbox.origin(), "admin", "sandbox-admin");
    (world, sandbox)
}

/// The status of one check.
fn status(document: &Value, id: &str) -> String {
    let checks = document["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("no {id} in {document}"));
    check["status"].as_str().unwrap().to_owned()
}

/// The `sys_id` of the entry of a client.
fn entry(world: &mut World, client_id: &str) -> String {
    let line = format!("query oauth_entity --filter client_id={client_id} --fields sys_id --json");
    world.run(&line).expect(0).json()["rows"][0]["sys_id"].as_str().unwrap().to_owned()
}

/// Changes the entry of a client, as an administrator does in the form.
fn change(world: &mut World, client_id: &str, field: &str) {
    let id = entry(world, client_id);
    world.run_words(&["api", "PATCH", &format!("table/oauth_entity/{id}"), "-f", field]).expect(0);
}

#[test]
fn a_client_that_works_is_found_good_by_a_connection_that_only_reads() {
    let (mut world, _sandbox) = administrator();
    world.run("edit root --set read_only=true").expect(0);
    let document = world.run("app check --client-id sandbox-ci --json").expect(0).json();
    assert_eq!((&document["ok"], &document["exit_code"]), (&true.into(), &0.into()));
    assert_eq!(document["client"]["user"], "svc.ci");
    assert_eq!(document["client"]["access_token_seconds"], 1800);
    for id in ["active", "type", "grant", "user", "property", "lifetimes", "scope", "profile"] {
        assert_eq!(status(&document, id), "pass", "{id}");
    }
    world.run("app check --client-id sandbox-ci").expect(0).says(&["it acts as svc.ci", "its tokens reach every API"]);
    // Its own client, if the connection has one.
    world.run("app check").expect(2).says(&["--client-id"]);
    world.run("app").expect(2).says(&["missing: check or create"]);
}

#[test]
fn a_saved_connection_is_held_against_the_entry_of_its_client() {
    let (mut world, sandbox) = administrator();
    let id = "0f4c2f0e-7a58-4a51-9a3c-0d7b5f1f2f11";
    let config = world.config();
    let people = |more: &str| {
        format!(
            "{config}\n[connections.people]\nid = \"{id}\"\ninstance = \"{}\"\nauth = \"oauth\"\n\
             client_id = \"sandbox-public\"\n{more}",
            sandbox.origin()
        )
    };
    world.write_config(people(""));
    let document = world.run("app check --client-id sandbox-public --json").expect(0).json();
    assert_eq!(document["connections"], json!(["people"]));
    assert_eq!((status(&document, "redirect"), status(&document, "public")), ("pass".into(), "pass".into()));
    world.write_config(people("redirect_uri = \"http://127.0.0.1:9999/back\"\n"));
    let outcome = world.run("app check --client-id sandbox-public").expect(11);
    outcome.says(&["client-unfit", "people comes back to http://127.0.0.1:9999/back", "snow guide oauth"]);
    world.write_config(people("pkce = false\n"));
    world.run("app check --client-id sandbox-public").expect(11).says(&["snow edit people --unset pkce"]);
    world.write_config(people("").replace("auth = \"oauth\"", "auth = \"client-credentials\""));
    let document = world.run("app check --client-id sandbox-public --json").expect(11).json();
    assert_eq!((status(&document, "grant"), status(&document, "user")), ("fail".into(), "fail".into()));
}

#[test]
fn what_an_administrator_changed_is_judged_and_the_instance_does_what_was_said() {
    for (field, id) in [("active=false", "active"), ("user=", "user"), ("inbound_grant_type=authz_code", "grant")] {
        let (mut world, sandbox) = administrator();
        let flags = "--auth client-credentials --client-id sandbox-ci --client-secret-stdin";
        let connect = format!("connect {} --name ci {flags}", sandbox.origin());
        world.stdin("sandbox-ci-secret").run(&connect).expect(0);
        change(&mut world, "sandbox-ci", field);
        let document = world.run("app check --client-id sandbox-ci -c root --json").expect(11).json();
        assert_eq!(status(&document, id), "fail", "{field}: {document}");
        sandbox.revoke_all();
        world.run("refresh ci").expect(4).says(&["token-refused"]);
    }
    let (mut world, _sandbox) = administrator();
    change(&mut world, "sandbox-ci", "access_token_lifespan=10");
    change(&mut world, "sandbox-ci", "scope_restriction_status=restricted");
    change(&mut world, "sandbox-ci", "type=oauth2");
    let document = world.run("app check --client-id sandbox-ci --json").expect(0).json();
    for id in ["lifetimes", "type", "scope"] {
        // The instance has no table of the newer scopes, so none is known to be missing.
        assert_eq!(status(&document, id), "warn", "{id}");
    }
}

#[test]
fn the_property_that_is_off_is_told_from_one_that_cannot_be_seen() {
    let (mut world, _sandbox) = administrator();
    let filter = "name=glide.oauth.inbound.client.credential.grant_type.enabled";
    let rows = world.run(&format!("query sys_properties --filter {filter} --fields sys_id --json")).expect(0).json();
    let id = rows["rows"][0]["sys_id"].as_str().unwrap().to_owned();
    world.run(&format!("api PATCH table/sys_properties/{id} -f value=false")).expect(0);
    let document = world.run("app check --client-id sandbox-ci --json").expect(11).json();
    assert_eq!(status(&document, "property"), "fail");
    world.run(&format!("api DELETE table/sys_properties/{id}")).expect(0);
    let document = world.run("app check --client-id sandbox-ci --json").expect(11).json();
    assert_eq!(status(&document, "property"), "fail");
}

#[test]
fn who_is_no_administrator_is_told_who_may_look() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("beth", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    world.run("app check --client-id sandbox-ci").expect(5).says(&["oauth_admin", "snow -c NAME app check"]);
}

#[test]
fn a_client_that_is_gone_is_named() {
    let (mut world, _sandbox) = administrator();
    let outcome = world.run("app check --client-id gone").expect(10);
    outcome.says(&["record-missing", "shows no OAuth client gone", "not registered there (any more)"]);
}

#[test]
fn what_an_older_release_does_not_show_is_unknown_and_never_guessed() {
    block_on(async {
        let server = MockServer::start().await;
        let rows = |rows: Value| {
            ResponseTemplate::new(200).insert_header("X-Is-Logged-In", "true").set_body_json(json!({ "result": rows }))
        };
        let entity = json!([
            { "sys_id": "other", "client_id": "another", "active": "false" },
            { "sys_id": "0123456789abcdef0123456789abcdef", "client_id": "old", "name": "Old\u{1b}[2J" },
        ]);
        let table = |name: &str| path_regex(format!("/table/{name}$"));
        Mock::given(method("GET")).and(table("oauth_entity")).respond_with(rows(entity)).mount(&server).await;
        for hidden in ["oauth_entity_profile", "oauth_entity_scope", "oauth_entity_auth_scope_mapping"] {
            let answer = ResponseTemplate::new(403).insert_header("X-Is-Logged-In", "true").set_body_json(json!({
                "error": { "message": "User Not Authorized", "detail": "no" }, "status": "failure"
            }));
            Mock::given(method("GET")).and(table(hidden)).respond_with(answer).mount(&server).await;
        }
        Mock::given(method("GET")).respond_with(rows(json!([]))).mount(&server).await;
        let origin = server.uri();
        let checked = tokio::task::spawn_blocking(move || {
            let mut world = World::new();
            world.set("SNOW_INSTANCE", &origin).set("SNOW_USERNAME", "admin").set("SNOW_PASSWORD", "x");
            let text = world.run("app check --client-id old").expect(0);
            assert!(!text.stdout.contains('\u{1b}'), "{}", text.stdout);
            world.run("app check --client-id old --json").expect(0).json()
        });
        let document = checked.await.unwrap();
        let unknown: Vec<&str> = ["active", "type", "grant", "lifetimes", "scope", "profile"].into();
        for id in unknown {
            assert_eq!(status(&document, id), "unknown", "{id}");
        }
        assert_eq!(document["client"]["active"], Value::Null);
        assert!(server.received_requests().await.unwrap().iter().all(|request| request.method.as_str() == "GET"));
    });
}
