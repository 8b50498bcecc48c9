//! The way from a request to an answer: what stands before the org, the pages of a
//! sign-in, and which API is meant.

use std::time::{Duration, Instant};

use super::answers::{errors, of_the_edge};
use super::authorization::{AuthorizationRequest, Authorizations};
use super::cursors::Cursors;
use super::scenario::Scenario;
use super::signer::{Certificates, KEY_PATH};
use super::store::Store;
use super::tokens::Tokens;
use super::{fault, pages, rest};
use crate::sandbox::answers::{Response, nothing, redirect};
use crate::sandbox::form::Form;
use crate::sandbox::options::SandboxOptions;
use crate::sandbox::request::{Body, Request};
use crate::sandbox::server::Site;

/// What a URL may be long.
const MAX_URL_BYTES: usize = 16_384;

/// The state of the org.
pub struct Org {
    pub origin: String,
    pub scenario: Option<Scenario>,
    pub requests: usize,
    pub token_requests: usize,
    pub soap_logins: usize,
    /// How many of them count against the limit of a day.
    pub api_requests: usize,
    pub tokens: Tokens,
    pub authorizations: Authorizations,
    pub certificates: Certificates,
    pub store: Store,
    pub cursors: Cursors,
    /// The token that the scenario `session-expired` took for expired.
    pub expired: Option<String>,
    latency: Duration,
    hosts: Vec<String>,
}

impl Site for Org {
    const API_PATH: &'static str = rest::ROOT;

    fn answer(&mut self, request: &Request<'_>) -> Response {
        self.requests += 1;
        if !request.is_for_this_machine(&self.hosts) {
            // The edge knows no way to a host of that name.
            return of_the_edge(nothing(420));
        }
        let answer = self.scenario.and_then(fault::at_the_door).unwrap_or_else(|| self.undisturbed(request));
        let mut answer = of_the_edge(answer);
        answer.delivery.delay += self.latency;
        answer
    }
}

impl Org {
    pub fn new(origin: String, options: &SandboxOptions<Scenario>) -> Self {
        Self {
            origin,
            scenario: options.scenario,
            requests: 0,
            token_requests: 0,
            soap_logins: 0,
            api_requests: 0,
            tokens: Tokens::new(options.access_ttl, options.rotate),
            authorizations: Authorizations::new(options.code_ttl),
            certificates: Certificates::default(),
            store: Store::new(options.incidents, options.seed),
            cursors: Cursors::default(),
            expired: None,
            latency: options.latency,
            hosts: options.hosts.clone(),
        }
    }

    fn undisturbed(&mut self, request: &Request<'_>) -> Response {
        if request.url_bytes > MAX_URL_BYTES {
            return errors(414, "URI_TOO_LONG", "The URI is too long");
        }
        if let Body::TooLarge(_) = request.body {
            return errors(413, "REQUEST_ENTITY_TOO_LARGE", "The request is too large");
        }
        let now = Instant::now();
        let path = request.path.trim_end_matches('/');
        if path == rest::ROOT || path.starts_with(&format!("{}/", rest::ROOT)) {
            return self.data(request, path, now);
        }
        if let Some(rest) = path.strip_prefix("/services/Soap/") {
            return self.soap(request, rest, now);
        }
        if path.starts_with("/id/") {
            return self.identity(request, path, now);
        }
        match (path, request.method) {
            ("", _) => pages::landing(&self.origin),
            (KEY_PATH, _) => self.certificates.answer(request),
            ("/.well-known/openid-configuration", "GET") => self.metadata(),
            ("/services/oauth2/authorize", "GET") => self.authorize(request, now),
            ("/services/oauth2/token", method) => {
                self.token_requests += usize::from(method == "POST");
                self.token(request, now)
            }
            ("/services/oauth2/revoke", "GET" | "POST") => self.revoke(request),
            ("/services/oauth2/introspect", _) => self.introspect(request, now),
            ("/services/oauth2/userinfo", "GET" | "POST") => self.userinfo(request, now),
            (pages::LOGIN_PATH, "POST") => self.sign_in(request),
            (pages::CONSENT_PATH, "POST") => self.decide(request, now),
            _ => pages::missing(request),
        }
    }

    fn authorize(&mut self, request: &Request<'_>, now: Instant) -> Response {
        match AuthorizationRequest::read(request, self.scenario) {
            Ok(_) if self.scenario == Some(Scenario::AppBlocked) => pages::blocked(),
            Ok(request) => {
                let transaction = self.authorizations.open(request.clone(), now);
                pages::sign_in(&transaction, &request, false)
            }
            Err(refused) => pages::refused(refused),
        }
    }

    fn sign_in(&mut self, request: &Request<'_>) -> Response {
        let Some(form) = Form::of(request) else { return pages::start_again() };
        let Some(transaction) = form.get("transaction") else { return pages::signed_in(&form) };
        let Some(request) = self.authorizations.request(transaction).cloned() else { return pages::start_again() };
        match pages::user(&form) {
            Some(user) => {
                self.authorizations.sign_in(transaction, user);
                pages::consent(transaction, &request, user)
            }
            None => pages::sign_in(transaction, &request, true),
        }
    }

    fn decide(&mut self, request: &Request<'_>, now: Instant) -> Response {
        let Some(form) = Form::of(request) else { return pages::start_again() };
        let transaction = form.get("transaction").unwrap_or("");
        let Some(user) = self.authorizations.user(transaction) else { return pages::start_again() };
        let allowed = match form.get("decision") {
            Some("allow") => Some(user),
            Some("deny") => None,
            _ => return pages::start_again(),
        };
        self.authorizations.decide(transaction, allowed, now).map_or_else(pages::start_again, redirect)
    }
}

/// The token of a request, in its header or, where that is allowed, in its query.
pub fn bearer<'a>(request: &'a Request<'_>, in_query: bool) -> Option<&'a str> {
    let header = request.authorization.and_then(|value| value.split_once(' '));
    let header =
        header.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("oauth"));
    let query = || request.parameter("oauth_token").or(request.parameter("access_token")).filter(|_| in_query);
    header.map(|(_, token)| token.trim()).or_else(query)
}
