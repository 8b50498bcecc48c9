//! A connection `acme` with a session, put into a world without a sign-in; and
//! an instance whose OAuth side says what a test wants.

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use snow_connect::base::secret::Secret;
use snow_connect::sandbox::Sandbox;
use snow_connect::store::{Field, ItemKey};

#[cfg(target_os = "linux")]
use super::keyring::Session;
use super::wire::{Wire, header, http};
use super::{World, block_on};

use crate::world::items;

pub const ID: &str = "0f4c2f0e-7a58-4a51-9a3c-0d7b5f1f2f11";
/// What the session of before has.
pub const ACCESS_TOKEN: &str = "CANARY-access.token/of-before==";
pub const REFRESH_TOKEN: &str = "CANARY-refresh.token/of-before==";
pub const CLIENT_SECRET: &str = "CANARY client/secret \"ü\"";

thread_local! {
    static SKEW: Cell<i64> = const { Cell::new(0) };
}

/// The clock of this thread's commands from now on, in seconds from the real
/// one.
pub fn set_clock(world: &mut World, seconds: i64) {
    SKEW.set(seconds);
    world.clock = || Utc::now() + TimeDelta::seconds(SKEW.get());
}

/// The connections file of `acme`, with further lines.
pub fn config(origin: &str, more: &str) -> String {
    format!(
        "version = 1\ndefault = \"acme\"\n\n[connections.acme]\nid = \"{ID}\"\nrevision = 1\ninstance = \"{origin}\"\n\
         auth = \"oauth\"\nclient_id = \"sandbox-public\"\nstore = \"keyring\"\n{more}"
    )
}

/// The record of a session that is good for `seconds` more, by the clock of
/// this machine; members of `changes` replace others, and null removes them.
pub fn record(origin: &str, seconds: i64, changes: Value) -> Value {
    let time = |seconds: i64| json!(Utc::now() + TimeDelta::seconds(seconds));
    let mut record = json!({
        "v": 1,
        "origins": { "instance": origin },
        "client_id": "sandbox-public",
        "has_client_secret": false,
        "access_token": ACCESS_TOKEN,
        "refresh_token": REFRESH_TOKEN,
        "scope": "useraccount",
        "obtained_at": time(seconds - 1800),
        "expires_at": time(seconds),
        "signed_in_at": time(seconds - 1800),
        "generation": 1,
    });
    let members = record.as_object_mut().unwrap();
    for (key, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(members.remove(key)),
            _ => drop(members.insert(key.clone(), value.clone())),
        }
    }
    record
}

/// A world with `acme` at `origin`, and this session.
pub fn world_with(origin: &str, seconds: i64, changes: Value) -> World {
    let mut world = World::new();
    world.write_config(config(origin, ""));
    write_record(&world, Field::SESSION, &record(origin, seconds, changes));
    world.guard(REFRESH_TOKEN);
    world
}

/// A world with this many connections at `origin`, whose access tokens have expired.
pub fn world_with_expired(origin: &str, count: usize) -> World {
    let world = World::new();
    let ids: Vec<_> = (0..count).map(|number| format!("{}{number:04}", &ID[..ID.len() - 4])).collect();
    let entry = |(number, id): (usize, &String)| {
        config(origin, "")
            .replace(ID, id)
            .replace("acme", &format!("c{number}"))
            .split_once("\n\n")
            .unwrap()
            .1
            .to_owned()
    };
    let entries: Vec<_> = ids.iter().enumerate().map(entry).collect();
    world.write_config(format!("version = 1\n\n{}", entries.join("\n")));
    let session = Secret::derived(record(origin, -1, json!({})).to_string()).unwrap();
    for id in ids {
        let key = ItemKey::new(id.parse().unwrap(), Field::SESSION);
        block_on(world.store.write(key, &session)).unwrap();
    }
    world
}

/// As [`world_with`], for a client with a secret.
pub fn world_with_secret(origin: &str, seconds: i64) -> World {
    let mut world = world_with(origin, seconds, json!({ "has_client_secret": true }));
    write_record(&world, items::CLIENT_SECRET, &client_secret(origin));
    world.guard(CLIENT_SECRET);
    world
}

pub fn client_secret(origin: &str) -> Value {
    json!({ "v": 1, "origins": { "instance": origin }, "client_id": "sandbox-public", "client_secret": CLIENT_SECRET })
}

/// `acme` at `origin` for the program itself, with this session in a real
/// keyring.
#[cfg(target_os = "linux")]
pub fn put_into_keyring(home: &Session, origin: &str, record: &Value) {
    let directory = home.home().join(".config/snow");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(directory.join("config.toml"), config(origin, "")).unwrap();
    put_item(home, "session", record);
}

#[cfg(target_os = "linux")]
pub fn put_item(home: &Session, field: &str, record: &Value) {
    let account = format!("{ID}/{field}");
    let words = ["store", "--label", "snow", "service", "snow", "username", &account];
    let stored = home.secret_tool(&words, &record.to_string());
    assert_eq!(stored.code, 0, "{stored:?}");
}

/// The session in a real keyring.
#[cfg(target_os = "linux")]
pub fn in_keyring(home: &Session) -> Value {
    let found = home.secret_tool(&["lookup", "service", "snow", "username", &format!("{ID}/session")], "");
    serde_json::from_str(&found.stdout).unwrap_or_else(|error| panic!("{error}: {found:?}"))
}

/// What the record of a sign-in at the embedded instance holds.
pub fn signed_in(sandbox: &Sandbox) -> Value {
    let tokens = super::oauth::tokens(sandbox);
    json!({ "access_token": tokens["access_token"], "refresh_token": tokens["refresh_token"] })
}

fn key(world: &World, field: Field) -> ItemKey {
    let config: toml::Value = toml::from_str(&world.config()).expect("the connections file");
    let id = config["connections"]["acme"]["id"].as_str().expect("an id");
    ItemKey::new(id.parse().unwrap(), field)
}

pub fn write_record(world: &World, field: Field, record: &Value) {
    let text = Secret::derived(record.to_string()).unwrap();
    block_on(world.store.write(key(world, field), &text)).unwrap();
}

/// The saved session of `acme`; null where there is none.
pub fn saved(world: &World) -> Value {
    kept(world, Field::SESSION)
}

pub fn kept(world: &World, field: Field) -> Value {
    let record = block_on(world.store.read(key(world, field))).unwrap();
    record.map_or(Value::Null, |record| serde_json::from_str(record.expose()).expect("a record is JSON"))
}

/// A time in a record.
#[track_caller]
pub fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap_or_else(|| panic!("no time: {value}")).parse().unwrap()
}

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    pub path: String,
    pub head: String,
    pub body: String,
}

impl Received {
    pub fn form(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.body.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into())
    }

    pub fn authorization(&self) -> Option<&str> {
        header(&self.head, "authorization")
    }
}

/// An instance that answers each connection once, as a test has it.
pub struct Scripted {
    wire: Wire,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Scripted {
    /// `play` gets every request, with the number of those to the same path
    /// before it, and gives the bytes of the answer; `None` is a good one.
    pub fn plays(play: impl Fn(&Received, usize) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let recorded = received.clone();
        let wire = Wire::plays(move |stream, head| {
            let request = read(stream, head);
            let before = {
                let mut recorded = recorded.lock().unwrap();
                let before = recorded.iter().filter(|former| former.path == request.path).count();
                recorded.push(request.clone());
                before
            };
            let answer = play(&request, before).unwrap_or_else(|| good(&request, before).into_bytes());
            let _ = stream.write_all(&answer);
        });
        Self { wire, received }
    }

    /// The token endpoint answers with these bytes, everything else is good.
    pub fn token_endpoint(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::plays(move |request, _| (request.path == "/oauth_token.do").then(|| answer.clone()))
    }

    pub fn origin(&self) -> String {
        self.wire.origin()
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// What came to one path.
    pub fn received_at(&self, path: &str) -> Vec<Received> {
        self.received().into_iter().filter(|request| request.path == path).collect()
    }

    pub fn token_requests(&self) -> usize {
        self.received_at("/oauth_token.do").len()
    }
}

/// A token answer with these tokens.
pub fn tokens(access_token: &str, refresh_token: &str, expires_in: u32) -> Vec<u8> {
    token_answer(&json!({
        "access_token": access_token, "refresh_token": refresh_token, "token_type": "Bearer",
        "scope": "useraccount", "expires_in": expires_in,
    }))
}

pub fn token_answer(body: &Value) -> Vec<u8> {
    http(200, "Content-Type: application/json\r\n", &body.to_string()).into_bytes()
}

fn read(stream: &mut TcpStream, head: &str) -> Received {
    let length = header(head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    let _ = stream.read_exact(&mut body);
    let mut words = head.split_whitespace();
    let mut word = || words.next().unwrap_or("").to_owned();
    let (method, target) = (word(), word());
    let path = target.split('?').next().unwrap_or("").to_owned();
    Received { method, path, head: head.to_owned(), body: String::from_utf8_lossy(&body).into_owned() }
}

fn good(request: &Received, before: usize) -> String {
    let json = "Content-Type: application/json\r\nX-Is-Logged-In: true\r\n";
    match request.path.as_str() {
        "/oauth_token.do" => {
            let (access, refresh) = (format!("new-access-{before}"), format!("new-refresh-{before}"));
            String::from_utf8(tokens(&access, &refresh, 1800)).unwrap()
        }
        "/oauth_revoke_token.do" => http(200, "", ""),
        "/api/now/ui/user/current_user" => {
            http(200, json, r#"{"result":{"user_name":"beth.anglin","user_sys_id":"1"}}"#)
        }
        _ => http(200, json, r#"{"result":[{"sys_id":"1"}]}"#),
    }
}
