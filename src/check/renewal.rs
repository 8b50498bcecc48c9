//! What the session of a connection says about its token.

use super::network::Opening;
use super::report::{Check, CheckId};
use crate::base::code::Code;
use crate::engine::Connection;

/// What the session of a connection says about its token.
pub struct RenewalSeen {
    pub check: Check,
    /// Where the token endpoint is the instance.
    pub opening: Option<Opening>,
}

impl RenewalSeen {
    pub async fn of(connection: &Connection) -> Option<Self> {
        let Some(session) = connection.credential().session().await else {
            let has_token = connection.credential().token().await.is_some();
            return has_token.then(|| Self { check: Check::pass(CheckId::AuthToken), opening: None });
        };
        let Some(renewal) = session.last_renewal() else {
            return Some(Self { check: Check::pass(CheckId::AuthToken), opening: None });
        };
        let check = match &renewal.failure {
            None => Check::pass(CheckId::AuthToken),
            Some(failure) if renewal.usable && failure.code() != Code::SessionNotSaved => {
                Check::warn(CheckId::AuthToken, failure.clone())
            }
            Some(failure) => Check::fail(CheckId::AuthToken, failure.clone()),
        };
        let is_here = session.endpoint().origin() == connection.instance();
        let opening = renewal.exchange.as_ref().filter(|_| is_here).map(Opening::of);
        Some(Self { check: check.taking(renewal.exchange.as_ref().map(|_| renewal.took)), opening })
    }
}
