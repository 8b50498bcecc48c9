//! Answers that come from the gateway and not from the instance: JSON that says so.

use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use serde::Serialize;

use crate::base::code::{Class, Code};
use crate::base::error::{Failure, FailureInJson};
use crate::base::shown::{Shown, Step};

/// Why a request gets no answer of the instance.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    failure: Failure,
    headers: HeaderMap,
}

/// As it is sent. An instance has `error` too, but nothing else has `by`.
#[derive(Serialize)]
struct Document<'a> {
    error: Told<'a>,
}

#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    failure: FailureInJson<'a>,
    by: &'static str,
}

impl Refusal {
    pub fn new(status: StatusCode, code: Code, message: impl Into<Shown>) -> Self {
        Self::with_status(status, Failure::new(code, message))
    }

    pub fn with_status(status: StatusCode, failure: Failure) -> Self {
        Self { status, failure, headers: HeaderMap::new() }
    }

    /// What kept the answer of the instance away.
    pub fn of(failure: Failure) -> Self {
        let status = match (failure.code(), failure.class()) {
            (Code::Timeout | Code::GatewayTimeout, _) => StatusCode::GATEWAY_TIMEOUT,
            (_, Class::Usage) => StatusCode::BAD_REQUEST,
            (_, Class::Forbidden) => StatusCode::FORBIDDEN,
            (_, Class::RateLimited) => StatusCode::SERVICE_UNAVAILABLE,
            (_, Class::Internal) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_GATEWAY,
        };
        Self::with_status(status, failure)
    }

    pub fn why(self, why: impl Into<Shown>) -> Self {
        Self { failure: self.failure.why(why), ..self }
    }

    pub fn next(self, next: impl Into<Step>) -> Self {
        Self { failure: self.failure.next(next), ..self }
    }

    pub fn with(self, name: HeaderName, value: &'static str) -> Self {
        self.with_value(name, HeaderValue::from_static(value))
    }

    pub fn with_value(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    pub fn failure(&self) -> &Failure {
        &self.failure
    }

    pub fn response(self) -> Response<Full<Bytes>> {
        let document = Document { error: Told { failure: (&self.failure).into(), by: "snow" } };
        let body = serde_json::to_vec(&document).expect("a document is always JSON");
        let mut response = Response::new(Full::new(body.into()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
