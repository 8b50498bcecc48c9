//! An org on loopback that answers as Salesforce does, for what ServiceNow's is for.
//!
//! [`org`] leads a request to an answer, [`answers`] has the shapes of one. [`people`] and
//! [`clients`] may sign in: by [`soap`], or by OAuth with [`authorization`],
//! [`token_endpoint`] and [`signer`], which verifies assertions; [`tokens`] is what was
//! issued, [`identity`] says for whom. [`rest`] is the API: [`query`] in [`soql`] with its
//! [`cursors`], [`sobjects`], over the objects that [`schema`] declares, [`rows`] makes up
//! and [`store`] keeps. [`scenario`] is the table of what can go wrong, [`fault`] its
//! words.

mod answers;
mod authorization;
pub mod clients;
mod cursors;
pub mod fault;
mod identity;
mod ids;
mod org;
pub mod pages;
pub mod people;
mod query;
mod rest;
mod rows;
pub mod scenario;
mod schema;
mod signer;
mod soap;
mod sobjects;
mod soql;
mod store;
mod token_endpoint;
mod tokens;

use std::io;

use super::options::SandboxOptions;
use super::running::Running;
use org::Org;
use scenario::Scenario;
pub use signer::KEY_PATH;

/// A running org.
pub struct SalesforceSandbox {
    running: Running<Org>,
}

impl SalesforceSandbox {
    /// Starts an org on 127.0.0.1.
    pub fn open(options: SandboxOptions<Scenario>) -> io::Result<Self> {
        let running = Running::start(options.port, |origin| Org::new(origin, &options))?;
        Ok(Self { running })
    }

    /// `http://127.0.0.1:PORT`
    pub fn origin(&self) -> String {
        self.running.origin()
    }

    /// Changes what it does wrong, from the next request on.
    pub fn set_scenario(&self, scenario: Option<Scenario>) {
        let mut org = self.running.site();
        org.scenario = scenario;
        org.expired = None;
    }

    /// All access tokens and sessions of now are over; refresh tokens stay good.
    pub fn expire_access_tokens(&self) {
        self.running.site().tokens.expire_access_tokens();
    }

    /// All tokens of now are over, as after an administrator revoked them.
    pub fn revoke_all(&self) {
        self.running.site().tokens.revoke_all();
    }
}

/// What only a test asks of it.
#[cfg(feature = "testing")]
impl SalesforceSandbox {
    /// How many requests came so far.
    pub fn requests(&self) -> usize {
        self.running.site().requests
    }

    /// How many of them were posted to the token endpoint.
    pub fn token_requests(&self) -> usize {
        self.running.site().token_requests
    }

    /// How many of them called `login()`.
    pub fn soap_logins(&self) -> usize {
        self.running.site().soap_logins
    }
}
