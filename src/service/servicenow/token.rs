//! What the token endpoint's answer means.
//!
//! ServiceNow says almost always `401 server_error/access_denied` and keeps
//! the reason in its own log, so the causes are ranked by what was asked for
//! and by what we know: how old the code was, whether a secret was sent.

use chrono::TimeDelta;
use serde_json::Value;

use super::classify::{Body, ClassifiedResponse};
use super::refusals::{self, Refused};
use super::symptoms::{diagnose, with_evidence};
use crate::auth::oauth::outcome::{TokenOutcome, TokenRequest};
use crate::base::code::Code;
use crate::base::error::Likelihood::{Low, Medium};
use crate::base::error::{CauseRow, Failure};
use crate::base::shown::shown;
use crate::model::oauth_client::OAuthClient;
use crate::model::profile::Subject;
use crate::model::tokens::{InvalidTokens, TokenResponse};
use crate::service::body::is_oauth_error;

/// A refresh token lives for a hundred days by default.
pub const REFRESH_TOKEN_LIFETIME: TimeDelta = TimeDelta::days(100);

/// RFC 6749 §5.2; everything in it is server text.
pub struct Refusal {
    pub error: String,
    pub description: Option<String>,
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
        return TokenOutcome::Refused(refusals::refused(&Refused {
            response,
            request,
            client,
            has_secret,
            refusal: &refusal,
        }));
    }
    match (response.status(), json) {
        (200, Some(body)) => match TokenResponse::read(&body) {
            Ok(answer) => TokenOutcome::Tokens(answer),
            Err(invalid) => TokenOutcome::Unclear(unusable(response, invalid)),
        },
        (200, None) if response.raw.broken.is_some() || matches!(response.body, Body::CutJson) => {
            TokenOutcome::Lost(diagnose(response))
        }
        (401, _) if response.is_refused_by_the_instance() => {
            let refusal = Refusal { error: String::new(), description: None };
            TokenOutcome::Refused(refusals::refused(&Refused {
                response,
                request,
                client,
                has_secret,
                refusal: &refusal,
            }))
        }
        (404, _) => TokenOutcome::Unavailable(not_there(response)),
        // What stands before the instance gave up on it, or the instance on
        // itself, when the refresh token may have been replaced already.
        (500 | 502 | 504, _) => TokenOutcome::Unclear(diagnose(response)),
        (200..300, _) if !response.is_html() => TokenOutcome::Unclear(diagnose(response)),
        _ => TokenOutcome::Unavailable(diagnose(response)),
    }
}

/// An error of OAuth, or in the shape of ServiceNow's REST APIs. Gateways have an
/// `error` as well, with other words in it, and their refusal says nothing of the
/// client or the session.
fn read_refusal(json: &Value, response: &ClassifiedResponse<'_>) -> Option<Refusal> {
    let text = |key: &str| json.get(key).and_then(Value::as_str).map(str::to_owned);
    let is_its_own = || response.is_servicenow() || response.is_refused_by_the_instance();
    if let Some(error) = text("error").filter(|error| is_oauth_error(error) || is_its_own()) {
        return Some(Refusal { error, description: text("error_description") });
    }
    match &response.body {
        Body::Envelope { message, detail } => {
            Some(Refusal { error: message.clone().unwrap_or_default(), description: detail.clone() })
        }
        _ => None,
    }
}

fn unusable(response: &ClassifiedResponse<'_>, invalid: InvalidTokens) -> Failure {
    let saved = match response.subject {
        Subject::Environment(_) => "",
        Subject::Saved(_) | Subject::New => " Nothing was saved.",
    };
    let host = response.instance.host_and_port();
    let failure = Failure::new(Code::UnexpectedAnswer, shown!("the token response of {} is not valid", host))
        .why(shown!("It is JSON, but {}.{}", invalid, saved))
        .next("Check that the address is the token endpoint of a ServiceNow instance");
    with_evidence(failure, response)
}

fn not_there(response: &ClassifiedResponse<'_>) -> Failure {
    let diagnosed = diagnose(response);
    let is_foreign_json = matches!(response.body, Body::OtherJson { .. }) && !response.is_servicenow();
    if diagnosed.code() == Code::InstanceHibernating || is_foreign_json {
        return diagnosed;
    }
    let host = response.instance.host_and_port();
    let failure = Failure::new(diagnosed.code(), shown!("no token endpoint at {}", host))
        .why("The URL of the token endpoint returned 404.")
        .causes(NOT_THERE)
        .next("Check the address, and ask an administrator whether OAuth is active");
    with_evidence(failure, response)
}

/// What may be behind a token endpoint that is not there.
const NOT_THERE: &[CauseRow] = &[
    ("oauth-off", Medium, "OAuth is turned off: the property com.snc.platform.security.oauth.is.active"),
    ("wrong-address", Medium, "the address does not belong to an instance"),
    ("gateway", Low, "a gateway in front only publishes some paths, and not this one"),
];
