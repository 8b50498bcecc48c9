//! What an instance says of its tables: `sys_db_object`, `sys_dictionary` and
//! `sys_dictionary_override`.

use super::encoded::escaped;
use super::oauth::ServiceNow;
use crate::model::profile::TableName;
use crate::service::rows::{Listing, Row, RowQuery};
use crate::service::tables::{Column, Override, TableEntry, Tables};

pub(super) fn query(table: &str, filter: String, fields: &[&str]) -> RowQuery {
    RowQuery {
        table: table.parse().expect("the name of a table"),
        filter,
        fields: fields.iter().map(|&field| field.to_owned()).collect(),
        order: None,
        display: false,
        listing: Listing::Rows,
    }
}

fn text(row: &Row<'_>, field: &str) -> Option<String> {
    row.value(field).filter(|text| !text.is_empty()).map(|text| text.into_owned())
}

/// The rows whose table is one of these.
fn of(tables: &[String]) -> String {
    let names: Vec<String> = tables.iter().map(|name| escaped(&name.to_ascii_lowercase())).collect();
    format!("nameIN{}", names.join(","))
}

impl Tables for ServiceNow {
    fn tables(&self, search: Option<&str>) -> RowQuery {
        let filter = search.map(|text| format!("nameLIKE{0}^ORlabelLIKE{0}", escaped(text))).unwrap_or_default();
        query("sys_db_object", filter, &["name", "label", "super_class.name"])
    }

    fn table(&self, name: &str) -> Option<RowQuery> {
        let filter = format!("name={}", escaped(&name.to_ascii_lowercase()));
        Some(query("sys_db_object", filter, &["name", "label", "super_class.name"]))
    }

    fn table_of(&self, row: &Row<'_>) -> Option<TableEntry> {
        let (label, parent) = (text(row, "label").unwrap_or_default(), text(row, "super_class.name"));
        Some(TableEntry { name: text(row, "name")?, label, parent })
    }

    fn columns(&self, tables: &[String]) -> RowQuery {
        let filter = format!("{}^elementISNOTEMPTY^active!=false", of(tables));
        query("sys_dictionary", filter, &["name", "element", "column_label", "internal_type", "reference", "mandatory"])
    }

    fn column_of(&self, row: &Row<'_>) -> Option<Column> {
        Some(Column {
            name: text(row, "element")?,
            label: text(row, "column_label"),
            kind: text(row, "internal_type"),
            reference: text(row, "reference"),
            mandatory: row.value("mandatory").map(|value| value == "true"),
            from: text(row, "name"),
        })
    }

    /// Beside each value there is a mark whether it counts.
    fn overrides(&self, tables: &[String]) -> Option<RowQuery> {
        let filter = format!("{}^elementISNOTEMPTY^mandatory_override=true", of(tables));
        let fields = ["name", "element", "mandatory_override", "mandatory"];
        Some(query("sys_dictionary_override", filter, &fields))
    }

    fn override_of(&self, row: &Row<'_>) -> Option<Override> {
        let counts = row.value("mandatory_override")? == "true";
        let mandatory = row.value("mandatory")? == "true";
        counts.then_some(Override { table: text(row, "name")?, column: text(row, "element")?, mandatory })
    }

    fn sample(&self, table: &TableName) -> RowQuery {
        query(table.as_str(), String::new(), &[])
    }
}
