//! Each scenario of the embedded instance, and what `snow test` says of it.

use serde_json::Value;
use snow_connect::error::{Class, Code};
use snow_connect::sandbox::scenario::Scenario;
use snow_connect::sandbox::{Sandbox, SandboxOptions};
use snow_connect::servicenow::symptoms::Symptom;

use crate::world::{Outcome, World};

/// The codes that warn and leave the test good.
const WARNINGS: &[Code] = &[Code::IdentityUnknown, Code::UserMismatch, Code::ClockSkew];

fn tested(scenario: Option<Scenario>, flags: &str) -> Outcome {
    let sandbox = Sandbox::open(SandboxOptions { scenario, ..SandboxOptions::default() }).unwrap();
    let mut world = World::new();
    world.set("SNOW_INSTANCE", &sandbox.origin());
    world.set("SNOW_USERNAME", "beth.anglin").set("SNOW_PASSWORD", "sandbox-beth");
    world.run(&format!("test --json {flags}"))
}

/// The checks that did not pass: status and code.
fn complaints(outcome: &Outcome) -> Vec<(String, String)> {
    let document = outcome.json();
    let checks = document["connections"][0]["checks"].as_array().unwrap().clone();
    let complaints = checks.iter().filter(|check| check["status"] == "fail" || check["status"] == "warn");
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    complaints.map(|check| (text(&check["status"]), text(&check["error"]["code"]))).collect()
}

#[test]
fn each_scenario_gives_the_code_that_it_names_with_its_class_and_exit_code() {
    for scenario in Scenario::ALL.iter().copied() {
        let (name, code) = (scenario.as_str(), scenario.code());
        let outcome = tested(Some(scenario), scenario.test_flags());
        let report = &outcome.json()["connections"][0];
        let is_warning = WARNINGS.contains(&code);
        let status = if is_warning { "warn" } else { "fail" };
        // It breaks one thing: nothing else is complained of.
        assert_eq!(complaints(&outcome), [(status.to_owned(), code.as_str().to_owned())], "{name}: {report}");
        match is_warning {
            true => assert_eq!((outcome.code, &report["class"]), (0, &Value::Null), "{name}"),
            false => {
                assert_eq!(outcome.code, i32::from(code.class().exit_code()), "{name}: {report}");
                assert_eq!(report["class"], code.class().as_str(), "{name}");
                assert_eq!(report["code"], code.as_str(), "{name}");
            }
        }
    }
}

#[test]
fn without_a_scenario_nothing_is_complained_of() {
    for flags in ["", "--table incident", "--timeout 1s", "--table sys_user,cmdb_ci,task"] {
        let outcome = tested(None, flags).expect(0);
        assert_eq!(complaints(&outcome), [], "{flags}");
    }
}

#[test]
fn every_code_that_an_answer_can_lead_to_has_a_scenario() {
    let elsewhere = [
        (Code::ProxyAuth, "there is no proxy before it"),
        (Code::TableMissing, "asking for a table that is not there is enough"),
        (Code::RecordMissing, "asking for a record that is not there is enough"),
        (Code::MfaRequired, "it belongs to the sign-in"),
        (Code::BasicNotOffered, "it belongs to the sign-in"),
        (Code::ScopeRestricted, "it belongs to the sign-in"),
    ];
    for code in Symptom::codes() {
        let is_elsewhere = elsewhere.iter().any(|(other, _)| *other == code);
        let has_scenario = Scenario::ALL.iter().any(|scenario| scenario.code() == code);
        assert!(has_scenario || is_elsewhere, "nothing provokes {}", code.as_str());
    }
}

#[test]
fn the_list_tells_what_each_scenario_does_and_leads_to() {
    let mut world = World::new();
    let text = world.run("sandbox --list").expect(0);
    let document = world.run("sandbox --list --json").expect(0).json();
    let listed = document["scenarios"].as_array().unwrap();
    assert_eq!(listed.len(), Scenario::ALL.len());
    for (listed, scenario) in listed.iter().zip(Scenario::ALL) {
        assert_eq!(listed["name"], scenario.as_str());
        assert_eq!(listed["code"], scenario.code().as_str());
        assert_eq!(listed["class"], scenario.code().class().as_str());
        assert_eq!(listed["test_flags"], scenario.test_flags());
        text.says(&[scenario.as_str(), scenario.description(), scenario.code().as_str()]);
        assert_ne!(scenario.code().class(), Class::Internal);
        // Every name is one that the flag takes.
        assert_eq!(scenario.as_str().parse(), Ok(*scenario));
    }
    for line in text.stdout.lines() {
        assert!(line.chars().count() <= 100, "{line}");
    }
    world.run("sandbox --scenario nonsense").expect(2).says(&["hibernating", "answer-too-large"]);
}

#[test]
fn a_limit_by_a_rule_says_when_to_come_back_and_a_busy_node_does_not() {
    let evidence = |scenario| {
        let outcome = tested(Some(scenario), "").expect(8);
        let document = outcome.json();
        let checks = document["connections"][0]["checks"].as_array().unwrap().clone();
        checks.iter().find(|check| check["status"] == "fail").unwrap()["error"]["evidence"].clone()
    };
    let rule = evidence(Scenario::RateLimited);
    assert_eq!((&rule["retry_after"], &rule["rate_limit"]), (&"30".into(), &"100".into()), "{rule}");
    assert_eq!(rule["rate_limit_rule"].as_str().map(str::len), Some(32), "{rule}");
    let node = evidence(Scenario::RateLimitedNode);
    assert!(node.get("retry_after").is_none() && node["server"] == "snow_adc", "{node}");
}
