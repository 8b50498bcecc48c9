//! Connections as other programs and colleagues keep them: read with suspicion, and
//! never written back.
//!
//! [`team`] is our own file for colleagues, [`adobe`] one of Adobe's; [`now_sdk`] and [`servicenow_cli`] keep theirs
//! in the keyring, [`ansible`] in variables.

pub mod adobe;
pub mod ansible;
pub mod now_sdk;
pub mod servicenow_cli;
pub mod team;

use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::auth::method::{InvalidSetting, MethodSpec};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files::{self, ReadError};
use crate::base::secret::{Secret, optional_secret_field};
use crate::base::shown::{Shown, shown, without_value};
use crate::model::instance::Instance;
use crate::model::profile::{ConnectionName, InvalidValue, Profile, StoreKind};
use crate::model::tokens::SavedSession;
use crate::service::Service;
use crate::store::STORES;
use crate::store::record::SecretItem;

/// No file of connections is larger.
const MAX_BYTES: u64 = 1024 * 1024;

/// What a source has.
#[derive(Default)]
pub struct Contents {
    pub found: Vec<Found>,
    pub skipped: Vec<Skipped>,
    /// Keys beside the connections that are not taken.
    pub left_out: Vec<String>,
}

/// A connection that can be taken.
pub struct Found {
    pub profile: Profile,
    pub secrets: Vec<(SecretItem, Secret)>,
    pub session: Option<SavedSession>,
    /// Its keys that are not taken.
    pub left_out: Vec<String>,
    /// Whether its secrets are in a store that several machines use, which it names.
    pub is_shared: bool,
}

/// An entry that cannot be taken, and why, without full stop.
pub struct Skipped {
    pub name: String,
    pub reason: Shown,
}

/// A setting that leads to a place other than the instance.
#[derive(Debug, PartialEq, Eq)]
pub struct Elsewhere {
    pub key: &'static str,
    pub value: String,
}

impl Found {
    fn new(profile: Profile) -> Self {
        Self { profile, secrets: Vec::new(), session: None, left_out: Vec::new(), is_shared: false }
    }

    /// With the secret of its way to sign in.
    fn with_secret(mut self, secret: Option<Secret>) -> Self {
        let own = MethodSpec::of(self.profile.auth.method).secrets.first();
        self.secrets.extend(own.zip(secret).map(|(own, secret)| (own.input.item.clone(), secret)));
        self
    }

    /// Whether it works without a new sign-in.
    pub fn is_signed_in(&self) -> bool {
        let needed = (MethodSpec::of(self.profile.auth.method).needs)(&self.profile.auth);
        let is_there = |field| self.secrets.iter().any(|(item, _)| item.field == field);
        self.session.is_some() || needed.is_none_or(is_there)
    }

    /// The settings by which secrets or requests go elsewhere, or by which someone else could
    /// read them.
    pub fn elsewhere(&self) -> Vec<Elsewhere> {
        let Profile { auth, instance, ca_cert, proxy, .. } = &self.profile;
        let endpoints = ["authorization_url", "token_url", "revocation_url"].into_iter().filter_map(|key| {
            let value = (MethodSpec::of(auth.method).setting(key)?.get)(auth)?;
            let is_same = value.parse::<Instance>().is_ok_and(|origin| origin == *instance);
            (!is_same).then_some(Elsewhere { key, value })
        });
        let proxy = proxy.clone().map(|value| Elsewhere { key: "proxy", value });
        let ca_cert = ca_cert.as_ref().map(|path| Elsewhere { key: "ca_cert", value: path.display().to_string() });
        let store = self.profile.store.settings.iter().filter(|(_, value)| {
            let origin = url::Url::parse(value).ok().filter(|url| url.has_host());
            origin.is_some_and(|url| url.host_str() != Some(instance.host()))
        });
        let store = store.map(|(key, value)| Elsewhere { key, value: value.clone() });
        endpoints.chain(proxy).chain(ca_cert).chain(store).collect()
    }
}

impl Skipped {
    fn new(name: &str, reason: impl Into<Shown>) -> Self {
        Self { name: Shown::outside(name).into(), reason: reason.into() }
    }
}

/// A connection of another program, under the name that it has there.
struct Entry<'a> {
    name: &'a str,
    service: &'static dyn Service,
    instance: &'a str,
    spec: &'static MethodSpec,
    settings: Vec<(&'static str, String)>,
}

impl Entry<'_> {
    fn profile(self) -> Result<Profile, Shown> {
        let name: ConnectionName = self.name.parse().map_err(|error: InvalidValue| reason(&error.0))?;
        let address = self.service.address(self.instance).map_err(|failure| failure.message().clone())?;
        let value =
            |key: &str| self.settings.iter().find(|(known, _)| *known == key).map(|(_, value)| value.to_owned());
        let auth = self.spec.read(self.service.defaults(), &address.instance, |setting| value(setting.key));
        let auth = auth.map_err(|invalid| match invalid {
            InvalidSetting::Missing(setting) => shown!("its {} is missing", setting.label),
            InvalidSetting::Invalid(_, error) => reason(&error.0),
        })?;
        let profile = Profile::new(name, address.instance, auth, STORES[0].kind);
        Ok(Profile { api_version: address.api_version, ..profile })
    }
}

/// The secrets of a connection, as programs of others keep them.
#[derive(Default, Deserialize)]
struct Credentials {
    #[serde(default, with = "optional_secret_field")]
    password: Option<Secret>,
    #[serde(default, with = "optional_secret_field")]
    access_token: Option<Secret>,
    #[serde(default, with = "optional_secret_field")]
    refresh_token: Option<Secret>,
    /// In seconds since 1970.
    expires_at: Option<f64>,
    #[serde(default, with = "optional_secret_field")]
    client_secret: Option<Secret>,
}

impl Credentials {
    /// For the connection: its secret, and its session if it has a client.
    fn given_to(self, found: Found, now: DateTime<Utc>) -> Result<Found, Shown> {
        let Self { password, access_token, refresh_token, expires_at, client_secret } = self;
        let Some(client) = found.profile.auth.client() else { return Ok(found.with_secret(password)) };
        let session = access_token.map(|token| {
            let client_id = client.client_id.as_str();
            SavedSession::taken_over(token, refresh_token, expires_at, client_id, client_secret.is_some(), now)
        });
        let session = session.transpose().map_err(|invalid| shown!("{}", invalid))?;
        Ok(Found { session, ..found.with_secret(client_secret) })
    }
}

/// Why a value is wrong, without it.
fn reason(text: &str) -> Shown {
    Shown::outside(without_value(text))
}

impl Contents {
    /// Takes an entry, unless one before it has the same name.
    fn add(&mut self, name: &str, found: Result<Found, Shown>) {
        match found {
            Ok(found) if self.found.iter().any(|other| other.profile.name == found.profile.name) => {
                self.skipped.push(Skipped::new(name, "another entry has this name: case is ignored"));
            }
            Ok(found) => self.found.push(found),
            Err(reason) => self.skipped.push(Skipped::new(name, reason)),
        }
    }

    /// With this store for the secrets, except where a file names one that several machines
    /// use.
    pub fn kept_in(mut self, store: StoreKind) -> Self {
        let own = self.found.iter_mut().filter(|found| !found.is_shared);
        own.for_each(|found| found.profile.store = store.into());
        self
    }
}

/// The text of a file; `None` if it does not exist. Anything but a regular file of this user
/// or of root is refused.
fn text_of(path: &Path) -> Result<Option<String>, Failure> {
    let unreadable = |reason: Shown| {
        Failure::new(Code::ConfigInvalid, shown!("could not read {}: {}", path.display(), reason))
            .why("Nothing was imported.")
            .next("Use a copy that belongs to you, and is a text file in UTF-8")
            .evidence("path", shown!("{}", path.display()))
    };
    let bytes =
        files::read(path, MAX_BYTES).map_err(|error: ReadError| unreadable(Shown::outside(error.to_string())))?;
    let Some(bytes) = bytes else { return Ok(None) };
    let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not valid UTF-8".into()))?;
    Ok(Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)))
}

fn missing_file(path: &Path, next: &'static str) -> Failure {
    Failure::new(Code::ConfigInvalid, shown!("there is no file {}", path.display())).next(next)
}

/// An entry of another program that cannot be read. Its text may hold secrets.
const UNREADABLE: &str = "it is not as this program writes it";
