//! What lies between the answer to a refresh and its write, in each store: a process that
//! dies there has lost the session.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use snow_connect::base::secret::Secret;
use snow_connect::store::file::FileStore;
use snow_connect::store::file::encryption::{GivenBy, Key};
use snow_connect::store::{CredentialStore, Field, ItemKey};

use crate::file_store::identity;
use crate::world::block_on;
use crate::world::keyring::Session;
use crate::world::process::{finish, program, tool};
use crate::world::session::{self, ID, in_keyring, put_into_keyring, tokens};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Store {
    Keyring,
    Identity,
    Passphrase,
}

const STORES: [Store; 3] = [Store::Keyring, Store::Identity, Store::Passphrase];

/// A session that must be renewed, in one of the stores, at an instance that gives new
/// tokens whenever it is asked.
struct Scene {
    home: Session,
    origin: String,
    answers: Arc<AtomicUsize>,
    store: Store,
    /// The encrypted file before a renewal.
    sealed: Vec<u8>,
}

/// Gives new tokens to each request, and counts them. It takes as little time for that as it
/// can: an answer that is under way to a process that was killed is lost, too.
fn instance(answers: Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let answer = |number| tokens(&format!("CANARY-access-{number}"), &format!("CANARY-refresh-{number}"), 1800);
        for mut stream in listener.incoming().map_while(Result::ok) {
            let next = answer(answers.load(Ordering::SeqCst));
            // snow sends a request in one piece.
            if matches!(stream.read(&mut [0; 4096]), Ok(1..)) {
                answers.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(&next);
            }
        }
    });
    origin
}

impl Scene {
    fn new(store: Store) -> Self {
        let answers = Arc::new(AtomicUsize::new(0));
        let origin = instance(answers.clone());
        let mut home = if store == Store::Keyring { Session::new() } else { Session::without_keyring() };
        home.set("SNOW_STORE", if store == Store::Keyring { "keyring" } else { "file" });
        let mut scene = Self { home, origin, answers, store, sealed: Vec::new() };
        match store {
            Store::Keyring => {}
            Store::Identity => {
                identity(&scene.key_path());
                let path = scene.key_path();
                scene.home.set("SNOW_STORE_IDENTITY", path.to_str().unwrap());
            }
            Store::Passphrase => {
                scene.home.set("SNOW_STORE_PASSPHRASE", "CANARY correct horse");
            }
        }
        scene.put_back();
        scene
    }

    fn key_path(&self) -> PathBuf {
        self.home.home().join("age-key")
    }

    fn file(&self) -> PathBuf {
        self.home.home().join(".local/share/snow/secrets.age")
    }

    fn opened(&self) -> FileStore {
        let lock = self.home.home().join("lock-of-the-test");
        let store = FileStore::new(self.file(), lock, Duration::from_secs(5));
        store.unlock(match self.store {
            Store::Identity => {
                Key::from_identity_file(&std::fs::read_to_string(self.key_path()).unwrap(), self.key_path()).unwrap()
            }
            _ => Key::Passphrase {
                passphrase: Secret::new("CANARY correct horse".to_owned()).unwrap(),
                given_by: GivenBy::Prompt,
            },
        });
        store
    }

    /// The session as it was before any renewal.
    fn put_back(&mut self) {
        let origin = self.origin.clone();
        let record = session::record(&origin, -1, json!({}));
        if self.store == Store::Keyring {
            return put_into_keyring(&self.home, &origin, &record);
        }
        if self.sealed.is_empty() {
            let config = self.home.home().join(".config/snow");
            std::fs::create_dir_all(&config).unwrap();
            let content = session::config(&origin, "").replace("\"keyring\"", "\"file\"");
            std::fs::write(config.join("config.toml"), content).unwrap();
            let key = ItemKey::new(ID.parse().unwrap(), Field::SESSION);
            block_on(self.opened().write(key, &Secret::derived(record.to_string()).unwrap())).unwrap();
            self.sealed = std::fs::read(self.file()).unwrap();
        }
        std::fs::write(self.file(), &self.sealed).unwrap();
    }

    fn record(&self) -> Value {
        if self.store == Store::Keyring {
            return in_keyring(&self.home);
        }
        let key = ItemKey::new(ID.parse().unwrap(), Field::SESSION);
        let record = block_on(self.opened().read(key)).unwrap().expect("a session");
        serde_json::from_str(record.expose()).unwrap()
    }

    /// Whether the instance has answered and the store does not have it.
    fn is_lost(&self) -> bool {
        let answers = self.answers.load(Ordering::SeqCst);
        answers > 0 && self.record()["refresh_token"] != format!("CANARY-refresh-{}", answers - 1)
    }
}

/// A key that is derived takes 32 MiB, and a session that is opened a socket.
#[test]
fn nothing_slow_lies_between_the_request_of_a_refresh_and_the_write_of_its_answer() {
    for store in STORES {
        let scene = Scene::new(store);
        let log = scene.home.home().join("strace.log");
        let mut command = tool("strace");
        scene.home.environment(&mut command);
        let inner = scene.home.command(&["refresh", "acme", "--json"]);
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(scene.home.home()).args(["-f", "-qq", "-o"]).arg(&log);
        command.arg("--trace=mmap,socket,write,sendmsg,sendto,writev,?rename,?renameat,?renameat2");
        command.arg("--").arg(program()).args(["refresh", "acme", "--json"]);
        finish(command, b"").expect(0);
        assert!(!scene.is_lost());

        let calls = std::fs::read_to_string(&log).unwrap();
        let lines: Vec<&str> = calls.lines().collect();
        // The socket that is opened last leads to the instance. Memory of snow cannot be
        // read, so the request is known by the number of the socket alone.
        let opened = lines.iter().rposition(|line| line.contains("socket(AF_INET")).expect("a connection");
        let of_thread = |line: &&&str| line.split(' ').next() == lines[opened].split(' ').next();
        let resumed = |line: &&&str| line.contains("<... socket resumed>");
        let returned = if lines[opened].contains("<unfinished") {
            lines[opened..].iter().filter(of_thread).find(resumed).expect("it returns")
        } else {
            &lines[opened]
        };
        let fd = returned.rsplit("= ").next().unwrap().trim();
        let sends = ["write", "sendto", "writev", "sendmsg"].map(|call| format!("{call}({fd},"));
        // The first: a file may get the number of the socket once that is closed.
        let is_send = |line: &&str| sends.iter().any(|call| line.contains(call));
        let sent = opened + lines[opened..].iter().position(is_send).expect("a request");
        let is_write = |line: &str| match store {
            Store::Keyring => line.contains("sendmsg("),
            Store::Identity | Store::Passphrase => line.contains("rename"),
        };
        let written = sent + lines[sent..].iter().rposition(|line| is_write(line)).expect("a write");
        let between = &lines[sent + 1..written];
        let slow: Vec<_> = between.iter().filter(|line| line.contains("socket(") || mapped(line) >= 16 << 20).collect();
        assert!(slow.is_empty(), "{store:?}: {slow:#?}");
        let messages = between.iter().filter(|line| store == Store::Keyring && line.contains("sendmsg(")).count();
        assert_eq!(messages, 0, "the write is the first message to the keyring: {between:#?}");
        // What is looked for is there before: the test sees what it forbids.
        let derived = lines[..sent].iter().filter(|line| mapped(line) >= 16 << 20).count();
        assert_eq!(derived > 0, store == Store::Passphrase, "{store:?}");
    }
}

/// How much memory to write to a line of strace asks for.
fn mapped(line: &str) -> usize {
    if !line.contains("PROT_READ|PROT_WRITE") {
        return 0;
    }
    let length = line.split_once("mmap(NULL, ").and_then(|(_, rest)| rest.split(',').next());
    length.and_then(|length| length.parse().ok()).unwrap_or(0)
}

/// How many sessions are lost when `snow refresh` is killed at a random moment of its run:
/// `SNOW_TEST_KILLS=1000 tests/run how_many_sessions --ignored --nocapture`.
#[test]
#[ignore = "a report, on demand"]
#[allow(clippy::print_stdout, reason = "it is a report")]
fn how_many_sessions_are_lost_by_a_kill_in_a_refresh() {
    let kills: u32 = std::env::var("SNOW_TEST_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(1000);
    println!("| store | kills | lost | of all kills | run |");
    println!("| --- | --- | --- | --- | --- |");
    for store in STORES {
        let mut scene = Scene::new(store);
        let started = Instant::now();
        for _ in 0..5 {
            scene.put_back();
            finish(scene.home.command(&["refresh", "acme", "--json"]), b"").expect(0);
        }
        let run = started.elapsed() / 5;
        let (mut killed, mut lost, mut seed) = (0, 0, 1_u64);
        while killed < kills {
            scene.put_back();
            scene.answers.store(0, Ordering::SeqCst);
            let mut command = scene.home.command(&["refresh", "acme", "--json"]);
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
            let mut child = command.spawn().unwrap();
            // Knuth's generator: the same moments in each report.
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            std::thread::sleep(run.mul_f64((seed >> 11) as f64 / (1_u64 << 53) as f64));
            if child.try_wait().unwrap().is_some() {
                continue;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            killed += 1;
            // The request may still be on its way.
            std::thread::sleep(Duration::from_millis(2));
            lost += u32::from(scene.is_lost());
        }
        let share = f64::from(lost) * 100.0 / f64::from(killed);
        println!("| {store:?} | {killed} | {lost} | {share:.1} % | {} ms |", run.as_millis());
    }
}
