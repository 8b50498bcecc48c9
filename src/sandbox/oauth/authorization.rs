//! Authorizations under way: what a client asked for (RFC 6749, section 4.1.1,
//! and RFC 7636), who is signing in, and the codes that came of it. Nothing is
//! kept in the browser but an opaque identifier in the forms.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::clients::{Client, Clients, RedirectUri};
use super::random;
use crate::sandbox::request::Request;
use crate::sandbox::rows::User;
use crate::sandbox::scenario::Scenario;

/// How long a person may take to sign in and decide.
const TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// What a client asked for, found to be in order.
#[derive(Clone)]
pub struct AuthorizationRequest {
    pub client: &'static Client,
    pub redirect_uri: RedirectUri,
    pub state: String,
    pub scope: String,
    code_challenge: Option<String>,
}

/// Why there will be no code.
pub enum Refused {
    /// A page without a callback: there is no place to send the browser back to.
    Page(&'static str),
    /// An error at the redirect URI.
    Callback(String),
}

/// Requests that wait for a person, and codes that wait for a client.
pub struct Authorizations {
    code_ttl: Duration,
    waiting: HashMap<String, Waiting>,
    codes: HashMap<String, Code>,
}

/// A request for which a person is signing in.
struct Waiting {
    request: AuthorizationRequest,
    user: Option<&'static User>,
    since: Instant,
}

/// What a code stands for.
pub struct Code {
    pub request: AuthorizationRequest,
    pub user: &'static User,
    expires_at: Instant,
}

impl AuthorizationRequest {
    pub fn read(request: &Request<'_>, clients: &Clients, scenario: Option<Scenario>) -> Result<Self, Refused> {
        let one = |name| request.parameter(name).unwrap_or("");
        let client = clients.find(one("client_id"), scenario).ok_or(Refused::Page("Invalid client_id"))?;
        let redirect_uri = RedirectUri::registered(client, one("redirect_uri"))
            .filter(|_| client.may("authorization_code") && scenario != Some(Scenario::RedirectUri))
            .ok_or(Refused::Page("Invalid redirect_uri"))?;
        let state = one("state");
        if state.is_empty() {
            return Err(Refused::Page("Missing State parameter in request."));
        }
        let error = |error| Err(Refused::Callback(redirect_uri.with(&[("error", error), ("state", state)])));
        if one("response_type") != "code" {
            return error("unsupported_response_type");
        }
        let code_challenge = request.parameter("code_challenge").map(str::to_owned);
        let is_sha256 = |challenge: &String| {
            one("code_challenge_method") == "S256"
                && URL_SAFE_NO_PAD.decode(challenge).is_ok_and(|hash| hash.len() == 32)
        };
        if request.is_repeated() || !code_challenge.as_ref().is_none_or(is_sha256) {
            return error("invalid_request");
        }
        if scenario == Some(Scenario::LoginDenied) {
            return error("access_denied");
        }
        let (state, scope) = (state.to_owned(), one("scope").to_owned());
        Ok(Self { client, redirect_uri, state, scope, code_challenge })
    }

    /// Whether the client that redeems the code is the one that asked for it.
    /// A public client has nothing else to prove it with.
    pub fn is_proven_by(&self, code_verifier: Option<&str>) -> bool {
        match (&self.code_challenge, code_verifier) {
            (Some(challenge), Some(verifier)) => {
                (43..=128).contains(&verifier.len()) && *challenge == URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
            }
            (None, None) => self.client.client_secret.is_some(),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }
}

impl Authorizations {
    pub fn new(code_ttl: Duration) -> Self {
        Self { code_ttl, waiting: HashMap::new(), codes: HashMap::new() }
    }

    /// Keeps the request; the answer is the name of the transaction, for the
    /// forms.
    pub fn open(&mut self, request: AuthorizationRequest, now: Instant) -> String {
        self.waiting.retain(|_, waiting| now - waiting.since < TIMEOUT);
        self.codes.retain(|_, code| code.expires_at > now);
        let transaction = random();
        self.waiting.insert(transaction.clone(), Waiting { request, user: None, since: now });
        transaction
    }

    pub fn request(&self, transaction: &str) -> Option<&AuthorizationRequest> {
        self.waiting.get(transaction).map(|waiting| &waiting.request)
    }

    /// Who signed in for it.
    pub fn user(&self, transaction: &str) -> Option<&'static User> {
        self.waiting.get(transaction)?.user
    }

    pub fn sign_in(&mut self, transaction: &str, user: &'static User) {
        if let Some(waiting) = self.waiting.get_mut(transaction) {
            waiting.user = Some(user);
        }
    }

    /// The address to send the browser to: with a code for `user`, or with the
    /// word that the person said no. That ends the transaction.
    pub fn decide(&mut self, transaction: &str, allowed: Option<&'static User>, now: Instant) -> Option<String> {
        let Waiting { request, .. } = self.waiting.remove(transaction)?;
        let Some(user) = allowed else {
            return Some(request.redirect_uri.with(&[("error", "access_denied"), ("state", &request.state)]));
        };
        let code = random();
        let location = request.redirect_uri.with(&[("code", &code), ("state", &request.state)]);
        self.codes.insert(code, Code { request, user, expires_at: now + self.code_ttl });
        Some(location)
    }

    /// What a code stands for. It is good once, and not for another client.
    pub fn redeem(&mut self, code: &str, client: &Client, now: Instant) -> Option<Code> {
        if self.codes.get(code)?.request.client.client_id != client.client_id {
            return None;
        }
        self.codes.remove(code).filter(|code| code.expires_at > now)
    }
}
