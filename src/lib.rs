//! `snow`: a ServiceNow connection manager for the terminal.
//!
//! A connection is a named, saved way to sign in to one instance as one
//! identity. `snow connect` defines one, signs in, saves it and tests it;
//! `snow test` says later whether it still works, and why not.
//!
//! # The way through the code
//!
//! ```text
//! argv → cli → commands → connection → http → instance
//!                  ↓           ↑
//!               config    credentials        (files, keyring)
//!                  ↓
//!     check::Report → output → stdout,   Failure → stderr and exit code
//! ```
//!
//! - [`cli`] holds clap's types and nothing else.
//! - `commands` has one file a verb, each read from the top: resolve, open,
//!   ask, report. It alone knows clap, prompts, and decides what is saved.
//! - [`context`] is what the process is given: variables, streams, terminal,
//!   clock, prompt, store. Tests give another one.
//! - [`connection`] says what a connection is ([`connection::profile`],
//!   [`connection::instance`], both without I/O) and how it signs in
//!   ([`connection::basic`], [`connection::oauth`]). A `Connection` joins an
//!   instance with the credential resolved for it, and renews a session where
//!   that is due.
//! - [`credentials`] keeps secrets: the OS keyring, an encrypted file, memory,
//!   or the variables of a connection that is not saved. [`credentials::record`] binds each secret
//!   to the origin it may be sent to.
//! - [`config`] is the connections file, [`state`] what could be forgotten,
//!   [`last_test`] among it; both stand on [`files`].
//! - [`http`] is the one place that builds a client: no redirects, no cookies,
//!   bounded times and bodies, and a trace of every step.
//! - [`servicenow`] knows the product: the Table API, identity, and in
//!   [`servicenow::symptoms`] what each answer means.
//! - [`check`] is the test ladder and its report; [`output`] makes text, JSON,
//!   JUnit, GitHub's commands and a page of it, and text of the Markdown in
//!   `src/guide` and `src/explain`. [`radar`] is what ends when.
//! - [`doctor`] examines this machine without asking anybody; its checks are
//!   data, and its bundle is one file for support, proven to hold no secret.
//! - [`sandbox`] is an embedded instance, for `snow demo`, `snow sandbox` and
//!   the tests.
//! - [`console`], [`terminal`] and [`signals`] are the edges where a person is:
//!   writing, asking, stopping. [`completion`] answers a shell.
//! - [`explain`] has the long text of each error code.
//! - [`error`], [`secret`] and [`server_text`] are used everywhere: what failed
//!   and what to do, a value that is never shown, and foreign text made safe.
//!
//! # How one password travels
//!
//! Prompt or pipe → [`secret::Secret`] → [`connection::basic::BasicCredential`]
//! → the `Authorization` header of [`connection::Connection`] → the instance;
//! and, once the instance took it, [`credentials::record::write_password`] →
//! the keyring or the encrypted file. Nothing else holds it.
//!
//! # How one session travels
//!
//! Browser → [`connection::oauth::callback`] → one POST of
//! [`connection::oauth::endpoint`] → [`connection::oauth::tokens`] →
//! [`credentials::record::write_session`] → the store; later
//! [`connection::oauth::session`] reads it, renews it under a lock, and hands
//! the access token to [`connection::Connection`].
//!
//! # Deliberately absent
//!
//! Below `commands` nothing prints, prompts, reads the environment or exits,
//! apart from the edges just named.
//! No code names the keyring crate outside `credentials::keyring`, none the age
//! crate outside `credentials::file`, and none builds an HTTP client outside
//! `http`. There is no way to accept a
//! certificate that does not verify, no fallback to a plain file, no test mode.

pub mod browser;
pub mod check;
pub mod cli;
mod commands;
pub mod completion;
pub mod config;
pub mod connection;
pub mod console;
pub mod context;
pub mod credentials;
pub mod doctor;
pub mod error;
pub mod explain;
pub mod files;
pub mod http;
pub mod last_test;
pub mod output;
pub mod radar;
pub mod sandbox;
pub mod secret;
pub mod server_text;
pub mod servicenow;
pub mod signals;
pub mod state;
pub mod terminal;

pub use commands::{report_defect, run};
