//! One exact origin out of anything a person pastes.
//!
//! Pure text work: nothing is looked up and nothing is asked. What cannot be
//! told for sure is refused with the reason, because a password follows.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::{Host, Url};

use crate::base::code::Code;
use crate::base::error::Failure;
use crate::base::shown::{Shown, shown, shown_as_displayed};

shown_as_displayed!(Instance);

/// Appended to a bare instance name.
const COMMERCIAL_SUFFIX: &str = "service-now.com";
/// Hosts of ServiceNow that are not instances.
const PORTALS: &[&str] = &[
    "developer.servicenow.com",
    "developers.servicenow.com",
    "signon.servicenow.com",
    "www.servicenow.com",
    "servicenow.com",
    "www.service-now.com",
    "service-now.com",
    "servicenowservices.com",
];

/// The origin that a connection speaks to: scheme, host and port, in one
/// canonical form. `https`, or `http` on loopback.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Instance {
    origin: String,
    url: Url,
}

/// The REST API version in the path (`/api/now/v2/…`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiVersion {
    V1,
    V2,
}

/// What an address says: the origin, and the API version where its path names
/// one, as Boomi's base URLs do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub instance: Instance,
    pub api_version: Option<ApiVersion>,
}

/// Why a text is not the address of an instance. Never repeats the part
/// before an `@`, which may be a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidInstance {
    #[error("the instance is empty")]
    Empty,
    #[error("the instance holds a space or a control character")]
    ControlCharacter,
    #[error("the instance holds a backslash, which browsers and tools read differently")]
    Backslash,
    #[error("the address holds a user name or password before an @")]
    UserInfo,
    #[error("the host name has characters outside ASCII, which can imitate other letters")]
    NotAscii,
    #[error("the host name is percent-encoded")]
    PercentEncoded,
    #[error("\"{0}\" is not a scheme for an instance")]
    Scheme(String),
    #[error("\"{0}\" is not a host name")]
    Host(String),
    #[error("\"{0}\" has a port that is not a number from 1 to 65535")]
    Port(String),
    #[error("\"{0}\" is a ServiceNow site, but not an instance")]
    Portal(String),
    #[error("http would send the password to {0} in the clear")]
    Insecure(String),
}

impl From<InvalidInstance> for Failure {
    fn from(invalid: InvalidInstance) -> Self {
        let code = match invalid {
            InvalidInstance::Insecure(_) => Code::InsecureInstance,
            _ => Code::InvalidInstance,
        };
        let next = match &invalid {
            InvalidInstance::Insecure(host) => format!("Use https://{host} instead"),
            InvalidInstance::UserInfo => {
                "Leave the user out of the address: give it with --username, and the password at the prompt".into()
            }
            InvalidInstance::Portal(_) => {
                "Use the address of your instance, such as dev12345 or https://acme.service-now.com".into()
            }
            InvalidInstance::NotAscii => {
                "Type the host name by hand, or use its xn-- form if it really is an international name".into()
            }
            _ => "Give a name such as dev12345, a host, or a URL copied from the browser".into(),
        };
        Failure::new(code, Shown::outside(invalid.to_string())).next(Shown::outside(next))
    }
}

impl Address {
    /// Reads a bare name (`dev12345`), a host, or any URL of an instance.
    ///
    /// A bare name gets `.service-now.com`; path, query and fragment are
    /// dropped, apart from the API version; the host is lower-cased, a final
    /// dot and a default port go. Parsing an origin gives the same origin.
    pub fn parse(text: &str) -> Result<Self, InvalidInstance> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidInstance::Empty);
        }
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) if !scheme.contains(['/', '?', '#', '@', ':']) => {
                (Some(scheme.to_ascii_lowercase()), rest)
            }
            _ => (None, text),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        // Before anything else, so that no later message can show a password.
        if authority.contains('@') {
            return Err(InvalidInstance::UserInfo);
        }
        if authority.contains('\\') {
            return Err(InvalidInstance::Backslash);
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(InvalidInstance::ControlCharacter);
        }
        if !authority.is_ascii() {
            return Err(InvalidInstance::NotAscii);
        }
        if authority.contains('%') {
            return Err(InvalidInstance::PercentEncoded);
        }
        if let Some(scheme) = &scheme
            && scheme != "https"
            && scheme != "http"
        {
            return Err(InvalidInstance::Scheme(scheme.clone()));
        }
        let authority = match (&scheme, is_bare_name(authority)) {
            (None, true) => format!("{}.{COMMERCIAL_SUFFIX}", authority.trim_end_matches('.')),
            _ => authority.to_owned(),
        };
        let instance = Instance::from_authority(scheme.as_deref().unwrap_or("https"), &authority);
        // A password may hold the very characters that end an authority.
        let instance =
            instance.map_err(|invalid| if tail.contains('@') { InvalidInstance::UserInfo } else { invalid })?;
        Ok(Self { instance, api_version: api_version_in(tail) })
    }
}

impl Instance {
    fn from_authority(scheme: &str, authority: &str) -> Result<Self, InvalidInstance> {
        let (host, port) = split_port(authority)?;
        let not_a_host = || InvalidInstance::Host(host.to_owned());
        let dotless = host.strip_suffix('.').unwrap_or(host);
        if !is_host(dotless) {
            return Err(not_a_host());
        }
        let host = dotless.to_ascii_lowercase();
        let url = match port {
            Some(port) => format!("{scheme}://{host}:{port}/"),
            None => format!("{scheme}://{host}/"),
        };
        let url = Url::parse(&url).map_err(|_| not_a_host())?;
        let host = url.host_str().ok_or_else(not_a_host)?;
        if PORTALS.contains(&host) {
            return Err(InvalidInstance::Portal(host.to_owned()));
        }
        if url.scheme() == "http" && !is_loopback(&url) {
            return Err(InvalidInstance::Insecure(host.to_owned()));
        }
        Ok(Self { origin: url.origin().ascii_serialization(), url })
    }

    /// `https://host[:port]`, without a final slash.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The host as in a URL: IPv6 addresses keep their brackets.
    pub fn host(&self) -> &str {
        self.url.host_str().expect("an instance has a host")
    }

    /// The port, the default one included.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().expect("http and https have default ports")
    }

    /// Host, and port where it is not the default: what a person recognises.
    pub fn host_and_port(&self) -> Shown {
        match self.url.port() {
            Some(port) => shown!("{}:{}", Shown::outside(self.host()), port),
            None => Shown::outside(self.host()),
        }
    }

    /// The URL of a path of this instance. `path` starts with a slash.
    pub fn url(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(path);
        url
    }

    /// Whether requests stay on this machine.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// An IP address or localhost: the host says nothing about whose it is.
    pub fn is_anonymous(&self) -> bool {
        !matches!(self.url.host(), Some(Host::Domain(domain)) if domain != "localhost")
    }
}

impl FromStr for Instance {
    type Err = InvalidInstance;

    fn from_str(text: &str) -> Result<Self, InvalidInstance> {
        Address::parse(text).map(|address| address.instance)
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.origin)
    }
}

impl serde::Serialize for Instance {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.origin)
    }
}

impl ApiVersion {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
        }
    }
}

impl FromStr for ApiVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "v1" => Ok(Self::V1),
            "v2" => Ok(Self::V2),
            _ => Err(format!("\"{text}\" is not an API version: v1 or v2")),
        }
    }
}

/// A name of an instance without its domain: one label that is no address.
fn is_bare_name(authority: &str) -> bool {
    let label = authority.strip_suffix('.').unwrap_or(authority);
    !label.eq_ignore_ascii_case("localhost") && is_label(label) && !label.contains('_')
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[') {
        let address = address.strip_suffix(']').unwrap_or("");
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    // The URL standard reads a last label of digits as an IPv4 address in
    // many disguises (0x7f.1, 2130706433); only the plain form is meant.
    let last = host.rsplit('.').next().unwrap_or("");
    if last.bytes().all(|byte| byte.is_ascii_digit()) || last.to_ascii_lowercase().starts_with("0x") {
        return host.parse::<std::net::Ipv4Addr>().is_ok();
    }
    host.len() <= 253 && host.split('.').all(is_label)
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), InvalidInstance> {
    let colon = match authority.rfind(']') {
        Some(bracket) => authority[bracket..].find(':').map(|at| bracket + at),
        None => authority.find(':'),
    };
    let Some(colon) = colon else {
        return Ok((authority, None));
    };
    let (host, port) = (&authority[..colon], &authority[colon + 1..]);
    let number = port.parse::<u16>().ok().filter(|&number| number > 0);
    match number {
        Some(number) if port.bytes().all(|byte| byte.is_ascii_digit()) => Ok((host, Some(number))),
        _ => Err(InvalidInstance::Port(authority.to_owned())),
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(domain)) => domain == "localhost" || domain.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

fn api_version_in(tail: &str) -> Option<ApiVersion> {
    let path = tail.split(['?', '#']).next().unwrap_or("");
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    match (segments.next(), segments.next(), segments.next()) {
        (Some("api"), Some("now"), Some(version)) => version.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn origin(text: &str) -> String {
        match Address::parse(text) {
            Ok(address) => address.instance.to_string(),
            Err(invalid) => format!("{invalid:?}"),
        }
    }

    #[test]
    fn everything_people_paste_gives_one_origin() {
        for text in [
            "dev12345",
            "DEV12345",
            " dev12345 ",
            "dev12345.",
            "dev12345.service-now.com",
            "dev12345.service-now.com.",
            "dev12345.service-now.com:443",
            "https://dev12345.service-now.com",
            "HTTPS://Dev12345.Service-Now.COM./",
            "https://dev12345.service-now.com:443/login.do",
            "https://dev12345.service-now.com/now/nav/ui/classic/params/target/incident_list.do%3Fsysparm_query%3Dactive%253Dtrue",
            "https://dev12345.service-now.com/nav_to.do?uri=incident.do?sys_id=1@2",
            "dev12345/nav_to.do?uri=%2Fhome.do",
            "dev12345.service-now.com/nav_to.do?uri=https://evil.example/@x",
            "https://dev12345.service-now.com#x@y",
        ] {
            assert_eq!(origin(text), "https://dev12345.service-now.com", "{text}");
        }
        assert_eq!(origin("acme.servicenowservices.com"), "https://acme.servicenowservices.com");
        assert_eq!(origin("https://it.acme.example/sp"), "https://it.acme.example");
        assert_eq!(origin("https://snow-onprem:8443"), "https://snow-onprem:8443");
        assert_eq!(origin("snow-onprem:8443"), "https://snow-onprem:8443");
        assert_eq!(origin("https://[2001:DB8::1]:8443/x"), "https://[2001:db8::1]:8443");
    }

    #[test]
    fn the_api_version_of_a_base_url_is_kept() {
        let version = |text| Address::parse(text).unwrap().api_version;
        assert_eq!(version("https://dev8954.service-now.com/api/now/v2"), Some(ApiVersion::V2));
        assert_eq!(version("dev8954/api/now/v1/table/incident?x=/api/now/v2"), Some(ApiVersion::V1));
        assert_eq!(version("dev8954/api/now/table/incident"), None);
        assert_eq!(version("dev8954/x?/api/now/v2"), None);
    }

    #[test]
    fn http_is_for_loopback_alone() {
        assert_eq!(origin("http://127.0.0.1:8080/x"), "http://127.0.0.1:8080");
        assert_eq!(origin("http://localhost:80"), "http://localhost");
        assert_eq!(origin("http://[::1]:8080"), "http://[::1]:8080");
        assert_eq!(origin("http://dev1.service-now.com"), r#"Insecure("dev1.service-now.com")"#);
        assert_eq!(origin("http://127.0.0.1.evil.example"), r#"Insecure("127.0.0.1.evil.example")"#);
        assert_eq!(origin("http://localhost.evil.example"), r#"Insecure("localhost.evil.example")"#);
    }

    #[test]
    fn what_could_send_a_password_astray_is_refused() {
        for (text, invalid) in [
            ("", "Empty"),
            ("  ", "Empty"),
            ("https://dev1.service-now.com@evil.example", "UserInfo"),
            ("https://u:CANARY@dev1.service-now.com", "UserInfo"),
            ("u:CANARY@dev1", "UserInfo"),
            ("https://dev1.service-now.com\\@evil.example", "UserInfo"),
            ("https://dev1.service-now.com\\.evil.example", "Backslash"),
            ("dev1\\evil", "Backslash"),
            ("dev1\u{0}", "ControlCharacter"),
            ("dev1 dev2", "ControlCharacter"),
            ("https://dev1.service-now.com/\r\nX: y", "ControlCharacter"),
            ("dév1", "NotAscii"),
            ("https://dev1.sеrvice-now.com", "NotAscii"),
            ("dev1。service-now.com", "NotAscii"),
            ("https://dev1%2eservice-now.com", "PercentEncoded"),
            ("ftp://dev1.service-now.com", "Scheme(\"ftp\")"),
            ("file:///etc/passwd", "Scheme(\"file\")"),
            ("javascript:alert(1)", "Port(\"javascript:alert(1)\")"),
            ("https:dev1", "Port(\"https:dev1\")"),
            ("//evil.example", "Host(\"\")"),
            ("https:///evil.example", "Host(\"\")"),
            ("https://", "Host(\"\")"),
            ("a..b", "Host(\"a..b\")"),
            (".dev1", "Host(\".dev1\")"),
            ("-rf", "Host(\"-rf\")"),
            ("dev1.service-now.com..", "Host(\"dev1.service-now.com..\")"),
            ("https://0x7f.1", "Host(\"0x7f.1\")"),
            ("https://2130706433", "Host(\"2130706433\")"),
            ("https://[::1", "Port(\"[::1\")"),
            ("dev1:0", "Port(\"dev1:0\")"),
            ("dev1:99999", "Port(\"dev1:99999\")"),
            ("dev1.service-now.com:", "Port(\"dev1.service-now.com:\")"),
            ("developer.servicenow.com", "Portal(\"developer.servicenow.com\")"),
            ("https://developer.servicenow.com/dev.do#!/home", "Portal(\"developer.servicenow.com\")"),
        ] {
            assert_eq!(origin(text), invalid, "{text:?}");
        }
        let refused = Failure::from(Address::parse("https://u:CANARY@dev1").unwrap_err());
        assert!(!serde_json::to_string(&refused).unwrap().contains("CANARY"));
    }

    #[test]
    fn a_host_that_only_begins_like_servicenow_is_shown_whole() {
        assert_eq!(origin("dev1.service-now.com.evil.example"), "https://dev1.service-now.com.evil.example");
    }

    proptest! {
        #[test]
        fn parsing_is_idempotent(text in r"(https?://)?[A-Za-z0-9.\-_:\[\]@%\\é/?#]{0,40}") {
            if let Ok(address) = Address::parse(&text) {
                let again = Address::parse(address.instance.origin());
                prop_assert_eq!(again.map(|a| a.instance), Ok(address.instance));
            }
        }

        #[test]
        fn any_text_is_answered_without_a_panic(text in any::<String>()) {
            let _ = Address::parse(&text).map_err(Failure::from);
        }

        #[test]
        fn an_accepted_host_is_what_was_written(host in r"[A-Za-z0-9\-]{1,20}(\.[A-Za-z0-9\-]{1,20}){1,3}") {
            if let Ok(address) = Address::parse(&host) {
                prop_assert_eq!(address.instance.host(), host.to_ascii_lowercase());
            }
        }
    }
}
