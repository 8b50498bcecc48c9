//! Signing in by OAuth against the embedded instance: browser, paste, client
//! credentials, and the life of a session afterwards.

use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::Value;
use snow_connect::sandbox::Sandbox;
use snow_connect::store::{Field, ItemKey};

use crate::world::browser::{get, sign_in};
use crate::world::items;
use crate::world::{Outcome, World, block_on, check};

/// A port that nobody has, and that the system gives to nobody who asks for any.
pub fn free_port() -> u16 {
    free_ports(1)
}

/// The first of so many ports in a row, for a program that also takes those after its own.
pub fn free_ports(count: u16) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let lowest = 12_000 + u16::try_from(std::process::id() % 15_000).unwrap();
    loop {
        let first = lowest + NEXT.fetch_add(count, Ordering::Relaxed);
        // Not by listening: a process that another test starts at this moment would hold the
        // port until it has begun.
        let is_free = |port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err();
        if (first..first + count).all(is_free) {
            return first;
        }
    }
}

/// A person who signs in as a user in the browser that opens, and presses the
/// button `allow` or `deny`.
pub fn signs_in(world: &mut World, user_name: &'static str, decision: &'static str) {
    world.browser(move |url| {
        let url = url.to_owned();
        std::thread::spawn(move || {
            let back = sign_in(&url, user_name, decision);
            get(&back)
        });
    });
}

/// A world with a connection `acme` of the public client, signed in as
/// beth.anglin.
pub fn connected(sandbox: &Sandbox) -> World {
    let mut world = World::new();
    signs_in(&mut world, "beth.anglin", "allow");
    world.run(&connect_line(sandbox)).expect(0);
    world
}

pub fn connect_line(sandbox: &Sandbox) -> String {
    let redirect_uri = format!("http://127.0.0.1:{}/callback", free_port());
    format!("connect {} --name acme --client-id sandbox-public --redirect-uri {redirect_uri}", sandbox.origin())
}

pub fn sandbox() -> Sandbox {
    Sandbox::start(None, None).unwrap()
}

fn connection(outcome: &Outcome) -> Value {
    outcome.json()["connections"][0].clone()
}

#[test]
fn a_browser_signs_in_and_the_session_is_saved_and_works() {
    let sandbox = sandbox();
    let mut world = World::new();
    signs_in(&mut world, "beth.anglin", "allow");
    let outcome = world.run(&format!("{} --json", connect_line(&sandbox))).expect(0);
    let document = outcome.json();
    assert_eq!(document["saved"], "new");
    assert_eq!(document["connection"]["auth"], "oauth");
    assert_eq!(document["connection"]["client_id"], "sandbox-public");
    assert_eq!(document["connection"]["username"], "beth.anglin");
    assert_eq!(document["connection"]["revision"], 1);
    assert_eq!(check(&document["test"], "auth.token")["status"], "pass");
    outcome.says(&["/oauth_auth.do?response_type=code"]);
    let tested = connection(&world.run("test acme --json").expect(0));
    assert_eq!(tested["identity"]["user_name"], "beth.anglin");
    assert_eq!(tested["credential"]["refreshed"], false);
    assert!(tested["credential"]["expires_at"].is_string());
    assert_eq!(sandbox.token_requests().authorization_code, 1);
    assert_eq!(sandbox.token_requests().refresh_token, 0);
}

#[test]
fn a_given_user_must_be_the_one_who_signs_in() {
    let sandbox = sandbox();
    let mut world = World::new();
    signs_in(&mut world, "joe.employee", "allow");
    let line = format!("{} --username beth.anglin --json", connect_line(&sandbox));
    let outcome = world.run(&line).expect(11);
    assert_eq!(outcome.error_code(), "user-mismatch");
    assert_eq!(world.config(), "");
    assert_eq!(sandbox.revocations(), 2, "both tokens, which nothing keeps");
    world.run(&format!("{line} --force --yes")).expect(0);
    assert!(world.config().contains("username = \"joe.employee\""));
}

#[test]
fn tokens_that_cannot_be_saved_are_revoked() {
    let sandbox = sandbox();
    let mut world = World::new();
    let config = world.config_path();
    let line = connect_line(&sandbox);
    world.browser(move |url| {
        let (url, config) = (url.to_owned(), config.clone());
        std::thread::spawn(move || {
            // The place goes while the person signs in.
            std::fs::create_dir_all(&config).unwrap();
            get(&sign_in(&url, "beth.anglin", "allow"))
        });
    });
    world.run(&line).expect(3);
    assert_eq!(sandbox.revocations(), 2);
}

#[test]
fn a_session_that_is_saved_outlives_another_sign_in_that_is_not() {
    let sandbox = sandbox();
    let mut world = connected(&sandbox);
    signs_in(&mut world, "joe.employee", "allow");
    assert_eq!(world.run("login acme --json").expect(11).error_code(), "user-mismatch");
    assert_eq!(sandbox.revocations(), 2);
    world.run("test acme").expect(0);
}

#[test]
fn a_saved_connection_whose_sign_in_fails_is_told_of_in_one_document() {
    let sandbox = sandbox();
    let mut world = connected(&sandbox);
    signs_in(&mut world, "beth.anglin", "deny");
    world.run("logout acme --yes").expect(0);
    let outcome = world.run("connect acme --json").expect(4);
    let document = outcome.json();
    assert_eq!((&document["schema"], &document["saved"]), (&"snow.connect/1".into(), &"unchanged".into()));
    assert_eq!(document["test"]["code"], "login-denied");
}

#[test]
fn a_session_that_is_gone_is_signed_in_again_by_the_browser() {
    let sandbox = sandbox();
    let mut world = connected(&sandbox);
    world.run("logout acme --yes").expect(0);
    // No terminal is there, and none is needed.
    world.run("connect acme").expect(0).says(&["connected as beth.anglin"]);
    world.run("logout acme --yes").expect(0);
    world.set("CI", "true").run("connect acme --json").expect(4);
    assert_eq!(sandbox.token_requests().authorization_code, 2);
}

#[test]
fn another_way_to_sign_in_leaves_no_secret_of_the_former_one() {
    let sandbox = sandbox();
    let mut world = connected(&sandbox);
    world.stdin("sandbox-beth").run("connect acme --force --yes --username beth.anglin --password-stdin").expect(0);
    let show = world.run("show acme --json").expect(0).json();
    assert_eq!((&show["connection"]["auth"], &show["connection"]["client_id"]), (&"basic".into(), &Value::Null));
    assert_eq!(show["connection"]["revision"], 2);
    let id: uuid::Uuid = show["connection"]["id"].as_str().unwrap().parse().unwrap();
    let read = |field| block_on(world.store.read(ItemKey::new(id, field))).unwrap();
    assert!(read(Field::SESSION).is_none() && read(items::PASSWORD).is_some());
}

#[test]
fn the_fields_of_a_client_are_saved_and_edited() {
    let sandbox = sandbox();
    let mut world = World::new();
    signs_in(&mut world, "beth.anglin", "allow");
    world.run(&format!("{} --scope useraccount --no-pkce", connect_line(&sandbox))).expect(4);
    world.run(&connect_line(&sandbox)).expect(0);
    assert!(!world.config().contains("pkce") && !world.config().contains("scope"), "{}", world.config());
    world.run("edit acme --set scope=other --set token_url=https://idp.example/token").expect(0).says(&["kept back"]);
    assert!(world.config().contains("token_url = \"https://idp.example/token\""));
    assert_eq!(connection(&world.run("test acme --json").expect(9))["code"], "origin-mismatch");
    world.run("edit acme --set revocation_url=https://evil.example/revoke").expect(2);
    world.run("edit acme --unset scope --unset token_url").expect(0);
    world.run("test acme").expect(0);
    world.run("edit acme --set pkce=perhaps").expect(2).says(&["true or false"]);
}
