//! What SOAP answers, element by element in the order of the WSDL.

use crate::base::html::escaped;
use crate::sandbox::answers::Response;
use crate::sandbox::salesforce::people::{ORG_NAME, User, org_id};
use crate::sandbox::salesforce::tokens::Session;

/// An element with elements in it, or with text, or nil.
pub struct Element {
    name: String,
    kind: Option<String>,
    content: Content,
}

enum Content {
    Elements(Vec<Element>),
    Text(String),
    Nil,
}

impl Element {
    pub fn of(name: &str, elements: Vec<Self>) -> Self {
        Self { name: name.to_owned(), kind: None, content: Content::Elements(elements) }
    }

    pub fn text(name: &str, text: &str) -> Self {
        Self { name: name.to_owned(), kind: None, content: Content::Text(text.to_owned()) }
    }

    fn nil(name: &str) -> Self {
        Self { name: name.to_owned(), kind: None, content: Content::Nil }
    }

    /// Says its type.
    pub fn typed(self, kind: &str) -> Self {
        Self { kind: Some(kind.to_owned()), ..self }
    }

    fn write(&self, to: &mut String) {
        let Self { name, kind, content } = self;
        let kind = kind.as_ref().map_or_else(String::new, |kind| format!(" xsi:type=\"{kind}\""));
        match content {
            Content::Nil => to.push_str(&format!("<{name} xsi:nil=\"true\"/>")),
            Content::Text(text) => to.push_str(&format!("<{name}{kind}>{}</{name}>", escaped(text))),
            Content::Elements(elements) => {
                to.push_str(&format!("<{name}{kind}>"));
                elements.iter().for_each(|element| element.write(to));
                to.push_str(&format!("</{name}>"));
            }
        }
    }
}

/// The envelope, with the namespace of what is in it: by the prefix `sf` of a fault.
pub fn document(namespace: &str, is_fault: bool, body: &Element) -> String {
    let mut inside = String::new();
    body.write(&mut inside);
    let prefix = if is_fault { ":sf" } else { "" };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" xmlns{prefix}=\"{namespace}\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><soapenv:Body>{inside}</soapenv:Body>\
         </soapenv:Envelope>"
    )
}

pub fn login_result(
    session: &Session,
    second: Option<&Session>,
    (metadata_url, url): (String, String),
    seconds: u64,
) -> Vec<Element> {
    let text = |(name, value): (&str, &str)| Element::text(name, value);
    let is = |is: bool| if is { "true" } else { "false" };
    let mut result = vec![
        text(("metadataServerUrl", &metadata_url)),
        text(("passwordExpired", is(session.is_for_password))),
        text(("sandbox", "false")),
        text(("serverUrl", &url)),
        text(("sessionId", &session.token)),
    ];
    result.extend(second.map(|second| text(("sessionId", &second.token))));
    result.push(text(("userId", &session.user.id())));
    result.push(Element::of("userInfo", user_info(session.user, seconds)));
    result
}

pub fn user_info(user: &User, seconds: u64) -> Vec<Element> {
    let (id, profile, name, org) = (user.id(), user.profile_id(), user.name(), org_id());
    let seconds = seconds.to_string();
    [
        ("accessibilityMode", Some("false")),
        ("chatterExternal", Some("false")),
        ("currencySymbol", Some("€")),
        ("orgAttachmentFileSizeLimit", Some("26214400")),
        ("orgDefaultCurrencyIsoCode", Some("EUR")),
        ("orgDefaultCurrencyLocale", Some("de_DE_EURO")),
        ("orgDisallowHtmlAttachments", Some("false")),
        ("orgHasPersonAccounts", Some("false")),
        ("organizationId", Some(org.as_str())),
        ("organizationMultiCurrency", Some("false")),
        ("organizationName", Some(ORG_NAME)),
        ("profileId", Some(&profile)),
        ("roleId", None),
        ("sessionSecondsValid", Some(&seconds)),
        ("userDefaultCurrencyIsoCode", None),
        ("userEmail", Some(user.email)),
        ("userFullName", Some(&name)),
        ("userId", Some(&id)),
        ("userLanguage", Some("en_US")),
        ("userLocale", Some("en_US")),
        ("userName", Some(user.user_name)),
        ("userTimeZone", Some("Europe/Berlin")),
        ("userType", Some("Standard")),
        ("userUiSkin", Some("Theme3")),
    ]
    .map(|(name, value)| value.map_or_else(|| Element::nil(name), |value| Element::text(name, value)))
    .into()
}

/// Ten entities of ten each, ten times: ten billion words for a reader that expands them.
pub const LAUGHS: &str = "<!DOCTYPE lolz [<!ENTITY lol \"lol\">\
<!ENTITY lol1 \"&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;\">\
<!ENTITY lol2 \"&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;&lol1;\">\
<!ENTITY lol3 \"&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;&lol2;\">\
<!ENTITY lol4 \"&lol3;&lol3;&lol3;&lol3;&lol3;&lol3;&lol3;&lol3;&lol3;&lol3;\">\
<!ENTITY lol5 \"&lol4;&lol4;&lol4;&lol4;&lol4;&lol4;&lol4;&lol4;&lol4;&lol4;\">\
<!ENTITY lol6 \"&lol5;&lol5;&lol5;&lol5;&lol5;&lol5;&lol5;&lol5;&lol5;&lol5;\">\
<!ENTITY lol7 \"&lol6;&lol6;&lol6;&lol6;&lol6;&lol6;&lol6;&lol6;&lol6;&lol6;\">\
<!ENTITY lol8 \"&lol7;&lol7;&lol7;&lol7;&lol7;&lol7;&lol7;&lol7;&lol7;&lol7;\">\
<!ENTITY lol9 \"&lol8;&lol8;&lol8;&lol8;&lol8;&lol8;&lol8;&lol8;&lol8;&lol8;\">]>";

/// An entity that is a file of the machine that reads it.
pub const FILE: &str = "<!DOCTYPE login [<!ENTITY file SYSTEM \"file:///etc/hostname\">]>";

/// The answer to `login()` with a document type, and with an entity of it as the name of
/// the org.
pub fn named_by_login(mut answer: Response, document_type: &str, entity: &str) -> Response {
    answer.body = answer.body.replacen("?>", &format!("?>{document_type}"), 1).replace(ORG_NAME, entity);
    answer
}
