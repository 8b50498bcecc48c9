//! What came of a request for tokens, told apart by what a caller may do next.

use std::time::Duration;

use chrono::TimeDelta;

use crate::base::error::Failure;
use crate::model::tokens::TokenResponse;

/// What was asked for, and what is known about it.
#[derive(Debug, Clone, Copy)]
pub enum TokenRequest {
    Code {
        age: Duration,
        has_pkce: bool,
    },
    /// Of a session that began so long ago.
    Refresh {
        age: TimeDelta,
    },
    ClientCredentials,
}

/// What came of a request for tokens.
#[derive(Debug)]
pub enum TokenOutcome {
    Tokens(TokenResponse),
    /// The endpoint said no.
    Refused(Failure),
    /// It could not or did not judge: nothing was spent.
    Unavailable(Failure),
    /// It answered, but not with tokens that can be used, and may have acted.
    Unclear(Failure),
    /// The request was sent, and what it did is not known.
    Lost(Failure),
}
