//! Programs of others use one connection, unchanged: the script of the README.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::world::process::{Serving, finish, program, snow};

const README: &str = include_str!("../../README.md");
/// The address that the script uses.
const ORIGIN: &str = "https://acme.service-now.com";

/// What `tests/borrowers` names, installed. `tests/run` makes it, and names it where it is
/// elsewhere.
fn borrowers() -> PathBuf {
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
