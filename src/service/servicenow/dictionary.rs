//! What an instance says of its tables: `sys_db_object` and `sys_dictionary`.

use super::encoded::escaped;
use crate::model::profile::TableName;
use crate::service::rows::{Row, RowQuery};

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableEntry {
    pub name: String,
    pub label: String,
    /// The table that it extends.
    pub parent: Option<String>,
}

/// A column. What is not known is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub label: Option<String>,
    pub kind: Option<String>,
    pub reference: Option<String>,
    pub mandatory: Option<bool>,
    /// The table that has it.
    pub from: Option<String>,
}

pub(super) fn query(table: &str, filter: String, fields: &[&str]) -> RowQuery {
    RowQuery {
        table: table.parse().expect("the name of a table"),
        filter,
        fields: fields.iter().map(|&field| field.to_owned()).collect(),
        order: None,
        display: false,
    }
}

/// The tables whose name or label has this text, or all.
pub fn tables(search: Option<&str>) -> RowQuery {
    let filter = search.map(|text| format!("nameLIKE{0}^ORlabelLIKE{0}", escaped(text))).unwrap_or_default();
    query("sys_db_object", filter, &["name", "label", "super_class.name"])
}

/// The table of this name.
pub fn table(name: &str) -> RowQuery {
    query("sys_db_object", format!("name={}", escaped(name)), &["name", "label", "super_class.name"])
}

/// The table that a row is about, if it says its name.
pub fn table_of(row: &Row<'_>) -> Option<TableEntry> {
    let text = |field| row.value(field).filter(|text| !text.is_empty()).map(|text| text.into_owned());
    Some(TableEntry { name: text("name")?, label: text("label").unwrap_or_default(), parent: text("super_class.name") })
}

/// The columns of these tables.
pub fn columns(tables: &[String]) -> RowQuery {
    let names: Vec<String> = tables.iter().map(|name| escaped(name)).collect();
    let filter = format!("nameIN{}^elementISNOTEMPTY^active!=false", names.join(","));
    query("sys_dictionary", filter, &["name", "element", "column_label", "internal_type", "reference", "mandatory"])
}

/// The column that a row is about.
pub fn column_of(row: &Row<'_>) -> Option<Column> {
    let text = |field| row.value(field).filter(|text| !text.is_empty()).map(|text| text.into_owned());
    Some(Column {
        name: text("element")?,
        label: text("column_label"),
        kind: text("internal_type"),
        reference: text("reference"),
        mandatory: row.value("mandatory").map(|value| value == "true"),
        from: text("name"),
    })
}

/// One row of a table, as far as the user may see it.
pub fn sample(table: &TableName) -> RowQuery {
    query(table.as_str(), String::new(), &[])
}

/// The columns that a row shows by itself: their names.
pub fn columns_of(row: &Row<'_>) -> Vec<Column> {
    let column = |name: &str| Column {
        name: name.to_owned(),
        label: None,
        kind: None,
        reference: None,
        mandatory: None,
        from: None,
    };
    row.members.iter().map(|(name, _)| column(name)).collect()
}
