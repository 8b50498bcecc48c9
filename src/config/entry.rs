//! The file as it is written, and what each of its values must be.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use toml::Spanned;
use uuid::Uuid;

use super::VERSION;
use crate::model::instance::Instance;
use crate::model::oauth_client::{ClientField, GrantType, OAuthClient};
use crate::model::profile::{
    Auth, AuthMethod, ConnectionId, ConnectionName, InvalidValue, Profile, label_key, shown_text,
};
use crate::model::user_name::UserName;
use crate::service::servicenow::address::Address;
use crate::store::{STORES, kind_of};

#[derive(Deserialize)]
pub struct File {
    pub version: Option<Spanned<i64>>,
    pub default: Option<Spanned<String>>,
    #[serde(default)]
    pub connections: BTreeMap<Spanned<String>, Entry>,
}

#[derive(Deserialize)]
pub struct Entry {
    pub id: Option<Spanned<String>>,
    revision: Option<Spanned<i64>>,
    instance: Spanned<String>,
    auth: Spanned<String>,
    username: Option<Spanned<String>>,
    client_id: Option<Spanned<String>>,
    scope: Option<Spanned<String>>,
    redirect_uri: Option<Spanned<String>>,
    authorization_url: Option<Spanned<String>>,
    token_url: Option<Spanned<String>>,
    revocation_url: Option<Spanned<String>>,
    pkce: Option<bool>,
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
pub struct Misplaced {
    pub span: Option<Range<usize>>,
    pub message: String,
}

impl Entry {
    pub fn profile(self, name: ConnectionName, span: Option<Range<usize>>) -> Result<Profile, Misplaced> {
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
        let instance = read_value(&self.instance, |text| Address::parse(text).map(|address| address.instance))?;
        let auth = self.auth(&name, &instance, span)?;
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
            instance,
            auth,
            store: optional(&self.store, kind_of)?.unwrap_or(STORES[0].kind),
            api_version: optional(&self.api_version, |text| text.parse())?,
            tables,
            ca_cert: optional(&self.ca_cert, |text| {
                let path = PathBuf::from(shown_text("ca_cert", text)?);
                if path.is_absolute() { Ok(path) } else { Err(InvalidValue("ca_cert is an absolute path".to_owned())) }
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

    fn auth(&self, name: &ConnectionName, instance: &Instance, span: Option<Range<usize>>) -> Result<Auth, Misplaced> {
        let missing = |key: &str| Misplaced { span: span.clone(), message: format!("{name} has no {key}") };
        let method = read_value(&self.auth, |text| text.parse::<AuthMethod>())?;
        let username = optional(&self.username, |text| text.parse::<UserName>())?;
        let grant = match method {
            AuthMethod::Basic => {
                return Ok(Auth::Basic { username: username.ok_or_else(|| missing("username"))? });
            }
            AuthMethod::OAuth => GrantType::AuthorizationCode,
            AuthMethod::ClientCredentials => GrantType::ClientCredentials,
        };
        let client_id = self.client_id.as_ref().ok_or_else(|| missing("client_id"))?;
        let mut client = OAuthClient::new(grant, read_value(client_id, |text| text.parse())?);
        let written = [
            ("scope", &self.scope),
            ("redirect_uri", &self.redirect_uri),
            ("authorization_url", &self.authorization_url),
            ("token_url", &self.token_url),
            ("revocation_url", &self.revocation_url),
        ];
        for (key, text) in written {
            let field = ClientField::find(key).expect("it is a setting of a client");
            optional(text, |text| (field.set)(&mut client, text))?;
        }
        client.pkce = self.pkce.unwrap_or(true);
        client.check(instance).map_err(|error| Misplaced {
            span: self.revocation_url.as_ref().map(Spanned::span),
            message: error.to_string(),
        })?;
        Ok(Auth::OAuth { client: Box::new(client), username })
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

pub fn newer_version(text: &str) -> Option<i64> {
    #[derive(Deserialize)]
    struct Version {
        version: i64,
    }
    toml::from_str::<Version>(text).ok().map(|file| file.version).filter(|&version| version > VERSION)
}
