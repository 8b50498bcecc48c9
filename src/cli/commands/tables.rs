//! `snow tables` and `snow table`: what an instance has, as far as this user may see it.

use clap::Args;

use super::app::App;
use super::using;
use crate::base::error::Failure;
use crate::base::schemas;
use crate::base::shown::shown;
use crate::client::tables::{self, Columns};
use crate::model::profile::TableName;
use crate::report::json::tables::{Column, Table, TableEntry, Tables};
use crate::report::text;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow tables
  snow tables --search incident
  snow tables --json | jq -r '.tables[].name'")]
pub struct TablesArgs {
    /// Only tables whose name or label has this text
    #[arg(long, value_name = "TEXT")]
    pub search: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  snow table incident
  snow table incident --json | jq '.columns[] | select(.mandatory)'")]
pub struct TableArgs {
    /// The table
    #[arg(value_name = "TABLE")]
    pub name: TableName,
}

pub async fn tables(app: &mut App, arguments: TablesArgs) -> Result<u8, Failure> {
    let chosen = using::choose(app)?;
    let client = using::open(app, chosen, false).await?;
    let found = {
        let _progress = app.console.progress("Reading the tables");
        tables::tables(&client, arguments.search.as_deref().filter(|text| !text.is_empty())).await?
    };
    let entries = found.iter().map(|table| TableEntry {
        name: &table.name,
        label: &table.label,
        parent: table.parent.as_deref(),
    });
    let tables: Vec<_> = entries.collect();
    if app.console.json {
        app.console.document(&Tables { schema: schemas::Tables, tables });
        return Ok(0);
    }
    if tables.is_empty() {
        app.console.note("No table that this user can see.");
        return Ok(0);
    }
    let rows = tables.iter().map(|table| vec![table.name, table.label, table.parent.unwrap_or("")]);
    app.console.data(&text::columns::table(&["NAME", "LABEL", "EXTENDS"], rows.collect(), app.console.out));
    Ok(0)
}

pub async fn table(app: &mut App, arguments: TableArgs) -> Result<u8, Failure> {
    let chosen = using::choose(app)?;
    let client = using::open(app, chosen, false).await?;
    let Columns { parents, columns, is_sample, hides_overrides } = {
        let _progress = app.console.progress(&format!("Reading the columns of {}", arguments.name));
        tables::columns(&client, &arguments.name).await?
    };
    if is_sample {
        app.console.say(&shown!(
            "note: types and labels are hidden from this user: these are the fields that a row of {} shows",
            arguments.name
        ));
    }
    if hides_overrides {
        app.console.say(&shown!(
            "note: dictionary overrides are hidden from this user and not counted: more columns of {} may be mandatory",
            arguments.name
        ));
    }
    if app.console.json {
        let columns = columns.iter().map(|column| Column {
            name: &column.name,
            label: column.label.as_deref(),
            kind: column.kind.as_deref(),
            reference: column.reference.as_deref(),
            mandatory: column.mandatory,
            from: column.from.as_deref(),
        });
        app.console.document(&Table {
            schema: schemas::Table,
            table: arguments.name.as_str(),
            parents: parents.as_ref().map(|parents| parents.iter().map(String::as_str).collect()),
            columns: columns.collect(),
        });
        return Ok(0);
    }
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let rows: Vec<[String; 6]> = columns
        .iter()
        .map(|column| {
            let mandatory = if column.mandatory == Some(true) { "yes" } else { "" };
            [
                column.name.clone(),
                text(&column.label),
                text(&column.kind),
                text(&column.reference),
                mandatory.to_owned(),
                text(&column.from),
            ]
        })
        .collect();
    let rows = rows.iter().map(|row| row.iter().map(String::as_str).collect()).collect();
    let heads: &[&str] =
        if is_sample { &["NAME"] } else { &["NAME", "LABEL", "TYPE", "REFERENCE", "MANDATORY", "FROM"] };
    app.console.data(&text::columns::table(heads, rows, app.console.out));
    Ok(0)
}
