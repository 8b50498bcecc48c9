//! A home with two connections, the store that has their secrets, and the instance.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use age::secrecy::ExposeSecret;
use age::x25519;
use serde_json::{Value, json};
use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::world::Outcome;
use crate::world::canary::Canaries;
use crate::world::keyring::Session;
use crate::world::process::finish;
use crate::world::session::{self, ID};
use crate::world::vault::{ROOT, Vault};

const OF_BETH: &str = "auth = \"basic\"\nusername = \"beth.anglin\"\n";
const OTHER: &str = "5b0e6f9a-33f1-4c1c-9a55-6f0c1b7d2e33";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Store {
    Keyring,
    File,
    Vault,
}

impl Store {
    pub const ALL: [Self; 3] = [Self::Keyring, Self::File, Self::Vault];

    pub fn name(self) -> &'static str {
        match self {
            Self::Keyring => "keyring",
            Self::File => "file",
            Self::Vault => "vault",
        }
    }
}

/// What the second connection is like before a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acme {
    Missing,
    WithoutSecret,
    WithPassword,
    /// Its access token is over, and its refresh token is good once.
    WithSession,
}

pub struct Place {
    pub home: Session,
    pub sandbox: Sandbox,
    pub store: Store,
    /// Where its secrets can be moved to.
    pub other: Store,
    vault: Option<Vault>,
    identity: x25519::Identity,
    /// What the search for secrets must not find.
    beside: tempfile::TempDir,
}

impl Place {
    pub fn new(store: Store) -> Self {
        let other = if store == Store::File { Store::Keyring } else { Store::File };
        let mut home = if store == Store::Vault { Session::without_keyring() } else { Session::new() };
        let sandbox = Sandbox::open(SandboxOptions { rotate: true, ..SandboxOptions::default() }).unwrap();
        let beside = tempfile::tempdir().unwrap();
        let identity = x25519::Identity::generate();
        let vault = (store == Store::Vault).then(Vault::start);
        home.set("SNOW_STORE", store.name());
        if let Some(vault) = &vault {
            home.guard(ROOT);
            home.set("VAULT_ADDR", vault.origin()).set("VAULT_TOKEN", ROOT);
        }
        let key = beside.path().join("key");
        fs::write(&key, identity.to_string().expose_secret()).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        home.set("SNOW_STORE_IDENTITY", key.to_str().unwrap());
        Self { home, sandbox, store, other, vault, identity, beside }
    }

    /// Everything as it is before a command, and no state.
    pub fn begin(&self, acme: Acme) {
        let directory = self.config_directory();
        let _ = fs::remove_dir_all(&directory);
        let _ = fs::remove_dir_all(self.home.home().join(".local/state"));
        fs::create_dir_all(&directory).unwrap();
        let mut config = self.unrelated();
        let mut records = BTreeMap::from([(format!("{OTHER}/password"), self.password("svc.ci", "sandbox-svc"))]);
        match acme {
            Acme::Missing => {}
            Acme::WithoutSecret => config += &self.entry("acme", ID, OF_BETH),
            Acme::WithPassword => {
                config += &self.entry("acme", ID, OF_BETH);
                records.insert(format!("{ID}/password"), self.password("beth.anglin", "sandbox-beth"));
            }
            Acme::WithSession => {
                config += &self.entry("acme", ID, "auth = \"oauth\"\nclient_id = \"sandbox-public\"\n");
                let signed_in = session::signed_in(&self.sandbox);
                let record = session::record(&self.sandbox.origin(), -1, signed_in);
                records.insert(format!("{ID}/session"), record);
                self.sandbox.expire_access_tokens();
            }
        }
        fs::write(self.config_path(), config).unwrap();
        self.put(self.store, &records);
        self.put(self.other, &BTreeMap::new());
    }

    /// What nothing but its own commands may change.
    pub fn unrelated(&self) -> String {
        let entry = self.entry("other", OTHER, "auth = \"basic\"\nusername = \"svc.ci\"\n");
        format!("# Mine.\nversion = 1\ndefault = \"other\"\n{}", entry.replacen('[', "# Of the office.\n[", 1))
    }

    fn entry(&self, name: &str, id: &str, auth: &str) -> String {
        let (origin, store) = (self.sandbox.origin(), self.store.name());
        format!(
            "\n[connections.{name}]\nid = \"{id}\"\nrevision = 3\ninstance = \"{origin}\"\n{auth}store = \"{store}\"\n"
        )
    }

    fn password(&self, username: &str, password: &str) -> Value {
        json!({ "v": 1, "origins": { "instance": self.sandbox.origin() }, "username": username, "password": password })
    }

    /// `snow` here, with these variables besides.
    pub fn command(&self, words: &[&str], variables: &[(&str, String)]) -> Command {
        let mut command = self.home.command(words);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub fn run(&self, line: &str) -> Outcome {
        finish(self.command(&line.split_whitespace().collect::<Vec<_>>(), &[]), b"")
    }

    /// What strace writes goes here.
    pub fn log(&self) -> PathBuf {
        self.beside.path().join("log")
    }

    pub fn config_directory(&self) -> PathBuf {
        self.home.home().join(".config/snow")
    }

    pub fn config_path(&self) -> PathBuf {
        self.config_directory().join("config.toml")
    }

    fn file(&self) -> PathBuf {
        self.home.home().join(".local/share/snow/secrets.age")
    }

    /// No secret is in what was said, nor in a file of the home.
    pub fn search(&self, outcome: &Outcome) {
        let mut canaries = Canaries::usual();
        canaries.guard(ROOT);
        canaries.heard(&outcome.stdout);
        canaries.heard(&outcome.stderr);
        canaries.search(self.home.home());
    }

    /// The temporary files of the program, wherever in the home.
    pub fn temporary_files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        collect_temporary(self.home.home(), &mut found);
        found
    }

    /// Puts these records into a store, and takes all others away.
    fn put(&self, store: Store, records: &BTreeMap<String, Value>) {
        match store {
            Store::Keyring => {
                self.home.secret_tool(&["clear", "service", "snow"], "");
                for (account, record) in records {
                    let words = ["store", "--label", "snow", "service", "snow", "username", account];
                    self.home.secret_tool(&words, &record.to_string()).expect(0);
                }
            }
            Store::File => {
                let texts: BTreeMap<_, _> =
                    records.iter().map(|(account, record)| (account, record.to_string())).collect();
                let content = json!({ "v": 1, "records": texts }).to_string();
                let sealed = age::encrypt(&self.identity.to_public(), content.as_bytes()).unwrap();
                let directory = self.file().parent().unwrap().to_owned();
                let _ = fs::remove_dir_all(&directory);
                fs::create_dir_all(directory).unwrap();
                fs::write(self.file(), sealed).unwrap();
                fs::set_permissions(self.file(), fs::Permissions::from_mode(0o600)).unwrap();
            }
            Store::Vault => {
                let vault = self.vault();
                for account in self.accounts_in_vault() {
                    vault.delete(&format!("secret/metadata/snow/{account}"));
                }
                for (account, record) in records {
                    let metadata = json!({ "cas_required": true, "max_versions": 1 });
                    vault.post(&format!("secret/metadata/snow/{account}"), &metadata);
                    let body = json!({ "options": { "cas": 0 }, "data": { "record": record.to_string() } });
                    vault.post(&format!("secret/data/snow/{account}"), &body);
                }
            }
        }
    }

    /// What a store has, by account. Of what shows that it can be written, nothing.
    pub fn records(&self, store: Store) -> BTreeMap<String, Value> {
        let mut records = match store {
            Store::Keyring => self.records_in_keyring(),
            Store::File if !self.file().exists() => BTreeMap::new(),
            Store::File => {
                let sealed = fs::read(self.file()).unwrap_or_else(|error| panic!("{error}: {:?}", self.file()));
                let content = age::decrypt(&self.identity, &sealed).expect("the file opens");
                let content: Value = serde_json::from_slice(&content).unwrap();
                let records = content["records"].as_object().unwrap();
                records.iter().map(|(account, text)| (account.clone(), record(text.as_str().unwrap()))).collect()
            }
            Store::Vault => {
                let item = |account: &String| self.vault().item(&format!("secret/data/snow/{account}"));
                let text = |account: String| {
                    let text = item(&account)["data"]["record"].as_str()?.to_owned();
                    Some((account, record(&text)))
                };
                self.accounts_in_vault().into_iter().filter_map(text).collect()
            }
        };
        records.retain(|account, _| !account.ends_with("/probe"));
        records
    }

    fn records_in_keyring(&self) -> BTreeMap<String, Value> {
        let found = self.home.secret_tool(&["search", "--all", "service", "snow"], "");
        let texts = found.stdout.lines().filter_map(|line| line.strip_prefix("secret = "));
        let said = format!("{}\n{}", found.stdout, found.stderr);
        let accounts = said.lines().filter_map(|line| line.strip_prefix("attribute.username = "));
        let (texts, accounts): (Vec<_>, Vec<_>) = (texts.collect(), accounts.collect());
        assert_eq!(texts.len(), accounts.len(), "{found:?}");
        accounts.into_iter().map(str::to_owned).zip(texts.into_iter().map(record)).collect()
    }

    fn vault(&self) -> &Vault {
        self.vault.as_ref().expect("the store is vault")
    }

    fn accounts_in_vault(&self) -> Vec<String> {
        let below = |path: &str| -> Vec<String> {
            let reply = self.vault().get(&format!("secret/metadata/{path}?list=true"));
            let listed: Value = serde_json::from_str(&reply.body).unwrap();
            let keys = listed["data"]["keys"].as_array().cloned().unwrap_or_default();
            keys.iter().map(|key| key.as_str().unwrap().to_owned()).collect()
        };
        let ids = below("snow").into_iter().filter_map(|key| key.strip_suffix('/').map(str::to_owned));
        ids.flat_map(|id| below(&format!("snow/{id}")).into_iter().map(move |field| format!("{id}/{field}"))).collect()
    }
}

/// A record is JSON; anything else is shown as it is.
fn record(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

fn collect_temporary(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect_temporary(&path, found);
        } else if entry.file_name().to_string_lossy().ends_with(".tmp") {
            found.push(path);
        }
    }
}
