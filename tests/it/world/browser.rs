//! A plain HTTP client, and a person before a browser without scripts who
//! signs in at the embedded instance.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::Value;
use snow_connect::sandbox::USERS;
use url::Url;

/// What came back, to the last byte that arrived.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    head: String,
    pub body: String,
}

/// One request over a connection of its own. `url` is the origin and the rest.
pub fn request(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    let url = Url::parse(url).unwrap();
    let address = (url.host_str().unwrap(), url.port().unwrap());
    let mut stream = TcpStream::connect(address).unwrap();
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {}:{}\r\nConnection: close\r\n", address.0, address.1);
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    stream.write_all(head.as_bytes()).unwrap();
    // A server that had enough may close before it has read everything.
    let _ = stream.write_all(body);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer to {method} {target}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head: head.to_owned(), body: body.to_owned() }
}

pub fn get(url: &str) -> Reply {
    request("GET", url, &[], b"")
}

pub fn get_with_bearer(url: &str, access_token: &str) -> Reply {
    request("GET", url, &[("Authorization", &format!("Bearer {access_token}"))], b"")
}

pub fn post(url: &str, form: &[(&str, &str)]) -> Reply {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    request("POST", url, &[("Content-Type", "application/x-www-form-urlencoded")], body.as_bytes())
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    /// Every value of a header that may come several times.
    pub fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.filter(move |(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
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
}

/// Opens the page, signs in as one of the instance's users, and presses the
/// button `allow` or `deny`. The answer is where the browser goes then.
#[track_caller]
pub fn sign_in(authorization_url: &str, user_name: &str, decision: &str) -> String {
    let origin = Url::parse(authorization_url).unwrap().origin().ascii_serialization();
    let password = USERS.iter().find(|user| user.user_name == user_name).expect("a user of the instance").password;
    let page = get(authorization_url);
    assert_eq!(page.status, 200, "{page:?}");
    let transaction = page.hidden("transaction");
    let form = [("transaction", transaction.as_str()), ("user_name", user_name), ("user_password", password)];
    let page = post(&format!("{origin}/oauth_login.do"), &form);
    assert_eq!(page.status, 200, "{page:?}");
    let form = [("transaction", page.hidden("transaction")), ("decision", decision.to_owned())];
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    post(&format!("{origin}/oauth_consent.do"), &form).location()
}

/// A parameter in the query of an address.
#[track_caller]
pub fn parameter(address: &str, name: &str) -> String {
    let query = address.split_once('?').unwrap_or_else(|| panic!("no query in {address}")).1;
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, _)| key == name).unwrap_or_else(|| panic!("no {name} in {address}")).1.into_owned()
}
