//! The protocols by which a connection signs in.

pub mod access_token;
pub mod api_key;
pub mod basic;
pub mod certificate;
pub mod credential;
mod encrypted_key;
pub mod gateway;
pub mod jwt_bearer;
pub mod method;
pub mod oauth;
pub mod password_session;
pub mod provider;
pub mod setting;
pub mod token_command;
