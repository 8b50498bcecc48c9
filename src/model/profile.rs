//! What a connection is: everything about it that is no secret.
//!
//! Values are checked where they enter, so that a [`Profile`] can be shown,
//! saved and used as it stands. No I/O here.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use chrono::{DateTime, SubsecRound, Utc};
use uuid::Uuid;

use crate::base::shown::{is_hidden, shown_as_displayed};
use crate::model::header::OwnHeader;
use crate::model::instance::{ApiVersion, Instance};
use crate::model::oauth_client::{GrantType, OAuthClient, ServiceDefaults};
use crate::model::user_name::UserName;

shown_as_displayed!(ConnectionName, TableName, InvalidValue);

/// The name a person gives a connection: `[a-z0-9][a-z0-9_-]{0,62}`, upper
/// case folded, never `environment`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionName(String);

/// The stable identity of a connection; secrets are filed under it.
pub type ConnectionId = Uuid;

/// A way to sign in: its name in the connections file, and what it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthMethod {
    name: &'static str,
    label: &'static str,
}

/// How a connection signs in, and as whom. Which of these a method has is for its
/// specification to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    pub method: AuthMethod,
    /// The user who signs in. With some methods it is known only once the instance
    /// named it.
    pub username: Option<UserName>,
    pub client: Option<Box<OAuthClient>>,
    /// Other settings, by key.
    pub settings: BTreeMap<&'static str, String>,
    /// What its service does unless told otherwise.
    pub defaults: &'static ServiceDefaults,
}

/// The setting that says whom a session is asked for.
pub const SUBJECT_KEY: &str = "subject";

/// Whose connection it is, for the advice.
#[derive(Debug, Clone)]
pub enum Subject {
    Saved(ConnectionName),
    /// Described by variables. The secret is in this one, or in the file that it names.
    Environment(&'static str),
    /// Being connected right now, and not saved before.
    New,
}

/// Where the secrets of a saved connection are: the name of a store, and what it is
/// called in a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreKind {
    name: &'static str,
    place: &'static str,
}

/// A saved connection, without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    pub name: ConnectionName,
    pub id: ConnectionId,
    /// Grows by one with every change of the fields.
    pub revision: u64,
    pub instance: Instance,
    pub auth: Auth,
    pub store: StoreKind,
    pub api_version: Option<ApiVersion>,
    /// The tables a test asks for; empty: a probe that can only warn.
    pub tables: Vec<TableName>,
    /// Headers for a gateway in front of the instance. Their values are secrets.
    pub headers: Vec<OwnHeader>,
    /// An additional certificate authority, PEM, absolute path.
    pub ca_cert: Option<PathBuf>,
    /// The proxy of this connection, instead of the environment's.
    pub proxy: Option<String>,
    /// Whether requests that may write are refused.
    pub read_only: bool,
    pub state: ConnectionState,
    pub description: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub times: SaveTimes,
}

/// Whether a connection may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConnectionState {
    #[default]
    Enabled,
    Disabled,
}

/// When a connection was saved first and changed last, in UTC, to the second. An older
/// `snow` did not keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SaveTimes {
    pub created_at: Option<DateTime<Utc>>,
    pub updated_at: Option<DateTime<Utc>>,
}

impl Profile {
    /// A new connection without anything that it can be without.
    pub fn new(name: ConnectionName, instance: Instance, auth: Auth, store: StoreKind) -> Self {
        Self {
            name,
            id: Uuid::new_v4(),
            revision: 1,
            instance,
            auth,
            store,
            api_version: None,
            tables: Vec::new(),
            headers: Vec::new(),
            ca_cert: None,
            proxy: None,
            read_only: false,
            state: ConnectionState::Enabled,
            description: None,
            labels: BTreeMap::new(),
            times: SaveTimes::default(),
        }
    }

    /// The user of the connection, where one is known.
    pub fn username(&self) -> Option<&UserName> {
        self.auth.username()
    }

    /// The user or, before one is known, the client or the kind of credential: what a
    /// person recognises.
    pub fn identity(&self) -> &str {
        self.auth.identity().unwrap_or(self.auth.method.label)
    }

    /// One more change of its fields.
    pub fn count_change(&mut self, now: DateTime<Utc>) {
        self.revision += 1;
        self.times.updated_at = Some(now.trunc_subsecs(0));
    }

    /// Whether it may be used.
    pub fn is_enabled(&self) -> bool {
        self.state == ConnectionState::Enabled
    }

    /// Whether it has all of these labels.
    pub fn has_labels(&self, labels: &[(String, String)]) -> bool {
        labels.iter().all(|(key, value)| self.labels.get(key) == Some(value))
    }
}

impl ConnectionState {
    pub const ALL: [Self; 2] = [Self::Enabled, Self::Disabled];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
        }
    }
}

impl FromStr for ConnectionState {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let state = Self::ALL.into_iter().find(|state| state.as_str() == text);
        state.ok_or_else(|| InvalidValue("state must be enabled or disabled".to_owned()))
    }
}

impl SaveTimes {
    /// Of what is saved for the first time.
    pub fn created(now: DateTime<Utc>) -> Self {
        let now = Some(now.trunc_subsecs(0));
        Self { created_at: now, updated_at: now }
    }
}

impl Auth {
    /// Nothing is set yet.
    pub fn new(method: AuthMethod, defaults: &'static ServiceDefaults) -> Self {
        Self { method, username: None, client: None, settings: BTreeMap::new(), defaults }
    }

    /// With the client of an OAuth method.
    pub fn of_client(method: AuthMethod, client: OAuthClient) -> Self {
        let defaults = client.defaults;
        Self { client: Some(Box::new(client)), ..Self::new(method, defaults) }
    }

    /// The name of the method.
    pub fn as_str(&self) -> &'static str {
        self.method.name
    }

    pub fn username(&self) -> Option<&UserName> {
        self.username.as_ref()
    }

    pub fn client(&self) -> Option<&OAuthClient> {
        self.client.as_deref()
    }

    /// Whom a session is asked for, if the request says so.
    pub fn subject(&self) -> Option<&str> {
        let is_user = self.client().is_some_and(|client| client.grant == GrantType::Password);
        let user = || self.username().filter(|_| is_user).map(UserName::as_str);
        self.settings.get(SUBJECT_KEY).map(String::as_str).or_else(user)
    }

    /// The id of the client, if it has one.
    pub fn client_id(&self) -> Option<&str> {
        self.client().map(|client| client.client_id.as_str()).filter(|id| !id.is_empty())
    }

    /// The user, or the client until the user is known.
    pub fn identity(&self) -> Option<&str> {
        self.username().map(UserName::as_str).or_else(|| self.client_id())
    }
}

/// The name of a table: letters, digits and underscores. No service minds the case.
#[derive(Debug, Clone)]
pub struct TableName(String);

impl PartialEq for TableName {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for TableName {}

/// A text that is not what its key calls for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidValue(pub String);

impl ConnectionName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name that `instance` suggests: the first label of its host; for an
    /// address or localhost, host and port.
    pub fn suggested_for(instance: &Instance) -> Option<Self> {
        let text = if instance.is_anonymous() {
            instance.host_and_port().into()
        } else {
            instance.host().split('.').next().unwrap_or("").to_owned()
        };
        let fitting: String =
            text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
        fitting.trim_start_matches(['-', '_']).parse().ok()
    }
}

impl FromStr for ConnectionName {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let name = text.to_ascii_lowercase();
        let invalid = |rule: &str| {
            Err(InvalidValue(format!(
                "\"{}\" is not a valid connection name: {rule}",
                crate::base::shown::shorten(text, 80)
            )))
        };
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
        if name == "environment" {
            return invalid("it is reserved for the connection that variables describe");
        }
        if name.is_empty() || name.len() > 63 {
            return invalid("use 1 to 63 characters");
        }
        if !name.chars().all(fits) || name.starts_with(['_', '-']) {
            return invalid("use letters a to z, digits, - and _, and start with a letter or digit");
        }
        Ok(Self(name))
    }
}

impl fmt::Display for ConnectionName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for ConnectionName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl TableName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// In small letters.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl FromStr for TableName {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let name = text.trim();
        if !name.is_empty() && name.len() <= 80 && name.chars().all(fits) {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidValue(format!(
                "\"{}\" is not a table name: use letters, digits and _, as in sys_user",
                crate::base::shown::shorten(text, 80)
            )))
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl AuthMethod {
    pub const fn new(name: &'static str, label: &'static str) -> Self {
        Self { name, label }
    }

    pub fn as_str(self) -> &'static str {
        self.name
    }

    /// What a person calls it.
    pub fn label(self) -> &'static str {
        self.label
    }
}

/// Names as a sentence lists them: `a, b or c`.
pub fn any_of(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

impl StoreKind {
    pub const fn new(name: &'static str, place: &'static str) -> Self {
        Self { name, place }
    }

    pub fn as_str(self) -> &'static str {
        self.name
    }

    /// What it is called in a sentence.
    pub fn place(self) -> &'static str {
        self.place
    }
}

/// A text that will be shown: no control, direction or invisible characters.
pub fn shown_text(key: &str, text: &str) -> Result<String, InvalidValue> {
    if text.chars().any(|c| is_hidden(c) || c.is_control()) {
        Err(InvalidValue(format!("{key} contains a control or invisible character")))
    } else {
        Ok(text.to_owned())
    }
}

/// One `key=value` label.
pub fn label(text: &str) -> Result<(String, String), InvalidValue> {
    let (key, value) =
        text.split_once('=').ok_or_else(|| InvalidValue("invalid label: use key=value, as in env=dev".to_owned()))?;
    label_key(key)?;
    Ok((key.to_owned(), shown_text("a label", value)?))
}

/// The key of a label: what TOML takes without quotes, and dots.
pub fn label_key(key: &str) -> Result<(), InvalidValue> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    if !key.is_empty() && key.len() <= 63 && key.chars().all(fits) {
        Ok(())
    } else {
        Err(InvalidValue("invalid label key: use 1 to 63 letters, digits, . / _ and -".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_folded_and_strict() {
        assert_eq!("Dev-12_3".parse::<ConnectionName>().unwrap().as_str(), "dev-12_3");
        for bad in [
            "",
            ".",
            "..",
            "../x",
            "/etc/x",
            "-rf",
            "_x",
            "a b",
            "ä",
            "e\u{301}",
            "a\nb",
            "a\0",
            "environment",
            "Environment",
            "\u{202e}x",
            &"x".repeat(64),
        ] {
            assert!(bad.parse::<ConnectionName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_instance_suggests_a_name() {
        let name = |text: &str| {
            let instance: Instance = text.parse().unwrap();
            ConnectionName::suggested_for(&instance).map(|name| name.to_string())
        };
        assert_eq!(name("dev12345").as_deref(), Some("dev12345"));
        assert_eq!(name("it.acme.example").as_deref(), Some("it"));
        assert_eq!(name("http://127.0.0.1:8080").as_deref(), Some("127-0-0-1-8080"));
        assert_eq!(name("http://localhost:8080").as_deref(), Some("localhost-8080"));
        assert_eq!(name("http://[::1]:8080").as_deref(), Some("1--8080"));
        assert_eq!(name("environment").as_deref(), None);
    }

    proptest! {
        #[test]
        fn a_name_is_a_safe_path_segment(text in any::<String>()) {
            if let Ok(name) = text.parse::<ConnectionName>() {
                let path = std::path::Path::new("/base").join(name.as_str());
                prop_assert_eq!(path.parent(), Some(std::path::Path::new("/base")));
                prop_assert!(!name.as_str().starts_with('-'));
            }
        }
    }
}
