//! An answer, whose body is read piece by piece.

use std::fmt;
use std::sync::Arc;

use http::HeaderMap;
use hyper::body::Bytes;
use serde::de::DeserializeOwned;
use url::Url;

use super::request::Opened;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::shown;
use crate::http::client;
use crate::http::failure::{Kind, NetworkError};
use crate::http::stream::Streamed;

/// The most that [`Response::bytes`] takes.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// An answer: its head is there, and its body comes.
pub struct Response {
    opened: Arc<Opened>,
    url: Url,
    status: u16,
    headers: HeaderMap,
    body: Body,
    is_outdated: bool,
}

enum Body {
    Coming(Box<Streamed>),
    /// It was read to see what it means.
    Came {
        bytes: Bytes,
        broken: Option<NetworkError>,
    },
}

impl Response {
    pub(super) fn coming(opened: Arc<Opened>, mut answer: Streamed) -> Self {
        let headers = std::mem::take(&mut answer.headers);
        let (url, status, is_outdated) = (answer.url.clone(), answer.status, answer.is_outdated);
        Self { opened, url, status, headers, body: Body::Coming(Box::new(answer)), is_outdated }
    }

    pub(super) fn came(opened: Arc<Opened>, answer: client::Response, url: Url) -> Self {
        let client::Response { status, headers, body, broken } = answer;
        Self { opened, url, status, headers, body: Body::Came { bytes: body.into(), broken }, is_outdated: false }
    }

    /// The status, as 200 or 404.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The headers as they came; names are in lower case. If the body was compressed
    /// with gzip, those that say so are gone, since what is read is not.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    /// The next piece of the body, after decompression; `None` at its end. A body of any
    /// length can be read in this way.
    ///
    /// # Errors
    ///
    /// Class `network` if the body breaks off, or no piece comes in time.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        Ok(self.piece().await?)
    }

    pub(super) async fn piece(&mut self) -> Result<Option<Bytes>, NetworkError> {
        match &mut self.body {
            Body::Coming(answer) => answer.chunk().await,
            Body::Came { bytes, broken } if bytes.is_empty() => broken.take().map_or(Ok(None), Err),
            Body::Came { bytes, .. } => Ok(Some(std::mem::take(bytes))),
        }
    }

    /// What was asked for.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Whether it refuses a token that was renewed since.
    pub(crate) fn is_outdated(&self) -> bool {
        self.is_outdated
    }

    pub(super) fn opened(&self) -> &Arc<Opened> {
        &self.opened
    }

    /// The rest of the body, of at most 64 MiB after decompression.
    ///
    /// # Errors
    ///
    /// Those of [`Self::chunk`], and code `answer-too-large`.
    pub async fn bytes(mut self) -> Result<Vec<u8>, Failure> {
        let whole = match &mut self.body {
            Body::Coming(answer) => answer.rest(MAX_BYTES).await,
            Body::Came { bytes, broken } => broken.take().map_or(Ok(bytes.to_vec()), Err),
        };
        whole.map_err(|error| match error.kind {
            Kind::TooLarge(_) => {
                let host = self.opened.connection().instance().host_and_port();
                Failure::new(Code::AnswerTooLarge, shown!("the response from {} exceeds the 64 MiB limit", host))
                    .next("Read it in chunks, or request less")
            }
            _ => error.into(),
        })
    }

    /// The body as JSON, within the limit of [`Self::bytes`]. The status is not looked at:
    /// see [`Self::check`].
    ///
    /// # Errors
    ///
    /// Those of [`Self::bytes`], and code `unexpected-answer` if the body is not JSON of
    /// this type.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, Failure> {
        let (status, opened) = (self.status, self.opened.clone());
        let body = self.bytes().await?;
        serde_json::from_slice(&body).map_err(|error| {
            let connection = opened.connection();
            let host = connection.instance().host_and_port();
            Failure::new(Code::UnexpectedAnswer, shown!("the response from {} is not the expected JSON", host))
                .why(shown!("{}.", connection.redactor().server_text(&error.to_string())))
                .next("Check the status first, and the type to deserialize into")
                .evidence("http_status", status)
        })
    }

    /// The answer itself if its status is 2xx.
    ///
    /// # Errors
    ///
    /// Otherwise what the answer means, diagnosed as `snow test` does it: class `auth` where
    /// the credential was refused, `forbidden`, `rate-limited`, `instance` or `api`, with
    /// what the instance said and without any secret of the connection.
    pub async fn check(self) -> Result<Self, Failure> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let Self { opened, url, status, headers, body, .. } = self;
        let (body, broken) = match body {
            Body::Coming(answer) => {
                let answer = answer.judgeable().await;
                (answer.body, answer.broken)
            }
            Body::Came { bytes, broken } => (bytes.into(), broken),
        };
        Err(opened.diagnosed(&client::Response { status, headers, body, broken }, &url))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Response").field("status", &self.status).finish_non_exhaustive()
    }
}
