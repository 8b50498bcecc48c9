//! `snow query`: rows of a table, whole and once.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use snow_connect::sandbox::scenario::Scenario;
use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::oauth;
use crate::world::ask::Ask;
use crate::world::rows::{RowServer, key, page, row};
use crate::world::wire::{http, run_against};
use crate::world::{Outcome, PASSWORD, World};

fn sandbox_world(user: &str, password: &str) -> (Sandbox, World) {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), user, password);
    (sandbox, world)
}

/// A world whose variables describe a server of the test.
fn world_at(origin: &str) -> World {
    let mut world = World::new();
    world.set("SNOW_INSTANCE", origin).set("SNOW_USERNAME", "beth").set("SNOW_PASSWORD", PASSWORD);
    world
}

/// The rows of JSON lines.
fn lines(outcome: &Outcome) -> Vec<Value> {
    outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn keys(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["sys_id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn rows_come_in_every_form_with_the_fields_that_were_asked_for() {
    let (_sandbox, mut world) = sandbox_world("beth.anglin", "sandbox-beth");
    let query = "query sys_user --filter user_nameINbeth.anglin,admin --fields user_name,name";
    let document = world.run(&format!("{query} --json")).expect(0).json();
    assert_eq!(
        (&document["schema"], &document["table"], &document["count"]),
        (&json!("snow.query/1"), &json!("sys_user"), &json!(2))
    );
    let rows = document["rows"].as_array().unwrap().clone();
    let names: BTreeSet<&str> = rows.iter().map(|row| row["user_name"].as_str().unwrap()).collect();
    assert_eq!(names, ["admin", "beth.anglin"].into());
    assert!(rows.iter().all(|row| row.as_object().unwrap().len() == 2), "{rows:?}");
    assert_eq!(lines(&world.run(&format!("{query} -o jsonl")).expect(0)), rows);
    let csv: Vec<String> = rows
        .iter()
        .map(|row| format!("{},{}", row["user_name"].as_str().unwrap(), row["name"].as_str().unwrap()))
        .collect();
    assert_eq!(
        world.run(&format!("{query} -o csv")).expect(0).stdout,
        format!("user_name,name\r\n{}\r\n", csv.join("\r\n"))
    );
    let tabs = world.run(query).expect(0).stdout;
    assert_eq!(tabs, format!("user_name\tname\n{}\n", csv.join("\n").replace(',', "\t")));
    let shown = world.person([]).run(query).expect(0).stdout;
    assert!(shown.starts_with("USER_NAME") && shown.contains("beth.anglin  Beth Anglin"), "{shown}");
    // All fields, of which few fit.
    let shown = world.person([]).run("query incident --limit 3").expect(0).stdout;
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    assert!(shown.starts_with("NUMBER") && shown.contains("more fields: --fields a,b, or -o json"), "{shown}");
    assert_eq!(shown.lines().count(), 5, "{shown}");
}

#[test]
fn filters_order_limit_and_display_are_what_the_instance_is_asked_for() {
    let (_sandbox, mut world) = sandbox_world("beth.anglin", "sandbox-beth");
    let numbers =
        |rows: &[Value]| rows.iter().map(|row| row["number"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let rows = lines(&world.run("query incident --order -number --limit 5 --fields number -o jsonl").expect(0));
    let sorted = numbers(&rows);
    assert!(sorted.len() == 5 && sorted.is_sorted_by(|one, other| one > other), "{sorted:?}");
    let rows = lines(&world.run("query incident --filter ORDERBYnumber --limit 5 --fields number -o jsonl").expect(0));
    assert!(numbers(&rows).is_sorted(), "{rows:?}");
    let (one, two) = (
        "query incident --filter active=true --filter priority=1 --all",
        "query incident --filter active=true^priority=1 --all",
    );
    let (one, two) = (world.run(&format!("{one} -o jsonl")).expect(0), world.run(&format!("{two} -o jsonl")).expect(0));
    assert!(!one.stdout.is_empty());
    assert_eq!(one.stdout, two.stdout);
    assert!(lines(&one).iter().all(|row| row["priority"] == "1" && row["active"] == "true"));
    assert_eq!(lines(&world.run("query incident -o jsonl").expect(0)).len(), 100);
    let shown = lines(&world.run("query incident --limit 1 --fields state,caller_id --display -o jsonl").expect(0));
    assert!(shown[0]["caller_id"].as_str().unwrap().contains(' '), "{shown:?}");
    world.run("query incident --limit 0 -o jsonl").expect(0);
    let count = world.run("query incident --filter priority=1^NQpriority=2 --count").expect(0).stdout;
    let rows = world.run("query incident --filter priority=1^NQpriority=2 --all -o jsonl").expect(0);
    assert_eq!(count.trim(), lines(&rows).len().to_string());
    assert!(lines(&rows).iter().all(|row| row["priority"] == "1" || row["priority"] == "2"));
    let document = world.run("query incident --count --json").expect(0).json();
    assert_eq!((&document["count"], &document["rows"]), (&json!(400), &json!([])));
}

#[test]
fn all_rows_come_once_whatever_the_page() {
    let sandbox = Sandbox::open(SandboxOptions { incidents: 2345, ..SandboxOptions::default() }).unwrap();
    let mut world = World::new();
    world.connect("acme", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    let url = format!("{}/api/now/table/incident?sysparm_fields=sys_id", sandbox.origin());
    let all: Value = serde_json::from_str(&Ask::new("GET", &url).user("beth.anglin").send().body).unwrap();
    let all: BTreeSet<String> = keys(all["result"].as_array().unwrap()).into_iter().collect();
    for line in [
        "query incident --all --fields sys_id -o jsonl",
        "query incident --all --order number --fields sys_id -o jsonl",
    ] {
        let found = keys(&lines(&world.run(line).expect(0)));
        assert_eq!(found.len(), 2345, "{line}");
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), all, "{line}");
    }
    // Sub-classes are of the table, too.
    let tasks = keys(&lines(&world.run("query task --all --fields sys_id -o jsonl").expect(0)));
    assert_eq!(tasks.iter().collect::<BTreeSet<_>>().len(), tasks.len());
    assert!(tasks.len() > 2345);
}

#[test]
fn rows_neither_double_nor_vanish_while_others_write() {
    // Between two pages rows come and go, before the place and after it.
    let server = RowServer::with(5000, |asked, table, answer| {
        let mut table = table.lock().unwrap();
        let at = asked.number * 1000 * 3;
        for step in 0..50 {
            table.insert(key(at.saturating_sub(step * 30) + 1), "early".to_owned());
            table.insert(key(at + 4000 + step * 30 + 1), "late".to_owned());
            table.remove(&key(at.saturating_sub(step * 30)));
        }
        answer
    });
    let before: BTreeSet<String> = server.keys().into_iter().collect();
    let found = keys(&lines(&run_against(&server.origin(), "query x --all -o jsonl").expect(0)));
    let once: BTreeSet<String> = found.iter().cloned().collect();
    assert_eq!(once.len(), found.len(), "a row came twice");
    let after: BTreeSet<String> = server.keys().into_iter().collect();
    let stayed: BTreeSet<String> = before.intersection(&after).cloned().collect();
    assert!(stayed.len() < before.len() && stayed.is_subset(&once), "{:?}", stayed.difference(&once).next());
}

#[test]
fn hidden_rows_are_told_and_those_behind_them_found() {
    // Of 9000 rows the first 4000 and every second one after are hidden.
    let is_hidden = |text: &str| {
        let number: usize = text.strip_prefix("row ").unwrap().parse().unwrap();
        number <= 4000 || number.is_multiple_of(2)
    };
    let server = RowServer::with(9000, move |asked, table, _| {
        let table = table.lock().unwrap();
        let after = asked.after.clone().unwrap_or_default();
        let fitting = || table.iter().filter(|(key, _)| **key > after);
        let rows = fitting().skip(asked.offset).take(asked.limit).filter(|(_, text)| !is_hidden(text));
        page(&rows.map(|(key, text)| row(key, text)).collect::<Vec<_>>(), asked.counts.then(|| fitting().count()))
    });
    let outcome = run_against(&server.origin(), "query x --all -o jsonl").expect(0);
    assert_eq!(keys(&lines(&outcome)).into_iter().collect::<BTreeSet<_>>().len(), 2500);
    assert!(outcome.stderr.contains("counts 9000 rows of x and showed 2500"), "{}", outcome.stderr);
    let strict = run_against(&server.origin(), "query x --all --strict --json").expect(11);
    let document = strict.json();
    assert_eq!((document["rows"].as_array().unwrap().len(), &document["error"]["code"]), (2500, &json!("warnings")));
    let some = run_against(&server.origin(), "query x --limit 70 -o jsonl").expect(0);
    assert_eq!(lines(&some).len(), 70);
    // In another order, pages are counted off.
    let ordered = run_against(&server.origin(), "query x --all --order text -o jsonl").expect(0);
    assert_eq!(lines(&ordered).len(), 2500);

    let (sandbox, mut world) = sandbox_world("beth.anglin", "sandbox-beth");
    sandbox.set_scenario(Some(Scenario::TableHidden));
    world.run("query incident").expect(0).says(&["counts 400 rows of incident and showed 0"]);
    world.run("query incident --strict").expect(11);
    world.run("query sys_user --strict -o jsonl").expect(0);
}

#[test]
fn terms_that_the_instance_drops_are_told() {
    let (_sandbox, mut world) = sandbox_world("beth.anglin", "sandbox-beth");
    let line = "query incident --limit 3 --fields number -o jsonl --filter";
    let outcome = world.run(&format!("{line} active=true^no_such_field=7")).expect(0);
    assert!(outcome.stderr.contains("leaves out no_such_field=7"), "{}", outcome.stderr);
    assert_eq!(lines(&outcome).len(), 3);
    let strict = world.run(&format!("{line} active=true^ORno_such_field=7 --strict")).expect(11);
    assert_eq!(strict.stdout, "");
    let unknown = world.run(&format!("{line} numberSTARTSWITHINC")).expect(0);
    assert!(
        unknown.stderr.contains("cannot be told whether the instance reads numberSTARTSWITHINC"),
        "{}",
        unknown.stderr
    );
    let good =
        world.run(&format!("{line} active=true^priorityIN1,2^ORurgency>1^caller_idISNOTEMPTY --strict")).expect(0);
    assert!(!good.stderr.contains("leaves out") && !good.stderr.contains("cannot be told"), "{}", good.stderr);
    let missing = world.run("query incident --limit 2 --fields number,nonsense -o jsonl").expect(0);
    assert!(missing.stderr.contains("no row has nonsense"), "{}", missing.stderr);
    world.run("query incident --limit 2 --fields number,nonsense --strict").expect(11);
    world.run("query incident --count --filter nonsense=1").expect(0).says(&["400", "leaves out nonsense=1"]);
    world.run("query incident --count --filter nonsense=1 --strict").expect(11);
}

#[test]
fn a_session_that_ends_in_between_is_renewed() {
    let sandbox = Sandbox::open(SandboxOptions { incidents: 3500, ..SandboxOptions::default() }).unwrap();
    let mut world = oauth::connected(&sandbox);
    sandbox.expire_access_tokens();
    let found = keys(&lines(&world.run("query incident --all --fields sys_id -o jsonl").expect(0)));
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>().len(), 3500);
    sandbox.revoke_all();
    let outcome = world.run("query incident --all --json").expect(4);
    assert_eq!(outcome.json()["schema"], "snow.error/1");
}

#[test]
fn a_rate_limit_is_waited_for_on_every_page() {
    let server = RowServer::with(3000, |asked, _, answer| match asked.number % 2 {
        0 => http(
            429,
            "Retry-After: 0\r\n",
            r#"{"error":{"message":"Rate limit exceeded","detail":"x"},"status":"failure"}"#,
        ),
        _ => answer,
    });
    let outcome = run_against(&server.origin(), "query x --all -o jsonl").expect(0);
    assert_eq!(keys(&lines(&outcome)), server.keys());
    let forever = RowServer::with(3, |_, _, _| {
        http(
            429,
            "Retry-After: 0\r\n",
            r#"{"error":{"message":"Rate limit exceeded","detail":"x"},"status":"failure"}"#,
        )
    });
    let outcome = run_against(&forever.origin(), "query x --json").expect(8);
    assert_eq!(outcome.error_code(), "rate-limited");
    assert!(forever.wire.requests() < 30);
    // Longer than an hour is not waited for.
    let tomorrow = RowServer::with(3, |_, _, _| http(429, "Retry-After: 7200\r\n", "{}"));
    run_against(&tomorrow.origin(), "query x").expect(8);
    assert_eq!(tomorrow.wire.requests(), 1);
}

#[test]
fn csv_has_the_values_as_they_are_and_safe_ones_if_that_is_wanted() {
    let values = ["=1+1", "+1", "-1", "@x", "a,b", "say \\\"x\\\"", "one\\ntwo", "\\ttab", ""];
    let server = RowServer::with(values.len(), move |asked, _, _| {
        let rows: Vec<String> = values.iter().enumerate().map(|(number, text)| row(&key(number + 1), text)).collect();
        if asked.after.is_some() { page(&[], Some(0)) } else { page(&rows, Some(values.len())) }
    });
    let plain = "text\r\n=1+1\r\n+1\r\n-1\r\n@x\r\n\"a,b\"\r\n\"say \"\"x\"\"\"\r\n\"one\ntwo\"\r\n\ttab\r\n\r\n";
    assert_eq!(run_against(&server.origin(), "query x --fields text -o csv").expect(0).stdout, plain);
    let safe = "text\r\n'=1+1\r\n'+1\r\n'-1\r\n'@x\r\n\"a,b\"\r\n\"say \"\"x\"\"\"\r\n\"one\ntwo\"\r\n'\ttab\r\n\r\n";
    assert_eq!(run_against(&server.origin(), "query x --fields text -o csv --csv-safe").expect(0).stdout, safe);
    let none = RowServer::of(0);
    assert_eq!(run_against(&none.origin(), "query x --fields a,b -o csv").expect(0).stdout, "a,b\r\n");
}

#[test]
fn a_file_is_replaced_once_it_is_whole() {
    let server = RowServer::of(2500);
    let mut world = world_at(&server.origin());
    let file = world.home().join("rows.jsonl");
    let line = format!("query x --all -o jsonl={}", file.display());
    let outcome = world.run(&line).expect(0);
    assert!(outcome.stdout.is_empty() && outcome.stderr.contains("2500 rows in"), "{outcome:?}");
    let content = std::fs::read_to_string(&file).unwrap();
    assert_eq!(content.lines().count(), 2500);
    let broken = RowServer::with(2500, |asked, _, answer| if asked.number == 0 { answer } else { http(403, "", "{}") });
    world_at(&broken.origin()).run(&line).expect(5);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), content);
    let json = world.home().join("rows.json");
    world.run(&format!("query x --all -o json={}", json.display())).expect(0);
    let document: Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    assert_eq!(document["rows"].as_array().unwrap().len(), 2500);
}

#[test]
fn what_does_not_go_together_is_refused() {
    let server = RowServer::of(1);
    let mut world = world_at(&server.origin());
    for line in [
        "query",
        "query in.cident",
        "query x --limit 1 --all",
        "query x --limit many",
        "query x --count --all",
        "query x --count -o csv",
        "query x --csv-safe",
        "query x -o junit",
        "query x -o html=x.html",
        "query x -o csv=a -o json=b",
        "query x -o csv=a --json",
        "query x --checkpoint a",
        "query x --checkpoint a -o text=b",
        "query x --fields a;b",
        "query x --order a,b",
        "test -o csv",
        "list -o csv",
        "tables -o csv",
    ] {
        world.run(line).expect(2);
    }
    assert_eq!(server.wire.requests(), 0);
}

#[test]
fn a_checkpoint_goes_on_where_a_failed_run_ended() {
    let fails_at = std::sync::Arc::new(AtomicUsize::new(3));
    let failing = fails_at.clone();
    let server = RowServer::with(6543, move |asked, _, answer| {
        if asked.number == failing.load(Ordering::SeqCst) {
            http(403, "", r#"{"error":{"message":"x","detail":null},"status":"failure"}"#)
        } else {
            answer
        }
    });
    for (form, name) in [("jsonl", "rows.jsonl"), ("csv", "rows.csv"), ("json", "rows.json")] {
        let mut world = world_at(&server.origin());
        let (file, whole) = (world.home().join(name), world.home().join("whole"));
        let query = "query x --all --fields text";
        fails_at.store(usize::MAX, Ordering::SeqCst);
        world.run(&format!("{query} -o {form}={}", whole.display())).expect(0);
        let state = world.home().join("state");
        let line = format!("{query} -o {form}={} --checkpoint {}", file.display(), state.display());
        for _ in 0..2 {
            fails_at.store(server.wire.requests() + 2, Ordering::SeqCst);
            world.run(&line).expect(5);
            // What came after the checkpoint, as of a run that was killed.
            let mut content = std::fs::read(&file).unwrap();
            content.extend_from_slice(b"{\"half a ro");
            std::fs::write(&file, content).unwrap();
        }
        fails_at.store(usize::MAX, Ordering::SeqCst);
        world.run(&line).expect(0);
        assert!(std::fs::read(&file).unwrap() == std::fs::read(&whole).unwrap(), "{form}");
        // Complete: nothing is asked, and nothing is touched.
        let (requests, modified) = (server.wire.requests(), std::fs::metadata(&file).unwrap().modified().unwrap());
        world.run(&line).expect(0).says(&["Complete already: 6543 rows"]);
        assert_eq!(
            (server.wire.requests(), std::fs::metadata(&file).unwrap().modified().unwrap()),
            (requests, modified)
        );
        // Another query, another output, another connection.
        for other in [
            line.replace("--fields text", "--fields sys_id"),
            line.replace("--all", "--limit 7"),
            line.replace(name, "other"),
            line.replace("query x", "query y"),
        ] {
            world.run(&other).expect(2).says(&["of another query, connection or output"]);
        }
        let other = server.origin().replace("127.0.0.1", "localhost");
        world.unset("SNOW_INSTANCE").set("SNOW_INSTANCE", &other);
        world.run(&line).expect(2).says(&["of another query, connection or output"]);
        world.unset("SNOW_INSTANCE").set("SNOW_INSTANCE", &server.origin());
        // Without its output it is begun anew, and so is an output without its checkpoint.
        std::fs::remove_file(&file).unwrap();
        world.run(&line).expect(0);
        assert!(std::fs::read(&file).unwrap() == std::fs::read(&whole).unwrap(), "{form}");
        std::fs::remove_file(&state).unwrap();
        world.run(&line).expect(0);
        assert!(std::fs::read(&file).unwrap() == std::fs::read(&whole).unwrap(), "{form}");
        std::fs::write(&file, "short").unwrap();
        world.run(&line).expect(2).says(&["knows more of the output"]);
        std::fs::write(&state, "not mine").unwrap();
        world.run(&line).expect(2).says(&["is no checkpoint"]);
        assert_eq!(std::fs::read_to_string(&state).unwrap(), "not mine");
    }
}
