//! `snow proxy` as a process, and what programs send to it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::PASSWORD;
use super::ask::Ask;
use super::canary::Canaries;
use super::process::{Guard, snow};

/// A gateway; it serves until this goes out of scope.
pub struct Gateway {
    /// What it said first.
    pub document: Value,
    pub process: Guard,
    /// Its standard error.
    log: PathBuf,
    _place: tempfile::TempDir,
}

impl Gateway {
    /// To the instance at `origin`, with an access token from the environment.
    pub fn with_token(origin: &str, words: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("a temporary home");
        let mut command = snow(home.path());
        command.env("SNOW_INSTANCE", origin).env("SNOW_ACCESS_TOKEN", PASSWORD);
        Self::start(command, words)
    }

    /// To the instance at `origin`, as a user of the embedded instance.
    pub fn with_password(origin: &str, words: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("a temporary home");
        let mut command = snow(home.path());
        command.env("SNOW_INSTANCE", origin).env("SNOW_USERNAME", "beth.anglin").env("SNOW_PASSWORD", "sandbox-beth");
        Self::start(command, words)
    }

    /// To the instance at `origin`, as the client of the embedded instance that signs in
    /// for itself.
    pub fn with_client(origin: &str, words: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("a temporary home");
        let mut command = snow(home.path());
        command.env("SNOW_INSTANCE", origin).env("SNOW_CLIENT_ID", "sandbox-ci");
        command.env("SNOW_CLIENT_SECRET", "sandbox-ci-secret");
        Self::start(command, words)
    }

    /// `command` is `snow` without its words.
    pub fn start(mut command: Command, words: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("a place for its log");
        let log = home.path().join("log");
        command.current_dir(home.path()).args(["proxy", "--json", "-v"]).args(words);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut process = Guard(command.spawn().expect("the program starts"));
        let mut line = String::new();
        let stdout = process.0.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("it says where it serves");
        let document = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{error}: {line:?} {}", std::fs::read_to_string(&log).unwrap()));
        Self { document, process, log, _place: home }
    }

    pub fn url(&self) -> &str {
        self.document["url"].as_str().expect("a URL")
    }

    /// `127.0.0.1:PORT`
    pub fn host(&self) -> &str {
        self.url().split_once("://").expect("a URL").1
    }

    pub fn password(&self) -> &str {
        self.document["local_password"].as_str().expect("a password")
    }

    /// A request with the local password.
    pub fn ask<'a>(&self, method: &'a str, target: &str) -> Ask<'a> {
        Ask::new(method, &format!("http://{}{target}", self.host())).basic("any", self.password())
    }

    /// A connection to it.
    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.host()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    /// The head of a request with the local password and these lines, without its end.
    pub fn head(&self, request_line: &str, lines: &str) -> String {
        let (host, password) = (self.host(), self.password());
        format!("{request_line} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {password}\r\n{lines}")
    }

    /// What comes back for these bytes, until the gateway closes.
    pub fn raw(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect();
        stream.write_all(bytes.as_ref()).unwrap();
        rest(stream)
    }

    /// A connection on which this was said.
    pub fn connect_and_say(&self, text: &str) -> TcpStream {
        let mut stream = self.connect();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until it logged this.
    #[track_caller]
    pub fn logs(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.log().contains(text) {
            assert!(Instant::now() < deadline, "{text:?} is not in:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends it this signal; gives its exit code.
    pub fn stop(&mut self, signal: &str) -> Option<i32> {
        let id = self.process.0.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
        self.process.0.wait().unwrap().code()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            Canaries::usual().check(self.log().as_bytes(), "its log");
        }
    }
}

/// What still comes, until the other side closes or breaks off.
pub fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The code of an answer that the gateway itself gave, and its status.
#[track_caller]
pub fn refusal(reply: &str) -> (u16, String) {
    let status = reply.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = reply.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    let document: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {reply:?}"));
    let error = &document["error"];
    assert_eq!(error["by"], "snow", "{document}");
    assert!(!error["message"].as_str().unwrap().is_empty() && !error["next"][0].as_str().unwrap().is_empty());
    (status.unwrap(), error["code"].as_str().unwrap().to_owned())
}
