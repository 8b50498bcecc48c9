//! The connection that variables alone describe, made ready.

use super::app::App;
use crate::base::error::Failure;
use crate::config::environment::{EnvironmentConnection, SecretSource};
use crate::engine::{Connection, Described};
use crate::model::profile::Subject;
use crate::store::Surroundings;

/// No file but those of the secrets, no store, and no request.
pub async fn connection(app: &mut App, described: EnvironmentConnection) -> Result<Connection, Failure> {
    let EnvironmentConnection { instance, api_version, auth, secret_variable, secret } = described;
    let secret = match secret {
        SecretSource::Value(secret) => secret,
        SecretSource::File(path) => app.secret_file(&path, secret_variable)?,
    };
    let described = Described { instance, api_version, auth, secret, subject: Subject::Environment(secret_variable) };
    Connection::in_hand(&app.network, described, app.time()).await
}
