//! The homes of then are lived in: listed, tested, renewed, changed.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use snow_connect::sandbox::scenario::Scenario;

use super::{
    BY_IDENTITY, BY_PASSPHRASE, Here, IN_KEYRING, Left, Secrets, as_then, assert_holds, records_of, sealed_file, soon,
    state, then, without_times,
};
use crate::world::World;

const ALL: [&Left; 3] = [&IN_KEYRING, &BY_PASSPHRASE, &BY_IDENTITY];

fn remembered(world: &World, file: &str) -> Value {
    let text = std::fs::read_to_string(state(world).join(file)).unwrap();
    as_then(serde_json::from_str(&text).unwrap())
}

#[test]
fn a_home_of_then_is_listed_and_shown_as_then() {
    for left in ALL {
        let (sandbox, mut world) = left.opened();
        let here = Here::of(&world, &sandbox);
        let before = sandbox.requests();
        let shown: Vec<(String, Value)> = serde_json::from_str(left.shown).unwrap();
        assert!(shown.len() > 5);
        for (line, then) in &shown {
            let now = world.run(&format!("{line} --json")).expect(0).stdout;
            assert_holds(&serde_json::from_str(&here.back(&now)).unwrap(), then, line);
        }
        assert_eq!(sandbox.requests(), before, "nothing was sent");
    }
}

#[test]
fn an_encrypted_file_of_then_opens_with_its_own_key_and_is_written_back_whole() {
    for left in [&BY_PASSPHRASE, &BY_IDENTITY] {
        let Secrets::Sealed { file, content, key } = left.secrets else { panic!("it has a file") };
        assert_eq!(key.open(file), content);
        let mut world = World::new();
        world.clock = soon;
        world.write_config(left.config);
        super::private_file(&sealed_file(&world), file);
        key.give_to(&mut world);
        let records = records_of(content);
        for name in ["oauth", "ci"] {
            let token = world.run(&format!("token {name} --json")).expect(0).json();
            let session: Value = serde_json::from_str(&records[&format!("{}/session", left.id(name))]).unwrap();
            assert_eq!(token["access_token"], session["access_token"]);
        }
        let line = "connect https://acme.example --name new --username u --store file --no-test --password-stdin";
        world.stdin("new-password").run(line).expect(0);
        let mut now = left.items(&world);
        let id = super::ids_of(&world.config()).into_iter().find(|(name, _)| name == "new").unwrap().1;
        let new = now.remove(&format!("{id}/password")).unwrap();
        let form = r#"{"v":1,"origins":{"instance":"https://acme.example"},"username":"u","password":"new-password"}"#;
        assert_eq!((now, new.as_str()), (records, form));
        let expected = key.open(&std::fs::read(sealed_file(&world)).unwrap());
        assert!(expected.starts_with(r#"{"v":1,"records":{""#) && expected.ends_with(r#"}"}}"#), "{expected}");
    }
}

#[test]
fn every_connection_of_then_is_tested_and_nothing_else_changes() {
    let in_keyring = [
        ("acme", 0),
        ("public", 0),
        ("confidential", 0),
        ("ci", 0),
        ("doubtful", 0),
        ("over", 0),
        ("cut-off", 0),
        // The password was refused three times.
        ("locked", 4),
        // By hand and without an id: nobody is signed in.
        ("by-hand", 4),
    ];
    let in_file = [("basic", 0), ("oauth", 0), ("ci", 0)];
    for (left, connections) in [(&IN_KEYRING, &in_keyring[..]), (&BY_PASSPHRASE, &in_file), (&BY_IDENTITY, &in_file)] {
        let (_sandbox, mut world) = left.opened();
        let (config, items) = (world.config(), left.items(&world));
        let tests = remembered(&world, "tests.json");
        let mut expected = tests.clone();
        for (name, code) in connections {
            world.run(&format!("test {name}")).expect(*code);
            let now = remembered(&world, "tests.json");
            let id = left.id_or_made(name);
            expected["tests"][&id] = now["tests"][&id].clone();
            assert_eq!(now, expected, "{name}");
        }
        assert_eq!(world.config(), config);
        // The token of `ci` was not one of this sandbox.
        let mut now = left.items(&world);
        let session = format!("{}/session", left.id("ci"));
        assert_ne!(now[&session], items[&session]);
        now.insert(session.clone(), items[&session].clone());
        assert_eq!(now, items);
    }
}

#[test]
fn the_id_of_an_entry_without_one_follows_from_its_name() {
    let (_sandbox, mut world) = IN_KEYRING.opened();
    assert_eq!(world.run("show by-hand --json").expect(0).json()["connection"]["id"], MADE_ID);
}

/// Of `by-hand`.
const MADE_ID: &str = "503ddf23-9082-8977-8f9f-fd68e1c9c296";

impl Left {
    fn id_or_made(&self, name: &str) -> String {
        match name {
            "by-hand" => MADE_ID.to_owned(),
            _ => self.id(name),
        }
    }
}

#[test]
fn a_password_goes_with_the_certificate_authority_that_it_was_saved_with() {
    let (_sandbox, mut world) = IN_KEYRING.opened();
    let header = world.run("token walled --format header").expect(0).stdout;
    assert_eq!(header, "Authorization: Basic YmV0aC5hbmdsaW46V8OkbGxlZC9pbiAiOCI=\n");
    let ca = world.home().join("ca.pem");
    std::fs::write(&ca, std::fs::read_to_string(&ca).unwrap() + "\n").unwrap();
    assert_eq!(world.run("token walled --format header --json").expect(9).error_code(), "origin-mismatch");
}

#[test]
fn refusals_that_were_counted_count_on() {
    let (sandbox, mut world) = IN_KEYRING.opened();
    let before = sandbox.requests();
    let outcome = world.run("test locked --json").expect(4);
    assert_eq!(outcome.error_code(), "refused-before");
    assert_eq!(sandbox.requests(), before);
    sandbox.set_scenario(Some(Scenario::BasicRefused));
    world.run("test doubtful").expect(4);
    let refused = |user: &str| json!({ "origin": sandbox.origin(), "user_name": user, "count": 3 });
    let counted = remembered(&world, "refusals.json");
    assert_eq!(counted, json!({ "refusals": [refused("joe.employee"), refused("svc.ci")] }));
    sandbox.set_scenario(None);
    world.stdin("sandbox-joe").run("login locked --password-stdin").expect(0);
    assert_eq!(remembered(&world, "refusals.json"), json!({ "refusals": [refused("svc.ci")] }));
}

/// What a test can have shown to be new, as it is remembered.
pub const CHANGES: &str = r#"[
    {"what":"failed","worked_at":"2026-11-26T23:00:00Z"},
    {"what":"fails-otherwise","before":"timeout","since":"2026-11-26T22:00:00Z"},
    {"what":"recovered","before":"timeout","since":"2026-11-26T22:00:00Z"},
    {"what":"latency-doubled","before_ms":200,"latency_ms":500},
    {"what":"certificate-renewed","before":"2026-12-01T00:00:00Z","not_after":"2027-03-01T00:00:00Z"},
    {"what":"certificate-replaced","before":"2027-03-01T00:00:00Z","not_after":"2026-12-01T00:00:00Z"}
]"#;

#[test]
fn what_was_new_is_remembered_as_then_and_so_is_a_test_of_the_first_days() {
    let (_sandbox, mut world) = IN_KEYRING.opened();
    let mut tests = remembered(&world, "tests.json");
    let changes: Value = serde_json::from_str(CHANGES).unwrap();
    tests["tests"][IN_KEYRING.id("public")]["changes"] = changes.clone();
    tests["tests"][IN_KEYRING.id("public")]["certificate_ends"] = json!("2026-12-01T00:00:00Z");
    // The first ones had these keys alone.
    let first = json!({ "at": "2026-11-21T21:04:00Z", "ok": false, "class": "auth", "code": "basic-refused" });
    tests["tests"][IN_KEYRING.id("walled")] = first.clone();
    std::fs::write(state(&world).join("tests.json"), tests.to_string()).unwrap();
    world.run("test acme").expect(0);
    let shown = |world: &mut World, name: &str| {
        world.run(&format!("show {name} --json")).expect(0).json()["connection"]["last_test"].clone()
    };
    assert_eq!(shown(&mut world, "public")["changes"], changes);
    assert_eq!(shown(&mut world, "public")["certificate_ends"], "2026-12-01T00:00:00Z");
    assert_holds(&shown(&mut world, "walled"), &first, "walled");
    let now = remembered(&world, "tests.json");
    assert_eq!(now["tests"][IN_KEYRING.id("public")], tests["tests"][IN_KEYRING.id("public")]);
}

/// A command, the connection whose session it is about, what the instance does
/// meanwhile, and what becomes of the record: null removes a member, `NEW` is
/// another one than before.
type Renewal = (&'static Left, &'static str, &'static str, Option<Scenario>, i32, Value);

fn renewals() -> Vec<Renewal> {
    let renewed = |generation: u64, more: Value| {
        let mut changes = json!({
            "access_token": "NEW", "refresh_token": "NEW", "obtained_at": soon(), "expires_at": "NEW",
            "generation": generation,
        });
        changes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        changes
    };
    let again = json!({ "access_token": "NEW", "obtained_at": soon(), "expires_at": "NEW", "generation": 2 });
    let nothing = json!({});
    vec![
        (&IN_KEYRING, "public", "refresh public", None, 0, renewed(3, json!({ "not_lengthened": null }))),
        (&IN_KEYRING, "confidential", "refresh confidential", None, 0, renewed(2, json!({}))),
        (&IN_KEYRING, "ci", "refresh ci", None, 0, again.clone()),
        (&IN_KEYRING, "ci", "test ci", None, 0, again.clone()),
        (&IN_KEYRING, "over", "refresh over", None, 0, renewed(2, json!({ "refused_at": null }))),
        (&IN_KEYRING, "cut-off", "refresh cut-off", None, 0, renewed(2, json!({ "refreshing": null }))),
        (&IN_KEYRING, "cut-off", "test cut-off", None, 0, nothing.clone()),
        (&IN_KEYRING, "cut-off", "refresh cut-off", Some(Scenario::RefreshRefused), 4, json!({ "refused_at": soon() })),
        (&IN_KEYRING, "public", "refresh public", Some(Scenario::RefreshRefused), 4, json!({ "refused_at": soon() })),
        (
            &IN_KEYRING,
            "confidential",
            "refresh confidential",
            // Its answer is cut, and the refresh token spent when it is asked again.
            Some(Scenario::TokenCut),
            4,
            json!({ "refreshing": soon(), "refused_at": soon() }),
        ),
        (&IN_KEYRING, "public", "refresh public", Some(Scenario::TokenUnavailable), 7, nothing),
        (&BY_PASSPHRASE, "oauth", "refresh oauth", None, 0, renewed(2, json!({}))),
        (&BY_PASSPHRASE, "ci", "refresh ci", None, 0, again.clone()),
        (&BY_IDENTITY, "oauth", "refresh oauth", None, 0, renewed(2, json!({}))),
        (&BY_IDENTITY, "ci", "refresh ci", None, 0, again),
    ]
}

#[test]
fn a_renewal_changes_of_a_record_what_it_changed_then() {
    for (left, name, line, scenario, code, changes) in renewals() {
        let (sandbox, mut world) = left.opened();
        let (config, before) = (world.config(), left.items(&world));
        let noted = remembered(&world, "sessions.json");
        sandbox.set_scenario(scenario);
        let outcome = world.run(&format!("{line} --json")).expect(code);
        let account = format!("{}/session", left.id(name));
        let mut now = left.items(&world);
        let record = now.insert(account.clone(), before[&account].clone()).unwrap();
        assert_eq!(now, before, "{line}: the other records");
        let expected = changed(&before[&account], &changes);
        assert_eq!(as_expected(&record, &before[&account], &changes), expected.to_string(), "{line} {scenario:?}");
        assert_eq!(world.config(), config, "{line}");
        let mut notes = noted.clone();
        if code == 0 && changes != json!({}) || code == 4 {
            let record: Value = serde_json::from_str(&record).unwrap();
            notes["sessions"][left.id(name)] = note_of(&record);
        }
        assert_eq!(remembered(&world, "sessions.json").to_string(), notes.to_string(), "{line} {scenario:?}");
        if code == 4 && name != "public" {
            let since = outcome.json()["error"]["evidence"]["interrupted_at"].as_str().unwrap().to_owned();
            let interrupted = if name == "cut-off" { then() } else { soon() };
            assert_eq!(since.parse::<DateTime<Utc>>().unwrap(), interrupted);
        }
    }
}

fn changed(before: &str, changes: &Value) -> Value {
    let mut record: Value = serde_json::from_str(before).unwrap();
    let members = record.as_object_mut().unwrap();
    for (key, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(members.shift_remove(key).unwrap_or_else(|| panic!("{key} was not there"))),
            _ => drop(members.insert(key.clone(), value.clone())),
        }
    }
    record
}

/// The record as text, with `NEW` where it differs as it should.
fn as_expected(now: &str, before: &str, changes: &Value) -> String {
    let mut text = now.to_owned();
    let (now, before): (Value, Value) = (serde_json::from_str(now).unwrap(), serde_json::from_str(before).unwrap());
    for (key, _) in changes.as_object().unwrap().iter().filter(|(_, value)| *value == "NEW") {
        let (now, before) = (now[key].as_str().unwrap(), before[key].as_str().unwrap());
        assert_ne!(now, before, "{key}");
        if key == "expires_at" {
            let off = now.parse::<DateTime<Utc>>().unwrap() - soon() - TimeDelta::minutes(30);
            assert!(off.num_seconds().abs() < 10 && now.len() == "2026-11-27T00:40:00Z".len(), "{now}");
        }
        text = text.replace(now, "NEW");
    }
    text
}

/// What the state directory knows of a session.
fn note_of(record: &Value) -> Value {
    let is_renewed = record["generation"].as_u64().unwrap() > 1;
    json!({
        "signed_in_at": record["signed_in_at"],
        "refreshed_at": if is_renewed { record["obtained_at"].clone() } else { Value::Null },
        "expires_at": record["expires_at"],
        "renewable": true,
        "refused_at": record["refused_at"],
    })
}

#[test]
fn a_change_of_an_entry_leaves_every_other_byte_of_the_file() {
    for (left, line, changes) in EDITS {
        let (sandbox, mut world) = left.opened();
        let (here, items) = (Here::of(&world, &sandbox), left.items(&world));
        world.run(line).expect(0);
        let mut expected = left.config.to_owned();
        let with_id = left.config.contains("by-hand").then_some(&ID_MADE);
        for (from, to) in with_id.into_iter().chain(changes) {
            assert_eq!(expected.matches(from).count(), 1, "{line}: {from}");
            expected = expected.replacen(from, to, 1);
        }
        let config = here.back(&world.config());
        assert_eq!(without_times(&config), expected, "{line}");
        assert_eq!(config.matches("updated_at = ").count(), usize::from(!line.starts_with("use ")), "{line}");
        assert_eq!(left.items(&world), items, "{line}");
    }
}

/// A command, and what it changes in the file. What stands before the former
/// text there makes it the only one.
type Edit = (&'static Left, &'static str, &'static [(&'static str, &'static str)]);

const EDITS: [Edit; 14] = [
    (
        &IN_KEYRING,
        "edit acme --set description=other",
        &[("revision = 7", "revision = 8"), (r#"'A "first" one'"#, "\"other\"")],
    ),
    (
        &IN_KEYRING,
        "edit acme --set labels.env=prod",
        &[("revision = 7", "revision = 8"), (r#"env = "dev""#, r#"env = "prod""#)],
    ),
    (
        &IN_KEYRING,
        "edit acme --unset tables",
        &[
            ("revision = 7", "revision = 8"),
            ("tables = [\n    \"incident\",   # the one that matters\n    \"sys_user\",\n]\n", ""),
        ],
    ),
    (
        &IN_KEYRING,
        "edit acme --set username=admin",
        &[("revision = 7", "revision = 8"), ("'beth.anglin'   # not", "\"admin\"   # not")],
    ),
    (
        &IN_KEYRING,
        "edit public --set description=x",
        &[
            ("\trevision = 1", "\trevision = 2"),
            (
                "# Registered by the admins.\n\tredirect_uri = \"http://127.0.0.1:48915/callback\"\n",
                "# Registered by the admins.\n\tredirect_uri = \"http://127.0.0.1:48915/callback\"\ndescription = \"x\"\n",
            ),
        ],
    ),
    (
        &IN_KEYRING,
        "edit confidential --unset revocation_url --unset token_url",
        &[
            ("868cd8ba2a29\"\nrevision = 1", "868cd8ba2a29\"\nrevision = 2"),
            ("token_url = \"http://localhost:48914/oauth_token.do\"\n", ""),
            ("revocation_url = \"http://localhost:48914/oauth_revoke_token.do\"\n", ""),
        ],
    ),
    (
        &IN_KEYRING,
        "edit ci --set description=x",
        &[
            ("76f1496310e0\", revision = 1", "76f1496310e0\", revision = 2"),
            ("username = \"svc.ci\" }", "username = \"svc.ci\" , description = \"x\" }"),
        ],
    ),
    (
        &IN_KEYRING,
        "edit over --set tables=incident",
        &[
            ("41dc64567314\"\nrevision = 1", "41dc64567314\"\nrevision = 2"),
            (
                "\"beth.anglin\"\n\n[connections.\"cut-off\"]",
                "\"beth.anglin\"\ntables = [\"incident\"]\n\n[connections.\"cut-off\"]",
            ),
        ],
    ),
    (
        &IN_KEYRING,
        "edit by-hand --set description=x",
        &[
            ("48914/\"\nauth", "48914\"\nauth"),
            ("\n\n[plugins", "\nrevision = 2\nstore = \"keyring\"\ndescription = \"x\"\n\n[plugins"),
        ],
    ),
    (&IN_KEYRING, "use ci", &[("default = 'public'", "default = \"ci\"")]),
    (
        &IN_KEYRING,
        "rename acme first",
        &[
            ("[connections.acme]", "[connections.first]"),
            ("[connections.acme.plugin]", "[connections.first.plugin]"),
            ("revision = 7", "revision = 8"),
        ],
    ),
    (
        &IN_KEYRING,
        "rename over done",
        &[("connections.Over", "connections.done"), ("41dc64567314\"\nrevision = 1", "41dc64567314\"\nrevision = 2")],
    ),
    (
        &BY_PASSPHRASE,
        "edit ci --set description=x",
        &[
            ("c6b9905b07de\"\nrevision = 1", "c6b9905b07de\"\nrevision = 2"),
            ("username = \"svc.ci\"\n", "username = \"svc.ci\"\ndescription = \"x\"\n"),
        ],
    ),
    (&BY_IDENTITY, "use ci", &[("default = \"basic\"", "default = \"ci\"")]),
];

/// An entry without an id gets it with the first change of the file.
const ID_MADE: (&str, &str) = (
    "client_id = \"sandbox-public\"\n\n[plugins",
    "client_id = \"sandbox-public\"\nid = \"503ddf23-9082-8977-8f9f-fd68e1c9c296\"\n\n[plugins",
);

#[test]
fn a_file_beside_the_project_chooses_as_then() {
    let (_sandbox, mut world) = IN_KEYRING.opened();
    let file = world.home().join(".snow.toml");
    std::fs::write(&file, "connection = \"ci\"\n").unwrap();
    assert_eq!(world.run("status --json").expect(0).json()["selected"], "ci");
    std::fs::remove_file(&file).unwrap();
    world.run("use ci --here").expect(0);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "connection = \"ci\"\n");
}
