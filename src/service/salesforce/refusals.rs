//! How the token endpoint of Salesforce rejects a request, and what it means: a table.
//!
//! The table is read from the top. Its `error` says little, `invalid_grant` most of all, so
//! rows go by words of the description; what no row knows is shown as it came.
//!
//! Texts may hold `{host}`, `{client}`, `{redirect_uri}`, `{said}` (error and description),
//! `{kept}` (a sentence where something is saved), `{clock}`, `{login}` (how to sign in
//! again) and `{sign_in_again}` (the same as a step without anything before it).

use chrono::{DateTime, TimeDelta, Utc};

use super::classify::{Body, ClassifiedResponse};
use super::symptoms::{said, with_evidence};
use crate::auth::oauth::outcome::{TokenRequest, WRONG_CLIENT};
use crate::base::code::Code;
use crate::base::error::Likelihood::{High, Low, Medium};
use crate::base::error::{CauseRow, CausesOfCode, Failure};
use crate::base::shown::{Show, Step, shown};
use crate::model::oauth_client::OAuthClient;
use crate::service::symptom::{Symptom, kept, login, sign_in_again};

/// An assertion is dated back by less than this, and a header says whole seconds.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(6);

/// What the endpoint said. Everything in it is server text.
pub struct Refusal {
    error: String,
    description: String,
}

impl Refusal {
    /// `None` for what is no error of an OAuth endpoint.
    pub fn of(response: &ClassifiedResponse<'_>) -> Option<Self> {
        let Body::OAuth { error, description } = &response.body else { return None };
        let is_known = KNOWN.contains(&error.to_ascii_lowercase().as_str());
        // Gateways have an `error`, too.
        (is_known || response.is_salesforce() || description.is_some()).then(|| Self {
            error: error.to_ascii_lowercase(),
            description: description.clone().unwrap_or_default().to_lowercase(),
        })
    }
}

/// Errors without a description that are Salesforce's.
const KNOWN: [&str; 16] = [
    "access_denied",
    "app_not_found",
    "inactive_org",
    "inactive_user",
    "invalid_app_access",
    "invalid_client",
    "invalid_client_id",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "rate_limit_exceeded",
    "redirect_uri_mismatch",
    "redirect_uri_missing",
    "unknown_error",
    "unsupported_grant_type",
    "oauth_ec_app_not_found",
];

/// A refusal, and what is known of the request.
pub struct Refused<'a> {
    pub response: &'a ClassifiedResponse<'a>,
    pub request: &'a TokenRequest,
    pub client: &'a OAuthClient,
    pub has_secret: bool,
    pub refusal: &'a Refusal,
}

/// One way in which it refuses.
type Row = Symptom<fn(&Refused<'_>) -> bool>;

static REFUSALS: &[Row] = &[
    Row {
        name: "login-host",
        code: Code::InvalidInstance,
        shows: |refused| refused.mentions(&["not supported on this domain"]),
        message: "{host} issues no token of this kind",
        why: "The token endpoint said: {said}. This grant works at the My Domain of the organization alone.{kept}",
        causes: &[],
        next: &["Use the My Domain of the organization, such as https://acme.my.salesforce.com (Setup, My Domain)"],
    },
    Row {
        name: "rate-limited",
        code: Code::RateLimited,
        shows: |refused| refused.is(&["rate_limit_exceeded"]),
        message: "{host} is limiting sign-ins",
        why: "The token endpoint said: {said}.{kept}",
        causes: &[("too-many", High, "too many sign-ins of this user or app in a short time")],
        next: &["Wait an hour, and let programs use one session instead of signing in each time"],
    },
    Row {
        name: "token-endpoint-failed",
        code: Code::InstanceUnavailable,
        shows: |refused| refused.is(&["unknown_error", "server_error", "temporarily_unavailable"]),
        message: "the token endpoint of {host} failed",
        why: "It said: {said}.{kept}",
        causes: &[("overloaded", Medium, "Salesforce is busy or under maintenance")],
        next: &["Run the command again"],
    },
    Row {
        name: "org-locked",
        code: Code::OrgLocked,
        shows: |refused| refused.is(&["inactive_org"]),
        message: "the organization at {host} is locked",
        why: "The token endpoint said: {said}. The client is not the cause.{kept}",
        causes: &[("org-suspended", High, "the organization is locked, suspended or closed, or its trial has expired")],
        next: &["Ask an administrator of the organization, who can ask Salesforce"],
    },
    Row {
        name: "app-not-installed",
        code: Code::TokenRefused,
        shows: |refused| {
            refused.is(&["app_not_found", "oauth_ec_app_not_found"])
                || refused.mentions(&["not installed", "must be installed"])
        },
        message: "the app {client} is not installed in the organization at {host}",
        why: "The token endpoint said: {said}.{kept}",
        causes: &[
            (
                "app-not-installed",
                High,
                "the app is of another organization, and no administrator has installed it here",
            ),
            ("login-host", Medium, "the address is login.salesforce.com or of another organization"),
        ],
        next: &[
            "Ask an administrator to install the app, or to approve it (Setup, Connected Apps OAuth Usage)",
            "Use the My Domain of the organization",
        ],
    },
    Row {
        name: "client-unknown",
        code: Code::TokenRefused,
        shows: |refused| refused.is(&["invalid_client_id"]) || refused.mentions(&["client identifier invalid"]),
        message: "{host} does not know the client {client}",
        why: "The token endpoint said: {said}.{kept}",
        causes: &[
            ("wrong-client", High, "the client id (Consumer Key) is wrong or was cut off"),
            (
                "other-organization",
                High,
                "the app is of another organization, or of production where this is a sandbox",
            ),
            ("new-app", Medium, "the app is new or was changed: that takes up to ten minutes"),
        ],
        next: &["Compare the client id with the Consumer Key of the app", "{sign_in_again}"],
    },
    Row {
        name: "secret-missing",
        shows: |refused| refused.is_client_refused() && !refused.has_secret,
        message: "{host} rejected the client {client} without a secret",
        causes: &[("secret-missing", High, "the app requires its client secret (Consumer Secret), and none was given")],
        next: &["Ask an administrator for the Consumer Secret of the app, then: {login}"],
        ..CLIENT_REFUSED
    },
    CLIENT_REFUSED,
    Row {
        name: "not-admin-approved",
        code: Code::AccessDenied,
        shows: |refused| refused.is(&["invalid_app_access"]) || refused.mentions(&["not admin approved"]),
        message: "the user may not use the app {client} on {host}",
        why: "The token endpoint said: {said}.{kept}",
        causes: &[(
            "not-approved",
            High,
            "the app admits approved users alone, and none of the user's profiles or permission sets is among them",
        )],
        next: &["Ask an administrator to add a permission set of the user to the policies of the app"],
    },
    Row {
        name: "not-approved",
        code: Code::TokenRefused,
        shows: |refused| refused.mentions(&["hasn't approved this consumer", "has not approved this consumer"]),
        message: "the user has not approved the app {client} on {host}",
        why: "The token endpoint said: {said}. Without a browser no user can approve it.{kept}",
        causes: &[("not-approved", High, "the app is not pre-authorized for a profile or permission set of the user")],
        next: &[
            "Ask an administrator to set Permitted Users to \"Admin approved users are pre-authorized\" and to add a permission set of the user",
        ],
    },
    Row {
        name: "no-run-as-user",
        code: Code::TokenRefused,
        shows: |refused| refused.mentions(&["no client credentials user"]),
        message: "the app {client} on {host} has no user for client credentials",
        why: "The token endpoint said: {said}.{kept}",
        causes: &[("no-run-as-user", High, "Run As is not set in the client credentials settings of the app")],
        next: &[
            "Ask an administrator to set the user that the app runs as (Policies, Client Credentials Flow, Run As)",
        ],
    },
    Row {
        name: "ip-restricted",
        code: Code::AccessDenied,
        shows: |refused| refused.mentions(&["ip restricted", "ip not allowed"]),
        message: "{host} issues no token to this network",
        why: "The token endpoint said: {said}. The secret is not the cause.{kept}",
        causes: &[
            ("ip-restriction", High, "the IP ranges of the profile or of the app exclude this machine"),
            ("login-hours", Low, "the login hours of the profile exclude this time"),
        ],
        next: &[
            "Ask an administrator to add the address of this machine, or to set IP Relaxation of the app to relax restrictions",
        ],
    },
    Row {
        name: "login-hours",
        code: Code::LoginHours,
        shows: |refused| refused.mentions(&["login hours"]),
        message: "the user may not sign in to {host} at this time",
        why: "The token endpoint said: {said}. The secret is not the cause.{kept}",
        causes: &[("login-hours", High, "the login hours of the user's profile exclude this time")],
        next: &["Try again within the login hours, or ask an administrator to change those of the profile"],
    },
    Row {
        name: "inactive-user",
        code: Code::TokenRefused,
        shows: |refused| refused.is(&["inactive_user"]) || refused.mentions(&["inactive user", "user is inactive"]),
        message: "the user is inactive on {host}",
        why: "The token endpoint said: {said}.{kept}",
        causes: &[("user", High, "the user was deactivated or frozen")],
        next: &["Ask an administrator to activate the user, then: {login}"],
    },
    Row {
        name: "flow-off",
        code: Code::TokenRefused,
        shows: |refused| {
            let words = ["flow not enabled", "grant type not supported", "flow is not enabled"];
            refused.is(&["unsupported_grant_type", "unauthorized_client"]) || refused.mentions(&words)
        },
        message: "{host} does not allow this grant for the client {client}",
        why: "The token endpoint said: {said}.{kept}",
        causes: &[
            ("grant-not-enabled", High, "the flow is not enabled in the OAuth settings of the app"),
            ("new-app", Low, "the app was changed: that takes up to ten minutes"),
        ],
        next: &["Ask an administrator to enable the flow in the app (External Client App Manager or App Manager)"],
    },
    Row {
        name: "scope-refused",
        code: Code::TokenRefused,
        shows: |refused| refused.is(&["invalid_scope"]) || refused.mentions(&["no valid scopes"]),
        message: "{host} does not allow the scope for the client {client}",
        why: "The token endpoint said: {said}.{kept}",
        causes: &[("scope-not-allowed", High, "the scope is not among the selected OAuth scopes of the app")],
        next: &[
            "Ask an administrator to select \"Manage user data via APIs (api)\" in the app, and refresh_token where a browser signs in",
        ],
    },
    Row {
        name: "redirect-uri",
        code: Code::TokenRefused,
        shows: |refused| {
            refused.is(&["redirect_uri_mismatch", "redirect_uri_missing"]) || refused.mentions(&["redirect_uri"])
        },
        message: "{redirect_uri} is not registered for the client {client}",
        why: "The token endpoint said: {said}. Salesforce compares exactly.{kept}",
        causes: &[("redirect-uri", High, "the callback URL of the app is another, down to the last slash")],
        next: &["Ask an administrator to add exactly {redirect_uri} as a callback URL of the app"],
    },
    Row {
        name: "pkce",
        code: Code::TokenRefused,
        shows: |refused| refused.mentions(&["code challenge", "code verifier", "code_verifier", "pkce"]),
        message: "{host} rejected the proof of the sign-in (PKCE)",
        why: "The token endpoint said: {said}.{kept}",
        causes: &[("pkce", High, "the app requires PKCE, or the code is of another sign-in")],
        next: &["Leave out --no-pkce, then: {login}"],
    },
    Row {
        name: "audience",
        code: Code::AssertionRefused,
        shows: |refused| refused.mentions(&["audience"]),
        message: "{host} rejected the audience of the signed assertion",
        why: "The token endpoint said: {said}.{kept}",
        causes: &[(
            "audience",
            High,
            "the audience must be https://login.salesforce.com, or https://test.salesforce.com for a sandbox",
        )],
        next: &["Set --audience to https://login.salesforce.com, or to https://test.salesforce.com for a sandbox"],
    },
    Row {
        name: "assertion-clock",
        shows: |refused| {
            let is_off = refused.clock().is_some_and(|ahead| ahead.abs() > CLOCK_TOLERANCE);
            is_off && (ASSERTION.shows)(refused)
        },
        causes: &[("clock", High, "the clocks differ: {clock}"), OTHER_KEY, SUBJECT, AUDIENCE, OTHER_CLIENT],
        ..ASSERTION
    },
    ASSERTION,
    Row {
        name: "refresh-refused",
        code: Code::SessionExpired,
        shows: |refused| {
            let words = ["expired access/refresh token", "token validity expired"];
            refused.mentions(&words) || matches!(refused.request, TokenRequest::Refresh { .. })
        },
        message: "{host} refused to refresh the session",
        why: "The token endpoint said: {said}. The refresh token was kept: the next command tries again.",
        causes: &[
            ("revoked", High, "it was revoked, or another copy of it was refreshed and this one replaced"),
            ("five-approvals", High, "the user approved the app a sixth time: only the last five approvals hold"),
            ("expired", Medium, "the refresh token policy of the app ends it, or it was not used for too long"),
            ("user", Low, "the user was deactivated or frozen"),
        ],
        next: &["{sign_in_again}"],
    },
    Row {
        name: "code-refused",
        code: Code::TokenRefused,
        shows: |refused| matches!(refused.request, TokenRequest::Code { .. }) && refused.is(&["invalid_grant"]),
        message: "{host} issued no token for the sign-in",
        why: "The token endpoint said: {said}. A code can only be used once, so it was not sent again.{kept}",
        causes: &[
            ("code-expired", High, "the code is older than 15 minutes, or was used already"),
            ("code-mistyped", Medium, "the code was cut off or mistyped"),
            ("wrong-client", Low, "the code is of another client or redirect URI"),
        ],
        next: &["{sign_in_again}"],
    },
    Row {
        name: "authentication-failure",
        code: Code::TokenRefused,
        shows: |refused| refused.mentions(&["authentication failure"]),
        message: "{host} rejected the sign-in",
        why: "The token endpoint said: {said}. These causes look the same from outside.{kept}",
        causes: &[
            ("user", High, "the user that the app signs in is inactive, frozen or locked out"),
            ("grant-not-enabled", Medium, "the flow is off for the organization or for the app"),
        ],
        next: &[
            "Ask an administrator to look at the Login History of the user, which has the reason",
            "{sign_in_again}",
        ],
    },
    Row {
        name: "request-invalid",
        code: Code::TokenRefused,
        shows: |refused| refused.is(&["invalid_request", "unsupported_response_type"]),
        message: "{host} rejected the token request as invalid",
        why: "The token endpoint said: {said}.{kept}",
        causes: &[("middlebox", Medium, "a proxy changes the request, or the token URL belongs to another server")],
        next: &["Check the address of the token endpoint", "Test without the proxy"],
    },
    Row {
        name: "token-refused",
        code: Code::TokenRefused,
        shows: |_| true,
        message: "{host} issued no token to the client {client}",
        why: "The token endpoint said: {said}.{kept}",
        causes: &[("app-settings", Medium, "a setting of the app or a policy of the organization does not allow it")],
        next: &[
            "Show the text to an administrator, who finds the reason in the Login History of the user",
            "{sign_in_again}",
        ],
    },
];

const CLIENT_REFUSED: Row = Row {
    name: "client-refused",
    code: Code::TokenRefused,
    shows: |refused| refused.is_client_refused(),
    message: "{host} rejected the secret of the client {client}",
    why: "The token endpoint said: {said}.{kept}",
    causes: &[("wrong-secret", High, "the client secret (Consumer Secret) is wrong or was rotated")],
    next: &["Compare the secret with the Consumer Secret of the app", "{sign_in_again}"],
};

/// A signed assertion that was refused: what to check, in this order.
const ASSERTION: Row = Row {
    name: "assertion-refused",
    code: Code::AssertionRefused,
    shows: |refused| matches!(refused.request, TokenRequest::JwtBearer { .. }) && refused.is(&["invalid_grant"]),
    message: "{host} rejected the signed assertion of the client {client}",
    why: "The token endpoint said: {said}.{kept}",
    causes: &[OTHER_KEY, SUBJECT, AUDIENCE, OTHER_CLIENT],
    next: &["Compare each of these with the app (External Client App Manager or App Manager)"],
};

const OTHER_KEY: CauseRow = ("other-key", High, "the certificate of the app is of another key");
const SUBJECT: CauseRow =
    ("subject", High, "the subject is not exactly the user name, which is not always the mail address");
const AUDIENCE: CauseRow = ("audience", Medium, "the audience is not the login host of the organization");
const OTHER_CLIENT: CauseRow = (WRONG_CLIENT, Medium, "the client id is not the Consumer Key of the app");

/// What may be behind each code, as the table has it.
pub fn causes() -> impl Iterator<Item = CausesOfCode> {
    REFUSALS.iter().map(|row| CausesOfCode::new(row.code, row.causes))
}

/// What the refusal means; the last row fits everything.
pub fn refused(refused: &Refused<'_>) -> Failure {
    let row = REFUSALS.iter().find(|row| (row.shows)(refused)).expect("the last row fits everything");
    let values = refused.values();
    let failure = row.failure(refused.response.redactor, |text| Step::filled(text, &values));
    with_evidence(failure, refused.response)
}

impl Refused<'_> {
    /// Whether the error is one of these.
    fn is(&self, errors: &[&str]) -> bool {
        errors.contains(&self.refusal.error.as_str())
    }

    /// Whether the description holds one of these words.
    fn mentions(&self, words: &[&str]) -> bool {
        words.iter().any(|words| self.refusal.description.contains(words))
    }

    fn is_client_refused(&self) -> bool {
        self.is(&["invalid_client"]) || self.mentions(&["invalid client credentials"])
    }

    /// How far the clock was ahead when the assertion was signed.
    fn clock(&self) -> Option<TimeDelta> {
        let TokenRequest::JwtBearer { signed_at } = self.request else { return None };
        let there = httpdate::parse_http_date(self.response.raw.header("date")?).ok()?;
        Some(*signed_at - DateTime::<Utc>::from(there))
    }

    fn values(&self) -> Vec<(&'static str, Step)> {
        let subject = self.response.subject;
        let clock = self.clock().map(|ahead| {
            let side = if ahead > TimeDelta::zero() { "ahead of" } else { "behind" };
            shown!("this machine is {} s {} Salesforce", ahead.num_seconds().abs(), side)
        });
        vec![
            ("{host}", self.response.instance.host_and_port().into()),
            ("{client}", self.client.client_id.show().into()),
            ("{redirect_uri}", self.client.redirect_uri.show().into()),
            ("{said}", said(self.response).into()),
            ("{clock}", clock.unwrap_or_default().into()),
            ("{kept}", kept(subject).into()),
            ("{login}", login(subject)),
            ("{sign_in_again}", sign_in_again(subject)),
        ]
    }
}
