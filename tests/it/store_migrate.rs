//! `snow store migrate`: a connection and its secrets go to another store, and none is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use serde_json::{Value, json};
use snow_connect::base::code::Code;
use snow_connect::base::error::Failure;
use snow_connect::base::secret::Secret;
use snow_connect::model::profile::StoreKind;
use snow_connect::sandbox::Sandbox;
use snow_connect::store::keyring::KIND;
use snow_connect::store::memory::MemoryStore;
use snow_connect::store::moving::Move;
use snow_connect::store::{CredentialStore, Field, ItemKey, StoreError, Trouble, Version, Versioned};

use crate::store::{entry, in_memory, key, put_in_memory, sandbox_with, status, store, stored, world, world_with};
use crate::world::process::{finish, tool};
use crate::world::session::{self, ID};
use crate::world::store::PickyStore;
use crate::world::vault::Vault;
use crate::world::{Answer, block_on, items};

#[test]
fn a_connection_goes_through_every_store_and_works_in_each() {
    let vault = Vault::start();
    let (mut world, _keys) = world_with(&vault);
    let _sandbox = sandbox_with(&mut world);
    let tested = world.run("show acme --json").expect(0).json()["connection"]["last_test"].clone();
    assert_eq!(tested["ok"], true, "{tested}");
    let revision = entry(&world, "acme")["revision"].as_integer().unwrap();
    for (number, to) in ["file", "vault", "keyring", "vault", "file", "keyring"].into_iter().enumerate() {
        let moved = world.run(&format!("store migrate acme --to {to} --yes --json")).expect(0).json();
        let connection = &moved["connections"][0];
        assert_eq!((&connection["store"], &connection["items"]), (&json!(to), &json!(["password"])), "{moved}");
        let entry = entry(&world, "acme");
        assert_eq!(entry["store"].as_str(), Some(to));
        assert_eq!(entry["revision"].as_integer(), Some(revision + 1 + number as i64));
        // What is remembered of it is about the same secret.
        let shown = world.run("show acme --json").expect(0).json();
        assert_eq!(shown["connection"]["last_test"], tested, "{to}");
        world.run("query incident -c acme --limit 1").expect(0);
        let seen = status(&mut world);
        assert_eq!(stored(&seen, "acme"), ["password present"]);
        for other in ["keyring", "file"].into_iter().filter(|other| *other != to) {
            let others = seen["stores"].as_array().unwrap().iter().find(|store| store["store"] == other);
            assert!(others.is_none_or(|store| store["items"] == 0), "{other} after {to}: {seen}");
        }
        let item = format!("secret/data/snow/{}/password", entry["id"].as_str().unwrap());
        if to != "vault" && number > 1 {
            assert_eq!(vault.item(&item)["data"], json!({ "deleted": true }));
        }
        // Run again, there is nothing to do, and nothing is asked.
        world.run(&format!("store migrate acme --to {to}")).expect(0).says(&["nothing to do"]);
    }
    world.run("test acme").expect(0);
}

#[test]
fn a_session_is_moved_with_the_secret_of_its_client_and_not_the_lease() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let (mut world, keys) = world();
    world.write_config(session::config(&sandbox.origin(), ""));
    let lease = json!({ "by": "another", "seconds": 90, "holder": "another machine" });
    let signed_in = session::signed_in(&sandbox);
    let mut record = session::record(&sandbox.origin(), 600, json!({ "has_client_secret": true, "lease": lease }));
    record["access_token"] = signed_in["access_token"].clone();
    session::write_record(&world, Field::SESSION, &record);
    session::write_record(&world, items::CLIENT_SECRET, &session::client_secret(&sandbox.origin()));
    let moved = world.run("store migrate --all --to file --yes --json").expect(0).json();
    let mut gone: Vec<&str> =
        moved["connections"][0]["items"].as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect();
    gone.sort_unstable();
    assert_eq!(gone, ["client-secret", "session"]);
    let printed = world.run("token acme").expect(0).stdout;
    assert_eq!(printed.trim(), signed_in["access_token"].as_str().unwrap());
    let mut age = tool("age");
    age.arg("-d").arg("-i").arg(keys.path().join("key")).arg(world.home().join(".local/share/snow/secrets.age"));
    let file = finish(age, b"").expect(0).json();
    let session = file["records"].get(format!("{ID}/session")).unwrap_or_else(|| panic!("no session in the file"));
    let session: Value = match session.as_str() {
        Some(text) => serde_json::from_str(text).unwrap(),
        None => session.clone(),
    };
    assert_eq!(session.get("lease"), None);
}

#[test]
fn what_an_interrupted_move_has_left_is_cleaned_up_by_the_next() {
    let (mut world, _keys) = world();
    let _sandbox = sandbox_with(&mut world);
    let left = block_on(world.store.read(key(&world, "acme", items::PASSWORD))).unwrap().unwrap();
    let account = key(&world, "acme", items::PASSWORD).account();
    world.run("store migrate acme --to file --yes").expect(0);
    put_in_memory(&world, &account, left.expose());
    assert_eq!(store(&status(&mut world), "keyring")["unnamed_items"], 1);
    world.run("store migrate acme --to file").expect(3).says(&["--yes"]);
    world.run("store migrate acme --to file --yes").expect(0);
    assert!(!in_memory(&world, "acme"));
    // Another password is not thrown away in passing.
    put_in_memory(&world, &account, "{\"v\":1,\"password\":\"CANARY another\"}");
    let outcome = world.run("store migrate acme --to file --yes").expect(0);
    outcome.says(&["note:", "has a password of acme, which is unused", "snow store purge"]);
    assert!(in_memory(&world, "acme"));
    world.run("store purge --yes").expect(0);
    assert!(!in_memory(&world, "acme"));
    world.run("test acme").expect(0);
}

#[test]
fn a_store_that_was_changed_by_hand_gets_its_secrets() {
    let (mut world, _keys) = world();
    let _sandbox = sandbox_with(&mut world);
    let config = world.config().replace("store = \"keyring\"", "store = \"file\"");
    world.write_config(config);
    assert_eq!(world.run("test acme --json").expect(4).error_code(), "no-credential");
    world.run("store migrate acme --to file --yes").expect(0);
    world.run("test acme").expect(0);
    assert!(!in_memory(&world, "acme"));
}

#[test]
fn of_two_sessions_the_newer_one_stays() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let (mut world, _keys) = world();
    world.write_config(session::config(&sandbox.origin(), ""));
    let origin = sandbox.origin();
    let record = |generation: u32, token: &str| {
        let changes =
            json!({ "generation": generation, "access_token": token, "signed_in_at": "2026-11-28T08:00:00Z" });
        session::record(&origin, 600, changes)
    };
    for token in ["CANARY-second", "CANARY-third"] {
        world.guard(token);
    }
    session::write_record(&world, Field::SESSION, &record(2, "CANARY-second"));
    world.run("store migrate acme --to file --yes").expect(0);
    // Renewed by a process that had opened the former store.
    session::write_record(&world, Field::SESSION, &record(3, "CANARY-third"));
    world.run("store migrate acme --to file --yes").expect(0);
    assert_eq!(session::saved(&world), Value::Null);
    world.run("store migrate acme --to keyring --yes").expect(0);
    assert_eq!(session::saved(&world)["access_token"], "CANARY-third");
    world.run("store migrate acme --to file --yes").expect(0);
    session::write_record(&world, Field::SESSION, &record(2, "CANARY-second"));
    world.run("store migrate acme --to file --yes").expect(0);
    assert_eq!(session::saved(&world), Value::Null);
    world.run("store migrate acme --to keyring --yes").expect(0);
    assert_eq!(session::saved(&world)["access_token"], "CANARY-third");
}

#[test]
fn what_deletes_wants_a_yes_and_the_name() {
    let (mut world, _keys) = world();
    let _sandbox = sandbox_with(&mut world);
    let before = world.config();
    for line in ["store migrate acme --to file", "store migrate --all --to file --no-input"] {
        let outcome = world.run(&format!("{line} --json")).expect(3);
        assert_eq!(outcome.error_code(), "no-terminal");
        outcome.says(&["--yes"]);
    }
    world.person([Answer::Confirm(false)]).run("store migrate acme --to file").expect(130).says(&["Cancelled"]);
    assert_eq!(world.config(), before);
    assert!(in_memory(&world, "acme"));
    // What a directory chooses is not enough.
    world.run("use acme --here").expect(0);
    let outcome = world.run("store migrate --to file --yes").expect(2);
    outcome.says(&["Name it, because .snow.toml chose it", "snow store migrate acme"]);
    world.run("-c acme store migrate --to file --yes").expect(0);
    world.person([Answer::Confirm(true)]).run("store migrate acme --to keyring").expect(0);
    assert_eq!(
        *world.questions.lock().unwrap(),
        [
            "yes or no: Move the secrets of acme from the keyring to the encrypted file?",
            "yes or no: Move the secrets of acme from the encrypted file to the keyring?",
        ]
    );
    world.run("edit acme --set state=disabled").expect(0);
    assert_eq!(world.run("store migrate acme --to file --yes --json").expect(3).error_code(), "connection-disabled");
    assert_eq!(world.run("store migrate --all --to file --yes --json").expect(3).error_code(), "connection-disabled");
    world.run("edit acme --set state=enabled").expect(0);
    world.run("store migrate --to file --all acme").expect(2);
    world.run("store migrate acme --to file --store-mount teams").expect(2).says(&["does not go with the store file"]);
    world.run("edit acme --set store=file").expect(2).says(&["snow store migrate NAME --to STORE"]);
}

#[test]
fn a_store_that_does_not_take_the_secret_leaves_everything_as_it_was() {
    let vault = Vault::start();
    let (mut world, _keys) = world_with(&vault);
    let _sandbox = sandbox_with(&mut world);
    let before = world.config();
    vault.post("sys/policies/acl/none", &json!({ "policy": "path \"other/*\" { capabilities = [\"read\"] }" }));
    let token = vault.post("auth/token/create", &json!({ "policies": ["none"] }));
    world.unset("VAULT_TOKEN").set("VAULT_TOKEN", token["auth"]["client_token"].as_str().unwrap());
    let outcome = world.run("store migrate acme --to vault --yes --json").expect(9);
    let error = &outcome.json()["connections"][0]["error"];
    assert_eq!(error["code"], "vault-denied", "{error}");
    outcome.says(&["could not move the secrets of acme to Vault", "acme still uses the keyring"]);
    vault.post("sys/seal", &json!({}));
    let outcome = world.run("store migrate acme --to vault --yes --json").expect(9);
    assert_eq!(outcome.json()["connections"][0]["error"]["code"], "vault-sealed");
    outcome.says(&["acme still uses the keyring"]);
    // A directory that no file can be made in.
    let data = world.home().join(".local/share/snow");
    std::fs::create_dir_all(data.parent().unwrap()).unwrap();
    std::fs::write(&data, "").unwrap();
    world.run("store migrate acme --to file --yes").expect(9).says(&["acme still uses the keyring"]);
    assert_eq!(world.config(), before);
    world.run("test acme").expect(0);
}

/// A keyring whose items become others.
struct Altering(MemoryStore);

#[async_trait]
impl CredentialStore for Altering {
    fn kind(&self) -> StoreKind {
        self.0.kind()
    }

    fn remedy(&self) -> &'static str {
        "Try another store"
    }

    async fn read(&self, key: ItemKey) -> Result<Option<Secret>, StoreError> {
        let read = self.0.read(key.clone()).await?;
        let is_secret = key.field != Field::PROBE;
        Ok(read.map(|read| if is_secret { Secret::new("something else".to_owned()).unwrap() } else { read }))
    }

    async fn write(&self, key: ItemKey, record: &Secret) -> Result<(), StoreError> {
        self.0.write(key, record).await
    }

    async fn delete(&self, key: ItemKey) -> Result<(), StoreError> {
        self.0.delete(key).await
    }
}

#[test]
fn a_copy_that_reads_back_otherwise_is_an_error_and_the_original_stays() {
    let (mut world, _keys) = world();
    let _sandbox = sandbox_with(&mut world);
    world.run("store migrate acme --to file --yes").expect(0);
    world.store = Arc::new(Altering(MemoryStore::default()));
    let outcome = world.run("store migrate acme --to keyring --yes --json").expect(9);
    assert_eq!(outcome.json()["connections"][0]["error"]["code"], "store-unreliable");
    outcome.says(&["could not move the password of acme to the keyring", "acme still uses the encrypted file"]);
    world.run("test acme").expect(0);
}

#[test]
fn a_vault_that_is_sealed_keeps_what_it_has() {
    let vault = Vault::start();
    let (mut world, _keys) = world_with(&vault);
    let _sandbox = sandbox_with(&mut world);
    world.run("store migrate acme --to vault --yes").expect(0);
    vault.post("sys/seal", &json!({}));
    let outcome = world.run("store migrate acme --to file --yes --json").expect(9);
    assert_eq!(outcome.json()["connections"][0]["error"]["code"], "vault-sealed");
    outcome.says(&["could not move the secrets of acme to the encrypted file", "acme still uses Vault"]);
    assert_eq!(entry(&world, "acme")["store"].as_str(), Some("vault"));
}

#[test]
fn a_store_that_is_locked_is_said_of_the_connection() {
    let (mut world, keys) = world();
    let _sandbox = sandbox_with(&mut world);
    world.run("store migrate acme --to file --yes").expect(0);
    world.unset("SNOW_STORE_IDENTITY");
    let outcome = world.run("store migrate acme --to keyring --yes --json").expect(9);
    assert_eq!(outcome.json()["connections"][0]["error"]["code"], "store-locked");
    outcome.says(&["could not move the secrets of acme to the keyring"]);
    assert_eq!(entry(&world, "acme")["store"].as_str(), Some("file"));
    drop(keys);
}

#[test]
fn one_connection_that_cannot_be_moved_does_not_keep_the_others() {
    let (mut world, _keys) = world();
    let sandbox = sandbox_with(&mut world);
    world.connect("second", &sandbox.origin(), "joe.employee", "sandbox-joe");
    let refused = key(&world, "acme", items::PASSWORD).connection;
    // A record that the other store cannot hold is as good as any reason.
    let picky = PickyStore::refusing(|_, record| {
        let failure = Failure::new(Code::SecretTooLarge, "too large");
        let error = StoreError::new(KIND, Trouble::Failed, failure);
        record.expose().contains("beth.anglin").then_some(error)
    });
    world.run("store migrate --all --to file --yes").expect(0);
    world.store = Arc::new(picky);
    let moved = world.run("store migrate --all --to keyring --yes --json").expect(9).json();
    let stores: Vec<&Value> = moved["connections"].as_array().unwrap().iter().map(|one| &one["store"]).collect();
    assert_eq!(stores, ["file", "keyring"]);
    assert_eq!(moved["connections"][0]["id"], refused.to_string());
    world.run("test --all").expect(0);
}

#[test]
fn two_names_of_one_place_in_vault_lose_nothing() {
    let vault = Vault::start();
    let (mut world, _keys) = world_with(&vault);
    let _sandbox = sandbox_with(&mut world);
    world.run("store migrate acme --to vault --yes").expect(0);
    let same = format!("store migrate acme --to vault --store-address {} --yes", vault.origin());
    world.run(&same).expect(0);
    assert_eq!(entry(&world, "acme")["store_address"].as_str(), Some(vault.origin()));
    world.unset("VAULT_ADDR");
    world.run("test acme").expect(0);
    world.run(&format!("{same} --store-path elsewhere")).expect(0);
    world.run("test acme").expect(0);
    let id = entry(&world, "acme")["id"].as_str().unwrap().to_owned();
    assert!(vault.item(&format!("secret/data/elsewhere/{id}/password"))["data"]["record"].is_string());
    assert_eq!(vault.item(&format!("secret/data/snow/{id}/password"))["data"], json!({ "deleted": true }));
}

/// A shared store whose session another machine renews just before it is deleted.
#[derive(Default)]
struct Renewing {
    kept: MemoryStore,
    is_renewed: AtomicBool,
}

impl Renewing {
    fn version(&self) -> Version {
        Version(1 + u64::from(self.is_renewed.load(Ordering::Relaxed)))
    }
}

#[async_trait]
impl CredentialStore for Renewing {
    fn kind(&self) -> StoreKind {
        self.kept.kind()
    }

    fn remedy(&self) -> &'static str {
        "Try another store"
    }

    fn is_shared(&self) -> bool {
        true
    }

    async fn read(&self, key: ItemKey) -> Result<Option<Secret>, StoreError> {
        self.kept.read(key).await
    }

    async fn read_version(&self, key: ItemKey) -> Result<Versioned, StoreError> {
        Ok(Versioned { version: self.version(), age: None, record: self.kept.read(key).await? })
    }

    async fn write(&self, key: ItemKey, record: &Secret) -> Result<(), StoreError> {
        self.kept.write(key, record).await
    }

    async fn delete(&self, key: ItemKey) -> Result<(), StoreError> {
        self.kept.delete(key).await
    }

    async fn delete_version(&self, key: ItemKey, version: Version) -> Result<bool, StoreError> {
        if !self.is_renewed.swap(true, Ordering::Relaxed) {
            self.kept.write(key.clone(), &Secret::new("the renewed one".to_owned()).unwrap()).await?;
        }
        let is_current = version == self.version();
        if is_current {
            self.kept.delete(key).await?;
        }
        Ok(is_current)
    }
}

#[test]
fn what_another_machine_renews_before_it_is_deleted_is_moved_too() {
    let (from, to) = (Renewing::default(), MemoryStore::default());
    let key = ItemKey::of_account(&format!("{ID}/session")).unwrap();
    let item = Move { from: &from, to: &to, key: key.clone() };
    block_on(async {
        from.write(key.clone(), &Secret::new("the former one".to_owned()).unwrap()).await.unwrap();
        let copied = item.copy().await.unwrap().expect("there is one");
        item.delete(copied).await.unwrap();
        assert_eq!(to.read(key.clone()).await.unwrap().unwrap().expose(), "the renewed one");
        assert!(from.read(key).await.unwrap().is_none());
    });
}

#[test]
fn a_session_that_another_machine_renews_is_moved_when_that_is_done() {
    let (vault, sandbox) = (Vault::start(), Sandbox::start(None, None).unwrap());
    let (mut world, _keys) = world_with(&vault);
    world.write_config(session::config(&sandbox.origin(), "").replace("keyring", "vault"));
    let lease = json!({ "by": "another", "seconds": 2, "holder": "another machine" });
    let record = session::record(&sandbox.origin(), 600, json!({ "lease": lease }));
    let item = format!("secret/data/snow/{ID}/session");
    let started = std::time::Instant::now();
    vault.post(&item, &json!({ "data": { "record": record.to_string() } }));
    world.run("store migrate acme --to keyring --yes").expect(0);
    assert!(started.elapsed().as_secs() >= 2, "it did not wait for the lease");
    assert_eq!(session::saved(&world).get("lease"), None);
    assert_eq!(session::saved(&world)["generation"], 1);
    assert_eq!(vault.item(&item)["data"], json!({ "deleted": true }));
    // And not over one that is under way at the new place.
    let record =
        session::record(&sandbox.origin(), 600, json!({ "lease": { "by": "x", "seconds": 90, "holder": "y" } }));
    vault.post(&item, &json!({ "options": { "cas": 2 }, "data": { "record": record.to_string() } }));
    let outcome = world.run("store migrate acme --to vault --yes --json").expect(9);
    assert_eq!(outcome.json()["connections"][0]["error"]["code"], "store-busy");
    assert_eq!(session::saved(&world)["generation"], 1);
}
