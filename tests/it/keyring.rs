//! The real keyring.

use snow_connect::sandbox::Sandbox;

use crate::world::keyring::Session;
use crate::world::tls::{Authority, Leaf};

#[test]
fn a_connection_survives_a_restart_with_its_password_in_the_keyring_alone() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut session = Session::new();
    let line = format!("connect {} --name acme --username beth.anglin --password-stdin", sandbox.origin());
    session.run(&line, "sandbox-beth").expect(0).says(&["acme: connected as beth.anglin (basic)"]);

    session.stop_keyring();
    session.start_keyring();
    session.run("test acme", "").expect(0).says(&["beth.anglin"]);

    let found = session.secret_tool(&["search", "--all", "service", "snow"], "");
    assert_eq!(found.stdout.matches("sandbox-beth").count(), 1, "{}", found.stdout);
    assert!(found.stdout.contains(&format!(r#""instance":"{}""#, sandbox.origin())), "{}", found.stdout);

    session.run("remove acme", "").expect(0);
    let found = session.secret_tool(&["search", "--all", "service", "snow"], "");
    assert_eq!(found.stdout, "");
}

#[test]
fn an_https_instance_with_a_private_authority_survives_a_restart() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let authority = Authority::new();
    let front = authority.front(Leaf::Good, &sandbox.origin());
    let mut session = Session::new();
    let ca = session.home().join("ca.pem");
    authority.save(&ca);
    let line =
        format!("connect {} --name tls --username admin --password-stdin --ca-cert {}", front.origin(), ca.display());
    session.run(&line, "sandbox-admin\n").expect(0);

    session.stop_keyring();
    session.start_keyring();
    let outcome = session.run("test tls --json", "").expect(0);
    let report = &outcome.json()["connections"][0];
    assert_eq!(crate::world::check(report, "network.tls")["status"], "pass");

    // Another authority under the same name is another destination.
    Authority::new().save(&ca);
    let outcome = session.run("test tls --json", "").expect(9);
    assert_eq!(outcome.error_code(), "origin-mismatch");
}
