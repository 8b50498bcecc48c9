//! The protocols by which a connection signs in.

pub mod basic;
pub mod method;
pub mod oauth;
pub mod provider;
