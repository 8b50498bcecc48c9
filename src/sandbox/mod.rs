//! An embedded instance on loopback that answers as ServiceNow does: for people
//! who test what they build, for `snow demo` and for our own tests.
//!
//! [`schema`] says what tables there are and [`rows`] what is in them, [`table`]
//! is the Table API over them, [`answers`] the way from a request to an answer,
//! [`scenario`] what can go wrong and [`faults`] how. This file listens and
//! serves; the instance lives on a thread of its own and ends when the
//! [`Sandbox`] is dropped.

mod answers;
mod faults;
mod rows;
pub mod scenario;
mod schema;
mod table;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::oneshot;

use answers::{Answer, Body, Instance, Question};
pub use rows::{DEFAULT_INCIDENTS, USERS, User};
use scenario::Scenario;

/// A client that is slower than this to send its request is sent away.
const HEADER_PATIENCE: Duration = Duration::from_secs(10);
/// What an instance takes of a request's body.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
/// A body that is too large is read and thrown away up to here, or until this
/// long nothing more came: whoever is still sending would not see the answer.
const DISCARDED_BYTES: usize = 20 * MAX_BODY_BYTES;
const DISCARD_PATIENCE: Duration = Duration::from_millis(300);

/// What a sandbox is like.
#[derive(Debug, Clone, Copy)]
pub struct SandboxOptions {
    /// The port on 127.0.0.1, a free one where none is given.
    pub port: Option<u16>,
    /// What it does wrong from the beginning.
    pub scenario: Option<Scenario>,
    /// How many incidents there are.
    pub incidents: usize,
    /// What decides everything that is made up.
    pub seed: u64,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self { port: None, scenario: None, incidents: DEFAULT_INCIDENTS, seed: 0 }
    }
}

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

    /// Starts an instance on 127.0.0.1.
    pub fn open(options: SandboxOptions) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port.unwrap_or(0)))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let store = rows::Store::new(options.incidents, options.seed);
        let instance = Arc::new(Mutex::new(Instance::new(format!("http://{address}"), options.scenario, store)));
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
                async move { respond(&instance, request).await }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_PATIENCE)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// An error closes the connection without an answer.
async fn respond(instance: &Mutex<Instance>, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let header = |name| head.headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let length = header(http::header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let body = read_body(body, length).await?;
    let parameters = url::form_urlencoded::parse(head.uri.query().unwrap_or("").as_bytes());
    let question = Question {
        method: head.method.as_str(),
        path: head.uri.path(),
        url_bytes: head.uri.path_and_query().map_or(0, |url| url.as_str().len()),
        parameters: parameters.into_owned().collect(),
        authorization: header(http::header::AUTHORIZATION),
        accept: header(http::header::ACCEPT),
        content_type: header(http::header::CONTENT_TYPE),
        body: match &body {
            Ok(body) => Body::Whole(body),
            Err(length) => Body::TooLarge { length: *length, limit: MAX_BODY_BYTES },
        },
    };
    let answer = lock(instance).answer(&question);
    if !answer.delay.is_zero() {
        tokio::time::sleep(answer.delay).await;
    }
    if answer.is_lost {
        return Err(io::ErrorKind::ConnectionAborted.into());
    }
    Ok(response(answer))
}

/// The whole body, or how long it is where that is too much: as the request
/// says, else as far as it was read.
async fn read_body(mut body: Incoming, announced: Option<u64>) -> io::Result<Result<Bytes, u64>> {
    let limit = u64::try_from(MAX_BODY_BYTES).expect("the limit fits 64 bits");
    let announced = announced.filter(|length| *length > limit);
    let (mut whole, mut length) = (Vec::new(), 0);
    loop {
        let is_too_large = announced.is_some() || length > MAX_BODY_BYTES;
        let frame = match is_too_large {
            true => tokio::time::timeout(DISCARD_PATIENCE, body.frame()).await.unwrap_or(None),
            false => body.frame().await,
        };
        let Some(frame) = frame.filter(|_| length < DISCARDED_BYTES) else { break };
        if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
            length += data.len();
            if !is_too_large {
                whole.extend_from_slice(&data);
            }
        }
    }
    let read = u64::try_from(length).expect("a length fits 64 bits");
    match announced.unwrap_or(read) {
        length if length > limit => Ok(Err(length)),
        _ => Ok(Ok(whole.into())),
    }
}

fn response(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Full::new(Bytes::from(answer.body))).expect("our own headers are valid")
}

fn lock(instance: &Mutex<Instance>) -> std::sync::MutexGuard<'_, Instance> {
    instance.lock().unwrap_or_else(PoisonError::into_inner)
}
