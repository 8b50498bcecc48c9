//! Secrets in the encrypted file: which store is used, what opens the file,
//! and that the `age` command and we open each other's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use age::scrypt;
use age::secrecy::SecretString;
use serde_json::Value;
use snow_connect::sandbox::Sandbox;
use snow_connect::store::ItemKey;

use crate::world::items;
use crate::world::keyring::Session;
use crate::world::process::{finish, snow, tool};
use crate::world::pty::Terminal;
use crate::world::{Answer, World, block_on};

const PASSPHRASE: &str = "CANARY horse, battery";
const ANOTHER: &str = "CANARY another one";

/// A home whose new connections go to the file.
fn world() -> World {
    let mut world = World::new();
    world.set("SNOW_STORE", "file");
    world.guard(PASSPHRASE);
    world.guard(ANOTHER);
    world
}

/// The same, with the passphrase in its variable.
fn unlocked_world() -> World {
    let mut world = world();
    world.set("SNOW_STORE_PASSPHRASE", PASSPHRASE);
    world
}

fn file_in(home: &Path) -> PathBuf {
    home.join(".local/share/snow/secrets.age")
}

fn connect(world: &mut World, name: &str, origin: &str, more: &str) -> crate::world::Outcome {
    let line = format!("connect {origin} --name {name} --username beth.anglin --password-stdin {more}");
    world.stdin("sandbox-beth").run(&line)
}

fn keyring_has_password(world: &World, shown: &Value) -> bool {
    let connection = shown["connection"]["id"].as_str().unwrap().parse().unwrap();
    block_on(world.store.read(ItemKey::new(connection, items::PASSWORD))).unwrap().is_some()
}

/// A directory outside every home, for what holds a passphrase or an identity.
fn outside() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn private_file(path: &Path, content: &str) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// An identity as `age-keygen` writes it, and its public half.
pub fn identity(path: &Path) -> String {
    let mut keygen = tool("age-keygen");
    keygen.arg("-o").arg(path);
    finish(keygen, b"").expect(0);
    let content = fs::read_to_string(path).unwrap();
    content.lines().find_map(|line| line.strip_prefix("# public key: ")).expect("a public key").to_owned()
}

/// What `age` finds in the file with an identity.
fn decrypted(file: &Path, identity: &Path) -> Value {
    let mut age = tool("age");
    age.arg("-d").arg("-i").arg(identity).arg(file);
    serde_json::from_str(&finish(age, b"").expect(0).stdout).expect("JSON")
}

// ---- the everyday ----

#[test]
fn a_connection_keeps_its_password_in_the_file_and_nowhere_else() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = unlocked_world();
    let outcome = connect(&mut world, "acme", &sandbox.origin(), "--json").expect(0);
    assert_eq!(outcome.json()["connection"]["store"], "file");
    let shown = world.run("show acme --json").expect(0).json();
    assert!(!keyring_has_password(&world, &shown));

    let outcome = world.run("test acme --json").expect(0);
    assert_eq!(outcome.json()["connections"][0]["credential"]["store"], "file");
    world.stdin("sandbox-beth").run("login acme --password-stdin").expect(0);
    world.run("test acme").expect(0);

    world.run("logout acme --yes").expect(0);
    let outcome = world.run("test acme --json").expect(4);
    assert_eq!(outcome.error_code(), "no-credential");
    outcome.says(&["deleted from the encrypted file"]);
    world.stdin("sandbox-beth").run("login acme --password-stdin").expect(0);
    world.run("remove acme --yes").expect(0);
    world.run("remove acme --yes").expect(3);
    assert!(file_in(world.home()).is_file());
}

#[test]
fn a_removed_connection_leaves_nothing_of_it_in_the_file() {
    let keys = outside();
    identity(&keys.path().join("key"));
    let mut world = world();
    world.set("SNOW_STORE_IDENTITY", keys.path().join("key").to_str().unwrap());
    connect(&mut world, "one", "https://one.example", "--no-test").expect(0);
    connect(&mut world, "two", "https://two.example", "--no-test").expect(0);
    let before = decrypted(&file_in(world.home()), &keys.path().join("key"));
    assert_eq!(before["records"].as_object().unwrap().len(), 2);
    world.run("remove one --yes").expect(0);
    world.run("logout two --yes").expect(0);
    let after = decrypted(&file_in(world.home()), &keys.path().join("key"));
    assert_eq!(after, serde_json::json!({"v": 1, "records": {}}));
}

#[test]
fn a_flag_goes_before_the_variable_and_a_saved_connection_keeps_its_store() {
    let mut world = unlocked_world();
    connect(&mut world, "in-keyring", "https://one.example", "--no-test --store keyring").expect(0);
    assert!(!file_in(world.home()).exists());
    connect(&mut world, "in-file", "https://two.example", "--no-test").expect(0);
    assert!(file_in(world.home()).exists());
    // Whatever the variable says by now.
    for (store, name, expected) in [("file", "in-keyring", "keyring"), ("keyring", "in-file", "file")] {
        world.set("SNOW_STORE", store);
        world.stdin("sandbox-beth").run(&format!("connect {name} --no-test --password-stdin")).expect(0);
        let shown = world.run(&format!("show {name} --json")).expect(0).json();
        assert_eq!(shown["connection"]["store"], expected);
        assert_eq!(keyring_has_password(&world, &shown), expected == "keyring");
    }
    world.set("SNOW_STORE", "drawer");
    world.run("list").expect(2).says(&["SNOW_STORE", "keyring, file"]);
}

#[test]
fn moving_a_connection_needs_force_and_leaves_no_password_behind() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let keys = outside();
    let key = keys.path().join("key");
    identity(&key);
    let mut world = World::new();
    world.set("SNOW_STORE_IDENTITY", key.to_str().unwrap());
    connect(&mut world, "acme", &sandbox.origin(), "").expect(0);
    let before = world.run("show acme --json").expect(0).json();
    assert!(keyring_has_password(&world, &before));

    let refused = world.stdin("sandbox-beth").run("connect acme --store file --password-stdin --json").expect(3);
    assert_eq!(refused.error_code(), "connection-exists");
    refused.says(&["Its store is keyring, but you gave file"]);

    world.stdin("sandbox-beth").run("connect acme --store file --password-stdin --force --yes").expect(0);
    let moved = world.run("show acme --json").expect(0).json();
    assert_eq!(
        (&moved["connection"]["id"], &moved["connection"]["store"]),
        (&before["connection"]["id"], &"file".into())
    );
    assert!(!keyring_has_password(&world, &moved));
    world.run("test acme").expect(0);

    world.stdin("sandbox-beth").run("connect acme --store keyring --password-stdin --force --yes").expect(0);
    let back = world.run("show acme --json").expect(0).json();
    assert!(keyring_has_password(&world, &back));
    assert_eq!(decrypted(&file_in(world.home()), &key)["records"], serde_json::json!({}));
}

#[test]
fn a_move_without_a_password_is_no_move() {
    let mut world = unlocked_world();
    connect(&mut world, "acme", "https://acme.example", "--no-test --store keyring").expect(0);
    let before = world.config();
    let outcome = world.run("connect acme --no-test --store file --force --yes --json").expect(3);
    assert_eq!(outcome.error_code(), "no-terminal");
    assert_eq!(world.config(), before);
}

#[test]
fn a_keyring_that_is_gone_does_not_hold_a_connection_back() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut session = Session::new();
    let line = format!("connect {} --name acme --username beth.anglin --password-stdin", sandbox.origin());
    session.run(&line, "sandbox-beth").expect(0);
    session.stop_keyring();
    session.run("test acme", "").expect(9).says(&["--store file", "--force"]);
    session.set("SNOW_STORE_PASSPHRASE", PASSPHRASE);
    let outcome = session.run("connect acme --store file --force --yes --password-stdin", "sandbox-beth").expect(0);
    outcome.says(&["the former secret may still be in the keyring"]);
    session.run("test acme", "").expect(0);
}

// A15
#[test]
fn a_keyring_that_fails_never_leads_to_the_file() {
    let mut session = Session::without_keyring();
    session.set("SNOW_STORE_PASSPHRASE", PASSPHRASE);
    let line = "connect https://acme.service-now.com --username u --password-stdin --no-test --json";
    let outcome = session.run(line, "sandbox-beth").expect(9);
    assert_eq!(outcome.error_code(), "keyring-unavailable");
    let ways: Vec<_> = outcome.json()["error"]["next"].as_array().unwrap().clone();
    assert_eq!(ways.len(), 3, "{ways:?}");
    outcome.says(&["SNOW_PASSWORD_FILE", "--store file", "gnome-keyring-daemon --unlock"]);
    assert!(!session.home().join(".local").exists());
}

#[test]
fn a_refused_sign_in_leaves_no_file_and_an_old_one_as_it_was() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = unlocked_world();
    let line = format!("connect {} --name new --username beth.anglin --password-stdin", sandbox.origin());
    world.stdin("sandbox-wrong").run(&line).expect(4);
    assert!(!file_in(world.home()).exists());
    connect(&mut world, "acme", &sandbox.origin(), "").expect(0);
    let before = fs::read(file_in(world.home())).unwrap();
    world.stdin("sandbox-wrong").run(&line).expect(4);
    assert_eq!(fs::read(file_in(world.home())).unwrap(), before);
}

#[test]
fn what_needs_no_secret_does_not_look_at_the_file() {
    let mut world = unlocked_world();
    connect(&mut world, "acme", "https://acme.example", "--no-test").expect(0);
    fs::write(file_in(world.home()), "no age file").unwrap();
    world.unset("SNOW_STORE_PASSPHRASE");
    for line in ["list", "show acme", "status", "use acme", "rename acme beta", "edit beta --set description=x"] {
        world.run(line).expect(0);
    }
}

#[test]
fn one_command_pays_for_the_passphrase_once() {
    let home = tempfile::tempdir().unwrap();
    let command = |words: &str| {
        let mut command = snow(home.path());
        command.env("SNOW_STORE", "file").env("SNOW_STORE_PASSPHRASE", PASSPHRASE).args(words.split(' '));
        command
    };
    for name in ["one", "two", "three"] {
        let line = format!("connect http://127.0.0.1:9 --name {name} --username u --password-stdin --no-test");
        finish(command(&line), b"sandbox-beth").expect(0);
    }
    let outcome = finish(command("test --all -vv"), b"").expect(6);
    assert_eq!(outcome.stderr.matches("file store: decrypting").count(), 1, "{}", outcome.stderr);
    let mut wrong = command("test --all -vv");
    wrong.env("SNOW_STORE_PASSPHRASE", ANOTHER);
    let outcome = finish(wrong, b"").expect(9);
    assert_eq!(outcome.stderr.matches("file store: decrypting").count(), 1, "{}", outcome.stderr);
}

#[test]
fn a_locked_file_fails_its_own_connections_alone() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = unlocked_world();
    connect(&mut world, "in-file", &sandbox.origin(), "").expect(0);
    connect(&mut world, "in-keyring", &sandbox.origin(), "--store keyring").expect(0);
    world.unset("SNOW_STORE_PASSPHRASE");
    let document = world.run("test --all --json").expect(9).json();
    assert_eq!(document["summary"]["passed"], 1);
    assert_eq!(document["connections"][0]["code"], "store-locked");
}

// ---- what opens it ----

#[test]
fn a_passphrase_comes_by_variable_or_by_file() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let place = outside();
    let file = place.path().join("passphrase");
    private_file(&file, &format!("{PASSPHRASE}\r\n"));
    let mut world = world();
    world.set("SNOW_STORE_PASSPHRASE_FILE", file.to_str().unwrap());
    let outcome = connect(&mut world, "acme", &sandbox.origin(), "").expect(0);
    assert!(!outcome.stderr.contains("other users"), "{}", outcome.stderr);
    world.unset("SNOW_STORE_PASSPHRASE_FILE").set("SNOW_STORE_PASSPHRASE", PASSPHRASE);
    world.run("test acme").expect(0);

    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    world.unset("SNOW_STORE_PASSPHRASE").set("SNOW_STORE_PASSPHRASE_FILE", file.to_str().unwrap());
    world.run("test acme").expect(0).says(&["can be read by other users"]);
}

#[test]
fn a_wrong_or_missing_passphrase_is_said_with_what_to_correct() {
    let place = outside();
    let wrong = place.path().join("wrong");
    private_file(&wrong, ANOTHER);
    let mut world = unlocked_world();
    connect(&mut world, "acme", "http://127.0.0.1:9", "--no-test").expect(0);
    let before = fs::read(file_in(world.home())).unwrap();
    let path = file_in(world.home()).display().to_string();
    for (variable, value, words) in [
        ("SNOW_STORE_PASSPHRASE", ANOTHER.to_owned(), "Correct SNOW_STORE_PASSPHRASE"),
        ("SNOW_STORE_PASSPHRASE_FILE", wrong.display().to_string(), "Correct SNOW_STORE_PASSPHRASE_FILE"),
        ("SNOW_STORE", "file".to_owned(), "Set SNOW_STORE_PASSPHRASE_FILE"),
    ] {
        world.unset("SNOW_STORE_PASSPHRASE").unset("SNOW_STORE_PASSPHRASE_FILE").set(variable, &value);
        let lines = ["test acme", "logout acme --yes", "remove acme --yes", "login acme --password-stdin"];
        for line in lines.into_iter().chain(["connect https://b.example --username u --password-stdin --no-test"]) {
            let outcome = world.stdin("sandbox-beth").run(&format!("{line} --json")).expect(9);
            outcome.says(&["store-locked", &path, words]);
        }
    }
    assert_eq!(fs::read(file_in(world.home())).unwrap(), before);
    assert!(world.config().contains("[connections.acme]") && !world.config().contains("b.example"));
}

#[test]
fn variables_that_contradict_or_hold_nothing_usable_are_named() {
    let place = outside();
    let (key, public, empty) = (place.path().join("key"), place.path().join("public"), place.path().join("empty"));
    private_file(&public, &format!("{}\n", identity(&key)));
    private_file(&empty, "");
    let (key, public, empty) = (key.to_str().unwrap(), public.to_str().unwrap(), empty.to_str().unwrap());
    let (passphrase, file, identity) = ("SNOW_STORE_PASSPHRASE", "SNOW_STORE_PASSPHRASE_FILE", "SNOW_STORE_IDENTITY");
    for (variables, code, words) in [
        (
            vec![(passphrase, PASSPHRASE), (file, empty)],
            2,
            "SNOW_STORE_PASSPHRASE and SNOW_STORE_PASSPHRASE_FILE are both set",
        ),
        (
            vec![(passphrase, PASSPHRASE), (identity, key)],
            2,
            "SNOW_STORE_PASSPHRASE and SNOW_STORE_IDENTITY are both set",
        ),
        (vec![(file, empty), (identity, key)], 2, "SNOW_STORE_PASSPHRASE_FILE and SNOW_STORE_IDENTITY are both set"),
        (vec![(passphrase, "")], 2, "SNOW_STORE_PASSPHRASE is set, but empty"),
        (vec![(identity, "")], 2, "SNOW_STORE_IDENTITY is set, but empty"),
        (vec![(passphrase, "two\nlines")], 3, "SNOW_STORE_PASSPHRASE is not a valid passphrase"),
        (vec![(file, empty)], 3, "it is empty"),
        (vec![(file, "/nonexistent/CANARY")], 3, "could not read the file from SNOW_STORE_PASSPHRASE_FILE"),
        (vec![(identity, "/nonexistent/CANARY")], 3, "could not read the file from SNOW_STORE_IDENTITY"),
        (vec![(identity, public)], 3, "line 1 is a public key"),
        (vec![(identity, empty)], 3, "it contains no identity"),
        (vec![(identity, "/dev/zero")], 3, "does not contain a valid identity"),
    ] {
        let mut world = world();
        for (name, value) in &variables {
            world.set(name, value);
        }
        let outcome = connect(&mut world, "acme", "https://acme.example", "--no-test --json").expect(code);
        outcome.says(&[words]);
        assert!(!outcome.stdout.contains("CANARY"), "{}", outcome.stdout);
        assert!(!file_in(world.home()).exists() && world.config().is_empty(), "{variables:?}");
    }
}

#[test]
fn a_person_chooses_the_passphrase_twice_and_is_then_asked_once() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = world();
    let line = format!("connect {} --name acme --username beth.anglin", sandbox.origin());
    let [new, again, password] = [PASSPHRASE, PASSPHRASE, "sandbox-beth"].map(Answer::Secret);
    let outcome = world.person([new, again, password]).run(&line).expect(0);
    outcome.says(&["New file", "secrets.age", "The password is in the encrypted file"]);
    world.person([Answer::Secret(PASSPHRASE)]).run("test acme").expect(0);
    let line = line.replace("acme", "beta");
    world.person([PASSPHRASE, "sandbox-beth"].map(Answer::Secret)).run(&line).expect(0);
    // Once for all connections.
    world.person([Answer::Secret(PASSPHRASE)]).run("test --all").expect(0);
    let outcome = world.person([ANOTHER, ANOTHER, PASSPHRASE].map(Answer::Secret)).run("test --all").expect(0);
    outcome.says(&["does not open with this passphrase. Try again"]);
    let outcome = world.person([Answer::Secret(ANOTHER), Answer::Cancels]).run("test --all").expect(130);
    outcome.says(&["Cancelled. Nothing was changed."]);
    // No question is asked if it is forbidden.
    world.person([]).run("test acme --no-input --json").expect(9).says(&["store-locked"]);
}

#[test]
fn a_short_passphrase_makes_no_file_and_opens_the_one_that_it_made_before() {
    let mut world = World::new();
    world.set("SNOW_STORE", "file").set("SNOW_STORE_PASSPHRASE", "7 chars");
    let line = "connect https://acme.example --name x --username u --password-stdin --no-test --json";
    let outcome = world.stdin("sandbox-beth").run(line).expect(3);
    assert_eq!(outcome.error_code(), "invalid-secret");
    outcome.says(&["SNOW_STORE_PASSPHRASE", "at least 8 characters"]);
    assert!(!file_in(world.home()).exists());
    // A file of an earlier version.
    let mut recipient = scrypt::Recipient::new(SecretString::from("7 chars"));
    recipient.set_work_factor(10);
    let sealed = age::encrypt(&recipient, b"{\"v\":1,\"records\":{}}").unwrap();
    fs::create_dir_all(file_in(world.home()).parent().unwrap()).unwrap();
    fs::write(file_in(world.home()), sealed).unwrap();
    world.stdin("sandbox-beth").run(line).expect(0);
}

#[test]
fn two_different_new_passphrases_make_no_file() {
    let mut world = world();
    let line = "connect https://acme.example --username u --no-test";
    let pairs = [PASSPHRASE, ANOTHER].repeat(5).into_iter().chain(["7 chars"]).map(Answer::Secret);
    let outcome = world.person(pairs.chain([Answer::Cancels])).run(line).expect(130);
    outcome.says(&["The passphrases differ. Try again", "at least 8 characters", "Cancelled. Nothing was changed."]);
    assert!(!file_in(world.home()).exists());
    let answers = [PASSPHRASE, ANOTHER, PASSPHRASE, PASSPHRASE, "sandbox-beth"].map(Answer::Secret);
    world.person(answers).run(line).expect(0);
    assert!(file_in(world.home()).is_file());
}

#[test]
fn reading_where_there_is_no_file_asks_for_nothing() {
    let mut world = unlocked_world();
    connect(&mut world, "acme", "https://acme.example", "--no-test").expect(0);
    fs::remove_file(file_in(world.home())).unwrap();
    world.unset("SNOW_STORE_PASSPHRASE");
    let outcome = world.person([]).run("test acme --json").expect(4);
    assert_eq!(outcome.error_code(), "no-credential");
    world.person([Answer::Confirm(true)]).run("remove acme").expect(0);
    assert!(!file_in(world.home()).exists());
}

#[test]
fn on_a_terminal_the_passphrase_is_not_shown() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let home = tempfile::tempdir().unwrap();
    let command = |words: &[&str]| {
        let mut command = snow(home.path());
        command.args(words);
        command
    };
    let origin = sandbox.origin();
    let words = ["connect", &origin, "--name", "acme", "--username", "beth.anglin", "--store", "file"];
    let mut terminal = Terminal::start(home.path(), &command(&words));
    for (question, answer) in [
        ("? New passphrase for the encrypted file (not shown) ", PASSPHRASE),
        ("? Repeat the passphrase (not shown) ", PASSPHRASE),
        ("? Password of beth.anglin (not shown) ", "sandbox-beth"),
    ] {
        terminal.wait_for(question);
        assert!(!terminal.shows_keys());
        terminal.send(&format!("{answer}\r"));
    }
    terminal.wait_for("The password is in the encrypted file");
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains(PASSPHRASE), "{screen}");
    let mut terminal = Terminal::start(home.path(), &command(&["test", "acme"]));
    terminal.wait_for("? Passphrase of the encrypted file (not shown) ");
    terminal.send(&format!("{PASSPHRASE}\r"));
    assert_eq!(terminal.end().0, 0);
    // Stopping is stopping, with nothing said about the connection.
    let mut terminal = Terminal::start(home.path(), &command(&["test", "acme"]));
    terminal.wait_for("? Passphrase of the encrypted file (not shown) ");
    terminal.send("half\u{3}");
    assert_eq!(terminal.end().0, 130);
}

#[test]
fn an_identity_opens_the_file_and_another_one_does_not() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let keys = outside();
    let [mine, other] = ["mine", "other"].map(|name| keys.path().join(name));
    identity(&mine);
    identity(&other);
    let mut world = world();
    world.set("SNOW_STORE_IDENTITY", mine.to_str().unwrap());
    connect(&mut world, "acme", &sandbox.origin(), "").expect(0);
    world.run("test acme").expect(0);
    let before = fs::read(file_in(world.home())).unwrap();
    for (variable, value, words) in [
        ("SNOW_STORE_IDENTITY", other.to_str().unwrap(), "not encrypted to the identity in"),
        ("SNOW_STORE_PASSPHRASE", PASSPHRASE, "a passphrase was given"),
        ("SNOW_STORE", "file", "none was given"),
    ] {
        world.unset("SNOW_STORE_IDENTITY").unset("SNOW_STORE_PASSPHRASE").set(variable, value);
        // A person has no passphrase to give, and is not asked for one.
        for line in ["test acme --json", "logout acme --json --yes"] {
            let outcome = world.person([]).run(line).expect(9);
            outcome.says(&["store-locked", words, "Set SNOW_STORE_IDENTITY to the"]);
        }
    }
    assert_eq!(fs::read(file_in(world.home())).unwrap(), before);
}

#[test]
fn a_file_with_a_passphrase_is_not_taken_over_by_an_identity() {
    let keys = outside();
    identity(&keys.path().join("key"));
    let mut world = unlocked_world();
    connect(&mut world, "acme", "https://acme.example", "--no-test").expect(0);
    world.unset("SNOW_STORE_PASSPHRASE").set("SNOW_STORE_IDENTITY", keys.path().join("key").to_str().unwrap());
    let outcome = connect(&mut world, "beta", "https://beta.example", "--no-test --json").expect(9);
    outcome.says(&["store-locked", "It is encrypted with a passphrase", "Unset SNOW_STORE_IDENTITY"]);
}

// ---- the age command ----

/// `age` with a passphrase, which it takes from a terminal alone.
fn age_asks(command: &Command, home: &Path, questions: &[&str]) {
    let mut terminal = Terminal::start(home, command);
    for question in questions {
        terminal.wait_for(question);
        terminal.send(&format!("{PASSPHRASE}\r"));
    }
    let (code, screen) = terminal.end();
    assert_eq!(code, 0, "{screen}");
}

fn has_password(content: &Value, id: &Value) -> bool {
    let account = format!("{}/password", id.as_str().unwrap());
    let record: Value = serde_json::from_str(content["records"][account].as_str().unwrap()).unwrap();
    content["v"] == 1 && record["v"] == 1 && record["password"] == "sandbox-beth"
}

#[test]
fn age_opens_our_file_with_an_identity_and_we_open_its_own_binary_or_armoured() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let keys = outside();
    let key = keys.path().join("key");
    let public = identity(&key);
    let mut world = world();
    world.set("SNOW_STORE_IDENTITY", key.to_str().unwrap());
    connect(&mut world, "acme", &sandbox.origin(), "").expect(0);
    let file = file_in(world.home());
    let id = world.run("show acme --json").expect(0).json()["connection"]["id"].clone();
    let content = decrypted(&file, &key);
    assert!(has_password(&content, &id), "{id}");
    for armour in [&[][..], &["-a"]] {
        let mut age = tool("age");
        age.args(armour).args(["-r", &public, "-o"]).arg(&file);
        finish(age, content.to_string().as_bytes()).expect(0);
        let is_armoured = fs::read(&file).unwrap().starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----");
        assert_eq!(is_armoured, !armour.is_empty());
        world.run("test acme").expect(0);
    }
    // What we write is binary, and keeps what was there.
    connect(&mut world, "beta", "https://beta.example", "--no-test").expect(0);
    assert!(fs::read(&file).unwrap().starts_with(b"age-encryption.org/v1\n-> X25519 "));
    world.run("test acme").expect(0);
}

#[test]
fn age_opens_our_file_with_the_passphrase_and_we_open_its_own() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let place = outside();
    let (plain, home) = (place.path().join("plain"), outside());
    let mut world = unlocked_world();
    connect(&mut world, "acme", &sandbox.origin(), "").expect(0);
    let file = file_in(world.home());
    let id = world.run("show acme --json").expect(0).json()["connection"]["id"].clone();
    let mut age = tool("age");
    age.arg("-d").arg("-o").arg(&plain).arg(&file);
    age_asks(&age, home.path(), &["Enter passphrase"]);
    let content: Value = serde_json::from_slice(&fs::read(&plain).unwrap()).unwrap();
    assert!(has_password(&content, &id));

    fs::remove_file(&file).unwrap();
    let mut age = tool("age");
    age.arg("-p").arg("-o").arg(&file).arg(&plain);
    age_asks(&age, home.path(), &["Enter passphrase", "Confirm passphrase"]);
    assert!(fs::read(&file).unwrap().starts_with(b"age-encryption.org/v1\n-> scrypt "));
    world.run("test acme").expect(0);
    connect(&mut world, "beta", "https://beta.example", "--no-test").expect(0);
    world.run("test acme").expect(0);
}

/// A change is in place before the disk has it. Until then the former file is kept.
#[test]
fn a_power_cut_in_a_change_leaves_the_file_from_before_it() {
    let sandbox = Sandbox::start(None, None).unwrap();
    for damage in [0, 40, 300] {
        let mut world = unlocked_world();
        connect(&mut world, "acme", &sandbox.origin(), "").expect(0);
        let path = file_in(world.home());
        let former = path.with_file_name("secrets.age.former");
        assert!(!former.exists());

        let whole = fs::read(&path).unwrap();
        fs::write(&former, &whole).unwrap();
        fs::write(&path, &whole[..damage]).unwrap();
        world.run("test acme").expect(0);
        connect(&mut world, "other", &sandbox.origin(), "").expect(0);
        world.run("test acme other").expect(0);
        assert!(!former.exists(), "the change is whole");

        // After a kill the change is there, and what was before it is not used.
        fs::write(&former, &whole).unwrap();
        world.run("test acme other").expect(0);
        world.run("remove other --yes").expect(0);
        world.run("test acme").expect(0);
        assert!(!former.exists());
    }
}
