//! The Table API and its sister for sums, as ServiceNow answers them.
//!
//! [`query`] reads an encoded query, [`filter`] and [`path`] apply it to rows,
//! [`script`] knows the few `javascript:` values, [`select`] shapes rows into
//! JSON, [`access`] says who may, [`list`], [`record`] and [`mod@stats`] are the
//! requests. Nothing here knows HTTP beyond a status and headers.

pub mod access;
mod filter;
mod list;
mod path;
mod query;
mod record;
mod script;
mod select;
mod stats;

use serde_json::Value;

use super::answers::{Response, envelope, too_large};
use super::request::{Body, Request};
use super::rows::Store;
use access::Caller;

/// One request, with what is needed to answer it.
pub struct Call<'a> {
    pub request: &'a Request<'a>,
    pub caller: Caller,
    pub origin: &'a str,
    /// `/api/now`, or with the version that was asked for.
    pub base: String,
    pub is_v1: bool,
    /// The number of the request, from which new `sys_id`s are made.
    pub number: usize,
}

const METHODS: &[&str] = &["GET", "POST", "PUT", "PATCH", "DELETE"];

/// Answers `…/table/{table}` and `…/table/{table}/{sys_id}`.
pub fn answer(store: &mut Store, call: &Call<'_>, table: &str, id: Option<&str>) -> Response {
    if store.class(table).is_none() {
        return envelope(400, &format!("Invalid table {table}"), None);
    }
    let changed = match (id, call.request.method) {
        (None, "GET") => return list::answer(store, call, table),
        (Some(id), "GET") => return record::read(store, call, table, id),
        (Some(id), "DELETE") => return record::delete(store, call, table, id),
        (None, "POST") => read_object(call.request).and_then(|fields| record::create(store, call, table, &fields)),
        (Some(id), "PUT" | "PATCH") => {
            read_object(call.request).and_then(|fields| record::update(store, call, table, id, &fields))
        }
        (_, method) if METHODS.contains(&method) => Err(envelope(405, "Method not supported", None)),
        _ => Err(envelope(405, "Method not supported", Some("Supported methods are: GET, POST, PUT, PATCH, DELETE"))),
    };
    changed.unwrap_or_else(|refused| refused)
}

/// Answers `…/stats/{table}`.
pub fn stats(store: &Store, call: &Call<'_>, table: &str) -> Response {
    match store.class(table) {
        Some(class) => stats::answer(store, call, class),
        None => envelope(400, &format!("Invalid table {table}"), None),
    }
}

pub fn no_record() -> Response {
    envelope(404, "No Record found", Some("Record doesn't exist or ACL restricts the record retrieval"))
}

/// A query that names what the caller must not read is refused as a whole.
fn query_forbidden() -> Response {
    envelope(
        403,
        "Insufficient rights to query records",
        Some("Field(s) present in the query do not have permission to be read"),
    )
}

/// The body of a request that writes.
fn read_object(request: &Request<'_>) -> Result<serde_json::Map<String, Value>, Response> {
    let body = match request.body {
        Body::Whole(body) => body,
        Body::TooLarge(too) => return Err(too_large(too)),
    };
    let content_type = request.content_type.unwrap_or("application/json").split(';').next().unwrap_or("").trim();
    if !content_type.eq_ignore_ascii_case("application/json") {
        let detail = "Supported request media types for this service are: [application/json]";
        return Err(envelope(415, "Unsupported media type", Some(detail)));
    }
    if body.trim_ascii().is_empty() {
        return Ok(serde_json::Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(envelope(400, "Exception while reading request", Some("The payload is not valid JSON."))),
    }
}
