//! One binary for all tests that go through the front door.
//!
//! [`world::World`] is a home of its own with a store in memory, for commands
//! run inside this process. [`world::keyring::Session`] is a real D-Bus session
//! with a real keyring, for the program itself. [`world::tls`] makes
//! certificates and puts TLS before the embedded instance. [`world::browser`]
//! is a person who signs in there, [`world::oauth`] a program that does. When a
//! world ends, every output and file of it is searched for its secrets.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test that cannot go on should panic")]

mod world;

mod connect;
mod crash;
#[cfg(unix)]
mod doctor;
mod environment;
mod everyday;
mod explain;
#[cfg(unix)]
mod exposure;
mod faces;
mod files;
mod guide;
mod help;
mod instance;
#[cfg(target_os = "linux")]
mod keyring;
#[cfg(target_os = "linux")]
mod keyring_faults;
mod oauth;
mod sandbox_oauth;
mod sandbox_scenarios;
mod sandbox_tokens;
#[cfg(unix)]
mod terminal;
mod verdicts;
mod wire;
