//! An embedded instance on loopback that answers as ServiceNow does: for people
//! who test what they build, for `snow demo` and for our own tests.
//!
//! [`server`] reads a [`request`] off the wire, [`instance`] leads it to an
//! answer, [`answers`] has the shapes of one, [`delivery`] brings it back.
//! [`landing`] is what a person sees at its address.
//! [`oauth`] is how programs sign in, [`identity_provider`] whose tokens are taken besides, [`authentication`] who asks, [`table`] the
//! Table API over the tables that [`schema`] declares and [`rows`] fills.
//! [`scenario`] names what can go wrong, and [`faults`] does it. It has its own
//! thread, [`running`], and ends when the [`Sandbox`] is dropped.
//!
//! [`salesforce`] is an org that answers as Salesforce does, served the same way.

mod answers;
mod authentication;
mod delivery;
mod faults;
mod form;
mod identity_provider;
mod instance;
mod landing;
mod oauth;
mod options;
mod page;
mod request;
mod rows;
mod running;
pub mod salesforce;
pub mod scenario;
mod schema;
mod server;
mod table;

use std::io;

pub use identity_provider::TOKEN_PATH as IDENTITY_TOKEN_PATH;
use instance::Instance;
pub use oauth::assertions::{BUILT_IN, BUILT_IN_KEY_ID, KEY_PATH};
pub use oauth::clients::{CLIENTS, SDK_PAGE};
#[cfg(feature = "testing")]
pub use oauth::token_endpoint::TokenRequests;
pub use options::SandboxOptions;
pub use rows::{DEFAULT_INCIDENTS, USERS};
use running::Running;
use scenario::Scenario;

/// A running instance.
pub struct Sandbox {
    running: Running<Instance>,
}

impl Sandbox {
    /// Starts an instance on 127.0.0.1, on a free port where none is given.
    pub fn start(port: Option<u16>, scenario: Option<Scenario>) -> io::Result<Self> {
        Self::open(SandboxOptions { port, scenario, ..SandboxOptions::default() })
    }

    /// Starts an instance with everything chosen.
    pub fn open(options: SandboxOptions) -> io::Result<Self> {
        let running = Running::start(options.port, |origin| Instance::new(origin, &options))?;
        Ok(Self { running })
    }

    /// `http://127.0.0.1:PORT`
    pub fn origin(&self) -> String {
        self.running.origin()
    }

    /// Changes what it does wrong, from the next request on.
    pub fn set_scenario(&self, scenario: Option<Scenario>) {
        self.running.site().scenario = scenario;
    }

    /// All access tokens of now are over; refresh tokens stay good.
    pub fn expire_access_tokens(&self) {
        self.running.site().oauth.tokens.expire_access_tokens();
    }

    /// All tokens of now are over, as after an administrator revoked them.
    pub fn revoke_all(&self) {
        self.running.site().oauth.tokens.revoke_all();
    }
}

/// What only a test asks of it.
#[cfg(feature = "testing")]
impl Sandbox {
    /// How many requests came so far.
    pub fn requests(&self) -> usize {
        self.running.site().requests
    }

    /// How many of them were posted to the token endpoint.
    pub fn token_requests(&self) -> TokenRequests {
        self.running.site().oauth.token_requests
    }

    /// How many of them asked to revoke a token.
    pub fn revocations(&self) -> usize {
        self.running.site().oauth.revocations
    }

    /// All refresh tokens of now are over; access tokens stay good.
    pub fn forget_refresh_tokens(&self) {
        self.running.site().oauth.tokens.forget_refresh_tokens();
    }
}
