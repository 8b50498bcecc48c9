//! `snow doctor`: what it sees of a machine, and what it gives away of it.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::Value;
use snow_connect::base::secret::Secret;
use snow_connect::sandbox::Sandbox;
use snow_connect::store::{Field, ItemKey};

use crate::oauth::free_port;
use crate::world::items;
use crate::world::keyring::Session;
use crate::world::process::{finish, program, snow};
use crate::world::tls::Authority;
use crate::world::{Outcome, World, block_on};

const ID: &str = "0f4c2f0e-7a58-4a51-9a3c-0d7b5f1f2f11";
/// A saved password of these tests, with something to escape in it.
const SAVED: &str = "Säved/pass \"9+&";

/// A world with one saved connection, its password in the store, and these
/// lines in its entry.
fn saved(lines: &str) -> World {
    let world = World::new();
    world.write_config(format!(
        "default = \"acme\"\n\n[connections.acme]\nid = \"{ID}\"\ninstance = \"https://acme.example\"\n\
         auth = \"basic\"\nusername = \"beth.anglin\"\n{lines}"
    ));
    private(&world);
    put(&world, items::PASSWORD, "password", SAVED);
    world
}

/// As `snow` makes them.
fn private(world: &World) {
    set_mode(&world.config_path(), 0o600);
    set_mode(world.config_path().parent().unwrap(), 0o700);
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn put(world: &World, field: Field, key: &str, secret: &str) {
    let record = serde_json::json!({ "v": 1, "origins": { "instance": "https://acme.example" }, key: secret });
    let record = Secret::derived(record.to_string()).unwrap();
    block_on(world.store.write(ItemKey::new(ID.parse().unwrap(), field), &record)).unwrap();
}

/// The checks of this id.
#[track_caller]
fn checks(outcome: &Outcome, id: &str) -> Vec<Value> {
    let document = outcome.json();
    assert_eq!(document["schema"], "snow.doctor/1");
    let checks = document["checks"].as_array().unwrap();
    checks.iter().filter(|check| check["id"] == id).cloned().collect()
}

/// The one check of this id, which must have this status.
#[track_caller]
fn check(outcome: &Outcome, id: &str, status: &str) -> Value {
    let mut found = checks(outcome, id);
    assert_eq!(found.len(), 1, "{id}: {}", outcome.stdout);
    assert_eq!(found[0]["status"], status, "{}", found[0]);
    found.remove(0)
}

#[track_caller]
fn holds(value: &Value, words: &str) {
    assert!(value.to_string().contains(words), "{words:?} is not in {value}");
}

#[test]
fn a_machine_in_order_is_ready() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    let outcome = world.run("doctor --json").expect(0);
    for id in ["config.file", "config.permissions", "config.secrets", "store.ready", "store.items", "store.secrets"] {
        check(&outcome, id, "pass");
    }
    for id in ["state.directory", "state.locks", "browser.way", "network.proxy", "network.authorities", "path.snow"] {
        check(&outcome, id, "pass");
    }
    holds(&check(&outcome, "clock.time", "skip"), "not compared offline");
    assert_eq!(outcome.json()["ok"], true);
    assert_eq!(outcome.json()["bundle"], Value::Null);
    let text = world.run("doctor").expect(0).stdout;
    assert!(text.lines().next().unwrap().contains("this machine is ready"), "{text}");
    assert!(text.contains("✓ config     1 connection in"), "{text}");
}

#[test]
fn a_machine_without_anything_is_examined_and_left_as_it_is() {
    let mut world = World::new();
    let outcome = world.run("doctor --json").expect(0);
    holds(&check(&outcome, "config.file", "pass"), "no connection is saved yet");
    holds(&check(&outcome, "state.directory", "pass"), "will be created when needed");
    assert_eq!(std::fs::read_dir(world.home()).unwrap().count(), 0);
}

#[test]
fn no_instance_and_no_proxy_is_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let mut world = saved(&format!("proxy = \"{origin}\"\n"));
    world.write_config(world.config().replace("https://acme.example", &origin));
    world.set("HTTPS_PROXY", &origin);
    let bundle = world.home().join("bundle");
    world.run(&format!("doctor --bundle {}", bundle.display()));
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

// ---- files ----

#[cfg(unix)]
#[test]
fn a_directory_and_a_file_that_others_can_use_are_warnings_with_the_line_to_type() {
    let mut world = saved("");
    let directory = world.config_path().parent().unwrap().to_owned();
    set_mode(&directory, 0o777);
    set_mode(&world.config_path(), 0o644);
    let outcome = world.run("doctor --json").expect(0);
    let found = checks(&outcome, "config.permissions");
    holds(&found[0], "can be changed by other users");
    holds(&found[0], &format!("chmod 700 {}", directory.display()));
    holds(&found[1], "can be read by other users");
    holds(&found[1], &format!("chmod 600 {}", world.config_path().display()));
    assert!(found.iter().all(|check| check["status"] == "warn"));
    assert_eq!(outcome.json()["ok"], true);
    // A command that does something else needs no word about it.
    assert_eq!(world.run("list").expect(0).stderr, "");
}

#[test]
fn a_secret_written_into_the_connections_file_is_a_failure_that_does_not_repeat_it() {
    let mut world = saved("password = \"planted-in-the-file\"\n\n# client_secret = \"planted-in-the-file\"\n");
    let outcome = world.run("doctor --json").expect(3);
    let check = check(&outcome, "config.secrets", "fail");
    assert_eq!(check["code"], "secret-in-file");
    holds(&check, "connections.acme.password in line 8");
    holds(&check, "client_secret in line 10, in a comment");
    let text = world.run("doctor").expect(3);
    text.says(&["config.toml:8 seems to hold a secret", "snow explain secret-in-file"]);
    assert!(!format!("{}{}", outcome.stdout, text.stdout).contains("planted"), "{}", text.stdout);
    world.run("list").expect(0);
}

#[test]
fn a_file_that_cannot_be_read_does_not_keep_the_rest_from_being_examined() {
    let mut world = saved("tables = 7\n");
    let outcome = world.run("doctor --json").expect(3);
    assert_eq!(check(&outcome, "config.file", "fail")["code"], "config-invalid");
    check(&outcome, "store.ready", "pass");
    holds(&check(&outcome, "store.items", "skip"), "unknown while the connections file");
    // With no home at all there is not even a place for it.
    world.set_home(None);
    let outcome = world.run("doctor --json").expect(3);
    assert_eq!(check(&outcome, "config.file", "fail")["code"], "config-unwritable");
    check(&outcome, "store.ready", "pass");
}

#[test]
fn a_state_directory_that_cannot_be_written_is_a_failure() {
    let mut world = saved("");
    let file = world.home().join("file");
    std::fs::write(&file, "").unwrap();
    world.set("SNOW_STATE_DIR", &file.join("state").display().to_string());
    let outcome = world.run("doctor --json").expect(3);
    let check = check(&outcome, "state.directory", "fail");
    assert_eq!(check["code"], "config-unwritable");
    holds(&check, "SNOW_STATE_DIR");
}

#[test]
fn a_lock_that_another_holds_is_mentioned() {
    let mut world = saved("");
    world.run("use acme").expect(0);
    let lock = world.home().join(".local/state/snow/locks/config.lock");
    let held = std::fs::File::open(lock).unwrap();
    held.lock().unwrap();
    let found = checks(&world.run("doctor --json").expect(0), "state.locks");
    holds(&found[1], "another snow is changing the connections");
    held.unlock().unwrap();
    assert_eq!(checks(&world.run("doctor --json").expect(0), "state.locks").len(), 1);
}

// ---- what chooses a connection ----

#[test]
fn variables_that_hide_the_saved_connections_are_a_warning_and_incomplete_ones_a_failure() {
    let mut world = saved("");
    world.set("SNOW_INSTANCE", "other").set("SNOW_USERNAME", "beth");
    let outcome = world.run("doctor --json").expect(3);
    assert_eq!(check(&outcome, "environment.login", "fail")["code"], "environment-incomplete");
    world.set("SNOW_PASSWORD", "secret-of-a-variable");
    let outcome = world.run("doctor --json").expect(0);
    let hidden = check(&outcome, "environment.login", "warn");
    holds(&hidden, "SNOW_INSTANCE, SNOW_USERNAME, SNOW_PASSWORD are set, and hide the saved connections");
    assert!(!outcome.stdout.contains("secret-of-a-variable"));
    // What SNOW_CONNECTION names goes before.
    world.set("SNOW_CONNECTION", "acme");
    let outcome = world.run("doctor --json").expect(0);
    check(&outcome, "environment.login", "pass");
    check(&outcome, "environment.connection", "pass");
}

#[test]
fn a_variable_that_names_no_connection_is_a_failure() {
    let mut world = saved("");
    world.set("SNOW_CONNECTION", "gone");
    let outcome = world.run("doctor --json").expect(3);
    assert_eq!(check(&outcome, "environment.connection", "fail")["code"], "unknown-connection");
}

#[test]
fn a_directory_that_chooses_what_is_gone_is_a_warning() {
    let mut world = saved("");
    world.run("use acme --here").expect(0);
    check(&world.run("doctor --json").expect(0), "directory.choice", "pass");
    world.write_config(world.config().replace("acme", "other"));
    let outcome = world.run("doctor --json").expect(0);
    let dangling = check(&outcome, "directory.choice", "warn");
    holds(&dangling, "names acme, which is not saved");
    holds(&dangling, "snow use NAME --here");
    std::fs::write(world.home().join(".snow.toml"), "x = 1").unwrap();
    check(&world.run("doctor --json").expect(3), "directory.choice", "fail");
}

#[test]
fn a_rename_says_that_this_directory_still_has_the_old_name() {
    let mut world = saved("");
    world.run("use acme --here").expect(0);
    let outcome = world.run("rename acme prime").expect(0);
    outcome.says(&[".snow.toml still names acme", "snow use prime --here"]);
    world.run("use prime --here").expect(0);
    let outcome = world.run("rename prime third --json").expect(0);
    assert_eq!(outcome.json()["schema"], "snow.connection/1");
    outcome.says(&["still names prime"]);
    // It is another one's file by now.
    assert_eq!(world.run("rename third fourth").expect(0).stderr, "");
}

// ---- stores ----

#[test]
fn a_connection_without_its_secret_is_a_warning_with_the_way_out() {
    let mut world = saved("");
    world.run("logout acme --local --yes").expect(0);
    let outcome = world.run("doctor --json").expect(0);
    let missing = check(&outcome, "store.secrets", "warn");
    assert_eq!((&missing["code"], &missing["target"]), (&"no-credential".into(), &"acme".into()));
    holds(&missing, "snow login acme");
}

#[cfg(target_os = "linux")]
#[test]
fn an_item_that_no_connection_names_is_found_in_the_real_keyring_and_its_line_deletes_it() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut session = Session::new();
    for name in ["one", "two"] {
        let line = format!("connect {} --name {name} --username beth.anglin --password-stdin", sandbox.origin());
        session.run(&line, "sandbox-beth").expect(0);
    }
    check(&session.run("doctor --json", "").expect(0), "store.items", "pass");
    // Deleted by hand.
    let config = session.config();
    let second = config.find("[connections.two]").unwrap();
    std::fs::write(session.home().join(".config/snow/config.toml"), &config[..second]).unwrap();
    let outcome = session.run("doctor --json", "").expect(0);
    let orphan = check(&outcome, "store.items", "warn");
    holds(&orphan, "1 item in the keyring belongs to no connection");
    let (_, command) = orphan["next"][0].as_str().unwrap().split_once("secret-tool ").unwrap();
    let words: Vec<&str> = command.split(' ').collect();
    session.secret_tool(&words, "").expect(0);
    check(&session.run("doctor --json", "").expect(0), "store.items", "pass");
    session.run("test one", "").expect(0);
    // What another program filed there is not repeated as a command.
    session.secret_tool(&["store", "--label", "x", "service", "snow", "username", "$(x)"], "y").expect(0);
    let outcome = session.run("doctor --json", "").expect(0);
    holds(&check(&outcome, "store.items", "warn"), "not one of snow's");
    assert!(!outcome.stdout.contains("$(x)"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_locked_keyring_is_a_failure_and_is_not_asked_to_open() {
    let mut session = Session::new();
    session.run("doctor", "").expect(0);
    session.start_locked_keyring();
    // With a display the keyring would show its question there, and wait.
    session.set("DISPLAY", ":99").set("SNOW_KEYRING_TIMEOUT", "5s");
    let outcome = session.run("doctor --json", "").expect(9);
    let locked = check(&outcome, "store.ready", "fail");
    assert_eq!(locked["code"], "keyring-locked");
    holds(&locked, "does not prompt");
    assert!(checks(&outcome, "store.secrets").is_empty());
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_keyring_it_says_so_and_a_bundle_says_whose_secrets_were_not_searched_for() {
    let mut session = Session::without_keyring();
    let config = session.home().join(".config/snow");
    std::fs::create_dir_all(&config).unwrap();
    let entry =
        |name: &str| format!("[connections.{name}]\ninstance = \"{name}\"\nauth = \"basic\"\nusername = \"x\"\n");
    std::fs::write(config.join("config.toml"), entry("one") + &entry("two")).unwrap();
    let outcome = session.run("doctor --json --bundle bundle.json", "").expect(9);
    assert_eq!(check(&outcome, "store.ready", "fail")["code"], "keyring-unavailable");
    let bundle: Value = serde_json::from_slice(&std::fs::read(session.home().join("bundle.json")).unwrap()).unwrap();
    for document in [&bundle["proof"], &outcome.json()["bundle"]] {
        let unchecked = document["not_searched_for"].as_array().unwrap();
        let names: Vec<&str> = unchecked.iter().map(|one| one["what"].as_str().unwrap()).collect();
        assert_eq!(names, ["one", "two"]);
        assert_eq!(document["secrets_searched_for"], 0);
    }
    let outcome = session.run("doctor --bundle other.json", "").expect(9);
    outcome.says(&["No secret could be read", "one: no keyring is available", "two: no keyring is available"]);
    // A machine whose variables describe the connection needs none.
    std::fs::remove_file(config.join("config.toml")).unwrap();
    session.set("SNOW_INSTANCE", "x").set("SNOW_USERNAME", "x").set("SNOW_PASSWORD", "secret-of-a-variable");
    check(&session.run("doctor --json", "").expect(0), "store.ready", "warn");
}

// ---- surroundings ----

#[cfg(target_os = "linux")]
#[test]
fn a_taken_port_is_a_warning_that_names_who_has_it() {
    let listener = TcpListener::bind(("127.0.0.1", free_port())).unwrap();
    let address = listener.local_addr().unwrap();
    let mut world = saved(&format!(
        "[connections.b]\ninstance = \"b\"\nauth = \"oauth\"\nclient_id = \"c\"\n\
         redirect_uri = \"http://{address}/callback\"\n"
    ));
    let port = |world: &mut World| {
        let found = checks(&world.run("doctor --json").expect(0), "callback.port");
        found.into_iter().find(|check| check["target"] == address.to_string()).expect("the port is looked at")
    };
    let taken = port(&mut world);
    assert_eq!((&taken["status"], &taken["code"]), (&"warn".into(), &"port-in-use".into()));
    holds(&taken, &format!("(process {})", std::process::id()));
    holds(&taken, "the browser returns to b");
    drop(listener);
    assert_eq!(port(&mut world)["status"], "pass");
}

#[test]
fn proxies_are_shown_without_their_users_and_with_what_goes_through_them() {
    let mut world = saved(
        "[connections.local]\ninstance = \"http://127.0.0.1:9\"\nauth = \"basic\"\nusername = \"x\"\n\
         [connections.own]\ninstance = \"own\"\nauth = \"basic\"\nusername = \"x\"\nproxy = \"http://own.example:1\"\n",
    );
    world.guard("proxy-CANARY");
    world.set("HTTPS_PROXY", "http://beth:proxy-CANARY@proxy.example:3128").set("NO_PROXY", "internal.example");
    let found = checks(&world.run("doctor --json").expect(0), "network.proxy");
    let messages: Vec<&str> = found.iter().map(|check| check["message"].as_str().unwrap()).collect();
    let expected = [
        "HTTPS_PROXY is http://proxy.example:3128, NO_PROXY is internal.example",
        "no proxy: local",
        "through http://own.example:1: own",
        "through http://proxy.example:3128: acme",
    ];
    assert_eq!(messages, expected);
}

#[test]
fn a_ca_file_that_is_gone_or_no_certificate_is_a_failure() {
    let place = tempfile::tempdir().unwrap();
    let ca = place.path().join("ca.pem");
    let mut world = saved(&format!("ca_cert = \"{}\"\n", ca.display()));
    let outcome = world.run("doctor --json").expect(3);
    let missing = check(&outcome, "network.ca-cert", "fail");
    assert_eq!((&missing["code"], &missing["target"]), (&"ca-cert-invalid".into(), &"acme".into()));
    holds(&missing, "snow edit acme --set ca_cert=FILE");
    Authority::new().save(&ca);
    check(&world.run("doctor --json").expect(0), "network.ca-cert", "pass");
    // Long after its end.
    world.clock = || chrono::DateTime::from_timestamp(95_617_584_000, 0).unwrap();
    holds(&check(&world.run("doctor --json").expect(0), "network.ca-cert", "warn"), "expired on");
}

#[test]
fn the_authorities_of_a_variable_are_looked_at() {
    let home = tempfile::tempdir().unwrap();
    let mut command = snow(home.path());
    command
        .args(["doctor", "--json"])
        .env("SSL_CERT_FILE", "/nonexistent/bundle.pem")
        .env("SSL_CERT_DIR", "/nonexistent");
    let outcome = finish(command, b"");
    let found = checks(&outcome, "network.authorities");
    holds(&found[0], "SSL_CERT_FILE: invalid CA file /nonexistent/bundle.pem: no such file");
    assert_eq!((&found[0]["status"], &found[1]["status"]), (&"fail".into(), &"warn".into()));
    holds(&found[2], "no certificate authority was found");
}

#[test]
fn a_clock_behind_the_last_test_is_a_warning() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    world.clock = || chrono::DateTime::from_timestamp(1_000_000_000, 0).unwrap();
    holds(&check(&world.run("doctor --json").expect(0), "clock.time", "warn"), "the clock is behind");
}

#[test]
fn the_way_to_a_browser_is_told_with_what_decides_it() {
    let mut world = saved("");
    holds(&check(&world.run("doctor --json"), "browser.way", "pass"), "opens nothing, since");
    world.set("SNOW_BROWSER", "no-such-browser --new");
    let outcome = world.run("doctor --json").expect(0);
    let missing = check(&outcome, "browser.way", "warn");
    holds(&missing, "SNOW_BROWSER is set");
    holds(&missing, "no-such-browser");
    world.set("CI", "1");
    holds(&check(&world.run("doctor --json"), "browser.way", "pass"), "CI forbids it");
}

#[cfg(unix)]
#[test]
fn snowflakes_program_is_recognised_and_not_started() {
    let home = tempfile::tempdir().unwrap();
    let (theirs, ours) = (home.path().join("theirs"), home.path().join("ours"));
    for directory in [&theirs, &ours] {
        std::fs::create_dir(directory).unwrap();
    }
    let script = "#!/bin/sh\ntouch \"$HOME/started\"\n# from snowflake.cli._app.__main__ import main\n";
    std::fs::write(theirs.join("snow"), script).unwrap();
    set_mode(&theirs.join("snow"), 0o755);
    std::os::unix::fs::symlink(program(), ours.join("snow")).unwrap();
    let look = |first: &Path, second: &Path| {
        let mut command = snow(home.path());
        command.args(["doctor", "--json"]).env("PATH", format!("{}:{}", first.display(), second.display()));
        finish(command, b"")
    };
    let outcome = look(&theirs, &ours);
    let check_of_path = check(&outcome, "path.snow", "warn");
    holds(&check_of_path, "theirs/snow (Snowflake's command-line tool)");
    holds(&check_of_path, "alias sncon=");
    holds(&check(&look(&ours, &theirs), "path.snow", "pass"), "comes later on the PATH");
    holds(&check(&look(&ours, &ours), "path.snow", "pass"), "ours/snow");
    assert!(!home.path().join("started").exists());
}

// ---- the bundle ----

fn bundle_of(world: &mut World) -> (Outcome, PathBuf) {
    let path = world.home().join("bundle.json");
    let outcome = world.run(&format!("doctor --bundle {}", path.display()));
    (outcome, path)
}

#[test]
fn a_bundle_has_what_support_needs_and_neither_users_nor_clients() {
    let mut world = saved(
        "description = \"the sandbox of HR\"\nlabels = { env = \"dev\" }\n\
         [connections.b]\ninstance = \"b\"\nauth = \"oauth\"\nclient_id = \"client-of-b\"\nusername = \"beth.anglin\"\n\
         token_url = \"https://login.example/token?tenant=hidden-tenant\"\n\
         [connections.c]\ninstance = \"c\"\nauth = \"basic\"\nusername = \"carl\"\n",
    );
    world.set("SNOW_LOG", "off").set("HTTPS_PROXY", "http://beth:proxy-CANARY@proxy.example:3128");
    world.guard("proxy-CANARY");
    let (outcome, path) = bundle_of(&mut world);
    outcome.expect(0).says(&["2 secrets were searched for in it", "Bundle written to"]);
    let text = std::fs::read_to_string(&path).unwrap();
    for absent in
        ["beth", "anglin", "carl", "client-of-b", "hidden-tenant", &world.home().display().to_string(), "Säved"]
    {
        assert!(!text.contains(absent), "{absent} is in {text}");
    }
    let bundle: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(bundle["schema"], "snow.bundle/1");
    holds(&bundle["about"], "Read it before you send it");
    let connections = &bundle["config"]["connections"];
    let users: Vec<&Value> = (0..3).map(|index| &connections[index]["username"]).collect();
    assert_eq!(users, ["user 1", "user 1", "user 2"]);
    assert_eq!(connections[0]["instance"], "https://acme.example");
    assert_eq!(connections[0]["description"], "the sandbox of HR");
    assert_eq!(connections[1]["client_id"], "client 1");
    assert_eq!(connections[1]["oauth"]["token_url"], "https://login.example/token");
    assert_eq!(bundle["variables"]["SNOW_LOG"], "off");
    assert_eq!(bundle["variables"]["HTTPS_PROXY"], "(set)");
    assert_eq!(bundle["doctor"]["checks"][0]["id"], "config.file");
    holds(&bundle["config"]["file"], "~/.config/snow/config.toml");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(bundle["config"]["mode"], "0600");
    }
}

#[test]
fn a_file_that_is_there_is_replaced_on_demand_alone() {
    let mut world = saved("");
    let path = world.home().join("bundle.json");
    std::fs::write(&path, "mine").unwrap();
    let line = format!("doctor --json --bundle {}", path.display());
    assert_eq!(world.run(&line).expect(3).error_code(), "bundle-unwritable");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    world.run(&format!("{line} --yes")).expect(0);
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("{\n  \"schema\": \"snow.bundle/1\""));
    // No directory is made for a name that was mistyped.
    world.run(&format!("doctor --bundle {}/no/such/x", world.home().display())).expect(3).says(&["no such directory"]);
}

/// As something that quotes it may have it.
fn encodings(secret: &str) -> Vec<String> {
    let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let json = serde_json::to_string(secret).unwrap();
    let units: String = secret.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut encodings = vec![secret.to_owned(), secret.to_uppercase().replace('Ä', "ä"), percent];
    encodings.extend([json[1..json.len() - 1].to_owned(), units, hex.to_uppercase(), hex]);
    for before in ["", "u", "us"] {
        encodings.push(STANDARD.encode(format!("{before}{secret}!!")));
        encodings.push(URL_SAFE.encode(format!("{before}{secret}!!")));
    }
    encodings
}

/// The bundle must be refused, naming the place and showing nothing of what
/// was planted.
#[track_caller]
fn refused(world: &mut World, place: &str, planted: &str) {
    let (outcome, path) = bundle_of(world);
    let outcome = outcome.expect(3);
    outcome.says(&["no bundle was written", place, "contains a saved secret", "secret-in-file"]);
    let heard = format!("{}{}", outcome.stdout, outcome.stderr);
    assert!(!heard.contains(planted) && !heard.contains(SAVED), "{planted}: {heard}");
    assert!(!path.exists(), "{planted}");
    // One document with --json, and it is the error.
    let line = format!("doctor --json --bundle {}", path.display());
    assert_eq!(world.run(&line).expect(3).error_code(), "secret-in-file");
}

#[test]
fn a_saved_secret_in_a_description_or_a_label_keeps_the_bundle_from_being_written() {
    for planted in encodings(SAVED) {
        let quoted = as_toml(&planted);
        refused(&mut saved(&format!("description = {quoted}\n")), "config.connections.acme.description", &planted);
        let mut world = saved(&format!("labels = {{ note = {quoted} }}\n"));
        refused(&mut world, "config.connections.acme.labels.note", &planted);
    }
    bundle_of(&mut saved("description = \"nothing of it\"\n")).0.expect(0);
}

#[test]
fn a_saved_secret_in_the_last_tests_keeps_the_bundle_from_being_written() {
    let with_code = |code: &str| {
        let world = saved("");
        let state = world.home().join(".local/state/snow");
        std::fs::create_dir_all(&state).unwrap();
        let test = serde_json::json!({ "at": "2026-11-21T21:04:00Z", "ok": false, "class": "auth", "code": code });
        std::fs::write(state.join("tests.json"), serde_json::json!({ "tests": { ID: test } }).to_string()).unwrap();
        world
    };
    let mut world = with_code("planted-in-the-code");
    put(&world, items::PASSWORD, "password", "planted-in-the-code");
    refused(&mut world, "last_test", "planted-in-the-code");
    // What is no word is no code, and not read.
    for planted in encodings(SAVED) {
        let mut world = with_code(&planted);
        let (outcome, path) = bundle_of(&mut world);
        outcome.expect(0);
        assert!(!std::fs::read_to_string(path).unwrap().contains(&planted), "{planted}");
    }
}

#[test]
fn every_kind_of_secret_is_searched_for_those_of_no_connection_included() {
    for (field, key) in [
        (items::CLIENT_SECRET, "client_secret"),
        (Field::SESSION, "access_token"),
        (Field::SESSION, "refresh_token"),
        (items::PASSWORD, "password"),
    ] {
        // The connection has another id, so the item is nobody's.
        let mut world = saved("description = \"about Another-Secret here\"\n");
        put(&world, field, key, "Another-Secret");
        world.write_config(world.config().replace(ID, "7d0f5c0e-0000-4000-8000-000000000001"));
        private(&world);
        refused(&mut world, "description", "Another-Secret");
    }
    let mut world = saved("description = \"about secret-of-a-variable here\"\n");
    world.set("SNOW_ACCESS_TOKEN", "secret-of-a-variable").set("SNOW_INSTANCE", "x");
    refused(&mut world, "description", "secret-of-a-variable");
}

#[test]
fn a_place_that_is_written_with_the_secret_is_not_repeated() {
    let mut world = saved("labels = { planted-key-9 = \"x\" }\n");
    put(&world, items::PASSWORD, "password", "planted-key-9");
    refused(&mut world, "a key of config.connections.acme.labels", "planted-key-9");
}

#[test]
fn a_secret_too_short_to_be_searched_for_is_named() {
    let mut world = saved("");
    put(&world, items::PASSWORD, "password", "abcde");
    let (outcome, path) = bundle_of(&mut world);
    outcome.expect(0).says(&["acme (password): it is too short to be told from other text", "look yourself"]);
    holds(&serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap(), "acme (password)");
}

/// As TOML quotes a text.
fn as_toml(text: &str) -> String {
    // JSON's escapes are TOML's, but for those of a slash.
    serde_json::to_string(text).unwrap()
}
