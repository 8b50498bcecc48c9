//! The programs for ServiceNow that take a connection. Facts are from their sources and
//! from runs against the sandbox; each says how it was tried.

mod ansible;
mod jsn;
mod mcp;
mod newman;
mod now_sdk;
mod pysnc;
mod pysnow;
mod runspec_snow;
mod servicenow_cli;
mod snow_shell;
mod snowloader;

use crate::service::tools::{Tool, curl, httpie, netrc};

/// Every one, by name.
pub static TOOLS: [&Tool; 14] = [
    &ansible::SPEC,
    &curl::SPEC,
    &httpie::SPEC,
    &jsn::SPEC,
    &mcp::SPEC,
    &netrc::SPEC,
    &newman::SPEC,
    &now_sdk::SPEC,
    &pysnc::SPEC,
    &pysnow::SPEC,
    &runspec_snow::SPEC,
    &servicenow_cli::SPEC,
    &snow_shell::SPEC,
    &snowloader::SPEC,
];
