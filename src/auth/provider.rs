//! What the authentication protocols need to know about a service.
//!
//! The protocols follow the RFCs. What the answers of the endpoints mean differs by
//! service; so do the defaults of a client, which the client carries.

use super::oauth::outcome::{TokenOutcome, TokenRequest};
use crate::base::error::Failure;
use crate::base::server_text::Redactor;
use crate::http::client::Response;
use crate::http::identity::Presented;
use crate::model::instance::Instance;
use crate::model::oauth_client::OAuthClient;
use crate::model::profile::Subject;

pub trait Provider: Send + Sync {
    /// What an answer of the token endpoint means.
    fn judge(&self, answer: &Response, asked: &Asked<'_>, request: &TokenRequest, has_secret: bool) -> TokenOutcome;

    /// Whether an answer of the revocation endpoint confirms the revocation.
    fn revoked(&self, answer: &Response, asked: &Asked<'_>) -> Result<(), Failure>;
}

/// A request to an OAuth endpoint.
pub struct Asked<'a> {
    pub client: &'a OAuthClient,
    /// The origin that was asked.
    pub origin: &'a Instance,
    /// Whose connection it is, for the advice.
    pub subject: &'a Subject,
    /// What the server got in the TLS handshake.
    pub presented: Presented,
    /// Masks what was sent.
    pub redactor: &'a Redactor,
}
