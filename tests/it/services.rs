//! The same stories of every service: written once, and lived through at each.

use std::fs;

use serde_json::{Value, json};
use snow_connect::sandbox::Sandbox;
use snow_connect::sandbox::salesforce::SalesforceSandbox;
use snow_connect::sandbox::salesforce::fault::SignIn;

use crate::world::salesforce::Org;
use crate::world::{Outcome, World};

/// A service: its embedded stand-in, and what is called how there.
struct Place {
    spec: &'static str,
    kind: Kind,
    world: World,
    /// Where its requests go below the origin.
    api: &'static str,
    table: &'static str,
    key: &'static str,
    /// A field whose values order the rows.
    number: &'static str,
    /// A condition that some rows fit and some do not.
    filter: &'static str,
}

enum Kind {
    ServiceNow(Sandbox),
    Salesforce(Box<Org>),
}

/// The ways to sign in that are tried, by their names.
const WAYS: [&str; 2] = ["basic", "client-credentials"];

impl Place {
    fn all() -> [Self; 2] {
        let sandbox = Sandbox::start(None, None).unwrap();
        [
            Self {
                spec: "servicenow",
                kind: Kind::ServiceNow(sandbox),
                world: World::new(),
                api: "/api/now/table/incident?sysparm_limit=1",
                table: "incident",
                key: "sys_id",
                number: "number",
                filter: "active=true",
            },
            Self {
                spec: "salesforce-service-cloud",
                kind: Kind::Salesforce(Box::new(Org::new())),
                world: World::new(),
                api: "/services/data/v64.0/limits",
                table: "Case",
                key: "Id",
                number: "CaseNumber",
                filter: "IsClosed = false",
            },
        ]
    }

    fn origin(&self) -> String {
        match &self.kind {
            Kind::ServiceNow(sandbox) => sandbox.origin(),
            Kind::Salesforce(org) => org.org.origin(),
        }
    }

    fn org(&self) -> Option<&SalesforceSandbox> {
        match &self.kind {
            Kind::ServiceNow(_) => None,
            Kind::Salesforce(org) => Some(&org.org),
        }
    }

    fn run(&mut self, line: &str) -> Outcome {
        match &mut self.kind {
            Kind::ServiceNow(_) => self.world.run(line),
            Kind::Salesforce(org) => org.world.run(line),
        }
    }

    fn run_words(&mut self, words: &[&str]) -> Outcome {
        match &mut self.kind {
            Kind::ServiceNow(_) => self.world.run_words(words),
            Kind::Salesforce(org) => org.world.run_words(words),
        }
    }

    fn world(&mut self) -> &mut World {
        match &mut self.kind {
            Kind::ServiceNow(_) => &mut self.world,
            Kind::Salesforce(org) => &mut org.world,
        }
    }

    /// Connects as `acme` in one of the [`WAYS`].
    fn connect(&mut self, way: &str, flags: &str) -> Outcome {
        let origin = self.origin();
        match (&mut self.kind, way) {
            (Kind::ServiceNow(_), "basic") => self
                .world
                .stdin("sandbox-beth")
                .run(&format!("connect {origin} --name acme --username beth.anglin --password-stdin {flags}")),
            (Kind::ServiceNow(_), _) => self.world.stdin("sandbox-ci-secret").run(&format!(
                "connect {origin} --name acme --auth client-credentials --client-id sandbox-ci \
                 --client-secret-stdin {flags}"
            )),
            (Kind::Salesforce(org), "basic") => org.connect(SignIn::Basic, flags),
            (Kind::Salesforce(org), _) => org.connect(SignIn::ClientCredentials, flags),
        }
    }

    fn expire(&self) {
        match &self.kind {
            Kind::ServiceNow(sandbox) => sandbox.expire_access_tokens(),
            Kind::Salesforce(org) => org.org.expire_access_tokens(),
        }
    }

    fn shown(&mut self) -> Value {
        self.run("show acme --json").expect(0).json()["connection"].clone()
    }
}

/// Lives through a story at each service, and with each of the ways to sign in.
fn each(story: impl Fn(&mut Place)) {
    for way in WAYS {
        for mut place in Place::all() {
            place.connect(way, "").expect(0);
            story(&mut place);
        }
    }
}

#[test]
fn a_connection_is_made_tested_listed_and_says_which_service_it_is_of() {
    each(|place| {
        let report = place.run("test acme --json").expect(0).json();
        let checks = report["connections"][0]["checks"].as_array().unwrap();
        let name = place.spec.split('-').next().unwrap();
        assert!(checks.iter().any(|check| check["id"] == format!("instance.{name}") && check["status"] == "pass"));
        let listed = place.run("list --json").expect(0).json();
        assert_eq!(listed["connections"][0]["spec"], place.spec);
        assert_eq!(listed["connections"][0]["last_test"]["ok"], true);
        let (origin, shown) = (place.origin(), place.shown());
        assert_eq!((&shown["instance"], &shown["state"]), (&json!(origin), &json!("enabled")));
        place.run("status acme --json").expect(0);
    });
}

#[test]
fn a_connection_that_was_saved_fits_the_schema_of_its_service() {
    each(|place| {
        let schema = place.run(&format!("spec {} --json", place.spec)).expect(0).json()["specs"][0]["schema"].clone();
        let config: Value = toml::from_str(&place.world().config()).unwrap();
        let entry = &config["connections"]["acme"];
        jsonschema::validate(&schema, entry).unwrap_or_else(|error| panic!("{}: {error}: {entry}", place.spec));
    });
}

#[test]
fn a_wrong_secret_is_refused_and_nothing_is_saved() {
    for mut place in Place::all() {
        let (origin, spec) = (place.origin(), place.spec);
        for flags in [
            "--username beth.anglin --password-stdin",
            "--auth client-credentials --client-id sandbox-ci --client-secret-stdin",
        ] {
            let line = format!("connect {origin} --spec {spec} --name wrong {flags}");
            place.world().stdin("CANARY-wrong").run(&line).expect(4);
            assert_eq!(place.run("list --json").json()["connections"], json!([]), "{line}");
        }
    }
}

#[test]
fn an_instance_that_is_not_there_is_a_fault_of_the_network() {
    for mut place in Place::all() {
        let port = crate::oauth::free_port();
        let spec = place.spec;
        let line = format!("connect http://127.0.0.1:{port} --spec {spec} --name away --username u --password-stdin");
        let outcome = place.world().stdin("CANARY-away").run(&format!("{line} --json")).expect(6);
        assert_eq!(outcome.error_code(), "connection-refused");
    }
}

#[test]
fn a_session_that_ended_is_renewed_once_and_the_request_goes_on() {
    for mut place in Place::all() {
        place.connect("client-credentials", "").expect(0);
        let before = place.run("token acme --json").expect(0).json()["access_token"].clone();
        place.expire();
        let path = place.api;
        place.run_words(&["api", "-c", "acme", path]).expect(0);
        let after = place.run("token acme --json").expect(0).json()["access_token"].clone();
        assert_ne!(before, after, "{}", place.spec);
        place.expire();
        place.run("test acme").expect(0);
        place.run("refresh acme").expect(0);
    }
}

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
fn what_the_service_refuses_for_a_table_is_no_matter_of_the_sign_in() {
    each(|place| {
        let report = place.run("test acme --table no_such_table --json");
        let connection = &report.json()["connections"][0];
        assert!([5, 10].contains(&report.code), "{report:?}");
        let request = connection["checks"].as_array().unwrap().iter().find(|check| check["id"] == "auth.request");
        assert_eq!(request.unwrap()["status"], "pass", "{connection}");
    });
}

#[test]
fn a_change_wants_the_etag_and_a_disabled_connection_is_used_by_nothing() {
    each(|place| {
        let etag = place.shown()["etag"].as_str().unwrap().to_owned();
        place.run("edit acme --set description=new --if-match enope").expect(3).says(&["revision-conflict"]);
        place.run(&format!("edit acme --set description=new --if-match {etag}")).expect(0);
        assert_ne!(place.shown()["etag"], etag);
        place.run("edit acme --set state=disabled").expect(0);
        let path = place.api;
        for words in [&["test", "acme"][..], &["token", "acme"], &["api", "-c", "acme", path]] {
            assert_eq!(
                place.run_words(&[words, &["--json"]].concat()).error_code(),
                "connection-disabled",
                "{words:?}"
            );
        }
        place.run("edit acme --unset state").expect(0);
        place.run("test acme").expect(0);
    });
}

#[test]
fn a_connection_goes_to_a_colleague_and_to_adobe_and_comes_back() {
    each(|place| {
        let home = place.world().home().to_owned();
        let (team, adobe) = (home.join("team.toml"), home.join("adobe.json"));
        let shown = place.shown();
        fs::write(&team, place.run("export acme").expect(0).stdout).unwrap();
        // The source for ServiceNow has no client credentials.
        let body = place.run("export acme --as adobe");
        let is_known = body.code == 0;
        assert!(is_known || (place.spec == "servicenow" && body.code == 2), "{body:?}");
        place.run("remove acme --yes").expect(0);
        place.run(&format!("import {} --username colleague@sandbox.example", team.display())).expect(0);
        let theirs = place.shown();
        for key in ["spec", "instance", "auth", "client_id", "tables"] {
            assert_eq!(theirs[key], shown[key], "{key}");
        }
        place.run("remove acme --yes").expect(0);
        if is_known {
            fs::write(&adobe, body.stdout).unwrap();
            place.run(&format!("import adobe {} --yes", adobe.display())).expect(0);
            let back = place.shown();
            for key in ["spec", "instance", "auth", "username", "client_id"] {
                // The user of a client is known once it signed in.
                if key == "username" && shown["auth"] == "client-credentials" {
                    continue;
                }
                assert_eq!(back[key], shown[key], "{key}");
            }
        }
    });
}

#[test]
fn signing_out_forgets_the_secrets_and_keeps_the_connection() {
    each(|place| {
        place.run("logout acme --yes").expect(0);
        assert_eq!(place.run("test acme --json").expect(4).json()["connections"][0]["code"], "no-credential");
        assert_eq!(place.shown()["name"], "acme");
        place.run("remove acme --yes").expect(0);
        assert_eq!(place.run("list --json").expect(0).json()["connections"], json!([]));
    });
}

#[test]
fn a_program_is_handed_the_credential_that_is_valid_now() {
    each(|place| {
        place.world().is_public();
        let header = place.run("token acme --format header").expect(0).stdout;
        assert!(header.starts_with("Authorization: "), "{header}");
        let request = format!("{{\"uri\":\"{}{}\"}}", place.origin(), place.api);
        let helped = place.world().stdin(&request).run("credential get").expect(0).json();
        let value = helped["headers"]["Authorization"][0].as_str().unwrap();
        assert_eq!(header.trim_end(), format!("Authorization: {value}"));
        let text = place.run("env acme --for curl --reveal").expect(0).stdout;
        assert!(text.contains("header = ") || text.contains("user = "), "{text}");
    });
}

#[test]
fn a_mixed_fleet_is_tested_at_once() {
    let [mut servicenow, mut salesforce] = Place::all();
    servicenow.connect("basic", "").expect(0);
    salesforce.connect("client-credentials", "--label env=prod").expect(0);
    let entry = salesforce.world().config();
    let entry = entry.split("[connections.acme]").nth(1).unwrap();
    let mixed = format!("{}\n[connections.cloud]{entry}", servicenow.world().config());
    servicenow.world().write_config(mixed);
    let report = servicenow.run("test --all --json");
    let document = report.json();
    // The secret of the other is in another store here.
    let codes: Vec<_> = document["connections"].as_array().unwrap().iter().map(|entry| entry["code"].clone()).collect();
    assert_eq!(codes, [Value::Null, json!("no-credential")], "{document}");
    let listed = servicenow.run("list --json").expect(0).json();
    let specs: Vec<_> = listed["connections"].as_array().unwrap().iter().map(|entry| entry["spec"].clone()).collect();
    assert_eq!(specs, ["servicenow", "salesforce-service-cloud"]);
    assert!(salesforce.org().is_some());
}
