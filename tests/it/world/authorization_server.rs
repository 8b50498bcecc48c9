//! A real authorization server (npm `oidc-provider`, tests/oidc) with an
//! instance that takes its tokens, and the person who signs in there.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

use super::ask::{Ask, Reply};
use super::browser::{get, post};
use super::process::Guard;

pub const USER: &str = "beth.anglin";
pub const USER_PASSWORD: &str = "CANARY-oidc-beth";
/// Whom the client `machine` signs in as.
pub const APPLICATION_USER: &str = "svc.ci";
/// Of the clients `confidential` and `machine`; the client `public` has none.
pub const CLIENT_SECRET: &str = "CANARY-oidc-client-secret/with+signs";

/// It takes a second where nothing else runs.
const TIMEOUT: Duration = Duration::from_secs(60);

const PROGRAM: &str = include_str!("../../oidc/server.mjs");

/// A running server; it ends with this value.
pub struct AuthorizationServer {
    instance: String,
    origin: String,
    control: String,
    _process: Guard,
}

/// One request as a server got it.
#[derive(Debug)]
pub struct Request {
    /// `instance` or `authorization`.
    pub at: String,
    pub path: String,
    /// Path, headers and body, undecoded.
    pub text: String,
    form: Vec<(String, String)>,
}

/// A browser without scripts, with the cookies of one person.
#[derive(Default)]
pub struct Person {
    cookies: Vec<Cookie>,
}

struct Cookie {
    name: String,
    path: String,
    value: String,
}

impl AuthorizationServer {
    /// Starts one with these settings; tests/oidc/server.mjs knows them.
    pub fn start(settings: &Value) -> Self {
        let place = place();
        let node = place.join("node");
        let has_all = place.join("node_modules/oidc-provider").is_dir() && node.exists();
        assert!(has_all, "the tests need oidc-provider in {}: run tests/run, which installs it", place.display());
        let mut command = Command::new(node);
        // From standard input it finds its packages in the current directory.
        command.args(["--input-type=module", "-", &settings.to_string()]).current_dir(place);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Guard(command.spawn().expect("node starts"));
        process.0.stdin.take().expect("piped").write_all(PROGRAM.as_bytes()).unwrap();
        let line = first_line(process.0.stdout.take().expect("piped"));
        let places: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        let of = |side: &str| places[side].as_str().expect("an origin").to_owned();
        Self { instance: of("instance"), origin: of("authorization"), control: of("control"), _process: process }
    }

    /// The origin of the instance.
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// The origin of the authorization server, which may be the instance's.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How long access tokens live from now on.
    pub fn set_access_ttl(&self, seconds: u32) {
        let body = json!({ "access_ttl": seconds }).to_string();
        let reply = Ask::new("POST", &format!("{}/settings", self.control)).body(body).send();
        assert_eq!(reply.status, 200, "{reply:?}");
    }

    /// All requests so far, in the order in which they came.
    pub fn requests(&self) -> Vec<Request> {
        let recorded = get(&format!("{}/requests", self.control)).json();
        recorded.as_array().expect("a list").iter().map(Request::read).collect()
    }

    /// The requests to the token endpoint with this `grant_type`.
    pub fn token_requests(&self, grant_type: &str) -> Vec<Request> {
        let mut requests = self.requests();
        requests.retain(|request| request.path == "/oauth_token.do" && request.field("grant_type") == Some(grant_type));
        requests
    }

    /// Codes, verifiers and refresh tokens that were sent so far.
    pub fn secrets(&self) -> Vec<String> {
        let names = ["code", "code_verifier", "refresh_token"];
        let requests = self.requests();
        let fields = requests.iter().flat_map(|request| names.map(|name| request.field(name)));
        fields.flatten().map(str::to_owned).collect()
    }

    /// Whether the authorization server says that a token is good (RFC 7662).
    pub fn is_active(&self, client_id: &str, token: &str) -> bool {
        let mut form = vec![("token", token), ("client_id", client_id)];
        if client_id != "public" {
            form.push(("client_secret", CLIENT_SECRET));
        }
        let reply = post(&format!("{}/oauth_introspect.do", self.origin), &form);
        reply.json()["active"].as_bool().unwrap_or_else(|| panic!("no introspection: {reply:?}"))
    }

    /// What somebody gets who sends a refresh token of the public client.
    pub fn refresh(&self, refresh_token: &str) -> Reply {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token), ("client_id", "public")];
        post(&format!("{}/oauth_token.do", self.origin), &form)
    }
}

fn first_line(stdout: impl Read + Send + 'static) -> String {
    let (said, hear) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = BufReader::new(stdout).read_line(&mut line);
        let _ = said.send(line);
    });
    hear.recv_timeout(TIMEOUT).expect("the authorization server says where it is")
}

/// Where tests/run has installed it.
#[allow(clippy::disallowed_methods, reason = "a test is told by a variable where the server is")]
pub fn place() -> PathBuf {
    let usual = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/oidc");
    std::env::var_os("SNOW_TEST_OIDC").map_or_else(usual, PathBuf::from)
}

impl Request {
    fn read(recorded: &Value) -> Self {
        let text = |name: &str| recorded[name].as_str().expect("a text").to_owned();
        let (path, body) = (text("path"), text("body"));
        Self {
            at: text("at"),
            text: format!("{path}\n{}\n{body}", recorded["headers"]),
            form: url::form_urlencoded::parse(body.as_bytes()).into_owned().collect(),
            path,
        }
    }

    /// A field of the form in its body.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl Person {
    /// Opens the address, signs in and presses the button `allow` or `deny`.
    /// The answer is the address outside that the browser is sent to.
    #[track_caller]
    pub fn sign_in(&mut self, authorization_url: &str, decision: &str) -> String {
        let origin = Url::parse(authorization_url).unwrap().origin();
        let mut address = authorization_url.to_owned();
        let mut reply = self.visit("GET", &address, &[]);
        for _ in 0..12 {
            if (301..=303).contains(&reply.status) {
                let location = reply.header("Location").expect("a redirect says where to");
                let next = Url::parse(&address).unwrap().join(location).unwrap();
                if next.origin() != origin {
                    return next.into();
                }
                address = next.into();
                reply = self.visit("GET", &address, &[]);
                continue;
            }
            assert_eq!(reply.status, 200, "{reply:?}");
            let form = if reply.body.contains("name=\"user_password\"") {
                vec![("user_name", USER), ("user_password", USER_PASSWORD)]
            } else {
                vec![("decision", decision)]
            };
            reply = self.visit("POST", &address, &form);
        }
        panic!("the sign-in goes in circles at {address}");
    }

    fn visit(&mut self, method: &str, url: &str, form: &[(&str, &str)]) -> Reply {
        let path = Url::parse(url).unwrap().path().to_owned();
        let sent = self.cookies.iter().filter(|cookie| path.starts_with(&cookie.path));
        let sent: Vec<_> = sent.map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect();
        let cookies = sent.join("; ");
        let ask = Ask::new(method, url).header("Cookie", &cookies);
        let reply = if form.is_empty() { ask.send() } else { ask.form(form).send() };
        for line in reply.headers("Set-Cookie") {
            self.keep(line);
        }
        reply
    }

    /// RFC 6265 §5, as far as a test needs it: an empty value deletes.
    fn keep(&mut self, line: &str) {
        let mut parts = line.split(';').map(str::trim);
        let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie has a name");
        let path = parts.find_map(|part| part.split_once('=').filter(|(key, _)| key.eq_ignore_ascii_case("path")));
        let path = path.map_or("/", |(_, path)| path);
        self.cookies.retain(|cookie| cookie.name != name || cookie.path != path);
        if !value.is_empty() {
            self.cookies.push(Cookie { name: name.to_owned(), path: path.to_owned(), value: value.to_owned() });
        }
    }
}
