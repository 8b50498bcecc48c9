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
use crate::base::error::{CausesOfCode, Failure};
use crate::base::shown::{Show, Shown, Step, shown};
use crate::model::profile::Subject;
use crate::service::symptom::{
    self, add_certificate, add_header, again, common_causes, connect_there, enter, login, retry_after, server_time,
    unchecked, wait, wait_for_it,
};

pub use rows::symptoms;

/// One way an answer can look, and what it means.
pub type Symptom = symptom::Symptom<fn(&ClassifiedResponse<'_>) -> bool>;

/// What may be behind each code, as the table has it.
pub fn causes() -> impl Iterator<Item = CausesOfCode> {
    symptoms().map(|symptom| CausesOfCode::new(symptom.code, symptom.causes)).chain(common_causes())
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
    let failure = symptom.failure(response.redactor, |text| places.fill(text));
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
        .evidence("server_time", server_time(response.raw))
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
            .evidence("retry_after", retry_after(response.raw, response.redactor).map(|(_, shown)| shown))
            .evidence("rate_limit", header("x-ratelimit-limit"))
            .evidence("rate_limit_reset", header("x-ratelimit-reset"))
            .evidence("rate_limit_rule", header("x-ratelimit-rule"));
    }
    if let RequestKind::Table(table) = response.request {
        failure = failure.evidence("table", table);
    }
    failure
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
            ("{enter}", enter(response.subject, response.credential)),
            ("{login}", login(response.subject)),
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
            ("{wait}", wait(response.raw, response.redactor).into()),
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

/// That the answer does not show whether the credential was taken.
fn unjudged(response: &ClassifiedResponse<'_>) -> Shown {
    if response.proves_sign_in() { Shown::default() } else { unchecked(response.subject, response.credential) }
}

/// With the time, what an administrator finds the request by.
fn transaction(response: &ClassifiedResponse<'_>) -> &'static str {
    if response.raw.headers.contains_key("x-transaction-id") { " and the transaction id" } else { "" }
}
