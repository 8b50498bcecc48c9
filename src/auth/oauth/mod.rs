//! OAuth 2.0: the authorization code grant with PKCE, client credentials, and
//! the life of a session (RFC 6749, 7636, 8252, 7009, 9207).
//!
//! The client and its tokens, as data and rules, are in [`crate::model`].
//! [`authorize`] makes the URL that a person opens and judges what comes back,
//! [`mod@browser`] opens it, [`callback`] waits for the answer on loopback and
//! [`page`] is what the browser shows then. [`endpoint`] posts to the token
//! endpoint; [`session`] uses, renews and saves what it gave.

pub mod authorize;
pub mod browser;
pub mod callback;
pub mod endpoint;
pub mod page;
pub mod session;
