//! Many processes at once, and processes that die: one refresh token, which is
//! good for one use, a real keyring, and the program as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};
use std::sync::{Arc, Barrier};

use serde_json::{Value, json};
use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::world::keyring::Session;
use crate::world::oauth::who;
use crate::world::process::{finish, program, tool};
use crate::world::session::{self, in_keyring, put_into_keyring};
use crate::world::{next_call, reach};

/// A session at an instance that ends it when an old refresh token comes
/// again, in a real keyring; its access token is over.
struct Scene {
    home: Session,
    sandbox: Sandbox,
}

impl Scene {
    fn new() -> Self {
        let sandbox = Sandbox::open(SandboxOptions { rotate: true, ..SandboxOptions::default() }).unwrap();
        let mut home = Session::new();
        // Two hundred at once keep two cores and one keyring busy.
        home.set("SNOW_KEYRING_TIMEOUT", "120s");
        let scene = Self { home, sandbox };
        scene.sign_in();
        scene
    }

    /// A session anew, whose access token is over.
    fn sign_in(&self) {
        let record = session::record(&self.sandbox.origin(), -1, session::signed_in(&self.sandbox));
        put_into_keyring(&self.home, &self.sandbox.origin(), &record);
        self.sandbox.expire_access_tokens();
    }

    fn refreshes(&self) -> usize {
        self.sandbox.token_requests().refresh_token
    }

    fn works(&self, token: &str) -> bool {
        who(&self.sandbox, &Value::from(token)) == Ok("beth.anglin".to_owned())
    }

    /// Runs the command so many times at once; how each ended.
    fn at_once(&self, count: usize, words: &[&str]) -> Vec<(Option<i32>, String, String)> {
        let barrier = Arc::new(Barrier::new(count));
        std::thread::scope(|scope| {
            let runs: Vec<_> = (0..count)
                .map(|_| {
                    let mut command = self.home.command(words);
                    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
                    let barrier = barrier.clone();
                    scope.spawn(move || {
                        barrier.wait();
                        let output = command.spawn().expect("it starts").wait_with_output().expect("it ends");
                        let text = |bytes| String::from_utf8(bytes).unwrap();
                        (output.status.code(), text(output.stdout), text(output.stderr))
                    })
                })
                .collect();
            runs.into_iter().map(|run| run.join().unwrap()).collect()
        })
    }
}

// D10, E11
#[test]
fn many_processes_at_the_end_of_a_token_cause_one_refresh() {
    let scene = Scene::new();
    let ended = scene.at_once(reach(40, 200), &["token", "acme"]);
    let mut outputs = BTreeMap::new();
    for (code, stdout, stderr) in ended {
        assert_eq!(code, Some(0), "{stderr}");
        *outputs.entry(stdout).or_insert(0) += 1;
    }
    assert_eq!(scene.refreshes(), 1);
    assert_eq!(outputs.len(), 1, "they print different tokens: {:?}", outputs.values());
    let token = outputs.into_keys().next().unwrap();
    assert!(scene.works(token.trim()));
    let record = in_keyring(&scene.home);
    assert_eq!(record["generation"], 2);
    assert_eq!(record["access_token"], token.trim());
}

// D10
#[test]
fn processes_whose_token_is_refused_at_the_same_time_share_one_refresh() {
    let scene = Scene::new();
    let record = session::record(&scene.sandbox.origin(), 900, session::signed_in(&scene.sandbox));
    put_into_keyring(&scene.home, &scene.sandbox.origin(), &record);
    scene.sandbox.expire_access_tokens();
    for (code, _, stderr) in scene.at_once(20, &["test", "acme", "--json"]) {
        assert_eq!(code, Some(0), "{stderr}");
    }
    assert_eq!(scene.refreshes(), 1);
}

// A sign-out in the middle of a storm: whoever comes later is told, and no
// refresh brings back what was forgotten.
#[test]
fn a_sign_out_among_many_refreshes_is_final() {
    let scene = Scene::new();
    let mut logout = scene.home.command(&["logout", "acme", "--json", "--yes"]);
    let ended = std::thread::scope(|scope| {
        let storm = scope.spawn(|| scene.at_once(20, &["token", "acme", "--json"]));
        logout.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = logout.spawn().unwrap().wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        storm.join().unwrap()
    });
    for (code, stdout, _) in ended {
        match code {
            Some(0) => {}
            Some(4) => assert!(stdout.contains("no-credential"), "{stdout}"),
            other => panic!("{other:?} {stdout}"),
        }
    }
    let found =
        scene.home.secret_tool(&["lookup", "service", "snow", "username", &format!("{}/session", session::ID)], "");
    assert_eq!(found.stdout, "");
    assert!(scene.refreshes() <= 1);
}

/// What a process does from the lock to the end, by the calls that do it: to
/// files, to the keyring and the instance. strace counts the calls of each
/// thread by itself; `true` looks at all of them, and `false` at the main
/// thread alone, whose calls could stand behind those of another.
const CALLS: [(&str, bool); 10] = [
    ("flock", true),
    ("flock", false),
    ("write", true),
    ("?rename,?renameat,?renameat2", true),
    ("connect", true),
    ("sendmsg", true),
    ("sendto,writev", true),
    ("write", false),
    ("recvmsg", true),
    ("recvfrom,read", true),
];

#[test]
fn a_refresh_killed_at_any_call_leaves_the_old_or_the_new_session() {
    let mut seen = BTreeSet::new();
    let mut killed = 0;
    let chunks: Vec<_> = std::thread::scope(|scope| {
        let runs: Vec<_> = [&CALLS[..5], &CALLS[5..8], &CALLS[8..]]
            .map(|calls| scope.spawn(move || killed_at(calls)))
            .into_iter()
            .collect();
        runs.into_iter().map(|run| run.join().expect("no assertion failed")).collect()
    });
    for (kills, states) in chunks {
        killed += kills;
        seen.extend(states);
    }
    assert!(killed >= reach(40, 60), "only {killed} kills");
    let all = [State::Old, State::Marked, State::Lost, State::New].into();
    assert_eq!(seen, all, "a kill fell into each stretch");
}

/// Where a process died, as the keyring and the instance tell.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    /// Before the mark.
    Old,
    /// The mark is written, and nothing was sent.
    Marked,
    /// The documented window: the instance has a new token, the keyring not.
    Lost,
    /// The result is written.
    New,
}

fn killed_at(calls: &[(&str, bool)]) -> (usize, BTreeSet<State>) {
    let mut scene = Scene::new();
    let (mut kills, mut seen) = (0, BTreeSet::new());
    for (calls, all_threads) in calls {
        for number in std::iter::successors(Some(1), |number| Some(next_call(*number))) {
            scene.sign_in();
            let before = in_keyring(&scene.home);
            let refreshes = scene.refreshes();
            let mut command = tool("strace");
            scene.home.environment(&mut command);
            command.current_dir(scene.home.home()).args(all_threads.then_some("-f")).arg(format!("--trace={calls}"));
            command.arg(format!("--inject={calls}:signal=SIGKILL:when={number}"));
            command.args(["-o", "/dev/null", "--"]).arg(program()).args(["token", "acme"]);
            let outcome = finish(command, b"");
            if outcome.code != -1 {
                assert_eq!(outcome.code, 0, "{outcome:?}");
                assert!(number > 1, "no call of {calls}");
                break;
            }
            kills += 1;
            let what = format!("killed before call {number} of {calls}");
            // The request may still be on its way.
            std::thread::sleep(std::time::Duration::from_millis(20));
            let record = in_keyring(&scene.home);
            let was_sent = scene.refreshes() > refreshes;
            let state = match (record["generation"].as_u64(), record.get("refreshing").is_some(), was_sent) {
                (Some(2), false, true) => State::New,
                (Some(1), true, true) => State::Lost,
                (Some(1), true, false) => State::Marked,
                (Some(1), false, false) => State::Old,
                other => panic!("{what}: {other:?}"),
            };
            if state != State::New {
                assert_eq!(record["refresh_token"], before["refresh_token"], "{what}");
                assert_eq!(record["access_token"], before["access_token"], "{what}");
            }
            let next = scene.home.run("token acme --json", "");
            match state {
                State::Lost => {
                    assert_eq!((next.code, next.error_code().as_str()), (4, "session-expired"), "{what}");
                    next.says(&["A refresh was interrupted", "snow login acme"]);
                }
                State::Old | State::Marked | State::New => {
                    assert_eq!(next.code, 0, "{what}: {next:?}");
                    assert!(scene.works(next.json()["access_token"].as_str().unwrap()), "{what}");
                }
            }
            seen.insert(state);
        }
    }
    (kills, seen)
}

#[test]
fn a_disk_that_refuses_any_call_costs_no_session() {
    let mut scene = Scene::new();
    let log = scene.home.home().join("strace.log");
    // With true a call of any thread, of which one waits for the lock; else
    // only of the main thread, which remembers the times when all is done.
    for (calls, all_threads, error) in [
        ("openat", true, "EACCES"),
        ("?mkdir,?mkdirat", true, "ENOSPC"),
        ("flock", true, "ENOLCK"),
        ("flock", false, "ENOLCK"),
        ("?rename,?renameat,?renameat2", true, "ENOSPC"),
    ] {
        let (mut refused, mut renewed) = (0, 0);
        for number in 1.. {
            scene.sign_in();
            let _ = std::fs::remove_dir_all(scene.home.home().join(".local/state"));
            let before = in_keyring(&scene.home);
            let refreshes = scene.refreshes();
            let mut command: Command = tool("strace");
            scene.home.environment(&mut command);
            command.current_dir(scene.home.home()).args(all_threads.then_some("-f")).arg(format!("--trace={calls}"));
            command.arg(format!("--inject={calls}:error={error}:when={number}")).arg("-o").arg(&log);
            command.arg("--").arg(program()).args(["token", "acme", "--json"]);
            let outcome = finish(command, b"");
            if !std::fs::read_to_string(&log).unwrap().contains("INJECTED") {
                break;
            }
            let what = format!("{error} for call {number} of {calls}: {outcome:?}");
            match scene.refreshes() - refreshes {
                // Nothing was sent, so nothing was spent.
                0 => {
                    assert_ne!(outcome.code, 0, "{what}");
                    assert_eq!(in_keyring(&scene.home), before, "{what}");
                    refused += usize::from(outcome.stdout.contains("\"store-busy\""));
                }
                1 => {
                    assert_eq!(outcome.code, 0, "{what}");
                    assert_eq!(in_keyring(&scene.home)["generation"], 2, "{what}");
                    renewed += 1;
                }
                more => panic!("{more} refreshes: {what}"),
            }
            let next = scene.home.run("token acme", "").expect(0);
            assert!(scene.works(next.stdout.trim()), "{what}");
        }
        // A lock that cannot be taken is named; a memory of the times is not
        // worth a failure.
        match (calls, all_threads) {
            ("openat", _) => assert!(refused >= 1 && renewed >= 1, "{calls}: {refused}, {renewed}"),
            ("?mkdir,?mkdirat", _) | ("flock", true) => {
                assert!(refused >= 1 && renewed == 0, "{calls}: {refused}, {renewed}");
            }
            _ => assert_eq!((refused, renewed), (0, 1), "{calls}"),
        }
    }
}

// E9
#[test]
fn a_session_that_fills_a_keyring_item_survives_its_refreshes() {
    let instance = session::Scripted::plays(|request, before| {
        (request.path == "/oauth_token.do").then(|| {
            let long = |letter: char| format!("{before}{}", letter.to_string().repeat(30 * 1024));
            session::tokens(&long('a'), &long('r'), 1800)
        })
    });
    let mut home = Session::new();
    put_into_keyring(&home, &instance.origin(), &session::record(&instance.origin(), -1, json!({})));
    for number in 0..3 {
        home.run("refresh acme", "").expect(0);
        assert!(in_keyring(&home)["refresh_token"].as_str().unwrap().starts_with(&format!("{number}rrr")));
    }
}
