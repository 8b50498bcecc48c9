//! How an embedded instance is to be started.

use std::time::Duration;

use super::scenario::Scenario;

/// What can be chosen at the start; the default is a healthy instance.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// On 127.0.0.1; a free one where none is given.
    pub port: Option<u16>,
    pub scenario: Option<Scenario>,
    /// How long an access token is good.
    pub access_ttl: Duration,
    /// How long an authorization code is good.
    pub code_ttl: Duration,
    /// Whether each refresh gives new tokens, as strict servers do.
    pub rotate: bool,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            port: None,
            scenario: None,
            access_ttl: Duration::from_secs(30 * 60),
            code_ttl: Duration::from_secs(60),
            rotate: false,
        }
    }
}
