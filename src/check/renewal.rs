//! What the session of a connection says about its token.

use super::report::{Check, CheckId};
use crate::base::code::Code;
use crate::engine::Connection;
use crate::http::client::Exchange;

/// What the session of a connection says about its token.
pub struct RenewalSeen {
    pub check: Check,
    /// The request, if the token endpoint is the instance.
    pub exchange: Option<Exchange>,
}

impl RenewalSeen {
    pub async fn of(connection: &Connection) -> Option<Self> {
        let Some(session) = connection.credential().session().await else {
            let has_token = connection.credential().token().await.is_some();
            return has_token.then(|| Self { check: Check::pass(CheckId::AuthToken), exchange: None });
        };
        let Some(renewal) = session.last_renewal() else {
            return Some(Self { check: Check::pass(CheckId::AuthToken), exchange: None });
        };
        let check = match &renewal.failure {
            None => Check::pass(CheckId::AuthToken),
            Some(failure) if renewal.usable && failure.code() != Code::SessionNotSaved => {
                Check::warn(CheckId::AuthToken, failure.clone())
            }
            Some(failure) => Check::fail(CheckId::AuthToken, failure.clone()),
        };
        let is_here = session.endpoint().origin() == connection.instance();
        let exchange = renewal.exchange.clone().filter(|_| is_here);
        Some(Self { check: check.taking(renewal.exchange.as_ref().map(|_| renewal.took)), exchange })
    }
}
