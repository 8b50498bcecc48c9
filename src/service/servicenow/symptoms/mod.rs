//! From an answer to its meaning: the one place where symptoms live.
//!
//! The table that [`symptoms`] gives is read from the top; the first whose evidence is there
//! decides. To add one, add a row: its name, the code, the evidence, what is
//! said, the causes by likelihood, what to do. Several may share a code: one
//! thing to do, seen in different ways.
//!
//! Texts may hold `{host}`, `{origin}`, `{user}`, `{table}`, `{title}`,
//! `{status}`, `{target}` of a redirect, `{said}` (the server's own words), `{again}` (the
//! command that tests again), `{wait_for_it}` (the same, and waits until the
//! instance is up), `{wait}` (as long as Retry-After says), `{enter}` (how to
//! sign in otherwise), `{login}`, `{guide_oauth}`, `{connect_there}` (the command with the
//! origin that a redirect points to), `{name_table}` (how to test with another table than
//! that of the probe, else nothing), `{transaction}` (that it be shown, where there is
//! one), and two sentences or none: `{by}`, what the answer came from, and `{unjudged}`,
//! where it does not show that the credential was taken. A step with nothing in it is left
//! out.

mod rows;

use super::classify::{Body, ClassifiedResponse, RequestKind};
use super::identity::users;
use crate::auth::credential::{CredentialKind, TokenAge};
use crate::base::code::Code;
use crate::base::error::{CauseRow, CausesOfCode, Failure, Likelihood};
use crate::base::shown::{Show, Shown, Step, shown};
use crate::http::retry_after::{RetryAfter, http_date};
use crate::model::profile::Subject;

pub use rows::symptoms;

/// What may be behind each code, as the table has it.
pub fn causes() -> impl Iterator<Item = CausesOfCode> {
    // Without a look at the secret it is seldom the reason.
    let quoted = QUOTED_CODES.map(|code| CausesOfCode::new(code, &[(QUOTED.0, Likelihood::Low, QUOTED.2)]));
    symptoms().map(|symptom| CausesOfCode::new(symptom.code, symptom.causes)).chain(quoted)
}

/// The codes of a secret that was refused.
const QUOTED_CODES: [Code; 4] = [Code::BasicRefused, Code::BearerRefused, Code::ApiKeyRefused, Code::TokenRefused];
const QUOTED: CauseRow =
    ("quotes", Likelihood::High, "the secret is enclosed in quotation marks, which were sent as part of it");

/// Names the quotation marks around a secret that was refused: a file or a variable of a
/// CI job may hold them.
pub fn with_quotes(failure: Failure, response: &ClassifiedResponse<'_>) -> Failure {
    if response.redactor.has_quoted() && QUOTED_CODES.contains(&failure.code()) {
        failure.causes([QUOTED]).next("Remove the quotation marks around the secret")
    } else {
        failure
    }
}

/// One way an answer can look, and what it means.
pub struct Symptom {
    /// What the answer looks like, in a word for scripts and reports.
    pub name: &'static str,
    pub code: Code,
    /// The evidence that must be there.
    shows: fn(&ClassifiedResponse<'_>) -> bool,
    message: &'static str,
    why: &'static str,
    /// Code, likelihood and text of what may be behind it.
    causes: &'static [CauseRow],
    next: &'static [&'static str],
}

/// What the answer means. Call it for an answer that was not what was asked
/// for; it always finds a symptom, the last one fits everything.
pub fn diagnose(response: &ClassifiedResponse<'_>) -> Failure {
    let symptom = symptoms().find(|symptom| (symptom.shows)(response)).expect("the last symptom fits everything");
    // Of an answer that broke off, only the head and a page can be judged.
    if let Some(broken) = &response.raw.broken
        && !symptom.code.is_told_by_the_head()
    {
        return with_evidence(Failure::from(broken.clone()), response);
    }
    let places = Places::of(response);
    let mut failure = Failure::new(symptom.code, places.fill(symptom.message).text());
    failure = failure.why(places.fill(symptom.why).text());
    failure = failure.evidence("symptom", symptom.name);
    failure = with_quotes(failure, response).causes(symptom.causes);
    for next in symptom.next.iter().map(|next| places.fill(next)).filter(|next| !next.text().is_empty()) {
        failure = failure.next(next);
    }
    with_evidence(failure, response)
}

/// Adds what the answer showed: status, transaction id, the server's time and
/// words. Everything from the wire passes the redactor.
pub fn with_evidence(failure: Failure, response: &ClassifiedResponse<'_>) -> Failure {
    let header = |name: &str| response.raw.header(name).map(|text| response.redactor.server_text(text));
    let (message, detail) = match &response.body {
        Body::Envelope { message, detail } => (message.as_deref(), detail.as_deref()),
        Body::OtherJson { said } => (said.as_deref(), None),
        _ => (None, None),
    };
    let target = response.redirect_target().map(|target| target.shown);
    let mut failure = failure
        .evidence("http_status", response.status())
        .evidence("transaction_id", header("x-transaction-id"))
        .evidence("server_time", server_time(response))
        .evidence("server_message", message.map(|text| response.redactor.server_text(text)))
        .evidence("server_detail", detail.map(|text| response.redactor.server_text(text)))
        .evidence("page_title", response.title().map(|text| response.redactor.server_text(text)))
        .evidence("redirect_target", target)
        .evidence("www_authenticate", header("www-authenticate"))
        .evidence("is_logged_in", response.is_logged_in().then_some(true))
        .evidence("server", header("server"))
        .evidence("reference", response.reference());
    if response.status() == 429 {
        failure = failure
            .evidence("retry_after", retry_after(response).map(|(_, shown)| shown))
            .evidence("rate_limit", header("x-ratelimit-limit"))
            .evidence("rate_limit_reset", header("x-ratelimit-reset"))
            .evidence("rate_limit_rule", header("x-ratelimit-rule"));
    }
    if let RequestKind::Table(table) = response.request {
        failure = failure.evidence("table", table);
    }
    failure
}

/// The `Date` header as RFC 3339, to find the request in the instance's log.
fn server_time(response: &ClassifiedResponse<'_>) -> Option<Shown> {
    let date = response.raw.header("date")?;
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
    fn of(response: &ClassifiedResponse<'_>) -> Self {
        let table = match response.request {
            RequestKind::Table(table) => table.show(),
            _ => Shown::default(),
        };
        let title =
            response.title().map(|title| shown!("\"{}\"", response.redactor.server_text(title))).unwrap_or_default();
        let said = match &response.body {
            Body::Envelope { message, detail } => [message, detail].into_iter().flatten().cloned().collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        let said = response.redactor.server_text(&said.join(": "));
        let (target, origin) = match response.redirect_target() {
            Some(target) => (target.shown, target.other_origin),
            None => ("an unreadable address".into(), None),
        };
        let origin = origin.map(|origin| response.redactor.server_text(origin.origin())).unwrap_or_default();
        let login = match response.subject {
            Subject::Saved(name) => Step::run(shown!("snow login {}", name)),
            Subject::Environment(_) | Subject::New => "run the command again".into(),
        };
        let user = response.user.map_or("the user".into(), Show::show);
        let values = vec![
            ("{host}", response.instance.host_and_port().into()),
            ("{origin}", Shown::outside(response.instance.origin()).into()),
            ("{user}", user.into()),
            ("{table}", table.into()),
            ("{target}", target.into()),
            ("{said}", said.into()),
            ("{again}", again(response.subject)),
            ("{wait_for_it}", wait_for_it(response.subject)),
            ("{enter}", enter(response)),
            ("{login}", login),
            ("{add_header}", add_header(response.subject)),
            ("{add_certificate}", add_certificate(response.subject)),
            ("{connect_there}", connect_there(response.subject, origin)),
            ("{name_table}", name_table(response)),
            ("{by}", by(response).into()),
            ("{guide_oauth}", Step::run("snow guide oauth")),
            ("{transaction}", transaction(response).into()),
            ("{guide_api_key}", Step::run("snow guide api-key")),
            ("{guide_certificate}", Step::run("snow guide certificate")),
            ("{guide_token}", Step::run("snow guide token")),
            ("{guide_client_credentials}", Step::run("snow guide client-credentials")),
            ("{wait}", wait(response).into()),
            ("{status}", response.status().show().into()),
            ("{unjudged}", unjudged(response).into()),
        ];
        Self { values, title }
    }

    fn fill(&self, text: &'static str) -> Step {
        let title = match text.contains("({title})") {
            true if self.title.is_empty() => "no title".into(),
            true => self.title.clone(),
            false if self.title.is_empty() => Shown::default(),
            false => shown!(" (page title {})", self.title),
        };
        let title = [("{title}", Step::say(title))];
        Step::filled(text, &[&self.values[..], &title].concat())
    }
}

/// What tests once more.
fn again(subject: &Subject) -> Step {
    match subject {
        Subject::Saved(name) => Step::run(shown!("snow test {}", name)),
        Subject::Environment(_) => Step::run("snow test"),
        Subject::New => "run the command again".into(),
    }
}

fn wait_for_it(subject: &Subject) -> Step {
    match subject {
        Subject::Saved(name) => Step::run(shown!("snow test {} --wait 10m", name)),
        Subject::Environment(_) => Step::run("snow test --wait 10m"),
        Subject::New => "run the command again, with --wait 10m".into(),
    }
}

/// How a gateway gets its own key.
fn add_header(subject: &Subject) -> Step {
    match subject {
        Subject::Saved(name) => {
            Step::say("If the gateway requires a header: ").and_run(shown!("snow connect {} --header NAME", name))
        }
        Subject::Environment(_) => {
            "If the gateway requires a header, save the connection with snow connect and --header".into()
        }
        Subject::New => "If the gateway requires a header, add it with --header NAME".into(),
    }
}

/// How a client certificate is added, whichever way the connection signs in.
fn add_certificate(subject: &Subject) -> Step {
    match subject {
        Subject::Saved(name) => Step::say("If the address requires one, add it: ")
            .and_run(shown!("snow edit {} --set client_cert=FILE --set client_key=FILE", name)),
        Subject::Environment(_) => {
            "If the address requires one, set SNOW_CLIENT_CERT_FILE and SNOW_CLIENT_KEY_FILE".into()
        }
        Subject::New => "If the address requires one, add it with --client-cert FILE and --client-key FILE".into(),
    }
}

/// How the origin that a redirect points to becomes that of the connection.
fn connect_there(subject: &Subject, origin: Shown) -> Step {
    match subject {
        Subject::Saved(name) => Step::run(shown!("snow edit {} --set instance={}", name, origin)),
        Subject::Environment(_) => Step::say(shown!("set SNOW_INSTANCE to {}", origin)),
        Subject::New => Step::run(shown!("snow connect {}", origin)),
    }
}

/// How to test with another table than that of the probe.
fn name_table(response: &ClassifiedResponse<'_>) -> Step {
    let RequestKind::Table(table) = response.request else {
        return "".into();
    };
    let publishes = Step::say("If a gateway only publishes some tables, name one: ");
    match response.subject {
        _ if *table != users() => "".into(),
        Subject::Saved(name) => publishes.and_run(shown!("snow test {} --table TABLE", name)),
        Subject::Environment(_) => publishes.and_run("snow test --table TABLE"),
        Subject::New => publishes.and_say("--table TABLE"),
    }
}

/// What the answer came from, where that is not an instance.
fn by(response: &ClassifiedResponse<'_>) -> Shown {
    let server = response.foreign_server().map(|server| response.redactor.server_text(server));
    match (server, response.reference()) {
        (Some(server), Some(reference)) => shown!(" It came from {} with the reference {}.", server, reference),
        (Some(server), None) => shown!(" It came from {}.", server),
        (None, Some(reference)) => shown!(" Its reference is {}.", reference),
        (None, None) => Shown::default(),
    }
}

/// How to sign in otherwise.
fn enter(response: &ClassifiedResponse<'_>) -> Step {
    match (response.subject, response.credential) {
        (Subject::Saved(name), CredentialKind::Secret(spec)) => {
            Step::say(shown!("If the {} changed: ", Shown::outside(spec.secret_label)))
                .and_run(shown!("snow login {}", name))
        }
        (Subject::Saved(name), _) => Step::say("Sign in again: ").and_run(shown!("snow login {}", name)),
        (Subject::Environment(variable), CredentialKind::Secret(spec)) => {
            let settings = spec.own_settings().filter_map(|setting| setting.variable);
            let variables: Vec<_> = settings.chain([*variable]).collect();
            Step::say(Shown::outside(format!("Correct {}", variables.join(" and "))))
        }
        (Subject::Environment(variable), CredentialKind::AccessToken { age: TokenAge::Given, .. }) => {
            Step::say(shown!("Set {} to a new token", *variable))
        }
        (Subject::New, CredentialKind::Secret(spec)) => {
            Step::say(shown!("Run the command again with the right {}", Shown::outside(spec.secret_label)))
        }
        (Subject::Environment(_) | Subject::New, _) => "Run the command again to sign in again".into(),
    }
}

/// How long to wait: seconds, or a date (RFC 9110 §10.2.3).
fn wait(response: &ClassifiedResponse<'_>) -> Shown {
    match retry_after(response) {
        Some((RetryAfter::Seconds(_), seconds)) => shown!("{} s", seconds),
        Some((RetryAfter::Date(_), date)) => shown!("until {}", date),
        None => "a few seconds".into(),
    }
}

/// What was read of the header, and how it is shown. Also a number may be a secret.
fn retry_after(response: &ClassifiedResponse<'_>) -> Option<(RetryAfter, Shown)> {
    let read = RetryAfter::of(response.raw.header("retry-after")?)?;
    Some((read, response.redactor.server_text(&read.to_string())))
}

/// That the answer does not show whether the credential was taken.
fn unjudged(response: &ClassifiedResponse<'_>) -> Shown {
    match response.credential {
        CredentialKind::Nothing => Shown::default(),
        _ if response.proves_sign_in() => Shown::default(),
        CredentialKind::Secret(spec) => shown!(" The {} was not checked.", Shown::outside(spec.secret_label)),
        CredentialKind::AccessToken { .. } => " The access token was not checked.".into(),
        CredentialKind::TokenRequest => shown!(" Nothing was checked.{}", kept(response.subject)),
    }
}

/// That what is saved is as it was, where something is saved.
pub fn kept(subject: &Subject) -> &'static str {
    match subject {
        Subject::Saved(_) => " Everything saved was kept.",
        Subject::Environment(_) | Subject::New => "",
    }
}

/// With the time, what an administrator finds the request by.
fn transaction(response: &ClassifiedResponse<'_>) -> &'static str {
    if response.raw.headers.contains_key("x-transaction-id") { " and the transaction id" } else { "" }
}
