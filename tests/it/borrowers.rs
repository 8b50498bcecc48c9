//! Programs of others use one connection, unchanged: the script of the README.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::Outcome;
use crate::world::keyring::Session;
use crate::world::process::{Serving, finish, program, snow};

const README: &str = include_str!("../../README.md");
/// The address that the script uses.
const ORIGIN: &str = "https://acme.service-now.com";

/// What `tests/borrowers` names, installed. `tests/run` makes it, and names it where it is
/// elsewhere.
pub fn borrowers() -> PathBuf {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/borrowers");
    let place = std::env::var_os("SNOW_TEST_BORROWERS").map_or(made, PathBuf::from);
    assert!(place.join("python/bin/python").exists(), "{} is missing: run tests/run, which makes it", place.display());
    place
}

/// The files that the script uses.
fn files() -> PathBuf {
    let sources = std::env::var_os("SNOW_TEST_SOURCES").map(PathBuf::from);
    sources.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()).join("tests/examples/tools")
}

#[test]
fn one_connection_is_used_by_eight_programs_of_others() {
    let serving = Serving::start(&[]);
    let home = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(files()).unwrap().flatten() {
        std::fs::copy(file.path(), home.path().join(file.file_name())).unwrap();
    }
    let place = borrowers();
    let bin = home.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let node = crate::world::authorization_server::place().join("node");
    for (name, target) in [("snow", program()), ("node", node)] {
        std::os::unix::fs::symlink(target, bin.join(name)).unwrap();
    }
    let path = [bin, place.join("node_modules/.bin"), place.join("python/bin"), "/usr/bin".into(), "/bin".into()];
    let path = std::env::join_paths(path).unwrap();
    let prepared = |mut command: Command| {
        command.env_clear().env("HOME", home.path()).env("PATH", &path).env("LANG", "C.UTF-8").current_dir(home.path());
        command.env("SNOW_STORE", "file").env("SNOW_STORE_PASSPHRASE", "correct horse battery");
        // Otherwise it is the home that the system has for the user.
        command.env("ANSIBLE_HOME", home.path().join(".ansible")).env("ANSIBLE_REMOTE_TEMP", home.path().join("tmp"));
        command
    };
    let mut connect = prepared(snow(home.path()));
    connect.args(["connect", serving.origin(), "--name", "acme", "--auth", "client-credentials"]);
    connect.args(["--client-id", "sandbox-ci", "--client-secret-stdin"]);
    finish(connect, b"sandbox-ci-secret").expect(0);

    let start = "```sh run-by: one_connection_is_used_by_eight_programs_of_others\n";
    let script = README.split_once(start).expect("it is in the README").1.split_once("```").unwrap().0;
    let script = script.replace(ORIGIN, serving.origin());
    let mut shell = prepared(Command::new("bash"));
    shell.args(["-euo", "pipefail", "-c", &script]).stdin(Stdio::null());
    let outcome = finish(shell, b"").expect(0);
    let words = outcome.stdout.split(|c: char| !c.is_ascii_alphanumeric());
    let incidents = words.filter(|word| word.starts_with("INC0")).count();
    assert!(incidents >= 8, "{outcome:?}");
    for program in ["newman: INC0", "pysnow: INC0", "ansible: INC0", "mcp: ", "pysnc: INC0", "\"records\""] {
        assert!(outcome.stdout.contains(program), "{program}: {outcome:?}");
    }
    // The gateway ends, and its password with it.
    let deadline = Instant::now() + Duration::from_secs(10);
    while home.path().join("password").exists() {
        assert!(Instant::now() < deadline, "the file with the password is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// servicenow-cli of another author, which `tests/run --long` builds: it takes a connection
/// of snow, and a connection that it made itself becomes one of snow.
#[test]
#[ignore = "needs servicenow-cli, which tests/run --long builds"]
fn servicenow_cli_takes_a_connection_and_gives_one() {
    let theirs = borrowers().join("cargo/bin/servicenow");
    assert!(theirs.exists(), "{} is missing: run tests/run --long, which builds it", theirs.display());
    let theirs = theirs.to_str().unwrap();
    let serving = Serving::start(&[]);
    let mut home = Session::new();
    let connect = format!("connect {} --name acme --auth client-credentials", serving.origin());
    home.run(&format!("{connect} --client-id sandbox-ci --client-secret-stdin"), "sandbox-ci-secret").expect(0);
    let list = ["exec", "acme", "--for", "servicenow-cli", "--", theirs, "tables", "list", "incident", "-n", "1"];
    let rows = finish(home.command(&[&list[..], &["-o", "json"]].concat()), b"").expect(0).json();
    assert!(rows["result"][0]["number"].as_str().unwrap().starts_with("INC0"), "{rows}");

    let mut login = Command::new(theirs);
    home.environment(&mut login);
    login.args(["auth", "login", "--instance", serving.origin(), "--method", "basic", "--profile", "mine"]);
    login.args(["--username", "beth.anglin", "--secret-stdin"]);
    finish(login, b"sandbox-beth").expect(0);
    let item = ["lookup", "service", "servicenow-cli", "username", "profile:mine"];
    let before = home.secret_tool(&item, "").expect(0).stdout;
    home.run("import servicenow-cli", "").expect(0).says(&["mine: imported"]);
    home.run("test mine", "").expect(0).says(&["beth.anglin"]);
    assert_eq!(home.secret_tool(&item, "").expect(0).stdout, before, "its own item is as it was");
}

/// The answers of the credential-helper protocol, as its specification describes them.
fn helper_schema() -> Value {
    let values = json!({ "type": "array", "items": { "type": "string" } });
    json!({
        "type": "object",
        "properties": {
            "expires": { "type": "string", "format": "date-time" },
            "headers": { "type": "object", "additionalProperties": values },
        },
        "additionalProperties": false,
    })
}

#[test]
fn the_credential_helper_answers_as_that_of_uv() {
    let serving = Serving::start(&[]);
    let home = tempfile::tempdir().unwrap();
    let ours = |words: &[&str], stdin: &str| {
        let mut command = snow(home.path());
        command.env("SNOW_STORE", "file").env("SNOW_STORE_PASSPHRASE", "correct horse battery").args(words);
        raw(command, stdin)
    };
    let connect = ["connect", serving.origin(), "--name", "acme", "--username", "svc.ci", "--password-stdin"];
    ours(&connect, "sandbox-svc").expect(0);
    let uv = |words: &[&str], stdin: &str| {
        let mut command = Command::new(borrowers().join("python/bin/uv"));
        command.env_clear().env("HOME", home.path()).env("PATH", "/usr/bin:/bin").current_dir(home.path());
        command.arg("auth").args(words);
        raw(command, stdin)
    };
    let theirs = "https://acme.example";
    uv(&["login", theirs, "--username", "svc.ci", "--password", "sandbox-svc"], "").expect(0);

    let schema = helper_schema();
    let ask = |address: &str| json!({ "uri": address, "of a later version": true }).to_string();
    let pairs = [
        (
            ask(&format!("{}/api/now/table/incident", serving.origin())),
            ask(&format!("{theirs}/api/now/table/incident")),
        ),
        (ask("https://unknown.example/"), ask("https://unknown.example/")),
    ];
    for (to_us, to_uv) in pairs {
        let our_answer = ours(&["credential", "get"], &to_us).expect(0);
        let their_answer = uv(&["helper", "--protocol=bazel", "get"], &to_uv).expect(0);
        assert_eq!(our_answer.json(), their_answer.json());
        jsonschema::validate(&schema, &our_answer.json()).unwrap();
    }
    for invalid in ["", "{", "{}", "{\"uri\":\"nope\"}"] {
        let [our_end, their_end] =
            [ours(&["credential", "get"], invalid), uv(&["helper", "--protocol=bazel", "get"], invalid)];
        assert!(our_end.stdout.is_empty() && their_end.stdout.is_empty());
        assert_eq!((our_end.code, their_end.code), (2, 2), "{invalid}: {our_end:?} {their_end:?}");
    }
}

/// Runs a command that prints secrets on purpose.
fn raw(mut command: Command, stdin: &str) -> Outcome {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
