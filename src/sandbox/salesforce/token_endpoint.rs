//! `/services/oauth2/token`, `revoke` and `introspect`. Parameters count only in a form
//! body, and each refusal says why in `error_description`.

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::answers::{form_error, oauth_error, ok};
use super::clients::Client;
use super::fault::{self, Grant};
use super::org::Org;
use super::people::org_id;
use super::scenario::Scenario;
use super::tokens::Session;
use crate::sandbox::answers::{Response, nothing};
use crate::sandbox::form::Form;
use crate::sandbox::oauth::assertions::JWT_BEARER;
use crate::sandbox::request::Request;

/// `error` and `error_description`.
type Refusal = (&'static str, &'static str);

/// A site that no token response should lead to.
const ELSEWHERE: &str = "https://elsewhere.example.com";
const NOT_A_CLIENT: Refusal = ("invalid_client", "invalid client credentials");

impl Org {
    pub(super) fn token(&mut self, request: &Request<'_>, now: Instant) -> Response {
        if request.method != "POST" {
            return oauth_error(400, "invalid_request", "must use HTTP POST");
        }
        let form = Form::of(request);
        let Some((form, grant_type)) = form.as_ref().and_then(|form| Some((form, form.get("grant_type")?))) else {
            return oauth_error(400, "unsupported_grant_type", "grant type not supported");
        };
        let grant = match grant_type {
            "authorization_code" => Grant::AuthorizationCode,
            "refresh_token" => Grant::Refresh,
            "client_credentials" => Grant::ClientCredentials,
            JWT_BEARER => Grant::JwtBearer,
            // No External Client App has it, and no org of today.
            "password" => return oauth_error(400, "invalid_grant", "authentication failure"),
            _ => return oauth_error(400, "unsupported_grant_type", "grant type not supported"),
        };
        if let Some(answer) = self.scenario.and_then(|scenario| fault::in_place_of_a_token(scenario, grant)) {
            return answer;
        }
        match self.issued(request, form, grant, now) {
            Ok((session, refresh_token)) => self.token_answer(&session, refresh_token, now),
            Err((error, description)) => oauth_error(400, error, description),
        }
    }

    fn issued(
        &mut self,
        request: &Request<'_>,
        form: &Form,
        grant: Grant,
        now: Instant,
    ) -> Result<(Session, Option<String>), Refusal> {
        if grant == Grant::JwtBearer {
            let assertion = form.get("assertion").ok_or(("invalid_grant", "invalid assertion"))?;
            let (client, user) = self.certificates.verify(assertion, &self.audiences(request))?;
            return Ok((self.tokens.open(user, Some(client), "api id", false, now), None));
        }
        let client = authenticated(request, form)?;
        match grant {
            Grant::ClientCredentials => {
                let is_known = client.may("client_credentials") && client.client_secret.is_some();
                let user = client.run_as().filter(|_| is_known);
                let user = user.ok_or(("invalid_grant", "client credentials flow not enabled"))?;
                Ok((self.tokens.open(user, Some(client), "api id", false, now), None))
            }
            Grant::Refresh => {
                let rotates = self.scenario == Some(Scenario::Rotate);
                let token = form.get("refresh_token").unwrap_or("");
                let renewed = self.tokens.refresh(client, token, rotates, now);
                renewed.ok_or(("invalid_grant", "expired access/refresh token"))
            }
            _ => {
                let code = form.get("code").ok_or(("invalid_grant", "invalid authorization code"))?;
                let code = self.authorizations.redeem(code, now).map_err(|words| ("invalid_grant", words))?;
                if code.request.client.client_id != client.client_id {
                    return Err(("invalid_grant", "invalid authorization code"));
                }
                if form.get("redirect_uri") != Some(&code.request.redirect_uri) {
                    return Err(("redirect_uri_mismatch", "redirect_uri must match configuration"));
                }
                let verifier = form.get("code_verifier").ok_or(("invalid_grant", "missing required code verifier"))?;
                if !code.request.is_proven_by(verifier) {
                    return Err(("invalid_grant", "invalid code verifier"));
                }
                let scope = &code.request.scope;
                if !scope.split(' ').any(|word| matches!(word, "refresh_token" | "offline_access" | "full")) {
                    return Ok((self.tokens.open(code.user, Some(client), scope, false, now), None));
                }
                let (session, refresh_token) = self.tokens.approve(code.user, client, scope, now);
                Ok((session, Some(refresh_token)))
            }
        }
    }

    /// The hosts that an assertion may be for: this one, as it is called. The front end of
    /// a test speaks TLS.
    fn audiences(&self, request: &Request<'_>) -> Vec<String> {
        let host = request.header("host").unwrap_or("");
        vec![self.origin.clone(), format!("http://{host}"), format!("https://{host}")]
    }

    /// There is no `expires_in`, and the moment is a text of milliseconds.
    fn token_answer(&self, session: &Session, refresh_token: Option<String>, now: Instant) -> Response {
        let at = moment(session.issued_at, now).timestamp_millis().to_string();
        let is = |scenario| self.scenario == Some(scenario);
        let id_host = if is(Scenario::OtherIdHost) { ELSEWHERE } else { &self.origin };
        let instance = if is(Scenario::OtherInstance) { ELSEWHERE } else { &self.origin };
        let id = format!("{id_host}/id/{}/{}", org_id(), session.user.id());
        let signature = STANDARD.encode(Sha256::digest(format!("{id}{at}")));
        let mut body = Map::new();
        body.insert("access_token".to_owned(), json!(session.token));
        if let Some(refresh_token) = refresh_token.filter(|_| !is(Scenario::NoRefreshToken)) {
            body.insert("refresh_token".to_owned(), json!(refresh_token));
        }
        let rest = [
            ("signature", signature),
            ("scope", session.scope.clone()),
            ("instance_url", instance.to_owned()),
            ("id", id),
            ("token_type", "Bearer".to_owned()),
            ("issued_at", at),
        ];
        body.extend(rest.map(|(key, value)| (key.to_owned(), json!(value))));
        ok(&Value::Object(body))
    }

    pub(super) fn revoke(&mut self, request: &Request<'_>) -> Response {
        if self.scenario == Some(Scenario::RevocationRefused) {
            return form_error("unsupported_token_type", "this token cannot be revoked");
        }
        let form = Form::of(request);
        let token = match request.method {
            "POST" => form.as_ref().and_then(|form| form.get("token")),
            _ => request.parameter("token"),
        };
        if token.is_some_and(|token| self.tokens.revoke(token)) {
            nothing(200)
        } else {
            form_error("invalid_token", "invalid token: token expired or invalid")
        }
    }

    pub(super) fn introspect(&self, request: &Request<'_>, now: Instant) -> Response {
        let form = Form::of(request).filter(|_| request.method == "POST");
        let Some(form) = form else { return oauth_error(400, "invalid_request", "must use HTTP POST") };
        let client = authenticated(request, &form).ok().filter(|client| client.client_secret.is_some());
        let Some(client) = client.filter(|_| self.scenario != Some(Scenario::IntrospectionOff)) else {
            return oauth_error(401, NOT_A_CLIENT.0, NOT_A_CLIENT.1);
        };
        let is_own = |session: &&Session| session.client.is_some_and(|other| other.client_id == client.client_id);
        let session = form.get("token").and_then(|token| self.tokens.find(token, now)).filter(is_own);
        let Some(session) = session else { return ok(&json!({ "active": false })) };
        let issued_at = moment(session.issued_at, now).timestamp();
        ok(&json!({
            "active": true,
            "scope": session.scope,
            "client_id": client.client_id,
            "username": session.user.user_name,
            "sub": format!("{}/id/{}/{}", self.origin, org_id(), session.user.id()),
            "token_type": "access_token",
            "exp": issued_at + i64::try_from(self.tokens.access_ttl.as_secs()).unwrap_or(i64::MAX / 2),
            "iat": issued_at,
            "nbf": issued_at,
        }))
    }
}

/// The client of a request, by its secret in the body or in the header, or without one
/// where it has none.
fn authenticated(request: &Request<'_>, form: &Form) -> Result<&'static Client, Refusal> {
    let basic = request.authorization.and_then(basic);
    let (id, secret) = match &basic {
        Some((id, secret)) => (Some(id.as_str()), Some(secret.as_str())),
        None => (form.get("client_id"), form.get("client_secret")),
    };
    let client = id.and_then(Client::named).ok_or(("invalid_client_id", "client identifier invalid"))?;
    match client.client_secret {
        // An app that does not require a secret does not look at one.
        None => Ok(client),
        Some(own) => (secret == Some(own)).then_some(client).ok_or(NOT_A_CLIENT),
    }
}

fn basic(header: &str) -> Option<(String, String)> {
    let (_, credential) = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))?;
    let decoded = String::from_utf8(STANDARD.decode(credential.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// When something was, by the clock on the wall.
fn moment(then: Instant, now: Instant) -> DateTime<Utc> {
    Utc::now() - now.saturating_duration_since(then)
}
