//! A small world for one test.

pub mod ask;
pub mod authorization_server;
pub mod browser;
pub mod canary;
#[cfg(target_os = "linux")]
pub mod chromium;
pub mod cluster;
pub mod commands;
#[cfg(unix)]
pub mod company;
#[cfg(unix)]
pub mod gateway;
#[cfg(unix)]
pub mod issuer;
pub mod keyring;
#[cfg(unix)]
pub mod machine;
#[cfg(unix)]
pub mod mutual;
pub mod oauth;
pub mod place;
#[cfg(target_os = "linux")]
pub mod pod;
pub mod process;
#[cfg(unix)]
pub mod pty;
pub mod rows;
#[cfg(unix)]
pub mod runner;
pub mod salesforce;
#[cfg(target_os = "linux")]
pub mod secret_service;
pub mod session;
pub mod socks;
pub mod store;
#[cfg(unix)]
pub mod team;
pub mod tls;
#[cfg(unix)]
pub mod vault;
pub mod waiting;
pub mod width;
pub mod wire;

use std::collections::VecDeque;
use std::io::{self, Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use snow_connect::auth::oauth::browser::Browser;
use snow_connect::base::error::Failure;
use snow_connect::base::secret::Secret;
use snow_connect::base::variables::Variables;
use snow_connect::cli::context::{Context, Streams};
use snow_connect::cli::terminal::{Prompt, interrupted};
use snow_connect::store::CredentialStore;
use snow_connect::store::memory::MemoryStore;
use unicode_width::UnicodeWidthStr;

use canary::Canaries;

/// The password that tests with servers of their own use.
pub const PASSWORD: &str = "CANARY-pass word/ü";

/// A home, a store in memory, and what was said in it.
pub struct World {
    home: tempfile::TempDir,
    /// Where commands are run.
    pub directory: PathBuf,
    /// How wide the terminal of a person is.
    pub columns: usize,
    pub clock: fn() -> chrono::DateTime<chrono::Utc>,
    /// What the commands take for the home directory.
    home_variable: Option<PathBuf>,
    pub store: Arc<dyn CredentialStore>,
    variables: Vec<(String, String)>,
    stdin: Vec<u8>,
    answers: Option<Arc<Mutex<VecDeque<Answer>>>>,
    browser: Option<Visit>,
    /// What the person was asked so far.
    pub questions: Questions,
    canaries: Canaries,
}

/// What a scripted person types.
#[derive(Debug, Clone)]
pub enum Answer {
    Text(&'static str),
    Secret(&'static str),
    Confirm(bool),
    Choose(usize),
    /// The choice that begins with this.
    Pick(&'static str),
    /// A text that follows from the address of a sign-in on the screen.
    Pastes(fn(&Shown) -> String),
    /// Enter, at every question from now on.
    OnlyEnter,
    /// Ctrl-C.
    Cancels,
}

/// What a person sees who is asked to paste.
#[derive(Debug)]
pub struct Shown {
    /// The address of the sign-in.
    pub url: String,
    pub question: String,
    /// The last line on the screen, where the reason is if it is asked again.
    pub last_line: String,
}

/// How a command ended.
#[derive(Debug)]
pub struct Outcome {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl World {
    pub fn new() -> Self {
        // As long wherever the tests run, since lines are broken by it.
        let base = if cfg!(unix) { PathBuf::from("/tmp") } else { std::env::temp_dir() };
        let home = tempfile::tempdir_in(base).expect("a temporary home");
        Self {
            directory: home.path().to_owned(),
            columns: 80,
            clock: chrono::Utc::now,
            home_variable: Some(home.path().to_owned()),
            home,
            store: Arc::new(MemoryStore::default()),
            variables: vec![("NO_COLOR".to_owned(), "1".to_owned())],
            stdin: Vec::new(),
            answers: None,
            browser: None,
            questions: Questions::default(),
            canaries: Canaries::usual(),
        }
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn config_path(&self) -> PathBuf {
        self.home().join(".config/snow/config.toml")
    }

    pub fn config(&self) -> String {
        std::fs::read_to_string(self.config_path()).unwrap_or_default()
    }

    pub fn write_config(&self, content: impl AsRef<[u8]>) {
        std::fs::create_dir_all(self.config_path().parent().unwrap()).unwrap();
        std::fs::write(self.config_path(), content).unwrap();
    }

    /// A variable for all later commands.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Whether later commands get this variable.
    pub fn is_set(&self, name: &str) -> bool {
        self.variables.iter().any(|(set, _)| set == name)
    }

    /// Takes a variable away from all later commands.
    pub fn unset(&mut self, name: &str) -> &mut Self {
        self.variables.retain(|(set, _)| set != name);
        self
    }

    /// Another home directory, or none, for all later commands.
    pub fn set_home(&mut self, home: Option<PathBuf>) {
        self.home_variable = home;
    }

    /// For texts that show the passwords of the embedded instance on purpose.
    pub fn is_public(&mut self) {
        self.canaries = Canaries::none();
    }

    /// Another secret that must appear nowhere.
    pub fn guard(&mut self, secret: &str) {
        self.canaries.guard(secret);
    }

    /// Standard input for the next command.
    pub fn stdin(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.stdin = bytes.as_ref().to_vec();
        self
    }

    /// A person for the next command, who gives these answers and no others.
    pub fn person(&mut self, answers: impl IntoIterator<Item = Answer>) -> &mut Self {
        self.answers = Some(Arc::new(Mutex::new(answers.into_iter().collect())));
        self
    }

    /// What the browser does with an address, for all later commands.
    pub fn browser(&mut self, open: impl Fn(&str) + 'static) -> &mut Self {
        self.browser = Some(Arc::new(open));
        self.set("SNOW_BROWSER", "scripted")
    }

    /// A machine under load is slower from test to test, which is told.
    pub fn forget_how_long_it_took(&self) {
        let path = self.home().join(".local/state/snow/tests.json");
        let Ok(text) = std::fs::read_to_string(&path) else { return };
        let mut tests: Value = serde_json::from_str(&text).unwrap();
        for test in tests["tests"].as_object_mut().unwrap().values_mut() {
            test["latency_ms"] = 600_000.into();
        }
        std::fs::write(path, tests.to_string()).unwrap();
    }

    /// Runs `snow` with the words of `line`.
    pub fn run(&mut self, line: &str) -> Outcome {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.run_words(&words)
    }

    pub fn run_words(&mut self, words: &[&str]) -> Outcome {
        let (stdout, stderr) = (Captured::default(), Captured::default());
        let person = self.answers.take();
        let context = Context {
            variables: Variables::new(self.variables.clone()).with_home(self.home_variable.clone()),
            directory: self.directory.clone(),
            home: self.home_variable.clone(),
            streams: Streams {
                stdin: Box::new(Cursor::new(std::mem::take(&mut self.stdin))),
                stdout: Box::new(stdout.clone()),
                stderr: Box::new(stderr.clone()),
                stdin_is_terminal: person.is_some(),
                stderr_is_terminal: person.is_some(),
                stdout_is_terminal: person.is_some(),
                columns: self.columns,
            },
            clock: self.clock,
            prompt: Box::new(Script {
                answers: person.clone().unwrap_or_default(),
                screen: stderr.clone(),
                columns: self.columns,
                questions: self.questions.clone(),
            }),
            browser: Box::new(ScriptedBrowser(self.browser.clone())),
            store: Some(self.store.clone()),
            ends_on_signal: false,
        };
        let mut arguments = vec!["snow".into()];
        arguments.extend(words.iter().map(Into::into));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let code = runtime.block_on(snow_connect::cli::run(arguments, context));
        runtime.shutdown_background();
        if let Some(answers) = person {
            let mut left = answers.lock().unwrap();
            left.retain(|answer| !matches!(answer, Answer::OnlyEnter));
            assert!(left.is_empty(), "questions that were not asked: {left:?}");
        }
        let outcome = Outcome { code: code.into(), stdout: stdout.text(), stderr: stderr.text() };
        self.canaries.heard(&outcome.stdout);
        self.canaries.heard(&outcome.stderr);
        outcome
    }

    /// Connects to an origin as a user of the embedded instance.
    pub fn connect(&mut self, name: &str, origin: &str, user: &str, password: &str) {
        let line = format!("connect {origin} --name {name} --username {user} --password-stdin");
        self.stdin(password).run(&line).expect(0);
    }

    /// Connects to an origin without asking it.
    pub fn connect_unproven(&mut self, name: &str, origin: &str) {
        let line = format!("connect {origin} --name {name} --username beth --password-stdin --no-test");
        self.stdin(PASSWORD).run(&line).expect(0);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.canaries.search(self.home.path());
        }
    }
}

impl Outcome {
    /// The command must have ended with this code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as its one JSON document.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {:?}", self.stdout))
    }

    /// The code in the document: of the error, or of the first connection.
    #[track_caller]
    pub fn error_code(&self) -> String {
        let document = self.json();
        let places = ["/error/code", "/connections/0/code", "/test/code"];
        let code = places.iter().find_map(|place| document.pointer(place)?.as_str());
        code.unwrap_or_else(|| panic!("no code in {document}")).to_owned()
    }

    /// Both streams must hold all of these words.
    #[track_caller]
    pub fn says(&self, words: &[&str]) -> &Self {
        let text = format!("{}\n{}", self.stdout, self.stderr);
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words {
            assert!(text.contains(word), "{word:?} is not in:\n{text}");
        }
        self
    }
}

/// How far a test goes that could go on for long: `tests/run --long` asks for
/// the second number, by a variable that is read here alone. The first shows the
/// same behaviour, in a fraction of the time.
#[allow(clippy::disallowed_methods, reason = "a test is told by a variable how far to go")]
pub fn reach<T>(usual: T, long: T) -> T {
    if std::env::var_os("SNOW_TEST_LONG").is_some() { long } else { usual }
}

/// Which call of a program to disturb after this one: of the first, each; later,
/// where a program mostly does one thing over and over, every third.
pub fn next_call(number: usize) -> usize {
    if number < 8 { number + 1 } else { number + reach(3, 1) }
}

/// Runs a future to its end, as the servers of a test need.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// The status of one check in an element of `connections`.
#[track_caller]
pub fn check<'a>(report: &'a Value, id: &str) -> &'a Value {
    let checks = report["checks"].as_array().expect("checks");
    checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("no check {id} in {report}"))
}

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).expect("output is UTF-8")
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a browser does with an address.
type Visit = Arc<dyn Fn(&str)>;

struct ScriptedBrowser(Option<Visit>);

impl Browser for ScriptedBrowser {
    fn open(&self, url: &str, _: &Variables) -> io::Result<()> {
        (self.0.as_ref().expect("nobody expected a browser"))(url);
        Ok(())
    }
}

struct Script {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    screen: Captured,
    columns: usize,
    questions: Questions,
}

/// What a person was asked, a line each: the kind, the question, and what stands
/// with it.
pub type Questions = Arc<Mutex<Vec<String>>>;

impl Script {
    fn next(&mut self, kind: &str, question: &str, with: &[&str]) -> Result<Answer, Failure> {
        let with: String = with.iter().filter(|text| !text.is_empty()).map(|text| format!("\n    {text}")).collect();
        self.questions.lock().unwrap().push(format!("{kind}: {question}{with}"));
        let mut answers = self.answers.lock().unwrap();
        let answer = match answers.front() {
            Some(Answer::OnlyEnter) => Some(Answer::OnlyEnter),
            _ => answers.pop_front(),
        };
        match answer {
            Some(Answer::Cancels) => Err(interrupted()),
            Some(answer) => Ok(answer),
            None => panic!("nobody expected the question {question:?}"),
        }
    }
}

impl Prompt for Script {
    fn text(&mut self, question: &str, default: Option<&str>, hint: &str) -> Result<String, Failure> {
        // In brackets below the question.
        assert!(hint.width() + 2 <= self.columns, "{hint:?} is wider than {} columns", self.columns);
        match self.next("text", question, &[default.unwrap_or(""), hint])? {
            Answer::Text("") | Answer::OnlyEnter => Ok(default.unwrap_or("").to_owned()),
            Answer::Text(text) => Ok(text.to_owned()),
            Answer::Pastes(paste) => {
                let screen = self.screen.text();
                let url = screen.lines().rfind(|line| line.contains("/oauth_auth.do?")).expect("an address is shown");
                let (url, question) = (url.trim().to_owned(), question.to_owned());
                let last_line = screen.lines().last().unwrap_or("").to_owned();
                Ok(paste(&Shown { url, question, last_line }))
            }
            other => panic!("{question:?} asks for a text, not {other:?}"),
        }
    }

    fn secret(&mut self, question: &str) -> Result<Secret, Failure> {
        match self.next("secret", question, &[])? {
            Answer::Secret(text) => Ok(Secret::new(text.to_owned()).unwrap()),
            other => panic!("{question:?} asks for a secret, not {other:?}"),
        }
    }

    fn optional_secret(&mut self, question: &str) -> Result<Option<Secret>, Failure> {
        match self.next("secret or nothing", question, &[])? {
            Answer::Secret("") | Answer::OnlyEnter => Ok(None),
            Answer::Secret(text) => Ok(Some(Secret::new(text.to_owned()).unwrap())),
            other => panic!("{question:?} asks for a secret, not {other:?}"),
        }
    }

    fn confirm(&mut self, question: &str) -> Result<bool, Failure> {
        match self.next("yes or no", question, &[])? {
            Answer::Confirm(yes) => Ok(yes),
            Answer::OnlyEnter => Ok(false),
            other => panic!("{question:?} asks yes or no, not {other:?}"),
        }
    }

    fn choose(&mut self, question: &str, choices: &[String]) -> Result<usize, Failure> {
        let choices: Vec<&str> = choices.iter().map(String::as_str).collect();
        // A choice in two lines would garble the menu.
        for choice in &choices {
            assert!(choice.width() + 2 < self.columns, "{choice:?} is wider than {} columns", self.columns);
        }
        match self.next("choice", question, &choices)? {
            Answer::Choose(index) => Ok(index),
            Answer::Pick(text) => {
                let index = choices.iter().position(|choice| choice.starts_with(text));
                Ok(index.unwrap_or_else(|| panic!("{question:?} has no choice {text:?}: {choices:?}")))
            }
            other => panic!("{question:?} asks for a choice, not {other:?}"),
        }
    }
}

/// What a store calls the items of ways to sign in.
pub mod items {
    use snow_connect::store::Field;

    pub const PASSWORD: Field = Field::new("password", "password");
    pub const CLIENT_SECRET: Field = Field::new("client-secret", "client secret");
}
