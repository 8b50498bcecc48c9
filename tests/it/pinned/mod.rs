//! What lies on disk and what scripts read, pinned.
//!
//! `homes` holds what a program of an earlier day left behind; its README says
//! how that was made. [`home`] lives on in those homes, [`keyring`] does so with
//! a real keyring, [`written`] holds what is written now against them, so that
//! the earlier program reads it; [`builds`] asks an earlier program itself.
//! [`documents`] holds the keys of every JSON document.
//!
//! The homes are never made anew. A form that is new gets a home of its own.

mod builds;
mod documents;
mod home;
mod keyring;
mod written;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use age::secrecy::SecretString;
use age::{scrypt, x25519};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use snow_connect::base::secret::Secret;
use snow_connect::sandbox::{CLIENTS, Sandbox, SandboxOptions};
use snow_connect::store::ItemKey;

use crate::world::browser::{parameter, sign_in};
use crate::world::oauth::{CALLBACK, VERIFIER, authorization_url, token};
use crate::world::{World, block_on};

/// Where the sandbox listened when the homes were made, and the redirect URI.
const PORT: &str = ":48914";
/// The home directory of then.
const HOME: &str = "/home/beth";

/// When the homes were made.
fn then() -> DateTime<Utc> {
    "2026-11-27T00:00:00Z".parse().unwrap()
}

/// When they are used again: the access tokens have twenty minutes left.
fn soon() -> DateTime<Utc> {
    then() + TimeDelta::minutes(10)
}

/// A home that was left behind.
struct Left {
    config: &'static str,
    /// The same before a person had written in it.
    as_made: &'static str,
    /// The state directory.
    state: &'static [(&'static str, &'static str)],
    /// What `list`, `show` and `status` said of it.
    shown: &'static str,
    /// The files and directories with their modes.
    tree: &'static str,
    secrets: Secrets,
}

#[derive(Clone, Copy)]
enum Secrets {
    /// In the keyring: a line for each item, account and record.
    Items(&'static str),
    /// In `secrets.age`, and what is inside.
    Sealed { file: &'static [u8], content: &'static str, key: Key },
}

/// What opens `secrets.age`.
#[derive(Clone, Copy)]
enum Key {
    /// Shorter than a new one may be: what a file has, opens it.
    Passphrase(&'static str),
    Identity(&'static str),
}

const IN_KEYRING: Left = Left {
    config: include_str!("homes/keyring/config.toml"),
    as_made: include_str!("homes/keyring/as-made.toml"),
    state: &[
        ("tests.json", include_str!("homes/keyring/tests.json")),
        ("sessions.json", include_str!("homes/keyring/sessions.json")),
        ("refusals.json", include_str!("homes/keyring/refusals.json")),
    ],
    shown: include_str!("homes/keyring/shown.json"),
    tree: include_str!("homes/keyring/tree"),
    secrets: Secrets::Items(include_str!("homes/keyring/items")),
};

const BY_PASSPHRASE: Left = Left {
    config: include_str!("homes/passphrase/config.toml"),
    as_made: include_str!("homes/passphrase/config.toml"),
    state: &[
        ("tests.json", include_str!("homes/passphrase/tests.json")),
        ("sessions.json", include_str!("homes/passphrase/sessions.json")),
    ],
    shown: include_str!("homes/passphrase/shown.json"),
    tree: include_str!("homes/passphrase/tree"),
    secrets: Secrets::Sealed {
        file: include_bytes!("homes/passphrase/secrets.age"),
        content: include_str!("homes/passphrase/secrets.json"),
        key: Key::Passphrase("kürz 1"),
    },
};

const BY_IDENTITY: Left = Left {
    config: include_str!("homes/identity/config.toml"),
    as_made: include_str!("homes/identity/config.toml"),
    state: &[
        ("tests.json", include_str!("homes/identity/tests.json")),
        ("sessions.json", include_str!("homes/identity/sessions.json")),
    ],
    shown: include_str!("homes/identity/shown.json"),
    tree: include_str!("homes/identity/tree"),
    secrets: Secrets::Sealed {
        file: include_bytes!("homes/identity/secrets.age"),
        content: include_str!("homes/identity/secrets.json"),
        key: Key::Identity(include_str!("homes/identity/identity.txt")),
    },
};

impl Left {
    /// The home again, ten minutes later, at an instance that gives new tokens
    /// at each refresh.
    fn opened(&self) -> (Sandbox, World) {
        let sandbox = Sandbox::open(SandboxOptions { rotate: true, ..SandboxOptions::default() }).unwrap();
        let world = self.opened_at(&sandbox);
        (sandbox, world)
    }

    fn opened_at(&self, sandbox: &Sandbox) -> World {
        let mut world = World::new();
        world.clock = soon;
        let here = Here::of(&world, sandbox);
        std::fs::write(world.home().join("ca.pem"), CA).unwrap();
        world.write_config(here.instead(self.config));
        for (name, text) in self.state {
            private_file(&state(&world).join(name), here.instead(text).as_bytes());
        }
        let mut issued = Issued::new();
        let mut with_tokens = |record: &str| with_live_tokens(sandbox, &mut issued, &here.instead(record));
        match self.secrets {
            Secrets::Items(items) => {
                for (account, record) in items_of(items) {
                    let record = Secret::derived(with_tokens(record)).unwrap();
                    block_on(world.store.write(ItemKey::of_account(account).unwrap(), &record)).unwrap();
                }
            }
            Secrets::Sealed { content, key, .. } => {
                let mut content: Value = serde_json::from_str(content).unwrap();
                for record in content["records"].as_object_mut().unwrap().values_mut() {
                    *record = with_tokens(record.as_str().unwrap()).into();
                }
                private_file(&sealed_file(&world), &key.seal(content.to_string().as_bytes()));
                key.give_to(&mut world);
            }
        }
        world
    }

    /// The records by their accounts, as they are in the store now.
    fn items(&self, world: &World) -> BTreeMap<String, String> {
        let Secrets::Sealed { key, .. } = self.secrets else {
            return items_in_memory(world);
        };
        records_of(&key.open(&std::fs::read(sealed_file(world)).unwrap()))
    }

    /// The id of a connection.
    #[track_caller]
    fn id(&self, name: &str) -> String {
        let ids = ids_of(self.config);
        ids.into_iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no {name}")).1
    }
}

impl Key {
    fn seal(self, content: &[u8]) -> Vec<u8> {
        match self {
            Self::Passphrase(passphrase) => {
                let mut recipient = scrypt::Recipient::new(SecretString::from(passphrase));
                recipient.set_work_factor(10);
                age::encrypt(&recipient, content).unwrap()
            }
            Self::Identity(_) => age::encrypt(&self.identity().to_public(), content).unwrap(),
        }
    }

    fn open(self, file: &[u8]) -> String {
        let content = match self {
            Self::Passphrase(passphrase) => {
                age::decrypt(&scrypt::Identity::new(SecretString::from(passphrase)), file).unwrap()
            }
            Self::Identity(_) => age::decrypt(&self.identity(), file).unwrap(),
        };
        String::from_utf8(content).unwrap()
    }

    fn identity(self) -> x25519::Identity {
        let Self::Identity(file) = self else { panic!("a passphrase is none") };
        file.lines().find_map(|line| line.parse().ok()).expect("an identity")
    }

    fn give_to(self, world: &mut World) {
        match self {
            Self::Passphrase(passphrase) => world.set("SNOW_STORE_PASSPHRASE", passphrase),
            Self::Identity(file) => {
                let path = world.home().join("identity.txt");
                private_file(&path, file.as_bytes());
                world.set("SNOW_STORE_IDENTITY", path.to_str().unwrap())
            }
        };
    }
}

/// A CA certificate; who adds another has another destination.
const CA: &str = include_str!("homes/keyring/ca.pem");

/// What stands here for what stood there then.
struct Here {
    port: String,
    home: String,
}

impl Here {
    fn of(world: &World, sandbox: &Sandbox) -> Self {
        let port = sandbox.origin().rsplit_once(':').unwrap().1.to_owned();
        Self { port: format!(":{port}"), home: world.home().display().to_string() }
    }

    fn instead(&self, text: &str) -> String {
        text.replace(PORT, &self.port).replace(HOME, &self.home)
    }

    fn back(&self, text: &str) -> String {
        text.replace(&self.port, PORT).replace(&self.home, HOME)
    }
}

/// The answers of the token endpoint, by client and scope.
type Issued = BTreeMap<(String, String), Value>;

/// The record with tokens that the sandbox takes, where somebody signed in.
fn with_live_tokens(sandbox: &Sandbox, issued: &mut Issued, record: &str) -> String {
    let members: Value = serde_json::from_str(record).unwrap();
    let text = |key: &str| members[key].as_str();
    let (Some(client_id), Some(access), Some(refresh)) =
        (text("client_id"), text("access_token"), text("refresh_token"))
    else {
        return record.to_owned();
    };
    let scope = text("scope").unwrap_or("useraccount");
    let answer =
        issued.entry((client_id.to_owned(), scope.to_owned())).or_insert_with(|| tokens_of(sandbox, client_id, scope));
    let live = |key: &str| answer[key].as_str().unwrap().to_owned();
    record.replace(access, &live("access_token")).replace(refresh, &live("refresh_token"))
}

/// What the sandbox gives beth.anglin who signs in there.
fn tokens_of(sandbox: &Sandbox, client_id: &str, scope: &str) -> Value {
    let url = authorization_url(sandbox, &[("client_id", client_id), ("scope", scope)]);
    let code = parameter(&sign_in(&url, "beth.anglin", "allow"), "code");
    let client = CLIENTS.iter().find(|client| client.client_id == client_id).expect("a client of the sandbox");
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("client_id", client_id),
        ("code_verifier", VERIFIER),
    ];
    form.extend(client.client_secret.map(|secret| ("client_secret", secret)));
    let answer = token(sandbox, &form);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn state(world: &World) -> PathBuf {
    world.home().join(".local/state/snow")
}

fn sealed_file(world: &World) -> PathBuf {
    world.home().join(".local/share/snow/secrets.age")
}

fn private_file(path: &Path, content: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn items_of(lines: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    lines.lines().map(|line| line.split_once(' ').expect("an account and a record"))
}

fn items_in_memory(world: &World) -> BTreeMap<String, String> {
    let items = block_on(world.store.inventory()).unwrap().expect("the memory lists its items");
    let record = |account: &str| block_on(world.store.read(ItemKey::of_account(account).unwrap())).unwrap().unwrap();
    items.into_iter().map(|item| (item.account.clone(), record(&item.account).expose().to_owned())).collect()
}

/// What is inside `secrets.age`.
fn records_of(content: &str) -> BTreeMap<String, String> {
    let content: Value = serde_json::from_str(content).unwrap();
    let records = content["records"].as_object().unwrap();
    records.iter().map(|(account, record)| (account.clone(), record.as_str().unwrap().to_owned())).collect()
}

/// The names of the connections and their ids.
fn ids_of(config: &str) -> Vec<(String, String)> {
    let config: toml::Value = toml::from_str(config).unwrap();
    let connections = config["connections"].as_table().unwrap();
    connections
        .iter()
        .filter_map(|(name, entry)| Some((name.to_lowercase(), entry.get("id")?.as_str()?.to_owned())))
        .collect()
}

/// JSON in which what differs from run to run is replaced: tokens and
/// latencies, and the digits of times.
fn form(text: &str) -> String {
    assert!(!text.contains('\n'), "{text}");
    form_of(serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))).to_string()
}

fn form_of(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(key, value)| {
                    let value = match (key.as_str(), value) {
                        ("access_token" | "refresh_token", Value::String(_)) => "TOKEN".into(),
                        ("latency_ms", Value::Number(_)) => "MS".into(),
                        (_, value) => form_of(value),
                    };
                    (key, value)
                })
                .collect::<Map<_, _>>(),
        ),
        Value::Array(values) => values.into_iter().map(form_of).collect(),
        Value::String(text) if DateTime::parse_from_rfc3339(&text).is_ok() => {
            text.replace(|c: char| c.is_ascii_digit(), "0").into()
        }
        other => other,
    }
}

/// A connections file without what was added since: when an entry was saved.
fn without_times(config: &str) -> String {
    let mut config = config.to_owned();
    for key in ["created_at", "updated_at"] {
        for before in ["\n", ", "] {
            let begin = format!("{before}{key} = \"");
            while let Some(at) = config.find(&begin) {
                config.replace_range(at..at + begin.len() + "2026-11-27T00:00:00Z\"".len(), "");
            }
        }
    }
    config
}

/// Everything of `then` is in `now`, with the same values; objects may have
/// more members.
#[track_caller]
fn assert_holds(now: &Value, then: &Value, place: &str) {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => {
            for (key, then) in then {
                let now = now.get(key).unwrap_or_else(|| panic!("{place}: {key} is gone"));
                assert_holds(now, then, &format!("{place}.{key}"));
            }
        }
        (Value::Array(now), Value::Array(then)) if now.len() == then.len() => {
            for (index, (now, then)) in now.iter().zip(then).enumerate() {
                assert_holds(now, then, &format!("{place}[{index}]"));
            }
        }
        _ => assert_eq!(now, then, "{place}"),
    }
}

/// What is remembered without what was added since: which settings it is about, what is
/// stored, and when a connection that fails last worked.
fn as_then(mut document: Value) -> Value {
    let files = document.as_object_mut().unwrap();
    files.shift_remove("stored");
    for entry in files.values_mut().filter_map(Value::as_object_mut).flat_map(|entries| entries.values_mut()) {
        if let Some(entry) = entry.as_object_mut() {
            entry.shift_remove("fingerprint");
            entry.shift_remove("worked_at");
        }
    }
    document
}
