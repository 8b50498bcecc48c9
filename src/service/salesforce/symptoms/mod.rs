//! From an answer of Salesforce to its meaning: the one place where its symptoms live.
//!
//! The table is read from the top; the first whose evidence is there decides. Codes that no
//! row knows are shown as they came, with the server's words: there are new ones with every
//! release.
//!
//! Texts may hold `{host}`, `{origin}`, `{user}`, `{table}`, `{title}` of a page, `{status}`,
//! `{target}` of a redirect, `{said}` (the server's code and words), `{again}` (the command
//! that tests again), `{tables}` (the one that lists objects), `{wait_for_it}` (the same, and waits until Salesforce is up), `{wait}`
//! (as long as Retry-After says), `{enter}` (how to sign in otherwise), `{login}`, `{guide}` (to a
//! way without a password), `{set_version}` (how to use another version of the API),
//! `{add_header}`, `{connect_there}` (the command with the origin that a redirect points to),
//! and `{unjudged}`, a sentence where the answer does not show that the credential was taken.

mod rows;

use super::classify::{Body, ClassifiedResponse, RequestKind};
use crate::base::error::{CausesOfCode, Failure};
use crate::base::shown::{Show, Shown, Step, shown};
use crate::model::profile::Subject;
use crate::service::symptom::{
    self, add_header, again, connect_there, enter, login, retry_after, server_time, unchecked, wait, wait_for_it,
};

pub use rows::{PASSWORD_EXPIRED, symptoms};

/// One way an answer can look, and what it means.
pub type Symptom = symptom::Symptom<fn(&ClassifiedResponse<'_>) -> bool>;

/// What may be behind each code, as the table has it.
pub fn causes() -> impl Iterator<Item = CausesOfCode> {
    symptoms().map(|symptom| CausesOfCode::new(symptom.code, symptom.causes))
}

/// What the answer means. Call it for an answer that was not what was asked for; it always
/// finds a symptom, the last one fits everything.
pub fn diagnose(response: &ClassifiedResponse<'_>) -> Failure {
    let symptom = symptoms().find(|symptom| (symptom.shows)(response)).expect("the last symptom fits everything");
    // Of an answer that broke off, only the head and a page can be judged.
    if let Some(broken) = &response.raw.broken
        && !symptom.code.is_told_by_the_head()
    {
        return with_evidence(Failure::from(broken.clone()), response);
    }
    failure_of(symptom, response)
}

/// What a symptom says of an answer.
pub fn failure_of(symptom: &Symptom, response: &ClassifiedResponse<'_>) -> Failure {
    let places = places(response);
    with_evidence(symptom.failure(response.redactor, |text| Step::filled(text, &places)), response)
}

/// Adds what the answer showed. Everything from the wire passes the redactor.
pub fn with_evidence(failure: Failure, response: &ClassifiedResponse<'_>) -> Failure {
    let masked = |text: &str| response.redactor.server_text(text);
    let header = |name: &str| response.raw.header(name).map(masked);
    let (code, text) = response.said().unwrap_or_default();
    let otherwise = response.body.said_otherwise();
    let text = if text.is_empty() { otherwise.as_deref().unwrap_or_default() } else { text };
    let some = |text: &str| (!text.is_empty()).then(|| masked(text));
    let is_oauth = matches!(response.body, Body::OAuth { .. });
    let (error, description) =
        if is_oauth { ("oauth_error", "oauth_error_description") } else { ("error_code", "server_message") };
    let mut failure = failure
        .evidence("http_status", response.status())
        .evidence(error, some(code))
        .evidence(description, some(text))
        .evidence("server_time", server_time(response.raw))
        .evidence("page_title", response.title().map(masked))
        .evidence("redirect_target", response.redirect_target().map(|target| target.shown))
        .evidence("www_authenticate", header("www-authenticate"))
        .evidence("server", header("server"))
        .evidence("request_id", header("x-sfdc-request-id"))
        .evidence("api_usage", header("sforce-limit-info"));
    if response.status() == 429 {
        failure = failure.evidence("retry_after", retry_after(response.raw, response.redactor).map(|(_, shown)| shown));
    }
    if let RequestKind::Table(table) = response.request {
        failure = failure.evidence("table", table);
    }
    failure
}

/// An error of SOQL without the query before it, and the advice that is in all of them.
fn essence(text: &str) -> &str {
    let text = match text.split_once("ERROR at Row:") {
        Some((_, rest)) => rest.split_once(char::is_whitespace).map_or(rest, |(_, message)| message),
        None => text,
    };
    let ends = [" If you are attempting to use a custom ", " Please reference your WSDL"];
    ends.iter().fold(text, |text, end| text.split(end).next().unwrap_or(text))
}

/// Code and text of what the server said, as they may be shown.
pub fn said(response: &ClassifiedResponse<'_>) -> Shown {
    let said = response.said().map(|(code, text)| (code, essence(text)));
    let shown = match said {
        Some((code, text)) if !code.is_empty() && !text.is_empty() => format!("{code}: {text}"),
        Some((code, text)) => format!("{code}{text}"),
        None => response.body.said_otherwise().unwrap_or_default(),
    };
    let shown = shown.trim().trim_end_matches('.');
    if shown.is_empty() { "nothing".into() } else { response.redactor.server_text(shown) }
}

/// What the places in a text are filled with.
fn places(response: &ClassifiedResponse<'_>) -> Vec<(&'static str, Step)> {
    let table = match response.request {
        RequestKind::Table(table) => table.show(),
        _ => "the object".into(),
    };
    let title = response.title().map(|title| shown!(" (page title \"{}\")", response.redactor.server_text(title)));
    let (target, origin) = match response.redirect_target() {
        Some(target) => (target.shown, target.other_origin),
        None => ("an unreadable address".into(), None),
    };
    let origin = origin.map(|origin| response.redactor.server_text(origin.origin())).unwrap_or_default();
    let subject = response.subject;
    vec![
        ("{host}", response.instance.host_and_port().into()),
        ("{origin}", Shown::outside(response.instance.origin()).into()),
        ("{user}", response.user.map_or("the user".into(), Show::show).into()),
        ("{table}", table.into()),
        ("{title}", title.unwrap_or_default().into()),
        ("{status}", response.status().show().into()),
        ("{target}", target.into()),
        ("{said}", said(response).into()),
        ("{again}", again(subject)),
        ("{tables}", Step::run("snow tables")),
        ("{wait_for_it}", wait_for_it(subject)),
        ("{wait}", wait(response.raw, response.redactor).into()),
        ("{enter}", enter(subject, response.credential)),
        ("{login}", login(subject)),
        ("{guide}", Step::run("snow guide client-credentials --spec salesforce-service-cloud")),
        ("{set_version}", set_version(subject)),
        ("{add_header}", add_header(subject)),
        ("{connect_there}", connect_there(subject, origin)),
        ("{unjudged}", unjudged(response).into()),
    ]
}

/// How another version of the API is used.
fn set_version(subject: &Subject) -> Step {
    match subject {
        Subject::Saved(name) => Step::run(shown!("snow edit {} --set api_version=VERSION", name)),
        Subject::Environment(_) | Subject::New => "--api-version VERSION".into(),
    }
}

/// That the answer does not show whether the credential was taken.
fn unjudged(response: &ClassifiedResponse<'_>) -> Shown {
    if response.proves_sign_in() { Shown::default() } else { unchecked(response.subject, response.credential) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::credential::{CredentialKind, TokenAge};
    use crate::base::code::Code;
    use crate::service::salesforce::classify::tests::{PASSWORD, answer, classified, token};

    #[test]
    fn an_error_of_soql_is_told_without_its_query_and_its_advice() {
        let told = "\nSELECT Id FROM Nope LIMIT 1\n               ^\nERROR at Row:1:Column:16\nsObject type 'Nope' \
                    is not supported. If you are attempting to use a custom object, be sure to append the '__c' \
                    after the entity name. Please reference your WSDL or the describe call for the appropriate names.";
        assert_eq!(essence(told), "sObject type 'Nope' is not supported.");
        for other in ["unexpected token: 'x'", ""] {
            assert_eq!(essence(other), other);
        }
    }

    fn error(code: &str, text: &str) -> String {
        serde_json::json!([{"message": text, "errorCode": code}]).to_string()
    }

    fn fault(code: &str, text: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body><e:Fault>\
             <faultcode>{code}</faultcode><faultstring>{code}: {text}</faultstring></e:Fault></e:Body></e:Envelope>"
        )
    }

    #[track_caller]
    fn check(status: u16, body: &str, request: RequestKind<'_>, credential: CredentialKind, code: Code, name: &str) {
        let failure = classified(&answer(status, &[], body), request, credential, diagnose);
        let found = failure.seen("symptom").cloned().unwrap_or_default();
        assert_eq!((failure.code(), found.as_str().unwrap_or_default()), (code, name), "{status} {body}");
    }

    #[test]
    fn every_fault_of_a_sign_in_has_its_code() {
        for (code, text, expected, name) in [
            (
                "INVALID_LOGIN",
                "Invalid username, password, security token; or user locked out.",
                Code::BasicRefused,
                "login-refused",
            ),
            ("PASSWORD_LOCKOUT", "", Code::BasicRefused, "locked-out"),
            (
                "LOGIN_MUST_USE_SECURITY_TOKEN",
                "… Are you at a new location? …",
                Code::SecurityTokenMissing,
                "security-token",
            ),
            (
                "INVALID_OPERATION",
                "SOAP API login() is disabled by default in this org. Contact the org administrator",
                Code::BasicNotOffered,
                "login-disabled",
            ),
            (
                "INVALID_OPERATION",
                "The SOAP Login operation is not available in the API version specified (65.0).",
                Code::BasicNotOffered,
                "login-not-in-version",
            ),
            ("INSUFFICIENT_ACCESS", "insufficient access", Code::AccessDenied, "any-api-auth"),
            (
                "UNSUPPORTED_API_VERSION",
                "Invalid Api version specified on URL",
                Code::UnexpectedAnswer,
                "login-version",
            ),
            (
                "INVALID_SSO_GATEWAY_URL",
                "Invalid Single Sign-On gateway URL",
                Code::BasicNotOffered,
                "delegated-authentication",
            ),
            ("LOGIN_DURING_RESTRICTED_TIME", "", Code::LoginHours, "login-hours"),
            ("LOGIN_DURING_RESTRICTED_DOMAIN", "", Code::AccessDenied, "ip-range"),
            (
                "API_DISABLED_FOR_ORG",
                "API is not enabled for this Organization or Partner",
                Code::ApiDisabled,
                "api-disabled",
            ),
            ("FUNCTIONALITY_NOT_ENABLED", "", Code::ApiDisabled, "api-disabled"),
            ("API_CURRENTLY_DISABLED", "", Code::InstanceUnavailable, "api-paused"),
            ("ORG_LOCKED", "", Code::OrgLocked, "org-locked"),
            ("TRIAL_EXPIRED", "", Code::OrgLocked, "org-locked"),
            ("INVALID_CLIENT", "", Code::AccessDenied, "client-not-allowed"),
            ("UNSUPPORTED_CLIENT", "", Code::AccessDenied, "client-not-allowed"),
            ("CLIENT_NOT_ACCESSIBLE_FOR_USER", "", Code::AccessDenied, "client-not-allowed"),
            ("MUTUAL_AUTHENTICATION_FAILED", "", Code::CertificateRefused, "mutual-authentication"),
            ("LOGIN_CHALLENGE_ISSUED", "", Code::MfaRequired, "login-challenge"),
            ("LOGIN_CHALLENGE_PENDING", "", Code::MfaRequired, "login-challenge"),
            ("SERVER_UNAVAILABLE", "", Code::InstanceUnavailable, "server-unavailable"),
            ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", Code::QuotaExceeded, "quota-exceeded"),
            ("REQUEST_RUNNING_TOO_LONG", "", Code::TransactionCancelled, "too-long"),
            (
                "INVALID_OPERATION_WITH_EXPIRED_PASSWORD",
                "The users password has expired",
                Code::PasswordExpired,
                "password-expired",
            ),
            ("SOMETHING_NEW", "what it is", Code::UnexpectedAnswer, "unknown-error"),
        ] {
            for prefix in ["", "sf:"] {
                let body = fault(&format!("{prefix}{code}"), text);
                check(500, &body, RequestKind::Login, PASSWORD, expected, name);
            }
        }
    }

    #[test]
    fn every_error_of_the_rest_api_has_its_code() {
        let case = "case".parse().unwrap();
        let table = RequestKind::Table(&case);
        let saved = token(TokenAge::Saved);
        let new = token(TokenAge::New);
        for (status, code, text, credential, expected, name) in [
            (401, "INVALID_SESSION_ID", "Session expired or invalid", saved, Code::SessionExpired, "session-expired"),
            (401, "INVALID_SESSION_ID", "Session expired or invalid", new, Code::BearerRefused, "new-session-refused"),
            (
                401,
                "INVALID_SESSION_ID",
                "This session is not valid for use with the REST API",
                saved,
                Code::ScopeRestricted,
                "session-not-for-the-api",
            ),
            (
                401,
                "INVALID_SESSION_ID",
                "Connected app is not attached to Agent",
                saved,
                Code::ScopeRestricted,
                "app-for-agents",
            ),
            (401, "INVALID_AUTH_HEADER", "INVALID_JWT_FORMAT", saved, Code::SessionExpired, "session-expired"),
            (401, "INVALID_AUTH_HEADER", "INVALID_SCOPES", saved, Code::ScopeRestricted, "token-scopes"),
            (401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE", saved, Code::BearerRefused, "header-type"),
            (401, "X", "BlackTab users cannot perform API operations", saved, Code::ApiDisabled, "user-without-api"),
            (401, "X", "y", saved, Code::BearerRefused, "token-refused"),
            (401, "X", "y", PASSWORD, Code::BasicRefused, "login-refused"),
            (
                403,
                "REQUEST_LIMIT_EXCEEDED",
                "TotalRequests Limit exceeded.",
                saved,
                Code::QuotaExceeded,
                "quota-exceeded",
            ),
            (
                403,
                "REQUEST_LIMIT_EXCEEDED",
                "ConcurrentPerOrgLongTxn Limit exceeded.",
                saved,
                Code::RateLimited,
                "concurrent-requests",
            ),
            (
                403,
                "API_DISABLED_FOR_ORG",
                "The REST API is not enabled for this Organization.",
                saved,
                Code::ApiDisabled,
                "api-disabled",
            ),
            (403, "API_CURRENTLY_DISABLED", "", saved, Code::InstanceUnavailable, "api-paused"),
            (403, "INSUFFICIENT_ACCESS", "", saved, Code::AccessDenied, "insufficient-access"),
            (403, "INSUFFICIENT_ACCESS_OR_READONLY", "", saved, Code::AccessDenied, "insufficient-access"),
            (403, "SOMETHING_NEW", "", saved, Code::AccessDenied, "access-denied"),
            (404, "NOT_FOUND", "The requested resource does not exist", saved, Code::TableMissing, "object-not-found"),
            (400, "INVALID_TYPE", "sObject type 'Case' is not supported.", saved, Code::TableHidden, "object-hidden"),
            (400, "INVALID_FIELD", "No such column 'X' on entity 'Y'", saved, Code::FieldHidden, "field-hidden"),
            (
                400,
                "INVALID_FIELD",
                "field 'Description' can not be filtered in a query call",
                saved,
                Code::UnexpectedAnswer,
                "query-invalid",
            ),
            (400, "MALFORMED_QUERY", "unexpected token: 'X'", saved, Code::UnexpectedAnswer, "query-invalid"),
            (
                400,
                "INVALID_TYPE_FOR_OPERATION",
                "entity type X does not support query",
                saved,
                Code::QueryForbidden,
                "query-not-supported",
            ),
            (400, "TXN_SECURITY_METERING_ERROR", "", saved, Code::AccessDenied, "transaction-policy"),
            (
                500,
                "UNKNOWN_EXCEPTION",
                "An unexpected error occurred. Please include this ErrorId",
                saved,
                Code::InstanceError,
                "unknown-exception",
            ),
            (503, "SERVER_UNAVAILABLE", "", saved, Code::InstanceUnavailable, "server-unavailable"),
            (410, "UNSUPPORTED_API_VERSION", "", saved, Code::UnexpectedAnswer, "api-version"),
            (400, "SOMETHING_NEW", "what it is", saved, Code::UnexpectedAnswer, "unknown-error"),
        ] {
            check(status, &error(code, text), table, credential, expected, name);
        }
        check(404, &error("NOT_FOUND", "x"), RequestKind::Api, saved, Code::RecordMissing, "not-found");
        check(404, &error("ENTITY_IS_DELETED", "x"), RequestKind::Api, saved, Code::RecordMissing, "not-found");
        check(403, "Bad_OAuth_Token", RequestKind::Identity, saved, Code::SessionExpired, "session-expired");
        check(403, "Missing_OAuth_Token", RequestKind::Identity, saved, Code::BearerRefused, "token-removed");
    }

    #[test]
    fn what_is_no_error_of_the_api_is_told_by_status_and_page() {
        let saved = token(TokenAge::Saved);
        for (status, body, code, name) in [
            (503, "<html><title>Maintenance</title>", Code::InstanceUnavailable, "maintenance"),
            (502, "", Code::InstanceUnavailable, "maintenance"),
            (504, "", Code::GatewayTimeout, "gateway-timeout"),
            (406, "", Code::InstanceUnavailable, "setting-up"),
            (420, "", Code::InstanceUnavailable, "no-route"),
            (
                200,
                "<html>We are setting things up. This process can take a few minutes",
                Code::InstanceUnavailable,
                "setting-up",
            ),
            (401, "<html>", Code::GatewayRefused, "gateway-refused"),
            (403, "<html>", Code::ForbiddenPage, "forbidden-page"),
            (403, r#"{"message":"no"}"#, Code::ForbiddenPage, "forbidden-page"),
            (407, "", Code::ProxyAuth, "proxy-auth"),
            (429, "", Code::RateLimited, "rate-limited"),
            (431, "", Code::RequestTooLarge, "header-too-large"),
            (500, "", Code::InstanceError, "server-error"),
            (200, r#"{"records":[{"#, Code::TruncatedAnswer, "cut-off"),
            (200, "<html><title>Hello</title>", Code::NotSalesforce, "not-salesforce"),
            (404, "<html>", Code::NotSalesforce, "not-salesforce"),
            (200, "pong", Code::NotSalesforce, "not-salesforce"),
        ] {
            check(status, body, RequestKind::Preflight, saved, code, name);
        }
        let page = answer(200, &[("server", "sfdcedge")], "<html><title>Login | Salesforce</title>");
        let failure = classified(&page, RequestKind::Api, saved, diagnose);
        assert_eq!(failure.code(), Code::LoginPage);
    }

    #[test]
    fn a_redirect_says_where_to_and_is_not_followed() {
        let to = |target: &str| {
            let answer = answer(301, &[("location", target)], "");
            classified(&answer, RequestKind::Preflight, CredentialKind::Nothing, diagnose)
        };
        let moved = to("https://acme2.my.salesforce.com/services/data?x=CANARY");
        assert_eq!(moved.code(), Code::Redirected);
        assert!(moved.steps().iter().any(|step| step.to_string().contains("https://acme2.my.salesforce.com")));
        assert!(!format!("{moved:?}").contains("CANARY"));
        assert_eq!(to("https://idp.example/sso?SAMLRequest=x").code(), Code::SsoRedirect);
        assert_eq!(to("https://evil.example/").code(), Code::Redirected);
    }

    #[test]
    fn a_code_that_is_new_is_shown_with_the_words_of_the_server() {
        let body = error("BRAND_NEW", "so much");
        let failure = classified(&answer(400, &[], &body), RequestKind::Api, token(TokenAge::Saved), diagnose);
        assert!(failure.reason().unwrap().contains("BRAND_NEW: so much"), "{failure:?}");
        assert_eq!(failure.seen("error_code").unwrap(), "BRAND_NEW");
    }

    #[test]
    fn every_text_can_be_filled() {
        let answer = answer(400, &[], "");
        classified(&answer, RequestKind::Api, PASSWORD, |response| {
            let places = places(response);
            for symptom in symptoms() {
                symptom.failure(response.redactor, |text| Step::filled(text, &places));
            }
        });
    }
}
