//! The requests of the `oauth2` library over our client.
//!
//! The library builds the request; the answer is kept whole and read by us,
//! since status, page and odd numbers in it are what a diagnosis needs.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use oauth2::{AsyncHttpClient, HttpRequest, HttpResponse};
use url::Url;

use super::client::{Client, Deadline, Exchange};

/// Sends one request of the library and keeps what came of it.
pub struct HttpAdapter<'a> {
    client: &'a Client,
    deadline: Deadline,
    exchange: Mutex<Option<Exchange>>,
}

/// The library is not shown the answer.
#[derive(Debug, thiserror::Error)]
#[error("the answer is read elsewhere")]
pub struct ReadElsewhere;

impl<'a> HttpAdapter<'a> {
    pub fn new(client: &'a Client, deadline: Deadline) -> Self {
        Self { client, deadline, exchange: Mutex::new(None) }
    }

    /// What came of the request.
    pub fn exchange(self) -> Exchange {
        self.exchange
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .expect("the library sends the request it was given")
    }
}

impl<'c> AsyncHttpClient<'c> for HttpAdapter<'_> {
    type Error = ReadElsewhere;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, ReadElsewhere>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let url = Url::parse(&request.uri().to_string()).expect("the library was given a URL");
            let exchange = self.client.post_form(url, request.into_body(), self.deadline).await;
            *self.exchange.lock().unwrap_or_else(PoisonError::into_inner) = Some(exchange);
            Err(ReadElsewhere)
        })
    }
}
