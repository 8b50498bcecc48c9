//! `snow app create --grant jwt-bearer`: a client that signs assertions, with a key that
//! `openssl` made and that stays in its file.

use serde_json::Value;
use snow_connect::sandbox::Sandbox;
use snow_connect::sandbox::scenario::Scenario;

use crate::jwt_bearer::{Keys, P256, RSA};
use crate::world::{Answer, World};

/// A world with the connection of an administrator, and the instance.
fn administrator() -> (World, Sandbox) {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("root", &sandbox.origin(), "admin", "sandbox-admin");
    (world, sandbox)
}

/// The command for `NAME.pem` and `NAME.crt`.
fn line(keys: &Keys, name: &str, flags: &str) -> String {
    let (key, certificate) = (keys.path(&format!("{name}.pem")), keys.path(&format!("{name}.crt")));
    format!(
        "app create --grant jwt-bearer --user svc.ci --name ci --private-key {} --certificate {} {flags}",
        key.display(),
        certificate.display()
    )
}

/// All rows for clients and their keys.
fn rows(world: &mut World) -> Vec<Value> {
    ["oauth_entity", "oauth_jwt", "oauth_entity_profile", "jwt_verifier_map", "sys_certificate"]
        .map(|table| world.run(&format!("query {table} --json -c root")).expect(0).json()["rows"].clone())
        .to_vec()
}

#[test]
fn a_client_that_signs_is_registered_with_its_certificate_and_works() {
    let keys = Keys::new();
    for (name, algorithm, flags) in [("rsa", RSA, ""), ("p256", P256, "--public")] {
        let (mut world, sandbox) = administrator();
        keys.make(name, algorithm);
        let document = world.run(&line(&keys, name, &format!("{flags} --yes --json"))).expect(0).json();
        assert_eq!((&document["proven"], &document["client"]["grant"]), (&true.into(), &"jwt-bearer".into()));
        world.run("test ci --expect-user svc.ci").expect(0);
        sandbox.expire_access_tokens();
        world.run("refresh ci").expect(0);
        let client_id = document["client"]["client_id"].as_str().unwrap();
        world.run(&format!("app check --client-id {client_id} -c root")).expect(0);
    }
}

#[test]
fn the_instance_gets_the_certificate_and_nothing_else_of_its_file() {
    let (mut world, _sandbox) = administrator();
    let keys = Keys::new();
    keys.make("rsa", RSA);
    let both = format!("{}{}", keys.text("rsa.pem"), keys.text("rsa.crt"));
    std::fs::write(keys.path("rsa.crt"), both).unwrap();
    world.run(&line(&keys, "rsa", "--yes")).expect(0);
    let saved = world.run("query sys_certificate --fields pem_certificate --json -c root").expect(0).stdout;
    assert!(saved.contains("BEGIN CERTIFICATE") && !saved.contains("PRIVATE KEY"), "{saved}");
}

#[test]
fn what_is_not_proven_by_a_token_is_deleted_with_its_key() {
    let (mut world, sandbox) = administrator();
    let keys = Keys::new();
    keys.make("rsa", RSA);
    let before = (rows(&mut world), world.config());
    for scenario in [Scenario::AssertionRefused, Scenario::AssertionOfAdmin] {
        sandbox.set_scenario(Some(scenario));
        let outcome = world.run(&line(&keys, "rsa", "--yes")).expect(4);
        outcome.says(&["assertion-refused", "The new client was deleted again."]);
        sandbox.set_scenario(None);
        assert_eq!((rows(&mut world), world.config()), before);
    }
}

#[test]
fn a_key_that_cannot_sign_or_is_of_another_certificate_registers_nothing() {
    let (mut world, _sandbox) = administrator();
    let keys = Keys::new();
    keys.make("rsa", RSA);
    keys.make("p256", P256);
    std::fs::copy(keys.path("p256.crt"), keys.path("other.crt")).unwrap();
    std::fs::copy(keys.path("rsa.pem"), keys.path("other.pem")).unwrap();
    let before = (rows(&mut world), world.config());
    world.run(&line(&keys, "other", "--yes")).expect(3).says(&["assertion-invalid", "does not fit the private key"]);
    world.run(&line(&keys, "missing", "--yes")).expect(3).says(&["could not read"]);
    for (flags, says) in [
        ("--user svc.ci", "the private key that signs the assertions is missing"),
        ("--user svc.ci --private-key k.pem", "the certificate of the private key is missing"),
        ("--private-key k.pem --certificate c.pem", "the user that the machine acts as is missing"),
        ("--user svc.ci --private-key k --certificate c --redirect-uri http://127.0.0.1:1/x", "opens no browser"),
    ] {
        world.run(&format!("app create --grant jwt-bearer --name ci --yes {flags}")).expect(2).says(&[says]);
    }
    let line = "app create --grant client-credentials --name ci --user svc.ci --private-key k.pem";
    world.run(line).expect(2).says(&["only assertions are signed with a key"]);
    assert_eq!((rows(&mut world), world.config()), before);
}

#[test]
fn an_encrypted_key_is_opened_by_a_person_and_its_passphrase_saved() {
    let (mut world, _sandbox) = administrator();
    let keys = Keys::new();
    keys.make("rsa", RSA);
    keys.openssl("pkcs8 -topk8 -v2 aes-256-cbc -in rsa.pem -out locked.pem -passout pass:CANARY-passphrase");
    std::fs::copy(keys.path("rsa.crt"), keys.path("locked.crt")).unwrap();
    world.guard("CANARY-passphrase");
    world.run(&line(&keys, "locked", "--yes")).expect(3).says(&["passphrase of the private key"]);
    let typed = [Answer::Secret("CANARY-passphrase"), Answer::Confirm(true)];
    world.person(typed).run(&line(&keys, "locked", "")).expect(0).says(&["JWT bearer, with a secret, signs in svc.ci"]);
    world.run("refresh ci").expect(0);
}

#[test]
fn a_dry_run_reads_the_key_and_changes_nothing() {
    let (mut world, _sandbox) = administrator();
    let keys = Keys::new();
    keys.make("rsa", RSA);
    let before = (rows(&mut world), world.config());
    world.run(&line(&keys, "rsa", "--dry-run")).expect(0).says(&["would register \"snow ci\"", "JWT bearer"]);
    assert_eq!((rows(&mut world), world.config()), before);
}
