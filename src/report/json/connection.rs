//! What is saved: `snow list`, `show`, `connect` and `status`.

use serde::Serialize;

use super::test::TestedConnection;
use crate::base::error::FailureInJson;
use crate::base::schemas;
use crate::base::time::Timestamp;
use crate::history::expiry::Ending;
use crate::history::json::{Connection, LastTest, ShownConnection};
use crate::history::state::Health;
use crate::model::profile::{ConnectionId, ConnectionName};
use crate::report::text::list::Row;

/// The saved connections: `snow list`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct List<'a> {
    schema: schemas::List,
    /// The name of the default connection.
    default: Option<&'a str>,
    /// The name of the connection that a command without a name is about; `environment`
    /// for the one that variables describe.
    selected: Option<&'a str>,
    /// What selected it: `argument`, `variable`, `environment`, `directory` or `default`.
    selected_by: Option<&'a str>,
    /// By name.
    connections: Vec<Connection<'a>>,
}

impl<'a> List<'a> {
    pub fn of(default: Option<&'a ConnectionName>, selected: Option<(&'a str, &'a str)>, rows: &[Row<'a>]) -> Self {
        let connection = |row: &Row<'a>| Connection::of(row.profile, row.is_default, row.last_test);
        Self {
            schema: schemas::List,
            default: default.map(ConnectionName::as_str),
            selected: selected.map(|(name, _)| name),
            selected_by: selected.map(|(_, by)| by),
            connections: rows.iter().map(connection).collect(),
        }
    }
}

/// One saved connection: `snow show`, `use`, `rename`, `edit`, `login` and `refresh`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Show<'a> {
    pub schema: schemas::Connection,
    pub connection: ShownConnection<'a>,
}

/// A connection that was saved, and its test: `snow connect`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Connect<'a> {
    pub schema: schemas::Connect,
    /// `new`, `updated` or `unchanged`.
    pub saved: &'a str,
    pub connection: Connection<'a>,
    /// Null if it was not tested.
    pub test: Option<TestedConnection<'a>>,
    /// The exit code of the command.
    pub exit_code: u8,
}

/// Which connection is selected, and what is known of it offline: `snow status`.
/// With `--all` or `--within` also what ends when.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Status<'a> {
    pub schema: schemas::Status,
    /// The name of the selected connection; `environment` for the one that
    /// variables describe.
    pub selected: Option<&'a str>,
    /// What selected it: `argument`, `variable`, `environment`, `directory` or
    /// `default`.
    pub selected_by: Option<&'a str>,
    /// Null if none is selected or a password signs in. `absent`, too, once a setting that it
    /// is bound to was changed.
    pub session: Option<Session<'a>>,
    /// Null before the first test, and once a setting that it judged was changed.
    pub last_test: Option<LastTest>,
    /// Null if none is selected.
    pub connection: Option<Selected<'a>>,
    #[serde(flatten)]
    pub expiry: Option<Expiry<'a>>,
}

/// The selected connection.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Selected<'a> {
    Saved(Box<Connection<'a>>),
    Environment(Environment<'a>),
}

/// The connection that variables describe.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Environment<'a> {
    /// `environment`.
    pub name: &'a str,
    /// The origin: scheme, host and, if it is not the default, port.
    pub instance: String,
    /// The way to sign in, as `SNOW_AUTH` names it.
    pub auth: &'a str,
    /// The user or the client, if the variables say it.
    pub username: Option<String>,
}

/// What is known of a session offline.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Session<'a> {
    pub health: Health,
    /// When the access token ends, if the server said it.
    pub expires_at: Option<Timestamp>,
    /// When the access token came, if that was by a renewal.
    pub refreshed_at: Option<Timestamp>,
    pub signed_in_at: Option<Timestamp>,
    /// Who renews it right now, in a store that several machines share; null if no one does.
    pub lease: Option<LeaseInJson<'a>>,
}

/// The right to renew a session that several machines share.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct LeaseInJson<'a> {
    /// The machine and the process; null if the token endpoint asked to be left alone.
    pub holder: Option<&'a str>,
    /// How long it holds at most.
    pub seconds_left: u64,
}

/// What ends when, offline.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Expiry<'a> {
    /// Whether nothing ends too soon.
    pub ok: bool,
    pub exit_code: u8,
    /// The time that `--within` leads to.
    pub within: Option<Timestamp>,
    /// The soonest first.
    pub ends: Vec<End<'a>>,
    /// The names of the connections without a known expiry.
    pub unknown: Vec<&'a str>,
    /// Why action is needed; null if none is.
    pub error: Option<FailureInJson<'a>>,
}

/// The end of one thing of one connection.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct End<'a> {
    /// The name of the connection.
    pub connection: &'a str,
    /// The id of the connection.
    pub id: ConnectionId,
    pub what: Ending,
    pub ends_at: Timestamp,
    pub ended: bool,
    /// An estimate, since no server says when it ends.
    pub estimated: bool,
    /// It is renewed when it is used, without a person.
    pub renewed: bool,
    /// The instance refused it already.
    pub refused: bool,
    /// Whether someone has to act within the time of `--within`; null without it.
    pub within: Option<bool>,
}
