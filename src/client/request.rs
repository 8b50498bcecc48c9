//! A connection in use, and the requests that it sends.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use url::Url;

use super::response::Response;
use crate::auth::credential::CredentialKind;
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, Step, shown};
use crate::engine::Connection;
use crate::history::account::Account;
use crate::http::client::{self, Deadline};
use crate::http::stream::{Payload, Streamed};
use crate::model::header::{is_reserved, overrides_method};
use crate::model::profile::{ConnectionName, Subject};
use crate::service::{Asked, Purpose};

/// An open connection: it sends signed requests to its instance, and nowhere else.
///
/// A session is renewed before a request when it is due. If the instance still refuses the
/// access token, the token is renewed once and a request that only reads (`GET`, `HEAD`,
/// `OPTIONS`) is repeated; a write never is. A refused password is not sent again.
/// Redirects are not followed. Clones share the connection.
///
/// It needs a Tokio runtime with time and I/O enabled.
#[derive(Clone)]
pub struct Client(Arc<Opened>);

/// What the requests of a client share.
pub struct Opened {
    connection: Connection,
    subject: Subject,
    account: Option<Account>,
    rules: Rules,
    /// Why the secret is not sent again.
    refused: Mutex<Option<Failure>>,
}

/// What holds for every request of a client.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// How long the head of an answer may take, and each piece of its body.
    pub timeout: Duration,
    /// Whether the connection refuses to write.
    pub read_only: bool,
}

/// A request that is being put together; see [`Client::request`].
pub struct Request {
    client: Client,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Payload,
    timeout: Option<Duration>,
}

/// A request that can be sent.
pub struct Checked {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
}

impl Client {
    pub(crate) fn new(connection: Connection, subject: Subject, account: Option<Account>, rules: Rules) -> Self {
        Self(Arc::new(Opened { connection, subject, account, rules, refused: Mutex::default() }))
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.0.connection
    }

    /// Gets a path, as [`Self::request`] reads it. The answer may have any status:
    /// [`Response::check`] judges it.
    ///
    /// # Errors
    ///
    /// Those of [`Request::send`].
    pub async fn get(&self, path: &str) -> Result<Response, Failure> {
        self.request("GET", path).send().await
    }

    /// A request with this method, as `PATCH`. `path` is
    ///
    /// - a path with its query, as in `/api/now/table/incident?sysparm_limit=1`;
    /// - a short form for `/api/now/…` with the API version of the connection: `table/…`,
    ///   `stats/…`, `attachment/…` or `import/…`;
    /// - a URL of exactly the origin of the connection.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request {
            client: self.clone(),
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: Payload::Whole(Default::default()),
            timeout: None,
        }
    }
}

impl Client {
    /// How long the head of an answer may take, and each piece of its body.
    pub(crate) fn timeout(&self) -> Duration {
        self.0.rules.timeout
    }

    /// Sends what was checked. The credential is renewed first if that is due.
    pub(crate) async fn send(
        self,
        Checked { method, url, headers }: Checked,
        body: Payload,
        timeout: Option<Duration>,
    ) -> Result<Response, Failure> {
        let Self(opened) = self;
        if let Some(failure) = opened.refused() {
            return Err(failure);
        }
        let deadline = Deadline::after(timeout.unwrap_or(opened.rules.timeout));
        opened.connection.ensure_fresh(Duration::ZERO, deadline).await?;
        let answer = opened.connection.send(&method, &url, &headers, &body, deadline).await?;
        opened.look_for_refusal(answer).await
    }
}

impl Request {
    /// Adds a header. `Accept` is `application/json` unless it is given, and with a body
    /// so is `Content-Type`.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The body, as it is.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Payload::Whole(body.into().into());
        self
    }

    /// A body that is read while it is sent.
    pub(crate) fn payload(mut self, body: Payload) -> Self {
        self.body = body;
        self
    }

    /// How long the head of the answer may take, a renewal before it included, and how
    /// long each piece of its body may. Otherwise `SNOW_TIMEOUT` says it, or it is 30
    /// seconds.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends it, and gives the answer as soon as its head is there, whatever its status.
    ///
    /// # Errors
    ///
    /// Class `usage` if the path leaves the instance or the method or a header cannot be
    /// sent, and code `read-only` if the connection does not write; then nothing was
    /// sent. Class `auth` if there is no valid credential, and `network` if no answer came.
    pub async fn send(self) -> Result<Response, Failure> {
        // Of a type that is known to be `Send`, or the compiler loses that in the
        // futures of callers.
        self.sent().boxed().await
    }

    async fn sent(self) -> Result<Response, Failure> {
        let checked = self.checked()?;
        let Self { client, body, timeout, .. } = self;
        client.send(checked, body, timeout).await
    }

    fn checked(&self) -> Result<Checked, Failure> {
        let connection = &self.client.0.connection;
        let url = connection.service().url(connection.instance(), connection.api_version(), &self.path)?;
        let method = self.method.parse::<Method>().ok().filter(|method| *method != Method::CONNECT);
        let method = method.ok_or_else(|| {
            Failure::new(Code::Usage, "invalid request method").next("Use a method such as GET or POST")
        })?;
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let (name, value) = checked_header(name, value)?;
            headers.append(name, value);
        }
        if self.client.0.rules.read_only && (!method.is_safe() || overrides_method(&headers)) {
            let Subject::Saved(name) = &self.client.0.subject else {
                unreachable!("only a saved connection is read-only")
            };
            return Err(read_only(name, shown!("{} may write", Shown::outside(method.as_str()))));
        }
        if !self.body.is_empty() {
            headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        }
        Ok(Checked { method, url, headers })
    }
}

/// A connection refuses to write, and something may.
pub fn read_only(name: &ConnectionName, what_may: impl Into<Shown>) -> Failure {
    Failure::new(Code::ReadOnly, shown!("{} is read-only, and {}", name, what_may.into()))
        .why("Nothing was sent.")
        .next(Step::say("To let it write: ").and_run(shown!("snow edit {} --unset read_only", name)))
}

/// The value may be a secret, and is never repeated.
fn checked_header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Failure> {
    let Ok(known) = name.parse::<HeaderName>() else {
        let failure = Failure::new(Code::Usage, "invalid header name in the request");
        return Err(failure.next("Use letters, digits and - in header names"));
    };
    if is_reserved(&known) {
        return Err(Failure::new(Code::Usage, shown!("the header {} is not allowed", Shown::outside(known.as_str())))
            .why("The connection sets this header.")
            .next("Remove it"));
    }
    let value = HeaderValue::from_str(value).map_err(|_| {
        Failure::new(Code::Usage, shown!("invalid value for the header {}", Shown::outside(name)))
            .next("Remove control characters from the value")
    })?;
    Ok((known, value))
}

impl Opened {
    /// Looks whether the instance refused a secret that must not be tried too often.
    async fn look_for_refusal(self: Arc<Self>, answer: Streamed) -> Result<Response, Failure> {
        let locks_accounts =
            matches!(self.connection.credential().kind(), CredentialKind::Secret(spec) if spec.locks_accounts);
        if answer.status != 401 || !locks_accounts {
            return Ok(Response::coming(self, answer));
        }
        let url = answer.url.clone();
        let answer = answer.judgeable().await;
        let failure = self.diagnosed(&answer, &url);
        if failure.code().is_counted() {
            if let Some(account) = &self.account {
                account.was_refused(&failure);
            }
            let failure = failure.why("The secret was refused before and was not sent again.");
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
        }
        Ok(Response::came(self, answer, url))
    }

    fn refused(&self) -> Option<Failure> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// What an answer means that is not the one asked for.
    pub fn diagnosed(&self, answer: &client::Response, url: &Url) -> Failure {
        self.asked(url, |asked| self.connection.service().diagnosed(answer, asked))
    }

    /// What is wrong with an answer, if anything is.
    pub fn verdict(&self, answer: &client::Response, url: &Url, is_for_head: bool) -> Option<Failure> {
        self.asked(url, |asked| self.connection.service().verdict(answer, asked, is_for_head))
    }

    fn asked<T>(&self, url: &Url, judge: impl FnOnce(&Asked<'_>) -> T) -> T {
        judge(&Asked {
            purpose: Purpose::Url(url),
            credential: self.connection.credential().kind(),
            subject: &self.subject,
            instance: self.connection.instance(),
            user: self.connection.username(),
            presented: self.connection.client().presented(),
            redactor: &self.connection.redactor(),
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instance = self.0.connection.instance().origin();
        formatter.debug_struct("Client").field("instance", &instance).finish_non_exhaustive()
    }
}

// Headers and body may hold secrets.
impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Request").field("method", &self.method).finish_non_exhaustive()
    }
}
