//! The checks of tables: readable, hidden, empty, or without a field.

use super::context::CheckContext;
use super::report::{Check, CheckId};
use crate::base::code::{Code, Reach};
use crate::base::error::{Cause, CauseRow, CausesOfCode, Failure, Likelihood};
use crate::base::shown::{Show, Shown, shown};
use crate::http::client::Exchange;
use crate::model::profile::TableName;
use crate::service::Purpose;
use crate::service::probe::{ProbedRows, field_hidden};

/// How many rows are asked for when one alone was not visible: the limit is
/// applied before the access rules.
const SECOND_LOOK: u32 = 100;

impl CheckContext {
    /// Judges what came for one table.
    pub async fn table_check(
        &self,
        table: &TableName,
        exchange: &Exchange,
        rows: Result<ProbedRows, Failure>,
    ) -> Check {
        let check = match rows {
            Ok(rows) if rows.records.is_empty() => self.second_look(table).await,
            Ok(rows) => self.fields_check(table, exchange, &rows),
            Err(failure) if self.is_token_refused_here_alone(table, &failure).await => {
                self.unreadable(self.service().refused_here_alone(&failure, table))
            }
            Err(failure) => self.unreadable(failure),
        };
        check.of(table.as_str())
    }

    /// Whether a token that is refused for this table still opens the first one: then it is
    /// good for more than one request, and the table is the matter.
    async fn is_token_refused_here_alone(&self, table: &TableName, failure: &Failure) -> bool {
        let first = self.plan.tables.first().filter(|first| *first != table);
        let Some(first) = first.filter(|_| self.was_taken && failure.code() == Code::BearerRefused) else {
            return false;
        };
        self.table(first, 1, false).await.1.is_ok()
    }

    /// Rows came: whether the field that was asked for came with them.
    fn fields_check(&self, table: &TableName, exchange: &Exchange, rows: &ProbedRows) -> Check {
        let missing = rows.missing_fields(self.service().key());
        if missing.is_empty() {
            Check::pass(CheckId::AccessTable)
        } else {
            let hidden = field_hidden(table, &missing, &self.user());
            self.unreadable(self.with_evidence_of(exchange, Purpose::Table(table), hidden))
        }
    }

    /// No row came: asks for more of them, and how many there are.
    async fn second_look(&self, table: &TableName) -> Check {
        let id = CheckId::AccessTable;
        let (exchange, rows) = self.table(table, SECOND_LOOK, true).await;
        let rows = match rows {
            Ok(rows) => rows,
            Err(failure) => return self.unreadable(failure),
        };
        if !rows.records.is_empty() {
            return self.fields_check(table, &exchange, &rows);
        }
        let with_evidence = |failure| self.with_evidence_of(&exchange, Purpose::Table(table), failure);
        match rows.total {
            Some(total) if total > 0 && !self.is_probe() => Check::fail(id, with_evidence(self.hidden(table, total))),
            Some(total) if total > 0 => Check::warn(id, of_probe(with_evidence(self.hidden(table, total)))),
            _ if self.is_probe() => Check::warn(id, of_probe(with_evidence(self.empty(table)))),
            _ => Check::warn(id, with_evidence(self.empty(table))),
        }
    }

    /// No table was asked for: the probe can only warn of what is its own.
    fn is_probe(&self) -> bool {
        self.plan.tables.is_empty()
    }

    fn unreadable(&self, failure: Failure) -> Check {
        if self.is_probe() && failure.code().reach() == Reach::Table {
            Check::warn(CheckId::AccessTable, of_probe(failure))
        } else {
            Check::fail(CheckId::AccessTable, failure)
        }
    }

    fn hidden(&self, table: &TableName, total: u64) -> Failure {
        let user = self.user();
        let looked = total.min(u64::from(SECOND_LOOK));
        Failure::new(Code::TableHidden, shown!("signed in as {}, but cannot read any row of {}", user, table))
            .why(shown!("The instance counts {} rows in {} but returned none of the first {}: access rules (ACLs) drop rows without an error.", total, table, looked))
            .causes(Cause::filled(ROWS_HIDDEN, &[("{user}", user.clone().into()), ("{table}", table.show().into())]))
            .next(shown!("Ask an administrator to give {} read access to {}", user, table))
            .evidence("total_count", total)
            .evidence("rows_asked_for", SECOND_LOOK)
    }

    fn empty(&self, table: &TableName) -> Failure {
        Failure::new(Code::TableHidden, shown!("{} returned no rows", table))
            .why("The table is empty or its rows are hidden: the instance gives the same answer in both cases.")
            .next("Test with a table that has rows: --table NAME")
    }

    fn user(&self) -> Shown {
        self.connection.username().map_or("the user".into(), Show::show)
    }
}

/// What is said where the table of the default probe gives nothing.
fn of_probe(failure: Failure) -> Failure {
    let why =
        shown!("{} No table was given, so this only tests the sign-in.", failure.reason().cloned().unwrap_or_default());
    failure.why(why).first("Test a table that the connection is meant for: --table NAME")
}

const ROWS_HIDDEN: &[CauseRow] = &[
    ("missing-role", Likelihood::High, "{user} lacks a role that can read {table}"),
    ("row-acl", Likelihood::Medium, "only certain rows are visible, and none of them is among the first"),
];

/// What may be behind a table that gives no rows. The texts hold `{user}` and `{table}`.
pub fn causes() -> impl Iterator<Item = CausesOfCode> {
    std::iter::once(CausesOfCode::new(Code::TableHidden, ROWS_HIDDEN))
}
