//! What a service counts, and by that whether it reads a condition.

use super::rows::Walk;
use super::watched::Watched;
use crate::base::error::Failure;
use crate::service::rows::{RowQuery, Term};

/// What the service makes of a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    Read,
    Dropped,
    /// It cannot be told.
    Unknown,
}

impl Walk {
    /// What the service makes of a term: whether rows fit what none can fit.
    pub async fn reading(&self, term: &Term) -> Reading {
        let Some(contradiction) = &term.contradiction else { return Reading::Unknown };
        let query = RowQuery {
            filter: contradiction.clone(),
            fields: vec![self.service.key().to_owned()],
            order: None,
            ..self.query.clone()
        };
        match self.count_of(&query).await {
            Ok(Some(0)) => Reading::Read,
            Ok(Some(_)) => Reading::Dropped,
            Ok(None) | Err(_) => Reading::Unknown,
        }
    }

    /// How many rows the service counts.
    pub async fn count(&self) -> Result<Option<u64>, Failure> {
        let query = RowQuery { fields: vec![self.service.key().to_owned()], ..self.query.clone() };
        self.count_of(&query).await
    }

    async fn count_of(&self, query: &RowQuery) -> Result<Option<u64>, Failure> {
        let version = self.client.connection().api_version();
        let path = self.service.counting(query, version);
        let response = self.client.get(&path).await?;
        let mut answer = Watched::new(response);
        answer.skim().await;
        let total = self.service.counted(answer.headers(), &answer.around());
        match answer.verdict(false) {
            Some(failure) => Err(failure),
            None => Ok(total),
        }
    }

    /// The terms of the query.
    pub fn terms(&self) -> Vec<Term> {
        self.service.terms(&self.query.filter)
    }
}
