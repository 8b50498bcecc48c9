//! Many connections to as many instances over TLS, twelve of them broken in
//! twelve ways: every form of the report says the same of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use snow_connect::sandbox::scenario::Scenario;
use snow_connect::sandbox::{Sandbox, SandboxOptions};
use snow_connect::store::ItemKey;

use crate::world::chromium::Chromium;
use crate::world::items;
use crate::world::process::{finish, tool};
use crate::world::tls::{Authority, Leaf};
use crate::world::wire::Wire;
use crate::world::{World, block_on, reach};

/// How many connections there are.
fn all() -> usize {
    reach(60, 200)
}

/// What an instance does wrong from the first test on, and which of the first 60.
const SCENARIOS: [(usize, Scenario, &str); 9] = [
    (3, Scenario::Hibernating, "instance-hibernating"),
    (8, Scenario::BasicRefused, "basic-refused"),
    (13, Scenario::MfaRequired, "mfa-required"),
    (18, Scenario::ApiAcl, "api-acl"),
    (23, Scenario::ForbiddenPage, "forbidden-page"),
    (28, Scenario::RateLimited, "rate-limited"),
    (33, Scenario::InstanceUnavailable, "instance-unavailable"),
    (38, Scenario::SsoRedirect, "sso-redirect"),
    (43, Scenario::TransactionCancelled, "transaction-cancelled"),
];
const SECRET_IS_GONE: usize = 48;
const CERTIFICATE_IS_OVER: usize = 53;
const HANGS: usize = 58;

/// The instances, and a world that is connected to each.
struct Fleet {
    world: World,
    sandboxes: Vec<Sandbox>,
    /// The connections that fail, with their codes.
    broken: BTreeMap<String, &'static str>,
    _silent: Wire,
}

fn name(number: usize) -> String {
    format!("acme-{number:03}")
}

impl Fleet {
    fn new() -> Self {
        let authority = Authority::new();
        let mut world = World::new();
        let ca = world.home().join("ca.pem");
        authority.save(&ca);
        let silent = Wire::plays(|_, _| std::thread::sleep(Duration::from_secs(60)));
        let mut sandboxes = Vec::new();
        for number in 0..all() {
            let options = SandboxOptions { incidents: 1, ..SandboxOptions::default() };
            let sandbox = Sandbox::open(options).unwrap();
            let leaf = if number == CERTIFICATE_IS_OVER { Leaf::Expired } else { Leaf::Good };
            let origin = match number {
                HANGS => silent.origin(),
                _ => authority.front(leaf, &sandbox.origin()).origin(),
            };
            let trusted = if number == HANGS { String::new() } else { format!("--ca-cert {}", ca.display()) };
            let untested = if [HANGS, CERTIFICATE_IS_OVER].contains(&number) { "--no-test" } else { "" };
            let line = format!(
                "connect {origin} --name {} --username svc.ci --password-stdin {trusted} {untested}",
                name(number)
            );
            world.stdin("sandbox-svc").run(&line).expect(0);
            sandboxes.push(sandbox);
        }
        Self { world, sandboxes, broken: BTreeMap::new(), _silent: silent }
    }

    fn break_twelve(&mut self) {
        for (number, scenario, code) in SCENARIOS {
            self.sandboxes[number].set_scenario(Some(scenario));
            self.broken.insert(name(number), code);
        }
        let shown = self.world.run(&format!("show {} --json", name(SECRET_IS_GONE))).expect(0).json();
        let connection = shown["connection"]["id"].as_str().unwrap().parse().unwrap();
        block_on(self.world.store.delete(ItemKey::new(connection, items::PASSWORD))).unwrap();
        self.broken.insert(name(SECRET_IS_GONE), "no-credential");
        self.broken.insert(name(CERTIFICATE_IS_OVER), "tls-expired");
        self.broken.insert(name(HANGS), "timeout");
    }

    /// Runs all of them; gives the document, and how long it took.
    fn test(&mut self, more: &[String]) -> (Value, Duration) {
        let ca = self.world.home().join("ca.pem").display().to_string();
        let mut words = vec!["test", "--all", "--timeout", "6s", "--ca-cert", &ca, "-o", "json"];
        words.extend(more.iter().map(String::as_str));
        let started = Instant::now();
        let outcome = self.world.run_words(&words).expect(12);
        (outcome.json(), started.elapsed())
    }

    fn names(&self) -> BTreeSet<String> {
        self.broken.keys().cloned().collect()
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.world.home().join(name)
    }
}

#[test]
fn every_form_says_the_same_of_many_connections_of_which_twelve_are_broken() {
    let mut fleet = Fleet::new();
    fleet.break_twelve();
    fleet.world.set("GITHUB_STEP_SUMMARY", fleet.file("summary.md").to_str().unwrap());
    let outputs: Vec<String> =
        [("jsonl", "r.jsonl"), ("junit", "r.xml"), ("github", "r.github"), ("html", "r.html"), ("text", "r.txt")]
            .iter()
            .flat_map(|(format, file)| ["-o".to_owned(), format!("{format}={}", fleet.file(file).display())])
            .collect();
    let (document, took) = fleet.test(&outputs);
    assert!(took < Duration::from_secs(25), "the one that hangs has six seconds: {took:?}");
    let expected = json!({"total": all(), "passed": all() - 12, "failed": 12, "warned": 0, "skipped": 0});
    assert_eq!(document["summary"], expected);
    says_json(&fleet, &document);
    says_json_lines(&fleet, &expected);
    says_text(&fleet);
    says_junit(&fleet);
    says_github(&fleet);
    says_html(&fleet);
    says_list(&mut fleet);
}

fn says_json(fleet: &Fleet, document: &Value) {
    let reports = document["connections"].as_array().unwrap();
    let names: Vec<&str> = reports.iter().map(|report| report["name"].as_str().unwrap()).collect();
    assert!(names.is_sorted());
    let failed: BTreeMap<String, &str> = reports
        .iter()
        .filter(|report| report["ok"] != true)
        .map(|report| (report["name"].as_str().unwrap().to_owned(), report["code"].as_str().unwrap()))
        .collect();
    assert_eq!(failed, fleet.broken);
    // A dozen troubles leave the others their certificate and their times.
    let good = reports.iter().filter(|report| report["ok"] == true);
    for report in good {
        assert!(report["certificate"]["not_after"].is_string() && report["latency_ms"].is_u64(), "{report}");
        assert_eq!(report["identity"]["user_name"], "svc.ci");
    }
}

fn says_json_lines(fleet: &Fleet, summary: &Value) {
    let lines: Vec<Value> =
        read(&fleet.file("r.jsonl")).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, lines) = lines.split_last().unwrap();
    assert_eq!(lines.len(), all());
    assert_eq!(&last["summary"], summary);
    let failed = lines.iter().filter(|line| line["ok"] != true);
    let failed: BTreeSet<String> = failed.map(|line| line["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(failed, fleet.names());
}

fn sum() -> String {
    format!("{} passed, 12 failed in ", all() - 12)
}

fn says_text(fleet: &Fleet) {
    let text = read(&fleet.file("r.txt"));
    let marked = |mark: &str| -> BTreeSet<String> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(&format!("  {mark} ")));
        lines.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
    };
    assert_eq!(marked("✗"), fleet.names());
    assert_eq!(marked("✓").len(), all() - 12);
    assert!(text.contains("  failed: acme-003 (instance-hibernating), acme-008 (basic-refused)"), "{text}");
    assert!(text.trim_end().lines().last().unwrap().contains(&sum()), "{text}");
}

fn says_junit(fleet: &Fleet) {
    let xml = fleet.file("r.xml");
    let schema = crate::reports::junit_schema();
    let mut xmllint = tool("xmllint");
    xmllint.args(["--noout", "--nonet", "--schema", &schema]).arg(&xml);
    finish(xmllint, b"").expect(0);
    let xpath = |expression: &str| {
        let mut xmllint = tool("xmllint");
        xmllint.args(["--nonet", "--xpath", expression]).arg(&xml);
        finish(xmllint, b"").stdout.trim().to_owned()
    };
    assert_eq!(xpath("count(//testcase)"), all().to_string());
    assert_eq!((xpath("count(//failure)").as_str(), xpath("string(//testsuite/@failures)").as_str()), ("12", "12"));
    for (name, code) in &fleet.broken {
        assert_eq!(xpath(&format!("string(//testcase[@name='{name}']/failure/@type)")), *code, "{name}");
    }
}

fn says_github(fleet: &Fleet) {
    let annotations = read(&fleet.file("r.github"));
    let errors: Vec<&str> = annotations.lines().filter(|line| line.starts_with("::error ")).collect();
    assert_eq!(errors.len(), 10);
    assert!(errors[9].contains("title=and 3 more"), "{errors:?}");
    for (name, code) in &fleet.broken {
        assert!(errors.iter().any(|line| line.contains(name) && line.contains(code)), "{name}: {errors:?}");
    }
    assert!(annotations.lines().last().unwrap().contains(&sum()), "{annotations}");
    let summary = read(&fleet.file("summary.md"));
    let rows: Vec<&str> = summary.lines().filter(|line| line.starts_with("| acme-")).collect();
    assert_eq!(rows.len(), all());
    let failed: BTreeSet<String> =
        rows.iter().filter(|row| row.contains("| :x: |")).map(|row| row[2..10].to_owned()).collect();
    assert_eq!(failed, fleet.names());
    assert!(rows[..12].iter().all(|row| row.contains(":x:")), "what failed comes first");
}

fn says_html(fleet: &Fleet) {
    let mut browser = Chromium::start();
    browser.look("light", 1100, 900);
    browser.open(&format!("file://{}", fleet.file("r.html").display()));
    browser.wait_until("document.readyState === 'complete' && document.querySelector('h1') !== null");
    browser.picture("many-connections");
    let heading = browser.value("document.querySelector('h1').textContent");
    assert!(heading.as_str().unwrap().contains(&format!("12 of {}", all())), "{heading}");
    let text = browser.value("document.body.textContent");
    let text = text.as_str().unwrap();
    for (name, code) in &fleet.broken {
        assert!(text.contains(name) && text.contains(code), "{name}: {code}");
    }
    assert_eq!(browser.complaints(), Vec::<Value>::new());
}

fn says_list(fleet: &mut Fleet) {
    let listed = fleet.world.run("list --json").expect(0).json();
    let failed: BTreeMap<String, String> = listed["connections"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["last_test"]["ok"] != true)
        .map(|one| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            (text(&one["name"]), text(&one["last_test"]["code"]))
        })
        .collect();
    let expected: BTreeMap<String, String> =
        fleet.broken.iter().map(|(name, code)| (name.clone(), (*code).to_owned())).collect();
    assert_eq!(failed, expected);
    // Ten worked when they were connected; two were never tested before.
    fleet.world.columns = 140;
    let outcome = fleet.world.person([]).run("list").expect(0);
    assert_eq!(outcome.stdout.lines().filter(|line| line.contains(", new")).count(), 10, "{}", outcome.stdout);
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
