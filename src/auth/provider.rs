//! What the authentication protocols need to know about a service.
//!
//! The protocols follow the RFCs. What the answers of the endpoints mean differs by
//! service; so do the defaults of a client, which the client carries.

use http::HeaderMap;
use zeroize::Zeroizing;

use super::oauth::outcome::{TokenOutcome, TokenRequest};
use super::setting::GivenSecrets;
use crate::base::error::Failure;
use crate::base::secret::Secret;
use crate::base::server_text::Redactor;
use crate::http::client::Response;
use crate::http::identity::Presented;
use crate::model::instance::Instance;
use crate::model::oauth_client::OAuthClient;
use crate::model::profile::{Auth, Subject};
use crate::model::user_name::UserName;

pub trait Provider: Send + Sync {
    /// The request by which it takes a user name and a password for a session; `None` if it
    /// does not.
    fn password_request(&self, _auth: &Auth, _secrets: &GivenSecrets) -> Option<PasswordRequest> {
        None
    }

    /// What an answer of the token endpoint means.
    fn judge(&self, answer: &Response, asked: &Asked<'_>, request: &TokenRequest, has_secret: bool) -> TokenOutcome;

    /// Whether an answer of the revocation endpoint confirms the revocation.
    fn revoked(&self, answer: &Response, asked: &Asked<'_>) -> Result<(), Failure>;
}

/// A POST with a user name and a password.
pub struct PasswordRequest {
    pub headers: HeaderMap,
    pub body: Zeroizing<Vec<u8>>,
    /// What its body holds, to be masked where a server echoes it.
    pub secrets: Vec<Secret>,
}

/// A request to an OAuth endpoint.
pub struct Asked<'a> {
    pub client: &'a OAuthClient,
    /// The origin that was asked.
    pub origin: &'a Instance,
    /// Who signs in, if that is known.
    pub user: Option<&'a UserName>,
    /// Whose connection it is, for the advice.
    pub subject: &'a Subject,
    /// What the server got in the TLS handshake.
    pub presented: Presented,
    /// Masks what was sent.
    pub redactor: &'a Redactor,
}
