//! OAuth 2.0: the authorization code grant with PKCE, client credentials, and
//! the life of a session (RFC 6749, 7636, 8252, 7009, 9207).
//!
//! [`client`] and [`tokens`] are data and rules without I/O. [`authorize`]
//! makes the URL that a person opens and judges what comes back, [`callback`]
//! waits for it on loopback and [`page`] is what the browser shows then.
//! [`endpoint`] posts to the token endpoint; [`session`] uses, renews and saves
//! what it gave.

pub mod authorize;
pub mod callback;
pub mod client;
pub mod endpoint;
pub mod page;
pub mod session;
pub mod tokens;
