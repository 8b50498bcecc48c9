//! An embedded instance on loopback that answers as ServiceNow does, as far as
//! a connection test asks. For `snow demo`, `snow sandbox` and the tests.
//!
//! [`rows`] is what it holds, [`answers`] how it answers, [`scenario`] what it
//! can do wrong. This file listens and serves; the instance lives on a thread
//! of its own and ends when the [`Sandbox`] is dropped.

mod answers;
mod rows;
pub mod scenario;

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::oneshot;

use answers::{Instance, Question};
pub use rows::{USERS, User};
use scenario::Scenario;

/// A client that is slower than this to send its request is sent away.
const HEADER_PATIENCE: Duration = Duration::from_secs(10);

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
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0)))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let instance = Arc::new(Mutex::new(Instance::new(format!("http://{address}"), scenario)));
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
                async move { Ok::<_, Infallible>(respond(&instance, request)) }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_PATIENCE)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn respond(instance: &Mutex<Instance>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let authorization = request.headers().get(http::header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let parameters = url::form_urlencoded::parse(request.uri().query().unwrap_or("").as_bytes());
    let question = Question {
        method: request.method().as_str(),
        path: request.uri().path(),
        parameters: parameters.into_owned().collect(),
        authorization,
    };
    let answer = lock(instance).answer(&question);
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(Full::new(Bytes::from(answer.body))).expect("our own headers are valid")
}

fn lock(instance: &Mutex<Instance>) -> std::sync::MutexGuard<'_, Instance> {
    instance.lock().unwrap_or_else(PoisonError::into_inner)
}
