//! The Table API, as far as testing needs it: `GET /api/now/table/{table}`.

use std::borrow::Cow;

use serde_json::Value;

use super::classify::{Body, ClassifiedResponse};
use super::symptoms::diagnose;
use crate::base::error::Failure;
use crate::model::instance::ApiVersion;
use crate::model::profile::TableName;

/// The member of an answer that has the rows.
pub const RESULT: &str = "result";

/// Rows that the API returned, and how many match in all.
#[derive(Debug)]
pub struct Rows {
    pub records: Vec<Value>,
    /// `X-Total-Count`; it ignores access rules, and is absent where counting
    /// was not asked for.
    pub total: Option<u64>,
}

impl Rows {
    /// The fields of `asked_for`, separated by commas, that no row has. What
    /// is no object is no row to judge by.
    pub fn missing_fields<'f>(&self, asked_for: &'f str) -> Vec<&'f str> {
        let rows: Vec<_> = self.records.iter().filter_map(Value::as_object).collect();
        let is_missing = |field: &&str| !rows.is_empty() && !rows.iter().any(|row| row.contains_key(*field));
        asked_for.split(',').filter(is_missing).collect()
    }
}

/// A question for rows.
#[derive(Debug, Clone, Copy)]
pub struct TableQuery<'a> {
    pub table: &'a TableName,
    /// Encoded query, or all rows.
    pub query: Option<&'a str>,
    pub fields: &'a str,
    pub limit: u32,
    /// Whether the instance should count what matches.
    pub count: bool,
}

/// The path of a table, in this version of the API.
pub fn path(table: &TableName, api_version: Option<ApiVersion>) -> String {
    match api_version {
        None => format!("/api/now/table/{table}"),
        Some(version) => format!("/api/now/{}/table/{table}", version.as_str()),
    }
}

impl TableQuery<'_> {
    /// The path, in this version of the API.
    pub fn path(&self, api_version: Option<ApiVersion>) -> String {
        path(self.table, api_version)
    }

    /// The parameters of the query.
    pub fn parameters(&self) -> Vec<(&'static str, Cow<'_, str>)> {
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
pub fn read_rows(response: &ClassifiedResponse<'_>, api_version: Option<ApiVersion>) -> Result<Rows, Failure> {
    let total = response.raw.header("x-total-count").and_then(|count| count.trim().parse().ok());
    // An empty list is 404 in version 1, and 200 later.
    if api_version == Some(ApiVersion::V1) && response.status() == 404 && response.says("no record found") {
        return Ok(Rows { records: Vec::new(), total });
    }
    match &response.body {
        Body::Result(Value::Array(records)) if response.status() == 200 && !response.is_for_a_guest() => {
            Ok(Rows { records: records.clone(), total })
        }
        _ => Err(diagnose(response)),
    }
}
