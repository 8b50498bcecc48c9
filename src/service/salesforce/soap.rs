//! The sign-in with a password, `login()` of the partner API: one request and one answer in
//! SOAP.
//!
//! Of an answer only elements and their texts are read. It is bounded, and nothing in it is
//! expanded: a document type, or an entity beyond the five of XML, makes it unreadable.

use quick_xml::Reader;
use quick_xml::escape::{escape, resolve_xml_entity};
use quick_xml::events::Event;
use zeroize::Zeroizing;

use super::hosts::is_of_salesforce;
use crate::base::secret::{InvalidSecret, Secret};
use crate::base::shown::shown_as_displayed;
use crate::model::instance::Instance;
use crate::model::user_name::UserName;

shown_as_displayed!(Unreadable);

/// The headers of the request beside its length.
pub const HEADERS: [(&str, &str); 2] = [("content-type", "text/xml; charset=UTF-8"), ("soapaction", "login")];

/// An answer has a few KiB.
const MOST_BYTES: usize = 256 * 1024;
const MOST_ELEMENTS: usize = 1000;
const DEEPEST: usize = 16;

/// What a good answer says.
#[derive(Debug)]
pub struct Login {
    pub session: Secret,
    /// Where the API of the organization is.
    pub server: Instance,
    /// The password is right, and the session can do nothing but set another.
    pub password_expired: bool,
}

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Without the prefix of its namespace.
    pub code: String,
    /// Without the code before it.
    pub text: String,
}

/// An answer in SOAP.
#[derive(Debug)]
pub enum Answer {
    Login(Box<Login>),
    Fault(Fault),
}

/// Why an answer is none. Never repeats what may be a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("it is too large")]
    TooLarge,
    #[error("it is nested too deeply or has too many elements")]
    TooComplex,
    #[error("it has a document type, which is never needed")]
    DocumentType,
    #[error("it has an entity that is none of XML")]
    Entity,
    #[error("it is not well-formed XML")]
    Malformed,
    #[error("it has neither one session nor one fault")]
    NotOneAnswer,
    #[error("its session, user or organization cannot be used")]
    Unusable,
    #[error("it names a server outside Salesforce")]
    OtherServer,
}

/// The body of the request; the security token goes right behind the password.
pub fn envelope(user: &UserName, password: &Secret, token: Option<&Secret>) -> Result<Secret, InvalidSecret> {
    let whole = match token {
        Some(token) => password.followed_by(token)?,
        None => password.clone(),
    };
    let whole = Zeroizing::new(escape(whole.expose()).into_owned());
    Secret::derived(format!(
        concat!(
            r#"<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"><env:Body>"#,
            r#"<login xmlns="urn:partner.soap.sforce.com"><username>{}</username><password>{}</password></login>"#,
            "</env:Body></env:Envelope>"
        ),
        escape(user.as_str()),
        whole.as_str()
    ))
}

/// Reads the answer of `asked`: exactly one session, or exactly one fault.
pub fn read(body: &[u8], asked: &Instance) -> Result<Answer, Unreadable> {
    let document = Element::document(body)?;
    if document.name != "Envelope" {
        return Err(Unreadable::NotOneAnswer);
    }
    let content = document.only("Body").ok_or(Unreadable::NotOneAnswer)?;
    let [answer] = content.children.as_slice() else { return Err(Unreadable::NotOneAnswer) };
    match (answer.name.as_str(), document.count("sessionId")) {
        ("Fault", 0) => Ok(Answer::Fault(fault(answer))),
        ("loginResponse", 1) => Ok(Answer::Login(Box::new(login(answer, asked)?))),
        _ => Err(Unreadable::NotOneAnswer),
    }
}

/// Whether a body claims to be SOAP.
pub fn is_claimed(text: &str) -> bool {
    let start: String = text.chars().take(1024).collect();
    text.starts_with('<') && start.contains("schemas.xmlsoap.org/soap/envelope")
}

fn fault(fault: &Element) -> Fault {
    let text = |name: &str| fault.only(name).map(|element| element.text.trim().to_owned());
    let details: Vec<&Element> = fault.only("detail").into_iter().flat_map(|detail| &detail.children).collect();
    let detail = |name: &str| details.iter().find_map(|detail| Some(detail.only(name)?.text.trim().to_owned()));
    let without_prefix = |code: String| code.rsplit(':').next().unwrap_or_default().to_owned();
    let code = detail("exceptionCode").or_else(|| text("faultcode")).map(without_prefix).unwrap_or_default();
    let text = detail("exceptionMessage").or_else(|| text("faultstring")).unwrap_or_default();
    let text = match text.strip_prefix(&code).and_then(|rest| rest.strip_prefix(':')) {
        Some(rest) if !code.is_empty() => rest.trim().to_owned(),
        _ => text,
    };
    Fault { code, text }
}

fn login(response: &Element, asked: &Instance) -> Result<Login, Unreadable> {
    let result = response.only("result").ok_or(Unreadable::NotOneAnswer)?;
    let session = result.only("sessionId").ok_or(Unreadable::NotOneAnswer)?;
    let is_token = !session.text.is_empty() && session.text.bytes().all(|byte| byte.is_ascii_graphic());
    let session = Some(&session.text).filter(|_| is_token).and_then(|text| Secret::new(text.clone()).ok());
    let text = |element: &Element, name: &str| {
        let text = element.only(name)?.text.trim();
        (!text.is_empty() && text.len() <= 255).then(|| text.to_owned())
    };
    let user = result.only("userInfo").ok_or(Unreadable::Unusable)?;
    let is_of_a_user = text(user, "userName").and(text(result, "userId")).and(text(user, "organizationId")).is_some();
    if !is_of_a_user {
        return Err(Unreadable::Unusable);
    }
    let server = text(result, "serverUrl").ok_or(Unreadable::OtherServer)?;
    Ok(Login {
        session: session.ok_or(Unreadable::Unusable)?,
        server: server_of(&server, asked).ok_or(Unreadable::OtherServer)?,
        password_expired: match text(result, "passwordExpired").as_deref() {
            Some("true" | "1") => true,
            Some("false" | "0") | None => false,
            Some(_) => return Err(Unreadable::Unusable),
        },
    })
}

/// The origin of the server that an answer names: one of Salesforce, or that of the answer.
fn server_of(url: &str, asked: &Instance) -> Option<Instance> {
    let is_whole = url.starts_with("https://") || url.starts_with("http://");
    let server = super::address::Address::parse(url).ok().filter(|_| is_whole)?.instance;
    let is_known = is_of_salesforce(server.host()) || server == *asked || (server.is_loopback() && asked.is_loopback());
    is_known.then_some(server)
}

/// An element of a document: its name without a prefix, its text, and those within.
#[derive(Debug, Default)]
struct Element {
    name: String,
    text: String,
    children: Vec<Self>,
}

impl Element {
    /// The root of a document.
    fn document(body: &[u8]) -> Result<Self, Unreadable> {
        if body.len() > MOST_BYTES {
            return Err(Unreadable::TooLarge);
        }
        let text = std::str::from_utf8(body).map_err(|_| Unreadable::Malformed)?;
        let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}').trim());
        // The first is the document itself, which has one element.
        let (mut open, mut elements) = (vec![Self::default()], 0);
        loop {
            let event = reader.read_event().map_err(|_| Unreadable::Malformed)?;
            match event {
                Event::Start(start) | Event::Empty(start) if elements == MOST_ELEMENTS || open.len() > DEEPEST => {
                    drop(start);
                    return Err(Unreadable::TooComplex);
                }
                Event::Start(start) => {
                    elements += 1;
                    open.push(Self::named(start.local_name().as_ref())?);
                }
                Event::Empty(start) => {
                    elements += 1;
                    let element = Self::named(start.local_name().as_ref())?;
                    Self::innermost(&mut open)?.children.push(element);
                }
                Event::End(_) => {
                    let element = open.pop().ok_or(Unreadable::Malformed)?;
                    Self::innermost(&mut open)?.children.push(element);
                }
                Event::Text(text) => {
                    let text = text.decode().map_err(|_| Unreadable::Malformed)?;
                    Self::innermost(&mut open)?.text.push_str(&text);
                }
                Event::CData(text) => {
                    let text = text.decode().map_err(|_| Unreadable::Malformed)?;
                    Self::innermost(&mut open)?.text.push_str(&text);
                }
                Event::GeneralRef(reference) => {
                    let character = reference.resolve_char_ref().map_err(|_| Unreadable::Entity)?;
                    let name = reference.decode().map_err(|_| Unreadable::Malformed)?;
                    let text = &mut Self::innermost(&mut open)?.text;
                    match character {
                        Some(character) => text.push(character),
                        None => text.push_str(resolve_xml_entity(&name).ok_or(Unreadable::Entity)?),
                    }
                }
                Event::DocType(_) => return Err(Unreadable::DocumentType),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof => break,
            }
        }
        let [document] = open.as_mut_slice() else { return Err(Unreadable::Malformed) };
        let is_one = document.children.len() == 1 && document.text.trim().is_empty();
        document.children.pop().filter(|_| is_one).ok_or(Unreadable::Malformed)
    }

    fn named(name: &[u8]) -> Result<Self, Unreadable> {
        let name = std::str::from_utf8(name).map_err(|_| Unreadable::Malformed)?;
        Ok(Self { name: name.to_owned(), ..Self::default() })
    }

    fn innermost(open: &mut [Self]) -> Result<&mut Self, Unreadable> {
        open.last_mut().ok_or(Unreadable::Malformed)
    }

    /// The one element of this name directly within.
    fn only(&self, name: &str) -> Option<&Self> {
        let mut found = self.children.iter().filter(|child| child.name == name);
        found.next().filter(|_| found.next().is_none())
    }

    /// How many elements of this name are within, at any depth.
    fn count(&self, name: &str) -> usize {
        self.children.iter().map(|child| usize::from(child.name == name) + child.count(name)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SESSION: &str = "00Dxx0000001gER!AQEAQ";

    fn result(session: &str, server: &str, expired: &str) -> String {
        format!(
            "<result><metadataServerUrl>{server}/services/Soap/m/64.0/00D</metadataServerUrl>\
             <passwordExpired>{expired}</passwordExpired><sandbox>false</sandbox>\
             <serverUrl>{server}/services/Soap/u/64.0/00Dxx0000001gER</serverUrl>{session}\
             <userId>005xx000001Sv1xAAC</userId><userInfo><organizationId>00Dxx0000001gERAAY</organizationId>\
             <roleId xsi:nil=\"true\"/><sessionSecondsValid>7200</sessionSecondsValid>\
             <userName>jo&amp;e@acme.ex&#97;mple</userName></userInfo></result>"
        )
    }

    fn enveloped(body: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soapenv:Envelope \
             xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns=\"urn:partner.soap.sforce.com\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\
             <soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
        )
    }

    fn session() -> String {
        format!("<sessionId>{SESSION}</sessionId>")
    }

    fn good() -> String {
        let result = result(&session(), "https://acme.my.salesforce.com", "false");
        enveloped(&format!("<loginResponse>{result}</loginResponse>"))
    }

    fn here() -> Instance {
        "https://login.salesforce.com".parse().unwrap()
    }

    fn refused(text: &str) -> Unreadable {
        read(text.as_bytes(), &here()).unwrap_err()
    }

    fn signed_in(text: &str, asked: &str) -> Result<Login, Unreadable> {
        match read(text.as_bytes(), &asked.parse().unwrap())? {
            Answer::Login(login) => Ok(*login),
            Answer::Fault(fault) => panic!("{fault:?}"),
        }
    }

    #[test]
    fn what_a_password_holds_is_escaped_with_its_token_behind_it() {
        let user = "jo&e@acme.example".parse().unwrap();
        let secret = |text: &str| Secret::new(text.to_owned()).unwrap();
        let body = envelope(&user, &secret("a<b>&\"'"), Some(&secret("TOKEN"))).unwrap();
        assert!(body.expose().contains("<username>jo&amp;e@acme.example</username>"), "{}", body.expose());
        assert!(body.expose().contains("<password>a&lt;b&gt;&amp;&quot;&apos;TOKEN</password>"), "{}", body.expose());
        let document = Element::document(body.expose().as_bytes()).unwrap();
        let login = document.only("Body").unwrap().only("login").unwrap();
        assert_eq!(login.only("password").unwrap().text, "a<b>&\"'TOKEN");
    }

    #[test]
    fn a_good_answer_gives_session_and_server() {
        let login = signed_in(&good(), "https://login.salesforce.com").unwrap();
        assert_eq!(login.session.expose(), SESSION);
        assert_eq!(login.server.origin(), "https://acme.my.salesforce.com");
        assert!(!login.password_expired);
        let expired = good().replace("<passwordExpired>false", "<passwordExpired>true");
        assert!(signed_in(&expired, "https://login.salesforce.com").unwrap().password_expired);
    }

    #[test]
    fn the_server_is_one_of_salesforce_or_the_one_that_answered() {
        let at = |server: &str, asked: &str| {
            let body = enveloped(&format!("<loginResponse>{}</loginResponse>", result(&session(), server, "false")));
            signed_in(&body, asked).map(|login| login.server.to_string())
        };
        let loopback = "http://127.0.0.1:8080";
        assert_eq!(at(loopback, loopback).unwrap(), loopback);
        assert_eq!(at("https://api.acme.example", "https://api.acme.example").unwrap(), "https://api.acme.example");
        for (server, asked) in [
            ("https://evil.example", "https://login.salesforce.com"),
            ("https://acme.my.salesforce.com.evil.example", "https://login.salesforce.com"),
            ("http://acme.my.salesforce.com", "https://login.salesforce.com"),
            ("https://u:p@acme.my.salesforce.com", "https://login.salesforce.com"),
            (loopback, "https://login.salesforce.com"),
            ("https://evil.example", loopback),
            ("acme", "https://login.salesforce.com"),
        ] {
            assert_eq!(at(server, asked).unwrap_err(), Unreadable::OtherServer, "{server}");
        }
    }

    #[test]
    fn a_fault_is_its_code_and_text_without_prefixes() {
        let detail = "<detail><sf:LoginFault xmlns:sf=\"urn:fault.partner.soap.sforce.com\"><sf:exceptionCode>\
                      INVALID_LOGIN</sf:exceptionCode><sf:exceptionMessage>Invalid username</sf:exceptionMessage>\
                      </sf:LoginFault></detail>";
        for (fault, code, text) in [
            (
                format!("<faultcode>sf:INVALID_LOGIN</faultcode><faultstring>INVALID_LOGIN: no</faultstring>{detail}"),
                "INVALID_LOGIN",
                "Invalid username",
            ),
            (
                "<faultcode>INVALID_SESSION_ID</faultcode><faultstring>INVALID_SESSION_ID: Invalid Session ID: \
                 x</faultstring>"
                    .to_owned(),
                "INVALID_SESSION_ID",
                "Invalid Session ID: x",
            ),
            ("<faultstring>no code</faultstring>".to_owned(), "", "no code"),
        ] {
            let body = enveloped(&format!("<soapenv:Fault>{fault}</soapenv:Fault>"));
            match read(body.as_bytes(), &here()).unwrap() {
                Answer::Fault(fault) => assert_eq!((fault.code.as_str(), fault.text.as_str()), (code, text)),
                Answer::Login(_) => panic!("{body}"),
            }
        }
    }

    #[test]
    fn an_answer_with_two_sessions_or_none_is_refused() {
        let twice = good().replace(&session(), &format!("{0}{0}", session()));
        let result = result(&session(), "https://acme.my.salesforce.com", "false");
        for body in [
            twice,
            enveloped(&format!("<loginResponse>{result}{result}</loginResponse>")),
            enveloped(&format!("<loginResponse>{result}</loginResponse><loginResponse>{result}</loginResponse>")),
            enveloped(&format!("<loginResponse>{result}</loginResponse><soapenv:Fault/>")),
            enveloped(&format!("<soapenv:Fault>{}</soapenv:Fault>", session())),
            good().replace("<userId>", &format!("{}<userId>", session())),
            good().replace(&session(), ""),
            enveloped(""),
            good().replace("Envelope", "Envelop"),
        ] {
            assert_eq!(refused(&body), Unreadable::NotOneAnswer, "{body}");
        }
        for body in [
            good().replace(SESSION, ""),
            good().replace(SESSION, "a b"),
            good().replace(SESSION, "a&#10;b"),
            good().replace("<passwordExpired>false", "<passwordExpired>maybe"),
            good().replace("userName", "userNome"),
        ] {
            assert_eq!(refused(&body), Unreadable::Unusable, "{body}");
        }
    }

    #[test]
    fn nothing_is_expanded() {
        let laughs = format!(
            "<!DOCTYPE lolz [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">]>{}",
            good().replace(SESSION, "&b;").split_once("?>").unwrap().1
        );
        assert_eq!(refused(&laughs), Unreadable::DocumentType);
        let external = format!(
            "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>{}",
            good().replace(SESSION, "&e;").split_once("?>").unwrap().1
        );
        assert_eq!(refused(&external), Unreadable::DocumentType);
        assert_eq!(
            refused(&format!("<!DOCTYPE x SYSTEM \"http://evil.example/x.dtd\">{}", "<x/>")),
            Unreadable::DocumentType
        );
        for entity in ["&e;", "&nbsp;", "&#0;", "&#xd800;", "&#99999999;", "&#x;"] {
            assert_eq!(refused(&good().replace(SESSION, entity)), Unreadable::Entity, "{entity}");
        }
    }

    #[test]
    fn what_is_large_deep_or_no_xml_is_refused() {
        assert_eq!(refused(&format!("{}{}", good(), " ".repeat(MOST_BYTES))), Unreadable::TooLarge);
        assert_eq!(refused(&"<a>".repeat(10_000)), Unreadable::TooComplex);
        assert_eq!(refused(&format!("<a>{}</a>", "<b/>".repeat(2000))), Unreadable::TooComplex);
        for body in ["", "x", "<a>", "<a></b>", "</a>", "<a/><b/>", "<a/>x", "<a", "<a>&</a>", "<a>&amp</a>"] {
            assert_eq!(refused(body), Unreadable::Malformed, "{body}");
        }
        assert_eq!(read(b"<a>\xff</a>", &here()).unwrap_err(), Unreadable::Malformed);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic_and_within_bounds(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            at in 0usize..1200,
            is_inserted in any::<bool>(),
        ) {
            let mut body = good().into_bytes();
            let at = at.min(body.len());
            if is_inserted {
                body.splice(at..at, bytes.iter().copied());
            } else {
                let end = (at + bytes.len()).min(body.len());
                body.splice(at..end, bytes.iter().copied());
            }
            if let Ok(Answer::Login(login)) = read(&body, &here()) {
                prop_assert!(login.session.expose().len() <= body.len());
                prop_assert!(is_of_salesforce(login.server.host()));
            }
        }

        #[test]
        fn any_markup_is_read_without_a_panic(text in r"(<[a-z:/!?]{0,6}>|<!DOCTYPE|<!\[CDATA\[|\]\]>|&[#a-z0-9]{0,5};?|<!--|-->|[ -~é]){0,60}") {
            let _ = read(text.as_bytes(), &here());
            let _ = read(enveloped(&text).as_bytes(), &here());
        }
    }
}
