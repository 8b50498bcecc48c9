//! `snow store status` and `snow store purge`: what is where, and what no connection names.

use serde_json::{Value, json};
use snow_connect::base::secret::Secret;
use snow_connect::sandbox::Sandbox;
use snow_connect::store::{Field, ItemKey};

use crate::file_store::identity;
use crate::world::session::ID;
use crate::world::vault::{ROOT, Vault, policy};
use crate::world::{Answer, World, block_on, items};

/// A world in which each store opens without a question, and the directory of the key.
pub fn world() -> (World, tempfile::TempDir) {
    let keys = tempfile::tempdir().unwrap();
    identity(&keys.path().join("key"));
    let mut world = World::new();
    world.set("SNOW_STORE_IDENTITY", keys.path().join("key").to_str().unwrap());
    (world, keys)
}

/// The same with Vault.
pub fn world_with(vault: &Vault) -> (World, tempfile::TempDir) {
    let (mut world, keys) = world();
    world.guard(ROOT);
    world.set("VAULT_ADDR", vault.origin()).set("VAULT_TOKEN", ROOT);
    (world, keys)
}

pub fn sandbox_with(world: &mut World) -> Sandbox {
    let sandbox = Sandbox::start(None, None).unwrap();
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    sandbox
}

pub fn entry(world: &World, name: &str) -> toml::Value {
    let config: toml::Value = toml::from_str(&world.config()).unwrap();
    config["connections"][name].clone()
}

pub fn key(world: &World, name: &str, field: Field) -> ItemKey {
    ItemKey::new(entry(world, name)["id"].as_str().unwrap().parse().unwrap(), field)
}

pub fn in_memory(world: &World, name: &str) -> bool {
    block_on(world.store.read(key(world, name, items::PASSWORD))).unwrap().is_some()
}

pub fn put_in_memory(world: &World, account: &str, record: &str) {
    let key = ItemKey::of_account(account).unwrap();
    block_on(world.store.write(key, &Secret::new(record.to_owned()).unwrap())).unwrap();
}

pub fn status(world: &mut World) -> Value {
    world.run("store status --json").expect(0).json()
}

pub fn store<'a>(status: &'a Value, name: &str) -> &'a Value {
    let stores = status["stores"].as_array().unwrap();
    stores.iter().find(|store| store["store"] == name).unwrap_or_else(|| panic!("no {name} in {status}"))
}

/// What the status has of the items of a connection, as `field state`.
pub fn stored(status: &Value, name: &str) -> Vec<String> {
    let connections = status["connections"].as_array().unwrap();
    let connection = connections.iter().find(|connection| connection["name"] == name).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = connection["items"].as_array().unwrap().iter();
    items.map(|item| format!("{} {}", text(&item["field"]), text(&item["state"]))).collect()
}

#[test]
fn the_status_says_what_is_where_and_what_no_connection_names() {
    let (mut world, _keys) = world();
    let sandbox = sandbox_with(&mut world);
    world.stdin("sandbox-joe").run(&format!(
        "connect {} --name second --username joe.employee --password-stdin --store file",
        sandbox.origin()
    ));
    put_in_memory(&world, &format!("{ID}/password"), "of another file");
    let seen = status(&mut world);
    assert_eq!(stored(&seen, "acme"), ["password present"]);
    assert_eq!(stored(&seen, "second"), ["password present"]);
    let keyring = store(&seen, "keyring");
    assert_eq!(
        (&keyring["items"], &keyring["unnamed_items"], &keyring["state"]),
        (&json!(2), &json!(1), &json!("open"))
    );
    assert_eq!(keyring["connections"], json!(["acme"]));
    let file = store(&seen, "file");
    assert_eq!((&file["items"], &file["unnamed_items"]), (&json!(1), &json!(0)));
    assert!(file["place"].as_str().unwrap().ends_with("secrets.age"), "{file}");
    // What is gone is missing, and what does not open is unknown.
    block_on(world.store.delete(key(&world, "acme", items::PASSWORD))).unwrap();
    world.unset("SNOW_STORE_IDENTITY");
    let seen = status(&mut world);
    assert_eq!(stored(&seen, "acme"), ["password missing"]);
    assert_eq!(stored(&seen, "second"), ["password unknown"]);
    let file = store(&seen, "file");
    assert_eq!((&file["state"], &file["items"]), (&json!("locked"), &Value::Null));
    assert_eq!(file["error"]["code"], "store-locked");
}

#[test]
fn the_status_fits_a_narrow_terminal() {
    let (mut world, _keys) = world();
    let _sandbox = sandbox_with(&mut world);
    put_in_memory(&world, &format!("{ID}/password"), "of another file");
    for columns in [80, 60] {
        world.columns = columns;
        let outcome = world.person([]).run("store status").expect(0);
        outcome.says(&["CONNECTION", "acme", "password", "NOT NAMED", "snow store purge --dry-run"]);
        for line in outcome.stdout.lines() {
            assert!(line.chars().count() <= columns, "{} columns: {line:?}", line.chars().count());
        }
    }
}

#[test]
fn purge_deletes_what_no_connection_names_and_nothing_else() {
    let (mut world, _keys) = world();
    let _sandbox = sandbox_with(&mut world);
    world.run("store purge").expect(0).says(&["Nothing to delete"]);
    put_in_memory(&world, &format!("{ID}/password"), "CANARY of before");
    put_in_memory(&world, &format!("{ID}/session"), "CANARY of before");
    let outcome = world.run("store purge --dry-run --json").expect(0).json();
    assert_eq!(outcome["dry_run"], true);
    let mut found: Vec<&str> =
        outcome["items"].as_array().unwrap().iter().map(|item| item["account"].as_str().unwrap()).collect();
    found.sort_unstable();
    assert_eq!(found, [format!("{ID}/password"), format!("{ID}/session")]);
    assert_eq!(world.run("store purge --json").expect(3).error_code(), "no-terminal");
    assert_eq!(status(&mut world)["stores"][0]["items"], 3);
    let outcome = world.person([Answer::Confirm(true)]).run("store purge").expect(0);
    outcome.says(&[ID, "2 items deleted"]);
    assert_eq!(*world.questions.lock().unwrap(), ["yes or no: Delete 2 items that no connection names?"]);
    assert_eq!(status(&mut world)["stores"][0]["items"], 1);
    world.run("test acme").expect(0);
    // Without the connections no item could be told from another.
    world.write_config("version = 1\n[connections.acme]\nauth = 1\n");
    world.run("store purge --yes").expect(3);
}

#[test]
fn a_store_that_machines_share_is_cleaned_up_only_if_that_is_said() {
    let vault = Vault::start();
    let (mut world, _keys) = world_with(&vault);
    let _sandbox = sandbox_with(&mut world);
    world.run("store migrate acme --to vault --yes").expect(0);
    let own = format!("secret/data/snow/{}/password", entry(&world, "acme")["id"].as_str().unwrap());
    let others = format!("secret/data/snow/{ID}/password");
    vault.post(&others, &json!({ "data": { "record": "CANARY of another machine" } }));
    // Nothing of ours, and left alone.
    vault.post("secret/data/snow/notes", &json!({ "data": { "text": "of a person" } }));
    assert_eq!(store(&status(&mut world), "vault")["other_connections"], 1);
    let outcome = world.run("store purge --yes --json").expect(0).json();
    assert_eq!((&outcome["items"], &outcome["skipped"][0]["store"]), (&json!([]), &json!("vault")));
    assert!(outcome["skipped"][0]["reason"].as_str().unwrap().contains("--shared"), "{outcome}");
    assert!(vault.item(&others)["data"]["record"].is_string());
    let dry = world.run("store purge --shared --dry-run --json").expect(0).json();
    assert_eq!(dry["items"][0]["account"], format!("{ID}/password"));
    world.run("store purge --shared --yes").expect(0).says(&["1 item deleted"]);
    assert_eq!(vault.get(&others.replace("/data/", "/metadata/")).status, 404);
    assert!(vault.item(&own)["data"]["record"].is_string());
    assert_eq!(vault.item("secret/data/snow/notes")["data"]["text"], "of a person");
    assert_eq!(store(&status(&mut world), "vault")["other_connections"], 0);
    world.run("test acme").expect(0);
}

#[test]
fn a_runner_that_may_not_list_still_sees_its_own_items() {
    let vault = Vault::start();
    let (mut world, _keys) = world_with(&vault);
    let _sandbox = sandbox_with(&mut world);
    world.run("store migrate acme --to vault --yes").expect(0);
    world.unset("VAULT_TOKEN").set("VAULT_TOKEN", &vault.token(policy(), 600));
    let seen = status(&mut world);
    assert_eq!(stored(&seen, "acme"), ["password present"]);
    let of_vault = store(&seen, "vault");
    assert_eq!((&of_vault["other_connections"], &of_vault["state"]), (&Value::Null, &json!("open")));
    world.run("store purge --yes").expect(0).says(&["it does not list its items"]);
    // A sign-out leaves a mark in Vault, which is no secret.
    world.run("logout acme --yes").expect(0);
    assert_eq!(stored(&status(&mut world), "acme"), ["password missing"]);
    vault.post("sys/seal", &json!({}));
    let seen = status(&mut world);
    assert_eq!(stored(&seen, "acme"), ["password unknown"]);
    assert_eq!(store(&seen, "vault")["error"]["code"], "vault-sealed");
}

#[test]
fn doctor_counts_what_a_move_has_left_and_nothing_of_other_machines() {
    let vault = Vault::start();
    let (mut world, _keys) = world_with(&vault);
    let _sandbox = sandbox_with(&mut world);
    world.run("store migrate acme --to vault --yes").expect(0);
    vault.post(&format!("secret/data/snow/{ID}/password"), &json!({ "data": { "record": "CANARY other" } }));
    let account = key(&world, "acme", items::PASSWORD).account();
    put_in_memory(&world, &account, "CANARY left");
    let report = world.run("doctor --json").json();
    let orphans: Vec<(String, String)> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["id"] == "store.items")
        .map(|check| (check["target"].as_str().unwrap().to_owned(), check["status"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(orphans, [("keyring".to_owned(), "warn".to_owned())]);
}
