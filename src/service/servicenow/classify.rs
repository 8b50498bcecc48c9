//! An answer, read as far as it can be read without judging it.

use serde_json::Value;

use crate::auth::credential::CredentialKind;
use crate::base::server_text::Redactor;
use crate::http::client::Response;
use crate::http::identity::Presented;
use crate::model::instance::Instance;
use crate::model::profile::{Subject, TableName};
use crate::model::user_name::UserName;
use crate::service::body::{said, title};
use crate::service::redirect::RedirectTarget;

/// What was asked for, which decides what an answer means.
#[derive(Debug, Clone, Copy)]
pub enum RequestKind<'a> {
    /// Rows of a table.
    Table(&'a TableName),
    /// Anything else of the API.
    Api,
    /// Who is signed in.
    Identity,
    /// Anything at all, without a credential.
    Preflight,
    /// Tokens, of the token endpoint.
    Token,
    /// The end of a token, of the revocation endpoint.
    Revocation,
}

impl RequestKind<'_> {
    /// Whether a path, of whatever origin, is that of the request.
    fn is_asked_at(self, path: &str) -> bool {
        match self {
            Self::Table(table) => path.ends_with(&format!("/table/{}", table.folded())),
            Self::Token => path.ends_with("/oauth_token.do"),
            Self::Revocation => path.ends_with("/oauth_revoke_token.do"),
            Self::Api | Self::Identity | Self::Preflight => path.starts_with("/api/now/"),
        }
    }
}

/// The body of an answer by its kind.
#[derive(Debug)]
pub enum Body {
    /// JSON with `result` and nothing that contradicts it.
    Result(Value),
    /// ServiceNow's error envelope; also with a status that promised success.
    Envelope {
        message: Option<String>,
        detail: Option<String>,
    },
    /// Other JSON, with its words for people, where gateways usually put them.
    OtherJson {
        said: Option<String>,
    },
    /// A page, with its title.
    Html {
        title: Option<String>,
    },
    /// Looked like JSON and ended too early.
    CutJson,
    /// Neither JSON nor a page.
    Other,
    Empty,
    /// Did not come whole, and what came is not a page.
    Broken,
}

/// An answer with what is needed to judge it.
pub struct ClassifiedResponse<'a> {
    pub raw: &'a Response,
    pub body: Body,
    pub request: RequestKind<'a>,
    pub credential: CredentialKind,
    pub subject: &'a Subject,
    pub instance: &'a Instance,
    pub user: Option<&'a UserName>,
    /// What the server got in the TLS handshake.
    pub presented: Presented,
    pub redactor: &'a Redactor,
}

impl<'a> ClassifiedResponse<'a> {
    pub fn status(&self) -> u16 {
        self.raw.status
    }

    /// The body as text, as far as it is text.
    pub fn text(&self) -> std::borrow::Cow<'a, str> {
        String::from_utf8_lossy(&self.raw.body)
    }

    /// The body as JSON, where it is whole and is JSON.
    pub fn json(&self) -> Option<Value> {
        let text = self.text();
        let text = text.trim_start_matches('\u{feff}').trim();
        match self.raw.broken {
            None => serde_json::from_str(text).ok(),
            Some(_) => None,
        }
    }

    pub fn title(&self) -> Option<&str> {
        match &self.body {
            Body::Html { title } => title.as_deref(),
            _ => None,
        }
    }

    pub fn is_html(&self) -> bool {
        matches!(self.body, Body::Html { .. })
    }

    /// Whether a heading or a name in the markup of a page holds `word`, in small letters.
    pub fn is_marked(&self, word: &str) -> bool {
        let text = self.text().to_lowercase();
        let holds = |(start, end): &(&str, &str)| {
            text.split(start).skip(1).any(|rest| rest.split(end).next().is_some_and(|part| part.contains(word)))
        };
        self.is_html() && [("<h1", "</h1"), ("<h2", "</h2"), ("class=\"", "\""), ("id=\"", "\"")].iter().any(holds)
    }

    pub fn has_envelope(&self) -> bool {
        matches!(self.body, Body::Envelope { .. })
    }

    /// Whether the error envelope holds any words.
    fn says_anything(&self) -> bool {
        matches!(&self.body, Body::Envelope { message, detail }
            if [message, detail].into_iter().flatten().any(|text| !text.is_empty()))
    }

    /// Whether message or detail of the error envelope hold `words`.
    pub fn says(&self, words: &str) -> bool {
        let Body::Envelope { message, detail } = &self.body else {
            return false;
        };
        let holds = |text: &Option<String>| {
            text.as_ref().is_some_and(|text| text.to_lowercase().contains(&words.to_lowercase()))
        };
        holds(message) || holds(detail)
    }

    /// `X-Is-Logged-In: true`: ServiceNow itself says the sign-in was good.
    pub fn is_logged_in(&self) -> bool {
        self.raw.header("x-is-logged-in").is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
    }

    /// `X-Is-Logged-In: false` on an answer that was asked for with a credential:
    /// the API is open to guests, and the credential was not looked at.
    pub fn is_for_a_guest(&self) -> bool {
        let is_guest = |value: &str| value.trim().eq_ignore_ascii_case("false");
        !matches!(self.credential, CredentialKind::Nothing) && self.raw.header("x-is-logged-in").is_some_and(is_guest)
    }

    /// Whether a refusal is the instance's own: in its envelope, with its word on
    /// who is signed in or on a second factor, or with its challenge. An answer
    /// that broke off may have been, unless its challenge is another.
    pub fn is_refused_by_the_instance(&self) -> bool {
        let is_ours = |challenge: &str| challenge.to_ascii_lowercase().replace('"', "").contains("realm=service-now");
        let mut challenges = self.raw.header_values("www-authenticate").map(is_ours).peekable();
        let has_challenge = challenges.peek().is_some();
        self.has_envelope()
            || ["x-is-logged-in", "x-mfa_token"].iter().any(|name| self.raw.headers.contains_key(*name))
            || challenges.any(|is_ours| is_ours)
            || (matches!(self.body, Body::Broken | Body::CutJson) && !has_challenge)
    }

    /// 403, or a 401 that says of a user who is signed in that something else is missing.
    pub fn is_forbidden(&self) -> bool {
        let says_more = || self.says_anything() && !self.says("not authenticated");
        self.status() == 403
            || (self.status() == 401 && self.is_logged_in() && says_more() && !self.is_cookie_session())
    }

    /// 401, though a user is signed in: by a cookie whose session lacks its
    /// token against forged requests.
    pub fn is_cookie_session(&self) -> bool {
        self.status() == 401 && self.is_logged_in() && self.raw.headers.contains_key("x-usertoken-response")
    }

    /// Whether the answer shows that the instance took the credential. Only
    /// positive evidence counts: `result`, the error envelope, or its own word.
    pub fn proves_sign_in(&self) -> bool {
        match (self.status(), &self.body) {
            (401, _) => self.is_forbidden(),
            (429, _) => false,
            _ if self.is_for_a_guest() => false,
            (200..300, Body::Result(_)) => true,
            _ => self.has_envelope() || self.is_logged_in(),
        }
    }

    /// Whether anything in the answer shows that an instance gave it.
    pub fn is_servicenow(&self) -> bool {
        let server = self.raw.header("server").unwrap_or("").to_ascii_lowercase();
        self.has_envelope()
            || matches!(self.body, Body::Result(_))
            || server == "servicenow"
            || server == "snow_adc"
            || self.raw.headers.contains_key("x-is-logged-in")
            || self.raw.headers.contains_key("x-transaction-id")
    }

    /// Where a redirect points.
    pub fn redirect_target(&self) -> Option<RedirectTarget> {
        RedirectTarget::of(self.raw, self.instance, self.redactor, |path| self.request.is_asked_at(path))
    }

    /// The `Server` header, where that is neither an instance nor its front end.
    pub fn foreign_server(&self) -> Option<&str> {
        let is_own = |server: &&str| ["servicenow", "snow_adc"].contains(&server.to_ascii_lowercase().as_str());
        self.raw.header("server").filter(|server| !server.is_empty() && !is_own(server))
    }

    /// Whether the text of a page holds one of `words`, in small letters.
    pub fn page_says(&self, words: &[&str]) -> bool {
        let text = self.text().to_lowercase();
        self.is_html() && words.iter().any(|word| text.contains(word))
    }

    /// Whether the title of a page holds one of `words`, in small letters.
    pub fn is_titled(&self, words: &[&str]) -> bool {
        let title = self.title().map(str::to_lowercase);
        title.is_some_and(|title| words.iter().any(|word| title.contains(word)))
    }

    /// The authentication schemes that the answer offers, in lower case.
    pub fn offered_schemes(&self) -> Vec<String> {
        let challenges = self.raw.header_values("www-authenticate").map(without_quoted);
        let scheme = |challenge: &str| {
            let (word, rest) = challenge.split_at(challenge.find([' ', '\t', '=']).unwrap_or(challenge.len()));
            // A parameter that follows a comma is not a scheme.
            let is_parameter = rest.trim_start().starts_with('=');
            (!word.is_empty() && !is_parameter).then(|| word.to_ascii_lowercase())
        };
        challenges
            .flat_map(|value| value.split(',').filter_map(|challenge| scheme(challenge.trim())).collect::<Vec<_>>())
            .collect()
    }
}

/// A header value without its quoted strings, which may hold commas.
fn without_quoted(value: &str) -> String {
    let mut outside = String::with_capacity(value.len());
    let (mut quoted, mut escaped) = (false, false);
    for character in value.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            _ => outside.push(character),
        }
    }
    outside
}

impl Body {
    /// Reads the body of an answer; the content type is not trusted.
    pub fn read(answer: &Response) -> Self {
        let text = String::from_utf8_lossy(&answer.body);
        let trimmed = text.trim_start_matches('\u{feff}').trim();
        if trimmed.is_empty() {
            return if answer.broken.is_some() { Self::Broken } else { Self::Empty };
        }
        let is_page = trimmed.starts_with('<') || answer.is_html();
        if answer.broken.is_some() && !is_page {
            return Self::Broken;
        }
        match serde_json::from_str::<Value>(trimmed) {
            Ok(value) => Self::of_json(value),
            Err(_) if is_page => Self::Html { title: title(trimmed) },
            Err(error) if error.is_eof() && trimmed.starts_with(['{', '[']) => Self::CutJson,
            Err(_) if trimmed.starts_with('{') && trimmed.contains("\"error\"") => Self::CutJson,
            Err(_) => Self::Other,
        }
    }

    fn of_json(value: Value) -> Self {
        let said = said(&value);
        let Value::Object(mut members) = value else {
            return Self::OtherJson { said };
        };
        let text = |error: &Value, key: &str| error.get(key).and_then(Value::as_str).map(str::to_owned);
        // Other APIs have an `error` with a `message`, too; the status word and
        // the detail, null or not, are ServiceNow's.
        let is_failure = members.get("status").is_some_and(|status| status == "failure");
        match (members.remove("error"), members.remove("result")) {
            (Some(error), _) if error.get("detail").is_some() || (is_failure && error.get("message").is_some()) => {
                Self::Envelope { message: text(&error, "message"), detail: text(&error, "detail") }
            }
            (Some(_), _) => Self::OtherJson { said },
            (None, Some(result)) => Self::Result(result),
            (None, None) => Self::OtherJson { said },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::failure::NetworkError;
    use proptest::prelude::*;
    use reqwest::header::HeaderMap;

    fn body(text: &str) -> String {
        let answer = Response { status: 200, headers: HeaderMap::new(), body: text.as_bytes().to_vec(), broken: None };
        format!("{:?}", Body::read(&answer))
    }

    #[test]
    fn a_body_is_told_by_what_it_is_not_by_what_it_claims() {
        assert_eq!(body(r#"{"result":[]}"#), "Result(Array [])");
        assert_eq!(body("\u{feff}{\"result\":1}"), "Result(Number(1))");
        assert_eq!(
            body(r#"{"error":{"detail":null,"message":"Invalid table x"},"status":"failure"}"#),
            r#"Envelope { message: Some("Invalid table x"), detail: None }"#
        );
        assert_eq!(
            body("<html><head><TITLE>\n Instance Hibernating page </title>"),
            r#"Html { title: Some("Instance Hibernating page") }"#
        );
        assert_eq!(body(r#"{"result":[{"a":"#), "CutJson");
        assert_eq!(body(r#"{"result":[{"a":"1"},"error":{"detail":"Transaction cancelled: x"}}"#), "CutJson");
        assert_eq!(body(r#"{"hello":1}"#), "OtherJson { said: None }");
        assert_eq!(body(r#"{"error":"not found"}"#), r#"OtherJson { said: Some("not found") }"#);
        assert_eq!(body(r#"{"error":"invalid_client"}"#), "OtherJson { said: None }");
        assert_eq!(body(r#"{"fault":{"faultstring":"no"}}"#), r#"OtherJson { said: Some("no") }"#);
        assert_eq!(body(r#"{"error":{"code":7},"result":[]}"#), "OtherJson { said: None }");
        assert_eq!(body("[1]"), "OtherJson { said: None }");
        assert_eq!(body(" \n"), "Empty");
        assert_eq!(body("pong"), "Other");
        assert_eq!(body(&"[".repeat(100_000)), "Other");
    }

    const HERE: &str = "https://dev1.service-now.com";

    fn response<T>(
        status: u16,
        headers: &[(&'static str, &[u8])],
        look: impl FnOnce(&ClassifiedResponse<'_>) -> T,
    ) -> T {
        let headers = headers.iter().filter_map(|&(name, value)| {
            Some((
                reqwest::header::HeaderName::from_static(name),
                reqwest::header::HeaderValue::from_bytes(value).ok()?,
            ))
        });
        let answer = Response { status, headers: headers.collect(), body: Vec::new(), broken: None };
        look(&ClassifiedResponse {
            raw: &answer,
            body: Body::read(&answer),
            request: RequestKind::Preflight,
            credential: CredentialKind::Secret(&crate::auth::basic::SPEC),
            subject: &Subject::New,
            instance: &HERE.parse().unwrap(),
            user: None,
            presented: Presented::NotAsked,
            redactor: &Redactor::default(),
        })
    }

    fn target(location: &[u8]) -> Option<String> {
        response(302, &[("location", location)], |response| {
            response.redirect_target().map(|target| target.shown.to_string())
        })
    }

    #[test]
    fn a_redirect_is_shown_without_user_and_query() {
        for (location, shown) in [
            ("/login.do?sysparm_code=CANARY", "dev1.service-now.com/login.do"),
            ("//evil.example/a", "evil.example/a"),
            ("\\\\evil.example\\a", "evil.example/a"),
            ("https://u:CANARY@evil.example:8443/x#CANARY", "evil.example:8443/x"),
            ("http://dev1.service-now.com/", "http://dev1.service-now.com/"),
            ("javascript:alert(1)", "javascript:alert(1)"),
            ("file:///etc/passwd", "file:/etc/passwd"),
        ] {
            assert_eq!(target(location.as_bytes()).as_deref(), Some(shown), "{location}");
        }
        assert_eq!(target(b"https://[::1/"), None);
        assert_eq!(target(b"https://a\xff.example/"), None);
        let long = format!("https://evil.example/{}", "x".repeat(64 * 1024));
        assert!(target(long.as_bytes()).unwrap().chars().count() < 600);
    }

    #[test]
    fn the_schemes_of_a_challenge_are_told_from_its_parameters() {
        for (challenge, schemes) in [
            ("BASIC realm=\"Service-now\"", vec!["basic"]),
            ("BEARER realm=\"a, basic\"", vec!["bearer"]),
            ("Bearer realm=\"a \\\", basic\", error=\"x\", Basic realm=x", vec!["bearer", "basic"]),
            ("Negotiate, NTLM", vec!["negotiate", "ntlm"]),
            ("Digest\trealm=x, nonce = y", vec!["digest"]),
            ("", vec![]),
            (",,", vec![]),
        ] {
            response(401, &[("www-authenticate", challenge.as_bytes())], |response| {
                assert_eq!(response.offered_schemes(), schemes, "{challenge}");
            });
        }
    }

    #[test]
    fn only_positive_evidence_proves_a_sign_in() {
        let proves = |status, text: &str, logged_in: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(value) = logged_in {
                headers.insert("x-is-logged-in", value.parse().unwrap());
            }
            let answer = Response { status, headers, body: text.as_bytes().to_vec(), broken: None };
            ClassifiedResponse {
                raw: &answer,
                body: Body::read(&answer),
                request: RequestKind::Preflight,
                credential: CredentialKind::Secret(&crate::auth::basic::SPEC),
                subject: &Subject::New,
                instance: &HERE.parse().unwrap(),
                user: None,
                presented: Presented::NotAsked,
                redactor: &Redactor::default(),
            }
            .proves_sign_in()
        };
        let (result, envelope) =
            (r#"{"result":[]}"#, r#"{"error":{"message":"User Not Authenticated","detail":null}}"#);
        for status in [200, 201, 202, 204] {
            assert!(proves(status, result, None), "{status}");
        }
        for status in [200, 302, 400, 403, 404, 500, 503] {
            assert!(proves(status, envelope, None), "{status}");
            assert!(proves(status, "<html>", Some("true")), "{status}");
            assert!(!proves(status, "<html>", Some("false")), "{status}");
            assert!(!proves(status, r#"{"error":"x"}"#, None), "{status}");
        }
        assert!(!proves(404, result, None));
        for status in [401, 429] {
            assert!(!proves(status, envelope, Some("true")), "{status}");
            assert!(!proves(status, result, Some("true")), "{status}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            start in proptest::sample::select(vec!["", "<TitlE >", "<title", "{\"error\":", "{\"result\":[", "\u{feff}"]),
            is_cut in any::<bool>(),
        ) {
            let mut body = start.as_bytes().to_vec();
            body.extend(bytes);
            let broken = is_cut.then(|| NetworkError::answer_too_large(&HERE.parse::<Instance>().unwrap().url("/"), "the 1 MiB limit".to_owned()));
            let answer = Response { status: 200, headers: HeaderMap::new(), body, broken };
            let read = Body::read(&answer);
            if let Body::Html { title: Some(title) } = &read {
                prop_assert!(!title.is_empty() && !title.contains('\n'));
            }
            // Nothing is concluded from data that did not come whole.
            let is_page = matches!(read, Body::Html { .. });
            prop_assert!(!is_cut || is_page || matches!(read, Body::Broken));
        }

        #[test]
        fn any_page_gives_a_title_of_one_line_or_none(html in r"(<TITLE|<title>|</title|[<>\x00-\x7fäß€\u{10ffff}]){0,30}") {
            prop_assert!(title(&html).is_none_or(|title| !title.is_empty() && !title.contains('\n')));
        }

        #[test]
        fn any_location_is_shown_short_without_query_and_controls(
            location in proptest::collection::vec(any::<u8>(), 0..200),
            start in proptest::sample::select(vec!["", "//", "\\\\", "https://", "http://a@", "javascript:", "data:,", "?", "/"]),
        ) {
            let mut bytes = start.as_bytes().to_vec();
            bytes.extend(location);
            if let Some(shown) = target(&bytes) {
                prop_assert!(!shown.contains(['?', '#']), "{}", shown);
                prop_assert!(!shown.chars().any(|c| c.is_control()));
            }
        }

        #[test]
        fn any_challenge_gives_words(challenge in proptest::collection::vec(any::<u8>(), 0..120)) {
            for scheme in response(401, &[("www-authenticate", &challenge)], |response| response.offered_schemes()) {
                prop_assert!(!scheme.is_empty() && !scheme.contains([' ', '"', ',', '=']), "{:?}", scheme);
            }
        }
    }
}
