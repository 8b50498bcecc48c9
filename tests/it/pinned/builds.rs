//! Two builds share a home: what one writes, the other lists, tests, renews and
//! writes back.
//!
//! The other build is this very program, unless `tests/run --with-old PROGRAM`
//! names an older one; what is written now must be read by it, which the pinned
//! forms of [`super::written`] hold without it.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use snow_connect::sandbox::Sandbox;
use snow_connect::sandbox::scenario::Scenario;

use super::{BY_IDENTITY, Key, Secrets, assert_holds, private_file};
use crate::oauth::free_port;
use crate::world::Outcome;
use crate::world::keyring::Session;
use crate::world::process::{finish, program};
use crate::world::waiting::{Running, TIMEOUT};

/// A home on a bus with a keyring, and what opens its encrypted file.
struct Shared {
    session: Session,
    sandbox: Sandbox,
    key: Key,
}

impl Shared {
    fn command(&self, build: &Path, line: &str) -> Command {
        let mut command = Command::new(build);
        self.session.environment(&mut command);
        match self.key {
            Key::Passphrase(passphrase) => command.env("SNOW_STORE_PASSPHRASE", passphrase),
            Key::Identity(_) => command.env("SNOW_STORE_IDENTITY", self.session.home().join("identity.txt")),
        };
        command.env("SNOW_BROWSER", "true");
        command.current_dir(self.session.home());
        command.args(line.replace("ORIGIN", &self.sandbox.origin()).split_whitespace());
        command
    }

    #[track_caller]
    fn run(&self, build: &Path, code: i32, line: &str, stdin: &str) -> Outcome {
        let outcome = finish(self.command(build, line), stdin.as_bytes());
        assert_eq!(outcome.code, code, "{} {line}: {outcome:?}", build.display());
        outcome
    }
}

/// `writer` makes a home, `reader` lives in it, and `writer` comes back.
fn share(writer: &Path, reader: &Path, key: Key) {
    let shared = Shared { session: Session::new(), sandbox: Sandbox::start(None, None).unwrap(), key };
    if let Key::Identity(file) = key {
        private_file(&shared.session.home().join("identity.txt"), file.as_bytes());
    }
    let run = |build: &Path, code: i32, line: &str, stdin: &str| shared.run(build, code, line, stdin);
    let user = "--username beth.anglin --password-stdin";
    let machine = "--auth client-credentials --client-id sandbox-ci --client-secret-stdin";
    run(
        writer,
        0,
        &format!("connect ORIGIN --name acme {user} --label env=dev --table incident --description words"),
        "sandbox-beth",
    );
    run(writer, 0, &format!("connect ORIGIN --name acme-in-file {user} --store file"), "sandbox-beth");
    run(writer, 0, &format!("connect ORIGIN --name ci {machine}"), "sandbox-ci-secret");
    run(writer, 0, &format!("connect ORIGIN --name ci-in-file {machine} --store file"), "sandbox-ci-secret");
    for (name, store) in [("public", "keyring"), ("public-in-file", "file")] {
        let line = format!(
            "connect ORIGIN --name {name} --client-id sandbox-public --store {store} {TIMEOUT} \
             --redirect-uri http://127.0.0.1:{}/callback",
            free_port()
        );
        let running = Running::start(shared.command(writer, &line));
        running.waiting().person_returns();
        running.end().expect(0);
    }
    let names = ["acme", "acme-in-file", "ci", "ci-in-file", "public", "public-in-file"];
    for (build, other) in [(reader, writer), (writer, reader)] {
        let both = |line: &str| {
            let [one, two] = [build, other].map(|build| run(build, 0, line, "").json());
            // The older one may know fewer keys.
            let (now, then) = if build == program() { (one, two) } else { (two, one) };
            assert_holds(&now, &then, line);
        };
        both("list --json");
        both("status --all --json");
        run(build, 0, "test --all", "");
        for name in names.iter().filter(|name| !name.starts_with("acme")) {
            run(build, 0, &format!("refresh {name}"), "");
        }
        let by = if build == writer { "writer" } else { "reader" };
        run(build, 0, &format!("edit ci-in-file --set labels.by={by}"), "");
        run(other, 0, "test --all", "");
        both("list --json");
        // A password that is refused is counted by both.
        shared.sandbox.set_scenario(Some(Scenario::BasicRefused));
        run(build, 4, "test acme", "");
        run(other, 4, "test acme", "");
        run(build, 4, "test acme", "");
        let code = |outcome: Outcome| outcome.error_code();
        assert_eq!(code(run(other, 4, "test acme --json", "")), "refused-before");
        shared.sandbox.set_scenario(None);
        run(build, 0, "login acme --password-stdin", "sandbox-beth");
        run(other, 0, "test acme", "");
    }
    let path = shared.session.home().join(".config/snow/config.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, config.replace("version = 1", "version = 2")).unwrap();
    for build in [writer, reader] {
        assert_eq!(run(build, 3, "list --json", "").error_code(), "config-newer");
    }
    std::fs::write(&path, config).unwrap();
    run(reader, 0, &format!("remove {} --yes", names.join(" ")), "");
    let list: Value = run(writer, 0, "list --json", "").json();
    assert_eq!(list["connections"], serde_json::json!([]));
    assert_eq!(shared.session.secret_tool(&["search", "--all", "service", "snow"], "").stdout, "");
}

#[test]
fn a_home_goes_from_process_to_process() {
    let Secrets::Sealed { key, .. } = BY_IDENTITY.secrets else { panic!("it has a file") };
    share(&program(), &program(), key);
}

#[test]
#[ignore = "wants an older build: tests/run --with-old PROGRAM"]
fn a_home_goes_from_an_older_build_to_this_one_and_back() {
    let older = std::env::var_os("SNOW_TEST_OLD_PROGRAM").map(PathBuf::from);
    let older = older.expect("SNOW_TEST_OLD_PROGRAM names the older build");
    let key = Key::Passphrase("horse, battery");
    share(&older, &program(), key);
    share(&program(), &older, key);
}
