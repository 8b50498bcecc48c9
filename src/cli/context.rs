//! What the process is given from outside, as values: variables, streams,
//! terminal, clock, prompt, browser and store. A test gives other ones.

use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::auth::oauth::browser::{Browser, SystemBrowser};
use crate::base::directories::Directories;
use crate::base::error::Failure;
use crate::base::variables::Variables;
use crate::cli::patient;
use crate::cli::terminal::{Prompt, TerminalPrompt};
use crate::store::CredentialStore;

/// Everything `snow` gets from its surroundings.
pub struct Context {
    pub variables: Variables,
    pub home: Option<PathBuf>,
    /// The working directory.
    pub directory: PathBuf,
    pub streams: Streams,
    pub clock: fn() -> DateTime<Utc>,
    pub prompt: Box<dyn Prompt>,
    pub browser: Box<dyn Browser>,
    /// The store instead of the system's keyring.
    pub store: Option<Arc<dyn CredentialStore>>,
    /// Whether a signal ends the whole process.
    pub ends_on_signal: bool,
}

/// Standard input, output and error, and which of them a person looks at.
pub struct Streams {
    pub stdin: Box<dyn Read + Send>,
    pub stdout: Box<dyn Write>,
    pub stderr: Box<dyn Write>,
    pub stdin_is_terminal: bool,
    pub stdout_is_terminal: bool,
    pub stderr_is_terminal: bool,
    pub columns: usize,
}

impl Context {
    /// The surroundings of this process.
    pub fn system() -> Self {
        let (stdin, stdout, stderr) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
        let streams = Streams {
            stdin_is_terminal: stdin.is_terminal(),
            stdout_is_terminal: stdout.is_terminal(),
            stderr_is_terminal: stderr.is_terminal(),
            // Not crossterm's size, which without a terminal starts `tput`, and
            // hands it the secrets of the environment.
            columns: terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0)),
            stdin: patient::stdin(),
            stdout: patient::stdout(),
            stderr: patient::stderr(),
        };
        Self {
            variables: Variables::new(std::env::vars_os()).with_home(std::env::home_dir()),
            home: std::env::home_dir(),
            directory: std::env::current_dir().unwrap_or_default(),
            streams,
            clock: Utc::now,
            prompt: Box::new(TerminalPrompt),
            browser: Box::new(SystemBrowser),
            store: None,
            ends_on_signal: true,
        }
    }

    /// The directory of the connections file.
    pub fn config_directory(&self) -> Result<PathBuf, Failure> {
        self.directories().config()
    }

    /// The directory of what could be forgotten.
    pub fn state_directory(&self) -> Result<PathBuf, Failure> {
        self.directories().state()
    }

    /// The directory of the encrypted file of secrets.
    pub fn data_directory(&self) -> Result<PathBuf, Failure> {
        self.directories().data()
    }

    /// Where another program keeps its settings.
    pub fn config_directory_of(&self, program: &str) -> Option<PathBuf> {
        self.directories().config_of(program)
    }

    fn directories(&self) -> Directories<'_> {
        Directories { variables: &self.variables, home: self.home.as_deref() }
    }
}

impl Streams {
    /// Streams that lead nowhere.
    pub fn none() -> Self {
        Self {
            stdin: Box::new(std::io::empty()),
            stdout: Box::new(std::io::sink()),
            stderr: Box::new(std::io::sink()),
            stdin_is_terminal: false,
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            columns: 80,
        }
    }
}
