//! The connections file: `config.toml`, without any secret.
//!
//! Reading checks everything and says path and line where something is wrong.
//! Changing takes a lock, reads again, edits the document in place (comments,
//! unknown keys and line ends stay), checks the result and replaces the file
//! whole.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use toml::Spanned;
use toml_edit::{DocumentMut, Item, Table, TableLike, Value, value};
use uuid::Uuid;

use crate::connection::profile::{ConnectionId, ConnectionName, InvalidValue, Profile, label_key, shown_text};
use crate::error::{Code, Failure};
use crate::files::{self, Durability, Lock, ReadError};

/// The version of the file that this program reads and writes.
const VERSION: i64 = 1;
/// More than twenty thousand connections; anything larger is something else.
const MAX_BYTES: u64 = 8 * 1024 * 1024;
/// How long a change waits for the change of another process.
const LOCK_PATIENCE: Duration = Duration::from_secs(30);

/// Where the connections are, and the lock that guards them.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    pub path: PathBuf,
    pub lock: PathBuf,
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
    #[error("{path} cannot be read: {reason}")]
    Unreadable { path: String, reason: String },
    #[error("{path}:{line}: {message}")]
    Invalid { path: String, line: usize, message: String },
    #[error("{path} was written by a newer snow (version {version}; this one knows {VERSION})")]
    Newer { path: String, version: i64 },
    #[error("{path} cannot be written: {reason}")]
    Unwritable { path: String, reason: String },
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let message = error.to_string();
        match error {
            ConfigError::Unreadable { path, .. } => Failure::new(Code::ConfigInvalid, message)
                .next(format!("Make {path} a file of yours, or move it out of the way"))
                .evidence("path", path),
            ConfigError::Invalid { path, line, .. } => Failure::new(Code::ConfigInvalid, message)
                .why("The file was left as it is.")
                .next(format!("Correct line {line} of {path}"))
                .evidence("path", path)
                .evidence("line", line),
            ConfigError::Newer { path, version } => Failure::new(Code::ConfigNewer, message)
                .why("The file was left as it is.")
                .next("Use the newer snow, or another file with --config")
                .evidence("path", path)
                .evidence("version", version),
            ConfigError::Unwritable { path, .. } => Failure::new(Code::ConfigUnwritable, message)
                .why("Nothing was changed.")
                .next("See to the permissions and the free space there, then run the command again")
                .evidence("path", path),
        }
    }
}

impl ConfigFile {
    /// The connections as the file has them now; none where there is no file.
    pub fn load(&self) -> Result<Config, ConfigError> {
        self.read()?.map_or(Ok(Config::default()), |text| self.parse(&text))
    }

    /// Changes the file under its lock: `change` sees the connections as they
    /// are then, so that the changes of two processes both stay.
    pub fn change<T, E: From<ConfigError>>(&self, change: impl FnOnce(&mut Change) -> Result<T, E>) -> Result<T, E> {
        let lock =
            Lock::acquire(&self.lock, LOCK_PATIENCE).map_err(|error| self.unwritable(&self.lock, error.to_string()))?;
        if lock.is_none() {
            let reason = "another snow has been changing the connections for 30 seconds";
            return Err(self.unwritable(&self.path, reason.to_owned()).into());
        }
        let text = self.read()?.unwrap_or_default();
        let config = self.parse(&text)?;
        let line_end = LineEnd::of(&text);
        let document: DocumentMut = text
            .parse()
            .map_err(|error: toml_edit::TomlError| self.invalid(&text, error.span(), error.message().to_owned()))?;
        let mut changing = Change::new(config, document);
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
        if bytes.starts_with(b"\xef\xbb\xbf") || bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
            return Err(invalid(0, "the file starts with a byte-order mark: save it as plain UTF-8"));
        }
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(Some(text.to_owned())),
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
                return Err(self.invalid(text, Some(version.span()), "there is no such version".to_owned()));
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
                let message = format!("there are two connections called {name}: upper and lower case are the same");
                return Err(self.invalid(text, span, message));
            }
            let id_span = entry.id.as_ref().map(Spanned::span);
            let profile = entry.profile(name.clone(), span.clone()).map_err(at)?;
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
            message,
        }
    }

    fn newer(&self, version: i64) -> ConfigError {
        ConfigError::Newer { path: shown(&self.path), version }
    }

    fn unwritable(&self, path: &Path, reason: String) -> ConfigError {
        ConfigError::Unwritable { path: shown(path), reason }
    }
}

/// A change of the connections under way: the values, and the document that
/// carries the comments.
pub struct Change {
    config: Config,
    document: DocumentMut,
    /// The keys that a person wrote in capitals, by the name they stand for.
    spelled: BTreeMap<String, String>,
}

impl Change {
    fn new(config: Config, mut document: DocumentMut) -> Self {
        let root = document.as_table_mut();
        if root.get("version").is_none() {
            root.insert("version", value(VERSION));
        }
        let spelled = connections(&mut document)
            .iter()
            .filter(|(key, _)| key.contains(|c: char| c.is_ascii_uppercase()))
            .map(|(key, _)| (key.to_ascii_lowercase(), key.to_owned()))
            .collect();
        Self { config, document, spelled }
    }

    /// The connections as they are, this change included.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Saves `profile` under its name. The revision is counted here: it grows
    /// by one where a field differs, and starts at one.
    pub fn put(&mut self, mut profile: Profile) -> Profile {
        let former = self.config.connections.get(&profile.name);
        profile.revision = match former {
            None => 1,
            Some(former) => {
                let same = Profile { revision: former.revision, ..profile.clone() } == *former;
                former.revision + u64::from(!same)
            }
        };
        self.restore(profile.clone());
        profile
    }

    /// Puts a profile back as it was, revision and all.
    pub fn restore(&mut self, profile: Profile) {
        let key = self.key_of(&profile.name);
        let connections = connections(&mut self.document);
        if connections.get(&key).and_then(Item::as_table_like).is_none() {
            connections.insert(&key, Item::Table(Table::new()));
        }
        let table =
            connections.get_mut(&key).and_then(Item::as_table_like_mut).expect("the entry was just made a table");
        fill(table, &profile);
        self.config.connections.insert(profile.name.clone(), profile);
    }

    /// Gives a connection another name; its id, and with it its secrets, stay.
    /// The connection `old` exists.
    pub fn rename(&mut self, old: &ConnectionName, new: &ConnectionName) -> Profile {
        let mut profile = self.config.connections.remove(old).expect("the connection to rename exists");
        let key = self.key_of(old);
        self.spelled.remove(old.as_str());
        let entry = connections(&mut self.document).remove(&key).expect("every connection has its table");
        connections(&mut self.document).insert(new.as_str(), entry);
        let is_default = self.config.default.as_ref() == Some(old);
        profile.revision += u64::from(old != new);
        profile.name = new.clone();
        self.restore(profile.clone());
        if is_default {
            self.set_default(Some(new));
        }
        profile
    }

    /// Removes a connection; the default with it, if it was the one.
    pub fn remove(&mut self, name: &ConnectionName) {
        let key = self.key_of(name);
        connections(&mut self.document).remove(&key);
        self.config.connections.remove(name);
        if self.config.default.as_ref() == Some(name) {
            self.set_default(None);
        }
    }

    pub fn set_default(&mut self, name: Option<&ConnectionName>) {
        match name {
            Some(name) => set(self.document.as_table_mut(), "default", name.as_str().into()),
            None => {
                self.document.remove("default");
            }
        }
        self.config.default = name.cloned();
    }

    /// The key under which the document has a name, in its own letter case.
    fn key_of(&self, name: &ConnectionName) -> String {
        self.spelled.get(name.as_str()).map_or_else(|| name.to_string(), Clone::clone)
    }

    fn finish(mut self) -> String {
        for (key, item) in connections(&mut self.document).iter_mut() {
            // An id that was missing is made now and stays from here on.
            let table = item.as_table_like_mut().expect("every connection is a table");
            if table.get("id").is_none() {
                let name = key.get().to_ascii_lowercase();
                let profile = self.config.connections.get(name.as_str()).expect("every table has its connection");
                set(table, "id", profile.id.to_string().into());
            }
        }
        self.document.to_string()
    }
}

/// How the lines of the file end. The editor of the document writes plain
/// ones, so those of a file from Windows are put back.
#[derive(Clone, Copy)]
enum LineEnd {
    Lf,
    CrLf,
}

impl LineEnd {
    /// One plain line end makes it a plain file.
    fn of(text: &str) -> Self {
        let ends = text.matches('\n').count();
        match ends > 0 && text.matches("\r\n").count() == ends {
            true => Self::CrLf,
            false => Self::Lf,
        }
    }

    fn apply(self, text: String) -> String {
        match self {
            Self::Lf => text,
            Self::CrLf => text.replace("\r\n", "\n").replace('\n', "\r\n"),
        }
    }
}

#[derive(Deserialize)]
struct File {
    version: Option<Spanned<i64>>,
    default: Option<Spanned<String>>,
    #[serde(default)]
    connections: BTreeMap<Spanned<String>, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    id: Option<Spanned<String>>,
    revision: Option<Spanned<i64>>,
    instance: Spanned<String>,
    auth: Spanned<String>,
    username: Option<Spanned<String>>,
    store: Option<Spanned<String>>,
    api_version: Option<Spanned<String>>,
    #[serde(default)]
    tables: Vec<Spanned<String>>,
    ca_cert: Option<Spanned<String>>,
    proxy: Option<Spanned<String>>,
    description: Option<Spanned<String>>,
    #[serde(default)]
    labels: BTreeMap<Spanned<String>, Spanned<String>>,
}

/// A wrong value, and where it stands.
struct Misplaced {
    span: Option<Range<usize>>,
    message: String,
}

impl Entry {
    fn profile(self, name: ConnectionName, span: Option<Range<usize>>) -> Result<Profile, Misplaced> {
        let id = match &self.id {
            None => made_id(&name),
            Some(id) => read_value(id, |text| Uuid::try_parse(text).map_err(|_| format!("\"{text}\" is not a UUID")))?,
        };
        let revision = match &self.revision {
            None => 1,
            Some(revision) => {
                u64::try_from(*revision.get_ref()).ok().filter(|&number| number > 0).ok_or_else(|| Misplaced {
                    span: Some(revision.span()),
                    message: "a revision is a number from 1".to_owned(),
                })?
            }
        };
        let username =
            self.username.as_ref().ok_or_else(|| Misplaced { span, message: format!("{name} has no username") })?;
        let mut tables = Vec::with_capacity(self.tables.len());
        for table in &self.tables {
            tables.push(read_value(table, |text| text.parse())?);
        }
        let mut labels = BTreeMap::new();
        for (key, text) in &self.labels {
            read_value(key, label_key)?;
            labels.insert(key.get_ref().clone(), read_value(text, |text| shown_text("a label", text))?);
        }
        Ok(Profile {
            id,
            revision,
            instance: read_value(&self.instance, |text| text.parse())?,
            auth: read_value(&self.auth, |text| text.parse())?,
            username: read_value(username, |text| text.parse())?,
            store: optional(&self.store, |text| text.parse())?
                .unwrap_or(crate::connection::profile::StoreKind::Keyring),
            api_version: optional(&self.api_version, |text| text.parse())?,
            tables,
            ca_cert: optional(&self.ca_cert, |text| {
                let path = PathBuf::from(shown_text("ca_cert", text)?);
                match path.is_absolute() {
                    true => Ok(path),
                    false => Err(InvalidValue("ca_cert is an absolute path".to_owned())),
                }
            })?,
            proxy: optional(&self.proxy, |text| {
                crate::http::proxy::without_user(text).map_err(|error| error.to_string())?;
                shown_text("proxy", text).map_err(|error| error.0)
            })?,
            description: optional(&self.description, |text| shown_text("description", text))?,
            labels,
            name,
        })
    }
}

fn read_value<T, E: ToString>(text: &Spanned<String>, read: impl FnOnce(&str) -> Result<T, E>) -> Result<T, Misplaced> {
    read(text.get_ref()).map_err(|error| Misplaced { span: Some(text.span()), message: error.to_string() })
}

fn optional<T, E: ToString>(
    text: &Option<Spanned<String>>,
    read: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, Misplaced> {
    text.as_ref().map(|text| read_value(text, read)).transpose()
}

/// The id of an entry written by hand without one: the same at each reading
/// until a save puts it into the file.
fn made_id(name: &ConnectionName) -> ConnectionId {
    let digest = Sha256::digest(format!("snow connection {name}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

fn fill(table: &mut dyn TableLike, profile: &Profile) {
    set(table, "id", profile.id.to_string().into());
    set(table, "revision", i64::try_from(profile.revision).unwrap_or(i64::MAX).into());
    set(table, "instance", profile.instance.origin().into());
    set(table, "auth", profile.auth.as_str().into());
    set(table, "username", profile.username.as_str().into());
    set(table, "store", profile.store.as_str().into());
    set_optional(table, "api_version", profile.api_version.map(|version| version.as_str().into()));
    let tables: toml_edit::Array = profile.tables.iter().map(|table| table.as_str()).collect();
    set_optional(table, "tables", (!tables.is_empty()).then(|| tables.into()));
    set_optional(table, "ca_cert", profile.ca_cert.as_ref().map(|path| shown(path).into()));
    set_optional(table, "proxy", profile.proxy.as_deref().map(Value::from));
    set_optional(table, "description", profile.description.as_deref().map(Value::from));
    let labels: toml_edit::InlineTable =
        profile.labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let same_labels = table.get("labels").and_then(Item::as_table_like).is_some_and(|former| {
        former.len() == labels.len()
            && former.iter().all(|(key, item)| item.as_str() == profile.labels.get(key).map(String::as_str))
    });
    if !same_labels {
        set_optional(table, "labels", (!labels.is_empty()).then(|| labels.into()));
    }
}

/// Sets a value only where it differs, so that its comment and form stay.
fn set(table: &mut dyn TableLike, key: &str, new: Value) {
    let plain = |value: &Value| {
        let mut value = value.clone();
        value.decor_mut().clear();
        if let Value::Array(array) = &value {
            return array.iter().filter_map(|item| item.as_str()).collect::<Vec<_>>().join("\n");
        }
        match value.as_str() {
            Some(text) => text.to_owned(),
            None => value.to_string(),
        }
    };
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(former) if plain(former) == plain(&new) => {}
        Some(former) => {
            let decor = former.decor().clone();
            *former = new;
            *former.decor_mut() = decor;
        }
        None => {
            table.insert(key, value(new));
        }
    }
}

fn set_optional(table: &mut dyn TableLike, key: &str, new: Option<Value>) {
    match new {
        Some(new) => set(table, key, new),
        None => {
            table.remove(key);
        }
    }
}

fn connections(document: &mut DocumentMut) -> &mut dyn TableLike {
    let root = document.as_table_mut();
    if root.get("connections").and_then(Item::as_table_like).is_none() {
        let mut table = Table::new();
        table.set_implicit(true);
        root.insert("connections", Item::Table(table));
    }
    root.get_mut("connections").and_then(Item::as_table_like_mut).expect("connections was just made a table")
}

fn newer_version(text: &str) -> Option<i64> {
    #[derive(Deserialize)]
    struct Version {
        version: i64,
    }
    toml::from_str::<Version>(text).ok().map(|file| file.version).filter(|&version| version > VERSION)
}

fn line_of(bytes: &[u8], at: usize) -> usize {
    1 + bytes[..at.min(bytes.len())].iter().filter(|&&byte| byte == b'\n').count()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
