//! The program itself, as a process with an environment of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::Outcome;
use super::canary::Canaries;

/// The program under test. `tests/run` names it where it stands elsewhere than
/// it was built.
#[allow(clippy::disallowed_methods, reason = "a test is told by a variable where the program is")]
pub fn program() -> PathBuf {
    std::env::var_os("SNOW_TEST_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_snow").into(), PathBuf::from)
}

/// `snow` with a clean environment, this home, and nothing else.
pub fn snow(home: &Path) -> Command {
    let mut command = Command::new(program());
    command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").current_dir(home);
    command
}

/// The calls that touch a file, by what they do. Not every machine has each: strace is asked for these.
#[cfg(target_os = "linux")]
pub const FILE_CALLS: [&str; 9] = [
    "openat",
    "?link,?linkat",
    "?mkdir,?mkdirat",
    "?chmod,?fchmodat",
    "fchmod",
    "flock",
    "write",
    "fsync",
    "?rename,?renameat,?renameat2",
];

/// Runs a command to its end with this standard input.
pub fn finish(mut command: Command, stdin: &[u8]) -> Outcome {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // A program that does not read its input may close it early.
    let _ = child.stdin.take().expect("piped").write_all(stdin);
    let output = child.wait_with_output().expect("it ends");
    // The sandbox alone shows passwords: its own.
    if command.get_program() == program() && command.get_args().next().is_none_or(|word| word != "sandbox") {
        let canaries = Canaries::usual();
        canaries.check(&output.stdout, "standard output");
        canaries.check(&output.stderr, "standard error");
    }
    Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

/// A program that the tests need. A missing one is an error, never a skip.
pub fn tool(name: &str) -> Command {
    let found = Command::new("sh").args(["-c", &format!("command -v {name}")]).output().expect("sh runs");
    assert!(found.status.success(), "the tests need {name}: run tests/run, which installs it");
    Command::new(name)
}

/// Makes a program of the shell. Another process writes it: as long as one of ours had it
/// open for that, a child that a test starts meanwhile would keep it from being run.
pub fn program_at(path: &Path, body: &str) {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "printf '%s' \"$1\" >\"$0\" && chmod 755 \"$0\""]).arg(path).arg(format!("#!/bin/sh\n{body}\n"));
    assert!(shell.status().expect("sh runs").success(), "{}", path.display());
}

/// Sends a process a signal, by its name without `SIG`.
pub fn signal(process: &Child, name: &str) {
    let sent = tool("kill").args(["-s", name, &process.id().to_string()]).status().expect("kill runs");
    assert!(sent.success(), "{name} was not sent");
}

/// Ends a process when it goes out of scope.
pub struct Guard(pub Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `snow sandbox --json` in a home of its own, serving until this goes out of
/// scope.
pub struct Serving {
    /// What it said first.
    pub document: Value,
    pub home: tempfile::TempDir,
    _process: Guard,
}

impl Serving {
    pub fn start(words: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("a temporary home");
        let mut command = snow(home.path());
        command.args(["sandbox", "--json"]).args(words).stdout(Stdio::piped());
        let mut process = Guard(command.spawn().expect("the program starts"));
        let mut line = String::new();
        let stdout = process.0.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("it says where it serves");
        let document = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        Self { document, home, _process: process }
    }

    pub fn origin(&self) -> &str {
        self.document["instance"].as_str().expect("an origin")
    }
}
