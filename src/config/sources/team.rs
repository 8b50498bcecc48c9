//! The team file: connections for colleagues, without secrets and without users. One whose
//! secrets are in a store that several machines use is the same connection for all: the
//! store, the id of its items and the user they belong to are carried.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use toml_edit::{DocumentMut, Item, Table, value};
use uuid::Uuid;

use super::{Contents, Found, missing_file, text_of};
use crate::auth::method::{self, MethodSpec};
use crate::base::error::Failure;
use crate::base::shown::{Shown, without_value};
use crate::config::change::fill;
use crate::config::entry::{Entry, Misplaced};
use crate::config::{ConfigError, line_of};
use crate::model::profile::{ConnectionName, InvalidValue, Profile, StoreKind};
use crate::store;

/// The first line of a team file says this, with its version.
const SCHEMA: &str = "snow-team/1";
const HEAD: &str = "# Connections for a team, without secrets. To take them: snow import FILE\n";

/// The keys that a team file carries. What names secrets, runs programs or is of one person
/// or machine is not among them.
const KEYS: [&str; 22] = [
    "spec",
    "instance",
    "auth",
    "client_id",
    "scope",
    "redirect_uri",
    "authorization_url",
    "token_url",
    "revocation_url",
    "pkce",
    "header_name",
    "key_id",
    "audience",
    "token_lifetime",
    "algorithm",
    "api_version",
    "tables",
    "ca_cert",
    "proxy",
    "read_only",
    "description",
    "labels",
];

/// With the store of a connection, where several machines use that.
const SHARED_KEYS: [&str; 4] = ["id", "store", "username", "subject"];

fn is_carried(key: &str, store: Option<StoreKind>) -> bool {
    let of_store = |kind: StoreKind| store::spec_of(kind).settings.iter().any(|setting| setting.key == key);
    KEYS.contains(&key) || store.is_some_and(|kind| SHARED_KEYS.contains(&key) || of_store(kind))
}

/// A store that several machines use.
fn shared(kind: StoreKind) -> Option<StoreKind> {
    Some(kind).filter(|kind| store::spec_of(*kind).is_shared)
}

/// The team file of these connections. The same connections give the same text.
pub fn text(profiles: &[Profile]) -> String {
    let mut document = DocumentMut::new();
    document.insert("schema", value(SCHEMA));
    let mut connections = Table::new();
    connections.set_implicit(true);
    let by_name: BTreeMap<_, _> = profiles.iter().map(|profile| (&profile.name, profile)).collect();
    for (name, profile) in by_name {
        let mut table = Table::new();
        fill(&mut table, profile, None);
        table.retain(|key, _| is_carried(key, shared(profile.store.kind)));
        connections.insert(name.as_str(), Item::Table(table));
    }
    document.insert("connections", Item::Table(connections));
    format!("{HEAD}{document}")
}

#[derive(Deserialize)]
struct File {
    schema: Option<Spanned<String>>,
    #[serde(default)]
    connections: BTreeMap<Spanned<String>, Entry>,
}

/// Reads a team file. `username` is asked for the user of each connection that sends one.
pub fn read(
    path: &Path,
    mut username: impl FnMut(&ConnectionName) -> Result<String, Failure>,
) -> Result<Contents, Failure> {
    let text = text_of(path)?
        .ok_or_else(|| missing_file(path, "Use now-sdk, servicenow-cli, ansible, adobe, or the path of a team file"))?;
    let invalid = |span: Option<std::ops::Range<usize>>, message: &str| {
        Failure::from(ConfigError::Invalid {
            path: path.display().to_string(),
            line: line_of(text.as_bytes(), span.map_or(0, |span| span.start)),
            message: without_value(message),
        })
        .why("Nothing was imported.")
    };
    let file: File = toml::from_str(&text).map_err(|error| invalid(error.span(), error.message()))?;
    match &file.schema {
        Some(schema) if schema.get_ref() == SCHEMA => {}
        Some(schema) => return Err(invalid(Some(schema.span()), "this version of snow does not know its schema")),
        None => return Err(invalid(None, "it is not a team file: its first line is schema = \"snow-team/1\"")),
    }
    let keys: toml::Table = toml::from_str(&text).unwrap_or_default();
    let beside = |key: &String| !["schema", "connections"].contains(&key.as_str());
    let mut contents = Contents { left_out: names_of(&keys, beside), ..Contents::default() };
    let mut names = BTreeSet::new();
    for (written, entry) in file.connections {
        let span = written.span();
        let name = written.get_ref().parse::<ConnectionName>();
        let name = name.map_err(|error: InvalidValue| invalid(Some(span.clone()), &error.0))?;
        if !names.insert(name.clone()) {
            return Err(invalid(Some(span), &format!("two connections are named {name}: case is ignored")));
        }
        let misplaced = |misplaced: Misplaced| invalid(misplaced.span, &misplaced.message);
        let store = entry.shared_store();
        let mut entry = entry.carried(|key| is_carried(key, store));
        if let Some(key) = entry.missing_user_key().map_err(misplaced)? {
            entry = entry.with(key, username(&name)?);
        }
        let has_id = entry.has_id();
        let profile = entry.profile(name, Some(span), None).map_err(misplaced)?;
        let profile = if has_id { profile } else { Profile { id: Uuid::new_v4(), ..profile } };
        let own = keys.get("connections").and_then(|all| all.get(written.get_ref())?.as_table());
        let spec = MethodSpec::of(profile.auth.method);
        let is_of_another =
            |key: &str| method::settings().iter().any(|setting| setting.key == key) && spec.setting(key).is_none();
        let is_left_out = |key: &String| !is_carried(key, store) || is_of_another(key);
        let left_out = own.map(|own| names_of(own, is_left_out)).unwrap_or_default();
        contents.found.push(Found { left_out, is_shared: store.is_some(), ..Found::new(profile) });
    }
    Ok(contents)
}

/// The keys of a table for which `is_left_out` holds.
fn names_of(table: &toml::Table, is_left_out: impl Fn(&String) -> bool) -> Vec<String> {
    table.keys().filter(|key| is_left_out(key)).map(|key| Shown::outside(key).into()).collect()
}
