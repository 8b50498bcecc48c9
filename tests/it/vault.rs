//! Secrets in a real OpenBao.

use serde_json::{Value, json};
use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::world::tls::{Authority, Leaf};
use crate::world::vault::{ROOT, TOPIC, Vault, policy};
use crate::world::{World, check};

const PASSWORD: &str = "sandbox-beth";

pub fn connect(world: &mut World, sandbox: &Sandbox, more: &str) -> crate::world::Outcome {
    let line = format!("connect {} --name acme --username beth.anglin --password-stdin {more}", sandbox.origin());
    world.stdin(PASSWORD).run(&line)
}

/// The path of an item of `acme`, below `data` or `metadata`.
pub fn item_of(world: &World, kind: &str, field: &str) -> String {
    let config: toml::Value = toml::from_str(&world.config()).unwrap();
    format!("secret/{kind}/snow/{}/{field}", config["connections"]["acme"]["id"].as_str().unwrap())
}

#[test]
fn a_connection_lives_in_vault_from_connect_to_logout() {
    let (vault, sandbox) = (Vault::start(), Sandbox::start(None, None).unwrap());
    let mut world = vault.world();
    connect(&mut world, &sandbox, "").expect(0);
    let item = item_of(&world, "data", "password");
    let record = vault.item(&item)["data"]["record"].as_str().unwrap().to_owned();
    assert_eq!(serde_json::from_str::<Value>(&record).unwrap()["password"], PASSWORD);
    // What came from a variable is not saved, and former versions are not kept.
    assert!(!world.config().contains("store_address"), "{}", world.config());
    let metadata = vault.item(&item_of(&world, "metadata", "password"));
    assert_eq!((&metadata["cas_required"], &metadata["max_versions"]), (&json!(true), &json!(1)));
    world.run("test acme").expect(0);
    world.run("logout acme --yes").expect(0);
    // A tombstone, so that a refresh under way is told.
    assert_eq!(vault.item(&item)["data"], json!({ "deleted": true }));
    assert_eq!(vault.get(&format!("{item}?version=1")).status, 404);
    assert_eq!(world.run("test acme --json").expect(4).error_code(), "no-credential");
    world.stdin(PASSWORD).run("login acme --password-stdin").expect(0);
    world.run("remove acme --yes").expect(0);
    assert_eq!(vault.item(&item)["data"], json!({ "deleted": true }));
}

#[test]
fn the_commands_and_the_policy_of_the_topic_on_vault_work() {
    let (vault, sandbox) = (Vault::start(), Sandbox::start(None, None).unwrap());
    let mut world = vault.world();
    world.unset("SNOW_STORE").unset("VAULT_TOKEN").set("VAULT_TOKEN", &vault.token(policy(), 600));
    let file = world.home().join("password");
    std::fs::write(&file, PASSWORD).unwrap();
    let block = TOPIC.split_once("```sh").unwrap().1.split_once("```").unwrap().0;
    let commands: Vec<&str> = block.lines().filter_map(|line| line.strip_prefix("snow ")).collect();
    assert_eq!(commands.len(), 2, "{block}");
    for command in commands {
        let connect = format!("connect {} --name dev12345 --username beth.anglin", sandbox.origin());
        let command = command.replace("--username svc.ci", "").replace("connect dev12345", &connect);
        world.run(&command.replace("~/password", file.to_str().unwrap())).expect(0);
    }
    std::fs::remove_file(file).unwrap();
}

#[test]
fn what_the_flags_say_is_saved_and_goes_before_the_variables() {
    let (vault, sandbox) = (Vault::start(), Sandbox::start(None, None).unwrap());
    vault.post("sys/mounts/teams", &json!({ "type": "kv", "options": { "version": "2" } }));
    let mut world = vault.world();
    world.unset("SNOW_STORE").set("VAULT_ADDR", "https://elsewhere.example");
    let more = format!("--store vault --store-address {} --store-mount teams --store-path ci/snow", vault.origin());
    connect(&mut world, &sandbox, &more).expect(0);
    for key in [
        "store = \"vault\"",
        "store_address = \"http://127.0.0.1:",
        "store_mount = \"teams\"",
        "store_path = \"ci/snow\"",
    ] {
        assert!(world.config().contains(key), "{key} is not in {}", world.config());
    }
    assert!(item_of(&world, "data", "password").starts_with("secret/"));
    let item = item_of(&world, "data", "password").replace("secret/data/snow", "teams/data/ci/snow");
    assert!(vault.item(&item)["data"]["record"].is_string());
    world.run("test acme").expect(0);
    world.run("show acme").expect(0).says(&["store_mount teams", "store_path ci/snow", "token (VAULT_TOKEN)"]);
    let shown = world.run("show acme --json").expect(0).json();
    assert_eq!(shown["connection"]["store_mount"], "teams");
    // Another place is another store: it is not changed in passing.
    let other = connect(&mut world, &sandbox, "--store-path other --json").expect(3);
    assert_eq!(other.error_code(), "connection-exists");
}

#[test]
fn a_setting_of_vault_does_not_go_with_another_store() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    let outcome = connect(&mut world, &sandbox, "--store keyring --store-mount teams").expect(2);
    outcome.says(&["--store-mount does not go with the store keyring"]);
    connect(&mut world, &sandbox, "--store vault --store-address http://vault.example --no-test").expect(2);
}

#[test]
fn doctor_says_where_vault_is_and_what_opens_it_and_leaves_nothing_secret_in_a_bundle() {
    let (vault, sandbox) = (Vault::start(), Sandbox::start(None, None).unwrap());
    let mut world = vault.world();
    connect(&mut world, &sandbox, "").expect(0);
    let bundle = world.home().join("bundle.json");
    let report = world.run_words(&["doctor", "--json", "--bundle", bundle.to_str().unwrap()]).json();
    let ready = report["checks"].as_array().unwrap().iter();
    let mut ready = ready.filter(|check| check["id"] == "store.ready" && check["target"] == "vault");
    let ready = ready.next().unwrap();
    assert_eq!(ready["status"], "pass", "{ready}");
    let message = ready["message"].as_str().unwrap();
    assert!(message.contains("(VAULT_ADDR)") && message.contains("token (VAULT_TOKEN)"), "{message}");
    assert_eq!(check(&report, "store.secrets")["status"], "pass");
    let bundle = std::fs::read_to_string(bundle).unwrap();
    assert!(!bundle.contains(ROOT) && !bundle.contains(PASSWORD));
    // It leaves one item that is no secret, however often it is run.
    world.run("doctor");
    let keys = vault.get("secret/metadata/snow?list=true").expect(200).body;
    assert_eq!(keys.matches("probe").count(), 1, "{keys}");
}

#[test]
fn a_doctor_does_not_ask_a_vault_that_no_connection_uses() {
    let mut world = World::new();
    world.set("VAULT_ADDR", "http://127.0.0.1:9").set("VAULT_TOKEN", ROOT);
    let report = world.run("doctor --json").json();
    assert!(!report["checks"].as_array().unwrap().iter().any(|check| check["target"] == "vault"));
}

#[test]
fn a_colleague_with_a_sign_in_to_vault_needs_nothing_else() {
    let vault = Vault::start();
    let sandbox = Sandbox::open(SandboxOptions { rotate: true, ..SandboxOptions::default() }).unwrap();
    let mut one = vault.world();
    one.unset("VAULT_ADDR");
    let (origin, store) =
        (sandbox.origin(), format!("--store-address {}", vault.origin().replace("127.0.0.1", "localhost")));
    let flags = "--auth client-credentials --client-id sandbox-ci --client-secret-stdin";
    one.stdin("sandbox-ci-secret").run(&format!("connect {origin} --name ci {flags} {store}")).expect(0);
    one.stdin(PASSWORD)
        .run(&format!("connect {origin} --name acme --username beth.anglin --password-stdin {store}"))
        .expect(0);
    let team = one.run("export --all").expect(0).stdout;
    assert!(!team.contains(PASSWORD) && !team.contains("sandbox-ci-secret") && !team.contains(ROOT), "{team}");

    let mut other = World::new();
    let token = vault.token(policy(), 600);
    other.guard(&token);
    let file = other.home().join("team.toml");
    std::fs::write(&file, &team).unwrap();
    let import = format!("import {}", file.display());
    let dry = other.run(&format!("{import} --dry-run")).expect(0);
    dry.says(&["needs a yes: store_address = http://localhost"]);
    other.run(&format!("{import} --yes --store file")).expect(2).says(&["are in vault", "Leave out --store"]);
    let refused = other.run(&format!("{import} --json")).expect(3);
    assert_eq!(refused.error_code(), "no-terminal");
    other.run(&format!("{import} --yes")).expect(0).says(&["Its secrets are in Vault: snow test acme"]);
    assert_eq!(other.run("test acme --json").expect(9).json()["connections"][0]["code"], "vault-no-token");
    other.set("VAULT_TOKEN", &token);
    other.run("test --all").expect(0);
    assert_eq!(other.run("token ci").expect(0).stdout, one.run("token ci").expect(0).stdout);
    // The same connection is not taken under another name.
    let renamed =
        team.replace("[connections.acme]", "[connections.again]").replace("[connections.ci]", "[connections.more]");
    std::fs::write(&file, renamed).unwrap();
    let again = other.run(&format!("{import} --yes --json")).expect(3);
    assert_eq!(again.error_code(), "connection-exists");
    again.says(&["is saved already, as"]);
    // What is not shared keeps its id and its store to itself.
    let local = team.replace("store = \"vault\"", "store = \"command\"\nstore_read = [\"id\"]");
    std::fs::write(&file, local).unwrap();
    let mut third = World::new();
    third
        .run(&format!("{import} --yes --username beth.anglin"))
        .expect(0)
        .says(&["left out of acme: id", "store_read"]);
    assert!(third.config().contains("store = \"keyring\""), "{}", third.config());
}

#[test]
fn a_vault_with_a_private_ca_is_reached_with_its_file_and_never_without() {
    let (vault, sandbox) = (Vault::start(), Sandbox::start(None, None).unwrap());
    let authority = Authority::new();
    let front = authority.front(Leaf::Good, vault.origin());
    let mut world = vault.world();
    world.unset("VAULT_ADDR").set("BAO_ADDR", &front.origin());
    let outcome = connect(&mut world, &sandbox, "--json").expect(9);
    assert_eq!(outcome.error_code(), "vault-tls");
    outcome.says(&["VAULT_CACERT"]);
    let ca = world.home().join("ca.pem");
    authority.save(&ca);
    world.set("VAULT_CACERT", ca.to_str().unwrap());
    connect(&mut world, &sandbox, "").expect(0);
    // The certificate has another name than the address.
    let front = authority.front(Leaf::Named("vault.internal"), vault.origin());
    world.unset("BAO_ADDR").set("BAO_ADDR", &front.origin());
    assert_eq!(world.run("test acme --json").expect(9).error_code(), "vault-tls");
    world.set("BAO_TLS_SERVER_NAME", "vault.internal");
    world.run("test acme").expect(0);
    world.set("VAULT_SKIP_VERIFY", "1");
    world.run("test acme").expect(3).says(&["VAULT_SKIP_VERIFY"]);
}

#[test]
fn an_item_that_a_person_deleted_is_written_again_at_its_next_version() {
    let (vault, sandbox) = (Vault::start(), Sandbox::start(None, None).unwrap());
    let mut world = vault.world();
    connect(&mut world, &sandbox, "").expect(0);
    let item = item_of(&world, "data", "password");
    vault.delete(&item);
    assert_eq!(world.run("test acme --json").expect(4).error_code(), "no-credential");
    world.stdin(PASSWORD).run("login acme --password-stdin").expect(0);
    assert_eq!(vault.item(&item)["metadata"]["version"], 2);
    world.run("test acme").expect(0);
    // What a person put there is not taken for a record.
    vault.post(&item, &json!({ "options": { "cas": 2 }, "data": { "password": "by hand" } }));
    assert_eq!(world.run("test acme --json").expect(9).error_code(), "secret-unreadable");
}

#[test]
fn a_token_that_may_not_write_metadata_still_saves_and_former_secrets_are_destroyed_where_it_may() {
    let (vault, sandbox) = (Vault::start(), Sandbox::start(None, None).unwrap());
    let data = r#"path "secret/data/snow/*" { capabilities = ["create", "update", "read"] }"#;
    let destroy = r#"path "secret/destroy/snow/*" { capabilities = ["update"] }"#;
    let mut world = vault.world();
    world.unset("VAULT_TOKEN").set("VAULT_TOKEN", &vault.token(&format!("{data}{destroy}"), 600));
    let outcome = connect(&mut world, &sandbox, "").expect(0);
    outcome.says(&["former versions"]);
    let item = item_of(&world, "data", "password");
    world.run("logout acme --yes").expect(0);
    assert_eq!(vault.item(&format!("{item}?version=1"))["metadata"]["destroyed"], true);
}
