//! `snow store migrate` killed at any instant: the connection works from the store that it
//! names, and the same command again leaves nothing in the other one.

use std::path::Path;
use std::process::Command;

use snow_connect::sandbox::Sandbox;

use crate::file_store::identity;
use crate::world::keyring::Session;
use crate::world::process::{finish, program, tool};
use crate::world::vault::{ROOT, Vault};
use crate::world::{next_call, reach};

/// What changes a file, and what goes to the keyring and to Vault; each on the main thread
/// and on all, since the calls of each thread are counted by themselves.
const KILLS: [(&str, bool); 3] = [(RENAMES, false), (RENAMES, true), ("sendmsg,sendto,?writev", true)];
const RENAMES: &str = "?rename,?renameat,?renameat2";

struct Scene {
    session: Session,
    keys: tempfile::TempDir,
}

impl Scene {
    fn new(vault: Option<&Vault>) -> Self {
        let mut session = Session::new();
        let keys = tempfile::tempdir().unwrap();
        identity(&keys.path().join("key"));
        session.set("SNOW_STORE_IDENTITY", keys.path().join("key").to_str().unwrap());
        if let Some(vault) = vault {
            session.guard(ROOT);
            session.set("VAULT_ADDR", vault.origin()).set("VAULT_TOKEN", ROOT);
        }
        Self { session, keys }
    }

    /// Runs `snow` until it is killed; false where it ended before.
    fn killed(&self, (calls, all_threads): (&str, bool), number: usize, line: &str) -> bool {
        let words: Vec<&str> = line.split_whitespace().collect();
        let of_program = self.session.command(&words);
        let mut command = tool("strace");
        command.env_clear().envs(of_program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir(self.session.home()).args(["-o", "/dev/null"]).args(all_threads.then_some("-f"));
        command.arg(format!("--trace={calls}")).arg(format!("--inject={calls}:signal=SIGKILL:when={number}"));
        command.arg("--").arg(program()).args(&words);
        let outcome = finish(command, b"");
        let killed = outcome.code == -1;
        assert!(killed || outcome.code == 0, "{outcome:?}");
        killed
    }

    fn run(&mut self, line: &str) -> crate::world::Outcome {
        self.session.run(line, "")
    }

    fn in_keyring(&self) -> String {
        let found = self.session.secret_tool(&["search", "--all", "service", "snow"], "");
        format!("{}{}", found.stdout, found.stderr)
    }

    fn in_file(&self) -> String {
        let file = self.session.home().join(".local/share/snow/secrets.age");
        if !Path::new(&file).exists() {
            return String::new();
        }
        let mut age: Command = tool("age");
        age.arg("-d").arg("-i").arg(self.keys.path().join("key")).arg(file);
        finish(age, b"").expect(0).stdout
    }

    fn store(&self) -> String {
        let config: toml::Value = toml::from_str(&self.session.config()).unwrap();
        config["connections"]["acme"]["store"].as_str().unwrap().to_owned()
    }

    /// Kills a move at its first call of each kind, a new one at its second, and so on. Gives
    /// how many kills fell before and after the connection named the new store.
    fn kill_each(&mut self, to: &str, from: &str, is_left: fn(&Self) -> bool) -> (usize, usize) {
        let [there, back] = [to, from].map(|store| format!("store migrate acme --to {store} --yes"));
        let (mut before, mut after) = (0, 0);
        for kill in KILLS {
            let mut number = 1;
            while self.killed(kill, number, &there) {
                if self.store() == from {
                    before += 1;
                } else {
                    after += 1;
                }
                // Nothing has to be repaired for it to work.
                self.run("test acme").expect(0);
                self.finishes(&there, to, is_left);
                self.run(&back).expect(0);
                number = next_call(number);
            }
            assert!(number > 1, "no call of {kill:?}");
            self.finishes(&there, to, is_left);
            self.run(&back).expect(0);
        }
        (before, after)
    }

    #[track_caller]
    fn finishes(&mut self, line: &str, to: &str, is_left: fn(&Self) -> bool) {
        let outcome = self.run(line).expect(0);
        assert_eq!(self.store(), to, "{outcome:?}");
        assert!(!is_left(self), "something is left: {outcome:?}");
        self.run("test acme").expect(0);
    }
}

#[test]
fn a_move_from_the_keyring_to_the_file_killed_at_any_call_is_finished_by_the_next() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut scene = Scene::new(None);
    let client = "--auth client-credentials --client-id sandbox-ci --client-secret-stdin";
    let connect = format!("connect {} --name acme {client}", sandbox.origin());
    scene.session.run(&connect, "sandbox-ci-secret").expect(0);
    let is_left = |scene: &Scene| scene.in_keyring().contains("= snow");
    let (before, after) = scene.kill_each("file", "keyring", is_left);
    assert!(before >= reach(8, 10) && after >= reach(3, 4), "{before} before and {after} after the entry was changed");
}

#[test]
fn a_move_from_the_file_to_vault_killed_at_any_call_is_finished_by_the_next() {
    let (vault, sandbox) = (Vault::start(), Sandbox::start(None, None).unwrap());
    let mut scene = Scene::new(Some(&vault));
    let connect =
        format!("connect {} --name acme --username beth.anglin --password-stdin --store file", sandbox.origin());
    scene.session.run(&connect, "sandbox-beth").expect(0);
    let is_left = |scene: &Scene| scene.in_file().contains("sandbox-beth");
    let (before, after) = scene.kill_each("vault", "file", is_left);
    assert!(before >= reach(8, 10) && after >= reach(3, 4), "{before} before and {after} after the entry was changed");
}
