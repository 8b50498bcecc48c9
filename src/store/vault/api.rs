//! Requests to Vault: what goes with each, and the token that it is made with.
//!
//! A node may lag behind the others. Each answer names how far the node was, and the next
//! request asks for no less: a standby that is further behind passes it on. No redirect
//! is followed: it means that there is no active node.

use std::sync::{Mutex as Shared, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::header::{CONTENT_TYPE, DATE};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::error::{self, Answer, Fault, Whereabouts};
use super::login::SignIn;
use super::settings::Address;
use crate::base::secret::Secret;
use crate::base::server_text::Redactor;
use crate::base::shown::Shown;
use crate::http::client::{Client, Deadline};
use crate::http::retry_after::http_date;

/// How long one request may take. A leader that hangs takes 12 seconds.
const TIMEOUT: Duration = Duration::from_secs(30);
/// A token that ends within this time is not used any more.
const MARGIN: Duration = Duration::from_secs(5);

const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const REQUEST: HeaderName = HeaderName::from_static("x-vault-request");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
const INDEX: HeaderName = HeaderName::from_static("x-vault-index");
const INCONSISTENT: HeaderName = HeaderName::from_static("x-vault-inconsistent");

pub struct Api {
    client: Client,
    address: Address,
    sign_in: SignIn,
    pub place: Whereabouts,
    /// How far the store was when it last answered.
    index: Shared<Option<HeaderValue>>,
    token: Mutex<Held>,
}

/// What signs requests in this run.
#[derive(Default)]
struct Held {
    token: Option<(Secret, Option<Instant>)>,
    /// A sign-in that was rejected is not tried again.
    rejected: Option<Fault>,
}

/// What is asked for.
#[derive(Clone, Copy)]
pub enum Ask<'a> {
    Get,
    /// The names below a path.
    List,
    Delete,
    Post(&'a Value),
}

impl Api {
    pub fn new(client: Client, address: Address, sign_in: SignIn, place: Whereabouts) -> Self {
        Self { client, address, sign_in, place, index: Shared::default(), token: Mutex::default() }
    }

    /// Asks with a token; where it is not taken, once more with a new one if there is a
    /// way to get one. A 403 is told apart: is it the token, or what it may do?
    pub async fn ask(&self, ask: Ask<'_>, path: &str) -> Result<Answer, Fault> {
        let token = self.token().await?;
        let answer = self.send(ask, path, token.as_ref()).await?;
        if answer.status != 403 {
            return Ok(answer);
        }
        if self.is_valid(token.as_ref()).await? {
            return Err(self.place.found(error::refusal(true, token.is_some())));
        }
        if !self.sign_in.can_be_repeated() {
            return Err(self.place.found(error::refusal(false, token.is_some())));
        }
        self.forget(token.as_ref()).await;
        let token = self.token().await?;
        let answer = self.send(ask, path, token.as_ref()).await?;
        if answer.status != 403 {
            return Ok(answer);
        }
        let is_valid = self.is_valid(token.as_ref()).await?;
        Err(self.place.found(error::refusal(is_valid, token.is_some())))
    }

    /// What an answer means that is not the one expected.
    pub async fn fault(&self, answer: &Answer) -> Fault {
        let said = self.said(answer).await;
        self.place.fault(answer, &said)
    }

    /// Whether the cluster has nodes that may lag behind. If that cannot be seen, it may.
    pub async fn has_standbys(&self) -> bool {
        match self.send(Ask::Get, "sys/leader", None).await {
            Ok(answer) => answer.body["ha_enabled"] != json!(false),
            Err(_) => true,
        }
    }

    /// Whether a former answer says how far the store was, so that no older one comes.
    pub fn has_seen_an_index(&self) -> bool {
        self.index.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// What signs in, for a search.
    pub async fn secrets(&self) -> Vec<Secret> {
        let held = self.token.lock().await;
        held.token.iter().map(|(token, _)| token.clone()).chain(self.sign_in.secrets()).collect()
    }

    async fn is_valid(&self, token: Option<&Secret>) -> Result<bool, Fault> {
        let answer = self.send(Ask::Get, "auth/token/lookup-self", token).await?;
        match answer.status {
            200 => Ok(true),
            403 => Ok(false),
            _ => Err(self.fault(&answer).await),
        }
    }

    async fn forget(&self, token: Option<&Secret>) {
        let mut held = self.token.lock().await;
        // Another request may have signed in again meanwhile.
        let is_same = held.token.as_ref().map(|(token, _)| token.expose()) == token.map(Secret::expose);
        if is_same {
            held.token = None;
        }
    }

    /// The token of this run. Gets one where there is none or it has ended.
    async fn token(&self) -> Result<Option<Secret>, Fault> {
        let mut held = self.token.lock().await;
        if let Some(fault) = &held.rejected {
            return Err(fault.clone());
        }
        if let Some((token, ends)) = &held.token
            && ends.is_none_or(|ends| Instant::now() + MARGIN < ends)
        {
            return Ok(Some(token.clone()));
        }
        let (path, body) = match self.sign_in.request().map_err(|failure| self.place.not_signed_in(failure))? {
            None => return Ok(None),
            Some(Err(token)) => return Ok(Some(held.token.insert((token, None)).0.clone())),
            Some(Ok(request)) => request,
        };
        let sent = Instant::now();
        let answer = self.send(Ask::Post(&body), &path, None).await?;
        let token = answer.body["auth"]["client_token"].as_str().map(|token| Secret::new(token.to_owned()));
        let (200, Some(Ok(token))) = (answer.status, token) else {
            let said = self.sign_in.redactor().server_text(&errors(&answer.body));
            let fault = self.place.login_refused(self.sign_in.method(), &answer, &said);
            held.rejected = Some(fault.clone()).filter(|fault| !fault.is_passing);
            return Err(fault);
        };
        let lifetime = answer.body["auth"]["lease_duration"].as_u64().filter(|seconds| *seconds > 0);
        tracing::info!("signed in to Vault at {} with {}", self.place.address, self.sign_in.method());
        let ends = lifetime.map(|seconds| sent + Duration::from_secs(seconds));
        held.token = Some((token.clone(), ends));
        Ok(Some(token))
    }

    async fn send(&self, ask: Ask<'_>, path: &str, token: Option<&Secret>) -> Result<Answer, Fault> {
        let url = self.address.origin.url(&format!("{}/v1/{path}", self.address.prefix));
        let url = match &self.sign_in.server_name {
            Some(name) => {
                let mut url = url;
                let _ = url.set_host(Some(name));
                url
            }
            None => url,
        };
        let (headers, deadline) = (self.headers(token), Deadline::after(TIMEOUT));
        let exchange = match ask {
            Ask::Get => self.client.get(url, &headers, deadline).await,
            Ask::List => {
                let mut url = url;
                url.set_query(Some("list=true"));
                self.client.get(url, &headers, deadline).await
            }
            Ask::Delete => self.client.delete(url, &headers, deadline).await,
            Ask::Post(body) => {
                let body = serde_json::to_vec(body).expect("a value is always JSON");
                self.client.post(url, &headers, body, deadline).await
            }
        };
        let response = exchange.result.map_err(|error| self.place.unreachable(error))?;
        if let Some(broken) = response.broken {
            return Err(self.place.unreachable(broken));
        }
        if let Some(index) = response.headers.get(INDEX) {
            *self.index.lock().unwrap_or_else(PoisonError::into_inner) = Some(index.clone());
        }
        let bytes = Zeroizing::new(response.body);
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let age = age(&response.headers, &body);
        // What an answer without an error says is not looked at: it may be a secret.
        let is_record = body["data"]["data"].is_object();
        let text = if is_record { String::new() } else { String::from_utf8_lossy(&bytes).into_owned() };
        Ok(Answer { status: response.status, body, text, age })
    }

    fn headers(&self, token: Option<&Secret>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST, HeaderValue::from_static("true"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(Ok(mut value)) = token.map(|token| HeaderValue::from_str(token.expose())) {
            value.set_sensitive(true);
            headers.insert(TOKEN, value);
        }
        if let Some(Ok(namespace)) = self.place.namespace.as_deref().map(HeaderValue::from_str) {
            headers.insert(NAMESPACE, namespace);
        }
        if let Some(index) = self.index.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            headers.insert(INDEX, index);
            headers.insert(INCONSISTENT, HeaderValue::from_static("forward-active-node"));
        }
        headers
    }

    /// What Vault says of an error, safe to be shown.
    async fn said(&self, answer: &Answer) -> Shown {
        let mut redactor = Redactor::default();
        self.secrets().await.iter().for_each(|secret| redactor.add(secret));
        redactor.server_text(&errors(&answer.body))
    }
}

/// The errors of an answer in one line.
fn errors(body: &Value) -> String {
    let errors = body["errors"].as_array().into_iter().flatten().filter_map(Value::as_str);
    errors.collect::<Vec<_>>().join("; ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The age of a version by the clocks of the servers.
fn age(headers: &HeaderMap, body: &Value) -> Option<Duration> {
    let date = http_date(headers.get(DATE)?.to_str().ok()?)?;
    let created = body["data"]["metadata"]["created_time"].as_str()?;
    let created = chrono::DateTime::parse_from_rfc3339(created).ok()?;
    Some((date - created.to_utc()).to_std().unwrap_or_default())
}
