//! No key of a JSON document vanishes or becomes something else. New keys are
//! free. And each document obeys the schema that `snow help schemas` prints.
//!
//! `documents.txt` has a line for each key of today: schema, path, and the types
//! that were seen. What `evidence` holds depends on the error code, which stands
//! in its path.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::{Value, json};
use snow_connect::base::schemas::ALL;
use snow_connect::base::secret::Secret;
use snow_connect::sandbox::Sandbox;
use snow_connect::sandbox::scenario::Scenario;
use snow_connect::store::ItemKey;

use crate::oauth::{free_port, signs_in};
use crate::world::gateway::Gateway;
use crate::world::process::Serving;
use crate::world::session::ID;
use crate::world::tls::{Authority, Leaf};
use crate::world::vault::{ROOT, Vault};
use crate::world::{World, block_on};

const PINNED: &str = include_str!("documents.txt");

/// The types seen at each path of each schema.
type Keys = BTreeMap<(String, String), BTreeSet<&'static str>>;

#[test]
fn no_key_of_a_document_vanishes_or_changes_its_type() {
    let mut now = Keys::new();
    for document in &*DOCUMENTS {
        note(&mut now, name(document), "", document, None);
    }
    let pinned: BTreeMap<(String, String), &str> = PINNED.lines().map(pinned).collect();
    let mut wrong = Vec::new();
    for ((schema, path), then) in &pinned {
        match now.get(&(schema.clone(), path.clone())).map(joined) {
            None => wrong.push(format!("- {schema} {path} {then}: gone")),
            Some(types) if types != *then => wrong.push(format!("- {schema} {path} {then}: now {types}")),
            Some(_) => {}
        }
    }
    let schemas: BTreeSet<&String> = pinned.keys().map(|(schema, _)| schema).collect();
    let new = now.iter().filter(|((schema, _), _)| !schemas.contains(schema));
    wrong.extend(new.map(|((schema, path), types)| format!("+ {schema} {path} {}", joined(types))));
    assert!(wrong.is_empty(), "lines of documents.txt that do not hold (-) or are missing (+):\n{}", wrong.join("\n"));
}

#[test]
fn every_document_obeys_its_schema() {
    let mut seen = BTreeSet::new();
    for (schema, text) in ALL {
        let validator = jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap();
        for document in DOCUMENTS.iter().filter(|document| name(document) == *schema) {
            seen.insert(*schema);
            let errors = validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path));
            assert_eq!(errors.collect::<Vec<_>>(), [""; 0], "{document:#}");
            let mut changed = document.clone();
            changed["one_more"] = json!(null);
            assert!(validator.is_valid(&changed), "{schema} allows no new member");
            changed["schema"] = json!("another");
            assert!(!validator.is_valid(&changed), "{schema} is the name of any document");
        }
    }
    let all: BTreeSet<&str> = ALL.iter().map(|(schema, _)| *schema).collect();
    assert_eq!(seen, all, "give documents() a command for each");
}

fn name(document: &Value) -> &str {
    document["schema"].as_str().unwrap_or_else(|| panic!("no schema: {document}"))
}

fn pinned(line: &'static str) -> ((String, String), &'static str) {
    let words: Vec<&str> = line.split(' ').collect();
    let [schema, path, types] = words[..] else { panic!("no schema, path and types: {line}") };
    ((schema.to_owned(), path.to_owned()), types)
}

fn joined(types: &BTreeSet<&'static str>) -> String {
    types.iter().copied().collect::<Vec<_>>().join("|")
}

fn note(keys: &mut Keys, schema: &str, path: &str, value: &Value, code: Option<&str>) {
    if !path.is_empty() {
        keys.entry((schema.to_owned(), path.to_owned())).or_default().insert(type_of(value));
    }
    match value {
        // A JSON Schema of connections.
        Value::Object(_) if path == "specs[].schema" => {}
        Value::Object(members) => {
            for (key, value) in members {
                let key = match path.rsplit('.').next() {
                    // The keys of a person.
                    Some("labels") => "*".to_owned(),
                    Some("evidence") => format!("{}.{key}", code.unwrap_or("*")),
                    // The id of a connection.
                    _ if key.len() == 36 && key.matches('-').count() == 4 => "*".to_owned(),
                    _ => key.clone(),
                };
                let path = if path.is_empty() { key } else { format!("{path}.{key}") };
                note(keys, schema, &path, value, members.get("code").and_then(Value::as_str));
            }
        }
        Value::Array(values) => {
            for value in values {
                note(keys, schema, &format!("{path}[]"), value, None);
            }
        }
        _ => {}
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[test]
fn every_schema_of_the_sources_is_pinned() {
    let mut found = BTreeSet::new();
    let sources = std::env::var_os("SNOW_TEST_SOURCES").map(PathBuf::from);
    search(&sources.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into()).join("src"), &mut found);
    assert!(found.len() >= 20, "{found:?}");
    let pinned: BTreeSet<String> = PINNED.lines().map(|line| pinned(line).0.0).collect();
    let unpinned: Vec<_> = found.difference(&pinned).collect();
    assert!(unpinned.is_empty(), "no line of documents.txt has {unpinned:?}: give documents() a command for it");
    let gone: Vec<_> = pinned.difference(&found).collect();
    assert!(gone.is_empty(), "no source has {gone:?}");
}

/// The words like `snow.list/1` in the files below a directory.
fn search(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path, found);
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/".contains(c);
        for (at, _) in text.match_indices("snow.") {
            let word = text[at..].split(|c| !is_name(c)).next().unwrap_or("");
            if word.rsplit_once('/').is_some_and(|(_, version)| version.parse::<u32>().is_ok()) {
                found.insert(word.to_owned());
            }
        }
    }
}

/// Commands, the exit code and what they read.
struct Script {
    world: World,
    documents: Vec<Value>,
}

impl Script {
    fn new() -> Self {
        let mut world = World::new();
        signs_in(&mut world, "beth.anglin", "allow");
        Self { world, documents: Vec::new() }
    }

    fn run(&mut self, code: i32, line: &str) -> &mut Self {
        self.piped(code, line, "")
    }

    fn piped(&mut self, code: i32, line: &str, stdin: &str) -> &mut Self {
        let line = if line.contains(" -o ") { line.to_owned() } else { format!("{line} --json") };
        let outcome = self.world.stdin(stdin).run(&line);
        assert_eq!(outcome.code, code, "{line}: {outcome:?}");
        let lines = outcome.stdout.lines().map(serde_json::from_str::<Value>);
        self.documents.extend(lines.map(|document| document.unwrap_or_else(|error| panic!("{error}: {outcome:?}"))));
        self
    }
}

impl Script {
    /// The one document that goes to a file.
    fn bundle(&mut self) {
        let path = self.world.home().join("bundle.json");
        self.run(0, &format!("doctor --bundle {}", path.display()));
        self.documents.push(serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap());
    }
}

/// What comes out of the front door.
static DOCUMENTS: LazyLock<Vec<Value>> = LazyLock::new(documents);

fn documents() -> Vec<Value> {
    let mut documents = with_passwords();
    documents.extend(with_sessions());
    documents.extend(with_variables());
    documents.extend(with_applications());
    documents.extend(with_stores());
    documents.extend(without_connections());
    documents
}

fn with_passwords() -> Vec<Value> {
    let sandbox = Sandbox::start(None, None).unwrap();
    let origin = sandbox.origin();
    let mut script = Script::new();
    let ca = script.world.home().join("ca.pem");
    let authority = Authority::new();
    authority.save(&ca);
    let front = authority.front(Leaf::Good, &origin);
    let ca = ca.display().to_string();
    let connect = format!("connect {origin} --name acme --username beth.anglin --password-stdin");
    script
        .run(0, "list")
        .piped(4, &connect, "sandbox-wrong")
        .piped(
            0,
            &format!("{connect} --label env=dev --table incident --description words --api-version v2"),
            "sandbox-beth",
        )
        .run(0, "connect acme")
        .run(0, "connect acme --description others --no-test")
        .piped(
            0,
            &format!(
                "connect {} --name tls --username admin --password-stdin --ca-cert {ca} --proxy http://proxy.example:1",
                front.origin()
            ),
            "sandbox-admin",
        )
        .run(0, "edit tls --set proxy=http://proxy.example:1")
        .run(0, "list")
        .run(0, "show acme")
        .run(0, "show tls")
        .run(0, "use tls")
        .run(0, "use acme --here")
        .run(0, "rename tls tls")
        .run(3, "edit acme --set description=x --if-match 99")
        .run(0, "status")
        .run(0, "status --all")
        .piped(0, "login acme --password-stdin", "sandbox-beth");
    for (code, line) in [
        (0, "test"),
        (0, "test --all"),
        (0, "test --all -o jsonl"),
        (11, "test acme --expect-user admin"),
        (10, "test acme --table problem,nope"),
        (3, "test nope"),
        (2, "test --nope"),
    ] {
        script.run(code, line);
    }
    script.run(0, "tables").run(0, "table incident").run(0, "open --no-input");
    script.run(0, "query incident --limit 2").run(0, "query incident --count");
    let password = "not one of the sandbox";
    script.piped(0, "connect https://acme.example --name far --username u --no-test --password-stdin", password);
    script.run(0, "token far --format header").run(2, "token nope --nope").run(0, "doctor");
    script.bundle();
    for (scenario, code, line) in [
        (Scenario::Hibernating, 7, "test acme"),
        (Scenario::BasicRefused, 4, "test acme"),
        (Scenario::TableHidden, 5, "test acme --table incident"),
        (Scenario::ClockSkew, 11, "test acme --strict"),
        (Scenario::RateLimited, 8, "test acme"),
        (Scenario::Hibernating, 7, "test acme tls --jobs 1 --fail-fast"),
        (Scenario::LoginPage, 7, "connect acme"),
        (Scenario::Hibernating, 7, "test acme -o jsonl"),
    ] {
        sandbox.set_scenario(Some(scenario));
        script.run(code, line);
    }
    sandbox.set_scenario(None);
    remember_changes(&script.world);
    script.run(0, "list").run(0, "test acme");
    script.run(0, "logout acme --yes").run(0, "remove acme far --yes").run(3, "remove nope --yes");
    script.documents
}

/// Everything that can be new, so that what shows it has it all.
fn remember_changes(world: &World) {
    let path = world.home().join(".local/state/snow/tests.json");
    let mut tests: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    for test in tests["tests"].as_object_mut().unwrap().values_mut() {
        test["changes"] = serde_json::from_str(super::home::CHANGES).unwrap();
        test["latency_ms"] = json!(600_000);
    }
    std::fs::write(path, tests.to_string()).unwrap();
}

fn with_sessions() -> Vec<Value> {
    let sandbox = Sandbox::start(None, None).unwrap();
    let origin = sandbox.origin();
    let mut script = Script::new();
    let callback = format!("http://127.0.0.1:{}/callback", free_port());
    let ci =
        format!("connect {origin} --name ci --auth client-credentials --client-id sandbox-ci --client-secret-stdin");
    script
        .run(0, &format!("connect {origin} --name acme --client-id sandbox-public --redirect-uri {callback}"))
        .piped(4, &ci, "sandbox-wrong")
        .piped(0, &ci, "sandbox-ci-secret")
        .run(0, "list")
        .run(0, "status acme")
        .run(0, "status --all")
        .run(11, "status --all --within 400d")
        .run(0, "test --all")
        .run(0, "refresh acme")
        .run(0, "token acme")
        .run(11, "token acme --min-ttl 2h");
    sandbox.expire_access_tokens();
    script.run(0, "test acme");
    sandbox.revoke_all();
    script.run(4, "test acme").run(0, "login acme").run(0, "logout ci --yes");
    sandbox.set_scenario(Some(Scenario::RevocationUnavailable));
    script.bundle();
    script.run(7, "logout acme --yes").run(4, "refresh acme").run(0, "login acme").run(7, "remove acme ci --yes");
    script.documents
}

fn with_variables() -> Vec<Value> {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut script = Script::new();
    script.world.set("SNOW_INSTANCE", &sandbox.origin());
    script.run(3, "test");
    script.world.set("SNOW_USERNAME", "beth.anglin").set("SNOW_PASSWORD", "sandbox-beth");
    script.run(0, "test").run(0, "status");
    script.documents
}

fn with_stores() -> Vec<Value> {
    let (vault, sandbox) = (Vault::start(), Sandbox::start(None, None).unwrap());
    let mut script = Script::new();
    script.world.guard(ROOT);
    script.world.set("VAULT_ADDR", vault.origin()).set("VAULT_TOKEN", ROOT);
    let connect = format!("connect {} --name acme --username beth.anglin --password-stdin", sandbox.origin());
    script.piped(0, &connect, "sandbox-beth");
    let unnamed = ItemKey::of_account(&format!("{ID}/password")).unwrap();
    block_on(script.world.store.write(unnamed, &Secret::new("of another file".to_owned()).unwrap())).unwrap();
    script.run(0, "store status").run(0, "store purge --dry-run");
    script.run(0, "store migrate acme --to vault --yes").run(0, "store status").run(0, "store purge --yes");
    script.world.unset("VAULT_TOKEN");
    script.run(0, "store status").run(0, "store purge").run(9, "store migrate acme --to keyring --yes");
    script.documents
}

fn with_applications() -> Vec<Value> {
    let sandbox = Sandbox::start(None, None).unwrap();
    let origin = sandbox.origin();
    let mut script = Script::new();
    let connect = format!("connect {origin} --name acme --username admin --password-stdin");
    let create = "app create --grant client-credentials --user svc.ci --name made";
    script
        .piped(0, &connect, "sandbox-admin")
        .run(0, "app check --client-id sandbox-ci")
        .run(0, "app check --client-id sandbox-public")
        .run(0, &format!("-c acme {create} --dry-run"))
        .run(0, &format!("-c acme {create} --yes"));
    // A folder of its own: the home is searched for secrets.
    let team = tempfile::tempdir().unwrap();
    let path = team.path().join("team.toml");
    let entry = format!("schema = \"snow-team/1\"\n[connections.ours]\ninstance = \"{origin}\"\nauth = \"api-key\"\n");
    std::fs::write(&path, format!("{entry}colour = \"red\"\n")).unwrap();
    script.run(0, &format!("import {} --dry-run", path.display())).run(0, &format!("import {}", path.display()));
    script.documents.push(Gateway::with_password(&origin, &["--tls"]).document.clone());
    script.documents.push(Gateway::with_password(&origin, &["--local-password-file", "password"]).document.clone());
    script.documents
}

fn without_connections() -> Vec<Value> {
    let mut script = Script::new();
    for (code, line) in [
        (0, "version"),
        (3, "status nope"),
        (3, "test"),
        (0, "explain"),
        (0, "explain basic-refused"),
        (0, "guide oauth"),
        (0, "spec"),
        (0, "sandbox --list"),
        (0, "env --list"),
        (0, "demo"),
        (2, "nope"),
    ] {
        script.run(code, line);
    }
    script.documents.push(script.world.run("help schemas").json());
    script.world.write_config("nonsense");
    script.run(3, "list").run(3, "doctor");
    script.documents.push(Serving::start(&[]).document.clone());
    script.documents
}
