//! What a connection is and what is saved of it. No I/O.
//!
//! Values are checked where they enter, so that a [`profile::Profile`] can be
//! shown, saved and used as it is.

pub mod command;
pub mod header;
pub mod instance;
pub mod oauth_client;
pub mod profile;
pub mod tokens;
pub mod user_name;
