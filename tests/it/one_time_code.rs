//! A second factor for a password: a one-time code at the end of it, for one sign-in.

use snow_connect::sandbox::scenario::Scenario;
use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::world::{Answer, World, block_on};

const CODE: &str = "123456";

fn sandbox() -> Sandbox {
    Sandbox::open(SandboxOptions { scenario: Some(Scenario::MfaRequired), ..SandboxOptions::default() }).unwrap()
}

fn connect_line(sandbox: &Sandbox) -> String {
    format!("connect {} --name acme --username beth.anglin", sandbox.origin())
}

#[test]
fn a_person_is_asked_for_the_code_and_the_password_alone_is_saved() {
    let sandbox = sandbox();
    let mut world = World::new();
    world.person([Answer::Secret("sandbox-beth"), Answer::Secret(CODE)]);
    let connected = world.run(&connect_line(&sandbox)).expect(0);
    connected.says(&["beth.anglin", "one-time code is not saved", "client credentials"]);
    let id = world.run("show acme --json").json()["connection"]["id"].as_str().unwrap().parse().unwrap();
    let field = snow_connect::store::Field::new("password", "password");
    let key = snow_connect::store::ItemKey::new(id, field);
    let record = block_on(world.store.read(key)).unwrap().unwrap();
    assert!(record.expose().contains("sandbox-beth") && !record.expose().contains(CODE));
    // What is saved does not sign in, and login asks for the next code.
    let report = world.run("test acme --json").expect(4).json()["connections"][0].clone();
    assert_eq!(report["code"], "mfa-required", "{report}");
    world.person([Answer::Secret("sandbox-beth"), Answer::Secret(CODE)]);
    world.run("login acme").expect(0).says(&["one-time code is not saved"]);
}

#[test]
fn a_wrong_code_may_be_entered_again_and_then_nothing_is_saved() {
    let sandbox = sandbox();
    let mut world = World::new();
    world.person([Answer::Secret("sandbox-beth"), Answer::Secret("000000"), Answer::Secret(CODE)]);
    world.run(&connect_line(&sandbox)).expect(0).says(&["Wrong or expired code? (2 left)"]);

    let mut world = World::new();
    let wrong = ["000000", "111111", "222222"].map(Answer::Secret);
    world.person([Answer::Secret("sandbox-beth")].into_iter().chain(wrong));
    world.run(&connect_line(&sandbox)).expect(4).says(&["requires a second factor"]);
    assert!(!world.config().contains("acme"), "{}", world.config());
    assert!(!world.home().join(".local/state/snow/refusals.json").exists(), "the password was right");
}

#[test]
fn a_wrong_password_with_a_second_factor_is_a_wrong_password() {
    let sandbox = sandbox();
    let mut world = World::new();
    let line = format!("{} --password-stdin --json", connect_line(&sandbox));
    assert_eq!(world.stdin("CANARY-wrong").run(&line).expect(4).error_code(), "basic-refused");
}

#[test]
fn without_a_person_the_failure_says_the_way_out() {
    let sandbox = sandbox();
    let mut world = World::new();
    let line = format!("{} --password-stdin --json", connect_line(&sandbox));
    let error = world.stdin("sandbox-beth").run(&line).expect(4).json()["error"].clone();
    assert_eq!(error["code"], "mfa-required");
    let next = error["next"].to_string();
    for way in ["snow guide oauth", "snow guide client-credentials", "snow login"] {
        assert!(next.contains(way), "{way}: {next}");
    }
    assert_eq!(sandbox.requests(), 1);
}

#[test]
fn the_password_grant_is_refused_with_the_way_out_wherever_it_is_asked_for() {
    let sandbox = sandbox();
    let mut world = World::new();
    let before = sandbox.requests();
    world.set("SNOW_INSTANCE", &sandbox.origin()).set("SNOW_AUTH", "password");
    for line in [
        "connect dev12345 --auth password --json",
        "app create --grant password --json",
        "test --json",
        "api table/incident --json",
    ] {
        let error = world.run(line).expect(2).json()["error"].clone();
        assert_eq!(error["code"], "usage", "{line}: {error}");
        let next = error["next"].to_string();
        for way in ["oauth", "client-credentials", "jwt-bearer"] {
            assert!(next.contains(&format!("--auth {way}")), "{line}: {next}");
        }
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("snow does not support the password grant."), "{line}: {message}");
    }
    assert_eq!(sandbox.requests(), before);
}
