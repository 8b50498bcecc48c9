//! What ends when, without asking anybody.

use serde_json::{Value, json};
use snow_connect::sandbox::Sandbox;
use snow_connect::sandbox::scenario::Scenario;

use crate::world::World;
use crate::world::session::{set_clock, world_with};
use crate::world::tls::{Authority, Leaf};

const DAY: i64 = 86_400;

/// A world with `acme`, signed in by OAuth just now, as a refresh shows; and
/// `basic`, whose instance shows a certificate that ends in twenty days.
fn world() -> (Sandbox, Sandbox, World) {
    let (instance, behind) = (Sandbox::start(None, None).unwrap(), Sandbox::start(None, None).unwrap());
    let mut world = world_with(&instance.origin(), 1800, json!({}));
    let authority = Authority::new();
    let ca = world.home().join("ca.pem");
    authority.save(&ca);
    let twenty_days = std::time::Duration::from_secs(20 * 86_400 + 3600);
    let front = authority.front(Leaf::EndsIn(twenty_days), &behind.origin());
    let line = format!(
        "connect {} --name basic --username svc.ci --password-stdin --ca-cert {}",
        front.origin(),
        ca.display()
    );
    world.stdin("sandbox-svc").run(&line).expect(0);
    (instance, behind, world)
}

/// The session of `acme` as the state directory knows it.
fn note_session(world: &World, changes: Value) {
    let now = chrono::Utc::now();
    let mut note = json!({
        "signed_in_at": now,
        "refreshed_at": null,
        "expires_at": now + chrono::TimeDelta::minutes(30),
        "renewable": true,
        "refused_at": null,
    });
    for (key, value) in changes.as_object().unwrap() {
        note[key] = value.clone();
    }
    let state = world.home().join(".local/state/snow");
    std::fs::create_dir_all(&state).unwrap();
    let sessions = json!({ "sessions": { crate::world::session::ID: note } });
    std::fs::write(state.join("sessions.json"), sessions.to_string()).unwrap();
}

fn ends(document: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let ends = document["ends"].as_array().unwrap();
    ends.iter().map(|end| (text(&end["connection"]), text(&end["what"]))).collect()
}

fn pair(connection: &str, what: &str) -> (String, String) {
    (connection.to_owned(), what.to_owned())
}

#[test]
fn all_that_ends_is_listed_the_soonest_first_and_nobody_is_asked() {
    let (instance, behind, mut world) = world();
    note_session(&world, json!({}));
    let before = (instance.requests(), behind.requests());
    let document = world.run("status --all --json").expect(0).json();
    assert_eq!((instance.requests(), behind.requests()), before);
    assert_eq!(document["schema"], "snow.status/1");
    let expected = [pair("acme", "access-token"), pair("basic", "certificate"), pair("acme", "refresh-token")];
    assert_eq!(ends(&document), expected);
    let refresh = &document["ends"][2];
    assert_eq!((&refresh["estimated"], &refresh["renewed"]), (&json!(true), &json!(false)));
    assert_eq!(document["ends"][0]["renewed"], true);
    assert_eq!(document["selected"], "acme");
    let outcome = world.run("status --all").expect(0);
    outcome.says(&[
        "in 29 min",
        "access token, renewed by itself",
        "in about 99 days",
        "refresh token",
        "in 20 days certificate",
    ]);
}

#[test]
fn within_is_an_assertion_that_counts_what_somebody_must_do() {
    let (_instance, _behind, mut world) = world();
    note_session(&world, json!({}));
    // The access token ends in half an hour, and is renewed by itself.
    world.run("status --all --within 14d").expect(0).says(&["nothing expires within 14 days that you must renew"]);
    let document = world.run("status --all --within 30d --json").expect(11).json();
    assert_eq!((&document["ok"], &document["exit_code"]), (&json!(false), &json!(11)));
    assert_eq!(document["error"]["code"], "ends-soon");
    let within: Vec<&Value> = document["ends"].as_array().unwrap().iter().map(|end| &end["within"]).collect();
    assert_eq!(within, [&json!(false), &json!(true), &json!(false)]);
    world
        .run("status --all --within 30d")
        .expect(11)
        .says(&["the certificate of basic expires within", "Ask for a new certificate of"]);
    let outcome = world.run("status --all --within 120d").expect(11);
    outcome.says(&["2 things expire within", "snow login acme"]);
    // One connection alone.
    world.run("status acme --within 30d").expect(0);
    world.run("status acme --within 120d").expect(11);
    world.run("status acme --all").expect(2);
    for bad in ["0", "-1d", "5000d", "soon"] {
        world.run(&format!("status --all --within={bad}")).expect(2);
    }
}

#[test]
fn what_is_over_or_was_refused_needs_somebody_now() {
    let (_instance, _behind, mut world) = world();
    note_session(&world, json!({ "renewable": false }));
    world.run("status acme --within 20min").expect(0);
    world.run("status acme --within 1h").expect(11).says(&["the access token of acme expires within"]);
    note_session(&world, json!({ "refused_at": chrono::Utc::now() }));
    let document = world.run("status acme --within 1s --json").expect(11).json();
    let refused = document["ends"].as_array().unwrap().iter().find(|end| end["what"] == "refresh-token").unwrap();
    assert_eq!(
        (&refused["refused"], &refused["ended"], &refused["within"]),
        (&json!(true), &json!(true), &json!(true))
    );
    note_session(&world, json!({}));
    set_clock(&mut world, 21 * DAY);
    let outcome = world.run("status --all --within 1d").expect(11);
    outcome.says(&["certificate of basic", "ago", "at the next use"]);
    set_clock(&mut world, 0);
}

#[test]
fn of_whom_nothing_is_known_is_said_and_no_failure() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.run("status --all").expect(0).says(&["There is no connection"]);
    world.connect("plain", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    let document = world.run("status --all --within 14d --json").expect(0).json();
    assert_eq!((&document["ends"], &document["unknown"]), (&json!([]), &json!(["plain"])));
    world.run("status --all").expect(0).says(&["No expiry known for plain"]);
    // A selection that leads nowhere does not keep the others from being seen.
    world.set("SNOW_CONNECTION", "nope");
    world.run("status --all").expect(0);
}

#[test]
fn a_certificate_that_a_failed_test_did_not_see_is_remembered() {
    let (_instance, behind, mut world) = world();
    behind.set_scenario(Some(Scenario::ConnectionLost));
    world.run("test basic").expect(6);
    let document = world.run("status --all --json").expect(0).json();
    assert!(ends(&document).contains(&pair("basic", "certificate")), "{document}");
    // Nor does signing out forget it.
    world.run("logout basic --yes").expect(0);
    let document = world.run("status --all --json").expect(0).json();
    assert!(ends(&document).contains(&pair("basic", "certificate")), "{document}");
}
