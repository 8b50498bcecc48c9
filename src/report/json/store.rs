//! Where secrets are, moved and cleaned up: `snow store`.

use serde::Serialize;

use crate::base::error::FailureInJson;
use crate::base::schemas;
use crate::model::profile::ConnectionId;

/// What is where: `snow store status`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Stores<'a> {
    pub schema: schemas::Store,
    pub connections: Vec<StoredConnection<'a>>,
    pub stores: Vec<StoreSeen<'a>>,
}

/// What a store has of one connection.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StoredConnection<'a> {
    pub name: &'a str,
    pub id: ConnectionId,
    /// The store that the connection names.
    pub store: &'static str,
    pub items: Vec<StoredSecret>,
}

/// One item, without its secret.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StoredSecret {
    /// Such as `password` or `session`.
    pub field: String,
    pub state: Presence,
    /// Whether the store would ask a person before it gives it out.
    pub locked: bool,
}

/// Whether an item is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    Present,
    /// The connection does not work without it.
    Missing,
    /// The store did not say.
    Unknown,
}

/// One store.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct StoreSeen<'a> {
    pub store: &'static str,
    /// Where it is.
    pub place: String,
    /// Whether other machines may use it too.
    pub shared: bool,
    pub state: StoreState,
    /// The connections that name it.
    pub connections: Vec<&'a str>,
    /// How many items of snow it has, of a shared one those of these connections; null if
    /// it did not say.
    pub items: Option<usize>,
    /// How many of them no connection names; null if it did not say, and for a shared one.
    pub unnamed_items: Option<usize>,
    /// How many connections have items in a shared store that are not in this connections
    /// file; other machines may have them. Null if it did not say, and for the others.
    pub other_connections: Option<usize>,
    /// Why it did not open; null if it did.
    pub error: Option<FailureInJson<'a>>,
}

/// Whether a store opens without a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum StoreState {
    Open,
    /// It wants a key or a password.
    Locked,
    Failed,
}

/// Connections whose secrets were moved: `snow store migrate`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Migrated<'a> {
    pub schema: schemas::StoreMigrate,
    pub connections: Vec<MigratedConnection<'a>>,
    /// The exit code of the command.
    pub exit_code: u8,
}

/// How moving the secrets of one connection went.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MigratedConnection<'a> {
    pub name: &'a str,
    pub id: ConnectionId,
    /// The store that it named before.
    pub from: &'static str,
    /// The store that it names now.
    pub store: &'static str,
    /// The items that were moved, or deleted where an earlier move had left them.
    pub items: &'a [String],
    /// What went wrong; null if nothing did.
    pub error: Option<FailureInJson<'a>>,
}

/// Items that no connection names: `snow store purge`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Purged<'a> {
    pub schema: schemas::StorePurge,
    /// Whether they were only looked for.
    pub dry_run: bool,
    pub items: Vec<PurgedItem<'a>>,
    /// Stores that were left alone, and why.
    pub skipped: Vec<SkippedStore<'a>>,
    /// The exit code of the command.
    pub exit_code: u8,
}

/// One item that no connection names.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PurgedItem<'a> {
    pub store: &'static str,
    /// `ID/FIELD`.
    pub account: &'a str,
    /// Whether it is gone.
    pub deleted: bool,
    /// Why it is not; null if it is, or was not to be.
    pub error: Option<FailureInJson<'a>>,
}

/// A store in which nothing was deleted.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SkippedStore<'a> {
    pub store: &'static str,
    pub reason: &'a str,
}
