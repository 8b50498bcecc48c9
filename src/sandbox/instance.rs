//! The way from a request to an answer: what stands before the instance, the
//! pages of a sign-in, who is asking, which API is meant.

use std::time::{Duration, Instant};

use serde_json::json;

use super::answers::{Response, envelope, front_end, success, too_large};
use super::authentication::{self, Challenge, SignedIn};
use super::faults;
use super::identity_provider::{self, IdentityTokens};
use super::landing;
use super::oauth::OAuth;
use super::oauth::clients::Clients;
use super::options::SandboxOptions;
use super::request::{Body, Request};
use super::rows::{self, Store};
use super::scenario::Scenario;
use super::server::Site;
use super::table::access::Caller;
use super::table::{self, Call};

/// Below it stand the REST APIs; everything else is for people.
const API_PATH: &str = "/api/now/";

/// Beyond this the front end refuses a URL: 8,182 bytes were seen to pass and
/// 8,347 not to.
const MAX_URL_BYTES: usize = 8192;

/// The state of the instance.
pub struct Instance {
    origin: String,
    pub scenario: Option<Scenario>,
    pub requests: usize,
    pub oauth: OAuth,
    identity_tokens: IdentityTokens,
    store: Store,
    latency: Duration,
    /// The names besides those of this machine that it answers to.
    hosts: Vec<String>,
}

impl Site for Instance {
    const API_PATH: &'static str = API_PATH;

    fn answer(&mut self, request: &Request<'_>) -> Response {
        self.requests += 1;
        if !request.is_for_this_machine(&self.hosts) {
            return front_end(421, "Misdirected Request");
        }
        self.oauth.count(request);
        let answer = self.scenario.and_then(faults::at_the_door).unwrap_or_else(|| self.undisturbed(request));
        let mut answer = match self.scenario {
            Some(scenario) => faults::on_the_way_out(scenario, request.path, answer),
            None => answer,
        };
        answer.delivery.delay += self.latency;
        answer
    }
}

impl Instance {
    pub fn new(origin: String, options: &SandboxOptions) -> Self {
        let store = Store::new(options.incidents, options.seed);
        Self {
            origin,
            scenario: options.scenario,
            requests: 0,
            oauth: OAuth::new(options, Clients::of(&store)),
            identity_tokens: IdentityTokens::default(),
            store,
            latency: options.latency,
            hosts: options.hosts.clone(),
        }
    }

    fn undisturbed(&mut self, request: &Request<'_>) -> Response {
        let now = Instant::now();
        if request.url_bytes > MAX_URL_BYTES {
            return front_end(414, "Request-URI Too Large");
        }
        let Some(path) = request.path.strip_prefix(API_PATH) else {
            return match request.body {
                Body::TooLarge(too) => too_large(too),
                Body::Whole(_) => {
                    let answer = self.oauth.answer(request, self.scenario, now);
                    let answer = answer.or_else(|| identity_provider::answer(request));
                    answer.or_else(|| landing::answer(request, &self.origin)).unwrap_or_else(landing::login_page)
                }
            };
        };
        let (own, foreign) = (&self.oauth.tokens, &mut self.identity_tokens);
        // A token that it did not issue is looked at as one of an identity provider.
        let bearer = |token: &str| own.user(token, now).or_else(|| foreign.user(token, self.scenario));
        let signed_in = match authentication::signed_in(request, self.scenario, bearer) {
            Ok(signed_in) => signed_in,
            Err(challenge) => return not_authenticated(&challenge),
        };
        if faults::is_refused_by_policy(self.scenario, request, path) {
            return not_authenticated(&Challenge::default());
        }
        let answer = if request.accepts_json() {
            let answer = self.api(request, signed_in, path);
            if request.method != "GET" {
                self.oauth.clients.follow(&self.store);
            }
            answer
        } else {
            let detail = "Supported response media types for this service are: [application/json]";
            envelope(406, "Requested media type not supported", Some(detail))
        };
        signed_in_headers(answer, self.requests)
    }

    /// Answers what stands below [`API_PATH`].
    fn api(&mut self, request: &Request<'_>, signed_in: SignedIn, path: &str) -> Response {
        let user = signed_in.user;
        let mut segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        let version = segments.first().copied().filter(|first| matches!(*first, "v1" | "v2"));
        if version.is_some() {
            segments.remove(0);
        }
        let hidden = (self.scenario == Some(Scenario::TableHidden)).then_some("incident");
        let call = Call {
            request,
            caller: Caller::new(user, hidden),
            origin: &self.origin,
            base: version.map_or("/api/now".to_owned(), |version| format!("/api/now/{version}")),
            is_v1: version == Some("v1"),
            number: self.requests,
        };
        if matches!(segments.first(), Some(&("table" | "stats")))
            && let Some(answer) = self.scenario.and_then(|scenario| faults::in_place_of_a_table(scenario, signed_in))
        {
            return answer;
        }
        let is_anonymous = self.scenario == Some(Scenario::IdentityUnknown);
        match (segments.as_slice(), request.method) {
            (["table", "sys_user"], "GET") if is_anonymous => {
                // The term with the caller's own name is dropped: strangers match.
                let parameters = request.parameters.iter().filter(|(name, _)| name != "sysparm_query").cloned();
                let dropped = Request { parameters: parameters.collect(), ..*request };
                table::answer(&mut self.store, &Call { request: &dropped, ..call }, "sys_user", None)
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
}

/// The refusal carries neither `X-Is-Logged-In` nor `X-Transaction-ID`, and
/// still sets a session cookie.
fn not_authenticated(challenge: &Challenge) -> Response {
    let scheme = if challenge.is_bearer { "BEARER" } else { "BASIC" };
    let mut answer = envelope(401, "User is not authenticated", Some("Required to provide Auth information"))
        .with("WWW-Authenticate", format!("{scheme} realm=\"Service-now\""));
    if challenge.wants_one_time_password {
        answer = answer.with("X-MFA_TOKEN", "invalid");
    }
    answer.with("Set-Cookie", "JSESSIONID=0123456789ABCDEF; Path=/; HttpOnly")
}

fn signed_in_headers(answer: Response, request: usize) -> Response {
    let transaction = rows::sys_id("transaction", &request.to_string())[..12].to_owned();
    answer
        .with("X-Is-Logged-In", "true")
        .with("X-Transaction-ID", transaction)
        .with("Set-Cookie", "JSESSIONID=0123456789ABCDEF; Path=/; HttpOnly")
        .with("Set-Cookie", "glide_session_store=0123456789; Max-Age=1800; Path=/; HttpOnly")
}
