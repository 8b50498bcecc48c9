//! `GET …/stats/{table}`: counts and sums, as the Aggregate API gives them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::list::{filter, query_of};
use super::path::Path;
use super::select::Display;
use super::{Call, query_forbidden};
use crate::sandbox::answers::{Response, success};
use crate::sandbox::rows::{Record, Store};
use crate::sandbox::schema::Class;

#[derive(Clone, Copy)]
enum Sum {
    Average,
    Least,
    Greatest,
    Total,
}

const SUMS: &[(&str, &str, Sum)] = &[
    ("sysparm_avg_fields", "avg", Sum::Average),
    ("sysparm_min_fields", "min", Sum::Least),
    ("sysparm_max_fields", "max", Sum::Greatest),
    ("sysparm_sum_fields", "sum", Sum::Total),
];

pub fn answer(store: &Store, call: &Call<'_>, class: &Class) -> Response {
    let query = query_of(call);
    let filter = filter(store, call, class, &query);
    if !filter.is_permitted(&call.caller) {
        return query_forbidden();
    }
    // Other than `X-Total-Count`, these numbers leave out what is hidden.
    let readable = |record: &Record<'_>| call.caller.may_read(*record);
    let records: Vec<Record<'_>> =
        store.records(class.table.name).filter(readable).filter(|record| filter.fits(store, *record)).collect();
    let mut group_by = fields(store, call, class, call.request.parameter("sysparm_group_by").unwrap_or(""));
    group_by.extend(fields(store, call, class, &query.group_by.join(",")));
    if group_by.is_empty() {
        return success(json!({ "stats": stats(store, call, class, &records) }));
    }
    let mut groups: BTreeMap<Vec<String>, Vec<Record<'_>>> = BTreeMap::new();
    for record in records {
        let key = group_by.iter().map(|(_, path)| path.value(store, record).to_owned()).collect();
        groups.entry(key).or_default().push(record);
    }
    let groups = groups.into_iter().map(|(key, records)| {
        let fields: Vec<Value> = group_by
            .iter()
            .zip(&key)
            .map(|((name, path), value)| {
                let shown = || records.first().map(|record| path.display(store, *record)).unwrap_or_default();
                match Display::of(call) {
                    Display::Values => json!({ "field": name, "value": value }),
                    Display::Shown => json!({ "field": name, "value": shown() }),
                    Display::Both => json!({ "field": name, "value": value, "display_value": shown() }),
                }
            })
            .collect();
        json!({ "stats": stats(store, call, class, &records), "groupby_fields": fields })
    });
    success(groups.collect())
}

fn stats(store: &Store, call: &Call<'_>, class: &Class, records: &[Record<'_>]) -> Value {
    let mut stats = Map::new();
    if call.request.is_on("sysparm_count") {
        stats.insert("count".to_owned(), json!(records.len().to_string()));
    }
    for (parameter, name, sum) in SUMS {
        let asked = fields(store, call, class, call.request.parameter(parameter).unwrap_or(""));
        if asked.is_empty() {
            continue;
        }
        let sums = asked.into_iter().map(|(field, path)| (field, json!(summed(store, &path, records, *sum))));
        stats.insert((*name).to_owned(), Value::Object(sums.collect()));
    }
    Value::Object(stats)
}

fn fields(store: &Store, call: &Call<'_>, class: &Class, names: &str) -> Vec<(String, Path)> {
    let known = |name: &str| Some((name.to_owned(), Path::of(store, class, name)?));
    let names = names.split(',').map(str::trim).filter_map(known);
    names.filter(|(_, path)| path.is_visible(&call.caller)).collect()
}

fn summed(store: &Store, path: &Path, records: &[Record<'_>], sum: Sum) -> String {
    let values = records.iter().map(|record| path.value(store, *record)).filter(|value| !value.is_empty());
    if path.field().kind.is_number() {
        let numbers: Vec<i64> = values.filter_map(|value| value.parse().ok()).collect();
        let total: i64 = numbers.iter().sum();
        return match sum {
            _ if numbers.is_empty() => String::new(),
            Sum::Average => format!("{:.4}", total as f64 / numbers.len() as f64),
            Sum::Least => numbers.iter().min().map(i64::to_string).unwrap_or_default(),
            Sum::Greatest => numbers.iter().max().map(i64::to_string).unwrap_or_default(),
            Sum::Total => total.to_string(),
        };
    }
    match sum {
        Sum::Least => values.min().unwrap_or_default().to_owned(),
        Sum::Greatest => values.max().unwrap_or_default().to_owned(),
        // Only numbers add up.
        Sum::Average | Sum::Total => String::new(),
    }
}
