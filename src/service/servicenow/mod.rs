//! What is particular to ServiceNow: its APIs, and what its answers mean.

pub mod address;
pub mod adobe;
pub mod classify;
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
mod reference;
pub mod refusals;
mod rows;
pub mod symptoms;
pub mod table;
pub mod token;
pub mod tools;
mod verdict;

use http::HeaderMap;
use url::Url;

use super::{Asked, Next, Service};
use crate::base::error::Failure;
use crate::http::client::Response;
use crate::model::instance::{ApiVersion, Instance};
use classify::{Body, ClassifiedResponse, RequestKind};
use oauth::ServiceNow;

impl Service for ServiceNow {
    fn url(&self, instance: &Instance, version: Option<ApiVersion>, text: &str) -> Result<Url, Failure> {
        Ok(path::request_url(instance, version, text)?)
    }

    fn diagnosed(&self, answer: &Response, asked: &Asked<'_>) -> Failure {
        classified(answer, asked, symptoms::diagnose)
    }

    fn verdict(&self, answer: &Response, asked: &Asked<'_>, is_for_head: bool) -> Option<Failure> {
        classified(answer, asked, |response| verdict::failure_of(response, asked.url, is_for_head))
    }

    fn next(&self, instance: &Instance, asked: &Url, headers: &HeaderMap, _around: &[u8]) -> Next {
        pages::next(instance, asked, headers)
    }
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
        presented: asked.presented,
        redactor: asked.redactor,
    })
}
