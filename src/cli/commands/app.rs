//! What every command has at hand: the settings of this run, in one place.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::outputs::Outputs;
use super::sign_in::args::{ClientSecretArgs, PasswordArgs};
use super::stores::Stores;
use crate::auth::oauth::endpoint::TokenEndpoint;
use crate::auth::oauth::session::{Kept, Session};
use crate::base::error::{Code, Failure};
use crate::base::files;
use crate::base::secret::Secret;
use crate::base::variables::Variables;
use crate::cli::args::{Color, Global, Output};
use crate::cli::console::Console;
use crate::cli::context::{Context, Streams};
use crate::cli::duration::duration;
use crate::cli::signals::Stop;
use crate::cli::terminal::{Prompt, interrupted};
use crate::config::{ConfigFile, environment};
use crate::history::state::State;
use crate::http::client::{Client, Deadline};
use crate::http::proxy::{ProxyVariables, Route, without_user};
use crate::http::tls::{CaCertificates, Verifiers};
use crate::model::instance::Instance;
use crate::model::oauth_client::OAuthClient;
use crate::model::profile::Profile;
use crate::report::format::Format;
use crate::report::paint::Paint;
use crate::service::servicenow::seen::Subject;
use crate::store::record::Origins;
use crate::store::{CredentialStore, in_background};

const TIMEOUT: Duration = Duration::from_secs(30);

pub struct App {
    pub global: Global,
    pub console: Console,
    pub variables: Variables,
    pub(super) context: Context,
    pub(super) stores: Stores,
    verifiers: Verifiers,
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
        let mut console = console(&variables, streams, global.color);
        console.quiet = global.quiet;
        console.json = global.json || global.output.iter().any(Output::is_json_for_stdout);
        log_to_stderr(global.verbose, variables.text("SNOW_LOG"));
        Self {
            outputs: Outputs::of(&global),
            global,
            console,
            variables,
            context,
            stores: Stores::default(),
            verifiers: Verifiers::default(),
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
                Failure::new(code, format!("--proxy: {invalid}")).next("As in --proxy http://proxy.example:3128")
            })?;
        }
        if let Some(path) = &self.global.ca_cert {
            CaCertificates::default().add(path)?;
        }
        self.timeout()?;
        self.keyring_patience()?;
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
        let outputs = self.outputs()?;
        let stdout = Some(outputs.stdout).filter(|format| !matches!(format, Format::Text | Format::Json));
        match stdout.or(outputs.files.first().map(|(format, _)| *format)) {
            None => Ok(()),
            Some(format) => Err(Failure::new(Code::Usage, format!("--output {} is for snow test", format.as_str()))
                .why("This command prints text, or JSON with --json.")
                .next("Leave it out")),
        }
    }

    /// Refuses to read a secret from a terminal, which would show what is
    /// typed.
    pub fn check_secret_sources(&self, password: &PasswordArgs, secret: &ClientSecretArgs) -> Result<(), Failure> {
        let flag = match (password.password_stdin, secret.client_secret_stdin) {
            (true, _) => "--password-stdin",
            (false, true) => "--client-secret-stdin",
            (false, false) => return Ok(()),
        };
        match self.stdin_is_terminal {
            false => Ok(()),
            true => Err(Failure::new(Code::Usage, format!("{flag} was given, and standard input is the terminal"))
                .next(format!("Leave {flag} out to be asked, or pipe it in"))),
        }
    }

    /// A signal ends the process from here on.
    pub fn end_on_signal(&self) {
        if self.context.ends_on_signal {
            let document = self.console.json.then(|| self.console.one_document());
            crate::cli::signals::end_process_on_signal(document);
        }
    }

    /// A signal asks the command to stop from here on, and it says what it knows.
    pub fn take_over_stop(&self) -> Stop {
        match self.context.ends_on_signal {
            true => Stop::told_first(),
            false => Stop::never(),
        }
    }

    pub fn now(&self) -> DateTime<Utc> {
        (self.context.clock)()
    }

    pub fn clock(&self) -> fn() -> DateTime<Utc> {
        self.context.clock
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

    /// Whether standard input is a terminal, whoever sits there.
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

    /// The person, where one can be asked.
    pub fn person(&mut self) -> Option<&mut dyn Prompt> {
        match self.interactive {
            true => Some(self.context.prompt.as_mut()),
            false => None,
        }
    }

    /// Asks a person before something is deleted or replaced. Where nobody can be
    /// asked, only `--yes` allows it; `act` says what, as in "removing acme".
    pub fn confirm(&mut self, act: &str, question: &str) -> Result<(), Failure> {
        if self.global.yes {
            return Ok(());
        }
        let Some(person) = self.person() else {
            return Err(Failure::new(Code::NoTerminal, format!("{act} needs a confirmation"))
                .why("There is no terminal to ask at, or asking was forbidden. Nothing was changed.")
                .next("Run the command again with --yes"));
        };
        if person.confirm(question)? { Ok(()) } else { Err(interrupted().why("Nothing was changed.")) }
    }

    pub fn config_file(&self) -> Result<ConfigFile, Failure> {
        let path = match &self.global.config {
            Some(path) => files::absolute(path),
            None => self.context.config_directory()?.join("config.toml"),
        };
        tracing::info!("connections: {}", path.display());
        Ok(ConfigFile { path, lock: self.state()?.config_lock() })
    }

    pub fn state(&self) -> Result<State, Failure> {
        Ok(State { directory: self.context.state_directory()? })
    }

    /// A new deadline for one connection.
    pub fn deadline(&self) -> Result<Deadline, Failure> {
        Ok(Deadline::after(self.timeout()?))
    }

    /// A client for an instance, with its own authority and proxy; and where
    /// its secrets may go.
    pub fn client(
        &self,
        instance: &Instance,
        ca_cert: Option<&Path>,
        proxy: Option<&str>,
    ) -> Result<(Client, Origins), Failure> {
        let mut authorities = CaCertificates::default();
        // Read once: what is trusted is what the secret is bound to.
        let ca_cert_sha256 = ca_cert.map(|path| authorities.add(path)).transpose()?;
        if let Some(path) = self.global.ca_cert.as_deref().filter(|&path| ca_cert != Some(&files::absolute(path))) {
            authorities.add(path)?;
        }
        let given = self.global.proxy.as_deref().or(proxy);
        let route = Route::to(instance, given, &ProxyVariables::of(&self.variables))?;
        let through = route.proxy().map_or("no proxy".to_owned(), |proxy| format!("through {proxy}"));
        tracing::info!("asking {instance}, {through}");
        let origins = Origins { instance: instance.origin().to_owned(), token_endpoint: None, ca_cert_sha256 };
        Ok((Client::new(&self.verifiers, &authorities, route)?, origins))
    }

    /// A client for the instance of a connection, and where its secrets may go.
    pub fn client_for(&self, profile: &Profile) -> Result<(Client, Origins), Failure> {
        let (client, origins) = self.client(&profile.instance, profile.ca_cert.as_deref(), profile.proxy.as_deref())?;
        let token_origin = profile.auth.client().map(|oauth| oauth.token_origin(&profile.instance));
        let token_endpoint = token_origin.filter(|origin| **origin != profile.instance);
        Ok((client, Origins { token_endpoint: token_endpoint.map(|origin| origin.origin().to_owned()), ..origins }))
    }

    /// The token endpoint of a client; it shares the connections of `client`
    /// where it stands at the instance.
    pub fn token_endpoint(
        &self,
        profile: &Profile,
        oauth: &OAuthClient,
        client: &Client,
        subject: Subject,
    ) -> Result<TokenEndpoint, Failure> {
        let origin = oauth.token_origin(&profile.instance);
        let http = match *origin == profile.instance {
            true => client.clone(),
            false => self.client(origin, profile.ca_cert.as_deref(), profile.proxy.as_deref())?.0,
        };
        Ok(TokenEndpoint::new(http, oauth.clone(), &profile.instance, subject))
    }

    /// The session of a saved connection. The store is read, which may take its
    /// time and holds up nothing else; no request is made.
    pub async fn open_session(
        &self,
        store: Arc<dyn CredentialStore>,
        profile: &Profile,
        oauth: &OAuthClient,
        client: &Client,
        origins: Origins,
    ) -> Result<Session, Failure> {
        let subject = Subject::Saved(profile.name.clone());
        let endpoint = self.token_endpoint(profile, oauth, client, subject)?;
        let kept = Kept { store, profile: profile.clone(), origins, state: self.state()? };
        let clock = self.clock();
        in_background(move || Session::open(kept, endpoint, clock)).await
    }

    /// The password that was handed in, where one was.
    pub fn handed_in(&mut self, arguments: &PasswordArgs) -> Result<Option<Secret>, Failure> {
        self.secret_from(arguments.password_stdin, arguments.password_file.as_deref(), "--password-file")
    }

    /// The client secret that was handed in, where one was.
    pub fn client_secret_handed_in(&mut self, arguments: &ClientSecretArgs) -> Result<Option<Secret>, Failure> {
        self.secret_from(arguments.client_secret_stdin, arguments.client_secret_file.as_deref(), "--client-secret-file")
    }

    fn secret_from(&mut self, stdin: bool, file: Option<&Path>, flag: &str) -> Result<Option<Secret>, Failure> {
        if stdin {
            let stdin = self.context.streams.stdin.as_mut();
            return read_secret(stdin, "standard input").map(Some);
        }
        file.map(|path| self.secret_file(path, flag)).transpose()
    }

    /// A secret in a file or a pipe that `origin` names.
    pub fn secret_file(&mut self, path: &Path, origin: &str) -> Result<Secret, Failure> {
        let mut file = self.open_secret_file(path, origin)?;
        read_secret(&mut file, &format!("{origin}: {}", path.display()))
    }

    /// Opens a file or a pipe that holds something secret, and says where
    /// others could read it too.
    pub(super) fn open_secret_file(&mut self, path: &Path, origin: &str) -> Result<File, Failure> {
        let unreadable = |reason: String| {
            // Without the path: it may be the secret itself, given by mistake.
            Failure::new(Code::InvalidSecret, format!("the file of {origin} cannot be read: {reason}"))
                .next("Give the path of a file that holds the secret and nothing else")
        };
        let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
        let metadata = file.metadata().map_err(|error| unreadable(error.to_string()))?;
        if metadata.is_dir() {
            return Err(unreadable("it is a directory".to_owned()));
        }
        if is_public(&metadata) {
            self.console.note(&format!("note: {} can be read by other users of this machine", path.display()));
        }
        Ok(file)
    }

    /// Says that the variables of a connection are not looked at.
    pub fn mention_ignored_variables(&mut self) {
        let set: Vec<&str> = environment::VARIABLES
            .iter()
            .chain(environment::RESERVED)
            .copied()
            .filter(|name| self.variables.raw(name).is_some())
            .collect();
        if !set.is_empty() {
            self.console.note(&format!(
                "note: {} {} set, and not used here: what is saved is given by flags and prompts",
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

    fn timeout(&self) -> Result<Duration, Failure> {
        match self.global.timeout {
            Some(timeout) => Ok(timeout),
            None => self.duration_variable("SNOW_TIMEOUT").map(|timeout| timeout.unwrap_or(TIMEOUT)),
        }
    }

    pub(super) fn duration_variable(&self, name: &str) -> Result<Option<Duration>, Failure> {
        let Some(text) = self.variables.text(name) else {
            return Ok(None);
        };
        duration(text).map(Some).map_err(|reason| {
            Failure::new(Code::Usage, format!("{name}: {reason}")).next(format!("Correct or unset {name}"))
        })
    }
}

/// What is done, on standard error: `-v` says where things come from, `-vv`
/// every request, `-vvv` how long each of its steps took. Libraries stay
/// silent: they do not know what must not be shown.
fn log_to_stderr(verbose: u8, variable: Option<&str>) {
    let level = match (verbose, variable) {
        (1, _) | (0, Some("info")) => Level::INFO,
        (2, _) | (0, Some("debug")) => Level::DEBUG,
        (3.., _) | (0, Some("trace")) => Level::TRACE,
        (0, _) => return,
    };
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .with_level(false)
        .with_ansi(false);
    let own = Targets::new().with_target(env!("CARGO_CRATE_NAME"), level);
    // A second run in the same process keeps the first one's.
    let _ = tracing_subscriber::registry().with(layer.with_filter(own)).try_init();
}

/// The console of a run, as variables and `--color` want it.
pub fn console(variables: &Variables, streams: Streams, color: Color) -> Console {
    let colour = |is_terminal: bool| match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto if variables.text("NO_COLOR").is_some() => false,
        Color::Auto if variables.is_on("CLICOLOR_FORCE") => true,
        Color::Auto => is_terminal && variables.text("TERM") != Some("dumb"),
    };
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| variables.text(name));
    let unicode = locale.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    });
    let paint = |is_terminal: bool| Paint {
        colour: colour(is_terminal),
        unicode,
        is_terminal,
        columns: streams.columns.clamp(40, 200),
        // The runner takes commands from the beginnings of lines, so that none
        // shall begin within a text that came from elsewhere.
        breaks_lines: !variables.is_on("GITHUB_ACTIONS"),
    };
    let (out, err) = (paint(streams.stdout_is_terminal), paint(streams.stderr_is_terminal));
    Console::new(streams.stdout, streams.stderr, out, err)
}

fn read_secret(input: &mut dyn Read, origin: &str) -> Result<Secret, Failure> {
    Secret::read(input).map_err(|invalid| {
        Failure::new(Code::InvalidSecret, format!("{origin} holds no usable secret: {invalid}"))
            .next("Hand in the secret alone, on one line, in UTF-8")
    })
}

/// Whether other users of the machine may read or change a file.
#[cfg(unix)]
pub(super) fn is_public(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.is_file() && metadata.mode() & 0o077 != 0
}

#[cfg(not(unix))]
pub(super) fn is_public(_: &std::fs::Metadata) -> bool {
    false
}
