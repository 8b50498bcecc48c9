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
use crate::base::error::Failure;
use crate::base::shown::{Shown, shown};
use crate::engine::Connection;
use crate::http::client::{Deadline, Exchange};
use crate::http::retry_after;
use crate::model::oauth_client::ServiceDefaults;
use crate::model::profile::{Subject, TableName};
use crate::service::probe::{NoUser, ProbeRequest, ProbedRows};
use crate::service::{Asked, Purpose, Service};

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

impl CheckContext {
    /// What it is a connection to.
    pub fn service(&self) -> &'static dyn Service {
        self.connection.service()
    }

    /// The names of the checks.
    pub fn defaults(&self) -> &'static ServiceDefaults {
        self.service().defaults()
    }

    /// Asks for rows of a table.
    pub async fn table(&self, table: &TableName, limit: u32, count: bool) -> (Exchange, Result<ProbedRows, Failure>) {
        let request = self.service().rows_of(table, limit, count, self.connection.api_version());
        let exchange = self
            .persistently(
                || self.send(&request).boxed(),
                |exchange| self.rows(exchange, table).err().map(|failure| failure.code()),
            )
            .await;
        let rows = self.rows(&exchange, table).map_err(|failure| self.with_retry_time(failure, &exchange));
        (exchange, rows)
    }

    /// Asks who is signed in, in the way that the instance has.
    pub async fn own_user(&self) -> Exchange {
        let mut exchanges: Vec<Exchange> = Vec::new();
        loop {
            let answers: Option<Vec<_>> = exchanges.iter().map(|exchange| exchange.result.as_ref().ok()).collect();
            let (kind, version) = (self.connection.credential().kind(), self.connection.api_version());
            let request = answers.and_then(|answers| self.service().who_request(&answers, kind, version));
            match request {
                Some(request) => exchanges.push(
                    self.persistently(|| self.send(&request).boxed(), |exchange| self.is_unanswered(exchange)).await,
                ),
                None => return exchanges.pop().expect("there is always a first request"),
            }
        }
    }

    async fn send(&self, request: &ProbeRequest) -> Exchange {
        let ProbeRequest { path, parameters, renews } = request;
        if *renews {
            self.connection.get(path, parameters, self.plan.deadline).await
        } else {
            self.connection.get_once(path, parameters, self.plan.deadline).await
        }
    }

    /// Judges an answer with what is known of the request.
    pub fn judged<T>(&self, purpose: Purpose<'_>, judge: impl FnOnce(&Asked<'_>) -> T) -> T {
        let credential = match self.connection.credential().kind() {
            CredentialKind::AccessToken { spec, .. } if self.was_taken => {
                CredentialKind::AccessToken { spec, age: TokenAge::Taken }
            }
            other => other,
        };
        judge(&Asked {
            purpose,
            credential,
            subject: &self.plan.subject,
            instance: self.connection.instance(),
            user: self.connection.username(),
            presented: self.connection.client().presented(),
            redactor: &self.connection.redactor(),
        })
    }

    /// The rows in an answer, or what is there instead.
    pub fn rows(&self, exchange: &Exchange, table: &TableName) -> Result<ProbedRows, Failure> {
        let answer = exchange.result.as_ref().map_err(|error| Failure::from(error.clone()))?;
        let rows = self.judged(Purpose::Table(table), |asked| {
            self.service().read_rows(answer, asked, self.connection.api_version())
        });
        let is_refused_here = |code: Code| {
            self.was_taken && matches!(code, Code::BasicRefused | Code::BasicNotOffered | Code::ApiKeyRefused)
        };
        rows.map_err(|failure| match failure.code() {
            code if is_refused_here(code) => self.service().refused_here_alone(&failure, table),
            _ => failure,
        })
    }

    /// A failure with what the answer showed, where there is one.
    pub fn with_evidence_of(&self, exchange: &Exchange, purpose: Purpose<'_>, failure: Failure) -> Failure {
        match &exchange.result {
            Ok(answer) => self.judged(purpose, |asked| self.service().with_evidence(failure, answer, asked)),
            Err(_) => failure,
        }
    }

    /// Why an answer names no user, if it does not.
    fn is_unanswered(&self, exchange: &Exchange) -> Option<Code> {
        let answer = match &exchange.result {
            Ok(answer) => answer,
            Err(error) => return Some(Failure::from(error.clone()).code()),
        };
        self.judged(Purpose::Identity, |asked| match self.service().who(answer, asked) {
            Err(NoUser::Unknown(_)) => Some(self.service().diagnosed(answer, asked).code()),
            _ => None,
        })
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
