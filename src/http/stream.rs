//! An answer whose body is read piece by piece.

use std::time::Duration;

use hyper::body::Bytes;
use reqwest::header::HeaderMap;
use url::Url;

use super::client::{MAX_BODY_BYTES, Response, limit_of};
use super::failure::NetworkError;
use super::proxy::Route;
use super::trace::Phase;

/// The head of an answer, and its body as it comes.
#[derive(Debug)]
pub struct Streamed {
    pub status: u16,
    pub headers: HeaderMap,
    /// What was asked for.
    pub url: Url,
    pub(super) inner: reqwest::Response,
    pub(super) route: Route,
    /// How long a piece may take.
    pub(super) idle: Duration,
}

impl Streamed {
    /// The next piece of the body, after decompression; `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, NetworkError> {
        match tokio::time::timeout(self.idle, self.inner.chunk()).await {
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
