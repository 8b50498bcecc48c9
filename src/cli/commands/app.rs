//! What every command has at hand: the settings of this run, in one place.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::outputs::Outputs;
use super::questions::NOBODY_TO_ASK;
use super::stores::Stores;
use crate::base::SOURCES;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files;
use crate::base::shown::{Shown, shown};
use crate::base::time::{SystemTime, Time};
use crate::base::variables::Variables;
use crate::cli::args::{Global, Output};
use crate::cli::changes::Changes;
use crate::cli::console::Console;
use crate::cli::context::{Context, Streams};
use crate::cli::logging;
use crate::cli::signals::Stop;
use crate::cli::terminal::{self, Prompt, interrupted};
use crate::config::{ConfigFile, environment};
use crate::engine::network::Network;
use crate::engine::saved::{self, Opened};
use crate::history::state::State;
use crate::http::client::{Client, Deadline, TIMEOUT};
use crate::http::proxy::without_user;
use crate::http::tls::CaCertificates;
use crate::model::profile::Profile;
use crate::report::format::Format;
use crate::store::CredentialStore;
use crate::store::record::Origins;

pub struct App {
    pub global: Global,
    pub console: Console,
    pub variables: Variables,
    pub(super) context: Context,
    pub(super) stores: Stores,
    pub network: Network,
    /// What this command has changed.
    pub changes: Changes,
    interactive: bool,
    stdin_is_terminal: bool,
    outputs: Result<Outputs, Failure>,
}

impl App {
    pub fn new(global: Global, mut context: Context) -> Self {
        let variables = context.variables.clone();
        let mut streams = std::mem::replace(&mut context.streams, Streams::none());
        let interactive = streams.stdin_is_terminal
            && streams.stderr_is_terminal
            && !global.no_input
            && !variables.is_on("SNOW_NO_INPUT")
            && !variables.is_on("CI");
        let stdin_is_terminal = streams.stdin_is_terminal;
        std::mem::swap(&mut context.streams.stdin, &mut streams.stdin);
        let network = Network::new(global.ca_cert.clone(), global.proxy.clone(), &variables);
        let mut console = Console::of(&variables, streams, global.color);
        console.quiet = global.quiet;
        console.json = global.json || global.output.iter().any(Output::is_json_for_stdout);
        terminal::paint_questions(console.err.colour);
        logging::to_stderr(global.verbose, variables.text("SNOW_LOG"));
        Self {
            outputs: Outputs::of(&global),
            global,
            console,
            variables,
            context,
            stores: Stores::default(),
            network,
            changes: Changes::default(),
            interactive,
            stdin_is_terminal,
        }
    }

    /// Checks what the global flags say, before anything is done.
    pub fn check_globals(&mut self) -> Result<(), Failure> {
        self.outputs.as_ref().map_err(Clone::clone)?;
        if let Some(proxy) = &self.global.proxy {
            without_user(proxy).map_err(|invalid| {
                let code = Failure::from(invalid.clone()).code();
                Failure::new(code, shown!("--proxy: {}", invalid)).next("As in --proxy http://proxy.example:3128")
            })?;
        }
        if let Some(path) = &self.global.ca_cert {
            CaCertificates::default().add(path)?;
        }
        self.timeout()?;
        self.check_store_variables()?;
        if let Some(level) = self.variables.text("SNOW_LOG")
            && !["off", "info", "debug", "trace"].contains(&level)
        {
            let message = "SNOW_LOG is one of: off, info, debug, trace";
            return Err(Failure::new(Code::Usage, message).next("Correct or unset SNOW_LOG"));
        }
        self.store_of_new()?;
        Ok(())
    }

    /// Where the result goes, and in which forms.
    pub fn outputs(&self) -> Result<Outputs, Failure> {
        self.outputs.clone()
    }

    /// Most commands print text or one document, and write no report.
    pub fn refuse_reports(&self) -> Result<(), Failure> {
        self.refuse_formats(|format| matches!(format, Format::Text | Format::Json), true)
    }

    /// Refuses the forms that a command does not have, and files if it writes none.
    pub fn refuse_formats(&self, has: fn(Format) -> bool, refuses_files: bool) -> Result<(), Failure> {
        let outputs = self.outputs()?;
        let stdout = Some(outputs.stdout).filter(|format| !has(*format));
        let mut files = outputs.files.iter().map(|(format, _)| *format);
        match stdout.or(files.find(|format| refuses_files || !has(*format))) {
            None => Ok(()),
            Some(format) => {
                let command = if format == Format::Csv { "query" } else { "test" };
                Err(Failure::new(Code::Usage, shown!("--output {} is for snow {}", format.as_str(), command))
                    .why("This command prints text, or JSON with --json.")
                    .next("Leave it out"))
            }
        }
    }

    /// A signal ends the process from here on.
    pub fn end_on_signal(&self) {
        if self.context.ends_on_signal {
            let document = self.console.json.then(|| self.console.one_document());
            crate::cli::signals::end_process_on_signal(document, self.changes.clone());
        }
    }

    /// A signal asks the command to stop from here on, and it says what it knows.
    pub fn take_over_stop(&self) -> Stop {
        if self.context.ends_on_signal { Stop::told_first() } else { Stop::never() }
    }

    /// The line that every cancelled command ends with.
    pub fn say_cancelled(&self) {
        self.console.say(&self.changes.ending());
    }

    pub fn now(&self) -> DateTime<Utc> {
        (self.context.clock)()
    }

    pub fn clock(&self) -> fn() -> DateTime<Utc> {
        self.context.clock
    }

    /// The clock and chance, as what takes its time wants them.
    pub fn time(&self) -> Arc<dyn Time> {
        Arc::new(SystemTime::new(self.clock()))
    }

    /// The working directory.
    pub fn directory(&self) -> PathBuf {
        self.context.directory.clone()
    }

    pub fn home(&self) -> Option<&Path> {
        self.context.home.as_deref()
    }

    /// Whether a person can be asked.
    pub fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// Whether standard input is a terminal.
    pub fn is_stdin_terminal(&self) -> bool {
        self.stdin_is_terminal
    }

    /// Whether asking was forbidden, by a flag or a variable.
    pub fn is_input_forbidden(&self) -> bool {
        self.global.no_input || self.variables.is_on("SNOW_NO_INPUT") || self.variables.is_on("CI")
    }

    pub fn open_browser(&self, url: &str) -> std::io::Result<()> {
        self.context.browser.open(url, &self.variables)
    }

    /// The person, if one can be asked.
    pub fn person(&mut self) -> Option<&mut dyn Prompt> {
        if self.interactive { Some(self.context.prompt.as_mut()) } else { None }
    }

    /// Asks a person before something is deleted or replaced. Without a person only
    /// `--yes` allows it; `act` says what, as in "removing acme".
    pub fn confirm(&mut self, act: impl Into<Shown>, question: &str) -> Result<(), Failure> {
        if self.global.yes {
            return Ok(());
        }
        let Some(person) = self.person() else {
            return Err(Failure::new(Code::NoTerminal, shown!("{} needs a confirmation", act.into()))
                .why(shown!("{} Nothing was changed.", NOBODY_TO_ASK))
                .next("Run the command again with --yes"));
        };
        if person.confirm(question)? { Ok(()) } else { Err(interrupted()) }
    }

    pub fn config_file(&self) -> Result<ConfigFile, Failure> {
        let path = match &self.global.config {
            Some(path) => files::absolute(path),
            None => self.context.config_directory()?.join("config.toml"),
        };
        tracing::info!(target: SOURCES, "connections: {}", path.display());
        let lock = self.state()?.config_lock();
        #[cfg(unix)]
        [&path, &lock].into_iter().try_for_each(|path| super::sudo::refuse(&self.variables, path))?;
        Ok(ConfigFile { path, lock, home: self.context.home.clone() })
    }

    /// That the file which `--config` names is not there, for a command that looked for
    /// a connection in it.
    pub fn missing_config(&self, code: Code) -> Option<Failure> {
        let path = self.global.config.as_ref().filter(|path| !path.exists())?;
        let failure = Failure::new(code, shown!("there is no file {}", Shown::outside(path.display().to_string())));
        Some(failure.why("--config names it, so no other connection is used.").next("Correct the path after --config"))
    }

    /// Where another program keeps its settings.
    pub fn config_directory_of(&self, program: &str) -> Option<PathBuf> {
        self.context.config_directory_of(program)
    }

    pub fn state(&self) -> Result<State, Failure> {
        Ok(State { directory: self.context.state_directory()? })
    }

    /// A new deadline for one connection.
    pub fn deadline(&self) -> Result<Deadline, Failure> {
        Ok(Deadline::after(self.timeout()?))
    }

    /// A saved connection with what its store has. No request is made.
    pub async fn open(
        &self,
        store: Arc<dyn CredentialStore>,
        profile: &Profile,
        reached: (Client, Origins),
    ) -> Result<Opened, Failure> {
        self.open_insisting(store, profile, reached, false).await
    }

    /// The same, and whether a password is sent however often it was refused.
    pub async fn open_insisting(
        &self,
        store: Arc<dyn CredentialStore>,
        profile: &Profile,
        reached: (Client, Origins),
        insists: bool,
    ) -> Result<Opened, Failure> {
        saved::open(&self.network, self.state()?, self.time(), store, profile, reached, insists).await
    }

    /// Says that the variables of a connection are not looked at.
    pub fn mention_ignored_variables(&mut self) {
        let set: Vec<&str> = environment::variables().filter(|name| self.variables.raw(name).is_some()).collect();
        if !set.is_empty() {
            self.console.note(&format!(
                "note: {} {} set, and ignored here: this command takes flags and prompts",
                set.join(", "),
                if set.len() == 1 { "is" } else { "are" }
            ));
        }
    }

    /// What could be forgotten could not be written: said, and nothing more.
    pub fn mention_unwritable_state(&self, result: std::io::Result<()>) {
        if let Err(error) = result
            && self.global.verbose > 0
        {
            self.console.note(&format!("note: the state directory cannot be written: {error}"));
        }
    }

    /// How long a request may take.
    pub fn timeout(&self) -> Result<Duration, Failure> {
        match self.global.timeout {
            Some(timeout) => Ok(timeout),
            None => self.variables.duration("SNOW_TIMEOUT").map(|timeout| timeout.unwrap_or(TIMEOUT)),
        }
    }
}
