//! What is particular to ServiceNow: its APIs, and what its answers mean.

pub mod address;
pub mod classify;
mod denials;
mod dictionary;
mod encoded;
pub mod guide;
pub mod identity;
pub mod oauth;
pub mod oauth_entity;
pub mod oauth_fitness;
pub mod offer;
pub mod open_to_programs;
mod pages;
pub mod path;
mod probes;
mod reference;
pub mod refusals;
mod rows;
pub mod symptoms;
pub mod table;
pub mod token;
pub mod tools;
mod verdict;

use chrono::TimeDelta;
use http::HeaderMap;
use url::Url;

use super::adobe::{AdobeAuth, AdobeParam, AdobeSpec, Counterpart};
use super::denial::Denials;
use super::guide::Guide;
use super::tools::Tool;
use super::{Address, Asked, LentClient, Next, Offer, Purpose, Service};
use crate::auth::method::MethodSpec;
use crate::auth::provider::Provider;
use crate::auth::{access_token, api_key, basic, certificate, jwt_bearer, oauth as oauth2};
use crate::base::error::{CausesOfCode, Failure};
use crate::http::client::Response;
use crate::model::instance::{ApiVersion, Instance};
use crate::model::oauth_client::ServiceDefaults;
use crate::model::profile::InvalidValue;
use classify::{Body, ClassifiedResponse, RequestKind};
use denials::DENIALS;
use oauth::{DEFAULTS, LENT, ServiceNow};

/// The ways to sign in that it has; the first is that of a user who gives nothing else.
static METHODS: [&MethodSpec; 7] = [
    &basic::SPEC,
    &oauth2::AUTHORIZATION_CODE,
    &oauth2::CLIENT_CREDENTIALS,
    &api_key::SPEC,
    &access_token::SPEC,
    &jwt_bearer::SPEC,
    &certificate::SPEC,
];

/// Its base connection of Adobe.
static ADOBE: AdobeSpec = AdobeSpec {
    ids: &["eb13cb25-47ab-407f-ba89-c0125281c563"],
    version: "1.0",
    auths: &[AdobeAuth {
        name: "Basic Authentication",
        method: &basic::SPEC,
        usual_instance: None,
        params: &[
            AdobeParam { alias: Some("server"), ..AdobeParam::new("endpoint", Counterpart::Instance) },
            AdobeParam::new("username", Counterpart::Setting("username")),
            AdobeParam::new("password", Counterpart::Secret(&basic::PASSWORD_ITEM)),
        ],
    }],
};

impl Service for ServiceNow {
    fn defaults(&self) -> &'static ServiceDefaults {
        &DEFAULTS
    }

    fn methods(&self) -> &'static [&'static MethodSpec] {
        &METHODS
    }

    fn provider(&self) -> &'static dyn Provider {
        &ServiceNow
    }

    fn lent_client(&self) -> Option<&'static LentClient> {
        Some(&LENT)
    }

    fn offer_probes(&self) -> &'static [&'static str] {
        &offer::CERTIFICATE_PROBES
    }

    fn offer(&self, refused: Option<&Response>, probe: Option<&Response>) -> Option<Offer> {
        Some(offer::read(refused, probe))
    }

    fn recognizes(&self, _text: &str) -> bool {
        false
    }

    fn address(&self, text: &str) -> Result<Address, Failure> {
        address::parse(text).map_err(|invalid| address::refused(&invalid))
    }

    fn api_version(&self, text: &str) -> Result<ApiVersion, InvalidValue> {
        address::api_version(text)
    }

    fn api_versions(&self) -> Vec<ApiVersion> {
        address::VERSIONS.into()
    }

    fn refresh_token_lifetime(&self) -> Option<TimeDelta> {
        Some(token::REFRESH_TOKEN_LIFETIME)
    }

    fn tools(&self) -> &'static [&'static Tool] {
        &tools::TOOLS
    }

    fn guides(&self) -> &'static [Guide] {
        &guide::GUIDES
    }

    fn adobe(&self) -> &'static AdobeSpec {
        &ADOBE
    }

    fn causes(&self) -> Vec<CausesOfCode> {
        // Of answers that look alike the table has the special ones first.
        let answers: Vec<_> = symptoms::causes().collect();
        let others = refusals::causes().chain(probes::causes()).chain(DENIALS.causes());
        answers.into_iter().rev().chain(others).collect()
    }

    fn denials(&self) -> &'static Denials {
        &DENIALS
    }

    fn not_revoked(&self) -> &'static [&'static str] {
        &[
            "Ask an administrator to revoke them in System OAuth > Manage Tokens",
            "Let them expire: access tokens after 30 minutes, refresh tokens after 100 days",
        ]
    }

    fn url(&self, instance: &Instance, version: Option<ApiVersion>, text: &str) -> Result<Url, Failure> {
        Ok(path::request_url(instance, version, text)?)
    }

    fn page_url(&self, instance: &Instance, text: &str) -> Result<Url, Failure> {
        Ok(path::page_url(instance, text)?)
    }

    fn gives_a_file(&self, text: &str) -> bool {
        path::gives_a_file(text)
    }

    fn apis(&self) -> &'static str {
        open_to_programs::APIS
    }

    fn forwarded(&self, instance: &Instance, target: &str) -> Result<Url, Failure> {
        Ok(open_to_programs::url_of(instance, target)?)
    }

    fn signs_in(&self, path: &str, own: &[String]) -> bool {
        open_to_programs::signs_in(path, own)
    }

    fn refuses_token(&self, status: u16, _headers: &HeaderMap, _body: Option<&[u8]>) -> Option<bool> {
        Some(status == 401)
    }

    fn diagnosed(&self, answer: &Response, asked: &Asked<'_>) -> Failure {
        classified(answer, asked, symptoms::diagnose)
    }

    fn verdict(&self, answer: &Response, asked: &Asked<'_>, is_for_head: bool) -> Option<Failure> {
        let Purpose::Url(url) = asked.purpose else { return None };
        classified(answer, asked, |response| verdict::failure_of(response, url, is_for_head))
    }

    fn next(&self, instance: &Instance, asked: &Url, headers: &HeaderMap, _around: &[u8]) -> Next {
        pages::next(instance, asked, headers)
    }
}

/// What `judge` makes of an answer.
fn classified<T>(answer: &Response, asked: &Asked<'_>, judge: impl FnOnce(&ClassifiedResponse<'_>) -> T) -> T {
    let table = match asked.purpose {
        Purpose::Url(url) => path::table_of(url),
        _ => None,
    };
    let request = match asked.purpose {
        Purpose::Url(_) => table.as_ref().map_or(RequestKind::Api, RequestKind::Table),
        Purpose::Preflight => RequestKind::Preflight,
        Purpose::Table(table) => RequestKind::Table(table),
        Purpose::Identity => RequestKind::Identity,
    };
    judge(&ClassifiedResponse {
        raw: answer,
        body: Body::read(answer),
        request,
        credential: asked.credential,
        subject: asked.subject,
        instance: asked.instance,
        user: asked.user,
        presented: asked.presented,
        redactor: asked.redactor,
    })
}
