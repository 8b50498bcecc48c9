//! `snow app`: the entry of an OAuth client on an instance.

pub mod check;
pub mod create;
mod undo;

use clap::{Args, Subcommand};

use super::app::App;
use crate::base::error::Failure;
use check::CheckArgs;
use create::CreateArgs;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow app check --client-id 8f2c41d0
  snow app create --grant client-credentials --user svc.ci --name acme-ci --dry-run

The selected connection, or that of --connection, has to be of an administrator:
a user with the role admin, oauth_admin or mi_admin.")]
pub struct AppArgs {
    #[command(subcommand)]
    pub action: AppAction,
}

#[derive(Debug, Subcommand)]
pub enum AppAction {
    /// Judge how an OAuth client is registered on the instance
    Check(CheckArgs),
    /// Register an OAuth client on the instance, and connect with it
    Create(CreateArgs),
}

pub async fn run(app: &mut App, arguments: AppArgs) -> Result<u8, Failure> {
    match arguments.action {
        AppAction::Check(arguments) => check::run(app, arguments).await,
        AppAction::Create(arguments) => create::run(app, arguments).await,
    }
}
