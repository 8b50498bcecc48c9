//! The same stories of every service: what its tables have, and requests of one's own.

use std::fs;

use serde_json::Value;
use snow_connect::sandbox::salesforce::fault::SignIn;

use crate::world::place::{Place, each};
#[cfg(unix)]
use crate::world::process::{finish, program};

#[test]
fn tables_columns_and_rows_are_explored_in_the_same_way() {
    each(|place| {
        let (table, key, number, filter) = (place.table, place.key, place.number, place.filter);
        let tables = place.run("tables -c acme --json").expect(0).json();
        assert!(tables["tables"].as_array().unwrap().iter().any(|entry| entry["name"] == table), "{tables}");
        let columns = place.run(&format!("table {table} -c acme --json")).expect(0).json();
        for name in [key, number] {
            assert!(columns["columns"].as_array().unwrap().iter().any(|column| column["name"] == name), "{name}");
        }
        let ask = |place: &mut Place, flags: &[&str]| {
            let words = [&["query", table, "-c", "acme", "--json"], flags].concat();
            place.run_words(&words).expect(0).json()
        };
        let rows = |document: &Value| document["rows"].as_array().unwrap().clone();
        let some = ask(place, &["--fields", number, "--limit", "3"]);
        assert_eq!(rows(&some).len(), 3);
        assert_eq!(rows(&some)[0].as_object().unwrap().keys().collect::<Vec<_>>(), [number]);
        let all = rows(&ask(place, &["--all", "--fields", number]));
        let fitting = rows(&ask(place, &["--all", "--fields", number, "--filter", filter]));
        assert!(!fitting.is_empty() && fitting.len() < all.len(), "{} of {}", fitting.len(), all.len());
        let ordered = rows(&ask(place, &["--all", "--fields", number, "--order", &format!("-{number}")]));
        let numbers: Vec<_> = ordered.iter().map(|row| row[number].as_str().unwrap().to_owned()).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] >= pair[1]), "{numbers:?}");
        assert_eq!(ordered.len(), all.len());
        let counted = place.run_words(&["query", table, "-c", "acme", "--count", "--filter", filter]).expect(0);
        assert_eq!(counted.stdout.trim().parse::<usize>().unwrap(), fitting.len());
        let csv = place.run_words(&["query", table, "-c", "acme", "--fields", number, "--limit", "2", "-o", "csv"]);
        assert_eq!(csv.expect(0).stdout.lines().next(), Some(number));
    });
}

#[test]
fn a_query_goes_on_from_its_checkpoint() {
    each(|place| {
        let home = place.world().home().to_owned();
        let (rows, checkpoint) = (home.join("rows.jsonl"), home.join("checkpoint"));
        let output = format!("jsonl={}", rows.display());
        let checkpoint = checkpoint.display().to_string();
        let table = place.table;
        let words = ["query", table, "-c", "acme", "--all", "-o", &output, "--checkpoint", &checkpoint];
        place.run_words(&words).expect(0);
        let first = fs::read_to_string(&rows).unwrap();
        assert!(first.lines().count() >= 20, "{}", first.lines().count());
        place.run_words(&words).expect(0);
        assert_eq!(fs::read_to_string(&rows).unwrap(), first, "it is complete, and nothing is asked");
    });
}

#[test]
fn a_row_is_made_by_a_request_and_found_by_a_query() {
    each(|place| {
        let (create, text) = (place.create, place.text);
        let made = place.run_words(&["api", "-c", "acme", "POST", create, "-f", &format!("{text}=By hand")]);
        assert!(made.expect(0).json().is_object());
        let fitting = place.condition(text, "By hand");
        let words = ["query", place.table, "-c", "acme", "--filter", &fitting, "--fields", text, "--json"];
        let found = place.run_words(&words).expect(0).json();
        assert_eq!(found["rows"], serde_json::json!([{ text: "By hand" }]));
    });
}

#[test]
fn values_come_as_a_person_reads_them_or_it_is_said_that_they_cannot() {
    each(|place| {
        let words = ["query", place.table, "-c", "acme", "--limit", "1", "--display", "--json"];
        let outcome = place.run_words(&words);
        if place.is_servicenow() {
            assert_eq!(outcome.expect(0).json()["rows"].as_array().unwrap().len(), 1);
            return;
        }
        assert_eq!(outcome.expect(2).error_code(), "usage");
        place.run_words(&words[..7]).expect(2).says(&["--display does not work with Salesforce", "Owner.Name"]);
        let words = ["query", place.table, "-c", "acme", "--limit", "1", "--fields", "Owner.Name", "--json"];
        let row = place.run_words(&words).expect(0).json()["rows"][0].clone();
        assert!(row["Owner.Name"].is_string(), "{row}");
    });
}

/// More rows than a page has, and than `OFFSET` of SOQL reaches.
const MANY: usize = 2600;

/// The numbers of all rows, sorted.
fn numbers(rows: &[Value], field: &str) -> Vec<String> {
    let mut numbers: Vec<_> = rows.iter().map(|row| row[field].as_str().unwrap().to_owned()).collect();
    numbers.sort();
    numbers
}

#[test]
fn pages_are_followed_to_the_last_whoever_asks_for_them() {
    for mut place in Place::with_rows(MANY) {
        place.connect(SignIn::ClientCredentials, "").expect(0);
        let (rows, table, number, member) = (place.rows, place.table, place.number, place.member);
        let paged = place.run_words(&["api", "-c", "acme", rows, "--paginate"]).expect(0).json();
        let paged = numbers(paged[member].as_array().unwrap(), number);
        let once = place.run_words(&["api", "-c", "acme", rows]).expect(0).json();
        assert!(once[member].as_array().unwrap().len() < paged.len());
        let mut all = Vec::new();
        for order in ["", "text", "-text"] {
            let order = order.replace("text", place.text);
            let order: &[&str] = if order.is_empty() { &[] } else { &["--order", &order] };
            let words = [&["query", table, "-c", "acme", "--all", "--fields", number, "--json"], order].concat();
            let outcome = place.run_words(&words).expect(0);
            all.push(numbers(outcome.json()["rows"].as_array().unwrap(), number));
        }
        assert!(all[0].len() >= MANY && all[0].windows(2).all(|pair| pair[0] < pair[1]), "{}", all[0].len());
        assert!(all.iter().all(|numbers| *numbers == paged), "{}: {:?}", place.spec, all.iter().map(Vec::len));
    }
}

#[cfg(unix)]
#[test]
fn a_query_that_was_killed_goes_on_from_its_checkpoint_in_any_order() {
    for mut place in Place::with_rows(MANY) {
        place.keeps_secrets_in_a_file();
        place.connect(SignIn::ClientCredentials, "").expect(0);
        for order in ["", place.number, &format!("-{}", place.text)] {
            let fields = format!("{},{}", place.number, place.text);
            let order: &[&str] = if order.is_empty() { &[] } else { &["--order", order] };
            let query = [&["query", place.table, "-c", "acme", "--all", "--fields", &fields], order].concat();
            let whole = place.run_words(&[&query[..], &["-o", "csv"]].concat()).expect(0).stdout;
            let lines = |text: &str| {
                let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
                lines.sort();
                lines
            };
            // The system ends a program that makes a file larger than this.
            let mut limited = place.tool("prlimit");
            limited.arg(format!("--fsize={}", whole.len() * 9 / 10)).arg(program()).args(&query);
            let written = ["-o", "csv=rows.csv", "--checkpoint", "state"];
            limited.args(written);
            let killed = finish(limited, b"");
            assert_ne!(killed.code, 0, "{killed:?}");
            let (rows, state) = (place.world().home().join("rows.csv"), place.world().home().join("state"));
            let remembered: Value = serde_json::from_str(&fs::read_to_string(&state).unwrap()).unwrap();
            assert!(remembered["cursor"]["rows"].as_u64().unwrap() >= 1000, "{remembered}");
            let mut resumed = place.program();
            resumed.args(&query).args(written);
            finish(resumed, b"").expect(0);
            assert_eq!(lines(&fs::read_to_string(&rows).unwrap()), lines(&whole), "{}", place.spec);
            fs::remove_file(rows).unwrap();
            fs::remove_file(state).unwrap();
        }
    }
}
