//! Bodies that go and come piece by piece.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use reqwest::header::HeaderMap;
use tokio::sync::mpsc;
use url::Url;

use super::client::{Deadline, MAX_BODY_BYTES, Response, limit_of};
use super::failure::NetworkError;
use super::proxy::Route;
use super::trace::Phase;

/// How much of a body is looked at before it is read.
const BEGINNING_BYTES: usize = 16 * 1024;

/// The body of a request.
#[derive(Debug)]
pub enum Payload {
    /// It can be sent again.
    Whole(Bytes),
    /// It is read once, while it is sent.
    Once(Mutex<Option<Upload>>),
}

/// A body that is read while it is sent.
pub struct Upload {
    /// How long it is, if that is known.
    length: Option<u64>,
    body: Pin<Box<dyn Body<Data = Bytes, Error = io::Error> + Send + Sync>>,
    taken: Arc<AtomicU64>,
}

/// The pieces that another thread reads.
struct Pieces(mpsc::Receiver<io::Result<Bytes>>);

/// How many pieces of a body were taken so far.
#[derive(Debug, Clone, Default)]
pub struct Taken(Arc<AtomicU64>);

impl Payload {
    /// The pieces that come, of so many bytes if that is known.
    pub fn once(length: Option<u64>, pieces: mpsc::Receiver<io::Result<Bytes>>) -> Self {
        Self::streamed(length, Pieces(pieces))
    }

    /// A body that another connection brings.
    pub fn streamed(
        length: Option<u64>,
        body: impl Body<Data = Bytes, Error = io::Error> + Send + Sync + 'static,
    ) -> Self {
        Self::Once(Mutex::new(Some(Upload { length, body: Box::pin(body), taken: Arc::default() })))
    }

    pub fn can_be_repeated(&self) -> bool {
        matches!(self, Self::Whole(_))
    }

    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    /// The body for one request, and what tells that it is under way. What can be read
    /// once is there once.
    pub(super) fn body(&self) -> (Option<reqwest::Body>, Taken) {
        match self {
            Self::Whole(bytes) if bytes.is_empty() => (None, Taken::default()),
            Self::Whole(bytes) => (Some(bytes.clone().into()), Taken::default()),
            Self::Once(upload) => {
                let upload = upload.lock().unwrap_or_else(PoisonError::into_inner).take();
                let taken = upload.as_ref().map_or_else(Taken::default, |upload| Taken(upload.taken.clone()));
                (upload.map(reqwest::Body::wrap), taken)
            }
        }
    }
}

impl Taken {
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let piece = std::task::ready!(self.body.as_mut().poll_frame(context));
        self.taken.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(piece)
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Upload").field("length", &self.length).finish_non_exhaustive()
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

/// The head of an answer, and its body as it comes.
#[derive(Debug)]
pub struct Streamed {
    pub status: u16,
    pub headers: HeaderMap,
    /// What was asked for.
    pub url: Url,
    /// Whether it refuses a token that was renewed since, and the request was not sent again.
    pub is_outdated: bool,
    pub(super) inner: reqwest::Response,
    /// The beginning of the body, if it was looked at before it is read.
    pub(super) beginning: Bytes,
    pub(super) route: Route,
    /// How long a piece may take.
    pub(super) idle: Duration,
}

impl Streamed {
    /// The beginning of the body, which is still to be read: up to 16 KiB, as far as it comes.
    pub async fn beginning(&mut self) -> &[u8] {
        let mut begun = std::mem::take(&mut self.beginning).to_vec();
        while begun.len() < BEGINNING_BYTES
            && let Ok(Some(chunk)) = self.chunk().await
        {
            begun.extend_from_slice(&chunk);
        }
        self.beginning = begun.into();
        &self.beginning
    }

    /// The next piece of the body, after decompression; `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, NetworkError> {
        if !self.beginning.is_empty() {
            return Ok(Some(std::mem::take(&mut self.beginning)));
        }
        match Deadline::after(self.idle).wait(self.inner.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(error)) => Err(NetworkError::classify(&error, &self.url, Phase::Connected, &self.route, self.idle)),
            Err(_) => Err(NetworkError::timed_out(&self.url, Phase::Connected, &self.route, self.idle)),
        }
    }

    /// The rest of the body, if it has at most `limit` bytes.
    pub async fn rest(&mut self, limit: usize) -> Result<Vec<u8>, NetworkError> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if chunk.len() > limit - body.len() {
                return Err(NetworkError::answer_too_large(&self.url, limit_of(limit)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The answer as far as it can be judged: its head, and the beginning of its body.
    pub async fn judgeable(mut self) -> Response {
        let (mut body, mut broken) = (Vec::new(), None);
        while body.len() < MAX_BODY_BYTES {
            match self.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk[..chunk.len().min(MAX_BODY_BYTES - body.len())]),
                Ok(None) => break,
                Err(error) => {
                    broken = Some(error);
                    break;
                }
            }
        }
        Response { status: self.status, headers: self.headers, body, broken }
    }
}
