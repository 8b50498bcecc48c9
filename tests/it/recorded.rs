//! Exchanges that instances were seen in, served to the program one by one.
//!
//! Ours stand in `exchanges` and say what is expected. A second folder, named
//! in the variable `SNOW_TEST_EXCHANGES`, holds recordings that do not: what
//! they mean follows from [`FACTS`]. Each is told with the code it got; one
//! without a status cannot be served, and is told as that.

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::oauth::free_port;
use crate::world::browser::{get, parameter};
use crate::world::wire::{Wire, http, run_against, run_as_client, run_with_token};
use crate::world::{Outcome, World};

const IDENTITY: &str = "/api/now/ui/user/current_user";
const ROWS: &str = r#"{"result":[{"sys_id":"1"}]}"#;
const BETH: &str = r#"{"result":{"user_name":"beth"}}"#;
const TOKENS: &str = r#"{"access_token":"CANARY-token","refresh_token":"CANARY-refresh","token_type":"Bearer","expires_in":60,"scope":"useraccount"}"#;

/// Who answers in an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    /// Answers of any other API stand for the Table API's.
    Table,
    Identity,
    Authorize,
    /// The token endpoint, by the grant that was asked for.
    Code,
    Refresh,
    /// Client credentials; also in place of the password grant, which snow
    /// never uses.
    OtherGrant,
}

/// What an exchange means, by what it is alone: the endpoint, its status, and
/// words of the body. The first that fits decides; nothing is a good test.
const FACTS: &[(Endpoint, u16, &str, Option<&str>)] = &[
    (Endpoint::Table, 200, r#""result":[]"#, Some("table-hidden")),
    (Endpoint::Table, 200, r#""result":["#, None),
    (Endpoint::Table, 200, r#""result":"#, Some("unexpected-answer")),
    (Endpoint::Table, 200, "hibernating", Some("instance-hibernating")),
    (Endpoint::Table, 201, "", Some("unexpected-answer")),
    (Endpoint::Table, 202, "", Some("unexpected-answer")),
    (Endpoint::Table, 400, "invalid table", Some("table-missing")),
    (Endpoint::Table, 400, "", Some("unexpected-answer")),
    (Endpoint::Table, 401, "", Some("basic-refused")),
    (Endpoint::Table, 403, "unscoped api", Some("scope-restricted")),
    (Endpoint::Table, 403, "api access scope", Some("scope-restricted")),
    (Endpoint::Table, 403, "api level acl", Some("api-acl")),
    (Endpoint::Table, 403, "insufficient rights to query", Some("query-forbidden")),
    (Endpoint::Table, 403, r#""error":"#, Some("access-denied")),
    (Endpoint::Table, 403, "", Some("forbidden-page")),
    (Endpoint::Table, 404, "no record found", Some("record-missing")),
    (Endpoint::Table, 404, "invalid table", Some("table-missing")),
    (Endpoint::Table, 413, "", Some("unexpected-answer")),
    (Endpoint::Table, 414, "", Some("unexpected-answer")),
    (Endpoint::Table, 429, "", Some("rate-limited")),
    (Endpoint::Table, 500, "transaction cancelled", Some("transaction-cancelled")),
    (Endpoint::Table, 500, "", Some("instance-error")),
    (Endpoint::Table, 502, "", Some("instance-unavailable")),
    (Endpoint::Table, 503, "", Some("instance-unavailable")),
    (Endpoint::Table, 504, "", Some("gateway-timeout")),
    (Endpoint::Identity, 200, r#""user_name":"#, None),
    (Endpoint::Identity, 200, "", Some("identity-unknown")),
    (Endpoint::Authorize, 302, "", None),
    (Endpoint::Code, 200, r#""access_token":"#, None),
    (Endpoint::Code, 400, r#""error":"#, Some("token-refused")),
    (Endpoint::Code, 401, r#""error":"#, Some("token-refused")),
    (Endpoint::Refresh, 200, r#""access_token":"#, None),
    (Endpoint::Refresh, 400, r#""error":"#, Some("session-expired")),
    (Endpoint::Refresh, 401, r#""error":"#, Some("session-expired")),
    (Endpoint::OtherGrant, 200, r#""access_token":"#, None),
    (Endpoint::OtherGrant, 400, r#""error":"#, Some("token-refused")),
    (Endpoint::OtherGrant, 401, r#""error":"#, Some("token-refused")),
];

/// Exchanges of our own with the endpoints of OAuth, in the shapes of recorded
/// ones.
macro_rules! exchanges {
    ($($name:literal)*) => { &[$(include_str!(concat!("exchanges/oauth/", $name, ".json"))),*] };
}
const OAUTH: &[&str] = exchanges! {
    "oauth_200_client_credentials"
    "oauth_200_empty_scope"
    "oauth_200_hibernating"
    "oauth_200_public_client"
    "oauth_200_refreshed"
    "oauth_200_without_refresh_token"
    "oauth_302_authorized"
    "oauth_400_invalid_grant"
    "oauth_400_invalid_scope"
    "oauth_400_unsupported_grant_type"
    "oauth_401_client"
    "oauth_401_code"
    "oauth_401_invalid_client"
    "oauth_401_refresh_token"
    "oauth_404_switched_off"
};

struct Exchange(Value);

impl Exchange {
    fn name(&self) -> &str {
        self.0["name"].as_str().unwrap()
    }

    fn status(&self) -> Option<u16> {
        self.0["response"]["status"].as_u64().map(|status| status.try_into().unwrap())
    }

    fn method(&self) -> &str {
        self.0["request"]["method"].as_str().unwrap()
    }

    fn path(&self) -> &str {
        self.0["request"]["path"].as_str().unwrap()
    }

    fn body(&self) -> String {
        match &self.0["response"]["body"] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            json => json.to_string(),
        }
    }

    /// The headers as lines, without those of a transfer that was another.
    fn headers(&self) -> String {
        let of_transfer = ["content-encoding", "content-length", "transfer-encoding", "connection", "keep-alive"];
        let pairs: Vec<(String, String)> = match &self.0["response"]["headers"] {
            Value::Object(headers) => headers
                .iter()
                .flat_map(|(name, value)| {
                    let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
                    values.into_iter().map(|value| (name.clone(), value.as_str().unwrap().to_owned()))
                })
                .collect(),
            Value::Array(pairs) => pairs
                .iter()
                .map(|pair| (pair[0].as_str().unwrap().to_owned(), pair[1].as_str().unwrap().to_owned()))
                .collect(),
            _ => Vec::new(),
        };
        let kept = pairs.iter().filter(|(name, _)| !of_transfer.contains(&name.to_ascii_lowercase().as_str()));
        kept.map(|(name, value)| format!("{name}: {value}\r\n")).collect()
    }

    fn endpoint(&self) -> Endpoint {
        let form = self.0["request"]["body"].as_str().unwrap_or("");
        match self.path() {
            "/oauth_token.do" if form.contains("grant_type=authorization_code") => Endpoint::Code,
            "/oauth_token.do" if form.contains("grant_type=refresh_token") => Endpoint::Refresh,
            "/oauth_token.do" => Endpoint::OtherGrant,
            "/oauth_auth.do" => Endpoint::Authorize,
            IDENTITY => Endpoint::Identity,
            _ => Endpoint::Table,
        }
    }

    /// The code that it must give: what it says itself, or what the facts say.
    fn expected(&self) -> Option<String> {
        if let Some(expect) = self.0.get("expect") {
            return expect["code"].as_str().map(str::to_owned);
        }
        let (endpoint, status, body) = (self.endpoint(), self.status().unwrap(), self.body().to_lowercase());
        let fact = FACTS.iter().find(|(of, with, words, _)| *of == endpoint && *with == status && body.contains(words));
        let (.., code) = fact.unwrap_or_else(|| {
            panic!("no fact says what {} means: {endpoint:?} {status} {body}", self.name());
        });
        code.map(str::to_owned)
    }

    /// The table that it asks for, or any.
    fn table(&self) -> &str {
        let name = self.path().rsplit_once("/table/").map_or("", |(_, rest)| rest.split('/').next().unwrap());
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if is_name { name } else { "incident" }
    }
}

/// An instance that answers one endpoint as the exchange does, and the others
/// as they should.
fn instance(exchange: &Exchange) -> Wire {
    let endpoint = exchange.endpoint();
    let answer = http(exchange.status().unwrap(), &exchange.headers(), &exchange.body());
    // A session must begin before it can be renewed.
    let has_tokens = AtomicBool::new(false);
    Wire::replies(move |head| match head.split(' ').nth(1).unwrap_or("") {
        "/oauth_token.do" => match endpoint {
            Endpoint::Code | Endpoint::OtherGrant => answer.clone(),
            Endpoint::Refresh if has_tokens.swap(true, Ordering::SeqCst) => answer.clone(),
            _ => http(200, "", TOKENS),
        },
        IDENTITY if endpoint == Endpoint::Identity => answer.clone(),
        IDENTITY => http(200, "", BETH),
        _ if endpoint == Endpoint::Table => answer.clone(),
        _ => http(200, "", ROWS),
    })
}

/// A person whose browser comes back with a code.
fn comes_back(world: &mut World) {
    world.browser(|url| {
        let back = format!("{}?code=CANARY-code&state={}", parameter(url, "redirect_uri"), parameter(url, "state"));
        std::thread::spawn(move || get(&back));
    });
}

/// Serves an exchange, and has it judged.
fn judged(exchange: &Exchange) -> Outcome {
    let server = instance(exchange);
    let connect = format!(
        "connect {} --name x --client-id a-client --redirect-uri http://127.0.0.1:{}/callback --json",
        server.origin(),
        free_port()
    );
    match exchange.endpoint() {
        Endpoint::Table => {
            let line = format!("test --json --table {}", exchange.table());
            match exchange.0["credential"].as_str() {
                Some("token") => run_with_token(&server.origin(), &line),
                Some("client") => run_as_client(&server.origin(), &line),
                _ => run_against(&server.origin(), &line),
            }
        }
        // Without a user of its own, whoever the instance names is right.
        Endpoint::Identity => run_with_token(&server.origin(), "test --json"),
        Endpoint::OtherGrant => run_as_client(&server.origin(), "test --json"),
        Endpoint::Code | Endpoint::Authorize => {
            let mut world = World::new();
            comes_back(&mut world);
            world.run(&connect)
        }
        Endpoint::Refresh => {
            let mut world = World::new();
            comes_back(&mut world);
            world.run(&connect).expect(0);
            world.clock = || chrono::Utc::now() + chrono::TimeDelta::hours(1);
            world.run("test x --json")
        }
    }
}

/// The code that an outcome gives: of its failure, or of its first warning
/// about a table or an identity.
fn code_of(outcome: &Outcome) -> Option<String> {
    let document = outcome.json();
    let report = ["/connections/0", "/test"].iter().find_map(|place| document.pointer(place));
    let Some(report) = report else {
        return document["error"]["code"].as_str().map(str::to_owned);
    };
    if let Some(code) = report["code"].as_str() {
        return Some(code.to_owned());
    }
    let checks = report["checks"].as_array().unwrap();
    let asked = |check: &&Value| ["access.table", "auth.identity"].iter().any(|id| check["id"] == *id);
    checks.iter().filter(asked).find_map(|check| check["error"]["code"].as_str()).map(str::to_owned)
}

/// Judges each exchange, and tells what it gave.
fn judge_all(exchanges: impl Iterator<Item = Exchange>) {
    let mut wrong = Vec::new();
    // Past the test harness, which would keep it to itself.
    let mut log = std::io::stderr();
    for exchange in exchanges {
        let name = exchange.name();
        let Some(status) = exchange.status() else {
            writeln!(log, "  {name:<55} no status was recorded: cannot be served").unwrap();
            continue;
        };
        let (outcome, expected) = (judged(&exchange), exchange.expected());
        let got = code_of(&outcome);
        let shown = got.as_deref().unwrap_or("good");
        let (method, endpoint) = (exchange.method(), exchange.endpoint());
        writeln!(log, "  {name:<55} {method} {status} {endpoint:?}: {shown}, exit {}", outcome.code).unwrap();
        if got != expected || (got.is_none() && outcome.code != 0) {
            wrong.push(format!("{name}: {got:?} and not {expected:?}: {}", outcome.stdout));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn parsed(text: &str) -> Exchange {
    Exchange(serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}")))
}

#[test]
fn every_exchange_with_an_endpoint_of_oauth_gives_the_code_that_it_names() {
    judge_all(OAUTH.iter().map(|text| parsed(text)));
}

#[test]
fn every_exchange_of_a_second_folder_gives_what_the_facts_say() {
    #[allow(clippy::disallowed_methods, reason = "a test is told by a variable where recordings are")]
    let Some(folder) = std::env::var_os("SNOW_TEST_EXCHANGES") else {
        return;
    };
    let folder = PathBuf::from(folder);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    assert!(!files.is_empty(), "no exchange in {}", folder.display());
    judge_all(files.iter().map(|file| parsed(&std::fs::read_to_string(file).unwrap())));
}
