//! A plain HTTP client that shows everything that came back.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use snow_connect::sandbox::USERS;

/// A request to be sent over a connection of its own.
pub struct Ask<'a> {
    method: &'a str,
    host: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// What came back, to the last byte that arrived.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl<'a> Ask<'a> {
    /// The URL goes out as it is written here, without a parser between.
    pub fn new(method: &'a str, url: &str) -> Self {
        let rest = url.strip_prefix("http://").expect("the sandbox speaks http");
        let (host, target) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        Self { method, host: host.to_owned(), target: target.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    /// Signs in as a user of the embedded instance.
    pub fn user(self, user_name: &str) -> Self {
        let user = USERS.iter().find(|user| user.user_name == user_name).expect("a user of the sandbox");
        self.basic(user.user_name, user.password)
    }

    pub fn basic(self, user_name: &str, password: &str) -> Self {
        let pair = STANDARD.encode(format!("{user_name}:{password}"));
        self.header("Authorization", &format!("Basic {pair}"))
    }

    pub fn bearer(self, access_token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {access_token}"))
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds parameters to the URL.
    pub fn query(mut self, parameters: &[(&str, &str)]) -> Self {
        let mut encoded = url::form_urlencoded::Serializer::new(String::new());
        encoded.extend_pairs(parameters);
        let separator = if self.target.contains('?') { '&' } else { '?' };
        self.target = format!("{}{separator}{}", self.target, encoded.finish());
        self
    }

    pub fn json(self, body: &Value) -> Self {
        self.header("Content-Type", "application/json").body(body.to_string())
    }

    pub fn form(self, form: &[(&str, &str)]) -> Self {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        self.header("Content-Type", "application/x-www-form-urlencoded").body(body)
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn send(self) -> Reply {
        let (method, target, host) = (self.method, &self.target, &self.host);
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        let has_length = self.headers.iter().any(|(name, _)| name == "Content-Length");
        if !has_length && (!self.body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH")) {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        // A server that had enough may close before it has read everything, and
        // one that breaks off is what some tests want to see.
        let _ = stream.write_all(&self.body);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        Reply::read(&String::from_utf8(bytes).expect("UTF-8"))
    }
}

impl Reply {
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(':'));
        Self {
            status: status.unwrap_or_else(|| panic!("no status: {head:?}")),
            headers: headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect(),
            body: body.to_owned(),
        }
    }

    /// The answer must have this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?}", self);
        self
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    /// Every value of a header that may come several times.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.headers.iter().filter(move |(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str())
    }

    /// Where a browser would go now.
    #[track_caller]
    pub fn location(&self) -> String {
        assert_eq!(self.status, 302, "{self:?}");
        self.header("Location").expect("a redirect says where to").to_owned()
    }

    /// A field that the forms of the page carry along.
    #[track_caller]
    pub fn hidden(&self, name: &str) -> String {
        let start = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.body.split_once(&start).unwrap_or_else(|| panic!("no {name} in {self:?}"));
        rest.split('"').next().expect("the first part is always there").to_owned()
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    /// What stands under `result`.
    #[track_caller]
    pub fn result(&self) -> Value {
        self.json()["result"].clone()
    }

    /// The rows under `result`.
    #[track_caller]
    pub fn rows(&self) -> Vec<Value> {
        self.result().as_array().unwrap_or_else(|| panic!("no rows: {:?}", self)).clone()
    }

    /// Message and detail of the error envelope.
    #[track_caller]
    pub fn error(&self) -> (String, String) {
        let document = self.json();
        assert_eq!(document["status"], "failure", "{document}");
        let text = |key: &str| document["error"][key].as_str().unwrap_or("").to_owned();
        (text("message"), text("detail"))
    }
}
