//! Rows of a table as they come: JSON lines, JSON, CSV, and a table for people.

mod csv;
mod json;
pub mod table;

use std::borrow::Cow;

use crate::base::error::{Failure, FailureInJson};
use crate::base::schemas;
use crate::report::paint::Paint;
use crate::service::rows::Row;

/// The form in which rows are written.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    Jsonl,
    Json,
    /// `true`: what a spreadsheet would take for a formula is made a text.
    Csv(bool),
    /// Columns that fit a terminal.
    Table(Paint),
    /// Columns between tabs.
    Tabs,
}

/// What rows are written as, and what of them.
pub struct RowWriter {
    form: Form,
    /// The fields that were asked for; empty for all.
    fields: Vec<String>,
    /// The field that is left out if it was not asked for.
    key: &'static str,
    /// The columns, once they are known.
    columns: Vec<String>,
    /// What a person looks at first.
    first: &'static [&'static str],
    table: Option<table::Table>,
    rows: u64,
    /// Those of the fields that no row had so far.
    missing: Vec<String>,
    /// A field of a later row that no column has.
    left_out: Option<String>,
    buffer: Vec<u8>,
}

impl RowWriter {
    pub fn new(form: Form, fields: Vec<String>, key: &'static str, first: &'static [&'static str]) -> Self {
        let table = match form {
            Form::Table(paint) => Some(table::Table::new(paint)),
            _ => None,
        };
        Self {
            form,
            columns: fields.clone(),
            missing: fields.clone(),
            fields,
            key,
            first,
            table,
            rows: 0,
            left_out: None,
            buffer: Vec::new(),
        }
    }

    /// Goes on after so many rows that were written before, under these columns.
    pub fn after(mut self, rows: u64, columns: Vec<String>) -> Self {
        (self.rows, self.columns) = (rows, columns);
        self
    }

    /// The columns, once they are known.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// A field of a row that no column has.
    pub fn left_out(&self) -> Option<&str> {
        self.left_out.as_deref()
    }

    /// The fields that were asked for and that no row had.
    pub fn missing(&self) -> impl Iterator<Item = &str> {
        self.missing.iter().map(String::as_str)
    }

    /// What was written since it was taken.
    pub fn ready(&self) -> &[u8] {
        &self.buffer
    }

    /// What is ready was taken.
    pub fn clear(&mut self) {
        self.buffer.clear();
    }

    /// What comes before the first row.
    pub fn begin(&mut self, table: &str, count: Option<u64>) {
        if matches!(self.form, Form::Json) {
            json::head(&mut self.buffer, table, count);
        }
    }

    pub fn row(&mut self, row: &Row<'_>) {
        let is_first = self.rows == 0;
        if !self.missing.is_empty() {
            self.missing.retain(|field| row.members().iter().all(|(name, _)| name != field));
        }
        self.rows += 1;
        match self.form {
            Form::Jsonl => {
                json::row(&mut self.buffer, row, &self.fields, self.key);
                self.buffer.push(b'\n');
            }
            Form::Json => {
                if !is_first {
                    self.buffer.push(b',');
                }
                json::row(&mut self.buffer, row, &self.fields, self.key);
            }
            Form::Csv(safe) => {
                self.find_columns(row);
                if is_first {
                    csv::line(&mut self.buffer, self.columns.iter().map(|name| name.as_str().into()), false);
                }
                let cells = cells(&self.columns, row);
                csv::line(&mut self.buffer, cells, safe);
            }
            Form::Tabs => {
                self.find_columns(row);
                if is_first {
                    tabs(&mut self.buffer, self.columns.iter().map(|name| name.as_str().into()));
                }
                tabs(&mut self.buffer, cells(&self.columns, row));
            }
            Form::Table(_) => {
                self.find_columns(row);
                let cells = cells(&self.columns, row);
                let table = self.table.as_mut().expect("a table has one");
                table.row(&self.columns, cells.collect(), &mut self.buffer);
            }
        }
    }

    /// The columns of rows of which all fields are wanted are those of the first one.
    fn find_columns(&mut self, row: &Row<'_>) {
        if self.columns.is_empty() {
            self.columns = row.members().iter().map(|(name, _)| name.clone().into_owned()).collect();
            if matches!(self.form, Form::Table(_)) {
                let place = |name: &String| self.first.iter().position(|first| first == name).unwrap_or(usize::MAX);
                self.columns.sort_by_key(place);
            }
        } else if self.fields.is_empty() && self.left_out.is_none() {
            let members = row.members();
            // Most rows have the fields of the first one.
            if members.len() == self.columns.len()
                && members.iter().zip(&self.columns).all(|((name, _), column)| name == column)
            {
                return;
            }
            let is_known = |name: &Cow<'_, str>| self.columns.iter().any(|column| column == name);
            self.left_out =
                members.iter().map(|(name, _)| name).find(|name| !is_known(name)).map(|name| name.to_string());
        }
    }

    /// What comes after the last row, and with it why there are no more.
    pub fn end(&mut self, failure: Option<&Failure>) {
        match self.form {
            Form::Json => json::end(&mut self.buffer, failure.map(FailureInJson::from)),
            Form::Csv(_) if self.rows == 0 && !self.columns.is_empty() => {
                csv::line(&mut self.buffer, self.columns.iter().map(|name| name.as_str().into()), false);
            }
            Form::Table(_) => {
                let table = self.table.as_mut().expect("a table has one");
                table.end(&self.columns, self.fields.is_empty(), &mut self.buffer);
            }
            _ => {}
        }
    }
}

/// What a row has in these columns.
fn cells<'a>(columns: &'a [String], row: &'a Row<'_>) -> impl Iterator<Item = Cow<'a, str>> {
    columns.iter().enumerate().map(|(place, name)| row.value_at(place, name).unwrap_or_default())
}

/// A line between tabs, with blanks for what would end a cell.
fn tabs<'a>(buffer: &mut Vec<u8>, cells: impl Iterator<Item = Cow<'a, str>>) {
    for (place, cell) in cells.enumerate() {
        if place > 0 {
            buffer.push(b'\t');
        }
        buffer.extend(cell.bytes().map(|byte| if matches!(byte, b'\t' | b'\n' | b'\r') { b' ' } else { byte }));
    }
    buffer.push(b'\n');
}

/// The rows of a table: `snow query -o json`. They come as the instance gives them.
#[derive(serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Query<'a> {
    pub schema: schemas::Query,
    pub table: &'a str,
    /// How many rows the service counts, those that this user may not read included; null
    /// if it does not say.
    pub count: Option<u64>,
    pub rows: Vec<serde_json::Map<String, serde_json::Value>>,
    /// Why there are no more rows; missing if these are all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<FailureInJson<'a>>,
}
