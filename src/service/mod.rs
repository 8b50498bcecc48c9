//! What is particular to one product: its paths, its answers, and what they mean.
//!
//! [`Service`] is what the layers above ask of one; each has a folder here, and a line in
//! [`SERVICES`].

pub mod body;
pub mod path;
pub mod redirect;
pub mod rows;
pub mod salesforce;
pub mod servicenow;
pub mod symptom;
pub mod tables;
pub mod tools;

use http::HeaderMap;
use url::Url;

use crate::auth::credential::CredentialKind;
use crate::base::error::Failure;
use crate::base::server_text::Redactor;
use crate::http::client::Response;
use crate::http::identity::Presented;
use crate::model::instance::{ApiVersion, Instance};
use crate::model::profile::Subject;
use crate::model::user_name::UserName;
use rows::Rows;
use tables::Tables;

/// All of them; the first is that of a connection that names none.
pub static SERVICES: &[&dyn Service] = &[&servicenow::oauth::ServiceNow, &salesforce::Salesforce];

/// A product, as an open connection uses it.
pub trait Service: Rows + Tables {
    /// The URL of what a text asks for: a path, its short form, or a URL of the instance.
    fn url(&self, instance: &Instance, version: Option<ApiVersion>, text: &str) -> Result<Url, Failure>;

    /// What an answer means that is not the one asked for.
    fn diagnosed(&self, answer: &Response, asked: &Asked<'_>) -> Failure;

    /// What is wrong with an answer, if anything is; `is_for_head` if it has no body by its
    /// request.
    fn verdict(&self, answer: &Response, asked: &Asked<'_>, is_for_head: bool) -> Option<Failure>;

    /// What follows the page that `asked` gave; `around` is what it has beside rows.
    fn next(&self, instance: &Instance, asked: &Url, headers: &HeaderMap, around: &[u8]) -> Next;
}

/// A request that was answered.
pub struct Asked<'a> {
    pub url: &'a Url,
    pub credential: CredentialKind,
    /// Whose connection it is, for the advice.
    pub subject: &'a Subject,
    pub instance: &'a Instance,
    pub user: Option<&'a UserName>,
    /// What the server got in the TLS handshake.
    pub presented: Presented,
    /// Masks what was sent.
    pub redactor: &'a Redactor,
}

/// What follows a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    Page(Url),
    /// It names an address that is not of the instance.
    Elsewhere(String),
    Nothing,
}
