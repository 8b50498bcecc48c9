//! A connection that is disabled: nothing uses it.

use serde_json::{Value, json};
use snow_connect::Engine;
use snow_connect::base::variables::Variables;
use snow_connect::sandbox::Sandbox;

use crate::world::{Answer, Outcome, World, block_on};

const REQUEST: &str = r#"{"uri":"ORIGIN/"}"#;

/// `acme`, which is the default, and `second`, of one instance.
fn two() -> (Sandbox, World) {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    world.connect("second", &sandbox.origin(), "joe.employee", "sandbox-joe");
    (sandbox, world)
}

fn disabled() -> (Sandbox, World) {
    let (sandbox, mut world) = two();
    world.run("edit acme --set state=disabled").expect(0);
    (sandbox, world)
}

fn connection(world: &mut World, line: &str) -> Value {
    world.run(line).expect(0).json()["connection"].clone()
}

/// Standard input and the terminal are nobody's.
fn refused(world: &mut World, line: &str) -> Outcome {
    let outcome = world.run(line);
    let is_refused = outcome.code == 3 && outcome.stderr.contains("acme is disabled");
    assert!(is_refused, "snow {line}: {}\n{}\n{}", outcome.code, outcome.stdout, outcome.stderr);
    outcome.says(&["snow edit acme --set state=enabled"]);
    assert_eq!(outcome.stdout, "", "snow {line}");
    outcome
}

#[test]
fn nothing_uses_a_disabled_connection() {
    let (sandbox, mut world) = disabled();
    let origin = sandbox.origin();
    let (asked, saved) = (sandbox.requests(), world.config());
    for line in [
        "connect acme",
        "connect ORIGIN --username beth.anglin",
        "connect acme --description other --force --yes",
        "test acme",
        "test",
        "test second acme",
        "login acme --password-stdin",
        "logout acme --yes",
        "logout second acme --yes",
        "refresh acme",
        "token acme --format header",
        "token --format header",
        "exec acme -- false",
        "env acme --for curl",
        "env acme --for curl --reveal",
        "api table/incident",
        "-c acme api table/incident",
        "tables",
        "table incident",
        "query incident",
        "proxy acme --local-password-file HOME/password",
        "open acme",
        "open /",
        "app check",
        "app create --name fresh --grant client-credentials --user svc.ci",
        "use acme",
        "use acme --here",
    ] {
        world.stdin("sandbox-beth");
        let home = world.home().to_str().unwrap().to_owned();
        refused(&mut world, &line.replace("ORIGIN", &origin).replace("HOME", &home));
    }
    world.stdin(REQUEST.replace("ORIGIN", &origin));
    refused(&mut world, "-c acme credential get");
    world.set("SNOW_CONNECTION", "acme");
    refused(&mut world, "test");
    let error = world.run("test --json").expect(3).json()["error"].clone();
    assert_eq!(error["code"], "connection-disabled");
    assert_eq!((&error["class"], &error["retryable"]), (&json!("config"), &json!(false)));
    assert_eq!(error["steps"][0]["command"], "snow edit acme --set state=enabled");
    assert_eq!((sandbox.requests(), world.config()), (asked, saved));
}

#[test]
fn the_library_does_not_hand_out_a_disabled_connection() {
    let (_sandbox, world) = disabled();
    let none: [(&str, &str); 0] = [];
    let home = Some(world.home().to_owned());
    let engine = Engine::testing(Variables::new(none), home, Some(world.store.clone())).unwrap();
    assert_eq!(engine.connection("acme").unwrap_err().code().as_str(), "connection-disabled");
    block_on(engine.connection("second").unwrap().open()).unwrap();
}

#[test]
fn a_disabled_connection_can_be_looked_at_changed_and_enabled_again() {
    let (_sandbox, mut world) = disabled();
    for line in ["list", "status", "status acme", "show", "show acme", "export acme", "export", "doctor"] {
        world.run(line).expect(0);
    }
    assert_eq!(connection(&mut world, "edit acme --set description=x --json")["revision"], 3);
    assert_eq!(connection(&mut world, "rename acme acme-old --json")["state"], "disabled");
    let enabled = connection(&mut world, "edit acme-old --set state=enabled --json");
    assert_eq!((&enabled["state"], &enabled["revision"]), (&json!("enabled"), &json!(5)));
    assert!(!world.config().contains("state ="), "{}", world.config());
    world.run("test acme-old").expect(0);
    world.run("edit acme-old --set state=disabled").expect(0);
    assert_eq!(connection(&mut world, "edit acme-old --unset state --json")["state"], "enabled");
    world.run("test").expect(0);
    world.run("edit acme-old --set state=disabled").expect(0);
    world.run("remove acme-old --yes").expect(0);
}

#[test]
fn what_shows_connections_says_that_one_is_disabled() {
    let (_sandbox, mut world) = two();
    let outcome = world.run("edit acme --set state=disabled").expect(0);
    outcome.says(&["acme updated: state", "acme is the default", "snow use NAME"]);
    let plain = world.run("list").expect(0).stdout;
    let lines: Vec<Vec<&str>> = plain.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!((&lines[0][4..], lines[1][4]), (&["disabled", ""][..], "passed"));
    for (columns, word) in [(100, "disabled"), (80, "disabled"), (40, "off")] {
        world.columns = columns;
        let table = world.person([]).run("list").expect(0).stdout;
        let row = table.lines().find(|line| line.contains("acme")).unwrap();
        assert!(row.ends_with(word) && !row.contains('✓'), "{columns}\n{table}");
        assert!(table.contains("the default connection; disabled"), "{table}");
    }
    world.columns = 80;
    world.person([]).run("show acme").says(&["state disabled"]);
    world.person([]).run("show second").says(&["state enabled (default)"]);
    let status = world.person([]).run("status").expect(0);
    status.says(&["disabled", "snow edit acme --set state=enabled"]);
    assert!(!status.stdout.contains("worked"), "{}", status.stdout);
    assert_eq!(world.run("status --json").expect(0).json()["connection"]["state"], "disabled");
    let listed = world.run("list --json").expect(0).json();
    assert_eq!(listed["connections"][0]["state"], "disabled");
    assert_eq!(listed["connections"][1]["state"], "enabled");
    world.person([Answer::Pick("second")]).run("use").expect(0);
    assert!(world.questions.lock().unwrap()[0].contains("the default, disabled"), "{:?}", world.questions);
}

#[test]
fn a_test_of_many_skips_a_disabled_connection_and_says_so() {
    let (sandbox, mut world) = disabled();
    let text = world.run("test --all").expect(0).stdout;
    assert!(text.contains("acme    not tested: it is disabled"), "{text}");
    assert!(text.contains("1 passed, 0 failed, 1 not tested"), "{text}");
    let outcome = world.run("test --all --json").expect(0);
    outcome.says(&["Skipped, because disabled: acme"]);
    let document = outcome.json();
    assert_eq!(document["ok"], true);
    assert_eq!(document["summary"], json!({"total": 2, "passed": 1, "failed": 0, "warned": 0, "skipped": 1}));
    let [acme, second] = [0, 1].map(|number| &document["connections"][number]);
    assert_eq!((&acme["not_tested"], &acme["code"]), (&json!("disabled"), &Value::Null));
    assert!(acme["checks"].as_array().unwrap().iter().all(|check| check["status"] == "skip"), "{acme}");
    assert_eq!(second["ok"], true);
    world.run("test --all -o junit").expect(0).says(&["<skipped message=\"not tested: it is disabled\"/>"]);
    assert!(!world.run("test --all -o prometheus").expect(0).stdout.contains("up{name=\"acme\""));
    // What was known of it stays as it was.
    assert_eq!(connection(&mut world, "edit acme --unset state --json")["last_test"]["ok"], true);
    world.run("edit acme --set state=disabled --set labels.env=dev").expect(0);
    let asked = sandbox.requests();
    for (line, why) in [("test --filter env=dev", "With the label env=dev"), ("test --all", "every connection")] {
        let outcome = world.run(&format!("{line} --json")).expect(3);
        assert_eq!(outcome.error_code(), "nothing-to-test");
        outcome.says(&["every connection is disabled", why]);
        world.run("edit second --set state=disabled").expect(0);
    }
    assert_eq!(sandbox.requests(), asked);
}

#[test]
fn what_is_about_all_connections_leaves_a_disabled_one_alone() {
    let (_sandbox, mut world) = disabled();
    let outcome = world.run("status --all --json").expect(0);
    outcome.says(&["Skipped, because disabled: acme"]);
    assert_eq!(outcome.json()["unknown"], json!(["second"]));
    let outcome = world.run("logout --all --yes --json").expect(0);
    outcome.says(&["Skipped, because disabled: acme"]);
    assert_eq!(outcome.json()["connections"].as_array().unwrap().len(), 1);
    world.run("edit second --set state=disabled").expect(0);
    assert_eq!(world.run("logout --all --yes --json").expect(3).error_code(), "connection-disabled");
    world.run("edit acme --unset state").expect(0);
    world.run("test acme").expect(0);
}

#[test]
fn a_credential_helper_takes_the_connection_that_is_enabled() {
    let (sandbox, mut world) = disabled();
    world.is_public();
    let request = REQUEST.replace("ORIGIN", &sandbox.origin());
    // The default is the disabled one, and no other is used in its place.
    world.stdin(&request);
    refused(&mut world, "credential get");
    let no_default = world.config().replace("default = \"acme\"\n", "");
    world.write_config(no_default);
    let outcome = world.stdin(&request).run("credential get").expect(0);
    assert!(outcome.json()["headers"]["Authorization"][0].as_str().unwrap().starts_with("Basic "));
    world.run("remove second --yes").expect(0);
    world.stdin(&request);
    refused(&mut world, "credential get");
}

#[test]
fn another_state_is_refused_and_says_where() {
    let (_sandbox, mut world) = two();
    let good = world.config();
    world.write_config(good.replace("[connections.acme]", "[connections.acme]\nstate = \"off\""));
    let outcome = world.run("list --json").expect(3);
    assert_eq!(outcome.error_code(), "config-invalid");
    outcome.says(&["acme: state must be enabled or disabled", "config.toml:"]);
    world.write_config(&good);
    world.run("edit acme --set state=off").expect(2).says(&["state: it is enabled or disabled"]);
    assert_eq!(world.config(), good);
}

#[test]
fn a_team_file_carries_no_state() {
    let (_sandbox, mut world) = disabled();
    let exported = world.run("export acme").expect(0).stdout;
    assert!(!exported.contains("state"), "{exported}");
    let file = world.home().join("team.toml");
    std::fs::write(&file, format!("{}state = \"disabled\"\n", exported.replace("acme]", "mine]"))).unwrap();
    world.run(&format!("import {} --username u", file.display())).expect(0).says(&["left out of mine: state"]);
    assert_eq!(connection(&mut world, "show mine --json")["state"], "enabled");
}
