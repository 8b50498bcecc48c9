//! The connection that variables alone describe, made ready.

use super::app::App;
use crate::base::error::Failure;
use crate::config::environment::EnvironmentConnection;
use crate::engine::{Connection, Described};

/// No file but those of the secrets, no store, and no request.
pub async fn connection(app: &mut App, described: EnvironmentConnection) -> Result<Connection, Failure> {
    let described = Described::by_variables(described, app)?;
    Connection::in_hand(&app.network, described, app.time()).await
}
