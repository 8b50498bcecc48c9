//! `snow token`, `snow refresh` and `snow status` with a session: what is
//! printed, to whom it may be sent, and what is asked for.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use snow_connect::sandbox::scenario::Scenario;
use snow_connect::sandbox::{CLIENTS, Sandbox, SandboxOptions};

use crate::oauth::connected;
use crate::world::oauth::who;
use crate::world::session::{
    self, ACCESS_TOKEN, REFRESH_TOKEN, Scripted, saved, set_clock, world_with, world_with_secret,
};
use crate::world::store::FaultyStore;
use crate::world::tls::Authority;
use crate::world::wire::http;
use crate::world::{Outcome, World};

fn sandbox() -> Sandbox {
    Sandbox::start(None, None).unwrap()
}

/// The client of the embedded instance that signs in for itself.
fn machine() -> (&'static str, &'static str) {
    let client = CLIENTS.iter().find(|client| client.may("client_credentials")).expect("there is one");
    (client.client_id, client.client_secret.expect("it is confidential"))
}

fn connected_machine(sandbox: &Sandbox) -> World {
    let mut world = World::new();
    let (client_id, secret) = machine();
    let line = format!(
        "connect {} --name ci --auth client-credentials --client-id {client_id} --client-secret-stdin",
        sandbox.origin()
    );
    world.stdin(secret).run(&line).expect(0);
    world
}

#[test]
fn a_token_is_printed_raw_as_a_header_or_in_json() {
    let instance = Scripted::plays(|_, _| None);
    let mut world = world_with(&instance.origin(), 900, json!({}));
    for line in ["token -q", "token acme", "token acme --format raw"] {
        let outcome = world.run(line).expect(0);
        assert_eq!((outcome.stdout, outcome.stderr), (format!("{ACCESS_TOKEN}\n"), String::new()), "{line}");
    }
    let header = world.run("token acme --format header").expect(0);
    assert_eq!(header.stdout, format!("Authorization: Bearer {ACCESS_TOKEN}\n"));
    for line in ["token acme --format json", "token acme --json", "token acme --json --format raw"] {
        let document = world.run(line).expect(0).json();
        let expires_at = session::time(&saved(&world)["expires_at"]).format("%Y-%m-%dT%H:%M:%SZ").to_string();
        let expected = json!({
            "schema": "snow.token/1", "access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_at": expires_at,
        });
        assert_eq!(document, expected, "{line}");
    }
    assert_eq!(instance.received().len(), 0);
}

#[test]
fn a_password_is_printed_as_a_header_alone() {
    let sandbox = sandbox();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "admin", "sandbox-admin");
    // What is printed on purpose is a secret of the embedded instance; here
    // everything else is looked at.
    world.set("GITHUB_ACTIONS", "true");
    for line in ["token acme", "token acme --format raw"] {
        let outcome = world.run(line).expect(2);
        outcome.says(&["--format header"]);
        assert!(!outcome.stderr.contains("add-mask"), "{}", outcome.stderr);
    }
    let outcome = world.run("refresh acme --json").expect(2);
    assert_eq!(outcome.error_code(), "usage");
}

// A14
#[test]
fn only_snow_token_tells_a_workflow_what_to_mask() {
    let instance = Scripted::plays(|_, _| None);
    let mut world = world_with(&instance.origin(), 900, json!({}));
    world.set("GITHUB_ACTIONS", "true");
    for line in ["token acme", "token acme --format header", "token acme --json"] {
        let outcome = world.run(line).expect(0);
        assert_eq!(outcome.stderr, format!("::add-mask::{ACCESS_TOKEN}\n"), "{line}");
        assert!(!outcome.stdout.contains("add-mask"));
    }
    for line in ["test acme", "refresh acme", "status acme", "show acme", "logout acme --yes"] {
        let outcome = world.run(line).expect(0);
        assert!(!format!("{}{}", outcome.stdout, outcome.stderr).contains("add-mask"), "{line}");
    }
}

#[test]
fn client_credentials_are_renewed_with_the_secret_that_was_saved() {
    let sandbox = sandbox();
    let mut world = connected_machine(&sandbox);
    let before = sandbox.token_requests().client_credentials;
    let first = world.run("token ci").expect(0).stdout.trim().to_owned();
    assert_eq!(sandbox.token_requests().client_credentials, before);
    assert!(who(&sandbox, &Value::from(first.as_str())).is_ok());
    sandbox.expire_access_tokens();
    set_clock(&mut world, 1800);
    let second = world.run("token ci").expect(0).stdout.trim().to_owned();
    assert_ne!(first, second);
    assert!(who(&sandbox, &Value::from(second)).is_ok());
    assert_eq!(sandbox.token_requests().client_credentials, before + 1);
    assert_eq!(sandbox.token_requests().refresh_token, 0);
    // Refused in use: one more, and one retry.
    sandbox.expire_access_tokens();
    world.run("test ci").expect(0);
    assert_eq!(sandbox.token_requests().client_credentials, before + 2);
    sandbox.set_scenario(Some(Scenario::TokenRefused));
    set_clock(&mut world, 3601);
    let outcome = world.run("token ci --json").expect(4);
    assert_eq!(outcome.error_code(), "token-refused");
    assert_eq!(world.run("status ci --json").expect(0).json()["session"]["health"], "dead");
    sandbox.set_scenario(None);
    world.run("token ci").expect(0);
    assert_eq!(world.run("status ci --json").expect(0).json()["session"]["health"], "healthy");
}

#[test]
fn signed_out_client_credentials_want_their_secret_again() {
    let sandbox = sandbox();
    let mut world = connected_machine(&sandbox);
    world.run("logout ci --yes").expect(0);
    let outcome = world.run("token ci --json").expect(4);
    assert_eq!(outcome.error_code(), "no-credential");
    outcome.says(&["snow login ci"]);
    world.stdin(machine().1).run("login ci --client-secret-stdin").expect(0);
    world.run("token ci").expect(0);
}

#[test]
fn variables_describe_a_client_whose_token_is_kept_nowhere() {
    let sandbox = sandbox();
    let mut world = World::new();
    let store = Arc::new(FaultyStore::default());
    world.store = store.clone();
    let (client_id, secret) = machine();
    world.set("SNOW_INSTANCE", &sandbox.origin()).set("SNOW_CLIENT_ID", client_id).set("SNOW_CLIENT_SECRET", secret);
    let outcome = world.run("token --json").expect(0);
    let token = outcome.json()["access_token"].clone();
    assert!(who(&sandbox, &token).is_ok());
    assert_eq!(sandbox.token_requests().client_credentials, 1);
    world.run("token --format header").expect(0);
    world.run("token --min-ttl 2h").expect(11);
    world.run("test").expect(0);
    assert_eq!(store.calls(), 0, "no store is touched");
    assert!(!world.home().join(".config").exists() && !world.home().join(".local").exists());
    sandbox.set_scenario(Some(Scenario::TokenRefused));
    let outcome = world.run("token --json").expect(4);
    assert_eq!(outcome.error_code(), "token-refused");
    outcome.says(&["SNOW_CLIENT_ID"]);
}

#[test]
fn an_access_token_in_a_variable_is_printed_as_it_is() {
    let sandbox = sandbox();
    let mut world = World::new();
    world.set("SNOW_INSTANCE", &sandbox.origin()).set("SNOW_ACCESS_TOKEN", "given-by-somebody");
    assert_eq!(world.run("token").expect(0).stdout, "given-by-somebody\n");
    let document = world.run("token --json").expect(0).json();
    assert_eq!(
        (document["access_token"].clone(), document["expires_at"].clone()),
        (json!("given-by-somebody"), Value::Null)
    );
    assert_eq!(world.run("token --min-ttl 1s --json").expect(11).error_code(), "lifetime-too-short");
    // Nobody can renew it: one request, and the truth.
    let before = sandbox.requests();
    assert_eq!(world.run("test --json").expect(4).error_code(), "bearer-refused");
    assert_eq!(sandbox.requests(), before + 1);
    assert_eq!(sandbox.token_requests().total(), 0);
}

#[test]
fn status_tells_the_health_of_a_session_offline() {
    let instance = Scripted::plays(|request, before| {
        (request.path == "/oauth_token.do" && before > 0)
            .then(|| http(400, "", r#"{"error":"invalid_grant"}"#).into_bytes())
    });
    let mut world = World::new();
    let store = Arc::new(FaultyStore::default());
    world.store = store.clone();
    world.write_config(session::config(&instance.origin(), ""));
    let record = session::record(&instance.origin(), -1, json!({}));
    session::write_record(&world, snow_connect::store::Field::SESSION, &record);
    let health = |world: &mut World| {
        let (calls, requests) = (store.calls(), instance.received().len());
        let document = world.run("status acme --json").expect(0).json();
        world.run("status acme").expect(0);
        assert_eq!((store.calls(), instance.received().len()), (calls, requests), "status is offline");
        document["session"].clone()
    };
    assert_eq!(health(&mut world)["health"], "absent", "nothing was seen of it yet");
    world.run("refresh acme").expect(0);
    let seen = health(&mut world);
    assert_eq!(seen["health"], "healthy");
    assert!(seen["expires_at"].is_string() && seen["refreshed_at"].is_string());
    set_clock(&mut world, 4000);
    assert_eq!(health(&mut world)["health"], "healthy", "it can be renewed");
    world.run("token acme").expect(4);
    assert_eq!(health(&mut world)["health"], "dead");
    world.run("logout acme --local --yes").expect(0);
    assert_eq!(health(&mut world)["health"], "absent");
}

#[test]
fn a_session_without_a_refresh_token_is_expired_when_it_is_over() {
    let sandbox = Sandbox::start(None, Some(Scenario::NoRefreshToken)).unwrap();
    let mut world = connected(&sandbox);
    let health = |world: &mut World| {
        world.run("status acme --json").expect(0).json()["session"]["health"].as_str().unwrap().to_owned()
    };
    assert_eq!(health(&mut world), "healthy");
    set_clock(&mut world, 1801);
    assert_eq!(health(&mut world), "expired");
    assert_eq!(world.run("token acme --json").expect(4).error_code(), "session-expired");
    assert_eq!(sandbox.token_requests().refresh_token, 0);
}

// Contract, section 1: origins of a secret.
#[test]
fn a_session_stays_at_home_whatever_the_connections_file_says() {
    let (instance, evil) = (Scripted::plays(|_, _| None), Scripted::plays(|_, _| None));
    let authority = Authority::new();
    let mut world = world_with_secret(&instance.origin(), -1);
    world.guard(ACCESS_TOKEN);
    let ca = world.home().join("ca.pem");
    authority.save(&ca);
    let here = session::config(&instance.origin(), "");
    let edits = [
        session::config(&evil.origin(), ""),
        session::config(&instance.origin(), &format!("token_url = \"{}/oauth_token.do\"\n", evil.origin())),
        session::config(&instance.origin(), &format!("ca_cert = \"{}\"\n", ca.display())),
        here.replace("sandbox-public", "sandbox-other"),
        session::config(&instance.origin().replace("127.0.0.1", "localhost"), ""),
    ];
    let before = saved(&world);
    for edit in &edits {
        world.write_config(edit);
        for line in ["token acme --json", "refresh acme --json", "test acme --json"] {
            let outcome = world.run(line).expect(9);
            assert_eq!(outcome.error_code(), "origin-mismatch", "{line}\n{edit}");
            outcome.says(&["snow login acme"]);
        }
    }
    assert_eq!((instance.received().len(), evil.received().len()), (0, 0));
    assert_eq!(saved(&world), before);
    world.write_config(here);
    world.run("token acme").expect(0);
}

// The same by `snow edit`, until a login binds it anew.
#[test]
fn an_edited_destination_gets_nothing_before_a_login() {
    let (sandbox, other) = (sandbox(), sandbox());
    let mut world = connected(&sandbox);
    let tokens = (saved(&world)["access_token"].clone(), saved(&world)["refresh_token"].clone());
    world.run(&format!("edit acme --set instance={}", other.origin())).expect(0);
    assert_eq!(world.run("test acme --json").expect(9).error_code(), "origin-mismatch");
    assert_eq!(other.requests(), 0);
    world.run("login acme").expect(0);
    assert_eq!(saved(&world)["origins"]["instance"], other.origin());
    assert_ne!((saved(&world)["access_token"].clone(), saved(&world)["refresh_token"].clone()), tokens);
    world.run("test acme").expect(0);
}

// A revocation carries refresh tokens, which go to the token endpoint alone.
#[test]
fn a_revocation_endpoint_elsewhere_is_refused_as_a_setting() {
    let (instance, evil) = (Scripted::plays(|_, _| None), Scripted::plays(|_, _| None));
    let mut world = world_with(&instance.origin(), 900, json!({}));
    let outcome = world.run(&format!("edit acme --set revocation_url={}/revoke", evil.origin()));
    assert!([2, 3].contains(&outcome.code), "{outcome:?}");
    world.write_config(session::config(&instance.origin(), &format!("revocation_url = \"{}/r\"\n", evil.origin())));
    assert_eq!(world.run("logout acme --json --yes").expect(3).error_code(), "config-invalid");
    assert_eq!((instance.received().len(), evil.received().len()), (0, 0));
}

#[test]
fn a_refresh_and_the_requests_after_it_share_one_connection() {
    let sandbox = Sandbox::open(SandboxOptions { rotate: true, ..SandboxOptions::default() }).unwrap();
    let relay = Relay::to(&sandbox);
    let mut world = world_with(&relay.origin(), -1, session::signed_in(&sandbox));
    let before = sandbox.requests();
    world.run("test acme").expect(0);
    assert_eq!(sandbox.requests(), before + 3, "a refresh, a table, an identity");
    assert_eq!(relay.accepted.load(Ordering::SeqCst), 1);
    // So do a refusal, the refresh after it, and the rest.
    sandbox.expire_access_tokens();
    let outcome: Outcome = world.run("test acme --json").expect(0);
    assert_eq!(outcome.json()["connections"][0]["credential"]["refreshed"], true);
    assert_eq!(relay.accepted.load(Ordering::SeqCst), 2);
    assert_ne!(saved(&world)["refresh_token"], REFRESH_TOKEN);
}

/// Counts the connections that are made through it.
struct Relay {
    port: u16,
    accepted: Arc<AtomicUsize>,
}

impl Relay {
    fn to(sandbox: &Sandbox) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (accepted, address) = (Arc::new(AtomicUsize::new(0)), sandbox.origin().replace("http://", ""));
        let counter = accepted.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::SeqCst);
                let server = TcpStream::connect(&address).unwrap();
                for (mut from, mut to) in [
                    (client.try_clone().unwrap(), server.try_clone().unwrap()),
                    (server.try_clone().unwrap(), client.try_clone().unwrap()),
                ] {
                    std::thread::spawn(move || {
                        let _ = io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Write);
                    });
                }
            }
        });
        Self { port, accepted }
    }

    fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
