//! HTTP on a listener: reads requests, gives them to the instance, and sends
//! its answers. What is in them is decided elsewhere.

use std::fmt::Display;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};

use super::answers::{Response, envelope};
use super::delivery::{Payload, deliver};
use super::request::{Body, Request, TooLarge};

/// A client that is slower than this to send the head of its request, or its
/// body, is sent away.
const TIMEOUT: Duration = Duration::from_secs(10);
/// What an instance takes of the body of a call to an API.
const MAX_API_BODY_BYTES: u64 = 10 * 1024 * 1024;
/// No form of a sign-in needs more.
const MAX_FORM_BYTES: u64 = 64 * 1024;
/// A body that is too large is read and thrown away up to here, or until this
/// long nothing more came: a client that is still sending would not see the answer.
const DISCARDED_BYTES: u64 = 20 * MAX_API_BODY_BYTES;
const DISCARD_TIMEOUT: Duration = Duration::from_millis(300);

/// What a listener serves.
pub trait Site: Send + 'static {
    /// Below it stand the APIs, which take a larger body than a form.
    const API_PATH: &'static str;

    fn answer(&mut self, request: &Request<'_>) -> Response;
}

pub async fn serve<S: Site>(listener: TcpListener, site: Arc<Mutex<S>>) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: others will close theirs.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let site = site.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let site = site.clone();
                async move { respond(&*site, request).await }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(TIMEOUT)
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

pub fn lock<S>(site: &Mutex<S>) -> MutexGuard<'_, S> {
    site.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An error closes the connection without an answer.
async fn respond<S: Site>(site: &Mutex<S>, incoming: hyper::Request<Incoming>) -> io::Result<hyper::Response<Payload>> {
    let begun = Instant::now();
    let (head, body) = incoming.into_parts();
    let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    let limit = if head.uri.path().starts_with(S::API_PATH) { MAX_API_BODY_BYTES } else { MAX_FORM_BYTES };
    let announced = header(CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let log = |status: &dyn Display| {
        tracing::info!("{} {} {status} {} ms", head.method, path_to_show(&head.uri), begun.elapsed().as_millis());
    };
    let Ok(body) = tokio::time::timeout(TIMEOUT, read_body(body, announced, limit)).await else {
        let late = envelope(408, "Exception while reading request", Some("The payload did not come in time."));
        log(&late.status);
        return deliver(late).await;
    };
    let body = body?;
    let parameters = url::form_urlencoded::parse(head.uri.query().unwrap_or("").as_bytes());
    let request = Request {
        method: head.method.as_str(),
        path: head.uri.path(),
        url_bytes: head.uri.path_and_query().map_or(0, |url| url.as_str().len()),
        parameters: parameters.into_owned().collect(),
        authorization: header(AUTHORIZATION),
        headers: &head.headers,
        accept: header(ACCEPT),
        content_type: header(CONTENT_TYPE),
        body: body.as_ref().map_or_else(|too_large| Body::TooLarge(*too_large), |body| Body::Whole(body)),
    };
    let answer = lock(site).answer(&request);
    let delivered = deliver(answer).await;
    match &delivered {
        Ok(answer) => log(&answer.status().as_u16()),
        Err(_) => log(&"closed"),
    }
    delivered
}

/// The path, and what a query asks of an API. Other values may be secrets, as
/// codes and tokens are.
fn path_to_show(uri: &http::Uri) -> String {
    let shown = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if !name.starts_with("sysparm_") && !matches!(name, "q" | "fields") => format!("{name}=..."),
        _ => pair.to_owned(),
    };
    match uri.query() {
        Some(query) => format!("{}?{}", uri.path(), query.split('&').map(shown).collect::<Vec<_>>().join("&")),
        None => uri.path().to_owned(),
    }
}

/// The whole body, or how long it is where that is too much: as the request
/// says, else as far as it was read.
async fn read_body(mut body: Incoming, announced: Option<u64>, limit: u64) -> io::Result<Result<Bytes, TooLarge>> {
    let announced = announced.filter(|length| *length > limit);
    let (mut whole, mut length) = (Vec::new(), 0);
    loop {
        let is_too_large = announced.is_some() || length > limit;
        let frame = if is_too_large {
            tokio::time::timeout(DISCARD_TIMEOUT, body.frame()).await.unwrap_or(None)
        } else {
            body.frame().await
        };
        let Some(frame) = frame.filter(|_| length < DISCARDED_BYTES) else { break };
        if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
            length += data.len() as u64;
            if !is_too_large {
                whole.extend_from_slice(&data);
            }
        }
    }
    match announced.unwrap_or(length) {
        length if length > limit => Ok(Err(TooLarge { length, limit })),
        _ => Ok(Ok(whole.into())),
    }
}
