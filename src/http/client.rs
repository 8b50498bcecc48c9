//! One client for one instance, and the answers it brings.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Method;
use hyper::body::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use url::Url;

use super::certificate::Certificate;
use super::failure::{Kind, NetworkError};
use super::identity::{ClientIdentity, IdentitySlot, Presented};
use super::proxy::{ProxyLogin, Route};
use super::stream::{Payload, Streamed};
use super::tls::{CaCertificates, Verifiers};
use super::trace::{ConnectorTrace, Phase, Resolver, Timings, Trace};
use crate::base::duration::took;
use crate::base::error::{Failure, internal};
use crate::base::secret::Secret;
use crate::base::shown::{Shown, shown};

/// The most that is read of an answer, after decompression. What a test asks
/// for is far smaller.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// The most values of a JSON body that is read: each takes a hundred times its bytes of
/// memory. What is asked for has some hundreds.
const MAX_VALUES: usize = 20_000;
/// How deep serde_json reads.
const DEEPEST: usize = 128;
/// Who is so much later than a deadline was not running.
const STANDSTILL: Duration = Duration::from_secs(1);
const MAX_HEADERS: usize = 256;
/// How long a connection may take by default.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// The instant by which everything must be done.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
    pub timeout: Duration,
    clock: fn() -> Instant,
}

/// A client for one instance: its certificate authorities and its way there.
/// Clones share their connections.
#[derive(Clone)]
pub struct Client {
    inner: reqwest::Client,
    route: Route,
    added: Arc<Added>,
    identity: Arc<IdentitySlot>,
}

/// The headers that a client adds to every request.
#[derive(Default)]
struct Added {
    headers: HeaderMap,
    secrets: Vec<Secret>,
}

/// An answer: its head, and the body as far as it came.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    /// Why the body is not whole. A head alone says much: a 401 is a refusal
    /// also where its body was cut.
    pub broken: Option<NetworkError>,
}

/// One exchange: the times it took, and the answer or what kept it away. Once
/// a head came there is an answer.
#[derive(Debug, Clone)]
pub struct Exchange {
    pub timings: Timings,
    /// What the server showed, where this exchange opened the connection.
    pub certificate: Option<Certificate>,
    pub result: Result<Response, NetworkError>,
}

impl Deadline {
    pub fn after(timeout: Duration) -> Self {
        Self::by(Instant::now, timeout)
    }

    /// By a clock that is given.
    pub fn by(clock: fn() -> Instant, timeout: Duration) -> Self {
        Self { at: clock() + timeout, timeout, clock }
    }

    /// The time left, zero when there is none.
    pub fn left(&self) -> Duration {
        self.at.saturating_duration_since((self.clock)())
    }

    /// Runs work until then. A process that stood still meanwhile looks at what has come
    /// before it gives up: it may be an answer that is given once.
    pub(super) async fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T, Elapsed> {
        let mut work = std::pin::pin!(work);
        match timeout(self.left(), &mut work).await {
            Err(_) if (self.clock)() > self.at + STANDSTILL => timeout(STANDSTILL, work).await,
            outcome => outcome,
        }
    }
}

impl Exchange {
    /// Whether it went out on a connection of before, and came to nothing.
    fn found_connection_closed(&self) -> bool {
        let is_lost = matches!(&self.result, Err(NetworkError { kind: Kind::Lost, .. }));
        is_lost && self.timings.tcp.is_none()
    }

    /// The same, with what opening the connection showed in an exchange before
    /// it on the same one.
    pub fn after(mut self, first: &Self) -> Self {
        if self.timings.tcp.is_none() {
            let Timings { dns, tcp, tls, .. } = first.timings;
            let opening: Duration = [dns, tcp, tls].into_iter().flatten().sum();
            self.timings = Timings { dns, tcp, tls, total: self.timings.total + opening, ..self.timings };
            self.certificate = self.certificate.or(first.certificate);
        }
        self
    }
}

impl Client {
    pub fn new(verifiers: &Verifiers, authorities: &CaCertificates, route: Route) -> Result<Self, Failure> {
        Self::of_server(verifiers, authorities, route, None)
    }

    /// A client for a server whose certificate has this name and that is at these
    /// addresses.
    pub fn of_server(
        verifiers: &Verifiers,
        authorities: &CaCertificates,
        route: Route,
        server: Option<(&str, &[SocketAddr])>,
    ) -> Result<Self, Failure> {
        let unbuildable = |error: reqwest::Error| {
            internal(shown!("could not create the HTTP client: {}", Shown::outside(error.without_url().to_string())))
        };
        let identity = Arc::<IdentitySlot>::default();
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("snow/", env!("CARGO_PKG_VERSION")))
            .tls_backend_preconfigured(verifiers.client_config(authorities, identity.clone()))
            .connector_layer(ConnectorTrace)
            .dns_resolver(Resolver)
            // A redirect would carry the credential to wherever it points.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .http1_max_headers(MAX_HEADERS)
            // The environment was asked already; see `Route`.
            .no_proxy();
        if let Route::Through { proxy, login } = &route {
            let address = match login {
                ProxyLogin::Address(address) => address.expose(),
                ProxyLogin::None | ProxyLogin::Header(_) => &proxy.url,
            };
            let mut proxy = reqwest::Proxy::all(address).map_err(unbuildable)?;
            if let ProxyLogin::Header(header) = login {
                proxy = proxy.custom_http_auth(header.clone());
            }
            builder = builder.proxy(proxy);
        }
        if let Some((name, addresses)) = server {
            builder = builder.resolve_to_addrs(name, addresses);
        }
        Ok(Self { inner: builder.build().map_err(unbuildable)?, route, added: Arc::default(), identity })
    }

    /// The same client, which adds these headers to every request. `secrets` is what
    /// they hold.
    pub fn with_headers(self, headers: HeaderMap, secrets: Vec<Secret>) -> Self {
        if headers.is_empty() { self } else { Self { added: Arc::new(Added { headers, secrets }), ..self } }
    }

    /// Sends this certificate to `host`, if the server asks for one. Clones send it, too.
    pub fn present(&self, identity: &ClientIdentity, host: &str) {
        self.identity.fill(identity.clone(), host);
    }

    /// The certificate that it sends, if it has one.
    pub fn own_certificate(&self) -> Option<Certificate> {
        self.identity.certificate()
    }

    /// Whether the server asked for a certificate, and got one.
    pub fn presented(&self) -> Presented {
        self.identity.presented()
    }

    /// What its headers hold: not to be shown if a server echoes it.
    pub fn secrets(&self) -> &[Secret] {
        &self.added.secrets
    }

    /// Whether it adds this header to every request.
    pub fn adds(&self, name: &HeaderName) -> bool {
        self.added.headers.contains_key(name)
    }

    pub fn route(&self) -> &Route {
        &self.route
    }

    /// Gets `url` with these headers. If the server closed a kept connection in the
    /// meantime, it is asked once more on a new one (RFC 9110 §9.2.2): a GET only reads.
    pub async fn get(&self, url: Url, headers: &HeaderMap, deadline: Deadline) -> Exchange {
        let request = || self.request(Method::GET, url.clone(), headers);
        // In its own place, so that its callers are small when they do
        // something else.
        let exchange = Box::pin(self.send("GET", url.clone(), request(), deadline)).await;
        if exchange.found_connection_closed() {
            Box::pin(self.send("GET", url.clone(), request(), deadline)).await
        } else {
            exchange
        }
    }

    /// Posts a form, whose fields may be secrets. Never sent twice by itself.
    pub async fn post_form(&self, url: Url, form: Vec<u8>, deadline: Deadline) -> Exchange {
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        self.post(url, &HeaderMap::from_iter([(CONTENT_TYPE, form_type)]), form, deadline).await
    }

    /// Posts a body, which may hold secrets. Never sent twice by itself.
    pub async fn post(&self, url: Url, headers: &HeaderMap, body: Vec<u8>, deadline: Deadline) -> Exchange {
        let request = self.request(Method::POST, url.clone(), headers).body(body);
        self.send("POST", url, request, deadline).await
    }

    /// Deletes something.
    pub async fn delete(&self, url: Url, headers: &HeaderMap, deadline: Deadline) -> Exchange {
        let request = self.request(Method::DELETE, url.clone(), headers);
        self.send("DELETE", url, request, deadline).await
    }

    /// A request with the headers of the client, and with these in place of them where
    /// both have one.
    fn request(&self, method: Method, url: Url, headers: &HeaderMap) -> reqwest::RequestBuilder {
        let mut all = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        all.extend(self.added.headers.clone());
        all.extend(headers.clone());
        self.inner.request(method, url).headers(all)
    }

    /// Sends a request with these headers; the answer's head must come by the deadline,
    /// and each piece of its body within as long a time. A body that is read while it is
    /// sent moves the deadline with each piece. What only reads is sent once more if the
    /// server closed a kept connection in the meantime.
    pub async fn open(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        body: &Payload,
        deadline: Deadline,
    ) -> Result<Streamed, NetworkError> {
        let (first, opened_anew) = Box::pin(self.open_once(method, url, headers, body, deadline)).await;
        match first {
            Err(NetworkError { kind: Kind::Lost, .. })
                if !opened_anew && method.is_safe() && body.can_be_repeated() =>
            {
                Box::pin(self.open_once(method, url, headers, body, deadline)).await.0
            }
            first => first,
        }
    }

    /// As above, without a second time; says whether it opened a connection.
    async fn open_once(
        &self,
        method: &Method,
        url: &Url,
        headers: &HeaderMap,
        body: &Payload,
        deadline: Deadline,
    ) -> (Result<Streamed, NetworkError>, bool) {
        if deadline.left().is_zero() {
            return (Err(NetworkError::too_late(url, &self.route, deadline.timeout)), false);
        }
        let mut request = self.request(method.clone(), url.clone(), headers);
        let (body, taken) = body.body();
        if let Some(body) = body {
            request = request.body(body);
        }
        let (trace, sent) = Trace::of(async {
            let mut sending = std::pin::pin!(request.send());
            let (mut until, mut before) = (deadline, 0);
            loop {
                match until.wait(&mut sending).await {
                    // While the body is under way, it is the server that must not stop.
                    Err(_) if taken.count() > before => {
                        (until, before) = (Deadline::by(deadline.clock, deadline.timeout), taken.count());
                    }
                    sent => return sent,
                }
            }
        })
        .await;
        let timings = trace.timings(Some(Instant::now()));
        let answer = match sent {
            Ok(Ok(mut inner)) => Ok(Streamed {
                status: inner.status().as_u16(),
                headers: std::mem::take(inner.headers_mut()),
                url: url.clone(),
                is_outdated: false,
                beginning: Bytes::new(),
                inner,
                route: self.route.clone(),
                idle: deadline.timeout,
            }),
            Ok(Err(error)) => Err(self.network_error(&error, url, trace.phase(), deadline)),
            Err(_) => Err(NetworkError::timed_out(url, trace.phase(), &self.route, deadline.timeout)),
        };
        let came = answer.as_ref().map_or("nothing".to_owned(), |answer| answer.status.to_string());
        tracing::debug!("{method} {}{} returned {came} after {}", url.authority(), url.path(), took(timings.total));
        (answer, timings.tcp.is_some())
    }

    fn network_error(&self, error: &reqwest::Error, url: &Url, phase: Phase, deadline: Deadline) -> NetworkError {
        NetworkError::classify(error, url, phase, &self.route, deadline.timeout).after_presenting(self.presented())
    }

    async fn send(&self, method: &str, url: Url, request: reqwest::RequestBuilder, deadline: Deadline) -> Exchange {
        if deadline.left().is_zero() {
            let error = NetworkError::too_late(&url, &self.route, deadline.timeout);
            return Exchange { timings: Timings::default(), certificate: None, result: Err(error) };
        }
        let mut first_byte = None;
        let (trace, result) = Trace::of(async {
            let mut response = deadline.wait(request.send()).await??;
            first_byte = Some(Instant::now());
            let status = response.status().as_u16();
            let headers = std::mem::take(response.headers_mut());
            let mut body = Vec::new();
            let read = deadline.wait(read_body(&mut response, &headers, &mut body)).await;
            let broken = read.unwrap_or_else(|elapsed| Err(elapsed.into())).err();
            Ok((Response { status, headers, body, broken: None }, broken))
        })
        .await;
        let timings = trace.timings(first_byte);
        match &result {
            Ok((answer, _)) => {
                tracing::debug!(
                    "{method} {}{} returned {} in {}",
                    url.authority(),
                    url.path(),
                    answer.status,
                    took(timings.total)
                )
            }
            Err(_) => {
                tracing::debug!("{method} {}{} failed after {}", url.authority(), url.path(), took(timings.total))
            }
        }
        tracing::trace!("{timings}");
        let network_error = |broken| match broken {
            Broken::TooLarge(limit) => NetworkError::answer_too_large(&url, limit),
            Broken::TooLate => NetworkError::timed_out(&url, trace.phase(), &self.route, deadline.timeout),
            Broken::Transport(error) => self.network_error(&error, &url, trace.phase(), deadline),
        };
        Exchange {
            timings,
            certificate: trace.certificate(),
            result: match result {
                Ok((answer, broken)) => Ok(Response { broken: broken.map(network_error), ..answer }),
                Err(broken) => Err(network_error(broken)),
            },
        }
    }
}

/// As in `the 1 MiB limit`.
pub(super) fn limit_of(bytes: usize) -> String {
    format!("the {} MiB limit", bytes / (1024 * 1024))
}

enum Broken {
    /// With the limit.
    TooLarge(String),
    TooLate,
    Transport(reqwest::Error),
}

impl From<Elapsed> for Broken {
    fn from(_: Elapsed) -> Self {
        Self::TooLate
    }
}

impl From<reqwest::Error> for Broken {
    fn from(error: reqwest::Error) -> Self {
        Self::Transport(error)
    }
}

async fn read_body(response: &mut reqwest::Response, headers: &HeaderMap, body: &mut Vec<u8>) -> Result<(), Broken> {
    while let Some(chunk) = response.chunk().await? {
        let room = MAX_BODY_BYTES - body.len();
        if chunk.len() > room {
            body.extend_from_slice(&chunk[..room]);
            // A page is recognised by its beginning; data must be whole.
            return if is_html(headers) { Ok(()) } else { Err(Broken::TooLarge(limit_of(MAX_BODY_BYTES))) };
        }
        body.extend_from_slice(&chunk);
    }
    if values_in(body) > MAX_VALUES {
        Err(Broken::TooLarge(format!("the limit of {MAX_VALUES} values")))
    } else {
        Ok(())
    }
}

/// About how many values are read of a JSON body: what begins one or is between two,
/// outside of strings. Zero for what is not JSON, and for what nests deeper than a reader
/// goes.
fn values_in(body: &[u8]) -> usize {
    if !matches!(body.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return 0;
    }
    let (mut count, mut depth, mut is_in_string, mut is_escaped) = (0, 0_usize, false, false);
    for byte in body {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_in_string => is_escaped = true,
            b'"' => is_in_string = !is_in_string,
            b',' if !is_in_string => count += 1,
            b'{' | b'[' if !is_in_string => {
                count += 1;
                depth += 1;
            }
            b'}' | b']' if !is_in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return 0;
        }
    }
    count
}

fn is_html(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("text/html"))
}

impl Response {
    /// A header as text; `None` where it is missing or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// All values of a header, as text.
    pub fn header_values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
    }

    pub fn is_html(&self) -> bool {
        is_html(&self.headers)
    }
}
