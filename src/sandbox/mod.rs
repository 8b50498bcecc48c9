//! An embedded instance on loopback that answers as ServiceNow does: for people
//! who test what they build, for `snow demo` and for our own tests.
//!
//! [`server`] reads a [`request`] off the wire, [`instance`] leads it to an
//! answer, [`answers`] has the shapes of one, [`delivery`] brings it back.
//! [`landing`] is what a person sees at its address.
//! [`oauth`] is how programs sign in, [`identity_provider`] whose tokens are taken besides, [`authentication`] who asks, [`table`] the
//! Table API over the tables that [`schema`] declares and [`rows`] fills.
//! [`scenario`] names what can go wrong, and [`faults`] does it. This file starts
//! and stops; the instance has its own thread and ends when the
//! [`Sandbox`] is dropped.

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
pub mod scenario;
mod schema;
mod server;
mod table;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

pub use identity_provider::TOKEN_PATH as IDENTITY_TOKEN_PATH;
use instance::Instance;
pub use oauth::assertions::{BUILT_IN, BUILT_IN_KEY_ID, KEY_PATH};
pub use oauth::clients::{CLIENTS, SDK_PAGE};
#[cfg(feature = "testing")]
pub use oauth::token_endpoint::TokenRequests;
pub use options::SandboxOptions;
pub use rows::{DEFAULT_INCIDENTS, USERS};
use scenario::Scenario;
use server::{lock, serve};

/// A running instance.
pub struct Sandbox {
    address: SocketAddr,
    instance: Arc<Mutex<Instance>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts an instance on 127.0.0.1, on a free port where none is given.
    pub fn start(port: Option<u16>, scenario: Option<Scenario>) -> io::Result<Self> {
        Self::open(SandboxOptions { port, scenario, ..SandboxOptions::default() })
    }

    /// Starts an instance with everything chosen.
    pub fn open(options: SandboxOptions) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port.unwrap_or(0)))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let instance = Arc::new(Mutex::new(Instance::new(format!("http://{address}"), &options)));
        let (stop, stopped) = oneshot::channel();
        let served = instance.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("sandbox".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = serve(listener, served) => {}
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        })?;
        Ok(Self { address, instance, stop: Some(stop), thread: Some(thread) })
    }

    /// `http://127.0.0.1:PORT`
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes what it does wrong, from the next request on.
    pub fn set_scenario(&self, scenario: Option<Scenario>) {
        lock(&self.instance).scenario = scenario;
    }

    /// All access tokens of now are over; refresh tokens stay good.
    pub fn expire_access_tokens(&self) {
        lock(&self.instance).oauth.tokens.expire_access_tokens();
    }

    /// All tokens of now are over, as after an administrator revoked them.
    pub fn revoke_all(&self) {
        lock(&self.instance).oauth.tokens.revoke_all();
    }
}

/// What only a test asks of it.
#[cfg(feature = "testing")]
impl Sandbox {
    /// How many requests came so far.
    pub fn requests(&self) -> usize {
        lock(&self.instance).requests
    }

    /// How many of them were posted to the token endpoint.
    pub fn token_requests(&self) -> TokenRequests {
        lock(&self.instance).oauth.token_requests
    }

    /// How many of them asked to revoke a token.
    pub fn revocations(&self) -> usize {
        lock(&self.instance).oauth.revocations
    }

    /// All refresh tokens of now are over; access tokens stay good.
    pub fn forget_refresh_tokens(&self) {
        lock(&self.instance).oauth.tokens.forget_refresh_tokens();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
