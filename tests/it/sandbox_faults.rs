//! What the embedded instance does wrong around a sign-in, as its clients see
//! it. What `snow` says of each scenario stands in `scenarios`.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use snow_connect::sandbox::scenario::Scenario;
use snow_connect::sandbox::{Sandbox, SandboxOptions};

use crate::world::ask::{Ask, Reply};
use crate::world::browser::{get, post};
use crate::world::oauth::{
    CALLBACK, SDK_CLIENT, assert_access_denied, authorization_url, refresh, sandbox, token, tokens, who,
};

const CLIENT_CREDENTIALS: [(&str, &str); 3] =
    [("grant_type", "client_credentials"), ("client_id", "sandbox-ci"), ("client_secret", "sandbox-ci-secret")];

/// An instance that signed somebody in before things went wrong.
fn broken_after_sign_in(scenario: Scenario) -> (Sandbox, Value) {
    let sandbox = sandbox(SandboxOptions::default());
    let tokens = tokens(&sandbox);
    sandbox.set_scenario(Some(scenario));
    (sandbox, tokens)
}

fn get_with_password(sandbox: &Sandbox, password: &str) -> Reply {
    Ask::new("GET", &format!("{}/api/now/table/sys_user", sandbox.origin())).basic("beth.anglin", password).send()
}

#[test]
fn token_refused_refuses_every_token_request_and_keeps_the_tokens() {
    let (sandbox, tokens) = broken_after_sign_in(Scenario::TokenRefused);
    assert_access_denied(&refresh(&sandbox, &tokens["refresh_token"]));
    assert_access_denied(&token(&sandbox, &CLIENT_CREDENTIALS));
    assert_eq!(who(&sandbox, &tokens["access_token"]), Ok("beth.anglin".to_owned()));
}

#[test]
fn refresh_refused_refuses_refreshes_alone() {
    let sandbox = sandbox(SandboxOptions { scenario: Some(Scenario::RefreshRefused), ..SandboxOptions::default() });
    let tokens = tokens(&sandbox);
    assert_access_denied(&refresh(&sandbox, &tokens["refresh_token"]));
    assert_eq!(token(&sandbox, &CLIENT_CREDENTIALS).status, 200);
}

#[test]
fn scope_restricted_closes_the_table_api_to_tokens() {
    let (sandbox, tokens) = broken_after_sign_in(Scenario::ScopeRestricted);
    let url = format!("{}/api/now/table/incident", sandbox.origin());
    let answer = Ask::new("GET", &url).bearer(tokens["access_token"].as_str().unwrap()).send();
    assert_eq!((answer.status, answer.header("X-Is-Logged-In")), (403, Some("true")));
    assert_eq!(answer.json()["error"]["detail"], "Access to unscoped api is not allowed");
    assert_eq!(get_with_password(&sandbox, "sandbox-beth").status, 200);
}

#[test]
fn bearer_refused_refuses_a_fresh_token_too() {
    let sandbox = sandbox(SandboxOptions { scenario: Some(Scenario::BearerRefused), ..SandboxOptions::default() });
    let tokens = tokens(&sandbox);
    assert_eq!(who(&sandbox, &tokens["access_token"]), Err(401));
    let fresh = refresh(&sandbox, &tokens["refresh_token"]).json();
    assert_eq!(who(&sandbox, &fresh["access_token"]), Err(401));
    assert_eq!(get_with_password(&sandbox, "sandbox-beth").status, 200);
}

#[test]
fn no_refresh_token_leaves_it_out_and_the_former_one_good() {
    let sandbox = sandbox(SandboxOptions { rotate: true, ..SandboxOptions::default() });
    let first = tokens(&sandbox);
    sandbox.set_scenario(Some(Scenario::NoRefreshToken));
    assert_eq!(tokens(&sandbox).get("refresh_token"), None);
    let second = refresh(&sandbox, &first["refresh_token"]).json();
    assert_eq!(second.get("refresh_token"), None);
    assert_ne!(second["access_token"], first["access_token"]);
    assert_eq!(refresh(&sandbox, &first["refresh_token"]).status, 200);
}

#[test]
fn token_page_answers_with_a_login_page() {
    let (sandbox, tokens) = broken_after_sign_in(Scenario::TokenPage);
    let answer = refresh(&sandbox, &tokens["refresh_token"]);
    assert_eq!((answer.status, answer.header("Content-Type")), (200, Some("text/html;charset=UTF-8")));
    assert!(answer.body.contains("Log in | ServiceNow"), "{}", answer.body);
}

#[test]
fn token_unavailable_and_revocation_unavailable_answer_as_the_load_balancer() {
    let (sandbox, tokens) = broken_after_sign_in(Scenario::TokenUnavailable);
    let answer = refresh(&sandbox, &tokens["refresh_token"]);
    assert_eq!((answer.status, answer.header("Server")), (503, Some("snow_adc")));
    assert!(serde_json::from_str::<Value>(&answer.body).is_err());
    sandbox.set_scenario(Some(Scenario::RevocationUnavailable));
    let access_token = tokens["access_token"].as_str().unwrap();
    let answer = post(&format!("{}/oauth_revoke_token.do", sandbox.origin()), &[("token", access_token)]);
    assert_eq!((answer.status, answer.header("Server"), sandbox.revocations()), (503, Some("snow_adc"), 1));
    assert_eq!(who(&sandbox, &tokens["access_token"]), Ok("beth.anglin".to_owned()));
}

#[test]
fn token_cut_breaks_off_after_the_tokens_were_rotated() {
    let sandbox = sandbox(SandboxOptions { rotate: true, ..SandboxOptions::default() });
    let first = tokens(&sandbox);
    sandbox.set_scenario(Some(Scenario::TokenCut));
    let answer = refresh(&sandbox, &first["refresh_token"]);
    let promised: usize = answer.header("Content-Length").unwrap().parse().unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, promised / 2));
    assert!(answer.body.starts_with("{\"access_token\":\""), "{}", answer.body);
    sandbox.set_scenario(None);
    assert_access_denied(&refresh(&sandbox, &first["refresh_token"]));
}

#[test]
fn slow_token_answers_after_two_seconds_and_holds_up_nothing_else() {
    let (sandbox, tokens) = broken_after_sign_in(Scenario::SlowToken);
    let started = Instant::now();
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| refresh(&sandbox, &tokens["refresh_token"]).status);
        assert_eq!(who(&sandbox, &tokens["access_token"]), Ok("beth.anglin".to_owned()));
        assert!(started.elapsed() < Duration::from_secs(2));
        assert_eq!(slow.join().unwrap(), 200);
    });
    assert!(started.elapsed() >= Duration::from_secs(2));
}

#[test]
fn another_user_gives_tokens_for_somebody_else() {
    let sandbox = sandbox(SandboxOptions { scenario: Some(Scenario::AnotherUser), ..SandboxOptions::default() });
    assert_eq!(who(&sandbox, &tokens(&sandbox)["access_token"]), Ok("joe.employee".to_owned()));
    let body = token(&sandbox, &CLIENT_CREDENTIALS).json();
    assert_eq!(who(&sandbox, &body["access_token"]), Ok("joe.employee".to_owned()));
}

#[test]
fn redirect_uri_and_login_denied_end_an_authorization_before_anybody_signs_in() {
    let sandbox = sandbox(SandboxOptions { scenario: Some(Scenario::RedirectUri), ..SandboxOptions::default() });
    let page = get(&authorization_url(&sandbox, &[]));
    assert!(page.status == 400 && page.body.contains("Invalid redirect_uri"), "{page:?}");
    sandbox.set_scenario(Some(Scenario::LoginDenied));
    let callback = get(&authorization_url(&sandbox, &[])).location();
    assert_eq!(callback, format!("{CALLBACK}?error=access_denied&state=5747617465"));
}

#[test]
fn no_sdk_client_takes_the_page_and_the_client_away() {
    let sandbox = sandbox(SandboxOptions { scenario: Some(Scenario::NoSdkClient), ..SandboxOptions::default() });
    assert_eq!(get(&format!("{}/sdk-oauth.do", sandbox.origin())).status, 404);
    let changes = [("client_id", SDK_CLIENT), ("redirect_uri", "/sdk-oauth.do")];
    let page = get(&authorization_url(&sandbox, &changes));
    assert!(page.status == 400 && page.body.contains("Invalid client_id"), "{page:?}");
    assert_eq!(tokens(&sandbox)["token_type"], "Bearer");
}

#[test]
fn expires_string_and_expires_missing_change_the_answer() {
    let (sandbox, _) = broken_after_sign_in(Scenario::ExpiresString);
    assert_eq!(token(&sandbox, &CLIENT_CREDENTIALS).json()["expires_in"], json!("1799"));
    sandbox.set_scenario(Some(Scenario::ExpiresMissing));
    assert_eq!(token(&sandbox, &CLIENT_CREDENTIALS).json().get("expires_in"), None);
}

#[test]
fn mfa_required_tells_a_right_password_from_a_wrong_one() {
    let (sandbox, tokens) = broken_after_sign_in(Scenario::MfaRequired);
    let right = get_with_password(&sandbox, "sandbox-beth");
    assert_eq!((right.status, right.header("X-MFA_TOKEN")), (401, Some("invalid")));
    let wrong = get_with_password(&sandbox, "wrong");
    assert_eq!((wrong.status, wrong.header("X-MFA_TOKEN")), (401, None));
    assert_eq!(who(&sandbox, &tokens["access_token"]), Ok("beth.anglin".to_owned()));
}

#[test]
fn basic_not_offered_asks_for_a_bearer_token() {
    let (sandbox, tokens) = broken_after_sign_in(Scenario::BasicNotOffered);
    let answer = get_with_password(&sandbox, "sandbox-beth");
    assert_eq!(answer.status, 401);
    assert_eq!(answer.header("WWW-Authenticate"), Some("BEARER realm=\"Service-now\""));
    assert_eq!(who(&sandbox, &tokens["access_token"]), Ok("beth.anglin".to_owned()));
}

#[test]
fn hibernating_goes_for_the_token_endpoint_too() {
    let (sandbox, tokens) = broken_after_sign_in(Scenario::Hibernating);
    for answer in [
        refresh(&sandbox, &tokens["refresh_token"]),
        get(&authorization_url(&sandbox, &[])),
        get(&format!("{}/sdk-oauth.do", sandbox.origin())),
    ] {
        assert!(answer.status == 200 && answer.body.contains("Instance Hibernating page"), "{answer:?}");
    }
    assert_eq!(sandbox.token_requests().refresh_token, 1);
}
