//! The connection that variables alone describe, made ready.

use super::app::App;
use crate::auth::method::{InHand, MethodSpec};
use crate::base::error::Failure;
use crate::config::environment::{EnvironmentConnection, SecretSource};
use crate::engine::Connection;
use crate::model::profile::Subject;

/// No file but those of the secrets, no store, and no request.
pub async fn connection(app: &mut App, described: EnvironmentConnection) -> Result<Connection, Failure> {
    let EnvironmentConnection { instance, api_version, auth, secret } = described;
    let (client, _) = app.network.client(&instance, None, None)?;
    let secret = match secret {
        SecretSource::Value(secret) => secret,
        SecretSource::File(variable, path) => app.secret_file(&path, &variable)?,
    };
    let endpoint = app.network.token_endpoint(&instance, &auth, None, None, &client, Subject::Environment)?;
    let from_secret = MethodSpec::of(auth.method).from_secret.expect("what variables describe has one secret");
    let credential = from_secret(InHand { auth: &auth, secret, endpoint, time: app.time() });
    Ok(Connection::new(instance, api_version, client, auth.username, credential).await)
}
