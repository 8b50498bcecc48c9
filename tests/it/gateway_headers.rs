//! Headers for a gateway in front of the instance: with every request to its origin,
//! and to no other.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use snow_connect::store::{Field, ItemKey};

use crate::world::wire::{Wire, header, http};
use crate::world::{Answer, World, block_on};

const VALUE: &str = "CANARY-gateway-1";

/// An instance behind a gateway that wants a key.
fn gateway() -> Wire {
    Wire::replies(|head| {
        let lower = head.to_lowercase();
        match head {
            _ if !lower.contains(&format!("x-gateway-key: {}", VALUE.to_lowercase())) => {
                http(401, "Server: edge\r\n", r#"{"message":"Missing key"}"#)
            }
            _ if head.starts_with("POST /oauth_token.do") => http(200, "", TOKENS),
            _ if head.contains("current_user") => http(200, "", r#"{"result":{"user_name":"beth"}}"#),
            _ => http(200, "", r#"{"result":[{"sys_id":"1"}]}"#),
        }
    })
}

const TOKENS: &str = r#"{"access_token":"t0ken","token_type":"Bearer","expires_in":1800,"scope":"useraccount"}"#;

/// A file with the value of the header.
fn value_file(world: &World, value: &str) -> String {
    let path = world.home().join("value");
    std::fs::write(&path, value).unwrap();
    path.display().to_string()
}

fn connected(server: &Wire) -> World {
    let mut world = World::new();
    let file = value_file(&world, VALUE);
    let flags = format!("--username beth --password-stdin --header-file X-Gateway-Key={file}");
    world.stdin("pw").run(&format!("connect {} --name acme {flags}", server.origin())).expect(0);
    world
}

#[test]
fn every_request_carries_the_header_and_its_value_is_in_the_store_alone() {
    let server = gateway();
    let mut world = connected(&server);
    assert!(world.config().contains(r#"headers = ["X-Gateway-Key"]"#), "{}", world.config());
    assert!(!world.config().contains("CANARY"));
    world.run("test --json").expect(0);
    world.run("test --wait 1s").expect(0);
    assert!(server.heads().iter().all(|head| head.to_lowercase().contains("x-gateway-key: canary-gateway-1")));
    let shown = world.run("show acme").expect(0);
    shown.says(&["X-Gateway-Key"]);
    assert!(!shown.stdout.contains("CANARY"));
    let shown = world.run("show acme --json").expect(0).json();
    assert_eq!(shown["connection"]["headers"], serde_json::json!(["X-Gateway-Key"]));
    world.run("token --format header").expect(0).says(&["also needs the header X-Gateway-Key"]);
}

#[test]
fn a_header_is_added_to_a_saved_connection_without_its_password() {
    let server = gateway();
    let mut world = World::new();
    world
        .stdin("pw")
        .run(&format!("connect {} --name acme --username beth --password-stdin --no-test", server.origin()))
        .expect(0);
    let refused = world.run("test acme --json").expect(4);
    assert_eq!(refused.json()["connections"][0]["code"], "gateway-refused");
    refused.says(&["snow connect acme --header NAME"]);
    world.person([Answer::Secret(VALUE)]);
    world.run("connect acme --header X-Gateway-Key").expect(0);
    world.run("test acme").expect(0);
}

#[test]
fn a_value_is_asked_for_once_even_if_the_password_turns_out_wrong() {
    let right = format!("Basic {}", STANDARD.encode("beth:right"));
    let server = Wire::replies(move |head| match head {
        _ if header(head, "x-gateway-key") != Some(VALUE) => http(401, "Server: edge\r\n", r#"{"message":"key"}"#),
        _ if header(head, "authorization") != Some(&right) => {
            let body = r#"{"error":{"message":"User is not authenticated","detail":null},"status":"failure"}"#;
            http(401, "WWW-Authenticate: BASIC realm=\"Service-now\"\r\n", body)
        }
        _ if head.contains("current_user") => http(200, "", r#"{"result":{"user_name":"beth"}}"#),
        _ => http(200, "", r#"{"result":[{"sys_id":"1"}]}"#),
    });
    let mut world = World::new();
    let flags = "--name acme --username beth --password-stdin --no-test";
    world.stdin("wrong").run(&format!("connect {} {flags}", server.origin())).expect(0);
    world.person([Answer::Secret(VALUE), Answer::Secret("right")]);
    world.run("connect acme --header X-Gateway-Key").expect(0);
}

#[test]
fn the_values_alone_are_replaced_by_login_and_asked_for_if_they_are_gone() {
    let server = gateway();
    let mut world = connected(&server);
    let wrong = value_file(&world, "CANARY-wrong");
    world.run(&format!("login acme --header-file x-gateway-key={wrong}")).expect(4);
    let right = value_file(&world, VALUE);
    world.run(&format!("login acme --header-file x-gateway-key={right}")).expect(0);
    world.run(&format!("login acme --header-file X-Other={right}")).expect(2).says(&["no header X-Other"]);
    world.run("logout acme --yes").expect(0);
    let id = world.run("show acme --json").json()["connection"]["id"].as_str().unwrap().parse().unwrap();
    let key = ItemKey::new(id, Field::of_name("header-x-gateway-key").unwrap());
    assert!(block_on(world.store.read(key)).unwrap().is_none());
    world.run("doctor").says(&["no header X-Gateway-Key is saved for acme"]);
    world.stdin("pw").run("login acme --password-stdin --json").expect(3).says(&["--header-file X-Gateway-Key=FILE"]);
    world.person([Answer::Secret(VALUE), Answer::Secret("pw")]);
    world.run("login acme").expect(0);
}

#[test]
fn a_token_endpoint_at_the_instance_gets_it_and_one_elsewhere_does_not() {
    let (server, elsewhere) = (gateway(), Wire::replies(|_| http(200, "", TOKENS)));
    let mut world = World::new();
    let (file, secret) = (value_file(&world, VALUE), world.home().join("secret"));
    std::fs::write(&secret, "s3cret").unwrap();
    let flags = format!(
        "--auth client-credentials --client-id c --client-secret-file {} --header-file X-Gateway-Key={file}",
        secret.display()
    );
    world.run(&format!("connect {} --name here {flags}", server.origin())).expect(0);
    assert!(server.heads().iter().any(|head| head.starts_with("POST")));
    world
        .run(&format!("connect {} --name there {flags} --token-url {}/token", server.origin(), elsewhere.origin()))
        .expect(0);
    assert!(!elsewhere.heads().is_empty());
    for head in elsewhere.heads() {
        assert!(!head.to_lowercase().contains("gateway"), "{head}");
    }
}

#[test]
fn the_value_is_bound_to_the_origin_that_it_was_given_for() {
    let (server, other) = (gateway(), gateway());
    let mut world = connected(&server);
    world.run(&format!("edit acme --set instance={}", other.origin())).expect(0);
    let outcome = world.run("test acme --json").expect(9);
    assert_eq!(outcome.json()["connections"][0]["code"], "origin-mismatch");
    assert_eq!(other.requests(), 0);
}

#[test]
fn what_a_gateway_echoes_of_the_value_is_masked() {
    let server = Wire::replies(|_| http(401, "Server: edge\r\n", &format!("<title>bad key {VALUE}</title>")));
    let mut world = World::new();
    let file = value_file(&world, VALUE);
    let flags = format!("--username beth --password-stdin --header-file X-Gateway-Key={file}");
    let outcome = world.stdin("pw").run(&format!("connect {} --name acme {flags} --json", server.origin())).expect(4);
    assert!(!outcome.stdout.contains("CANARY") && !outcome.stderr.contains("CANARY"), "{}", outcome.stdout);
}

#[test]
fn a_header_that_the_request_needs_itself_or_a_value_of_two_lines_is_refused() {
    let mut world = World::new();
    for name in ["Authorization", "cookie", "Host", "Transfer-Encoding", "a b"] {
        world.run_words(&["connect", "acme", "--username", "b", "--header", name]).expect(2);
    }
    let file = value_file(&world, "one\r\nX-Injected: two");
    let line = format!("connect acme --username b --password-stdin --header-file X-Gateway-Key={file} --json");
    assert_eq!(world.stdin("pw").run(&line).expect(3).error_code(), "invalid-secret");
    world.run("connect acme --username b --header-file X-Gateway-Key").expect(2).says(&["NAME=FILE"]);
}
