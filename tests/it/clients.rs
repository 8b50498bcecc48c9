//! Clients that others wrote run unchanged against `snow sandbox`, and the
//! examples of the topic on them do what it says.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::borrowers::borrowers;
use crate::world::Outcome;
use crate::world::authorization_server;
use crate::world::process::{Serving, finish, tool};

/// The address that the examples use.
const ORIGIN: &str = "http://127.0.0.1:8910";
const TOPIC: &str = include_str!("../../src/help/test-double.md");

/// Runs a command to its end, at the home of this instance, with this on its
/// standard input.
fn run(serving: &Serving, mut command: Command, stdin: &str) -> Outcome {
    let home = serving.home.path();
    command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").current_dir(home);
    finish(command, stdin.as_bytes())
}

/// Python with the packages of `tests/clients/requirements.txt`. `tests/run`
/// makes it, and names it where it stands elsewhere.
#[allow(clippy::disallowed_methods, reason = "a test is told by a variable where its parts are")]
pub fn python() -> Command {
    let made = concat!(env!("CARGO_MANIFEST_DIR"), "/target/test-clients/bin/python");
    let python = std::env::var_os("SNOW_TEST_PYTHON").map_or_else(|| made.into(), PathBuf::from);
    assert!(python.exists(), "the tests need {}: run tests/run, which makes it", python.display());
    Command::new(python)
}

/// Runs a client's script, which ends with 0 only where everything held.
fn client(script: &str, last_word: &str) {
    let mut command = python();
    command.arg("-B");
    client_of(&Serving::start(&[]), command, script, last_word);
}

/// The same with another interpreter, or another sandbox.
fn client_of(serving: &Serving, mut interpreter: Command, script: &str, last_word: &str) {
    interpreter.args(["-", serving.origin()]);
    run(serving, interpreter, script).expect(0).says(&[last_word]);
}

/// An org of Salesforce with more rows than an answer has, which a client that knows
/// salesforce.com alone may call so.
fn org() -> Serving {
    Serving::start(&["--service", "salesforce", "--rows", "4500", "--host", "sandbox.my.salesforce.com"])
}

#[test]
fn simple_salesforce_signs_in_queries_and_writes_unchanged() {
    let script = include_str!("../clients/simple_salesforce_client.py");
    let mut python = python();
    python.arg("-B");
    client_of(&org(), python, script, "simple-salesforce: all of it worked");
}

#[test]
fn jsforce_signs_in_queries_and_writes_unchanged() {
    let script = include_str!("../clients/jsforce_client.cjs");
    let mut node = Command::new(authorization_server::place().join("node"));
    // What is read from standard input finds its packages from the directory of now.
    let packages = borrowers().join("node_modules");
    let script = format!("module.paths.push({:?});\n{script}", packages.display().to_string());
    node.arg("--input-type=commonjs");
    client_of(&org(), node, &script, "jsforce: all of it worked");
}

#[test]
fn pysnow_queries_pages_and_writes_unchanged() {
    client(include_str!("../clients/pysnow_client.py"), "pysnow: all of it worked");
}

#[test]
fn aiosnow_queries_streams_and_writes_unchanged() {
    client(include_str!("../clients/aiosnow_client.py"), "aiosnow: all of it worked");
}

/// The examples of the topic that have these words behind the fence, with the address
/// of this instance.
fn examples(language: &str, serving: &Serving) -> Vec<String> {
    let start = format!("```{language}\n");
    let blocks = TOPIC.split(&start).skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.map(|block| block.replace(ORIGIN, serving.origin())).collect()
}

#[test]
fn the_topic_asks_the_sandbox_with_curl() {
    tool("curl");
    let serving = Serving::start(&[]);
    let examples = examples("sh run-by: the_topic_asks_the_sandbox_with_curl", &serving);
    assert_eq!(examples.len(), 1, "{examples:?}");
    let mut shell = Command::new("bash");
    // What starts the sandbox is done; all else runs as it stands there.
    let script: Vec<&str> = examples[0].lines().filter(|line| !line.starts_with("snow sandbox")).collect();
    assert_eq!(script.len() + 1, examples[0].lines().count());
    shell.args(["-euo", "pipefail", "-c", &script.join("\n")]);
    let outcome = run(&serving, shell, "").expect(0);
    let answers: Vec<Value> =
        serde_json::Deserializer::from_str(&outcome.stdout).into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.len(), 4, "{}", outcome.stdout);
    let rows = answers[0]["result"].as_array().unwrap();
    assert!(rows.len() == 2 && rows[0]["caller_id.name"].is_string(), "{}", answers[0]);
    assert_eq!(answers[1]["result"]["short_description"], "Printer on fire");
    assert_eq!(answers[2]["error"]["detail"], "ACL Exception Insert Failed due to security constraints");
    assert_eq!(answers[3]["token_type"], "Bearer");
}

#[test]
fn the_topic_asks_the_org_with_curl() {
    tool("curl");
    let serving = Serving::start(&["--service", "salesforce"]);
    let examples = examples("sh run-by: the_topic_asks_the_org_with_curl", &serving);
    let [example] = examples.as_slice() else { panic!("{examples:?}") };
    let (start, script) = example.split_once('\n').unwrap();
    assert!(start.starts_with("snow sandbox --service salesforce"), "{start}");
    let mut shell = Command::new("bash");
    shell.args(["-euo", "pipefail", "-c", script]);
    let answer = run(&serving, shell, "").expect(0).json();
    assert_eq!(answer["totalSize"], 2);
    assert!(answer["records"][1]["Account"]["Name"].is_string(), "{answer}");
}

#[test]
fn the_topic_asks_the_sandbox_with_python() {
    let serving = Serving::start(&[]);
    let examples = examples("python run-by: the_topic_asks_the_sandbox_with_python", &serving);
    assert_eq!(examples.len(), 1, "{examples:?}");
    // Its address is told as host and port as well.
    let host = |origin: &str| origin.trim_start_matches("http://").to_owned();
    let script = examples[0].replace(&host(ORIGIN), &host(serving.origin()));
    let mut command = python();
    command.args(["-B", "-"]);
    let outcome = run(&serving, command, &script).expect(0);
    assert_eq!(outcome.stdout.lines().count(), 6, "{}", outcome.stdout);
    assert!(outcome.stdout.lines().next().unwrap().starts_with("INC"), "{}", outcome.stdout);
    assert_eq!(outcome.stdout.lines().last(), Some("Resolved"));
}
