//! Any sequence of commands, against a model of what is saved: which connections there
//! are, which is the default, which secrets the store has, and which connection works.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use age::secrecy::ExposeSecret;
use age::x25519;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use snow_connect::sandbox::{Sandbox, SandboxOptions};
use snow_connect::store::file::FileStore;
use snow_connect::store::file::encryption::Key;

use crate::world::{World, block_on, reach};

const NAMES: [&str; 3] = ["one", "two", "three"];

/// How a connection signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Password,
    /// Its session is renewed by its secret.
    Client,
}

/// One command; a name is an index of [`NAMES`].
#[derive(Debug, Clone)]
enum Step {
    Connect(usize, Way),
    Describe(usize, u8),
    Enable(usize, bool),
    Rename(usize, usize),
    Use(usize),
    Login(usize),
    Refresh(usize),
    Logout(usize),
    Remove(usize),
    /// Every access token of the instance is over.
    Expire,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = || 0..NAMES.len();
    let way = prop_oneof![Just(Way::Password), Just(Way::Client)];
    let step = prop_oneof![
        4 => (name(), way).prop_map(|(name, way)| Step::Connect(name, way)),
        1 => (name(), 0..3_u8).prop_map(|(name, text)| Step::Describe(name, text)),
        2 => (name(), any::<bool>()).prop_map(|(name, is_enabled)| Step::Enable(name, is_enabled)),
        2 => (name(), name()).prop_map(|(old, new)| Step::Rename(old, new)),
        1 => name().prop_map(Step::Use),
        2 => name().prop_map(Step::Login),
        2 => name().prop_map(Step::Refresh),
        2 => name().prop_map(Step::Logout),
        2 => name().prop_map(Step::Remove),
        1 => Just(Step::Expire),
    ];
    vec(step, 1..16)
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Connection {
    way: Way,
    is_enabled: bool,
    is_signed_in: bool,
    description: Option<String>,
}

#[derive(Debug, Default)]
struct Model {
    connections: BTreeMap<&'static str, Connection>,
    default: Option<&'static str>,
}

impl Model {
    /// The exit code, after what it does to the model.
    fn run(&mut self, step: &Step) -> i32 {
        match step {
            Step::Connect(name, way) => self.connect(NAMES[*name], *way),
            Step::Expire => 0,
            Step::Rename(old, new) => self.rename(NAMES[*old], NAMES[*new]),
            Step::Remove(name) => {
                self.default = self.default.filter(|default| *default != NAMES[*name]);
                if self.connections.remove(NAMES[*name]).is_some() { 0 } else { 3 }
            }
            Step::Describe(name, text) => self.change(NAMES[*name], |connection| {
                connection.description = Some(text.to_string());
                0
            }),
            Step::Enable(name, is_enabled) => self.change(NAMES[*name], |connection| {
                connection.is_enabled = *is_enabled;
                0
            }),
            Step::Use(name) => {
                let name = NAMES[*name];
                if !self.connections.get(name).is_some_and(|connection| connection.is_enabled) {
                    return 3;
                }
                self.default = Some(name);
                0
            }
            Step::Login(name) => self.enabled(NAMES[*name], |connection| {
                connection.is_signed_in = true;
                0
            }),
            Step::Logout(name) => self.enabled(NAMES[*name], |connection| {
                connection.is_signed_in = false;
                0
            }),
            Step::Refresh(name) => self.enabled(NAMES[*name], |connection| match connection {
                Connection { way: Way::Password, .. } => 2,
                Connection { is_signed_in: false, .. } => 4,
                _ => 0,
            }),
        }
    }

    fn connect(&mut self, name: &'static str, way: Way) -> i32 {
        match self.connections.get_mut(name) {
            // The same again proves it anew; another way to sign in needs --force.
            Some(connection) if connection.is_enabled && connection.way == way => connection.is_signed_in = true,
            Some(_) => return 3,
            None => {
                let new = Connection { way, is_enabled: true, is_signed_in: true, description: None };
                if self.connections.is_empty() {
                    self.default = Some(name);
                }
                self.connections.insert(name, new);
            }
        }
        0
    }

    fn rename(&mut self, old: &'static str, new: &'static str) -> i32 {
        if !self.connections.contains_key(old) || (old != new && self.connections.contains_key(new)) {
            return 3;
        }
        let connection = self.connections.remove(old).expect("it is there");
        self.connections.insert(new, connection);
        if self.default == Some(old) {
            self.default = Some(new);
        }
        0
    }

    fn change(&mut self, name: &str, change: impl FnOnce(&mut Connection) -> i32) -> i32 {
        self.connections.get_mut(name).map_or(3, change)
    }

    fn enabled(&mut self, name: &str, change: impl FnOnce(&mut Connection) -> i32) -> i32 {
        self.change(name, |connection| if connection.is_enabled { change(connection) } else { 3 })
    }

    /// The fields of the store, by connection.
    fn secrets(&self) -> BTreeSet<String> {
        let fields = |way: Way| match way {
            Way::Password => &["password"][..],
            Way::Client => &["client-secret", "session"],
        };
        let signed_in = self.connections.iter().filter(|(_, connection)| connection.is_signed_in);
        signed_in
            .flat_map(|(name, connection)| fields(connection.way).iter().map(move |field| format!("{name}/{field}")))
            .collect()
    }
}

/// The command line of a step, and its standard input.
fn line(step: &Step, model: &Model, origin: &str) -> Option<(String, &'static str)> {
    let secret = |way: Way| match way {
        Way::Password => ("--password-stdin", "sandbox-beth"),
        Way::Client => ("--client-secret-stdin", "sandbox-ci-secret"),
    };
    let plain = |line: String| Some((line, ""));
    match step {
        Step::Expire => None,
        Step::Connect(name, way) => {
            let (flag, stdin) = secret(*way);
            let who = match way {
                Way::Password => "--username beth.anglin",
                Way::Client => "--auth client-credentials --client-id sandbox-ci",
            };
            Some((format!("connect {origin} --name {} {who} {flag}", NAMES[*name]), stdin))
        }
        Step::Login(name) => {
            let way = model.connections.get(NAMES[*name]).map_or(Way::Password, |connection| connection.way);
            let (flag, stdin) = secret(way);
            Some((format!("login {} {flag}", NAMES[*name]), stdin))
        }
        Step::Describe(name, text) => plain(format!("edit {} --set description={text}", NAMES[*name])),
        Step::Enable(name, is_enabled) => {
            let state = if *is_enabled { "enabled" } else { "disabled" };
            plain(format!("edit {} --set state={state}", NAMES[*name]))
        }
        Step::Rename(old, new) => plain(format!("rename {} {}", NAMES[*old], NAMES[*new])),
        Step::Use(name) => plain(format!("use {}", NAMES[*name])),
        Step::Refresh(name) => plain(format!("refresh {}", NAMES[*name])),
        Step::Logout(name) => plain(format!("logout {} --yes", NAMES[*name])),
        Step::Remove(name) => plain(format!("remove {} --yes", NAMES[*name])),
    }
}

/// Runs the steps in a world, and compares after each.
fn follow(world: &mut World, sandbox: &Sandbox, steps: &[Step]) {
    let mut model = Model::default();
    for (number, step) in steps.iter().enumerate() {
        let what = format!("step {number}, {step:?}, of {steps:?}");
        let command = line(step, &model, &sandbox.origin());
        let expected = model.run(step);
        match command {
            None => sandbox.expire_access_tokens(),
            Some((line, stdin)) => {
                let outcome = world.stdin(stdin).run(&line);
                assert_eq!(outcome.code, expected, "{what}: {outcome:?}");
            }
        }
        compare(world, &model, &what);
    }
    for (name, connection) in &model.connections {
        let expected = match connection {
            Connection { is_enabled: false, .. } => 3,
            Connection { is_signed_in: false, .. } => 4,
            _ => 0,
        };
        let outcome = world.run(&format!("test {name}"));
        assert_eq!(outcome.code, expected, "{name} after {steps:?}: {outcome:?}");
    }
}

fn compare(world: &mut World, model: &Model, what: &str) {
    let listed = world.run("list --json").expect(0).json();
    let listed = listed["connections"].as_array().unwrap();
    let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    let names: BTreeMap<String, String> = listed.iter().map(|one| (text(one, "id"), text(one, "name"))).collect();
    let found: BTreeMap<_, _> = listed.iter().map(|one| (text(one, "name"), facts(one))).collect();
    let expected = model.connections.iter().map(|(name, connection)| {
        let auth = if connection.way == Way::Password { "basic" } else { "client-credentials" };
        let is_default = model.default == Some(*name);
        let facts = (auth.to_owned(), connection.is_enabled, is_default, connection.description.clone());
        ((*name).to_owned(), facts)
    });
    assert_eq!(found, expected.collect(), "{what}");
    let inventory = block_on(world.store.inventory()).unwrap().expect("it can be listed");
    let accounts = inventory.iter().map(|item| item.account.split_once('/').unwrap());
    let secrets = accounts.map(|(id, field)| format!("{}/{field}", names.get(id).map_or("nobody", String::as_str)));
    assert_eq!(secrets.collect::<BTreeSet<_>>(), model.secrets(), "{what}");
}

fn facts(one: &Value) -> (String, bool, bool, Option<String>) {
    let is_enabled = one["state"] == "enabled";
    let description = one["description"].as_str().map(str::to_owned);
    (one["auth"].as_str().unwrap().to_owned(), is_enabled, one["default"] == true, description)
}

fn hold(cases: u32, world: impl Fn() -> World) {
    let sandbox = Sandbox::open(SandboxOptions { incidents: 1, ..SandboxOptions::default() }).unwrap();
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let run = runner.run(&steps(), |steps| {
        follow(&mut world(), &sandbox, &steps);
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn any_sequence_of_commands_leaves_what_it_should_in_memory() {
    hold(reach(12, 400), World::new);
}

#[test]
fn any_sequence_of_commands_leaves_what_it_should_in_the_encrypted_file() {
    hold(reach(6, 200), || {
        let mut world = World::new();
        let identity = x25519::Identity::generate().to_string();
        let key = Key::from_identity_file(identity.expose_secret(), "key".into()).unwrap();
        let file = world.home().join("secrets.age");
        let store = FileStore::new(file.clone(), file.with_extension("lock"), Duration::from_secs(5));
        store.unlock(key);
        world.store = Arc::new(store);
        world
    });
}
