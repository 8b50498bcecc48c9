//! The registered clients of the embedded instance, as they ask for tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use snow_connect::sandbox::{Sandbox, SandboxOptions};

use super::ask::{Ask, Reply};
use super::browser::{parameter, post, sign_in};

pub const CALLBACK: &str = "http://127.0.0.1:8914/callback";
pub const SDK_CLIENT: &str = "543e5655f77746a28228c6009a599dfb";
pub const VERIFIER: &str = "a-verifier-of-more-than-forty-three-characters-0123456789";

pub fn sandbox(options: SandboxOptions) -> Sandbox {
    Sandbox::open(options).unwrap()
}

/// `/oauth_auth.do` for the public client, with parameters replaced, added, or
/// with an empty value left out.
pub fn authorization_url(sandbox: &Sandbox, changes: &[(&str, &str)]) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let mut parameters = vec![
        ("response_type", "code"),
        ("client_id", "sandbox-public"),
        ("redirect_uri", CALLBACK),
        ("state", "5747617465"),
        ("scope", "useraccount"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ];
    parameters.retain(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    parameters.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("{}/oauth_auth.do?{query}", sandbox.origin())
}

pub fn token(sandbox: &Sandbox, form: &[(&str, &str)]) -> Reply {
    post(&format!("{}/oauth_token.do", sandbox.origin()), form)
}

/// A code for the public client, allowed by beth.anglin.
pub fn code(sandbox: &Sandbox) -> String {
    parameter(&sign_in(&authorization_url(sandbox, &[]), "beth.anglin", "allow"), "code")
}

pub fn redeem(sandbox: &Sandbox, code: &str) -> Reply {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("client_id", "sandbox-public"),
        ("code_verifier", VERIFIER),
    ];
    token(sandbox, &form)
}

/// What the token endpoint gives the public client for a sign-in.
pub fn tokens(sandbox: &Sandbox) -> Value {
    let answer = redeem(sandbox, &code(sandbox));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

pub fn refresh(sandbox: &Sandbox, refresh_token: &Value) -> Reply {
    let refresh_token = refresh_token.as_str().unwrap();
    let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token), ("client_id", "sandbox-public")];
    token(sandbox, &form)
}

/// Who the Table API says one is, or the status of its refusal.
pub fn who(sandbox: &Sandbox, access_token: &Value) -> Result<String, u16> {
    let url = format!("{}/api/now/ui/user/current_user", sandbox.origin());
    let answer = Ask::new("GET", &url).bearer(access_token.as_str().unwrap()).send();
    match answer.status {
        200 => Ok(answer.json()["result"]["user_name"].as_str().unwrap().to_owned()),
        status => Err(status),
    }
}

#[track_caller]
pub fn assert_access_denied(answer: &Reply) {
    assert_eq!(answer.status, 401, "{answer:?}");
    assert_eq!(answer.json(), json!({ "error_description": "access_denied", "error": "server_error" }));
}
