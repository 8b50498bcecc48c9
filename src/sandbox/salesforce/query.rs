//! Queries, page by page, and rows as JSON has them.

use serde_json::{Map, Value, json};

use super::answers::{errors, ok};
use super::cursors::batch;
use super::org::Org;
use super::rest::Call;
use super::scenario::Scenario;
use super::schema::Object;
use super::soql::{self, Path, Query};
use super::store::{Record, Store};
use crate::sandbox::answers::Response;

impl Org {
    pub(super) fn query(&mut self, call: &Call<'_>, with_deleted: bool) -> Response {
        let Some(soql) = call.request.parameter("q") else {
            return errors(400, "MALFORMED_QUERY", "A query string has to be specified");
        };
        match soql::parse(soql, self.hidden()) {
            Ok(query) if call.request.parameter("columns") == Some("true") => ok(&columns(&query)),
            Ok(query) => self.page(call, &query, with_deleted, 0, None),
            Err(refusal) => errors(400, refusal.code, &refusal.message),
        }
    }

    pub(super) fn query_more(&mut self, call: &Call<'_>, locator: &str) -> Response {
        match self.cursors.find(locator) {
            Some((query, with_deleted, from)) => {
                let id = locator.rsplit_once('-').map_or(locator, |(id, _)| id);
                self.page(call, &query, with_deleted, from, Some(id))
            }
            None => errors(400, "INVALID_QUERY_LOCATOR", "invalid query locator"),
        }
    }

    /// The rows of a query from one on; `locator` is its name where it was begun before.
    fn page(
        &mut self,
        call: &Call<'_>,
        query: &Query,
        with_deleted: bool,
        from: usize,
        locator: Option<&str>,
    ) -> Response {
        let mut rows = soql::rows(&self.store, query, with_deleted);
        if self.scenario == Some(Scenario::NoCases) {
            rows.clear();
        }
        let total = rows.len();
        let Some(fields) = &query.fields else {
            return ok(&json!({ "totalSize": total, "done": true, "records": [] }));
        };
        let size = batch(call.request.header("Sforce-Query-Options"));
        let of_row = |record: Record<'_>| selected(&self.store, record, fields, &call.base);
        let records: Vec<Value> = rows.into_iter().skip(from).take(size).map(of_row).collect();
        let next = from + records.len();
        if next >= total {
            return ok(&json!({ "totalSize": total, "done": true, "records": records }));
        }
        let locator = match locator {
            Some(locator) => locator.to_owned(),
            None => self.cursors.keep(query.clone(), with_deleted),
        };
        let url = format!("{}/query/{locator}-{next}", call.base);
        ok(&json!({ "totalSize": total, "done": false, "nextRecordsUrl": url, "records": records }))
    }

    /// The objects and fields that the scenario hides.
    pub(super) fn hidden(&self) -> &'static [&'static str] {
        match self.scenario {
            Some(Scenario::CaseHidden) => &["Case"],
            Some(Scenario::FieldHidden) => &["Subject"],
            _ => &[],
        }
    }
}

/// What the rows of a query have, in place of the rows.
fn columns(query: &Query) -> Value {
    let column = |name: &str, joined: Vec<Value>| json!({ "columnName": name, "displayName": name, "aggregate": false, "joinColumns": joined });
    let of_path = |path: &Path| match path.parent {
        None => column(path.name, Vec::new()),
        Some((_, relationship, _)) => column(relationship, vec![column(path.name, Vec::new())]),
    };
    let columns: Vec<Value> = query.fields.iter().flatten().map(of_path).collect();
    json!({ "entityName": query.object.name, "keyPrefix": query.object.prefix, "columnMetadata": columns })
}

/// A row with these fields.
fn selected(store: &Store, record: Record<'_>, fields: &[Path], base: &str) -> Value {
    let mut row = Map::new();
    row.insert("attributes".to_owned(), attributes(record, base));
    for path in fields {
        let value = path.kind.json(path.value(store, record));
        let Some((reference, relationship, object)) = path.parent else {
            row.insert(path.name.to_owned(), value);
            continue;
        };
        let Some(parent) = store.find(object.name, record.at(reference)) else {
            row.insert(relationship.to_owned(), Value::Null);
            continue;
        };
        let nested =
            row.entry(relationship.to_owned()).or_insert_with(|| json!({ "attributes": attributes(parent, base) }));
        nested[path.name] = value;
    }
    Value::Object(row)
}

/// A row with all fields, or with those of these names.
pub fn whole(record: Record<'_>, names: Option<&[&str]>, base: &str) -> Value {
    let mut row = Map::new();
    row.insert("attributes".to_owned(), attributes(record, base));
    for (place, (name, kind)) in record.object.fields().enumerate() {
        if names.is_none_or(|names| *name == "Id" || names.iter().any(|other| name.eq_ignore_ascii_case(other))) {
            row.insert((*name).to_owned(), kind.json(record.at(place)));
        }
    }
    Value::Object(row)
}

fn attributes(record: Record<'_>, base: &str) -> Value {
    let Object { name, .. } = record.object;
    json!({ "type": name, "url": format!("{base}/sobjects/{name}/{}", record.value("Id")) })
}
