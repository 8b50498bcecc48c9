//! The tables of an instance, and the columns of one, as far as this user may see them.

use super::request::Client;
use super::rows::{Cursor, Step, Walk};
use crate::base::code::{Class, Code};
use crate::base::error::Failure;
use crate::base::shown::{Step as Advice, shown};
use crate::model::profile::TableName;
use crate::service::rows::{Row, RowQuery};
use crate::service::tables::{Column, Override, TableEntry, columns_shown};

/// No table has more ancestors.
const MOST_PARENTS: usize = 20;

/// The columns of a table.
pub struct Columns {
    /// The tables that it extends, the nearest first; `None` if they are hidden.
    pub parents: Option<Vec<String>>,
    pub columns: Vec<Column>,
    /// Whether the types are hidden, so that a row is all there was to go by.
    pub is_sample: bool,
    /// Whether what a table says otherwise of columns that it inherits is hidden.
    pub hides_overrides: bool,
}

/// All rows of a query, each made into something, and whether some are hidden.
pub(super) async fn collected<T>(
    client: &Client,
    query: RowQuery,
    limit: Option<u64>,
    make: impl Fn(&Row<'_>) -> Option<T>,
) -> Result<(Vec<T>, bool), Failure> {
    let mut made = Vec::new();
    let mut walk = Walk::new(client.clone(), query, limit, Cursor::default());
    loop {
        let step = walk.page(|row, _| {
            made.extend(make(row));
            Ok(true)
        });
        match step.await? {
            Step::More => {}
            Step::Done => return Ok((made, walk.cursor.has_hidden)),
            Step::Wait(wait, _) => tokio::time::sleep(wait).await,
        }
    }
}

/// The same, where it may be that all rows are hidden.
async fn visible<T>(
    client: &Client,
    query: RowQuery,
    make: impl Fn(&Row<'_>) -> Option<T>,
) -> Result<(Vec<T>, bool), Failure> {
    match collected(client, query, None, make).await {
        Err(failure) if failure.class() == Class::Forbidden => Ok((Vec::new(), true)),
        found => found,
    }
}

/// The tables whose name or label has this text, by name.
pub async fn tables(client: &Client, search: Option<&str>) -> Result<Vec<TableEntry>, Failure> {
    let service = client.connection().service();
    let (mut tables, _) = collected(client, service.tables(search), None, |row| service.table_of(row)).await?;
    tables.retain(|table| search.is_none_or(|search| service.fits(table, search)));
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
    let service = client.connection().service();
    let (found, _) = visible(client, service.columns(&tables), |row| service.column_of(row)).await?;
    if found.is_empty() {
        let columns = sampled(client, table).await?;
        return Ok(Columns { parents: parents(lineage), columns, is_sample: true, hides_overrides: false });
    }
    let (overrides, hides_overrides) = match service.overrides(&tables) {
        Some(overrides) => visible(client, overrides, |row| service.override_of(row)).await?,
        None => (Vec::new(), false),
    };
    let columns = resolved(&tables, found, &overrides);
    Ok(Columns { parents: parents(lineage), columns, is_sample: false, hides_overrides })
}

fn parents(lineage: Option<Vec<String>>) -> Option<Vec<String>> {
    lineage.filter(|tables| !tables.is_empty()).map(|tables| tables[1..].to_vec())
}

/// The columns as the first of these tables has them: what is said nearest to it holds.
fn resolved(tables: &[String], mut columns: Vec<Column>, overrides: &[Override]) -> Vec<Column> {
    let distance = |name: &str| tables.iter().position(|table| table == name).unwrap_or(usize::MAX);
    let of_column = |column: &Column| column.from.as_deref().map_or(usize::MAX, distance);
    // What a table declares again is its own.
    columns.sort_by(|one, other| one.name.cmp(&other.name).then(of_column(one).cmp(&of_column(other))));
    columns.dedup_by(|later, earlier| later.name == earlier.name);
    for column in &mut columns {
        let said = overrides.iter().filter(|said| said.column == column.name);
        let nearest = said.min_by_key(|said| distance(&said.table));
        if let Some(nearest) = nearest.filter(|said| distance(&said.table) < of_column(column)) {
            column.mandatory = Some(nearest.mandatory);
        }
    }
    columns
}

/// A table and those that it extends; empty if the table itself is not listed.
async fn lineage(client: &Client, table: &TableName) -> Result<Vec<String>, Failure> {
    let mut lineage: Vec<String> = Vec::new();
    let mut next = Some(table.to_string());
    while let Some(name) = next.filter(|name| !lineage.contains(name) && lineage.len() < MOST_PARENTS) {
        let service = client.connection().service();
        let Some(query) = service.table(&name) else { return Ok(vec![name]) };
        let (found, _) = collected(client, query, Some(1), |row| service.table_of(row)).await?;
        // The name is not believed: a term that is left out finds any table.
        let Some(entry) = found.into_iter().find(|entry| entry.name == name) else { break };
        lineage.push(name);
        next = entry.parent;
    }
    Ok(lineage)
}

/// The columns that a row of the table shows.
async fn sampled(client: &Client, table: &TableName) -> Result<Vec<Column>, Failure> {
    let query = client.connection().service().sample(table);
    let (rows, _) = collected(client, query, Some(1), |row| Some(columns_shown(row))).await?;
    rows.into_iter().next().ok_or_else(|| {
        Failure::new(Code::TableHidden, shown!("the columns of {} are hidden", table))
            .why("This user may see neither the dictionary nor any row of the table.")
            .next("Ask an administrator for the rights to read it")
            .next(Advice::say("Look for other tables: ").and_run("snow tables"))
    })
}
