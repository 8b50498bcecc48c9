//! What was taken from another program or a colleague: `snow import`.

use serde::Serialize;

use crate::base::schemas;
use crate::model::profile::ConnectionId;

/// The connections that were taken: `snow import`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Import<'a> {
    pub schema: schemas::Import,
    /// `now-sdk`, `servicenow-cli`, `ansible`, or the path of a team file.
    pub source: String,
    /// Whether nothing was saved, because of `--dry-run`.
    pub dry_run: bool,
    /// In the order of the source.
    pub connections: Vec<Imported<'a>>,
    /// Entries that cannot be taken.
    pub skipped: Vec<Skipped<'a>>,
    /// Keys of the source beside its connections that are not taken.
    pub left_out: &'a [String],
}

/// One connection that was taken, or would be.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Imported<'a> {
    pub name: &'a str,
    /// Null with `--dry-run`.
    pub id: Option<ConnectionId>,
    /// The origin: scheme, host and, if it is not the default, port.
    pub instance: &'a str,
    /// The way to sign in, as `snow connect --auth` names it.
    pub auth: &'a str,
    /// Null if the user is not known.
    pub username: Option<&'a str>,
    /// Null if no OAuth client signs in.
    pub client_id: Option<&'a str>,
    /// The store of its secrets, as `snow connect --store` names it.
    pub store: &'a str,
    /// The secrets that came with it, as the items of the store.
    pub secrets: Vec<String>,
    /// Whether it works without a new sign-in.
    pub signed_in: bool,
    /// The settings that lead to a place other than the instance.
    pub elsewhere: Vec<Setting>,
    /// Its keys that are not taken.
    pub left_out: &'a [String],
}

/// A setting and its value.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Setting {
    pub key: &'static str,
    pub value: String,
}

/// An entry that cannot be taken.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Skipped<'a> {
    pub name: &'a str,
    /// Why, without full stop.
    pub reason: &'a str,
}
