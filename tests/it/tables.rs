//! `snow tables`, `snow table` and `snow open`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use snow_connect::sandbox::Sandbox;

use crate::world::World;
use crate::world::ask::Ask;
use crate::world::wire::{Wire, http, run_against};

fn sandbox_world(user: &str, password: &str) -> (Sandbox, World) {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), user, password);
    (sandbox, world)
}

#[test]
fn tables_are_listed_with_what_they_extend() {
    let (_sandbox, mut world) = sandbox_world("beth.anglin", "sandbox-beth");
    let document = world.run("tables --json").expect(0).json();
    assert_eq!(document["schema"], "snow.tables/1");
    let tables = document["tables"].as_array().unwrap();
    let names: Vec<&str> = tables.iter().map(|table| table["name"].as_str().unwrap()).collect();
    assert!(names.is_sorted() && names.len() > 10, "{names:?}");
    let table = |name: &str| tables.iter().find(|table| table["name"] == name).unwrap().clone();
    assert_eq!(table("incident"), json!({"name": "incident", "label": "Incident", "parent": "task"}));
    assert_eq!(table("task")["parent"], Value::Null);
    let found = world.run("tables --search dent --json").expect(0).json();
    assert_eq!(found["tables"].as_array().unwrap().len(), 1);
    // By label, and in no case.
    let found = world.run_words(&["tables", "--search", "dictionary entry", "--json"]).expect(0).json();
    assert_eq!(found["tables"][0]["name"], "sys_dictionary");
    assert_eq!(world.run("tables --search incident").expect(0).stdout, "incident\tIncident\ttask\n");
    let shown = world.person([]).run("tables --search incident").expect(0).stdout;
    assert!(shown.starts_with("NAME      LABEL     EXTENDS\nincident  Incident  task"), "{shown}");
    world.run("tables --search no^such").expect(0).says(&["No table"]);
}

#[test]
fn a_table_has_its_own_columns_and_those_that_it_inherits() {
    let (_sandbox, mut world) = sandbox_world("admin", "sandbox-admin");
    let document = world.run("table incident --json").expect(0).json();
    assert_eq!(
        (&document["schema"], &document["table"], &document["parents"]),
        (&json!("snow.table/1"), &json!("incident"), &json!(["task"]))
    );
    let columns = document["columns"].as_array().unwrap();
    let column = |name: &str| columns.iter().find(|column| column["name"] == name).unwrap().clone();
    assert_eq!(
        column("caller_id"),
        json!({"name": "caller_id", "label": "Caller", "type": "reference", "reference": "sys_user", "mandatory": true, "from": "incident"})
    );
    assert_eq!(
        column("number"),
        json!({"name": "number", "label": "Number", "type": "string", "reference": null, "mandatory": false, "from": "task"})
    );
    // What the table says otherwise of a column that it inherits holds, and there alone.
    let mut mandatory = |table: &str, name: &str| {
        let document = world.run(&format!("table {table} --json")).expect(0).json();
        let mut columns = document["columns"].as_array().unwrap().iter();
        columns.find(|column| column["name"] == name).unwrap()["mandatory"].clone()
    };
    assert_eq!(column("short_description")["from"], "task");
    for (table, expected) in [("task", false), ("incident", true), ("problem", true), ("change_request", false)] {
        assert_eq!(mandatory(table, "short_description"), expected, "{table}");
    }
    let names: Vec<&str> = columns.iter().map(|column| column["name"].as_str().unwrap()).collect();
    assert!(names.is_sorted_by(|one, other| one < other), "{names:?}");
    let text = world.run("table incident").expect(0).stdout;
    assert!(text.contains("caller_id\tCaller\treference\tsys_user\tyes\tincident\n"), "{text}");
    let shown = world.person([]).run("table incident").expect(0).stdout;
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    let error = world.run("table no_such_table --json").expect(10);
    assert_eq!(error.error_code(), "table-missing");
}

#[test]
fn who_may_not_read_the_dictionary_sees_the_fields_of_a_row() {
    let (_sandbox, mut world) = sandbox_world("beth.anglin", "sandbox-beth");
    let outcome = world.run("table incident --json").expect(0);
    assert!(outcome.stderr.contains("types and labels are hidden"), "{}", outcome.stderr);
    let document = outcome.json();
    assert_eq!(document["parents"], json!(["task"]));
    let columns = document["columns"].as_array().unwrap();
    let number = columns.iter().find(|column| column["name"] == "number").unwrap();
    assert_eq!(
        *number,
        json!({"name": "number", "label": null, "type": null, "reference": null, "mandatory": null, "from": null})
    );
    // Below itil the list of tables is closed, too.
    let (_sandbox, mut world) = sandbox_world("joe.employee", "sandbox-joe");
    assert_eq!(world.run("table sys_user --json").expect(0).json()["parents"], Value::Null);
    let code = world.run("tables --json").expect(5).error_code();
    assert_eq!(code, "query-forbidden");
}

/// An answer with these rows, each of which may be several.
fn rows_of(rows: &[&str]) -> String {
    let rows = rows.join(",");
    let count = rows.matches('{').count();
    http(200, &format!("X-Total-Count: {count}\r\n"), &format!(r#"{{"result":[{rows}]}}"#))
}

/// The columns that `snow table c` shows where `c` extends `b`, and `b` extends `a`, which has
/// `x`; and what it says on the side. Asked for what is overridden, the server gives this.
fn mandatory_with(overrides: &str) -> (Vec<Value>, String) {
    let overrides = overrides.to_owned();
    let server = Wire::replies(move |head| {
        let name = ["a", "b", "c"].into_iter().find(|name| head.contains(&format!("name%3D{name}%5E")));
        let rows = if head.contains("/sys_dictionary_override?") {
            return overrides.clone();
        } else if head.contains("/sys_dictionary?") {
            r#"{"name":"a","element":"x","mandatory":"false","sys_id":"1"},{"name":"b","element":"y","mandatory":"true","sys_id":"2"}"#
        } else {
            match name {
                Some("c") => r#"{"name":"c","label":"","super_class.name":"b","sys_id":"1"}"#,
                Some("b") => r#"{"name":"b","label":"","super_class.name":"a","sys_id":"1"}"#,
                _ => r#"{"name":"a","label":"","super_class.name":"","sys_id":"1"}"#,
            }
        };
        rows_of(&[rows])
    });
    let outcome = run_against(&server.origin(), "table c --json").expect(0);
    let columns = outcome.json()["columns"].as_array().unwrap().clone();
    (columns.iter().map(|column| column["mandatory"].clone()).collect(), outcome.stderr)
}

#[test]
fn the_override_that_is_nearest_to_a_table_holds() {
    let row = |table: &str, column: &str, counts: bool, mandatory: bool| {
        format!(
            r#"{{"name":"{table}","element":"{column}","mandatory_override":"{counts}","mandatory":"{mandatory}","sys_id":"{table}{column}"}}"#
        )
    };
    for (rows, x, y) in [
        (vec![row("b", "x", true, true)], true, true),
        (vec![row("b", "x", true, false), row("c", "x", true, true)], true, true),
        (vec![row("b", "x", true, true), row("c", "x", true, false)], false, true),
        // It says nothing of this.
        (vec![row("c", "x", false, true)], false, true),
        // It is of a table above the one that has the column, or of another one.
        (vec![row("a", "y", true, false), row("d", "x", true, true)], false, true),
        (vec![row("c", "y", true, false)], false, false),
        (Vec::new(), false, true),
    ] {
        let answer = rows_of(&rows.iter().map(String::as_str).collect::<Vec<_>>());
        let (mandatory, said) = mandatory_with(&answer);
        assert_eq!(mandatory, [json!(x), json!(y)], "{rows:?}");
        assert!(!said.contains("overrides"), "{said}");
    }
}

#[test]
fn overrides_that_are_hidden_are_told_and_the_columns_stay() {
    let refused = http(403, "", r#"{"error":{"message":"no","detail":null},"status":"failure"}"#);
    let hidden = http(200, "X-Total-Count: 1\r\n", r#"{"result":[]}"#);
    for answer in [refused, hidden] {
        let (mandatory, said) = mandatory_with(&answer);
        assert_eq!(mandatory, [json!(false), json!(true)]);
        assert!(said.contains("overrides are hidden from this user and not counted"), "{said}");
    }
}

#[test]
fn parents_that_lead_in_a_circle_end() {
    let server = Wire::replies(|head| {
        if head.contains("/sys_dictionary_override?") {
            return rows_of(&[]);
        }
        let is_dictionary = head.contains("/sys_dictionary?");
        let name = if head.contains("name%3Da") { "a" } else { "b" };
        let parent = if name == "a" { "b" } else { "a" };
        let row = if is_dictionary {
            r#"{"name":"b","element":"x","mandatory":"false","sys_id":"1"},{"name":"a","element":"x","mandatory":"true","sys_id":"2"}"#.to_owned()
        } else {
            format!(r#"{{"name":"{name}","label":"","super_class.name":"{parent}","sys_id":"1"}}"#)
        };
        http(200, "X-Total-Count: 2\r\n", &format!(r#"{{"result":[{row}]}}"#))
    });
    let document = run_against(&server.origin(), "table a --json").expect(0).json();
    assert_eq!(document["parents"], json!(["b"]));
    // What a table declares again is its own.
    assert_eq!((&document["columns"][0]["from"], document["columns"].as_array().unwrap().len()), (&json!("a"), 1));
}

#[test]
fn the_same_five_questions_are_answered_as_curl_gets_them() {
    let (sandbox, mut world) = sandbox_world("beth.anglin", "sandbox-beth");
    let password = "sandbox-beth";
    for path in [
        "table/incident?sysparm_limit=20&sysparm_display_value=all",
        "table/sys_user?sysparm_query=active=true^ORDERBYuser_name&sysparm_fields=user_name,email",
        "stats/incident?sysparm_count=true&sysparm_group_by=state",
        "table/incident?sysparm_query=no_such_field=1&sysparm_limit=1",
        "table/no_such_table",
    ] {
        let url = format!("{}/api/now/{path}", sandbox.origin());
        let mut curl = crate::world::process::tool("curl");
        curl.args([
            "--silent",
            "--compressed",
            "--globoff",
            "--user",
            &format!("beth.anglin:{password}"),
            "-H",
            "Accept: application/json",
            &url,
        ]);
        let output = curl.output().unwrap();
        assert!(output.status.success() && !output.stdout.is_empty(), "{output:?}");
        assert_eq!(world.run_words(&["api", path]).stdout.as_bytes(), output.stdout, "{path}");
    }
    // The rows of a query are those of the same pages.
    let url = format!(
        "{}/api/now/table/incident?sysparm_query=ORDERBYsys_id&sysparm_fields=number,sys_id&sysparm_limit=1000",
        sandbox.origin()
    );
    let all: Value = serde_json::from_str(&Ask::new("GET", &url).user("beth.anglin").send().body).unwrap();
    let rows = world.run("query incident --all --fields number,sys_id -o jsonl").expect(0).stdout;
    let expected: String = all["result"].as_array().unwrap().iter().map(|row| format!("{row}\n")).collect();
    assert_eq!(rows, expected);
}

#[test]
fn the_instance_is_opened_in_a_browser() {
    let mut world = World::new();
    world.write_config("default = \"acme\"\n[connections.acme]\ninstance = \"acme\"\nauth = \"basic\"\nusername = \"x\"\n[connections.beta]\ninstance = \"beta\"\nauth = \"basic\"\nusername = \"x\"\n");
    let opened: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = opened.clone();
    world.browser(move |url| seen.lock().unwrap().push(url.to_owned()));
    let expected = BTreeMap::from([
        ("open", "https://acme.service-now.com/"),
        ("open beta", "https://beta.service-now.com/"),
        ("open /now/nav/ui/home", "https://acme.service-now.com/now/nav/ui/home"),
        ("open beta table/incident", "https://beta.service-now.com/incident_list.do"),
        ("open table/incident/abc", "https://acme.service-now.com/incident.do?sys_id=abc"),
        ("open https://acme.service-now.com/x?y=z", "https://acme.service-now.com/x?y=z"),
    ]);
    for (line, url) in expected {
        let outcome = world.run(line).expect(0);
        assert_eq!(opened.lock().unwrap().pop().as_deref(), Some(url), "{line}");
        assert!(outcome.stderr.contains(&format!("Opening {url}")), "{outcome:?}");
    }
    for line in [
        "open //evil.example/",
        "open https://evil.example/",
        "open /a/../b",
        "open stats/x",
        "open acme beta",
        "open acme /x more",
    ] {
        world.run(line).expect(2);
    }
    world.run("open acmee").expect(3).says(&["Did you mean acme?"]);
    assert_eq!(world.run("open --no-input").expect(0).stdout, "https://acme.service-now.com/\n");
    let document = world.run("open --no-input --json").expect(0).json();
    assert_eq!(document, json!({"schema": "snow.open/1", "url": "https://acme.service-now.com/", "opened": false}));
    assert!(opened.lock().unwrap().is_empty());
    let mut command = crate::world::process::snow(world.home());
    command.env("SNOW_BROWSER", "no-such-browser").args(["open", "--json"]);
    let outcome = crate::world::process::finish(command, b"").expect(3);
    assert_eq!(outcome.error_code(), "browser-failed");
    outcome.says(&["https://acme.service-now.com/"]);
}
