//! The connection that variables alone describe, made ready.

use super::app::App;
use crate::auth::basic::BasicCredential;
use crate::auth::oauth::endpoint::TokenEndpoint;
use crate::auth::oauth::session::{Session, SessionSource};
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::config::environment::{EnvironmentConnection, EnvironmentSignIn, SecretSource};
use crate::engine::Connection;
use crate::model::profile::Subject;
use crate::service::servicenow::oauth::ServiceNow;

/// No file but those of the secrets, no store, and no request.
pub fn connection(app: &mut App, described: EnvironmentConnection) -> Result<Connection, Failure> {
    let EnvironmentConnection { instance, api_version, sign_in } = described;
    let (client, _) = app.network.client(&instance, None, None)?;
    Ok(match sign_in {
        EnvironmentSignIn::Basic { username, password } => {
            let credential = BasicCredential::new(username, value(app, password)?);
            Connection::basic(instance, api_version, client, &credential)
        }
        EnvironmentSignIn::Token { access_token } => {
            let access_token = value(app, access_token)?;
            Connection::bearer(instance, api_version, client, None, &access_token, None)
        }
        EnvironmentSignIn::ClientCredentials { client: oauth, client_secret } => {
            let source = SessionSource::Environment { client_secret: value(app, client_secret)? };
            let origin = oauth.token_origin(&instance);
            let http = if *origin == instance { client.clone() } else { app.network.client(origin, None, None)?.0 };
            let endpoint = TokenEndpoint::new(http, oauth, &instance, Subject::Environment, &ServiceNow);
            let session = Session::unsaved(source, endpoint, app.time());
            Connection::oauth(instance, api_version, client, None, session)
        }
    })
}

fn value(app: &mut App, secret: SecretSource) -> Result<Secret, Failure> {
    match secret {
        SecretSource::Value(secret) => Ok(secret),
        SecretSource::File(variable, path) => app.secret_file(&path, &variable),
    }
}
