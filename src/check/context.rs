//! Requests to an instance: sent, retried where that is allowed, and read.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::expectations::Expectations;
use crate::auth::credential::{CredentialKind, TokenAge};
use crate::base::backoff::Backoff;
use crate::base::code::Code;
use crate::base::duration::took;
use crate::base::error::{CauseRow, CausesOfCode, Failure, Likelihood};
use crate::base::server_text::Redactor;
use crate::base::shown::{Shown, shown};
use crate::engine::Connection;
use crate::http::client::{Deadline, Exchange, Response};
use crate::http::retry_after;
use crate::model::profile::Subject;
use crate::model::profile::TableName;
use crate::service::servicenow::classify::{Body, ClassifiedResponse, RequestKind};
use crate::service::servicenow::identity::{CURRENT_USER, OWN_ROW, read_user_name, users};
use crate::service::servicenow::symptoms::{diagnose, with_evidence};
use crate::service::servicenow::table::{Rows, TableQuery, read_rows};

/// What to test.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The tables that must be readable; empty: a probe that can only warn.
    pub tables: Vec<TableName>,
    pub subject: Subject,
    pub deadline: Deadline,
    /// What time it is here.
    pub clock: fn() -> DateTime<Utc>,
    pub expectations: Expectations,
    /// How often a request may be sent again.
    pub retries: u32,
}

impl Plan {
    /// A test that expects nothing but that it passes, and sends nothing twice.
    pub fn new(tables: Vec<TableName>, subject: Subject, deadline: Deadline, clock: fn() -> DateTime<Utc>) -> Self {
        Self { tables, subject, deadline, clock, expectations: Expectations::default(), retries: 0 }
    }
}

/// A connection, and what is to be found out with it.
pub struct CheckContext {
    pub connection: Arc<Connection>,
    pub plan: Plan,
    /// Whether the instance took the credential in this run.
    pub was_taken: bool,
}

/// Behind a 401 to a sign-in that works elsewhere.
pub const OTHER_METHODS: &[CauseRow] = &[(
    "other-methods",
    Likelihood::High,
    "a REST API access policy of this API has a profile for another way to sign in, such as API keys, and accepts no other",
)];

/// A refusal by one API of what another one took: the secret is right.
pub fn taken_elsewhere(failure: &Failure, table: &TableName) -> Failure {
    Failure::new(failure.code(), shown!("{} for {} alone", failure.message(), table))
        .why("The same sign-in worked for another table in this run, so the secret is right.")
        .causes(OTHER_METHODS)
        .next(shown!("Ask an administrator to add this way to sign in to the REST API access policy of {}", table))
        .evidence_of(failure)
}

/// Whether a credential is a secret that may be meant for some APIs alone.
pub fn is_for_some_apis(credential: CredentialKind) -> bool {
    matches!(credential, CredentialKind::Secret(spec) if !spec.locks_accounts)
}

/// What may be behind a 401 after a good answer.
pub fn causes() -> impl Iterator<Item = CausesOfCode> {
    [Code::BasicRefused, Code::BearerRefused, Code::ApiKeyRefused].into_iter().map(|code| CausesOfCode {
        when: Some("if the same sign-in works for another table"),
        ..CausesOfCode::new(code, OTHER_METHODS)
    })
}

/// The fields that a table is asked for.
pub const TABLE_FIELDS: &str = "sys_id";
/// The fields of one's own row.
pub const OWN_FIELDS: &str = "sys_id,user_name";

impl CheckContext {
    /// Asks for rows of a table.
    pub async fn table(&self, table: &TableName, limit: u32, count: bool) -> (Exchange, Result<Rows, Failure>) {
        let query = TableQuery { table, query: None, fields: TABLE_FIELDS, limit, count };
        let exchange = self
            .persistently(
                || self.ask(&query).boxed(),
                |exchange| self.rows(exchange, table).err().map(|failure| failure.code()),
            )
            .await;
        let rows = self.rows(&exchange, table).map_err(|failure| self.with_retry_time(failure, &exchange));
        (exchange, rows)
    }

    /// Asks who is signed in, in the way that the instance has.
    pub async fn own_user(&self) -> Exchange {
        let deadline = self.plan.deadline;
        let exchange = self
            .persistently(|| self.connection.get(CURRENT_USER, &[], deadline).boxed(), |asked| self.nobody(asked))
            .await;
        // A key may be meant for the Table API alone. Asking again with a password would
        // count as another failure.
        let is_for_some_apis = is_for_some_apis(self.connection.credential().kind());
        let is_elsewhere = |status| status == 404 || (is_for_some_apis && matches!(status, 401 | 403));
        if !matches!(&exchange.result, Ok(answer) if is_elsewhere(answer.status)) {
            return exchange;
        }
        let table = users();
        let query = TableQuery { table: &table, query: Some(OWN_ROW), fields: OWN_FIELDS, limit: 2, count: false };
        self.persistently(|| self.ask(&query).boxed(), |asked| self.nobody(asked)).await
    }

    async fn ask(&self, query: &TableQuery<'_>) -> Exchange {
        let path = query.path(self.connection.api_version());
        self.connection.get(&path, &query.parameters(), self.plan.deadline).await
    }

    /// An answer with what is needed to judge it.
    pub fn classified<'s>(
        &'s self,
        answer: &'s Response,
        request: RequestKind<'s>,
        redactor: &'s Redactor,
    ) -> ClassifiedResponse<'s> {
        let credential = match self.connection.credential().kind() {
            CredentialKind::AccessToken { spec, .. } if self.was_taken => {
                CredentialKind::AccessToken { spec, age: TokenAge::Taken }
            }
            other => other,
        };
        ClassifiedResponse {
            raw: answer,
            body: Body::read(answer),
            request,
            credential,
            subject: &self.plan.subject,
            instance: self.connection.instance(),
            user: self.connection.username(),
            presented: self.connection.client().presented(),
            redactor,
        }
    }

    /// The rows in an answer, or what is there instead.
    pub fn rows(&self, exchange: &Exchange, table: &TableName) -> Result<Rows, Failure> {
        let answer = exchange.result.as_ref().map_err(|error| Failure::from(error.clone()))?;
        let redactor = self.connection.redactor();
        let rows =
            read_rows(&self.classified(answer, RequestKind::Table(table), &redactor), self.connection.api_version());
        let is_refused_here = |code: Code| {
            self.was_taken && matches!(code, Code::BasicRefused | Code::BasicNotOffered | Code::ApiKeyRefused)
        };
        rows.map_err(|failure| if is_refused_here(failure.code()) { taken_elsewhere(&failure, table) } else { failure })
    }

    /// A failure with what the answer showed, where there is one.
    pub fn with_evidence_of(&self, exchange: &Exchange, request: RequestKind<'_>, failure: Failure) -> Failure {
        let redactor = self.connection.redactor();
        match &exchange.result {
            Ok(answer) => with_evidence(failure, &self.classified(answer, request, &redactor)),
            Err(_) => failure,
        }
    }

    /// Why an answer names no user, if it does not.
    fn nobody(&self, exchange: &Exchange) -> Option<Code> {
        let answer = match &exchange.result {
            Ok(answer) => answer,
            Err(error) => return Some(Failure::from(error.clone()).code()),
        };
        let redactor = self.connection.redactor();
        let response = self.classified(answer, RequestKind::Identity, &redactor);
        read_user_name(&response).is_none().then(|| diagnose(&response).code())
    }

    /// Sends a request, and again as often as the plan allows where what came
    /// of it may be otherwise next time. Never a refused credential: that is
    /// not `retryable`. A wait that would outlast the deadline is not begun.
    async fn persistently<'s>(
        &'s self,
        send: impl Fn() -> BoxFuture<'s, Exchange>,
        fails: impl Fn(&Exchange) -> Option<Code>,
    ) -> Exchange {
        let mut backoff = Backoff::of_requests();
        for attempt in 1..=self.plan.retries {
            let exchange = send().await;
            let Some(code) = fails(&exchange).filter(|code| code.retryable()) else {
                return exchange;
            };
            let wait = backoff.following().max(self.retry_after(&exchange).unwrap_or_default());
            if wait >= self.plan.deadline.left() {
                return exchange;
            }
            tracing::info!("{}: retrying (attempt {}) in {}", code.as_str(), attempt + 1, took(wait));
            tokio::time::sleep(wait).await;
        }
        send().await
    }

    fn retry_after(&self, exchange: &Exchange) -> Option<Duration> {
        let answer = exchange.result.as_ref().ok()?;
        retry_after::read(answer.header("retry-after")?, (self.plan.clock)())
    }

    /// When to come again, where the instance says so.
    pub fn with_retry_time(&self, failure: Failure, exchange: &Exchange) -> Failure {
        let Some(wait) = self.retry_after(exchange).filter(|_| failure.code().retryable()) else {
            return failure;
        };
        let at = ((self.plan.clock)() + wait).to_rfc3339_opts(SecondsFormat::Secs, true);
        let why = shown!("{} Retry at {}.", failure.reason().cloned().unwrap_or_default(), Shown::outside(&at));
        failure.why(why).evidence("retry_at", Shown::outside(at))
    }
}
