//! What is particular to one product: its paths, its answers, and what they mean.
//!
//! [`Service`] is what the layers above ask of one; each has a folder here, and a line in
//! [`SERVICES`].

pub mod adobe;
pub mod body;
pub mod denial;
pub mod forwarding;
pub mod guide;
pub mod path;
pub mod probe;
pub mod redirect;
pub mod rows;
pub mod salesforce;
pub mod servicenow;
pub mod symptom;
pub mod tables;
pub mod tools;

use chrono::TimeDelta;
use http::HeaderMap;
use url::Url;

use crate::auth::credential::CredentialKind;
use crate::auth::method::MethodSpec;
use crate::auth::provider::Provider;
use crate::base::error::{CausesOfCode, Failure};
use crate::base::server_text::Redactor;
use crate::base::shown::{Shown, shorten};
use crate::http::client::Response;
use crate::http::identity::Presented;
use crate::model::instance::{ApiVersion, Instance};
use crate::model::oauth_client::{OAuthClient, ServiceDefaults};
use crate::model::profile::{Auth, InvalidValue, Subject, TableName, any_of};
use crate::model::user_name::UserName;
use adobe::AdobeSpec;
use denial::Denials;
use guide::Guide;
use probe::Probes;
use rows::Rows;
use tables::Tables;
use tools::Tool;

/// All of them; the first is that of a connection that names none.
pub static SERVICES: &[&dyn Service] = &[&servicenow::oauth::ServiceNow, &salesforce::Salesforce];

/// The service of a connection that names none.
pub fn usual() -> &'static dyn Service {
    SERVICES[0]
}

/// The service that a connection signs in to.
pub fn of(auth: &Auth) -> &'static dyn Service {
    find(auth.defaults.spec).expect("defaults are of a service in the list")
}

/// The name of the service of a connection, where it has to be written: the usual one is
/// meant without it.
pub fn written_spec(auth: &Auth) -> Option<&'static str> {
    Some(auth.defaults.spec).filter(|spec| *spec != usual().defaults().spec)
}

/// The service whose specification has this name.
pub fn named(spec: &str) -> Result<&'static dyn Service, InvalidValue> {
    find(spec).ok_or_else(|| {
        let names: Vec<_> = SERVICES.iter().map(|service| service.defaults().spec).collect();
        InvalidValue(format!("\"{}\" is not a known service: use {}", shorten(spec, 80), any_of(&names)))
    })
}

fn find(spec: &str) -> Option<&'static dyn Service> {
    SERVICES.iter().copied().find(|service| service.defaults().spec == spec)
}

/// What an address says: the origin, and the API version if its path names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub instance: Instance,
    pub api_version: Option<ApiVersion>,
    /// What a person should know of it before a secret follows.
    pub note: Option<Shown>,
}

/// A product, as connections to it are defined and used.
pub trait Service: Rows + Tables + Probes {
    /// What it does unless a connection says otherwise.
    fn defaults(&self) -> &'static ServiceDefaults;

    /// The ways to sign in that it has.
    fn methods(&self) -> &'static [&'static MethodSpec];

    /// What its OAuth endpoints answer.
    fn provider(&self) -> &'static dyn Provider;

    /// Its own public client, which everyone may use.
    fn lent_client(&self) -> Option<&'static LentClient>;

    /// Paths of which the first that is there tells more of the ways to sign in.
    fn offer_probes(&self) -> &'static [&'static str];

    /// What an instance shows, by its answer to a request without a credential and to one of
    /// the probes.
    fn offer(&self, refused: Option<&Response>, probe: Option<&Response>) -> Option<Offer>;

    /// Whether a text is an address of it and of no other service.
    fn recognizes(&self, text: &str) -> bool;

    /// Reads a name, a host, or any URL that a person copied.
    fn address(&self, text: &str) -> Result<Address, Failure>;

    /// Whether its secrets may go to an instance without a question.
    fn is_expected(&self, _instance: &Instance) -> bool {
        true
    }

    /// What ends one day of a way to sign in, if that is known.
    fn farewell(&self, _auth: &Auth) -> Option<&'static str> {
        None
    }

    /// An error if a way to sign in cannot work at an instance.
    fn check(&self, _auth: &Auth, _instance: &Instance) -> Result<(), Failure> {
        Ok(())
    }

    /// A version of its REST API.
    fn api_version(&self, text: &str) -> Result<ApiVersion, InvalidValue>;

    /// The versions of its REST API that completion offers.
    fn api_versions(&self) -> Vec<ApiVersion>;

    /// How long a refresh token lives that is not used, if that is known.
    fn refresh_token_lifetime(&self) -> Option<TimeDelta>;

    /// The programs that take a connection.
    fn tools(&self) -> &'static [&'static Tool];

    /// The setup that each way to sign in takes.
    fn guides(&self) -> &'static [Guide];

    /// What Adobe's source for it takes.
    fn adobe(&self) -> &'static AdobeSpec;

    /// What may be behind each code, by its rows.
    fn causes(&self) -> Vec<CausesOfCode>;

    /// Why a sign-in with a browser gave no code.
    fn denials(&self) -> &'static Denials;

    /// What is to be done about tokens that were not revoked.
    fn not_revoked(&self) -> &'static [&'static str];

    /// The URL of what a text asks for: a path, its short form, or a URL of the instance.
    fn url(&self, instance: &Instance, version: Option<ApiVersion>, text: &str) -> Result<Url, Failure>;

    /// The URL that a browser opens for a text: a path, a short form of one, or a URL of the
    /// instance.
    fn page_url(&self, instance: &Instance, text: &str) -> Result<Url, Failure>;

    /// Whether what a text asks for is a file as it was stored.
    fn gives_a_file(&self, text: &str) -> bool;

    /// The path below which its APIs are.
    fn apis(&self) -> &'static str;

    /// The URL that a gateway sends a request for `target`, a path with its query, on to.
    fn forwarded(&self, instance: &Instance, target: &str) -> Result<Url, Failure>;

    /// Whether a path is one by which it signs in or out or gives tokens, or one of `own` or
    /// below it, however it is written.
    fn signs_in(&self, path: &str, own: &[String]) -> bool;

    /// Whether an answer refuses the access token, so that another one may help. `None` if the
    /// body tells, and is not there yet.
    fn refuses_token(&self, status: u16, headers: &HeaderMap, body: Option<&[u8]>) -> Option<bool>;

    /// What an answer means that is not the one asked for.
    fn diagnosed(&self, answer: &Response, asked: &Asked<'_>) -> Failure;

    /// What is wrong with an answer, if anything is; `is_for_head` if it has no body by its
    /// request.
    fn verdict(&self, answer: &Response, asked: &Asked<'_>, is_for_head: bool) -> Option<Failure>;

    /// What follows the page that `asked` gave; `around` is what it has beside rows.
    fn next(&self, instance: &Instance, asked: &Url, headers: &HeaderMap, around: &[u8]) -> Next;
}

/// A public client of the service itself.
pub struct LentClient {
    pub method: &'static MethodSpec,
    /// Its line among the choices of `connect`, with the place there.
    pub choice: (u8, &'static str),
    pub client: fn() -> OAuthClient,
}

impl LentClient {
    /// Whether a connection uses it.
    pub fn is_of(&self, auth: &Auth) -> bool {
        auth.client().is_some_and(|client| client.client_id == (self.client)().client_id)
    }
}

/// Whether a connection uses the public client of its service.
pub fn is_lent(auth: &Auth) -> bool {
    of(auth).lent_client().is_some_and(|lent| lent.is_of(auth))
}

/// The service whose address this is, if it is one of no other; else the usual one.
pub fn meant_by(text: &str) -> &'static dyn Service {
    SERVICES.iter().copied().find(|service| service.recognizes(text)).unwrap_or_else(usual)
}

/// What an instance shows of its ways to sign in before anyone signs in.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The safest way in that can work, with the reason.
    pub advice: &'static str,
    /// What speaks against a way to sign in here.
    pub objections: Vec<(&'static MethodSpec, &'static str)>,
}

impl Offer {
    pub fn objection(&self, spec: &MethodSpec) -> Option<&'static str> {
        self.objections.iter().find(|(against, _)| against.method == spec.method).map(|(_, objection)| *objection)
    }
}

/// What a request was for.
#[derive(Debug, Clone, Copy)]
pub enum Purpose<'a> {
    /// Whatever is at this URL.
    Url(&'a Url),
    /// Whether the instance is there. No credential was sent.
    Preflight,
    /// Rows of a table.
    Table(&'a TableName),
    /// Who is signed in.
    Identity,
}

/// A request that was answered.
pub struct Asked<'a> {
    pub purpose: Purpose<'a>,
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
