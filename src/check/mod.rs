//! The test of a connection: its checks in a row, and the report it ends in.
//!
//! [`report`] is the one model that every output format is made from.
//! [`runner`] asks the instance. The verdict on the credential comes from the
//! Table API itself; who one is comes after it. [`expectations`] are what a
//! pipeline demands of a connection that works.

pub mod context;
pub mod expectations;
pub mod identity;
mod network;
pub mod origin;
pub mod preflight;
mod quality;
mod renewal;
pub mod report;
pub mod runner;
mod stage;
pub mod tables;
