//! What is remembered between runs and may be forgotten: last tests, the times of
//! sessions, refusals in a row.

pub mod account;
pub mod expiry;
pub mod fingerprint;
pub mod json;
pub mod last_test;
pub mod state;
