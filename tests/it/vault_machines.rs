//! Machines that share one session in a real OpenBao, and what comes between them.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::world::machine::{Machine, expired, item};
use crate::world::process::{finish, signal};
use crate::world::reach;
use crate::world::session::{self, Scripted};
use crate::world::vault::{ROOT, Vault, until};

/// A strict instance, and its session in a vault, to be renewed.
struct Scene {
    vault: Vault,
    sandbox: Sandbox,
}

impl Scene {
    fn new() -> Self {
        let vault = Vault::start();
        let sandbox = Sandbox::open(SandboxOptions { rotate: true, ..SandboxOptions::default() }).unwrap();
        vault.post(&item(), &json!({ "options": { "cas": 0 }, "data": expired(&sandbox) }));
        Self { vault, sandbox }
    }

    fn machine(&self) -> Machine {
        Machine::new(self.vault.origin(), &self.sandbox.origin())
    }
}

fn saved(vault: &Vault) -> Value {
    serde_json::from_str(vault.item(&item())["data"]["record"].as_str().expect("a record")).unwrap()
}

/// What a process that ended well printed.
#[track_caller]
fn printed(process: Child) -> String {
    let output = process.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    assert!(output.status.success(), "{}{}", text(output.stdout), text(output.stderr));
    text(output.stdout)
}

#[test]
fn machines_that_share_a_session_refresh_it_once() {
    let Scene { vault, sandbox } = &Scene::new();
    let machines: Vec<_> = (0..4).map(|_| Machine::new(vault.origin(), &sandbox.origin())).collect();
    let start = |number: usize| machines[number % 4].command(ROOT, &["token", "acme"]).spawn().unwrap();
    let running: Vec<_> = (0..reach(12, 200)).map(start).collect();
    let tokens: Vec<_> = running.into_iter().map(printed).collect();
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    assert_eq!(sandbox.token_requests().refresh_token, 1);
    assert_eq!((&saved(vault)["generation"], &saved(vault)["lease"]), (&json!(2), &Value::Null));
    // A session that was signed out on one of them is signed out on all.
    finish(machines[0].command(ROOT, &["logout", "acme", "--yes"]), b"").expect(0);
    let outcome = finish(machines[1].command(ROOT, &["token", "acme", "--json"]), b"").expect(4);
    assert_eq!(outcome.error_code(), "no-credential");
}

#[test]
fn a_session_that_may_not_be_marked_is_not_spent_and_the_command_ends_at_once() {
    let scene = Scene::new();
    let reader = scene.vault.token(r#"path "secret/data/snow/*" { capabilities = ["read"] }"#, 600);
    let started = Instant::now();
    let outcome = finish(scene.machine().command(&reader, &["token", "acme", "--json"]), b"").expect(9);
    assert_eq!(outcome.error_code(), "vault-denied");
    assert!(started.elapsed() < Duration::from_secs(15), "{:?}", started.elapsed());
    assert_eq!(scene.sandbox.token_requests().refresh_token, 0);
}

/// What stands before a vault, and stops the one process once its mark is written and before
/// it hears of that.
struct Stopping {
    origin: String,
    process: Arc<Mutex<Option<Child>>>,
    has_stopped: Arc<AtomicBool>,
}

impl Stopping {
    fn before(vault: &Vault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let stopping = Self { origin, process: Arc::default(), has_stopped: Arc::default() };
        let (process, has_stopped) = (stopping.process.clone(), stopping.has_stopped.clone());
        let address = vault.origin().trim_start_matches("http://").to_owned();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(&address).unwrap();
                let has_marked = Arc::new(AtomicBool::new(false));
                let (marked, from, to) = (has_marked.clone(), client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || {
                    let mut sent = Vec::new();
                    pass(from, to, |piece| {
                        sent.extend_from_slice(piece);
                        marked.fetch_or(sent.windows(5).any(|part| part == b"lease"), Ordering::SeqCst);
                    })
                });
                let (process, has_stopped) = (process.clone(), has_stopped.clone());
                std::thread::spawn(move || {
                    pass(server, client, |_| {
                        if has_marked.load(Ordering::SeqCst) && !has_stopped.swap(true, Ordering::SeqCst) {
                            signal(process.lock().unwrap().as_ref().expect("it was started"), "STOP");
                        }
                    })
                });
            }
        });
        stopping
    }
}

/// Passes on each piece after it was looked at.
fn pass(mut from: TcpStream, mut to: TcpStream, mut look: impl FnMut(&[u8])) {
    let mut piece = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        look(&piece[..length]);
        if to.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

#[test]
fn a_process_that_stands_still_after_its_mark_costs_no_second_request() {
    let scene = Scene::new();
    let Scene { vault, sandbox } = &scene;
    let front = Stopping::before(vault);
    let (one, two) = (Machine::new(&front.origin, &sandbox.origin()), scene.machine());
    start(&front.process, &one, "150s");
    until("it marks the session", || front.has_stopped.load(Ordering::SeqCst));
    assert_eq!((saved(vault)["lease"].is_object(), sandbox.token_requests().refresh_token), (true, 0));
    let other = two.command(ROOT, &["token", "acme", "--timeout", "150s"]).spawn().unwrap();
    // The longer is more than the lease: the other takes the turn, and this one sees it.
    std::thread::sleep(Duration::from_secs(reach(3, 110)));
    let still = front.process.lock().unwrap().take().unwrap();
    signal(&still, "CONT");
    let token = printed(other);
    assert_eq!(printed(still), token);
    assert_eq!(sandbox.token_requests().refresh_token, 1);
    assert_eq!((&saved(vault)["generation"], &saved(vault)["lease"]), (&json!(2), &Value::Null));
}

/// An instance that does something to the one process before it answers its refresh.
struct Between {
    instance: Scripted,
    process: Arc<Mutex<Option<Child>>>,
    is_done: Arc<AtomicBool>,
}

impl Between {
    fn new(act: impl Fn(&Child) + Send + Sync + 'static) -> Self {
        let (process, is_done) = (Arc::<Mutex<Option<Child>>>::default(), Arc::<AtomicBool>::default());
        let (started, done) = (process.clone(), is_done.clone());
        let instance = Scripted::plays(move |request, before| {
            if request.path == "/oauth_token.do" && before == 0 {
                // It is held until the process is here.
                act(started.lock().unwrap().as_ref().expect("it was started"));
                done.store(true, Ordering::SeqCst);
            }
            None
        });
        Self { instance, process, is_done }
    }

    /// Starts the process, and waits until something was done to it.
    fn start(&self, machine: &Machine, timeout: &str) {
        start(&self.process, machine, timeout);
        until("the request is there", || self.is_done.load(Ordering::SeqCst));
    }

    fn process(&self) -> Child {
        self.process.lock().unwrap().take().expect("it was started")
    }
}

fn start(process: &Mutex<Option<Child>>, machine: &Machine, timeout: &str) {
    let mut process = process.lock().unwrap();
    *process = Some(machine.command(ROOT, &["token", "acme", "--timeout", timeout]).spawn().unwrap());
}

fn put(vault: &Vault, item: &str, instance: &Scripted) {
    let record = session::record(&instance.origin(), -1, json!({})).to_string();
    vault.post(item, &json!({ "options": { "cas": 0 }, "data": { "record": record } }));
}

#[test]
fn a_process_that_stands_still_with_the_answer_in_hand_writes_it_later() {
    let vault = Vault::start();
    let scene = Between::new(|process| signal(process, "STOP"));
    let instance = &scene.instance;
    put(&vault, &item(), instance);
    let [one, two] = [0; 2].map(|_| Machine::new(vault.origin(), &instance.origin()));
    scene.start(&one, "2s");
    let other = two.command(ROOT, &["token", "acme"]).spawn().unwrap();
    // Longer than its request may take.
    std::thread::sleep(Duration::from_secs(reach(4, 20)));
    let still = scene.process();
    signal(&still, "CONT");
    assert_eq!((printed(still).trim(), printed(other).trim()), ("new-access-0", "new-access-0"));
    assert_eq!(instance.token_requests(), 1);
    assert_eq!(saved(&vault)["refresh_token"], "new-refresh-0");
}

#[test]
fn an_item_that_a_person_deletes_during_a_refresh_loses_nothing_of_it() {
    let vault = Arc::new(Vault::start());
    let deleted = vault.clone();
    let scene = Between::new(move |_| deleted.delete(&item()));
    put(&vault, &item(), &scene.instance);
    let machine = Machine::new(vault.origin(), &scene.instance.origin());
    scene.start(&machine, "10s");
    assert_eq!(printed(scene.process()).trim(), "new-access-0");
    assert_eq!(saved(&vault)["refresh_token"], "new-refresh-0");
}

#[test]
fn a_session_in_a_mount_without_versions_is_not_spent() {
    let vault = Vault::start();
    vault.post("sys/mounts/old", &json!({ "type": "kv", "options": { "version": "1" } }));
    let instance = Scripted::plays(|_, _| None);
    put(&vault, &item().replacen("secret", "old", 1), &instance);
    let machine = Machine::new(&format!("{}\"\nstore_mount = \"old", vault.origin()), &instance.origin());
    let outcome = finish(machine.command(ROOT, &["token", "acme", "--json"]), b"").expect(9);
    assert_eq!(outcome.error_code(), "vault-not-kv2");
    assert_eq!(instance.token_requests(), 0);
}
