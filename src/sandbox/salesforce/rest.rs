//! The REST API: versions, queries, objects and their rows, limits.

use std::time::Instant;

use serde_json::{Value, json};

use super::answers::{dead_session, errors, not_allowed, not_found, ok};
use super::fault;
use super::org::{Org, bearer};
use super::people::Access;
use super::scenario::Scenario;
use super::soap;
use super::tokens::Session;
use crate::sandbox::answers::Response;
use crate::sandbox::request::Request;

/// Below it stands the API.
pub const ROOT: &str = "/services/data";
/// The versions that there are, `.0` each.
pub const OLDEST: u32 = 50;
pub const LATEST: u32 = 68;
/// The requests that a day has.
const QUOTA: usize = 15_000;
/// What was used before the first request.
const USED: usize = 18;
const NEARLY_USED: usize = 14_990;

const RESOURCES: &[&str] = &["limits", "query", "queryAll", "sobjects"];

/// A request to the API by a session.
pub struct Call<'a> {
    pub request: &'a Request<'a>,
    /// The root of its version: `/services/data/v64.0`.
    pub base: String,
    pub session: Session,
}

impl Org {
    pub(super) fn data(&mut self, request: &Request<'_>, path: &str, now: Instant) -> Response {
        let rest = path.strip_prefix(ROOT).unwrap_or("").trim_start_matches('/');
        if rest.is_empty() {
            return if request.method == "GET" { ok(&versions()) } else { not_allowed(request.method, "GET") };
        }
        let mut segments = rest.split('/');
        let version = segments.next().and_then(|version| version.strip_prefix('v')?.strip_suffix(".0"));
        let base = match version.and_then(|version| version.parse::<u32>().ok()) {
            Some(version) if version > LATEST => {
                return errors(400, "UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL");
            }
            Some(version) if version < OLDEST => return errors(410, "GONE", "The requested resource is retired"),
            Some(version) => format!("{ROOT}/v{version}.0"),
            None => return not_found(),
        };
        let session = match self.session(request, now) {
            Ok(session) => session,
            Err(refused) => return refused,
        };
        self.api_requests += 1;
        let segments: Vec<&str> = segments.collect();
        let answer = self.resource(&Call { request, base, session }, &segments);
        answer.with("Sforce-Limit-Info", format!("api-usage={}/{QUOTA}", self.used()))
    }

    /// Who is asking, or the refusal.
    fn session(&mut self, request: &Request<'_>, now: Instant) -> Result<Session, Response> {
        let token = bearer(request, false).ok_or_else(dead_session)?;
        let session = self.tokens.find(token, now).cloned();
        if self.scenario == Some(Scenario::SessionFault) {
            return Err(soap::dead_session());
        }
        let session = session.ok_or_else(dead_session)?;
        if let Some(refused) = self.scenario.and_then(fault::in_place_of_data) {
            return Err(refused);
        }
        if self.scenario == Some(Scenario::SessionExpired)
            && *self.expired.get_or_insert_with(|| session.token.clone()) == session.token
        {
            return Err(dead_session());
        }
        if session.is_for_password {
            let message = "The users password has expired, you must call SetPassword before attempting any other API \
                           operations";
            return Err(errors(403, "INVALID_OPERATION_WITH_EXPIRED_PASSWORD", message));
        }
        match session.user.access {
            Access::NoApi => {
                Err(errors(403, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization."))
            }
            _ => Ok(session),
        }
    }

    fn resource(&mut self, call: &Call<'_>, segments: &[&str]) -> Response {
        match (segments, call.request.method) {
            ([], "GET") => self.resources(call),
            (["limits"], "GET") => self.limits(),
            (["query"], "GET") => self.query(call, false),
            (["queryAll"], "GET") => self.query(call, true),
            (["query" | "queryAll", locator], "GET") => self.query_more(call, locator),
            (["sobjects", rest @ ..], _) => self.sobjects(call, rest),
            ([] | ["limits" | "query" | "queryAll", ..], method) => not_allowed(method, "GET"),
            _ => not_found(),
        }
    }

    fn resources(&self, call: &Call<'_>) -> Response {
        let mut body: serde_json::Map<String, Value> =
            RESOURCES.iter().map(|name| ((*name).to_owned(), json!(format!("{}/{name}", call.base)))).collect();
        body.insert("identity".to_owned(), json!(self.identity_url(call.session.user)));
        ok(&Value::Object(body))
    }

    fn limits(&self) -> Response {
        let limit = |max: usize, used: usize| json!({ "Max": max, "Remaining": max.saturating_sub(used) });
        ok(&json!({
            "DailyApiRequests": limit(QUOTA, self.used()),
            "DailyBulkV2QueryJobs": limit(10_000, 0),
            "DataStorageMB": limit(5, 1),
            "FileStorageMB": limit(20, 0),
        }))
    }

    fn used(&self) -> usize {
        let before = if self.scenario == Some(Scenario::QuotaNear) { NEARLY_USED } else { USED };
        (before + self.api_requests).min(QUOTA)
    }
}

fn versions() -> Value {
    // Three releases a year: v68.0 is Winter '27.
    let label = |version: u32| {
        let season = ["Winter", "Spring", "Summer"][((version + 1) % 3) as usize];
        format!("{season} '{}", (version + 13) / 3)
    };
    let one = |version: u32| json!({ "label": label(version), "url": format!("{ROOT}/v{version}.0"), "version": format!("{version}.0") });
    (OLDEST..=LATEST).map(one).collect()
}
