//! A record as it is handed on: without what the API says about itself, and with the fields
//! of related records beside its own.

use crate::base::json_array::Element;
use crate::service::rows::Row;

/// What the API adds to each record: its type and address.
const ATTRIBUTES: &str = "attributes";

/// The record without attributes: `{"Account":{"attributes":…,"Name":"x"}}` becomes
/// `{"Account.Name":"x"}`, as it is asked for. `None` where there is nothing to leave out.
/// Values are as they came.
pub fn rewritten(row: &Row<'_>) -> Option<String> {
    if !row.text.contains("\"attributes\"") {
        return None;
    }
    let mut members = Vec::new();
    flatten(row, "", &mut members);
    Some(object(&members))
}

fn flatten(row: &Row<'_>, before: &str, members: &mut Vec<(String, String)>) {
    for (name, value) in row.members().iter().filter(|(name, _)| name != ATTRIBUTES) {
        let name = format!("{before}{name}");
        match read(value) {
            Some(related) if has(&related, ATTRIBUTES) => flatten(&related, &format!("{name}."), members),
            Some(list) if has(&list, "records") => members.push((name, without_attributes(&list))),
            _ => members.push((name, (*value).to_owned())),
        }
    }
}

/// The answer of a query within the query, with its records as they are handed on.
fn without_attributes(list: &Row<'_>) -> String {
    let members = list.members().iter().map(|(name, value)| {
        let records =
            (name == "records").then(|| serde_json::from_str::<Vec<&serde_json::value::RawValue>>(value).ok());
        let value = match records.flatten() {
            Some(records) => {
                let record =
                    |text: &str| read(text).and_then(|record| rewritten(&record)).unwrap_or_else(|| text.to_owned());
                let records: Vec<String> = records.iter().map(|text| record(text.get())).collect();
                format!("[{}]", records.join(","))
            }
            None => (*value).to_owned(),
        };
        (name.clone().into_owned(), value)
    });
    object(&members.collect::<Vec<_>>())
}

fn read(text: &str) -> Option<Row<'_>> {
    text.starts_with('{').then(|| Row::read(Element { text: text.as_bytes(), is_flat: false })).flatten()
}

fn has(row: &Row<'_>, member: &str) -> bool {
    row.members().iter().any(|(name, _)| name == member)
}

fn object(members: &[(String, String)]) -> String {
    let members = members.iter().map(|(name, value)| format!("{}:{value}", serde_json::Value::from(name.as_str())));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<String> {
        rewritten(&read(text).unwrap())
    }

    #[test]
    fn a_record_has_only_fields_and_those_of_related_records_beside_them() {
        let attributes = r#""attributes":{"type":"Case","url":"/services/data/v64.0/sobjects/Case/500"}"#;
        for (record, expected) in [
            (format!(r#"{{{attributes},"Id":"500","N":1.50,"B":null}}"#), r#"{"Id":"500","N":1.50,"B":null}"#),
            (
                format!(
                    r#"{{{attributes},"Account":{{{attributes},"Name":"x","Owner":{{{attributes},"a\"b":true}}}}}}"#
                ),
                r#"{"Account.Name":"x","Account.Owner.a\"b":true}"#,
            ),
            (format!(r#"{{{attributes},"Account":null}}"#), r#"{"Account":null}"#),
            (
                format!(
                    r#"{{{attributes},"Cases":{{"totalSize":1,"done":true,"records":[{{{attributes},"Id":"1"}}]}}}}"#
                ),
                r#"{"Cases":{"totalSize":1,"done":true,"records":[{"Id":"1"}]}}"#,
            ),
            (format!(r#"{{{attributes},"Address":{{"city":"x"}}}}"#), r#"{"Address":{"city":"x"}}"#),
        ] {
            assert_eq!(of(&record).as_deref(), Some(expected), "{record}");
        }
        assert_eq!(of(r#"{"name":"Case","label":"Case"}"#), None);
    }
}
