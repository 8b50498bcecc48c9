//! The protocols by which a connection signs in.

pub mod access_token;
pub mod api_key;
pub mod basic;
pub mod credential;
pub mod gateway;
pub mod method;
pub mod oauth;
pub mod provider;
pub mod setting;
pub mod token_command;
