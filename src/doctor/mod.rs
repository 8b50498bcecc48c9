//! What can be known of this machine without a question: `snow doctor`.
//!
//! A [`Check`] is one thing that was looked at, as data. [`examine`] looks at
//! everything in [`Machine`] in a fixed order: [`settings`] at what chooses a
//! connection, [`files`] at the connections file and the state directory,
//! [`stores`] at where secrets live, [`surroundings`] at browser, ports, proxy
//! and authorities, [`others`] at what other programs would use instead. [`bundle`] makes
//! one file for support of it. No request is made, no program is started, no question is
//! asked, and nothing is repaired.

pub mod bundle;
mod files;
pub mod json;
mod others;
mod path;
mod port;
mod secret_keys;
mod settings;
pub mod stores;
mod surroundings;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::auth::oauth::browser::BrowserPolicy;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, Step};
use crate::base::variables::Variables;
use crate::check::report::Status;
use crate::config::{Config, ConfigFile};
use crate::history::state::State;
use crate::model::profile::{ConnectionName, StorePlace};
use crate::store::CredentialStore;

/// What is looked at, as values.
pub struct Machine {
    pub variables: Variables,
    pub now: DateTime<Utc>,
    /// An error where there is no place for it at all.
    pub config_file: Result<ConfigFile, Failure>,
    /// The connections as far as the file can be read; they name what else is
    /// looked at.
    pub config: Result<Config, Failure>,
    pub state: Result<State, Failure>,
    /// What a `.snow.toml` chooses here, and which file that is.
    pub directory_choice: Result<Option<(ConnectionName, PathBuf)>, Failure>,
    /// Every store that a connection may use.
    pub stores: Vec<OpenStore>,
    pub browser: BrowserPolicy,
    /// `--proxy`, which goes before everything else.
    pub proxy: Option<String>,
    pub home: Option<PathBuf>,
    /// This program.
    pub program: Option<PathBuf>,
}

/// A store that is open, and which one it is.
pub struct OpenStore {
    pub place: StorePlace,
    pub store: Arc<dyn CredentialStore>,
}

/// One thing that was looked at.
#[derive(Debug, Clone)]
pub struct Check {
    pub id: CheckId,
    /// Which of several: a connection, a port.
    pub target: Option<String>,
    pub status: Status,
    /// What was found, in one sentence without full stop.
    pub message: Shown,
    pub why: Option<Shown>,
    /// Things to do, the first one first.
    pub next: Vec<Step>,
    /// Of a failure, and of a warning that has one.
    pub code: Option<Code>,
}

/// What is looked at, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckId {
    ConfigFile,
    ConfigPermissions,
    ConfigSecrets,
    EnvironmentConnection,
    EnvironmentLogin,
    EnvironmentPlaces,
    DirectoryChoice,
    StoreReady,
    StoreItems,
    StoreSecrets,
    StateDirectory,
    StateLocks,
    BrowserWay,
    CallbackPort,
    NetworkProxy,
    NetworkAuthorities,
    NetworkCaCert,
    NetworkClientCertificate,
    CommandProgram,
    /// A way to sign in is not about to end.
    SignInEnds,
    ClockTime,
    PathSnow,
    FilesNetrc,
    FilesKeys,
    EnvironmentTools,
}

impl CheckId {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfigFile => "config.file",
            Self::ConfigPermissions => "config.permissions",
            Self::ConfigSecrets => "config.secrets",
            Self::EnvironmentConnection => "environment.connection",
            Self::EnvironmentLogin => "environment.login",
            Self::EnvironmentPlaces => "environment.places",
            Self::DirectoryChoice => "directory.choice",
            Self::StoreReady => "store.ready",
            Self::StoreItems => "store.items",
            Self::StoreSecrets => "store.secrets",
            Self::StateDirectory => "state.directory",
            Self::StateLocks => "state.locks",
            Self::BrowserWay => "browser.way",
            Self::CallbackPort => "callback.port",
            Self::NetworkProxy => "network.proxy",
            Self::NetworkAuthorities => "network.authorities",
            Self::NetworkCaCert => "network.ca-cert",
            Self::NetworkClientCertificate => "network.client-certificate",
            Self::CommandProgram => "command.program",
            Self::SignInEnds => "sign-in.ends",
            Self::ClockTime => "clock.time",
            Self::PathSnow => "path.snow",
            Self::FilesNetrc => "files.netrc",
            Self::FilesKeys => "files.keys",
            Self::EnvironmentTools => "environment.tools",
        }
    }

    /// For people.
    pub fn label(self) -> &'static str {
        match self {
            Self::ConfigFile | Self::ConfigPermissions | Self::ConfigSecrets => "config",
            Self::EnvironmentConnection | Self::EnvironmentLogin | Self::EnvironmentPlaces => "variables",
            Self::DirectoryChoice => "directory",
            Self::StoreReady | Self::StoreItems | Self::StoreSecrets => "store",
            Self::StateDirectory | Self::StateLocks => "state",
            Self::BrowserWay => "browser",
            Self::CallbackPort => "port",
            Self::NetworkProxy => "proxy",
            Self::NetworkAuthorities | Self::NetworkCaCert => "CA",
            Self::NetworkClientCertificate => "certificate",
            Self::CommandProgram => "command",
            Self::SignInEnds => "sign-in",
            Self::ClockTime => "clock",
            Self::PathSnow => "PATH",
            Self::FilesNetrc => "netrc",
            Self::FilesKeys => "key",
            Self::EnvironmentTools => "tools",
        }
    }
}

impl Check {
    fn new(id: CheckId, status: Status, message: impl Into<Shown>) -> Self {
        Self { id, target: None, status, message: message.into(), why: None, next: Vec::new(), code: None }
    }

    fn pass(id: CheckId, message: impl Into<Shown>) -> Self {
        Self::new(id, Status::Pass, message)
    }

    fn warn(id: CheckId, message: impl Into<Shown>) -> Self {
        Self::new(id, Status::Warn, message)
    }

    /// Not looked at, and why.
    fn skip(id: CheckId, message: impl Into<Shown>) -> Self {
        Self::new(id, Status::Skip, message)
    }

    fn fail(id: CheckId, failure: &Failure) -> Self {
        let mut check = Self::new(id, Status::Fail, failure.message().clone());
        check.why = failure.reason().cloned();
        check.next = failure.steps().to_vec();
        check.code = Some(failure.code());
        check
    }

    fn why(mut self, why: impl Into<Shown>) -> Self {
        self.why = Some(why.into());
        self
    }

    fn next(mut self, next: impl Into<Step>) -> Self {
        self.next.push(next.into());
        self
    }

    fn target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    fn code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }
}

/// Looks at everything.
pub async fn examine(machine: &Machine) -> Vec<Check> {
    let mut checks = files::config(machine);
    checks.extend(settings::examine(machine));
    checks.extend(stores::examine(machine).await);
    checks.extend(files::state(machine));
    checks.extend(surroundings::examine(machine));
    checks.extend(path::examine(machine));
    checks.extend(others::examine(machine));
    checks
}

/// Zero, or that of the class of the first failure. Warnings do not count.
pub fn exit_code(checks: &[Check]) -> u8 {
    let failed = checks.iter().find(|check| check.status == Status::Fail);
    failed.map_or(0, |check| check.code.unwrap_or(Code::Internal).class().exit_code())
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    shlex::try_quote(&path).map_or_else(|_| path.clone(), String::from)
}
