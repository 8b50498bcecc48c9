//! How the embedded instance answers: who is asking, which API is meant, and
//! the status, headers and bodies in the shapes that ServiceNow's have.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::faults;
use super::rows::{self, Store, USERS, User};
use super::scenario::Scenario;
use super::table::access::Caller;
use super::table::{self, Call};

/// Beyond this the front end refuses a URL: 8,182 bytes were seen to pass and
/// 8,347 not to.
const MAX_URL_BYTES: usize = 8192;

/// The state of the instance.
pub struct Instance {
    origin: String,
    pub scenario: Option<Scenario>,
    pub requests: usize,
    store: Store,
}

/// A request, as far as it matters here.
pub struct Question<'a> {
    pub method: &'a str,
    pub path: &'a str,
    /// How long path and query are as they were sent.
    pub url_bytes: usize,
    pub parameters: Vec<(String, String)>,
    pub authorization: Option<&'a str>,
    pub accept: Option<&'a str>,
    pub content_type: Option<&'a str>,
    pub body: Body<'a>,
}

/// The body of a request.
#[derive(Debug, Clone, Copy)]
pub enum Body<'a> {
    Whole(&'a [u8]),
    /// It was not read.
    TooLarge {
        length: u64,
        limit: usize,
    },
}

pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
    /// How long the instance thinks before it answers.
    pub delay: Duration,
    /// The connection is closed instead.
    pub is_lost: bool,
}

impl Question<'_> {
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn is_on(&self, name: &str) -> bool {
        self.parameter(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    fn accepts_json(&self) -> bool {
        self.accept.is_none_or(|accept| {
            let mut types = accept.split(',').map(|range| range.split(';').next().unwrap_or("").trim());
            types.any(|range| matches!(range, "*/*" | "application/*" | "application/json" | "text/json" | ""))
        })
    }
}

impl Instance {
    pub fn new(origin: String, scenario: Option<Scenario>, store: Store) -> Self {
        Self { origin, scenario, requests: 0, store }
    }

    pub fn answer(&mut self, question: &Question<'_>) -> Answer {
        self.requests += 1;
        let answer = self.scenario.and_then(faults::at_the_door).unwrap_or_else(|| self.undisturbed(question));
        match self.scenario {
            Some(scenario) => faults::on_the_way_out(scenario, answer),
            None => answer,
        }
    }

    fn undisturbed(&mut self, question: &Question<'_>) -> Answer {
        if question.url_bytes > MAX_URL_BYTES {
            return faults::front_end(414, "Request-URI Too Large");
        }
        let Some(path) = question.path.strip_prefix("/api/now/") else {
            return faults::login_page();
        };
        let Some(user) = self.signed_in(question) else {
            return not_authenticated();
        };
        let answer = match question.accepts_json() {
            true => self.api(question, user, path),
            false => {
                let detail = "Supported response media types for this service are: [application/json]";
                envelope(406, "Requested media type not supported", Some(detail))
            }
        };
        signed_in_headers(answer, self.requests)
    }

    /// Answers what stands below `/api/now/`.
    fn api(&mut self, question: &Question<'_>, user: &'static User, path: &str) -> Answer {
        let mut segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let version = segments.first().copied().filter(|first| matches!(*first, "v1" | "v2"));
        if version.is_some() {
            segments.remove(0);
        }
        let hidden = (self.scenario == Some(Scenario::TableHidden)).then_some("incident");
        let call = Call {
            question,
            caller: Caller::new(user, hidden),
            origin: &self.origin,
            base: version.map_or("/api/now".to_owned(), |version| format!("/api/now/{version}")),
            is_v1: version == Some("v1"),
            request: self.requests,
        };
        if matches!(segments.first(), Some(&("table" | "stats")))
            && let Some(answer) = self.scenario.and_then(faults::in_place_of_a_table)
        {
            return answer;
        }
        let is_anonymous = self.scenario == Some(Scenario::IdentityUnknown);
        match (segments.as_slice(), question.method) {
            (["table", "sys_user"], "GET") if is_anonymous => {
                // The term with the caller's own name is dropped: strangers match.
                let parameters = question.parameters.iter().filter(|(name, _)| name != "sysparm_query").cloned();
                let dropped = Question { parameters: parameters.collect(), ..*question };
                table::answer(&mut self.store, &Call { question: &dropped, ..call }, "sys_user", None)
            }
            (["table", table], _) => table::answer(&mut self.store, &call, table, None),
            (["table", table, id], _) => table::answer(&mut self.store, &call, table, Some(id)),
            (["stats", table], "GET") => table::stats(&self.store, &call, table),
            (["attachment"], "GET") => table::answer(&mut self.store, &call, "sys_attachment", None),
            (["attachment", id], "GET") => table::answer(&mut self.store, &call, "sys_attachment", Some(id)),
            (["ui", "user", "current_user"], "GET") if !is_anonymous => {
                let user = faults::told_identity(self.scenario, user);
                success(json!({
                    "user_name": user.user_name,
                    "user_sys_id": user.id(),
                    "user_display_name": user.display_name,
                }))
            }
            (["ui", "user", "current_user"], "GET") => {
                envelope(404, "Requested URI does not represent any resource", None)
            }
            (["stats" | "attachment", ..], _) => envelope(405, "Method not supported", None),
            _ => envelope(400, "Requested URI does not represent any resource", None),
        }
    }

    fn signed_in(&self, question: &Question<'_>) -> Option<&'static User> {
        if self.scenario == Some(Scenario::BasicRefused) {
            return None;
        }
        let (scheme, encoded) = question.authorization?.split_once(' ')?;
        let decoded = STANDARD.decode(encoded.trim()).ok()?;
        let (name, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        let user = USERS.iter().find(|user| user.user_name.eq_ignore_ascii_case(name))?;
        (scheme.eq_ignore_ascii_case("basic") && user.password == password).then_some(user)
    }
}

impl Answer {
    /// An answer of the instance with nothing but the headers of every answer.
    pub fn new(status: u16, body: String) -> Self {
        let headers = vec![
            ("Server", "ServiceNow".to_owned()),
            ("Date", http_date(Utc::now())),
            ("X-Content-Type-Options", "nosniff".to_owned()),
            ("Cache-Control", "no-cache,no-store,must-revalidate,max-age=-1".to_owned()),
            ("Server-Timing", "sem_wait;dur=0, sesh_wait;dur=0".to_owned()),
        ];
        Self { status, headers, body, delay: Duration::ZERO, is_lost: false }
    }

    fn of_type(mut self, content_type: &str) -> Self {
        self.headers.push(("Content-Type", content_type.to_owned()));
        self
    }
}

pub fn success(result: Value) -> Answer {
    json_answer(200, &json!({ "result": result }))
}

pub fn created(location: String, result: Value) -> Answer {
    let mut answer = json_answer(201, &json!({ "result": result }));
    answer.headers.push(("Location", location));
    answer
}

pub fn no_content() -> Answer {
    Answer::new(204, String::new())
}

pub fn envelope(status: u16, message: &str, detail: Option<&str>) -> Answer {
    json_answer(status, &json!({ "error": { "message": message, "detail": detail }, "status": "failure" }))
}

/// The refusal carries neither `X-Is-Logged-In` nor `X-Transaction-ID`, and
/// still sets a session cookie.
fn not_authenticated() -> Answer {
    let mut answer = envelope(401, "User is not authenticated", Some("Required to provide Auth information"));
    answer.headers.push(("WWW-Authenticate", "BASIC realm=\"Service-now\"".to_owned()));
    answer.headers.push(("Set-Cookie", "JSESSIONID=0123456789ABCDEF; Path=/; HttpOnly".to_owned()));
    answer
}

pub fn json_answer(status: u16, body: &Value) -> Answer {
    Answer::new(status, body.to_string()).of_type("application/json;charset=UTF-8")
}

pub fn page(status: u16, title: &str, content: &str) -> Answer {
    let body = format!("<!DOCTYPE html><html><head><title>{title}</title></head><body>{content}</body></html>");
    Answer::new(status, body).of_type("text/html;charset=UTF-8")
}

pub fn http_date(time: DateTime<Utc>) -> String {
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn signed_in_headers(mut answer: Answer, request: usize) -> Answer {
    let transaction = rows::sys_id("transaction", &request.to_string())[..12].to_owned();
    answer.headers.push(("X-Is-Logged-In", "true".to_owned()));
    answer.headers.push(("X-Transaction-ID", transaction));
    answer.headers.push(("Set-Cookie", "JSESSIONID=0123456789ABCDEF; Path=/; HttpOnly".to_owned()));
    answer.headers.push(("Set-Cookie", "glide_session_store=0123456789; Max-Age=1800; Path=/; HttpOnly".to_owned()));
    answer
}
