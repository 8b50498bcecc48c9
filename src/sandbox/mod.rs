//! An embedded instance on loopback that answers as ServiceNow does, as far as
//! a connection test asks. For `snow demo`, `snow sandbox` and the tests.
//!
//! [`rows`] is what it holds, [`answers`] how it answers, [`oauth`] how
//! programs sign in, [`authentication`] who asks, [`scenario`] what it can do
//! wrong, [`delivery`] how that reaches the client. This file listens and
//! serves; the instance lives on a thread of its own and ends when the
//! [`Sandbox`] is dropped.

mod answers;
mod authentication;
mod delivery;
mod oauth;
mod options;
mod rows;
pub mod scenario;

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use http::HeaderValue;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::oneshot;

use answers::{Answer, Instance, Question, envelope};
use delivery::{Delivery, Payload};
pub use oauth::clients::{CLIENTS, Client};
pub use oauth::token_endpoint::TokenRequests;
pub use options::SandboxOptions;
pub use rows::{USERS, User};
use scenario::Scenario;

/// A client that is slower than this to send the head of its request, or its
/// body, is sent away.
const PATIENCE: Duration = Duration::from_secs(10);

/// No request needs a longer body.
const LONGEST_BODY: usize = 64 * 1024;

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

    /// All access tokens of now are over; refresh tokens stay good.
    pub fn expire_access_tokens(&self) {
        lock(&self.instance).oauth.tokens.expire_access_tokens();
    }

    /// All tokens of now are over, as after an administrator revoked them.
    pub fn revoke_all(&self) {
        lock(&self.instance).oauth.tokens.revoke_all();
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

async fn serve(listener: TcpListener, instance: Arc<Mutex<Instance>>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: others will close theirs.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let instance = instance.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let instance = instance.clone();
                async move { Ok::<_, Infallible>(respond(&instance, request).await) }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn respond(instance: &Mutex<Instance>, request: Request<Incoming>) -> Response<Payload> {
    let (head, body) = request.into_parts();
    let body = match tokio::time::timeout(PATIENCE, Limited::new(body, LONGEST_BODY).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => {
            return unreadable(413, &format!("Rejected large REST payload. Max allowed: {LONGEST_BODY} bytes."));
        }
        Err(_) => return unreadable(408, "The payload did not come in time."),
    };
    let header = |name| head.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let question = Question {
        method: head.method.as_str(),
        path: head.uri.path(),
        parameters: url::form_urlencoded::parse(head.uri.query().unwrap_or("").as_bytes()).into_owned().collect(),
        authorization: header(AUTHORIZATION),
        content_type: header(CONTENT_TYPE),
        body: &body,
    };
    let (answer, delivery) = {
        let mut instance = lock(instance);
        (instance.answer(&question), Delivery::of(instance.scenario, question.path))
    };
    tokio::time::sleep(delivery.delay).await;
    response(answer, delivery)
}

fn unreadable(status: u16, detail: &str) -> Response<Payload> {
    response(envelope(status, "Exception while reading request", Some(detail)), Delivery::default())
}

fn response(answer: Answer, delivery: Delivery) -> Response<Payload> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(delivery.payload(answer.body)).expect("our own headers are valid")
}

fn lock(instance: &Mutex<Instance>) -> std::sync::MutexGuard<'_, Instance> {
    instance.lock().unwrap_or_else(PoisonError::into_inner)
}
