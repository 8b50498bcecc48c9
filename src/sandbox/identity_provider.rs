//! An identity provider whose tokens the instance takes, and the one entry by which it
//! does so: the audience is its client id, `sub` names the user. Signatures are not
//! checked here, since everything is made up.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Utc;
use serde_json::{Value, json};

use super::answers::{Response, envelope, text};
use super::request::Request;
use super::rows::User;
use super::scenario::Scenario;
use crate::base::secret::Secret;

/// Where a token is to be had, with `?user=NAME`. It is no path of ServiceNow's.
pub const TOKEN_PATH: &str = "/identity_provider/token";
/// The client id of the entry, and the audience of the tokens.
const AUDIENCE: &str = "sandbox-oidc";
const LIFETIME_SECONDS: i64 = 3600;

/// The tokens that came already.
#[derive(Default)]
pub struct IdentityTokens(Vec<String>);

impl IdentityTokens {
    /// Whom a token speaks for, if the entry takes it.
    pub fn user(&mut self, token: &str, scenario: Option<Scenario>) -> Option<&'static User> {
        let user = user_of(token).filter(|_| scenario != Some(Scenario::IdentityTokenRefused))?;
        if scenario == Some(Scenario::OneTimeToken) {
            if self.0.iter().any(|former| former == token) {
                return None;
            }
            self.0.push(token.to_owned());
        }
        Some(user)
    }
}

fn user_of(token: &str) -> Option<&'static User> {
    let parts: Vec<&str> = token.split('.').collect();
    let [head, claims, _] = parts.as_slice() else { return None };
    let read = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    read(head)?.get("alg")?;
    let claims = read(claims)?;
    let is_for_us = match &claims["aud"] {
        Value::Array(audiences) => audiences.iter().any(|audience| audience == AUDIENCE),
        audience => audience == AUDIENCE,
    };
    let is_valid = claims["exp"].as_f64().is_some_and(|exp| exp > Utc::now().timestamp() as f64);
    User::named(claims["sub"].as_str()?).filter(|_| is_for_us && is_valid)
}

/// The answer of the identity provider: a token in one line.
pub fn answer(request: &Request<'_>) -> Option<Response> {
    if request.path != TOKEN_PATH || request.method != "GET" {
        return None;
    }
    let Some(user) = request.parameter("user").and_then(User::named) else {
        return Some(envelope(400, "Name a user, as in ?user=beth.anglin", None));
    };
    let now = Utc::now().timestamp();
    let claims = json!({
        "iss": "https://identity.example", "aud": AUDIENCE, "sub": user.user_name,
        "iat": now, "exp": now + LIFETIME_SECONDS, "jti": Secret::random(16).expose(),
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = json!({ "alg": "RS256", "typ": "JWT", "kid": "sandbox" });
    Some(text(200, &format!("{}.{}.{}\n", part(&head), part(&claims), Secret::random(256).expose())))
}
