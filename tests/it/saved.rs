//! When a connection was saved, and the etag by which a script knows that it changed.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use snow_connect::sandbox::Sandbox;

use crate::world::World;

fn connection(world: &mut World, line: &str) -> Value {
    world.run(line).expect(0).json()["connection"].clone()
}

fn connected() -> (Sandbox, World) {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    world.connect_unproven("second", "https://second.service-now.com");
    (sandbox, world)
}

const CREATED: &str = "2026-11-28T10:00:00Z";
const CHANGED: &str = "2026-11-29T10:00:00Z";

fn then() -> DateTime<Utc> {
    "2026-11-28T10:00:00.75Z".parse().unwrap()
}

fn later() -> DateTime<Utc> {
    CHANGED.parse().unwrap()
}

fn times(connection: &Value) -> [Value; 2] {
    ["created_at", "updated_at"].map(|key| connection[key].clone())
}

#[test]
fn a_connection_knows_when_it_was_saved_first_and_changed_last() {
    let mut world = World::new();
    world.clock = then;
    world.connect_unproven("acme", "https://acme.service-now.com");
    assert_eq!(times(&connection(&mut world, "show acme --json")), [CREATED, CREATED]);
    assert!(world.config().contains(&format!("created_at = \"{CREATED}\"")), "{}", world.config());
    world.clock = later;
    let unchanged = connection(&mut world, "edit acme --unset tables --json");
    assert_eq!(times(&unchanged), [CREATED, CREATED]);
    let renamed = connection(&mut world, "rename acme prime --json");
    assert_eq!(times(&renamed), [CREATED, CHANGED]);
    world.person([]).run("show prime").says(&[&format!("created {CREATED}"), &format!("updated {CHANGED}")]);
    world.clock = then;
    let edited = connection(&mut world, "edit prime --set description=x --json");
    assert_eq!(times(&edited), [CREATED, CREATED]);
    for line in ["use prime --json", "list --json"] {
        let document = world.run(line).expect(0).json();
        let listed = document.pointer("/connection").or_else(|| document.pointer("/connections/0")).unwrap();
        assert_eq!(
            ["etag", "created_at", "updated_at"].map(|key| &listed[key]),
            ["etag", "created_at", "updated_at"].map(|key| &edited[key])
        );
    }
}

#[test]
fn an_entry_of_before_has_no_times_until_it_is_changed() {
    let mut world = World::new();
    world.clock = later;
    world.write_config(
        "version = 1\n[connections.acme]\nid = \"0f4c2f0e-7a58-4a51-9a3c-0d7b5f1f2f11\"\n\
         instance = \"https://acme.service-now.com\"\nauth = \"basic\"\nusername = \"beth.anglin\"\n",
    );
    let old = connection(&mut world, "show acme --json");
    assert_eq!(times(&old), [Value::Null, Value::Null]);
    let changed = connection(&mut world, "edit acme --set description=x --json");
    assert_eq!(times(&changed), [Value::Null, CHANGED.into()]);
}

#[test]
fn a_team_file_carries_no_times_and_an_import_is_new() {
    let mut world = World::new();
    world.clock = then;
    world.connect_unproven("acme", "https://acme.service-now.com");
    let exported = world.run("export acme").expect(0).stdout;
    for key in ["created_at", "updated_at", "etag"] {
        assert!(!exported.contains(key), "{exported}");
    }
    let file = world.home().join("team.toml");
    let foreign = "created_at = \"2020-01-01T00:00:00Z\"\n";
    std::fs::write(&file, format!("{}{foreign}", exported.replace("acme]", "mine]"))).unwrap();
    world.clock = later;
    world.run(&format!("import {} --username beth.anglin", file.display())).expect(0).says(&["left out of mine"]);
    let imported = connection(&mut world, "show mine --json");
    assert_eq!(times(&imported), [CHANGED, CHANGED]);
}

#[test]
fn an_etag_changes_with_every_change_also_with_one_by_hand() {
    let (_sandbox, mut world) = connected();
    let etag = |world: &mut World| connection(world, "show acme --json")["etag"].as_str().unwrap().to_owned();
    let first = etag(&mut world);
    assert_eq!(first, etag(&mut world));
    world.run("test acme").expect(0);
    world.run("use second").expect(0);
    assert_eq!(first, etag(&mut world));
    world.run("edit acme --set description=x --unset tables").expect(0);
    let second = etag(&mut world);
    let by_hand = world.config().replace("description = \"x\"", "description = \"y\"");
    world.write_config(by_hand);
    let third = etag(&mut world);
    world.run("edit acme --set read_only=true").expect(0);
    let fourth = etag(&mut world);
    let all = [&first, &second, &third, &fourth];
    assert!(all.iter().all(|one| all.iter().filter(|other| one == *other).count() == 1), "{all:?}");
    world.person([]).run("show acme").says(&[&format!("etag {fourth}")]);
}

#[test]
fn an_edit_takes_an_etag_or_a_revision_and_a_wrong_one_changes_nothing() {
    let (_sandbox, mut world) = connected();
    let first = connection(&mut world, "show acme --json")["etag"].as_str().unwrap().to_owned();
    let edited = connection(&mut world, &format!("edit acme --set description=x --if-match {first} --json"));
    assert_eq!(edited["revision"], 2);
    let (now, before) = (edited["etag"].as_str().unwrap(), world.config());
    for wrong in [first.as_str(), "1", "3", "nonsense"] {
        let outcome = world.run(&format!("edit acme --set description=y --if-match {wrong} --json")).expect(3);
        assert_eq!(outcome.error_code(), "revision-conflict");
        outcome.says(&["Its revision is 2", now, &format!("you expected {wrong}")]);
        let evidence = &outcome.json()["error"]["evidence"];
        assert_eq!((&evidence["revision"], &evidence["etag"]), (&json!(2), &json!(now)));
    }
    // By hand the revision stays, and tells nothing.
    world.write_config(before.replace("description = \"x\"", "description = \"z\""));
    world.run(&format!("edit acme --set description=y --if-match {now}")).expect(3);
    world.run("edit acme --set description=y --if-match 2").expect(0);
}

#[test]
fn a_bundle_has_no_etag_by_which_a_user_could_be_guessed() {
    let (_sandbox, mut world) = connected();
    let etag = connection(&mut world, "show acme --json")["etag"].as_str().unwrap().to_owned();
    let bundle = world.home().join("bundle.json");
    world.run(&format!("doctor --bundle {}", bundle.display()));
    let text = std::fs::read_to_string(&bundle).unwrap();
    assert!(text.contains("created_at") && !text.contains(&etag), "{text}");
}

#[test]
fn a_time_that_cannot_be_read_is_refused_and_says_where() {
    let mut world = World::new();
    world.connect_unproven("acme", "https://acme.service-now.com");
    let good = world.config();
    for (key, value) in [("created_at", "yesterday"), ("updated_at", "2026-11-28")] {
        let lines = good.lines().filter(|line| !line.starts_with(key)).collect::<Vec<_>>().join("\n");
        let line = format!("[connections.acme]\n{key} = \"{value}\"");
        world.write_config(lines.replace("[connections.acme]", &line));
        let outcome = world.run("list --json").expect(3);
        assert_eq!(outcome.error_code(), "config-invalid");
        outcome.says(&[&format!("{key} must be a time"), "config.toml:"]);
    }
}
