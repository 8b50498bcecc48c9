//! A person with a home of their own on the system of this run.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::Value;

use super::ask::Reply;
use super::browser;
use super::system::{Key, System};

/// Their secrets. No command may show one.
pub const SECRETS: [&str; 3] = ["sandbox-beth", "Größe 7: correct hörse", "AGE-SECRET-KEY-"];
pub const PASSPHRASE: &str = SECRETS[1];

pub struct Person {
    system: System,
    /// With a space and letters outside ASCII in its name.
    home: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

/// How a command ended.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A command that runs.
pub struct Running<'a> {
    person: &'a Person,
    pub child: Child,
    stderr: BufReader<ChildStderr>,
    keys: PathBuf,
    said: String,
}

impl Person {
    /// With the store that this system has for them: the Credential Manager on
    /// Windows, the encrypted file elsewhere, unless the run says so.
    pub fn new() -> Self {
        let system = System::of_this_run();
        let homes = system.homes();
        std::fs::create_dir_all(&homes).unwrap();
        let home = tempfile::Builder::new().prefix("Bêth's höme ").tempdir_in(homes).expect("a home");
        let variables = system.directories(home.path());
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let mut person = Self { system, home, variables };
        let has_keyring = std::env::var_os("SNOW_STORIES_KEYRING").is_some();
        if !person.is_on_windows() && !has_keyring {
            person.has_an_encrypted_file();
        }
        if let Ok(bus) = std::env::var("SNOW_STORIES_BUS") {
            person.set("DBUS_SESSION_BUS_ADDRESS", &bus);
        }
        person
    }

    pub fn is_on_windows(&self) -> bool {
        self.system.is_windows()
    }

    pub fn checks_certificates(&self) -> bool {
        self.system.checks_certificates()
    }

    pub fn has_authorities(&self) -> bool {
        self.system.has_authorities()
    }

    /// New secrets go to the encrypted file, which opens with a passphrase.
    pub fn has_an_encrypted_file(&mut self) {
        self.file("pass phräse.txt", PASSPHRASE);
        self.set("SNOW_STORE", "file");
        self.set("SNOW_STORE_PASSPHRASE_FILE", &self.seen("pass phräse.txt"));
    }

    /// A variable for all later commands.
    pub fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    pub fn unset(&mut self, name: &str) {
        self.variables.retain(|(set, _)| set != name);
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn config_path(&self) -> PathBuf {
        self.system.config(self.home())
    }

    pub fn config(&self) -> String {
        std::fs::read_to_string(self.config_path()).unwrap_or_default()
    }

    pub fn state_path(&self) -> PathBuf {
        self.system.state(self.home())
    }

    /// The path of the connections file as the program sees it.
    pub fn seen_config(&self) -> String {
        self.system.seen(&self.config_path())
    }

    /// A file in the home, for its owner alone.
    pub fn file(&self, leaf: &str, content: &str) {
        let path = self.home().join(leaf);
        std::fs::write(&path, content).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
    }

    /// The path of such a file as the program sees it.
    pub fn seen(&self, leaf: &str) -> String {
        self.system.seen(&self.home().join(leaf))
    }

    fn command(&self, words: &[&str], keys: Option<&Path>) -> Command {
        let mut command = self.system.command(&program(), &self.variables, self.home(), keys);
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, line: &str) -> Outcome {
        self.run_with(&line.split(' ').collect::<Vec<_>>(), "")
    }

    /// Runs a command with this standard input.
    pub fn run_with(&self, words: &[&str], stdin: &str) -> Outcome {
        let mut child = self.command(words, None).spawn().expect("the program starts");
        // A program that does not read its input may close it early.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        let output = child.wait_with_output().expect("it ends");
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: without_secrets(output.stdout),
            stderr: without_secrets(output.stderr),
        }
    }

    /// Starts a command that takes a while.
    pub fn start(&self, line: &str) -> Running<'_> {
        let keys = tempfile::Builder::new().prefix("keys-").tempfile_in(self.home()).unwrap();
        let keys = keys.into_temp_path().to_path_buf();
        let words: Vec<_> = line.split(' ').collect();
        let mut child = self.command(&words, Some(&keys)).spawn().expect("the program starts");
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Running { person: self, child, stderr, keys, said: String::new() }
    }
}

impl Running<'_> {
    /// The first line of standard error that holds this.
    pub fn until_it_says(&mut self, part: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.stderr.read_line(&mut line).expect("UTF-8");
            self.said += &line;
            assert!(read > 0, "it ended without {part:?}: {}", self.said);
            if line.contains(part) {
                return line;
            }
        }
    }

    /// Plays the browser of the sign-in whose address it prints, and gives the page
    /// that ends it.
    pub fn signs_in(&mut self, user_name: &str) -> Reply {
        let line = self.until_it_says("/oauth_auth.do?");
        let address = line.split_whitespace().find(|word| word.starts_with("http://")).expect("an address");
        browser::get(&browser::sign_in(address, user_name, "allow"))
    }

    pub fn press(&self, key: Key) {
        self.person.system.press(key, &self.child, &self.keys);
    }

    /// Ends with this code, whatever it said.
    pub fn ends_unread(mut self, code: i32) {
        drop(self.child.stdin.take());
        let output = self.child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(code));
    }

    pub fn ends(mut self) -> Outcome {
        drop(self.child.stdin.take());
        let mut stdout = Vec::new();
        if let Some(mut pipe) = self.child.stdout.take() {
            pipe.read_to_end(&mut stdout).unwrap();
        }
        self.stderr.read_to_string(&mut self.said).expect("UTF-8");
        let status = self.child.wait().expect("it ends");
        let stderr = without_secrets(self.said.into_bytes());
        Outcome { code: status.code().unwrap_or(-1), stdout: without_secrets(stdout), stderr }
    }
}

impl Outcome {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn says(&self, part: &str) -> &Self {
        let all = format!("{}\n{}", self.stdout, self.stderr);
        assert!(all.contains(part), "no {part:?} in: {all}");
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn program() -> PathBuf {
    std::env::var_os("SNOW_TEST_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_snow").into(), PathBuf::from)
}

fn without_secrets(bytes: Vec<u8>) -> String {
    let text = String::from_utf8(bytes).expect("UTF-8");
    for secret in SECRETS {
        assert!(!text.contains(secret), "a secret is shown: {text}");
    }
    text
}
