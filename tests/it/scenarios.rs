//! Each scenario of the embedded instance, and what `snow` says of it. What
//! the instance itself does then stands in `sandbox_faults`.

use std::collections::BTreeSet;

use serde_json::Value;
use snow_connect::base::code::{Class, Code};
use snow_connect::sandbox::scenario::{Scenario, SignIn};
use snow_connect::sandbox::{IDENTITY_TOKEN_PATH, Sandbox, SandboxOptions};
use snow_connect::service::servicenow::symptoms::symptoms;

use crate::oauth::{connect_line, connected};
use crate::world::browser::{get, sign_in};
use crate::world::{Answer, Outcome, World};

/// The codes that warn and leave the command good.
pub const WARNINGS: &[Code] = &[Code::IdentityUnknown, Code::UserMismatch, Code::ClockSkew, Code::QuotaLow];

fn sandbox(scenario: Option<Scenario>) -> Sandbox {
    Sandbox::open(SandboxOptions { scenario, ..SandboxOptions::default() }).unwrap()
}

/// A command with a password, which the environment hands in.
fn with_password(scenario: Option<Scenario>, command: &str) -> Outcome {
    let sandbox = sandbox(scenario);
    let mut world = World::new();
    world.set("SNOW_INSTANCE", &sandbox.origin());
    world.set("SNOW_USERNAME", "beth.anglin").set("SNOW_PASSWORD", "sandbox-beth");
    world.run(&format!("{command} --json"))
}

/// A command with an API key, which the environment hands in.
pub fn with_key(scenario: Option<Scenario>, command: &str, form: &str, columns: Option<usize>) -> Outcome {
    let sandbox = sandbox(scenario);
    let mut world = World::new();
    seen_at(&mut world, columns);
    world.set("SNOW_INSTANCE", &sandbox.origin()).set("SNOW_API_KEY", "now_sandbox_beth");
    world.run(&format!("{command}{form}"))
}

/// A connection of the client that signs, with the key of the sandbox.
pub fn with_assertion(scenario: Option<Scenario>, command: &str, form: &str, columns: Option<usize>) -> Outcome {
    let sandbox = sandbox(scenario);
    let mut world = World::new();
    let files = signing_files(&sandbox);
    let flags = signing_flags(files.path());
    seen_at(&mut world, columns);
    world.run(&format!("{command} {} --name acme {flags}{form}", sandbox.origin()))
}

/// The key of the client that signs, and its secret: not in a home, which is searched for
/// them.
pub fn signing_files(sandbox: &Sandbox) -> tempfile::TempDir {
    let files = tempfile::tempdir().unwrap();
    let key = get(&format!("{}/sandbox-jwt.pem", sandbox.origin())).body;
    for (name, content) in [("key.pem", key.as_str()), ("secret", "sandbox-jwt-secret")] {
        let path = files.path().join(name);
        std::fs::write(&path, content).unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    }
    files
}

/// What `connect` needs for the client that signs.
pub fn signing_flags(files: &std::path::Path) -> String {
    let (key, secret) = (files.join("key.pem"), files.join("secret"));
    let (key, secret) = (key.display(), secret.display());
    format!(
        "--auth jwt-bearer --client-id sandbox-jwt --key-id sandbox --subject svc.ci --private-key-file {key} \
         --client-secret-file {secret}"
    )
}

/// A command with a token of the identity provider, which the environment hands in.
pub fn with_token(scenario: Option<Scenario>, command: &str, form: &str, columns: Option<usize>) -> Outcome {
    let sandbox = sandbox(scenario);
    let mut world = World::new();
    seen_at(&mut world, columns);
    world.set("SNOW_INSTANCE", &sandbox.origin()).set("SNOW_ACCESS_TOKEN", &identity_token(&sandbox, "beth.anglin"));
    world.run(&format!("{command}{form}"))
}

/// A token that the identity provider of the sandbox issues now.
pub fn identity_token(sandbox: &Sandbox, user: &str) -> String {
    get(&format!("{}{IDENTITY_TOKEN_PATH}?user={user}", sandbox.origin())).body.trim().to_owned()
}

/// A command by OAuth. What is no sign-in itself comes after one, to the same
/// instance with the same fault.
/// `form` is `" --json"`, or nothing for text. A person sees it at a terminal of so many
/// `columns`; without them it is a script.
pub fn by_oauth(scenario: Option<Scenario>, command: &str, form: &str, columns: Option<usize>) -> Outcome {
    let sandbox = sandbox(scenario);
    let Some(flags) = command.strip_prefix("connect") else {
        let mut world = connected(&sandbox);
        seen_at(&mut world, columns);
        return world.run(&format!("{command} acme --yes{form}"));
    };
    let mut world = World::new();
    goes_as_far_as_it_goes(&mut world);
    seen_at(&mut world, columns);
    if flags.contains("--sdk-client") {
        // As often as it may be pasted again.
        world.person(["a-code-that-no-page-showed"; 3].map(Answer::Text)).unset("SNOW_BROWSER");
        return world.run(&format!("connect {} --name acme {flags}{form}", sandbox.origin()));
    }
    // Nobody waits for minutes where a sign-in ends nowhere.
    let timeout = if flags.contains("--login-timeout") { "" } else { "--login-timeout 20s" };
    world.run(&format!("{}{flags} {timeout}{form}", connect_line(&sandbox)))
}

/// The next command is before a person who only presses Enter, if there is a terminal.
fn seen_at(world: &mut World, columns: Option<usize>) {
    if let Some(columns) = columns {
        world.columns = columns;
        world.person([Answer::OnlyEnter]);
    }
}

/// A person who signs in where the instance shows the page for it, and who is
/// sent back or left on another page otherwise.
fn goes_as_far_as_it_goes(world: &mut World) {
    world.browser(|url| {
        let url = url.to_owned();
        std::thread::spawn(move || match get(&url) {
            page if page.status == 302 => drop(get(&page.location())),
            page if page.status == 200 => drop(get(&sign_in(&url, "beth.anglin", "allow"))),
            _ => {}
        });
    });
}

fn met(scenario: Scenario) -> Outcome {
    match scenario.auth() {
        SignIn::Basic => with_password(Some(scenario), scenario.command()),
        SignIn::OAuth => by_oauth(Some(scenario), scenario.command(), " --json", None),
        SignIn::ApiKey => with_key(Some(scenario), scenario.command(), " --json", None),
        SignIn::JwtBearer => with_assertion(Some(scenario), scenario.command(), " --json", None),
        SignIn::Token => with_token(Some(scenario), scenario.command(), " --json", None),
    }
}

/// Everything that the document of a command complains of: `fail` or `warn`,
/// and the code.
pub fn complaints(outcome: &Outcome) -> Vec<(String, String)> {
    let document = outcome.json();
    let report = match &document["test"] {
        Value::Null => &document["connections"][0],
        test => test,
    };
    let checks = report["checks"].as_array().cloned().unwrap_or_default();
    let checks = checks.iter().map(|check| (check["status"].as_str().unwrap(), &check["error"]["code"]));
    let others = [&document["error"]["code"], &report["error"]["code"]].map(|code| ("fail", code));
    let complaints = checks.filter(|(status, _)| matches!(*status, "fail" | "warn"));
    let complaints = complaints.chain(others.into_iter().filter(|(_, code)| !code.is_null()));
    complaints.map(|(status, code)| (status.to_owned(), code.as_str().unwrap_or("").to_owned())).collect()
}

#[test]
fn each_scenario_gives_the_code_that_it_names_and_no_other() {
    let mut wrong = Vec::new();
    for scenario in Scenario::ALL.iter().copied() {
        let outcome = met(scenario);
        let is_warning =
            scenario.auth() != SignIn::OAuth && scenario.code().is_some_and(|code| WARNINGS.contains(&code));
        let status = if is_warning { "warn" } else { "fail" };
        // It breaks one thing: nothing else is complained of.
        let complaint = scenario.code().map(|code| (status.to_owned(), code.as_str().to_owned()));
        let failure = scenario.code().filter(|_| !is_warning);
        let exit_code = failure.map_or(0, |code| i32::from(code.class().exit_code()));
        if (complaints(&outcome), outcome.code) != (Vec::from_iter(complaint), exit_code) {
            wrong.push(format!("{}: {} {}{}", scenario.as_str(), outcome.code, outcome.stdout, outcome.stderr));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_code_of_a_failed_test_stands_with_its_class_and_that_of_a_warning_does_not() {
    for (scenario, code, class) in [
        (Scenario::ApiAcl, Value::from("api-acl"), Value::from("forbidden")),
        (Scenario::ClockSkew, Value::Null, Value::Null),
    ] {
        let report = met(scenario).json()["connections"][0].clone();
        assert_eq!((&report["code"], &report["class"]), (&code, &class), "{report}");
    }
}

#[test]
fn without_a_scenario_nothing_is_complained_of() {
    for flags in ["", "--table incident", "--timeout 1s", "--table sys_user,cmdb_ci,task"] {
        let outcome = with_password(None, &format!("test {flags}")).expect(0);
        assert_eq!(complaints(&outcome), [], "{flags}");
    }
    let commands = Scenario::ALL.iter().filter(|scenario| scenario.auth() == SignIn::OAuth);
    for scenario in commands.filter(|scenario| **scenario != Scenario::NoSdkClient) {
        let outcome = by_oauth(None, scenario.command(), " --json", None).expect(0);
        assert_eq!(complaints(&outcome), [], "{}", scenario.command());
    }
}

#[test]
fn every_code_that_an_answer_can_lead_to_has_a_scenario() {
    let elsewhere = [
        (Code::ProxyAuth, "there is no proxy before it"),
        (Code::TlsFailure, "a front end says so of http, which the sandbox speaks"),
        (Code::RequestTooLarge, "what stands before it says so of a long header"),
        (Code::CertificateRefused, "a front end with TLS says so, and the sandbox speaks http"),
        (Code::CertificateNotAskedFor, "signing in with a certificate is enough: the sandbox speaks http"),
        (Code::TableMissing, "asking for a table that is not there is enough"),
        (Code::RecordMissing, "asking for a record that is not there is enough"),
    ];
    let codes: BTreeSet<&str> = symptoms().map(|symptom| symptom.code.as_str()).collect();
    let mut wrong = Vec::new();
    for code in Code::ALL.iter().copied().filter(|code| codes.contains(code.as_str())) {
        let is_elsewhere = elsewhere.iter().any(|(other, _)| *other == code);
        let has_scenario = Scenario::ALL.iter().any(|scenario| scenario.code() == Some(code));
        if has_scenario == is_elsewhere {
            wrong.push(format!("{}: {has_scenario}", code.as_str()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn the_list_tells_what_each_scenario_does_and_leads_to() {
    let mut world = World::new();
    let text = world.run("sandbox --list").expect(0);
    let document = world.run("sandbox --list --json").expect(0).json();
    let listed = document["scenarios"].as_array().unwrap();
    assert_eq!(listed.len(), Scenario::ALL.len());
    for (listed, scenario) in listed.iter().zip(Scenario::ALL) {
        let code = scenario.code();
        assert_eq!(listed["name"], scenario.as_str());
        assert_eq!(listed["auth"], scenario.auth().as_str());
        assert_eq!(listed["command"], format!("snow {}", scenario.command()));
        assert_eq!(listed["code"], Value::from(code.map(Code::as_str)));
        assert_eq!(listed["class"], Value::from(code.map(|code| code.class().as_str())));
        assert_ne!(code.map(Code::class), Some(Class::Internal));
        text.says(&[scenario.as_str(), scenario.description(), scenario.command()]);
        // Every name is one that the flag takes.
        assert_eq!(scenario.as_str().parse(), Ok(*scenario));
    }
    for line in text.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    world.run("sandbox --scenario nonsense").expect(2).says(&["hibernating", "answer-too-large"]);
}

#[test]
fn a_limit_by_a_rule_says_when_to_come_back_and_a_busy_node_does_not() {
    let evidence = |scenario| {
        let document = met(scenario).expect(8).json();
        let checks = document["connections"][0]["checks"].as_array().unwrap().clone();
        checks.iter().find(|check| check["status"] == "fail").unwrap()["error"]["evidence"].clone()
    };
    let rule = evidence(Scenario::RateLimited);
    assert_eq!((&rule["retry_after"], &rule["rate_limit"]), (&"30".into(), &"100".into()), "{rule}");
    assert_eq!(rule["rate_limit_rule"].as_str().map(str::len), Some(32), "{rule}");
    let node = evidence(Scenario::RateLimitedNode);
    assert!(node.get("retry_after").is_none() && node["server"] == "snow_adc", "{node}");
}
