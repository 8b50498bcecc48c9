//! A request on its way to the instance, and the answer on its way back.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::stream;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Body, Bytes, Frame, Incoming};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tower_http::timeout::{TimeoutBody, TimeoutError};
use url::Url;

use super::admission::Admission;
use super::headers;
use super::links::{Elsewhere, turn};
use super::refusal::Refusal;
use super::socket::Cut;
use crate::base::code::{Class, Code};
use crate::base::deferral;
use crate::base::error::{Failure, internal};
use crate::base::shown::{Shown, shown, visible};
use crate::client::request::Checked;
use crate::client::{Client, Response};
use crate::http::stream::Payload;

/// How many requests the instance works on at once; others wait for their turn. An
/// instance has as many places for them on a node, and refuses what it cannot queue.
const AT_ONCE: usize = 16;
/// The part of the time of a request that a program may take for the next piece of a body.
/// Less than all of it, so that the instance is not blamed for the program.
const UPLOAD_PART: f64 = 0.9;

/// The body of an answer.
pub type Answer = UnsyncBoxBody<Bytes, Failure>;

/// Sends requests on.
pub struct Forwarder {
    client: Client,
    admission: Admission,
    /// The origin of the gateway.
    here: String,
    turns: Arc<Semaphore>,
}

/// Stops a request that no program waits for any more.
struct Abandoned(AbortHandle);

impl Drop for Abandoned {
    fn drop(&mut self) {
        // A renewal that was under way would be lost, and the session with it.
        if !deferral::is_deferred() {
            self.0.abort();
        }
    }
}

impl Forwarder {
    pub fn new(client: Client, admission: Admission, here: String) -> Self {
        Self { client, admission, here, turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Answers a request, and logs it.
    pub async fn respond(&self, request: hyper::Request<Incoming>, cut: Cut) -> hyper::Response<Answer> {
        let begun = Instant::now();
        let line = tracing::enabled!(tracing::Level::INFO)
            .then(|| format!("{} {}", visible(request.method().as_str()), path_to_show(request.uri())));
        let result = self.forward(request, cut).await;
        let why = result.as_ref().err().map(|refusal| refusal.failure().code().as_str());
        let answer = result.unwrap_or_else(|refusal| {
            refusal.response().map(|body| body.map_err(|never| match never {}).boxed_unsync())
        });
        if let Some(line) = line {
            let why = why.map(|code| format!(" ({code}, by the gateway)")).unwrap_or_default();
            tracing::info!("{line} {} {} ms{why}", answer.status().as_u16(), begun.elapsed().as_millis());
        }
        answer
    }

    async fn forward(&self, request: hyper::Request<Incoming>, cut: Cut) -> Result<hyper::Response<Answer>, Refusal> {
        let (head, body) = request.into_parts();
        let connection = self.client.connection();
        let url = self.admission.admit(&head, connection.instance())?;
        let checked = Checked {
            url: url.clone(),
            headers: headers::of_request(head.headers, connection.client()),
            method: head.method.clone(),
        };
        let upload = Upload::default();
        let payload = upload.payload(body, self.client.timeout().mul_f64(UPLOAD_PART));
        let (client, turns) = (self.client.clone(), self.turns.clone());
        // A task, so that a program which goes away does not end a renewal.
        let sent = tokio::spawn(async move {
            let _turn = turns.acquire_owned().await;
            client.send(checked, payload, None).await
        });
        let _abandoned = Abandoned(sent.abort_handle());
        let response = match sent.await {
            Ok(Ok(response)) => response,
            Ok(Err(failure)) => return Err(upload.refusal().unwrap_or_else(|| Refusal::of(failure))),
            Err(_) => return Err(Refusal::of(internal("the request could not be sent on"))),
        };
        if response.status() == StatusCode::UNAUTHORIZED {
            return Err(refused(response, &head.method).await);
        }
        self.answer(response, &url, cut)
    }

    /// The answer of the instance, as the program gets it.
    fn answer(&self, mut response: Response, asked: &Url, cut: Cut) -> Result<hyper::Response<Answer>, Refusal> {
        let status = StatusCode::from_u16(response.status()).ok().filter(|status| !status.is_informational());
        let status = status.ok_or_else(|| Refusal::of(self.unexpected(&response)))?;
        let mut headers = std::mem::take(response.headers_mut());
        headers::of_response(&mut headers);
        turn(&mut headers, asked, &self.here).map_err(|link| Refusal::of(self.elsewhere(&link, status)))?;
        let mut answer = hyper::Response::new(streamed(response, cut));
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Ok(answer)
    }

    fn unexpected(&self, response: &Response) -> Failure {
        let host = self.client.connection().instance().host_and_port();
        let message = shown!("{} answered with the status {}", host, response.status());
        Failure::new(Code::UnexpectedAnswer, message).next("Send the request to the instance itself, with snow api")
    }

    fn elsewhere(&self, Elsewhere(link): &Elsewhere, status: StatusCode) -> Failure {
        let connection = self.client.connection();
        let host = connection.instance().host_and_port();
        let target = connection.redactor().server_text(link.split(['?', '#']).next().unwrap_or_default());
        let done = if status.is_success() { " The request itself was carried out." } else { "" };
        Failure::new(Code::Redirected, shown!("{} refers to an address that is not its own", host))
            .why(shown!("The gateway does not send programs to another origin.{}", done))
            .next("Connect with the origin that the instance names itself by")
            .evidence("redirect_target", target)
            .evidence("http_status", status.as_u16())
    }
}

/// The instance did not take the credential of the connection, or says that rights are
/// missing. The password of the program is good, so its answer is not 401.
async fn refused(response: Response, method: &Method) -> Refusal {
    let is_outdated = response.is_outdated();
    let failure = match response.check().await {
        Ok(_) => internal("a 401 passed for a good answer"),
        Err(failure) => failure,
    };
    if is_outdated && failure.class() == Class::Auth {
        let failure = failure.first(shown!(
            "The session was renewed, and {} was not carried out: send it again",
            Shown::outside(method.as_str())
        ));
        return Refusal::with_status(StatusCode::SERVICE_UNAVAILABLE, failure)
            .with_value(header::RETRY_AFTER, HeaderValue::from(1));
    }
    Refusal::of(failure)
}

/// A body as it comes. An error ends the connection of the program, so that what it got
/// does not look whole.
fn streamed(response: Response, cut: Cut) -> Answer {
    let pieces = stream::try_unfold((response, cut), |(mut response, cut)| async move {
        match response.chunk().await {
            Ok(piece) => Ok(piece.map(|piece| (Frame::data(piece), (response, cut)))),
            Err(failure) => {
                cut.demand();
                tracing::info!("{} broke off: {}", visible(response.url().path()), failure.code().as_str());
                Err(failure)
            }
        }
    });
    StreamBody::new(pieces).boxed_unsync()
}

/// The body that a program sends, and why it could not be read.
#[derive(Default)]
struct Upload(Arc<OnceLock<ErrorKind>>);

impl Upload {
    fn payload(&self, body: Incoming, timeout: Duration) -> Payload {
        if body.is_end_stream() {
            return Payload::Whole(Bytes::new());
        }
        let (failed, length) = (self.0.clone(), body.size_hint().exact());
        let timed = TimeoutBody::new(timeout, body).map_err(move |error: Box<dyn Error + Send + Sync>| {
            let kind = if error.is::<TimeoutError>() { ErrorKind::TimedOut } else { ErrorKind::InvalidData };
            let _ = failed.set(kind);
            io::Error::from(kind)
        });
        Payload::streamed(length, timed)
    }

    /// Where it is the body of the program that failed.
    fn refusal(&self) -> Option<Refusal> {
        Some(match self.0.get()? {
            ErrorKind::TimedOut => {
                Refusal::new(StatusCode::REQUEST_TIMEOUT, Code::Usage, "the body of the request did not come in time")
                    .next("Send it faster")
            }
            _ => Refusal::new(StatusCode::BAD_REQUEST, Code::Usage, "the body of the request cannot be read")
                .next("Check its Content-Length or Transfer-Encoding"),
        })
    }
}

/// The path, and the names of what a query asks. The values may be secrets.
fn path_to_show(uri: &Uri) -> String {
    let path = visible(uri.path());
    let name = |pair: &str| match pair.split_once('=') {
        Some((name, _)) => format!("{}=...", visible(name)),
        None => "...".to_owned(),
    };
    match uri.query() {
        Some(query) => format!("{path}?{}", query.split('&').map(name).collect::<Vec<_>>().join("&")),
        None => path,
    }
}
