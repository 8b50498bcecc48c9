//! The one place that builds an HTTP client.
//!
//! No redirect is followed, no cookie is kept, and nothing is repeated but what only
//! reads and found its kept connection closed. Bodies and times are bounded, and
//! every answer says how long each step took. Which credential goes where is
//! decided above, in `engine`.

pub mod certificate;
pub mod client;
pub mod failure;
pub mod identity;
pub mod oauth2;
pub mod proxy;
pub mod retry_after;
pub mod stream;
pub mod tls;
pub mod trace;
