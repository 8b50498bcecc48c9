//! What a test finds out that no credential changes: an instance that cannot be reached,
//! or is asleep. It holds for every connection of that origin.

use std::sync::Arc;

use super::context::CheckContext;
use super::network::Opening;
use super::report::CheckId;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::http::client::Exchange;
use crate::http::failure::Reached;
use crate::model::oauth_client::ServiceDefaults;
use crate::service::Purpose;

/// The exchange that showed it. Each connection words its own failure by it.
#[derive(Clone)]
pub struct OriginVerdict {
    pub opening: Opening,
    exchange: Arc<Exchange>,
}

impl OriginVerdict {
    /// Of an exchange that showed such a thing.
    pub fn of(exchange: Exchange) -> Self {
        Self { opening: Opening::of(&exchange), exchange: Arc::new(exchange) }
    }

    /// Of a request that failed with `code`, if it is a verdict about the origin.
    pub fn of_request(opening: &Opening, exchange: Exchange, code: Code) -> Option<Self> {
        let holds = match &exchange.result {
            Err(error) => matches!(error.phase, Reached::Dns | Reached::Connect),
            Ok(_) => code == Code::InstanceHibernating,
        };
        holds.then(|| Self { opening: opening.clone(), exchange: Arc::new(exchange) })
    }

    /// The check that fails; `None` if it is one of the network.
    pub fn stops_at(&self, service: &'static ServiceDefaults) -> Option<CheckId> {
        match &self.exchange.result {
            Err(error) if error.phase != Reached::Response => None,
            Err(_) => Some(CheckId::InstanceOf(service)),
            Ok(_) => Some(CheckId::InstanceAwake),
        }
    }

    /// What it means for the connection of `context`.
    pub fn failure(&self, context: &CheckContext) -> Failure {
        match &self.exchange.result {
            Err(error) => Failure::from(error.clone()),
            Ok(answer) => context.judged(Purpose::Preflight, |asked| context.service().diagnosed(answer, asked)),
        }
    }
}
