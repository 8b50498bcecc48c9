//! A machine of a CI service, with `snow` on its PATH, and what reads and runs the recipes
//! of the topics there: parsers and runners that others wrote.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::Outcome;
use super::authorization_server;
use super::canary::Canaries;
use super::process::{finish, program, tool};

const ACTION: &str = ".github/actions/test-connections";
const ACTION_FILE: &str = include_str!("../../../.github/actions/test-connections/action.yml");
const ACTION_SCRIPT: &str = include_str!("../../../.github/actions/test-connections/test-connections.sh");
const CI_WORKFLOW: &str = include_str!("../../../.github/workflows/ci.yml");

/// Where tests/run has installed what reads and runs the recipes.
#[allow(clippy::disallowed_methods, reason = "a test is told by a variable where its parts are")]
pub fn place() -> PathBuf {
    let usual = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/ci");
    let place = std::env::var_os("SNOW_TEST_CI").map_or_else(usual, PathBuf::from);
    let has_all = place.join("node_modules/gitlab-ci-local").is_dir() && place.join("python/bin/zizmor").exists();
    assert!(has_all, "the tests need the tools of tests/ci in {}: run tests/run, which installs them", place.display());
    place
}

/// The block of a topic that begins with this line.
pub fn recipe(topic: &str, first_line: &str) -> String {
    let (_, rest) = topic.split_once(&format!("\n{first_line}\n")).expect("the topic has the recipe");
    format!("{}\n", rest.split("\n```").next().unwrap())
}

/// The blocks in this language below this heading of a topic.
pub fn blocks(topic: &str, heading: &str, language: &str) -> Vec<String> {
    let (_, section) = topic.split_once(&format!("\n## {heading}\n")).expect("the topic has the heading");
    let section = section.split("\n## ").next().unwrap();
    let start = format!("\n```{language} ");
    let found = section.split(&start).skip(1);
    found.map(|rest| format!("{}\n", rest.split_once('\n').unwrap().1.split("\n```").next().unwrap())).collect()
}

/// The first of them.
pub fn block(topic: &str, heading: &str, language: &str) -> String {
    blocks(topic, heading, language).into_iter().next().expect("the section has the block")
}

/// A machine with a home.
pub struct Machine {
    home: TempDir,
}

impl Machine {
    pub fn new() -> Self {
        let machine = Self { home: tempfile::tempdir().expect("a temporary home") };
        std::fs::create_dir(machine.home().join("bin")).unwrap();
        std::os::unix::fs::symlink(program(), machine.home().join("bin/snow")).unwrap();
        machine
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn path(&self) -> String {
        format!("{}:/usr/bin:/bin", self.home().join("bin").display())
    }

    /// Runs a command to its end, with nothing but `snow` and the system on the
    /// PATH.
    pub fn run(&self, mut command: Command, variables: &[(&str, &str)], stdin: &str) -> Outcome {
        command.env_clear().env("HOME", self.home()).env("PATH", self.path()).env("LANG", "C.UTF-8");
        command.envs(variables.iter().copied());
        finish(command, stdin.as_bytes())
    }

    /// Writes a program. Another process does, so that none of ours holds it open
    /// when it is run.
    pub fn write_program(&self, path: &Path, text: &str) {
        let mut install = Command::new("install");
        install.args(["-D", "-m", "755", "/dev/stdin"]).arg(path);
        self.run(install, &[], text).expect(0);
    }

    /// A checkout with the action.
    pub fn repository(&self) -> PathBuf {
        let repository = self.home().join("checkout");
        let action = repository.join(ACTION);
        std::fs::create_dir_all(repository.join(".github/workflows")).unwrap();
        std::fs::create_dir_all(&action).unwrap();
        std::fs::write(action.join("action.yml"), ACTION_FILE).unwrap();
        std::fs::write(repository.join(".github/workflows/ci.yml"), ci_workflow()).unwrap();
        self.write_program(&action.join("test-connections.sh"), ACTION_SCRIPT);
        repository
    }

    /// What tests/ci/workflow.mjs says to a request.
    pub fn github(&self, mut request: Value) -> Value {
        request["repository"] = json!(self.repository());
        request["home"] = json!(self.home());
        if request["path"].is_null() {
            request["path"] = json!(self.path());
        }
        let mut node = Command::new(authorization_server::place().join("node"));
        // From standard input it finds its packages in the current directory.
        node.args(["--input-type=module", "-", &request.to_string()]).current_dir(place());
        let outcome = self.run(node, &[], include_str!("../../ci/workflow.mjs")).expect(0);
        let canaries = Canaries::usual();
        canaries.check(outcome.stdout.as_bytes(), "what the workflow left");
        canaries.search(self.home());
        outcome.json()
    }

    /// Puts the workflow of a topic, which begins with its path, into a repository, with an
    /// action that has a hash.
    pub fn put_workflow(&self, repository: &Path, topic: &str, path: &str) {
        let text = recipe(topic, &format!("# {path}"));
        assert!(text.contains(&format!("uses: OWNER/snow/{ACTION}@SHA\n")), "{text}");
        std::fs::write(repository.join(path), text.replace("@SHA", &format!("@{}", "0".repeat(40)))).unwrap();
    }

    /// What zizmor finds in the workflows of a repository.
    pub fn zizmor(&self, repository: &Path) -> Outcome {
        let mut zizmor = Command::new(place().join("python/bin/zizmor"));
        zizmor.args(["--offline", "--quiet"]).arg(repository);
        self.run(zizmor, &[], "")
    }

    /// Runs the `.gitlab-ci.yml` of a topic with these variables of the project in a
    /// repository that has these files, and says where that is.
    pub fn gitlab(&self, topic: &str, files: &[(&str, &str)], variables: &[(&str, &str)]) -> (Outcome, PathBuf) {
        tool("git");
        tool("rsync");
        let repository = self.home().join("project");
        std::fs::create_dir(&repository).unwrap();
        std::fs::write(repository.join(".gitlab-ci.yml"), recipe(topic, "# .gitlab-ci.yml")).unwrap();
        files.iter().for_each(|(name, text)| std::fs::write(repository.join(name), text).unwrap());
        let mut shell = Command::new("bash");
        let commands = "git init --quiet --initial-branch=main
            git config user.name somebody
            git config user.email somebody@team.example
            git remote add origin git@team.example:team/project.git
            git add .
            git commit --quiet --message='Test the connection'";
        shell.args(["-euc", commands]).current_dir(&repository);
        self.run(shell, &[], "").expect(0);
        let lines: Vec<String> = variables.iter().map(|(name, value)| format!("{name}: '{value}'\n")).collect();
        std::fs::write(repository.join(".gitlab-ci-local-variables.yml"), lines.concat()).unwrap();
        let mut node = Command::new(authorization_server::place().join("node"));
        node.arg(place().join("node_modules/gitlab-ci-local/dist/index.js"));
        node.args(["--force-shell-executor", "--no-color"]).current_dir(&repository);
        (self.run(node, &[], ""), repository)
    }
}

/// Our own workflow. It names a password of the sandbox, which nothing else may.
pub fn ci_workflow() -> String {
    CI_WORKFLOW.replace("sandbox-beth", "a-password")
}
