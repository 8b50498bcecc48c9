//! What the answers of the OAuth endpoints mean.
//!
//! A token answer names the host of the API, which may be another than the one that was
//! asked, and the user it is for. It does not say how long the token lives.

use serde_json::Value;

use super::classify::{Body, ClassifiedResponse};
use super::hosts::{is_login_host, is_of_salesforce};
use super::identity::{self, InvalidIdentity};
use super::refusals::{Refusal, Refused, refused};
use super::symptoms::{diagnose, said, with_evidence};
use crate::auth::oauth::outcome::{TokenOutcome, TokenRequest};
use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, shown};
use crate::model::instance::Instance;
use crate::model::oauth_client::OAuthClient;
use crate::model::profile::Subject;
use crate::model::tokens::TokenResponse;

/// Judges an answer of the token endpoint.
pub fn judge(
    response: &ClassifiedResponse<'_>,
    request: &TokenRequest,
    client: &OAuthClient,
    has_secret: bool,
) -> TokenOutcome {
    let is_refused = (400..500).contains(&response.status()) && response.status() != 429;
    if let Some(refusal) = Refusal::of(response).filter(|_| is_refused || response.status() == 200) {
        let failure = refused(&Refused { response, request, client, has_secret, refusal: &refusal });
        // These say nothing of the client, nor of the user.
        return match failure.code() {
            Code::RateLimited | Code::InstanceUnavailable => TokenOutcome::Unavailable(failure),
            _ => TokenOutcome::Refused(failure),
        };
    }
    match (response.status(), &response.body) {
        (200, Body::Json(json)) => match read(json, response.instance) {
            Ok(tokens) => TokenOutcome::Tokens(tokens),
            Err(invalid) => TokenOutcome::Unclear(unusable(response, invalid)),
        },
        (200, Body::Broken | Body::CutJson) => TokenOutcome::Lost(diagnose(response)),
        // The password is right, and signs in for nothing.
        (400..500, Body::Errors(_)) => match diagnose(response) {
            failure if matches!(failure.code(), Code::PasswordExpired | Code::OrgLocked) => {
                TokenOutcome::Refused(failure)
            }
            failure => TokenOutcome::Unavailable(failure),
        },
        (404, _) => TokenOutcome::Unavailable(not_there(response)),
        // The refresh token may have been replaced already.
        (500 | 502 | 504, _) => TokenOutcome::Unclear(diagnose(response)),
        (200..300, _) if !response.is_html() => TokenOutcome::Unclear(diagnose(response)),
        _ => TokenOutcome::Unavailable(diagnose(response)),
    }
}

/// Reads a token answer of the endpoint of `asked`. Its hosts must be of Salesforce: what was
/// issued is sent to one of them.
fn read(json: &Value, asked: &Instance) -> Result<TokenResponse, Shown> {
    let text = |name: &str| json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let tokens = TokenResponse::read(json).map_err(|invalid| shown!("{}", invalid))?;
    let instance = match text("instance_url") {
        Some(url) => Some(api_host(url, asked).ok_or("its instance_url is not a host of Salesforce")?),
        None if is_login_host(asked.host()) => {
            return Err("it does not say where the API of the organization is".into());
        }
        None => None,
    };
    if let Some(address) = text("id") {
        identity::of_address(address, asked).map_err(|invalid| match invalid {
            InvalidIdentity::Form => "its id is not the address of an identity",
            InvalidIdentity::Host => "its id is on a host outside Salesforce",
            InvalidIdentity::Kind => "its id is of a sandbox where production was asked, or the reverse",
        })?;
    }
    Ok(TokenResponse { instance, ..tokens })
}

/// The origin of the API: one of Salesforce, or that of the answer.
fn api_host(url: &str, asked: &Instance) -> Option<Instance> {
    let is_whole = url.starts_with("https://") || url.starts_with("http://");
    let api: Instance = url.parse().ok().filter(|_| is_whole)?;
    let is_known = is_of_salesforce(api.host()) && !is_login_host(api.host());
    (is_known || api == *asked || (api.is_loopback() && asked.is_loopback())).then_some(api)
}

/// Whether an answer of the revocation endpoint confirms the revocation. Its errors are forms.
pub fn revoked(response: &ClassifiedResponse<'_>) -> Result<(), Failure> {
    match (response.status(), &response.body) {
        (200..300, body) if !matches!(body, Body::Html { .. } | Body::OAuth { .. } | Body::Errors(_)) => Ok(()),
        // It has ended already.
        (400, Body::OAuth { error, .. }) if error == "invalid_token" => Ok(()),
        (_, Body::OAuth { .. }) => {
            let message = shown!("{} did not revoke the token", response.instance.host_and_port());
            let failure = Failure::new(Code::UnexpectedAnswer, message)
                .why(shown!("It returned {} and said: {}.", response.status(), said(response)))
                .next("As the user, revoke the app in Salesforce (Settings, Connections), or ask an administrator");
            Err(with_evidence(failure, response))
        }
        _ => Err(diagnose(response)),
    }
}

fn unusable(response: &ClassifiedResponse<'_>, invalid: Shown) -> Failure {
    let saved = match response.subject {
        Subject::Environment(_) => "",
        Subject::Saved(_) | Subject::New => " Nothing was saved.",
    };
    let host = response.instance.host_and_port();
    let failure = Failure::new(Code::UnexpectedAnswer, shown!("the token response of {} is not valid", host))
        .why(shown!("It is JSON, but {}.{}", invalid, saved))
        .next("Check that the address is the My Domain of the organization, and that of a sandbox for a sandbox");
    // Its texts may hold tokens that no redactor knows.
    failure.evidence("http_status", response.status())
}

fn not_there(response: &ClassifiedResponse<'_>) -> Failure {
    let diagnosed = diagnose(response);
    let host = response.instance.host_and_port();
    let failure = Failure::new(diagnosed.code(), shown!("no token endpoint at {}", host))
        .why("The URL of the token endpoint returned 404.")
        .next("Check the address: use the My Domain of the organization, NAME.my.salesforce.com");
    with_evidence(failure, response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::credential::CredentialKind;
    use crate::http::client::Response;
    use crate::model::oauth_client::GrantType;
    use crate::model::tokens::Lifetime;
    use crate::service::salesforce::DEFAULTS;
    use crate::service::salesforce::classify::RequestKind;
    use crate::service::salesforce::classify::tests::{answer, classified};
    use chrono::{DateTime, TimeDelta};
    use serde_json::json;
    use std::time::Duration;

    const CODE: TokenRequest = TokenRequest::Code { age: Duration::from_secs(1), has_pkce: true, is_pasted: false };
    const REFRESH: TokenRequest = TokenRequest::Refresh { age: TimeDelta::days(1) };
    const CLIENT: TokenRequest = TokenRequest::ClientCredentials;

    fn jwt() -> TokenRequest {
        TokenRequest::JwtBearer { signed_at: DateTime::from_timestamp(1_790_000_000, 0).unwrap() }
    }

    fn outcome(answer: &Response, request: &TokenRequest) -> (&'static str, Option<Failure>) {
        let grant = match request {
            TokenRequest::ClientCredentials => GrantType::ClientCredentials,
            TokenRequest::JwtBearer { .. } => GrantType::JwtBearer,
            _ => GrantType::AuthorizationCode,
        };
        let client = OAuthClient::new(grant, "3MVG9".parse().unwrap(), &DEFAULTS);
        classified(answer, RequestKind::Token, CredentialKind::TokenRequest, |response| {
            match judge(response, request, &client, true) {
                TokenOutcome::Tokens(_) => ("tokens", None),
                TokenOutcome::Refused(failure) => ("refused", Some(failure)),
                TokenOutcome::Unavailable(failure) => ("unavailable", Some(failure)),
                TokenOutcome::Unclear(failure) => ("unclear", Some(failure)),
                TokenOutcome::Lost(failure) => ("lost", Some(failure)),
            }
        })
    }

    fn refusal(error: &str, description: &str) -> Response {
        answer(400, &[], &json!({"error": error, "error_description": description}).to_string())
    }

    fn good() -> Value {
        json!({
            "access_token": "00Dxx0000001gER!AQ", "signature": "x=", "scope": "api id",
            "instance_url": "https://acme.my.salesforce.com",
            "id": "https://login.salesforce.com/id/00Dxx0000001gERAAY/005xx000001Sv1xAAC",
            "token_type": "Bearer", "issued_at": "1795726800000",
        })
    }

    fn with(member: &str, value: Value) -> Value {
        let mut good = good();
        good[member] = value;
        good
    }

    #[test]
    fn a_token_answer_says_where_the_api_is() {
        let tokens = read(&good(), &"https://login.salesforce.com".parse().unwrap()).unwrap();
        assert_eq!(tokens.instance.unwrap().origin(), "https://acme.my.salesforce.com");
        assert_eq!(tokens.lifetime, Lifetime::Unknown);
        assert!(tokens.refresh_token.is_none());
        let rotated = with("refresh_token", json!("5Aep"));
        let tokens = read(&rotated, &"https://acme.my.salesforce.com".parse().unwrap()).unwrap();
        assert_eq!(tokens.refresh_token.unwrap().expose(), "5Aep");
    }

    #[test]
    fn a_token_answer_with_hosts_outside_salesforce_is_refused_and_shows_no_token() {
        for (member, value) in [
            ("instance_url", json!("https://evil.example")),
            ("instance_url", json!("http://acme.my.salesforce.com")),
            ("instance_url", json!("acme.my.salesforce.com")),
            ("instance_url", json!("https://login.salesforce.com")),
            ("instance_url", json!("http://127.0.0.1:1")),
            ("id", json!("https://evil.example/id/00Dxx0000001gERAAY/005xx000001Sv1xAAC")),
            ("id", json!("https://test.salesforce.com/id/00Dxx0000001gERAAY/005xx000001Sv1xAAC")),
            ("id", json!("https://login.salesforce.com/id/x")),
            ("access_token", json!(5)),
            ("token_type", json!("mac")),
        ] {
            let body = with(member, value.clone());
            let (outcome, failure) = outcome(&answer(200, &[], &body.to_string()), &CLIENT);
            let failure = failure.unwrap();
            assert_eq!((outcome, failure.code()), ("unclear", Code::UnexpectedAnswer), "{member} {value}");
            assert!(!format!("{failure:?}").contains("00Dxx0000001gER!AQ"), "{failure:?}");
        }
        let mut silent = good();
        silent.as_object_mut().unwrap().remove("instance_url");
        assert!(read(&silent, &"https://login.salesforce.com".parse().unwrap()).is_err());
        assert!(read(&silent, &"https://acme.my.salesforce.com".parse().unwrap()).unwrap().instance.is_none());
    }

    #[test]
    fn every_refusal_has_its_code_and_cause() {
        for (request, error, description, code, cause) in [
            (CLIENT, "invalid_grant", "authentication failure", Code::TokenRefused, "user"),
            (REFRESH, "invalid_grant", "expired access/refresh token", Code::SessionExpired, "revoked"),
            (REFRESH, "invalid_grant", "token validity expired", Code::SessionExpired, "revoked"),
            (REFRESH, "invalid_grant", "something new", Code::SessionExpired, "revoked"),
            (CODE, "invalid_grant", "expired authorization code", Code::TokenRefused, "code-expired"),
            (CODE, "invalid_grant", "invalid authorization code", Code::TokenRefused, "code-expired"),
            (CODE, "invalid_grant", "invalid code verifier", Code::TokenRefused, "pkce"),
            (REFRESH, "invalid_grant", "inactive user", Code::TokenRefused, "user"),
            (REFRESH, "inactive_user", "user is inactive", Code::TokenRefused, "user"),
            (CLIENT, "invalid_grant", "ip restricted", Code::AccessDenied, "ip-restriction"),
            (CLIENT, "invalid_grant", "ip restricted or invalid login hours", Code::AccessDenied, "ip-restriction"),
            (CLIENT, "invalid_grant", "invalid login hours", Code::LoginHours, "login-hours"),
            (jwt(), "invalid_grant", "user hasn't approved this consumer", Code::TokenRefused, "not-approved"),
            (jwt(), "invalid_grant", "audience is invalid", Code::AssertionRefused, "audience"),
            (jwt(), "invalid_grant", "Audience validation failed", Code::AssertionRefused, "audience"),
            (jwt(), "invalid_grant", "invalid assertion", Code::AssertionRefused, "other-key"),
            (CLIENT, "invalid_grant", "request not supported on this domain", Code::InvalidInstance, ""),
            (CLIENT, "invalid_grant", "no client credentials user enabled", Code::TokenRefused, "no-run-as-user"),
            (CLIENT, "invalid_grant", "client credentials flow not enabled", Code::TokenRefused, "grant-not-enabled"),
            (CLIENT, "invalid_grant", "no valid scopes defined", Code::TokenRefused, "scope-not-allowed"),
            (CLIENT, "unsupported_grant_type", "grant type not supported", Code::TokenRefused, "grant-not-enabled"),
            (CLIENT, "inactive_org", "organization is locked, closed, or suspended", Code::OrgLocked, "org-suspended"),
            (CLIENT, "invalid_client_id", "client identifier invalid", Code::TokenRefused, "wrong-client"),
            (CLIENT, "invalid_client", "invalid client credentials", Code::TokenRefused, "wrong-secret"),
            (
                jwt(),
                "app_not_found",
                "External client app is not installed in this org",
                Code::TokenRefused,
                "app-not-installed",
            ),
            (jwt(), "OAUTH_EC_APP_NOT_FOUND", "x", Code::TokenRefused, "app-not-installed"),
            (
                CLIENT,
                "invalid_app_access",
                "user is not admin approved to access this app",
                Code::AccessDenied,
                "not-approved",
            ),
            (
                jwt(),
                "invalid_grant",
                "user is not admin approved to access this app",
                Code::AccessDenied,
                "not-approved",
            ),
            (
                CODE,
                "redirect_uri_mismatch",
                "redirect_uri must match configuration",
                Code::TokenRefused,
                "redirect-uri",
            ),
            (CODE, "redirect_uri_missing", "x", Code::TokenRefused, "redirect-uri"),
            (CODE, "invalid_scope", "x", Code::TokenRefused, "scope-not-allowed"),
            (CODE, "invalid_request", "missing required code challenge", Code::TokenRefused, "pkce"),
            (CODE, "invalid_request", "must use HTTP POST", Code::TokenRefused, "middlebox"),
            (CODE, "invalid_grant", "something new", Code::TokenRefused, "code-expired"),
            (CLIENT, "invalid_grant", "something new", Code::TokenRefused, "app-settings"),
            (jwt(), "invalid_grant", "something new", Code::AssertionRefused, "other-key"),
            (CLIENT, "brand_new", "so much", Code::TokenRefused, "app-settings"),
        ] {
            let (outcome, failure) = outcome(&refusal(error, description), &request);
            let failure = failure.unwrap();
            assert_eq!((outcome, failure.code()), ("refused", code), "{error} {description}");
            let found = failure.likely_causes().first().map_or("", |cause| cause.code);
            assert_eq!(found, cause, "{error} {description}");
        }
    }

    #[test]
    fn what_says_nothing_of_the_client_is_no_refusal() {
        let rate = outcome(&refusal("rate_limit_exceeded", ""), &CLIENT);
        assert_eq!((rate.0, rate.1.unwrap().code()), ("unavailable", Code::RateLimited));
        let unknown = outcome(&refusal("unknown_error", "retry your request"), &REFRESH);
        assert_eq!((unknown.0, unknown.1.unwrap().code()), ("unavailable", Code::InstanceUnavailable));
        for (status, body, expected) in [
            (429, "", "unavailable"),
            (503, "<html>", "unavailable"),
            (404, "<html>", "unavailable"),
            (302, "", "unavailable"),
            (401, r#"{"message":"a gateway"}"#, "unavailable"),
            (500, "", "unclear"),
            (502, "", "unclear"),
            (200, "{}", "unclear"),
            (200, r#"{"access_token":"#, "lost"),
            (200, "<html>", "unavailable"),
        ] {
            assert_eq!(outcome(&answer(status, &[], body), &REFRESH).0, expected, "{status} {body}");
        }
        let expired = r#"[{"errorCode":"INVALID_OPERATION_WITH_EXPIRED_PASSWORD","message":"x"}]"#;
        let (outcome, failure) = outcome(&answer(400, &[], expired), &CLIENT);
        assert_eq!((outcome, failure.unwrap().code()), ("refused", Code::PasswordExpired));
    }

    #[test]
    fn a_refusal_that_is_new_is_shown_as_it_came() {
        let (_, failure) = outcome(&refusal("brand_new", "so much"), &CLIENT);
        let failure = failure.unwrap();
        assert!(failure.reason().unwrap().contains("brand_new: so much"), "{failure:?}");
        assert_eq!(failure.seen("oauth_error").unwrap(), "brand_new");
        assert_eq!(failure.seen("oauth_error_description").unwrap(), "so much");
    }

    #[test]
    fn a_revocation_is_confirmed_by_an_empty_answer_and_refused_in_a_form() {
        let result = |status, body: &str| {
            classified(&answer(status, &[], body), RequestKind::Revocation, CredentialKind::TokenRequest, revoked)
                .map_err(|failure| failure.code())
        };
        assert_eq!(result(200, ""), Ok(()));
        assert_eq!(result(400, "error=invalid_token&error_description=the+token+is+invalid"), Ok(()));
        let refused = result(400, "error=unsupported_token_type&error_description=x");
        assert_eq!(refused, Err(Code::UnexpectedAnswer));
        assert_eq!(result(200, "error=invalid_request"), Err(Code::UnexpectedAnswer));
        assert_eq!(result(200, "<html>"), Err(Code::NotSalesforce));
        assert_eq!(result(503, ""), Err(Code::InstanceUnavailable));
    }
}
