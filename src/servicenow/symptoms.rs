//! From an answer to its meaning: the one place where symptoms live.
//!
//! [`SYMPTOMS`] is read from the top; the first whose evidence is there
//! decides. To add one, add a row: the code, the evidence, what is said, the
//! causes by likelihood, what to do. Texts may hold `{host}`, `{origin}`, `{user}`,
//! `{table}`, `{title}`, `{target}`, `{again}` (the command that tests again),
//! `{wait}` (as long as Retry-After says), `{enter}` (how to sign in otherwise), `{login}` and `{unjudged}` (a sentence where
//! the answer does not show that the password was taken).

use chrono::DateTime;

use super::seen::{Asked, Body, RedirectTarget, Seen, Sent, Subject};
use crate::error::{Cause, Code, Failure, Likelihood};

use Likelihood::{High, Low, Medium};

/// One way an answer can look, and what it means.
pub struct Symptom {
    pub code: Code,
    /// The evidence that must be there.
    shows: fn(&Seen<'_>) -> bool,
    message: &'static str,
    why: &'static str,
    /// Code, likelihood and text of what may be behind it.
    causes: &'static [(&'static str, Likelihood, &'static str)],
    next: &'static [&'static str],
}

/// The symptoms, most telling first.
pub static SYMPTOMS: &[Symptom] = &[
    Symptom {
        code: Code::InstanceHibernating,
        shows: |seen| {
            let asleep = |title: &str| title.to_lowercase().contains("hibernating");
            let portal = |target: RedirectTarget| target.host == "developer.servicenow.com";
            seen.title().is_some_and(asleep) || seen.redirect_target().is_some_and(portal)
        },
        message: "the instance is asleep",
        why: "Personal instances hibernate after some hours without use. Every address then answers with a page that says so.{unjudged}",
        causes: &[
            ("hibernating", High, "nobody used this personal instance for a while"),
            ("reclaimed", Low, "it was not used for ten days and was taken back"),
        ],
        next: &["Sign in at developer.servicenow.com, wake the instance, and after three to five minutes: {again}"],
    },
    Symptom {
        code: Code::ProxyAuth,
        shows: |seen| seen.status() == 407,
        message: "no way to {host}",
        why: "The proxy wants a user name and password.",
        causes: &[],
        next: &["Put user name and password of the proxy into HTTPS_PROXY"],
    },
    Symptom {
        code: Code::SsoRedirect,
        shows: |seen| {
            let paths = ["login_with_sso", "login_locate_sso", "auth_redirect.do", "/saml", "/sso/"];
            seen.redirect_target().is_some_and(|target| paths.iter().any(|part| target.path.contains(part)))
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
        code: Code::LoginPage,
        shows: |seen| {
            let login = |path: &str| path.contains("login") && path.ends_with(".do");
            if let Some(target) = seen.redirect_target() {
                return login(&target.path);
            }
            let form = || {
                let text = seen.text().to_lowercase();
                ["user_password", "sysparm_type=login", "login.do"].iter().any(|part| text.contains(part))
            };
            let titled = |title: &str| {
                let title = title.to_lowercase();
                ["log in", "login", "sign in", "sign-in"].iter().any(|part| title.contains(part))
            };
            seen.status() == 200 && seen.is_html() && (seen.title().is_some_and(titled) || form())
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
        code: Code::Redirected,
        shows: |seen| (300..400).contains(&seen.status()),
        message: "{host} redirects to another address",
        why: "It points to {target}. A redirect is never followed: it could carry the credential elsewhere.",
        causes: &[
            ("moved", Medium, "the instance has another address"),
            ("proxy", Low, "something between here and the instance answers in its place"),
        ],
        next: &["Use the address that the browser shows after signing in to the instance"],
    },
    Symptom {
        code: Code::BearerRefused,
        shows: |seen| seen.status() == 401 && seen.sent == Sent::AccessToken,
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
        code: Code::MfaRequired,
        shows: |seen| seen.status() == 401 && seen.answer.headers.contains_key("x-mfa_token"),
        message: "{host} wants a second factor for {user}",
        why: "The password is right: only then does ServiceNow answer with X-MFA_TOKEN. A one-time code lives for 30 seconds and cannot be saved.",
        causes: &[("mfa", High, "multi-factor authentication is on for integrations, and the user is enrolled")],
        next: &[
            "Use a user without a second factor that is meant for integrations, or ask an administrator about glide.authenticate.multifactor.for_integrations",
        ],
    },
    Symptom {
        code: Code::BasicNotOffered,
        shows: |seen| {
            let offered = seen.offered_schemes();
            seen.status() == 401
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
            "Ask an administrator to allow Basic in the REST API access policy of the Table API, or for a user that it allows",
        ],
    },
    Symptom {
        code: Code::BasicRefused,
        shows: |seen| seen.status() == 401,
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
        ],
    },
    Symptom {
        code: Code::RateLimited,
        shows: |seen| seen.status() == 429,
        message: "{host} limits the rate of requests",
        why: "It answered 429.{unjudged}",
        causes: &[
            ("rate-limit-rule", Medium, "an administrator's rule allows so many requests an hour"),
            ("node-busy", Medium, "a node of the instance has no free place for API requests"),
        ],
        next: &["Wait {wait}, then: {again}"],
    },
    Symptom {
        code: Code::ScopeRestricted,
        shows: |seen| {
            seen.status() == 403
                && (seen.says("access to unscoped api is not allowed")
                    || seen.says("missing required api access scope"))
        },
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
        code: Code::ApiAcl,
        shows: |seen| seen.status() == 403 && seen.says("failed api level acl validation"),
        message: "signed in as {user}, but the Table API is closed to that user",
        why: "The access rule of the REST endpoint itself refused.",
        causes: &[("missing-role", High, "the user lacks a role such as snc_platform_rest_api_access")],
        next: &["Ask an administrator for the role snc_platform_rest_api_access"],
    },
    Symptom {
        code: Code::QueryForbidden,
        shows: |seen| seen.status() == 403 && seen.says("insufficient rights to query records"),
        message: "signed in as {user}, but a field of the query may not be read",
        why: "The access rules refuse a field that the query uses.",
        causes: &[("field-acl", High, "a field of the query is hidden from this user, or does not exist")],
        next: &["Test with a table that the user works with: --table NAME"],
    },
    Symptom {
        code: Code::AccessDenied,
        shows: |seen| seen.status() == 403 && seen.has_envelope(),
        message: "signed in as {user}, but access was denied",
        why: "The instance answered 403: the sign-in is good, the permission is missing.",
        causes: &[("missing-role", High, "the user lacks a role")],
        next: &["Ask an administrator which role {user} needs, and show the transaction id"],
    },
    Symptom {
        code: Code::ForbiddenPage,
        shows: |seen| seen.status() == 403,
        message: "something in front of {host} forbids the way",
        why: "The answer was 403 without the JSON that an instance gives.{unjudged}",
        causes: &[
            ("ip-restriction", Medium, "the instance allows only certain network addresses"),
            ("middlebox", Medium, "a firewall or proxy between here and the instance refused"),
        ],
        next: &["Ask an administrator whether the address of this machine is allowed"],
    },
    Symptom {
        code: Code::TableMissing,
        shows: |seen| matches!(seen.status(), 400 | 404) && seen.says("invalid table"),
        message: "there is no table {table}",
        why: "The sign-in is good. The instance gives this answer to every user, so it is not a matter of permission.",
        causes: &[
            ("typing-error", High, "the name is misspelt: it is the name, not the label, as in cmdb_ci"),
            ("app-missing", Medium, "the application that brings the table is not installed"),
        ],
        next: &["Check the name of the table, then run the test again"],
    },
    Symptom {
        code: Code::RecordMissing,
        shows: |seen| seen.status() == 404 && (seen.says("no record found") || seen.says("acl restricts the record")),
        message: "the record is absent, or hidden from {user}",
        why: "The instance answers the same in both cases.",
        causes: &[],
        next: &["Ask an administrator whether it exists and who may read it"],
    },
    Symptom {
        code: Code::TransactionCancelled,
        shows: |seen| {
            let broken = matches!(seen.body, Body::CutJson) && seen.text().contains("Transaction cancelled");
            seen.says("transaction cancelled") || broken
        },
        message: "{host} cancelled the request because it took too long",
        why: "The instance stops a transaction at its quota. Part of an answer was not taken for an empty one.",
        causes: &[("slow-query", Medium, "the table is large and the query not indexed, or the instance is busy")],
        next: &["Run the command again; if it stays, show the transaction id to an administrator"],
    },
    Symptom {
        code: Code::GatewayTimeout,
        shows: |seen| seen.status() == 504,
        message: "the gateway of {host} waited in vain for the instance",
        why: "It answered 504.{unjudged}",
        causes: &[("overloaded", Medium, "the instance is overloaded or starting")],
        next: &["Wait a moment, then: {again}"],
    },
    Symptom {
        code: Code::InstanceUnavailable,
        shows: |seen| matches!(seen.status(), 502 | 503),
        message: "{host} is restarting or under maintenance",
        why: "Its front end answers, the instance behind it does not.{unjudged}",
        causes: &[("waking", Medium, "it is waking up or restarting"), ("upgrade", Medium, "it is being upgraded")],
        next: &["Wait a few minutes, then: {again}"],
    },
    Symptom {
        code: Code::InstanceError,
        shows: |seen| seen.status() >= 500,
        message: "{host} had an error of its own",
        why: "The reason stands in the system log of the instance.",
        causes: &[],
        next: &["Show an administrator what was seen"],
    },
    Symptom {
        code: Code::TruncatedAnswer,
        shows: |seen| seen.status() < 300 && matches!(seen.body, Body::CutJson),
        message: "the answer of {host} stopped in the middle",
        why: "It began as JSON and is not complete.",
        causes: &[("cut", Medium, "the instance or something in between ended the answer early")],
        next: &["{again}"],
    },
    Symptom {
        code: Code::UnexpectedAnswer,
        shows: |seen| seen.has_envelope() || (seen.is_servicenow() && !seen.is_html()),
        message: "{host} answered in a way that makes no sense here",
        why: "It is an instance, but this is not an answer of the Table API to a question that was asked properly.",
        causes: &[],
        next: &["Show status, message and transaction id to an administrator"],
    },
    Symptom {
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

/// What the answer means. Call it for an answer that was not what was asked
/// for; it always finds a symptom, the last one fits everything.
pub fn diagnose(seen: &Seen<'_>) -> Failure {
    let symptom = SYMPTOMS.iter().find(|symptom| (symptom.shows)(seen)).expect("the last symptom fits everything");
    // Of an answer that broke off, only the head and a page can be judged.
    if let Some(broken) = &seen.answer.broken
        && !is_told_by_the_head(symptom.code)
    {
        return with_evidence(Failure::from(broken.clone()), seen);
    }
    let fill = |text: &str| fill(text, seen);
    let mut failure = Failure::new(symptom.code, fill(symptom.message)).why(fill(symptom.why));
    failure = failure.causes(symptom.causes.iter().map(|&(code, likelihood, text)| Cause {
        code,
        likelihood,
        text: text.to_owned(),
    }));
    for next in symptom.next {
        failure = failure.next(fill(next));
    }
    with_evidence(failure, seen)
}

fn is_told_by_the_head(code: Code) -> bool {
    matches!(
        code,
        Code::BasicRefused
            | Code::BasicNotOffered
            | Code::BearerRefused
            | Code::MfaRequired
            | Code::ProxyAuth
            | Code::SsoRedirect
            | Code::LoginPage
            | Code::Redirected
            | Code::RateLimited
            | Code::InstanceHibernating
            | Code::InstanceUnavailable
            | Code::GatewayTimeout
    )
}

/// Adds what the answer showed: status, transaction id, the server's time and
/// words. Everything from the wire passes the redactor.
pub fn with_evidence(failure: Failure, seen: &Seen<'_>) -> Failure {
    let header = |name: &str| seen.answer.header(name).map(|text| seen.redactor.server_text(text));
    let (message, detail) = match &seen.body {
        Body::Envelope { message, detail } => (message.as_deref(), detail.as_deref()),
        _ => (None, None),
    };
    let target = seen.redirect_target().map(|target| target.shown);
    let mut failure = failure
        .evidence("http_status", seen.status())
        .evidence("transaction_id", header("x-transaction-id"))
        .evidence("server_time", server_time(seen))
        .evidence("server_message", message.map(|text| seen.redactor.server_text(text)))
        .evidence("server_detail", detail.map(|text| seen.redactor.server_text(text)))
        .evidence("page_title", seen.title().map(|text| seen.redactor.server_text(text)))
        .evidence("redirect_target", target)
        .evidence("www_authenticate", header("www-authenticate"))
        .evidence("is_logged_in", seen.is_logged_in().then_some(true))
        .evidence("server", header("server"));
    if seen.status() == 429 {
        failure = failure
            .evidence("retry_after", header("retry-after"))
            .evidence("rate_limit", header("x-ratelimit-limit"))
            .evidence("rate_limit_reset", header("x-ratelimit-reset"))
            .evidence("rate_limit_rule", header("x-ratelimit-rule"));
    }
    if let Asked::Table(table) = seen.asked {
        failure = failure.evidence("table", table.as_str());
    }
    failure
}

/// The `Date` header as RFC 3339, to find the request in the instance's log.
fn server_time(seen: &Seen<'_>) -> Option<String> {
    let date = seen.answer.header("date")?;
    let time = DateTime::parse_from_rfc2822(date).ok()?;
    Some(time.to_utc().to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
}

fn fill(text: &str, seen: &Seen<'_>) -> String {
    let table = match seen.asked {
        Asked::Table(table) => table.as_str(),
        Asked::Identity | Asked::Knock | Asked::Token | Asked::Revocation => "",
    };
    let title = match seen.title() {
        Some(title) => format!(" \"{}\"", seen.redactor.server_text(title)),
        None => String::new(),
    };
    let title = match text.contains("({title})") {
        true if title.is_empty() => "no title".to_owned(),
        true => title.trim_start().to_owned(),
        false if title.is_empty() => title,
        false => format!(": it is the page{title}"),
    };
    let target = match seen.redirect_target() {
        Some(target) => target.shown,
        None => "no address that can be read".to_owned(),
    };
    // Seconds, or a date (RFC 9110 §10.2.3).
    let wait = match seen.answer.header("retry-after").map(|text| (text.trim(), text.trim().parse::<u32>())) {
        Some((_, Ok(seconds))) => format!("{seconds} s"),
        Some((date, Err(_))) if DateTime::parse_from_rfc2822(date).is_ok() => format!("until {date}"),
        _ => "some seconds".to_owned(),
    };
    let again = match seen.subject {
        Subject::Saved(name) => format!("snow test {name}"),
        Subject::Environment => "snow test".to_owned(),
        Subject::New => "run the command again".to_owned(),
    };
    let login = match seen.subject {
        Subject::Saved(name) => format!("snow login {name}"),
        Subject::Environment | Subject::New => "run the command again".to_owned(),
    };
    let has_token = seen.sent == Sent::AccessToken;
    let enter = match seen.subject {
        Subject::Saved(name) if has_token => format!("Sign in again: snow login {name}"),
        Subject::Saved(name) => format!("If the password changed: snow login {name}"),
        Subject::Environment if has_token => "Give a new token with SNOW_ACCESS_TOKEN".to_owned(),
        Subject::Environment => "Correct SNOW_USERNAME and SNOW_PASSWORD".to_owned(),
        Subject::New if has_token => "Run the command again to sign in anew".to_owned(),
        Subject::New => "Run the command again with the right password".to_owned(),
    };
    let unjudged = match seen.sent {
        Sent::Nothing => "",
        _ if seen.proves_sign_in() => "",
        Sent::Password => " The password was not judged.",
        Sent::AccessToken => " The access token was not judged.",
        Sent::TokenRequest => " Nothing was judged, and what is saved was kept.",
    };
    let (host, user) = (seen.instance.host_and_port(), seen.user.map_or("the user", |user| user.as_str()));
    let values = [
        ("{host}", host.as_str()),
        ("{origin}", seen.instance.origin()),
        ("{user}", user),
        ("{table}", table),
        ("{title}", &title),
        ("{target}", &target),
        ("{again}", &again),
        ("{enter}", &enter),
        ("{login}", &login),
        ("{wait}", &wait),
        ("{unjudged}", unjudged),
    ];
    // In one pass: what a server says is not searched for places to fill.
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        let (place, value) = values.iter().find(|(place, _)| rest.starts_with(place)).expect("texts hold known places");
        filled.push_str(value);
        rest = &rest[place.len()..];
    }
    filled + rest
}

impl Symptom {
    /// The codes that an answer can lead to.
    pub fn codes() -> impl Iterator<Item = Code> {
        SYMPTOMS.iter().map(|symptom| symptom.code)
    }
}
