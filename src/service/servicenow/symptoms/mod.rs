//! From an answer to its meaning: the one place where symptoms live.
//!
//! [`SYMPTOMS`] is read from the top; the first whose evidence is there
//! decides. To add one, add a row: its name, the code, the evidence, what is
//! said, the causes by likelihood, what to do. Several may share a code: one
//! thing to do, seen in different ways.
//!
//! Texts may hold `{host}`, `{origin}`, `{user}`, `{table}`, `{title}`,
//! `{target}` of a redirect, `{said}` (the server's own words), `{again}` (the
//! command that tests again), `{wait_for_it}` (the same, and waits until the
//! instance is up), `{wait}` (as long as Retry-After says), `{enter}` (how to
//! sign in otherwise), `{login}` and `{unjudged}` (a sentence where the answer
//! does not show that the credential was taken).

mod rows;

use chrono::DateTime;

use super::seen::{Asked, Body, Seen, Sent, Subject};
use crate::base::error::{Cause, Code, Failure, Likelihood};

pub use rows::SYMPTOMS;

/// One way an answer can look, and what it means.
pub struct Symptom {
    /// What the answer looks like, in a word for scripts and reports.
    pub name: &'static str,
    pub code: Code,
    /// The evidence that must be there.
    shows: fn(&Seen<'_>) -> bool,
    message: &'static str,
    why: &'static str,
    /// Code, likelihood and text of what may be behind it.
    causes: &'static [(&'static str, Likelihood, &'static str)],
    next: &'static [&'static str],
}

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
    let places = Places::of(seen);
    let fill = |text: &str| places.fill(text);
    let mut failure = Failure::new(symptom.code, fill(symptom.message)).why(fill(symptom.why));
    failure = failure.evidence("symptom", symptom.name);
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
            | Code::Timeout
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

/// What the places in a text are filled with: what came from the server is masked
/// once, however many texts it is in.
struct Places {
    values: Vec<(&'static str, String)>,
    /// The title of a page, in quotes; empty where there is none.
    title: String,
}

impl Places {
    fn of(seen: &Seen<'_>) -> Self {
        let table = match seen.asked {
            Asked::Table(table) => table.as_str(),
            Asked::Identity | Asked::Knock | Asked::Token | Asked::Revocation => "",
        };
        let title = match seen.title() {
            Some(title) => format!("\"{}\"", seen.redactor.server_text(title)),
            None => String::new(),
        };
        let said = match &seen.body {
            Body::Envelope { message, detail } => [message, detail].into_iter().flatten().cloned().collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        let said = seen.redactor.server_text(&said.join(": "));
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
        let wait_for_it = match seen.subject {
            Subject::Saved(_) | Subject::Environment => format!("{again} --wait 10m"),
            Subject::New => "run the command again, with --wait 10m".to_owned(),
        };
        let login = match seen.subject {
            Subject::Saved(name) => format!("snow login {name}"),
            Subject::Environment | Subject::New => "run the command again".to_owned(),
        };
        let has_token = seen.sent.is_access_token();
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
            Sent::AccessToken | Sent::NewAccessToken => " The access token was not judged.",
            Sent::TokenRequest => " Nothing was judged, and what is saved was kept.",
        };
        let (host, user) = (seen.instance.host_and_port(), seen.user.map_or("the user", |user| user.as_str()));
        let values = vec![
            ("{host}", host),
            ("{origin}", seen.instance.origin().to_owned()),
            ("{user}", user.to_owned()),
            ("{table}", table.to_owned()),
            ("{target}", target),
            ("{said}", said),
            ("{again}", again),
            ("{wait_for_it}", wait_for_it),
            ("{enter}", enter),
            ("{login}", login),
            ("{wait}", wait),
            ("{unjudged}", unjudged.to_owned()),
        ];
        Self { values, title }
    }

    fn fill(&self, text: &str) -> String {
        let title = match text.contains("({title})") {
            true if self.title.is_empty() => "no title".to_owned(),
            true => self.title.clone(),
            false if self.title.is_empty() => String::new(),
            false => format!(": it is the page {}", self.title),
        };
        // In one pass: what a server says is not searched for places to fill.
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            filled.push_str(&rest[..at]);
            rest = &rest[at..];
            let values = self.values.iter().map(|(place, value)| (*place, value.as_str()));
            let mut values = values.chain([("{title}", title.as_str())]);
            let (place, value) = values.find(|(place, _)| rest.starts_with(place)).expect("texts hold known places");
            filled.push_str(value);
            rest = &rest[place.len()..];
        }
        filled + rest
    }
}
