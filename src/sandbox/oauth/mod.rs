//! The OAuth 2.0 side of the embedded instance, in the shapes of ServiceNow:
//! authorization code with PKCE, refresh, client credentials, revocation.
//!
//! [`clients`] are registered, [`assertions`] verifies what they sign, [`authorization`] is what waits for a person,
//! [`pages`] is what the person sees, [`token_endpoint`] redeems, [`tokens`]
//! is what was issued. This file leads a browser from one to the next. What an
//! access token may read is not decided here.

pub mod assertions;
mod authorization;
pub mod clients;
mod pages;
pub mod token_endpoint;
mod tokens;

use std::time::Instant;

use super::answers::{Response, redirect, text};
use super::form::Form;
use super::options::SandboxOptions;
use super::request::Request;
use super::rows::User;
use super::scenario::Scenario;
use crate::base::secret::Secret;
use assertions::Assertions;
use authorization::{AuthorizationRequest, Authorizations, Refused};
use clients::Clients;
use token_endpoint::TokenRequests;
use tokens::Tokens;

pub const TOKEN_PATH: &str = "/oauth_token.do";
const REVOCATION_PATH: &str = "/oauth_revoke_token.do";

/// Who is signing in, who has signed in, and how often clients asked.
pub struct OAuth {
    pub clients: Clients,
    authorizations: Authorizations,
    pub tokens: Tokens,
    assertions: Assertions,
    pub token_requests: TokenRequests,
    pub revocations: usize,
}

impl OAuth {
    pub fn new(options: &SandboxOptions, clients: Clients) -> Self {
        Self {
            clients,
            authorizations: Authorizations::new(options.code_ttl),
            tokens: Tokens::new(options.access_ttl, options.rotate),
            assertions: Assertions::default(),
            token_requests: TokenRequests::default(),
            revocations: 0,
        }
    }

    /// Counts what was asked, also where the scenario keeps it from an answer.
    pub fn count(&mut self, request: &Request<'_>) {
        match request.path {
            TOKEN_PATH if request.method == "POST" => self.token_requests.count(request),
            REVOCATION_PATH => self.revocations += 1,
            _ => {}
        }
    }

    /// The answer, where the path is one of OAuth's.
    pub fn answer(&mut self, request: &Request<'_>, scenario: Option<Scenario>, now: Instant) -> Option<Response> {
        Some(match (request.path, request.method) {
            ("/oauth_auth.do", "GET") => self.authorize(request, scenario, now),
            ("/oauth_login.do", "POST") => self.sign_in(request),
            ("/oauth_consent.do", "POST") => self.decide(request, now),
            (clients::SDK_PAGE, _) if scenario == Some(Scenario::NoSdkClient) => {
                pages::notice(404, "Page not found", "This instance has no page for ServiceNow's own client.")
            }
            (clients::SDK_PAGE, "GET" | "HEAD") => paste(request),
            (assertions::KEY_PATH, "GET" | "HEAD") => text(200, &self.assertions.private_key()),
            (TOKEN_PATH, _) => self.token(request, scenario, now),
            (REVOCATION_PATH, "GET" | "POST") => self.revoke(request, scenario),
            ("/oauth_auth.do" | "/oauth_login.do" | "/oauth_consent.do" | clients::SDK_PAGE | REVOCATION_PATH, _) => {
                start_again()
            }
            _ => return None,
        })
    }

    fn authorize(&mut self, request: &Request<'_>, scenario: Option<Scenario>, now: Instant) -> Response {
        match AuthorizationRequest::read(request, &self.clients, scenario) {
            Ok(request) => {
                let transaction = self.authorizations.open(request.clone(), now);
                pages::sign_in(&transaction, &request, false)
            }
            Err(Refused::Page(reason)) => {
                pages::notice(400, reason, "The program that sent you here gets no response.")
            }
            Err(Refused::Callback(location)) => redirect(location),
        }
    }

    fn sign_in(&mut self, request: &Request<'_>) -> Response {
        let Some(form) = Form::of(request) else { return start_again() };
        let transaction = form.get("transaction").unwrap_or("");
        let Some(request) = self.authorizations.request(transaction).cloned() else { return start_again() };
        let user =
            User::with_password(form.get("user_name").unwrap_or("").trim(), form.get("user_password").unwrap_or(""));
        match user {
            Some(user) => {
                self.authorizations.sign_in(transaction, user);
                pages::consent(transaction, &request, user)
            }
            None => pages::sign_in(transaction, &request, true),
        }
    }

    fn decide(&mut self, request: &Request<'_>, now: Instant) -> Response {
        let Some(form) = Form::of(request) else { return start_again() };
        let transaction = form.get("transaction").unwrap_or("");
        let Some(user) = self.authorizations.user(transaction) else { return start_again() };
        let allowed = match form.get("decision") {
            Some("allow") => Some(user),
            Some("deny") => None,
            _ => return start_again(),
        };
        self.authorizations.decide(transaction, allowed, now).map_or_else(start_again, redirect)
    }
}

/// The page of ServiceNow's own client, whose redirect URI it is.
fn paste(request: &Request<'_>) -> Response {
    match request.parameter("code").filter(|code| !code.is_empty()) {
        Some(code) => pages::code_to_paste(code),
        None if request.parameter("error").is_some() => pages::notice(
            200,
            "Access was denied",
            "There is no code to paste. To allow access, start again from the program.",
        ),
        None => {
            pages::notice(200, "No code yet", "A code to paste appears here after a sign-in that a program started.")
        }
    }
}

fn start_again() -> Response {
    pages::notice(
        400,
        "This sign-in has ended",
        "It was already completed, or it took too long. Start again from the program.",
    )
}

/// A code, a token or a name that cannot be guessed: 86 characters, as
/// ServiceNow's codes have.
fn random() -> String {
    Secret::random(64).expose().to_owned()
}
