//! What `snow connect` sees of the ways to sign in before it asks for one.

use crate::connect::PASSWORD;
use crate::world::session::{Received, Scripted};
use crate::world::wire::{header, http};
use crate::world::{Answer, Outcome, World};

const BASIC: &str = "WWW-Authenticate: BASIC realm=\"Service-now\"\r\n";
const BEARER: &str = "WWW-Authenticate: BEARER realm=\"Service-now\"\r\n";
const JSON: &str = "Content-Type: application/json\r\n";
const REFUSED: &str = r#"{"error":{"message":"User Not Authenticated","detail":"Required to provide Auth information"},"status":"failure"}"#;

/// An instance that asks for this, and whose front end answers `probe` at `at`.
fn instance(challenge: &'static str, at: &'static str, probe: &'static str) -> Scripted {
    Scripted::plays(move |request: &Received, _| {
        let is_signed = header(&request.head, "authorization").is_some();
        let answer = match request.path.as_str() {
            path if path == at => http(200, "Content-Type: text/plain\r\n", probe),
            "/adcv2/supports_tls" | "/adc/supports_tls" => http(404, "", ""),
            _ if is_signed => return None,
            _ => http(401, &format!("{JSON}{challenge}"), REFUSED),
        };
        Some(answer.into_bytes())
    })
}

/// A person connects with a password; what that shows, and what was asked.
fn connects(instance: &Scripted) -> (Outcome, String) {
    let mut world = World::new();
    world.person([PASSWORD, Answer::Text("beth.anglin"), Answer::Secret("sandbox-beth")]);
    let outcome = world.run(&format!("connect {} --name acme", instance.origin())).expect(0);
    let asked = world.questions.lock().unwrap().join("\n");
    (outcome, asked)
}

#[test]
fn an_instance_that_takes_certificates_is_told_apart_at_both_addresses() {
    for at in ["/adcv2/supports_tls", "/adc/supports_tls"] {
        let instance = instance(BASIC, at, "true\n");
        connects(&instance).0.says(&["Safest", "A client certificate if you have one"]);
        let probes = instance.received_at(at);
        assert_eq!(probes.len(), 1);
        assert_eq!(header(&probes[0].head, "authorization"), None);
    }
}

#[test]
fn an_instance_that_takes_no_certificates_is_told_apart() {
    for probe in ["false", "", "<html>true</html>"] {
        let (outcome, asked) = connects(&instance(BASIC, "/adcv2/supports_tls", probe));
        outcome.says(&["Safest", "OAuth with your own client, since no password is stored"]);
        assert!(!asked.contains("not offered by this instance"));
    }
}

#[test]
fn an_instance_that_asks_for_tokens_alone_does_not_offer_basic() {
    let (outcome, asked) = connects(&instance(BEARER, "/none", ""));
    outcome.says(&["since this instance does not offer Basic"]);
    assert!(asked.contains("User name and password           not offered by this instance"));
}

#[test]
fn a_way_to_sign_in_that_was_given_is_not_looked_for() {
    let instance = instance(BASIC, "/adcv2/supports_tls", "true");
    let mut world = World::new();
    world.person([Answer::Secret("sandbox-beth")]);
    world.run(&format!("connect {} --name acme --username beth.anglin", instance.origin())).expect(0);
    assert!(instance.received_at("/adcv2/supports_tls").is_empty());
}
