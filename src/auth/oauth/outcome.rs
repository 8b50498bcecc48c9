//! What came of a request for tokens, told apart by what a caller may do next.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::base::error::Failure;
use crate::model::tokens::TokenResponse;

/// The cause of a refusal that another paste may mend.
pub const MISTYPED: &str = "code-mistyped";
/// The cause of a refusal that another client id may mend.
pub const WRONG_CLIENT: &str = "wrong-client";
/// The causes of a refusal that another client secret may mend.
pub const SECRET_CAUSES: [&str; 3] = ["wrong-secret", "secret-missing", WRONG_CLIENT];
/// The causes of a refusal that another password, or another user name, may mend.
pub const PASSWORD_CAUSES: [&str; 1] = ["wrong-password"];
/// The causes of a refusal that another security token may mend.
pub const SECURITY_TOKEN_CAUSES: [&str; 2] = ["token-missing", "token-old"];

/// What was asked for, and what is known about it.
#[derive(Debug, Clone, Copy)]
pub enum TokenRequest {
    Code {
        age: Duration,
        has_pkce: bool,
        /// Whether a person pasted it: the age is the time since then.
        is_pasted: bool,
    },
    /// Of a session that began so long ago.
    Refresh {
        age: TimeDelta,
    },
    ClientCredentials,
    /// A user name and a password.
    Password,
    /// An assertion that was signed at this time.
    JwtBearer {
        signed_at: DateTime<Utc>,
    },
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
