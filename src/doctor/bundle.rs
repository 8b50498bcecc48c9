//! One file for support, and the proof that no secret is in it.
//!
//! What is in it is chosen here value by value; nothing is copied as a whole.
//! The header of the file says the same to the person who is about to send it. Before
//! it is written, every text in it is searched for every secret that can be
//! read on this machine without asking, in every encoding that the redactor
//! knows. One that is found keeps the file from being written, rather than
//! being masked: where it stands it is known to others already, and its owner
//! has to hear of that.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::json::{
    Bundle as Document, BundledConnection, Config, File, Findings, OAuth, Refusals, Session, State, System, Terminal,
};
use super::stores::{Secrets, found_in};
use super::{Check, Machine, exit_code};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::files::{self, Durability};
use crate::base::schemas;
use crate::base::shown::{Shown, shown, visible_json};
use crate::base::time::Timestamp;
use crate::history::json::Connection;
use crate::history::state as history;
use crate::model::profile::{ConnectionName, Profile};
use crate::service;

/// What the person who sends the file should know, as its first lines.
const ABOUT: [&str; 7] = [
    "Made by snow doctor --bundle, for support. Read it before you send it.",
    "In it: versions, the terminal, which variables are set, what the doctor found, the connections, the last tests.",
    "As they are: host names, names of connections, tables, descriptions and labels, paths below the home directory.",
    "Replaced by a number, the same one for the same text: user names and client ids.",
    "Left out: the values of variables, but for a few harmless ones, and the text of config.toml with its comments.",
    "Never in it: passwords, tokens and client secrets. Every one that could be read was searched for in this text, \
     as it is and encoded, and was not found.",
    "What could not be searched for is listed under proof.",
];

/// Variables that snow reads and that are not its own.
const FOREIGN: [&str; 33] = [
    "ALL_PROXY",
    "APPDATA",
    "BROWSER",
    "CI",
    "CLICOLOR_FORCE",
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "GITHUB_ACTIONS",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LOCALAPPDATA",
    "NO_COLOR",
    "NO_PROXY",
    "PATH",
    "REQUEST_METHOD",
    "SSH_CLIENT",
    "SSH_CONNECTION",
    "SSH_TTY",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TERM",
    "WAYLAND_DISPLAY",
    "WSL_DISTRO_NAME",
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];
/// Those whose values say nothing about a person.
const HARMLESS: [&str; 13] = [
    "CI",
    "CLICOLOR_FORCE",
    "GITHUB_ACTIONS",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "NO_COLOR",
    "SNOW_KEYRING_TIMEOUT",
    "SNOW_LOG",
    "SNOW_NO_INPUT",
    "SNOW_STORE",
    "SNOW_TIMEOUT",
    "TERM",
];

/// The content of the file, once it is proven to hold no secret.
pub struct Bundle(String);

impl Bundle {
    /// Puts the file together and proves it.
    pub fn make(
        machine: &Machine,
        checks: &[Check],
        terminal: Terminal,
        home: Option<&Path>,
        secrets: &Secrets,
    ) -> Result<Self, Failure> {
        let document = document(machine, checks, terminal, secrets);
        let mut document = serde_json::to_value(document).expect("a document is always JSON");
        if let Some(home) = home.map(|home| home.display().to_string()).filter(|home| home.len() > 1) {
            replace(&mut document, &home, "~");
        }
        if let Some(place) = first_place(&document, &mut Vec::new(), secrets) {
            // The way there may be written with the secret itself.
            return Err(found_in(&secrets.mask(&place)));
        }
        let text = visible_json(&serde_json::to_string_pretty(&document).expect("a document is always JSON"));
        if secrets.stand_in(&text) { Err(found_in("it, across several values")) } else { Ok(Self(format!("{text}\n"))) }
    }

    /// Writes it for its owner alone, whole or not at all.
    pub fn write(&self, path: &Path, may_replace: bool) -> Result<(), Failure> {
        let shown = path.display();
        if path.symlink_metadata().is_ok() && !may_replace {
            return Err(Failure::new(
                Code::BundleUnwritable,
                shown!("{} is there already, and was left as it is", shown),
            )
            .next("Give another name, or --yes to replace it"));
        }
        let unwritable = |reason: String| {
            Failure::new(
                Code::BundleUnwritable,
                shown!("the bundle {} cannot be written: {}", shown, Shown::outside(&reason)),
            )
            .next("Give a file in a directory that can be written")
        };
        if path.parent().is_some_and(|directory| !directory.is_dir()) {
            return Err(unwritable("there is no such directory".to_owned()));
        }
        files::write(path, self.0.as_bytes(), Durability::Durable).map_err(|error| unwritable(error.to_string()))
    }
}

fn document<'a>(machine: &'a Machine, checks: &'a [Check], terminal: Terminal, secrets: &'a Secrets) -> Document<'a> {
    Document {
        schema: schemas::Bundle,
        about: &ABOUT,
        made_at: Timestamp(machine.now),
        proof: secrets.into(),
        snow: env!("CARGO_PKG_VERSION"),
        system: system(),
        terminal,
        variables: variables(machine),
        doctor: Findings { exit_code: exit_code(checks), checks: checks.iter().map(Into::into).collect() },
        config: config(machine),
        state: machine.state.as_ref().ok().map(|state| self::state(machine, state)),
    }
}

fn system() -> System<'static> {
    let first_line = |path: &str| Some(std::fs::read_to_string(path).ok()?.lines().next()?.to_owned());
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="));
    System {
        os: std::env::consts::OS,
        arch: std::env::consts::ARCH,
        name: name.map(|name| name.trim_matches('"').to_owned()),
        kernel: first_line("/proc/sys/kernel/osrelease"),
    }
}

/// The names of those that snow reads, as far as they are set, and the values
/// of the harmless ones.
fn variables(machine: &Machine) -> BTreeMap<String, String> {
    let names = machine.variables.all().filter_map(|(name, _)| name.to_str());
    let known = names.filter(|name| name.starts_with("SNOW_") || FOREIGN.contains(name));
    let shown = known.map(|name| {
        let value = machine.variables.raw(name).map(|value| value.to_string_lossy().into_owned());
        let value = match value {
            Some(value) if value.is_empty() => "(empty)".to_owned(),
            Some(value) if HARMLESS.contains(&name) => value,
            _ => "(set)".to_owned(),
        };
        (name.to_owned(), value)
    });
    shown.collect()
}

fn config(machine: &Machine) -> Config<'_> {
    let path = machine.config_file.as_ref().ok().map(|file| file.path.as_path());
    let metadata = path.and_then(|path| path.metadata().ok());
    let config = machine.config.as_ref().ok();
    let default = config.and_then(|config| config.default.as_ref());
    let mut users = Numbers::new("user");
    let mut clients = Numbers::new("client");
    let last_tests = machine.state.as_ref().map(|state| state.last_tests()).unwrap_or_default();
    let profiles = config.into_iter().flat_map(|config| config.connections.values());
    let connections = profiles.map(|profile| {
        let is_default = default == Some(&profile.name);
        let mut connection = Connection::of(profile, is_default, last_tests.of(profile));
        // It is made of what is numbered below, which could be guessed by it.
        connection.etag = "left out".to_owned();
        connection.username = connection.username.map(|user| users.number(&user).into());
        // The client that ServiceNow ships is the same for everybody.
        if !service::is_lent(&profile.auth) {
            connection.client_id = connection.client_id.map(|client| clients.number(&client).into());
        }
        BundledConnection { connection, oauth: endpoints(profile) }
    });
    Config {
        file: path,
        bytes: metadata.as_ref().map(std::fs::Metadata::len),
        mode: metadata.as_ref().and_then(mode),
        readable: config.is_some(),
        default: default.map(ConnectionName::as_str),
        connections: connections.collect(),
    }
}

fn endpoints(profile: &Profile) -> Option<OAuth<'_>> {
    let client = profile.auth.client()?;
    // Without a query, which may hold anything.
    let shown = |mut url: url::Url| {
        url.set_query(None);
        url.to_string()
    };
    Some(OAuth {
        scope: client.scope.as_str(),
        redirect_uri: client.redirect_uri.as_str().split('?').next(),
        authorization_url: shown(client.authorization_endpoint(&profile.instance)),
        token_url: shown(client.token_endpoint(&profile.instance)),
        revocation_url: shown(client.revocation_endpoint(&profile.instance)),
        pkce: client.pkce,
    })
}

/// The files of the state directory by name and size, and what they say of
/// each connection. Refusals are counted without the user.
fn state<'a>(machine: &'a Machine, state: &'a history::State) -> State<'a> {
    let entries = std::fs::read_dir(&state.directory).into_iter().flatten().flatten();
    let file = |entry: std::fs::DirEntry| {
        let metadata = entry.metadata().ok()?;
        let name = entry.file_name().to_string_lossy().into_owned();
        Some(File { name, bytes: metadata.len(), mode: mode(&metadata) })
    };
    let mut files: Vec<File> = entries.filter_map(file).collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let profiles = machine.config.iter().flat_map(|config| config.connections.values());
    let sessions = profiles.clone().filter_map(|profile| {
        let times = state.session(profile)?;
        Some(Session { connection: profile.name.as_str(), health: times.health(machine.now), times })
    });
    let refusals = profiles.filter_map(|profile| {
        let refusals_in_a_row = state.refusals(&profile.instance, profile.username()?);
        (refusals_in_a_row > 0).then(|| Refusals { connection: profile.name.as_str(), refusals_in_a_row })
    });
    State {
        directory: &state.directory,
        files,
        last_tests: state.last_tests().all().map(|(id, test)| (id, test.clone())).collect(),
        sessions: sessions.collect(),
        refusals: refusals.collect(),
    }
}

#[cfg(unix)]
fn mode(metadata: &std::fs::Metadata) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    Some(format!("{:04o}", metadata.permissions().mode() & 0o7777))
}

#[cfg(not(unix))]
fn mode(_: &std::fs::Metadata) -> Option<String> {
    None
}

/// Stands for texts that are not shown: `user 1`, `user 2`.
struct Numbers {
    what: &'static str,
    seen: BTreeMap<String, usize>,
}

impl Numbers {
    fn new(what: &'static str) -> Self {
        Self { what, seen: BTreeMap::new() }
    }

    fn number(&mut self, text: &str) -> String {
        let next = self.seen.len() + 1;
        format!("{} {}", self.what, self.seen.entry(text.to_owned()).or_insert(next))
    }
}

/// Replaces a text in every value.
fn replace(value: &mut Value, from: &str, to: &str) {
    match value {
        Value::String(text) => *text = text.replace(from, to),
        Value::Array(values) => values.iter_mut().for_each(|value| replace(value, from, to)),
        Value::Object(members) => members.values_mut().for_each(|value| replace(value, from, to)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Where the first secret stands, by the keys that lead there.
fn first_place(value: &Value, way: &mut Vec<String>, secrets: &Secrets) -> Option<String> {
    let here = |way: &[String]| way.join(".");
    match value {
        Value::String(text) => secrets.stand_in(text).then(|| here(way)),
        Value::Number(number) => secrets.stand_in(&number.to_string()).then(|| here(way)),
        Value::Null | Value::Bool(_) => None,
        Value::Array(values) => values.iter().enumerate().find_map(|(index, value)| {
            // A connection is better known by its name.
            let name = value.get("name").and_then(Value::as_str).map_or_else(|| index.to_string(), str::to_owned);
            way.push(name);
            let place = first_place(value, way, secrets);
            way.pop();
            place
        }),
        Value::Object(members) => members.iter().find_map(|(key, value)| {
            if secrets.stand_in(key) {
                return Some(format!("a key of {}", here(way)));
            }
            way.push(key.clone());
            let place = first_place(value, way, secrets);
            way.pop();
            place
        }),
    }
}
