//! What a service says of its tables.

use super::rows::{Row, RowQuery};
use crate::model::profile::TableName;

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableEntry {
    pub name: String,
    pub label: String,
    /// The table that it extends.
    pub parent: Option<String>,
}

/// A column. What is not known is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub label: Option<String>,
    pub kind: Option<String>,
    pub reference: Option<String>,
    pub mandatory: Option<bool>,
    /// The table that has it.
    pub from: Option<String>,
}

/// What a table says otherwise of a column that it inherits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    pub table: String,
    pub column: String,
    pub mandatory: bool,
}

/// How a service is asked for its tables and columns.
pub trait Tables: Sync {
    /// The tables whose name or label has this text, or all.
    fn tables(&self, search: Option<&str>) -> RowQuery;

    /// Whether a table has the text, if the service gives all of them.
    fn fits(&self, _table: &TableEntry, _search: &str) -> bool {
        true
    }

    /// The table of this name; `None` if no table extends another.
    fn table(&self, name: &str) -> Option<RowQuery>;

    /// The table that a row is about, if it says its name.
    fn table_of(&self, row: &Row<'_>) -> Option<TableEntry>;

    /// The columns of these tables.
    fn columns(&self, tables: &[String]) -> RowQuery;

    /// The column that a row is about.
    fn column_of(&self, row: &Row<'_>) -> Option<Column>;

    /// What these tables override; `None` if none can.
    fn overrides(&self, tables: &[String]) -> Option<RowQuery>;

    /// What a row overrides.
    fn override_of(&self, row: &Row<'_>) -> Option<Override>;

    /// One row of a table, as far as the user may see it.
    fn sample(&self, table: &TableName) -> RowQuery;
}

/// The columns that a row shows by itself: their names.
pub fn columns_shown(row: &Row<'_>) -> Vec<Column> {
    row.members().iter().map(|(name, _)| Column { name: name.clone().into_owned(), ..Column::default() }).collect()
}
