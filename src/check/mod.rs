//! The test of a connection: a ladder of checks, and the report it ends in.
//!
//! [`report`] is the one model that every output format is made from.
//! [`ladder`] asks the instance. The verdict on the credential comes from the
//! Table API itself; who one is comes after it.

pub mod ladder;
mod quality;
pub mod report;
