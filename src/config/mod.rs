//! The connections file: `config.toml`, without any secret.
//!
//! Reading checks everything and says path and line where something is wrong.
//! Changing takes a lock, reads again, edits the document in place (comments,
//! unknown keys and line ends stay), checks the result and replaces the file
//! whole. [`entry`] says what a value must be, [`change`] edits the document.
//! [`sources`] is what others keep: another program, a colleague.

mod change;
mod entry;
pub mod environment;
pub mod sources;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml_edit::DocumentMut;

use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files::{self, Durability, Lock, ReadError};
use crate::base::shown::{Shown, Step, shown, without_value};
use crate::model::profile::{ConnectionId, ConnectionName, InvalidValue, Profile};
use change::LineEnd;
pub use change::{Change, etag};
use entry::{File, Misplaced, newer_version};

/// The version of the file that this program reads and writes.
const VERSION: i64 = 1;
/// More than twenty thousand connections; anything larger is something else.
const MAX_BYTES: u64 = 8 * 1024 * 1024;
/// How long a change waits for the change of another process.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

/// Where the connections are, and the lock that guards them.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    pub path: PathBuf,
    pub lock: PathBuf,
    /// What `~/` is in a path.
    pub home: Option<PathBuf>,
}

/// The saved connections.
#[derive(Debug, Clone, Default)]
pub struct Config {
    pub default: Option<ConnectionName>,
    pub connections: BTreeMap<ConnectionName, Profile>,
}

/// What is wrong with the file, or kept it from being written.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("could not read {path}: {reason}")]
    Unreadable { path: String, reason: String },
    #[error("{path}:{line}: {message}")]
    Invalid { path: String, line: usize, message: String },
    #[error("{path} was written by a newer snow (version {version}; this one supports {VERSION})")]
    Newer { path: String, version: i64 },
    #[error("could not write {path}: {reason}")]
    Unwritable { path: String, reason: String },
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let message = error.to_string();
        match error {
            ConfigError::Unreadable { path, .. } => {
                Failure::new(Code::ConfigInvalid, Shown::outside(message))
                    .next(files::way_back(Path::new(&path)).unwrap_or_else(|| {
                        shown!("Take ownership of {}, or move it away", Shown::outside(&path)).into()
                    }))
                    .evidence("path", Shown::outside(path))
            }
            ConfigError::Invalid { path, line, .. } => Failure::new(Code::ConfigInvalid, Shown::outside(message))
                .why("The file was not changed.")
                .next(shown!("Correct line {} of {}", line, Shown::outside(&path)))
                .evidence("path", Shown::outside(path))
                .evidence("line", line),
            ConfigError::Newer { path, version } => Failure::new(Code::ConfigNewer, Shown::outside(message))
                .why("The file was not changed.")
                .next("Use the newer snow, or another file with --config")
                .evidence("path", Shown::outside(path))
                .evidence("version", version),
            ConfigError::Unwritable { path, .. } => {
                Failure::new(Code::ConfigUnwritable, Shown::outside(message))
                    .why("Nothing was changed.")
                    .next(files::way_back(Path::new(&path)).unwrap_or_else(|| {
                        "Check its permissions and the free space, then run the command again".into()
                    }))
                    .evidence("path", Shown::outside(path))
            }
        }
    }
}

impl Config {
    /// A saved connection, or what is close to the name.
    pub fn find(&self, name: &ConnectionName) -> Result<&Profile, Failure> {
        self.connections.get(name).ok_or_else(|| {
            let failure = Failure::new(Code::UnknownConnection, shown!("no connection named {}", name));
            let near = self
                .connections
                .keys()
                .map(|other| (strsim::damerau_levenshtein(other.as_str(), name.as_str()), other))
                .filter(|(distance, _)| *distance <= 2)
                .min_by_key(|(distance, _)| *distance);
            match near {
                Some((_, other)) => failure
                    .next(shown!("Did you mean {}?", other))
                    .next(Step::run("snow list").and_say(" shows all connections")),
                None if self.connections.is_empty() => {
                    failure.next(Step::say("Create one: ").and_run("snow connect INSTANCE"))
                }
                None => failure.next(Step::say("List the saved connections: ").and_run("snow list")),
            }
        })
    }

    /// As above, and it is to be used.
    pub fn find_enabled(&self, name: &ConnectionName) -> Result<&Profile, Failure> {
        let profile = self.find(name)?;
        check_enabled(profile).map(|()| profile)
    }
}

/// An error if the connection is not to be used. Whatever uses one asks here.
pub fn check_enabled(profile: &Profile) -> Result<(), Failure> {
    if profile.is_enabled() {
        return Ok(());
    }
    let enable = shown!("snow edit {} --set state=enabled", profile.name);
    Err(Failure::new(Code::ConnectionDisabled, shown!("{} is disabled", profile.name))
        .why("Nothing uses it until it is enabled. Nothing was sent.")
        .next(Step::say("Enable it: ").and_run(enable))
        .next(Step::say("Or use another: ").and_run("snow list")))
}

impl ConfigFile {
    /// The connections as the file has them now; none where there is no file.
    pub fn load(&self) -> Result<Config, ConfigError> {
        self.read()?.map_or(Ok(Config::default()), |text| self.parse(&text))
    }

    /// Changes the file under its lock: `change` sees the connections as they
    /// are then, so that no concurrent change is lost (read, modify, write).
    pub fn change<T, E: From<ConfigError>>(&self, change: impl FnOnce(&mut Change) -> Result<T, E>) -> Result<T, E> {
        let _lock = self.locked()?;
        let text = self.read()?.unwrap_or_default();
        let config = self.parse(&text)?;
        let line_end = LineEnd::of(&text);
        let document: DocumentMut = text
            .parse()
            .map_err(|error: toml_edit::TomlError| self.invalid(&text, error.span(), error.message().to_owned()))?;
        let mut changing = Change::new(config, document, self.home.clone());
        let result = change(&mut changing)?;
        let new_text = line_end.apply(changing.finish());
        if new_text != text {
            // Nothing is written that could not be read back.
            self.parse(&new_text)?;
            files::write(&self.path, new_text.as_bytes(), Durability::Durable)
                .map_err(|error| self.unwritable(&self.path, error.to_string()))?;
        }
        Ok(result)
    }

    /// Shows that a change could be written, before anything is done for it.
    pub fn prove(&self) -> Result<(), ConfigError> {
        let _lock = self.locked()?;
        files::prove_writable(&self.path).map_err(|error| self.unwritable(&self.path, error.to_string()))
    }

    fn locked(&self) -> Result<Lock, ConfigError> {
        let lock = Lock::acquire(&self.lock, LOCK_TIMEOUT);
        lock.map_err(|error| self.unwritable(&self.lock, error.to_string()))?.ok_or_else(|| {
            let reason = "timed out after 30 s waiting for another snow process that is changing the connections";
            self.unwritable(&self.path, reason.to_owned())
        })
    }

    fn read(&self) -> Result<Option<String>, ConfigError> {
        let unreadable = |reason: String| ConfigError::Unreadable { path: shown(&self.path), reason };
        let bytes = match files::read(&self.path, MAX_BYTES) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Ok(None),
            Err(ReadError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(unreadable("it is a link to a file that does not exist".to_owned()));
            }
            Err(error) => return Err(unreadable(error.to_string())),
        };
        let invalid = |at: usize, message: &str| ConfigError::Invalid {
            path: shown(&self.path),
            line: line_of(&bytes, at),
            message: message.to_owned(),
        };
        if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
            return Err(invalid(0, "the file is UTF-16, as its byte-order mark shows: save it as UTF-8"));
        }
        match std::str::from_utf8(&bytes) {
            // Editors on Windows write a mark. The next write leaves it out.
            Ok(text) => Ok(Some(text.trim_start_matches('\u{feff}').to_owned())),
            Err(error) => Err(invalid(error.valid_up_to(), "the file is not valid UTF-8")),
        }
    }

    fn parse(&self, text: &str) -> Result<Config, ConfigError> {
        let file: File = toml::from_str(text).map_err(|error| match newer_version(text) {
            Some(version) => self.newer(version),
            None => self.invalid(text, error.span(), error.message().to_owned()),
        })?;
        if let Some(version) = &file.version {
            if *version.get_ref() > VERSION {
                return Err(self.newer(*version.get_ref()));
            }
            if *version.get_ref() != VERSION {
                return Err(self.invalid(text, Some(version.span()), "unknown version".to_owned()));
            }
        }
        let mut config = Config::default();
        let mut ids = BTreeMap::<ConnectionId, ConnectionName>::new();
        for (name, entry) in file.connections {
            let at = |invalid: Misplaced| self.invalid(text, invalid.span, invalid.message);
            let span = Some(name.span());
            let name: ConnectionName = name
                .get_ref()
                .parse()
                .map_err(|error: InvalidValue| at(Misplaced { span: span.clone(), message: error.0 }))?;
            if config.connections.contains_key(&name) {
                let message = format!("two connections are named {name}: case is ignored");
                return Err(self.invalid(text, span, message));
            }
            let id_span = entry.id.as_ref().map(Spanned::span);
            let profile = entry.profile(name.clone(), span.clone(), self.home.as_deref()).map_err(at)?;
            if let Some(other) = ids.insert(profile.id, name.clone()) {
                let message = format!("{name} has the same id as {other}");
                return Err(self.invalid(text, id_span.or(span), message));
            }
            config.connections.insert(name, profile);
        }
        if let Some(default) = file.default {
            let invalid = |message: String| self.invalid(text, Some(default.span()), message);
            let name: ConnectionName = default.get_ref().parse().map_err(|error: InvalidValue| invalid(error.0))?;
            // A default that names nothing is none: `snow use` mends it.
            config.default = Some(name).filter(|name| config.connections.contains_key(name));
        }
        Ok(config)
    }

    fn invalid(&self, text: &str, span: Option<Range<usize>>, message: String) -> ConfigError {
        ConfigError::Invalid {
            path: shown(&self.path),
            line: line_of(text.as_bytes(), span.map_or(0, |span| span.start)),
            message: without_value(&message),
        }
    }

    fn newer(&self, version: i64) -> ConfigError {
        ConfigError::Newer { path: shown(&self.path), version }
    }

    fn unwritable(&self, path: &Path, reason: String) -> ConfigError {
        ConfigError::Unwritable { path: shown(path), reason }
    }
}

fn line_of(bytes: &[u8], at: usize) -> usize {
    1 + bytes[..at.min(bytes.len())].iter().filter(|&&byte| byte == b'\n').count()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
