//! What an instance has: `snow tables` and `snow table`.

use serde::Serialize;

use crate::base::schemas;

/// The tables that a user can see: `snow tables`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Tables<'a> {
    pub schema: schemas::Tables,
    /// By name.
    pub tables: Vec<TableEntry<'a>>,
}

/// One table.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct TableEntry<'a> {
    pub name: &'a str,
    pub label: &'a str,
    /// The table that it extends; null if it extends none.
    pub parent: Option<&'a str>,
}

/// The columns of a table: `snow table`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Table<'a> {
    pub schema: schemas::Table,
    pub table: &'a str,
    /// The tables that it extends, the nearest first; null if this user may not see them.
    pub parents: Option<Vec<&'a str>>,
    /// By name.
    pub columns: Vec<Column<'a>>,
}

/// One column. What this user may not see of it is null.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Column<'a> {
    pub name: &'a str,
    pub label: Option<&'a str>,
    /// The type, as `string` or `reference`.
    #[serde(rename = "type")]
    pub kind: Option<&'a str>,
    /// The table that it refers to; null if it is no reference.
    pub reference: Option<&'a str>,
    pub mandatory: Option<bool>,
    /// The table that has it: this one, or one that it extends.
    pub from: Option<&'a str>,
}

/// The address that a browser was given: `snow open`.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Opened<'a> {
    pub schema: schemas::Open,
    pub url: &'a str,
    /// False if asking and browsers are forbidden here.
    pub opened: bool,
}
