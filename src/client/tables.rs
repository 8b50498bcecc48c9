//! The tables of an instance, and the columns of one, as far as this user may see them.

use super::request::Client;
use super::rows::{Cursor, Step, Walk};
use crate::base::code::{Class, Code};
use crate::base::error::Failure;
use crate::base::shown::{Step as Advice, shown};
use crate::model::profile::TableName;
use crate::service::rows::{Row, RowQuery};
use crate::service::servicenow::dictionary::{self, Column, TableEntry};

/// No table has more ancestors.
const MOST_PARENTS: usize = 20;

/// The columns of a table.
pub struct Columns {
    /// The tables that it extends, the nearest first; `None` if they are hidden.
    pub parents: Option<Vec<String>>,
    pub columns: Vec<Column>,
    /// Whether the types are hidden, so that a row is all there was to go by.
    pub is_sample: bool,
}

/// All rows of a query, each made into something.
pub(crate) async fn collected<T>(
    client: &Client,
    query: RowQuery,
    limit: Option<u64>,
    make: impl Fn(&Row<'_>) -> Option<T>,
) -> Result<Vec<T>, Failure> {
    let mut made = Vec::new();
    let mut walk = Walk::new(client.clone(), query, limit, Cursor::default());
    loop {
        let step = walk.page(|row, _| {
            made.extend(make(row));
            Ok(true)
        });
        match step.await? {
            Step::More => {}
            Step::Done => return Ok(made),
            Step::Wait(wait, _) => tokio::time::sleep(wait).await,
        }
    }
}

/// The tables whose name or label has this text, by name.
pub async fn tables(client: &Client, search: Option<&str>) -> Result<Vec<TableEntry>, Failure> {
    let mut tables = collected(client, dictionary::tables(search), None, dictionary::table_of).await?;
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(tables)
}

/// The columns of a table, its own and those that it inherits, by name.
pub async fn columns(client: &Client, table: &TableName) -> Result<Columns, Failure> {
    let lineage = match lineage(client, table).await {
        Ok(lineage) => Some(lineage),
        // Who may not see the list of tables may still see their columns.
        Err(failure) if failure.class() == Class::Forbidden => None,
        Err(failure) => return Err(failure),
    };
    let tables = lineage.clone().filter(|tables| !tables.is_empty()).unwrap_or_else(|| vec![table.to_string()]);
    let found = match collected(client, dictionary::columns(&tables), None, dictionary::column_of).await {
        Ok(found) => found,
        Err(failure) if failure.class() == Class::Forbidden => Vec::new(),
        Err(failure) => return Err(failure),
    };
    let distance = |column: &Column| {
        column.from.as_ref().and_then(|from| tables.iter().position(|table| table == from)).unwrap_or(usize::MAX)
    };
    let (mut columns, is_sample) =
        if found.is_empty() { (sampled(client, table).await?, true) } else { (found, false) };
    // What a table declares again is its own.
    columns.sort_by(|one, other| one.name.cmp(&other.name).then(distance(one).cmp(&distance(other))));
    columns.dedup_by(|later, earlier| later.name == earlier.name);
    let parents = lineage.filter(|tables| !tables.is_empty()).map(|tables| tables[1..].to_vec());
    Ok(Columns { parents, columns, is_sample })
}

/// A table and those that it extends; empty if the table itself is not listed.
async fn lineage(client: &Client, table: &TableName) -> Result<Vec<String>, Failure> {
    let mut lineage: Vec<String> = Vec::new();
    let mut next = Some(table.to_string());
    while let Some(name) = next.filter(|name| !lineage.contains(name) && lineage.len() < MOST_PARENTS) {
        let found = collected(client, dictionary::table(&name), Some(1), dictionary::table_of).await?;
        // The name is not believed: a term that is left out finds any table.
        let Some(entry) = found.into_iter().find(|entry| entry.name == name) else { break };
        lineage.push(name);
        next = entry.parent;
    }
    Ok(lineage)
}

/// The columns that a row of the table shows.
async fn sampled(client: &Client, table: &TableName) -> Result<Vec<Column>, Failure> {
    let rows = collected(client, dictionary::sample(table), Some(1), |row| Some(dictionary::columns_of(row))).await?;
    rows.into_iter().next().ok_or_else(|| {
        Failure::new(Code::TableHidden, shown!("the columns of {} are hidden", table))
            .why("This user may see neither the dictionary nor any row of the table.")
            .next("Ask an administrator for the rights to read it")
            .next(Advice::say("Look for other tables: ").and_run("snow tables"))
    })
}
