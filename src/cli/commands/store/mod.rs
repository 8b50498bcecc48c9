//! `snow store`: where secrets are, and what is in which store.
//!
//! [`migrate`] moves the secrets of a connection, [`purge`] deletes what no connection
//! names. Neither deletes in passing what other machines may use.

pub mod migrate;
pub mod purge;
pub mod status;

use clap::{Args, Subcommand};

use super::app::App;
use crate::base::error::Failure;
use crate::model::profile::{ConnectionId, Profile, StorePlace};
use migrate::MigrateArgs;
use purge::PurgeArgs;
use status::StatusArgs;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow store status
  snow store migrate acme --to file
  snow store purge --dry-run")]
pub struct StoreCommand {
    #[command(subcommand)]
    pub action: StoreAction,
}

#[derive(Debug, Subcommand)]
pub enum StoreAction {
    /// Show which secrets are where, without reading them
    Status(StatusArgs),
    /// Move the secrets of connections to another store
    Migrate(MigrateArgs),
    /// Delete secrets that no connection names
    Purge(PurgeArgs),
}

impl StoreCommand {
    /// Whether it is about the connection that is selected.
    pub fn is_about_selected(&self) -> bool {
        matches!(&self.action, StoreAction::Migrate(arguments) if !arguments.all && arguments.names.is_empty())
    }
}

pub async fn run(app: &mut App, arguments: StoreCommand) -> Result<u8, Failure> {
    match arguments.action {
        StoreAction::Status(arguments) => status::run(app, &arguments).await,
        StoreAction::Migrate(arguments) => migrate::run(app, arguments).await,
        StoreAction::Purge(arguments) => purge::run(app, &arguments).await,
    }
}

/// Whether a connection of this id has its secrets in a store. Two places of a shared store
/// may be one and the same, so each store of the kind counts.
fn is_known<'p>(id: ConnectionId, place: &StorePlace, profiles: impl IntoIterator<Item = &'p Profile>) -> bool {
    profiles.into_iter().any(|profile| profile.id == id && profile.store.kind == place.kind)
}
