//! `GET …/table/{table}`: rows, pages, and how many there are.

use chrono::Utc;
use serde_json::Value;

use super::filter::Filter;
use super::query::{self, Query};
use super::script::evaluate;
use super::select::Selection;
use super::{Call, no_record, query_forbidden};
use crate::sandbox::answers::{Response, success};
use crate::sandbox::rows::{Record, Store};
use crate::sandbox::schema::Class;

/// ServiceNow's own.
const DEFAULT_LIMIT: usize = 10_000;

pub fn answer(store: &Store, call: &Call<'_>, table: &str) -> Response {
    let class = store.class(table).expect("the table was looked for");
    if !call.caller.may_ask(class.table) {
        return query_forbidden();
    }
    let filter = filter(store, call, class, &query_of(call));
    if !filter.is_permitted(&call.caller) {
        return query_forbidden();
    }
    let mut matching: Vec<Record<'_>> = store.records(table).filter(|record| filter.fits(store, *record)).collect();
    let total = matching.len();
    let (limit, offset) = (call.number("sysparm_limit", DEFAULT_LIMIT), call.number("sysparm_offset", 0));
    filter.sort(store, &mut matching, offset.saturating_add(limit));
    let selection = Selection::new(store, call, class);
    // The limit comes before the access rules, and the count ignores them.
    let page = matching.into_iter().skip(offset).take(limit);
    let records: Vec<Value> =
        page.filter(|record| call.caller.may_read(*record)).map(|record| selection.show(record)).collect();
    if call.is_v1 && records.is_empty() {
        return no_record();
    }
    let mut answer = success(Value::Array(records));
    if !call.request.is_on("sysparm_no_count") {
        answer.headers.push(("X-Total-Count", total.to_string()));
    }
    if !call.request.is_on("sysparm_suppress_pagination_header") && limit > 0 && total > limit {
        answer.headers.push(("Link", link(call, limit, offset, total)));
    }
    answer
}

pub fn query_of(call: &Call<'_>) -> Query {
    query::read(call.request.parameter("sysparm_query").unwrap_or(""))
}

/// `sysparm_query` and plain `field=value` parameters together.
pub fn filter(store: &Store, call: &Call<'_>, class: &Class, query: &Query) -> Filter {
    let now = Utc::now();
    let mut filter = Filter::new(store, class, query, &call.caller, now);
    let plain = call.request.parameters.iter().filter(|(name, _)| !name.starts_with("sysparm_"));
    let plain = plain.map(|(name, value)| (name.as_str(), evaluate(value, &call.caller, now)));
    filter.and_equal(store, class, plain);
    filter
}

impl Call<'_> {
    fn number(&self, name: &str, default: usize) -> usize {
        self.request.parameter(name).and_then(|text| text.trim().parse().ok()).unwrap_or(default)
    }
}

/// The `Link` header: commas without a space, no `prev` on the first page and
/// no `next` on the last.
fn link(call: &Call<'_>, limit: usize, offset: usize, total: usize) -> String {
    let last = (total - 1) / limit * limit;
    let mut pages = vec![("first", 0)];
    if offset > 0 {
        pages.push(("prev", offset.saturating_sub(limit)));
    }
    if offset.saturating_add(limit) < total {
        pages.push(("next", offset + limit));
    }
    pages.push(("last", last));
    let links = pages.into_iter().map(|(relation, offset)| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (key, value) in &call.request.parameters {
            if key != "sysparm_offset" {
                query.append_pair(key, value);
            }
        }
        query.append_pair("sysparm_offset", &offset.to_string());
        format!("<{}{}?{}>;rel=\"{relation}\"", call.origin, call.request.path, query.finish())
    });
    links.collect::<Vec<_>>().join(",")
}
