//! How an embedded instance is to be started.

use std::time::Duration;

use super::rows::DEFAULT_INCIDENTS;
use super::scenario::Scenario;

/// What can be chosen at the start; the default is a healthy instance.
#[derive(Debug, Clone)]
pub struct SandboxOptions<S = Scenario> {
    /// On 127.0.0.1; a free one where none is given.
    pub port: Option<u16>,
    pub scenario: Option<S>,
    /// The names besides those of this machine that it answers to.
    pub hosts: Vec<String>,
    /// How many incidents there are, or cases.
    pub incidents: usize,
    /// What decides everything that is made up.
    pub seed: u64,
    /// How long an access token is good.
    pub access_ttl: Duration,
    /// How long an authorization code is good.
    pub code_ttl: Duration,
    /// Whether each refresh gives new tokens, as strict servers do.
    pub rotate: bool,
    /// How long it thinks before each answer.
    pub latency: Duration,
}

impl<S> Default for SandboxOptions<S> {
    fn default() -> Self {
        Self {
            port: None,
            scenario: None,
            hosts: Vec::new(),
            incidents: DEFAULT_INCIDENTS,
            seed: 0,
            access_ttl: Duration::from_secs(30 * 60),
            code_ttl: Duration::from_secs(60),
            rotate: false,
            latency: Duration::ZERO,
        }
    }
}
