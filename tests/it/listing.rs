//! `snow list` and `snow show`: at a terminal, in a pipe, as JSON.

use std::fs;

use serde_json::Value;
use snow_connect::auth::method::{self, METHODS};
use snow_connect::sandbox::Sandbox;
use snow_connect::sandbox::scenario::Scenario;

use crate::world::World;

/// Saved without any request, as by hand.
const CONFIG: &str = r#"version = 1
default = "acme-prod"

[connections.acme-prod]
id = "0f4c2f0e-7a58-4a51-9a3c-0d7b5f1f2f11"
instance = "https://acme-production.service-now.com"
auth = "client-credentials"
client_id = "0123456789abcdef0123456789abcdef"
labels = { env = "prod", team = "it" }

[connections.acme-test]
id = "0f4c2f0e-7a58-4a51-9a3c-0d7b5f1f2f12"
instance = "https://acmetest.service-now.com"
auth = "basic"
username = "integration.user"
labels = { env = "test", team = "it" }

[connections.dev98042]
id = "0f4c2f0e-7a58-4a51-9a3c-0d7b5f1f2f13"
instance = "https://dev98042.service-now.com"
auth = "api-key"
"#;

fn world() -> World {
    let world = World::new();
    world.write_config(CONFIG);
    let state = world.home().join(".local/state/snow");
    fs::create_dir_all(&state).unwrap();
    let failed = r#"{"at":"2026-01-01T00:00:00Z","ok":false,"class":"auth","code":"basic-refused"}"#;
    let tests = format!(r#"{{"tests":{{"0f4c2f0e-7a58-4a51-9a3c-0d7b5f1f2f12":{failed}}}}}"#);
    fs::write(state.join("tests.json"), tests).unwrap();
    world
}

#[test]
fn at_eighty_columns_instance_and_user_stay_and_say_what_they_are() {
    let mut world = world();
    let wide = |world: &mut World, columns| {
        world.columns = columns;
        world.person([]).run("list").expect(0).stdout
    };
    let text = wide(&mut world, 130);
    for word in ["INSTANCE", "SIGN-IN", "client credentials", "✗ basic-refused, ", "days ago"] {
        assert!(text.contains(word), "{word}\n{text}");
    }
    let text = wide(&mut world, 80);
    for word in ["INSTANCE", " AS ", "acme-production.service-now.com", "integration.user"] {
        assert!(text.contains(word), "{word}\n{text}");
    }
    for columns in [60, 50] {
        let text = wide(&mut world, columns);
        for word in ["NAME", "INSTANCE", "acme-prod", "dev98042"] {
            assert!(text.contains(word), "{columns} {word}\n{text}");
        }
        assert!(crate::world::width::too_wide(&text, columns).is_empty(), "{text}");
    }
}

#[test]
fn the_mark_is_on_the_selected_connection_and_says_what_selected_it() {
    let mut world = world();
    let marked = |world: &mut World| {
        let text = world.person([]).run("list").expect(0).stdout;
        let marked: Vec<String> = text.lines().filter_map(|line| line.strip_prefix("▸ ")).map(str::to_owned).collect();
        marked.into_iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    let lines = marked(&mut world);
    assert!(lines[0].starts_with("acme-prod ") && lines[1] == "the default connection", "{lines:?}");
    fs::write(world.home().join(".snow.toml"), "connection = \"dev98042\"\n").unwrap();
    let lines = marked(&mut world);
    assert!(lines[0].starts_with("dev98042 "), "{lines:?}");
    assert_eq!(lines[1], "chosen by .snow.toml here; the default is acme-prod");
    let document = world.run("list --json").expect(0).json();
    assert_eq!(document["default"], "acme-prod");
    assert_eq!((&document["selected"], &document["selected_by"]), (&"dev98042".into(), &"directory".into()));
    world.set("SNOW_CONNECTION", "acme-test");
    let lines = marked(&mut world);
    assert!(lines[0].starts_with("acme-test ") && lines[1].contains("SNOW_CONNECTION"), "{lines:?}");
    // What is saved can be seen also if what selects one is wrong.
    world.set("SNOW_CONNECTION", "nope");
    assert_eq!(marked(&mut world), [""; 0]);
}

#[test]
fn a_pipe_gets_a_line_with_tabs_for_each_connection_and_no_header() {
    let mut world = world();
    let text = world.run("list").expect(0).stdout;
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split('\t').collect()).collect();
    let never = ["never", ""];
    let id = "0123456789abcdef0123456789abcdef";
    assert_eq!(rows[0][..4], ["acme-prod", "https://acme-production.service-now.com", id, "client-credentials"]);
    assert_eq!(rows[0][4..], never);
    assert_eq!(rows[1][..4], ["acme-test", "https://acmetest.service-now.com", "integration.user", "basic"]);
    assert_eq!(rows[1][4..], ["basic-refused", "2026-01-01T00:00:00Z"]);
    assert_eq!(rows[2], ["dev98042", "https://dev98042.service-now.com", "API key", "api-key", "never", ""]);
    assert_eq!(rows.len(), 3);
    world.run("list --help").says(&["with tabs between", "without a header"]);
}

#[test]
fn a_filter_takes_labels_as_a_test_does() {
    let mut world = world();
    let names = |world: &mut World, line: &str| {
        let text = world.run(line).expect(0).stdout;
        text.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&mut world, "list --filter team=it"), ["acme-prod", "acme-test"]);
    assert_eq!(names(&mut world, "list --filter team=it --filter env=test"), ["acme-test"]);
    let outcome = world.run("list --filter env=none").expect(0);
    assert_eq!(outcome.stdout, "");
    outcome.says(&["No connection has the label env=none."]);
    assert_eq!(world.run("list --filter env=none --json").json()["connections"], Value::Array(Vec::new()));
    world.run("list --filter env").expect(2).says(&["use key=value, as in env=dev"]);
    assert_eq!(world.run("list --filter env=prod --json").json()["connections"][0]["name"], "acme-prod");
}

#[test]
fn show_has_every_setting_that_edit_can_set() {
    let keys = world().run("edit --help").stdout;
    let keys = keys.split("Keys: ").nth(1).unwrap().split("\n\n").next().unwrap();
    let keys: Vec<&str> = keys.split(',').map(|key| key.split_whitespace().next().unwrap()).collect();
    for setting in method::settings() {
        assert!(keys.contains(&setting.key), "edit --help does not name {}", setting.key);
    }
    let values = [
        ("instance", "https://other.service-now.com"),
        ("username", "joe.employee"),
        ("client_id", "another-client"),
        ("scope", "global"),
        ("redirect_uri", "http://127.0.0.1:9999/back"),
        ("authorization_url", "https://idp.example/authorize"),
        ("token_url", "https://idp.example/token"),
        ("revocation_url", "https://idp.example/revoke"),
        ("pkce", "false"),
        ("header_name", "x-other-key"),
        ("client_identity", "/etc/snow/svc.p12"),
        ("client_cert", "/etc/snow/svc.pem"),
        ("client_key", "/etc/snow/svc.key"),
        ("api_version", "v2"),
        ("tables", "incident,cmdb_ci"),
        ("headers", "X-Gateway-Key"),
        ("subject", "svc.ci@example.com"),
        ("key_id", "key-7"),
        ("audience", "https://acme.example/token"),
        ("private_key", "/keys/snow.pem"),
        ("certificate", "/keys/snow.crt"),
        ("token_lifetime", "10m"),
        ("algorithm", "RS512"),
        ("ca_cert", "CA"),
        ("proxy", "http://proxy.example:3128"),
        ("read_only", "true"),
        ("state", "disabled"),
        ("description", "for the night shift"),
        ("labels.KEY", "value-of-a-label"),
        ("access_token_command", "another-helper,--quiet"),
    ];
    assert_eq!(keys.iter().copied().find(|key| !values.iter().any(|(known, _)| known == key)), None);
    for auth in ["basic", "oauth", "client-credentials", "api-key", "jwt-bearer", "token"] {
        let mut world = World::new();
        world.write_config(format!(
            "version = 1\n[connections.acme]\ninstance = \"https://acme.service-now.com\"\nauth = \"{auth}\"\n\
             username = \"beth.anglin\"\nclient_id = \"client\"\nsubject = \"x\"\nkey_id = \"y\"\nheaders = [\"X-Gateway-Key\"]\n"
        ));
        let authority = world.home().join("ca.pem");
        let key = rcgen::KeyPair::generate().unwrap();
        let made = rcgen::CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
        fs::write(&authority, made.pem()).unwrap();
        let mut words = vec!["edit".to_owned(), "acme".to_owned()];
        let own = method::named(&METHODS, auth).unwrap();
        let mut expected = Vec::new();
        for (key, value) in values {
            let value = value.replace("CA", authority.to_str().unwrap());
            let is_foreign = own.setting(key).is_none() && method::settings().iter().any(|setting| setting.key == key);
            // The other form of a certificate, in place of two files.
            if is_foreign || key == "client_identity" {
                continue;
            }
            if key != "headers" {
                words.extend(["--set".to_owned(), format!("{key}={value}")]);
            }
            expected.push((key, value));
        }
        world.run_words(&words.iter().map(String::as_str).collect::<Vec<_>>()).expect(0);
        let text = world.person([]).run("show acme").expect(0).stdout;
        let connection = world.run("show acme --json").expect(0).json()["connection"].clone();
        for (key, value) in expected {
            let shown = &connection[key.split('.').next().unwrap()].to_string();
            assert!(shown.contains(value.split(',').next().unwrap()), "{auth} {key}: {shown}");
            assert!(text.contains(value.split(',').next().unwrap()), "{auth} {key}\n{text}");
        }
    }
}

#[test]
fn quiet_leaves_failures_and_the_sum() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let asleep = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("good", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    world.connect("other", &asleep.origin(), "beth.anglin", "sandbox-beth");
    assert_eq!(world.run("test good -q").expect(0).stdout, "");
    assert_eq!(world.run("test --all -q").expect(0).stdout, "");
    asleep.set_scenario(Some(Scenario::Hibernating));
    let text = world.run("test --all -q").expect(7).stdout;
    assert!(!text.contains("good") && text.contains("other") && text.contains("1 passed, 1 failed"), "{text}");
}

#[test]
#[cfg(unix)]
fn verbose_lines_are_said_once_and_are_no_debug_output() {
    use crate::world::process::{finish, snow};
    let sandbox = Sandbox::start(None, None).unwrap();
    let home = tempfile::tempdir().unwrap();
    let run = |line: &str| {
        let mut command = snow(home.path());
        command.args(line.split(' ')).env("SNOW_INSTANCE", sandbox.origin());
        command.env("SNOW_CLIENT_ID", "sandbox-ci").env("SNOW_CLIENT_SECRET", "sandbox-ci-secret");
        finish(command, b"").expect(0).stderr
    };
    for line in ["test -v", "status --all -v"] {
        let stderr = run(line);
        let mut lines: Vec<&str> = stderr.lines().collect();
        let count = lines.len();
        assert!(count > 0);
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), count, "{stderr}");
    }
    let stderr = run("test -vvv");
    assert!(stderr.contains(" in all") && stderr.contains("first byte"), "{stderr}");
    for debug in ["Some(", "None", "Timings", "µs", "ns"] {
        assert!(!stderr.split(|c: char| !c.is_alphanumeric() && c != '(').any(|word| word == debug), "{stderr}");
    }
    assert!(!stderr.contains("Some(") && !stderr.contains("{ "), "{stderr}");
}

#[test]
fn a_file_of_connections_that_is_not_there_is_named() {
    let mut world = World::new();
    for line in ["test --all", "test acme", "test acme acme-test", "test", "token acme", "token"] {
        let outcome = world.run(&format!("{line} --config /nowhere/team.toml --json")).expect(3);
        outcome.says(&["there is no file /nowhere/team.toml"]);
        // Where it is, it counts that nothing is in it.
        let empty = world.home().join("empty.toml");
        fs::write(&empty, "").unwrap();
        let outcome = world.run(&format!("{line} --config {} --json", empty.display())).expect(3);
        assert!(!outcome.stdout.contains("there is no file"), "{}", outcome.stdout);
    }
}
