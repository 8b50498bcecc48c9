//! An answer, read as far as it can be read without judging it.

use serde_json::Value;

use crate::connection::basic::UserName;
use crate::connection::instance::Instance;
use crate::connection::profile::{ConnectionName, TableName};
use crate::http::client::Answer;
use crate::server_text::Redactor;

/// What was asked for, which decides what an answer means.
#[derive(Debug, Clone, Copy)]
pub enum Asked<'a> {
    /// Rows of a table.
    Table(&'a TableName),
    /// Who is signed in.
    Identity,
    /// Anything at all, without a credential.
    Knock,
}

/// Whose connection it is, for the advice.
#[derive(Debug, Clone)]
pub enum Subject {
    Saved(ConnectionName),
    /// Described by variables.
    Environment,
    /// Being connected right now, and not saved before.
    New,
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
    /// Other JSON.
    OtherJson,
    /// A page, with its title.
    Html {
        title: Option<String>,
    },
    /// Looked like JSON and ended too early.
    CutJson,
    /// Neither JSON nor a page.
    Other,
    Empty,
}

/// An answer with what is needed to judge it.
pub struct Seen<'a> {
    pub answer: &'a Answer,
    pub body: Body,
    pub asked: Asked<'a>,
    pub subject: &'a Subject,
    pub instance: &'a Instance,
    pub user: Option<&'a UserName>,
    pub redactor: &'a Redactor,
}

impl<'a> Seen<'a> {
    pub fn status(&self) -> u16 {
        self.answer.status
    }

    /// The body as text, as far as it is text.
    pub fn text(&self) -> std::borrow::Cow<'a, str> {
        String::from_utf8_lossy(&self.answer.body)
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

    pub fn has_envelope(&self) -> bool {
        matches!(self.body, Body::Envelope { .. })
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
        self.answer.header("x-is-logged-in").is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
    }

    /// Whether anything in the answer shows that an instance gave it.
    pub fn is_servicenow(&self) -> bool {
        let server = self.answer.header("server").unwrap_or("").to_ascii_lowercase();
        self.has_envelope()
            || matches!(self.body, Body::Result(_))
            || server == "servicenow"
            || server == "snow_adc"
            || self.answer.headers.contains_key("x-is-logged-in")
            || self.answer.headers.contains_key("x-transaction-id")
    }

    /// Where a redirect points, as host and path; never its query, which can
    /// carry tokens.
    pub fn redirect_target(&self) -> Option<(String, String)> {
        if !(300..400).contains(&self.status()) {
            return None;
        }
        let location = self.answer.header("location")?;
        let target = self.instance.url("/").join(location).ok()?;
        let host = match target.scheme() {
            "http" | "https" => target.host_str().unwrap_or("?").to_owned(),
            scheme => format!("{scheme}:"),
        };
        Some((host, target.path().to_owned()))
    }

    /// The authentication schemes that the answer offers, in lower case.
    pub fn offered_schemes(&self) -> Vec<String> {
        let challenges = self.answer.header_values("www-authenticate");
        let scheme = |challenge: &str| {
            let word = challenge.split([' ', '=']).next().unwrap_or("").trim();
            // A parameter that follows a comma is not a scheme.
            let parameter = challenge.trim_start()[word.len()..].trim_start().starts_with('=');
            (!word.is_empty() && !parameter).then(|| word.to_ascii_lowercase())
        };
        challenges.flat_map(|value| value.split(',')).filter_map(|challenge| scheme(challenge.trim())).collect()
    }
}

impl Body {
    /// Reads the body of an answer; the content type is not trusted.
    pub fn read(answer: &Answer) -> Self {
        let text = String::from_utf8_lossy(&answer.body);
        let trimmed = text.trim_start_matches('\u{feff}').trim();
        if trimmed.is_empty() {
            return Self::Empty;
        }
        match serde_json::from_str::<Value>(trimmed) {
            Ok(value) => Self::of_json(value),
            Err(_) if trimmed.starts_with('<') || answer.is_html() => Self::Html { title: title(trimmed) },
            Err(error) if error.is_eof() && trimmed.starts_with(['{', '[']) => Self::CutJson,
            Err(_) if trimmed.starts_with('{') && trimmed.contains("\"error\"") => Self::CutJson,
            Err(_) => Self::Other,
        }
    }

    fn of_json(value: Value) -> Self {
        let Value::Object(mut members) = value else {
            return Self::OtherJson;
        };
        let text = |error: &Value, key: &str| error.get(key).and_then(Value::as_str).map(str::to_owned);
        match (members.remove("error"), members.remove("result")) {
            (Some(error @ Value::Object(_)), _) => {
                Self::Envelope { message: text(&error, "message"), detail: text(&error, "detail") }
            }
            (Some(Value::String(error)), _) => Self::Envelope {
                message: Some(error),
                detail: members.get("error_description").and_then(Value::as_str).map(str::to_owned),
            },
            (Some(_), _) => Self::OtherJson,
            (None, Some(result)) => Self::Result(result),
            (None, None) => Self::OtherJson,
        }
    }
}

/// The text between `<title>` and `</title>`. Not shortened here: a secret that
/// was cut would not be recognised any more.
fn title(html: &str) -> Option<String> {
    let lower = html.to_ascii_lowercase();
    let from = lower.find("<title")?;
    let from = from + lower[from..].find('>')? + 1;
    let to = from + lower[from..].find("</title").unwrap_or(lower.len() - from);
    let title = html[from..to].split_whitespace().collect::<Vec<_>>().join(" ");
    (!title.is_empty()).then_some(title)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use reqwest::header::HeaderMap;

    fn body(text: &str) -> String {
        let answer = Answer { status: 200, headers: HeaderMap::new(), body: text.as_bytes().to_vec() };
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
        assert_eq!(body(r#"{"hello":1}"#), "OtherJson");
        assert_eq!(body("[1]"), "OtherJson");
        assert_eq!(body(" \n"), "Empty");
        assert_eq!(body("pong"), "Other");
        assert_eq!(body(&"[".repeat(100_000)), "Other");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), html in any::<bool>()) {
            let mut bytes = bytes;
            if html {
                bytes.splice(0..0, *b"<TitlE >");
            }
            let answer = Answer { status: 200, headers: HeaderMap::new(), body: bytes };
            let _ = Body::read(&answer);
        }
    }
}
