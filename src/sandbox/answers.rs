//! How the embedded instance answers: status, headers and bodies in the shapes
//! that ServiceNow's have.

use std::time::Instant;

use chrono::Utc;
use serde_json::{Map, Value, json};

use super::authentication::{self, Challenge};
use super::oauth::OAuth;
use super::options::SandboxOptions;
use super::rows::{self, Table, User};
use super::scenario::Scenario;

const DEFAULT_LIMIT: usize = 10_000;

/// The state of the instance.
pub struct Instance {
    origin: String,
    pub scenario: Option<Scenario>,
    pub requests: usize,
    pub oauth: OAuth,
    tables: Vec<Table>,
}

/// A request, as far as it matters here.
pub struct Question<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub parameters: Vec<(String, String)>,
    pub authorization: Option<&'a str>,
    pub content_type: Option<&'a str>,
    pub body: &'a [u8],
}

pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl Question<'_> {
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether a parameter comes twice.
    pub fn is_repeated(&self) -> bool {
        let names = || self.parameters.iter().map(|(name, _)| name);
        names().enumerate().any(|(index, name)| names().take(index).any(|earlier| earlier == name))
    }

    fn is_on(&self, name: &str) -> bool {
        self.parameter(name) == Some("true")
    }

    fn number(&self, name: &str, default: usize) -> usize {
        self.parameter(name).and_then(|text| text.parse().ok()).unwrap_or(default)
    }
}

impl Instance {
    pub fn new(origin: String, options: &SandboxOptions) -> Self {
        let tables = rows::tables(&origin);
        Self { origin, scenario: options.scenario, requests: 0, oauth: OAuth::new(options), tables }
    }

    pub fn answer(&mut self, question: &Question<'_>) -> Answer {
        let now = Instant::now();
        self.requests += 1;
        self.oauth.count(question);
        if self.scenario == Some(Scenario::Hibernating) {
            return page(
                "Instance Hibernating page",
                "<p>Your instance is hibernating. Sign in to the developer site to wake it.</p>",
            );
        }
        if let Some(answer) = self.oauth.answer(question, self.scenario, now) {
            return answer;
        }
        let Some(path) = question.path.strip_prefix("/api/now/") else {
            return login_page();
        };
        let bearer = |token: &str| self.oauth.tokens.user(token, now);
        let caller = match authentication::caller(question.authorization, self.scenario, bearer) {
            Ok(caller) => caller,
            Err(challenge) => return not_authenticated(&challenge),
        };
        let user = caller.user;
        let mut segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let is_v1 = segments.first() == Some(&"v1");
        if matches!(segments.first(), Some(&("v1" | "v2"))) {
            segments.remove(0);
        }
        let is_unscoped = caller.is_bearer && self.scenario == Some(Scenario::ScopeRestricted);
        let answer = match (segments.as_slice(), question.method) {
            (["table", ..], _) if is_unscoped => {
                envelope(403, "User Not Authorized", Some("Access to unscoped api is not allowed"))
            }
            (["table", table], "GET") => self.list(question, user, table, is_v1),
            (["table", table, id], "GET") => self.record(user, table, id),
            (["ui", "user", "current_user"], "GET") => success(json!({
                "user_name": user.user_name,
                "user_sys_id": rows::sys_id("sys_user", user.user_name),
                "user_display_name": user.display_name,
            })),
            (["table", ..], _) => envelope(405, "Method not supported", None),
            _ => envelope(400, "Requested URI does not represent any resource", None),
        };
        signed_in_headers(answer, self.requests)
    }

    fn list(&self, question: &Question<'_>, user: &User, table: &str, is_v1: bool) -> Answer {
        let Some(table) = self.tables.iter().find(|known| known.name == table) else {
            return envelope(400, &format!("Invalid table {table}"), None);
        };
        let matching: Vec<_> = table.rows.iter().filter(|row| matches(row, question, user)).collect();
        let total = matching.len();
        let (limit, offset) = (question.number("sysparm_limit", DEFAULT_LIMIT), question.number("sysparm_offset", 0));
        // The limit comes before the access rules, and the count ignores them.
        let records: Vec<Value> = matching
            .into_iter()
            .skip(offset)
            .take(limit)
            .filter(|row| self.may_read(user, table.name, row))
            .map(|row| select(row, question))
            .collect();
        if is_v1 && records.is_empty() {
            return envelope(
                404,
                "No Record found",
                Some("Record doesn't exist or ACL restricts the record retrieval"),
            );
        }
        let mut answer = success(Value::Array(records));
        if !question.is_on("sysparm_no_count") {
            answer.headers.push(("X-Total-Count", total.to_string()));
        }
        if !question.is_on("sysparm_suppress_pagination_header") && limit > 0 && total > limit {
            answer.headers.push(("Link", self.link(question, limit, offset, total)));
        }
        answer
    }

    fn record(&self, user: &User, table: &str, id: &str) -> Answer {
        let Some(table) = self.tables.iter().find(|known| known.name == table) else {
            return envelope(400, &format!("Invalid table {table}"), None);
        };
        let found = table.rows.iter().find(|row| row.get("sys_id").and_then(Value::as_str) == Some(id));
        match found.filter(|row| self.may_read(user, table.name, row)) {
            Some(row) => success(Value::Object(row.clone())),
            None => {
                envelope(404, "No Record found", Some("Record doesn't exist or ACL restricts the record retrieval"))
            }
        }
    }

    /// Callers without a role see their own incidents alone.
    fn may_read(&self, user: &User, table: &str, row: &Map<String, Value>) -> bool {
        if table != "incident" {
            return true;
        }
        if self.scenario == Some(Scenario::TableHidden) {
            return false;
        }
        let own = rows::sys_id("sys_user", user.user_name);
        !user.roles.is_empty() || row.get("caller_id").and_then(|caller| caller.get("value")) == Some(&json!(own))
    }

    fn link(&self, question: &Question<'_>, limit: usize, offset: usize, total: usize) -> String {
        let last = (total - 1) / limit * limit;
        let mut pages = vec![("first", 0)];
        if offset > 0 {
            pages.push(("prev", offset.saturating_sub(limit)));
        }
        if offset + limit < total {
            pages.push(("next", offset + limit));
        }
        pages.push(("last", last));
        let links: Vec<String> = pages
            .into_iter()
            .map(|(relation, offset)| {
                let mut query = url::form_urlencoded::Serializer::new(String::new());
                for (key, value) in &question.parameters {
                    if key != "sysparm_offset" {
                        query.append_pair(key, value);
                    }
                }
                query.append_pair("sysparm_offset", &offset.to_string());
                format!("<{}{}?{}>;rel=\"{relation}\"", self.origin, question.path, query.finish())
            })
            .collect();
        links.join(",")
    }
}

/// Whether a row fits `sysparm_query` and plain `field=value` parameters. A
/// term that cannot be read is dropped, as ServiceNow drops it.
fn matches(row: &Map<String, Value>, question: &Question<'_>, user: &User) -> bool {
    let value = |field: &str| match row.get(field) {
        Some(Value::String(text)) => Some(text.as_str()),
        Some(reference) => reference.get("value").and_then(Value::as_str),
        None => None,
    };
    let fits = |field: &str, wanted: &str| {
        let wanted = if wanted == "javascript:gs.getUserName()" { user.user_name } else { wanted };
        value(field).is_none_or(|value| value == wanted)
    };
    let terms = question.parameter("sysparm_query").unwrap_or("").split('^');
    let plain = question.parameters.iter().filter(|(key, _)| !key.starts_with("sysparm_"));
    terms
        .filter_map(|term| match term.split_once("!=") {
            Some((field, wanted)) => Some((field, wanted, false)),
            None => term.split_once('=').map(|(field, wanted)| (field, wanted, true)),
        })
        .all(|(field, wanted, equal)| value(field).is_none() || fits(field, wanted) == equal)
        && plain.into_iter().all(|(field, wanted)| fits(field, wanted))
}

fn select(row: &Map<String, Value>, question: &Question<'_>) -> Value {
    let fields = question.parameter("sysparm_fields").filter(|fields| !fields.is_empty());
    let fields: Option<Vec<&str>> = fields.map(|fields| fields.split(',').map(str::trim).collect());
    let plain = question.is_on("sysparm_exclude_reference_link");
    row.iter()
        .filter(|(key, _)| fields.as_ref().is_none_or(|fields| fields.contains(&key.as_str())))
        .map(|(key, value)| match value.get("value") {
            Some(value) if plain => (key.clone(), value.clone()),
            _ => (key.clone(), value.clone()),
        })
        .collect::<Map<String, Value>>()
        .into()
}

fn success(result: Value) -> Answer {
    json_answer(200, &json!({ "result": result }))
}

pub fn envelope(status: u16, message: &str, detail: Option<&str>) -> Answer {
    json_answer(status, &json!({ "error": { "message": message, "detail": detail }, "status": "failure" }))
}

/// The refusal carries neither `X-Is-Logged-In` nor `X-Transaction-ID`, and
/// still sets a session cookie.
fn not_authenticated(challenge: &Challenge) -> Answer {
    let mut answer = envelope(401, "User is not authenticated", Some("Required to provide Auth information"));
    let scheme = if challenge.is_bearer { "BEARER" } else { "BASIC" };
    answer.headers.push(("WWW-Authenticate", format!("{scheme} realm=\"Service-now\"")));
    if challenge.wants_one_time_password {
        answer.headers.push(("X-MFA_TOKEN", "invalid".to_owned()));
    }
    answer.headers.push(("Set-Cookie", "JSESSIONID=0123456789ABCDEF; Path=/; HttpOnly".to_owned()));
    answer
}

pub fn json_answer(status: u16, body: &Value) -> Answer {
    Answer { status, headers: common_headers("application/json;charset=UTF-8"), body: body.to_string() }
}

/// What every address that is not the API's shows to a stranger.
pub fn login_page() -> Answer {
    page(
        "Log in | ServiceNow",
        "<form action=\"/login.do\"><input name=\"user_name\"><input name=\"user_password\" type=\"password\"></form>",
    )
}

/// An answer of the load balancer, which is neither JSON nor the instance's.
pub fn front_end(status: u16) -> Answer {
    Answer {
        status,
        headers: vec![("Server", "snow_adc".to_owned()), ("Content-Type", "text/html".to_owned())],
        body: format!("<html><head><title>{status}</title></head><body>{status} Service Unavailable</body></html>"),
    }
}

/// A status without a body.
pub fn nothing(status: u16) -> Answer {
    Answer { status, headers: common_headers("text/html;charset=UTF-8"), body: String::new() }
}

fn page(title: &str, content: &str) -> Answer {
    Answer {
        status: 200,
        headers: common_headers("text/html;charset=UTF-8"),
        body: format!("<!DOCTYPE html><html><head><title>{title}</title></head><body>{content}</body></html>"),
    }
}

pub fn common_headers(content_type: &str) -> Vec<(&'static str, String)> {
    vec![
        ("Server", "ServiceNow".to_owned()),
        ("Date", Utc::now().format("%a, %d %b %Y %H:%M:%S GMT").to_string()),
        ("Content-Type", content_type.to_owned()),
        ("X-Content-Type-Options", "nosniff".to_owned()),
        ("Cache-Control", "no-cache,no-store,must-revalidate,max-age=-1".to_owned()),
        ("Server-Timing", "sem_wait;dur=0, sesh_wait;dur=0".to_owned()),
    ]
}

fn signed_in_headers(mut answer: Answer, request: usize) -> Answer {
    let transaction = rows::sys_id("transaction", &request.to_string())[..12].to_owned();
    answer.headers.push(("X-Is-Logged-In", "true".to_owned()));
    answer.headers.push(("X-Transaction-ID", transaction));
    answer.headers.push(("Set-Cookie", "JSESSIONID=0123456789ABCDEF; Path=/; HttpOnly".to_owned()));
    answer.headers.push(("Set-Cookie", "glide_session_store=0123456789; Max-Age=1800; Path=/; HttpOnly".to_owned()));
    answer
}
