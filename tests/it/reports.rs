//! The forms of a report: where they go, that they agree, and that nothing from
//! elsewhere breaks them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use snow_connect::sandbox::Sandbox;
use snow_connect::sandbox::scenario::Scenario;

use crate::world::process::{finish, snow, tool};
use crate::world::wire::{Wire, http};
use crate::world::{Outcome, PASSWORD, World};

/// What tries to break XML, HTML, Markdown and the commands of a workflow.
const HOSTILE: &str = "]]><script>alert(1)</script>&amp;\" ::error::x ##[error]y %0A::warning::z | `w` \u{1b}[31m\u{0}\u{7}\u{202e}\u{ffff}\u{fffe}\n::set-output name=a::b\r::stop-commands::t";

/// An instance whose error message is hostile.
fn hostile() -> Wire {
    let body =
        json!({ "error": { "message": HOSTILE, "detail": format!("::error::first {HOSTILE}") }, "status": "failure" });
    let body = body.to_string();
    Wire::replies(move |_| http(403, "X-Is-Logged-In: true\r\n", &body))
}

/// A world with `good`, `asleep` and `hostile`.
fn three() -> (Sandbox, Sandbox, Wire, World) {
    let (good, asleep, hostile) = (Sandbox::start(None, None).unwrap(), Sandbox::start(None, None).unwrap(), hostile());
    let mut world = World::new();
    world.connect("good", &good.origin(), "beth.anglin", "sandbox-beth");
    world.connect("asleep", &asleep.origin(), "beth.anglin", "sandbox-beth");
    asleep.set_scenario(Some(Scenario::Hibernating));
    let line = format!(
        "connect {} --name hostile --username beth --password-stdin --table incident --no-test",
        hostile.origin()
    );
    world.stdin(PASSWORD).run(&line).expect(0);
    (good, asleep, hostile, world)
}

fn read(world: &World, name: &str) -> String {
    fs::read_to_string(world.home().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A shell path of the world's home.
fn to(world: &World, format: &str, name: &str) -> String {
    format!("{format}={}", world.home().join(name).display())
}

#[test]
fn several_forms_go_to_files_at_once_and_text_to_standard_output() {
    let (_good, _asleep, _hostile, mut world) = three();
    let outputs = [
        to(&world, "json", "r/a.json"),
        to(&world, "jsonl", "r/b.jsonl"),
        to(&world, "junit", "r/c.xml"),
        to(&world, "github", "r/d.txt"),
        to(&world, "html", "r/e.html"),
        to(&world, "text", "r/f.txt"),
    ];
    let mut words = vec!["test", "--all"];
    outputs.iter().for_each(|output| words.extend(["-o", output]));
    let outcome = world.run_words(&words).expect(12);
    outcome.says(&["1 passed, 2 failed"]);
    let document: Value = serde_json::from_str(&read(&world, "r/a.json")).unwrap();
    assert_eq!(document["summary"]["failed"], 2);
    assert_eq!(read(&world, "r/b.jsonl").lines().count(), 4);
    assert!(read(&world, "r/c.xml").contains("tests=\"3\""));
    assert_eq!(read(&world, "r/d.txt").lines().filter(|line| line.starts_with("::error ")).count(), 2);
    assert!(read(&world, "r/e.html").starts_with("<!DOCTYPE html>"));
    assert!(read(&world, "r/f.txt").contains("1 passed, 2 failed"));
    // And one of them to standard output instead.
    let outcome = world.run_words(&["test", "--all", "-o", "json", "-o", &outputs[2]]).expect(12);
    assert_eq!(outcome.json()["schema"], "snow.test/1");
    let outcome = world.run("test --all -o junit").expect(12);
    assert!(outcome.stdout.starts_with("<?xml"));
}

#[test]
fn a_single_connection_has_reports_as_well() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let mut world = World::new();
    world.set("SNOW_INSTANCE", &sandbox.origin()).set("SNOW_USERNAME", "svc.ci").set("SNOW_PASSWORD", "sandbox-svc");
    let output = to(&world, "junit", "report.xml");
    world.run_words(&["test", "-o", &output]).expect(0).says(&["svc.ci"]);
    assert!(read(&world, "report.xml").contains("name=\"environment\""));
    let outcome = world.run("test -o jsonl").expect(0);
    assert_eq!(outcome.stdout.lines().count(), 2);
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_asked() {
    let (good, _asleep, _hostile, mut world) = three();
    let before = good.requests();
    for (line, word) in [
        ("test -o xml", "one of text, json"),
        ("test -o junit=", "a file name is missing"),
        ("test -o json -o text", "cannot both go to standard output"),
        ("test --json -o junit", "cannot both go to standard output"),
        ("test -o junit=x -o html=x", "two reports"),
        ("list -o junit", "is for snow test"),
        ("list -o json=x", "is for snow test"),
        ("connect dev1 -o html=x", "is for snow test"),
    ] {
        let outcome = world.run(line).expect(2);
        assert!(format!("{}{}", outcome.stdout, outcome.stderr).contains(word), "{line}: {outcome:?}");
    }
    fs::create_dir(world.home().join("taken")).unwrap();
    fs::write(world.home().join("file"), "").unwrap();
    for name in ["taken", "file/below.xml"] {
        let output = to(&world, "junit", name);
        let outcome = world.run_words(&["test", "good", "--json", "-o", &output]).expect(3);
        assert_eq!(outcome.error_code(), "report-unwritable");
    }
    assert_eq!(good.requests(), before);
    // Said twice is said once.
    world.run("test good --json -o json").expect(0);
    world.run("list -o json").expect(0).json();
}

#[test]
fn a_report_is_for_others_to_read_and_replaces_the_old_one_whole() {
    let (_good, _asleep, _hostile, mut world) = three();
    let path = world.home().join("report.xml");
    let output = to(&world, "junit", "report.xml");
    fs::write(&path, "old").unwrap();
    let link = world.home().join("link.xml");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    world.run_words(&["test", "good", "-o", &to(&world, "junit", "link.xml")]).expect(0);
    assert!(link.is_symlink());
    assert!(read(&world, "report.xml").starts_with("<?xml"));
    fs::remove_file(&path).unwrap();
    world.run_words(&["test", "good", "-o", &output]).expect(0);
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode & 0o600, 0o600);
    assert_ne!(mode, 0o600, "the umask decides, which forbids nothing to readers here");
    let left: Vec<_> = fs::read_dir(world.home()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".tmp")), "{left:?}");
}

/// `snow test` of a connection that variables describe.
fn command(home: &Path, origin: &str, words: &[&str]) -> Command {
    let mut command = snow(home);
    command.env("SNOW_INSTANCE", origin).env("SNOW_USERNAME", "beth.anglin").env("SNOW_PASSWORD", "sandbox-beth");
    command.arg("test").args(words);
    command
}

#[test]
fn a_full_disk_costs_the_report_and_nothing_else() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let home = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| finish(command(home.path(), &sandbox.origin(), words), b"");
    // The device itself is full; and it is still a device afterwards.
    let outcome = run(&["--json", "-o", "junit=/dev/full", "-o", "html=page.html"]).expect(3);
    assert_eq!(outcome.json()["ok"], true);
    outcome.says(&["the report /dev/full cannot be written", "snow explain report-unwritable"]);
    assert!(home.path().join("page.html").exists(), "the other report is there");
    run(&["-o", "junit=/dev/null"]).expect(0);
    for device in ["/dev/full", "/dev/null"] {
        assert!(!fs::metadata(device).unwrap().is_file(), "{device}");
    }
    // A disk that is full at the end: what was there before is as it was.
    fs::write(home.path().join("report.xml"), "of before").unwrap();
    for (call, error) in [("fsync", "ENOSPC"), ("?rename,?renameat,?renameat2", "EIO")] {
        let mut strace = tool("strace");
        strace.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("inject={call}:error={error}")]);
        let inner = command(home.path(), &sandbox.origin(), &["--json", "-o", "junit=report.xml"]);
        strace.arg(inner.get_program()).args(inner.get_args()).env_clear().current_dir(home.path());
        strace.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let outcome = finish(strace, b"").expect(3);
        assert_eq!(outcome.json()["ok"], true, "{call}");
        assert_eq!(fs::read_to_string(home.path().join("report.xml")).unwrap(), "of before", "{call}");
        let left = fs::read_dir(home.path()).unwrap().flatten().map(|entry| entry.file_name());
        assert!(!left.into_iter().any(|name| name.to_string_lossy().ends_with(".tmp")), "{call}");
    }
    // What a test found counts more than its report.
    sandbox.set_scenario(Some(Scenario::Hibernating));
    run(&["-o", "junit=/dev/full"]).expect(7);
}

#[test]
fn a_pipe_is_written_to_and_not_replaced() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let home = tempfile::tempdir().unwrap();
    let pipe = home.path().join("pipe");
    finish(
        {
            let mut command = tool("mkfifo");
            command.arg(&pipe);
            command
        },
        b"",
    )
    .expect(0);
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).unwrap()
    });
    finish(command(home.path(), &sandbox.origin(), &["-q", "-o", "json=pipe"]), b"").expect(0);
    let document: Value = serde_json::from_str(&reader.join().unwrap()).unwrap();
    assert_eq!(document["ok"], true);
}

/// Where others can put something, as in /tmp.
#[test]
fn a_link_or_a_pipe_of_another_user_is_not_written_through() {
    let sandbox = Sandbox::start(None, None).unwrap();
    let home = tempfile::tempdir().unwrap();
    let theirs = |path: &Path| {
        std::os::unix::fs::lchown(path, Some(12_345), Some(12_345)).unwrap();
    };
    let target = home.path().join("target");
    fs::write(&target, "of before").unwrap();
    // Only root can give a file to another; else this user is another in a namespace,
    // where what belongs to the system is of one that is not known.
    let is_root = rustix::process::geteuid().is_root();
    let (link, pipe) = if is_root {
        let (link, pipe) = (home.path().join("link"), home.path().join("their-pipe"));
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let mut command = tool("mkfifo");
        command.arg(&pipe);
        finish(command, b"").expect(0);
        theirs(&link);
        theirs(&pipe);
        (link, Some(pipe))
    } else {
        (Path::new("/bin/sh").to_owned(), None)
    };
    for path in [Some(&link), pipe.as_ref()].into_iter().flatten() {
        let output = format!("html={}", path.display());
        let inner = command(home.path(), &sandbox.origin(), &["-q", "-o", &output]);
        let mut command = tool("unshare");
        if !is_root {
            command.args(["--user", "--map-root-user"]);
        }
        command.arg(inner.get_program()).args(inner.get_args()).env_clear().current_dir(home.path());
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        finish(command, b"").expect(3).says(&["a link or a pipe that belongs to another user"]);
    }
    assert_eq!(fs::read_to_string(&target).unwrap(), "of before");
}

// ---- JUnit ----

/// Jenkins' own schema, where `tests/run` has put it.
pub fn junit_schema() -> String {
    std::env::var("SNOW_TEST_JUNIT_SCHEMA").expect("tests/run names the schema of Jenkins")
}

fn validate(xml: &Path) -> Outcome {
    let schema = junit_schema();
    let mut xmllint = tool("xmllint");
    xmllint.args(["--noout", "--nonet", "--schema", &schema]).arg(xml);
    finish(xmllint, b"")
}

fn xpath(xml: &Path, expression: &str) -> String {
    let mut xmllint = tool("xmllint");
    xmllint.args(["--nonet", "--xpath", expression]).arg(xml);
    finish(xmllint, b"").stdout.trim().to_owned()
}

#[test]
fn junit_is_what_jenkins_reads_whatever_a_server_says() {
    let (_good, _asleep, _hostile, mut world) = three();
    let output = to(&world, "junit", "report.xml");
    world.run_words(&["test", "--all", "-o", &output]).expect(12);
    let xml = world.home().join("report.xml");
    validate(&xml).expect(0);
    let count = |expression: &str| xpath(&xml, &format!("count({expression})"));
    assert_eq!((count("//testcase"), count("//failure"), count("//script")), ("3".into(), "2".into(), "0".into()));
    assert_eq!(xpath(&xml, "string(//testcase[@name='asleep']/failure/@type)"), "instance-hibernating");
    assert_eq!(xpath(&xml, "string(//testsuite/@failures)"), "2");
    assert!(xpath(&xml, "string(//testcase[@name='asleep']/failure)").contains("developer.servicenow.com"));
    let said = xpath(&xml, "string(//testcase[@name='hostile']/failure)");
    assert!(said.contains("]]><script>alert(1)</script>"), "{said}");
    let steps = xpath(&xml, "string(//testcase[@name='good']/system-out)");
    assert!(steps.contains("pass auth.request"), "{steps}");
    // Not tested is skipped, also for the schema.
    world.run_words(&["test", "--all", "--jobs", "1", "--fail-fast", "-o", &output]).expect(7);
    validate(&xml).expect(0);
    assert_eq!(count("//skipped"), "2");
}

// ---- GitHub ----

#[test]
fn annotations_are_commands_and_nothing_else_is() {
    let (_good, _asleep, _hostile, mut world) = three();
    let summary = world.home().join("summary.md");
    fs::write(&summary, "of another command\n").unwrap();
    world.set("GITHUB_ACTIONS", "true").set("CI", "true").set("GITHUB_STEP_SUMMARY", summary.to_str().unwrap());
    let outcome = world.run("test --all -o github").expect(12);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(
        lines[0].starts_with("::error title=asleep%3A instance-hibernating::the instance is hibernating%0A"),
        "{lines:?}"
    );
    assert!(lines[1].starts_with("::error title=hostile%3A access-denied::"), "{lines:?}");
    assert!(lines[2].starts_with("::warning title=hostile%3A identity-unknown::"), "{lines:?}");
    assert!(lines[3].starts_with("::notice title=snow test::1 passed, 2 failed in "), "{lines:?}");
    assert!(!lines[1].contains("##["), "{lines:?}");
    let markdown = fs::read_to_string(&summary).unwrap();
    assert!(markdown.starts_with("of another command\n"), "{markdown}");
    assert!(markdown.contains("| asleep | :x: |") && markdown.contains("| good | :white_check_mark: |"), "{markdown}");
    assert!(!markdown.contains("<script>"), "{markdown}");
    let rows = markdown.lines().filter(|line| line.starts_with("| ") && line.ends_with(" |")).count();
    assert_eq!(rows, 2 + 3, "{markdown}");
}

#[test]
fn no_user_name_is_a_link_in_the_summary() {
    for name in ["www.evil.example", "a@evil.example", "xmpp:a@evil.example", "`a@www.evil.example`|"] {
        let body = json!({ "result": { "user_name": name } });
        let server = Wire::replies(move |_| http(200, "X-Is-Logged-In: true\r\n", &body.to_string()));
        let mut world = World::new();
        let summary = world.home().join("summary.md");
        world.set("SNOW_INSTANCE", &server.origin()).set("SNOW_USERNAME", "beth").set("SNOW_PASSWORD", PASSWORD);
        world.set("GITHUB_ACTIONS", "true").set("GITHUB_STEP_SUMMARY", summary.to_str().unwrap());
        world.run("test -o github");
        let markdown = fs::read_to_string(&summary).unwrap();
        assert!(markdown.contains("evil"), "{markdown}");
        let outside_code = markdown.replace(&format!("`{name}`"), "");
        assert!(!["www.", "a@evil", "a\\@evil"].iter().any(|link| outside_code.contains(link)), "{markdown}");
    }
}

#[test]
fn in_a_workflow_no_line_begins_with_what_a_server_said() {
    let (_good, _asleep, _hostile, mut world) = three();
    world.set("GITHUB_ACTIONS", "true").set("CI", "true");
    for line in ["test --all", "test hostile", "test hostile --json", "test --all -o jsonl", "test --all -o github"] {
        let outcome = world.run(line);
        for line in outcome.stdout.lines().chain(outcome.stderr.lines()) {
            let start = line.trim_start();
            let is_ours = [
                "✗",
                "✓",
                "!",
                "–",
                "why",
                "do",
                "or",
                "see",
                "seen",
                "new",
                "-",
                "snow ",
                "{\"schema\"",
                "1 passed",
                "::error title=",
                "::warning title=",
                "::notice title=",
            ];
            let is_step = start.is_empty() || is_ours.iter().any(|own| start.starts_with(own));
            assert!(
                is_step || start.starts_with("Sign in") || start.starts_with("Ask ") || start.starts_with("Find "),
                "{line:?}"
            );
            assert!(!line.contains("##["), "{line:?}");
            assert!(!line.contains('\u{1b}') && !line.contains('\u{202e}'), "{line:?}");
        }
    }
}

#[test]
fn of_many_failures_a_workflow_shows_ten_and_the_last_stands_for_the_rest() {
    let mut world = World::new();
    let sandbox = Sandbox::start(None, Some(Scenario::Hibernating)).unwrap();
    for number in 0..13 {
        let line =
            format!("connect {} --name c{number:02} --username u{number} --password-stdin --no-test", sandbox.origin());
        world.stdin(PASSWORD).run(&line).expect(0);
    }
    let outcome = world.run("test --all -o github").expect(7);
    let errors: Vec<&str> = outcome.stdout.lines().filter(|line| line.starts_with("::error ")).collect();
    assert_eq!(errors.len(), 10);
    assert!(errors[9].starts_with("::error title=and 4 more::c09: instance-hibernating%0Ac10"), "{}", errors[9]);
}

/// Prints what the official parser finds, a line each.
const PARSER: &str = "
import sys
from prometheus_client.parser import text_string_to_metric_families
for family in text_string_to_metric_families(sys.stdin.read()):
    for sample in family.samples:
        print(family.type, sample.name, sorted(sample.labels.items()), sample.value)
";

#[test]
fn the_parser_of_prometheus_reads_the_metrics() {
    let [sandbox, breaks] = [(); 2].map(|()| Sandbox::start(None, None).unwrap());
    let mut world = World::new();
    world.connect("good", &sandbox.origin(), "beth.anglin", "sandbox-beth");
    world.connect("bad", &breaks.origin(), "joe.employee", "sandbox-joe");
    world.run("test --all").expect(0);
    breaks.set_scenario(Some(Scenario::Hibernating));
    let file = world.home().join("snow.prom");
    world.run(&format!("test --all -o prometheus={}", file.display())).expect(7);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
    let text = fs::read_to_string(&file).unwrap();
    let parsed = finish(parser(), text.as_bytes()).expect(0).stdout;
    let samples =
        |name: &str| parsed.lines().filter(|line| line.starts_with(&format!("gauge {name} "))).collect::<Vec<_>>();
    let up = samples("snow_connection_up");
    assert!(up.len() == 2 && up[0].contains("'bad'") && up[0].ends_with(" 0") && up[1].ends_with(" 1"), "{parsed}");
    assert_eq!(samples("snow_connection_test_duration_seconds").len(), 2, "{parsed}");
    assert_eq!(samples("snow_connection_last_success_timestamp_seconds").len(), 2, "{parsed}");
    let failed = samples("snow_connection_test_failure");
    assert!(failed.len() == 1 && failed[0].contains("('class', 'instance')"), "{parsed}");
    // However often it fails, the last success stays the one that it was.
    let last_success = || {
        let text = fs::read_to_string(&file).unwrap();
        let is_it = |line: &&str| line.starts_with("snow_connection_last_success") && line.contains("\"bad\"");
        text.lines().find(is_it).map(str::to_owned)
    };
    let first = last_success();
    assert!(first.is_some());
    for _ in 0..2 {
        world.run(&format!("test --all -o prometheus={}", file.display())).expect(7);
        assert_eq!(last_success(), first);
    }
    let printed = world.run("test good -o prometheus").expect(0).stdout;
    assert!(finish(parser(), printed.as_bytes()).expect(0).stdout.contains("snow_connection_up"), "{printed}");
}

fn parser() -> Command {
    let mut command = crate::clients::python();
    command.args(["-B", "-c", PARSER]);
    command
}
