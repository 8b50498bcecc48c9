//! The action for GitHub, and the recipes of the topic on CI for GitHub, GitLab and
//! Jenkins, read by parsers that others wrote and run as far as they run without
//! their servers.

use std::ops::Deref;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::world::canary::Canaries;
use crate::world::process::{Serving, program};
use crate::world::reach;
use crate::world::runner::{self, ci_workflow, place, recipe};

const TOPIC: &str = include_str!("../../src/help/ci.md");
const WORKFLOW: &str = ".github/workflows/servicenow.yml";

const GOOD: &[&str] = &[];
const REFUSING: &[&str] = &["--scenario", "basic-refused"];

/// An instance, and a machine of a CI service.
struct Machine {
    serving: Serving,
    machine: runner::Machine,
}

impl Deref for Machine {
    type Target = runner::Machine;

    fn deref(&self) -> &runner::Machine {
        &self.machine
    }
}

impl Machine {
    fn new(sandbox: &[&str]) -> Self {
        Self { serving: Serving::start(sandbox), machine: runner::Machine::new() }
    }

    /// Steps that run the action with these inputs, for this instance.
    fn steps(&self, withs: Value) -> Value {
        let env = json!({
            "SNOW_INSTANCE": self.serving.origin(), "SNOW_USERNAME": "svc.ci", "SNOW_PASSWORD": "sandbox-svc",
        });
        self.github(json!({ "withs": withs, "env": env }))
    }
}

/// The text of a report that an output of the step names.
fn report(step: &Value, format: &str) -> String {
    std::fs::read_to_string(step["outputs"][format].as_str().unwrap()).unwrap()
}

/// The commands of this name that the runner obeyed.
fn messages<'a>(step: &'a Value, command: &str) -> Vec<&'a str> {
    let commands = step["commands"].as_array().expect("commands").iter();
    commands.filter(|found| found["name"] == command).filter_map(|found| found["message"].as_str()).collect()
}

#[test]
fn the_action_tests_a_connection_and_leaves_reports() {
    let machine = Machine::new(GOOD);
    let told = machine.steps(json!([{ "table": "incident", "expect-user": "svc.ci" }]));
    let step = &told["steps"][0];
    assert_eq!(step["exit_code"], 0, "{told}");
    let outputs = &step["outputs"];
    for (name, value) in [("exit-code", "0"), ("ok", "true"), ("passed", "1"), ("failed", "0")] {
        assert_eq!(outputs[name], value, "{name} in {outputs}");
    }
    let document: Value = serde_json::from_str(&report(step, "json")).unwrap();
    assert_eq!(document["schema"], "snow.test/1");
    assert!(report(step, "junit").contains("<testsuite "));
    assert!(report(step, "html").starts_with("<!DOCTYPE html>"));
    assert!(step["log"].as_str().unwrap().contains("svc.ci"), "{step}");
    assert!(messages(step, "notice")[0].starts_with("1 passed, 0 failed"), "{step}");
    assert!(told["summary"].as_str().unwrap().contains(":white_check_mark:"), "{told}");
}

#[test]
fn the_action_fails_with_the_exit_code_of_snow_and_says_why() {
    let machine = Machine::new(REFUSING);
    let told = machine.steps(json!([{ "junit": "reports/snow.xml" }]));
    let step = &told["steps"][0];
    assert_eq!(step["exit_code"], 4, "{told}");
    let outputs = &step["outputs"];
    for (name, value) in [("exit-code", "4"), ("ok", "false"), ("passed", "0"), ("failed", "1")] {
        assert_eq!(outputs[name], value, "{name} in {outputs}");
    }
    assert_eq!(outputs["junit"], "reports/snow.xml");
    assert!(Path::new(told["workspace"].as_str().unwrap()).join("reports/snow.xml").exists());
    assert!(messages(step, "error")[0].contains("rejected the sign-in of svc.ci"), "{step}");
    assert!(told["summary"].as_str().unwrap().contains("basic-refused"), "{told}");
}

#[test]
fn without_a_test_the_action_names_no_report() {
    let machine = Machine::new(GOOD);
    let told = machine.steps(json!([{ "junit": "snow.xml" }, { "junit": "snow.xml", "connections": "nobody" }]));
    let (good, unknown) = (&told["steps"][0], &told["steps"][1]);
    assert_eq!(good["outputs"]["junit"], "snow.xml");
    assert_ne!(unknown["exit_code"], 0, "{unknown}");
    assert_eq!(unknown["outputs"]["ok"], "false");
    for name in ["passed", "failed", "junit", "html", "json"] {
        assert_eq!(unknown["outputs"][name], "", "{name} in {unknown}");
    }
    assert_eq!(messages(unknown, "error").len(), 1, "{unknown}");
}

/// A program that says with which arguments it was called.
const ECHO: &str = "#!/bin/sh\nprintf '<%s>\\n' \"$@\"\n";

#[test]
fn every_input_becomes_a_flag_of_its_own() {
    let machine = Machine::new(GOOD);
    let echo = machine.home().join("echo");
    machine.write_program(&echo, ECHO);
    let told = machine.steps(json!([
        // Leaves a file that a pattern could mean.
        { "junit": "there.xml" },
        { "snow": &echo, "connections": "acme\n  acme-test *", "config": "team.toml", "table": "incident,cmdb_ci", "expect-user": "svc.ci",
          "max-latency": "2s", "strict": "true", "wait": "10m", "retries": "3", "timeout": "20s", "junit": "a b.xml",
          "html": "b.html", "json": "c.json" },
        { "snow": &echo, "all": "true", "filter": "env=prod\nteam=it ops" },
    ]));
    let log = told["steps"][1]["log"].as_str().unwrap();
    let flags = [
        "--output=text",
        "--output=junit=a b.xml",
        "--output=html=b.html",
        "--output=json=c.json",
        "--strict",
        "--config=team.toml",
        "--table=incident,cmdb_ci",
        "--expect-user=svc.ci",
        "--max-latency=2s",
        "--wait=10m",
        "--retries=3",
        "--timeout=20s",
    ];
    for flag in flags {
        assert!(log.contains(&format!("<{flag}>\n")), "{flag} is not in {log}");
    }
    assert!(log.contains("<-->\n<acme>\n<acme-test>\n<*>\n"), "{log}");
    assert!(!log.contains("--all"), "{log}");
    let log = told["steps"][2]["log"].as_str().unwrap();
    assert!(log.contains("<--all>\n<--filter=env=prod>\n<--filter=team=it ops>\n<-->\n"), "{log}");
}

#[test]
fn no_input_is_taken_for_a_command_a_flag_or_an_output() {
    let machine = Machine::new(GOOD);
    let touched = machine.home().join("touched");
    let touch = touched.display();
    let hostile = [
        format!("$(touch {touch})"),
        format!("`touch {touch}`"),
        format!("; touch {touch}"),
        format!("\"; touch {touch} #"),
        format!("x\ntouch {touch}"),
        format!("a[$(touch {touch})]"),
        "--config=/etc/passwd".to_owned(),
        "--output=json".to_owned(),
        "::error::obeyed".to_owned(),
        "x\n::error::obeyed".to_owned(),
        "x ##[error]obeyed".to_owned(),
        "x\nok=true\npassed=9".to_owned(),
        "x\rok=true".to_owned(),
    ];
    let inputs = [
        "connections",
        "filter",
        "all",
        "config",
        "vault-audience",
        "table",
        "expect-user",
        "max-latency",
        "strict",
        "wait",
        "retries",
        "timeout",
        "junit",
        "html",
        "json",
        "snow",
    ];
    // Every third still gives each value to some inputs, and to each input some values.
    let cases: Vec<(&str, &String)> =
        inputs.iter().flat_map(|input| hostile.iter().map(move |value| (*input, value))).step_by(reach(3, 1)).collect();
    let withs: Vec<Value> = cases.iter().map(|(input, value)| Value::from_iter([(*input, value.as_str())])).collect();
    let told = machine.steps(json!(withs));
    let steps = told["steps"].as_array().unwrap();
    assert_eq!(steps.len(), cases.len());
    for ((input, value), step) in cases.iter().zip(steps) {
        let case = format!("{input}: {value:?}: {step}");
        // What is a path may have any name of one line.
        let is_report = ["junit", "html", "json"].contains(input) && !value.contains(['\n', '\r']);
        let is_path = is_report || *input == "config";
        assert_eq!(step["exit_code"] == 0, is_path, "{case}");
        let outputs = &step["outputs"];
        assert_eq!(outputs["exit-code"], step["exit_code"].to_string(), "{case}");
        assert_eq!(outputs["ok"], is_path.to_string(), "{case}");
        assert!(["", "0", "1"].contains(&outputs["passed"].as_str().unwrap()), "{case}");
        assert!(step["commands"].as_array().unwrap().iter().all(|command| command["message"] != "obeyed"), "{case}");
    }
    assert!(!touched.exists(), "an input was taken for a command");
}

#[test]
fn a_builtin_of_the_shell_is_no_program() {
    let machine = Machine::new(GOOD);
    let touched = machine.home().join("touched");
    let told = machine.steps(json!([{ "snow": "eval", "filter": format!("a=$(touch {})", touched.display()) }]));
    assert_eq!(messages(&told["steps"][0], "error"), ["snow: there is no such program"], "{told}");
    assert!(!touched.exists());
}

#[test]
fn what_a_server_says_in_the_log_is_no_command() {
    let machine = Machine::new(GOOD);
    let talker = machine.home().join("talker");
    let lines =
        ["::error::obeyed", "         ::add-mask::obeyed", "::stop-commands::obeyed", "::::", "a ##[error]obeyed"];
    machine.write_program(&talker, &format!("#!/bin/sh\nprintf '%s\\n' '{}'\nexit 7\n", lines.join("' '")));
    let told = machine.steps(json!([{ "snow": &talker }]));
    let step = &told["steps"][0];
    assert_eq!(step["exit_code"], 7, "{step}");
    let log = step["log"].as_str().unwrap();
    assert!(lines.iter().all(|line| log.contains(line)), "{log}");
    let commands = step["commands"].as_array().unwrap();
    assert!(
        commands.len() == 1 && messages(step, "error") == ["No test began, exit code 7; the log says why"],
        "{step}"
    );
}

#[test]
fn where_the_path_has_no_snow_of_ours_the_action_builds_it() {
    let machine = Machine::new(GOOD);
    let tools = machine.home().join("tools");
    // Snowflake's, and a cargo that says what it is asked for and installs ours.
    machine.write_program(&tools.join("snow"), "#!/bin/sh\necho 'Snowflake CLI version: 3.9.0'\n");
    let cargo = format!(
        "#!/bin/sh\necho \"in $PWD: $*\"\nmkdir -p \"$6/bin\"\nln -s '{}' \"$6/bin/snow\"\n",
        program().display()
    );
    machine.write_program(&tools.join("cargo"), &cargo);
    let env = json!({
        "SNOW_INSTANCE": machine.serving.origin(), "SNOW_USERNAME": "svc.ci", "SNOW_PASSWORD": "sandbox-svc",
    });
    let path = format!("{}:/usr/bin:/bin", tools.display());
    let told = machine.github(json!({ "withs": [{}], "env": env, "path": path }));
    let step = &told["steps"][0];
    assert_eq!(step["exit_code"], 0, "{step}");
    let asked = format!("in {}: install --locked --path . --root ", machine.repository().display());
    assert!(step["log"].as_str().unwrap().contains(&asked), "{step}");
    assert_eq!(messages(step, "notice").len(), 1, "{step}");
}

#[test]
fn where_nothing_can_be_built_the_action_says_so() {
    let machine = Machine::new(GOOD);
    // The system's own PATH may have a cargo.
    let tools = machine.home().join("tools");
    std::fs::create_dir(&tools).unwrap();
    for name in ["bash", "mktemp"] {
        std::os::unix::fs::symlink(Path::new("/usr/bin").join(name), tools.join(name)).unwrap();
    }
    let told = machine.github(json!({ "withs": [{}], "path": tools }));
    let step = &told["steps"][0];
    assert_eq!(step["exit_code"], 2, "{step}");
    assert_eq!(messages(step, "error"), ["there is no snow on the PATH, and no cargo to build it"]);
}

#[test]
fn the_workflow_of_the_topic_runs_and_its_reports_are_there() {
    for (sandbox, exit_code) in [(GOOD, 0), (REFUSING, 4)] {
        let machine = Machine::new(sandbox);
        machine.put_workflow(&machine.repository(), TOPIC, WORKFLOW);
        let told = machine.github(json!({
            "workflow": WORKFLOW, "secrets": { "SNOW_PASSWORD": "sandbox-svc" },
            "vars": { "SNOW_INSTANCE": machine.serving.origin(), "SNOW_USERNAME": "svc.ci" },
        }));
        let (test, upload) = (&told["steps"][0], &told["steps"][1]);
        assert_eq!(test["exit_code"], exit_code, "{test}");
        assert_eq!(upload["with"]["path"], "snow-test.*", "{upload}");
        for name in ["snow-test.xml", "snow-test.html"] {
            assert!(Path::new(told["workspace"].as_str().unwrap()).join(name).exists(), "{name}");
        }
    }
}

#[test]
fn github_and_zizmor_find_nothing_in_the_workflows_and_the_action() {
    let machine = Machine::new(GOOD);
    let repository = machine.repository();
    machine.put_workflow(&repository, TOPIC, WORKFLOW);
    let judge = json!([WORKFLOW, ".github/workflows/ci.yml"]);
    let told = machine.github(json!({ "withs": [], "judge": judge }));
    assert_eq!(told["complaints"], json!([]));

    machine.zizmor(&repository).expect(0);

    // Neither of them is silent about everything.
    let injecting = ci_workflow().replace("- run: cargo", "- run: ${{ github.head_ref }} cargo");
    std::fs::write(repository.join(WORKFLOW), injecting).unwrap();
    let outcome = machine.zizmor(&repository);
    assert!(outcome.code != 0 && outcome.stdout.contains("template-injection"), "{outcome:?}");
    std::fs::write(repository.join(WORKFLOW), ci_workflow().replace("runs-on:", "run-on:")).unwrap();
    let told = machine.github(json!({ "withs": [], "judge": [WORKFLOW] }));
    assert!(told["complaints"].to_string().contains("Unexpected value 'run-on'"), "{told}");
}

#[test]
fn the_pipeline_of_the_topic_for_gitlab_runs_and_its_artifacts_are_there() {
    for (sandbox, code, says) in [(GOOD, 0, "PASS servicenow"), (REFUSING, 1, "FAIL 4")] {
        let machine = Machine::new(sandbox);
        let variables = [
            ("SNOW_INSTANCE", machine.serving.origin()),
            ("SNOW_USERNAME", "svc.ci"),
            ("SNOW_PASSWORD", "sandbox-svc"),
        ];
        let (outcome, repository) = machine.gitlab(TOPIC, &[], &variables);
        let outcome = outcome.expect(code);
        outcome.says(&[says]);
        Canaries::usual().check(outcome.stdout.as_bytes(), "the log of the job");
        let artifacts = repository.join(".gitlab-ci-local/artifacts/servicenow");
        let junit = std::fs::read_to_string(artifacts.join("snow-test.xml")).unwrap();
        assert!(junit.contains(&format!("failures=\"{code}\"")), "{junit}");
        assert!(artifacts.join("snow-test.html").exists());
    }
}

/// What tests/ci/jenkinsfile.py reads in each of these Jenkinsfiles: what is in
/// them, or null where one is no Groovy.
fn jenkinsfiles(machine: &Machine, texts: &[String]) -> Vec<Value> {
    let mut python = Command::new(place().join("python/bin/python"));
    python.args(["-B", "-c", include_str!("../ci/jenkinsfile.py")]);
    serde_json::from_value(machine.run(python, &[], &json!(texts).to_string()).expect(0).json()).unwrap()
}

#[test]
fn the_jenkinsfile_of_the_topic_is_groovy_and_its_steps_run() {
    let [read] = &jenkinsfiles(&Machine::new(GOOD), &[recipe(TOPIC, "// Jenkinsfile")])[..] else {
        panic!("one was given")
    };
    assert!(read.is_object(), "it is no Groovy");
    for (sandbox, code) in [(GOOD, 0), (REFUSING, 4)] {
        let machine = Machine::new(sandbox);
        let reports = read["variables"]["REPORTS"].as_str().unwrap();
        assert_eq!(read["variables"]["SNOW_INSTANCE"], "acme");
        let steps = read["steps"].as_array().unwrap();
        let step = |name: &str| steps.iter().find(|step| step["name"] == name).unwrap_or_else(|| panic!("{name}"));
        let string = |name: &str| step(name)["strings"][0].as_str().unwrap().to_owned();
        for name in ["junit", "archiveArtifacts"] {
            assert_eq!(step(name)["in"], json!(["pipeline", "post", "always"]));
        }
        let credentials = &step("withCredentials")["named"];
        let variable = |name: &str| credentials[name].as_str().unwrap();
        assert!(step("sh")["in"].as_array().unwrap().contains(&json!("withCredentials")), "{read}");

        let mut shell = Command::new("sh");
        shell.args(["-xec", &string("sh")]).current_dir(machine.home());
        let variables = [
            ("SNOW_INSTANCE", machine.serving.origin()),
            ("REPORTS", reports),
            (variable("usernameVariable"), "svc.ci"),
            (variable("passwordVariable"), "sandbox-svc"),
        ];
        let outcome = machine.run(shell, &variables, "").expect(code);
        // Jenkins shows the commands, too.
        Canaries::usual().check(format!("{outcome:?}").as_bytes(), "the log of the job");
        let junit = std::fs::read_to_string(machine.home().join(string("junit"))).unwrap();
        assert!(junit.contains(&format!("failures=\"{}\"", u8::from(code != 0))), "{junit}");
        assert!(machine.home().join(string("archiveArtifacts")).exists());
    }
}

#[test]
fn a_jenkinsfile_that_is_not_groovy_is_noticed() {
    let text = recipe(TOPIC, "// Jenkinsfile");
    let wrongs = [("always {", "always"), ("credentialsId:", "credentialsId"), ("junit '", "junit ")];
    let texts = wrongs.map(|(right, wrong)| {
        assert!(text.contains(right), "{right}");
        text.replace(right, wrong)
    });
    assert_eq!(jenkinsfiles(&Machine::new(GOOD), &texts), [Value::Null, Value::Null, Value::Null]);
}

/// The lines on which each of these texts is no PowerShell, by tests/ci/powershell.py.
fn powershell_errors(texts: &[String]) -> Vec<Vec<usize>> {
    let mut python = Command::new(place().join("python/bin/python"));
    python.args(["-B", "-c", include_str!("../ci/powershell.py")]);
    serde_json::from_value(Machine::new(GOOD).run(python, &[], &json!(texts).to_string()).expect(0).json()).unwrap()
}

#[test]
fn the_completion_for_powershell_is_powershell() {
    let machine = Machine::new(GOOD);
    let mut snow = Command::new(program());
    snow.args(["completion", "powershell"]);
    let script = machine.run(snow, &[], "").expect(0).stdout;
    let wrongs = [("param(", "param"), ("ForEach-Object {", "ForEach-Object"), ("} else {", "} else")];
    let broken = wrongs.map(|(right, wrong)| {
        assert!(script.contains(right), "{script}");
        script.replace(right, wrong)
    });
    let [whole, broken @ ..] = &powershell_errors(&[&[script][..], &broken].concat())[..] else { panic!("none") };
    assert_eq!(whole, &[] as &[usize]);
    assert!(broken.iter().all(|lines| !lines.is_empty()), "{broken:?}");
}
