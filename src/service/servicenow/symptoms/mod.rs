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
//! sign in otherwise), `{login}`, `{guide_oauth}` and `{unjudged}` (a sentence where the answer
//! does not show that the credential was taken).

mod rows;

use super::seen::{Asked, Body, Seen, Sent, Subject};
use crate::base::error::{Cause, Code, Failure, Likelihood};
use crate::base::shown::{Show, Shown, Step, shown};
use crate::http::retry_after::http_date;

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
    let mut failure = Failure::new(symptom.code, places.fill(symptom.message).text());
    failure = failure.why(places.fill(symptom.why).text());
    failure = failure.evidence("symptom", symptom.name);
    failure = failure.causes(symptom.causes.iter().map(|&(code, likelihood, text)| Cause {
        code,
        likelihood,
        text: text.into(),
    }));
    for next in symptom.next {
        failure = failure.next(places.fill(next));
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
        failure = failure.evidence("table", table);
    }
    failure
}

/// The `Date` header as RFC 3339, to find the request in the instance's log.
fn server_time(seen: &Seen<'_>) -> Option<Shown> {
    let date = seen.answer.header("date")?;
    Some(Shown::outside(http_date(date)?.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)))
}

/// What the places in a text are filled with: what came from the server is masked
/// once, however many texts it is in.
struct Places {
    values: Vec<(&'static str, Step)>,
    /// The title of a page, in quotes; empty where there is none.
    title: Shown,
}

impl Places {
    fn of(seen: &Seen<'_>) -> Self {
        let table = match seen.asked {
            Asked::Table(table) => table.show(),
            Asked::Identity | Asked::Preflight | Asked::Token | Asked::Revocation => Shown::default(),
        };
        let title = seen.title().map(|title| shown!("\"{}\"", seen.redactor.server_text(title))).unwrap_or_default();
        let said = match &seen.body {
            Body::Envelope { message, detail } => [message, detail].into_iter().flatten().cloned().collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        let said = seen.redactor.server_text(&said.join(": "));
        let target = match seen.redirect_target() {
            Some(target) => target.shown,
            None => "no address that can be read".into(),
        };
        let login = match seen.subject {
            Subject::Saved(name) => Step::run(shown!("snow login {}", name)),
            Subject::Environment | Subject::New => "run the command again".into(),
        };
        let user = seen.user.map_or("the user".into(), Show::show);
        let values = vec![
            ("{host}", seen.instance.host_and_port().into()),
            ("{origin}", Shown::outside(seen.instance.origin()).into()),
            ("{user}", user.into()),
            ("{table}", table.into()),
            ("{target}", target.into()),
            ("{said}", said.into()),
            ("{again}", again(seen.subject)),
            ("{wait_for_it}", wait_for_it(seen.subject)),
            ("{enter}", enter(seen)),
            ("{login}", login),
            ("{guide_oauth}", Step::run("snow guide oauth")),
            ("{wait}", wait(seen).into()),
            ("{unjudged}", unjudged(seen).into()),
        ];
        Self { values, title }
    }

    fn fill(&self, text: &'static str) -> Step {
        let title = match text.contains("({title})") {
            true if self.title.is_empty() => "no title".into(),
            true => self.title.clone(),
            false if self.title.is_empty() => Shown::default(),
            false => shown!(": it is the page {}", self.title),
        };
        let title = Step::say(title);
        // In one pass: what a server says is not searched for places to fill.
        let mut filled = Step::say("");
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            filled = filled.and_say(&rest[..at]);
            rest = &rest[at..];
            let values = self.values.iter().map(|(place, value)| (*place, value));
            let mut values = values.chain([("{title}", &title)]);
            let (place, value) = values.find(|(place, _)| rest.starts_with(place)).expect("texts hold known places");
            filled = filled.and(value.clone());
            rest = &rest[place.len()..];
        }
        filled.and_say(rest)
    }
}

/// What tests once more.
fn again(subject: &Subject) -> Step {
    match subject {
        Subject::Saved(name) => Step::run(shown!("snow test {}", name)),
        Subject::Environment => Step::run("snow test"),
        Subject::New => "run the command again".into(),
    }
}

fn wait_for_it(subject: &Subject) -> Step {
    match subject {
        Subject::Saved(name) => Step::run(shown!("snow test {} --wait 10m", name)),
        Subject::Environment => Step::run("snow test --wait 10m"),
        Subject::New => "run the command again, with --wait 10m".into(),
    }
}

/// How to sign in otherwise.
fn enter(seen: &Seen<'_>) -> Step {
    let has_token = seen.sent.is_access_token();
    match seen.subject {
        Subject::Saved(name) => {
            let why = if has_token { "Sign in again: " } else { "If the password changed: " };
            Step::say(why).and_run(shown!("snow login {}", name))
        }
        Subject::Environment if has_token => "Give a new token with SNOW_ACCESS_TOKEN".into(),
        Subject::Environment => "Correct SNOW_USERNAME and SNOW_PASSWORD".into(),
        Subject::New if has_token => "Run the command again to sign in anew".into(),
        Subject::New => "Run the command again with the right password".into(),
    }
}

/// How long to wait: seconds, or a date (RFC 9110 §10.2.3). What was read of the
/// header, never its text.
fn wait(seen: &Seen<'_>) -> Shown {
    let header = seen.answer.header("retry-after").map(str::trim);
    let seconds = header.and_then(|text| text.parse::<u32>().ok());
    let date = header.and_then(http_date);
    match (seconds, date) {
        (Some(seconds), _) => shown!("{} s", seconds),
        (None, Some(date)) => {
            shown!("until {}", Shown::outside(date.format("%a, %d %b %Y %H:%M:%S GMT").to_string()))
        }
        (None, None) => "some seconds".into(),
    }
}

/// That the answer does not show whether the credential was taken.
fn unjudged(seen: &Seen<'_>) -> Shown {
    match seen.sent {
        Sent::Nothing => "",
        _ if seen.proves_sign_in() => "",
        Sent::Password => " The password was not judged.",
        Sent::AccessToken | Sent::NewAccessToken => " The access token was not judged.",
        Sent::TokenRequest => " Nothing was judged, and what is saved was kept.",
    }
    .into()
}
