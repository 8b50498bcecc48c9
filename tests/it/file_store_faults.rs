//! The encrypted file, whatever it is like and whatever the system does: it is
//! the old or the new one, and what cannot be understood stays as it is.
//!
//! Where the passphrase is not the matter an identity opens the file: it costs
//! no time.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use age::secrecy::{ExposeSecret, SecretString};
use age::{scrypt, x25519};
use snow_connect::base::error::Failure;
use snow_connect::base::files::Lock;
use snow_connect::base::secret::Secret;
use snow_connect::config::{Config, ConfigFile};
use snow_connect::store::file::FileStore;
use snow_connect::store::file::encryption::{GivenBy, Key};
use snow_connect::store::{CredentialStore, ItemKey};

use crate::world::canary::Canaries;
use crate::world::items;
use crate::world::process::{FILE_CALLS, finish, program, snow, tool};
use crate::world::{Outcome, World, block_on, next_call, reach};

const PASSPHRASE: &str = "CANARY horse, battery";

const CONNECT: &str = "connect http://127.0.0.1:9 --name new --username u --password-stdin --no-test --store file";

/// A home with one connection, `old`, whose password is in the file.
struct Scene {
    home: tempfile::TempDir,
    keys: tempfile::TempDir,
    config: String,
    secrets: Vec<u8>,
}

impl Scene {
    fn new() -> Self {
        let (home, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let identity = x25519::Identity::generate().to_string();
        fs::write(keys.path().join("key"), identity.expose_secret()).unwrap();
        fs::set_permissions(keys.path().join("key"), fs::Permissions::from_mode(0o600)).unwrap();
        let mut scene = Self { home, keys, config: String::new(), secrets: Vec::new() };
        scene.run(&CONNECT.replace("new", "old"), "sandbox-beth").expect(0);
        scene.config = fs::read_to_string(scene.config_path()).unwrap();
        scene.secrets = fs::read(scene.file()).unwrap();
        scene
    }

    fn key(&self) -> PathBuf {
        self.keys.path().join("key")
    }

    fn file(&self) -> PathBuf {
        file_in(self.home.path())
    }

    fn config_path(&self) -> PathBuf {
        self.home.path().join(".config/snow/config.toml")
    }

    /// Everything as it was, and no state.
    fn reset(&self) {
        for directory in [".config", ".local"] {
            fs::remove_dir_all(self.home.path().join(directory)).unwrap();
        }
        fs::create_dir_all(self.config_path().parent().unwrap()).unwrap();
        fs::create_dir_all(self.file().parent().unwrap()).unwrap();
        fs::write(self.config_path(), &self.config).unwrap();
        fs::write(self.file(), &self.secrets).unwrap();
        fs::set_permissions(self.file(), fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn environment(&self, command: &mut Command) {
        command.env_clear().env("HOME", self.home.path()).env("PATH", "/usr/bin:/bin");
        command.env("SNOW_STORE_IDENTITY", self.key()).current_dir(self.home.path());
    }

    fn run(&self, line: &str, stdin: &str) -> Outcome {
        let mut command = snow(self.home.path());
        self.environment(&mut command);
        command.args(line.split(' '));
        finish(command, stdin.as_bytes())
    }

    /// The program under strace, which injects something at a call: the file has a
    /// thread of its own, and strace counts the calls of each.
    fn injected(&self, calls: &str, injection: &str, log: &Path, line: &str, stdin: &str) -> Outcome {
        // Threads wake each other by a write. Where that is refused, which no full disk
        // does, the program waits for ever.
        let mut command = tool("timeout");
        self.environment(&mut command);
        command.args(["-s", "KILL", "10", "strace"]);
        command.arg(format!("--trace={calls}")).arg(format!("--inject={calls}:{injection}"));
        command.arg("-f").arg("-o").arg(log).arg("--").arg(program()).args(line.split(' '));
        finish(command, stdin.as_bytes())
    }

    fn load(&self) -> Config {
        ConfigFile { path: self.config_path(), lock: self.home.path().join("unused"), home: None }.load().unwrap()
    }

    /// The file as somebody else opens it.
    fn store(&self) -> FileStore {
        let key = Key::from_identity_file(&fs::read_to_string(self.key()).unwrap(), self.key()).unwrap();
        opened(&self.file(), key)
    }

    fn has_password(&self, name: &str) -> bool {
        let config = self.load();
        let Some(profile) = config.connections.get(name) else { return false };
        has_password(&self.store(), profile.id)
    }

    fn temporary_files(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.file().parent().unwrap()).unwrap();
        entries.map(|entry| entry.unwrap().path()).filter(|path| *path != self.file()).collect()
    }
}

fn file_in(home: &Path) -> PathBuf {
    home.join(".local/share/snow/secrets.age")
}

fn opened(file: &Path, key: Key) -> FileStore {
    let store = FileStore::new(file.to_owned(), file.with_extension("lock-of-the-test"), Duration::ZERO);
    store.unlock(key);
    store
}

fn has_password(store: &FileStore, connection: uuid::Uuid) -> bool {
    let record = block_on(store.read(ItemKey::new(connection, items::PASSWORD))).expect("the file opens");
    record.is_some_and(|record| record.expose().contains("sandbox-beth"))
}

// ---- F1: killed ----

#[test]
fn a_change_killed_at_any_call_leaves_the_old_or_the_new_file_and_the_next_run_goes_on() {
    let scene = Scene::new();
    let log = scene.keys.path().join("log");
    let (mut killed, mut seen) = (0, BTreeSet::new());
    let mut canaries = Canaries::usual();
    canaries.guard(&fs::read_to_string(scene.key()).unwrap());
    for calls in FILE_CALLS {
        for number in std::iter::successors(Some(1), |number| Some(next_call(*number))) {
            scene.reset();
            let outcome =
                scene.injected(calls, &format!("signal=SIGKILL:when={number}"), &log, CONNECT, "sandbox-beth");
            if outcome.code != -1 {
                assert_eq!(outcome.code, 0, "{outcome:?}");
                assert!(number > 1, "no call of {calls}");
                break;
            }
            killed += 1;
            let what = format!("killed at call {number} of {calls}");
            assert!(scene.has_password("old"), "{what}");
            let has_entry = scene.load().connections.contains_key("new");
            let is_changed = fs::read(scene.file()).unwrap() != scene.secrets;
            seen.insert((has_entry, is_changed, scene.has_password("new")));
            for leftover in scene.temporary_files() {
                assert_eq!(fs::metadata(&leftover).unwrap().permissions().mode() & 0o7777, 0o600, "{what}");
            }
            canaries.search(scene.home.path());
            if has_entry && !scene.has_password("new") {
                let outcome = scene.run("test new --json", "").expect(4);
                assert_eq!(outcome.error_code(), "no-credential", "{what}");
            }
            scene.run(CONNECT, "sandbox-beth").expect(0);
            assert!(scene.has_password("old") && scene.has_password("new"), "{what}");
            // What a kill left of the probe is gone with the next change.
            assert_eq!(records(&scene), 2, "{what}");
        }
    }
    assert!(killed >= reach(25, 40), "only {killed} calls");
    // The probe is there alone, before the entry; the entry alone; both.
    for state in [(false, false, false), (false, true, false), (true, false, false), (true, true, true)] {
        assert!(seen.contains(&state), "{state:?} is not in {seen:?}");
    }
}

/// Whether something that was refused, as strace writes it, is how a thread wakes
/// another. Calls are counted for each thread, so several can be refused; and a line is in
/// two parts if another thread got between.
fn is_wake_up_refused(log: &str) -> bool {
    let thread = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let lines: Vec<&str> = log.lines().collect();
    let refused = lines.iter().enumerate().filter(|(_, line)| line.contains("INJECTED"));
    refused.into_iter().any(|(at, line)| {
        let call = lines[..=at].iter().rev().find(|begun| thread(begun) == thread(line) && begun.contains("write("));
        // Eight bytes, which an unprivileged strace may not read.
        call.is_some_and(|call| call.contains(", 8)") || call.contains(", 8 <unfinished"))
    })
}

/// How many records the file holds, as `age` shows it.
fn records(scene: &Scene) -> usize {
    let mut age = tool("age");
    age.arg("-d").arg("-i").arg(scene.key()).arg(scene.file());
    finish(age, b"").expect(0).json()["records"].as_object().unwrap().len()
}

// ---- F2: refused by the system ----

#[test]
fn a_call_that_the_system_refuses_is_named_and_the_file_stays_as_it_was() {
    let refusals = [
        ("openat", &["EACCES", "EROFS"][..]),
        ("fchmod", &["EIO"]),
        ("flock", &["ENOLCK"]),
        ("write", &["ENOSPC", "EDQUOT"]),
        ("fsync", &["EIO", "ENOSPC"]),
        ("?rename,?renameat,?renameat2", &["EROFS", "ENOSPC"]),
    ];
    let scene = Scene::new();
    let log = scene.keys.path().join("log");
    for (calls, errors) in refusals {
        for error in errors {
            let mut refused = 0;
            // Threads wake each other up by calls of the same name, now before a write and now
            // after it, so that a round can miss the one that is meant.
            for _round in 0..4 {
                for number in 1.. {
                    scene.reset();
                    let injection = format!("error={error}:when={number}");
                    let outcome = scene.injected(calls, &injection, &log, "logout old --json --yes", "");
                    if !fs::read_to_string(&log).unwrap().contains("INJECTED") {
                        break;
                    }
                    if is_wake_up_refused(&fs::read_to_string(&log).unwrap()) {
                        continue;
                    }
                    let what = format!("{error} for call {number} of {calls}: {outcome:?}");
                    assert!(!outcome.stderr.contains("defect"), "{what}");
                    assert_eq!(scene.temporary_files(), Vec::<PathBuf>::new(), "{what}");
                    if fs::read(scene.file()).unwrap() != scene.secrets {
                        // Nothing that mattered, or the answer could not be written.
                        assert!(!scene.has_password("old"), "{what}");
                        continue;
                    }
                    if outcome.stderr.contains("shared libraries") {
                        continue;
                    }
                    assert_ne!(outcome.code, 0, "{what}");
                    // The same call of the thread that prints may have been refused too.
                    if outcome.stdout.is_empty() && outcome.stderr.contains("standard output cannot be written") {
                        assert_eq!(outcome.code, 3, "{what}");
                        continue;
                    }
                    assert!(!outcome.stdout.is_empty(), "{what}: {}", fs::read_to_string(&log).unwrap());
                    let document = outcome.json();
                    let failure = document.pointer("/connections/0/error").unwrap_or(&document["error"]);
                    let message = failure["message"].as_str().unwrap();
                    if failure["code"] == "store-unwritable" {
                        assert!(message.contains(scene.home.path().to_str().unwrap()), "no path: {what}");
                        assert_eq!(outcome.code, 9, "{what}");
                        refused += 1;
                    }
                    // The lock of the connection comes before that of the file.
                    if calls == "flock" && failure["code"] == "store-busy" {
                        assert!(message.contains("could not lock") && outcome.code == 9, "{what}");
                        refused += 1;
                    }
                }
                if refused > 0 {
                    break;
                }
            }
            assert!(refused > 0, "{calls}: {error} was never met where the file is written");
        }
    }
}

#[test]
fn a_password_that_cannot_be_written_takes_its_entry_back() {
    let scene = Scene::new();
    let log = scene.keys.path().join("log");
    let calls = "?rename,?renameat,?renameat2";
    let mut taken_back = 0;
    for number in 1.. {
        scene.reset();
        let outcome = scene.injected(calls, &format!("error=ENOSPC:when={number}"), &log, CONNECT, "sandbox-beth");
        if !fs::read_to_string(&log).unwrap().contains("INJECTED") {
            break;
        }
        if outcome.code == 9 {
            outcome.says(&["secrets.age: No space left on device"]);
            assert_eq!(fs::read_to_string(scene.config_path()).unwrap(), scene.config, "{number}");
            assert!(scene.has_password("old"));
            taken_back += 1;
        }
    }
    // The probe, putting back what was before it, and the password.
    assert_eq!(taken_back, 3);
}

// ---- F3: what is wrong with the file ----

/// Every way to use the file must fail with this, and leave the bytes.
#[track_caller]
fn refused(scene: &Scene, what: &str, code: &[&str], reason: &str) {
    let before = fs::read(scene.file()).unwrap();
    for line in ["test old", "logout old --yes", "remove old --yes", "login old --password-stdin", CONNECT] {
        let started = Instant::now();
        let outcome = scene.run(&format!("{line} --json"), "sandbox-beth").expect(9);
        let text = &outcome.stdout;
        assert!(code.iter().any(|code| text.contains(&format!("\"code\":\"{code}\""))), "{what}, {line}: {text}");
        outcome.says(&[scene.file().to_str().unwrap(), reason]);
        assert!(started.elapsed() < Duration::from_secs(5), "{what}, {line}");
        assert!(fs::read(scene.file()).unwrap() == before, "{what}, {line}: the file was changed");
        assert_eq!(fs::read_to_string(scene.config_path()).unwrap(), scene.config, "{what}, {line}");
    }
}

#[test]
fn a_file_that_cannot_be_understood_is_named_and_left_as_it_is() {
    let scene = Scene::new();
    let key: x25519::Identity = fs::read_to_string(scene.key()).unwrap().parse().unwrap();
    let sealed = |content: &str| age::encrypt(&key.to_public(), content.as_bytes()).unwrap();
    let good = &scene.secrets;
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", Vec::new(), "not an age file"),
        ("NUL bytes", vec![0; 4096], "not an age file"),
        ("a text", b"passwords go here\n".to_vec(), "not an age file"),
        ("cut in the header", good[..60].to_vec(), "truncated"),
        ("cut in the content", good[..good.len() - 20].to_vec(), "damaged"),
        ("cut by its last byte", good[..good.len() - 1].to_vec(), "damaged"),
        ("with more behind it", [good, &b"more"[..]].concat(), "damaged"),
        ("twice", [good.as_slice(), good].concat(), "damaged"),
        ("a later age", [b"age-encryption.org/v2\n", &good[22..]].concat(), "version of the age format"),
        ("half an armour", b"-----BEGIN AGE ENCRYPTED FILE-----\nYWdl\n".to_vec(), "could not read the encrypted file"),
        ("another content", sealed("a letter"), "not written by snow"),
        ("an empty content", sealed(""), "not written by snow"),
        ("a newer snow", sealed("{\"v\":99,\"records\":{}}"), "another version of snow (store version 99"),
        ("a key that is not known", sealed("{\"v\":1,\"records\":{},\"later\":1}"), "not written by snow"),
    ];
    for (what, content, reason) in cases {
        scene.reset();
        fs::write(scene.file(), content).unwrap();
        refused(&scene, what, &["secret-unreadable"], reason);
    }
    scene.reset();
    let large = fs::File::options().write(true).open(scene.file()).unwrap();
    large.set_len(10 * 1024 * 1024 * 1024).unwrap();
    let outcome = scene.run("test old --json", "").expect(9);
    outcome.says(&["secret-unreadable", "larger than 16 MiB"]);
    assert_eq!(large.metadata().unwrap().len(), 10 * 1024 * 1024 * 1024);
}

#[test]
fn no_single_changed_byte_goes_unnoticed() {
    let scene = Scene::new();
    for at in (0..scene.secrets.len()).step_by(3) {
        let mut bytes = scene.secrets.clone();
        bytes[at] ^= 1;
        fs::write(scene.file(), &bytes).unwrap();
        let connection = scene.load().connections["old"].id;
        let read = block_on(scene.store().read(ItemKey::new(connection, items::PASSWORD)));
        let failure = Failure::from(read.expect_err("it was changed"));
        assert!(["secret-unreadable", "store-locked"].contains(&failure.code().as_str()), "{at}");
        assert!(failure.message().contains(scene.file().to_str().unwrap()), "{at}");
        let _ =
            block_on(scene.store().write(ItemKey::new(connection, items::PASSWORD), &Secret::new("x".into()).unwrap()));
        assert!(fs::read(scene.file()).unwrap() == bytes, "{at}");
    }
}

#[test]
fn a_file_that_wants_too_much_work_is_refused_at_once() {
    let mut world = World::new();
    world.set("SNOW_STORE", "file").set("SNOW_STORE_PASSPHRASE", PASSPHRASE);
    let line = "connect https://acme.example --username u --password-stdin --no-test";
    world.stdin("sandbox-beth").run(line).expect(0);
    let mut recipient = scrypt::Recipient::new(SecretString::from(PASSPHRASE));
    recipient.set_work_factor(10);
    let sealed = age::encrypt(&recipient, b"{\"v\":1,\"records\":{}}").unwrap();
    for work in ["19", "40", "63"] {
        let head = sealed.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        let end = head + sealed[head..].iter().position(|&byte| byte == b'\n').unwrap();
        let dear = [&sealed[..end - 2], work.as_bytes(), &sealed[end..]].concat();
        fs::write(file_in(world.home()), &dear).unwrap();
        let started = Instant::now();
        world.run("test acme --json").expect(9).says(&["secret-unreadable", &format!("work factor is 2^{work}")]);
        assert!(started.elapsed() < Duration::from_secs(1), "{work}");
        assert_eq!(fs::read(file_in(world.home())).unwrap(), dear);
    }
}

#[test]
fn what_is_no_regular_file_is_refused_without_waiting_for_it() {
    let scene = Scene::new();
    let path = scene.file();
    let refused = |what: &str, reason: &str| {
        for line in ["test old --json", "logout old --json --yes", &format!("{CONNECT} --json")] {
            let started = Instant::now();
            scene.run(line, "sandbox-beth").expect(9).says(&["secret-unreadable", path.to_str().unwrap(), reason]);
            assert!(started.elapsed() < Duration::from_secs(5), "{what}");
        }
    };
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    refused("directory", "not a regular file");
    fs::remove_dir(&path).unwrap();
    assert!(tool("mkfifo").arg(&path).status().unwrap().success());
    refused("FIFO", "not a regular file");
    fs::remove_file(&path).unwrap();
    symlink("/dev/zero", &path).unwrap();
    refused("device", "not a regular file");
    fs::remove_file(&path).unwrap();
    symlink(scene.home.path().join("nowhere"), &path).unwrap();
    refused("dangling link", "a link to a file that does not exist");
    assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
}

// F8
#[test]
fn a_file_of_another_user_is_refused() {
    let scene = Scene::new();
    let is_root = rustix::process::geteuid().is_root();
    let mut command = if is_root {
        snow(scene.home.path())
    } else {
        // Only root gives files away. In a user namespace where this user is
        // root, a file of root is one of somebody else.
        fs::remove_file(scene.file()).unwrap();
        symlink("/etc/hostname", scene.file()).unwrap();
        let mut unshare = tool("unshare");
        unshare.args(["--user", "--map-root-user"]).arg(program());
        unshare
    };
    if is_root {
        std::os::unix::fs::chown(scene.file(), Some(65534), None).unwrap();
    }
    scene.environment(&mut command);
    command.args(["test", "old", "--json"]);
    finish(command, b"").expect(9).says(&["secret-unreadable", "it belongs to another user"]);
}

// F8
#[test]
fn a_file_that_others_could_read_is_mentioned_and_private_after_a_change() {
    let scene = Scene::new();
    for mode in [0o644, 0o660, 0o604] {
        scene.reset();
        fs::set_permissions(scene.file(), fs::Permissions::from_mode(mode)).unwrap();
        scene.run("test old", "").expect(6).says(&["other users of this machine can read"]);
        assert_eq!(mode_of(&scene.file()), mode, "reading changes nothing");
        scene.run(CONNECT, "sandbox-beth").expect(0);
        assert_eq!(mode_of(&scene.file()), 0o600);
        let outcome = scene.run("test old", "").expect(6);
        assert!(!outcome.stderr.contains("other users"), "{}", outcome.stderr);
    }
}

// F5
#[test]
fn a_linked_file_stays_a_link_and_its_target_is_replaced() {
    let scene = Scene::new();
    let elsewhere = scene.home.path().join("synced");
    fs::create_dir(&elsewhere).unwrap();
    fs::rename(scene.file(), elsewhere.join("real.age")).unwrap();
    symlink("../../../synced/real.age", scene.file()).unwrap();
    scene.run(CONNECT, "sandbox-beth").expect(0);
    assert_eq!(fs::read_link(scene.file()).unwrap(), Path::new("../../../synced/real.age"));
    assert!(scene.has_password("old") && scene.has_password("new"));
    assert_ne!(fs::read(elsewhere.join("real.age")).unwrap(), scene.secrets);
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 1);
}

// F7
#[test]
fn the_file_and_its_directory_are_private_under_any_umask() {
    let scene = Scene::new();
    for umask in ["000", "077", "777"] {
        let data = scene.home.path().join(umask);
        let mut command = tool("sh");
        scene.environment(&mut command);
        command.args(["-c", &format!("umask {umask} && exec \"$0\" \"$@\"")]).arg(program()).args(CONNECT.split(' '));
        command.args(["--force", "--yes"]).env("XDG_DATA_HOME", &data);
        finish(command, b"sandbox-beth").expect(0);
        for (path, mode) in [("", 0o700), ("snow", 0o700), ("snow/secrets.age", 0o600)] {
            assert_eq!(mode_of(&data.join(path)), mode, "umask {umask}, {path}");
        }
        assert_eq!(fs::read_dir(data.join("snow")).unwrap().count(), 1);
    }
}

#[test]
fn the_data_directory_can_be_another_one() {
    let scene = Scene::new();
    let other = scene.home.path().join("other");
    let mut command = snow(scene.home.path());
    scene.environment(&mut command);
    command.args(CONNECT.split(' ')).env("SNOW_DATA_DIR", &other);
    finish(command, b"sandbox-beth").expect(0);
    assert!(other.join("secrets.age").is_file());
    assert!(fs::read(scene.file()).unwrap() == scene.secrets);
}

// ---- F4: several at once ----

#[test]
fn many_connects_at_once_lose_nothing() {
    // Each pays for the passphrase, alone, and waits for its turn for 30 seconds.
    let count = reach(8, 20);
    let home = tempfile::tempdir().unwrap();
    let connect = |number: usize| {
        let host = format!("https://c{number}.service-now.com");
        let mut command = snow(home.path());
        command.args(["connect", &host, "--username", "u", "--password-stdin", "--no-test", "--json"]);
        command.env("SNOW_STORE", "file").env("SNOW_STORE_PASSPHRASE", PASSPHRASE);
        command
    };
    let children: Vec<Child> = (0..count).map(|number| start(connect(number), b"sandbox-beth")).collect();
    for (number, child) in children.into_iter().enumerate() {
        let output = child.wait_with_output().unwrap();
        if String::from_utf8_lossy(&output.stdout).contains("\"store-busy\"") {
            // A slow machine: nothing was changed, and it is to be run again.
            finish(connect(number), b"sandbox-beth").expect(0);
        } else {
            assert!(output.status.success(), "{output:?}");
        }
    }
    let path = home.path().join(".config/snow/config.toml");
    let config = ConfigFile { path, lock: home.path().join("unused"), home: None }.load().unwrap();
    assert_eq!(config.connections.len(), count);
    let passphrase = Secret::new(PASSPHRASE.to_owned()).unwrap();
    let store = opened(&file_in(home.path()), Key::Passphrase { passphrase, given_by: GivenBy::Prompt });
    for profile in config.connections.values() {
        assert!(has_password(&store, profile.id), "{} has no password", profile.name);
    }
    let mut canaries = Canaries::usual();
    canaries.guard(PASSPHRASE);
    canaries.search(home.path());
}

#[test]
fn a_change_that_does_not_get_its_turn_says_so_and_reading_waits_for_nobody() {
    let scene = Scene::new();
    let lock = scene.home.path().join("one.lock");
    let _held = Lock::acquire(&lock, Duration::ZERO).unwrap().expect("nobody has it");
    let store = FileStore::new(scene.file(), lock, Duration::from_millis(50));
    let identity = fs::read_to_string(scene.key()).unwrap();
    store.unlock(Key::from_identity_file(&identity, scene.key()).unwrap());
    let connection = scene.load().connections["old"].id;
    let key = ItemKey::new(connection, items::PASSWORD);
    assert!(has_password(&store, connection));
    let failures = [
        block_on(store.delete(key.clone())),
        block_on(store.prove(connection)),
        block_on(store.write(key, &Secret::new("x".into()).unwrap())),
    ];
    for failed in failures {
        let failure = Failure::from(failed.expect_err("the lock is held"));
        assert_eq!((failure.code().as_str(), failure.exit_code()), ("store-busy", 9));
        assert!(failure.code().retryable());
    }
    assert!(fs::read(scene.file()).unwrap() == scene.secrets);
}

#[test]
fn a_record_that_is_no_record_is_said_to_be_unusable() {
    let scene = Scene::new();
    let key: x25519::Identity = fs::read_to_string(scene.key()).unwrap().parse().unwrap();
    let account = format!("{}/password", scene.load().connections["old"].id);
    for record in ["", "x", "two\nlines", "{\"v\":99}", "{\"v\":1}"] {
        let content = serde_json::json!({ "v": 1, "records": { &account: record } }).to_string();
        fs::write(scene.file(), age::encrypt(&key.to_public(), content.as_bytes()).unwrap()).unwrap();
        let outcome = scene.run("test old --json", "").expect(9);
        assert_eq!(outcome.error_code(), "secret-unreadable", "{record:?}");
        outcome.says(&["could not read the saved password of old", "snow login old"]);
    }
    // A sign-in that is saved puts it right.
    scene.run(&format!("{} --force --yes", CONNECT.replace("new", "old")), "sandbox-beth").expect(0);
    assert!(scene.has_password("old"));
}

fn mode_of(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Starts a command with this standard input.
fn start(mut command: Command, stdin: &[u8]) -> Child {
    use std::io::Write;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let _ = child.stdin.take().expect("piped").write_all(stdin);
    child
}
