//! What is given out and ended: `snow token`, `logout` and `remove`.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::base::error::FailureInJson;
use crate::base::schemas;
use crate::base::secret::Secret;
use crate::base::time::Timestamp;
use crate::model::profile::ConnectionId;

/// What signs a request in, which is secret: `snow token --format json`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Token<'a> {
    schema: schemas::Token,
    #[serde(flatten)]
    credential: Credential<'a>,
}

/// An access token, or the header of a credential without one.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
enum Credential<'a> {
    Bearer {
        access_token: &'a str,
        /// `Bearer`.
        token_type: &'a str,
        /// Null if the server did not say.
        expires_at: Option<Timestamp>,
    },
    Header {
        /// The whole line, with its name.
        header: String,
    },
}

impl<'a> Token<'a> {
    /// A secret that leaves in clear, as it was asked for.
    pub fn bearer(access_token: &'a Secret, expires_at: Option<DateTime<Utc>>) -> Self {
        let expires_at = expires_at.map(Timestamp);
        let access_token = access_token.expose();
        Self::of(Credential::Bearer { access_token, token_type: "Bearer", expires_at })
    }

    /// The same, of a credential without a token: its header line.
    pub fn header(header: String) -> Self {
        Self::of(Credential::Header { header })
    }

    fn of(credential: Credential<'a>) -> Self {
        Self { schema: schemas::Token, credential }
    }
}

/// Connections that were signed out: `snow logout` keeps them, `snow remove` does not.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Ended<'a, Name> {
    pub schema: Name,
    pub connections: Vec<SignedOut<'a>>,
    /// The exit code of the command.
    pub exit_code: u8,
}

/// How signing out of one connection went.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct SignedOut<'a> {
    pub name: &'a str,
    pub id: ConnectionId,
    /// Whether the instance took the tokens back; null if there was nothing to
    /// revoke, or it was not to be.
    pub revoked: Option<bool>,
    /// What went wrong; null if nothing did.
    pub error: Option<FailureInJson<'a>>,
}
