//! Choosing, changing, seeing where one stands.

use std::fs;

use serde_json::Value;
use snow_connect::sandbox::Sandbox;

use crate::world::World;

fn two_connections() -> (Sandbox, World) {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("one", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    world.connect("two", &sandbox.origin(), "admin", "sandbox-admin");
    (sandbox, world)
}

#[track_caller]
fn selected(world: &mut World) -> (String, String) {
    let document = world.run("status --json").expect(0).json();
    let text = |key: &str| document[key].as_str().unwrap_or("").to_owned();
    (text("selected"), text("selected_by"))
}

fn pair(name: &str, by: &str) -> (String, String) {
    (name.to_owned(), by.to_owned())
}

#[test]
fn the_order_of_selection_holds_and_is_told() {
    let (_sandbox, mut world) = two_connections();
    assert_eq!(selected(&mut world), pair("one", "default"));
    world.run("use two").expect(0);
    assert_eq!(selected(&mut world), pair("two", "default"));
    world.run("use one --here").expect(0);
    assert_eq!(selected(&mut world), pair("one", "directory"));
    let outcome = world.run("test").expect(0);
    outcome.says(&["Using one, which", ".snow.toml names"]);
    world.set("SNOW_INSTANCE", "http://127.0.0.1:9").set("SNOW_USERNAME", "u").set("SNOW_PASSWORD", "p");
    assert_eq!(selected(&mut world), pair("environment", "environment"));
    world.set("SNOW_CONNECTION", "two");
    assert_eq!(selected(&mut world), pair("two", "variable"));
    let outcome = world.run("test").expect(0);
    outcome.says(&["Using two, which SNOW_CONNECTION names"]);
    assert_eq!(world.run("status one --json").json()["selected_by"], "argument");
    assert_eq!(world.run("-c one status --json").json()["selected"], "one");
    world.run("-c one status two").expect(2);
    world.set("SNOW_CONNECTION", "");
    assert_eq!(world.run("test --json").expect(3).error_code(), "unknown-connection");
}

#[test]
fn a_directory_file_is_found_up_to_the_repository_and_no_further() {
    let (_sandbox, mut world) = two_connections();
    let project = world.home().join("src/project");
    let deep = project.join("a/b");
    fs::create_dir_all(&deep).unwrap();
    fs::create_dir(project.join(".git")).unwrap();
    // Above the repository it does not count.
    fs::write(world.home().join("src/.snow.toml"), "connection = \"two\"\n").unwrap();
    world.directory = deep.clone();
    assert_eq!(selected(&mut world), pair("one", "default"));
    fs::write(project.join(".snow.toml"), "connection = \"two\"\n").unwrap();
    assert_eq!(selected(&mut world), pair("two", "directory"));
    // Outside a repository the home directory is the end.
    let plain = world.home().join("src/notes/x");
    fs::create_dir_all(&plain).unwrap();
    world.directory = plain;
    assert_eq!(selected(&mut world), pair("two", "directory"));
    // Outside both, this directory alone.
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join(".snow.toml"), "connection = \"two\"\n").unwrap();
    world.directory = elsewhere.path().to_owned();
    assert_eq!(selected(&mut world), pair("two", "directory"));
    let below = elsewhere.path().join("below");
    fs::create_dir(&below).unwrap();
    world.directory = below;
    assert_eq!(selected(&mut world), pair("one", "default"));
}

#[test]
fn a_directory_file_chooses_a_name_and_can_do_nothing_else() {
    let (sandbox, mut world) = two_connections();
    let file = world.home().join(".snow.toml");
    // F15
    for content in [
        "connection = \"two\"\ninstance = \"https://evil.example\"\n",
        "proxy = \"http://evil.example:1\"\n",
        "connection = 1\n",
        "connection = \"../x\"\n",
        "connection = \n",
        "\u{1}",
        "",
    ] {
        fs::write(&file, content).unwrap();
        let before = sandbox.requests();
        let outcome = world.run("test --json").expect(3);
        assert_eq!(outcome.error_code(), "config-invalid", "{content:?}");
        assert_eq!(sandbox.requests(), before);
        // What is spelt out needs no directory.
        world.run("test two").expect(0);
    }
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(world.run("test --json").expect(3).error_code(), "config-invalid");
    // A file of the usual name without the dot is nobody's.
    fs::remove_dir(&file).unwrap();
    fs::write(world.home().join("snow.toml"), "connection = \"two\"\n").unwrap();
    assert_eq!(selected(&mut world), pair("one", "default"));
}

#[test]
fn what_a_directory_chose_is_not_changed_without_its_name() {
    let (_sandbox, mut world) = two_connections();
    world.run("use two --here").expect(0);
    for line in ["login --password-stdin --json", "logout --json --yes"] {
        let outcome = world.stdin("sandbox-admin").run(line).expect(2);
        outcome.says(&["needs the name", "two"]);
    }
    world.stdin("sandbox-admin").run("login two --password-stdin").expect(0);
    world.run("logout two --yes").expect(0);
}

#[test]
fn a_new_name_keeps_id_secret_and_default() {
    let (_sandbox, mut world) = two_connections();
    let before = world.run("show one --json").json()["connection"].clone();
    let after = world.run("rename one Prime --json").expect(0).json()["connection"].clone();
    assert_eq!(after["id"], before["id"]);
    assert_eq!(after["name"], "prime");
    assert_eq!(after["revision"], 2);
    assert_eq!(after["default"], true);
    world.run("test prime").expect(0);
    assert_eq!(world.run("test one --json").expect(3).error_code(), "unknown-connection");
    assert_eq!(world.run("rename prime two --json").expect(3).error_code(), "connection-exists");
    assert_eq!(world.run("rename none x --json").expect(3).error_code(), "unknown-connection");
}

#[test]
fn an_edit_changes_what_it_says_and_a_wrong_revision_changes_nothing() {
    let (_sandbox, mut world) = two_connections();
    let line = "edit one --set tables=incident,sys_user --set labels.env=dev --set description=x --json";
    let connection = world.run(line).expect(0).json()["connection"].clone();
    assert_eq!(connection["revision"], 2);
    assert_eq!(connection["tables"], serde_json::json!(["incident", "sys_user"]));
    assert_eq!(connection["labels"]["env"], "dev");
    world.run("test one").expect(0);

    let before = world.config();
    let outcome = world.run("edit one --set description=y --if-match 1 --json").expect(3);
    assert_eq!(outcome.error_code(), "revision-conflict");
    for line in [
        "edit one --set id=x",
        "edit one --set store=keyring",
        "edit one --set nonsense=1",
        "edit one --set tables=a-b",
        "edit one --set username=a:b",
        "edit one --unset instance",
        "edit one --set proxy=http://u:p@x:1",
        "edit one",
    ] {
        world.run(line).expect(2);
    }
    assert_eq!(world.config(), before);

    let connection = world.run("edit one --unset tables --unset labels.env --if-match 2 --json").expect(0).json();
    assert_eq!(connection["connection"]["tables"], serde_json::json!([]));
    // Nothing changed, so the revision stays.
    let connection = world.run("edit one --unset tables --json").expect(0).json();
    assert_eq!(connection["connection"]["revision"], 3);
}

#[test]
fn an_edit_of_the_destination_keeps_the_password_back() {
    let (_sandbox, mut world) = two_connections();
    let evil = Sandbox::start(None, None).unwrap();
    let outcome = world.run(&format!("edit one --set instance={}", evil.origin())).expect(0);
    outcome.says(&["snow login one"]);
    assert_eq!(world.run("test one --json").expect(9).error_code(), "origin-mismatch");
    assert_eq!(evil.requests(), 0);
    world.stdin("sandbox-beth").run("login one --password-stdin").expect(0);
    world.run("test one").expect(0);
}

#[test]
fn snow_alone_says_where_one_stands() {
    let mut world = World::new();
    world.run("").expect(0).says(&["No connection yet", "snow demo", "snow connect"]);
    assert_eq!(world.run("--json").json()["selected"], Value::Null);
    let (_sandbox, mut world) = two_connections();
    let outcome = world.run("").expect(0);
    outcome.says(&["one", "the default", "beth.anglin", "worked just now", "snow test"]);
    assert!(outcome.stdout.lines().count() <= 5);
    assert_eq!(outcome.stderr, "");
}

#[test]
fn a_link_in_a_repository_leads_nothing_astray() {
    let (_sandbox, mut world) = two_connections();
    let victim = world.home().join("victim");
    fs::write(&victim, "precious").unwrap();
    std::os::unix::fs::symlink(&victim, world.home().join(".snow.toml")).unwrap();
    assert_eq!(world.run("use one --here --json").expect(3).error_code(), "config-invalid");
    assert_eq!(world.run("test --json").expect(3).error_code(), "config-invalid");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
}

#[test]
fn a_password_stays_with_its_user() {
    let (sandbox, mut world) = two_connections();
    world.run("edit one --set username=admin").expect(0).says(&["snow login one"]);
    let before = sandbox.requests();
    assert_eq!(world.run("test one --json").expect(9).error_code(), "origin-mismatch");
    assert_eq!(sandbox.requests(), before);
    // The instance ignores case, and so does the connection.
    world.run("edit one --set username=Beth.ANGLIN").expect(0);
    world.run("test one").expect(0);
}

#[test]
fn signing_out_and_in_shows_in_the_status() {
    let (_sandbox, mut world) = two_connections();
    world.run("logout one --yes").expect(0);
    world.run("status one").expect(0).says(&["no-credential", "snow login one"]);
    world.stdin("sandbox-beth").run("login one --password-stdin").expect(0);
    world.run("status one").expect(0).says(&["worked just now", "snow test one"]);
}

#[test]
fn a_flag_of_one_command_is_no_health_of_the_connection() {
    let (_sandbox, mut world) = two_connections();
    assert_eq!(world.run("test one --ca-cert /no/such.pem --json").expect(3).error_code(), "ca-cert-invalid");
    world.run("test one --table nope").expect(10);
    world.run("status one").expect(0).says(&["worked just now"]);
    world.run("edit one --set ca_cert=/no/such.pem").expect(3);
    world.run("list -c one").expect(2);
}
