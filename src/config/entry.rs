//! The file as it is written, and what each of its values must be.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};
use toml::Spanned;
use uuid::Uuid;

use super::VERSION;
use crate::auth::method::{self, InvalidSetting};
use crate::auth::setting::Setting;
use crate::base::files;
use crate::model::command::command_text;
use crate::model::instance::Instance;
use crate::model::profile::{
    Auth, ConnectionId, ConnectionName, ConnectionState, InvalidValue, Profile, SUBJECT_KEY, SaveTimes, StoreKind,
    StorePlace, label_key, shown_text,
};
use crate::service::{self, Service};
use crate::store::{self, STORES};

#[derive(Deserialize)]
pub struct File {
    pub version: Option<Spanned<i64>>,
    pub default: Option<Spanned<String>>,
    #[serde(default)]
    pub connections: BTreeMap<Spanned<String>, Entry>,
}

#[derive(Default)]
pub struct Entry {
    pub id: Option<Spanned<String>>,
    revision: Option<Spanned<i64>>,
    spec: Option<Spanned<String>>,
    instance: Option<Spanned<String>>,
    auth: Option<Spanned<String>>,
    /// Of whichever way to sign in.
    settings: Vec<(&'static str, Spanned<String>)>,
    store: Option<Spanned<String>>,
    /// Of whichever store.
    store_settings: Vec<(&'static str, Spanned<String>)>,
    api_version: Option<Spanned<String>>,
    tables: Vec<Spanned<String>>,
    headers: Vec<Spanned<String>>,
    ca_cert: Option<Spanned<String>>,
    proxy: Option<Spanned<String>>,
    read_only: bool,
    state: Option<Spanned<String>>,
    description: Option<Spanned<String>>,
    labels: BTreeMap<Spanned<String>, Spanned<String>>,
    created_at: Option<Spanned<String>>,
    updated_at: Option<Spanned<String>>,
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryReader)
    }
}

/// Unknown keys are left alone.
struct EntryReader;

impl<'de> Visitor<'de> for EntryReader {
    type Value = Entry;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a connection")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Entry, A::Error> {
        let settings = method::settings();
        let mut entry = Entry::default();
        while let Some(key) = members.next_key::<String>()? {
            match key.as_str() {
                "id" => entry.id = Some(members.next_value()?),
                "revision" => entry.revision = Some(members.next_value()?),
                "spec" => entry.spec = Some(members.next_value()?),
                "instance" => entry.instance = Some(members.next_value()?),
                "auth" => entry.auth = Some(members.next_value()?),
                "store" => entry.store = Some(members.next_value()?),
                "api_version" => entry.api_version = Some(members.next_value()?),
                "tables" => entry.tables = members.next_value()?,
                "headers" => entry.headers = members.next_value()?,
                "ca_cert" => entry.ca_cert = Some(members.next_value()?),
                "proxy" => entry.proxy = Some(members.next_value()?),
                "read_only" => entry.read_only = members.next_value()?,
                "state" => entry.state = Some(members.next_value()?),
                "description" => entry.description = Some(members.next_value()?),
                "labels" => entry.labels = members.next_value()?,
                "created_at" => entry.created_at = Some(members.next_value()?),
                "updated_at" => entry.updated_at = Some(members.next_value()?),
                _ => match settings.iter().find(|setting| setting.key == key) {
                    Some(setting) if setting.is_switch => {
                        let value: Spanned<bool> = members.next_value()?;
                        let text = Spanned::new(value.span(), value.get_ref().to_string());
                        entry.settings.push((setting.key, text));
                    }
                    Some(setting) if setting.is_command => {
                        let value: Spanned<Vec<String>> = members.next_value()?;
                        entry.settings.push((setting.key, Spanned::new(value.span(), command_text(value.get_ref()))));
                    }
                    Some(setting) => entry.settings.push((setting.key, members.next_value()?)),
                    None => match store::settings().find(|setting| setting.key == key) {
                        Some(setting) if setting.is_command => {
                            let value: Spanned<Vec<String>> = members.next_value()?;
                            let text = command_text(value.get_ref());
                            entry.store_settings.push((setting.key, Spanned::new(value.span(), text)));
                        }
                        Some(setting) => entry.store_settings.push((setting.key, members.next_value()?)),
                        None => drop(members.next_value::<IgnoredAny>()?),
                    },
                },
            }
        }
        for (key, value) in [("instance", &entry.instance), ("auth", &entry.auth)] {
            if value.is_none() {
                return Err(serde::de::Error::missing_field(key));
            }
        }
        Ok(entry)
    }
}

/// A wrong value, and where it stands.
pub struct Misplaced {
    pub span: Option<Range<usize>>,
    pub message: String,
}

impl Entry {
    /// The connection that it describes. `home` is what `~/` is in a path.
    pub fn profile(
        self,
        name: ConnectionName,
        span: Option<Range<usize>>,
        home: Option<&Path>,
    ) -> Result<Profile, Misplaced> {
        let id = match &self.id {
            None => made_id(&name),
            Some(id) => read_value(id, |text| Uuid::try_parse(text).map_err(|_| format!("\"{text}\" is not a UUID")))?,
        };
        let revision = match &self.revision {
            None => 1,
            Some(revision) => {
                u64::try_from(*revision.get_ref()).ok().filter(|&number| number > 0).ok_or_else(|| Misplaced {
                    span: Some(revision.span()),
                    message: "a revision must be a number of 1 or more".to_owned(),
                })?
            }
        };
        let service = self.service()?;
        let instance = read_value(required(&self.instance), |text| match service.address(text) {
            Ok(address) => Ok(address.instance),
            Err(failure) => Err(failure.message().to_string()),
        })?;
        let auth = self.auth(service, &name, &instance, span, home)?;
        let tables =
            self.tables.iter().map(|table| read_value(table, |text| text.parse())).collect::<Result<_, _>>()?;
        let headers = self.headers.iter().map(|header| read_value(header, |text| text.parse()));
        let headers = headers.collect::<Result<_, _>>()?;
        let mut labels = BTreeMap::new();
        for (key, text) in &self.labels {
            read_value(key, label_key)?;
            labels.insert(key.get_ref().clone(), read_value(text, |text| shown_text("a label", text))?);
        }
        Ok(Profile {
            id,
            revision,
            instance,
            auth,
            store: self.store()?,
            api_version: optional(&self.api_version, |text| service.api_version(text).map_err(|error| error.0))?,
            tables,
            headers,
            ca_cert: optional(&self.ca_cert, |text| path("ca_cert", text, home))?,
            proxy: optional(&self.proxy, |text| {
                crate::http::proxy::without_user(text).map_err(|error| error.to_string())?;
                shown_text("proxy", text).map_err(|error| error.0)
            })?,
            read_only: self.read_only,
            state: optional(&self.state, |text| {
                text.parse::<ConnectionState>().map_err(|invalid| format!("{name}: {invalid}"))
            })?
            .unwrap_or_default(),
            description: optional(&self.description, |text| shown_text("description", text))?,
            labels,
            times: SaveTimes {
                created_at: optional(&self.created_at, |text| time("created_at", text))?,
                updated_at: optional(&self.updated_at, |text| time("updated_at", text))?,
            },
            name,
        })
    }

    /// The store of its secrets, if several machines use it.
    pub fn shared_store(&self) -> Option<StoreKind> {
        let kind = store::kind_of(self.store.as_ref()?.get_ref()).ok()?;
        Some(kind).filter(|kind| store::spec_of(*kind).is_shared)
    }

    pub fn has_id(&self) -> bool {
        self.id.is_some()
    }

    /// Only what `is_carried` takes, for an entry that someone else wrote. The items of a
    /// store that several machines use are found by the id.
    pub fn carried(self, is_carried: impl Fn(&str) -> bool) -> Self {
        let is_shared = self.shared_store().is_some();
        let settings = self.settings.into_iter().filter(|(key, _)| is_carried(key)).collect();
        Self {
            settings,
            id: self.id.filter(|_| is_shared),
            revision: None,
            store: self.store.filter(|_| is_shared),
            store_settings: if is_shared { self.store_settings } else { Vec::new() },
            headers: Vec::new(),
            state: None,
            created_at: None,
            updated_at: None,
            ..self
        }
    }

    /// The key of the user that it must name and does not, if there is one.
    pub fn missing_user_key(&self) -> Result<Option<&'static str>, Misplaced> {
        let methods = self.service()?.methods();
        let spec = read_value(required(&self.auth), |name| method::named(methods, name))?;
        let is_user = |key: &str| ["username", SUBJECT_KEY].contains(&key);
        let setting = spec.settings().find(|setting| setting.is_required && is_user(setting.key));
        let is_given = |key: &str| self.settings.iter().any(|(given, _)| *given == key);
        Ok(setting.map(|setting| setting.key).filter(|key| !is_given(key)))
    }

    pub fn with(mut self, key: &'static str, value: String) -> Self {
        self.settings.push((key, Spanned::new(0..0, value)));
        self
    }

    /// A setting of another store is left alone.
    fn store(&self) -> Result<StorePlace, Misplaced> {
        let kind = optional(&self.store, store::kind_of)?.unwrap_or(STORES[0].kind);
        let mut settings = BTreeMap::new();
        for (key, text) in &self.store_settings {
            if let Some(setting) = store::spec_of(kind).settings.iter().find(|setting| setting.key == *key) {
                let value = read_value(text, |text| (setting.read)(text).map_err(|error| format!("{key}: {error}")))?;
                settings.insert(*key, value);
            }
        }
        Ok(StorePlace { kind, settings })
    }

    /// The service that it is a connection to.
    fn service(&self) -> Result<&'static dyn Service, Misplaced> {
        Ok(optional(&self.spec, service::named)?.unwrap_or_else(service::usual))
    }

    fn auth(
        &self,
        service: &dyn Service,
        name: &ConnectionName,
        instance: &Instance,
        span: Option<Range<usize>>,
        home: Option<&Path>,
    ) -> Result<Auth, Misplaced> {
        let spec = read_value(required(&self.auth), |name| method::named(service.methods(), name))?;
        let written = |key: &str| self.settings.iter().find(|(known, _)| *known == key).map(|(_, text)| text);
        let span_of = |key: &str| written(key).map(Spanned::span);
        let mut paths = BTreeMap::new();
        for setting in spec.settings().filter(|setting| setting.is_path) {
            if let Some(text) = written(setting.key) {
                let path = read_value(text, |text| path(setting.key, text, home))?;
                paths.insert(setting.key, path.to_string_lossy().into_owned());
            }
        }
        let value = |setting: &'static Setting| {
            paths.get(setting.key).cloned().or_else(|| written(setting.key).map(|text| text.get_ref().clone()))
        };
        spec.read(service.defaults(), instance, value).map_err(|invalid| match invalid {
            InvalidSetting::Missing(setting) => Misplaced { span, message: format!("{name} has no {}", setting.key) },
            InvalidSetting::Invalid(setting, error) => Misplaced { span: span_of(setting.key), message: error.0 },
        })
    }
}

/// Reading an entry has seen that it is there.
fn required(text: &Option<Spanned<String>>) -> &Spanned<String> {
    text.as_ref().expect("an entry without it is not read")
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

fn time(key: &str, text: &str) -> Result<DateTime<Utc>, InvalidValue> {
    let time = DateTime::parse_from_rfc3339(text);
    time.map(|time| time.to_utc()).map_err(|_| InvalidValue(format!("{key} must be a time as in 2026-11-28T14:30:00Z")))
}

/// A path that does not depend on the directory of the moment.
fn path(key: &str, text: &str, home: Option<&Path>) -> Result<PathBuf, InvalidValue> {
    let path = files::at_home(Path::new(&shown_text(key, text)?), home);
    if path.is_absolute() { Ok(path) } else { Err(InvalidValue(format!("{key} must be an absolute path"))) }
}

/// The id of an entry written by hand without one: the same at each reading
/// until a save puts it into the file.
fn made_id(name: &ConnectionName) -> ConnectionId {
    let digest = Sha256::digest(format!("snow connection {name}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

pub fn newer_version(text: &str) -> Option<i64> {
    #[derive(Deserialize)]
    struct Version {
        version: i64,
    }
    toml::from_str::<Version>(text).ok().map(|file| file.version).filter(|&version| version > VERSION)
}
