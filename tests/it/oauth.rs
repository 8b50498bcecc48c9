//! Signing in by OAuth against the embedded instance: browser, paste, client
//! credentials, and the life of a session afterwards.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;

use serde_json::Value;
use snow_connect::sandbox::scenario::Scenario;
use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::world::browser::{get, sign_in};
use crate::world::{Outcome, World, check};

/// A port that nobody listens on right now.
pub fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
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

fn access_token(world: &mut World) -> String {
    world.run("token acme").expect(0).stdout.trim().to_owned()
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
    let _ = (Arc::new(0), Scenario::ALL, SandboxOptions::default(), access_token(&mut world));
}
