//! The Table API, as far as testing needs it: `GET /api/now/table/{table}`.

use std::borrow::Cow;

use serde_json::Value;

use super::address::V1;
use super::classify::{Body, ClassifiedResponse};
use super::symptoms::diagnose;
use crate::base::error::Failure;
use crate::model::instance::ApiVersion;
use crate::model::profile::TableName;
use crate::service::probe::{ProbeRequest, ProbedRows};

/// The member of an answer that has the rows.
pub const RESULT: &str = "result";

/// A question for rows.
#[derive(Debug, Clone, Copy)]
pub struct TableQuery<'a> {
    pub table: &'a TableName,
    /// Encoded query, or all rows.
    pub query: Option<&'static str>,
    pub fields: &'static str,
    pub limit: u32,
    /// Whether the instance should count what matches.
    pub count: bool,
}

/// The path of a table, in this version of the API.
pub fn path(table: &TableName, api_version: Option<ApiVersion>) -> String {
    let table = table.folded();
    match api_version {
        None => format!("/api/now/table/{table}"),
        Some(version) => format!("/api/now/{version}/table/{table}"),
    }
}

impl TableQuery<'_> {
    /// The request, in this version of the API.
    pub fn request(&self, api_version: Option<ApiVersion>) -> ProbeRequest {
        ProbeRequest { parameters: self.parameters(), ..ProbeRequest::of(path(self.table, api_version)) }
    }

    fn parameters(&self) -> Vec<(&'static str, Cow<'static, str>)> {
        let mut parameters =
            vec![("sysparm_limit", self.limit.to_string().into()), ("sysparm_fields", self.fields.into())];
        if let Some(query) = self.query {
            parameters.push(("sysparm_query", query.into()));
        }
        if !self.count {
            parameters.push(("sysparm_no_count", "true".into()));
        }
        // A long Link header overflows the front end, and is not read.
        parameters.push(("sysparm_suppress_pagination_header", "true".into()));
        parameters
    }
}

/// The rows in an answer, or what the answer means instead.
pub fn read_rows(response: &ClassifiedResponse<'_>, api_version: Option<ApiVersion>) -> Result<ProbedRows, Failure> {
    let total = response.raw.header("x-total-count").and_then(|count| count.trim().parse().ok());
    // An empty list is 404 in version 1, and 200 later.
    if api_version == Some(V1) && response.status() == 404 && response.says("no record found") {
        return Ok(ProbedRows { records: Vec::new(), total });
    }
    match &response.body {
        Body::Result(Value::Array(records)) if response.status() == 200 && !response.is_for_a_guest() => {
            Ok(ProbedRows { records: records.clone(), total })
        }
        _ => Err(diagnose(response)),
    }
}
