//! SOAP, as far as `login()` and the session that comes of it.

mod envelope;
mod writing;

use std::time::Instant;

use super::answers::errors;
use super::fault::Fault;
use super::ids::short;
use super::org::Org;
use super::people::{Access, User, org_id};
use super::rest::LATEST;
use super::scenario::Scenario;
use crate::sandbox::answers::{Response, typed};
use crate::sandbox::request::{Body, Request};
use envelope::Envelope;
use writing::{Element, login_result, named_by_login, user_info};

/// The last version that knows `login()`, and the last that is retired.
const LAST_WITH_LOGIN: u32 = 64;
const RETIRED: u32 = 30;

const REFUSED: &str = "Invalid username, password, security token; or user locked out.";
const XML: &str = "text/xml;charset=UTF-8";

/// Partner or enterprise: one letter of the path, one word of the namespaces.
#[derive(Clone, Copy)]
struct Api {
    letter: char,
    word: &'static str,
}

impl Org {
    /// Answers what stands below `/services/Soap/`: `u/64.0`, also with the org behind it.
    pub(super) fn soap(&mut self, request: &Request<'_>, path: &str, now: Instant) -> Response {
        let mut parts = path.split('/');
        let api = match parts.next() {
            Some("u") => Api { letter: 'u', word: "partner" },
            Some("c") => Api { letter: 'c', word: "enterprise" },
            _ => return errors(404, "NOT_FOUND", "The requested resource does not exist"),
        };
        if request.method != "POST" {
            return typed(405, XML, String::new());
        }
        if !request.content_type.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/xml")) {
            return typed(415, XML, String::new());
        }
        if request.header("SOAPAction").is_none() {
            return fault(api, "soapenv:Client", "SOAPAction HTTP header missing");
        }
        let Body::Whole(body) = request.body else { return typed(413, XML, String::new()) };
        let envelope = match Envelope::read(body) {
            Ok(envelope) => envelope,
            Err(words) => return fault(api, "soapenv:Client", &words),
        };
        let Some(version) = parts.next().and_then(version) else {
            return refusal(api, "UNSUPPORTED_API_VERSION", "Invalid Api version specified on URL", true);
        };
        if envelope.namespace != format!("urn:{}.soap.sforce.com", api.word) {
            return no_operation(api, &envelope);
        }
        match envelope.operation.as_str() {
            "login" => {
                self.soap_logins += 1;
                self.login(api, version, &envelope, now)
            }
            "getUserInfo" => match envelope.session_id.as_ref().and_then(|session| self.tokens.find(session, now)) {
                Some(session) => {
                    let seconds = session.expires_at.saturating_duration_since(now).as_secs();
                    answer(api, "getUserInfo", vec![Element::of("result", user_info(session.user, seconds))])
                }
                None => dead_session(),
            },
            _ => no_operation(api, &envelope),
        }
    }

    fn login(&mut self, api: Api, version: u32, envelope: &Envelope, now: Instant) -> Response {
        let scenario = self.scenario;
        let own = scenario.into_iter().flat_map(Scenario::faults).find_map(|fault| match fault {
            Fault::Login(code, text) => Some((code, text)),
            _ => None,
        });
        if let Some((code, text)) = own {
            return refusal(api, code, text, scenario != Some(Scenario::FaultWithoutPrefix));
        }
        if version > LAST_WITH_LOGIN {
            let text = format!(
                "The SOAP Login operation is not available in the API version specified ({version}.0). Refer to the \
                 documentation for supported versions."
            );
            return refusal(api, "INVALID_OPERATION", &text, true);
        }
        let (name, secret) = (envelope.value("username"), envelope.value("password"));
        let is_right = |user: &&User| secret.strip_prefix(user.password) == Some(user.security_token);
        let user = User::named(name.trim()).filter(|user| user.access != Access::Frozen).filter(is_right);
        let Some(user) = user else { return refusal(api, "INVALID_LOGIN", REFUSED, true) };
        if user.access == Access::NoApi {
            let text = "API is not enabled for this Organization or Partner";
            return refusal(api, "API_DISABLED_FOR_ORG", text, true);
        }
        let has_expired = user.access == Access::PasswordExpired || scenario == Some(Scenario::PasswordExpired);
        let session = self.tokens.open(user, None, "", has_expired, now);
        let url = |letter: char| format!("{}/services/Soap/{letter}/{version}.0/{}", self.origin, short(&org_id()));
        let urls = (url('m'), url(api.letter));
        let seconds = self.tokens.access_ttl.as_secs();
        let second = (scenario == Some(Scenario::TwoSessions)).then(|| self.tokens.open(user, None, "", false, now));
        let result = login_result(&session, second.as_ref(), urls, seconds);
        let answer = answer(api, "login", vec![Element::of("result", result)]);
        match scenario {
            Some(Scenario::BillionLaughs) => named_by_login(answer, writing::LAUGHS, "&lol9;"),
            Some(Scenario::ExternalEntity) => named_by_login(answer, writing::FILE, "&file;"),
            _ => answer,
        }
    }
}

/// `64.0` of a path. One with a `v`, as REST has it, is none.
fn version(text: &str) -> Option<u32> {
    let version = text.strip_suffix(".0")?.parse().ok()?;
    (RETIRED + 1..=LATEST).contains(&version).then_some(version)
}

/// What a session that ended is answered, where XML is spoken.
pub fn dead_session() -> Response {
    let text =
        "Invalid Session ID found in SessionHeader: Illegal Session. Session not found, missing session key: null";
    let api = Api { letter: 'u', word: "partner" };
    let code = "INVALID_SESSION_ID";
    soap_fault(api, &format!("sf:{code}"), &format!("{code}: {text}"), detail("UnexpectedErrorFault", code, text))
}

/// A refusal of `login()`.
fn refusal(api: Api, code: &str, text: &str, has_prefix: bool) -> Response {
    let prefix = if has_prefix { "sf:" } else { "" };
    soap_fault(api, &format!("{prefix}{code}"), &format!("{code}: {text}"), detail("LoginFault", code, text))
}

fn detail(kind: &str, code: &str, text: &str) -> Vec<Element> {
    let parts = vec![Element::text("sf:exceptionCode", code), Element::text("sf:exceptionMessage", text)];
    vec![Element::of(&format!("sf:{kind}"), parts).typed(&format!("sf:{kind}"))]
}

fn no_operation(api: Api, envelope: &Envelope) -> Response {
    let Envelope { namespace, operation, .. } = envelope;
    let text = format!(
        "No operation available for request {{{namespace}}}{operation}, please check the WSDL for the service."
    );
    fault(api, "soapenv:Client", &text)
}

/// A fault of the protocol itself.
fn fault(api: Api, code: &str, text: &str) -> Response {
    soap_fault(api, code, text, Vec::new())
}

fn soap_fault(api: Api, code: &str, text: &str, detail: Vec<Element>) -> Response {
    let mut parts = vec![Element::text("faultcode", code), Element::text("faultstring", text)];
    if !detail.is_empty() {
        parts.push(Element::of("detail", detail));
    }
    let fault = Element::of("soapenv:Fault", parts);
    typed(500, XML, writing::document(&format!("urn:fault.{}.soap.sforce.com", api.word), true, &fault))
}

fn answer(api: Api, operation: &str, result: Vec<Element>) -> Response {
    let body = Element::of(&format!("{operation}Response"), result);
    typed(200, XML, writing::document(&format!("urn:{}.soap.sforce.com", api.word), false, &body))
}
