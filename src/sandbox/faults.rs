//! How a scenario breaks an answer: before a user is signed in, at the token
//! endpoint, once a user is signed in, or on the way out. Where it only
//! changes what an answer says, the answer's own file asks for it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::answers::{Response, envelope, front_end, http_date, json_answer, nothing, page, redirect, success};
use super::authentication::{API_KEY_HEADER, SignedIn};
use super::delivery::Reach;
use super::landing::plain_login_page;
use super::oauth::{TOKEN_PATH, token_endpoint};
use super::request::Request;
use super::rows::{self, USERS, User};
use super::scenario::Scenario;

/// How long a slow instance thinks about an answer.
const SLOWNESS: Duration = Duration::from_secs(2);
/// More than any client of a list of one row should take.
const TOO_LARGE: usize = 2 * 1024 * 1024;

/// What every request is answered with, instead of what it asks for.
pub fn at_the_door(scenario: Scenario) -> Option<Response> {
    match scenario {
        Scenario::Hibernating => Some(page(
            200,
            "Instance Hibernating page",
            "<p>Your instance is hibernating. Sign in to the developer site to wake it.</p>",
        )),
        Scenario::LoginPage => Some(plain_login_page()),
        Scenario::ForbiddenPage => {
            Some(page(403, "Access denied", "<p>Your address is not allowed here.</p>").foreign())
        }
        Scenario::GatewayRefused => {
            let body = json!({ "message": "No API key found in request" });
            Some(json_answer(401, &body).foreign().with("WWW-Authenticate", "Key realm=\"gateway\""))
        }
        Scenario::InstanceUnavailable => Some(front_end(503, "Service Unavailable")),
        Scenario::GatewayTimeout => Some(front_end(504, "Gateway Time-out")),
        Scenario::SsoRedirect => Some(redirect("/login_with_sso.do?glide_sso_id=0123456789abcdef")),
        Scenario::Redirected => Some(redirect("https://elsewhere.example.com/")),
        Scenario::NotServiceNow => {
            Some(page(200, "Welcome to our hotel", "<p>Accept the terms to use the network.</p>").foreign())
        }
        // What is lost on the way out need not be made first.
        Scenario::ConnectionLost => Some(nothing(200)),
        Scenario::RateLimitedNode => Some(front_end(429, "Too Many Requests")),
        Scenario::RateLimited => {
            let wait = 30;
            let detail = "Rate limit of 100 requests per hour for Table API exceeded";
            let answer = envelope(429, "Rate limit exceeded", Some(detail))
                .with("Retry-After", wait.to_string())
                .with("X-RateLimit-Limit", "100")
                .with("X-RateLimit-Reset", (Utc::now().timestamp() + wait).to_string())
                .with("X-RateLimit-Rule", rows::sys_id("sys_rate_limit_rules", "table"));
            Some(answer)
        }
        _ => None,
    }
}

/// What the token endpoint answers in place of a token.
pub fn in_place_of_a_token(scenario: Scenario) -> Option<Response> {
    match scenario {
        Scenario::TokenPage => Some(plain_login_page()),
        Scenario::TokenUnavailable => Some(front_end(503, "Service Unavailable")),
        Scenario::TokenRefused => Some(token_endpoint::access_denied()),
        _ => None,
    }
}

/// What is answered to the wish to revoke a token, which then stays good.
pub fn in_place_of_a_revocation(scenario: Scenario) -> Option<Response> {
    (scenario == Scenario::RevocationUnavailable).then(|| front_end(503, "Service Unavailable"))
}

/// Whether the access policy of an API refuses how a request signs in, which works for
/// other APIs. `path` is that below the root of the APIs.
pub fn is_refused_by_policy(scenario: Option<Scenario>, request: &Request<'_>, path: &str) -> bool {
    let has_key = request.header(API_KEY_HEADER).is_some();
    match scenario {
        Some(Scenario::KeyForTables) => has_key && !path.ends_with("table/incident"),
        Some(Scenario::OtherMethods) => !has_key && path.ends_with("table/incident"),
        _ => false,
    }
}

/// What is answered in place of a table, to a user who is signed in.
pub fn in_place_of_a_table(scenario: Scenario, signed_in: SignedIn) -> Option<Response> {
    let cancelled = "Transaction cancelled: maximum execution time exceeded";
    match scenario {
        Scenario::ScopeRestricted if signed_in.is_bearer => {
            Some(envelope(403, "User Not Authorized", Some("Access to unscoped api is not allowed")))
        }
        Scenario::KeyScopeMissing if !signed_in.is_bearer => {
            Some(envelope(403, "Missing required api access scope: table_read", None))
        }
        Scenario::ApiAcl => Some(envelope(403, "User Not Authorized", Some("Failed API level ACL Validation"))),
        Scenario::QueryForbidden => Some(envelope(
            403,
            "Insufficient rights to query records",
            Some("Field(s) present in the query do not have permission to be read"),
        )),
        Scenario::AccessDenied => Some(envelope(
            403,
            "Operation Failed",
            Some("Operation against file was aborted by Business Rule 'Office hours'"),
        )),
        Scenario::TransactionCancelled => {
            let detail = format!(
                "{cancelled}. Check logs for error trace or enable glide.rest.debug property to verify REST request processing"
            );
            Some(envelope(500, cancelled, Some(&detail)))
        }
        Scenario::TransactionCancelledLate => Some(broken(&format!(
            r#"{{"result":[{{"sys_id":"0123456789abcdef"}},"error":{{"detail":"{cancelled}","message":"{cancelled}"}},"status":"failure"}}"#
        ))),
        Scenario::TruncatedAnswer => Some(broken(r#"{"result":[{"sys_id":"0123456789abc"#)),
        Scenario::InstanceError => Some(envelope(
            500,
            "com.glide.script.fencing.access.ScopeAccessNotGrantedException",
            Some("Check logs for error trace or enable glide.rest.debug property to verify REST request processing"),
        )),
        Scenario::UnexpectedAnswer => Some(json_answer(202, &json!({}))),
        Scenario::AnswerTooLarge => Some(success(
            json!([{ "sys_id": "0123456789abcdef0123456789abcdef", "description": "x".repeat(TOO_LARGE) }]),
        )),
        _ => None,
    }
}

/// Who the instance says is signed in: another user under `user-mismatch`.
pub fn told_identity(scenario: Option<Scenario>, user: &'static User) -> &'static User {
    match scenario {
        Some(Scenario::UserMismatch) => {
            USERS.iter().find(|other| other.user_name != user.user_name).expect("there are several users")
        }
        _ => user,
    }
}

/// Changes an answer to a request for `path` on its way out.
pub fn on_the_way_out(scenario: Scenario, path: &str, mut answer: Response) -> Response {
    match scenario {
        Scenario::Slow => answer.delivery.delay = SLOWNESS,
        Scenario::SlowToken if path == TOKEN_PATH => answer.delivery.delay = SLOWNESS,
        Scenario::TokenCut if path == TOKEN_PATH => answer.delivery.reach = Reach::Half,
        Scenario::ConnectionLost => answer.delivery.reach = Reach::Nothing,
        Scenario::AnsweredAsGuest => {
            for (_, value) in answer.headers.iter_mut().filter(|(name, _)| *name == "X-Is-Logged-In") {
                "false".clone_into(value);
            }
        }
        Scenario::ClockSkew | Scenario::AssertionClock => {
            let then = http_date(time(Some(scenario)));
            for (_, value) in answer.headers.iter_mut().filter(|(name, _)| *name == "Date") {
                value.clone_from(&then);
            }
        }
        _ => {}
    }
    answer
}

/// The time that the instance says and goes by.
pub fn time(scenario: Option<Scenario>) -> DateTime<Utc> {
    let behind = match scenario {
        Some(Scenario::ClockSkew) => TimeDelta::minutes(10),
        Some(Scenario::AssertionClock) => TimeDelta::minutes(2),
        _ => TimeDelta::zero(),
    };
    Utc::now() - behind
}

/// JSON by its header, and not by what came.
fn broken(body: &str) -> Response {
    let mut answer = json_answer(200, &json!({}));
    body.clone_into(&mut answer.body);
    answer
}

impl Response {
    /// Without the words by which an instance is known.
    fn foreign(mut self) -> Self {
        self.headers.retain(|(name, _)| matches!(*name, "Date" | "Content-Type"));
        self
    }
}
