//! `/oauth_token.do` and `/oauth_revoke_token.do`. Parameters count only in a
//! form body, and every refusal looks the same, whatever the reason.

use std::time::Instant;

use serde_json::{Map, Value, json};

use super::OAuth;
use super::assertions::{self, JWT_BEARER};
use super::clients::Client;
use super::tokens::Issued;
use crate::sandbox::answers::{Response, json_answer, nothing};
use crate::sandbox::faults;
use crate::sandbox::form::Form;
use crate::sandbox::request::Request;
use crate::sandbox::rows::User;
use crate::sandbox::scenario::Scenario;

/// How many requests asked for a token, good or bad, by their `grant_type`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenRequests {
    pub authorization_code: usize,
    pub refresh_token: usize,
    pub client_credentials: usize,
    pub jwt_bearer: usize,
    /// Anything else that was posted there.
    pub other: usize,
}

impl TokenRequests {
    pub fn count(&mut self, request: &Request<'_>) {
        let form = Form::of(request);
        let counter = match form.as_ref().and_then(|form| form.get("grant_type")) {
            Some("authorization_code") => &mut self.authorization_code,
            Some("refresh_token") => &mut self.refresh_token,
            Some("client_credentials") => &mut self.client_credentials,
            Some(JWT_BEARER) => &mut self.jwt_bearer,
            _ => &mut self.other,
        };
        *counter += 1;
    }

    #[cfg(feature = "testing")]
    pub fn total(&self) -> usize {
        self.authorization_code + self.refresh_token + self.client_credentials + self.jwt_bearer + self.other
    }
}

impl OAuth {
    pub(super) fn token(&mut self, request: &Request<'_>, scenario: Option<Scenario>, now: Instant) -> Response {
        if let Some(answer) = scenario.and_then(faults::in_place_of_a_token) {
            return answer;
        }
        self.tokens.are_long = scenario == Some(Scenario::LongTokens);
        if let Some(answer) = self.in_place_of_an_assertion(request, scenario) {
            return answer;
        }
        match self.issued(request, scenario, now) {
            Some(issued) => success(issued, scenario),
            None => access_denied(),
        }
    }

    fn issued(&mut self, request: &Request<'_>, scenario: Option<Scenario>, now: Instant) -> Option<Issued> {
        if request.method != "POST" || !request.parameters.is_empty() {
            return None;
        }
        let form = Form::of(request)?;
        let client = self.authenticated(&form, scenario)?;
        let grant_type = form.get("grant_type").filter(|grant_type| client.may(grant_type))?;
        match grant_type {
            "authorization_code" => {
                let code = self.authorizations.redeem(form.get("code")?, client, now)?;
                let request = &code.request;
                let is_same_uri = form.get("redirect_uri") == Some(request.redirect_uri.as_str());
                if !is_same_uri || !request.is_proven_by(form.get("code_verifier")) {
                    return None;
                }
                Some(self.tokens.issue(client, spoken_for(code.user, scenario), &request.scope, true, now))
            }
            "client_credentials" => {
                let user = spoken_for(client.application_user()?, scenario);
                Some(self.tokens.issue(client, user, form.get("scope").unwrap_or(""), false, now))
            }
            JWT_BEARER => {
                let user = self.assertions.verify(&self.clients.verifiers, client, form.get("assertion")?, scenario)?;
                Some(self.tokens.issue(client, spoken_for(user, scenario), "useraccount", false, now))
            }
            "refresh_token" if scenario != Some(Scenario::RefreshRefused) => {
                // An answer that does not carry the new token must not end the old one.
                let may_rotate = scenario != Some(Scenario::NoRefreshToken);
                self.tokens.refresh(client, form.get("refresh_token")?, may_rotate, now)
            }
            _ => None,
        }
    }

    /// The one refusal of an assertion that says why.
    fn in_place_of_an_assertion(&self, request: &Request<'_>, scenario: Option<Scenario>) -> Option<Response> {
        let form = Form::of(request).filter(|form| form.get("grant_type") == Some(JWT_BEARER))?;
        let subject = assertions::subject(form.get("assertion")?)?;
        let is_admin = || User::named(&subject).is_some_and(|user| user.roles.contains(&"admin"));
        (scenario == Some(Scenario::AssertionOfAdmin) || is_admin()).then(|| {
            let words = "Grant access to admin is not allowed";
            json_answer(401, &json!({ "error_description": words, "error": "invalid_grant" }))
        })
    }

    /// The client of a token request: by its secret, or public and without one.
    fn authenticated(&self, form: &Form, scenario: Option<Scenario>) -> Option<&'static Client> {
        let client = self.clients.find(form.get("client_id")?, scenario)?;
        (form.get("client_secret") == client.client_secret).then_some(client)
    }

    /// Needs no client: anyone who has a token may end it.
    pub(super) fn revoke(&mut self, request: &Request<'_>, scenario: Option<Scenario>) -> Response {
        if let Some(answer) = scenario.and_then(faults::in_place_of_a_revocation) {
            return answer;
        }
        let form = Form::of(request);
        let token = match request.method {
            "POST" => form.as_ref().and_then(|form| form.get("token")),
            _ => request.parameter("token"),
        };
        match token {
            Some(token) => {
                self.tokens.revoke(token);
                nothing(200)
            }
            None => nothing(400),
        }
    }
}

fn spoken_for(user: &'static User, scenario: Option<Scenario>) -> &'static User {
    match scenario {
        Some(Scenario::AnotherUser) => User::named("joe.employee").expect("the scenario names a user there is"),
        _ => user,
    }
}

fn success(issued: Issued, scenario: Option<Scenario>) -> Response {
    let mut body = Map::new();
    body.insert("access_token".to_owned(), json!(issued.access_token));
    if let Some(refresh_token) = issued.refresh_token.filter(|_| scenario != Some(Scenario::NoRefreshToken)) {
        body.insert("refresh_token".to_owned(), json!(refresh_token));
    }
    body.insert("scope".to_owned(), json!(issued.scope));
    body.insert("token_type".to_owned(), json!("Bearer"));
    match scenario {
        Some(Scenario::ExpiresMissing) => {}
        Some(Scenario::ExpiresString) => {
            body.insert("expires_in".to_owned(), json!(issued.expires_in.to_string()));
        }
        _ => {
            body.insert("expires_in".to_owned(), json!(issued.expires_in));
        }
    }
    json_answer(200, &Value::Object(body))
}

/// ServiceNow's answer to everything it will not do here. The words are the
/// wrong way round there too.
pub fn access_denied() -> Response {
    json_answer(401, &json!({ "error_description": "access_denied", "error": "server_error" }))
}
