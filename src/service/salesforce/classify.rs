//! An answer of Salesforce, read as far as it can be read without judging it.
//!
//! An error is an array of objects at the REST API, an object at the OAuth endpoints, a form
//! where tokens are revoked, a fault in SOAP, and a single word where the user is asked for.

use serde_json::Value;
use url::form_urlencoded;

use super::soap;
use super::version::Version;
use crate::auth::credential::{CredentialKind, TokenAge};
use crate::base::server_text::Redactor;
use crate::http::client::Response;
use crate::model::instance::Instance;
use crate::model::profile::{Subject, TableName};
use crate::model::user_name::UserName;
use crate::service::body::{said, title};
use crate::service::redirect::RedirectTarget;

/// What was asked for, which decides what an answer means.
#[derive(Debug, Clone, Copy)]
pub enum RequestKind<'a> {
    /// Rows of an object, or its description.
    Table(&'a TableName),
    /// Anything else of the API.
    Api,
    /// Who is signed in.
    Identity,
    /// The versions, without a credential.
    Preflight,
    /// A session, by SOAP.
    Login,
    /// Tokens, of the token endpoint.
    Token,
    /// The end of a token, of the revocation endpoint.
    Revocation,
}

/// One error of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    pub code: String,
    pub text: String,
}

/// The body of an answer by its kind.
#[derive(Debug)]
pub enum Body {
    /// The errors of the REST API, one or more; or the fault of SOAP.
    Errors(Vec<ApiError>),
    /// The error of an OAuth endpoint (RFC 6749 §5.2).
    OAuth {
        error: String,
        description: Option<String>,
    },
    /// A word in place of an answer, such as `Bad_OAuth_Token`.
    Word(String),
    /// Other JSON.
    Json(Value),
    /// What claims to be SOAP, and is no fault.
    Soap,
    /// A page, with its title.
    Html {
        title: Option<String>,
    },
    /// Looked like JSON and ended too early.
    CutJson,
    /// None of these.
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
    pub redactor: &'a Redactor,
}

/// The texts by which a session is refused that is good: another one would be, too.
const NOT_THE_SESSION: [&str; 3] =
    ["not valid for use with", "connected app is not attached to agent", "blacktab users"];

impl ClassifiedResponse<'_> {
    pub fn status(&self) -> u16 {
        self.raw.status
    }

    /// The body as text, as far as it is text.
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.raw.body)
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

    /// Whether the text of a page holds one of `words`, in small letters.
    pub fn page_says(&self, words: &[&str]) -> bool {
        let text = self.text().to_lowercase();
        self.is_html() && words.iter().any(|word| text.contains(word))
    }

    pub fn errors(&self) -> &[ApiError] {
        match &self.body {
            Body::Errors(errors) => errors,
            _ => &[],
        }
    }

    pub fn has_errors(&self) -> bool {
        !self.errors().is_empty()
    }

    /// Whether one of the errors has one of these codes.
    pub fn is(&self, codes: &[&str]) -> bool {
        self.errors().iter().any(|error| codes.contains(&error.code.as_str()))
    }

    /// Whether one of the errors has this code, and holds one of `words`, in small letters.
    pub fn is_with(&self, code: &str, words: &[&str]) -> bool {
        let holds = |text: &str| words.iter().any(|word| text.to_lowercase().contains(word));
        self.errors().iter().any(|error| error.code == code && holds(&error.text))
    }

    /// Whether one of the errors holds one of `words`, in small letters.
    pub fn says(&self, words: &[&str]) -> bool {
        let holds = |text: &str| words.iter().any(|word| text.to_lowercase().contains(word));
        self.errors().iter().any(|error| holds(&error.text))
    }

    pub fn is_word(&self, word: &str) -> bool {
        matches!(&self.body, Body::Word(said) if said == word)
    }

    /// Code and text of what the server said.
    pub fn said(&self) -> Option<(&str, &str)> {
        match &self.body {
            Body::Errors(errors) => errors.first().map(|error| (error.code.as_str(), error.text.as_str())),
            Body::OAuth { error, description } => Some((error, description.as_deref().unwrap_or_default())),
            Body::Word(word) => Some((word, "")),
            _ => None,
        }
    }

    /// Whether those words are Salesforce's. Others have an `error`, too.
    pub fn has_its_words(&self) -> bool {
        match &self.body {
            Body::Errors(_) => true,
            Body::OAuth { .. } => matches!(self.request, RequestKind::Token | RequestKind::Revocation),
            Body::Word(word) => word.ends_with("_OAuth_Token"),
            _ => false,
        }
    }

    /// Whether it refuses the session for what it may do, and not for what it is.
    pub fn is_session_not_allowed(&self) -> bool {
        matches!(self.status(), 401 | 403 | 500)
            && (self.is(&["INVALID_SESSION_ID"]) || self.status() == 401)
            && self.says(&NOT_THE_SESSION)
    }

    /// Whether it says that the session or the access token is none any more, by name.
    pub fn is_session_refused(&self) -> bool {
        let is_named = self.is(&["INVALID_SESSION_ID"]) || self.is_with("INVALID_AUTH_HEADER", &["invalid_jwt_format"]);
        (is_named && !self.is_session_not_allowed()) || self.is_word("Bad_OAuth_Token")
    }

    /// Whether another access token may be taken: then one may be asked for, once.
    pub fn renewal_may_help(&self) -> bool {
        let has_no_words = matches!(self.body, Body::Empty | Body::Broken);
        self.is_session_refused() || (self.status() == 401 && has_no_words && self.has_a_header_of_salesforce())
    }

    /// Whether this run got the token, so that its age is not the reason.
    pub fn is_token_of_this_run(&self) -> bool {
        self.credential.is_token_of_age(TokenAge::New) || self.credential.is_token_of_age(TokenAge::Taken)
    }

    /// Whether the answer shows that Salesforce took the credential. Only positive evidence
    /// counts.
    pub fn proves_sign_in(&self) -> bool {
        // Said before anyone looked at the session.
        let is_early = self.is(&[
            "INVALID_AUTH_HEADER",
            "UNSUPPORTED_API_VERSION",
            "SERVER_UNAVAILABLE",
            "API_CURRENTLY_DISABLED",
            "INVALID_LOGIN",
            "LOGIN_MUST_USE_SECURITY_TOKEN",
        ]);
        // The token was read for that.
        let lacks_scope = self.is_with("INVALID_AUTH_HEADER", &["invalid_scopes"]);
        let was_looked_at = !matches!(self.request, RequestKind::Preflight | RequestKind::Login | RequestKind::Token);
        match (self.status(), &self.body) {
            _ if !was_looked_at || self.is_session_refused() || (is_early && !lacks_scope) => false,
            (429, _) => false,
            (200..300, Body::Json(json)) => is_of_the_api(json) || matches!(self.request, RequestKind::Identity),
            (_, Body::Errors(_)) => self.status() != 401 || self.is_session_not_allowed() || lacks_scope,
            _ => false,
        }
    }

    /// Whether anything in the answer shows that Salesforce gave it.
    pub fn is_salesforce(&self) -> bool {
        let is_its_form = match &self.body {
            Body::Errors(_) => true,
            Body::Word(word) => word.ends_with("_OAuth_Token"),
            Body::Json(json) => is_list_of_versions(json) || is_of_the_api(json),
            _ => false,
        };
        is_its_form || self.has_a_header_of_salesforce()
    }

    fn has_a_header_of_salesforce(&self) -> bool {
        let is_its_server = |server: &str| {
            let server = server.to_ascii_lowercase();
            server.starts_with("sfdc") || server.starts_with("salesforce")
        };
        self.raw.headers.contains_key("sforce-limit-info")
            || self.raw.headers.keys().any(|name| name.as_str().starts_with("x-sfdc-"))
            || self.raw.header("server").is_some_and(is_its_server)
    }

    /// Where a redirect points.
    pub fn redirect_target(&self) -> Option<RedirectTarget> {
        RedirectTarget::of(self.raw, self.instance, self.redactor, |path| match self.request {
            RequestKind::Token => path.ends_with("/services/oauth2/token"),
            RequestKind::Revocation => path.ends_with("/services/oauth2/revoke"),
            RequestKind::Login => path.contains("/services/Soap/"),
            _ => path.starts_with("/services/"),
        })
    }
}

/// Whether an answer refuses the access token, so that another one may be taken.
pub fn renewal_may_help(answer: &Response) -> bool {
    let anywhere: Instance = "https://login.salesforce.com".parse().expect("an origin");
    let response = ClassifiedResponse {
        raw: answer,
        body: Body::read(answer),
        request: RequestKind::Api,
        credential: CredentialKind::Nothing,
        subject: &Subject::New,
        instance: &anywhere,
        user: None,
        redactor: &Redactor::default(),
    };
    response.renewal_may_help()
}

/// The versions that `/services/data` lists, the last one first; `None` if it is no such list.
pub fn versions(json: &Value) -> Option<Vec<Version>> {
    let versions = json.as_array().filter(|versions| !versions.is_empty())?;
    let version = |entry: &Value| {
        let url = entry.get("url")?.as_str()?;
        url.strip_prefix("/services/data/")?;
        entry.get("version")?.as_str().map(str::parse::<Version>)
    };
    let versions: Option<Vec<_>> = versions.iter().map(version).collect();
    // Those that are retired are listed for a while.
    let mut versions: Vec<_> = versions?.into_iter().flatten().collect();
    versions.sort_by(|one, other| other.cmp(one));
    Some(versions)
}

fn is_list_of_versions(json: &Value) -> bool {
    versions(json).is_some()
}

/// Whether it has the form of an answer of the REST API.
fn is_of_the_api(json: &Value) -> bool {
    let has = |names: &[&str]| names.iter().all(|name| json.get(name).is_some());
    let is_of_resources = || {
        let sobjects = json.get("sobjects").and_then(Value::as_str);
        sobjects.is_some_and(|path| path.starts_with("/services/data/"))
    };
    has(&["totalSize", "done", "records"])
        || has(&["encoding", "maxBatchSize", "sobjects"])
        || has(&["fields", "name", "queryable"])
        || has(&["DailyApiRequests"])
        || json.pointer("/attributes/url").and_then(Value::as_str).is_some_and(|url| url.starts_with("/services/data/"))
        || is_of_resources()
}

impl Body {
    /// Reads the body of an answer; the content type is not trusted.
    pub fn read(answer: &Response) -> Self {
        let text = String::from_utf8_lossy(&answer.body);
        let trimmed = text.trim_start_matches('\u{feff}').trim();
        if trimmed.is_empty() {
            return if answer.broken.is_some() { Self::Broken } else { Self::Empty };
        }
        let is_page = (trimmed.starts_with('<') && !trimmed.starts_with("<?xml")) || answer.is_html();
        let is_soap = soap::is_claimed(trimmed);
        if answer.broken.is_some() && (!is_page || is_soap) {
            return Self::Broken;
        }
        if is_soap {
            return Self::of_soap(&answer.body);
        }
        match serde_json::from_str::<Value>(trimmed) {
            Ok(value) => Self::of_json(value),
            // The word has the type of a page.
            Err(_) if is_word(trimmed) => Self::Word(trimmed.to_owned()),
            Err(_) if is_page => Self::Html { title: title(trimmed) },
            Err(error) if error.is_eof() && trimmed.starts_with(['{', '[']) => Self::CutJson,
            Err(_) => Self::of_text(trimmed),
        }
    }

    fn of_json(value: Value) -> Self {
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let error = |value: &Value| {
            let code = text(value, "errorCode")?;
            Some(ApiError { code, text: text(value, "message").unwrap_or_default() })
        };
        let errors: Option<Vec<ApiError>> = match &value {
            Value::Array(values) => values.iter().map(error).collect(),
            Value::Object(_) => error(&value).map(|error| vec![error]),
            _ => None,
        };
        if let Some(errors) = errors.filter(|errors| !errors.is_empty()) {
            return Self::Errors(errors);
        }
        match text(&value, "error") {
            Some(error) => Self::OAuth { error, description: text(&value, "error_description") },
            None => Self::Json(value),
        }
    }

    /// The server is read elsewhere: here it does not matter who was asked.
    fn of_soap(body: &[u8]) -> Self {
        let anyone: Instance = "https://login.salesforce.com".parse().expect("an origin");
        match soap::read(body, &anyone) {
            Ok(soap::Answer::Fault(fault)) => Self::Errors(vec![ApiError { code: fault.code, text: fault.text }]),
            _ => Self::Soap,
        }
    }

    fn of_text(text: &str) -> Self {
        if !text.starts_with("error=") || text.contains(char::is_whitespace) {
            return Self::Other;
        }
        let member = |name: &str| {
            let mut members = form_urlencoded::parse(text.as_bytes());
            members.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        Self::OAuth { error: member("error").unwrap_or_default(), description: member("error_description") }
    }

    /// What other JSON says to people.
    pub fn said_otherwise(&self) -> Option<String> {
        match self {
            Self::Json(json) => said(json),
            _ => None,
        }
    }
}

fn is_word(text: &str) -> bool {
    text.len() <= 64 && text.contains('_') && text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_')
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::auth::basic;
    use crate::http::failure::NetworkError;
    use proptest::prelude::*;
    use reqwest::header::HeaderMap;

    /// An answer of these parts.
    pub fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Response {
        let headers = headers.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap()));
        Response { status, headers: headers.collect::<HeaderMap>(), body: body.as_bytes().to_vec(), broken: None }
    }

    /// What `look` sees in an answer to this request.
    pub fn classified<T>(
        answer: &Response,
        request: RequestKind<'_>,
        credential: CredentialKind,
        look: impl FnOnce(&ClassifiedResponse<'_>) -> T,
    ) -> T {
        look(&ClassifiedResponse {
            raw: answer,
            body: Body::read(answer),
            request,
            credential,
            subject: &Subject::New,
            instance: &"https://acme.my.salesforce.com".parse().unwrap(),
            user: None,
            redactor: &Redactor::default(),
        })
    }

    pub const PASSWORD: CredentialKind = CredentialKind::Secret(&basic::SPEC);

    /// An access token of this age.
    pub fn token(age: TokenAge) -> CredentialKind {
        CredentialKind::AccessToken { spec: &crate::auth::oauth::AUTHORIZATION_CODE, age }
    }

    fn body(text: &str) -> String {
        format!("{:?}", Body::read(&answer(200, &[], text)))
    }

    #[test]
    fn a_body_is_told_by_what_it_is_not_by_what_it_claims() {
        for (text, is) in [
            (r#"[{"message":"m","errorCode":"C","fields":[]}]"#, r#"Errors([ApiError { code: "C", text: "m" }])"#),
            (r#"{"message":"m","errorCode":"C"}"#, r#"Errors([ApiError { code: "C", text: "m" }])"#),
            (r#"[{"id":"a","success":true,"errors":[]}]"#, "Json("),
            ("[]", "Json("),
            (
                r#"{"error":"invalid_grant","error_description":"d"}"#,
                r#"OAuth { error: "invalid_grant", description: Some("d") }"#,
            ),
            (
                "error=invalid_token&error_description=the%20token+is+none",
                r#"OAuth { error: "invalid_token", description: Some("the token is none") }"#,
            ),
            ("Bad_OAuth_Token", r#"Word("Bad_OAuth_Token")"#),
            ("OK", "Other"),
            ("error=a b", "Other"),
            ("<html><title>We are down</title>", r#"Html { title: Some("We are down") }"#),
            (
                r#"<?xml version="1.0"?><e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><faultcode>sf:X</faultcode><faultstring>X: y</faultstring></e:Fault></e:Body></e:Envelope>"#,
                r#"Errors([ApiError { code: "X", text: "y" }])"#,
            ),
            (r#"<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/">"#, "Soap"),
            (r#"{"records":[{"#, "CutJson"),
            ("", "Empty"),
        ] {
            assert!(body(text).starts_with(is), "{text}: {}", body(text));
        }
    }

    #[test]
    fn a_session_is_renewed_on_what_names_it_and_on_nothing_else() {
        let helps = |status, headers: &[(&'static str, &str)], body: &str| {
            let answer = answer(status, headers, body);
            classified(&answer, RequestKind::Api, token(TokenAge::Saved), |response| response.renewal_may_help())
        };
        let error = |code: &str, text: &str| format!(r#"[{{"message":"{text}","errorCode":"{code}"}}]"#);
        let fault = r#"<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><e:Fault><faultcode>sf:INVALID_SESSION_ID</faultcode><faultstring>INVALID_SESSION_ID: Invalid Session ID found</faultstring></e:Fault></e:Body></e:Envelope>"#;
        assert!(helps(401, &[], &error("INVALID_SESSION_ID", "Session expired or invalid")));
        assert!(helps(401, &[], &error("INVALID_SESSION_ID", "Sitzung abgelaufen oder ungültig")));
        assert!(helps(401, &[], &error("INVALID_AUTH_HEADER", "INVALID_JWT_FORMAT")));
        assert!(helps(403, &[], "Bad_OAuth_Token"));
        assert!(helps(500, &[], fault));
        assert!(helps(401, &[("sforce-limit-info", "api-usage=1/2")], ""));
        for (status, body) in [
            (401, error("INVALID_SESSION_ID", "This session is not valid for use with the REST API")),
            (401, error("INVALID_SESSION_ID", "This session is not valid for use with the API")),
            (401, error("INVALID_SESSION_ID", "Connected app is not attached to Agent")),
            (401, error("INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")),
            (401, error("INVALID_AUTH_HEADER", "INVALID_SCOPES")),
            (401, error("UNKNOWN", "BlackTab users cannot perform API operations")),
            (403, error("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")),
            (403, "Missing_OAuth_Token".to_owned()),
            (403, "Bad_Id".to_owned()),
            (401, String::new()),
            (401, "<html>".to_owned()),
            (403, String::new()),
            (503, String::new()),
        ] {
            assert!(!helps(status, &[], &body), "{status} {body}");
        }
    }

    #[test]
    fn only_positive_evidence_proves_a_sign_in() {
        let proves = |status, request: RequestKind<'_>, body: &str| {
            classified(&answer(status, &[], body), request, PASSWORD, |response| response.proves_sign_in())
        };
        let rows = r#"{"totalSize":0,"done":true,"records":[]}"#;
        let versions = r#"[{"label":"x","url":"/services/data/v64.0","version":"64.0"}]"#;
        let hidden = r#"[{"errorCode":"INVALID_TYPE","message":"x"}]"#;
        assert!(proves(200, RequestKind::Api, rows));
        assert!(proves(400, RequestKind::Api, hidden));
        assert!(proves(403, RequestKind::Api, r#"[{"errorCode":"API_DISABLED_FOR_ORG","message":""}]"#));
        assert!(proves(
            401,
            RequestKind::Api,
            r#"[{"errorCode":"INVALID_SESSION_ID","message":"This session is not valid for use with the REST API"}]"#
        ));
        for (status, request, body) in [
            (200, RequestKind::Preflight, versions),
            (200, RequestKind::Api, versions),
            (200, RequestKind::Api, "{}"),
            (200, RequestKind::Api, "<html>"),
            (400, RequestKind::Login, hidden),
            (401, RequestKind::Api, r#"[{"errorCode":"INVALID_SESSION_ID","message":"Session expired or invalid"}]"#),
            (403, RequestKind::Identity, "Bad_OAuth_Token"),
            (429, RequestKind::Api, hidden),
            (503, RequestKind::Api, r#"[{"errorCode":"SERVER_UNAVAILABLE","message":""}]"#),
        ] {
            assert!(!proves(status, request, body), "{status} {body}");
        }
    }

    #[test]
    fn salesforce_is_known_by_its_forms_and_headers() {
        let is = |headers: &[(&'static str, &str)], body: &str| {
            classified(&answer(200, headers, body), RequestKind::Preflight, CredentialKind::Nothing, |response| {
                response.is_salesforce()
            })
        };
        assert!(is(&[], r#"[{"label":"Winter '27","url":"/services/data/v68.0","version":"68.0"}]"#));
        assert!(is(&[("server", "sfdcedge")], "<html>"));
        assert!(is(&[("x-sfdc-request-id", "x")], ""));
        assert!(is(&[], "Missing_OAuth_Token"));
        for body in ["[]", "[1]", r#"[{"url":"/services/data/v1"}]"#, r#"{"error":"invalid_request"}"#, "<html>", ""] {
            assert!(!is(&[("server", "nginx")], body), "{body}");
        }
    }

    #[test]
    fn the_versions_are_listed_last_first() {
        let list = serde_json::json!([
            {"label": "a", "url": "/services/data/v20.0", "version": "20.0"},
            {"label": "b", "url": "/services/data/v64.0", "version": "64.0"},
            {"label": "c", "url": "/services/data/v68.0", "version": "68.0"},
        ]);
        let found: Vec<String> = versions(&list).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(found, ["v68.0", "v64.0"]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            start in proptest::sample::select(vec!["", "[{\"errorCode\":", "error=", "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\">", "\u{feff}", "<title"]),
            is_cut in any::<bool>(),
        ) {
            let mut body = start.as_bytes().to_vec();
            body.extend(bytes);
            let here: Instance = "https://acme.my.salesforce.com".parse().unwrap();
            let broken = is_cut.then(|| NetworkError::answer_too_large(&here.url("/"), "the 1 MiB limit".to_owned()));
            let answer = Response { status: 401, headers: HeaderMap::new(), body, broken };
            let read = Body::read(&answer);
            // Nothing is concluded from data that did not come whole.
            let says_nothing = matches!(read, Body::Html { .. } | Body::Broken);
            prop_assert!(!is_cut || says_nothing);
        }
    }
}
