//! The table of symptoms. How it is read stands in the module above.

use Likelihood::{High, Low, Medium};

use super::Symptom;
use crate::base::code::Code;
use crate::base::error::Likelihood;
use crate::service::servicenow::classify::{Body, ClassifiedResponse, CredentialKind};

/// The symptoms, most telling first.
pub static SYMPTOMS: &[Symptom] = &[
    Symptom {
        name: "hibernating-page",
        code: Code::InstanceHibernating,
        shows: |response| response.title().is_some_and(|title| title.to_lowercase().contains("hibernating")),
        message: "the instance is asleep",
        why: "Personal instances hibernate after some hours without use. Every address then answers with a page that says so.{unjudged}",
        causes: &[
            ("hibernating", High, "nobody used this personal instance for a while"),
            ("reclaimed", Low, "it was not used for ten days and was taken back"),
        ],
        next: &[
            "Sign in at developer.servicenow.com and wake the instance, which takes three to five minutes: {wait_for_it}",
        ],
    },
    Symptom {
        name: "redirect-to-portal",
        code: Code::InstanceHibernating,
        shows: |response| response.redirect_target().is_some_and(|target| target.host == "developer.servicenow.com"),
        message: "the instance is asleep, or was taken back",
        why: "It sends every request to the developer site, as personal instances do that are not running.{unjudged}",
        causes: &[
            ("hibernating", High, "nobody used this personal instance for a while"),
            ("reclaimed", Medium, "it was not used for ten days and was taken back"),
        ],
        next: &[
            "Sign in at developer.servicenow.com and wake the instance, which takes three to five minutes: {wait_for_it}",
        ],
    },
    Symptom {
        name: "proxy-auth",
        code: Code::ProxyAuth,
        shows: |response| response.status() == 407,
        message: "no way to {host}",
        why: "The proxy wants a user name and password.",
        causes: &[],
        next: &["Put user name and password of the proxy into HTTPS_PROXY"],
    },
    Symptom {
        name: "sso-redirect",
        code: Code::SsoRedirect,
        shows: |response| {
            let paths = ["login_with_sso", "login_locate_sso", "auth_redirect.do", "/saml", "/sso/"];
            response.redirect_target().is_some_and(|target| paths.iter().any(|part| target.path.contains(part)))
        },
        message: "{host} sends the request to a single sign-on page",
        why: "It redirected to {target} instead of answering. The redirect was not followed.{unjudged}",
        causes: &[
            ("custom-url", Medium, "the address is a custom URL whose sign-in is handed to an identity provider"),
            ("forced-sso", Medium, "the instance sends everything through single sign-on"),
        ],
        next: &["Use the original address of the instance, NAME.service-now.com"],
    },
    Symptom {
        name: "redirect-to-login",
        code: Code::LoginPage,
        shows: |response| {
            let login = |path: &str| path.contains("login") && path.ends_with(".do");
            response.redirect_target().is_some_and(|target| login(&target.path))
        },
        message: "{host} shows a login page instead of answering",
        why: "It redirected to {target}. The Table API answers by itself, and sends nobody to a page.{unjudged}",
        causes: &[
            ("not-the-api", Medium, "the address is a portal or a proxy in front of the instance"),
            ("sso", Medium, "single sign-on stands in front of the API"),
        ],
        next: &["Use the original address of the instance, NAME.service-now.com"],
    },
    Symptom {
        name: "login-page",
        code: Code::LoginPage,
        shows: |response| {
            let form = || {
                let text = response.text().to_lowercase();
                ["user_password", "sysparm_type=login", "login.do"].iter().any(|part| text.contains(part))
            };
            let titled = |title: &str| {
                let title = title.to_lowercase();
                ["log in", "login", "sign in", "sign-in"].iter().any(|part| title.contains(part))
            };
            response.status() == 200 && response.is_html() && (response.title().is_some_and(titled) || form())
        },
        message: "{host} shows a login page instead of answering",
        why: "The Table API answers in JSON; this was a page for people ({title}).{unjudged}",
        causes: &[
            ("not-the-api", Medium, "the address is a portal or a proxy in front of the instance"),
            ("sso", Medium, "single sign-on stands in front of the API"),
        ],
        next: &["Use the original address of the instance, NAME.service-now.com"],
    },
    Symptom {
        name: "redirected",
        code: Code::Redirected,
        shows: |response| (300..400).contains(&response.status()),
        message: "{host} redirects to another address",
        why: "It points to {target}. A redirect is never followed: it could carry the credential elsewhere.",
        causes: &[
            ("moved", Medium, "the instance has another address"),
            ("proxy", Low, "something between here and the instance answers in its place"),
        ],
        next: &["Use the address that the browser shows after signing in to the instance"],
    },
    Symptom {
        name: "cookie-session",
        code: Code::BasicRefused,
        shows: |response| is_cookie_session(response) && response.credential == CredentialKind::Password,
        message: "{host} looked at a session cookie instead of the password",
        why: "It answered 401 and says both that somebody is signed in (X-Is-Logged-In) and that the session lacks its token (X-UserToken-Response). This program sends no cookie, so something in between adds one.",
        causes: &[(
            "cookie-added",
            High,
            "a proxy between here and the instance keeps cookies and adds them to requests",
        )],
        next: &["Test without the proxy, or ask whoever runs it not to add cookies", "{enter}"],
    },
    Symptom {
        name: "cookie-session-with-token",
        code: Code::BearerRefused,
        shows: |response| is_cookie_session(response) && response.credential.is_access_token(),
        message: "{host} looked at a session cookie instead of the access token",
        why: "It answered 401 and says both that somebody is signed in (X-Is-Logged-In) and that the session lacks its token (X-UserToken-Response). This program sends no cookie, so something in between adds one.",
        causes: &[(
            "cookie-added",
            High,
            "a proxy between here and the instance keeps cookies and adds them to requests",
        )],
        next: &["Test without the proxy, or ask whoever runs it not to add cookies", "{enter}"],
    },
    Symptom {
        name: "new-token-refused",
        code: Code::BearerRefused,
        shows: |response| response.status() == 401 && response.credential == CredentialKind::NewAccessToken,
        message: "{host} refused an access token that it gave a moment ago",
        why: "The token endpoint gave a new token, and the Table API answered 401 to it. The age of the token is not the cause.",
        causes: &[
            ("access-policy", High, "a REST API access policy refuses this client, user or address"),
            ("user", Medium, "the user is locked or inactive"),
            ("other-instance", Medium, "the token endpoint belongs to another instance than the API"),
        ],
        next: &["Show an administrator the time and the transaction id", "{enter}"],
    },
    Symptom {
        name: "bearer-refused",
        code: Code::BearerRefused,
        shows: |response| response.status() == 401 && response.credential.is_access_token(),
        message: "{host} refused the access token",
        why: "The answer was 401, although by its time the token is good.",
        causes: &[
            ("revoked", High, "the token was revoked, here or on another machine with the same user and client"),
            ("access-policy", Medium, "a REST API access policy refuses this client, user or address"),
            ("user", Medium, "the user is locked or inactive, or the client's entry was switched off"),
        ],
        next: &["{enter}", "If it stays, show an administrator the time and the transaction id"],
    },
    Symptom {
        name: "mfa-required",
        code: Code::MfaRequired,
        shows: |response| response.status() == 401 && response.raw.headers.contains_key("x-mfa_token"),
        message: "{host} wants a second factor for {user}",
        why: "The password is right: only then does ServiceNow answer with X-MFA_TOKEN. A one-time code lives for 30 seconds and cannot be saved.",
        causes: &[("mfa", High, "multi-factor authentication is on for integrations, and the user is enrolled")],
        next: &[
            "Sign in by OAuth, where the browser asks for the second factor: {guide_oauth}",
            "Use a user without a second factor that is meant for integrations, or ask an administrator about glide.authenticate.multifactor.for_integrations",
        ],
    },
    Symptom {
        name: "basic-not-offered",
        code: Code::BasicNotOffered,
        shows: |response| {
            let offered = response.offered_schemes();
            response.status() == 401
                && offered.iter().any(|scheme| scheme == "bearer")
                && !offered.iter().any(|scheme| scheme == "basic")
        },
        message: "{host} does not take a password for this API",
        why: "It refused with 401 and offers only BEARER, so a REST API access policy most likely excludes Basic. Whether the password is right cannot be told.",
        causes: &[
            ("access-policy", High, "a REST API access policy allows only OAuth here"),
            ("wrong-password", Low, "the password is wrong as well"),
        ],
        next: &[
            "Sign in by OAuth, which it offers: {guide_oauth}",
            "Ask an administrator to allow Basic in the REST API access policy of the Table API, or for a user that it allows",
        ],
    },
    Symptom {
        name: "basic-refused",
        code: Code::BasicRefused,
        shows: |response| response.status() == 401,
        message: "{host} refused {user}",
        why: "The answer was 401 without further evidence. From outside, these causes look the same.",
        causes: &[
            ("wrong-password", High, "user name or password is wrong, or a space came with it"),
            (
                "basic-restricted",
                High,
                "the instance restricts Basic to some users, as personal and new instances do since 2026",
            ),
            ("locked", Medium, "the user is locked out, inactive, or must set a new password"),
            ("sso-only", Medium, "the user signs in by single sign-on and has no password here"),
            ("access-policy", Low, "a REST API access policy refuses this user or address"),
        ],
        next: &[
            "Sign in to {origin} in a browser with the same user and password; if that works, ask an administrator about the role snc_basic_auth_api_access",
            "{enter}",
            "Sign in by OAuth, which that restriction leaves alone: {guide_oauth}",
        ],
    },
    Symptom {
        name: "rate-limit-rule",
        code: Code::RateLimited,
        shows: |response| {
            let has = |name: &str| response.raw.headers.contains_key(name);
            let by_a_rule = has("x-ratelimit-rule") || has("x-ratelimit-limit") || has("x-ratelimit-reset");
            response.status() == 429 && (by_a_rule || response.says("rate limit"))
        },
        message: "{host} limits the rate of requests",
        why: "It answered 429, with the rule that was broken: an administrator allows so many requests an hour.{unjudged}",
        causes: &[("rate-limit-rule", High, "an administrator's rule allows so many requests an hour")],
        next: &["Wait {wait}, then: {again}", "Ask an administrator about the rule that the report names"],
    },
    Symptom {
        name: "node-busy",
        code: Code::RateLimited,
        shows: |response| response.status() == 429,
        message: "{host} has no room for another request",
        why: "It answered 429 and names no rule. That a node is full is likely; it cannot be told from a rule whose headers were taken away.{unjudged}",
        causes: &[
            ("node-busy", Medium, "a node of the instance has no free place for API requests"),
            ("rate-limit-rule", Low, "an administrator's rule allows so many requests an hour"),
        ],
        next: &["Wait {wait}, send fewer requests at a time, then: {again}"],
    },
    Symptom {
        name: "queued",
        code: Code::UnexpectedAnswer,
        shows: |response| response.status() == 202,
        message: "{host} put the question aside instead of answering it",
        why: "It answered 202, as instances do where one session has too many requests at a time.",
        causes: &[("shared-session", Medium, "other programs, or a proxy that adds cookies, use the same session")],
        next: &["Send fewer requests at a time, then: {again}"],
    },
    Symptom {
        name: "unscoped-api",
        code: Code::ScopeRestricted,
        shows: |response| response.status() == 403 && response.says("access to unscoped api is not allowed"),
        message: "signed in, but this API is outside the allowed scope",
        why: "The instance limits what this sign-in may call.",
        causes: &[
            (
                "auth-scope",
                High,
                "the client's entry is limited to scoped APIs, or its auth scope leaves the Table API out",
            ),
            ("empty-scope", Medium, "the token was asked for without a scope"),
        ],
        next: &[
            "Ask an administrator to set the client's Scope Restriction to \"Broadly scoped\", or to give it the useraccount scope",
            "Then a new token is needed: {login}",
        ],
    },
    Symptom {
        name: "scope-missing",
        code: Code::ScopeRestricted,
        shows: |response| response.status() == 403 && response.says("missing required api access scope"),
        message: "signed in, but the token lacks a scope that this API wants",
        why: "The instance said: {said}.",
        causes: &[("auth-scope", High, "the REST API auth scopes of the client leave this API out")],
        next: &[
            "Ask an administrator to give the client the scope that the instance names",
            "Then a new token is needed: {login}",
        ],
    },
    Symptom {
        name: "api-acl",
        code: Code::ApiAcl,
        shows: |response| response.status() == 403 && response.says("failed api level acl validation"),
        message: "signed in as {user}, but the Table API is closed to that user",
        why: "The access rule of the REST endpoint itself refused.",
        causes: &[("missing-role", High, "the user lacks a role such as snc_platform_rest_api_access")],
        next: &["Ask an administrator for the role snc_platform_rest_api_access"],
    },
    Symptom {
        name: "query-forbidden",
        code: Code::QueryForbidden,
        shows: |response| response.status() == 403 && response.says("insufficient rights to query records"),
        message: "signed in as {user}, but a field of the query may not be read",
        why: "The access rules refuse a field that the query uses.",
        causes: &[("field-acl", High, "a field of the query is hidden from this user, or does not exist")],
        next: &["Test with a table that the user works with: --table NAME"],
    },
    Symptom {
        name: "business-rule",
        code: Code::AccessDenied,
        shows: |response| response.status() == 403 && response.says("aborted by business rule"),
        message: "signed in as {user}, but a business rule stopped the request",
        why: "The connection is good. The instance said: {said}.",
        causes: &[("business-rule", High, "the rule that the instance names does not let this through")],
        next: &["Ask an administrator about the rule, and show the transaction id"],
    },
    Symptom {
        name: "acl-exception",
        code: Code::AccessDenied,
        shows: |response| response.status() == 403 && response.says("acl exception"),
        message: "signed in as {user}, but an access rule of the table refused",
        why: "The connection is good. The instance said: {said}.",
        causes: &[("missing-role", High, "the user lacks the role that this operation on the table needs")],
        next: &["Ask an administrator which role {user} needs, and show the transaction id"],
    },
    Symptom {
        name: "access-denied",
        code: Code::AccessDenied,
        shows: |response| response.status() == 403 && response.has_envelope(),
        message: "signed in as {user}, but access was denied",
        why: "The instance answered 403: the sign-in is good, the permission is missing.",
        causes: &[("missing-role", High, "the user lacks a role")],
        next: &["Ask an administrator which role {user} needs, and show the transaction id"],
    },
    Symptom {
        name: "forbidden-page",
        code: Code::ForbiddenPage,
        shows: |response| response.status() == 403,
        message: "something in front of {host} forbids the way",
        why: "The answer was 403 without the JSON that an instance gives.{unjudged}",
        causes: &[
            ("ip-restriction", Medium, "the instance allows only certain network addresses"),
            ("middlebox", Medium, "a firewall or proxy between here and the instance refused"),
        ],
        next: &["Ask an administrator whether the address of this machine is allowed"],
    },
    Symptom {
        name: "table-missing",
        code: Code::TableMissing,
        shows: |response| matches!(response.status(), 400 | 404) && response.says("invalid table"),
        message: "there is no table {table}",
        why: "The sign-in is good. The instance gives this answer to every user, so it is not a matter of permission.",
        causes: &[
            ("typing-error", High, "the name is misspelt: it is the name, not the label, as in cmdb_ci"),
            ("app-missing", Medium, "the application that brings the table is not installed"),
        ],
        next: &["Check the name of the table, then run the test again"],
    },
    Symptom {
        name: "record-missing",
        code: Code::RecordMissing,
        shows: |response| {
            response.status() == 404 && (response.says("no record found") || response.says("acl restricts the record"))
        },
        message: "the record is absent, or hidden from {user}",
        why: "The instance answers the same in both cases.",
        causes: &[],
        next: &["Ask an administrator whether it exists and who may read it"],
    },
    Symptom {
        name: "no-such-resource",
        code: Code::UnexpectedAnswer,
        shows: |response| matches!(response.status(), 400 | 404) && response.says("does not represent any resource"),
        message: "{host} does not know this part of its API",
        why: "It said: {said}. The sign-in is not the trouble.",
        causes: &[
            ("old-release", Medium, "the release of the instance is older than this API or its version"),
            ("other-path", Low, "something in between changes the path of requests"),
        ],
        next: &["Leave --api-version out where one is set; otherwise show the transaction id to an administrator"],
    },
    Symptom {
        name: "requires-tls",
        code: Code::TlsFailure,
        shows: |response| response.status() == 400 && response.text().to_lowercase().contains("requires tls"),
        message: "{host} wants https, and was asked by http",
        why: "What listens there speaks TLS alone. The request went out unprotected, and was not judged.",
        causes: &[("http-address", High, "the address of the connection begins with http://")],
        next: &["Give the address with https://"],
    },
    Symptom {
        name: "payload-too-large",
        code: Code::UnexpectedAnswer,
        shows: |response| {
            response.status() == 413 || (response.status() == 400 && response.says("rejected large rest payload"))
        },
        message: "{host} does not take a request of this size",
        why: "An instance takes 10 MB at most. What snow sends in a test is far smaller, so something in between has a limit of its own.",
        causes: &[("middlebox", Medium, "a proxy or gateway limits the size of requests")],
        next: &["Show status, message and transaction id to whoever runs the proxy or the instance"],
    },
    Symptom {
        name: "address-too-long",
        code: Code::UnexpectedAnswer,
        shows: |response| response.status() == 414,
        message: "{host} does not take an address of this length",
        why: "It answered 414. An instance takes about 8,000 characters; what a test asks for is far shorter.",
        causes: &[("middlebox", Medium, "a proxy or gateway allows less than the instance")],
        next: &["Show what was seen to whoever runs the proxy or the instance"],
    },
    Symptom {
        name: "request-refused",
        code: Code::UnexpectedAnswer,
        shows: |response| matches!(response.status(), 405 | 406 | 415) && response.is_servicenow(),
        message: "{host} does not take the request in this form",
        why: "Method, Accept or Content-Type is not what its API wants. That is a defect of snow, or of something in between that changes requests.",
        causes: &[("changed-request", Medium, "a proxy changes the method or the headers of requests")],
        next: &["Test without a proxy; if it stays, report it with the message and the release of the instance"],
    },
    Symptom {
        name: "header-refused",
        code: Code::UnexpectedAnswer,
        shows: |response| {
            let front_end = response.raw.header("server").is_some_and(|server| server.eq_ignore_ascii_case("snow_adc"));
            response.status() == 400 && front_end && !response.has_envelope()
        },
        message: "the front end of {host} refused a header of the request",
        why: "It answered 400 by itself, as it does where a header is invalid or stands twice. The instance behind it was not asked.{unjudged}",
        causes: &[("doubled-header", Medium, "a proxy adds a second Authorization header, or spoils one")],
        next: &["Test without a proxy; if it stays, report it as a defect of snow"],
    },
    Symptom {
        name: "client-closed",
        code: Code::Timeout,
        shows: |response| response.status() == 499,
        message: "{host} stopped, because it took the request for given up",
        why: "It answered 499: something in between closed the connection before the instance was done.{unjudged}",
        causes: &[("middlebox", Medium, "a gateway waits for a shorter time than the instance needs")],
        next: &["Run the command again with a longer --timeout; if it stays, ask whoever runs the gateway"],
    },
    Symptom {
        name: "cancelled-late",
        code: Code::TransactionCancelled,
        shows: |response| {
            let broken = matches!(response.body, Body::CutJson) && response.text().contains("Transaction cancelled");
            response.status() < 300 && (broken || response.says("transaction cancelled"))
        },
        message: "{host} cancelled the request in the middle of its answer",
        why: "The status still promised success, and the instance said at the end that the transaction had reached its quota. Part of an answer was not taken for a whole one.",
        causes: &[("slow-query", Medium, "the table is large and the query not indexed, or the instance is busy")],
        next: &["Run the command again; if it stays, show the transaction id to an administrator"],
    },
    Symptom {
        name: "transaction-cancelled",
        code: Code::TransactionCancelled,
        shows: |response| response.says("transaction cancelled"),
        message: "{host} cancelled the request because it took too long",
        why: "The instance stops a transaction at its quota.",
        causes: &[("slow-query", Medium, "the table is large and the query not indexed, or the instance is busy")],
        next: &["Run the command again; if it stays, show the transaction id to an administrator"],
    },
    Symptom {
        name: "gateway-timeout",
        code: Code::GatewayTimeout,
        shows: |response| response.status() == 504,
        message: "the gateway of {host} waited in vain for the instance",
        why: "It answered 504.{unjudged}",
        causes: &[("overloaded", Medium, "the instance is overloaded or starting")],
        next: &["Wait a moment, then: {again}"],
    },
    Symptom {
        name: "front-end-alone",
        code: Code::InstanceUnavailable,
        shows: |response| matches!(response.status(), 502 | 503) && !response.has_envelope(),
        message: "{host} is restarting or under maintenance",
        why: "Its front end answers, the instance behind it does not.{unjudged}",
        causes: &[("waking", Medium, "it is waking up or restarting"), ("upgrade", Medium, "it is being upgraded")],
        next: &["Wait a few minutes, or let it be waited for: {wait_for_it}"],
    },
    Symptom {
        name: "maintenance",
        code: Code::InstanceUnavailable,
        shows: |response| matches!(response.status(), 502 | 503),
        message: "{host} is under maintenance",
        why: "The instance itself says that it cannot serve now: {said}.",
        causes: &[("upgrade", High, "it is being upgraded or maintained")],
        next: &["Wait until that is over, or let it be waited for: {wait_for_it}"],
    },
    Symptom {
        name: "instance-error",
        code: Code::InstanceError,
        shows: |response| response.status() >= 500,
        message: "{host} had an error of its own",
        why: "The reason stands in the system log of the instance.",
        causes: &[],
        next: &["Show an administrator what was seen"],
    },
    Symptom {
        name: "truncated-answer",
        code: Code::TruncatedAnswer,
        shows: |response| response.status() < 300 && matches!(response.body, Body::CutJson),
        message: "the answer of {host} stopped in the middle",
        why: "It began as JSON and is not complete.",
        causes: &[("cut", Medium, "the instance or something in between ended the answer early")],
        next: &["{again}"],
    },
    Symptom {
        name: "late-error",
        code: Code::UnexpectedAnswer,
        shows: |response| response.status() < 300 && response.has_envelope(),
        message: "{host} promised success and then reported an error",
        why: "The status was good, and the answer ends with an error: {said}. What came before it was not taken for whole.",
        causes: &[("late-failure", High, "the instance failed after it had begun to answer")],
        next: &["Run the command again; if it stays, show the transaction id to an administrator"],
    },
    Symptom {
        name: "unexpected-answer",
        code: Code::UnexpectedAnswer,
        shows: |response| response.has_envelope() || (response.is_servicenow() && !response.is_html()),
        message: "{host} answered in a way that makes no sense here",
        why: "It is an instance, but this is not an answer of the Table API to a question that was asked properly.",
        causes: &[],
        next: &["Show status, message and transaction id to an administrator"],
    },
    Symptom {
        name: "other-json",
        code: Code::NotServiceNow,
        shows: |response| matches!(response.body, Body::OtherJson),
        message: "what answers at {host} is another API",
        why: "It speaks JSON, and has neither the result nor the error of the Table API.{unjudged}",
        causes: &[
            ("wrong-address", High, "the address is that of another service"),
            ("middlebox", Low, "a gateway answers in place of the instance"),
        ],
        next: &["Check the address: it is the one in the browser after signing in to the instance"],
    },
    Symptom {
        name: "not-servicenow",
        code: Code::NotServiceNow,
        shows: |_| true,
        message: "what answers at {host} is not a ServiceNow API",
        why: "The answer has nothing of the Table API{title}.{unjudged}",
        causes: &[
            ("wrong-address", High, "the address is not that of an instance"),
            ("middlebox", Medium, "a proxy or captive portal answers in its place"),
        ],
        next: &["Check the address: it is the one in the browser after signing in to the instance"],
    },
];

/// 401, though somebody is signed in: by a cookie whose session lacks its
/// token against forged requests.
fn is_cookie_session(response: &ClassifiedResponse<'_>) -> bool {
    response.status() == 401 && response.is_logged_in() && response.raw.headers.contains_key("x-usertoken-response")
}
