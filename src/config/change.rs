//! A change of the connections file under way: the values, and the document
//! that carries the comments.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use toml_edit::{DocumentMut, Item, Table, TableLike, Value, value};

use super::{Config, VERSION, shown};
use crate::auth::method::{self, MethodSpec};
use crate::auth::setting::Setting;
use crate::base::files;
use crate::base::time::timestamp;
use crate::model::command::command_of;
use crate::model::profile::{Auth, ConnectionName, ConnectionState, Profile, SaveTimes};
use crate::service;
use crate::store;

/// A change of the connections under way: the values, and the document that
/// carries the comments.
pub struct Change {
    config: Config,
    document: DocumentMut,
    /// The keys that a person wrote in capitals, by the name they stand for.
    spelled: BTreeMap<String, String>,
    /// What `~/` is in a path.
    home: Option<PathBuf>,
}

impl Change {
    pub(super) fn new(config: Config, mut document: DocumentMut, home: Option<PathBuf>) -> Self {
        let root = document.as_table_mut();
        if root.get("version").is_none() {
            root.insert("version", value(VERSION));
        }
        let spelled = connections(&mut document)
            .iter()
            .filter(|(key, _)| key.contains(|c: char| c.is_ascii_uppercase()))
            .map(|(key, _)| (key.to_ascii_lowercase(), key.to_owned()))
            .collect();
        Self { config, document, spelled, home }
    }

    /// The connections as they are, this change included.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Saves `profile` under its name. The revision is counted here: it grows
    /// by one where a field differs, and starts at one. Its times are set here too.
    pub fn put(&mut self, mut profile: Profile, now: DateTime<Utc>) -> Profile {
        match self.config.connections.get(&profile.name) {
            None => (profile.revision, profile.times) = (1, SaveTimes::created(now)),
            Some(former) => {
                (profile.revision, profile.times) = (former.revision, former.times);
                if profile != *former {
                    profile.count_change(now);
                }
            }
        }
        self.restore(profile.clone());
        profile
    }

    /// Puts a profile back as it was, revision, times and all.
    pub fn restore(&mut self, profile: Profile) {
        let key = self.key_of(&profile.name);
        let connections = connections(&mut self.document);
        if connections.get(&key).and_then(Item::as_table_like).is_none() {
            connections.insert(&key, Item::Table(Table::new()));
        }
        let table =
            connections.get_mut(&key).and_then(Item::as_table_like_mut).expect("the entry was just made a table");
        fill(table, &profile, self.home.as_deref());
        self.config.connections.insert(profile.name.clone(), profile);
    }

    /// Gives a connection another name; its id, and with it its secrets, stay.
    /// The connection `old` exists.
    pub fn rename(&mut self, old: &ConnectionName, new: &ConnectionName, now: DateTime<Utc>) -> Profile {
        let mut profile = self.config.connections.remove(old).expect("the connection to rename exists");
        let key = self.key_of(old);
        self.spelled.remove(old.as_str());
        let entry = connections(&mut self.document).remove(&key).expect("every connection has its table");
        connections(&mut self.document).insert(new.as_str(), entry);
        let is_default = self.config.default.as_ref() == Some(old);
        if old != new {
            profile.count_change(now);
        }
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

    pub(super) fn finish(mut self) -> String {
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
pub enum LineEnd {
    Lf,
    CrLf,
}

impl LineEnd {
    /// One plain line end makes it a plain file.
    pub fn of(text: &str) -> Self {
        let ends = text.matches('\n').count();
        if ends > 0 && text.matches("\r\n").count() == ends { Self::CrLf } else { Self::Lf }
    }

    pub fn apply(self, text: String) -> String {
        match self {
            Self::Lf => text,
            Self::CrLf => text.replace("\r\n", "\n").replace('\n', "\r\n"),
        }
    }
}

/// Writes what a connection is. `home` is what `~/` is in a path.
pub(super) fn fill(table: &mut dyn TableLike, profile: &Profile, home: Option<&Path>) {
    set(table, "id", profile.id.to_string().into());
    set(table, "revision", i64::try_from(profile.revision).unwrap_or(i64::MAX).into());
    set_optional(table, "spec", service::written_spec(&profile.auth).map(Into::into));
    set(table, "instance", profile.instance.origin().into());
    set(table, "auth", profile.auth.as_str().into());
    fill_settings(table, &profile.auth, home);
    set(table, "store", profile.store.as_str().into());
    for setting in store::settings() {
        let value = profile
            .store
            .settings
            .get(setting.key)
            .map(|text| if setting.is_command { array(text) } else { text.as_str().into() });
        set_optional(table, setting.key, value);
    }
    set_optional(table, "api_version", profile.api_version.map(|version| version.to_string().into()));
    let tables: toml_edit::Array = profile.tables.iter().map(|table| table.as_str()).collect();
    set_optional(table, "tables", (!tables.is_empty()).then(|| tables.into()));
    let headers: toml_edit::Array = profile.headers.iter().map(|header| header.as_str()).collect();
    set_optional(table, "headers", (!headers.is_empty()).then(|| headers.into()));
    set_path(table, "ca_cert", profile.ca_cert.as_deref(), home);
    set_optional(table, "proxy", profile.proxy.as_deref().map(Value::from));
    set_optional(table, "read_only", profile.read_only.then(|| true.into()));
    let is_usual = profile.state == ConnectionState::default();
    set_optional(table, "state", (!is_usual).then(|| profile.state.as_str().into()));
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
    set_optional(table, "created_at", profile.times.created_at.map(|at| timestamp(at).into()));
    set_optional(table, "updated_at", profile.times.updated_at.map(|at| timestamp(at).into()));
}

/// Changes with every change of the entry, also with one by hand that does not count
/// the revision. The letter tells it from a revision.
pub fn etag(profile: &Profile) -> String {
    let mut table = Table::new();
    fill(&mut table, profile, None);
    let digest = Sha256::digest(format!("[{}]\n{table}", profile.name));
    digest[..8].iter().fold("e".to_owned(), |etag, byte| format!("{etag}{byte:02x}"))
}

/// A default is left out, and so is what another way to sign in has.
fn fill_settings(table: &mut dyn TableLike, auth: &Auth, home: Option<&Path>) {
    let spec = MethodSpec::of(auth.method);
    for setting in method::settings() {
        let written = spec.setting(setting.key).and_then(|setting| (setting.get)(auth));
        if setting.is_path {
            set_path(table, setting.key, written.as_deref().map(Path::new), home);
            continue;
        }
        let written = written.map(|text| match setting {
            Setting { is_switch: true, .. } => (text == "true").into(),
            Setting { is_command: true, .. } => array(&text),
            _ => text.into(),
        });
        set_optional(table, setting.key, written);
    }
}

/// A command as an array.
fn array(text: &str) -> Value {
    Value::Array(command_of(text).expect("it was checked where it came in").into_iter().collect())
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

/// A path with `~/` stays as it was written.
fn set_path(table: &mut dyn TableLike, key: &str, path: Option<&Path>, home: Option<&Path>) {
    let former = table.get(key).and_then(Item::as_str).map(|text| files::at_home(Path::new(text), home));
    if path.is_none() || former.as_deref() != path {
        set_optional(table, key, path.map(|path| shown(path).into()));
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
