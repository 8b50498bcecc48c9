//! `snow`: a connection manager for the terminal, for ServiceNow and for Salesforce.
//!
//! A connection is a named, saved way to sign in to one instance as one
//! identity. `snow connect` defines one, signs in, saves it and tests it;
//! `snow test` says later whether it still works, and why not.
//!
//! # As a library
//!
//! [`Engine`] finds the connections of `snow`, and asks no questions. Every error
//! is a [`Failure`], with a code, its class, and what to do.
//!
//! ```no_run
//! # async fn get() -> Result<(), snow_connect::Failure> {
//! let connection = snow_connect::Engine::from_environment()?.connection("acme")?;
//! let response = connection.open().await?.get("table/incident").await?.check().await?;
//! let rows: serde_json::Value = response.json().await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! - `cli`: the program; brings the two below.
//! - `sandbox`: the embedded instance.
//! - `file-store`: the encrypted file, beside the keyring, which is always there.
//! - `testing`: opens the modules to the tests of this crate, and promises nothing.
//!
//! # The rooms
//!
//! They are private. Each uses only those before it; `tests/structure` holds that.
//!
//! - [`base`]: what failed and what to do, in codes with their columns; a value
//!   that is never shown; [`base::shown`], by which foreign text is made safe;
//!   files and kernel locks.
//! - [`model`]: what a connection is and what is saved of it, without I/O.
//! - [`http`]: the one place that builds a client: no redirects, no cookies,
//!   bounded times and bodies, and a trace of every step.
//! - [`store`]: where secrets are: the OS keyring, an encrypted file, Vault, memory; a
//!   folder and a line in [`store::STORES`] each. [`store::record`] binds each secret
//!   to the origin it may be sent to.
//! - [`auth`]: the protocols by which a connection signs in, Basic and OAuth 2.0, and
//!   in [`auth::method`] what is true of each way. What only a service knows they ask
//!   of an [`auth::provider::Provider`].
//! - [`service`]: what is particular to one product, a folder and a line in
//!   [`service::SERVICES`] each: its addresses, how it is tested and explored,
//!   and what each answer means. Nothing outside the folder says which one it is.
//! - [`config`]: the connections file, and the connection that variables describe.
//! - [`history`]: what may be forgotten: last tests, expiry, refusals in a row.
//! - [`engine`]: what makes clients, and a connection in use, which renews its
//!   session where that is due.
//! - [`check`]: the connection test and its results.
//! - [`client`]: the library: connections for other programs, and requests by them.
//! - [`gateway`]: requests of programs that cannot sign in, sent on with the credential
//!   of a connection.
//! - [`doctor`]: what can be examined on this machine without a question.
//! - [`report`]: text, JSON, JUnit, GitHub's commands and a page, of all of it.
//! - [`cli`]: arguments, a person at a terminal, one file a verb. It alone knows
//!   clap, prompts, and decides what is saved.
//! - [`sandbox`]: an embedded instance, for `snow demo`, `snow sandbox` and the
//!   tests. It uses [`base`] alone, so that it cannot mirror how the product reads
//!   an answer.
//!
//! Long texts are in `src/help`, `src/guide` and `src/explain`, the JSON Schemas of
//! [`report::json`] in `src/schemas`.
//!
//! # How one password travels
//!
//! Prompt or pipe → [`base::secret::Secret`] → [`auth::basic::BasicCredential`]
//! → the `Authorization` header of [`engine::Connection`] → the instance;
//! and, once the instance took it, [`store::record::write_secret`] →
//! the keyring or the encrypted file. Nothing else holds it.
//!
//! # How one session travels
//!
//! Browser → [`auth::oauth::callback`] → one POST of
//! [`auth::oauth::endpoint`] → [`model::tokens`] →
//! [`store::record::write_session`] → the store; later
//! [`auth::oauth::session`] reads it, [`auth::oauth::renewal`] renews it where that
//! is due, and the access token goes to [`engine::Connection`].
//!
//! # Deliberately absent
//!
//! Below `cli` nothing prints, prompts or exits, and only [`client`] reads the environment.
//! No code names the keyring crate outside `store::keyring`, none the age
//! crate outside `store::file`, and none builds an HTTP client outside
//! `http`. There is no way to accept a
//! certificate that does not verify, no fallback to a plain file, no test mode.

#![cfg_attr(not(feature = "testing"), deny(missing_docs))]
#![cfg_attr(
    not(feature = "cli"),
    allow(dead_code, unused_imports, reason = "the program uses every part, and a library without it only some")
)]

#[cfg(not(feature = "testing"))]
mod auth;
#[cfg(not(feature = "testing"))]
mod base;
#[cfg(not(feature = "testing"))]
mod check;
#[cfg(all(feature = "cli", not(feature = "testing")))]
mod cli;
#[cfg(not(feature = "testing"))]
mod client;
#[cfg(not(feature = "testing"))]
mod config;
#[cfg(all(feature = "cli", not(feature = "testing")))]
mod doctor;
#[cfg(not(feature = "testing"))]
mod engine;
#[cfg(all(feature = "cli", not(feature = "testing")))]
mod gateway;
#[cfg(not(feature = "testing"))]
mod history;
#[cfg(not(feature = "testing"))]
mod http;
#[cfg(not(feature = "testing"))]
mod model;
#[cfg(all(feature = "cli", not(feature = "testing")))]
mod report;
#[cfg(all(feature = "sandbox", not(feature = "testing")))]
mod sandbox;
#[cfg(not(feature = "testing"))]
mod service;
#[cfg(not(feature = "testing"))]
mod store;

// The same rooms, open to the tests.
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod auth;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod base;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod check;
#[cfg(all(feature = "cli", feature = "testing"))]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod client;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod config;
#[cfg(all(feature = "cli", feature = "testing"))]
#[doc(hidden)]
pub mod doctor;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod engine;
#[cfg(all(feature = "cli", feature = "testing"))]
#[doc(hidden)]
pub mod gateway;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod history;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod http;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod model;
#[cfg(all(feature = "cli", feature = "testing"))]
#[doc(hidden)]
pub mod report;
#[cfg(all(feature = "sandbox", feature = "testing"))]
#[doc(hidden)]
pub mod sandbox;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod service;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod store;

pub use base::code::{Class, Code};
pub use base::error::Failure;
pub use base::shown::Step;
pub use check::report::Report;
pub use client::{Client, Connection, Engine, Request, Response};

#[cfg(feature = "cli")]
#[doc(hidden)]
pub use cli::process::main;
