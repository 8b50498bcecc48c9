//! OAuth 2.0: the authorization code grant with PKCE, client credentials, and
//! the life of a session (RFC 6749, 7636, 8252, 7009, 9207).
//!
//! The client and its tokens, as data and rules, are in [`crate::model`].
//! [`authorize`] makes the URL that a person opens and judges what comes back,
//! [`mod@browser`] opens it, [`callback`] waits for the answer on loopback and
//! [`page`] is what the browser shows then. [`endpoint`] posts to the token
//! endpoint, [`outcome`] is what came of that; [`session`] uses what it gave, and
//! [`renewal`] renews and saves it under the [`lock`] of this machine. What is the
//! service's own is asked of a [`super::provider::Provider`].

pub mod authorize;
pub mod browser;
pub mod callback;
pub mod endpoint;
pub mod lock;
pub mod outcome;
pub mod page;
pub mod renewal;
pub mod session;
