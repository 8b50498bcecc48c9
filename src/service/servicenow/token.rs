//! What the token endpoint's answer means.
//!
//! ServiceNow says almost always `401 server_error/access_denied` and keeps
//! the reason in its own log, so the causes are ranked by what was asked for
//! and by what we know: how old the code was, whether a secret was sent.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::Value;

use super::classify::{Body, ClassifiedResponse, Subject};
use super::symptoms::{diagnose, with_evidence};
use crate::base::error::Likelihood::{High, Low, Medium};
use crate::base::error::{Cause, Code, Failure, Likelihood};
use crate::base::shown::{Shown, Step, shown};
use crate::model::oauth_client::OAuthClient;
use crate::model::tokens::{InvalidTokens, TokenResponse};

/// How long an authorization code lives at ServiceNow.
const CODE_LIFETIME: Duration = Duration::from_secs(60);
/// A refresh token lives for a hundred days where nobody chose otherwise.
pub const REFRESH_TOKEN_LIFETIME: TimeDelta = TimeDelta::days(100);

/// What was asked for, and what is known about it.
#[derive(Debug, Clone, Copy)]
pub enum TokenRequest {
    Code {
        age: Duration,
        has_pkce: bool,
    },
    /// Of a session that began so long ago.
    Refresh {
        age: TimeDelta,
    },
    ClientCredentials,
}

/// What came of a request for tokens.
#[derive(Debug)]
pub enum TokenOutcome {
    Tokens(TokenResponse),
    /// The endpoint said no.
    Refused(Failure),
    /// It could not or did not judge: nothing was spent.
    Unavailable(Failure),
    /// It answered, but not with tokens that can be used, and may have acted.
    Unclear(Failure),
    /// The request was sent, and what it did is not known.
    Lost(Failure),
}

/// RFC 6749 §5.2; everything in it is server text.
struct Refusal {
    error: String,
    description: Option<String>,
}

/// Judges an answer of the token endpoint.
pub fn judge(
    response: &ClassifiedResponse<'_>,
    request: &TokenRequest,
    client: &OAuthClient,
    has_secret: bool,
) -> TokenOutcome {
    let json = response.json();
    if let Some(refusal) = json.as_ref().and_then(|json| read_refusal(json, response))
        && response.status() < 500
        && response.status() != 429
    {
        return TokenOutcome::Refused(refused(response, request, client, has_secret, &refusal));
    }
    match (response.status(), json) {
        (200, Some(body)) => match TokenResponse::read(&body) {
            Ok(answer) => TokenOutcome::Tokens(answer),
            Err(invalid) => TokenOutcome::Unclear(unusable(response, invalid)),
        },
        (200, None) if response.raw.broken.is_some() || matches!(response.body, Body::CutJson) => {
            TokenOutcome::Lost(diagnose(response))
        }
        (401, None) => {
            let refusal = Refusal { error: String::new(), description: None };
            TokenOutcome::Refused(refused(response, request, client, has_secret, &refusal))
        }
        (404, _) => TokenOutcome::Unavailable(not_there(response)),
        // What stands before the instance gave up on it, or the instance on
        // itself, when the refresh token may have been replaced already.
        (500 | 502 | 504, _) => TokenOutcome::Unclear(diagnose(response)),
        (200..300, _) if !response.is_html() => TokenOutcome::Unclear(diagnose(response)),
        _ => TokenOutcome::Unavailable(diagnose(response)),
    }
}

/// An error in OAuth's shape, or in the shape of ServiceNow's REST APIs.
fn read_refusal(json: &Value, response: &ClassifiedResponse<'_>) -> Option<Refusal> {
    let text = |key: &str| json.get(key).and_then(Value::as_str).map(str::to_owned);
    if let Some(error) = text("error") {
        return Some(Refusal { error, description: text("error_description") });
    }
    match &response.body {
        Body::Envelope { message, detail } => {
            Some(Refusal { error: message.clone().unwrap_or_default(), description: detail.clone() })
        }
        _ => None,
    }
}

fn refused(
    response: &ClassifiedResponse<'_>,
    request: &TokenRequest,
    client: &OAuthClient,
    has_secret: bool,
    refusal: &Refusal,
) -> Failure {
    let host = response.instance.host_and_port();
    let says = |word: &str| {
        let description = refusal.description.as_deref().unwrap_or("");
        refusal.error.eq_ignore_ascii_case(word) || description.eq_ignore_ascii_case(word)
    };
    let mentions = |word: &str| {
        let description = refusal.description.as_deref().unwrap_or("").to_ascii_lowercase();
        description.contains(word) || refusal.error.to_ascii_lowercase().contains(word)
    };
    let is_about_client = says("invalid_client") || says("unauthorized_client");
    let cause = |code, likelihood, text: Shown| Cause { code, likelihood, text };
    let sign_in_again = match response.subject {
        Subject::Saved(name) => Step::run(shown!("snow login {}", name)),
        Subject::Environment => "Correct SNOW_CLIENT_ID and SNOW_CLIENT_SECRET".into(),
        Subject::New => "Run the command again".into(),
    };
    let log = "Show an administrator the server's time: the reason stands in the system log of the instance, as \"Exception on token flow\"";
    let failure = if is_about_client {
        let wrong = if has_secret {
            "client id or client secret is wrong, or the secret was changed"
        } else {
            "the client is not registered there, is switched off, or has a secret that was not given"
        };
        Failure::new(Code::TokenRefused, shown!("{} does not accept the client {}", host, client.client_id))
            .why("The token endpoint said that the client itself is the trouble. What is saved was kept.")
            .causes([cause("wrong-client", High, wrong.into())])
            .next("Compare client id and secret with the entry in the Application Registry")
            .next(sign_in_again)
    } else if says("invalid_scope") {
        let scope = client.scope.as_str();
        Failure::new(
            Code::TokenRefused,
            shown!("{} does not give the scope \"{}\" to this client", host, Shown::outside(scope)),
        )
        .why("The token endpoint answered invalid_scope. What is saved was kept.")
        .causes([cause("scope-not-allowed", High, "the entry of the client has another auth scope".into())])
        .next("Ask an administrator for the auth scope of the client, and give it with --scope")
    } else if says("unsupported_grant_type") {
        Failure::new(Code::TokenRefused, shown!("{} does not offer this way to sign in to the client", host))
            .why("The token endpoint answered unsupported_grant_type. What is saved was kept.")
            .causes([cause(
                "grant-not-enabled",
                High,
                "the grant type is not enabled on the entry of the client".into(),
            )])
            .next("Ask an administrator to allow the grant type on the entry of the client")
    } else {
        match request {
            TokenRequest::Code { age, has_pkce } => {
                let mut causes = Vec::new();
                let is_old = *age > CODE_LIFETIME - Duration::from_secs(5);
                let old = shown!("the code was {} s old, and it lives for 60 s", age.as_secs());
                if is_old {
                    causes.push(cause("code-expired", High, old.clone()));
                }
                if *has_pkce && (mentions("pkce") || mentions("verifier") || mentions("challenge")) {
                    causes.push(cause("pkce", High, "the server complains about PKCE; an old release may not know it".into()));
                }
                causes.push(if has_secret { cause("wrong-secret", likely(!is_old), "the client secret is wrong, or was changed".into()) } else { cause("secret-missing", likely(!is_old), "the client is confidential, and its secret was not given".into()) });
                causes.push(cause("redirect-uri", Medium, shown!("{} is not registered in just these letters", client.redirect_uri)));
                causes.push(cause("missing-role", Medium, "the user may not have tokens: it lacks snc_internal, or has snc_read_only".into()));
                if !is_old {
                    causes.push(cause("code-expired", Low, old));
                }
                let first = if is_old { sign_in_again.and_say(", and come back within a minute") } else { "Compare client id, secret and redirect URI with the entry in the Application Registry".into() };
                Failure::new(Code::TokenRefused, shown!("the sign-in was good, but {} gave no token for it", host))
                    .why("The token endpoint refused the code without a reason. A code is good for one try, so it was not sent again.")
                    .causes(causes)
                    .next(first)
                    .next(log)
            }
            TokenRequest::Refresh { age } => {
                let is_old = *age > REFRESH_TOKEN_LIFETIME - TimeDelta::days(1);
                let expired = shown!("the refresh token is at its end: it lives for 100 days by default, and the sign-in was {} days ago", age.num_days());
                let mut causes = vec![
                    cause("revoked", likely(!is_old), "somebody signed out or revoked it; machines with the same user and client share it".into()),
                    cause("cloned", Medium, "the instance was cloned over, or the client's entry or secret was changed".into()),
                    cause("user", Low, "the user is locked or inactive".into()),
                ];
                let place = if is_old { 0 } else { causes.len() };
                causes.insert(place, cause("expired", likely(is_old), expired));
                Failure::new(Code::SessionExpired, shown!("{} does not renew the session", host))
                    .why("The token endpoint refused the refresh token. It was kept: the next command tries once more.")
                    .causes(causes)
                    .next(sign_in_again)
                    .next(log)
            }
            TokenRequest::ClientCredentials => {
                Failure::new(Code::TokenRefused, shown!("{} gave no token to the client {}", host, client.client_id))
                    .why("The token endpoint refused client credentials without a reason.")
                    .causes([
                        cause("wrong-secret", High, "client id or client secret is wrong, or the secret was changed".into()),
                        cause(
                            "grant-not-enabled",
                            High,
                            "the property glide.oauth.inbound.client.credential.grant_type.enabled is not true (it must be created)".into(),
                        ),
                        cause("no-application-user", High, "the entry of the client has no OAuth Application User".into()),
                    ])
                    .next("Ask an administrator to set the property glide.oauth.inbound.client.credential.grant_type.enabled to true and to give the client's entry an OAuth Application User")
                    .next(sign_in_again)
                    .next(log)
            }
        }
    };
    let shown = |text: &str| response.redactor.server_text(text);
    with_evidence(failure, response)
        .evidence("oauth_error", Some(shown(&refusal.error)).filter(|text| !text.is_empty()))
        .evidence("oauth_error_description", refusal.description.as_deref().map(shown))
}

fn likely(is_first: bool) -> Likelihood {
    if is_first { High } else { Low }
}

fn unusable(response: &ClassifiedResponse<'_>, invalid: InvalidTokens) -> Failure {
    let host = response.instance.host_and_port();
    let failure = Failure::new(Code::UnexpectedAnswer, shown!("the token answer of {} cannot be used", host))
        .why(shown!("It is JSON, but {}. Nothing of it was saved.", invalid))
        .next("Check that the address is the token endpoint of a ServiceNow instance");
    with_evidence(failure, response)
}

fn not_there(response: &ClassifiedResponse<'_>) -> Failure {
    let diagnosed = diagnose(response);
    if diagnosed.code() == Code::InstanceHibernating {
        return diagnosed;
    }
    let host = response.instance.host_and_port();
    let cause = |code, likelihood, text: &'static str| Cause { code, likelihood, text: text.into() };
    let failure = Failure::new(diagnosed.code(), shown!("there is no token endpoint at {}", host))
        .why("The address of the token endpoint answered 404.")
        .causes([
            cause("oauth-off", Medium, "OAuth is switched off: the property com.snc.platform.security.oauth.is.active"),
            cause("wrong-address", Medium, "the address is not that of an instance"),
        ])
        .next("Check the address, and ask an administrator whether OAuth is active");
    with_evidence(failure, response)
}
