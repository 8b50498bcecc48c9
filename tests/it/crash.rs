//! Killed at any instant, or refused any call by the operating system: the
//! connections file is the old or the new one, and the next run goes on.
//!
//! strace does both to the program as it is, call by call, until a run has no
//! more calls of the kind. Files are the main thread's business, and it alone
//! is traced there; what the keyring is told goes out on other threads.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use snow_connect::config::{Config, ConfigFile};
use snow_connect::model::profile::Profile;
use snow_connect::sandbox::Sandbox;

use crate::world::keyring::Session;
use crate::world::process::{finish, program, tool};
use crate::world::{Outcome, next_call, reach};

/// The calls that touch a file, by what they do. Not every machine has each.
const FILE_CALLS: [&str; 8] = [
    "openat",
    "?mkdir,?mkdirat",
    "?chmod,?fchmodat",
    "fchmod",
    "flock",
    "write",
    "fsync",
    "?rename,?renameat,?renameat2",
];
/// What goes to the keyring.
const KEYRING_CALLS: &str = "sendmsg";

const UNRELATED: &str = "\
# Mine.
version = 1
default = \"other\"

[connections.other]
id = \"0f4c2f0e-7a58-4a51-9a3c-0d7b5f1f2f11\"
revision = 3
instance = \"https://other.service-now.com\"
auth = \"basic\"
username = \"beth.anglin\"
store = \"keyring\"
";

/// A session whose connections and state are set up anew for each crash.
struct Scene {
    session: Session,
    /// What a killed run left beside the connections file.
    leftovers: BTreeSet<String>,
    killed: usize,
}

#[test]
fn connect_killed_at_any_call_leaves_the_old_or_the_new_state_and_the_next_run_goes_on() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let connect = format!("connect {} --name acme --username beth.anglin --password-stdin --no-test", sandbox.origin());
    let mut without_secret = 0;
    let killed = each_kill(&FILE_CALLS, true, |scene, kill| {
        scene.write_config(UNRELATED);
        scene.forget_secrets();
        if !scene.killed(kill, &connect, "sandbox-beth") {
            return false;
        }
        let config = scene.unrelated_is_kept();
        if config.connections.contains_key("acme") && scene.secrets().is_empty() {
            without_secret += 1;
            let outcome = scene.run("test acme --json", "").expect(4);
            assert_eq!(outcome.error_code(), "no-credential");
        }
        scene.run(&connect, "sandbox-beth").expect(0);
        scene.has_its_secret("acme", "sandbox-beth");
        true
    });
    assert!(killed >= reach(18, 25), "only {killed} calls");
    assert!(without_secret >= 1, "no kill fell between the entry and its secret");
}

#[test]
fn connect_with_force_killed_at_any_call_is_repaired_by_the_same_command() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let connect = format!("connect {} --name acme --username beth.anglin --password-stdin --no-test", sandbox.origin());
    let replace = "connect acme --username admin --password-stdin --no-test --force --yes";
    let calls = ["?rename,?renameat,?renameat2"];
    let mut both = BTreeSet::new();
    each_kill(&calls, true, |scene, kill| {
        scene.write_config(UNRELATED);
        scene.forget_secrets();
        scene.run(&connect, "sandbox-beth").expect(0);
        let before = scene.load().connections["acme"].clone();
        if !scene.killed(kill, replace, "sandbox-admin") {
            return false;
        }
        let config = scene.unrelated_is_kept();
        assert_eq!(config.connections["acme"].id, before.id);
        both.insert(config.connections["acme"].identity().to_owned());
        scene.run(replace, "sandbox-admin").expect(0);
        assert_eq!(scene.load().connections["acme"].id, before.id);
        scene.has_its_secret("acme", "sandbox-admin");
        true
    });
    assert_eq!(both.len(), 2, "kills fell before and after the entry was replaced: {both:?}");
}

#[test]
fn an_update_killed_at_any_call_leaves_the_old_or_the_new_file() {
    let update = "connect other --no-test --description new";
    let mut states = BTreeSet::new();
    let killed = each_kill(&FILE_CALLS, false, |scene, kill| {
        scene.write_config(UNRELATED);
        if !scene.killed(kill, update, "") {
            return false;
        }
        let left = without_time(&fs::read_to_string(scene.config_path()).unwrap());
        if left != UNRELATED {
            assert_eq!(left, updated());
        }
        states.insert(left);
        scene.run(update, "").expect(0);
        assert_eq!(without_time(&fs::read_to_string(scene.config_path()).unwrap()), updated());
        true
    });
    assert!(killed >= reach(15, 20), "only {killed} calls");
    assert_eq!(states.len(), 2, "kills fell before and after the rename");
}

#[test]
fn remove_killed_at_any_call_leaves_no_secret_without_an_entry_and_can_be_repeated() {
    let mut seen = BTreeSet::new();
    let connect = "connect https://acme.service-now.com --name acme --username u --password-stdin --no-test";
    // The directories are there from the connect before.
    let calls = FILE_CALLS.into_iter().filter(|calls| !calls.contains("mkdir") && !calls.contains("chmod,"));
    each_kill(&calls.collect::<Vec<_>>(), true, |scene, kill| {
        scene.write_config(UNRELATED);
        scene.forget_secrets();
        scene.run(connect, "sandbox-beth").expect(0);
        if !scene.killed(kill, "remove acme --yes", "") {
            return false;
        }
        let config = scene.unrelated_is_kept();
        let has_entry = config.connections.contains_key("acme");
        let has_secret = !scene.secrets().is_empty();
        seen.insert((has_entry, has_secret));
        if has_entry && !has_secret {
            let outcome = scene.run("test acme --json", "").expect(4);
            assert_eq!(outcome.error_code(), "no-credential");
        }
        // Gone already is what was wanted.
        let again = scene.run("remove acme --yes", "");
        assert_eq!(again.code, if has_entry { 0 } else { 3 }, "{again:?}");
        assert!(!scene.unrelated_is_kept().connections.contains_key("acme"));
        assert!(scene.secrets().is_empty());
        true
    });
    let expected = BTreeSet::from([(true, true), (true, false), (false, false)]);
    assert_eq!(seen, expected, "entry and secret");
}

// F2
#[test]
fn a_call_that_the_system_refuses_is_named_and_the_file_stays_as_it_was() {
    let refusals = [
        ("openat", &["EACCES", "EROFS", "ENOSPC"][..]),
        ("?mkdir,?mkdirat", &["EACCES", "EROFS", "ENOSPC"]),
        ("?chmod,?fchmodat", &["EROFS"]),
        ("fchmod", &["EIO"]),
        ("flock", &["ENOLCK"]),
        ("write", &["ENOSPC", "EDQUOT", "EIO"]),
        ("fsync", &["EIO", "ENOSPC"]),
        ("?rename,?renameat,?renameat2", &["EACCES", "EROFS", "EIO", "ENOSPC"]),
    ];
    let scene = Scene::new(false);
    let mut refused = BTreeMap::new();
    for (calls, errors) in refusals {
        for error in errors {
            for number in 1.. {
                scene.write_config(UNRELATED);
                let log = scene.session.home().join("strace.log");
                let mut command = scene.strace(calls, &format!("error={error}:when={number}"), false);
                command.arg("-o").arg(&log).arg("--").arg(program());
                command.args(["connect", "other", "--no-test", "--description", "new", "--json"]);
                let outcome = finish(command, b"");
                if !fs::read_to_string(&log).unwrap().contains("INJECTED") {
                    break;
                }
                let what = format!("{error} for call {number} of {calls}: {outcome:?}");
                assert!(!outcome.stderr.contains("defect"), "{what}");
                scene.leaves_no_temporary_file(&what);
                let left = without_time(&fs::read_to_string(scene.config_path()).unwrap());
                if left == updated() {
                    // Nothing that mattered, or the answer could not be written.
                    assert!(outcome.code == 0 || calls == "write", "{what}");
                    continue;
                }
                assert_eq!(left, UNRELATED, "{what}");
                if outcome.stderr.contains("shared libraries") {
                    continue;
                }
                assert_eq!(outcome.code, 3, "{what}");
                let message = outcome.json()["error"]["message"].as_str().unwrap().to_owned();
                assert!(message.contains(scene.session.home().to_str().unwrap()), "no path: {what}");
                assert!(message.contains(reason(error)), "no reason: {what}");
                match outcome.error_code().as_str() {
                    "config-unwritable" => *refused.entry(calls).or_insert(0) += 1,
                    "config-invalid" => assert!(message.contains("could not read") && calls == "openat", "{what}"),
                    _ => panic!("{what}"),
                }
            }
        }
    }
    for (calls, errors) in refusals {
        assert!(refused.get(calls).is_some_and(|count| *count >= errors.len()), "{calls}: {refused:?}");
    }
}

// F2
#[test]
fn a_connection_that_cannot_be_saved_leaves_nothing_in_the_store() {
    let scene = Scene::new(true);
    for (calls, error) in [("?rename,?renameat,?renameat2", "ENOSPC"), ("fsync", "EIO"), ("?mkdir,?mkdirat", "EROFS")] {
        scene.write_config(UNRELATED);
        let mut command = scene.strace(calls, &format!("error={error}:when=1"), false);
        command.args(["-o", "/dev/null", "--"]).arg(program());
        command.args(["connect", "https://acme.service-now.com", "--username", "u", "--password-stdin"]);
        command.args(["--no-test", "--json"]);
        let outcome = finish(command, b"sandbox-beth").expect(3);
        assert_eq!(outcome.error_code(), "config-unwritable");
        outcome.says(&[reason(error)]);
        assert_eq!(fs::read_to_string(scene.config_path()).unwrap(), UNRELATED);
        scene.leaves_no_temporary_file(error);
        assert_eq!(scene.items(), "");
    }
}

/// Kills a run at its first call of each kind, then a new one at its second,
/// and so on until `attempt` says that the run came to its end. Gives the
/// number of kills.
fn each_kill(calls: &[&str], with_keyring: bool, mut attempt: impl FnMut(&mut Scene, &Kill) -> bool) -> usize {
    let mut scene = Scene::new(with_keyring);
    let keyring_calls = with_keyring.then_some((KEYRING_CALLS, true));
    for (calls, all_threads) in calls.iter().map(|calls| (*calls, false)).chain(keyring_calls) {
        let mut number = 1;
        while attempt(&mut scene, &Kill { calls, number, all_threads }) {
            scene.look_at_leftovers();
            number = next_call(number);
        }
        assert!(number > 1, "no call of {calls}");
    }
    scene.killed
}

/// At which call a run is killed, before the call is done.
struct Kill<'a> {
    calls: &'a str,
    number: usize,
    all_threads: bool,
}

impl Scene {
    fn new(with_keyring: bool) -> Self {
        let session = if with_keyring { Session::new() } else { Session::without_keyring() };
        Self { session, leftovers: BTreeSet::new(), killed: 0 }
    }

    fn config_path(&self) -> PathBuf {
        self.session.home().join(".config/snow/config.toml")
    }

    /// A home with this file and no state.
    fn write_config(&self, content: &str) {
        let directory = self.config_path().parent().unwrap().to_owned();
        let _ = fs::remove_dir_all(&directory);
        let _ = fs::remove_dir_all(self.session.home().join(".local/state"));
        fs::create_dir_all(directory).unwrap();
        fs::write(self.config_path(), content).unwrap();
    }

    fn load(&self) -> Config {
        let lock = self.session.home().join("unused");
        ConfigFile { path: self.config_path(), lock, home: None }.load().expect("the file can be read")
    }

    /// The connections, which must have the unrelated one as it was.
    fn unrelated_is_kept(&self) -> Config {
        let config = self.load();
        let unrelated: &Profile = &config.connections["other"];
        assert_eq!((unrelated.revision, unrelated.identity()), (3, "beth.anglin"));
        assert!(fs::read_to_string(self.config_path()).unwrap().starts_with("# Mine.\nversion = 1\n"));
        assert_eq!(config.default.as_ref().map(|name| name.as_str()), Some("other"));
        let ids: Vec<String> = config.connections.values().map(|profile| profile.id.to_string()).collect();
        for account in self.secrets() {
            assert!(ids.iter().any(|id| account.starts_with(id)), "a secret that no entry names: {account}");
        }
        config
    }

    fn run(&mut self, line: &str, stdin: &str) -> Outcome {
        self.session.run(line, stdin)
    }

    fn strace(&self, calls: &str, injection: &str, all_threads: bool) -> Command {
        let mut command = tool("strace");
        self.session.environment(&mut command);
        command.current_dir(self.session.home());
        command.args(all_threads.then_some("-f"));
        command.arg(format!("--trace={calls}")).arg(format!("--inject={calls}:{injection}"));
        command
    }

    /// Runs `snow` until it is killed; false where it ended before.
    fn killed(&mut self, kill: &Kill, line: &str, stdin: &str) -> bool {
        let injection = format!("signal=SIGKILL:when={}", kill.number);
        let mut command = self.strace(kill.calls, &injection, kill.all_threads);
        command.args(["-o", "/dev/null", "--"]).arg(program()).args(line.split_whitespace());
        let outcome = finish(command, stdin.as_bytes());
        // strace ends as its program did.
        let killed = outcome.code == -1;
        assert!(killed || outcome.code == 0, "{outcome:?}");
        self.killed += usize::from(killed);
        killed
    }

    /// All items of ours, as secret-tool shows them.
    fn items(&self) -> String {
        let found = self.session.secret_tool(&["search", "--all", "service", "snow"], "");
        format!("{}{}", found.stdout, found.stderr)
    }

    /// The accounts of the items that hold a secret.
    fn secrets(&self) -> Vec<String> {
        let items = self.items();
        let accounts = items.lines().filter_map(|line| line.strip_prefix("attribute.username = "));
        accounts.filter(|account| account.ends_with("/password")).map(str::to_owned).collect()
    }

    fn has_its_secret(&self, name: &str, secret: &str) {
        let account = format!("{}/password", self.load().connections[name].id);
        let found = self.session.secret_tool(&["lookup", "service", "snow", "username", &account], "");
        assert!(found.stdout.contains(secret), "{name} has no secret");
    }

    fn forget_secrets(&self) {
        self.session.secret_tool(&["clear", "service", "snow"], "");
    }

    fn temporary_files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.config_path().parent().unwrap()).unwrap();
        entries.map(|entry| entry.unwrap().path()).filter(|path| *path != self.config_path()).collect()
    }

    fn leaves_no_temporary_file(&self, what: &str) {
        assert_eq!(self.temporary_files(), Vec::<PathBuf>::new(), "{what}");
    }

    // A8: what a killed run leaves is private, has a name nobody could guess,
    // and holds no secret.
    fn look_at_leftovers(&mut self) {
        for path in self.temporary_files() {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600, "{name}");
            let content = fs::read_to_string(&path).unwrap();
            assert!(!content.contains("sandbox-"), "{content}");
            assert!(name.starts_with(".snow-") && name.len() >= 15, "{name}");
            assert!(self.leftovers.insert(name.clone()), "{name} came twice");
        }
    }
}

/// The file without the line that says when it was changed.
fn without_time(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with("updated_at = ")).map(|line| format!("{line}\n")).collect()
}

/// The file after `connect other --description new`.
fn updated() -> String {
    UNRELATED.replace("revision = 3", "revision = 4") + "description = \"new\"\n"
}

/// The words of the C library for an error.
fn reason(error: &str) -> &'static str {
    match error {
        "EACCES" => "Permission denied",
        "EROFS" => "Read-only file system",
        "ENOSPC" => "No space left on device",
        "EDQUOT" => "quota exceeded",
        "EIO" => "Input/output error",
        "ENOLCK" => "No locks available",
        other => panic!("{other}"),
    }
}
