//! OAuth 2.0: the authorization code grant with PKCE, client credentials, and
//! the life of a session (RFC 6749, 7636, 8252, 7009, 9207).
//!
//! The client and its tokens, as data and rules, are in [`crate::model`].
//! [`authorize`] makes the URL that a person opens and judges what comes back,
//! [`mod@browser`] opens it, [`callback`] waits for the answer on loopback and
//! [`page`] is what the browser shows then. [`endpoint`] posts to the token
//! endpoint, [`outcome`] is what came of that; [`session`] uses what it gave, and
//! [`renewal`] renews and saves it under the [`lock`] of this machine. What is the
//! service's own is asked of a [`super::provider::Provider`].

pub mod authorize;
pub mod browser;
pub mod callback;
pub mod endpoint;
pub mod lock;
pub mod outcome;
pub mod page;
pub mod renewal;
pub mod session;

use super::method::{MethodSpec, MethodVariables, Renewal};
use crate::model::profile::AuthMethod;
use crate::store::Field;

/// A person signs in with a browser (RFC 6749 §4.1).
pub static AUTHORIZATION_CODE: MethodSpec = MethodSpec {
    method: AuthMethod::OAuth,
    label: "OAuth",
    needs: Field::Session,
    items: &[Field::Session, Field::ClientSecret],
    renewal: Renewal::RefreshToken,
    variables: None,
};

/// The client signs in for itself (RFC 6749 §4.4), as in CI.
pub static CLIENT_CREDENTIALS: MethodSpec = MethodSpec {
    method: AuthMethod::ClientCredentials,
    label: "client credentials",
    needs: Field::ClientSecret,
    items: &[Field::Session, Field::ClientSecret],
    renewal: Renewal::SignsInAgain,
    variables: Some(MethodVariables {
        name: "client-credentials",
        secret: "SNOW_CLIENT_SECRET",
        secret_file: "SNOW_CLIENT_SECRET_FILE",
        all: &["SNOW_CLIENT_ID", "SNOW_CLIENT_SECRET", "SNOW_CLIENT_SECRET_FILE", "SNOW_SCOPE", "SNOW_TOKEN_URL"],
    }),
};
