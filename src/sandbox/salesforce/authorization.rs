//! Authorizations under way: what a client asked for, who is signing in, and the codes
//! that came of it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use super::clients::Client;
use super::fault::Fault;
use super::people::User;
use super::scenario::Scenario;
use crate::base::secret::Secret;
use crate::sandbox::request::Request;

const TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// What an app may ask for.
const SCOPES: &[&str] =
    &["api", "web", "full", "id", "profile", "email", "address", "phone", "openid", "refresh_token", "offline_access"];

/// What a client asked for, found to be in order.
#[derive(Clone)]
pub struct AuthorizationRequest {
    pub client: &'static Client,
    pub redirect_uri: String,
    pub scope: String,
    state: Option<String>,
    code_challenge: String,
}

/// Why there will be no code: `error` and `error_description`.
pub enum Refused {
    /// Told on a line of text: there is no place to send the browser back to.
    Here(&'static str, &'static str),
    /// Told at this address.
    There(String),
}

/// Requests that wait for a person, and codes that wait for a client.
pub struct Authorizations {
    code_ttl: Duration,
    waiting: HashMap<String, Waiting>,
    codes: HashMap<String, Code>,
}

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
    pub fn read(request: &Request<'_>, scenario: Option<Scenario>) -> Result<Self, Refused> {
        let unknown = Refused::Here("invalid_client_id", "client identifier invalid");
        let named = request.parameter("client_id").and_then(Client::named);
        let client = named.filter(|client| client.may("authorization_code")).ok_or(unknown)?;
        let redirect_uri = request
            .parameter("redirect_uri")
            .ok_or(Refused::Here("redirect_uri_missing", "redirect_uri must be provided"))?;
        if !client.has_redirect_uri(redirect_uri) || scenario == Some(Scenario::RedirectUri) {
            return Err(Refused::Here("redirect_uri_mismatch", "redirect_uri must match configuration"));
        }
        let state = request.parameter("state").map(str::to_owned);
        let refused = |error: &str, description: &str| {
            let mut pairs = vec![("error", error), ("error_description", description)];
            pairs.extend(state.as_deref().map(|state| ("state", state)));
            Err(Refused::There(with(redirect_uri, &pairs)))
        };
        if let Some(Fault::Authorize(error, description)) =
            scenario.and_then(|scenario| scenario.faults().iter().find(|fault| matches!(fault, Fault::Authorize(..))))
        {
            return refused(error, description);
        }
        if request.parameter("response_type") != Some("code") {
            return refused("unsupported_response_type", "response type not supported");
        }
        let scope = request.parameter("scope").unwrap_or("api refresh_token").to_owned();
        if !scope.split(' ').all(|word| SCOPES.contains(&word)) {
            return refused("invalid_scope", "the requested scope is invalid, unknown, or malformed");
        }
        let Some(code_challenge) = request.parameter("code_challenge").map(str::to_owned) else {
            return refused("invalid_request", "missing required code challenge");
        };
        // Without a method it is taken for S256, as Salesforce's own command line sends it.
        let is_hash = URL_SAFE_NO_PAD.decode(&code_challenge).is_ok_and(|hash| hash.len() == 32);
        if !is_hash || !matches!(request.parameter("code_challenge_method"), None | Some("S256")) {
            return refused("invalid_request", "invalid code challenge");
        }
        Ok(Self { client, redirect_uri: redirect_uri.to_owned(), scope, state, code_challenge })
    }

    pub fn is_proven_by(&self, code_verifier: &str) -> bool {
        self.code_challenge == URL_SAFE_NO_PAD.encode(Sha256::digest(code_verifier))
    }

    fn answered(&self, pairs: &[(&str, &str)]) -> String {
        let state = self.state.iter().map(|state| ("state", state.as_str()));
        with(&self.redirect_uri, &pairs.iter().copied().chain(state).collect::<Vec<_>>())
    }
}

impl Authorizations {
    pub fn new(code_ttl: Duration) -> Self {
        Self { code_ttl, waiting: HashMap::new(), codes: HashMap::new() }
    }

    /// Keeps the request; the answer is the name of the transaction, for the forms.
    pub fn open(&mut self, request: AuthorizationRequest, now: Instant) -> String {
        self.waiting.retain(|_, waiting| now - waiting.since < TIMEOUT);
        self.codes.retain(|_, code| code.expires_at > now);
        let transaction = Secret::random(32).expose().to_owned();
        self.waiting.insert(transaction.clone(), Waiting { request, user: None, since: now });
        transaction
    }

    pub fn request(&self, transaction: &str) -> Option<&AuthorizationRequest> {
        self.waiting.get(transaction).map(|waiting| &waiting.request)
    }

    pub fn user(&self, transaction: &str) -> Option<&'static User> {
        self.waiting.get(transaction)?.user
    }

    pub fn sign_in(&mut self, transaction: &str, user: &'static User) {
        if let Some(waiting) = self.waiting.get_mut(transaction) {
            waiting.user = Some(user);
        }
    }

    /// The address to send the browser to. That ends the transaction.
    pub fn decide(&mut self, transaction: &str, allowed: Option<&'static User>, now: Instant) -> Option<String> {
        let Waiting { request, .. } = self.waiting.remove(transaction)?;
        let Some(user) = allowed else {
            let denied = [("error", "access_denied"), ("error_description", "end-user denied authorization")];
            return Some(request.answered(&denied));
        };
        // Real codes end in `==`, and a client that does not decode them fails.
        let code = format!("aPrx{}==", Secret::random(48).expose());
        let location = request.answered(&[("code", &code)]);
        self.codes.insert(code, Code { request, user, expires_at: now + self.code_ttl });
        Some(location)
    }

    /// What a code stands for. It is good once.
    pub fn redeem(&mut self, code: &str, now: Instant) -> Result<Code, &'static str> {
        let code = self.codes.remove(code).ok_or("invalid authorization code")?;
        if code.expires_at > now { Ok(code) } else { Err("expired authorization code") }
    }
}

fn with(address: &str, pairs: &[(&str, &str)]) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let joint = if address.contains('?') { '&' } else { '?' };
    format!("{address}{joint}{query}")
}
