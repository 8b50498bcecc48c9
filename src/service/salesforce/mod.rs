//! What is particular to Salesforce: its hosts, its APIs, and what its answers mean.
//!
//! An organization has one host for its API, its My Domain. `login.salesforce.com` and
//! `test.salesforce.com` sign in users of every organization, and browsers see other hosts.

#![cfg_attr(
    not(feature = "testing"),
    allow(dead_code, reason = "a connection does not yet say which service it is of")
)]

pub mod address;
pub mod classify;
pub mod hosts;
pub mod identity;
pub mod limits;
pub mod login;
pub mod path;
mod query;
mod records;
mod refusals;
pub mod soap;
mod sobjects;
pub mod symptoms;
pub mod token;
mod verdict;
pub mod version;

use http::HeaderMap;
use serde_json::Value;
use url::Url;

use super::{Asked, Next, Service};
use crate::auth::credential::CredentialKind;
use crate::auth::oauth::outcome::{TokenOutcome, TokenRequest};
use crate::auth::provider::{self, Provider};
use crate::base::error::{CausesOfCode, Failure};
use crate::http::client::Response;
use crate::model::instance::{ApiVersion, Instance};
use classify::{Body, ClassifiedResponse, RequestKind};
use version::Version;

/// Salesforce, as open connections and the protocols of a sign-in ask for it.
pub struct Salesforce;

impl Service for Salesforce {
    fn url(&self, instance: &Instance, version: Option<ApiVersion>, text: &str) -> Result<Url, Failure> {
        path::request_url(instance, version_of(version), text).map_err(|invalid| invalid.failure(&path::FORMS))
    }

    fn diagnosed(&self, answer: &Response, asked: &Asked<'_>) -> Failure {
        classified(answer, asked, symptoms::diagnose)
    }

    fn verdict(&self, answer: &Response, asked: &Asked<'_>, is_for_head: bool) -> Option<Failure> {
        classified(answer, asked, |response| verdict::failure_of(response, asked.url, is_for_head))
    }

    fn next(&self, instance: &Instance, _asked: &Url, _headers: &HeaderMap, around: &[u8]) -> Next {
        let around: Option<Value> = serde_json::from_slice(around).ok();
        let Some(link) = around.as_ref().and_then(|around| around.get("nextRecordsUrl")?.as_str()) else {
            return Next::Nothing;
        };
        let is_address = link.starts_with('/') || link.contains("://");
        match path::request_url(instance, Version::DEFAULT, link) {
            Ok(url) if is_address => Next::Page(url),
            _ => Next::Elsewhere(link.to_owned()),
        }
    }
}

impl Provider for Salesforce {
    fn judge(
        &self,
        answer: &Response,
        asked: &provider::Asked<'_>,
        request: &TokenRequest,
        has_secret: bool,
    ) -> TokenOutcome {
        token::judge(&of_token_request(answer, asked, RequestKind::Token), request, asked.client, has_secret)
    }

    fn revoked(&self, answer: &Response, asked: &provider::Asked<'_>) -> Result<(), Failure> {
        token::revoked(&of_token_request(answer, asked, RequestKind::Revocation))
    }
}

/// What may be behind each code, as the tables have it.
pub fn causes() -> impl Iterator<Item = CausesOfCode> {
    symptoms::causes().chain(refusals::causes()).chain(limits::causes())
}

/// The version that a connection names, or the usual one.
fn version_of(_version: Option<ApiVersion>) -> Version {
    Version::DEFAULT
}

/// What `judge` makes of an answer.
fn classified<T>(answer: &Response, asked: &Asked<'_>, judge: impl FnOnce(&ClassifiedResponse<'_>) -> T) -> T {
    let table = path::table_of(asked.url);
    judge(&ClassifiedResponse {
        raw: answer,
        body: Body::read(answer),
        request: table.as_ref().map_or(RequestKind::Api, RequestKind::Table),
        credential: asked.credential,
        subject: asked.subject,
        instance: asked.instance,
        user: asked.user,
        redactor: asked.redactor,
    })
}

fn of_token_request<'a>(
    answer: &'a Response,
    asked: &provider::Asked<'a>,
    request: RequestKind<'a>,
) -> ClassifiedResponse<'a> {
    ClassifiedResponse {
        raw: answer,
        body: Body::read(answer),
        request,
        credential: CredentialKind::TokenRequest,
        subject: asked.subject,
        instance: asked.origin,
        user: None,
        redactor: asked.redactor,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "https://acme.my.salesforce.com";

    fn after(around: &str) -> Next {
        let instance = HERE.parse().unwrap();
        let asked = Url::parse(&format!("{HERE}/services/data/v64.0/query?q=x")).unwrap();
        Salesforce.next(&instance, &asked, &HeaderMap::new(), around.as_bytes())
    }

    #[test]
    fn the_next_page_is_the_one_that_the_answer_names() {
        let path = "/services/data/v64.0/query/01gxx0000001-2000";
        let page = Next::Page(Url::parse(&format!("{HERE}{path}")).unwrap());
        for link in [path.to_owned(), format!("{HERE}{path}")] {
            let around = format!(r#"{{"records":[],"totalSize":2500,"done":false,"nextRecordsUrl":"{link}"}}"#);
            assert_eq!(after(&around), page, "{link}");
        }
        for around in [r#"{"records":[],"totalSize":1,"done":true}"#, r#"{"nextRecordsUrl":null}"#, "[]", ""] {
            assert_eq!(after(around), Next::Nothing, "{around}");
        }
        for link in ["https://evil.example/x", "//evil.example/x", "/a/../b", "query/x", "javascript:alert(1)"] {
            let around = format!(r#"{{"nextRecordsUrl":"{link}"}}"#);
            assert_eq!(after(&around), Next::Elsewhere(link.to_owned()), "{link}");
        }
    }
}
